#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Heartbeats and dead peers (A32, A33), see vm_heartbeat.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
