// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/module.c selftests/lib/fault.c */
/*
 * Every operation with its n-th allocation failing, for n from 1 until it
 * succeeds without reaching that many: it fails with the right errno or copes,
 * and when it is tried again right after, it works. The same with the copies
 * from and to user memory. What leaks is found by the run around this.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/module.h"
#include "lib/peer.h"

#define ID 0xfa0170000ULL
#define TRIES 400		/* no operation has so many */
#define TEXT "a message that somebody waits for"

/* What the operations work on, made anew for each try. */
struct ground {
	struct duo duo;
	struct stt_ctl *ctl;		/* other than that of the duo */
	struct stt_ctl *events;
	enum path path;
	uint64_t id;			/* of the session that is worked on */
	int fd, udp;
	uint32_t node;
	union stt_addr addr;
};

struct fault_op {
	const char *name;
	bool (*before)(struct ground *g);
	int (*call)(struct ground *g);
	bool (*after)(struct ground *g);
	/* When the call has been obeyed, but the answer was lost. */
	int obeyed;
	/* What the kernel, not the module, says of some allocations. */
	int also;
};

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

static bool nothing(struct ground *g)
{
	(void)g;
	return true;
}

/* ------------------------------------------------------------------------ */
/* Sockets                                                                  */

static bool with_socket(struct ground *g)
{
	g->fd = stt_socket(g->path, 0);
	return g->fd >= 0;
}

static bool drop_fd(struct ground *g)
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

static int bind_handshake(struct ground *g)
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

static int receive(struct ground *g)
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
	check(with_socket(g));
	check_is(bind_handshake(g), 0);
	check(peer_raw(&g->duo.p, "\001 hello", 7));
	check(peer_raw(&g->duo.p, "\001 hello", 7));
	return true;
}

/* ------------------------------------------------------------------------ */
/* Netlink                                                                  */

static int ctl_open_again(struct ground *g)
{
	struct stt_ctl *ctl;
	int err = stt_ctl_open(&ctl);

	(void)g;
	if (!err)
		stt_ctl_close(ctl);
	return err;
}

static int info_get(struct ground *g)
{
	struct stt_info info;

	return stt_ctl_info(g->ctl, &info);
}

static bool with_udp(struct ground *g)
{
	g->udp = udp_open(g->path, 0, &g->addr);
	return g->udp >= 0;
}

static int node_new(struct ground *g)
{
	return stt_ctl_node_new(g->ctl, g->udp, NULL, &g->node);
}

static bool drop_udp(struct ground *g)
{
	drop(g->udp);
	return true;
}

static bool with_node(struct ground *g)
{
	check(with_udp(g));
	check_is(node_new(g), 0);
	return true;
}

static int node_get(struct ground *g)
{
	struct stt_node_info info;

	return stt_ctl_node_get(g->ctl, g->duo.k.node, &info);
}

static int node_del(struct ground *g)
{
	return stt_ctl_node_del(g->ctl, g->node, 1);
}

/* Its sessions and sockets go with it, whatever cannot be allocated. */
static bool with_full_node(struct ground *g)
{
	struct side s = { .path = g->path };

	check(with_node(g));
	s.ctl = g->ctl;
	s.udp = g->udp;
	s.node = g->node;
	check_is(side_session(&s, ID, &g->duo.p.addr), 0);
	g->fd = stt_connected(&s, ID, 0);
	check(g->fd >= 0);
	return true;
}

/* The first socket of a node: its tables are empty. */
static int bind_first(struct ground *g)
{
	struct sockaddr_stt addr = stt_any(&g->duo.k, STT_SESSION_ANY);

	addr.sstt_node = g->node;
	return result(stt_bind_at(g->fd, &addr));
}

static bool with_node_and_socket(struct ground *g)
{
	return with_node(g) && with_socket(g);
}

static bool drop_both(struct ground *g)
{
	return drop_udp(g) && drop_fd(g);
}

static int close_udp(struct ground *g)
{
	drop(g->udp);
	return 0;
}

static bool node_is_gone(struct ground *g)
{
	struct stt_node_info info;
	char c;

	check_is(stt_ctl_node_get(g->ctl, g->node, &info), -ENODEV);
	check_fails(recv(g->fd, &c, 1, 0), ENODEV);
	return drop_fd(g);
}

static int see_node(const struct stt_node_info *n, void *arg)
{
	(void)n;
	(void)arg;
	return 0;
}

static int see_session(const struct stt_session_info *s, void *arg)
{
	(void)s;
	(void)arg;
	return 0;
}

static int see_socket(const struct stt_socket_info *s, void *arg)
{
	(void)s;
	(void)arg;
	return 0;
}

/* A dump whose answer could not be read is still running, on that socket. */
static bool ctl_anew(struct ground *g)
{
	return ctl_open(&g->ctl, g->path, 0);
}

static int node_dump(struct ground *g)
{
	return stt_ctl_node_dump(g->ctl, see_node, NULL);
}

static int session_dump(struct ground *g)
{
	return stt_ctl_session_dump(g->ctl, 0, see_session, NULL);
}

