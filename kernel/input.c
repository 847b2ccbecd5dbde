// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a datagram in: from the UDP socket to the AF_STT socket, in
 * softirq, under rcu_read_lock(). One call takes what GRO has put together.
 *
 * Nothing is queued, remembered or answered before its tag has been verified.
 * What fails is counted by reason and dropped; nobody is told.
 */

#include <linux/filter.h>
#include <linux/skbuff.h>
#include <linux/udp.h>

#include "af_stt.h"
#include "bind.h"
#include "handshake.h"
#include "input.h"
#include "node.h"
#include "output.h"
#include "session.h"
#include "trace.h"

/**
 * struct stt_datagram - one datagram of a received batch
 * @skb: the batch; only read
 * @off: where the datagram begins
 * @len: its length
 * @clear: its first bytes, at most STT_HDR_LEN
 */
struct stt_datagram {
	const struct sk_buff *skb;
	unsigned int off;
	unsigned int len;
	const u8 *clear;
};

/* ------------------------------------------------------------------------ */
/* To an AF_STT socket                                                      */

/* Queue @skb, which is ours, and say why if it cannot be. Consumes it. */
static void stt_input_queue(struct stt_node *node, struct stt_session *s,
			    struct stt_sock *ssk, struct sk_buff *skb)
{
	int err;

	if (READ_ONCE(ssk->sk.sk_shutdown) & RCV_SHUTDOWN) {
		stt_count(node, s, DROP_NO_READER);
		kfree_skb(skb);
		return;
	}

	err = sock_queue_rcv_skb(&ssk->sk, skb);
	if (!err)
		return;
	if (err == -ENOMEM)
		stt_count(node, s, DROP_RCVBUF);
	else if (err == -ENOBUFS)
		stt_count(node, s, DROP_NO_MEMORY);
	else
		stt_count(node, s, DROP_FILTER);
	kfree_skb(skb);
}

static void stt_input_message(struct stt_node *node, struct stt_session *s,
			      const struct stt_inner *inner, struct sk_buff *skb)
{
	struct stt_sock *ssk = stt_bind_find(node, s, inner->stream);

	if (!ssk) {
		stt_count(node, s, DROP_NO_READER);
		kfree_skb(skb);
		return;
	}
	*stt_skb_cb(skb) = (struct stt_skb_cb) {
		.session = s->id,
		.stream = inner->stream,
		.type = inner->kind,
	};
	stt_input_queue(node, s, ssk, skb);
}

/* ------------------------------------------------------------------------ */
/* What an authentic frame does to its session                              */

/*
 * The peer's address is where its newest frame came from. An old one that was
 * held back on the way, or sent again from elsewhere, moves nothing.
 */
static void stt_input_roam(struct stt_session *s, const struct sk_buff *skb)
{
	struct stt_endpoint now, was;

	stt_endpoint_of_skb(&now, skb);
	stt_session_endpoint(s, &was);
	if (unlikely(!stt_endpoint_equal(&now, &was)))
		stt_session_move(s, &now);
}

static void stt_input_heard(struct stt_session *s, const struct stt_header *h, bool newest,
			    const struct sk_buff *skb)
{
	WRITE_ONCE(s->last_rx, jiffies);
	stt_keys_advance(s, h->epoch);
	if (newest && h->epoch == READ_ONCE(s->rx_epoch))
		stt_input_roam(s, skb);
	if (unlikely(READ_ONCE(s->state) == STT_SESSION_STATE_PENDING))
		stt_session_activate(s);
}

/* Consumes @skb, the opened body. */
static void stt_input_kind(struct stt_node *node, struct stt_session *s,
			   const struct stt_inner *inner, struct sk_buff *skb)
{
	switch (inner->kind) {
	case STT_KIND_HEARTBEAT:
		stt_output_control(s, STT_KIND_HEARTBEAT_ACK);
		break;
	case STT_KIND_HEARTBEAT_ACK:
		/* That it came is all it says. */
		break;
	case STT_KIND_SESSION_CLOSE:
		stt_session_end(s, STT_SESSION_STATE_CLOSED, skb->data[0]);
		break;
	default:
		stt_input_message(node, s, inner, skb);
		return;
	}
	consume_skb(skb);
}

