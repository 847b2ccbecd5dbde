// SPDX-License-Identifier: LGPL-2.1-or-later
/* The side that asks. */
#include <string.h>
#include <sodium.h>

#include "handshake.h"

static void hello_payload(const struct stt_initiator_params *p,
			  uint8_t out[STT_HS_HELLO_PAYLOAD_LEN])
{
	memset(out, 0, STT_HS_HELLO_PAYLOAD_LEN);
	memcpy(out, p->node_id, STT_HS_NODE_ID_LEN);
	memcpy(out + STT_HS_HELLO_OFF_TIME, p->time, STT_HS_TIME_LEN);
	stt_put_be32(out + STT_HS_HELLO_OFF_SUITES, p->suites);
}

static void schedule(struct stt_initiator *in, uint64_t now_ms)
{
	in->interval_ms = STT_HS_RESEND_MS;
	in->resend_ms = now_ms + in->interval_ms;
}

void stt_initiator_start(struct stt_initiator *in, const struct stt_initiator_params *p,
			 uint64_t now_ms)
{
	uint8_t payload[STT_HS_HELLO_PAYLOAD_LEN];
	uint8_t *frame = in->frame.data;

	stt_initiator_wipe(in);
	in->seed = &p->keyring->seeds[0];
	in->id = p->id;
	in->suites = p->suites;
	memset(frame, 0, STT_HS_HELLO_LEN);
	stt_hs_header(frame, STT_FRAME_HELLO, 0, p->id);
	memcpy(in->hdrs, frame, STT_HS_HDR_LEN);
	hello_payload(p, payload);
	stt_hs_noise_init(&in->noise, in->seed, frame);
	stt_noise_ephemeral(&in->noise, NULL);
	stt_noise_write1(&in->noise, payload, sizeof(payload), frame + STT_HS_HDR_LEN);
	stt_hs_mac1_set(in->seed, frame, STT_HS_HELLO_LEN);
	in->frame.len = STT_HS_HELLO_LEN;
	in->state = STT_INITIATOR_HELLO;
	schedule(in, now_ms);
	sodium_memzero(payload, sizeof(payload));
}

static enum stt_hs_verdict drop(enum stt_hs_drop *why, enum stt_hs_drop reason)
{
	if (why)
		*why = reason;
	return STT_HS_DROP;
}

static void make_proof(struct stt_initiator *in, uint32_t responder)
{
	uint8_t *frame = in->frame.data;

	memset(frame, 0, sizeof(in->frame.data));
	stt_hs_header(frame, STT_FRAME_AUTH_PROOF, responder, in->id);
	memcpy(in->hdrs + 2 * STT_HS_HDR_LEN, frame, STT_HS_HDR_LEN);
	stt_hs_proof_seal(&in->sec, in->seed, in->hdrs, 3, frame);
	in->frame.len = STT_HS_PROOF_LEN;
}

static bool response_payload_ok(const struct stt_initiator *in, const uint8_t *payload)
{
	uint8_t suite = payload[STT_HS_RESPONSE_OFF_SUITE];

	if (!sodium_is_zero(payload + STT_HS_RESPONSE_OFF_SUITE + 1, 3))
		return false;
	return suite < 32 && (in->suites & (1U << suite));
}

static void fill_session(const struct stt_initiator *in, const uint8_t *payload,
			 struct stt_hs_session *s)
{
	s->id = in->sec.session_id;
	memcpy(s->tx_key, in->sec.to_responder, sizeof(s->tx_key));
	memcpy(s->rx_key, in->sec.to_initiator, sizeof(s->rx_key));
	memcpy(s->peer_id, payload, sizeof(s->peer_id));
	s->suite = payload[STT_HS_RESPONSE_OFF_SUITE];
	s->seed = 0;
}

/* On a copy of the Noise state: a RESPONSE that fails must not spoil it. */
static bool open_response(struct stt_initiator *in, const uint8_t *data,
			  uint8_t payload[STT_HS_RESPONSE_PAYLOAD_LEN])
{
	struct stt_noise ns = in->noise;
	bool ok;

	ok = !stt_noise_read2(&ns, data + STT_HS_HDR_LEN,
			      STT_HS_RESPONSE_PAYLOAD_LEN + STT_NOISE_OVERHEAD, payload) &&
	     response_payload_ok(in, payload) && !stt_hs_derive(&ns, &in->sec);
	if (!ok)
		sodium_memzero(&in->sec, sizeof(in->sec));
	stt_noise_wipe(&ns);
	return ok;
}

static enum stt_hs_verdict take_response(struct stt_initiator *in, uint64_t now_ms,
					 const uint8_t *data, struct stt_hs_session *session,
					 enum stt_hs_drop *why)
{
	uint8_t payload[STT_HS_RESPONSE_PAYLOAD_LEN];

	if (in->state != STT_INITIATOR_HELLO)
		return drop(why, STT_HS_DROP_UNKNOWN);
	if (!stt_hs_mac1_ok(in->seed, data, STT_HS_RESPONSE_LEN))
		return drop(why, STT_HS_DROP_BAD_MAC);
	if (!open_response(in, data, payload))
		return drop(why, STT_HS_DROP_BAD_SEAL);
	memcpy(in->hdrs + STT_HS_HDR_LEN, data, STT_HS_HDR_LEN);
	stt_noise_wipe(&in->noise);
	make_proof(in, stt_get_be32(data + STT_HS_OFF_SENDER));
	fill_session(in, payload, session);
	in->state = STT_INITIATOR_PROOF;
	schedule(in, now_ms);
	sodium_memzero(payload, sizeof(payload));
	return STT_HS_INSTALL;
}

static enum stt_hs_verdict take_final(struct stt_initiator *in, const uint8_t *data,
				      enum stt_hs_drop *why)
{
	if (in->state != STT_INITIATOR_PROOF)
		return drop(why, STT_HS_DROP_UNKNOWN);
	if (!stt_hs_mac1_ok(in->seed, data, STT_HS_PROOF_LEN))
		return drop(why, STT_HS_DROP_BAD_MAC);
	memcpy(in->hdrs + 3 * STT_HS_HDR_LEN, data, STT_HS_HDR_LEN);
	if (stt_hs_proof_open(&in->sec, in->hdrs, 4, data))
		return drop(why, STT_HS_DROP_BAD_SEAL);
	sodium_memzero(&in->sec, sizeof(in->sec));
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
	if (in->state == STT_INITIATOR_IDLE || in->state == STT_INITIATOR_DONE ||
	    now_ms < in->resend_ms)
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
