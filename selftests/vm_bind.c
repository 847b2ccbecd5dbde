// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* A21: which socket gets a message; bind(), connect() and their refusals. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define S 0x51ULL
#define T 0x7154321ULL
#define STREAM_MAX 0xffffffffU

/* Two nodes with two sessions, S and T. */
static bool two_sessions(struct sides *l)
{
	check(sides_open(l, PATH_V4, S));
	check_is(side_session(&l->a, T, &l->b.addr), 0);
	check_is(side_session(&l->b, T, &l->a.addr), 0);
	return true;
}

static bool send_to(struct sides *l, int fd, uint64_t session, uint32_t stream)
{
	struct sockaddr_stt to = stt_at(&l->a, session, stream);
	uint32_t text = stream ^ session;

	check_is(stt_send_at(fd, &text, sizeof(text), &to), sizeof(text));
	return true;
}

/* @fd and nobody else has got the message of send_to(). */
static bool got(int fd, uint64_t session, uint32_t stream)
{
	struct sockaddr_stt from;
	socklen_t len = sizeof(from);
	uint32_t text;

	check_is(recvfrom(fd, &text, sizeof(text), MSG_DONTWAIT, (struct sockaddr *)&from, &len),
		 sizeof(text));
	check_is(text, (uint32_t)(stream ^ session));
	check(from.sstt_session == session);
	check_is(from.sstt_stream, stream);
	return true;
}

static bool stream_ids(int arg)
{
	static const uint32_t ids[] = { 0, 1, 65536, STREAM_MAX };
	struct sockaddr_stt addr;
	struct sides l;
	int out, fd[4];

	(void)arg;
	check(two_sessions(&l));
	out = stt_bound(&l.a, STT_SESSION_ANY);
	for (int i = 0; i < 4; i++) {
		addr = stt_at(&l.b, S, ids[i]);
		fd[i] = stt_socket(PATH_V4, 1);
		check_is(stt_bind_at(fd[i], &addr), 0);
	}
	for (int i = 0; i < 4; i++)
		check(send_to(&l, out, S, ids[i]));
	for (int i = 0; i < 4; i++) {
		check(got(fd[i], S, ids[i]));
		check(is_empty(fd[i]));
	}
	return true;
}

/* Bindings from the most to the least specific, for stream 7 of session S. */
static bool four_bindings(struct sides *l, int fd[4])
{
	struct sockaddr_stt at[4] = {
		stt_at(&l->b, S, 7), stt_any(&l->b, S),
		stt_at(&l->b, STT_SESSION_ANY, 7), stt_any(&l->b, STT_SESSION_ANY),
	};

	for (int i = 3; i >= 0; i--) {
		fd[i] = stt_socket(PATH_V4, 1);
		check_is(stt_bind_at(fd[i], &at[i]), 0);
	}
	return true;
}

static bool specificity(int arg)
{
	static const struct {
		uint64_t session;
		uint32_t stream;
		int winner;
	} cases[] = {
		{ S, 7, 0 }, { S, 8, 1 }, { S, 0, 1 }, { T, 7, 2 }, { T, 8, 3 }, { T, 0, 3 },
	};
	struct sides l;
	int out, fd[4];

	(void)arg;
	check(two_sessions(&l));
	check(four_bindings(&l, fd));
	out = stt_bound(&l.a, STT_SESSION_ANY);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		check(send_to(&l, out, cases[i].session, cases[i].stream));
		for (int j = 0; j < 4; j++) {
			if (j == cases[i].winner)
				check(got(fd[j], cases[i].session, cases[i].stream));
			check(is_empty(fd[j]));
		}
	}
	return true;
}

/* As the more specific sockets close, the message falls to the next. */
static bool fall_back(int arg)
{
	struct sides l;
	int out, fd[4];

	(void)arg;
	check(two_sessions(&l));
	check(four_bindings(&l, fd));
	out = stt_bound(&l.a, STT_SESSION_ANY);
	for (int i = 0; i < 4; i++) {
		check(send_to(&l, out, S, 7));
		check(got(fd[i], S, 7));
		drop(fd[i]);
	}
	check(send_to(&l, out, S, 7));
	check_is(session_stat(&l.b, S, STT_A_STATS_DROP_NO_READER), 1);
	check_is(session_stat(&l.b, S, STT_A_STATS_RX_FRAMES), 5);
	return true;
}

