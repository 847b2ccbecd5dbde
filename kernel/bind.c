// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bindings: which AF_STT socket of a node gets a message.
 *
 * The most specific binding wins: session and stream, session, stream, any.
 * Sockets of one user that all set STT_REUSEPORT may have the same binding; they
 * share its messages by session.
 *
 * A binding never changes. bind() and connect() put a new one in before they
 * take the old one out, so a message that is on its way finds one of them.
 *
 * A socket has at most one binding, and belongs to one node for good. The
 * caller holds the lock of the socket (lock_sock()) wherever one is changed.
 * Locks below that: node->sockets_lock; session->lock, then ssk->lock.
 */

#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "af_stt.h"
#include "bind.h"
#include "node.h"
#include "session.h"

static const struct rhashtable_params stt_bind_params = {
	.head_offset		= offsetof(struct stt_bind, list),
	.key_offset		= offsetof(struct stt_bind, key),
	.key_len		= sizeof_field(struct stt_bind, key),
	.automatic_shrinking	= true,
};

int stt_binds_init(struct stt_node *node)
{
	return rhltable_init(&node->binds, &stt_bind_params);
}

/*
 * Of several bindings, the one that gets a session: whose hash with it is the
 * highest. So a session stays where it is while its own socket stays, and only
 * the sessions of a socket that goes are dealt out anew.
 */
static struct stt_bind *stt_bind_choose(struct rhlist_head *list, u64 session)
{
	struct stt_bind *b, *best = NULL;
	struct rhlist_head *pos;
	u32 rank, highest = 0;

	rhl_for_each_entry_rcu(b, pos, list, list) {
		rank = jhash_3words(lower_32_bits(session), upper_32_bits(session), b->salt, 0);
		if (!best || rank > highest) {
			best = b;
			highest = rank;
		}
	}
	return best;
}

/* Who gets a message of session @from by the bindings of this key? */
static struct stt_sock *stt_bind_lookup(struct stt_node *node, u64 from, u64 session, u32 stream,
					bool any_stream)
{
	struct stt_bind_key key = {
		.session = session,
		.stream = any_stream ? 0 : stream,
		.any_stream = any_stream,
	};
	struct rhlist_head *list = rhltable_lookup(&node->binds, &key, stt_bind_params);

	if (!list)
		return NULL;
	if (likely(!rcu_access_pointer(list->next)))
		return container_of(list, struct stt_bind, list)->ssk;
	return stt_bind_choose(list, from)->ssk;
}

/* Who gets a message of a session by the bindings that name it? */
static struct stt_sock *stt_bind_of_session(struct stt_node *node, struct stt_session *s,
					    u32 stream)
{
	struct hlist_node *first = rcu_dereference(hlist_first_rcu(&s->binds));
	const struct stt_bind *b;

	if (!first)
		return NULL;
	if (likely(!rcu_access_pointer(hlist_next_rcu(first)))) {
		/* There is one, so no table has to be asked. */
		b = hlist_entry(first, struct stt_bind, session_node);
		return b->key.any_stream || b->key.stream == stream ? b->ssk : NULL;
	}
	return stt_bind_lookup(node, s->id, s->id, stream, false) ?:
	       stt_bind_lookup(node, s->id, s->id, 0, true);
}

struct stt_sock *stt_bind_find(struct stt_node *node, struct stt_session *s, u32 stream)
{
	struct stt_sock *ssk = stt_bind_of_session(node, s, stream);

	if (!ssk && atomic_read(&node->n_stream_binds))
		ssk = stt_bind_lookup(node, s->id, STT_SESSION_ANY, stream, false);
	if (!ssk)
		ssk = stt_bind_lookup(node, s->id, STT_SESSION_ANY, 0, true);
	return ssk;
}

static bool stt_bind_is_stream(const struct stt_bind_key *key)
{
	return key->session == STT_SESSION_ANY && !key->any_stream;
}

/* Every message looks at all who share its binding. */
#define STT_BIND_SHARERS	64

/* May @b have its key? All that have it share it with sockets of one user. */
static bool stt_bind_may_share(struct stt_node *node, const struct stt_bind *b)
{
	const struct stt_bind *other;
	struct rhlist_head *list, *pos;
	unsigned int n = 0;
	bool may = true;

	rcu_read_lock();
	list = rhltable_lookup(&node->binds, &b->key, stt_bind_params);
	rhl_for_each_entry_rcu(other, pos, list, list) {
		/* It is to give way to @b. */
		if (other->ssk == b->ssk)
			continue;
		may = b->shared && other->shared && uid_eq(b->uid, other->uid) &&
		      ++n < STT_BIND_SHARERS;
		if (!may)
			break;
	}
	rcu_read_unlock();
	return may;
}

