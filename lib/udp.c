// SPDX-License-Identifier: LGPL-2.1-or-later
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/errqueue.h>

#include "udp.h"

#define SEND_TRIES	8

socklen_t stt_addr_len(const union stt_addr *a)
{
	return a->sa.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

bool stt_addr_equal(const union stt_addr *a, const union stt_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->in6.sin6_port == b->in6.sin6_port &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
	       IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
}

bool stt_addr_is_any(const union stt_addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
	return true;
}

void stt_addr_unmap(union stt_addr *a)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	in.sin_port = a->in6.sin6_port;
	memcpy(&in.sin_addr, &a->in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
	a->in = in;
}

static void map(const struct sockaddr_in *in, struct sockaddr_in6 *in6)
{
	memset(in6, 0, sizeof(*in6));
	in6->sin6_family = AF_INET6;
	in6->sin6_port = in->sin_port;
	in6->sin6_addr.s6_addr[10] = 0xff;
	in6->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&in6->sin6_addr.s6_addr[12], &in->sin_addr, sizeof(in->sin_addr));
}

static void text6(const struct sockaddr_in6 *in6, char text[STT_ADDR_TEXT_LEN])
{
	char host[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1] = "";

	inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
	if (in6->sin6_scope_id && if_indextoname(in6->sin6_scope_id, scope + 1))
		scope[0] = '%';
	snprintf(text, STT_ADDR_TEXT_LEN, "[%s%s]:%u", host, scope, ntohs(in6->sin6_port));
}

const char *stt_addr_text(const union stt_addr *a, char text[STT_ADDR_TEXT_LEN])
{
	char host[INET_ADDRSTRLEN];

	if (a->sa.sa_family == AF_INET6) {
		text6(&a->in6, text);
	} else if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
		snprintf(text, STT_ADDR_TEXT_LEN, "%s:%u", host, ntohs(a->in.sin_port));
	} else {
		snprintf(text, STT_ADDR_TEXT_LEN, "none");
	}
	return text;
}

static int set_on(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* ICMP errors are wanted, with the address they are about. */
static int set_options(int fd, int family)
{
	int ret = set_on(fd, SOL_IP, IP_RECVERR, 1);

	if (ret || family == AF_INET)
		return ret;
	ret = set_on(fd, SOL_IPV6, IPV6_RECVERR, 1);
	/* "::" serves IPv4 too, whatever the system's default is. */
	return ret ? ret : set_on(fd, SOL_IPV6, IPV6_V6ONLY, 0);
}

int stt_udp_open(const union stt_addr *addr, union stt_addr *bound)
{
	socklen_t len = sizeof(*bound);
	int fd, ret;

	fd = socket(addr->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = set_options(fd, addr->sa.sa_family);
	if (!ret && bind(fd, &addr->sa, stt_addr_len(addr)))
		ret = -errno;
	memset(bound, 0, sizeof(*bound));
	if (!ret && getsockname(fd, &bound->sa, &len))
		ret = -errno;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* Where the answer leaves from: the address that was asked. */
static void put_source(struct msghdr *msg, int family, const union stt_addr *from)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	struct in6_pktinfo info6 = { .ipi6_ifindex = 0 };
	struct in_pktinfo info = { .ipi_ifindex = 0 };
	struct sockaddr_in6 mapped;

	if (family == AF_INET) {
		info.ipi_spec_dst = from->in.sin_addr;
		cmsg->cmsg_level = SOL_IP;
		cmsg->cmsg_type = IP_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
		return;
	}
	if (from->sa.sa_family == AF_INET) {
		map(&from->in, &mapped);
		info6.ipi6_addr = mapped.sin6_addr;
	} else {
		info6.ipi6_addr = from->in6.sin6_addr;
		info6.ipi6_ifindex = from->in6.sin6_scope_id;
	}
	cmsg->cmsg_level = SOL_IPV6;
	cmsg->cmsg_type = IPV6_PKTINFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info6));
	memcpy(CMSG_DATA(cmsg), &info6, sizeof(info6));
	msg->msg_controllen = CMSG_SPACE(sizeof(info6));
}

/* Reading it clears it, so that no later send trips over it. */
static int pending_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

/* A send reports first what an earlier datagram met, whoever it was for. */
static int send_msg(int fd, const struct msghdr *msg)
{
	int error = 0;

	for (int i = 0; i < SEND_TRIES; i++) {
		if (sendmsg(fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		error = errno;
		if (error == EAGAIN || error == ENOBUFS || error == ENOMEM)
			break;
		pending_error(fd);
	}
	return -error;
}

/* How a socket of @family writes an address. */
static union stt_addr name_for(int family, const union stt_addr *to)
{
	union stt_addr name = *to;

	if (family == AF_INET6 && to->sa.sa_family == AF_INET)
		map(&to->in, &name.in6);
	return name;
}

int stt_udp_send(int fd, int family, const union stt_addr *to, const union stt_addr *from,
		 const void *data, size_t len)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	union stt_addr name = name_for(family, to);
	struct msghdr msg = {
		.msg_name = &name, .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	msg.msg_namelen = stt_addr_len(&name);
	if (stt_addr_is_any(from))
		msg.msg_controllen = 0;
	else
		put_source(&msg, family, from);
	return send_msg(fd, &msg);
}

static int connect_from(int fd, const union stt_addr *bound, const union stt_addr *to)
{
	union stt_addr from = *bound, name = name_for(bound->sa.sa_family, to);

	if (bound->sa.sa_family == AF_INET)
		from.in.sin_port = 0;
	else
		from.in6.sin6_port = 0;
	if (bind(fd, &from.sa, stt_addr_len(&from)) ||
	    connect(fd, &name.sa, stt_addr_len(&name)))
		return -errno;
	return 0;
}

/* A socket of its own: no ICMP error can be meant for it. */
int stt_udp_route(const union stt_addr *bound, const union stt_addr *to)
{
	int fd = socket(bound->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return 0;	/* no way to know */
	ret = bound->sa.sa_family == AF_INET6 ? set_on(fd, SOL_IPV6, IPV6_V6ONLY, 0) : 0;
	ret = ret ? ret : connect_from(fd, bound, to);
	close(fd);
	return ret;
}

static int queued_error(struct msghdr *msg)
{
	struct sock_extended_err err;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		bool ours = (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
			    (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR);

		if (!ours || c->cmsg_len < CMSG_LEN(sizeof(err)))
			continue;
		memcpy(&err, CMSG_DATA(c), sizeof(err));
		return -(int)err.ee_errno;
	}
	return 0;
}

bool stt_udp_error(int fd, union stt_addr *about, int *error)
{
	_Alignas(struct cmsghdr) char control[512];
	struct msghdr msg = {
		.msg_name = about, .msg_namelen = sizeof(*about),
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	memset(about, 0, sizeof(*about));
	if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
		*error = -pending_error(fd);
		return false;
	}
	stt_addr_unmap(about);
	*error = queued_error(&msg);
	return true;
}
