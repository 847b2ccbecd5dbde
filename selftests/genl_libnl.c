// SPDX-License-Identifier: GPL-2.0-only
/* packages: libnl-genl-3.0 */
/*
 * The netlink family through libnl: every command, reply, list and event, and
 * the texts of refusals, as a program sees them that shares no code with
 * libstt-user. Nothing is sent to anybody.
 */
#include <arpa/inet.h>
#include <sys/stat.h>

#include "genl_ask.h"
#include "ksft.h"

#define SESSION		0x0123456789abcdefULL
#define PORT		7777
#define STATS_SENT	(STT_A_STATS_MAX - STT_A_STATS_PAD)
/* Six of them are nobody's account, see Documentation/uapi.md. */
#define SESSION_STATS_SENT (STATS_SENT - 6)

static struct nl_sock *events;
static unsigned int seen[STT_CMD_MAX + 1];	/* events by command */
static uint64_t event_session;
static uint32_t event_node;
static int udp[2];
static uint16_t port[2];
static uint32_t node[2];

/* ------------------------------------------------------------------------ */
/* Events                                                                   */

static int on_event(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[STT_A_SESSION_MAX + 1];
	int cmd = genlmsg_hdr(nlmsg_hdr(msg))->cmd;

	(void)arg;
	genlmsg_parse(nlmsg_hdr(msg), 0, tb, STT_A_SESSION_MAX, NULL);
	if (cmd <= STT_CMD_MAX)
		seen[cmd]++;
	if (cmd == STT_CMD_NODE_NEW_NTF || cmd == STT_CMD_NODE_DEL_NTF)
		event_node = tb[STT_A_NODE_ID] ? nla_get_u32(tb[STT_A_NODE_ID]) : 0;
	else
		event_session = tb[STT_A_SESSION_ID] ? nla_get_u64(tb[STT_A_SESSION_ID]) : 0;
	return NL_OK;
}

/* They are queued before the request that made them is acknowledged. */
static bool event(int cmd, unsigned int wanted)
{
	unsigned int got;

	while (nl_recvmsgs_default(events) >= 0)
		;
	got = seen[cmd];
	memset(seen, 0, sizeof(seen));
	return got == wanted;
}

static void open_events(void)
{
	int group;

	events = nl_socket_alloc();
	if (!events || genl_connect(events))
		tap_bail("no second netlink socket");
	nl_socket_disable_seq_check(events);
	nl_socket_modify_cb(events, NL_CB_VALID, NL_CB_CUSTOM, on_event, NULL);
	nl_socket_modify_cb(events, NL_CB_MSG_IN, NL_CB_CUSTOM, look_for_secrets, NULL);
	nl_socket_set_nonblocking(events);
	group = genl_ctrl_resolve_grp(sk, STT_GENL_NAME, STT_GENL_MCGRP_EVENTS);
	tap_ok(group > 0 && !nl_socket_add_membership(events, group), "the group of the events");
}

/* ------------------------------------------------------------------------ */
/* Parts of requests                                                        */

static void secret(uint8_t *to, uint8_t number)
{
	memset(to, 0xc0 | number, STT_KEY_LEN);
}

static void put_key(struct nl_msg *msg, uint8_t direction, uint8_t epoch, uint8_t which)
{
	struct nlattr *nest = nla_nest_start(msg, STT_A_SESSION_KEY | NLA_F_NESTED);
	uint8_t bytes[STT_KEY_LEN];

	secret(bytes, which);
	nla_put_u8(msg, STT_A_KEY_EPOCH, epoch);
	nla_put_u8(msg, STT_A_KEY_DIRECTION, direction);
	nla_put_u8(msg, STT_A_KEY_SUITE, STT_SUITE_CHACHA20POLY1305);
	nla_put(msg, STT_A_KEY_SECRET, sizeof(bytes), bytes);
	nla_nest_end(msg, nest);
}

static void put_peer(struct nl_msg *msg, uint16_t to)
{
	struct in_addr loopback = { htonl(INADDR_LOOPBACK) };

	nla_put(msg, STT_A_SESSION_PEER_IPV4, sizeof(loopback), &loopback);
	nla_put_u16(msg, STT_A_SESSION_PEER_PORT, htons(to));
}

