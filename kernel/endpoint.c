// SPDX-License-Identifier: GPL-2.0-only
/* UDP addresses of a peer: whose a datagram is, and whether two are the same. */

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/ipv6.h>

#include "endpoint.h"

bool stt_endpoint_same_peer(const struct stt_endpoint *a, const struct stt_endpoint *b)
{
	if (a->peer.sa.sa_family != b->peer.sa.sa_family)
		return false;
	if (a->peer.sa.sa_family == AF_INET)
		return a->peer.in.sin_addr.s_addr == b->peer.in.sin_addr.s_addr &&
		       a->peer.in.sin_port == b->peer.in.sin_port;
	return ipv6_addr_equal(&a->peer.in6.sin6_addr, &b->peer.in6.sin6_addr) &&
	       a->peer.in6.sin6_port == b->peer.in6.sin6_port &&
	       a->peer.in6.sin6_scope_id == b->peer.in6.sin6_scope_id;
}

/* Does a received datagram come from @ep, and to the address that it has of ours? */
bool stt_endpoint_is_of_skb(const struct stt_endpoint *ep, const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return ep->peer.sa.sa_family == AF_INET &&
		       ep->peer.in.sin_addr.s_addr == ip_hdr(skb)->saddr &&
		       ep->peer.in.sin_port == udp_hdr(skb)->source &&
		       ep->local.v4.s_addr == ip_hdr(skb)->daddr;
#if IS_ENABLED(CONFIG_IPV6)
	return ep->peer.sa.sa_family == AF_INET6 &&
	       ipv6_addr_equal(&ep->peer.in6.sin6_addr, &ipv6_hdr(skb)->saddr) &&
	       ep->peer.in6.sin6_port == udp_hdr(skb)->source &&
	       ep->peer.in6.sin6_scope_id ==
	       ipv6_iface_scope_id(&ipv6_hdr(skb)->saddr, inet6_iif(skb)) &&
	       ipv6_addr_equal(&ep->local.v6, &ipv6_hdr(skb)->daddr);
#else
	return false;
#endif
}

/* Who sent a received datagram, and to which address of ours. */
void stt_endpoint_of_skb(struct stt_endpoint *ep, const struct sk_buff *skb)
{
	memset(ep, 0, sizeof(*ep));
	if (skb->protocol == htons(ETH_P_IP)) {
		ep->peer.in.sin_family = AF_INET;
		ep->peer.in.sin_port = udp_hdr(skb)->source;
		ep->peer.in.sin_addr.s_addr = ip_hdr(skb)->saddr;
		ep->local.v4.s_addr = ip_hdr(skb)->daddr;
		return;
	}
#if IS_ENABLED(CONFIG_IPV6)
	ep->peer.in6.sin6_family = AF_INET6;
	ep->peer.in6.sin6_port = udp_hdr(skb)->source;
	ep->peer.in6.sin6_addr = ipv6_hdr(skb)->saddr;
	ep->peer.in6.sin6_scope_id = ipv6_iface_scope_id(&ep->peer.in6.sin6_addr,
							 inet6_iif(skb));
	ep->local.v6 = ipv6_hdr(skb)->daddr;
#endif
}
