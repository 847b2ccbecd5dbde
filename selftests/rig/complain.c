// SPDX-License-Identifier: GPL-2.0-only
/*
 * Throwaway module for the test of the test runner: it commits the fault that
 * its parameter names, and inserts without an error all the same.
 */
#include <linux/completion.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *fault = "none";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "none, warn, refcount, oops, slab or pin");

static struct kmem_cache *cache;

static void commit_refcount(void)
{
	refcount_t r = REFCOUNT_INIT(0);

	refcount_inc(&r);
}

static void commit_oops(void)
{
	int *volatile p = NULL;

	*p = 1;
}

/* An object that nobody frees, in a cache that goes with the module. */
static int commit_slab(void)
{
	cache = kmem_cache_create("complain", 64, 0, 0, NULL);
	return cache && kmem_cache_alloc(cache, GFP_KERNEL) ? 0 : -ENOMEM;
}

static int __init complain_init(void)
{
	WARN_ON(!strcmp(fault, "warn"));
	if (!strcmp(fault, "refcount"))
		commit_refcount();
	if (!strcmp(fault, "oops"))
		commit_oops();
	if (!strcmp(fault, "pin"))
		__module_get(THIS_MODULE);
	return strcmp(fault, "slab") ? 0 : commit_slab();
}

static void __exit complain_exit(void)
{
	kmem_cache_destroy(cache);
}

module_init(complain_init);
module_exit(complain_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Commits a fault, to test the test runner");
