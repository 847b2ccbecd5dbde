// SPDX-License-Identifier: LGPL-2.1-or-later
/* Starting a node in order, and stopping it in the reverse one. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "errmsg.h"
#include "node.h"
#include "udp.h"

#define CLOSE_BUDGET_MS		1000	/* for closing sessions one by one */
#define HANDSHAKE_RCVBUF	(1 << 20)

/* ---- start -------------------------------------------------------------- */

static int open_udp(struct stt_node *node)
{
	char text[STT_ADDR_TEXT_LEN];
	union stt_addr addr;
	int ret;

	ret = stt_resolve_bind(node->host, node->config.port, &addr);
	if (ret)
		return ret;
	node->udp_fd = stt_udp_open(&addr, &node->bound);
	if (node->udp_fd < 0)
		return stt_err(node->udp_fd, "cannot bind to UDP address %s: %s",
			       stt_addr_text(&addr, text), stt_strerror(node->udp_fd));
	return 0;
}

static int open_control(struct stt_node *node)
{
	struct stt_info info;
	int ret;

	ret = stt_ctl_open(&node->ctl);
	if (!ret)
		ret = stt_ctl_info(node->ctl, &info);
	if (ret)
		return ret;
	node->family = info.family;
	ret = node_suites_choose(node, info.suites);
	return ret ? ret : stt_ctl_subscribe(node->ctl);
}

/* Fresh in each run: nobody can follow a node by it. */
static void make_id(struct stt_node *node)
{
	uint8_t salt[32];

	randombytes_buf(salt, sizeof(salt));
	crypto_generichash(node->id, sizeof(node->id), salt, sizeof(salt), node->keys->id_key,
			   sizeof(node->keys->id_key));
}

static int make_responder(struct stt_node *node)
{
	struct stt_responder_params p = {
		.keyring = &node->keyring, .node_id = node->id, .suites = node->suites,
		.preferred_suite = node->preferred_suite,
		.clock_s = time(NULL), .lag_s = node->config.max_clock_lag_s,
		.rekey = { .find = node_rekey_find, .admit = node_rekey_admit, .ctx = node },
	};

	make_id(node);
	node->responder = stt_responder_new(&p);
	return node->responder ? 0 : stt_err(-ENOMEM, "no memory for a node");
}

static int attach(struct stt_node *node)
{
	const struct stt_node_config *c = &node->config;
	const struct stt_node_defaults defaults = {
		.has_heartbeat = c->has_heartbeat, .heartbeat_ms = c->heartbeat_ms,
		.has_rekey_age = c->has_rekey_age, .rekey_age_ms = c->rekey_age_ms,
		.has_rekey_volume = c->rekey_volume, .rekey_volume = c->rekey_volume,
	};

	return stt_ctl_node_new_with(node->ctl, node->udp_fd, &defaults, &node->number);
}

