/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of many frames, put together. */
#ifndef _STT_JOIN_H
#define _STT_JOIN_H

#include <linux/types.h>

struct sk_buff;
struct stt_inner;
struct stt_session;

/**
 * struct stt_chunk - frames of a message that came together
 * @skb: their payload, in order
 * @first: counter of the first frame of the message
 * @epoch: key epoch
 * @n: how many frames
 */
struct stt_chunk {
	struct sk_buff *skb;
	u64 first;
	u8 epoch;
	unsigned int n;
};

struct sk_buff *stt_join(struct stt_session *s, const struct stt_inner *inner,
			 struct stt_chunk *chunk);
void stt_join_close(struct stt_session *s);
void stt_join_stop(struct stt_session *s);
void stt_join_free(struct stt_session *s);

#endif /* _STT_JOIN_H */
