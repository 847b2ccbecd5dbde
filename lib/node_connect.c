// SPDX-License-Identifier: LGPL-2.1-or-later
/* Connecting: from a name to an active session, or a precise error. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sodium.h>
#include <sys/eventfd.h>

#include "errmsg.h"
#include "node.h"
#include "udp.h"

/* ---- the end of an attempt ---------------------------------------------- */

/*
 * The peer may have the session already, if AUTH_PROOF arrived. Only an active
 * session can say goodbye, so it is made one first.
 */
static void remove_pending(struct stt_connect *c)
{
	struct stt_session_info set = {
		.node = c->node->number, .state = STT_SESSION_STATE_ACTIVE,
	};

	for (int i = 0; i < STT_HS_CANDIDATES; i++) {
		if (!c->found[i].id)
			continue;
		set.id = c->found[i].id;
		stt_ctl_session_set(c->node->ctl, &set);
		stt_ctl_session_del(c->node->ctl, set.node, set.id, STT_CLOSE_NONE);
		c->found[i].id = 0;
	}
}

static void unlink_connect(struct stt_connect *c)
{
	TAILQ_REMOVE(&c->node->connects, c, link);
	if (c->attempt.in.id)
		stt_id_remove(&c->node->by_id, &c->by_id);
	stt_attempt_free(&c->attempt);
	stt_resolve_free(c->resolve);
	c->resolve = NULL;
}

static void finish(struct stt_connect *c, int result)
{
	if (result) {
		c->message = strdup(stt_errmsg());
		c->node->last.handshakes.failed++;
	} else {
		c->node->last.handshakes.connected++;
	}
	remove_pending(c);
	unlink_connect(c);
	c->result = result;
	c->done = true;
	if (c->event_fd >= 0)
		eventfd_write(c->event_fd, 1);
}

/* ---- sentences ---------------------------------------------------------- */

static const char *address_fate(const struct stt_attempt_addr *a)
{
	return a->error ? stt_strerror(a->error)
			: "silence (nothing there, packets lost, another shared seed, or clocks too far apart)";
}

/* "no answer from HOST port N within 10000 ms: ADDRESS: what happened; ..." */
static void describe(const struct stt_connect *c, int error)
{
	const struct stt_attempt *a = &c->attempt;
	char text[STT_ADDR_TEXT_LEN], all[400] = "";
	size_t used = 0;

	if (error == -ELOOP) {
		stt_err_set("our own handshake came back from %s: it is this node itself, or something sends back what it gets",
			    c->target);
		return;
	}
	if (a->answered || a->other_peer) {
		stt_err_set("%s answered, but %s", c->target,
			    a->answered ? "did not confirm the session in time" :
					  "it is not the node that was asked for");
		return;
	}
	for (unsigned int i = 0; i < a->n_started && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s: %s",
					 i ? "; " : "", stt_addr_text(&a->addrs[i].addr, text),
					 address_fate(&a->addrs[i]));
	stt_err_set("no session with %s after %llu ms: %s", c->target,
		    (unsigned long long)(node_now_ms() - c->start_ms), all);
}

/* ---- the handshake ------------------------------------------------------ */

static int start_handshake(struct stt_connect *c, uint64_t now_ms)
{
	struct stt_node *node = c->node;
	uint8_t time[STT_HS_TIME_LEN];
	struct stt_initiator_params p = {
		.keyring = &node->keyring, .node_id = node->id, .time = time,
		.suites = node->suites, .id = stt_id_unused(&node->by_id),
		.peer_id = c->has_peer_id ? c->peer_id : NULL,
	};
	struct timespec now;

	remove_pending(c);
	if (c->attempt.in.id)
		stt_id_remove(&node->by_id, &c->by_id);
	clock_gettime(CLOCK_REALTIME, &now);
	stt_hs_time(time, now.tv_sec, (uint32_t)now.tv_nsec);
	if (stt_id_insert(&node->by_id, &c->by_id, p.id)) {
		stt_initiator_wipe(&c->attempt.in);
		return stt_err(-ENOMEM, "no memory to connect to %s", c->target);
	}
	stt_attempt_start(&c->attempt, &p, now_ms);
	return 0;
}

static bool any_installed(const struct stt_connect *c)
{
	for (int i = 0; i < STT_HS_CANDIDATES; i++)
		if (c->found[i].id)
			return true;
	return false;
}

