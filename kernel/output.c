// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a message out: sendmsg(), destination, route, frame, seal, UDP.
 * All of it runs in the context of the sender; the frame is built once, at
 * its final place, and sealed there.
 */

#include <linux/socket.h>

#include "af_stt.h"
#include "node.h"
#include "output.h"
#include "session.h"
#include "trace.h"
#include "xmit.h"

/**
 * struct stt_dest - where a message goes
 * @session: holds a reference
 * @stream: stream id
 * @type: STT_MSG_DATA, or of the user's
 */
struct stt_dest {
	struct stt_session *session;
	u32 stream;
	u8 type;
};

/* The default destination, from connect(). */
static int stt_dest_connected(struct stt_sock *ssk, struct stt_dest *dest)
{
	struct stt_peer peer;

	dest->session = stt_sock_peer(ssk, &peer, STT_REF_SEND);
	dest->stream = peer.stream;
	dest->type = peer.type;
	if (dest->session)
		return 0;
	/* Like a socket that lost its session for good with its node. */
	return READ_ONCE(ssk->end) ?: -EDESTADDRREQ;
}

/* The node of a destination, if the caller may send there. */
static struct stt_node *stt_dest_node(struct stt_sock *ssk, u32 id)
{
	struct stt_node *node = stt_node_get(sock_net(&ssk->sk), id, STT_REF_SEND);

	if (!node)
		return ERR_PTR(-ENODEV);
	/* A socket of the node was let in when it was bound. */
	if (READ_ONCE(ssk->node) == node || stt_node_permits(node))
		return node;
	stt_node_put(node, STT_REF_SEND);
	return ERR_PTR(-EACCES);
}

static int stt_dest_type(const struct sockaddr_stt *addr, struct stt_dest *dest)
{
	switch (addr->sstt_type) {
	case STT_MSG_ANY:
	case STT_MSG_DATA:
		dest->type = STT_MSG_DATA;
		return 0;
	case STT_MSG_USER_MIN ... STT_MSG_USER_MAX:
		dest->type = addr->sstt_type;
		return 0;
	default:
		return -EINVAL;
	}
}

/* The destination that the caller named. */
static int stt_dest_named(struct stt_sock *ssk, const struct sockaddr_stt *addr, int len,
			  struct stt_dest *dest)
{
	struct stt_node *node;
	int err;

	err = stt_sock_address(addr, len);
	if (!err)
		err = stt_dest_type(addr, dest);
	if (err)
		return err;
	if (addr->sstt_flags || addr->sstt_session == STT_SESSION_ANY ||
	    addr->sstt_session == STT_SESSION_ALL)
		return -EINVAL;

	node = stt_dest_node(ssk, addr->sstt_node);
	if (IS_ERR(node))
		return PTR_ERR(node);
	dest->session = stt_session_get(node, addr->sstt_session, STT_REF_SEND);
	dest->stream = addr->sstt_stream;
	stt_node_put(node, STT_REF_SEND);
	return dest->session ? 0 : -ENOENT;
}

/* The first message allocates the route cache: idle sessions have none. */
static void stt_output_prepare(struct stt_session *s)
{
	struct dst_cache cache;

	if (likely(READ_ONCE(s->dst_cache.cache)) ||
	    dst_cache_init(&cache, GFP_KERNEL_ACCOUNT))
		return;
	if (cmpxchg(&s->dst_cache.cache, NULL, cache.cache))
		dst_cache_destroy(&cache);
}

/* Room in front for the lower layers, and behind for what is put in later. */
static void stt_output_reserve(struct sk_buff *skb, const struct stt_route *rt)
{
	skb_reserve(skb, rt->headroom);
	skb->protocol = rt->ep.peer.sa.sa_family == AF_INET6 ? htons(ETH_P_IPV6) :
							       htons(ETH_P_IP);
}

static unsigned int stt_output_size(const struct stt_route *rt, size_t payload_len)
{
	return rt->headroom + STT_OVERHEAD + payload_len + rt->dst->trailer_len;
}

/*
 * Write the headers of the one frame in @skb, whose payload is in place, and
 * seal it. A counter may be lost on failure, but none is used twice.
 */
static int stt_output_seal(struct stt_session *s, struct sk_buff *skb,
			   const struct stt_inner *inner, size_t payload_len)
{
	struct stt_header h = { .session = s->id };
	struct stt_tx_key *key;
	s64 counter;
	int err = 0;

	rcu_read_lock();
	key = rcu_dereference(s->tx);
	if (!key) {
		err = -ENOKEY;
		goto unlock;
	}
	counter = stt_key_reserve(key, 1);
	if (counter < 0) {
		err = counter;
		goto unlock;
	}

	h.epoch = key->key.epoch;
	h.counter = counter;
	stt_header_write(skb->data, &h);
	stt_inner_write(skb->data + STT_HDR_LEN, inner);
	skb_put(skb, STT_TAG_LEN);
	err = stt_key_seal(key, skb->data, STT_INNER_LEN + payload_len, h.counter);
	if (!err)
		trace_stt_tx(s, &h, inner, payload_len);
unlock:
	rcu_read_unlock();
	return err;
}

