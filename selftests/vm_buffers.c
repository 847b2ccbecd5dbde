// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* A22, A23: the limits of a socket's memory are kept, and STT_MTU is true. */
#include <net/if.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>

#include "lib/peer.h"

#define ID 0xb0fULL
#define FLOOD 400

static char kilobyte[1024];

static bool set_buffer(int fd, int opt, int size)
{
	check_is(setsockopt(fd, SOL_SOCKET, opt, &size, sizeof(size)), 0);
	return true;
}

static int get_buffer(int fd, int opt)
{
	int size = 0;
	socklen_t len = sizeof(size);

	getsockopt(fd, SOL_SOCKET, opt, &size, &len);
	return size;
}

static int largest_queue(const struct stt_socket_info *s, void *arg)
{
	struct stt_socket_info *out = arg;

	if (s->rx_queue >= out->rx_queue)
		*out = *s;
	return 0;
}

static int drain(int fd)
{
	char buf[2048];
	int n = 0;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

static bool receive_buffer(int arg)
{
	struct stt_socket_info info = { 0 };
	struct sides l;
	int a, b, got;

	(void)arg;
	check(sides_open(&l, PATH_V4, ID));
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check(set_buffer(b, SO_RCVBUF, 20000));
	for (int i = 0; i < FLOOD; i++)
		check_is(send(a, kilobyte, sizeof(kilobyte), 0), sizeof(kilobyte));

	check_is(stt_ctl_socket_dump(l.b.ctl, largest_queue, &info), 0);
	/* The last message may begin below the limit and end above it. */
	check(info.rx_queue > 0 && info.rx_queue < (uint32_t)get_buffer(b, SO_RCVBUF) + 4096);
	got = drain(b);
	check(got > 5 && got < 40);
	check_is(session_stat(&l.b, ID, STT_A_STATS_DROP_RCVBUF), FLOOD - got);
	check_is(info.drops, FLOOD - got);

	check_is(send(a, "room again", 10, 0), 10);
	check(receives(b, "room again", 10));
	return true;
}

/* A slow reader of one session costs another nothing. */
static bool slow_reader(int arg)
{
	struct sides l;
	int a[2], b[2];

	(void)arg;
	check(sides_open(&l, PATH_V4, 1));
	check_is(side_session(&l.a, 2, &l.b.addr), 0);
	check_is(side_session(&l.b, 2, &l.a.addr), 0);
	for (int i = 0; i < 2; i++) {
		a[i] = stt_connected(&l.a, i + 1, 0);
		b[i] = stt_connected(&l.b, i + 1, 0);
	}
	check(set_buffer(b[0], SO_RCVBUF, 5000));
	for (int i = 0; i < 100; i++) {
		check_is(send(a[0], kilobyte, sizeof(kilobyte), 0), sizeof(kilobyte));
		check_is(send(a[1], &i, sizeof(i), 0), sizeof(i));
		check(receives(b[1], &i, sizeof(i)));
	}
	check(session_stat(&l.b, 1, STT_A_STATS_DROP_RCVBUF) > 80);
	check_is(session_stat(&l.b, 2, STT_A_STATS_DROP_RCVBUF), 0);
	return true;
}

/*
 * A session whose peer's address nobody answers for: what is sent waits for
 * the neighbour, charged to the socket, until the kernel gives that up.
 */
static bool stuck_session(struct side *s, int *fd)
{
	union stt_addr nobody = addr_of("10.77.1.99", 4444);

	check(side_open(s, PATH_V4, 0));
	check_is(side_session(s, ID, &nobody), 0);
	*fd = stt_connected(s, ID, 0);
	check(*fd >= 0);
	check(set_buffer(*fd, SO_SNDBUF, 8192));
	return true;
}

static int fill(int fd)
{
	int n = 0;

	while (send(fd, kilobyte, sizeof(kilobyte), MSG_DONTWAIT) > 0)
		n++;
	return errno == EAGAIN ? n : -1;
}

static bool send_buffer(int arg)
{
	struct timeval tv = { .tv_usec = 50000 };
	struct pollfd p = { .events = POLLOUT };
	struct side s;
	int fd, n, queued;

	(void)arg;
	check(stuck_session(&s, &fd));
	n = fill(fd);
	check(n > 2 && n < 20);
	check_is(ioctl(fd, SIOCOUTQ, &queued), 0);
	check(queued > n * 1024 && queued < get_buffer(fd, SO_SNDBUF) + 4096);
	p.fd = fd;
	check_is(poll(&p, 1, 0), 0);
	check_is(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	check_fails(send(fd, kilobyte, sizeof(kilobyte), 0), EAGAIN);

	/* When the neighbour is given up there is room again. */
	check_is(poll(&p, 1, TIMEOUT_MS), 1);
	check(send(fd, kilobyte, sizeof(kilobyte), MSG_DONTWAIT) > 0);
	return true;
}

static long send_one(void *arg)
{
	return send(*(int *)arg, kilobyte, sizeof(kilobyte), 0);
}

static bool sender_waits(int arg)
{
	struct worker w;
	struct side s;
	int fd;

	(void)arg;
	check(stuck_session(&s, &fd));
	check(fill(fd) > 0);
	check(worker_start(&w, send_one, &fd));
	check(worker_blocked(&w));
	check_is(worker_join(&w), sizeof(kilobyte));
	return true;
}

/* shutdown() wakes a writer as well. */
static bool shutdown_sender(int arg)
{
	struct worker w;
	struct side s;
	int fd;

	(void)arg;
	check(stuck_session(&s, &fd));
	check(fill(fd) > 0);
	check(worker_start(&w, send_one, &fd));
	check(worker_blocked(&w));
	check_is(shutdown(fd, SHUT_WR), 0);
	check_is(worker_join(&w), -1);
	check_is(w.err, EPIPE);
	return true;
}

static bool link_mtu(enum path path, int mtu)
{
	struct ifreq ifr = { .ifr_name = "to_b", .ifr_mtu = mtu };
	int fd;

	check(enter(path, 0));
	fd = keep(socket(AF_INET, SOCK_DGRAM, 0));
	check_is(ioctl(fd, SIOCSIFMTU, &ifr), 0);
	return true;
}

static bool mtu_is(int fd, unsigned int wanted)
{
	unsigned int mtu = 0;
	socklen_t len = sizeof(mtu);
	int segment;

	check_is(getsockopt(fd, SOL_STT, STT_MTU, &mtu, &len), 0);
	check_is(mtu, wanted);
	/* A segment is never split, so its size is the limit. */
	segment = (int)wanted;
	check_is(setsockopt(fd, SOL_STT, STT_SEGMENT, &segment, sizeof(segment)), 0);
	check_is(send(fd, kilobyte, wanted + 1, 0), wanted + 1);
	segment++;
	check_is(setsockopt(fd, SOL_STT, STT_SEGMENT, &segment, sizeof(segment)), 0);
	check_fails(send(fd, kilobyte, wanted + 2, 0), EMSGSIZE);
	return true;
}

static bool mtu_follows(int path)
{
	unsigned int over = (path == PATH_V6 ? 40 : 20) + 8 + FRAME_OVERHEAD;
	struct sides l;
	bool ok;
	int fd;

	check(sides_open(&l, path, ID));
	fd = stt_connected(&l.a, ID, 0);
	check(stt_bound(&l.b, ID) >= 0);
	check(link_mtu(path, 1000));
	ok = mtu_is(fd, 1000 - over);
	/* IPv6 needs 1280 to live. */
	check(link_mtu(path, 1500));
	check(ok);
	return true;
}

static bool options(int arg)
{
	struct sides l;
	unsigned int v[2] = { 0 };
	socklen_t len = sizeof(v);
	int fd;

	(void)arg;
	check(sides_open(&l, PATH_V4, ID));
	fd = stt_bound(&l.a, ID);
	check_fails(getsockopt(fd, SOL_STT, STT_MTU, v, &len), ENOTCONN);
	fd = stt_connected(&l.b, ID, 0);
	check_is(getsockopt(fd, SOL_STT, STT_MTU, v, &len), 0);
	check_is(len, 4);
	len = 3;
	check_fails(getsockopt(fd, SOL_STT, STT_MTU, v, &len), EINVAL);
	len = -1;
	check_fails(getsockopt(fd, SOL_STT, STT_MTU, v, &len), EINVAL);
	len = 4;
	check_fails(getsockopt(fd, SOL_STT, 99, v, &len), ENOPROTOOPT);
	check_fails(getsockopt(fd, IPPROTO_UDP, 1, v, &len), ENOPROTOOPT);
	check_fails(setsockopt(fd, SOL_STT, STT_MTU, v, 4), ENOPROTOOPT);
	check_fails(getsockopt(fd, SOL_STT, STT_MTU, (void *)8, &len), EFAULT);
	return true;
}

static const struct test tests[] = {
	{ "A22 SO_RCVBUF holds, drops are counted, then it recovers", receive_buffer, 0 },
	{ "A19 a slow reader costs other sessions nothing", slow_reader, 0 },
	{ "A22 SO_SNDBUF holds: EAGAIN, SO_SNDTIMEO, then POLLOUT", send_buffer, 0 },
	{ "A22 a sender waits for room", sender_waits, 0 },
	{ "A22 shutdown wakes a sender that waits for room", shutdown_sender, 0 },
	{ "A16 STT_MTU follows the link, IPv4", mtu_follows, PATH_V4 },
	{ "A22 socket options: what there is not is refused", options, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
