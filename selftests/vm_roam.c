// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* A28: the node follows its peer's address, and nobody else. */
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define ID 0x28ULL

static uint8_t buffer[FRAME_MAX];

/* Session and listener for its events. */
struct roam {
	struct duo d;
	union stt_addr home;
	int home_fd;
	struct stt_ctl *events;
};

static bool roam_open(struct roam *r, enum path path)
{
	check(duo_open(&r->d, path, ID));
	check(duo_quiet(&r->d));
	r->home = r->d.p.addr;
	r->home_fd = r->d.p.fd;
	check(ctl_open(&r->events, path, 0));
	check_is(stt_ctl_subscribe(r->events), 0);
	return true;
}

/* The peer has a new socket at @text, a new port at least. */
static bool peer_goes(struct roam *r, const char *text)
{
	struct peer *p = &r->d.p;

	p->fd = udp_open_at(p->path, p->end, text, &p->addr);
	check(p->fd >= 0);
	check(!addr_equal(&p->addr, &r->home));
	return true;
}

static const char *peer_text(enum path path)
{
	return env(path == PATH_V6 ? "NS_B6" : "NS_B4");
}

/* The node sends to where the peer is now, and has said so in one event. */
static bool node_follows(struct roam *r)
{
	struct stt_session_info info = side_get(&r->d.k, ID);
	struct stt_event ev;
	struct frame f;

	check(addr_equal(&info.peer, &r->d.p.addr));
	check(next_event(r->events, &ev));
	check_is(ev.cmd, STT_CMD_SESSION_MOVED_NTF);
	check(ev.session.id == ID);
	check(addr_equal(&ev.session.peer, &r->d.p.addr));
	check(no_event(r->events));
	check_is(send(r->d.fd, "to you", 6, 0), 6);
	check(peer_recv(&r->d.p, &f, buffer, NULL));
	check(f.len == 6 && is_empty(r->home_fd));
	return true;
}

/* The node sends to the first address, and has said nothing. */
static bool node_stays(struct roam *r)
{
	struct stt_session_info info = side_get(&r->d.k, ID);
	struct peer *p = &r->d.p;
	int away = p->fd;
	struct frame f;

	check(addr_equal(&info.peer, &r->home));
	check(no_event(r->events));
	check_is(send(r->d.fd, "to you", 6, 0), 6);
	p->fd = r->home_fd;
	check(peer_recv(p, &f, buffer, NULL));
	p->fd = away;
	check(f.len == 6 && is_empty(away));
	return true;
}

static bool new_port(int path)
{
	struct roam r;

	check(roam_open(&r, path));
	for (int i = 0; i < 5; i++) {
		check(peer_goes(&r, peer_text(path)));
		check(duo_quiet(&r.d));
		check(node_follows(&r));
	}
	return true;
}

static bool new_address(int path)
{
	struct roam r;

	check(roam_open(&r, path));
	check(peer_goes(&r, env(path == PATH_V6 ? "SECOND6" : "SECOND4")));
	check(duo_quiet(&r.d));
	check(node_follows(&r));
	return true;
}

/* From IPv4 to IPv6 and back, of a node that speaks both. */
static bool new_family(int arg)
{
	struct roam r;
	union stt_addr v4;

	(void)arg;
	check(roam_open(&r, PATH_MIXED));
	v4 = r.d.p.to;
	check(peer_goes(&r, env("NS_B6")));
	r.d.p.to = addr_of(env("NS_A6"), ntohs(v4.in.sin_port));
	check(duo_quiet(&r.d));
	check(node_follows(&r));
	check(peer_goes(&r, env("NS_B4")));
	r.d.p.to = v4;
	check(duo_quiet(&r.d));
	check(node_follows(&r));
	return true;
}

/* A peer that is where the session was told to look for it has not moved. */
static bool stays(int path)
{
	struct stt_ctl *events;
	struct duo d;

	check(duo_open(&d, path, ID));
	check(ctl_open(&events, path, 0));
	check_is(stt_ctl_subscribe(events), 0);
	for (int i = 0; i < 3; i++) {
		check(duo_quiet(&d));
		check_is(send(d.fd, "x", 1, 0), 1);
		check_is(recv(d.p.fd, buffer, 100, 0), 41);
	}
	check(no_event(events));
	return true;
}

/* Heartbeats move as data does. */
static bool by_heartbeat(int path)
{
	struct frame f;
	struct roam r;

	check(roam_open(&r, path));
	check(peer_goes(&r, peer_text(path)));
	f = peer_next(&r.d.p, "", 0);
	f.kind = STT_KIND_HEARTBEAT;
	check(peer_send_frame(&r.d.p, &f));
	check(peer_recv(&r.d.p, &f, buffer, NULL));
	check_is(f.kind, STT_KIND_HEARTBEAT_ACK);
	check(node_follows(&r));
	return true;
}

static bool spoofed(int path)
{
	uint8_t frame[100];
	struct frame f;
	struct roam r;

	check(roam_open(&r, path));
	check(peer_goes(&r, peer_text(path)));
	f = peer_next(&r.d.p, "x", 1);
	check_is(peer_seal(&r.d.p, frame, &f), 41);
	for (int i = 2; i < 41; i++) {
		frame[i] ^= 0x40;
		check(peer_raw(&r.d.p, frame, 41));
		frame[i] ^= 0x40;
	}
	check(node_stays(&r));
	return true;
}

