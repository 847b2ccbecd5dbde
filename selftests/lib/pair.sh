# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Two network namespaces, a and b, joined by a veth pair, for a test program
# that has the name of the script. Source it, then:
#
#   pair_run [ARGUMENTS]   runs the program; the last command of the script
#   pair_run_gcm PROGRAM   runs it once more, with keys for AES-256-GCM
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

# The programs know the frames of this suite by libsodium, which needs the CPU's help.
pair_run_gcm()
{
	if ! grep -qw aes /proc/cpuinfo || ! grep -qw pclmulqdq /proc/cpuinfo; then
		echo "1..0 # SKIP no AES instructions in this CPU"
	elif ! stt-ip info | grep -qw aes256gcm; then
		echo "1..0 # SKIP no gcm(aes) in this kernel"
	else
		SUITE=aes256gcm "$@"
	fi
}
