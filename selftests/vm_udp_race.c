// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * R12, R16: the same socket in several threads at once, each on a CPU of its
 * own as far as there are enough. On one CPU they still take turns anywhere.
 */
#include <sched.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/peer.h"
#include "lib/slow.h"

#define ID 0x4aceULL
#define RUN_MS 3000
#define ROUNDS_MIN 10	/* of each, however slow the machine */

struct racer {
	struct worker w;
	const struct duo *d;
	int fd;
	unsigned int cpu;
	uint64_t rounds;
	int wrong;		/* an errno that cannot be */
};

static uint64_t stop_at;

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static bool goes_on(struct racer *r)
{
	r->rounds++;
	return r->rounds <= ROUNDS_MIN || now_ms() < stop_at;
}

/* What a call may say while another thread connects and disconnects. */
static void note(struct racer *r, long ret)
{
	if (ret >= 0 || errno == ENOTCONN || errno == EDESTADDRREQ || errno == EAGAIN ||
	    errno == ECONNREFUSED)
		return;
	r->wrong = errno;
}

static long reconnect(void *arg)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct racer *r = arg;
	struct sockaddr_stt to = stt_at(&r->d->k, ID, 3);

	pin(r->cpu);
	while (goes_on(r)) {
		note(r, stt_connect_at(r->fd, &to));
		note(r, connect(r->fd, &none, sizeof(none)));
	}
	return 0;
}

static long ask_mtu(void *arg)
{
	struct racer *r = arg;
	socklen_t len;
	int mtu;

	pin(r->cpu);
	while (goes_on(r)) {
		len = sizeof(mtu);
		note(r, getsockopt(r->fd, SOL_STT, STT_MTU, &mtu, &len));
	}
	return 0;
}

static long send_all(void *arg)
{
	struct racer *r = arg;

	pin(r->cpu);
	while (goes_on(r))
		note(r, send(r->fd, "to whom", 7, MSG_DONTWAIT));
	return 0;
}

static long ask_names(void *arg)
{
	struct racer *r = arg;
	struct sockaddr_stt name;
	socklen_t len;

	pin(r->cpu);
	while (goes_on(r)) {
		len = sizeof(name);
		note(r, getpeername(r->fd, (struct sockaddr *)&name, &len));
		len = sizeof(name);
		note(r, getsockname(r->fd, (struct sockaddr *)&name, &len));
	}
	return 0;
}

static bool race(struct racer *r, size_t n, long (*const fn[])(void *arg))
{
	stop_at = now_ms() + RUN_MS * slow();
	for (size_t i = 0; i < n; i++)
		check(worker_start(&r[i].w, fn[i], &r[i]));
	for (size_t i = 0; i < n; i++)
		worker_join(&r[i].w);
	for (size_t i = 0; i < n; i++) {
		check_is(r[i].wrong, 0);
		check(r[i].rounds > ROUNDS_MIN);
	}
	return true;
}

/* A socket bound to any session; connected, it is of one, and back again. */
static bool connecting(int bound)
{
	static long (*const fn[])(void *arg) = { reconnect, ask_mtu, send_all, ask_names };
	static struct racer r[4];
	static struct duo d;
	struct sockaddr_stt any;
	int fd;

	check(duo_open(&d, PATH_V4, ID));
	fd = stt_socket(PATH_V4, 0);
	any = stt_at(&d.k, 0, 3);
	if (bound)
		check_is(stt_bind_at(fd, &any), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = (struct racer) { .d = &d, .fd = fd, .cpu = i };
	suite_all_cpus();
	check(race(r, ARRAY_SIZE(r), fn));
	return duo_quiet(&d);
}

/* ------------------------------------------------------------------------ */
/* The UDP socket                                                           */

static long read_udp(void *arg)
{
	struct racer *r = arg;
	char c;

	pin(r->cpu);
	while (goes_on(r))
		note(r, recv(r->fd, &c, 1, MSG_DONTWAIT));
	return 0;
}

static long cork_udp(void *arg)
{
	const union stt_addr *to = &((struct racer *)arg)->d->p.addr;
	struct racer *r = arg;

	pin(r->cpu);
	while (goes_on(r)) {
		note(r, sendto(r->fd, "a", 1, MSG_MORE | MSG_DONTWAIT, &to->sa, addr_len(to)));
		note(r, sendto(r->fd, "b", 1, MSG_DONTWAIT, &to->sa, addr_len(to)));
	}
	return 0;
}

static long peek_udp(void *arg)
{
	struct racer *r = arg;

	pin(r->cpu);
	while (goes_on(r)) {
		note(r, setsockopt(r->fd, SOL_SOCKET, SO_PEEK_OFF, &(int) { 0 }, sizeof(int)));
		note(r, setsockopt(r->fd, SOL_SOCKET, SO_BUSY_POLL, &(int) { 50 }, sizeof(int)));
		note(r, setsockopt(r->fd, SOL_SOCKET, SO_PEEK_OFF, &(int) { -1 }, sizeof(int)));
	}
	return 0;
}

static long flood(void *arg)
{
	static uint8_t out[FRAME_MAX];
	struct racer *r = arg;
	struct peer p = r->d->p;

	pin(r->cpu);
	while (goes_on(r)) {
		struct frame f = peer_next(&p, "flood", 5);

		if (!peer_raw(&p, out, peer_seal(&p, out, &f)))
			r->wrong = errno;
	}
	return p.counter;
}

/*
 * The owner reads the attached socket, corks, and plays with SO_PEEK_OFF and
 * SO_BUSY_POLL under a flood. Some frames are his then, but all is well.
 */
static bool owner(int before)
{
	static long (*const fn[])(void *arg) = { flood, cork_udp, read_udp, peek_udp };
	static struct racer r[4];
	static struct duo d;
	int poll = 50;

	check(duo_open(&d, PATH_V4, ID));
	if (before) {
		check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
		check_is(setsockopt(d.k.udp, SOL_SOCKET, SO_BUSY_POLL, &poll, sizeof(poll)), 0);
		check_is(stt_ctl_node_new(d.k.ctl, d.k.udp, &(uint32_t) { 0 }, &d.k.node), 0);
		check_is(side_session(&d.k, ID, &d.p.addr), 0);
		d.fd = stt_connected(&d.k, ID, 0);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = (struct racer) { .d = &d, .fd = d.k.udp, .cpu = i };
	suite_all_cpus();
	check(race(r, ARRAY_SIZE(r), fn));

	check(session_stat(&d.k, ID, STT_A_STATS_RX_FRAMES) > 0);
	d.p.counter = r[0].w.result;
	while (recv(d.fd, &poll, sizeof(poll), MSG_DONTWAIT) >= 0)
		;
	return duo_quiet(&d);
}

static const struct test tests[] = {
	{ "R12 connect, disconnect, send, STT_MTU, names at once; bound to any", connecting, 1 },
	{ "R12 connect, disconnect, send, STT_MTU, names at once; not bound", connecting, 0 },
	{ "R16 reads, corked sends, SO_PEEK_OFF, SO_BUSY_POLL under a flood", owner, 0 },
	{ "R16 the same, SO_BUSY_POLL set before", owner, 1 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
