// SPDX-License-Identifier: GPL-2.0-only
/* Fault injection, see fault.h. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

#define DEBUGFS "/sys/kernel/debug/"

static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

static int nth = -1;

static bool write_to(const char *dir, const char *file, const char *text)
{
	char path[128];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool write_number(const char *dir, const char *file, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	return write_to(dir, file, text);
}

/* From where to where a function of the kernel goes. */
static bool symbol_range(const char *symbol, uint64_t *start, uint64_t *end)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], name[256];
	uint64_t at;

	*start = 0;
	*end = UINT64_MAX;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 " %*c %255s", &at, name) == 2 &&
		    !strcmp(name, symbol))
			*start = at;
	if (f)
		rewind(f);
	while (f && *start && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64, &at) == 1 && at > *start && at < *end)
			*end = at;
	if (f)
		fclose(f);
	return *start;
}

static bool module_range(uint64_t *start, uint64_t *end)
{
	FILE *f = fopen("/proc/modules", "re");
	char line[512];
	bool found = false;
	uint64_t size;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "stt %" SCNu64 " %*s %*s %*s %" SCNx64, &size, start) == 2;
	*end = *start + (found ? size : 0);
	if (f)
		fclose(f);
	return found;
}

static bool require(const char *kind, uint64_t start, uint64_t end)
{
	return write_number(kind, "require-start", start) &&
	       write_number(kind, "require-end", end);
}

bool fault_not_in(const char *symbol)
{
	uint64_t start, end;

	if (!symbol_range(symbol, &start, &end))
		return true;
	for (int i = 0; i < 2; i++)
		if (!write_number(kinds[i], "reject-start", start) ||
		    !write_number(kinds[i], "reject-end", end))
			return false;
	return true;
}

bool fault_open(void)
{
	if (access(DEBUGFS "failslab", F_OK))
		return false;
	nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!write_number(kinds[i], "verbose", 0) ||
		    !write_number(kinds[i], "probability", 0))
			return false;
	return nth >= 0 && write_to("failslab", "ignore-gfp-wait", "N") &&
	       write_to("fail_page_alloc", "ignore-gfp-wait", "N") &&
	       write_to("fail_page_alloc", "ignore-gfp-highmem", "N") &&
	       write_number("fail_page_alloc", "min-order", 0) &&
	       /* What finds leaks allocates for every object, and must go on. */
	       fault_not_in("__alloc_object");
}

bool fault_select(enum fault_kind kind)
{
	bool alloc = kind == FAULT_ALLOC;

	/* Nothing is called from between 1 and 1. */
	return require("failslab", !alloc, alloc ? UINT64_MAX : 1) &&
	       require("fail_page_alloc", !alloc, alloc ? UINT64_MAX : 1) &&
	       require("fail_usercopy", alloc, alloc ? 1 : UINT64_MAX);
}

bool fault_only_in(const char *symbol)
{
	uint64_t start, end;

	return symbol_range(symbol, &start, &end) && require("failslab", start, end) &&
	       require("fail_page_alloc", start, end) && require("fail_usercopy", 1, 1);
}

bool fault_only_in_module(void)
{
	uint64_t start, end;

	return module_range(&start, &end) && require("failslab", start, end) &&
	       require("fail_page_alloc", start, end) && require("fail_usercopy", 1, 1);
}

void fault_arm(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(nth, text, len, 0) != len)
		abort();
}

/* Reading may itself be what fails: then nothing did before. */
bool fault_disarm(void)
{
	char text[16] = { 0 };
	bool hit = pread(nth, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	if (!hit)
		fault_arm(0);
	return hit;
}

bool fault_anywhere(unsigned int n)
{
	return fault_only_in_module() && write_to("failslab", "task-filter", "N") &&
	       write_number("failslab", "interval", n) &&
	       write_number("failslab", "times", 1) &&
	       write_number("failslab", "probability", 100);
}

bool fault_nowhere(void)
{
	return write_number("failslab", "probability", 0);
}
