#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Packets as network cards hand them up, see vm_nic.c. Each end waits up to 20 ms
# for more packets to put together.

. "$(dirname "$0")/lib/pair.sh"
for dev in "$NS_A to_b" "$NS_B to_a"; do
	# shellcheck disable=SC2086
	set -- $dev
	ns_exec "$1" sh -c "echo 20000000 > /sys/class/net/$2/gro_flush_timeout" ||
		tap_bail "no gro_flush_timeout"
done
pair_run
