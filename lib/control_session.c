// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sessions: create, read, list, change, delete. */
#include <errno.h>
#include <string.h>

#include "ctl_attr.h"
#include "errmsg.h"

#define ULL(x) ((unsigned long long)(x))

static const struct sttnl_field session_fields[] = {
	STTNL_FIELD(STT_A_SESSION_NODE, struct stt_session_info, node),
	STTNL_FIELD(STT_A_SESSION_ID, struct stt_session_info, id),
	STTNL_FIELD(STT_A_SESSION_STATE, struct stt_session_info, state),
	STTNL_FIELD(STT_A_SESSION_PEER_ID, struct stt_session_info, peer_id),
	STTNL_FIELD(STT_A_SESSION_HEARTBEAT_MS, struct stt_session_info, heartbeat_ms),
	STTNL_FIELD(STT_A_SESSION_TX_EPOCH, struct stt_session_info, tx_epoch),
	STTNL_FIELD(STT_A_SESSION_RX_EPOCH, struct stt_session_info, rx_epoch),
	STTNL_FIELD(STT_A_SESSION_MTU, struct stt_session_info, mtu),
	STTNL_FIELD(STT_A_SESSION_IDLE_RX_MS, struct stt_session_info, idle_rx_ms),
	STTNL_FIELD(STT_A_SESSION_IDLE_TX_MS, struct stt_session_info, idle_tx_ms),
	STTNL_FIELD(STT_A_SESSION_CLOSE_REASON, struct stt_session_info, close_reason),
	STTNL_FIELD(STT_A_SESSION_REKEY_AGE_MS, struct stt_session_info, rekey_age_ms),
	STTNL_FIELD(STT_A_SESSION_REKEY_VOLUME, struct stt_session_info, rekey_volume),
	STTNL_FIELD(STT_A_SESSION_REKEY_REASON, struct stt_session_info, rekey_reason),
	STTNL_FIELD(STT_A_SESSION_KEY_AGE_MS, struct stt_session_info, key_age_ms),
	STTNL_FIELD(STT_A_SESSION_RTT_US, struct stt_session_info, rtt_us),
	STTNL_FIELD(STT_A_SESSION_SRTT_US, struct stt_session_info, srtt_us),
};

static const struct sttnl_addr_attrs peer_attrs = {
	.ipv4 = STT_A_SESSION_PEER_IPV4,
	.ipv6 = STT_A_SESSION_PEER_IPV6,
	.port = STT_A_SESSION_PEER_PORT,
	.scope = STT_A_SESSION_PEER_SCOPE,
};

static const struct sttnl_addr_attrs local_attrs = {
	.ipv4 = STT_A_SESSION_LOCAL_IPV4,
	.ipv6 = STT_A_SESSION_LOCAL_IPV6,
};

static int read_keys(const struct nlmsghdr *nlh, struct stt_session_info *out)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != STT_A_SESSION_KEY)
			continue;
		if (out->n_keys == STT_SESSION_KEYS_MAX)
			break;
		if (sttnl_parse_key(attr, &out->keys[out->n_keys++]) < 0)
			return -EBADMSG;
	}
	return 0;
}

int sttnl_parse_session(const struct nlmsghdr *nlh, struct stt_session_info *out)
{
	const struct nlattr *tb[STT_A_SESSION_MAX + 1];

	memset(out, 0, sizeof(*out));
	sttnl_index(nlh, tb, STT_A_SESSION_MAX);
	if (!tb[STT_A_SESSION_NODE] || !tb[STT_A_SESSION_ID])
		return -EBADMSG;
	if (sttnl_read(tb, session_fields, sizeof(session_fields) / sizeof(*session_fields),
		       out) < 0 ||
	    sttnl_read_addr(tb, &peer_attrs, &out->peer) < 0 ||
	    sttnl_read_addr(tb, &local_attrs, &out->local) < 0 ||
	    sttnl_read_stats(tb[STT_A_SESSION_STATS], &out->stats) < 0)
		return -EBADMSG;
	out->has_peer_id = tb[STT_A_SESSION_PEER_ID];
	out->has_heartbeat = tb[STT_A_SESSION_HEARTBEAT_MS];
	out->has_tx_epoch = tb[STT_A_SESSION_TX_EPOCH];
	out->has_rx_epoch = tb[STT_A_SESSION_RX_EPOCH];
	out->has_rekey_age = tb[STT_A_SESSION_REKEY_AGE_MS];
	out->has_rekey_volume = tb[STT_A_SESSION_REKEY_VOLUME];
	out->has_key_age = tb[STT_A_SESSION_KEY_AGE_MS];
	return read_keys(nlh, out);
}

