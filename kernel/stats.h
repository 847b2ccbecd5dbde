/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of namespaces, nodes and sessions; their names are those of the ABI. */
#ifndef _STT_STATS_H
#define _STT_STATS_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/stt.h>
#include <linux/types.h>

struct net;
struct sk_buff;
struct stt_node;
struct stt_session;

#define STT_STAT_FIRST	STT_A_STATS_RX_FRAMES
#define STT_STATS	(STT_A_STATS_MAX - STT_STAT_FIRST + 1)

/* Short names of the counters inside the module. */
#define STT_STAT_INDEX(name)	(STT_A_STATS_##name - STT_STAT_FIRST)
#define STT_STAT_BIT(name)	BIT_ULL(STT_STAT_INDEX(name))

/* What can never be put to a session's account has no place in one. */
#define STT_STATS_NODE_ONLY							\
	(STT_STAT_BIT(RX_HANDSHAKE) | STT_STAT_BIT(DROP_MALFORMED) |		\
	 STT_STAT_BIT(DROP_NO_SESSION) | STT_STAT_BIT(DROP_HANDSHAKE) |		\
	 STT_STAT_BIT(DROP_HS_MALFORMED) | STT_STAT_BIT(DROP_HS_RATE))
#define STT_SESSION_STATS	(STT_STATS - HWEIGHT64(STT_STATS_NODE_ONLY))

/* What tells of traffic; all others are reasons to drop a frame. */
#define STT_STATS_TRAFFIC							\
	(STT_STAT_BIT(RX_FRAMES) | STT_STAT_BIT(RX_BYTES) |			\
	 STT_STAT_BIT(TX_FRAMES) | STT_STAT_BIT(TX_BYTES) |			\
	 STT_STAT_BIT(TX_ERRORS) | STT_STAT_BIT(RX_HANDSHAKE))

/* Where a session has a counter; STT_SESSION_STATS if nowhere. */
static __always_inline unsigned int stt_stat_slot(unsigned int stat)
{
	if (STT_STATS_NODE_ONLY & BIT_ULL(stat))
		return STT_SESSION_STATS;
	return stat - __const_hweight64(STT_STATS_NODE_ONLY & (BIT_ULL(stat) - 1));
}

struct stt_node_stats {
	u64 v[STT_STATS];
};

struct stt_session_stats {
	atomic64_t v[STT_SESSION_STATS];
};

/**
 * struct stt_net_stats - counters of a network namespace
 * @lock: of all
 * @nodes: all nodes whose counters are not in @past yet
 * @past: sums over the nodes that are no more
 */
struct stt_net_stats {
	struct mutex lock;	/* see above */
	struct list_head nodes;
	u64 past[STT_STATS];
};

/* Any context. @s may be NULL. stt_stat_drop() is a tracepoint as well. */
void stt_stat_add(struct stt_node *node, struct stt_session *s, unsigned int stat,
		  unsigned int slot, u64 n);
void stt_stat_drop(struct stt_node *node, struct stt_session *s, unsigned int stat,
		   unsigned int slot, u64 n);

/* @stat is a constant, so all but one call is decided by the compiler. */
static __always_inline void stt_stat_count(struct stt_node *node, struct stt_session *s,
					   unsigned int stat, u64 n)
{
	if (STT_STATS_TRAFFIC & BIT_ULL(stat))
		stt_stat_add(node, s, stat, stt_stat_slot(stat), n);
	else
		stt_stat_drop(node, s, stat, stt_stat_slot(stat), n);
}

#define stt_count(node, s, name) \
	stt_stat_count(node, s, STT_STAT_INDEX(name), 1)
#define stt_count_add(node, s, name, n) \
	stt_stat_count(node, s, STT_STAT_INDEX(name), n)

void stt_net_stats_init(struct stt_net_stats *ns);
void stt_net_stats_join(struct stt_node *node);
void stt_net_stats_leave(struct stt_node *node);

int stt_net_stats_put(struct sk_buff *skb, int attr, struct net *net);
int stt_node_stats_put(struct sk_buff *skb, int attr, const struct stt_node *node);
int stt_session_stats_put(struct sk_buff *skb, int attr, const struct stt_session *s);

#endif /* _STT_STATS_H */
