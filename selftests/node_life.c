// SPDX-License-Identifier: GPL-2.0-only
/* Life of a node and its handshakes, by the library's API alone: A1 to A15. */
#include <poll.h>
#include <pthread.h>

#include "lib/slow.h"
#include "node_util.h"

#define ROUNDS	1000	/* of start and stop */
#define MANY	500	/* connects at once */

static void test_start_stop(void)
{
	struct stt_node *node = make_node(SHARED, NULL, 0);
	union stt_addr bound, again;
	struct stt_packet packet;
	char byte;

	tap_ok(!stt_node_stop(node), "A3 stop before start");
	tap_ok(stt_node_recv(node, &packet, &byte, 1, 0) == -ESHUTDOWN,
	       "A3 receive before start: -ESHUTDOWN");
	tap_ok(!stt_node_start(node, STT_START_SERVER, &bound) && bound.in.sin_port,
	       "A1 port 0 gives a free port");
	tap_ok(!stt_node_start(node, 0, &again) && !memcmp(&bound, &again, sizeof(bound)),
	       "A3 start twice: the same address");
	tap_ok(!stt_node_stop(node) && !stt_node_stop(node), "A3 stop twice");
	tap_ok(kernel_nodes() == 0, "A3 nothing is left in the kernel");
	stt_node_free(node);
}

static void test_port_in_use(void)
{
	uint16_t port;
	struct stt_node *first = run_server(&port), *second = make_node(SHARED, "127.0.0.1", port);
	unsigned int fds = count_fds();
	int ret = stt_node_start(second, STT_START_THREAD, NULL);

	tap_ok(ret == -EADDRINUSE && strstr(stt_errmsg(), "already in use"),
	       "A2 port in use: -EADDRINUSE (%s)", stt_errmsg());
	tap_ok(count_fds() == fds && kernel_nodes() == 1 && !stats_of(second).running,
	       "A2 nothing half started");
	stt_node_free(second);
	stt_node_free(first);
}

static void test_rounds(void)
{
	struct stt_node *node = make_node(SHARED, "127.0.0.1", 0);
	unsigned int fds = count_fds(), good = 0;
	uint8_t id[STT_NODE_ID_LEN], last[STT_NODE_ID_LEN] = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		if (stt_node_start(node, i & 1 ? STT_START_THREAD : 0, NULL) ||
		    stt_node_id(node, id) || !memcmp(id, last, sizeof(id)) || stt_node_stop(node))
			break;
		memcpy(last, id, sizeof(id));
		good++;
	}
	tap_ok(good == ROUNDS, "A3 start and stop %d times, a fresh id each time", ROUNDS);
	tap_ok(count_fds() == fds && kernel_nodes() == 0, "A3 no descriptor and no node leaks");
	stt_node_free(node);
}

static void *stop_later(void *arg)
{
	const struct timespec wait = { .tv_nsec = 200000000 };
	static uint64_t when;

	nanosleep(&wait, NULL);
	when = now_ms();
	stt_node_stop(arg);
	return &when;
}

static void test_stop_wakes(void)
{
	struct stt_node *node = run_server(NULL);
	struct stt_packet packet;
	pthread_t thread;
	uint64_t woken;
	void *when;
	char byte;
	ssize_t ret;

	pthread_create(&thread, NULL, stop_later, node);
	ret = stt_node_recv(node, &packet, &byte, 1, -1);
	woken = now_ms();
	pthread_join(thread, &when);
	tap_ok(ret == -ESHUTDOWN, "A5 stop ends a blocked receive with -ESHUTDOWN");
	tap_ok(woken - *(uint64_t *)when <= 100, "A5 within 100 ms (%llu)",
	       (unsigned long long)(woken - *(uint64_t *)when));
	stt_node_free(node);
}

