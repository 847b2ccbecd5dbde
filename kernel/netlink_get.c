// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that only look: one thing, or a dump. Dumps go by number (node id,
 * then the index of a session or socket, which it keeps), so one that is cut into
 * several messages goes on where it was, whatever came and went meanwhile.
 */

#include "af_stt.h"
#include "netlink.h"
#include "node.h"
#include "session.h"

struct sk_buff *stt_nl_reply_begin(struct genl_info *info, u8 cmd, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (skb)
		*hdr = genlmsg_put_reply(skb, info, &stt_genl, 0, cmd);
	return skb;
}

/* Send the reply, or throw it away if it could not be filled. */
int stt_nl_reply_end(struct genl_info *info, struct sk_buff *skb, void *hdr, int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

int stt_nl_info_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	void *hdr;

	reply = stt_nl_reply_begin(info, STT_CMD_INFO_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	return stt_nl_reply_end(info, reply, hdr, stt_nl_put_info(reply, genl_info_net(info)));
}

int stt_nl_node_get(struct sk_buff *skb, struct genl_info *info)
{
	struct stt_node *node;
	struct sk_buff *reply;
	int err = -ENOMEM;
	void *hdr;

	if (!stt_nl_node_takes(info, BIT_ULL(STT_A_NODE_ID)))
		return -EINVAL;
	node = stt_nl_node(info, STT_A_NODE_ID);
	if (IS_ERR(node))
		return PTR_ERR(node);
	reply = stt_nl_reply_begin(info, STT_CMD_NODE_GET, &hdr);
	if (reply)
		err = stt_nl_reply_end(info, reply, hdr, stt_nl_put_node_full(reply, node));
	stt_node_put(node, STT_REF_REQUEST);
	return err;
}

int stt_nl_session_get(struct sk_buff *skb, struct genl_info *info)
{
	struct stt_session *s;
	struct stt_node *node;
	struct sk_buff *reply;
	int err = -ENOMEM;
	void *hdr;

	if (!stt_nl_session_takes(info, STT_NL_SESSION_NAME))
		return -EINVAL;
	node = stt_nl_node(info, STT_A_SESSION_NODE);
	if (IS_ERR(node))
		return PTR_ERR(node);
	s = stt_nl_session(info, node);
	stt_node_put(node, STT_REF_REQUEST);
	if (IS_ERR(s))
		return PTR_ERR(s);
	reply = stt_nl_reply_begin(info, STT_CMD_SESSION_GET, &hdr);
	if (reply)
		err = stt_nl_reply_end(info, reply, hdr, stt_nl_put_session_full(reply, s));
	stt_session_put(s, STT_REF_REQUEST);
	return err;
}

static void *stt_nl_dump_begin(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &stt_genl,
			   NLM_F_MULTI, cmd);
}

static int stt_nl_dump_end(struct sk_buff *skb, void *hdr, int err)
{
	if (err)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return err;
}

/**
 * struct stt_nl_cursor - where a dump goes on
 * @node: at this node, or the next there is
 * @only: at no other node; 0 = at any
 * @index: where in the node
 */
struct stt_nl_cursor {
	u32 node;
	u32 only;
	unsigned long index;
};

static struct stt_nl_cursor *stt_nl_cursor(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct stt_nl_cursor) > sizeof(cb->ctx));
	return (struct stt_nl_cursor *)cb->ctx;
}

/* The node that the dump is at. Returns a reference, or NULL at the end. */
static struct stt_node *stt_nl_cursor_node(struct stt_nl_cursor *at, struct net *net)
{
	struct stt_node *node;
	u32 id = at->node;

	node = stt_node_get_from(net, &id, STT_REF_DUMP);
	if (!node)
		return NULL;
	if (at->only && id != at->only) {
		stt_node_put(node, STT_REF_DUMP);
		return NULL;
	}
	if (id != at->node) {
		at->node = id;
		at->index = 0;
	}
	return node;
}

static void stt_nl_cursor_next(struct stt_nl_cursor *at)
{
	at->node++;
	at->index = 0;
}

