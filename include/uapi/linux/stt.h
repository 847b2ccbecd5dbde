/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * AF_STT: encrypted datagram sockets over UDP.
 *
 * This header is the whole ABI of the kernel module: the socket family and
 * the generic netlink family "stt". The netlink part is described in
 * Documentation/netlink/specs/stt.yaml, the socket part in
 * Documentation/uapi.md, and what travels on the wire in <stt/wire.h>.
 */
#ifndef _UAPI_LINUX_STT_H
#define _UAPI_LINUX_STT_H

#include <linux/types.h>
#include <linux/socket.h>

/*
 * Default number of the family. The module parameter "family" can move it, so
 * programs ask for the number in use (STT_A_INFO_FAMILY, or stt_family() of
 * libstt-user) instead of trusting this constant.
 */
#define AF_STT			18
#define PF_STT			AF_STT

/* Level of the socket options and control messages of this family. */
#define SOL_STT			0x5354

/* A message is never longer than this, before sealing. */
#define STT_MESSAGE_MAX		65536

/*
 * Message types. A program sends DATA unless it names a type of its own, and
 * everything from USER_MIN up is delivered untouched.
 */
#define STT_MSG_ANY		0x00	/* bind: all data; send: same as DATA */
#define STT_MSG_HANDSHAKE	0x01	/* bind: handshake frames; send: sealed, in a session */
#define STT_MSG_DATA		0x10
#define STT_MSG_USER_MIN	0x80
#define STT_MSG_USER_MAX	0xff

/*
 * Wildcards of sstt_session. Neither is ever the id of a session. To send, ALL
 * is every active session of the node, and ANY those that STT_CMSG_FANOUT lists.
 */
#define STT_SESSION_ANY		0ULL
#define STT_SESSION_ALL		(~0ULL)

/* sstt_flags */
#define STT_ADDR_STREAM_ANY	0x01	/* bind, connect: any stream; id must be 0 */

/**
 * struct sockaddr_stt - address of a message, a binding or a destination
 * @sstt_family: the family number in use
 * @sstt_type: message type, STT_MSG_*
 * @sstt_flags: STT_ADDR_*
 * @sstt_node: node, as returned by STT_CMD_NODE_NEW
 * @sstt_session: session id in host order, or a wildcard
 * @sstt_stream: stream id, 0 to 2^32 - 1
 * @__sstt_reserved: must be zero
 */
struct sockaddr_stt {
	__kernel_sa_family_t	sstt_family;
	__u8			sstt_type;
	__u8			sstt_flags;
	__u32			sstt_node;
	__u64			sstt_session;
	__u32			sstt_stream;
	__u32			__sstt_reserved;
};

/* Socket options, level SOL_STT. */
#define STT_MTU			1	/* get: u32, largest message that goes in one frame
					 * to the connected session right now
					 */
#define STT_SEGMENT		2	/* int: what is sent is many messages of this
					 * size, of which the last may be shorter; 0: off
					 */
#define STT_GRO			3	/* int: 1: recvmsg() may return many messages, as
					 * STT_CMSG_SEGMENT says
					 */

/* Messages that one sendmsg() may carry with STT_SEGMENT. */
#define STT_SEGMENTS_MAX	64

#define STT_REUSEPORT		16	/* set: int, share a binding with sockets of the same
					 * user; getsockopt(SO_REUSEPORT) tells
					 */

/*
 * Control messages of a handshake socket, level SOL_STT: a struct sockaddr_in
 * or sockaddr_in6 (scope id set for link-local addresses) each. The address a
 * datagram came from, and the address and port it was sent to. What came sealed
 * has neither: its address names the session.
 */
#define STT_CMSG_PEER_ADDR	1
#define STT_CMSG_LOCAL_ADDR	2

/*
 * Control messages of a data socket, level SOL_STT. SEGMENT, an int, is to send
 * what the socket option STT_SEGMENT is, for this call alone. From recvmsg(), with
 * STT_GRO on: the data is many messages of this size, the last maybe shorter.
 */
#define STT_CMSG_SEGMENT	3
#define STT_CMSG_FANOUT		4	/* struct stt_fanout */

/* Sessions that one struct stt_fanout may list. */
#define STT_FANOUT_MAX		16384

/**
 * struct stt_fanout - one message to many sessions in one sendmsg()
 * @sessions: pointer to @count session ids, u64 each; with STT_SESSION_ALL as
 *	destination 0
 * @results: pointer to @count results to fill in, s32 each: 0 or a negative
 *	errno, -EALREADY where an id was listed before; or 0
 * @sent: pointer to a u32, how many sessions it was sent to; or 0
 * @count: of both lists; with STT_SESSION_ALL 0
 * @__reserved: must be zero
 *
 * sendmsg() returns the length of the message if it was sent to any session, or
 * if there was none to send it to; else the error of the first of them.
 */
