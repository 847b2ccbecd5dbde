// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much there may be in a network namespace. Nobody needs a capability for
 * nodes of his own, so one user must not be able to take all there is: without
 * CAP_NET_ADMIN he gets half, and he and his like together leave an eighth to who
 * has it. What a node has is put to the account of its owner, whoever adds to it.
 */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "limit.h"
#include "node.h"

static struct stt_limits *stt_limits(const struct stt_node *node)
{
	return &stt_net(node->net)->limits;
}

/* ------------------------------------------------------------------------ */
/* Owners                                                                   */

void stt_limits_init(struct stt_limits *limits)
{
	mutex_init(&limits->users_lock);
	xa_init(&limits->users);
}

void stt_limits_exit(struct stt_limits *limits)
{
	unsigned int i;

	for (i = 0; i < STT_LIMITS; i++)
		WARN_ON_ONCE(atomic_read(&limits->used[i]));
	WARN_ON_ONCE(!xa_empty(&limits->users));
	xa_destroy(&limits->users);
}

static struct stt_user *stt_user_add(struct stt_limits *limits, kuid_t uid)
{
	struct stt_user *user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);

	if (!user)
		return NULL;
	user->uid = uid;
	if (!xa_err(xa_store(&limits->users, __kuid_val(uid), user, GFP_KERNEL_ACCOUNT)))
		return user;
	kfree(user);
	return NULL;
}

/*
 * Who pays for what the caller makes. Whoever makes a user namespace may have many
 * uids in it, and must not get a share for each.
 */
static kuid_t stt_user_uid(const struct net *net)
{
	const struct user_namespace *ns;
	kuid_t uid = current_euid();

	for (ns = current_user_ns(); ns; ns = ns->parent) {
		if (ns == net->user_ns)
			return uid;
		uid = ns->owner;
	}
	return current_euid();
}

struct stt_user *stt_user_get(const struct net *net)
{
	struct stt_limits *limits = &stt_net(net)->limits;
	kuid_t uid = stt_user_uid(net);
	struct stt_user *user;

	mutex_lock(&limits->users_lock);
	user = xa_load(&limits->users, __kuid_val(uid)) ?: stt_user_add(limits, uid);
	if (user)
		user->refs++;
	mutex_unlock(&limits->users_lock);
	return user;
}

void stt_user_put(struct stt_limits *limits, struct stt_user *user)
{
	mutex_lock(&limits->users_lock);
	if (!--user->refs) {
		xa_erase(&limits->users, __kuid_val(user->uid));
		kfree(user);
	}
	mutex_unlock(&limits->users_lock);
}

/* ------------------------------------------------------------------------ */
/* Accounts                                                                 */

enum stt_refusal {
	STT_REFUSE_ALL,		/* there are no more */
	STT_REFUSE_USER,	/* this user has his share */
	STT_REFUSE_REST,	/* what is left is not for users */
	STT_REFUSALS
};

static const char *const stt_refusals[STT_LIMITS][STT_REFUSALS] = {
	[STT_LIMIT_NODES] = {
		[STT_REFUSE_ALL] =
			"too many nodes in this network namespace (net.stt.nodes_max)",
		[STT_REFUSE_USER] =
			"too many nodes of one user: half of net.stt.nodes_max, more needs CAP_NET_ADMIN",
		[STT_REFUSE_REST] =
			"too many nodes: the last eighth of net.stt.nodes_max needs CAP_NET_ADMIN",
	},
	[STT_LIMIT_SESSIONS] = {
		[STT_REFUSE_ALL] =
			"too many sessions in this network namespace (net.stt.sessions_max)",
		[STT_REFUSE_USER] =
			"too many sessions of one user: half of net.stt.sessions_max, more needs CAP_NET_ADMIN",
		[STT_REFUSE_REST] =
			"too many sessions: the last eighth of net.stt.sessions_max needs CAP_NET_ADMIN",
	},
	[STT_LIMIT_GCM_KEYS] = {
		[STT_REFUSE_ALL] =
			"too many AES-256-GCM keys in this network namespace (net.stt.gcm_keys_max)",
		[STT_REFUSE_USER] =
			"too many AES-256-GCM keys of one user: half of net.stt.gcm_keys_max, more needs CAP_NET_ADMIN",
		[STT_REFUSE_REST] =
			"too many AES-256-GCM keys: the last eighth of net.stt.gcm_keys_max needs CAP_NET_ADMIN",
	},
};

static int stt_refuse(struct netlink_ext_ack *extack, enum stt_limit what,
		      enum stt_refusal why)
{
	if (extack)
		extack->_msg = stt_refusals[what][why];
	return -ENOSPC;
}

/* May there be @all, of which @own are of the owner of @node? */
static int stt_limit_check(const struct stt_node *node, enum stt_limit what, u32 all, u32 own,
			   const struct sk_buff *request, struct netlink_ext_ack *extack)
{
	u32 max = READ_ONCE(stt_limits(node)->max[what]);

	if (all > max)
		return stt_refuse(extack, what, STT_REFUSE_ALL);
	/* Asked last, as it is noted who makes use of a capability. */
	if ((own <= DIV_ROUND_UP(max, 2) && all <= max - max / 8) ||
	    netlink_ns_capable(request, node->net->user_ns, CAP_NET_ADMIN))
		return 0;
	return stt_refuse(extack, what, own <= DIV_ROUND_UP(max, 2) ? STT_REFUSE_REST :
								       STT_REFUSE_USER);
}

int stt_charge(const struct stt_node *node, enum stt_limit what,
	       const struct sk_buff *request, struct netlink_ext_ack *extack)
{
	u32 all = atomic_inc_return(&stt_limits(node)->used[what]);
	u32 own = atomic_inc_return(&node->user->used[what]);
	int err = stt_limit_check(node, what, all, own, request, extack);

	if (err)
		stt_uncharge(node, what);
	return err;
}

void stt_charge_always(const struct stt_node *node, enum stt_limit what)
{
	atomic_inc(&stt_limits(node)->used[what]);
	atomic_inc(&node->user->used[what]);
}

void stt_uncharge(const struct stt_node *node, enum stt_limit what)
{
	atomic_dec(&node->user->used[what]);
	atomic_dec(&stt_limits(node)->used[what]);
}
