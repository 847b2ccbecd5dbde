/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A peer that is a plain UDP socket and libsodium: an implementation of the wire
 * format of its own, which shares no code with the module. It can send any
 * frame, also one that no good peer would.
 */
#ifndef SELFTESTS_PEER_H
#define SELFTESTS_PEER_H

#include <stt/wire.h>

#include "side.h"

#define FRAME_OVERHEAD 40
#define FRAME_MAX 65536

/* All that a transport frame says. */
struct frame {
	uint8_t epoch;
	uint64_t counter;
	uint64_t session;
	uint32_t stream;
	uint8_t kind, frag, last, flags;
	const void *payload;
	size_t len;
};

/* Returns the length of the frame in @out, len + FRAME_OVERHEAD. */
size_t frame_seal(uint8_t *out, const struct frame *f, const uint8_t *key);
/* Opens @in; the payload lies in @buf. */
bool frame_open(struct frame *f, uint8_t *buf, const uint8_t *in, size_t len,
		const uint8_t *key);

struct peer {
	enum path path;
	int end;
	int fd;
	union stt_addr addr;	/* its own */
	union stt_addr to;	/* the node's */
	uint64_t session;
	uint8_t epoch;		/* it sends with */
	uint64_t counter;	/* it sends next */
};

bool peer_open(struct peer *p, enum path path, int end);

/* A good frame of the peer, with its next counter, not sent. */
struct frame peer_next(struct peer *p, const void *payload, size_t len);
/* Sealed with the peer's key of the frame's epoch. */
size_t peer_seal(const struct peer *p, uint8_t *out, const struct frame *f);
/* Send bytes as they are. */
bool peer_raw(const struct peer *p, const void *bytes, size_t len);
/* Frames of @step bytes each (the last may be shorter), which arrive as one batch. */
bool peer_send_batch(const struct peer *p, const void *bytes, size_t len, uint16_t step);
bool peer_send(struct peer *p, const void *payload, size_t len);
bool peer_send_frame(const struct peer *p, const struct frame *f);
/* Receive a datagram; @raw gets it as it came (FRAME_MAX bytes) or is NULL. */
bool peer_recv(const struct peer *p, struct frame *f, uint8_t *buf, uint8_t *raw);

/* The node has sent a frame of this kind without stream, and with this payload. */
bool peer_hears(const struct peer *p, uint8_t kind, const void *payload, size_t len);

/* A node at end 0, a peer at end 1, a session, a socket bound to it. */
struct duo {
	struct side k;
	struct peer p;
	uint64_t id;
	int fd;			/* connected to stream 0, receives all streams */
};

bool duo_open(struct duo *d, enum path path, uint64_t id);
bool duo_open_heartbeat(struct duo *d, enum path path, uint64_t id, uint32_t heartbeat_ms);
/*
 * Nothing of what was sent before is delivered, and the session lives: the next
 * message that comes is the one sent now.
 */
bool duo_quiet(struct duo *d);

#endif /* SELFTESTS_PEER_H */