static void test_session(void)
{
	uint16_t port;
	struct stt_node *server = run_server(&port), *client = run_node(SHARED, 0, NULL);
	struct stt_session at_client, at_server;
	uint8_t id[STT_NODE_ID_LEN];
	int ret = stt_node_connect(client, "127.0.0.1", port, 0, &at_client);

	tap_ok(!ret, "A8 connect, the same node seed at both ends%s%s", ret ? ": " : "",
	       ret ? stt_errmsg() : "");
	tap_ok(!ret && !stt_node_session(server, at_client.id, &at_server),
	       "A6 both ends have the same session id");
	stt_node_id(server, id);
	tap_ok(!ret && !memcmp(at_client.peer_node_id, id, sizeof(id)),
	       "A6 the client knows the server's node id");
	stt_node_id(client, id);
	tap_ok(!ret && !memcmp(at_server.peer_node_id, id, sizeof(id)),
	       "A6 the server knows the client's node id");
	tap_ok(!ret && at_server.state == STT_SESSION_STATE_ACTIVE &&
	       at_client.state == STT_SESSION_STATE_ACTIVE, "A6 the session is active at both");
	stt_node_free(client);
	stt_node_free(server);
}

static void test_wrong_seed(void)
{
	uint16_t port;
	struct stt_node *server = run_server(&port), *client = run_node(OTHER, 0, NULL);
	struct stt_node *good = run_node(SHARED, 0, NULL);
	uint64_t start = now_ms();
	struct stt_node_stats stats;
	int ret = stt_node_connect(client, "127.0.0.1", port, 1500, NULL);

	tap_ok(ret == -ETIMEDOUT && strstr(stt_errmsg(), "seed"),
	       "A7 wrong seed: -ETIMEDOUT (%s)", stt_errmsg());
	start = now_ms() - start;
	tap_ok(start >= 1500 && start < 2000, "A7 at the deadline (%llu ms)",
	       (unsigned long long)start);
	stats = stats_of(server);
	tap_ok(stats.handshakes.bad_mac > 0, "A7 the server counts it");
	tap_ok(!stats.sessions.total && !stats_of(client).sessions.total,
	       "A7 no session anywhere");
	tap_ok(!stt_node_connect(good, "127.0.0.1", port, 0, NULL),
	       "A7 the server is still usable");
	stt_node_free(good);
	stt_node_free(client);
	stt_node_free(server);
}

static void test_failures(void)
{
	struct stt_node *client = run_node(SHARED, STT_START_THREAD, NULL);
	struct sockaddr_in sa = { .sin_family = AF_INET };
	int silent = socket(AF_INET, SOCK_DGRAM, 0), ret;
	socklen_t len = sizeof(sa);
	uint16_t port;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(silent, (struct sockaddr *)&sa, sizeof(sa));
	getsockname(silent, (struct sockaddr *)&sa, &len);
	port = ntohs(sa.sin_port);
	ret = stt_node_connect(client, "127.0.0.1", port, 500, NULL);
	tap_ok(ret == -ETIMEDOUT, "A9 silence: -ETIMEDOUT (%s)", stt_errmsg());
	close(silent);
	ret = stt_node_connect(client, "127.0.0.1", port, 500, NULL);
	tap_ok(ret == -ECONNREFUSED, "A9 dead port: -ECONNREFUSED (%s)", stt_errmsg());
	ret = stt_node_connect(client, "no-such-host.invalid", port, 20000, NULL);
	tap_ok(ret == -ENXIO, "A9 unknown name: -ENXIO (%s)", stt_errmsg());
	ret = stt_node_connect(client, "::1", port, 500, NULL);
	tap_ok(ret == -EAFNOSUPPORT, "A9 no address of our family (%s)", stt_errmsg());
	ret = stt_node_connect(client, "127.0.0.1", 0, 500, NULL);
	tap_ok(ret == -EINVAL, "A9 port 0: -EINVAL");
	tap_ok(stats_of(client).handshakes.in_progress == 0, "A9 nothing stays in progress");
	stt_node_free(client);
}

