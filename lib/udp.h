/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP addresses, and the node's UDP socket as far as the library uses it. */
#ifndef STT_LIB_UDP_H
#define STT_LIB_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <stt/control.h>

#define STT_ADDR_TEXT_LEN	80

socklen_t stt_addr_len(const union stt_addr *a);
bool stt_addr_equal(const union stt_addr *a, const union stt_addr *b);
bool stt_addr_is_any(const union stt_addr *a);	/* wildcard, or AF_UNSPEC */

/* ::ffff:a.b.c.d becomes a.b.c.d; others stay. */
void stt_addr_unmap(union stt_addr *a);

/* "a.b.c.d:port" or "[a::b]:port". Returns @text. */
const char *stt_addr_text(const union stt_addr *a, char text[STT_ADDR_TEXT_LEN]);

/*
 * Make and bind the socket; @bound is the address it really got. Non-blocking,
 * with the error queue on. Descriptor or negative errno of the step that failed.
 */
int stt_udp_open(const union stt_addr *addr, union stt_addr *bound);

/*
 * Send from @from (AF_UNSPEC or a wildcard: the kernel chooses) through a
 * socket of family @family. Errors that earlier datagrams met are cleared and
 * left on the error queue, as far as they do not come faster than that. 0 or a
 * negative errno, which may still come from the network.
 */
int stt_udp_send(int fd, int family, const union stt_addr *to, const union stt_addr *from,
		 const void *data, size_t len);

/*
 * Whether this machine knows a way from @bound to @to; asks nobody else. 0, or
 * what bind(2) or connect(2) says.
 */
int stt_udp_route(const union stt_addr *bound, const union stt_addr *to);

/*
 * Next entry of the error queue: which address, and what (negative errno).
 * False: it is empty, and the socket's pending error is cleared.
 */
bool stt_udp_error(int fd, union stt_addr *about, int *error);

#endif /* STT_LIB_UDP_H */
