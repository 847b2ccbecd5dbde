/* SPDX-License-Identifier: GPL-2.0-only */
/* The slots of keys, between key.c and key_install.c. Who looks at one has s->lock. */
#ifndef _STT_KEY_SLOT_H
#define _STT_KEY_SLOT_H

#include <linux/types.h>

struct netlink_ext_ack;
struct rcu_head;
struct sk_buff;
struct stt_rx_key;
struct stt_session;
struct stt_tx_key;

struct stt_tx_key *stt_tx_key_alloc(void);
struct stt_rx_key *stt_rx_key_alloc(void);
void stt_tx_key_free(struct rcu_head *rcu);
void stt_rx_key_free(struct rcu_head *rcu);
int __must_check stt_key_charge(const struct stt_session *s, u8 suite,
				const struct sk_buff *request, struct netlink_ext_ack *extack);
void stt_key_charge_always(const struct stt_session *s, u8 suite);
void stt_key_uncharge(const struct stt_session *s, u8 suite);

struct stt_tx_key *stt_tx_key_in(struct stt_session *s, struct stt_tx_key __rcu *const *slot);
struct stt_rx_key *stt_rx_key_at(struct stt_session *s, unsigned int slot);
struct stt_rx_key *stt_rx_key_of(struct stt_session *s, u8 epoch);
bool stt_tx_key_waits(struct stt_session *s, u8 epoch);
bool stt_rx_key_waits(struct stt_session *s, u8 epoch);
bool stt_epoch_proved(struct stt_session *s, u8 epoch);

void stt_tx_key_promote(struct stt_session *s);
void stt_tx_key_retire(struct stt_session *s, struct stt_tx_key __rcu **slot);
void stt_rx_key_retire(struct stt_session *s, u8 epoch);

void stt_key_install_init(void);

#endif /* _STT_KEY_SLOT_H */