static struct nl_msg *session_request(int cmd, uint32_t n, uint64_t id)
{
	struct nl_msg *msg = request(cmd, 0);

	nla_put_u32(msg, STT_A_SESSION_NODE, n);
	nla_put_u64(msg, STT_A_SESSION_ID, id);
	return msg;
}

static struct nl_msg *session_new(uint32_t n, uint64_t id, uint32_t state)
{
	struct nl_msg *msg = session_request(STT_CMD_SESSION_NEW, n, id);

	nla_put_u32(msg, STT_A_SESSION_STATE, state);
	nla_put_u32(msg, STT_A_SESSION_HEARTBEAT_MS, 0);
	put_peer(msg, PORT);
	put_key(msg, STT_DIRECTION_TX, 0, 1);
	put_key(msg, STT_DIRECTION_RX, 0, 2);
	return msg;
}

static int udp_socket(uint16_t *bound)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		tap_bail("no UDP socket: %s", strerror(errno));
	*bound = ntohs(addr.sin_port);
	return fd;
}

/* Done, and without a reply. */
static bool done(struct nl_msg *msg, struct answer *a)
{
	return ask(msg, a) == 0 && !a->replies;
}

static int node_new(int fd, struct answer *a)
{
	struct nl_msg *msg = request(STT_CMD_NODE_NEW, 0);

	nla_put_u32(msg, STT_A_NODE_SOCKET_FD, fd);
	return ask(msg, a);
}

/* ------------------------------------------------------------------------ */
/* The tests                                                                */

static void test_info(struct answer *a)
{
	bool all = true;

	tap_ok(ask(request(STT_CMD_INFO_GET, 0), a) == 0 && a->replies == 1, "info: one reply");
	for (int i = 1; i <= STT_A_INFO_MAX; i++)
		all &= !!a->tb[i];
	tap_ok(all, "info: all attributes");
	tap_ok(number(a, STT_A_INFO_WIRE_VERSION) == 1 && number(a, STT_A_INFO_NODES) == 0 &&
	       number(a, STT_A_INFO_MESSAGE_MAX) == STT_MESSAGE_MAX &&
	       number(a, STT_A_INFO_SUITES) & 1U << STT_SUITE_CHACHA20POLY1305,
	       "info: their values");
	tap_ok(nla_get_string(a->tb[STT_A_INFO_MODULE_VERSION])[0], "info: version of the module");
}

static unsigned int count_stats(struct nlattr *nest)
{
	struct nlattr *tb[STT_A_STATS_MAX + 1];
	unsigned int n = 0;

	if (!nest || nla_parse_nested(tb, STT_A_STATS_MAX, nest, NULL))
		return 0;
	for (int i = STT_A_STATS_PAD + 1; i <= STT_A_STATS_MAX; i++)
		n += tb[i] && nla_len(tb[i]) == sizeof(uint64_t);
	return n;
}

/* Does the reply have this attribute, and no other? */
static bool alone(const struct answer *a, int attr)
{
	struct nlmsghdr *h = a->kept ? nlmsg_hdr(a->kept) : NULL;
	struct nlattr *first;

	if (a->replies != 1 || !h)
		return false;
	first = genlmsg_attrdata(nlmsg_data(h), 0);
	return nla_type(first) == attr &&
	       (int)NLA_ALIGN(first->nla_len) == genlmsg_attrlen(nlmsg_data(h), 0);
}

