// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The side that is asked. A HELLO costs one MAC for a stranger and no
 * Diffie-Hellman before it is known to be fresh and from a holder of a seed.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sodium.h>

#include "handshake.h"
#include "handshake_replay.h"
#include "handshake_table.h"
#include "secret.h"

struct pending {
	TAILQ_ENTRY(pending)	link;		/* oldest first */
	struct queue		*queue;		/* that it is in */
	struct stt_id_link	by_id;		/* our handshake id */
	struct stt_id_link	by_hello;	/* first bytes of HELLO's mac1 */
	struct stt_id_link	by_rekey;	/* low half of the session's id */
	uint64_t		expires_ms;
	unsigned int		seed;
	uint64_t		rekey;		/* this session; 0: a new one */
	uint8_t			epoch;		/* of its new keys */
	uint8_t			suite;
	uint8_t			peer_id[STT_HS_NODE_ID_LEN];
	uint8_t			hello_mac1[STT_HS_MAC_LEN];
	uint8_t			hdrs[4 * STT_HS_HDR_LEN];
	struct stt_hs_frame	response;
	struct stt_hs_secrets	sec;		/* until it is complete */
	uint8_t			proof[STT_HS_PROOF_LEN];	/* from then on */
	struct stt_hs_frame	final;
};

/* Entries live equally long, so those of one queue are in order of expiry. */
struct queue {
	TAILQ_HEAD(, pending)	list;
	unsigned int		n;
};

/*
 * A session has one rekey at a time, so there are no more of those than sessions,
 * and strangers do not push them out.
 */
enum queues {
	WAITING,		/* for AUTH_PROOF, of a new session */
	COMPLETE,
	REKEY_WAITING,
	REKEY_COMPLETE,
	QUEUES,
};

struct stt_responder {
	const struct stt_hs_keyring *keyring;
	uint8_t			node_id[STT_HS_NODE_ID_LEN];
	uint32_t		suites;
	uint8_t			preferred_suite;
	struct stt_responder_rekey rekey;
	bool			accept;
	unsigned int		max;
	struct queue		queues[QUEUES];
	struct stt_id_table	by_id, by_hello, by_rekey;
	struct stt_replay	replay;
};

struct stt_responder *stt_responder_new(const struct stt_responder_params *p)
{
	struct stt_responder *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->keyring = p->keyring;
	memcpy(r->node_id, p->node_id, sizeof(r->node_id));
	r->suites = p->suites;
	r->preferred_suite = p->preferred_suite;
	r->rekey = p->rekey;
	r->max = p->pending_max ? p->pending_max : STT_HS_PENDING_MAX;
	for (int i = 0; i < QUEUES; i++)
		TAILQ_INIT(&r->queues[i].list);
	stt_replay_init(&r->replay, p->replay_max ? p->replay_max : STT_HS_REPLAY_MAX,
			p->lag_s);
	stt_responder_clock(r, p->clock_s);
	return r;
}

void stt_responder_clock(struct stt_responder *r, int64_t now_s)
{
	stt_replay_clock(&r->replay, now_s);
}

static void free_pending(struct pending *p)
{
	stt_secret_free(p, sizeof(*p));
}

static void enqueue(struct queue *q, struct pending *p, uint64_t now_ms)
{
	p->expires_ms = now_ms + STT_HS_LIFETIME_MS;
	p->queue = q;
	TAILQ_INSERT_TAIL(&q->list, p, link);
	q->n++;
}

static void dequeue(struct pending *p)
{
	TAILQ_REMOVE(&p->queue->list, p, link);
	p->queue->n--;
}

static bool is_complete(const struct stt_responder *r, const struct pending *p)
{
	return p->queue == &r->queues[p->rekey ? REKEY_COMPLETE : COMPLETE];
}

static void forget(struct stt_responder *r, struct pending *p)
{
	stt_id_remove(&r->by_id, &p->by_id);
	stt_id_remove(&r->by_hello, &p->by_hello);
	if (p->rekey)
		stt_id_remove(&r->by_rekey, &p->by_rekey);
	dequeue(p);
	free_pending(p);
}

void stt_responder_free(struct stt_responder *r)
{
	if (!r)
		return;
	for (int i = 0; i < QUEUES; i++)
		while (!TAILQ_EMPTY(&r->queues[i].list))
			forget(r, TAILQ_FIRST(&r->queues[i].list));
	stt_id_free(&r->by_id);
	stt_id_free(&r->by_hello);
	stt_id_free(&r->by_rekey);
	stt_replay_free(&r->replay);
	free(r);
}

