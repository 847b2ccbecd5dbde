#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# One message to many sessions, see vm_fanout.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
