// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/late_page.c */
/*
 * R4, A26: what the owner of a UDP socket may do to it while a node has it, and
 * how it is given back.
 */
#include <linux/udp.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/late_page.h"
#include "lib/peer.h"

#define ID 0x0dbULL
#define SEGMENT 100
#define BATCH 10

static bool option_is(int fd, int level, int opt, int wanted)
{
	int value = -1;
	socklen_t len = sizeof(value);

	check_is(getsockopt(fd, level, opt, &value, &len), 0);
	check_is(value, wanted);
	return true;
}

static int set_option(int fd, int level, int opt, int value)
{
	return setsockopt(fd, level, opt, &value, sizeof(value));
}

/* ------------------------------------------------------------------------ */
/* The socket's lock is held while frames arrive                            */

struct cork {
	struct late_page *late;
	struct worker w;
	int udp;
	union stt_addr to;
};

/* Sleeps in the kernel with the lock of the socket. */
static long corked_send(void *arg)
{
	struct cork *c = arg;

	return sendto(c->udp, c->late->page, 16, MSG_MORE, &c->to.sa, addr_len(&c->to));
}

static bool cork_hold(struct cork *c, int udp, const union stt_addr *to)
{
	c->udp = udp;
	c->to = *to;
	check(worker_start(&c->w, corked_send, c));
	check(late_page_wait(c->late));
	return true;
}

static bool cork_let_go(struct cork *c)
{
	check(late_page_fill(c->late, "corked", 6));
	check_is(worker_join(&c->w), 16);
	check_is(sendto(c->udp, "", 0, 0, &c->to.sa, addr_len(&c->to)), 0);
	return true;
}

static bool frames_arrive(struct duo *d, int n)
{
	for (int i = 0; i < n; i++) {
		check(peer_send(&d->p, &i, sizeof(i)));
		check(receives(d->fd, &i, sizeof(i)));
	}
	return true;
}

/* A socket with SO_PEEK_OFF may take its lock to account for what it gives. */
static bool peek_off(int path)
{
	static struct cork c;
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	check_is(set_option(d.k.udp, SOL_SOCKET, SO_PEEK_OFF, 0), 0);
	check_is(stt_ctl_node_new(d.k.ctl, d.k.udp, &(uint32_t) { 0 }, &d.k.node), 0);
	check_is(side_session(&d.k, ID, &d.p.addr), 0);
	d.fd = stt_connected(&d.k, ID, 0);
	c.late = late_page_open();
	if (!c.late)
		return skip_test("no userfaultfd");
	check(cork_hold(&c, d.k.udp, &d.p.addr));
	check(frames_arrive(&d, 50));
	check_is(send(d.fd, "out", 3, 0), 3);
	check(cork_let_go(&c));
	check_is(set_option(d.k.udp, SOL_SOCKET, SO_PEEK_OFF, 4), 0);
	check(frames_arrive(&d, 50));
	return true;
}

static long node_new(void *arg)
{
	struct side *s = arg;

	return stt_ctl_node_new(s->ctl, s->udp, NULL, &s->node);
}

static long node_del(void *arg)
{
	struct side *s = arg;

	return stt_ctl_node_del(s->ctl, s->node, 0);
}

/* The socket is taken, and given back, when its lock is free. */
static bool attach_waits(int arg)
{
	struct side s = { .path = PATH_V4 };
	static struct cork c, again;
	static struct worker w;
	struct peer p;

	(void)arg;
	check(ctl_open(&s.ctl, PATH_V4, 0));
	s.udp = udp_open(PATH_V4, 0, &s.addr);
	check(peer_open(&p, PATH_V4, 1));
	c.late = late_page_open();
	again.late = late_page_open();
	if (!c.late || !again.late)
		return skip_test("no userfaultfd");
	check(cork_hold(&c, s.udp, &p.addr));
	check(worker_start(&w, node_new, &s));
	check(cork_let_go(&c));
	check_is(worker_join(&w), 0);
	check(cork_hold(&again, s.udp, &p.addr));
	check(worker_start(&w, node_del, &s));
	check(cork_let_go(&again));
	check_is(worker_join(&w), 0);
	return true;
}

/* ------------------------------------------------------------------------ */
/* Tunnels, ports                                                           */

/* @type is one that leaves frames alone, or not: the node ends with its socket. */
static bool becomes_tunnel(int type)
{
	struct duo d;

	check(duo_open(&d, PATH_V4, ID));
	if (set_option(d.k.udp, IPPROTO_UDP, UDP_ENCAP, type) && errno == ENOPROTOOPT)
		return skip_test("no such UDP_ENCAP");
	if (type == UDP_ENCAP_L2TPINUDP)
		check(frames_arrive(&d, 5));
	else
		check(peer_send(&d.p, "to whom?", 8));
	check_is(send(d.fd, "out", 3, 0), 3);
	drop(d.k.udp);
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), -ENODEV);
	check_fails(send(d.fd, "out", 3, 0), ENODEV);
	return true;
}

