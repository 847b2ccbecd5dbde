/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Key files: lines "tx EPOCH SUITE HEX64" and "rx EPOCH SUITE HEX64", empty
 * lines and lines that begin with #. Keys never come by the command line,
 * where every user of the machine could read them.
 */
#ifndef STT_IP_KEYFILE_H
#define STT_IP_KEYFILE_H

#include <stt/control.h>

struct keyring {
	struct stt_key	keys[STT_SESSION_KEYS_MAX];
	unsigned int	n;
};

/* An empty one. NULL after a message. */
struct keyring *keyring_new(void);

/* @path: "-" for standard input. Returns a status, after a message. */
int keyring_read(const char *path, struct keyring **ring);

/* Wipes it. NULL is fine. */
void keyring_free(struct keyring *ring);

/* One file's worth of text, for the tests. @text is changed. */
int keyring_parse(const char *path, char *text, struct keyring *ring);

/* Add a line, which is changed. NULL, or what is wrong with it. */
const char *keyring_add(struct keyring *ring, char *line);

/* Can nobody else get at the file? A status, after a message. */
int keyfile_check(int fd, const char *path);

#endif /* STT_IP_KEYFILE_H */
