// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/runs.c */
/*
 * What arrives need not be as it was sent: a network card's GRO makes one skb of
 * frames that came one by one, and a driver may have them in large buffers.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sodium.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/peer.h"
#include "lib/runs.h"
#include "lib/sysctl.h"

#define ID 0x1122334455667788ULL
#define PIECE 100
#define PIECES 20

static uint8_t message[PIECES * PIECE];

/* A feature of the device that joins an end with the other. */
static bool set_feature(int path, int end, unsigned int cmd, unsigned int value)
{
	struct ethtool_value feature = { .cmd = cmd, .data = value };
	struct ifreq ifr = { .ifr_data = (char *)&feature };
	int fd;

	strcpy(ifr.ifr_name, end ? "to_a" : "to_b");
	check(enter(path, end));
	fd = keep(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	check(fd >= 0);
	check_is(ioctl(fd, SIOCETHTOOL, &ifr), 0);
	return true;
}

/* veth puts together only what a device without TSO has sent. */
static bool card_gro(int path, int end)
{
	return set_feature(path, !end, ETHTOOL_STSO, 0) &&
	       set_feature(path, end, ETHTOOL_SGRO, 1);
}

static bool set_gro(int fd)
{
	int one = 1;

	randombytes_buf(message, sizeof(message));
	return !setsockopt(fd, SOL_STT, STT_GRO, &one, sizeof(one));
}

static bool put_together(int path)
{
	struct sides l;
	unsigned int calls;
	int a, b;

	check(card_gro(path, 1));
	check(sides_open(&l, path, ID));
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check(a >= 0 && b >= 0 && set_gro(b));
	for (unsigned int i = 0; i < PIECES; i++)
		check_is(send(a, message + i * PIECE, PIECE, 0), PIECE);
	check(readable(b, TIMEOUT_MS));
	check(comes_in_runs(b, message, sizeof(message), PIECE, &calls));
	printf("# %u messages in %u runs\n", PIECES, calls);
	check(calls < PIECES);
	check_is(session_stat(&l.b, ID, STT_A_STATS_RX_FRAMES), PIECES);
	return true;
}

/* One that was changed on the way is in the middle: it alone is missing. */
static bool one_is_bad(int path)
{
	uint8_t raw[PIECE + FRAME_OVERHEAD];
	struct frame f;
	struct duo d;

	check(card_gro(path, 0));
	check(duo_open(&d, path, ID));
	randombytes_buf(message, sizeof(message));
	for (unsigned int i = 0; i < PIECES; i++) {
		f = peer_next(&d.p, message + i * PIECE, PIECE);
		peer_seal(&d.p, raw, &f);
		raw[50] ^= i == PIECES / 2;
		check(peer_raw(&d.p, raw, sizeof(raw)));
	}
	for (unsigned int i = 0; i < PIECES; i++)
		check(i == PIECES / 2 || receives(d.fd, message + i * PIECE, PIECE));
	check(is_empty(d.fd));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), 1);
	return true;
}

static void normal_memory(void *arg)
{
	(void)arg;
	sysctl_set("reassembly_max_bytes", 16 << 20);
}

/* As if there were more to come: the stack takes a buffer for all that a packet holds. */
static bool send_in_large_buffer(struct peer *p, const struct frame *f)
{
	uint8_t raw[PIECE + FRAME_OVERHEAD];
	size_t len = peer_seal(p, raw, f);

	check_is(sendto(p->fd, raw, len, MSG_MORE, &p->to.sa, addr_len(&p->to)), len);
	check_is(sendto(p->fd, raw, 0, 0, &p->to.sa, addr_len(&p->to)), 0);
	return true;
}

/*
 * Frames of a byte in buffers of a packet, 2 KiB: what waits for the rest of its
 * message takes what it needs, as all of it would be too much.
 */
static bool large_buffers(int path)
{
	struct frame f;
	struct duo d;

	check(set_feature(path, 0, ETHTOOL_SGRO, 0));
	check(set_feature(path, 1, ETHTOOL_SSG, 0));
	check(duo_open(&d, path, ID));
	check(sysctl_set("reassembly_max_bytes", 16 << 10));
	at_end(normal_memory, NULL);
	for (unsigned int i = 0; i < 10; i++) {
		f = peer_next(&d.p, message + i, 1);
		f.frag = (uint8_t)i;
		f.last = 9;
		check(send_in_large_buffer(&d.p, &f));
	}
	check(receives(d.fd, message, 10));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_FRAGMENT), 0);
	return true;
}

static const struct test tests[] = {
	{ "A16 frames that GRO has put together are read in runs, IPv4", put_together, PATH_V4 },
	{ "A16 frames that GRO has put together are read in runs, IPv6", put_together, PATH_V6 },
	{ "A24 a bad frame that GRO has put among good ones", one_is_bad, PATH_V4 },
	{ "A31 frames in buffers that are much larger", large_buffers, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
