// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * A30 in the module: when it asks for new keys, how it moves to them, and that
 * old keys end in time, also when their owner does nothing.
 */
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/peer.h"

#define ID 0x30ULL
#define TX STT_DIRECTION_TX
#define RX STT_DIRECTION_RX
#define AGE 4000		/* ms; timers may be an eighth late */

/*
 * What kernel/rekey.c promises where keys are as short-lived as here: the
 * previous epoch ends after one age, the current one after three, and keys that
 * wait after 20 s, when no handshake can be under way any more.
 */
#define REJECT 3
#define WAITING 20000
#define LATE(ms) ((ms) + (ms) / 8 + 500)

static int set_rekey(struct duo *d, uint32_t age_ms, uint32_t volume)
{
	struct stt_session_info s = {
		.node = d->k.node, .id = d->id, .has_rekey_age = true, .rekey_age_ms = age_ms,
		.has_rekey_volume = true, .rekey_volume = volume,
	};

	return stt_ctl_session_set(d->k.ctl, &s);
}

static int set_tx_epoch(struct duo *d, uint8_t epoch)
{
	struct stt_session_info s = {
		.node = d->k.node, .id = d->id, .has_tx_epoch = true, .tx_epoch = epoch,
	};

	return stt_ctl_session_set(d->k.ctl, &s);
}

static bool sends_in(struct duo *d, uint8_t epoch)
{
	struct frame f = peer_next(&d->p, "in", 2);

	f.epoch = epoch;
	return peer_send_frame(&d->p, &f);
}

static bool accepts(struct duo *d, uint8_t epoch)
{
	check(sends_in(d, epoch));
	check(receives(d->fd, "in", 2));
	return true;
}

static bool refuses(struct duo *d, uint8_t epoch)
{
	uint64_t before = session_stat(&d->k, d->id, STT_A_STATS_DROP_NO_EPOCH);

	check(sends_in(d, epoch));
	check_is(session_stat(&d->k, d->id, STT_A_STATS_DROP_NO_EPOCH), before + 1);
	return true;
}

/* The node's next frame is a heartbeat of this epoch. */
static bool beats_in(struct duo *d, uint8_t epoch)
{
	uint8_t buf[FRAME_MAX];
	struct frame f;

	check(peer_recv(&d->p, &f, buf, NULL));
	check_is(f.kind, STT_KIND_HEARTBEAT);
	check_is(f.epoch, epoch);
	return true;
}

static bool next_keys(struct duo *d, uint8_t epoch)
{
	check_is(side_key(&d->k, d->id, RX, epoch), 0);
	check_is(side_key(&d->k, d->id, TX, epoch), 0);
	return true;
}

static unsigned int keys_of(struct duo *d)
{
	return side_get(&d->k, d->id).n_keys;
}

/* The event, within so many milliseconds, and what session-get says. */
static bool asked(struct duo *d, uint32_t reason, int within)
{
	struct stt_event ev;

	check(readable(stt_ctl_fd(d->k.ctl), within));
	check(event_of(d->k.ctl, STT_CMD_SESSION_REKEY_NTF, &ev));
	check_is(ev.session.id, d->id);
	check_is(ev.session.rekey_reason, reason);
	check_is(side_get(&d->k, d->id).rekey_reason, reason);
	return true;
}

/* ------------------------------------------------------------------------ */
/* Asking                                                                   */

static bool by_age(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	check_is(side_get(&d.k, ID).rekey_age_ms, 3600 * 1000);
	/* No heartbeats: age alone keeps the timer going. */
	check_is(set_rekey(&d, AGE, 0), 0);
	check(!readable(stt_ctl_fd(d.k.ctl), AGE * 7 / 8 - 100));
	check(asked(&d, STT_REKEY_AGE, AGE));
	/* A key that is just old still sends. */
	check_is(send(d.fd, "out", 3, 0), 3);
	return true;
}

