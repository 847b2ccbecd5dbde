// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * Every netlink request that is wrong is refused with the right errno and a
 * sentence, and changes nothing; and no secret comes out of any answer.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ctl_nl.h"
#include "lib/peer.h"

#define ID 0x57aULL

/* Attributes of a request, in order. */
enum kind { END, U8, U16, U32, U64, BYTES, V4, V6, NODE, NEST, NEST_END, SAID };

struct attr {
	enum kind kind;
	uint16_t type;
	uint64_t v;		/* BYTES: how many; V4: address */
	const char *text;	/* V6; SAID: no attribute, but why the request is refused */
};

struct request {
	const char *what;
	int cmd;
	int err;
	struct attr attrs[15];
};

#define NOTHING		{ END, 0, 0, NULL }
#define N		{ NODE, STT_A_SESSION_NODE, 0, NULL }
#define S(id)		{ U64, STT_A_SESSION_ID, id, NULL }
#define A_U8(t, v)	{ U8, t, v, NULL }
#define A_U16(t, v)	{ U16, t, v, NULL }
#define A_U32(t, v)	{ U32, t, v, NULL }
#define A_LEN(t, n)	{ BYTES, t, n, NULL }
#define PEER4(a)	{ V4, STT_A_SESSION_PEER_IPV4, a, NULL }
#define PEER6(a)	{ V6, STT_A_SESSION_PEER_IPV6, 0, a }
#define PORT(p)		A_U16(STT_A_SESSION_PEER_PORT, p)
#define LOCAL4(a)	{ V4, STT_A_SESSION_LOCAL_IPV4, a, NULL }
#define LOCAL6(a)	{ V6, STT_A_SESSION_LOCAL_IPV6, 0, a }
#define SCOPE(n)	A_U32(STT_A_SESSION_PEER_SCOPE, n)
#define SAYS(text)	{ SAID, 0, 0, text }
#define ONE_FAMILY	SAYS("peer and local address must be of one family")
#define UNICAST4	SAYS("the peer's address must be unicast")
#define UNICAST6	SAYS("the peer's address must be unicast, and not v4-mapped")
#define LINK_LOCAL	SAYS("a link-local address needs a scope, and no other has one")
#define PEER		PEER4(0x0a4d0102), PORT(0x1234)
#define KEY		{ NEST, STT_A_SESSION_KEY, 0, NULL }
#define KEY_END		{ NEST_END, 0, 0, NULL }
#define EPOCH(e)	A_U8(STT_A_KEY_EPOCH, e)
#define DIR(d)		A_U8(STT_A_KEY_DIRECTION, d)
#define SUITE(s)	A_U8(STT_A_KEY_SUITE, s)
#define SECRET		A_LEN(STT_A_KEY_SECRET, 32)
#define GOOD_KEY(e, d)	KEY, EPOCH(e), DIR(d), SUITE(1), SECRET, KEY_END

#define NEW STT_CMD_SESSION_NEW
#define SET STT_CMD_SESSION_SET
#define KNEW STT_CMD_KEY_NEW
#define KDEL STT_CMD_KEY_DEL

