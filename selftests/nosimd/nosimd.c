// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test module: as long as it is loaded, the module stt is told that SIMD cannot
 * be used now, each time it asks. Nobody else is. /sys/module/nosimd/parameters
 * /asked counts the times.
 */

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/ptrace.h>

static atomic_t asked = ATOMIC_INIT(0);

static int asked_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&asked));
}

static const struct kernel_param_ops asked_ops = { .get = asked_get };
module_param_cb(asked, &asked_ops, NULL, 0444);
MODULE_PARM_DESC(asked, "how often stt was told so");

static int nosimd_returns(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	char symbol[KSYM_SYMBOL_LEN];

	sprint_symbol(symbol, get_kretprobe_retaddr(instance));
	if (strstr(symbol, "[stt]")) {
		atomic_inc(&asked);
		regs_set_return_value(regs, false);
	}
	return 0;
}

static struct kretprobe nosimd_probe = {
	.handler = nosimd_returns,
	.kp.symbol_name = "irq_fpu_usable",
	.maxactive = 64,
};

static int __init nosimd_init(void)
{
	return register_kretprobe(&nosimd_probe);
}

static void __exit nosimd_exit(void)
{
	unregister_kretprobe(&nosimd_probe);
}

module_init(nosimd_init);
module_exit(nosimd_exit);

MODULE_DESCRIPTION("Test: no SIMD for stt");
MODULE_LICENSE("GPL");
