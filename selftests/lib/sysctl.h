/* SPDX-License-Identifier: GPL-2.0-only */
/* Sysctls net.stt of the caller's network namespace. */
#ifndef SELFTESTS_SYSCTL_H
#define SELFTESTS_SYSCTL_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "suite.h"

static inline int sysctl_open(const char *name, int flags)
{
	char path[100];

	snprintf(path, sizeof(path), "/proc/sys/net/stt/%s", name);
	return keep(open(path, flags | O_CLOEXEC));
}

static inline bool sysctl_set(const char *name, long long value)
{
	char text[32];
	int fd = sysctl_open(name, O_WRONLY);
	int len = snprintf(text, sizeof(text), "%lld\n", value);

	return fd >= 0 && write(fd, text, len) == len;
}

static inline long long sysctl_get(const char *name)
{
	char text[32] = "";
	int fd = sysctl_open(name, O_RDONLY);

	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? atoll(text) : -1;
}

#endif /* SELFTESTS_SYSCTL_H */
