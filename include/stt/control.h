/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control of AF_STT in the kernel: nodes, sessions, keys, sockets, events.
 *
 * A thin, complete wrapper of the generic netlink family "stt"
 * (Documentation/netlink/specs/stt.yaml). libstt-user's node object and
 * stt-ip are both built on it; a program that does its own key agreement needs
 * nothing else. All functions return 0 or a count on success and a negative
 * errno on failure, with a sentence that names the thing and the fix in
 * stt_errmsg() (the kernel's own extack message, where it sent one).
 *
 * A struct stt_ctl belongs to one thread at a time.
 */
#ifndef STT_CONTROL_H
#define STT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/stt.h>
#include <stt/export.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stt_ctl;

/* A UDP address: AF_INET, AF_INET6, or AF_UNSPEC for none. */
union stt_addr {
	struct sockaddr		sa;
	struct sockaddr_in	in;
	struct sockaddr_in6	in6;
};

/* Index: STT_A_STATS_*; the first two entries are not used. */
struct stt_stats {
	uint64_t v[STT_A_STATS_MAX + 1];
};

struct stt_info {
	int		family;			/* number of the socket family */
	char		module_version[32];
	uint32_t	wire_version;
	uint32_t	suites;			/* bit N: suite N */
	uint32_t	message_max;
	uint32_t	overhead;
	uint32_t	replay_window;
	uint32_t	heartbeat_ms;
	uint32_t	nodes_max, sessions_max, gcm_keys_max;
	uint32_t	nodes, sessions, gcm_keys;
	struct stt_stats stats;			/* of the network namespace */
};

struct stt_node_info {
	uint32_t	id;
	uint32_t	uid;
	union stt_addr	local;
	uint32_t	heartbeat_ms;
	uint32_t	sessions;
	struct stt_stats stats;
	uint64_t	inode;			/* of the UDP socket */
	bool		has_gid;		/* set: change it */
	uint32_t	gid;			/* group that may use it; STT_GID_NONE */
	bool		has_heartbeat;		/* set: change heartbeat_ms */
	bool		has_rekey_age, has_rekey_volume;	/* set: change them */
	uint32_t	rekey_age_ms, rekey_volume;	/* of new sessions */
};

/* What new sessions of a node get; what is not said is the module's default. */
struct stt_node_defaults {
	bool		has_heartbeat, has_rekey_age, has_rekey_volume;
	uint32_t	heartbeat_ms;
	uint32_t	rekey_age_ms;		/* 0: off */
	uint32_t	rekey_volume;		/* frames; 0: as the suite needs */
};

struct stt_key {
	uint8_t		epoch;			/* 0 to 7 */
	uint8_t		direction;		/* enum stt_direction */
	uint8_t		suite;			/* enum stt_suite */
	uint8_t		secret[STT_KEY_LEN];	/* zero when read back */
	uint64_t	counter;		/* when read back */
};

#define STT_SESSION_KEYS_MAX 8

struct stt_session_info {
	uint32_t	node;
	uint64_t	id;
	uint32_t	state;			/* enum stt_session_state */
	union stt_addr	peer;
	union stt_addr	local;			/* port is ignored */
	bool		has_peer_id;
	uint8_t		peer_id[STT_PEER_ID_LEN];
	bool		has_heartbeat;		/* new, set: use heartbeat_ms */
	uint32_t	heartbeat_ms;
	unsigned int	n_keys;
	struct stt_key	keys[STT_SESSION_KEYS_MAX];
	bool		has_tx_epoch, has_rx_epoch;
	uint8_t		tx_epoch, rx_epoch;
	uint32_t	mtu;
	uint64_t	idle_rx_ms, idle_tx_ms;
	uint8_t		close_reason;
	struct stt_stats stats;
	bool		has_rekey_age, has_rekey_volume;	/* new, set: use them */
	uint32_t	rekey_age_ms, rekey_volume;
	uint32_t	rekey_reason;		/* enum stt_rekey_reason */
	bool		has_key_age;
	uint64_t	key_age_ms;		/* of the key that sends */
	uint32_t	rtt_us, srtt_us;	/* 0: not known yet */
};

struct stt_socket_info {
	uint64_t	inode;
	uint32_t	uid;
	uint32_t	node;
	uint8_t		type;
	uint64_t	session;
	bool		has_stream;
	uint32_t	stream;
	bool		has_peer;
	uint64_t	peer_session;
	uint32_t	peer_stream;
	uint32_t	rx_queue, tx_queue, drops;
	uint32_t	sharers;		/* of its binding; 0: it is not to be shared */
};

struct stt_event {
	int		cmd;			/* STT_CMD_*_NTF */
	uint32_t	node;
	struct stt_session_info session;	/* of session events */
	struct stt_node_info	node_info;	/* of node events */
};

/*
 * Open a control channel in the caller's network namespace. Loads the module
 * where autoloading is on; -ENOENT when there is no family "stt".
 */
STT_API int stt_ctl_open(struct stt_ctl **ctl);
STT_API void stt_ctl_close(struct stt_ctl *ctl);

STT_API int stt_ctl_info(struct stt_ctl *ctl, struct stt_info *info);

/* Number of the socket family in use, or a negative errno. Thread-safe. */
STT_API int stt_family(void);

/*
 * Attach a bound UDP socket as a node. @heartbeat_ms, @defaults: NULL for the
 * module's defaults. Returns 0 and the node's id. The socket stays the caller's:
 * closing it ends the node and all its sessions. -EPROTOTYPE: no UDP socket;
 * -EDESTADDRREQ: not bound; -EBUSY: a node already, or somebody else's tunnel;
 * -EXDEV: of another network namespace; -ENOSPC: a limit; -EINVAL: a time out of
 * range (heartbeat 100 to 86,400,000 ms, rekey age 1,000 to 604,800,000 ms, or 0).
 */
STT_API int stt_ctl_node_new(struct stt_ctl *ctl, int udp_fd,
			     const uint32_t *heartbeat_ms, uint32_t *id);
STT_API int stt_ctl_node_new_with(struct stt_ctl *ctl, int udp_fd,
				  const struct stt_node_defaults *defaults, uint32_t *id);
STT_API int stt_ctl_node_get(struct stt_ctl *ctl, uint32_t id, struct stt_node_info *info);
/*
 * Change what is named of node @info->id: gid if has_gid (STT_GID_NONE takes it
 * back), the heartbeat of new sessions if has_heartbeat, their rekey age and
 * volume likewise.
 */
STT_API int stt_ctl_node_set(struct stt_ctl *ctl, const struct stt_node_info *info);
STT_API int stt_ctl_node_del(struct stt_ctl *ctl, uint32_t id, uint8_t close_reason);

/*
 * Calls @cb for each; a non-zero return of @cb ends the walk and is returned.
 * @cb must not use @ctl (-EBUSY). -EINTR: something changed under the walk, so
 * an entry may be missing or have come twice. The other dumps work likewise.
 */
STT_API int stt_ctl_node_dump(struct stt_ctl *ctl,
			      int (*cb)(const struct stt_node_info *info, void *arg), void *arg);

/*
 * Create a session with its first keys in one request: node, id, state
 * (PENDING or ACTIVE; 0 = ACTIVE), peer, local (optional), peer_id (optional),
 * heartbeat, rekey age and volume (optional) and keys are read. -EEXIST when the id is taken.
 * The request is wiped after it was sent; the caller wipes @s.
 */
STT_API int stt_ctl_session_new(struct stt_ctl *ctl, const struct stt_session_info *s);
STT_API int stt_ctl_session_get(struct stt_ctl *ctl, uint32_t node, uint64_t id,
				struct stt_session_info *s);

/*
 * Create @n sessions, as that many calls of stt_ctl_session_new() would, which ask
 * the kernel one by one. @results: NULL, or @n numbers, each becomes 0 or the negative
 * errno of its session. One that is refused does not stop the others. Returns how
 * many were created; stt_errmsg() is about the last that was not. If the channel
 * fails, returns its negative errno, and results that are not known are -ECANCELED.
 */
STT_API int stt_ctl_session_new_many(struct stt_ctl *ctl, const struct stt_session_info *s,
				     unsigned int n, int *results);

/*
 * Change what is named: state (ACTIVE, 0 = leave), peer (AF_UNSPEC = leave)
 * with local (AF_UNSPEC = routing chooses), heartbeat_ms if has_heartbeat,
 * tx_epoch if has_tx_epoch, rekey_age_ms and rekey_volume likewise.
 */
STT_API int stt_ctl_session_set(struct stt_ctl *ctl, const struct stt_session_info *s);
STT_API int stt_ctl_session_del(struct stt_ctl *ctl, uint32_t node, uint64_t id,
				uint8_t close_reason);
/* Have the owner asked for new keys now: STT_CMD_SESSION_REKEY_NTF goes out. */
STT_API int stt_ctl_session_rekey(struct stt_ctl *ctl, uint32_t node, uint64_t id);
/* @node 0: the sessions of all nodes. */
STT_API int stt_ctl_session_dump(struct stt_ctl *ctl, uint32_t node,
				 int (*cb)(const struct stt_session_info *s, void *arg),
				 void *arg);

/*
 * Install or remove one key. Install is create-only: -EEXIST: that epoch has or had
 * one; -EBUSY: one of the next epoch waits; -EINVAL: not its turn, or a secret that
 * was used before; -EOPNOTSUPP: no such suite here; -ENOSPC: a limit. -ENOENT: no
 * such session, or no such key to remove.
 */
STT_API int stt_ctl_key_new(struct stt_ctl *ctl, uint32_t node, uint64_t session,
			    const struct stt_key *key);
STT_API int stt_ctl_key_del(struct stt_ctl *ctl, uint32_t node, uint64_t session,
			    uint8_t epoch, uint8_t direction);

/*
 * The same for keys of the next epoch that wait for the peer: replace takes the
 * place of one, if there is one, cancel removes one. -EEXIST or -EBUSY: it is in
 * use already. Each is one step, so no key that the kernel moves to gets lost.
 */
STT_API int stt_ctl_key_replace(struct stt_ctl *ctl, uint32_t node, uint64_t session,
				const struct stt_key *key);
STT_API int stt_ctl_key_cancel(struct stt_ctl *ctl, uint32_t node, uint64_t session,
			       uint8_t epoch, uint8_t direction);

STT_API int stt_ctl_socket_dump(struct stt_ctl *ctl,
				int (*cb)(const struct stt_socket_info *s, void *arg), void *arg);

/*
 * Events: subscribe, poll stt_ctl_fd(), then read until -EAGAIN. -ENOBUFS: some
 * were lost, and reading goes on behind the gap. They come from the network
 * namespace that the channel was opened in.
 */
STT_API int stt_ctl_subscribe(struct stt_ctl *ctl);
STT_API int stt_ctl_fd(const struct stt_ctl *ctl);
STT_API int stt_ctl_event(struct stt_ctl *ctl, struct stt_event *ev);

/* Names for people and JSON: "active", "drop_replayed", ...; NULL if unknown. */
STT_API const char *stt_session_state_name(uint32_t state);
STT_API const char *stt_stat_name(unsigned int attr);
STT_API const char *stt_suite_name(uint8_t suite);
STT_API const char *stt_close_reason_name(uint8_t reason);
STT_API const char *stt_rekey_reason_name(uint32_t reason);

/*
 * The sentence that goes with the last failure on this thread; never NULL,
 * valid until the next call on this thread.
 */
STT_API const char *stt_errmsg(void);

#ifdef __cplusplus
}
#endif

#endif /* STT_CONTROL_H */
