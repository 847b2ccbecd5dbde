// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c */
/* A35: how many nodes a network namespace may have. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/side.h"

static uint32_t nodes(struct stt_ctl *ctl)
{
	struct stt_info info = { 0 };

	stt_ctl_info(ctl, &info);
	return info.nodes;
}

static bool too_many(int arg)
{
	const uint32_t off = 0;
	struct stt_info info;
	struct rlimit files;
	struct stt_ctl *ctl;
	union stt_addr addr;
	uint32_t id, first = 0;
	int fd = -1;

	(void)arg;
	check(ctl_open(&ctl, PATH_LO4, 0));
	check_is(stt_ctl_info(ctl, &info), 0);
	check_is(info.nodes_max, 4096);
	check_is(info.sessions_max, 1 << 20);
	check_is(info.nodes, 0);
	files.rlim_cur = files.rlim_max = info.nodes_max + 100;
	check_is(setrlimit(RLIMIT_NOFILE, &files), 0);

	for (uint32_t i = 0; i < info.nodes_max; i++) {
		fd = udp_open(PATH_LO4, 0, &addr);
		check_is(stt_ctl_node_new(ctl, fd, &off, &id), 0);
		if (!i)
			first = id;
	}
	check_is(nodes(ctl), info.nodes_max);

	/* One too many, said in a sentence; it changes nothing. */
	fd = udp_open(PATH_LO4, 0, &addr);
	check_is(stt_ctl_node_new(ctl, fd, &off, &id), -ENOSPC);
	check(strstr(stt_errmsg(), "node"));
	printf("# %s\n", stt_errmsg());
	check_is(nodes(ctl), info.nodes_max);

	/* Another namespace has a limit of its own, and what goes makes room. */
	check(ctl_open(&ctl, PATH_V4, 1));
	check_is(nodes(ctl), 0);
	check(ctl_open(&ctl, PATH_LO4, 0));
	check_is(stt_ctl_node_del(ctl, first, 0), 0);
	check_is(stt_ctl_node_new(ctl, fd, &off, &id), 0);
	check_is(nodes(ctl), info.nodes_max);
	return true;
}

static bool all_gone(int arg)
{
	struct stt_ctl *ctl;

	(void)arg;
	check(ctl_open(&ctl, PATH_LO4, 0));
	check_is(nodes(ctl), 0);
	return true;
}

static const struct test tests[] = {
	{ "A35 4,096 nodes in a namespace, and no more: ENOSPC, with a sentence", too_many, 0 },
	{ "A3 they are gone when their sockets are closed", all_gone, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
