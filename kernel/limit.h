/* SPDX-License-Identifier: GPL-2.0-only */
/* How many nodes, sessions and keys a network namespace may have, and a user in it. */
#ifndef _STT_LIMIT_H
#define _STT_LIMIT_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/xarray.h>

struct net;
struct netlink_ext_ack;
struct sk_buff;
struct stt_node;

enum stt_limit {
	STT_LIMIT_NODES,
	STT_LIMIT_SESSIONS,
	STT_LIMIT_GCM_KEYS,
	STT_LIMITS
};

/**
 * struct stt_user - what an owner of nodes has in a namespace
 * @uid: who; for those in a user namespace below, who made that
 * @refs: nodes that are not freed yet; under the lock of the users
 * @used: how many
 * @reassembly_bytes: memory for messages whose frames are not all there; see join.c
 */
struct stt_user {
	kuid_t uid;
	unsigned int refs;
	atomic_t used[STT_LIMITS];
	atomic_long_t reassembly_bytes;
};

/**
 * struct stt_limits - limits of a namespace
 * @max: sysctls
 * @used: how many there are
 * @users_lock: guards @users
 * @users: owners of nodes, by uid
 */
struct stt_limits {
	u32 max[STT_LIMITS];
	atomic_t used[STT_LIMITS];
	struct mutex users_lock;	/* see above */
	struct xarray users;
};

void stt_limits_init(struct stt_limits *limits);
void stt_limits_exit(struct stt_limits *limits);

/* Of a new node that the caller makes. NULL: no memory. */
struct stt_user *stt_user_get(const struct net *net);
void stt_user_put(struct stt_limits *limits, struct stt_user *user);

/* One more for the owner of @node; 0 or -ENOSPC. @request: of netlink, that asks for it. */
int __must_check stt_charge(const struct stt_node *node, enum stt_limit what,
			    const struct sk_buff *request, struct netlink_ext_ack *extack);
/* The same, whatever the limit: what goes on cannot be refused. */
void stt_charge_always(const struct stt_node *node, enum stt_limit what);
/* One less. Any context. */
void stt_uncharge(const struct stt_node *node, enum stt_limit what);

#endif /* _STT_LIMIT_H */
