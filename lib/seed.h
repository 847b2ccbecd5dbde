/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a seed to keys. A seed is 16 bytes or more; one under 32 is stretched
 * by Argon2id first, because it is probably something a person can remember;
 * one over 64, the longest BLAKE2b key, is hashed.
 */
#ifndef STT_LIB_SEED_H
#define STT_LIB_SEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STT_SEED_MIN		16	/* shorter is refused */
#define STT_SEED_GOOD		32	/* shorter is stretched and warned about */
#define STT_SEED_ROOT_MAX	64
#define STT_SEED_KEY_LEN	32

/* Argon2id with one lane: the second recommended choice of RFC 9106. */
#define STT_SEED_PASSES		3
#define STT_SEED_MEMORY		(64U << 20)
#define STT_SEED_SALT		"STT seed salt v1"

#define STT_SEED_LABEL_PSK	"STT psk v1"
#define STT_SEED_LABEL_MAC1	"STT mac1 v1"
#define STT_SEED_LABEL_NODE_ID	"STT node id v1"

struct stt_seed_root {
	uint8_t	key[STT_SEED_ROOT_MAX];
	size_t	len;
};

static inline bool stt_seed_is_weak(size_t len)
{
	return len < STT_SEED_GOOD;
}

/* 0, -EINVAL (too short), -ENOMEM (no 64 MiB for the stretching). Wipe @root after use. */
int stt_seed_root(const void *seed, size_t len, struct stt_seed_root *root);

/* The key of the root that goes with a label. */
void stt_seed_derive(const struct stt_seed_root *root, const char *label,
		     uint8_t key[STT_SEED_KEY_LEN]);

void stt_seed_wipe(struct stt_seed_root *root);

#endif /* STT_LIB_SEED_H */
