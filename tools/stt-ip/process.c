// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which processes hold a socket: the links in /proc/PID/fd tell. Those of other
 * users only root may read; what cannot be read is left out.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stt-ip.h"

/* A socket in a process. */
struct holder {
	uint64_t	inode;
	uint64_t	pid;
};

/* By inode, then by process. */
static struct {
	struct holder	*list;
	size_t		n, room;
	bool		known;
} holders;

static void add(uint64_t inode, uint64_t pid)
{
	if (holders.n == holders.room) {
		size_t room = holders.room ? 2 * holders.room : 256;
		struct holder *list = reallocarray(holders.list, room, sizeof(*list));

		if (!list)
			return;
		holders.list = list;
		holders.room = room;
	}
	holders.list[holders.n++] = (struct holder){ .inode = inode, .pid = pid };
}

static void look_at_process(int proc, const char *name, uint64_t pid)
{
	char path[64], target[64];
	struct dirent *entry;
	uint64_t inode;
	ssize_t len;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%.20s/fd", name);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		len = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = '\0';
		if (sscanf(target, "socket:[%" SCNu64 "]", &inode) == 1)
			add(inode, pid);
	}
	closedir(dir);
}

static int compare(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Once: it is a list of all sockets of the machine. */
static void look_at_all(void)
{
	struct dirent *entry;
	uint64_t pid;
	DIR *proc;

	holders.known = true;
	proc = opendir("/proc");
	if (!proc)
		return;
	while ((entry = readdir(proc)))
		if (arg_number(entry->d_name, INT32_MAX, &pid))
			look_at_process(dirfd(proc), entry->d_name, pid);
	closedir(proc);
	if (holders.n)
		qsort(holders.list, holders.n, sizeof(*holders.list), compare);
}

/* The name of a process, which may be gone: then "". */
static void read_name(uint64_t pid, char *name, size_t size)
{
	char path[64];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, name, size - 1);
		close(fd);
	}
	name[len > 0 ? len : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
}

static void show_one(struct printer *p, uint64_t pid)
{
	char name[64];

	read_name(pid, name, sizeof(name));
	pr_item(p, "process");
	pr_u64(p, "pid", pid);
	if (*name)
		pr_str(p, "name", name);
	pr_end(p);
}

/* The first holder of that socket, or where it would be. */
static size_t find(uint64_t inode)
{
	size_t low = 0, high = holders.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (holders.list[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void show_processes(struct printer *p, uint64_t inode)
{
	uint64_t last = 0;

	if (!holders.known)
		look_at_all();
	for (size_t i = find(inode); i < holders.n && holders.list[i].inode == inode; i++) {
		if (holders.list[i].pid == last)
			continue;
		if (!last)
			pr_array(p, "processes");
		last = holders.list[i].pid;
		show_one(p, last);
	}
	if (last)
		pr_end(p);
}
