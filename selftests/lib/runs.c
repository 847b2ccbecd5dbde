// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <sys/socket.h>

#include "runs.h"
#include "side.h"

bool comes_in_runs(int fd, const void *bytes, size_t n, size_t size, unsigned int *calls)
{
	static uint8_t buffer[STT_MESSAGE_MAX];
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = buffer, .iov_len = sizeof(buffer) };
	struct cmsghdr *cmsg;
	size_t off = 0;
	ssize_t got;
	int told;

	for (*calls = 0; off < n; ++*calls) {
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control),
		};

		got = recvmsg(fd, &msg, 0);
		check(got > 0);
		check(off + (size_t)got <= n && !memcmp(buffer, (const uint8_t *)bytes + off, (size_t)got));
		cmsg = CMSG_FIRSTHDR(&msg);
		if (cmsg) {
			check(cmsg->cmsg_level == SOL_STT && cmsg->cmsg_type == STT_CMSG_SEGMENT);
			memcpy(&told, CMSG_DATA(cmsg), sizeof(told));
			check_is(told, size);
			check(got > told);
		} else {
			check((size_t)got <= size);
		}
		off += (size_t)got;
		check(off == n || !((size_t)got % size));
	}
	check(is_empty(fd));
	return true;
}
