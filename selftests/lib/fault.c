// SPDX-License-Identifier: GPL-2.0-only
/* Pages that are not there yet, see fault.h. */
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

#include "fault.h"
#include "suite.h"

#define WAIT_MS 5000

static bool fault_register(struct fault *f)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	f->page = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->page == MAP_FAILED)
		return false;
	area.range.start = (uintptr_t)f->page;
	area.range.len = f->size;
	return !ioctl(f->uffd, UFFDIO_API, &api) && !ioctl(f->uffd, UFFDIO_REGISTER, &area);
}

/* Who sleeps on it still finds a page of zeros: closing uffd lets him go on. */
static void fault_free(void *arg)
{
	struct fault *f = arg;

	close(f->uffd);
	if (f->page != MAP_FAILED)
		munmap(f->page, f->size);
	free(f);
}

struct fault *fault_open(void)
{
	struct fault *f = malloc(sizeof(*f));

	if (!f)
		return NULL;
	*f = (struct fault) { .page = MAP_FAILED, .size = sysconf(_SC_PAGESIZE) };
	f->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (f->uffd >= 0 && fault_register(f)) {
		at_end(fault_free, f);
		return f;
	}
	fault_free(f);
	return NULL;
}

bool fault_wait(const struct fault *f)
{
	struct pollfd p = { .fd = f->uffd, .events = POLLIN };
	struct uffd_msg msg;

	return poll(&p, 1, WAIT_MS) == 1 &&
	       read(f->uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

bool fault_fill(const struct fault *f, const void *bytes, size_t len)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)f->page, .len = f->size };
	void *page = calloc(1, f->size);
	bool ok;

	if (!page)
		return false;
	memcpy(page, bytes, len);
	copy.src = (uintptr_t)page;
	ok = !ioctl(f->uffd, UFFDIO_COPY, &copy);
	free(page);
	return ok;
}
