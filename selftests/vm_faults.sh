#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 600
# Every allocation fails in turn (A5), see vm_faults.c. Only where the kernel has
# fault injection, as that of `tools/run check-debug` has.

. "$(dirname "$0")/lib/tap.sh"
if [ ! -d /sys/kernel/debug/failslab ]; then
	echo "1..0 # SKIP no fault injection in this kernel"
	exit 0
fi
. "$(dirname "$0")/lib/pair.sh"
pair_run
