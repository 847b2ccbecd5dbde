/* SPDX-License-Identifier: GPL-2.0-only */
/* The door of handshake messages, to the handshake socket. */
#ifndef _STT_DOOR_H
#define _STT_DOOR_H

#include <linux/types.h>

struct sk_buff;
struct stt_node;
struct stt_session;

void stt_door_open(struct stt_node *node, const struct sk_buff *from, unsigned int off,
		   unsigned int len, u8 type);
void stt_door_sealed(struct stt_node *node, struct stt_session *s, const struct sk_buff *from,
		     const u8 *payload, unsigned int len);

#endif /* _STT_DOOR_H */
