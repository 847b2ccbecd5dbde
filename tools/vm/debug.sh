# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# `tools/run check-debug` and `tools/run coverage`. Sourced after check.sh.

. "$REPO/tools/vm/debug-kernel.sh"

DEBUG_VM_LIMIT=${DEBUG_VM_LIMIT:-3600}
# Time limits of the tests are multiplied by this.
DEBUG_SLOW=${STT_SLOW:-4}

# debug_vm NAME FLAVOUR MODULE PARAMETERS COMMAND: a run in a VM with the kernel
# that debug_kernel set, in which any complaint counts. With DEBUG_LEAKS=0 in the
# environment leaks are not looked for, which takes longer than a boot.
debug_vm()
{
	local log=$BUILD/logs/$1-$KVER.console status
	# Interrupt routing by ACPI takes a debug kernel half a minute.
	local VM_BOOT_LIMIT=300 VM_APPEND="cryptomgr.notests acpi=noirq"

	# The clock follows the host's here, and on a busy one a CPU of the VM may
	# stand still for a minute. Lock-ups are for the kernels whose clock does not.
	VM_APPEND+=" watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=240"
	VM_APPEND+=" workqueue.watchdog_thresh=240"

	# The kernel's own data races must not end the run.
	[ "$2" = kcsan ] || VM_APPEND+=" panic_on_warn=1"
	vm_run "$1" "$KVER" "$DEBUG_VM_LIMIT" "" \
		"STT_SLOW=$DEBUG_SLOW DEBUG_LEAKS=${DEBUG_LEAKS:-1} exec tools/vm/debug-guest '$3' '$4' $5"
	status=$?
	if [ "$2" = kcsan ] && [ -s "$log" ]; then
		"$REPO/tools/vm/kcsan-split" "$log" "$BUILD/logs/$1-$KVER.races-elsewhere"
	fi
	if ! "$REPO/tools/vm/logscan" "$log"; then
		echo "FAIL: the kernel complained; its log: $log"
		[ $status != 0 ] || status=1
	fi
	return $status
}

# debug_tests NAME FLAVOUR BUILD: all VM tests, the module from BUILD.
debug_tests()
{
	local files

	mapfile -t files < <(cd "$REPO" && select_tests selftests/vm_*.sh)
	[ ${#files[@]} != 0 ] || return 0
	# shellcheck disable=SC2016
	debug_vm "$1" "$2" "$3/module-$KVER/stt.ko" "" \
		'tools/vm/run-tests $RESULTS/tap '"${files[*]@Q}"
}

# The tests of the test kernels themselves; they run here and boot VMs.
debug_proofs()
{
	local dir=$BUILD/results/proofs-$KVER files

	rm -rf "$dir"
	mapfile -t files < <(select_tests "$REPO"/selftests/debug_*.sh)
	[ ${#files[@]} != 0 ] || return 0
	(cd "$REPO" && export REPO BUILD KVER KDIR VM_KERNEL FLAVOUR=$1 &&
		tools/vm/run-tests "$dir" "${files[@]}")
}

debug_module()
{
	make_quiet KDIR="$KDIR" KVER="$KVER" BUILD="$1" module test-modules
}

debug_summary()
{
	printf '\n%s%-44s %5d s\n' "$check_table" "all" "$SECONDS"
	echo "logs: build/logs, results: build/results"
	[ $check_skipped = 0 ] || echo "$check_skipped skipped"
	echo "$check_passed passed, $check_failed failed"
	[ $check_failed = 0 ]
	exit
}

run_check_debug()
{
	local flavour=debug

	[ -z "$KCSAN" ] || flavour=kcsan
	# shellcheck disable=SC2086
	packages_need $PKG_BUILD $PKG_VM $PKG_CHECK $PKG_DEBUG || exit 1
	stage "$flavour kernel" debug_kernel $flavour || debug_summary
	stage "build userspace" make_quiet lib stt-ip examples tests
	if stage "build module, $KVER" debug_module "$BUILD"; then
		stage "planted bugs, $KVER" debug_proofs $flavour
		count_tap "$BUILD/results/proofs-$KVER"
		stage "VM tests, $KVER" debug_tests debug $flavour "$BUILD"
		count_tap "$BUILD/results/debug-$KVER/tap"
	fi
	debug_summary
}

# The module is built with counters, in a directory of its own.
run_coverage()
{
	local dir=$BUILD/coverage

	# shellcheck disable=SC2086
	packages_need $PKG_BUILD $PKG_VM $PKG_CHECK $PKG_DEBUG || exit 1
	stage "debug kernel" debug_kernel debug || debug_summary
	stage "build userspace" make_quiet lib stt-ip examples tests
	if GCOV_PROFILE=y stage "build module with counters" debug_module "$dir"; then
		stage "VM tests, $KVER" debug_tests coverage debug "$dir"
		count_tap "$BUILD/results/coverage-$KVER/tap"
		stage "coverage" "$REPO/tools/vm/coverage" "$dir/module-$KVER" \
			"$BUILD/results/coverage-$KVER/gcov" "$dir"
	fi
	debug_summary
}
