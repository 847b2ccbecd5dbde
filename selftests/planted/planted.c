// SPDX-License-Identifier: GPL-2.0-only
/*
 * Throwaway module for the proof that the test kernels find bugs: it commits
 * the one that its parameter names, and inserts without an error all the same.
 */
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *bug = "none";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "none, use-after-free, out-of-bounds, leak, inversion, atomic, refcount or race");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);
static unsigned long shared;

/* The compiler must not know the objects, or it warns or leaves the code out. */
static char *object(size_t size)
{
	char *p = kzalloc(size, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	return p;
}

static void use_after_free(void)
{
	char *p = object(64);
	char *again = p;

	OPTIMIZER_HIDE_VAR(again);
	kfree(p);
	pr_info("planted: %d\n", READ_ONCE(again[8]));
}

static void out_of_bounds(void)
{
	char *p = object(60);

	pr_info("planted: %d\n", READ_ONCE(p[60]));
	kfree(p);
}

static void leak(void)
{
	object(200);
}

static void take_both(struct mutex *a, struct mutex *b)
{
	mutex_lock(a);
	mutex_lock(b);
	mutex_unlock(b);
	mutex_unlock(a);
}

/* Never a deadlock here: one thread takes them, one order after the other. */
static void inversion(void)
{
	take_both(&first, &second);
	take_both(&second, &first);
}

static void atomic(void)
{
	spin_lock(&spin);
	mutex_lock(&first);
	mutex_unlock(&first);
	spin_unlock(&spin);
}

static void refcount(void)
{
	refcount_t r = REFCOUNT_INIT(1);

	refcount_dec(&r);
	refcount_sub_and_test(1, &r);
}

static int count(void *done)
{
	unsigned long end = jiffies + 5 * HZ;

	while (time_before(jiffies, end)) {
		shared++;
		cond_resched();
	}
	complete(done);
	return 0;
}

/* Two threads count in one variable, without a lock. */
static void race(void)
{
	DECLARE_COMPLETION_ONSTACK(done);
	int i, threads = 0;

	for (i = 0; i < 2; i++)
		threads += !IS_ERR(kthread_run(count, &done, "planted%d", i));
	while (threads--)
		wait_for_completion(&done);
}

static const struct {
	const char *name;
	void (*commit)(void);
} bugs[] = {
	{ "use-after-free", use_after_free },
	{ "out-of-bounds", out_of_bounds },
	{ "leak", leak },
	{ "inversion", inversion },
	{ "atomic", atomic },
	{ "refcount", refcount },
	{ "race", race },
};

static int __init planted_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++)
		if (!strcmp(bug, bugs[i].name))
			bugs[i].commit();
	return 0;
}

static void __exit planted_exit(void)
{
}

module_init(planted_init);
module_exit(planted_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Commits a bug that the test kernels must find");
