// SPDX-License-Identifier: GPL-2.0-only
/* Which session an abbreviated id means. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "stt-ip.h"

/* A busy node changes under every walk; this often it is tried anew. */
#define TRIES	10

int check_node(struct app *app, uint32_t node)
{
	struct stt_node_info info;

	return node && stt_ctl_node_get(app->ctl, node, &info) < 0 ? failed_call() : STATUS_OK;
}

struct search {
	const struct session_ref *ref;
	unsigned int		found;
	uint32_t		node[2];
	uint64_t		id[2];
};

static int look(const struct stt_session_info *s, void *arg)
{
	struct search *search = arg;
	char digits[17];

	snprintf(digits, sizeof(digits), "%016" PRIx64, s->id);
	if (strncmp(digits, search->ref->digits, strlen(search->ref->digits)) != 0)
		return 0;
	search->node[search->found] = s->node;
	search->id[search->found] = s->id;
	return ++search->found == 2;	/* more do not matter */
}

static int search_all(struct app *app, uint32_t node, struct search *search)
{
	int ret, tries = 0;

	do {
		search->found = 0;
		ret = stt_ctl_session_dump(app->ctl, node, look, search);
	} while (ret == -EINTR && ++tries < TRIES);
	return ret < 0 ? failed_call() : STATUS_OK;
}

static int ambiguous(const struct search *s)
{
	return wrong("session \"%s\" is ambiguous: %016" PRIx64 " on node %u, %016" PRIx64
		     " on node %u: give more digits, or node and id",
		     s->ref->digits, s->id[0], s->node[0], s->id[1], s->node[1]);
}

int find_session(struct app *app, const struct session_ref *ref, uint32_t *node, uint64_t *id)
{
	struct search search = { .ref = ref };
	int status = app_open(app);

	if (status != STATUS_OK)
		return status;
	if (*node && strlen(ref->digits) == 16) {
		*id = strtoull(ref->digits, NULL, 16);
		return STATUS_OK;
	}
	status = check_node(app, *node);
	if (status == STATUS_OK)
		status = search_all(app, *node, &search);
	if (status != STATUS_OK)
		return status;
	if (search.found > 1)
		return ambiguous(&search);
	if (!search.found)
		return failed("no session's id %s \"%s\": \"stt-ip session show\" lists them",
			      strlen(ref->digits) == 16 ? "is" : "begins with", ref->digits);
	*node = search.node[0];
	*id = search.id[0];
	return STATUS_OK;
}
