// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c */
/* A17, A18: one message to all sessions of a node, and to a list of them. */
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/side.h"

#define MANY 10000

static uint8_t message[STT_MESSAGE_MAX];

/* Node a with sessions 1 to @n to node b, and a socket of each node. */
struct fan {
	struct side a, b;
	unsigned int n;
	int out, in;
};

static bool fan_open(struct fan *f, int path, unsigned int n)
{
	int room = 64 << 20;

	randombytes_buf(message, sizeof(message));
	f->n = n;
	check(side_open(&f->a, path, 0) && side_open(&f->b, path, 1));
	for (unsigned int i = 1; i <= n; i++) {
		check_is(side_session(&f->a, i, &f->b.addr), 0);
		check_is(side_session(&f->b, i, &f->a.addr), 0);
	}
	f->out = stt_bound(&f->a, STT_SESSION_ANY);
	f->in = stt_bound(&f->b, STT_SESSION_ANY);
	check(f->out >= 0 && f->in >= 0);
	check_is(setsockopt(f->in, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), 0);
	return true;
}

/* What sendmsg() returns for a message of @len bytes, to all or a list. */
static ssize_t fan_send(const struct fan *f, uint64_t session, size_t len,
			const struct stt_fanout *list, uint32_t stream)
{
	struct sockaddr_stt to = stt_at(&f->a, session, stream);

	return stt_send_fanout(f->out, &to, message, len, list);
}

/* The next message is this one, on some session, which is returned. */
static uint64_t fan_recv(const struct fan *f, size_t len, uint32_t stream)
{
	static uint8_t buf[STT_MESSAGE_MAX];
	struct sockaddr_stt from;
	socklen_t flen = sizeof(from);

	if (recvfrom(f->in, buf, sizeof(buf), 0, (struct sockaddr *)&from, &flen) != (ssize_t)len ||
	    memcmp(buf, message, len) || from.sstt_stream != stream)
		return 0;
	return from.sstt_session;
}

/* Every session in @from to @to got it, once. */
static bool all_got_it(const struct fan *f, unsigned int n, size_t len, uint32_t stream)
{
	static bool got[MANY + 1];

	memset(got, 0, sizeof(got));
	for (unsigned int i = 0; i < n; i++) {
		uint64_t session = fan_recv(f, len, stream);

		check(session && session <= f->n);
		check(!got[session]);
		got[session] = true;
	}
	check(is_empty(f->in));
	return true;
}

static bool to_all(int path, unsigned int n, size_t len)
{
	uint32_t sent = 77;
	struct stt_fanout how = { .sent = (uintptr_t)&sent };
	struct fan f;

	check(fan_open(&f, path, n));
	check_is(fan_send(&f, STT_SESSION_ALL, len, &how, 9), len);
	check_is(sent, n);
	check(all_got_it(&f, n, len, 9));
	check_is(fan_send(&f, STT_SESSION_ALL, len, NULL, 0), len);
	check(all_got_it(&f, n, len, 0));
	return true;
}

static bool to_none(int path)
{
	return to_all(path, 0, 100);
}

static bool to_one(int path)
{
	return to_all(path, 1, 100);
}

static bool to_ten(int path)
{
	return to_all(path, 10, 0) && to_all(path, 10, 1200) && to_all(path, 10, 5000);
}

static bool to_hundred(int path)
{
	return to_all(path, 100, 100);
}

static bool to_many(int path)
{
	return to_all(path, MANY, 100);
}

/* The most sessions that a message to all went to while a call was made. */
struct sender {
	const struct fan *f;
	bool stop;
	uint32_t most;
};

static long send_on(void *arg)
{
	struct sender *sender = arg;
	uint32_t sent = 0;
	struct stt_fanout how = { .sent = (uintptr_t)&sent };

	while (!__atomic_load_n(&sender->stop, __ATOMIC_RELAXED)) {
		if (fan_send(sender->f, STT_SESSION_ALL, 10, &how, 0) != 10)
			return -1;
		if (sent > sender->most)
			sender->most = sent;
	}
	return 0;
}

/* Another session with an id that is taken is refused, and nobody ever finds it. */
static bool to_refused(int path)
{
	struct sender sender = { 0 };
	struct worker w;
	struct fan f;
	int err = -EEXIST;

	check(fan_open(&f, path, 1));
	sender.f = &f;
	check(worker_start(&w, send_on, &sender));
	for (unsigned int i = 0; i < 2000 && err == -EEXIST; i++)
		err = side_session(&f.a, 1, &f.b.addr);
	__atomic_store_n(&sender.stop, true, __ATOMIC_RELAXED);
	check_is(worker_join(&w), 0);
	check_is(err, -EEXIST);
	check_is(sender.most, 1);
	return true;
}

static bool add_pending(struct fan *f, uint64_t id)
{
	struct stt_session_info pending = session_spec(&f->a, id, &f->b.addr);

	pending.state = STT_SESSION_STATE_PENDING;
	return !stt_ctl_session_new(f->a.ctl, &pending);
}

