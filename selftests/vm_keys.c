// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* A25, A30: which keys may be installed, which are used, and when they go. */
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define ID 0xce75ULL
#define TX STT_DIRECTION_TX
#define RX STT_DIRECTION_RX

/* The peer's next frame of an epoch is delivered. */
static bool accepts(struct duo *d, uint8_t epoch)
{
	struct frame f = peer_next(&d->p, "in", 2);

	f.epoch = epoch;
	check(peer_send_frame(&d->p, &f));
	check(receives(d->fd, "in", 2));
	return true;
}

/* It is dropped, because there is no key of that epoch. */
static bool refuses(struct duo *d, uint8_t epoch)
{
	uint64_t before = session_stat(&d->k, d->id, STT_A_STATS_DROP_NO_EPOCH);
	struct frame f = peer_next(&d->p, "in", 2);

	f.epoch = epoch;
	check(peer_send_frame(&d->p, &f));
	check_is(session_stat(&d->k, d->id, STT_A_STATS_DROP_NO_EPOCH), before + 1);
	check(is_empty(d->fd));
	return true;
}

/* The node's next frame is of this epoch and, libsodium says, of its key. */
static bool sends(struct duo *d, uint8_t epoch, uint64_t counter)
{
	uint8_t buf[FRAME_MAX];
	struct frame f;

	check_is(send(d->fd, "out", 3, 0), 3);
	check(peer_recv(&d->p, &f, buf, NULL));
	check_is(f.epoch, epoch);
	check_is(f.counter, counter);
	check_is(f.len, 3);
	check_is(side_get(&d->k, d->id).tx_epoch, epoch);
	return true;
}

static int set_tx_epoch(struct duo *d, uint8_t epoch)
{
	struct stt_session_info s = {
		.node = d->k.node, .id = d->id, .has_tx_epoch = true, .tx_epoch = epoch,
	};

	return stt_ctl_session_set(d->k.ctl, &s);
}

static bool create_only(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check_is(side_key(&d.k, ID, TX, 0), -EEXIST);	/* itself, again */
	for (int i = 0; i < 2; i++) {
		struct stt_key key = key_spec(ID + 1, 0, i ? TX : RX, 0);

		check_is(stt_ctl_key_new(d.k.ctl, d.k.node, ID, &key), -EEXIST);
	}
	check(accepts(&d, 0));
	check(sends(&d, 0, 0));
	return true;
}

static bool no_skipping(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	for (int epoch = 2; epoch < 8; epoch++) {
		check_is(side_key(&d.k, ID, TX, epoch), -EINVAL);
		check_is(side_key(&d.k, ID, RX, epoch), -EINVAL);
	}
	check_is(side_key(&d.k, ID, TX, 1), 0);
	check_is(side_key(&d.k, ID, RX, 1), 0);
	/* The one after the next: not before the next is in use. */
	check_is(side_key(&d.k, ID, TX, 2), -EBUSY);
	check_is(side_key(&d.k, ID, RX, 2), -EINVAL);
	check_is(side_key(&d.k, ID, TX, 7), -EBUSY);
	check_is(side_key(&d.k, ID, RX, 7), -EINVAL);
	return true;
}

static int install_as(struct duo *d, uint8_t direction, uint8_t epoch, uint8_t as_direction,
		      uint8_t as_epoch)
{
	struct stt_key key = key_spec(d->id, d->k.end, direction, epoch);

	key.direction = as_direction;
	key.epoch = as_epoch;
	return stt_ctl_key_new(d->k.ctl, d->k.node, d->id, &key);
}

/* A secret that the session has, in whatever place, is refused in every other. */
static bool same_secret(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	for (int have = TX; have <= RX; have++) {
		check_is(install_as(&d, have, 0, TX, 1), -EINVAL);
		check_is(install_as(&d, have, 0, RX, 1), -EINVAL);
	}
	check_is(side_key(&d.k, ID, TX, 1), 0);
	check_is(install_as(&d, TX, 1, RX, 1), -EINVAL);
	check_is(side_key(&d.k, ID, RX, 1), 0);
	check(accepts(&d, 1));
	check_is(install_as(&d, RX, 0, RX, 2), -EINVAL);
	check_is(install_as(&d, RX, 1, TX, 2), -EINVAL);
	check_is(side_key(&d.k, ID, TX, 2), 0);
	return true;
}

