/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations and copies that fail on demand, on a kernel with fault injection.
 * fault_arm(n) has the n-th one of this thread fail, fault_disarm() says
 * whether it came to that. fault_anywhere() reaches softirq, too.
 */
#ifndef SELFTESTS_FAULT_H
#define SELFTESTS_FAULT_H

#include <stdbool.h>

enum fault_kind {
	FAULT_ALLOC,		/* slab and pages */
	FAULT_COPY,		/* from and to user memory */
};

/* Can this kernel do it? Also prepares all, for the thread that calls it. */
bool fault_open(void);
/* Which kind fails; others neither fail nor count. */
bool fault_select(enum fault_kind kind);
/* Only what is called by this function of the kernel, or by the module. */
bool fault_only_in(const char *symbol);
/* Not what is called by this one, which has bugs of its own. */
bool fault_not_in(const char *symbol);
bool fault_only_in_module(void);
void fault_arm(unsigned int n);
bool fault_disarm(void);
/* The n-th slab allocation of the module fails, once, whoever it is for. */
bool fault_anywhere(unsigned int n);
bool fault_nowhere(void);

#endif /* SELFTESTS_FAULT_H */
