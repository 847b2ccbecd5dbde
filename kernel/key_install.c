// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys come, and are taken away, at the word of their session's owner.
 *
 * Install is create-only, an epoch is only ever followed by the next one, and
 * a secret that the session has, or had among its last ones, is refused: a
 * counter never sends twice under one key.
 */

#include <crypto/algapi.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <linux/siphash.h>

#include "key.h"
#include "key_slot.h"
#include "session.h"
#include "trace.h"

static siphash_key_t stt_secret_key __ro_after_init;

/*
 * What is remembered of a secret when it is gone: enough to know it again, no
 * use to anybody who does not know the module's random key.
 */
static u64 stt_secret_print(const u8 *secret)
{
	return siphash(secret, STT_KEY_LEN, &stt_secret_key);
}

static bool stt_secret_is(const struct stt_key *key, const u8 *secret)
{
	return !crypto_memneq(key->cipher.secret, secret, STT_KEY_LEN);
}

/* Has the session a key with this secret, in whatever epoch or direction? */
static bool stt_secret_held(struct stt_session *s, const u8 *secret)
{
	const struct stt_tx_key *tx = stt_tx_key_in(s, &s->tx);
	const struct stt_tx_key *next = stt_tx_key_in(s, &s->tx_next);
	const struct stt_rx_key *rx;
	unsigned int i;

	for (i = 0; i < STT_RX_SLOTS; i++) {
		rx = stt_rx_key_at(s, i);
		if (rx && stt_secret_is(&rx->key, secret))
			return true;
	}
	return (tx && stt_secret_is(&tx->key, secret)) ||
	       (next && stt_secret_is(&next->key, secret));
}

/*
 * The same of the last ones. Keys that wait give way as often as anybody likes,
 * and each takes the place of an older secret here.
 */
static bool stt_secret_known(const struct stt_session *s, const u8 *secret)
{
	u64 print = stt_secret_print(secret);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s->secrets); i++) {
		if (s->secrets[i] == print)
			return true;
	}
	return false;
}

static void stt_secret_remember(struct stt_session *s, const u8 *secret)
{
	s->secrets[s->next_secret++ % ARRAY_SIZE(s->secrets)] = stt_secret_print(secret);
}

/* What holds for a new key of either direction, after its epoch has passed. */
static int stt_key_check(struct stt_session *s, const struct stt_key *key,
			 struct netlink_ext_ack *extack)
{
	if (s->state > STT_SESSION_STATE_ACTIVE) {
		NL_SET_ERR_MSG(extack, "the session is over");
		return -EINVAL;
	}
	if (stt_secret_held(s, key->cipher.secret) || stt_secret_known(s, key->cipher.secret)) {
		NL_SET_ERR_MSG(extack, "the session has or had this secret already");
		return -EINVAL;
	}
	return 0;
}

/* May sleep. The key is to be freed in any case, also after failure. */
static int stt_key_fill(struct stt_key *key, const struct stt_key_spec *spec,
			struct netlink_ext_ack *extack)
{
	int err;

	key->epoch = spec->epoch;
	key->suite = spec->suite;
	err = stt_cipher_init(&key->cipher, spec->suite, spec->secret);
	if (err)
		NL_SET_ERR_MSG(extack, "the kernel's cipher does not take the key");
	return err;
}

/* May a key of this epoch be installed for sending? */
static int stt_tx_epoch_check(struct stt_session *s, u8 epoch, bool replace,
			      struct netlink_ext_ack *extack)
{
	if (!s->tx_installed || (replace && stt_tx_key_waits(s, epoch)))
		return 0;
	if (stt_tx_key_in(s, &s->tx_next)) {
		NL_SET_ERR_MSG(extack, "a send key of the next epoch is waiting already");
		return -EBUSY;
	}
	if (epoch == s->tx_epoch) {
		NL_SET_ERR_MSG(extack, "this epoch has or had a send key, keys are create-only");
		return -EEXIST;
	}
	if (epoch != stt_epoch_next(s->tx_epoch)) {
		NL_SET_ERR_MSG(extack, "send epoch must be the one after the current");
		return -EINVAL;
	}
	return 0;
}

/* May a key of this epoch be installed for receiving? */
static int stt_rx_epoch_check(struct stt_session *s, u8 epoch, bool replace,
			      struct netlink_ext_ack *extack)
{
	if (!s->rx_installed || (replace && stt_rx_key_waits(s, epoch)))
		return 0;
	if (stt_rx_key_of(s, epoch)) {
		NL_SET_ERR_MSG(extack, "this epoch has a receive key, keys are create-only");
		return -EEXIST;
	}
	if (epoch != stt_epoch_next(s->rx_epoch)) {
		NL_SET_ERR_MSG(extack, "receive epoch must be the one after the current");
		return -EINVAL;
	}
	return 0;
}

/* The first key sends at once, a later one when its epoch has been proved. */
static int stt_tx_key_insert(struct stt_session *s, struct stt_tx_key *key, bool replace,
			     struct netlink_ext_ack *extack)
{
	int err;

	err = stt_tx_epoch_check(s, key->key.epoch, replace, extack);
	if (!err)
		err = stt_key_check(s, &key->key, extack);
	if (err)
		return err;

	stt_secret_remember(s, key->key.cipher.secret);
	stt_tx_key_retire(s, &s->tx_next);
	rcu_assign_pointer(s->tx_next, key);
	s->next_since = jiffies;
	if (!s->tx_installed || stt_epoch_proved(s, key->key.epoch))
		stt_tx_key_promote(s);
	s->tx_installed = true;
	return 0;
}