/* Not answered, it is repeated: after 1 s, 2 s, 4 s. */
static bool repeats(int path)
{
	uint64_t last;
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	check_is(stt_ctl_session_rekey(d.k.ctl, d.k.node, ID), 0);
	check(asked(&d, STT_REKEY_DEMAND, 1000));
	last = now_ms();
	for (int wait = 1000; wait <= 4000; wait *= 2) {
		check(!readable(stt_ctl_fd(d.k.ctl), wait - 200));
		check(asked(&d, STT_REKEY_DEMAND, wait));
		check(now_ms() - last >= (uint64_t)wait - 50);
		last = now_ms();
	}
	/* The answer: a key that sends. */
	check(next_keys(&d, 1));
	check(accepts(&d, 1));
	check_is(side_get(&d.k, ID).rekey_reason, STT_REKEY_NONE);
	check(!readable(stt_ctl_fd(d.k.ctl), 9000));
	return true;
}

static bool by_volume(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	check_is(set_rekey(&d, 0, 10), 0);
	for (int i = 0; i < 10; i++)
		check_is(send(d.fd, "out", 3, 0), 3);
	check(no_event(d.k.ctl));
	check_is(send(d.fd, "out", 3, 0), 3);
	check(asked(&d, STT_REKEY_VOLUME, 1000));
	/* Once, whatever is sent on. */
	for (int i = 0; i < 10; i++)
		check_is(send(d.fd, "out", 3, 0), 3);
	check(no_event(d.k.ctl));
	/* The next key counts from 0. */
	check(next_keys(&d, 1) && accepts(&d, 1));
	for (int i = 0; i < 10; i++)
		check_is(send(d.fd, "out", 3, 0), 3);
	check(no_event(d.k.ctl));
	check_is(send(d.fd, "out", 3, 0), 3);
	check(asked(&d, STT_REKEY_VOLUME, 1000));
	return true;
}

static bool on_demand(int path)
{
	struct stt_session_info s;
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	for (int i = 0; i < 3; i++) {
		check_is(stt_ctl_session_rekey(d.k.ctl, d.k.node, ID), 0);
		check(asked(&d, STT_REKEY_DEMAND, 1000));
	}
	check_is(stt_ctl_session_rekey(d.k.ctl, d.k.node, ID + 1), -ENOENT);
	s = session_spec(&d.k, ID + 1, &d.p.addr);
	s.state = STT_SESSION_STATE_PENDING;
	check_is(stt_ctl_session_new(d.k.ctl, &s), 0);
	check_is(stt_ctl_session_rekey(d.k.ctl, d.k.node, ID + 1), -EINVAL);
	return true;
}

static bool settings(int path)
{
	struct stt_node_defaults defaults = {
		.has_rekey_age = true, .rekey_age_ms = 60000,
		.has_rekey_volume = true, .rekey_volume = 1000,
	};
	struct stt_node_info info;
	struct stt_session_info s;
	struct side k;

	check(side_open(&k, path, 0));
	check_is(stt_ctl_node_del(k.ctl, k.node, 0), 0);
	defaults.rekey_age_ms = 999;
	check_is(stt_ctl_node_new_with(k.ctl, k.udp, &defaults, &k.node), -EINVAL);
	defaults.rekey_age_ms = 7 * 24 * 3600 * 1000 + 1;
	check_is(stt_ctl_node_new_with(k.ctl, k.udp, &defaults, &k.node), -EINVAL);
	defaults.rekey_age_ms = 60000;
	check_is(stt_ctl_node_new_with(k.ctl, k.udp, &defaults, &k.node), 0);
	check_is(stt_ctl_node_get(k.ctl, k.node, &info), 0);
	check_is(info.rekey_age_ms, 60000);
	check_is(info.rekey_volume, 1000);
	check_is(side_session(&k, ID, &k.addr), 0);
	check_is(side_get(&k, ID).rekey_age_ms, 60000);
	check_is(side_get(&k, ID).rekey_volume, 1000);
	s = (struct stt_session_info){ .node = k.node, .id = ID, .has_rekey_age = true,
				       .rekey_age_ms = 999 };
	check_is(stt_ctl_session_set(k.ctl, &s), -EINVAL);
	s.rekey_age_ms = 0;
	check_is(stt_ctl_session_set(k.ctl, &s), 0);
	check_is(side_get(&k, ID).rekey_age_ms, 0);
	check_is(side_get(&k, ID).rekey_volume, 1000);
	return true;
}

