// SPDX-License-Identifier: LGPL-2.1-or-later
/* Many sessions at once: requests go to the kernel a buffer at a time. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sodium.h>

#include "ctl_attr.h"
#include "errmsg.h"

struct many {
	struct stt_ctl			*ctl;
	const struct stt_session_info	*s;
	int				*results;		/* or NULL */
	int				created;
	unsigned int			which[STTNL_BATCH_MAX];	/* in @s, of the batch */
	struct sttnl_batch		batch;
};

static void note(struct many *m, unsigned int i, int result)
{
	if (m->results)
		m->results[i] = result;
	m->created += result == 0;
}

static int flush(struct many *m)
{
	int results[STTNL_BATCH_MAX], refused = -1, ret;
	unsigned int n = m->batch.n;

	if (!n)
		return 0;
	ret = sttnl_batch_call(m->ctl, &m->batch, results);
	if (ret < 0)
		return sttnl_fail(m->ctl, ret, "cannot create sessions");
	for (unsigned int i = 0; i < n; i++) {
		note(m, m->which[i], results[i]);
		if (results[i] < 0)
			refused = (int)i;
	}
	if (refused >= 0)
		sttnl_session_refused(m->ctl, &m->s[m->which[refused]], results[refused]);
	return 0;
}

/* A session that is not even asked for. Those before it are: the last word is its own. */
static int refuse(struct many *m, unsigned int i)
{
	struct sttnl_req req;
	int ret = flush(m);

	if (ret == 0)
		note(m, i, sttnl_session_new(&req, m->ctl, &m->s[i]));
	return ret;
}

/* Put session @i to the others; when there is no room they go first. */
static int add(struct many *m, unsigned int i)
{
	struct sttnl_req req;
	int ret = 0;

	if (sttnl_session_new(&req, m->ctl, &m->s[i]) < 0)
		return refuse(m, i);
	if (!sttnl_batch_add(&m->batch, &req)) {
		ret = flush(m);
		sttnl_batch_add(&m->batch, &req);
	}
	m->which[m->batch.n - 1] = i;
	return ret;
}

int stt_ctl_session_new_many(struct stt_ctl *ctl, const struct stt_session_info *s,
			     unsigned int n, int *results)
{
	struct many *m;
	int ret = 0;

	if (n > INT_MAX)
		return stt_err(-EINVAL, "cannot create %u sessions in one call", n);
	m = calloc(1, sizeof(*m));
	if (!m)
		return stt_err(-ENOMEM, "cannot create sessions: out of memory");
	m->ctl = ctl;
	m->s = s;
	m->results = results;
	for (unsigned int i = 0; results && i < n; i++)
		results[i] = -ECANCELED;
	for (unsigned int i = 0; i < n && ret == 0; i++)
		ret = add(m, i);
	if (ret == 0)
		ret = flush(m);
	ret = ret < 0 ? ret : m->created;
	sodium_memzero(m, sizeof(*m));
	free(m);
	return ret;
}