/* Seal and send. Consumes @skb and the route. */
static int stt_output_frame(struct stt_session *s, struct stt_route *rt, struct sk_buff *skb,
			    const struct stt_inner *inner)
{
	size_t payload_len = skb->len - STT_HDR_LEN - STT_INNER_LEN;
	int err;

	err = stt_output_seal(s, skb, inner, payload_len);
	if (err) {
		kfree_skb(skb);
		stt_route_put(rt);
	} else {
		err = stt_xmit(s->node, rt, skb);
	}

	if (err) {
		stt_count(s->node, s, TX_ERRORS);
		return err;
	}
	WRITE_ONCE(s->last_tx, jiffies);
	stt_count(s->node, s, TX_FRAMES);
	stt_count_add(s->node, s, TX_BYTES, payload_len);
	return 0;
}

/* A buffer charged to the sender, with the message copied to its final place. */
static struct sk_buff *stt_output_copy(struct sock *sk, const struct stt_route *rt,
				       struct msghdr *msg, size_t len)
{
	struct sk_buff *skb;
	int err;

	skb = sock_alloc_send_skb(sk, stt_output_size(rt, len),
				  msg->msg_flags & MSG_DONTWAIT, &err);
	if (!skb)
		return ERR_PTR(err);

	stt_output_reserve(skb, rt);
	skb->priority = READ_ONCE(sk->sk_priority);
	skb_put(skb, STT_HDR_LEN + STT_INNER_LEN);
	if (copy_from_iter_full(skb_put(skb, len), len, &msg->msg_iter))
		return skb;
	kfree_skb(skb);
	return ERR_PTR(-EFAULT);
}

static int stt_output_message(struct sock *sk, const struct stt_dest *dest,
			      struct msghdr *msg, size_t len)
{
	const struct stt_inner inner = { .stream = dest->stream, .kind = dest->type };
	struct stt_session *s = dest->session;
	struct stt_route rt;
	struct sk_buff *skb;
	int err;

	err = stt_session_error(s);
	if (err)
		return err;

	stt_output_prepare(s);
	err = stt_route_find(&rt, s);
	if (err) {
		stt_count(s->node, s, TX_ERRORS);
		return err;
	}
	if (len > stt_route_max(&rt))
		skb = ERR_PTR(-EMSGSIZE);
	else
		skb = stt_output_copy(sk, &rt, msg, len);
	if (IS_ERR(skb)) {
		stt_route_put(&rt);
		return PTR_ERR(skb);
	}
	return stt_output_frame(s, &rt, skb, &inner);
}

int stt_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct stt_sock *ssk = stt_sk(sock->sk);
	struct stt_dest dest;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->msg_controllen)
		return -EINVAL;
	if (len > STT_MESSAGE_MAX)
		return -EMSGSIZE;

	if (msg->msg_name)
		err = stt_dest_named(ssk, msg->msg_name, msg->msg_namelen, &dest);
	else
		err = stt_dest_connected(ssk, &dest);
	if (err)
		return err;

	err = stt_output_message(sock->sk, &dest, msg, len);
	stt_session_put(dest.session, STT_REF_SEND);
	return err ?: len;
}

/* A frame of the module's own, with at most a byte in it. Any context. */
static void stt_output_own(struct stt_session *s, u8 kind, const u8 *payload, size_t len)
{
	const struct stt_inner inner = { .kind = kind };
	struct stt_route rt;
	struct sk_buff *skb;

	if (stt_route_find(&rt, s)) {
		stt_count(s->node, s, TX_ERRORS);
		return;
	}
	skb = alloc_skb(stt_output_size(&rt, len), GFP_ATOMIC);
	if (!skb) {
		stt_route_put(&rt);
		stt_count(s->node, s, TX_ERRORS);
		return;
	}
	stt_output_reserve(skb, &rt);
	skb_put(skb, STT_HDR_LEN + STT_INNER_LEN);
	skb_put_data(skb, payload, len);
	/* Failure is counted, and heartbeats are there to be lost. */
	stt_output_frame(s, &rt, skb, &inner);
}

void stt_output_control(struct stt_session *s, u8 kind)
{
	stt_output_own(s, kind, NULL, 0);
}

void stt_output_close(struct stt_session *s, u8 reason)
{
	stt_output_own(s, STT_KIND_SESSION_CLOSE, &reason, sizeof(reason));
}
