/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hash table of objects by a 32-bit key that is random already (handshake
 * ids, the first bytes of a MAC), so the key is its own hash. Objects embed
 * the link; several may have the same key. Grows as needed, never shrinks.
 */
#ifndef STT_LIB_HANDSHAKE_TABLE_H
#define STT_LIB_HANDSHAKE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct stt_id_link {
	struct stt_id_link	*next;
	uint32_t		key;
};

struct stt_id_table {
	struct stt_id_link	**buckets;	/* a power of two of them, or none */
	uint32_t		n_buckets;
	uint32_t		n;
};

#define stt_id_entry(link, type, member) \
	((type *)(void *)((char *)(link) - offsetof(type, member)))

/* 0 or -ENOMEM. */
int stt_id_insert(struct stt_id_table *t, struct stt_id_link *link, uint32_t key);
void stt_id_remove(struct stt_id_table *t, struct stt_id_link *link);

/* First object with this key, and the next one after @link. NULL: none. */
struct stt_id_link *stt_id_first(const struct stt_id_table *t, uint32_t key);
struct stt_id_link *stt_id_next(const struct stt_id_link *link);

/* A random key that is not zero and not taken. */
uint32_t stt_id_unused(const struct stt_id_table *t);

/* Frees the table itself; the objects are the caller's. */
void stt_id_free(struct stt_id_table *t);

#endif /* STT_LIB_HANDSHAKE_TABLE_H */
