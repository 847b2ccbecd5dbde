// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole way with libc and <linux/stt.h> alone: netlink messages made by
 * hand, two nodes on loopback, a session with static keys, an echo over AF_STT
 * sockets. What a program must do that has no library.
 */
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/stt.h>
#include <stdbool.h>
#include <stdint.h>

#include "ksft.h"
#include "tap.h"

#define SESSION	0x1122334455667788ULL

struct netlink {
	int fd;
	uint16_t family;
	uint32_t seq;
};

/* A request or an answer; made by hand, so it must be aligned as netlink is. */
struct message {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	uint8_t attrs[4096];
};

/* One end: a UDP socket that is a node, and an AF_STT socket on it. */
struct end {
	int udp, fd;
	uint32_t node;
	struct sockaddr_in addr;
};

static struct netlink nl;
static uint32_t family;
static struct end a, b;
static const uint8_t secret_ab[STT_KEY_LEN] = "a secret for the frames a to b";
static const uint8_t secret_ba[STT_KEY_LEN] = "a secret for the frames b to a";

/* ------------------------------------------------------------------------ */
/* Netlink by hand                                                          */

static void begin(struct message *m, uint16_t type, uint8_t cmd, uint8_t version)
{
	memset(m, 0, sizeof(*m));
	m->nl.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	m->nl.nlmsg_type = type;
	m->nl.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	m->nl.nlmsg_seq = ++nl.seq;
	m->genl.cmd = cmd;
	m->genl.version = version;
}

