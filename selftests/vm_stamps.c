// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * A22: receive timestamps. They tell when the datagram came, not when somebody
 * read it: of a batch all have that of the batch, a message of many frames has
 * that of its first frame.
 */
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "lib/peer.h"

#define ID 0x57a3b5ULL
#define LEN 100
#define BATCH 6

static uint8_t text[LEN];

/* What recvmsg() returned: bytes, and the control message that was asked for. */
struct got {
	ssize_t len;
	bool there;
	uint8_t value[sizeof(struct scm_timestamping)];
};

static struct got receive(int fd, int type)
{
	static uint8_t buf[BATCH * LEN];
	_Alignas(struct cmsghdr) char control[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct got got = { .len = recvmsg(fd, &msg, 0) };

	if (got.len < 0)
		return got;
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(&msg); cm; cm = CMSG_NXTHDR(&msg, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != type)
			continue;
		got.there = true;
		memcpy(got.value, CMSG_DATA(cm), cm->cmsg_len - CMSG_LEN(0));
	}
	return got;
}

static uint64_t nanoseconds(struct timespec ts)
{
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return nanoseconds(ts);
}

/* The next message of @fd has @len bytes, and the stamp that is returned; 0: not so. */
static uint64_t stamp(int fd, ssize_t len)
{
	struct got got = receive(fd, SCM_TIMESTAMPING);
	struct scm_timestamping ts;

	memcpy(&ts, got.value, sizeof(ts));
	/* The second is of no use any more, the third is the hardware's. */
	if (got.len != len || !got.there || nanoseconds(ts.ts[1]) || nanoseconds(ts.ts[2]))
		return 0;
	return nanoseconds(ts.ts[0]);
}

/*
 * From here on the socket tells stamps. The stack begins a moment later to take
 * them, so frames are sent until one has one.
 */
static bool stamps_on(int fd, struct peer *p, const struct frame *f)
{
	int what = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;

	check_is(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &what, sizeof(what)), 0);
	for (int i = 0; i < 1000; i++) {
		if (f)
			check(peer_raw(p, f->payload, f->len));
		else
			check(peer_send(p, text, LEN));
		if (receive(fd, SCM_TIMESTAMPING).there)
			return true;
	}
	return false;
}

static bool open_duo(struct duo *d, int path)
{
	check(duo_open(d, path, ID));
	check(peer_send(&d->p, text, LEN));
	check(!receive(d->fd, SCM_TIMESTAMPING).there);
	return stamps_on(d->fd, &d->p, NULL);
}

static bool one(int path)
{
	struct duo d;

	check(open_duo(&d, path));
	for (int i = 0; i < 20; i++) {
		uint64_t before = now(), after, at;

		check(peer_send(&d.p, text, i));
		check(readable(d.fd, TIMEOUT_MS));
		after = now();
		at = stamp(d.fd, i);
		check(at >= before && at <= after);
	}
	return true;
}

/* Frames as a batch; @last: they are one message of so many more frames. */
static bool send_frames(struct duo *d, uint8_t last)
{
	const size_t step = LEN + FRAME_OVERHEAD;
	uint8_t bytes[BATCH * (LEN + FRAME_OVERHEAD)];

	for (unsigned int i = 0; i < BATCH; i++) {
		struct frame f = peer_next(&d->p, text, LEN);

		f.last = last;
		f.frag = last ? i : 0;
		peer_seal(&d->p, bytes + i * step, &f);
	}
	return peer_send_batch(&d->p, bytes, sizeof(bytes), step);
}

static bool batch(int path)
{
	uint64_t before, after, at;
	int on = 1;
	struct duo d;

	check(open_duo(&d, path));
	before = now();
	check(send_frames(&d, 0));
	check(readable(d.fd, TIMEOUT_MS));
	after = now();
	at = stamp(d.fd, LEN);
	check(at >= before && at <= after);
	for (int i = 1; i < BATCH; i++)
		check(stamp(d.fd, LEN) == at);

	check_is(setsockopt(d.fd, SOL_STT, STT_GRO, &on, sizeof(on)), 0);
	check(send_frames(&d, 0));
	check(readable(d.fd, TIMEOUT_MS));
	before = after;
	after = now();
	at = stamp(d.fd, BATCH * LEN);
	check(at >= before && at <= after);
	return true;
}

