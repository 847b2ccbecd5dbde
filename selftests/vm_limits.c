// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/user.c */
/* A35: limits of a network namespace refuse with a clear message. */
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl_nl.h"
#include "lib/peer.h"
#include "lib/sysctl.h"
#include "lib/user.h"

#define ID 0x11ULL
#define REASSEMBLY "reassembly_max_bytes"
#define REASSEMBLY_DEFAULT (16 << 20)
#define GCM_KEYS "gcm_keys_max"
#define GCM_KEYS_DEFAULT (1 << 18)

static const struct limit {
	const char *name;
	long long normal, min, max;
} limits[] = {
	{ "nodes_max", 4096, 0, 1 << 20 },
	{ "sessions_max", 1 << 20, 0, 1 << 24 },
	{ GCM_KEYS, GCM_KEYS_DEFAULT, 0, 1 << 26 },
	{ REASSEMBLY, REASSEMBLY_DEFAULT, 0, 1 << 30 },
	{ "handshake_rate", 200, 0, 1000000 },
	{ "handshake_burst", 1000, 1, 1000000 },
};

static void normal(void *arg)
{
	(void)arg;
	enter(PATH_V4, 0);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		sysctl_set(limits[i].name, limits[i].normal);
}

/* In namespace a, with what it is by default behind the test. */
static bool begin(struct stt_ctl **ctl)
{
	check(ctl_open(ctl, PATH_V4, 0));
	at_end(normal, NULL);
	return true;
}

static bool ranges(int arg)
{
	struct stt_ctl *ctl;

	(void)arg;
	check(begin(&ctl));
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct limit *l = &limits[i];

		check_is(sysctl_get(l->name), l->normal);
		check(sysctl_set(l->name, l->max));
		check_is(sysctl_get(l->name), l->max);
		check(!sysctl_set(l->name, l->max + 1));
		check_is(errno, EINVAL);
		check(!sysctl_set(l->name, l->min - 1));
		check_is(errno, EINVAL);
		check_is(sysctl_get(l->name), l->max);
		check(sysctl_set(l->name, l->min));
		check_is(sysctl_get(l->name), l->min);
	}
	return true;
}

/* Each namespace has its own. */
static bool apart(int arg)
{
	struct stt_ctl *ctl, *other;
	struct stt_info info;

	(void)arg;
	check(begin(&ctl));
	check(sysctl_set("nodes_max", 7));
	check(sysctl_set("sessions_max", 8));
	check(ctl_open(&other, PATH_V4, 1));
	check_is(sysctl_get("nodes_max"), 4096);
	check_is(stt_ctl_info(other, &info), 0);
	check_is(info.nodes_max, 4096);
	check_is(stt_ctl_info(ctl, &info), 0);
	check_is(info.nodes_max, 7);
	check_is(info.sessions_max, 8);
	return true;
}

static bool too_many(int ret, const char *what)
{
	check_is(ret, -ENOSPC);
	check(strstr(stt_errmsg(), what));
	check(strstr(stt_errmsg(), "net.stt."));
	return true;
}

static bool nodes(int arg)
{
	struct stt_ctl *ctl;
	struct stt_info info;
	union stt_addr addr;
	struct side s[2];
	uint32_t id = 0;
	int fd;

	(void)arg;
	check(begin(&ctl));
	check(sysctl_set("nodes_max", 2));
	check(side_open(&s[0], PATH_V4, 0));
	check(side_open(&s[1], PATH_V4, 0));
	fd = udp_open(PATH_V4, 0, &addr);
	check(too_many(stt_ctl_node_new(ctl, fd, NULL, &id), "too many nodes"));
	check_is(id, 0);
	/* A lower limit ends nothing. */
	check(sysctl_set("nodes_max", 0));
	check_is(stt_ctl_info(ctl, &info), 0);
	check_is(info.nodes, 2);
	check(too_many(stt_ctl_node_new(ctl, fd, NULL, &id), "too many nodes"));
	/* One goes, one comes. */
	check(sysctl_set("nodes_max", 2));
	check_is(stt_ctl_node_del(ctl, s[0].node, 0), 0);
	check_is(stt_ctl_node_new(ctl, fd, NULL, &id), 0);
	return true;
}

