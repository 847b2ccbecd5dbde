#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Many sessions: what they take, that a dump has them all, see vm_scale.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