static void test_nodes(struct answer *a)
{
	struct stat st;

	for (int i = 0; i < 2; i++) {
		udp[i] = udp_socket(&port[i]);
		tap_ok(node_new(udp[i], a) == 0 && alone(a, STT_A_NODE_ID),
		       "node new: its reply is the id");
		node[i] = number(a, STT_A_NODE_ID);
		tap_ok(event(STT_CMD_NODE_NEW_NTF, 1) && event_node == node[i], "event: node new");
	}
	tap_ok(ask_about(STT_CMD_NODE_GET, node[0], 0, a) == 0 && a->replies == 1 &&
	       number(a, STT_A_NODE_ID) == node[0] &&
	       number(a, STT_A_NODE_LOCAL_PORT) == htons(port[0]) &&
	       number(a, STT_A_NODE_LOCAL_IPV4) == htonl(INADDR_LOOPBACK) &&
	       number(a, STT_A_NODE_UID) == getuid() && number(a, STT_A_NODE_SESSIONS) == 0,
	       "node get");
	tap_ok(!fstat(udp[0], &st) && number(a, STT_A_NODE_INODE) == st.st_ino,
	       "node get: which socket it is");
	tap_ok(number(a, STT_A_NODE_HEARTBEAT_MS) == 30000, "node get: heartbeat by default");
	tap_ok(count_stats(a->tb[STT_A_NODE_STATS]) == STATS_SENT, "node get: all counters");
	tap_ok(count(STT_CMD_NODE_GET, 0, a) == 2, "list of nodes");
}

static unsigned int count_keys(const struct answer *a)
{
	struct nlmsghdr *h = nlmsg_hdr(a->kept);
	struct nlattr *nla, *tb[STT_A_KEY_MAX + 1];
	unsigned int n = 0;
	int rem;

	nla_for_each_attr(nla, genlmsg_attrdata(nlmsg_data(h), 0),
			  genlmsg_attrlen(nlmsg_data(h), 0), rem) {
		if (nla_type(nla) != STT_A_SESSION_KEY ||
		    nla_parse_nested(tb, STT_A_KEY_MAX, nla, NULL))
			continue;
		n += tb[STT_A_KEY_EPOCH] && tb[STT_A_KEY_DIRECTION] && tb[STT_A_KEY_SUITE] &&
		     tb[STT_A_KEY_COUNTER] && !tb[STT_A_KEY_SECRET];
	}
	return n;
}

static void test_session(struct answer *a)
{
	tap_ok(done(session_new(node[0], SESSION, STT_SESSION_STATE_PENDING), a),
	       "session new");
	tap_ok(event(STT_CMD_SESSION_NEW_NTF, 1) && event_session == SESSION,
	       "event: session new");
	tap_ok(ask_about(STT_CMD_SESSION_GET, node[0], SESSION, a) == 0 && a->replies == 1 &&
	       number(a, STT_A_SESSION_NODE) == node[0] &&
	       number(a, STT_A_SESSION_ID) == SESSION &&
	       number(a, STT_A_SESSION_STATE) == STT_SESSION_STATE_PENDING &&
	       number(a, STT_A_SESSION_PEER_PORT) == htons(PORT) &&
	       number(a, STT_A_SESSION_PEER_IPV4) == htonl(INADDR_LOOPBACK) &&
	       number(a, STT_A_SESSION_TX_EPOCH) == 0 && number(a, STT_A_SESSION_RX_EPOCH) == 0,
	       "session get");
	tap_ok(count_keys(a) == 2, "session get: its keys, without secrets");
	tap_ok(count_stats(a->tb[STT_A_SESSION_STATS]) == SESSION_STATS_SENT,
	       "session get: all counters");
	tap_ok(number(a, STT_A_SESSION_MTU) > 1400 && number(a, STT_A_SESSION_IDLE_RX_MS) < 60000 &&
	       number(a, STT_A_SESSION_IDLE_TX_MS) < 60000, "session get: MTU, idle times");
	ask(session_new(node[1], SESSION, STT_SESSION_STATE_ACTIVE), a);
	tap_ok(count(STT_CMD_SESSION_GET, 0, a) == 2, "list of sessions");
	tap_ok(count(STT_CMD_SESSION_GET, node[1], a) == 1 &&
	       number(a, STT_A_SESSION_NODE) == node[1], "list of the sessions of a node");
	event(0, 0);
}