static void test_accept(void)
{
	struct stt_packet packet;
	struct stt_session old;
	uint16_t port, client_port;
	struct stt_node *server = run_node(SHARED, STT_START_THREAD, &port);
	struct stt_node *client = run_node(SHARED, STT_START_SERVER | STT_START_THREAD,
					   &client_port);
	char byte;

	tap_ok(stt_node_connect(client, "127.0.0.1", port, 600, NULL) == -ETIMEDOUT &&
	       stats_of(server).handshakes.refused, "A15 not accepting: refused in silence");
	tap_ok(!stt_node_connect(server, "127.0.0.1", client_port, 0, NULL),
	       "A15 not accepting: outbound works");
	stt_node_enable_accept(server);
	tap_ok(!stt_node_connect(client, "127.0.0.1", port, 0, &old), "A15 accepting: let in");
	stt_node_disable_accept(server);
	tap_ok(stt_node_connect(client, "127.0.0.1", port, 600, NULL) == -ETIMEDOUT,
	       "A15 off again: a new one is refused");
	tap_ok(!stt_node_send(client, old.id, 0, 0, "x", 1, 0) &&
	       stt_node_recv(server, &packet, &byte, 1, 5000) == 1 && packet.session == old.id,
	       "A15 off again: the old session flows");
	stt_node_free(client);
	stt_node_free(server);
}

static void test_seed_lengths(void)
{
	static const struct { size_t len; int ret; } cases[] = {
		{ 0, -EINVAL }, { 15, -EINVAL }, { 16, 0 }, { 31, 0 }, { 32, 0 }, { 64, 0 },
		{ 4096, 0 },
	};
	static char seed[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stt_node_config config = config_of(seed, NULL, 0);
		struct stt_node *node = NULL;

		config.shared_seed_len = cases[i].len;
		tap_ok(stt_node_create(&config, &node) == cases[i].ret,
		       "A14 a seed of %zu bytes: %s", cases[i].len,
		       cases[i].ret ? "refused" : "taken");
		stt_node_free(node);
	}
}

/* All started first, all by one thread, as an event loop does it. */
static void test_many(void)
{
	static struct stt_connect *c[MANY];
	uint16_t port;
	struct stt_node *server = run_server(&port), *client = run_node(SHARED, 0, NULL);
	uint64_t end = now_ms() + 30000 * slow();
	unsigned int good = 0;

	for (int i = 0; i < MANY; i++)
		stt_connect_start(client, "127.0.0.1", port, 20000 * slow(), &c[i]);
	while (stats_of(client).handshakes.in_progress && now_ms() < end) {
		struct pollfd p = { .fd = stt_node_fd(client), .events = POLLIN };

		poll(&p, 1, 1000);
		stt_node_process(client);
	}
	for (int i = 0; i < MANY; i++) {
		struct pollfd p = { .fd = stt_connect_fd(c[i]), .events = POLLIN };
		struct stt_session s;

		good += !stt_connect_result(c[i], &s) && poll(&p, 1, 0) == 1;
		stt_connect_free(c[i]);
	}
	tap_ok(good == MANY, "A11 %d connects at once: all in (%u)", MANY, good);
	tap_ok(stats_of(server).sessions.active == MANY &&
	       stats_of(client).sessions.active == MANY, "A11 as many sessions at both ends");
	stt_node_free(client);
	stt_node_free(server);
}

/* Do the node's work until the attempt has ended. */
static int finish_connect(struct stt_node *node, struct stt_connect *c,
			  struct stt_session *session)
{
	int ret;

	while ((ret = stt_connect_result(c, session)) == -EINPROGRESS) {
		struct pollfd p = { .fd = stt_node_fd(node), .events = POLLIN };

		poll(&p, 1, 1000);
		stt_node_process(node);
	}
	return ret;
}

