// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket calls: on AF_STT sockets, and on the UDP sockets of the nodes.
 * Arguments are valid, wrong, too long, too short, unreadable. See fuzz.h.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#define SOCKETS 10
#define DATA_MAX 70000
#define UDP_ENCAP_ESP 2		/* as <netinet/udp.h> has it only in part */

struct sockets {
	int fd[SOCKETS];
	int pipe[2];
	uint8_t data[DATA_MAX];
};

static int fresh_socket(void)
{
	int fd = socket(world_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		fuzz_brief(fd);
	return fd;
}

static void *socket_open(struct actor *a)
{
	struct sockets *s = calloc(1, sizeof(*s));

	(void)a;
	if (!s)
		return NULL;
	for (int i = 0; i < SOCKETS; i++)
		s->fd[i] = fresh_socket();
	if (pipe2(s->pipe, O_CLOEXEC | O_NONBLOCK)) {
		free(s);
		return NULL;
	}
	return s;
}

static void socket_close(struct actor *a)
{
	struct sockets *s = a->own;

	for (int i = 0; i < SOCKETS; i++)
		close(s->fd[i]);
	close(s->pipe[0]);
	close(s->pipe[1]);
	free(s);
}

static int any(struct actor *a)
{
	struct sockets *s = a->own;

	return s->fd[pick(a, SOCKETS)];
}

/* Mostly an address of ours; also other families, cut ones, none. */
static socklen_t some_name(struct actor *a, struct sockaddr_storage *out)
{
	struct sockaddr_stt addr = fuzz_address(a);

	memset(out, 0, sizeof(*out));
	memcpy(out, &addr, sizeof(addr));
	switch (pick(a, 20)) {
	case 0:
		return pick(a, sizeof(addr) + 1);
	case 1:
		return pick(a, sizeof(*out) + 1);
	case 2:
		out->ss_family = pick(a, 46);
		return sizeof(addr);
	default:
		return sizeof(addr);
	}
}

/* ------------------------------------------------------------------------ */
/* Life of a socket                                                         */

static bool make(struct actor *a)
{
	struct sockets *s = a->own;
	int *fd = &s->fd[pick(a, SOCKETS)];

	if (chance(a, 10)) {
		int odd = socket(world_family, pick(a, 12), pick(a, 3));

		if (odd >= 0)
			close(odd);
	}
	close(*fd);
	*fd = fresh_socket();
	return *fd >= 0;
}

static bool do_bind(struct actor *a)
{
	struct sockaddr_storage name;
	socklen_t len = some_name(a, &name);

	return !bind(any(a), (struct sockaddr *)&name, len);
}

static bool do_connect(struct actor *a)
{
	struct sockaddr_storage name;
	socklen_t len = some_name(a, &name);

	return !connect(any(a), (struct sockaddr *)&name, len);
}

static bool disconnect(struct actor *a)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	return !connect(any(a), &none, chance(a, 5) ? pick(a, 3) : sizeof(none));
}

static bool do_shutdown(struct actor *a)
{
	return chance(a, 10) && !shutdown(any(a), (int)pick(a, 5) - 1);
}

static bool not_for_datagrams(struct actor *a)
{
	int fd = any(a), pair[2], ret;

	switch (pick(a, 3)) {
	case 0:
		return !listen(fd, 5);
	case 1:
		ret = accept(fd, NULL, NULL);
		if (ret >= 0)
			close(ret);
		return ret >= 0;
	default:
		return !socketpair(world_family, SOCK_DGRAM, 0, pair);
	}
}

/* ------------------------------------------------------------------------ */
/* Messages                                                                 */

static int some_flags(struct actor *a)
{
	int flags = MSG_DONTWAIT;

	if (chance(a, 6))
		flags = 0;
	if (chance(a, 6))
		flags |= 1 << pick(a, 31);
	if (chance(a, 40))
		flags |= pick(a, 0x7fffffff);
	/* These would have it wait for more, or be killed. */
	return (flags & ~MSG_WAITFORONE) | MSG_NOSIGNAL;
}

/* Up to four pieces of the data, one of them perhaps not there. */
static size_t some_iov(struct actor *a, struct iovec iov[4])
{
	struct sockets *s = a->own;
	size_t n = 1 + (chance(a, 4) ? pick(a, 4) : 0);

	for (size_t i = 0; i < n; i++)
		iov[i] = (struct iovec) { s->data, pick_len(a, chance(a, 4) ? DATA_MAX : 700) };
	if (chance(a, 40))
		iov[pick(a, n)].iov_base = (void *)8;
	return chance(a, 30) ? 0 : n;
}

static size_t some_control(struct actor *a, uint8_t *out, size_t max)
{
	struct cmsghdr *cm = (void *)out;

	if (!chance(a, 10))
		return 0;
	pick_bytes(a, out, max);
	cm->cmsg_len = chance(a, 4) ? pick(a, 200) : CMSG_LEN(4);
	cm->cmsg_level = chance(a, 2) ? SOL_STT : SOL_SOCKET;
	cm->cmsg_type = pick(a, 40);
	return chance(a, 4) ? pick(a, max) : CMSG_SPACE(4);
}