/* In a session's first request as well. */
static bool same_secret_at_birth(int arg)
{
	struct stt_session_info s;
	struct side k;

	(void)arg;
	check(side_open(&k, PATH_V4, 0));
	s = session_spec(&k, ID, &k.addr);
	memcpy(s.keys[1].secret, s.keys[0].secret, STT_KEY_LEN);
	check_is(stt_ctl_session_new(k.ctl, &s), -EINVAL);
	check_is(stt_ctl_session_get(k.ctl, k.node, ID, &s), -ENOENT);
	s = session_spec(&k, ID, &k.addr);
	s.keys[1].direction = TX;
	check_is(stt_ctl_session_new(k.ctl, &s), -EEXIST);
	check_is(stt_ctl_session_get(k.ctl, k.node, ID, &s), -ENOENT);
	return true;
}

static bool three_epochs(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check(accepts(&d, 0));
	check(refuses(&d, 1));
	check_is(side_key(&d.k, ID, RX, 1), 0);
	check(accepts(&d, 0) && accepts(&d, 1));	/* the peer moves */
	check_is(side_get(&d.k, ID).rx_epoch, 1);
	check_is(side_key(&d.k, ID, RX, 2), 0);
	check(accepts(&d, 0) && accepts(&d, 1) && refuses(&d, 3));
	check(accepts(&d, 2));
	check_is(side_get(&d.k, ID).rx_epoch, 2);
	check(refuses(&d, 0));
	check(accepts(&d, 1) && accepts(&d, 2));
	/* The epoch that left cannot come back. */
	check_is(side_key(&d.k, ID, RX, 0), -EINVAL);
	return true;
}

static bool sender_follows(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check(sends(&d, 0, 0));
	check_is(side_key(&d.k, ID, TX, 1), 0);
	check(sends(&d, 0, 1));
	check_is(side_key(&d.k, ID, RX, 1), 0);
	check(sends(&d, 0, 2));
	check(accepts(&d, 0));
	check(sends(&d, 0, 3));
	check(accepts(&d, 1));		/* the proof that the peer has it */
	check(sends(&d, 1, 0));
	check(accepts(&d, 0));		/* a late one changes nothing */
	check(sends(&d, 1, 1));
	return true;
}

/* The peer moves first; the send key comes later, and is not used before its proof. */
static bool key_after_proof(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check_is(side_key(&d.k, ID, RX, 1), 0);
	check(accepts(&d, 1));
	check(sends(&d, 0, 0));
	check_is(side_key(&d.k, ID, TX, 1), 0);
	check_is(set_tx_epoch(&d, 1), 0);
	check(sends(&d, 1, 0));
	return true;
}

static bool sender_told(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check_is(set_tx_epoch(&d, 1), -ENOKEY);
	check_is(side_key(&d.k, ID, TX, 1), 0);
	check_is(set_tx_epoch(&d, 2), -ENOKEY);
	check_is(set_tx_epoch(&d, 0), 0);
	check(sends(&d, 0, 0));
	check_is(set_tx_epoch(&d, 1), 0);
	check(sends(&d, 1, 0));
	check_is(set_tx_epoch(&d, 1), 0);
	check_is(set_tx_epoch(&d, 0), -ENOKEY);
	check(sends(&d, 1, 1));
	return true;
}

/* Round the eight epochs, twice and a half. */
static bool wraps(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	check(accepts(&d, 0) && sends(&d, 0, 0));
	for (unsigned int i = 1; i <= 20; i++) {
		uint8_t epoch = i % 8, before = (i + 7) % 8;

		/* A secret of the round before does not come back. */
		if (i >= 8)
			check_is(side_key(&d.k, ID, RX, epoch), -EINVAL);
		key_round[epoch] = i / 8;
		check_is(side_key(&d.k, ID, RX, epoch), 0);
		check_is(side_key(&d.k, ID, TX, epoch), 0);
		check(sends(&d, before, 1));
		check(accepts(&d, epoch));
		check(sends(&d, epoch, 0));
		check(accepts(&d, before));
		if (i >= 2)
			check(refuses(&d, (i + 6) % 8));
	}
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), 0);
	return true;
}

