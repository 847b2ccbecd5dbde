// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c */
/*
 * A20: many sessions and streams at once, each message in its own. A27: a peer
 * that forgot all and comes back from the same address. A34: a thousand idle sessions
 * say no more than their heartbeats (what that costs: tools/run bench --scale).
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/side.h"

#define SESSIONS 100
#define STREAMS 3
#define ROUNDS 20

struct note {
	uint32_t session, stream, round;
	uint8_t rest[500];
};

static bool both_have(struct side *a, struct side *b, uint64_t id)
{
	check_is(side_session(a, id, &b->addr), 0);
	check_is(side_session(b, id, &a->addr), 0);
	return true;
}

/* What session and stream are next, each once a round, in no order. */
static void shuffle(uint32_t *order, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	for (uint32_t i = n - 1; i; i--) {
		uint32_t k = randombytes_uniform(i + 1), tmp = order[i];

		order[i] = order[k];
		order[k] = tmp;
	}
}

static bool send_round(const struct side *a, int out, uint32_t round)
{
	uint32_t order[SESSIONS * STREAMS];
	struct sockaddr_stt to;
	struct note note;

	memset(&note, 0, sizeof(note));
	shuffle(order, SESSIONS * STREAMS);
	for (uint32_t i = 0; i < SESSIONS * STREAMS; i++) {
		note.session = order[i] / STREAMS + 1;
		note.stream = order[i] % STREAMS;
		note.round = round;
		memset(note.rest, (int)(note.session + note.stream), sizeof(note.rest));
		to = stt_at(a, note.session, note.stream);
		check_is(stt_send_at(out, &note, sizeof(note), &to), sizeof(note));
	}
	return true;
}

/* Every reader finds its own, in the order of sending, and nothing else. */
static bool read_round(const int *in, uint32_t round)
{
	struct sockaddr_stt from;
	socklen_t len = sizeof(from);
	struct note note;
	unsigned int seen;

	for (uint32_t s = 0; s < SESSIONS; s++) {
		seen = 0;
		for (uint32_t i = 0; i < STREAMS; i++) {
			check_is(recvfrom(in[s], &note, sizeof(note), 0, (struct sockaddr *)&from,
					  &len), sizeof(note));
			check_is(note.round, round);
			check_is(note.session, s + 1);
			check_is(from.sstt_session, s + 1);
			check_is(from.sstt_stream, note.stream);
			check_is(note.rest[499], (uint8_t)(note.session + note.stream));
			seen |= 1U << note.stream;
		}
		check_is(seen, (1U << STREAMS) - 1);
		check(is_empty(in[s]));
	}
	return true;
}

static bool mixed(int path)
{
	struct sockaddr_stt first;
	int in[SESSIONS], out;
	struct side a, b;

	check(side_open(&a, path, 0) && side_open(&b, path, 1));
	for (unsigned int i = 0; i < SESSIONS; i++) {
		check(both_have(&a, &b, i + 1));
		in[i] = stt_bound(&b, i + 1);
		check(in[i] >= 0);
	}
	out = stt_bound(&a, STT_SESSION_ANY);
	/* The peer's hardware address is asked for; few frames wait for the answer. */
	first = stt_at(&a, 1, 0);
	check_is(stt_send_at(out, "first", 5, &first), 5);
	check(receives(in[0], "first", 5));
	for (uint32_t round = 0; round < ROUNDS; round++)
		check(send_round(&a, out, round) && read_round(in, round));
	check_is(node_stat(&b, STT_A_STATS_RX_FRAMES), SESSIONS * STREAMS * ROUNDS + 1);
	return true;
}

/* The power fails at the side: nobody is told. Its address will be used again. */
static bool fall_silent(struct side *s, uint64_t id)
{
	check_is(stt_ctl_key_del(s->ctl, s->node, id, 0, STT_DIRECTION_TX), 0);
	check_is(stt_ctl_node_del(s->ctl, s->node, 0), 0);
	return true;
}

static bool comes_back(int path)
{
	static const uint32_t heartbeat = 200;
	struct side a, b;
	struct stt_ctl *events;
	struct stt_event ev;
	int fd[2];

	check(side_open_heartbeat(&a, path, 0, heartbeat) &&
	      side_open_heartbeat(&b, path, 1, heartbeat));
	check(both_have(&a, &b, 1));
	check(ctl_open(&events, path, 1));
	check_is(stt_ctl_subscribe(events), 0);
	check(fall_silent(&a, 1));
	check_is(stt_ctl_node_new(a.ctl, a.udp, &heartbeat, &a.node), 0);
	check(both_have(&a, &b, 2));
	fd[0] = stt_connected(&a, 2, 0);
	fd[1] = stt_connected(&b, 2, 0);
	check(fd[0] >= 0 && fd[1] >= 0);
	check_is(send(fd[0], "back", 4, 0), 4);
	check(receives(fd[1], "back", 4));
	check_is(send(fd[1], "seen", 4, 0), 4);
	check(receives(fd[0], "seen", 4));
	/* The old one is still there, and dies by itself; the new one lives. */
	check_is(side_get(&b, 1).state, STT_SESSION_STATE_ACTIVE);
	check(event_of(events, STT_CMD_SESSION_STATE_NTF, &ev));
	check_is(ev.session.id, 1);
	check_is(ev.session.state, STT_SESSION_STATE_DEAD);
	check_is(side_get(&b, 2).state, STT_SESSION_STATE_ACTIVE);
	check_is(send(fd[0], "still", 5, 0), 5);
	check(receives(fd[1], "still", 5));
	return true;
}

/* Idle for six intervals: each session asks once an interval, and lives. */
static bool idle(int path)
{
	const unsigned int n = 1000, interval = 1000, intervals = 6;
	struct side a, b;
	uint64_t sent, seen, all;

	check(side_open_heartbeat(&a, path, 0, interval) && side_open(&b, path, 1));
	for (unsigned int i = 1; i <= n; i++)
		check(both_have(&a, &b, i));
	check(!readable(a.udp, (int)(intervals * interval)));
	sent = node_stat(&a, STT_A_STATS_TX_FRAMES);
	/* Timers may be an eighth late, and making the sessions took some time. */
	check(sent >= n * (intervals - 2) && sent <= n * (intervals + 4));
	/* All of these are there an interval later, and none that was not sent. */
	check(!readable(a.udp, (int)interval));
	seen = node_stat(&b, STT_A_STATS_RX_FRAMES);
	/* A frame counts as sent when the call that took it down the stack is back. */
	check(!readable(a.udp, 20));
	all = node_stat(&a, STT_A_STATS_TX_FRAMES);
	printf("# %llu heartbeats, %llu came, %llu were sent by then\n",
	       (unsigned long long)sent, (unsigned long long)seen, (unsigned long long)all);
	check(seen >= sent && seen <= all);
	for (unsigned int i = 1; i <= n; i++)
		check_is(side_get(&a, i).state, STT_SESSION_STATE_ACTIVE);
	return true;
}

static const struct test tests[] = {
	{ "A20 a hundred sessions with three streams each, mixed", mixed, PATH_V4 },
	{ "A20 a hundred sessions with three streams each, mixed, IPv6", mixed, PATH_V6 },
	{ "A27 a peer that forgot all comes back from its address", comes_back, PATH_V4 },
	{ "A27 a peer that forgot all comes back from its address, IPv6", comes_back, PATH_V6 },
	{ "A34 a thousand idle sessions: one heartbeat each an interval", idle, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
