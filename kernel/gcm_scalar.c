// SPDX-License-Identifier: GPL-2.0-only
/*
 * AES-256-GCM without SIMD, NIST SP 800-38D, for the moments when gcm.c must
 * not touch the vector registers. On x86 that is a softirq that came in the
 * middle of somebody's use of them (disk encryption, kTLS, checksums of a file
 * system), so this is not rare, and what strangers can make us do here, a
 * frame with a wrong tag, must cost little. It keeps nothing: the key is
 * expanded for each frame, a tenth of the cost of a long one. The kernel's own
 * scalar gcm(aes) would cost some 6 KiB for every key, used or not.
 *
 * Nothing here takes longer or touches other memory for one secret than for
 * another. The AES library looks up a table of 256 bytes, which it reads as a
 * whole before each block, but not before it expands a key: that is done here. The
 * multiplication has neither tables nor branches.
 */

#include <crypto/algapi.h>

#include "compat.h"
#include "gcm.h"

/* ------------------------------------------------------------------------ */
/* GHASH                                                                    */

/*
 * Polynomials over GF(2) are multiplied with the integer multiplication of the
 * CPU, as in BearSSL by Thomas Pornin: of each factor only every fourth bit is
 * taken at a time. In a column of the product then at most 16 bits add up, and what
 * they carry stays in the three columns that are not looked at.
 */
#define STT_EVERY_FOURTH	0x1111111111111111ULL

/* The lower half of the product. */
static u64 stt_poly_mul(u64 a, u64 b)
{
	u64 a0 = a & STT_EVERY_FOURTH, b0 = b & STT_EVERY_FOURTH;
	u64 a1 = a & STT_EVERY_FOURTH << 1, b1 = b & STT_EVERY_FOURTH << 1;
	u64 a2 = a & STT_EVERY_FOURTH << 2, b2 = b & STT_EVERY_FOURTH << 2;
	u64 a3 = a & STT_EVERY_FOURTH << 3, b3 = b & STT_EVERY_FOURTH << 3;
	u64 c0 = a0 * b0 ^ a1 * b3 ^ a2 * b2 ^ a3 * b1;
	u64 c1 = a0 * b1 ^ a1 * b0 ^ a2 * b3 ^ a3 * b2;
	u64 c2 = a0 * b2 ^ a1 * b1 ^ a2 * b0 ^ a3 * b3;
	u64 c3 = a0 * b3 ^ a1 * b2 ^ a2 * b1 ^ a3 * b0;

	return (c0 & STT_EVERY_FOURTH) | (c1 & STT_EVERY_FOURTH << 1) |
	       (c2 & STT_EVERY_FOURTH << 2) | (c3 & STT_EVERY_FOURTH << 3);
}

static u64 stt_poly_reverse(u64 x)
{
	x = (x >> 1 & 0x5555555555555555ULL) | (x & 0x5555555555555555ULL) << 1;
	x = (x >> 2 & 0x3333333333333333ULL) | (x & 0x3333333333333333ULL) << 2;
	x = (x >> 4 & 0x0f0f0f0f0f0f0f0fULL) | (x & 0x0f0f0f0f0f0f0f0fULL) << 4;
	return swab64(x);
}

static struct stt_poly stt_poly(u64 bits)
{
	return (struct stt_poly) { .bits = bits, .back = stt_poly_reverse(bits) };
}

static struct stt_poly stt_poly_add(struct stt_poly a, struct stt_poly b)
{
	return (struct stt_poly) { .bits = a.bits ^ b.bits, .back = a.back ^ b.back };
}

/* The whole product, of 127 bits: its upper half is the lower one of what is reversed. */
static u64 stt_poly_mul_wide(struct stt_poly a, struct stt_poly b, u64 *high)
{
	*high = stt_poly_reverse(stt_poly_mul(a.back, b.back)) >> 1;
	return stt_poly_mul(a.bits, b.bits);
}

/*
 * The remainder of @v, 256 bits with the lowest word first. The first bit of a
 * block is the highest of its number and has the lowest power, so the product is
 * one bit too low.
 */
static void stt_ghash_reduce(u64 v[4], u64 y[2])
{
	unsigned int i;

	for (i = 3; i; i--)
		v[i] = v[i] << 1 | v[i - 1] >> 63;
	v[0] <<= 1;
	for (i = 0; i < 2; i++) {
		v[i + 2] ^= v[i] ^ v[i] >> 1 ^ v[i] >> 2 ^ v[i] >> 7;
		v[i + 1] ^= v[i] << 63 ^ v[i] << 62 ^ v[i] << 57;
	}
	y[0] = v[3];
	y[1] = v[2];
}

/* @y = @y * @h in GF(2^128), by Karatsuba's method. */
static void stt_ghash_mul(u64 y[2], const struct stt_poly h[3])
{
	struct stt_poly high = stt_poly(y[0]), low = stt_poly(y[1]);
	u64 v[4], mid, mid_high;

	v[2] = stt_poly_mul_wide(high, h[0], &v[3]);
	v[0] = stt_poly_mul_wide(low, h[1], &v[1]);
	mid = stt_poly_mul_wide(stt_poly_add(high, low), h[2], &mid_high);
	mid ^= v[0] ^ v[2];
	mid_high ^= v[1] ^ v[3];
	v[1] ^= mid;
	v[2] ^= mid_high;
	stt_ghash_reduce(v, y);
}

