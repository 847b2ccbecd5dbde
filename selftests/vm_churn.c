// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/module.c */
/*
 * Ends under traffic, $CHURN times each (10 if that is not set): the module is
 * removed and inserted, a process is killed, a network namespace goes with all
 * that is in it, while messages, requests and heartbeats are on their way.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/module.h"
#include "lib/peer.h"

#define ID 0xc4042ULL
#define HEARTBEAT_MS 1000	/* no peer dies because the machine is slow */
#define HERE "stt_here"
#define THERE "stt_there"

static unsigned int rounds = 10;
static pid_t victim;		/* the one that lives, or 0 */

static void rest(unsigned int us)
{
	const struct timespec pause = { .tv_nsec = us * 1000L };

	nanosleep(&pause, NULL);
}

static void reap(void *arg)
{
	pid_t pid = (intptr_t)arg;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool at_round(unsigned int n)
{
	printf("# round %u\n", n);
	return false;
}

static void victim_end(void *arg)
{
	(void)arg;
	if (victim > 0)
		reap((void *)(intptr_t)victim);
	victim = 0;
}

/* ------------------------------------------------------------------------ */
/* A process that is to be killed: a node, its sockets, threads on them     */

struct victim {
	struct side s;
	int fd;
	struct worker senders[2], reader, requester;
};

static long send_always(void *arg)
{
	static const char text[1000];
	const struct victim *v = arg;

	for (unsigned int n = 0;; n++) {
		send(v->fd, text, n % sizeof(text), MSG_DONTWAIT);
		if (n % 16 == 0)
			rest(200);
	}
	return 0;
}

static long read_always(void *arg)
{
	const struct victim *v = arg;
	char buf[2000];

	for (;;)
		if (recv(v->fd, buf, sizeof(buf), 0) < 0)
			rest(200);
	return 0;
}

static int see_session(const struct stt_session_info *s, void *arg)
{
	(void)s;
	(void)arg;
	return 0;
}

static long request_always(void *arg)
{
	struct victim *v = arg;
	struct stt_session_info info;

	for (uint64_t id = ID + 1;; id = ID + 1 + (id - ID) % 8) {
		if (stt_ctl_session_get(v->s.ctl, v->s.node, ID, &info))
			rest(200);
		side_session(&v->s, id, &info.peer);
		stt_ctl_session_dump(v->s.ctl, 0, see_session, NULL);
		stt_ctl_session_del(v->s.ctl, v->s.node, id, 0);
	}
	return 0;
}

/* Does not return. @say: where to write the port of its node. */
static bool victim_run(enum path path, const char *text, const union stt_addr *peer, int say)
{
	static struct victim v;
	uint32_t heartbeat = HEARTBEAT_MS;

	v.s.path = path;
	v.s.udp = udp_open_at(path, 0, text, &v.s.addr);
	check(v.s.udp >= 0);
	check_is(stt_ctl_open(&v.s.ctl), 0);
	check_is(stt_ctl_node_new(v.s.ctl, v.s.udp, &heartbeat, &v.s.node), 0);
	check_is(side_session(&v.s, ID, peer), 0);
	v.fd = stt_connected(&v.s, ID, 0);
	check(v.fd >= 0);
	check(worker_start(&v.senders[0], send_always, &v));
	check(worker_start(&v.senders[1], send_always, &v));
	check(worker_start(&v.reader, read_always, &v));
	check(worker_start(&v.requester, request_always, &v));
	check_is(write(say, &v.s.addr.in.sin_port, 2), 2);
	for (;;)
		pause();
}

/* ------------------------------------------------------------------------ */
/* Those who stay                                                           */

/* The other side of a victim. */
static bool witness_open(struct side *s, enum path path, const char *text)
{
	uint32_t heartbeat = HEARTBEAT_MS;

	*s = (struct side) { .path = path, .end = 1 };
	s->udp = udp_open_at(path, 1, text, &s->addr);
	check(s->udp >= 0);
	check(ctl_open(&s->ctl, path, 1));
	check_is(stt_ctl_node_new(s->ctl, s->udp, &heartbeat, &s->node), 0);
	return true;
}

/* Messages to the victim and from it for so long. */
static bool traffic(int fd, unsigned int ms)
{
	static char text[1000];
	uint64_t until = now_ms() + ms;

	do {
		for (int i = 0; i < 16; i++)
			send(fd, text, sizeof(text), MSG_DONTWAIT);
		while (recv(fd, text, sizeof(text), MSG_DONTWAIT) >= 0)
			;
		rest(200);
	} while (now_ms() < until);
	return true;
}

/* At least one message has come from the victim: it is really at work. */
static bool victim_works(int fd)
{
	char c;

	check(recv(fd, &c, 1, 0) >= 0);
	return true;
}

/* ------------------------------------------------------------------------ */
/* The module                                                               */

/* Good frames to where a node is now and then. */
static void __attribute__((noreturn)) hammer_wire(struct peer *p)
{
	for (;;) {
		for (int i = 0; i < 16; i++)
			peer_send(p, "knock knock", 11);
		rest(1000);
	}
}

/*
 * Requests and sockets, whether the module is there or not. A socket holds the
 * module until a grace period after its end: they must be rare.
 */
static void __attribute__((noreturn)) hammer_calls(int family)
{
	struct sockaddr_stt addr = { .sstt_family = family, .sstt_flags = STT_ADDR_STREAM_ANY };
	struct stt_info info;
	struct stt_ctl *ctl;

	for (uint32_t n = 1;; n++) {
		int fd = n % 32 ? -1 : socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		addr.sstt_node = n % 4 + 1;
		if (fd >= 0) {
			stt_bind_at(fd, &addr);
			close(fd);
		}
		if (!stt_ctl_open(&ctl)) {
			stt_ctl_info(ctl, &info);
			stt_ctl_session_dump(ctl, 0, see_session, NULL);
			stt_ctl_close(ctl);
		}
		rest(5000);
	}
}

static bool hammers_start(struct peer *p)
{
	int family = stt_family();
	pid_t pid = fork();

	if (!pid)
		hammer_wire(p);
	check(pid > 0);
	at_end(reap, (void *)(intptr_t)pid);
	pid = fork();
	if (!pid)
		hammer_calls(family);
	check(pid > 0);
	at_end(reap, (void *)(intptr_t)pid);
	return true;
}

static bool use_module(const struct peer *p, uint16_t port)
{
	const struct timeval tv = { .tv_sec = 5 };
	union stt_addr addr = addr_of("127.0.0.1", port);
	struct side s = { .path = PATH_LO4 };
	int fd;

	s.udp = keep(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	check_is(bind(s.udp, &addr.sa, sizeof(addr.in)), 0);
	check_is(stt_ctl_open(&s.ctl), 0);
	check_is(stt_ctl_node_new(s.ctl, s.udp, NULL, &s.node), 0);
	check_is(side_session(&s, ID, &p->addr), 0);
	fd = stt_connected(&s, ID, 0);
	check(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	check(victim_works(fd));
	check_is(send(fd, "who is there", 12, 0), 12);
	stt_ctl_close(s.ctl);
	/* Now the one goes first, now the other. */
	drop(port % 2 ? fd : s.udp);
	drop(port % 2 ? s.udp : fd);
	return true;
}

static bool module_churn(int arg)
{
	struct peer p;
	uint16_t port;

	(void)arg;
	suite_all_cpus();
	check(peer_open(&p, PATH_LO4, 1));
	port = ntohs(p.addr.in.sin_port) ^ 1;
	p.to = addr_of("127.0.0.1", port);
	p.session = ID;
	check(hammers_start(&p));
	for (unsigned int n = 0; n < rounds; n++)
		check((use_module(&p, port) && !module_remove() && !module_insert()) ||
		      at_round(n));
	return true;
}

/* ------------------------------------------------------------------------ */
/* A process                                                                */

/* A victim in namespace a; @addr: where its node is. */
static bool victim_start(const struct side *witness, union stt_addr *addr)
{
	uint16_t port;
	int say[2];

	check(!pipe(say));
	victim = fork();
	if (!victim) {
		if (enter(PATH_V4, 0))
			victim_run(PATH_V4, env("NS_A4"), &witness->addr, say[1]);
		_exit(1);
	}
	close(say[1]);
	check(victim > 0);
	check_is(read(say[0], &port, sizeof(port)), sizeof(port));
	close(say[0]);
	*addr = addr_of(env("NS_A4"), ntohs(port));
	return true;
}

static bool victim_kill(void)
{
	check_is(kill(victim, SIGKILL), 0);
	check_is(waitpid(victim, NULL, 0), victim);
	victim = 0;
	return true;
}

static bool kill_round(struct side *witness, struct stt_ctl *ctl, unsigned int ms)
{
	struct stt_info info;
	union stt_addr addr;
	int fd;

	check(victim_start(witness, &addr));
	check_is(side_session(witness, ID, &addr), 0);
	fd = stt_connected(witness, ID, 0);
	check(fd >= 0 && victim_works(fd));
	check(traffic(fd, ms));
	check(victim_kill());
	check_is(stt_ctl_info(ctl, &info), 0);
	check_is(info.nodes, 0);
	check_is(info.sessions, 0);
	check(traffic(fd, 2));
	drop(fd);
	check_is(stt_ctl_session_del(witness->ctl, witness->node, ID, 0), 0);
	return true;
}

static bool process_churn(int arg)
{
	struct side witness;
	struct stt_ctl *ctl;

	(void)arg;
	suite_all_cpus();
	at_end(victim_end, NULL);
	check(ctl_open(&ctl, PATH_V4, 0));
	check(witness_open(&witness, PATH_V4, env("NS_B4")));
	for (unsigned int n = 0; n < rounds; n++)
		check(kill_round(&witness, ctl, n * 7 % 23) || at_round(n));
	return true;
}

/* ------------------------------------------------------------------------ */
/* A network namespace                                                      */

/* A veth pair between here and the namespace of a process. */
static bool veth_make(pid_t pid)
{
	char buf[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct nlattr *info, *data, *peer;
	bool ok;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, HERE);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, THERE);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_PID, pid);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);

	ok = nl && mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0 &&
	     mnl_socket_recvfrom(nl, buf, sizeof(buf)) > 0 &&
	     !((struct nlmsgerr *)mnl_nlmsg_get_payload((struct nlmsghdr *)buf))->error;
	if (nl)
		mnl_socket_close(nl);
	return ok;
}

