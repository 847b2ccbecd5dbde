#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# stt-ip and the control library against the module: every object and verb,
# events, refusals, and that no key ever comes out.

. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/stt_ip.sh"

secret_ab=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
secret_ba=ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100
next_ab=8899aabbccddeeff00112233445566778899aabbccddeeff0011223344556677
next_ba=7766554433221100ffeeddccbbaa99887766554433221100ffeeddccbbaa9988
peer_id=a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4
suite=chacha20poly1305
s=0123456789abcdef

keys()	# keys EPOCH TX-SECRET RX-SECRET: the lines of a key file
{
	printf 'tx %s %s %s\nrx %s %s %s\n' "$1" $suite "$2" "$1" $suite "$3"
}

# Nothing announces this to a shell, so it looks now and then.
until_is()	# until_is WANTED COMMAND...
{
	local wanted=$1 until=$((SECONDS + 20))

	shift
	while [ "$("$@")" != "$wanted" ]; do
		[ $SECONDS -lt $until ] || { "$@"; return 1; }
		sleep 0.1
	done
}

until_above()	# until_above NUMBER COMMAND...
{
	local above=$1 until=$((SECONDS + 20))

	shift
	while [ "$("$@")" -le "$above" ]; do
		[ $SECONDS -lt $until ] || { "$@"; return 1; }
		sleep 0.1
	done
}

session()	# session SIDE QUERY: about the session
{
	json ".[0] | $2" "$1" -j session show $s
}

rx_frames()	# rx_frames SIDE
{
	json '.[0].stats.rx_frames' "$1" -j -s session show $s
}

key_list()	# key_list SIDE
{
	json '[.[] | "\(.direction)\(.epoch)"] | sort | join(" ")' "$1" -j key show $s
}

seen()	# seen EVENT: how many of these the monitor printed
{
	jq -r .event "$work/events" | grep -c -x -e "$1"
}

count()	# count SIDE OBJECT
{
	json length "$1" -j "$2" show
}

start_node()	# start_node NAME NS PORT [HOST [SESSIONS]]: NAME_id, NAME_in
{
	local name=$1 ns=$2 in id

	shift 2
	mkfifo "$work/$name.in" "$work/$name.out"
	# Not ns_exec: its shell would wait in the background, with our files open.
	ip netns exec "$ns" sttnode "$@" < "$work/$name.in" > "$work/$name.out" &
	exec {in}> "$work/$name.in"
	read -r -t 60 _ id _ < "$work/$name.out"
	printf -v "${name}_in" %s "$in"
	printf -v "${name}_id" %s "$id"
	printf -v "${name}_pid" %s $!
}

stop_node()	# stop_node NAME: its standard input ends, and so does it
{
	local in=${1}_in fd

	fd=${!in}
	exec {fd}>&-
}

test_empty()
{
	local object

	tap_ok "info" ends 0 "^family [0-9]* module_version .* suites $suite" a info
	tap_is "info as JSON" "$(json '[.wire_version,.message_max,.overhead,.nodes]' a -j info)" \
		'[1,65536,40,0]'
	tap_is "its suites as JSON" "$(json '.suites - ["aes256gcm"]' a -j info)" "[\"$suite\"]"
	for object in node session key socket; do
		tap_is "no $object: an empty list" "$(a -j $object show)" '[]'
	done
	tap_is "no node: no text" "$(a node show)" ''
	tap_is "what fails prints no list" "$(stt-ip -n "$NS_A" -j node show 77 2>/dev/null)" ''
	tap_ok "a missing node is named" ends 2 'node 77: no such node' a node show 77
	tap_ok "its sessions likewise" ends 2 'node 77: no such node' a session show node 77
	tap_ok "a missing session is named" ends 2 '"abc"' a session show abc
	NS_A=nowhere tap_ok "a missing namespace is named" ends 2 '"nowhere"' a node
}

# The same words, wherever help stands.
test_help()
{
	local words

	words=$(stt-ip session help)
	tap_ok "help of an object tells its verbs" grep -q 'stt-ip session set' <<< "$words"
	tap_is "help session" "$(stt-ip help session)" "$words"
	tap_is "session --help" "$(stt-ip session --help)" "$words"
	tap_is "--help session" "$(stt-ip --help session)" "$words"
	words=$(stt-ip help key add)
	tap_is "key add --help" "$(stt-ip key add 12 --help)" "$words"
	tap_is "key help add" "$(stt-ip key help add)" "$words"
	tap_ok "help of nothing there is" ends 1 'no object "nose"' a help nose
	tap_ok "an option in the wrong place" ends 1 'options come first' a node show -s
}

# inodes PID: of the sockets that a process holds
inodes()
{
	find "/proc/$1/fd" -printf '%l\n' | sed -n 's/^socket:\[\(.*\)\]$/\1/p'
}

