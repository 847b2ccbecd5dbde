// SPDX-License-Identifier: LGPL-2.1-or-later
/* The bytes of the handshake frames and the keys that come out of it. */
#include <errno.h>
#include <string.h>
#include <sodium.h>

#include "handshake.h"

#define PROLOGUE	"STT handshake v1"
#define LABEL_KEYS	"STT session keys v1"
#define LABEL_ID	"STT session id v1"
#define LABEL_REKEY	"STT rekey v1"

uint32_t stt_get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t stt_get_be64(const uint8_t *p)
{
	return (uint64_t)stt_get_be32(p) << 32 | stt_get_be32(p + 4);
}

void stt_put_be32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

void stt_put_be64(uint8_t *p, uint64_t v)
{
	stt_put_be32(p, (uint32_t)(v >> 32));
	stt_put_be32(p + 4, (uint32_t)v);
}

void stt_hs_time(uint8_t out[STT_HS_TIME_LEN], int64_t seconds, uint32_t nanoseconds)
{
	/* TAI was 10 s ahead when Unix time began; leap seconds are not counted. */
	stt_put_be64(out, (1ULL << 62) + 10 + (uint64_t)seconds);
	stt_put_be32(out + 8, nanoseconds);
}

void stt_hs_time_after(uint8_t time[STT_HS_TIME_LEN], int64_t seconds, uint32_t nanoseconds)
{
	uint8_t last[STT_HS_TIME_LEN];

	memcpy(last, time, sizeof(last));
	stt_hs_time(time, seconds, nanoseconds);
	if (memcmp(time, last, sizeof(last)) > 0)
		return;
	/* Nanoseconds beyond a second are no harm: it is only compared. */
	memcpy(time, last, sizeof(last));
	for (int i = STT_HS_TIME_LEN - 1; i >= 0 && !++time[i]; i--)
		;
}

static size_t frame_len(uint8_t type)
{
	switch (type) {
	case STT_FRAME_HELLO:
		return STT_HS_HELLO_LEN;
	case STT_FRAME_RESPONSE:
		return STT_HS_RESPONSE_LEN;
	case STT_FRAME_AUTH_PROOF:
	case STT_FRAME_FINAL:
		return STT_HS_PROOF_LEN;
	default:
		return 0;
	}
}

/* The end of what mac1 covers. */
static size_t mac1_off(const uint8_t *frame, size_t len)
{
	size_t macs = frame[STT_HS_OFF_TYPE] == STT_FRAME_HELLO ? 2 : 1;

	return len - macs * STT_HS_MAC_LEN;
}

int stt_hs_check(const uint8_t *frame, size_t len)
{
	if (len < STT_HS_HDR_LEN || len != frame_len(frame[STT_HS_OFF_TYPE]))
		return -EBADMSG;
	if (frame[STT_HS_OFF_VERSION] != STT_WIRE_VERSION ||
	    frame[STT_HS_OFF_RESERVED] || frame[STT_HS_OFF_RESERVED + 1])
		return -EBADMSG;
	if (!stt_get_be32(frame + STT_HS_OFF_SENDER))
		return -EBADMSG;
	if (frame[STT_HS_OFF_TYPE] != STT_FRAME_HELLO)
		return frame[STT_HS_OFF_TYPE];
	/* Nobody has been given a cookie, so mac2 has to be zero as well. */
	if (stt_get_be32(frame + STT_HS_OFF_RECEIVER) ||
	    !sodium_is_zero(frame + len - STT_HS_MAC_LEN, STT_HS_MAC_LEN))
		return -EBADMSG;
	return STT_FRAME_HELLO;
}

void stt_hs_header(uint8_t *frame, uint8_t type, uint32_t receiver, uint32_t sender)
{
	memset(frame, 0, STT_HS_HDR_LEN);
	frame[STT_HS_OFF_TYPE] = type;
	frame[STT_HS_OFF_VERSION] = STT_WIRE_VERSION;
	stt_put_be32(frame + STT_HS_OFF_RECEIVER, receiver);
	stt_put_be32(frame + STT_HS_OFF_SENDER, sender);
}

static void mac1(const struct stt_hs_seed *seed, const uint8_t *frame, size_t len, uint8_t *mac)
{
	crypto_generichash(mac, STT_HS_MAC_LEN, frame, mac1_off(frame, len), seed->mac1,
			   sizeof(seed->mac1));
}

const uint8_t *stt_hs_mac1(const uint8_t *frame, size_t len)
{
	return frame + mac1_off(frame, len);
}