/* ------------------------------------------------------------------------ */
/* Transport frames                                                         */

/*
 * Open the frame into a buffer of our own. A received skb is never written to,
 * its pages may be somebody's page cache. Its page fragments may also change
 * under our feet: a sender on this machine may have spliced them in and still
 * own them. So a frame that does not lie in the linear part is copied first,
 * and what is decrypted is what was authenticated.
 */
static struct sk_buff *stt_input_open(const struct stt_datagram *d,
				      const struct stt_rx_key *key,
				      const struct stt_header *h, bool *no_memory)
{
	unsigned int len = d->len - STT_HDR_LEN;
	unsigned int off = d->off + STT_HDR_LEN;
	struct sk_buff *out;
	const u8 *src;

	out = alloc_skb(len, GFP_ATOMIC | __GFP_NOWARN);
	*no_memory = !out;
	if (!out)
		return NULL;

	if (off + len <= skb_headlen(d->skb)) {
		src = d->skb->data + off;
	} else {
		if (skb_copy_bits(d->skb, off, out->data, len))
			goto drop;
		src = out->data;
	}
	if (!stt_key_open(key, out->data, src, len, d->clear, h->counter))
		goto drop;

	skb_put(out, len - STT_TAG_LEN);
	out->tstamp = d->skb->tstamp;
	*skb_hwtstamps(out) = *skb_hwtstamps((struct sk_buff *)d->skb);
	return out;

drop:
	kfree_skb(out);
	return NULL;
}

/* The key of an epoch of an active session, or NULL with the reason counted. */
static struct stt_rx_key *stt_input_key(struct stt_node *node, struct stt_session *s,
					const struct stt_header *h)
{
	struct stt_rx_key *key;

	if (READ_ONCE(s->state) > STT_SESSION_STATE_ACTIVE) {
		stt_count(node, s, DROP_ENDED);
		return NULL;
	}
	key = rcu_dereference(s->rx[stt_rx_slot(h->epoch)]);
	if (!key || key->key.epoch != h->epoch) {
		stt_count(node, s, DROP_NO_EPOCH);
		return NULL;
	}
	if (!stt_replay_check(&key->replay, h->counter)) {
		stt_count(node, s, DROP_REPLAYED);
		return NULL;
	}
	return key;
}

/* Remember an authentic frame; only one of two copies passes. */
static enum stt_replay_verdict stt_input_accept(struct stt_rx_key *key,
						const struct stt_header *h)
{
	enum stt_replay_verdict verdict;

	spin_lock_bh(&key->lock);
	verdict = stt_replay_update(&key->replay, h->counter);
	spin_unlock_bh(&key->lock);
	return verdict;
}

/* Consumes @skb, the opened body of an authentic and fresh frame. */
static void stt_input_body(struct stt_node *node, struct stt_session *s,
			   const struct stt_header *h, struct sk_buff *skb)
{
	struct stt_inner inner;

	stt_inner_read(&inner, skb->data);
	__skb_pull(skb, STT_INNER_LEN);
	if (!stt_inner_valid(&inner, skb->len)) {
		stt_count(node, s, DROP_BAD_INNER);
		kfree_skb(skb);
		return;
	}
	stt_count(node, s, RX_FRAMES);
	stt_count_add(node, s, RX_BYTES, skb->len);
	trace_stt_rx(s, h, &inner, skb->len);
	stt_input_kind(node, s, &inner, skb);
}

static void stt_input_session(struct stt_node *node, struct stt_session *s,
			      const struct stt_header *h, const struct stt_datagram *d)
{
	enum stt_replay_verdict verdict;
	struct stt_rx_key *key;
	struct sk_buff *skb;
	bool no_memory;

	key = stt_input_key(node, s, h);
	if (!key)
		return;
	skb = stt_input_open(d, key, h, &no_memory);
	if (!skb) {
		if (no_memory)
			stt_count(node, s, DROP_NO_MEMORY);
		else
			stt_count(node, s, DROP_BAD_TAG);
		return;
	}

	verdict = stt_input_accept(key, h);
	if (verdict == STT_REPLAY_STALE) {
		stt_count(node, s, DROP_REPLAYED);
		kfree_skb(skb);
		return;
	}
	stt_input_heard(s, h, verdict == STT_REPLAY_NEWEST, d->skb);
	stt_input_body(node, s, h, skb);
}