/* ------------------------------------------------------------------------ */
/* Moving                                                                   */

/*
 * Told that the peer has its half, the node proves its own at once, again
 * until the peer is heard in the new epoch, and then no more.
 */
static bool proves(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check(next_keys(&d, 1));
	check(!readable(d.p.fd, 3000));
	check_is(set_tx_epoch(&d, 1), 0);
	for (int i = 0; i < 3; i++)
		check(beats_in(&d, 1));
	check(accepts(&d, 0));		/* late: proves nothing */
	check(beats_in(&d, 1));
	check(accepts(&d, 1));
	check(!readable(d.p.fd, 10000));
	return true;
}

/* One request moves the session and its keys: the peer's new place gets the proof. */
static bool proves_there(int path)
{
	struct stt_session_info s = {
		.node = 0, .id = ID, .has_tx_epoch = true, .tx_epoch = 1,
	};
	uint8_t buf[FRAME_MAX];
	union stt_addr there;
	struct duo d;
	int fd;

	check(duo_open(&d, path, ID));
	check(next_keys(&d, 1));
	fd = udp_open(path, 1, &there);
	check(fd >= 0);
	s.node = d.k.node;
	s.peer = there;
	check_is(stt_ctl_session_set(d.k.ctl, &s), 0);
	check_is(recv(fd, buf, sizeof(buf), 0), FRAME_OVERHEAD);
	check_is(buf[STT_OFF_EPOCH], 1);
	check(is_empty(d.p.fd));
	return true;
}

/* Two nodes, one told so: both are in the new epoch, without a message. */
static bool idle_ends(int path)
{
	struct stt_session_info set = { .id = ID, .has_tx_epoch = true, .tx_epoch = 1 };
	struct sides l;

	check(sides_open(&l, path, ID));
	for (int i = 0; i < 2; i++) {
		struct side *s = i ? &l.b : &l.a;

		check_is(side_key(s, ID, RX, 1), 0);
		check_is(side_key(s, ID, TX, 1), 0);
	}
	set.node = l.a.node;
	check_is(stt_ctl_session_set(l.a.ctl, &set), 0);
	for (int i = 0; i < 2; i++) {
		struct stt_session_info s = side_get(i ? &l.b : &l.a, ID);

		check_is(s.tx_epoch, 1);
		check_is(s.rx_epoch, 1);
	}
	return true;
}

/* ------------------------------------------------------------------------ */
/* The end of keys                                                          */

static bool previous_ends(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check(next_keys(&d, 1) && accepts(&d, 1));
	check_is(keys_of(&d), 3);
	check_is(set_rekey(&d, AGE, 0), 0);
	usleep(1000 * (AGE - 500));
	check(accepts(&d, 0) && accepts(&d, 1));
	usleep(1000 * 1000);
	check(refuses(&d, 0));
	check_is(keys_of(&d), 2);
	check(accepts(&d, 1));
	return true;
}

static bool waiting_ends(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	sleep(1);
	check(next_keys(&d, 1));
	check_is(set_rekey(&d, AGE, 0), 0);
	usleep(1000 * (REJECT * AGE - 2000));
	check_is(keys_of(&d), 4);
	usleep(1000 * (2000 + LATE(REJECT * AGE) - REJECT * AGE));
	/* Its own age has ended the current one before. */
	check_is(keys_of(&d), 2);
	usleep(1000 * (LATE(WAITING) - LATE(REJECT * AGE)));
	check_is(keys_of(&d), 0);
	check(refuses(&d, 1));
	/* Others may come in their place, the same may not. */
	check_is(side_key(&d.k, ID, TX, 1), -EINVAL);
	key_round[1]++;
	check(next_keys(&d, 1));
	check(accepts(&d, 1));
	check_is(send(d.fd, "out", 3, 0), 3);
	return true;
}

