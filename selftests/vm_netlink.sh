#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Requests that are refused, answers without secrets, see vm_netlink.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
