// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* A22: io_uring send and receive, by the bare system calls. */
#include <linux/io_uring.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/peer.h"

#define ID 0x10ULL

struct ring {
	int fd;
	struct io_uring_params par;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static void *ring_map(const struct ring *r, size_t len, off_t what)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, what);
}

static bool ring_open(struct ring *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = keep(syscall(SYS_io_uring_setup, 8, &r->par));
	check(r->fd >= 0);
	r->sq = ring_map(r, r->par.sq_off.array + r->par.sq_entries * 4, IORING_OFF_SQ_RING);
	r->cq = ring_map(r, r->par.cq_off.cqes +
			 r->par.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	r->sqes = ring_map(r, r->par.sq_entries * sizeof(*r->sqes), IORING_OFF_SQES);
	check(r->sq != MAP_FAILED && r->cq != MAP_FAILED && r->sqes != MAP_FAILED);
	return true;
}

static unsigned int *ring_word(char *base, unsigned int off)
{
	return (unsigned int *)(base + off);
}

/* Submit one request; @data comes back with its completion. */
static bool ring_submit(struct ring *r, int op, int fd, void *buf, unsigned int len,
			uint64_t data)
{
	unsigned int *tail = ring_word(r->sq, r->par.sq_off.tail);
	unsigned int at = *tail & *ring_word(r->sq, r->par.sq_off.ring_mask);

	r->sqes[at] = (struct io_uring_sqe) {
		.opcode = op, .fd = fd, .addr = (uintptr_t)buf, .len = len, .user_data = data,
	};
	ring_word(r->sq, r->par.sq_off.array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	check_is(syscall(SYS_io_uring_enter, r->fd, 1, 0, 0, NULL, 0), 1);
	return true;
}

/* Wait for one completion. */
static bool ring_wait(struct ring *r, struct io_uring_cqe *out)
{
	unsigned int *head = ring_word(r->cq, r->par.cq_off.head);
	struct io_uring_cqe *cqes = (void *)(r->cq + r->par.cq_off.cqes);

	check(syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) >= 0);
	check(*head != __atomic_load_n(ring_word(r->cq, r->par.cq_off.tail), __ATOMIC_ACQUIRE));
	*out = cqes[*head & *ring_word(r->cq, r->par.cq_off.ring_mask)];
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return true;
}

static bool pending(struct ring *r)
{
	return *ring_word(r->cq, r->par.cq_off.head) !=
	       __atomic_load_n(ring_word(r->cq, r->par.cq_off.tail), __ATOMIC_ACQUIRE);
}

/* A receive that waits, then sends that complete, then the receive does. */
static bool echo(int arg)
{
	struct io_uring_cqe c[2];
	struct ring r;
	struct sides l;
	char in[100];
	int a, b;

	(void)arg;
	check(sides_open(&l, PATH_V4, ID));
	check(ring_open(&r));
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	for (int i = 1; i <= 20; i++) {
		check(ring_submit(&r, IORING_OP_RECV, b, in, sizeof(in), 1));
		check(!pending(&r));
		check(ring_submit(&r, IORING_OP_SEND, a, "by the ring, all of it", i, 2));
		check(ring_wait(&r, &c[0]) && ring_wait(&r, &c[1]));
		check_is(c[0].user_data + c[1].user_data, 3);
		check_is(c[0].res, i);
		check_is(c[1].res, i);
		check(!memcmp(in, "by the ring, all of it", i));
	}
	return true;
}

static bool errors(int arg)
{
	static char big[STT_MESSAGE_MAX + 1];
	struct io_uring_cqe c;
	struct ring r;
	struct sides l;
	char in[10];
	int a;

	(void)arg;
	check(sides_open(&l, PATH_V4, ID));
	check(ring_open(&r));
	a = stt_connected(&l.a, ID, 0);
	check(ring_submit(&r, IORING_OP_SEND, a, big, sizeof(big), 1));
	check(ring_wait(&r, &c));
	check_is(c.res, -EMSGSIZE);
	/* A receive that waits ends with the node. */
	check(ring_submit(&r, IORING_OP_RECV, a, in, sizeof(in), 2));
	check(!pending(&r));
	check_is(stt_ctl_node_del(l.a.ctl, l.a.node, 0), 0);
	check(ring_wait(&r, &c));
	check_is(c.res, -ENODEV);
	return true;
}

static const struct test tests[] = {
	{ "A22 io_uring: receive waits, send completes both", echo, 0 },
	{ "A22 io_uring: errors come back as results", errors, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
