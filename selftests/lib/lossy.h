/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A UDP relay on loopback between one client and one server, in a thread. It
 * loses what it is told to, counts what it passes on, and keeps one frame.
 * Direction 0 is to the server. Handshake frames it knows by their types, and
 * those inside a session by their lengths, which no message must have.
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
	atomic_uint	block;			/* bit N: handshake frames of type N are, too */
	atomic_uint	skip[8];		/* so many next ones of type N */
	atomic_uint	mute;			/* bit N: all to direction N are lost */
	atomic_uint	after_final;		/* becomes ->mute with the next FINAL passed on */
	int		began;			/* the direction of the last sealed HELLO */
	atomic_ulong	in[2], out[2];		/* transport frames by direction */
	atomic_uint	record;			/* keep the next to the server of epoch N - 1 */
	atomic_uint	withhold;		/* lose the next sealed HELLO, and keep it */
	int		kept;			/* direction of what is kept */
	uint8_t		frame[2048];
	size_t		frame_len;
};

bool lossy_start(struct lossy *l, uint16_t server_port);
void lossy_stop(struct lossy *l);

/* Send junk that looks like handshake frames to both, from where they see each other. */
void lossy_junk(struct lossy *l);

/* Send the frame that was kept on its way, once more. */
bool lossy_replay(struct lossy *l);

#endif /* SELFTESTS_LOSSY_H */
