/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handshake as two state machines, one for each side, without sockets,
 * clocks or kernel: a datagram and the time go in, a verdict and a datagram
 * come out. Documentation/handshake.md describes the messages; node_*.c
 * connects the machines to the world.
 *
 * Nothing that is not authenticated changes a machine's state.
 */
#ifndef STT_LIB_HANDSHAKE_H
#define STT_LIB_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stt/wire.h>

#include "noise.h"

#define STT_HS_LIFETIME_MS	10000	/* of what a responder remembers */
#define STT_HS_ROUND_MS		5000	/* without progress, then a new HELLO */
#define STT_HS_TURN_MS		1000	/* of one who answered, then the next one's */
#define STT_HS_CANDIDATES	4	/* answers to one HELLO that are looked at */
#define STT_HS_RESEND_MS	250	/* first retransmission, then times 1.5 */
#define STT_HS_RESEND_MAX_MS	2000

/* What a shared seed gives. Kept in locked memory by the owner. */
struct stt_hs_seed {
	uint8_t	psk[STT_NOISE_KEY_LEN];
	uint8_t	mac1[32];
};

/* The seeds that let a peer in; the first is the one to connect with. */
struct stt_hs_keyring {
	struct stt_hs_seed	*seeds;
	unsigned int		n;
};

struct stt_hs_frame {
	uint8_t	data[STT_HS_HELLO_LEN];	/* the longest of the four */
	size_t	len;
};

/*
 * What both ends of a session know to rekey it. @secret is of the handshake that
 * made the keys of the epoch before @epoch, so nobody else has it, not even
 * another holder of the seed. Wipe it after use.
 */
struct stt_hs_rekey {
	uint64_t	session;
	uint8_t		epoch;		/* of the keys to agree on */
	bool		first;		/* we began the session's first handshake */
	uint8_t		secret[STT_NOISE_KEY_LEN];
};

/* What a handshake agrees on. Wipe it when the kernel has the keys. */
struct stt_hs_session {
	uint64_t	id;
	bool		rekey;		/* of the session @id, which is there already */
	uint8_t		epoch;		/* of the keys */
	uint8_t		rekey_secret[STT_NOISE_KEY_LEN];	/* for the next rekey */
	uint8_t		tx_key[32], rx_key[32];
	uint8_t		peer_id[STT_HS_NODE_ID_LEN];
	uint8_t		suite;
	unsigned int	seed;		/* index in the keyring */
};

/* Secrets both sides compute after RESPONSE. */
struct stt_hs_secrets {
	uint8_t		h[STT_NOISE_HASH_LEN];
	uint8_t		proof_key[STT_NOISE_KEY_LEN];
	uint8_t		final_key[STT_NOISE_KEY_LEN];
	uint8_t		to_responder[32], to_initiator[32];
	uint8_t		rekey[STT_NOISE_KEY_LEN];
	uint64_t	session_id;
};

/* Why a datagram was dropped; also the index of its counter. */
enum stt_hs_drop {
	STT_HS_DROP_MALFORMED,		/* length, type, version, reserved bytes */
	STT_HS_DROP_REFUSED,		/* HELLO while not accepting, or a rekey out of turn */
	STT_HS_DROP_BAD_MAC,		/* no seed of ours: a stranger, or damage */
	STT_HS_DROP_BAD_SEAL,		/* right mac1, yet it does not open, or no proof */
	STT_HS_DROP_REPLAYED,		/* HELLO seen before, or its time is far off */
	STT_HS_DROP_OWN,		/* our own HELLO came back */
	STT_HS_DROP_UNSUPPORTED,	/* no common suite */
	STT_HS_DROP_FULL,		/* too many pending */
	STT_HS_DROP_UNKNOWN,		/* belongs to no pending handshake, or not to the
					 * session that it came sealed in
					 */
	STT_HS_DROPS,
};

enum stt_hs_verdict {
	STT_HS_DROP,		/* nothing to do */
	STT_HS_SEND,		/* send the frame */
	STT_HS_HOLD,		/* initiator: kept, its turn comes later */
	STT_HS_INSTALL,		/* install the session, then send the frame */
	STT_HS_DONE,		/* initiator: the peer has confirmed */
};

/* ---- handshake_frame.c: bytes ------------------------------------------ */

uint32_t stt_get_be32(const uint8_t *p);
uint64_t stt_get_be64(const uint8_t *p);
void stt_put_be32(uint8_t *p, uint32_t v);
void stt_put_be64(uint8_t *p, uint64_t v);

/* TAI64N of a real-time clock, as WireGuard writes it: big-endian, comparable by memcmp. */
void stt_hs_time(uint8_t out[STT_HS_TIME_LEN], int64_t seconds, uint32_t nanoseconds);

