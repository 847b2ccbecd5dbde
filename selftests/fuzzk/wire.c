// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames on the wire, from peers that know the keys: good ones, changed, cut,
 * sent again, out of order, in batches, in pieces. See fuzz.h.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "peer.h"

#define PEERS 5
#define RING 32			/* frames that were sent, to be sent again */
#define HELD 8			/* frames that are kept back */
#define BYTES_MAX 4096
#define BATCH_MAX 60000

struct datagram {
	unsigned int slot;
	size_t len;
	uint8_t bytes[BYTES_MAX];
};

struct wire {
	int fd[PEERS];
	sa_family_t family[PEERS];
	uint64_t counter[SLOTS][SESSIONS + 1][8];
	struct datagram ring[RING], held[HELD];
	uint8_t batch[BATCH_MAX];
};

/* Of all actors: the sealing function has one buffer. */
static pthread_mutex_t seal_lock = PTHREAD_MUTEX_INITIALIZER;

static void *wire_open(struct actor *a)
{
	static const char *const texts[PEERS] = {
		"127.0.0.1", "127.0.0.2", "127.0.0.3", "::1", "::1",
	};
	static const int one = 1, off = IP_PMTUDISC_DONT;
	struct wire *w = calloc(1, sizeof(*w));
	uint16_t port;

	(void)a;
	if (!w)
		return NULL;
	for (int i = 0; i < PEERS; i++) {
		w->fd[i] = fuzz_udp(texts[i], &port);
		w->family[i] = i < 3 ? AF_INET : AF_INET6;
		/* Long datagrams shall arrive in fragments; zero-copy if asked for. */
		setsockopt(w->fd[i], SOL_IP, IP_MTU_DISCOVER, &off, sizeof(off));
		setsockopt(w->fd[i], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
	}
	return w;
}

static void wire_close(struct actor *a)
{
	struct wire *w = a->own;

	for (int i = 0; i < PEERS; i++)
		close(w->fd[i]);
	free(w);
}

/* ------------------------------------------------------------------------ */
/* Frames                                                                   */

static uint64_t next_counter(struct actor *a, uint64_t *counter)
{
	switch (pick(a, 40)) {
	case 0:
		*counter += pick(a, 5000);
		break;
	case 1:
		return *counter - pick(a, 3000);
	case 2:
		return (uint64_t)pick(a, 65536) << 32;
	}
	return (*counter)++;
}

static void choose_kind(struct actor *a, struct frame *f)
{
	static const uint8_t own[] = {
		STT_KIND_HEARTBEAT, STT_KIND_HEARTBEAT, STT_KIND_HEARTBEAT_ACK,
	};
	static const uint8_t handshake[STT_HS_FRAME_MAX + 1] = { STT_FRAME_FINAL };

	f->kind = chance(a, 4) ? 0x80 + pick(a, 128) : STT_KIND_DATA;
	if (chance(a, 6)) {
		f->kind = own[pick(a, ARRAY_SIZE(own))];
		f->len = 0;
		f->stream = 0;
	} else if (chance(a, 12)) {
		f->kind = STT_KIND_HANDSHAKE;
		f->payload = handshake;
		f->len = chance(a, 4) ? pick(a, sizeof(handshake) + 1) : STT_HS_PROOF_LEN;
		f->stream = 0;
	} else if (chance(a, 60)) {
		f->kind = STT_KIND_SESSION_CLOSE;
		f->len = 1;
		f->stream = 0;
	}
	if (!chance(a, 20))
		return;
	f->kind = pick(a, 256);
	f->frag = pick(a, 4);
	f->last = pick(a, 4);
	f->flags = chance(a, 2) ? pick(a, 256) : 0;
}

/* A good frame, or one that only its sealed content makes bad. Returns its length. */
static size_t make_frame(struct actor *a, unsigned int slot, uint8_t *out, size_t len)
{
	static uint8_t payload[BYTES_MAX];
	struct wire *w = a->own;
	uint64_t id = 1 + pick(a, SESSIONS);
	struct frame f = {
		.epoch = chance(a, 6) ? pick(a, EPOCHS) : 0,
		.session = id, .stream = pick(a, 3), .payload = payload, .len = len,
	};
	uint8_t key[STT_KEY_LEN];
	size_t n;

	f.counter = next_counter(a, &w->counter[slot][id][f.epoch]);
	choose_kind(a, &f);
	key_of(key, id, !(slot % 2), f.epoch);
	pthread_mutex_lock(&seal_lock);
	n = frame_seal(out, &f, key);
	pthread_mutex_unlock(&seal_lock);
	return n;
}

/* Change a datagram; returns its new length. */
static size_t mutate(struct actor *a, uint8_t *bytes, size_t len, size_t room)
{
	switch (pick(a, 5)) {
	case 0:
		if (len)
			bytes[pick(a, len)] ^= 1 << pick(a, 8);
		return len;
	case 1:
		if (len)
			bytes[pick(a, len < 16 ? len : 16)] = pick(a, 256);
		return len;
	case 2:
		return pick(a, len + 1);
	case 3:
		return len + pick(a, room - len + 1);
	default:
		for (unsigned int i = pick(a, 8); i && len; i--)
			bytes[pick(a, len)] = pick(a, 256);
		return len;
	}
}

/* ------------------------------------------------------------------------ */
/* Sending                                                                  */

struct target {
	int fd;
	union stt_addr to;
};

/* A peer that reaches the slot, and where. */
static struct target choose_target(struct actor *a, unsigned int i)
{
	struct slot slot = world_slot(a, i);
	struct wire *w = a->own;
	unsigned int peer = slot.family == AF_INET6 && !chance(a, 4) ? 3 + pick(a, 2) : pick(a, 3);

	return (struct target) {
		.fd = w->fd[peer],
		.to = addr_of(w->family[peer] == AF_INET ? "127.0.0.1" : "::1", slot.port),
	};
}

static bool send_flags(struct actor *a, unsigned int slot, const void *bytes, size_t len,
		       int flags)
{
	struct target t = choose_target(a, slot);

	return sendto(t.fd, bytes, len, flags | MSG_DONTWAIT, &t.to.sa, addr_len(&t.to)) ==
	       (ssize_t)len;
}

static void remember(struct actor *a, unsigned int slot, const uint8_t *bytes, size_t len)
{
	struct wire *w = a->own;
	struct datagram *d = &w->ring[pick(a, RING)];

	d->slot = slot;
	d->len = len;
	memcpy(d->bytes, bytes, len);
}

static size_t frame_len(struct actor *a)
{
	return pick_len(a, chance(a, 8) ? BYTES_MAX - FRAME_OVERHEAD : 1400);
}

static bool good(struct actor *a)
{
	unsigned int slot = pick(a, SLOTS);
	uint8_t bytes[BYTES_MAX];
	size_t len = make_frame(a, slot, bytes, frame_len(a));

	remember(a, slot, bytes, len);
	return send_flags(a, slot, bytes, len, chance(a, 8) ? MSG_ZEROCOPY : 0);
}

static bool mutated(struct actor *a)
{
	unsigned int slot = pick(a, SLOTS);
	uint8_t bytes[BYTES_MAX] = { 0 };
	size_t len = make_frame(a, slot, bytes, frame_len(a));

	len = mutate(a, bytes, len, sizeof(bytes));
	return send_flags(a, slot, bytes, len, 0);
}

static bool replayed(struct actor *a)
{
	struct wire *w = a->own;
	struct datagram *d = &w->ring[pick(a, RING)];

	return send_flags(a, chance(a, 10) ? pick(a, SLOTS) : d->slot, d->bytes, d->len, 0);
}

/* Keep a frame back, and send one that was kept. */
static bool reordered(struct actor *a)
{
	struct wire *w = a->own;
	struct datagram *d = &w->held[pick(a, HELD)];
	bool ok = d->len && send_flags(a, d->slot, d->bytes, d->len, 0);

	d->slot = pick(a, SLOTS);
	d->len = make_frame(a, d->slot, d->bytes, frame_len(a));
	return ok;
}

/* Put together from several sends: it does not lie in one piece. */
static bool pieces(struct actor *a)
{
	unsigned int slot = pick(a, SLOTS);
	struct target t = choose_target(a, slot);
	uint8_t bytes[BYTES_MAX];
	size_t len = make_frame(a, slot, bytes, frame_len(a)), at = 0, n;
	ssize_t ret = 0;

	while (at < len && ret >= 0) {
		n = 1 + pick(a, len - at);
		ret = sendto(t.fd, bytes + at, n, at + n < len ? MSG_MORE : 0, &t.to.sa,
			     addr_len(&t.to));
		at += n;
	}
	return ret >= 0;
}

static bool handshake(struct actor *a)
{
	uint8_t bytes[1400];
	size_t len = pick_len(a, sizeof(bytes));

	pick_bytes(a, bytes, sizeof(bytes));
	bytes[0] = pick(a, 8);
	if (chance(a, 2)) {
		bytes[0] = STT_FRAME_HELLO;
		len = STT_HS_HELLO_LEN;
	}
	return send_flags(a, pick(a, SLOTS), bytes, len, 0);
}

static bool garbage(struct actor *a)
{
	uint8_t bytes[BYTES_MAX];
	size_t len = pick_len(a, sizeof(bytes));

	pick_bytes(a, bytes, sizeof(bytes));
	if (chance(a, 2))
		bytes[0] = STT_FRAME_TRANSPORT;
	if (chance(a, 2)) {
		memset(bytes + 1, 0, 15);
		bytes[15] = pick(a, SESSIONS + 2);
	}
	return send_flags(a, pick(a, SLOTS), bytes, len, 0);
}

/* Many frames in one call, which arrive as one batch; some of them are bad. */
static bool batch(struct actor *a)
{
	struct wire *w = a->own;
	unsigned int slot = pick(a, SLOTS), n = 1 + pick(a, 40);
	size_t step = FRAME_OVERHEAD + pick(a, 1400 - FRAME_OVERHEAD), len = 0, one;
	uint8_t bytes[BYTES_MAX];
	struct target t;

	while (n-- && len + step <= BATCH_MAX) {
		one = make_frame(a, slot, bytes, step - FRAME_OVERHEAD);
		if (chance(a, 6))
			one = mutate(a, bytes, one, step > one ? step : one);
		memset(w->batch + len, 0, step);
		memcpy(w->batch + len, bytes, one < step ? one : step);
		len += step;
	}
	/* The last may be shorter. */
	if (len > step && chance(a, 3))
		len -= pick(a, step);
	if (chance(a, 10))
		step = 1 + pick(a, 1400);
	t = choose_target(a, slot);
	return udp_send_batch(t.fd, &t.to, w->batch, len, step, MSG_DONTWAIT) == (ssize_t)len;
}

/* What the nodes send here: heartbeats, closes, data. Nobody needs it. */
static bool drain(struct actor *a)
{
	struct wire *w = a->own;
	uint8_t bytes[2048];
	bool any = false;

	for (int i = 0; i < PEERS; i++) {
		for (int n = 0; n < 200 &&
		     recv(w->fd[i], bytes, sizeof(bytes), MSG_DONTWAIT) >= 0; n++)
			any = true;
		recv(w->fd[i], bytes, sizeof(bytes), MSG_DONTWAIT | MSG_ERRQUEUE);
	}
	return any;
}

static struct op ops[] = {
	{ .name = "good", .weight = 40, .fn = good },
	{ .name = "mutated", .weight = 20, .fn = mutated },
	{ .name = "replayed", .weight = 8, .fn = replayed },
	{ .name = "reordered", .weight = 8, .fn = reordered },
	{ .name = "pieces", .weight = 8, .fn = pieces },
	{ .name = "handshake", .weight = 6, .fn = handshake },
	{ .name = "garbage", .weight = 6, .fn = garbage },
	{ .name = "batch", .weight = 10, .fn = batch },
	{ .name = "drain", .weight = 6, .fn = drain },
};

struct crew crew_wire = {
	.name = "wire", .ops = ops, .n_ops = ARRAY_SIZE(ops),
	.open = wire_open, .close = wire_close,
};
