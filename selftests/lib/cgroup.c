// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cgroup.h"
#include "suite.h"

bool cgroup_there(void)
{
	struct statfs fs;

	return !statfs(CGROUP_ROOT, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static bool write_file(const char *dir, const char *file, const char *text)
{
	char path[200];
	ssize_t ret;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret == (ssize_t)strlen(text);
}

bool cgroup_join(const char *group)
{
	return write_file(group, "cgroup.procs", "0");
}

static void end_group(void *arg)
{
	(void)arg;
	cgroup_join(CGROUP_ROOT);
	rmdir(CGROUP);
}

bool cgroup_new(void)
{
	at_end(end_group, NULL);
	return !mkdir(CGROUP, 0755);
}

bool cgroup_write(const char *file, const char *text)
{
	return write_file(CGROUP, file, text);
}

long long cgroup_read(const char *file)
{
	char path[200], text[40] = "";
	long long value = -1;
	int fd;

	snprintf(path, sizeof(path), CGROUP "/%s", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (read(fd, text, sizeof(text) - 1) > 0)
		value = strtoll(text, NULL, 10);
	close(fd);
	return value;
}
