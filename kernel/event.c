// SPDX-License-Identifier: GPL-2.0-only
/* Events: the life of nodes and sessions, told to the multicast group. */

#include <net/genetlink.h>

#include "event.h"
#include "netlink.h"
#include "node.h"
#include "session.h"

/* Nobody listens most of the time: then nothing is built. */
static struct sk_buff *stt_event_begin(struct net *net, u8 cmd, gfp_t gfp, void **hdr)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&stt_genl, net, 0))
		return NULL;
	skb = genlmsg_new(NLMSG_GOODSIZE, gfp);
	if (!skb)
		return NULL;
	*hdr = genlmsg_put(skb, 0, 0, &stt_genl, 0, cmd);
	return skb;
}

static void stt_event_send(struct net *net, struct sk_buff *skb, void *hdr, gfp_t gfp)
{
	genlmsg_end(skb, hdr);
	/* A listener that cannot keep up finds ENOBUFS on its socket. */
	genlmsg_multicast_netns(&stt_genl, net, skb, 0, 0, gfp);
}

void stt_event_node(struct stt_node *node, u8 cmd)
{
	struct sk_buff *skb;
	void *hdr;

	skb = stt_event_begin(node->net, cmd, GFP_KERNEL, &hdr);
	if (!skb)
		return;
	if (stt_nl_put_node(skb, node))
		nlmsg_free(skb);
	else
		stt_event_send(node->net, skb, hdr, GFP_KERNEL);
}

void stt_event_session(struct stt_session *s, u8 cmd, gfp_t gfp)
{
	struct net *net = s->node->net;
	struct sk_buff *skb;
	void *hdr;

	skb = stt_event_begin(net, cmd, gfp, &hdr);
	if (!skb)
		return;
	if (stt_nl_put_session(skb, s))
		nlmsg_free(skb);
	else
		stt_event_send(net, skb, hdr, gfp);
}
