// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ages of keys.
 *
 * A send key that is old, or has sealed many frames, is still good, but the
 * module asks the owner of the session for a new one: by an event, which is
 * repeated with back-off until a new key sends, as events can be lost.
 *
 * What nobody replaces ends without anybody's help, so that a program that was
 * stopped or hangs keeps no key alive:
 *
 *  previous	the receive key that the peer has left, STT_REKEY_PREVIOUS later.
 *		Nobody seals with it any more, it only opens what is still on
 *		the way. A minute is what Linux gives TCP segments to get lost
 *		(TIME_WAIT). Where keys live shorter than that, as long as a key;
 *  current	in either direction, STT_REKEY_REJECT times the age at which a
 *		new one was asked for, or at the number of frames that the suite
 *		allows. Sends fail with EKEYEXPIRED from then on. When the age is
 *		changed, no key ends before one more age: there was no reason to
 *		replace it before;
 *  waiting	keys of the next epoch in which the peer was not heard yet: not
 *		before a current one that is as old. The peer may have moved to
 *		them, and a silence between the two ends may last for any time:
 *		an end that wiped its half alone would not understand the other
 *		any more. With one age at both ends the peer's half ends as well.
 *		Nothing was sealed with them, so they do no harm. They
 *		stay for STT_REKEY_HANDSHAKE at least, as the handshake that
 *		brought them may still be under way.
 *
 * As always with timers, that may be up to an eighth later.
 *
 * Nothing is counted or armed per frame: volume is one compare where counters
 * are taken anyway, ages are looked at by the session's one timer.
 */

#include <linux/random.h>

#include "event.h"
#include "key.h"
#include "output.h"
#include "rekey.h"
#include "session.h"
#include "volume.h"

#define STT_REKEY_PREVIOUS	(60 * HZ)
#define STT_REKEY_HANDSHAKE	(20 * HZ)	/* it takes 10 s at most */
#define STT_REKEY_REJECT	3
#define STT_REKEY_REPEAT	HZ	/* the first repeat; each takes twice as long */
#define STT_REKEY_TRIES_MAX	6	/* up to 64 times that */

static void stt_rekey_limit(struct stt_session *s, u8 suite)
{
	WRITE_ONCE(s->rekey_at, stt_volume_ask(suite, s->rekey_volume));
}

/* How long before its time a key asks, so that the two ends do not ask at once. */
static unsigned long stt_rekey_early(const struct stt_session *s)
{
	return ((u64)s->rekey_age * s->rekey_jitter) >> 11;
}

void stt_rekey_set(struct stt_session *s, const struct stt_rekey_spec *spec)
{
	u32 age = msecs_to_jiffies(spec->age_ms);

	spin_lock_bh(&s->lock);
	if (s->rekey_age != age)
		s->age_since = jiffies;
	s->rekey_age = age;
	s->rekey_volume = spec->volume;
	stt_rekey_limit(s, s->tx_suite);
	/* What is due by the new settings is found out anew. */
	if (s->rekey_reason != STT_REKEY_DEMAND)
		WRITE_ONCE(s->rekey_reason, STT_REKEY_NONE);
	spin_unlock_bh(&s->lock);
}

/* When the timer of a new session has something to look at; ULONG_MAX: never. */
unsigned long stt_rekey_first(const struct stt_session *s)
{
	unsigned long age = READ_ONCE(s->rekey_age);

	return age ? age - age / 8 : ULONG_MAX;
}

/* Why a new key is wanted from now on, or that none is; under s->lock. */
static void stt_rekey_want(struct stt_session *s, u8 reason)
{
	s->rekey_tries = 0;
	s->rekey_asked = jiffies;
	WRITE_ONCE(s->rekey_reason, reason);
}

/* A new key sends; under s->lock. */
void stt_rekey_promoted(struct stt_session *s, u8 suite)
{
	s->tx_since = jiffies;
	s->tx_suite = suite;
	s->tx_expired = false;
	s->rekey_jitter = get_random_u32() & 0xff;
	stt_rekey_limit(s, suite);
	stt_rekey_want(s, STT_REKEY_NONE);
}

static void stt_rekey_tell(struct stt_session *s, gfp_t gfp)
{
	stt_timer_within(s, STT_REKEY_REPEAT);
	stt_event_session(s, STT_CMD_SESSION_REKEY_NTF, gfp);
}

/* Ask the owner now, whatever the key's age. */
int stt_rekey_demand(struct stt_session *s, struct netlink_ext_ack *extack)
{
	bool active;

	spin_lock_bh(&s->lock);
	active = s->state == STT_SESSION_STATE_ACTIVE;
	if (active)
		stt_rekey_want(s, STT_REKEY_DEMAND);
	spin_unlock_bh(&s->lock);

	if (!active) {
		NL_SET_ERR_MSG(extack, "only an active session can have new keys");
		return -EINVAL;
	}
	stt_rekey_tell(s, GFP_KERNEL);
	return 0;
}

/*
 * @key is to seal frames of this kind up to the one before @end, which is more
 * than a new key is asked for at. 0, or -EKEYEXPIRED: messages end first, and
 * what the module has to say itself goes on, so that a new key can be agreed on.
 */
