// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints themselves; trace.h describes them. */

#include "node.h"
#include "session.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

#define STT_TRACE_COUNT(value, name)	+ 1

static_assert(0 STT_TRACE_REFS(STT_TRACE_COUNT, STT_TRACE_COUNT) == __STT_REFS,
	      "STT_TRACE_REFS: a reason has no name");
static_assert(0 STT_TRACE_STATS(STT_TRACE_COUNT, STT_TRACE_COUNT) == STT_STATS,
	      "STT_TRACE_STATS: a counter has no name");
