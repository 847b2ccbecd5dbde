#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Sockets that become a node and back (R4), see vm_attach.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
