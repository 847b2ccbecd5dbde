// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that change sessions and keys. They run under the lock of the
 * node, so nothing they work on can be deleted meanwhile; what is refused has
 * changed nothing.
 */

#include <net/ipv6.h>

#include "netlink.h"
#include "node.h"
#include "session.h"

#define STT_NL_SESSION_PEER							\
	(BIT_ULL(STT_A_SESSION_PEER_IPV4) | BIT_ULL(STT_A_SESSION_PEER_IPV6) |	\
	 BIT_ULL(STT_A_SESSION_PEER_PORT) | BIT_ULL(STT_A_SESSION_PEER_SCOPE) |	\
	 BIT_ULL(STT_A_SESSION_LOCAL_IPV4) | BIT_ULL(STT_A_SESSION_LOCAL_IPV6))
#define STT_NL_SESSION_SETTINGS							\
	(BIT_ULL(STT_A_SESSION_STATE) | BIT_ULL(STT_A_SESSION_HEARTBEAT_MS) |	\
	 BIT_ULL(STT_A_SESSION_REKEY_AGE_MS) | BIT_ULL(STT_A_SESSION_REKEY_VOLUME))

/* ------------------------------------------------------------------------ */
/* Keys                                                                     */

static const struct nla_policy stt_key_policy[STT_A_KEY_MAX + 1] = {
	[STT_A_KEY_EPOCH]		= NLA_POLICY_MAX(NLA_U8, STT_EPOCHS - 1),
	[STT_A_KEY_DIRECTION]		= NLA_POLICY_RANGE(NLA_U8, STT_DIRECTION_TX,
							   STT_DIRECTION_RX),
	[STT_A_KEY_SUITE]		= { .type = NLA_U8 },
	[STT_A_KEY_SECRET]		= NLA_POLICY_EXACT_LEN(STT_KEY_LEN),
	[STT_A_KEY_WAITING]		= { .type = NLA_FLAG },
};

/* Look at one key of a request, which nobody has checked yet; nothing is copied. */
static int stt_nl_key_parse(const struct nlattr *nest, struct stt_key_spec *spec,
			    bool need_secret, struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[STT_A_KEY_MAX + 1];
	int err;

	err = nla_parse_nested(attrs, STT_A_KEY_MAX, nest, stt_key_policy, extack);
	if (err)
		return err;
	if (!attrs[STT_A_KEY_EPOCH] || !attrs[STT_A_KEY_DIRECTION] ||
	    (need_secret && (!attrs[STT_A_KEY_SUITE] || !attrs[STT_A_KEY_SECRET]))) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "a key needs epoch and direction, a new one suite and secret");
		return -EINVAL;
	}

	spec->epoch = nla_get_u8(attrs[STT_A_KEY_EPOCH]);
	spec->direction = nla_get_u8(attrs[STT_A_KEY_DIRECTION]);
	spec->waiting = nla_get_flag(attrs[STT_A_KEY_WAITING]);
	if (!need_secret)
		return 0;
	spec->suite = nla_get_u8(attrs[STT_A_KEY_SUITE]);
	spec->secret = nla_data(attrs[STT_A_KEY_SECRET]);
	err = stt_suite_check(spec->suite, extack);
	if (err)
		NL_SET_BAD_ATTR(extack, attrs[STT_A_KEY_SUITE]);
	return err;
}

/* Put the keys of a request into @s, all or none of which will be used. */
static int stt_nl_install_keys(struct sk_buff *skb, struct genl_info *info,
			       struct stt_session *s)
{
	struct stt_key_spec spec;
	const struct nlattr *nest;
	int rem, err;

	nla_for_each_attr(nest, genlmsg_data(info->genlhdr), genlmsg_len(info->genlhdr), rem) {
		if (nla_type(nest) != STT_A_SESSION_KEY)
			continue;
		err = stt_nl_key_parse(nest, &spec, true, info->extack);
		if (!err)
			err = stt_key_install(s, &spec, skb, info->extack);
		if (err)
			return err;
	}
	return 0;
}

/* The secrets of a request are ours to forget, whatever became of it. */
static void stt_nl_wipe_keys(struct genl_info *info)
{
	struct nlattr *nest;
	int rem;

	nla_for_each_attr(nest, genlmsg_data(info->genlhdr), genlmsg_len(info->genlhdr), rem) {
		if (nla_type(nest) == STT_A_SESSION_KEY)
			memzero_explicit(nla_data(nest), nla_len(nest));
	}
}

