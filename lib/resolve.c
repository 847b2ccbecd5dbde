// SPDX-License-Identifier: LGPL-2.1-or-later
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "errmsg.h"
#include "resolve.h"

struct stt_resolve {
	pthread_mutex_t	lock;
	unsigned int	users;		/* the caller, and the thread while it runs */
	bool		done;
	int		gai;		/* EAI_* or 0 */
	int		sys;		/* errno that goes with EAI_SYSTEM */
	struct addrinfo	*list;
	int		wake_fd;
	char		service[8];
	char		host[];
};

static void put(struct stt_resolve *r)
{
	unsigned int users;

	pthread_mutex_lock(&r->lock);
	users = --r->users;
	pthread_mutex_unlock(&r->lock);
	if (users)
		return;
	if (r->list)
		freeaddrinfo(r->list);
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* No AI_ADDRCONFIG: it would take ::1 and 127.0.0.1 away where only lo is up. */
static void look_up(struct stt_resolve *r, int flags)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM,
		.ai_flags = flags | AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;
	int gai = getaddrinfo(r->host, r->service, &hints, &list);
	int sys = errno;

	pthread_mutex_lock(&r->lock);
	r->gai = gai;
	r->sys = sys;
	r->list = gai ? NULL : list;
	r->done = true;
	pthread_mutex_unlock(&r->lock);
}

static void *look_up_thread(void *arg)
{
	struct stt_resolve *r = arg;

	look_up(r, 0);
	eventfd_write(r->wake_fd, 1);
	put(r);
	return NULL;
}

/* Detached, and deaf to signals, which are the program's. */
static int start_thread(struct stt_resolve *r)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r->users++;
	ret = pthread_create(&thread, &attr, look_up_thread, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (!ret)
		return 0;
	r->users--;
	return stt_err(-ret, "cannot start a thread to look up %s: %s", r->host,
		       stt_strerror(ret));
}

static struct stt_resolve *make(const char *host, uint16_t port)
{
	size_t len = strlen(host) + 1;
	struct stt_resolve *r = calloc(1, sizeof(*r) + len);

	if (!r)
		return NULL;
	memcpy(r->host, host, len);
	snprintf(r->service, sizeof(r->service), "%u", (unsigned int)port);
	pthread_mutex_init(&r->lock, NULL);
	r->users = 1;
	r->wake_fd = -1;
	return r;
}

int stt_resolve_start(const char *host, uint16_t port, int wake_fd, struct stt_resolve **out)
{
	struct stt_resolve *r = make(host, port);
	int ret;

	if (!r)
		return stt_err(-ENOMEM, "no memory to look up %s", host);
	look_up(r, AI_NUMERICHOST);
	if (r->gai != EAI_NONAME) {
		*out = r;
		return 0;
	}
	r->done = false;
	r->wake_fd = fcntl(wake_fd, F_DUPFD_CLOEXEC, 0);
	ret = r->wake_fd < 0 ? stt_err(-errno, "no descriptor left to look up %s", host)
			     : start_thread(r);
	if (ret) {
		put(r);
		return ret;
	}
	*out = r;
	return 0;
}

static int fail(const struct stt_resolve *r)
{
	if (r->gai == EAI_MEMORY)
		return stt_err(-ENOMEM, "no memory to look up %s", r->host);
	return stt_err(-ENXIO, "cannot find the host \"%s\": %s", r->host,
		       r->gai == EAI_SYSTEM ? stt_strerror(r->sys) : gai_strerror(r->gai));
}

static int copy_list(const struct addrinfo *list, union stt_addr **addrs)
{
	const struct addrinfo *ai;
	int n = 0;

	for (ai = list; ai; ai = ai->ai_next)
		n++;
	*addrs = calloc((size_t)n, sizeof(**addrs));
	if (!*addrs)
		return stt_err(-ENOMEM, "no memory for %d addresses", n);
	n = 0;
	for (ai = list; ai; ai = ai->ai_next) {
		if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
			continue;
		memcpy(&(*addrs)[n++], ai->ai_addr, ai->ai_addrlen);
	}
	return n;
}

int stt_resolve_result(struct stt_resolve *r, union stt_addr **addrs)
{
	bool done;

	pthread_mutex_lock(&r->lock);
	done = r->done;
	pthread_mutex_unlock(&r->lock);
	if (!done)
		return -EINPROGRESS;
	return r->gai ? fail(r) : copy_list(r->list, addrs);
}

void stt_resolve_free(struct stt_resolve *r)
{
	if (r)
		put(r);
}

int stt_resolve_bind(const char *host, uint16_t port, union stt_addr *addr)
{
	struct stt_resolve *r = make(host, port);
	union stt_addr *addrs = NULL;
	int n;

	if (!r)
		return stt_err(-ENOMEM, "no memory to look up %s", host);
	look_up(r, AI_PASSIVE);
	n = stt_resolve_result(r, &addrs);
	if (n > 0)
		*addr = addrs[0];
	if (n >= 0)
		free(addrs);
	put(r);
	return n == 0 ? stt_err(-ENXIO, "the host \"%s\" has no address", host) : n < 0 ? n : 0;
}
