// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/module.c */
/*
 * R26: what AES-256-GCM has beyond what vm_data, vm_hostile, vm_replay and
 * vm_keys try with both suites: published vectors, frames when SIMD cannot be
 * used, two suites in one session.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/module.h"
#include "lib/peer.h"

#define ID 0x1122334455667788ULL
#define CHACHA STT_SUITE_CHACHA20POLY1305
#define GCM STT_SUITE_AES256GCM
#define LOOPBACK_ROOM (16384 - FRAME_OVERHEAD)

static uint8_t message[LOOPBACK_ROOM];
static uint8_t buffer[FRAME_MAX];
static uint8_t raw[FRAME_MAX];

static bool same_bytes(const uint8_t *bytes, size_t len, const char *hex)
{
	char text[400];

	sodium_bin2hex(text, sizeof(text), bytes, len);
	if (!strcmp(text, hex))
		return true;
	printf("# got    %s\n# wanted %s\n", text, hex);
	return false;
}

static void from_hex(uint8_t *out, size_t size, const char *hex)
{
	sodium_hex2bin(out, size, hex, strlen(hex), NULL, NULL, NULL);
}

/* What the frames are compared with knows AES-256-GCM: McGrew and Viega, case 16. */
static bool reference(int arg)
{
	uint8_t key[32], iv[12], aad[20], text[60], out[76];
	unsigned long long len;

	(void)arg;
	from_hex(key, 32, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
	from_hex(iv, 12, "cafebabefacedbaddecaf888");
	from_hex(aad, 20, "feedfacedeadbeeffeedfacedeadbeefabaddad2");
	from_hex(text, 60, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
	crypto_aead_aes256gcm_encrypt(out, &len, text, 60, aad, 20, NULL, iv, key);
	check_is(len, 76);
	check(same_bytes(out, 76, "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
			 "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
			 "76fc6ece0f4e1768cddf8853bb2d551b"));
	return true;
}

/* The frames of Documentation/protocol.md: key 00 01 ... 1f, stream 5, "AF_STT". */
static bool example_frames(int suite)
{
	static const char *const frames[][2] = {
		[CHACHA] = {
			"100000000000000011223344556677"
			"8818b84234bde6a6d152270332fb17eef095e01fb768a8fe0a2a52a24cfcb4",
			"100000000000000111223344556677"
			"889f57f35aa52aaf1868f0f10f06c1d73d8bdca2314733c8f696772b6c34a7",
		},
		[GCM] = {
			"100000000000000011223344556677"
			"880ebcb5dba52c83bd49eef6664c78bef6aff7c063174e881b453a60e62c01",
			"100000000000000111223344556677"
			"88e59775356ec11e081fdb1025b90723337e2058166aba3bfb6551e6ce88ad",
		},
	};
	struct stt_session_info s;
	struct sockaddr_stt to;
	struct duo d;

	check(duo_open(&d, PATH_V4, ID + 1));
	s = session_spec(&d.k, ID, &d.p.addr);
	s.keys[0].suite = suite;
	for (int i = 0; i < STT_KEY_LEN; i++)
		s.keys[0].secret[i] = i;
	check_is(stt_ctl_session_new(d.k.ctl, &s), 0);
	to = stt_at(&d.k, ID, 5);
	for (int i = 0; i < 2; i++) {
		check_is(stt_send_at(d.fd, "AF_STT", 6, &to), 6);
		check_is(recv(d.p.fd, raw, sizeof(raw), 0), 46);
		check(same_bytes(raw, 46, frames[suite][i]));
	}
	return true;
}

/* There and back. */
static bool echo(struct duo *d, size_t len)
{
	struct frame f;

	randombytes_buf(message, len);
	check(peer_send(&d->p, message, len));
	check(receives(d->fd, message, len));
	check_is(send(d->fd, message, len, 0), len);
	check(peer_recv(&d->p, &f, buffer, NULL));
	check_is(f.len, len);
	check(!len || !memcmp(f.payload, message, len));
	return true;
}

static bool all_lengths(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	for (size_t len = 0; len <= 600; len++)
		check(echo(&d, len));
	for (size_t len = 601; len <= LOOPBACK_ROOM; len += 487)
		check(echo(&d, len));
	check(echo(&d, LOOPBACK_ROOM));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), 0);
	return true;
}

/* A run of frames in one datagram of the stack: most lie across pages. */
static bool batches(int path)
{
	uint16_t step = 1371;
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(setsockopt(d.p.fd, IPPROTO_UDP, 103 /* UDP_SEGMENT */, &(int){ step },
			    sizeof(int)), 0);
	for (int round = 0; round < 4; round++) {
		size_t len = step - FRAME_OVERHEAD;

		randombytes_buf(message, len);
		for (int i = 0; i < 40; i++) {
			struct frame f = peer_next(&d.p, message, len);

			peer_seal(&d.p, buffer + i * step, &f);
		}
		check(peer_raw(&d.p, buffer, 40 * step));
		for (int i = 0; i < 40; i++)
			check(receives(d.fd, message, len));
	}
	return true;
}

/* ------------------------------------------------------------------------ */
/* Without SIMD                                                             */

static void nosimd_end(void *arg)
{
	(void)arg;
	nosimd_remove();
}

