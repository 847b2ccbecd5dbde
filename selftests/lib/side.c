// SPDX-License-Identifier: GPL-2.0-only
/* Nodes in network namespaces, see side.h. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "side.h"
#include "sysctl.h"

const char *env(const char *name)
{
	const char *value = getenv(name);

	if (!value) {
		printf("Bail out! %s is not set: run the script, not the program\n", name);
		exit(1);
	}
	return value;
}

static bool on_loopback(enum path path)
{
	return path == PATH_LO4 || path == PATH_LO6;
}

/* A thread that is there already needs no privilege to stay. */
bool enter(enum path path, int end)
{
	static __thread const char *now;
	const char *name = env(end && !on_loopback(path) ? "NS_B" : "NS_A");
	char file[300];
	bool ok;
	int fd;

	if (now && !strcmp(now, name))
		return true;
	snprintf(file, sizeof(file), "/run/netns/%s", name);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	ok = fd >= 0 && !setns(fd, CLONE_NEWNET);
	if (fd >= 0)
		close(fd);
	if (ok)
		now = name;
	return ok;
}

/* ------------------------------------------------------------------------ */
/* Addresses                                                                */

union stt_addr addr_of(const char *text, uint16_t port)
{
	union stt_addr a;

	memset(&a, 0, sizeof(a));
	if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
	} else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
	}
	return a;
}

socklen_t addr_len(const union stt_addr *addr)
{
	return addr->sa.sa_family == AF_INET6 ? sizeof(addr->in6) : sizeof(addr->in);
}

bool addr_equal(const union stt_addr *a, const union stt_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET6)
		return a->in6.sin6_port == b->in6.sin6_port &&
		       !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16);
	return a->in.sin_port == b->in.sin_port &&
	       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

/* Where an end is reached. */
static const char *address_text(enum path path, int end)
{
	switch (path) {
	case PATH_LO4:
		return "127.0.0.1";
	case PATH_LO6:
		return "::1";
	case PATH_V6:
		return env(end ? "NS_B6" : "NS_A6");
	default:
		return env(end ? "NS_B4" : "NS_A4");
	}
}

static uint16_t bound_port(int fd)
{
	union stt_addr a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, &a.sa, &len))
		return 0;
	return ntohs(a.in.sin_port);
}

int udp_open_at(enum path path, int end, const char *text, union stt_addr *addr)
{
	union stt_addr a = addr_of(text, 0);
	int fd;

	if (!enter(path, end))
		return -1;
	fd = keep(socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	if (fd < 0 || bind(fd, &a.sa, addr_len(&a)) || !set_timeout(fd, TIMEOUT_MS))
		return -1;
	*addr = addr_of(text, bound_port(fd));
	return fd;
}

int udp_open(enum path path, int end, union stt_addr *addr)
{
	const char *text = address_text(path, end);
	int fd;

	if (path != PATH_MIXED || end)
		return udp_open_at(path, end, text, addr);
	fd = udp_open_at(path, end, "::", addr);
	*addr = addr_of(text, fd < 0 ? 0 : bound_port(fd));
	return fd;
}

/* ------------------------------------------------------------------------ */
/* Nodes and sessions                                                       */

/* What sendmsg() says of @msg when one control message goes along. */
static ssize_t send_control(int fd, struct msghdr *msg, int level, int type, const void *value,
			    size_t len, int flags)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct stt_fanout))] = { 0 };
	struct cmsghdr *cmsg = (struct cmsghdr *)control;

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), value, len);
	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(len);
	return sendmsg(fd, msg, flags);
}

ssize_t udp_send_batch(int fd, const union stt_addr *to, const void *bytes, size_t len,
		       uint16_t step, int flags)
{
	struct iovec iov = { (void *)bytes, len };
	struct msghdr msg = {
		.msg_name = (void *)to, .msg_namelen = addr_len(to),
		.msg_iov = &iov, .msg_iovlen = 1,
	};

	return send_control(fd, &msg, IPPROTO_UDP, UDP_SEGMENT, &step, sizeof(step), flags);
}

static void close_ctl(void *ctl)
{
	stt_ctl_close(ctl);
}

bool ctl_open(struct stt_ctl **ctl, enum path path, int end)
{
	check(enter(path, end));
	check_is(stt_ctl_open(ctl), 0);
	at_end(close_ctl, *ctl);
	return true;
}