/* The newest candidate's turn: its session must be there before AUTH_PROOF leaves. */
static int install(struct stt_connect *c, uint64_t now_ms, const struct stt_hs_session *s)
{
	unsigned int i = c->attempt.in.n_turns - 1;
	struct stt_session *found = &c->found[i];
	int ret = node_install(c->node, s, STT_SESSION_STATE_PENDING, &c->attempt.peers[i],
			       &c->attempt.locals[i]);

	if (!ret) {
		found->id = s->id;
		found->peer = c->attempt.peers[i];
		memcpy(found->peer_node_id, s->peer_id, sizeof(s->peer_id));
		stt_attempt_prove(&c->attempt, i);
		return 0;
	}
	if (any_installed(c))
		return 0;
	/* The id is taken: with another ephemeral key it is another id. */
	return ret == -EEXIST ? start_handshake(c, now_ms) : ret;
}

static int take_turns(struct stt_connect *c, uint64_t now_ms)
{
	struct stt_hs_session session;
	int ret = 0;

	while (!ret && stt_attempt_turn(&c->attempt, now_ms, &session)) {
		ret = install(c, now_ms, &session);
		sodium_memzero(&session, sizeof(session));
	}
	return ret;
}

static void tick(struct stt_connect *c, uint64_t now_ms)
{
	int ret = 0;

	if (stt_attempt_stale(&c->attempt, now_ms))
		ret = start_handshake(c, now_ms);
	if (!ret)
		ret = take_turns(c, now_ms);
	if (!ret) {
		ret = stt_attempt_tick(&c->attempt, now_ms);
		if (ret)
			describe(c, ret);
	}
	if (ret)
		finish(c, ret);
	else
		node_wake_at(c->node, stt_attempt_next(&c->attempt));
}

/* Whether this node can send there at all. */
static bool usable(const struct stt_node *node, const union stt_addr *to)
{
	if (node->bound.sa.sa_family == to->sa.sa_family)
		return true;
	return node->bound.sa.sa_family == AF_INET6 && stt_addr_is_any(&node->bound);
}

static int take_addresses(struct stt_connect *c, const union stt_addr *addrs, unsigned int n)
{
	struct stt_attempt *a = &c->attempt;

	a->addrs = calloc(n ? n : 1, sizeof(*a->addrs));
	if (!a->addrs)
		return stt_err(-ENOMEM, "no memory to connect to %s", c->target);
	for (unsigned int i = 0; i < n; i++)
		if (usable(c->node, &addrs[i]))
			a->addrs[a->n_addrs++].addr = addrs[i];
	if (a->n_addrs)
		return 0;
	return stt_err(-EAFNOSUPPORT, "%s has no address that a node bound to an %s can reach",
		       c->target, c->node->bound.sa.sa_family == AF_INET ? "IPv4 address" :
									   "IPv6 address");
}

/* The name is known, or will never be. */
static void resolved(struct stt_connect *c, uint64_t now_ms)
{
	union stt_addr *addrs = NULL;
	int n = stt_resolve_result(c->resolve, &addrs), ret;

	if (n == -EINPROGRESS)
		return;
	stt_resolve_free(c->resolve);
	c->resolve = NULL;
	if (n < 0) {
		finish(c, n);
		return;
	}
	ret = take_addresses(c, addrs, (unsigned int)n);
	free(addrs);
	if (!ret)
		ret = start_handshake(c, now_ms);
	if (ret)
		finish(c, ret);
	else
		tick(c, now_ms);
}

void node_connect_resolved(struct stt_node *node, uint64_t now_ms)
{
	struct stt_connect *c, *next;

	for (c = TAILQ_FIRST(&node->connects); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->resolve)
			resolved(c, now_ms);
	}
}

/* Candidate @i is the peer; finish() removes the others. */
static void confirmed(struct stt_connect *c, unsigned int i)
{
	struct stt_session_info info = {
		.node = c->node->number, .id = c->found[i].id,
		.state = STT_SESSION_STATE_ACTIVE,
	};
	int ret = stt_ctl_session_set(c->node->ctl, &info);

	if (!ret)
		ret = stt_ctl_session_get(c->node->ctl, c->node->number, info.id, &info);
	if (!ret) {
		c->session = c->found[i];
		c->session.state = info.state;
		c->session.mtu = info.mtu;
		c->found[i].id = 0;
	}
	finish(c, ret);
}

