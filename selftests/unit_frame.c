// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/kernel_frame.c selftests/lib/peer.c selftests/lib/side.c selftests/lib/suite.c */
/*
 * Headers of a frame, and whole frames, against vectors that another
 * implementation made (Python's cryptography package) and against the tests'
 * own peer. The cipher is checked with the vector of RFC 8439.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#include "../kernel/frame.h"
#include "lib/peer.h"

#define TEXT "Ladies and gentlemen"
#define TEXT_LEN 20

static const char *const vector =
	"1005010203040506111213141516171817e66055105abadf71cc705983284220"
	"2cdaca6039526406624179e15d185df9d23600f77b40fa5809ae7aab";
static const char *const vector_heartbeat =
	"1007ffffffffffff0000000000000001"
	"5e340368cc91e53001df47bb58ba2d43bb919b37b5dc4982";

static uint8_t key[32];

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i < 32; i++)
		key[i] = 0x40 + i;
	return sodium_init() < 0;
}

static size_t from_hex(uint8_t *out, size_t room, const char *hex)
{
	size_t len;

	assert_int_equal(sodium_hex2bin(out, room, hex, strlen(hex), NULL, &len, NULL), 0);
	return len;
}

/* RFC 8439, section 2.8.2. */
static void rfc8439(void **state)
{
	static const char text[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip "
		"for the future, sunscreen would be it.";
	uint8_t k[32], nonce[12], ad[12], want[130], out[130];
	unsigned long long len;

	(void)state;
	for (int i = 0; i < 32; i++)
		k[i] = 0x80 + i;
	from_hex(nonce, sizeof(nonce), "070000004041424344454647");
	from_hex(ad, sizeof(ad), "50515253c0c1c2c3c4c5c6c7");
	assert_int_equal(from_hex(want, sizeof(want),
		"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
		"3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
		"92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
		"3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd060"
		"0691"), 130);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, &len, (const uint8_t *)text, 114, ad, 12,
						  NULL, nonce, k);
	assert_int_equal(len, 130);
	assert_memory_equal(out, want, 130);
}

/* A frame of the module's header code, sealed by libsodium. */
static size_t build(uint8_t *out, const struct stt_header *h, const struct stt_inner *in,
		    const char *text, size_t len)
{
	uint8_t nonce[12] = { 0 }, body[100];
	unsigned long long sealed;

	stt_header_write(out, h);
	stt_inner_write(body, in);
	memcpy(body + STT_INNER_LEN, text, len);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] = h->counter >> 8 * i & 0xff;
	crypto_aead_chacha20poly1305_ietf_encrypt(out + STT_HDR_LEN, &sealed, body,
						  STT_INNER_LEN + len, out, STT_HDR_LEN, NULL,
						  nonce, key);
	return STT_HDR_LEN + sealed;
}

static void whole_frames(void **state)
{
	static const struct stt_header h = {
		.session = 0x1112131415161718ULL, .counter = 0x010203040506ULL, .epoch = 5,
	};
	static const struct stt_inner in = { .stream = 0xa1a2a3a4, .kind = 0x9c };
	static const struct stt_header beat_h = {
		.session = 1, .counter = (1ULL << 48) - 1, .epoch = 7,
	};
	static const struct stt_inner beat = { .kind = STT_KIND_HEARTBEAT };
	uint8_t want[100], got[100];
	size_t len;

	(void)state;
	len = from_hex(want, sizeof(want), vector);
	assert_int_equal(len, TEXT_LEN + STT_OVERHEAD);
	assert_int_equal(build(got, &h, &in, TEXT, TEXT_LEN), len);
	assert_memory_equal(got, want, len);

	len = from_hex(want, sizeof(want), vector_heartbeat);
	assert_int_equal(len, STT_OVERHEAD);
	assert_int_equal(build(got, &beat_h, &beat, "", 0), len);
	assert_memory_equal(got, want, len);
}

/* The peer of the tests speaks the same language. */
static void peer_frames(void **state)
{
	const struct frame f = {
		.epoch = 5, .counter = 0x010203040506ULL, .session = 0x1112131415161718ULL,
		.stream = 0xa1a2a3a4, .kind = 0x9c, .payload = TEXT, .len = TEXT_LEN,
	};
	uint8_t want[100], got[100], buf[100];
	struct frame back;
	size_t len;

	(void)state;
	len = from_hex(want, sizeof(want), vector);
	assert_int_equal(frame_seal(got, &f, key), len);
	assert_memory_equal(got, want, len);
	assert_true(frame_open(&back, buf, want, len, key));
	assert_true(back.counter == f.counter && back.session == f.session);
	assert_true(back.stream == f.stream && back.kind == f.kind && back.epoch == f.epoch);
	assert_int_equal(back.len, TEXT_LEN);
	assert_memory_equal(back.payload, TEXT, TEXT_LEN);
}

