// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sessions and counters: the kernel knows them, this asks it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "errmsg.h"
#include "node.h"

/* ---- ids ---------------------------------------------------------------- */

struct id_walk {
	struct node_ids	*ids;
	unsigned int	states;
};

int node_ids_add(struct node_ids *ids, uint64_t id)
{
	if (ids->n == ids->cap) {
		size_t cap = ids->cap ? ids->cap * 2 : 64;
		uint64_t *bigger = realloc(ids->ids, cap * sizeof(*bigger));

		if (!bigger)
			return stt_err(-ENOMEM, "no memory for a list of %zu sessions", cap);
		ids->ids = bigger;
		ids->cap = cap;
	}
	ids->ids[ids->n++] = id;
	return 0;
}

static int add_id(const struct stt_session_info *s, void *arg)
{
	const struct id_walk *walk = arg;

	return walk->states & (1U << s->state) ? node_ids_add(walk->ids, s->id) : 0;
}

int node_session_ids(struct stt_node *node, unsigned int states, struct node_ids *ids)
{
	struct id_walk walk = { ids, states };
	int ret = stt_ctl_session_dump(node->ctl, node->number, add_id, &walk);

	if (ret >= 0)
		return 0;
	free(ids->ids);
	*ids = (struct node_ids){ 0 };
	return ret;
}

/* ---- sessions ----------------------------------------------------------- */

static void fill_session(const struct stt_session_info *info, struct stt_session *s)
{
	memset(s, 0, sizeof(*s));
	s->id = info->id;
	s->state = info->state;
	memcpy(s->peer_node_id, info->peer_id, sizeof(s->peer_node_id));
	s->peer = info->peer;
	s->mtu = info->mtu;
	s->idle_rx_ms = info->idle_rx_ms;
	s->idle_tx_ms = info->idle_tx_ms;
	s->rtt_us = info->rtt_us;
	s->srtt_us = info->srtt_us;
	s->epoch = info->tx_epoch;
}

int stt_node_session(struct stt_node *node, uint64_t id, struct stt_session *session)
{
	struct stt_session_info info;
	int ret = node_lock_running(node);

	if (ret)
		return ret;
	ret = stt_ctl_session_get(node->ctl, node->number, id, &info);
	pthread_mutex_unlock(&node->lock);
	if (!ret)
		fill_session(&info, session);
	return ret;
}

int stt_node_close_session(struct stt_node *node, uint64_t id, uint8_t close_reason)
{
	int ret = node_lock_running(node);

	if (ret)
		return ret;
	ret = stt_ctl_session_del(node->ctl, node->number, id, close_reason);
	pthread_mutex_unlock(&node->lock);
	return ret;
}

int stt_node_rekey(struct stt_node *node, uint64_t id)
{
	int ret = node_lock_running(node);

	if (ret)
		return ret;
	ret = stt_ctl_session_rekey(node->ctl, node->number, id);
	pthread_mutex_unlock(&node->lock);
	return ret;
}

struct snapshot {
	struct stt_session	*sessions;
	size_t			n, cap;
};

static int add_session(const struct stt_session_info *info, void *arg)
{
	struct snapshot *all = arg;

	if (all->n == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 64;
		struct stt_session *bigger = realloc(all->sessions, cap * sizeof(*bigger));

		if (!bigger)
			return stt_err(-ENOMEM, "no memory for a list of %zu sessions", cap);
		all->sessions = bigger;
		all->cap = cap;
	}
	fill_session(info, &all->sessions[all->n++]);
	return 0;
}

int stt_node_sessions(struct stt_node *node,
		      int (*cb)(const struct stt_session *session, void *arg), void *arg)
{
	struct snapshot all = { 0 };
	int ret = node_lock_running(node);

	if (ret)
		return ret;
	ret = stt_ctl_session_dump(node->ctl, node->number, add_session, &all);
	pthread_mutex_unlock(&node->lock);
	ret = ret < 0 ? ret : 0;
	/* Without the lock: the callback may do as it likes. */
	for (size_t i = 0; !ret && i < all.n; i++)
		ret = cb(&all.sessions[i], arg);
	free(all.sessions);
	return ret;
}

/* ---- counters ----------------------------------------------------------- */

static int count_session(const struct stt_session_info *s, void *arg)
{
	struct stt_node_stats *stats = arg;

	stats->sessions.total++;
	stats->sessions.active += s->state == STT_SESSION_STATE_ACTIVE;
	return 0;
}

/* What the library counted is in ->last already; the kernel's part is added. */
static void add_kernel(const struct stt_node_info *info, struct stt_node_stats *stats)
{
	const uint64_t *v = info->stats.v;

	stats->kernel = info->stats;
	stats->udp_transport.bytes_sent += v[STT_A_STATS_TX_BYTES] +
					   v[STT_A_STATS_TX_FRAMES] * STT_OVERHEAD;
	stats->udp_transport.bytes_received += v[STT_A_STATS_RX_BYTES] +
					       v[STT_A_STATS_RX_FRAMES] * STT_OVERHEAD;
	stats->udp_transport.packets_sent += v[STT_A_STATS_TX_FRAMES];
	stats->udp_transport.packets_received += v[STT_A_STATS_RX_FRAMES];
	stats->udp_transport.errors_send += v[STT_A_STATS_TX_ERRORS];
}

void node_counters(struct stt_node *node, struct stt_node_stats *stats)
{
	struct stt_node_info info;

	*stats = node->last;
	stats->handshakes.in_progress = stt_responder_pending(node->responder) + node->by_id.n;
	if (!stt_ctl_node_get(node->ctl, node->number, &info))
		add_kernel(&info, stats);
	stt_ctl_session_dump(node->ctl, node->number, count_session, stats);
}

int stt_node_stats(struct stt_node *node, struct stt_node_stats *stats, size_t size)
{
	struct stt_node_stats all;

	pthread_mutex_lock(&node->lock);
	all = node->last;
	if (node->phase == NODE_RUNNING && !node->gone)
		node_counters(node, &all);
	memcpy(all.node_id, node->id, sizeof(all.node_id));
	all.running = node->phase == NODE_RUNNING && !node->gone;
	all.server_mode = node->server_mode;
	all.accepting_connections = node->accepting;
	pthread_mutex_unlock(&node->lock);
	memset(stats, 0, size);
	memcpy(stats, &all, size < sizeof(all) ? size : sizeof(all));
	return 0;
}
