// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cipher suites.
 *
 * ChaCha20-Poly1305 is always there: a linear library call that needs nothing
 * but the secret. AES-256-GCM is there if the kernel has gcm(aes) (gcm.c).
 * Both can be called in process context and in softirq, and are done when they
 * return.
 */

#include <crypto/chacha20poly1305.h>
#include <linux/netlink.h>

#include "gcm.h"
#include "suite.h"

u32 stt_suites(void)
{
	return BIT(STT_SUITE_CHACHA20POLY1305) |
	       (stt_gcm_available() ? BIT(STT_SUITE_AES256GCM) : 0);
}

int stt_suite_check(u8 suite, struct netlink_ext_ack *extack)
{
	if (suite < 32 && stt_suites() & BIT(suite))
		return 0;
	if (suite == STT_SUITE_AES256GCM)
		NL_SET_ERR_MSG(extack, "this kernel had no gcm(aes) when the module came");
	else
		NL_SET_ERR_MSG(extack, "no such cipher suite here");
	return -EOPNOTSUPP;
}

int stt_cipher_init(struct stt_cipher *cipher, u8 suite, const u8 *secret)
{
	memcpy(cipher->secret, secret, STT_KEY_LEN);
	cipher->aead = NULL;
	return suite == STT_SUITE_AES256GCM ? stt_gcm_init(cipher) : 0;
}

void stt_cipher_release(struct stt_cipher *cipher)
{
	stt_gcm_release(cipher);
	memzero_explicit(cipher, sizeof(*cipher));
}

/*
 * Seal a frame where it lies: @frame starts with the finished clear header,
 * @body_len bytes of inner header and payload follow, and there is room for
 * the tag behind them. Both suites have a nonce of four zero bytes and
 * @counter as 64-bit little-endian. After an error the frame is good for
 * nothing, and the counter is spent.
 */
int stt_cipher_seal(const struct stt_cipher *cipher, u8 *frame, size_t body_len, u64 counter)
{
	u8 *body = frame + STT_HDR_LEN;

	if (cipher->aead)
		return stt_gcm_seal(cipher, frame, body_len, counter);
	chacha20poly1305_encrypt(body, body, body_len, frame, STT_HDR_LEN, counter,
				 cipher->secret);
	return 0;
}

/*
 * Open the sealed part of a frame, @len bytes with its tag, where it lies. 0, -EBADMSG if
 * the tag is wrong, or -ENOMEM: after an error what is in @body is worth nothing.
 */
int stt_cipher_open(const struct stt_cipher *cipher, u8 *body, size_t len, const u8 *header,
		    u64 counter)
{
	if (cipher->aead)
		return stt_gcm_open(cipher, body, len, header, counter);
	return chacha20poly1305_decrypt(body, body, len, header, STT_HDR_LEN, counter,
					cipher->secret) ? 0 : -EBADMSG;
}

int __init stt_suites_init(void)
{
	return stt_gcm_setup();
}

void stt_suites_exit(void)
{
	stt_gcm_cleanup();
}
