// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a datagram in: from the UDP socket to the AF_STT socket, in
 * softirq, under rcu_read_lock(). One call takes what GRO has put together.
 *
 * Nothing is queued, remembered or answered before its tag has been verified.
 * What fails is counted by reason and dropped; nobody is told.
 */

#include <linux/skbuff.h>
#include <linux/udp.h>

#include "af_stt.h"
#include "cursor.h"
#include "deliver.h"
#include "door.h"
#include "input.h"
#include "join.h"
#include "node.h"
#include "output.h"
#include "run.h"
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

/**
 * struct stt_batch - a batch being opened
 * @node: where it came in
 * @at: the place of the datagram
 * @data: the datagram, if it lies there in one piece, or NULL
 * @session: of the last frame, and of the run; or NULL
 * @heard: the session has heard of this batch
 * @roamed: so has its peer's address
 * @run: opened frames that have not been delivered yet
 */
struct stt_batch {
	struct stt_node *node;
	struct stt_cursor at;
	const u8 *data;
	struct stt_session *session;
	bool heard;
	bool roamed;
	struct stt_run run;
};

/* ------------------------------------------------------------------------ */
/* What an authentic frame does to its session                              */

/*
 * The peer's address is where its newest frame came from. An old one that was
 * held back on the way, or sent again from elsewhere, moves nothing.
 */
static void stt_input_roam(struct stt_session *s, const struct sk_buff *skb)
{
	struct stt_endpoint now;

	if (likely(stt_session_is_at(s, skb)))
		return;
	stt_endpoint_of_skb(&now, skb);
	stt_session_move(s, &now);
}

/* @key has opened a frame of @skb. */
static void stt_input_heard(struct stt_session *s, const struct stt_rx_key *key, bool newest,
			    const struct sk_buff *skb)
{
	WRITE_ONCE(s->last_rx, jiffies);
	stt_keys_advance(s, key);
	if (newest && key->key.epoch == READ_ONCE(s->rx_epoch))
		stt_input_roam(s, skb);
	if (unlikely(READ_ONCE(s->state) == STT_SESSION_STATE_PENDING))
		stt_session_activate(s);
}

/* Frames that are no message, with @len bytes of payload. They came with @skb. */
static void stt_input_control(struct stt_node *node, struct stt_session *s,
			      const struct sk_buff *skb, u8 kind, const u8 *payload,
			      unsigned int len)
{
	if (kind == STT_KIND_HEARTBEAT)
		stt_output_control(s, STT_KIND_HEARTBEAT_ACK);
	else if (kind == STT_KIND_SESSION_CLOSE)
		stt_session_end(s, STT_SESSION_STATE_CLOSED, payload[0]);
	else if (kind == STT_KIND_HEARTBEAT_ACK)
		stt_heartbeat_answered(s);
	else if (kind == STT_KIND_HANDSHAKE)
		stt_door_sealed(node, s, skb, payload, len);
}

/* ------------------------------------------------------------------------ */
/* Whether a frame is authentic and fresh                                   */

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

/*
 * Open the sealed part of @d into @body, which may hold it already, if the
 * frame is authentic and fresh. @verdict: whether it is newer than all before.
 */
static bool stt_input_open(struct stt_node *node, struct stt_session *s,
			   const struct stt_header *h, const struct stt_datagram *d,
			   struct stt_rx_key *key, u8 *body, enum stt_replay_verdict *verdict)
{
	int err = stt_key_open(key, body, d->len - STT_HDR_LEN, d->clear, h->counter);

	if (err) {
		if (err == -EBADMSG)
			stt_count(node, s, DROP_BAD_TAG);
		else
			stt_count(node, s, DROP_NO_MEMORY);
		return false;
	}
	*verdict = stt_input_accept(key, h);
	if (*verdict != STT_REPLAY_STALE)
		return true;
	stt_count(node, s, DROP_REPLAYED);
	return false;
}

