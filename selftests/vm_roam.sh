#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The peer changes its address (A28), see vm_roam.c.

. "$(dirname "$0")/lib/pair.sh"
export SECOND4=10.77.1.3 SECOND6=fd77:1::3 SECOND_A4=10.77.1.4
ip -n "$NS_B" address add $SECOND4/24 dev to_a &&
ip -n "$NS_B" address add $SECOND6/64 dev to_a nodad &&
ip -n "$NS_A" address add $SECOND_A4/24 dev to_b || tap_bail "no second addresses"
pair_run
