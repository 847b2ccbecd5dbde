// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What is different when a handshake rekeys a session: HELLO proves that its
 * sender holds the session, and all that comes after it is keyed by that.
 */
#include <string.h>
#include <sodium.h>

#include "handshake.h"

#define LABEL_PROOF	"STT rekey hello v1"
#define LABEL_PSK	"STT rekey psk v1"

/* A key for one use of the session's rekey secret. */
static void use_key(const struct stt_hs_rekey *rekey, const char *label,
		    uint8_t key[STT_NOISE_KEY_LEN])
{
	crypto_generichash(key, STT_NOISE_KEY_LEN, (const uint8_t *)label, strlen(label),
			   rekey->secret, sizeof(rekey->secret));
}

void stt_hs_rekey_proof(const struct stt_hs_rekey *rekey, bool first, const uint8_t *hello,
			const uint8_t *payload, uint8_t proof[STT_HS_NODE_ID_LEN])
{
	/* Each end has a number, so what one has sent proves nothing to itself. */
	const uint8_t role = first;
	uint8_t key[STT_NOISE_KEY_LEN];
	crypto_generichash_state st;

	use_key(rekey, LABEL_PROOF, key);
	crypto_generichash_init(&st, key, sizeof(key), STT_HS_NODE_ID_LEN);
	crypto_generichash_update(&st, &role, sizeof(role));
	crypto_generichash_update(&st, hello, STT_HS_HDR_LEN + STT_HS_EPHEMERAL_LEN);
	crypto_generichash_update(&st, payload + STT_HS_NODE_ID_LEN,
				  STT_HS_HELLO_PAYLOAD_LEN - STT_HS_NODE_ID_LEN);
	crypto_generichash_final(&st, proof, STT_HS_NODE_ID_LEN);
	sodium_memzero(&st, sizeof(st));
	sodium_memzero(key, sizeof(key));
}

bool stt_hs_rekey_ok(const struct stt_hs_rekey *rekey, const uint8_t *hello,
		     const uint8_t *payload)
{
	uint8_t want[STT_HS_NODE_ID_LEN];

	stt_hs_rekey_proof(rekey, !rekey->first, hello, payload, want);
	return !sodium_memcmp(want, payload, sizeof(want));
}

void stt_hs_rekey_mix(const struct stt_hs_rekey *rekey, struct stt_noise *ns)
{
	uint8_t psk[STT_NOISE_KEY_LEN];

	use_key(rekey, LABEL_PSK, psk);
	stt_noise_psk(ns, psk);
	sodium_memzero(psk, sizeof(psk));
}
