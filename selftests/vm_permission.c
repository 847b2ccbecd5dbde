// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/user.c */
/* A35: one's own node needs no privilege, another's cannot be touched. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/peer.h"
#include "lib/user.h"

#define ID 0x35ULL

static bool foreign_socket(void *arg)
{
	struct side *s = arg;
	struct sockaddr_stt to = stt_at(s, ID, 7), any = stt_any(s, STT_SESSION_ANY);
	struct sockaddr_stt hs = stt_at(s, 0, 0);
	int fd = stt_socket(s->path, s->end);

	check(fd >= 0);
	hs.sstt_type = STT_MSG_HANDSHAKE;
	check_fails(stt_bind_at(fd, &to), EACCES);
	check_fails(stt_bind_at(fd, &any), EACCES);
	check_fails(stt_bind_at(fd, &hs), EACCES);
	check_fails(stt_connect_at(fd, &to), EACCES);
	check_fails(stt_send_at(fd, "x", 1, &to), EACCES);
	return true;
}

static bool no_socket(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check(as_user(USER_NOBODY, foreign_socket, &d.k));
	check_is(session_stat(&d.k, ID, STT_A_STATS_TX_FRAMES), 0);
	check(duo_quiet(&d));
	return true;
}

static bool refused(int ret)
{
	check_is(ret, -EACCES);
	check(strstr(stt_errmsg(), "belongs to another user"));
	return true;
}

/* Every request that changes something. */
static bool all_refused(struct stt_ctl *ctl, const struct side *s)
{
	struct stt_session_info spec = session_spec(s, ID + 1, &s->addr);
	struct stt_session_info set = { .node = s->node, .id = ID, .peer = s->addr };
	struct stt_key key = key_spec(ID, 0, STT_DIRECTION_TX, 1);

	check(refused(stt_ctl_session_new(ctl, &spec)));
	check(refused(stt_ctl_session_set(ctl, &set)));
	check(refused(stt_ctl_key_new(ctl, s->node, ID, &key)));
	check(refused(stt_ctl_key_del(ctl, s->node, ID, 0, STT_DIRECTION_TX)));
	check(refused(stt_ctl_session_del(ctl, s->node, ID, 0)));
	check(refused(stt_ctl_session_del(ctl, s->node, 4711, 0)));
	check(refused(stt_ctl_node_del(ctl, s->node, 0)));
	return true;
}

static bool foreign_netlink(void *arg)
{
	struct side *s = arg;
	struct stt_ctl *ctl;

	check(ctl_open(&ctl, s->path, s->end));
	return all_refused(ctl, s);
}

static bool unchanged(struct duo *d)
{
	struct stt_session_info info = side_get(&d->k, ID);
	struct stt_info all;

	check_is(info.state, STT_SESSION_STATE_ACTIVE);
	check_is(info.n_keys, 2);
	check(addr_equal(&info.peer, &d->p.addr));
	check_is(stt_ctl_info(d->k.ctl, &all), 0);
	check_is(all.nodes, 1);
	check_is(all.sessions, 1);
	check(duo_quiet(d));
	return true;
}

static bool no_netlink(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check(as_user(USER_NOBODY, foreign_netlink, &d.k));
	check(unchanged(&d));
	return true;
}

/* The netlink socket of another user, in either direction, gives no rights. */
static bool borrowed(void *arg)
{
	struct side *s = arg;

	return all_refused(s->ctl, s);
}

static bool lent_socket(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check(as_user(USER_NOBODY, borrowed, &d.k));
	check(unchanged(&d));
	return true;
}

/* The owner, with a netlink socket that somebody else opened. */
static bool own_node_other_socket(void *arg)
{
	struct stt_session_info spec;
	struct stt_ctl *handed = arg;
	struct side s;

	check(side_open(&s, PATH_V4, 0));
	spec = session_spec(&s, ID, &s.addr);
	check_is(stt_ctl_session_new(s.ctl, &spec), 0);
	check(all_refused(handed, &s));
	/* Only the socket was wrong. */
	check_is(stt_ctl_session_del(s.ctl, s.node, ID, 0), 0);
	return true;
}

static bool opened_by(uid_t uid, struct stt_ctl **ctl)
{
	check(enter(PATH_V4, 0));
	check_is(seteuid(uid), 0);
	check(ctl_open(ctl, PATH_V4, 0));
	check_is(seteuid(0), 0);
	return true;
}

static bool handed_socket(int arg)
{
	struct stt_ctl *ctl;

	(void)arg;
	check(opened_by(USER_OTHER, &ctl));
	return as_user(USER_NOBODY, own_node_other_socket, ctl);
}

