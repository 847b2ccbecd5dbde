// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/runs.c */
/*
 * Many messages in one sendmsg() (STT_SEGMENT), many in one recvmsg() (STT_GRO),
 * and what a batch on the wire is for readers who asked for neither.
 */
#include <linux/filter.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/peer.h"
#include "lib/runs.h"

#define ID 0x1122334455667788ULL

static uint8_t message[STT_MESSAGE_MAX + 1];
static uint8_t buffer[STT_MESSAGE_MAX + 1];
static uint8_t raw[FRAME_MAX];

static bool set_opt(int fd, int opt, int value)
{
	check_is(setsockopt(fd, SOL_STT, opt, &value, sizeof(value)), 0);
	return true;
}

static bool two_ends(struct sides *l, int path, int *a, int *b)
{
	check(sides_open(l, path, ID));
	*a = stt_connected(&l->a, ID, 7);
	*b = stt_connected(&l->b, ID, 7);
	check(*a >= 0 && *b >= 0);
	randombytes_buf(message, sizeof(message));
	return true;
}

/* Each message by itself, from @fd: @n bytes in pieces of @size. */
static bool comes_one_by_one(int fd, size_t n, size_t size)
{
	for (size_t off = 0; off < n; off += size)
		check(receives(fd, message + off, n - off < size ? n - off : size));
	check(is_empty(fd));
	return true;
}

struct shape {
	size_t n, size;
	unsigned int messages;
};

static const struct shape shapes[] = {
	{ 64 * 64, 64, 64 }, { 44 * 1380, 1380, 44 }, { 64 * 1024, 1024, 64 }, { 2, 1, 2 },
	{ 1400 * 3 + 1, 1400, 4 }, { 65536, 1200, 55 }, { 1300, 1299, 2 }, { 100, 100, 1 },
	{ 5, 1000, 1 }, { 63 * 512, 512, 63 }, { 64, 1, 64 },
};

static bool one_by_one(int path)
{
	uint64_t frames = 0, bytes = 0;
	struct sides l;
	int a, b;

	check(two_ends(&l, path, &a, &b));
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		check(set_opt(a, STT_SEGMENT, (int)shapes[i].size));
		check_is(send(a, message, shapes[i].n, 0), shapes[i].n);
		check(comes_one_by_one(b, shapes[i].n, shapes[i].size));
		frames += shapes[i].messages;
		bytes += shapes[i].n;
	}
	check_is(session_stat(&l.a, ID, STT_A_STATS_TX_FRAMES), frames);
	check_is(session_stat(&l.b, ID, STT_A_STATS_RX_FRAMES), frames);
	check_is(session_stat(&l.b, ID, STT_A_STATS_RX_BYTES), bytes);
	return true;
}

static bool in_runs(int path)
{
	struct sides l;
	unsigned int calls;
	int a, b;

	check(two_ends(&l, path, &a, &b));
	check(set_opt(b, STT_GRO, 1));
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		check(set_opt(a, STT_SEGMENT, (int)shapes[i].size));
		check_is(send(a, message, shapes[i].n, 0), shapes[i].n);
		check(comes_in_runs(b, message, shapes[i].n, shapes[i].size, &calls));
		/* A batch stays one: a few calls take all. */
		check(calls <= 4);
	}
	return true;
}

/* What has come in by the loopback device, or -1. */
static long long packets(void)
{
	FILE *f = fopen("/proc/thread-self/net/dev", "re");
	char line[300];
	long long n = -1;

	while (f && fgets(line, sizeof(line), f) && n < 0)
		if (sscanf(line, " lo: %*u %lld", &n) != 1)
			n = -1;
	if (f)
		fclose(f);
	return n;
}

/* A call is one packet from end to end, as UDP with GSO has it. */
static bool one_packet(int path)
{
	struct sides l;
	long long before;
	int a, b;

	check(two_ends(&l, path, &a, &b));
	check(enter(path, 0));
	for (size_t i = 0; i < 2; i++) {
		check(set_opt(a, STT_SEGMENT, (int)shapes[i].size));
		before = packets();
		check(before >= 0);
		check_is(send(a, message, shapes[i].n, 0), shapes[i].n);
		check(comes_one_by_one(b, shapes[i].n, shapes[i].size));
		check_is(packets() - before, 1);
	}
	return true;
}

