#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 900
# Tests the test runner itself: a fault in the VM must make it fail, whatever
# the tests say, and nothing else may.

set -u
export PATH=$PATH:/usr/sbin:/sbin
REPO=$(cd "$(dirname "$0")/.." && pwd -P)
BUILD=${BUILD:-$REPO/build}
rig=$REPO/selftests/rig
. "$REPO/selftests/lib/tap.sh"
. "$REPO/tools/vm/qemu.sh"
. "$REPO/tools/vm/check.sh"

work=$(mktemp -d) || exit 1
trap 'vm_cleanup; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# run NAME LIMIT MODULE COMMAND: sets status; the runner's words are in $work/out.
run()
{
	vm_checked "rig-$1" "$kver" "$2" "$3" "$4" > "$work/out" 2>&1
	status=$?
}

said()
{
	grep -qE "$1" "$work/out" || { cat "$work/out"; return 1; }
}

scan_finds_all()
{
	local line missed=0

	while read -r line; do
		[ "${line#\#}" = "$line" ] || continue
		echo "$line" > "$work/line"
		"$REPO/tools/vm/logscan" "$work/line" > /dev/null && {
			echo "not found: $line"
			missed=1
		}
	done < "$rig/complaints"
	return $missed
}

# race TITLE LINE: a KCSAN report with that line in it, among others.
race()
{
	local bar===================================================================

	printf '[    1.0] %s\n' before "$bar" "BUG: KCSAN: data-race in $1" "" " read_it+0x1/0x2" \
		"$2" "Tainted: [O]=OOT_MODULE" "$bar" behind
}

# stays TITLE LINE: such a report is left in the log, which is ours to mend.
stays()
{
	race "$1" "$2" > "$work/races"
	"$REPO/tools/vm/kcsan-split" "$work/races" "$work/elsewhere"
	[ "$(cat "$work/races" "$work/elsewhere" | wc -l)" = 9 ] && grep -q KCSAN "$work/races"
}

build_module()
{
	mkdir -p "$work/module"
	cp "$rig/Kbuild" "$rig/complain.c" "$work/module" &&
	make -C "/lib/modules/$kver/build" M="$work/module" modules > "$work/build" 2>&1 ||
		{ cat "$work/build"; return 1; }
}

kver=$(vm_kernel 6.12 || vm_kernel 6.1) || tap_bail "no kernel in /boot"
complain=$work/module/complain.ko

tap_plan 24
tap_ok "log scan: every kind of complaint is found" scan_finds_all
tap_ok "log scan: ordinary lines are no complaint" "$REPO/tools/vm/logscan" "$rig/harmless"
tap_nok "log scan: no log is no proof" "$REPO/tools/vm/logscan" "$work/none"
tap_ok "races: with a function of the module in a stack: judged" \
	stays "a / b" " stt_input+0x52/0x7a0 [stt]"
tap_nok "races: of the kernel alone: not" stays "a / b" " ip_rcv+0x15/0x17"
tap_nok "races: nor when a worker says what it works on" \
	stays "process_one_work / process_one_work" "Workqueue: stt stt_node_free_work [stt]"
tap_nok "races: nor that of poll() and who wakes it, whoever that is" \
	stays "poll_schedule_timeout.constprop.0 / pollwake" " stt_input+0x52/0x7a0 [stt]"
tap_ok "the faulty module builds" build_module || tap_bail "no module"

run good 60 "$complain" 'echo "hello from the VM"; echo kept > $RESULTS/file'
tap_is "a good run passes" "$status" 0
tap_ok "its output comes through" said '^hello from the VM$'
tap_is "its files come back" "$(cat "$BUILD/results/rig-good-$kver/file" 2>&1)" kept

run status 60 "" 'echo x >> $RESULTS/runs; exit 7'
tap_is "the exit status is the command's" "$status" 7
tap_is "a failed run is not repeated" "$(cat "$BUILD/results/rig-status-$kver/runs")" x

# shellcheck disable=SC2016
run faults 60 "" 'for f in warn refcount slab; do
	insmod '"$complain"' fault=$f && rmmod complain; done; true'
tap_is "kernel complaints fail a run whose command succeeds" "$status" 1
tap_ok "a WARN is named" said 'WARNING: CPU: .*complain_init'
tap_ok "a refcount fault is named" said 'refcount_t: addition on 0'
tap_ok "an object left in a slab cache is named" said 'Objects remaining|still has objects'

VM_MODULE_ARGS="fault=pin" run pin 60 "$complain" true
tap_is "a module that cannot be removed fails the run" "$status" 1
tap_ok "and it is said" said 'cannot remove the module'

run oops 60 "" "insmod $complain fault=oops; sleep 60"
tap_is "an oops ends the VM with status 125" "$status" 125
tap_ok "and is named" said 'NULL pointer dereference'

run limit 5 "" 'sleep 1000'
tap_is "a command beyond its time limit: status 124" "$status" 124

VM_BOOT_LIMIT=6 VM_APPEND='rdinit=/bin/busybox -- sleep 1000' run hang 60 "" true
tap_is "a VM that does not boot: status 126" "$status" 126
tap_is "after a second attempt, and it is said" \
	"$(grep -c 'did not boot within 6 s (attempt [12] of 2)' "$work/out")" 2
tap_exit
