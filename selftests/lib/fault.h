/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page of memory that is not there yet: a system call that reads it sleeps in
 * the kernel, with the locks that it has, until the test says what the page
 * holds. With that, races happen when the test wants them to.
 */
#ifndef SELFTESTS_FAULT_H
#define SELFTESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

struct fault {
	void *page;
	size_t size;
	int uffd;
};

/* A new one until the end of the test. NULL: the kernel has no userfaultfd. */
struct fault *fault_open(void);
/* Wait until something sleeps on it; false: nothing did within five seconds. */
bool fault_wait(const struct fault *f);
/* The page is there now, begins with these bytes and goes on with zeros. */
bool fault_fill(const struct fault *f, const void *bytes, size_t len);

#endif /* SELFTESTS_FAULT_H */
