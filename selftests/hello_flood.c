// SPDX-License-Identifier: GPL-2.0-only
/*
 * hello_flood ADDRESS PORT COUNT SEGMENTS: sends COUNT datagrams that look like
 * a HELLO from forged IPv4 addresses, SEGMENTS in one system call from one
 * address. Each address is another one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <stt/wire.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define SEGMENTS_MAX 64

static uint8_t frames[SEGMENTS_MAX * STT_HS_HELLO_LEN];

/* Unforeseen enough for a test: a full period of 2^32, high bits used. */
static uint32_t forged(void)
{
	static uint32_t x = 1;

	x = x * 1664525 + 1013904223;
	/* 11.0.0.0 to 74.255.255.255 */
	return htonl((11U << 24) + (x >> 2));
}

static int flood_socket(const char *host, const char *port, unsigned int segments)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int one = 1, step = STT_HS_HELLO_LEN;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
	    setsockopt(fd, SOL_IP, IP_TRANSPARENT, &one, sizeof(one)) ||
	    (segments > 1 && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &step, sizeof(step))) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -1;
	return fd;
}

static int send_forged(int fd, unsigned int segments)
{
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))] __attribute__((aligned(8))) = { 0 };
	struct in_pktinfo from = { .ipi_spec_dst.s_addr = forged() };
	struct iovec iov = { frames, segments * STT_HS_HELLO_LEN };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);

	cm->cmsg_level = SOL_IP;
	cm->cmsg_type = IP_PKTINFO;
	cm->cmsg_len = CMSG_LEN(sizeof(from));
	memcpy(CMSG_DATA(cm), &from, sizeof(from));
	return sendmsg(fd, &msg, 0) == (ssize_t)iov.iov_len ? 0 : -1;
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
	unsigned int segments = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
	int fd;

	if (!count || !segments || segments > SEGMENTS_MAX || count % segments) {
		fprintf(stderr, "usage: hello_flood ADDRESS PORT COUNT SEGMENTS\n");
		return 2;
	}
	for (unsigned int i = 0; i < sizeof(frames); i++)
		frames[i] = i * 2654435761U >> 24;
	for (unsigned int i = 0; i < segments; i++)
		memcpy(frames + i * STT_HS_HELLO_LEN, "\x01\x01\0\0\0\0\0\0", 8);
	fd = flood_socket(argv[1], argv[2], segments);
	if (fd < 0) {
		perror("hello_flood: socket");
		return 1;
	}
	for (unsigned long i = 0; i < count; i += segments) {
		if (send_forged(fd, segments) && errno != ENOBUFS && errno != EAGAIN) {
			perror("hello_flood: sendmsg");
			return 1;
		}
	}
	return 0;
}