/* Walk the nodes from where the dump is, with @dump for each. */
static int stt_nl_dump_nodes(struct sk_buff *skb, struct netlink_callback *cb,
			     int (*dump)(struct sk_buff *skb, struct netlink_callback *cb,
					 struct stt_node *node, struct stt_nl_cursor *at))
{
	struct stt_nl_cursor *at = stt_nl_cursor(cb);
	struct stt_node *node;
	int err = 0;

	while (!err && (node = stt_nl_cursor_node(at, sock_net(skb->sk)))) {
		err = dump(skb, cb, node, at);
		stt_node_put(node, STT_REF_DUMP);
		if (!err)
			stt_nl_cursor_next(at);
	}
	/* A message that is full is no error while there is something in it. */
	return skb->len ?: err;
}

static int stt_nl_dump_node(struct sk_buff *skb, struct netlink_callback *cb,
			    struct stt_node *node, struct stt_nl_cursor *at)
{
	void *hdr = stt_nl_dump_begin(skb, cb, STT_CMD_NODE_GET);

	if (!hdr)
		return -EMSGSIZE;
	return stt_nl_dump_end(skb, hdr, stt_nl_put_node_full(skb, node));
}

int stt_nl_node_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return stt_nl_dump_nodes(skb, cb, stt_nl_dump_node);
}

static int stt_nl_dump_session(struct sk_buff *skb, struct netlink_callback *cb,
			       struct stt_session *s)
{
	void *hdr = stt_nl_dump_begin(skb, cb, STT_CMD_SESSION_GET);

	if (!hdr)
		return -EMSGSIZE;
	return stt_nl_dump_end(skb, hdr, stt_nl_put_session_full(skb, s));
}

/* The first session whose index is at least *@index. Returns a reference. */
static struct stt_session *stt_nl_session_from(struct stt_node *node, unsigned long *index)
{
	struct stt_session *s;
	unsigned long i;

	rcu_read_lock();
	xa_for_each_start(&node->session_index, i, s, *index) {
		if (stt_session_hold(s, STT_REF_DUMP)) {
			*index = i;
			break;
		}
	}
	rcu_read_unlock();
	return s;
}

static int stt_nl_dump_sessions(struct sk_buff *skb, struct netlink_callback *cb,
				struct stt_node *node, struct stt_nl_cursor *at)
{
	struct stt_session *s;
	int err = 0;

	while (!err && (s = stt_nl_session_from(node, &at->index))) {
		err = stt_nl_dump_session(skb, cb, s);
		stt_session_put(s, STT_REF_DUMP);
		if (!err)
			at->index++;
	}
	return err;
}

int stt_nl_session_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = stt_genl_dump_attrs(cb);
	struct stt_nl_cursor *at = stt_nl_cursor(cb);

	/* Nodes count from 1: this is the first call. */
	if (!at->node && attrs && attrs[STT_A_SESSION_NODE]) {
		at->only = nla_get_u32(attrs[STT_A_SESSION_NODE]);
		at->node = at->only;
	}
	return stt_nl_dump_nodes(skb, cb, stt_nl_dump_sessions);
}

static int stt_nl_dump_socket(struct sk_buff *skb, struct netlink_callback *cb,
			      struct stt_node *node, struct stt_sock *ssk)
{
	void *hdr = stt_nl_dump_begin(skb, cb, STT_CMD_SOCKET_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, STT_A_SOCKET_NODE, node->id))
		return stt_nl_dump_end(skb, hdr, -EMSGSIZE);
	return stt_nl_dump_end(skb, hdr, stt_nl_put_socket(skb, ssk));
}

/* Sockets are freed a grace period after they leave, so RCU holds them. */
static int stt_nl_dump_sockets(struct sk_buff *skb, struct netlink_callback *cb,
			       struct stt_node *node, struct stt_nl_cursor *at)
{
	struct stt_sock *ssk;
	unsigned long i;
	int err = 0;

	rcu_read_lock();
	xa_for_each_start(&node->sockets, i, ssk, at->index) {
		err = stt_nl_dump_socket(skb, cb, node, ssk);
		if (err)
			break;
		at->index = i + 1;
	}
	rcu_read_unlock();
	return err;
}

int stt_nl_socket_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return stt_nl_dump_nodes(skb, cb, stt_nl_dump_sockets);
}
