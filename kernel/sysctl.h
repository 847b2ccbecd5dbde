/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of a network namespace, /proc/sys/net/stt. */
#ifndef _STT_SYSCTL_H
#define _STT_SYSCTL_H

struct net;

int __must_check stt_sysctl_register(struct net *net);
void stt_sysctl_unregister(struct net *net);

#endif /* _STT_SYSCTL_H */