/* All nodes of the namespace together. */
static bool sessions(int arg)
{
	struct stt_ctl *ctl;
	struct side a, b;

	(void)arg;
	check(begin(&ctl));
	check(sysctl_set("sessions_max", 3));
	check(side_open(&a, PATH_V4, 0));
	check(side_open(&b, PATH_V4, 0));
	check_is(side_session(&a, ID, &b.addr), 0);
	check_is(side_session(&b, ID, &a.addr), 0);
	check_is(side_session(&a, ID + 1, &b.addr), 0);
	check(too_many(side_session(&b, ID + 1, &a.addr), "too many sessions"));
	check_is(side_get(&a, ID).state, STT_SESSION_STATE_ACTIVE);
	check_is(stt_ctl_session_del(a.ctl, a.node, ID, 0), 0);
	check_is(side_session(&b, ID + 1, &a.addr), 0);
	check_is(stt_ctl_node_del(a.ctl, a.node, 0), 0);
	check_is(side_session(&b, ID + 2, &b.addr), 0);
	check(too_many(side_session(&b, ID + 3, &b.addr), "too many sessions"));
	return true;
}

static void default_suite(void *arg)
{
	(void)arg;
	key_suite = STT_SUITE_CHACHA20POLY1305;
}

/* Keys are of this suite from here on, until the end of the test. */
static bool begin_gcm(struct stt_ctl **ctl)
{
	struct stt_info info;

	check(begin(ctl));
	check_is(stt_ctl_info(*ctl, &info), 0);
	at_end(default_suite, NULL);
	key_suite = STT_SUITE_AES256GCM;
	return info.suites & 1U << STT_SUITE_AES256GCM;
}

#define NO_GCM "no gcm(aes) in this kernel"

/* What the kernel has for such a key is charged to no cgroup. */
static bool gcm_keys(int arg)
{
	struct stt_ctl *ctl;
	struct stt_info info;
	struct side s;

	(void)arg;
	if (!begin_gcm(&ctl))
		return skip_test(NO_GCM);
	check(side_open(&s, PATH_V4, 0));
	check(sysctl_set(GCM_KEYS, 3));
	check_is(side_session(&s, ID, &s.addr), 0);
	check(too_many(side_session(&s, ID + 1, &s.addr), "too many AES-256-GCM keys"));
	/* The key that it could have had was given back, as is one that is refused. */
	check_is(side_key(&s, ID, STT_DIRECTION_TX, 0), -EEXIST);
	check(sysctl_set(GCM_KEYS, 4));
	check_is(side_session(&s, ID + 1, &s.addr), 0);
	/* A key that goes makes room. */
	check(too_many(side_session(&s, ID + 2, &s.addr), "too many AES-256-GCM keys"));
	check_is(stt_ctl_session_del(s.ctl, s.node, ID + 1, 0), 0);
	check_is(side_session(&s, ID + 2, &s.addr), 0);
	check_is(stt_ctl_info(ctl, &info), 0);
	check_is(info.gcm_keys, 4);
	check_is(info.gcm_keys_max, 4);
	return true;
}

