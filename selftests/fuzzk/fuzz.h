/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel fuzzer: actors, each a thread, take steps. The random numbers of a
 * step follow from the seed, the number of the actor and the number of the step
 * alone, so any range of steps can be run again without those before it. That is
 * near, not the same: nodes, open sockets, counters of frames and the frames to be
 * sent again start afresh, and a step works on what it finds. Which kernel state
 * it meets depends on the other actors and on the scheduler as well.
 *
 * An actor belongs to a crew: life (valid requests, so that there is something
 * to break), netlink, socket, wire. All work on the same few nodes, the slots.
 */
#ifndef SELFTESTS_FUZZK_H
#define SELFTESTS_FUZZK_H

#include <linux/stt.h>

#include "side.h"

#define SLOTS 6
#define SESSIONS 6		/* ids 1 to 6, on every node */
#define EPOCHS 3		/* that keys are made for most of the time */

struct actor;

/* One kind of step. */
struct op {
	const char *name;
	unsigned int weight;
	bool (*fn)(struct actor *a);	/* did the kernel do what was asked? */
	uint64_t calls, good;		/* of all actors of the crew */
};

struct crew {
	const char *name;
	struct op *ops;
	size_t n_ops;
	/* What an actor has of its own. open() returns NULL if it cannot. */
	void *(*open)(struct actor *a);
	void (*close)(struct actor *a);
};

extern struct crew crew_life, crew_netlink, crew_socket, crew_wire;

struct actor {
	unsigned int number;
	struct crew *crew;
	void *own;
	uint64_t step;
	uint64_t random;
	struct worker w;
};

/* Random numbers of the step: below @n, one chance in @n, bytes. */
uint32_t pick(struct actor *a, uint32_t n);
bool chance(struct actor *a, uint32_t n);
void pick_bytes(struct actor *a, void *out, size_t len);
/* A length: often a small or a special one. */
size_t pick_len(struct actor *a, size_t max);

/* A node that all actors know; its number and socket may be gone by now. */
struct slot {
	int udp;		/* -1: none */
	uint32_t node;
	uint16_t port;
	sa_family_t family;
};

extern int world_family;	/* number of the socket family */
extern bool world_stop;
/* What the nodes that have ended had counted. */
extern struct stt_stats world_stats;

void world_open(void);
void world_close(void);
/* A copy of a slot; @i: SLOTS for any. */
struct slot world_slot(struct actor *a, unsigned int i);
/* Put a node in, if the slot is free. */
bool world_put(unsigned int i, const struct slot *slot);
/* The UDP socket of the slot has got a new node. */
bool world_renumber(unsigned int i, const struct slot *slot);
/* Take its UDP socket out, which is the caller's then, or -1. */
int world_take(unsigned int i);

/* A UDP socket on loopback, bound. @text: its address. */
int fuzz_udp(const char *text, uint16_t *port);
/* No call blocks longer than this socket's 20 ms. */
void fuzz_brief(int fd);
/* An address of an AF_STT socket, mostly a valid one. */
struct sockaddr_stt fuzz_address(struct actor *a);

#endif /* SELFTESTS_FUZZK_H */
