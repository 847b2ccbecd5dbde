/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b (Noise revision 34), nothing else and
 * no I/O: two messages, then keys. The caller brings the buffers.
 *
 *	initiator: init, write1, read2, split
 *	responder: init, read1, write2, split
 *
 * A failed read leaves the state unusable: read into a copy if the handshake
 * must outlive garbage. Every path ends with stt_noise_wipe().
 */
#ifndef STT_LIB_NOISE_H
#define STT_LIB_NOISE_H

#include <stddef.h>
#include <stdint.h>

#define STT_NOISE_NAME		"Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b"
#define STT_NOISE_HASH_LEN	64
#define STT_NOISE_KEY_LEN	32
#define STT_NOISE_DH_LEN	32
#define STT_NOISE_TAG_LEN	16
/* What a message is longer than its payload: ephemeral key and tag. */
#define STT_NOISE_OVERHEAD	(STT_NOISE_DH_LEN + STT_NOISE_TAG_LEN)

struct stt_noise {
	uint8_t		ck[STT_NOISE_HASH_LEN];	/* chaining key */
	uint8_t		h[STT_NOISE_HASH_LEN];	/* transcript hash */
	uint8_t		k[STT_NOISE_KEY_LEN];	/* current cipher key */
	uint64_t	n;			/* its next nonce */
	uint8_t		secret[STT_NOISE_DH_LEN];	/* own ephemeral */
	uint8_t		e[STT_NOISE_DH_LEN];		/* its public half */
	uint8_t		re[STT_NOISE_DH_LEN];		/* the peer's */
};

/* Start either side. The pre-shared key is mixed in at once, as psk0 asks. */
void stt_noise_init(struct stt_noise *ns, const uint8_t psk[STT_NOISE_KEY_LEN],
		    const void *prologue, size_t prologue_len);

/* Choose the own ephemeral key; @secret NULL: a random one. Before any write. */
void stt_noise_ephemeral(struct stt_noise *ns, const uint8_t *secret);

/*
 * Mix a further pre-shared key in, as the psk token of Noise does: between two
 * messages, the same at both sides.
 */
void stt_noise_psk(struct stt_noise *ns, const uint8_t psk[STT_NOISE_KEY_LEN]);

/* Write a message of @len + STT_NOISE_OVERHEAD bytes to @out. 0 or -EBADMSG. */
int stt_noise_write1(struct stt_noise *ns, const void *payload, size_t len, uint8_t *out);
int stt_noise_write2(struct stt_noise *ns, const void *payload, size_t len, uint8_t *out);

/*
 * Read a message of @len bytes; @len - STT_NOISE_OVERHEAD bytes go to
 * @payload. 0 or -EBADMSG. Message 1 costs no Diffie-Hellman.
 */
int stt_noise_read1(struct stt_noise *ns, const uint8_t *msg, size_t len, void *payload);
int stt_noise_read2(struct stt_noise *ns, const uint8_t *msg, size_t len, void *payload);

/* Keys for initiator to responder and back, after message 2. */
void stt_noise_split(const struct stt_noise *ns, uint8_t k1[STT_NOISE_KEY_LEN],
		     uint8_t k2[STT_NOISE_KEY_LEN]);

/* HKDF of Noise with two outputs, cut to key length: further keys by label. */
void stt_noise_export(const struct stt_noise *ns, const char *label,
		      uint8_t k1[STT_NOISE_KEY_LEN], uint8_t k2[STT_NOISE_KEY_LEN]);

/* ChaChaPoly as Noise has it: nonce = 4 zero bytes, @n little-endian. */
void stt_noise_seal(const uint8_t key[STT_NOISE_KEY_LEN], uint64_t n, const void *ad,
		    size_t ad_len, const void *in, size_t len, uint8_t *out);
int stt_noise_open(const uint8_t key[STT_NOISE_KEY_LEN], uint64_t n, const void *ad,
		   size_t ad_len, const uint8_t *in, size_t len, void *out);

void stt_noise_wipe(struct stt_noise *ns);

#endif /* STT_LIB_NOISE_H */
