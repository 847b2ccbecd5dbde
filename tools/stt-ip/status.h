/* SPDX-License-Identifier: GPL-2.0-only */
/* Exit statuses, and the messages that go with them to standard error. */
#ifndef STT_IP_STATUS_H
#define STT_IP_STATUS_H

enum {
	STATUS_OK	= 0,
	STATUS_USAGE	= 1,	/* the command line is wrong */
	STATUS_SYSTEM	= 2,	/* the kernel or the system refused */
};

/* Both print "stt-ip: ..." and return their status. */
int wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* From here on they name a line of a file first; NULL: none. */
void status_place(const char *file, unsigned int line);

/* The library refused: print its sentence, return STATUS_SYSTEM. */
int failed_call(void);

#endif /* STT_IP_STATUS_H */
