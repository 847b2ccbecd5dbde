// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: its policies, and the requests that change
 * nodes. Those that change sessions and keys are in netlink_session.c.
 *
 * No capability is needed for one's own: a node belongs to the user that
 * attached it, and CAP_NET_ADMIN in the user namespace of the network
 * namespace overrides. Keys go in and never come out; the request that brought
 * one is wiped. The family is described in
 * Documentation/netlink/specs/stt.yaml, which a test keeps equal to this.
 */

#include <linux/cred.h>
#include <linux/module.h>
#include <linux/net.h>

#include "netlink.h"
#include "node.h"
#include "session.h"

/* These take no attributes. */
static const struct nla_policy stt_info_policy[STT_A_INFO_MAX + 1] = {
};

static const struct nla_policy stt_socket_policy[STT_A_SOCKET_MAX + 1] = {
};

static const struct nla_policy stt_node_policy[STT_A_NODE_MAX + 1] = {
	[STT_A_NODE_ID]			= NLA_POLICY_MIN(NLA_U32, 1),
	[STT_A_NODE_SOCKET_FD]		= { .type = NLA_U32 },
	[STT_A_NODE_HEARTBEAT_MS]	= { .type = NLA_U32 },
	[STT_A_NODE_CLOSE_REASON]	= { .type = NLA_U8 },
	[STT_A_NODE_GID]		= { .type = NLA_U32 },
	[STT_A_NODE_REKEY_AGE_MS]	= { .type = NLA_U32 },
	[STT_A_NODE_REKEY_VOLUME]	= { .type = NLA_U32 },
};

static const struct nla_policy stt_session_policy[STT_A_SESSION_MAX + 1] = {
	[STT_A_SESSION_NODE]		= NLA_POLICY_MIN(NLA_U32, 1),
	[STT_A_SESSION_ID]		= { .type = NLA_U64 },
	[STT_A_SESSION_STATE]		= NLA_POLICY_RANGE(NLA_U32, STT_SESSION_STATE_PENDING,
							   STT_SESSION_STATE_ACTIVE),
	[STT_A_SESSION_PEER_IPV4]	= NLA_POLICY_EXACT_LEN(sizeof(struct in_addr)),
	[STT_A_SESSION_PEER_IPV6]	= NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[STT_A_SESSION_PEER_PORT]	= { .type = NLA_U16 },
	[STT_A_SESSION_PEER_SCOPE]	= { .type = NLA_U32 },
	[STT_A_SESSION_LOCAL_IPV4]	= NLA_POLICY_EXACT_LEN(sizeof(struct in_addr)),
	[STT_A_SESSION_LOCAL_IPV6]	= NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[STT_A_SESSION_PEER_ID]		= NLA_POLICY_EXACT_LEN(STT_PEER_ID_LEN),
	[STT_A_SESSION_HEARTBEAT_MS]	= { .type = NLA_U32 },
	/* Checked by who wipes it: the secret in a request that fails here stays. */
	[STT_A_SESSION_KEY]		= { .type = NLA_NESTED },
	[STT_A_SESSION_TX_EPOCH]	= NLA_POLICY_MAX(NLA_U8, STT_EPOCHS - 1),
	[STT_A_SESSION_CLOSE_REASON]	= { .type = NLA_U8 },
	[STT_A_SESSION_REKEY_AGE_MS]	= { .type = NLA_U32 },
	[STT_A_SESSION_REKEY_VOLUME]	= { .type = NLA_U32 },
};

/* ------------------------------------------------------------------------ */
/* What a request is about                                                  */

/*
 * Has the request no attributes but those that its command takes? It would not
 * look at others, and the caller believe that they did something.
 */
static bool stt_nl_takes(struct genl_info *info, unsigned int max, u64 takes)
{
	unsigned int i;

	for (i = 1; i <= max; i++) {
		if (!info->attrs[i] || takes & BIT_ULL(i))
			continue;
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[i],
				    "the command does not take this attribute");
		return false;
	}
	return true;
}

bool stt_nl_node_takes(struct genl_info *info, u64 takes)
{
	BUILD_BUG_ON(STT_A_NODE_MAX > 63);
	return stt_nl_takes(info, STT_A_NODE_MAX, takes);
}

bool stt_nl_session_takes(struct genl_info *info, u64 takes)
{
	BUILD_BUG_ON(STT_A_SESSION_MAX > 63);
	return stt_nl_takes(info, STT_A_SESSION_MAX, takes);
}

