/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page of memory that is not there yet: a system call that reads it sleeps in
 * the kernel, with the locks that it has, until the test says what the page
 * holds. With that, races happen when the test wants them to.
 */
#ifndef SELFTESTS_LATE_PAGE_H
#define SELFTESTS_LATE_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct late_page {
	void *page;
	size_t size;
	int uffd;
};

/* A new one until the end of the test. NULL: the kernel has no userfaultfd. */
struct late_page *late_page_open(void);
/* Wait until something sleeps on it; false: nothing did within five seconds. */
bool late_page_wait(const struct late_page *late);
/* The page is there now, begins with these bytes and goes on with zeros. */
bool late_page_fill(const struct late_page *late, const void *bytes, size_t len);

#endif /* SELFTESTS_LATE_PAGE_H */
