#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Limits of handshake frames by source (A12), see vm_flood.c.

. "$(dirname "$0")/lib/pair.sh"
for host in 2 3; do
	ip -n "$NS_B" address add 10.77.9.$host/32 dev lo
	ip -n "$NS_B" address add fd77:9::$host/128 dev lo
	ip -n "$NS_B" address add fd77:$host::9/128 dev lo
done
for net in $(seq 0 29); do
	ip -n "$NS_B" address add "fd77:5:0:$(printf %x "$net")::9/128" dev lo
done
ip -n "$NS_A" route add default via "$NS_B4"
ip -n "$NS_A" route add default via "$NS_B6"
pair_run
