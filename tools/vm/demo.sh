#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The demonstration: two network namespaces, a veth pair between them, a node
# in each, and an echo through AF_STT sockets. Runs as root with the module
# inserted and the build directory in PATH.

set -u
. "$REPO/selftests/lib/netns.sh"
work=$(mktemp -d) || exit 1
failed=0
message='Hello from client!'

step()
{
	printf '\n== %s\n' "$*"
}

show()
{
	printf '$ %s\n' "$*"
	"$@" || fail "$1: exit status $?"
}

fail()
{
	echo "FAIL: $*"
	failed=1
}

# start_nodes HOST PORT BIND [SEEDS]: a server in b, a client in a that connects
# to HOST; SEEDS is the directory of their seed files.
start_nodes()
{
	local of_server=() of_client=()

	if [ -n "${4:-}" ]; then
		of_server=(--shared-seed-file "$4/shared.seed" --node-seed-file "$4/server.seed")
		of_client=(--shared-seed-file "$4/shared.seed" --node-seed-file "$4/client.seed")
	fi
	ip netns exec "$NS_B" stt-echo "${of_server[@]}" --host "$3" --port "$2" server \
		> "$work/server" 2>&1 &
	server=$!
	ns_wait_udp "$NS_B" "$2" "$server" || fail "the server did not start"
	ip netns exec "$NS_A" stt-echo "${of_client[@]}" --host "$3" client "$1" "$2" "$message" \
		> "$work/client" 2>&1 &
	client=$!
}

# finish_nodes [COMMAND]: waits for the client, shows what both printed, runs
# COMMAND while the server is still there, ends it.
finish_nodes()
{
	wait "$client" || fail "the client failed"
	echo "-- server, in namespace b"
	cat "$work/server"
	echo "-- client, in namespace a"
	cat "$work/client"
	grep -qF "Server received: b'$message'" "$work/server" || fail "the server received nothing"
	grep -qF "Client received: b'ECHO: $message'" "$work/client" || fail "no echo"
	"$@"
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
}

# The client's goodbye would end the session before anybody could look. The echo
# is slow, so there is time to slow down what the client sends after it.
delay_goodbye()
{
	local until=$((SECONDS + 20))

	while ! grep -q '^Server received' "$work/server"; do
		if [ $SECONDS -ge $until ] || ! kill -0 "$client" 2>/dev/null; then
			fail "nothing came in namespace b"
			return
		fi
	done
	ns_netem "$NS_A" to_b delay 30s
}

show_state()
{
	echo "-- stt-ip in namespace b; the client's goodbye is still on its way"
	show stt-ip -n "$NS_B" node show
	show stt-ip -n "$NS_B" -s session show
}

# The first frames of the capture; then what an eavesdropper may not find.
show_wire()
{
	echo "-- the handshake"
	tcpdump -r "$work/pcap" -n -c 4 2>/dev/null
	echo "-- data: 16 bytes of header (type, epoch, counter, session), the rest sealed"
	tcpdump -r "$work/pcap" -n -X -c 2 'udp[8] = 0x10' 2>/dev/null
	if [ "$(tcpdump -r "$work/pcap" -n 2>/dev/null | wc -l)" -lt 6 ]; then
		fail "fewer frames on the wire than a handshake and an echo need"
	elif grep -qaF -e "$message" -e ECHO "$work/pcap"; then
		fail "plaintext on the wire"
	else
		echo "neither message is in the capture as plaintext"
	fi
}

step "two network namespaces, a and b, joined by veth"
ns_topology a b || exit 1
show ip -n "$NS_A" -brief address show dev to_b
show ip -n "$NS_B" -brief address show dev to_a

step "two nodes and an echo, over IPv4"
echo "(Without seed files stt-echo uses sample seeds, which are shorter than 32 bytes; the"
echo "nodes warn about that. Below they have real ones.)"
ns_capture "$NS_B" "$work/pcap" udp || fail "tcpdump does not start"
start_nodes "$NS_B4" 8080 0.0.0.0
finish_nodes
ns_capture_stop

step "what the wire saw"
show_wire

step "the same over IPv6, with seeds of their own"
for name in shared server client; do
	show stt-ip seed new "$work/$name.seed"
done
ns_netem "$NS_B" to_a delay 1s
start_nodes "$NS_B6" 8081 :: "$work"
delay_goodbye
finish_nodes show_state

rm -rf "$work"
[ $failed = 0 ] && printf '\nPASS\n' || printf '\nFAIL\n'
exit $failed
