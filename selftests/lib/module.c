// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "module.h"
#include "side.h"

/* The last node may still be on its way out; nothing announces its end. */
int module_remove(void)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	uint64_t until = now_ms() + TIMEOUT_MS;
	int ret;

	do {
		ret = syscall(SYS_delete_module, "stt", O_NONBLOCK);
	} while (ret && now_ms() < until && !nanosleep(&pause, NULL));
	return ret;
}

int module_insert(void)
{
	char file[500];
	int fd, ret;

	snprintf(file, sizeof(file), "%s/module-%s/stt.ko", env("BUILD"), env("KVER"));
	fd = open(file, O_RDONLY | O_CLOEXEC);
	ret = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return ret;
}
