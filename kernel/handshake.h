/* SPDX-License-Identifier: GPL-2.0-only */
/* Which handshake messages may wake userspace. */
#ifndef _STT_HANDSHAKE_H
#define _STT_HANDSHAKE_H

#include <linux/types.h>

struct sk_buff;
struct stt_net;
struct stt_node;
struct stt_session;

bool __must_check stt_handshake_allow(struct stt_node *node, const struct sk_buff *skb, u8 type);
bool __must_check stt_handshake_allow_sealed(struct stt_node *node, const struct stt_session *s);

int __must_check stt_handshake_prepare(struct stt_net *sn);
void stt_handshake_release(struct stt_net *sn);

void stt_handshake_init(void);

#endif /* _STT_HANDSHAKE_H */