/* ------------------------------------------------------------------------ */
/* Sessions                                                                 */

static int stt_nl_peer4(struct genl_info *info, struct stt_endpoint *ep)
{
	struct nlattr **attrs = info->attrs;

	if (attrs[STT_A_SESSION_LOCAL_IPV6] || attrs[STT_A_SESSION_PEER_SCOPE]) {
		GENL_SET_ERR_MSG(info, "peer and local address must be of one family");
		return -EINVAL;
	}
	ep->peer.in.sin_family = AF_INET;
	ep->peer.in.sin_port = nla_get_be16(attrs[STT_A_SESSION_PEER_PORT]);
	ep->peer.in.sin_addr.s_addr = nla_get_in_addr(attrs[STT_A_SESSION_PEER_IPV4]);
	if (attrs[STT_A_SESSION_LOCAL_IPV4])
		ep->local.v4.s_addr = nla_get_in_addr(attrs[STT_A_SESSION_LOCAL_IPV4]);
	if (!ep->peer.in.sin_addr.s_addr || ipv4_is_multicast(ep->peer.in.sin_addr.s_addr) ||
	    ipv4_is_lbcast(ep->peer.in.sin_addr.s_addr)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[STT_A_SESSION_PEER_IPV4],
				    "the peer's address must be unicast");
		return -EINVAL;
	}
	return 0;
}

static int stt_nl_peer6(struct genl_info *info, struct stt_endpoint *ep)
{
	struct nlattr **attrs = info->attrs;

	bool link_local;

	if (attrs[STT_A_SESSION_LOCAL_IPV4]) {
		GENL_SET_ERR_MSG(info, "peer and local address must be of one family");
		return -EINVAL;
	}
	ep->peer.in6.sin6_family = AF_INET6;
	ep->peer.in6.sin6_port = nla_get_be16(attrs[STT_A_SESSION_PEER_PORT]);
	ep->peer.in6.sin6_addr = nla_get_in6_addr(attrs[STT_A_SESSION_PEER_IPV6]);
	if (attrs[STT_A_SESSION_PEER_SCOPE])
		ep->peer.in6.sin6_scope_id = nla_get_u32(attrs[STT_A_SESSION_PEER_SCOPE]);
	if (attrs[STT_A_SESSION_LOCAL_IPV6])
		ep->local.v6 = nla_get_in6_addr(attrs[STT_A_SESSION_LOCAL_IPV6]);
	if (ipv6_addr_any(&ep->peer.in6.sin6_addr) ||
	    ipv6_addr_is_multicast(&ep->peer.in6.sin6_addr) ||
	    ipv6_addr_v4mapped(&ep->peer.in6.sin6_addr)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[STT_A_SESSION_PEER_IPV6],
				    "the peer's address must be unicast, and not v4-mapped");
		return -EINVAL;
	}
	link_local = ipv6_addr_type(&ep->peer.in6.sin6_addr) & IPV6_ADDR_LINKLOCAL;
	if (link_local != !!ep->peer.in6.sin6_scope_id) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[STT_A_SESSION_PEER_IPV6],
				    "a link-local address needs a scope, and no other has one");
		return -EINVAL;
	}
	return 0;
}

/* Can a UDP socket reach addresses of this family, as it is bound? */
static bool stt_nl_udp_speaks(const struct sock *udp, sa_family_t family)
{
	if (udp->sk_family == AF_INET)
		return family == AF_INET;
#if IS_ENABLED(CONFIG_IPV6)
	if (ipv6_addr_any(&udp->sk_v6_rcv_saddr))
		return family == AF_INET6 || !ipv6_only_sock(udp);
	return ipv6_addr_v4mapped(&udp->sk_v6_rcv_saddr) == (family == AF_INET);
#else
	return false;
#endif
}

static int stt_nl_peer_family(struct genl_info *info, struct stt_node *node, sa_family_t family)
{
	const struct sock *udp;
	bool ok;

	rcu_read_lock();
	udp = rcu_dereference(node->udp);
	/* Of a node that is just dying, whoever takes its lock finds out. */
	ok = !udp || stt_nl_udp_speaks(udp, family);
	rcu_read_unlock();
	if (ok)
		return 0;
	GENL_SET_ERR_MSG(info, "the node's UDP socket cannot reach the peer's address family");
	return -EAFNOSUPPORT;
}