static int socket_dump(struct ground *g)
{
	return stt_ctl_socket_dump(g->ctl, see_socket, NULL);
}

static int session_new(struct ground *g)
{
	struct stt_session_info spec = session_spec(&g->duo.k, ID + 3, &g->duo.p.addr);

	spec.has_peer_id = true;
	memset(spec.peer_id, 7, sizeof(spec.peer_id));
	return stt_ctl_session_new(g->ctl, &spec);
}

/* Whoever listens hears of the session, or that something was lost. */
static bool session_heard(struct ground *g)
{
	struct stt_event ev;
	int err;
	bool heard = readable(stt_ctl_fd(g->events), 0);

	err = stt_ctl_event(g->events, &ev);
	g->id = ID + 3;
	check_is(stt_ctl_session_del(g->ctl, g->duo.k.node, g->id, 0), 0);
	check(heard);
	if (!err)
		check_is(ev.cmd, STT_CMD_SESSION_NEW_NTF);
	else
		check_is(err, -ENOBUFS);
	while (stt_ctl_event(g->events, &ev) != -EAGAIN)
		;
	return true;
}

static bool with_pending(struct ground *g)
{
	g->id = ID + 3;
	/* One that a failure has left. */
	stt_ctl_session_del(g->duo.k.ctl, g->duo.k.node, g->id, 0);
	check_is(side_session(&g->duo.k, g->id, &g->duo.p.addr), 0);
	return true;
}

static bool drop_pending(struct ground *g)
{
	int err = stt_ctl_session_del(g->ctl, g->duo.k.node, g->id, 0);

	check(!err || err == -ENOENT);
	return true;
}

static int session_get(struct ground *g)
{
	struct stt_session_info info;

	return stt_ctl_session_get(g->ctl, g->duo.k.node, g->id, &info);
}

static int session_set(struct ground *g)
{
	struct stt_session_info set = {
		.node = g->duo.k.node, .id = g->id, .peer = g->duo.p.addr,
		.has_heartbeat = true, .heartbeat_ms = 1000,
	};

	return stt_ctl_session_set(g->ctl, &set);
}

static int session_del(struct ground *g)
{
	return stt_ctl_session_del(g->ctl, g->duo.k.node, g->id, 3);
}

static int key_new(struct ground *g)
{
	return side_key(&g->duo.k, g->id, STT_DIRECTION_RX, 1);
}

static bool with_key(struct ground *g)
{
	check(with_pending(g));
	check_is(key_new(g), 0);
	return true;
}

static int key_del(struct ground *g)
{
	return stt_ctl_key_del(g->ctl, g->duo.k.node, g->id, 1, STT_DIRECTION_RX);
}

/* ------------------------------------------------------------------------ */

static const struct fault_op ops[] = {
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
	{ "send()", with_session, send_connected, peer_has_it, 0,
	  -ENETUNREACH },
	{ "sendto()", with_session, send_named, peer_has_it, 0,
	  -ENETUNREACH },
	{ "recvmsg()", with_messages, receive_message, empty, 0, 0 },
	{ "recvmsg() of a handshake", with_handshake, receive, drop_fd, 0, 0 },
	{ "control channel", nothing, ctl_open_again, nothing, 0, -ENFILE },
	{ "info-get", nothing, info_get, nothing, 0, 0 },
	{ "node-new", with_udp, node_new, drop_udp, -EBUSY, 0 },
	{ "node-get", nothing, node_get, nothing, 0, 0 },
	{ "node-del", with_node, node_del, drop_udp, -ENODEV, 0 },
	{ "close() of the UDP socket", with_full_node, close_udp, node_is_gone, 0, 0 },
	{ "bind() of the first socket", with_node_and_socket, bind_first, drop_both, 0, 0 },
	{ "node dump", nothing, node_dump, ctl_anew, -EBUSY, 0 },
	{ "session dump", nothing, session_dump, ctl_anew, -EBUSY, 0 },
	{ "socket dump", nothing, socket_dump, ctl_anew, -EBUSY, 0 },
	{ "session-new, with its event", nothing, session_new, session_heard, -EEXIST, 0 },
	{ "session-get", with_pending, session_get, drop_pending, 0, 0 },
	{ "session-set", with_pending, session_set, drop_pending, 0, 0 },
	{ "session-del", with_pending, session_del, nothing, -ENOENT, 0 },
	{ "key-new", with_pending, key_new, drop_pending, -EEXIST, 0 },
	{ "key-del", with_key, key_del, drop_pending, -ENOENT, 0 },
};

static bool right_errno(const struct fault_op *op, enum fault_kind kind, int err)
{
	if (kind == FAULT_COPY)
		return err == -EFAULT;
	return err == -ENOMEM || err == -ENOBUFS || (op->also && err == op->also);
}

/* One try. Sets @hit: that many allocations there were. */
static bool try_nth(struct ground *g, const struct fault_op *op, enum fault_kind kind,
		    unsigned int n, bool *hit, unsigned int *refused)
{
	int err;

	check(op->before(g));
	fault_arm(n);
	err = op->call(g);
	*hit = fault_disarm();
	if (err) {
		check(*hit);
		(*refused)++;
		if (!right_errno(op, kind, err)) {
			check_failed(__FILE__, __LINE__, "%s says %d", op->name, err);
			return false;
		}
		err = op->call(g);
		if (err != op->obeyed)
			check_is(err, 0);
	}
	return op->after(g);
}

