// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/user.c */
/*
 * A31: messages of many frames, whose frames are lost, doubled, out of order,
 * mixed with others, contradictory, or never end. The right message or none
 * arrives, and the memory is bounded.
 */
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"
#include "lib/sysctl.h"
#include "lib/user.h"

#define ID 0x1122334455667788ULL
#define PIECE 1000
#define LAST 9			/* ten frames */
#define LEN (LAST * PIECE + 7)

static uint8_t message[STT_MESSAGE_MAX];
static uint8_t other[STT_MESSAGE_MAX];

static void fill(void)
{
	randombytes_buf(message, sizeof(message));
	randombytes_buf(other, sizeof(other));
}

/* Frame @i of a message, whose first frame has the counter @first. */
static struct frame piece(const struct peer *p, const uint8_t *bytes, uint64_t first,
			  unsigned int i)
{
	return (struct frame) {
		.epoch = p->epoch, .counter = first + i, .session = p->session,
		.kind = STT_MSG_DATA, .frag = (uint8_t)i, .last = LAST,
		.payload = bytes + i * PIECE, .len = i < LAST ? PIECE : LEN - LAST * PIECE,
	};
}

static bool send_piece(struct peer *p, const uint8_t *bytes, uint64_t first, unsigned int i)
{
	struct frame f = piece(p, bytes, first, i);

	if (p->counter <= f.counter)
		p->counter = f.counter + 1;
	return peer_send_frame(p, &f);
}

static bool open_duo(struct duo *d, int path)
{
	fill();
	return duo_open(d, path, ID);
}

static uint64_t dropped(const struct duo *d)
{
	return session_stat(&d->k, ID, STT_A_STATS_DROP_FRAGMENT);
}

static bool in_order_of(int path, const uint8_t order[LAST + 1])
{
	struct duo d;

	check(open_duo(&d, path));
	for (int round = 0; round < 3; round++) {
		uint64_t first = d.p.counter;

		for (unsigned int i = 0; i <= LAST; i++) {
			check(is_empty(d.fd));
			check(send_piece(&d.p, message, first, order[i]));
		}
		check(receives(d.fd, message, LEN));
	}
	check(is_empty(d.fd));
	check_is(dropped(&d), 0);
	return true;
}

static bool backwards(int path)
{
	return in_order_of(path, (uint8_t[]){ 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 });
}

static bool shuffled(int path)
{
	return in_order_of(path, (uint8_t[]){ 4, 0, 9, 2, 7, 1, 8, 3, 6, 5 });
}

/* Two messages at once, and ordinary ones between their frames. */
static bool interleaved(int path)
{
	struct frame f;
	struct duo d;

	check(open_duo(&d, path));
	for (unsigned int i = 0; i <= LAST; i++) {
		check(send_piece(&d.p, message, 100, i));
		check(send_piece(&d.p, other, 200, LAST - i));
		f = peer_next(&d.p, &i, sizeof(i));
		f.counter = 300 + i;
		check(peer_send_frame(&d.p, &f));
	}
	for (unsigned int i = 0; i < LAST; i++)
		check(receives(d.fd, &i, sizeof(i)));
	check(receives(d.fd, message, LEN));
	check(receives(d.fd, other, LEN));
	check(is_empty(d.fd) == false);
	check(receives(d.fd, &(unsigned int){ LAST }, sizeof(unsigned int)));
	check_is(dropped(&d), 0);
	return true;
}

/* A frame is missing for good: silence; it comes too late: silence. */
static bool one_lost(int path)
{
	struct duo d;

	check(open_duo(&d, path));
	for (unsigned int lost = 0; lost <= LAST; lost++) {
		uint64_t first = 100 * (lost + 1);

		for (unsigned int i = 0; i <= LAST; i++)
			check(i == lost || send_piece(&d.p, message, first, i));
	}
	check(is_empty(d.fd));
	check(duo_quiet(&d));
	/* The limit of time is over: all are given up. */
	while (dropped(&d) < LAST * (LAST + 1))
		check(!readable(d.fd, 100));
	check_is(dropped(&d), LAST * (LAST + 1));
	check(send_piece(&d.p, message, 100, 0));
	check(duo_quiet(&d));
	return true;
}

