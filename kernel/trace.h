/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, /sys/kernel/tracing/events/stt. Nothing here is a secret: what
 * netlink shows to all, and the headers of frames.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM stt

#if !defined(_STT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _STT_TRACE_H

#include <linux/stt.h>
#include <linux/tracepoint.h>

#include "frame.h"
#include "key.h"
#include "node.h"
#include "ref.h"
#include "session.h"
#include "stats.h"

/* E(value, name) for all but the last, EE() for that. */
#define STT_TRACE_REFS(E, EE)			\
	E(STT_REF_TABLE, "table")		\
	E(STT_REF_SESSION, "session")		\
	E(STT_REF_SOCKET, "socket")		\
	E(STT_REF_BIND, "bind")			\
	E(STT_REF_SEND, "send")			\
	E(STT_REF_OPTION, "option")		\
	E(STT_REF_REQUEST, "request")		\
	E(STT_REF_DUMP, "dump")			\
	E(STT_REF_UDP_CLOSE, "udp-close")	\
	E(STT_REF_UDP_WATCH, "udp-watch")	\
	EE(STT_REF_RESUME, "resume")

#define STT_TRACE_DEFINE(value, name)	TRACE_DEFINE_ENUM(value);
#define STT_TRACE_NAME(value, name)	{ value, name },
#define STT_TRACE_LAST(value, name)	{ value, name }

STT_TRACE_REFS(STT_TRACE_DEFINE, STT_TRACE_DEFINE)

#define stt_show_ref(ref) \
	__print_symbolic(ref, STT_TRACE_REFS(STT_TRACE_NAME, STT_TRACE_LAST))
#define stt_show_taken(taken)	((taken) ? "take" : "drop")

/* ------------------------------------------------------------------------ */
/* References                                                               */

/* @refs is the count afterwards. */
TRACE_EVENT(stt_node_ref,
	TP_PROTO(const struct stt_node *node, enum stt_ref why, bool taken, unsigned int refs),
	TP_ARGS(node, why, taken, refs),
	TP_STRUCT__entry(
		__field(u32, node)
		__field(u8, why)
		__field(bool, taken)
		__field(u32, refs)
	),
	TP_fast_assign(
		__entry->node = node->id;
		__entry->why = why;
		__entry->taken = taken;
		__entry->refs = refs;
	),
	TP_printk("node=%u %s %s refs=%u", __entry->node, stt_show_taken(__entry->taken),
		  stt_show_ref(__entry->why), __entry->refs)
);

TRACE_EVENT(stt_session_ref,
	TP_PROTO(const struct stt_session *s, enum stt_ref why, bool taken, unsigned int refs),
	TP_ARGS(s, why, taken, refs),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u32, node)
		__field(u8, why)
		__field(bool, taken)
		__field(u32, refs)
	),
	TP_fast_assign(
		__entry->session = s->id;
		__entry->node = s->node->id;
		__entry->why = why;
		__entry->taken = taken;
		__entry->refs = refs;
	),
	TP_printk("node=%u session=%016llx %s %s refs=%u", __entry->node, __entry->session,
		  stt_show_taken(__entry->taken), stt_show_ref(__entry->why), __entry->refs)
);

#endif /* _STT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
