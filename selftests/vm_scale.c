// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/crowd.c */
/*
 * Many sessions on one node: created by the batch, within the memory that was
 * promised, all in the dump whatever else happens, and gone without a trace.
 * `tools/run bench --scale` shows what a million takes.
 */
#include <fcntl.h>
#include <sched.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/crowd.h"
#include "lib/slow.h"

#define N 20000U
#define CHANGING 5000U	/* of which a tenth comes and goes */
#define MANY 300U		/* more than one batch */
#define BYTES_MAX 1073		/* a session's share of 1 GiB that a million has */

/* ------------------------------------------------------------------------ */
/* The batch                                                                */

static struct stt_session_info *specs_of(const struct side *k, unsigned int n)
{
	struct stt_session_info *specs = calloc(n, sizeof(*specs));

	if (specs)
		at_end(free, specs);
	for (unsigned int i = 0; specs && i < n; i++)
		crowd_spec(&specs[i], k, i, &k->addr, 0);
	return specs;
}

static bool created(const struct side *k, unsigned int i)
{
	struct stt_session_info s;

	return !stt_ctl_session_get(k->ctl, k->node, CROWD_ID + i, &s) && s.id == CROWD_ID + i &&
	       s.n_keys == 2;
}

/* Good and bad in one call: each gets what it would get alone. */
static bool mixed(int arg)
{
	struct stt_session_info *specs;
	int results[MANY];
	struct side k;

	(void)arg;
	check(side_open(&k, PATH_V4, 0));
	specs = specs_of(&k, MANY);
	check(specs);
	specs[0].node = 0x7fffffff;
	specs[10].id = specs[9].id;
	specs[20].n_keys = STT_SESSION_KEYS_MAX + 1;
	specs[30].peer.sa.sa_family = AF_UNSPEC;
	specs[127].keys[1].suite = 99;
	specs[MANY - 1].id = specs[200].id;
	check_is(stt_ctl_session_new_many(k.ctl, specs, MANY, results), MANY - 6);
	check(strstr(stt_errmsg(), "5ca1e000000000c8"));
	check(strstr(stt_errmsg(), "has a session with this id"));
	for (unsigned int i = 0; i < MANY; i++) {
		int wanted = i == 0 ? -ENODEV : i == 10 || i == MANY - 1 ? -EEXIST :
			     i == 20 ? -EINVAL : i == 30 ? -EAFNOSUPPORT :
			     i == 127 ? -EOPNOTSUPP : 0;

		check_is(results[i], wanted);
		if (i != 0 && i != 10 && i != 20 && i != 30 && i != 127 && i != MANY - 1)
			check(created(&k, i));
	}
	check_is(stt_ctl_session_new_many(k.ctl, specs, 0, NULL), 0);
	/* The channel is as good as before. */
	check(created(&k, 5));
	return true;
}

static bool limit_set(unsigned int value)
{
	char text[32];
	int fd = keep(open("/proc/sys/net/stt/sessions_max", O_WRONLY | O_CLOEXEC));
	int len = snprintf(text, sizeof(text), "%u\n", value);

	return fd >= 0 && write(fd, text, len) == len;
}

static void limit_normal(void *arg)
{
	(void)arg;
	enter(PATH_V4, 0);
	limit_set(1 << 20);
}

/* The module counts over all nodes of the namespace. */
static bool too_many(int arg)
{
	struct stt_session_info *specs;
	int results[MANY];
	struct side k;

	(void)arg;
	check(side_open(&k, PATH_V4, 0));
	at_end(limit_normal, NULL);
	check(limit_set(MANY / 2));
	specs = specs_of(&k, MANY);
	check(specs);
	check_is(stt_ctl_session_new_many(k.ctl, specs, MANY, results), MANY / 2);
	check(strstr(stt_errmsg(), "too many sessions"));
	check(strstr(stt_errmsg(), "net.stt.sessions_max"));
	for (unsigned int i = 0; i < MANY; i++)
		check_is(results[i], i < MANY / 2 ? 0 : -ENOSPC);
	return true;
}

/* ------------------------------------------------------------------------ */
/* The dump                                                                 */

struct census {
	unsigned int n;		/* sessions below this live all the time */
	uint8_t *seen;
	unsigned int others, met;
	bool twice;
};

static int see(const struct stt_session_info *s, void *arg)
{
	struct census *c = arg;
	uint64_t i = s->id - CROWD_ID;

	if (i >= c->n)
		c->others++;
	else if (c->seen[i]++)
		c->twice = true;
	/* On a machine of one CPU the others get their turn. */
	if (++c->met % 100 == 0)
		sched_yield();
	return 0;
}

static bool census(const struct side *k, unsigned int n, unsigned int *others)
{
	struct census c = { .n = n, .seen = calloc(n, 1) };
	unsigned int missing = 0;

	check(c.seen);
	at_end(free, c.seen);
	check_is(stt_ctl_session_dump(k->ctl, k->node, see, &c), 0);
	for (unsigned int i = 0; i < n; i++)
		missing += !c.seen[i];
	check_is(missing, 0);
	check(!c.twice);
	*others = c.others;
	return true;
}

/* Comes and goes as long as the dump takes. */
struct churn {
	struct side *k;
	struct stt_ctl *ctl;
	atomic_bool stop;
	atomic_uint changes;
};

