/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a message goes. */
#ifndef _STT_DEST_H
#define _STT_DEST_H

#include <linux/socket.h>
#include <linux/stt.h>
#include <linux/types.h>

struct stt_node;
struct stt_session;
struct stt_sock;

/**
 * struct stt_dest - where a message goes
 * @session: the one session, or NULL; holds a reference (STT_REF_SEND)
 * @node: the node of many, if @session is NULL; holds a reference (STT_REF_SEND)
 * @all: to all active sessions of @node, not to a list
 * @stream: stream id
 * @type: STT_KIND_*: data, of the user's, or of a handshake
 */
struct stt_dest {
	struct stt_session *session;
	struct stt_node *node;
	bool all;
	u32 stream;
	u8 type;
};

int __must_check stt_dest_find(struct stt_sock *ssk, const struct msghdr *msg,
			       struct stt_dest *dest);
void stt_dest_put(struct stt_dest *dest);

#endif /* _STT_DEST_H */
