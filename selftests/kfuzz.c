// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/fuzzk/world.c selftests/fuzzk/life.c selftests/fuzzk/netlink.c selftests/fuzzk/request.c selftests/fuzzk/socket.c selftests/fuzzk/wire.c selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * The kernel fuzzer, see fuzzk/fuzz.h: kfuzz [--seconds N] [--seed N]
 * [--steps A-B] [--actors LIST] [--log]
 *
 * Without --steps it runs for a time. $RESULTS/kfuzz.progress says how far each
 * actor has come, so that the last steps before a crash can be tried again:
 * --steps takes every actor from step A to step B, --actors only those named.
 * Nothing is left of the steps before A, so begin some way ahead of the crash.
 * --log shows each step before it is taken.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fuzzk/fuzz.h"
#include "ksft.h"
#include "tap.h"

#define PROGRESS_EVERY 16
#define PROGRESS_LINE 64

static struct actor actors[] = {
	{ .crew = &crew_life },
	{ .crew = &crew_netlink }, { .crew = &crew_netlink },
	{ .crew = &crew_socket }, { .crew = &crew_socket },
	{ .crew = &crew_wire }, { .crew = &crew_wire },
};

static struct crew *const crews[] = { &crew_life, &crew_netlink, &crew_socket, &crew_wire };

static struct {
	uint64_t seed;
	unsigned long seconds;
	uint64_t first, last;		/* steps; last 0: no end */
	unsigned int actors;		/* bits */
	bool log;
} options = { .seconds = 60, .actors = ~0U };

static int progress = -1;

/* The random numbers of a step do not depend on the steps before it. */
static void seed_step(struct actor *a)
{
	a->random = options.seed ^ (uint64_t)(a->number + 1) * 0xd1342543de82ef95ULL;
	a->random += a->step * 0x2545f4914f6cdd1dULL;
	pick(a, 1);
}

static struct op *choose_op(struct actor *a)
{
	unsigned int sum = 0, at;
	struct op *op = a->crew->ops;

	for (size_t i = 0; i < a->crew->n_ops; i++)
		sum += op[i].weight;
	at = pick(a, sum);
	while (at >= op->weight)
		at -= op++->weight;
	return op;
}

/* Written to a file outside the machine under test, in place. */
static void note_progress(const struct actor *a)
{
	char line[2 * PROGRESS_LINE];
	int len = snprintf(line, sizeof(line), "actor %u %s step %llu", a->number,
			   a->crew->name, (unsigned long long)a->step);

	memset(line + len, ' ', PROGRESS_LINE - len);
	line[PROGRESS_LINE - 1] = '\n';
	if (pwrite(progress, line, PROGRESS_LINE, a->number * PROGRESS_LINE) < 0)
		progress = -1;
}

static void take_step(struct actor *a)
{
	struct op *op;
	bool good;

	if (progress >= 0 && a->step % PROGRESS_EVERY == 0)
		note_progress(a);
	seed_step(a);
	op = choose_op(a);
	if (options.log)
		printf("# actor %u step %llu %s %s\n", a->number, (unsigned long long)a->step,
		       a->crew->name, op->name);
	good = op->fn(a);
	__atomic_fetch_add(&op->calls, 1, __ATOMIC_RELAXED);
	if (good)
		__atomic_fetch_add(&op->good, 1, __ATOMIC_RELAXED);
}

static long actor_main(void *arg)
{
	struct actor *a = arg;

	a->own = a->crew->open(a);
	if (!a->own)
		return -1;
	for (a->step = options.first; !options.last || a->step <= options.last; a->step++) {
		if (__atomic_load_n(&world_stop, __ATOMIC_RELAXED))
			break;
		take_step(a);
	}
	a->crew->close(a);
	return 0;
}

/* ------------------------------------------------------------------------ */