/* Is it what a peer of this version may say? */
static bool stt_input_inner(struct stt_node *node, struct stt_session *s,
			    const struct stt_header *h, const u8 *body, unsigned int len,
			    struct stt_inner *inner)
{
	stt_inner_read(inner, body);
	if (stt_inner_valid(inner, len) && inner->frag <= h->counter) {
		trace_stt_rx(s, h, inner, len);
		return true;
	}
	stt_count(node, s, DROP_BAD_INNER);
	return false;
}

static bool stt_input_header(struct stt_node *node, const struct stt_datagram *d,
			     struct stt_header *h)
{
	if (stt_header_read(h, d->clear, d->len))
		return true;
	stt_count(node, NULL, DROP_MALFORMED);
	return false;
}

static struct stt_session *stt_input_session(struct stt_node *node, const struct stt_header *h)
{
	struct stt_session *s = stt_session_find(node, h->session);

	if (!s)
		stt_count(node, NULL, DROP_NO_SESSION);
	return s;
}

/* ------------------------------------------------------------------------ */
/* A frame that came alone                                                  */

/*
 * May the frame be opened where it lies? Then nobody else sees its memory: the
 * skb is ours alone, and so is the linear part of its data. Page fragments are
 * another matter. They may be somebody's page cache, and a sender on this machine
 * may have spliced them in and still own them: between check and decryption
 * they could change. They are copied first, and never written to.
 */
static bool stt_input_is_ours(const struct sk_buff *skb)
{
	return !skb_is_nonlinear(skb) && !skb_cloned(skb) && !skb_shared(skb);
}

/* The sealed part of @d, in an skb of its own. */
static struct sk_buff *stt_input_copy_body(const struct stt_datagram *d)
{
	struct sk_buff *skb;

	skb = stt_deliver_part(d->skb, d->off + STT_HDR_LEN, d->len - STT_HDR_LEN, 0);
	if (skb)
		stt_deliver_stamp(skb, d->skb);
	return skb;
}

/* Consumes @skb, whose data is the opened body of an authentic, fresh frame. */
static void stt_input_body(struct stt_node *node, struct stt_session *s,
			   const struct stt_header *h, struct sk_buff *skb)
{
	unsigned int len = skb->len - STT_INNER_LEN - STT_TAG_LEN;
	struct stt_chunk chunk;
	struct stt_inner inner;

	if (!stt_input_inner(node, s, h, skb->data, len, &inner)) {
		kfree_skb(skb);
		return;
	}
	stt_count(node, s, RX_FRAMES);
	stt_count_add(node, s, RX_BYTES, len);
	__skb_pull(skb, STT_INNER_LEN);
	if (!stt_kind_is_message(inner.kind)) {
		stt_input_control(node, s, skb, inner.kind, skb->data, len);
		consume_skb(skb);
		return;
	}
	__skb_trim(skb, len);
	chunk = (struct stt_chunk) {
		.skb = skb,
		.first = h->counter - inner.frag,
		.epoch = h->epoch,
		.n = 1,
	};
	stt_deliver(node, s, &inner, len, &chunk);
}

/* What a packet was on its way does not concern the reader of the message. */
static void stt_input_scrub(struct sk_buff *skb)
{
	skb->dev = NULL;
	skb->ip_summed = CHECKSUM_NONE;
	skb->mark = 0;
	skb->priority = 0;
	skb_init_secmark(skb);
	skb_scrub_packet(skb, false);
}

/* Consumes @skb, which @d is all of. */
static void stt_input_one(struct stt_node *node, struct sk_buff *skb,
			  const struct stt_datagram *d)
{
	enum stt_replay_verdict verdict;
	struct stt_session *s = NULL;
	struct sk_buff *out = NULL;
	struct stt_rx_key *key;
	struct stt_header h;

	if (stt_input_header(node, d, &h))
		s = stt_input_session(node, &h);
	key = s ? stt_input_key(node, s, &h) : NULL;
	if (!key)
		goto drop;

	if (stt_input_is_ours(skb)) {
		__skb_pull(skb, STT_HDR_LEN);
	} else {
		out = stt_input_copy_body(d);
		if (!out) {
			stt_count(node, s, DROP_NO_MEMORY);
			goto drop;
		}
	}
	if (!stt_input_open(node, s, &h, d, key, out ? out->data : skb->data, &verdict))
		goto drop;
	stt_input_heard(s, key, verdict == STT_REPLAY_NEWEST, skb);
	if (out) {
		consume_skb(skb);
		skb = out;
	} else {
		stt_input_scrub(skb);
	}
	stt_input_body(node, s, &h, skb);
	return;

drop:
	kfree_skb(out);
	kfree_skb(skb);
}