static const struct request node_requests[] = {
	{ "node new: no socket", STT_CMD_NODE_NEW, EINVAL, { NOTHING } },
	{ "node new: socket of 2 bytes", STT_CMD_NODE_NEW, EINVAL,
	  { A_U16(STT_A_NODE_SOCKET_FD, 0) } },
	{ "node new: no such file", STT_CMD_NODE_NEW, EBADF, { A_U32(STT_A_NODE_SOCKET_FD, 9999) } },
	{ "node new: file number -1", STT_CMD_NODE_NEW, EBADF,
	  { A_U32(STT_A_NODE_SOCKET_FD, 0xffffffff) } },
	{ "node new: unknown attribute", STT_CMD_NODE_NEW, EINVAL,
	  { A_U32(STT_A_NODE_SOCKET_FD, 0), A_U32(99, 0) } },
	{ "node new: the uid is not given", STT_CMD_NODE_NEW, EINVAL,
	  { A_U32(STT_A_NODE_SOCKET_FD, 0), A_U32(STT_A_NODE_UID, 0) } },
	{ "node get: no id", STT_CMD_NODE_GET, EINVAL, { NOTHING } },
	{ "node get: id 0", STT_CMD_NODE_GET, ERANGE, { A_U32(STT_A_NODE_ID, 0) } },
	{ "node get: unknown", STT_CMD_NODE_GET, ENODEV, { A_U32(STT_A_NODE_ID, 0x7fffffff) } },
	{ "node get: beyond", STT_CMD_NODE_GET, ENODEV, { A_U32(STT_A_NODE_ID, 0xffffffff) } },
	{ "node get: a heartbeat", STT_CMD_NODE_GET, EINVAL,
	  { A_U32(STT_A_NODE_ID, 1), A_U32(STT_A_NODE_HEARTBEAT_MS, 1000) } },
	{ "node set: a socket", STT_CMD_NODE_SET, EINVAL,
	  { A_U32(STT_A_NODE_ID, 1), A_U32(STT_A_NODE_SOCKET_FD, 0) } },
	{ "node set: a reason", STT_CMD_NODE_SET, EINVAL,
	  { A_U32(STT_A_NODE_ID, 1), A_U8(STT_A_NODE_CLOSE_REASON, 1) } },
	{ "node new: an id", STT_CMD_NODE_NEW, EINVAL,
	  { A_U32(STT_A_NODE_SOCKET_FD, 9999), A_U32(STT_A_NODE_ID, 1) } },
	{ "node del: a group", STT_CMD_NODE_DEL, EINVAL,
	  { A_U32(STT_A_NODE_ID, 1), A_U32(STT_A_NODE_GID, 0) } },
	{ "node del: no id", STT_CMD_NODE_DEL, EINVAL, { NOTHING } },
	{ "node del: unknown", STT_CMD_NODE_DEL, ENODEV, { A_U32(STT_A_NODE_ID, 0x7fffffff) } },
	{ "info: unknown attribute", STT_CMD_INFO_GET, EINVAL, { A_U32(1, 1) } },
};

