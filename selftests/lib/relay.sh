# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For debug_*.sh: a TAP program runs in a VM of its own with a test kernel, and
# its points become those of the script. Set FLAVOUR, KVER, KDIR, VM_KERNEL (as
# `tools/run check-debug` does), source it, then:
#
#   relay_for FLAVOUR...         skips the script on other test kernels
#   relay_vm FUNCTION [ARGS]     runs it (a VM, that is), shows what it printed
#                                and ends the script; one point more than the
#                                program has is that nothing else complained

set -u
export PATH=$PATH:/usr/sbin:/sbin
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
BUILD=${BUILD:-$REPO/build}
. "$REPO/selftests/lib/tap.sh"
. "$REPO/tools/vm/qemu.sh"
. "$REPO/tools/vm/check.sh"
. "$REPO/tools/vm/debug.sh"
. "$REPO/tools/vm/fuzz.sh"

relay_for()
{
	case " $* " in
	*" ${FLAVOUR:-none} "*) ;;
	*) echo "1..0 # SKIP run by tools/run check-debug"; exit 0 ;;
	esac
}

relay_points()
{
	local line

	while IFS= read -r line; do
		case $line in
		"ok "*)		echo "ok $((tap_run + 1)) - ${line#* - }" ;;
		"not ok "*)	echo "not ok $((tap_run + 1)) - ${line#* - }"
				tap_failed=$((tap_failed + 1)) ;;
		*)		echo "# ${line#\# }"; continue ;;
		esac
		tap_run=$((tap_run + 1))
	done
}

relay_vm()
{
	local status out points

	out=$(mktemp) || exit 1
	# shellcheck disable=SC2064
	trap "vm_cleanup; rm -f '$out'" EXIT
	trap 'exit 130' INT TERM
	"$@" > "$out" 2>&1
	status=$?
	points=$(grep -cE '^(not )?ok [0-9]' "$out")
	tap_plan $((points + 1))
	relay_points < <(grep -vE '^1\.\.[0-9]' "$out")
	tap_is "$FLAVOUR: the run itself, its log, leaks" "$status" 0
	tap_exit
}
