// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c selftests/lib/cgroup.c */
/*
 * R26: filters of a cgroup (BPF_PROG_TYPE_CGROUP_SKB; systemd's IPAddressDeny= is
 * one) hold for what a node sends and receives. The cgroup that counts is the
 * one of the process that made the UDP socket.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cgroup.h"
#include "lib/peer.h"

#define ID 0xc6ULL
#define HEARTBEAT 0x13

/* One instruction, as <linux/filter.h> of the kernel's own writes it. */
#define INSN(c, d, s, o, i) \
	((struct bpf_insn) { .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })

static long sys_bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int load(const struct bpf_insn *insns, size_t n)
{
	static char log[4096];
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_SKB;
	attr.expected_attach_type = BPF_CGROUP_INET_EGRESS;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = n;
	attr.license = (uintptr_t)"GPL";
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	fd = keep(sys_bpf(BPF_PROG_LOAD, &attr));
	if (fd < 0)
		printf("# the verifier: %s\n", log);
	return fd;
}

static int load_drop_all(void)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load(insns, ARRAY_SIZE(insns));
}

/* Packets whose word at @off of the IP header is @word do not pass. */
static int load_drop_word(int off, uint32_t word)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, off),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, -8),
		INSN(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_3, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, 4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes),
		INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_10, -8, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_1, 0, 1, word),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load(insns, ARRAY_SIZE(insns));
}

static int attach(int group, int prog, int where, int cmd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = group;
	attr.attach_bpf_fd = prog;
	attr.attach_type = where;
	return sys_bpf(cmd, &attr);
}

/* ------------------------------------------------------------------------ */
/* The group                                                                */

