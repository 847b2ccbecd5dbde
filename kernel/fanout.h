/* SPDX-License-Identifier: GPL-2.0-only */
/* One message to many sessions. */
#ifndef _STT_FANOUT_H
#define _STT_FANOUT_H

#include <linux/stt.h>

struct iov_iter;
struct stt_dest;
struct stt_send;

int __must_check stt_fanout(const struct stt_send *m, const struct stt_dest *dest,
			    const struct stt_fanout *f, struct iov_iter *from);

#endif /* _STT_FANOUT_H */
