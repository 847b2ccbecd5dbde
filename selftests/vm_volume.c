// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * A30: an AES-256-GCM key that seals as many frames as it may. At half of them a new
 * one is asked for; at the end no message goes any more, what the module says itself
 * does, and a new key sends again.
 */
#include <netinet/udp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"
#include "lib/slow.h"

#define ID 0x701f3eULL
#define END (1ULL << 23)
#define BATCH 64

static uint64_t counter_of(const struct duo *d)
{
	struct stt_session_info info = side_get(&d->k, ID);

	for (unsigned int i = 0; i < info.n_keys; i++)
		if (info.keys[i].direction == STT_DIRECTION_TX)
			return info.keys[i].counter;
	return 0;
}

/* Nobody reads at the peer: what it has no room for costs little. */
static bool send_frames(const struct duo *d, uint64_t n)
{
	static const uint8_t bytes[BATCH];

	for (; n >= BATCH; n -= BATCH)
		check_is(send(d->fd, bytes, BATCH, 0), BATCH);
	if (n)
		check_is(send(d->fd, bytes, n, 0), n);
	return true;
}

/* The peer empties its buffer, and hears the answer to its heartbeat. */
static bool still_answers(struct duo *d)
{
	struct frame beat = peer_next(&d->p, NULL, 0);
	int off = 0;

	check_is(setsockopt(d->p.fd, IPPROTO_UDP, UDP_GRO, &off, sizeof(off)), 0);
	while (recv(d->p.fd, &off, sizeof(off), MSG_DONTWAIT) >= 0)
		;
	beat.kind = STT_KIND_HEARTBEAT;
	check(peer_send_frame(&d->p, &beat));
	return peer_hears(&d->p, STT_KIND_HEARTBEAT_ACK, NULL, 0);
}

/* Keys of the next epoch, in which the peer is heard. */
static bool new_keys(struct duo *d)
{
	check_is(side_key(&d->k, ID, STT_DIRECTION_RX, 1), 0);
	check_is(side_key(&d->k, ID, STT_DIRECTION_TX, 1), 0);
	d->p.epoch = 1;
	d->p.counter = 0;
	check(peer_send(&d->p, "new", 3));
	check(receives(d->fd, "new", 3));
	check_is(send(d->fd, "x", 1, 0), 1);
	return peer_hears(&d->p, STT_MSG_DATA, "x", 1);
}

static bool key_ends(int path)
{
	struct stt_event ev;
	int one = 1;
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	check_is(setsockopt(d.p.fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one)), 0);
	check_is(setsockopt(d.fd, SOL_STT, STT_SEGMENT, &one, sizeof(one)), 0);
	check(send_frames(&d, END / 2));
	check(no_event(d.k.ctl));
	check(send_frames(&d, 1));
	check(event_of(d.k.ctl, STT_CMD_SESSION_REKEY_NTF, &ev));
	check_is(ev.session.rekey_reason, STT_REKEY_VOLUME);
	check(send_frames(&d, END / 2 - 1));
	check_is(counter_of(&d), END);
	check_fails(send(d.fd, "x", 1, 0), EKEYEXPIRED);
	check_is(counter_of(&d), END);
	check(still_answers(&d));
	check(new_keys(&d));
	return true;
}

static const struct test tests[] = {
	{ "A30 an AES-256-GCM key ends after 2^23 frames", key_ends, PATH_LO4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (slow() > 1) {
		printf("1..0 # SKIP so many frames take too long on this kernel\n");
		return 0;
	}
	key_suite = STT_SUITE_AES256GCM;
	return suite(tests);
}
