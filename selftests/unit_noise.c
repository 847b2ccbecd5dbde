// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Noise state machine against the published cacophony vector for exactly
 * this protocol name: both handshake messages, the handshake hash, and the
 * four transport messages, from both sides. Then what must fail.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#include "../lib/noise.h"

static const char prologue_hex[] = "4a6f686e2047616c74";
static const char psk_hex[] =
	"54686973206973206d7920417573747269616e20706572737065637469766521";
static const char init_e_hex[] =
	"893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a";
static const char resp_e_hex[] =
	"bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b";
static const char hash_hex[] =
	"ed5e9692d0ab507b6c2beec3f584fd5b127817a9d20b26cd50aa72c507260fa3"
	"1aa7d88dd3723316338af37ce0b4cfb2923aeb848bbf2b934911306f01ffc963";

static const struct {
	const char *payload, *wire;
} vectors[] = {
	{ "4c756477696720766f6e204d69736573",
	  "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
	  "ed63df2f5a12aee1185ee9c50305f2ecf12421dcb53c047a63b784cf7c54a105" },
	{ "4d757272617920526f746862617264",
	  "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
	  "0e0fe7d5c0c9b92f7478716c8852f1b4f389edb75e3ebe546fafafd5b6f0f7" },
	{ "462e20412e20486179656b",
	  "0fe04b26dcfbb69f8a6a94c61f1a26ef88769218d32f5d17c068a6" },
	{ "4361726c204d656e676572",
	  "2239e0c540c01f09eb1f4cc5258fd5acfefff18a5a3773f21b7bfe" },
	{ "4a65616e2d426170746973746520536179",
	  "f216cb03d30fb8af1e561fe02a07552d09b416e27a75e62c77d193718b0bdaae9f" },
	{ "457567656e2042f6686d20766f6e2042617765726b",
	  "6e8baf98b944184dd7dc5ef14d8108cbeca626de118a5460f3308e294d61e17238bce29bd9" },
};

static size_t unhex(uint8_t *out, size_t max, const char *hex)
{
	size_t len = 0;

	assert_int_equal(sodium_hex2bin(out, max, hex, strlen(hex), NULL, &len, NULL), 0);
	return len;
}

static void start(struct stt_noise *ns, const char *secret_hex)
{
	uint8_t prologue[64], psk[32], secret[32];
	size_t len = unhex(prologue, sizeof(prologue), prologue_hex);

	unhex(psk, sizeof(psk), psk_hex);
	unhex(secret, sizeof(secret), secret_hex);
	stt_noise_init(ns, psk, prologue, len);
	stt_noise_ephemeral(ns, secret);
}

/* The two handshake messages of the vector, checked byte by byte. */
static void handshake(struct stt_noise *in, struct stt_noise *re)
{
	uint8_t payload[64], wire[128], got[128];
	size_t len, wire_len;

	start(in, init_e_hex);
	start(re, resp_e_hex);
	len = unhex(payload, sizeof(payload), vectors[0].payload);
	wire_len = unhex(wire, sizeof(wire), vectors[0].wire);
	assert_int_equal(wire_len, len + STT_NOISE_OVERHEAD);
	assert_int_equal(stt_noise_write1(in, payload, len, got), 0);
	assert_memory_equal(got, wire, wire_len);
	assert_int_equal(stt_noise_read1(re, wire, wire_len, got), 0);
	assert_memory_equal(got, payload, len);

	len = unhex(payload, sizeof(payload), vectors[1].payload);
	wire_len = unhex(wire, sizeof(wire), vectors[1].wire);
	assert_int_equal(stt_noise_write2(re, payload, len, got), 0);
	assert_memory_equal(got, wire, wire_len);
	assert_int_equal(stt_noise_read2(in, wire, wire_len, got), 0);
	assert_memory_equal(got, payload, len);
}

static void test_handshake_vector(void **state)
{
	struct stt_noise in, re;
	uint8_t hash[64];

	(void)state;
	handshake(&in, &re);
	unhex(hash, sizeof(hash), hash_hex);
	assert_memory_equal(in.h, hash, sizeof(hash));
	assert_memory_equal(re.h, hash, sizeof(hash));
}