void stt_responder_accept(struct stt_responder *r, bool accept)
{
	r->accept = accept;
}

unsigned int stt_responder_pending(const struct stt_responder *r)
{
	return r->queues[WAITING].n;
}

static uint64_t expire_queue(struct stt_responder *r, struct queue *q, uint64_t now_ms)
{
	struct pending *p;

	while ((p = TAILQ_FIRST(&q->list))) {
		if (p->expires_ms > now_ms)
			return p->expires_ms;
		forget(r, p);
	}
	return UINT64_MAX;
}

uint64_t stt_responder_expire(struct stt_responder *r, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;

	for (int i = 0; i < QUEUES; i++) {
		uint64_t at = expire_queue(r, &r->queues[i], now_ms);

		next = at < next ? at : next;
	}
	return next;
}

static struct pending *find_id(const struct stt_responder *r, uint32_t id)
{
	struct stt_id_link *link = stt_id_first(&r->by_id, id);

	return link ? stt_id_entry(link, struct pending, by_id) : NULL;
}

void stt_responder_forget(struct stt_responder *r, uint32_t handle)
{
	struct pending *p = find_id(r, handle);

	if (p)
		forget(r, p);
}

static struct pending *find_rekey(const struct stt_responder *r, uint64_t session)
{
	struct stt_id_link *link = stt_id_first(&r->by_rekey, (uint32_t)session);

	for (; link; link = stt_id_next(link)) {
		struct pending *p = stt_id_entry(link, struct pending, by_rekey);

		if (p->rekey == session)
			return p;
	}
	return NULL;
}

void stt_responder_end_rekey(struct stt_responder *r, uint64_t session)
{
	struct pending *p = find_rekey(r, session);

	if (p)
		forget(r, p);
}

static enum stt_hs_verdict drop(enum stt_hs_drop *why, enum stt_hs_drop reason)
{
	*why = reason;
	return STT_HS_DROP;
}

/* Index of the seed that made the frame's mac1, or -1. */
static int find_seed(const struct stt_responder *r, const uint8_t *data, size_t len)
{
	for (unsigned int i = 0; i < r->keyring->n; i++)
		if (stt_hs_mac1_ok(&r->keyring->seeds[i], data, len))
			return (int)i;
	return -1;
}

/* The pending handshake that this very HELLO began, the same way in. Its mac1 was checked. */
static struct pending *find_hello(const struct stt_responder *r, uint64_t in,
				  const uint8_t *data)
{
	const uint8_t *mac1 = stt_hs_mac1(data, STT_HS_HELLO_LEN);
	struct stt_id_link *link;

	for (link = stt_id_first(&r->by_hello, stt_get_be32(mac1)); link;
	     link = stt_id_next(link)) {
		struct pending *p = stt_id_entry(link, struct pending, by_hello);

		if (p->rekey == in && !is_complete(r, p) &&
		    !sodium_memcmp(p->hello_mac1, mac1, STT_HS_MAC_LEN))
			return p;
	}
	return NULL;
}

/* The one we prefer if both have it, else the lowest of both; 0: none. */
static uint8_t choose_suite(const struct stt_responder *r, const uint8_t *payload)
{
	uint32_t common = r->suites & stt_get_be32(payload + STT_HS_HELLO_OFF_SUITES);

	if (r->preferred_suite && common & (1U << r->preferred_suite))
		return r->preferred_suite;
	for (uint8_t suite = 1; suite < 32; suite++)
		if (common & (1U << suite))
			return suite;
	return 0;
}

/* May a stranger begin a session? */
static bool check_stranger(const struct stt_responder *r, uint64_t now_ms,
			   const uint8_t *payload, const uint8_t *ephemeral,
			   enum stt_hs_drop *why)
{
	if (stt_replay_seen(&r->replay, now_ms, payload + STT_HS_HELLO_OFF_TIME, ephemeral))
		*why = STT_HS_DROP_REPLAYED;
	else if (r->queues[WAITING].n >= r->max)
		*why = STT_HS_DROP_FULL;
	else if (!r->accept)
		*why = STT_HS_DROP_REFUSED;
	else
		return true;
	return false;
}

/*
 * Whether to go on with a HELLO whose seal has opened, and that is what it says.
 * The peer of a session may rekey it, whoever else is let in, and whatever clocks
 * say: its HELLOs have an order of their own.
 */
