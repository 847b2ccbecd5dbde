// SPDX-License-Identifier: LGPL-2.1-or-later
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "ctl_nl.h"
#include "errmsg.h"

#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK	11
#endif

/* Room for a burst of events while the reader is elsewhere. */
#define EVENTS_RCVBUF	(1024 * 1024)

static int set_options(struct stt_ctl *ctl)
{
	int one = 1, room = EVENTS_RCVBUF;

	/* Without CAP_ACK the kernel would send refused keys back to us. */
	if (mnl_socket_setsockopt(ctl->nl, NETLINK_CAP_ACK, &one, sizeof(one)) < 0)
		return -errno;
	if (mnl_socket_setsockopt(ctl->nl, NETLINK_EXT_ACK, &one, sizeof(one)) < 0)
		return -errno;
	/* Best effort: the kernel caps it at net.core.rmem_max. */
	setsockopt(mnl_socket_get_fd(ctl->events), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return 0;
}

static int open_sockets(struct stt_ctl *ctl)
{
	ctl->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!ctl->nl)
		return -errno;
	/* Opened now, so that events come from the same network namespace. */
	ctl->events = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!ctl->events)
		return -errno;
	if (mnl_socket_bind(ctl->nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_bind(ctl->events, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return set_options(ctl);
}

int sttnl_open(struct stt_ctl **out)
{
	struct stt_ctl *ctl = calloc(1, sizeof(*ctl));
	int ret;

	if (!ctl)
		return stt_err(-ENOMEM, "cannot open a control channel: out of memory");
	ret = open_sockets(ctl);
	if (ret < 0) {
		sttnl_close(ctl);
		return stt_err(ret, "cannot open a netlink socket: %s", stt_strerror(ret));
	}
	*out = ctl;
	return 0;
}

void sttnl_close(struct stt_ctl *ctl)
{
	if (ctl->nl)
		mnl_socket_close(ctl->nl);
	if (ctl->events)
		mnl_socket_close(ctl->events);
	free(ctl);
}

void sttnl_begin(struct sttnl_req *req, uint16_t type, uint8_t cmd, uint16_t flags)
{
	struct genlmsghdr *genl;

	memset(req, 0, sizeof(*req));
	mnl_nlmsg_put_header(req->buf);
	req->nlh.nlmsg_type = type;
	req->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(&req->nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = STT_GENL_VERSION;
}

void sttnl_put(struct sttnl_req *req, uint16_t type, const void *data, size_t len)
{
	if (!mnl_attr_put_check(&req->nlh, sizeof(req->buf), type, len, data))
		req->full = true;
}

void sttnl_put_u8(struct sttnl_req *req, uint16_t type, uint8_t v)
{
	sttnl_put(req, type, &v, sizeof(v));
}

void sttnl_put_u16(struct sttnl_req *req, uint16_t type, uint16_t v)
{
	sttnl_put(req, type, &v, sizeof(v));
}

void sttnl_put_u32(struct sttnl_req *req, uint16_t type, uint32_t v)
{
	sttnl_put(req, type, &v, sizeof(v));
}

void sttnl_put_u64(struct sttnl_req *req, uint16_t type, uint64_t v)
{
	sttnl_put(req, type, &v, sizeof(v));
}

struct nlattr *sttnl_nest(struct sttnl_req *req, uint16_t type)
{
	struct nlattr *nest = mnl_attr_nest_start_check(&req->nlh, sizeof(req->buf), type);

	if (!nest)
		req->full = true;
	return nest;
}

void sttnl_nest_end(struct sttnl_req *req, struct nlattr *nest)
{
	if (nest)
		mnl_attr_nest_end(&req->nlh, nest);
}

static void note_why(struct stt_ctl *ctl, const char *why)
{
	snprintf(ctl->why, sizeof(ctl->why), "%s", why);
}

/* Take the kernel's message from the attributes that follow @skip bytes. */
static void note_extack(struct stt_ctl *ctl, const struct nlmsghdr *nlh, size_t skip)
{
	const struct nlattr *attr;

	note_why(ctl, "");
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || mnl_nlmsg_get_payload_len(nlh) < skip)
		return;
	mnl_attr_for_each(attr, nlh, skip) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			note_why(ctl, mnl_attr_get_str(attr));
	}
}

/* What an NLMSG_ERROR says: 0 for an acknowledgment. */
static int read_error(struct stt_ctl *ctl, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*err);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
		return -EBADMSG;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += MNL_ALIGN(err->msg.nlmsg_len) - sizeof(err->msg);
	note_extack(ctl, nlh, skip);
	return err->error > 0 ? -err->error : err->error;
}

