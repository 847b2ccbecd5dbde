// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink requests: mostly what makes sense, with wrong lengths, types and
 * nests mixed in; some changed byte by byte; some without any sense. See
 * fuzz.h, and request.c for how they are made.
 */
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "request.h"

/* ------------------------------------------------------------------------ */
/* The family's number, asked of genetlink                                  */

static void *attr_find(void *data, size_t len, uint16_t type)
{
	struct nlattr *attr = data;

	while (len >= sizeof(*attr) && attr->nla_len >= sizeof(*attr) && attr->nla_len <= len) {
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr + 1;
		if ((size_t)NLA_ALIGN(attr->nla_len) >= len)
			break;
		len -= NLA_ALIGN(attr->nla_len);
		attr = (void *)((uint8_t *)attr + NLA_ALIGN(attr->nla_len));
	}
	return NULL;
}

static bool ask_family(struct netlink *n)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr attr;
		char name[4];
	} ask = {
		.nlh = { sizeof(ask), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0 },
		.genl = { CTRL_CMD_GETFAMILY, 1, 0 },
		.attr = { sizeof(ask.attr) + sizeof(ask.name), CTRL_ATTR_FAMILY_NAME },
		.name = STT_GENL_NAME,
	};
	uint8_t in[4096] __attribute__((aligned(4)));
	ssize_t len;
	void *id, *groups, *group;

	if (send(n->fd[0], &ask, sizeof(ask), 0) < 0)
		return false;
	len = recv(n->fd[0], in, sizeof(in), 0) - NLMSG_HDRLEN - GENL_HDRLEN;
	if (len <= 0)
		return false;
	id = attr_find(in + NLMSG_HDRLEN + GENL_HDRLEN, len, CTRL_ATTR_FAMILY_ID);
	groups = attr_find(in + NLMSG_HDRLEN + GENL_HDRLEN, len, CTRL_ATTR_MCAST_GROUPS);
	if (!id || !groups)
		return false;
	memcpy(&n->family, id, sizeof(n->family));
	group = attr_find((uint8_t *)groups + NLA_HDRLEN, 64, CTRL_ATTR_MCAST_GRP_ID);
	if (group)
		memcpy(&n->group, group, sizeof(n->group));
	return group;
}

static int nl_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (fd >= 0)
		fuzz_brief(fd);
	return fd;
}

static void *netlink_open(struct actor *a)
{
	struct netlink *n = calloc(1, sizeof(*n));
	uint16_t port;

	(void)a;
	if (!n)
		return NULL;
	for (int i = 0; i < NL_SOCKETS; i++)
		n->fd[i] = nl_socket();
	for (int i = 0; i < NL_UDPS; i++)
		n->udp[i] = fuzz_udp(i % 2 ? "::1" : "127.0.0.1", &port);
	if (!ask_family(n)) {
		free(n);
		return NULL;
	}
	setsockopt(n->fd[0], SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &n->group, sizeof(n->group));
	return n;
}

static void netlink_close(struct actor *a)
{
	struct netlink *n = a->own;

	for (int i = 0; i < NL_SOCKETS; i++)
		close(n->fd[i]);
	for (int i = 0; i < NL_UDPS; i++)
		close(n->udp[i]);
	free(n);
}

/* ------------------------------------------------------------------------ */
/* Steps                                                                    */

static int some_socket(struct actor *a)
{
	struct netlink *n = a->own;

	return n->fd[pick(a, NL_SOCKETS)];
}

/* Read what waits. Returns whether all acknowledgements were good. */
static bool answers(int fd, unsigned int most)
{
	uint8_t in[16384] __attribute__((aligned(4)));
	const struct nlmsghdr *nlh = (void *)in;
	bool good = false;
	ssize_t len;

	while (most-- && (len = recv(fd, in, sizeof(in), MSG_DONTWAIT)) > 0) {
		if (nlh->nlmsg_type != NLMSG_ERROR)
			good = true;
		else
			good = !((const struct nlmsgerr *)NLMSG_DATA(nlh))->error;
	}
	return good;
}

static bool post(struct actor *a, const void *bytes, size_t len)
{
	int fd = some_socket(a);

	if (send(fd, bytes, len, MSG_DONTWAIT) < 0)
		return false;
	/* A dump that nobody reads on stays unfinished. */
	return answers(fd, chance(a, 10) ? pick(a, 2) : 20);
}

static bool sensible(struct actor *a)
{
	struct message m;

	request_sensible(a, &m);
	return post(a, m.bytes, m.len);
}

/* Several in one send; the last may be cut. */
static bool several(struct actor *a)
{
	uint8_t out[4 * MESSAGE_MAX];
	struct message m;
	size_t len = 0;

	for (unsigned int i = 1 + pick(a, 4); i; i--) {
		request_sensible(a, &m);
		memcpy(out + len, m.bytes, m.len);
		len += NLMSG_ALIGN(m.len);
	}
	if (chance(a, 4))
		len -= pick(a, len);
	return post(a, out, len);
}

static bool changed(struct actor *a)
{
	struct message m;

	request_sensible(a, &m);
	for (unsigned int i = 1 + pick(a, 6); i; i--)
		m.bytes[NLMSG_HDRLEN + pick(a, m.len - NLMSG_HDRLEN)] =
			chance(a, 2) ? pick(a, 256) : 0xff;
	if (chance(a, 4))
		((struct nlmsghdr *)m.bytes)->nlmsg_len = pick(a, m.len + 20);
	return post(a, m.bytes, m.len);
}

static bool senseless(struct actor *a)
{
	struct message m;
	size_t len = pick(a, 300);

	request_begin(a, &m, pick(a, STT_CMD_MAX + 3), pick(a, 65536));
	pick_bytes(a, m.bytes + m.len, len);
	m.len += len;
	request_end(&m);
	return post(a, m.bytes, m.len);
}

static bool reopen(struct actor *a)
{
	struct netlink *n = a->own;
	unsigned int i = pick(a, NL_SOCKETS);

	close(n->fd[i]);
	n->fd[i] = nl_socket();
	if (!i)
		setsockopt(n->fd[i], SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &n->group,
			   sizeof(n->group));
	return n->fd[i] >= 0;
}

/* Its node, if it has one, goes with it. */
static bool reopen_udp(struct actor *a)
{
	struct netlink *n = a->own;
	unsigned int i = pick(a, NL_UDPS);
	uint16_t port;

	close(n->udp[i]);
	n->udp[i] = fuzz_udp(chance(a, 2) ? "::1" : "127.0.0.1", &port);
	return n->udp[i] >= 0;
}

static struct op ops[] = {
	{ .name = "sensible", .weight = 60, .fn = sensible },
	{ .name = "several", .weight = 10, .fn = several },
	{ .name = "changed", .weight = 20, .fn = changed },
	{ .name = "senseless", .weight = 10, .fn = senseless },
	{ .name = "reopen", .weight = 3, .fn = reopen },
	{ .name = "reopen_udp", .weight = 5, .fn = reopen_udp },
};

struct crew crew_netlink = {
	.name = "netlink", .ops = ops, .n_ops = ARRAY_SIZE(ops),
	.open = netlink_open, .close = netlink_close,
};
