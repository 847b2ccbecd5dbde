// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay window after RFC 6479: a ring of words, so that moving the window is
 * clearing words instead of shifting bits.
 */

#include "replay.h"

static size_t stt_replay_word(u64 counter)
{
	return (counter / 64) % STT_REPLAY_WORDS;
}

static u64 stt_replay_bit(u64 counter)
{
	return 1ULL << (counter % 64);
}

static bool stt_replay_too_old(u64 top, u64 counter)
{
	return counter + STT_REPLAY_WINDOW < top;
}

/*
 * Would @counter be fresh? Reads only and takes no lock: it keeps known
 * replays away from the cipher. A frame that passes is asked again, with
 * stt_replay_update(), when its tag has been verified.
 */
bool stt_replay_check(const struct stt_replay *r, u64 counter)
{
	u64 top = READ_ONCE(r->top);

	if (counter >= top)
		return true;
	if (stt_replay_too_old(top, counter))
		return false;
	return !(READ_ONCE(r->bits[stt_replay_word(counter)]) & stt_replay_bit(counter));
}

/* Clear the words that the window enters when @counter becomes the top. */
static void stt_replay_advance(struct stt_replay *r, u64 counter)
{
	u64 now = r->top ? (r->top - 1) / 64 : 0;
	u64 steps = counter / 64 - now;
	u64 i;

	if (steps > STT_REPLAY_WORDS)
		steps = STT_REPLAY_WORDS;
	for (i = 1; i <= steps; i++)
		WRITE_ONCE(r->bits[(now + i) % STT_REPLAY_WORDS], 0);
	WRITE_ONCE(r->top, counter + 1);
}

/*
 * Record @counter, which belongs to an authentic frame. The caller holds the
 * lock of the key.
 */
enum stt_replay_verdict stt_replay_update(struct stt_replay *r, u64 counter)
{
	bool newest = counter >= r->top;
	u64 *word = &r->bits[stt_replay_word(counter)];
	u64 bit = stt_replay_bit(counter);

	if (newest)
		stt_replay_advance(r, counter);
	else if (stt_replay_too_old(r->top, counter) || (*word & bit))
		return STT_REPLAY_STALE;

	WRITE_ONCE(*word, *word | bit);
	return newest ? STT_REPLAY_NEWEST : STT_REPLAY_LATE;
}
