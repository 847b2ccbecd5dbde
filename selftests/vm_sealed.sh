#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Handshake frames inside a session (A30, A12), see vm_sealed.c.

. "$(dirname "$0")/lib/pair.sh"
ip -n "$NS_B" address add 10.77.8.2/32 dev to_a &&
ip -n "$NS_A" route add 10.77.8.2/32 dev to_b mtu 1000 || tap_bail "no narrow way"
ip -n "$NS_A" route add 10.77.8.3/32 dev to_b || tap_bail "no way to nobody"
pair_run
