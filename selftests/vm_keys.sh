#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Keys and epochs (A25, A30), see vm_keys.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
