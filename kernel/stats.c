// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters. A node's are per CPU, a session's are atomics: a session is busy
 * on one or two CPUs at a time, and a million of them must stay small.
 */

#include <linux/percpu.h>
#include <net/netlink.h>

#include "node.h"
#include "session.h"
#include "stats.h"

void stt_stat_add(struct stt_node *node, struct stt_session *s, unsigned int stat, u64 n)
{
	this_cpu_add(node->stats->v[stat], n);
	if (s)
		atomic64_add(n, &s->stats.v[stat]);
}

static u64 stt_node_stat(const struct stt_node *node, unsigned int stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(node->stats, cpu)->v[stat]);
	return sum;
}

int stt_node_stats_put(struct sk_buff *skb, int attr, const struct stt_node *node)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < STT_STATS; i++) {
		if (nla_put_u64_64bit(skb, STT_STAT_FIRST + i, stt_node_stat(node, i),
				      STT_A_STATS_PAD))
			goto cancel;
	}
	nla_nest_end(skb, nest);
	return 0;

cancel:
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}

int stt_session_stats_put(struct sk_buff *skb, int attr, const struct stt_session *s)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < STT_STATS; i++) {
		if (nla_put_u64_64bit(skb, STT_STAT_FIRST + i,
				      atomic64_read(&s->stats.v[i]), STT_A_STATS_PAD))
			goto cancel;
	}
	nla_nest_end(skb, nest);
	return 0;

cancel:
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}