/* A new group, with the caller in it. Returns a descriptor. */
static int group_open(void)
{
	if (!cgroup_new() || !cgroup_join(CGROUP))
		return -1;
	return keep(open(CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* A node whose UDP socket was made in a group of its own; nothing else was. */
static bool caged(struct duo *d, int *group, enum path path, uint32_t heartbeat_ms)
{
	d->id = ID;
	*group = group_open();
	check(*group >= 0);
	check(side_open_heartbeat(&d->k, path, 0, heartbeat_ms));
	check(cgroup_join(CGROUP_ROOT));
	check(peer_open(&d->p, path, 1));
	d->p.to = d->k.addr;
	d->p.session = ID;
	check_is(side_session(&d->k, ID, &d->p.addr), 0);
	d->fd = stt_connected(&d->k, ID, 0);
	check_is(send(d->fd, "free", 4, 0), 4);
	check(peer_hears(&d->p, STT_MSG_DATA, "free", 4));
	return true;
}

/* ------------------------------------------------------------------------ */

/* Nothing goes out: EPERM, counted; the answer to a heartbeat neither. */
static bool out_denied(int path)
{
	struct frame beat;
	int group, prog;
	struct duo d;

	check(caged(&d, &group, path, 0));
	prog = load_drop_all();
	check(prog >= 0);
	check_is(attach(group, prog, BPF_CGROUP_INET_EGRESS, BPF_PROG_ATTACH), 0);
	check_fails(send(d.fd, "caught", 6, 0), EPERM);
	check_fails(sendto(d.k.udp, "caught", 6, 0, &d.p.addr.sa, addr_len(&d.p.addr)), EPERM);
	beat = peer_next(&d.p, NULL, 0);
	beat.kind = HEARTBEAT;
	check(peer_send_frame(&d.p, &beat));
	check(duo_quiet(&d));
	check(is_empty(d.p.fd));
	check_is(session_stat(&d.k, ID, STT_A_STATS_TX_ERRORS), 2);
	check_is(session_stat(&d.k, ID, STT_A_STATS_TX_FRAMES), 1);

	check_is(attach(group, prog, BPF_CGROUP_INET_EGRESS, BPF_PROG_DETACH), 0);
	check_is(send(d.fd, "free", 4, 0), 4);
	check(peer_hears(&d.p, STT_MSG_DATA, "free", 4));
	return true;
}

/* Heartbeats and the goodbye are the module's own; they obey as well. */
static bool own_frames_denied(int path)
{
	struct stt_session_info quiet;
	struct stt_event ev;
	int group, prog;
	struct duo d;
	char c;

	check(caged(&d, &group, path, 100));
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	quiet = session_spec(&d.k, ID + 1, &d.p.addr);
	quiet.has_heartbeat = true;
	check_is(stt_ctl_session_new(d.k.ctl, &quiet), 0);
	prog = load_drop_all();
	check_is(attach(group, prog, BPF_CGROUP_INET_EGRESS, BPF_PROG_ATTACH), 0);
	while (!is_empty(d.p.fd))
		check_is(recv(d.p.fd, &c, 1, 0), 1);
	check(event_of(d.k.ctl, STT_CMD_SESSION_STATE_NTF, &ev));
	check_is(ev.session.id, ID);
	check_is(ev.session.state, STT_SESSION_STATE_DEAD);
	check_is(side_get(&d.k, ID + 1).state, STT_SESSION_STATE_ACTIVE);
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	check(is_empty(d.p.fd));
	return true;
}

/* The filter sees the IP header: one address is denied, another is not. */
static bool address_denied(int path)
{
	struct peer local;
	int group, prog, fd, off;
	uint32_t word;
	struct duo d;

	check(caged(&d, &group, path, 0));
	/* The word in which the two addresses differ; end 0 has both. */
	if (path == PATH_V6) {
		memcpy(&word, (char *)&d.p.addr.in6.sin6_addr + 12, 4);
		off = 24 + 12;
	} else {
		word = d.p.addr.in.sin_addr.s_addr;
		off = 16;
	}
	prog = load_drop_word(off, word);
	check(prog >= 0);
	check_is(attach(group, prog, BPF_CGROUP_INET_EGRESS, BPF_PROG_ATTACH), 0);
	check_fails(send(d.fd, "caught", 6, 0), EPERM);

	check(peer_open(&local, path, 0));
	local.session = ID + 1;
	local.end = 1;
	check_is(side_session(&d.k, ID + 1, &local.addr), 0);
	fd = stt_connected(&d.k, ID + 1, 0);
	check_is(send(fd, "free", 4, 0), 4);
	check(peer_hears(&local, STT_MSG_DATA, "free", 4));
	return true;
}

/* Whoever sends: the group of the AF_STT socket is not asked. */
static bool group_of_sender(int path)
{
	static uint8_t buf[FRAME_MAX];
	struct sockaddr_stt to;
	int group, prog, fd;
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	group = group_open();
	check(group >= 0);
	fd = stt_socket(path, 0);
	to = stt_at(&d.k, ID, 5);
	check_is(stt_connect_at(fd, &to), 0);
	prog = load_drop_all();
	check_is(attach(group, prog, BPF_CGROUP_INET_EGRESS, BPF_PROG_ATTACH), 0);
	check_is(send(fd, "free", 4, 0), 4);
	check_is(send(d.fd, "free", 4, 0), 4);
	check(peer_recv(&d.p, &f, buf, NULL));
	check_is(f.stream, 5);
	check(peer_hears(&d.p, STT_MSG_DATA, "free", 4));
	return true;
}

static bool in_denied(int path)
{
	int group, prog;
	struct duo d;

	check(caged(&d, &group, path, 0));
	prog = load_drop_all();
	check_is(attach(group, prog, BPF_CGROUP_INET_INGRESS, BPF_PROG_ATTACH), 0);
	check(peer_send(&d.p, "caught", 6));
	check(is_empty(d.fd));
	check_is(session_stat(&d.k, ID, STT_A_STATS_RX_FRAMES), 0);
	check_is(attach(group, prog, BPF_CGROUP_INET_INGRESS, BPF_PROG_DETACH), 0);
	return duo_quiet(&d);
}

static const struct test tests[] = {
	{ "R26 a cgroup that lets nothing out: EPERM, IPv4", out_denied, PATH_V4 },
	{ "R26 a cgroup that lets nothing out: EPERM, IPv6", out_denied, PATH_V6 },
	{ "R26 heartbeats and goodbyes obey it too", own_frames_denied, PATH_V4 },
	{ "R26 a cgroup that denies one address, IPv4", address_denied, PATH_V4 },
	{ "R26 a cgroup that denies one address, IPv6", address_denied, PATH_V6 },
	{ "R26 the cgroup of the UDP socket counts", group_of_sender, PATH_V4 },
	{ "R26 a cgroup that lets nothing in, IPv4", in_denied, PATH_V4 },
	{ "R26 a cgroup that lets nothing in, IPv6", in_denied, PATH_V6 },
};

/* A cgroup2 file system, and a kernel that filters with it. */
static const char *missing(void)
{
	union bpf_attr attr;

	if (!cgroup_there())
		return "no cgroup2 in " CGROUP_ROOT;
	memset(&attr, 0, sizeof(attr));
	if (sys_bpf(BPF_PROG_LOAD, &attr) < 0 && errno == ENOSYS)
		return "the kernel has no bpf()";
	attr.target_fd = -1;
	attr.attach_type = BPF_CGROUP_INET_EGRESS;
	if (sys_bpf(BPF_PROG_DETACH, &attr) < 0 && errno == EINVAL)
		return "the kernel has no filters of cgroups";
	return NULL;
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (missing()) {
		printf("1..0 # SKIP %s\n", missing());
		return 0;
	}
	return suite(tests);
}
