// SPDX-License-Identifier: GPL-2.0-only
/*
 * A limit of handshake datagrams by source, before userspace is woken.
 *
 * Each source (an IPv4 address, or an IPv6 network of 64 bits) has a token
 * bucket at each node. All buckets of the machine are in one table of fixed
 * size. It is a cache: when a source has no place, the bucket next to full,
 * the one that says least, is forgotten. So a flood from ever new addresses,
 * which can only be forged ones, never shuts anybody out: a source that is not
 * known is let through, and nothing is allocated. A sender that receives its
 * answers, and so has one address, cannot make itself forgotten.
 *
 * HELLO has a bucket of its own: a flood of HELLOs that bears the address of a
 * peer does not stop the peer's answers.
 *
 * The bucket is one number, the time when it will be full (the generic cell
 * rate algorithm): a datagram moves it on by one interval, and passes if that
 * is no more than the burst away.
 */

#include <linux/cache.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/ipv6.h>
#include <stt/wire.h>

#include "compat.h"
#include "handshake.h"
#include "node.h"

#define STT_HS_SETS	4096
#define STT_HS_WAYS	3

/**
 * struct stt_hs_source - a token bucket
 * @tag: who; a hash that nobody can foresee
 * @full_at: when it will be full, in ns of the monotonic clock
 */
struct stt_hs_source {
	u64 tag;
	u64 full_at;
};

/* A cache line of them. */
struct stt_hs_set {
	spinlock_t lock;	/* of @source */
	struct stt_hs_source source[STT_HS_WAYS];
} ____cacheline_aligned;

/* Not __ro_after_init: kmemleak does not look for pointers there. */
static struct stt_hs_set *stt_hs_table __read_mostly;
static siphash_key_t stt_hs_key __ro_after_init;

static u64 stt_hs_tag4(const struct iphdr *iph, u64 who)
{
	return siphash_2u64((__force u32)iph->saddr, who, &stt_hs_key);
}

/* On a link everybody is of the same network, so there the host counts. */
static u64 stt_hs_tag6(const struct ipv6hdr *ip6h, u64 who)
{
	const struct in6_addr *from = &ip6h->saddr;
	bool link = ipv6_addr_type(from) & IPV6_ADDR_LINKLOCAL;
	u64 net = get_unaligned((const u64 *)from->s6_addr);
	u64 host = get_unaligned((const u64 *)(from->s6_addr + sizeof(net)));

	return siphash_3u64(net, link ? host : 0, who, &stt_hs_key);
}

/* Whose bucket a datagram is paid from. */
static u64 stt_hs_tag(const struct stt_node *node, const struct sk_buff *skb, u8 type)
{
	u64 who = (unsigned long)node ^ (type == STT_FRAME_HELLO);

	if (skb->protocol == htons(ETH_P_IPV6))
		return stt_hs_tag6(ipv6_hdr(skb), who);
	return stt_hs_tag4(ip_hdr(skb), who);
}

/* The bucket of @tag, or the one that is nearest to full to be taken over. */
static struct stt_hs_source *stt_hs_find(struct stt_hs_set *set, u64 tag)
{
	struct stt_hs_source *fullest = &set->source[0];
	unsigned int i;

	for (i = 0; i < STT_HS_WAYS; i++) {
		if (set->source[i].tag == tag)
			return &set->source[i];
		if (set->source[i].full_at < fullest->full_at)
			fullest = &set->source[i];
	}
	fullest->tag = tag;
	fullest->full_at = 0;
	return fullest;
}

static bool stt_hs_take(u64 tag, u64 interval, u64 burst)
{
	struct stt_hs_set *set = &stt_hs_table[tag % STT_HS_SETS];
	struct stt_hs_source *source;
	u64 now = ktime_get_ns();
	u64 full_at;
	bool allow;

	spin_lock_bh(&set->lock);
	source = stt_hs_find(set, tag);
	full_at = max(source->full_at, now) + interval;
	allow = full_at - now <= interval * burst;
	if (allow)
		source->full_at = full_at;
	spin_unlock_bh(&set->lock);
	return allow;
}

/* May this one pass? */
bool stt_handshake_allow(struct stt_node *node, const struct sk_buff *skb, u8 type)
{
	const struct stt_net *sn = stt_net(node->net);
	u32 rate = READ_ONCE(sn->handshake_rate);

	if (!rate)
		return true;
	return stt_hs_take(stt_hs_tag(node, skb, type), NSEC_PER_SEC / rate,
			   READ_ONCE(sn->handshake_burst));
}

int __init stt_handshake_init(void)
{
	unsigned int i;

	stt_hs_table = kvcalloc(STT_HS_SETS, sizeof(*stt_hs_table), GFP_KERNEL);
	if (!stt_hs_table)
		return -ENOMEM;
	for (i = 0; i < STT_HS_SETS; i++)
		spin_lock_init(&stt_hs_table[i].lock);
	get_random_bytes(&stt_hs_key, sizeof(stt_hs_key));
	return 0;
}

void stt_handshake_exit(void)
{
	kvfree(stt_hs_table);
}
