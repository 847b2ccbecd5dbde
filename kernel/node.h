/* SPDX-License-Identifier: GPL-2.0-only */
/* Nodes: one UDP socket each, with its sessions and the sockets bound to it. */
#ifndef _STT_NODE_H
#define _STT_NODE_H

#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "limit.h"
#include "ref.h"
#include "rekey.h"
#include "stats.h"

struct ctl_table;
struct ctl_table_header;
struct netlink_ext_ack;
struct stt_hs_table;
struct stt_sock;
struct stt_udp_ops;

/* Of a session. */
#define STT_HEARTBEAT_MS_DEFAULT	30000
#define STT_HEARTBEAT_MS_MIN		100
#define STT_HEARTBEAT_MS_MAX		(24 * 3600 * 1000)

/**
 * struct stt_net - this module in one network namespace
 * @nodes: by id; entries are removed when the node dies
 * @limits: how many nodes, sessions and keys there may be, and are
 * @reassembly_max_bytes: memory for messages whose frames are not all there,
 *	over all sessions; a sysctl as the next two
 * @handshake_rate: handshake datagrams a second of one source; 0 = no limit
 * @handshake_burst: so many of them at once
 * @handshake_table: what sources of them have left; made with the first node
 * @stats: counters, of nodes that are no more as well
 * @reassembly_bytes: how much they take
 * @joins_lock: guards @joins and @parts
 * @joins: sessions that have some; see join.c
 * @parts: the messages, in the order in which they began
 * @sysctl_table: of this namespace
 * @sysctl_header: its registration
 * @next_node: where the search for a free id goes on, so that ids rest
 */
struct stt_net {
	struct xarray nodes;
	struct stt_limits limits;
	u32 reassembly_max_bytes;
	u32 handshake_rate;
	u32 handshake_burst;
	struct stt_hs_table *handshake_table;
	struct stt_net_stats stats;
	atomic_long_t reassembly_bytes;
	spinlock_t joins_lock;	/* see above */
	struct list_head joins;
	struct list_head parts;
	struct ctl_table *sysctl_table;
	struct ctl_table_header *sysctl_header;
	u32 next_node;
};

/**
 * struct stt_node - a UDP socket that speaks STT
 * @id: in its network namespace
 * @uid: owner
 * @user: his account in this namespace
 * @gid: group that may bind, connect, send and receive; or none
 * @refs: one of the namespace's table, one per session and per socket
 * @net: the namespace; the UDP socket keeps it alive while the node lives
 * @lock: serialises all changes: sessions, keys, death
 * @dead: set once, under @lock; nothing is added any more
 * @udp: the UDP socket, NULL when the node is dead
 * @udp_ref: the same socket and the reference on it, until the node is freed
 * @udp_ops: what its sk_prot points to, and pointed to before
 * @udp_data_ready: what its sk_data_ready was
 * @udp_had_gro: UDP_GRO was on
 * @udp_had_port: its port was bound by number
 * @udp_watch: in the list of nodes to look after, of IPv6 sockets
 * @heartbeat_ms: default of new sessions
 * @rekey: the same
 * @sessions: by id
 * @session_index: the same sessions by index, which a session keeps
 * @n_sessions: how many
 * @binds: AF_STT sockets by what they are bound to
 * @n_stream_binds: bindings to any session and one stream
 * @handshake: socket that gets what is no transport frame
 * @sockets_lock: guards changes of @handshake and of @binds, and joins against death
 * @sockets: all AF_STT sockets that belong to the node, by number
 * @next_socket: where the search for a free number goes on
 * @stats: counters, per CPU
 * @stats_list: in the list of the namespace, until the node is freed
 * @beats: sessions that want a heartbeat sent
 * @beat_work: sends them; holds a reference while it is queued
 * @free_work: frees the node after a grace period, in process context
 */
struct stt_node {
	u32 id;
	kuid_t uid;
	struct stt_user *user;
	kgid_t gid;
	refcount_t refs;
	struct net *net;

	struct mutex lock;	/* of all changes */
	bool dead;

	struct sock __rcu *udp;
	struct sock *udp_ref;
	struct stt_udp_ops *udp_ops;
	void (*udp_data_ready)(struct sock *sk);
	bool udp_had_gro;
	bool udp_had_port;
	struct list_head udp_watch;

	u32 heartbeat_ms;
	struct stt_rekey_spec rekey;
	struct rhashtable sessions;
	struct xarray session_index;
	atomic_t n_sessions;

	struct rhltable binds;
	atomic_t n_stream_binds;
	struct stt_sock __rcu *handshake;
	spinlock_t sockets_lock;	/* see above */
	struct xarray sockets;
	u32 next_socket;

	struct stt_node_stats __percpu *stats;
	struct list_head stats_list;
	struct llist_head beats;
	struct work_struct beat_work;
	struct rcu_work free_work;
};

/* What the owner of a node sets. */
struct stt_node_spec {
	u32 heartbeat_ms;
	kgid_t gid;
	struct stt_rekey_spec rekey;
};

extern unsigned int stt_net_id;

struct stt_net *stt_net(const struct net *net);

struct stt_node *stt_node_create(struct net *net, struct sock *udp,
				 const struct stt_node_spec *spec,
				 const struct sk_buff *request,
				 struct netlink_ext_ack *extack);
void stt_node_kill(struct stt_node *node, u8 reason);
struct stt_node *stt_node_get(struct net *net, u32 id, enum stt_ref why);
struct stt_node *stt_node_get_from(struct net *net, u32 *id, enum stt_ref why);
void stt_node_hold(struct stt_node *node, enum stt_ref why);
bool __must_check stt_node_hold_rcu(struct stt_node *node, enum stt_ref why);
void stt_node_put(struct stt_node *node, enum stt_ref why);

/* Without the lock of the node: each of both as somebody has set it. */
static inline void stt_node_rekey(const struct stt_node *node, struct stt_rekey_spec *spec)
{
	spec->age_ms = READ_ONCE(node->rekey.age_ms);
	spec->volume = READ_ONCE(node->rekey.volume);
}

/* In process context, before the module goes. Returns whether it was not queued yet. */
bool stt_node_queue(struct work_struct *work);

/* May the calling task change the node? May it bind to it and send on it? */
bool stt_node_owned(const struct stt_node *node);
bool stt_node_permits(const struct stt_node *node);

int stt_nodes_init(void);
void stt_nodes_exit(void);

#endif /* _STT_NODE_H */
