// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* A25: a frame is delivered once, whenever and in whatever order it comes. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define ID 0x25ULL
#define WINDOW 1984		/* as the info command says, see window_size() */
#define COUNTER_MAX ((1ULL << 48) - 1)

/* A numbered message: its frame is the same whenever it is made. */
static bool send_number(struct duo *d, uint8_t epoch, uint64_t counter)
{
	struct frame f = peer_next(&d->p, &counter, sizeof(counter));

	f.epoch = epoch;
	f.counter = counter;
	return peer_send_frame(&d->p, &f);
}

static bool fresh(struct duo *d, uint8_t epoch, uint64_t counter)
{
	check(send_number(d, epoch, counter));
	check(receives(d->fd, &counter, sizeof(counter)));
	return true;
}

static bool stale(struct duo *d, uint8_t epoch, uint64_t counter)
{
	uint64_t before = session_stat(&d->k, d->id, STT_A_STATS_DROP_REPLAYED);

	check(send_number(d, epoch, counter));
	check_is(session_stat(&d->k, d->id, STT_A_STATS_DROP_REPLAYED), before + 1);
	check(is_empty(d->fd));
	return true;
}

static bool window_size(int path)
{
	struct stt_info info;
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(stt_ctl_info(d.k.ctl, &info), 0);
	check_is(info.replay_window, WINDOW);
	return true;
}

static bool at_once(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	for (uint64_t i = 0; i < 100; i++) {
		check(fresh(&d, 0, i));
		check(stale(&d, 0, i));
	}
	return true;
}

static bool later(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	for (uint64_t i = 0; i < 3000; i++)
		check(fresh(&d, 0, i));
	/* 1,000 frames later, and beyond the window. */
	check(stale(&d, 0, 1999));
	check(stale(&d, 0, 0));
	for (uint64_t i = 0; i < 3000; i += 7)
		check(stale(&d, 0, i));
	check(fresh(&d, 0, 3000));
	return true;
}

static bool edges(int path)
{
	const uint64_t top = 10000;
	struct duo d;

	check(duo_open(&d, path, ID));
	check(fresh(&d, 0, top));
	check(fresh(&d, 0, top + 1 - WINDOW));
	check(stale(&d, 0, top + 1 - WINDOW));
	check(stale(&d, 0, top - WINDOW));
	check(fresh(&d, 0, top - 1));
	check(stale(&d, 0, 0));
	/* One step, and the oldest falls out unseen. */
	check(fresh(&d, 0, top + 1));
	check(stale(&d, 0, top + 1 - WINDOW));
	check(fresh(&d, 0, top + 2 - WINDOW));
	return true;
}

static bool far_ahead(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check(fresh(&d, 0, 0));
	check(fresh(&d, 0, 1ULL << 47));
	check(stale(&d, 0, 1));
	check(fresh(&d, 0, (1ULL << 47) - 1));
	check(fresh(&d, 0, COUNTER_MAX));
	check(stale(&d, 0, COUNTER_MAX));
	check(fresh(&d, 0, COUNTER_MAX - 1));
	check(fresh(&d, 0, COUNTER_MAX + 1 - WINDOW));
	check(stale(&d, 0, COUNTER_MAX - WINDOW));
	check(stale(&d, 0, 1ULL << 47));
	return true;
}

/* A forged frame with a huge counter must not move the window. */
static bool forged_counter(int path)
{
	uint8_t frame[100];
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	check(fresh(&d, 0, 0));
	f = peer_next(&d.p, "x", 1);
	f.counter = COUNTER_MAX;
	check_is(peer_seal(&d.p, frame, &f), 41);
	frame[40] ^= 1;
	check(peer_raw(&d.p, frame, 41));
	check(fresh(&d, 0, 1));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), 1);
	return true;
}

static void shuffle(uint64_t *n, size_t len)
{
	for (size_t i = len; i > 1; i--) {
		size_t j = randombytes_uniform(i);
		uint64_t t = n[i - 1];

		n[i - 1] = n[j];
		n[j] = t;
	}
}

static bool reordered(int path)
{
	uint64_t order[1500];
	struct duo d;

	check(duo_open(&d, path, ID));
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		order[i] = i;
	for (int round = 0; round < 2; round++) {
		shuffle(order, ARRAY_SIZE(order));
		for (size_t i = 0; i < ARRAY_SIZE(order); i++)
			check(round ? send_number(&d, 0, order[i]) : fresh(&d, 0, order[i]));
	}
	check(is_empty(d.fd));
	check_is(session_stat(&d.k, ID, STT_A_STATS_RX_FRAMES), 1500);
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_REPLAYED), 1500);
	return true;
}

/* Each epoch has a window of its own; the peer's old frames stay old. */
static bool epochs(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	for (uint64_t i = 0; i < 50; i++)
		check(fresh(&d, 0, i));
	check_is(side_key(&d.k, ID, STT_DIRECTION_RX, 1), 0);
	for (uint64_t i = 0; i < 50; i++)
		check(fresh(&d, 1, i));
	for (uint64_t i = 0; i < 50; i++) {
		check(stale(&d, 0, i));
		check(stale(&d, 1, i));
	}
	/* What was on its way when the peer moved still arrives, once. */
	check(fresh(&d, 0, 51));
	check(fresh(&d, 0, 50));
	check(stale(&d, 0, 50));
	return true;
}

/* The bytes of an old frame under another epoch or counter are no frame. */
static bool relabelled(int path)
{
	uint8_t frame[100];
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(side_key(&d.k, ID, STT_DIRECTION_RX, 1), 0);
	f = peer_next(&d.p, "x", 1);
	peer_seal(&d.p, frame, &f);
	check(peer_raw(&d.p, frame, 41));
	check(receives(d.fd, "x", 1));
	frame[1] = 1;
	check(peer_raw(&d.p, frame, 41));
	frame[1] = 0;
	frame[7] = 200;
	check(peer_raw(&d.p, frame, 41));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), 2);
	check_is(side_get(&d.k, ID).rx_epoch, 0);
	check(duo_quiet(&d));
	return true;
}

static const struct test tests[] = {
	{ "A25 the window is as large as the info command says", window_size, PATH_V4 },
	{ "A25 a frame sent again at once", at_once, PATH_V4 },
	{ "A25 frames sent again 1,000 frames later and beyond the window", later, PATH_V4 },
	{ "A25 the window's edges", edges, PATH_V6 },
	{ "A25 counters far ahead, up to 2^48 - 1", far_ahead, PATH_V4 },
	{ "A25 a forged counter moves nothing", forged_counter, PATH_V4 },
	{ "A25 1,500 frames in random order, each delivered once", reordered, PATH_V4 },
	{ "A25 old frames after a new epoch", epochs, PATH_V4 },
	{ "A25 old frames under a new epoch or counter", relabelled, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