test_processes()
{
	local inode

	inode=$(json '.[].inode' a -j node show)
	tap_ok "node show: the inode of its UDP socket" grep -q -x "$inode" <(inodes "$node_a_pid")
	tap_is "node show: the process that holds it" "$(json '.[].processes' a -j node show)" \
		"[{\"pid\":$node_a_pid,\"name\":\"sttnode\"}]"
	tap_ok "the same as text" ends 0 "^    process pid $node_a_pid name sttnode" a node show
	tap_is "socket show: the process that holds it" "$(json '.[].processes' a -j socket show)" \
		"[{\"pid\":$node_a_pid,\"name\":\"sttnode\"}]"
	tap_is "another user sees none" "$(as_stranger -j node show | jq -c '.[].processes')" null
}

test_nodes()
{
	local line

	mkfifo "$work/listening"
	ip netns exec "$NS_A" stt-ip -j monitor > "$work/events" 2> "$work/listening" &
	monitor=$!
	read -r -t 60 line < "$work/listening"
	tap_is "the monitor tells when it listens" "$line" "stt-ip: listening"
	start_node node_a "$NS_A" 7001
	start_node node_b "$NS_B" 7002
	tap_is "node show as JSON" "$(json '.[] | [.node,.local.address,.local.port,.uid,.sessions]' \
		a -j node show)" "[$node_a_id,\"0.0.0.0\",7001,0,0]"
	tap_is "node show as text, abbreviated" "$(a n sh "$node_a_id")" \
		"node $node_a_id local 0.0.0.0:7001 uid 0 heartbeat_ms 30000 sessions 0 inode $(
			json '.[].inode' a -j node show)
    process pid $node_a_pid name sttnode"
	tap_ok "-s as text: what is 0 is left out" ends 0 '^    stats all 0$' a -s node show
	tap_is "-s: counters" "$(json '.[].stats.drop_bad_tag' a -j -s node show)" 0
	tap_is "no -s: no counters" "$(json '.[].stats' a -j node show)" null
	tap_is "socket show" "$(json '.[] | [.type,.node,.session]' a -j socket show)" \
		"[\"data\",$node_a_id,null]"
	tap_is "the other namespace has its own" "$(json '.[].local.port' b -j node show)" 7002
	tap_ok "event: node_new" until_is 1 seen node_new
}

test_sessions()
{
	local new="session add node $node_a_id id $s peer $NS_B4:7002 heartbeat off keys"

	keys 0 $secret_ab $secret_ba > "$work/keys.a"
	keys 0 $secret_ba $secret_ab > "$work/keys.b"
	chmod 644 "$work/keys.a"
	tap_ok "keys that others can read: refused" ends 1 'mode 0644' a $new "$work/keys.a"
	chmod 600 "$work/keys.a"
	tap_is "nothing was created" "$(count a session)" 0
	tap_ok "session add, keys from a file" a $new "$work/keys.a"
	tap_ok "again: refused, both are named" \
		ends 2 "cannot create session $s on node $node_a_id: " a $new "$work/keys.a"
	b session add node "$node_b_id" id 0x$s peer "$NS_A4:7001" state pending \
		heartbeat off peer-id $peer_id keys - < "$work/keys.b"
	tap_point $? "session add, keys from standard input, pending"
	tap_is "session show: a" "$(session a '[.session,.node,.state,.peer.address,.peer.port]')" \
		"[\"$s\",$node_a_id,\"active\",\"$NS_B4\",7002]"
	tap_is "session show: b" "$(session b '[.state,.peer_id,.heartbeat_ms]')" \
		"[\"pending\",\"$peer_id\",0]"
	tap_is "nothing was heard or said: no idle times" "$(session a '[.idle_rx_ms,.idle_tx_ms]')" \
		'[null,null]'
	tap_is "-s: no counters that only nodes have" \
		"$(json '.[].stats | [.drop_bad_tag,.drop_no_session]' a -j -s session show)" '[0,null]'
	tap_is "session show as text: how its lines begin" \
		"$(b session show | sed -E 's/^( *[^ ]+).*/\1/')" \
		"$(printf '%s\n' session '    heartbeat_ms' '    tx_epoch' '    peer_id')"
	tap_is "by the beginning of its id" "$(json '.[].session' a -j session show 0x01)" $s
	tap_is "sessions of one node" "$(json length a -j session show node "$node_a_id")" 1
	tap_is "the node counts it" "$(json '.[].sessions' a -j node show)" 1
	tap_ok "event: session_new" until_is 1 seen session_new
	tap_ok "the wrong address family is refused" ends 2 'family' a session add \
		node "$node_a_id" id 00000000000000aa peer '[::1]:7002' keys "$work/keys.a"
}

