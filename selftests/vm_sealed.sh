#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Handshake frames inside a session (A30, A12), see vm_sealed.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
