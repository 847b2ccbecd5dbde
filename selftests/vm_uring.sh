#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Sending and receiving by io_uring (A22), see vm_uring.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