static bool joined_from_batch(int path)
{
	uint64_t before, after, at;
	struct duo d;

	check(open_duo(&d, path));
	before = now();
	check(send_frames(&d, BATCH - 1));
	check(readable(d.fd, TIMEOUT_MS));
	after = now();
	at = stamp(d.fd, BATCH * LEN);
	check(at >= before && at <= after);
	return true;
}

/* The first frame comes second. */
static bool joined(int path)
{
	static const uint8_t order[] = { 1, 0, 2 };
	uint64_t times[ARRAY_SIZE(order) + 1], first, at;
	struct duo d;

	check(open_duo(&d, path));
	first = d.p.counter;
	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++) {
		struct frame f = peer_next(&d.p, text, LEN);

		f.counter = first + order[i];
		f.frag = order[i];
		f.last = ARRAY_SIZE(order) - 1;
		times[i] = now();
		check(peer_send_frame(&d.p, &f));
	}
	times[ARRAY_SIZE(order)] = now();
	at = stamp(d.fd, ARRAY_SIZE(order) * LEN);
	check(at >= times[1] && at <= times[2]);
	return true;
}

static bool handshake(int path)
{
	static const uint8_t hello[STT_HS_HELLO_LEN] = { STT_FRAME_HELLO };
	const struct frame f = { .payload = hello, .len = sizeof(hello) };
	struct sockaddr_stt addr;
	uint64_t before, after, at;
	struct duo d;
	int fd;

	check(duo_open(&d, path, ID));
	addr = stt_at(&d.k, 0, 0);
	addr.sstt_type = STT_MSG_HANDSHAKE;
	fd = stt_socket(path, 0);
	check_is(stt_bind_at(fd, &addr), 0);
	check(stamps_on(fd, &d.p, &f));
	before = now();
	check(peer_raw(&d.p, hello, sizeof(hello)));
	check(readable(fd, TIMEOUT_MS));
	after = now();
	at = stamp(fd, sizeof(hello));
	check(at >= before && at <= after);
	return true;
}

/* The older options. They fill in the time where the stack has not taken it yet. */
static bool old_options(int path)
{
	struct timespec ts;
	struct timeval tv;
	uint64_t before, at;
	struct got got;
	int on = 1;
	struct duo d;

	check(duo_open(&d, path, ID));
	before = now();
	check_is(setsockopt(d.fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)), 0);
	check(peer_send(&d.p, text, LEN));
	got = receive(d.fd, SO_TIMESTAMP);
	check(got.there);
	memcpy(&tv, got.value, sizeof(tv));
	at = tv.tv_sec * 1000000ULL + tv.tv_usec;
	check(at >= before / 1000 && at <= now() / 1000);

	check_is(setsockopt(d.fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)), 0);
	check(peer_send(&d.p, text, LEN));
	got = receive(d.fd, SO_TIMESTAMPNS);
	check(got.there);
	memcpy(&ts, got.value, sizeof(ts));
	check(nanoseconds(ts) >= before && nanoseconds(ts) <= now());
	return true;
}

static const struct test tests[] = {
	{ "A22 SO_TIMESTAMP and SO_TIMESTAMPNS", old_options, PATH_V4 },
	{ "A22 SO_TIMESTAMPING: when it came, IPv4", one, PATH_V4 },
	{ "A22 SO_TIMESTAMPING: when it came, IPv6", one, PATH_V6 },
	{ "A22 SO_TIMESTAMPING: messages of a batch, and as a run, IPv4", batch, PATH_V4 },
	{ "A22 SO_TIMESTAMPING: messages of a batch, and as a run, IPv6", batch, PATH_V6 },
	{ "A22 SO_TIMESTAMPING: a message of many frames: its first frame", joined, PATH_V4 },
	{ "A22 SO_TIMESTAMPING: a message of many frames in one batch", joined_from_batch, PATH_V4 },
	{ "A22 SO_TIMESTAMPING: a handshake datagram, IPv4", handshake, PATH_V4 },
	{ "A22 SO_TIMESTAMPING: a handshake datagram, IPv6", handshake, PATH_V6 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
