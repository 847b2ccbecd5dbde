// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a node remembers of its sessions for their rekeys. */
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "node.h"
#include "secret.h"

#define POOL_SIZE	16384

/*
 * A session has some hundred bytes of secrets for as long as it lives, too
 * little for pages of its own. So pages are shared; they stay until the node
 * stops.
 */
struct rekey_pool {
	struct rekey_pool	*next;
	unsigned int		n_used;		/* never handed out: the rest */
	struct node_rekey	*unused;	/* given back, linked by ->by_session */
	struct node_rekey	entries[];
};

#define POOL_ENTRIES	((POOL_SIZE - sizeof(struct rekey_pool)) / sizeof(struct node_rekey))

static struct node_rekey *take_unused(struct rekey_pool *pool)
{
	struct node_rekey *r = pool->unused;

	pool->unused = r->by_session.next ?
		       stt_id_entry(r->by_session.next, struct node_rekey, by_session) : NULL;
	return r;
}

/* The first of the pools has all that are unused. */
static struct node_rekey *pool_get(struct stt_node *node)
{
	struct rekey_pool *pool = node->rekey_pool, *fresh;

	if (pool && pool->unused)
		return take_unused(pool);
	if (pool && pool->n_used < POOL_ENTRIES)
		return &pool->entries[pool->n_used++];
	fresh = stt_secret_alloc(POOL_SIZE);
	if (!fresh)
		return NULL;
	fresh->next = pool;
	node->rekey_pool = fresh;
	return &fresh->entries[fresh->n_used++];
}

static void pool_put(struct stt_node *node, struct node_rekey *r)
{
	struct rekey_pool *pool = node->rekey_pool;

	sodium_memzero(r, sizeof(*r));
	r->by_session.next = pool->unused ? &pool->unused->by_session : NULL;
	pool->unused = r;
}

struct node_rekey *node_rekey_of(const struct stt_node *node, uint64_t session)
{
	struct stt_id_link *link = stt_id_first(&node->rekeys, (uint32_t)session);

	for (; link; link = stt_id_next(link)) {
		struct node_rekey *r = stt_id_entry(link, struct node_rekey, by_session);

		if (r->session == session)
			return r;
	}
	return NULL;
}

void node_rekey_add(struct stt_node *node, const struct stt_hs_session *s, bool first)
{
	struct node_rekey *r;

	/* The event that the old session of this id is gone may be on its way. */
	node_rekey_gone(node, s->id);
	r = pool_get(node);
	if (!r)
		return;
	memset(r, 0, sizeof(*r));
	if (stt_id_insert(&node->rekeys, &r->by_session, (uint32_t)s->id)) {
		pool_put(node, r);
		return;
	}
	r->session = s->id;
	r->first = first;
	node_rekey_remember(r, s->epoch, s->rekey_secret);
}

void node_rekey_remove(struct stt_node *node, struct node_rekey *r)
{
	stt_id_remove(&node->rekeys, &r->by_session);
	pool_put(node, r);
}

bool node_rekey_secret(const struct node_rekey *r, uint8_t epoch, struct stt_hs_rekey *out)
{
	for (int i = 0; i < 2; i++) {
		if (!r->secrets[i].have || r->secrets[i].epoch != epoch)
			continue;
		out->session = r->session;
		out->epoch = (uint8_t)((epoch + 1) % STT_EPOCHS);
		out->first = r->first;
		memcpy(out->secret, r->secrets[i].secret, sizeof(out->secret));
		return true;
	}
	return false;
}

/* The secret of the epoch before is kept: the new keys may come to nothing. */
void node_rekey_remember(struct node_rekey *r, uint8_t epoch, const uint8_t *secret)
{
	uint8_t before = (uint8_t)((epoch + STT_EPOCHS - 1) % STT_EPOCHS);

	if (r->secrets[1].have && r->secrets[1].epoch == before)
		r->secrets[0] = r->secrets[1];
	r->secrets[1].have = true;
	r->secrets[1].epoch = epoch;
	memcpy(r->secrets[1].secret, secret, sizeof(r->secrets[1].secret));
}

void node_rekey_free_all(struct stt_node *node)
{
	struct rekey_pool *pool;

	stt_id_free(&node->rekeys);
	while ((pool = node->rekey_pool)) {
		node->rekey_pool = pool->next;
		stt_secret_free(pool, POOL_SIZE);
	}
}
