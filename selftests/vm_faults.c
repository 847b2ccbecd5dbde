// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/faults/socket.c selftests/faults/netlink.c selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/module.c selftests/lib/fault.c */
/*
 * Every operation with its n-th allocation failing, for n from 1 until it
 * succeeds without reaching that many: it fails with the right errno or copes,
 * and when it is tried again right after, it works. The same with the copies
 * from and to user memory. What leaks is found by the run around this.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "faults/ops.h"
#include "lib/fault.h"
#include "lib/module.h"

#define TRIES 400		/* no operation has so many */

static bool right_errno(const struct fault_op *op, enum fault_kind kind, int err)
{
	if (kind == FAULT_COPY)
		return err == -EFAULT;
	return err == -ENOMEM || err == -ENOBUFS || (op->also && err == op->also);
}

/* One try. Sets @hit: that many allocations there were. */
static bool try_nth(struct ground *g, const struct fault_op *op, enum fault_kind kind,
		    unsigned int n, bool *hit, unsigned int *refused)
{
	int err;

	check(op->before(g));
	fault_arm(n);
	err = op->call(g);
	*hit = fault_disarm();
	if (err) {
		check(*hit);
		(*refused)++;
		if (!right_errno(op, kind, err)) {
			check_failed(__FILE__, __LINE__, "%s says %d", op->name, err);
			return false;
		}
		err = op->call(g);
		if (err != op->obeyed)
			check_is(err, 0);
	}
	return op->after(g);
}

static bool try_all(struct ground *g, const struct fault_op *op, enum fault_kind kind)
{
	unsigned int n = 0, refused = 0;
	bool hit;

	do {
		check(++n < TRIES);
		if (!try_nth(g, op, kind, n, &hit, &refused)) {
			printf("# %s: number %u\n", op->name, n);
			drop_fd(g);
			return false;
		}
	} while (hit);
	printf("# %-30s %3u failures, %3u of them refused\n", op->name, n - 1, refused);
	return true;
}

static bool ground_open(struct ground *g, enum path path)
{
	memset(g, 0, sizeof(*g));
	g->path = path;
	check(duo_open(&g->duo, path, ID));
	check_is(side_session(&g->duo.k, ID + 1, &g->duo.p.addr), 0);
	check_is(side_session(&g->duo.k, ID + 2, &g->duo.p.addr), 0);
	check(ctl_open(&g->ctl, path, 0));
	check(ctl_open(&g->events, path, 0));
	check_is(stt_ctl_subscribe(g->events), 0);
	return true;
}

static bool all_ops(enum fault_kind kind, enum path path)
{
	bool good = true;
	struct ground g;

	check(ground_open(&g, path));
	check(fault_select(kind));
	for (size_t i = 0; i < n_fault_socket_ops; i++)
		good &= try_all(&g, &fault_socket_ops[i], kind);
	for (size_t i = 0; i < n_fault_netlink_ops; i++)
		good &= try_all(&g, &fault_netlink_ops[i], kind);
	check(duo_quiet(&g.duo));
	return good;
}

static bool allocations(int path)
{
	return all_ops(FAULT_ALLOC, path);
}

static bool copies(int path)
{
	return all_ops(FAULT_COPY, path);
}

/* ------------------------------------------------------------------------ */
/* Where no caller waits                                                    */

/* A frame that came alone is opened where it lies: that takes no memory. */
static bool frames_in(int path)
{
	struct duo d;
	char c;

	check(duo_open(&d, path, ID));
	check(fault_anywhere(1));
	for (unsigned int i = 0; i < 10; i++)
		check(peer_send(&d.p, "x", 1));
	check(fault_nowhere());
	for (unsigned int i = 0; i < 10; i++)
		check_is(recv(d.fd, &c, 1, MSG_DONTWAIT), 1);
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_NO_MEMORY), 0);
	return true;
}

