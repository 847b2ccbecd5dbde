// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The side that is asked. A HELLO costs one MAC for a stranger and no
 * Diffie-Hellman before it is known to be fresh and from a holder of a seed.
 */
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "handshake.h"
#include "handshake_pending.h"
#include "handshake_replay.h"

struct stt_responder {
	const struct stt_hs_keyring *keyring;
	uint8_t			node_id[STT_HS_NODE_ID_LEN];
	uint32_t		suites;
	uint8_t			preferred_suite;
	struct stt_responder_rekey rekey;
	bool			accept;
	unsigned int		max;
	struct stt_pendings	pendings;
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
	stt_pendings_init(&r->pendings);
	stt_replay_init(&r->replay, p->replay_max ? p->replay_max : STT_HS_REPLAY_MAX,
			p->lag_s);
	stt_responder_clock(r, p->clock_s);
	return r;
}

void stt_responder_clock(struct stt_responder *r, int64_t now_s)
{
	stt_replay_clock(&r->replay, now_s);
}

void stt_responder_free(struct stt_responder *r)
{
	if (!r)
		return;
	stt_pendings_free(&r->pendings);
	stt_replay_free(&r->replay);
	free(r);
}

void stt_responder_accept(struct stt_responder *r, bool accept)
{
	r->accept = accept;
}

unsigned int stt_responder_pending(const struct stt_responder *r)
{
	return stt_pendings_waiting(&r->pendings);
}

uint64_t stt_responder_expire(struct stt_responder *r, uint64_t now_ms)
{
	return stt_pendings_expire(&r->pendings, now_ms);
}

void stt_responder_forget(struct stt_responder *r, uint32_t handle)
{
	struct stt_pending *p = stt_pending_by_id(&r->pendings, handle);

	if (p)
		stt_pending_forget(&r->pendings, p);
}

void stt_responder_end_rekey(struct stt_responder *r, uint64_t session)
{
	struct stt_pending *p = stt_pending_by_rekey(&r->pendings, session);

	if (p)
		stt_pending_forget(&r->pendings, p);
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
	else if (stt_pendings_waiting(&r->pendings) >= r->max)
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
static int make_response(const struct stt_responder *r, struct stt_pending *p,
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

/* To be remembered, and, if it is a stranger's, its HELLO for longer. */
static int insert(struct stt_responder *r, struct stt_pending *p, uint32_t id, uint64_t now_ms,
		  const uint8_t *time, const uint8_t *ephemeral)
{
	if (stt_pending_insert(&r->pendings, p, id, now_ms)) {
		stt_pending_free(p);
		return -1;
	}
	if (p->rekey || !stt_replay_add(&r->replay, time, ephemeral, 0))
		return 0;
	stt_pending_forget(&r->pendings, p);
	return -1;
}

static enum stt_hs_verdict begin(struct stt_responder *r, uint64_t now_ms, unsigned int seed,
				 const uint8_t *data, const uint8_t *payload,
				 const struct stt_noise *ns, const struct stt_hs_rekey *rekey,
				 struct stt_hs_frame *out, enum stt_hs_drop *why)
{
	struct stt_pending *p = stt_pending_alloc();
	uint32_t id = stt_id_unused(&r->pendings.by_id);

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
		stt_pending_free(p);
		return drop(why, STT_HS_DROP_BAD_SEAL);
	}
	if (insert(r, p, id, now_ms, payload + STT_HS_HELLO_OFF_TIME, data + STT_HS_HDR_LEN))
		return drop(why, STT_HS_DROP_FULL);
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
	struct stt_pending *p;
	int seed;

	seed = find_seed(r, data, STT_HS_HELLO_LEN);
	if (seed < 0)
		return drop(why, STT_HS_DROP_BAD_MAC);
	/* The same HELLO again gets the same answer, the same way. */
	p = stt_pending_by_hello(&r->pendings, in, stt_hs_mac1(data, STT_HS_HELLO_LEN));
	if (!p)
		return new_hello(r, now_ms, in, (unsigned int)seed, data, out, why);
	*out = p->response;
	return STT_HS_SEND;
}

static void fill_session(const struct stt_pending *p, struct stt_hs_session *s)
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

static void make_final(const struct stt_responder *r, struct stt_pending *p)
{
	uint8_t *frame = p->final.data;

	stt_hs_header(frame, STT_FRAME_FINAL, stt_get_be32(p->hdrs + STT_HS_OFF_SENDER),
		      p->by_id.key);
	memcpy(p->hdrs + 3 * STT_HS_HDR_LEN, frame, STT_HS_HDR_LEN);
	stt_hs_proof_seal(&p->sec, &r->keyring->seeds[p->seed], p->hdrs, 4, frame);
	p->final.len = STT_HS_PROOF_LEN;
}

static enum stt_hs_verdict repeat_final(const struct stt_pending *p, const uint8_t *data,
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
	struct stt_pending *p = stt_pending_by_id(&r->pendings,
						  stt_get_be32(data + STT_HS_OFF_RECEIVER));

	if (!p || p->rekey != in)
		return drop(why, STT_HS_DROP_UNKNOWN);
	if (stt_pending_is_complete(&r->pendings, p))
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
	/* From now on only AUTH_PROOF and FINAL are remembered, for repeats. */
	sodium_memzero(&p->sec, sizeof(p->sec));
	stt_pending_complete(&r->pendings, p, now_ms, r->max);
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
