// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Rekeying a session: the kernel says when, a handshake inside the session, over
 * its secret, makes the keys, and they are installed beside those in use.
 *
 * Who begins moves to the new keys by FINAL, who answers by the first frame in
 * them, and neither gives up keys that the other may have moved to. So an end
 * answers only while no FINAL can come for a handshake of its own. When both
 * begin, that of the end that began the session goes on.
 * Documentation/handshake.md has the reasons.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <sodium.h>

#include "errmsg.h"
#include "node.h"
#include "secret.h"

static uint8_t epoch_after(uint8_t epoch)
{
	return (uint8_t)((epoch + 1) % STT_EPOCHS);
}

/* Both ends use one epoch, as far as this one knows: then the next may come. */
static bool is_settled(const struct stt_session_info *s)
{
	return s->state == STT_SESSION_STATE_ACTIVE && s->has_tx_epoch && s->has_rx_epoch &&
	       s->tx_epoch == s->rx_epoch;
}

static int read_settled(struct stt_node *node, uint64_t session, struct stt_session_info *info)
{
	int ret = stt_ctl_session_get(node->ctl, node->number, session, info);

	if (ret)
		return ret;
	return is_settled(info) ? 0 :
	       stt_err(-EAGAIN, "session %016llx has not done with its last rekey",
		       (unsigned long long)session);
}

/* ---- keys --------------------------------------------------------------- */

static int install_key(struct stt_node *node, const struct stt_hs_session *s,
		       uint8_t direction, const uint8_t *secret)
{
	struct stt_key key = {
		.epoch = s->epoch, .direction = direction, .suite = s->suite,
	};
	int ret;

	memcpy(key.secret, secret, sizeof(key.secret));
	ret = stt_ctl_key_replace(node->ctl, node->number, s->id, &key);
	sodium_memzero(&key, sizeof(key));
	return ret;
}

/*
 * What waits from a handshake before is replaced: that the peer takes part in
 * this one tells that it has given the other up.
 */
static int install_keys(struct stt_node *node, struct node_rekey *r,
			const struct stt_hs_session *s)
{
	struct stt_session_info info;
	int ret;

	ret = read_settled(node, s->id, &info);
	if (ret)
		return ret;
	if (s->epoch != epoch_after(info.tx_epoch))
		return stt_err(-ESTALE, "session %016llx has moved on meanwhile",
			       (unsigned long long)s->id);
	/* Receiving first, so that nothing the peer sends is lost. */
	ret = install_key(node, s, STT_DIRECTION_RX, s->rx_key);
	if (ret)
		return ret;
	ret = install_key(node, s, STT_DIRECTION_TX, s->tx_key);
	if (ret)
		stt_ctl_key_cancel(node->ctl, node->number, s->id, s->epoch, STT_DIRECTION_RX);
	else
		node_rekey_remember(r, s->epoch, s->rekey_secret);
	return ret;
}

/* ---- our own attempts --------------------------------------------------- */

static void uninstall(struct stt_node *node, struct rekey_attempt *a)
{
	uint64_t session = a->of->session;

	if (a->installed) {
		stt_ctl_key_cancel(node->ctl, node->number, session, a->epoch, STT_DIRECTION_TX);
		stt_ctl_key_cancel(node->ctl, node->number, session, a->epoch, STT_DIRECTION_RX);
	}
	a->installed = false;
}

static void finish(struct stt_node *node, struct rekey_attempt *a)
{
	TAILQ_REMOVE(&node->rekey_attempts, a, link);
	stt_attempt_free(&a->attempt);
	a->of->attempt = NULL;
	stt_secret_free(a, sizeof(*a));
}

/* The old keys stay in use, and the kernel asks again. */
static void give_up(struct stt_node *node, struct rekey_attempt *a)
{
	uninstall(node, a);
	finish(node, a);
}

/* What an attempt has to say goes the way of its session. */
static int send_frame(void *ctx, const union stt_addr *to, const union stt_addr *from,
		      const struct stt_hs_frame *frame)
{
	const struct rekey_attempt *a = ctx;

	(void)to;
	(void)from;
	return node_send_sealed(a->node, a->of->session, frame);
}

