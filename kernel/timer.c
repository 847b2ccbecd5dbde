// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer of a session. There is one, and it does three things:
 *
 *  heartbeat  when nothing was heard of the peer for an interval, ask it
 *             (HEARTBEAT); it answers at once (HEARTBEAT_ACK);
 *  death      when STT_HEARTBEATS_MISSED of those were not answered either, the
 *             peer is dead: four intervals after it was last heard;
 *  keys       what rekey.c has to do at their ages.
 *
 * Sessions that were made together beat together, and a softirq full of frames
 * would only fill the queues behind it. So the timer puts the session on a list
 * of its node, and a work item sends, in process context.
 *
 * The timer is lazy. Frames only note the time; when it fires it looks how
 * long ago that was and sets itself for the rest. Whoever wants it sooner only
 * ever brings it forward.
 */

#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "node.h"
#include "output.h"
#include "session.h"

#define STT_HEARTBEATS_MISSED	3

/* ------------------------------------------------------------------------ */
/* Heartbeats wait for a work item                                          */

static void stt_beat_send(struct stt_session *s)
{
	if (READ_ONCE(s->state) == STT_SESSION_STATE_ACTIVE && !READ_ONCE(s->unlinked))
		stt_heartbeat(s);
	stt_session_put(s, STT_REF_BEAT);
}

/* All that wait, who came first in front. They may be a million. */
static struct llist_node *stt_beats_take(struct stt_node *node)
{
	struct llist_node *list = llist_del_all(&node->beats);
	struct llist_node *taken = NULL;
	struct llist_node *next;

	for (; list; list = next) {
		next = list->next;
		list->next = taken;
		taken = list;
		cond_resched();
	}
	return taken;
}

static void stt_beat_work(struct work_struct *work)
{
	struct stt_node *node = container_of(work, struct stt_node, beat_work);
	struct llist_node *list = stt_beats_take(node);
	struct stt_session *s, *next;

	llist_for_each_entry_safe(s, next, list, beat) {
		/* From here on it may be listed again. */
		smp_store_release(&s->beat_listed, false);
		stt_beat_send(s);
		cond_resched();
	}
	stt_node_put(node, STT_REF_BEAT);
}

void stt_beats_init(struct stt_node *node)
{
	init_llist_head(&node->beats);
	INIT_WORK(&node->beat_work, stt_beat_work);
}

/*
 * Have a heartbeat sent; false if one still waits for that. The timer's: nothing
 * else lists a session, and it is not deleted meanwhile.
 */
bool stt_timer_heartbeat(struct stt_session *s)
{
	struct stt_node *node = s->node;

	/* Pairs with the release above. */
	if (smp_load_acquire(&s->beat_listed) || !stt_session_hold(s, STT_REF_BEAT))
		return false;
	WRITE_ONCE(s->beat_listed, true);
	if (!llist_add(&s->beat, &node->beats))
		return true;
	/* The first of a list brings the work, which holds the node. */
	stt_node_hold(node, STT_REF_BEAT);
	if (!stt_node_queue(&node->beat_work))
		stt_node_put(node, STT_REF_BEAT);
	return true;
}

/* ------------------------------------------------------------------------ */
/* The timer                                                                */

/* One more heartbeat, unless enough were in vain. Returns whether it lives. */
static bool stt_timer_ask(struct stt_session *s)
{
	if (s->missed >= STT_HEARTBEATS_MISSED && !READ_ONCE(s->beat_listed)) {
		stt_session_end(s, STT_SESSION_STATE_DEAD, STT_CLOSE_NONE);
		return false;
	}
	/* What has not left cannot be missed. */
	if (stt_timer_heartbeat(s)) {
		s->missed++;
		s->last_beat = jiffies;
	}
	return true;
}

/* Heartbeat and death. Returns whether the session lives. */
static bool stt_timer_beat(struct stt_session *s, unsigned long *wait)
{
	unsigned long interval = READ_ONCE(s->heartbeat);
	unsigned long heard = jiffies - READ_ONCE(s->last_rx);
	u32 asked = (u32)jiffies - s->last_beat;

	if (!interval)
		return true;
	/* The answer may have come within the jiffy of the question. */
	if (heard <= asked)
		s->missed = 0;
	if (!stt_due(heard, interval, wait) || (s->missed && !stt_due(asked, interval, wait)))
		return true;
	*wait = min(*wait, interval);
	return stt_timer_ask(s);
}

static void stt_timer_fire(struct timer_list *timer)
{
	struct stt_session *s = from_timer(s, timer, timer);
	u8 state = READ_ONCE(s->state);
	unsigned long wait = ULONG_MAX;

	if (state > STT_SESSION_STATE_ACTIVE)
		return;
	/* A pending session has no heartbeat: whoever made it says how long it waits. */
	if (state == STT_SESSION_STATE_ACTIVE && !stt_timer_beat(s, &wait))
		return;
	stt_rekey_tick(s, &wait);
	if (wait != ULONG_MAX)
		stt_timer_within(s, wait);
}

/* Look at the session in @wait jiffies, or before. Harmless when it is going. */
void stt_timer_within(struct stt_session *s, unsigned long wait)
{
	timer_reduce(&s->timer, jiffies + wait);
}

static u32 stt_timer_interval(u32 heartbeat_ms)
{
	return heartbeat_ms ? max(msecs_to_jiffies(heartbeat_ms), 1UL) : 0;
}

void stt_timer_setup(struct stt_session *s, u32 heartbeat_ms)
{
	s->heartbeat = stt_timer_interval(heartbeat_ms);
	s->last_beat = jiffies;
	timer_setup(&s->timer, stt_timer_fire, 0);
}

void stt_timer_start(struct stt_session *s)
{
	unsigned long first = stt_rekey_first(s);
	unsigned long interval = READ_ONCE(s->heartbeat);

	if (interval && READ_ONCE(s->state) == STT_SESSION_STATE_ACTIVE)
		first = min(first, interval);
	if (first != ULONG_MAX)
		stt_timer_within(s, first);
}

/* A new interval counts from when the peer was last heard. */
void stt_timer_set(struct stt_session *s, u32 heartbeat_ms)
{
	u32 interval = stt_timer_interval(heartbeat_ms);

	lockdep_assert_held(&s->node->lock);
	WRITE_ONCE(s->heartbeat, interval);
	if (interval)
		stt_timer_within(s, interval);
}
