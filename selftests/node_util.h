/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the node object share: making nodes in one line. */
#ifndef SELFTESTS_NODE_UTIL_H
#define SELFTESTS_NODE_UTIL_H

#include <arpa/inet.h>
#include <dirent.h>
#include <stt/stt.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define SHARED	"the shared seed, 32 bytes or more."
#define OTHER	"another shared seed, also 32 bytes"
#define NODE	"a node seed, also 32 bytes or more"

/* The seeds, and an address; all else as it is by default. */
static inline struct stt_node_config config_of(const char *shared, const char *host, uint16_t port)
{
	struct stt_node_config config;

	stt_node_config_init(&config);
	config.node_seed = NODE;
	config.node_seed_len = strlen(NODE);
	config.shared_seed = shared;
	config.shared_seed_len = strlen(shared);
	config.host = host;
	config.port = port;
	return config;
}

static inline struct stt_node *make_node_of(const struct stt_node_config *config)
{
	struct stt_node *node;

	if (stt_node_create(config, &node))
		tap_bail("cannot make a node: %s", stt_errmsg());
	return node;
}

static inline struct stt_node *make_node(const char *shared, const char *host, uint16_t port)
{
	const struct stt_node_config config = config_of(shared, host, port);

	return make_node_of(&config);
}

/* Start it. @port: gets its port, or NULL. */
static inline struct stt_node *started(struct stt_node *node, unsigned int flags, uint16_t *port)
{
	union stt_addr bound;

	if (stt_node_start(node, flags, &bound))
		tap_bail("cannot start a node: %s", stt_errmsg());
	if (port)
		*port = ntohs(bound.in.sin_port);
	return node;
}

/* A running node on 127.0.0.1 and its port. */
static inline struct stt_node *run_node(const char *shared, unsigned int flags, uint16_t *port)
{
	return started(make_node(shared, "127.0.0.1", 0), flags, port);
}

/* A server that works by itself. */
static inline struct stt_node *run_server(uint16_t *port)
{
	return run_node(SHARED, STT_START_SERVER | STT_START_THREAD, port);
}

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static inline unsigned int kernel_nodes(void)
{
	struct stt_info info = { .nodes = ~0U };
	struct stt_ctl *ctl;

	if (stt_ctl_open(&ctl))
		return ~0U;
	stt_ctl_info(ctl, &info);
	stt_ctl_close(ctl);
	return info.nodes;
}

static inline struct stt_node_stats stats_of(struct stt_node *node)
{
	struct stt_node_stats stats;

	stt_node_stats(node, &stats, sizeof(stats));
	return stats;
}

#endif /* SELFTESTS_NODE_UTIL_H */
