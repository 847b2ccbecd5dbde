// SPDX-License-Identifier: GPL-2.0-only
/* The frame around test programs, see suite.h. */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"
#include "tap.h"

static struct ending {
	void (*fn)(void *arg);
	void *arg;
} *endings;
static size_t n_endings, room_endings;

void at_end(void (*fn)(void *arg), void *arg)
{
	if (n_endings == room_endings) {
		room_endings = room_endings ? 2 * room_endings : 64;
		endings = realloc(endings, room_endings * sizeof(*endings));
		if (!endings)
			tap_bail("no memory");
	}
	endings[n_endings++] = (struct ending) { fn, arg };
}

static const char *skipped;

bool skip_test(const char *reason)
{
	skipped = reason;
	return true;
}

static void close_fd(void *arg)
{
	close((int)(intptr_t)arg);
}

int keep(int fd)
{
	int err = errno;

	if (fd >= 0)
		at_end(close_fd, (void *)(intptr_t)fd);
	errno = err;
	return fd;
}

void drop(int fd)
{
	for (size_t i = n_endings; i-- > 0;) {
		if (endings[i].fn == close_fd && endings[i].arg == (void *)(intptr_t)fd) {
			memmove(&endings[i], &endings[i + 1],
				(--n_endings - i) * sizeof(*endings));
			break;
		}
	}
	close(fd);
}

static void end_all(void)
{
	while (n_endings) {
		n_endings--;
		endings[n_endings].fn(endings[n_endings].arg);
	}
}

void check_failed(const char *file, int line, const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" (errno %d, %s)\n", err, strerror(err));
}

static void one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		tap_bail("sched_setaffinity: %s", strerror(errno));
}

void suite_all_cpus(void)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	sched_setaffinity(0, sizeof(set), &set);
}

int suite_run(const struct test *tests, size_t n)
{
	tap_plan(n);
	one_cpu();
	for (size_t i = 0; i < n; i++) {
		bool good = tests[i].fn(tests[i].arg);

		if (good && skipped)
			tap_skip(tests[i].text, skipped);
		else
			tap_ok(good, "%s", tests[i].text);
		skipped = NULL;
		end_all();
	}
	free(endings);
	endings = NULL;
	return tap_exit();
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	__atomic_store_n(&w->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	w->result = w->fn(w->arg);
	w->err = errno;
	return NULL;
}

bool worker_start(struct worker *w, long (*fn)(void *arg), void *arg)
{
	*w = (struct worker) { .fn = fn, .arg = arg };
	errno = pthread_create(&w->thread, NULL, worker_main, w);
	return !errno;
}

/* State of a thread as in /proc, 0 if it cannot be read. */
static char worker_state(const struct worker *w)
{
	pid_t tid = __atomic_load_n(&w->tid, __ATOMIC_ACQUIRE);
	char path[64], text[256], *end;
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = tid ? fopen(path, "r") : NULL;
	if (!f)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[len] = 0;
	end = strrchr(text, ')');
	return end && end[1] ? end[2] : 0;
}

/* Nothing announces that another thread sleeps: hence the looks. */
bool worker_blocked(const struct worker *w)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	uint64_t until = now_ms() + 5000;

	while (worker_state(w) != 'S') {
		if (now_ms() > until)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

long worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
	return w->result;
}

long block_recv(void *arg)
{
	char c;

	return recv(*(int *)arg, &c, 1, 0);
}
