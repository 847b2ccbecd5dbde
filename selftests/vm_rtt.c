// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * The round trip of heartbeats, over a path that takes 50 ms, and that no
 * answer is timed that could be of another question (Karn's rule).
 */
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/peer.h"

#define ID 0x5217ULL
#define BEAT 300		/* ms */
#define PATH_US 50000

static bool acknowledge(struct peer *p)
{
	struct frame f = peer_next(p, "", 0);

	f.kind = STT_KIND_HEARTBEAT_ACK;
	return peer_send_frame(p, &f);
}

/* Let what was sent arrive: a message behind it on the same way. */
static bool arrived(struct duo *d)
{
	return duo_quiet(d);
}

/* A session whose ends know each other's link addresses. */
static bool open_warm(struct duo *d, enum path path, uint32_t heartbeat_ms)
{
	check(duo_open_heartbeat(d, path, ID, heartbeat_ms));
	check_is(send(d->fd, "x", 1, 0), 1);
	check(peer_hears(&d->p, STT_KIND_DATA, "x", 1));
	return arrived(d);
}

static bool measured(int path)
{
	struct stt_session_info s;
	struct duo d;

	check(open_warm(&d, path, BEAT));
	check_is(side_get(&d.k, ID).rtt_us, 0);
	for (int i = 0; i < 4; i++) {
		uint64_t start = now_ms(), most;

		check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
		check(acknowledge(&d.p));
		check(arrived(&d));
		s = side_get(&d.k, ID);
		/* It was sent an interval after the message before. */
		most = (now_ms() - start + 1) * 1000;
		check(s.rtt_us >= PATH_US && s.rtt_us < most);
		check(s.srtt_us >= PATH_US);
	}
	return true;
}

/* One sample is an eighth of the smoothed value. */
static bool smoothed(int path)
{
	uint32_t before, rtt, srtt;
	struct duo d;

	check(open_warm(&d, path, BEAT));
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
	check(acknowledge(&d.p));
	check(arrived(&d));
	before = side_get(&d.k, ID).srtt_us;
	check_is(side_get(&d.k, ID).rtt_us, before);
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
	usleep(80000);
	check(acknowledge(&d.p));
	check(arrived(&d));
	rtt = side_get(&d.k, ID).rtt_us;
	srtt = side_get(&d.k, ID).srtt_us;
	check(rtt >= PATH_US + 80000);
	check_is(srtt, before + (rtt - before) / 8);
	return true;
}

/* Two questions are open: neither answer is timed, nor is the next. */
static bool ambiguous(int path)
{
	struct duo d;

	check(open_warm(&d, path, BEAT));
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
	for (int i = 0; i < 2; i++) {
		check(acknowledge(&d.p));
		check(arrived(&d));
		check_is(side_get(&d.k, ID).rtt_us, 0);
	}
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
	check(acknowledge(&d.p));
	check(arrived(&d));
	check_is(side_get(&d.k, ID).rtt_us, 0);
	/* That one was alone, so the next is timed. */
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
	check(acknowledge(&d.p));
	check(arrived(&d));
	check(side_get(&d.k, ID).rtt_us >= PATH_US);
	return true;
}

/* An answer to nothing says nothing. */
static bool unasked(int path)
{
	struct duo d;

	check(open_warm(&d, path, 0));
	check(acknowledge(&d.p));
	check(arrived(&d));
	check_is(side_get(&d.k, ID).rtt_us, 0);
	return true;
}

static const struct test tests[] = {
	{ "R23 the round trip of a heartbeat, last and smoothed", measured, PATH_V4 },
	{ "R23 the same, IPv6", measured, PATH_V6 },
	{ "R23 a sample weighs an eighth", smoothed, PATH_V4 },
	{ "R23 no sample while two are open (Karn)", ambiguous, PATH_V4 },
	{ "R23 an answer to nothing is no sample", unasked, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
