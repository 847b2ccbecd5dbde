// SPDX-License-Identifier: LGPL-2.1-or-later
/* Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b on libsodium's primitives. */
#include <errno.h>
#include <string.h>
#include <sodium.h>

#include "noise.h"

#define HASH_LEN	STT_NOISE_HASH_LEN
#define KEY_LEN		STT_NOISE_KEY_LEN
#define DH_LEN		STT_NOISE_DH_LEN
#define TAG_LEN		STT_NOISE_TAG_LEN
#define BLOCK_LEN	128	/* BLAKE2b's, for HMAC */

/* BLAKE2b-512 of two pieces. */
static void hash2(uint8_t out[HASH_LEN], const void *a, size_t a_len, const void *b,
		  size_t b_len)
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, HASH_LEN);
	crypto_generichash_update(&st, a, a_len);
	crypto_generichash_update(&st, b, b_len);
	crypto_generichash_final(&st, out, HASH_LEN);
	sodium_memzero(&st, sizeof(st));
}

static void hmac_pad(uint8_t block[BLOCK_LEN], const uint8_t key[HASH_LEN], uint8_t with)
{
	memset(block, with, BLOCK_LEN);
	for (size_t i = 0; i < HASH_LEN; i++)
		block[i] ^= key[i];
}

/* HMAC-BLAKE2b of two pieces; a Noise key is one hash long, below a block. */
static void hmac(uint8_t out[HASH_LEN], const uint8_t key[HASH_LEN], const void *a,
		 size_t a_len, const void *b, size_t b_len)
{
	uint8_t block[BLOCK_LEN], inner[HASH_LEN];
	crypto_generichash_state st;

	hmac_pad(block, key, 0x36);
	crypto_generichash_init(&st, NULL, 0, HASH_LEN);
	crypto_generichash_update(&st, block, sizeof(block));
	crypto_generichash_update(&st, a, a_len);
	crypto_generichash_update(&st, b, b_len);
	crypto_generichash_final(&st, inner, sizeof(inner));
	hmac_pad(block, key, 0x5c);
	hash2(out, block, sizeof(block), inner, sizeof(inner));
	sodium_memzero(&st, sizeof(st));
	sodium_memzero(block, sizeof(block));
	sodium_memzero(inner, sizeof(inner));
}

/* HKDF, section 4.3: @outs outputs, two or three, one after the other. */
static void hkdf(uint8_t (*out)[HASH_LEN], unsigned int outs, const uint8_t ck[HASH_LEN],
		 const void *ikm, size_t ikm_len)
{
	uint8_t temp[HASH_LEN];

	hmac(temp, ck, ikm, ikm_len, "", 0);
	for (unsigned int i = 0; i < outs; i++) {
		const uint8_t count = (uint8_t)(i + 1);

		hmac(out[i], temp, i ? out[i - 1] : temp, i ? HASH_LEN : 0, &count, 1);
	}
	sodium_memzero(temp, sizeof(temp));
}

static void mix_hash(struct stt_noise *ns, const void *data, size_t len)
{
	uint8_t h[HASH_LEN];

	hash2(h, ns->h, HASH_LEN, data, len);
	memcpy(ns->h, h, HASH_LEN);
}

static void mix_key(struct stt_noise *ns, const uint8_t *ikm, size_t len)
{
	uint8_t out[2][HASH_LEN];

	hkdf(out, 2, ns->ck, ikm, len);
	memcpy(ns->ck, out[0], HASH_LEN);
	memcpy(ns->k, out[1], KEY_LEN);
	ns->n = 0;
	sodium_memzero(out, sizeof(out));
}

static void mix_key_and_hash(struct stt_noise *ns, const uint8_t *psk)
{
	uint8_t out[3][HASH_LEN];

	hkdf(out, 3, ns->ck, psk, KEY_LEN);
	memcpy(ns->ck, out[0], HASH_LEN);
	mix_hash(ns, out[1], HASH_LEN);
	memcpy(ns->k, out[2], KEY_LEN);
	ns->n = 0;
	sodium_memzero(out, sizeof(out));
}

static int mix_dh(struct stt_noise *ns)
{
	uint8_t shared[DH_LEN];
	int ret = 0;

	/* Fails for a point of small order, whose result everybody knows. */
	if (crypto_scalarmult_curve25519(shared, ns->secret, ns->re))
		ret = -EBADMSG;
	else
		mix_key(ns, shared, sizeof(shared));
	sodium_memzero(shared, sizeof(shared));
	return ret;
}

static void mix_ephemeral(struct stt_noise *ns, const uint8_t *e)
{
	mix_hash(ns, e, DH_LEN);
	mix_key(ns, e, DH_LEN);
}

static void make_nonce(uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES], uint64_t n)
{
	memset(nonce, 0, 4);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(n >> (8 * i));
}