/* Refused whole: nothing of the socket is changed. */
static bool is_tunnel(int path)
{
	struct stt_ctl *ctl;
	union stt_addr addr;
	struct peer p;
	uint32_t id;
	int fd;

	check(ctl_open(&ctl, path, 0));
	fd = udp_open(path, 0, &addr);
	check_is(set_option(fd, IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_L2TPINUDP), 0);
	check_is(stt_ctl_node_new(ctl, fd, NULL, &id), -EBUSY);
	check(strstr(stt_errmsg(), "tunnel"));
	check(option_is(fd, IPPROTO_UDP, UDP_GRO, 0));
	check(peer_open(&p, path, 1));
	p.to = addr;
	check(peer_raw(&p, "plain", 5));
	check(receives(fd, "plain", 5));
	return true;
}

static uint16_t port_of(int fd)
{
	union stt_addr a;
	socklen_t len = sizeof(a);

	return getsockname(fd, &a.sa, &len) ? 0 : ntohs(a.in.sin_port);
}

/* The kernel chose the port; a disconnect would give it back. */
static bool keeps_port(int path)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };
	uint16_t port;
	struct duo d;

	check(duo_open(&d, path, ID));
	port = port_of(d.k.udp);
	check_is(connect(d.k.udp, &d.p.addr.sa, addr_len(&d.p.addr)), 0);
	check(frames_arrive(&d, 2));
	check_is(connect(d.k.udp, &none, sizeof(none)), 0);
	check_is(port_of(d.k.udp), port);
	check(frames_arrive(&d, 2));
	check_is(send(d.fd, "out", 3, 0), 3);
	check(peer_hears(&d.p, STT_MSG_DATA, "out", 3));

	/* Without a node it is as it always was. */
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	check_is(connect(d.k.udp, &none, sizeof(none)), 0);
	check_is(port_of(d.k.udp), 0);
	return true;
}

/* Options of an IPv6 socket are the owner's, but for the one that is another socket. */
static bool v6_options(int arg)
{
	int form = AF_INET;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V6, ID));
	check_is(set_option(d.k.udp, SOL_IPV6, IPV6_TCLASS, 0x20), 0);
	check(option_is(d.k.udp, SOL_IPV6, IPV6_TCLASS, 0x20));
	check_is(set_option(d.k.udp, SOL_IPV6, IPV6_RECVPKTINFO, 1), 0);
	check(option_is(d.k.udp, SOL_IPV6, IPV6_RECVPKTINFO, 1));
	check_fails(set_option(d.k.udp, SOL_IPV6, IPV6_TCLASS, 256), EINVAL);
	check_fails(setsockopt(d.k.udp, SOL_IPV6, IPV6_TCLASS, &form, 2), EINVAL);
	check_fails(setsockopt(d.k.udp, SOL_IPV6, IPV6_TCLASS, (void *)8, sizeof(int)), EFAULT);
	check_fails(set_option(d.k.udp, SOL_IPV6, 9999, 1), ENOPROTOOPT);
	check(option_is(d.k.udp, SOL_IPV6, IPV6_TCLASS, 0x20));
	check_fails(set_option(d.k.udp, SOL_IPV6, IPV6_ADDRFORM, form), EBUSY);
	check(frames_arrive(&d, 5));
	/* Without a node, IPv6 itself has the word again. */
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	check_fails(set_option(d.k.udp, SOL_IPV6, IPV6_ADDRFORM, form), ENOTCONN);
	return true;
}

/* ------------------------------------------------------------------------ */
/* A socket that is bound to an address of others                           */

