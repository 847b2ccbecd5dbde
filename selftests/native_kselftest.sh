#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests the runner of `make -C selftests run_tests` on tests made up for it,
# and which tests the Makefile chooses.

here=$(realpath "$(dirname "$0")")
. "$here/lib/tap.sh"
work=$(mktemp -d) || tap_bail "no temporary directory"
trap 'rm -rf "$work"' EXIT
unset KSFT_BUILD kselftest_override_timeout summary

fake()	# fake NAME LINE...: a test that is a script of these lines
{
	local file=$work/selftests/$1

	shift
	{ echo '#!/bin/sh'; printf '%s\n' "$@"; } > "$file"
	chmod +x "$file"
}

runner()	# sets status; what it says is in $work/out
{
	"$work/selftests/run_kselftest.sh" "$@" > "$work/out" 2>&1
	status=$?
}

said()
{
	grep -q -x -e "$1" "$work/out" || { cat "$work/out"; return 1; }
}

makes()	# makes VARIABLE...: the tests that make would run
{
	make -s --no-print-directory -C "$here" emit_tests "$@" | sed 's/stt://' | tr '\n' ' '
}

mkdir -p "$work/selftests"
cp "$here/run_kselftest.sh" "$here/settings" "$work/selftests"
fake good.sh 'echo 1..1; echo "ok 1 - all"'
fake bad.sh 'exit 7'
fake skip.sh 'echo "1..0 # SKIP no moon"; exit 4'
fake none.sh 'echo "1..0 # SKIP no sun"'
fake liar.sh 'echo "not ok 1 - it"; exit 4'
fake slow.sh '# limit: 1' 'exec sleep 60'
fake vm_root.sh 'exit 0'
printf 'stt:%s\n' good.sh skip.sh > "$work/kselftest-list.txt"

tap_plan 23
runner good.sh bad.sh skip.sh none.sh liar.sh slow.sh gone.sh
tap_is "a test failed: status 1" $status 1
tap_ok "the plan" said '1\.\.7'
tap_ok "what a test says becomes a comment" said '# ok 1 - all'
tap_ok "status 0: passed" said 'ok 1 selftests: stt: good\.sh'
tap_ok "another status: failed" said 'not ok 2 selftests: stt: bad\.sh # exit=7'
tap_ok "status 4: skipped, with its reason" said 'ok 3 selftests: stt: skip\.sh # SKIP no moon'
tap_ok "an empty plan: skipped" said 'ok 4 selftests: stt: none\.sh # SKIP no sun'
tap_ok "status 4 and a point that failed: failed" said 'not ok 5 selftests: stt: liar\.sh # exit=4'
tap_ok "its own time limit" said 'not ok 6 selftests: stt: slow\.sh # TIMEOUT 1 seconds'
tap_ok "a test that is not there: failed" said 'not ok 7 selftests: stt: gone\.sh'
tap_ok "the sum" said '# Totals: pass:1 fail:4 xfail:0 xpass:0 skip:2 error:0'
runner
tap_is "without names: the list; some passed: status 0" $status 0
tap_ok "the limit of the settings" said "# timeout set to $(sed -n 's/^timeout=//p' "$here/settings")"
runner -o 9 --test stt:skip.sh
tap_is "all were skipped: status 4" $status 4
tap_ok "a limit for all" said '# timeout set to 9'
runner --list
tap_ok "the list" said 'stt:skip\.sh'
runner --summary good.sh
tap_nok "summary: what tests say is not shown" said '# ok 1 - all'
tap_is "summary: it is in a file" "$(tail -n 1 "$work/build/results/kselftest/good.sh")" 'ok 1 - all'
runner --what
tap_is "wrong usage: status 2" $status 2
tap_is "make: two targets" "$(makes TARGETS='vm_abi unit_seed*')" 'vm_abi.sh unit_seed '
tap_is "make: all but these" "$(makes SKIP_TARGETS='vm_* unit_* native_*')" 'genl_libnl libc_only '
tap_nok "make: no such test" make -s -C "$here" -o all run_tests TARGETS=nothing
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$work"
	setpriv --reuid 65534 --clear-groups "$work/selftests/run_kselftest.sh" vm_root.sh > "$work/out"
else
	runner vm_root.sh
fi
tap_ok "tests of the module want root" said 'ok 1 selftests: stt: vm_root\.sh # SKIP not root'
tap_exit