/*
 * An end that has answered waits for a peer that may have moved long ago, and
 * cannot be heard: if it gave its half up, neither end could go on.
 */
static bool waits(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(set_rekey(&d, 1000, 0), 0);
	check(next_keys(&d, 1));
	usleep(1000 * LATE(10000));
	check(accepts(&d, 1));
	check_is(send(d.fd, "out", 3, 0), 3);
	check_is(side_get(&d.k, ID).tx_epoch, 1);
	return true;
}

/* And with the age off for ever. */
static bool waits_for_ever(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(set_rekey(&d, AGE, 0), 0);
	check(next_keys(&d, 1));
	check_is(set_rekey(&d, 0, 0), 0);
	usleep(1000 * LATE(WAITING));
	check_is(keys_of(&d), 4);
	check(accepts(&d, 1));
	return true;
}

/* Moved by its owner, it is never answered: these keys end as well. */
static bool told_ends(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check(next_keys(&d, 1));
	check_is(set_rekey(&d, AGE, 0), 0);
	check_is(set_tx_epoch(&d, 1), 0);
	usleep(1000 * LATE(WAITING));
	check_is(keys_of(&d), 0);
	check_fails(send(d.fd, "out", 3, 0), EKEYEXPIRED);
	return true;
}

/* What was proved by word only stays: the peer may be silent for long. */
static bool told_stays(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check(next_keys(&d, 1));
	check_is(set_rekey(&d, AGE, 0), 0);
	sleep(REJECT * AGE / 1000 - 4);
	check_is(set_tx_epoch(&d, 1), 0);
	sleep(6);
	check_is(keys_of(&d), 2);
	check(accepts(&d, 1));
	check_is(send(d.fd, "out", 3, 0), 3);
	return true;
}

static bool expires(int path)
{
	uint64_t start;
	struct duo d;

	check(duo_open(&d, path, ID));
	start = now_ms();
	check_is(set_rekey(&d, AGE, 0), 0);
	usleep(1000 * (REJECT * AGE - 500));
	check(accepts(&d, 0));
	check_is(send(d.fd, "out", 3, 0), 3);
	check(now_ms() - start < REJECT * AGE);
	usleep(1000 * 2000);
	check_fails(send(d.fd, "out", 3, 0), EKEYEXPIRED);
	check_is(keys_of(&d), 0);
	check(!side_get(&d.k, ID).has_key_age);
	check(refuses(&d, 0));
	check_is(side_get(&d.k, ID).state, STT_SESSION_STATE_ACTIVE);
	/* It comes back to life with new keys, whenever they come. */
	check(next_keys(&d, 1));
	check_fails(send(d.fd, "out", 3, 0), EKEYEXPIRED);
	check(accepts(&d, 1));
	check_is(send(d.fd, "out", 3, 0), 3);
	return true;
}

/*
 * A key that was good for an hour is too old at once, by a new age. It is to be
 * replaced, and there is time for that.
 */
static bool lowered(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	usleep(1000 * (REJECT * AGE + 1000));
	check_is(set_rekey(&d, AGE, 0), 0);
	check(asked(&d, STT_REKEY_AGE, AGE));
	check(accepts(&d, 0));
	check_is(send(d.fd, "out", 3, 0), 3);
	check_is(keys_of(&d), 2);
	usleep(1000 * LATE(AGE));
	check_fails(send(d.fd, "out", 3, 0), EKEYEXPIRED);
	check_is(keys_of(&d), 0);
	return true;
}

static bool never(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(set_rekey(&d, AGE, 0), 0);
	check_is(set_rekey(&d, 0, 0), 0);
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	sleep(REJECT * AGE / 1000 + 2);
	check_is(send(d.fd, "out", 3, 0), 3);
	check(no_event(d.k.ctl));
	check_is(side_get(&d.k, ID).rekey_reason, STT_REKEY_NONE);
	return true;
}

/* ------------------------------------------------------------------------ */
/* An owner that is stopped                                                 */

struct shared {
	uint32_t node;
	union stt_addr addr;
	bool ready;
};