static int stt_nl_peer(struct genl_info *info, struct stt_node *node, struct stt_endpoint *ep)
{
	struct nlattr **attrs = info->attrs;
	int err;

	memset(ep, 0, sizeof(*ep));
	if (!attrs[STT_A_SESSION_PEER_IPV4] == !attrs[STT_A_SESSION_PEER_IPV6]) {
		GENL_SET_ERR_MSG(info, "one address of the peer is needed, IPv4 or IPv6");
		return -EINVAL;
	}
	if (stt_nl_missing(info, STT_A_SESSION_PEER_PORT, "the peer's port is needed"))
		return -EINVAL;
	if (!nla_get_be16(attrs[STT_A_SESSION_PEER_PORT])) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[STT_A_SESSION_PEER_PORT],
				    "the peer's port must not be 0");
		return -EINVAL;
	}
	if (attrs[STT_A_SESSION_PEER_IPV6])
		err = stt_nl_peer6(info, ep);
	else
		err = stt_nl_peer4(info, ep);
	return err ?: stt_nl_peer_family(info, node, ep->peer.sa.sa_family);
}

static int stt_nl_session_parse(struct genl_info *info, struct stt_node *node,
				struct stt_session_spec *spec)
{
	struct nlattr **attrs = info->attrs;

	if (stt_nl_missing(info, STT_A_SESSION_ID, "a session needs an id"))
		return -EINVAL;
	spec->id = nla_get_u64(attrs[STT_A_SESSION_ID]);
	if (spec->id == STT_SESSION_ANY || spec->id == STT_SESSION_ALL) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[STT_A_SESSION_ID],
				    "0 and all ones are no session ids");
		return -EINVAL;
	}

	spec->state = attrs[STT_A_SESSION_STATE] ? nla_get_u32(attrs[STT_A_SESSION_STATE]) :
						   STT_SESSION_STATE_ACTIVE;
	spec->peer_id = attrs[STT_A_SESSION_PEER_ID] ? nla_data(attrs[STT_A_SESSION_PEER_ID]) :
						       NULL;
	spec->heartbeat_ms = READ_ONCE(node->heartbeat_ms);
	if (attrs[STT_A_SESSION_HEARTBEAT_MS]) {
		if (!stt_nl_heartbeat_ok(info, attrs[STT_A_SESSION_HEARTBEAT_MS]))
			return -EINVAL;
		spec->heartbeat_ms = nla_get_u32(attrs[STT_A_SESSION_HEARTBEAT_MS]);
	}
	stt_node_rekey(node, &spec->rekey);
	return stt_nl_rekey_parse(info, STT_A_SESSION_REKEY_AGE_MS, STT_A_SESSION_REKEY_VOLUME,
				  &spec->rekey) ?:
	       stt_nl_peer(info, node, &spec->endpoint);
}

/* Publish @s, complete with its keys, unless the node has died. */
static int stt_nl_session_publish(struct sk_buff *skb, struct genl_info *info,
				  struct stt_session *s)
{
	struct stt_node *node = s->node;
	int err;

	mutex_lock(&node->lock);
	if (node->dead) {
		GENL_SET_ERR_MSG(info, "the node is gone");
		err = -ENODEV;
	} else {
		err = stt_session_publish(s, skb, info->extack);
	}
	mutex_unlock(&node->lock);
	return err;
}

static int stt_nl_session_create(struct sk_buff *skb, struct genl_info *info,
				 struct stt_node *node)
{
	struct stt_session_spec spec;
	struct stt_session *s;
	int err;

	err = stt_nl_session_parse(info, node, &spec);
	if (err)
		return err;
	s = stt_session_create(node, &spec);
	if (!s)
		return -ENOMEM;

	err = stt_nl_install_keys(skb, info, s);
	if (!err)
		err = stt_nl_session_publish(skb, info, s);
	if (err) {
		stt_keys_release(s);
		stt_session_put(s, STT_REF_TABLE);
	}
	return err;
}

static int stt_nl_do_session_new(struct sk_buff *skb, struct genl_info *info)
{
	struct stt_node *node;
	int err;

	if (!stt_nl_session_takes(info, STT_NL_SESSION_NAME | STT_NL_SESSION_PEER |
				  STT_NL_SESSION_SETTINGS | BIT_ULL(STT_A_SESSION_PEER_ID) |
				  BIT_ULL(STT_A_SESSION_KEY)))
		return -EINVAL;
	node = stt_nl_own_node(skb, info, STT_A_SESSION_NODE);
	if (IS_ERR(node))
		return PTR_ERR(node);
	err = stt_nl_session_create(skb, info, node);
	stt_node_put(node, STT_REF_REQUEST);
	return err;
}

