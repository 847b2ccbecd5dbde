# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Two network namespaces, a and b, joined by a veth pair, for a test program
# that has the name of the script. Source it, then:
#
#   pair_run [ARGUMENTS]   runs the program; the last command of the script
#
# The program finds names and addresses in the environment (lib/side.h).

pair_lib=$(dirname "${BASH_SOURCE[0]}")
. "$pair_lib/tap.sh"
. "$pair_lib/netns.sh"

ns_topology a b || tap_bail "no network namespaces"
export NS_A NS_B NS_A4 NS_A6 NS_B4 NS_B6

pair_run()
{
	"$(basename "$0" .sh)" "$@"
}
