/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the datagrams of a received batch lie. */
#ifndef _STT_CURSOR_H
#define _STT_CURSOR_H

#include <linux/types.h>

struct sk_buff;

/**
 * struct stt_cursor - where in a batch we are
 * @frag: page fragment
 * @skb: behind those, skb of the frag_list
 * @start: offset at which that one begins
 */
struct stt_cursor {
	unsigned int frag;
	const struct sk_buff *skb;
	unsigned int start;
};

const u8 *stt_cursor_find(struct stt_cursor *at, const struct sk_buff *skb,
			  unsigned int off, unsigned int len);

#endif /* _STT_CURSOR_H */
