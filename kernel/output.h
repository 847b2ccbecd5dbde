/* SPDX-License-Identifier: GPL-2.0-only */
/* Sending: for programs, and what the module says on its own account. */
#ifndef _STT_OUTPUT_H
#define _STT_OUTPUT_H

#include <linux/types.h>

struct iov_iter;
struct sock;
struct stt_dest;
struct stt_session;

/**
 * struct stt_send - a message of a program, for one session or many
 * @sk: who sends
 * @len: bytes
 * @segment: it is many messages of this size; 0: one
 * @stream: stream id
 * @type: STT_KIND_*
 * @noblock: do not wait for room
 */
struct stt_send {
	struct sock *sk;
	size_t len;
	size_t segment;
	u32 stream;
	u8 type;
	bool noblock;
};

int __must_check stt_output_message(const struct stt_send *m, struct stt_session *s,
				    struct iov_iter *from);

void stt_output_control(struct stt_session *s, u8 kind);
void stt_output_close(struct stt_session *s, u8 reason);

#endif /* _STT_OUTPUT_H */
