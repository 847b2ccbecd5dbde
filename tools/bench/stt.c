// SPDX-License-Identifier: GPL-2.0-only
/* AF_STT: a node in each namespace, a session with keys from here, no handshake. */
#include <errno.h>
#include <string.h>
#include <stt/control.h>

#include "cost.h"

#define SESSION	0x0123456789abcdefULL
#define ROOM	(4 * 1024 * 1024)

struct end {
	const char *ns;
	const char *address;
	struct stt_ctl *ctl;
	int udp;
	uint32_t node;
	union stt_addr addr;
};

static bool end_open(struct pair *p, struct end *e)
{
	struct sockaddr_storage addr;
	uint32_t no_heartbeat = 0;

	e->udp = udp_bound(e->ns, e->address, &addr);
	if (e->udp < 0)
		return not_there(p, "no UDP socket: %s", strerror(errno));
	memcpy(&e->addr, &addr, sizeof(e->addr.in));
	if (stt_ctl_open(&e->ctl) ||
	    stt_ctl_node_new(e->ctl, e->udp, &no_heartbeat, &e->node))
		return not_there(p, "no node: %s", stt_errmsg());
	return true;
}

static bool has_suite(struct pair *p, const struct end *e, uint8_t suite)
{
	struct stt_info info = { 0 };

	if (stt_ctl_info(e->ctl, &info))
		return not_there(p, "no information: %s", stt_errmsg());
	if (!(info.suites & 1U << suite))
		return not_there(p, "the module has no suite %u", suite);
	return true;
}

static struct stt_key key_of(uint8_t direction, uint8_t suite, bool from_a)
{
	struct stt_key key = { .direction = direction, .suite = suite };

	memset(key.secret, from_a ? 0xa5 : 0x5a, sizeof(key.secret));
	return key;
}

static bool session_open(struct pair *p, const struct end *e, const struct end *other,
			 uint8_t suite, bool is_a)
{
	struct stt_session_info s = {
		.node = e->node,
		.id = SESSION,
		.peer = other->addr,
		.has_heartbeat = true,
		.n_keys = 2,
		.keys = {
			key_of(STT_DIRECTION_TX, suite, is_a),
			key_of(STT_DIRECTION_RX, suite, !is_a),
		},
	};

	if (stt_ctl_session_new(e->ctl, &s))
		return not_there(p, "no session: %s", stt_errmsg());
	return true;
}

static int socket_open(const struct end *e)
{
	struct sockaddr_stt addr = {
		.sstt_family = stt_family(),
		.sstt_node = e->node,
		.sstt_session = SESSION,
	};
	int room = ROOM;
	int fd;

	if (!enter(e->ns))
		return -1;
	fd = socket(addr.sstt_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	return fd;
}

static bool set_mode(struct pair *p, const struct cell *c)
{
	int one = 1, size = c->size;

	p->level = SOL_STT;
	p->type = STT_CMSG_SEGMENT;
	if (c->mode != MODE_SINGLE &&
	    setsockopt(p->tx, SOL_STT, STT_SEGMENT, &size, sizeof(size)))
		return not_there(p, "the module has no STT_SEGMENT: %s", strerror(errno));
	if (c->mode == MODE_BATCH && setsockopt(p->rx, SOL_STT, STT_GRO, &one, sizeof(one)))
		return not_there(p, "the module has no STT_GRO: %s", strerror(errno));
	return true;
}

bool stt_pair(struct pair *p, const struct cell *c, uint8_t suite)
{
	struct end a = { .ns = "NS_A", .address = "NS_A4" };
	struct end b = { .ns = "NS_B", .address = "NS_B4" };

	if (!end_open(p, &a) || !has_suite(p, &a, suite) || !end_open(p, &b) ||
	    !session_open(p, &a, &b, suite, true) || !session_open(p, &b, &a, suite, false))
		return false;
	p->tx = socket_open(&a);
	p->rx = socket_open(&b);
	if (p->tx < 0 || p->rx < 0)
		return not_there(p, "no AF_STT socket: %s", strerror(errno));
	return set_mode(p, c);
}
