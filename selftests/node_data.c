// SPDX-License-Identifier: GPL-2.0-only
/* Messages, sessions and counters of the node object, by its API alone. */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "node_util.h"

#define CLIENTS	10

static struct stt_node *server, *clients[CLIENTS];
static struct stt_session sessions[CLIENTS];
static char buf[STT_MESSAGE_MAX];

static void connect_all(void)
{
	uint16_t port;

	server = run_server(&port);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = run_node(SHARED, 0, NULL);
		if (stt_node_connect(clients[i], "127.0.0.1", port, 0, &sessions[i]))
			tap_bail("cannot connect: %s", stt_errmsg());
	}
}

/* How many messages wait at a client. */
static int pending(struct stt_node *node, int timeout_ms)
{
	struct stt_packet packet;
	int n = 0;

	while (stt_node_recv(node, &packet, buf, sizeof(buf), n ? 50 : timeout_ms) >= 0)
		n++;
	return n;
}

static void test_sizes(void)
{
	static const size_t sizes[] = { 0, 1, 1200 };
	struct stt_packet packet;
	static char data[STT_MESSAGE_MAX + 1];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ssize_t len = -1;

		if (!stt_node_send(clients[0], sessions[0].id, 5, 0x81, data, sizes[i], 0))
			len = stt_node_recv(server, &packet, buf, sizeof(buf), 5000);
		tap_ok(len == (ssize_t)sizes[i] && !memcmp(buf, data, sizes[i]) &&
		       packet.stream == 5 && packet.type == 0x81 && !packet.truncated &&
		       packet.session == sessions[0].id, "A16 a message of %zu bytes", sizes[i]);
	}
	tap_ok(stt_node_send(clients[0], sessions[0].id, 0, 0, data, sizeof(data), 0) == -EMSGSIZE,
	       "A16 65,537 bytes: -EMSGSIZE (%s)", stt_errmsg());
	stt_node_send(clients[0], sessions[0].id, 0, 0, data, 100, 0);
	tap_ok(stt_node_recv(server, &packet, buf, 10, 5000) == 10 && packet.truncated &&
	       packet.len == 100, "A22 a buffer too small: cut, and said so");
}

static void test_streams(void)
{
	static const uint32_t streams[] = { 0, 1, 65536, 0xffffffff };
	struct stt_packet packet;

	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		stt_node_send(clients[1], sessions[1].id, streams[i], 0, "s", 1, 0);
		tap_ok(stt_node_recv(server, &packet, buf, sizeof(buf), 5000) == 1 &&
		       packet.stream == streams[i] && packet.type == STT_MSG_DATA,
		       "A21 stream %u", streams[i]);
	}
}

static void test_to_all(void)
{
	int good = 0, ret = stt_node_send_to_all(server, 0, "all", 3);

	for (int i = 0; i < CLIENTS; i++)
		good += pending(clients[i], 5000) == 1;
	tap_ok(ret == CLIENTS && good == CLIENTS, "A17 to %d: each exactly one copy (%d, %d)",
	       CLIENTS, ret, good);
}

static void test_to_sessions(void)
{
	const uint64_t ids[] = {
		sessions[2].id, 0x1234, sessions[3].id, sessions[2].id, 0, sessions[4].id,
	};
	int results[6], good = 0, none = 0;
	int ret = stt_node_send_to_sessions(server, ids, 6, 9, "some", 4, results);

	for (int i = 0; i < CLIENTS; i++) {
		if (i >= 2 && i <= 4)
			good += pending(clients[i], 5000) == 1;
		else
			none += pending(clients[i], 0) == 0;
	}
	tap_ok(ret == 3 && good == 3 && none == CLIENTS - 3, "A18 to 3 of %d: those once (%d)",
	       CLIENTS, ret);
	tap_ok(!results[0] && !results[2] && !results[3] && !results[5],
	       "A18 the good ones have result 0");
	tap_ok(results[1] == -ENOENT && results[4] == -EINVAL,
	       "A18 an unknown one: -ENOENT (%d); a wildcard: -EINVAL (%d)", results[1],
	       results[4]);
	tap_ok(stt_node_send_to_sessions(server, NULL, 0, 0, "x", 1, NULL) == 0,
	       "A18 to nobody: 0");
}

