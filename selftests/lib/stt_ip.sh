# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# For tests of stt-ip. Source it after tap.sh (bash), make the namespaces a and b
# with ns_topology, then:
#
#   a ARGS..., b ARGS...            stt-ip at a, at b; what it prints is kept in
#                                   $work/all, to be searched for keys at the end
#   ends STATUS PATTERN COMMAND...  does it end so, and say that?
#   json QUERY COMMAND...           jq's answer to what the command prints
#
# $work is a directory that lives as long as the script.

. "$(dirname "${BASH_SOURCE[0]}")/netns.sh"
work=$(mktemp -d) || tap_bail "no temporary directory"
trap 'ns_cleanup; rm -rf "$work"' EXIT

a()
{
	stt-ip -n "$NS_A" "$@" 2>&1 | tee -a "$work/all"
	return "${PIPESTATUS[0]}"
}

b()
{
	stt-ip -n "$NS_B" "$@" 2>&1 | tee -a "$work/all"
	return "${PIPESTATUS[0]}"
}

ends()
{
	local wanted=$1 pattern=$2 got

	shift 2
	"$@" > "$work/said"
	got=$?
	cat "$work/said"
	[ $got = "$wanted" ] && grep -q -e "$pattern" "$work/said"
}

json()
{
	local query=$1

	shift
	"$@" | jq -r -c "$query"
}
