/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations of vm_faults.c, and what they work on. */
#ifndef SELFTESTS_FAULTS_OPS_H
#define SELFTESTS_FAULTS_OPS_H

#include "peer.h"

#define ID 0xfa0170000ULL

/* What the operations work on. */
struct ground {
	struct duo duo;			/* with the sessions ID, ID + 1, ID + 2 */
	struct stt_ctl *ctl;		/* other than that of the duo */
	struct stt_ctl *events;
	enum path path;
	uint64_t id;			/* of the session that is worked on */
	int fd, udp;
	uint32_t node;
	union stt_addr addr;
};

/*
 * before() makes all anew for a try, call() is what shall fail and returns 0 or a
 * negative errno, after() looks at what it has done and undoes it.
 */
struct fault_op {
	const char *name;
	bool (*before)(struct ground *g);
	int (*call)(struct ground *g);
	bool (*after)(struct ground *g);
	/* When the call has been obeyed, but the answer was lost. */
	int obeyed;
	/* What the kernel, not the module, says of some allocations. */
	int also;
};

extern const struct fault_op fault_socket_ops[], fault_netlink_ops[];
extern const size_t n_fault_socket_ops, n_fault_netlink_ops;

/* Of a system call: 0 or a negative errno. */
int result(long ret);
bool nothing(struct ground *g);
/* A socket of end 0 in g->fd; and away with it. */
bool with_socket(struct ground *g);
bool drop_fd(struct ground *g);
/* Make it the node's handshake socket. */
int bind_handshake(struct ground *g);
/* Read a message from it, with all that comes along. */
int receive(struct ground *g);

#endif /* SELFTESTS_FAULTS_OPS_H */
