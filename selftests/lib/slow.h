/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * By how much this kernel is slower than a stock one: STT_SLOW in the
 * environment, 1 without it. A test multiplies what is an upper limit by it.
 */
#ifndef SELFTESTS_SLOW_H
#define SELFTESTS_SLOW_H

#include <stdlib.h>

static inline unsigned int slow(void)
{
	const char *factor = getenv("STT_SLOW");
	int n = factor ? atoi(factor) : 1;

	return n > 1 ? n : 1;
}

#endif /* SELFTESTS_SLOW_H */
