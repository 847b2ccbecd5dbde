/* SPDX-License-Identifier: GPL-2.0-only */
/* How the netlink crew makes its requests. */
#ifndef SELFTESTS_FUZZK_REQUEST_H
#define SELFTESTS_FUZZK_REQUEST_H

#include "fuzz.h"

#define NL_SOCKETS 3		/* the first hears the events */
#define NL_UDPS 3
#define MESSAGE_MAX 4096

/* What an actor of the crew has. */
struct netlink {
	uint16_t family;
	uint32_t group;
	int fd[NL_SOCKETS];
	int udp[NL_UDPS];
	uint32_t seq;
};

struct message {
	size_t len;
	uint8_t bytes[MESSAGE_MAX] __attribute__((aligned(4)));
};

/* A header; more is put behind it, then request_end() closes it. */
void request_begin(struct actor *a, struct message *m, uint8_t cmd, uint16_t flags);
void request_end(struct message *m);
/* A request that makes sense, apart from one mistake now and then. */
void request_sensible(struct actor *a, struct message *m);

#endif /* SELFTESTS_FUZZK_REQUEST_H */
