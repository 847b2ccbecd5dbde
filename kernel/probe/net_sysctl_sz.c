// SPDX-License-Identifier: GPL-2.0-only
/* STT_HAVE_NET_SYSCTL_SZ: register_net_sysctl_sz(), with the length of the table. */
#include <net/net_namespace.h>

struct ctl_table_header *probe(struct net *net, struct ctl_table *table);
struct ctl_table_header *probe(struct net *net, struct ctl_table *table)
{
	return register_net_sysctl_sz(net, "probe", table, 1);
}
