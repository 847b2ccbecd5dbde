// SPDX-License-Identifier: LGPL-2.1-or-later
/* The control channel itself, and what the module says about itself. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "ctl_attr.h"
#include "errmsg.h"

static int group_id(const struct nlattr *group, uint32_t *id)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];
	const struct nlattr *name, *number;

	sttnl_index_nest(group, tb, CTRL_ATTR_MCAST_GRP_MAX);
	name = tb[CTRL_ATTR_MCAST_GRP_NAME];
	number = tb[CTRL_ATTR_MCAST_GRP_ID];
	if (!name || mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0 ||
	    !number || mnl_attr_validate(number, MNL_TYPE_U32) < 0)
		return -EBADMSG;
	if (strcmp(mnl_attr_get_str(name), STT_GENL_MCGRP_EVENTS) == 0)
		*id = mnl_attr_get_u32(number);
	return 0;
}

static int parse_family(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1], *group;
	struct stt_ctl *ctl = arg;

	sttnl_index(nlh, tb, CTRL_ATTR_MAX);
	if (!tb[CTRL_ATTR_FAMILY_ID] ||
	    mnl_attr_validate(tb[CTRL_ATTR_FAMILY_ID], MNL_TYPE_U16) < 0)
		return -EBADMSG;
	ctl->family = mnl_attr_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	if (!tb[CTRL_ATTR_MCAST_GROUPS])
		return 0;
	mnl_attr_for_each_nested(group, tb[CTRL_ATTR_MCAST_GROUPS])
		if (group_id(group, &ctl->group) < 0)
			return -EBADMSG;
	return 0;
}

static int resolve(struct stt_ctl *ctl)
{
	struct sttnl_req req;
	int ret;

	sttnl_begin(&req, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	sttnl_put(&req, CTRL_ATTR_FAMILY_NAME, STT_GENL_NAME, sizeof(STT_GENL_NAME));
	ret = sttnl_ask(ctl, &req, parse_family, ctl);
	if (ret == -ENOENT)
		return stt_err(ret, "the kernel has no STT: load the module with \"modprobe stt\"");
	if (ret < 0)
		return sttnl_fail(ctl, ret, "cannot look up the netlink family \"%s\"",
				  STT_GENL_NAME);
	return 0;
}

int stt_ctl_open(struct stt_ctl **out)
{
	struct stt_ctl *ctl;
	int ret;

	*out = NULL;
	ret = sttnl_open(&ctl);
	if (ret < 0)
		return ret;
	ret = resolve(ctl);
	if (ret < 0) {
		sttnl_close(ctl);
		return ret;
	}
	*out = ctl;
	return 0;
}

void stt_ctl_close(struct stt_ctl *ctl)
{
	if (ctl)
		sttnl_close(ctl);
}

static const struct sttnl_field info_fields[] = {
	STTNL_FIELD(STT_A_INFO_FAMILY, struct stt_info, family),
	STTNL_FIELD(STT_A_INFO_WIRE_VERSION, struct stt_info, wire_version),
	STTNL_FIELD(STT_A_INFO_SUITES, struct stt_info, suites),
	STTNL_FIELD(STT_A_INFO_MESSAGE_MAX, struct stt_info, message_max),
	STTNL_FIELD(STT_A_INFO_OVERHEAD, struct stt_info, overhead),
	STTNL_FIELD(STT_A_INFO_REPLAY_WINDOW, struct stt_info, replay_window),
	STTNL_FIELD(STT_A_INFO_HEARTBEAT_MS, struct stt_info, heartbeat_ms),
	STTNL_FIELD(STT_A_INFO_NODES_MAX, struct stt_info, nodes_max),
	STTNL_FIELD(STT_A_INFO_SESSIONS_MAX, struct stt_info, sessions_max),
	STTNL_FIELD(STT_A_INFO_NODES, struct stt_info, nodes),
	STTNL_FIELD(STT_A_INFO_SESSIONS, struct stt_info, sessions),
	STTNL_FIELD(STT_A_INFO_GCM_KEYS_MAX, struct stt_info, gcm_keys_max),
	STTNL_FIELD(STT_A_INFO_GCM_KEYS, struct stt_info, gcm_keys),
};

/* A version too long for its place is cut; it is for people. */
static int read_version(const struct nlattr *attr, struct stt_info *info)
{
	if (!attr)
		return 0;
	if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return -EBADMSG;
	strncpy(info->module_version, mnl_attr_get_str(attr), sizeof(info->module_version) - 1);
	return 0;
}

static int parse_info(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[STT_A_INFO_MAX + 1];
	struct stt_info *info = arg;
	int ret;

	sttnl_index(nlh, tb, STT_A_INFO_MAX);
	ret = sttnl_read(tb, info_fields, sizeof(info_fields) / sizeof(*info_fields), info);
	if (ret == 0)
		ret = sttnl_read_stats(tb[STT_A_INFO_STATS], &info->stats);
	return ret < 0 ? ret : read_version(tb[STT_A_INFO_MODULE_VERSION], info);
}

int stt_ctl_info(struct stt_ctl *ctl, struct stt_info *info)
{
	struct sttnl_req req;
	int ret;

	memset(info, 0, sizeof(*info));
	sttnl_begin(&req, ctl->family, STT_CMD_INFO_GET, 0);
	ret = sttnl_ask(ctl, &req, parse_info, info);
	return ret < 0 ? sttnl_fail(ctl, ret, "cannot read about the module") : 0;
}

static int ask_family(void)
{
	struct stt_info info;
	struct stt_ctl *ctl;
	int ret = stt_ctl_open(&ctl);

	if (ret < 0)
		return ret;
	ret = stt_ctl_info(ctl, &info);
	stt_ctl_close(ctl);
	return ret < 0 ? ret : info.family;
}

/* Two threads may both ask; they get the same answer. */
int stt_family(void)
{
	static atomic_int known;
	int family = atomic_load_explicit(&known, memory_order_relaxed);

	if (family > 0)
		return family;
	family = ask_family();
	if (family == 0)
		return stt_err(-EBADMSG, "the module did not tell its socket family");
	if (family > 0)
		atomic_store_explicit(&known, family, memory_order_relaxed);
	return family;
}
