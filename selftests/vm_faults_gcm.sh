#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 600
# vm_faults.c with keys for AES-256-GCM.

. "$(dirname "$0")/lib/pair.sh"
pair_run_gcm vm_faults
