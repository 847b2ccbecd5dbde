#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Many sessions and streams, and a peer that comes back, see vm_many.c. On a machine
# that stood still a while a thousand heartbeats are due at once, and all shall
# arrive: the queue of the CPU has room for more than the usual thousand packets.

. "$(dirname "$0")/lib/pair.sh"
backlog=$(sysctl -n net.core.netdev_max_backlog)
trap 'ns_cleanup; sysctl -q net.core.netdev_max_backlog="$backlog"' EXIT
sysctl -q net.core.netdev_max_backlog=10000
pair_run