/* The owner of a node: makes it, brings keys of two epochs, and stops. */
static bool own(struct shared *to, enum path path, const union stt_addr *peer)
{
	struct stt_session_info s;
	struct side k;

	check(side_open(&k, path, 0));
	s = session_spec(&k, ID, peer);
	s.has_rekey_age = true;
	s.rekey_age_ms = AGE;
	check_is(stt_ctl_session_new(k.ctl, &s), 0);
	check_is(side_key(&k, ID, RX, 1), 0);
	check_is(side_key(&k, ID, TX, 1), 0);
	to->node = k.node;
	to->addr = k.addr;
	to->ready = true;
	return true;
}

static void end_child(void *pid)
{
	kill(*(pid_t *)pid, SIGKILL);
	waitpid(*(pid_t *)pid, NULL, 0);
}

static pid_t owner_start(struct shared *to, enum path path, const union stt_addr *peer)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		own(to, path, peer);
		raise(SIGSTOP);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
	       to->ready ? pid : -1;
}

static bool stopped_owner(int path)
{
	static pid_t pid;
	struct shared *to = mmap(NULL, sizeof(*to), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct duo d = { .id = ID };

	check(to != MAP_FAILED);
	check(peer_open(&d.p, path, 1));
	pid = owner_start(to, path, &d.p.addr);
	check(pid > 0);
	at_end(end_child, &pid);
	check(ctl_open(&d.k.ctl, path, 0));
	d.k.path = path;
	d.k.node = to->node;
	d.p.to = to->addr;
	d.p.session = ID;
	d.fd = stt_connected(&d.k, ID, 0);
	check(d.fd >= 0);
	/* The peer moves on, the previous epoch ends by itself. */
	check(accepts(&d, 0) && accepts(&d, 1));
	check_is(keys_of(&d), 3);
	usleep(1000 * (AGE + 700));
	check(refuses(&d, 0) && accepts(&d, 1));
	check_is(keys_of(&d), 2);
	check_is(side_get(&d.k, ID).rekey_reason, STT_REKEY_AGE);
	/* Then the current one, as nobody brings another. */
	usleep(1000 * (REJECT * AGE - AGE - 700 - 1000));
	check(accepts(&d, 1));
	check_is(send(d.fd, "out", 3, 0), 3);
	usleep(1000 * 2500);
	check_fails(send(d.fd, "out", 3, 0), EKEYEXPIRED);
	check(refuses(&d, 1));
	check_is(keys_of(&d), 0);
	munmap(to, sizeof(*to));
	return true;
}

static const struct test tests[] = {
	{ "A30 new keys are asked for by age, with heartbeats off", by_age, PATH_V4 },
	{ "A30 by volume, once, and for each key anew", by_volume, PATH_V4 },
	{ "A30 on demand, of an active session", on_demand, PATH_V4 },
	{ "A30 what is not answered is asked again, with back-off", repeats, PATH_V4 },
	{ "A30 settable for node and session, limits, off", settings, PATH_V4 },
	{ "A30 a node told to move proves itself until it is answered", proves, PATH_V4 },
	{ "A30 two idle ends do not wait for each other", idle_ends, PATH_V6 },
	{ "A30 the previous epoch is wiped in time", previous_ends, PATH_V4 },
	{ "A30 keys that nobody proves are wiped", waiting_ends, PATH_V4 },
	{ "A30 they outlast a peer that has moved and cannot be heard", waits, PATH_V4 },
	{ "A30 for ever, with the age off", waits_for_ever, PATH_V4 },
	{ "A30 keys that the owner has vouched for stay", told_stays, PATH_V4 },
	{ "A30 and end when the peer is never heard in them", told_ends, PATH_V4 },
	{ "A30 a proof goes to where the peer is now", proves_there, PATH_V4 },
	{ "A30 a key that nobody replaces expires: EKEYEXPIRED", expires, PATH_V4 },
	{ "A30 with a lower age not before it could be replaced", lowered, PATH_V4 },
	{ "A30 with the age off it does not", never, PATH_V4 },
	{ "A30 all that with an owner that is stopped", stopped_owner, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
