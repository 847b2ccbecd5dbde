// SPDX-License-Identifier: GPL-2.0-only
/* The module: what it sets up, and that it leaves nothing behind. */

#include <linux/module.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "af_stt.h"
#include "handshake.h"
#include "netlink.h"
#include "node.h"
#include "resume.h"
#include "session.h"
#include "sysctl.h"
#include "udp.h"

unsigned int stt_net_id __read_mostly;

static int __net_init stt_net_init(struct net *net)
{
	struct stt_net *sn = stt_net(net);

	xa_init_flags(&sn->nodes, XA_FLAGS_ALLOC1);
	stt_net_stats_init(&sn->stats);
	stt_limits_init(&sn->limits);
	spin_lock_init(&sn->joins_lock);
	INIT_LIST_HEAD(&sn->joins);
	INIT_LIST_HEAD(&sn->parts);
	return stt_sysctl_register(net);
}

/* A node's UDP socket holds the namespace, so no node is left in it. */
static void __net_exit stt_net_exit(struct net *net)
{
	struct stt_net *sn = stt_net(net);

	stt_sysctl_unregister(net);
	stt_limits_exit(&sn->limits);
	WARN_ON_ONCE(atomic_long_read(&sn->reassembly_bytes));
	stt_handshake_release(sn);
	xa_destroy(&sn->nodes);
}

static struct pernet_operations stt_net_ops = {
	.init	= stt_net_init,
	.exit	= stt_net_exit,
	.id	= &stt_net_id,
	.size	= sizeof(struct stt_net),
};

static int __init stt_init(void)
{
	int err;

	err = stt_keys_init();
	if (err)
		return err;
	stt_handshake_init();
	err = stt_sessions_init();
	if (err)
		goto keys;
	err = stt_nodes_init();
	if (err)
		goto sessions;
	err = register_pernet_subsys(&stt_net_ops);
	if (err)
		goto nodes;
	err = stt_af_init();
	if (err)
		goto pernet;
	err = stt_resume_init();
	if (err)
		goto af;
	err = stt_netlink_init();
	if (err)
		goto resume;
	return 0;

resume:
	stt_resume_exit();
af:
	stt_af_exit();
pernet:
	unregister_pernet_subsys(&stt_net_ops);
nodes:
	stt_nodes_exit();
sessions:
	stt_sessions_exit();
keys:
	stt_keys_exit();
	return err;
}

static void __exit stt_exit(void)
{
	stt_netlink_exit();
	stt_resume_exit();
	stt_af_exit();
	stt_udp_exit();
	/* A task may have been preempted on its way into or out of udp.c. */
	synchronize_rcu_tasks();
	unregister_pernet_subsys(&stt_net_ops);
	/* Sessions that are being freed let go of nodes, so these come first. */
	rcu_barrier();
	stt_nodes_exit();
	rcu_barrier();
	stt_sessions_exit();
	stt_keys_exit();
}

module_init(stt_init);
module_exit(stt_exit);

MODULE_DESCRIPTION("Encrypted datagram sockets over UDP (AF_STT)");
MODULE_AUTHOR("STT-in-the-kernel");
MODULE_LICENSE("GPL");
/* AES-256-GCM takes what is there: nothing pulls these in by a symbol. */
MODULE_SOFTDEP("pre: aesni_intel gcm");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_NETPROTO(AF_STT);
MODULE_ALIAS_GENL_FAMILY(STT_GENL_NAME);
