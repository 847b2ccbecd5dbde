#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Round trips from heartbeats (R23), see vm_rtt.c: 20 ms there, 30 ms back.

. "$(dirname "$0")/lib/pair.sh"

ns_netem "$NS_A" to_b delay 20ms && ns_netem "$NS_B" to_a delay 30ms ||
	tap_bail "no netem"
pair_run
