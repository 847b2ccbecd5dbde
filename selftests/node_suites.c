// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cipher suite that two nodes agree on is the one of the session's keys in
 * the kernel, and messages pass under it.
 */
#include <errno.h>
#include <sodium.h>

#include "node_util.h"

#define CHACHA	STT_SUITE_CHACHA20POLY1305
#define GCM	STT_SUITE_AES256GCM
#define BIT(n)	(1U << (n))
#define BOTH	(BIT(CHACHA) | BIT(GCM))

static struct stt_node *run(uint32_t suites, uint8_t preferred, unsigned int flags,
			    uint16_t *port)
{
	struct stt_node_config config = config_of(SHARED, "127.0.0.1", 0);

	config.suites = suites;
	config.preferred_suite = preferred;
	return started(make_node_of(&config), flags, port);
}

/* Suite of all keys of a session, as the kernel says; 0: they differ. */
static uint8_t suite_in_kernel(struct stt_node *node, uint64_t id)
{
	struct stt_session_info info;
	struct stt_ctl *ctl;
	uint8_t suite = 0;

	if (stt_ctl_open(&ctl))
		tap_bail("no control channel: %s", stt_errmsg());
	if (!stt_ctl_session_get(ctl, stt_node_number(node), id, &info) && info.n_keys) {
		suite = info.keys[0].suite;
		for (unsigned int i = 1; i < info.n_keys; i++)
			if (info.keys[i].suite != suite)
				suite = 0;
	}
	stt_ctl_close(ctl);
	return suite;
}

static bool message_passes(struct stt_node *from, struct stt_node *to, uint64_t id)
{
	struct stt_packet packet;
	char buf[100];

	return !stt_node_send(from, id, 0, STT_MSG_DATA, "hello", 5, 0) &&
	       stt_node_recv(to, &packet, buf, sizeof(buf), 10000) == 5 &&
	       packet.session == id && !memcmp(buf, "hello", 5);
}

static void test_agreed(uint32_t offered, uint32_t taken, uint8_t preferred, uint8_t wanted,
			const char *text)
{
	struct stt_node *server, *client;
	struct stt_session s;
	uint16_t port;

	server = run(taken, preferred, STT_START_SERVER | STT_START_THREAD, &port);
	client = run(offered, 0, 0, NULL);
	tap_ok(!stt_node_connect(client, "127.0.0.1", port, 0, &s) &&
	       suite_in_kernel(client, s.id) == wanted &&
	       suite_in_kernel(server, s.id) == wanted &&
	       message_passes(client, server, s.id) && message_passes(server, client, s.id),
	       "%s", text);
	stt_node_free(client);
	stt_node_free(server);
}

static void test_nothing_common(void)
{
	struct stt_node *server, *client;
	struct stt_session s;
	uint16_t port;

	server = run(BIT(CHACHA), 0, STT_START_SERVER | STT_START_THREAD, &port);
	client = run(BIT(GCM), 0, 0, NULL);
	tap_ok(stt_node_connect(client, "127.0.0.1", port, 700, &s) == -ETIMEDOUT,
	       "R26 no suite in common: silence");
	tap_ok(stats_of(server).handshakes.unsupported > 0, "R26 no suite in common: counted");
	stt_node_free(client);
	stt_node_free(server);
}

static void test_refused(void)
{
	struct stt_node_config config = config_of(SHARED, NULL, 0);
	struct stt_node *node;

	config.suites = BIT(7);
	tap_ok(stt_node_create(&config, &node) == -EINVAL, "R26 an unknown suite is refused");
	config.suites = BIT(CHACHA);
	config.preferred_suite = GCM;
	tap_ok(stt_node_create(&config, &node) == -EINVAL && strstr(stt_errmsg(), "aes256gcm"),
	       "R26 a preferred suite that is not among them is refused, by name");
}

static bool kernel_has_gcm(void)
{
	struct stt_info info = { 0 };
	struct stt_ctl *ctl;

	if (!stt_ctl_open(&ctl)) {
		stt_ctl_info(ctl, &info);
		stt_ctl_close(ctl);
	}
	return info.suites & BIT(GCM);
}

int main(void)
{
	if (sodium_init() < 0 || !kernel_has_gcm()) {
		printf("1..0 # SKIP no gcm(aes) in this kernel\n");
		return 0;
	}
	tap_plan(10);
	test_agreed(0, 0, 0, crypto_aead_aes256gcm_is_available() ? GCM : CHACHA,
		    "R26 AES-256-GCM where both CPUs have instructions for it");
	test_agreed(BOTH, BOTH, CHACHA, CHACHA, "R26 the asked node prefers ChaCha20-Poly1305");
	test_agreed(BOTH, BOTH, GCM, GCM, "R26 the asked node prefers AES-256-GCM");
	test_agreed(BIT(CHACHA), 0, GCM, CHACHA, "R26 only ChaCha20-Poly1305 is offered");
	test_agreed(BIT(GCM), BOTH, CHACHA, GCM, "R26 only AES-256-GCM is offered");
	test_agreed(0, BIT(CHACHA), 0, CHACHA, "R26 only ChaCha20-Poly1305 is taken");
	test_nothing_common();
	test_refused();
	return tap_exit();
}
