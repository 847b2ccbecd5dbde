/* SPDX-License-Identifier: GPL-2.0-only */
/* The ages of keys: when new ones are asked for, when old ones go. */
#ifndef _STT_REKEY_H
#define _STT_REKEY_H

#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/types.h>

struct netlink_ext_ack;
struct stt_session;
struct stt_tx_key;

/* What a node or a session is told about it. */
#define STT_REKEY_AGE_MS_DEFAULT	(3600 * 1000)
#define STT_REKEY_AGE_MS_MIN		1000
#define STT_REKEY_AGE_MS_MAX		(7 * 24 * 3600 * 1000)
#define STT_REKEY_VOLUME_MAX		U32_MAX

/**
 * struct stt_rekey_spec - when a session wants new keys
 * @age_ms: after that long; 0 = never
 * @volume: after so many frames; 0 = as many as the suite allows
 */
struct stt_rekey_spec {
	u32 age_ms;
	u32 volume;
};

/*
 * Is something that takes @span jiffies due, @elapsed after it began? If not,
 * *@wait is how long to wait for it at most.
 */
static inline bool stt_due(unsigned long elapsed, unsigned long span, unsigned long *wait)
{
	if (elapsed >= span)
		return true;
	*wait = min(*wait, span - elapsed);
	return false;
}

void stt_rekey_set(struct stt_session *s, const struct stt_rekey_spec *spec);
int __must_check stt_rekey_demand(struct stt_session *s, struct netlink_ext_ack *extack);
void stt_rekey_promoted(struct stt_session *s, u8 suite);
int __must_check stt_rekey_volume(struct stt_session *s, struct stt_tx_key *key, u8 kind,
				  u64 end);
void stt_rekey_tick(struct stt_session *s, unsigned long *wait);
unsigned long stt_rekey_first(const struct stt_session *s);

#endif /* _STT_REKEY_H */
