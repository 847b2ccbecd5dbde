// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of many frames, put together. All that comes here is authentic; what
 * a peer may still do is to begin messages and never end them, so there is a
 * limit of time, one for each session, and one for the network namespace. At
 * the latter, memory goes from sessions that have more to those that have less.
 * Where nobody has more, as so many have a little, the oldest message of all pays for
 * one that is still coming: of those that never end there are plenty.
 *
 * No user gets more than half in this way from others. He may have more where it
 * was free, but what he wants beyond that his own sessions pay.
 *
 * A session that never got a fragment has nothing of this. The first one
 * allocates a struct stt_join, which lives as long as the session.
 */

#include <linux/list.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "deliver.h"
#include "join.h"
#include "node.h"
#include "reassembly.h"
#include "session.h"

/* A message must be complete this long after its first frame. */
#define STT_JOIN_TIME		(2 * HZ)
/* One session's incomplete messages: how many, and how much memory. */
#define STT_JOIN_PARTS		64
#define STT_JOIN_BYTES		(1024 * 1024)
/* So much a message takes at most: what a session may have at the expense of older ones. */
#define STT_JOIN_ONE		(512 * 1024)
/* How many other sessions are asked for memory when there is no more. */
#define STT_JOIN_ASKS		64

/**
 * struct stt_join - the incomplete messages of a session
 * @session: whose; it frees this
 * @net_list: in stt_net.joins while there are parts, and guarded by its lock
 * @lock: guards the rest
 * @parts: in the order in which they began
 * @n_parts: how many
 * @bytes: memory they take
 * @closed: the session is over: nothing is added any more
 * @timer: gives up the oldest
 */
struct stt_join {
	struct stt_session *session;
	struct list_head net_list;
	spinlock_t lock;	/* see above */
	struct list_head parts;
	unsigned int n_parts;
	unsigned int bytes;
	bool closed;
	struct timer_list timer;
};

/**
 * struct stt_part - an incomplete message
 * @list: in join->parts
 * @age: in stt_net.parts
 * @join: whose
 * @r: which frames have come
 * @begun: jiffies of the first one
 * @bytes: memory it takes
 * @chunks: what has come, in the order of the frames
 */
struct stt_part {
	struct list_head list;
	struct list_head age;
	struct stt_join *join;
	struct stt_reassembly r;
	unsigned long begun;
	unsigned int bytes;
	struct sk_buff_head chunks;
};

/* What kmalloc() gives for one, at most. */
#define STT_PART_BYTES	roundup_pow_of_two(sizeof(struct stt_part))

/* Index of the first frame of a chunk. */
static u8 *stt_chunk_frag(struct sk_buff *skb)
{
	return (u8 *)skb->cb;
}

/* ------------------------------------------------------------------------ */
/* Memory                                                                   */

static struct stt_net *stt_join_net(const struct stt_join *join)
{
	return stt_net(join->session->node->net);
}

static struct stt_user *stt_join_user(const struct stt_join *join)
{
	return join->session->node->user;
}

static bool stt_join_charge(struct stt_join *join, unsigned int bytes)
{
	struct stt_net *sn = stt_join_net(join);

	if (join->bytes + bytes > STT_JOIN_BYTES)
		return false;
	if (atomic_long_add_return(bytes, &sn->reassembly_bytes) <=
	    READ_ONCE(sn->reassembly_max_bytes)) {
		atomic_long_add(bytes, &stt_join_user(join)->reassembly_bytes);
		join->bytes += bytes;
		return true;
	}
	atomic_long_sub(bytes, &sn->reassembly_bytes);
	return false;
}

static void stt_join_uncharge(struct stt_join *join, unsigned int bytes)
{
	join->bytes -= bytes;
	atomic_long_sub(bytes, &stt_join_user(join)->reassembly_bytes);
	atomic_long_sub(bytes, &stt_join_net(join)->reassembly_bytes);
}

/* A message begins. The namespace knows it, and who has something. */
static void stt_part_list(struct stt_join *join, struct stt_part *part)
{
	struct stt_net *sn = stt_join_net(join);

	list_add_tail(&part->list, &join->parts);
	spin_lock(&sn->joins_lock);
	list_add_tail(&part->age, &sn->parts);
	if (!join->n_parts++)
		list_add_tail(&join->net_list, &sn->joins);
	spin_unlock(&sn->joins_lock);
}