bool side_open_heartbeat(struct side *s, enum path path, int end, uint32_t heartbeat_ms)
{
	*s = (struct side) { .path = path, .end = end };
	s->udp = udp_open(path, end, &s->addr);
	check(s->udp >= 0);
	check(ctl_open(&s->ctl, path, end));
	check_is(stt_ctl_node_new(s->ctl, s->udp, &heartbeat_ms, &s->node), 0);
	return true;
}

bool side_open(struct side *s, enum path path, int end)
{
	return side_open_heartbeat(s, path, end, 0);
}

unsigned int key_round[8];
uint8_t key_suite = STT_SUITE_CHACHA20POLY1305;

__attribute__((constructor)) static void suite_of_environment(void)
{
	const char *wanted = getenv("SUITE");

	for (int i = 1; wanted && i < 32; i++) {
		const char *name = stt_suite_name(i);

		if (name && !strcmp(name, wanted)) {
			key_suite = i;
			return;
		}
	}
	if (wanted) {
		printf("Bail out! SUITE=%s: no such suite\n", wanted);
		exit(1);
	}
}

void key_of(uint8_t secret[STT_KEY_LEN], uint64_t id, int from, uint8_t epoch)
{
	char text[80];

	snprintf(text, sizeof(text), "selftest %llu %d %u %u", (unsigned long long)id, from,
		 epoch, key_round[epoch % 8]);
	crypto_generichash(secret, STT_KEY_LEN, (const uint8_t *)text, strlen(text), NULL, 0);
}

struct stt_key key_spec(uint64_t id, int end, uint8_t direction, uint8_t epoch)
{
	struct stt_key key = {
		.epoch = epoch,
		.direction = direction,
		.suite = key_suite,
	};

	key_of(key.secret, id, direction == STT_DIRECTION_TX ? end : !end, epoch);
	return key;
}

struct stt_session_info session_spec(const struct side *s, uint64_t id,
				     const union stt_addr *peer)
{
	return (struct stt_session_info) {
		.node = s->node,
		.id = id,
		.state = STT_SESSION_STATE_ACTIVE,
		.peer = *peer,
		.n_keys = 2,
		.keys = {
			key_spec(id, s->end, STT_DIRECTION_TX, 0),
			key_spec(id, s->end, STT_DIRECTION_RX, 0),
		},
	};
}

int side_session(struct side *s, uint64_t id, const union stt_addr *peer)
{
	struct stt_session_info spec = session_spec(s, id, peer);

	return stt_ctl_session_new(s->ctl, &spec);
}

int side_key(struct side *s, uint64_t id, uint8_t direction, uint8_t epoch)
{
	struct stt_key key = key_spec(id, s->end, direction, epoch);

	return stt_ctl_key_new(s->ctl, s->node, id, &key);
}

struct stt_session_info side_get(const struct side *s, uint64_t id)
{
	struct stt_session_info info = { 0 };

	if (stt_ctl_session_get(s->ctl, s->node, id, &info))
		printf("# no session %llx: %s\n", (unsigned long long)id, stt_errmsg());
	return info;
}

uint64_t session_stat(const struct side *s, uint64_t id, unsigned int stat)
{
	return side_get(s, id).stats.v[stat];
}

uint64_t node_stat(const struct side *s, unsigned int stat)
{
	struct stt_node_info info = { 0 };

	if (stt_ctl_node_get(s->ctl, s->node, &info))
		printf("# no node %u: %s\n", s->node, stt_errmsg());
	return info.stats.v[stat];
}

static int see_node(const struct stt_node_info *n, void *arg)
{
	(void)n;
	(void)arg;
	return 0;
}

int dump_nodes(struct stt_ctl *ctl)
{
	return stt_ctl_node_dump(ctl, see_node, NULL);
}

static int see_session(const struct stt_session_info *s, void *arg)
{
	(void)s;
	(void)arg;
	return 0;
}

int dump_sessions(struct stt_ctl *ctl, uint32_t node)
{
	return stt_ctl_session_dump(ctl, node, see_session, NULL);
}

static int see_socket(const struct stt_socket_info *s, void *arg)
{
	(void)s;
	(void)arg;
	return 0;
}

int dump_sockets(struct stt_ctl *ctl)
{
	return stt_ctl_socket_dump(ctl, see_socket, NULL);
}