static void test_set(struct answer *a)
{
	struct nl_msg *msg = session_request(STT_CMD_SESSION_SET, node[0], SESSION);

	nla_put_u32(msg, STT_A_SESSION_STATE, STT_SESSION_STATE_ACTIVE);
	tap_ok(done(msg, a) && event(STT_CMD_SESSION_STATE_NTF, 1),
	       "session set: active, with its event");
	msg = session_request(STT_CMD_SESSION_SET, node[0], SESSION);
	put_peer(msg, PORT + 1);
	nla_put_u32(msg, STT_A_SESSION_HEARTBEAT_MS, 60000);
	tap_ok(done(msg, a) && event(STT_CMD_SESSION_MOVED_NTF, 1),
	       "session set: another address, with its event");
	ask_about(STT_CMD_SESSION_GET, node[0], SESSION, a);
	tap_ok(number(a, STT_A_SESSION_STATE) == STT_SESSION_STATE_ACTIVE &&
	       number(a, STT_A_SESSION_PEER_PORT) == htons(PORT + 1) &&
	       number(a, STT_A_SESSION_HEARTBEAT_MS) == 60000, "session set: all of it is there");
}

static int ask_key(int cmd, uint8_t direction, uint8_t epoch, uint8_t which, struct answer *a)
{
	struct nl_msg *msg = session_request(cmd, node[0], SESSION);

	put_key(msg, direction, epoch, which);
	return ask(msg, a) ?: (int)a->replies;
}

static void test_keys(struct answer *a)
{
	struct nl_msg *msg;

	tap_ok(ask_key(STT_CMD_KEY_NEW, STT_DIRECTION_RX, 1, 3, a) == 0 &&
	       ask_key(STT_CMD_KEY_NEW, STT_DIRECTION_TX, 1, 4, a) == 0, "key new");
	ask_about(STT_CMD_SESSION_GET, node[0], SESSION, a);
	tap_ok(count_keys(a) == 4 && number(a, STT_A_SESSION_TX_EPOCH) == 0,
	       "key new: they are there, the old one sends");
	msg = session_request(STT_CMD_SESSION_SET, node[0], SESSION);
	nla_put_u8(msg, STT_A_SESSION_TX_EPOCH, 1);
	ask(msg, a);
	ask_about(STT_CMD_SESSION_GET, node[0], SESSION, a);
	tap_ok(number(a, STT_A_SESSION_TX_EPOCH) == 1, "session set: epoch to send");
	tap_ok(ask_key(STT_CMD_KEY_DEL, STT_DIRECTION_RX, 0, 0, a) == 0, "key del");
	ask_about(STT_CMD_SESSION_GET, node[0], SESSION, a);
	tap_ok(count_keys(a) == 2, "key del: it is gone");
}