static bool link_up(const char *name, const char *text)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in addr = addr_of(text, 0).in, mask = addr_of("255.255.255.0", 0).in;
	struct ifreq ifr = { 0 };
	bool ok;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	memcpy(&ifr.ifr_addr, &addr, sizeof(addr));
	ok = !ioctl(fd, SIOCSIFADDR, &ifr);
	memcpy(&ifr.ifr_netmask, &mask, sizeof(mask));
	ok = ok && !ioctl(fd, SIOCSIFNETMASK, &ifr);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	ok = ok && !ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return ok;
}

/* In a process of its own: a namespace, then a node in it. */
static void __attribute__((noreturn)) inmate_run(const union stt_addr *peer, int hear, int say)
{
	char c = 0;

	if (!unshare(CLONE_NEWNET) && write(say, &c, 1) == 1 && read(hear, &c, 1) == 1 &&
	    link_up(THERE, "10.78.0.2"))
		victim_run(PATH_LO4, "0.0.0.0", peer, say);
	_exit(1);
}

static bool inmate_start(const union stt_addr *peer, union stt_addr *addr)
{
	int hear[2], say[2];
	uint16_t port;
	char c;

	check(!pipe(hear) && !pipe(say));
	victim = fork();
	if (!victim)
		inmate_run(peer, hear[0], say[1]);
	close(hear[0]);
	close(say[1]);
	check(victim > 0);
	check_is(read(say[0], &c, 1), 1);
	check(veth_make(victim) && link_up(HERE, "10.78.0.1"));
	check_is(write(hear[1], &c, 1), 1);
	check_is(read(say[0], &port, sizeof(port)), sizeof(port));
	close(hear[1]);
	close(say[0]);
	*addr = addr_of("10.78.0.2", ntohs(port));
	return true;
}

