/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which HELLOs were seen, by their sealed timestamp and ephemeral key, so that
 * none is taken twice. A HELLO is only good within some time around now, so
 * entries older than that can go; the memory is bounded besides.
 *
 * What was forgotten is refused by its timestamp: everything up to the newest
 * such one. But never anything of the last STT_REPLAY_GRACE_S seconds, so
 * that a full memory or a clock that was set back cannot shut out peers whose
 * clocks are right.
 */
#ifndef STT_LIB_HANDSHAKE_REPLAY_H
#define STT_LIB_HANDSHAKE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stt/wire.h>

#define STT_REPLAY_GRACE_S	10

struct stt_replay_entry {
	uint8_t		time[STT_HS_TIME_LEN];	/* TAI64N: memcmp is order */
	uint8_t		e[STT_HS_EPHEMERAL_LEN];
	uint64_t	until_ms;		/* may be taken before that; 0: was taken */
};

struct stt_replay {
	struct stt_replay_entry	*entries;	/* sorted; [head, head + n) in use */
	size_t			head, n, cap;
	size_t			max;
	uint32_t		lag_s;
	/* By the clock: what is refused up to, refused from, and never refused as forgotten. */
	uint8_t			oldest[STT_HS_TIME_LEN];
	uint8_t			newest[STT_HS_TIME_LEN];
	uint8_t			recent[STT_HS_TIME_LEN];
	uint8_t			forgotten[STT_HS_TIME_LEN];	/* the newest one */
};

/* Good are timestamps up to @lag_s before and after the clock. */
void stt_replay_init(struct stt_replay *r, size_t max, uint32_t lag_s);
void stt_replay_free(struct stt_replay *r);

/* What time it is, in Unix seconds. It may go back. */
void stt_replay_clock(struct stt_replay *r, int64_t now_s);

/* Taken before, or seen too long ago to be a repeat, or its time is no good. */
bool stt_replay_seen(const struct stt_replay *r, uint64_t now_ms, const uint8_t *time,
		     const uint8_t *e);

/*
 * Remember one that stt_replay_seen() lets pass: as taken (@until_ms 0), or as
 * one that was refused, but may come again until then, unless an earlier
 * refusal has said when. 0 or -ENOMEM.
 */
int stt_replay_add(struct stt_replay *r, const uint8_t *time, const uint8_t *e,
		   uint64_t until_ms);

#endif /* STT_LIB_HANDSHAKE_REPLAY_H */
