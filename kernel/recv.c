// SPDX-License-Identifier: GPL-2.0-only
/* recvmsg(): a message from the queue of the socket to the program. */

#include <linux/skbuff.h>
#include <linux/socket.h>
#include <net/ipv6.h>

#include "af_stt.h"
#include "node.h"

/*
 * Will no message ever come? Then ->end says why: the peer's end, the end of the
 * node, or, after shutdown(), nothing.
 */
static bool stt_recv_over(const struct stt_sock *ssk)
{
	bool over = READ_ONCE(ssk->sk.sk_shutdown) & RCV_SHUTDOWN;

	/* Who sees the end sees what was queued before it. */
	smp_rmb();
	return over;
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

/* ------------------------------------------------------------------------ */
/* The queue                                                                */

/**
 * struct stt_piece - what one recvmsg() returns
 * @skb: where it lies; holds a reference
 * @off: where it begins
 * @len: bytes
 * @size: it is messages of this size; 0: it is one
 * @more: messages are left behind it in the same skb
 */
struct stt_piece {
	struct sk_buff *skb;
	unsigned int off;
	unsigned int len;
	unsigned int size;
	bool more;
};

/* As many messages of a run as fit in @room, but at least one. */
static void stt_recv_measure(struct stt_piece *p, size_t room, bool gro)
{
	unsigned int left = p->skb->len - p->off;
	unsigned int size = stt_skb_cb(p->skb)->size;

	p->len = stt_skb_next(p->skb);
	p->size = 0;
	if (gro && size && left > size && room >= 2 * (size_t)size) {
		p->len = min_t(size_t, left, room - room % size);
		p->size = size;
	}
	p->more = p->len < left;
}

/*
 * The next message, or run of them, if there is one. Several readers may be
 * at work on one run: what each has taken is noted under the lock of the queue,
 * and the bytes do not change any more.
 */
static bool stt_recv_take(struct sock *sk, struct stt_piece *p, size_t room, int flags)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	bool gro = READ_ONCE(stt_sk(sk)->gro);

	spin_lock_bh(&queue->lock);
	p->skb = skb_peek(queue);
	if (p->skb) {
		p->off = stt_skb_cb(p->skb)->off;
		stt_recv_measure(p, room, gro);
		if (flags & MSG_PEEK) {
			skb_get(p->skb);
		} else if (p->more) {
			stt_skb_cb(p->skb)->off += p->len;
			skb_get(p->skb);
		} else {
			__skb_unlink(p->skb, queue);
		}
	}
	spin_unlock_bh(&queue->lock);
	return p->skb;
}

/*
 * The arrival of a run woke one reader, who now wakes the next. Who waited when
 * it came had said so before he saw an empty queue, so nobody is overlooked.
 */
static void stt_recv_wake_next(struct sock *sk, const struct stt_piece *p, int flags)
{
	if (p->more && !(flags & MSG_PEEK) && atomic_read(&stt_sk(sk)->waiting))
		sk->sk_data_ready(sk);
}

/* Until the queue is not empty any more; false: that will not be, see @err. */
static bool stt_recv_sleep(struct sock *sk, long *timeo, int *err)
{
	struct stt_sock *ssk = stt_sk(sk);
	bool slept;

	atomic_inc(&ssk->waiting);
	slept = !__skb_wait_for_more_packets(sk, &sk->sk_receive_queue, err, timeo,
					     (struct sk_buff *)&sk->sk_receive_queue);
	atomic_dec(&ssk->waiting);
	return slept;
}

/* Wait for the next message. False: there is none, and @err says why. */
static bool stt_recv_wait(struct sock *sk, struct stt_piece *p, size_t room, int flags, int *err)
{
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);

	do {
		*err = sock_error(sk);
		if (*err)
			return false;
		if (stt_recv_take(sk, p, room, flags))
			return true;
		*err = -EAGAIN;
	} while (timeo && stt_recv_sleep(sk, &timeo, err));
	return false;
}

static int stt_recv_copy(struct stt_sock *ssk, struct msghdr *msg, const struct stt_piece *p,
			 size_t room, int flags)
{
	size_t copied = min_t(size_t, room, p->len);
	int size = p->size, err;

	err = skb_copy_datagram_msg(p->skb, p->off, msg, copied);
	if (err)
		return err;
	if (copied < p->len)
		msg->msg_flags |= MSG_TRUNC;
	sock_recv_cmsgs(msg, &ssk->sk, p->skb);
	stt_recv_name(ssk, msg, p->skb);
	if (size)
		put_cmsg(msg, SOL_STT, STT_CMSG_SEGMENT, sizeof(size), &size);
	if (stt_skb_cb(p->skb)->type == STT_MSG_HANDSHAKE && !stt_skb_cb(p->skb)->session)
		stt_recv_from(msg, p->skb);
	return flags & MSG_TRUNC ? p->len : copied;
}

int stt_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct stt_sock *ssk = stt_sk(sock->sk);
	struct stt_piece p;
	int err;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;

	if (!stt_recv_wait(sock->sk, &p, len, flags, &err)) {
		if ((err && err != -EAGAIN) || !stt_recv_over(ssk))
			return err;
		/* The last one may have come since it was looked for. */
		if (!stt_recv_take(sock->sk, &p, len, flags))
			return READ_ONCE(ssk->end);
	}
	stt_recv_wake_next(sock->sk, &p, flags);
	err = stt_recv_copy(ssk, msg, &p, len, flags);
	consume_skb(p.skb);
	return err;
}
