// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "handshake_connect.h"
#include "udp.h"

/* Send to an address in its turn; @dead: whether a failure is the end of it. */
static void send_hello(struct stt_attempt *a, struct stt_attempt_addr *to)
{
	static const union stt_addr any;
	int ret = a->send(a->ctx, &to->addr, &any, &a->in.hello);

	to->dead = ret < 0;
	if (ret < 0)
		to->error = ret;
}

static void send_hellos(struct stt_attempt *a)
{
	for (unsigned int i = 0; i < a->n_started; i++)
		send_hello(a, &a->addrs[i]);
}

void stt_attempt_start(struct stt_attempt *a, const struct stt_initiator_params *p,
		       uint64_t now_ms)
{
	uint64_t interval_ms = a->in.interval_ms;

	stt_initiator_start(&a->in, p, now_ms);
	if (!a->n_started) {
		a->next_addr_ms = now_ms;
		return;
	}
	/* Silence does not make it more urgent: as slow as before. */
	a->in.interval_ms = interval_ms;
	a->in.resend_ms = now_ms + interval_ms;
	send_hellos(a);
}

static void start_addresses(struct stt_attempt *a, uint64_t now_ms)
{
	while (a->n_started < a->n_addrs && now_ms >= a->next_addr_ms) {
		struct stt_attempt_addr *to = &a->addrs[a->n_started++];

		send_hello(a, to);
		if (!to->dead)
			a->next_addr_ms = now_ms + STT_ATTEMPT_NEXT_MS;
	}
}

/* A failure here is no end: the deadline and the next repeat are still there. */
static void send_proof(struct stt_attempt *a, unsigned int i)
{
	(void)a->send(a->ctx, &a->peers[i], &a->locals[i], &a->in.candidates[i].proof);
}

static void send_again(struct stt_attempt *a, uint64_t now_ms)
{
	for (unsigned int i = 0; i < a->in.n_turns; i++)
		if (a->in.candidates[i].proving)
			send_proof(a, i);
	if (stt_initiator_searching(&a->in, now_ms))
		send_hellos(a);
}

static bool all_dead(const struct stt_attempt *a)
{
	if (a->in.state != STT_INITIATOR_HELLO || a->n_started < a->n_addrs)
		return false;
	for (unsigned int i = 0; i < a->n_addrs; i++)
		if (!a->addrs[i].dead)
			return false;
	return true;
}

/* An address without an error is one that was silent, and that says it best. */
static int reason(const struct stt_attempt *a)
{
	int error = 0;

	if (a->answered)
		return -ETIMEDOUT;
	for (unsigned int i = 0; i < a->n_addrs; i++) {
		if (!a->addrs[i].error)
			return a->own ? -ELOOP : -ETIMEDOUT;
		if (error != -ECONNREFUSED)
			error = a->addrs[i].error;
	}
	return error ? error : -ETIMEDOUT;
}

int stt_attempt_tick(struct stt_attempt *a, uint64_t now_ms)
{
	if (now_ms >= a->deadline_ms)
		return reason(a);
	if (stt_initiator_searching(&a->in, now_ms))
		start_addresses(a, now_ms);
	if (stt_initiator_resend(&a->in, now_ms))
		send_again(a, now_ms);
	return all_dead(a) ? reason(a) : 0;
}

uint64_t stt_attempt_next(const struct stt_attempt *a)
{
	uint64_t next = stt_initiator_next(&a->in);

	if (a->deadline_ms < next)
		next = a->deadline_ms;
	if (a->in.state == STT_INITIATOR_HELLO && a->n_started < a->n_addrs &&
	    a->next_addr_ms < next)
		next = a->next_addr_ms;
	return next;
}

enum stt_hs_verdict stt_attempt_input(struct stt_attempt *a, uint64_t now_ms,
				      const union stt_addr *from, const union stt_addr *to,
				      const uint8_t *data, size_t len,
				      struct stt_hs_session *session, enum stt_hs_drop *why)
{
	enum stt_hs_verdict verdict;

	/* The peer may have forgotten it, and what it has installed. */
	if (now_ms >= a->deadline_ms) {
		if (why)
			*why = STT_HS_DROP_UNKNOWN;
		return STT_HS_DROP;
	}
	verdict = stt_initiator_input(&a->in, now_ms, data, len, session, why);
	if (verdict == STT_HS_INSTALL || verdict == STT_HS_HOLD) {
		a->peers[a->in.n_candidates - 1] = *from;
		a->locals[a->in.n_candidates - 1] = *to;
		a->answered = true;
	}
	a->other_peer |= a->in.other_peer;
	return verdict;
}

bool stt_attempt_turn(struct stt_attempt *a, uint64_t now_ms, struct stt_hs_session *session)
{
	return now_ms < a->deadline_ms && stt_initiator_turn(&a->in, now_ms, session);
}

void stt_attempt_prove(struct stt_attempt *a, unsigned int i)
{
	a->in.candidates[i].proving = true;
	send_proof(a, i);
}

bool stt_attempt_stale(const struct stt_attempt *a, uint64_t now_ms)
{
	return now_ms < a->deadline_ms && stt_initiator_stale(&a->in, now_ms);
}

void stt_attempt_soft_error(struct stt_attempt *a, uint64_t now_ms, const union stt_addr *addr,
			    int error)
{
	for (unsigned int i = 0; i < a->n_started; i++) {
		if (!stt_addr_equal(&a->addrs[i].addr, addr))
			continue;
		a->addrs[i].error = error;
		if (i + 1 == a->n_started && a->next_addr_ms > now_ms)
			a->next_addr_ms = now_ms;
	}
}

void stt_attempt_free(struct stt_attempt *a)
{
	stt_initiator_wipe(&a->in);
	free(a->addrs);
	a->addrs = NULL;
	a->n_addrs = 0;
	a->n_started = 0;
}
