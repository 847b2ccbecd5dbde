#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The ABI as others see it: through libnl (genl_libnl.c), and with nothing but
# libc (libc_only.c). Neither has anything of libstt-user.

. "$(dirname "$0")/lib/tap.sh"

# Its points become points of this script.
points()
{
	local line

	"$1" > "$work/out"
	status=$?
	while read -r line; do
		case $line in
		"ok "*)		tap_point 0 "$1: ${line#*- }" ;;
		"not ok "*)	tap_point 1 "$1: ${line#*- }" ;;
		1..[1-9]*)	;;
		*)		tap_diag "$1: $line" ;;
		esac
	done < "$work/out"
	tap_is "$1: its exit status" $status 0
}

# Of the library there is no symbol in it, and it asks for no such library.
stands_alone()
{
	local file

	file=$(command -v "$1") && ! grep -a -q 'stt_ctl_\|libstt-user' "$file"
}

work=$(mktemp -d) || tap_bail "no temporary directory"
trap 'rm -rf "$work"' EXIT
tap_plan 73
for program in genl_libnl libc_only; do
	points $program
	tap_ok "$program: nothing of libstt-user is in it" stands_alone $program
done
tap_exit