static bool send_halves(struct peer *p)
{
	struct frame f;

	for (unsigned int i = 0; i < 2; i++) {
		f = peer_next(p, "half", 4);
		f.frag = (uint8_t)i;
		f.last = 1;
		check(peer_send_frame(p, &f));
	}
	return true;
}

/* One message in so many is lost, is counted, and the others come. */
static bool fragments_in(int path)
{
	struct duo d;
	char buf[8];

	check(duo_open(&d, path, ID));
	for (unsigned int n = 1; n <= 4; n++) {
		unsigned int came = 0, sent = 2 * n;

		check(fault_anywhere(n));
		for (unsigned int i = 0; i < sent; i++)
			check(send_halves(&d.p));
		check(fault_nowhere());
		while (recv(d.fd, buf, sizeof(buf), MSG_DONTWAIT) == 8)
			came++;
		check_is(came, sent - 1);
		check(session_stat(&d.k, ID, STT_A_STATS_DROP_FRAGMENT) >= n);
		check(duo_quiet(&d));
	}
	return true;
}

static bool handshakes_in(int path)
{
	const uint8_t hello[STT_HS_HELLO_LEN] = { STT_FRAME_HELLO };
	struct duo d;
	struct ground g = { .path = path };

	check(duo_open(&d, path, ID));
	g.duo = d;
	check(with_socket(&g));
	check_is(bind_handshake(&g), 0);
	check(fault_anywhere(1));
	check(peer_raw(&d.p, hello, sizeof(hello)));
	check(peer_raw(&d.p, hello, sizeof(hello)));
	check(fault_nowhere());
	check_is(node_stat(&d.k, STT_A_STATS_DROP_NO_MEMORY), 1);
	check_is(receive(&g), 0);
	check_is(receive(&g), -EAGAIN);
	return true;
}

/* A heartbeat that could not be sent is counted; the next one is. */
static bool heartbeat_out(int path)
{
	const uint64_t until = now_ms() + TIMEOUT_MS;
	struct duo d;

	/* Often enough, and the peer does not die of a machine that is slow. */
	check(duo_open_heartbeat(&d, path, ID, 1000));
	check(fault_anywhere(1));
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT, NULL, 0));
	check(fault_nowhere());
	check_is(session_stat(&d.k, ID, STT_A_STATS_TX_ERRORS), 1);
	check(now_ms() < until);
	return true;
}

/* The module comes in whole or not at all. */
static bool loading(int arg)
{
	unsigned int n = 0;
	bool hit;
	int ret;

	(void)arg;
	/* When it cannot make the cache's directory it leaks the name. */
	check(fault_only_in("do_one_initcall") && fault_not_in("sysfs_slab_add"));
	do {
		check(++n < TRIES);
		check_is(module_remove(), 0);
		fault_arm(n);
		ret = module_insert();
		hit = fault_disarm();
		if (ret)
			check(errno == ENOMEM || errno == ENOBUFS);
		if (ret)
			check_is(module_insert(), 0);
	} while (hit);
	printf("# %u failures\n", n - 1);
	return fault_not_in("__alloc_object");
}

static const struct test tests[] = {
	{ "A5 allocations fail: every operation, IPv4", allocations, PATH_LO4 },
	{ "A5 allocations fail: every operation, IPv6", allocations, PATH_LO6 },
	{ "A5 copies from and to user memory fail: every operation", copies, PATH_LO4 },
	{ "A5 a frame that came alone needs no memory", frames_in, PATH_LO4 },
	{ "A5 no memory for a message of two frames", fragments_in, PATH_LO4 },
	{ "A5 no memory for a handshake that came", handshakes_in, PATH_LO6 },
	{ "A5 no memory for a heartbeat", heartbeat_out, PATH_LO4 },
	{ "A5 no memory while the module is loaded", loading, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (!fault_open()) {
		printf("1..0 # SKIP no fault injection in this kernel\n");
		return 0;
	}
	return suite(tests);
}