static bool in_use(int arg)
{
	struct sockaddr_stt at[4];
	struct sides l;
	int fd[4], other;

	(void)arg;
	check(two_sessions(&l));
	check(four_bindings(&l, fd));
	at[0] = stt_at(&l.b, S, 7);
	at[1] = stt_any(&l.b, S);
	at[2] = stt_at(&l.b, STT_SESSION_ANY, 7);
	at[3] = stt_any(&l.b, STT_SESSION_ANY);
	for (int i = 0; i < 4; i++) {
		other = stt_socket(PATH_V4, 1);
		check_fails(stt_bind_at(other, &at[i]), EADDRINUSE);
		drop(fd[i]);
		check_is(stt_bind_at(other, &at[i]), 0);
	}
	return true;
}

struct bad {
	const char *what;
	int err;
	struct sockaddr_stt addr;
	socklen_t len;
};

static struct sockaddr_stt edit(const struct side *s, int type, int flags, uint64_t session,
				uint32_t stream)
{
	struct sockaddr_stt a = stt_at(s, session, stream);

	a.sstt_type = type;
	a.sstt_flags = flags;
	return a;
}

static size_t bad_binds(const struct side *s, struct bad *bad)
{
	const struct bad list[] = {
		{ "type DATA", EINVAL, edit(s, STT_MSG_DATA, 0, 0, 0), 0 },
		{ "type 0x11", EINVAL, edit(s, 0x11, 0, 0, 0), 0 },
		{ "a user type", EINVAL, edit(s, 0x80, 0, 0, 0), 0 },
		{ "unknown flag", EINVAL, edit(s, 0, 0x02, 0, 0), 0 },
		{ "any stream and a stream", EINVAL, edit(s, 0, STT_ADDR_STREAM_ANY, S, 1), 0 },
		{ "all sessions", EINVAL, edit(s, 0, 0, STT_SESSION_ALL, 0), 0 },
		{ "handshake of a session", EINVAL, edit(s, STT_MSG_HANDSHAKE, 0, S, 0), 0 },
		{ "handshake of a stream", EINVAL, edit(s, STT_MSG_HANDSHAKE, 0, 0, 1), 0 },
		{ "unknown session", ENOENT, edit(s, 0, 0, 12345, 0), 0 },
		{ "too short", EINVAL, edit(s, 0, 0, S, 0), sizeof(struct sockaddr_stt) - 1 },
		{ "empty", EINVAL, edit(s, 0, 0, S, 0), 1 },
		{ "unknown node", ENODEV, edit(s, 0, 0, S, 0), 0 },
		{ "node 0", ENODEV, edit(s, 0, 0, S, 0), 0 },
		{ "reserved bytes", EINVAL, edit(s, 0, 0, S, 0), 0 },
		{ "other family", EAFNOSUPPORT, edit(s, 0, 0, S, 0), 0 },
	};
	size_t n = ARRAY_SIZE(list);

	memcpy(bad, list, sizeof(list));
	bad[n - 4].addr.sstt_node += 1000;
	bad[n - 3].addr.sstt_node = 0;
	bad[n - 2].addr.__sstt_reserved = 1;
	bad[n - 1].addr.sstt_family = AF_INET;
	return n;
}

static bool refused(int fd, int (*call)(int, const struct sockaddr *, socklen_t),
		    const struct bad *bad)
{
	int ret = call(fd, (const struct sockaddr *)&bad->addr, bad->len ?: sizeof(bad->addr));
	int err = ret ? errno : 0;

	if (err != bad->err)
		printf("# %s: errno %d, not %d\n", bad->what, err, bad->err);
	return err == bad->err;
}

static bool bind_refused(int arg)
{
	struct sockaddr_stt good;
	struct bad bad[20];
	struct sides l;
	size_t n;
	int fd;

	(void)arg;
	check(two_sessions(&l));
	fd = stt_socket(PATH_V4, 0);
	n = bad_binds(&l.a, bad);
	for (size_t i = 0; i < n; i++)
		check(refused(fd, bind, &bad[i]));
	/* None of them left a trace: the socket can still become any. */
	good = stt_at(&l.a, S, 0);
	check_is(stt_bind_at(fd, &good), 0);
	return true;
}

