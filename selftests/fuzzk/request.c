// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests are built by hand, as a library would not let them be wrong: the
 * attributes a command wants, most with good values, some with a wrong length,
 * type or nest. See fuzz.h.
 */
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "request.h"

/* ------------------------------------------------------------------------ */
/* Values of attributes                                                     */

static size_t put32(uint8_t *out, uint32_t v)
{
	memcpy(out, &v, sizeof(v));
	return sizeof(v);
}

static size_t put64(uint8_t *out, uint64_t v)
{
	memcpy(out, &v, sizeof(v));
	return sizeof(v);
}

static size_t put8(uint8_t *out, uint8_t v)
{
	*out = v;
	return 1;
}

static int some_fd(struct actor *a)
{
	struct netlink *n = a->own;

	switch (pick(a, 8)) {
	case 0:
		return world_slot(a, SLOTS).udp;
	case 1:
		return n->fd[pick(a, NL_SOCKETS)];
	case 2:
		return (int)pick(a, 100) - 1;
	default:
		return n->udp[pick(a, NL_UDPS)];
	}
}

static size_t value_ipv4(struct actor *a, uint8_t *out)
{
	static const uint32_t v4[] = {
		0x7f000001, 0x7f000002, 0, 0xffffffff, 0xe0000001, 0x0a000001,
	};

	return put32(out, htonl(v4[chance(a, 3) ? pick(a, ARRAY_SIZE(v4)) : 0]));
}

static size_t value_ipv6(struct actor *a, uint8_t *out)
{
	static const uint8_t first[] = { 0, 0, 0, 0xfe, 0xff, 0x20 };

	memset(out, 0, 16);
	out[0] = first[pick(a, ARRAY_SIZE(first))];
	out[1] = out[0] == 0xfe ? 0x80 : 0;
	if (chance(a, 8))
		memset(out + 10, 0xff, 2);	/* v4-mapped */
	out[15] = !chance(a, 10);
	return 16;
}

static size_t value_node_attr(struct actor *a, int type, uint8_t *out)
{
	switch (type) {
	case STT_A_NODE_ID:
		return put32(out, world_slot(a, SLOTS).node);
	case STT_A_NODE_SOCKET_FD:
		return put32(out, some_fd(a));
	case STT_A_NODE_HEARTBEAT_MS:
		return put32(out, chance(a, 5) ? pick(a, 200) : 100);
	case STT_A_NODE_CLOSE_REASON:
		return put8(out, pick(a, 256));
	default:
		return put32(out, pick(a, 5));
	}
}

static size_t value_key_attr(struct actor *a, int type, uint8_t *out)
{
	switch (type) {
	case STT_A_KEY_EPOCH:
		return put8(out, chance(a, 6) ? pick(a, 256) : pick(a, EPOCHS));
	case STT_A_KEY_DIRECTION:
		return put8(out, chance(a, 10) ? pick(a, 256) : 1 + pick(a, 2));
	case STT_A_KEY_SUITE:
		if (chance(a, 10))
			return put8(out, pick(a, 256));
		return put8(out, chance(a, 3) ? STT_SUITE_AES256GCM : STT_SUITE_CHACHA20POLY1305);
	case STT_A_KEY_SECRET:
		memset(out, 0, STT_KEY_LEN);
		pick_bytes(a, out, 2);
		return STT_KEY_LEN;
	case STT_A_KEY_WAITING:
		return chance(a, 20) ? put8(out, 1) : 0;
	default:
		return put64(out, pick(a, 5));
	}
}

static size_t value_session_attr(struct actor *a, int type, uint8_t *out)
{
	switch (type) {
	case STT_A_SESSION_NODE:
		return put32(out, world_slot(a, SLOTS).node);
	case STT_A_SESSION_ID:
		return put64(out, chance(a, 20) ? ~0ULL : pick(a, SESSIONS + 1) + !chance(a, 30));
	case STT_A_SESSION_STATE:
		return put32(out, chance(a, 5) ? pick(a, 6) : 1 + pick(a, 2));
	case STT_A_SESSION_PEER_IPV4:
	case STT_A_SESSION_LOCAL_IPV4:
		return value_ipv4(a, out);
	case STT_A_SESSION_PEER_IPV6:
	case STT_A_SESSION_LOCAL_IPV6:
		return value_ipv6(a, out);
	case STT_A_SESSION_PEER_PORT:
		pick_bytes(a, out, 2);
		return 2;
	case STT_A_SESSION_PEER_SCOPE:
		return put32(out, pick(a, 3));
	case STT_A_SESSION_PEER_ID:
		pick_bytes(a, out, STT_PEER_ID_LEN);
		return STT_PEER_ID_LEN;
	case STT_A_SESSION_HEARTBEAT_MS:
		return put32(out, chance(a, 5) ? pick(a, 200) : 100);
	case STT_A_SESSION_TX_EPOCH:
		return put8(out, chance(a, 8) ? pick(a, 256) : pick(a, EPOCHS));
	default:
		return put8(out, pick(a, 256));
	}
}

