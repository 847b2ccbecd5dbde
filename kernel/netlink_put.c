// SPDX-License-Identifier: GPL-2.0-only
/* What netlink messages say of nodes, sessions and sockets. */

#include <linux/module.h>

#include "af_stt.h"
#include "netlink.h"
#include "node.h"
#include "session.h"
#include "xmit.h"

int stt_nl_put_info(struct sk_buff *skb, struct net *net)
{
	const struct stt_limits *limits = &stt_net(net)->limits;

	if (nla_put_u32(skb, STT_A_INFO_FAMILY, stt_family) ||
	    nla_put_string(skb, STT_A_INFO_MODULE_VERSION, THIS_MODULE->version) ||
	    nla_put_u32(skb, STT_A_INFO_WIRE_VERSION, STT_WIRE_VERSION) ||
	    nla_put_u32(skb, STT_A_INFO_SUITES, stt_suites()) ||
	    nla_put_u32(skb, STT_A_INFO_MESSAGE_MAX, STT_MESSAGE_MAX) ||
	    nla_put_u32(skb, STT_A_INFO_OVERHEAD, STT_OVERHEAD) ||
	    nla_put_u32(skb, STT_A_INFO_REPLAY_WINDOW, STT_REPLAY_WINDOW) ||
	    nla_put_u32(skb, STT_A_INFO_HEARTBEAT_MS, STT_HEARTBEAT_MS_DEFAULT) ||
	    nla_put_u32(skb, STT_A_INFO_NODES_MAX, READ_ONCE(limits->max[STT_LIMIT_NODES])) ||
	    nla_put_u32(skb, STT_A_INFO_SESSIONS_MAX,
			READ_ONCE(limits->max[STT_LIMIT_SESSIONS])) ||
	    nla_put_u32(skb, STT_A_INFO_NODES, atomic_read(&limits->used[STT_LIMIT_NODES])) ||
	    nla_put_u32(skb, STT_A_INFO_SESSIONS,
			atomic_read(&limits->used[STT_LIMIT_SESSIONS])) ||
	    nla_put_u32(skb, STT_A_INFO_GCM_KEYS_MAX,
			READ_ONCE(limits->max[STT_LIMIT_GCM_KEYS])) ||
	    nla_put_u32(skb, STT_A_INFO_GCM_KEYS,
			atomic_read(&limits->used[STT_LIMIT_GCM_KEYS])))
		return -EMSGSIZE;
	return stt_net_stats_put(skb, STT_A_INFO_STATS, net);
}

static int stt_nl_put_local_ip(struct sk_buff *skb, const struct sock *udp)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (udp->sk_family == AF_INET6)
		return nla_put_in6_addr(skb, STT_A_NODE_LOCAL_IPV6, &udp->sk_v6_rcv_saddr);
#endif
	return nla_put_in_addr(skb, STT_A_NODE_LOCAL_IPV4, inet_sk(udp)->inet_rcv_saddr);
}

/* Which UDP socket it is, and the address that it is bound to. */
static int stt_nl_put_udp(struct sk_buff *skb, struct stt_node *node)
{
	struct sock *udp;
	int err = 0;

	rcu_read_lock();
	udp = rcu_dereference(node->udp);
	if (udp) {
		err = nla_put_u64_64bit(skb, STT_A_NODE_INODE, sock_i_ino(udp),
					STT_A_NODE_PAD) ?:
		      nla_put_be16(skb, STT_A_NODE_LOCAL_PORT, inet_sk(udp)->inet_sport) ?:
		      stt_nl_put_local_ip(skb, udp);
	}
	rcu_read_unlock();
	return err;
}

int stt_nl_put_node(struct sk_buff *skb, struct stt_node *node)
{
	u32 uid = from_kuid_munged(node->net->user_ns, node->uid);
	kgid_t gid = READ_ONCE(node->gid);
	struct stt_rekey_spec rekey;

	stt_node_rekey(node, &rekey);
	if (gid_valid(gid) &&
	    nla_put_u32(skb, STT_A_NODE_GID, from_kgid_munged(node->net->user_ns, gid)))
		return -EMSGSIZE;
	if (nla_put_u32(skb, STT_A_NODE_ID, node->id) ||
	    nla_put_u32(skb, STT_A_NODE_UID, uid) ||
	    nla_put_u32(skb, STT_A_NODE_HEARTBEAT_MS, READ_ONCE(node->heartbeat_ms)) ||
	    nla_put_u32(skb, STT_A_NODE_REKEY_AGE_MS, rekey.age_ms) ||
	    nla_put_u32(skb, STT_A_NODE_REKEY_VOLUME, rekey.volume) ||
	    nla_put_u32(skb, STT_A_NODE_SESSIONS, atomic_read(&node->n_sessions)))
		return -EMSGSIZE;
	return stt_nl_put_udp(skb, node);
}

int stt_nl_put_node_full(struct sk_buff *skb, struct stt_node *node)
{
	return stt_nl_put_node(skb, node) ?:
	       stt_node_stats_put(skb, STT_A_NODE_STATS, node);
}

