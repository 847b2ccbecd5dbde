// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module: tells the kernel that its virtual machine was cloned, as the
 * driver of the VM generation id does, and does not stay. The function for that
 * is not exported; kprobes know where it is.
 */

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/uuid.h>

static int __init vmfork_init(void)
{
	struct kprobe probe = { .symbol_name = "add_vmfork_randomness" };
	void (*cloned)(const void *unique_vm_id, size_t len);
	uuid_t id;
	int err;

	err = register_kprobe(&probe);
	if (err)
		return err;
	cloned = (void *)probe.addr;
	unregister_kprobe(&probe);
	uuid_gen(&id);
	cloned(&id, sizeof(id));
	return -ECANCELED;
}

module_init(vmfork_init);

MODULE_DESCRIPTION("Test: the virtual machine was cloned");
MODULE_LICENSE("GPL");
