// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c */
/*
 * A16: a device that wants more room in front of a frame than it did when the
 * frame's size was settled. Senders wait in SO_SNDBUF on a tunnel whose own way
 * then leads through a second tunnel: the held frames teach the first one how
 * much room that takes, and only then the senders get their buffers.
 */
#include <net/if.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/side.h"

#define ID 0x4001ULL
#define SENDERS 24
/* Buffers of 1,024 bytes are just big enough for one of these, whatever else is in them. */
#define LEN(i) (470 + 8 * (i))

struct sender {
	struct worker w;
	int fd;
	size_t len;
};

static long send_one(void *arg)
{
	static const uint8_t text[LEN(SENDERS)];
	struct sender *s = arg;

	return send(s->fd, text, s->len, 0);
}

static bool run(char *const argv[])
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	check_is(waitpid(pid, &status, 0), pid);
	check_is(status, 0);
	return true;
}

/* The outer packets of the first tunnel go through the second from here on. */
static bool reroute(void)
{
	char *const argv[] = { "ip", "-n", (char *)env("NS_A"), "route", "replace",
			       (char *)env("NS_B4"), "dev", "tun1", NULL };

	return run(argv);
}

/* What was held back may go; it does so with the next packet. */
static bool release(void)
{
	char *const argv[] = { "tc", "-n", (char *)env("NS_A"), "qdisc", "change", "dev", "tun0",
			       "root", "tbf", "rate", "1gbit", "burst", "1m", "limit", "10m",
			       NULL };
	const union stt_addr to = addr_of(env("TUN_B4"), 9);
	int fd;

	check(run(argv));
	fd = keep(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	check_is(sendto(fd, "go", 2, 0, &to.sa, addr_len(&to)), 2);
	return true;
}

static bool fill(int fd)
{
	static const uint8_t text[1000];

	while (send(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
		;
	check_is(errno, EAGAIN);
	return true;
}

static bool sides_tunnel(struct side *a, struct side *b)
{
	*a = (struct side) { .path = PATH_V4, .end = 0 };
	*b = (struct side) { .path = PATH_V4, .end = 1 };
	a->udp = udp_open_at(PATH_V4, 0, env("TUN_A4"), &a->addr);
	b->udp = udp_open_at(PATH_V4, 1, env("TUN_B4"), &b->addr);
	check(a->udp >= 0 && b->udp >= 0);
	check(ctl_open(&a->ctl, PATH_V4, 0));
	check(ctl_open(&b->ctl, PATH_V4, 1));
	check_is(stt_ctl_node_new(a->ctl, a->udp, &(uint32_t) { 0 }, &a->node), 0);
	check_is(stt_ctl_node_new(b->ctl, b->udp, &(uint32_t) { 0 }, &b->node), 0);
	check_is(side_session(a, ID, &b->addr), 0);
	check_is(side_session(b, ID, &a->addr), 0);
	return true;
}

static bool start_sender(struct sender *s, const struct side *a, unsigned int i)
{
	const struct sockaddr_stt to = stt_at(a, ID, 100 + i);

	s->len = LEN(i);
	s->fd = stt_socket(PATH_V4, 0);
	check_is(stt_connect_at(s->fd, &to), 0);
	check_is(setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &(int) { 1 }, sizeof(int)), 0);
	check(fill(s->fd));
	check(worker_start(&s->w, send_one, s));
	return worker_blocked(&s->w);
}

static bool grows(int arg)
{
	static struct sender senders[SENDERS];
	static uint8_t buf[2000];
	struct side a, b;
	unsigned int got = 0;
	int fd;

	(void)arg;
	if (!getenv("TUN_A4"))
		return skip_test("the kernel has no ipip, gre or tbf");
	check(sides_tunnel(&a, &b));
	fd = stt_bound(&b, ID);
	for (unsigned int i = 0; i < SENDERS; i++)
		check(start_sender(&senders[i], &a, i));
	check(reroute());
	check(release());
	for (unsigned int i = 0; i < SENDERS; i++)
		check_is(worker_join(&senders[i].w), senders[i].len);
	while (got < SENDERS) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		check(n > 0);
		got += n != 1000;
	}
	return true;
}

static const struct test tests[] = {
	{ "A16 a device wants more headroom while senders wait in SO_SNDBUF", grows, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