/* Under the locks of both. */
static void stt_part_unlist(struct stt_join *join, struct stt_part *part)
{
	list_del(&part->list);
	list_del(&part->age);
	if (!--join->n_parts)
		list_del(&join->net_list);
}

static void stt_part_destroy(struct stt_join *join, struct stt_part *part)
{
	stt_join_uncharge(join, part->bytes);
	__skb_queue_purge(&part->chunks);
	kfree(part);
}

static void stt_part_free(struct stt_join *join, struct stt_part *part)
{
	struct stt_net *sn = stt_join_net(join);

	spin_lock(&sn->joins_lock);
	stt_part_unlist(join, part);
	spin_unlock(&sn->joins_lock);
	stt_part_destroy(join, part);
}

static void stt_part_count_lost(struct stt_join *join, struct stt_part *part)
{
	stt_count_add(join->session->node, join->session, DROP_FRAGMENT, part->r.got);
}

/* A message that will never be whole. */
static void stt_part_give_up(struct stt_join *join, struct stt_part *part)
{
	stt_part_count_lost(join, part);
	stt_part_free(join, part);
}

/* The same, under the lock of the namespace as well. */
static void stt_part_take_away(struct stt_join *join, struct stt_part *part)
{
	stt_part_count_lost(join, part);
	stt_part_unlist(join, part);
	stt_part_destroy(join, part);
}

static struct stt_part *stt_join_oldest(struct stt_join *join)
{
	return list_first_entry_or_null(&join->parts, struct stt_part, list);
}

static bool stt_join_give_up_oldest(struct stt_join *join)
{
	struct stt_part *part = stt_join_oldest(join);

	if (part)
		stt_part_give_up(join, part);
	return part;
}

/* ------------------------------------------------------------------------ */
/* Limits                                                                   */

/* Does @other pay for @bytes of @join? */
static bool stt_join_pays(const struct stt_join *other, const struct stt_join *join,
			  unsigned int bytes)
{
	const struct stt_user *user = stt_join_user(join);
	u32 max = READ_ONCE(stt_join_net(join)->reassembly_max_bytes);

	if (other == join)
		return false;
	return stt_join_user(other) == user ||
	       atomic_long_read(&user->reassembly_bytes) + bytes <= max / 2;
}

/*
 * Who has more than @mine, pays with its oldest message. Whoever is busy right
 * now is not waited for. Under the lock of the namespace.
 */
static void stt_join_ask(struct stt_join *join, unsigned int mine)
{
	if (!spin_trylock(&join->lock))
		return;
	if (join->bytes > mine && join->n_parts)
		stt_part_take_away(join, stt_join_oldest(join));
	spin_unlock(&join->lock);
}

static bool stt_join_is_full(struct stt_net *sn, unsigned int bytes)
{
	return atomic_long_read(&sn->reassembly_bytes) + bytes >
	       READ_ONCE(sn->reassembly_max_bytes);
}

/* The oldest messages pay, but those of @join. Under the lock of the namespace. */
static void stt_join_outlive(struct stt_net *sn, struct stt_join *join, unsigned int bytes)
{
	unsigned int asks = STT_JOIN_ASKS;
	struct stt_part *part, *next;
	struct stt_join *other;

	list_for_each_entry_safe(part, next, &sn->parts, age) {
		if (!asks-- || !stt_join_is_full(sn, bytes))
			break;
		other = part->join;
		if (!stt_join_pays(other, join, bytes) || !spin_trylock(&other->lock))
			continue;
		stt_part_take_away(other, part);
		spin_unlock(&other->lock);
	}
}

/*
 * The namespace is full. @join would have @mine with the @bytes it needs. Its own
 * lock is held, and that of another is only tried: this cannot dead-lock. A listed
 * join is not freed.
 */
static void stt_join_relieve(struct stt_join *join, unsigned int mine, unsigned int bytes)
{
	struct stt_net *sn = stt_join_net(join);
	unsigned int asks = STT_JOIN_ASKS;
	struct stt_join *other;

	spin_lock(&sn->joins_lock);
	while (asks-- && !list_empty(&sn->joins) && stt_join_is_full(sn, bytes)) {
		other = list_first_entry(&sn->joins, struct stt_join, net_list);
		list_move_tail(&other->net_list, &sn->joins);
		if (stt_join_pays(other, join, bytes))
			stt_join_ask(other, mine);
	}
	if (mine <= STT_JOIN_ONE)
		stt_join_outlive(sn, join, bytes);
	spin_unlock(&sn->joins_lock);
}