/* How many sockets have the binding @b, which is one of @node and stays so. */
unsigned int stt_bind_sharers(struct stt_node *node, const struct stt_bind *b)
{
	struct rhlist_head *list, *pos;
	struct stt_bind *other;
	unsigned int n = 0;

	rcu_read_lock();
	list = rhltable_lookup(&node->binds, &b->key, stt_bind_params);
	rhl_for_each_entry_rcu(other, pos, list, list)
		n++;
	rcu_read_unlock();
	return n;
}

static int stt_bind_hash(struct stt_node *node, struct stt_bind *b)
{
	int err;

	/* Nobody may take the key between the look and the insertion. */
	spin_lock_bh(&node->sockets_lock);
	if (stt_bind_may_share(node, b))
		err = rhltable_insert(&node->binds, &b->list, stt_bind_params);
	else
		err = -EADDRINUSE;
	spin_unlock_bh(&node->sockets_lock);

	if (!err && stt_bind_is_stream(&b->key))
		atomic_inc(&node->n_stream_binds);
	return err;
}

static void stt_bind_unhash(struct stt_node *node, struct stt_bind *b)
{
	rhltable_remove(&node->binds, &b->list, stt_bind_params);
	if (stt_bind_is_stream(&b->key))
		atomic_dec(&node->n_stream_binds);
}

/*
 * @b becomes the binding of its socket, which may live again with it, but for the
 * end of the node. The default destination changes in the same breath: it is in
 * the session of @b.
 */
static void stt_bind_switch(struct stt_sock *ssk, struct stt_bind *b,
			    const struct stt_peer *peer)
{
	spin_lock_bh(&ssk->lock);
	ssk->bind = b;
	ssk->peer = *peer;
	if (ssk->end != -ENODEV)
		stt_sock_revive(ssk);
	spin_unlock_bh(&ssk->lock);
}

/* The binding stays, the default destination changes. Not if the session is over. */
static bool stt_bind_keep(struct stt_sock *ssk, const struct stt_peer *peer)
{
	bool alive;

	spin_lock_bh(&ssk->lock);
	alive = !ssk->end;
	if (alive)
		ssk->peer = *peer;
	spin_unlock_bh(&ssk->lock);
	return alive;
}

/* The same, and hear of the end of the session, unless it has come already. */
static int stt_bind_join(struct stt_sock *ssk, struct stt_bind *b, const struct stt_peer *peer)
{
	struct stt_session *s = b->session;
	int err;

	if (!s) {
		stt_bind_switch(ssk, b, peer);
		return 0;
	}

	spin_lock_bh(&s->lock);
	err = stt_session_error(s);
	if (err == -ENOTCONN)	/* a pending one may be waited for */
		err = 0;
	if (!err) {
		hlist_add_head_rcu(&b->session_node, &s->binds);
		stt_bind_switch(ssk, b, peer);
	}
	spin_unlock_bh(&s->lock);
	return err;
}

static void stt_bind_free(struct stt_bind *b)
{
	if (b->session)
		stt_session_put(b->session, STT_REF_BIND);
	kfree_rcu(b, rcu);
}

static void stt_bind_drop(struct stt_node *node, struct stt_bind *b)
{
	stt_bind_unhash(node, b);
	if (b->session) {
		spin_lock_bh(&b->session->lock);
		hlist_del_rcu(&b->session_node);
		spin_unlock_bh(&b->session->lock);
	}
	stt_bind_free(b);
}

/* No binding, no default destination. */
static void stt_bind_clear(struct stt_sock *ssk)
{
	const struct stt_peer none = {};
	struct stt_bind *b = ssk->bind;

	stt_bind_switch(ssk, NULL, &none);
	stt_bind_drop(ssk->node, b);
}

static struct stt_bind *stt_bind_alloc(struct stt_sock *ssk, const struct stt_bind_key *key)
{
	struct stt_bind *b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);

	if (!b)
		return ERR_PTR(-ENOMEM);
	b->key = *key;
	b->ssk = ssk;
	b->uid = ssk->sk.sk_uid;
	b->shared = ssk->sk.sk_reuseport;
	b->salt = get_random_u32();
	if (key->session == STT_SESSION_ANY)
		return b;

	b->session = stt_session_get(ssk->node, key->session, STT_REF_BIND);
	if (!b->session) {
		kfree(b);
		return ERR_PTR(-ENOENT);
	}
	return b;
}

