// SPDX-License-Identifier: LGPL-2.1-or-later
/* Connecting, as programs see it: starting, waiting, giving up. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>
#include <sys/eventfd.h>

#include "errmsg.h"
#include "node.h"
#include "secret.h"

#define CONNECT_MAX_MS	86400000U

static struct stt_connect *make(struct stt_node *node, const struct stt_connect_options *o)
{
	size_t len = strlen(o->host) + sizeof(" port 65535");
	struct stt_connect *c = stt_secret_alloc(sizeof(*c));

	if (!c)
		return NULL;
	c->target = malloc(len);
	if (!c->target) {
		stt_secret_free(c, sizeof(*c));
		return NULL;
	}
	snprintf(c->target, len, "%s port %u", o->host, (unsigned int)o->port);
	c->has_peer_id = o->peer_node_id;
	if (c->has_peer_id)
		memcpy(c->peer_id, o->peer_node_id, sizeof(c->peer_id));
	c->node = node;
	c->event_fd = -1;
	c->start_ms = node_now_ms();
	c->attempt.send = node_send_frame;
	c->attempt.ctx = node;
	return c;
}

static void free_connect(struct stt_connect *c)
{
	if (c->event_fd >= 0)
		close(c->event_fd);
	free(c->message);
	free(c->target);
	stt_secret_free(c, sizeof(*c));
}

static int begin(struct stt_node *node, struct stt_connect *c,
		 const struct stt_connect_options *o)
{
	int ret = stt_resolve_start(o->host, o->port, node->wake_fd, &c->resolve);

	if (ret)
		return ret;
	c->attempt.deadline_ms = c->start_ms +
		(o->timeout_ms ? o->timeout_ms : node->config.connect_timeout_ms);
	node_connect_begin(c);
	return 0;
}

static int check_options(const struct stt_connect_options *o)
{
	const uint8_t *bytes = (const uint8_t *)o;

	if (!o || o->size < sizeof(*o))
		return stt_err(-EINVAL,
			       "the options are not initialised: call stt_connect_options_init()");
	if (!sodium_is_zero(bytes + sizeof(*o), o->size - sizeof(*o)))
		return stt_err(-E2BIG, "there is an option that this libstt-user does not know");
	if (!o->host || !*o->host || !o->port)
		return stt_err(-EINVAL, "a host and a port that is not 0 are needed to connect");
	if (o->timeout_ms > CONNECT_MAX_MS)
		return stt_err(-EINVAL, "a timeout of %u ms is more than a day", o->timeout_ms);
	return 0;
}

int stt_connect_start_with(struct stt_node *node, const struct stt_connect_options *options,
			   struct stt_connect **connect)
{
	struct stt_connect *c;
	int ret = check_options(options);

	if (ret)
		return ret;
	c = make(node, options);
	if (!c)
		return stt_err(-ENOMEM, "no memory to connect to %s", options->host);
	ret = node_lock_running(node);
	if (!ret) {
		ret = begin(node, c, options);
		pthread_mutex_unlock(&node->lock);
	}
	if (ret) {
		free_connect(c);
		return ret;
	}
	*connect = c;
	return 0;
}

int stt_connect_start(struct stt_node *node, const char *host, uint16_t port,
		      unsigned int timeout_ms, struct stt_connect **connect)
{
	struct stt_connect_options options;

	stt_connect_options_init(&options);
	options.host = host;
	options.port = port;
	options.timeout_ms = timeout_ms;
	return stt_connect_start_with(node, &options, connect);
}

int stt_connect_result(struct stt_connect *c, struct stt_session *session)
{
	int ret;

	pthread_mutex_lock(&c->node->lock);
	ret = c->done ? c->result : -EINPROGRESS;
	if (!ret && session)
		*session = c->session;
	if (ret == -EINPROGRESS)
		stt_err_set("still connecting to %s", c->target);
	else if (ret)
		stt_err_set("%s", c->message ? c->message : stt_strerror(ret));
	pthread_mutex_unlock(&c->node->lock);
	return ret;
}

int stt_connect_fd(struct stt_connect *c)
{
	int ret;

	pthread_mutex_lock(&c->node->lock);
	if (c->event_fd < 0)
		c->event_fd = eventfd(c->done, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = c->event_fd < 0 ? stt_err(-errno, "no descriptor left to wait with") : c->event_fd;
	pthread_mutex_unlock(&c->node->lock);
	return ret;
}

void stt_connect_free(struct stt_connect *c)
{
	struct stt_node *node;

	if (!c)
		return;
	node = c->node;
	pthread_mutex_lock(&node->lock);
	node_connect_cancel(c);
	pthread_mutex_unlock(&node->lock);
	free_connect(c);
}

int stt_connect_wait(struct stt_connect *c, struct stt_session *session)
{
	struct stt_node *node = c->node;
	int ret = node_enter(node), fd;

	if (ret)
		return stt_connect_result(c, session);
	fd = stt_connect_fd(c);
	ret = fd < 0 ? fd : node_wait(node, fd, POLLIN, UINT64_MAX);
	node_leave(node);
	/* A stop has given the attempt its result, and that is the better sentence. */
	return ret && ret != -ESHUTDOWN ? ret : stt_connect_result(c, session);
}

int stt_node_connect(struct stt_node *node, const char *host, uint16_t port,
		     unsigned int timeout_ms, struct stt_session *session)
{
	struct stt_connect *c;
	int ret = stt_connect_start(node, host, port, timeout_ms, &c);

	if (ret)
		return ret;
	ret = stt_connect_wait(c, session);
	stt_connect_free(c);
	return ret;
}
