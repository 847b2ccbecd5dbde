#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 450
# Runs the program node_rekey in a network namespace of its own.

. "$(dirname "$0")/lib/netns.sh"
ns_topology a || exit 1
# Not exec: the namespace is to be removed afterwards.
ns_exec "$NS_A" node_rekey
exit $?