static int stt_nl_put_endpoint4(struct sk_buff *skb, const struct stt_endpoint *ep)
{
	if (nla_put_in_addr(skb, STT_A_SESSION_PEER_IPV4, ep->peer.in.sin_addr.s_addr) ||
	    nla_put_be16(skb, STT_A_SESSION_PEER_PORT, ep->peer.in.sin_port))
		return -EMSGSIZE;
	if (!ep->local.v4.s_addr)
		return 0;
	return nla_put_in_addr(skb, STT_A_SESSION_LOCAL_IPV4, ep->local.v4.s_addr);
}

static int stt_nl_put_endpoint6(struct sk_buff *skb, const struct stt_endpoint *ep)
{
	const struct sockaddr_in6 *peer = &ep->peer.in6;

	if (nla_put_in6_addr(skb, STT_A_SESSION_PEER_IPV6, &peer->sin6_addr) ||
	    nla_put_be16(skb, STT_A_SESSION_PEER_PORT, peer->sin6_port) ||
	    (peer->sin6_scope_id &&
	     nla_put_u32(skb, STT_A_SESSION_PEER_SCOPE, peer->sin6_scope_id)))
		return -EMSGSIZE;
	if (ipv6_addr_any(&ep->local.v6))
		return 0;
	return nla_put_in6_addr(skb, STT_A_SESSION_LOCAL_IPV6, &ep->local.v6);
}

/* Who and where: all that an event says. */
int stt_nl_put_session(struct sk_buff *skb, struct stt_session *s)
{
	u32 rekey = READ_ONCE(s->rekey_reason);
	struct stt_endpoint ep;

	if (nla_put_u32(skb, STT_A_SESSION_NODE, s->node->id) ||
	    nla_put_u64_64bit(skb, STT_A_SESSION_ID, s->id, STT_A_SESSION_PAD) ||
	    nla_put_u32(skb, STT_A_SESSION_STATE, READ_ONCE(s->state)) ||
	    nla_put_u8(skb, STT_A_SESSION_CLOSE_REASON, READ_ONCE(s->close_reason)) ||
	    (rekey && nla_put_u32(skb, STT_A_SESSION_REKEY_REASON, rekey)) ||
	    (s->peer_id &&
	     nla_put(skb, STT_A_SESSION_PEER_ID, STT_PEER_ID_LEN, s->peer_id)))
		return -EMSGSIZE;

	stt_session_endpoint(s, &ep);
	if (ep.peer.sa.sa_family == AF_INET6)
		return stt_nl_put_endpoint6(skb, &ep);
	return stt_nl_put_endpoint4(skb, &ep);
}

