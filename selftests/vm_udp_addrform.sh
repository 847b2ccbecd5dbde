#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Sockets that slip away from their node (A4), see vm_udp_addrform.c.

. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/netns.sh"
ns_topology a b c || tap_bail "no network namespaces"
export NS_A NS_B NS_C NS_A4 NS_A6 NS_B4 NS_B6
vm_udp_addrform