/* ------------------------------------------------------------------------ */
/* A batch                                                                  */

/* Copy a part of the datagram: what is there may change, the copy will not. */
static bool stt_batch_copy(const struct stt_batch *b, const struct stt_datagram *d,
			   unsigned int off, void *to, unsigned int len)
{
	if (unlikely(!b->data))
		return !skb_copy_bits(d->skb, d->off + off, to, len);
	memcpy(to, b->data + off, len);
	return true;
}

/* The run goes to its reader. @keep_page: see stt_run_take(). */
static void stt_batch_flush(struct stt_batch *b, const struct sk_buff *skb, bool keep_page)
{
	struct stt_run *run = &b->run;
	const struct stt_inner inner = run->inner;
	struct stt_chunk chunk = { .first = run->first, .epoch = run->epoch, .n = run->n };

	if (!run->n)
		return;
	stt_count_add(b->node, b->session, RX_FRAMES, run->n);
	stt_count_add(b->node, b->session, RX_BYTES, run->end - run->start);
	chunk.skb = stt_run_take(run, keep_page);
	if (!chunk.skb) {
		stt_count_add(b->node, b->session, DROP_NO_MEMORY, chunk.n);
		return;
	}
	stt_deliver_stamp(chunk.skb, skb);
	stt_deliver(b->node, b->session, &inner, run->size, &chunk);
}

/* Room for the frame of @d behind the run, or behind a new one. */
static u8 *stt_batch_room(struct stt_batch *b, const struct stt_datagram *d)
{
	/* What is to come of payload, if all frames are like this one. */
	unsigned int frames = (d->skb->len - d->off) / d->len;
	unsigned int expected = frames * (d->len - STT_OVERHEAD) + STT_OVERHEAD;
	u8 *frame;

	frame = stt_run_room(&b->run, d->len, expected);
	if (!frame && b->run.n) {
		stt_batch_flush(b, d->skb, false);
		frame = stt_run_room(&b->run, d->len, expected);
	}
	return frame;
}

/* All frames of a batch came from one place at one time. */
static void stt_batch_heard(struct stt_batch *b, const struct stt_rx_key *key, bool newest,
			    const struct sk_buff *skb)
{
	bool roams = newest && !b->roamed;

	if (b->heard && !roams && likely(key->key.epoch == READ_ONCE(b->session->rx_epoch)))
		return;
	stt_input_heard(b->session, key, roams, skb);
	b->heard = true;
	b->roamed |= roams;
}

/* An opened frame, of @len bytes of payload behind the run. */
static void stt_batch_frame(struct stt_batch *b, const struct stt_header *h,
			    const struct stt_inner *inner, unsigned int len,
			    const struct sk_buff *skb)
{
	if (!stt_kind_is_message(inner->kind)) {
		/* What came before a close is delivered before it. */
		stt_batch_flush(b, skb, true);
		stt_count(b->node, b->session, RX_FRAMES);
		stt_count_add(b->node, b->session, RX_BYTES, len);
		stt_input_control(b->node, b->session, skb, inner->kind,
				  b->run.page + b->run.end, len);
		return;
	}
	if (!stt_run_fits(&b->run, h, inner, len))
		stt_batch_flush(b, skb, true);
	stt_run_add(&b->run, h, inner, len);
}

/*
 * The header is the one that was looked at, put in front of the sealed part: a
 * frame in one piece is what ciphers like best.
 */
static void stt_batch_open(struct stt_batch *b, const struct stt_header *h,
			   struct stt_datagram *d, struct stt_rx_key *key)
{
	unsigned int len = d->len - STT_OVERHEAD;
	enum stt_replay_verdict verdict;
	struct stt_inner inner;
	bool good;
	u8 *frame, *body;