bool sides_open(struct sides *l, enum path path, uint64_t id)
{
	l->id = id;
	check(side_open(&l->a, path, 0));
	check(side_open(&l->b, path, 1));
	check_is(side_session(&l->a, id, &l->b.addr), 0);
	check_is(side_session(&l->b, id, &l->a.addr), 0);
	return true;
}

/* ------------------------------------------------------------------------ */
/* AF_STT sockets                                                           */

static int family(void)
{
	static int number;

	if (!number)
		number = stt_family();
	return number;
}

struct sockaddr_stt stt_at(const struct side *s, uint64_t session, uint32_t stream)
{
	return (struct sockaddr_stt) {
		.sstt_family = family(),
		.sstt_node = s->node,
		.sstt_session = session,
		.sstt_stream = stream,
	};
}

struct sockaddr_stt stt_any(const struct side *s, uint64_t session)
{
	struct sockaddr_stt addr = stt_at(s, session, 0);

	addr.sstt_flags = STT_ADDR_STREAM_ANY;
	return addr;
}

int stt_socket(enum path path, int end)
{
	int fd;

	if (!enter(path, end))
		return -1;
	fd = keep(socket(family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
	return fd >= 0 && set_timeout(fd, TIMEOUT_MS) ? fd : -1;
}

int stt_bind_at(int fd, const struct sockaddr_stt *addr)
{
	return bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
}

int stt_connect_at(int fd, const struct sockaddr_stt *addr)
{
	return connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
}

ssize_t stt_send_at(int fd, const void *data, size_t len, const struct sockaddr_stt *addr)
{
	return sendto(fd, data, len, 0, (const struct sockaddr *)addr, sizeof(*addr));
}

ssize_t stt_send_fanout(int fd, const struct sockaddr_stt *addr, const void *data, size_t len,
			const struct stt_fanout *list)
{
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = {
		.msg_name = (void *)addr, .msg_namelen = sizeof(*addr),
		.msg_iov = &iov, .msg_iovlen = 1,
	};

	if (!list)
		return sendmsg(fd, &msg, 0);
	return send_control(fd, &msg, SOL_STT, STT_CMSG_FANOUT, list, sizeof(*list), 0);
}

int stt_bound(const struct side *s, uint64_t session)
{
	struct sockaddr_stt addr = stt_any(s, session);
	int fd = stt_socket(s->path, s->end);

	return fd >= 0 && !stt_bind_at(fd, &addr) ? fd : -1;
}

int stt_bound_handshake(const struct side *s)
{
	struct sockaddr_stt at = stt_at(s, 0, 0);
	int fd = stt_socket(s->path, s->end);

	at.sstt_type = STT_MSG_HANDSHAKE;
	return fd >= 0 && !stt_bind_at(fd, &at) ? fd : -1;
}

static void handshake_normal(void *arg)
{
	(void)arg;
	enter(PATH_V4, 0);
	sysctl_set("handshake_rate", 200);
	sysctl_set("handshake_burst", 1000);
}

bool handshake_limits(long long rate, long long burst)
{
	check(enter(PATH_V4, 0));
	check(sysctl_set("handshake_rate", rate));
	check(sysctl_set("handshake_burst", burst));
	at_end(handshake_normal, NULL);
	return true;
}

int stt_connected(const struct side *s, uint64_t session, uint32_t stream)
{
	struct sockaddr_stt addr = stt_at(s, session, stream);
	int fd = stt_bound(s, session);

	return fd >= 0 && !stt_connect_at(fd, &addr) ? fd : -1;
}

bool set_timeout(int fd, unsigned int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

bool receives(int fd, const void *data, size_t len)
{
	static uint8_t buf[STT_MESSAGE_MAX + 1];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	return n == (ssize_t)len && (!len || !memcmp(buf, data, len));
}

long socket_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) ? -1 : (long)info[SK_MEMINFO_DROPS];
}

bool is_empty(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

bool next_event(struct stt_ctl *ctl, struct stt_event *ev)
{
	int err = stt_ctl_event(ctl, ev);

	if (err == -EAGAIN && readable(stt_ctl_fd(ctl), TIMEOUT_MS))
		err = stt_ctl_event(ctl, ev);
	return !err;
}

bool event_of(struct stt_ctl *ctl, int cmd, struct stt_event *ev)
{
	do {
		check(next_event(ctl, ev));
	} while (ev->cmd != cmd);
	return true;
}

bool no_event(struct stt_ctl *ctl)
{
	struct stt_event ev;

	return stt_ctl_event(ctl, &ev) == -EAGAIN;
}
