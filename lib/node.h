/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The node object, inside. node.c makes it, node_start.c starts and stops it,
 * node_process.c does its work, node_connect*.c connect, node_rekey*.c rekey,
 * node_data.c sends and receives, node_session.c looks things up.
 *
 * One lock guards everything that changes. Calls that use the descriptors of a
 * run without the lock (waiting, sending, receiving) count themselves in
 * ->users, and a stop waits for them before it closes anything.
 */
#ifndef STT_LIB_NODE_H
#define STT_LIB_NODE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <stt/stt.h>

#include "handshake.h"
#include "handshake_connect.h"
#include "handshake_table.h"
#include "resolve.h"

#define NODE_ENDED_LINGER_MS	60000	/* ended sessions stay visible so long */

/* In guarded, locked memory. */
struct node_keys {
	struct stt_hs_seed	shared;
	uint8_t			id_key[32];	/* of the node seed, for node ids */
};

enum node_phase {
	NODE_STOPPED,
	NODE_RUNNING,
	NODE_STOPPING,
};

struct stt_connect {
	TAILQ_ENTRY(stt_connect) link;
	struct stt_node		*node;
	struct stt_id_link	by_id;
	struct stt_resolve	*resolve;	/* while looking up the name */
	struct stt_attempt	attempt;
	char			*target;	/* "host port 8080", for messages */
	uint64_t		start_ms;
	bool			has_peer_id;
	uint8_t			peer_id[STT_NODE_ID_LEN];	/* the only one wanted */
	/* By candidate; the kernel has the pending session, unless its id is 0. */
	struct stt_session	found[STT_HS_CANDIDATES];
	bool			done;		/* and unlinked */
	int			result;
	char			*message;	/* with a negative result */
	struct stt_session	session;
	int			event_fd;	/* made when somebody wants to wait */
};

TAILQ_HEAD(connect_list, stt_connect);

struct ended {
	STAILQ_ENTRY(ended)	link;
	uint64_t		id;
	uint64_t		remove_ms;
};

STAILQ_HEAD(ended_list, ended);

/*
 * What is remembered of a session for its rekeys: the secret of an epoch proves
 * to hold the session when the next one is agreed on. There are two while the
 * newest epoch may still come to nothing.
 */
struct node_rekey {
	struct stt_id_link	by_session;	/* low half of its id */
	uint64_t		session;
	bool			first;		/* we began its first handshake */
	bool			seen;		/* while looking which are left */
	struct {
		bool	have;
		uint8_t	epoch;
		uint8_t	secret[STT_NOISE_KEY_LEN];
	} secrets[2];				/* the newer one is the second */
	uint8_t			sent[STT_HS_TIME_LEN];	/* time of our last HELLO */
	uint8_t			answered[STT_HS_TIME_LEN];	/* and of the peer's */
	struct rekey_attempt	*attempt;	/* our own */
};

struct rekey_attempt {
	TAILQ_ENTRY(rekey_attempt) link;
	struct stt_node		*node;
	struct node_rekey	*of;
	uint8_t			epoch;		/* of the new keys */
	bool			installed;	/* they wait in the kernel */
	struct stt_attempt	attempt;
};

TAILQ_HEAD(rekey_list, rekey_attempt);

struct stt_node {
	/* Fixed at creation. */
	struct node_keys	*keys;
	struct stt_hs_keyring	keyring;
	char			*host;
	struct stt_node_config	config;		/* its pointers are not to be used */
	int			poll_fd;	/* epoll: work, data, stop */
	int			stop_fd;	/* readable: nothing runs any more */

	pthread_mutex_t		lock;
	pthread_cond_t		changed;	/* phase, or users is zero */
	enum node_phase		phase;
	unsigned int		users;
	bool			gone;		/* somebody deleted it in the kernel */
	bool			server_mode, accepting;
	uint8_t			id[STT_NODE_ID_LEN];
	struct stt_node_stats	last;		/* counters; kernel's as of the stop */

	/* One run; the descriptors are -1 otherwise. */
	uint32_t		number;
	int			family;		/* AF_STT as it is here */
	uint32_t		suites;		/* bit N: suite N */
	uint8_t			preferred_suite;
	union stt_addr		bound;
	int			udp_fd, hs_fd, data_fd;
	int			work_fd;	/* epoll: all that makes work */
	int			timer_fd, wake_fd;
	uint64_t		next_ms;	/* no timer is due before */
	struct stt_ctl		*ctl;
	struct stt_responder	*responder;
	struct connect_list	connects;
	struct stt_id_table	by_id;
	struct rekey_pool	*rekey_pool;	/* memory of the rekeys */
	struct stt_id_table	rekeys;		/* by session */
	struct rekey_list	rekey_attempts;
	struct ended_list	ended;
	pthread_t		thread;
	bool			has_thread;
	atomic_uint		received;
};

/* ---- node_suites.c ------------------------------------------------------ */