struct stt_fanout {
	__aligned_u64	sessions;
	__aligned_u64	results;
	__aligned_u64	sent;
	__u32		count;
	__u32		__reserved;
};

/* ------------------------------------------------------------------------ */
/* Generic netlink                                                          */

#define STT_GENL_NAME		"stt"
#define STT_GENL_VERSION	1
#define STT_GENL_MCGRP_EVENTS	"events"

enum stt_cmd {
	STT_CMD_UNSPEC,
	STT_CMD_INFO_GET,		/* -> enum stt_attr_info */
	STT_CMD_NODE_NEW,		/* enum stt_attr_node */
	STT_CMD_NODE_GET,
	STT_CMD_NODE_DEL,
	STT_CMD_SESSION_NEW,		/* enum stt_attr_session */
	STT_CMD_SESSION_GET,
	STT_CMD_SESSION_SET,
	STT_CMD_SESSION_DEL,
	STT_CMD_KEY_NEW,
	STT_CMD_KEY_DEL,
	STT_CMD_SOCKET_GET,		/* enum stt_attr_socket, dump only */
	/* Events, group "events". */
	STT_CMD_NODE_NEW_NTF,
	STT_CMD_NODE_DEL_NTF,
	STT_CMD_SESSION_NEW_NTF,	/* created, maybe still pending */
	STT_CMD_SESSION_STATE_NTF,	/* became active, closed or dead */
	STT_CMD_SESSION_MOVED_NTF,	/* the peer has a new address */
	STT_CMD_SESSION_DEL_NTF,
	STT_CMD_NODE_SET,		/* enum stt_attr_node */
	STT_CMD_SESSION_REKEY,		/* request: ask for new keys now */
	STT_CMD_SESSION_REKEY_NTF,	/* event: new keys are wanted */
	__STT_CMD_MAX,
};

#define STT_CMD_MAX (__STT_CMD_MAX - 1)

/* Cipher suites, as agreed in the handshake; fixed for a key. */
enum stt_suite {
	STT_SUITE_CHACHA20POLY1305	= 0x01,
	STT_SUITE_AES256GCM		= 0x02,	/* if the kernel has gcm(aes), see INFO */
};

#define STT_KEY_LEN		32

enum stt_direction {
	STT_DIRECTION_TX		= 1,
	STT_DIRECTION_RX		= 2,
};

/**
 * enum stt_session_state - life of a session
 * @STT_SESSION_STATE_PENDING: created, the peer has proved nothing yet: it
 *	receives, but cannot be sent on. The first authentic frame, or
 *	STT_CMD_SESSION_SET, makes it active.
 * @STT_SESSION_STATE_ACTIVE: sends and receives
 * @STT_SESSION_STATE_CLOSED: the peer said goodbye
 * @STT_SESSION_STATE_DEAD: the peer has missed its heartbeats
 */
enum stt_session_state {
	STT_SESSION_STATE_PENDING	= 1,
	STT_SESSION_STATE_ACTIVE	= 2,
	STT_SESSION_STATE_CLOSED	= 3,
	STT_SESSION_STATE_DEAD		= 4,
};

/* Why a session ended, carried in the close frame. 0x80-0xff: the program's. */
enum stt_close_reason {
	STT_CLOSE_NONE			= 0,	/* none given */
	STT_CLOSE_SHUTDOWN		= 1,	/* the node is stopped */
	STT_CLOSE_NODE_GONE		= 2,	/* its UDP socket was closed */
	STT_CLOSE_REPLACED		= 3,	/* a newer session took over */
	STT_CLOSE_REVOKED		= 4,	/* the peer is not welcome any more */
	STT_CLOSE_USER_MIN		= 0x80,
};

/* Why a session wants new keys. */
enum stt_rekey_reason {
	STT_REKEY_NONE			= 0,	/* it does not */
	STT_REKEY_AGE			= 1,	/* the send key is old */
	STT_REKEY_VOLUME		= 2,	/* it has sealed many frames */
	STT_REKEY_DEMAND		= 3,	/* STT_CMD_SESSION_REKEY */
};