static void header_fields(void **state)
{
	uint8_t bytes[STT_HDR_LEN];
	struct stt_header h, back;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		randombytes_buf(&h, sizeof(h));
		h.counter &= (1ULL << 48) - 1;
		h.epoch %= STT_EPOCHS;
		stt_header_write(bytes, &h);
		assert_int_equal(bytes[0], STT_FRAME_TRANSPORT);
		assert_int_equal(bytes[1], h.epoch);
		assert_true(stt_header_read(&back, bytes, STT_OVERHEAD));
		assert_true(back.session == h.session && back.counter == h.counter);
		assert_int_equal(back.epoch, h.epoch);
	}
}

static void header_refusals(void **state)
{
	uint8_t bytes[STT_HDR_LEN] = { STT_FRAME_TRANSPORT };
	struct stt_header h;

	(void)state;
	for (size_t len = 0; len < STT_OVERHEAD; len++)
		assert_false(stt_header_read(&h, bytes, len));
	assert_true(stt_header_read(&h, bytes, STT_OVERHEAD));
	assert_true(stt_header_read(&h, bytes, 65535));
	for (int v = 0; v < 256; v++) {
		bytes[0] = v;
		assert_int_equal(stt_header_read(&h, bytes, 100), v == STT_FRAME_TRANSPORT);
	}
	bytes[0] = STT_FRAME_TRANSPORT;
	for (int v = 0; v < 256; v++) {
		bytes[1] = v;
		assert_int_equal(stt_header_read(&h, bytes, 100), v < STT_EPOCHS);
	}
}

/* Too short a datagram is refused before a byte of it is read. */
static void header_short_read(void **state)
{
	struct stt_header h;

	(void)state;
	assert_false(stt_header_read(&h, NULL, 0));
	assert_false(stt_header_read(&h, NULL, STT_OVERHEAD - 1));
}

static void inner_fields(void **state)
{
	static const struct stt_inner in = {
		.stream = 0x01020304, .kind = 5, .frag = 6, .last = 7, .flags = 8,
	};
	static const uint8_t want[STT_INNER_LEN] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t bytes[STT_INNER_LEN];
	struct stt_inner back;

	(void)state;
	stt_inner_write(bytes, &in);
	assert_memory_equal(bytes, want, sizeof(want));
	stt_inner_read(&back, bytes);
	assert_memory_equal(&back, &in, sizeof(in));
}

static bool wanted(const struct stt_inner *in, size_t len)
{
	if (in->frag > in->last || in->flags)
		return false;
	if (in->kind == 0x10 || in->kind >= 0x80)
		return len || !in->last;
	if (in->stream || in->last)
		return false;
	if (in->kind == 0x13 || in->kind == 0x14)
		return len == 0;
	if (in->kind == 0x15)
		return len >= 12 && len <= 1200;
	return in->kind == 0x30 && len == 1;
}

static void inner_valid(void **state)
{
	static const size_t lens[] = { 0, 1, 2, 11, 12, 152, 1200, 1201 };

	(void)state;
	for (unsigned int n = 0; n < 256 * 16 * 8; n++) {
		struct stt_inner in = {
			.kind = n & 255, .stream = n >> 8 & 1 ? 0xffffffff : 0,
			.frag = n >> 9 & 1, .last = n >> 10 & 1, .flags = n >> 11 & 1 ? 0x80 : 0,
		};
		size_t len = lens[n >> 12];

		assert_int_equal(stt_inner_valid(&in, len), wanted(&in, len));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc8439),
		cmocka_unit_test(whole_frames),
		cmocka_unit_test(peer_frames),
		cmocka_unit_test(header_fields),
		cmocka_unit_test(header_refusals),
		cmocka_unit_test(header_short_read),
		cmocka_unit_test(inner_fields),
		cmocka_unit_test(inner_valid),
	};

	return cmocka_run_group_tests_name("frame", tests, setup, NULL);
}
