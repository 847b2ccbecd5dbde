#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 900
# Ends under traffic (A4), see vm_churn.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
