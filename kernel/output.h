/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames that the module sends on its own account. */
#ifndef _STT_OUTPUT_H
#define _STT_OUTPUT_H

#include <linux/types.h>

struct stt_session;

void stt_output_control(struct stt_session *s, u8 kind);
void stt_output_close(struct stt_session *s, u8 reason);

#endif /* _STT_OUTPUT_H */