/* The size in a control message is for one call, and overrides the option. */
static bool by_cmsg(int path)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = message, .iov_len = 900 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct sides l;
	int a, b, size = 300;

	check(two_ends(&l, path, &a, &b));
	check(set_opt(a, STT_SEGMENT, 450));
	cmsg->cmsg_level = SOL_STT;
	cmsg->cmsg_type = STT_CMSG_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
	check_is(sendmsg(a, &msg, 0), 900);
	check(comes_one_by_one(b, 900, 300));
	check_is(send(a, message, 900, 0), 900);
	check(comes_one_by_one(b, 900, 450));
	size = 0;
	memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
	check_is(sendmsg(a, &msg, 0), 900);
	check(comes_one_by_one(b, 900, 900));
	cmsg->cmsg_len = CMSG_LEN(2);
	check_fails(sendmsg(a, &msg, 0), EINVAL);
	cmsg->cmsg_len = CMSG_LEN(sizeof(size));
	cmsg->cmsg_type = STT_CMSG_PEER_ADDR;
	check_fails(sendmsg(a, &msg, 0), EINVAL);
	cmsg->cmsg_type = STT_CMSG_SEGMENT;
	size = -1;
	memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
	check_fails(sendmsg(a, &msg, 0), EINVAL);
	check(is_empty(b));
	return true;
}

static bool limits(int path)
{
	socklen_t len = sizeof(int);
	struct sides l;
	int a, b, value = -1;

	check(two_ends(&l, path, &a, &b));
	check_fails(setsockopt(a, SOL_STT, STT_SEGMENT, &value, sizeof(value)), EINVAL);
	check_fails(setsockopt(a, SOL_STT, STT_GRO, &value, sizeof(value)), EINVAL);
	value = 65537;
	check_fails(setsockopt(a, SOL_STT, STT_SEGMENT, &value, sizeof(value)), EINVAL);
	check_fails(setsockopt(a, SOL_STT, STT_SEGMENT, &value, 2), EINVAL);
	check_fails(setsockopt(a, SOL_STT, STT_MTU, &value, sizeof(value)), ENOPROTOOPT);
	check_is(getsockopt(a, SOL_STT, STT_SEGMENT, &value, &len), 0);
	check_is(value, 0);
	/* A segment is never split, and one call has 64 of them at most. */
	check(set_opt(a, STT_SEGMENT, 1433));
	check_fails(send(a, message, 2866, 0), EMSGSIZE);
	check(set_opt(a, STT_SEGMENT, 10));
	check_fails(send(a, message, 641, 0), EMSGSIZE);
	check_is(getsockopt(a, SOL_STT, STT_SEGMENT, &value, &len), 0);
	check_is(value, 10);
	check_is(send(a, message, 640, 0), 640);
	check(comes_one_by_one(b, 640, 10));
	return true;
}

/* Frames with consecutive counters, each with its own tag, to the byte. */
static bool on_the_wire(int path)
{
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	randombytes_buf(message, sizeof(message));
	check(set_opt(d.fd, STT_SEGMENT, 100));
	check_is(send(d.fd, message, 1050, 0), 1050);
	for (unsigned int i = 0; i < 11; i++) {
		check(peer_recv(&d.p, &f, buffer, raw));
		check_is(f.counter, i);
		check_is(f.frag, 0);
		check_is(f.last, 0);
		check_is(f.len, i < 10 ? 100 : 50);
		check(!memcmp(f.payload, message + i * 100, f.len));
	}
	return true;
}

/* Frames of the peer as one batch: @n of them, @len bytes of payload each. */
struct wire_batch {
	uint8_t bytes[FRAME_MAX];
	size_t len, step;
};

static void batch_add(struct wire_batch *w, const struct peer *p, const struct frame *f)
{
	size_t n = peer_seal(p, w->bytes + w->len, f);

	if (!w->len)
		w->step = n;
	w->len += n;
}

static bool batch_send(struct wire_batch *w, const struct peer *p)
{
	size_t len = w->len;

	w->len = 0;
	return peer_send_batch(p, w->bytes, len, w->step);
}

/* Good frames in a batch are not hurt by bad ones, of whatever sort. */
static bool bad_among_good(int path)
{
	static struct wire_batch w;
	uint8_t text[100];
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	for (unsigned int i = 0; i < 20; i++) {
		size_t at = w.len;

		memset(text, (int)i, sizeof(text));
		f = peer_next(&d.p, text, sizeof(text));
		if (i == 9)
			f.counter = 3;		/* sent before, in this batch */
		if (i == 11)
			f.epoch = 5;
		if (i == 13)
			f.flags = 1;
		if (i == 15)
			f.session = 99;
		batch_add(&w, &d.p, &f);
		if (i == 5)
			w.bytes[at + 30] ^= 1;
		if (i == 7)
			w.bytes[at] = 0x77;
		if (i == 17)
			w.bytes[at + 139] ^= 0x80;
	}
	check(batch_send(&w, &d.p));
	for (unsigned int i = 0; i < 20; i++) {
		if (i > 4 && i % 2 && i < 18)
			continue;
		memset(text, (int)i, sizeof(text));
		check(receives(d.fd, text, sizeof(text)));
	}
	check(is_empty(d.fd));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), 2);
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_REPLAYED), 1);
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_NO_EPOCH), 1);
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_INNER), 1);
	check_is(node_stat(&d.k, STT_A_STATS_DROP_NO_SESSION), 1);
	check_is(session_stat(&d.k, ID, STT_A_STATS_RX_FRAMES), 13);
	return true;
}

