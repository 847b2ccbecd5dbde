/* SPDX-License-Identifier: GPL-2.0-only */
/* Events for whoever listens to the multicast group. */
#ifndef _STT_EVENT_H
#define _STT_EVENT_H

#include <linux/gfp_types.h>
#include <linux/types.h>

struct stt_node;
struct stt_session;

void stt_event_node(struct stt_node *node, u8 cmd);
void stt_event_session(struct stt_session *s, u8 cmd, gfp_t gfp);

#endif /* _STT_EVENT_H */
