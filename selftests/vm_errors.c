// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* R9, A33: each error of a socket means one thing. */
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define ID 0xe44ULL

static bool session_in_state(struct side *s, uint32_t state, int n_keys, int *fd)
{
	union stt_addr peer = addr_of(env("NS_B4"), 4444);
	struct stt_session_info spec;

	check(side_open(s, PATH_V4, 0));
	spec = session_spec(s, ID, &peer);
	spec.state = state;
	spec.n_keys = n_keys;
	check_is(stt_ctl_session_new(s->ctl, &spec), 0);
	*fd = stt_connected(s, ID, 0);
	check(*fd >= 0);
	return true;
}

/* The same error on a connected socket and for a named destination. */
static bool both_fail(const struct side *s, int fd, int err)
{
	struct sockaddr_stt to = stt_at(s, ID, 0);

	check_fails(send(fd, "x", 1, 0), err);
	check_fails(stt_send_at(fd, "x", 1, &to), err);
	return true;
}

static bool pending(int arg)
{
	struct stt_session_info set = { .id = ID, .state = STT_SESSION_STATE_ACTIVE };
	struct side s;
	int fd;

	(void)arg;
	check(session_in_state(&s, STT_SESSION_STATE_PENDING, 2, &fd));
	check(both_fail(&s, fd, ENOTCONN));
	set.node = s.node;
	check_is(stt_ctl_session_set(s.ctl, &set), 0);
	check_is(send(fd, "x", 1, 0), 1);
	return true;
}

static bool no_key(int arg)
{
	struct side s;
	int fd;

	(void)arg;
	check(session_in_state(&s, STT_SESSION_STATE_ACTIVE, 0, &fd));
	check(both_fail(&s, fd, ENOKEY));
	check_is(session_stat(&s, ID, STT_A_STATS_TX_ERRORS), 2);
	check_is(session_stat(&s, ID, STT_A_STATS_TX_FRAMES), 0);
	return true;
}

static bool closed(int arg)
{
	struct frame f;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	f = peer_next(&d.p, "\x01", 1);
	f.kind = STT_KIND_SESSION_CLOSE;
	check(peer_send_frame(&d.p, &f));
	check(both_fail(&d.k, d.fd, ECONNRESET));
	return true;
}

/* The session was deleted here: a socket that names it says so. */
static bool session_gone(int arg)
{
	struct duo d;
	char c;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check_is(stt_ctl_session_del(d.k.ctl, d.k.node, ID, 0), 0);
	check_fails(recv(d.fd, &c, 1, 0), ENOENT);
	check(both_fail(&d.k, d.fd, ENOENT));
	return true;
}

static bool node_gone(int arg)
{
	struct worker w, v;
	struct duo d;
	int any;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	any = stt_bound(&d.k, STT_SESSION_ANY);
	check(worker_start(&w, block_recv, &d.fd) && worker_blocked(&w));
	check(worker_start(&v, block_recv, &any) && worker_blocked(&v));
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	check_is(worker_join(&w), -1);
	check_is(w.err, ENODEV);
	check_is(worker_join(&v), -1);
	check_is(v.err, ENODEV);
	check(both_fail(&d.k, d.fd, ENODEV));
	check_fails(block_recv(&any), ENODEV);
	return true;
}

/* A socket of a node that has gone cannot join another. */
static bool node_gone_for_good(int arg)
{
	struct sockaddr_stt addr, none = { .sstt_family = AF_UNSPEC };
	struct side second;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	drop(d.fd);
	d.fd = stt_bound(&d.k, STT_SESSION_ANY);
	addr = stt_at(&d.k, ID, 1);
	check_is(stt_connect_at(d.fd, &addr), 0);
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	check(side_open(&second, PATH_V4, 0));
	addr = stt_any(&second, STT_SESSION_ANY);
	check(stt_bind_at(d.fd, &addr) < 0);
	check_is(connect(d.fd, (struct sockaddr *)&none, sizeof(none)), 0);
	check_fails(block_recv(&d.fd), ENODEV);
	return true;
}

static bool no_destination(int arg)
{
	struct side s;
	int fd;

	(void)arg;
	check(side_open(&s, PATH_V4, 0));
	fd = stt_socket(PATH_V4, 0);
	check_fails(send(fd, "x", 1, 0), EDESTADDRREQ);
	fd = stt_bound(&s, STT_SESSION_ANY);
	check_fails(send(fd, "x", 1, 0), EDESTADDRREQ);
	return true;
}

/* A socket that is not bound may send, if it says where. */
static bool unbound_sends(int arg)
{
	struct sockaddr_stt to;
	struct sides l;
	int a, b;

	(void)arg;
	check(sides_open(&l, PATH_V4, ID));
	a = stt_socket(PATH_V4, 0);
	b = stt_bound(&l.b, ID);
	to = stt_at(&l.a, ID, 0);
	check_is(stt_send_at(a, "x", 1, &to), 1);
	check(receives(b, "x", 1));
	return true;
}

static bool no_route(int arg)
{
	union stt_addr nowhere = addr_of("192.0.2.1", 4444);
	struct side s;
	int fd;

	(void)arg;
	check(side_open(&s, PATH_V4, 0));
	check_is(side_session(&s, ID, &nowhere), 0);
	fd = stt_connected(&s, ID, 0);
	check(both_fail(&s, fd, ENETUNREACH));
	check_is(session_stat(&s, ID, STT_A_STATS_TX_ERRORS), 2);
	return true;
}

/* A node is found in its own network namespace only. */
static bool other_namespace(int arg)
{
	struct sockaddr_stt addr;
	struct side s;
	int fd;

	(void)arg;
	check(side_open(&s, PATH_V4, 0));
	fd = stt_socket(PATH_V4, 1);
	addr = stt_any(&s, STT_SESSION_ANY);
	check_fails(stt_bind_at(fd, &addr), ENODEV);
	addr = stt_at(&s, ID, 0);
	check_fails(stt_send_at(fd, "x", 1, &addr), ENODEV);
	return true;
}

static const struct test tests[] = {
	{ "R9 pending session: ENOTCONN, until it is set active", pending, 0 },
	{ "R9 no send key: ENOKEY", no_key, 0 },
	{ "R9 closed by the peer: ECONNRESET", closed, 0 },
	{ "R9 session deleted: ENOENT", session_gone, 0 },
	{ "R9 node gone: ENODEV, readers wake", node_gone, 0 },
	{ "R9 and the socket stays without one", node_gone_for_good, 0 },
	{ "R9 no destination: EDESTADDRREQ", no_destination, 0 },
	{ "R9 a socket that is not bound sends where it is told", unbound_sends, 0 },
	{ "R9 no route: ENETUNREACH", no_route, 0 },
	{ "R9 a node of another network namespace: ENODEV", other_namespace, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
