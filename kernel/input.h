/* SPDX-License-Identifier: GPL-2.0-only */
/* The way of a datagram in. */
#ifndef _STT_INPUT_H
#define _STT_INPUT_H

struct sk_buff;
struct stt_node;

void stt_input(struct stt_node *node, struct sk_buff *skb);

#endif /* _STT_INPUT_H */
