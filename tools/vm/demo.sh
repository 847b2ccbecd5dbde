#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The demonstration: two network namespaces, a veth pair between them, a node
# in each, and the echo of the chapter through AF_STT sockets. Runs as root
# with the module inserted and the build directory in PATH.

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
	"$@"
}

fail()
{
	echo "FAIL: $*"
	failed=1
}

# echo_over HOST PORT: one server in b, one client in a.
echo_over()
{
	local server

	ip netns exec "$NS_B" stt-echo server --host "$3" --port "$2" > "$work/server" 2>&1 &
	server=$!
	ns_wait_udp "$NS_B" "$2" || fail "the server did not start"
	ip netns exec "$NS_A" stt-echo client "$1" "$2" "$message" > "$work/client" 2>&1 ||
		fail "the client failed"
	step "stt-ip in namespace b, while the server runs"
	show stt-ip -n "$NS_B" node show || fail "stt-ip node show"
	show stt-ip -n "$NS_B" -s session show || fail "stt-ip session show"
	kill "$server"
	wait "$server" 2>/dev/null
	step "server (namespace b)"
	cat "$work/server"
	step "client (namespace a)"
	cat "$work/client"
	grep -qF "Client received: b'ECHO: $message'" "$work/client" ||
		fail "no echo over $1"
}

step "two network namespaces, a and b, joined by veth"
ns_topology a b || exit 1
show ip -n "$NS_A" -brief address
show ip -n "$NS_B" -brief address

ns_capture "$NS_B" "$work/pcap" udp || fail "tcpdump does not start"
step "the chapter's two nodes over IPv4"
echo_over "$NS_B4" 8080 0.0.0.0
step "the same over IPv6"
echo_over "$NS_B6" 8081 ::
ns_capture_stop

step "what the wire saw (first frames; type, epoch, counter and session id are clear)"
tcpdump -r "$work/pcap" -n -X -c 8 2>/dev/null
if [ "$(tcpdump -r "$work/pcap" -n 2>/dev/null | wc -l)" -lt 12 ]; then
	fail "fewer frames on the wire than two handshakes and two echoes need"
elif grep -qaF -e "$message" -e 'ECHO:' "$work/pcap"; then
	fail "plaintext on the wire"
else
	echo "no plaintext in the capture: good"
fi
rm -rf "$work"
echo
[ $failed = 0 ] && echo "PASS" || echo "FAIL"
exit $failed
