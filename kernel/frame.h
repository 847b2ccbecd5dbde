/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading and writing the headers of a transport frame; plain C. */
#ifndef _STT_FRAME_H
#define _STT_FRAME_H

#include "pure.h"
#include <stt/wire.h>

/*
 * No frame sent is longer, so that it is one piece of memory that can be had
 * whole. On most paths the MTU is the limit.
 */
#define STT_FRAME_MAX	16384

/**
 * struct stt_header - the clear header of a transport frame
 * @session: session id
 * @counter: frame counter of the key, 48 bits
 * @epoch: key epoch, below STT_EPOCHS
 */
struct stt_header {
	u64 session;
	u64 counter;
	u8 epoch;
};

/**
 * struct stt_inner - the sealed header in front of the payload
 * @stream: stream id
 * @kind: STT_KIND_*
 * @frag: index of this frame in its message
 * @last: index of the last frame of the message
 * @flags: none are defined, zero
 */
struct stt_inner {
	u32 stream;
	u8 kind;
	u8 frag;
	u8 last;
	u8 flags;
};

bool stt_header_read(struct stt_header *h, const u8 *frame, size_t len);
void stt_header_write(u8 *frame, const struct stt_header *h);
void stt_inner_read(struct stt_inner *in, const u8 *body);
void stt_inner_write(u8 *body, const struct stt_inner *in);
bool stt_inner_valid(const struct stt_inner *in, size_t payload_len);

bool stt_handshake_valid(u8 type, size_t len);

static inline bool stt_kind_is_message(u8 kind)
{
	return kind == STT_KIND_DATA || kind >= STT_KIND_USER_MIN;
}

#endif /* _STT_FRAME_H */
