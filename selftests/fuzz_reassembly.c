// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/kernel_reassembly.c */
/*
 * Fuzz the reassembly arithmetic: whatever a peer says, what is taken is
 * consistent, and a message is whole only when each frame has come once.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../kernel/reassembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct model {
	bool have[STT_FRAGS_MAX];
	size_t bytes;
};

static unsigned int count(const struct model *m)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < STT_FRAGS_MAX; i++)
		n += m->have[i];
	return n;
}

/* Six bytes: what a frame says, how many come, how much is in them. */
static bool step(struct stt_reassembly *r, struct model *m, const uint8_t *b)
{
	struct stt_inner in = {
		.stream = b[0] & 1, .kind = 0x10, .frag = b[1], .last = b[0] & 2 ? b[2] : r->last,
	};
	unsigned int n = b[3];
	size_t bytes = (size_t)(b[4] << 8 | b[5]);
	enum stt_reassembly_verdict verdict = stt_reassembly_add(r, &in, n, bytes);

	if (verdict == STT_REASSEMBLY_REFUSED)
		return false;
	must(!in.stream && in.last == r->last && n && in.frag + n <= r->last + 1U);
	for (unsigned int i = in.frag; i < in.frag + n; i++) {
		must(!m->have[i]);
		m->have[i] = true;
	}
	m->bytes += bytes;
	must(m->bytes == r->bytes && m->bytes <= STT_PAYLOAD_MAX);
	must(count(m) == r->got);
	must((verdict == STT_REASSEMBLY_WHOLE) == (r->got == r->last + 1U));
	return verdict == STT_REASSEMBLY_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stt_inner in = { .kind = 0x10 };
	struct model m = { 0 };
	struct stt_reassembly r;

	if (!size)
		return 0;
	in.last = data[0];
	stt_reassembly_begin(&r, 5, 1, &in);
	for (data++, size--; size >= 6; data += 6, size -= 6)
		if (!step(&r, &m, data))
			break;
	return 0;
}
