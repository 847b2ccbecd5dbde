// SPDX-License-Identifier: LGPL-2.1-or-later
/* Connecting: from a name to an active session, or a precise error. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>
#include <sys/eventfd.h>

#include "errmsg.h"
#include "node.h"
#include "udp.h"

#define CONNECT_MAX_MS	86400000U

/* ---- the end of an attempt ---------------------------------------------- */

/*
 * The peer may have the session already, if AUTH_PROOF arrived and FINAL did
 * not. Only an active session can say goodbye, so it is made one first.
 */
static void remove_pending(struct stt_connect *c)
{
	struct stt_session_info set = {
		.node = c->node->number, .id = c->session.id, .state = STT_SESSION_STATE_ACTIVE,
	};

	if (!c->installed)
		return;
	if (stt_attempt_proving(&c->attempt))
		stt_ctl_session_set(c->node->ctl, &set);
	stt_ctl_session_del(c->node->ctl, c->node->number, c->session.id, STT_CLOSE_NONE);
	c->installed = false;
}

static void unlink_connect(struct stt_connect *c)
{
	TAILQ_REMOVE(&c->node->connects, c, link);
	if (c->attempt.in.id)
		stt_id_remove(&c->node->by_id, &c->by_id);
	stt_attempt_free(&c->attempt);
	stt_resolve_free(c->resolve);
	c->resolve = NULL;
}

static void finish(struct stt_connect *c, int result)
{
	if (result) {
		c->message = strdup(stt_errmsg());
		remove_pending(c);
		c->node->last.handshakes.failed++;
	} else {
		c->node->last.handshakes.connected++;
	}
	unlink_connect(c);
	c->result = result;
	c->done = true;
	if (c->event_fd >= 0)
		eventfd_write(c->event_fd, 1);
}

/* ---- sentences ---------------------------------------------------------- */

static const char *address_fate(const struct stt_attempt_addr *a)
{
	return a->error ? stt_strerror(a->error)
			: "silence (nothing there, packets lost, another shared seed, or clocks too far apart)";
}

/* "no answer from HOST port N within 10000 ms: ADDRESS: what happened; ..." */
static void describe(const struct stt_connect *c, int error)
{
	const struct stt_attempt *a = &c->attempt;
	char text[STT_ADDR_TEXT_LEN], all[400] = "";
	size_t used = 0;

	if (error == -ELOOP) {
		stt_err_set("%s is this node itself", c->target);
		return;
	}
	if (stt_attempt_proving(a)) {
		stt_err_set("%s answered, but did not confirm the session in time", c->target);
		return;
	}
	for (unsigned int i = 0; i < a->n_started && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s: %s",
					 i ? "; " : "", stt_addr_text(&a->addrs[i].addr, text),
					 address_fate(&a->addrs[i]));
	stt_err_set("no session with %s after %llu ms: %s", c->target,
		    (unsigned long long)(node_now_ms() - c->start_ms), all);
}

/* ---- the handshake ------------------------------------------------------ */

static int start_handshake(struct stt_connect *c, uint64_t now_ms)
{
	struct stt_node *node = c->node;
	uint8_t time[STT_HS_TIME_LEN];
	struct stt_initiator_params p = {
		.keyring = &node->keyring, .node_id = node->id, .time = time,
		.suites = node->suites, .id = stt_id_unused(&node->by_id),
	};
	struct timespec now;

	if (c->attempt.in.id)
		stt_id_remove(&node->by_id, &c->by_id);
	clock_gettime(CLOCK_REALTIME, &now);
	stt_hs_time(time, now.tv_sec, (uint32_t)now.tv_nsec);
	if (stt_id_insert(&node->by_id, &c->by_id, p.id)) {
		stt_initiator_wipe(&c->attempt.in);
		return stt_err(-ENOMEM, "no memory to connect to %s", c->target);
	}
	stt_attempt_start(&c->attempt, &p, now_ms);
	return 0;
}

static void tick(struct stt_connect *c, uint64_t now_ms)
{
	int ret = stt_attempt_tick(&c->attempt, now_ms);

	if (ret) {
		describe(c, ret);
		finish(c, ret);
		return;
	}
	node_wake_at(c->node, stt_attempt_next(&c->attempt));
}

/* Whether this node can send there at all. */
static bool usable(const struct stt_node *node, const union stt_addr *to)
{
	if (node->bound.sa.sa_family == to->sa.sa_family)
		return true;
	return node->bound.sa.sa_family == AF_INET6 && stt_addr_is_any(&node->bound);
}

