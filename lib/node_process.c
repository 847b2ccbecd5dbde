// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The node's work: datagrams of the handshake socket, ICMP errors, events of
 * the kernel, timers. One step does what is there and never blocks.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "errmsg.h"
#include "node.h"
#include "udp.h"

#define BATCH	64	/* datagrams or errors in one step */

/* ---- sending ------------------------------------------------------------ */

static void read_errors(struct stt_node *node, uint64_t now_ms)
{
	union stt_addr about;
	int error;

	for (int i = 0; i < BATCH && stt_udp_error(node->udp_fd, &about, &error); i++)
		if (error && error != -EMSGSIZE)
			node_connect_error(node, now_ms, &about, error);
}

/* Full queues are as good as a loss on the way. */
static bool is_passing(int error)
{
	return error == -EAGAIN || error == -ENOBUFS || error == -ENOMEM || error == -EINTR;
}

/*
 * What a send says may be an ICMP error, which anybody can forge. That is noted
 * for the deadline; only the routing of this machine says that there is no way.
 */
int node_send_frame(void *ctx, const union stt_addr *to, const union stt_addr *from,
		    const struct stt_hs_frame *frame)
{
	struct stt_node *node = ctx;
	int ret = stt_udp_send(node->udp_fd, node->bound.sa.sa_family, to, from, frame->data,
			       frame->len), route;

	if (!ret) {
		node->last.udp_transport.packets_sent++;
		node->last.udp_transport.bytes_sent += frame->len;
		return 0;
	}
	node->last.udp_transport.errors_send++;
	if (is_passing(ret))
		return 0;
	route = stt_udp_route(&node->bound, to);
	if (!route)
		node_connect_error(node, node_now_ms(), to, ret);
	return route;
}

/* Failures are those of the session, or of a way that may come back. */
int node_send_sealed(struct stt_node *node, uint64_t session, const struct stt_hs_frame *frame)
{
	const struct sockaddr_stt to = {
		.sstt_family = (__kernel_sa_family_t)node->family,
		.sstt_type = STT_MSG_HANDSHAKE,
		.sstt_node = node->number, .sstt_session = session,
	};

	if (sendto(node->hs_fd, frame->data, frame->len, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&to, sizeof(to)) >= 0 || is_passing(-errno))
		return 0;
	return -errno;
}

/* ---- handshakes --------------------------------------------------------- */

int node_install(struct stt_node *node, const struct stt_hs_session *s, uint32_t state,
		 const union stt_addr *peer, const union stt_addr *local)
{
	struct stt_session_info info = {
		.node = node->number, .id = s->id, .state = state, .peer = *peer,
		.has_peer_id = true, .n_keys = 2,
		.keys = {
			{ .direction = STT_DIRECTION_TX, .suite = s->suite },
			{ .direction = STT_DIRECTION_RX, .suite = s->suite },
		},
	};
	int ret;

	if (!stt_addr_is_any(local))
		info.local = *local;
	memcpy(info.peer_id, s->peer_id, sizeof(info.peer_id));
	memcpy(info.keys[0].secret, s->tx_key, sizeof(s->tx_key));
	memcpy(info.keys[1].secret, s->rx_key, sizeof(s->rx_key));
	ret = stt_ctl_session_new(node->ctl, &info);
	sodium_memzero(&info, sizeof(info));
	if (!ret)
		node_rekey_add(node, s, state == STT_SESSION_STATE_PENDING);
	return ret;
}

