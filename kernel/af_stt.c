// SPDX-License-Identifier: GPL-2.0-only
/*
 * The socket family: what a program does with an AF_STT socket, in the order
 * in which it usually does it. Sending is in output.c, receiving in recv.c.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/sockios.h>
#include <linux/uaccess.h>
#include <asm/ioctls.h>

#include "af_stt.h"
#include "bind.h"
#include "node.h"
#include "session.h"
#include "xmit.h"

int stt_family = AF_STT;
module_param_named(family, stt_family, int, 0444);
MODULE_PARM_DESC(family, "Number of the socket family (default 18, of the retired AF_ASH)");

/* What is queued can still be read, then recvmsg() says why. */
static void stt_sock_over(struct stt_sock *ssk, int err)
{
	lockdep_assert_held(&ssk->lock);
	WRITE_ONCE(ssk->end, err);
	WRITE_ONCE(ssk->sk.sk_shutdown, ssk->sk.sk_shutdown | RCV_SHUTDOWN);
}

/*
 * No message will come any more: the session that the socket names by @b is over.
 * A socket that has moved on to another binding does not mind.
 */
void stt_sock_end(struct stt_sock *ssk, const struct stt_bind *b, int err)
{
	bool mine;

	spin_lock_bh(&ssk->lock);
	mine = ssk->bind == b;
	if (mine)
		stt_sock_over(ssk, err);
	spin_unlock_bh(&ssk->lock);

	if (mine)
		ssk->sk.sk_state_change(&ssk->sk);
}

/* The same, as @node has gone. */
void stt_sock_end_node(struct stt_sock *ssk, const struct stt_node *node)
{
	bool mine;

	spin_lock_bh(&ssk->lock);
	mine = ssk->node == node;
	if (mine)
		stt_sock_over(ssk, -ENODEV);
	spin_unlock_bh(&ssk->lock);

	if (mine)
		ssk->sk.sk_state_change(&ssk->sk);
}

/* The socket got a new binding, or another node. */
void stt_sock_revive(struct stt_sock *ssk)
{
	lockdep_assert_held(&ssk->lock);
	if (ssk->end) {
		WRITE_ONCE(ssk->end, 0);
		WRITE_ONCE(ssk->sk.sk_shutdown, ssk->shut);
	}
}

/* What must hold of any address before it is looked at. */
int stt_sock_address(const struct sockaddr_stt *addr, int len)
{
	if (len < (int)sizeof(*addr))
		return -EINVAL;
	if (addr->sstt_family != stt_family)
		return -EAFNOSUPPORT;
	if (addr->sstt_flags & ~STT_ADDR_STREAM_ANY || addr->__sstt_reserved)
		return -EINVAL;
	if (addr->sstt_flags & STT_ADDR_STREAM_ANY && addr->sstt_stream)
		return -EINVAL;
	return 0;
}

static void stt_sk_destruct(struct sock *sk)
{
	skb_queue_purge(&sk->sk_receive_queue);
	skb_queue_purge(&sk->sk_error_queue);
}

static int stt_release(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (!sk)
		return 0;

	lock_sock(sk);
	stt_bind_release(stt_sk(sk));
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	sock_orphan(sk);
	sock->sk = NULL;
	release_sock(sk);
	sock_put(sk);
	return 0;
}

/* The node that @addr names, if the caller may use it. Returns a reference. */
static struct stt_node *stt_address_node(struct sock *sk, const struct sockaddr_stt *addr)
{
	struct stt_node *node = stt_node_get(sock_net(sk), addr->sstt_node, STT_REF_BIND);

	if (!node)
		return ERR_PTR(-ENODEV);
	if (!stt_node_permits(node)) {
		stt_node_put(node, STT_REF_BIND);
		return ERR_PTR(-EACCES);
	}
	return node;
}

/*
 * Join the node of @addr. A socket belongs to one node: the second is refused.
 * Returns whether this made it a member.
 */
static int stt_join_node(struct stt_sock *ssk, const struct sockaddr_stt *addr)
{
	bool member = ssk->node;
	struct stt_node *node, *now;

	node = stt_address_node(&ssk->sk, addr);
	if (IS_ERR(node))
		return PTR_ERR(node);
	now = stt_bind_node(ssk, node);
	stt_node_put(node, STT_REF_BIND);
	if (IS_ERR(now))
		return PTR_ERR(now);
	return now == node ? !member : -EADDRINUSE;
}