static const struct request session_requests[] = {
	{ "session new: nothing", NEW, EINVAL, { NOTHING } },
	{ "session new: unknown node", NEW, ENODEV, { A_U32(STT_A_SESSION_NODE, 0x7fffffff) } },
	{ "session new: no id", NEW, EINVAL, { N, PEER } },
	{ "session new: id 0", NEW, EINVAL, { N, S(0), PEER } },
	{ "session new: id all ones", NEW, EINVAL, { N, S(~0ULL), PEER } },
	{ "session new: the id is taken", NEW, EEXIST, { N, S(ID), PEER } },
	{ "session new: no peer", NEW, EINVAL, { N, S(1) } },
	{ "session new: no port", NEW, EINVAL, { N, S(1), PEER4(0x0a4d0102) } },
	{ "session new: port 0", NEW, EINVAL, { N, S(1), PEER4(0x0a4d0102), PORT(0) } },
	{ "session new: two peers", NEW, EINVAL, { N, S(1), PEER, PEER6("::1") } },
	{ "session new: peer 0.0.0.0", NEW, EINVAL, { N, S(1), PEER4(0), PORT(1), UNICAST4 } },
	{ "session new: multicast", NEW, EINVAL, { N, S(1), PEER4(0xe0000001), PORT(1), UNICAST4 } },
	{ "session new: broadcast", NEW, EINVAL, { N, S(1), PEER4(0xffffffff), PORT(1), UNICAST4 } },
	{ "session new: IPv6 peer", NEW, EAFNOSUPPORT,
	  { N, S(1), PEER6("fd77::1"), PORT(1),
	    SAYS("the node's UDP socket cannot reach the peer's address family") } },
	{ "session new: peer ::", NEW, EINVAL, { N, S(1), PEER6("::"), PORT(1), UNICAST6 } },
	{ "session new: ff02::1", NEW, EINVAL, { N, S(1), PEER6("ff02::1"), PORT(1), UNICAST6 } },
	{ "session new: v4-mapped", NEW, EINVAL,
	  { N, S(1), PEER6("::ffff:10.0.0.1"), PORT(1), UNICAST6 } },
	{ "session new: link-local without scope", NEW, EINVAL,
	  { N, S(1), PEER6("fe80::1"), PORT(1), LINK_LOCAL } },
	{ "session new: scope of a global address", NEW, EINVAL,
	  { N, S(1), PEER6("fd77::1"), PORT(1), SCOPE(1), LINK_LOCAL } },
	{ "session new: scope of IPv4", NEW, EINVAL, { N, S(1), PEER, SCOPE(1), ONE_FAMILY } },
	{ "session new: IPv4 peer, IPv6 local", NEW, EINVAL,
	  { N, S(1), PEER, LOCAL6("::1"), ONE_FAMILY } },
	{ "session new: IPv6 peer, IPv4 local", NEW, EINVAL,
	  { N, S(1), PEER6("fd77::1"), PORT(1), LOCAL4(0x0a4d0101), ONE_FAMILY } },
	{ "session new: short address", NEW, ERANGE,
	  { N, S(1), A_LEN(STT_A_SESSION_PEER_IPV4, 3), PORT(1) } },
	{ "session new: long peer id", NEW, ERANGE,
	  { N, S(1), PEER, A_LEN(STT_A_SESSION_PEER_ID, 33) } },
	{ "session new: state 0", NEW, ERANGE, { N, S(1), PEER, A_U32(STT_A_SESSION_STATE, 0) } },
	{ "session new: closed", NEW, ERANGE, { N, S(1), PEER, A_U32(STT_A_SESSION_STATE, 3) } },
	{ "session new: heartbeat 99", NEW, EINVAL,
	  { N, S(1), PEER, A_U32(STT_A_SESSION_HEARTBEAT_MS, 99) } },
	{ "session new: id of 4 bytes", NEW, EINVAL, { N, A_U32(STT_A_SESSION_ID, 1), PEER } },
	{ "session new: unknown attribute", NEW, EINVAL, { N, S(1), PEER, A_U8(77, 0) } },
	{ "session get: no id", STT_CMD_SESSION_GET, EINVAL, { N } },
	{ "session get: unknown", STT_CMD_SESSION_GET, ENOENT, { N, S(4711) } },
	{ "session del: no id", STT_CMD_SESSION_DEL, EINVAL, { N } },
	{ "session del: unknown", STT_CMD_SESSION_DEL, ENOENT, { N, S(4711) } },
	{ "session new: a reason", NEW, EINVAL,
	  { N, S(1), PEER, A_U8(STT_A_SESSION_CLOSE_REASON, 1) } },
	{ "session new: send epoch", NEW, EINVAL,
	  { N, S(1), PEER, A_U8(STT_A_SESSION_TX_EPOCH, 0) } },
	{ "session get: a peer", STT_CMD_SESSION_GET, EINVAL, { N, S(ID), PEER } },
	{ "session del: a state", STT_CMD_SESSION_DEL, EINVAL,
	  { N, S(ID), A_U32(STT_A_SESSION_STATE, 2) } },
	{ "session rekey: a volume", STT_CMD_SESSION_REKEY, EINVAL,
	  { N, S(ID), A_U32(STT_A_SESSION_REKEY_VOLUME, 100) } },
	{ "session set: a reason", SET, EINVAL,
	  { N, S(ID), A_U8(STT_A_SESSION_CLOSE_REASON, 1) } },
	{ "session set: a peer id", SET, EINVAL, { N, S(ID), A_LEN(STT_A_SESSION_PEER_ID, 32) } },
	{ "session set: unknown", SET, ENOENT, { N, S(4711) } },
	{ "session set: pending", SET, EINVAL, { N, S(ID), A_U32(STT_A_SESSION_STATE, 1) } },
	{ "session set: no such epoch", SET, ENOKEY,
	  { N, S(ID), PEER, A_U32(STT_A_SESSION_HEARTBEAT_MS, 5000),
	    A_U8(STT_A_SESSION_TX_EPOCH, 5) } },
	{ "session set: epoch 8", SET, ERANGE, { N, S(ID), A_U8(STT_A_SESSION_TX_EPOCH, 8) } },
	{ "session set: good peer, bad heartbeat", SET, EINVAL,
	  { N, S(ID), PEER, A_U32(STT_A_SESSION_HEARTBEAT_MS, 1) } },
	{ "session set: good heartbeat, bad peer", SET, EINVAL,
	  { N, S(ID), PEER4(0), PORT(1), A_U32(STT_A_SESSION_HEARTBEAT_MS, 5000) } },
	{ "session set: IPv4 peer, IPv6 local", SET, EINVAL,
	  { N, S(ID), PEER, LOCAL6("::1"), ONE_FAMILY } },
	{ "session set: IPv6 peer, IPv4 local", SET, EINVAL,
	  { N, S(ID), PEER6("fd77::1"), PORT(1), LOCAL4(0x0a4d0101), ONE_FAMILY } },
	{ "session set: ff02::1", SET, EINVAL, { N, S(ID), PEER6("ff02::1"), PORT(1), UNICAST6 } },
	{ "session set: link-local without scope", SET, EINVAL,
	  { N, S(ID), PEER6("fe80::1"), PORT(1), LINK_LOCAL } },
	{ "session set: peer without port", SET, EINVAL, { N, S(ID), PEER4(0x0a4d0102) } },
	{ "session set: port without peer", SET, EINVAL, { N, S(ID), PORT(0x1234) } },
	{ "session set: scope without peer", SET, EINVAL, { N, S(ID), SCOPE(1) } },
	{ "session set: IPv4 local without peer", SET, EINVAL, { N, S(ID), LOCAL4(0x0a4d0101) } },
	{ "session set: IPv6 local without peer", SET, EINVAL, { N, S(ID), LOCAL6("fd77:1::1") } },
	{ "session set: port without peer, good heartbeat", SET, EINVAL,
	  { N, S(ID), PORT(0x1234), A_U32(STT_A_SESSION_HEARTBEAT_MS, 5000) } },
};

