// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers of what one call sends to one peer: how many frames, where the bytes
 * of the user go, and the seal over each.
 *
 * One frame is one linear skb. Many frames share skbs, each of which goes down
 * the stack as one UDP GSO batch. Their bytes lie in page fragments, none of
 * which cuts a frame in two: what the user sent is copied once, to its final
 * place, and sealed there.
 */

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/sock.h>

#include "burst.h"
#include "key.h"
#include "reassembly.h"
#include "session.h"
#include "trace.h"
#include "xmit.h"

/* A batch has as many frames as receivers put together, and fits an IP packet. */
#define STT_BATCH_FRAMES	64
#define STT_BATCH_BYTES		(65535 - sizeof(struct iphdr) - sizeof(struct udphdr))

/*
 * How a call of @len bytes is cut. @segment: it is many messages of this size,
 * 0: it is one. Handshake frames are no messages, and never cut.
 */
int stt_burst_plan(struct stt_burst *b, size_t len, size_t segment)
{
	size_t max = stt_route_max(b->rt);

	b->len = len;
	b->split = false;
	if (segment && len > segment) {
		if (!stt_kind_is_message(b->inner.kind))
			return -EINVAL;
		b->step = segment;
		b->frames = DIV_ROUND_UP(len, segment);
		return segment > max || b->frames > STT_SEGMENTS_MAX ? -EMSGSIZE : 0;
	}
	if (len <= max) {
		b->step = len;
		b->frames = 1;
		return 0;
	}
	/* A message for more than one frame, if the path lets through any. */
	if (!max || segment || !stt_kind_is_message(b->inner.kind))
		return -EMSGSIZE;
	b->step = max;
	b->frames = DIV_ROUND_UP(len, max);
	b->split = true;
	return b->frames > STT_FRAGS_MAX ? -EMSGSIZE : 0;
}

static size_t stt_burst_payload(const struct stt_burst *b, unsigned int frame)
{
	return frame + 1 < b->frames ? b->step : b->len - frame * b->step;
}

/* ------------------------------------------------------------------------ */
/* Buffers                                                                  */

/* Room in front for the lower layers, and behind for what is put in later. */
void stt_burst_reserve(struct sk_buff *skb, const struct stt_route *rt)
{
	skb_reserve(skb, rt->headroom);
	skb->protocol = rt->ep.peer.sa.sa_family == AF_INET6 ? htons(ETH_P_IPV6) :
							       htons(ETH_P_IP);
}

unsigned int stt_burst_size(const struct stt_route *rt, size_t payload_len)
{
	return rt->headroom + STT_OVERHEAD + payload_len + rt->dst->trailer_len;
}

/*
 * An skb charged to the sender. The first one of a call waits for room; the
 * others follow it, or a small SO_SNDBUF would have them wait for each other.
 */
static struct sk_buff *stt_burst_alloc(struct stt_burst *b, unsigned int size)
{
	struct sk_buff *skb;
	int err;

	if (skb_queue_empty(&b->skbs)) {
		skb = sock_alloc_send_skb(b->sk, size, b->noblock, &err);
		if (!skb)
			return ERR_PTR(err);
	} else {
		skb = alloc_skb(size, b->sk->sk_allocation);
		if (!skb)
			return ERR_PTR(-ENOBUFS);
		skb_set_owner_w(skb, b->sk);
	}
	stt_burst_reserve(skb, b->rt);
	skb->priority = READ_ONCE(b->sk->sk_priority);
	return skb;
}

/* Is there room for @len bytes in one piece? */
static bool stt_batch_refill(unsigned int len, struct page_frag *pfrag, gfp_t gfp)
{
	/* The stack goes on with a page of its own, even with one too small. */
	if (pfrag->page && pfrag->size < len) {
		put_page(pfrag->page);
		pfrag->page = NULL;
	}
	return skb_page_frag_refill(len, pfrag, gfp) && pfrag->offset + len <= pfrag->size;
}

/*
 * @len bytes of pages behind those that @skb has, in one piece, or NULL. They
 * have been charged already.
 */
static u8 *stt_batch_put(struct sk_buff *skb, unsigned int len)
{
	struct page_frag *pfrag = &current->task_frag;
	int i = skb_shinfo(skb)->nr_frags;
	unsigned int off;

	if (!stt_batch_refill(len, pfrag, skb->sk->sk_allocation))
		return NULL;
	off = pfrag->offset;
	if (skb_can_coalesce(skb, i, pfrag->page, off)) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], len);
	} else if (i < MAX_SKB_FRAGS) {
		get_page(pfrag->page);
		skb_fill_page_desc(skb, i, pfrag->page, off, len);
	} else {
		return NULL;
	}
	/* Taken before it is written: a page fault may send something as well. */
	pfrag->offset += len;
	skb->len += len;
	skb->data_len += len;
	skb_shinfo(skb)->gso_segs++;
	return page_address(pfrag->page) + off;
}

/* Can frames on this way share an skb? What IPsec or no checksum need cannot. */
static bool stt_burst_batches(const struct stt_burst *b)
{
	return b->frames > 1 && !dst_xfrm(b->rt->dst) && !b->rt->no_check;
}

/*
 * Charge a batch before it is filled: filling it may sleep, and others who look
 * for room in the meantime must not find it.
 */