static void stt_input_transport(struct stt_node *node, const struct stt_datagram *d)
{
	struct stt_session *s;
	struct stt_header h;

	if (!stt_header_read(&h, d->clear, d->len)) {
		stt_count(node, NULL, DROP_MALFORMED);
		return;
	}
	s = stt_session_find(node, h.session);
	if (s)
		stt_input_session(node, s, &h, d);
	else
		stt_count(node, NULL, DROP_NO_SESSION);
}

/* ------------------------------------------------------------------------ */
/* Everything else                                                          */

/* A copy for the handshake socket, with the addresses in its headroom. */
static struct sk_buff *stt_input_copy(const struct stt_datagram *d)
{
	struct stt_skb_from *from;
	struct sk_buff *skb;

	skb = alloc_skb(sizeof(*from) + d->len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;

	skb_reserve(skb, sizeof(*from));
	if (skb_copy_bits(d->skb, d->off, skb_put(skb, d->len), d->len)) {
		kfree_skb(skb);
		return NULL;
	}
	skb->tstamp = d->skb->tstamp;
	from = stt_skb_from(skb);
	stt_endpoint_of_skb(&from->ep, d->skb);
	from->local_port = udp_hdr(d->skb)->dest;
	return skb;
}

/*
 * Half of the receive buffer is out of reach of HELLOs: the answers to
 * handshakes that are under way find room in a flood.
 */
static bool stt_input_handshake_room(const struct stt_sock *ssk, u8 type)
{
	return type != STT_FRAME_HELLO ||
	       sk_rmem_alloc_get(&ssk->sk) < READ_ONCE(ssk->sk.sk_rcvbuf) / 2;
}

/* A handshake frame goes to the handshake socket, as it came. */
static void stt_input_handshake(struct stt_node *node, const struct stt_datagram *d)
{
	struct stt_sock *ssk = rcu_dereference(node->handshake);
	u8 type = d->clear[STT_OFF_TYPE];
	struct sk_buff *skb;

	if (!stt_handshake_valid(type, d->len)) {
		stt_count(node, NULL, DROP_HS_MALFORMED);
		return;
	}
	if (!ssk || !stt_input_handshake_room(ssk, type)) {
		stt_count(node, NULL, DROP_HANDSHAKE);
		return;
	}
	if (!stt_handshake_allow(node, d->skb, type)) {
		stt_count(node, NULL, DROP_HS_RATE);
		return;
	}
	skb = stt_input_copy(d);
	if (!skb) {
		stt_count(node, NULL, DROP_NO_MEMORY);
		return;
	}
	*stt_skb_cb(skb) = (struct stt_skb_cb) { .type = STT_MSG_HANDSHAKE };
	if (READ_ONCE(ssk->sk.sk_shutdown) & RCV_SHUTDOWN ||
	    sock_queue_rcv_skb(&ssk->sk, skb)) {
		stt_count(node, NULL, DROP_HANDSHAKE);
		kfree_skb(skb);
		return;
	}
	stt_count(node, NULL, RX_HANDSHAKE);
}

static void stt_input_datagram(struct stt_node *node, struct stt_datagram *d)
{
	u8 buf[STT_HDR_LEN];

	d->clear = skb_header_pointer(d->skb, d->off, min_t(unsigned int, d->len, STT_HDR_LEN),
				      buf);
	if (!d->clear || !d->len)
		stt_count(node, NULL, DROP_MALFORMED);
	else if (d->clear[STT_OFF_TYPE] == STT_FRAME_TRANSPORT)
		stt_input_transport(node, d);
	else
		stt_input_handshake(node, d);
}

/* All datagrams of @skb, which stays the caller's and is only read. */
void stt_input(struct stt_node *node, struct sk_buff *skb)
{
	struct stt_datagram d = { .skb = skb };
	unsigned int step = skb->len;

	/* Other kinds of GSO are one datagram. */
	if (skb_is_gso(skb) && skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)
		step = skb_shinfo(skb)->gso_size;

	do {
		d.len = min(step, skb->len - d.off);
		stt_input_datagram(node, &d);
		d.off += step;
	} while (d.off < skb->len);
}
