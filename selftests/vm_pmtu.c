// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c */
/*
 * A16: the path gets narrower behind the first link. DF is set, a router says so
 * by ICMP, and from then on messages are cut to what the path lets through.
 */
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/side.h"

#define ID 0x1122334455667788ULL
#define WIDE 1500
#define NARROW 1300
#define LOCKED 1400

static uint8_t message[STT_MESSAGE_MAX];

static unsigned int room(int path, unsigned int mtu)
{
	return mtu - (path == PATH_V6 ? 40 : 20) - 8 - 40;
}

static unsigned int mtu_of(int fd)
{
	unsigned int mtu = 0;
	socklen_t len = sizeof(mtu);

	return getsockopt(fd, SOL_STT, STT_MTU, &mtu, &len) ? 0 : mtu;
}

/* The router's word comes when it comes. */
static bool gets_narrow(int fd, int path)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	uint64_t until = now_ms() + TIMEOUT_MS;

	while (mtu_of(fd) != room(path, NARROW) && now_ms() < until)
		nanosleep(&pause, NULL);
	check_is(mtu_of(fd), room(path, NARROW));
	return true;
}

static bool follows(int path)
{
	const size_t sizes[] = { 1, room(path, NARROW), room(path, WIDE), 9000, 65536 };
	int a, b, segment = (int)room(path, WIDE);
	struct sides l;

	randombytes_buf(message, sizeof(message));
	check(sides_open(&l, path, ID));
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check(a >= 0 && b >= 0);
	check_is(mtu_of(a), room(path, WIDE));
	check_is(send(a, message, 100, 0), 100);
	check(receives(b, message, 100));
	/* Too long for the path, which nobody knows yet: lost, and then known. */
	check_is(send(a, message, room(path, WIDE), 0), room(path, WIDE));
	check(gets_narrow(a, path));
	check(is_empty(b));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		check_is(send(a, message, sizes[i], 0), sizes[i]);
		check(receives(b, message, sizes[i]));
	}
	/* What is never split is refused from now on. */
	check_is(setsockopt(a, SOL_STT, STT_SEGMENT, &segment, sizeof(segment)), 0);
	check_fails(send(a, message, 4000, 0), EMSGSIZE);
	segment = (int)room(path, NARROW);
	check_is(setsockopt(a, SOL_STT, STT_SEGMENT, &segment, sizeof(segment)), 0);
	check_is(send(a, message, 3U * room(path, NARROW), 0), 3 * room(path, NARROW));
	for (unsigned int i = 0; i < 3; i++)
		check(receives(b, message + i * room(path, NARROW), room(path, NARROW)));
	return true;
}

/* The datagram as it came: is there a DF, and whole it came. */
static bool comes_without_df(int raw)
{
	uint8_t packet[WIDE];
	ssize_t n = recv(raw, packet, sizeof(packet), 0);

	check(n > 20);
	check_is(packet[6] & 0x40, 0);
	return true;
}

/*
 * A route whose MTU is locked is for paths on which no ICMP comes back: nothing is
 * learnt about it, and routers may cut what is sent.
 */
static bool locked(int path)
{
	int a, b, raw;
	struct sides l;

	/* The other address of b is behind such a one. The last test. */
	check_is(setenv("NS_B4", env("LOCKED4"), 1), 0);
	check(sides_open(&l, path, ID));
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check(a >= 0 && b >= 0 && enter(path, 1));
	raw = keep(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP));
	check(raw >= 0 && set_timeout(raw, TIMEOUT_MS));
	check_is(mtu_of(a), room(path, LOCKED));
	check_is(send(a, message, room(path, LOCKED), 0), room(path, LOCKED));
	check(receives(b, message, room(path, LOCKED)));
	check(comes_without_df(raw));
	return true;
}

static const struct test tests[] = {
	{ "A16 the MTU of the path is followed, IPv4", follows, PATH_V4 },
	{ "A16 the MTU of the path is followed, IPv6", follows, PATH_V6 },
	{ "A16 a route with a locked MTU: no DF, and what a router cuts arrives", locked, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
