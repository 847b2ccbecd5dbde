// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <sodium.h>

#include "handshake_pending.h"
#include "secret.h"

struct stt_pending *stt_pending_alloc(void)
{
	return stt_secret_alloc(sizeof(struct stt_pending));
}

void stt_pending_free(struct stt_pending *p)
{
	stt_secret_free(p, sizeof(*p));
}

static void enqueue(struct stt_pending_queue *q, struct stt_pending *p, uint64_t now_ms)
{
	p->expires_ms = now_ms + STT_HS_LIFETIME_MS;
	p->queue = q;
	TAILQ_INSERT_TAIL(&q->list, p, link);
	q->n++;
}

static void dequeue(struct stt_pending *p)
{
	TAILQ_REMOVE(&p->queue->list, p, link);
	p->queue->n--;
}

void stt_pendings_init(struct stt_pendings *all)
{
	for (int i = 0; i < STT_PENDING_STATES; i++)
		TAILQ_INIT(&all->queues[i].list);
}

void stt_pending_forget(struct stt_pendings *all, struct stt_pending *p)
{
	stt_id_remove(&all->by_id, &p->by_id);
	stt_id_remove(&all->by_hello, &p->by_hello);
	if (p->rekey)
		stt_id_remove(&all->by_rekey, &p->by_rekey);
	dequeue(p);
	stt_pending_free(p);
}

void stt_pendings_free(struct stt_pendings *all)
{
	for (int i = 0; i < STT_PENDING_STATES; i++)
		while (!TAILQ_EMPTY(&all->queues[i].list))
			stt_pending_forget(all, TAILQ_FIRST(&all->queues[i].list));
	stt_id_free(&all->by_id);
	stt_id_free(&all->by_hello);
	stt_id_free(&all->by_rekey);
}

unsigned int stt_pendings_waiting(const struct stt_pendings *all)
{
	return all->queues[STT_PENDING_WAITING].n;
}

static uint64_t expire(struct stt_pendings *all, struct stt_pending_queue *q, uint64_t now_ms)
{
	struct stt_pending *p;

	while ((p = TAILQ_FIRST(&q->list))) {
		if (p->expires_ms > now_ms)
			return p->expires_ms;
		stt_pending_forget(all, p);
	}
	return UINT64_MAX;
}

uint64_t stt_pendings_expire(struct stt_pendings *all, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;

	for (int i = 0; i < STT_PENDING_STATES; i++) {
		uint64_t at = expire(all, &all->queues[i], now_ms);

		next = at < next ? at : next;
	}
	return next;
}

struct stt_pending *stt_pending_by_id(const struct stt_pendings *all, uint32_t id)
{
	struct stt_id_link *link = stt_id_first(&all->by_id, id);

	return link ? stt_id_entry(link, struct stt_pending, by_id) : NULL;
}

struct stt_pending *stt_pending_by_rekey(const struct stt_pendings *all, uint64_t session)
{
	struct stt_id_link *link = stt_id_first(&all->by_rekey, (uint32_t)session);

	for (; link; link = stt_id_next(link)) {
		struct stt_pending *p = stt_id_entry(link, struct stt_pending, by_rekey);

		if (p->rekey == session)
			return p;
	}
	return NULL;
}

struct stt_pending *stt_pending_by_hello(const struct stt_pendings *all, uint64_t in,
					 const uint8_t *mac1)
{
	struct stt_id_link *link;

	for (link = stt_id_first(&all->by_hello, stt_get_be32(mac1)); link;
	     link = stt_id_next(link)) {
		struct stt_pending *p = stt_id_entry(link, struct stt_pending, by_hello);

		if (p->rekey == in && !stt_pending_is_complete(all, p) &&
		    !sodium_memcmp(p->hello_mac1, mac1, STT_HS_MAC_LEN))
			return p;
	}
	return NULL;
}

int stt_pending_insert(struct stt_pendings *all, struct stt_pending *p, uint32_t id,
		       uint64_t now_ms)
{
	if (stt_id_insert(&all->by_id, &p->by_id, id))
		return -ENOMEM;
	if (stt_id_insert(&all->by_hello, &p->by_hello, stt_get_be32(p->hello_mac1)))
		goto undo_id;
	if (p->rekey && stt_id_insert(&all->by_rekey, &p->by_rekey, (uint32_t)p->rekey))
		goto undo_hello;
	enqueue(&all->queues[p->rekey ? STT_PENDING_REKEY_WAITING : STT_PENDING_WAITING], p,
		now_ms);
	return 0;
undo_hello:
	stt_id_remove(&all->by_hello, &p->by_hello);
undo_id:
	stt_id_remove(&all->by_id, &p->by_id);
	return -ENOMEM;
}

static enum stt_pending_state complete_state(const struct stt_pending *p)
{
	return p->rekey ? STT_PENDING_REKEY_COMPLETE : STT_PENDING_COMPLETE;
}

bool stt_pending_is_complete(const struct stt_pendings *all, const struct stt_pending *p)
{
	return p->queue == &all->queues[complete_state(p)];
}

void stt_pending_complete(struct stt_pendings *all, struct stt_pending *p, uint64_t now_ms,
			  unsigned int max)
{
	struct stt_pending_queue *strangers = &all->queues[STT_PENDING_COMPLETE];

	dequeue(p);
	enqueue(&all->queues[complete_state(p)], p, now_ms);
	if (strangers->n > max)
		stt_pending_forget(all, TAILQ_FIRST(&strangers->list));
}
