// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heartbeats, and what their answers say of the round trip. An answer does not
 * name its question, so by Karn's rule none is timed while more than one is
 * open, nor the first one after that, as an answer may still be late.
 */

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/ktime.h>

#include "output.h"
#include "session.h"

#define STT_RTT_SHIFT	3	/* the weight of a sample, as in RFC 6298 */

/* Who answers later than this was away: that is no round trip. */
#define STT_RTT_MAX_US	(60 * USEC_PER_SEC)

static u64 stt_rtt_now(void)
{
	return ktime_to_us(ktime_get());
}

/* A question leaves. Intervals are up to a day, so 32 bits would not do. */
static void stt_rtt_begin(struct stt_session *s)
{
	u64 now = stt_rtt_now();

	s->beat_us = lower_32_bits(now);
	s->beat_us_high = upper_32_bits(now);
}

static u64 stt_rtt_took(const struct stt_session *s)
{
	u64 then = (u64)s->beat_us_high << 32 | s->beat_us;

	return (stt_rtt_now() - then) & GENMASK_ULL(47, 0);
}

/* Ask the peer for a sign of life. Any context. */
void stt_heartbeat(struct stt_session *s)
{
	spin_lock_bh(&s->lock);
	if (!s->beats)
		stt_rtt_begin(s);
	if (s->beats < U8_MAX)
		s->beats++;
	spin_unlock_bh(&s->lock);

	stt_output_control(s, STT_KIND_HEARTBEAT);
}

static void stt_rtt_sample(struct stt_session *s, u64 took)
{
	u32 srtt = s->srtt_us;
	u32 us = max(took, 1ULL);

	if (took > STT_RTT_MAX_US)
		return;
	WRITE_ONCE(s->rtt_us, us);
	if (srtt)
		srtt += (int)(us - srtt) / (1 << STT_RTT_SHIFT);
	WRITE_ONCE(s->srtt_us, srtt ?: us);
}

/* The peer has answered one. */
void stt_heartbeat_answered(struct stt_session *s)
{
	spin_lock_bh(&s->lock);
	if (s->beats == 1 && !s->beats_late)
		stt_rtt_sample(s, stt_rtt_took(s));
	if (s->beats)
		s->beats_late = s->beats > 1;
	s->beats = 0;
	spin_unlock_bh(&s->lock);
}
