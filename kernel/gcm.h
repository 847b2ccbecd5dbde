/* SPDX-License-Identifier: GPL-2.0-only */
/* AES-256-GCM; suite.c is the one who calls. */
#ifndef _STT_GCM_H
#define _STT_GCM_H

#include <crypto/aes.h>

#include "suite.h"

#define STT_GCM_IV_LEN	12

/* gcm.c: by the crypto API. */
bool stt_gcm_available(void);
int __must_check stt_gcm_init(struct stt_cipher *cipher);
void stt_gcm_release(struct stt_cipher *cipher);
int __must_check stt_gcm_seal(const struct stt_cipher *cipher, u8 *frame, size_t body_len,
			      u64 counter);
int __must_check stt_gcm_open(const struct stt_cipher *cipher, u8 *body, size_t len,
			      const u8 *header, u64 counter);
int stt_gcm_setup(void);
void stt_gcm_cleanup(void);

/* gcm_scalar.c: without SIMD. */

/**
 * struct stt_poly - a polynomial over GF(2) of up to 64 bits
 * @bits: the polynomial
 * @back: the same back to front
 */
struct stt_poly {
	u64 bits;
	u64 back;
};

/**
 * struct stt_gcm_scalar - what one frame needs
 * @aes: expanded key
 * @h: hash key, the halves of a 128-bit polynomial, and their sum
 * @y: hash so far
 * @iv: the frame's
 */
struct stt_gcm_scalar {
	struct crypto_aes_ctx aes;
	struct stt_poly h[3];
	u64 y[2];
	u8 iv[STT_GCM_IV_LEN];
};

int __must_check stt_gcm_scalar_seal(struct stt_gcm_scalar *gcm, const u8 *secret,
				     const u8 *iv, u8 *frame, size_t body_len);
int __must_check stt_gcm_scalar_open(struct stt_gcm_scalar *gcm, const u8 *secret,
				     const u8 *iv, u8 *body, size_t len, const u8 *header);

#endif /* _STT_GCM_H */
