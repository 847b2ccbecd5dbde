#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The handshake socket (R16), see vm_raw.c.

. "$(dirname "$0")/lib/pair.sh"
ip -n "$NS_A" address add fe80::a/64 dev to_b nodad &&
ip -n "$NS_B" address add fe80::b/64 dev to_a nodad || tap_bail "no link-local addresses"
pair_run
