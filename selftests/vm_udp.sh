#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a program does to the UDP socket under a node (R4, R16, A24), see vm_udp.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
