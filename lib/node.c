// SPDX-License-Identifier: LGPL-2.1-or-later
/* Making and freeing nodes, and what all other parts use. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "errmsg.h"
#include "node.h"
#include "seed.h"

#define CONNECT_TIMEOUT_MS	10000
#define MAX_CLOCK_LAG_S		300

uint64_t node_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void node_log(const struct stt_node *node, int priority, const char *fmt, ...)
{
	char message[256];
	va_list ap;

	if (!node->config.log)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	node->config.log(node->config.log_arg, priority, message);
}

/* ---- configuration ------------------------------------------------------ */

/* A newer program may have fields that we lack, as long as it leaves them zero. */
static int copy_config(const struct stt_node_config *from, struct stt_node_config *to)
{
	const uint8_t *bytes = (const uint8_t *)from;

	if (!from || from->size < sizeof(*to))
		return stt_err(-EINVAL,
			       "the configuration is not initialised: call stt_node_config_init()");
	if (!sodium_is_zero(bytes + sizeof(*to), from->size - sizeof(*to)))
		return stt_err(-E2BIG,
			       "the configuration has a field that this libstt-user does not know");
	*to = *from;
	if (!to->connect_timeout_ms)
		to->connect_timeout_ms = CONNECT_TIMEOUT_MS;
	if (!to->max_clock_lag_s)
		to->max_clock_lag_s = MAX_CLOCK_LAG_S;
	return node_suites_check(to);
}

static int make_root(const struct stt_node *node, const char *what, const void *seed,
		     size_t len, struct stt_seed_root *root)
{
	int ret = stt_seed_root(seed, len, root);

	if (ret == -EINVAL)
		return stt_err(ret, "the %s seed has %zu bytes, it needs %d or more", what,
			       seed ? len : 0, STT_SEED_MIN);
	if (ret)
		return stt_err(ret, "no memory (%u MiB) to stretch the %s seed",
			       STT_SEED_MEMORY >> 20, what);
	if (stt_seed_is_weak(len))
		node_log(node, LOG_WARNING,
			 "the %s seed has only %zu bytes: use %d or more random ones", what, len,
			 STT_SEED_GOOD);
	return 0;
}

static int make_keys(struct stt_node *node, const struct stt_node_config *config)
{
	struct stt_seed_root root;
	int ret;

	ret = make_root(node, "shared", config->shared_seed, config->shared_seed_len, &root);
	if (!ret) {
		stt_seed_derive(&root, STT_SEED_LABEL_PSK, node->keys->shared.psk);
		stt_seed_derive(&root, STT_SEED_LABEL_MAC1, node->keys->shared.mac1);
		ret = make_root(node, "node", config->node_seed, config->node_seed_len, &root);
	}
	if (!ret)
		stt_seed_derive(&root, STT_SEED_LABEL_NODE_ID, node->keys->id_key);
	stt_seed_wipe(&root);
	return ret;
}

static int make_descriptors(struct stt_node *node)
{
	struct epoll_event ev = { .events = EPOLLIN };

	node->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	node->stop_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (node->poll_fd < 0 || node->stop_fd < 0 ||
	    epoll_ctl(node->poll_fd, EPOLL_CTL_ADD, node->stop_fd, &ev))
		return stt_err(-errno, "cannot make descriptors for the node: %s",
			       stt_strerror(errno));
	return 0;
}

static void init_run(struct stt_node *node)
{
	node->udp_fd = -1;
	node->hs_fd = -1;
	node->data_fd = -1;
	node->work_fd = -1;
	node->timer_fd = -1;
	node->wake_fd = -1;
	TAILQ_INIT(&node->connects);
	TAILQ_INIT(&node->rekey_attempts);
	STAILQ_INIT(&node->ended);
}

static int fill(struct stt_node *node, const struct stt_node_config *config)
{
	int ret = make_descriptors(node);

	if (ret)
		return ret;
	node->keys = sodium_malloc(sizeof(*node->keys));
	node->host = strdup(config->host ? config->host : "0.0.0.0");
	if (!node->keys || !node->host)
		return stt_err(-ENOMEM, "no memory for a node");
	ret = make_keys(node, config);
	if (ret)
		return ret;
	sodium_mprotect_readonly(node->keys);
	node->keyring = (struct stt_hs_keyring){ &node->keys->shared, 1 };
	return 0;
}

