/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands from a file, one a line. */
#ifndef STT_IP_BATCH_H
#define STT_IP_BATCH_H

#include "keyfile.h"
#include "stt-ip.h"

/*
 * Run the commands in @path ("-": standard input) until one fails, or with @force
 * all of them. Returns the status of the first that failed.
 */
int batch_run(struct app *app, const char *path, bool force);

/*
 * As keyring_read(), where "-" in a batch is the lines that follow the command. What
 * comes is for keyring_free().
 */
int keys_read(struct app *app, const char *path, struct keyring **ring);

#endif /* STT_IP_BATCH_H */
