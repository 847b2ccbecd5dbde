// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * A29: what an observer of the wire sees. "vm_capture send" makes traffic while
 * tcpdump listens, "vm_capture FILE" looks at what tcpdump has written.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define ID 0x5e551042deadbeefULL
#define MARKER "The plaintext that nobody on the way may see."
#define THREADS 4
#define MESSAGES 150		/* of each thread, in each epoch and direction */
#define FRAMES (THREADS * MESSAGES * 2 * 2)
#define PROOFS 4		/* heartbeats and their answers, at most, each way */

/* ------------------------------------------------------------------------ */
/* Traffic                                                                  */

static struct sides sides;

struct sender {
	int fd;
	int n;
};

static size_t message_len(int n)
{
	return sizeof(MARKER) + n * 7 % 1000;
}

static long send_many(void *arg)
{
	struct sender *s = arg;
	char text[2048];

	memset(text, 0, sizeof(text));
	memcpy(text, MARKER, sizeof(MARKER));
	for (int i = 0; i < MESSAGES; i++) {
		ssize_t len = message_len(i);

		if (send(s->fd, text, len, 0) != len)
			return -1;
	}
	return 0;
}

/* All threads on one session, so they compete for its counters. */
static bool send_from(const struct side *s)
{
	struct worker w[THREADS];
	struct sender arg = { .fd = stt_connected(s, ID, 0) };

	check(arg.fd >= 0);
	for (int i = 0; i < THREADS; i++)
		check(worker_start(&w[i], send_many, &arg));
	for (int i = 0; i < THREADS; i++)
		check_is(worker_join(&w[i]), 0);
	drop(arg.fd);
	return true;
}

static bool rekey(struct side *s)
{
	struct stt_session_info set = {
		.node = s->node, .id = ID, .has_tx_epoch = true, .tx_epoch = 1,
	};

	check_is(side_key(s, ID, STT_DIRECTION_RX, 1), 0);
	check_is(side_key(s, ID, STT_DIRECTION_TX, 1), 0);
	check_is(stt_ctl_session_set(s->ctl, &set), 0);
	return true;
}

/* The messages, and the few heartbeats that prove new keys. */
static bool frames_of(const struct side *s, unsigned int stat)
{
	uint64_t n = session_stat(s, ID, stat);

	check(n >= FRAMES / 2 && n <= FRAMES / 2 + PROOFS);
	return true;
}

static bool traffic(void)
{
	suite_all_cpus();
	check(sides_open(&sides, PATH_V4, ID));
	check(send_from(&sides.a) && send_from(&sides.b));
	check(rekey(&sides.a) && rekey(&sides.b));
	check(send_from(&sides.a) && send_from(&sides.b));
	check(frames_of(&sides.b, STT_A_STATS_RX_FRAMES));
	check_is(session_stat(&sides.b, ID, STT_A_STATS_DROP_BAD_TAG), 0);
	check(frames_of(&sides.a, STT_A_STATS_TX_FRAMES));
	return true;
}

/* ------------------------------------------------------------------------ */
/* Capture                                                                  */

struct seen {
	uint8_t id[32];		/* source address and port, clear header */
	uint8_t body[16];	/* the first sealed bytes */
	size_t len;		/* of the frame */
};

static uint8_t *file;
static size_t file_len;
static struct seen *frames;
static size_t n_frames;

static bool read_file(const char *name)
{
	FILE *f = fopen(name, "rb");

	check(f);
	file = malloc(64 << 20);
	check(file);
	file_len = fread(file, 1, 64 << 20, f);
	fclose(f);
	check(file_len > 24);
	frames = calloc(file_len / 40 + 1, sizeof(*frames));
	check(frames);
	return true;
}

static uint32_t le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* An IPv4 packet: note the frame in it. */
static void note_packet(const uint8_t *ip, size_t len)
{
	const uint8_t *udp = ip + (ip[0] & 15) * 4;
	const uint8_t *frame = udp + 8;
	struct seen *s = &frames[n_frames];

	if (len < 28 || ip[0] >> 4 != 4 || ip[9] != 17 || frame + 40 > ip + len)
		return;
	memcpy(s->id, ip + 12, 4);
	memcpy(s->id + 4, udp, 2);
	memcpy(s->id + 6, frame, 16);
	memcpy(s->body, frame + 16, 16);
	s->len = (size_t)(udp[4] << 8 | udp[5]) - 8;
	n_frames++;
}

