// SPDX-License-Identifier: GPL-2.0-only
/* Opened messages on their last step: into the queue of an AF_STT socket. */

#include <linux/filter.h>
#include <linux/skbuff.h>

#include "af_stt.h"
#include "bind.h"
#include "deliver.h"
#include "frame.h"
#include "join.h"
#include "node.h"
#include "session.h"

/* When @from came, @to came. Some drivers have something else in that place. */
void stt_deliver_stamp(struct sk_buff *to, const struct sk_buff *from)
{
	to->tstamp = from->tstamp;
	if (!(skb_shinfo(from)->tx_flags & SKBTX_HW_TSTAMP_NETDEV))
		*skb_hwtstamps(to) = *skb_hwtstamps((struct sk_buff *)from);
}

/* A part of @from in a buffer of its own, behind @headroom bytes; or NULL. */
struct sk_buff *stt_deliver_part(const struct sk_buff *from, unsigned int off, unsigned int len,
				 unsigned int headroom)
{
	struct sk_buff *skb = alloc_skb(headroom + len, GFP_ATOMIC | __GFP_NOWARN);

	if (!skb)
		return NULL;
	skb_reserve(skb, headroom);
	if (!skb_copy_bits(from, off, skb_put(skb, len), len))
		return skb;
	kfree_skb(skb);
	return NULL;
}

/* The stack has refused @n messages, which came as one, with @err. */
static void stt_deliver_count(struct stt_node *node, struct stt_session *s,
			      struct stt_sock *ssk, int err, unsigned int n)
{
	if (err == -ENOMEM)
		stt_count_add(node, s, DROP_RCVBUF, n);
	else if (err == -ENOBUFS)
		stt_count_add(node, s, DROP_NO_MEMORY, n);
	else
		stt_count_add(node, s, DROP_FILTER, n);
	/* In the socket that was one for all. */
	atomic_add(n - 1, &ssk->sk.sk_drops);
}

/* sock_queue_rcv_skb(), where a filter's refusal counts in the socket as well. */
int stt_deliver_sock(struct stt_sock *ssk, struct sk_buff *skb)
{
	int err = sk_filter(&ssk->sk, skb);

	if (!err)
		return __sock_queue_rcv_skb(&ssk->sk, skb);
	atomic_inc(&ssk->sk.sk_drops);
	/* The machine's reserve of memory is not for us. */
	return err == -ENOMEM ? -ENOBUFS : err;
}

/* A filter sees the message, and nothing in front of it. */
void stt_deliver_headers(struct sk_buff *skb)
{
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	skb_reset_transport_header(skb);
}

/* Queue @skb, which is ours, and say why if it cannot be. Consumes it. */
static void stt_deliver_queue(struct stt_node *node, struct stt_session *s,
			      struct stt_sock *ssk, struct sk_buff *skb)
{
	unsigned int n = stt_skb_messages(skb);
	int err;

	if (READ_ONCE(ssk->sk.sk_shutdown) & RCV_SHUTDOWN) {
		stt_count_add(node, s, DROP_NO_READER, n);
		kfree_skb(skb);
		return;
	}

	err = stt_deliver_sock(ssk, skb);
	if (!err)
		return;
	stt_deliver_count(node, s, ssk, err, n);
	kfree_skb(skb);
}

/* A filter wants to see each message: cut the run. Consumes @skb. */
static void stt_deliver_each(struct stt_node *node, struct stt_session *s,
			     struct stt_sock *ssk, struct sk_buff *skb)
{
	const struct stt_skb_cb *cb = stt_skb_cb(skb);
	struct sk_buff *one;
	unsigned int off;

	for (off = 0; off < skb->len; off += cb->size) {
		one = stt_deliver_part(skb, off, min(cb->size, skb->len - off), 0);
		if (!one) {
			stt_count(node, s, DROP_NO_MEMORY);
			continue;
		}
		stt_deliver_stamp(one, skb);
		*stt_skb_cb(one) = *cb;
		stt_skb_cb(one)->size = 0;
		stt_deliver_queue(node, s, ssk, one);
	}
	consume_skb(skb);
}

/* Messages of one stream and kind; @size: of each, 0 if it is one. Consumes @skb. */
static void stt_deliver_messages(struct stt_node *node, struct stt_session *s,
				 const struct stt_inner *inner, unsigned int size,
				 struct sk_buff *skb)
{
	struct stt_sock *ssk = stt_bind_find(node, s, inner->stream);

	*stt_skb_cb(skb) = (struct stt_skb_cb) {
		.session = s->id,
		.stream = inner->stream,
		.type = inner->kind,
		.size = size,
	};
	stt_deliver_headers(skb);
	if (!ssk) {
		stt_count_add(node, s, DROP_NO_READER, stt_skb_messages(skb));
		kfree_skb(skb);
	} else if (unlikely(size && rcu_access_pointer(ssk->sk.sk_filter))) {
		stt_deliver_each(node, s, ssk, skb);
	} else {
		stt_deliver_queue(node, s, ssk, skb);
	}
}

/* Opened frames of one message, if it has many; else whole ones. Consumes it. */
void stt_deliver(struct stt_node *node, struct stt_session *s, const struct stt_inner *inner,
		 unsigned int size, struct stt_chunk *chunk)
{
	struct sk_buff *skb;

	if (likely(!inner->last)) {
		stt_deliver_messages(node, s, inner, chunk->n > 1 ? size : 0, chunk->skb);
		return;
	}
	skb = stt_join(s, inner, chunk);
	if (skb)
		stt_deliver_messages(node, s, inner, 0, skb);
}
