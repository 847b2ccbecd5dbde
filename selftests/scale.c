// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/crowd.c */
/*
 * scale N...: what N sessions on one node take, as `tools/run bench --scale` shows
 * it: memory, the cost of creating, of finding one for a frame, of heartbeats, of
 * deleting all. Times are those of the guest's clock, which counts instructions
 * (1 ns each). Prints lines "N NAME VALUE".
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/crowd.h"
#include "lib/peer.h"

#define SINGLE		200	/* sessions created one by one */
#define SAMPLES		2048	/* frames that are received */
#define BURST		32
#define PAYLOAD		64
#define HEARTBEAT_MS	30000
#define BEATING		100000	/* sessions whose heartbeats are measured */

static unsigned int n_now;

static void show(const char *name, double value)
{
	printf("%u %s %.1f\n", n_now, name, value);
	fflush(stdout);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Seconds that the CPUs were not idle, from power-on. */
static double busy_seconds(void)
{
	double up = 0, idle = 0;
	FILE *f = fopen("/proc/uptime", "re");

	if (!f || fscanf(f, "%lf %lf", &up, &idle) != 2)
		up = idle = 0;
	if (f)
		fclose(f);
	return up * (double)sysconf(_SC_NPROCESSORS_ONLN) - idle;
}

static int count_one(const struct stt_session_info *s, void *arg)
{
	(void)s;
	++*(unsigned int *)arg;
	return 0;
}

static bool create(struct side *k, unsigned int n, const union stt_addr *to, uint32_t heartbeat)
{
	unsigned int single = n > SINGLE ? SINGLE : 0;
	struct stt_session_info spec = { 0 };
	uint64_t begin = now_ns();

	for (unsigned int i = 0; i < single; i++) {
		crowd_spec(&spec, k, i, to, heartbeat);
		check_is(stt_ctl_session_new(k->ctl, &spec), 0);
	}
	if (single)
		show("create_single_ns", (double)(now_ns() - begin) / single);
	begin = now_ns();
	check(crowd_create(k, single, n - single, to, heartbeat));
	show("create_batch_ns", (double)(now_ns() - begin) / (n - single));
	return true;
}

static bool show_memory(const struct memory *before)
{
	struct memory m;

	if (!memory_now(&m))
		return false;
	show("session_bytes", (double)(m.session - before->session) / n_now);
	show("rx_key_bytes", (double)(m.rx_key - before->rx_key) / n_now);
	show("tx_key_bytes", (double)(m.tx_key - before->tx_key) / n_now);
	show("index_bytes", (double)(m.index - before->index) / n_now);
	show("kernel_bytes", (double)(m.kernel - before->kernel) / n_now);
	show("kernel_mib", (double)(m.kernel - before->kernel) / (1 << 20));
	return true;
}

/* Frame @i of a round goes to a session far from that of the one before. */
static unsigned int spread(unsigned int i, unsigned int n)
{
	return (uint64_t)i * 2654435761U % n;
}

static void seal_all(uint8_t frames[][PAYLOAD + FRAME_OVERHEAD], unsigned int n, unsigned int round)
{
	static const uint8_t payload[PAYLOAD];
	uint8_t key[STT_KEY_LEN];

	for (unsigned int i = 0; i < SAMPLES; i++) {
		unsigned int at = spread(i, n);
		struct frame f = {
			.counter = (uint64_t)round * SAMPLES + i,
			.session = CROWD_ID + at,
			.kind = 0x10,
			.payload = payload,
			.len = PAYLOAD,
		};

		crowd_key(key, at, 1);
		frame_seal(frames[i], &f, key);
	}
}

/* Send and receive all; instructions a message. */
static bool receive_all(const struct peer *p, int fd, uint8_t frames[][PAYLOAD + FRAME_OVERHEAD],
			double *cost)
{
	uint64_t begin = now_ns();
	char buf[PAYLOAD + 1];

	for (unsigned int i = 0; i < SAMPLES; i += BURST) {
		for (unsigned int j = i; j < i + BURST; j++)
			check(peer_raw(p, frames[j], sizeof(frames[j])));
		for (unsigned int j = i; j < i + BURST; j++)
			check_is(recv(fd, buf, sizeof(buf), 0), PAYLOAD);
	}
	*cost = (double)(now_ns() - begin) / SAMPLES;
	return true;
}

/* The first round is the one that wakes up each session; the others are alike. */
static bool lookup(struct side *k, struct peer *p)
{
	static uint8_t frames[SAMPLES][PAYLOAD + FRAME_OVERHEAD];
	double cost = 0;
	int fd;

	p->to = k->addr;
	fd = stt_bound(k, STT_SESSION_ANY);
	check(fd >= 0);
	for (unsigned int round = 0; round < 3; round++) {
		seal_all(frames, n_now, round);
		check(receive_all(p, fd, frames, &cost));
	}
	show("receive_ns", cost);
	return true;
}

static bool idle(const char *name, unsigned int seconds)
{
	double before = busy_seconds();

	sleep(seconds);
	show(name, 100 * (busy_seconds() - before) / seconds);
	return true;
}

/* CPU of two nodes that ask and answer: two minutes of silence, one with heartbeats. */
static bool heartbeats(void)
{
	struct side a, b;

	check(side_open(&a, PATH_V4, 0));
	check(side_open(&b, PATH_V4, 1));
	check(idle("idle_percent", 60));
	check(crowd_create(&a, 0, n_now, &b.addr, HEARTBEAT_MS));
	check(crowd_create(&b, 0, n_now, &a.addr, HEARTBEAT_MS));
	check(idle("heartbeat_percent", 60));
	show("heartbeats", (double)node_stat(&a, STT_A_STATS_TX_FRAMES));
	check_is(side_get(&a, CROWD_ID).state, STT_SESSION_STATE_ACTIVE);
	check_is(stt_ctl_node_del(a.ctl, a.node, 0), 0);
	check_is(stt_ctl_node_del(b.ctl, b.node, 0), 0);
	return true;
}

static bool measure(int arg)
{
	struct memory before;
	unsigned int n = 0;
	uint64_t begin;
	struct side k;
	struct peer p;

	n_now = (unsigned int)arg;
	check(memory_is_back());
	check(side_open(&k, PATH_V4, 0));
	check(peer_open(&p, PATH_V4, 1));
	check(memory_now(&before));
	check(create(&k, n_now, &p.addr, 0));
	check(show_memory(&before));
	check(lookup(&k, &p));
	begin = now_ns();
	check_is(stt_ctl_session_dump(k.ctl, k.node, count_one, &n), 0);
	check_is(n, n_now);
	show("dump_ns", (double)(now_ns() - begin) / n_now);
	begin = now_ns();
	check_is(stt_ctl_node_del(k.ctl, k.node, 0), 0);
	show("delete_all_s", (double)(now_ns() - begin) / 1e9);
	check(memory_is_back());
	return n_now != BEATING || heartbeats();
}

int main(int argc, char **argv)
{
	struct test tests[8];
	size_t n = 0;

	if (sodium_init() < 0)
		return 1;
	for (int i = 1; i < argc && n < ARRAY_SIZE(tests); i++)
		tests[n++] = (struct test) { argv[i], measure, atoi(argv[i]) };
	return suite_run(tests, n);
}
