// SPDX-License-Identifier: GPL-2.0-only
/* Plain UDP, over veth or through WireGuard: the address decides. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "cost.h"

/* Bursts shall fit whole, whatever the kernel counts a message as. */
#define ROOM	(4 * 1024 * 1024)

int udp_bound(const char *ns, const char *variable, struct sockaddr_storage *addr)
{
	struct sockaddr_in *in = (struct sockaddr_in *)addr;
	const char *text = getenv(variable);
	socklen_t len = sizeof(*addr);
	int room = ROOM;
	int fd;

	memset(addr, 0, sizeof(*addr));
	in->sin_family = AF_INET;
	if (!text || inet_pton(AF_INET, text, &in->sin_addr) != 1 || !enter(ns))
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)addr, sizeof(*in)) ||
	    getsockname(fd, (struct sockaddr *)addr, &len) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		return -1;
	return fd;
}

bool udp_pair(struct pair *p, const struct cell *c, const char *variable)
{
	struct sockaddr_storage to;
	int one = 1, size = c->size;

	p->level = SOL_UDP;
	p->type = UDP_GRO;
	p->rx = udp_bound("NS_B", variable, &to);
	if (p->rx < 0 || !enter("NS_A"))
		return not_there(p, "no UDP socket on $%s: %s", variable, strerror(errno));
	p->tx = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (p->tx < 0 || connect(p->tx, (struct sockaddr *)&to, sizeof(struct sockaddr_in)))
		return not_there(p, "no UDP socket to $%s: %s", variable, strerror(errno));
	if (c->mode != MODE_SINGLE &&
	    setsockopt(p->tx, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)))
		return not_there(p, "UDP_SEGMENT: %s", strerror(errno));
	if (c->mode == MODE_BATCH && setsockopt(p->rx, SOL_UDP, UDP_GRO, &one, sizeof(one)))
		return not_there(p, "UDP_GRO: %s", strerror(errno));
	return true;
}