/* IP_TRANSPARENT lets a proxy send in the name of somebody else. */
static int foreign_socket(int path, union stt_addr *addr)
{
	union stt_addr a = addr_of(path == PATH_V6 ? "fd99::1" : "10.99.0.1", 0);
	socklen_t len = sizeof(*addr);
	int fd, err;

	if (!enter(path, 0))
		return -1;
	fd = keep(socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	if (path == PATH_V6)
		err = set_option(fd, SOL_IPV6, IPV6_TRANSPARENT, 1);
	else
		err = set_option(fd, SOL_IP, IP_TRANSPARENT, 1);
	return err || bind(fd, &a.sa, addr_len(&a)) || getsockname(fd, &addr->sa, &len) ? -1 : fd;
}

static bool comes_from(const struct peer *p, const union stt_addr *addr, ssize_t wanted)
{
	uint8_t bytes[100];
	union stt_addr from;
	socklen_t len = sizeof(from);

	check_is(recvfrom(p->fd, bytes, sizeof(bytes), 0, &from.sa, &len), wanted);
	check(addr_equal(&from, addr));
	return true;
}

static bool transparent(int path)
{
	struct side s = { .path = path };
	struct peer p;
	int fd;

	s.udp = foreign_socket(path, &s.addr);
	check(s.udp >= 0);
	check(peer_open(&p, path, 1));
	check_is(sendto(s.udp, "x", 1, 0, &p.addr.sa, addr_len(&p.addr)), 1);
	check(comes_from(&p, &s.addr, 1));

	check(ctl_open(&s.ctl, path, 0));
	check_is(stt_ctl_node_new(s.ctl, s.udp, &(uint32_t) { 0 }, &s.node), 0);
	check_is(side_session(&s, ID, &p.addr), 0);
	fd = stt_connected(&s, ID, 0);
	check(fd >= 0);
	for (int i = 0; i < 3; i++) {
		check_is(send(fd, "x", 1, 0), 1);
		check(comes_from(&p, &s.addr, 1 + FRAME_OVERHEAD));
	}
	check_is(node_stat(&s, STT_A_STATS_TX_ERRORS), 0);
	return true;
}

/* ------------------------------------------------------------------------ */
/* Batches                                                                  */

static bool batch_comes_apart(int fd, struct peer *p)
{
	uint8_t out[BATCH * SEGMENT];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = i / SEGMENT;
	check(peer_send_batch(p, out, sizeof(out), SEGMENT));
	for (int i = 0; i < BATCH; i++)
		check(receives(fd, out + i * SEGMENT, SEGMENT));
	check(is_empty(fd));
	return true;
}

static bool batch_of_frames(struct duo *d)
{
	uint8_t out[BATCH * SEGMENT], text[SEGMENT - FRAME_OVERHEAD] = { 0 };

	for (int i = 0; i < BATCH; i++) {
		struct frame f = peer_next(&d->p, text, sizeof(text));

		text[0] = i;
		check_is(peer_seal(&d->p, out + i * SEGMENT, &f), SEGMENT);
	}
	check(peer_send_batch(&d->p, out, sizeof(out), SEGMENT));
	for (int i = 0; i < BATCH; i++) {
		text[0] = i;
		check(receives(d->fd, text, sizeof(text)));
	}
	return true;
}

/* Nobody gets merged datagrams who did not ask for them. */
static bool gro_given_back(int path)
{
	uint32_t id;
	struct duo d;

	check(duo_open(&d, path, ID));
	check(option_is(d.k.udp, IPPROTO_UDP, UDP_GRO, 1));
	check(batch_of_frames(&d));
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	check(option_is(d.k.udp, IPPROTO_UDP, UDP_GRO, 0));
	check(batch_comes_apart(d.k.udp, &d.p));
	check_is(set_option(d.k.udp, IPPROTO_UDP, UDP_GRO, 1), 0);
	check_is(stt_ctl_node_new(d.k.ctl, d.k.udp, NULL, &id), 0);
	check_is(stt_ctl_node_del(d.k.ctl, id, 0), 0);
	check(option_is(d.k.udp, IPPROTO_UDP, UDP_GRO, 1));
	return true;
}

/* ------------------------------------------------------------------------ */
/* UDP checksums                                                            */

static uint32_t sum(uint32_t acc, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		acc += i % 2 ? b[i] : b[i] << 8;
	return acc;
}

static uint32_t sum_address(uint32_t acc, const union stt_addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		return sum(acc, &a->in6.sin6_addr, 16);
	return sum(acc, &a->in.sin_addr, 4);
}

/* A UDP datagram with a checksum that is off by @damage. Returns its length. */
static size_t make_datagram(uint8_t *out, const struct peer *p, const void *payload, size_t len,
			    uint16_t damage)
{
	struct udphdr h = {
		.source = p->addr.in.sin_port,
		.dest = p->to.in.sin_port,
		.len = htons(sizeof(h) + len),
	};
	uint32_t acc = IPPROTO_UDP + sizeof(h) + len;

	acc = sum_address(sum_address(acc, &p->addr), &p->to);
	acc = sum(sum(acc, &h, sizeof(h)), payload, len);
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	h.check = htons((~acc & 0xffff) ^ damage);
	memcpy(out, &h, sizeof(h));
	memcpy(out + sizeof(h), payload, len);
	return sizeof(h) + len;
}

static bool send_damaged(const struct peer *p, const void *payload, size_t len, uint16_t damage)
{
	union stt_addr to = p->to, from = p->addr;
	uint8_t out[500];
	size_t n = make_datagram(out, p, payload, len, damage);
	int fd;

	check(enter(p->path, p->end));
	to.in.sin_port = 0;
	from.in.sin_port = 0;
	fd = keep(socket(to.sa.sa_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP));
	check(fd >= 0);
	check_is(bind(fd, &from.sa, addr_len(&from)), 0);
	check_is(sendto(fd, out, n, 0, &to.sa, addr_len(&to)), n);
	drop(fd);
	return true;
}

/* UDP itself looks at short ones; the checksum of long ones is left to the reader. */
static bool checksum_handshake(int path)
{
	struct sockaddr_stt hs;
	uint8_t text[STT_HS_HELLO_LEN] = { STT_FRAME_HELLO };
	uint8_t brief[STT_HS_PROOF_LEN] = { STT_FRAME_FINAL };
	struct duo d;
	int fd;

	check(duo_open(&d, path, ID));
	fd = stt_socket(path, 0);
	hs = stt_at(&d.k, 0, 0);
	hs.sstt_type = STT_MSG_HANDSHAKE;
	check_is(stt_bind_at(fd, &hs), 0);

	check(send_damaged(&d.p, text, sizeof(text), 0));
	check(receives(fd, text, sizeof(text)));
	check(send_damaged(&d.p, text, sizeof(text), 0x0100));
	check(send_damaged(&d.p, brief, sizeof(brief), 0x0100));
	check(send_damaged(&d.p, brief, sizeof(brief), 0));
	check(receives(fd, brief, sizeof(brief)));
	check(is_empty(fd));
	check_is(node_stat(&d.k, STT_A_STATS_DROP_MALFORMED), 1);
	check_is(node_stat(&d.k, STT_A_STATS_RX_HANDSHAKE), 2);
	return true;
}

/* Not accepted, so it is no replay when it comes again undamaged. */
static bool checksum_frame(int path)
{
	uint8_t text[200] = { 7 }, out[300];
	struct frame f;
	struct duo d;
	size_t len;

	check(duo_open(&d, path, ID));
	f = peer_next(&d.p, text, sizeof(text));
	len = peer_seal(&d.p, out, &f);
	check(send_damaged(&d.p, out, len, 0x0001));
	check(is_empty(d.fd));
	check_is(node_stat(&d.k, STT_A_STATS_DROP_MALFORMED), 1);
	check_is(session_stat(&d.k, ID, STT_A_STATS_RX_FRAMES), 0);
	check(send_damaged(&d.p, out, len, 0));
	check(receives(d.fd, text, sizeof(text)));
	check_is(node_stat(&d.k, STT_A_STATS_DROP_REPLAYED), 0);
	check(duo_quiet(&d));
	return true;
}

static const struct test tests[] = {
	{ "R16 SO_PEEK_OFF, the socket's lock held by a corked send, IPv4", peek_off, PATH_V4 },
	{ "R16 SO_PEEK_OFF, the socket's lock held by a corked send, IPv6", peek_off, PATH_V6 },
	{ "R4 node new and del wait for a corked send", attach_waits, 0 },
	{ "A4 UDP_ENCAP becomes L2TP while attached, then close", becomes_tunnel,
		UDP_ENCAP_L2TPINUDP },
	{ "A4 UDP_ENCAP becomes ESP while attached, then close", becomes_tunnel,
		UDP_ENCAP_ESPINUDP },
	{ "A2 a tunnel's socket is refused and unchanged, IPv4", is_tunnel, PATH_V4 },
	{ "A2 a tunnel's socket is refused and unchanged, IPv6", is_tunnel, PATH_V6 },
	{ "R4 a disconnect leaves the port to the node, IPv4", keeps_port, PATH_V4 },
	{ "R4 a disconnect leaves the port to the node, IPv6", keeps_port, PATH_V6 },
	{ "R4 options of an attached IPv6 socket, and IPV6_ADDRFORM: EBUSY", v6_options, 0 },
	{ "R4 a transparent socket: sent from its address, which is not local, IPv4",
	  transparent, PATH_V4 },
	{ "R4 a transparent socket: sent from its address, which is not local, IPv6",
	  transparent, PATH_V6 },
	{ "R14 UDP_GRO is as it was after the node, IPv4", gro_given_back, PATH_V4 },
	{ "R14 UDP_GRO is as it was after the node, IPv6", gro_given_back, PATH_V6 },
	{ "R16 a handshake with a bad UDP checksum is dropped, IPv4", checksum_handshake, PATH_V4 },
	{ "R16 a handshake with a bad UDP checksum is dropped, IPv6", checksum_handshake, PATH_V6 },
	{ "A24 a frame with a bad UDP checksum is dropped, IPv4", checksum_frame, PATH_V4 },
	{ "A24 a frame with a bad UDP checksum is dropped, IPv6", checksum_frame, PATH_V6 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
