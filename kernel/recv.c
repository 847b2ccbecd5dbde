// SPDX-License-Identifier: GPL-2.0-only
/* recvmsg(): a message from the queue of the socket to the program. */

#include <linux/socket.h>
#include <net/ipv6.h>

#include "af_stt.h"
#include "node.h"

/*
 * There is no message. If none will ever come, say why: the peer's end, the
 * end of the node, or, after shutdown(), nothing to read.
 */
static int stt_recv_nothing(const struct stt_sock *ssk, int err)
{
	if (err && err != -EAGAIN)
		return err;
	if (!(READ_ONCE(ssk->sk.sk_shutdown) & RCV_SHUTDOWN))
		return err;
	return READ_ONCE(ssk->end);
}

static void stt_recv_name(struct stt_sock *ssk, struct msghdr *msg, struct sk_buff *skb)
{
	const struct stt_skb_cb *cb = stt_skb_cb(skb);
	struct sockaddr_stt *addr = msg->msg_name;
	struct stt_node *node;

	if (!addr)
		return;

	memset(addr, 0, sizeof(*addr));
	addr->sstt_family = stt_family;
	addr->sstt_type = cb->type;
	addr->sstt_session = cb->session;
	addr->sstt_stream = cb->stream;
	rcu_read_lock();
	node = READ_ONCE(ssk->node);
	if (node)
		addr->sstt_node = node->id;
	rcu_read_unlock();
	msg->msg_namelen = sizeof(*addr);
}

static void stt_recv_from4(struct msghdr *msg, struct stt_skb_from *from)
{
	struct sockaddr_in local = {
		.sin_family = AF_INET,
		.sin_port = from->local_port,
		.sin_addr = from->ep.local.v4,
	};

	put_cmsg(msg, SOL_STT, STT_CMSG_PEER_ADDR, sizeof(from->ep.peer.in), &from->ep.peer.in);
	put_cmsg(msg, SOL_STT, STT_CMSG_LOCAL_ADDR, sizeof(local), &local);
}

static void stt_recv_from6(struct msghdr *msg, struct stt_skb_from *from)
{
	struct sockaddr_in6 local = {
		.sin6_family = AF_INET6,
		.sin6_port = from->local_port,
		.sin6_addr = from->ep.local.v6,
		.sin6_scope_id = from->ep.peer.in6.sin6_scope_id,
	};

	put_cmsg(msg, SOL_STT, STT_CMSG_PEER_ADDR, sizeof(from->ep.peer.in6),
		 &from->ep.peer.in6);
	put_cmsg(msg, SOL_STT, STT_CMSG_LOCAL_ADDR, sizeof(local), &local);
}

/* Where a handshake datagram came from, and to which address of ours. */
static void stt_recv_from(struct msghdr *msg, const struct sk_buff *skb)
{
	struct stt_skb_from *from = stt_skb_from(skb);

	if (from->ep.peer.sa.sa_family == AF_INET6)
		stt_recv_from6(msg, from);
	else
		stt_recv_from4(msg, from);
}

int stt_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct stt_sock *ssk = stt_sk(sock->sk);
	struct sk_buff *skb;
	size_t copied;
	int err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;

	skb = skb_recv_datagram(sock->sk, flags, &err);
	if (!skb)
		return stt_recv_nothing(ssk, err);

	copied = min_t(size_t, len, skb->len);
	if (copied < skb->len)
		msg->msg_flags |= MSG_TRUNC;
	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	if (err)
		goto free;

	sock_recv_cmsgs(msg, sock->sk, skb);
	stt_recv_name(ssk, msg, skb);
	if (stt_skb_cb(skb)->type == STT_MSG_HANDSHAKE)
		stt_recv_from(msg, skb);
	err = flags & MSG_TRUNC ? skb->len : copied;
free:
	skb_free_datagram(sock->sk, skb);
	return err;
}
