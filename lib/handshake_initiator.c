// SPDX-License-Identifier: LGPL-2.1-or-later
/* The side that asks. */
#include <string.h>
#include <sodium.h>

#include "handshake.h"

/* @hello has its header and its ephemeral key. */
static void hello_payload(const struct stt_initiator_params *p, const uint8_t *hello,
			  uint8_t out[STT_HS_HELLO_PAYLOAD_LEN])
{
	memset(out, 0, STT_HS_HELLO_PAYLOAD_LEN);
	memcpy(out + STT_HS_HELLO_OFF_TIME, p->time, STT_HS_TIME_LEN);
	stt_put_be32(out + STT_HS_HELLO_OFF_SUITES, p->suites);
	if (!p->rekey) {
		memcpy(out, p->node_id, STT_HS_NODE_ID_LEN);
		return;
	}
	stt_put_be64(out + STT_HS_HELLO_OFF_REKEY, p->rekey->session);
	out[STT_HS_HELLO_OFF_EPOCH] = p->rekey->epoch;
	stt_hs_rekey_proof(p->rekey, p->rekey->first, hello, out, out);
}

static void make_hello(struct stt_initiator *in, const struct stt_initiator_params *p)
{
	uint8_t payload[STT_HS_HELLO_PAYLOAD_LEN];
	uint8_t *frame = in->hello.data;

	stt_hs_header(frame, STT_FRAME_HELLO, 0, p->id);
	stt_hs_noise_init(&in->noise, in->seed, frame);
	stt_noise_ephemeral(&in->noise, NULL);
	memcpy(frame + STT_HS_HDR_LEN, in->noise.e, STT_HS_EPHEMERAL_LEN);
	hello_payload(p, frame, payload);
	stt_noise_write1(&in->noise, payload, sizeof(payload), frame + STT_HS_HDR_LEN);
	if (p->rekey)
		stt_hs_rekey_mix(p->rekey, &in->noise);
	stt_hs_mac1_set(in->seed, frame, STT_HS_HELLO_LEN);
	in->hello.len = STT_HS_HELLO_LEN;
	sodium_memzero(payload, sizeof(payload));
}

static void schedule(struct stt_initiator *in, uint64_t now_ms)
{
	in->interval_ms = STT_HS_RESEND_MS;
	in->resend_ms = now_ms + in->interval_ms;
}

void stt_initiator_start(struct stt_initiator *in, const struct stt_initiator_params *p,
			 uint64_t now_ms)
{
	stt_initiator_wipe(in);
	in->seed = &p->keyring->seeds[0];
	in->id = p->id;
	in->suites = p->suites;
	in->has_peer_id = p->peer_id;
	if (p->peer_id)
		memcpy(in->peer_id, p->peer_id, sizeof(in->peer_id));
	if (p->rekey) {
		in->rekey = p->rekey->session;
		in->epoch = p->rekey->epoch;
	}
	make_hello(in, p);
	in->state = STT_INITIATOR_HELLO;
	in->start_ms = now_ms;
	in->stale_ms = now_ms + STT_HS_ROUND_MS;
	schedule(in, now_ms);
}

static enum stt_hs_verdict drop(enum stt_hs_drop *why, enum stt_hs_drop reason)
{
	if (why)
		*why = reason;
	return STT_HS_DROP;
}

static void make_proof(const struct stt_initiator *in, struct stt_candidate *c,
		       uint32_t responder)
{
	uint8_t *frame = c->proof.data;

	stt_hs_header(frame, STT_FRAME_AUTH_PROOF, responder, in->id);
	memcpy(c->hdrs + 2 * STT_HS_HDR_LEN, frame, STT_HS_HDR_LEN);
	stt_hs_proof_seal(&c->sec, in->seed, c->hdrs, 3, frame);
	c->proof.len = STT_HS_PROOF_LEN;
}

static bool response_payload_ok(const struct stt_initiator *in, const uint8_t *payload)
{
	uint8_t suite = payload[STT_HS_RESPONSE_OFF_SUITE];

	if (!sodium_is_zero(payload + STT_HS_RESPONSE_OFF_SUITE + 1, 3))
		return false;
	return suite < 32 && (in->suites & (1U << suite));
}

