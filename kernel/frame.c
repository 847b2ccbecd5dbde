// SPDX-License-Identifier: GPL-2.0-only
/* Headers of a frame: bytes in, fields out, and back. */

#include "frame.h"

/*
 * All that can be said of a frame without a key: its length, type and epoch.
 * @len is the length of the datagram; only the clear header is read.
 */
bool stt_header_read(struct stt_header *h, const u8 *frame, size_t len)
{
	if (len < STT_OVERHEAD)
		return false;
	if (frame[STT_OFF_TYPE] != STT_FRAME_TRANSPORT)
		return false;
	if (frame[STT_OFF_EPOCH] >= STT_EPOCHS)
		return false;

	h->epoch = frame[STT_OFF_EPOCH];
	/* The 48 bits are the low part of the word that starts with the type. */
	h->counter = get_unaligned_be64(frame) & ((1ULL << STT_COUNTER_BITS) - 1);
	h->session = get_unaligned_be64(frame + STT_OFF_SESSION);
	return true;
}

void stt_header_write(u8 *frame, const struct stt_header *h)
{
	put_unaligned_be64((u64)STT_FRAME_TRANSPORT << 56 | (u64)h->epoch << 48 |
			   h->counter, frame);
	put_unaligned_be64(h->session, frame + STT_OFF_SESSION);
}

void stt_inner_read(struct stt_inner *in, const u8 *body)
{
	in->stream = get_unaligned_be32(body + STT_INNER_OFF_STREAM);
	in->kind = body[STT_INNER_OFF_KIND];
	in->frag = body[STT_INNER_OFF_FRAG];
	in->last = body[STT_INNER_OFF_LAST];
	in->flags = body[STT_INNER_OFF_FLAGS];
}

void stt_inner_write(u8 *body, const struct stt_inner *in)
{
	put_unaligned_be32(in->stream, body + STT_INNER_OFF_STREAM);
	body[STT_INNER_OFF_KIND] = in->kind;
	body[STT_INNER_OFF_FRAG] = in->frag;
	body[STT_INNER_OFF_LAST] = in->last;
	body[STT_INNER_OFF_FLAGS] = in->flags;
}

/*
 * What an authentic frame of version 1 may say. A message of many frames has
 * something in each.
 */
bool stt_inner_valid(const struct stt_inner *in, size_t payload_len)
{
	if (in->flags || in->frag > in->last)
		return false;
	if (stt_kind_is_message(in->kind))
		return !in->last || payload_len;
	if (in->stream || in->last)
		return false;

	switch (in->kind) {
	case STT_KIND_HEARTBEAT:
	case STT_KIND_HEARTBEAT_ACK:
		return !payload_len;
	case STT_KIND_HANDSHAKE:
		return payload_len >= STT_HS_HDR_LEN && payload_len <= STT_HS_FRAME_MAX;
	case STT_KIND_SESSION_CLOSE:
		return payload_len == 1;
	default:
		return false;
	}
}

/*
 * What can be said of a handshake frame without a key. In version 1 each type
 * has one length; COOKIE is reserved and has none yet.
 */
bool stt_handshake_valid(u8 type, size_t len)
{
	switch (type) {
	case STT_FRAME_HELLO:
		return len == STT_HS_HELLO_LEN;
	case STT_FRAME_RESPONSE:
		return len == STT_HS_RESPONSE_LEN;
	case STT_FRAME_AUTH_PROOF:
	case STT_FRAME_FINAL:
		return len == STT_HS_PROOF_LEN;
	default:
		return false;
	}
}
