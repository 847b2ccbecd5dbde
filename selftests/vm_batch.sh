#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# stt-ip -batch: sessions with their keys from one file, failures with their
# line, -force, and that the keys of a failed command are passed over.

. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/stt_ip.sh"
suite=chacha20poly1305

sessions()	# sessions FIRST LAST: lines that add them, with their keys
{
	local i

	for ((i = $1; i <= $2; i++)); do
		printf 'session add node %s id %016x peer %s:7777 heartbeat off keys -\n' "$node" "$i" "$NS_B4"
		printf '%s 0 %s %062x%s\n' tx $suite "$i" aa rx $suite "$i" bb
	done
}

count()
{
	a -j session show | jq length
}

# The same epoch twice: the second key is on line 5.
wrong_key()
{
	sessions 501 501
	sed -n 1,2p "$work/one"
	sed -n 2p "$work/one"
	sessions 503 503
}

tap_plan 19
umask 077
ns_topology a b || tap_bail "no namespaces"
mkfifo "$work/in" "$work/out"
ip netns exec "$NS_A" sttnode 7001 < "$work/in" > "$work/out" &
exec {in}> "$work/in"
read -r -t 60 _ node _ < "$work/out"

sessions 1 200 > "$work/many"
tap_ok "R15 200 sessions from a file" a -batch "$work/many"
tap_is "R15 all of them are there" "$(count)" 200
tap_is "R15 with two keys each" "$(a -j key show | jq length)" 400
sessions 201 210 > "$work/more"
tap_ok "R15 more from standard input" a -b - < "$work/more"
tap_is "R15 they are there, too" "$(count)" 210
tap_ok "R15 again: refused, with the line" ends 2 "many:1: .*has a session with this id" \
	a -batch "$work/many"

{ echo '# comment'; echo; sessions 301 301; echo 'session add nonsense'; sessions 302 302; } > "$work/bad"
tap_ok "R15 a line that is wrong ends it" ends 1 'bad:6: ' a -batch "$work/bad"
tap_is "R15 what came before is done, what comes behind not" "$(count)" 211
sed -i 's/00012d/00013d/' "$work/bad"
tap_ok "R15 with -force the rest is done as well" ends 1 'bad:6: ' a -force -batch "$work/bad"
tap_is "R15 all but what failed" "$(count)" 213

sessions 502 502 > "$work/one"
wrong_key > "$work/keys"
tap_ok "R15 keys that are wrong, with the line" ends 1 'keys:6: a second key' \
	a -force -batch "$work/keys"
tap_is "R15 no session comes of them" "$(count)" 215
chmod 644 "$work/many"
tap_ok "R15 keys that others can read are refused" ends 1 'first "chmod 600' a -batch "$work/many"

# A comment before, between and behind the keys of a session.
sessions 504 505 | sed '/^tx/i # its keys\n
/^rx/i # the other\n' > "$work/comments"
tap_ok "R15 comments and empty lines among keys" a -batch "$work/comments"
tap_is "R15 both keys of each are there" \
	"$(a -j key show node "$node" 00000000000001f9 | jq length)" 2

printf 'node show\nnode show\n' > "$work/shows"
tap_is "R15 JSON of several commands is JSON" \
	"$(a -j -batch "$work/shows" | jq -s -c 'map(length)')" '[1,1]'
tap_ok "R15 a command and a batch do not go together" ends 1 'give none beside it' \
	a -batch "$work/shows" node show
tap_ok "R15 a file that is not there" ends 2 'cannot open' a -batch "$work/nothing"
exec {in}>&-
wait
tap_nok "R26 no key in anything that was printed" grep -q -E '[0-9a-f]{62}(aa|bb)' "$work/all"
tap_exit
