#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests the source tree: licences named, scripts executable, text tidy.

cd "$(dirname "$0")/.." || exit 1
. selftests/lib/tap.sh

# Prints the files of "$@" that are tracked or about to be.
files()
{
	git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do
		[ ! -f "$f" ] || echo "$f"
	done
}

all_named()
{
	local f bad=0

	for f in $(files . ':!.gitignore' ':!LICENSES' ':!COPYING'); do
		head -n 5 "$f" | grep -q 'SPDX-License-Identifier: ' || { echo "$f"; bad=1; }
	done
	return $bad
}

all_executable()
{
	local f bad=0

	for f in $(files 'selftests/vm_*.sh' 'selftests/cost_*.sh' 'selftests/native_*' tools/run .ci/run); do
		[ -x "$f" ] || { echo "$f"; bad=1; }
	done
	return $bad
}

all_tidy()
{
	! grep -nE '[[:space:]]+$' $(files '*.c' '*.h' '*.sh' '*.py' '*.yaml' tools Makefile Kbuild)
}

# Programs are found by PATH, wherever they were built.
no_build_dir()
{
	! grep -nE 'REPO\}?/build' $(files 'selftests/vm_*.sh')
}

git rev-parse --git-dir > /dev/null 2>&1 || { echo "1..0 # SKIP no git repository"; exit 0; }
tap_plan 4
tap_ok "every file names its licence" all_named
tap_ok "tests and entry points are executable" all_executable
tap_ok "no white space at line ends" all_tidy
tap_ok "no test in the VM names a build directory" no_build_dir
tap_exit
