/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test program is a table of functions, one TAP point each. A function
 * returns true when all its checks held; the first that does not ends it and is
 * shown. What at_end() and keep() were told
 * is undone behind it, whatever happened.
 *
 * The program stays on one CPU: what it sends to itself over veth or loopback
 * then arrives in the order of sending, so a good frame behind a bad one proves
 * that the bad one was not delivered.
 */
#ifndef SELFTESTS_SUITE_H
#define SELFTESTS_SUITE_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct test {
	const char *text;		/* begins with the id of the scenario */
	bool (*fn)(int arg);
	int arg;
};

/* Run all, return the exit status. */
int suite_run(const struct test *tests, size_t n);
#define suite(tests) suite_run(tests, ARRAY_SIZE(tests))

void check_failed(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define check(cond)								\
	do {									\
		if (!(cond)) {							\
			check_failed(__FILE__, __LINE__, "%s", #cond);		\
			return false;						\
		}								\
	} while (0)

/* Two numbers are equal. */
#define check_is(got, wanted)							\
	do {									\
		long long got_ = (got), wanted_ = (wanted);			\
										\
		if (got_ != wanted_) {						\
			check_failed(__FILE__, __LINE__, "%s is %lld, not %lld", \
				     #got, got_, wanted_);			\
			return false;						\
		}								\
	} while (0)

/* A system call fails with this errno. */
#define check_fails(call, err)							\
	do {									\
		long long ret_ = (call);					\
		int err_ = ret_ < 0 ? errno : 0;				\
										\
		if (err_ != (err)) {						\
			check_failed(__FILE__, __LINE__, "%s: %lld, errno %d, not %d", \
				     #call, ret_, err_, (err));			\
			return false;						\
		}								\
	} while (0)

/* `return skip_test(reason)`: the test cannot run here. */
bool skip_test(const char *reason);

/* Call fn(arg) behind the test; what came last is called first. */
void at_end(void (*fn)(void *arg), void *arg);
/* Close @fd behind the test. Returns it. */
int keep(int fd);
/* Close it now. */
void drop(int fd);

/* Milliseconds of the monotonic clock. */
uint64_t now_ms(void);

/* A thread of the test, which fn(arg) runs in. */
struct worker {
	pthread_t thread;
	pid_t tid;
	long (*fn)(void *arg);
	void *arg;
	long result;
	int err;
};

bool worker_start(struct worker *w, long (*fn)(void *arg), void *arg);
/* Wait until it sleeps in the kernel; false: it did not within five seconds. */
bool worker_blocked(const struct worker *w);
/* Wait for its end. Returns what fn returned; w->err is errno after it. */
long worker_join(struct worker *w);

/* recv() of one byte, as a worker; arg points to the socket. */
long block_recv(void *arg);

/* Forget the CPU the program is tied to, for tests of concurrency. */
void suite_all_cpus(void);

#endif /* SELFTESTS_SUITE_H */
