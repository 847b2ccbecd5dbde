// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * A16: messages of every size, there and back, between two nodes and between a
 * node and libsodium; and what a frame looks like on the wire.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define ID 0x1122334455667788ULL

static uint8_t message[STT_MESSAGE_MAX + 1];
static uint8_t buffer[FRAME_MAX];
static uint8_t raw[FRAME_MAX];

/* One frame on a 1500-byte link, or the module's longest on loopback. */
static const unsigned int room[PATHS] = {
	[PATH_V4] = 1500 - 20 - 8 - FRAME_OVERHEAD,
	[PATH_V6] = 1500 - 40 - 8 - FRAME_OVERHEAD,
	[PATH_MIXED] = 1500 - 20 - 8 - FRAME_OVERHEAD,
	[PATH_LO4] = 16384 - FRAME_OVERHEAD,
	[PATH_LO6] = 16384 - FRAME_OVERHEAD,
};

static void fill(size_t len)
{
	randombytes_buf(message, len);
}

static bool mtu_of(int fd, unsigned int *mtu)
{
	socklen_t len = sizeof(*mtu);

	check_is(getsockopt(fd, SOL_STT, STT_MTU, mtu, &len), 0);
	check_is(len, sizeof(*mtu));
	return true;
}

static bool echo_nodes(int a, int b, size_t len)
{
	fill(len);
	check_is(send(a, message, len, 0), len);
	check(receives(b, message, len));
	check_is(send(b, message, len, 0), len);
	check(receives(a, message, len));
	return true;
}

static bool too_big(int fd)
{
	check_fails(send(fd, message, 65537, 0), EMSGSIZE);
	return true;
}

/* The same sizes everywhere; counts frames and bytes of one direction. */
static bool all_sizes(bool (*echo)(void *arg, size_t len), void *arg, unsigned int mtu,
		      uint64_t *frames, uint64_t *bytes)
{
	const size_t sizes[] = {
		0, 1, 64, 1200, mtu, mtu + 1, 2 * mtu, 2 * mtu + 1, 1473, 9000, 65000, 65535,
		65536,
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		check(echo(arg, sizes[i]));
		*frames += sizes[i] ? (sizes[i] + mtu - 1) / mtu : 1;
		*bytes += sizes[i];
	}
	return true;
}

static bool echo_pair(void *arg, size_t len)
{
	int *fd = arg;

	return echo_nodes(fd[0], fd[1], len);
}

static bool nodes(int path)
{
	uint64_t frames = 0, bytes = 0;
	struct sides l;
	unsigned int mtu;
	int fd[2];

	check(sides_open(&l, path, ID));
	fd[0] = stt_connected(&l.a, ID, 0);
	fd[1] = stt_connected(&l.b, ID, 0);
	check(fd[0] >= 0 && fd[1] >= 0);
	check(mtu_of(fd[0], &mtu));
	check_is(mtu, room[path]);
	check(all_sizes(echo_pair, fd, mtu, &frames, &bytes));
	check(too_big(fd[0]));
	/* What was refused left nothing behind. */
	check(echo_pair(fd, 64));
	check_is(session_stat(&l.b, ID, STT_A_STATS_RX_FRAMES), frames + 1);
	check_is(session_stat(&l.b, ID, STT_A_STATS_RX_BYTES), bytes + 64);
	check_is(session_stat(&l.a, ID, STT_A_STATS_TX_FRAMES), frames + 1);
	check_is(session_stat(&l.a, ID, STT_A_STATS_TX_BYTES), bytes + 64);
	check_is(session_stat(&l.a, ID, STT_A_STATS_DROP_FRAGMENT), 0);
	return true;
}

/* What a message of @len bytes looks like in frames, to and from the peer. */
static bool echo_peer(void *arg, size_t len)
{
	struct duo *d = arg;
	unsigned int max = room[d->k.path], last = len ? (len - 1) / max : 0;
	uint64_t first = 0;
	struct frame f;

	fill(len);
	for (unsigned int i = 0; i <= last; i++) {
		f = peer_next(&d->p, message + i * max, i < last ? max : len - last * max);
		f.frag = i;
		f.last = last;
		check(peer_send_frame(&d->p, &f));
	}
	check(receives(d->fd, message, len));
	check_is(send(d->fd, message, len, 0), len);
	for (unsigned int i = 0; i <= last; i++) {
		check(peer_recv(&d->p, &f, buffer, NULL));
		first = i ? first : f.counter;
		check_is(f.frag, i);
		check_is(f.last, last);
		check_is(f.counter, first + i);
		check_is(f.len, i < last ? max : len - last * max);
		check(!f.len || !memcmp(f.payload, message + i * max, f.len));
	}
	return true;
}

static bool libsodium(int path)
{
	uint64_t frames = 0, bytes = 0;
	struct duo d;
	unsigned int mtu;

	check(duo_open(&d, path, ID));
	check(mtu_of(d.fd, &mtu));
	check_is(mtu, room[path]);
	check(all_sizes(echo_peer, &d, mtu, &frames, &bytes));
	check(too_big(d.fd));
	check(echo_peer(&d, 64));
	return true;
}

static bool check_clear(const struct frame *f, uint64_t counter)
{
	check_is(f->epoch, 0);
	check_is(f->counter, counter);
	check(f->session == ID);
	return true;
}

