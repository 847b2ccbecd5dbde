#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Many messages in one call, see vm_segments.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