enum stt_attr_info {
	STT_A_INFO_UNSPEC,
	STT_A_INFO_FAMILY,		/* u32: number of the socket family */
	STT_A_INFO_MODULE_VERSION,	/* string */
	STT_A_INFO_WIRE_VERSION,	/* u32 */
	STT_A_INFO_SUITES,		/* u32: bit N set: suite N is there */
	STT_A_INFO_MESSAGE_MAX,		/* u32: bytes */
	STT_A_INFO_OVERHEAD,		/* u32: bytes a frame adds to its payload */
	STT_A_INFO_REPLAY_WINDOW,	/* u32: frames */
	STT_A_INFO_HEARTBEAT_MS,	/* u32: default interval */
	STT_A_INFO_NODES_MAX,		/* u32: nodes allowed in this netns */
	STT_A_INFO_SESSIONS_MAX,	/* u32: sessions allowed in this netns */
	STT_A_INFO_NODES,		/* u32: nodes in this netns */
	STT_A_INFO_SESSIONS,		/* u32: sessions in this netns */
	STT_A_INFO_STATS,		/* nest of enum stt_attr_stats: of this netns */
	STT_A_INFO_GCM_KEYS_MAX,	/* u32: AES-256-GCM keys allowed in this netns */
	STT_A_INFO_GCM_KEYS,		/* u32: AES-256-GCM keys in this netns */
	__STT_A_INFO_MAX,
};

#define STT_A_INFO_MAX (__STT_A_INFO_MAX - 1)

enum stt_attr_node {
	STT_A_NODE_UNSPEC,
	STT_A_NODE_PAD,
	STT_A_NODE_ID,			/* u32 */
	STT_A_NODE_SOCKET_FD,		/* u32: a bound UDP socket of the caller (new) */
	STT_A_NODE_UID,			/* u32: owner */
	STT_A_NODE_LOCAL_IPV4,		/* 4 bytes, network order */
	STT_A_NODE_LOCAL_IPV6,		/* 16 bytes */
	STT_A_NODE_LOCAL_PORT,		/* u16, network order */
	STT_A_NODE_HEARTBEAT_MS,	/* u32: default of its sessions, 0 = off */
	STT_A_NODE_SESSIONS,		/* u32: how many it has */
	STT_A_NODE_STATS,		/* nest of enum stt_attr_stats */
	STT_A_NODE_CLOSE_REASON,	/* u8: told to the peers (del) */
	STT_A_NODE_INODE,		/* u64: of the UDP socket, as in /proc/PID/fd */
	STT_A_NODE_GID,			/* u32: group that may use it; STT_GID_NONE */
	STT_A_NODE_REKEY_AGE_MS,	/* u32: default of its sessions, 0 = off */
	STT_A_NODE_REKEY_VOLUME,	/* u32: frames, the same; 0 = as the suite needs */
	__STT_A_NODE_MAX,
};

#define STT_A_NODE_MAX (__STT_A_NODE_MAX - 1)

/* Takes a node back from the group it was opened to. Never the id of a group. */
#define STT_GID_NONE		(~0U)

enum stt_attr_session {
	STT_A_SESSION_UNSPEC,
	STT_A_SESSION_PAD,
	STT_A_SESSION_NODE,		/* u32 */
	STT_A_SESSION_ID,		/* u64 */
	STT_A_SESSION_STATE,		/* u32: enum stt_session_state */
	STT_A_SESSION_PEER_IPV4,	/* 4 bytes, network order */
	STT_A_SESSION_PEER_IPV6,	/* 16 bytes */
	STT_A_SESSION_PEER_PORT,	/* u16, network order */
	STT_A_SESSION_PEER_SCOPE,	/* u32: interface of a link-local address */
	STT_A_SESSION_LOCAL_IPV4,	/* 4 bytes: source address to use */
	STT_A_SESSION_LOCAL_IPV6,	/* 16 bytes */
	STT_A_SESSION_PEER_ID,		/* 32 bytes: node id of the peer, a label */
	STT_A_SESSION_HEARTBEAT_MS,	/* u32: 0 = off */
	STT_A_SESSION_KEY,		/* nest of enum stt_attr_key, repeated */
	STT_A_SESSION_TX_EPOCH,		/* u8: that sends, or did last (get); shall send (set) */
	STT_A_SESSION_RX_EPOCH,		/* u8: newest epoch the peer has used (get) */
	STT_A_SESSION_MTU,		/* u32: largest message in one frame (get) */
	STT_A_SESSION_IDLE_RX_MS,	/* u64: since the last authentic frame (get) */
	STT_A_SESSION_IDLE_TX_MS,	/* u64: since the last frame sent (get) */
	STT_A_SESSION_CLOSE_REASON,	/* u8: to tell the peer (del), told by it (get) */
	STT_A_SESSION_STATS,		/* nest of enum stt_attr_stats */
	STT_A_SESSION_REKEY_AGE_MS,	/* u32: age at which new keys are wanted, 0 = off */
	STT_A_SESSION_REKEY_VOLUME,	/* u32: frames, the same; 0 = as the suite needs */
	STT_A_SESSION_REKEY_REASON,	/* u32: enum stt_rekey_reason (get, events) */
	STT_A_SESSION_KEY_AGE_MS,	/* u64: since the send key began to send (get) */
	STT_A_SESSION_RTT_US,		/* u32: last round trip of a heartbeat (get) */
	STT_A_SESSION_SRTT_US,		/* u32: smoothed as in RFC 6298 (get) */
	__STT_A_SESSION_MAX,
};

