// SPDX-License-Identifier: GPL-2.0-only
/* Valid requests: nodes, sessions and keys come and go. See fuzz.h. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

/* @ear: a handshake socket, so that some node always has one; or -1 */
struct life {
	struct stt_ctl *ctl;
	int ear;
};

static struct stt_ctl *ctl_of(struct actor *a)
{
	return ((struct life *)a->own)->ctl;
}

static void *life_open(struct actor *a)
{
	struct life *life = calloc(1, sizeof(*life));

	(void)a;
	if (!life)
		return NULL;
	life->ear = -1;
	if (!stt_ctl_open(&life->ctl))
		return life;
	free(life);
	return NULL;
}

/* What the node has counted is kept for the end. */
static void note_stats(struct actor *a, uint32_t node)
{
	struct stt_node_info info;

	if (stt_ctl_node_get(ctl_of(a), node, &info))
		return;
	for (unsigned int i = 0; i <= STT_A_STATS_MAX; i++)
		__atomic_fetch_add(&world_stats.v[i], info.stats.v[i], __ATOMIC_RELAXED);
}

/* Even slots are one end of their sessions, odd ones the other. */
static struct stt_session_info make_spec(struct actor *a, unsigned int i)
{
	static const char *const peers[] = { "127.0.0.1", "127.0.0.2", "127.0.0.3", "::1" };
	struct slot slot = world_slot(a, i), other = world_slot(a, (i + 1) % SLOTS);
	bool six = slot.family == AF_INET6 && !chance(a, 4);
	union stt_addr addr = addr_of(peers[six ? 3 : pick(a, 3)],
				      other.port ? other.port : 9);
	struct side s = { .node = slot.node, .end = i % 2 };
	struct stt_session_info spec = session_spec(&s, pick(a, SESSIONS) + 1, &addr);

	if (chance(a, 4))
		spec.state = STT_SESSION_STATE_PENDING;
	if (chance(a, 2)) {
		spec.has_peer_id = true;
		pick_bytes(a, spec.peer_id, sizeof(spec.peer_id));
	}
	if (chance(a, 4))
		spec.n_keys = pick(a, 3);
	return spec;
}

/* One that is over makes room for the new one. */
static bool session_begin(struct actor *a, unsigned int i)
{
	struct stt_session_info spec = make_spec(a, i), old;

	if (!stt_ctl_session_new(ctl_of(a), &spec))
		return true;
	if (stt_ctl_session_get(ctl_of(a), spec.node, spec.id, &old) ||
	    old.state <= STT_SESSION_STATE_ACTIVE ||
	    stt_ctl_session_del(ctl_of(a), spec.node, spec.id, 0))
		return false;
	return !stt_ctl_session_new(ctl_of(a), &spec);
}

static bool session_new(struct actor *a)
{
	return session_begin(a, pick(a, SLOTS));
}

/* A node that has just begun gets some sessions. */
static void populate(struct actor *a, unsigned int i)
{
	for (int n = 0; n < SESSIONS; n++)
		session_begin(a, i);
}

/* A free slot, from a random one on, or SLOTS. */
static unsigned int free_slot(struct actor *a)
{
	unsigned int at = pick(a, SLOTS);

	for (unsigned int i = 0; i < SLOTS; i++)
		if (world_slot(a, (at + i) % SLOTS).udp < 0)
			return (at + i) % SLOTS;
	return SLOTS;
}

static uint32_t some_heartbeat(struct actor *a)
{
	static const uint32_t heartbeats[] = { 0, 0, 100, 1000 };

	return heartbeats[pick(a, ARRAY_SIZE(heartbeats))];
}

static bool node_new(struct actor *a)
{
	static const char *const texts[] = { "127.0.0.1", "127.0.0.1", "::1", "::" };
	unsigned int which = pick(a, ARRAY_SIZE(texts)), i = free_slot(a);
	struct slot slot = { .family = which < 2 ? AF_INET : AF_INET6 };
	uint32_t heartbeat = some_heartbeat(a);

	if (i == SLOTS)
		return false;
	slot.udp = fuzz_udp(texts[which], &slot.port);
	if (slot.udp < 0)
		return false;
	if (!stt_ctl_node_new(ctl_of(a), slot.udp, &heartbeat, &slot.node) &&
	    world_put(i, &slot)) {
		populate(a, i);
		return true;
	}
	close(slot.udp);
	return false;
}

