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

/* Names of numbers: E(value, name) for all but the last, EE() for that. */
#define STT_TRACE_REFS(E, EE)						\
	E(STT_REF_TABLE, "table")					\
	E(STT_REF_SESSION, "session")					\
	E(STT_REF_SOCKET, "socket")					\
	E(STT_REF_BIND, "bind")						\
	E(STT_REF_SEND, "send")						\
	E(STT_REF_OPTION, "option")					\
	E(STT_REF_REQUEST, "request")					\
	E(STT_REF_DUMP, "dump")						\
	E(STT_REF_UDP_CLOSE, "udp-close")				\
	E(STT_REF_UDP_WATCH, "udp-watch")				\
	E(STT_REF_RESUME, "resume")					\
	EE(STT_REF_BEAT, "beat")

#define STT_TRACE_STATS(E, EE)						\
	E(STT_A_STATS_RX_FRAMES, "rx_frames")				\
	E(STT_A_STATS_RX_BYTES, "rx_bytes")				\
	E(STT_A_STATS_TX_FRAMES, "tx_frames")				\
	E(STT_A_STATS_TX_BYTES, "tx_bytes")				\
	E(STT_A_STATS_TX_ERRORS, "tx_errors")				\
	E(STT_A_STATS_RX_HANDSHAKE, "rx_handshake")			\
	E(STT_A_STATS_DROP_MALFORMED, "drop_malformed")			\
	E(STT_A_STATS_DROP_NO_SESSION, "drop_no_session")		\
	E(STT_A_STATS_DROP_NO_EPOCH, "drop_no_epoch")			\
	E(STT_A_STATS_DROP_REPLAYED, "drop_replayed")			\
	E(STT_A_STATS_DROP_BAD_TAG, "drop_bad_tag")			\
	E(STT_A_STATS_DROP_BAD_INNER, "drop_bad_inner")			\
	E(STT_A_STATS_DROP_ENDED, "drop_ended")				\
	E(STT_A_STATS_DROP_NO_READER, "drop_no_reader")			\
	E(STT_A_STATS_DROP_RCVBUF, "drop_rcvbuf")			\
	E(STT_A_STATS_DROP_FILTER, "drop_filter")			\
	E(STT_A_STATS_DROP_NO_MEMORY, "drop_no_memory")			\
	E(STT_A_STATS_DROP_HANDSHAKE, "drop_handshake")			\
	E(STT_A_STATS_DROP_HS_MALFORMED, "drop_hs_malformed")		\
	E(STT_A_STATS_DROP_HS_RATE, "drop_hs_rate")			\
	EE(STT_A_STATS_DROP_FRAGMENT, "drop_fragment")

#define STT_TRACE_STATES(E, EE)						\
	E(0, "none")							\
	E(STT_SESSION_STATE_PENDING, "pending")				\
	E(STT_SESSION_STATE_ACTIVE, "active")				\
	E(STT_SESSION_STATE_CLOSED, "closed")				\
	EE(STT_SESSION_STATE_DEAD, "dead")

#define STT_TRACE_KINDS(E, EE)						\
	E(STT_KIND_DATA, "data")					\
	E(STT_KIND_HEARTBEAT, "heartbeat")				\
	E(STT_KIND_HEARTBEAT_ACK, "heartbeat_ack")			\
	E(STT_KIND_HANDSHAKE, "handshake")				\
	EE(STT_KIND_SESSION_CLOSE, "session_close")

#define STT_TRACE_DEFINE(value, name)	TRACE_DEFINE_ENUM(value);
#define STT_TRACE_NAME(value, name)	{ value, name },
#define STT_TRACE_LAST(value, name)	{ value, name }

STT_TRACE_REFS(STT_TRACE_DEFINE, STT_TRACE_DEFINE)
STT_TRACE_STATS(STT_TRACE_DEFINE, STT_TRACE_DEFINE)
TRACE_DEFINE_ENUM(STT_SESSION_STATE_PENDING);
TRACE_DEFINE_ENUM(STT_SESSION_STATE_ACTIVE);
TRACE_DEFINE_ENUM(STT_SESSION_STATE_CLOSED);
TRACE_DEFINE_ENUM(STT_SESSION_STATE_DEAD);