/* A dump ends by NLMSG_DONE, which carries its error, if any. */
static int read_done(struct stt_ctl *ctl, const struct nlmsghdr *nlh)
{
	int err = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	note_extack(ctl, nlh, sizeof(err));
	return err < 0 ? err : 0;
}

struct walk {
	struct stt_ctl	*ctl;
	sttnl_cb	cb;
	void		*arg;
	uint32_t	seq;
	int		count;
	int		err;		/* of the callback or the kernel */
	bool		stopped;	/* only drain from here on */
	bool		changed;
	bool		end;
};

static void walk_answer(struct walk *w, const struct nlmsghdr *nlh)
{
	int ret;

	if (w->stopped || !w->cb)
		return;
	w->count++;
	ret = w->cb(nlh, w->arg);
	if (ret == -EBADMSG)
		note_why(w->ctl, "malformed answer: module and library do not fit together");
	if (ret < 0)
		w->err = ret;
	w->stopped = ret != 0;
}

static void walk_one(struct walk *w, const struct nlmsghdr *nlh)
{
	int ret;

	if (nlh->nlmsg_seq != w->seq)
		return;		/* left over from a call that failed half way */
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		w->changed = true;
	if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
		walk_answer(w, nlh);
		return;
	}
	if (nlh->nlmsg_type != NLMSG_ERROR && nlh->nlmsg_type != NLMSG_DONE)
		return;
	ret = nlh->nlmsg_type == NLMSG_ERROR ? read_error(w->ctl, nlh) : read_done(w->ctl, nlh);
	if (!w->err)
		w->err = ret;
	w->end = true;
}

