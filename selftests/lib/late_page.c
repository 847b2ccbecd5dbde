// SPDX-License-Identifier: GPL-2.0-only
/* Pages that are not there yet, see late_page.h. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "late_page.h"
#include "suite.h"

#define WAIT_MS 5000

static bool late_page_register(struct late_page *late)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	late->page = mmap(NULL, late->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (late->page == MAP_FAILED)
		return false;
	area.range.start = (uintptr_t)late->page;
	area.range.len = late->size;
	return !ioctl(late->uffd, UFFDIO_API, &api) && !ioctl(late->uffd, UFFDIO_REGISTER, &area);
}

/* Who sleeps on it still finds a page of zeros: closing uffd lets him go on. */
static void late_page_free(void *arg)
{
	struct late_page *late = arg;

	close(late->uffd);
	if (late->page != MAP_FAILED)
		munmap(late->page, late->size);
	free(late);
}

struct late_page *late_page_open(void)
{
	struct late_page *late = malloc(sizeof(*late));

	if (!late)
		return NULL;
	*late = (struct late_page) { .page = MAP_FAILED, .size = sysconf(_SC_PAGESIZE) };
	late->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (late->uffd >= 0 && late_page_register(late)) {
		at_end(late_page_free, late);
		return late;
	}
	late_page_free(late);
	return NULL;
}

bool late_page_wait(const struct late_page *late)
{
	struct pollfd p = { .fd = late->uffd, .events = POLLIN };
	struct uffd_msg msg;

	return poll(&p, 1, WAIT_MS) == 1 &&
	       read(late->uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

bool late_page_fill(const struct late_page *late, const void *bytes, size_t len)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)late->page, .len = late->size };
	void *page = calloc(1, late->size);
	bool ok;

	if (!page)
		return false;
	memcpy(page, bytes, len);
	copy.src = (uintptr_t)page;
	ok = !ioctl(late->uffd, UFFDIO_COPY, &copy);
	free(page);
	return ok;
}