static bool stt_bind_key_equal(const struct stt_bind_key *a, const struct stt_bind_key *b)
{
	return a->session == b->session && a->stream == b->stream &&
	       a->any_stream == b->any_stream;
}

/*
 * Bind a socket of a node to @key, instead of what it was bound to, with @peer
 * as default destination. Nothing has changed when that fails.
 */
int stt_bind_to(struct stt_sock *ssk, const struct stt_bind_key *key,
		const struct stt_peer *peer)
{
	struct stt_bind *old = ssk->bind;
	struct stt_bind *b;
	int err;

	/* If its session is over there may be a new one with this id. */
	if (old && stt_bind_key_equal(&old->key, key) && stt_bind_keep(ssk, peer))
		return 0;

	b = stt_bind_alloc(ssk, key);
	if (IS_ERR(b))
		return PTR_ERR(b);
	err = stt_bind_hash(ssk->node, b);
	if (err)
		goto free;
	err = stt_bind_join(ssk, b, peer);
	if (err)
		goto unhash;
	if (old)
		stt_bind_drop(ssk->node, old);
	return 0;

unhash:
	stt_bind_unhash(ssk->node, b);
free:
	stt_bind_free(b);
	return err;
}

/* The socket that gets what is no transport frame; there is one. */
int stt_bind_handshake(struct stt_sock *ssk)
{
	struct stt_node *node = ssk->node;
	int err = -EADDRINUSE;

	spin_lock_bh(&node->sockets_lock);
	if (!rcu_access_pointer(node->handshake)) {
		/* Who sees it uses ssk->node, see stt_dest_handshake(). */
		smp_store_release(&ssk->handshake, true);
		rcu_assign_pointer(node->handshake, ssk);
		err = 0;
	}
	spin_unlock_bh(&node->sockets_lock);
	return err;
}

/* @node: NULL for none. Each begins a new life. */
static void stt_bind_set_node(struct stt_sock *ssk, struct stt_node *node)
{
	spin_lock_bh(&ssk->lock);
	WRITE_ONCE(ssk->node, node);
	if (node)
		stt_sock_revive(ssk);
	spin_unlock_bh(&ssk->lock);
}

static void stt_bind_leave_node(struct stt_sock *ssk)
{
	struct stt_node *node = ssk->node;

	xa_erase(&node->sockets, ssk->number);
	if (ssk->handshake) {
		spin_lock_bh(&node->sockets_lock);
		RCU_INIT_POINTER(node->handshake, NULL);
		spin_unlock_bh(&node->sockets_lock);
	}
	stt_bind_set_node(ssk, NULL);
	stt_node_put(node, STT_REF_SOCKET);
}

/* A number on the list of the node, unless the node is dead. */
static int stt_bind_join_node(struct stt_sock *ssk, struct stt_node *node)
{
	bool dead;
	int err;

	err = xa_alloc_cyclic(&node->sockets, &ssk->number, ssk, xa_limit_31b,
			      &node->next_socket, GFP_KERNEL_ACCOUNT);
	if (err < 0)
		return err;

	spin_lock_bh(&node->sockets_lock);
	dead = READ_ONCE(node->dead);
	spin_unlock_bh(&node->sockets_lock);
	if (!dead)
		return 0;
	xa_erase(&node->sockets, ssk->number);
	return -ENODEV;
}

/*
 * Make the socket one of @node. Returns the node that it belonged to before,
 * @node if it is one now, or an error.
 */
struct stt_node *stt_bind_node(struct stt_sock *ssk, struct stt_node *node)
{
	int err;

	if (ssk->node)
		return ssk->node;

	stt_node_hold(node, STT_REF_SOCKET);
	/* First of all: the end of the node passes over those of others. */
	stt_bind_set_node(ssk, node);
	err = stt_bind_join_node(ssk, node);
	if (!err)
		return node;
	stt_bind_set_node(ssk, NULL);
	stt_node_put(node, STT_REF_SOCKET);
	return ERR_PTR(err);
}

/* The socket is closed, or its first bind failed: forget all about it. */
void stt_bind_release(struct stt_sock *ssk)
{
	if (!ssk->node)
		return;
	if (ssk->bind)
		stt_bind_clear(ssk);
	stt_bind_leave_node(ssk);
}
