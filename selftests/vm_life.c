// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/module.c */
/* A4: nodes, sessions and the module end cleanly, whoever ends them. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/module.h"
#include "lib/peer.h"

#define ID 0x4ULL

static const uint8_t node_gone = STT_CLOSE_NODE_GONE;

/* A process that owns a node with a session to @peer, until it is killed. */
static void child_main(int pipe_fd, enum path path, const union stt_addr *peer)
{
	struct side s;

	if (!side_open(&s, path, 0) || side_session(&s, ID, peer) ||
	    stt_connected(&s, ID, 0) < 0 || write(pipe_fd, &s, sizeof(s)) != sizeof(s))
		_exit(1);
	for (;;)
		pause();
}

static pid_t child_start(struct side *s, enum path path, const union stt_addr *peer)
{
	pid_t pid;
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid)
		child_main(p[1], path, peer);
	close(p[1]);
	if (read(p[0], s, sizeof(*s)) != sizeof(*s))
		pid = -1;
	close(p[0]);
	return pid;
}

static int count_node(const struct stt_node_info *n, void *arg)
{
	*(int *)arg += n->id != 0;
	return 0;
}

static int count_session(const struct stt_session_info *s, void *arg)
{
	*(int *)arg += s->id != 0;
	return 0;
}

static int count_socket(const struct stt_socket_info *s, void *arg)
{
	*(int *)arg += s->node != 0;
	return 0;
}

/* Nothing is left in the namespace of end 0, or all that there is: @n of each. */
static bool left(struct stt_ctl *ctl, int n)
{
	int nodes = 0, sessions = 0, sockets = 0;
	struct stt_info info;

	check_is(stt_ctl_node_dump(ctl, count_node, &nodes), 0);
	check_is(stt_ctl_session_dump(ctl, 0, count_session, &sessions), 0);
	check_is(stt_ctl_socket_dump(ctl, count_socket, &sockets), 0);
	check_is(stt_ctl_info(ctl, &info), 0);
	check_is(nodes, n);
	check_is(sessions, n);
	check_is(sockets, n);
	check_is(info.nodes, n);
	check_is(info.sessions, n);
	return true;
}

static bool killed(int path)
{
	struct stt_ctl *ctl;
	struct stt_event ev;
	struct side s;
	struct peer p;
	pid_t pid;

	check(peer_open(&p, path, 1));
	p.session = ID;
	check(ctl_open(&ctl, path, 0));
	pid = child_start(&s, path, &p.addr);
	check(pid > 0);
	check(left(ctl, 1));
	check_is(stt_ctl_subscribe(ctl), 0);
	kill(pid, SIGKILL);
	check_is(waitpid(pid, NULL, 0), pid);

	check(peer_hears(&p, STT_KIND_SESSION_CLOSE, &node_gone, 1));
	check(next_event(ctl, &ev));
	check_is(ev.cmd, STT_CMD_SESSION_DEL_NTF);
	check(ev.session.id == ID);
	check(next_event(ctl, &ev));
	check_is(ev.cmd, STT_CMD_NODE_DEL_NTF);
	check_is(ev.node, s.node);
	check(left(ctl, 0));
	return true;
}

/* A kernel peer hears of it as well. */
static bool killed_peer(int path)
{
	struct stt_session_info info;
	struct stt_event ev;
	struct side s, k;
	struct worker w;
	pid_t pid;
	int fd;

	check(side_open(&k, path, 1));
	pid = child_start(&s, path, &k.addr);
	check(pid > 0);
	check_is(side_session(&k, ID, &s.addr), 0);
	check_is(stt_ctl_subscribe(k.ctl), 0);
	fd = stt_connected(&k, ID, 0);
	check(worker_start(&w, block_recv, &fd) && worker_blocked(&w));
	kill(pid, SIGKILL);
	check_is(waitpid(pid, NULL, 0), pid);

	check(event_of(k.ctl, STT_CMD_SESSION_STATE_NTF, &ev));
	check_is(ev.session.state, STT_SESSION_STATE_CLOSED);
	check_is(ev.session.close_reason, STT_CLOSE_NODE_GONE);
	check_is(worker_join(&w), -1);
	check_is(w.err, ECONNRESET);
	check_fails(send(fd, "x", 1, 0), ECONNRESET);
	info = side_get(&k, ID);
	check_is(info.state, STT_SESSION_STATE_CLOSED);
	check_is(info.n_keys, 0);
	return true;
}