void stt_noise_seal(const uint8_t key[KEY_LEN], uint64_t n, const void *ad, size_t ad_len,
		    const void *in, size_t len, uint8_t *out)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	make_nonce(nonce, n);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, len, ad, ad_len, NULL, nonce,
						  key);
}

int stt_noise_open(const uint8_t key[KEY_LEN], uint64_t n, const void *ad, size_t ad_len,
		   const uint8_t *in, size_t len, void *out)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	if (len < TAG_LEN)
		return -EBADMSG;
	make_nonce(nonce, n);
	return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len, ad, ad_len,
							 nonce, key) ? -EBADMSG : 0;
}

static void encrypt_and_hash(struct stt_noise *ns, const void *in, size_t len, uint8_t *out)
{
	stt_noise_seal(ns->k, ns->n++, ns->h, HASH_LEN, in, len, out);
	mix_hash(ns, out, len + TAG_LEN);
}

static int decrypt_and_hash(struct stt_noise *ns, const uint8_t *in, size_t len, void *out)
{
	if (stt_noise_open(ns->k, ns->n++, ns->h, HASH_LEN, in, len, out))
		return -EBADMSG;
	mix_hash(ns, in, len);
	return 0;
}

void stt_noise_init(struct stt_noise *ns, const uint8_t psk[KEY_LEN], const void *prologue,
		    size_t prologue_len)
{
	memset(ns, 0, sizeof(*ns));
	/* A name of at most HASH_LEN bytes is padded, not hashed. */
	memcpy(ns->h, STT_NOISE_NAME, sizeof(STT_NOISE_NAME) - 1);
	memcpy(ns->ck, ns->h, HASH_LEN);
	mix_hash(ns, prologue, prologue_len);
	mix_key_and_hash(ns, psk);
}

void stt_noise_ephemeral(struct stt_noise *ns, const uint8_t *secret)
{
	if (secret)
		memcpy(ns->secret, secret, DH_LEN);
	else
		randombytes_buf(ns->secret, DH_LEN);
	crypto_scalarmult_curve25519_base(ns->e, ns->secret);
}

void stt_noise_psk(struct stt_noise *ns, const uint8_t psk[KEY_LEN])
{
	mix_key_and_hash(ns, psk);
}

int stt_noise_write1(struct stt_noise *ns, const void *payload, size_t len, uint8_t *out)
{
	memcpy(out, ns->e, DH_LEN);
	mix_ephemeral(ns, ns->e);
	encrypt_and_hash(ns, payload, len, out + DH_LEN);
	return 0;
}

int stt_noise_write2(struct stt_noise *ns, const void *payload, size_t len, uint8_t *out)
{
	memcpy(out, ns->e, DH_LEN);
	mix_ephemeral(ns, ns->e);
	if (mix_dh(ns))
		return -EBADMSG;
	encrypt_and_hash(ns, payload, len, out + DH_LEN);
	return 0;
}

int stt_noise_read1(struct stt_noise *ns, const uint8_t *msg, size_t len, void *payload)
{
	if (len < STT_NOISE_OVERHEAD)
		return -EBADMSG;
	memcpy(ns->re, msg, DH_LEN);
	mix_ephemeral(ns, ns->re);
	return decrypt_and_hash(ns, msg + DH_LEN, len - DH_LEN, payload);
}

int stt_noise_read2(struct stt_noise *ns, const uint8_t *msg, size_t len, void *payload)
{
	if (len < STT_NOISE_OVERHEAD)
		return -EBADMSG;
	memcpy(ns->re, msg, DH_LEN);
	mix_ephemeral(ns, ns->re);
	if (mix_dh(ns))
		return -EBADMSG;
	return decrypt_and_hash(ns, msg + DH_LEN, len - DH_LEN, payload);
}

static void two_keys(const struct stt_noise *ns, const void *ikm, size_t len, uint8_t *k1,
		     uint8_t *k2)
{
	uint8_t out[2][HASH_LEN];

	hkdf(out, 2, ns->ck, ikm, len);
	memcpy(k1, out[0], KEY_LEN);
	memcpy(k2, out[1], KEY_LEN);
	sodium_memzero(out, sizeof(out));
}

void stt_noise_split(const struct stt_noise *ns, uint8_t k1[KEY_LEN], uint8_t k2[KEY_LEN])
{
	two_keys(ns, "", 0, k1, k2);
}

void stt_noise_export(const struct stt_noise *ns, const char *label, uint8_t k1[KEY_LEN],
		      uint8_t k2[KEY_LEN])
{
	two_keys(ns, label, strlen(label), k1, k2);
}

void stt_noise_wipe(struct stt_noise *ns)
{
	sodium_memzero(ns, sizeof(*ns));
}
