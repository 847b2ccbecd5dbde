# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Network namespaces for selftests. Source it (bash), then:
#
#   ns_topology a b [c...]   the first namespace is joined with each of the
#                            others by a veth pair, with IPv4 and IPv6
#       NS_A NS_B ...        the namespaces' names
#       NS_B4 NS_B6          addresses of b toward a (10.77.1.2, fd77:1::2); for
#       NS_A4 NS_A6          c 10.77.2.2 and so on. NS_A4: a's address toward b
#                            (not in a subshell: it sets these variables)
#       interfaces           in a: to_b, to_c, ...; in each other: to_a
#   ns_exec NS CMD...        runs CMD in a namespace
#   ns_netem NS DEV ARGS     tc netem on what DEV sends (loss 30% delay 150ms ...);
#                            without ARGS: takes it away
#   ns_capture NS FILE [FILTER]  starts tcpdump on all interfaces; returns when it
#                            really captures
#   ns_capture_stop          ends it; the file is complete then
#   ns_wait_udp NS PORT [PID]  waits until a UDP socket is bound to PORT; 10 s at
#                            most, and no longer than process PID lives
#
# All is removed when the script ends (trap on EXIT; a script that sets a trap
# of its own calls ns_cleanup in it).

NS_PREFIX=stt$$
ns_list=
ns_tcpdump=

ns_cleanup()
{
	local ns pids

	ns_capture_stop
	for ns in $ns_list; do
		pids=$(ip netns pids "$ns" 2>/dev/null)
		# shellcheck disable=SC2086
		[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
		ip netns delete "$ns" 2>/dev/null
	done
	ns_list=
}
trap ns_cleanup EXIT
trap 'exit 130' INT TERM

ns_exec()
{
	local ns=$1

	shift
	ip netns exec "$ns" "$@"
}

ns_add()
{
	local name=$1 upper=${1^^}

	ip netns add "$NS_PREFIX-$name" || return 1
	ns_list="$ns_list $NS_PREFIX-$name"
	printf -v "NS_$upper" %s "$NS_PREFIX-$name"
	ip -n "$NS_PREFIX-$name" link set lo up
}

# Duplicate address detection would keep the addresses unusable for a second.
ns_address()
{
	local ns=$1 dev=$2 v4=$3 v6=$4

	ip netns exec "$ns" sysctl -q -w "net.ipv6.conf.$dev.accept_dad=0" &&
	ip -n "$ns" address add "$v4/24" dev "$dev" &&
	ip -n "$ns" address add "$v6/64" dev "$dev" nodad &&
	ip -n "$ns" link set "$dev" up
}

ns_join()
{
	local first=$1 other=$2 n=$3 a=$NS_PREFIX-$1 b=$NS_PREFIX-$2

	ip -n "$a" link add "to_$other" type veth peer name "to_$first" netns "$b" &&
	ns_address "$a" "to_$other" "10.77.$n.1" "fd77:$n::1" &&
	ns_address "$b" "to_$first" "10.77.$n.2" "fd77:$n::2" || return 1
	printf -v "NS_${other^^}4" %s "10.77.$n.2"
	printf -v "NS_${other^^}6" %s "fd77:$n::2"
}

# shellcheck disable=SC2034
ns_topology()
{
	local first=$1 other n=0

	ns_add "$first" || return 1
	shift
	for other in "$@"; do
		n=$((n + 1))
		ns_add "$other" && ns_join "$first" "$other" $n || return 1
	done
	printf -v "NS_${first^^}4" %s 10.77.1.1
	printf -v "NS_${first^^}6" %s fd77:1::1
}

ns_netem()
{
	local ns=$1 dev=$2

	shift 2
	tc -n "$ns" qdisc del dev "$dev" root 2>/dev/null
	[ $# = 0 ] || tc -n "$ns" qdisc add dev "$dev" root netem "$@"
}

ns_capture()
{
	local ns=$1 file=$2 log line

	shift 2
	ns_capture_stop
	log=$(mktemp -u) && mkfifo "$log" || return 1
	ip netns exec "$ns" tcpdump -i any -n -U --immediate-mode -s 0 -w "$file" \
		"${@:-udp}" 2> "$log" &
	ns_tcpdump=$!
	exec {ns_tcpdump_fd}< "$log"
	rm -f "$log"
	while read -r -t 20 line <&"$ns_tcpdump_fd"; do
		case $line in
		*"listening on"*) return 0 ;;
		esac
	done
	echo "# tcpdump: $line" >&2
	ns_capture_stop
	return 1
}

# Asks tcpdump until it has taken all that the kernel has for it.
ns_capture_drain()
{
	local line

	while kill -USR1 "$ns_tcpdump" 2>/dev/null &&
	      read -r -t 20 line <&"$ns_tcpdump_fd"; do
		[[ $line =~ ([0-9]+)\ packets?\ captured,\ ([0-9]+)\ packets?\ received ]] || continue
		[ "${BASH_REMATCH[1]}" -lt "${BASH_REMATCH[2]}" ] || return 0
	done
}

ns_capture_stop()
{
	[ -n "$ns_tcpdump" ] || return 0
	ns_capture_drain
	kill -INT "$ns_tcpdump" 2>/dev/null
	wait "$ns_tcpdump" 2>/dev/null
	ns_tcpdump=
	exec {ns_tcpdump_fd}<&-
}

# Nothing announces a bind in another namespace, so this looks now and then.
ns_wait_udp()
{
	local ns=$1 port=$2 pid=${3:-$$} until=$((SECONDS + 10))

	while [ -z "$(ip netns exec "$ns" ss -H -u -a -n "sport = :$port")" ]; do
		[ $SECONDS -lt $until ] && kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.1
	done
}