/* Streams, kinds and a heartbeat mixed in one batch: each as it was sent. */
static bool mixed_batch(int path)
{
	static struct wire_batch w;
	struct sockaddr_stt from;
	socklen_t len;
	uint8_t text[60];
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	check(set_opt(d.fd, STT_GRO, 1));
	for (unsigned int i = 0; i < 30; i++) {
		memset(text, (int)i, sizeof(text));
		f = peer_next(&d.p, text, sizeof(text));
		f.stream = i % 3;
		f.kind = i < 15 ? STT_MSG_DATA : 0x80 + i;
		batch_add(&w, &d.p, &f);
	}
	f = peer_next(&d.p, NULL, 0);
	f.kind = STT_KIND_HEARTBEAT;
	batch_add(&w, &d.p, &f);
	check(batch_send(&w, &d.p));
	for (unsigned int i = 0; i < 30; i++) {
		len = sizeof(from);
		check_is(recvfrom(d.fd, buffer, 60, 0, (struct sockaddr *)&from, &len), 60);
		check_is(from.sstt_stream, i % 3);
		check_is(from.sstt_type, i < 15 ? STT_MSG_DATA : 0x80 + i);
		check_is(buffer[0], i);
		check_is(buffer[59], i);
	}
	check(is_empty(d.fd));
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT_ACK, NULL, 0));
	return true;
}

/* A close that came with the data before it does not overtake it. */
static bool close_behind_data(int path)
{
	static struct wire_batch w;
	uint8_t text[100], reason = 3;
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	for (unsigned int i = 0; i < 5; i++) {
		memset(text, (int)i, sizeof(text));
		f = peer_next(&d.p, text, sizeof(text));
		batch_add(&w, &d.p, &f);
	}
	f = peer_next(&d.p, &reason, 1);
	f.kind = STT_KIND_SESSION_CLOSE;
	batch_add(&w, &d.p, &f);
	check(batch_send(&w, &d.p));
	for (unsigned int i = 0; i < 5; i++) {
		memset(text, (int)i, sizeof(text));
		check(receives(d.fd, text, sizeof(text)));
	}
	check_fails(recv(d.fd, text, 1, 0), ECONNRESET);
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_NO_READER), 0);
	return true;
}

/* A reader that asked for runs, but gives little room, gets whole messages. */
static bool little_room(int path)
{
	struct sides l;
	int a, b, n;

	check(two_ends(&l, path, &a, &b));
	check(set_opt(b, STT_GRO, 1));
	check(set_opt(a, STT_SEGMENT, 100));
	check_is(send(a, message, 1000, 0), 1000);
	check_is(recv(b, buffer, 250, MSG_PEEK), 200);
	check_is(recv(b, buffer, 250, 0), 200);
	check(!memcmp(buffer, message, 200));
	check_is(ioctl(b, FIONREAD, &n), 0);
	check_is(n, 100);
	check_is(recv(b, buffer, 199, 0), 100);
	check(!memcmp(buffer, message + 200, 100));
	check_is(recv(b, buffer, 30, MSG_TRUNC), 100);
	check(set_opt(b, STT_GRO, 0));
	check_is(recv(b, buffer, sizeof(buffer), 0), 100);
	check(!memcmp(buffer, message + 400, 100));
	check(set_opt(b, STT_GRO, 1));
	check_is(recv(b, buffer, sizeof(buffer), 0), 500);
	check(!memcmp(buffer, message + 500, 500));
	check(is_empty(b));
	return true;
}

/* Ten readers that wait, one batch of ten: each gets one, at once. */
static bool all_waiters(int path)
{
	struct worker w[10];
	struct sides l;
	int a, b;

	check(two_ends(&l, path, &a, &b));
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		check(worker_start(&w[i], block_recv, &b));
		check(worker_blocked(&w[i]));
	}
	check(set_opt(a, STT_SEGMENT, 1));
	check_is(send(a, message, ARRAY_SIZE(w), 0), ARRAY_SIZE(w));
	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		check_is(worker_join(&w[i]), 1);
	check(is_empty(b));
	return true;
}