struct stt_node *stt_nl_node(struct genl_info *info, int attr)
{
	struct stt_node *node;

	if (stt_nl_missing(info, attr, "which node?"))
		return ERR_PTR(-EINVAL);
	node = stt_node_get(genl_info_net(info), nla_get_u32(info->attrs[attr]),
			    STT_REF_REQUEST);
	if (!node) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr], "no such node");
		return ERR_PTR(-ENODEV);
	}
	return node;
}

struct stt_session *stt_nl_session(struct genl_info *info, struct stt_node *node)
{
	struct stt_session *s;

	if (stt_nl_missing(info, STT_A_SESSION_ID, "which session?"))
		return ERR_PTR(-EINVAL);
	s = stt_session_get(node, nla_get_u64(info->attrs[STT_A_SESSION_ID]),
			    STT_REF_REQUEST);
	if (!s) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[STT_A_SESSION_ID],
				    "the node has no such session");
		return ERR_PTR(-ENOENT);
	}
	return s;
}

/*
 * Both the one who opened the netlink socket and the one who writes to it must
 * own the node: a privileged program that is handed a socket changes nothing
 * on behalf of who handed it.
 */
static bool stt_nl_permits(struct sk_buff *skb, const struct stt_node *node)
{
	if (uid_eq(current_euid(), node->uid) &&
	    uid_eq(NETLINK_CB(skb).sk->sk_uid, node->uid))
		return true;
	return netlink_ns_capable(skb, node->net->user_ns, CAP_NET_ADMIN);
}

/* The same for a node that does not exist yet. */
static bool stt_nl_permits_new(struct sk_buff *skb, struct genl_info *info)
{
	if (uid_eq(NETLINK_CB(skb).sk->sk_uid, current_euid()) ||
	    netlink_ns_capable(skb, genl_info_net(info)->user_ns, CAP_NET_ADMIN))
		return true;
	GENL_SET_ERR_MSG(info, "the netlink socket was opened by another user");
	return false;
}

/* The node of a request that changes it. Returns a reference. */
struct stt_node *stt_nl_own_node(struct sk_buff *skb, struct genl_info *info, int attr)
{
	struct stt_node *node = stt_nl_node(info, attr);

	if (IS_ERR(node) || stt_nl_permits(skb, node))
		return node;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr], "the node belongs to another user");
	stt_node_put(node, STT_REF_REQUEST);
	return ERR_PTR(-EACCES);
}

bool stt_nl_heartbeat_ok(struct genl_info *info, const struct nlattr *attr)
{
	u32 ms = nla_get_u32(attr);

	if (!ms || (ms >= STT_HEARTBEAT_MS_MIN && ms <= STT_HEARTBEAT_MS_MAX))
		return true;
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "heartbeat must be 0 (off) or 100 ms to 24 hours");
	return false;
}

/*
 * Put what the request says about rekeying into @spec; what it leaves out
 * stays as it is.
 */
int stt_nl_rekey_parse(struct genl_info *info, int age_attr, int volume_attr,
		       struct stt_rekey_spec *spec)
{
	const struct nlattr *age = info->attrs[age_attr];
	const struct nlattr *volume = info->attrs[volume_attr];
	u32 ms = age ? nla_get_u32(age) : 0;

	if (ms && (ms < STT_REKEY_AGE_MS_MIN || ms > STT_REKEY_AGE_MS_MAX)) {
		NL_SET_ERR_MSG_ATTR(info->extack, age,
				    "rekey age must be 0 (off) or 1 s to 7 days");
		return -EINVAL;
	}
	if (age)
		spec->age_ms = ms;
	if (volume)
		spec->volume = nla_get_u32(volume);
	return 0;
}

u8 stt_nl_reason(struct genl_info *info, int attr)
{
	return info->attrs[attr] ? nla_get_u8(info->attrs[attr]) : STT_CLOSE_NONE;
}

/* ------------------------------------------------------------------------ */
/* Nodes                                                                    */

static int stt_nl_node_reply(struct genl_info *info, u32 id)
{
	struct sk_buff *reply;
	void *hdr;

	reply = stt_nl_reply_begin(info, STT_CMD_NODE_NEW, &hdr);
	if (!reply)
		return -ENOMEM;
	return stt_nl_reply_end(info, reply, hdr, nla_put_u32(reply, STT_A_NODE_ID, id));
}

