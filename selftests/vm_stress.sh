#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# All at once (A4, A5), see vm_stress.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
