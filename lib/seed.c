// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <string.h>
#include <sodium.h>

#include "seed.h"

_Static_assert(sizeof(STT_SEED_SALT) - 1 == crypto_pwhash_argon2id_SALTBYTES,
	       "the salt is exactly as long as Argon2id wants it");

/* The salt is fixed: both peers must come to the same key, with nothing said. */
static int stretch(const void *seed, size_t len, struct stt_seed_root *root)
{
	root->len = STT_SEED_KEY_LEN;
	if (crypto_pwhash(root->key, root->len, seed, len, (const uint8_t *)STT_SEED_SALT,
			  STT_SEED_PASSES, STT_SEED_MEMORY, crypto_pwhash_ALG_ARGON2ID13))
		return -ENOMEM;
	return 0;
}

int stt_seed_root(const void *seed, size_t len, struct stt_seed_root *root)
{
	memset(root, 0, sizeof(*root));
	if (!seed || len < STT_SEED_MIN)
		return -EINVAL;
	if (stt_seed_is_weak(len))
		return stretch(seed, len, root);
	if (len > STT_SEED_ROOT_MAX) {
		root->len = STT_SEED_ROOT_MAX;
		crypto_generichash(root->key, root->len, seed, len, NULL, 0);
		return 0;
	}
	memcpy(root->key, seed, len);
	root->len = len;
	return 0;
}

void stt_seed_derive(const struct stt_seed_root *root, const char *label,
		     uint8_t key[STT_SEED_KEY_LEN])
{
	crypto_generichash(key, STT_SEED_KEY_LEN, (const uint8_t *)label, strlen(label),
			   root->key, root->len);
}

void stt_seed_wipe(struct stt_seed_root *root)
{
	sodium_memzero(root, sizeof(*root));
}
