// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* A22: what a program may do with a datagram socket works with this one. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/filter.h>
#include <linux/sockios.h>

#include "lib/peer.h"

#define ID 0xabcdefULL

static volatile sig_atomic_t pipes;

static void on_pipe(int sig)
{
	(void)sig;
	pipes++;
}

/* A session, and a connected socket at each end. */
struct pair {
	struct sides l;
	int a, b;
};

static bool pair_open(struct pair *p)
{
	check(sides_open(&p->l, PATH_V4, ID));
	p->a = stt_connected(&p->l.a, ID, 0);
	p->b = stt_connected(&p->l.b, ID, 0);
	check(p->a >= 0 && p->b >= 0);
	return true;
}

static bool would_block(int arg)
{
	struct pair p;
	char c;

	(void)arg;
	check(pair_open(&p));
	check_fails(recv(p.b, &c, 1, MSG_DONTWAIT), EAGAIN);
	check_is(fcntl(p.b, F_SETFL, O_NONBLOCK), 0);
	check_fails(recv(p.b, &c, 1, 0), EAGAIN);
	check_is(send(p.a, "x", 1, MSG_DONTWAIT), 1);
	check_is(recv(p.b, &c, 1, 0), 1);
	return true;
}

static bool peek(int arg)
{
	struct pair p;
	char buf[10];

	(void)arg;
	check(pair_open(&p));
	check_is(send(p.a, "one", 3, 0), 3);
	check_is(send(p.a, "two", 3, 0), 3);
	for (int i = 0; i < 3; i++) {
		check_is(recv(p.b, buf, sizeof(buf), MSG_PEEK), 3);
		check(!memcmp(buf, "one", 3));
	}
	check(receives(p.b, "one", 3));
	check(receives(p.b, "two", 3));
	check(is_empty(p.b));
	return true;
}

