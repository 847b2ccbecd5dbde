/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One attempt to connect: an initiator, the addresses it may try, and a
 * deadline. No sockets: it sends through a function.
 *
 * The same HELLO goes to one address after the other, 250 ms apart or at once
 * when one fails. Whoever answers gets a turn to confirm; the first that does
 * is the peer. Without progress it starts again, with a new ephemeral key.
 */
#ifndef STT_LIB_HANDSHAKE_CONNECT_H
#define STT_LIB_HANDSHAKE_CONNECT_H

#include <stdbool.h>
#include <stt/control.h>

#include "handshake.h"

#define STT_ATTEMPT_NEXT_MS	250	/* until the next address is tried */

struct stt_attempt_addr {
	union stt_addr	addr;
	bool		dead;		/* we cannot send there */
	int		error;		/* newest, negative errno; 0: none */
};

/* Send from @from (AF_UNSPEC: any) to @to. 0 or the negative errno of a failure on this machine. */
typedef int stt_attempt_send(void *ctx, const union stt_addr *to, const union stt_addr *from,
			     const struct stt_hs_frame *frame);

struct stt_attempt {
	struct stt_initiator	in;
	struct stt_attempt_addr	*addrs;		/* owned by the attempt */
	unsigned int		n_addrs, n_started;
	uint64_t		next_addr_ms;
	uint64_t		deadline_ms;
	/* By candidate: whose RESPONSE it was, and our end. */
	union stt_addr		peers[STT_HS_CANDIDATES], locals[STT_HS_CANDIDATES];
	bool			own;		/* our HELLO came back to us */
	bool			answered;	/* somebody has, in any round */
	bool			other_peer;	/* and was not whom we asked for */
	stt_attempt_send	*send;
	void			*ctx;
};

/*
 * Begin, or begin again with a new ephemeral key and the addresses that have
 * had their turn. ->addrs, ->send, ->deadline_ms are set.
 */
void stt_attempt_start(struct stt_attempt *a, const struct stt_initiator_params *p,
		       uint64_t now_ms);

/* Send what is due. 0: goes on. Negative errno: it has failed. */
int stt_attempt_tick(struct stt_attempt *a, uint64_t now_ms);

/* When to tick next. */
uint64_t stt_attempt_next(const struct stt_attempt *a);

/* As stt_initiator_input(); ->peers and ->locals are set. */
enum stt_hs_verdict stt_attempt_input(struct stt_attempt *a, uint64_t now_ms,
				      const union stt_addr *from, const union stt_addr *to,
				      const uint8_t *data, size_t len,
				      struct stt_hs_session *session, enum stt_hs_drop *why);

/* As stt_initiator_turn(). */
bool stt_attempt_turn(struct stt_attempt *a, uint64_t now_ms, struct stt_hs_session *session);

/* The session of candidate @i is installed: send AUTH_PROOF, again and again. */
void stt_attempt_prove(struct stt_attempt *a, unsigned int i);

/* Time to begin again; what is installed is to be removed first. */
bool stt_attempt_stale(const struct stt_attempt *a, uint64_t now_ms);

/* The network says that @addr does not work. It may be lying, so this only hurries. */
void stt_attempt_soft_error(struct stt_attempt *a, uint64_t now_ms, const union stt_addr *addr,
			    int error);

void stt_attempt_free(struct stt_attempt *a);

#endif /* STT_LIB_HANDSHAKE_CONNECT_H */
