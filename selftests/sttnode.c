// SPDX-License-Identifier: GPL-2.0-only
/*
 * sttnode PORT [HOST [SESSIONS]]: makes a UDP socket, attaches it as a node,
 * binds an AF_STT socket to all of its data, creates SESSIONS sessions that go
 * nowhere, prints "node ID PORT", and waits until its standard input ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stt/control.h>

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "sttnode: %s: %s\n", what, why);
	exit(1);
}

static socklen_t address(const char *host, const char *port, union stt_addr *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, host, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)atoi(port));
		return sizeof(a->in);
	}
	if (inet_pton(AF_INET6, host, &a->in6.sin6_addr) != 1)
		die(host, "no address");
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons((uint16_t)atoi(port));
	return sizeof(a->in6);
}

/* Returns a bound UDP socket, and its port in @port. */
static int udp_socket(const char *host, const char *service, unsigned int *port)
{
	union stt_addr a;
	socklen_t len = address(host, service, &a);
	int fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, &a.sa, len) < 0 || getsockname(fd, &a.sa, &len) < 0)
		die("UDP socket", strerror(errno));
	*port = ntohs(a.sa.sa_family == AF_INET ? a.in.sin_port : a.in6.sin6_port);
	return fd;
}

static void bind_data(uint32_t node)
{
	struct sockaddr_stt a = {
		.sstt_family = (sa_family_t)stt_family(),
		.sstt_node = node,
		.sstt_flags = STT_ADDR_STREAM_ANY,
	};
	int fd = socket(a.sstt_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("AF_STT socket", strerror(errno));
}

static void add_sessions(struct stt_ctl *ctl, uint32_t node, unsigned long n)
{
	struct stt_session_info s = {
		.node = node, .n_keys = 1, .has_heartbeat = true,
		.keys[0] = { .direction = STT_DIRECTION_TX, .suite = STT_SUITE_CHACHA20POLY1305 },
	};

	address("127.0.0.1", "9", &s.peer);
	for (s.id = 1; s.id <= n; s.id++) {
		memcpy(s.keys[0].secret, &s.id, sizeof(s.id));
		if (stt_ctl_session_new(ctl, &s) < 0)
			die("session", stt_errmsg());
	}
}

int main(int argc, char **argv)
{
	struct stt_ctl *ctl;
	unsigned int port;
	uint32_t node;
	char c;
	int udp;

	if (argc < 2 || argc > 4)
		die("usage", "sttnode PORT [HOST [SESSIONS]]");
	/* A shell hands down the ends of other nodes' pipes, which must close. */
	close_range(3, ~0U, 0);
	udp = udp_socket(argc > 2 ? argv[2] : "0.0.0.0", argv[1], &port);
	if (stt_ctl_open(&ctl) < 0 || stt_ctl_node_new(ctl, udp, NULL, &node) < 0)
		die("node", stt_errmsg());
	bind_data(node);
	if (argc > 3)
		add_sessions(ctl, node, strtoul(argv[3], NULL, 10));
	stt_ctl_close(ctl);
	printf("node %u %u\n", node, port);
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}