/* ------------------------------------------------------------------------ */
/* Messages                                                                 */

static bool room(const struct message *m)
{
	return m->len + 256 < sizeof(m->bytes);
}

void request_begin(struct actor *a, struct message *m, uint8_t cmd, uint16_t flags)
{
	struct netlink *n = a->own;
	struct nlmsghdr *nlh = (void *)m->bytes;
	struct genlmsghdr *genl = (void *)(m->bytes + NLMSG_HDRLEN);

	memset(m, 0, sizeof(*m));
	nlh->nlmsg_type = n->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++n->seq;
	genl->cmd = cmd;
	genl->version = chance(a, 30) ? pick(a, 256) : STT_GENL_VERSION;
	m->len = NLMSG_HDRLEN + GENL_HDRLEN;
}

void request_end(struct message *m)
{
	((struct nlmsghdr *)m->bytes)->nlmsg_len = m->len;
}

/* Returns where the attribute begins, for attr_close(). */
static size_t attr_open(struct message *m, uint16_t type)
{
	struct nlattr *attr = (void *)(m->bytes + m->len);

	attr->nla_type = type;
	m->len += NLA_HDRLEN;
	return m->len - NLA_HDRLEN;
}

/* One attribute in so many says of itself what is not true. */
static void attr_close(struct actor *a, struct message *m, size_t at)
{
	struct nlattr *attr = (void *)(m->bytes + at);

	attr->nla_len = m->len - at;
	m->len = NLA_ALIGN(m->len);
	if (!chance(a, 60))
		return;
	switch (pick(a, 4)) {
	case 0:
		attr->nla_len = pick(a, 80);
		break;
	case 1:
		attr->nla_len = pick(a, 65536);
		break;
	case 2:
		attr->nla_type ^= 1 << (14 + pick(a, 2));
		break;
	default:
		attr->nla_type = pick(a, 40);
		break;
	}
}

static void put_attr(struct actor *a, struct message *m, uint16_t type,
		     size_t (*value)(struct actor *a, int type, uint8_t *out))
{
	size_t at;

	if (!room(m))
		return;
	at = attr_open(m, type);
	m->len += value(a, type, m->bytes + m->len);
	if (chance(a, 60))
		m->len = at + NLA_HDRLEN + pick(a, 64);
	attr_close(a, m, at);
}

static void put_key(struct actor *a, struct message *m)
{
	size_t at;

	if (!room(m))
		return;
	at = attr_open(m, STT_A_SESSION_KEY | NLA_F_NESTED);
	for (int type = STT_A_KEY_EPOCH; type <= STT_A_KEY_SECRET; type++)
		if (!chance(a, 25))
			put_attr(a, m, type, value_key_attr);
	if (chance(a, 3))
		put_attr(a, m, STT_A_KEY_WAITING, value_key_attr);
	if (chance(a, 20))
		put_attr(a, m, pick(a, STT_A_KEY_MAX + 3), value_key_attr);
	attr_close(a, m, at);
}

/* Nests where none belong, up to five in each other. */
static void put_nests(struct actor *a, struct message *m)
{
	size_t at[5], depth = 1 + pick(a, ARRAY_SIZE(at));

	if (!room(m))
		return;
	for (size_t i = 0; i < depth; i++)
		at[i] = attr_open(m, pick(a, STT_A_SESSION_MAX + 2) |
				  (chance(a, 2) ? NLA_F_NESTED : 0));
	m->len += pick(a, 9);
	while (depth--)
		attr_close(a, m, at[depth]);
}

