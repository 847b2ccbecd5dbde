// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a finished frame out: the route to the peer, the UDP and IP
 * headers, and down the stack, whose errors reach the caller. DF is always
 * set, so a path that gets narrower is learned of by ICMP.
 */

#include <linux/bpf-cgroup.h>
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/route.h>
#include <net/udp.h>

#include "frame.h"
#include "node.h"
#include "session.h"
#include "xmit.h"

/* ------------------------------------------------------------------------ */
/* The route to a peer                                                      */

static int stt_route4(struct stt_route *rt, struct stt_session *s, struct sock *udp)
{
	struct inet_sock *inet = inet_sk(udp);
	struct net *net = sock_net(udp);
	struct flowi4 fl = {
		.daddr = rt->ep.peer.in.sin_addr.s_addr,
		.saddr = rt->ep.local.v4.s_addr ?: inet->inet_saddr,
		.flowi4_oif = READ_ONCE(udp->sk_bound_dev_if),
		.flowi4_mark = rt->mark,
		.flowi4_tos = RT_TOS(rt->tos),
		.flowi4_proto = IPPROTO_UDP,
		.flowi4_flags = inet_sk_flowi_flags(udp),
		.flowi4_uid = sock_net_uid(net, udp),
		.fl4_sport = rt->sport,
		.fl4_dport = rt->ep.peer.in.sin_port,
	};
	struct rtable *rtable;

	/*
	 * The address that the peer knows us by may have been taken away; a
	 * transparent socket has any.
	 */
	if (fl.saddr && !(fl.flowi4_flags & FLOWI_FLAG_ANYSRC) &&
	    !inet_confirm_addr(net, NULL, 0, fl.saddr, RT_SCOPE_HOST))
		fl.saddr = inet->inet_saddr;
	security_sk_classify_flow(udp, flowi4_to_flowi_common(&fl));
	rtable = ip_route_output_flow(net, &fl, udp);
	if (IS_ERR(rtable))
		return PTR_ERR(rtable);

	rt->dst = &rtable->dst;
	rt->ep.local.v4.s_addr = fl.saddr;
	dst_cache_set_ip4(&s->dst_cache, rt->dst, fl.saddr);
	return 0;
}

#if IS_ENABLED(CONFIG_IPV6)
static int stt_route6(struct stt_route *rt, struct stt_session *s, struct sock *udp)
{
	const struct sockaddr_in6 *peer = &rt->ep.peer.in6;
	struct net *net = sock_net(udp);
	struct flowi6 fl = {
		.daddr = peer->sin6_addr,
		.saddr = rt->ep.local.v6,
		.flowi6_oif = peer->sin6_scope_id ?: READ_ONCE(udp->sk_bound_dev_if),
		.flowi6_mark = rt->mark,
		.flowi6_proto = IPPROTO_UDP,
		.flowi6_uid = sock_net_uid(net, udp),
		.flowlabel = ip6_make_flowinfo(rt->tos, 0),
		.fl6_sport = rt->sport,
		.fl6_dport = peer->sin6_port,
	};
	struct dst_entry *dst;

	if (ipv6_addr_any(&fl.saddr))
		fl.saddr = udp->sk_v6_rcv_saddr;
	if (!ipv6_addr_any(&fl.saddr) && !ipv6_chk_addr(net, &fl.saddr, NULL, 0))
		fl.saddr = udp->sk_v6_rcv_saddr;
	security_sk_classify_flow(udp, flowi6_to_flowi_common(&fl));
	dst = ipv6_stub->ipv6_dst_lookup_flow(net, udp, &fl, NULL);
	if (IS_ERR(dst))
		return PTR_ERR(dst);

	rt->dst = dst;
	rt->ep.local.v6 = fl.saddr;
	dst_cache_set_ip6(&s->dst_cache, dst, &fl.saddr);
	return 0;
}

static struct dst_entry *stt_route_cached6(struct stt_session *s, struct in6_addr *saddr)
{
	return dst_cache_get_ip6(&s->dst_cache, saddr);
}
#else
static int stt_route6(struct stt_route *rt, struct stt_session *s, struct sock *udp)
{
	return -EAFNOSUPPORT;
}

