// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Rekeying a session: the kernel says when, a handshake over the old session's
 * secret makes the keys, and they are installed beside those in use.
 *
 * Who begins moves to the new keys by FINAL, who answers by the first frame in
 * them, and neither gives up keys that the other may have moved to. When both
 * begin, the handshake of the one that began the session goes on, and the other
 * end gives up its own. Documentation/handshake.md has the reasons.
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

/* Keys of @epoch that wait. Not those in use: that they are tells the epoch. */
static void remove_waiting(struct stt_node *node, const struct stt_session_info *s,
			   uint8_t epoch)
{
	for (unsigned int i = 0; i < s->n_keys; i++)
		if (s->keys[i].epoch == epoch && s->tx_epoch != epoch && s->rx_epoch != epoch)
			stt_ctl_key_del(node->ctl, s->node, s->id, epoch,
					s->keys[i].direction);
}

static int install_key(struct stt_node *node, const struct stt_hs_session *s,
		       uint8_t direction, const uint8_t *secret)
{
	struct stt_key key = {
		.epoch = s->epoch, .direction = direction, .suite = s->suite,
	};
	int ret;

	memcpy(key.secret, secret, sizeof(key.secret));
	ret = stt_ctl_key_new(node->ctl, node->number, s->id, &key);
	sodium_memzero(&key, sizeof(key));
	return ret;
}

/*
 * What waits from a handshake before is replaced: that the peer takes part in
 * this one tells that it has given the other up.
 */
int node_rekey_install(struct stt_node *node, const struct stt_hs_session *s)
{
	struct node_rekey *r = node_rekey_of(node, s->id);
	struct stt_session_info info;
	int ret;

	if (!r)
		return stt_err(-ENOENT, "there is no session %016llx to rekey any more",
			       (unsigned long long)s->id);
	ret = read_settled(node, s->id, &info);
	if (ret)
		return ret;
	if (s->epoch != epoch_after(info.tx_epoch))
		return stt_err(-ESTALE, "session %016llx has moved on meanwhile",
			       (unsigned long long)s->id);
	remove_waiting(node, &info, s->epoch);
	/* Receiving first, so that nothing the peer sends is lost. */
	ret = install_key(node, s, STT_DIRECTION_RX, s->rx_key);
	if (ret)
		return ret;
	ret = install_key(node, s, STT_DIRECTION_TX, s->tx_key);
	if (ret)
		stt_ctl_key_del(node->ctl, node->number, s->id, s->epoch, STT_DIRECTION_RX);
	else
		node_rekey_remember(r, s->epoch, s->rekey_secret);
	return ret;
}

/* ---- our own attempts --------------------------------------------------- */

static void uninstall(struct stt_node *node, struct rekey_attempt *a)
{
	struct stt_session_info info;

	if (a->installed &&
	    !stt_ctl_session_get(node->ctl, node->number, a->of->session, &info))
		remove_waiting(node, &info, a->epoch);
	a->installed = false;
}