/* RESPONSE is read when the peer has forgotten its handshake: a new one is made. */
static void test_late_response(void)
{
	const struct timespec late = { .tv_sec = 10, .tv_nsec = 500000000 };
	uint16_t port;
	struct stt_node *server = run_server(&port), *client = run_node(SHARED, 0, NULL);
	struct stt_connect *c;
	int ret;

	stt_connect_start(client, "127.0.0.1", port, 20000, &c);
	nanosleep(&late, NULL);
	ret = finish_connect(client, c, NULL);
	tap_ok(!ret, "A10 the peer has forgotten the handshake: a new HELLO gets in%s%s",
	       ret ? ": " : "", ret ? stt_errmsg() : "");
	tap_ok(stats_of(server).sessions.total == 1 && stats_of(client).sessions.total == 1,
	       "A10 and one session is at both ends");
	stt_connect_free(c);
	stt_node_free(client);
	stt_node_free(server);
}

static void test_wanted_peer(void)
{
	uint16_t port;
	struct stt_node *server = run_server(&port), *client = run_node(SHARED, 0, NULL);
	struct stt_connect_options options;
	uint8_t id[STT_NODE_ID_LEN];
	struct stt_connect *c;

	stt_connect_options_init(&options);
	options.host = "127.0.0.1";
	options.port = port;
	options.timeout_ms = 800;
	options.peer_node_id = id;
	stt_node_id(client, id);
	tap_ok(!stt_connect_start_with(client, &options, &c) &&
	       stt_connect_wait(c, NULL) == -ETIMEDOUT,
	       "A13 another node than the one asked for answers (%s)", stt_errmsg());
	stt_connect_free(c);
	tap_ok(!stats_of(server).sessions.total && !stats_of(client).sessions.total,
	       "A13 that makes no session");
	stt_node_id(server, id);
	tap_ok(!stt_connect_start_with(client, &options, &c) && !stt_connect_wait(c, NULL),
	       "A13 the one asked for is let in");
	stt_connect_free(c);
	options.size = 4;
	tap_ok(stt_connect_start_with(client, &options, &c) == -EINVAL,
	       "A13 options that are not initialised");
	stt_node_free(client);
	stt_node_free(server);
}

static uint16_t checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* "Destination unreachable", as if a datagram between these ports had met it. */
static void forge_icmp(int fd, uint16_t from, uint16_t to, uint8_t code)
{
	struct sockaddr_in lo = { .sin_family = AF_INET };
	uint8_t p[36] = { 3, code, [8] = 0x45, [11] = 180, [16] = 64, [17] = IPPROTO_UDP };
	uint16_t sum;

	lo.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(p + 20, &lo.sin_addr, 4);
	memcpy(p + 24, &lo.sin_addr, 4);
	p[28] = (uint8_t)(from >> 8);
	p[29] = (uint8_t)from;
	p[30] = (uint8_t)(to >> 8);
	p[31] = (uint8_t)to;
	p[33] = 160;
	sum = checksum(p, sizeof(p));
	memcpy(p + 2, &sum, sizeof(sum));
	sendto(fd, p, sizeof(p), 0, (struct sockaddr *)&lo, sizeof(lo));
}

/* More of them than are read at a time, between two sends of the attempt. */
static void test_forged_icmp(void)
{
	static const uint8_t codes[] = { 1, 0, 5, 7, 8, 2, 13 };
	uint16_t port, client_port;
	struct stt_node *server = run_node(SHARED, STT_START_THREAD, &port);
	struct stt_node *client = run_node(SHARED, 0, &client_port);
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	uint64_t start = now_ms();
	struct stt_connect *c;
	int ret;

	if (fd < 0)
		tap_bail("no raw socket: %s", strerror(errno));
	stt_connect_start(client, "127.0.0.1", port, 5000, &c);
	for (unsigned int n = 0; now_ms() < start + 1500; n++) {
		const struct timespec wait = { .tv_nsec = 300000000 };

		for (int i = 0; i < 200; i++)
			forge_icmp(fd, client_port, port, codes[n % sizeof(codes)]);
		nanosleep(&wait, NULL);
		stt_node_process(client);
	}
	tap_ok(stt_connect_result(c, NULL) == -EINPROGRESS,
	       "A9 a flood of forged ICMP errors does not end an attempt (%s)", stt_errmsg());
	stt_node_enable_accept(server);
	ret = finish_connect(client, c, NULL);
	tap_ok(!ret, "A9 and it succeeds when the peer answers%s%s", ret ? ": " : "",
	       ret ? stt_errmsg() : "");
	stt_connect_free(c);
	close(fd);
	stt_node_free(client);
	stt_node_free(server);
}