static int stt_nl_put_key(struct sk_buff *skb, const struct stt_key *key, u8 direction,
			  u64 counter)
{
	struct nlattr *nest = nla_nest_start(skb, STT_A_SESSION_KEY);

	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u8(skb, STT_A_KEY_EPOCH, key->epoch) ||
	    nla_put_u8(skb, STT_A_KEY_DIRECTION, direction) ||
	    nla_put_u8(skb, STT_A_KEY_SUITE, key->suite) ||
	    nla_put_u64_64bit(skb, STT_A_KEY_COUNTER, counter, STT_A_KEY_PAD)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int stt_nl_put_tx_key(struct sk_buff *skb, const struct stt_tx_key *key)
{
	if (!key)
		return 0;
	return stt_nl_put_key(skb, &key->key, STT_DIRECTION_TX, atomic64_read(&key->counter));
}

static int stt_nl_put_rx_key(struct sk_buff *skb, const struct stt_rx_key *key)
{
	u64 top;

	if (!key)
		return 0;
	top = READ_ONCE(key->replay.top);
	return stt_nl_put_key(skb, &key->key, STT_DIRECTION_RX, top ? top - 1 : 0);
}

/* All but the secrets. */
static int stt_nl_put_keys(struct sk_buff *skb, struct stt_session *s)
{
	unsigned int i;
	int err;

	rcu_read_lock();
	err = stt_nl_put_tx_key(skb, rcu_dereference(s->tx)) ?:
	      stt_nl_put_tx_key(skb, rcu_dereference(s->tx_next));
	if (!err && s->tx_installed)
		err = nla_put_u8(skb, STT_A_SESSION_TX_EPOCH, READ_ONCE(s->tx_epoch));
	for (i = 0; !err && i < STT_RX_SLOTS; i++)
		err = stt_nl_put_rx_key(skb, rcu_dereference(s->rx[i]));
	if (!err && s->rx_installed)
		err = nla_put_u8(skb, STT_A_SESSION_RX_EPOCH, READ_ONCE(s->rx_epoch));
	rcu_read_unlock();
	return err;
}

/* The largest message in one frame, where there is a route. */
static int stt_nl_put_mtu(struct sk_buff *skb, struct stt_session *s)
{
	struct stt_route rt;
	int err;

	if (stt_route_find(&rt, s))
		return 0;
	err = nla_put_u32(skb, STT_A_SESSION_MTU, stt_route_max(&rt));
	stt_route_put(&rt);
	return err;
}

static int stt_nl_put_idle(struct sk_buff *skb, const struct stt_session *s)
{
	u64 rx = jiffies64_to_msecs(jiffies - READ_ONCE(s->last_rx));
	u64 tx = jiffies64_to_msecs(jiffies - READ_ONCE(s->last_tx));

	if (nla_put_u64_64bit(skb, STT_A_SESSION_IDLE_RX_MS, rx, STT_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, STT_A_SESSION_IDLE_TX_MS, tx, STT_A_SESSION_PAD))
		return -EMSGSIZE;
	return nla_put_u32(skb, STT_A_SESSION_HEARTBEAT_MS,
			   jiffies_to_msecs(READ_ONCE(s->heartbeat)));
}

/* What rekey.c and rtt.c go by, and what they found. */
static int stt_nl_put_rekey(struct sk_buff *skb, struct stt_session *s)
{
	u64 key_age = jiffies64_to_msecs(jiffies - READ_ONCE(s->tx_since));
	u32 rtt = READ_ONCE(s->rtt_us);

	if (nla_put_u32(skb, STT_A_SESSION_REKEY_AGE_MS,
			jiffies_to_msecs(READ_ONCE(s->rekey_age))) ||
	    nla_put_u32(skb, STT_A_SESSION_REKEY_VOLUME, READ_ONCE(s->rekey_volume)) ||
	    (rcu_access_pointer(s->tx) &&
	     nla_put_u64_64bit(skb, STT_A_SESSION_KEY_AGE_MS, key_age, STT_A_SESSION_PAD)))
		return -EMSGSIZE;
	if (!rtt)
		return 0;
	if (nla_put_u32(skb, STT_A_SESSION_RTT_US, rtt) ||
	    nla_put_u32(skb, STT_A_SESSION_SRTT_US, READ_ONCE(s->srtt_us)))
		return -EMSGSIZE;
	return 0;
}

int stt_nl_put_session_full(struct sk_buff *skb, struct stt_session *s)
{
	return stt_nl_put_session(skb, s) ?:
	       stt_nl_put_keys(skb, s) ?:
	       stt_nl_put_mtu(skb, s) ?:
	       stt_nl_put_idle(skb, s) ?:
	       stt_nl_put_rekey(skb, s) ?:
	       stt_session_stats_put(skb, STT_A_SESSION_STATS, s);
}

/* What it is bound and connected to, under ssk->lock. */
static int stt_nl_put_socket_bind(struct sk_buff *skb, const struct stt_sock *ssk)
{
	const struct stt_bind *b = ssk->bind;

	if (!b)
		return 0;
	if (nla_put_u64_64bit(skb, STT_A_SOCKET_SESSION, b->key.session, STT_A_SOCKET_PAD) ||
	    (!b->key.any_stream && nla_put_u32(skb, STT_A_SOCKET_STREAM, b->key.stream)) ||
	    (b->shared && nla_put_u32(skb, STT_A_SOCKET_SHARERS,
				      stt_bind_sharers(ssk->node, b))))
		return -EMSGSIZE;
	if (!ssk->peer.connected)
		return 0;
	if (nla_put_u64_64bit(skb, STT_A_SOCKET_PEER_SESSION, b->key.session,
			      STT_A_SOCKET_PAD) ||
	    nla_put_u32(skb, STT_A_SOCKET_PEER_STREAM, ssk->peer.stream))
		return -EMSGSIZE;
	return 0;
}

int stt_nl_put_socket(struct sk_buff *skb, struct stt_sock *ssk)
{
	struct sock *sk = &ssk->sk;
	u32 uid = from_kuid_munged(sock_net(sk)->user_ns, sock_i_uid(sk));
	int err;

	if (nla_put_u64_64bit(skb, STT_A_SOCKET_INODE, sock_i_ino(sk), STT_A_SOCKET_PAD) ||
	    nla_put_u32(skb, STT_A_SOCKET_UID, uid) ||
	    nla_put_u8(skb, STT_A_SOCKET_TYPE,
		       READ_ONCE(ssk->handshake) ? STT_MSG_HANDSHAKE : STT_MSG_ANY) ||
	    nla_put_u32(skb, STT_A_SOCKET_RX_QUEUE, sk_rmem_alloc_get(sk)) ||
	    nla_put_u32(skb, STT_A_SOCKET_TX_QUEUE, sk_wmem_alloc_get(sk)) ||
	    nla_put_u32(skb, STT_A_SOCKET_DROPS, atomic_read(&sk->sk_drops)))
		return -EMSGSIZE;

	spin_lock_bh(&ssk->lock);
	err = stt_nl_put_socket_bind(skb, ssk);
	spin_unlock_bh(&ssk->lock);
	return err;
}