static int open_socket(const struct stt_node *node, uint8_t type, uint8_t flags)
{
	struct sockaddr_stt sa = {
		.sstt_family = (__kernel_sa_family_t)node->family,
		.sstt_type = type, .sstt_flags = flags,
		.sstt_node = node->number, .sstt_session = STT_SESSION_ANY,
	};
	int fd, err;

	fd = socket(node->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return stt_err(-errno, "cannot make an AF_STT socket (family %d): %s",
			       node->family, stt_strerror(errno));
	if (!bind(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fd;
	err = errno;
	close(fd);
	return stt_err(-err, "cannot bind an AF_STT socket to node %u: %s", node->number,
		       stt_strerror(err));
}

static int open_sockets(struct stt_node *node)
{
	int size = HANDSHAKE_RCVBUF;

	node->hs_fd = open_socket(node, STT_MSG_HANDSHAKE, 0);
	if (node->hs_fd < 0)
		return node->hs_fd;
	/* Many may knock at once. As much as the system allows is good enough. */
	setsockopt(node->hs_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	node->data_fd = open_socket(node, STT_MSG_ANY, STT_ADDR_STREAM_ANY);
	return node->data_fd < 0 ? node->data_fd : 0;
}

static int watch(int epoll_fd, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int open_loop(struct stt_node *node)
{
	int ret;

	node->work_fd = epoll_create1(EPOLL_CLOEXEC);
	node->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	node->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (node->work_fd < 0 || node->timer_fd < 0 || node->wake_fd < 0)
		return stt_err(-errno, "cannot make descriptors for the node: %s",
			       stt_strerror(errno));
	ret = watch(node->work_fd, node->hs_fd, EPOLLIN);
	ret = ret ? ret : watch(node->work_fd, node->udp_fd, EPOLLERR);
	ret = ret ? ret : watch(node->work_fd, stt_ctl_fd(node->ctl), EPOLLIN);
	ret = ret ? ret : watch(node->work_fd, node->timer_fd, EPOLLIN);
	ret = ret ? ret : watch(node->work_fd, node->wake_fd, EPOLLIN);
	ret = ret ? ret : watch(node->poll_fd, node->work_fd, EPOLLIN);
	ret = ret ? ret : watch(node->poll_fd, node->data_fd, EPOLLIN);
	return ret ? stt_err(ret, "cannot watch the node's sockets: %s", stt_strerror(ret)) : 0;
}

static int start_thread(struct stt_node *node)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&node->thread, NULL, node_thread, node);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret)
		return stt_err(-ret, "cannot start the node's thread: %s", stt_strerror(ret));
	node->has_thread = true;
	return 0;
}

static int open_all(struct stt_node *node)
{
	int ret = open_udp(node);

	ret = ret ? ret : open_control(node);
	ret = ret ? ret : make_responder(node);
	ret = ret ? ret : attach(node);
	ret = ret ? ret : open_sockets(node);
	return ret ? ret : open_loop(node);
}

/* ---- what start undoes and stop does ------------------------------------ */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_all(struct stt_node *node)
{
	node_forget_ended(node);
	node_rekey_stop(node);
	stt_responder_free(node->responder);
	node->responder = NULL;
	stt_id_free(&node->by_id);
	if (node->work_fd >= 0)
		epoll_ctl(node->poll_fd, EPOLL_CTL_DEL, node->work_fd, NULL);
	if (node->data_fd >= 0)
		epoll_ctl(node->poll_fd, EPOLL_CTL_DEL, node->data_fd, NULL);
	close_fd(&node->work_fd);
	close_fd(&node->data_fd);
	close_fd(&node->hs_fd);
	close_fd(&node->timer_fd);
	close_fd(&node->wake_fd);
	if (node->number)
		stt_ctl_node_del(node->ctl, node->number, STT_CLOSE_SHUTDOWN);
	node->number = 0;
	close_fd(&node->udp_fd);
	stt_ctl_close(node->ctl);
	node->ctl = NULL;
}

/* Nobody runs yet that could see a node half started: the lock is held. */
static int start(struct stt_node *node, unsigned int flags)
{
	uint64_t count;
	char *why;
	int ret;

	memset(&node->last, 0, sizeof(node->last));
	node->gone = false;
	node->next_ms = UINT64_MAX;
	ret = open_all(node);
	if (!ret && (flags & STT_START_THREAD))
		ret = start_thread(node);
	if (ret) {
		why = strdup(stt_errmsg());
		close_all(node);
		if (why)
			stt_err_set("%s", why);
		free(why);
		return ret;
	}
	if (read(node->stop_fd, &count, sizeof(count)) < 0)
		count = 0;
	node->server_mode = flags & STT_START_SERVER;
	node->accepting = node->server_mode;
	stt_responder_accept(node->responder, node->accepting);
	node->phase = NODE_RUNNING;
	return 0;
}

int stt_node_start(struct stt_node *node, unsigned int flags, union stt_addr *bound)
{
	int ret = 0;

	if (flags & ~(unsigned int)(STT_START_SERVER | STT_START_THREAD))
		return stt_err(-EINVAL, "unknown flags 0x%x to start a node with", flags);
	pthread_mutex_lock(&node->lock);
	while (node->phase == NODE_STOPPING)
		pthread_cond_wait(&node->changed, &node->lock);
	if (node->phase == NODE_STOPPED)
		ret = start(node, flags);
	if (!ret && bound)
		*bound = node->bound;
	pthread_mutex_unlock(&node->lock);
	return ret;
}

/* ---- stop --------------------------------------------------------------- */

/* One by one, so that the close frames are in the counters; node deletion does the rest. */
static void close_sessions(struct stt_node *node)
{
	uint64_t end = node_now_ms() + CLOSE_BUDGET_MS;
	struct node_ids ids = { 0 };

	if (node_session_ids(node, ~0U, &ids))
		return;
	for (size_t i = 0; i < ids.n && node_now_ms() < end; i++)
		stt_ctl_session_del(node->ctl, node->number, ids.ids[i], STT_CLOSE_SHUTDOWN);
	free(ids.ids);
}

/* With the lock, and let go of it until nobody is in the node any more. */
static void drain(struct stt_node *node)
{
	node->accepting = false;
	stt_responder_accept(node->responder, false);
	node_connect_stop(node);
	eventfd_write(node->stop_fd, 1);
	if (node->has_thread) {
		pthread_mutex_unlock(&node->lock);
		pthread_join(node->thread, NULL);
		pthread_mutex_lock(&node->lock);
	}
	while (node->users)
		pthread_cond_wait(&node->changed, &node->lock);
	/* Only now: users read it without the lock. */
	node->has_thread = false;
}

int stt_node_stop(struct stt_node *node)
{
	pthread_mutex_lock(&node->lock);
	while (node->phase == NODE_STOPPING)
		pthread_cond_wait(&node->changed, &node->lock);
	if (node->phase == NODE_RUNNING) {
		node->phase = NODE_STOPPING;
		drain(node);
		close_sessions(node);
		node_counters(node, &node->last);
		close_all(node);
		node->phase = NODE_STOPPED;
		pthread_cond_broadcast(&node->changed);
	}
	pthread_mutex_unlock(&node->lock);
	return 0;
}

/* ---- accepting ---------------------------------------------------------- */

static int set_accept(struct stt_node *node, bool accept)
{
	int ret = node_lock_running(node);

	if (ret)
		return ret;
	node->accepting = accept;
	stt_responder_accept(node->responder, accept);
	pthread_mutex_unlock(&node->lock);
	return 0;
}

int stt_node_enable_accept(struct stt_node *node)
{
	return set_accept(node, true);
}

int stt_node_disable_accept(struct stt_node *node)
{
	return set_accept(node, false);
}
