// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* R16: handshake frames go to the handshake socket as they came, nothing else does. */
#include <net/if.h>
#include <netinet/udp.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define ID 0x4a4ULL

static uint8_t bytes[2000], got[2000];

struct raw {
	struct side s;
	struct peer p;
	int fd;
};

static bool raw_open(struct raw *r, enum path path)
{
	check(side_open(&r->s, path, 0));
	check(peer_open(&r->p, path, 1));
	r->p.to = r->s.addr;
	r->fd = stt_bound_handshake(&r->s);
	check(r->fd >= 0);
	randombytes_buf(bytes, sizeof(bytes));
	bytes[0] = 1;
	return true;
}

/* A received datagram with its addresses. */
struct datagram {
	ssize_t len;
	struct sockaddr_stt name;
	union stt_addr peer, local;
};

static bool recv_datagram(int fd, struct datagram *d)
{
	char control[256] __attribute__((aligned(8)));
	struct iovec iov = { got, sizeof(got) };
	struct msghdr msg = {
		.msg_name = &d->name, .msg_namelen = sizeof(d->name),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cm;

	memset(d, 0, sizeof(*d));
	d->len = recvmsg(fd, &msg, 0);
	check(d->len >= 0);
	for (cm = CMSG_FIRSTHDR(&msg); cm; cm = CMSG_NXTHDR(&msg, cm)) {
		union stt_addr *out = cm->cmsg_type == STT_CMSG_PEER_ADDR ? &d->peer : &d->local;

		check_is(cm->cmsg_level, SOL_STT);
		check(cm->cmsg_len <= CMSG_LEN(sizeof(*out)));
		memcpy(out, CMSG_DATA(cm), cm->cmsg_len - CMSG_LEN(0));
	}
	return true;
}

static bool addresses(int path)
{
	struct datagram d;
	struct raw r;

	check(raw_open(&r, path));
	check(peer_raw(&r.p, bytes, STT_HS_HELLO_LEN));
	check(recv_datagram(r.fd, &d));
	check_is(d.len, STT_HS_HELLO_LEN);
	check(!memcmp(got, bytes, STT_HS_HELLO_LEN));
	check(addr_equal(&d.peer, &r.p.addr));
	check(addr_equal(&d.local, &r.s.addr));
	check_is(d.name.sstt_type, STT_MSG_HANDSHAKE);
	check_is(d.name.sstt_node, r.s.node);
	check(d.name.sstt_session == 0 && d.name.sstt_stream == 0);
	check_is(node_stat(&r.s, STT_A_STATS_RX_HANDSHAKE), 1);
	return true;
}

/* The length of handshake frames of this type; 0: there are none. */
static size_t length_of(int type)
{
	static const size_t lens[] = {
		[STT_FRAME_HELLO] = STT_HS_HELLO_LEN,
		[STT_FRAME_RESPONSE] = STT_HS_RESPONSE_LEN,
		[STT_FRAME_AUTH_PROOF] = STT_HS_PROOF_LEN,
		[STT_FRAME_FINAL] = STT_HS_PROOF_LEN,
	};

	return type < (int)ARRAY_SIZE(lens) ? lens[type] : 0;
}

/* Each type in its own length, one byte less and more, and some that none has. */
static bool types(int path)
{
	unsigned int dropped = 0;
	struct datagram d;
	struct raw r;

	check(raw_open(&r, path));
	for (int type = 0; type < 256; type++) {
		size_t len = length_of(type) ?: STT_HS_PROOF_LEN;

		if (type == STT_FRAME_TRANSPORT)
			continue;
		bytes[0] = type;
		check(peer_raw(&r.p, bytes, len - 1));
		check(peer_raw(&r.p, bytes, len + 1));
		check(peer_raw(&r.p, bytes, 1));
		check(peer_raw(&r.p, bytes, 1400));
		dropped += 4;
		check(is_empty(r.fd));
		check(peer_raw(&r.p, bytes, len));
		if (!length_of(type)) {
			check(is_empty(r.fd));
			dropped++;
			continue;
		}
		check(recv_datagram(r.fd, &d));
		check_is(d.len, len);
		check(!memcmp(got, bytes, len));
	}
	check_is(node_stat(&r.s, STT_A_STATS_DROP_HS_MALFORMED), dropped);
	check(peer_raw(&r.p, bytes, 0));
	check(is_empty(r.fd));
	check_is(node_stat(&r.s, STT_A_STATS_DROP_MALFORMED), 1);
	return true;
}

static bool only_one(int path)
{
	struct sockaddr_stt at, to;
	struct raw r;
	int second;

	check(raw_open(&r, path));
	second = stt_socket(path, 0);
	at = stt_at(&r.s, 0, 0);
	at.sstt_type = STT_MSG_HANDSHAKE;
	check_fails(stt_bind_at(second, &at), EADDRINUSE);
	drop(r.fd);
	check(peer_raw(&r.p, bytes, STT_HS_HELLO_LEN));
	check_is(node_stat(&r.s, STT_A_STATS_DROP_HANDSHAKE), 1);
	check_is(stt_bind_at(second, &at), 0);
	check(peer_raw(&r.p, bytes, STT_HS_HELLO_LEN));
	check_is(recv(second, got, sizeof(got), 0), STT_HS_HELLO_LEN);
	/* It only receives. */
	check_is(side_session(&r.s, ID, &r.p.addr), 0);
	to = stt_at(&r.s, ID, 0);
	check_fails(stt_connect_at(second, &to), EOPNOTSUPP);
	check_fails(send(second, "x", 1, 0), EDESTADDRREQ);
	return true;
}

static bool batch(int path)
{
	const size_t total = 10 * STT_HS_HELLO_LEN + STT_HS_PROOF_LEN;
	const size_t step = STT_HS_HELLO_LEN;
	struct datagram d;
	struct raw r;

	check(raw_open(&r, path));
	for (int i = 0; i < 11; i++)
		bytes[step * i] = i == 10 ? STT_FRAME_FINAL : STT_FRAME_HELLO;
	check(peer_send_batch(&r.p, bytes, total, step));
	for (int i = 0; i < 11; i++) {
		check(recv_datagram(r.fd, &d));
		check_is(d.len, i == 10 ? STT_HS_PROOF_LEN : STT_HS_HELLO_LEN);
		check(!memcmp(got, bytes + step * i, d.len));
		check(addr_equal(&d.peer, &r.p.addr));
		check(addr_equal(&d.local, &r.s.addr));
	}
	check(is_empty(r.fd));
	return true;
}

static bool full(int path)
{
	int size = 4096, n = 0;
	struct raw r;

	check(raw_open(&r, path));
	check_is(setsockopt(r.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	for (int i = 0; i < 200; i++)
		check(peer_raw(&r.p, bytes, STT_HS_HELLO_LEN));
	while (recv(r.fd, got, sizeof(got), MSG_DONTWAIT) == STT_HS_HELLO_LEN)
		n++;
	check(n > 0 && n < 20);
	check_is(node_stat(&r.s, STT_A_STATS_DROP_HANDSHAKE), 200 - n);
	check_is(node_stat(&r.s, STT_A_STATS_RX_HANDSHAKE), n);
	check(peer_raw(&r.p, bytes, STT_HS_HELLO_LEN));
	check_is(recv(r.fd, got, sizeof(got), 0), STT_HS_HELLO_LEN);
	return true;
}

/* A link-local address that vm_raw.sh has set, with the scope it has at that end. */
static bool link_local(int end, const char *text, const char *dev, union stt_addr *out)
{
	check(enter(PATH_V6, end));
	*out = addr_of(text, 0);
	out->in6.sin6_scope_id = if_nametoindex(dev);
	return out->in6.sin6_scope_id != 0;
}

/* A peer on a link-local address: the scope comes with it, and is used. */
static bool scope(int arg)
{
	union stt_addr a, b, any;
	struct datagram d;
	struct raw r;
	struct frame f;
	int fd;

	(void)arg;
	r.s = (struct side) { .path = PATH_V6 };
	check(link_local(1, "fe80::b", "to_a", &b));
	check(link_local(0, "fe80::a", "to_b", &a));
	r.s.udp = udp_open_at(PATH_V6, 0, "::", &any);
	check(ctl_open(&r.s.ctl, PATH_V6, 0));
	check_is(stt_ctl_node_new(r.s.ctl, r.s.udp, NULL, &r.s.node), 0);
	r.fd = stt_bound_handshake(&r.s);

	r.p = (struct peer) { .path = PATH_V6, .end = 1, .session = ID };
	check(enter(PATH_V6, 1));
	r.p.fd = keep(socket(AF_INET6, SOCK_DGRAM, 0));
	check_is(bind(r.p.fd, &b.sa, sizeof(b.in6)), 0);
	check(set_timeout(r.p.fd, TIMEOUT_MS));
	r.p.to = a;
	r.p.to.in6.sin6_scope_id = b.in6.sin6_scope_id;
	r.p.to.in6.sin6_port = any.in6.sin6_port;
	bytes[0] = STT_FRAME_HELLO;
	check(peer_raw(&r.p, bytes, STT_HS_HELLO_LEN));
	check(recv_datagram(r.fd, &d));
	check(!memcmp(&d.peer.in6.sin6_addr, &b.in6.sin6_addr, 16));
	check_is(d.peer.in6.sin6_scope_id, a.in6.sin6_scope_id);
	check(!memcmp(&d.local.in6.sin6_addr, &a.in6.sin6_addr, 16));
	check_is(d.local.in6.sin6_scope_id, a.in6.sin6_scope_id);

	check_is(side_session(&r.s, ID, &d.peer), 0);
	fd = stt_connected(&r.s, ID, 0);
	check_is(send(fd, "x", 1, 0), 1);
	check(peer_recv(&r.p, &f, got, NULL));
	check(peer_send(&r.p, "y", 1));
	check(receives(fd, "y", 1));
	return true;
}

static const struct test tests[] = {
	{ "R16 a datagram with its addresses, IPv4", addresses, PATH_V4 },
	{ "R16 a datagram with its addresses, IPv6", addresses, PATH_V6 },
	{ "R16 a datagram with its addresses, IPv4 on a dual-stack node", addresses, PATH_MIXED },
	{ "R16 a datagram with its addresses, loopback", addresses, PATH_LO6 },
	{ "R16 handshake types in their length, and nothing else", types, PATH_V4 },
	{ "R16 a node has one handshake socket, and it only receives", only_one, PATH_V4 },
	{ "R16 a batch of datagrams is split, IPv4", batch, PATH_V4 },
	{ "R16 a batch of datagrams is split, IPv6", batch, PATH_V6 },
	{ "R16 a full handshake socket drops, counts and recovers", full, PATH_V4 },
	{ "R16 link-local peers come with their scope", scope, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