/* A frame that comes again is a replay; the message is whole all the same. */
static bool doubled(int path)
{
	struct duo d;

	check(open_duo(&d, path));
	for (unsigned int i = 0; i <= LAST; i++) {
		check(send_piece(&d.p, message, 0, i));
		check(send_piece(&d.p, message, 0, i));
	}
	check(receives(d.fd, message, LEN));
	check(is_empty(d.fd));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_REPLAYED), LAST + 1);
	return true;
}

/* A frame of the same message that says something else: the message is gone. */
static bool contradicts(struct duo *d, void (*spoil)(struct frame *f))
{
	uint64_t first = d->p.counter, before = dropped(d);
	struct frame f;

	for (unsigned int i = 0; i <= 4; i++)
		check(send_piece(&d->p, message, first, i));
	f = piece(&d->p, message, first, 5);
	spoil(&f);
	check(peer_send_frame(&d->p, &f));
	d->p.counter = first + LAST + 1;
	check(duo_quiet(d));
	check_is(dropped(d), before + 6);
	return true;
}

static void other_stream(struct frame *f)
{
	f->stream = 1;
}

static void other_kind(struct frame *f)
{
	f->kind = 0x99;
}

static void other_last(struct frame *f)
{
	f->last = LAST + 1;
}

/* By its counter it is of the same message, by its index it is there already. */
static void same_index(struct frame *f)
{
	f->epoch = 0;
	f->last = 5;
}

static bool contradictory(int path)
{
	struct duo d;

	check(open_duo(&d, path));
	check(contradicts(&d, other_stream));
	check(contradicts(&d, other_kind));
	check(contradicts(&d, other_last));
	check(contradicts(&d, same_index));
	return true;
}

/* What no frame may say: refused at once, nothing is remembered. */
static bool senseless(int path)
{
	struct frame f;
	struct duo d;

	check(open_duo(&d, path));
	f = peer_next(&d.p, message, 10);
	f.frag = 2;
	f.last = 1;
	check(peer_send_frame(&d.p, &f));
	/* The first frame would have had a counter below zero. */
	f = peer_next(&d.p, message, 10);
	f.frag = 5;
	f.last = 9;
	check(peer_send_frame(&d.p, &f));
	/* A frame of many with nothing in it. */
	f = peer_next(&d.p, NULL, 0);
	f.last = 1;
	check(peer_send_frame(&d.p, &f));
	/* The module's own are never many. */
	f = peer_next(&d.p, NULL, 0);
	f.kind = STT_KIND_HEARTBEAT;
	f.last = 1;
	check(peer_send_frame(&d.p, &f));
	check(duo_quiet(&d));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_INNER), 4);
	check_is(dropped(&d), 0);
	return true;
}

/* 256 frames of 257 bytes: more than a message may have. */
static bool too_long(int path)
{
	struct frame f;
	struct duo d;

	check(open_duo(&d, path));
	for (unsigned int i = 0; i < 256; i++) {
		f = peer_next(&d.p, message + i * 255, 257);
		f.frag = (uint8_t)i;
		f.last = 255;
		check(peer_send_frame(&d.p, &f));
	}
	check(duo_quiet(&d));
	check(dropped(&d) >= 255);
	/* And 256 of 256 are the longest there is. */
	for (unsigned int i = 0; i < 256; i++) {
		f = peer_next(&d.p, message + i * 256, 256);
		f.frag = (uint8_t)i;
		f.last = 255;
		check(peer_send_frame(&d.p, &f));
	}
	check(receives(d.fd, message, 65536));
	return true;
}

/* Ever new messages that never end: the oldest make room, the newest lives. */
static bool never_finished(int path)
{
	struct frame f;
	struct duo d;

	check(open_duo(&d, path));
	for (unsigned int i = 0; i < 5000; i++) {
		f = piece(&d.p, message, 20 * i, 0);
		check(peer_send_frame(&d.p, &f));
	}
	check(dropped(&d) >= 5000 - 64);
	d.p.counter = 20 * 5000;
	for (unsigned int i = 0; i <= LAST; i++)
		check(send_piece(&d.p, other, 20 * 5000, i));
	check(receives(d.fd, other, LEN));
	check(duo_quiet(&d));
	while (dropped(&d) < 5000)
		check(!readable(d.fd, 100));
	check_is(dropped(&d), 5000);
	return true;
}