static const struct request key_requests[] = {
	{ "session new: empty key", NEW, EINVAL, { N, S(1), PEER, KEY, KEY_END } },
	{ "session new: key without suite", NEW, EINVAL,
	  { N, S(1), PEER, KEY, EPOCH(0), DIR(1), SECRET, KEY_END } },
	{ "session new: key without secret", NEW, EINVAL,
	  { N, S(1), PEER, KEY, EPOCH(0), DIR(1), SUITE(1), KEY_END } },
	{ "session new: suite 3", NEW, EOPNOTSUPP,
	  { N, S(1), PEER, KEY, EPOCH(0), DIR(1), SUITE(3), SECRET, KEY_END } },
	{ "session new: key of epoch 8", NEW, ERANGE,
	  { N, S(1), PEER, KEY, EPOCH(8), DIR(1), SUITE(1), SECRET, KEY_END } },
	{ "session new: key is no nest", NEW, EINVAL,
	  { N, S(1), PEER, A_LEN(STT_A_SESSION_KEY, 8) } },
	{ "key new: no key", KNEW, EINVAL, { N, S(ID) } },
	{ "key new: unknown node", KNEW, ENODEV,
	  { A_U32(STT_A_SESSION_NODE, 0x7fffffff), S(ID), GOOD_KEY(1, 1) } },
	{ "key new: unknown session", KNEW, ENOENT, { N, S(4711), GOOD_KEY(1, 1) } },
	{ "key new: no epoch", KNEW, EINVAL,
	  { N, S(ID), KEY, DIR(1), SUITE(1), SECRET, KEY_END } },
	{ "key new: no direction", KNEW, EINVAL,
	  { N, S(ID), KEY, EPOCH(1), SUITE(1), SECRET, KEY_END } },
	{ "key new: direction 0", KNEW, ERANGE, { N, S(ID), GOOD_KEY(1, 0) } },
	{ "key new: direction 3", KNEW, ERANGE, { N, S(ID), GOOD_KEY(1, 3) } },
	{ "key new: epoch 255", KNEW, ERANGE, { N, S(ID), GOOD_KEY(255, 1) } },
	{ "key new: suite 0", KNEW, EOPNOTSUPP,
	  { N, S(ID), KEY, EPOCH(1), DIR(1), SUITE(0), SECRET, KEY_END } },
	{ "key new: secret of 31 bytes", KNEW, ERANGE,
	  { N, S(ID), KEY, EPOCH(1), DIR(1), SUITE(1), A_LEN(STT_A_KEY_SECRET, 31), KEY_END } },
	{ "key new: secret of 33 bytes", KNEW, ERANGE,
	  { N, S(ID), KEY, EPOCH(1), DIR(1), SUITE(1), A_LEN(STT_A_KEY_SECRET, 33), KEY_END } },
	{ "key new: no secret", KNEW, EINVAL,
	  { N, S(ID), KEY, EPOCH(1), DIR(1), SUITE(1), KEY_END } },
	{ "key new: unknown attribute in it", KNEW, EINVAL,
	  { N, S(ID), KEY, EPOCH(1), DIR(1), SUITE(1), SECRET, A_U8(99, 1), KEY_END } },
	{ "key new: epoch installed", KNEW, EEXIST, { N, S(ID), GOOD_KEY(0, 1) } },
	{ "key new: epoch skipped", KNEW, EINVAL, { N, S(ID), GOOD_KEY(3, 2) } },
	{ "key new: a heartbeat", KNEW, EINVAL,
	  { N, S(ID), A_U32(STT_A_SESSION_HEARTBEAT_MS, 1000), GOOD_KEY(1, 1) } },
	{ "key new: two keys", KNEW, EINVAL, { N, S(ID), GOOD_KEY(1, 1), GOOD_KEY(1, 2) } },
	{ "key del: no key", KDEL, EINVAL, { N, S(ID) } },
	{ "key del: no direction", KDEL, EINVAL, { N, S(ID), KEY, EPOCH(0), KEY_END } },
	{ "key del: not there", KDEL, ENOENT, { N, S(ID), KEY, EPOCH(4), DIR(2), KEY_END } },
	{ "key del: two keys", KDEL, EINVAL,
	  { N, S(ID), KEY, EPOCH(0), DIR(1), KEY_END, KEY, EPOCH(0), DIR(2), KEY_END } },
};

