/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests to the netlink family and their answers, through libnl. */
#ifndef SELFTESTS_GENL_ASK_H
#define SELFTESTS_GENL_ASK_H

#include <linux/stt.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdint.h>

#include "tap.h"

/* What came back for one request. */
struct answer {
	int err;			/* 0 or negative errno */
	bool done;
	char text[128];			/* of a refusal */
	int missing;			/* the attribute that a refusal misses, or 0 */
	unsigned int replies;
	struct nlattr *tb[32];		/* of the last reply */
	struct nl_msg *kept;		/* where they are */
};

static struct nl_sock *sk;
static int genl;
static bool secret_came_out;

/* Is something in the message that only a secret is made of? */
static int look_for_secrets(struct nl_msg *msg, void *arg)
{
	const uint8_t *p = (const uint8_t *)nlmsg_hdr(msg);
	size_t run = 0;

	(void)arg;
	for (uint32_t i = 1; i < nlmsg_hdr(msg)->nlmsg_len; i++) {
		run = p[i] == p[i - 1] && p[i] > 0xc0 && p[i] < 0xd0 ? run + 1 : 0;
		secret_came_out |= run == 7;
	}
	return NL_OK;
}

static int on_reply(struct nl_msg *msg, void *arg)
{
	struct answer *a = arg;

	a->replies++;
	nlmsg_free(a->kept);
	nlmsg_get(msg);
	a->kept = msg;
	genlmsg_parse(nlmsg_hdr(msg), 0, a->tb, 31, NULL);
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	(void)msg;
	((struct answer *)arg)->done = true;
	return NL_STOP;
}

/* A refusal: its number, and what the extended acknowledgment says. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *h = (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);
	struct answer *a = arg;
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = { 0 };
	char *tlvs = (char *)(e + 1);

	(void)from;
	a->err = e->error;
	a->done = true;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		tlvs += e->msg.nlmsg_len - NLMSG_HDRLEN;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS)
		nla_parse(tb, NLMSGERR_ATTR_MAX, (struct nlattr *)tlvs,
			  (char *)h + h->nlmsg_len - tlvs, NULL);
	if (tb[NLMSGERR_ATTR_MSG])
		nla_strlcpy(a->text, tb[NLMSGERR_ATTR_MSG], sizeof(a->text));
	if (tb[NLMSGERR_ATTR_MISS_TYPE])
		a->missing = nla_get_u32(tb[NLMSGERR_ATTR_MISS_TYPE]);
	return NL_STOP;
}

static struct nl_msg *request(int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, genl, 0, flags, cmd,
				 STT_GENL_VERSION))
		tap_bail("no memory");
	return msg;
}

/* Send @msg, which is used up, and read up to its end. */
static int ask(struct nl_msg *msg, struct answer *a)
{
	int err;

	nlmsg_free(a->kept);
	*a = (struct answer) { 0 };
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_reply, a);
	nl_socket_modify_cb(sk, NL_CB_ACK, NL_CB_CUSTOM, on_end, a);
	nl_socket_modify_cb(sk, NL_CB_FINISH, NL_CB_CUSTOM, on_end, a);
	nl_socket_modify_err_cb(sk, NL_CB_CUSTOM, on_error, a);
	err = nl_send_auto(sk, msg);
	nlmsg_free(msg);
	while (err >= 0 && !a->done)
		err = nl_recvmsgs_default(sk);
	if (!a->done)
		tap_bail("libnl: %s", nl_geterror(err));
	return a->err;
}

/* A request that has a node, and maybe a session, and needs no more. */
static int ask_about(int cmd, uint32_t n, uint64_t id, struct answer *a)
{
	struct nl_msg *msg = request(cmd, 0);

	if (id) {
		nla_put_u32(msg, STT_A_SESSION_NODE, n);
		nla_put_u64(msg, STT_A_SESSION_ID, id);
	} else {
		nla_put_u32(msg, STT_A_NODE_ID, n);
	}
	return ask(msg, a);
}

/* How many there are. @n: of this node alone, if not 0. */
static unsigned int count(int cmd, uint32_t n, struct answer *a)
{
	struct nl_msg *msg = request(cmd, NLM_F_DUMP);

	if (n)
		nla_put_u32(msg, STT_A_SESSION_NODE, n);
	return ask(msg, a) ? ~0U : a->replies;
}

static uint64_t number(const struct answer *a, int attr)
{
	const struct nlattr *nla = a->tb[attr];

	switch (nla ? nla_len(nla) : 0) {
	case 1:	return nla_get_u8(nla);
	case 2:	return nla_get_u16(nla);
	case 4:	return nla_get_u32(nla);
	case 8:	return nla_get_u64(nla);
	default: return ~0ULL;
	}
}

static bool refused(const struct answer *a, int err, const char *text)
{
	if (a->err == err && strstr(a->text, text))
		return true;
	tap_diag("error %d, \"%s\"; not %d, \"%s\"", a->err, a->text, err, text);
	return false;
}

#endif /* SELFTESTS_GENL_ASK_H */