/* 0, or -EINVAL: what the program asks for cannot be. */
int node_suites_check(const struct stt_node_config *config);
/* Fill in the suites of a run. -EOPNOTSUPP: the kernel has none of them. */
int node_suites_choose(struct stt_node *node, uint32_t kernel);

/* ---- node.c ------------------------------------------------------------- */

uint64_t node_now_ms(void);
void node_log(const struct stt_node *node, int priority, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Lock a node that runs; the lock is not held after a failure. */
int node_lock_running(struct stt_node *node);

/* Use the descriptors without the lock. */
int node_enter(struct stt_node *node);
void node_leave(struct stt_node *node);

/*
 * Wait, as a user, until @fd has one of @events, doing the node's work
 * meanwhile. @deadline_ms UINT64_MAX: for ever. 0, -EAGAIN: too late,
 * -EINTR, -ESHUTDOWN.
 */
int node_wait(struct stt_node *node, int fd, short events, uint64_t deadline_ms);

/* ---- node_process.c, all under the lock --------------------------------- */

void node_step(struct stt_node *node);
void *node_thread(void *arg);
void node_wake_at(struct stt_node *node, uint64_t ms);
int node_install(struct stt_node *node, const struct stt_hs_session *s, uint32_t state,
		 const union stt_addr *peer, const union stt_addr *local);
stt_attempt_send node_send_frame;
/* The same, sealed in a session. */
int node_send_sealed(struct stt_node *node, uint64_t session, const struct stt_hs_frame *frame);
void node_count_drop(struct stt_node *node, enum stt_hs_drop why);
void node_session_ended(struct stt_node *node, uint64_t id);
void node_forget_ended(struct stt_node *node);

/* ---- node_connect.c, all under the lock --------------------------------- */

void node_connect_input(struct stt_node *node, uint64_t now_ms, const union stt_addr *from,
			const union stt_addr *to, const uint8_t *data, size_t len);
void node_connect_own(struct stt_node *node, uint32_t id);
void node_connect_error(struct stt_node *node, uint64_t now_ms, const union stt_addr *about,
			int error);
void node_connect_active(struct stt_node *node, uint64_t session);
void node_connect_resolved(struct stt_node *node, uint64_t now_ms);
uint64_t node_connect_tick(struct stt_node *node, uint64_t now_ms);
void node_connect_stop(struct stt_node *node);
void node_connect_begin(struct stt_connect *c);
void node_connect_cancel(struct stt_connect *c);

/* ---- node_rekey_table.c, under the lock --------------------------------- */

struct node_rekey *node_rekey_of(const struct stt_node *node, uint64_t session);

/* A session that a handshake has made. Without memory it just is not rekeyed. */
void node_rekey_add(struct stt_node *node, const struct stt_hs_session *s, bool first);
void node_rekey_remove(struct stt_node *node, struct node_rekey *r);

/* The secret of an epoch, for the keys of the next one. */
bool node_rekey_secret(const struct node_rekey *r, uint8_t epoch, struct stt_hs_rekey *out);
void node_rekey_remember(struct node_rekey *r, uint8_t epoch, const uint8_t *secret);
void node_rekey_free_all(struct stt_node *node);

/* ---- node_rekey.c, all under the lock ----------------------------------- */

/* The responder's questions; @ctx is the node. */
bool node_rekey_find(void *ctx, uint64_t session, uint8_t epoch, struct stt_hs_rekey *out);
bool node_rekey_admit(void *ctx, uint64_t session, uint8_t epoch, const uint8_t *time);

/* The keys of a rekey that the peer has begun into its session; 0 or a negative errno. */
int node_rekey_answered(struct stt_node *node, const struct stt_hs_session *s);

/* The kernel wants new keys for a session. */
void node_rekey_wanted(struct stt_node *node, uint64_t session);
/* The session is gone. */
void node_rekey_gone(struct stt_node *node, uint64_t session);
/* Events were lost. */
void node_rekey_resync(struct stt_node *node);

/* Take a RESPONSE or FINAL that came sealed in @session. */
void node_rekey_input(struct stt_node *node, uint64_t now_ms, uint64_t session,
		      const uint8_t *data, size_t len);
uint64_t node_rekey_tick(struct stt_node *node, uint64_t now_ms);
void node_rekey_stop(struct stt_node *node);

/* ---- node_session.c, under the lock ------------------------------------- */

void node_counters(struct stt_node *node, struct stt_node_stats *stats);

struct node_ids {
	uint64_t	*ids;
	size_t		n, cap;
};

/* Is it one? 0 or -EINVAL. */
int node_check_session_id(uint64_t session);
/* The data socket knew before the event was read: that is work for the next step. */
int node_deleted(struct stt_node *node);

/* 0 or -ENOMEM. */
int node_ids_add(struct node_ids *ids, uint64_t id);

/* Ids of the sessions in one of the @states (bit N: state N). Free ->ids. */
int node_session_ids(struct stt_node *node, unsigned int states, struct node_ids *ids);

#endif /* STT_LIB_NODE_H */
