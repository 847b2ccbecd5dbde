// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/kernel_replay.c */
/*
 * The replay window against a model that simply remembers everything it has
 * seen: all short histories, long random ones, and the far end of the counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../kernel/replay.h"

#define SPAN 40000
#define COUNTER_END (1ULL << 48)

/* Counters from @base, SPAN of them. */
struct model {
	uint64_t base, top;
	bool seen[SPAN];
};

static enum stt_replay_verdict expected(const struct model *m, uint64_t counter)
{
	if (counter >= m->top)
		return STT_REPLAY_NEWEST;
	if (m->top - counter > STT_REPLAY_WINDOW || m->seen[counter - m->base])
		return STT_REPLAY_STALE;
	return STT_REPLAY_LATE;
}

/* Both are asked; the window also before, which must change nothing. */
static void step(struct model *m, struct stt_replay *r, uint64_t counter)
{
	enum stt_replay_verdict want = expected(m, counter);
	struct stt_replay before = *r;

	assert_int_equal(stt_replay_check(r, counter), want != STT_REPLAY_STALE);
	assert_memory_equal(&before, r, sizeof(before));
	assert_int_equal(stt_replay_update(r, counter), want);
	if (want == STT_REPLAY_STALE)
		assert_memory_equal(&before, r, sizeof(before));
	/* Whatever it was, now it is old. */
	assert_false(stt_replay_check(r, counter));

	m->seen[counter - m->base] = true;
	if (counter >= m->top)
		m->top = counter + 1;
}

static struct model *model_new(uint64_t base)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->base = base;
	return m;
}

static void constants(void **state)
{
	(void)state;
	assert_int_equal(STT_REPLAY_BITS, 2048);
	assert_true(STT_REPLAY_WINDOW <= STT_REPLAY_BITS - 64);
	assert_true(STT_REPLAY_WINDOW >= 1500);
}

static void in_order(void **state)
{
	struct model *m = model_new(0);
	struct stt_replay r = { 0 };

	(void)state;
	for (uint64_t i = 0; i < SPAN; i++)
		step(m, &r, i);
	for (uint64_t i = SPAN - 3 * STT_REPLAY_BITS; i < SPAN; i++)
		step(m, &r, i);
	free(m);
}

/* Every history of two frames, each of them asked for again. */
static void all_pairs(void **state)
{
	(void)state;
	for (uint64_t a = 0; a < STT_REPLAY_BITS + 130; a++) {
		for (uint64_t b = 0; b < STT_REPLAY_BITS + 130; b++) {
			struct stt_replay r = { 0 };
			bool old = b + STT_REPLAY_WINDOW <= a;

			assert_int_equal(stt_replay_update(&r, a), STT_REPLAY_NEWEST);
			if (a == b)
				continue;
			assert_int_equal(stt_replay_update(&r, b), b > a ? STT_REPLAY_NEWEST :
					 old ? STT_REPLAY_STALE : STT_REPLAY_LATE);
			assert_int_equal(stt_replay_update(&r, a), STT_REPLAY_STALE);
			assert_int_equal(stt_replay_update(&r, b), STT_REPLAY_STALE);
		}
	}
}

/* After a jump of any width nothing of what was skipped counts as seen. */
static void all_jumps(void **state)
{
	(void)state;
	for (uint64_t jump = 1; jump < 2 * STT_REPLAY_BITS + 130; jump++) {
		struct model *m = model_new(0);
		struct stt_replay r = { 0 };

		for (uint64_t i = 0; i < 100; i++)
			step(m, &r, i);
		step(m, &r, 99 + jump);
		for (uint64_t i = 0; i < 99 + jump; i += 1 + jump / 97)
			step(m, &r, i);
		free(m);
	}
}

static uint64_t random_counter(const struct model *m, uint32_t *seed)
{
	uint64_t at = m->top > m->base ? m->top - m->base : 0, far;

	*seed = *seed * 1664525 + 1013904223;
	far = *seed >> 16;
	switch (*seed >> 8 & 7) {
	case 0:
		at += far % 3000;		/* ahead, maybe beyond the window */
		break;
	case 1:
		at += far % 64;
		break;
	case 2:
		at = at > 1990 ? at - 1980 - far % 10 : 0;	/* about the edge */
		break;
	default:
		at = at > far % 2100 ? at - far % 2100 : far % 10;
		break;
	}
	return m->base + (at < SPAN ? at : SPAN - 1 - far % 3000);
}

/* Random histories at the places of the counter where words could wrap. */
static void at_random(void **state)
{
	static const uint64_t bases[] = {
		0, 63, (1ULL << 31) - 1000, (1ULL << 32) - 1000, (1ULL << 47) - 3000,
		COUNTER_END - SPAN,
	};
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		for (int round = 0; round < 20; round++) {
			struct model *m = model_new(bases[i]);
			struct stt_replay r = { 0 };

			for (int n = 0; n < 5000; n++)
				step(m, &r, random_counter(m, &seed));
			free(m);
		}
	}
}

static void far_end(void **state)
{
	const uint64_t last = COUNTER_END - 1;
	struct stt_replay r = { 0 };

	(void)state;
	assert_int_equal(stt_replay_update(&r, 0), STT_REPLAY_NEWEST);
	assert_int_equal(stt_replay_update(&r, last), STT_REPLAY_NEWEST);
	assert_int_equal(stt_replay_update(&r, last), STT_REPLAY_STALE);
	assert_int_equal(stt_replay_update(&r, 0), STT_REPLAY_STALE);
	assert_int_equal(stt_replay_update(&r, last - STT_REPLAY_WINDOW), STT_REPLAY_STALE);
	for (uint64_t i = 1; i < STT_REPLAY_WINDOW; i++) {
		assert_true(stt_replay_check(&r, last - i));
		assert_int_equal(stt_replay_update(&r, last - i), STT_REPLAY_LATE);
		assert_false(stt_replay_check(&r, last - i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants),
		cmocka_unit_test(in_order),
		cmocka_unit_test(all_pairs),
		cmocka_unit_test(all_jumps),
		cmocka_unit_test(at_random),
		cmocka_unit_test(far_end),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
