/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys: one per direction and epoch of a session. */
#ifndef _STT_KEY_H
#define _STT_KEY_H

#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/stt.h>
#include <stt/wire.h>

#include "frame.h"
#include "replay.h"
#include "suite.h"

struct netlink_ext_ack;
struct stt_session;

/* Keys of a session by what they are for, not by epoch. */
enum stt_key_role {
	STT_KEY_SENDING,	/* seals */
	STT_KEY_CURRENT,	/* opens what the peer seals now */
	STT_KEY_PREVIOUS,	/* opens what the peer has sealed before */
	STT_KEY_WAITING,	/* both of the next epoch, which may never come */
};

/**
 * struct stt_key - what both directions have in common
 * @cipher: the secret; wiped before the memory is given back
 * @epoch: as in the clear header
 * @suite: enum stt_suite
 * @rcu: readers may still hold it when it leaves its slot
 */
struct stt_key {
	struct stt_cipher cipher;
	u8 epoch;
	u8 suite;
	struct rcu_head rcu;
};

/**
 * struct stt_tx_key - a key that seals
 * @key: must be first
 * @counter: the next counter; only ever grows
 */
struct stt_tx_key {
	struct stt_key key;
	atomic64_t counter;
};

/**
 * struct stt_rx_key - a key that opens
 * @key: must be first
 * @lock: guards @replay
 * @replay: what has been received with it
 */
struct stt_rx_key {
	struct stt_key key;
	spinlock_t lock;	/* of @replay */
	struct stt_replay replay;
};

/* Receive keys by epoch: previous, current and next never share a slot. */
#define STT_RX_SLOTS	4

static inline unsigned int stt_rx_slot(u8 epoch)
{
	return epoch % STT_RX_SLOTS;
}

static inline u8 stt_epoch_next(u8 epoch)
{
	return (epoch + 1) % STT_EPOCHS;
}

static inline u8 stt_epoch_before(u8 epoch)
{
	return (epoch + STT_EPOCHS - 1) % STT_EPOCHS;
}

/* A key as netlink describes it, before it is one. */
struct stt_key_spec {
	const u8 *secret;
	u8 epoch;
	u8 direction;
	u8 suite;
	bool waiting;	/* STT_A_KEY_WAITING */
};

int __must_check stt_key_install(struct stt_session *s, const struct stt_key_spec *spec,
				 const struct sk_buff *request,
				 struct netlink_ext_ack *extack);
int __must_check stt_key_remove(struct stt_session *s, const struct stt_key_spec *spec,
				struct netlink_ext_ack *extack);
int __must_check stt_key_use_tx(struct stt_session *s, u8 epoch, bool *prove,
				struct netlink_ext_ack *extack);
void stt_keys_advance(struct stt_session *s, const struct stt_rx_key *key);
void stt_keys_release(struct stt_session *s);

/* Under s->lock. */
bool stt_keys_have(struct stt_session *s, enum stt_key_role role);
void stt_keys_expire(struct stt_session *s, enum stt_key_role role);
bool stt_keys_unsettled(struct stt_session *s);

s64 __must_check stt_key_reserve(struct stt_session *s, struct stt_tx_key *key, u8 kind,
				 unsigned int n);
int __must_check stt_key_seal(const struct stt_tx_key *key, u8 *frame, size_t body_len,
			      u64 counter);
int __must_check stt_key_open(const struct stt_rx_key *key, u8 *body, size_t len,
			      const u8 *header, u64 counter);

int stt_keys_init(void);
void stt_keys_exit(void);

#endif /* _STT_KEY_H */
