/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments of a command: "keyword value" pairs in any order, and at most one
 * value that may stand without its keyword.
 */
#ifndef STT_IP_ARGS_H
#define STT_IP_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stt/control.h>

struct param {
	const char	*name;
	const char	*wanted;		/* what a value is, for messages */
	bool		(*parse)(const char *arg, void *to);
	void		*to;
	bool		*given;
	unsigned int	flags;
};

#define ARG_BARE	1u	/* may come without its keyword */
#define ARG_REQUIRED	2u

/* Returns STATUS_OK, or STATUS_USAGE after a message. */
int args_parse(int argc, char **argv, const struct param *params, size_t n);

#define ARGS_PARSE(argc, argv, params) \
	args_parse(argc, argv, params, sizeof(params) / sizeof(*(params)))

/* A session id or its beginning, as typed: 1 to 16 hex digits. */
struct session_ref {
	char digits[17];
};

#define WANTED_NODE	"the number of a node, as \"stt-ip node show\" has it"
#define WANTED_SESSION	"a session id of 16 hex digits, or its beginning"
#define WANTED_ID	"a session id of exactly 16 hex digits, not all 0 and not all f"
#define WANTED_ENDPOINT	"ADDR:PORT, as in 192.0.2.1:7777 or [2001:db8::1]:7777"
#define WANTED_ADDR	"an IPv4 or IPv6 address"
#define WANTED_GROUP	"a group by name or number, or \"none\""
#define WANTED_MS	"a number of milliseconds, or \"off\""
#define WANTED_VOLUME	"a number of frames, 0 for what the suite needs"
#define WANTED_EPOCH	"an epoch, 0 to 7"
#define WANTED_REASON	"none, shutdown, node_gone, replaced, revoked, or 128 to 255"

/* Each returns whether @arg is what it shall be. */
bool arg_node(const char *arg, void *to);		/* uint32_t */
bool arg_session_ref(const char *arg, void *to);	/* struct session_ref */
bool arg_session_id(const char *arg, void *to);		/* uint64_t */
bool arg_endpoint(const char *arg, void *to);		/* union stt_addr */
bool arg_addr(const char *arg, void *to);		/* union stt_addr, port 0 */
bool arg_group(const char *arg, void *to);		/* uint32_t */
bool arg_ms(const char *arg, void *to);			/* uint32_t, 0: off */
bool arg_count(const char *arg, void *to);		/* uint32_t */
bool arg_epoch(const char *arg, void *to);		/* uint8_t */
bool arg_reason(const char *arg, void *to);		/* uint8_t */
bool arg_peer_id(const char *arg, void *to);		/* uint8_t[STT_PEER_ID_LEN] */
bool arg_string(const char *arg, void *to);		/* const char * */

/* Decimal digits only, at most @max. */
bool arg_number(const char *arg, uint64_t max, uint64_t *to);

#endif /* STT_IP_ARGS_H */
