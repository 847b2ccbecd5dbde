// SPDX-License-Identifier: LGPL-2.1-or-later
/* AF_STT sockets, as a list. */
#include <errno.h>
#include <string.h>

#include "ctl_attr.h"

static const struct sttnl_field socket_fields[] = {
	STTNL_FIELD(STT_A_SOCKET_INODE, struct stt_socket_info, inode),
	STTNL_FIELD(STT_A_SOCKET_UID, struct stt_socket_info, uid),
	STTNL_FIELD(STT_A_SOCKET_NODE, struct stt_socket_info, node),
	STTNL_FIELD(STT_A_SOCKET_TYPE, struct stt_socket_info, type),
	STTNL_FIELD(STT_A_SOCKET_SESSION, struct stt_socket_info, session),
	STTNL_FIELD(STT_A_SOCKET_STREAM, struct stt_socket_info, stream),
	STTNL_FIELD(STT_A_SOCKET_PEER_SESSION, struct stt_socket_info, peer_session),
	STTNL_FIELD(STT_A_SOCKET_PEER_STREAM, struct stt_socket_info, peer_stream),
	STTNL_FIELD(STT_A_SOCKET_RX_QUEUE, struct stt_socket_info, rx_queue),
	STTNL_FIELD(STT_A_SOCKET_TX_QUEUE, struct stt_socket_info, tx_queue),
	STTNL_FIELD(STT_A_SOCKET_DROPS, struct stt_socket_info, drops),
	STTNL_FIELD(STT_A_SOCKET_SHARERS, struct stt_socket_info, sharers),
};

struct socket_walk {
	int	(*cb)(const struct stt_socket_info *s, void *arg);
	void	*arg;
	int	ret;
};

static int walk_socket(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[STT_A_SOCKET_MAX + 1];
	struct socket_walk *walk = arg;
	struct stt_socket_info s = { 0 };

	sttnl_index(nlh, tb, STT_A_SOCKET_MAX);
	if (sttnl_read(tb, socket_fields, sizeof(socket_fields) / sizeof(*socket_fields), &s) < 0)
		return -EBADMSG;
	s.has_stream = tb[STT_A_SOCKET_STREAM];
	s.has_peer = tb[STT_A_SOCKET_PEER_SESSION];
	walk->ret = walk->cb(&s, walk->arg);
	return walk->ret != 0;
}

int stt_ctl_socket_dump(struct stt_ctl *ctl,
			int (*cb)(const struct stt_socket_info *s, void *arg), void *arg)
{
	struct socket_walk walk = { .cb = cb, .arg = arg };
	struct sttnl_req req;
	int ret;

	sttnl_begin(&req, ctl->family, STT_CMD_SOCKET_GET, NLM_F_DUMP);
	ret = sttnl_call(ctl, &req, walk_socket, &walk);
	if (walk.ret)
		return walk.ret;
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot list the sockets") : 0;
}
