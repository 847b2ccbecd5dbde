/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For test programs that run alone, without a script: the exit codes of
 * kselftest, and a network namespace of their own.
 */
#ifndef SELFTESTS_KSFT_H
#define SELFTESTS_KSFT_H

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define KSFT_PASS	0
#define KSFT_FAIL	1
#define KSFT_SKIP	4

/* Ends the program, before any point: nothing can be tested here. */
static inline __attribute__((noreturn)) void ksft_skip_all(const char *reason)
{
	printf("1..0 # SKIP %s\n", reason);
	exit(KSFT_SKIP);
}

static inline int ksft_loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return ret;
}

/* A network namespace with nothing but loopback; also for ordinary users, if they may. */
static inline void ksft_own_netns(void)
{
	if (unshare(CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0)))
		ksft_skip_all("no network namespace of its own: not root, or not permitted");
	if (ksft_loopback_up()) {
		printf("Bail out! loopback does not come up: %s\n", strerror(errno));
		exit(KSFT_FAIL);
	}
}

#endif /* SELFTESTS_KSFT_H */
