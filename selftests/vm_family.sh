#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The number of the socket family (A4), see vm_family.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
