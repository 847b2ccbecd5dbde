/* SPDX-License-Identifier: GPL-2.0-only */
/* UDP addresses of a peer. */
#ifndef _STT_ENDPOINT_H
#define _STT_ENDPOINT_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/socket.h>

struct sk_buff;

/**
 * struct stt_endpoint - where a peer is, and which address of ours it knows
 * @peer: AF_INET, or AF_INET6 with the scope of a link-local address; never
 *	a v4-mapped address
 * @local: source address of the same family to send from, or any
 */
struct stt_endpoint {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} peer;
	union {
		struct in_addr v4;
		struct in6_addr v6;
	} local;
};

bool stt_endpoint_same_peer(const struct stt_endpoint *a, const struct stt_endpoint *b);
bool stt_endpoint_is_of_skb(const struct stt_endpoint *ep, const struct sk_buff *skb);
void stt_endpoint_of_skb(struct stt_endpoint *ep, const struct sk_buff *skb);

#endif /* _STT_ENDPOINT_H */
