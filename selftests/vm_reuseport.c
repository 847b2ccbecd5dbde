// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/user.c */
/* A21, STT_REUSEPORT: several sockets with one binding share its messages by session. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/peer.h"
#include "lib/user.h"

#define ID 0x9e05e000ULL
#define SESSIONS 64

/* Two nodes with many sessions. */
static bool many(struct sides *l)
{
	check(sides_open(l, PATH_V4, ID));
	for (unsigned int i = 1; i < SESSIONS; i++) {
		check_is(side_session(&l->a, ID + i, &l->b.addr), 0);
		check_is(side_session(&l->b, ID + i, &l->a.addr), 0);
	}
	return true;
}

static int sharer(const struct side *s)
{
	int fd = stt_socket(s->path, s->end), one = 1;

	return fd >= 0 && !setsockopt(fd, SOL_STT, STT_REUSEPORT, &one, sizeof(one)) ? fd : -1;
}

static int shared(const struct side *s, uint64_t session)
{
	struct sockaddr_stt at = stt_any(s, session);
	int fd = sharer(s);

	return fd >= 0 && !stt_bind_at(fd, &at) ? fd : -1;
}

/* One message to each session. */
static bool to_all(const struct sides *l)
{
	int fd = stt_socket(PATH_V4, 0);

	for (unsigned int i = 0; i < SESSIONS; i++) {
		struct sockaddr_stt to = stt_at(&l->a, ID + i, 0);

		check_is(stt_send_at(fd, &i, sizeof(i), &to), sizeof(i));
	}
	drop(fd);
	return true;
}

/* Which sessions' messages wait in @fd? */
static uint64_t takes(int fd)
{
	struct sockaddr_stt from;
	socklen_t len = sizeof(from);
	uint64_t seen = 0;
	unsigned int i;

	while (recvfrom(fd, &i, sizeof(i), MSG_DONTWAIT, (struct sockaddr *)&from, &len) ==
	       sizeof(i)) {
		uint64_t bit = 1ULL << (from.sstt_session - ID);

		if (seen & bit || from.sstt_session != ID + i)
			return 0;
		seen |= bit;
		len = sizeof(from);
	}
	return seen;
}

/* Each message once, each socket its share, a session always the same socket. */
static bool spread(int arg)
{
	uint64_t seen[4], again;
	struct sides l;
	int fd[4];

	(void)arg;
	check(many(&l));
	for (int i = 0; i < 4; i++) {
		fd[i] = shared(&l.b, STT_SESSION_ANY);
		check(fd[i] >= 0);
	}
	check(to_all(&l));
	for (int i = 0; i < 4; i++) {
		seen[i] = takes(fd[i]);
		check(seen[i]);
	}
	check(!(seen[0] & seen[1]) && !((seen[0] | seen[1]) & (seen[2] | seen[3])));
	check(!(seen[2] & seen[3]));
	check((seen[0] | seen[1] | seen[2] | seen[3]) == ~0ULL);
	for (int round = 0; round < 3; round++) {
		check(to_all(&l));
		for (int i = 0; i < 4; i++)
			check(takes(fd[i]) == seen[i]);
	}
	/* One goes: the others keep what they have, and get what it had. */
	drop(fd[1]);
	check(to_all(&l));
	again = 0;
	for (int i = 0; i < 4; i++) {
		uint64_t now = i == 1 ? 0 : takes(fd[i]);

		check(i == 1 || (now & seen[i]) == seen[i]);
		check(!(now & again));
		again |= now;
	}
	check(again == ~0ULL);
	return true;
}

static bool unwilling(void *arg)
{
	struct side *s = arg;
	struct sockaddr_stt at = stt_any(s, STT_SESSION_ANY);

	check_fails(stt_bind_at(sharer(s), &at), EADDRINUSE);
	return true;
}

