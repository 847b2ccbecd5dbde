#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# One socket in several threads (R12, R16), see vm_udp_race.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
