/* SPDX-License-Identifier: GPL-2.0-only */
/* Very many sessions of one node, and what they take. */
#ifndef SELFTESTS_CROWD_H
#define SELFTESTS_CROWD_H

#include "side.h"

/* Sessions have the ids from CROWD_ID on, so that their number is known by it. */
#define CROWD_ID 0x5ca1e00000000000ULL

/* The key of session @i that frames of end @from are sealed with; quickly made. */
void crowd_key(uint8_t secret[STT_KEY_LEN], unsigned int i, int from);
/* Session @i, as stt_ctl_session_new() takes it. @heartbeat_ms: 0 = off. */
void crowd_spec(struct stt_session_info *s, const struct side *k, unsigned int i,
		const union stt_addr *peer, uint32_t heartbeat_ms);
/* Create sessions @first to @first + @n - 1 by stt_ctl_session_new_many(). */
bool crowd_create(const struct side *k, unsigned int first, unsigned int n,
		  const union stt_addr *peer, uint32_t heartbeat_ms);

/* Bytes. The slabs are those of the module's caches, and of the index of sessions. */
struct memory {
	long long session, rx_key, tx_key, index;
	long long kernel;	/* slabs, vmalloc and per-CPU memory of the whole kernel */
};

/* False where these caches have no slabs of their own (slab merging). */
bool memory_now(struct memory *m);
long long memory_slabs(const struct memory *m);
/* Wait until no slab of the module's caches is left. */
bool memory_is_back(void);

#endif /* SELFTESTS_CROWD_H */