static bool parse(void)
{
	size_t link, off = 24;

	check(le32(file) == 0xa1b2c3d4 || le32(file) == 0xa1b23c4d);
	link = le32(file + 20) == 276 ? 20 : 16;
	check(link == 20 || le32(file + 20) == 113);
	while (off + 16 <= file_len) {
		size_t len = le32(file + off + 8);

		check(off + 16 + len <= file_len);
		if (len > link)
			note_packet(file + off + 16 + link, len - link);
		off += 16 + len;
	}
	return true;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct seen *)a)->id, ((const struct seen *)b)->id, 32);
}

static int by_body(const void *a, const void *b)
{
	return memcmp(((const struct seen *)a)->body, ((const struct seen *)b)->body, 16);
}

/* Heartbeats and the two goodbyes are frames as well; one of those finds nobody. */
static bool all_there(int arg)
{
	(void)arg;
	check(parse());
	if (n_frames < FRAMES + 1)
		printf("# %zu frames of %d\n", n_frames, FRAMES);
	check(n_frames >= FRAMES + 1 && n_frames <= FRAMES + 2 + 2 * PROOFS);
	return true;
}

static bool never_twice(int arg)
{
	(void)arg;
	qsort(frames, n_frames, sizeof(*frames), by_id);
	for (size_t i = 1; i < n_frames; i++)
		check(by_id(&frames[i - 1], &frames[i]));
	return true;
}

/* The same message many times, and never the same bytes. */
static bool never_alike(int arg)
{
	(void)arg;
	qsort(frames, n_frames, sizeof(*frames), by_body);
	for (size_t i = 1; i < n_frames; i++)
		check(by_body(&frames[i - 1], &frames[i]));
	return true;
}

static bool overhead(int arg)
{
	size_t wanted[1500] = { 0 }, got[1500] = { 0 };

	(void)arg;
	for (int i = 0; i < MESSAGES; i++)
		wanted[message_len(i) + 40] += FRAMES / MESSAGES;
	for (size_t i = 0; i < n_frames; i++) {
		check(frames[i].len < 1500);
		got[frames[i].len]++;
	}
	/* A goodbye has a byte in it, a heartbeat none. */
	check(got[41] == 1 || got[41] == 2);
	check_is(got[40] + got[41], n_frames - FRAMES);
	got[40] = 0;
	got[41] = 0;
	check(!memcmp(wanted, got, sizeof(got)));
	return true;
}

static bool no_plaintext(int arg)
{
	(void)arg;
	for (size_t i = 0; i + 8 < sizeof(MARKER); i++)
		check(!memmem(file, file_len, &MARKER[i], 8));
	return true;
}

static bool no_key(int arg)
{
	uint8_t key[STT_KEY_LEN];

	(void)arg;
	for (int from = 0; from < 2; from++)
		for (int epoch = 0; epoch < 2; epoch++) {
			key_of(key, ID, from, epoch);
			for (size_t i = 0; i + 8 <= sizeof(key); i++)
				check(!memmem(file, file_len, key + i, 8));
		}
	return true;
}

static const struct test tests[] = {
	{ "A29 the capture has every frame", all_there, 0 },
	{ "A29 no sender, session, epoch and counter come twice", never_twice, 0 },
	{ "A29 no two frames are alike, though the messages are", never_alike, 0 },
	{ "A29 each frame is its message and 40 bytes", overhead, 0 },
	{ "A29 no plaintext", no_plaintext, 0 },
	{ "A29 no part of a key", no_key, 0 },
};

int main(int argc, char **argv)
{
	if (sodium_init() < 0 || argc != 2)
		return 1;
	if (!strcmp(argv[1], "send"))
		return !traffic();
	if (!read_file(argv[1]))
		return 1;
	return suite(tests);
}