/* One behind thousands that are not active. */
static bool to_last(int path)
{
	uint32_t sent = 0;
	struct stt_fanout how = { .sent = (uintptr_t)&sent };
	struct fan f;

	check(fan_open(&f, path, 1));
	for (unsigned int i = 0; i < 3000; i++)
		check(add_pending(&f, 1000 + i));
	check_is(side_session(&f.a, 2, &f.b.addr), 0);
	check_is(side_session(&f.b, 2, &f.a.addr), 0);
	f.n = 2;
	check_is(fan_send(&f, STT_SESSION_ALL, 10, &how, 0), 10);
	check_is(sent, 2);
	check(all_got_it(&f, 2, 10, 0));
	return true;
}

/* Those that cannot be sent to are left out, the others get it. */
static bool to_all_but(int path)
{
	uint32_t sent = 0;
	struct stt_fanout how = { .sent = (uintptr_t)&sent };
	struct fan f;

	check(fan_open(&f, path, 5));
	check(add_pending(&f, 6));
	/* The peer ends number 3; its close has come when the next message has. */
	check_is(stt_ctl_session_del(f.b.ctl, f.b.node, 3, 0), 0);
	check_is(stt_ctl_key_del(f.a.ctl, f.a.node, 4, 0, STT_DIRECTION_TX), 0);
	check_is(fan_send(&f, STT_SESSION_ALL, 10, &how, 0), 10);
	check_is(sent, 3);
	check(all_got_it(&f, 3, 10, 0));
	return true;
}

static bool to_list(int path)
{
	/* Two live, one ended by its peer, one unknown, one twice, two wildcards. */
	uint64_t ids[] = { 2, 3, 99, 5, 2, STT_SESSION_ANY, STT_SESSION_ALL };
	int32_t results[ARRAY_SIZE(ids)];
	static const int32_t wanted[] = {
		0, -ECONNRESET, -ENOENT, 0, -EALREADY, -ENOENT, -ENOENT,
	};
	uint32_t sent = 0;
	struct stt_fanout list = {
		.sessions = (uintptr_t)ids, .results = (uintptr_t)results,
		.sent = (uintptr_t)&sent, .count = ARRAY_SIZE(ids),
	};
	struct fan f;

	check(fan_open(&f, path, 10));
	check_is(stt_ctl_session_del(f.b.ctl, f.b.node, 3, 0), 0);
	for (int round = 0; round < 3; round++) {
		memset(results, 0x55, sizeof(results));
		check_is(fan_send(&f, STT_SESSION_ANY, 4000, &list, 5), 4000);
		check_is(sent, 2);
		for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
			check_is(results[i], wanted[i]);
		check_is(fan_recv(&f, 4000, 5), 2);
		check_is(fan_recv(&f, 4000, 5), 5);
		check(is_empty(f.in));
	}
	return true;
}

static bool to_nobody(int path)
{
	uint64_t ids[] = { 99, 98 };
	int32_t results[2] = { 1, 1 };
	uint32_t sent = 7;
	struct stt_fanout list = {
		.sessions = (uintptr_t)ids, .results = (uintptr_t)results,
		.sent = (uintptr_t)&sent, .count = 2,
	};
	struct fan f;

	check(fan_open(&f, path, 1));
	check_fails(fan_send(&f, STT_SESSION_ANY, 10, &list, 0), ENOENT);
	check_is(sent, 0);
	check_is(results[0], -ENOENT);
	check_is(results[1], -ENOENT);
	list.count = 0;
	check_is(fan_send(&f, STT_SESSION_ANY, 10, &list, 0), 10);
	check(is_empty(f.in));
	return true;
}

/* ------------------------------------------------------------------------ */
/* No room                                                                  */

#define STUCK 20
#define LISTED (STUCK + 2)

/*
 * Sessions 1 and 2 live. The others go to an address that nobody answers for:
 * what is sent to them waits for the neighbour, for three seconds, and takes
 * room in the send buffer.
 */
struct stuck {
	struct fan f;
	uint64_t ids[LISTED];
	int32_t results[LISTED];
	uint32_t sent;
	struct stt_fanout list;
};