/* Begin, or begin again. */
static int start_handshake(struct stt_node *node, struct rekey_attempt *a, uint64_t now_ms)
{
	struct stt_hs_rekey rekey;
	struct stt_initiator_params p = {
		.keyring = &node->keyring, .node_id = node->id, .time = a->of->sent,
		.suites = node->suites, .id = 1 + randombytes_uniform(UINT32_MAX),
		.rekey = &rekey,
	};
	struct timespec now;

	uninstall(node, a);
	if (!node_rekey_secret(a->of, (uint8_t)((a->epoch + STT_EPOCHS - 1) % STT_EPOCHS),
			       &rekey))
		return -ENOKEY;
	clock_gettime(CLOCK_REALTIME, &now);
	stt_hs_time_after(a->of->sent, now.tv_sec, (uint32_t)now.tv_nsec);
	stt_attempt_start(&a->attempt, &p, now_ms);
	sodium_memzero(&rekey, sizeof(rekey));
	return 0;
}

static struct rekey_attempt *make(struct stt_node *node, struct node_rekey *r,
				  const struct stt_session_info *info, uint64_t now_ms)
{
	struct rekey_attempt *a = stt_secret_alloc(sizeof(*a));

	if (!a)
		return NULL;
	a->attempt.addrs = calloc(1, sizeof(*a->attempt.addrs));
	if (!a->attempt.addrs) {
		stt_secret_free(a, sizeof(*a));
		return NULL;
	}
	a->attempt.n_addrs = 1;
	a->attempt.send = send_frame;
	a->attempt.ctx = a;
	a->attempt.deadline_ms = now_ms + STT_HS_LIFETIME_MS;
	a->epoch = epoch_after(info->tx_epoch);
	a->node = node;
	a->of = r;
	r->attempt = a;
	TAILQ_INSERT_TAIL(&node->rekey_attempts, a, link);
	return a;
}

/*
 * The keys must be there before AUTH_PROOF leaves. That the peer has answered
 * tells that it has given up what it may have begun itself.
 */
static int install(struct stt_node *node, struct rekey_attempt *a,
		   const struct stt_hs_session *s)
{
	int ret;

	stt_responder_end_rekey(node->responder, a->of->session);
	ret = install_keys(node, a->of, s);
	if (ret) {
		node->last.handshakes.failed++;
		node_log(node, LOG_WARNING, "a session could not be rekeyed: %s", stt_errmsg());
		return ret;
	}
	a->installed = true;
	stt_attempt_prove(&a->attempt, a->attempt.in.n_turns - 1);
	return 0;
}

static void tick(struct stt_node *node, struct rekey_attempt *a, uint64_t now_ms)
{
	int ret = 0;

	if (stt_attempt_stale(&a->attempt, now_ms))
		ret = start_handshake(node, a, now_ms);
	if (!ret)
		ret = stt_attempt_tick(&a->attempt, now_ms);
	if (ret)
		give_up(node, a);
	else
		node_wake_at(node, stt_attempt_next(&a->attempt));
}

/* FINAL: the peer has its half. The kernel moves, and proves it to the peer. */
static void confirmed(struct stt_node *node, struct rekey_attempt *a)
{
	struct stt_session_info set = {
		.node = node->number, .id = a->of->session,
		.has_tx_epoch = true, .tx_epoch = a->epoch,
	};

	if (!stt_ctl_session_set(node->ctl, &set))
		node->last.rekeys++;
	finish(node, a);
}

void node_rekey_wanted(struct stt_node *node, uint64_t session)
{
	struct node_rekey *r = node_rekey_of(node, session);
	uint64_t now_ms = node_now_ms();
	struct stt_session_info info;
	struct rekey_attempt *a;

	/* One at a time; the kernel asks again if nothing comes of it. */
	if (!r || r->attempt || read_settled(node, session, &info))
		return;
	a = make(node, r, &info, now_ms);
	if (!a)
		return;
	if (start_handshake(node, a, now_ms))
		give_up(node, a);
	else
		tick(node, a, now_ms);
}

void node_rekey_input(struct stt_node *node, uint64_t now_ms, uint64_t session,
		      const uint8_t *data, size_t len)
{
	struct node_rekey *r = node_rekey_of(node, session);
	struct rekey_attempt *a = r ? r->attempt : NULL;
	enum stt_hs_drop why = STT_HS_DROP_UNKNOWN;
	enum stt_hs_verdict verdict = STT_HS_DROP;
	static const union stt_addr none;
	struct stt_hs_session got;
	int ret = 0;

	if (a)
		verdict = stt_attempt_input(&a->attempt, now_ms, &none, &none, data, len, &got,
					    &why);
	if (verdict == STT_HS_DROP) {
		node_count_drop(node, why);
		return;
	}
	if (verdict == STT_HS_DONE) {
		confirmed(node, a);
		return;
	}
	if (verdict == STT_HS_INSTALL)
		ret = install(node, a, &got);
	sodium_memzero(&got, sizeof(got));
	if (ret)
		give_up(node, a);
	else
		tick(node, a, now_ms);
}

