#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Who may do what (A35), see vm_permission.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
