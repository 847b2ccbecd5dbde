/* SPDX-License-Identifier: GPL-2.0-only */
/* Why a reference of a node or session is held; tracepoints show it by name. */
#ifndef _STT_REF_H
#define _STT_REF_H

/**
 * enum stt_ref - who holds a reference
 * @STT_REF_TABLE: the table: of the namespace (node), of the node (session)
 * @STT_REF_SESSION: a session, on its node
 * @STT_REF_SOCKET: an AF_STT socket, on its node
 * @STT_REF_BIND: bind() or connect() at work (node); a binding (session)
 * @STT_REF_SEND: a sendmsg()
 * @STT_REF_OPTION: a getsockopt()
 * @STT_REF_REQUEST: a netlink request
 * @STT_REF_DUMP: a netlink dump
 * @STT_REF_UDP_CLOSE: close() of the UDP socket
 * @STT_REF_UDP_WATCH: the end of a node whose UDP socket slipped away
 * @STT_REF_RESUME: the end of all sessions of a machine that lives twice
 * @STT_REF_BEAT: a heartbeat that is to be sent
 * @__STT_REFS: how many reasons there are
 *
 * Who takes one gives it back with the same reason, so that in a trace what is
 * left over names its holder. trace.h has the names.
 */
enum stt_ref {
	STT_REF_TABLE,
	STT_REF_SESSION,
	STT_REF_SOCKET,
	STT_REF_BIND,
	STT_REF_SEND,
	STT_REF_OPTION,
	STT_REF_REQUEST,
	STT_REF_DUMP,
	STT_REF_UDP_CLOSE,
	STT_REF_UDP_WATCH,
	STT_REF_RESUME,
	STT_REF_BEAT,
	__STT_REFS,
};

#endif /* _STT_REF_H */
