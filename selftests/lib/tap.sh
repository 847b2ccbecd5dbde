# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# TAP for selftests in sh or bash. Source it, then:
#
#   tap_plan N                       how many points there are
#   tap_ok TEXT COMMAND...           one point: does COMMAND succeed? Its output is
#                                    shown as comment when it does not. It runs in a
#                                    subshell: variables it sets are lost
#   tap_nok TEXT COMMAND...          the same for a command that must fail
#   tap_is TEXT GOT WANTED           one point: are the two equal?
#   tap_skip TEXT REASON             one point that cannot run here
#   tap_diag TEXT...                 a comment
#   tap_bail TEXT...                 ends the script: nothing more can be tested
#   tap_exit                         ends the script with its status; always last
#
# TEXT begins with the id of the acceptance scenario: "A16 echo of 0 bytes".

tap_planned=0
tap_run=0
tap_failed=0

tap_plan()
{
	tap_planned=$1
	echo "1..$1"
}

tap_diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# tap_point STATUS TEXT: one point from an exit status, for what does not fit
# the others.
tap_point()
{
	tap_run=$((tap_run + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_run - $2"
		return 0
	fi
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_run - $2"
	return 1
}

tap_ok()
{
	tap_text=$1
	shift
	tap_output=$("$@" 2>&1)
	tap_status=$?
	tap_point $tap_status "$tap_text" && return 0
	tap_diag "exit status $tap_status of: $*"
	[ -z "$tap_output" ] || tap_diag "$tap_output"
	return 1
}

tap_nok()
{
	tap_text=$1
	shift
	if tap_output=$("$@" 2>&1); then
		tap_point 1 "$tap_text"
		tap_diag "should have failed: $*"
		[ -z "$tap_output" ] || tap_diag "$tap_output"
		return 1
	fi
	tap_point 0 "$tap_text"
}

tap_is()
{
	[ "$2" = "$3" ]
	tap_point $? "$1" && return 0
	tap_diag "got    '$2'"
	tap_diag "wanted '$3'"
	return 1
}

tap_skip()
{
	tap_run=$((tap_run + 1))
	echo "ok $tap_run - $1 # SKIP $2"
}

tap_bail()
{
	echo "Bail out! $*"
	exit 1
}

tap_exit()
{
	[ $tap_run = "$tap_planned" ] || {
		tap_diag "planned $tap_planned points, $tap_run ran"
		exit 1
	}
	[ $tap_failed = 0 ]
	exit
}