static void test_transport_vector(void **state)
{
	uint8_t key[2][2][32], payload[64], wire[128], got[128];
	struct stt_noise in, re;

	(void)state;
	handshake(&in, &re);
	stt_noise_split(&in, key[0][0], key[0][1]);
	stt_noise_split(&re, key[1][0], key[1][1]);
	assert_memory_equal(key[0], key[1], sizeof(key[0]));
	for (unsigned int i = 2; i < 6; i++) {
		size_t len = unhex(payload, sizeof(payload), vectors[i].payload);
		size_t wire_len = unhex(wire, sizeof(wire), vectors[i].wire);
		uint64_t n = (i - 2) / 2;

		stt_noise_seal(key[0][i % 2], n, NULL, 0, payload, len, got);
		assert_memory_equal(got, wire, wire_len);
		assert_int_equal(stt_noise_open(key[1][i % 2], n, NULL, 0, wire, wire_len, got),
				 0);
		assert_memory_equal(got, payload, len);
	}
}

static void test_export_differs(void **state)
{
	uint8_t a[2][32], b[2][32], split[2][32];
	struct stt_noise in, re;

	(void)state;
	handshake(&in, &re);
	stt_noise_export(&in, "label", a[0], a[1]);
	stt_noise_export(&re, "label", b[0], b[1]);
	assert_memory_equal(a, b, sizeof(a));
	stt_noise_export(&re, "other", b[0], b[1]);
	assert_memory_not_equal(a, b, sizeof(a));
	stt_noise_split(&in, split[0], split[1]);
	assert_memory_not_equal(a[0], split[0], 32);
	assert_memory_not_equal(a[0], a[1], 32);
}

static void test_every_bit_counts(void **state)
{
	uint8_t wire[128], payload[64];
	size_t len = unhex(wire, sizeof(wire), vectors[0].wire);

	(void)state;
	for (size_t bit = 0; bit < len * 8; bit++) {
		struct stt_noise re;

		start(&re, resp_e_hex);
		wire[bit / 8] ^= (uint8_t)(1 << (bit % 8));
		assert_int_equal(stt_noise_read1(&re, wire, len, payload), -EBADMSG);
		wire[bit / 8] ^= (uint8_t)(1 << (bit % 8));
	}
}

static void test_short_messages(void **state)
{
	uint8_t wire[128] = { 0 }, payload[64];

	(void)state;
	for (size_t len = 0; len < STT_NOISE_OVERHEAD; len++) {
		struct stt_noise ns;

		start(&ns, resp_e_hex);
		assert_int_equal(stt_noise_read1(&ns, wire, len, payload), -EBADMSG);
		start(&ns, init_e_hex);
		assert_int_equal(stt_noise_read2(&ns, wire, len, payload), -EBADMSG);
	}
}

/* A peer key of small order would make the result public. */
static void test_small_order_refused(void **state)
{
	uint8_t psk[32] = { 1 }, out[128], payload[64];
	struct stt_noise in, re;

	(void)state;
	stt_noise_init(&in, psk, "", 0);
	stt_noise_init(&re, psk, "", 0);
	memset(in.e, 0, sizeof(in.e));
	assert_int_equal(stt_noise_write1(&in, "x", 1, out), 0);
	stt_noise_ephemeral(&re, NULL);
	assert_int_equal(stt_noise_read1(&re, out, 1 + STT_NOISE_OVERHEAD, payload), 0);
	assert_int_equal(stt_noise_write2(&re, "y", 1, out), -EBADMSG);
}

static void test_wipe(void **state)
{
	struct stt_noise ns;

	(void)state;
	start(&ns, init_e_hex);
	stt_noise_wipe(&ns);
	assert_true(sodium_is_zero((const uint8_t *)&ns, sizeof(ns)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake_vector),
		cmocka_unit_test(test_transport_vector),
		cmocka_unit_test(test_export_differs),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_short_messages),
		cmocka_unit_test(test_small_order_refused),
		cmocka_unit_test(test_wipe),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
