// SPDX-License-Identifier: GPL-2.0-only
/* What nodes and sessions look like. The names are API: scripts read them. */
#include "stt-ip.h"

/* What comes before the session of a frame is known. */
static bool of_node_only(unsigned int stat)
{
	switch (stat) {
	case STT_A_STATS_RX_HANDSHAKE:
	case STT_A_STATS_DROP_HANDSHAKE:
	case STT_A_STATS_DROP_HS_MALFORMED:
	case STT_A_STATS_DROP_HS_RATE:
	case STT_A_STATS_DROP_MALFORMED:
	case STT_A_STATS_DROP_NO_SESSION:
		return true;
	default:
		return false;
	}
}

static void show_stats(struct printer *p, const struct stt_stats *stats, bool of_node)
{
	bool any = false;

	pr_group(p, "stats");
	for (unsigned int i = 0; i <= STT_A_STATS_MAX; i++) {
		const char *name = stt_stat_name(i);

		if (!name || (of_node_only(i) && !of_node) || (!p->json && !stats->v[i]))
			continue;
		pr_u64(p, name, stats->v[i]);
		any = true;
	}
	if (!any)
		pr_u64(p, "all", 0);
	pr_end(p);
}

void show_node_stats(struct printer *p, const struct stt_stats *stats)
{
	show_stats(p, stats, true);
}

void show_session_stats(struct printer *p, const struct stt_stats *stats)
{
	show_stats(p, stats, false);
}

void show_node(struct printer *p, const struct stt_node_info *info)
{
	pr_u64(p, "node", info->id);
	pr_addr(p, "local", &info->local);
	pr_u64(p, "uid", info->uid);
	if (info->has_gid)
		pr_u64(p, "gid", info->gid);
	pr_u64(p, "heartbeat_ms", info->heartbeat_ms);
	if (info->has_rekey_age)
		pr_u64(p, "rekey_age_ms", info->rekey_age_ms);
	if (info->rekey_volume)
		pr_u64(p, "rekey_volume", info->rekey_volume);
	pr_u64(p, "sessions", info->sessions);
	if (info->inode)
		pr_u64(p, "inode", info->inode);
}

/* Numbers without a name are the program's own, or newer than this tool. */
static void show_named(struct printer *p, const char *field, const char *name, uint32_t value)
{
	if (name)
		pr_str(p, field, name);
	else
		pr_u64(p, field, value);
}

static void show_life(struct printer *p, const struct stt_session_info *s)
{
	show_named(p, "state", stt_session_state_name(s->state), s->state);
	if (s->state == STT_SESSION_STATE_CLOSED || s->close_reason != STT_CLOSE_NONE)
		show_named(p, "close_reason", stt_close_reason_name(s->close_reason),
			   s->close_reason);
}

/* Who and where. */
static void show_ends(struct printer *p, const struct stt_session_info *s)
{
	pr_id(p, "session", s->id);
	pr_u64(p, "node", s->node);
	if (s->state)
		show_life(p, s);
	pr_addr(p, "peer", &s->peer);
	pr_addr(p, "local", &s->local);
	if (s->rekey_reason)
		show_named(p, "rekey", stt_rekey_reason_name(s->rekey_reason), s->rekey_reason);
}

/* The kernel counts idle times from the beginning where there was no frame yet. */
static void show_path(struct printer *p, const struct stt_session_info *s)
{
	if (s->has_heartbeat)
		pr_u64(p, "heartbeat_ms", s->heartbeat_ms);
	if (s->mtu)
		pr_u64(p, "mtu", s->mtu);
	if (s->stats.v[STT_A_STATS_RX_FRAMES])
		pr_u64(p, "idle_rx_ms", s->idle_rx_ms);
	if (s->stats.v[STT_A_STATS_TX_FRAMES])
		pr_u64(p, "idle_tx_ms", s->idle_tx_ms);
	if (s->rtt_us) {
		pr_u64(p, "rtt_us", s->rtt_us);
		pr_u64(p, "srtt_us", s->srtt_us);
	}
}

/* Which keys are in use, and when new ones are wanted. */
static void show_keys(struct printer *p, const struct stt_session_info *s)
{
	if (s->has_tx_epoch)
		pr_u64(p, "tx_epoch", s->tx_epoch);
	if (s->has_rx_epoch)
		pr_u64(p, "rx_epoch", s->rx_epoch);
	if (s->has_key_age)
		pr_u64(p, "key_age_ms", s->key_age_ms);
	if (s->has_rekey_age)
		pr_u64(p, "rekey_age_ms", s->rekey_age_ms);
	if (s->has_rekey_volume && s->rekey_volume)
		pr_u64(p, "rekey_volume", s->rekey_volume);
}

void show_session_event(struct printer *p, const struct stt_session_info *s)
{
	show_ends(p, s);
	if (s->has_peer_id)
		pr_hex(p, "peer_id", s->peer_id, sizeof(s->peer_id));
}

void show_session(struct printer *p, const struct stt_session_info *s)
{
	show_ends(p, s);
	pr_line(p);
	show_path(p, s);
	pr_line(p);
	show_keys(p, s);
	if (!s->has_peer_id)
		return;
	pr_line(p);
	pr_hex(p, "peer_id", s->peer_id, sizeof(s->peer_id));
}
