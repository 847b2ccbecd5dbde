// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* A12: handshake frames are limited by source before anybody is woken. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"
#include "lib/sysctl.h"

#define LIMITED STT_A_STATS_DROP_HS_RATE
#define SITE_NETS 30

struct target {
	struct side s;
	int hs;
};

static bool target_open(struct target *t, enum path path)
{
	check(side_open(&t->s, path, 0));
	t->hs = stt_bound_handshake(&t->s);
	check(t->hs >= 0);
	return true;
}

/* A UDP socket in b on an address that vm_flood.sh has set. */
static int source(const char *text)
{
	union stt_addr addr;

	return udp_open_at(PATH_V4, 1, text, &addr);
}

static bool send_type(const struct target *t, int fd, uint8_t type)
{
	size_t len = type == STT_FRAME_HELLO ? STT_HS_HELLO_LEN :
		     type == STT_FRAME_RESPONSE ? STT_HS_RESPONSE_LEN : STT_HS_PROOF_LEN;
	uint8_t frame[STT_HS_HELLO_LEN] = { type };

	check_is(sendto(fd, frame, len, 0, &t->s.addr.sa, addr_len(&t->s.addr)), (ssize_t)len);
	return true;
}

/*
 * Is @got what a bucket of @burst gives at @rate a second, when it was full at
 * @since (see now_ms())? On a slow machine tokens come back meanwhile.
 */
static bool is_budget(int got, int burst, int rate, uint64_t since)
{
	uint64_t back = (now_ms() - since) * rate / 1000;

	if (got >= burst && (uint64_t)(got - burst) <= back)
		return true;
	printf("# %d came through, of %d and at most %llu more\n", got, burst,
	       (unsigned long long)back);
	return false;
}