static int stt_nl_node_gid(struct genl_info *info, kgid_t *gid)
{
	const struct nlattr *attr = info->attrs[STT_A_NODE_GID];
	u32 id = nla_get_u32(attr);

	*gid = id == STT_GID_NONE ? INVALID_GID : make_kgid(current_user_ns(), id);
	if (id == STT_GID_NONE || gid_valid(*gid))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such group in the caller's user namespace");
	return -EINVAL;
}

#define STT_NL_NODE_SETTINGS							\
	(BIT_ULL(STT_A_NODE_HEARTBEAT_MS) | BIT_ULL(STT_A_NODE_GID) |		\
	 BIT_ULL(STT_A_NODE_REKEY_AGE_MS) | BIT_ULL(STT_A_NODE_REKEY_VOLUME))

/* What a request sets of a node; the rest of @spec stays as it is. */
static int stt_nl_node_spec(struct genl_info *info, struct stt_node_spec *spec)
{
	const struct nlattr *heartbeat = info->attrs[STT_A_NODE_HEARTBEAT_MS];
	int err;

	if (heartbeat) {
		if (!stt_nl_heartbeat_ok(info, heartbeat))
			return -EINVAL;
		spec->heartbeat_ms = nla_get_u32(heartbeat);
	}
	if (info->attrs[STT_A_NODE_GID]) {
		err = stt_nl_node_gid(info, &spec->gid);
		if (err)
			return err;
	}
	return stt_nl_rekey_parse(info, STT_A_NODE_REKEY_AGE_MS, STT_A_NODE_REKEY_VOLUME,
				  &spec->rekey);
}

/* @sock is held by its file, so it cannot be closed meanwhile. */
static int stt_nl_node_attach(struct sk_buff *skb, struct genl_info *info, struct socket *sock,
			      const struct stt_node_spec *spec)
{
	struct net *net = genl_info_net(info);
	struct stt_node *node;
	int err;

	if (!net_eq(sock_net(sock->sk), net)) {
		GENL_SET_ERR_MSG(info, "the UDP socket is of another network namespace");
		return -EXDEV;
	}
	node = stt_node_create(net, sock->sk, spec, skb, info->extack);
	if (IS_ERR(node))
		return PTR_ERR(node);

	err = stt_nl_node_reply(info, node->id);
	if (err)
		stt_node_kill(node, STT_CLOSE_NONE);
	stt_node_put(node, STT_REF_REQUEST);
	return err;
}

static int stt_nl_node_new(struct sk_buff *skb, struct genl_info *info)
{
	struct stt_node_spec spec = {
		.heartbeat_ms = STT_HEARTBEAT_MS_DEFAULT,
		.gid = INVALID_GID,
		.rekey = { .age_ms = STT_REKEY_AGE_MS_DEFAULT },
	};
	struct nlattr *fd = info->attrs[STT_A_NODE_SOCKET_FD];
	struct socket *sock;
	int err;

	if (!stt_nl_node_takes(info, BIT_ULL(STT_A_NODE_SOCKET_FD) | STT_NL_NODE_SETTINGS) ||
	    stt_nl_missing(info, STT_A_NODE_SOCKET_FD, "a node needs a UDP socket"))
		return -EINVAL;
	err = stt_nl_node_spec(info, &spec);
	if (err)
		return err;
	if (!stt_nl_permits_new(skb, info))
		return -EACCES;

	sock = sockfd_lookup(nla_get_u32(fd), &err);
	if (!sock) {
		NL_SET_ERR_MSG_ATTR(info->extack, fd, "no open socket of the caller");
		return err;
	}
	err = stt_nl_node_attach(skb, info, sock, &spec);
	sockfd_put(sock);
	return err;
}

/* Sessions that are there keep their heartbeat, sockets stay bound. */
static int stt_nl_node_set(struct sk_buff *skb, struct genl_info *info)
{
	struct stt_node_spec spec;
	struct stt_node *node;
	int err;

	if (!stt_nl_node_takes(info, BIT_ULL(STT_A_NODE_ID) | STT_NL_NODE_SETTINGS))
		return -EINVAL;
	node = stt_nl_own_node(skb, info, STT_A_NODE_ID);
	if (IS_ERR(node))
		return PTR_ERR(node);

	mutex_lock(&node->lock);
	spec.heartbeat_ms = node->heartbeat_ms;
	spec.gid = node->gid;
	stt_node_rekey(node, &spec.rekey);
	err = stt_nl_node_spec(info, &spec);
	if (!err) {
		WRITE_ONCE(node->heartbeat_ms, spec.heartbeat_ms);
		WRITE_ONCE(node->gid, spec.gid);
		WRITE_ONCE(node->rekey.age_ms, spec.rekey.age_ms);
		WRITE_ONCE(node->rekey.volume, spec.rekey.volume);
	}
	mutex_unlock(&node->lock);
	stt_node_put(node, STT_REF_REQUEST);
	return err;
}

