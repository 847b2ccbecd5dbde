// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/late_page.c */
/*
 * A16: the way to the peer goes through a tunnel of IPsec, which takes room, and
 * looks itself at the size of what it is given.
 */
#include <net/if.h>
#include <netinet/in.h>
#include <sodium.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/late_page.h"
#include "lib/side.h"

#define ID 0x1b5ecULL
#define WIDE 1500
#define NARROW 1300

static uint8_t message[STT_MESSAGE_MAX];

/* Of the link of a. */
static bool set_mtu(int mtu)
{
	struct ifreq ifr = { .ifr_name = "to_b", .ifr_mtu = mtu };
	int fd;

	check(enter(PATH_V4, 0));
	fd = keep(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	check_is(ioctl(fd, SIOCSIFMTU, &ifr), 0);
	return true;
}

static void wide_again(void *arg)
{
	(void)arg;
	set_mtu(WIDE);
}

static bool narrow(void)
{
	at_end(wide_again, NULL);
	return set_mtu(NARROW);
}

static unsigned int mtu_of(int fd)
{
	unsigned int mtu = 0;
	socklen_t len = sizeof(mtu);

	return getsockopt(fd, SOL_STT, STT_MTU, &mtu, &len) ? 0 : mtu;
}

static unsigned int room(int path, unsigned int mtu)
{
	return mtu - (path == PATH_V6 ? 40 : 20) - 8 - 40;
}

/* From a to b; the other direction has no tunnel. */
static bool arrives(int a, int b, size_t len)
{
	check_is(send(a, message, len, 0), len);
	check(receives(b, message, len));
	return true;
}

static bool sizes(int path)
{
	const size_t len[] = { 0, 1, 1200, 1473, 9000, 65000, 65536 };
	struct sides l;
	int a, b;

	randombytes_buf(message, sizeof(message));
	check(sides_open(&l, path, ID));
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check(a >= 0 && b >= 0);
	/* The tunnel takes its part. */
	check(mtu_of(a) && mtu_of(a) < room(path, WIDE));
	check(arrives(a, b, mtu_of(a)));
	for (size_t i = 0; i < ARRAY_SIZE(len); i++)
		check(arrives(a, b, len[i]));
	return true;
}

/* A session remembers a route from the tick after its birth on. Nothing announces that. */
static void let_tick(void)
{
	const struct timespec pause = { .tv_nsec = 30000000 };

	nanosleep(&pause, NULL);
}

struct late_send {
	struct late_page *page;
	size_t len;
	int fd;
};

static long send_late(void *arg)
{
	struct late_send *s = arg;

	return send(s->fd, s->page->page, s->len, 0);
}

/*
 * The way gets narrower when the size of a frame is settled. The tunnel says
 * that it is too big, to a UDP socket that wants to hear it as well.
 */
static bool too_big_for(int path, bool dontfrag)
{
	static struct late_send late;
	static struct worker w;
	struct sides l;
	int b;

	check(sides_open(&l, path, ID));
	if (dontfrag)
		check_is(setsockopt(l.a.udp, SOL_IPV6, IPV6_DONTFRAG, &(int){ 1 }, sizeof(int)), 0);
	late.fd = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check(late.fd >= 0 && b >= 0);
	late.page = late_page_open();
	if (!late.page)
		return skip_test("no userfaultfd");
	late.len = mtu_of(late.fd);
	let_tick();
	check(arrives(late.fd, b, late.len));
	check(worker_start(&w, send_late, &late));
	check(late_page_wait(late.page));
	check(narrow());
	/* The first to look finds out, for all that have this route. */
	check(arrives(late.fd, b, 1));
	check(mtu_of(late.fd) < late.len);

	check(late_page_fill(late.page, "late", 4));
	check_is(worker_join(&w), -1);
	check_is(w.err, EMSGSIZE);
	check(is_empty(b));
	check(arrives(late.fd, b, late.len));
	return true;
}

static bool too_big(int path)
{
	return too_big_for(path, false);
}

static bool too_big_dontfrag(int path)
{
	return too_big_for(path, true);
}

static const struct test tests[] = {
	{ "A16 messages through a tunnel of IPsec, IPv4", sizes, PATH_V4 },
	{ "A16 messages through a tunnel of IPsec, IPv6", sizes, PATH_V6 },
	{ "A16 frames too big for the tunnel at the last moment, IPv4", too_big, PATH_V4 },
	{ "A16 frames too big for the tunnel at the last moment, IPv6", too_big, PATH_V6 },
	{ "A16 the same with IPV6_DONTFRAG on the UDP socket", too_big_dontfrag, PATH_V6 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