void node_count_drop(struct stt_node *node, enum stt_hs_drop why)
{
	uint64_t *const counters[STT_HS_DROPS] = {
		[STT_HS_DROP_MALFORMED]		= &node->last.handshakes.malformed,
		[STT_HS_DROP_REFUSED]		= &node->last.handshakes.refused,
		[STT_HS_DROP_BAD_MAC]		= &node->last.handshakes.bad_mac,
		[STT_HS_DROP_BAD_SEAL]		= &node->last.handshakes.bad_seal,
		[STT_HS_DROP_REPLAYED]		= &node->last.handshakes.replayed,
		[STT_HS_DROP_OWN]		= &node->last.handshakes.own,
		[STT_HS_DROP_UNSUPPORTED]	= &node->last.handshakes.unsupported,
		[STT_HS_DROP_FULL]		= &node->last.handshakes.full,
		[STT_HS_DROP_UNKNOWN]		= &node->last.handshakes.unknown,
	};

	++*counters[why];
}

/* A session, or new keys of one, that the peer has proved to have. */
static int install(struct stt_node *node, const struct stt_hs_session *s,
		   const union stt_addr *from, const union stt_addr *to)
{
	int ret = s->rekey ? node_rekey_answered(node, s) :
			     node_install(node, s, STT_SESSION_STATE_ACTIVE, from, to);

	if (ret)
		return ret;
	if (s->rekey)
		node->last.rekeys++;
	else
		node->last.handshakes.accepted++;
	return 0;
}

static void responder_input(struct stt_node *node, uint64_t now_ms, uint64_t in,
			    const union stt_addr *from, const union stt_addr *to,
			    const uint8_t *data, size_t len)
{
	enum stt_hs_drop why = STT_HS_DROP_MALFORMED;
	struct stt_hs_session session;
	struct stt_hs_frame out;
	enum stt_hs_verdict verdict;
	uint32_t handle;

	stt_responder_clock(node->responder, time(NULL));
	verdict = stt_responder_input(node->responder, now_ms, in, data, len, &out, &session,
				      &handle, &why);
	if (verdict == STT_HS_DROP) {
		node_count_drop(node, why);
		if (why == STT_HS_DROP_OWN)
			node_connect_own(node, stt_get_be32(data + STT_HS_OFF_SENDER));
		return;
	}
	if (verdict == STT_HS_INSTALL) {
		int ret = install(node, &session, from, to);

		sodium_memzero(&session, sizeof(session));
		if (ret) {
			node->last.handshakes.failed++;
			stt_responder_forget(node->responder, handle);
			node_log(node, LOG_WARNING, "a peer could not be let in: %s",
				 stt_errmsg());
			return;
		}
	}
	node_wake_at(node, now_ms + STT_HS_LIFETIME_MS);
	if (in)
		node_send_sealed(node, in, &out);
	else
		node_send_frame(node, from, to, &out);
}

/* What only an initiator gets. */
static bool is_answer(const uint8_t *data, size_t len)
{
	uint8_t type = len ? data[STT_HS_OFF_TYPE] : 0;

	return type == STT_FRAME_RESPONSE || type == STT_FRAME_FINAL;
}

/* Sealed in a session: of its rekey, or nothing. */
static void take_sealed(struct stt_node *node, uint64_t now_ms, uint64_t session,
			const uint8_t *data, size_t len)
{
	if (is_answer(data, len))
		node_rekey_input(node, now_ms, session, data, len);
	else
		responder_input(node, now_ms, session, NULL, NULL, data, len);
}

/* Of a new session, or nothing. */
static void take_datagram(struct stt_node *node, uint64_t now_ms, const union stt_addr *from,
			  const union stt_addr *to, const uint8_t *data, size_t len)
{
	node->last.udp_transport.packets_received++;
	node->last.udp_transport.bytes_received += len;
	if (is_answer(data, len))
		node_connect_input(node, now_ms, from, to, data, len);
	else
		responder_input(node, now_ms, 0, from, to, data, len);
}

static void read_address(const struct cmsghdr *c, union stt_addr *addr)
{
	size_t len = c->cmsg_len - CMSG_LEN(0);

	memcpy(addr, CMSG_DATA(c), len < sizeof(*addr) ? len : sizeof(*addr));
	stt_addr_unmap(addr);
}