/* At the limit, and above it, a session that has such keys gets the next ones. */
static bool gcm_rekey(int arg)
{
	struct stt_ctl *ctl;
	struct frame f;
	struct duo d;

	(void)arg;
	if (!begin_gcm(&ctl))
		return skip_test(NO_GCM);
	check(duo_open(&d, PATH_V4, ID));
	for (uint8_t epoch = 1; epoch <= 3; epoch++) {
		check(sysctl_set(GCM_KEYS, epoch == 3 ? 0 : 2));
		check_is(side_key(&d.k, ID, STT_DIRECTION_RX, epoch), 0);
		check_is(side_key(&d.k, ID, STT_DIRECTION_TX, epoch), 0);
		f = peer_next(&d.p, "in", 2);
		f.epoch = epoch;
		check(peer_send_frame(&d.p, &f));
		check(receives(d.fd, "in", 2));
		check_is(side_get(&d.k, ID).tx_epoch, epoch);
	}
	check(too_many(side_session(&d.k, ID + 1, &d.p.addr), "too many AES-256-GCM keys"));
	/* They were counted: all of them are given back. */
	check_is(stt_ctl_session_del(d.k.ctl, d.k.node, ID, 0), 0);
	check(sysctl_set(GCM_KEYS, 2));
	check_is(side_session(&d.k, ID + 1, &d.p.addr), 0);
	return true;
}

/* What has keys of the other suite only gets none: that would be a way round. */
static bool gcm_later(int arg)
{
	struct stt_ctl *ctl;
	struct side s;

	(void)arg;
	if (!begin_gcm(&ctl))
		return skip_test(NO_GCM);
	key_suite = STT_SUITE_CHACHA20POLY1305;
	check(side_open(&s, PATH_V4, 0));
	check_is(side_session(&s, ID, &s.addr), 0);
	key_suite = STT_SUITE_AES256GCM;
	check(sysctl_set(GCM_KEYS, 1));
	check_is(side_key(&s, ID, STT_DIRECTION_TX, 1), 0);
	check(too_many(side_key(&s, ID, STT_DIRECTION_RX, 1), "too many AES-256-GCM keys"));
	check_is(side_get(&s, ID).n_keys, 3);
	return true;
}

/* ------------------------------------------------------------------------ */
/* Users without CAP_NET_ADMIN                                              */

/* A user gets @n nodes, and not one more. */
static bool user_nodes(int n, const char *why)
{
	struct side s;

	for (int i = 0; i < n; i++)
		check(side_open(&s, PATH_V4, 0));
	return too_many(stt_ctl_node_new(s.ctl, udp_open(PATH_V4, 0, &s.addr), NULL, &s.node),
			why);
}

static bool half_of_nodes(void *arg)
{
	(void)arg;
	return user_nodes(4, "half of net.stt.nodes_max");
}

static bool rest_of_nodes(void *arg)
{
	(void)arg;
	return user_nodes(2, "last eighth of net.stt.nodes_max");
}

/* Of eight nodes. */
static bool share_of_nodes(int arg)
{
	struct stt_ctl *ctl;
	struct side s;

	(void)arg;
	check(begin(&ctl));
	check(sysctl_set("nodes_max", 8));
	check(as_user(USER_NOBODY, half_of_nodes, NULL));
	for (int i = 0; i < 5; i++)
		check(side_open(&s, PATH_V4, 0));
	check(as_user(USER_NOBODY, rest_of_nodes, NULL));
	/* Who has the capability may have all. */
	for (int i = 5; i < 8; i++)
		check(side_open(&s, PATH_V4, 0));
	return too_many(stt_ctl_node_new(s.ctl, udp_open(PATH_V4, 0, &s.addr), NULL, &s.node),
			"in this network namespace");
}

/* At two nodes of the user. */
static bool half_of_sessions(void *arg)
{
	struct side s[2];

	(void)arg;
	for (int i = 0; i < 2; i++) {
		check(side_open(&s[i], PATH_V4, 0));
		check_is(side_session(&s[i], ID, &s[i].addr), 0);
		check_is(side_session(&s[i], ID + 1, &s[i].addr), 0);
	}
	check(too_many(side_session(&s[0], ID + 2, &s[0].addr),
		       "half of net.stt.sessions_max"));
	check_is(stt_ctl_session_del(s[1].ctl, s[1].node, ID, 0), 0);
	check_is(side_session(&s[0], ID + 2, &s[0].addr), 0);
	return true;
}