uint64_t node_rekey_tick(struct stt_node *node, uint64_t now_ms)
{
	struct rekey_attempt *a, *next;

	for (a = TAILQ_FIRST(&node->rekey_attempts); a; a = next) {
		next = TAILQ_NEXT(a, link);
		tick(node, a, now_ms);
	}
	/* Each has said itself when it wants to be woken. */
	return UINT64_MAX;
}

/* ---- the peer's attempts ------------------------------------------------ */

bool node_rekey_find(void *ctx, uint64_t session, uint8_t epoch, struct stt_hs_rekey *out)
{
	struct stt_node *node = ctx;
	const struct node_rekey *r = node_rekey_of(node, session);

	return r && epoch < STT_EPOCHS &&
	       node_rekey_secret(r, (uint8_t)((epoch + STT_EPOCHS - 1) % STT_EPOCHS), out);
}

/* An older HELLO of the peer's, which the network has held back, or one again. */
static bool is_late(const struct node_rekey *r, const uint8_t *time)
{
	return memcmp(time, r->answered, sizeof(r->answered)) <= 0;
}

/*
 * Our own goes on. An end that has sent AUTH_PROOF was answered by the other one,
 * which so has no attempt any more: what comes now is late.
 */
static bool goes_on(const struct node_rekey *r)
{
	return r->attempt && (r->first || r->attempt->installed);
}

bool node_rekey_admit(void *ctx, uint64_t session, uint8_t epoch, const uint8_t *time)
{
	struct stt_node *node = ctx;
	struct node_rekey *r = node_rekey_of(node, session);
	struct stt_session_info info;

	if (!r || goes_on(r) || is_late(r, time) || read_settled(node, session, &info) ||
	    epoch != epoch_after(info.tx_epoch))
		return false;
	if (r->attempt)
		give_up(node, r->attempt);
	memcpy(r->answered, time, sizeof(r->answered));
	return true;
}

/* The peer has sent AUTH_PROOF: one that we have begun since comes to nothing. */
int node_rekey_answered(struct stt_node *node, const struct stt_hs_session *s)
{
	struct node_rekey *r = node_rekey_of(node, s->id);

	if (!r)
		return stt_err(-ENOENT, "there is no session %016llx to rekey any more",
			       (unsigned long long)s->id);
	if (r->attempt)
		give_up(node, r->attempt);
	return install_keys(node, r, s);
}

/* ---- sessions come and go ----------------------------------------------- */

static void forget(struct stt_node *node, struct node_rekey *r)
{
	if (r->attempt)
		finish(node, r->attempt);
	node_rekey_remove(node, r);
}

void node_rekey_gone(struct stt_node *node, uint64_t session)
{
	struct node_rekey *r = node_rekey_of(node, session);

	if (r)
		forget(node, r);
}

struct resync {
	struct stt_node	*node;
	struct node_ids	wanted;
};

static int see(const struct stt_session_info *s, void *arg)
{
	struct resync *sync = arg;
	struct node_rekey *r = node_rekey_of(sync->node, s->id);

	if (r)
		r->seen = true;
	return r && s->rekey_reason ? node_ids_add(&sync->wanted, s->id) : 0;
}

/* Forget what was not seen; what was is not seen any more. */
static void sweep(struct stt_node *node)
{
	for (uint32_t i = 0; i < node->rekeys.n_buckets; i++) {
		struct stt_id_link *link = node->rekeys.buckets[i], *next;

		for (; link; link = next) {
			struct node_rekey *r = stt_id_entry(link, struct node_rekey, by_session);

			next = link->next;
			if (!r->seen)
				forget(node, r);
			else
				r->seen = false;
		}
	}
}

void node_rekey_resync(struct stt_node *node)
{
	struct resync sync = { .node = node };

	if (stt_ctl_session_dump(node->ctl, node->number, see, &sync) >= 0) {
		sweep(node);
		for (size_t i = 0; i < sync.wanted.n; i++)
			node_rekey_wanted(node, sync.wanted.ids[i]);
	}
	free(sync.wanted.ids);
}

void node_rekey_stop(struct stt_node *node)
{
	while (!TAILQ_EMPTY(&node->rekey_attempts))
		finish(node, TAILQ_FIRST(&node->rekey_attempts));
	node_rekey_free_all(node);
}
