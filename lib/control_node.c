// SPDX-License-Identifier: LGPL-2.1-or-later
/* Nodes: attach a UDP socket, read, list, delete. */
#include <errno.h>
#include <string.h>

#include "ctl_attr.h"
#include "errmsg.h"

static const struct sttnl_field node_fields[] = {
	STTNL_FIELD(STT_A_NODE_ID, struct stt_node_info, id),
	STTNL_FIELD(STT_A_NODE_UID, struct stt_node_info, uid),
	STTNL_FIELD(STT_A_NODE_GID, struct stt_node_info, gid),
	STTNL_FIELD(STT_A_NODE_HEARTBEAT_MS, struct stt_node_info, heartbeat_ms),
	STTNL_FIELD(STT_A_NODE_SESSIONS, struct stt_node_info, sessions),
	STTNL_FIELD(STT_A_NODE_INODE, struct stt_node_info, inode),
	STTNL_FIELD(STT_A_NODE_REKEY_AGE_MS, struct stt_node_info, rekey_age_ms),
	STTNL_FIELD(STT_A_NODE_REKEY_VOLUME, struct stt_node_info, rekey_volume),
};

static const struct sttnl_addr_attrs local_attrs = {
	.ipv4 = STT_A_NODE_LOCAL_IPV4,
	.ipv6 = STT_A_NODE_LOCAL_IPV6,
	.port = STT_A_NODE_LOCAL_PORT,
};

int sttnl_parse_node(const struct nlmsghdr *nlh, struct stt_node_info *out)
{
	const struct nlattr *tb[STT_A_NODE_MAX + 1];
	int ret;

	memset(out, 0, sizeof(*out));
	sttnl_index(nlh, tb, STT_A_NODE_MAX);
	if (!tb[STT_A_NODE_ID])
		return -EBADMSG;
	ret = sttnl_read(tb, node_fields, sizeof(node_fields) / sizeof(*node_fields), out);
	out->has_gid = tb[STT_A_NODE_GID];
	out->has_heartbeat = tb[STT_A_NODE_HEARTBEAT_MS];
	if (ret == 0)
		ret = sttnl_read_addr(tb, &local_attrs, &out->local);
	if (ret == 0)
		ret = sttnl_read_stats(tb[STT_A_NODE_STATS], &out->stats);
	return ret;
}

static int one_node(const struct nlmsghdr *nlh, void *arg)
{
	return sttnl_parse_node(nlh, arg);
}

static void put_defaults(struct sttnl_req *req, const struct stt_node_defaults *d)
{
	if (d->has_heartbeat)
		sttnl_put_u32(req, STT_A_NODE_HEARTBEAT_MS, d->heartbeat_ms);
	if (d->has_rekey_age)
		sttnl_put_u32(req, STT_A_NODE_REKEY_AGE_MS, d->rekey_age_ms);
	if (d->has_rekey_volume)
		sttnl_put_u32(req, STT_A_NODE_REKEY_VOLUME, d->rekey_volume);
}

int stt_ctl_node_new_with(struct stt_ctl *ctl, int udp_fd,
			  const struct stt_node_defaults *defaults, uint32_t *id)
{
	struct stt_node_info info;
	struct sttnl_req req;
	int ret;

	if (udp_fd < 0)
		return stt_err(-EBADF, "cannot attach a node: %d is no file descriptor", udp_fd);
	sttnl_begin(&req, ctl->family, STT_CMD_NODE_NEW, 0);
	sttnl_put_u32(&req, STT_A_NODE_SOCKET_FD, (uint32_t)udp_fd);
	if (defaults)
		put_defaults(&req, defaults);
	ret = sttnl_ask(ctl, &req, one_node, &info);
	if (ret < 0)
		return sttnl_fail(ctl, ret, "cannot attach socket %d as a node", udp_fd);
	*id = info.id;
	return 0;
}

int stt_ctl_node_new(struct stt_ctl *ctl, int udp_fd, const uint32_t *heartbeat_ms, uint32_t *id)
{
	struct stt_node_defaults defaults = { 0 };

	if (heartbeat_ms) {
		defaults.has_heartbeat = true;
		defaults.heartbeat_ms = *heartbeat_ms;
	}
	return stt_ctl_node_new_with(ctl, udp_fd, &defaults, id);
}

int stt_ctl_node_get(struct stt_ctl *ctl, uint32_t id, struct stt_node_info *info)
{
	struct sttnl_req req;
	int ret;

	sttnl_begin(&req, ctl->family, STT_CMD_NODE_GET, 0);
	sttnl_put_u32(&req, STT_A_NODE_ID, id);
	ret = sttnl_ask(ctl, &req, one_node, info);
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot read node %u", id) : 0;
}

int stt_ctl_node_set(struct stt_ctl *ctl, const struct stt_node_info *info)
{
	struct sttnl_req req;
	int ret;

	sttnl_begin(&req, ctl->family, STT_CMD_NODE_SET, 0);
	sttnl_put_u32(&req, STT_A_NODE_ID, info->id);
	if (info->has_gid)
		sttnl_put_u32(&req, STT_A_NODE_GID, info->gid);
	if (info->has_heartbeat)
		sttnl_put_u32(&req, STT_A_NODE_HEARTBEAT_MS, info->heartbeat_ms);
	if (info->has_rekey_age)
		sttnl_put_u32(&req, STT_A_NODE_REKEY_AGE_MS, info->rekey_age_ms);
	if (info->has_rekey_volume)
		sttnl_put_u32(&req, STT_A_NODE_REKEY_VOLUME, info->rekey_volume);
	ret = sttnl_call(ctl, &req, NULL, NULL);
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot change node %u", info->id) : 0;
}

int stt_ctl_node_del(struct stt_ctl *ctl, uint32_t id, uint8_t close_reason)
{
	struct sttnl_req req;
	int ret;

	sttnl_begin(&req, ctl->family, STT_CMD_NODE_DEL, 0);
	sttnl_put_u32(&req, STT_A_NODE_ID, id);
	if (close_reason != STT_CLOSE_NONE)
		sttnl_put_u8(&req, STT_A_NODE_CLOSE_REASON, close_reason);
	ret = sttnl_call(ctl, &req, NULL, NULL);
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot delete node %u", id) : 0;
}

struct node_walk {
	int	(*cb)(const struct stt_node_info *info, void *arg);
	void	*arg;
	int	ret;
};

static int walk_node(const struct nlmsghdr *nlh, void *arg)
{
	struct node_walk *walk = arg;
	struct stt_node_info info;
	int ret = sttnl_parse_node(nlh, &info);

	if (ret < 0)
		return ret;
	walk->ret = walk->cb(&info, walk->arg);
	return walk->ret != 0;
}

int stt_ctl_node_dump(struct stt_ctl *ctl,
		      int (*cb)(const struct stt_node_info *info, void *arg), void *arg)
{
	struct node_walk walk = { .cb = cb, .arg = arg };
	struct sttnl_req req;
	int ret;

	sttnl_begin(&req, ctl->family, STT_CMD_NODE_GET, NLM_F_DUMP);
	ret = sttnl_call(ctl, &req, walk_node, &walk);
	if (walk.ret)
		return walk.ret;
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot list the nodes") : 0;
}
