/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sentence behind stt_errmsg(): one a thread, set by whatever fails.
 */
#ifndef STT_LIB_ERRMSG_H
#define STT_LIB_ERRMSG_H

/* Set the sentence of this thread. Its arguments may come from stt_errmsg(). */
void stt_err_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, and return @err (a negative errno): "return stt_err(-EINVAL, ...)". */
int stt_err(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Text of an errno of either sign, without a trailing stop. Thread-safe. */
const char *stt_strerror(int err);

#endif /* STT_LIB_ERRMSG_H */