/* close() of the socket, in a process that goes on. */
static bool socket_closed(int path)
{
	struct duo d;
	char c;

	check(duo_open(&d, path, ID));
	drop(d.k.udp);
	check(peer_hears(&d.p, STT_KIND_SESSION_CLOSE, &node_gone, 1));
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), -ENODEV);
	check_fails(recv(d.fd, &c, 1, 0), ENODEV);
	check_fails(send(d.fd, "x", 1, 0), ENODEV);
	return true;
}

/* The node lives as long as anybody has the socket. */
static bool socket_shared(int path)
{
	struct duo d;
	int copy;

	check(duo_open(&d, path, ID));
	copy = keep(dup(d.k.udp));
	drop(d.k.udp);
	check(duo_quiet(&d));
	drop(copy);
	check(peer_hears(&d.p, STT_KIND_SESSION_CLOSE, &node_gone, 1));
	return true;
}

static bool deleted(int path)
{
	const uint8_t reason = 0x99;
	struct stt_ctl *events;
	struct stt_event ev;
	struct duo d;
	char c;

	check(duo_open(&d, path, ID));
	check(ctl_open(&events, path, 0));
	check_is(stt_ctl_subscribe(events), 0);
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, reason), 0);
	check(peer_hears(&d.p, STT_KIND_SESSION_CLOSE, &reason, 1));
	check(next_event(events, &ev));
	check_is(ev.cmd, STT_CMD_SESSION_DEL_NTF);
	check(next_event(events, &ev));
	check_is(ev.cmd, STT_CMD_NODE_DEL_NTF);
	check(no_event(events));
	check_fails(recv(d.fd, &c, 1, 0), ENODEV);
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), -ENODEV);
	return true;
}

static bool session_deleted(int path)
{
	const uint8_t reason = STT_CLOSE_REVOKED;
	struct sides l;
	struct stt_event ev;
	struct worker w;
	int a, b, any;

	check(sides_open(&l, path, ID));
	a = stt_connected(&l.a, ID, 0);
	any = stt_bound(&l.a, STT_SESSION_ANY);
	b = stt_connected(&l.b, ID, 0);
	check(worker_start(&w, block_recv, &a) && worker_blocked(&w));
	check_is(stt_ctl_subscribe(l.b.ctl), 0);
	check_is(stt_ctl_session_del(l.a.ctl, l.a.node, ID, reason), 0);
	check_is(worker_join(&w), -1);
	check_is(w.err, ENOENT);
	check(is_empty(any));
	check(event_of(l.b.ctl, STT_CMD_SESSION_STATE_NTF, &ev));
	check_is(ev.session.state, STT_SESSION_STATE_CLOSED);
	check_is(ev.session.close_reason, reason);
	check_fails(send(b, "x", 1, 0), ECONNRESET);
	/* The id is free again. */
	check_is(side_session(&l.a, ID, &l.b.addr), 0);
	return true;
}

/* The peer says goodbye: what it sent before is read first. */
static bool goodbye(int path)
{
	struct pollfd pfd = { .events = POLLIN | POLLRDHUP };
	struct sockaddr_stt addr;
	struct frame f;
	struct duo d;
	char c;
	int late;

	check(duo_open(&d, path, ID));
	check(peer_send(&d.p, "last words", 10));
	f = peer_next(&d.p, "\x81", 1);
	f.kind = STT_KIND_SESSION_CLOSE;
	check(peer_send_frame(&d.p, &f));
	check(peer_send(&d.p, "too late", 8));
	check(receives(d.fd, "last words", 10));
	pfd.fd = d.fd;
	check_is(poll(&pfd, 1, 0), 1);
	check_is(pfd.revents, POLLIN | POLLRDHUP);
	check_fails(recv(d.fd, &c, 1, 0), ECONNRESET);
	check_fails(send(d.fd, "x", 1, 0), ECONNRESET);
	check_is(side_get(&d.k, ID).close_reason, 0x81);
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_ENDED), 1);
	check_is(side_key(&d.k, ID, STT_DIRECTION_TX, 1), -EINVAL);
	late = stt_socket(path, 0);
	addr = stt_at(&d.k, ID, 5);
	check_fails(stt_bind_at(late, &addr), ECONNRESET);
	/* Nothing is sent after the end, not even a goodbye. */
	check_is(stt_ctl_session_del(d.k.ctl, d.k.node, ID, 0), 0);
	check(is_empty(d.p.fd));
	return true;
}

/* ------------------------------------------------------------------------ */
/* Sockets that outlive what they were connected to                         */

static const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

/* How a socket came to the session ID. */
enum way { CONNECTED, BOUND_TO_ANY, BOUND_TO_IT };