static bool removal(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check_is(stt_ctl_key_del(d.k.ctl, d.k.node, ID, 1, TX), -ENOENT);
	check_is(stt_ctl_key_del(d.k.ctl, d.k.node, ID, 0, RX), 0);
	check_is(stt_ctl_key_del(d.k.ctl, d.k.node, ID, 0, RX), -ENOENT);
	check(refuses(&d, 0));
	check(sends(&d, 0, 0));
	check_is(stt_ctl_key_del(d.k.ctl, d.k.node, ID, 0, TX), 0);
	check_fails(send(d.fd, "x", 1, 0), ENOKEY);
	/* Removed is not forgotten: neither epoch can be installed again. */
	for (int i = 0; i < 2; i++) {
		struct stt_key key = key_spec(ID + 1, 0, i ? TX : RX, 0);
		int err = stt_ctl_key_new(d.k.ctl, d.k.node, ID, &key);

		check(err == -EEXIST || err == -EINVAL);
	}
	check_is(side_key(&d.k, ID, TX, 1), 0);
	check_is(set_tx_epoch(&d, 1), 0);
	check(sends(&d, 1, 0));
	return true;
}

/* As side_key(), in the place of a key that waits. */
static int replace(struct duo *d, uint8_t direction, uint8_t epoch)
{
	struct stt_key key = key_spec(d->id, d->k.end, direction, epoch);

	return stt_ctl_key_replace(d->k.ctl, d->k.node, d->id, &key);
}

static int cancel(struct duo *d, uint8_t direction, uint8_t epoch)
{
	return stt_ctl_key_cancel(d->k.ctl, d->k.node, d->id, epoch, direction);
}

/* The other secret is the one, and the first does not come back. */
static bool replaced(int arg)
{
	uint64_t bad;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	/* With nothing in that place it is as without. */
	check_is(replace(&d, RX, 1), 0);
	check_is(replace(&d, TX, 1), 0);
	check_is(replace(&d, RX, 1), -EINVAL);	/* the same */
	check_is(replace(&d, RX, 2), -EINVAL);
	check_is(replace(&d, TX, 2), -EBUSY);
	key_round[1]++;
	check_is(replace(&d, RX, 1), 0);
	check_is(replace(&d, TX, 1), 0);
	key_round[1]--;
	check_is(replace(&d, RX, 1), -EINVAL);
	bad = session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG);
	check(peer_send_frame(&d.p, &(struct frame){ .session = ID, .epoch = 1, .kind = 0x10 }));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), bad + 1);
	key_round[1]++;
	check(accepts(&d, 1) && sends(&d, 1, 0));
	check(accepts(&d, 0));
	return true;
}

/* What is in use, at either end, neither gives way nor is taken away. */
static bool in_use(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	for (int direction = TX; direction <= RX; direction++) {
		check_is(replace(&d, direction, 0), -EEXIST);
		check_is(cancel(&d, direction, 0), -EBUSY);
		check_is(cancel(&d, direction, 1), -ENOENT);
		check_is(side_key(&d.k, ID, direction, 1), 0);
	}
	/* We send in it, and may be answered at any time. */
	check_is(set_tx_epoch(&d, 1), 0);
	key_round[1]++;
	for (int direction = TX; direction <= RX; direction++) {
		check_is(replace(&d, direction, 1), -EEXIST);
		check_is(cancel(&d, direction, 1), -EBUSY);
	}
	key_round[1]--;
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, NULL, 0));
	check(sends(&d, 1, 1));
	check(accepts(&d, 1));
	return true;
}

static bool cancelled(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check_is(side_key(&d.k, ID, RX, 1), 0);
	check_is(side_key(&d.k, ID, TX, 1), 0);
	check_is(cancel(&d, TX, 1), 0);
	check_is(cancel(&d, RX, 1), 0);
	check(refuses(&d, 1));
	check(accepts(&d, 0));
	check(sends(&d, 0, 0));
	/* Others may come in their place. */
	check_is(side_key(&d.k, ID, RX, 1), -EINVAL);
	key_round[1]++;
	check_is(side_key(&d.k, ID, RX, 1), 0);
	check_is(side_key(&d.k, ID, TX, 1), 0);
	check(accepts(&d, 1) && sends(&d, 1, 0));
	return true;
}

/* However many have waited and given way since. */
static bool same_secret_later(int arg)
{
	struct stt_key key;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	for (int i = 0; i < 40; i++) {
		check_is(replace(&d, TX, 1), 0);
		key_round[1]++;
	}
	for (int have = TX; have <= RX; have++) {
		for (int direction = TX; direction <= RX; direction++) {
			key = key_spec(ID, d.k.end, have, 0);
			key.direction = direction;
			key.epoch = 1;
			check_is(stt_ctl_key_replace(d.k.ctl, d.k.node, ID, &key), -EINVAL);
		}
	}
	return true;
}

