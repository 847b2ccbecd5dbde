#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# AES-256-GCM, see vm_gcm.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run_gcm vm_gcm
