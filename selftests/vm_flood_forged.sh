#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 1200
# A12: a million HELLOs from forged addresses (fewer on a slow kernel) at a node
# that a peer connects to meanwhile (hello_flood.c sends them).

here=$(dirname "$0")
. "$here/lib/tap.sh"
. "$here/lib/netns.sh"
work=$(mktemp -d) || tap_bail "no temporary directory"
trap 'ns_cleanup; rm -rf "$work"' EXIT

printf 'a seed for the nodes of this test' > "$work/node"
printf 'a shared seed, long enough for it' > "$work/shared"
seeds=(--node-seed-file "$work/node" --shared-seed-file "$work/shared")
port=7777
# A kernel of check-debug takes a millisecond for each, so there it is fewer.
fewer=$((${STT_SLOW:-1} * ${STT_SLOW:-1}))
single=$((50000 / fewer))
batched=$((950000 / fewer / 50 * 50))

ns_topology a b || tap_bail "no network namespaces"
# Answers to forged addresses would go out here, were there any.
ip -n "$NS_A" route add default via "$NS_B4"
ip netns exec "$NS_A" stt-echo "${seeds[@]}" --host 0.0.0.0 --port $port server \
	> "$work/server" 2>&1 &
server=$!
ns_wait_udp "$NS_A" $port $server || tap_bail "the server did not start"

# Memory of the kernel that is no cache, and of the server, in KiB.
memory()
{
	awk '/^(SUnreclaim|Percpu|KernelStack|PageTables|VmRSS):/ { n += $2 } END { print n }' \
		/proc/meminfo "/proc/$server/status"
}

connects()
{
	local out

	out=$(ip netns exec "$NS_B" stt-echo "${seeds[@]}" client "$NS_A4" $port hello 2>&1)
	[ "$(tail -n 1 <<< "$out")" = "Client received: b'ECHO: hello'" ] && return 0
	echo "$out"
	return 1
}

counter()
{
	ip netns exec "$NS_A" stt-ip -j -s node show | sed "s/.*\"$1\":\([0-9]*\).*/\1/"
}

packets()
{
	ip netns exec "$NS_A" cat /sys/class/net/to_b/statistics/tx_packets
}

# flood COUNT SEGMENTS
flood()
{
	ip netns exec "$NS_B" hello_flood "$NS_A4" $port "$1" "$2"
}

all_counted()
{
	local name sum=0

	for name in rx_handshake drop_handshake drop_hs_rate; do
		echo "$name $(counter $name)"
		sum=$((sum + $(counter $name)))
	done
	[ $sum -ge $((single + batched)) ]
}

tap_plan 7
tap_ok "A12 a peer connects before the flood" connects
flood 5000 1 > "$work/flood"		# what is allocated once
before=$(memory)
packets=$(packets)
tap_ok "A12 $single HELLOs, each from another forged address" flood $single 1
[ $(($(packets) - packets)) -lt 20 ]
tap_point $? "A12 strangers get no answer"

flood $batched 50 > "$work/flood" 2>&1 &
pid=$!
tap_ok "A12 a peer connects while $batched more come in" connects
kill -0 $pid 2>/dev/null && tap_diag "the flood was still on"
wait $pid
tap_point $? "A12 they were all sent" || tap_diag "$(cat "$work/flood")"
tap_ok "A12 every one of them is counted" all_counted

after=$(memory)
tap_diag "memory: $before KiB before, $after KiB after"
# KASAN keeps what was freed for a while; a leak would be 60,000 objects.
[ $((after - before)) -lt $((2048 * ${STT_SLOW:-1})) ]
tap_point $? "A12 memory is flat"
kill $server
wait $server
tap_exit
