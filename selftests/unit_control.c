// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control library against answers that a kernel seldom gives: lists that
 * change, refusals with and without words, malformed messages. The socket
 * calls are replaced; the code under test is compiled in. Dumps that break off
 * are those of the kernel's own family, with true sockets.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>

static ssize_t fake_send(const struct mnl_socket *nl, const void *buf, size_t len);
static ssize_t fake_receive(const struct mnl_socket *nl, void *buf, size_t len);

#define mnl_socket_sendto	fake_send
#define mnl_socket_recvfrom	fake_receive
#include "../lib/ctl_nl.c"
#undef mnl_socket_sendto
#undef mnl_socket_recvfrom

#include "../lib/ctl_attr.h"

#define FAMILY	0x20

/* What was sent, and what comes back: one datagram, once. */
static uint8_t sent[2048], answer[4096] __attribute__((aligned(8)));
static size_t answer_len;
static struct stt_ctl ctl;
static int receives, bad_receives;	/* of true sockets: good ones, then bad ones */

static ssize_t fake_send(const struct mnl_socket *nl, const void *buf, size_t len)
{
	if (nl)
		return mnl_socket_sendto(nl, buf, len);
	memcpy(sent, buf, len);
	return (ssize_t)len;
}

static ssize_t fake_receive(const struct mnl_socket *nl, void *buf, size_t len)
{
	size_t n = answer_len;

	if (nl && (receives-- > 0 || bad_receives-- <= 0))
		return mnl_socket_recvfrom(nl, buf, len);
	assert_true(n <= len);
	if (!n) {
		errno = ENOBUFS;
		return -1;
	}
	memcpy(buf, answer, n);
	answer_len = 0;
	return (ssize_t)n;
}

static int reset(void **state)
{
	(void)state;
	memset(&ctl, 0, sizeof(ctl));
	ctl.family = FAMILY;
	answer_len = 0;
	return 0;
}

/* A message of the answer to the next call. */
static struct nlmsghdr *add(uint16_t type, uint16_t flags, const void *payload, size_t len)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(answer + answer_len);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = ctl.seq + 1;
	if (len)
		memcpy(mnl_nlmsg_put_extra_header(nlh, len), payload, len);
	answer_len += MNL_ALIGN(nlh->nlmsg_len);
	return nlh;
}

static struct nlmsghdr *add_genl(uint8_t cmd, uint16_t flags)
{
	struct genlmsghdr genl = { .cmd = cmd, .version = 1 };

	return add(FAMILY, flags, &genl, sizeof(genl));
}

static void attr(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len)
{
	answer_len -= MNL_ALIGN(nlh->nlmsg_len);
	mnl_attr_put(nlh, type, len, data);
	answer_len += MNL_ALIGN(nlh->nlmsg_len);
}

static void add_error(int err, const char *words)
{
	struct nlmsgerr e = { .error = err };
	struct nlmsghdr *nlh = add(NLMSG_ERROR, NLM_F_CAPPED, &e, sizeof(e));

	if (!words)
		return;
	nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
	attr(nlh, NLMSGERR_ATTR_MSG, words, strlen(words) + 1);
}

static void add_node(uint32_t id, uint16_t flags)
{
	attr(add_genl(STT_CMD_NODE_GET, NLM_F_MULTI | flags), STT_A_NODE_ID, &id, sizeof(id));
}

static void add_done(int err)
{
	add(NLMSG_DONE, NLM_F_MULTI, &err, sizeof(err));
}

static int count(const struct stt_node_info *info, void *arg)
{
	(void)info;
	return ++*(int *)arg == 100;
}

static int only_one(const struct stt_node_info *info, void *arg)
{
	return ++*(int *)arg == 1 ? (int)info->id : 99;
}

static void test_refusals(void **state)
{
	(void)state;
	add_error(-EBUSY, "it is in use");
	assert_int_equal(stt_ctl_node_del(&ctl, 7, 0), -EBUSY);
	assert_string_equal(stt_errmsg(), "cannot delete node 7: it is in use");
	add_error(-EPERM, NULL);
	assert_int_equal(stt_ctl_node_del(&ctl, 7, 0), -EPERM);
	assert_string_equal(stt_errmsg(), "cannot delete node 7: Operation not permitted");
	add_error(0, NULL);
	assert_int_equal(stt_ctl_node_del(&ctl, 7, 0), 0);
	assert_int_equal(stt_ctl_node_del(&ctl, 7, 0), -ENOBUFS);
}

static void test_no_answer(void **state)
{
	struct stt_node_info info;

	(void)state;
	add_error(0, NULL);
	assert_int_equal(stt_ctl_node_get(&ctl, 7, &info), -EBADMSG);
}

