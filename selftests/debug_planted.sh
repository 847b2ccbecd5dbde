#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 1800
# Proves that the test kernels find bugs: a module with one planted bug must
# make the run fail, for the right reason. Run by `tools/run check-debug`, which
# says which kernel (FLAVOUR, KVER, KDIR, VM_KERNEL).

set -u
export PATH=$PATH:/usr/sbin:/sbin
REPO=$(cd "$(dirname "$0")/.." && pwd -P)
BUILD=${BUILD:-$REPO/build}
. "$REPO/selftests/lib/tap.sh"
. "$REPO/tools/vm/qemu.sh"
. "$REPO/tools/vm/check.sh"
. "$REPO/tools/vm/debug.sh"

work=$(mktemp -d) || exit 1
trap 'vm_cleanup; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

build_module()
{
	mkdir -p "$work/module"
	cp "$REPO/selftests/planted/Kbuild" "$REPO/selftests/planted/planted.c" "$work/module" &&
	make -C "$KDIR" M="$work/module" modules > "$work/build" 2>&1 ||
		{ cat "$work/build"; return 1; }
}

# plant BUG: one run with it; sets status.
plant()
{
	local DEBUG_LEAKS=0

	case $1 in none|leak) DEBUG_LEAKS=1 ;; esac
	debug_vm "planted-$1" "$FLAVOUR" "$work/module/planted.ko" "bug=$1" true > "$work/out" 2>&1
	status=$?
}

# found BUG PATTERN: two points, the run fails and says why.
found()
{
	plant "$1"
	tap_nok "planted $1: the run fails" test "$status" = 0
	tap_ok "planted $1: and says why" grep -E "$2" "$work/out" || tap_diag "$(cat "$work/out")"
}

case ${FLAVOUR:=} in
debug)	tap_plan 14 ;;
kcsan)	tap_plan 4 ;;
*)	echo "1..0 # SKIP run by tools/run check-debug"; exit 0 ;;
esac
tap_ok "$FLAVOUR: the module with the planted bugs builds" build_module || tap_bail "no module"
plant none
tap_is "$FLAVOUR: no bug, no failure" "$status" 0 || tap_diag "$(cat "$work/out")"
if [ "$FLAVOUR" = debug ]; then
	found use-after-free 'KASAN: slab-use-after-free in .*use_after_free'
	found out-of-bounds 'KASAN: slab-out-of-bounds in .*out_of_bounds'
	found leak 'kmemleak: [0-9]+ new suspected'
	found inversion 'possible circular locking'
	found atomic 'sleeping function called from invalid context'
	found refcount 'refcount_t: '
else
	found race 'KCSAN: data-race in count'
fi
tap_exit