	frame = stt_batch_room(b, d);
	if (!frame) {
		stt_count(b->node, b->session, DROP_NO_MEMORY);
		return;
	}
	body = frame + STT_HDR_LEN;
	memcpy(frame, d->clear, STT_HDR_LEN);
	d->clear = frame;
	good = stt_batch_copy(b, d, STT_HDR_LEN, body, d->len - STT_HDR_LEN) &&
	       stt_input_open(b->node, b->session, h, d, key, body, &verdict);
	if (good) {
		stt_batch_heard(b, key, verdict == STT_REPLAY_NEWEST, d->skb);
		good = stt_input_inner(b->node, b->session, h, body, len, &inner);
	}
	stt_run_uncover(&b->run);
	if (good)
		stt_batch_frame(b, h, &inner, len, d->skb);
}

/* The session of a frame; mostly it is that of the one before. */
static bool stt_batch_session(struct stt_batch *b, const struct sk_buff *skb,
			      const struct stt_header *h)
{
	struct stt_session *s = b->session;

	if (s && h->session == s->id)
		return true;
	s = stt_input_session(b->node, h);
	if (!s)
		return false;
	stt_batch_flush(b, skb, false);
	b->session = s;
	b->heard = false;
	b->roamed = false;
	return true;
}

static void stt_batch_transport(struct stt_batch *b, struct stt_datagram *d)
{
	struct stt_rx_key *key;
	struct stt_header h;

	if (!stt_input_header(b->node, d, &h) || !stt_batch_session(b, d->skb, &h))
		return;
	key = stt_input_key(b->node, b->session, &h);
	if (key)
		stt_batch_open(b, &h, d, key);
}

/* ------------------------------------------------------------------------ */
/* Everything else                                                          */

/* What is no transport frame. */
static void stt_input_handshake(struct stt_node *node, const struct stt_datagram *d)
{
	stt_door_open(node, d->skb, d->off, d->len, d->clear[STT_OFF_TYPE]);
}

/* The first bytes of a datagram in a batch. */
static bool stt_batch_look(struct stt_batch *b, struct stt_datagram *d, u8 *buf)
{
	b->data = stt_cursor_find(&b->at, d->skb, d->off, d->len);
	d->clear = buf;
	return stt_batch_copy(b, d, 0, buf, min_t(unsigned int, d->len, STT_HDR_LEN));
}

static bool stt_input_look(struct stt_datagram *d, u8 *buf)
{
	d->clear = skb_header_pointer(d->skb, d->off, min_t(unsigned int, d->len, STT_HDR_LEN),
				      buf);
	return d->clear && d->len;
}

/* @skb is many datagrams. */
static void stt_input_batch(struct stt_node *node, const struct sk_buff *skb, unsigned int step)
{
	struct stt_datagram d = { .skb = skb };
	struct stt_batch b = { .node = node };
	u8 buf[STT_HDR_LEN];

	for (; d.off < skb->len; d.off += step) {
		d.len = min(step, skb->len - d.off);
		if (!stt_batch_look(&b, &d, buf))
			stt_count(node, NULL, DROP_MALFORMED);
		else if (d.clear[STT_OFF_TYPE] == STT_FRAME_TRANSPORT)
			stt_batch_transport(&b, &d);
		else
			stt_input_handshake(node, &d);
	}
	stt_batch_flush(&b, skb, false);
	stt_run_free(&b.run);
}

/* All datagrams of @skb, which this consumes. */
void stt_input(struct stt_node *node, struct sk_buff *skb)
{
	struct stt_datagram d = { .skb = skb, .len = skb->len };
	u8 buf[STT_HDR_LEN];

	/* Other kinds of GSO are one datagram. */
	if (skb_is_gso(skb) && skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4) {
		stt_input_batch(node, skb, skb_shinfo(skb)->gso_size);
		consume_skb(skb);
		return;
	}
	if (likely(stt_input_look(&d, buf) && d.clear[STT_OFF_TYPE] == STT_FRAME_TRANSPORT)) {
		stt_input_one(node, skb, &d);
		return;
	}
	if (d.clear && d.len)
		stt_input_handshake(node, &d);
	else
		stt_count(node, NULL, DROP_MALFORMED);
	consume_skb(skb);
}