static bool check_inner(const struct frame *f, uint32_t stream, uint8_t kind)
{
	check_is(f->stream, stream);
	check_is(f->kind, kind);
	check_is(f->frag, 0);
	check_is(f->last, 0);
	check_is(f->flags, 0);
	return true;
}

static bool frames_out(int path)
{
	uint8_t key[STT_KEY_LEN];
	struct sockaddr_stt to;
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	key_of(key, ID, 0, 0);
	to = stt_at(&d.k, ID, 0);
	for (unsigned int i = 0; i < 300; i++) {
		to.sstt_stream = i * 0x01010101;
		to.sstt_type = i % 2 ? STT_MSG_DATA : 0x80 + i % 128;
		fill(i);
		check_is(stt_send_at(d.fd, message, i, &to), i);
		check(peer_recv(&d.p, &f, buffer, raw));
		check(check_clear(&f, i));
		check(check_inner(&f, to.sstt_stream, to.sstt_type));
		check_is(f.len, i);
		/* The frame is what libsodium makes of the same fields, to the byte. */
		check_is(frame_seal(buffer + 32768, &f, key), i + FRAME_OVERHEAD);
		check(!memcmp(buffer + 32768, raw, i + FRAME_OVERHEAD));
	}
	return true;
}

static bool overhead(int path)
{
	struct duo d;
	ssize_t n;

	check(duo_open(&d, path, ID));
	for (size_t len = 0; len < 1400; len += 100) {
		check_is(send(d.fd, message, len, 0), len);
		n = recv(d.p.fd, raw, sizeof(raw), 0);
		check_is(n, len + 40);
		check_is(raw[0], 0x10);
	}
	return true;
}

/* A refused send may cost a counter, but must never use one twice. */
static bool counters_grow(int path)
{
	uint64_t last = 0;
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	for (int i = 0; i < 20; i++) {
		check_fails(send(d.fd, message, 65537, 0), EMSGSIZE);
		check_is(send(d.fd, message, 1, 0), 1);
		check(peer_recv(&d.p, &f, buffer, NULL));
		check(!i || f.counter > last);
		last = f.counter;
	}
	check_is(side_get(&d.k, ID).keys[0].counter, last + 1);
	return true;
}

/* What arrives says where it came from. */
static bool name_of_message(int path)
{
	struct sockaddr_stt from;
	socklen_t len = sizeof(from);
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	f = peer_next(&d.p, "hello", 5);
	f.stream = 77;
	f.kind = 0x93;
	check(peer_send_frame(&d.p, &f));
	memset(&from, 0xaa, sizeof(from));
	check_is(recvfrom(d.fd, buffer, 100, 0, (struct sockaddr *)&from, &len), 5);
	check_is(len, sizeof(from));
	check_is(from.sstt_family, stt_family());
	check_is(from.sstt_node, d.k.node);
	check(from.sstt_session == ID);
	check_is(from.sstt_stream, 77);
	check_is(from.sstt_type, 0x93);
	check_is(from.sstt_flags, 0);
	check_is(from.__sstt_reserved, 0);
	return true;
}

/* Frames of many sessions arrive each in its own. */
static bool sessions_apart(int path)
{
	struct sides l;
	int in[20], out[20];

	check(sides_open(&l, path, ID));
	for (int i = 0; i < 20; i++) {
		check_is(side_session(&l.a, i + 1, &l.b.addr), 0);
		check_is(side_session(&l.b, i + 1, &l.a.addr), 0);
		out[i] = stt_connected(&l.a, i + 1, 0);
		in[i] = stt_connected(&l.b, i + 1, 0);
		check(out[i] >= 0 && in[i] >= 0);
	}
	for (int i = 0; i < 20; i++)
		check_is(send(out[i], &i, sizeof(i), 0), sizeof(i));
	for (int i = 19; i >= 0; i--) {
		check(receives(in[i], &i, sizeof(i)));
		check(is_empty(in[i]));
	}
	return true;
}

static const struct test tests[] = {
	{ "A16 node to node, IPv4", nodes, PATH_V4 },
	{ "A16 node to node, IPv6", nodes, PATH_V6 },
	{ "A16 node to node, dual-stack socket and IPv4 peer", nodes, PATH_MIXED },
	{ "A16 node to node, IPv4 loopback", nodes, PATH_LO4 },
	{ "A16 node to node, IPv6 loopback", nodes, PATH_LO6 },
	{ "A16 node to libsodium, IPv4", libsodium, PATH_V4 },
	{ "A16 node to libsodium, IPv6", libsodium, PATH_V6 },
	{ "A16 node to libsodium, dual-stack socket and IPv4 peer", libsodium, PATH_MIXED },
	{ "A16 node to libsodium, IPv4 loopback", libsodium, PATH_LO4 },
	{ "A16 node to libsodium, IPv6 loopback", libsodium, PATH_LO6 },
	{ "A16 frames sent are byte-exact, counters from 0 by 1, IPv4", frames_out, PATH_V4 },
	{ "A16 frames sent are byte-exact, counters from 0 by 1, IPv6", frames_out, PATH_V6 },
	{ "A29 each frame has exactly 40 bytes of overhead", overhead, PATH_V4 },
	{ "A29 no counter is used twice, refused sends included", counters_grow, PATH_V4 },
	{ "R12 a message comes with session, stream and type", name_of_message, PATH_V6 },
	{ "R12 twenty sessions, each message in its own", sessions_apart, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
