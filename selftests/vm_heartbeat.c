// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* A32, A33: heartbeats of idle sessions, and the death of a peer. */
#include <net/if.h>
#include <sodium.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define ID 0x32ULL
#define BEAT 300		/* ms */
#define SLACK 100		/* ms; timers are coarse */

static bool acknowledge(struct peer *p)
{
	struct frame f = peer_next(p, "", 0);

	f.kind = STT_KIND_HEARTBEAT_ACK;
	return peer_send_frame(p, &f);
}

/* One heartbeat an interval, as long as it is answered. */
static bool idle(int path)
{
	uint64_t start, took;
	struct duo d;

	check(duo_open_heartbeat(&d, path, ID, BEAT));
	start = now_ms();
	for (int i = 0; i < 8; i++) {
		check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
		check(acknowledge(&d.p));
	}
	took = now_ms() - start;
	check(took >= 8 * BEAT - SLACK && took < 8 * BEAT * 2);
	check_is(side_get(&d.k, ID).state, STT_SESSION_STATE_ACTIVE);
	check_is(side_get(&d.k, ID).heartbeat_ms, BEAT);
	return true;
}

static bool busy(int path)
{
	struct duo d;

	/* A long interval: a slow machine shall not take it for silence. */
	check(duo_open_heartbeat(&d, path, ID, 4 * BEAT));
	for (int i = 0; i < 30; i++) {
		check(duo_quiet(&d));
		check(!readable(d.p.fd, BEAT / 3));
	}
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
	return true;
}

static bool off(int path)
{
	struct duo d;

	check(duo_open_heartbeat(&d, path, ID, 0));
	check(!readable(d.p.fd, 3 * BEAT));
	check_is(side_get(&d.k, ID).heartbeat_ms, 0);
	check(duo_quiet(&d));
	return true;
}

static bool settable(int path)
{
	struct stt_session_info s = { .id = ID, .has_heartbeat = true, .heartbeat_ms = BEAT };
	struct duo d;

	check(duo_open(&d, path, ID));
	s.node = d.k.node;
	check_is(stt_ctl_session_set(d.k.ctl, &s), 0);
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
	s.heartbeat_ms = 0;
	check_is(stt_ctl_session_set(d.k.ctl, &s), 0);
	check(!readable(d.p.fd, 2 * BEAT));
	s.heartbeat_ms = 99;
	check_is(stt_ctl_session_set(d.k.ctl, &s), -EINVAL);
	s.heartbeat_ms = 24 * 3600 * 1000 + 1;
	check_is(stt_ctl_session_set(d.k.ctl, &s), -EINVAL);
	check_is(side_get(&d.k, ID).heartbeat_ms, 0);
	return true;
}

static bool answers(int path)
{
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	for (int i = 0; i < 3; i++) {
		f = peer_next(&d.p, "", 0);
		f.kind = STT_KIND_HEARTBEAT;
		check(peer_send_frame(&d.p, &f));
		check(peer_hears(&d.p, STT_KIND_HEARTBEAT_ACK, "", 0));
	}
	/* An answer is not answered, and neither reaches a program. */
	check(acknowledge(&d.p));
	check(is_empty(d.p.fd) && is_empty(d.fd));
	check(duo_quiet(&d));
	return true;
}