/* The last CHANGING / 10 are the oldest of those that go. */
static long churn_main(void *arg)
{
	struct churn *c = arg;
	struct stt_session_info spec = { 0 };
	struct side k = *c->k;

	k.ctl = c->ctl;
	for (unsigned int i = CHANGING; !atomic_load(&c->stop); i++) {
		if (stt_ctl_session_del(k.ctl, k.node, CROWD_ID + i - CHANGING / 10, 0))
			return -1;
		crowd_spec(&spec, &k, i, &k.addr, 0);
		if (stt_ctl_session_new(k.ctl, &spec))
			return -1;
		atomic_fetch_add(&c->changes, 1);
	}
	return 0;
}

/* Those that go are at both ends of the index: new ones fill the gaps. */
static bool under_change(struct side *k)
{
	struct churn c = { .k = k };
	struct worker w;
	unsigned int others;

	check(crowd_create(k, CHANGING - CHANGING / 10, CHANGING / 20, &k->addr, 0));
	check(crowd_create(k, 0, CHANGING - CHANGING / 10, &k->addr, 0));
	check(crowd_create(k, CHANGING - CHANGING / 20, CHANGING / 20, &k->addr, 0));
	check(ctl_open(&c.ctl, PATH_V4, 0));
	check(worker_start(&w, churn_main, &c));
	for (int round = 0; round < 3; round++) {
		unsigned int before = atomic_load(&c.changes);
		bool ok = census(k, CHANGING - CHANGING / 10, &others);

		/* Not a dump of something that stood still. */
		if (!ok || atomic_load(&c.changes) - before < 100) {
			printf("# %u changes\n", atomic_load(&c.changes) - before);
			atomic_store(&c.stop, true);
			worker_join(&w);
			return false;
		}
	}
	atomic_store(&c.stop, true);
	check_is(worker_join(&w), 0);
	printf("# %u sessions were replaced meanwhile\n", atomic_load(&c.changes));
	check(census(k, CHANGING - CHANGING / 10, &others));
	check_is(others, CHANGING / 10);
	return true;
}

static bool dumps(int arg)
{
	unsigned int others;
	struct side k;

	check(side_open(&k, PATH_V4, 0));
	if (arg)
		return under_change(&k);
	check(crowd_create(&k, 0, N, &k.addr, 0));
	check(census(&k, N, &others));
	check_is(others, 0);
	return true;
}

/* ------------------------------------------------------------------------ */
/* Memory                                                                   */

static bool memory(int arg)
{
	struct memory before, full, after;
	long long slabs, index, kernel;
	struct side k;

	(void)arg;
	if (!memory_now(&before))
		return skip_test("the module's slab caches are merged with others");
	check(memory_is_back());
	check(side_open(&k, PATH_V4, 0));
	check(memory_now(&before));
	check(crowd_create(&k, 0, N, &k.addr, 0));
	check(memory_now(&full));
	slabs = memory_slabs(&full) - memory_slabs(&before);
	index = full.index - before.index;
	kernel = full.kernel - before.kernel;
	printf("# bytes a session: session %lld, rx key %lld, tx key %lld, index %lld, in all %lld\n",
	       full.session / N, full.rx_key / N, full.tx_key / N, index / N, kernel / N);
	/* They are really there, and within what was promised. */
	check(slabs / N > 500);
	/* On a kernel that checks its memory, zones round each object count as well. */
	check(slow() > 1 || ((slabs + index) / N < BYTES_MAX && kernel / N < BYTES_MAX));

	check_is(stt_ctl_node_del(k.ctl, k.node, 0), 0);
	check(memory_is_back());
	check(memory_now(&after));
	check(after.kernel - before.kernel < kernel / 20);
	return true;
}

/* The index has gaps where sessions were; new ones fill them. */
static bool churned(int arg)
{
	struct memory before, after;
	struct side k;

	(void)arg;
	if (!memory_now(&before))
		return skip_test("the module's slab caches are merged with others");
	check(side_open(&k, PATH_V4, 0));
	check(crowd_create(&k, 0, 1000, &k.addr, 0));
	check(memory_now(&before));
	/* One of 64 is left of each round. */
	for (unsigned int i = 1000; i < 1000 + 10 * 1024; i += 64) {
		check(crowd_create(&k, i, 64, &k.addr, 0));
		for (unsigned int gone = i + 1; gone < i + 64; gone++)
			check_is(stt_ctl_session_del(k.ctl, k.node, CROWD_ID + gone, 0), 0);
	}
	check(memory_now(&after));
	printf("# index: %lld bytes more for 160 sessions more\n", after.index - before.index);
	check(after.index - before.index < 160 * 300);
	return true;
}

static const struct test tests[] = {
	{ "R15 a batch of sessions: each is created or refused as alone", mixed, 0 },
	{ "A35 a batch beyond sessions_max: ENOSPC for those beyond", too_many, 0 },
	{ "R15 all of 20,000 sessions are in the dump, once", dumps, 0 },
	{ "R15 a dump while sessions come and go has all that stay, once", dumps, 1 },
	{ "R20 20,000 sessions: memory as promised, all of it back behind the node", memory, 0 },
	{ "R20 survivors of many sessions do not spread over the index", churned, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
