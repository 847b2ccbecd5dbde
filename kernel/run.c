// SPDX-License-Identifier: GPL-2.0-only
/*
 * A batch of frames is opened into one buffer, where the payloads of frames of
 * one kind and size end up side by side: a run. It goes to its reader as one
 * skb. A frame is copied so that its payload lands behind the run; the bytes in
 * front of that, which its headers cover meanwhile, are kept aside.
 */

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/skbuff.h>

#include "run.h"

/* What build_skb() wants behind the data. */
#define STT_RUN_TAIL	SKB_DATA_ALIGN(sizeof(struct skb_shared_info))

static bool stt_run_alloc(struct stt_run *run, unsigned int order)
{
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	struct page *page;

	page = alloc_pages(order ? gfp | __GFP_COMP | __GFP_NORETRY : gfp, order);
	if (!page)
		return false;
	run->page = page_address(page);
	run->order = order;
	run->start = STT_RUN_COVER;
	run->end = STT_RUN_COVER;
	run->limit = (PAGE_SIZE << order) - STT_RUN_TAIL;
	return true;
}

/* A buffer for @expected bytes, or for what can be had, at least @least. */
static bool stt_run_begin(struct stt_run *run, unsigned int least, unsigned int expected)
{
	const unsigned int more = STT_RUN_COVER + STT_RUN_TAIL;
	unsigned int smallest = get_order(least + more);
	unsigned int order = max(min_t(unsigned int, get_order(expected + more),
				       PAGE_ALLOC_COSTLY_ORDER), smallest);

	if (stt_run_alloc(run, order))
		return true;
	return smallest < order && stt_run_alloc(run, smallest);
}

/*
 * Where the next frame goes, or NULL: then the run must be taken first, or there
 * is no memory. @expected: what is still to come.
 */
u8 *stt_run_room(struct stt_run *run, unsigned int frame_len, unsigned int expected)
{
	u8 *frame;

	if (run->page && run->end - STT_RUN_COVER + frame_len > run->limit) {
		if (run->n)
			return NULL;
		stt_run_free(run);
	}
	if (!run->page && !stt_run_begin(run, frame_len, expected))
		return NULL;
	frame = run->page + run->end - STT_RUN_COVER;
	memcpy(run->under, frame, STT_RUN_COVER);
	return frame;
}

/* The headers have been read, or are of no use: what they cover comes back. */
void stt_run_uncover(struct stt_run *run)
{
	memcpy(run->page + run->end - STT_RUN_COVER, run->under, STT_RUN_COVER);
}

/* Does the frame that was opened last continue the run? */
bool stt_run_fits(const struct stt_run *run, const struct stt_header *h,
		  const struct stt_inner *inner, unsigned int len)
{
	if (!run->n)
		return true;
	if (run->ended || inner->stream != run->inner.stream || inner->kind != run->inner.kind ||
	    inner->last != run->inner.last || len > run->size)
		return false;
	if (!inner->last)
		return len;
	return h->epoch == run->epoch && inner->frag == run->inner.frag + run->n &&
	       h->counter - inner->frag == run->first;
}

/* The frame that was opened last, with @len bytes of payload, is part of it. */
void stt_run_add(struct stt_run *run, const struct stt_header *h,
		 const struct stt_inner *inner, unsigned int len)
{
	if (!run->n) {
		run->inner = *inner;
		run->first = h->counter - inner->frag;
		run->epoch = h->epoch;
		run->size = len;
	}
	run->n++;
	run->end += len;
	/* A message of no bytes leaves no trace in a run, so it is alone in it. */
	run->ended = len < run->size || !len;
}

static struct sk_buff *stt_run_copy(struct stt_run *run)
{
	unsigned int len = run->end - run->start;
	struct sk_buff *skb = alloc_skb(len, GFP_ATOMIC | __GFP_NOWARN);

	if (skb)
		skb_put_data(skb, run->page + run->start, len);
	return skb;
}

/* The skb gets the buffer. */
static struct sk_buff *stt_run_build(struct stt_run *run)
{
	struct sk_buff *skb = build_skb(run->page, PAGE_SIZE << run->order);

	if (!skb)
		return NULL;
	skb_reserve(skb, run->start);
	skb_put(skb, run->end - run->start);
	run->page = NULL;
	return skb;
}

/*
 * The run as an skb, or NULL if there is no memory; it is over in any case. A
 * run that fills little of the buffer is copied, or a reader who keeps one
 * byte would keep all of it; and so is one that others were in front of, which are no
 * business of its reader. @keep_page: something behind the run is needed.
 */
struct sk_buff *stt_run_take(struct stt_run *run, bool keep_page)
{
	unsigned int len = run->end - run->start;
	struct sk_buff *skb;

	if (keep_page || run->start != STT_RUN_COVER || 2 * len < PAGE_SIZE << run->order)
		skb = stt_run_copy(run);
	else
		skb = stt_run_build(run);
	run->start = run->end;
	run->n = 0;
	run->ended = false;
	return skb;
}

void stt_run_free(struct stt_run *run)
{
	if (run->page)
		free_pages((unsigned long)run->page, run->order);
	run->page = NULL;
}
