// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two nodes: a server that sends back what it gets, and a client that sends one
 * message. "both" runs them in one process.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stt/stt.h>

#define SEED_MAX	4096
#define PORT		8080
#define REPLY_MS	10000

struct seed {
	char	bytes[SEED_MAX];
	size_t	len;
};

static struct options {
	struct seed	node, shared;	/* len 0: the samples */
	const char	*host;
	uint16_t	port;
	bool		once;
} options = { .port = PORT };

static const char usage[] =
	"usage: stt-echo [OPTIONS] server\n"
	"       stt-echo [OPTIONS] client HOST PORT [MESSAGE]\n"
	"       stt-echo [OPTIONS] both\n"
	"\n"
	"  server   answer every message with \"ECHO: \" and the message\n"
	"  client   send MESSAGE (default: Hello from client!), print the answer\n"
	"  both     server and client in one process\n"
	"\n"
	"  --host H              address to bind to (default: server 0.0.0.0, client ::,\n"
	"                        which serves IPv4 as well)\n"
	"  --port P              port of the server (default 8080; 0: a free one)\n"
	"  --once                server: end after one message\n"
	"  --node-seed-file F    seed of this node\n"
	"  --shared-seed-file F  seed shared with the peer\n"
	"                        (a newline at the end of a file does not count)\n"
	"\n"
	"Without the files it uses sample seeds, which everybody knows and which are too\n"
	"short, as it says. \"stt-ip seed new FILE\" makes good ones.\n";

static int fail(const char *what)
{
	fprintf(stderr, "stt-echo: %s: %s\n", what, stt_errmsg());
	return 1;
}

static void log_line(void *arg, int priority, const char *message)
{
	(void)priority;
	fprintf(stderr, "stt-echo: %s: %s\n", (const char *)arg, message);
}

/* ---- printing as Python does -------------------------------------------- */

static void print_byte(unsigned char c, char quote)
{
	static const char *const named[] = { ['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r" };

	if (c < sizeof(named) / sizeof(named[0]) && named[c])
		fputs(named[c], stdout);
	else if (c == (unsigned char)quote || c == '\\')
		printf("\\%c", c);
	else if (c < 0x20 || c >= 0x7f)
		printf("\\x%02x", c);
	else
		putchar(c);
}

/* repr() of a bytes object: single quotes, unless only double ones save escapes. */
static void print_bytes(const char *what, const void *data, size_t len)
{
	const unsigned char *p = data;
	char quote = memchr(p, '\'', len) && !memchr(p, '"', len) ? '"' : '\'';

	flockfile(stdout);
	printf("%s: b%c", what, quote);
	for (size_t i = 0; i < len; i++)
		print_byte(p[i], quote);
	printf("%c\n", quote);
	funlockfile(stdout);
}

static void print_started(const char *who, struct stt_node *node)
{
	uint8_t id[STT_NODE_ID_LEN];

	if (stt_node_id(node, id))
		return;
	flockfile(stdout);
	printf("%s started: ", who);
	for (int i = 0; i < 8; i++)
		printf("%02x", id[i]);
	printf("...\n");
	funlockfile(stdout);
}

/* ---- nodes -------------------------------------------------------------- */

static int make_node(const char *who, const char *sample_seed, const char *host, uint16_t port,
		     unsigned int flags, struct stt_node **node)
{
	static const char shared[] = "shared_secret_32bytes_minimum!";
	struct stt_node_config config;
	int ret;

	stt_node_config_init(&config);
	config.node_seed = options.node.len ? options.node.bytes : sample_seed;
	config.node_seed_len = options.node.len ? options.node.len : strlen(sample_seed);
	config.shared_seed = options.shared.len ? options.shared.bytes : shared;
	config.shared_seed_len = options.shared.len ? options.shared.len : strlen(shared);
	config.host = host;
	config.port = port;
	config.log = log_line;
	config.log_arg = (void *)(uintptr_t)who;
	ret = stt_node_create(&config, node);
	if (ret)
		return ret;
	ret = stt_node_start(*node, flags, NULL);
	if (ret) {
		stt_node_free(*node);
		*node = NULL;
		return ret;
	}
	print_started(who, *node);
	return 0;
}

/* "ECHO: " and the message; longer than a message may be, it is cut. */
static int answer(struct stt_node *node, const struct stt_packet *packet, const char *data,
		  size_t len)
{
	static const char prefix[] = "ECHO: ";
	static _Thread_local char reply[STT_MESSAGE_MAX];
	size_t used = sizeof(prefix) - 1;

	memcpy(reply, prefix, used);
	if (len > sizeof(reply) - used)
		len = sizeof(reply) - used;
	memcpy(reply + used, data, len);
	return stt_node_send_to_sessions(node, &packet->session, 1, packet->stream, reply,
					 used + len, NULL) == 1 ? 0 : -1;
}

static int serve(struct stt_node *node)
{
	static char buf[STT_MESSAGE_MAX];
	struct stt_packet packet;
	ssize_t len;

	do {
		len = stt_node_recv(node, &packet, buf, sizeof(buf), -1);
		if (len < 0)
			return len == -ESHUTDOWN ? 0 : fail("server");
		print_bytes("Server received", buf, (size_t)len);
		if (answer(node, &packet, buf, (size_t)len))
			fail("server, answering");
	} while (!options.once);
	return 0;
}

static int talk(struct stt_node *node, const char *host, uint16_t port, const char *message)
{
	static char buf[STT_MESSAGE_MAX];
	struct stt_session session;
	struct stt_packet packet;
	ssize_t len;

	if (stt_node_connect(node, host, port, 0, &session))
		return fail("client");
	printf("Connected! Session: %016" PRIx64 "\n", session.id);
	if (stt_node_send_to_sessions(node, &session.id, 1, 0, message, strlen(message),
				      NULL) != 1)
		return fail("client, sending");
	len = stt_node_recv(node, &packet, buf, sizeof(buf), REPLY_MS);
	if (len < 0)
		return fail("client, waiting for the echo");
	print_bytes("Client received", buf, (size_t)len);
	return 0;
}

/* ---- commands ----------------------------------------------------------- */

static void *stop_on_signal(void *arg)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &sig);
	stt_node_stop(arg);
	return NULL;
}