static int one_session(const struct nlmsghdr *nlh, void *arg)
{
	return sttnl_parse_session(nlh, arg);
}

static void begin(struct sttnl_req *req, const struct stt_ctl *ctl, uint8_t cmd, uint32_t node,
		  uint64_t id)
{
	sttnl_begin(req, ctl->family, cmd, 0);
	sttnl_put_u32(req, STT_A_SESSION_NODE, node);
	sttnl_put_u64(req, STT_A_SESSION_ID, id);
}

static void put_rekey(struct sttnl_req *req, const struct stt_session_info *s)
{
	if (s->has_rekey_age)
		sttnl_put_u32(req, STT_A_SESSION_REKEY_AGE_MS, s->rekey_age_ms);
	if (s->has_rekey_volume)
		sttnl_put_u32(req, STT_A_SESSION_REKEY_VOLUME, s->rekey_volume);
}

static int check_new(const struct stt_session_info *s)
{
	if (s->n_keys > STT_SESSION_KEYS_MAX)
		return stt_err(-EINVAL, "cannot create session %016llx: %u keys, at most %u can go along",
			       ULL(s->id), s->n_keys, STT_SESSION_KEYS_MAX);
	if (s->peer.sa.sa_family != AF_INET && s->peer.sa.sa_family != AF_INET6)
		return stt_err(-EAFNOSUPPORT, "cannot create session %016llx: the peer has no IPv4 or IPv6 address",
			       ULL(s->id));
	if (s->local.sa.sa_family != AF_UNSPEC && s->local.sa.sa_family != s->peer.sa.sa_family)
		return stt_err(-EAFNOSUPPORT, "cannot create session %016llx: local and peer address are of different families",
			       ULL(s->id));
	return 0;
}

int sttnl_session_new(struct sttnl_req *req, const struct stt_ctl *ctl,
		      const struct stt_session_info *s)
{
	int ret = check_new(s);

	if (ret < 0)
		return ret;
	begin(req, ctl, STT_CMD_SESSION_NEW, s->node, s->id);
	sttnl_put_u32(req, STT_A_SESSION_STATE, s->state ? s->state : STT_SESSION_STATE_ACTIVE);
	sttnl_put_addr(req, &peer_attrs, &s->peer);
	sttnl_put_addr(req, &local_attrs, &s->local);
	if (s->has_peer_id)
		sttnl_put(req, STT_A_SESSION_PEER_ID, s->peer_id, sizeof(s->peer_id));
	if (s->has_heartbeat)
		sttnl_put_u32(req, STT_A_SESSION_HEARTBEAT_MS, s->heartbeat_ms);
	put_rekey(req, s);
	for (unsigned int i = 0; i < s->n_keys; i++)
		sttnl_put_key(req, &s->keys[i]);
	return 0;
}

int sttnl_session_refused(const struct stt_ctl *ctl, const struct stt_session_info *s, int err)
{
	return sttnl_fail(ctl, err, "cannot create session %016llx on node %u", ULL(s->id),
			  s->node);
}

int stt_ctl_session_new(struct stt_ctl *ctl, const struct stt_session_info *s)
{
	struct sttnl_req req;
	int ret = sttnl_session_new(&req, ctl, s);

	if (ret < 0)
		return ret;
	ret = sttnl_call(ctl, &req, NULL, NULL);
	return ret < 0 ? sttnl_session_refused(ctl, s, ret) : 0;
}

int stt_ctl_session_get(struct stt_ctl *ctl, uint32_t node, uint64_t id,
			struct stt_session_info *s)
{
	struct sttnl_req req;
	int ret;