static void test_sockets(uint32_t family, struct answer *a)
{
	struct sockaddr_stt addr = {
		.sstt_family = family, .sstt_node = node[0], .sstt_session = SESSION,
		.sstt_stream = 5,
	};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct stat st = { 0 };

	tap_ok(count(STT_CMD_SOCKET_GET, 0, a) == 0, "list of sockets: none");
	if (fd < 0 || fstat(fd, &st) || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		tap_diag("socket: %s", strerror(errno));
	tap_ok(count(STT_CMD_SOCKET_GET, 0, a) == 1 && number(a, STT_A_SOCKET_INODE) == st.st_ino &&
	       number(a, STT_A_SOCKET_NODE) == node[0] &&
	       number(a, STT_A_SOCKET_SESSION) == SESSION &&
	       number(a, STT_A_SOCKET_STREAM) == 5 && !a->tb[STT_A_SOCKET_PEER_SESSION] &&
	       !a->tb[STT_A_SOCKET_SHARERS] &&
	       number(a, STT_A_SOCKET_RX_QUEUE) == 0 && number(a, STT_A_SOCKET_DROPS) == 0,
	       "list of sockets: one that is bound");
	close(fd);
}

static void test_refusals(struct answer *a)
{
	struct nl_msg *msg;

	node_new(udp[0], a);
	tap_ok(refused(a, -EBUSY, "in use by a node"), "refused: a node twice on a socket");
	node_new(1000, a);
	tap_ok(refused(a, -EBADF, "no open socket"), "refused: no such socket");
	ask_about(STT_CMD_NODE_GET, 999, 0, a);
	tap_ok(refused(a, -ENODEV, "no such node"), "refused: no such node");
	ask_about(STT_CMD_SESSION_GET, node[0], 999, a);
	tap_ok(refused(a, -ENOENT, "no such session"), "refused: no such session");
	ask(session_new(node[0], SESSION, STT_SESSION_STATE_ACTIVE), a);
	tap_ok(refused(a, -EEXIST, "this id"), "refused: a session twice");
	ask(session_new(node[0], 5, STT_SESSION_STATE_DEAD), a);
	tap_ok(refused(a, -ERANGE, "range"), "refused: born dead, by the policy");
	ask_key(STT_CMD_KEY_NEW, STT_DIRECTION_TX, 1, 5, a);
	tap_ok(refused(a, -EEXIST, "create-only"), "refused: a key twice");
	ask_key(STT_CMD_KEY_NEW, STT_DIRECTION_TX, 2, 4, a);
	tap_ok(refused(a, -EINVAL, "this secret already"), "refused: a secret twice");
	msg = session_request(STT_CMD_SESSION_SET, node[0], SESSION);
	nla_put_u8(msg, STT_A_SESSION_RX_EPOCH, 1);
	ask(msg, a);
	tap_ok(refused(a, -EINVAL, "Unsupported attribute"), "refused: what only comes out");
	msg = request(STT_CMD_SESSION_NEW, 0);
	nla_put_u32(msg, STT_A_SESSION_NODE, node[0]);
	ask(msg, a);
	tap_ok(a->err == -EINVAL && a->missing == STT_A_SESSION_ID,
	       "refused: it names the attribute that is missing");
	ask(request(STT_CMD_NODE_NEW_NTF, 0), a);
	tap_ok(a->err == -EOPNOTSUPP, "refused: an event is no request");
	tap_ok(event(STT_CMD_SESSION_NEW_NTF, 0) && count(STT_CMD_SESSION_GET, 0, a) == 2,
	       "refused: nothing has changed");
}

static void test_end(struct answer *a)
{
	struct nl_msg *msg = session_new(node[0], SESSION, STT_SESSION_STATE_ACTIVE);

	tap_ok(ask_about(STT_CMD_SESSION_DEL, node[0], SESSION, a) == 0 && !a->replies &&
	       event(STT_CMD_SESSION_DEL_NTF, 1), "session del, with its event");
	tap_ok(count(STT_CMD_SESSION_GET, node[0], a) == 0, "session del: it is gone");
	tap_ok(ask_about(STT_CMD_NODE_DEL, node[1], 0, a) == 0 && !a->replies &&
	       event(STT_CMD_SESSION_DEL_NTF, 1), "node del: its session goes, with an event");
	close(udp[0]);
	tap_ok(event(STT_CMD_NODE_DEL_NTF, 1) && event_node == node[0],
	       "a closed socket: its node goes, with an event");
	tap_ok(count(STT_CMD_NODE_GET, 0, a) == 0, "no node is left");
	tap_ok(!secret_came_out, "no secret was in any message");
	look_for_secrets(msg, NULL);
	tap_ok(secret_came_out, "where there is one, it is found");
	nlmsg_free(msg);
}

static bool open_netlink(void)
{
	int on = 1;

	sk = nl_socket_alloc();
	if (!sk || genl_connect(sk))
		tap_bail("no netlink socket");
	genl = genl_ctrl_resolve(sk, STT_GENL_NAME);
	if (genl < 0)
		return false;
	nl_socket_modify_cb(sk, NL_CB_MSG_IN, NL_CB_CUSTOM, look_for_secrets, NULL);
	return !setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) &&
	       !setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

int main(void)
{
	struct answer a = { 0 };
	uint32_t family;

	ksft_own_netns();
	if (!open_netlink())
		ksft_skip_all("the module stt is not loaded");
	tap_plan(51);
	open_events();
	test_info(&a);
	family = number(&a, STT_A_INFO_FAMILY);
	test_nodes(&a);
	test_session(&a);
	test_set(&a);
	test_keys(&a);
	test_sockets(family, &a);
	test_refusals(&a);
	test_end(&a);
	nlmsg_free(a.kept);
	nl_socket_free(events);
	nl_socket_free(sk);
	return tap_exit();
}
