// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/module.c */
/*
 * A33, R26: the machine is about to write its memory to a hibernation image, or
 * it is a virtual machine that was cloned. It could live twice: all sessions end, in
 * all network namespaces. Who opens /dev/snapshot to read such an image announces
 * it, and a test module tells the kernel of a clone; nothing more is done.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/module.h"
#include "lib/side.h"

#define SNAPSHOT "/dev/snapshot"
#define ID 0x5eedULL
#define PENDING (ID + 1)

/* Announce it, and call it off. */
static bool hibernate(void)
{
	int fd = open(SNAPSHOT, O_RDONLY | O_CLOEXEC);

	check(fd >= 0);
	check_is(close(fd), 0);
	return true;
}

static bool clone_machine(void)
{
	check_is(vmfork(), 0);
	return true;
}

static bool hears_end(struct side *s, int fd, uint64_t id)
{
	struct stt_session_info info = side_get(s, id);
	char c;

	check_is(info.state, STT_SESSION_STATE_DEAD);
	check_is(info.n_keys, 0);
	check_fails(send(fd, "x", 1, 0), ETIMEDOUT);
	check_fails(recv(fd, &c, 1, 0), ETIMEDOUT);
	return true;
}

static bool pending_session(struct side *s)
{
	struct stt_session_info spec = session_spec(s, PENDING, &s->addr);

	spec.state = STT_SESSION_STATE_PENDING;
	check_is(stt_ctl_session_new(s->ctl, &spec), 0);
	check_is(side_get(s, PENDING).n_keys, 2);
	return true;
}

static bool died(struct side *s)
{
	struct stt_event ev;
	unsigned int seen = 0;

	while (seen < 2) {
		check(event_of(s->ctl, STT_CMD_SESSION_STATE_NTF, &ev));
		check_is(ev.session.state, STT_SESSION_STATE_DEAD);
		check(ev.session.id == ID || ev.session.id == PENDING);
		seen++;
	}
	return true;
}

static bool sessions_end(int path, bool (*happens)(void))
{
	struct worker w;
	struct sides l;
	int a, b;

	check(sides_open(&l, path, ID));
	check(pending_session(&l.a));
	check(pending_session(&l.b));
	check_is(stt_ctl_subscribe(l.a.ctl), 0);
	check_is(stt_ctl_subscribe(l.b.ctl), 0);
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check_is(send(a, "before", 6, 0), 6);
	check(receives(b, "before", 6));
	check(worker_start(&w, block_recv, &b));
	check(worker_blocked(&w));

	check(happens());
	check_is(worker_join(&w), -1);
	check_is(w.err, ETIMEDOUT);
	check(hears_end(&l.a, a, ID));
	check(hears_end(&l.b, b, ID));
	check_is(side_get(&l.a, PENDING).state, STT_SESSION_STATE_DEAD);
	check(died(&l.a));
	check(died(&l.b));

	/* The nodes live on. */
	check_is(stt_ctl_session_del(l.a.ctl, l.a.node, ID, 0), 0);
	check_is(stt_ctl_session_del(l.b.ctl, l.b.node, ID, 0), 0);
	check_is(side_session(&l.a, ID + 9, &l.b.addr), 0);
	check_is(side_session(&l.b, ID + 9, &l.a.addr), 0);
	a = stt_connected(&l.a, ID + 9, 0);
	b = stt_connected(&l.b, ID + 9, 0);
	check_is(send(a, "after", 5, 0), 5);
	check(receives(b, "after", 5));
	return true;
}

static bool hibernation(int path)
{
	if (access(SNAPSHOT, R_OK))
		return skip_test("the kernel has no " SNAPSHOT);
	return sessions_end(path, hibernate);
}

static bool cloned(int path)
{
	if (vmfork())
		return skip_test("no module vmfork for this kernel");
	return sessions_end(path, clone_machine);
}

static const struct test tests[] = {
	{ "R26 hibernation ends all sessions in all namespaces, IPv4", hibernation, PATH_V4 },
	{ "R26 hibernation ends all sessions in all namespaces, IPv6", hibernation, PATH_V6 },
	{ "R26 a cloned machine: all sessions end in all namespaces, IPv4", cloned, PATH_V4 },
	{ "R26 a cloned machine: all sessions end in all namespaces, IPv6", cloned, PATH_V6 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (!getenv("STT_VM")) {
		printf("1..0 # SKIP it ends all sessions there are: only in a throwaway VM\n");
		return 0;
	}
	return suite(tests);
}
