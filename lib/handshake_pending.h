/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handshakes that a responder remembers. */
#ifndef STT_LIB_HANDSHAKE_PENDING_H
#define STT_LIB_HANDSHAKE_PENDING_H

#include <sys/queue.h>

#include "handshake.h"
#include "handshake_table.h"

struct stt_pending_queue;

struct stt_pending {
	TAILQ_ENTRY(stt_pending) link;		/* oldest first */
	struct stt_pending_queue *queue;	/* that it is in */
	struct stt_id_link	by_id;		/* our handshake id */
	struct stt_id_link	by_hello;	/* first bytes of HELLO's mac1 */
	struct stt_id_link	by_rekey;	/* low half of the session's id */
	uint64_t		expires_ms;
	unsigned int		seed;
	uint64_t		rekey;		/* this session; 0: a new one */
	uint8_t			epoch;		/* of its new keys */
	uint8_t			suite;
	uint8_t			peer_id[STT_HS_NODE_ID_LEN];
	uint8_t			hello_mac1[STT_HS_MAC_LEN];
	uint8_t			hdrs[4 * STT_HS_HDR_LEN];
	struct stt_hs_frame	response;
	struct stt_hs_secrets	sec;		/* until it is complete */
	uint8_t			proof[STT_HS_PROOF_LEN];	/* from then on */
	struct stt_hs_frame	final;
};

/* Entries live equally long, so those of one queue are in order of expiry. */
struct stt_pending_queue {
	TAILQ_HEAD(, stt_pending) list;
	unsigned int		n;
};

/*
 * A session has one rekey at a time, so there are no more of those than sessions,
 * and strangers do not push them out.
 */
enum stt_pending_state {
	STT_PENDING_WAITING,		/* for AUTH_PROOF, of a new session */
	STT_PENDING_COMPLETE,
	STT_PENDING_REKEY_WAITING,
	STT_PENDING_REKEY_COMPLETE,
	STT_PENDING_STATES,
};

struct stt_pendings {
	struct stt_pending_queue queues[STT_PENDING_STATES];
	struct stt_id_table	by_id, by_hello, by_rekey;
};

void stt_pendings_init(struct stt_pendings *all);
void stt_pendings_free(struct stt_pendings *all);

/* What waits for AUTH_PROOF of new sessions. */
unsigned int stt_pendings_waiting(const struct stt_pendings *all);

/* Forget what has expired. When to call again, or UINT64_MAX. */
uint64_t stt_pendings_expire(struct stt_pendings *all, uint64_t now_ms);

/* NULL: no memory, or there is none. */
struct stt_pending *stt_pending_alloc(void);
struct stt_pending *stt_pending_by_id(const struct stt_pendings *all, uint32_t id);
struct stt_pending *stt_pending_by_rekey(const struct stt_pendings *all, uint64_t session);

/* The one, not complete, that the HELLO with this mac1 began; @in: the session it came in. */
struct stt_pending *stt_pending_by_hello(const struct stt_pendings *all, uint64_t in,
					 const uint8_t *mac1);

/* One that waits for AUTH_PROOF under our @id. 0 or -ENOMEM. */
int stt_pending_insert(struct stt_pendings *all, struct stt_pending *p, uint32_t id,
		       uint64_t now_ms);

/* Its AUTH_PROOF has come. Of new sessions, @max are remembered. */
void stt_pending_complete(struct stt_pendings *all, struct stt_pending *p, uint64_t now_ms,
			  unsigned int max);
bool stt_pending_is_complete(const struct stt_pendings *all, const struct stt_pending *p);

/* Wiped and gone; forget: of those that were inserted. */
void stt_pending_free(struct stt_pending *p);
void stt_pending_forget(struct stt_pendings *all, struct stt_pending *p);

#endif /* STT_LIB_HANDSHAKE_PENDING_H */
