/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of nodes and sessions; the names are the attributes of the ABI. */
#ifndef _STT_STATS_H
#define _STT_STATS_H

#include <linux/atomic.h>
#include <linux/stt.h>
#include <linux/types.h>

struct sk_buff;
struct stt_node;
struct stt_session;

#define STT_STAT_FIRST	STT_A_STATS_RX_FRAMES
#define STT_STATS	(STT_A_STATS_MAX - STT_STAT_FIRST + 1)

/* Short names of the counters inside the module. */
#define STT_STAT_INDEX(name)	(STT_A_STATS_##name - STT_STAT_FIRST)

struct stt_node_stats {
	u64 v[STT_STATS];
};

struct stt_session_stats {
	atomic64_t v[STT_STATS];
};

/* Both take any context. @s may be NULL. */
void stt_stat_add(struct stt_node *node, struct stt_session *s, unsigned int stat, u64 n);

#define stt_count(node, s, name) \
	stt_stat_add(node, s, STT_STAT_INDEX(name), 1)
#define stt_count_add(node, s, name, n) \
	stt_stat_add(node, s, STT_STAT_INDEX(name), n)

int stt_node_stats_put(struct sk_buff *skb, int attr, const struct stt_node *node);
int stt_session_stats_put(struct sk_buff *skb, int attr, const struct stt_session *s);

#endif /* _STT_STATS_H */