static bool check_payload(const struct stt_responder *r, uint64_t now_ms,
			  const uint8_t *payload, const uint8_t *ephemeral,
			  const struct stt_hs_rekey *rekey, enum stt_hs_drop *why)
{
	*why = STT_HS_DROP_UNSUPPORTED;
	if (!sodium_is_zero(payload + STT_HS_HELLO_OFF_RESERVED, 3) ||
	    !choose_suite(r, payload))
		return false;
	if (!rekey->session)
		return check_stranger(r, now_ms, payload, ephemeral, why);
	*why = STT_HS_DROP_REFUSED;
	return r->rekey.admit(r->rekey.ctx, rekey->session, rekey->epoch,
			      payload + STT_HS_HELLO_OFF_TIME);
}

/* Who says hello, and for what: a stranger to us, or the peer of the session @in. */
static bool check_sender(const struct stt_responder *r, uint64_t in, const uint8_t *data,
			 const uint8_t *payload, struct stt_hs_rekey *rekey,
			 enum stt_hs_drop *why)
{
	uint8_t epoch = payload[STT_HS_HELLO_OFF_EPOCH];

	memset(rekey, 0, sizeof(*rekey));
	*why = STT_HS_DROP_UNKNOWN;
	if (stt_get_be64(payload + STT_HS_HELLO_OFF_REKEY) != in)
		return false;
	if (!in) {
		*why = epoch ? STT_HS_DROP_UNSUPPORTED : STT_HS_DROP_OWN;
		return !epoch && sodium_memcmp(payload, r->node_id, STT_HS_NODE_ID_LEN);
	}
	if (!r->rekey.find || !r->rekey.find(r->rekey.ctx, in, epoch, rekey))
		return false;
	*why = STT_HS_DROP_BAD_SEAL;
	return stt_hs_rekey_ok(rekey, data, payload);
}

/*
 * Refused for the moment. Its sender may repeat it and get in; who has recorded
 * it and sends it later may not. Without memory there is nothing to note.
 */
static void note_refused(struct stt_responder *r, uint64_t now_ms, const uint8_t *payload,
			 const uint8_t *ephemeral, const struct stt_hs_rekey *rekey,
			 enum stt_hs_drop why)
{
	if (!rekey->session && (why == STT_HS_DROP_REFUSED || why == STT_HS_DROP_FULL))
		(void)stt_replay_add(&r->replay, payload + STT_HS_HELLO_OFF_TIME, ephemeral,
				     now_ms + STT_HS_LIFETIME_MS);
}

/* Message 2 and all keys. A wildcard session id is as good as impossible: try again. */
static int make_response(const struct stt_responder *r, struct pending *p,
			 const struct stt_noise *hello, uint32_t id)
{
	uint8_t payload[STT_HS_RESPONSE_PAYLOAD_LEN] = { 0 };
	uint8_t *frame = p->response.data;
	struct stt_noise ns;
	int ret;

	memcpy(payload, r->node_id, STT_HS_NODE_ID_LEN);
	payload[STT_HS_RESPONSE_OFF_SUITE] = p->suite;
	stt_hs_header(frame, STT_FRAME_RESPONSE,
		      stt_get_be32(p->hdrs + STT_HS_OFF_SENDER), id);
	memcpy(p->hdrs + STT_HS_HDR_LEN, frame, STT_HS_HDR_LEN);
	do {
		ns = *hello;
		stt_noise_ephemeral(&ns, NULL);
		ret = stt_noise_write2(&ns, payload, sizeof(payload), frame + STT_HS_HDR_LEN);
	} while (!ret && stt_hs_derive(&ns, &p->sec));
	if (p->rekey)
		p->sec.session_id = p->rekey;
	stt_hs_mac1_set(&r->keyring->seeds[p->seed], frame, STT_HS_RESPONSE_LEN);
	p->response.len = STT_HS_RESPONSE_LEN;
	stt_noise_wipe(&ns);
	return ret;
}

