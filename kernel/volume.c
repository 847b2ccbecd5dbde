// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many frames one key may seal.
 *
 * AES-GCM: RFC 8446, 5.5, and RFC 9001, 6.6 and B.1, bound the chance of an
 * attacker by the number of blocks under a key; for packets of up to 2^16 bytes
 * that is 2^23 of them. A new key is asked for after half of that, so there is
 * as much again to agree in, and messages end at the bound.
 *
 * ChaCha20-Poly1305 has no such bound below the end of its counter (RFC 9001,
 * B.2); 2^32 frames are asked for so that no key lives for ever.
 *
 * What is no message may go on: it takes frames to agree on a new key. Those
 * are short, and too few to matter to either bound.
 */

#include <linux/stt.h>

#include "frame.h"
#include "volume.h"

#define STT_VOLUME_ASK		0x100000000ULL
#define STT_VOLUME_ASK_GCM	(STT_COUNTER_LIMIT_GCM / 2)

u64 stt_volume_ask(u8 suite, u32 wanted)
{
	u64 ask = suite == STT_SUITE_AES256GCM ? STT_VOLUME_ASK_GCM : STT_VOLUME_ASK;

	return wanted && wanted < ask ? wanted : ask;
}

u64 stt_volume_end(u8 suite, u8 kind)
{
	u64 end = suite == STT_SUITE_AES256GCM ? STT_COUNTER_LIMIT_GCM : STT_COUNTER_LIMIT;

	return stt_kind_is_message(kind) ? end : end + STT_COUNTER_CONTROL;
}