static bool truncate_short(int arg)
{
	char buf[4] = "....";
	struct iovec iov = { buf, 3 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct pair p;

	(void)arg;
	check(pair_open(&p));
	check_is(send(p.a, "truncated", 9, 0), 9);
	check_is(send(p.a, "truncated", 9, 0), 9);
	check_is(send(p.a, "abc", 3, 0), 3);
	check_is(recvmsg(p.b, &msg, 0), 3);
	check(msg.msg_flags & MSG_TRUNC);
	check(!memcmp(buf, "tru.", 4));
	check_is(recvmsg(p.b, &msg, MSG_TRUNC), 9);
	check(msg.msg_flags & MSG_TRUNC);
	check_is(recvmsg(p.b, &msg, 0), 3);
	check(!(msg.msg_flags & MSG_TRUNC));
	check(!memcmp(buf, "abc.", 4));
	return true;
}

static bool receive_timeout(int arg)
{
	struct pair p;
	uint64_t start, took;
	char c;

	(void)arg;
	check(pair_open(&p));
	check(set_timeout(p.b, 200));
	start = now_ms();
	check_fails(recv(p.b, &c, 1, 0), EAGAIN);
	took = now_ms() - start;
	check(took >= 190 && took < 2000);
	return true;
}

static bool gather_scatter(int arg)
{
	char one[3], two[100];
	struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cdef", 4 } };
	struct iovec in[2] = { { one, 3 }, { two, sizeof(two) } };
	struct msghdr msg = { .msg_iov = out, .msg_iovlen = 3 };
	struct pair p;

	(void)arg;
	check(pair_open(&p));
	check_is(sendmsg(p.a, &msg, 0), 6);
	msg = (struct msghdr) { .msg_iov = in, .msg_iovlen = 2 };
	check_is(recvmsg(p.b, &msg, 0), 6);
	check(!memcmp(one, "abc", 3) && !memcmp(two, "def", 3));
	return true;
}

static bool bad_memory(int arg)
{
	struct pair p;

	(void)arg;
	check(pair_open(&p));
	check_fails(send(p.a, (void *)8, 100, 0), EFAULT);
	check_is(session_stat(&p.l.a, ID, STT_A_STATS_TX_FRAMES), 0);
	check_is(send(p.a, "ok", 2, 0), 2);
	check_fails(recv(p.b, (void *)8, 100, 0), EFAULT);
	check_is(send(p.a, "again", 5, 0), 5);
	check(receives(p.b, "again", 5));
	return true;
}

static bool flags_refused(int arg)
{
	char control[CMSG_SPACE(4)] = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct pair p;
	char c;

	(void)arg;
	check(pair_open(&p));
	CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(4);
	CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_STT;
	CMSG_FIRSTHDR(&msg)->cmsg_type = 99;
	check_fails(sendmsg(p.a, &msg, 0), EINVAL);
	check_fails(send(p.a, "x", 1, MSG_OOB), EOPNOTSUPP);
	check_fails(recv(p.b, &c, 1, MSG_OOB), EOPNOTSUPP);
	check(is_empty(p.b));
	return true;
}

static bool many_at_once(int arg)
{
	char text[32][8], in[40][8];
	struct mmsghdr out[32] = { 0 }, got[40] = { 0 };
	struct iovec iov[32], iov2[40];
	struct pair p;

	(void)arg;
	check(pair_open(&p));
	for (int i = 0; i < 32; i++) {
		memset(text[i], 'a' + i, 8);
		iov[i] = (struct iovec) { text[i], i % 8 + 1 };
		out[i].msg_hdr = (struct msghdr) { .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	for (int i = 0; i < 40; i++) {
		iov2[i] = (struct iovec) { in[i], 8 };
		got[i].msg_hdr = (struct msghdr) { .msg_iov = &iov2[i], .msg_iovlen = 1 };
	}
	check_is(sendmmsg(p.a, out, 32, 0), 32);
	check_is(recvmmsg(p.b, got, 40, MSG_DONTWAIT, NULL), 32);
	for (int i = 0; i < 32; i++) {
		check_is(got[i].msg_len, i % 8 + 1);
		check(!memcmp(in[i], text[i], i % 8 + 1));
	}
	return true;
}

static bool poll_says(int fd, short wanted)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	check(poll(&p, 1, 0) >= 0);
	check_is(p.revents, wanted);
	return true;
}

static bool polling(int arg)
{
	struct pair p;

	(void)arg;
	check(pair_open(&p));
	check(poll_says(p.b, POLLOUT));
	check_is(send(p.a, "", 0, 0), 0);
	check(poll_says(p.b, POLLOUT | POLLIN));
	check(receives(p.b, "", 0));
	check(poll_says(p.b, POLLOUT));
	check_is(shutdown(p.b, SHUT_RD), 0);
	check(poll_says(p.b, POLLOUT | POLLIN | POLLRDHUP));
	check_is(shutdown(p.b, SHUT_WR), 0);
	check(poll_says(p.b, POLLOUT | POLLIN | POLLRDHUP | POLLHUP));
	return true;
}

static bool epoll_modes(int edge)
{
	struct epoll_event ev = { .events = EPOLLIN | (edge ? EPOLLET : 0) };
	struct pair p;
	int ep = keep(epoll_create1(0));

	check(pair_open(&p));
	check_is(epoll_ctl(ep, EPOLL_CTL_ADD, p.b, &ev), 0);
	check_is(epoll_wait(ep, &ev, 1, 0), 0);
	for (int i = 0; i < 3; i++) {
		check_is(send(p.a, "x", 1, 0), 1);
		check_is(epoll_wait(ep, &ev, 1, TIMEOUT_MS), 1);
		/* Not read: level tells again, edge waits for news. */
		check_is(epoll_wait(ep, &ev, 1, 0), !edge);
	}
	for (int i = 0; i < 3; i++)
		check(receives(p.b, "x", 1));
	check_is(epoll_wait(ep, &ev, 1, 0), 0);
	return true;
}

static long block_poll(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	return poll(&p, 1, TIMEOUT_MS);
}

/* shutdown() wakes who waits, at once. */
static bool shutdown_wakes(int how)
{
	struct worker reader, poller;
	uint64_t start;
	struct pair p;
	char c;

	check(pair_open(&p));
	check(worker_start(&reader, block_recv, &p.b));
	check(worker_start(&poller, block_poll, &p.b));
	check(worker_blocked(&reader) && worker_blocked(&poller));
	start = now_ms();
	check_is(shutdown(p.b, how), 0);
	check_is(worker_join(&reader), 0);
	check_is(worker_join(&poller), 1);
	check(now_ms() - start < 1000);
	check_is(recv(p.b, &c, 1, 0), 0);
	return true;
}

static bool shutdown_read(int arg)
{
	struct pair p;
	char c;

	(void)arg;
	check(pair_open(&p));
	check_is(send(p.a, "before", 6, 0), 6);
	check_is(shutdown(p.b, SHUT_RD), 0);
	check_is(send(p.a, "after", 5, 0), 5);
	check(receives(p.b, "before", 6));
	check_is(recv(p.b, &c, 1, 0), 0);
	check_is(recv(p.b, &c, 1, MSG_DONTWAIT), 0);
	check_is(session_stat(&p.l.b, ID, STT_A_STATS_DROP_NO_READER), 1);
	/* Sending still works. */
	check_is(send(p.b, "x", 1, 0), 1);
	check(receives(p.a, "x", 1));
	return true;
}

static bool shutdown_write(int arg)
{
	struct pair p;

	(void)arg;
	check(pair_open(&p));
	signal(SIGPIPE, on_pipe);
	check_is(shutdown(p.b, SHUT_WR), 0);
	check_fails(send(p.b, "x", 1, 0), EPIPE);
	check_is(send(p.a, "x", 1, 0), 1);
	check(receives(p.b, "x", 1));
	check_fails(shutdown(p.b, 3), EINVAL);
	check_fails(shutdown(p.b, -1), EINVAL);
	check_is(pipes, 0);
	return true;
}

static long recv_number(void *arg)
{
	int n;

	return recv(*(int *)arg, &n, sizeof(n), 0) == sizeof(n) ? n : -1;
}

static bool several_readers(int arg)
{
	struct worker w[4];
	unsigned int seen = 0;
	struct pair p;

	(void)arg;
	check(pair_open(&p));
	for (int i = 0; i < 4; i++)
		check(worker_start(&w[i], recv_number, &p.b));
	for (int i = 0; i < 4; i++)
		check(worker_blocked(&w[i]));
	for (int i = 0; i < 4; i++)
		check_is(send(p.a, &i, sizeof(i), 0), sizeof(i));
	for (int i = 0; i < 4; i++)
		seen |= 1U << worker_join(&w[i]);
	check_is(seen, 0xf);
	return true;
}

static bool queue_lengths(int arg)
{
	struct pair p;
	int n = -1;

	(void)arg;
	check(pair_open(&p));
	check_is(ioctl(p.b, SIOCINQ, &n), 0);
	check_is(n, 0);
	check_is(send(p.a, "first", 5, 0), 5);
	check_is(send(p.a, "second!", 7, 0), 7);
	check_is(ioctl(p.b, SIOCINQ, &n), 0);
	check_is(n, 5);
	check(receives(p.b, "first", 5));
	check_is(ioctl(p.b, SIOCINQ, &n), 0);
	check_is(n, 7);
	check_is(ioctl(p.a, SIOCOUTQ, &n), 0);
	check_is(n, 0);
	check_fails(ioctl(p.a, SIOCATMARK, &n), ENOTTY);
	return true;
}

static bool gro_is(int fd, int wanted)
{
	int value[2] = { -1, -1 };
	socklen_t len = sizeof(value);

	check_is(getsockopt(fd, SOL_STT, STT_GRO, value, &len), 0);
	check_is(len, sizeof(int));
	check_is(value[0], wanted);
	check_is(value[1], -1);
	return true;
}

static int set_gro(int fd, int value, socklen_t len)
{
	return setsockopt(fd, SOL_STT, STT_GRO, &value, len);
}

/* What is wrong changes neither the option nor the caller's memory. */
static bool option(int arg)
{
	socklen_t len = sizeof(int) - 1;
	int value = -1, fd;

	(void)arg;
	fd = stt_socket(PATH_V4, 0);
	check(gro_is(fd, 0));
	check_is(set_gro(fd, 1, sizeof(int)), 0);
	check(gro_is(fd, 1));
	check_fails(set_gro(fd, 2, sizeof(int)), EINVAL);
	check_fails(set_gro(fd, -1, sizeof(int)), EINVAL);
	check_fails(set_gro(fd, 0, sizeof(int) - 1), EINVAL);
	check_fails(setsockopt(fd, SOL_STT, STT_GRO, (void *)8, sizeof(int)), EFAULT);
	check_fails(getsockopt(fd, SOL_STT, STT_GRO, &value, &len), EINVAL);
	check_is(len, sizeof(int) - 1);
	len = -1;
	check_fails(getsockopt(fd, SOL_STT, STT_GRO, &value, &len), EINVAL);
	len = sizeof(int);
	check_fails(getsockopt(fd, SOL_STT, STT_GRO, (void *)8, &len), EFAULT);
	check_fails(getsockopt(fd, SOL_STT, STT_GRO, &value, (void *)8), EFAULT);
	check_fails(getsockopt(fd, SOL_STT, 99, &value, &len), ENOPROTOOPT);
	check_fails(getsockopt(fd, SOL_STT + 1, STT_GRO, &value, &len), ENOPROTOOPT);
	check_is(value, -1);
	check(gro_is(fd, 1));
	check_is(set_gro(fd, 0, sizeof(int)), 0);
	check(gro_is(fd, 0));
	return true;
}

/* A filter sees the plaintext: this one wants messages that begin with 'y'. */
static bool filters(int arg)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };
	struct pair p;

	(void)arg;
	check(pair_open(&p));
	check_is(setsockopt(p.b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), 0);
	check_is(send(p.a, "no", 2, 0), 2);
	check_is(send(p.a, "", 0, 0), 0);
	check_is(send(p.a, "yes", 3, 0), 3);
	check(receives(p.b, "yes", 3));
	check(is_empty(p.b));
	check_is(session_stat(&p.l.b, ID, STT_A_STATS_DROP_FILTER), 2);
	check_is(socket_drops(p.b), 2);
	return true;
}

