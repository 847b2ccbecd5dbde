// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/cgroup.c */
/*
 * A35: what a program has the kernel keep for it counts against the memory of
 * its control group. A group that is full gets ENOMEM; all others go on.
 */
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cgroup.h"
#include "lib/side.h"

#define ID 0x3e3c900000000000ULL
#define SESSIONS 10000
/* A session with its keys takes more than that, and less than twice as much. */
#define LEAST 850
#define FULL (8 << 20)
#define MESSAGE 1000
#define MESSAGES 4000

/* What the process in the group tells; it lies in memory that both have. */
struct report {
	unsigned int made;
	int err;
	long long before, after;
};

static struct report *report;

static bool report_open(void)
{
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	return report != MAP_FAILED;
}

static bool group_open(void)
{
	return report_open() && cgroup_new();
}

/* Up to @n sessions of a node, until one fails. */
static void make_sessions(struct side *s, unsigned int n)
{
	union stt_addr peer = addr_of("127.0.0.1", 9);

	report->before = cgroup_read("memory.current");
	while (report->made < n) {
		report->err = side_session(s, ID + report->made, &peer);
		if (report->err)
			return;
		report->made++;
	}
	report->after = cgroup_read("memory.current");
}

static void make_in_group(int n)
{
	struct side s;

	if (!side_open(&s, PATH_LO4, 0))
		_exit(1);
	/* All that it touches is there already: a full group has no page for it. */
	if (mlockall(MCL_CURRENT) || side_session(&s, STT_SESSION_ALL, &s.addr) != -EINVAL)
		_exit(1);
	make_sessions(&s, (unsigned int)n);
}

static bool much_room(int fd)
{
	int room = 2 * MESSAGES * MESSAGE;

	return !setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
}

/* Sent from the group, and read by nobody. */
static void send_in_group(int n)
{
	static char message[MESSAGE];
	struct sides l;
	int a, b;

	if (!sides_open(&l, PATH_LO4, ID + (uint64_t)n))
		_exit(1);
	a = stt_connected(&l.a, ID + (uint64_t)n, 0);
	b = stt_connected(&l.b, ID + (uint64_t)n, 0);
	if (a < 0 || b < 0 || !much_room(b))
		_exit(1);
	report->before = cgroup_read("memory.current");
	while (report->made < MESSAGES && send(a, message, MESSAGE, 0) == MESSAGE)
		report->made++;
	report->after = cgroup_read("memory.current");
}

/* The kernel shall fail its calls, and not kill it. */
static bool spare_me(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	bool done = write(fd, "-1000", 5) == 5;

	close(fd);
	return done;
}

static void end_child(void *arg)
{
	pid_t pid = (pid_t)(intptr_t)arg;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A process in the group does it and stops; returns when it has. */
static bool run_in_group(void (*work)(int), int n)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	check(pid >= 0);
	if (!pid) {
		alarm(120);
		if (!spare_me() || !cgroup_join(CGROUP))
			_exit(1);
		work(n);
		raise(SIGSTOP);
		_exit(0);
	}
	check_is(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status));
	at_end(end_child, (void *)(intptr_t)pid);
	return true;
}

static bool charged(int arg)
{
	(void)arg;
	check(group_open());
	check(run_in_group(make_in_group, SESSIONS));
	check_is(report->err, 0);
	check_is(report->made, SESSIONS);
	printf("# %lld bytes a session\n", (report->after - report->before) / SESSIONS);
	check(report->after - report->before >= (long long)SESSIONS * LEAST);
	return true;
}

static bool full(int arg)
{
	struct stt_info info;
	struct sides l;
	char max[20];
	int a, b;

	(void)arg;
	check(sides_open(&l, PATH_LO4, ID));
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check(group_open());
	snprintf(max, sizeof(max), "%d", FULL);
	check(cgroup_write("memory.max", max));
	check(run_in_group(make_in_group, 10 * FULL / LEAST));
	printf("# %u sessions in %d bytes\n", report->made, FULL);
	check_is(report->err, -ENOMEM);
	check(report->made >= FULL / (2 * LEAST) / 2 && report->made <= FULL / LEAST);

	/* While it is full: */
	for (unsigned int i = 1; i <= 100; i++) {
		check_is(send(a, &i, sizeof(i), 0), sizeof(i));
		check(receives(b, &i, sizeof(i)));
		check_is(side_session(&l.a, ID + i, &l.b.addr), 0);
	}
	check_is(stt_ctl_info(l.a.ctl, &info), 0);
	check_is(info.sessions, report->made + 102);
	return true;
}

static bool queued(int arg)
{
	check(group_open());
	check(run_in_group(send_in_group, arg));
	check_is(report->made, MESSAGES);
	printf("# %lld bytes a message of %d\n", (report->after - report->before) / MESSAGES,
	       MESSAGE);
	check(report->after - report->before >= (long long)MESSAGES * MESSAGE);
	return true;
}

static const struct test tests[] = {
	{ "A35 sessions and keys are charged to the group that made them", charged, 0 },
	{ "A35 a group without memory: ENOMEM for it, others go on", full, 0 },
	{ "A35 what is not read yet is charged to the group that sent it", queued, 1 },
};

static const char *missing(void)
{
	int fd = open(CGROUP_ROOT "/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
	bool done = cgroup_there() && write(fd, "+memory", 7) == 7;

	close(fd);
	return done ? NULL : "no memory controller in " CGROUP_ROOT;
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (missing()) {
		printf("1..0 # SKIP %s\n", missing());
		return 0;
	}
	return suite(tests);
}