static int stt_rx_key_insert(struct stt_session *s, struct stt_rx_key *key, bool replace,
			     struct netlink_ext_ack *extack)
{
	int err;

	err = stt_rx_epoch_check(s, key->key.epoch, replace, extack);
	if (!err)
		err = stt_key_check(s, &key->key, extack);
	if (err)
		return err;

	stt_secret_remember(s, key->key.cipher.secret);
	s->next_since = jiffies;
	if (!s->rx_installed) {
		s->rx_epoch = key->key.epoch;
		s->rx_since = jiffies;
		trace_stt_key_epoch(s, STT_DIRECTION_RX, s->rx_epoch);
	}
	s->rx_installed = true;
	/* The slot may still hold the epoch before the previous one, or what gives way. */
	stt_rx_key_retire(s, key->key.epoch);
	rcu_assign_pointer(s->rx[stt_rx_slot(key->key.epoch)], key);
	return 0;
}

static int stt_tx_key_install(struct stt_session *s, const struct stt_key_spec *spec,
			      struct netlink_ext_ack *extack)
{
	struct stt_tx_key *key = stt_tx_key_alloc();
	int err;

	if (!key)
		return -ENOMEM;
	err = stt_key_fill(&key->key, spec, extack);
	if (!err) {
		spin_lock_bh(&s->lock);
		err = stt_tx_key_insert(s, key, spec->waiting, extack);
		spin_unlock_bh(&s->lock);
	}

	if (err)
		stt_tx_key_free(&key->key.rcu);
	return err;
}

static int stt_rx_key_install(struct stt_session *s, const struct stt_key_spec *spec,
			      struct netlink_ext_ack *extack)
{
	struct stt_rx_key *key = stt_rx_key_alloc();
	int err;

	if (!key)
		return -ENOMEM;
	err = stt_key_fill(&key->key, spec, extack);
	if (!err) {
		spin_lock_bh(&s->lock);
		err = stt_rx_key_insert(s, key, spec->waiting, extack);
		spin_unlock_bh(&s->lock);
	}

	if (err)
		stt_rx_key_free(&key->key.rcu);
	return err;
}

/* Has the session a key of this suite in this direction? */
static bool stt_key_like(struct stt_session *s, u8 direction, u8 suite)
{
	const struct stt_tx_key *tx = stt_tx_key_in(s, &s->tx) ?: stt_tx_key_in(s, &s->tx_next);
	const struct stt_rx_key *rx;
	unsigned int i;

	if (direction == STT_DIRECTION_TX)
		return tx && tx->key.suite == suite;
	for (i = 0; i < STT_RX_SLOTS; i++) {
		rx = stt_rx_key_at(s, i);
		if (rx && rx->key.suite == suite)
			return true;
	}
	return false;
}

/*
 * A session that has such keys may follow them with others at the limit too:
 * it would end when these are worn out, and whoever takes all keys could end it.
 */
static int stt_key_account(struct stt_session *s, const struct stt_key_spec *spec,
			   const struct sk_buff *request, struct netlink_ext_ack *extack)
{
	bool goes_on;

	spin_lock_bh(&s->lock);
	goes_on = stt_key_like(s, spec->direction, spec->suite);
	spin_unlock_bh(&s->lock);
	if (!goes_on)
		return stt_key_charge(s, spec->suite, request, extack);
	stt_key_charge_always(s, spec->suite);
	return 0;
}

int stt_key_install(struct stt_session *s, const struct stt_key_spec *spec,
		    const struct sk_buff *request, struct netlink_ext_ack *extack)
{
	int err = stt_key_account(s, spec, request, extack);

	if (err)
		return err;
	if (spec->direction == STT_DIRECTION_TX)
		err = stt_tx_key_install(s, spec, extack);
	else
		err = stt_rx_key_install(s, spec, extack);
	if (err)
		stt_key_uncharge(s, spec->suite);
	return err;
}

static int stt_tx_key_remove(struct stt_session *s, u8 epoch, bool waiting)
{
	struct stt_tx_key *tx = stt_tx_key_in(s, &s->tx);

	if (stt_tx_key_waits(s, epoch)) {
		stt_tx_key_retire(s, &s->tx_next);
		return 0;
	}
	if (!tx || tx->key.epoch != epoch)
		return -ENOENT;
	if (waiting)
		return -EBUSY;
	stt_tx_key_retire(s, &s->tx);
	return 0;
}

static int stt_rx_key_remove(struct stt_session *s, u8 epoch, bool waiting)
{
	if (!stt_rx_key_of(s, epoch))
		return -ENOENT;
	if (waiting && !stt_rx_key_waits(s, epoch))
		return -EBUSY;
	stt_rx_key_retire(s, epoch);
	return 0;
}

int stt_key_remove(struct stt_session *s, const struct stt_key_spec *spec,
		   struct netlink_ext_ack *extack)
{
	int err;

	spin_lock_bh(&s->lock);
	if (spec->direction == STT_DIRECTION_TX)
		err = stt_tx_key_remove(s, spec->epoch, spec->waiting);
	else
		err = stt_rx_key_remove(s, spec->epoch, spec->waiting);
	spin_unlock_bh(&s->lock);

	if (err == -ENOENT)
		NL_SET_ERR_MSG(extack, "no such key");
	else if (err)
		NL_SET_ERR_MSG(extack, "the key does not wait, it is in use");
	return err;
}

void __init stt_key_install_init(void)
{
	get_random_bytes(&stt_secret_key, sizeof(stt_secret_key));
}
