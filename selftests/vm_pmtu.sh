#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The path to the peer is narrower than the first link, see vm_pmtu.c. A router r
# stands between a and b.

. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/netns.sh"

ns_topology r a b || tap_bail "no network namespaces"
export NS_A NS_B NS_A4 NS_A6 NS_B4 NS_B6
ns_exec "$NS_R" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 &&
for end in "$NS_A 10.77.1.1 fd77:1::1" "$NS_B 10.77.2.1 fd77:2::1"; do
	# shellcheck disable=SC2086
	set -- $end
	ip -n "$1" route add default via "$2" && ip -n "$1" -6 route add default via "$3" ||
		tap_bail "no routes"
done
ip -n "$NS_R" link set to_b mtu 1300 && ip -n "$NS_B" link set to_r mtu 1300 ||
	tap_bail "no narrow link"
export LOCKED4=10.99.0.1
ip -n "$NS_B" address add $LOCKED4/32 dev lo &&
ip -n "$NS_R" route add $LOCKED4 via "$NS_B4" &&
ip -n "$NS_A" route add $LOCKED4 via 10.77.1.1 mtu lock 1400 || tap_bail "no locked route"
vm_pmtu