int stt_nl_session_new(struct sk_buff *skb, struct genl_info *info)
{
	int err = stt_nl_do_session_new(skb, info);

	stt_nl_wipe_keys(info);
	return err;
}

/* Run @fn under the lock of @node, so that the session stays where it is. */
static int stt_nl_change_locked(struct sk_buff *skb, struct genl_info *info,
				struct stt_node *node,
				int (*fn)(struct sk_buff *skb, struct genl_info *info,
					  struct stt_session *s))
{
	struct stt_session *s;
	int err;

	mutex_lock(&node->lock);
	s = stt_nl_session(info, node);
	if (IS_ERR(s)) {
		err = PTR_ERR(s);
	} else {
		err = fn(skb, info, s);
		stt_session_put(s, STT_REF_REQUEST);
	}
	mutex_unlock(&node->lock);
	return err;
}

/* Change the session that a request names, which has only the attributes @takes. */
static int stt_nl_change_taking(struct sk_buff *skb, struct genl_info *info, u64 takes,
				int (*fn)(struct sk_buff *skb, struct genl_info *info,
					  struct stt_session *s))
{
	struct stt_node *node;
	int err;

	if (!stt_nl_session_takes(info, STT_NL_SESSION_NAME | takes))
		return -EINVAL;
	node = stt_nl_own_node(skb, info, STT_A_SESSION_NODE);
	if (IS_ERR(node))
		return PTR_ERR(node);
	err = stt_nl_change_locked(skb, info, node, fn);
	stt_node_put(node, STT_REF_REQUEST);
	return err;
}

/* The same; a key in it is wiped, also where there should be none. */
static int stt_nl_change(struct sk_buff *skb, struct genl_info *info, u64 takes,
			 int (*fn)(struct sk_buff *skb, struct genl_info *info,
				   struct stt_session *s))
{
	int err = stt_nl_change_taking(skb, info, takes, fn);

	stt_nl_wipe_keys(info);
	return err;
}

static int stt_nl_check_state(struct genl_info *info, struct stt_session *s)
{
	struct nlattr *attr = info->attrs[STT_A_SESSION_STATE];

	if (!attr)
		return 0;
	if (nla_get_u32(attr) != STT_SESSION_STATE_ACTIVE) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "a session can only be set active");
		return -EINVAL;
	}
	if (READ_ONCE(s->state) > STT_SESSION_STATE_ACTIVE) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "the session is over");
		return -EINVAL;
	}
	return 0;
}

/* As it is now, and what the request changes of it. */
static int stt_nl_new_rekey(struct genl_info *info, struct stt_session *s,
			    struct stt_rekey_spec *spec)
{
	spec->age_ms = jiffies_to_msecs(s->rekey_age);
	spec->volume = s->rekey_volume;
	return stt_nl_rekey_parse(info, STT_A_SESSION_REKEY_AGE_MS, STT_A_SESSION_REKEY_VOLUME,
				  spec);
}

/* Any part of it: stt_nl_peer() wants the others. */
static bool stt_nl_names_peer(struct nlattr **attrs)
{
	unsigned int i;

	for (i = 1; i <= STT_A_SESSION_MAX; i++) {
		if (attrs[i] && STT_NL_SESSION_PEER & BIT_ULL(i))
			return true;
	}
	return false;
}

/* All is checked before anything is changed. */
static int stt_nl_do_session_set(struct sk_buff *skb, struct genl_info *info,
				 struct stt_session *s)
{
	struct nlattr **attrs = info->attrs;
	bool has_peer = stt_nl_names_peer(attrs);
	bool has_rekey = attrs[STT_A_SESSION_REKEY_AGE_MS] || attrs[STT_A_SESSION_REKEY_VOLUME];
	struct stt_rekey_spec rekey;
	struct stt_endpoint ep;
	bool prove = false;
	int err;

