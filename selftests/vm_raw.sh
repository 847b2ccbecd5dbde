#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The handshake socket (R16), see vm_raw.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
