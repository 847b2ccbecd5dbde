// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/kernel_reassembly.c */
/* Which frames of a message have come: every order, every contradiction, the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../kernel/reassembly.h"

static struct stt_inner frame(unsigned int frag, unsigned int last)
{
	return (struct stt_inner) {
		.stream = 7, .kind = 0x10, .frag = (u8)frag, .last = (u8)last,
	};
}

static void begin(struct stt_reassembly *r, unsigned int last)
{
	struct stt_inner in = frame(0, last);

	memset(r, 0xff, sizeof(*r));
	stt_reassembly_begin(r, 1000, 3, &in);
	assert_int_equal(r->first, 1000);
	assert_int_equal(r->epoch, 3);
	assert_int_equal(r->got, 0);
}

static enum stt_reassembly_verdict add(struct stt_reassembly *r, unsigned int frag,
				       unsigned int n, size_t bytes)
{
	struct stt_inner in = frame(frag, r->last);

	return stt_reassembly_add(r, &in, n, bytes);
}

/* All orders of five frames: whole with the last one that comes, and no sooner. */
static void permute(unsigned int *order, unsigned int n)
{
	struct stt_reassembly r;

	if (n == 5) {
		begin(&r, 4);
		for (unsigned int i = 0; i < 5; i++)
			assert_int_equal(add(&r, order[i], 1, 10),
					 i < 4 ? STT_REASSEMBLY_MORE : STT_REASSEMBLY_WHOLE);
		assert_int_equal(r.bytes, 50);
		return;
	}
	for (unsigned int i = n; i < 5; i++) {
		unsigned int tmp = order[n];

		order[n] = order[i];
		order[i] = tmp;
		permute(order, n + 1);
		order[i] = order[n];
		order[n] = tmp;
	}
}

static void all_orders(void **state)
{
	unsigned int order[] = { 0, 1, 2, 3, 4 };

	(void)state;
	permute(order, 0);
}

/* Every number of frames, in chunks of every size. */
static void all_chunks(void **state)
{
	struct stt_reassembly r;

	(void)state;
	for (unsigned int last = 0; last < 256; last++)
		for (unsigned int step = 1; step <= last + 1; step++) {
			begin(&r, last);
			for (unsigned int at = 0; at <= last; at += step) {
				unsigned int n = at + step > last ? last + 1 - at : step;

				assert_int_equal(add(&r, at, n, n),
						 at + n > last ? STT_REASSEMBLY_WHOLE :
								 STT_REASSEMBLY_MORE);
			}
		}
}

static void twice(void **state)
{
	struct stt_reassembly r;

	(void)state;
	for (unsigned int at = 0; at < 256; at++) {
		begin(&r, 255);
		assert_int_equal(add(&r, at, 1, 1), STT_REASSEMBLY_MORE);
		assert_int_equal(add(&r, at, 1, 1), STT_REASSEMBLY_REFUSED);
	}
	begin(&r, 255);
	assert_int_equal(add(&r, 70, 1, 1), STT_REASSEMBLY_MORE);
	assert_int_equal(add(&r, 60, 11, 1), STT_REASSEMBLY_REFUSED);
}

static void contradictions(void **state)
{
	struct stt_inner in = frame(1, 9);
	struct stt_reassembly r;

	(void)state;
	begin(&r, 9);
	in.stream = 8;
	assert_int_equal(stt_reassembly_add(&r, &in, 1, 1), STT_REASSEMBLY_REFUSED);
	in = frame(1, 9);
	in.kind = 0x80;
	assert_int_equal(stt_reassembly_add(&r, &in, 1, 1), STT_REASSEMBLY_REFUSED);
	in = frame(1, 8);
	assert_int_equal(stt_reassembly_add(&r, &in, 1, 1), STT_REASSEMBLY_REFUSED);
	assert_int_equal(add(&r, 9, 2, 1), STT_REASSEMBLY_REFUSED);
	assert_int_equal(add(&r, 0, 11, 1), STT_REASSEMBLY_REFUSED);
	assert_int_equal(add(&r, 0, 0, 0), STT_REASSEMBLY_REFUSED);
	assert_int_equal(add(&r, 0, 0xffffffffU, 1), STT_REASSEMBLY_REFUSED);
	assert_int_equal(r.got, 0);
	assert_int_equal(r.bytes, 0);
}

static void lengths(void **state)
{
	struct stt_reassembly r;

	(void)state;
	begin(&r, 2);
	assert_int_equal(add(&r, 0, 1, 65536), STT_REASSEMBLY_MORE);
	assert_int_equal(add(&r, 1, 1, 1), STT_REASSEMBLY_REFUSED);
	begin(&r, 2);
	assert_int_equal(add(&r, 0, 1, 65537), STT_REASSEMBLY_REFUSED);
	assert_int_equal(add(&r, 0, 1, SIZE_MAX), STT_REASSEMBLY_REFUSED);
	assert_int_equal(add(&r, 0, 1, 65535), STT_REASSEMBLY_MORE);
	assert_int_equal(add(&r, 1, 1, SIZE_MAX), STT_REASSEMBLY_REFUSED);
	assert_int_equal(add(&r, 1, 2, 1), STT_REASSEMBLY_WHOLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_orders),
		cmocka_unit_test(all_chunks),
		cmocka_unit_test(twice),
		cmocka_unit_test(contradictions),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests_name("reassembly", tests, NULL, NULL);
}
