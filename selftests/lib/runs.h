/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SELFTESTS_RUNS_H
#define SELFTESTS_RUNS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * @fd, which has STT_GRO, receives @n bytes, in runs of whole messages of @size,
 * which a cmsg tells; and then no more. @calls: how many calls it took.
 */
bool comes_in_runs(int fd, const void *bytes, size_t n, size_t size, unsigned int *calls);

#endif /* SELFTESTS_RUNS_H */