static void stt_batch_charge(struct sk_buff *skb, const struct stt_burst *b, unsigned int frames)
{
	unsigned int len = min_t(size_t, min_t(unsigned int, frames, STT_BATCH_FRAMES) *
				 (b->step + STT_OVERHEAD), STT_BATCH_BYTES);

	skb->truesize += len;
	refcount_add(len, &skb->sk->sk_wmem_alloc);
}

/* @left: frames that are still to come. */
static u8 *stt_burst_new_batch(struct stt_burst *b, unsigned int len, unsigned int left)
{
	struct sk_buff *skb = stt_burst_alloc(b, b->rt->headroom);
	u8 *frame;

	if (IS_ERR(skb))
		return ERR_CAST(skb);
	stt_batch_charge(skb, b, left);
	frame = stt_batch_put(skb, len);
	if (frame)
		__skb_queue_tail(&b->skbs, skb);
	else
		kfree_skb(skb);
	return frame;
}

static u8 *stt_burst_new_single(struct stt_burst *b, size_t payload_len)
{
	struct sk_buff *skb = stt_burst_alloc(b, stt_burst_size(b->rt, payload_len));

	if (IS_ERR(skb))
		return ERR_CAST(skb);
	__skb_queue_tail(&b->skbs, skb);
	return skb_put(skb, payload_len + STT_OVERHEAD);
}

/* Room for the next frame, or an error. @left: frames that are still to come. */
static u8 *stt_burst_frame(struct stt_burst *b, size_t payload_len, unsigned int left)
{
	unsigned int len = payload_len + STT_OVERHEAD;
	struct sk_buff *skb;
	u8 *frame = NULL;

	if (stt_burst_batches(b)) {
		skb = skb_peek_tail(&b->skbs);
		if (skb && skb->data_len && skb->len + len <= STT_BATCH_BYTES &&
		    skb_shinfo(skb)->gso_segs < STT_BATCH_FRAMES)
			frame = stt_batch_put(skb, len);
		if (!frame)
			frame = stt_burst_new_batch(b, len, left);
	}
	/* No page is large enough: then one by one. */
	return frame ?: stt_burst_new_single(b, payload_len);
}

/* Buffers for all frames, with the payloads in them. */
int stt_burst_fill(struct stt_burst *b, struct iov_iter *from)
{
	unsigned int i;
	size_t len;
	u8 *frame;

	for (i = 0; i < b->frames; i++) {
		len = stt_burst_payload(b, i);
		frame = stt_burst_frame(b, len, b->frames - i);
		if (IS_ERR(frame))
			return PTR_ERR(frame);
		if (!copy_from_iter_full(frame + STT_HDR_LEN + STT_INNER_LEN, len, from))
			return -EFAULT;
	}
	return 0;
}

/* ------------------------------------------------------------------------ */
/* The seal                                                                 */

/**
 * struct stt_sealer - sealing one frame after the other
 * @b: the burst
 * @s: its session
 * @key: the key
 * @h: header of the next frame
 * @frame: number of the next frame
 */
struct stt_sealer {
	struct stt_burst *b;
	const struct stt_session *s;
	const struct stt_tx_key *key;
	struct stt_header h;
	unsigned int frame;
};

/* Seal the next frame, which lies at @p. Returns its length, or an error. */
static int stt_seal_frame(struct stt_sealer *s, u8 *p)
{
	size_t len = stt_burst_payload(s->b, s->frame);
	int err;

	stt_header_write(p, &s->h);
	stt_inner_write(p + STT_HDR_LEN, &s->b->inner);
	err = stt_key_seal(s->key, p, STT_INNER_LEN + len, s->h.counter);
	if (unlikely(err))
		return err;
	trace_stt_tx(s->s, &s->h, &s->b->inner, len);
	if (s->b->split)
		s->b->inner.frag++;
	s->h.counter++;
	s->frame++;
	return len + STT_OVERHEAD;
}

/* All frames of a batch, which becomes one for the lower layers as well. */
static int stt_seal_batch(struct stt_sealer *s, struct sk_buff *skb)
{
	struct skb_shared_info *si = skb_shinfo(skb);
	unsigned int i;
	u8 *p, *end;
	int len;

	for (i = 0; i < si->nr_frags; i++) {
		p = skb_frag_address(&si->frags[i]);
		for (end = p + skb_frag_size(&si->frags[i]); p < end; p += len) {
			len = stt_seal_frame(s, p);
			if (len < 0)
				return len;
		}
	}
	if (si->gso_segs > 1) {
		si->gso_size = s->b->step + STT_OVERHEAD;
		si->gso_type = SKB_GSO_UDP_L4;
	}
	return 0;
}

/*
 * Write the headers of all frames and seal them, with counters from @counter
 * on, which are the caller's. 0 or an error: then none must be sent.
 */
int stt_burst_seal(struct stt_burst *b, const struct stt_tx_key *key,
		   const struct stt_session *s, u64 counter)
{
	struct stt_sealer sealer = {
		.b = b,
		.s = s,
		.key = key,
		.h = { .session = s->id, .counter = counter, .epoch = key->key.epoch },
	};
	struct sk_buff *skb;
	int err;

	if (b->split)
		b->inner.last = b->frames - 1;
	skb_queue_walk(&b->skbs, skb) {
		if (skb->data_len)
			err = stt_seal_batch(&sealer, skb);
		else
			err = stt_seal_frame(&sealer, skb->data);
		if (err < 0)
			return err;
	}
	return 0;
}
