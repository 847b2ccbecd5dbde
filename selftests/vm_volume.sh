#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 900
# The last frame of an AES-256-GCM key (A30), see vm_volume.c.

. "$(dirname "$0")/lib/pair.sh"
# Eight million frames are too many where each takes several times as long.
if [ "${STT_SLOW:-1}" -gt 1 ]; then
	echo "1..0 # SKIP this kernel is too slow"
	exit 0
fi
pair_run_gcm vm_volume