	err = stt_nl_check_state(info, s) ?: stt_nl_new_rekey(info, s, &rekey);
	if (!err && has_peer)
		err = stt_nl_peer(info, s->node, &ep);
	if (err)
		return err;
	if (attrs[STT_A_SESSION_HEARTBEAT_MS] &&
	    !stt_nl_heartbeat_ok(info, attrs[STT_A_SESSION_HEARTBEAT_MS]))
		return -EINVAL;
	/* The last thing that can fail, and it changes nothing when it does. */
	if (attrs[STT_A_SESSION_TX_EPOCH]) {
		err = stt_key_use_tx(s, nla_get_u8(attrs[STT_A_SESSION_TX_EPOCH]), &prove,
				     info->extack);
		if (err)
			return err;
	}

	if (has_peer)
		stt_session_move(s, &ep);
	if (attrs[STT_A_SESSION_HEARTBEAT_MS])
		stt_timer_set(s, nla_get_u32(attrs[STT_A_SESSION_HEARTBEAT_MS]));
	if (has_rekey) {
		stt_rekey_set(s, &rekey);
		stt_timer_within(s, 1);
	}
	if (attrs[STT_A_SESSION_STATE])
		stt_session_activate(s);
	/* To where the peer is now. */
	if (prove)
		stt_heartbeat(s);
	return 0;
}

int stt_nl_session_set(struct sk_buff *skb, struct genl_info *info)
{
	return stt_nl_change(skb, info, STT_NL_SESSION_PEER | STT_NL_SESSION_SETTINGS |
			     BIT_ULL(STT_A_SESSION_TX_EPOCH), stt_nl_do_session_set);
}

static int stt_nl_do_session_del(struct sk_buff *skb, struct genl_info *info,
				 struct stt_session *s)
{
	stt_session_delete(s, stt_nl_reason(info, STT_A_SESSION_CLOSE_REASON));
	return 0;
}

int stt_nl_session_del(struct sk_buff *skb, struct genl_info *info)
{
	return stt_nl_change(skb, info, BIT_ULL(STT_A_SESSION_CLOSE_REASON),
			     stt_nl_do_session_del);
}

static int stt_nl_do_session_rekey(struct sk_buff *skb, struct genl_info *info,
				   struct stt_session *s)
{
	return stt_rekey_demand(s, info->extack);
}

int stt_nl_session_rekey(struct sk_buff *skb, struct genl_info *info)
{
	return stt_nl_change(skb, info, 0, stt_nl_do_session_rekey);
}

/* The one key of a request: of several none is looked at. */
static const struct nlattr *stt_nl_one_key(struct genl_info *info)
{
	const struct nlattr *nest, *key = info->attrs[STT_A_SESSION_KEY];
	int rem;

	if (stt_nl_missing(info, STT_A_SESSION_KEY, "which key?"))
		return NULL;
	/* The parser keeps the last one. */
	nla_for_each_attr(nest, genlmsg_data(info->genlhdr), genlmsg_len(info->genlhdr), rem) {
		if (nla_type(nest) != STT_A_SESSION_KEY || nest == key)
			continue;
		NL_SET_ERR_MSG_ATTR(info->extack, key, "one key at a time");
		return NULL;
	}
	return key;
}

static int stt_nl_do_key_new(struct sk_buff *skb, struct genl_info *info,
			     struct stt_session *s)
{
	const struct nlattr *key = stt_nl_one_key(info);
	struct stt_key_spec spec;
	int err;

	if (!key)
		return -EINVAL;
	err = stt_nl_key_parse(key, &spec, true, info->extack);
	if (!err)
		err = stt_key_install(s, &spec, skb, info->extack);
	/* It may be one that waits, but not for ever. */
	if (!err)
		stt_timer_within(s, HZ);
	return err;
}

int stt_nl_key_new(struct sk_buff *skb, struct genl_info *info)
{
	return stt_nl_change(skb, info, BIT_ULL(STT_A_SESSION_KEY), stt_nl_do_key_new);
}

static int stt_nl_do_key_del(struct sk_buff *skb, struct genl_info *info,
			     struct stt_session *s)
{
	const struct nlattr *key = stt_nl_one_key(info);
	struct stt_key_spec spec;
	int err;

	if (!key)
		return -EINVAL;
	err = stt_nl_key_parse(key, &spec, false, info->extack);
	return err ?: stt_key_remove(s, &spec, info->extack);
}

int stt_nl_key_del(struct sk_buff *skb, struct genl_info *info)
{
	return stt_nl_change(skb, info, BIT_ULL(STT_A_SESSION_KEY), stt_nl_do_key_del);
}
