// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys of a session.
 *
 * Receiving: a key per epoch, at most three at a time (previous, current,
 * next). The first authentic frame of the next epoch makes it the current one
 * and lets the one before the previous go.
 *
 * Sending: the first key sends at once. A later one waits in tx_next until
 * the peer has proved that it has its half (a frame of that epoch came), or
 * until netlink says so.
 *
 * Keys come and are taken away in key_install.c. How long they last when nothing
 * else ends them is rekey.c's.
 *
 * The slots are written under s->lock and read under RCU.
 */

#include <linux/netlink.h>
#include <linux/slab.h>

#include "key.h"
#include "key_slot.h"
#include "limit.h"
#include "node.h"
#include "rekey.h"
#include "session.h"
#include "trace.h"

static struct kmem_cache *stt_tx_key_cache __ro_after_init;
static struct kmem_cache *stt_rx_key_cache __ro_after_init;

void stt_tx_key_free(struct rcu_head *rcu)
{
	struct stt_tx_key *key = container_of(rcu, struct stt_tx_key, key.rcu);

	stt_cipher_release(&key->key.cipher);
	kmem_cache_free(stt_tx_key_cache, key);
}

struct stt_tx_key *stt_tx_key_alloc(void)
{
	return kmem_cache_zalloc(stt_tx_key_cache, GFP_KERNEL_ACCOUNT);
}

void stt_rx_key_free(struct rcu_head *rcu)
{
	struct stt_rx_key *key = container_of(rcu, struct stt_rx_key, key.rcu);

	stt_cipher_release(&key->key.cipher);
	kmem_cache_free(stt_rx_key_cache, key);
}

struct stt_rx_key *stt_rx_key_alloc(void)
{
	struct stt_rx_key *key = kmem_cache_zalloc(stt_rx_key_cache, GFP_KERNEL_ACCOUNT);

	if (key)
		spin_lock_init(&key->lock);
	return key;
}

/* What the crypto API has for a key of AES-256-GCM is charged to no cgroup: count them. */
int stt_key_charge(const struct stt_session *s, u8 suite, const struct sk_buff *request,
		   struct netlink_ext_ack *extack)
{
	if (suite != STT_SUITE_AES256GCM)
		return 0;
	return stt_charge(s->node, STT_LIMIT_GCM_KEYS, request, extack);
}

void stt_key_charge_always(const struct stt_session *s, u8 suite)
{
	if (suite == STT_SUITE_AES256GCM)
		stt_charge_always(s->node, STT_LIMIT_GCM_KEYS);
}

void stt_key_uncharge(const struct stt_session *s, u8 suite)
{
	if (suite == STT_SUITE_AES256GCM)
		stt_uncharge(s->node, STT_LIMIT_GCM_KEYS);
}

/*
 * The key has left its slot; readers may still have it. It is not counted from
 * here on: when it is freed, the namespace may be gone.
 */
static void stt_tx_key_drop(const struct stt_session *s, struct stt_tx_key *key)
{
	stt_key_uncharge(s, key->key.suite);
	call_rcu(&key->key.rcu, stt_tx_key_free);
}

static void stt_rx_key_drop(const struct stt_session *s, struct stt_rx_key *key)
{
	stt_key_uncharge(s, key->key.suite);
	call_rcu(&key->key.rcu, stt_rx_key_free);
}

void stt_tx_key_retire(struct stt_session *s, struct stt_tx_key __rcu **slot)
{
	struct stt_tx_key *key;

	key = rcu_replace_pointer(*slot, NULL, lockdep_is_held(&s->lock));
	if (key)
		stt_tx_key_drop(s, key);
}

void stt_rx_key_retire(struct stt_session *s, u8 epoch)
{
	struct stt_rx_key *key;

	key = rcu_replace_pointer(s->rx[stt_rx_slot(epoch)], NULL,
				  lockdep_is_held(&s->lock));
	if (key)
		stt_rx_key_drop(s, key);
}

struct stt_rx_key *stt_rx_key_at(struct stt_session *s, unsigned int slot)
{
	return rcu_dereference_protected(s->rx[slot], lockdep_is_held(&s->lock));
}

struct stt_rx_key *stt_rx_key_of(struct stt_session *s, u8 epoch)
{
	struct stt_rx_key *key = stt_rx_key_at(s, stt_rx_slot(epoch));