/*
 * A later one than @time, which it replaces: that of the clock, or where the clock
 * has been set back, the next there is.
 */
void stt_hs_time_after(uint8_t time[STT_HS_TIME_LEN], int64_t seconds, uint32_t nanoseconds);

/* Type of a well-formed handshake frame, or -EBADMSG. Looks at clear bytes only. */
int stt_hs_check(const uint8_t *frame, size_t len);
void stt_hs_header(uint8_t *frame, uint8_t type, uint32_t receiver, uint32_t sender);

/* mac1 of a complete frame, whose length says where it is. */
void stt_hs_mac1_set(const struct stt_hs_seed *seed, uint8_t *frame, size_t len);
bool stt_hs_mac1_ok(const struct stt_hs_seed *seed, const uint8_t *frame, size_t len);
const uint8_t *stt_hs_mac1(const uint8_t *frame, size_t len);

/* Start Noise for the HELLO whose clear header is at @hello. */
void stt_hs_noise_init(struct stt_noise *ns, const struct stt_hs_seed *seed,
		       const uint8_t *hello);

/* Session id and keys once message 2 is done; -EAGAIN: the id is a wildcard, start over. */
int stt_hs_derive(const struct stt_noise *ns, struct stt_hs_secrets *sec);

/*
 * AUTH_PROOF (3 clear headers) and FINAL (4): @hdrs holds all the clear
 * headers of the handshake up to and with this frame's.
 */
void stt_hs_proof_seal(const struct stt_hs_secrets *sec, const struct stt_hs_seed *seed,
		       const uint8_t *hdrs, unsigned int n_hdrs, uint8_t *frame);
int stt_hs_proof_open(const struct stt_hs_secrets *sec, const uint8_t *hdrs,
		      unsigned int n_hdrs, const uint8_t *frame);

/* ---- handshake_rekey.c -------------------------------------------------- */

/*
 * What a rekey's HELLO has in place of a node id. @hello: header and ephemeral
 * key are there; @payload: all behind the proof is. @first: its sender is.
 */
void stt_hs_rekey_proof(const struct stt_hs_rekey *rekey, bool first, const uint8_t *hello,
			const uint8_t *payload, uint8_t proof[STT_HS_NODE_ID_LEN]);

/* The peer's HELLO proves that it holds the session, and its epoch is the one. */
bool stt_hs_rekey_ok(const struct stt_hs_rekey *rekey, const uint8_t *hello,
		     const uint8_t *payload);

/* Bind the rest of the handshake to the session: after HELLO, before RESPONSE. */
void stt_hs_rekey_mix(const struct stt_hs_rekey *rekey, struct stt_noise *ns);

/* ---- handshake_initiator.c --------------------------------------------- */

/*
 * HELLO names no responder, so whoever can divert it chooses which holder of
 * the seed answers first. So a RESPONSE decides nothing: up to
 * STT_HS_CANDIDATES are kept, each gets AUTH_PROOF in its turn, and the first
 * whose FINAL comes is the peer.
 */
struct stt_candidate {
	struct stt_hs_secrets	sec;
	uint8_t			hdrs[4 * STT_HS_HDR_LEN];
	uint8_t			mac1[STT_HS_MAC_LEN];	/* of RESPONSE, to know repeats */
	uint8_t			peer_id[STT_HS_NODE_ID_LEN];
	uint8_t			suite;
	bool			proving;		/* AUTH_PROOF is to be sent */
	struct stt_hs_frame	proof;
};

enum stt_initiator_state {
	STT_INITIATOR_IDLE,
	STT_INITIATOR_HELLO,		/* waits for RESPONSE */
	STT_INITIATOR_PROOF,		/* waits for FINAL, takes other RESPONSEs */
	STT_INITIATOR_DONE,
};

struct stt_initiator {
	enum stt_initiator_state	state;
	const struct stt_hs_seed	*seed;
	uint32_t		id;		/* our handshake id */
	uint32_t		suites;		/* that we offer */
	uint64_t		rekey;		/* this session; 0: a new one */
	uint8_t			epoch;		/* of its new keys */
	bool			has_peer_id;
	bool			other_peer;	/* one answered that was not asked for */
	uint8_t			peer_id[STT_HS_NODE_ID_LEN];	/* the only one wanted */
	struct stt_noise	noise;
	struct stt_hs_frame	hello;
	struct stt_candidate	candidates[STT_HS_CANDIDATES];
	unsigned int		n_candidates, n_turns;
	unsigned int		winner;		/* when it is done */
	uint64_t		start_ms, stale_ms;
	uint64_t		turn_ms;	/* when another may have its turn */
	uint64_t		resend_ms;
	uint64_t		interval_ms;
};