static int insert(struct stt_responder *r, struct pending *p, uint32_t id, uint64_t now_ms,
		  const uint8_t *time, const uint8_t *ephemeral)
{
	if (stt_id_insert(&r->by_id, &p->by_id, id))
		return -1;
	if (stt_id_insert(&r->by_hello, &p->by_hello, stt_get_be32(p->hello_mac1)))
		goto undo_id;
	if (p->rekey ? stt_id_insert(&r->by_rekey, &p->by_rekey, (uint32_t)p->rekey) :
		       stt_replay_add(&r->replay, time, ephemeral, 0))
		goto undo_hello;
	enqueue(&r->queues[p->rekey ? REKEY_WAITING : WAITING], p, now_ms);
	return 0;
undo_hello:
	stt_id_remove(&r->by_hello, &p->by_hello);
undo_id:
	stt_id_remove(&r->by_id, &p->by_id);
	return -1;
}

static enum stt_hs_verdict begin(struct stt_responder *r, uint64_t now_ms, unsigned int seed,
				 const uint8_t *data, const uint8_t *payload,
				 const struct stt_noise *ns, const struct stt_hs_rekey *rekey,
				 struct stt_hs_frame *out, enum stt_hs_drop *why)
{
	struct pending *p = stt_secret_alloc(sizeof(*p));
	uint32_t id = stt_id_unused(&r->by_id);

	if (!p)
		return drop(why, STT_HS_DROP_FULL);
	p->seed = seed;
	p->suite = choose_suite(r, payload);
	p->rekey = rekey->session;
	p->epoch = rekey->epoch;
	if (!p->rekey)
		memcpy(p->peer_id, payload, sizeof(p->peer_id));
	memcpy(p->hello_mac1, stt_hs_mac1(data, STT_HS_HELLO_LEN), STT_HS_MAC_LEN);
	memcpy(p->hdrs, data, STT_HS_HDR_LEN);
	if (make_response(r, p, ns, id)) {
		free_pending(p);
		return drop(why, STT_HS_DROP_BAD_SEAL);
	}
	if (insert(r, p, id, now_ms, payload + STT_HS_HELLO_OFF_TIME, data + STT_HS_HDR_LEN)) {
		free_pending(p);
		return drop(why, STT_HS_DROP_FULL);
	}
	*out = p->response;
	return STT_HS_SEND;
}

static enum stt_hs_verdict answer(struct stt_responder *r, uint64_t now_ms, unsigned int seed,
				  const uint8_t *data, const uint8_t *payload,
				  struct stt_noise *ns, const struct stt_hs_rekey *rekey,
				  struct stt_hs_frame *out, enum stt_hs_drop *why)
{
	if (rekey->session) {
		/*
		 * A new HELLO says that the handshake before it was given up. Its
		 * AUTH_PROOF may still be on the way, and must not undo what comes
		 * of this one.
		 */
		stt_responder_end_rekey(r, rekey->session);
		stt_hs_rekey_mix(rekey, ns);
	}
	return begin(r, now_ms, seed, data, payload, ns, rekey, out, why);
}

/* A HELLO with a good mac1 that began no pending handshake yet. */
static enum stt_hs_verdict new_hello(struct stt_responder *r, uint64_t now_ms,
				     uint64_t in, unsigned int seed, const uint8_t *data,
				     struct stt_hs_frame *out, enum stt_hs_drop *why)
{
	uint8_t payload[STT_HS_HELLO_PAYLOAD_LEN];
	enum stt_hs_verdict verdict = STT_HS_DROP;
	struct stt_hs_rekey rekey = { 0 };
	struct stt_noise ns;

	stt_hs_noise_init(&ns, &r->keyring->seeds[seed], data);
	if (stt_noise_read1(&ns, data + STT_HS_HDR_LEN, sizeof(payload) + STT_NOISE_OVERHEAD,
			    payload))
		*why = STT_HS_DROP_BAD_SEAL;
	else if (!check_sender(r, in, data, payload, &rekey, why))
		verdict = STT_HS_DROP;
	else if (check_payload(r, now_ms, payload, data + STT_HS_HDR_LEN, &rekey, why))
		verdict = answer(r, now_ms, seed, data, payload, &ns, &rekey, out, why);
	else
		note_refused(r, now_ms, payload, data + STT_HS_HDR_LEN, &rekey, *why);
	stt_noise_wipe(&ns);
	sodium_memzero(&rekey, sizeof(rekey));
	sodium_memzero(payload, sizeof(payload));
	return verdict;
}

static enum stt_hs_verdict take_hello(struct stt_responder *r, uint64_t now_ms, uint64_t in,
				      const uint8_t *data, struct stt_hs_frame *out,
				      enum stt_hs_drop *why)
{
	struct pending *p;
	int seed;