static int take_addresses(struct stt_connect *c, const union stt_addr *addrs, unsigned int n)
{
	struct stt_attempt *a = &c->attempt;

	a->addrs = calloc(n ? n : 1, sizeof(*a->addrs));
	if (!a->addrs)
		return stt_err(-ENOMEM, "no memory to connect to %s", c->target);
	for (unsigned int i = 0; i < n; i++)
		if (usable(c->node, &addrs[i]))
			a->addrs[a->n_addrs++].addr = addrs[i];
	if (a->n_addrs)
		return 0;
	return stt_err(-EAFNOSUPPORT, "%s has no address that a node bound to an %s can reach",
		       c->target, c->node->bound.sa.sa_family == AF_INET ? "IPv4 address" :
									   "IPv6 address");
}

/* The name is known, or will never be. */
static void resolved(struct stt_connect *c, uint64_t now_ms)
{
	union stt_addr *addrs = NULL;
	int n = stt_resolve_result(c->resolve, &addrs), ret;

	if (n == -EINPROGRESS)
		return;
	stt_resolve_free(c->resolve);
	c->resolve = NULL;
	if (n < 0) {
		finish(c, n);
		return;
	}
	ret = take_addresses(c, addrs, (unsigned int)n);
	free(addrs);
	if (!ret)
		ret = start_handshake(c, now_ms);
	if (ret)
		finish(c, ret);
	else
		tick(c, now_ms);
}

void node_connect_resolved(struct stt_node *node, uint64_t now_ms)
{
	struct stt_connect *c, *next;

	for (c = TAILQ_FIRST(&node->connects); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->resolve)
			resolved(c, now_ms);
	}
}

/* RESPONSE: the session must be there before AUTH_PROOF leaves. */
static void install(struct stt_connect *c, uint64_t now_ms, const struct stt_hs_session *s)
{
	int ret = node_install(c->node, s, STT_SESSION_STATE_PENDING, &c->attempt.peer,
			       &c->attempt.local);

	if (!ret) {
		c->installed = true;
		c->session.id = s->id;
		c->session.peer = c->attempt.peer;
		memcpy(c->session.peer_node_id, s->peer_id, sizeof(s->peer_id));
		stt_attempt_prove(&c->attempt);
		node_wake_at(c->node, stt_attempt_next(&c->attempt));
		return;
	}
	/* The id is taken: with another ephemeral key it is another id. */
	if (ret == -EEXIST)
		ret = start_handshake(c, now_ms);
	if (ret)
		finish(c, ret);
	else
		tick(c, now_ms);
}

static void confirmed(struct stt_connect *c)
{
	struct stt_session_info info = {
		.node = c->node->number, .id = c->session.id, .state = STT_SESSION_STATE_ACTIVE,
	};
	int ret = stt_ctl_session_set(c->node->ctl, &info);

	if (!ret)
		ret = stt_ctl_session_get(c->node->ctl, c->node->number, c->session.id, &info);
	if (!ret) {
		c->session.state = info.state;
		c->session.mtu = info.mtu;
	}
	finish(c, ret);
}

static struct stt_connect *find(struct stt_node *node, uint32_t id)
{
	struct stt_id_link *link = stt_id_first(&node->by_id, id);

	return link ? stt_id_entry(link, struct stt_connect, by_id) : NULL;
}

static void count(struct stt_node *node, enum stt_hs_drop why)
{
	if (why == STT_HS_DROP_BAD_MAC)
		node->last.handshakes.bad_mac++;
	else if (why == STT_HS_DROP_BAD_SEAL)
		node->last.handshakes.bad_seal++;
	else if (why == STT_HS_DROP_MALFORMED)
		node->last.handshakes.malformed++;
	else
		node->last.handshakes.unknown++;
}

void node_connect_input(struct stt_node *node, uint64_t now_ms, const union stt_addr *from,
			const union stt_addr *to, const uint8_t *data, size_t len)
{
	enum stt_hs_drop why = STT_HS_DROP_MALFORMED;
	struct stt_hs_session session;
	enum stt_hs_verdict verdict;
	struct stt_connect *c = NULL;

	if (stt_hs_check(data, len) >= 0) {
		why = STT_HS_DROP_UNKNOWN;
		c = find(node, stt_get_be32(data + STT_HS_OFF_RECEIVER));
	}
	verdict = c ? stt_attempt_input(&c->attempt, now_ms, from, to, data, len, &session, &why)
		    : STT_HS_DROP;
	if (verdict == STT_HS_DROP) {
		count(node, why);
	} else if (verdict == STT_HS_INSTALL) {
		install(c, now_ms, &session);
		sodium_memzero(&session, sizeof(session));
	} else {
		confirmed(c);
	}
}