/* Edge-triggered: one edge, then messages until EAGAIN; the next batch, the next edge. */
static bool edges(int path)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct sides l;
	int a, b, ep = keep(epoll_create1(0));

	check(two_ends(&l, path, &a, &b));
	check_is(epoll_ctl(ep, EPOLL_CTL_ADD, b, &ev), 0);
	check(set_opt(a, STT_SEGMENT, 10));
	for (int round = 0; round < 3; round++) {
		check_is(send(a, message, 100, 0), 100);
		check_is(epoll_wait(ep, &ev, 1, TIMEOUT_MS), 1);
		for (int i = 0; i < 10; i++)
			check_is(recv(b, buffer, 100, MSG_DONTWAIT), 10);
		check_fails(recv(b, buffer, 100, MSG_DONTWAIT), EAGAIN);
	}
	return true;
}

/* A filter on the plaintext sees each message: here, those that begin with 1. */
static bool filtered(int path)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	struct sides l;
	int a, b;

	check(two_ends(&l, path, &a, &b));
	check_is(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), 0);
	check(set_opt(a, STT_SEGMENT, 50));
	for (int i = 0; i < 10; i++)
		message[i * 50] = i % 2;
	check_is(send(a, message, 500, 0), 500);
	for (int i = 1; i < 10; i += 2)
		check(receives(b, message + i * 50, 50));
	check(is_empty(b));
	check_is(session_stat(&l.b, ID, STT_A_STATS_DROP_FILTER), 5);
	check_is(socket_drops(b), 5);
	return true;
}

/* Nobody reads: what does not fit is counted message by message, then all is well. */
static bool flood(int path)
{
	uint64_t got = 0, dropped;
	struct sides l;
	int a, b;

	check(two_ends(&l, path, &a, &b));
	check(set_opt(a, STT_SEGMENT, 1000));
	for (int i = 0; i < 100; i++)
		check_is(send(a, message, 40000, 0), 40000);
	while (recv(b, buffer, 1000, MSG_DONTWAIT) == 1000)
		got++;
	dropped = session_stat(&l.b, ID, STT_A_STATS_DROP_RCVBUF);
	check(got >= 40 && dropped);
	check_is(got + dropped, 4000);
	check_is(send(a, message, 40000, 0), 40000);
	check(comes_one_by_one(b, 40000, 1000));
	return true;
}

/* The room of the sender is small: a large call goes through all the same. */
static bool small_sndbuf(int path)
{
	struct sides l;
	int a, b, room = 1;

	check(two_ends(&l, path, &a, &b));
	check_is(setsockopt(a, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	check(set_opt(a, STT_SEGMENT, 1200));
	for (int i = 0; i < 3; i++) {
		check_is(send(a, message, 60000, 0), 60000);
		check(comes_one_by_one(b, 60000, 1200));
	}
	check(set_opt(a, STT_SEGMENT, 0));
	check_is(send(a, message, 65536, 0), 65536);
	check(receives(b, message, 65536));
	return true;
}

static const struct test tests[] = {
	{ "A16 one call, many messages, read one by one, IPv4", one_by_one, PATH_V4 },
	{ "A16 one call, many messages, read one by one, IPv6", one_by_one, PATH_V6 },
	{ "A16 one call, many messages, read one by one, loopback", one_by_one, PATH_LO4 },
	{ "A16 one call, many messages, read in runs, IPv4", in_runs, PATH_V4 },
	{ "A16 one call, many messages, read in runs, IPv6", in_runs, PATH_V6 },
	{ "A16 one call, many messages, read in runs, IPv4 loopback", in_runs, PATH_LO4 },
	{ "A16 one call, many messages, read in runs, IPv6 loopback", in_runs, PATH_LO6 },
	{ "A16 one call, many messages: one packet, IPv4", one_packet, PATH_LO4 },
	{ "A16 one call, many messages: one packet, IPv6", one_packet, PATH_LO6 },
	{ "A16 the segment size as a control message", by_cmsg, PATH_V4 },
	{ "A16 what is refused of segments", limits, PATH_V4 },
	{ "A29 a batch is frames as any others", on_the_wire, PATH_V4 },
	{ "A24 A25 A26 bad frames in a batch hurt no good ones", bad_among_good, PATH_LO4 },
	{ "A24 A25 A26 bad frames in a batch hurt no good ones, IPv6", bad_among_good, PATH_LO6 },
	{ "A21 streams and kinds mixed in a batch", mixed_batch, PATH_LO4 },
	{ "R12 a close in a batch does not overtake the data", close_behind_data, PATH_LO4 },
	{ "A22 peek, truncation, little room, half a run", little_room, PATH_V4 },
	{ "A22 a batch wakes all readers that wait", all_waiters, PATH_V4 },
	{ "A22 edge-triggered epoll and batches", edges, PATH_V4 },
	{ "A22 a socket filter sees each message of a batch", filtered, PATH_V4 },
	{ "A23 a flood of batches, and nobody reads", flood, PATH_V4 },
	{ "A23 a small send buffer, and large calls", small_sndbuf, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
