#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests what the other tests stand on: the module is inserted, namespaces are
# joined, netem loses packets, a capture has what was sent.

. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/netns.sh"
work=$(mktemp -d) || tap_bail "no temporary directory"
trap 'ns_cleanup; rm -rf "$work"' EXIT

captured()
{
	tcpdump -r "$work/pcap" -n "$@" 2>/dev/null | grep -c .
}

tap_plan 9
tap_ok "the module is inserted" test -d /sys/module/stt
ns_topology a b c
tap_point $? "three namespaces, two pairs" || tap_bail "no namespaces"
tap_ok "IPv4 from a to b" ns_exec "$NS_A" busybox ping -q -c 1 -W 5 "$NS_B4"
tap_ok "IPv6 from a to b" ns_exec "$NS_A" busybox ping -q -c 1 -W 5 "$NS_B6"
tap_ok "IPv6 from c to a" ns_exec "$NS_C" busybox ping -q -c 1 -W 5 fd77:2::1

ns_capture "$NS_B" "$work/pcap" icmp || tap_diag "tcpdump does not start"
ns_exec "$NS_A" busybox ping -q -c 3 -W 5 "$NS_B4" > /dev/null
ns_capture_stop
tap_is "a capture has every packet" "$(captured 'icmp[0] = 8')" 3

ns_netem "$NS_A" to_b loss 100%
tap_nok "netem: all is lost" ns_exec "$NS_A" busybox ping -q -c 1 -W 1 "$NS_B4"
ns_netem "$NS_A" to_b
tap_ok "netem taken away" ns_exec "$NS_A" busybox ping -q -c 1 -W 5 "$NS_B4"

ns_cleanup
tap_is "nothing is left behind" "$(ip netns list | grep -c "^$NS_PREFIX-")" 0
tap_exit
