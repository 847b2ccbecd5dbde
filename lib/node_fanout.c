// SPDX-License-Identifier: LGPL-2.1-or-later
/* One message to many sessions: the kernel does it in one call (struct stt_fanout). */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "errmsg.h"
#include "node.h"

#define UNTOLD	1	/* a result that the kernel has not written */

/* An id of the caller's list, and what became of it. */
struct target {
	uint64_t	id;
	size_t		index;
	int		result;
};

struct fan {
	struct stt_node	*node;
	const void	*data;
	size_t		len;
	uint32_t	stream;
	/* Those still to be sent to: targets, their ids, their results. */
	struct target	**open;
	uint64_t	*ids;
	int32_t		*results;
	size_t		n;
	size_t		sent;
};

static int by_id(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Sorted, so that an id that is named twice stands next to itself. */
static struct target *sort_targets(const uint64_t *ids, size_t n)
{
	struct target *targets = calloc(n ? n : 1, sizeof(*targets));

	for (size_t i = 0; targets && i < n; i++)
		targets[i] = (struct target){ .id = ids[i], .index = i };
	if (targets)
		qsort(targets, n, sizeof(*targets), by_id);
	return targets;
}

/* One call of the kernel for the first @n of those still open. */
static int fan_call(struct fan *fan, size_t n)
{
	struct stt_fanout list = {
		.sessions = (uintptr_t)fan->ids, .results = (uintptr_t)fan->results,
		.count = (uint32_t)n,
	};
	struct sockaddr_stt to = {
		.sstt_family = (__kernel_sa_family_t)fan->node->family,
		.sstt_type = STT_MSG_DATA, .sstt_node = fan->node->number,
		.sstt_stream = fan->stream,
	};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(list))] = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)fan->data, .iov_len = fan->len };
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_STT;
	cmsg->cmsg_type = STT_CMSG_FANOUT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(list));
	memcpy(CMSG_DATA(cmsg), &list, sizeof(list));
	for (size_t i = 0; i < n; i++) {
		fan->ids[i] = fan->open[i]->id;
		fan->results[i] = UNTOLD;
	}
	return sendmsg(fan->node->data_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Take over results; those that found no room, or a signal, stay open. */
static void fan_settle(struct fan *fan, size_t n, bool *full)
{
	size_t left = 0;

	*full = false;
	for (size_t i = 0; i < fan->n; i++) {
		int result = i < n ? fan->results[i] : UNTOLD;

		*full |= result == -EAGAIN;
		if (result == UNTOLD || result == -EAGAIN || result == -EINTR) {
			fan->open[left++] = fan->open[i];
		} else {
			fan->open[i]->result = result;
			fan->sent += !result;
		}
	}
	fan->n = left;
}

/* Returns 0 or an error that concerns all. */
static int fan_step(struct fan *fan)
{
	size_t n = fan->n < STT_FANOUT_MAX ? fan->n : STT_FANOUT_MAX;
	int ret = fan_call(fan, n);
	bool full;

	if (ret == -ENODEV)
		return node_deleted(fan->node);
	if (ret && fan->results[0] == UNTOLD)
		return stt_err(ret, "cannot send %zu bytes: %s", fan->len, stt_strerror(ret));
	fan_settle(fan, n, &full);
	if (full)
		return node_wait(fan->node, fan->node->data_fd, POLLOUT, UINT64_MAX);
	return 0;
}

/* Every id once; the wildcards are none. */
static void fan_begin(struct fan *fan, struct target *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		t[i].result = node_check_session_id(t[i].id);
		if (!t[i].result && !(i && t[i].id == t[i - 1].id))
			fan->open[fan->n++] = &t[i];
	}
}

/* What became of each, in the caller's order. Returns how many it was sent to. */
static int fan_report(struct target *t, size_t n, int *results)
{
	int sent = 0;

	for (size_t i = 0; i < n; i++) {
		if (i && t[i].id == t[i - 1].id)
			t[i].result = t[i - 1].result;
		else
			sent += !t[i].result;
		if (results)
			results[t[i].index] = t[i].result;
	}
	return sent;
}

/* What ended it concerns those that are still open. */
static void fan_cut_off(struct fan *fan, int err)
{
	for (size_t i = 0; i < fan->n; i++)
		fan->open[i]->result = err;
}

/* As a user of the node. What is waited for is room here, never a peer. */
static int fan_out(struct fan *fan, struct target *t, size_t n, int *results)
{
	int ret = 0;

	fan->open = calloc(n + 1, sizeof(*fan->open));
	fan->ids = calloc(n + 1, sizeof(*fan->ids));
	fan->results = calloc(n + 1, sizeof(*fan->results));
	if (!fan->open || !fan->ids || !fan->results)
		ret = stt_err(-ENOMEM, "no memory for a list of %zu sessions", n);
	else
		fan_begin(fan, t, n);
	while (!ret && fan->n)
		ret = fan_step(fan);
	/* Who is told of an error sends it again: not when some have got it. */
	if (ret && fan->sent) {
		fan_cut_off(fan, ret);
		ret = 0;
	}
	free(fan->open);
	free(fan->ids);
	free(fan->results);
	return ret ? ret : fan_report(t, n, results);
}

static int send_to(struct stt_node *node, const uint64_t *ids, size_t n, uint32_t stream,
		   const void *data, size_t len, int *results)
{
	struct fan fan = { .node = node, .data = data, .len = len, .stream = stream };
	struct target *targets = sort_targets(ids, n);
	int ret;

	if (!targets)
		return stt_err(-ENOMEM, "no memory for a list of %zu sessions", n);
	ret = fan_out(&fan, targets, n, results);
	free(targets);
	return ret;
}

int stt_node_send_to_all(struct stt_node *node, uint32_t stream, const void *data, size_t len)
{
	struct node_ids ids = { 0 };
	int ret = node_lock_running(node);

	if (ret)
		return ret;
	ret = node_session_ids(node, 1U << STT_SESSION_STATE_ACTIVE, &ids);
	if (!ret)
		node->users++;
	pthread_mutex_unlock(&node->lock);
	if (ret)
		return ret;
	ret = send_to(node, ids.ids, ids.n, stream, data, len, NULL);
	node_leave(node);
	free(ids.ids);
	return ret;
}

int stt_node_send_to_sessions(struct stt_node *node, const uint64_t *ids, size_t n,
			      uint32_t stream, const void *data, size_t len, int *results)
{
	int ret = node_enter(node);

	if (ret)
		return ret;
	ret = send_to(node, ids, n, stream, data, len, results);
	node_leave(node);
	return ret;
}
