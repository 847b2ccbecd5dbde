/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TAP for selftests in C. A program announces how many points it has, prints
 * one line a point, and returns tap_exit():
 *
 *	tap_plan(2);
 *	tap_ok(fd >= 0, "A1 the port is open");
 *	tap_skip("A2", "no IPv6 here");
 *	return tap_exit();
 *
 * The text begins with the id of the acceptance scenario. tap_ok() returns its
 * condition. A failed point shows its place and errno as it was before.
 */
#ifndef SELFTESTS_TAP_H
#define SELFTESTS_TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned int tap_planned, tap_run, tap_failed;

static inline void tap_plan(unsigned int points)
{
	tap_planned = points;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%u\n", points);
}

/* A comment; shown, not counted. */
static inline __attribute__((format(printf, 1, 2))) void tap_diag(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static inline __attribute__((format(printf, 4, 5))) bool
tap_point(bool good, const char *file, int line, const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	printf("%sok %u - ", good ? "" : "not ", ++tap_run);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!good) {
		tap_failed++;
		tap_diag("%s:%d: errno %d (%s)", file, line, err, strerror(err));
	}
	errno = err;
	return good;
}

#define tap_ok(condition, ...) \
	tap_point((condition), __FILE__, __LINE__, __VA_ARGS__)

static inline void tap_skip(const char *text, const char *reason)
{
	printf("ok %u - %s # SKIP %s\n", ++tap_run, text, reason);
}

/* Ends the program: nothing more can be tested. */
static inline __attribute__((noreturn, format(printf, 1, 2))) void
tap_bail(const char *fmt, ...)
{
	va_list ap;

	fputs("Bail out! ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

/* The exit status: 0 when every planned point ran and none failed. */
static inline int tap_exit(void)
{
	return tap_failed || tap_run != tap_planned;
}

#endif /* SELFTESTS_TAP_H */
