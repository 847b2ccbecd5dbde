#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests `make install`: what it says, and that programs can be linked, in all the
# ways that Documentation/library.md names, with what is there then.

REPO=$(realpath "$(dirname "$0")/..")
BUILD=${BUILD:-$REPO/build}
. "$REPO/selftests/lib/tap.sh"
work=$(mktemp -d) || tap_bail "no temporary directory"
trap 'rm -rf "$work"' EXIT
PREFIX=/opt/stt
root=$work$PREFIX
example=$REPO/tools/examples/stt-echo.c
export PKG_CONFIG_PATH=$root/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work
export LD_LIBRARY_PATH=$root/lib

make_it()
{
	make -s -C "$REPO" --no-print-directory BUILD="$BUILD" WERROR=1 DESTDIR="$work" \
		PREFIX=$PREFIX "$@" 2>&1
}

flags()
{
	pkg-config "$@" libstt-user | tr '\n' ' '
}

# link NAME WORD...: the example, as that program; does it start?
link()
{
	local name=$1

	shift
	# shellcheck disable=SC2046
	cc -o "$work/$name" "$example" $(flags --cflags) "$@" && "$work/$name" --help > /dev/null
}

shared()
{
	# shellcheck disable=SC2046
	link shared $(flags --libs)
}

# All that the library itself needs, as the programs of the archive would.
static()
{
	local libs

	libs=$(flags --static --libs) || return
	# shellcheck disable=SC2086
	link static ${libs/-lstt-user/-l:libstt-user.a}
}

needs_library()
{
	readelf -d "$work/$1" | grep -q 'NEEDED.*libstt-user'
}

command -v cc readelf pkg-config > /dev/null || { echo "1..0 # SKIP no compiler"; exit 0; }
tap_plan 9
said=$(make_it install)
tap_is "make install: it says one line" "$(wc -l <<< "$said")" 1
tap_is "it says where" "${said%%,*}" "installed $root/bin/stt-ip"
tap_is "stt-ip runs from there" "$("$root/bin/stt-ip" -Version | cut -d ' ' -f 1)" stt-ip
tap_ok "a program with the shared library, by pkg-config" shared
tap_ok "it needs the library" needs_library shared
tap_ok "a program with the library in it, by pkg-config --static" static
tap_nok "it does not need the library" needs_library static
tap_ok "make uninstall" make_it uninstall
tap_is "nothing is left" "$(find "$root" -type f -o -type l)" ''
tap_exit
