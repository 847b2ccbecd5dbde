// SPDX-License-Identifier: GPL-2.0-only
/*
 * The UDP socket under a node: how it is taken over, and how it is given back.
 *
 * The socket is the program's: it was made and bound by the usual rules. Three
 * things are replaced while the node lives, and restored when it dies:
 *
 *  sk_user_data   says that the socket is taken, and finds the node;
 *  sk_data_ready  brings what arrives here, GRO batches uncut (an encap_rcv
 *                 would make the stack cut them before delivery);
 *  sk_prot        a copy whose close() ends the node first. encap_destroy
 *                 would be called only while encap_type is set, and any owner
 *                 of the socket may clear that with setsockopt(UDP_ENCAP); the
 *                 node would then outlive its socket and its namespace. With
 *                 an encap_type the stack would also keep ICMP errors from the
 *                 socket's error queue, where the handshake looks for them.
 */

#include <linux/module.h>
#include <linux/netlink.h>
#include <net/inet_sock.h>
#include <net/udp.h>

#include "input.h"
#include "node.h"
#include "udp.h"

/* One call takes this many; each arrival makes a call, so none is left behind. */
#define STT_UDP_BUDGET	64

/* How often nodes on IPv6 sockets are looked after, see stt_udp_watch(). */
#define STT_UDP_WATCH	(10 * HZ)

/**
 * struct stt_udp_ops - operations of attached sockets of one family
 * @prot: what sk->sk_prot points to while attached; a copy of @base
 * @base: what it pointed to before, NULL until the first socket is attached
 */
struct stt_udp_ops {
	struct proto prot;
	struct proto *base;
};

static DEFINE_MUTEX(stt_udp_ops_lock);
static struct stt_udp_ops stt_udp4;
static struct stt_udp_ops stt_udp6;

static struct stt_node *stt_udp_node_get(struct sock *sk)
{
	struct stt_node *node;

	rcu_read_lock();
	node = rcu_dereference_sk_user_data(sk);
	if (node && !stt_node_hold_rcu(node, STT_REF_UDP_CLOSE))
		node = NULL;
	rcu_read_unlock();
	return node;
}

/*
 * close() of an attached socket; the process may have been killed. The node
 * held the module until now.
 */
static void stt_udp_do_close(struct sock *sk, long timeout, struct stt_udp_ops *ops)
{
	struct stt_node *node = stt_udp_node_get(sk);

	__module_get(THIS_MODULE);
	if (node) {
		stt_node_kill(node, STT_CLOSE_NODE_GONE);
		stt_node_put(node, STT_REF_UDP_CLOSE);
	}
	ops->base->close(sk, timeout);
	module_put(THIS_MODULE);
}

static void stt_udp4_close(struct sock *sk, long timeout)
{
	stt_udp_do_close(sk, timeout, &stt_udp4);
}

static void stt_udp6_close(struct sock *sk, long timeout)
{
	stt_udp_do_close(sk, timeout, &stt_udp6);
}

/* IPV6_ADDRFORM puts another sk_prot in: not while this one is needed. */
static int stt_udp6_setsockopt(struct sock *sk, int level, int opt, sockptr_t val,
			       unsigned int len)
{
	int err;

	if (level == SOL_IPV6 && opt == IPV6_ADDRFORM)
		return -EBUSY;
	__module_get(THIS_MODULE);
	err = stt_udp6.base->setsockopt(sk, level, opt, val, len);
	module_put(THIS_MODULE);
	return err;
}

/*
 * The operations for @sk, built from the first socket of its family. NULL if
 * something else has taken this one over.
 */
static struct stt_udp_ops *stt_udp_ops_for(struct sock *sk)
{
	struct stt_udp_ops *ops = sk->sk_family == AF_INET6 ? &stt_udp6 : &stt_udp4;

	if (sk->sk_prot != sk->sk_prot_creator)
		return NULL;

