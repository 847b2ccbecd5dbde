// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes.
 *
 * A node lives from STT_CMD_NODE_NEW until its UDP socket is closed (so also
 * until its process is killed) or STT_CMD_NODE_DEL. Dying is done at once and
 * in process context: sessions are closed and their keys wiped, the UDP
 * socket gets its own functions back, AF_STT sockets learn that the node is
 * gone. The memory goes when the last session and socket have let go.
 */

#include <linux/cred.h>
#include <linux/module.h>
#include <linux/rcupdate_wait.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/netns/generic.h>

#include "af_stt.h"
#include "bind.h"
#include "event.h"
#include "handshake.h"
#include "node.h"
#include "session.h"
#include "trace.h"
#include "udp.h"

static struct workqueue_struct *stt_wq __ro_after_init;

struct stt_net *stt_net(const struct net *net)
{
	return net_generic(net, stt_net_id);
}

void stt_node_hold(struct stt_node *node, enum stt_ref why)
{
	refcount_inc(&node->refs);
	trace_stt_node_ref(node, why, true, refcount_read(&node->refs));
}

/* Of a node found under RCU, unless it is on its way out. */
bool stt_node_hold_rcu(struct stt_node *node, enum stt_ref why)
{
	if (!refcount_inc_not_zero(&node->refs))
		return false;
	trace_stt_node_ref(node, why, true, refcount_read(&node->refs));
	return true;
}

bool stt_node_queue(struct work_struct *work)
{
	return queue_work(stt_wq, work);
}

static void stt_node_destroy(struct stt_node *node)
{
	/* The UDP socket keeps the namespace. */
	stt_net_stats_leave(node);
	if (node->user)
		stt_user_put(&stt_net(node->net)->limits, node->user);
	rhltable_destroy(&node->binds);
	rhashtable_destroy(&node->sessions);
	xa_destroy(&node->session_index);
	xa_destroy(&node->sockets);
	free_percpu(node->stats);
	if (node->udp_ref)
		sock_put(node->udp_ref);
	kfree(node);
}

static void stt_node_free_work(struct work_struct *work)
{
	struct stt_node *node = container_of(to_rcu_work(work), struct stt_node, free_work);

	stt_node_destroy(node);
	/* The exit of the module waits for this work, see stt_nodes_exit(). */
	module_put(THIS_MODULE);
}

void stt_node_put(struct stt_node *node, enum stt_ref why)
{
	/* Before it may be gone. */
	trace_stt_node_ref(node, why, false, refcount_read(&node->refs) - 1);
	if (refcount_dec_and_test(&node->refs))
		queue_rcu_work(stt_wq, &node->free_work);
}

struct stt_node *stt_node_get(struct net *net, u32 id, enum stt_ref why)
{
	struct stt_node *node;

	rcu_read_lock();
	node = xa_load(&stt_net(net)->nodes, id);
	if (node && !stt_node_hold_rcu(node, why))
		node = NULL;
	rcu_read_unlock();
	return node;
}

/* The first node whose id is at least *@id; *@id becomes its id. */
struct stt_node *stt_node_get_from(struct net *net, u32 *id, enum stt_ref why)
{
	unsigned long index = *id;
	struct stt_node *node;

	rcu_read_lock();
	xa_for_each_start(&stt_net(net)->nodes, index, node, *id) {
		if (stt_node_hold_rcu(node, why)) {
			*id = index;
			break;
		}
	}
	rcu_read_unlock();
	return node;
}

bool stt_node_owned(const struct stt_node *node)
{
	return uid_eq(current_euid(), node->uid) ||
	       ns_capable(node->net->user_ns, CAP_NET_ADMIN);
}

bool stt_node_permits(const struct stt_node *node)
{
	kgid_t gid = READ_ONCE(node->gid);

	return (gid_valid(gid) && in_egroup_p(gid)) || stt_node_owned(node);
}

static struct stt_node *stt_node_alloc(void)
{
	struct stt_node *node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);

	if (!node)
		return NULL;

	node->stats = alloc_percpu_gfp(struct stt_node_stats, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!node->stats)
		goto free_node;
	if (stt_session_table_init(node))
		goto free_stats;
	if (stt_binds_init(node))
		goto free_sessions;

	refcount_set(&node->refs, 1);
	mutex_init(&node->lock);
	spin_lock_init(&node->sockets_lock);
	xa_init_flags(&node->sockets, XA_FLAGS_ALLOC1);
	xa_init_flags(&node->session_index, XA_FLAGS_ALLOC1);
	stt_beats_init(node);
	INIT_RCU_WORK(&node->free_work, stt_node_free_work);
	return node;

free_sessions:
	rhashtable_destroy(&node->sessions);
free_stats:
	free_percpu(node->stats);