/* How many of @n frames come through. */
static int pass(const struct target *t, int fd, uint8_t type, int n)
{
	uint8_t frame[STT_HS_FRAME_MAX];
	int got = 0;

	for (int i = 0; i < n; i++) {
		if (!send_type(t, fd, type))
			return -1;
	}
	while (recv(t->hs, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		got++;
	return got;
}

/* The way of a source is known to both ends, so that what it sends is there at once. */
static bool warm(const struct target *t, int fd)
{
	uint8_t frame[STT_HS_FRAME_MAX];

	check(fd >= 0);
	check(send_type(t, fd, STT_FRAME_RESPONSE));
	check_is(recv(t->hs, frame, sizeof(frame), 0), STT_HS_RESPONSE_LEN);
	return true;
}

static bool by_source(int path)
{
	const char *first = path == PATH_V6 ? "fd77:2::9" : "10.77.9.2";
	const char *second = path == PATH_V6 ? "fd77:3::9" : "10.77.9.3";
	struct target t, other;
	uint64_t since;
	int more;

	check(handshake_limits(0, 5));
	check(target_open(&t, path));
	check(target_open(&other, path));
	check(warm(&t, source(first)));
	check(warm(&t, source(second)));
	check(handshake_limits(1, 5));
	since = now_ms();
	check_is(pass(&t, source(first), STT_FRAME_HELLO, 5), 5);
	more = pass(&t, source(first), STT_FRAME_HELLO, 20);
	check(is_budget(5 + more, 5, 1, since));
	check_is(node_stat(&t.s, LIMITED), 20 - more);
	check_is(pass(&t, source(second), STT_FRAME_HELLO, 5), 5);
	/* At another node it has not asked for anything yet. */
	check_is(pass(&other, source(first), STT_FRAME_HELLO, 5), 5);
	check_is(node_stat(&other.s, LIMITED), 0);
	return true;
}

/* A network of 64 bits is one source. */
static bool by_network(int arg)
{
	struct target t;
	uint64_t since;

	(void)arg;
	check(handshake_limits(0, 5));
	check(target_open(&t, PATH_V6));
	check(warm(&t, source("fd77:9::2")));
	check(warm(&t, source("fd77:9::3")));
	check(warm(&t, source("fd77:2::9")));
	check(handshake_limits(1, 5));
	since = now_ms();
	check_is(pass(&t, source("fd77:9::2"), STT_FRAME_HELLO, 3), 3);
	check(is_budget(3 + pass(&t, source("fd77:9::3"), STT_FRAME_HELLO, 20), 5, 1, since));
	check_is(pass(&t, source("fd77:2::9"), STT_FRAME_HELLO, 5), 5);
	return true;
}

/* One of the networks of a /48, see vm_flood.sh. */
static int source_in(unsigned int net)
{
	char text[40];

	snprintf(text, sizeof(text), "fd77:5:0:%x::9", net);
	return source(text);
}

/* All networks of a /48 together have the share of eight. */
static bool by_site(int arg)
{
	struct target t;
	uint64_t since;
	int got = 0;

	(void)arg;
	check(handshake_limits(0, 5));
	check(target_open(&t, PATH_V6));
	for (unsigned int net = 0; net < SITE_NETS; net++)
		check(warm(&t, source_in(net)));
	check(warm(&t, source("fd77:2::9")));
	check(handshake_limits(1, 5));
	since = now_ms();
	for (unsigned int net = 0; net < SITE_NETS; net++)
		got += pass(&t, source_in(net), STT_FRAME_HELLO, 5);
	check(is_budget(got, 40, 8, since));
	check_is(node_stat(&t.s, LIMITED), 5 * SITE_NETS - got);
	check_is(pass(&t, source("fd77:2::9"), STT_FRAME_HELLO, 5), 5);
	return true;
}

/* The answers of a peer whose address is on a flood of HELLOs. */
static bool answers(int arg)
{
	struct target t;
	uint64_t since;
	int fd;

	(void)arg;
	check(handshake_limits(1, 5));
	check(target_open(&t, PATH_V4));
	fd = source("10.77.9.2");
	since = now_ms();
	check(is_budget(pass(&t, fd, STT_FRAME_HELLO, 50), 5, 1, since));
	since = now_ms();
	check_is(pass(&t, fd, STT_FRAME_RESPONSE, 1), 1);
	check_is(pass(&t, fd, STT_FRAME_AUTH_PROOF, 1), 1);
	check_is(pass(&t, fd, STT_FRAME_FINAL, 1), 1);
	/* But they are limited as well. */
	check(is_budget(3 + pass(&t, fd, STT_FRAME_FINAL, 50), 5, 1, since));
	return true;
}

/* HELLOs fill half of the receive buffer at most. */
static bool room(int arg)
{
	uint8_t frame[STT_HS_FRAME_MAX];
	int size = 16384, hellos = 0;
	struct target t;
	int fd;

	(void)arg;
	check(handshake_limits(0, 1));
	check(target_open(&t, PATH_V4));
	check_is(setsockopt(t.hs, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	fd = source("10.77.9.2");
	for (int i = 0; i < 500; i++)
		check(send_type(&t, fd, STT_FRAME_HELLO));
	for (int i = 0; i < 3; i++)
		check(send_type(&t, fd, STT_FRAME_RESPONSE));
	while (recv(t.hs, frame, sizeof(frame), MSG_DONTWAIT) > 0 && frame[0] == STT_FRAME_HELLO)
		hellos++;
	check(hellos > 5 && hellos < 100);
	check_is(frame[0], STT_FRAME_RESPONSE);
	check_is(node_stat(&t.s, STT_A_STATS_DROP_HANDSHAKE), 500 - hellos);
	check_is(recv(t.hs, frame, sizeof(frame), 0), STT_HS_RESPONSE_LEN);
	check_is(recv(t.hs, frame, sizeof(frame), 0), STT_HS_RESPONSE_LEN);
	return true;
}

/* Send until one comes through again: nothing else tells of a token. */
static bool wait_token(const struct target *t, int fd)
{
	uint64_t until = now_ms() + TIMEOUT_MS;

	while (pass(t, fd, STT_FRAME_HELLO, 1) == 0) {
		if (now_ms() > until)
			return false;
		readable(t->hs, 20);
	}
	return true;
}

/* Tokens come back with time, and no more than the burst of them. */
static bool refill(int arg)
{
	struct target t;
	uint64_t since;
	int fd;

	(void)arg;
	check(handshake_limits(10, 3));
	check(target_open(&t, PATH_V4));
	fd = source("10.77.9.3");
	since = now_ms();
	check(is_budget(pass(&t, fd, STT_FRAME_HELLO, 20), 3, 10, since));
	check(wait_token(&t, fd));
	/* It is full after three tenths of a second, and then no more comes. */
	check(!readable(t.hs, 600));
	since = now_ms();
	check(is_budget(pass(&t, fd, STT_FRAME_HELLO, 20), 3, 10, since));
	return true;
}

/* Who has used up a large burst is not held to it under new limits. */
static bool lower_burst(int path)
{
	struct target t;
	int fd;

	check(handshake_limits(1, 1000));
	check(target_open(&t, path));
	fd = source(path == PATH_V6 ? "fd77:2::9" : "10.77.9.2");
	for (int i = 0; i < 20; i++)
		check_is(pass(&t, fd, STT_FRAME_HELLO, 20), 20);
	/* Of 400 tokens at one a second 398 are missing. */
	check(handshake_limits(10, 3));
	check(wait_token(&t, fd));
	return true;
}

static bool off(int arg)
{
	struct target t;
	int got = 0, fd;

	(void)arg;
	check(handshake_limits(0, 1));
	check(target_open(&t, PATH_V4));
	fd = source("10.77.9.2");
	for (int i = 0; i < 100; i++)
		got += pass(&t, fd, STT_FRAME_HELLO, 20);
	check_is(got, 2000);
	check_is(node_stat(&t.s, LIMITED), 0);
	return true;
}

static const struct test tests[] = {
	{ "A12 a source has its burst, at each node, IPv4", by_source, PATH_V4 },
	{ "A12 a source has its burst, at each node, IPv6", by_source, PATH_V6 },
	{ "A12 an IPv6 network of 64 bits is one source", by_network, 0 },
	{ "A12 an IPv6 network of 48 bits has the share of eight", by_site, 0 },
	{ "A12 a flood of HELLOs does not stop answers from its address", answers, 0 },
	{ "A12 HELLOs leave half of the receive buffer to answers", room, 0 },
	{ "A12 the limit lets go with time", refill, 0 },
	{ "A12 other limits count at once, IPv4", lower_burst, PATH_V4 },
	{ "A12 other limits count at once, IPv6", lower_burst, PATH_V6 },
	{ "A12 rate 0: no limit", off, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