/* Somebody has deleted the node: its socket becomes another. */
static bool node_again(struct actor *a)
{
	unsigned int at = pick(a, SLOTS);
	uint32_t heartbeat = some_heartbeat(a);

	for (unsigned int i = 0; i < SLOTS; i++) {
		unsigned int n = (at + i) % SLOTS;
		struct slot slot = world_slot(a, n);

		if (slot.udp >= 0 &&
		    !stt_ctl_node_new(ctl_of(a), slot.udp, &heartbeat, &slot.node) &&
		    world_renumber(n, &slot)) {
			populate(a, n);
			return true;
		}
	}
	return false;
}

static bool node_del(struct actor *a)
{
	struct slot slot = world_slot(a, SLOTS);

	if (!chance(a, 4))
		return false;
	note_stats(a, slot.node);
	return !stt_ctl_node_del(ctl_of(a), slot.node, pick(a, 256));
}

static bool node_close(struct actor *a)
{
	unsigned int i = pick(a, SLOTS);
	int fd;

	if (!chance(a, 3))
		return false;
	note_stats(a, world_slot(a, i).node);
	fd = world_take(i);
	return fd >= 0 && !close(fd);
}

static bool session_set(struct actor *a)
{
	struct slot slot = world_slot(a, SLOTS);
	struct stt_session_info set = {
		.node = slot.node, .id = pick(a, SESSIONS) + 1,
		.has_tx_epoch = chance(a, 2), .tx_epoch = pick(a, EPOCHS),
		.has_heartbeat = chance(a, 2), .heartbeat_ms = 100 * pick(a, 3),
	};

	if (chance(a, 2))
		set.state = STT_SESSION_STATE_ACTIVE;
	if (chance(a, 2))
		set.peer = addr_of(slot.family == AF_INET ? "127.0.0.1" : "::1",
				   1 + pick(a, 65535));
	return !stt_ctl_session_set(ctl_of(a), &set);
}

static bool session_del(struct actor *a)
{
	return !stt_ctl_session_del(ctl_of(a), world_slot(a, SLOTS).node,
				    pick(a, SESSIONS) + 1, pick(a, 256));
}

static bool key_new(struct actor *a)
{
	unsigned int i = pick(a, SLOTS);
	uint64_t id = pick(a, SESSIONS) + 1;
	struct stt_key key = key_spec(id, i % 2, 1 + pick(a, 2),
				      chance(a, 4) ? pick(a, 8) : pick(a, EPOCHS));

	return !stt_ctl_key_new(ctl_of(a), world_slot(a, i).node, id, &key);
}

static bool key_del(struct actor *a)
{
	return !stt_ctl_key_del(ctl_of(a), world_slot(a, SLOTS).node, pick(a, SESSIONS) + 1,
				pick(a, EPOCHS), 1 + pick(a, 2));
}

static bool dump(struct actor *a)
{
	switch (pick(a, 4)) {
	case 0:
		return !dump_nodes(ctl_of(a));
	case 1:
		return !dump_sessions(ctl_of(a), 0);
	case 2:
		return !dump_sessions(ctl_of(a), world_slot(a, SLOTS).node);
	default:
		return !dump_sockets(ctl_of(a));
	}
}

static bool handshake(struct actor *a)
{
	struct life *life = a->own;
	struct sockaddr_stt addr = {
		.sstt_family = world_family,
		.sstt_type = STT_MSG_HANDSHAKE,
		.sstt_node = world_slot(a, SLOTS).node,
	};

	if (life->ear >= 0)
		close(life->ear);
	life->ear = socket(world_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return life->ear >= 0 &&
	       !bind(life->ear, (struct sockaddr *)&addr, sizeof(addr));
}

static void life_close(struct actor *a)
{
	struct life *life = a->own;

	for (unsigned int i = 0; i < SLOTS; i++)
		note_stats(a, world_slot(a, i).node);
	if (life->ear >= 0)
		close(life->ear);
	stt_ctl_close(life->ctl);
	free(life);
}

static struct op ops[] = {
	{ .name = "node_new", .weight = 8, .fn = node_new },
	{ .name = "node_again", .weight = 6, .fn = node_again },
	{ .name = "node_del", .weight = 2, .fn = node_del },
	{ .name = "node_close", .weight = 2, .fn = node_close },
	{ .name = "session_new", .weight = 24, .fn = session_new },
	{ .name = "session_set", .weight = 6, .fn = session_set },
	{ .name = "session_del", .weight = 5, .fn = session_del },
	{ .name = "key_new", .weight = 14, .fn = key_new },
	{ .name = "key_del", .weight = 2, .fn = key_del },
	{ .name = "dump", .weight = 6, .fn = dump },
	{ .name = "handshake", .weight = 8, .fn = handshake },
};

struct crew crew_life = {
	.name = "life", .ops = ops, .n_ops = ARRAY_SIZE(ops),
	.open = life_open, .close = life_close,
};