static struct stt_connect *find(struct stt_node *node, uint32_t id)
{
	struct stt_id_link *link = stt_id_first(&node->by_id, id);

	return link ? stt_id_entry(link, struct stt_connect, by_id) : NULL;
}

static void count(struct stt_node *node, enum stt_hs_drop why)
{
	if (why == STT_HS_DROP_BAD_MAC)
		node->last.handshakes.bad_mac++;
	else if (why == STT_HS_DROP_BAD_SEAL)
		node->last.handshakes.bad_seal++;
	else if (why == STT_HS_DROP_MALFORMED)
		node->last.handshakes.malformed++;
	else if (why == STT_HS_DROP_FULL)
		node->last.handshakes.full++;
	else
		node->last.handshakes.unknown++;
}

void node_connect_input(struct stt_node *node, uint64_t now_ms, const union stt_addr *from,
			const union stt_addr *to, const uint8_t *data, size_t len)
{
	enum stt_hs_drop why = STT_HS_DROP_MALFORMED;
	struct stt_hs_session session;
	enum stt_hs_verdict verdict;
	struct stt_connect *c = NULL;

	if (stt_hs_check(data, len) >= 0) {
		why = STT_HS_DROP_UNKNOWN;
		c = find(node, stt_get_be32(data + STT_HS_OFF_RECEIVER));
	}
	verdict = c ? stt_attempt_input(&c->attempt, now_ms, from, to, data, len, &session, &why)
		    : STT_HS_DROP;
	if (verdict == STT_HS_DROP) {
		count(node, why);
	} else if (verdict == STT_HS_DONE) {
		confirmed(c, c->attempt.in.winner);
	} else {
		int ret = verdict == STT_HS_INSTALL ? install(c, now_ms, &session) : 0;

		sodium_memzero(&session, sizeof(session));
		if (ret)
			finish(c, ret);
		else
			tick(c, now_ms);
	}
}

void node_connect_own(struct stt_node *node, uint32_t id)
{
	struct stt_connect *c = find(node, id);

	if (c)
		c->attempt.own = true;
}

void node_connect_error(struct stt_node *node, uint64_t now_ms, const union stt_addr *about,
			int error)
{
	struct stt_connect *c;

	TAILQ_FOREACH(c, &node->connects, link) {
		if (c->resolve)
			continue;
		stt_attempt_soft_error(&c->attempt, now_ms, about, error);
		node_wake_at(node, stt_attempt_next(&c->attempt));
	}
}

/* The peer's first data came before its FINAL: that proves as much. */
void node_connect_active(struct stt_node *node, uint64_t session)
{
	struct stt_connect *c;

	TAILQ_FOREACH(c, &node->connects, link)
		for (unsigned int i = 0; i < STT_HS_CANDIDATES; i++)
			if (session && c->found[i].id == session) {
				confirmed(c, i);
				return;
			}
}

uint64_t node_connect_tick(struct stt_node *node, uint64_t now_ms)
{
	struct stt_connect *c, *next;
	uint64_t wake = UINT64_MAX;

	for (c = TAILQ_FIRST(&node->connects); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!c->resolve) {
			tick(c, now_ms);
		} else if (now_ms >= c->attempt.deadline_ms) {
			stt_err_set("looking up %s took too long", c->target);
			finish(c, -ETIMEDOUT);
		} else if (c->attempt.deadline_ms < wake) {
			wake = c->attempt.deadline_ms;
		}
	}
	return wake;
}

void node_connect_stop(struct stt_node *node)
{
	while (!TAILQ_EMPTY(&node->connects)) {
		stt_err_set("the node was stopped");
		finish(TAILQ_FIRST(&node->connects), -ESHUTDOWN);
	}
}

void node_connect_begin(struct stt_connect *c)
{
	TAILQ_INSERT_TAIL(&c->node->connects, c, link);
	node_wake_at(c->node, c->attempt.deadline_ms);
	resolved(c, c->start_ms);
}

void node_connect_cancel(struct stt_connect *c)
{
	if (c->done)
		return;
	stt_err_set("given up");
	finish(c, -ECANCELED);
}