static void finish(struct stt_node *node, struct rekey_attempt *a)
{
	TAILQ_REMOVE(&node->rekey_attempts, a, link);
	if (a->attempt.in.id)
		stt_id_remove(&node->rekey_ids, &a->by_id);
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

/* A connect must not have it either, as one answer could be of both. */
static uint32_t unused_id(const struct stt_node *node)
{
	uint32_t id;

	do {
		id = stt_id_unused(&node->rekey_ids);
	} while (stt_id_first(&node->by_id, id));
	return id;
}

/* Begin, or begin again. */
static int start_handshake(struct stt_node *node, struct rekey_attempt *a, uint64_t now_ms)
{
	uint8_t time[STT_HS_TIME_LEN];
	struct stt_hs_rekey rekey;
	struct stt_initiator_params p = {
		.keyring = &node->keyring, .node_id = node->id, .time = time,
		.suites = node->suites, .id = unused_id(node), .rekey = &rekey,
	};
	struct timespec now;

	uninstall(node, a);
	if (a->attempt.in.id)
		stt_id_remove(&node->rekey_ids, &a->by_id);
	a->attempt.in.id = 0;
	if (!node_rekey_secret(a->of, (uint8_t)((a->epoch + STT_EPOCHS - 1) % STT_EPOCHS),
			       &rekey))
		return -ENOKEY;
	if (stt_id_insert(&node->rekey_ids, &a->by_id, p.id)) {
		sodium_memzero(&rekey, sizeof(rekey));
		return -ENOMEM;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	stt_hs_time(time, now.tv_sec, (uint32_t)now.tv_nsec);
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
	a->attempt.addrs[0].addr = info->peer;
	a->attempt.n_addrs = 1;
	a->attempt.send = node_send_frame;
	a->attempt.ctx = node;
	a->attempt.deadline_ms = now_ms + STT_HS_LIFETIME_MS;
	a->epoch = epoch_after(info->tx_epoch);
	a->of = r;
	r->attempt = a;
	TAILQ_INSERT_TAIL(&node->rekey_attempts, a, link);
	return a;
}

/* The keys must be there before AUTH_PROOF leaves. */
static int install(struct stt_node *node, struct rekey_attempt *a,
		   const struct stt_hs_session *s)
{
	int ret = node_rekey_install(node, s);

	if (ret)
		return ret;
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
	if (!r || r->attempt || now_ms < r->answering_ms || read_settled(node, session, &info))
		return;
	a = make(node, r, &info, now_ms);
	if (!a)
		return;
	if (start_handshake(node, a, now_ms))
		give_up(node, a);
	else
		tick(node, a, now_ms);
}

bool node_rekey_input(struct stt_node *node, uint64_t now_ms, const union stt_addr *from,
		      const union stt_addr *to, const uint8_t *data, size_t len)
{
	enum stt_hs_drop why = STT_HS_DROP_UNKNOWN;
	struct stt_hs_session session;
	enum stt_hs_verdict verdict;
	struct stt_id_link *link;
	struct rekey_attempt *a;

	if (stt_hs_check(data, len) < 0)
		return false;
	link = stt_id_first(&node->rekey_ids, stt_get_be32(data + STT_HS_OFF_RECEIVER));
	if (!link)
		return false;
	a = stt_id_entry(link, struct rekey_attempt, by_id);
	verdict = stt_attempt_input(&a->attempt, now_ms, from, to, data, len, &session, &why);
	if (verdict == STT_HS_DROP) {
		node_count_drop(node, why);
	} else if (verdict == STT_HS_DONE) {
		confirmed(node, a);
	} else {
		int ret = verdict == STT_HS_INSTALL ? install(node, a, &session) : 0;

		sodium_memzero(&session, sizeof(session));
		if (ret)
			give_up(node, a);
		else
			tick(node, a, now_ms);
	}
	return true;
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

/* An older HELLO of the peer's, which the network has held back. */
static bool is_late(const struct node_rekey *r, const uint8_t *time)
{
	return node_now_ms() < r->answering_ms && memcmp(time, r->time, sizeof(r->time)) <= 0;
}

bool node_rekey_admit(void *ctx, uint64_t session, uint8_t epoch, const uint8_t *time)
{
	struct stt_node *node = ctx;
	struct node_rekey *r = node_rekey_of(node, session);
	struct stt_session_info info;

	if (!r || (r->attempt && r->first) || is_late(r, time) || read_settled(node, session, &info) ||
	    epoch != epoch_after(info.tx_epoch))
		return false;
	if (r->attempt)
		give_up(node, r->attempt);
	r->answering_ms = node_now_ms() + STT_HS_LIFETIME_MS;
	memcpy(r->time, time, sizeof(r->time));
	return true;
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
	stt_id_free(&node->rekey_ids);
	node_rekey_free_all(node);
}