int stt_rekey_volume(struct stt_session *s, struct stt_tx_key *key, u8 kind, u64 end)
{
	bool over = end > stt_volume_end(key->key.suite, STT_KIND_HANDSHAKE);
	int err = end > stt_volume_end(key->key.suite, kind) ? -EKEYEXPIRED : 0;
	bool news = false;

	if (!over && READ_ONCE(s->rekey_reason))
		return err;

	spin_lock_bh(&s->lock);
	/* Unless a new one has just taken over. */
	if (rcu_access_pointer(s->tx) == key) {
		news = !s->rekey_reason && s->state == STT_SESSION_STATE_ACTIVE;
		if (news)
			stt_rekey_want(s, STT_REKEY_VOLUME);
		if (over)
			stt_keys_expire(s, STT_KEY_SENDING);
	}
	spin_unlock_bh(&s->lock);

	if (news)
		stt_rekey_tell(s, GFP_ATOMIC);
	return err;
}

/*
 * Is a key's time of @span over? Where the age has been changed, not before there was
 * an age for a new one: what had been good for longer is old at once.
 */
static bool stt_rekey_over(const struct stt_session *s, unsigned long elapsed,
			   unsigned long span, unsigned long *wait)
{
	return stt_due(elapsed, span, wait) &&
	       stt_due((u32)jiffies - s->age_since, s->rekey_age, wait);
}

/* Keys whose time is over; under s->lock. */
static void stt_rekey_retire(struct stt_session *s, unsigned long *wait)
{
	unsigned long age = s->rekey_age, reject = age * STT_REKEY_REJECT;
	unsigned long previous = age ? min_t(unsigned long, age, STT_REKEY_PREVIOUS) :
				       STT_REKEY_PREVIOUS;
	unsigned long waiting = max_t(unsigned long, reject, STT_REKEY_HANDSHAKE);
	u32 now = jiffies;

	if (stt_keys_have(s, STT_KEY_PREVIOUS) &&
	    stt_due(now - s->rx_since, previous, wait))
		stt_keys_expire(s, STT_KEY_PREVIOUS);
	if (!reject)
		return;
	if (stt_keys_have(s, STT_KEY_WAITING) &&
	    stt_rekey_over(s, now - s->next_since, waiting, wait))
		stt_keys_expire(s, STT_KEY_WAITING);
	if (stt_keys_have(s, STT_KEY_SENDING) &&
	    stt_rekey_over(s, jiffies - s->tx_since, reject, wait))
		stt_keys_expire(s, STT_KEY_SENDING);
	if (stt_keys_have(s, STT_KEY_CURRENT) &&
	    stt_rekey_over(s, now - s->rx_since, reject, wait))
		stt_keys_expire(s, STT_KEY_CURRENT);
}

/* Has the send key become old? Under s->lock. */
static bool stt_rekey_aged(struct stt_session *s, unsigned long *wait)
{
	return !s->rekey_reason && s->rekey_age && stt_keys_have(s, STT_KEY_SENDING) &&
	       stt_due(jiffies - s->tx_since, s->rekey_age - stt_rekey_early(s), wait);
}

/* Is it time for the next repeat? Under s->lock. */
static bool stt_rekey_repeats(struct stt_session *s, unsigned long *wait)
{
	u32 elapsed = (u32)jiffies - s->rekey_asked;

	if (!stt_due(elapsed, STT_REKEY_REPEAT << s->rekey_tries, wait))
		return false;
	s->rekey_asked = jiffies;
	if (s->rekey_tries < STT_REKEY_TRIES_MAX)
		s->rekey_tries++;
	return true;
}

/* Is the owner to be asked, or the peer, now? Under s->lock. */
static bool stt_rekey_asks(struct stt_session *s, bool unsettled, unsigned long *wait)
{
	bool asks = false;

	if (stt_rekey_aged(s, wait)) {
		stt_rekey_want(s, STT_REKEY_AGE);
		asks = true;
	} else if (s->rekey_reason || unsettled) {
		asks = stt_rekey_repeats(s, wait);
	}
	if (asks)
		*wait = min_t(unsigned long, *wait, STT_REKEY_REPEAT << s->rekey_tries);
	return asks;
}

/*
 * What the timer does about keys. A peer that has not answered in the epoch
 * that sends since lately may wait for a proof that we have it: it gets one
 * again, as often as the owner would be asked.
 */
void stt_rekey_tick(struct stt_session *s, unsigned long *wait)
{
	bool unsettled, ask = false;
	u8 reason;

	spin_lock_bh(&s->lock);
	stt_rekey_retire(s, wait);
	unsettled = stt_keys_unsettled(s);
	if (s->state == STT_SESSION_STATE_ACTIVE)
		ask = stt_rekey_asks(s, unsettled, wait);
	reason = s->rekey_reason;
	spin_unlock_bh(&s->lock);

	if (ask && unsettled)
		stt_timer_heartbeat(s);
	if (ask && reason)
		stt_event_session(s, STT_CMD_SESSION_REKEY_NTF, GFP_ATOMIC);
}