static const struct test tests[] = {
	{ "A22 EAGAIN of MSG_DONTWAIT and O_NONBLOCK", would_block, 0 },
	{ "A22 MSG_PEEK", peek, 0 },
	{ "A22 MSG_TRUNC", truncate_short, 0 },
	{ "A22 SO_RCVTIMEO", receive_timeout, 0 },
	{ "A22 several buffers a message", gather_scatter, 0 },
	{ "A22 bad memory: EFAULT, and the socket lives", bad_memory, 0 },
	{ "A22 MSG_OOB and unknown control messages are refused", flags_refused, 0 },
	{ "A22 sendmmsg and recvmmsg", many_at_once, 0 },
	{ "A22 poll", polling, 0 },
	{ "A22 epoll, level", epoll_modes, 0 },
	{ "A22 epoll, edge", epoll_modes, 1 },
	{ "A22 shutdown SHUT_RD wakes readers at once", shutdown_wakes, SHUT_RD },
	{ "A22 shutdown SHUT_RDWR wakes readers at once", shutdown_wakes, SHUT_RDWR },
	{ "A22 after SHUT_RD what is queued can be read", shutdown_read, 0 },
	{ "A22 after SHUT_WR: EPIPE without a signal", shutdown_write, 0 },
	{ "A22 several readers get a message each", several_readers, 0 },
	{ "A22 SIOCINQ and SIOCOUTQ", queue_lengths, 0 },
	{ "A22 STT_GRO is read as it was set, and wrong calls are refused", option, 0 },
	{ "A22 SO_ATTACH_FILTER on the plaintext", filters, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
