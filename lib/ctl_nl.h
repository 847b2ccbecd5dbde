/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Generic netlink underneath <stt/control.h>: requests are built here, sent,
 * and their answers walked. What the attributes mean is not known here.
 */
#ifndef STT_LIB_CTL_NL_H
#define STT_LIB_CTL_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include <stt/control.h>

/* The kernel fills dump messages up to what a reader offers, 32 KiB at most. */
#define STTNL_RX_LEN	32768

struct stt_ctl {
	struct mnl_socket	*nl;		/* requests and their answers */
	struct mnl_socket	*events;	/* multicast only, never blocks */
	uint16_t		family;
	uint32_t		group;		/* 0: no group "events" */
	uint32_t		seq;
	bool			busy;		/* a walk is on: a callback runs */
	bool			unread;		/* a dump that was not read to its end */
	size_t			event_off, event_len;
	char			why[256];	/* the kernel's words, may be empty */
	uint8_t			rx[STTNL_RX_LEN]
					__attribute__((aligned(MNL_ALIGNTO)));
	uint8_t			event[STTNL_RX_LEN]
					__attribute__((aligned(MNL_ALIGNTO)));
};

/* A request on the stack. It may hold keys: sttnl_call() wipes it. */
struct sttnl_req {
	union {
		struct nlmsghdr	nlh;
		uint8_t		buf[2048];
	};
	bool			full;		/* something did not fit */
};

/*
 * Requests that are sent together. The kernel answers each that it refuses; as
 * many refusals as there is room for must fit into the socket's receive buffer.
 */
#define STTNL_BATCH_LEN	32768
#define STTNL_BATCH_MAX	128

struct sttnl_batch {
	union {
		struct nlmsghdr	first;
		uint8_t		buf[STTNL_BATCH_LEN];
	};
	size_t			len;
	unsigned int		n;
};

/* Called for each answer. Non-zero ends the walk; negative is its error. */
typedef int (*sttnl_cb)(const struct nlmsghdr *nlh, void *arg);

int sttnl_open(struct stt_ctl **ctl);
void sttnl_close(struct stt_ctl *ctl);

/* @type: of the message, a family id; @flags: NLM_F_*, REQUEST is implied. */
void sttnl_begin(struct sttnl_req *req, uint16_t type, uint8_t cmd, uint16_t flags);
void sttnl_put(struct sttnl_req *req, uint16_t type, const void *data, size_t len);
void sttnl_put_u8(struct sttnl_req *req, uint16_t type, uint8_t v);
void sttnl_put_u16(struct sttnl_req *req, uint16_t type, uint16_t v);
void sttnl_put_u32(struct sttnl_req *req, uint16_t type, uint32_t v);
void sttnl_put_u64(struct sttnl_req *req, uint16_t type, uint64_t v);
struct nlattr *sttnl_nest(struct sttnl_req *req, uint16_t type);
void sttnl_nest_end(struct sttnl_req *req, struct nlattr *nest);

/*
 * Send @req, wipe it, and hand all answers to @cb (NULL: none is wanted).
 * Returns the number of answers or a negative errno; -EINTR: the list changed
 * under a dump.
 */
int sttnl_call(struct stt_ctl *ctl, struct sttnl_req *req, sttnl_cb cb, void *arg);

/* The same, where exactly one answer must come. Returns 0 then. */
int sttnl_ask(struct stt_ctl *ctl, struct sttnl_req *req, sttnl_cb cb, void *arg);

/* Move @req, which is wiped, behind the others. False: there is no room, it stays. */
bool sttnl_batch_add(struct sttnl_batch *b, struct sttnl_req *req);

/*
 * Send the batch, wipe and empty it. @results, of as many, become 0 or a negative
 * errno; what goes with the last of these is remembered for sttnl_fail(). Returns 0,
 * or a negative errno if it is not known what became of them.
 */
int sttnl_batch_call(struct stt_ctl *ctl, struct sttnl_batch *b, int *results);

/* Set stt_errmsg() to "@fmt...: why" and return @err. */
int sttnl_fail(const struct stt_ctl *ctl, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Command of a generic netlink message; -EBADMSG if it is too short for one. */
int sttnl_cmd(const struct nlmsghdr *nlh);

#endif /* STT_LIB_CTL_NL_H */
