#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 1800
# vm_churn.sh, but 100 times each ($CHURN).

. "$(dirname "$0")/lib/relay.sh"
relay_for debug

# More than one CPU that really runs at a time, see tools/vm/fuzz.sh.
churn_vm()
{
	local VM_TCG=tcg,thread=multi VM_ICOUNT= VM_SMP=2

	debug_vm churn "$FLAVOUR" "$BUILD/module-$KVER/stt.ko" "" \
		"env CHURN=${CHURN:-100} selftests/vm_churn.sh"
}

relay_vm churn_vm