	return key && key->key.epoch == epoch ? key : NULL;
}

struct stt_tx_key *stt_tx_key_in(struct stt_session *s, struct stt_tx_key __rcu *const *slot)
{
	return rcu_dereference_protected(*slot, lockdep_is_held(&s->lock));
}

/* Does a send key of this epoch wait for its turn? */
bool stt_tx_key_waits(struct stt_session *s, u8 epoch)
{
	struct stt_tx_key *next = stt_tx_key_in(s, &s->tx_next);

	return next && next->key.epoch == epoch;
}

/* Has the peer sent anything authentic in this epoch? */
bool stt_epoch_proved(struct stt_session *s, u8 epoch)
{
	struct stt_rx_key *key = stt_rx_key_of(s, epoch);

	return key && READ_ONCE(key->replay.top);
}

/* Does a receive key of this epoch wait? Neither end has used it yet. */
bool stt_rx_key_waits(struct stt_session *s, u8 epoch)
{
	return epoch == stt_epoch_next(s->rx_epoch) &&
	       !(s->tx_installed && epoch == s->tx_epoch) &&
	       stt_rx_key_of(s, epoch) && !stt_epoch_proved(s, epoch);
}

/* The waiting key becomes the one that sends. */
void stt_tx_key_promote(struct stt_session *s)
{
	struct stt_tx_key *next = stt_tx_key_in(s, &s->tx_next);
	struct stt_tx_key *old;

	WRITE_ONCE(s->tx_epoch, next->key.epoch);
	trace_stt_key_epoch(s, STT_DIRECTION_TX, s->tx_epoch);
	stt_rekey_promoted(s, next->key.suite);
	old = rcu_replace_pointer(s->tx, next, lockdep_is_held(&s->lock));
	RCU_INIT_POINTER(s->tx_next, NULL);
	/* What opens the peer's answers lasts as long as this one. */
	s->next_since = jiffies;
	if (old)
		stt_tx_key_drop(s, old);
}

/*
 * Has the peer still to be heard in the epoch that sends? It may be waiting for
 * our first frame of it.
 */
bool stt_keys_unsettled(struct stt_session *s)
{
	return rcu_access_pointer(s->tx) && s->tx_epoch == stt_epoch_next(s->rx_epoch) &&
	       stt_rx_key_of(s, s->tx_epoch);
}

/*
 * Send with @epoch from now on. @prove: the peer may wait for proof before it
 * does the same, so it is to get a heartbeat at once.
 */
int stt_key_use_tx(struct stt_session *s, u8 epoch, bool *prove, struct netlink_ext_ack *extack)
{
	struct stt_tx_key *tx;
	int err = 0;

	*prove = false;
	spin_lock_bh(&s->lock);
	tx = stt_tx_key_in(s, &s->tx);
	if (stt_tx_key_waits(s, epoch)) {
		stt_tx_key_promote(s);
		*prove = stt_keys_unsettled(s) && s->state == STT_SESSION_STATE_ACTIVE;
	} else if (!tx || tx->key.epoch != epoch) {
		err = -ENOKEY;
	}
	spin_unlock_bh(&s->lock);

	if (err)
		NL_SET_ERR_MSG(extack, "no send key of this epoch");
	stt_timer_within(s, HZ);
	return err;
}

/* The peer has moved to @epoch; the one it left is kept for late frames. */
static void stt_rx_epoch_advance(struct stt_session *s, u8 epoch)
{
	u8 previous = s->rx_epoch;

	if (epoch != stt_epoch_next(previous) || !stt_rx_key_of(s, epoch))
		return;
	WRITE_ONCE(s->rx_epoch, epoch);
	trace_stt_key_epoch(s, STT_DIRECTION_RX, epoch);
	s->rx_since = jiffies;
	stt_rx_key_retire(s, stt_epoch_before(previous));
}

/*
 * An authentic frame came that @key has opened: follow the peer if that is news.
 * It proves nothing of another key that has come in its place meanwhile.
 */
