// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* R4, R19: which sockets can become a node, and that they are given back whole. */
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/peer.h"

#define ID 0xa77ULL

static bool refused(struct stt_ctl *ctl, int fd, int err)
{
	uint32_t id = 0;
	int ret = stt_ctl_node_new(ctl, fd, NULL, &id);

	check_is(ret, err);
	check_is(id, 0);
	check(stt_errmsg()[0]);
	return true;
}

static int bound_socket(int domain, int type, int protocol)
{
	union stt_addr any = { .in = { .sin_family = domain } };
	int fd = keep(socket(domain, type | SOCK_CLOEXEC, protocol));

	return fd >= 0 && !bind(fd, &any.sa, addr_len(&any)) ? fd : -1;
}

static bool wrong_sockets(int arg)
{
	struct stt_ctl *ctl;
	struct stt_info info;
	int closed;

	(void)arg;
	check(ctl_open(&ctl, PATH_V4, 0));
	closed = dup(0);
	close(closed);
	check(refused(ctl, closed, -EBADF));
	check(refused(ctl, 1000000, -EBADF));
	check(refused(ctl, keep(open("/dev/null", O_RDWR)), -ENOTSOCK));
	check(refused(ctl, bound_socket(AF_INET, SOCK_STREAM, 0), -EPROTOTYPE));
	check(refused(ctl, bound_socket(AF_INET6, SOCK_STREAM, 0), -EPROTOTYPE));
	check(refused(ctl, keep(socket(AF_UNIX, SOCK_DGRAM, 0)), -EPROTOTYPE));
	check(refused(ctl, keep(socket(AF_INET, SOCK_RAW, IPPROTO_UDP)), -EPROTOTYPE));
	check(refused(ctl, stt_socket(PATH_V4, 0), -EPROTOTYPE));
	check(refused(ctl, keep(socket(AF_INET, SOCK_DGRAM, 0)), -EDESTADDRREQ));
	check(refused(ctl, keep(socket(AF_INET6, SOCK_DGRAM, 0)), -EDESTADDRREQ));
	check_is(stt_ctl_info(ctl, &info), 0);
	check_is(info.nodes, 0);
	return true;
}

static bool twice(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check(refused(d.k.ctl, d.k.udp, -EBUSY));
	check(refused(d.k.ctl, keep(dup(d.k.udp)), -EBUSY));
	check(duo_quiet(&d));
	return true;
}

static bool other_namespace(int arg)
{
	union stt_addr addr;
	struct stt_ctl *ctl;
	int fd;

	(void)arg;
	fd = udp_open(PATH_V4, 1, &addr);
	check(ctl_open(&ctl, PATH_V4, 0));
	check(refused(ctl, fd, -EXDEV));
	return true;
}

static bool heartbeat_limits(int arg)
{
	static const uint32_t bad[] = { 1, 99, 24 * 3600 * 1000 + 1, 0xffffffff };
	static const uint32_t good[] = { 0, 100, 30000, 24 * 3600 * 1000 };
	struct stt_node_info info;
	union stt_addr addr;
	struct stt_ctl *ctl;
	uint32_t id;
	int fd;

	(void)arg;
	check(ctl_open(&ctl, PATH_V4, 0));
	fd = udp_open(PATH_V4, 0, &addr);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		check_is(stt_ctl_node_new(ctl, fd, &bad[i], &id), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		check_is(stt_ctl_node_new(ctl, fd, &good[i], &id), 0);
		check_is(stt_ctl_node_get(ctl, id, &info), 0);
		check_is(info.heartbeat_ms, good[i]);
		check_is(stt_ctl_node_del(ctl, id, 0), 0);
	}
	check_is(stt_ctl_node_new(ctl, fd, NULL, &id), 0);
	check_is(stt_ctl_node_get(ctl, id, &info), 0);
	check_is(info.heartbeat_ms, 30000);
	check(addr_equal(&info.local, &addr));
	check_is(info.uid, 0);
	return true;
}

/* Attached and given back many times, the socket is plain UDP in between. */
static bool given_back(int path)
{
	struct peer p;
	struct side s;

	check(side_open(&s, path, 0));
	check(peer_open(&p, path, 1));
	p.to = s.addr;
	for (int i = 0; i < 20; i++) {
		uint32_t id;

		check_is(side_session(&s, ID, &p.addr), 0);
		check_is(stt_ctl_node_del(s.ctl, s.node, 0), 0);
		check_is(recv(p.fd, &id, 1, 0), 1);	/* the goodbye */
		check(peer_raw(&p, "plain", 5));
		check(receives(s.udp, "plain", 5));
		check_is(sendto(s.udp, "back", 4, 0, &p.addr.sa, addr_len(&p.addr)), 4);
		check(receives(p.fd, "back", 4));
		check(is_empty(s.udp));
		check_is(stt_ctl_node_new(s.ctl, s.udp, NULL, &id), 0);
		check(id != s.node);
		s.node = id;
	}
	return true;
}