struct crossing {
	struct stt_node	*node;
	uint16_t	port;
	int		ret;
};

static void *cross(void *arg)
{
	struct crossing *x = arg;

	x->ret = stt_node_connect(x->node, "127.0.0.1", x->port, 10000, NULL);
	return NULL;
}

static void test_both_at_once(void)
{
	struct crossing x[2];
	pthread_t thread;

	x[0].node = run_node(SHARED, STT_START_SERVER | STT_START_THREAD, &x[1].port);
	x[1].node = run_node(SHARED, STT_START_SERVER | STT_START_THREAD, &x[0].port);
	pthread_create(&thread, NULL, cross, &x[0]);
	cross(&x[1]);
	pthread_join(thread, NULL);
	tap_ok(!x[0].ret && !x[1].ret && stats_of(x[0].node).sessions.active == 2,
	       "A11 both connect at once: two sessions");
	tap_ok(stt_node_connect(x[0].node, "127.0.0.1", x[1].port, 600, NULL) == -ELOOP,
	       "A11 connecting to oneself: -ELOOP (%s)", stt_errmsg());
	stt_node_free(x[0].node);
	stt_node_free(x[1].node);
}

/* Given up or stopped in the middle: no session stays, no waiter hangs. */
static void test_given_up(void)
{
	struct stt_node *client = run_node(SHARED, STT_START_THREAD, NULL);
	struct stt_connect *c, *d;

	stt_connect_start(client, "127.0.0.1", 9, 20000, &c);
	stt_connect_start(client, "127.0.0.1", 9, 20000, &d);
	tap_ok(stt_connect_result(c, NULL) == -EINPROGRESS, "A9 in progress");
	stt_connect_free(c);
	stt_node_stop(client);
	tap_ok(stt_connect_result(d, NULL) == -ESHUTDOWN, "A5 stop ends a connect");
	stt_connect_free(d);
	stt_node_free(client);
}

/* stt-ip, for one, can delete a node under a running program. */
static void test_deleted(void)
{
	struct stt_node *node = run_node(SHARED, STT_START_SERVER, NULL);
	struct stt_connect *c;
	struct stt_packet packet;
	struct stt_ctl *ctl;
	char byte;

	stt_connect_start(node, "127.0.0.1", 9, 20000, &c);
	if (stt_ctl_open(&ctl) || stt_ctl_node_del(ctl, stt_node_number(node), 0))
		tap_bail("cannot delete a node: %s", stt_errmsg());
	stt_ctl_close(ctl);
	tap_ok(stt_node_recv(node, &packet, &byte, 1, 5000) == -ESHUTDOWN,
	       "A5 a node deleted in the kernel: receive ends (%s)", stt_errmsg());
	tap_ok(stt_connect_result(c, NULL) == -ESHUTDOWN, "A5 and so does a connect");
	stt_connect_free(c);
	tap_ok(!stats_of(node).running && !stt_node_stop(node) &&
	       !stt_node_start(node, 0, NULL), "A3 it can be started again");
	stt_node_free(node);
}

int main(void)
{
	tap_plan(57);
	test_start_stop();
	test_port_in_use();
	test_rounds();
	test_stop_wakes();
	test_session();
	test_wrong_seed();
	test_failures();
	test_accept();
	test_seed_lengths();
	test_forged_icmp();
	test_late_response();
	test_wanted_peer();
	test_many();
	test_both_at_once();
	test_given_up();
	test_deleted();
	return tap_exit();
}