#define stt_show(list, value)	__print_symbolic(value, list(STT_TRACE_NAME, STT_TRACE_LAST))
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
		  stt_show(STT_TRACE_REFS, __entry->why), __entry->refs)
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
		  stt_show_taken(__entry->taken), stt_show(STT_TRACE_REFS, __entry->why),
		  __entry->refs)
);

/* ------------------------------------------------------------------------ */
/* Frames                                                                   */

DECLARE_EVENT_CLASS(stt_frame,
	TP_PROTO(const struct stt_session *s, const struct stt_header *h,
		 const struct stt_inner *inner, unsigned int len),
	TP_ARGS(s, h, inner, len),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u64, counter)
		__field(u32, node)
		__field(u32, stream)
		__field(u32, len)
		__field(u8, epoch)
		__field(u8, kind)
		__field(u8, frag)
		__field(u8, last)
	),
	TP_fast_assign(
		__entry->session = s->id;
		__entry->counter = h->counter;
		__entry->node = s->node->id;
		__entry->stream = inner->stream;
		__entry->len = len;
		__entry->epoch = h->epoch;
		__entry->kind = inner->kind;
		__entry->frag = inner->frag;
		__entry->last = inner->last;
	),
	TP_printk("node=%u session=%016llx epoch=%u counter=%llu "
		  "stream=%u kind=%s frag=%u/%u len=%u",
		  __entry->node, __entry->session, __entry->epoch, __entry->counter,
		  __entry->stream, stt_show(STT_TRACE_KINDS, __entry->kind), __entry->frag,
		  __entry->last, __entry->len)
);

/* An authentic, fresh frame; @len is that of its payload. */
DEFINE_EVENT(stt_frame, stt_rx,
	TP_PROTO(const struct stt_session *s, const struct stt_header *h,
		 const struct stt_inner *inner, unsigned int len),
	TP_ARGS(s, h, inner, len)
);

/* A sealed frame, before it goes down the stack. */
DEFINE_EVENT(stt_frame, stt_tx,
	TP_PROTO(const struct stt_session *s, const struct stt_header *h,
		 const struct stt_inner *inner, unsigned int len),
	TP_ARGS(s, h, inner, len)
);

/* @s is NULL where the frame could not be put to a session's account. */
TRACE_EVENT(stt_drop,
	TP_PROTO(const struct stt_node *node, const struct stt_session *s, unsigned int stat,
		 unsigned int n),
	TP_ARGS(node, s, stat, n),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u32, node)
		__field(u32, n)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->session = s ? s->id : 0;
		__entry->node = node->id;
		__entry->n = n;
		__entry->reason = STT_STAT_FIRST + stat;
	),
	TP_printk("node=%u session=%016llx reason=%s n=%u", __entry->node, __entry->session,
		  stt_show(STT_TRACE_STATS, __entry->reason), __entry->n)
);

/* ------------------------------------------------------------------------ */
/* Sessions                                                                 */

/* From none: created; to none: deleted. */
TRACE_EVENT(stt_session_state,
	TP_PROTO(const struct stt_session *s, u8 from, u8 to, u8 reason),
	TP_ARGS(s, from, to, reason),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u32, node)
		__field(u8, from)
		__field(u8, to)
		__field(u8, reason)
	),
	TP_fast_assign(
		__entry->session = s->id;
		__entry->node = s->node->id;
		__entry->from = from;
		__entry->to = to;
		__entry->reason = reason;
	),
	TP_printk("node=%u session=%016llx from=%s to=%s reason=%u", __entry->node,
		  __entry->session, stt_show(STT_TRACE_STATES, __entry->from),
		  stt_show(STT_TRACE_STATES, __entry->to), __entry->reason)
);

/* An epoch is the one that sends, or that the peer uses, from now on. */
TRACE_EVENT(stt_key_epoch,
	TP_PROTO(const struct stt_session *s, u8 direction, u8 epoch),
	TP_ARGS(s, direction, epoch),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u32, node)
		__field(u8, direction)
		__field(u8, epoch)
	),
	TP_fast_assign(
		__entry->session = s->id;
		__entry->node = s->node->id;
		__entry->direction = direction;
		__entry->epoch = epoch;
	),
	TP_printk("node=%u session=%016llx %s epoch=%u", __entry->node, __entry->session,
		  __entry->direction == 1 ? "tx" : "rx", __entry->epoch)
);

#endif /* _STT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
