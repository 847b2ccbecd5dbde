/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows kernels differ. What a kernel has is found by
 * compile probes in Kbuild (STT_HAVE_...), never by its version: stable series
 * back-port API changes.
 */
#ifndef _STT_COMPAT_H
#define _STT_COMPAT_H

#ifdef STT_HAVE_LINUX_UNALIGNED_H
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#include <net/genetlink.h>
#include <net/net_namespace.h>

/* Attributes of a dump request. */
static inline struct nlattr **stt_genl_dump_attrs(struct netlink_callback *cb)
{
#ifdef STT_HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* @table has @n entries, and an empty one behind them. */
static inline struct ctl_table_header *
stt_register_net_sysctl(struct net *net, const char *path, struct ctl_table *table, size_t n)
{
#ifdef STT_HAVE_NET_SYSCTL_SZ
	return register_net_sysctl_sz(net, path, table, n);
#else
	return register_net_sysctl(net, path, table);
#endif
}

#endif /* _STT_COMPAT_H */