static void put_attr(struct sttnl_req *req, const struct attr *a, const struct side *s,
		     struct nlattr **nest)
{
	uint8_t fill[64];
	union stt_addr addr;

	memset(fill, 0x5a, sizeof(fill));
	switch (a->kind) {
	case U8:
		sttnl_put_u8(req, a->type, a->v);
		break;
	case U16:
		sttnl_put_u16(req, a->type, a->v);
		break;
	case U32:
		sttnl_put_u32(req, a->type, a->v);
		break;
	case U64:
		sttnl_put_u64(req, a->type, a->v);
		break;
	case BYTES:
		sttnl_put(req, a->type, fill, a->v);
		break;
	case V4:
		sttnl_put_u32(req, a->type, htonl(a->v));
		break;
	case NODE:
		sttnl_put_u32(req, a->type, s->node);
		break;
	case NEST:
		*nest = sttnl_nest(req, a->type);
		break;
	case NEST_END:
		sttnl_nest_end(req, *nest);
		break;
	case V6:
		addr = addr_of(a->text, 0);
		sttnl_put(req, a->type, &addr.in6.sin6_addr, 16);
		break;
	case SAID:
	case END:
		break;
	}
}

/* The sentence that must come back; NULL: any. */
static const char *wanted_why(const struct request *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(r->attrs); i++)
		if (r->attrs[i].kind == SAID)
			return r->attrs[i].text;
	return NULL;
}

static int send_request(const struct side *s, const struct request *r)
{
	struct nlattr *nest = NULL;
	struct sttnl_req req;

	sttnl_begin(&req, s->ctl->family, r->cmd, NLM_F_ACK);
	for (size_t i = 0; i < ARRAY_SIZE(r->attrs) && r->attrs[i].kind != END; i++)
		put_attr(&req, &r->attrs[i], s, &nest);
	s->ctl->why[0] = 0;
	return sttnl_call(s->ctl, &req, NULL, NULL);
}

/* All that there is to see, but for the time that passes. */
struct view {
	struct stt_info info;
	struct stt_node_info node;
	struct stt_session_info session;
};

static bool look(const struct side *s, struct view *v)
{
	memset(v, 0, sizeof(*v));
	check_is(stt_ctl_info(s->ctl, &v->info), 0);
	check_is(stt_ctl_node_get(s->ctl, s->node, &v->node), 0);
	check_is(stt_ctl_session_get(s->ctl, s->node, ID, &v->session), 0);
	v->session.idle_rx_ms = 0;
	v->session.idle_tx_ms = 0;
	v->session.key_age_ms = 0;
	return true;
}

