#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Errors of sockets (R9), see vm_errors.c.

. "$(dirname "$0")/lib/pair.sh"
pair_run
