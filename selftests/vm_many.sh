#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Many sessions and streams, and a peer that comes back, see vm_many.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
