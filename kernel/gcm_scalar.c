// SPDX-License-Identifier: GPL-2.0-only
/*
 * AES-256-GCM without SIMD, NIST SP 800-38D, for the moments when gcm.c must
 * not touch the vector registers. On x86 that is a softirq that came in the
 * middle of somebody's use of them (disk encryption, kTLS), so it keeps
 * nothing: the key is expanded for each frame. The kernel's own scalar
 * gcm(aes) would cost some 6 KiB for every key, used or not.
 *
 * Neither the AES library nor the multiplication here branches on secrets. The
 * library looks up a table of 256 bytes, which it reads as a whole before a
 * block; for the expansion of a key that is done here.
 */

#include <crypto/algapi.h>

#include "compat.h"
#include "gcm.h"

/* @y = @y * @h in GF(2^128), the first bit of a block being the highest. */
static void stt_ghash_mul(u64 y[2], const u64 h[2])
{
	u64 z[2] = { 0, 0 }, v[2] = { h[0], h[1] };
	unsigned int i;
	u64 mask;

	for (i = 0; i < 128; i++) {
		mask = -(y[i / 64] >> (63 - i % 64) & 1);
		z[0] ^= v[0] & mask;
		z[1] ^= v[1] & mask;
		mask = -(v[1] & 1);
		v[1] = v[1] >> 1 | v[0] << 63;
		v[0] = v[0] >> 1 ^ (mask & 0xe1ULL << 56);
	}
	y[0] = z[0];
	y[1] = z[1];
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
	gcm->h[0] = get_unaligned_be64(block);
	gcm->h[1] = get_unaligned_be64(block + 8);
	gcm->y[0] = 0;
	gcm->y[1] = 0;
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

static void stt_gcm_crypt(const struct stt_gcm_scalar *gcm, u8 *dst, const u8 *src, size_t len)
{
	u8 block[AES_BLOCK_SIZE];
	size_t n, i;
	u32 at = 2;

	for (; len; dst += n, src += n, len -= n) {
		stt_gcm_stream(gcm, at++, block);
		n = min_t(size_t, len, AES_BLOCK_SIZE);
		for (i = 0; i < n; i++)
			dst[i] = src[i] ^ block[i];
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
		stt_gcm_crypt(gcm, body, body, body_len);
		stt_gcm_tag(gcm, frame, body, body_len, body + body_len);
	}
	memzero_explicit(gcm, sizeof(*gcm));
	return err;
}

int stt_gcm_scalar_open(struct stt_gcm_scalar *gcm, const u8 *secret, const u8 *iv, u8 *dst,
			const u8 *src, size_t len, const u8 *header)
{
	size_t body_len = len - STT_TAG_LEN;
	u8 tag[STT_TAG_LEN];
	int err;

	err = stt_gcm_scalar_begin(gcm, secret, iv);
	if (!err) {
		stt_gcm_tag(gcm, header, src, body_len, tag);
		if (crypto_memneq(tag, src + body_len, STT_TAG_LEN))
			err = -EBADMSG;
		else
			stt_gcm_crypt(gcm, dst, src, body_len);
	}
	memzero_explicit(tag, sizeof(tag));
	memzero_explicit(gcm, sizeof(*gcm));
	return err;
}