free_node:
	kfree(node);
	return NULL;
}

/* A number for the node; nobody finds the node under it yet. */
static int stt_node_number(struct stt_net *sn, struct stt_node *node,
			   const struct sk_buff *request, struct netlink_ext_ack *extack)
{
	int err = stt_charge(node, STT_LIMIT_NODES, request, extack);

	if (err)
		return err;

	err = xa_alloc_cyclic(&sn->nodes, &node->id, NULL, XA_LIMIT(1, INT_MAX),
			      &sn->next_node, GFP_KERNEL_ACCOUNT);
	if (err < 0) {
		stt_uncharge(node, STT_LIMIT_NODES);
		return err;
	}
	return 0;
}

static void stt_node_unnumber(struct stt_net *sn, struct stt_node *node)
{
	xa_erase(&sn->nodes, node->id);
	stt_uncharge(node, STT_LIMIT_NODES);
}

/* Attach @udp, a socket that the caller holds. Returns a reference, of a request. */
struct stt_node *stt_node_create(struct net *net, struct sock *udp,
				 const struct stt_node_spec *spec,
				 const struct sk_buff *request,
				 struct netlink_ext_ack *extack)
{
	struct stt_net *sn = stt_net(net);
	struct stt_node *node;
	int err;

	err = stt_handshake_prepare(sn);
	if (err)
		return ERR_PTR(err);
	node = stt_node_alloc();
	if (!node)
		return ERR_PTR(-ENOMEM);
	node->net = net;
	node->uid = current_euid();
	node->gid = spec->gid;
	node->rekey = spec->rekey;
	node->heartbeat_ms = spec->heartbeat_ms;
	stt_net_stats_join(node);

	err = -ENOMEM;
	node->user = stt_user_get(net);
	if (node->user)
		err = stt_node_number(sn, node, request, extack);
	if (err)
		goto destroy;
	trace_stt_node_ref(node, STT_REF_REQUEST, true, 1);

	/* The UDP socket runs code of this module from here on. */
	__module_get(THIS_MODULE);
	mutex_lock(&node->lock);
	err = stt_udp_attach(node, udp, extack);
	if (err) {
		mutex_unlock(&node->lock);
		goto unnumber;
	}
	stt_node_hold(node, STT_REF_TABLE);
	/* The slot is reserved, so this store allocates nothing. */
	xa_store(&sn->nodes, node->id, node, GFP_KERNEL_ACCOUNT);
	stt_event_node(node, STT_CMD_NODE_NEW_NTF);
	mutex_unlock(&node->lock);
	return node;

unnumber:
	module_put(THIS_MODULE);
	trace_stt_node_ref(node, STT_REF_REQUEST, false, 0);
	stt_node_unnumber(sn, node);
destroy:
	stt_node_destroy(node);
	return ERR_PTR(err);
}

static void stt_node_delete_sessions(struct stt_node *node, u8 reason)
{
	struct stt_session *s;
	unsigned long index;

	xa_for_each(&node->session_index, index, s) {
		stt_session_delete(s, reason);
		cond_resched();
	}
}

static void stt_node_end_sockets(struct stt_node *node)
{
	struct stt_sock *ssk;
	unsigned long i;

	/* Who joins after this sees that the node is dead: stt_bind_node(). */
	spin_lock_bh(&node->sockets_lock);
	spin_unlock_bh(&node->sockets_lock);

	rcu_read_lock();
	xa_for_each(&node->sockets, i, ssk) {
		stt_sock_end_node(ssk, node);
		/* There may be as many as files can be open; the next is looked up. */
		cond_resched_rcu();
	}
	rcu_read_unlock();
}

/* End of a node; @reason is told to its peers. Harmless when it is dead. */
void stt_node_kill(struct stt_node *node, u8 reason)
{
	bool was_dead;

	mutex_lock(&node->lock);
	was_dead = node->dead;
	if (!was_dead) {
		WRITE_ONCE(node->dead, true);
		stt_node_unnumber(stt_net(node->net), node);
		stt_node_delete_sessions(node, reason);
		stt_udp_detach(node);
		stt_node_end_sockets(node);
		stt_event_node(node, STT_CMD_NODE_DEL_NTF);
	}
	mutex_unlock(&node->lock);

	if (!was_dead)
		stt_node_put(node, STT_REF_TABLE);
}

int __init stt_nodes_init(void)
{
	stt_wq = alloc_workqueue("stt", WQ_UNBOUND, 0);
	return stt_wq ? 0 : -ENOMEM;
}

/*
 * Nodes hold the module, so none is left; but the work that let the last one
 * go may still be on its way out.
 */
void stt_nodes_exit(void)
{
	destroy_workqueue(stt_wq);
}
