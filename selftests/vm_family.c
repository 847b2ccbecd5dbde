// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/module.c */
/*
 * A4: the module comes with the family number that it is told, or not at all;
 * then the kernel's log has the reason, and nothing is left of it.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/module.h"
#include "lib/side.h"

#define ID 0xfaULL
#define FREE_FAMILY AF_NETBEUI		/* for a protocol that never came */

/* From here on, what the kernel logs. */
static int log_open(void)
{
	int fd = keep(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));

	return fd >= 0 && lseek(fd, 0, SEEK_END) >= 0 ? fd : -1;
}

static bool logged(int fd, const char *sentence)
{
	char record[2048];
	ssize_t n;

	/* Each read() gives a record; EPIPE: some were overwritten. */
	while ((n = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (n < 0)
			continue;
		record[n] = 0;
		if (strstr(record, sentence))
			return true;
	}
	return false;
}

static bool session_works(int family)
{
	struct sides l;
	int a, b;

	check_is(stt_family(), family);
	check(sides_open(&l, PATH_V4, ID));
	a = stt_connected(&l.a, ID, 0);
	b = stt_connected(&l.b, ID, 0);
	check_is(send(a, "there", 5, 0), 5);
	check(receives(b, "there", 5));
	check_is(send(b, "back", 4, 0), 4);
	check(receives(a, "back", 4));
	return true;
}

static void insert_again(void *arg)
{
	(void)arg;
	module_remove();
	module_insert();
}

static bool module_gone(void)
{
	at_end(insert_again, NULL);
	check_is(module_remove(), 0);
	return true;
}

/* Does the list of protocols, which is read with their modules' memory, have ours? */
static bool listed(void)
{
	FILE *f = fopen("/proc/net/protocols", "re");
	char line[200];
	bool found = false;

	while (f && fgets(line, sizeof(line), f))
		found |= !strncmp(line, "STT ", 4);
	if (f)
		fclose(f);
	return found;
}

static bool is_refused(const char *params, int err, const char *sentence)
{
	int log = log_open();

	check(log >= 0);
	check_fails(module_insert_with(params), err);
	check(logged(log, sentence));
	check(access("/sys/module/stt", F_OK));
	check(!listed());
	return true;
}

static const struct refusal {
	const char *params, *sentence;
} out_of_range[] = {
	{ "family=0", "stt: family=0 is no family number, use 1 to " },
	{ "family=-1", "stt: family=-1 is no family number, use 1 to " },
	{ "family=1000", "stt: family=1000 is no family number, use 1 to " },
}, taken[] = {
	{ "family=1", "stt: socket family 1 is taken, choose another with family=" },
	{ "family=2", "stt: socket family 2 is taken, choose another with family=" },
	{ "family=16", "stt: socket family 16 is taken, choose another with family=" },
};

static bool all_refused(const struct refusal *r, size_t n, int err)
{
	check(listed());
	check(module_gone());
	for (size_t i = 0; i < n; i++) {
		if (!is_refused(r[i].params, err, r[i].sentence)) {
			printf("# %s\n", r[i].params);
			return false;
		}
	}
	check_is(module_insert(), 0);
	check(listed());
	return session_works(AF_STT);
}

static bool no_number(int arg)
{
	(void)arg;
	return all_refused(out_of_range, ARRAY_SIZE(out_of_range), EINVAL);
}

static bool number_taken(int arg)
{
	(void)arg;
	return all_refused(taken, ARRAY_SIZE(taken), EEXIST);
}

/* In a process of its own, as the library asks for the number once. */
static bool other_number(int arg)
{
	char params[40];
	int status;
	pid_t pid;

	(void)arg;
	check(module_gone());
	snprintf(params, sizeof(params), "family=%d", FREE_FAMILY);
	check_is(module_insert_with(params), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		bool ok = session_works(FREE_FAMILY);

		fflush(stdout);
		_exit(!ok);
	}
	check_is(waitpid(pid, &status, 0), pid);
	check(WIFEXITED(status) && !WEXITSTATUS(status));
	check_fails(keep(socket(AF_STT, SOCK_DGRAM, 0)), EAFNOSUPPORT);
	return true;
}

static const struct test tests[] = {
	/* First, before this process knows another number. */
	{ "A4 family= another number: a session works", other_number, 0 },
	{ "A4 family= no number: EINVAL, the log says so, it can be inserted again", no_number, 0 },
	{ "A4 family= a number that is taken: EEXIST, the log says which", number_taken, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
