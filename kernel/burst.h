/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffers of what one call sends to one peer. */
#ifndef _STT_BURST_H
#define _STT_BURST_H

#include <linux/skbuff.h>

#include "frame.h"

struct sock;
struct stt_route;
struct stt_session;
struct stt_tx_key;

/**
 * struct stt_burst - frames of one call on their way
 * @skbs: in order; one frame each, or a GSO batch
 * @sk: who is charged
 * @rt: the way they will go
 * @inner: of every frame, but for the fragment's number
 * @len: bytes of all payloads
 * @step: bytes of each but the last
 * @frames: how many
 * @split: they are fragments of one message
 * @noblock: do not wait for room
 */
struct stt_burst {
	struct sk_buff_head skbs;
	struct sock *sk;
	const struct stt_route *rt;
	struct stt_inner inner;
	size_t len;
	size_t step;
	unsigned int frames;
	bool split;
	bool noblock;
};

int __must_check stt_burst_plan(struct stt_burst *b, size_t len, size_t segment);
int __must_check stt_burst_fill(struct stt_burst *b, struct iov_iter *from);
int __must_check stt_burst_seal(struct stt_burst *b, const struct stt_tx_key *key,
				const struct stt_session *s, u64 counter);

void stt_burst_reserve(struct sk_buff *skb, const struct stt_route *rt);
unsigned int stt_burst_size(const struct stt_route *rt, size_t payload_len);

#endif /* _STT_BURST_H */
