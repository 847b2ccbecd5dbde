/* SPDX-License-Identifier: GPL-2.0-only */
/* The way of a finished frame out. */
#ifndef _STT_XMIT_H
#define _STT_XMIT_H

#include <linux/skbuff.h>
#include <net/dst.h>

#include "endpoint.h"

struct stt_node;
struct stt_session;

/**
 * struct stt_route - how to reach a peer right now
 * @dst: holds a reference
 * @ep: the peer, and the source address chosen
 * @headroom: what a frame needs in front of it; the device may ask for more
 *	while the sender sleeps, so it is asked once
 * @sport: UDP port of the node
 * @mark: of the UDP socket
 * @tos: of the UDP socket, or its traffic class
 * @no_check: the UDP socket asked for no checksums
 */
struct stt_route {
	struct dst_entry *dst;
	struct stt_endpoint ep;
	unsigned int headroom;
	__be16 sport;
	u32 mark;
	u8 tos;
	bool no_check;
};

/* How many frames an skb is. */
static inline unsigned int stt_xmit_segs(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->gso_segs ?: 1;
}

int __must_check stt_route_find(struct stt_route *rt, struct stt_session *s);
void stt_route_put(struct stt_route *rt);
unsigned int stt_route_max(const struct stt_route *rt);
int stt_xmit(struct stt_node *node, struct stt_route *rt, struct sk_buff *skb);

#endif /* _STT_XMIT_H */