static bool share_of_sessions(int arg)
{
	struct stt_ctl *ctl;
	struct side s;

	(void)arg;
	check(begin(&ctl));
	check(sysctl_set("sessions_max", 8));
	check(as_user(USER_NOBODY, half_of_sessions, NULL));
	check(side_open(&s, PATH_V4, 0));
	for (unsigned int i = 0; i < 8; i++)
		check_is(side_session(&s, ID + i, &s.addr), 0);
	return true;
}

/* May the effective user do what CAP_NET_ADMIN is for? */
static bool admin(bool on)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	check(!syscall(SYS_capget, &head, data));
	data[0].effective &= ~(1U << CAP_NET_ADMIN);
	data[0].effective |= (unsigned int)on << CAP_NET_ADMIN;
	check(!syscall(SYS_capset, &head, data));
	return true;
}

static void admin_again(void *arg)
{
	(void)arg;
	admin(true);
}

/*
 * A session, by a request that is written as if to a file. True if it is refused as
 * it is to who has no capability.
 */
static bool refused_by_write(const struct side *s, uint64_t id)
{
	int fd = mnl_socket_get_fd(s->ctl->nl);
	uint8_t answer[4096];
	struct sttnl_req req;
	struct nlmsgerr *err;
	ssize_t n;

	sttnl_begin(&req, s->ctl->family, STT_CMD_SESSION_NEW, NLM_F_ACK);
	sttnl_put_u32(&req, STT_A_SESSION_NODE, s->node);
	sttnl_put_u64(&req, STT_A_SESSION_ID, id);
	sttnl_put_u32(&req, STT_A_SESSION_PEER_IPV4, s->addr.in.sin_addr.s_addr);
	sttnl_put_u16(&req, STT_A_SESSION_PEER_PORT, s->addr.in.sin_port);
	check_is(write(fd, &req, req.nlh.nlmsg_len), req.nlh.nlmsg_len);
	n = read(fd, answer, sizeof(answer));
	check(n > (ssize_t)NLMSG_LENGTH(sizeof(*err)));
	err = NLMSG_DATA((struct nlmsghdr *)answer);
	check_is(err->error, -ENOSPC);
	return memmem(answer, n, "half of net.stt.sessions_max", 28);
}

/*
 * Who is handed a netlink socket, and writes to it, does not lend the capability;
 * who says that it goes to the kernel knows what it is.
 */
static bool opener(int arg)
{
	struct stt_ctl *ctl;
	struct side s;

	(void)arg;
	check(begin(&ctl));
	check(sysctl_set("sessions_max", 2));
	at_end(admin_again, NULL);
	check(admin(false));
	check(side_open(&s, PATH_V4, 0));
	check(admin(true));
	check_is(side_session(&s, ID, &s.addr), 0);
	check(refused_by_write(&s, ID + 1));
	check_is(side_session(&s, ID + 1, &s.addr), 0);
	return true;
}

/* ------------------------------------------------------------------------ */
/* User namespaces                                                          */

/* Gives who asks on @fd a uid more, as newuidmap does. */
static bool give_uids(int fd)
{
	static const char map[] = "0 65534 1\n1 100000 1\n";
	char file[40];
	pid_t pid;
	int at;

	check_is(read(fd, &pid, sizeof(pid)), sizeof(pid));
	snprintf(file, sizeof(file), "/proc/%d/uid_map", pid);
	at = open(file, O_WRONLY | O_CLOEXEC);
	check(at >= 0);
	check_is(write(at, map, sizeof(map) - 1), sizeof(map) - 1);
	close(at);
	check_is(write(fd, "", 1), 1);
	return true;
}

