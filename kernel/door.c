// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handshake messages on their way to the handshake socket of a node.
 *
 * There are two doors. Through the open one comes any datagram that has the
 * length of a handshake frame, from whomever. Through the sealed one come those
 * of the peer of a session, inside it: nobody else can make one, or use up what
 * the limiter allows it.
 *
 * Both lead to one receive buffer, and who is further away from being known has
 * less of it: HELLOs the first half, other datagrams three quarters, sealed
 * ones all. So what strangers send finds the buffer full while there is still
 * room for the answers that the node waits for, and for its sessions.
 */

#include <linux/skbuff.h>
#include <linux/udp.h>

#include "af_stt.h"
#include "deliver.h"
#include "door.h"
#include "frame.h"
#include "handshake.h"
#include "node.h"
#include "session.h"

/* Is there room for a datagram of a stranger? */
static bool stt_door_room(const struct stt_sock *ssk, u8 type)
{
	unsigned int quarters = type == STT_FRAME_HELLO ? 2 : 3;

	return sk_rmem_alloc_get(&ssk->sk) < READ_ONCE(ssk->sk.sk_rcvbuf) / 4 * quarters;
}

/* Consumes @skb, of which @session is 0 if it came through the open door. */
static void stt_door_queue(struct stt_node *node, struct stt_sock *ssk, struct sk_buff *skb,
			   u64 session)
{
	*stt_skb_cb(skb) = (struct stt_skb_cb) { .session = session, .type = STT_MSG_HANDSHAKE };
	stt_deliver_headers(skb);
	if (READ_ONCE(ssk->sk.sk_shutdown) & RCV_SHUTDOWN || stt_deliver_sock(ssk, skb)) {
		stt_count(node, NULL, DROP_HANDSHAKE);
		kfree_skb(skb);
		return;
	}
	stt_count(node, NULL, RX_HANDSHAKE);
}

/* A copy for the handshake socket, with the addresses in its headroom. */
static struct sk_buff *stt_door_copy(const struct sk_buff *from, unsigned int off,
				     unsigned int len)
{
	struct stt_skb_from *at;
	struct sk_buff *skb;

	skb = stt_deliver_part(from, off, len, sizeof(*at));
	if (!skb)
		return NULL;
	skb->tstamp = from->tstamp;
	at = stt_skb_from(skb);
	stt_endpoint_of_skb(&at->ep, from);
	at->local_port = udp_hdr(from)->dest;
	return skb;
}

/* A datagram of type @type, that part of @from. It goes on as it came. */
void stt_door_open(struct stt_node *node, const struct sk_buff *from, unsigned int off,
		   unsigned int len, u8 type)
{
	struct stt_sock *ssk = rcu_dereference(node->handshake);
	struct sk_buff *skb;

	if (!stt_handshake_valid(type, len)) {
		stt_count(node, NULL, DROP_HS_MALFORMED);
		return;
	}
	if (!ssk) {
		stt_count(node, NULL, DROP_HANDSHAKE);
		return;
	}
	if (!stt_door_room(ssk, type)) {
		/* As the stack does where all of the room is taken. */
		atomic_inc(&ssk->sk.sk_drops);
		stt_count(node, NULL, DROP_HANDSHAKE);
		return;
	}
	if (!stt_handshake_allow(node, from, type)) {
		stt_count(node, NULL, DROP_HS_RATE);
		return;
	}
	skb = stt_door_copy(from, off, len);
	if (skb)
		stt_door_queue(node, ssk, skb, 0);
	else
		stt_count(node, NULL, DROP_NO_MEMORY);
}

/* The payload of an authentic, fresh frame that came with @from. */
void stt_door_sealed(struct stt_node *node, struct stt_session *s, const struct sk_buff *from,
		     const u8 *payload, unsigned int len)
{
	struct stt_sock *ssk = rcu_dereference(node->handshake);
	struct sk_buff *skb;

	if (!stt_handshake_valid(payload[STT_HS_OFF_TYPE], len)) {
		stt_count(node, NULL, DROP_HS_MALFORMED);
		return;
	}
	if (!ssk) {
		stt_count(node, NULL, DROP_HANDSHAKE);
		return;
	}
	if (!stt_handshake_allow_sealed(node, s)) {
		stt_count(node, NULL, DROP_HS_RATE);
		return;
	}
	skb = alloc_skb(len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb) {
		stt_count(node, NULL, DROP_NO_MEMORY);
		return;
	}
	skb_put_data(skb, payload, len);
	skb->tstamp = from->tstamp;
	stt_door_queue(node, ssk, skb, s->id);
}
