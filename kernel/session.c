// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions.
 *
 * The table of the node owns a session: it is published and deleted under
 * node->lock. Readers find it under RCU; sockets that name it hold a
 * reference. Deleting unlinks it, stops its timer, wipes its keys and tells
 * its sockets; the memory goes a grace period after the last reference.
 */

#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/dst_cache.h>

#include "af_stt.h"
#include "event.h"
#include "join.h"
#include "node.h"
#include "output.h"
#include "resume.h"
#include "session.h"
#include "trace.h"

static struct kmem_cache *stt_session_cache __ro_after_init;

static const struct rhashtable_params stt_session_params = {
	.head_offset		= offsetof(struct stt_session, hash),
	.key_offset		= offsetof(struct stt_session, id),
	.key_len		= sizeof_field(struct stt_session, id),
	.automatic_shrinking	= true,
};

int stt_session_table_init(struct stt_node *node)
{
	return rhashtable_init(&node->sessions, &stt_session_params);
}

struct stt_session *stt_session_find(struct stt_node *node, u64 id)
{
	return rhashtable_lookup(&node->sessions, &id, stt_session_params);
}

bool stt_session_hold(struct stt_session *s, enum stt_ref why)
{
	if (!refcount_inc_not_zero(&s->refs))
		return false;
	trace_stt_session_ref(s, why, true, refcount_read(&s->refs));
	return true;
}

struct stt_session *stt_session_get(struct stt_node *node, u64 id, enum stt_ref why)
{
	struct stt_session *s;

	rcu_read_lock();
	s = stt_session_find(node, id);
	if (s && !stt_session_hold(s, why))
		s = NULL;
	rcu_read_unlock();
	return s;
}

static void stt_session_free(struct rcu_head *rcu)
{
	struct stt_session *s = container_of(rcu, struct stt_session, rcu);

	dst_cache_destroy(&s->dst_cache);
	stt_join_free(s);
	kfree(s->peer_id);
	stt_node_put(s->node, STT_REF_SESSION);
	kmem_cache_free(stt_session_cache, s);
}

void stt_session_put(struct stt_session *s, enum stt_ref why)
{
	/* Before it may be gone. */
	trace_stt_session_ref(s, why, false, refcount_read(&s->refs) - 1);
	if (refcount_dec_and_test(&s->refs))
		call_rcu(&s->rcu, stt_session_free);
}

/* A session that nobody can see yet; keys are put in before it is published. */
struct stt_session *stt_session_create(struct stt_node *node,
				       const struct stt_session_spec *spec)
{
	struct stt_session *s = kmem_cache_zalloc(stt_session_cache, GFP_KERNEL_ACCOUNT);

	if (!s)
		return NULL;
	if (spec->peer_id) {
		s->peer_id = kmemdup(spec->peer_id, STT_PEER_ID_LEN, GFP_KERNEL_ACCOUNT);
		if (!s->peer_id) {
			kmem_cache_free(stt_session_cache, s);
			return NULL;
		}
	}

	s->id = spec->id;
	s->state = spec->state;
	s->endpoint = spec->endpoint;
	refcount_set(&s->refs, 1);
	spin_lock_init(&s->lock);
	seqlock_init(&s->endpoint_lock);
	INIT_HLIST_HEAD(&s->binds);
	stt_node_hold(node, STT_REF_SESSION);
	s->node = node;
	trace_stt_session_ref(s, STT_REF_TABLE, true, 1);
	s->last_rx = jiffies;
	s->last_tx = jiffies;
	/* Entries must be younger than this; 0 would be in the future at boot. */
	dst_cache_reset(&s->dst_cache);
	stt_timer_setup(s, spec->heartbeat_ms);
	stt_rekey_set(s, &spec->rekey);
	return s;
}

/*
 * Both ways to find a session, or neither: who finds one that is then refused would
 * keep its timer running. So the index is reserved first, and filled last.
 */
static int stt_session_insert(struct stt_node *node, struct stt_session *s,
			      struct netlink_ext_ack *extack)
{
	int err;

	/* The lowest that is free, so that the index never gets sparser than it was full. */
	err = xa_alloc(&node->session_index, &s->index, NULL, xa_limit_32b, GFP_KERNEL_ACCOUNT);
	if (err)
		return err;

	err = rhashtable_lookup_insert_fast(&node->sessions, &s->hash, stt_session_params);
	if (err) {
		xa_erase(&node->session_index, s->index);
		if (err == -EEXIST)
			NL_SET_ERR_MSG(extack, "the node has a session with this id");
		return err;
	}
	xa_store(&node->session_index, s->index, s, GFP_KERNEL_ACCOUNT);
	return 0;
}

/* Let frames and callers find @s. The table takes over the first reference. */
int stt_session_publish(struct stt_session *s, const struct sk_buff *request,
			struct netlink_ext_ack *extack)
{
	struct stt_node *node = s->node;
	int err;

	lockdep_assert_held(&node->lock);

	if (stt_resume_awaited()) {
		NL_SET_ERR_MSG(extack, "the machine is about to hibernate");
		return -EBUSY;
	}
	err = stt_charge(node, STT_LIMIT_SESSIONS, request, extack);
	if (err)
		return err;
	err = stt_session_insert(node, s, extack);
	if (err) {
		stt_uncharge(node, STT_LIMIT_SESSIONS);
		return err;
	}