static void test_dump(void **state)
{
	int n = 0;

	(void)state;
	add_node(1, 0);
	add_node(2, 0);
	add_done(0);
	assert_int_equal(stt_ctl_node_dump(&ctl, count, &n), 0);
	assert_int_equal(n, 2);
	add_node(1, 0);
	add_node(2, NLM_F_DUMP_INTR);
	add_done(0);
	assert_int_equal(stt_ctl_node_dump(&ctl, count, &n), -EINTR);
	assert_string_equal(stt_errmsg(),
			    "cannot list the nodes: it changed while it was read: try again");
	add_node(1, 0);
	add_done(-ENOMEM);
	assert_int_equal(stt_ctl_node_dump(&ctl, count, &n), -ENOMEM);
}

static void test_stopped_dump(void **state)
{
	int n = 0;

	(void)state;
	add_node(5, 0);
	add_node(6, NLM_F_DUMP_INTR);
	add_done(0);
	assert_int_equal(stt_ctl_node_dump(&ctl, only_one, &n), 5);
	assert_int_equal(n, 1);
	assert_int_equal(answer_len, 0);	/* read to its end all the same */
}

static void test_stale(void **state)
{
	int n = 0;

	(void)state;
	ctl.seq = 10;
	add_node(1, 0);
	((struct nlmsghdr *)answer)->nlmsg_seq = 9;
	add_node(2, 0);
	add_done(0);
	assert_int_equal(stt_ctl_node_dump(&ctl, count, &n), 0);
	assert_int_equal(n, 1);
}

static int nested(const struct stt_node_info *info, void *arg)
{
	(void)arg;
	return stt_ctl_node_del(&ctl, info->id, 0);
}

static void test_busy(void **state)
{
	(void)state;
	add_node(1, 0);
	add_done(0);
	assert_int_equal(stt_ctl_node_dump(&ctl, nested, NULL), -EBUSY);
}