static int stt_do_bind(struct stt_sock *ssk, const struct sockaddr_stt *addr)
{
	struct stt_bind_key key = {
		.session = addr->sstt_session,
		.stream = addr->sstt_stream,
		.any_stream = !!(addr->sstt_flags & STT_ADDR_STREAM_ANY),
	};
	const struct stt_peer none = {};
	int err;

	/* Who answers handshakes manages the node; a group may only use it. */
	if (addr->sstt_type == STT_MSG_HANDSHAKE)
		return stt_node_owned(ssk->node) ? stt_bind_handshake(ssk) : -EACCES;
	err = stt_bind_to(ssk, &key, &none);
	if (!err)
		ssk->wanted = key;
	return err;
}

static int stt_bind_check(const struct sockaddr_stt *addr)
{
	switch (addr->sstt_type) {
	case STT_MSG_ANY:
		return addr->sstt_session == STT_SESSION_ALL ? -EINVAL : 0;
	case STT_MSG_HANDSHAKE:
		return addr->sstt_session || addr->sstt_stream ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int stt_bind(struct socket *sock, struct sockaddr *uaddr, int len)
{
	const struct sockaddr_stt *addr = (struct sockaddr_stt *)uaddr;
	struct stt_sock *ssk = stt_sk(sock->sk);
	int err, joined;

	err = stt_sock_address(addr, len);
	if (!err)
		err = stt_bind_check(addr);
	if (err)
		return err;

	lock_sock(sock->sk);
	joined = stt_join_node(ssk, addr);
	if (joined < 0) {
		err = joined;
	} else if (ssk->is_bound || ssk->peer.connected) {
		err = -EINVAL;
	} else {
		err = stt_do_bind(ssk, addr);
		if (!err)
			ssk->is_bound = true;
		else if (joined)
			stt_bind_release(ssk);
	}
	release_sock(sock->sk);
	return err;
}

/* What a socket connected to @addr must get: that, within what it is bound to. */
static int stt_connect_key(const struct stt_sock *ssk, const struct sockaddr_stt *addr,
			   struct stt_bind_key *key)
{
	if (ssk->is_bound)
		*key = ssk->wanted;
	else
		*key = (struct stt_bind_key) { .any_stream = 1 };

	if (key->session != STT_SESSION_ANY && key->session != addr->sstt_session)
		return -EINVAL;
	key->session = addr->sstt_session;
	if (!ssk->is_bound && !(addr->sstt_flags & STT_ADDR_STREAM_ANY)) {
		key->stream = addr->sstt_stream;
		key->any_stream = 0;
	}
	return 0;
}

/* Back to what bind() asked for; a socket without that leaves its node. */
static int stt_disconnect(struct stt_sock *ssk)
{
	const struct stt_peer none = {};

	if (!ssk->peer.connected)
		return 0;
	if (ssk->is_bound)
		return stt_bind_to(ssk, &ssk->wanted, &none);
	stt_bind_release(ssk);
	return 0;
}

/* Which message type a send to this address has, or 0 if it can have none. */
static u8 stt_message_type(const struct sockaddr_stt *addr)
{
	if (addr->sstt_type == STT_MSG_ANY || addr->sstt_type == STT_MSG_DATA)
		return STT_MSG_DATA;
	return addr->sstt_type >= STT_MSG_USER_MIN ? addr->sstt_type : 0;
}

static int stt_do_connect(struct stt_sock *ssk, const struct sockaddr_stt *addr)
{
	const struct stt_peer peer = {
		.stream = addr->sstt_stream,
		.type = stt_message_type(addr),
		.connected = true,
	};
	struct stt_bind_key key;
	int err, joined;

	if (ssk->handshake)
		return -EOPNOTSUPP;
	joined = stt_join_node(ssk, addr);
	if (joined < 0)
		return joined;

	err = stt_connect_key(ssk, addr, &key);
	if (!err)
		err = stt_bind_to(ssk, &key, &peer);
	if (err && joined)
		stt_bind_release(ssk);
	return err;
}

static int stt_connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags)
{
	const struct sockaddr_stt *addr = (struct sockaddr_stt *)uaddr;
	struct stt_sock *ssk = stt_sk(sock->sk);
	int err;

	if (len < (int)sizeof(addr->sstt_family))
		return -EINVAL;
	if (addr->sstt_family == AF_UNSPEC) {
		lock_sock(sock->sk);
		err = stt_disconnect(ssk);
		release_sock(sock->sk);
		return err;
	}

	err = stt_sock_address(addr, len);
	if (err)
		return err;
	if (!stt_message_type(addr) || addr->sstt_session == STT_SESSION_ANY ||
	    addr->sstt_session == STT_SESSION_ALL)
		return -EINVAL;

	lock_sock(sock->sk);
	err = stt_do_connect(ssk, addr);
	release_sock(sock->sk);
	return err;
}

static int stt_getname_peer(const struct stt_sock *ssk, struct sockaddr_stt *addr)
{
	if (!ssk->peer.connected)
		return -ENOTCONN;
	addr->sstt_session = ssk->bind->key.session;
	addr->sstt_stream = ssk->peer.stream;
	addr->sstt_type = ssk->peer.type;
	return sizeof(*addr);
}

static int stt_getname_own(const struct stt_sock *ssk, struct sockaddr_stt *addr)
{
	if (ssk->handshake)
		addr->sstt_type = STT_MSG_HANDSHAKE;
	if (ssk->bind) {
		addr->sstt_session = ssk->bind->key.session;
		addr->sstt_stream = ssk->bind->key.stream;
		addr->sstt_flags = ssk->bind->key.any_stream ? STT_ADDR_STREAM_ANY : 0;
	}
	return sizeof(*addr);
}

static int stt_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct sockaddr_stt *addr = (struct sockaddr_stt *)uaddr;
	struct stt_sock *ssk = stt_sk(sock->sk);
	int len;

	memset(addr, 0, sizeof(*addr));
	addr->sstt_family = stt_family;

	lock_sock(sock->sk);
	if (ssk->node)
		addr->sstt_node = ssk->node->id;
	len = peer ? stt_getname_peer(ssk, addr) : stt_getname_own(ssk, addr);
	release_sock(sock->sk);
	return len;
}

