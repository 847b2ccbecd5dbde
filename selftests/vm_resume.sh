#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# All sessions end before the machine hibernates (R26), see vm_resume.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
