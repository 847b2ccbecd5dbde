// SPDX-License-Identifier: GPL-2.0-only
/* Other users, see user.h. */
#include <grp.h>
#include <stdio.h>
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
