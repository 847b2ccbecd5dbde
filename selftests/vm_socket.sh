#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a program may do with a socket (A22), see vm_socket.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