static int socket_by(const struct side *s, enum way way)
{
	struct sockaddr_stt at = stt_at(s, ID, 0);
	struct sockaddr_stt own = stt_any(s, way == BOUND_TO_ANY ? STT_SESSION_ANY : ID);
	int fd = stt_socket(s->path, s->end);

	if (fd < 0 || (way != CONNECTED && stt_bind_at(fd, &own)))
		return -1;
	return stt_connect_at(fd, &at) ? -1 : fd;
}

/* Its session is over, and whoever reads or waits is told at once. */
static bool says_over(int fd, int err)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLRDHUP };
	char c;

	check_is(poll(&pfd, 1, 0), 1);
	check_is(pfd.revents, POLLIN | POLLRDHUP);
	check_fails(recv(fd, &c, 1, 0), err);
	check_fails(send(fd, "x", 1, 0), err);
	return true;
}

struct names {
	struct sockaddr_stt own, peer;
};

static bool names_of(int fd, struct names *n)
{
	socklen_t len = sizeof(n->own);

	memset(n, 0, sizeof(*n));
	check_is(getsockname(fd, (struct sockaddr *)&n->own, &len), 0);
	len = sizeof(n->peer);
	check_is(getpeername(fd, (struct sockaddr *)&n->peer, &len), 0);
	return true;
}

/* The peer says goodbye: ECONNRESET; or the node's owner deletes it: ENOENT. */
static bool session_ends(struct duo *d, int err)
{
	struct frame f = peer_next(&d->p, "\x81", 1);

	if (err == ENOENT) {
		check_is(stt_ctl_session_del(d->k.ctl, d->k.node, ID, 0), 0);
		return peer_hears(&d->p, STT_KIND_SESSION_CLOSE, "", 1);
	}
	f.kind = STT_KIND_SESSION_CLOSE;
	return peer_send_frame(&d->p, &f);
}

/* To a session that lives, by way of none. */
static bool moves_on(struct duo *d, enum way way)
{
	struct sockaddr_stt at = stt_at(&d->k, ID + 1, 0);

	d->p.session = ID + 1;
	check_is(connect(d->fd, &nowhere, sizeof(nowhere)), 0);
	if (way == BOUND_TO_ANY)
		check(duo_quiet(d));
	check_is(stt_connect_at(d->fd, &at), 0);
	check(duo_quiet(d));
	check_is(send(d->fd, "x", 1, 0), 1);
	return peer_hears(&d->p, STT_MSG_DATA, "x", 1);
}

/* What is bound to the session can only wait for a new one with its id. */
static bool begins_again(struct duo *d, int err)
{
	struct sockaddr_stt at = stt_at(&d->k, ID, 0);
	char c;

	/* Whatever this says, it is no way to a socket that nobody hears of. */
	connect(d->fd, &nowhere, sizeof(nowhere));
	check_fails(recv(d->fd, &c, 1, 0), err);
	if (err != ENOENT)
		check_is(stt_ctl_session_del(d->k.ctl, d->k.node, ID, 0), 0);
	check_is(side_session(&d->k, ID, &d->p.addr), 0);
	check_is(stt_connect_at(d->fd, &at), 0);
	check(duo_quiet(d));
	check_is(send(d->fd, "x", 1, 0), 1);
	return peer_hears(&d->p, STT_MSG_DATA, "x", 1);
}

/* connect() again to a session that is over fails, and changes nothing. */
static bool connect_again(enum way way, int err)
{
	struct names before, after;
	struct sockaddr_stt at;
	struct duo d;

	check(duo_open(&d, PATH_V4, ID));
	check_is(side_session(&d.k, ID + 1, &d.p.addr), 0);
	drop(d.fd);
	d.fd = socket_by(&d.k, way);
	check(d.fd >= 0 && duo_quiet(&d));
	check(session_ends(&d, err) && says_over(d.fd, err));
	check(names_of(d.fd, &before));

	at = stt_at(&d.k, ID, 0);
	check_fails(stt_connect_at(d.fd, &at), err);
	check(says_over(d.fd, err));
	check(names_of(d.fd, &after));
	check(!memcmp(&before, &after, sizeof(before)));
	return way == BOUND_TO_IT ? begins_again(&d, err) : moves_on(&d, way);
}

static bool connect_to_closed(int way)
{
	return connect_again(way, ECONNRESET);
}

static bool connect_to_deleted(int way)
{
	return connect_again(way, ENOENT);
}

