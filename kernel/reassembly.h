/* SPDX-License-Identifier: GPL-2.0-only */
/* Which frames of a message have come; plain C. */
#ifndef _STT_REASSEMBLY_H
#define _STT_REASSEMBLY_H

#include "frame.h"

#define STT_FRAGS_MAX	256	/* the index is a byte */

/**
 * struct stt_reassembly - a message of many frames, some of which have come
 * @first: counter of its first frame; with @epoch it names the message
 * @have: a bit for each frame
 * @stream: stream id
 * @bytes: payload that has come
 * @got: frames that have come
 * @epoch: key epoch
 * @kind: STT_KIND_*
 * @last: index of its last frame
 */
struct stt_reassembly {
	u64 first;
	u64 have[STT_FRAGS_MAX / 64];
	u32 stream;
	u32 bytes;
	u16 got;
	u8 epoch;
	u8 kind;
	u8 last;
};

enum stt_reassembly_verdict {
	STT_REASSEMBLY_MORE,	/* taken, others are missing */
	STT_REASSEMBLY_WHOLE,	/* taken, that was all */
	STT_REASSEMBLY_REFUSED,	/* no sane peer sends that: give the message up */
};

void stt_reassembly_begin(struct stt_reassembly *r, u64 first, u8 epoch,
			  const struct stt_inner *in);
enum stt_reassembly_verdict stt_reassembly_add(struct stt_reassembly *r,
					       const struct stt_inner *in, unsigned int n,
					       size_t bytes);

#endif /* _STT_REASSEMBLY_H */