static bool do_send(struct actor *a)
{
	struct sockets *s = a->own;

	return send(any(a), s->data, pick_len(a, chance(a, 4) ? DATA_MAX : 1400),
		    some_flags(a)) >= 0;
}

static bool do_sendmsg(struct actor *a)
{
	uint8_t control[128] __attribute__((aligned(8)));
	struct sockaddr_storage name;
	struct iovec iov[4];
	struct msghdr msg = { .msg_iov = iov, .msg_name = &name, .msg_control = control };

	msg.msg_namelen = some_name(a, &name);
	if (chance(a, 3))
		msg.msg_name = NULL;
	msg.msg_iovlen = some_iov(a, iov);
	msg.msg_controllen = some_control(a, control, sizeof(control));
	return sendmsg(any(a), &msg, some_flags(a)) >= 0;
}

static bool do_sendmmsg(struct actor *a)
{
	struct sockaddr_storage name;
	struct iovec iov[4];
	struct mmsghdr msgs[8] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(msgs); i++) {
		msgs[i].msg_hdr.msg_namelen = some_name(a, &name);
		msgs[i].msg_hdr.msg_name = chance(a, 2) ? &name : NULL;
		msgs[i].msg_hdr.msg_iov = iov;
		msgs[i].msg_hdr.msg_iovlen = some_iov(a, iov);
	}
	return sendmmsg(any(a), msgs, pick(a, ARRAY_SIZE(msgs) + 1), some_flags(a)) > 0;
}

static bool do_recvmsg(struct actor *a)
{
	struct sockets *s = a->own;
	uint8_t control[256], name[64];
	struct iovec iov = { s->data, pick_len(a, DATA_MAX) };
	struct msghdr msg = {
		.msg_name = chance(a, 4) ? NULL : name,
		.msg_namelen = chance(a, 4) ? pick(a, sizeof(name)) : sizeof(name),
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = chance(a, 4) ? pick(a, sizeof(control)) : sizeof(control),
	};

	if (chance(a, 40))
		iov.iov_base = (void *)8;
	return recvmsg(any(a), &msg, some_flags(a)) >= 0;
}

/* Empty a socket, so that there is room for more. */
static bool drain(struct actor *a)
{
	int fd = any(a);
	uint8_t c[64];
	bool some = false;

	/* Behind shutdown() there is no end of nothing. */
	for (int i = 0; i < 200 && recv(fd, c, sizeof(c), MSG_DONTWAIT) >= 0; i++)
		some = true;
	return some;
}

/* Pages of a pipe to a socket. */
static bool do_splice(struct actor *a)
{
	struct sockets *s = a->own;
	ssize_t n = write(s->pipe[1], s->data, 1 + pick_len(a, 8000));

	if (n <= 0)
		n = 4096;
	return splice(s->pipe[0], NULL, any(a), NULL, n, SPLICE_F_NONBLOCK | pick(a, 16)) > 0;
}

static bool do_poll(struct actor *a)
{
	struct pollfd p[3];

	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = (struct pollfd) { .fd = any(a), .events = pick(a, 65536) };
	return poll(p, ARRAY_SIZE(p), pick(a, 3)) > 0;
}

/* ------------------------------------------------------------------------ */
/* Questions and options                                                    */

static bool names(struct actor *a)
{
	uint8_t name[64];
	socklen_t len = chance(a, 3) ? pick(a, 64) : sizeof(name);

	if (chance(a, 2))
		return !getsockname(any(a), (struct sockaddr *)name, &len);
	return !getpeername(any(a), (struct sockaddr *)name, &len);
}

static bool do_ioctl(struct actor *a)
{
	static const unsigned long requests[] = {
		SIOCINQ, SIOCOUTQ, FIONREAD, SIOCGSTAMP, SIOCGIFCONF, SIOCATMARK, 0, 0x89ff,
	};
	/* SIOCGIFCONF writes to where this points: nowhere. */
	long out[16] = { 0 };

	return !ioctl(any(a), requests[pick(a, ARRAY_SIZE(requests))],
		      chance(a, 20) ? (void *)8 : out);
}