void stt_hs_mac1_set(const struct stt_hs_seed *seed, uint8_t *frame, size_t len)
{
	mac1(seed, frame, len, frame + mac1_off(frame, len));
}

bool stt_hs_mac1_ok(const struct stt_hs_seed *seed, const uint8_t *frame, size_t len)
{
	uint8_t want[STT_HS_MAC_LEN];

	mac1(seed, frame, len, want);
	return !sodium_memcmp(want, stt_hs_mac1(frame, len), sizeof(want));
}

void stt_hs_noise_init(struct stt_noise *ns, const struct stt_hs_seed *seed,
		       const uint8_t *hello)
{
	uint8_t prologue[sizeof(PROLOGUE) - 1 + 1 + STT_HS_HDR_LEN];

	memcpy(prologue, PROLOGUE, sizeof(PROLOGUE) - 1);
	prologue[sizeof(PROLOGUE) - 1] = STT_WIRE_VERSION;
	memcpy(prologue + sizeof(PROLOGUE), hello, STT_HS_HDR_LEN);
	stt_noise_init(ns, seed->psk, prologue, sizeof(prologue));
}

int stt_hs_derive(const struct stt_noise *ns, struct stt_hs_secrets *sec)
{
	uint8_t id[64], unused[STT_NOISE_KEY_LEN];

	memcpy(sec->h, ns->h, sizeof(sec->h));
	stt_noise_split(ns, sec->proof_key, sec->final_key);
	stt_noise_export(ns, LABEL_KEYS, sec->to_responder, sec->to_initiator);
	stt_noise_export(ns, LABEL_REKEY, sec->rekey, unused);
	sodium_memzero(unused, sizeof(unused));
	crypto_generichash(id, sizeof(id), (const uint8_t *)LABEL_ID, sizeof(LABEL_ID) - 1,
			   ns->h, sizeof(ns->h));
	sec->session_id = stt_get_be64(id);
	sodium_memzero(id, sizeof(id));
	return sec->session_id && ~sec->session_id ? 0 : -EAGAIN;
}

/* h and the clear headers so far: the whole transcript. */
static size_t proof_ad(const struct stt_hs_secrets *sec, const uint8_t *hdrs,
		       unsigned int n_hdrs, uint8_t *ad)
{
	memcpy(ad, sec->h, sizeof(sec->h));
	memcpy(ad + sizeof(sec->h), hdrs, n_hdrs * STT_HS_HDR_LEN);
	return sizeof(sec->h) + n_hdrs * STT_HS_HDR_LEN;
}

static const uint8_t *proof_key(const struct stt_hs_secrets *sec, const uint8_t *frame)
{
	return frame[STT_HS_OFF_TYPE] == STT_FRAME_FINAL ? sec->final_key : sec->proof_key;
}

void stt_hs_proof_seal(const struct stt_hs_secrets *sec, const struct stt_hs_seed *seed,
		       const uint8_t *hdrs, unsigned int n_hdrs, uint8_t *frame)
{
	uint8_t ad[STT_NOISE_HASH_LEN + 4 * STT_HS_HDR_LEN], id[STT_HS_PROOF_PAYLOAD_LEN];
	size_t ad_len = proof_ad(sec, hdrs, n_hdrs, ad);

	stt_put_be64(id, sec->session_id);
	stt_noise_seal(proof_key(sec, frame), 0, ad, ad_len, id, sizeof(id),
		       frame + STT_HS_HDR_LEN);
	stt_hs_mac1_set(seed, frame, STT_HS_PROOF_LEN);
	sodium_memzero(ad, sizeof(ad));
}

int stt_hs_proof_open(const struct stt_hs_secrets *sec, const uint8_t *hdrs,
		      unsigned int n_hdrs, const uint8_t *frame)
{
	uint8_t ad[STT_NOISE_HASH_LEN + 4 * STT_HS_HDR_LEN], id[STT_HS_PROOF_PAYLOAD_LEN];
	size_t ad_len = proof_ad(sec, hdrs, n_hdrs, ad);
	int ret;

	ret = stt_noise_open(proof_key(sec, frame), 0, ad, ad_len, frame + STT_HS_HDR_LEN,
			     sizeof(id) + STT_NOISE_TAG_LEN, id);
	if (!ret && stt_get_be64(id) != sec->session_id)
		ret = -EBADMSG;
	sodium_memzero(ad, sizeof(ad));
	return ret;
}