/* Nor is a node made with it; the UDP socket stays free. */
static bool new_node_other_socket(void *arg)
{
	struct stt_ctl *handed = arg, *ctl;
	union stt_addr addr;
	struct stt_info all;
	uint32_t id;
	int udp = udp_open(PATH_V4, 0, &addr);

	check(udp >= 0);
	check_is(stt_ctl_node_new(handed, udp, NULL, &id), -EACCES);
	check(strstr(stt_errmsg(), "the netlink socket was opened by another user"));
	check_is(stt_ctl_info(handed, &all), 0);
	check_is(all.nodes, 0);
	check(ctl_open(&ctl, PATH_V4, 0));
	check_is(stt_ctl_node_new(ctl, udp, NULL, &id), 0);
	check_is(stt_ctl_node_del(ctl, id, 0), 0);
	return true;
}

/* Nor does it help that root opened it. */
static bool handed_for_new(int arg)
{
	struct stt_ctl *ctl;

	(void)arg;
	check(opened_by(USER_OTHER, &ctl));
	check(as_user(USER_NOBODY, new_node_other_socket, ctl));
	check(ctl_open(&ctl, PATH_V4, 0));
	return as_user(USER_NOBODY, new_node_other_socket, ctl);
}

/* Looking is free. */
static bool look(void *arg)
{
	static const uint8_t zero[STT_KEY_LEN];
	struct side *s = arg;
	struct stt_session_info info;
	struct stt_ctl *ctl;

	check(ctl_open(&ctl, s->path, s->end));
	check_is(stt_ctl_session_get(ctl, s->node, ID, &info), 0);
	check_is(info.n_keys, 2);
	check(!memcmp(info.keys[0].secret, zero, sizeof(zero)));
	check(!memcmp(info.keys[1].secret, zero, sizeof(zero)));
	check_is(stt_ctl_subscribe(ctl), 0);
	return true;
}

static bool may_look(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check(as_user(USER_NOBODY, look, &d.k));
	return true;
}

#define GROUP 4711

static int open_to(struct stt_ctl *ctl, const struct side *s, uint32_t gid)
{
	struct stt_node_info set = { .id = s->node, .has_gid = true, .gid = gid };

	return stt_ctl_node_set(ctl, &set);
}

/* A member of the group uses the node, but changes nothing. */
static bool member(void *arg)
{
	struct duo *d = arg;
	struct sockaddr_stt hs = stt_at(&d->k, 0, 0), to = stt_at(&d->k, ID, 0);
	int fd = stt_connected(&d->k, ID, 5);
	struct stt_ctl *ctl;
	struct frame f;
	uint8_t buf[FRAME_MAX];

	check(fd >= 0);
	check_is(send(fd, "out", 3, 0), 3);
	check(peer_recv(&d->p, &f, buf, NULL));
	check(f.stream == 5 && f.len == 3 && !memcmp(f.payload, "out", 3));
	check(peer_send(&d->p, "in", 2));
	check(receives(fd, "in", 2));
	fd = stt_socket(d->k.path, 0);
	check_is(stt_send_at(fd, "x", 1, &to), 1);
	hs.sstt_type = STT_MSG_HANDSHAKE;
	check_fails(stt_bind_at(fd, &hs), EACCES);
	check(ctl_open(&ctl, d->k.path, 0));
	check_is(open_to(ctl, &d->k, GROUP), -EACCES);
	return all_refused(ctl, &d->k);
}

static bool still_bound(void *arg)
{
	return send(*(int *)arg, "y", 1, 0) == 1;
}

static bool group(int arg)
{
	struct stt_node_info info;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	drop(d.fd);
	check_is(stt_ctl_node_get(d.k.ctl, d.k.node, &info), 0);
	check(!info.has_gid);
	check(as_member(USER_OTHER, GROUP, foreign_socket, &d.k));
	check_is(open_to(d.k.ctl, &d.k, GROUP), 0);
	check_is(stt_ctl_node_get(d.k.ctl, d.k.node, &info), 0);
	check(info.has_gid && info.gid == GROUP);
	check(as_member(USER_OTHER, GROUP, member, &d));
	/* Nobody else, and no other group. */
	check(as_user(USER_NOBODY, foreign_socket, &d.k));
	check(as_member(USER_OTHER, GROUP + 1, foreign_socket, &d.k));
	return true;
}

static bool group_ends(int arg)
{
	struct stt_node_info info;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check_is(open_to(d.k.ctl, &d.k, GROUP), 0);
	check_is(open_to(d.k.ctl, &d.k, STT_GID_NONE), 0);
	check_is(stt_ctl_node_get(d.k.ctl, d.k.node, &info), 0);
	check(!info.has_gid);
	check(as_member(USER_OTHER, GROUP, foreign_socket, &d.k));
	check(as_member(USER_OTHER, GROUP, still_bound, &d.fd));
	return true;
}

