#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How many nodes there may be (A35), see vm_udp_limits.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