static bool try_all(struct ground *g, const struct fault_op *op, enum fault_kind kind)
{
	unsigned int n = 0, refused = 0;
	bool hit;

	do {
		check(++n < TRIES);
		if (!try_nth(g, op, kind, n, &hit, &refused)) {
			printf("# %s: number %u\n", op->name, n);
			drop_fd(g);
			return false;
		}
	} while (hit);
	printf("# %-30s %3u failures, %3u of them refused\n", op->name, n - 1, refused);
	return true;
}

static bool ground_open(struct ground *g, enum path path)
{
	memset(g, 0, sizeof(*g));
	g->path = path;
	check(duo_open(&g->duo, path, ID));
	check_is(side_session(&g->duo.k, ID + 1, &g->duo.p.addr), 0);
	check_is(side_session(&g->duo.k, ID + 2, &g->duo.p.addr), 0);
	check(ctl_open(&g->ctl, path, 0));
	check(ctl_open(&g->events, path, 0));
	check_is(stt_ctl_subscribe(g->events), 0);
	return true;
}

static bool all_ops(enum fault_kind kind, enum path path)
{
	bool good = true;
	struct ground g;

	check(ground_open(&g, path));
	check(fault_select(kind));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (!try_all(&g, &ops[i], kind))
			good = false;
	check(duo_quiet(&g.duo));
	return good;
}

static bool allocations(int path)
{
	return all_ops(FAULT_ALLOC, path);
}

static bool copies(int path)
{
	return all_ops(FAULT_COPY, path);
}

/* ------------------------------------------------------------------------ */
/* Where no caller waits                                                    */

/* One message in so many is lost, is counted, and the others come. */
static bool frames_in(int path)
{
	struct duo d;
	char c;

	check(duo_open(&d, path, ID));
	for (unsigned int n = 1; n <= 4; n++) {
		unsigned int came = 0, sent = 2 * n;

		check(fault_anywhere(n));
		for (unsigned int i = 0; i < sent; i++)
			check(peer_send(&d.p, "x", 1));
		check(fault_nowhere());
		while (recv(d.fd, &c, 1, MSG_DONTWAIT) == 1)
			came++;
		check_is(came, sent - 1);
		check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_NO_MEMORY), n);
		check(duo_quiet(&d));
	}
	return true;
}

static bool handshakes_in(int path)
{
	struct duo d;
	struct ground g = { .path = path };

	check(duo_open(&d, path, ID));
	g.duo = d;
	check(with_socket(&g));
	check_is(bind_handshake(&g), 0);
	check(fault_anywhere(1));
	check(peer_raw(&d.p, "\001 hello", 7));
	check(peer_raw(&d.p, "\001 hello", 7));
	check(fault_nowhere());
	check_is(node_stat(&d.k, STT_A_STATS_DROP_NO_MEMORY), 1);
	check_is(receive(&g), 0);
	check_is(receive(&g), -EAGAIN);
	return true;
}

/* A heartbeat that could not be sent is counted; the next one is. */
static bool heartbeat_out(int path)
{
	const uint64_t until = now_ms() + TIMEOUT_MS;
	struct duo d;

	check(duo_open_heartbeat(&d, path, ID, 100));
	check(fault_anywhere(1));
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, NULL, 0));
	check(fault_nowhere());
	check_is(session_stat(&d.k, ID, STT_A_STATS_TX_ERRORS), 1);
	check(now_ms() < until);
	return true;
}

/* The module comes in whole or not at all. */
static bool loading(int arg)
{
	unsigned int n = 0;
	bool hit;
	int ret;

	(void)arg;
	/* When it cannot make the cache's directory it leaks the name. */
	check(fault_only_in("do_one_initcall") && fault_not_in("sysfs_slab_add"));
	do {
		check(++n < TRIES);
		check_is(module_remove(), 0);
		fault_arm(n);
		ret = module_insert();
		hit = fault_disarm();
		if (ret)
			check(errno == ENOMEM || errno == ENOBUFS);
		if (ret)
			check_is(module_insert(), 0);
	} while (hit);
	printf("# %u failures\n", n - 1);
	return fault_not_in("__alloc_object");
}

static const struct test tests[] = {
	{ "A5 allocations fail: every operation, IPv4", allocations, PATH_LO4 },
	{ "A5 allocations fail: every operation, IPv6", allocations, PATH_LO6 },
	{ "A5 copies from and to user memory fail: every operation", copies, PATH_LO4 },
	{ "A5 no memory for a frame that came", frames_in, PATH_LO4 },
	{ "A5 no memory for a handshake that came", handshakes_in, PATH_LO6 },
	{ "A5 no memory for a heartbeat", heartbeat_out, PATH_LO4 },
	{ "A5 no memory while the module is loaded", loading, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (!fault_open()) {
		printf("1..0 # SKIP no fault injection in this kernel\n");
		return 0;
	}
	return suite(tests);
}
