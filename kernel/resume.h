/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's memory may live twice: no session survives that. */
#ifndef _STT_RESUME_H
#define _STT_RESUME_H

bool stt_resume_awaited(void);
int stt_resume_init(void);
void stt_resume_exit(void);

#endif /* _STT_RESUME_H */
