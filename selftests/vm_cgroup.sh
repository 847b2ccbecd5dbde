#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Filters of a cgroup hold for a node (R26), see vm_cgroup.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
