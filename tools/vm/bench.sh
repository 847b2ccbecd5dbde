# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# `tools/run bench`: what a message costs, in instructions. Sourced after
# check.sh. In a VM of one CPU whose clock advances by a nanosecond with each
# instruction, and does not wait for anything, time is instructions, whatever
# else the host does. Gives:
#
#   bench_cells PATTERN   the cells of AF_STT that match
#   bench_vm NAME KVER COMMAND...   tools/bench/guest.sh COMMAND in such a VM
#   bench_build KVER      all that it runs

PKG_BENCH="wireguard-tools python3"
BENCH_VM_LIMIT=${BENCH_VM_LIMIT:-900}
BENCH_BOOTS=2
BENCH_SAMPLES=${BENCH_SAMPLES:-10000}
BENCH_RECORD=$REPO/Documentation/performance.md

bench_cells()
{
	local suite mode size

	for suite in chacha gcm; do
		for mode in single batch; do
			for size in 64 512 1380; do
				# shellcheck disable=SC2053
				[[ $suite-$mode-$size == $1 ]] && echo "$suite-$mode-$size"
			done
		done
	done
}

# What the cells "$@" are compared with, but for WireGuard. What is sealed is the
# message and the 8 bytes of the inner header, so that length is measured as well.
bench_floor()
{
	local cell sizes=

	for cell in $(printf '%s\n' "${@##*-}" | sort -nu); do
		sizes+=,$cell,$((cell + 8))
	done
	echo "aead-${sizes#,}"
	for cell in "$@"; do
		echo "udp-${cell#*-}"
	done | sort -u
}

# All modes that WireGuard could be best in.
bench_wireguard()
{
	local size mode

	for size in $(printf '%s\n' "${@##*-}" | sort -nu); do
		for mode in single segment batch; do
			echo "wg-$mode-$size"
		done
	done
}

bench_vm()
{
	# shellcheck disable=SC2034
	local VM_ACCEL=tcg VM_TCG=tcg,thread=single VM_ICOUNT=shift=0,sleep=off VM_SMP=1 VM_CPU=max

	vm_checked "$1" "$2" "$BENCH_VM_LIMIT" "$BUILD/module-$2/stt.ko" \
		"exec tools/bench/guest.sh ${*:3}"
}

bench_build()
{
	make_quiet KVER="$1" module lib bench
}

# Sets KVERS and installs what is missing.
bench_prepare()
{
	local series kver

	KVERS=()
	for series in $KERNELS; do
		# shellcheck disable=SC2046,SC2086
		packages_need $PKG_BUILD $PKG_VM $PKG_BENCH $(packages_kernel "$series") || exit 1
		kver=$(vm_kernel "$series") || die "no kernel $series in /boot"
		bench_build "$kver" || die "the build failed"
		KVERS+=("$kver")
	done
}

# The cells, and what they are compared with, on every kernel, in several boots:
# WireGuard last, so that it leaves nothing behind for the others.
bench_cost()
{
	local cells kver boot files=()

	mapfile -t cells < <(bench_cells "$ONLY")
	for kver in "${KVERS[@]}"; do
		for boot in $(seq $BENCH_BOOTS); do
			echo "kernel $kver, boot $boot of $BENCH_BOOTS ..." >&2
			# shellcheck disable=SC2046
			bench_vm "bench-$boot" "$kver" cells $(bench_floor "${cells[@]}") \
				"${cells[@]}" $(bench_wireguard "${cells[@]}") >&2 || return 1
			files+=("$BUILD/results/bench-$boot-$kver/cells")
		done
	done
	if [ -n "$RECORD" ]; then
		"$REPO/tools/bench/report.py" record "$BENCH_RECORD" "${files[@]}" || return 1
	fi
	"$REPO/tools/bench/report.py" table ${JSON:+"$JSON"} "${files[@]}"
}

# Where the instructions of each cell go, and those of plain UDP beside it.
bench_breakdown()
{
	local cells kver dirs=()

	mapfile -t cells < <(bench_cells "$ONLY")
	for kver in "${KVERS[@]}"; do
		echo "kernel $kver ..." >&2
		# shellcheck disable=SC2046
		bench_vm bench-breakdown "$kver" profile "$BENCH_SAMPLES" \
			$(bench_floor "${cells[@]}" | grep ^udp) "${cells[@]}" >&2 || return 1
		dirs+=("$BUILD/results/bench-breakdown-$kver")
	done
	"$REPO/tools/bench/breakdown.py" ${JSON:+"$JSON"} "${dirs[@]}"
}

bench_options()
{
	COST='' SCALE='' BREAKDOWN='' JSON='' RECORD='' rest=()
	while [ $# -gt 0 ]; do
		case $1 in
		--cost)		COST=1 ;;
		--scale)	SCALE=1 ;;
		--breakdown)	BREAKDOWN=1 ;;
		--json)		JSON=--json ;;
		--record)	RECORD=1 ;;
		*)		rest+=("$1") ;;
		esac
		shift
	done
	options "${rest[@]}"
	[ -n "$COST$SCALE" ] || wrong_usage "bench wants --cost or --scale"
	[ -n "$(bench_cells "$ONLY")" ] || wrong_usage "no cell is called '$ONLY'"
	[ -z "$RECORD" ] || [ "$ONLY$KERNEL" = '*' ] ||
		wrong_usage "--record wants all cells on both kernels"
}

run_bench()
{
	[ -z "$SCALE" ] || run_scale
	bench_prepare >&2
	if [ -n "$BREAKDOWN" ]; then bench_breakdown; else bench_cost; fi
	exit
}