/* What came in before the socket was attached is not lost. */
static bool came_before(int path)
{
	uint8_t hello[STT_HS_HELLO_LEN] = { STT_FRAME_HELLO };
	union stt_addr addr;
	struct peer p;
	struct side s = { .path = path };
	int fd;

	check(peer_open(&p, path, 1));
	s.udp = udp_open(path, 0, &addr);
	p.to = addr;
	check(ctl_open(&s.ctl, path, 0));
	check(peer_raw(&p, "\x10 early", 7));
	check(peer_raw(&p, hello, sizeof(hello)));
	check_is(stt_ctl_node_new(s.ctl, s.udp, NULL, &s.node), 0);
	check_is(node_stat(&s, STT_A_STATS_DROP_MALFORMED), 1);
	check_is(node_stat(&s, STT_A_STATS_DROP_HANDSHAKE), 1);
	fd = stt_bound_handshake(&s);
	check(fd >= 0);
	hello[1] = 1;
	check(peer_raw(&p, hello, sizeof(hello)));
	check(receives(fd, hello, sizeof(hello)));
	return true;
}

/* While attached, the program sends through the socket, but gets nothing. */
static bool while_attached(int path)
{
	union stt_addr from;
	socklen_t len = sizeof(from);
	char buf[10];
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(sendto(d.k.udp, "answer", 6, 0, &d.p.addr.sa, addr_len(&d.p.addr)), 6);
	check_is(recvfrom(d.p.fd, buf, sizeof(buf), 0, &from.sa, &len), 6);
	check(addr_equal(&from, &d.k.addr));
	check(duo_quiet(&d));
	check(peer_raw(&d.p, "hello", 5));
	check(is_empty(d.k.udp));
	check(!readable(d.k.udp, 0));
	return true;
}

/* ICMP errors of what the program sends go to the program. */
static bool icmp_errors(int arg)
{
	struct pollfd pfd = { .events = POLLERR };
	union stt_addr closed;
	struct iovec iov = { (char[10]) { 0 }, 10 };
	char control[512] __attribute__((aligned(8)));
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct sock_extended_err *err;
	int on = 1, fd;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	fd = udp_open(PATH_V4, 1, &closed);
	drop(fd);
	check_is(setsockopt(d.k.udp, SOL_IP, IP_RECVERR, &on, sizeof(on)), 0);
	check_is(sendto(d.k.udp, "x", 1, 0, &closed.sa, addr_len(&closed)), 1);
	pfd.fd = d.k.udp;
	check_is(poll(&pfd, 1, TIMEOUT_MS), 1);
	check_is(recvmsg(d.k.udp, &msg, MSG_ERRQUEUE), 1);
	err = (void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
	check_is(err->ee_errno, ECONNREFUSED);
	check_is(err->ee_origin, SO_EE_ORIGIN_ICMP);
	/* And it does not stop the node. */
	check(duo_quiet(&d));
	check_is(send(d.fd, "x", 1, 0), 1);
	return true;
}

static bool addrform(int arg)
{
	int family = AF_INET;
	union stt_addr mapped;
	struct duo d;
	char text[64];

	(void)arg;
	check(duo_open(&d, PATH_MIXED, ID));
	snprintf(text, sizeof(text), "::ffff:%s", env("NS_B4"));
	mapped = addr_of(text, ntohs(d.p.addr.in.sin_port));
	check_is(connect(d.k.udp, &mapped.sa, addr_len(&mapped)), 0);
	check_fails(setsockopt(d.k.udp, SOL_IPV6, IPV6_ADDRFORM, &family, sizeof(family)), EBUSY);
	check(duo_quiet(&d));
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	check_is(setsockopt(d.k.udp, SOL_IPV6, IPV6_ADDRFORM, &family, sizeof(family)), 0);
	return true;
}

/* Options that a program may set at any time do not take the node away. */
static bool encap_option(int path)
{
	int off = 0, on = 1;
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(setsockopt(d.k.udp, IPPROTO_UDP, UDP_ENCAP, &off, sizeof(off)), 0);
	setsockopt(d.k.udp, IPPROTO_UDP, UDP_GRO, &off, sizeof(off));
	check(duo_quiet(&d));
	setsockopt(d.k.udp, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
	check(duo_quiet(&d));
	drop(d.k.udp);
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), -ENODEV);
	return true;
}

static bool many_nodes(int path)
{
	uint32_t last = 0;
	struct side s;

	for (int i = 0; i < 200; i++) {
		check(side_open(&s, path, 0));
		check(s.node > last);
		last = s.node;
		if (i % 2)
			drop(s.udp);
	}
	return true;
}

static const struct test tests[] = {
	{ "R4 what is no bound UDP socket is refused", wrong_sockets, 0 },
	{ "R4 an attached socket is refused: EBUSY", twice, 0 },
	{ "R4 a socket of another network namespace is refused", other_namespace, 0 },
	{ "R23 the node's heartbeat, its limits and default", heartbeat_limits, 0 },
	{ "R14 given back twenty times, plain UDP in between, IPv4", given_back, PATH_V4 },
	{ "R14 given back twenty times, plain UDP in between, IPv6", given_back, PATH_V6 },
	{ "R16 what came before is taken in", came_before, PATH_V4 },
	{ "R16 while attached the program sends, and reads nothing", while_attached, PATH_V4 },
	{ "R9 ICMP errors are in the socket's error queue", icmp_errors, 0 },
	{ "R4 IPV6_ADDRFORM: not while attached", addrform, 0 },
	{ "R4 UDP_ENCAP and UDP_GRO of the program do no harm", encap_option, PATH_V4 },
	{ "A3 200 nodes, ids are not used again at once", many_nodes, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
