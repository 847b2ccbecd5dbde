#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Handshakes over a network: the chapter's echo in all its ways (A6), errors
# (A9), a bad network (A10), changed, lost and replayed messages (A13).

. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/netns.sh"
here=$(dirname "$0")
work=$(mktemp -d) || tap_bail "no temporary directory"
rmem_max=
trap 'ns_cleanup; rm -rf "$work" "/etc/netns/$NS_PREFIX-b"
	[ -z "$rmem_max" ] || sysctl -q net.core.rmem_max="$rmem_max"' EXIT

# Good seeds, so that nothing has to be stretched and the test is quick.
printf 'a seed for the nodes of this test' > "$work/node"
printf 'a shared seed, long enough for it' > "$work/shared"
printf 'another seed, also long enough!!!' > "$work/other"
seeds=(--node-seed-file "$work/node" --shared-seed-file "$work/shared")

# server NS HOST PORT [OPTION...]: starts a server; its output is in $work/server.
server()
{
	local ns=$1 host=$2 port=$3

	shift 3
	ip netns exec "$ns" stt-echo "${seeds[@]}" "$@" --host "$host" --port "$port" server \
		> "$work/server" 2>&1 &
	server_pid=$!
	ns_wait_udp "$ns" "$port" $server_pid
}

server_end()
{
	kill "$server_pid" 2>/dev/null
	wait "$server_pid" 2>/dev/null
}

# client NS HOST PORT MESSAGE [OPTION...]
client()
{
	local ns=$1 host=$2 port=$3 message=$4

	shift 4
	ip netns exec "$ns" stt-echo "${seeds[@]}" "$@" client "$host" "$port" "$message"
}

# echo_ok TEXT NS HOST PORT: one point, a message there and back.
echo_ok()
{
	local out

	out=$(client "$2" "$3" "$4" "it's \"me\"" 2>&1)
	[ "$(tail -n 1 <<< "$out")" = "Client received: b'ECHO: it\\'s \"me\"'" ]
	tap_point $? "$1" || tap_diag "$out"
}

sessions()
{
	stt-ip -n "$1" session show | grep -c '^session'
}

# fails_with TEXT SECONDS NS HOST PORT SENTENCE: a connect that fails, and how.
fails_with()
{
	local out start=$SECONDS

	out=$(client "$3" "$4" "$5" x 2>&1) && out="no failure"
	[[ $out == *"$6"* ]] && [ $((SECONDS - start)) -le "$2" ]
	tap_point $? "$1" || tap_diag "$((SECONDS - start)) s: $out"
}

test_chapter()
{
	local out

	out=$(ip netns exec "$NS_A" stt-echo both 2> "$work/err")
	tap_is "A6 the chapter's program prints the chapter's lines" \
		"$(sed -E 's/[0-9a-f]{16}/ID/' <<< "$out")" \
"Server started: ID...
Client started: ID...
Connected! Session: ID
Server received: b'Hello from client!'
Client received: b'ECHO: Hello from client!'"
	tap_is "A14 its short seeds are warned about, each once a node" \
		"$(grep -c 'use 32 or more' "$work/err")" 4
}

# A localhost with both addresses, whatever the machine's own means by it.
name_localhost()
{
	mkdir -p "/etc/netns/$NS_B"
	printf '%s localhost\n' 127.0.0.1 ::1 > "/etc/netns/$NS_B/hosts"
}

test_ways()
{
	local ll

	name_localhost
	server "$NS_B" 0.0.0.0 8080
	echo_ok "A6 IPv4, across namespaces; A1 the port is really open" "$NS_A" "$NS_B4" 8080
	echo_ok "A6 localhost, server on 0.0.0.0" "$NS_B" localhost 8080
	server_end
	server "$NS_B" :: 8080
	echo_ok "A6 IPv6, across namespaces" "$NS_A" "$NS_B6" 8080
	echo_ok "A6 IPv4 to a server on ::" "$NS_A" "$NS_B4" 8080
	echo_ok "A6 localhost, server on ::" "$NS_B" localhost 8080
	ll=$(ip -n "$NS_B" -6 -o address show dev to_a scope link | awk '{sub("/.*", "", $4); print $4}')
	echo_ok "A6 link-local IPv6" "$NS_A" "$ll%to_b" 8080
	server_end
	server "$NS_B" ::1 8080
	echo_ok "A6 localhost, server on ::1" "$NS_B" localhost 8080
	server_end
}

test_errors()
{
	fails_with "A9 no route: said at once" 2 "$NS_A" 192.0.2.1 8080 "Network is unreachable"
	fails_with "A9 nobody on the link: unreachable, at the deadline" 13 "$NS_A" 10.77.1.99 8080 \
		"No route to host"
	server "$NS_B" 0.0.0.0 8080 --shared-seed-file "$work/other"
	fails_with "A7 another shared seed: timeout, at the deadline" 13 "$NS_A" "$NS_B4" 8080 \
		"another shared seed"
	tap_is "A7 no session on the server" "$(sessions "$NS_B")" 0
	server_end
}

test_bad_network()
{
	local i bad=0

	server "$NS_B" 0.0.0.0 8080
	ns_netem "$NS_A" to_b loss 30% delay 150ms 20ms reorder 25% duplicate 20%
	ns_netem "$NS_B" to_a loss 30% delay 150ms 20ms reorder 25% duplicate 20%
	for i in 1 2 3 4 5; do
		client "$NS_A" "$NS_B4" 8080 x 2>&1 | grep -q '^Connected' || bad=$((bad + 1))
	done
	tap_is "A10 30 % loss, 300 ms, reordering, duplicates: 5 connects" "$bad" 0
	ns_netem "$NS_A" to_b
	ns_netem "$NS_B" to_a
	server_end
}

