#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Socket memory and MTU (A22, A23), see vm_buffers.c.

. "$(dirname "$0")/lib/pair.sh"
# Neighbours that do not answer are given up after 3 x 200 ms.
ns_exec "$NS_A" sysctl -q -w net.ipv4.neigh.to_b.retrans_time_ms=200
pair_run
