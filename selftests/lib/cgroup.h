/* SPDX-License-Identifier: GPL-2.0-only */
/* A control group (version 2) for processes of a test. */
#ifndef SELFTESTS_CGROUP_H
#define SELFTESTS_CGROUP_H

#include <stdbool.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP CGROUP_ROOT "/stt-selftest"

/* Is a cgroup2 file system there? */
bool cgroup_there(void);
/* A new group, until the end of the test; whoever is in it then goes to the root. */
bool cgroup_new(void);
/* The caller goes to a group. */
bool cgroup_join(const char *group);
/* Files of the new group. Numbers only; -1: it cannot be read. */
bool cgroup_write(const char *file, const char *text);
long long cgroup_read(const char *file);

#endif /* SELFTESTS_CGROUP_H */