/* The session ends with incomplete messages: all is given back (kmemleak sees). */
static bool ends_incomplete(int path)
{
	uint8_t reason = 0;
	struct frame f;
	struct duo d;

	check(open_duo(&d, path));
	for (unsigned int i = 0; i < 20; i++)
		check(send_piece(&d.p, message, 100 * i, 3));
	check_is(dropped(&d), 0);
	f = peer_next(&d.p, &reason, 1);
	f.kind = STT_KIND_SESSION_CLOSE;
	check(peer_send_frame(&d.p, &f));
	check_is(dropped(&d), 20);
	check_fails(recv(d.fd, message, 1, 0), ECONNRESET);

	check(open_duo(&d, path));
	for (unsigned int i = 0; i < 20; i++)
		check(send_piece(&d.p, message, 100 * i, 3));
	check_is(stt_ctl_session_del(d.k.ctl, d.k.node, ID, 0), 0);
	return true;
}

/* Two sessions, whose messages have the same counters. */
static bool two_sessions(int path)
{
	struct peer second;
	struct duo d;
	int fd;

	check(open_duo(&d, path));
	second = d.p;
	second.session = ID + 1;
	check_is(side_session(&d.k, ID + 1, &d.p.addr), 0);
	fd = stt_connected(&d.k, ID + 1, 0);
	check(fd >= 0);
	for (unsigned int i = 0; i <= LAST; i++) {
		check(send_piece(&d.p, message, 0, i));
		check(send_piece(&second, other, 0, LAST - i));
	}
	check(receives(d.fd, message, LEN));
	check(receives(fd, other, LEN));
	check(is_empty(d.fd) && is_empty(fd));
	return true;
}

/* A message of 64 frames of 1,024 bytes. */
static bool send_long(struct peer *p)
{
	struct frame f;

	for (unsigned int i = 0; i < 64; i++) {
		f = peer_next(p, message + i * 1024, 1024);
		f.counter = i;
		f.frag = (uint8_t)i;
		f.last = 63;
		check(peer_send_frame(p, &f));
	}
	return true;
}

/* Many sessions take all they can get; one more still gets a long message. */
static bool greedy_sessions(int path)
{
	struct peer p;
	struct frame f;
	struct duo d;
	int fd;

	check(open_duo(&d, path));
	for (unsigned int n = 1; n <= 40; n++) {
		p = d.p;
		p.session = n;
		check_is(side_session(&d.k, n, &d.p.addr), 0);
		for (unsigned int i = 0; i < 64 * 8; i++) {
			f = piece(&p, message, 100 * (i / 8), i % 8);
			check(peer_send_frame(&p, &f));
		}
	}
	p.session = 41;
	check_is(side_session(&d.k, 41, &d.p.addr), 0);
	fd = stt_connected(&d.k, 41, 0);
	check(fd >= 0);
	check(send_long(&p));
	check(receives(fd, message, 65536));
	check(node_stat(&d.k, STT_A_STATS_DROP_FRAGMENT) > 0);
	check(duo_quiet(&d));
	return true;
}

static void normal_memory(void *arg)
{
	(void)arg;
	sysctl_set("reassembly_max_bytes", 16 << 20);
}

/* So many sessions have so little that nobody has more than a long message needs. */
static bool small_holders(int path)
{
	struct peer p;
	struct frame f;
	struct duo d;
	int fd;

	check(open_duo(&d, path));
	check(sysctl_set("reassembly_max_bytes", 512 << 10));
	at_end(normal_memory, NULL);
	for (unsigned int n = 1; n <= 200; n++) {
		p = d.p;
		p.session = n;
		check_is(side_session(&d.k, n, &d.p.addr), 0);
		for (unsigned int i = 0; i < 10; i++) {
			f = piece(&p, message, 100 * i, 0);
			f.len = 1;
			check(peer_send_frame(&p, &f));
		}
	}
	/* The memory is all taken: the first have lost what they had to the last. */
	check(node_stat(&d.k, STT_A_STATS_DROP_FRAGMENT) > 0);
	p.session = 1000;
	check_is(side_session(&d.k, 1000, &d.p.addr), 0);
	fd = stt_connected(&d.k, 1000, 0);
	check(fd >= 0);
	check(send_long(&p));
	check(receives(fd, message, 65536));
	check(duo_quiet(&d));
	return true;
}