/* All must be willing, when they are bound, and of one user. */
static bool refused(int arg)
{
	struct stt_node_info open = { .has_gid = true, .gid = 4711 };
	struct sockaddr_stt at;
	int first, plain, on = 0;
	struct sides l;
	socklen_t len = sizeof(on);

	(void)arg;
	check(sides_open(&l, PATH_V4, ID));
	at = stt_any(&l.b, STT_SESSION_ANY);
	plain = stt_bound(&l.b, STT_SESSION_ANY);
	check(plain >= 0);
	check_fails(stt_bind_at(sharer(&l.b), &at), EADDRINUSE);
	drop(plain);

	first = shared(&l.b, STT_SESSION_ANY);
	check(first >= 0);
	check_is(getsockopt(first, SOL_SOCKET, SO_REUSEPORT, &on, &len), 0);
	check_is(on, 1);
	check_fails(stt_bind_at(stt_socket(PATH_V4, 1), &at), EADDRINUSE);
	open.id = l.b.node;
	check_is(stt_ctl_node_set(l.b.ctl, &open), 0);
	check(as_member(USER_OTHER, 4711, unwilling, &l.b));
	check(shared(&l.b, STT_SESSION_ANY) >= 0);
	/* Another binding is another matter. */
	check(shared(&l.b, ID) >= 0);
	check(shared(&l.b, ID) >= 0);
	return true;
}

/* What the dump says of the sockets of node b. */
struct seen {
	uint32_t node;
	unsigned int sockets, sharing, sharers;
};

static int see(const struct stt_socket_info *s, void *arg)
{
	struct seen *seen = arg;

	if (s->node != seen->node)
		return 0;
	seen->sockets++;
	seen->sharing += s->sharers > 0;
	seen->sharers += s->sharers;
	return 0;
}

static bool dump_says(const struct sides *l, unsigned int sockets, unsigned int sharing,
		      unsigned int sharers)
{
	struct seen seen = { .node = l->b.node };

	check_is(stt_ctl_socket_dump(l->b.ctl, see, &seen), 0);
	check_is(seen.sockets, sockets);
	check_is(seen.sharing, sharing);
	check_is(seen.sharers, sharers);
	return true;
}

/* Each socket tells how many have its binding; one that shares none tells nothing. */
static bool shown(int arg)
{
	struct sockaddr_stt at;
	struct sides l;
	int fd[3];

	(void)arg;
	check(sides_open(&l, PATH_V4, ID));
	at = stt_at(&l.b, ID, 7);
	check(stt_bound(&l.b, ID) >= 0);
	check(dump_says(&l, 1, 0, 0));
	for (int i = 0; i < 3; i++) {
		fd[i] = shared(&l.b, STT_SESSION_ANY);
		check(fd[i] >= 0);
		check(dump_says(&l, 2 + i, 1 + i, (1 + i) * (1 + i)));
	}
	/* One that would share, but is alone; one that joins it; one that goes. */
	check_is(stt_bind_at(sharer(&l.b), &at), 0);
	check(dump_says(&l, 5, 4, 3 * 3 + 1));
	check_is(stt_bind_at(sharer(&l.b), &at), 0);
	check(dump_says(&l, 6, 5, 3 * 3 + 2 * 2));
	drop(fd[0]);
	check(dump_says(&l, 5, 4, 2 * 2 + 2 * 2));
	return true;
}

/* Two that block in recv(): each message is read once. */
static long reader(void *arg)
{
	long got = 0;
	char c;

	while (recv(*(int *)arg, &c, 1, 0) == 1)
		got++;
	return got;
}

static bool readers(int arg)
{
	struct worker w[2];
	struct sides l;
	int fd[2], from;

	(void)arg;
	check(many(&l));
	for (int i = 0; i < 2; i++) {
		fd[i] = shared(&l.b, STT_SESSION_ANY);
		check(fd[i] >= 0);
		check(worker_start(&w[i], reader, &fd[i]));
	}
	from = stt_socket(PATH_V4, 0);
	for (unsigned int i = 0; i < 20 * SESSIONS; i++) {
		struct sockaddr_stt to = stt_at(&l.a, ID + i % SESSIONS, 0);

		check_is(stt_send_at(from, "x", 1, &to), 1);
		/* Buffers are not what is tested here. */
		if (i % SESSIONS == SESSIONS - 1)
			check(worker_blocked(&w[0]) && worker_blocked(&w[1]));
	}
	check_is(shutdown(fd[0], SHUT_RD), 0);
	check_is(shutdown(fd[1], SHUT_RD), 0);
	check_is(worker_join(&w[0]) + worker_join(&w[1]), 20 * SESSIONS);
	return true;
}

static const struct test tests[] = {
	{ "A21 STT_REUSEPORT: each message once, a session on one socket", spread, 0 },
	{ "A21 STT_REUSEPORT: all must be willing, and of one user", refused, 0 },
	{ "A21 STT_REUSEPORT: socket show tells how many share a binding", shown, 0 },
	{ "A21 STT_REUSEPORT: two readers, each message once", readers, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
