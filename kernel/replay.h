/* SPDX-License-Identifier: GPL-2.0-only */
/* Replay window, RFC 6479; plain C. */
#ifndef _STT_REPLAY_H
#define _STT_REPLAY_H

#include "pure.h"

#define STT_REPLAY_BITS		2048
#define STT_REPLAY_WORDS	(STT_REPLAY_BITS / 64)
/* One word is always being cleared ahead, so this many can be told apart. */
#define STT_REPLAY_WINDOW	(STT_REPLAY_BITS - 64)

/**
 * struct stt_replay - which counters of a key have been received
 * @top: one more than the highest counter received
 * @bits: ring of words, one bit a counter
 */
struct stt_replay {
	u64 top;
	u64 bits[STT_REPLAY_WORDS];
};

/* What stt_replay_update() found. */
enum stt_replay_verdict {
	STT_REPLAY_STALE,	/* seen before, or too old to tell: drop */
	STT_REPLAY_LATE,	/* fresh, but younger frames came before it */
	STT_REPLAY_NEWEST,	/* fresh, and the highest counter so far */
};

bool stt_replay_check(const struct stt_replay *r, u64 counter);
enum stt_replay_verdict stt_replay_update(struct stt_replay *r, u64 counter);

#endif /* _STT_REPLAY_H */