static int stt_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct stt_sock *ssk = stt_sk(sk);

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	/* SHUT_RD, SHUT_WR, SHUT_RDWR are 0, 1, 2; the mask counts from 1. */
	how++;

	spin_lock_bh(&ssk->lock);
	ssk->shut |= how;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | how);
	spin_unlock_bh(&ssk->lock);

	sk->sk_state_change(sk);
	return 0;
}

/* Length of the next message, as UDP has it. */
static int stt_inq(struct sock *sk)
{
	struct sk_buff *skb;
	int len = 0;

	spin_lock_bh(&sk->sk_receive_queue.lock);
	skb = skb_peek(&sk->sk_receive_queue);
	if (skb)
		len = stt_skb_next(skb);
	spin_unlock_bh(&sk->sk_receive_queue.lock);
	return len;
}

static int stt_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case SIOCINQ:
		return put_user(stt_inq(sock->sk), (int __user *)arg);
	case SIOCOUTQ:
		return put_user(sk_wmem_alloc_get(sock->sk), (int __user *)arg);
	default:
		return -ENOIOCTLCMD;
	}
}

#ifdef CONFIG_COMPAT
static int stt_compat_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	return stt_ioctl(sock, cmd, (unsigned long)compat_ptr(arg));
}
#endif

/* SO_REUSEPORT itself is kept from all but inet sockets; this sets the same flag. */
static int stt_set_reuseport(struct sock *sk, sockptr_t val, unsigned int len)
{
	int on;

	if (len < sizeof(on))
		return -EINVAL;
	if (copy_from_sockptr(&on, val, sizeof(on)))
		return -EFAULT;
	lock_sock(sk);
	sk->sk_reuseport = !!on;
	release_sock(sk);
	return 0;
}

static int stt_setsockopt(struct socket *sock, int level, int opt, sockptr_t val,
			  unsigned int len)
{
	struct stt_sock *ssk = stt_sk(sock->sk);
	int on;

	if (level == SOL_STT && opt == STT_REUSEPORT)
		return stt_set_reuseport(sock->sk, val, len);
	if (level != SOL_STT || (opt != STT_SEGMENT && opt != STT_GRO))
		return -ENOPROTOOPT;
	if (len < sizeof(on))
		return -EINVAL;
	if (copy_from_sockptr(&on, val, sizeof(on)))
		return -EFAULT;

	if (opt == STT_SEGMENT) {
		if (on < 0 || on > STT_MESSAGE_MAX)
			return -EINVAL;
		WRITE_ONCE(ssk->segment, on);
	} else {
		if (on < 0 || on > 1)
			return -EINVAL;
		WRITE_ONCE(ssk->gro, on);
	}
	return 0;
}

/*
 * The session that the socket is connected to, or NULL. Returns a reference,
 * and what else there is to the default destination.
 */
struct stt_session *stt_sock_peer(struct stt_sock *ssk, struct stt_peer *peer,
				  enum stt_ref why)
{
	struct stt_session *s = NULL;

