// SPDX-License-Identifier: GPL-2.0-only
/* Whom sendmsg() is for: the address that was given, or the one of connect(). */

#include <linux/uio.h>
#include <stt/wire.h>

#include "af_stt.h"
#include "dest.h"
#include "node.h"
#include "session.h"

/* The default destination, from connect(). */
static int stt_dest_connected(struct stt_sock *ssk, struct stt_dest *dest)
{
	struct stt_peer peer;

	dest->session = stt_sock_peer(ssk, &peer, STT_REF_SEND);
	dest->stream = peer.stream;
	dest->type = peer.type;
	if (dest->session)
		return 0;
	/* Like a socket that lost its session for good with its node. */
	return READ_ONCE(ssk->end) ?: -EDESTADDRREQ;
}

/* The node of a destination, if the caller may send there. */
static struct stt_node *stt_dest_node(struct stt_sock *ssk, u32 id)
{
	struct stt_node *node = stt_node_get(sock_net(&ssk->sk), id, STT_REF_SEND);

	if (!node)
		return ERR_PTR(-ENODEV);
	/* A socket of the node was let in when it was bound. */
	if (READ_ONCE(ssk->node) == node || stt_node_permits(node))
		return node;
	stt_node_put(node, STT_REF_SEND);
	return ERR_PTR(-EACCES);
}

/*
 * A handshake frame, to be sealed in a session: from the handshake socket of its
 * node, whose owner has bound it. It goes in one frame, see stt_burst_plan().
 */
static int stt_dest_handshake(struct stt_sock *ssk, const struct sockaddr_stt *addr, size_t len)
{
	/*
	 * A handshake socket has its node until it is closed. Of another one a bind()
	 * that runs right now may fail, and take the node away.
	 */
	if (!smp_load_acquire(&ssk->handshake) || addr->sstt_node != ssk->node->id)
		return -EOPNOTSUPP;
	if (addr->sstt_stream || addr->sstt_session == STT_SESSION_ANY ||
	    addr->sstt_session == STT_SESSION_ALL || len < STT_HS_HDR_LEN)
		return -EINVAL;
	return len > STT_HS_FRAME_MAX ? -EMSGSIZE : 0;
}

static int stt_dest_type(struct stt_sock *ssk, const struct sockaddr_stt *addr, size_t len,
			 struct stt_dest *dest)
{
	switch (addr->sstt_type) {
	case STT_MSG_ANY:
	case STT_MSG_DATA:
		dest->type = STT_MSG_DATA;
		return 0;
	case STT_MSG_USER_MIN ... STT_MSG_USER_MAX:
		dest->type = addr->sstt_type;
		return 0;
	case STT_MSG_HANDSHAKE:
		dest->type = STT_KIND_HANDSHAKE;
		return stt_dest_handshake(ssk, addr, len);
	default:
		return -EINVAL;
	}
}

/* The destination that the caller named. */
static int stt_dest_named(struct stt_sock *ssk, const struct msghdr *msg, struct stt_dest *dest)
{
	const struct sockaddr_stt *addr = msg->msg_name;
	struct stt_node *node;
	int err;

	err = stt_sock_address(addr, msg->msg_namelen);
	if (!err)
		err = stt_dest_type(ssk, addr, iov_iter_count(&msg->msg_iter), dest);
	if (err)
		return err;
	if (addr->sstt_flags)
		return -EINVAL;

	node = stt_dest_node(ssk, addr->sstt_node);
	if (IS_ERR(node))
		return PTR_ERR(node);
	dest->stream = addr->sstt_stream;
	dest->all = addr->sstt_session == STT_SESSION_ALL;
	if (dest->all || addr->sstt_session == STT_SESSION_ANY) {
		dest->node = node;
		return 0;
	}
	dest->session = stt_session_get(node, addr->sstt_session, STT_REF_SEND);
	stt_node_put(node, STT_REF_SEND);
	return dest->session ? 0 : -ENOENT;
}

/* Whom @msg is for. stt_dest_put() it unless there was an error. */
int stt_dest_find(struct stt_sock *ssk, const struct msghdr *msg, struct stt_dest *dest)
{
	*dest = (struct stt_dest) {};
	if (msg->msg_name)
		return stt_dest_named(ssk, msg, dest);
	return stt_dest_connected(ssk, dest);
}

void stt_dest_put(struct stt_dest *dest)
{
	if (dest->session)
		stt_session_put(dest->session, STT_REF_SEND);
	else
		stt_node_put(dest->node, STT_REF_SEND);
}
