#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# limit: 900
# One minute of `tools/run fuzz-kernel` ($FUZZ_SECONDS), with a new seed each time.

. "$(dirname "$0")/lib/relay.sh"
relay_for debug kcsan
relay_vm fuzz_vm "$FLAVOUR" "$BUILD/module-$KVER/stt.ko" "--seconds ${FUZZ_SECONDS:-60}"
