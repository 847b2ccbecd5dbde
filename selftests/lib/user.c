// SPDX-License-Identifier: GPL-2.0-only
/* Other users, see user.h. */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "user.h"

static bool become_with(uid_t uid, const gid_t *groups, size_t n)
{
	check(!setgroups(n, groups));
	check(!setresgid(uid, uid, uid));
	check(!setresuid(uid, uid, uid));
	return true;
}

bool become(uid_t uid)
{
	return become_with(uid, NULL, 0);
}

bool become_member(uid_t uid, gid_t group)
{
	return become_with(uid, &group, 1);
}

static bool run_as(uid_t uid, const gid_t *groups, size_t n, bool (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		bool ok = become_with(uid, groups, n) && fn(arg);

		fflush(stdout);
		_exit(!ok);
	}
	check_is(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

bool as_user(uid_t uid, bool (*fn)(void *arg), void *arg)
{
	return run_as(uid, NULL, 0, fn, arg);
}

bool as_member(uid_t uid, gid_t group, bool (*fn)(void *arg), void *arg)
{
	return run_as(uid, &group, 1, fn, arg);
}

static bool put_text(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	check(fd >= 0);
	n = write(fd, text, strlen(text));
	close(fd);
	check_is(n, strlen(text));
	return true;
}

bool userns_on(void)
{
	const char *file = "/proc/sys/kernel/unprivileged_userns_clone";

	/* Debian's switch; other kernels have none. */
	return access(file, F_OK) || put_text(file, "1\n");
}

bool userns_enter(int flags)
{
	/* Who gave up root has no say in its own /proc without this. */
	check(!prctl(PR_SET_DUMPABLE, 1));
	check(!unshare(CLONE_NEWUSER | flags));
	return true;
}

static bool map_zero(const char *file, unsigned int id)
{
	char text[40];

	snprintf(text, sizeof(text), "0 %u 1\n", id);
	return put_text(file, text);
}

bool userns_map_uid(uid_t id)
{
	return map_zero("/proc/self/uid_map", id);
}

bool userns_map_gid(gid_t id)
{
	return put_text("/proc/self/setgroups", "deny\n") && map_zero("/proc/self/gid_map", id);
}
