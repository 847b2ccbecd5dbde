#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Limits of a network namespace (A35), see vm_limits.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
