#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Receive timestamps (A22), see vm_stamps.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