test_set()
{
	tap_ok "session set heartbeat" a session set $s heartbeat 100
	tap_is "it is set" "$(session a .heartbeat_ms)" 100
	tap_ok "its heartbeats make b active" until_is active session b .state
	tap_ok "-s: b has received" test "$(rx_frames b)" -gt 0
	tap_ok "-s as text: what is not 0" ends 0 '^    stats rx_frames [1-9]' b -s session show
	tap_ok "it was heard: an idle time" test "$(session b .idle_rx_ms)" -ge 0
	tap_ok "b answers each of them" until_above 8 rx_frames a
	tap_is "a peer that answers is not dead" "$(session a .state)" active
	a session set $s heartbeat off
	tap_ok "heartbeat out of range: refused" ends 2 "cannot change session $s" \
		a session set $s heartbeat 1
	tap_ok "state pending is no choice" ends 1 'state: ' a session set $s state pending
	tap_ok "an epoch without key: refused" ends 2 "cannot change session $s" \
		a session set $s tx-epoch 3
	tap_ok "session set peer" a session set $s peer "$NS_B4:7002" local "$NS_A4"
	tap_is "local went along" "$(session a .local.address)" "$NS_A4"
}

test_keys()
{
	tap_is "key show" "$(key_list a)" "rx0 tx0"
	# The next epoch has the other suite, if this kernel has it.
	! grep -q -w aes256gcm <(a info) || suite=aes-256-gcm
	keys 1 $next_ba $next_ab | b key add $s keys -
	tap_point $? "key add, b first, from standard input"
	keys 1 $next_ab $next_ba | a key add node "$node_a_id" $s keys -
	tap_point $? "key add at a"
	tap_is "both epochs are there" "$(key_list a)" "rx0 rx1 tx0 tx1"
	tap_is "the suite of the new key" "${suite//-/}" \
		"$(json '.[] | select(.direction == "tx" and .epoch == 1) | .suite' a -j key show $s)"
	tap_ok "session set tx-epoch" a session set $s tx-epoch 1
	tap_is "it sends by the new epoch" "$(session a .tx_epoch)" 1
	a session set $s heartbeat 100
	tap_ok "b hears it" until_is 1 session b .rx_epoch
	a session set $s heartbeat off
	tap_ok "key delete" a key delete $s rx 0
	tap_nok "it is gone" grep -q -w rx0 <(key_list a)
	tap_ok "key delete, not there: refused, named" \
		ends 2 "cannot delete the rx key of epoch 0 in session $s" a key delete $s rx 0
	keys 1 $secret_ab $next_ba > "$work/again"
	tap_ok "key add is create-only" ends 2 "cannot install the tx key of epoch 1" \
		a key add $s keys "$work/again"
}

as_stranger()	# as_stranger ARGS...: stt-ip at a, but as another user
{
	ns_exec "$NS_A" setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
		"$(command -v stt-ip)" "$@" 2>&1
}

test_stranger()
{
	tap_ok "another user may look" ends 0 "^session $s" as_stranger session show
	tap_ok "but not delete a session" ends 2 "belongs to another user" \
		as_stranger session delete $s
	tap_ok "nor a node" ends 2 "belongs to another user" as_stranger node delete "$node_a_id"
	tap_ok "nor install keys" ends 2 "belongs to another user" as_stranger key add $s keys - \
		< "$work/again"
}

test_ends()
{
	tap_ok "session delete with a reason" a session delete $s reason revoked
	tap_is "it is gone" "$(count a session)" 0
	tap_ok "the peer was told" until_is '["closed","revoked"]' session b '[.state,.close_reason]'
	tap_ok "event: session_del" until_is 1 seen session_del
	tap_ok "node delete" b node delete "$node_b_id"
	tap_is "it is gone" "$(count b node)" 0
	tap_is "its session went with it" "$(count b session)" 0
	stop_node node_b
	stop_node node_a
	tap_ok "the process ends: its node is gone" until_is 0 count a node
	tap_ok "event: node_del" until_is 1 seen node_del
	kill $monitor
	tap_ok "each line of the monitor is JSON with time and event" \
		jq -e -s 'all(.time and .event)' "$work/events"
}

# More than one netlink message holds.
test_many()
{
	start_node many "$NS_A" 7003 127.0.0.1 1000
	tap_is "1000 sessions are listed" "$(count a session)" 1000
	tap_is "each once" "$(json '[.[].session] | unique | length' a -j session show)" 1000
	tap_ok "an ambiguous id is refused" ends 1 'ambiguous' a session show 00000000000003e
	tap_is "a whole id is not" "$(json '.[].session' a -j session show 00000000000003e8)" \
		00000000000003e8
	a session show > "$work/long" &
	stop_node many
	wait $!
	tap_ok "the node may go while it is read" grep -q '^session ' "$work/long"
	tap_ok "all is gone" until_is 0 count a node
}

tap_plan 96
umask 077
ns_topology a b || tap_bail "no namespaces"
test_empty
test_help
test_nodes
test_processes
test_sessions
test_set
test_keys
test_stranger
test_ends
test_many
cat "$work/events" >> "$work/all"
tap_nok "no key in anything that was printed" grep -q -i -e $secret_ab -e $secret_ba \
	-e $next_ab -e $next_ba "$work/all"
tap_exit