# through MODE...: the echo through the proxy in that mode.
through()
{
	ip netns exec "$NS_A" python3 "$here/hs_proxy.py" 9000 8080 "$@" > "$work/proxy" 2>&1 &
	proxy_pid=$!
	ns_wait_udp "$NS_A" 9000 $proxy_pid || tap_diag "$(cat "$work/proxy")"
}

test_messages()
{
	local n names=(- HELLO RESPONSE AUTH_PROOF FINAL)

	for n in 1 2 3 4; do
		server "$NS_A" 127.0.0.1 8080
		through drop $n
		echo_ok "A10 the first ${names[n]} is lost" "$NS_A" 127.0.0.1 9000
		kill $proxy_pid; wait $proxy_pid 2>/dev/null
		through spoil $n
		echo_ok "A13 the first ${names[n]} is damaged" "$NS_A" 127.0.0.1 9000
		kill $proxy_pid; wait $proxy_pid 2>/dev/null
		server_end
	done
}

# Room and leave for all of them at once: each is to be looked at, the true ones
# behind them too.
test_flipped()
{
	rmem_max=$(sysctl -n net.core.rmem_max)
	sysctl -q net.core.rmem_max=$((1 << 24))
	ns_exec "$NS_A" sysctl -q net.stt.handshake_rate=0
	server "$NS_A" 127.0.0.1 8080
	through flip
	echo_ok "A13 every byte of every message changed, and the true ones" "$NS_A" 127.0.0.1 9000
	tap_is "A13 they made no session but the true one" "$(sessions "$NS_A")" 1
	tap_is "A13 not one of them was left out" \
		"$(stt-ip -n "$NS_A" -s -j node show | jq '.[0].stats.drop_handshake')" 0
	kill $proxy_pid; wait $proxy_pid 2>/dev/null
	server_end
}

test_replay()
{
	server "$NS_A" 127.0.0.1 8080
	through replay
	echo_ok "A13 a handshake to record" "$NS_A" 127.0.0.1 9000
	wait $proxy_pid
	tap_is "A13 its HELLO, replayed, gets no answer" "$(cat "$work/proxy")" "answers to HELLO: 0"
	tap_is "A13 the replay made no session" "$(sessions "$NS_A")" 1
	server_end
}

# A stranger lets another holder of the seed answer first, and relays no more.
test_diverted()
{
	local other_pid

	server "$NS_A" 127.0.0.1 8080
	ip netns exec "$NS_B" stt-echo "${seeds[@]}" --host 0.0.0.0 --port 8080 server \
		> "$work/other-server" 2>&1 &
	other_pid=$!
	ns_wait_udp "$NS_B" 8080 $other_pid
	through divert "$NS_B4" 8080
	echo_ok "A13 another holder's RESPONSE comes first: the connect still works" \
		"$NS_A" 127.0.0.1 9000
	tap_is "A13 the other holder has no session" "$(sessions "$NS_B")" 0
	kill $proxy_pid $other_pid
	wait $proxy_pid $other_pid 2>/dev/null
	server_end
}

# The example that needs no library, on a node of a program that uses it.
test_recv()
{
	local node family client_pid recv_pid

	server "$NS_B" 0.0.0.0 8080
	node=$(stt-ip -n "$NS_B" -j node show | jq '.[0].node')
	family=$(stt-ip -j info | jq .family)
	ip netns exec "$NS_B" stt-recv -f "$family" "$node" > "$work/recv" 2>&1
	grep -q 'cannot bind to node' "$work/recv"
	tap_point $? "A6 stt-recv: the server receives from everything already" ||
		tap_diag "$(cat "$work/recv")"
	ip netns exec "$NS_B" stt-recv -f "$family" -s 0 -n 1 "$node" > "$work/recv" 2>&1 &
	recv_pid=$!
	until stt-ip -n "$NS_B" -j socket show | jq -e 'any(.stream == 0)' > /dev/null ||
		! kill -0 $recv_pid 2>/dev/null; do
		sleep 0.1
	done
	client "$NS_A" "$NS_B4" 8080 'for stt-recv\' > /dev/null 2>&1 &
	client_pid=$!
	wait $recv_pid
	tap_is "A6 stt-recv, with the C library alone, gets a message of a stream it names" \
		"$(sed -E 's/[0-9a-f]{16}/ID/' "$work/recv")" \
		"session ID stream 0 type 0x10 len 13: for stt-recv\\x5c"
	kill $client_pid 2>/dev/null
	wait $client_pid 2>/dev/null
	server_end
}

test_killed()
{
	server "$NS_B" 0.0.0.0 8080
	echo_ok "A4 a session" "$NS_A" "$NS_B4" 8080
	kill -KILL "$server_pid"
	wait "$server_pid" 2>/dev/null
	tap_is "A4 kill -9: the node is gone from the kernel" "$(stt-ip -n "$NS_B" node show)" ""
	server "$NS_B" 0.0.0.0 8080
	echo_ok "A4 the port can be used again at once" "$NS_A" "$NS_B4" 8080
	server_end
}

tap_plan 35
ns_topology a b || tap_bail "no namespaces"
test_chapter
test_ways
test_errors
test_bad_network
test_messages
test_flipped
test_replay
test_diverted
test_recv
test_killed
tap_exit
