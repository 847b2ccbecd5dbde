/* SPDX-License-Identifier: GPL-2.0-only */
/* Which AF_STT socket gets a message: the bindings of a node. */
#ifndef _STT_BIND_H
#define _STT_BIND_H

#include <linux/rhashtable-types.h>
#include <linux/stt.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct stt_node;
struct stt_session;
struct stt_sock;

/**
 * struct stt_bind_key - what a socket is bound to
 * @session: session id, or STT_SESSION_ANY
 * @stream: stream id; 0 if any
 * @any_stream: 1 if any
 */
struct stt_bind_key {
	u64 session;
	u32 stream;
	u32 any_stream;
};

/**
 * struct stt_bind - a binding
 * @list: in node->binds, by @key; those of one key share its messages
 * @key: never changes; bind() and connect() make a new binding
 * @ssk: the socket; freed a grace period after the binding is removed
 * @uid: its user
 * @shared: it had STT_REUSEPORT when it was bound
 * @salt: what chooses its sessions, where there are several
 * @session: the one that @key names, or NULL; holds a reference
 * @session_node: in session->binds
 * @rcu: readers find it in the hash table
 */
struct stt_bind {
	struct rhlist_head list;
	struct stt_bind_key key;
	struct stt_sock *ssk;
	kuid_t uid;
	bool shared;
	u32 salt;
	struct stt_session *session;
	struct hlist_node session_node;
	struct rcu_head rcu;
};

/**
 * struct stt_peer - default destination of a socket
 * @stream: stream id
 * @type: STT_MSG_*
 * @connected: there is one
 */
struct stt_peer {
	u32 stream;
	u8 type;
	bool connected;
};

int stt_binds_init(struct stt_node *node);
struct stt_node *stt_bind_node(struct stt_sock *ssk, struct stt_node *node);
int __must_check stt_bind_to(struct stt_sock *ssk, const struct stt_bind_key *key,
			     const struct stt_peer *peer);
int __must_check stt_bind_handshake(struct stt_sock *ssk);
void stt_bind_release(struct stt_sock *ssk);
unsigned int stt_bind_sharers(struct stt_node *node, const struct stt_bind *b);

/* Under rcu_read_lock(). */
struct stt_sock *stt_bind_find(struct stt_node *node, struct stt_session *s, u32 stream);

#endif /* _STT_BIND_H */
