/* SPDX-License-Identifier: GPL-2.0-only */
/* Cipher suites: what a key is made of, and one frame sealed or opened by it. */
#ifndef _STT_SUITE_H
#define _STT_SUITE_H

#include <linux/stt.h>
#include <linux/types.h>
#include <stt/wire.h>

struct crypto_aead;
struct netlink_ext_ack;

/**
 * struct stt_cipher - a secret and what its suite has made of it
 * @secret: the key; wiped with the memory it lies in
 * @aead: AES-256-GCM: the expanded key; NULL for ChaCha20-Poly1305, which
 *	works from @secret
 */
struct stt_cipher {
	u8 secret[STT_KEY_LEN];
	struct crypto_aead *aead;
};

/* Bit N: suite N is there. */
u32 stt_suites(void);

/* 0, or why keys cannot have this suite. */
int __must_check stt_suite_check(u8 suite, struct netlink_ext_ack *extack);

/* May sleep. Release it in any case, also after failure; that may be done in softirq. */
int __must_check stt_cipher_init(struct stt_cipher *cipher, u8 suite, const u8 *secret);
void stt_cipher_release(struct stt_cipher *cipher);

int __must_check stt_cipher_seal(const struct stt_cipher *cipher, u8 *frame, size_t body_len,
				 u64 counter);
int __must_check stt_cipher_open(const struct stt_cipher *cipher, u8 *body, size_t len,
				 const u8 *header, u64 counter);

int stt_suites_init(void);
void stt_suites_exit(void);

#endif /* _STT_SUITE_H */