static void stt_ghash_begin(struct stt_gcm_scalar *gcm, const u8 key[AES_BLOCK_SIZE])
{
	gcm->h[0] = stt_poly(get_unaligned_be64(key));
	gcm->h[1] = stt_poly(get_unaligned_be64(key + 8));
	gcm->h[2] = stt_poly_add(gcm->h[0], gcm->h[1]);
	gcm->y[0] = 0;
	gcm->y[1] = 0;
}

static void stt_ghash_block(struct stt_gcm_scalar *gcm, u64 high, u64 low)
{
	gcm->y[0] ^= high;
	gcm->y[1] ^= low;
	stt_ghash_mul(gcm->y, gcm->h);
}

/* @len bytes, filled up with zeros to whole blocks. */
static void stt_ghash(struct stt_gcm_scalar *gcm, const u8 *data, size_t len)
{
	u8 last[AES_BLOCK_SIZE] = { 0 };

	for (; len >= AES_BLOCK_SIZE; data += AES_BLOCK_SIZE, len -= AES_BLOCK_SIZE)
		stt_ghash_block(gcm, get_unaligned_be64(data), get_unaligned_be64(data + 8));
	if (!len)
		return;
	memcpy(last, data, len);
	stt_ghash_block(gcm, get_unaligned_be64(last), get_unaligned_be64(last + 8));
}

/* ------------------------------------------------------------------------ */
/* Frames                                                                   */

/* All of the table is in the cache, so what is looked up next does not show. */
static void stt_gcm_touch_table(void)
{
	unsigned int i;

	for (i = 0; i < 256; i += SMP_CACHE_BYTES)
		(void)READ_ONCE(crypto_aes_sbox[i]);
}

static int stt_gcm_scalar_begin(struct stt_gcm_scalar *gcm, const u8 *secret, const u8 *iv)
{
	u8 block[AES_BLOCK_SIZE] = { 0 };
	int err;

	stt_gcm_touch_table();
	err = aes_expandkey(&gcm->aes, secret, STT_KEY_LEN);
	if (err)
		return err;
	memcpy(gcm->iv, iv, STT_GCM_IV_LEN);
	aes_encrypt(&gcm->aes, block, block);
	stt_ghash_begin(gcm, block);
	memzero_explicit(block, sizeof(block));
	return 0;
}

/* Block @n of the key stream; 1 covers the tag, the body begins with 2. */
static void stt_gcm_stream(const struct stt_gcm_scalar *gcm, u32 n, u8 block[AES_BLOCK_SIZE])
{
	memcpy(block, gcm->iv, STT_GCM_IV_LEN);
	put_unaligned_be32(n, block + STT_GCM_IV_LEN);
	aes_encrypt(&gcm->aes, block, block);
}

static void stt_gcm_crypt(const struct stt_gcm_scalar *gcm, u8 *body, size_t len)
{
	u8 block[AES_BLOCK_SIZE];
	size_t n;
	u32 at = 2;

	for (; len; body += n, len -= n) {
		stt_gcm_stream(gcm, at++, block);
		n = min_t(size_t, len, AES_BLOCK_SIZE);
		crypto_xor(body, block, n);
	}
	memzero_explicit(block, sizeof(block));
}

static void stt_gcm_tag(struct stt_gcm_scalar *gcm, const u8 *header, const u8 *sealed,
			size_t len, u8 tag[STT_TAG_LEN])
{
	stt_ghash(gcm, header, STT_HDR_LEN);
	stt_ghash(gcm, sealed, len);
	stt_ghash_block(gcm, STT_HDR_LEN * 8, (u64)len * 8);
	stt_gcm_stream(gcm, 1, tag);
	put_unaligned_be64(get_unaligned_be64(tag) ^ gcm->y[0], tag);
	put_unaligned_be64(get_unaligned_be64(tag + 8) ^ gcm->y[1], tag + 8);
}

int stt_gcm_scalar_seal(struct stt_gcm_scalar *gcm, const u8 *secret, const u8 *iv, u8 *frame,
			size_t body_len)
{
	u8 *body = frame + STT_HDR_LEN;
	int err;

	err = stt_gcm_scalar_begin(gcm, secret, iv);
	if (!err) {
		stt_gcm_crypt(gcm, body, body_len);
		stt_gcm_tag(gcm, frame, body, body_len, body + body_len);
	}
	memzero_explicit(gcm, sizeof(*gcm));
	return err;
}

int stt_gcm_scalar_open(struct stt_gcm_scalar *gcm, const u8 *secret, const u8 *iv, u8 *body,
			size_t len, const u8 *header)
{
	size_t body_len = len - STT_TAG_LEN;
	u8 tag[STT_TAG_LEN];
	int err;

	err = stt_gcm_scalar_begin(gcm, secret, iv);
	if (!err) {
		stt_gcm_tag(gcm, header, body, body_len, tag);
		if (crypto_memneq(tag, body + body_len, STT_TAG_LEN))
			err = -EBADMSG;
		else
			stt_gcm_crypt(gcm, body, body_len);
	}
	memzero_explicit(tag, sizeof(tag));
	memzero_explicit(gcm, sizeof(*gcm));
	return err;
}