static bool is_on(unsigned int number)
{
	return options.actors >> number & 1;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Calls are interrupted now and then, and none waits for ever. */
static void disturb(uint64_t until)
{
	const struct timespec pause = { .tv_nsec = 100000000 };

	while (now_ms() < until && !nanosleep(&pause, NULL))
		for (unsigned int i = 0; i < ARRAY_SIZE(actors); i++)
			if (is_on(i))
				pthread_kill(actors[i].w.thread, SIGUSR1);
}

static bool run_actors(void)
{
	const struct sigaction act = { .sa_handler = on_signal };
	bool good = true;

	sigaction(SIGUSR1, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (unsigned int i = 0; i < ARRAY_SIZE(actors); i++) {
		actors[i].number = i;
		if (is_on(i))
			good &= worker_start(&actors[i].w, actor_main, &actors[i]);
	}
	if (!options.last) {
		disturb(now_ms() + options.seconds * 1000);
		__atomic_store_n(&world_stop, true, __ATOMIC_RELAXED);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(actors); i++)
		if (is_on(i))
			good &= !worker_join(&actors[i].w);
	return good;
}

static void show_counts(void)
{
	for (size_t c = 0; c < ARRAY_SIZE(crews); c++)
		for (size_t i = 0; i < crews[c]->n_ops; i++)
			tap_diag("%-8s %-12s %9llu times, %9llu did something",
				 crews[c]->name, crews[c]->ops[i].name,
				 (unsigned long long)crews[c]->ops[i].calls,
				 (unsigned long long)crews[c]->ops[i].good);
	for (unsigned int i = STT_A_STATS_RX_FRAMES; i <= STT_A_STATS_MAX; i++)
		tap_diag("nodes    %-18s %12llu", stt_stat_name(i),
			 (unsigned long long)world_stats.v[i]);
}

/* With all actors and some time, everything must have worked at least once. */
static bool all_exercised(void)
{
	static const unsigned int counted[] = {
		STT_A_STATS_RX_FRAMES, STT_A_STATS_TX_FRAMES, STT_A_STATS_DROP_REPLAYED,
		STT_A_STATS_DROP_BAD_TAG, STT_A_STATS_RX_HANDSHAKE,
	};
	bool good = true;

	if (options.last || options.actors != ~0U || options.seconds < 30)
		return true;
	for (size_t c = 0; c < ARRAY_SIZE(crews); c++)
		for (size_t i = 0; i < crews[c]->n_ops; i++)
			if (!crews[c]->ops[i].calls) {
				tap_diag("never taken: %s %s", crews[c]->name,
					 crews[c]->ops[i].name);
				good = false;
			}
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++)
		if (!world_stats.v[counted[i]]) {
			tap_diag("never counted: %s", stt_stat_name(counted[i]));
			good = false;
		}
	return good;
}

/* The last socket may be on its way out; nothing announces its end. */
static bool nothing_left(void)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	uint64_t until = now_ms() + TIMEOUT_MS;
	struct stt_info info = { .nodes = 1 };
	struct stt_ctl *ctl;

	if (stt_ctl_open(&ctl))
		return false;
	while (!stt_ctl_info(ctl, &info) && (info.nodes || info.sessions) &&
	       now_ms() < until)
		nanosleep(&pause, NULL);
	stt_ctl_close(ctl);
	if (info.nodes || info.sessions)
		tap_diag("%u nodes and %u sessions are left", info.nodes, info.sessions);
	return !info.nodes && !info.sessions;
}

/* Long datagrams shall be cut in pieces on loopback too. */
static void small_mtu(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_mtu = 1500 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ioctl(fd, SIOCSIFMTU, &ifr);
	close(fd);
}

static void open_progress(void)
{
	const char *dir = getenv("RESULTS");
	char path[400];

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/kfuzz.progress", dir);
	progress = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static __attribute__((noreturn)) void usage(void)
{
	fputs("kfuzz [--seconds N] [--seed N] [--steps A-B] [--actors 0,1,...] [--log]\n",
	      stderr);
	exit(2);
}

static unsigned int actor_list(char *text)
{
	unsigned int bits = 0, n;

	for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		n = strtoul(word, NULL, 10);
		if (n >= ARRAY_SIZE(actors))
			usage();
		bits |= 1U << n;
	}
	return bits;
}

static void parse_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seconds", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "steps", required_argument, NULL, 'n' },
		{ "actors", required_argument, NULL, 'a' },
		{ "log", no_argument, NULL, 'l' },
		{ 0 },
	};
	unsigned long long first, last;
	int c;

	options.seed = randombytes_random();
	while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (c == 't') {
			options.seconds = strtoul(optarg, NULL, 10);
		} else if (c == 's') {
			options.seed = strtoull(optarg, NULL, 0);
		} else if (c == 'n' && sscanf(optarg, "%llu-%llu", &first, &last) == 2 && last) {
			options.first = first;
			options.last = last;
		} else if (c == 'a') {
			options.actors = actor_list(optarg);
		} else if (c == 'l') {
			options.log = true;
		} else {
			usage();
		}
	}
}

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return 1;
	parse_options(argc, argv);
	ksft_own_netns();
	small_mtu();
	open_progress();
	tap_plan(3);
	tap_diag("seed %llu", (unsigned long long)options.seed);
	world_open();
	tap_ok(run_actors(), "fuzz: all actors came to their end");
	world_close();
	show_counts();
	tap_ok(all_exercised(), "fuzz: everything was exercised");
	tap_ok(nothing_left(), "fuzz: no node and no session is left");
	return tap_exit();
}