/* The namespace takes its end of the pair with it, and so ours. */
static bool namespace_gone(int fd)
{
	uint64_t until = now_ms() + TIMEOUT_MS;

	while (if_nametoindex(HERE) && now_ms() < until)
		check(traffic(fd, 2));
	check(!if_nametoindex(HERE));
	return true;
}

static bool namespace_round(struct side *witness, unsigned int ms)
{
	union stt_addr peer = addr_of("10.78.0.1", ntohs(witness->addr.in.sin_port)), addr;
	int fd;

	check(inmate_start(&peer, &addr));
	check_is(side_session(witness, ID, &addr), 0);
	fd = stt_connected(witness, ID, 0);
	check(fd >= 0 && victim_works(fd));
	check(traffic(fd, ms));
	check(victim_kill());
	check(namespace_gone(fd));
	drop(fd);
	check_is(stt_ctl_session_del(witness->ctl, witness->node, ID, 0), 0);
	return true;
}

static bool namespace_churn(int arg)
{
	struct side witness;

	(void)arg;
	suite_all_cpus();
	at_end(victim_end, NULL);
	check(witness_open(&witness, PATH_LO4, "0.0.0.0"));
	for (unsigned int n = 0; n < rounds; n++)
		check(namespace_round(&witness, n * 7 % 23) || at_round(n));
	return true;
}

static const struct test tests[] = {
	{ "A4 a process is killed under traffic, again and again", process_churn, 0 },
	{ "A4 a network namespace ends under traffic, again and again", namespace_churn, 0 },
	{ "A4 the module is removed and inserted under traffic, again and again",
	  module_churn, 0 },
	{ "A4 after that the module can be removed", nothing_left, 0 },
};

int main(void)
{
	const char *text = getenv("CHURN");

	if (sodium_init() < 0)
		return 1;
	if (text)
		rounds = strtoul(text, NULL, 10);
	return suite(tests);
}
