// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/module.c selftests/lib/late_page.c */
/*
 * A4: IPV6_ADDRFORM turns an IPv6 socket into an IPv4 one. It is refused while
 * a node has the socket; but one that began before, and still waits for its
 * argument, ends with a socket that no longer tells the node of its close().
 * Such a node must be found, whatever is done to it.
 */
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/late_page.h"
#include "lib/module.h"
#include "lib/side.h"

/* The module looks after such sockets every ten seconds, if the CPU is awake. */
#define FOUND_MS ((int)(30000 * slow()))

struct slip {
	struct side s;
	struct late_page *late;
	struct worker w;
};

static long addrform(void *arg)
{
	struct slip *l = arg;

	return setsockopt(l->s.udp, SOL_IPV6, IPV6_ADDRFORM, l->late->page, sizeof(int));
}

/* A node in this namespace whose socket has become an IPv4 socket under it. */
static bool slip_away(struct slip *l)
{
	const union stt_addr mapped = addr_of("::ffff:127.0.0.1", 9), any = addr_of("::", 0);
	int domain = 0, form = AF_INET;
	socklen_t len = sizeof(domain);

	l->s.udp = keep(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	check_is(bind(l->s.udp, &any.sa, addr_len(&any)), 0);
	check_is(connect(l->s.udp, &mapped.sa, addr_len(&mapped)), 0);
	check(worker_start(&l->w, addrform, l));
	check(late_page_wait(l->late));
	check_is(stt_ctl_node_new(l->s.ctl, l->s.udp, NULL, &l->s.node), 0);
	check(late_page_fill(l->late, &form, sizeof(form)));
	check_is(worker_join(&l->w), 0);
	check_is(getsockopt(l->s.udp, SOL_SOCKET, SO_DOMAIN, &domain, &len), 0);
	check_is(domain, AF_INET);
	return true;
}

static bool slip_open(struct slip *l)
{
	check(ctl_open(&l->s.ctl, PATH_V4, 0));
	check_is(stt_ctl_subscribe(l->s.ctl), 0);
	return slip_away(l);
}

static bool node_ends(struct slip *l)
{
	uint64_t until = now_ms() + FOUND_MS;
	struct stt_event ev;
	int err;

	do {
		err = stt_ctl_event(l->s.ctl, &ev);
		if (!err && ev.cmd == STT_CMD_NODE_DEL_NTF && ev.node == l->s.node)
			return true;
		if (err == -EAGAIN)
			readable(stt_ctl_fd(l->s.ctl), 500);
	} while (now_ms() < until);
	return false;
}

static bool after_close(int arg)
{
	static struct slip l;

	(void)arg;
	l.late = late_page_open();
	if (!l.late)
		return skip_test("no userfaultfd");
	check(slip_open(&l));
	drop(l.s.udp);
	check(node_ends(&l));
	check_is(stt_ctl_node_del(l.s.ctl, l.s.node, 0), -ENODEV);
	return true;
}

/* It is an IPv4 socket of the program's then. */
static bool is_plain(int fd)
{
	union stt_addr own = addr_of("127.0.0.1", 0), now;
	socklen_t len = sizeof(now);
	int sender;

	check_is(getsockname(fd, &now.sa, &len), 0);
	check_is(now.sa.sa_family, AF_INET);
	sender = keep(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	own.in.sin_port = htons(9);
	check_is(bind(sender, &own.sa, addr_len(&own)), 0);
	own.in.sin_port = now.in.sin_port;
	check_is(sendto(sender, "plain", 5, 0, &own.sa, addr_len(&own)), 5);
	check(set_timeout(fd, TIMEOUT_MS));
	check(receives(fd, "plain", 5));
	check_is(send(fd, "back", 4, 0), 4);
	check(receives(sender, "back", 4));
	drop(fd);
	return true;
}

/* @wait: for the module to find it by itself, else it is deleted. */
static bool while_open(int wait)
{
	static struct slip l;

	l.late = late_page_open();
	if (!l.late)
		return skip_test("no userfaultfd");
	check(slip_open(&l));
	if (wait)
		check(node_ends(&l));
	else
		check_is(stt_ctl_node_del(l.s.ctl, l.s.node, 0), 0);
	return is_plain(l.s.udp);
}

/* Neither holds up the other: several at once, one closed, one kept, one deleted. */
static bool several(int arg)
{
	static struct slip l[4];

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(l); i++) {
		l[i].late = late_page_open();
		if (!l[i].late)
			return skip_test("no userfaultfd");
		check(slip_open(&l[i]));
	}
	drop(l[0].s.udp);
	drop(l[2].s.udp);
	check_is(stt_ctl_node_del(l[2].s.ctl, l[2].s.node, 0), 0);
	check(node_ends(&l[3]));
	check(node_ends(&l[0]));
	check(node_ends(&l[1]));
	return is_plain(l[1].s.udp);
}

/* ------------------------------------------------------------------------ */
/* A namespace goes                                                         */

static const char *namespace_file(char file[300])
{
	snprintf(file, 300, "/run/netns/%s", env("NS_C"));
	return file;
}

/* The victim: it has slipped away in namespace c, says so and waits to be killed. */
static bool child_slips(int told)
{
	static struct slip l;
	char file[300];
	int fd = open(namespace_file(file), O_RDONLY | O_CLOEXEC);

	check_is(setns(fd, CLONE_NEWNET), 0);
	close(fd);
	l.late = late_page_open();
	if (!l.late)
		return write(told, "s", 1) == 1;
	check_is(stt_ctl_open(&l.s.ctl), 0);
	check(slip_away(&l));
	return write(told, "r", 1) == 1;
}

/* Returns 'r', or 's': there is no userfaultfd. */
static char child_ready(pid_t *pid)
{
	char answer = 0;
	int told[2];

	if (pipe(told))
		return 0;
	fflush(stdout);
	*pid = fork();
	if (!*pid) {
		close(told[0]);
		if (child_slips(told[1]))
			pause();
		_exit(1);
	}
	close(told[1]);
	if (read(told[0], &answer, 1) != 1)
		answer = 0;
	close(told[0]);
	return answer;
}

/* Its end of a veth pair goes with a namespace, and so the other end. */
static bool namespace_gone(void)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	uint64_t until = now_ms() + FOUND_MS;

	while (if_nametoindex("to_c")) {
		if (now_ms() > until)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool killed(int arg)
{
	char file[300], answer;
	pid_t pid = 0;

	(void)arg;
	check(enter(PATH_V4, 0));
	check(if_nametoindex("to_c"));
	answer = child_ready(&pid);
	kill(pid, SIGKILL);
	check_is(waitpid(pid, NULL, 0), pid);
	if (answer == 's')
		return skip_test("no userfaultfd");
	check_is(answer, 'r');
	check_is(umount2(namespace_file(file), MNT_DETACH), 0);
	check_is(unlink(file), 0);
	check(namespace_gone());
	return true;
}

static const struct test tests[] = {
	{ "A4 IPV6_ADDRFORM under way when attached, then close: the node ends", after_close, 0 },
	{ "A4 IPV6_ADDRFORM under way when attached: the node ends", while_open, 1 },
	{ "A4 IPV6_ADDRFORM under way when attached, then node del", while_open, 0 },
	{ "A4 IPV6_ADDRFORM under way when attached, four at once", several, 0 },
	{ "A4 IPV6_ADDRFORM under way when attached, then kill -9: the namespace goes", killed, 0 },
	{ "A4 after that the module can be removed", nothing_left, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