int stt_node_create(const struct stt_node_config *config, struct stt_node **out)
{
	struct stt_node_config copy;
	struct stt_node *node;
	int ret;

	ret = copy_config(config, &copy);
	if (ret)
		return ret;
	if (sodium_init() < 0)
		return stt_err(-ENOSYS, "libsodium cannot be initialised");
	node = calloc(1, sizeof(*node));
	if (!node)
		return stt_err(-ENOMEM, "no memory for a node");
	node->config = copy;
	node->poll_fd = -1;
	node->stop_fd = -1;
	pthread_mutex_init(&node->lock, NULL);
	pthread_cond_init(&node->changed, NULL);
	init_run(node);
	ret = fill(node, &copy);
	if (ret) {
		stt_node_free(node);
		return ret;
	}
	*out = node;
	return 0;
}

void stt_node_free(struct stt_node *node)
{
	if (!node)
		return;
	stt_node_stop(node);
	if (node->poll_fd >= 0)
		close(node->poll_fd);
	if (node->stop_fd >= 0)
		close(node->stop_fd);
	sodium_free(node->keys);
	free(node->host);
	pthread_cond_destroy(&node->changed);
	pthread_mutex_destroy(&node->lock);
	free(node);
}

/* ---- who may use it ----------------------------------------------------- */

static int check_running(const struct stt_node *node)
{
	if (node->phase != NODE_RUNNING)
		return stt_err(-ESHUTDOWN, "the node does not run");
	if (node->gone)
		return stt_err(-ESHUTDOWN, "the node was deleted in the kernel by somebody else");
	return 0;
}

int node_lock_running(struct stt_node *node)
{
	int ret;

	pthread_mutex_lock(&node->lock);
	ret = check_running(node);
	if (ret)
		pthread_mutex_unlock(&node->lock);
	return ret;
}

int node_enter(struct stt_node *node)
{
	int ret = node_lock_running(node);

	if (ret)
		return ret;
	node->users++;
	pthread_mutex_unlock(&node->lock);
	return 0;
}

void node_leave(struct stt_node *node)
{
	pthread_mutex_lock(&node->lock);
	if (!--node->users)
		pthread_cond_broadcast(&node->changed);
	pthread_mutex_unlock(&node->lock);
}

/* What poll() wants; rounded so that it never returns just before the time. */
static int poll_timeout(uint64_t deadline_ms)
{
	uint64_t now = node_now_ms();

	if (deadline_ms == UINT64_MAX)
		return -1;
	if (deadline_ms <= now)
		return 0;
	return deadline_ms - now > 1000000 ? 1000000 : (int)(deadline_ms - now);
}

int node_wait(struct stt_node *node, int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p[3] = {
		{ .fd = fd, .events = events },
		{ .fd = node->stop_fd, .events = POLLIN },
		{ .fd = node->has_thread ? -1 : node->work_fd, .events = POLLIN },
	};

	for (;;) {
		int n = poll(p, 3, poll_timeout(deadline_ms));

		if (n < 0)
			return stt_err(-errno, "waiting was interrupted: %s",
				       stt_strerror(errno));
		if (p[1].revents)
			return stt_err(-ESHUTDOWN, "the node was stopped");
		if (p[2].revents)
			stt_node_process(node);
		if (p[0].revents)
			return 0;
		if (!n && !poll_timeout(deadline_ms))
			return stt_err(-EAGAIN, "nothing came in time");
	}
}

/* ---- small questions ---------------------------------------------------- */

int stt_node_id(struct stt_node *node, uint8_t id[STT_NODE_ID_LEN])
{
	bool known;

	pthread_mutex_lock(&node->lock);
	memcpy(id, node->id, STT_NODE_ID_LEN);
	known = !sodium_is_zero(node->id, STT_NODE_ID_LEN);
	pthread_mutex_unlock(&node->lock);
	return known ? 0 : stt_err(-ESHUTDOWN, "the node was never started");
}

uint32_t stt_node_number(struct stt_node *node)
{
	uint32_t number;

	pthread_mutex_lock(&node->lock);
	number = node->phase == NODE_RUNNING ? node->number : 0;
	pthread_mutex_unlock(&node->lock);
	return number;
}

int stt_node_fd(struct stt_node *node)
{
	return node->poll_fd;
}
