/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which HELLOs were taken, by their sealed timestamp and ephemeral key, so
 * that none is taken twice. Bounded: when it is full the oldest entry goes and
 * its timestamp becomes the floor, below which everything is refused.
 */
#ifndef STT_LIB_HANDSHAKE_REPLAY_H
#define STT_LIB_HANDSHAKE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stt/wire.h>

struct stt_replay_entry {
	uint8_t	time[STT_HS_TIME_LEN];		/* TAI64N: memcmp is order */
	uint8_t	e[STT_HS_EPHEMERAL_LEN];
};

struct stt_replay {
	struct stt_replay_entry	*entries;	/* sorted; [head, head + n) in use */
	size_t			head, n, cap;
	size_t			max;
	uint8_t			floor[STT_HS_TIME_LEN];
};

void stt_replay_init(struct stt_replay *r, size_t max, const uint8_t *floor);
void stt_replay_free(struct stt_replay *r);

/* Seen before, or not newer than the floor. */
bool stt_replay_seen(const struct stt_replay *r, const uint8_t *time, const uint8_t *e);

/* Remember one that was not seen. 0 or -ENOMEM. */
int stt_replay_add(struct stt_replay *r, const uint8_t *time, const uint8_t *e);

#endif /* STT_LIB_HANDSHAKE_REPLAY_H */