static int stt_nl_node_del(struct sk_buff *skb, struct genl_info *info)
{
	struct stt_node *node;

	if (!stt_nl_node_takes(info, BIT_ULL(STT_A_NODE_ID) | BIT_ULL(STT_A_NODE_CLOSE_REASON)))
		return -EINVAL;
	node = stt_nl_own_node(skb, info, STT_A_NODE_ID);
	if (IS_ERR(node))
		return PTR_ERR(node);
	stt_node_kill(node, stt_nl_reason(info, STT_A_NODE_CLOSE_REASON));
	stt_node_put(node, STT_REF_REQUEST);
	return 0;
}

/* ------------------------------------------------------------------------ */
/* The family                                                               */

#define STT_NL_OP(_cmd, _do, _dump, _policy, _max)				\
	{ .cmd = _cmd, .doit = _do, .dumpit = _dump, .policy = _policy, .maxattr = _max }
#define STT_NL_INFO_OP(cmd, doit, dump)						\
	STT_NL_OP(cmd, doit, dump, stt_info_policy, STT_A_INFO_MAX)
#define STT_NL_NODE_OP(cmd, doit, dump)						\
	STT_NL_OP(cmd, doit, dump, stt_node_policy, STT_A_NODE_MAX)
#define STT_NL_SESSION_OP(cmd, doit, dump)					\
	STT_NL_OP(cmd, doit, dump, stt_session_policy, STT_A_SESSION_MAX)
#define STT_NL_SOCKET_OP(cmd, doit, dump)					\
	STT_NL_OP(cmd, doit, dump, stt_socket_policy, STT_A_SOCKET_MAX)

static const struct genl_ops stt_genl_ops[] = {
	STT_NL_INFO_OP(STT_CMD_INFO_GET, stt_nl_info_get, NULL),
	STT_NL_NODE_OP(STT_CMD_NODE_NEW, stt_nl_node_new, NULL),
	STT_NL_NODE_OP(STT_CMD_NODE_GET, stt_nl_node_get, stt_nl_node_dump),
	STT_NL_NODE_OP(STT_CMD_NODE_SET, stt_nl_node_set, NULL),
	STT_NL_NODE_OP(STT_CMD_NODE_DEL, stt_nl_node_del, NULL),
	STT_NL_SESSION_OP(STT_CMD_SESSION_NEW, stt_nl_session_new, NULL),
	STT_NL_SESSION_OP(STT_CMD_SESSION_GET, stt_nl_session_get, stt_nl_session_dump),
	STT_NL_SESSION_OP(STT_CMD_SESSION_SET, stt_nl_session_set, NULL),
	STT_NL_SESSION_OP(STT_CMD_SESSION_DEL, stt_nl_session_del, NULL),
	STT_NL_SESSION_OP(STT_CMD_KEY_NEW, stt_nl_key_new, NULL),
	STT_NL_SESSION_OP(STT_CMD_KEY_DEL, stt_nl_key_del, NULL),
	STT_NL_SOCKET_OP(STT_CMD_SOCKET_GET, NULL, stt_nl_socket_dump),
	STT_NL_SESSION_OP(STT_CMD_SESSION_REKEY, stt_nl_session_rekey, NULL),
};

static const struct genl_multicast_group stt_genl_groups[] = {
	{ .name = STT_GENL_MCGRP_EVENTS },
};

struct genl_family stt_genl __ro_after_init = {
	.name		= STT_GENL_NAME,
	.version	= STT_GENL_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.ops		= stt_genl_ops,
	.n_ops		= ARRAY_SIZE(stt_genl_ops),
	.mcgrps		= stt_genl_groups,
	.n_mcgrps	= ARRAY_SIZE(stt_genl_groups),
};

int __init stt_netlink_init(void)
{
	return genl_register_family(&stt_genl);
}

void stt_netlink_exit(void)
{
	genl_unregister_family(&stt_genl);
}