static bool connect_refused(int arg)
{
	struct sockaddr_stt good;
	struct bad bad[] = {
		{ "any session", EINVAL, { 0 }, 0 }, { "all sessions", EINVAL, { 0 }, 0 },
		{ "unknown session", ENOENT, { 0 }, 0 }, { "handshake type", EINVAL, { 0 }, 0 },
		{ "type 0x7f", EINVAL, { 0 }, 0 }, { "flag", EINVAL, { 0 }, 0 },
		{ "too short", EINVAL, { 0 }, 23 }, { "two bytes", EINVAL, { 0 }, 1 },
	};
	struct sides l;
	int fd;

	(void)arg;
	check(two_sessions(&l));
	bad[0].addr = edit(&l.a, 0, 0, STT_SESSION_ANY, 0);
	bad[1].addr = edit(&l.a, 0, 0, STT_SESSION_ALL, 0);
	bad[2].addr = edit(&l.a, 0, 0, 12345, 0);
	bad[3].addr = edit(&l.a, STT_MSG_HANDSHAKE, 0, S, 0);
	bad[4].addr = edit(&l.a, 0x7f, 0, S, 0);
	bad[5].addr = edit(&l.a, 0, 0x80, S, 0);
	bad[6].addr = edit(&l.a, 0, 0, S, 0);
	bad[7].addr = edit(&l.a, 0, 0, S, 0);
	fd = stt_socket(PATH_V4, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		check(refused(fd, connect, &bad[i]));
	good = stt_at(&l.a, S, 0);
	check_is(stt_connect_at(fd, &good), 0);
	return true;
}

static bool one_node(int arg)
{
	struct sockaddr_stt addr, other;
	struct side s, second;
	int fd;

	(void)arg;
	check(side_open(&s, PATH_V4, 0));
	check(side_open(&second, PATH_V4, 0));
	fd = stt_bound(&s, STT_SESSION_ANY);
	other = stt_any(&second, STT_SESSION_ANY);
	check_fails(stt_bind_at(fd, &other), EADDRINUSE);
	addr = stt_at(&s, STT_SESSION_ANY, 5);
	check_fails(stt_bind_at(fd, &addr), EINVAL);
	addr = stt_any(&s, STT_SESSION_ANY);
	check_fails(stt_bind_at(fd, &addr), EINVAL);
	check_is(side_session(&second, S, &s.addr), 0);
	other = stt_at(&second, S, 0);
	check_fails(stt_connect_at(fd, &other), EADDRINUSE);
	return true;
}

static bool names(int fd, struct sockaddr_stt *own, struct sockaddr_stt *peer)
{
	socklen_t len = sizeof(*own);

	check_is(getsockname(fd, (struct sockaddr *)own, &len), 0);
	check_is(len, sizeof(*own));
	check_is(own->sstt_family, stt_family());
	if (!peer)
		return true;
	len = sizeof(*peer);
	check_is(getpeername(fd, (struct sockaddr *)peer, &len), 0);
	check_is(len, sizeof(*peer));
	check_is(peer->sstt_node, own->sstt_node);
	return true;
}

static bool connect_narrows(int arg)
{
	struct sockaddr_stt own, peer, to, none = { .sstt_family = AF_UNSPEC };
	struct sides l;
	socklen_t len = sizeof(peer);
	int out, fd;

	(void)arg;
	check(two_sessions(&l));
	out = stt_bound(&l.a, STT_SESSION_ANY);
	fd = stt_bound(&l.b, STT_SESSION_ANY);
	to = stt_at(&l.b, S, 3);
	check_is(stt_connect_at(fd, &to), 0);
	check(names(fd, &own, &peer));
	check(own.sstt_session == S && own.sstt_flags == STT_ADDR_STREAM_ANY);
	check(peer.sstt_session == S && peer.sstt_stream == 3);
	check_is(peer.sstt_type, STT_MSG_DATA);
	check(send_to(&l, out, T, 1) && send_to(&l, out, S, 9));
	check(got(fd, S, 9));
	check(is_empty(fd));

	check_is(connect(fd, (struct sockaddr *)&none, sizeof(none)), 0);
	check(names(fd, &own, NULL));
	check(own.sstt_session == STT_SESSION_ANY && own.sstt_flags == STT_ADDR_STREAM_ANY);
	check_fails(getpeername(fd, (struct sockaddr *)&peer, &len), ENOTCONN);
	check_fails(send(fd, "x", 1, 0), EDESTADDRREQ);
	check(send_to(&l, out, T, 1));
	check(got(fd, T, 1));
	return true;
}

/* connect() without bind(): that session and stream, and out again. */
static bool connect_alone(int arg)
{
	struct sockaddr_stt own, to, none = { .sstt_family = AF_UNSPEC };
	struct side second;
	struct sides l;
	int out, fd;

	(void)arg;
	check(two_sessions(&l));
	check(side_open(&second, PATH_V4, 1));
	out = stt_bound(&l.a, STT_SESSION_ANY);
	fd = stt_socket(PATH_V4, 1);
	to = stt_at(&l.b, S, 3);
	check_is(stt_connect_at(fd, &to), 0);
	check(names(fd, &own, NULL));
	check(own.sstt_session == S && own.sstt_stream == 3 && !own.sstt_flags);
	check(send_to(&l, out, S, 4) && send_to(&l, out, S, 3));
	check(got(fd, S, 3));
	check(is_empty(fd));
	/* To another session, without a disconnect. */
	to = stt_at(&l.b, T, 0);
	check_is(stt_connect_at(fd, &to), 0);
	check(send_to(&l, out, S, 3) && send_to(&l, out, T, 0));
	check(got(fd, T, 0));

	check_is(connect(fd, (struct sockaddr *)&none, sizeof(none.sstt_family)), 0);
	check(names(fd, &own, NULL));
	check_is(own.sstt_node, 0);
	to = stt_any(&second, STT_SESSION_ANY);
	check_is(stt_bind_at(fd, &to), 0);
	return true;
}

static bool connect_within_bind(int arg)
{
	struct sockaddr_stt to;
	struct sides l;
	int fd;

	(void)arg;
	check(two_sessions(&l));
	fd = stt_bound(&l.b, S);
	to = stt_at(&l.b, T, 0);
	check_fails(stt_connect_at(fd, &to), EINVAL);
	to = stt_at(&l.b, S, 0);
	check_is(stt_connect_at(fd, &to), 0);
	to = stt_any(&l.b, STT_SESSION_ANY);
	check_fails(stt_bind_at(fd, &to), EINVAL);
	return true;
}

/* What a send to an address of this type says, when it is not for messages. */
static int type_error(uint8_t type)
{
	return type == STT_MSG_HANDSHAKE ? EOPNOTSUPP : EINVAL;
}

static bool user_types(int arg)
{
	struct sockaddr_stt to, from;
	socklen_t len;
	struct sides l;
	int out, fd;
	char c;

	(void)arg;
	check(two_sessions(&l));
	out = stt_bound(&l.a, STT_SESSION_ANY);
	fd = stt_bound(&l.b, STT_SESSION_ANY);
	to = stt_at(&l.a, S, 0);
	for (int type = 0; type <= 0xff; type++) {
		bool good = type == STT_MSG_ANY || type == STT_MSG_DATA || type >= 0x80;

		to.sstt_type = type;
		if (!good) {
			check_fails(stt_send_at(out, "x", 1, &to), type_error(type));
			continue;
		}
		check_is(stt_send_at(out, "x", 1, &to), 1);
		len = sizeof(from);
		check_is(recvfrom(fd, &c, 1, 0, (struct sockaddr *)&from, &len), 1);
		check_is(from.sstt_type, type ?: STT_MSG_DATA);
	}
	return true;
}

static bool connected_type(int arg)
{
	struct sockaddr_stt to, from;
	socklen_t len = sizeof(from);
	struct sides l;
	int out, fd;
	char c;

	(void)arg;
	check(two_sessions(&l));
	fd = stt_bound(&l.b, STT_SESSION_ANY);
	out = stt_socket(PATH_V4, 0);
	to = stt_at(&l.a, S, STREAM_MAX);
	to.sstt_type = 0xff;
	check_is(stt_connect_at(out, &to), 0);
	check_is(send(out, "x", 1, 0), 1);
	check_is(recvfrom(fd, &c, 1, 0, (struct sockaddr *)&from, &len), 1);
	check_is(from.sstt_type, 0xff);
	check_is(from.sstt_stream, STREAM_MAX);
	return true;
}

static bool bad_destination(int arg)
{
	struct bad bad[16];
	struct sides l;
	size_t n;
	int fd;

	(void)arg;
	check(two_sessions(&l));
	fd = stt_bound(&l.a, STT_SESSION_ANY);
	n = bad_binds(&l.a, bad);
	/* The first is good here, the third too. */
	for (size_t i = 3; i < n; i++) {
		bool handshake = bad[i].addr.sstt_type == STT_MSG_HANDSHAKE;
		int err = handshake ? EOPNOTSUPP : bad[i].err;
		ssize_t ret;

		/* All sessions are a destination, vm_fanout.c has it. */
		if (bad[i].addr.sstt_session == STT_SESSION_ALL)
			continue;
		ret = sendto(fd, "x", 1, 0, (struct sockaddr *)&bad[i].addr,
			     bad[i].len ?: sizeof(bad[i].addr));
		if (ret >= 0 || errno != err)
			printf("# %s: %zd, errno %d\n", bad[i].what, ret, errno);
		check(ret < 0 && errno == err);
	}
	bad[0].addr = stt_any(&l.a, S);
	check_fails(stt_send_at(fd, "x", 1, &bad[0].addr), EINVAL);
	bad[0].addr = stt_at(&l.a, STT_SESSION_ANY, 0);
	check_fails(stt_send_at(fd, "x", 1, &bad[0].addr), EINVAL);
	check_is(session_stat(&l.a, S, STT_A_STATS_TX_FRAMES), 0);
	return true;
}

/* It is bound to no session, and nothing else of the node is. */
static bool handshake_name(int arg)
{
	struct sockaddr_stt own, peer;
	socklen_t len = sizeof(peer);
	struct side s;
	int fd;

	(void)arg;
	check(side_open(&s, PATH_V4, 0));
	fd = stt_bound_handshake(&s);
	check(fd >= 0);
	check(names(fd, &own, NULL));
	check_is(own.sstt_type, STT_MSG_HANDSHAKE);
	check_is(own.sstt_node, s.node);
	check(!own.sstt_session && !own.sstt_stream && !own.sstt_flags);
	check_fails(getpeername(fd, (struct sockaddr *)&peer, &len), ENOTCONN);
	return true;
}

static bool kinds_of_socket(int arg)
{
	(void)arg;
	check(enter(PATH_V4, 0));
	check_fails(keep(socket(stt_family(), SOCK_STREAM, 0)), ESOCKTNOSUPPORT);
	check_fails(keep(socket(stt_family(), SOCK_SEQPACKET, 0)), ESOCKTNOSUPPORT);
	check_fails(keep(socket(stt_family(), SOCK_DGRAM, 17)), EPROTONOSUPPORT);
	return true;
}

static const struct test tests[] = {
	{ "A21 streams 0, 1, 65536 and 2^32-1, a reader each", stream_ids, 0 },
	{ "A21 the most specific binding wins", specificity, 0 },
	{ "A21 without it the next one does, at last nobody", fall_back, 0 },
	{ "A21 a binding twice: EADDRINUSE, and free after close", in_use, 0 },
	{ "A21 bind: what is no binding is refused", bind_refused, 0 },
	{ "A21 connect: what is no destination is refused", connect_refused, 0 },
	{ "A21 a socket has one node and is bound once", one_node, 0 },
	{ "A21 connect narrows, disconnect restores, names", connect_narrows, 0 },
	{ "A21 connect alone binds, disconnect sets free", connect_alone, 0 },
	{ "A21 connect stays within what is bound", connect_within_bind, 0 },
	{ "A21 types 0x80 to 0xff arrive as sent, others are refused", user_types, 0 },
	{ "A21 connect sets the type of what is sent", connected_type, 0 },
	{ "A21 sendto: what is no destination is refused", bad_destination, 0 },
	{ "A21 the name of a handshake socket", handshake_name, 0 },
	{ "A21 only datagram sockets, no protocols", kinds_of_socket, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
