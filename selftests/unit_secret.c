// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for keys: zeroed, and in no core dump. Whether it is locked cannot be
 * seen here, because the address sanitizer makes mlock() do nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#include "../lib/secret.h"

/* The VmFlags of the mapping that @at is in. */
static void flags_of(const void *at, char *flags, size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long from, to;
	int found = 0;
	char line[512];

	assert_non_null(f);
	flags[0] = 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			found = (uintptr_t)at >= from && (uintptr_t)at < to;
		else if (found && !strncmp(line, "VmFlags:", 8))
			snprintf(flags, size, "%s", line + 8);
	}
	fclose(f);
}

static void test_flags(void **state)
{
	uint8_t *secret = stt_secret_alloc(5000);
	char flags[512];

	(void)state;
	assert_non_null(secret);
	assert_true(sodium_is_zero(secret, 5000));
	memset(secret, 1, 5000);
	flags_of(secret, flags, sizeof(flags));
	assert_non_null(strstr(flags, " dd"));
	stt_secret_free(secret, 5000);
	stt_secret_free(NULL, 5000);
}

/* More than may be locked: they are given all the same. */
static void test_many(void **state)
{
	enum { N = 4096 };
	static uint8_t *secrets[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		secrets[i] = stt_secret_alloc(1000);
		assert_non_null(secrets[i]);
		secrets[i][999] = 1;
	}
	for (int i = 0; i < N; i++)
		stt_secret_free(secrets[i], 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags), cmocka_unit_test(test_many),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
