#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Messages of every size and frames on the wire, see vm_data.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
