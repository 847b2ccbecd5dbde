#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs selftests on this machine, the kselftest way: one TAP line a test, what
# it printed as comments before it. It works in the source tree (make -C
# selftests run_tests) and where `make -C selftests install` put it.

here=$(dirname "$(realpath "$0")")
REPO=$(dirname "$here")
BUILD=${KSFT_BUILD:-$REPO/build}
list=$REPO/kselftest-list.txt
KSFT_SKIP=4
pass=0
fail=0
skip=0

usage()
{
	cat <<'END'
usage: run_kselftest.sh [-s] [-l] [-o SECONDS] [-t COLLECTION:TEST]... [TEST...]
  -t, --test COLLECTION:TEST        run this test; may be given several times
  -s, --summary                     what tests print goes to files, not to the terminal
  -l, --list                        list the tests
  -o, --override-timeout SECONDS    time for each test (settings: timeout)
  -h, --help                        this text

Without a test: all of kselftest-list.txt. A test that cannot run here is
skipped, with the reason. Exit status: 0, 1 if a test failed, 4 if all were
skipped, 2 wrong usage.
END
}

wrong_usage()
{
	echo "run_kselftest.sh: $*" >&2
	usage >&2
	exit 2
}

options()
{
	tests=()
	summary=${summary:-}
	override=${kselftest_override_timeout:-}
	while [ $# -gt 0 ]; do
		case $1 in
		-t|--test)
			[ -n "${2:-}" ] || wrong_usage "$1 wants COLLECTION:TEST"
			tests+=("${2#*:}")
			shift ;;
		-o|--override-timeout)
			case ${2:-} in
			''|*[!0-9]*) wrong_usage "$1 wants a number of seconds" ;;
			esac
			override=$2
			shift ;;
		-s|--summary)	summary=1 ;;
		-l|--list)	cat "$list"; exit ;;
		-h|--help)	usage; exit 0 ;;
		-*)		wrong_usage "unknown option '$1'" ;;
		*)		tests+=("$1") ;;
		esac
		shift
	done
	[ ${#tests[@]} -gt 0 ] || mapfile -t tests < <(sed 's/^[^:]*://' "$list")
}

# Where a test is: a script beside this one, or a program that was built.
path_of()
{
	case $1 in
	*.sh|*.py)	echo "$here/$1" ;;
	*)		echo "$BUILD/selftests/$1" ;;
	esac
}

# The first of the tools named that is not here.
lacks_tool()
{
	local tool

	for tool in "$@"; do
		command -v "$tool" > /dev/null || { echo "$tool is not installed"; return; }
	done
}

# Prints why the module's tests cannot run, if so.
why_no_module()
{
	if [ "$(id -u)" != 0 ]; then
		echo "not root"
	elif ! unshare --net --mount true 2> /dev/null; then
		echo "no network namespaces"
	elif [ ! -d /sys/module/stt ] && ! modprobe -q stt 2> /dev/null; then
		echo "the module stt is not loaded"
	else
		lacks_tool ip tc ss tcpdump sysctl setpriv jq python3 busybox
	fi
}

# Prints why a test cannot run here, if so.
why_not()
{
	case $1 in
	vm_*)		echo "$module_missing" ;;
	native_*.py)
		lacks_tool cc python3
		python3 -c 'import yaml' 2> /dev/null || echo "no python3-yaml" ;;
	native_tree.sh)	lacks_tool git ;;
	native_install.sh) lacks_tool cc readelf pkg-config ;;
	native_rig.sh)	lacks_tool qemu-system-x86_64 ;;
	esac | head -n 1
}

# Seconds for a test: its own limit goes before that of the settings.
timeout_of()
{
	local own=

	case $1 in
	*.sh|*.py) own=$(sed -n '1,15s/^# limit: \([0-9]*\).*/\1/p' "$1") ;;
	esac
	echo "${override:-${own:-$(sed -n 's/^timeout=//p' "$here/settings")}}"
}

# One test with its surroundings. Scripts change what is mounted: they have a
# mount namespace of their own.
start()
{
	local seconds=$1 file=$2 apart=()

	[ "$(id -u)" != 0 ] || apart=(unshare --mount)
	(cd "$REPO" && exec timeout -k 10 "$seconds" "${apart[@]}" "$file" < /dev/null 2>&1)
}

# Runs a test. Sets status; its output is in $work/out.
run()
{
	local file=$1 seconds=$2

	if [ -n "$summary" ]; then
		start "$seconds" "$file" > "$work/out"
		status=$?
		mkdir -p "$results" && cp "$work/out" "$results/$(basename "$file")"
	else
		start "$seconds" "$file" | tee "$work/out" | sed -u 's/^/# /'
		status=${PIPESTATUS[0]}
	fi
}

# The reason of a test that skipped all of itself, as it exits with 4, or with
# 0 and no point. An exit code of 4 with a failed point counts as failure.
skipped()
{
	if [ "$status" = $KSFT_SKIP ]; then
		! grep -q '^not ok' "$work/out"
	else
		[ "$status" = 0 ] && grep -q '^1\.\.0' "$work/out"
	fi
}

verdict()
{
	local name=$1 seconds=$2 reason

	if skipped; then
		reason=$(sed -n 's/^1\.\.0 *# *SKIP *//p' "$work/out")
		skip=$((skip + 1))
		echo "ok $number selftests: stt: $name # SKIP${reason:+ $reason}"
	elif [ "$status" = 0 ]; then
		pass=$((pass + 1))
		echo "ok $number selftests: stt: $name"
	elif [ "$status" = 124 ]; then
		fail=$((fail + 1))
		echo "not ok $number selftests: stt: $name # TIMEOUT $seconds seconds"
	else
		fail=$((fail + 1))
		echo "not ok $number selftests: stt: $name # exit=$status"
	fi
}

run_one()
{
	local name=$1 file reason seconds

	file=$(path_of "$name")
	reason=$(why_not "$name")
	if [ ! -x "$file" ]; then
		fail=$((fail + 1))
		echo "# Warning: file $name is missing!"
		echo "not ok $number selftests: stt: $name"
	elif [ -n "$reason" ]; then
		skip=$((skip + 1))
		echo "ok $number selftests: stt: $name # SKIP $reason"
	else
		seconds=$(timeout_of "$file")
		echo "# timeout set to $seconds"
		echo "# selftests: stt: $name"
		run "$file" "$seconds"
		verdict "$name" "$seconds"
	fi
}

options "$@"
results=$BUILD/results/kselftest
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export REPO BUILD RESULTS=$results LD_LIBRARY_PATH=$BUILD CMOCKA_MESSAGE_OUTPUT=TAP
export PATH=$BUILD:$BUILD/examples:$BUILD/selftests:$PATH:/usr/sbin:/sbin
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} UBSAN_OPTIONS=print_stacktrace=1
module_missing=$(why_no_module)

echo "TAP version 13"
echo "1..${#tests[@]}"
number=0
for test in "${tests[@]}"; do
	number=$((number + 1))
	run_one "$test"
done
echo "# Totals: pass:$pass fail:$fail xfail:0 xpass:0 skip:$skip error:0"
[ $fail = 0 ] || exit 1
[ $pass != 0 ] || [ $skip = 0 ] || exit $KSFT_SKIP
