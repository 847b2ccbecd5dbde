/* SPDX-License-Identifier: GPL-2.0-only */
/* Opened messages on their last step. */
#ifndef _STT_DELIVER_H
#define _STT_DELIVER_H

struct sk_buff;
struct stt_chunk;
struct stt_inner;
struct stt_node;
struct stt_session;
struct stt_sock;

struct sk_buff *stt_deliver_part(const struct sk_buff *from, unsigned int off, unsigned int len,
				 unsigned int headroom);
int __must_check stt_deliver_sock(struct stt_sock *ssk, struct sk_buff *skb);
void stt_deliver_headers(struct sk_buff *skb);
void stt_deliver_stamp(struct sk_buff *to, const struct sk_buff *from);
void stt_deliver(struct stt_node *node, struct stt_session *s, const struct stt_inner *inner,
		 unsigned int size, struct stt_chunk *chunk);

#endif /* _STT_DELIVER_H */