static bool stuck_open(struct stuck *st)
{
	union stt_addr nobody = addr_of("10.77.1.99", 4444);
	int size = 8192;

	*st = (struct stuck) {
		.ids = { [0] = 1, [LISTED - 1] = 2 },
		.list = {
			.sessions = (uintptr_t)st->ids, .results = (uintptr_t)st->results,
			.sent = (uintptr_t)&st->sent, .count = LISTED,
		},
	};
	check(fan_open(&st->f, PATH_V4, 2));
	for (unsigned int i = 1; i <= STUCK; i++) {
		st->ids[i] = 10 + i;
		check_is(side_session(&st->f.a, 10 + i, &nobody), 0);
	}
	check_is(setsockopt(st->f.out, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	return true;
}

/* It went to the first of them, @least and more, then it was @err to the end. */
static bool ended_with(const struct stuck *st, unsigned int least, int err)
{
	unsigned int n = 0;

	while (n < LISTED && !st->results[n])
		n++;
	check(n >= least && n < LISTED);
	check_is(st->sent, n);
	while (n < LISTED)
		check_is(st->results[n++], err);
	return true;
}

static bool no_room(int arg)
{
	struct stuck st;

	(void)arg;
	check(stuck_open(&st));
	check_is(fcntl(st.f.out, F_SETFL, O_NONBLOCK), 0);
	check_is(fan_send(&st.f, STT_SESSION_ANY, 1000, &st.list, 0), 1000);
	check(ended_with(&st, 2, -EAGAIN));
	check_is(fan_recv(&st.f, 1000, 0), 1);
	check_fails(fan_send(&st.f, STT_SESSION_ANY, 1000, &st.list, 0), EAGAIN);
	check(ended_with(&st, 0, -EAGAIN));
	check(is_empty(st.f.in));
	return true;
}

static long send_stuck(void *arg)
{
	struct stuck *st = arg;

	return fan_send(&st->f, STT_SESSION_ANY, 1000, &st->list, 0);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* The call waits for room, and a signal comes. Returns what it returns. */
static long signalled(struct stuck *st, int *err)
{
	const struct sigaction act = { .sa_handler = on_signal };
	struct worker w;
	long ret;

	sigaction(SIGUSR1, &act, NULL);
	if (!worker_start(&w, send_stuck, st) || !worker_blocked(&w))
		return -2;
	pthread_kill(w.thread, SIGUSR1);
	ret = worker_join(&w);
	*err = w.err;
	return ret;
}

static bool interrupted(int arg)
{
	struct stuck st;
	int err;

	(void)arg;
	check(stuck_open(&st));
	check_is(signalled(&st, &err), 1000);
	check(ended_with(&st, 2, -EINTR));
	check_is(fan_recv(&st.f, 1000, 0), 1);
	/* With no room from the beginning it goes to nobody. */
	check_is(signalled(&st, &err), -1);
	check_is(err, EINTR);
	check(ended_with(&st, 0, -EINTR));
	check(is_empty(st.f.in));
	return true;
}

static bool refused(int path)
{
	uint64_t ids[] = { 1 };
	int32_t results[1];
	struct stt_fanout list = { .sessions = (uintptr_t)ids, .count = 1 };
	struct fan f;

	check(fan_open(&f, path, 1));
	/* ANY without a list, ALL with one, one session with one. */
	check_fails(fan_send(&f, STT_SESSION_ANY, 10, NULL, 0), EINVAL);
	check_fails(fan_send(&f, STT_SESSION_ALL, 10, &list, 0), EINVAL);
	check_fails(fan_send(&f, 1, 10, &list, 0), EINVAL);
	list.__reserved = 1;
	check_fails(fan_send(&f, STT_SESSION_ANY, 10, &list, 0), EINVAL);
	list.__reserved = 0;
	list.count = STT_FANOUT_MAX + 1;
	check_fails(fan_send(&f, STT_SESSION_ANY, 10, &list, 0), E2BIG);
	list.count = 1;
	list.sessions = 8;
	check_fails(fan_send(&f, STT_SESSION_ANY, 10, &list, 0), EFAULT);
	check(is_empty(f.in));
	/* A message that went before its result could be told. */
	list.sessions = (uintptr_t)ids;
	list.results = (uintptr_t)results;
	list.sent = 8;
	check_fails(fan_send(&f, STT_SESSION_ANY, 10, &list, 0), EFAULT);
	check_is(fan_recv(&f, 10, 0), 1);
	list.results = 8;
	list.sent = 0;
	check_fails(fan_send(&f, STT_SESSION_ANY, 10, &list, 0), EFAULT);
	check_is(fan_recv(&f, 10, 0), 1);
	check_fails(fan_send(&f, STT_SESSION_ALL, 65537, NULL, 0), EMSGSIZE);
	return true;
}

static const struct test tests[] = {
	{ "A17 to all, of whom there are none", to_none, PATH_V4 },
	{ "A17 to all, of whom there is one", to_one, PATH_V4 },
	{ "A17 to ten, messages of one frame and of many", to_ten, PATH_V4 },
	{ "A17 to ten, IPv6", to_ten, PATH_V6 },
	{ "A17 to a hundred", to_hundred, PATH_V4 },
	{ "A17 to 10,000 in one call", to_many, PATH_V4 },
	{ "A17 pending, ended and keyless sessions are left out", to_all_but, PATH_V4 },
	{ "A17 one that is refused, as its id is taken, gets nothing", to_refused, PATH_V4 },
	{ "A17 thousands of such are passed over", to_last, PATH_V4 },
	{ "A18 to a list with dead, unknown and doubled ids", to_list, PATH_V4 },
	{ "A18 to a list with dead, unknown and doubled ids, IPv6", to_list, PATH_V6 },
	{ "A18 to a list of nobody, and an empty one", to_nobody, PATH_V4 },
	{ "A18 no room and no waiting: EAGAIN for those it did not reach", no_room, 0 },
	{ "A18 a signal ends it: EINTR for those it did not reach", interrupted, 0 },
	{ "A18 what is refused", refused, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
