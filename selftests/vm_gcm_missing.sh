#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The module on a kernel that has no gcm(aes): it works, and refuses keys of
# that suite in words.

. "$(dirname "$0")/lib/tap.sh"
. "$(dirname "$0")/lib/netns.sh"
. "$(dirname "$0")/../tools/vm/module.sh"

ko=${MODULES:-$BUILD}/module-$KVER/stt.ko
modprobe_was=$(cat /proc/sys/kernel/modprobe)
parts="aesni_intel gcm ghash_generic ghash_clmulni_intel"

skip()
{
	echo "1..0 # SKIP $1"
	exit
}

restore()
{
	ns_cleanup
	echo "$modprobe_was" > /proc/sys/kernel/modprobe
	[ ! -d /sys/module/stt ] || module_remove "$ko"
	module_insert "$ko"
}

keys()	# keys SUITE: the lines of a key file
{
	printf '%s %s\n' "tx 0 $1" "$(printf %064d 1)" "rx 0 $1" "$(printf %064d 2)"
}

add()	# add ID SUITE
{
	keys "$2" | stt-ip -n "$NS_A" session add node "$number" id 000000000000000"$1" peer 127.0.0.1:9 keys - 2>&1
}

[ "${STT_VM:-}" ] || skip "it takes modules away, so it runs in the VM only"
trap restore EXIT
module_remove "$ko" || tap_bail "the module is in use"
for part in $parts; do
	rmmod "$part" 2> /dev/null
done
! grep -q 'gcm(aes)' /proc/crypto || skip "gcm(aes) is a part of this kernel"
echo /nonexistent > /proc/sys/kernel/modprobe
insmod "$ko" || tap_bail "the module cannot be inserted"
ns_topology a || tap_bail "no network namespaces"

tap_plan 5
tap_nok "R26 without gcm(aes): not among the suites" grep -w aes256gcm <(stt-ip info)
tap_ok "R26 without gcm(aes): the other suite is" grep -w chacha20poly1305 <(stt-ip info)
coproc node { exec ip netns exec "$NS_A" sttnode 9000; }
read -r -t 60 _ number _ <&"${node[0]}" || tap_bail "no node"
said=$(add 1 aes256gcm)
tap_nok "R26 without gcm(aes): keys are refused" [ $? = 0 ]
tap_ok "R26 without gcm(aes): and told why" grep -F 'gcm(aes)' <<< "$said"
tap_ok "R26 without gcm(aes): other keys are not" add 1 chacha20poly1305
tap_exit
