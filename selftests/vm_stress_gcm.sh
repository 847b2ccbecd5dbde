#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# vm_stress.c with keys for AES-256-GCM.

. "$(dirname "$0")/lib/pair.sh"
pair_run_gcm vm_stress
