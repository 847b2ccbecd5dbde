/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family. */
#ifndef _STT_NETLINK_H
#define _STT_NETLINK_H

#include <linux/stt.h>
#include <net/genetlink.h>

struct stt_node;
struct stt_rekey_spec;
struct stt_session;
struct stt_sock;

extern struct genl_family stt_genl;

/* Is an attribute missing that the request must have? Then say so, with @msg. */
#define stt_nl_missing(info, attr, msg)					\
({									\
	struct genl_info *__gi = (info);				\
	bool __missing = GENL_REQ_ATTR_CHECK(__gi, attr);		\
									\
	if (__missing)							\
		GENL_SET_ERR_MSG(__gi, msg);				\
	__missing;							\
})

/* netlink_put.c: what messages say. 0 or -EMSGSIZE. */
int stt_nl_put_info(struct sk_buff *skb, struct net *net);
int stt_nl_put_node(struct sk_buff *skb, struct stt_node *node);
int stt_nl_put_node_full(struct sk_buff *skb, struct stt_node *node);
int stt_nl_put_session(struct sk_buff *skb, struct stt_session *s);
int stt_nl_put_session_full(struct sk_buff *skb, struct stt_session *s);
int stt_nl_put_socket(struct sk_buff *skb, struct stt_sock *ssk);

/* netlink_get.c: replies, and the requests that only look. */
struct sk_buff *stt_nl_reply_begin(struct genl_info *info, u8 cmd, void **hdr);
int stt_nl_reply_end(struct genl_info *info, struct sk_buff *skb, void *hdr, int err);
int stt_nl_info_get(struct sk_buff *skb, struct genl_info *info);
int stt_nl_node_get(struct sk_buff *skb, struct genl_info *info);
int stt_nl_node_dump(struct sk_buff *skb, struct netlink_callback *cb);
int stt_nl_session_get(struct sk_buff *skb, struct genl_info *info);
int stt_nl_session_dump(struct sk_buff *skb, struct netlink_callback *cb);
int stt_nl_socket_dump(struct sk_buff *skb, struct netlink_callback *cb);

/* netlink_session.c: requests that change sessions and keys. */
int stt_nl_session_new(struct sk_buff *skb, struct genl_info *info);
int stt_nl_session_set(struct sk_buff *skb, struct genl_info *info);
int stt_nl_session_del(struct sk_buff *skb, struct genl_info *info);
int stt_nl_session_rekey(struct sk_buff *skb, struct genl_info *info);
int stt_nl_key_new(struct sk_buff *skb, struct genl_info *info);
int stt_nl_key_del(struct sk_buff *skb, struct genl_info *info);

/* netlink.c: has the request only these attributes, a bit for each? */
bool stt_nl_node_takes(struct genl_info *info, u64 takes);
#define STT_NL_SESSION_NAME (BIT_ULL(STT_A_SESSION_NODE) | BIT_ULL(STT_A_SESSION_ID))
bool stt_nl_session_takes(struct genl_info *info, u64 takes);

/*
 * The node, and the session, that a request names; they return
 * references. stt_nl_own_node() wants the caller to be its owner.
 */
struct stt_node *stt_nl_node(struct genl_info *info, int attr);
struct stt_node *stt_nl_own_node(struct sk_buff *skb, struct genl_info *info, int attr);
struct stt_session *stt_nl_session(struct genl_info *info, struct stt_node *node);
bool stt_nl_heartbeat_ok(struct genl_info *info, const struct nlattr *attr);
int stt_nl_rekey_parse(struct genl_info *info, int age_attr, int volume_attr,
		       struct stt_rekey_spec *spec);
u8 stt_nl_reason(struct genl_info *info, int attr);

int stt_netlink_init(void);
void stt_netlink_exit(void);

#endif /* _STT_NETLINK_H */
