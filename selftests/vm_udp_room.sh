#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Room in front of a frame (A16), see vm_udp_room.c: two tunnels between a and b.

. "$(dirname "$0")/lib/pair.sh"

# tunnel NAME TYPE OUTER_B INNER_NET: between a and an address of b
tunnel()
{
	ip -n "$NS_A" link add "$1" type "$2" local "$NS_A4" remote "$3" &&
	ip -n "$NS_B" link add "$1" type "$2" local "$3" remote "$NS_A4" &&
	ip -n "$NS_A" address add "$4.1/24" dev "$1" &&
	ip -n "$NS_B" address add "$4.2/24" dev "$1" &&
	ip -n "$NS_A" link set "$1" mtu 1400 up &&
	ip -n "$NS_B" link set "$1" mtu 1400 up
}

if ip -n "$NS_B" address add 10.77.1.3/24 dev to_a &&
   tunnel tun0 ipip "$NS_B4" 10.99.0 && tunnel tun1 gre 10.77.1.3 10.98.0 &&
   tc -n "$NS_A" qdisc add dev tun0 root tbf rate 8bit burst 2000 limit 10m; then
	export TUN_A4=10.99.0.1 TUN_B4=10.99.0.2
fi
pair_run
