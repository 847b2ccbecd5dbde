// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/kernel_frame.c selftests/lib/kernel_replay.c */
/*
 * Fuzz what the module does with bytes before and after the cipher: headers are
 * read and written back, and the counters run through the replay window, in
 * which no counter may be fresh twice.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../kernel/frame.h"
#include "../kernel/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* What is read says what was there, to the bit. */
static bool header(const uint8_t *data, size_t size, struct stt_header *h)
{
	uint8_t back[STT_HDR_LEN];

	if (!stt_header_read(h, data, size))
		return false;
	must(size >= STT_OVERHEAD && h->epoch < STT_EPOCHS);
	must(h->counter < 1ULL << STT_COUNTER_BITS);
	stt_header_write(back, h);
	must(!memcmp(back, data, STT_HDR_LEN));
	return true;
}

static void inner(const uint8_t *body, size_t size)
{
	uint8_t back[STT_INNER_LEN];
	struct stt_inner in;

	stt_inner_read(&in, body);
	stt_inner_write(back, &in);
	must(!memcmp(back, body, STT_INNER_LEN));
	if (!stt_inner_valid(&in, size - STT_INNER_LEN))
		return;
	must(!in.flags && in.frag <= in.last);
	must(!in.last || size > STT_INNER_LEN);
	must(stt_kind_is_message(in.kind) ||
	     (!in.stream && !in.last && size - STT_INNER_LEN <=
	      (in.kind == STT_KIND_HANDSHAKE ? STT_HS_FRAME_MAX : 1)));
}

static void window(struct stt_replay *r, uint64_t counter)
{
	bool fresh = stt_replay_check(r, counter);
	uint64_t top = r->top;

	must((stt_replay_update(r, counter) != STT_REPLAY_STALE) == fresh);
	must(!stt_replay_check(r, counter));
	must(stt_replay_update(r, counter) == STT_REPLAY_STALE);
	must(r->top >= top && r->top > counter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stt_replay r = { 0 };
	struct stt_header h;

	if (header(data, size, &h))
		inner(data + STT_HDR_LEN, size - STT_HDR_LEN - STT_TAG_LEN);
	for (; size >= 6; data += 6, size -= 6) {
		uint64_t counter = 0;

		memcpy(&counter, data, 6);
		window(&r, counter);
		/* Near the one before as well, where the edges are. */
		if (size >= 8)
			window(&r, (counter + (uint64_t)data[6] * data[7]) &
				   ((1ULL << STT_COUNTER_BITS) - 1));
	}
	return 0;
}
