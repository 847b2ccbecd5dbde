// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <stt/wire.h>

#include "lossy.h"

#define RCVBUF (8 << 20)

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int open_port(uint16_t *port)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = RCVBUF;

	/* What waits here must not be lost uncounted. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		return -1;
	*port = ntohs(a.sin_port);
	return fd;
}

/* Always the same sequence. */
static bool chance(struct lossy *l, unsigned int percent)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 17;
	l->random ^= l->random << 5;
	return l->random % 100 < percent;
}

static bool is_lost(struct lossy *l, uint8_t type)
{
	if (type < 8 && atomic_load(&l->skip[type])) {
		atomic_fetch_sub(&l->skip[type], 1);
		return true;
	}
	return (type < 32 && (atomic_load(&l->block) & (1U << type))) ||
	       chance(l, atomic_load(&l->percent));
}

static void keep_frame(struct lossy *l, const uint8_t *frame, size_t len)
{
	if (atomic_load(&l->record) != frame[STT_OFF_EPOCH] + 1U || len > sizeof(l->frame))
		return;
	memcpy(l->frame, frame, len);
	l->frame_len = len;
	atomic_store(&l->record, 0);
}

static bool pass_on(struct lossy *l, int from)
{
	uint8_t frame[2048];
	struct sockaddr_in a;
	socklen_t alen = sizeof(a);
	ssize_t len = recvfrom(l->fd[from], frame, sizeof(frame), MSG_DONTWAIT,
			       (struct sockaddr *)&a, &alen);
	bool transport;

	if (len <= 0)
		return false;
	transport = frame[0] == STT_FRAME_TRANSPORT;
	if (!from)
		l->client = ntohs(a.sin_port);
	if (transport)
		atomic_fetch_add(&l->in[from], 1);
	if (is_lost(l, frame[0]))
		return true;
	a = loopback(l->client);
	if (from && sendto(l->fd[0], frame, (size_t)len, 0, (struct sockaddr *)&a, sizeof(a)) < 0)
		return true;
	if (!from && transport)
		keep_frame(l, frame, (size_t)len);
	if (!from && send(l->fd[1], frame, (size_t)len, 0) < 0)
		return true;
	if (transport)
		atomic_fetch_add(&l->out[from], 1);
	return true;
}

static void *run(void *arg)
{
	struct lossy *l = arg;
	struct pollfd p[3] = {
		{ .fd = l->fd[0], .events = POLLIN },
		{ .fd = l->fd[1], .events = POLLIN },
		{ .fd = l->stop_fd, .events = POLLIN },
	};

	while (poll(p, 3, -1) > 0 && !p[2].revents)
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				pass_on(l, i);
	return NULL;
}

bool lossy_start(struct lossy *l, uint16_t server_port)
{
	struct sockaddr_in server = loopback(server_port);
	uint16_t unused;

	memset(l, 0, sizeof(*l));
	l->random = 0x2545f491;
	l->fd[0] = open_port(&l->port);
	l->fd[1] = open_port(&unused);
	l->stop_fd = eventfd(0, EFD_CLOEXEC);
	return l->fd[0] >= 0 && l->fd[1] >= 0 && l->stop_fd >= 0 &&
	       !connect(l->fd[1], (struct sockaddr *)&server, sizeof(server)) &&
	       !pthread_create(&l->thread, NULL, run, l);
}

void lossy_stop(struct lossy *l)
{
	eventfd_write(l->stop_fd, 1);
	pthread_join(l->thread, NULL);
	close(l->fd[0]);
	close(l->fd[1]);
	close(l->stop_fd);
}

bool lossy_replay(struct lossy *l)
{
	return l->frame_len &&
	       send(l->fd[1], l->frame, l->frame_len, 0) == (ssize_t)l->frame_len;
}
