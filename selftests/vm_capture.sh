#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What an observer of the wire sees (A29), see vm_capture.c.

. "$(dirname "$0")/lib/pair.sh"
file=$(mktemp /tmp/capture.XXXXXX) || tap_bail "no temporary file"
chmod 666 "$file"
# Frames are short: with little slots the buffer has room for all of them.
ns_capture "$NS_B" "$file" -s 2000 -B 16384 udp || tap_bail "tcpdump does not start"
said=$(pair_run send) || tap_bail "no traffic: $said"
ns_capture_stop
pair_run "$file"
status=$?
rm -f "$file"
exit $status