/* While a message of another user comes, frames that fill the memory many times. */
static bool crowds_out(void *arg)
{
	struct duo *d = arg;
	struct peer p = d->p;
	struct frame f;
	struct side s;

	check(side_open(&s, PATH_V4, 0));
	p.to = s.addr;
	for (p.session = 1; p.session <= 4; p.session++)
		check_is(side_session(&s, p.session, &p.addr), 0);
	for (unsigned int i = 0; i < LAST; i++)
		check(send_piece(&d->p, message, 0, i));
	for (unsigned int i = 0; i < 50; i++) {
		for (p.session = 1; p.session <= 4; p.session++) {
			f = piece(&p, other, 100 * i, 0);
			f.len = 1;
			check(peer_send_frame(&p, &f));
		}
	}
	check(node_stat(&s, STT_A_STATS_DROP_FRAGMENT) > 0);
	return send_piece(&d->p, message, 0, LAST);
}

/* It had less than half, and keeps it. */
static bool other_user(int path)
{
	struct duo d;

	check(open_duo(&d, path));
	check(sysctl_set("reassembly_max_bytes", 64 << 10));
	at_end(normal_memory, NULL);
	check(as_user(USER_NOBODY, crowds_out, &d));
	check(receives(d.fd, message, LEN));
	check_is(dropped(&d), 0);
	return true;
}

/* A message that takes more than all memory is given up, and what it had is free. */
static bool larger_than_memory(int path)
{
	struct duo d;

	check(open_duo(&d, path));
	check(sysctl_set("reassembly_max_bytes", 8 << 10));
	at_end(normal_memory, NULL);
	for (unsigned int i = 0; i <= LAST; i++)
		check(send_piece(&d.p, message, 0, i));
	check(is_empty(d.fd));
	check(dropped(&d) > LAST / 2);
	check(sysctl_set("reassembly_max_bytes", 32 << 10));
	for (unsigned int i = 0; i <= LAST; i++)
		check(send_piece(&d.p, message, 100, i));
	check(receives(d.fd, message, LEN));
	return true;
}

/* A message whose frames are sealed with two keys is none. */
static bool two_epochs(int path)
{
	struct frame f;
	struct duo d;

	check(open_duo(&d, path));
	check_is(side_key(&d.k, ID, STT_DIRECTION_RX, 1), 0);
	for (unsigned int i = 0; i <= LAST; i++) {
		f = piece(&d.p, message, 0, i);
		f.epoch = i % 2;
		check(peer_send_frame(&d.p, &f));
	}
	d.p.counter = LAST + 1;
	check(duo_quiet(&d));
	return true;
}

static const struct test tests[] = {
	{ "A31 frames in reverse order", backwards, PATH_V4 },
	{ "A31 frames in any order", shuffled, PATH_V4 },
	{ "A31 frames in any order, IPv6", shuffled, PATH_V6 },
	{ "A31 two messages at once, others in between", interleaved, PATH_V4 },
	{ "A31 any one frame lost: no message, given up in time", one_lost, PATH_V4 },
	{ "A31 every frame twice: one message", doubled, PATH_V4 },
	{ "A31 frames that contradict each other: no message", contradictory, PATH_V4 },
	{ "A31 senseless frames are refused at once", senseless, PATH_V4 },
	{ "A31 a message too long is none, the longest is one", too_long, PATH_V4 },
	{ "A31 messages that never end make room for others", never_finished, PATH_V4 },
	{ "A31 a session ends with incomplete messages", ends_incomplete, PATH_V4 },
	{ "A31 two sessions are not mixed", two_sessions, PATH_V4 },
	{ "A31 greedy sessions leave room for another", greedy_sessions, PATH_V4 },
	{ "A31 many small holders leave room for a long message", small_holders, PATH_V4 },
	{ "A31 A35 no user takes the memory of another's message", other_user, PATH_V4 },
	{ "A31 a message larger than all memory for them", larger_than_memory, PATH_V4 },
	{ "A31 two epochs are not mixed", two_epochs, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
