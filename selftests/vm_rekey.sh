#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 400
# The ages of keys in the module (A30), see vm_rekey.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
