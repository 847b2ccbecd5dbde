/* SPDX-License-Identifier: GPL-2.0-only */
/* Opened frames of a batch that become one skb. */
#ifndef _STT_RUN_H
#define _STT_RUN_H

#include <linux/types.h>

#include "frame.h"

struct sk_buff;

/* What is in front of the payload of a frame. */
#define STT_RUN_COVER	(STT_HDR_LEN + STT_INNER_LEN)

/**
 * struct stt_run - a run: payloads of like frames, one behind the other
 * @page: buffer, or NULL
 * @order: of its pages
 * @start: where the run begins in it
 * @end: where it ends, and the next payload goes
 * @limit: end of the room for payloads
 * @under: bytes of the run that the headers of the next frame cover
 * @inner: of the first frame
 * @first: counter of the message's first frame, if it has many
 * @size: payload of all frames but the last
 * @n: frames in it
 * @epoch: key epoch
 * @ended: the last one is shorter, or the last of its message
 */
struct stt_run {
	u8 *page;
	unsigned int order;
	unsigned int start;
	unsigned int end;
	unsigned int limit;
	u8 under[STT_RUN_COVER];

	struct stt_inner inner;
	u64 first;
	unsigned int size;
	unsigned int n;
	u8 epoch;
	bool ended;
};

u8 *stt_run_room(struct stt_run *run, unsigned int frame_len, unsigned int expected);
void stt_run_uncover(struct stt_run *run);
bool stt_run_fits(const struct stt_run *run, const struct stt_header *h,
		  const struct stt_inner *inner, unsigned int len);
void stt_run_add(struct stt_run *run, const struct stt_header *h,
		 const struct stt_inner *inner, unsigned int len);
struct sk_buff *stt_run_take(struct stt_run *run, bool keep_page);
void stt_run_free(struct stt_run *run);

#endif /* _STT_RUN_H */