/* Room for @bytes, in the end at the expense of the older messages but @keep. */
static bool stt_join_room(struct stt_join *join, const struct stt_part *keep, unsigned int bytes)
{
	unsigned int mine = join->bytes + bytes;
	struct stt_part *part, *next;

	if (stt_join_charge(join, bytes))
		return true;
	if (mine <= STT_JOIN_BYTES) {
		stt_join_relieve(join, mine, bytes);
		if (stt_join_charge(join, bytes))
			return true;
	}
	list_for_each_entry_safe(part, next, &join->parts, list) {
		if (part == keep)
			continue;
		stt_part_give_up(join, part);
		if (stt_join_charge(join, bytes))
			return true;
	}
	return false;
}

static void stt_join_expire(struct timer_list *timer)
{
	struct stt_join *join = from_timer(join, timer, timer);
	struct stt_part *part;

	spin_lock_bh(&join->lock);
	while ((part = stt_join_oldest(join)) &&
	       !time_before(jiffies, part->begun + STT_JOIN_TIME))
		stt_part_give_up(join, part);
	if (part && !join->closed)
		mod_timer(&join->timer, part->begun + STT_JOIN_TIME);
	spin_unlock_bh(&join->lock);
}

/* ------------------------------------------------------------------------ */
/* The life of a join                                                       */

static struct stt_join *stt_join_create(struct stt_session *s)
{
	struct stt_join *join = kzalloc(sizeof(*join), GFP_ATOMIC | __GFP_NOWARN);

	if (!join)
		return NULL;
	join->session = s;
	spin_lock_init(&join->lock);
	INIT_LIST_HEAD(&join->parts);
	timer_setup(&join->timer, stt_join_expire, 0);
	return join;
}

/* The join of a session, made by its first fragment. NULL if it is over. */
static struct stt_join *stt_join_of(struct stt_session *s)
{
	struct stt_join *join = READ_ONCE(s->join);

	if (likely(join))
		return join;

	spin_lock_bh(&s->lock);
	join = s->join;
	if (!join && !s->unlinked && s->state <= STT_SESSION_STATE_ACTIVE) {
		join = stt_join_create(s);
		/* Filled before it is seen: pairs with the READ_ONCE() above. */
		smp_store_release(&s->join, join);
	}
	spin_unlock_bh(&s->lock);
	return join;
}

/*
 * The session is over: what is incomplete goes now, while its namespace is
 * certainly there, and nothing is added any more. After @s has said so in its
 * state, under its lock.
 */
void stt_join_close(struct stt_session *s)
{
	struct stt_join *join;

	spin_lock_bh(&s->lock);
	join = s->join;
	spin_unlock_bh(&s->lock);
	if (!join)
		return;

	spin_lock_bh(&join->lock);
	join->closed = true;
	while (stt_join_give_up_oldest(join))
		;
	spin_unlock_bh(&join->lock);
}

/* The same, and no timer runs any more: @s has left the tables. */
void stt_join_stop(struct stt_session *s)
{
	stt_join_close(s);
	if (s->join)
		timer_shutdown_sync(&s->join->timer);
}

/* Nobody can find @s any more. */
void stt_join_free(struct stt_session *s)
{
	kfree(s->join);
}

/* ------------------------------------------------------------------------ */
/* A chunk comes                                                            */

static struct stt_part *stt_join_find(struct stt_join *join, const struct stt_chunk *chunk)
{
	struct stt_part *part;

	/* Most likely it is of the message that began last. */
	list_for_each_entry_reverse(part, &join->parts, list) {
		if (part->r.first == chunk->first && part->r.epoch == chunk->epoch)
			return part;
	}
	return NULL;
}

static struct stt_part *stt_join_begin(struct stt_join *join, const struct stt_inner *inner,
				       const struct stt_chunk *chunk)
{
	struct stt_part *part = kmalloc(sizeof(*part), GFP_ATOMIC | __GFP_NOWARN);

	if (!part)
		return NULL;
	stt_reassembly_begin(&part->r, chunk->first, chunk->epoch, inner);
	part->join = join;
	part->begun = jiffies;
	part->bytes = 0;
	__skb_queue_head_init(&part->chunks);
	if (list_empty(&join->parts))
		mod_timer(&join->timer, part->begun + STT_JOIN_TIME);
	stt_part_list(join, part);
	return part;
}

