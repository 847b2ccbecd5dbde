// SPDX-License-Identifier: GPL-2.0-only
/* Netlink requests that are to fail, and nodes that end, see ops.h. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ops.h"

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

/* A dump whose answer could not be read is still running, on that socket. */
static bool ctl_anew(struct ground *g)
{
	return ctl_open(&g->ctl, g->path, 0);
}

static int node_dump(struct ground *g)
{
	return dump_nodes(g->ctl);
}

static int session_dump(struct ground *g)
{
	return dump_sessions(g->ctl, 0);
}

static int socket_dump(struct ground *g)
{
	return dump_sockets(g->ctl);
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

const struct fault_op fault_netlink_ops[] = {
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

const size_t n_fault_netlink_ops = ARRAY_SIZE(fault_netlink_ops);
