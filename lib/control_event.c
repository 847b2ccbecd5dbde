// SPDX-License-Identifier: LGPL-2.1-or-later
/* Events of the multicast group, read without blocking. */
#include <errno.h>
#include <string.h>

#include "ctl_attr.h"
#include "errmsg.h"

int stt_ctl_subscribe(struct stt_ctl *ctl)
{
	if (!ctl->group)
		return stt_err(-ENOENT, "cannot subscribe to events: the module has no group \"%s\"",
			       STT_GENL_MCGRP_EVENTS);
	if (mnl_socket_setsockopt(ctl->events, NETLINK_ADD_MEMBERSHIP, &ctl->group,
				  sizeof(ctl->group)) < 0)
		return stt_err(-errno, "cannot subscribe to events: %s", stt_strerror(errno));
	return 0;
}

int stt_ctl_fd(const struct stt_ctl *ctl)
{
	return mnl_socket_get_fd(ctl->events);
}

static int fill(struct stt_ctl *ctl)
{
	ssize_t n;

	do {
		n = mnl_socket_recvfrom(ctl->events, ctl->event, sizeof(ctl->event));
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EWOULDBLOCK)
		return stt_err(-EAGAIN, "no event is waiting");
	if (n < 0 && errno == ENOBUFS)
		return stt_err(-ENOBUFS, "events were lost: they came faster than they were read");
	if (n < 0)
		return stt_err(-errno, "cannot read events: %s", stt_strerror(errno));
	ctl->event_off = 0;
	ctl->event_len = (size_t)n;
	return 0;
}

/* The next message of the datagram in hand, or NULL when it is used up. */
static const struct nlmsghdr *next_message(struct stt_ctl *ctl)
{
	const struct nlmsghdr *nlh = (const void *)(ctl->event + ctl->event_off);

	if (!mnl_nlmsg_ok(nlh, (int)(ctl->event_len - ctl->event_off))) {
		ctl->event_off = ctl->event_len;
		return NULL;
	}
	ctl->event_off += MNL_ALIGN(nlh->nlmsg_len);
	if (ctl->event_off > ctl->event_len)
		ctl->event_off = ctl->event_len;
	return nlh;
}

/* Returns 1 for an event, 0 for a message that is none we know. */
static int parse_event(const struct nlmsghdr *nlh, struct stt_event *ev)
{
	int ret;

	ev->cmd = sttnl_cmd(nlh);
	switch (ev->cmd) {
	case STT_CMD_NODE_NEW_NTF:
	case STT_CMD_NODE_DEL_NTF:
		ret = sttnl_parse_node(nlh, &ev->node_info);
		ev->node = ev->node_info.id;
		break;
	case STT_CMD_SESSION_NEW_NTF:
	case STT_CMD_SESSION_STATE_NTF:
	case STT_CMD_SESSION_MOVED_NTF:
	case STT_CMD_SESSION_DEL_NTF:
	case STT_CMD_SESSION_REKEY_NTF:
		ret = sttnl_parse_session(nlh, &ev->session);
		ev->node = ev->session.node;
		break;
	default:
		return ev->cmd < 0 ? ev->cmd : 0;
	}
	return ret < 0 ? ret : 1;
}

int stt_ctl_event(struct stt_ctl *ctl, struct stt_event *ev)
{
	for (;;) {
		const struct nlmsghdr *nlh = next_message(ctl);
		int ret;

		if (!nlh) {
			ret = fill(ctl);
			if (ret < 0)
				return ret;
			continue;
		}
		if (nlh->nlmsg_type != ctl->family)
			continue;
		memset(ev, 0, sizeof(*ev));
		ret = parse_event(nlh, ev);
		if (ret < 0)
			return stt_err(ret, "malformed event: the module and this library do not fit together");
		if (ret > 0)
			return 0;
	}
}
