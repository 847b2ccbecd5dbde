#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 900
# An AES-256-GCM key up to its end (A30), see vm_volume.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run_gcm vm_volume
