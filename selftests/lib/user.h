/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of a test that run as another user. */
#ifndef SELFTESTS_USER_H
#define SELFTESTS_USER_H

#include <stdbool.h>
#include <sys/types.h>

#define USER_NOBODY 65534
#define USER_OTHER 12345

/* Give up root for good: no groups, no capabilities. */
bool become(uid_t uid);
/* The same with one supplementary group. */
bool become_member(uid_t uid, gid_t group);

/* Run fn(arg) as another user, in a process of its own. Returns what it returned. */
bool as_user(uid_t uid, bool (*fn)(void *arg), void *arg);
bool as_member(uid_t uid, gid_t group, bool (*fn)(void *arg), void *arg);

/* Everybody may make user namespaces, also where the system had that off. */
bool userns_on(void);
/* Enter a new one, which maps nobody yet; @flags: what else unshare() shall do. */
bool userns_enter(int flags);
/* Who is @id outside is 0 in there; nobody else is mapped. For who was @id. */
bool userns_map_uid(uid_t id);
bool userns_map_gid(gid_t id);

#endif /* SELFTESTS_USER_H */
