// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/module.c */
/*
 * A4, A5: threads make and end nodes, sessions, keys and sockets at random, all
 * on the same few nodes, with frames on the way between them; beside that a
 * steady pair of nodes must not lose a message. What each call returns does
 * not matter here, only that nothing breaks and nothing is left.
 */
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/module.h"
#include "lib/side.h"
#include "lib/slow.h"

#define THREADS 4
#define SLOTS 6
#define SOCKETS 8
#define SESSIONS 6
#define SECONDS 15

/* A node that all threads know. Its number and socket may be gone by now. */
static struct {
	int udp;		/* -1: none */
	uint32_t node;
	uint16_t port;
} slots[SLOTS];

static uint64_t stop_at;
static int family;

struct actor {
	struct worker w;
	struct stt_ctl *ctl;
	uint32_t seed;
	int fd[SOCKETS];
	uint64_t actions;
};

/* Each thread has its own numbers, the same in every run. */
static unsigned int pick(struct actor *a, unsigned int n)
{
	a->seed = a->seed * 1664525 + 1013904223;
	return (a->seed >> 8) % n;
}

static struct sockaddr_stt some_address(struct actor *a)
{
	struct sockaddr_stt addr = {
		.sstt_family = family,
		.sstt_node = slots[pick(a, SLOTS)].node,
		.sstt_session = pick(a, SESSIONS + 1),
		.sstt_stream = pick(a, 3),
	};

	if (!pick(a, 3)) {
		addr.sstt_flags = STT_ADDR_STREAM_ANY;
		addr.sstt_stream = 0;
	}
	if (!pick(a, 10)) {
		memset(&addr.sstt_session, 0, sizeof(addr.sstt_session));
		addr.sstt_stream = 0;
		addr.sstt_flags = 0;
		addr.sstt_type = STT_MSG_HANDSHAKE;
	}
	return addr;
}

static void node_begin(struct actor *a)
{
	union stt_addr addr = addr_of("127.0.0.1", 0);
	unsigned int slot = pick(a, SLOTS);
	socklen_t len = sizeof(addr);
	int fd, none = -1;
	uint32_t id;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (bind(fd, &addr.sa, addr_len(&addr)) || getsockname(fd, &addr.sa, &len) ||
	    stt_ctl_node_new(a->ctl, fd, &(uint32_t) { 100 }, &id) ||
	    !__atomic_compare_exchange_n(&slots[slot].udp, &none, fd, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST)) {
		close(fd);
		return;
	}
	slots[slot].node = id;
	slots[slot].port = ntohs(addr.in.sin_port);
}

static void node_end(struct actor *a)
{
	unsigned int slot = pick(a, SLOTS);
	int fd;

	if (pick(a, 2)) {
		stt_ctl_node_del(a->ctl, slots[slot].node, 1);
		return;
	}
	fd = __atomic_exchange_n(&slots[slot].udp, -1, __ATOMIC_SEQ_CST);
	if (fd >= 0)
		close(fd);
}

/* Even slots are one end of their sessions, odd ones the other. */
static void session_begin(struct actor *a)
{
	unsigned int slot = pick(a, SLOTS), peer = (slot + 1 + 2 * pick(a, 3)) % SLOTS;
	union stt_addr addr = addr_of("127.0.0.1", slots[peer].port);
	struct side s = { .node = slots[slot].node, .end = slot % 2 };
	struct stt_session_info spec = session_spec(&s, pick(a, SESSIONS) + 1, &addr);

	if (!pick(a, 4))
		spec.state = STT_SESSION_STATE_PENDING;
	stt_ctl_session_new(a->ctl, &spec);
}

static void session_change(struct actor *a)
{
	unsigned int slot = pick(a, SLOTS);
	uint64_t id = pick(a, SESSIONS) + 1;
	uint8_t epoch = pick(a, 8), direction = 1 + pick(a, 2);
	struct stt_key key = key_spec(id, slot % 2, direction, epoch);
	struct stt_session_info set = {
		.node = slots[slot].node, .id = id, .state = STT_SESSION_STATE_ACTIVE,
		.has_tx_epoch = true, .tx_epoch = epoch,
		.has_heartbeat = true, .heartbeat_ms = 100 * pick(a, 3),
	};

	switch (pick(a, 8)) {
	case 0:
		stt_ctl_session_del(a->ctl, slots[slot].node, id, 3);
		break;
	case 1:
		stt_ctl_key_del(a->ctl, slots[slot].node, id, epoch, direction);
		break;
	case 2:
		stt_ctl_session_set(a->ctl, &set);
		break;
	default:
		stt_ctl_key_new(a->ctl, slots[slot].node, id, &key);
		break;
	}
}

