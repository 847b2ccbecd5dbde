#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Which socket gets a message (A21), see vm_bind.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
