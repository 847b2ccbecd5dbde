// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a message out: sendmsg(), destination, route, frames, seal, UDP.
 * All of it runs in the context of the sender. dest.c finds the destination,
 * burst.c makes the frames, xmit.c gives them to the stack; to many sessions
 * goes fanout.c, by the same way.
 */

#include <linux/socket.h>

#include "af_stt.h"
#include "burst.h"
#include "dest.h"
#include "fanout.h"
#include "node.h"
#include "output.h"
#include "session.h"
#include "xmit.h"

/* What a program may send is what travels. */
static_assert(STT_MESSAGE_MAX == STT_PAYLOAD_MAX);

/* ------------------------------------------------------------------------ */
/* sendmsg()                                                                */

/**
 * struct stt_ask - what control messages ask for
 * @segment: STT_CMSG_SEGMENT, or the option of the socket
 * @fanout: STT_CMSG_FANOUT
 * @has_fanout: there was one
 */
struct stt_ask {
	size_t segment;
	struct stt_fanout fanout;
	bool has_fanout;
};

static int stt_ask_segment(const struct cmsghdr *cmsg, struct stt_ask *ask)
{
	int segment;

	if (cmsg->cmsg_len != CMSG_LEN(sizeof(segment)))
		return -EINVAL;
	memcpy(&segment, CMSG_DATA(cmsg), sizeof(segment));
	if (segment < 0 || segment > STT_MESSAGE_MAX)
		return -EINVAL;
	ask->segment = segment;
	return 0;
}

static int stt_ask_fanout(const struct cmsghdr *cmsg, struct stt_ask *ask)
{
	if (cmsg->cmsg_len != CMSG_LEN(sizeof(ask->fanout)) || ask->has_fanout)
		return -EINVAL;
	memcpy(&ask->fanout, CMSG_DATA(cmsg), sizeof(ask->fanout));
	ask->has_fanout = true;
	return ask->fanout.__reserved ? -EINVAL : 0;
}

static int stt_ask_read(struct msghdr *msg, struct stt_ask *ask)
{
	struct cmsghdr *cmsg;
	int err;

	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg) || cmsg->cmsg_level != SOL_STT)
			return -EINVAL;
		if (cmsg->cmsg_type == STT_CMSG_SEGMENT)
			err = stt_ask_segment(cmsg, ask);
		else if (cmsg->cmsg_type == STT_CMSG_FANOUT)
			err = stt_ask_fanout(cmsg, ask);
		else
			err = -EINVAL;
		if (err)
			return err;
	}
	return 0;
}

/* A message that is no destination of a fan-out has no list, and the reverse. */
static int stt_send_to(const struct stt_send *m, struct stt_dest *dest, const struct stt_ask *ask,
		       struct msghdr *msg)
{
	if (dest->session)
		return ask->has_fanout ? -EINVAL :
					 stt_output_message(m, dest->session, &msg->msg_iter);
	if (!dest->all && !ask->has_fanout)
		return -EINVAL;
	return stt_fanout(m, dest, &ask->fanout, &msg->msg_iter);
}

int stt_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct stt_sock *ssk = stt_sk(sock->sk);
	struct stt_ask ask = { .segment = READ_ONCE(ssk->segment) };
	struct stt_dest dest;
	struct stt_send m;
	int err = 0;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (unlikely(msg->msg_controllen))
		err = stt_ask_read(msg, &ask);
	if (!err && len > STT_MESSAGE_MAX)
		err = -EMSGSIZE;
	if (!err)
		err = stt_dest_find(ssk, msg, &dest);
	if (err)
		return err;

	m = (struct stt_send) {
		.sk = sock->sk,
		.len = len,
		.segment = ask.segment,
		.stream = dest.stream,
		.type = dest.type,
		.noblock = msg->msg_flags & MSG_DONTWAIT,
	};
	err = stt_send_to(&m, &dest, &ask, msg);
	stt_dest_put(&dest);
	return err;
}

/* ------------------------------------------------------------------------ */
/* To one session                                                           */

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

/*
 * Seal all frames with the key of the hour, under counters that no other
 * frame has: what fails after this has used them up.
 */
static int stt_output_seal(struct stt_session *s, struct stt_burst *b)
{
	struct stt_tx_key *key;
	s64 counter;
	int err;

	rcu_read_lock();
	key = rcu_dereference(s->tx);
	if (likely(key))
		counter = stt_key_reserve(s, key, b->inner.kind, b->frames);
	else
		/* It may have ended while the caller waited for room. */
		counter = stt_session_error(s) ?: stt_key_error(s);
	err = counter < 0 ? counter : stt_burst_seal(b, key, s, counter);
	rcu_read_unlock();
	return err;
}

