# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# `tools/run check`: the stages, what each took, and the count at the end.
# Sourced by tools/run after qemu.sh and packages.sh.

CHECK_VM_LIMIT=${CHECK_VM_LIMIT:-1800}
check_passed=0
check_failed=0
check_skipped=0
check_table=
check_inserted=
check_job=

check_cleanup()
{
	if [ -n "$check_job" ]; then
		kill -TERM "$check_job" 2>/dev/null
		wait "$check_job" 2>/dev/null
	fi
	[ -z "$check_inserted" ] || rmmod stt 2>/dev/null
}

# stage NAME COMMAND...: a point of its own, and a line in the table.
stage()
{
	local name=$1 start=$SECONDS word=ok

	shift
	printf '\n=== %s\n' "$name"
	if "$@"; then
		check_passed=$((check_passed + 1))
	else
		check_failed=$((check_failed + 1))
		word=FAILED
	fi
	check_table+=$(printf '%-44s %5d s  %s' "$name" $((SECONDS - start)) $word)$'\n'
	printf '=== %s: %s (%d s)\n' "$name" $word $((SECONDS - start))
	[ $word = ok ]
}

# Adds the test points of the TAP files in a directory.
count_tap()
{
	local skip bad all

	skip=$(cat "$1"/*.tap 2>/dev/null | grep -cE '^ok [0-9]+.*# *[Ss][Kk][Ii][Pp]')
	bad=$(cat "$1"/*.tap 2>/dev/null | grep -cE '^not ok [0-9]+')
	all=$(cat "$1"/*.tap 2>/dev/null | grep -cE '^(not )?ok [0-9]+')
	check_skipped=$((check_skipped + skip))
	check_failed=$((check_failed + bad))
	check_passed=$((check_passed + all - bad - skip))
}

# The files of selftests/ that match --only. $@: patterns
select_tests()
{
	local f

	for f in "$@"; do
		# shellcheck disable=SC2053
		if [ -f "$f" ] && [[ $(basename "$f") == $ONLY ]]; then echo "$f"; fi
	done
}

# A run in the VM whose kernel log counts as well. Arguments as vm_run.
vm_checked()
{
	local log=$BUILD/logs/$1-$2.console status

	vm_run "$@"
	status=$?
	if ! "$REPO/tools/vm/logscan" "$log"; then
		echo "FAIL: the kernel complained; its log: $log"
		[ $status != 0 ] || status=1
	fi
	return $status
}

make_quiet()
{
	make -C "$REPO" --no-print-directory -j2 BUILD="$BUILD" WERROR=1 "$@"
}

build_clang()
{
	make_quiet CC=clang CXX=clang++ BUILD="$BUILD/clang" lib stt-ip examples headers-test
}

# The programs whose source has this name: unit, fuzz.
built_tests()
{
	local f name

	for f in $(select_tests "$REPO/selftests/$1"_*.c); do
		name=$(basename "$f" .c)
		echo "$BUILD/selftests/$name"
	done
}

selected_vm()
{
	select_tests "$REPO"/selftests/vm_*.sh
}

selected_cost()
{
	select_tests "$REPO"/selftests/cost_*.sh
}

selected_native()
{
	select_tests "$REPO"/selftests/native_*.sh "$REPO"/selftests/native_*.py
}

# What has to be built for the selected tests; with --only that is not all.
test_targets()
{
	if [ "$ONLY" = '*' ]; then
		printf '%s\n' lib stt-ip examples tests
		return
	fi
	built_tests unit
	[ -z "$(selected_vm)" ] || printf '%s\n' lib stt-ip examples test-programs
}

native_tests()
{
	local dir=$BUILD/results/native files

	rm -rf "$dir"
	mapfile -t files < <(built_tests unit; selected_native)
	(cd "$REPO" && REPO=$REPO BUILD=$BUILD tools/vm/run-tests "$dir" "${files[@]}")
}

fuzz_smoke()
{
	local f status=0

	for f in $(built_tests fuzz); do
		mkdir -p "$BUILD/fuzz/corpus/$(basename "$f")"
		echo "$(basename "$f"), 10 s"
		(cd "$BUILD/fuzz" && "$f" -max_total_time=10 -verbosity=0 -close_fd_mask=1 \
			"corpus/$(basename "$f")") || status=1
	done
	return $status
}

# The kernel's own tests of its ciphers stay on here.
vm_tests()
{
	local kver=$1 files VM_APPEND=

	mapfile -t files < <(cd "$REPO" && select_tests selftests/vm_*.sh)
	# shellcheck disable=SC2016
	vm_checked check "$kver" "$CHECK_VM_LIMIT" "$BUILD/module-$kver/stt.ko" \
		'exec tools/vm/run-tests $RESULTS/tap '"${files[*]@Q}"
}

# vm_tests for one kernel beside whatever comes next: most of these tests wait most
# of the time. What it says is shown by vm_tests_end. One at a time.
vm_tests_begin()
{
	mkdir -p "$BUILD/logs"
	(trap vm_cleanup EXIT
	trap 'exit 143' TERM
	vm_tests "$1") > "$BUILD/logs/check-$1.said" 2>&1 &
	check_job=$!
	echo "the VM tests on $1 have begun, what they say comes at the end"
}

vm_tests_end()
{
	local status

	wait "$check_job"
	status=$?
	check_job=
	cat "$BUILD/logs/check-$1.said"
	return $status
}

# The tests that boot VMs of their own for one kernel.
cost_tests()
{
	local kver=$1 dir=$BUILD/results/cost-tests-$1 files

	rm -rf "$dir"
	mapfile -t files < <(selected_cost)
	(cd "$REPO" && export REPO BUILD KVER=$kver &&
		tools/vm/run-tests "$dir" "${files[@]}")
}

# The same tests on this machine: its own kernel, its own log.
vm_tests_native()
{
	local dir=$BUILD/results/native-kernel ko=$BUILD/module-$KVER/stt.ko files status

	rm -rf "$dir"
	mapfile -t files < <(cd "$REPO" && select_tests selftests/vm_*.sh)
	mkdir -p "$BUILD/logs"
	echo "stt-check: begin $$" > /dev/kmsg
	module_insert "$ko" || return 1
	check_inserted=1
	(cd "$REPO" && export REPO BUILD KVER RESULTS=$dir LD_LIBRARY_PATH=$BUILD &&
		PATH=$BUILD:$BUILD/examples:$BUILD/selftests:$PATH \
		unshare --mount tools/vm/run-tests "$dir/tap" "${files[@]}")
	status=$?
	module_remove "$ko" || status=1
	check_inserted=
	dmesg | sed -n "/stt-check: begin $$/,\$p" > "$BUILD/logs/native.dmesg"
	"$REPO/tools/vm/logscan" "$BUILD/logs/native.dmesg" || status=1
	return $status
}

check_fuzzers()
{
	local fuzzers

	mapfile -t fuzzers < <(built_tests fuzz)
	[ ${#fuzzers[@]} -gt 0 ] || return
	stage "build fuzzers" make_quiet "${fuzzers[@]}" &&
		stage "fuzzing, 10 s each" fuzz_smoke
}

check_userspace()
{
	local targets

	mapfile -t targets < <(test_targets)
	[ ${#targets[@]} = 0 ] || stage "build userspace, gcc" make_quiet "${targets[@]}"
	if [ "$ONLY" = '*' ]; then
		stage "public headers, C and C++" make_quiet headers-test
		stage "build userspace, clang" build_clang
	fi
	if [ -n "$(built_tests unit; selected_native)" ]; then
		stage "native tests" native_tests
		count_tap "$BUILD/results/native"
	fi
	check_fuzzers
}

# The style of the module for one kernel, and the module.
check_module()
{
	local kver=$1

	if [ "$ONLY" = '*' ]; then
		stage "sparse and checkpatch, $kver" make_quiet KVER="$kver" check-style
	fi
	[ -n "$(selected_vm; selected_cost)" ] || return
	stage "build module, $kver" make_quiet KVER="$kver" module test-modules
}

check_cost()
{
	[ -n "$(selected_cost)" ] || return
	stage "cost of a message, $1" cost_tests "$1"
	count_tap "$BUILD/results/cost-tests-$1"
}

# $1: what runs them, vm_tests or vm_tests_end
check_vm()
{
	stage "VM tests, $2" "$1" "$2"
	count_tap "$BUILD/results/check-$2/tap"
}

# Two kernels are tested side by side, where there is a CPU for each.
check_kernels()
{
	local kver first= built=() tests

	tests=$(selected_vm)
	for kver in "$@"; do
		check_module "$kver" || continue
		built+=("$kver")
		[ -n "$tests" ] || continue
		if [ -z "$first" ] && [ "$kver" != "${!#}" ] && [ "$(nproc)" -gt 1 ]; then
			first=$kver
			vm_tests_begin "$kver"
		else
			check_vm vm_tests "$kver"
		fi
	done
	[ -z "$first" ] || check_vm vm_tests_end "$first"
	for kver in "${built[@]}"; do
		check_cost "$kver"
	done
}

check_native()
{
	[ "$(id -u)" = 0 ] || die "--native wants root"
	[ -n "$(selected_vm)" ] || wrong_usage "no test of the module is called '$ONLY'"
	[ -e /proc/modules ] || die "this machine's kernel cannot load modules"
	KVER=$(uname -r)
	. "$REPO/tools/vm/module.sh"
	# shellcheck disable=SC2086
	packages_need $PKG_BUILD $PKG_CHECK "linux-headers-$KVER" || exit 1
	if stage "build" make_quiet module test-modules lib stt-ip examples tests; then
		stage "tests on this machine, $KVER" vm_tests_native
		count_tap "$BUILD/results/native-kernel/tap"
	fi
}

check_all()
{
	local series kver kernels=()

	# shellcheck disable=SC2086
	packages_need $PKG_BUILD $PKG_CHECK || exit 1
	# The rest is what boots a VM.
	[ -n "$(selected_vm; selected_cost; select_tests "$REPO/selftests/native_rig.sh")" ] || KERNELS=
	for series in $KERNELS; do
		# shellcheck disable=SC2046,SC2086
		packages_need $PKG_VM $(packages_kernel "$series") || exit 1
		kver=$(vm_kernel "$series") || die "no kernel $series in /boot"
		kernels+=("$kver")
	done
	check_userspace
	check_kernels "${kernels[@]}"
}

run_check()
{
	local start=$SECONDS

	[ -n "$(selected_vm; selected_cost; selected_native; built_tests unit; built_tests fuzz)" ] ||
		wrong_usage "no test is called '$ONLY'"
	if [ -n "$NATIVE" ]; then check_native; else check_all; fi
	printf '\n%s%-44s %5d s\n' "$check_table" "all" $((SECONDS - start))
	echo "logs: build/logs, results: build/results"
	[ $check_skipped = 0 ] || echo "$check_skipped skipped"
	echo "$check_passed passed, $check_failed failed"
	[ $check_failed = 0 ]
	exit
}