/* In the order of the frames; mostly it belongs at the end. */
static void stt_part_insert(struct stt_part *part, struct sk_buff *skb, u8 frag)
{
	struct sk_buff *before;

	*stt_chunk_frag(skb) = frag;
	skb_queue_reverse_walk(&part->chunks, before) {
		if (*stt_chunk_frag(before) < frag)
			break;
	}
	__skb_queue_after(&part->chunks, before, skb);
}

/* All chunks of a whole message as one skb. */
static struct sk_buff *stt_part_skb(struct stt_part *part)
{
	struct sk_buff *head = __skb_dequeue(&part->chunks);
	struct sk_buff **next = &skb_shinfo(head)->frag_list;
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&part->chunks))) {
		head->len += skb->len;
		head->data_len += skb->len;
		head->truesize += skb->truesize;
		*next = skb;
		next = &skb->next;
	}
	return head;
}

/* Consumes @chunk->skb. */
static struct sk_buff *stt_join_add(struct stt_join *join, struct stt_part *part,
				    const struct stt_inner *inner, const struct stt_chunk *chunk)
{
	struct sk_buff *skb = chunk->skb;

	switch (stt_reassembly_add(&part->r, inner, chunk->n, skb->len)) {
	case STT_REASSEMBLY_MORE:
		stt_part_insert(part, skb, inner->frag);
		return NULL;
	case STT_REASSEMBLY_WHOLE:
		stt_part_insert(part, skb, inner->frag);
		skb = stt_part_skb(part);
		stt_part_free(join, part);
		return skb;
	default:
		stt_count_add(join->session->node, join->session, DROP_FRAGMENT, chunk->n);
		kfree_skb(skb);
		stt_part_give_up(join, part);
		return NULL;
	}
}

/* The message that a chunk is of, with its memory charged; or NULL. */
static struct stt_part *stt_join_part(struct stt_join *join, const struct stt_inner *inner,
				      const struct stt_chunk *chunk)
{
	struct stt_part *part = stt_join_find(join, chunk);
	unsigned int bytes = chunk->skb->truesize + (part ? 0 : STT_PART_BYTES);

	if (!stt_join_room(join, part, bytes)) {
		if (part)
			stt_part_give_up(join, part);
		return NULL;
	}
	if (!part) {
		if (join->n_parts >= STT_JOIN_PARTS)
			stt_join_give_up_oldest(join);
		part = stt_join_begin(join, inner, chunk);
	}
	if (part)
		part->bytes += bytes;
	else
		stt_join_uncharge(join, bytes);
	return part;
}

/*
 * A chunk may lie in a buffer that is much larger. Waiting for others, it shall
 * take what it needs.
 */
static struct sk_buff *stt_chunk_tighten(struct sk_buff *skb)
{
	struct sk_buff *tight;

	if (skb->truesize <= 2 * SKB_TRUESIZE(skb->len))
		return skb;
	tight = stt_deliver_part(skb, 0, skb->len, 0);
	if (tight)
		tight->tstamp = skb->tstamp;
	consume_skb(skb);
	return tight;
}

/*
 * Frames of a message have come, of which @inner is the first. Returns the
 * message if it is whole. Consumes @chunk->skb. Under rcu_read_lock().
 */
struct sk_buff *stt_join(struct stt_session *s, const struct stt_inner *inner,
			 struct stt_chunk *chunk)
{
	struct stt_join *join;
	struct stt_part *part;
	struct sk_buff *skb;

	if (chunk->n == inner->last + 1U)
		return chunk->skb;
	chunk->skb = stt_chunk_tighten(chunk->skb);
	join = chunk->skb ? stt_join_of(s) : NULL;
	if (!join)
		goto drop;

	spin_lock_bh(&join->lock);
	part = join->closed ? NULL : stt_join_part(join, inner, chunk);
	skb = part ? stt_join_add(join, part, inner, chunk) : NULL;
	spin_unlock_bh(&join->lock);
	if (part)
		return skb;

drop:
	stt_count_add(s->node, s, DROP_FRAGMENT, chunk->n);
	kfree_skb(chunk->skb);
	return NULL;
}