static void socket_life(struct actor *a)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_stt addr = some_address(a);
	int *fd = &a->fd[pick(a, SOCKETS)];

	switch (pick(a, 6)) {
	case 0:
		if (*fd >= 0)
			close(*fd);
		*fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		break;
	case 1:
		connect(*fd, &none, sizeof(none));
		break;
	case 2:
		if (!pick(a, 10))
			shutdown(*fd, pick(a, 3));
		break;
	case 3:
		stt_bind_at(*fd, &addr);
		break;
	default:
		stt_connect_at(*fd, &addr);
		break;
	}
}

static void socket_use(struct actor *a)
{
	static __thread char text[1400];
	struct sockaddr_stt addr = some_address(a);
	int fd = a->fd[pick(a, SOCKETS)];

	for (unsigned int i = pick(a, 20); i > 0; i--) {
		addr.sstt_flags = 0;
		if (i % 2)
			send(fd, text, pick(a, sizeof(text)), MSG_DONTWAIT);
		else
			sendto(fd, text, pick(a, sizeof(text)), MSG_DONTWAIT,
			       (struct sockaddr *)&addr, sizeof(addr));
	}
	while (recv(a->fd[pick(a, SOCKETS)], text, sizeof(text), MSG_DONTWAIT) >= 0)
		;
}

static void look(struct actor *a)
{
	dump_nodes(a->ctl);
	dump_sessions(a->ctl, 0);
	dump_sockets(a->ctl);
}

static void act(struct actor *a)
{
	switch (pick(a, 12)) {
	case 0:
		node_begin(a);
		break;
	case 1:
		if (!pick(a, 3))
			node_end(a);
		break;
	case 2:
		look(a);
		break;
	case 3:
	case 4:
		session_begin(a);
		break;
	case 5:
		session_change(a);
		break;
	case 6:
	case 7:
	case 8:
		socket_life(a);
		break;
	default:
		socket_use(a);
		break;
	}
	a->actions++;
}

static long actor_main(void *arg)
{
	struct actor *a = arg;

	if (!enter(PATH_LO4, 0) || stt_ctl_open(&a->ctl))
		return -1;
	for (int i = 0; i < SOCKETS; i++)
		a->fd[i] = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	while (now_ms() < stop_at)
		act(a);
	for (int i = 0; i < SOCKETS; i++)
		close(a->fd[i]);
	stt_ctl_close(a->ctl);
	return 0;
}

/* Returns how many messages went both ways, or 0. */
static unsigned int steady(struct sides *l)
{
	int a = stt_connected(&l->a, l->id, 0), b = stt_connected(&l->b, l->id, 0);
	unsigned int n = 0;

	while (now_ms() < stop_at) {
		n++;
		if (send(a, &n, sizeof(n), 0) != sizeof(n) || !receives(b, &n, sizeof(n)) ||
		    send(b, &n, sizeof(n), 0) != sizeof(n) || !receives(a, &n, sizeof(n)))
			return 0;
	}
	return n;
}

static bool all_at_once(int arg)
{
	static struct actor actors[THREADS];
	struct stt_info info;
	struct stt_ctl *ctl;
	struct sides l;
	unsigned int n;

	(void)arg;
	suite_all_cpus();
	family = stt_family();
	check(sides_open(&l, PATH_V4, 0x57ead1));
	for (int i = 0; i < SLOTS; i++)
		slots[i].udp = -1;
	stop_at = now_ms() + SECONDS * slow() * 1000;
	for (int i = 0; i < THREADS; i++) {
		actors[i].seed = i + 1;
		check(worker_start(&actors[i].w, actor_main, &actors[i]));
	}
	n = steady(&l);
	for (int i = 0; i < THREADS; i++) {
		check_is(worker_join(&actors[i].w), 0);
		check(actors[i].actions > 100);
	}
	check(n > 100);
	check_is(session_stat(&l.b, l.id, STT_A_STATS_RX_FRAMES), n);

	for (int i = 0; i < SLOTS; i++)
		if (slots[i].udp >= 0)
			close(slots[i].udp);
	drop(l.a.udp);
	check(ctl_open(&ctl, PATH_V4, 0));
	check_is(stt_ctl_info(ctl, &info), 0);
	check_is(info.nodes, 0);
	check_is(info.sessions, 0);
	return true;
}

static const struct test tests[] = {
	{ "A4 nodes, sessions, keys, sockets come and go under traffic", all_at_once, 0 },
	{ "A4 after that the module can be removed", nothing_left, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