static ssize_t receive(const struct mnl_socket *nl, void *buf, size_t len)
{
	ssize_t n;

	do {
		n = mnl_socket_recvfrom(nl, buf, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int walk_all(struct walk *w)
{
	struct stt_ctl *ctl = w->ctl;

	while (!w->end) {
		const struct nlmsghdr *nlh = (const void *)ctl->rx;
		ssize_t n = receive(ctl->nl, ctl->rx, sizeof(ctl->rx));
		int left = (int)n;

		if (n < 0)
			return (int)n;
		for (; !w->end && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			walk_one(w, nlh);
	}
	if (w->err)
		return w->err;
	if (w->changed && !w->stopped) {
		note_why(ctl, "it changed while it was read: try again");
		return -EINTR;
	}
	return w->count;
}

static int send_all(const struct stt_ctl *ctl, const void *data, size_t len)
{
	ssize_t n;

	do {
		n = mnl_socket_sendto(ctl->nl, data, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int send_wiping(struct stt_ctl *ctl, struct sttnl_req *req, bool may)
{
	int err = may ? send_all(ctl, &req->nlh, req->nlh.nlmsg_len) : 0;

	sodium_memzero(req, sizeof(*req));
	return err;
}

/* Is there something to read, if only an error? */
static bool waiting(const struct stt_ctl *ctl)
{
	struct pollfd pfd = { .fd = mnl_socket_get_fd(ctl->nl), .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

/*
 * While a dump is not read to its end the kernel refuses others (EBUSY), and it
 * goes on with it only when something was read. So ask for something to read,
 * then read all there is. Not by a new socket: it would be of the network
 * namespace that the thread is in by now.
 */
static int read_rest(struct stt_ctl *ctl)
{
	struct walk w = { .ctl = ctl };
	struct sttnl_req req;
	int ret;

	sttnl_begin(&req, NLMSG_NOOP, 0, NLM_F_ACK);
	w.seq = ++ctl->seq;
	req.nlh.nlmsg_seq = w.seq;
	ret = send_wiping(ctl, &req, true);
	if (ret == 0)
		ret = walk_all(&w);
	while (ret >= 0 && waiting(ctl))
		ret = (int)receive(ctl->nl, ctl->rx, sizeof(ctl->rx));
	ctl->unread = ret < 0;
	return ret < 0 ? ret : 0;
}

/* Can a request be sent now? @full: it is not complete. */
static int check_call(struct stt_ctl *ctl, bool full)
{
	note_why(ctl, ctl->busy ? "a callback cannot use the channel that calls it" : "");
	if (ctl->busy)
		return -EBUSY;
	if (full)
		return -EMSGSIZE;
	return ctl->unread ? read_rest(ctl) : 0;
}

int sttnl_call(struct stt_ctl *ctl, struct sttnl_req *req, sttnl_cb cb, void *arg)
{
	struct walk w = { .ctl = ctl, .cb = cb, .arg = arg };
	bool dump = req->nlh.nlmsg_flags & NLM_F_DUMP;
	int ret = check_call(ctl, req->full), err;

	if (!dump)
		req->nlh.nlmsg_flags |= NLM_F_ACK;
	w.seq = ++ctl->seq;
	req->nlh.nlmsg_seq = w.seq;
	err = send_wiping(ctl, req, ret == 0);
	if (ret < 0 || err < 0)
		return ret < 0 ? ret : err;
	ctl->busy = true;
	ret = walk_all(&w);
	ctl->busy = false;
	ctl->unread = dump && !w.end;
	return ret;
}

int sttnl_ask(struct stt_ctl *ctl, struct sttnl_req *req, sttnl_cb cb, void *arg)
{
	int ret = sttnl_call(ctl, req, cb, arg);

	if (ret == 0) {
		note_why(ctl, "the kernel agreed but sent no answer");
		return -EBADMSG;
	}
	return ret < 0 ? ret : 0;
}

bool sttnl_batch_add(struct sttnl_batch *b, struct sttnl_req *req)
{
	size_t len = MNL_ALIGN(req->nlh.nlmsg_len);

	if (b->n == STTNL_BATCH_MAX || len > sizeof(b->buf) - b->len)
		return false;
	memcpy(b->buf + b->len, req->buf, len);
	sodium_memzero(req, sizeof(*req));
	b->len += len;
	b->n++;
	return true;
}

/* The last request is the one whose acknowledgment ends the answers. */
static void batch_number(struct stt_ctl *ctl, struct sttnl_batch *b)
{
	struct nlmsghdr *nlh = &b->first;

	for (unsigned int i = 0; i < b->n; i++) {
		nlh->nlmsg_seq = ++ctl->seq;
		if (i + 1 == b->n)
			nlh->nlmsg_flags |= NLM_F_ACK;
		nlh = (void *)((uint8_t *)nlh + MNL_ALIGN(nlh->nlmsg_len));
	}
}

/* An answer to a batch of @n, the first of which has the number @first. */
static void batch_answer(struct stt_ctl *ctl, const struct nlmsghdr *nlh, uint32_t first,
			 unsigned int n, int *results)
{
	uint32_t i = nlh->nlmsg_seq - first;
	char why[sizeof(ctl->why)];

	if (i >= n || nlh->nlmsg_type != NLMSG_ERROR)
		return;
	memcpy(why, ctl->why, sizeof(why));
	results[i] = read_error(ctl, nlh);
	if (results[i] == 0)
		memcpy(ctl->why, why, sizeof(why));
}

static int batch_read(struct stt_ctl *ctl, unsigned int n, int *results)
{
	uint32_t last = ctl->seq;
	bool end = false;

	while (!end) {
		const struct nlmsghdr *nlh = (const void *)ctl->rx;
		ssize_t len = receive(ctl->nl, ctl->rx, sizeof(ctl->rx));
		int left = (int)len;

		if (len < 0)
			return (int)len;
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			batch_answer(ctl, nlh, last - n + 1, n, results);
			end |= nlh->nlmsg_seq == last;
		}
	}
	return 0;
}

int sttnl_batch_call(struct stt_ctl *ctl, struct sttnl_batch *b, int *results)
{
	int ret = check_call(ctl, false);

	memset(results, 0, b->n * sizeof(*results));
	if (ret == 0) {
		batch_number(ctl, b);
		ret = send_all(ctl, b->buf, b->len);
	}
	sodium_memzero(b->buf, b->len);
	if (ret == 0)
		ret = batch_read(ctl, b->n, results);
	b->len = 0;
	b->n = 0;
	return ret;
}

int sttnl_fail(const struct stt_ctl *ctl, int err, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return stt_err(err, "%s: %s", what, ctl->why[0] ? ctl->why : stt_strerror(err));
}

int sttnl_cmd(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return -EBADMSG;
	return genl->cmd;
}
