#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a message costs, as a part of plain UDP and two AEAD calls measured in the
# same run: no cell is 3 % dearer than Documentation/performance.md says. Run by
# `tools/run check` for each kernel (KVER); boots a VM that counts instructions.

set -u
export PATH=$PATH:/usr/sbin:/sbin
REPO=$(cd "$(dirname "$0")/.." && pwd -P)
BUILD=${BUILD:-$REPO/build}
. "$REPO/selftests/lib/tap.sh"
. "$REPO/tools/vm/qemu.sh"
. "$REPO/tools/vm/check.sh"
. "$REPO/tools/vm/bench.sh"

[ -n "${KVER:-}" ] || { echo "1..0 # SKIP run by tools/run check"; exit 0; }
log=$(mktemp) || exit 1
trap 'vm_cleanup; rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mapfile -t cells < <(bench_cells '*')
# shellcheck disable=SC2046
bench_build "$KVER" > "$log" 2>&1 &&
bench_vm cost "$KVER" cells $(bench_floor "${cells[@]}") "${cells[@]}" >> "$log" 2>&1 || {
	tap_diag "$(cat "$log")"
	tap_bail "the bench does not run"
}
"$REPO/tools/bench/report.py" check "$BENCH_RECORD" "$BUILD/results/cost-$KVER/cells"