	spin_lock_bh(&ssk->lock);
	*peer = ssk->peer;
	if (peer->connected)
		s = ssk->bind->session;
	/* The binding has a reference, so this does not fail. */
	if (s && !stt_session_hold(s, why))
		s = NULL;
	spin_unlock_bh(&ssk->lock);
	return s;
}

static int stt_get_mtu(struct stt_sock *ssk)
{
	struct stt_session *s;
	struct stt_route rt;
	struct stt_peer peer;
	int err;

	s = stt_sock_peer(ssk, &peer, STT_REF_OPTION);
	if (!s)
		return -ENOTCONN;
	err = stt_route_find(&rt, s);
	stt_session_put(s, STT_REF_OPTION);
	if (err)
		return err;
	err = stt_route_max(&rt);
	stt_route_put(&rt);
	return err;
}

static int stt_getsockopt(struct socket *sock, int level, int opt, char __user *val,
			  int __user *ulen)
{
	struct stt_sock *ssk = stt_sk(sock->sk);
	int len, out;

	if (level != SOL_STT)
		return -ENOPROTOOPT;
	switch (opt) {
	case STT_MTU:
		out = stt_get_mtu(ssk);
		break;
	case STT_SEGMENT:
		out = READ_ONCE(ssk->segment);
		break;
	case STT_GRO:
		out = READ_ONCE(ssk->gro);
		break;
	default:
		return -ENOPROTOOPT;
	}
	if (out < 0)
		return out;
	if (get_user(len, ulen))
		return -EFAULT;
	if (len < (int)sizeof(out))
		return -EINVAL;
	if (put_user((int)sizeof(out), ulen) || copy_to_user(val, &out, sizeof(out)))
		return -EFAULT;
	return 0;
}

static const struct proto_ops stt_dgram_ops = {
	.family		= AF_STT,
	.owner		= THIS_MODULE,
	.release	= stt_release,
	.bind		= stt_bind,
	.connect	= stt_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= stt_getname,
	.poll		= datagram_poll,
	.ioctl		= stt_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl	= stt_compat_ioctl,
#endif
	.gettstamp	= sock_gettstamp,
	.listen		= sock_no_listen,
	.shutdown	= stt_shutdown,
	.setsockopt	= stt_setsockopt,
	.getsockopt	= stt_getsockopt,
	.sendmsg	= stt_sendmsg,
	.recvmsg	= stt_recvmsg,
	.mmap		= sock_no_mmap,
};

static struct proto stt_proto = {
	.name		= "STT",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct stt_sock),
};

#if IS_ENABLED(CONFIG_IPV6)
/* All zero, and nothing writes to it: what IPv6 finds of the owner of a packet. */
static struct ipv6_pinfo stt_pinet6;
#endif

static int stt_create(struct net *net, struct socket *sock, int protocol, int kern)
{
	struct stt_sock *ssk;
	struct sock *sk;

	if (sock->type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol)
		return -EPROTONOSUPPORT;

	sk = sk_alloc(net, stt_family, GFP_KERNEL, &stt_proto, kern);
	if (!sk)
		return -ENOMEM;

	sock->state = SS_UNCONNECTED;
	sock->ops = &stt_dgram_ops;
	sock_init_data(sock, sk);
	/* A message on its way may hold the socket by RCU only. */
	sock_set_flag(sk, SOCK_RCU_FREE);
	sk->sk_destruct = stt_sk_destruct;
	/* Opened in place, a message is its sender's memory until it is read. */
	sk->sk_allocation = GFP_KERNEL_ACCOUNT;
	ssk = stt_sk(sk);
#if IS_ENABLED(CONFIG_IPV6)
	ssk->inet.pinet6 = &stt_pinet6;
#endif
	spin_lock_init(&ssk->lock);
	sock_prot_inuse_add(net, sk->sk_prot, 1);
	return 0;
}

static struct net_proto_family stt_pf __ro_after_init = {
	.family	= AF_STT,
	.create	= stt_create,
	.owner	= THIS_MODULE,
};

int __init stt_af_init(void)
{
	int err;

	if (stt_family <= AF_UNSPEC || stt_family >= AF_MAX) {
		pr_err("family=%d is no family number, use 1 to %d\n", stt_family, AF_MAX - 1);
		return -EINVAL;
	}

	err = proto_register(&stt_proto, 1);
	if (err)
		return err;

	stt_pf.family = stt_family;
	err = sock_register(&stt_pf);
	if (err) {
		pr_err("socket family %d is taken, choose another with family=\n", stt_family);
		proto_unregister(&stt_proto);
	}
	return err;
}

void stt_af_exit(void)
{
	sock_unregister(stt_family);
	proto_unregister(&stt_proto);
}
