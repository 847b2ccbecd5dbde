#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Ends of nodes, sessions and the module (A4), see vm_life.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