static bool link_up(bool up)
{
	struct ifreq ifr = { .ifr_name = "to_b" };
	int fd;

	check(enter(PATH_V4, 0));
	fd = keep(socket(AF_INET, SOCK_DGRAM, 0));
	check_is(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
	if (up)
		ifr.ifr_flags |= IFF_UP;
	else
		ifr.ifr_flags &= ~IFF_UP;
	check_is(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	drop(fd);
	return true;
}

/* Heard of last now, the peer is dead four intervals later. */
static bool dies(struct side *s, int fd, uint64_t start)
{
	struct stt_event ev;
	struct worker w;
	uint64_t took;

	check(worker_start(&w, block_recv, &fd) && worker_blocked(&w));
	check(event_of(s->ctl, STT_CMD_SESSION_STATE_NTF, &ev));
	took = now_ms() - start;
	check_is(ev.session.state, STT_SESSION_STATE_DEAD);
	check(took >= 4 * BEAT - SLACK && took < 5 * BEAT);
	check_is(worker_join(&w), -1);
	check_is(w.err, ETIMEDOUT);
	check_fails(send(fd, "x", 1, 0), ETIMEDOUT);
	check_is(side_get(s, ID).state, STT_SESSION_STATE_DEAD);
	check_is(side_get(s, ID).n_keys, 0);
	return true;
}

static bool unplugged(int path)
{
	uint64_t start;
	struct sides l;
	bool dead;
	int a, b;

	l.id = ID;
	check(side_open_heartbeat(&l.a, path, 0, BEAT));
	check(side_open_heartbeat(&l.b, path, 1, BEAT));
	check_is(side_session(&l.a, ID, &l.b.addr), 0);
	check_is(side_session(&l.b, ID, &l.a.addr), 0);
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check_is(stt_ctl_subscribe(l.a.ctl), 0);
	check_is(stt_ctl_subscribe(l.b.ctl), 0);
	/* While the link is there the nodes keep each other alive. */
	check(!readable(a, 6 * BEAT));
	check_is(send(a, "x", 1, 0), 1);
	check_is(send(b, "x", 1, 0), 1);
	check(receives(a, "x", 1) && receives(b, "x", 1));
	start = now_ms();
	check(link_up(false));
	dead = dies(&l.a, a, start);
	check(link_up(true));
	check(dead);
	return true;
}

/* A peer that is just silent: three heartbeats, then no more. */
static bool silent(int path)
{
	uint64_t start;
	struct duo d;

	check(duo_open_heartbeat(&d, path, ID, BEAT));
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	start = now_ms();
	check(duo_quiet(&d));
	check(dies(&d.k, d.fd, start));
	for (int i = 0; i < 3; i++)
		check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
	check(!readable(d.p.fd, 2 * BEAT));
	/* What comes after its death is dropped, and does not wake it. */
	check(peer_send(&d.p, "x", 1));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_ENDED), 1);
	return true;
}

/* Only a frame that is authentic counts as a sign of life. */
static bool forged_life(int path)
{
	uint8_t frame[100];
	struct frame f;
	struct duo d;
	size_t len;

	check(duo_open_heartbeat(&d, path, ID, BEAT));
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	f = peer_next(&d.p, "x", 1);
	len = peer_seal(&d.p, frame, &f);
	frame[len - 1] ^= 1;
	/* Time for eight intervals; it needs four. */
	for (int i = 0; i < 16; i++) {
		check(peer_raw(&d.p, frame, len));
		if (readable(stt_ctl_fd(d.k.ctl), BEAT / 2))
			break;
	}
	check_is(side_get(&d.k, ID).state, STT_SESSION_STATE_DEAD);
	return true;
}

/* A pending session sends nothing, and does not die. */
static bool pending(int path)
{
	struct stt_session_info spec;
	struct stt_event ev;
	struct duo d;

	check(duo_open_heartbeat(&d, path, ID, BEAT));
	spec = session_spec(&d.k, ID + 1, &d.p.addr);
	spec.state = STT_SESSION_STATE_PENDING;
	check_is(stt_ctl_session_del(d.k.ctl, d.k.node, ID, 0), 0);
	check(peer_hears(&d.p, STT_KIND_SESSION_CLOSE, "", 1));
	check_is(stt_ctl_session_new(d.k.ctl, &spec), 0);
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	check(!readable(d.p.fd, 5 * BEAT));
	check_is(side_get(&d.k, ID + 1).state, STT_SESSION_STATE_PENDING);

	d.p.session = ID + 1;
	check(acknowledge(&d.p));
	check(event_of(d.k.ctl, STT_CMD_SESSION_STATE_NTF, &ev));
	check_is(ev.session.state, STT_SESSION_STATE_ACTIVE);
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, "", 0));
	return true;
}

static const struct test tests[] = {
	{ "A32 an idle session sends a heartbeat an interval, IPv4", idle, PATH_V4 },
	{ "A32 an idle session sends a heartbeat an interval, IPv6", idle, PATH_V6 },
	{ "A32 a busy one sends none", busy, PATH_V4 },
	{ "A32 interval 0: none", off, PATH_V4 },
	{ "A32 the interval can be set, within its limits", settable, PATH_V4 },
	{ "A32 a heartbeat is answered at once, an answer is not", answers, PATH_V4 },
	{ "A33 a silent peer: three heartbeats, then dead", silent, PATH_V6 },
	{ "A33 forged frames are no sign of life", forged_life, PATH_V4 },
	{ "A32 a pending session is silent until its peer is heard", pending, PATH_V4 },
	/* The last: a link that was down has lost its IPv6 addresses. */
	{ "A33 the link is cut: dead after four intervals, ETIMEDOUT", unplugged, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