static void fill_session(const struct stt_initiator *in, const struct stt_candidate *c,
			 struct stt_hs_session *s)
{
	s->id = c->sec.session_id;
	s->rekey = in->rekey;
	s->epoch = in->epoch;
	memcpy(s->rekey_secret, c->sec.rekey, sizeof(s->rekey_secret));
	memcpy(s->tx_key, c->sec.to_responder, sizeof(s->tx_key));
	memcpy(s->rx_key, c->sec.to_initiator, sizeof(s->rx_key));
	memcpy(s->peer_id, c->peer_id, sizeof(s->peer_id));
	s->suite = c->suite;
	s->seed = 0;
}

/* The same RESPONSE again, or the same under another clear header. */
static bool is_known(const struct stt_initiator *in, const uint8_t *mac1, uint64_t session_id)
{
	for (unsigned int i = 0; i < in->n_candidates; i++)
		if (in->candidates[i].sec.session_id == session_id ||
		    (mac1 && !memcmp(in->candidates[i].mac1, mac1, STT_HS_MAC_LEN)))
			return true;
	return false;
}

/* On a copy of the Noise state: it must outlive this RESPONSE. */
static bool open_response(const struct stt_initiator *in, const uint8_t *data,
			  struct stt_candidate *c)
{
	uint8_t payload[STT_HS_RESPONSE_PAYLOAD_LEN];
	struct stt_noise ns = in->noise;
	bool ok;

	ok = !stt_noise_read2(&ns, data + STT_HS_HDR_LEN,
			      STT_HS_RESPONSE_PAYLOAD_LEN + STT_NOISE_OVERHEAD, payload) &&
	     response_payload_ok(in, payload) && !stt_hs_derive(&ns, &c->sec);
	if (in->rekey)
		c->sec.session_id = in->rekey;
	/* A session has one peer, so a rekey has one candidate. */
	ok = ok && !is_known(in, NULL, c->sec.session_id);
	if (ok) {
		memcpy(c->peer_id, payload, sizeof(c->peer_id));
		c->suite = payload[STT_HS_RESPONSE_OFF_SUITE];
	}
	stt_noise_wipe(&ns);
	sodium_memzero(payload, sizeof(payload));
	return ok;
}

static bool is_wanted(struct stt_initiator *in, const struct stt_candidate *c)
{
	if (!in->has_peer_id || !memcmp(in->peer_id, c->peer_id, sizeof(c->peer_id)))
		return true;
	in->other_peer = true;
	return false;
}

static void keep(struct stt_initiator *in, const uint8_t *data, struct stt_candidate *c)
{
	memcpy(c->mac1, stt_hs_mac1(data, STT_HS_RESPONSE_LEN), sizeof(c->mac1));
	memcpy(c->hdrs, in->hello.data, STT_HS_HDR_LEN);
	memcpy(c->hdrs + STT_HS_HDR_LEN, data, STT_HS_HDR_LEN);
	make_proof(in, c, stt_get_be32(data + STT_HS_OFF_SENDER));
	in->n_candidates++;
}

static enum stt_hs_verdict add_candidate(struct stt_initiator *in, uint64_t now_ms,
					 const uint8_t *data, struct stt_hs_session *session,
					 enum stt_hs_drop *why)
{
	struct stt_candidate *c = &in->candidates[in->n_candidates];
	bool opens = open_response(in, data, c);

	if (!opens || !is_wanted(in, c)) {
		sodium_memzero(c, sizeof(*c));
		return drop(why, opens ? STT_HS_DROP_UNKNOWN : STT_HS_DROP_BAD_SEAL);
	}
	keep(in, data, c);
	return stt_initiator_turn(in, now_ms, session) ? STT_HS_INSTALL : STT_HS_HOLD;
}

static enum stt_hs_verdict take_response(struct stt_initiator *in, uint64_t now_ms,
					 const uint8_t *data, struct stt_hs_session *session,
					 enum stt_hs_drop *why)
{
	if (in->state != STT_INITIATOR_HELLO && in->state != STT_INITIATOR_PROOF)
		return drop(why, STT_HS_DROP_UNKNOWN);
	if (!stt_hs_mac1_ok(in->seed, data, STT_HS_RESPONSE_LEN))
		return drop(why, STT_HS_DROP_BAD_MAC);
	if (is_known(in, stt_hs_mac1(data, STT_HS_RESPONSE_LEN), 0))
		return drop(why, STT_HS_DROP_UNKNOWN);
	if (in->n_candidates == STT_HS_CANDIDATES)
		return drop(why, STT_HS_DROP_FULL);
	return add_candidate(in, now_ms, data, session, why);
}