static struct nlattr *put(struct message *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr *attr = (void *)((uint8_t *)m + m->nl.nlmsg_len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy(attr + 1, data, len);
	m->nl.nlmsg_len += NLA_ALIGN(attr->nla_len);
	return attr;
}

static void put_u8(struct message *m, uint16_t type, uint8_t value)
{
	put(m, type, &value, sizeof(value));
}

static void put_u32(struct message *m, uint16_t type, uint32_t value)
{
	put(m, type, &value, sizeof(value));
}

static void put_u64(struct message *m, uint16_t type, uint64_t value)
{
	put(m, type, &value, sizeof(value));
}

static const struct nlattr *find(const struct message *m, uint16_t type)
{
	size_t at = NLMSG_LENGTH(GENL_HDRLEN);

	while (at + NLA_HDRLEN <= m->nl.nlmsg_len) {
		const struct nlattr *attr = (const void *)((const uint8_t *)m + at);

		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		if (attr->nla_len < NLA_HDRLEN)
			break;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

/* A number of the answer, or 0. */
static uint32_t find_u32(const struct message *m, uint16_t type)
{
	const struct nlattr *attr = find(m, type);
	uint32_t value = 0;

	if (attr && attr->nla_len == NLA_HDRLEN + sizeof(value))
		memcpy(&value, attr + 1, sizeof(value));
	return value;
}

/* Send @m and read up to the acknowledgment. The answer, if any, is in @answer. */
static int ask(const struct message *m, struct message *answer)
{
	union {
		struct nlmsghdr h;
		uint8_t bytes[8192];
	} buf;
	const struct nlmsghdr *h = &buf.h;
	ssize_t len;

	if (send(nl.fd, m, m->nl.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		len = recv(nl.fd, &buf, sizeof(buf), 0);
		if (len < (ssize_t)sizeof(*h) || h->nlmsg_seq != nl.seq)
			return len < 0 ? -errno : -EPROTO;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		if (answer && h->nlmsg_len <= sizeof(*answer))
			memcpy(answer, h, h->nlmsg_len);
	}
}

static bool netlink_open(void)
{
	static const struct timeval five_s = { .tv_sec = 5 };
	struct message m, answer = { 0 };
	const struct nlattr *id;

	nl.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl.fd < 0)
		return false;
	setsockopt(nl.fd, SOL_SOCKET, SO_RCVTIMEO, &five_s, sizeof(five_s));
	begin(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	put(&m, CTRL_ATTR_FAMILY_NAME, STT_GENL_NAME, sizeof(STT_GENL_NAME));
	if (ask(&m, &answer))
		return false;
	id = find(&answer, CTRL_ATTR_FAMILY_ID);
	if (id)
		memcpy(&nl.family, id + 1, sizeof(nl.family));
	return nl.family;
}

static void begin_stt(struct message *m, uint8_t cmd)
{
	begin(m, nl.family, cmd, STT_GENL_VERSION);
}

/* ------------------------------------------------------------------------ */
/* Nodes, sessions, sockets                                                 */

static uint32_t get_family(void)
{
	struct message m, answer = { 0 };

	begin_stt(&m, STT_CMD_INFO_GET);
	return ask(&m, &answer) ? 0 : find_u32(&answer, STT_A_INFO_FAMILY);
}

static bool attach(struct end *e)
{
	struct message m, answer = { 0 };
	socklen_t len = sizeof(e->addr);

	e->addr = (struct sockaddr_in) {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	e->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (e->udp < 0 || bind(e->udp, (struct sockaddr *)&e->addr, len) ||
	    getsockname(e->udp, (struct sockaddr *)&e->addr, &len))
		return false;
	begin_stt(&m, STT_CMD_NODE_NEW);
	put_u32(&m, STT_A_NODE_SOCKET_FD, e->udp);
	if (ask(&m, &answer))
		return false;
	e->node = find_u32(&answer, STT_A_NODE_ID);
	return e->node;
}

static void put_key(struct message *m, uint8_t direction, const uint8_t *secret)
{
	struct nlattr *nest = put(m, STT_A_SESSION_KEY | NLA_F_NESTED, NULL, 0);

	put_u8(m, STT_A_KEY_EPOCH, 0);
	put_u8(m, STT_A_KEY_DIRECTION, direction);
	put_u8(m, STT_A_KEY_SUITE, STT_SUITE_CHACHA20POLY1305);
	put(m, STT_A_KEY_SECRET, secret, STT_KEY_LEN);
	nest->nla_len = (uint8_t *)m + m->nl.nlmsg_len - (uint8_t *)nest;
}

static int session_new(const struct end *e, const struct end *peer, const uint8_t *tx,
		       const uint8_t *rx)
{
	struct message m;

	begin_stt(&m, STT_CMD_SESSION_NEW);
	put_u32(&m, STT_A_SESSION_NODE, e->node);
	put_u64(&m, STT_A_SESSION_ID, SESSION);
	put(&m, STT_A_SESSION_PEER_IPV4, &peer->addr.sin_addr, 4);
	put(&m, STT_A_SESSION_PEER_PORT, &peer->addr.sin_port, 2);
	put_key(&m, STT_DIRECTION_TX, tx);
	put_key(&m, STT_DIRECTION_RX, rx);
	return ask(&m, NULL);
}

static int session_command(const struct end *e, uint8_t cmd, struct message *answer)
{
	struct message m;

	begin_stt(&m, cmd);
	put_u32(&m, STT_A_SESSION_NODE, e->node);
	put_u64(&m, STT_A_SESSION_ID, SESSION);
	return ask(&m, answer);
}

static struct sockaddr_stt address(const struct end *e, uint64_t session, uint32_t stream)
{
	return (struct sockaddr_stt) {
		.sstt_family = family, .sstt_node = e->node,
		.sstt_session = session, .sstt_stream = stream,
	};
}

static bool open_socket(struct end *e)
{
	static const struct timeval five_s = { .tv_sec = 5 };

	e->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return e->fd >= 0 &&
	       !setsockopt(e->fd, SOL_SOCKET, SO_RCVTIMEO, &five_s, sizeof(five_s));
}

/* a has sent to b: b reads it, and answers to where it came from. */
static bool echo_back(const uint8_t *sent, size_t len, uint32_t stream)
{
	struct sockaddr_stt from;
	socklen_t fromlen = sizeof(from);
	uint8_t got[2048];
	ssize_t n;

	n = recvfrom(b.fd, got, sizeof(got), 0, (struct sockaddr *)&from, &fromlen);
	return n == (ssize_t)len && !memcmp(got, sent, len) && fromlen == sizeof(from) &&
	       from.sstt_family == family && from.sstt_type == STT_MSG_DATA &&
	       from.sstt_node == b.node && from.sstt_session == SESSION &&
	       from.sstt_stream == stream &&
	       sendto(b.fd, got, n, 0, (struct sockaddr *)&from, fromlen) == n;
}

static bool echo(size_t len, uint32_t stream)
{
	uint8_t sent[2048], got[2048];

	memset(sent, len & 0xff, sizeof(sent));
	return send(a.fd, sent, len, 0) == (ssize_t)len && echo_back(sent, len, stream) &&
	       recv(a.fd, got, sizeof(got), 0) == (ssize_t)len && !memcmp(got, sent, len);
}

static void test_netlink(void)
{
	struct message answer = { 0 };

	tap_ok(family > 0, "the kernel tells the number of the family: %u", family);
	tap_ok(attach(&a), "a UDP socket becomes a node");
	tap_ok(attach(&b) && b.node != a.node, "another one, with another number");
	tap_ok(session_new(&a, &b, secret_ab, secret_ba) == 0, "a session with its keys");
	tap_ok(session_new(&b, &a, secret_ba, secret_ab) == 0, "its other half");
	tap_ok(session_new(&a, &b, secret_ab, secret_ba) == -EEXIST, "not twice");
	tap_ok(session_command(&a, STT_CMD_SESSION_GET, &answer) == 0 &&
	       find_u32(&answer, STT_A_SESSION_STATE) == STT_SESSION_STATE_ACTIVE,
	       "it is active");
}

static void test_sockets(void)
{
	struct sockaddr_stt any = address(&b, STT_SESSION_ANY, 0);
	struct sockaddr_stt to = address(&a, SESSION, 7);
	uint32_t mtu = 0;
	socklen_t len = sizeof(mtu);

	any.sstt_flags = STT_ADDR_STREAM_ANY;
	tap_ok(open_socket(&a) && open_socket(&b), "A16 sockets of the family");
	tap_ok(bind(b.fd, (struct sockaddr *)&any, sizeof(any)) == 0, "A16 bind");
	tap_ok(connect(a.fd, (struct sockaddr *)&to, sizeof(to)) == 0, "A16 connect");
	tap_ok(getsockopt(a.fd, SOL_STT, STT_MTU, &mtu, &len) == 0 && mtu > 1400,
	       "A16 how long a message may be");
	tap_ok(echo(0, 7), "A16 echo of nothing");
	tap_ok(echo(1, 7), "A16 echo of a byte");
	tap_ok(echo(1400, 7), "A16 echo of 1400 bytes");
}

static void test_end(void)
{
	struct message m;
	uint8_t byte;

	tap_ok(session_command(&a, STT_CMD_SESSION_DEL, NULL) == 0, "the session ends");
	tap_ok(recv(a.fd, &byte, 1, 0) < 0 && errno == ENOENT, "its socket says so");
	begin_stt(&m, STT_CMD_NODE_DEL);
	put_u32(&m, STT_A_NODE_ID, a.node);
	tap_ok(ask(&m, NULL) == 0, "the node ends");
	close(b.udp);
	tap_ok(recv(b.fd, &byte, 1, 0) < 0 && errno == ENODEV, "so does that of a closed socket");
}

int main(void)
{
	ksft_own_netns();
	if (!netlink_open())
		ksft_skip_all("the module stt is not loaded");
	family = get_family();
	tap_plan(18);
	test_netlink();
	test_sockets();
	test_end();
	return tap_exit();
}
