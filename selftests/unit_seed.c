// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seed rules (D1, A14) and derived keys. The expected keys were computed with
 * another implementation: Python's hashlib.blake2b and the cryptography package.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#include "../lib/seed.h"

static const struct {
	size_t len;
	int ret;
	const char *psk, *mac1;
} cases[] = {
	{ 0, -EINVAL, NULL, NULL },
	{ 15, -EINVAL, NULL, NULL },
	{ 16, 0,
	  "563ea7ae5ca02e66f24cc2e8fd9817973cb795c7eadc0fa36d8998aa300e8bf3",
	  "d460c10b61f11694ea58f82e8e8797d95d99709147f6c2abebe584d8bb53a416" },
	{ 31, 0,
	  "720f0c1af01e1c91c9aa4fdb067d4582b235058111df516d1b001a803089fdac",
	  "f90edc1cb8563c3031ccd0ffc63bb21e8c4921d5bc8af136d1e3bb564c0d5f52" },
	{ 32, 0,
	  "6dbf286fb3a97b487386e0d121b552e1e9993dfda3cb4d1e471203726e8f1c29",
	  "f068c63fb11e9f787a12dd3e0c761ea20806efd9ae2d82acb506247478b452f5" },
	{ 64, 0,
	  "d1bc7bbe1edc32a22bba80312a4386b97fd905a3f26c43d99f2007faeeb37746",
	  "37ff90d8ee704e5108a15fea8e34452be315cb3195bd67ab10e96e750e2f40b6" },
	{ 65, 0,
	  "4754ced353315a2ee94ca66f211d7c4d0cff65b8b334165daf1dc80808c6b5ae",
	  "8f2b0fa2633fb61c0c3ee2efeede71ed27bdc2700875c344b46b0e56ebb06b7d" },
	{ 4096, 0,
	  "ade5fd8b575270ba695dd13a81bdba0d6fac7a56f622ccd8549d7d5193128a71",
	  "4e290969fcefe165e1cae911b4b1c44664a1d2259ecbdecdbc6facc0e892a0ce" },
};

static void fill(uint8_t *seed, size_t len)
{
	for (size_t i = 0; i < len; i++)
		seed[i] = (uint8_t)i;
}

static void check_key(const struct stt_seed_root *root, const char *label, const char *hex)
{
	uint8_t key[STT_SEED_KEY_LEN], want[STT_SEED_KEY_LEN];

	assert_int_equal(sodium_hex2bin(want, sizeof(want), hex, strlen(hex), NULL, NULL, NULL),
			 0);
	stt_seed_derive(root, label, key);
	assert_memory_equal(key, want, sizeof(key));
}

static void test_lengths(void **state)
{
	static uint8_t seed[4096];
	struct stt_seed_root root;

	(void)state;
	fill(seed, sizeof(seed));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(stt_seed_root(seed, cases[i].len, &root), cases[i].ret);
		if (cases[i].ret)
			continue;
		check_key(&root, STT_SEED_LABEL_PSK, cases[i].psk);
		check_key(&root, STT_SEED_LABEL_MAC1, cases[i].mac1);
	}
}

static void test_weak(void **state)
{
	(void)state;
	assert_true(stt_seed_is_weak(16));
	assert_true(stt_seed_is_weak(31));
	assert_false(stt_seed_is_weak(32));
}

static void test_no_seed(void **state)
{
	struct stt_seed_root root;

	(void)state;
	assert_int_equal(stt_seed_root(NULL, 32, &root), -EINVAL);
}

static void test_wipe(void **state)
{
	struct stt_seed_root root;
	uint8_t seed[32];

	(void)state;
	fill(seed, sizeof(seed));
	assert_int_equal(stt_seed_root(seed, sizeof(seed), &root), 0);
	stt_seed_wipe(&root);
	assert_true(sodium_is_zero((const uint8_t *)&root, sizeof(root)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_no_seed),
		cmocka_unit_test(test_wipe),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
