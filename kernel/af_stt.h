/* SPDX-License-Identifier: GPL-2.0-only */
/* AF_STT sockets. */
#ifndef _STT_AF_STT_H
#define _STT_AF_STT_H

#include <linux/rhashtable-types.h>
#include <linux/stt.h>
#include <net/inet_sock.h>
#include <net/sock.h>

#include "bind.h"
#include "endpoint.h"
#include "ref.h"

struct stt_node;
struct stt_session;

/**
 * struct stt_sock - an AF_STT socket
 * @sk: must be first
 * @inet: never used, and zero behind @sk, as is what its pinet6 points to. The socket
 *	owns packets of IP, and parts of the stack take the owner of such a packet for
 *	one of these
 * @node: set by the first bind() or connect(); holds a reference
 * @number: in node->sockets
 * @handshake: gets what is no transport frame
 * @wanted: what bind() asked for, or, without bind(), any
 * @is_bound: there was a bind()
 * @segment: STT_SEGMENT
 * @gro: STT_GRO
 * @waiting: readers that wait for a message
 * @lock: guards what follows, changes of @node, and sk_shutdown
 * @bind: what messages must match: @wanted, narrowed by connect()
 * @peer: the default destination, in the session of @bind
 * @shut: sk_shutdown as shutdown() has set it
 * @end: why no message will ever come again, a negative errno, or 0
 */
struct stt_sock {
	union {
		struct sock sk;
		struct inet_sock inet;
	};
	struct stt_node *node;
	u32 number;
	bool handshake;
	bool is_bound;
	struct stt_bind_key wanted;
	u32 segment;
	bool gro;
	atomic_t waiting;

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
 * struct stt_skb_cb - what recvmsg() tells about a message, or a run of them
 * @session: id
 * @stream: id
 * @size: bytes of each message of a run, the last may have fewer; 0: it is one
 * @off: what has been read of a run; guarded by the lock of the queue
 * @type: STT_MSG_*
 */
struct stt_skb_cb {
	u64 session;
	u32 stream;
	u32 size;
	u32 off;
	u8 type;
};

static inline struct stt_skb_cb *stt_skb_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct stt_skb_cb) > sizeof(skb->cb));
	return (struct stt_skb_cb *)skb->cb;
}

/* How many messages an skb holds. */
static inline unsigned int stt_skb_messages(struct sk_buff *skb)
{
	u32 size = stt_skb_cb(skb)->size;

	return size ? DIV_ROUND_UP(skb->len, size) : 1;
}

/* Bytes of the next message in an skb. Under the lock of the queue. */
static inline unsigned int stt_skb_next(struct sk_buff *skb)
{
	const struct stt_skb_cb *cb = stt_skb_cb(skb);
	unsigned int left = skb->len - cb->off;

	return cb->size && cb->size < left ? cb->size : left;
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
void stt_sock_end_node(struct stt_sock *ssk, const struct stt_node *node);
void stt_sock_revive(struct stt_sock *ssk);
int stt_sock_address(const struct sockaddr_stt *addr, int len);

struct stt_session *stt_sock_peer(struct stt_sock *ssk, struct stt_peer *peer,
				  enum stt_ref why);

int stt_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int stt_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags);

int stt_af_init(void);
void stt_af_exit(void);

#endif /* _STT_AF_STT_H */
