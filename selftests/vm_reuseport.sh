#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# STT_REUSEPORT: several sockets with one binding (A21), see vm_reuseport.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
