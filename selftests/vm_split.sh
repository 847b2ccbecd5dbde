#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Messages of many frames, see vm_split.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
