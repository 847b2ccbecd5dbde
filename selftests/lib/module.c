// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "module.h"
#include "side.h"

/* Where the modules of this run are, which need not be where the programs are. */
static const char *built(void)
{
	return getenv("MODULES") ?: env("BUILD");
}

static int insert_file(const char *dir, const char *name, const char *params)
{
	char file[500];
	int fd, ret, err;

	snprintf(file, sizeof(file), "%s/%s-%s/%s.ko", built(), dir, env("KVER"), name);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = syscall(SYS_finit_module, fd, params, 0);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

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
	return module_insert_with("");
}

int module_insert_with(const char *params)
{
	return insert_file("module", "stt", params);
}

bool nothing_left(int arg)
{
	(void)arg;
	check_is(module_remove(), 0);
	check_is(module_insert(), 0);
	return true;
}

int nosimd_insert(void)
{
	return insert_file("nosimd", "nosimd", "");
}

int nosimd_remove(void)
{
	return syscall(SYS_delete_module, "nosimd", O_NONBLOCK);
}

/* That module does what it is for, then refuses to stay. */
int vmfork(void)
{
	return insert_file("vmfork", "vmfork", "") && errno == ECANCELED ? 0 : -1;
}
