// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A sorted array: HELLOs come nearly in the order of their timestamps, so a
 * new one goes to the end or close to it, and the oldest leaves at the front.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handshake.h"
#include "handshake_replay.h"

#define CAP_MIN	64

void stt_replay_init(struct stt_replay *r, size_t max, uint32_t lag_s)
{
	memset(r, 0, sizeof(*r));
	r->max = max;
	r->lag_s = lag_s;
}

void stt_replay_clock(struct stt_replay *r, int64_t now_s)
{
	stt_hs_time(r->oldest, now_s - (int64_t)r->lag_s, 0);
	stt_hs_time(r->newest, now_s + (int64_t)r->lag_s, 999999999);
	stt_hs_time(r->recent, now_s - STT_REPLAY_GRACE_S, 0);
}

void stt_replay_free(struct stt_replay *r)
{
	free(r->entries);
	memset(r, 0, sizeof(*r));
}

static void make_entry(struct stt_replay_entry *entry, const uint8_t *time, const uint8_t *e)
{
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->time, time, sizeof(entry->time));
	memcpy(entry->e, e, sizeof(entry->e));
}

static int time_cmp(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, STT_HS_TIME_LEN);
}

static int entry_cmp(const struct stt_replay_entry *a, const struct stt_replay_entry *b)
{
	int ret = time_cmp(a->time, b->time);

	return ret ? ret : memcmp(a->e, b->e, sizeof(a->e));
}

/* Index, from head, of the first entry that is not before this one. */
static size_t position(const struct stt_replay *r, const struct stt_replay_entry *entry)
{
	const struct stt_replay_entry *first = r->entries + r->head;
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (entry_cmp(&first[mid], entry) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct stt_replay_entry *find(const struct stt_replay *r,
				     const struct stt_replay_entry *entry, size_t at)
{
	struct stt_replay_entry *found = r->entries + r->head + at;

	return at < r->n && !entry_cmp(found, entry) ? found : NULL;
}

/* Refused is all that is not newer than this. */
static const uint8_t *floor_of(const struct stt_replay *r)
{
	const uint8_t *forgotten = r->forgotten;

	if (time_cmp(forgotten, r->recent) > 0)
		forgotten = r->recent;
	return time_cmp(forgotten, r->oldest) > 0 ? forgotten : r->oldest;
}

bool stt_replay_seen(const struct stt_replay *r, uint64_t now_ms, const uint8_t *time,
		     const uint8_t *e)
{
	const struct stt_replay_entry *found;
	struct stt_replay_entry entry;

	if (time_cmp(time, floor_of(r)) <= 0 || time_cmp(time, r->newest) > 0)
		return true;
	if (!r->n)
		return false;
	make_entry(&entry, time, e);
	found = find(r, &entry, position(r, &entry));
	return found && now_ms >= found->until_ms;
}

static void forget_oldest(struct stt_replay *r)
{
	const uint8_t *time = r->entries[r->head].time;

	if (time_cmp(time, r->forgotten) > 0)
		memcpy(r->forgotten, time, sizeof(r->forgotten));
	r->head++;
	r->n--;
}

/* What the clock refuses need not be remembered. */
static void forget_old(struct stt_replay *r)
{
	while (r->n && time_cmp(r->entries[r->head].time, r->oldest) <= 0)
		forget_oldest(r);
}

/* Room for one more at the end: by moving to the front, else by growing. */
static int make_room(struct stt_replay *r)
{
	struct stt_replay_entry *bigger;
	size_t cap;

	if (r->head + r->n < r->cap)
		return 0;
	if (r->head > r->cap / 2) {
		memmove(r->entries, r->entries + r->head, r->n * sizeof(*r->entries));
		r->head = 0;
		return 0;
	}
	cap = r->cap ? r->cap * 2 : CAP_MIN;
	bigger = realloc(r->entries, cap * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	r->entries = bigger;
	r->cap = cap;
	return 0;
}

static int insert(struct stt_replay *r, const struct stt_replay_entry *entry)
{
	struct stt_replay_entry *at;
	size_t index;

	if (make_room(r))
		return -ENOMEM;
	index = position(r, entry);
	at = r->entries + r->head + index;
	memmove(at + 1, at, (r->n - index) * sizeof(*at));
	*at = *entry;
	r->n++;
	if (r->n > r->max)
		forget_oldest(r);
	return 0;
}

int stt_replay_add(struct stt_replay *r, const uint8_t *time, const uint8_t *e,
		   uint64_t until_ms)
{
	struct stt_replay_entry entry, *found = NULL;

	forget_old(r);
	make_entry(&entry, time, e);
	if (r->n)
		found = find(r, &entry, position(r, &entry));
	if (found) {
		if (!until_ms)
			found->until_ms = 0;
		return 0;
	}
	entry.until_ms = until_ms;
	return insert(r, &entry);
}