	mutex_lock(&stt_udp_ops_lock);
	if (!ops->base) {
		ops->prot = *sk->sk_prot;
		ops->prot.close = ops == &stt_udp6 ? stt_udp6_close : stt_udp4_close;
		if (ops == &stt_udp6)
			ops->prot.setsockopt = stt_udp6_setsockopt;
		ops->base = sk->sk_prot;
	}
	mutex_unlock(&stt_udp_ops_lock);
	return ops->base == sk->sk_prot ? ops : NULL;
}

static void stt_udp_deliver(struct stt_node *node, struct sk_buff *skb)
{
	/* __skb_recv_udp() has settled the account of the UDP socket. */
	if (likely(!udp_lib_checksum_complete(skb))) {
		/* The tag vouches for what is sealed, this for the addresses. */
		stt_input(node, skb);
		return;
	}
	stt_count(node, NULL, DROP_MALFORMED);
	kfree_skb(skb);
}

static void stt_udp_data_ready(struct sock *sk)
{
	struct udp_sock *up = udp_sk(sk);
	int budget = STT_UDP_BUDGET;
	struct stt_node *node;
	struct sk_buff *skb;
	int off, err;

	rcu_read_lock();
	node = rcu_dereference_sk_user_data(sk);
	while (node && budget-- &&
	       (!skb_queue_empty_lockless(&sk->sk_receive_queue) ||
		!skb_queue_empty_lockless(&up->reader_queue))) {
		off = 0;
		skb = __skb_recv_udp(sk, MSG_DONTWAIT, &off, &err);
		if (skb)
			stt_udp_deliver(node, skb);
		else if (err == -EAGAIN)
			break;
		/* Else an ICMP error, which is in the error queue if one wants it. */
	}
	rcu_read_unlock();
}

static int stt_udp_check(struct sock *sk, struct netlink_ext_ack *extack)
{
	if (sk->sk_protocol != IPPROTO_UDP || sk->sk_type != SOCK_DGRAM ||
	    (sk->sk_family != AF_INET && sk->sk_family != AF_INET6)) {
		NL_SET_ERR_MSG(extack, "the socket is no UDP socket");
		return -EPROTOTYPE;
	}
	if (!inet_sk(sk)->inet_num) {
		NL_SET_ERR_MSG(extack, "the UDP socket is not bound");
		return -EDESTADDRREQ;
	}
	return 0;
}

static int stt_udp_set_gro(struct sock *sk, int on)
{
	return udp_lib_setsockopt(sk, SOL_UDP, UDP_GRO, KERNEL_SOCKPTR(&on), sizeof(on), NULL);
}

/* Under lock_sock() and sk_callback_lock: @sk is free, take it. */
static void stt_udp_hook(struct stt_node *node, struct sock *sk, struct stt_udp_ops *ops)
{
	sock_hold(sk);
	node->udp_ref = sk;
	node->udp_ops = ops;
	node->udp_data_ready = sk->sk_data_ready;
	node->udp_had_gro = udp_test_bit(GRO_ENABLED, sk);
	node->udp_had_port = sk->sk_userlocks & SOCK_BINDPORT_LOCK;
	/* A disconnect would give back a port that was not asked for by number. */
	sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
#ifdef CONFIG_NET_RX_BUSY_POLL
	/* Nobody waits in recvmsg(), and softirq must not poll the device. */
	WRITE_ONCE(sk->sk_ll_usec, 0);
#endif
	rcu_assign_pointer(node->udp, sk);
	rcu_assign_sk_user_data(sk, node);
	WRITE_ONCE(sk->sk_prot, &ops->prot);
	WRITE_ONCE(sk->sk_data_ready, stt_udp_data_ready);
}

static int stt_udp_take(struct stt_node *node, struct sock *sk, struct netlink_ext_ack *extack)
{
	struct stt_udp_ops *ops;
	int err = 0;

	lock_sock(sk);
	ops = stt_udp_ops_for(sk);
	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_user_data) {
		NL_SET_ERR_MSG(extack, "the UDP socket is in use by a node or another tunnel");
		err = -EBUSY;
	} else if (!ops || READ_ONCE(udp_sk(sk)->encap_type)) {
		NL_SET_ERR_MSG(extack, "a tunnel, a sockmap or the like uses the UDP socket");
		err = -EBUSY;
	} else {
		stt_udp_hook(node, sk, ops);
	}
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
	return err;
}