#define STT_A_SESSION_MAX (__STT_A_SESSION_MAX - 1)

#define STT_PEER_ID_LEN		32

enum stt_attr_key {
	STT_A_KEY_UNSPEC,
	STT_A_KEY_PAD,
	STT_A_KEY_EPOCH,		/* u8: 0 to 7 */
	STT_A_KEY_DIRECTION,		/* u8: enum stt_direction */
	STT_A_KEY_SUITE,		/* u8: enum stt_suite */
	STT_A_KEY_SECRET,		/* STT_KEY_LEN bytes; goes in, never comes out */
	STT_A_KEY_COUNTER,		/* u64: next to send, or highest received (get) */
	STT_A_KEY_WAITING,		/* flag: in the place of one that waits, if there is
					 * one (new); only one that waits (del)
					 */
	__STT_A_KEY_MAX,
};

#define STT_A_KEY_MAX (__STT_A_KEY_MAX - 1)

enum stt_attr_socket {
	STT_A_SOCKET_UNSPEC,
	STT_A_SOCKET_PAD,
	STT_A_SOCKET_INODE,		/* u64: as in /proc/PID/fd */
	STT_A_SOCKET_UID,		/* u32: who made it */
	STT_A_SOCKET_NODE,		/* u32 */
	STT_A_SOCKET_TYPE,		/* u8: STT_MSG_ANY or STT_MSG_HANDSHAKE */
	STT_A_SOCKET_SESSION,		/* u64: bound to; STT_SESSION_ANY */
	STT_A_SOCKET_STREAM,		/* u32: bound to; absent: any */
	STT_A_SOCKET_PEER_SESSION,	/* u64: connected to; absent: not connected */
	STT_A_SOCKET_PEER_STREAM,	/* u32 */
	STT_A_SOCKET_RX_QUEUE,		/* u32: bytes waiting, as SO_RCVBUF counts */
	STT_A_SOCKET_TX_QUEUE,		/* u32: bytes on the way, as SO_SNDBUF counts */
	STT_A_SOCKET_DROPS,		/* u32: that found it full, or a filter refused */
	STT_A_SOCKET_SHARERS,		/* u32: sockets that share its binding, itself among
					 * them; absent: not bound with STT_REUSEPORT
					 */
	__STT_A_SOCKET_MAX,
};

#define STT_A_SOCKET_MAX (__STT_A_SOCKET_MAX - 1)

/*
 * Counters, all u64. Sessions count what can be put to a session's account,
 * nodes count everything, and a network namespace sums up its nodes, those that
 * are no more as well; Documentation/uapi.md says what each one means.
 */
enum stt_attr_stats {
	STT_A_STATS_UNSPEC,
	STT_A_STATS_PAD,
	STT_A_STATS_RX_FRAMES,
	STT_A_STATS_RX_BYTES,
	STT_A_STATS_TX_FRAMES,
	STT_A_STATS_TX_BYTES,
	STT_A_STATS_TX_ERRORS,
	STT_A_STATS_RX_HANDSHAKE,
	STT_A_STATS_DROP_MALFORMED,
	STT_A_STATS_DROP_NO_SESSION,
	STT_A_STATS_DROP_NO_EPOCH,
	STT_A_STATS_DROP_REPLAYED,
	STT_A_STATS_DROP_BAD_TAG,
	STT_A_STATS_DROP_BAD_INNER,
	STT_A_STATS_DROP_ENDED,
	STT_A_STATS_DROP_NO_READER,
	STT_A_STATS_DROP_RCVBUF,
	STT_A_STATS_DROP_FILTER,
	STT_A_STATS_DROP_NO_MEMORY,
	STT_A_STATS_DROP_HANDSHAKE,
	STT_A_STATS_DROP_HS_MALFORMED,
	STT_A_STATS_DROP_HS_RATE,
	STT_A_STATS_DROP_FRAGMENT,
	__STT_A_STATS_MAX,
};

#define STT_A_STATS_MAX (__STT_A_STATS_MAX - 1)

#endif /* _UAPI_LINUX_STT_H */
