// SPDX-License-Identifier: GPL-2.0-only
/*
 * cost [--bursts N] CELL: nanoseconds of the monotonic clock per message, which
 * are instructions in a VM whose clock counts them (tools/vm/bench.sh). A burst
 * of messages is sent and received by this one program; two bursts warm up, N
 * (40) are measured. Prints a line:
 *
 *	CELL <tab> median burst <tab> mean <tab> lowest <tab> highest
 *	CELL <tab> - <tab> reason		(this kernel does not have it)
 *
 * cost --profile FILE SAMPLES CELL: takes samples of the stack after that.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/stt.h>

#include "cost.h"

#define BURST		44
#define WARM_UP		2
#define MEASURED	40
#define MEASURED_MAX	1000
#define MESSAGE_MAX	1400

static const char *const mode_names[MODES] = {
	[MODE_SINGLE] = "single",
	[MODE_SEGMENT] = "segment",
	[MODE_BATCH] = "batch",
};

static uint8_t out[BURST * MESSAGE_MAX];
static uint8_t in[BURST * MESSAGE_MAX];

static void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	fputs("cost: ", stderr);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, " (%s)\n", strerror(err));
	va_end(ap);
	exit(1);
}

bool not_there(struct pair *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->reason, sizeof(p->reason), fmt, ap);
	va_end(ap);
	return false;
}

bool enter(const char *variable)
{
	const char *name = getenv(variable);
	char file[300];
	bool ok;
	int fd;

	snprintf(file, sizeof(file), "/run/netns/%s", name ? name : "");
	fd = open(file, O_RDONLY | O_CLOEXEC);
	ok = fd >= 0 && !setns(fd, CLONE_NEWNET);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* ------------------------------------------------------------------------ */
/* A burst                                                                  */

static void send_burst(const struct pair *p, const struct cell *c)
{
	if (c->mode != MODE_SINGLE) {
		if (send(p->tx, out, BURST * c->size, 0) != (ssize_t)(BURST * c->size))
			die("sending %u bytes", BURST * c->size);
		return;
	}
	for (unsigned int i = 0; i < BURST; i++) {
		if (send(p->tx, out + i * c->size, c->size, 0) != (ssize_t)c->size)
			die("sending %u bytes", c->size);
		profile_next();
	}
}

static void receive_messages(const struct pair *p, const struct cell *c)
{
	for (unsigned int i = 0; i < BURST; i++) {
		if (recv(p->rx, in + i * c->size, MESSAGE_MAX, 0) != (ssize_t)c->size)
			die("receiving message %u", i);
		profile_next();
	}
}

/* The size of the messages that came in one piece. */
static unsigned int run_size(const struct pair *p, struct msghdr *msg, size_t len)
{
	struct cmsghdr *cmsg;
	int size = len;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == p->level && cmsg->cmsg_type == p->type)
			memcpy(&size, CMSG_DATA(cmsg), sizeof(size));
	}
	return size;
}

static void receive_runs(const struct pair *p, const struct cell *c)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov;
	struct msghdr msg;
	size_t have = 0;
	ssize_t len;

	while (have < BURST * c->size) {
		iov = (struct iovec) { .iov_base = in + have, .iov_len = sizeof(in) - have };
		msg = (struct msghdr) {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control),
		};
		len = recvmsg(p->rx, &msg, 0);
		if (len <= 0 || msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
			die("receiving a run after %zu bytes", have);
		if (run_size(p, &msg, len) != c->size)
			die("a run of messages of %u bytes", run_size(p, &msg, len));
		have += len;
		profile_next();
	}
}

static void burst(const struct pair *p, const struct cell *c)
{
	send_burst(p, c);
	if (c->mode == MODE_BATCH)
		receive_runs(p, c);
	else
		receive_messages(p, c);
}

