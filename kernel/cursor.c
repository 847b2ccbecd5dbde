// SPDX-License-Identifier: GPL-2.0-only
/* Where the datagrams of a received batch lie, one after the other. */

#include <linux/highmem.h>
#include <linux/skbuff.h>

#include "cursor.h"

/* The page fragment that @off is in, or none. */
static const skb_frag_t *stt_cursor_frag(struct stt_cursor *at, const struct sk_buff *skb,
					 unsigned int off)
{
	const struct skb_shared_info *si = skb_shinfo(skb);

	for (; at->frag < si->nr_frags; at->frag++) {
		if (off < at->start + skb_frag_size(&si->frags[at->frag]))
			return &si->frags[at->frag];
		at->start += skb_frag_size(&si->frags[at->frag]);
	}
	return NULL;
}

/* The same for the skbs behind the fragments. */
static const struct sk_buff *stt_cursor_skb(struct stt_cursor *at, const struct sk_buff *skb,
					    unsigned int off)
{
	if (!at->skb)
		at->skb = skb_shinfo(skb)->frag_list;
	while (at->skb && off >= at->start + at->skb->len) {
		at->start += at->skb->len;
		at->skb = at->skb->next;
	}
	return at->skb;
}

/* Datagrams are looked for in their order. NULL: this one is not in one piece. */
const u8 *stt_cursor_find(struct stt_cursor *at, const struct sk_buff *skb,
			  unsigned int off, unsigned int len)
{
	const skb_frag_t *frag;

	if (off + len <= skb_headlen(skb))
		return skb->data + off;
	if (off < skb_headlen(skb))
		return NULL;
	if (!at->start)
		at->start = skb_headlen(skb);
	frag = stt_cursor_frag(at, skb, off);
	if (frag) {
		if (off + len > at->start + skb_frag_size(frag) || !skb_frag_page(frag) ||
		    PageHighMem(skb_frag_page(frag)))
			return NULL;
		return skb_frag_address(frag) + off - at->start;
	}
	skb = stt_cursor_skb(at, skb, off);
	return skb && off + len <= at->start + skb_headlen(skb) ? skb->data + off - at->start :
								   NULL;
}