struct stt_initiator_params {
	const struct stt_hs_keyring	*keyring;
	const uint8_t			*node_id;
	const uint8_t			*peer_id;	/* wanted; NULL: any */
	const uint8_t			*time;		/* TAI64N, now */
	uint32_t			suites;
	uint32_t			id;		/* unique among ours, not zero */
	const struct stt_hs_rekey	*rekey;		/* NULL: a new session */
};

/* Make HELLO with a new ephemeral key; ->hello is to be sent at once. */
void stt_initiator_start(struct stt_initiator *in, const struct stt_initiator_params *p,
			 uint64_t now_ms);

/*
 * Take a RESPONSE or FINAL. INSTALL: as stt_initiator_turn(). DONE: ->winner is
 * the candidate that has confirmed. DROP: *@why says why, if it is not NULL.
 */
enum stt_hs_verdict stt_initiator_input(struct stt_initiator *in, uint64_t now_ms,
					const uint8_t *data, size_t len,
					struct stt_hs_session *session, enum stt_hs_drop *why);

/*
 * True: it is the turn of the next candidate, which is number ->n_turns - 1
 * then. Install @session as pending, set ->proving, and send its ->proof.
 */
bool stt_initiator_turn(struct stt_initiator *in, uint64_t now_ms,
			struct stt_hs_session *session);

/* No other candidate waits, and those that had their turn take long: ask again. */
bool stt_initiator_searching(const struct stt_initiator *in, uint64_t now_ms);

/* No progress for so long that the peer may have forgotten: start again. */
bool stt_initiator_stale(const struct stt_initiator *in, uint64_t now_ms);

/* When there is something to do without input. */
uint64_t stt_initiator_next(const struct stt_initiator *in);

/* True when HELLO or the proofs are to be sent again; the next time is set. */
bool stt_initiator_resend(struct stt_initiator *in, uint64_t now_ms);
void stt_initiator_wipe(struct stt_initiator *in);

/* ---- handshake_responder.c --------------------------------------------- */

struct stt_responder;

/*
 * About sessions to rekey. A HELLO is answered if it came sealed in the session
 * that it names, @find knows that and the secret for that epoch, the HELLO
 * proves to have it too, and @admit says that it is its turn. It takes the place
 * of one that was answered before.
 */
struct stt_responder_rekey {
	bool	(*find)(void *ctx, uint64_t session, uint8_t epoch, struct stt_hs_rekey *rekey);
	bool	(*admit)(void *ctx, uint64_t session, uint8_t epoch, const uint8_t *time);
	void	*ctx;
};

struct stt_responder_params {
	const struct stt_hs_keyring	*keyring;	/* kept, not copied */
	const uint8_t			*node_id;
	int64_t				clock_s;	/* as stt_responder_clock() */
	uint32_t			lag_s;		/* how far clocks may differ */
	uint32_t			suites;
	uint8_t				preferred_suite;	/* 0: the lowest */
	unsigned int			pending_max;	/* 0: STT_HS_PENDING_MAX */
	unsigned int			replay_max;	/* 0: STT_HS_REPLAY_MAX */
	struct stt_responder_rekey	rekey;		/* ->find NULL: no rekeys */
};

#define STT_HS_PENDING_MAX	4096
#define STT_HS_REPLAY_MAX	65536

/* NULL: no memory. */
struct stt_responder *stt_responder_new(const struct stt_responder_params *p);
void stt_responder_free(struct stt_responder *r);

/* What time it is, in Unix seconds: before each input that may have changed it. */
void stt_responder_clock(struct stt_responder *r, int64_t now_s);

/* Refuse HELLOs in silence, or take them. Handshakes under way go on. */
void stt_responder_accept(struct stt_responder *r, bool accept);

/*
 * Take a HELLO or AUTH_PROOF that came sealed in the session @in, or, if that is
 * 0, as a datagram of its own. SEND: send @out back, the same way. INSTALL: install
 * @session as active, or its keys if it is a rekey, then send @out; if it cannot
 * be installed, call stt_responder_forget() with *@handle and send nothing.
 */
enum stt_hs_verdict stt_responder_input(struct stt_responder *r, uint64_t now_ms,
					uint64_t in, const uint8_t *data, size_t len,
					struct stt_hs_frame *out, struct stt_hs_session *session,
					uint32_t *handle, enum stt_hs_drop *why);
void stt_responder_forget(struct stt_responder *r, uint32_t handle);

/* Forget the rekey of a session that the peer has begun. */
void stt_responder_end_rekey(struct stt_responder *r, uint64_t session);

/* Forget what has expired. When to call again, or UINT64_MAX. */
uint64_t stt_responder_expire(struct stt_responder *r, uint64_t now_ms);

/* Handshakes for new sessions that wait for AUTH_PROOF. */
unsigned int stt_responder_pending(const struct stt_responder *r);

#endif /* STT_LIB_HANDSHAKE_H */
