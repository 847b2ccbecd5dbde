/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Name to addresses without blocking: numbers at once, names in a thread of
 * their own, which the caller may abandon.
 */
#ifndef STT_LIB_RESOLVE_H
#define STT_LIB_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <stt/control.h>

struct stt_resolve;

/*
 * Start looking up. @wake_fd: an eventfd that is written to when the answer is
 * there; it is duplicated, and not touched when the answer is there already.
 */
int stt_resolve_start(const char *host, uint16_t port, int wake_fd, struct stt_resolve **r);

/*
 * -EINPROGRESS, or the number of addresses, which the caller frees; or -ENXIO
 * and others with a sentence in stt_errmsg().
 */
int stt_resolve_result(struct stt_resolve *r, union stt_addr **addrs);

/* Done with it, whether it has ended or not. NULL is allowed. */
void stt_resolve_free(struct stt_resolve *r);

/* For binding: wait for it, and give the first address. */
int stt_resolve_bind(const char *host, uint16_t port, union stt_addr *addr);

#endif /* STT_LIB_RESOLVE_H */
