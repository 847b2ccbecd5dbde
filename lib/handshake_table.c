// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <sodium.h>

#include "handshake_table.h"

#define BUCKETS_MIN	16

static struct stt_id_link **bucket(const struct stt_id_table *t, uint32_t key)
{
	return &t->buckets[key & (t->n_buckets - 1)];
}

static void push(struct stt_id_table *t, struct stt_id_link *link)
{
	struct stt_id_link **head = bucket(t, link->key);

	link->next = *head;
	*head = link;
}

static int grow(struct stt_id_table *t)
{
	struct stt_id_table bigger = { .n = t->n };

	bigger.n_buckets = t->n_buckets ? t->n_buckets * 2 : BUCKETS_MIN;
	bigger.buckets = calloc(bigger.n_buckets, sizeof(*bigger.buckets));
	if (!bigger.buckets)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_buckets; i++) {
		struct stt_id_link *link = t->buckets[i], *next;

		for (; link; link = next) {
			next = link->next;
			push(&bigger, link);
		}
	}
	free(t->buckets);
	*t = bigger;
	return 0;
}

int stt_id_insert(struct stt_id_table *t, struct stt_id_link *link, uint32_t key)
{
	if (t->n >= t->n_buckets && grow(t))
		return -ENOMEM;
	link->key = key;
	push(t, link);
	t->n++;
	return 0;
}

void stt_id_remove(struct stt_id_table *t, struct stt_id_link *link)
{
	struct stt_id_link **at = bucket(t, link->key);

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	t->n--;
}

static struct stt_id_link *with_key(struct stt_id_link *link, uint32_t key)
{
	while (link && link->key != key)
		link = link->next;
	return link;
}

struct stt_id_link *stt_id_first(const struct stt_id_table *t, uint32_t key)
{
	return t->n_buckets ? with_key(*bucket(t, key), key) : NULL;
}

struct stt_id_link *stt_id_next(const struct stt_id_link *link)
{
	return with_key(link->next, link->key);
}

uint32_t stt_id_unused(const struct stt_id_table *t)
{
	uint32_t key;

	do {
		key = randombytes_random();
	} while (!key || stt_id_first(t, key));
	return key;
}

void stt_id_free(struct stt_id_table *t)
{
	free(t->buckets);
	*t = (struct stt_id_table){ 0 };
}
