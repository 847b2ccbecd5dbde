/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * What travels on the wire, version 1. One UDP datagram is one frame, fields
 * of more than one byte are big-endian, the first byte is the frame type.
 * The kernel module, libstt-user and the tests all take it from here; the
 * text that goes with it is Documentation/protocol.md.
 */
#ifndef _STT_WIRE_H
#define _STT_WIRE_H

#define STT_WIRE_VERSION	1

/* Frame types, the first byte of every datagram. */
#define STT_FRAME_HELLO		0x01	/* handshake, sections 4 and 5 */
#define STT_FRAME_RESPONSE	0x02
#define STT_FRAME_AUTH_PROOF	0x03
#define STT_FRAME_FINAL		0x04
#define STT_FRAME_COOKIE	0x05
#define STT_FRAME_TRANSPORT	0x10

/*
 * Transport frame: clear header, sealed body, tag.
 *
 *	 0  type        u8
 *	 1  epoch       u8
 *	 2  counter     u48
 *	 8  session id  u64
 *	16  sealed: stream id u32, kind u8, frag index u8, frag last u8,
 *	            flags u8, payload
 *	 -  tag         16 bytes
 *
 * The clear header is the associated data. The nonce is four zero bytes and
 * the counter as 64-bit little-endian.
 */
#define STT_OFF_TYPE		0
#define STT_OFF_EPOCH		1
#define STT_OFF_COUNTER		2
#define STT_OFF_SESSION		8
#define STT_HDR_LEN		16
#define STT_INNER_OFF_STREAM	0
#define STT_INNER_OFF_KIND	4
#define STT_INNER_OFF_FRAG	5
#define STT_INNER_OFF_LAST	6
#define STT_INNER_OFF_FLAGS	7
#define STT_INNER_LEN		8
#define STT_TAG_LEN		16
#define STT_OVERHEAD		(STT_HDR_LEN + STT_INNER_LEN + STT_TAG_LEN)

/* A message is never longer, in however many frames it travels. */
#define STT_PAYLOAD_MAX		65536

#define STT_EPOCHS		8	/* epochs count modulo this */
#define STT_COUNTER_BITS	48
/* A key sends no messages from here on, half way to where its counter would end. */
#define STT_COUNTER_LIMIT	(1ULL << 47)
/* AES-256-GCM ends here: AES blocks never repeat, and in time it would show. */
#define STT_COUNTER_LIMIT_GCM	(1ULL << 23)
/* So many more are left for what is no message: a handshake, above all. */
#define STT_COUNTER_CONTROL	(1ULL << 20)

/* Kinds, inside the seal. */
#define STT_KIND_DATA		0x10
#define STT_KIND_HEARTBEAT	0x13
#define STT_KIND_HEARTBEAT_ACK	0x14
#define STT_KIND_HANDSHAKE	0x15	/* payload: a handshake frame, of a rekey */
#define STT_KIND_SESSION_CLOSE	0x30	/* payload: reason u8 */
#define STT_KIND_USER_MIN	0x80

/*
 * Handshake frames. All begin with
 *
 *	 0  type        u8
 *	 1  version     u8
 *	 2  reserved    u16, zero
 *	 4  receiver    u32, handshake id chosen by the receiver; 0 in HELLO
 *	 8  sender      u32, handshake id chosen by the sender
 *
 * and end with mac1, 16 bytes: BLAKE2b keyed from the shared seed over all
 * bytes before it. HELLO has another 16 bytes, mac2, after that: the cookie
 * MAC, zero when there is no cookie.
 */
#define STT_HS_OFF_TYPE		0
#define STT_HS_OFF_VERSION	1
#define STT_HS_OFF_RESERVED	2
#define STT_HS_OFF_RECEIVER	4
#define STT_HS_OFF_SENDER	8
#define STT_HS_HDR_LEN		12
#define STT_HS_MAC_LEN		16
#define STT_HS_FRAME_MAX	1200	/* no handshake frame is longer */

/*
 * Between header and mac1 (Documentation/handshake.md): HELLO and RESPONSE
 * carry a Noise message, 32 bytes of ephemeral key and a sealed payload, the
 * other two a sealed session id. In version 1 all have one length.
 *
 * Payload of HELLO: node id 32, TAI64N timestamp 12, suites u32 (bit N: suite
 * N), session id to rekey u64 (0: a new session), epoch u8 (0 for a new
 * session), 3 reserved bytes. A rekey has, in place of the node id, the proof
 * that its sender holds the session.
 * Payload of RESPONSE: node id 32, suite u8, 3 reserved bytes.
 */
#define STT_HS_EPHEMERAL_LEN		32
#define STT_HS_NODE_ID_LEN		32
#define STT_HS_TIME_LEN			12

#define STT_HS_HELLO_OFF_TIME		STT_HS_NODE_ID_LEN
#define STT_HS_HELLO_OFF_SUITES		(STT_HS_HELLO_OFF_TIME + STT_HS_TIME_LEN)
#define STT_HS_HELLO_OFF_REKEY		(STT_HS_HELLO_OFF_SUITES + 4)
#define STT_HS_HELLO_OFF_EPOCH		(STT_HS_HELLO_OFF_REKEY + 8)
#define STT_HS_HELLO_OFF_RESERVED	(STT_HS_HELLO_OFF_EPOCH + 1)
#define STT_HS_HELLO_PAYLOAD_LEN	(STT_HS_HELLO_OFF_RESERVED + 3)
#define STT_HS_RESPONSE_OFF_SUITE	STT_HS_NODE_ID_LEN
#define STT_HS_RESPONSE_PAYLOAD_LEN	(STT_HS_RESPONSE_OFF_SUITE + 4)
#define STT_HS_PROOF_PAYLOAD_LEN	8

#define STT_HS_HELLO_LEN	(STT_HS_HDR_LEN + STT_HS_EPHEMERAL_LEN + \
				 STT_HS_HELLO_PAYLOAD_LEN + STT_TAG_LEN + \
				 2 * STT_HS_MAC_LEN)
#define STT_HS_RESPONSE_LEN	(STT_HS_HDR_LEN + STT_HS_EPHEMERAL_LEN + \
				 STT_HS_RESPONSE_PAYLOAD_LEN + STT_TAG_LEN + STT_HS_MAC_LEN)
#define STT_HS_PROOF_LEN	(STT_HS_HDR_LEN + STT_HS_PROOF_PAYLOAD_LEN + STT_TAG_LEN + \
				 STT_HS_MAC_LEN)	/* AUTH_PROOF and FINAL */

#endif /* _STT_WIRE_H */
