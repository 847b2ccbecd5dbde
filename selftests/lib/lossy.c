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

static size_t sealed(size_t len)
{
	return len + STT_OVERHEAD;
}

/* What handshake frame it is, of whatever kind; 0: none. */
static unsigned int handshake_type(struct lossy *l, int to, const uint8_t *frame, size_t len)
{
	if (frame[0] != STT_FRAME_TRANSPORT)
		return frame[0];
	if (len == sealed(STT_HS_HELLO_LEN)) {
		l->began = to;
		return STT_FRAME_HELLO;
	}
	if (len == sealed(STT_HS_RESPONSE_LEN))
		return STT_FRAME_RESPONSE;
	if (len == sealed(STT_HS_PROOF_LEN))
		return to == l->began ? STT_FRAME_AUTH_PROOF : STT_FRAME_FINAL;
	return 0;
}

static void keep_frame(struct lossy *l, int to, const uint8_t *frame, size_t len)
{
	memcpy(l->frame, frame, len);
	l->kept = to;
	l->frame_len = len;
}

static bool is_withheld(struct lossy *l, int to, const uint8_t *frame, size_t len)
{
	if (len != sealed(STT_HS_HELLO_LEN) || !atomic_load(&l->withhold))
		return false;
	keep_frame(l, to, frame, len);
	atomic_store(&l->withhold, 0);
	return true;
}

static bool is_lost(struct lossy *l, int to, unsigned int type)
{
	if (type && type < 8 && atomic_load(&l->skip[type])) {
		atomic_fetch_sub(&l->skip[type], 1);
		return true;
	}
	return (type && type < 32 && (atomic_load(&l->block) & (1U << type))) ||
	       (atomic_load(&l->mute) & (1U << to)) ||
	       chance(l, atomic_load(&l->percent));
}

static void record_frame(struct lossy *l, const uint8_t *frame, size_t len)
{
	if (atomic_load(&l->record) != frame[STT_OFF_EPOCH] + 1U)
		return;
	keep_frame(l, 0, frame, len);
	atomic_store(&l->record, 0);
}

static bool send_to(const struct lossy *l, int to, const uint8_t *frame, size_t len)
{
	struct sockaddr_in a = loopback(l->client);

	if (!to)
		return send(l->fd[1], frame, len, 0) >= 0;
	return sendto(l->fd[0], frame, len, 0, (struct sockaddr *)&a, sizeof(a)) >= 0;
}

static bool pass_on(struct lossy *l, int from)
{
	uint8_t frame[2048];
	struct sockaddr_in a;
	socklen_t alen = sizeof(a);
	ssize_t len = recvfrom(l->fd[from], frame, sizeof(frame), MSG_DONTWAIT,
			       (struct sockaddr *)&a, &alen);
	unsigned int type;
	bool transport;

	if (len <= 0)
		return false;
	transport = frame[0] == STT_FRAME_TRANSPORT;
	if (!from)
		l->client = ntohs(a.sin_port);
	if (transport)
		atomic_fetch_add(&l->in[from], 1);
	type = handshake_type(l, from, frame, (size_t)len);
	if (is_withheld(l, from, frame, (size_t)len) || is_lost(l, from, type))
		return true;
	if (type == STT_FRAME_FINAL)
		atomic_fetch_or(&l->mute, atomic_exchange(&l->after_final, 0));
	if (!from && transport)
		record_frame(l, frame, (size_t)len);
	if (!send_to(l, from, frame, (size_t)len))
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
	return l->frame_len && send_to(l, l->kept, l->frame, l->frame_len);
}

void lossy_junk(struct lossy *l)
{
	static const size_t len[] = {
		STT_HS_HELLO_LEN, STT_HS_RESPONSE_LEN, STT_HS_PROOF_LEN, STT_HS_PROOF_LEN,
	};
	uint8_t frame[STT_HS_HELLO_LEN] = { 0 };

	frame[STT_HS_OFF_VERSION] = STT_WIRE_VERSION;
	frame[STT_HS_OFF_SENDER] = 1;
	for (int i = 0; i < 4; i++) {
		frame[STT_HS_OFF_TYPE] = (uint8_t)(STT_FRAME_HELLO + i);
		for (int to = 0; to < 2; to++)
			send_to(l, to, frame, len[i]);
	}
}