void stt_keys_advance(struct stt_session *s, const struct stt_rx_key *key)
{
	struct stt_tx_key *next = rcu_dereference(s->tx_next);
	u8 epoch = key->key.epoch;

	if (likely(READ_ONCE(s->rx_epoch) == epoch && (!next || next->key.epoch != epoch)))
		return;

	spin_lock_bh(&s->lock);
	if (rcu_access_pointer(s->rx[stt_rx_slot(epoch)]) == key) {
		stt_rx_epoch_advance(s, epoch);
		if (stt_tx_key_waits(s, epoch))
			stt_tx_key_promote(s);
	}
	spin_unlock_bh(&s->lock);
	stt_timer_within(s, HZ);
}

/* The receive key that has this role now, or NULL. */
static struct stt_rx_key *stt_rx_key_as(struct stt_session *s, enum stt_key_role role)
{
	switch (role) {
	case STT_KEY_CURRENT:
		return stt_rx_key_of(s, s->rx_epoch);
	case STT_KEY_PREVIOUS:
		return stt_rx_key_of(s, stt_epoch_before(s->rx_epoch));
	case STT_KEY_WAITING:
		return stt_rx_key_of(s, stt_epoch_next(s->rx_epoch));
	default:
		return NULL;
	}
}

bool stt_keys_have(struct stt_session *s, enum stt_key_role role)
{
	lockdep_assert_held(&s->lock);
	if (role == STT_KEY_SENDING)
		return rcu_access_pointer(s->tx);
	if (role == STT_KEY_WAITING && rcu_access_pointer(s->tx_next))
		return true;
	return stt_rx_key_as(s, role);
}

/* Its time is over: the key of this role is wiped. */
void stt_keys_expire(struct stt_session *s, enum stt_key_role role)
{
	struct stt_rx_key *rx = stt_rx_key_as(s, role);

	lockdep_assert_held(&s->lock);
	if (rx)
		stt_rx_key_retire(s, rx->key.epoch);
	if (role == STT_KEY_WAITING)
		stt_tx_key_retire(s, &s->tx_next);
	if (role == STT_KEY_SENDING) {
		stt_tx_key_retire(s, &s->tx);
		WRITE_ONCE(s->tx_expired, true);
	}
}

/* The session is gone or over: no key outlives it. */
void stt_keys_release(struct stt_session *s)
{
	unsigned int i;

	spin_lock_bh(&s->lock);
	stt_tx_key_retire(s, &s->tx);
	stt_tx_key_retire(s, &s->tx_next);
	for (i = 0; i < STT_RX_SLOTS; i++)
		stt_rx_key_retire(s, i);
	spin_unlock_bh(&s->lock);
}

/*
 * Take @n consecutive counters for frames of this kind; returns the first, or
 * -EKEYEXPIRED. The limits lie half way or before: however many callers pass the
 * check at once, no counter can wrap behind their backs.
 */
s64 stt_key_reserve(struct stt_session *s, struct stt_tx_key *key, u8 kind, unsigned int n)
{
	u64 end = atomic64_read(&key->counter) + n;

	if (unlikely(end > READ_ONCE(s->rekey_at))) {
		int err = stt_rekey_volume(s, key, kind, end);

		if (err)
			return err;
	}
	return atomic64_fetch_add(n, &key->counter);
}

/* See stt_cipher_seal(): after an error the frame is lost and @counter is spent. */
int stt_key_seal(const struct stt_tx_key *key, u8 *frame, size_t body_len, u64 counter)
{
	return stt_cipher_seal(&key->key.cipher, frame, body_len, counter);
}

/* See stt_cipher_open(). */
int stt_key_open(const struct stt_rx_key *key, u8 *body, size_t len, const u8 *header,
		 u64 counter)
{
	return stt_cipher_open(&key->key.cipher, body, len, header, counter);
}

int __init stt_keys_init(void)
{
	int err;

	stt_key_install_init();
	err = stt_suites_init();
	if (err)
		return err;
	stt_tx_key_cache = KMEM_CACHE(stt_tx_key, 0);
	stt_rx_key_cache = KMEM_CACHE(stt_rx_key, 0);
	if (stt_tx_key_cache && stt_rx_key_cache)
		return 0;
	stt_keys_exit();
	return -ENOMEM;
}

/* After rcu_barrier(). */
void stt_keys_exit(void)
{
	kmem_cache_destroy(stt_rx_key_cache);
	kmem_cache_destroy(stt_tx_key_cache);
	stt_suites_exit();
}
