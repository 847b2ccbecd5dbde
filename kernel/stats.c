// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters. A node's are per CPU, a session's are atomics: a session is busy
 * on one or two CPUs at a time, and a million of them must stay small. Those
 * of a namespace are the sum over its nodes, made when somebody asks.
 */

#include <linux/percpu.h>
#include <net/netlink.h>

#include "node.h"
#include "session.h"
#include "stats.h"
#include "trace.h"

void stt_stat_add(struct stt_node *node, struct stt_session *s, unsigned int stat,
		  unsigned int slot, u64 n)
{
	this_cpu_add(node->stats->v[stat], n);
	if (s && slot < STT_SESSION_STATS)
		atomic64_add(n, &s->stats.v[slot]);
}

void stt_stat_drop(struct stt_node *node, struct stt_session *s, unsigned int stat,
		   unsigned int slot, u64 n)
{
	trace_stt_drop(node, s, stat, n);
	stt_stat_add(node, s, stat, slot, n);
}

static u64 stt_node_stat(const struct stt_node *node, unsigned int stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(node->stats, cpu)->v[stat]);
	return sum;
}

static void stt_node_stats_add(const struct stt_node *node, u64 *sums)
{
	unsigned int i;

	for (i = 0; i < STT_STATS; i++)
		sums[i] += stt_node_stat(node, i);
}

void stt_net_stats_init(struct stt_net_stats *ns)
{
	mutex_init(&ns->lock);
	INIT_LIST_HEAD(&ns->nodes);
}

/* Until it leaves, the counters of @node count in its namespace. */
void stt_net_stats_join(struct stt_node *node)
{
	struct stt_net_stats *ns = &stt_net(node->net)->stats;

	mutex_lock(&ns->lock);
	list_add_tail(&node->stats_list, &ns->nodes);
	mutex_unlock(&ns->lock);
}

/* Nobody counts on @node any more. What it counted is not forgotten. */
void stt_net_stats_leave(struct stt_node *node)
{
	struct stt_net_stats *ns = &stt_net(node->net)->stats;

	mutex_lock(&ns->lock);
	list_del(&node->stats_list);
	stt_node_stats_add(node, ns->past);
	mutex_unlock(&ns->lock);
}

static void stt_net_stats_sum(struct stt_net_stats *ns, u64 *sums)
{
	struct stt_node *node;

	mutex_lock(&ns->lock);
	memcpy(sums, ns->past, sizeof(ns->past));
	list_for_each_entry(node, &ns->nodes, stats_list) {
		stt_node_stats_add(node, sums);
		cond_resched();
	}
	mutex_unlock(&ns->lock);
}

/* A nest of all counters but those whose bit is set in @without. */
static int stt_stats_put(struct sk_buff *skb, int attr, const u64 *v, u64 without)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < STT_STATS; i++) {
		if (without & BIT_ULL(i))
			continue;
		if (nla_put_u64_64bit(skb, STT_STAT_FIRST + i, v[i], STT_A_STATS_PAD))
			goto cancel;
	}
	nla_nest_end(skb, nest);
	return 0;

cancel:
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}

int stt_net_stats_put(struct sk_buff *skb, int attr, struct net *net)
{
	u64 sums[STT_STATS];

	stt_net_stats_sum(&stt_net(net)->stats, sums);
	return stt_stats_put(skb, attr, sums, 0);
}

int stt_node_stats_put(struct sk_buff *skb, int attr, const struct stt_node *node)
{
	u64 sums[STT_STATS] = {};

	stt_node_stats_add(node, sums);
	return stt_stats_put(skb, attr, sums, 0);
}

int stt_session_stats_put(struct sk_buff *skb, int attr, const struct stt_session *s)
{
	u64 v[STT_STATS] = {};
	unsigned int i, slot = 0;

	BUILD_BUG_ON(STT_STATS > 64);
	for (i = 0; i < STT_STATS; i++) {
		if (!(STT_STATS_NODE_ONLY & BIT_ULL(i)))
			v[i] = atomic64_read(&s->stats.v[slot++]);
	}
	return stt_stats_put(skb, attr, v, STT_STATS_NODE_ONLY);
}
