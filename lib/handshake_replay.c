// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A sorted array: HELLOs come nearly in the order of their timestamps, so a
 * new one goes to the end or close to it, and the oldest leaves at the front.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handshake_replay.h"

#define CAP_MIN	64

void stt_replay_init(struct stt_replay *r, size_t max, const uint8_t *floor)
{
	memset(r, 0, sizeof(*r));
	r->max = max;
	memcpy(r->floor, floor, sizeof(r->floor));
}

void stt_replay_free(struct stt_replay *r)
{
	free(r->entries);
	memset(r, 0, sizeof(*r));
}

static void make_entry(struct stt_replay_entry *entry, const uint8_t *time, const uint8_t *e)
{
	memcpy(entry->time, time, sizeof(entry->time));
	memcpy(entry->e, e, sizeof(entry->e));
}

/* Index, from head, of the first entry that is not before this one. */
static size_t position(const struct stt_replay *r, const struct stt_replay_entry *entry)
{
	const struct stt_replay_entry *first = r->entries + r->head;
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(&first[mid], entry, sizeof(*entry)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool stt_replay_seen(const struct stt_replay *r, const uint8_t *time, const uint8_t *e)
{
	struct stt_replay_entry entry;
	size_t at;

	if (memcmp(time, r->floor, sizeof(r->floor)) <= 0)
		return true;
	if (!r->n)
		return false;
	make_entry(&entry, time, e);
	at = position(r, &entry);
	return at < r->n && !memcmp(&r->entries[r->head + at], &entry, sizeof(entry));
}

static void drop_oldest(struct stt_replay *r)
{
	memcpy(r->floor, r->entries[r->head].time, sizeof(r->floor));
	r->head++;
	r->n--;
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

int stt_replay_add(struct stt_replay *r, const uint8_t *time, const uint8_t *e)
{
	struct stt_replay_entry entry, *at;
	size_t index;

	if (make_room(r))
		return -ENOMEM;
	make_entry(&entry, time, e);
	index = position(r, &entry);
	at = r->entries + r->head + index;
	memmove(at + 1, at, (r->n - index) * sizeof(*at));
	*at = entry;
	r->n++;
	if (r->n > r->max)
		drop_oldest(r);
	return 0;
}
