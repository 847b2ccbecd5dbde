/* SPDX-License-Identifier: GPL-2.0-only */
/* AF_STT sockets. */
#ifndef _STT_AF_STT_H
#define _STT_AF_STT_H

#include <linux/rhashtable-types.h>
#include <linux/stt.h>
#include <net/sock.h>

#include "bind.h"
#include "endpoint.h"
#include "ref.h"

struct stt_node;
struct stt_session;

/**
 * struct stt_sock - an AF_STT socket
 * @sk: must be first
 * @node: set by the first bind() or connect(), then for good; holds a reference
 * @number: in node->sockets
 * @handshake: gets what is no transport frame
 * @wanted: what bind() asked for, or, without bind(), any
 * @is_bound: there was a bind()
 * @lock: guards what follows, and sk_shutdown
 * @bind: what messages must match: @wanted, narrowed by connect()
 * @peer: the default destination, in the session of @bind
 * @shut: sk_shutdown as shutdown() has set it
 * @end: why no message will ever come again, a negative errno, or 0
 */
struct stt_sock {
	struct sock sk;
	struct stt_node *node;
	u32 number;
	bool handshake;
	bool is_bound;
	struct stt_bind_key wanted;

	spinlock_t lock;	/* see above */
	struct stt_bind *bind;
	struct stt_peer peer;
	u8 shut;
	int end;
};

static inline struct stt_sock *stt_sk(const struct sock *sk)
{
	return (struct stt_sock *)sk;
}

/**
 * struct stt_skb_cb - what recvmsg() tells about a message
 * @session: id
 * @stream: id
 * @type: STT_MSG_*
 */
struct stt_skb_cb {
	u64 session;
	u32 stream;
	u8 type;
};

static inline struct stt_skb_cb *stt_skb_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct stt_skb_cb) > sizeof(skb->cb));
	return (struct stt_skb_cb *)skb->cb;
}

/* In front of the data of a handshake datagram, in its headroom. */
struct stt_skb_from {
	struct stt_endpoint ep;
	__be16 local_port;
};

static inline struct stt_skb_from *stt_skb_from(const struct sk_buff *skb)
{
	return (struct stt_skb_from *)skb->head;
}

/* The family number in use: a module parameter. */
extern int stt_family;

void stt_sock_end(struct stt_sock *ssk, const struct stt_bind *b, int err);
void stt_sock_revive(struct stt_sock *ssk);
int stt_sock_address(const struct sockaddr_stt *addr, int len);

struct stt_session *stt_sock_peer(struct stt_sock *ssk, struct stt_peer *peer,
				  enum stt_ref why);

int stt_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int stt_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags);

int stt_af_init(void);
void stt_af_exit(void);

#endif /* _STT_AF_STT_H */