static void test_malformed(void **state)
{
	struct nlmsghdr *nlh;
	int n = 0;

	(void)state;
	attr(add_genl(STT_CMD_NODE_GET, NLM_F_MULTI), STT_A_NODE_ID, "abc", 3);
	add_done(0);
	assert_int_equal(stt_ctl_node_dump(&ctl, count, &n), -EBADMSG);
	add_genl(STT_CMD_NODE_GET, NLM_F_MULTI);	/* no id */
	add_done(0);
	assert_int_equal(stt_ctl_node_dump(&ctl, count, &n), -EBADMSG);
	add(NLMSG_ERROR, 0, "x", 1);
	assert_int_equal(stt_ctl_node_del(&ctl, 7, 0), -EBADMSG);
	add_error(-EPERM, "long enough");
	nlh = (struct nlmsghdr *)answer;
	nlh->nlmsg_flags &= (uint16_t)~NLM_F_CAPPED;	/* claims an echo that is not there */
	((struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->msg.nlmsg_len = 4000;
	assert_int_equal(stt_ctl_node_del(&ctl, 7, 0), -EPERM);
	assert_int_equal(n, 0);
}

static void test_wipe(void **state)
{
	static const uint8_t zero[sizeof(struct sttnl_req)];
	struct stt_key key = { .direction = STT_DIRECTION_TX };
	struct sttnl_req req;

	(void)state;
	memset(key.secret, 0x5a, sizeof(key.secret));
	sttnl_begin(&req, FAMILY, STT_CMD_KEY_NEW, 0);
	sttnl_put_key(&req, &key);
	add_error(-EEXIST, NULL);
	assert_int_equal(sttnl_call(&ctl, &req, NULL, NULL), -EEXIST);
	assert_memory_equal(&req, zero, sizeof(req));
	assert_non_null(memmem(sent, sizeof(sent), key.secret, sizeof(key.secret)));
	sttnl_begin(&req, FAMILY, STT_CMD_KEY_NEW, 0);
	for (int i = 0; i < 100; i++)
		sttnl_put_key(&req, &key);
	assert_int_equal(sttnl_call(&ctl, &req, NULL, NULL), -EMSGSIZE);
	assert_memory_equal(&req, zero, sizeof(req));
}

static void test_bad_sessions(void **state)
{
	struct stt_session_info s = { .node = 1, .id = 2 };

	(void)state;
	assert_int_equal(stt_ctl_session_new(&ctl, &s), -EAFNOSUPPORT);
	s.peer.sa.sa_family = AF_INET;
	s.n_keys = STT_SESSION_KEYS_MAX + 1;
	assert_int_equal(stt_ctl_session_new(&ctl, &s), -EINVAL);
	s.n_keys = STT_SESSION_KEYS_MAX;
	s.local.sa.sa_family = AF_INET6;
	assert_int_equal(stt_ctl_session_new(&ctl, &s), -EAFNOSUPPORT);
	s.peer.sa.sa_family = AF_UNSPEC;
	assert_int_equal(stt_ctl_session_set(&ctl, &s), -EINVAL);
	s.peer.sa.sa_family = AF_UNIX;
	assert_int_equal(stt_ctl_session_set(&ctl, &s), -EAFNOSUPPORT);
	assert_int_equal(ctl.seq, 0);		/* nothing was sent */
	s.peer.sa.sa_family = s.local.sa.sa_family = AF_INET6;
	s.has_peer_id = s.has_heartbeat = true;
	add_error(0, NULL);
	assert_int_equal(stt_ctl_session_new(&ctl, &s), 0);	/* the largest there is */
}

static int any(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

/* The kernel's families. Its first message holds not all of them. */
static int families(struct stt_ctl *real, int good, int bad)
{
	struct sttnl_req req;

	receives = good;
	bad_receives = bad;
	sttnl_begin(&req, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_DUMP);
	return sttnl_call(real, &req, any, NULL);
}

static int all_families(int *datagrams)
{
	struct stt_ctl *real;
	int n;

	assert_int_equal(sttnl_open(&real), 0);
	n = families(real, 100, 0);
	*datagrams = 100 - receives;
	sttnl_close(real);
	assert_true(n > 0);
	return n;
}

static int many_of(unsigned int n, int *results)
{
	struct stt_session_info s[3] = { 0 };

	for (unsigned int i = 0; i < n; i++) {
		s[i].node = 1;
		s[i].id = 0xab0 + i;
		s[i].peer.in.sin_family = AF_INET;
	}
	return stt_ctl_session_new_many(&ctl, s, n, results);
}

/* Refusals come as they are; the last request is always answered. */
static void test_many(void **state)
{
	const struct nlmsghdr *nlh = (const void *)sent;
	int results[3];

	(void)state;
	add_error(-EEXIST, "taken");
	add(NLMSG_NOOP, 0, NULL, 0);
	add_error(0, NULL);
	((struct nlmsghdr *)(void *)(answer + answer_len - 36))->nlmsg_seq = ctl.seq + 3;
	assert_int_equal(many_of(3, results), 2);
	assert_int_equal(results[0], -EEXIST);
	assert_int_equal(results[1], 0);
	assert_int_equal(results[2], 0);
	assert_string_equal(stt_errmsg(), "cannot create session 0000000000000ab0 on node 1: taken");
	/* Only the last asks for an answer. */
	assert_int_equal(nlh->nlmsg_flags & NLM_F_ACK, 0);
	nlh = (const void *)(sent + MNL_ALIGN(nlh->nlmsg_len));
	nlh = (const void *)((const uint8_t *)nlh + MNL_ALIGN(nlh->nlmsg_len));
	assert_int_equal(nlh->nlmsg_flags & NLM_F_ACK, NLM_F_ACK);
}

/* The answers do not come: it is not known what became of them. */
static void test_many_lost(void **state)
{
	int results[2];

	(void)state;
	assert_int_equal(many_of(2, results), -ENOBUFS);
	assert_int_equal(results[0], -ECANCELED);
	assert_int_equal(results[1], -ECANCELED);
	ctl.busy = true;
	assert_int_equal(many_of(1, NULL), -EBUSY);
}

static void test_broken_dump(void **state)
{
	struct stt_ctl *real;
	int datagrams, all = all_families(&datagrams);

	(void)state;
	if (datagrams < 2)
		skip();
	for (int good = 0; good < datagrams; good++) {
		assert_int_equal(sttnl_open(&real), 0);
		assert_int_equal(families(real, good, 1), -ENOBUFS);
		assert_int_equal(families(real, 100, 0), all);
		sttnl_close(real);
	}
	assert_int_equal(sttnl_open(&real), 0);
	assert_int_equal(families(real, 0, 1), -ENOBUFS);
	assert_int_equal(families(real, 0, 1), -ENOBUFS);	/* reading the rest, too */
	assert_int_equal(families(real, 1, 1), -ENOBUFS);
	assert_int_equal(families(real, 100, 0), all);
	sttnl_close(real);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_refusals, reset),
		cmocka_unit_test_setup(test_no_answer, reset),
		cmocka_unit_test_setup(test_dump, reset),
		cmocka_unit_test_setup(test_stopped_dump, reset),
		cmocka_unit_test_setup(test_stale, reset),
		cmocka_unit_test_setup(test_busy, reset),
		cmocka_unit_test_setup(test_malformed, reset),
		cmocka_unit_test_setup(test_wipe, reset),
		cmocka_unit_test_setup(test_bad_sessions, reset),
		cmocka_unit_test_setup(test_many, reset),
		cmocka_unit_test_setup(test_many_lost, reset),
		cmocka_unit_test_setup(test_broken_dump, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