	atomic_inc(&node->n_sessions);
	trace_stt_session_state(s, 0, s->state, STT_CLOSE_NONE);
	stt_timer_start(s);
	stt_event_session(s, STT_CMD_SESSION_NEW_NTF, GFP_KERNEL);
	return 0;
}

int stt_session_error(const struct stt_session *s)
{
	if (READ_ONCE(s->unlinked))
		return READ_ONCE(s->node->dead) ? -ENODEV : -ENOENT;

	switch (READ_ONCE(s->state)) {
	case STT_SESSION_STATE_ACTIVE:
		return 0;
	case STT_SESSION_STATE_PENDING:
		return -ENOTCONN;
	case STT_SESSION_STATE_CLOSED:
		return -ECONNRESET;
	default:
		return -ETIMEDOUT;
	}
}

/* Sockets that named the session learn that nothing more will come. */
static void stt_session_end_sockets(struct stt_session *s, int err)
{
	struct stt_bind *b;

	lockdep_assert_held(&s->lock);
	hlist_for_each_entry(b, &s->binds, session_node)
		stt_sock_end(b->ssk, b, err);
}

/*
 * Take @s out of the tables and give up the table's reference. @reason is
 * told to the peer unless it is the one that ended the session.
 */
void stt_session_delete(struct stt_session *s, u8 reason)
{
	struct stt_node *node = s->node;

	lockdep_assert_held(&node->lock);

	if (READ_ONCE(s->state) == STT_SESSION_STATE_ACTIVE)
		stt_output_close(s, reason);

	rhashtable_remove_fast(&node->sessions, &s->hash, stt_session_params);
	xa_erase(&node->session_index, s->index);
	atomic_dec(&node->n_sessions);
	stt_uncharge(node, STT_LIMIT_SESSIONS);

	spin_lock_bh(&s->lock);
	WRITE_ONCE(s->unlinked, true);
	trace_stt_session_state(s, s->state, 0, reason);
	stt_session_end_sockets(s, stt_session_error(s));
	spin_unlock_bh(&s->lock);

	timer_shutdown_sync(&s->timer);
	stt_join_stop(s);
	stt_keys_release(s);
	stt_event_session(s, STT_CMD_SESSION_DEL_NTF, GFP_KERNEL);
	stt_session_put(s, STT_REF_TABLE);
}

/* The peer has proved itself. Returns whether that was news. */
bool stt_session_activate(struct stt_session *s)
{
	bool news;

	spin_lock_bh(&s->lock);
	news = s->state == STT_SESSION_STATE_PENDING && !s->unlinked;
	if (news) {
		trace_stt_session_state(s, s->state, STT_SESSION_STATE_ACTIVE, STT_CLOSE_NONE);
		WRITE_ONCE(s->state, STT_SESSION_STATE_ACTIVE);
	}
	spin_unlock_bh(&s->lock);

	if (news) {
		stt_timer_start(s);
		stt_event_session(s, STT_CMD_SESSION_STATE_NTF, GFP_ATOMIC);
	}
	return news;
}

/*
 * The session is over, because the peer closed it or died. It stays in the
 * table until its owner deletes it, so that senders learn why.
 */
bool stt_session_end(struct stt_session *s, u8 state, u8 reason)
{
	bool news;

	spin_lock_bh(&s->lock);
	news = s->state <= STT_SESSION_STATE_ACTIVE && !s->unlinked;
	if (news) {
		trace_stt_session_state(s, s->state, state, reason);
		s->close_reason = reason;
		WRITE_ONCE(s->state, state);
		stt_session_end_sockets(s, stt_session_error(s));
	}
	spin_unlock_bh(&s->lock);

	if (!news)
		return false;
	stt_join_close(s);
	stt_keys_release(s);
	stt_event_session(s, STT_CMD_SESSION_STATE_NTF, GFP_ATOMIC);
	return true;
}

void stt_session_endpoint(struct stt_session *s, struct stt_endpoint *ep)
{
	unsigned int seq;

	do {
		seq = read_seqbegin(&s->endpoint_lock);
		*ep = s->endpoint;
	} while (read_seqretry(&s->endpoint_lock, seq));
}

/* Is the peer still where @skb came from? */
bool stt_session_is_at(struct stt_session *s, const struct sk_buff *skb)
{
	unsigned int seq;
	bool same;

	do {
		seq = read_seqbegin(&s->endpoint_lock);
		same = stt_endpoint_is_of_skb(&s->endpoint, skb);
	} while (read_seqretry(&s->endpoint_lock, seq));
	return same;
}

/* Another address of ours is a matter of routing; of the peer's, an event. */
void stt_session_move(struct stt_session *s, const struct stt_endpoint *ep)
{
	bool moved;

	write_seqlock_bh(&s->endpoint_lock);
	moved = !stt_endpoint_same_peer(&s->endpoint, ep);
	s->endpoint = *ep;
	write_sequnlock_bh(&s->endpoint_lock);

	dst_cache_reset(&s->dst_cache);
	if (moved)
		stt_event_session(s, STT_CMD_SESSION_MOVED_NTF, GFP_ATOMIC);
}

int __init stt_sessions_init(void)
{
	stt_session_cache = KMEM_CACHE(stt_session, 0);
	return stt_session_cache ? 0 : -ENOMEM;
}

/* After rcu_barrier(). */
void stt_sessions_exit(void)
{
	kmem_cache_destroy(stt_session_cache);
}
