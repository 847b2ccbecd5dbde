#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tracepoints, see vm_trace.c.

. "$(dirname "$0")/lib/pair.sh"

mkdir -p /sys/kernel/tracing
[ -d /sys/kernel/tracing/events ] || mount -t tracefs none /sys/kernel/tracing 2> /dev/null
[ -d /sys/kernel/tracing/events/stt ] || { echo "1..0 # SKIP no tracefs"; exit 0; }
pair_run
