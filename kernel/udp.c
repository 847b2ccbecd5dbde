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

#include <linux/netlink.h>
#include <net/inet_sock.h>
#include <net/udp.h>

#include "input.h"
#include "node.h"
#include "udp.h"

enum { STT_UDP4, STT_UDP6, STT_UDP_PROTS };

static DEFINE_MUTEX(stt_udp_prot_lock);
static struct proto *stt_udp_base[STT_UDP_PROTS];
static struct proto stt_udp_prot[STT_UDP_PROTS];

static unsigned int stt_udp_family(const struct sock *sk)
{
	return sk->sk_family == AF_INET6 ? STT_UDP6 : STT_UDP4;
}

static struct stt_node *stt_udp_node_get(struct sock *sk)
{
	struct stt_node *node;

	rcu_read_lock();
	node = rcu_dereference_sk_user_data(sk);
	if (node && !refcount_inc_not_zero(&node->refs))
		node = NULL;
	rcu_read_unlock();
	return node;
}

/* close() of an attached socket; the process may have been killed. */
static void stt_udp_close(struct sock *sk, long timeout)
{
	struct proto *base = stt_udp_base[stt_udp_family(sk)];
	struct stt_node *node = stt_udp_node_get(sk);

	if (node) {
		stt_node_kill(node, STT_CLOSE_NODE_GONE);
		stt_node_put(node);
	}
	base->close(sk, timeout);
}

/* IPV6_ADDRFORM puts another sk_prot in: not while this one is needed. */
static int stt_udp_setsockopt(struct sock *sk, int level, int opt, sockptr_t val,
			      unsigned int len)
{
	if (level == SOL_IPV6 && opt == IPV6_ADDRFORM)
		return -EBUSY;
	return stt_udp_base[stt_udp_family(sk)]->setsockopt(sk, level, opt, val, len);
}

/* The replacement for sk->sk_prot; built from the first one that is seen. */
static struct proto *stt_udp_prot_for(struct sock *sk)
{
	unsigned int family = stt_udp_family(sk);
	struct proto *prot = &stt_udp_prot[family];

	mutex_lock(&stt_udp_prot_lock);
	if (!stt_udp_base[family]) {
		*prot = *sk->sk_prot;
		prot->close = stt_udp_close;
		prot->setsockopt = stt_udp_setsockopt;
		stt_udp_base[family] = sk->sk_prot;
	}
	mutex_unlock(&stt_udp_prot_lock);
	return sk->sk_prot == stt_udp_base[family] ? prot : NULL;
}

static void stt_udp_data_ready(struct sock *sk)
{
	struct udp_sock *up = udp_sk(sk);
	struct stt_node *node;
	struct sk_buff *skb;
	int off, err;

	rcu_read_lock();
	node = rcu_dereference_sk_user_data(sk);
	while (node && (!skb_queue_empty_lockless(&sk->sk_receive_queue) ||
			!skb_queue_empty_lockless(&up->reader_queue))) {
		off = 0;
		skb = __skb_recv_udp(sk, MSG_DONTWAIT, &off, &err);
		if (skb) {
			stt_input(node, skb);
			skb_consume_udp(sk, skb, skb->len);
		} else if (err == -EAGAIN) {
			break;
		}
		/* Else a pending ICMP error: it is in the error queue as well. */
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

/* Batches that GRO made shall arrive whole. */
static int stt_udp_enable_gro(struct sock *sk)
{
	int on = 1;

	return udp_lib_setsockopt(sk, SOL_UDP, UDP_GRO, KERNEL_SOCKPTR(&on), sizeof(on), NULL);
}

static int stt_udp_hook(struct stt_node *node, struct sock *sk, struct netlink_ext_ack *extack)
{
	struct proto *prot = stt_udp_prot_for(sk);
	int err = 0;

	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_user_data) {
		NL_SET_ERR_MSG(extack, "the UDP socket is in use by a node or another tunnel");
		err = -EBUSY;
	} else if (!prot) {
		NL_SET_ERR_MSG(extack, "something else, such as a sockmap, uses the UDP socket");
		err = -EBUSY;
	} else {
		sock_hold(sk);
		node->udp_ref = sk;
		node->udp_data_ready = sk->sk_data_ready;
		rcu_assign_pointer(node->udp, sk);
		rcu_assign_sk_user_data(sk, node);
		WRITE_ONCE(sk->sk_prot, prot);
		WRITE_ONCE(sk->sk_data_ready, stt_udp_data_ready);
	}
	write_unlock_bh(&sk->sk_callback_lock);
	return err;
}

/* Take over @sk, whose file the caller holds. */
int stt_udp_attach(struct stt_node *node, struct sock *sk, struct netlink_ext_ack *extack)
{
	int err = stt_udp_check(sk, extack);

	if (err)
		return err;
	err = stt_udp_enable_gro(sk);
	if (err)
		return err;

	lock_sock(sk);
	err = stt_udp_hook(node, sk, extack);
	release_sock(sk);
	if (err)
		return err;

	/* What came before. */
	local_bh_disable();
	stt_udp_data_ready(sk);
	local_bh_enable();
	return 0;
}

/* Give @sk back as it was. Frames on their way hold the node by RCU. */
void stt_udp_detach(struct stt_node *node, struct sock *sk)
{
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	RCU_INIT_POINTER(node->udp, NULL);
	rcu_assign_sk_user_data(sk, NULL);
	WRITE_ONCE(sk->sk_prot, stt_udp_base[stt_udp_family(sk)]);
	WRITE_ONCE(sk->sk_data_ready, node->udp_data_ready);
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}