static bool refused(const struct side *s, const struct request *r)
{
	const char *why = wanted_why(r);
	struct view before, after;
	bool said;
	int ret;

	check(look(s, &before));
	ret = send_request(s, r);
	said = why ? !strcmp(s->ctl->why, why) : s->ctl->why[0];
	if (ret != -r->err || !said)
		printf("# %s: %d, not %d, \"%s\"\n", r->what, ret, -r->err, s->ctl->why);
	check_is(ret, -r->err);
	check(said);
	check(look(s, &after));
	check(!memcmp(&before, &after, sizeof(before)));
	return true;
}

static bool all_refused(const struct request *r, size_t n)
{
	bool ok = true;
	struct duo d;

	check(duo_open(&d, PATH_V4, ID));
	for (size_t i = 0; i < n; i++)
		ok = refused(&d.k, &r[i]) && ok;
	check(duo_quiet(&d));
	return ok;
}

static bool refusals(int arg)
{
	switch (arg) {
	case 0:
		return all_refused(node_requests, ARRAY_SIZE(node_requests));
	case 1:
		return all_refused(session_requests, ARRAY_SIZE(session_requests));
	default:
		return all_refused(key_requests, ARRAY_SIZE(key_requests));
	}
}

static bool unknown_command(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	for (int cmd = 0; cmd < 256; cmd++) {
		struct request r = { .cmd = cmd };

		if ((cmd >= STT_CMD_INFO_GET && cmd <= STT_CMD_SOCKET_GET) ||
		    cmd == STT_CMD_NODE_SET || cmd == STT_CMD_SESSION_REKEY)
			continue;
		check_is(send_request(&d.k, &r), -EOPNOTSUPP);
	}
	return true;
}

/* ------------------------------------------------------------------------ */
/* Secrets                                                                  */

/* Does @len bytes at @data hold any quarter of a key of the session? */
static bool holds_secret(const void *data, size_t len)
{
	uint8_t key[STT_KEY_LEN];

	for (int from = 0; from < 2; from++)
		for (int epoch = 0; epoch < 2; epoch++) {
			key_of(key, ID, from, epoch);
			for (size_t part = 0; part < sizeof(key); part += 8)
				if (memmem(data, len, key + part, 8))
					return true;
		}
	return false;
}

static int scan_message(const struct nlmsghdr *nlh, void *arg)
{
	int *n = arg;

	if (holds_secret(nlh, nlh->nlmsg_len))
		return -EBADMSG;
	(*n)++;
	return 0;
}

static int ask(const struct side *s, int cmd, int flags, bool named, int *n)
{
	struct sttnl_req req;

	sttnl_begin(&req, s->ctl->family, cmd, flags | NLM_F_ACK);
	if (named) {
		sttnl_put_u32(&req, STT_A_SESSION_NODE, s->node);
		sttnl_put_u64(&req, STT_A_SESSION_ID, ID);
	}
	return sttnl_call(s->ctl, &req, scan_message, n);
}

static bool no_secret_in_answers(int arg)
{
	struct duo d;
	int n = 0;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check_is(side_key(&d.k, ID, STT_DIRECTION_TX, 1), 0);
	check_is(side_key(&d.k, ID, STT_DIRECTION_RX, 1), 0);
	check(duo_quiet(&d));
	check(ask(&d.k, STT_CMD_SESSION_GET, 0, true, &n) >= 0);
	check(ask(&d.k, STT_CMD_SESSION_GET, NLM_F_DUMP, false, &n) >= 0);
	check(ask(&d.k, STT_CMD_NODE_GET, NLM_F_DUMP, false, &n) >= 0);
	check(ask(&d.k, STT_CMD_SOCKET_GET, NLM_F_DUMP, false, &n) >= 0);
	check(n >= 4);
	return true;
}

static bool no_secret_in_events(int arg)
{
	struct stt_event ev;
	struct side s;
	int n = 0;

	(void)arg;
	check(side_open(&s, PATH_V4, 0));
	check_is(stt_ctl_subscribe(s.ctl), 0);
	check_is(side_session(&s, ID, &s.addr), 0);
	check_is(side_key(&s, ID, STT_DIRECTION_TX, 1), 0);
	check_is(stt_ctl_session_del(s.ctl, s.node, ID, 0), 0);
	check_is(stt_ctl_node_del(s.ctl, s.node, 0), 0);
	while (!stt_ctl_event(s.ctl, &ev)) {
		check(!holds_secret(s.ctl->event, sizeof(s.ctl->event)));
		n++;
	}
	check_is(n, 3);
	return true;
}