/* In a user namespace that has one group, which is 0 there. */
static bool one_group(void *arg)
{
	struct stt_node_info info;
	struct side s;

	(void)arg;
	check(side_open(&s, PATH_V4, 0));
	check(userns_enter(0));
	check(userns_map_gid(USER_NOBODY));
	check_is(open_to(s.ctl, &s, GROUP), -EINVAL);
	check(strstr(stt_errmsg(), "no such group in the caller's user namespace"));
	check_is(open_to(s.ctl, &s, USER_NOBODY), -EINVAL);
	check_is(stt_ctl_node_get(s.ctl, s.node, &info), 0);
	check(!info.has_gid);
	check_is(open_to(s.ctl, &s, 0), 0);
	check_is(stt_ctl_node_get(s.ctl, s.node, &info), 0);
	check(info.has_gid && info.gid == USER_NOBODY);
	return true;
}

static bool group_unmapped(int arg)
{
	(void)arg;
	check(enter(PATH_V4, 0));
	check(userns_on());
	return as_user(USER_NOBODY, one_group, NULL);
}

/* All that there is, without any privilege. */
static bool echo(void *arg)
{
	struct stt_node_info info;
	struct sides l;
	int a, b;

	check(sides_open(&l, PATH_LO4, ID));
	check_is(stt_ctl_node_get(l.a.ctl, l.a.node, &info), 0);
	check_is(info.uid, *(uid_t *)arg);
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	for (int i = 0; i < 10; i++) {
		check_is(send(a, &i, sizeof(i), 0), sizeof(i));
		check(receives(b, &i, sizeof(i)));
		check_is(send(b, &i, sizeof(i), 0), sizeof(i));
		check(receives(a, &i, sizeof(i)));
	}
	check_is(side_key(&l.a, ID, STT_DIRECTION_TX, 1), 0);
	check_is(stt_ctl_key_del(l.a.ctl, l.a.node, ID, 1, STT_DIRECTION_TX), 0);
	check_is(stt_ctl_session_del(l.a.ctl, l.a.node, ID, 0), 0);
	check_is(stt_ctl_node_del(l.a.ctl, l.a.node, 0), 0);
	return true;
}

static bool own_node(int arg)
{
	uid_t uid = USER_NOBODY;

	(void)arg;
	check(enter(PATH_LO4, 0));
	return as_user(uid, echo, &uid);
}

/* A node of one user, which another and then root tries to use. */
struct tenant {
	struct side s;
	int ready[2], done[2];
};

static bool tenant_main(void *arg)
{
	struct tenant *t = arg;
	char c;

	close(t->done[1]);
	check(side_open(&t->s, PATH_V4, 0));
	check_is(side_session(&t->s, ID, &t->s.addr), 0);
	check_is(write(t->ready[1], &t->s, sizeof(t->s)), sizeof(t->s));
	return read(t->done[0], &c, 1) == 0;
}

static bool tenant_used(struct tenant *t)
{
	struct side s;
	int fd;

	close(t->ready[1]);
	close(t->done[0]);
	check_is(read(t->ready[0], &s, sizeof(s)), sizeof(s));
	check(as_user(USER_OTHER, foreign_socket, &s));
	check(as_user(USER_OTHER, foreign_netlink, &s));
	/* CAP_NET_ADMIN overrides. */
	check(ctl_open(&s.ctl, PATH_V4, 0));
	fd = stt_bound(&s, STT_SESSION_ANY);
	check(fd >= 0);
	check_is(side_key(&s, ID, STT_DIRECTION_TX, 1), 0);
	check_is(stt_ctl_node_del(s.ctl, s.node, 0), 0);
	return true;
}

static bool two_users(int arg)
{
	struct tenant t;
	int status;
	pid_t pid;
	bool ok;

	(void)arg;
	check(enter(PATH_V4, 0));
	check(!pipe(t.ready) && !pipe(t.done));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		ok = become(USER_NOBODY) && tenant_main(&t);
		fflush(stdout);
		_exit(!ok);
	}
	ok = tenant_used(&t);
	close(t.done[1]);
	close(t.ready[0]);
	check_is(waitpid(pid, &status, 0), pid);
	check(ok && WIFEXITED(status) && !WEXITSTATUS(status));
	return true;
}

static const struct test tests[] = {
	{ "A35 bind, connect, send on another's node: EACCES", no_socket, 0 },
	{ "A35 netlink changes nothing of another's node: EACCES", no_netlink, 0 },
	{ "A35 nor by a netlink socket that the owner opened", lent_socket, 0 },
	{ "A35 nor does the owner by a socket that another opened", handed_socket, 0 },
	{ "A35 nor is a node made by a socket that another opened", handed_for_new, 0 },
	{ "A35 looking is free, without secrets", may_look, 0 },
	{ "A35 a group may use a node, and change nothing", group, 0 },
	{ "A35 a group that a node was taken back from", group_ends, 0 },
	{ "A35 a group that the caller's user namespace does not know", group_unmapped, 0 },
	{ "A35 an unprivileged user runs two nodes and an echo", own_node, 0 },
	{ "A35 two users, and CAP_NET_ADMIN overrides", two_users, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