/* The attributes that a command takes; those of keys have a nest. */
static const struct {
	uint8_t cmd;
	bool dumps;
	uint8_t attrs[8];
} commands[] = {
	{ STT_CMD_INFO_GET, false, { 0 } },
	{ STT_CMD_NODE_NEW, false, { STT_A_NODE_SOCKET_FD, STT_A_NODE_HEARTBEAT_MS } },
	{ STT_CMD_NODE_GET, true, { STT_A_NODE_ID } },
	{ STT_CMD_NODE_DEL, false, { STT_A_NODE_ID, STT_A_NODE_CLOSE_REASON } },
	{ STT_CMD_SESSION_NEW, false,
	  { STT_A_SESSION_NODE, STT_A_SESSION_ID, STT_A_SESSION_PEER_IPV4,
	    STT_A_SESSION_PEER_PORT, STT_A_SESSION_KEY, STT_A_SESSION_KEY } },
	{ STT_CMD_SESSION_NEW, false,
	  { STT_A_SESSION_NODE, STT_A_SESSION_ID, STT_A_SESSION_PEER_IPV6,
	    STT_A_SESSION_PEER_PORT, STT_A_SESSION_KEY, STT_A_SESSION_KEY,
	    STT_A_SESSION_PEER_ID, STT_A_SESSION_HEARTBEAT_MS } },
	{ STT_CMD_SESSION_GET, true, { STT_A_SESSION_NODE, STT_A_SESSION_ID } },
	{ STT_CMD_SESSION_SET, false,
	  { STT_A_SESSION_NODE, STT_A_SESSION_ID, STT_A_SESSION_PEER_IPV4,
	    STT_A_SESSION_PEER_PORT } },
	{ STT_CMD_SESSION_SET, false,
	  { STT_A_SESSION_NODE, STT_A_SESSION_ID, STT_A_SESSION_HEARTBEAT_MS,
	    STT_A_SESSION_TX_EPOCH } },
	{ STT_CMD_SESSION_SET, false,
	  { STT_A_SESSION_NODE, STT_A_SESSION_ID, STT_A_SESSION_STATE } },
	{ STT_CMD_SESSION_DEL, false,
	  { STT_A_SESSION_NODE, STT_A_SESSION_ID, STT_A_SESSION_CLOSE_REASON } },
	{ STT_CMD_KEY_NEW, false, { STT_A_SESSION_NODE, STT_A_SESSION_ID, STT_A_SESSION_KEY } },
	{ STT_CMD_KEY_DEL, false, { STT_A_SESSION_NODE, STT_A_SESSION_ID, STT_A_SESSION_KEY } },
	{ STT_CMD_SOCKET_GET, true, { 0 } },
};

static bool of_node(uint8_t cmd)
{
	return cmd >= STT_CMD_NODE_NEW && cmd <= STT_CMD_NODE_DEL;
}

static void put_any(struct actor *a, struct message *m, uint8_t cmd, uint8_t type)
{
	if (of_node(cmd))
		put_attr(a, m, type, value_node_attr);
	else if (type == STT_A_SESSION_KEY)
		put_key(a, m);
	else
		put_attr(a, m, type, value_session_attr);
}

/* Ends are rarer than beginnings. */
static unsigned int choose_command(struct actor *a)
{
	unsigned int i = pick(a, ARRAY_SIZE(commands));

	if ((commands[i].cmd == STT_CMD_NODE_DEL && !chance(a, 10)) ||
	    (commands[i].cmd == STT_CMD_SESSION_DEL && !chance(a, 3)))
		return pick(a, ARRAY_SIZE(commands));
	return i;
}

void request_sensible(struct actor *a, struct message *m)
{
	unsigned int i = choose_command(a);
	uint16_t flags = chance(a, 3) ? 0 : NLM_F_ACK;

	if (commands[i].dumps ? chance(a, 2) : chance(a, 40))
		flags |= NLM_F_DUMP;
	request_begin(a, m, chance(a, 60) ? pick(a, 256) : commands[i].cmd, flags);
	for (size_t n = 0; n < sizeof(commands[i].attrs) && commands[i].attrs[n]; n++)
		if (!chance(a, 25))
			put_any(a, m, commands[i].cmd, commands[i].attrs[n]);
	while (chance(a, 5))
		put_any(a, m, commands[i].cmd, pick(a, STT_A_SESSION_MAX + 3));
	if (chance(a, 25))
		put_nests(a, m);
	request_end(m);
}