/* A request with a key, by somebody who wants to have it back. Returns the answer's length. */
static ssize_t ask_with_key(const struct side *s, int cmd, uint8_t epoch, struct sttnl_req *req,
			    void *buf, size_t size)
{
	struct stt_key key = key_spec(ID, 0, STT_DIRECTION_TX, 0);
	struct mnl_socket *nl = mnl_socket_open(NETLINK_GENERIC);
	struct nlattr *nest;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, &(int){ 1 }, sizeof(int)))
		return -1;
	keep(mnl_socket_get_fd(nl));
	sttnl_begin(req, s->ctl->family, cmd, NLM_F_ACK);
	sttnl_put_u32(req, STT_A_SESSION_NODE, s->node);
	sttnl_put_u64(req, STT_A_SESSION_ID, ID);
	nest = sttnl_nest(req, STT_A_SESSION_KEY);
	sttnl_put_u8(req, STT_A_KEY_EPOCH, epoch);
	sttnl_put_u8(req, STT_A_KEY_DIRECTION, STT_DIRECTION_TX);
	sttnl_put_u8(req, STT_A_KEY_SUITE, 1);
	sttnl_put(req, STT_A_KEY_SECRET, key.secret, STT_KEY_LEN);
	sttnl_nest_end(req, nest);
	if (mnl_socket_sendto(nl, &req->nlh, req->nlh.nlmsg_len) < 0)
		return -1;
	return mnl_socket_recvfrom(nl, buf, size);
}

/* The attribute that a refusal is about, in @req, which it quotes; or NULL. */
static const struct nlattr *refused_attr(const struct sttnl_req *req, const void *buf)
{
	const struct nlmsghdr *nlh = buf;
	unsigned int quoted = sizeof(struct nlmsgerr) + req->nlh.nlmsg_len - NLMSG_HDRLEN;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, NLMSG_ALIGN(quoted)) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS)
			return (const void *)(req->buf + mnl_attr_get_u32(attr));
	}
	return NULL;
}

/* A refusal quotes the request: by then its secrets are wiped. */
static bool is_wiped(int cmd, uint8_t epoch, int err, int about)
{
	const struct nlattr *attr;
	struct sttnl_req req;
	struct duo d;
	char buf[8192];
	ssize_t n;

	check(duo_open(&d, PATH_V4, ID));
	n = ask_with_key(&d.k, cmd, epoch, &req, buf, sizeof(buf));
	check(n > (ssize_t)req.nlh.nlmsg_len);
	check_is(((struct nlmsgerr *)mnl_nlmsg_get_payload((void *)buf))->error, -err);
	check(holds_secret(&req, sizeof(req)));
	check(!holds_secret(buf, n));
	if (!about)
		return true;
	attr = refused_attr(&req, buf);
	check(attr);
	check_is(mnl_attr_get_type(attr), about);
	return true;
}

static bool request_wiped(int arg)
{
	(void)arg;
	/* The session has this secret. */
	check(is_wiped(STT_CMD_KEY_NEW, 1, EINVAL, 0));
	/* There is no such epoch. */
	check(is_wiped(STT_CMD_KEY_NEW, 255, ERANGE, STT_A_KEY_EPOCH));
	check(is_wiped(STT_CMD_SESSION_NEW, 0, EINVAL, 0));
	/* Keys are not for these. */
	check(is_wiped(STT_CMD_SESSION_SET, 1, EINVAL, STT_A_SESSION_KEY));
	check(is_wiped(STT_CMD_SESSION_REKEY, 1, EINVAL, STT_A_SESSION_KEY));
	return true;
}

static const struct test tests[] = {
	{ "R26 requests about nodes that are wrong: errno, sentence, no change", refusals, 0 },
	{ "R26 requests about sessions that are wrong", refusals, 1 },
	{ "R26 requests about keys that are wrong", refusals, 2 },
	{ "R26 unknown commands: EOPNOTSUPP", unknown_command, 0 },
	{ "R26 no secret in answers and dumps", no_secret_in_answers, 0 },
	{ "R26 no secret in events", no_secret_in_events, 0 },
	{ "R26 a request that brought a key is wiped", request_wiped, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