	seed = find_seed(r, data, STT_HS_HELLO_LEN);
	if (seed < 0)
		return drop(why, STT_HS_DROP_BAD_MAC);
	p = find_hello(r, in, data);
	if (!p)
		return new_hello(r, now_ms, in, (unsigned int)seed, data, out, why);
	*out = p->response;
	return STT_HS_SEND;
}

static void fill_session(const struct pending *p, struct stt_hs_session *s)
{
	s->id = p->sec.session_id;
	s->rekey = p->rekey;
	s->epoch = p->epoch;
	memcpy(s->rekey_secret, p->sec.rekey, sizeof(s->rekey_secret));
	memcpy(s->tx_key, p->sec.to_initiator, sizeof(s->tx_key));
	memcpy(s->rx_key, p->sec.to_responder, sizeof(s->rx_key));
	memcpy(s->peer_id, p->peer_id, sizeof(s->peer_id));
	s->suite = p->suite;
	s->seed = p->seed;
}

static void make_final(const struct stt_responder *r, struct pending *p)
{
	uint8_t *frame = p->final.data;

	stt_hs_header(frame, STT_FRAME_FINAL, stt_get_be32(p->hdrs + STT_HS_OFF_SENDER),
		      p->by_id.key);
	memcpy(p->hdrs + 3 * STT_HS_HDR_LEN, frame, STT_HS_HDR_LEN);
	stt_hs_proof_seal(&p->sec, &r->keyring->seeds[p->seed], p->hdrs, 4, frame);
	p->final.len = STT_HS_PROOF_LEN;
}

/* From now on only AUTH_PROOF and FINAL are remembered, for repeats. */
static void complete(struct stt_responder *r, struct pending *p, uint64_t now_ms)
{
	sodium_memzero(&p->sec, sizeof(p->sec));
	dequeue(p);
	enqueue(&r->queues[p->rekey ? REKEY_COMPLETE : COMPLETE], p, now_ms);
	if (r->queues[COMPLETE].n > r->max)
		forget(r, TAILQ_FIRST(&r->queues[COMPLETE].list));
}

static enum stt_hs_verdict repeat_final(const struct pending *p, const uint8_t *data,
					struct stt_hs_frame *out, enum stt_hs_drop *why)
{
	if (sodium_memcmp(p->proof, data, sizeof(p->proof)))
		return drop(why, STT_HS_DROP_UNKNOWN);
	*out = p->final;
	return STT_HS_SEND;
}

static enum stt_hs_verdict take_proof(struct stt_responder *r, uint64_t now_ms, uint64_t in,
				      const uint8_t *data, struct stt_hs_frame *out,
				      struct stt_hs_session *session, uint32_t *handle,
				      enum stt_hs_drop *why)
{
	struct pending *p = find_id(r, stt_get_be32(data + STT_HS_OFF_RECEIVER));

	if (!p || p->rekey != in)
		return drop(why, STT_HS_DROP_UNKNOWN);
	if (is_complete(r, p))
		return repeat_final(p, data, out, why);
	if (!stt_hs_mac1_ok(&r->keyring->seeds[p->seed], data, STT_HS_PROOF_LEN))
		return drop(why, STT_HS_DROP_BAD_MAC);
	memcpy(p->hdrs + 2 * STT_HS_HDR_LEN, data, STT_HS_HDR_LEN);
	if (stt_hs_proof_open(&p->sec, p->hdrs, 3, data))
		return drop(why, STT_HS_DROP_BAD_SEAL);
	memcpy(p->proof, data, sizeof(p->proof));
	make_final(r, p);
	fill_session(p, session);
	*handle = p->by_id.key;
	*out = p->final;
	complete(r, p, now_ms);
	return STT_HS_INSTALL;
}

enum stt_hs_verdict stt_responder_input(struct stt_responder *r, uint64_t now_ms,
					uint64_t in, const uint8_t *data, size_t len,
					struct stt_hs_frame *out, struct stt_hs_session *session,
					uint32_t *handle, enum stt_hs_drop *why)
{
	int type = stt_hs_check(data, len);

	stt_responder_expire(r, now_ms);
	if (type < 0)
		return drop(why, STT_HS_DROP_MALFORMED);
	if (type == STT_FRAME_HELLO)
		return take_hello(r, now_ms, in, data, out, why);
	if (type == STT_FRAME_AUTH_PROOF)
		return take_proof(r, now_ms, in, data, out, session, handle, why);
	return drop(why, STT_HS_DROP_UNKNOWN);
}
