// SPDX-License-Identifier: GPL-2.0-only
/*
 * A limit of handshake datagrams by source, before userspace is woken.
 *
 * Each source (an IPv4 address, or an IPv6 network of 64 bits) has a token
 * bucket at each node. All buckets of a network namespace are in one table of
 * fixed size, so what one namespace does and sets is nothing to another. The
 * table is a cache: when a source has no place, the bucket next to full, the one
 * that says least, is forgotten. So a flood from ever new addresses never shuts
 * anybody out: a source that is not known is let through, and nothing is
 * allocated.
 *
 * With IPv4 such addresses are forged: a sender that receives its answers has few
 * of them, and cannot make itself forgotten. With IPv6 a customer's /48 has 65,536
 * networks, all its own. So an IPv6 source pays from the bucket of its /48 as
 * well, which is some times as large; many customers may share one.
 *
 * HELLO has a bucket of its own: a flood of HELLOs that bears the address of a
 * peer does not stop the peer's answers. And so has each session for what comes
 * sealed in it, which no forged address can touch.
 *
 * The bucket is one number, the time when it will be full (the generic cell
 * rate algorithm): a datagram moves it on by one interval, and passes if that
 * is no more than the burst away. One that is further away when it is asked, as
 * rate or burst were changed, is as if it had just been emptied.
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
#include "session.h"

/*
 * 256 KiB, charged to whoever makes the first node: 12,288 sources that are all
 * at their limit at once. Of those who keep within it nothing needs to be known.
 */
#define STT_HS_SETS	4096
#define STT_HS_WAYS	3

/* What a /48 may, in networks of 64 bits. */
#define STT_HS_SITE_SHARE	8
#define STT_HS_SESSION_SHARE	10	/* a tenth */

/*
 * So many a session may at once: a rekey takes two, four if both ends begin one,
 * and their repeats. Some sessions together do not fill what door.c keeps for them.
 */
#define STT_HS_SESSION_BURST	8

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

/**
 * struct stt_hs_table - the buckets of a namespace
 * @set: by the tag
 */
struct stt_hs_table {
	struct stt_hs_set set[STT_HS_SETS];
};

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

/* The /48 that a source is of. */
static u64 stt_hs_tag_site(const struct ipv6hdr *ip6h, u64 who)
{
	u64 site = get_unaligned_be64(ip6h->saddr.s6_addr) >> 16;

	return siphash_3u64(site, U64_MAX, who, &stt_hs_key);
}

/*
 * The bucket of @tag, which ends at @end at the latest, or the one that is nearest
 * to full to be taken over. Those of others may have another size.
 */
static struct stt_hs_source *stt_hs_find(struct stt_hs_set *set, u64 tag, u64 end)
{
	struct stt_hs_source *fullest = &set->source[0];
	struct stt_hs_source *source;

	for (source = set->source; source < set->source + STT_HS_WAYS; source++) {
		if (source->tag == tag) {
			source->full_at = min(source->full_at, end);
			return source;
		}
		if (source->full_at < fullest->full_at)
			fullest = source;
	}
	fullest->tag = tag;
	fullest->full_at = 0;
	return fullest;
}

/* Take one of the tokens of @tag; @interval ns apart they come, @span is a bucketful. */
static bool stt_hs_take(struct stt_hs_table *table, u64 tag, u64 interval, u64 span)
{
	struct stt_hs_set *set = &table->set[tag % STT_HS_SETS];
	struct stt_hs_source *source;
	u64 now = ktime_get_ns();
	u64 full_at;
	bool allow;

	spin_lock_bh(&set->lock);
	source = stt_hs_find(set, tag, now + span);
	full_at = max(source->full_at, now) + interval;
	allow = full_at - now <= span;
	if (allow)
		source->full_at = full_at;
	spin_unlock_bh(&set->lock);
	return allow;
}

/* Who is refused for what it sent itself takes nothing from its /48. */
static bool stt_hs_take6(struct stt_hs_table *table, const struct ipv6hdr *ip6h, u64 who,
			 u64 interval, u64 span)
{
	if (!stt_hs_take(table, stt_hs_tag6(ip6h, who), interval, span))
		return false;
	if (ipv6_addr_type(&ip6h->saddr) & IPV6_ADDR_LINKLOCAL)
		return true;
	return stt_hs_take(table, stt_hs_tag_site(ip6h, who), interval / STT_HS_SITE_SHARE,
			   span);
}

/* May this one pass? */
bool stt_handshake_allow(struct stt_node *node, const struct sk_buff *skb, u8 type)
{
	const struct stt_net *sn = stt_net(node->net);
	u64 who = (u64)node->id << 1 | (type == STT_FRAME_HELLO);
	u32 rate = READ_ONCE(sn->handshake_rate);
	u64 interval, span;

	if (!rate)
		return true;
	interval = NSEC_PER_SEC / rate;
	span = interval * READ_ONCE(sn->handshake_burst);
	if (skb->protocol == htons(ETH_P_IPV6))
		return stt_hs_take6(sn->handshake_table, ipv6_hdr(skb), who, interval, span);
	return stt_hs_take(sn->handshake_table, stt_hs_tag4(ip_hdr(skb), who), interval, span);
}

/*
 * The same for one that came sealed in a session, which has a small bucket of its
 * own, whatever the burst of a source is.
 */
bool stt_handshake_allow_sealed(struct stt_node *node, const struct stt_session *s)
{
	const struct stt_net *sn = stt_net(node->net);
	u32 rate = READ_ONCE(sn->handshake_rate);
	u64 tag = siphash_2u64(s->id, ~(u64)node->id, &stt_hs_key);
	u64 interval;

	if (!rate)
		return true;
	interval = NSEC_PER_SEC / rate * STT_HS_SESSION_SHARE;
	return stt_hs_take(sn->handshake_table, tag, interval, interval * STT_HS_SESSION_BURST);
}

static struct stt_hs_table *stt_hs_create(void)
{
	struct stt_hs_table *table = kvzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	for (i = 0; table && i < STT_HS_SETS; i++)
		spin_lock_init(&table->set[i].lock);
	return table;
}

/* Before the first node of @sn is seen. Others may do the same. */
int stt_handshake_prepare(struct stt_net *sn)
{
	struct stt_hs_table *table;

	if (READ_ONCE(sn->handshake_table))
		return 0;
	table = stt_hs_create();
	if (!table)
		return -ENOMEM;
	if (cmpxchg(&sn->handshake_table, NULL, table))
		kvfree(table);
	return 0;
}

/* Its last node is gone. */
void stt_handshake_release(struct stt_net *sn)
{
	kvfree(sn->handshake_table);
}

void __init stt_handshake_init(void)
{
	get_random_bytes(&stt_hs_key, sizeof(stt_hs_key));
}