static bool attach_filter(struct actor *a, int fd)
{
	struct sock_filter code[3] = {
		{ BPF_LD | BPF_B | BPF_ABS, 0, 0, pick(a, 100) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 0, pick(a, 4) },
		{ BPF_RET | BPF_K, 0, 0, chance(a, 2) ? ~0U : pick(a, 40) },
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };

	return !setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/* Options that would make calls wait for long stay as they are. */
static bool waits(int level, int opt)
{
	return level == SOL_SOCKET && (opt == SO_RCVTIMEO || opt == SO_SNDTIMEO ||
				       opt == 66 || opt == 67 || opt == SO_LINGER);
}

static bool set_option(struct actor *a)
{
	static const int levels[] = {
		SOL_STT, SOL_SOCKET, SOL_SOCKET, SOL_SOCKET, SOL_UDP, SOL_IP,
	};
	int level = levels[pick(a, ARRAY_SIZE(levels))];
	int opt = pick(a, level == SOL_STT ? 8 : 84), v[4];

	if (chance(a, 10))
		return attach_filter(a, any(a));
	if (waits(level, opt))
		return false;
	pick_bytes(a, v, sizeof(v));
	v[0] = chance(a, 2) ? (int)pick(a, 2) : (int)pick(a, 300000);
	return !setsockopt(any(a), level, opt, v, chance(a, 6) ? pick(a, 17) : sizeof(*v));
}

static bool get_option(struct actor *a)
{
	int level = chance(a, 2) ? SOL_STT : SOL_SOCKET, v[16];
	socklen_t len = chance(a, 3) ? pick(a, 65) : sizeof(v);

	return !getsockopt(any(a), level, pick(a, level == SOL_STT ? 3 : 84), v, &len);
}

/* ------------------------------------------------------------------------ */
/* The UDP sockets under the nodes                                          */

static bool udp_option(struct actor *a, int fd)
{
	static const struct { int level, opt; } options[] = {
		{ SOL_UDP, 100 },			/* UDP_ENCAP */
		{ SOL_UDP, UDP_GRO }, { SOL_UDP, UDP_SEGMENT }, { SOL_UDP, UDP_CORK },
		{ SOL_IPV6, IPV6_ADDRFORM }, { SOL_IPV6, IPV6_V6ONLY },
		{ SOL_IP, IP_RECVERR }, { SOL_IP, IP_TOS }, { SOL_IP, IP_MTU_DISCOVER },
		{ SOL_IP, IP_PKTINFO }, { SOL_SOCKET, SO_RCVBUF }, { SOL_SOCKET, SO_SNDBUF },
		{ SOL_SOCKET, SO_MARK }, { SOL_SOCKET, SO_NO_CHECK }, { SOL_SOCKET, SO_BUSY_POLL },
		{ SOL_SOCKET, SO_DETACH_FILTER }, { SOL_SOCKET, SO_TIMESTAMP },
	};
	unsigned int i = pick(a, ARRAY_SIZE(options));
	int v = chance(a, 2) ? (int)pick(a, 3) : (int)pick(a, 100000);

	if (options[i].opt == IPV6_ADDRFORM)
		v = AF_INET;
	if (options[i].opt == 100)
		v = chance(a, 2) ? 0 : UDP_ENCAP_ESP;
	return !setsockopt(fd, options[i].level, options[i].opt, &v, sizeof(v));
}

static bool udp_use(struct actor *a)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct slot slot = world_slot(a, SLOTS), other = world_slot(a, SLOTS);
	union stt_addr to = addr_of(slot.family == AF_INET ? "127.0.0.1" : "::1", other.port);
	struct sockets *s = a->own;

	switch (pick(a, 8)) {
	case 0:
		return recv(slot.udp, s->data, DATA_MAX, MSG_DONTWAIT) >= 0;
	case 1:
		return sendto(slot.udp, s->data, pick_len(a, 1400), MSG_DONTWAIT, &to.sa,
			      addr_len(&to)) >= 0;
	case 2:
		return !connect(slot.udp, chance(a, 2) ? &none : &to.sa, addr_len(&to));
	case 3:
		return chance(a, 5) && !shutdown(slot.udp, pick(a, 3));
	case 4:
		return chance(a, 3) && attach_filter(a, slot.udp);
	default:
		return udp_option(a, slot.udp);
	}
}

static struct op ops[] = {
	{ .name = "make", .weight = 12, .fn = make },
	{ .name = "bind", .weight = 16, .fn = do_bind },
	{ .name = "connect", .weight = 16, .fn = do_connect },
	{ .name = "disconnect", .weight = 4, .fn = disconnect },
	{ .name = "shutdown", .weight = 4, .fn = do_shutdown },
	{ .name = "listen", .weight = 1, .fn = not_for_datagrams },
	{ .name = "send", .weight = 20, .fn = do_send },
	{ .name = "sendmsg", .weight = 20, .fn = do_sendmsg },
	{ .name = "sendmmsg", .weight = 4, .fn = do_sendmmsg },
	{ .name = "recvmsg", .weight = 20, .fn = do_recvmsg },
	{ .name = "drain", .weight = 6, .fn = drain },
	{ .name = "splice", .weight = 4, .fn = do_splice },
	{ .name = "poll", .weight = 3, .fn = do_poll },
	{ .name = "names", .weight = 4, .fn = names },
	{ .name = "ioctl", .weight = 3, .fn = do_ioctl },
	{ .name = "setsockopt", .weight = 8, .fn = set_option },
	{ .name = "getsockopt", .weight = 6, .fn = get_option },
	{ .name = "udp", .weight = 10, .fn = udp_use },
};

struct crew crew_socket = {
	.name = "socket", .ops = ops, .n_ops = ARRAY_SIZE(ops),
	.open = socket_open, .close = socket_close,
};
