// SPDX-License-Identifier: LGPL-2.1-or-later
#include <unistd.h>
#include <sodium.h>
#include <sys/mman.h>

#include "secret.h"

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

void *stt_secret_alloc(size_t size)
{
	void *secret;

	size = whole_pages(size);
	secret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (secret == MAP_FAILED)
		return NULL;
	/* It also sets MADV_DONTDUMP. Unlocked is better than no handshake. */
	(void)sodium_mlock(secret, size);
	return secret;
}

void stt_secret_free(void *secret, size_t size)
{
	if (!secret)
		return;
	size = whole_pages(size);
	sodium_memzero(secret, size);
	munmap(secret, size);
}