static struct dst_entry *stt_route_cached6(struct stt_session *s, struct in6_addr *saddr)
{
	return NULL;
}
#endif

static u8 stt_route_tos(const struct sock *udp, const struct stt_endpoint *ep)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (ep->peer.sa.sa_family == AF_INET6)
		return inet6_sk(udp)->tclass;
#endif
	return READ_ONCE(inet_sk(udp)->tos);
}

/*
 * A cached route, or NULL. The cache is asked before the endpoint is read: if
 * the peer moves in between, stt_session_move() finds the old entry and
 * drops it, so the cache never ends up with a route to where the peer was.
 */
static struct dst_entry *stt_route_cached(struct stt_route *rt, struct stt_session *s)
{
	struct dst_entry *dst;
	struct in6_addr src6;
	struct rtable *rt4;
	__be32 src4;

	if (READ_ONCE(s->endpoint.peer.sa.sa_family) == AF_INET6) {
		dst = stt_route_cached6(s, &src6);
		stt_session_endpoint(s, &rt->ep);
		if (dst)
			rt->ep.local.v6 = src6;
	} else {
		rt4 = dst_cache_get_ip4(&s->dst_cache, &src4);
		dst = rt4 ? &rt4->dst : NULL;
		stt_session_endpoint(s, &rt->ep);
		if (dst)
			rt->ep.local.v4.s_addr = src4;
	}
	/* The peer has just moved to the other family. */
	if (dst && dst->ops->family != rt->ep.peer.sa.sa_family) {
		dst_release(dst);
		dst = NULL;
	}
	return dst;
}

static unsigned int stt_route_ip_len(const struct stt_route *rt)
{
	return rt->ep.peer.sa.sa_family == AF_INET6 ? sizeof(struct ipv6hdr) :
						      sizeof(struct iphdr);
}

static unsigned int stt_route_headroom(const struct stt_route *rt)
{
	return LL_RESERVED_SPACE(rt->dst->dev) + rt->dst->header_len +
	       stt_route_ip_len(rt) + sizeof(struct udphdr);
}

/* Find the way to the peer of @s. stt_route_put() it if it is not sent on. */
int stt_route_find(struct stt_route *rt, struct stt_session *s)
{
	struct sock *udp;
	int err = -ENODEV;

	rcu_read_lock_bh();
	udp = rcu_dereference_bh(s->node->udp);
	if (!udp)
		goto unlock;

	rt->dst = stt_route_cached(rt, s);
	rt->sport = inet_sk(udp)->inet_sport;
	rt->mark = READ_ONCE(udp->sk_mark);
	rt->tos = stt_route_tos(udp, &rt->ep);
	rt->no_check = udp->sk_no_check_tx;
	if (rt->dst)
		err = 0;
	else if (rt->ep.peer.sa.sa_family == AF_INET6)
		err = stt_route6(rt, s, udp);
	else
		err = stt_route4(rt, s, udp);
	if (!err)
		rt->headroom = stt_route_headroom(rt);
unlock:
	rcu_read_unlock_bh();
	return err;
}

void stt_route_put(struct stt_route *rt)
{
	dst_release(rt->dst);
}

/* The largest payload that goes in one frame on this route, now. */
unsigned int stt_route_max(const struct stt_route *rt)
{
	unsigned int mtu = min_t(unsigned int, dst_mtu(rt->dst), STT_FRAME_MAX +
				 stt_route_ip_len(rt) + sizeof(struct udphdr));
	unsigned int overhead = stt_route_ip_len(rt) + sizeof(struct udphdr) + STT_OVERHEAD;

	return mtu > overhead ? mtu - overhead : 0;
}

/* ------------------------------------------------------------------------ */
/* Sending                                                                  */

/*
 * The UDP header. The checksum is left to the device or to whoever needs it,
 * as UDP does; for a batch it is done for each of its datagrams.
 */
static void stt_xmit_udp(const struct stt_route *rt, struct sk_buff *skb, __be16 dport)
{
	struct udphdr *uh;

	__skb_push(skb, sizeof(*uh));
	skb_reset_transport_header(skb);
	uh = udp_hdr(skb);
	uh->source = rt->sport;
	uh->dest = dport;
	uh->len = htons(skb->len);
	uh->check = 0;
}