/* What is counted of frames that are gone. */
static void stt_output_count(struct stt_session *s, unsigned int frames, size_t bytes)
{
	WRITE_ONCE(s->last_tx, jiffies);
	stt_count_add(s->node, s, TX_FRAMES, frames);
	stt_count_add(s->node, s, TX_BYTES, bytes);
}

static unsigned int stt_output_left(const struct stt_burst *b)
{
	struct sk_buff *skb;
	unsigned int n = 0;

	skb_queue_walk(&b->skbs, skb)
		n += stt_xmit_segs(skb);
	return n;
}

/*
 * Send sealed frames. Returns how many bytes of payload went, or an error if
 * none did or if it was one message that is now incomplete.
 */
static int stt_output_xmit(struct stt_session *s, struct stt_route *rt, struct stt_burst *b)
{
	struct sk_buff *skb;
	size_t bytes, sent = 0;
	unsigned int frames;
	int err;

	while ((skb = __skb_dequeue(&b->skbs))) {
		frames = stt_xmit_segs(skb);
		bytes = skb->len - frames * STT_OVERHEAD;
		/*
		 * Those of some sessions that wait for an address resolution must not
		 * take the send buffer from the answers to all others.
		 */
		if (unlikely(b->inner.kind == STT_KIND_HANDSHAKE))
			skb_orphan(skb);
		dst_hold(rt->dst);
		err = stt_xmit(s->node, rt, skb);
		if (unlikely(err)) {
			stt_count_add(s->node, s, TX_ERRORS, frames + stt_output_left(b));
			return sent && !b->split ? sent : err;
		}
		stt_output_count(s, frames, bytes);
		sent += bytes;
	}
	return sent;
}

/* Seal and send what is filled. Returns as stt_output_xmit(). */
static int stt_output_send(struct stt_session *s, struct stt_route *rt, struct stt_burst *b)
{
	int err = stt_output_seal(s, b);

	if (!err)
		return stt_output_xmit(s, rt, b);
	stt_count_add(s->node, s, TX_ERRORS, b->frames);
	return err;
}

static int stt_output_burst(const struct stt_send *m, struct stt_session *s,
			    struct stt_route *rt, struct iov_iter *from)
{
	struct stt_burst b = {
		.sk = m->sk,
		.rt = rt,
		.inner = { .stream = m->stream, .kind = m->type },
		.noblock = m->noblock,
	};
	int err;

	__skb_queue_head_init(&b.skbs);
	err = stt_burst_plan(&b, m->len, m->segment);
	if (!err)
		err = stt_burst_fill(&b, from);
	if (!err)
		err = stt_output_send(s, rt, &b);
	__skb_queue_purge(&b.skbs);
	return err;
}

/* Returns the bytes that were sent, or an error. */
int stt_output_message(const struct stt_send *m, struct stt_session *s, struct iov_iter *from)
{
	struct stt_route rt;
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
	err = stt_output_burst(m, s, &rt, from);
	stt_route_put(&rt);
	return err;
}

/* ------------------------------------------------------------------------ */
/* Frames of the module's own                                               */

/* One linear frame, with @len bytes of @payload in it, or NULL. */
static struct sk_buff *stt_output_frame(const struct stt_route *rt, const u8 *payload, size_t len)
{
	struct sk_buff *skb = alloc_skb(stt_burst_size(rt, len), GFP_ATOMIC);

	if (!skb)
		return NULL;
	stt_burst_reserve(skb, rt);
	skb_put(skb, STT_HDR_LEN + STT_INNER_LEN);
	skb_put_data(skb, payload, len);
	skb_put(skb, STT_TAG_LEN);
	return skb;
}

/* Any context. Failure is counted, and heartbeats are there to be lost. */
static void stt_output_own(struct stt_session *s, u8 kind, const u8 *payload, size_t len)
{
	struct stt_burst b = { .inner = { .kind = kind }, .len = len, .step = len, .frames = 1 };
	struct sk_buff *skb;
	struct stt_route rt;

	if (stt_route_find(&rt, s)) {
		stt_count(s->node, s, TX_ERRORS);
		return;
	}
	__skb_queue_head_init(&b.skbs);
	skb = stt_output_frame(&rt, payload, len);
	if (skb) {
		__skb_queue_tail(&b.skbs, skb);
		stt_output_send(s, &rt, &b);
	} else {
		stt_count(s->node, s, TX_ERRORS);
	}
	__skb_queue_purge(&b.skbs);
	stt_route_put(&rt);
}

void stt_output_control(struct stt_session *s, u8 kind)
{
	stt_output_own(s, kind, NULL, 0);
}

void stt_output_close(struct stt_session *s, u8 reason)
{
	stt_output_own(s, STT_KIND_SESSION_CLOSE, &reason, sizeof(reason));
}
