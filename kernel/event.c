// SPDX-License-Identifier: GPL-2.0-only
/* Events: the life of nodes and sessions, told to the multicast group. */

#include <net/genetlink.h>

#include "event.h"
#include "netlink.h"
#include "node.h"
#include "session.h"

/* Listeners learn that they missed something, as when they cannot keep up. */
static void stt_event_lost(struct net *net)
{
	genl_set_err(&stt_genl, net, 0, 0, -ENOBUFS);
}

/* Nobody listens most of the time: then nothing is built. */
static struct sk_buff *stt_event_begin(struct net *net, u8 cmd, gfp_t gfp, void **hdr)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&stt_genl, net, 0))
		return NULL;
	skb = genlmsg_new(NLMSG_GOODSIZE, gfp);
	if (skb)
		*hdr = genlmsg_put(skb, 0, 0, &stt_genl, 0, cmd);
	else
		stt_event_lost(net);
	return skb;
}

/* Send the event, or say that it is lost if it could not be filled. */
static void stt_event_end(struct net *net, struct sk_buff *skb, void *hdr, int err, gfp_t gfp)
{
	if (err) {
		nlmsg_free(skb);
		stt_event_lost(net);
		return;
	}
	genlmsg_end(skb, hdr);
	/* This one tells them itself if a queue is full. */
	genlmsg_multicast_netns(&stt_genl, net, skb, 0, 0, gfp);
}

void stt_event_node(struct stt_node *node, u8 cmd)
{
	struct sk_buff *skb;
	void *hdr;

	skb = stt_event_begin(node->net, cmd, GFP_KERNEL, &hdr);
	if (skb)
		stt_event_end(node->net, skb, hdr, stt_nl_put_node(skb, node), GFP_KERNEL);
}

void stt_event_session(struct stt_session *s, u8 cmd, gfp_t gfp)
{
	struct net *net = s->node->net;
	struct sk_buff *skb;
	void *hdr;

	skb = stt_event_begin(net, cmd, gfp, &hdr);
	if (skb)
		stt_event_end(net, skb, hdr, stt_nl_put_session(skb, s), gfp);
}
