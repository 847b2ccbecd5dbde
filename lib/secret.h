/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for what holds keys for some seconds: whole pages that are in no core
 * dump and, as far as RLIMIT_MEMLOCK allows, never swapped. Long-lived secrets
 * are in sodium_malloc(), which costs more.
 */
#ifndef STT_LIB_SECRET_H
#define STT_LIB_SECRET_H

#include <stddef.h>

/* Zeroed. NULL: no memory. */
void *stt_secret_alloc(size_t size);

/* Wipes it. NULL is allowed. */
void stt_secret_free(void *secret, size_t size);

#endif /* STT_LIB_SECRET_H */