/* On a device of 1 kbit a second what is sent stays in the send buffer. */
static bool stuck(const char *verb)
{
	char *argv[] = {
		"tc", "qdisc", (char *)verb, "dev", "lo", "root", "tbf", "rate", "1kbit",
		"burst", "100kb", "limit", "10mb", NULL,
	};
	pid_t pid;
	int status;

	return !posix_spawnp(&pid, "tc", NULL, NULL, argv, NULL) &&
	       waitpid(pid, &status, 0) == pid && !status;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* The send buffer holds some of the ten messages, and the call waits for room. */
static void test_interrupted(void)
{
	const struct sigaction act = { .sa_handler = on_alarm };
	const struct itimerval soon = { .it_value = { .tv_sec = 1 }, .it_interval = { .tv_sec = 1 } };
	const struct itimerval off = { 0 };
	int results[CLIENTS], ret, sent = 0, cut_off = 0;
	uint64_t ids[CLIENTS];

	for (int i = 0; i < CLIENTS; i++)
		ids[i] = sessions[i].id;
	sigaction(SIGALRM, &act, NULL);
	if (!stuck("add"))
		tap_bail("no tbf on lo");
	setitimer(ITIMER_REAL, &soon, NULL);
	ret = stt_node_send_to_sessions(server, ids, CLIENTS, 0, buf, 60000, results);
	setitimer(ITIMER_REAL, &off, NULL);
	for (int i = 0; i < CLIENTS && ret >= 0; i++) {
		sent += results[i] == 0;
		cut_off += results[i] == -EINTR;
	}
	tap_ok(ret > 0 && ret == sent && sent + cut_off == CLIENTS,
	       "A18 a signal when some were sent to: how many, -EINTR for the others (%d: %d, %d)",
	       ret, sent, cut_off);
	stuck("del");
}

static int count_one(const struct stt_session *s, void *arg)
{
	struct stt_session again;

	/* The node may be used in the callback. */
	*(int *)arg += !stt_node_session(server, s->id, &again) && again.id == s->id;
	return 0;
}

static void test_look_up(void)
{
	struct stt_session s;
	int n = 0;

	tap_ok(!stt_node_sessions(server, count_one, &n) && n == CLIENTS,
	       "R15 sessions can be walked");
	tap_ok(stt_node_session(server, 0x1234, &s) == -ENOENT, "R15 no such session: -ENOENT");
}

static bool reaches(struct stt_node *node, uint64_t id, uint32_t state)
{
	uint64_t end = now_ms() + 5000;
	struct stt_session s;

	do {
		pending(node, 10);
		if (!stt_node_session(node, id, &s) && s.state == state)
			return true;
	} while (now_ms() < end);
	return false;
}

static void test_close(void)
{
	int ret;

	tap_ok(!stt_node_close_session(server, sessions[5].id, STT_CLOSE_REVOKED),
	       "R14 close a session");
	tap_ok(reaches(clients[5], sessions[5].id, STT_SESSION_STATE_CLOSED),
	       "R14 the peer is told");
	ret = stt_node_send(clients[5], sessions[5].id, 0, 0, "x", 1, 0);
	tap_ok(ret < 0 && ret != -ENOENT, "R14 sending on it says so (%s)", stt_errmsg());
	tap_ok(stt_node_send_to_all(server, 0, "x", 1) == CLIENTS - 1,
	       "A17 the others go on");
}

static void test_stats(void)
{
	struct stt_node_stats before = stats_of(clients[6]), after;
	uint8_t id[STT_NODE_ID_LEN];

	stt_node_id(clients[6], id);
	tap_ok(!memcmp(before.node_id, id, sizeof(id)) && before.running &&
	       !before.server_mode && !before.accepting_connections &&
	       before.sessions.total == 1 && before.sessions.active == 1 &&
	       !before.websocket_connections, "R13 statistics while it runs");
	stt_node_send(clients[6], sessions[6].id, 0, 0, "12345", 5, 0);
	after = stats_of(clients[6]);
	tap_ok(after.udp_transport.bytes_sent - before.udp_transport.bytes_sent == 45 &&
	       after.udp_transport.packets_sent - before.udp_transport.packets_sent == 1,
	       "R22 5 bytes cost 45");
	tap_ok(before.handshakes.connected == 1 && stats_of(server).handshakes.accepted == CLIENTS,
	       "R13 handshakes are counted");
	stt_node_stop(clients[6]);
	after = stats_of(clients[6]);
	tap_ok(!after.running && !after.sessions.total &&
	       after.udp_transport.bytes_sent > before.udp_transport.bytes_sent,
	       "R13 statistics after stop");
	tap_ok(reaches(server, sessions[6].id, STT_SESSION_STATE_CLOSED),
	       "R14 a stop tells the peers");
}

static void test_none(void)
{
	struct stt_node *alone = run_node(SHARED, 0, NULL);

	tap_ok(stt_node_send_to_all(alone, 0, "x", 1) == 0, "A17 to none: 0");
	tap_ok(stt_node_recv(alone, &(struct stt_packet){ 0 }, buf, 1, 0) == -EAGAIN,
	       "A22 nothing there: -EAGAIN");
	stt_node_free(alone);
}

static void *reader(void *arg)
{
	struct stt_packet packet;
	char data[16];
	intptr_t n = 0;

	while (stt_node_recv(arg, &packet, data, sizeof(data), -1) >= 0)
		n++;
	return (void *)n;
}

/* Four threads wait at one node: each message goes to one of them, or to us. */
static void test_readers(void)
{
	pthread_t threads[4];
	intptr_t total = 0;
	int n;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, reader, server);
	for (int i = 0; i < 200; i++)
		stt_node_send(clients[i % 5], sessions[i % 5].id, 0, 0, "m", 1, 0);
	while ((n = pending(server, 500)))
		total += n;
	stt_node_stop(server);
	for (int i = 0; i < 4; i++) {
		void *got;

		pthread_join(threads[i], &got);
		total += (intptr_t)got;
	}
	tap_ok(total == 200, "R12 five waiting readers: each message once, all end with the node (%ld)",
	       (long)total);
}

int main(void)
{
	tap_plan(29);
	connect_all();
	test_sizes();
	test_streams();
	test_to_all();
	test_to_sessions();
	test_interrupted();
	test_look_up();
	test_close();
	test_stats();
	test_none();
	test_readers();
	for (int i = 0; i < CLIENTS; i++)
		stt_node_free(clients[i]);
	stt_node_free(server);
	return tap_exit();
}
