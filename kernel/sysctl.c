// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of a network namespace, /proc/sys/net/stt. As with all net sysctls
 * they belong to root of the user namespace that owns the network namespace.
 */

#include <linux/slab.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>

#include "compat.h"
#include "node.h"
#include "sysctl.h"

#define STT_NODES_MAX_DEFAULT		4096
#define STT_SESSIONS_MAX_DEFAULT	BIT(20)
/* 256 MiB, and two for each of 131,072 sessions; four while a session rekeys. */
#define STT_GCM_KEYS_MAX_DEFAULT	BIT(18)
#define STT_REASSEMBLY_MAX_DEFAULT	(16 * 1024 * 1024)

/*
 * A thousand peers behind one address may come at once, as after a restart.
 * Two hundred a second are 2 % of a CPU, if all of them know the seed.
 */
#define STT_HANDSHAKE_RATE_DEFAULT	200
#define STT_HANDSHAKE_BURST_DEFAULT	1000

static unsigned int stt_nodes_limit = BIT(20);
static unsigned int stt_sessions_limit = BIT(24);
static unsigned int stt_gcm_keys_limit = BIT(26);
static unsigned int stt_reassembly_limit = BIT(30);
static unsigned int stt_handshake_limit = 1000000;

/*
 * Nodes, sessions and keys are charged to the cgroup of whoever makes them. Not
 * so the hash tables that sessions are in, what the crypto API has for a key of
 * AES-256-GCM, and what strangers make us keep: of these a container may take
 * less than it got, but not more.
 */
static unsigned int stt_sessions_limit_user = STT_SESSIONS_MAX_DEFAULT;
static unsigned int stt_gcm_keys_limit_user = STT_GCM_KEYS_MAX_DEFAULT;
static unsigned int stt_reassembly_limit_user = STT_REASSEMBLY_MAX_DEFAULT;

/* All are u32; .data is the offset in struct stt_net. */
#define STT_SYSCTL(name, member, min, max)					\
	{									\
		.procname	= name,						\
		.data		= (void *)offsetof(struct stt_net, member),	\
		.maxlen		= sizeof(u32),					\
		.mode		= 0644,						\
		.proc_handler	= proc_douintvec_minmax,			\
		.extra1		= min,						\
		.extra2		= max,						\
	}

enum {
	STT_SYSCTL_NODES,
	STT_SYSCTL_SESSIONS,
	STT_SYSCTL_GCM_KEYS,
	STT_SYSCTL_REASSEMBLY,
	STT_SYSCTL_HANDSHAKE_RATE,
	STT_SYSCTL_HANDSHAKE_BURST,
	STT_SYSCTLS,
};

static const struct ctl_table stt_sysctl_template[STT_SYSCTLS] = {
	[STT_SYSCTL_NODES] =
		STT_SYSCTL("nodes_max", limits.max[STT_LIMIT_NODES], SYSCTL_ZERO,
			   &stt_nodes_limit),
	[STT_SYSCTL_SESSIONS] =
		STT_SYSCTL("sessions_max", limits.max[STT_LIMIT_SESSIONS], SYSCTL_ZERO,
			   &stt_sessions_limit),
	[STT_SYSCTL_GCM_KEYS] =
		STT_SYSCTL("gcm_keys_max", limits.max[STT_LIMIT_GCM_KEYS], SYSCTL_ZERO,
			   &stt_gcm_keys_limit),
	[STT_SYSCTL_REASSEMBLY] =
		STT_SYSCTL("reassembly_max_bytes", reassembly_max_bytes, SYSCTL_ZERO,
			   &stt_reassembly_limit),
	[STT_SYSCTL_HANDSHAKE_RATE] =
		STT_SYSCTL("handshake_rate", handshake_rate, SYSCTL_ZERO, &stt_handshake_limit),
	[STT_SYSCTL_HANDSHAKE_BURST] =
		STT_SYSCTL("handshake_burst", handshake_burst, SYSCTL_ONE, &stt_handshake_limit),
};

static void stt_sysctl_defaults(struct stt_net *sn)
{
	sn->limits.max[STT_LIMIT_NODES] = STT_NODES_MAX_DEFAULT;
	sn->limits.max[STT_LIMIT_SESSIONS] = STT_SESSIONS_MAX_DEFAULT;
	sn->limits.max[STT_LIMIT_GCM_KEYS] = STT_GCM_KEYS_MAX_DEFAULT;
	sn->reassembly_max_bytes = STT_REASSEMBLY_MAX_DEFAULT;
	sn->handshake_rate = STT_HANDSHAKE_RATE_DEFAULT;
	sn->handshake_burst = STT_HANDSHAKE_BURST_DEFAULT;
}

static struct ctl_table *stt_sysctl_table(struct net *net)
{
	struct ctl_table *table;
	unsigned int i;

	/* Older kernels want an empty entry behind the last. */
	table = kcalloc(STT_SYSCTLS + 1, sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	memcpy(table, stt_sysctl_template, sizeof(stt_sysctl_template));
	for (i = 0; i < STT_SYSCTLS; i++)
		table[i].data = (char *)stt_net(net) + (unsigned long)table[i].data;
	if (net->user_ns != &init_user_ns) {
		table[STT_SYSCTL_REASSEMBLY].extra2 = &stt_reassembly_limit_user;
		table[STT_SYSCTL_SESSIONS].extra2 = &stt_sessions_limit_user;
		table[STT_SYSCTL_GCM_KEYS].extra2 = &stt_gcm_keys_limit_user;
	}
	return table;
}

int stt_sysctl_register(struct net *net)
{
	struct stt_net *sn = stt_net(net);

	stt_sysctl_defaults(sn);
	if (!IS_ENABLED(CONFIG_SYSCTL))
		return 0;
	sn->sysctl_table = stt_sysctl_table(net);
	if (!sn->sysctl_table)
		return -ENOMEM;
	sn->sysctl_header = stt_register_net_sysctl(net, "net/stt", sn->sysctl_table,
						    STT_SYSCTLS);
	if (!sn->sysctl_header) {
		kfree(sn->sysctl_table);
		return -ENOMEM;
	}
	return 0;
}

void stt_sysctl_unregister(struct net *net)
{
	struct stt_net *sn = stt_net(net);

	unregister_net_sysctl_table(sn->sysctl_header);
	kfree(sn->sysctl_table);
}
