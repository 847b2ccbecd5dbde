// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer of a session. There is one, and it does two things:
 *
 *  heartbeat  when nothing was heard of the peer for an interval, ask it
 *             (HEARTBEAT); it answers at once (HEARTBEAT_ACK);
 *  death      when STT_HEARTBEATS_MISSED of those were not answered either, the
 *             peer is dead: four intervals after it was last heard.
 *
 * The timer is lazy. Frames only note the time; when it fires it looks how
 * long ago that was and sets itself for the rest.
 */

#include <linux/jiffies.h>
#include <linux/timer.h>

#include "node.h"
#include "output.h"
#include "session.h"

#define STT_HEARTBEATS_MISSED	3

static void stt_timer_idle(struct stt_session *s, unsigned long interval, unsigned long heard)
{
	/* The answer may have come within the jiffy of the question. */
	if (!time_before(heard, s->last_beat))
		s->missed = 0;
	if (s->missed >= STT_HEARTBEATS_MISSED) {
		stt_session_end(s, STT_SESSION_STATE_DEAD, STT_CLOSE_NONE);
		return;
	}
	s->missed++;
	s->last_beat = jiffies;
	stt_output_control(s, STT_KIND_HEARTBEAT);
	mod_timer(&s->timer, jiffies + interval);
}

static void stt_timer_fire(struct timer_list *timer)
{
	struct stt_session *s = from_timer(s, timer, timer);
	unsigned long interval = READ_ONCE(s->heartbeat);
	unsigned long heard = READ_ONCE(s->last_rx);

	if (!interval || READ_ONCE(s->state) != STT_SESSION_STATE_ACTIVE)
		return;

	if (time_before(jiffies, heard + interval)) {
		s->missed = 0;
		mod_timer(&s->timer, heard + interval);
	} else {
		stt_timer_idle(s, interval, heard);
	}
}

static unsigned long stt_timer_interval(u32 heartbeat_ms)
{
	return heartbeat_ms ? max(msecs_to_jiffies(heartbeat_ms), 1UL) : 0;
}

void stt_timer_setup(struct stt_session *s, u32 heartbeat_ms)
{
	s->heartbeat = stt_timer_interval(heartbeat_ms);
	s->last_beat = jiffies;
	timer_setup(&s->timer, stt_timer_fire, 0);
}

/* A pending session has no heartbeat: whoever made it says how long it waits. */
void stt_timer_start(struct stt_session *s)
{
	unsigned long interval = READ_ONCE(s->heartbeat);

	if (interval && READ_ONCE(s->state) == STT_SESSION_STATE_ACTIVE)
		mod_timer(&s->timer, jiffies + interval);
}

/* A new interval counts from now. */
void stt_timer_set(struct stt_session *s, u32 heartbeat_ms)
{
	unsigned long interval = stt_timer_interval(heartbeat_ms);

	lockdep_assert_held(&s->node->lock);
	WRITE_ONCE(s->heartbeat, interval);
	if (interval)
		stt_timer_start(s);
	else
		timer_delete_sync(&s->timer);
}