static bool started_without(int arg)
{
	struct stt_session_info s;
	uint8_t buf[FRAME_MAX];
	struct frame f;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check_is(stt_ctl_session_del(d.k.ctl, d.k.node, ID, 0), 0);
	check(peer_recv(&d.p, &f, buf, NULL));
	check_is(f.kind, STT_KIND_SESSION_CLOSE);
	s = session_spec(&d.k, ID, &d.p.addr);
	s.n_keys = 0;
	check_is(stt_ctl_session_new(d.k.ctl, &s), 0);
	drop(d.fd);
	d.fd = stt_connected(&d.k, ID, 0);
	check_fails(send(d.fd, "x", 1, 0), ENOKEY);
	check(refuses(&d, 0));
	/* The first epoch may be any. */
	check_is(side_key(&d.k, ID, TX, 6), 0);
	check_is(side_key(&d.k, ID, RX, 7), 0);
	check(sends(&d, 6, 0));
	check(accepts(&d, 7));
	check_is(side_key(&d.k, ID, RX, 0), 0);
	check(accepts(&d, 0) && accepts(&d, 7));
	return true;
}

/* A key waits also where there is none to send with, and so no epoch of that. */
static bool waits_unsent(int arg)
{
	struct stt_session_info s;
	struct side k;

	(void)arg;
	check(side_open(&k, PATH_V4, 0));
	s = session_spec(&k, ID, &k.addr);
	s.n_keys = 0;
	check_is(stt_ctl_session_new(k.ctl, &s), 0);
	check_is(side_key(&k, ID, RX, 7), 0);
	check_is(side_key(&k, ID, RX, 0), 0);
	check_is(stt_ctl_key_cancel(k.ctl, k.node, ID, 0, RX), 0);
	return true;
}

static bool suites(int arg)
{
	struct stt_key key = key_spec(ID, 0, TX, 1);
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	for (int suite = 0; suite < 256; suite++) {
		if (suite == STT_SUITE_CHACHA20POLY1305 || suite == STT_SUITE_AES256GCM)
			continue;
		key.suite = suite;
		check_is(stt_ctl_key_new(d.k.ctl, d.k.node, ID, &key), -EOPNOTSUPP);
	}
	check_is(side_key(&d.k, ID, TX, 1), 0);
	return true;
}

static bool read_back(int arg)
{
	static const uint8_t zero[STT_KEY_LEN];
	struct stt_session_info s;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check_is(side_key(&d.k, ID, TX, 1), 0);
	check_is(side_key(&d.k, ID, RX, 1), 0);
	for (int i = 0; i < 5; i++)
		check(accepts(&d, 0) && sends(&d, 0, i));
	s = side_get(&d.k, ID);
	check_is(s.n_keys, 4);
	for (unsigned int i = 0; i < 4; i++) {
		check(!memcmp(s.keys[i].secret, zero, sizeof(zero)));
		check_is(s.keys[i].suite, key_suite);
		if (s.keys[i].epoch == 0)
			check_is(s.keys[i].counter, s.keys[i].direction == TX ? 5 : 4);
		else
			check_is(s.keys[i].counter, 0);
	}
	check(s.has_tx_epoch && s.has_rx_epoch);
	check_is(s.tx_epoch, 0);
	check_is(s.rx_epoch, 0);
	return true;
}

static const struct test tests[] = {
	{ "A25 keys are create-only", create_only, 0 },
	{ "A25 an epoch is followed by the next one only", no_skipping, 0 },
	{ "A25 a secret the session has is refused", same_secret, 0 },
	{ "A25 whatever has waited since", same_secret_later, 0 },
	{ "A25 in the session's first request as well", same_secret_at_birth, 0 },
	{ "A25 previous, current and next epoch are received, no other", three_epochs, 0 },
	{ "A30 the node sends with a new key when the peer has proved it", sender_follows, 0 },
	{ "A30 or when it is told to", sender_told, 0 },
	{ "A30 a send key that comes after the peer has moved", key_after_proof, 0 },
	{ "A30 twenty rekeys, round the eight epochs", wraps, PATH_V4 },
	{ "A25 removed keys: ENOKEY, no_epoch, and not again", removal, 0 },
	{ "A30 a key that waits gives way to another", replaced, 0 },
	{ "A30 a key in use does not", in_use, 0 },
	{ "A30 a key that waits is taken away", cancelled, 0 },
	{ "A25 a session without keys gets them later", started_without, 0 },
	{ "A30 a receive key waits without a send key as well", waits_unsent, 0 },
	{ "A25 unknown suites are refused", suites, 0 },
	{ "R26 keys are read back without their secrets", read_back, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