/* What arrives is what was sent, in its order. */
static void warm_up(const struct pair *p, const struct cell *c)
{
	for (unsigned int i = 0; i < sizeof(out); i++)
		out[i] = i * 31 + i / 251;
	for (unsigned int i = 0; i < WARM_UP; i++) {
		memset(in, 0, sizeof(in));
		burst(p, c);
		if (memcmp(in, out, BURST * c->size))
			die("other bytes came than were sent");
	}
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* ------------------------------------------------------------------------ */
/* A cell                                                                   */

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Nanoseconds of each burst, sorted. */
static void measure(const struct pair *p, const struct cell *c, uint64_t *t, unsigned long n)
{
	uint64_t start;

	warm_up(p, c);
	for (unsigned long i = 0; i < n; i++) {
		start = now();
		burst(p, c);
		t[i] = now() - start;
	}
	qsort(t, n, sizeof(*t), by_size);
}

static void print_bursts(const char *name, const uint64_t *t, unsigned long n)
{
	double sum = 0;

	for (unsigned long i = 0; i < n; i++)
		sum += t[i];
	printf("%s\t%.1f\t%.1f\t%.1f\t%.1f\n", name, (double)t[n / 2] / BURST,
	       sum / n / BURST, (double)t[0] / BURST, (double)t[n - 1] / BURST);
}

static void profile(const struct pair *p, const struct cell *c, unsigned long samples)
{
	while (profile_samples() < samples) {
		profile_on();
		burst(p, c);
		profile_off();
	}
}

static bool cell_parse(struct cell *c, const char *name)
{
	char mode[16];

	if (sscanf(name, "%23[a-z0-9]-%15[a-z]-%u", c->transport, mode, &c->size) != 3 ||
	    !c->size || c->size > MESSAGE_MAX)
		return false;
	for (unsigned int i = 0; i < MODES; i++) {
		if (!strcmp(mode, mode_names[i])) {
			c->mode = i;
			return true;
		}
	}
	return false;
}

static bool pair_open(struct pair *p, const struct cell *c)
{
	*p = (struct pair) { .tx = -1, .rx = -1 };
	if (!strcmp(c->transport, "udp"))
		return udp_pair(p, c, "NS_B4");
	if (!strcmp(c->transport, "wg"))
		return udp_pair(p, c, "WG_B4");
	if (!strcmp(c->transport, "chacha"))
		return stt_pair(p, c, STT_SUITE_CHACHA20POLY1305);
	if (!strcmp(c->transport, "gcm"))
		return stt_pair(p, c, STT_SUITE_AES256GCM);
	errno = EINVAL;
	die("no transport '%s'", c->transport);
}

/**
 * struct job - what the command line asks for
 * @name: of the cell
 * @bursts: to be measured
 * @samples: of the stack, to be taken after that
 */
struct job {
	const char *name;
	unsigned long bursts;
	unsigned long samples;
};

/* The nodes of a pair go with the program: one cell a process. */
static void run(const struct job *job)
{
	static uint64_t t[MEASURED_MAX];
	struct cell c;
	struct pair p;

	errno = EINVAL;
	if (!cell_parse(&c, job->name))
		die("'%s' is no cell", job->name);
	if (!pair_open(&p, &c)) {
		printf("%s\t-\t%s\n", job->name, p.reason);
		return;
	}
	measure(&p, &c, t, job->bursts);
	print_bursts(job->name, t, job->bursts);
	profile(&p, &c, job->samples);
}

static bool job_parse(struct job *job, int argc, char **argv)
{
	int i = 1;

	*job = (struct job) { .bursts = MEASURED };
	if (argc - i > 2 && !strcmp(argv[i], "--bursts")) {
		job->bursts = strtoul(argv[i + 1], NULL, 10);
		i += 2;
	}
	if (argc - i > 3 && !strcmp(argv[i], "--profile")) {
		if (!profile_open(argv[i + 1]))
			die("%s", argv[i + 1]);
		job->samples = strtoul(argv[i + 2], NULL, 10);
		i += 3;
	}
	job->name = argv[i];
	return argc == i + 1 && job->bursts && job->bursts <= MEASURED_MAX;
}

int main(int argc, char **argv)
{
	struct job job;

	if (!job_parse(&job, argc, argv)) {
		fputs("usage: cost [--bursts N] [--profile FILE SAMPLES] TRANSPORT-MODE-SIZE\n",
		      stderr);
		return 2;
	}
	/* No page is brought in while the clock runs. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall");
	run(&job);
	if (job.samples)
		profile_close();
	return 0;
}
