#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a sends to b goes through a tunnel of IPsec, see vm_ipsec.c.

. "$(dirname "$0")/lib/pair.sh"

# tunnel A B: UDP from A to B, in ESP that hides nothing
tunnel()
{
	local ns from="src $1 dst $2"

	for ns in "$NS_A" "$NS_B"; do
		# shellcheck disable=SC2086
		ip -n "$ns" xfrm state add $from proto esp spi 0x77 mode tunnel \
			auth digest_null '' enc 'ecb(cipher_null)' '' || return 1
	done
	# shellcheck disable=SC2086
	ip -n "$NS_A" xfrm policy add $from proto udp dir out tmpl $from proto esp mode tunnel &&
	ip -n "$NS_B" xfrm policy add $from proto udp dir in tmpl $from proto esp mode tunnel
}

if ! tunnel "$NS_A4" "$NS_B4" || ! tunnel "$NS_A6" "$NS_B6"; then
	echo "1..0 # SKIP no IPsec in this kernel"
	exit 0
fi
pair_run
