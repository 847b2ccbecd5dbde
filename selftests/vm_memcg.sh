#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Memory that counts against the control group (A35), see vm_memcg.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
