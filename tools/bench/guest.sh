#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# guest.sh cells CELL...: what each costs, in the VM, to $RESULTS/cells.
# guest.sh profile SAMPLES CELL...: samples of the stack, to $RESULTS/CELL.stacks.
# A CELL is TRANSPORT-MODE-SIZE, see cost.c; "aead" measures the AEAD calls alone.

set -uo pipefail
. "$REPO/selftests/lib/netns.sh"
bench=$BUILD/bench
aead=$BUILD/bench-$KVER/stt_bench_aead.ko
WG_B4=10.78.1.2
wireguard_there=

# The file system of the VM waits for the host now and then, while its clock
# runs on: nothing that is measured may wait for a file, no wait is a hang.
prepare()
{
	echo 0 > /proc/sys/kernel/hung_task_timeout_secs
	echo 0 > /proc/sys/kernel/perf_cpu_time_max_percent
	keep_slabs
	cp "$bench/cost" /run/cost || return 1
	# What encrypts is to be there before the first message.
	modprobe -a chacha-x86_64 poly1305-x86_64 aesni-intel libchacha20poly1305 2>/dev/null
	ns_topology a b
}

# Whether an empty slab goes back to the page allocator depends on how many
# others the boot happened to leave half used: 450 instructions a message, or
# none. So all are kept.
keep_slabs()
{
	local f

	for f in /sys/kernel/slab/*/min_partial; do
		echo 1000 > "$f" || return 1
	done
}

# What the figures depend on.
describe()
{
	local flag flags=

	for flag in erms fsrm; do
		grep -qw "$flag" /proc/cpuinfo && flags+="$flag " || flags+="no-$flag "
	done
	echo "kernel	$KVER"
	echo "flags	${flags% }"
	echo "clock	$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
}

# wireguard NAMESPACE ADDRESS PRIVATE PEER_PUBLIC PEER_ADDRESS ENDPOINT
wireguard()
{
	ip -n "$1" link add wg0 type wireguard &&
	ip netns exec "$1" wg set wg0 listen-port 51820 private-key <(echo "$3") \
		peer "$4" allowed-ips "$5/32" endpoint "$6:51820" &&
	ip -n "$1" address add "$2/24" dev wg0 &&
	ip -n "$1" link set wg0 up
}

# A device in each namespace, once.
wireguard_pair()
{
	local a b

	[ -z "$wireguard_there" ] || return 0
	wireguard_there=1
	modprobe wireguard && a=$(wg genkey) && b=$(wg genkey) &&
	wireguard "$NS_A" 10.78.1.1 "$a" "$(wg pubkey <<< "$b")" "$WG_B4" "$NS_B4" &&
	wireguard "$NS_B" "$WG_B4" "$b" "$(wg pubkey <<< "$a")" 10.78.1.1 "$NS_A4"
}

aead_cells()
{
	local sizes=$1 p=/sys/module/stt_bench_aead/parameters i size

	module_insert "$aead" "sizes=$sizes" || return 1
	i=0
	for size in ${sizes//,/ }; do
		i=$((i + 1))
		echo "aead-chacha-$size	$(cut -d, -f "$i" $p/chacha)"
		echo "aead-gcm-$size	$(cut -d, -f "$i" $p/gcm)"
	done
	echo "gcm_driver	$(cat $p/gcm_driver)"
	rmmod stt_bench_aead
}

run_cells()
{
	local cell

	describe
	for cell in "$@"; do
		case $cell in
		aead-*)	aead_cells "${cell#aead-}" ;;
		# How its workers are scheduled makes its bursts unequal.
		wg-*)	wireguard_pair && /run/cost --bursts 160 "$cell" ;;
		*)	/run/cost "$cell" ;;
		esac || return 1
	done
}

run_profile()
{
	local samples=$1 cell

	shift
	describe
	for cell in "$@"; do
		/run/cost --profile "/run/$cell.stacks" "$samples" "$cell" || return 1
		cp "/run/$cell.stacks" "$RESULTS"
	done
	cp /proc/kallsyms "$RESULTS/kallsyms"
}

. "$REPO/tools/vm/module.sh"
what=$1
shift
prepare || exit 1
export NS_A NS_B NS_A4 NS_B4 WG_B4
"run_$what" "$@" > "/run/$what"
status=$?
cp "/run/$what" "$RESULTS/$what"
exit $status