/* A socket whose node has gone, and that has left it. */
static int socket_left_over(void)
{
	struct duo d;
	char c;

	if (!duo_open(&d, PATH_V4, ID))
		return -1;
	drop(d.fd);
	d.fd = socket_by(&d.k, CONNECTED);
	if (stt_ctl_node_del(d.k.ctl, d.k.node, 0) || recv(d.fd, &c, 1, 0) >= 0 ||
	    errno != ENODEV || connect(d.fd, &nowhere, sizeof(nowhere)))
		return -1;
	return d.fd;
}

/* It may join another node, and is as a new one there. */
static bool next_node(int binds)
{
	struct sockaddr_stt at;
	struct pollfd pfd = { .events = POLLIN | POLLRDHUP };
	struct duo d;

	pfd.fd = socket_left_over();
	check(pfd.fd >= 0);
	check(duo_open(&d, PATH_V4, ID));
	drop(d.fd);
	d.fd = pfd.fd;
	at = stt_at(&d.k, ID, 0);
	check_is(binds ? stt_bind_at(d.fd, &at) : stt_connect_at(d.fd, &at), 0);
	check_is(poll(&pfd, 1, 0), 0);
	check(is_empty(d.fd));
	check(duo_quiet(&d));
	check_is(stt_send_at(d.fd, "x", 1, binds ? &at : NULL), 1);
	check(peer_hears(&d.p, STT_MSG_DATA, "x", 1));
	/* And hears of the end of this one. */
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	return says_over(d.fd, ENODEV);
}

/* ------------------------------------------------------------------------ */
/* The module                                                               */

static bool module_held(int arg)
{
	struct side s;
	int fd;

	(void)arg;
	check(side_open(&s, PATH_V4, 0));
	check_fails(syscall(SYS_delete_module, "stt", O_NONBLOCK), EWOULDBLOCK);
	fd = stt_bound(&s, STT_SESSION_ANY);
	drop(s.udp);
	check_fails(syscall(SYS_delete_module, "stt", O_NONBLOCK), EWOULDBLOCK);
	drop(fd);
	fd = stt_socket(PATH_V4, 0);
	check_fails(syscall(SYS_delete_module, "stt", O_NONBLOCK), EWOULDBLOCK);
	drop(fd);
	check_is(module_remove(), 0);
	check_fails(keep(socket(AF_STT, SOCK_DGRAM, 0)), EAFNOSUPPORT);
	check_is(module_insert(), 0);
	return true;
}

/* Insert, use, remove: nothing is left that the next one stumbles over. */
static bool module_again(int arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++) {
		struct sides l;
		int a, b;

		check(sides_open(&l, i % 2 ? PATH_V4 : PATH_V6, ID));
		a = stt_connected(&l.a, ID, 0);
		b = stt_connected(&l.b, ID, 0);
		check_is(send(a, "x", 1, 0), 1);
		check(receives(b, "x", 1));
		drop(a);
		drop(b);
		drop(l.a.udp);
		drop(l.b.udp);
		check_is(module_remove(), 0);
		check_is(module_insert(), 0);
	}
	return true;
}

static const struct test tests[] = {
	{ "A4 kill -9: node and session are gone, the peer is told", killed, PATH_V4 },
	{ "A4 kill -9, IPv6", killed, PATH_V6 },
	{ "A4 kill -9: a node that is the peer closes its session", killed_peer, PATH_V4 },
	{ "A4 the UDP socket is closed", socket_closed, PATH_V4 },
	{ "A4 the node lives while anybody has the UDP socket", socket_shared, PATH_V4 },
	{ "A4 a node is deleted, the peer is told why", deleted, PATH_V4 },
	{ "A4 a session is deleted, the peer is told why", session_deleted, PATH_V6 },
	{ "A4 the peer says goodbye", goodbye, PATH_V4 },
	{ "A4 connect again, the peer has closed the session: nothing changes",
	  connect_to_closed, CONNECTED },
	{ "A4 connect again, of a socket bound to any session", connect_to_closed, BOUND_TO_ANY },
	{ "A4 connect again, of a socket bound to the session", connect_to_closed, BOUND_TO_IT },
	{ "A4 connect again, the session was deleted: nothing changes",
	  connect_to_deleted, CONNECTED },
	{ "A4 the same, bound to any session", connect_to_deleted, BOUND_TO_ANY },
	{ "A4 the same, bound to the session", connect_to_deleted, BOUND_TO_IT },
	{ "A4 a socket left its node, which is gone: connect to another", next_node, 0 },
	{ "A4 a socket left its node, which is gone: bind to another", next_node, 1 },
	{ "A4 rmmod is refused while there is a node or a socket", module_held, 0 },
	{ "A4 insert, use, remove, five times", module_again, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
