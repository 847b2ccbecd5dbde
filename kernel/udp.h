/* SPDX-License-Identifier: GPL-2.0-only */
/* The UDP socket under a node: taking it over, giving it back. */
#ifndef _STT_UDP_H
#define _STT_UDP_H

struct netlink_ext_ack;
struct sock;
struct stt_node;

int __must_check stt_udp_attach(struct stt_node *node, struct sock *sk,
				struct netlink_ext_ack *extack);
void stt_udp_detach(struct stt_node *node);
void stt_udp_exit(void);

#endif /* _STT_UDP_H */