static bool replayed(int path)
{
	struct frame f;
	struct roam r;

	check(roam_open(&r, path));
	f = peer_next(&r.d.p, "x", 1);
	check(peer_send_frame(&r.d.p, &f));
	check(receives(r.d.fd, "x", 1));
	check(peer_goes(&r, peer_text(path)));
	check(peer_send_frame(&r.d.p, &f));
	check(is_empty(r.d.fd));
	check(node_stays(&r));
	return true;
}

/* Held back on the way, a frame is delivered, but the peer may be elsewhere now. */
static bool late(int path)
{
	struct frame f;
	struct roam r;

	check(roam_open(&r, path));
	f = peer_next(&r.d.p, "late", 4);
	check(duo_quiet(&r.d));
	check(peer_goes(&r, peer_text(path)));
	check(peer_send_frame(&r.d.p, &f));
	check(receives(r.d.fd, "late", 4));
	check(node_stays(&r));
	return true;
}

/* So is a frame of the epoch that the peer has left, whatever its counter. */
static bool late_epoch(int path)
{
	struct frame f;
	struct roam r;

	check(roam_open(&r, path));
	check_is(side_key(&r.d.k, ID, STT_DIRECTION_RX, 1), 0);
	r.d.p.epoch = 1;
	check(duo_quiet(&r.d));
	check(peer_goes(&r, peer_text(path)));
	f = peer_next(&r.d.p, "late", 4);
	f.epoch = 0;
	f.counter = 1000;
	check(peer_send_frame(&r.d.p, &f));
	check(receives(r.d.fd, "late", 4));
	check(node_stays(&r));
	check(duo_quiet(&r.d));
	check(node_follows(&r));
	return true;
}

static bool wrong_session(int path)
{
	struct stt_event ev;
	struct roam r;

	check(roam_open(&r, path));
	check_is(side_session(&r.d.k, ID + 1, &r.d.p.addr), 0);
	check(next_event(r.events, &ev));
	check_is(ev.cmd, STT_CMD_SESSION_NEW_NTF);
	check(peer_goes(&r, peer_text(path)));
	r.d.p.session = ID + 1;
	check(peer_send(&r.d.p, "x", 1));
	/* That one moved, the other did not. */
	check(next_event(r.events, &ev));
	check_is(ev.cmd, STT_CMD_SESSION_MOVED_NTF);
	check(ev.session.id == ID + 1);
	r.d.p.session = ID;
	check(node_stays(&r));
	return true;
}

/* The owner of the node may move a session as well. */
static bool told(int path)
{
	struct stt_session_info s;
	struct roam r;

	check(roam_open(&r, path));
	check(peer_goes(&r, peer_text(path)));
	s = (struct stt_session_info) { .node = r.d.k.node, .id = ID, .peer = r.d.p.addr };
	check_is(stt_ctl_session_set(r.d.k.ctl, &s), 0);
	check(node_follows(&r));
	return true;
}

/* The node answers from the address that the peer writes to. */
static bool own_address(int path)
{
	union stt_addr from, second = addr_of(env("SECOND_A4"), 0);
	socklen_t len = sizeof(from);
	struct roam r;

	check(roam_open(&r, path));
	second.in.sin_port = r.d.p.to.in.sin_port;
	r.d.p.to = second;
	check(duo_quiet(&r.d));
	check_is(send(r.d.fd, "x", 1, 0), 1);
	check_is(recvfrom(r.d.p.fd, buffer, 100, 0, &from.sa, &len), 41);
	check(addr_equal(&from, &second));
	return true;
}

/* The address that it was to send from is not its own any more: another will do. */
static bool address_gone(int path)
{
	struct stt_session_info s;
	struct duo d;

	check(duo_open(&d, path, ID));
	s = session_spec(&d.k, ID + 1, &d.p.addr);
	s.local = addr_of(path == PATH_V6 ? "fd77:99::1" : "10.99.0.1", 0);
	check_is(stt_ctl_session_new(d.k.ctl, &s), 0);
	d.p.session = ID + 1;
	d.fd = stt_connected(&d.k, ID + 1, 0);
	check(d.fd >= 0);
	check_is(send(d.fd, "x", 1, 0), 1);
	check(peer_hears(&d.p, STT_MSG_DATA, "x", 1));
	return true;
}

static const struct test tests[] = {
	{ "A28 the peer has a new port, five times, IPv4", new_port, PATH_V4 },
	{ "A28 the peer has a new port, five times, IPv6", new_port, PATH_V6 },
	{ "A28 the peer has a new address, IPv4", new_address, PATH_V4 },
	{ "A28 the peer has a new address, IPv6", new_address, PATH_V6 },
	{ "A28 from IPv4 to IPv6 and back", new_family, 0 },
	{ "A28 a peer that stays: no event, from its first frame on", stays, PATH_V4 },
	{ "A28 a heartbeat moves too", by_heartbeat, PATH_V4 },
	{ "A28 spoofed frames move nothing", spoofed, PATH_V4 },
	{ "A28 replayed frames move nothing", replayed, PATH_V6 },
	{ "A28 late frames are delivered and move nothing", late, PATH_V4 },
	{ "A28 nor do frames of the epoch before", late_epoch, PATH_V4 },
	{ "A28 nor do frames of another session", wrong_session, PATH_V4 },
	{ "A28 netlink moves a session", told, PATH_V4 },
	{ "A28 answers come from the address that was written to", own_address, PATH_MIXED },
	{ "A28 when that is gone they come from another, IPv4", address_gone, PATH_V4 },
	{ "A28 when that is gone they come from another, IPv6", address_gone, PATH_V6 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
