/* SPDX-License-Identifier: GPL-2.0-only */
/* How many frames one key may seal; plain C. */
#ifndef _STT_VOLUME_H
#define _STT_VOLUME_H

#include "pure.h"

/* Frames of a key after which a new one is asked for. @wanted: fewer; 0 = no wish. */
u64 stt_volume_ask(u8 suite, u32 wanted);

/* Frames of a key after which none of this kind are sealed. */
u64 stt_volume_end(u8 suite, u8 kind);

#endif /* _STT_VOLUME_H */