static void read_addresses(struct msghdr *msg, union stt_addr *from, union stt_addr *to)
{
	memset(from, 0, sizeof(*from));
	memset(to, 0, sizeof(*to));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_STT)
			continue;
		if (c->cmsg_type == STT_CMSG_PEER_ADDR)
			read_address(c, from);
		else if (c->cmsg_type == STT_CMSG_LOCAL_ADDR)
			read_address(c, to);
	}
}

/* One message of the handshake socket. False: there is none. */
static bool read_handshake(struct stt_node *node, uint64_t now_ms)
{
	_Alignas(struct cmsghdr) char control[256];
	uint8_t data[STT_HS_FRAME_MAX + 1];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct sockaddr_stt in = { 0 };
	struct msghdr msg = {
		.msg_name = &in, .msg_namelen = sizeof(in),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	union stt_addr from, to;
	ssize_t len = recvmsg(node->hs_fd, &msg, MSG_DONTWAIT);

	if (len < 0)
		return false;
	read_addresses(&msg, &from, &to);
	if (in.sstt_session)
		take_sealed(node, now_ms, in.sstt_session, data, (size_t)len);
	else if (from.sa.sa_family != AF_UNSPEC)
		take_datagram(node, now_ms, &from, &to, data, (size_t)len);
	return true;
}

/* ---- events ------------------------------------------------------------- */

void node_session_ended(struct stt_node *node, uint64_t id)
{
	struct ended *e = calloc(1, sizeof(*e));

	/* Without memory it is removed now rather than never. */
	if (!e) {
		stt_ctl_session_del(node->ctl, node->number, id, STT_CLOSE_NONE);
		return;
	}
	e->id = id;
	e->remove_ms = node_now_ms() + NODE_ENDED_LINGER_MS;
	STAILQ_INSERT_TAIL(&node->ended, e, link);
	node_wake_at(node, e->remove_ms);
}

static bool has_ended(uint32_t state)
{
	return state == STT_SESSION_STATE_CLOSED || state == STT_SESSION_STATE_DEAD;
}

/* Unless it has come back to life, as a dead one may. */
static void remove_session(struct stt_node *node, uint64_t id)
{
	struct stt_session_info info;

	if (!stt_ctl_session_get(node->ctl, node->number, id, &info) && has_ended(info.state))
		stt_ctl_session_del(node->ctl, node->number, id, STT_CLOSE_NONE);
}

/* All linger equally long, so the first is the next. */
static uint64_t remove_ended(struct stt_node *node, uint64_t now_ms)
{
	struct ended *e;

	while ((e = STAILQ_FIRST(&node->ended))) {
		if (e->remove_ms > now_ms)
			return e->remove_ms;
		remove_session(node, e->id);
		STAILQ_REMOVE_HEAD(&node->ended, link);
		free(e);
	}
	return UINT64_MAX;
}

void node_forget_ended(struct stt_node *node)
{
	struct ended *e;

	while ((e = STAILQ_FIRST(&node->ended))) {
		STAILQ_REMOVE_HEAD(&node->ended, link);
		free(e);
	}
}

static void session_state(struct stt_node *node, uint64_t id, uint32_t state)
{
	if (state == STT_SESSION_STATE_ACTIVE)
		node_connect_active(node, id);
	else if (has_ended(state))
		node_session_ended(node, id);
}

static void node_gone(struct stt_node *node)
{
	node->gone = true;
	stt_err_set("the node was deleted in the kernel by somebody else");
	node_log(node, LOG_ERR, "%s", stt_errmsg());
	node_connect_stop(node);
	eventfd_write(node->stop_fd, 1);
}

/* Events were lost: look at all sessions instead. */
static void resync(struct stt_node *node)
{
	static const uint32_t states[] = {
		STT_SESSION_STATE_ACTIVE, STT_SESSION_STATE_CLOSED, STT_SESSION_STATE_DEAD,
	};
	struct node_ids ids = { 0 };

	node_forget_ended(node);
	for (size_t s = 0; s < sizeof(states) / sizeof(states[0]); s++) {
		if (!node_session_ids(node, 1U << states[s], &ids))
			for (size_t i = 0; i < ids.n; i++)
				session_state(node, ids.ids[i], states[s]);
		free(ids.ids);
		ids = (struct node_ids){ 0 };
	}
	node_rekey_resync(node);
}

static bool read_event(struct stt_node *node)
{
	struct stt_event ev;
	int ret = stt_ctl_event(node->ctl, &ev);

	if (ret == -ENOBUFS)
		resync(node);
	if (ret < 0)
		return ret == -ENOBUFS;
	if (ev.node != node->number)
		return true;
	if (ev.cmd == STT_CMD_SESSION_STATE_NTF)
		session_state(node, ev.session.id, ev.session.state);
	else if (ev.cmd == STT_CMD_SESSION_REKEY_NTF)
		node_rekey_wanted(node, ev.session.id);
	else if (ev.cmd == STT_CMD_SESSION_DEL_NTF)
		node_rekey_gone(node, ev.session.id);
	else if (ev.cmd == STT_CMD_NODE_DEL_NTF && !node->gone)
		node_gone(node);
	return true;
}

/* ---- timers ------------------------------------------------------------- */

static void arm(struct stt_node *node)
{
	struct itimerspec when = { 0 };

	if (node->next_ms != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(node->next_ms / 1000);
		when.it_value.tv_nsec = (long)(node->next_ms % 1000) * 1000000 + 1;
	}
	timerfd_settime(node->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void node_wake_at(struct stt_node *node, uint64_t ms)
{
	if (ms >= node->next_ms)
		return;
	node->next_ms = ms;
	arm(node);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void run_timers(struct stt_node *node, uint64_t now_ms)
{
	uint64_t next;

	if (now_ms < node->next_ms)
		return;
	node->next_ms = UINT64_MAX;
	next = stt_responder_expire(node->responder, now_ms);
	next = earlier(next, remove_ended(node, now_ms));
	next = earlier(next, node_connect_tick(node, now_ms));
	next = earlier(next, node_rekey_tick(node, now_ms));
	/* What was due meanwhile may have asked for something sooner. */
	node->next_ms = earlier(next, node->next_ms);
	arm(node);
}

/* ---- the step ----------------------------------------------------------- */

static void drain_counter(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;	/* another thread has read it */
}

static void handle(struct stt_node *node, int fd, uint64_t now_ms)
{
	int n = 0;

	if (fd == node->hs_fd) {
		while (n++ < BATCH && read_handshake(node, now_ms))
			;
	} else if (fd == node->udp_fd) {
		read_errors(node, now_ms);
	} else if (fd == node->wake_fd) {
		drain_counter(fd);
		node_connect_resolved(node, now_ms);
	} else if (fd == node->timer_fd) {
		drain_counter(fd);
	} else {
		/* All: what is left in the buffer would not wake us again. */
		while (!node->gone && read_event(node))
			;
	}
}

void node_step(struct stt_node *node)
{
	struct epoll_event ev[8];
	int n = epoll_wait(node->work_fd, ev, 8, 0);
	uint64_t now_ms = node_now_ms();

	for (int i = 0; i < n && !node->gone; i++)
		handle(node, ev[i].data.fd, now_ms);
	if (!node->gone)
		run_timers(node, now_ms);
}

int stt_node_process(struct stt_node *node)
{
	int ret = node_lock_running(node);

	if (ret)
		return ret;
	node_step(node);
	pthread_mutex_unlock(&node->lock);
	return 0;
}

/* A stop wakes it by the same descriptor that wakes everybody else. */
void *node_thread(void *arg)
{
	struct stt_node *node = arg;
	struct pollfd p[2] = {
		{ .fd = node->work_fd, .events = POLLIN },
		{ .fd = node->stop_fd, .events = POLLIN },
	};

	while (!stt_node_process(node))
		poll(p, 2, -1);
	return NULL;
}