bool stt_initiator_turn(struct stt_initiator *in, uint64_t now_ms,
			struct stt_hs_session *session)
{
	if (in->n_turns == in->n_candidates || now_ms < in->turn_ms)
		return false;
	if (in->state == STT_INITIATOR_HELLO)
		schedule(in, now_ms);
	in->state = STT_INITIATOR_PROOF;
	in->turn_ms = now_ms + STT_HS_TURN_MS;
	/* No longer than the first HELLO is surely remembered. */
	in->stale_ms = now_ms + STT_HS_ROUND_MS;
	if (in->stale_ms > in->start_ms + STT_HS_LIFETIME_MS)
		in->stale_ms = in->start_ms + STT_HS_LIFETIME_MS;
	fill_session(in, &in->candidates[in->n_turns++], session);
	return true;
}

bool stt_initiator_searching(const struct stt_initiator *in, uint64_t now_ms)
{
	if (in->state == STT_INITIATOR_HELLO)
		return true;
	return in->state == STT_INITIATOR_PROOF && in->n_turns == in->n_candidates &&
	       in->n_candidates < STT_HS_CANDIDATES && now_ms >= in->turn_ms;
}

static bool is_active(const struct stt_initiator *in)
{
	return in->state == STT_INITIATOR_HELLO || in->state == STT_INITIATOR_PROOF;
}

bool stt_initiator_stale(const struct stt_initiator *in, uint64_t now_ms)
{
	return is_active(in) && now_ms >= in->stale_ms;
}

uint64_t stt_initiator_next(const struct stt_initiator *in)
{
	uint64_t next = in->resend_ms;

	if (!is_active(in))
		return UINT64_MAX;
	if (in->stale_ms < next)
		next = in->stale_ms;
	return in->n_turns < in->n_candidates && in->turn_ms < next ? in->turn_ms : next;
}

static bool opens_final(struct stt_candidate *c, const uint8_t *data)
{
	const uint8_t *sender = c->hdrs + STT_HS_HDR_LEN + STT_HS_OFF_SENDER;

	if (!c->proving || memcmp(sender, data + STT_HS_OFF_SENDER, 4))
		return false;
	memcpy(c->hdrs + 3 * STT_HS_HDR_LEN, data, STT_HS_HDR_LEN);
	return !stt_hs_proof_open(&c->sec, c->hdrs, 4, data);
}

static enum stt_hs_verdict take_final(struct stt_initiator *in, const uint8_t *data,
				      enum stt_hs_drop *why)
{
	unsigned int i = 0;

	if (in->state != STT_INITIATOR_PROOF)
		return drop(why, STT_HS_DROP_UNKNOWN);
	if (!stt_hs_mac1_ok(in->seed, data, STT_HS_PROOF_LEN))
		return drop(why, STT_HS_DROP_BAD_MAC);
	while (i < in->n_turns && !opens_final(&in->candidates[i], data))
		i++;
	if (i == in->n_turns)
		return drop(why, STT_HS_DROP_BAD_SEAL);
	in->winner = i;
	sodium_memzero(in->candidates, sizeof(in->candidates));
	stt_noise_wipe(&in->noise);
	in->state = STT_INITIATOR_DONE;
	in->resend_ms = UINT64_MAX;
	return STT_HS_DONE;
}

enum stt_hs_verdict stt_initiator_input(struct stt_initiator *in, uint64_t now_ms,
					const uint8_t *data, size_t len,
					struct stt_hs_session *session, enum stt_hs_drop *why)
{
	int type = stt_hs_check(data, len);

	if (type < 0)
		return drop(why, STT_HS_DROP_MALFORMED);
	if (stt_get_be32(data + STT_HS_OFF_RECEIVER) != in->id)
		return drop(why, STT_HS_DROP_UNKNOWN);
	if (type == STT_FRAME_RESPONSE)
		return take_response(in, now_ms, data, session, why);
	if (type == STT_FRAME_FINAL)
		return take_final(in, data, why);
	return drop(why, STT_HS_DROP_UNKNOWN);
}

bool stt_initiator_resend(struct stt_initiator *in, uint64_t now_ms)
{
	if (!is_active(in) || now_ms < in->resend_ms)
		return false;
	in->interval_ms += in->interval_ms / 2;
	if (in->interval_ms > STT_HS_RESEND_MAX_MS)
		in->interval_ms = STT_HS_RESEND_MAX_MS;
	in->resend_ms = now_ms + in->interval_ms;
	return true;
}

void stt_initiator_wipe(struct stt_initiator *in)
{
	sodium_memzero(in, sizeof(*in));
	in->resend_ms = UINT64_MAX;
}
