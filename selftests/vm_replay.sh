#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Frames that come again or out of order (A25), see vm_replay.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
