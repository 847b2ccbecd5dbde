// SPDX-License-Identifier: LGPL-2.1-or-later
/* Messages out and in, through the node's AF_STT data socket. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "errmsg.h"
#include "node.h"

#define WORK_EVERY	16	/* messages received between looks at the node's work */

int node_deleted(struct stt_node *node)
{
	stt_node_process(node);
	return stt_err(-ESHUTDOWN, "the node was deleted in the kernel by somebody else");
}

/* ---- send --------------------------------------------------------------- */

struct message {
	const void	*data;
	size_t		len;
	uint32_t	stream;
	uint8_t		type;
	unsigned int	flags;
};

static int send_once(const struct stt_node *node, uint64_t session, const struct message *m)
{
	struct sockaddr_stt to = {
		.sstt_family = (__kernel_sa_family_t)node->family,
		.sstt_type = m->type ? m->type : STT_MSG_DATA,
		.sstt_node = node->number, .sstt_session = session, .sstt_stream = m->stream,
	};

	return sendto(node->data_fd, m->data, m->len, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

/* As a user of the node. What is waited for is room here, never the peer. */
static int send_one(struct stt_node *node, uint64_t session, const struct message *m)
{
	int ret;

	for (;;) {
		ret = send_once(node, session, m);
		if (ret != -EAGAIN || (m->flags & STT_SEND_DONTWAIT))
			break;
		ret = node_wait(node, node->data_fd, POLLOUT, UINT64_MAX);
		if (ret)
			return ret;
	}
	if (ret == -ENODEV)
		return node_deleted(node);
	if (ret)
		stt_err_set("cannot send %zu bytes on session %016llx: %s", m->len,
			    (unsigned long long)session, stt_strerror(ret));
	return ret;
}

int node_check_session_id(uint64_t session)
{
	if (session == STT_SESSION_ANY || session == STT_SESSION_ALL)
		return stt_err(-EINVAL, "%016llx is not the id of a session",
			       (unsigned long long)session);
	return 0;
}

int stt_node_send(struct stt_node *node, uint64_t session, uint32_t stream, uint8_t type,
		  const void *data, size_t len, unsigned int flags)
{
	const struct message m = { data, len, stream, type, flags };
	int ret = node_check_session_id(session);

	if (!ret && (flags & ~(unsigned int)STT_SEND_DONTWAIT))
		ret = stt_err(-EINVAL, "unknown flags 0x%x to send with", flags);
	if (!ret)
		ret = node_enter(node);
	if (ret)
		return ret;
	ret = send_one(node, session, &m);
	node_leave(node);
	return ret;
}

/* ---- receive ------------------------------------------------------------ */

static ssize_t recv_once(const struct stt_node *node, struct stt_packet *packet, void *buf,
			 size_t size)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct sockaddr_stt from = { 0 };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	ssize_t len = recvmsg(node->data_fd, &msg, MSG_DONTWAIT | MSG_TRUNC);

	if (len < 0)
		return -errno;
	*packet = (struct stt_packet){
		.session = from.sstt_session, .stream = from.sstt_stream,
		.type = from.sstt_type, .truncated = (size_t)len > size, .len = (size_t)len,
	};
	return packet->truncated ? (ssize_t)size : len;
}

/* A flood of data must not keep the node from its work. */
static void work_sometimes(struct stt_node *node)
{
	if (!node->has_thread && atomic_fetch_add(&node->received, 1) % WORK_EVERY == 0)
		stt_node_process(node);
}

static ssize_t receive(struct stt_node *node, struct stt_packet *packet, void *buf, size_t size,
		       uint64_t deadline_ms)
{
	for (;;) {
		ssize_t ret = recv_once(node, packet, buf, size);

		if (ret >= 0)
			return ret;
		if (ret == -ENODEV)
			return node_deleted(node);
		if (ret != -EAGAIN)
			return stt_err((int)ret, "cannot receive: %s", stt_strerror((int)ret));
		ret = node_wait(node, node->data_fd, POLLIN, deadline_ms);
		if (ret)
			return ret;
	}
}

ssize_t stt_node_recv(struct stt_node *node, struct stt_packet *packet, void *buf, size_t size,
		      int timeout_ms)
{
	uint64_t deadline_ms = UINT64_MAX;
	ssize_t ret = node_enter(node);

	if (ret)
		return ret;
	if (timeout_ms >= 0)
		deadline_ms = node_now_ms() + (unsigned int)timeout_ms;
	work_sometimes(node);
	ret = receive(node, packet, buf, size, deadline_ms);
	node_leave(node);
	return ret;
}