void node_connect_own(struct stt_node *node, uint32_t id)
{
	struct stt_connect *c = find(node, id);

	if (c)
		c->attempt.own = true;
}

void node_connect_error(struct stt_node *node, uint64_t now_ms, const union stt_addr *about,
			int error)
{
	struct stt_connect *c;

	TAILQ_FOREACH(c, &node->connects, link) {
		if (c->resolve)
			continue;
		stt_attempt_soft_error(&c->attempt, now_ms, about, error);
		node_wake_at(node, stt_attempt_next(&c->attempt));
	}
}

/* The peer's first data came before its FINAL: that proves as much. */
void node_connect_active(struct stt_node *node, uint64_t session)
{
	struct stt_connect *c;

	TAILQ_FOREACH(c, &node->connects, link) {
		if (!c->installed || c->session.id != session)
			continue;
		confirmed(c);
		return;
	}
}

uint64_t node_connect_tick(struct stt_node *node, uint64_t now_ms)
{
	struct stt_connect *c, *next;
	uint64_t wake = UINT64_MAX;

	for (c = TAILQ_FIRST(&node->connects); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!c->resolve) {
			tick(c, now_ms);
		} else if (now_ms >= c->attempt.deadline_ms) {
			stt_err_set("looking up %s took too long", c->target);
			finish(c, -ETIMEDOUT);
		} else if (c->attempt.deadline_ms < wake) {
			wake = c->attempt.deadline_ms;
		}
	}
	return wake;
}

void node_connect_stop(struct stt_node *node)
{
	while (!TAILQ_EMPTY(&node->connects)) {
		stt_err_set("the node was stopped");
		finish(TAILQ_FIRST(&node->connects), -ESHUTDOWN);
	}
}

/* ---- public ------------------------------------------------------------- */

static struct stt_connect *make(struct stt_node *node, const char *host, uint16_t port)
{
	size_t len = strlen(host) + sizeof(" port 65535");
	struct stt_connect *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->target = malloc(len);
	if (!c->target) {
		free(c);
		return NULL;
	}
	snprintf(c->target, len, "%s port %u", host, (unsigned int)port);
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
	free(c);
}

static int begin(struct stt_node *node, struct stt_connect *c, const char *host, uint16_t port,
		 unsigned int timeout_ms)
{
	int ret = stt_resolve_start(host, port, node->wake_fd, &c->resolve);

	if (ret)
		return ret;
	c->attempt.deadline_ms = c->start_ms +
		(timeout_ms ? timeout_ms : node->config.connect_timeout_ms);
	TAILQ_INSERT_TAIL(&node->connects, c, link);
	node_wake_at(node, c->attempt.deadline_ms);
	resolved(c, c->start_ms);
	return 0;
}

int stt_connect_start(struct stt_node *node, const char *host, uint16_t port,
		      unsigned int timeout_ms, struct stt_connect **connect)
{
	struct stt_connect *c;
	int ret;

	if (!host || !*host || !port)
		return stt_err(-EINVAL, "a host and a port that is not 0 are needed to connect");
	if (timeout_ms > CONNECT_MAX_MS)
		return stt_err(-EINVAL, "a timeout of %u ms is more than a day", timeout_ms);
	c = make(node, host, port);
	if (!c)
		return stt_err(-ENOMEM, "no memory to connect to %s", host);
	ret = node_lock_running(node);
	if (!ret) {
		ret = begin(node, c, host, port, timeout_ms);
		pthread_mutex_unlock(&node->lock);
	}
	if (ret) {
		free_connect(c);
		return ret;
	}
	*connect = c;
	return 0;
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
	if (!c->done) {
		stt_err_set("given up");
		finish(c, -ECANCELED);
	}
	pthread_mutex_unlock(&node->lock);
	free_connect(c);
}

static int wait_for(struct stt_node *node, struct stt_connect *c, struct stt_session *session)
{
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
	ret = wait_for(node, c, session);
	stt_connect_free(c);
	return ret;
}
