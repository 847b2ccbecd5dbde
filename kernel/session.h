/* SPDX-License-Identifier: GPL-2.0-only */
/* Sessions: a 64-bit id, a peer, keys, a timer, counters. */
#ifndef _STT_SESSION_H
#define _STT_SESSION_H

#include <linux/llist.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/seqlock.h>
#include <linux/timer.h>
#include <net/dst_cache.h>

#include "endpoint.h"
#include "key.h"
#include "ref.h"
#include "rekey.h"
#include "stats.h"

struct stt_join;
struct stt_node;

/* Secrets of a session that are remembered: eight epochs, both directions. */
#define STT_SECRETS	16

/**
 * struct stt_session - one peer, as one node knows it
 * @hash: in node->sessions, by @id
 * @id: the same at both ends, on every frame
 * @index: in node->session_index, for walks that survive changes
 * @refs: one of the node's table, one of every socket that names the session
 * @node: holds a reference
 * @state: enum stt_session_state; written under @lock
 * @close_reason: what the peer gave
 * @tx_epoch: epoch that sends
 * @rx_epoch: newest epoch that the peer has used
 * @tx_installed: there was a send key once
 * @rx_installed: there was a receive key once
 * @unlinked: left the table; no socket may join any more
 * @tx_suite: of the key that sends, or did last
 * @tx_expired: the key that sent was wiped for its age or volume
 * @rekey_reason: enum stt_rekey_reason; what the owner is asked for
 * @rekey_tries: how often it was, without a new key
 * @rekey_jitter: which part of an eighth of @rekey_age a key asks early
 * @next_secret: where the next goes in @secrets
 * @secrets: fingerprints of the last secrets, so that none comes back
 * @missed: heartbeats sent since the peer was last heard; timer only
 * @beats: heartbeats that were not answered, of those that may be timed
 * @beats_late: an answer may still come that is not the next one's
 * @beat_listed: it is in node->beats
 * @last_beat: jiffies of the last of @missed; timer only
 * @beat_us: when the first of @beats left; with @beat_us_high, 48 bits
 * @rtt_us: last round trip
 * @srtt_us: smoothed
 * @rekey_age: of the send key, in jiffies, at which a new one is wanted; 0: none
 * @rekey_volume: frames for the same; 0: the suite's
 * @rekey_asked: jiffies of the last question
 * @age_since: jiffies when @rekey_age was set; when they come round again, a key
 *	that nobody replaced may last one age longer
 * @rx_since: jiffies when @rx_epoch began
 * @next_since: jiffies when a key of the next epoch came
 * @tx_since: jiffies when @tx began to send
 * @rekey_at: frames of a key, after which a look at its volume is needed
 * @tx: key that sends
 * @tx_next: key that waits for the peer to have its half
 * @rx: keys that receive, by stt_rx_slot()
 * @lock: guards the state, the key slots and @binds
 * @endpoint_lock: guards @endpoint
 * @endpoint: where the peer is
 * @dst_cache: route to it; allocated by the first message sent
 * @timer: heartbeats and the death of the peer
 * @beat: in node->beats, to have a heartbeat sent
 * @heartbeat: interval in jiffies, 0 = none
 * @last_rx: jiffies of the last authentic frame
 * @last_tx: jiffies of the last frame sent
 * @stats: counters
 * @binds: bindings that name this session
 * @join: incomplete messages, from the first fragment on; made under @lock
 * @peer_id: STT_PEER_ID_LEN bytes or NULL; never changes
 * @rcu: readers find it in the hash table
 */
struct stt_session {
	struct rhash_head hash;
	u64 id;
	u32 index;
	refcount_t refs;
	struct stt_node *node;

	u8 state;
	u8 close_reason;
	u8 tx_epoch;
	u8 rx_epoch;
	u8 missed;
	bool tx_installed;
	bool rx_installed;
	bool unlinked;
	u8 tx_suite;
	bool tx_expired;
	u8 rekey_reason;
	u8 rekey_tries;
	u8 rekey_jitter;
	u8 beats;
	bool beats_late;
	bool beat_listed;
	u8 next_secret;
	u16 beat_us_high;
	u32 rekey_asked;
	u64 secrets[STT_SECRETS];

	struct stt_tx_key __rcu *tx;
	struct stt_tx_key __rcu *tx_next;
	struct stt_rx_key __rcu *rx[STT_RX_SLOTS];

	spinlock_t lock;	/* see above */
	seqlock_t endpoint_lock;
	struct stt_endpoint endpoint;
	struct dst_cache dst_cache;

	struct timer_list timer;
	struct llist_node beat;
	u32 heartbeat;
	u32 last_beat;
	u32 beat_us;
	u32 rtt_us;
	u32 srtt_us;
	u32 rekey_age;
	u32 rekey_volume;
	u32 rx_since;
	u32 next_since;
	u32 age_since;
	unsigned long tx_since;
	u64 rekey_at;
	unsigned long last_rx;
	unsigned long last_tx;

	struct stt_session_stats stats;
	struct hlist_head binds;
	struct stt_join *join;
	u8 *peer_id;
	struct rcu_head rcu;
};

/* What a new session is made from. */
struct stt_session_spec {
	u64 id;
	struct stt_endpoint endpoint;
	const u8 *peer_id;
	struct stt_rekey_spec rekey;
	u32 heartbeat_ms;
	u8 state;
};

int stt_session_table_init(struct stt_node *node);
struct stt_session *stt_session_create(struct stt_node *node,
				       const struct stt_session_spec *spec);
int __must_check stt_session_publish(struct stt_session *s, const struct sk_buff *request,
				     struct netlink_ext_ack *extack);
void stt_session_delete(struct stt_session *s, u8 reason);

/* Under rcu_read_lock(); no reference is taken. */
struct stt_session *stt_session_find(struct stt_node *node, u64 id);
struct stt_session *stt_session_get(struct stt_node *node, u64 id, enum stt_ref why);
bool __must_check stt_session_hold(struct stt_session *s, enum stt_ref why);
void stt_session_put(struct stt_session *s, enum stt_ref why);

/* 0, or why nothing can be sent on the session. */
int stt_session_error(const struct stt_session *s);

/* Why there is no key to send with. */
static inline int stt_key_error(const struct stt_session *s)
{
	return READ_ONCE(s->tx_expired) ? -EKEYEXPIRED : -ENOKEY;
}

bool stt_session_activate(struct stt_session *s);
bool stt_session_end(struct stt_session *s, u8 state, u8 reason);
void stt_session_endpoint(struct stt_session *s, struct stt_endpoint *ep);
bool stt_session_is_at(struct stt_session *s, const struct sk_buff *skb);
void stt_session_move(struct stt_session *s, const struct stt_endpoint *ep);

/* timer.c */
void stt_beats_init(struct stt_node *node);
void stt_timer_setup(struct stt_session *s, u32 heartbeat_ms);
void stt_timer_start(struct stt_session *s);
void stt_timer_set(struct stt_session *s, u32 heartbeat_ms);
void stt_timer_within(struct stt_session *s, unsigned long wait);
bool stt_timer_heartbeat(struct stt_session *s);

/* rtt.c */
void stt_heartbeat(struct stt_session *s);
void stt_heartbeat_answered(struct stt_session *s);

int stt_sessions_init(void);
void stt_sessions_exit(void);

#endif /* _STT_SESSION_H */