/* ------------------------------------------------------------------------ */
/* IPv6 sockets need looking after                                          */

static LIST_HEAD(stt_udp_watched);
static DEFINE_MUTEX(stt_udp_watch_lock);	/* of the list */

static void stt_udp_watch(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(stt_udp_watch_work, stt_udp_watch);

static bool stt_udp_lost(const struct stt_node *node)
{
	return READ_ONCE(node->udp_ref->sk_prot) != &node->udp_ops->prot;
}

/* A node whose socket has slipped away. Returns a reference, or NULL. */
static struct stt_node *stt_udp_find_lost(void)
{
	struct stt_node *node;

	mutex_lock(&stt_udp_watch_lock);
	list_for_each_entry(node, &stt_udp_watched, udp_watch) {
		if (stt_udp_lost(node)) {
			stt_node_hold(node, STT_REF_UDP_WATCH);
			mutex_unlock(&stt_udp_watch_lock);
			return node;
		}
	}
	if (!list_empty(&stt_udp_watched))
		schedule_delayed_work(&stt_udp_watch_work, STT_UDP_WATCH);
	mutex_unlock(&stt_udp_watch_lock);
	return NULL;
}

/*
 * An IPV6_ADDRFORM that had passed our setsockopt() before the socket was
 * attached, and waited in it for its argument, replaces sk_prot all the same.
 * Its close() would then not be noticed, so such a node is ended here.
 */
static void stt_udp_watch(struct work_struct *work)
{
	struct stt_node *node;

	while ((node = stt_udp_find_lost())) {
		stt_node_kill(node, STT_CLOSE_NODE_GONE);
		stt_node_put(node, STT_REF_UDP_WATCH);
	}
}

static void stt_udp_watch_add(struct stt_node *node)
{
	mutex_lock(&stt_udp_watch_lock);
	list_add_tail(&node->udp_watch, &stt_udp_watched);
	mutex_unlock(&stt_udp_watch_lock);
	schedule_delayed_work(&stt_udp_watch_work, STT_UDP_WATCH);
}

static void stt_udp_watch_remove(struct stt_node *node)
{
	mutex_lock(&stt_udp_watch_lock);
	list_del(&node->udp_watch);
	mutex_unlock(&stt_udp_watch_lock);
}

void stt_udp_exit(void)
{
	cancel_delayed_work_sync(&stt_udp_watch_work);
}

/* ------------------------------------------------------------------------ */

/* Take over @sk, whose file the caller holds. */
int stt_udp_attach(struct stt_node *node, struct sock *sk, struct netlink_ext_ack *extack)
{
	int err = stt_udp_check(sk, extack);

	if (!err)
		err = stt_udp_take(node, sk, extack);
	if (err)
		return err;
	if (node->udp_ops == &stt_udp6)
		stt_udp_watch_add(node);
	/* Batches shall arrive whole; without it they come one by one. */
	stt_udp_set_gro(sk, 1);

	/* What came before. */
	local_bh_disable();
	stt_udp_data_ready(sk);
	local_bh_enable();
	return 0;
}

/*
 * Give the socket back as it was; what has slipped away is let go. Frames on
 * their way hold the node by RCU.
 */
void stt_udp_detach(struct stt_node *node)
{
	struct sock *sk = node->udp_ref;

	if (node->udp_ops == &stt_udp6)
		stt_udp_watch_remove(node);
	if (!node->udp_had_gro)
		stt_udp_set_gro(sk, 0);

	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	RCU_INIT_POINTER(node->udp, NULL);
	rcu_assign_sk_user_data(sk, NULL);
	if (!stt_udp_lost(node))
		WRITE_ONCE(sk->sk_prot, node->udp_ops->base);
	WRITE_ONCE(sk->sk_data_ready, node->udp_data_ready);
	if (!node->udp_had_port)
		sk->sk_userlocks &= ~SOCK_BINDPORT_LOCK;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}
