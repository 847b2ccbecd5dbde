// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stt-ip.h"

#define NETNS_DIR "/run/netns"

int netns_enter(const char *name)
{
	char path[PATH_MAX];
	int fd, ret;

	if (!*name || strchr(name, '/') || strlen(name) > NAME_MAX)
		return failed("\"%s\" cannot be the name of a network namespace", name);
	snprintf(path, sizeof(path), "%s/%s", NETNS_DIR, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return failed("there is no network namespace \"%s\": \"ip netns\" lists them", name);
	if (fd < 0)
		return failed("cannot open network namespace \"%s\": %s", name, strerror(errno));
	ret = setns(fd, CLONE_NEWNET);
	if (ret < 0 && errno == EPERM)
		failed("cannot enter network namespace \"%s\": only root may", name);
	else if (ret < 0)
		failed("cannot enter network namespace \"%s\": %s", name, strerror(errno));
	close(fd);
	return ret < 0 ? STATUS_SYSTEM : STATUS_OK;
}
