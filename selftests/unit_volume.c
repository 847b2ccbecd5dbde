// SPDX-License-Identifier: GPL-2.0-only
/* A30: how many frames a key may seal (kernel/volume.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/stt.h>

#include "../kernel/volume.c"

#define CHACHA	STT_SUITE_CHACHA20POLY1305
#define GCM	STT_SUITE_AES256GCM

/* The numbers of Documentation/protocol.md, section 3. */
static void test_ask(void **state)
{
	(void)state;
	assert_int_equal(stt_volume_ask(GCM, 0), 4194304);
	assert_int_equal(stt_volume_ask(CHACHA, 0), 4294967296);
	/* Fewer may be wished for, more may not. */
	assert_int_equal(stt_volume_ask(GCM, 1), 1);
	assert_int_equal(stt_volume_ask(GCM, 4194303), 4194303);
	assert_int_equal(stt_volume_ask(GCM, UINT32_MAX), 4194304);
	assert_int_equal(stt_volume_ask(CHACHA, UINT32_MAX), UINT32_MAX);
}

static void test_messages(void **state)
{
	static const uint8_t kinds[] = { STT_KIND_DATA, STT_KIND_USER_MIN, 255 };

	(void)state;
	for (unsigned int i = 0; i < sizeof(kinds); i++) {
		assert_int_equal(stt_volume_end(GCM, kinds[i]), 8388608);
		assert_int_equal(stt_volume_end(CHACHA, kinds[i]), 140737488355328);
	}
}

/* What it takes to get new keys has room behind the last message. */
static void test_control(void **state)
{
	static const uint8_t kinds[] = {
		STT_KIND_HEARTBEAT, STT_KIND_HEARTBEAT_ACK, STT_KIND_HANDSHAKE,
		STT_KIND_SESSION_CLOSE,
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(kinds); i++) {
		assert_int_equal(stt_volume_end(GCM, kinds[i]), 8388608 + 1048576);
		assert_int_equal(stt_volume_end(CHACHA, kinds[i]), 140737488355328 + 1048576);
	}
}

/*
 * However many take counters at once, and however many frames each of them has,
 * the counter stays below what the header has room for.
 */
static void test_no_wrap(void **state)
{
	const uint64_t at_once = 1ULL << 32, frames = 256;

	(void)state;
	assert_true(stt_volume_end(CHACHA, STT_KIND_HANDSHAKE) + at_once * frames <
		    1ULL << STT_COUNTER_BITS);
	assert_true(stt_volume_ask(CHACHA, 0) < stt_volume_end(CHACHA, STT_KIND_DATA));
	assert_true(stt_volume_ask(GCM, 0) < stt_volume_end(GCM, STT_KIND_DATA));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_no_wrap),
	};

	return cmocka_run_group_tests_name("volume", tests, NULL, NULL);
}