static long times_asked(void)
{
	char text[30] = "";
	int fd = open("/sys/module/nosimd/parameters/asked", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 ? strtol(text, NULL, 10) : -1;
}

static bool nosimd_begin(bool *there)
{
	*there = !nosimd_insert();
	if (!*there && errno == EBADF)
		return skip_test("no module nosimd for this kernel");
	check(*there);
	at_end(nosimd_end, NULL);
	check_is(times_asked(), 0);
	return true;
}

static bool scalar_lengths(int path)
{
	long frames = 0;
	struct duo d;
	bool there;

	check(duo_open(&d, path, ID));
	check(nosimd_begin(&there));
	if (!there)
		return true;
	for (size_t len = 0; len <= 100; len++, frames += 2)
		check(echo(&d, len));
	for (size_t len = 1000; len <= LOOPBACK_ROOM; len += 3001, frames += 2)
		check(echo(&d, len));
	/* Each of them was made without. */
	check_is(times_asked(), frames);
	/* With SIMD the same keys go on. */
	check_is(nosimd_remove(), 0);
	check(echo(&d, 1000));
	return true;
}

/* Between two nodes as well: one key seals, its twin opens. */
static bool scalar_nodes(int path)
{
	struct sides l;
	bool there;
	int a, b;

	check(sides_open(&l, path, ID));
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check(a >= 0 && b >= 0);
	check(nosimd_begin(&there));
	if (!there)
		return true;
	for (size_t len = 0; len < 1400; len += 33) {
		check_is(send(a, message, len, 0), len);
		check(receives(b, message, len));
	}
	return true;
}

static bool scalar_bad_tags(int path)
{
	uint8_t frame[FRAME_OVERHEAD + 20];
	struct frame f;
	struct duo d;
	bool there;

	check(duo_open(&d, path, ID));
	check(nosimd_begin(&there));
	if (!there)
		return true;
	f = peer_next(&d.p, "twenty bytes of text", 20);
	peer_seal(&d.p, frame, &f);
	for (unsigned int bit = 0; bit < 8 * sizeof(frame); bit++) {
		/* Type, epoch and session would be seen before the seal. */
		if (bit / 8 < 2 || (bit / 8 >= 8 && bit / 8 < 16))
			continue;
		frame[bit / 8] ^= 1 << bit % 8;
		check(peer_raw(&d.p, frame, sizeof(frame)));
		frame[bit / 8] ^= 1 << bit % 8;
	}
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), 8 * (sizeof(frame) - 10));
	check(peer_raw(&d.p, frame, sizeof(frame)));
	check(receives(d.fd, "twenty bytes of text", 20));
	check(duo_quiet(&d));
	return true;
}

/* ------------------------------------------------------------------------ */
/* Both suites                                                              */

/* A key says its suite: not the session, not the direction. */
static bool mixed(int path)
{
	struct stt_session_info s;
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID + 1));
	s = session_spec(&d.k, ID, &d.p.addr);
	s.keys[0].suite = CHACHA;
	s.keys[1].suite = GCM;
	check_is(stt_ctl_session_new(d.k.ctl, &s), 0);
	d.p.session = ID;
	drop(d.fd);
	d.fd = stt_connected(&d.k, ID, 0);
	key_suite = GCM;
	check(peer_send(&d.p, "gcm", 3) && receives(d.fd, "gcm", 3));
	check_is(send(d.fd, "chacha", 6, 0), 6);
	key_suite = CHACHA;
	check(peer_recv(&d.p, &f, buffer, NULL));
	check(!memcmp(f.payload, "chacha", 6));
	/* The right secret under the wrong suite is a wrong key. */
	check(peer_send(&d.p, "chacha", 6));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), 1);
	/* The next epoch may have another suite. */
	check_is(side_key(&d.k, ID, STT_DIRECTION_RX, 1), 0);
	d.p.epoch = 1;
	check(peer_send(&d.p, "again", 5) && receives(d.fd, "again", 5));
	return true;
}

static bool mixed_end(int path)
{
	bool good = mixed(path);

	key_suite = GCM;
	return good;
}

static bool advertised(int arg)
{
	struct stt_info info;
	struct side s;

	(void)arg;
	check(side_open(&s, PATH_V4, 0));
	check_is(stt_ctl_info(s.ctl, &info), 0);
	check_is(info.suites, 1 << CHACHA | 1 << GCM);
	return true;
}

static const struct test tests[] = {
	{ "R26 the reference has the published vectors", reference, 0 },
	{ "R26 the info command names both suites", advertised, 0 },
	{ "R26 the frames of the documentation, ChaCha20-Poly1305", example_frames, CHACHA },
	{ "R26 the frames of the documentation, AES-256-GCM", example_frames, GCM },
	{ "A16 AES-256-GCM: all lengths to 600 bytes, many to 16 KiB", all_lengths, PATH_LO4 },
	{ "A16 AES-256-GCM: batches of 40 frames, most across pages", batches, PATH_LO4 },
	{ "R26 no SIMD: seals and opens what libsodium has, IPv4", scalar_lengths, PATH_LO4 },
	{ "R26 no SIMD: seals and opens what libsodium has, IPv6", scalar_lengths, PATH_LO6 },
	{ "R26 no SIMD: node to node", scalar_nodes, PATH_V4 },
	{ "A24 no SIMD: each bit of a frame flipped: dropped", scalar_bad_tags, PATH_V4 },
	{ "R26 each key has its suite", mixed_end, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