/* As nobody, and as another uid that is nobody's: one account. */
static bool sub_uid(void *arg)
{
	pid_t pid = getpid();
	struct side s;
	int fd = *(int *)arg;
	char ok;

	for (int i = 0; i < 2; i++)
		check(side_open(&s, PATH_V4, 0));
	check(userns_enter(0));
	check_is(write(fd, &pid, sizeof(pid)), sizeof(pid));
	check_is(read(fd, &ok, 1), 1);
	check(!setresuid(1, 1, 1));
	return user_nodes(2, "half of net.stt.nodes_max");
}

static bool sub_uids(int arg)
{
	struct stt_ctl *ctl;
	int fds[2];
	pid_t pid;
	bool ok;

	(void)arg;
	check(begin(&ctl));
	check(userns_on());
	check(sysctl_set("nodes_max", 8));
	check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	keep(fds[0]);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		_exit(!give_uids(fds[1]));
	}
	close(fds[1]);
	check(pid > 0);
	ok = as_user(USER_NOBODY, sub_uid, &fds[0]);
	shutdown(fds[0], SHUT_RDWR);
	check_is(waitpid(pid, NULL, 0), pid);
	return ok;
}

static bool readable_only(void *arg)
{
	(void)arg;
	check(enter(PATH_V4, 0));
	check_is(sysctl_get("nodes_max"), 4096);
	check_fails(sysctl_open("nodes_max", O_WRONLY), EACCES);
	return true;
}

static bool not_owner(int arg)
{
	struct stt_ctl *ctl;

	(void)arg;
	check(begin(&ctl));
	return as_user(USER_NOBODY, readable_only, NULL);
}

/* Root of one's own namespaces: may set them, but not take more than there was. */
static bool contained(void *arg)
{
	(void)arg;
	check(userns_enter(CLONE_NEWNET));
	check(userns_map_uid(USER_NOBODY));
	check_is(sysctl_get("nodes_max"), 4096);
	check(sysctl_set("nodes_max", 5));
	check_is(sysctl_get("nodes_max"), 5);
	check(sysctl_set("sessions_max", 1 << 20));
	check(!sysctl_set("sessions_max", (1 << 20) + 1));
	check_is(errno, EINVAL);
	check(sysctl_set(GCM_KEYS, GCM_KEYS_DEFAULT));
	check(!sysctl_set(GCM_KEYS, GCM_KEYS_DEFAULT + 1));
	check_is(errno, EINVAL);
	check_is(sysctl_get(REASSEMBLY), REASSEMBLY_DEFAULT);
	check(sysctl_set(REASSEMBLY, 1000));
	check(sysctl_set(REASSEMBLY, REASSEMBLY_DEFAULT));
	check(!sysctl_set(REASSEMBLY, REASSEMBLY_DEFAULT + 1));
	check_is(errno, EINVAL);
	return true;
}

static bool container(int arg)
{
	(void)arg;
	check(userns_on());
	return as_user(USER_NOBODY, contained, NULL);
}

static const struct test tests[] = {
	{ "A35 limits have their defaults and ranges", ranges, 0 },
	{ "A35 each namespace has its own limits", apart, 0 },
	{ "A35 one node too many: ENOSPC, and a sentence", nodes, 0 },
	{ "A35 one session too many: ENOSPC, and a sentence", sessions, 0 },
	{ "A35 one AES-256-GCM key too many: ENOSPC, and a sentence", gcm_keys, 0 },
	{ "A35 at the limit a session's keys are followed by the next", gcm_rekey, 0 },
	{ "A35 but not those of the other suite", gcm_later, 0 },
	{ "A35 a user gets half of the nodes, users leave an eighth", share_of_nodes, 0 },
	{ "A35 a user gets half of the sessions, over all his nodes", share_of_sessions, 0 },
	{ "A35 a user's other uids are on his account", sub_uids, 0 },
	{ "A35 a netlink socket that was handed over needs an opener who may", opener, 0 },
	{ "A35 a user may read the limits, not set them", not_owner, 0 },
	{ "A35 root of an unprivileged container sets its own", container, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
