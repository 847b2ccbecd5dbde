/* SPDX-License-Identifier: GPL-2.0-only */
/* What a message costs: the pairs of sockets that are compared, see cost.c. */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* How the messages of a burst reach the kernel and leave it. */
enum mode {
	MODE_SINGLE,		/* a call each */
	MODE_SEGMENT,		/* one call sends all, a call receives each */
	MODE_BATCH,		/* one call sends all, few receive them in runs */
	MODES,
};

/* "TRANSPORT-MODE-SIZE" of the command line, taken apart. */
struct cell {
	char transport[24];
	enum mode mode;
	unsigned int size;
};

/**
 * struct pair - a sender and a receiver
 * @tx: connected to the receiver
 * @rx: returns what was sent
 * @level: of the control message with the size of the messages of a run
 * @type: of the same
 * @reason: why there is no pair
 */
struct pair {
	int tx;
	int rx;
	int level;
	int type;
	char reason[160];
};

/* Enter the network namespace whose name is in this environment variable. */
bool enter(const char *variable);
/* Keep the text for the report; returns false. */
bool not_there(struct pair *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * UDP from namespace a to the address of namespace b that is in this
 * environment variable. A bound socket in a namespace, and its address.
 */
bool udp_pair(struct pair *p, const struct cell *c, const char *variable);
int udp_bound(const char *ns, const char *variable, struct sockaddr_storage *addr);

/* A node in each namespace, a session between them with keys of this suite. */
bool stt_pair(struct pair *p, const struct cell *c, uint8_t suite);

/* Where the instructions go, by samples of the stack, see profile.c. */
bool profile_open(const char *file);
void profile_on(void);
/* Between the calls of a burst; nothing without profile_open(). */
void profile_next(void);
void profile_off(void);
unsigned long profile_samples(void);
void profile_close(void);

#endif /* BENCH_COST_H */