static void stt_xmit_csum(struct sk_buff *skb, __sum16 pseudo)
{
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct udphdr, check);
	udp_hdr(skb)->check = ~pseudo;
}

/*
 * What the cgroup of the UDP socket has to say. The stack asks only where the
 * socket is the owner of the skb, and that is the AF_STT socket here, whose
 * SO_SNDBUF counts.
 */
static int stt_xmit_cgroup(struct sock *sk, struct sk_buff *skb)
{
	struct sock *owner = skb->sk;
	int err;

	skb->sk = sk;
	err = BPF_CGROUP_RUN_PROG_INET_EGRESS(sk, skb);
	skb->sk = owner;
	if (err && err != NET_XMIT_CN) {
		kfree_skb(skb);
		return err;
	}
	return 0;
}

static int stt_xmit4(struct net *net, struct sock *udp, struct stt_route *rt,
		     struct sk_buff *skb)
{
	__be32 daddr = rt->ep.peer.in.sin_addr.s_addr;
	__be32 saddr = rt->ep.local.v4.s_addr;
	struct iphdr *iph;
	__be16 df = ip_mtu_locked(rt->dst) ? 0 : htons(IP_DF);

	stt_xmit_udp(rt, skb, rt->ep.peer.in.sin_port);
	if (!rt->no_check)
		stt_xmit_csum(skb, udp_v4_check(skb->len, saddr, daddr, 0));

	__skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	iph = ip_hdr(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = rt->tos;
	iph->frag_off = df;
	iph->ttl = ip4_dst_hoplimit(rt->dst);
	iph->protocol = IPPROTO_UDP;
	iph->saddr = saddr;
	iph->daddr = daddr;
	iph->tot_len = htons(skb->len);
	/* What is never cut needs no number to put it together by, RFC 6864. */
	if (df)
		iph->id = 0;
	else
		__ip_select_ident(net, iph, stt_xmit_segs(skb));
	return stt_xmit_cgroup(udp, skb) ?: ip_local_out(net, udp, skb);
}

#if IS_ENABLED(CONFIG_IPV6)
static int stt_xmit6(struct net *net, struct sock *udp, struct stt_route *rt,
		     struct sk_buff *skb)
{
	const struct in6_addr *daddr = &rt->ep.peer.in6.sin6_addr;
	const struct in6_addr *saddr = &rt->ep.local.v6;
	struct ipv6hdr *ip6h;

	stt_xmit_udp(rt, skb, rt->ep.peer.in6.sin6_port);
	stt_xmit_csum(skb, udp_v6_check(skb->len, saddr, daddr, 0));

	__skb_push(skb, sizeof(*ip6h));
	skb_reset_network_header(skb);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	ip6h = ipv6_hdr(skb);
	ip6_flow_hdr(ip6h, rt->tos, 0);
	ip6h->payload_len = htons(skb->len - sizeof(*ip6h));
	ip6h->nexthdr = IPPROTO_UDP;
	ip6h->hop_limit = ip6_dst_hoplimit(rt->dst);
	ip6h->saddr = *saddr;
	ip6h->daddr = *daddr;
	return stt_xmit_cgroup(udp, skb) ?: ip6_local_out(net, udp, skb);
}
#else
static int stt_xmit6(struct net *net, struct sock *udp, struct stt_route *rt,
		     struct sk_buff *skb)
{
	kfree_skb(skb);
	return -EAFNOSUPPORT;
}
#endif

/* Send finished frames. Consumes @skb and a reference of the route's. */
int stt_xmit(struct stt_node *node, struct stt_route *rt, struct sk_buff *skb)
{
	struct sock *udp;
	int err;

	skb->mark = rt->mark;
	skb_dst_set(skb, rt->dst);

	rcu_read_lock_bh();
	udp = rcu_dereference_bh(node->udp);
	if (!udp) {
		kfree_skb(skb);
		err = -ENODEV;
	} else if (rt->ep.peer.sa.sa_family == AF_INET6) {
		err = stt_xmit6(node->net, udp, rt, skb);
	} else {
		err = stt_xmit4(node->net, udp, rt, skb);
	}
	rcu_read_unlock_bh();
	return err > 0 ? net_xmit_errno(err) : err;
}
