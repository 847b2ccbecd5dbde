#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Frames from a hostile network (A24, A26), see vm_hostile.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
