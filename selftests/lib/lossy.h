/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A UDP relay on loopback between one client and one server, in a thread. It
 * loses what it is told to, counts what it passes on, and keeps one frame.
 * Direction 0 is to the server.
 */
#ifndef SELFTESTS_LOSSY_H
#define SELFTESTS_LOSSY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lossy {
	uint16_t	port;			/* clients connect there */
	int		fd[2], stop_fd;		/* toward the client, toward the server */
	uint16_t	client;			/* its port */
	pthread_t	thread;
	uint32_t	random;
	atomic_uint	percent;		/* of all frames that are lost */
	atomic_uint	block;			/* bit N: frames of type N are, too */
	atomic_uint	skip[8];		/* so many next frames of type N */
	atomic_ulong	in[2], out[2];		/* transport frames by direction */
	atomic_uint	record;			/* keep the next to the server of epoch N - 1 */
	uint8_t		frame[2048];
	size_t		frame_len;
};

bool lossy_start(struct lossy *l, uint16_t server_port);
void lossy_stop(struct lossy *l);

/* Send the frame that was kept to the server once more. */
bool lossy_replay(struct lossy *l);

#endif /* SELFTESTS_LOSSY_H */
