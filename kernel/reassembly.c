// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic of messages that came in many frames.
 *
 * The frames of a message have consecutive counters, so the counter less the
 * index is the same for all of them, and names the message. No frame comes
 * twice, the replay window sees to that; still nothing here relies on the peer.
 */

#include "reassembly.h"

void stt_reassembly_begin(struct stt_reassembly *r, u64 first, u8 epoch,
			  const struct stt_inner *in)
{
	*r = (struct stt_reassembly) {
		.first = first,
		.stream = in->stream,
		.epoch = epoch,
		.kind = in->kind,
		.last = in->last,
	};
}

static bool stt_reassembly_is_of(const struct stt_reassembly *r, const struct stt_inner *in)
{
	return in->stream == r->stream && in->kind == r->kind && in->last == r->last;
}

/* Mark a frame; false if it was there. */
static bool stt_reassembly_mark(struct stt_reassembly *r, unsigned int frag)
{
	u64 bit = 1ULL << (frag % 64);

	if (r->have[frag / 64] & bit)
		return false;
	r->have[frag / 64] |= bit;
	return true;
}

/* @n frames have come, from the one that @in is of, with @bytes in them. */
enum stt_reassembly_verdict stt_reassembly_add(struct stt_reassembly *r,
					       const struct stt_inner *in, unsigned int n,
					       size_t bytes)
{
	unsigned int i;

	if (!stt_reassembly_is_of(r, in) || !n || in->frag + n > r->last + 1U ||
	    bytes > STT_PAYLOAD_MAX || r->bytes + bytes > STT_PAYLOAD_MAX)
		return STT_REASSEMBLY_REFUSED;
	for (i = 0; i < n; i++) {
		if (!stt_reassembly_mark(r, in->frag + i))
			return STT_REASSEMBLY_REFUSED;
	}
	r->bytes += bytes;
	r->got += n;
	return r->got == r->last + 1U ? STT_REASSEMBLY_WHOLE : STT_REASSEMBLY_MORE;
}