/* Signals are for that thread alone, which ends the receiving by a stop. */
static int serve_until_signal(struct stt_node *node)
{
	pthread_t thread;
	int ret;

	if (pthread_create(&thread, NULL, stop_on_signal, node)) {
		fprintf(stderr, "stt-echo: cannot start a thread\n");
		return 1;
	}
	ret = serve(node);
	pthread_kill(thread, SIGTERM);
	pthread_join(thread, NULL);
	return ret;
}

static int run_server(void)
{
	struct stt_node *node;
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (make_node("Server", "server_seed_32bytes_minimum!", options.host, options.port,
		      STT_START_SERVER, &node))
		return fail("server");
	ret = serve_until_signal(node);
	stt_node_free(node);
	return ret;
}

/* Both families, to reach whatever the name has; IPv4 where there is no IPv6. */
static int make_client(struct stt_node **node)
{
	static const char seed[] = "client_seed_32bytes_minimum!";
	int ret = make_node("Client", seed, options.host ? options.host : "::", 0, 0, node);

	if (!options.host && (ret == -EAFNOSUPPORT || ret == -EADDRNOTAVAIL))
		ret = make_node("Client", seed, "0.0.0.0", 0, 0, node);
	return ret;
}

static int run_client(const char *host, uint16_t port, const char *message)
{
	struct stt_node *node;
	int ret;

	if (make_client(&node))
		return fail("client");
	ret = talk(node, host, port, message);
	stt_node_free(node);
	return ret;
}

static void *serve_thread(void *arg)
{
	serve(arg);
	return NULL;
}

static int run_both(void)
{
	struct stt_node *server;
	pthread_t thread;
	union stt_addr bound;
	int ret;

	if (make_node("Server", "server_seed_32bytes_minimum!", options.host, options.port,
		      STT_START_SERVER, &server) ||
	    stt_node_start(server, 0, &bound))
		return fail("server");
	if (pthread_create(&thread, NULL, serve_thread, server)) {
		stt_node_free(server);
		fprintf(stderr, "stt-echo: cannot start a thread\n");
		return 1;
	}
	ret = run_client("localhost", ntohs(bound.in.sin_port), "Hello from client!");
	stt_node_stop(server);
	pthread_join(thread, NULL);
	stt_node_free(server);
	return ret;
}

/* ---- command line ------------------------------------------------------- */

static int read_seed(const char *path, struct seed *seed)
{
	FILE *file = fopen(path, "rb");

	if (!file) {
		fprintf(stderr, "stt-echo: cannot open %s: %s\n", path, strerror(errno));
		return -1;
	}
	seed->len = fread(seed->bytes, 1, sizeof(seed->bytes), file);
	if (ferror(file) || !seed->len || getc(file) != EOF) {
		fprintf(stderr, "stt-echo: %s is no file of 1 to %d bytes\n", path, SEED_MAX);
		fclose(file);
		return -1;
	}
	fclose(file);
	/* Editors and echo add a newline, which nobody means. */
	if (seed->bytes[seed->len - 1] == '\n')
		seed->len--;
	return 0;
}

static int read_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || *text == '-' || value > 65535) {
		fprintf(stderr, "stt-echo: \"%s\" is no port\n", text);
		return -1;
	}
	*port = (uint16_t)value;
	return 0;
}

static int read_option(int c)
{
	switch (c) {
	case 'H':
		options.host = optarg;
		return 0;
	case 'p':
		return read_port(optarg, &options.port);
	case 'o':
		options.once = true;
		return 0;
	case 'n':
		return read_seed(optarg, &options.node);
	case 's':
		return read_seed(optarg, &options.shared);
	default:
		fputs(usage, c == 'h' ? stdout : stderr);
		exit(c == 'h' ? 0 : 1);
	}
}

static int run(int argc, char **argv)
{
	uint16_t port;

	if (argc == 1 && !strcmp(argv[0], "server"))
		return run_server();
	if (argc == 1 && !strcmp(argv[0], "both"))
		return run_both();
	if ((argc == 3 || argc == 4) && !strcmp(argv[0], "client"))
		return read_port(argv[2], &port) ? 1 :
		       run_client(argv[1], port, argc == 4 ? argv[3] : "Hello from client!");
	fputs(usage, stderr);
	return 1;
}

int main(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "host", required_argument, NULL, 'H' },
		{ "port", required_argument, NULL, 'p' },
		{ "once", no_argument, NULL, 'o' },
		{ "node-seed-file", required_argument, NULL, 'n' },
		{ "shared-seed-file", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt_long(argc, argv, "h", longopts, NULL)) != -1)
		if (read_option(c))
			return 1;
	return run(argc - optind, argv + optind);
}