	begin(&req, ctl, STT_CMD_SESSION_GET, node, id);
	ret = sttnl_ask(ctl, &req, one_session, s);
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot read session %016llx on node %u",
				    ULL(id), node) : 0;
}

/* Where the peer is; a local address goes along with it. */
static int put_endpoint(struct sttnl_req *req, const struct stt_session_info *s)
{
	if (s->peer.sa.sa_family == AF_UNSPEC && s->local.sa.sa_family != AF_UNSPEC)
		return stt_err(-EINVAL, "cannot change session %016llx: a local address needs a peer address with it",
			       ULL(s->id));
	if (sttnl_put_addr(req, &peer_attrs, &s->peer) < 0 ||
	    sttnl_put_addr(req, &local_attrs, &s->local) < 0)
		return stt_err(-EAFNOSUPPORT, "cannot change session %016llx: an address is neither IPv4 nor IPv6",
			       ULL(s->id));
	return 0;
}

int stt_ctl_session_set(struct stt_ctl *ctl, const struct stt_session_info *s)
{
	struct sttnl_req req;
	int ret;

	begin(&req, ctl, STT_CMD_SESSION_SET, s->node, s->id);
	if (s->state)
		sttnl_put_u32(&req, STT_A_SESSION_STATE, s->state);
	ret = put_endpoint(&req, s);
	if (ret < 0)
		return ret;
	if (s->has_heartbeat)
		sttnl_put_u32(&req, STT_A_SESSION_HEARTBEAT_MS, s->heartbeat_ms);
	if (s->has_tx_epoch)
		sttnl_put_u8(&req, STT_A_SESSION_TX_EPOCH, s->tx_epoch);
	put_rekey(&req, s);
	ret = sttnl_call(ctl, &req, NULL, NULL);
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot change session %016llx on node %u",
				    ULL(s->id), s->node) : 0;
}

int stt_ctl_session_del(struct stt_ctl *ctl, uint32_t node, uint64_t id, uint8_t close_reason)
{
	struct sttnl_req req;
	int ret;

	begin(&req, ctl, STT_CMD_SESSION_DEL, node, id);
	if (close_reason != STT_CLOSE_NONE)
		sttnl_put_u8(&req, STT_A_SESSION_CLOSE_REASON, close_reason);
	ret = sttnl_call(ctl, &req, NULL, NULL);
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot delete session %016llx on node %u",
				    ULL(id), node) : 0;
}

int stt_ctl_session_rekey(struct stt_ctl *ctl, uint32_t node, uint64_t id)
{
	struct sttnl_req req;
	int ret;

	begin(&req, ctl, STT_CMD_SESSION_REKEY, node, id);
	ret = sttnl_call(ctl, &req, NULL, NULL);
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot rekey session %016llx on node %u",
				    ULL(id), node) : 0;
}

struct session_walk {
	int	(*cb)(const struct stt_session_info *s, void *arg);
	void	*arg;
	int	ret;
};

static int walk_session(const struct nlmsghdr *nlh, void *arg)
{
	struct session_walk *walk = arg;
	struct stt_session_info s;
	int ret = sttnl_parse_session(nlh, &s);

	if (ret < 0)
		return ret;
	walk->ret = walk->cb(&s, walk->arg);
	return walk->ret != 0;
}

int stt_ctl_session_dump(struct stt_ctl *ctl, uint32_t node,
			 int (*cb)(const struct stt_session_info *s, void *arg), void *arg)
{
	struct session_walk walk = { .cb = cb, .arg = arg };
	struct sttnl_req req;
	int ret;

	sttnl_begin(&req, ctl->family, STT_CMD_SESSION_GET, NLM_F_DUMP);
	if (node)
		sttnl_put_u32(&req, STT_A_SESSION_NODE, node);
	ret = sttnl_call(ctl, &req, walk_session, &walk);
	if (walk.ret)
		return walk.ret;
	if (ret < 0 && node)
		return sttnl_fail(ctl, ret, "cannot list the sessions of node %u", node);
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot list the sessions") : 0;
}
