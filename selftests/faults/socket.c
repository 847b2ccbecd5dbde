// SPDX-License-Identifier: GPL-2.0-only
/* Socket calls that are to fail, see ops.h. */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ops.h"

#define TEXT "a message that somebody waits for"

int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

bool nothing(struct ground *g)
{
	(void)g;
	return true;
}

bool with_socket(struct ground *g)
{
	g->fd = stt_socket(g->path, 0);
	return g->fd >= 0;
}

bool drop_fd(struct ground *g)
{
	if (g->fd >= 0 && g->fd != g->duo.fd)
		drop(g->fd);
	g->fd = -1;
	return true;
}

static int make(struct ground *g)
{
	g->fd = keep(socket(stt_at(&g->duo.k, 0, 0).sstt_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	return result(g->fd);
}

static int bind_any(struct ground *g)
{
	struct sockaddr_stt addr = stt_any(&g->duo.k, STT_SESSION_ANY);

	return result(stt_bind_at(g->fd, &addr));
}

static int bind_stream(struct ground *g)
{
	struct sockaddr_stt addr = stt_at(&g->duo.k, ID, 77);

	return result(stt_bind_at(g->fd, &addr));
}

int bind_handshake(struct ground *g)
{
	struct sockaddr_stt addr = stt_at(&g->duo.k, 0, 0);

	addr.sstt_type = STT_MSG_HANDSHAKE;
	return result(stt_bind_at(g->fd, &addr));
}

static int connect_fresh(struct ground *g)
{
	struct sockaddr_stt addr = stt_at(&g->duo.k, ID, 78);

	return result(stt_connect_at(g->fd, &addr));
}

static bool with_bound(struct ground *g)
{
	g->fd = -1;
	check(with_socket(g));
	check_is(bind_any(g), 0);
	return true;
}

/* A socket that is bound and connected, to be connected elsewhere. */
static bool with_connected(struct ground *g)
{
	struct sockaddr_stt addr = stt_at(&g->duo.k, ID + 1, 0);

	check(with_bound(g));
	check_is(stt_connect_at(g->fd, &addr), 0);
	return true;
}

static int connect_other(struct ground *g)
{
	struct sockaddr_stt addr = stt_at(&g->duo.k, ID + 2, 0);

	return result(stt_connect_at(g->fd, &addr));
}

static int disconnect(struct ground *g)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	return result(connect(g->fd, &none, sizeof(none)));
}

static int names(struct ground *g)
{
	struct sockaddr_stt addr;
	socklen_t len = sizeof(addr);
	int err = result(getsockname(g->fd, (struct sockaddr *)&addr, &len));

	len = sizeof(addr);
	return err ?: result(getpeername(g->fd, (struct sockaddr *)&addr, &len));
}

static int options(struct ground *g)
{
	socklen_t len = sizeof(int);
	int v, err = result(getsockopt(g->fd, SOL_STT, STT_MTU, &v, &len));

	return err ?: result(ioctl(g->fd, FIONREAD, &v));
}

static int close_socket(struct ground *g)
{
	drop(g->fd);
	return 0;
}

/* ------------------------------------------------------------------------ */
/* Messages                                                                 */

/* A session that has never sent: its route cache is not there yet. */
static bool with_session(struct ground *g)
{
	g->id = ID + 3;
	/* One that a failure has left. */
	stt_ctl_session_del(g->duo.k.ctl, g->duo.k.node, g->id, 0);
	check_is(side_session(&g->duo.k, g->id, &g->duo.p.addr), 0);
	g->fd = stt_connected(&g->duo.k, g->id, 0);
	check(g->fd >= 0);
	return true;
}

static bool drop_session(struct ground *g)
{
	drop(g->fd);
	check_is(stt_ctl_session_del(g->duo.k.ctl, g->duo.k.node, g->id, 0), 0);
	return true;
}

static int send_connected(struct ground *g)
{
	return result(send(g->fd, TEXT, sizeof(TEXT), 0));
}

static int send_named(struct ground *g)
{
	struct sockaddr_stt addr = stt_at(&g->duo.k, g->id, 5);

	return result(stt_send_at(g->fd, TEXT, sizeof(TEXT), &addr));
}

/* More than one frame, on loopback too. */
static int send_long(struct ground *g)
{
	static const uint8_t bytes[40000];

	return result(send(g->fd, bytes, sizeof(bytes), 0));
}

/* Many messages in one call, as one batch. */
static int send_segments(struct ground *g)
{
	const uint8_t bytes[1000] = { 0 };
	int size = 100;

	if (setsockopt(g->fd, SOL_STT, STT_SEGMENT, &size, sizeof(size)))
		return -errno;
	return result(send(g->fd, bytes, sizeof(bytes), 0));
}

static int send_fanout(struct ground *g, uint64_t session, const struct stt_fanout *list)
{
	struct sockaddr_stt addr = stt_at(&g->duo.k, session, 5);

	return result(stt_send_fanout(g->fd, &addr, TEXT, sizeof(TEXT), list));
}

static int send_all(struct ground *g)
{
	const struct stt_fanout all = { 0 };

	return send_fanout(g, STT_SESSION_ALL, &all);
}

static int send_list(struct ground *g)
{
	int32_t results[2];
	uint64_t ids[2] = { g->id, g->id };
	uint32_t sent;
	const struct stt_fanout list = {
		.sessions = (uintptr_t)ids, .results = (uintptr_t)results,
		.sent = (uintptr_t)&sent, .count = 2,
	};

	return send_fanout(g, STT_SESSION_ANY, &list);
}

/* Whatever was sent; vm_split and others look at it. */
static bool peer_had_it(struct ground *g)
{
	static uint8_t buf[FRAME_MAX];

	check(drop_session(g));
	check(recv(g->duo.p.fd, buf, sizeof(buf), 0) > 0);
	while (recv(g->duo.p.fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
	return true;
}

/* What was sent in the end has come to the peer, whole; then its session ends. */
static bool peer_has_it(struct ground *g)
{
	static uint8_t buf[FRAME_MAX];
	struct frame f;

	g->duo.p.session = g->id;
	check(peer_recv(&g->duo.p, &f, buf, NULL));
	check_is(f.kind, STT_KIND_DATA);
	check_is(f.len, sizeof(TEXT));
	check(!memcmp(f.payload, TEXT, sizeof(TEXT)));
	g->duo.p.session = ID;
	check(drop_session(g));
	/* The goodbye, and what a try that failed late may have left. */
	while (recv(g->duo.p.fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
	return true;
}

/* Two: one that fails to be copied is gone, as with UDP. */
static bool with_messages(struct ground *g)
{
	check(peer_send(&g->duo.p, TEXT, sizeof(TEXT)));
	check(peer_send(&g->duo.p, TEXT, sizeof(TEXT)));
	return true;
}

int receive(struct ground *g)
{
	char buf[64], control[256];
	struct sockaddr_stt addr;
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_name = &addr, .msg_namelen = sizeof(addr), .msg_iov = &iov,
		.msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(g->fd, &msg, MSG_DONTWAIT);

	return result(n);
}

static int receive_message(struct ground *g)
{
	g->fd = g->duo.fd;
	return receive(g);
}

static bool empty(struct ground *g)
{
	while (!receive(g))
		;
	return true;
}

static bool with_handshake(struct ground *g)
{
	static const uint8_t hello[STT_HS_HELLO_LEN] = { STT_FRAME_HELLO };

	check(with_socket(g));
	check_is(bind_handshake(g), 0);
	check(peer_raw(&g->duo.p, hello, sizeof(hello)));
	check(peer_raw(&g->duo.p, hello, sizeof(hello)));
	return true;
}

const struct fault_op fault_socket_ops[] = {
	{ "socket()", nothing, make, drop_fd, 0, -ENFILE },
	{ "bind() to any session", with_socket, bind_any, drop_fd, 0, 0 },
	{ "bind() to a stream", with_socket, bind_stream, drop_fd, 0, 0 },
	{ "bind() for handshakes", with_socket, bind_handshake, drop_fd, 0, 0 },
	{ "connect()", with_socket, connect_fresh, drop_fd, 0, 0 },
	{ "connect() to another session", with_connected, connect_other, drop_fd, 0, 0 },
	{ "disconnect", with_connected, disconnect, drop_fd, 0, 0 },
	{ "getsockname(), getpeername()", with_connected, names, drop_fd, 0, 0 },
	{ "getsockopt(), ioctl()", with_connected, options, drop_fd, 0, -ENETUNREACH },
	{ "close()", with_connected, close_socket, nothing, 0, 0 },
	{ "send()", with_session, send_connected, peer_has_it, 0, -ENETUNREACH },
	{ "sendto()", with_session, send_named, peer_has_it, 0, -ENETUNREACH },
	{ "send() of many frames", with_session, send_long, peer_had_it, 0, -ENETUNREACH },
	{ "send() of many messages", with_session, send_segments, peer_had_it, 0, -ENETUNREACH },
	{ "sendmsg() to all", with_session, send_all, peer_had_it, 0, -ENETUNREACH },
	{ "sendmsg() to a list", with_session, send_list, peer_had_it, 0, -ENETUNREACH },
	{ "recvmsg()", with_messages, receive_message, empty, 0, 0 },
	{ "recvmsg() of a handshake", with_handshake, receive, drop_fd, 0, 0 },
};

const size_t n_fault_socket_ops = ARRAY_SIZE(fault_socket_ops);
