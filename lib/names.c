// SPDX-License-Identifier: LGPL-2.1-or-later
/* Names of numbers, for people and JSON. They are API: scripts match on them. */
#include <stddef.h>

#include <stt/control.h>

#define NAME_OF(table, i) ((i) < sizeof(table) / sizeof(*(table)) ? (table)[i] : NULL)

const char *stt_session_state_name(uint32_t state)
{
	static const char *const names[] = {
		[STT_SESSION_STATE_PENDING]	= "pending",
		[STT_SESSION_STATE_ACTIVE]	= "active",
		[STT_SESSION_STATE_CLOSED]	= "closed",
		[STT_SESSION_STATE_DEAD]	= "dead",
	};

	return NAME_OF(names, state);
}

const char *stt_stat_name(unsigned int attr)
{
	static const char *const names[] = {
		[STT_A_STATS_RX_FRAMES]		= "rx_frames",
		[STT_A_STATS_RX_BYTES]		= "rx_bytes",
		[STT_A_STATS_TX_FRAMES]		= "tx_frames",
		[STT_A_STATS_TX_BYTES]		= "tx_bytes",
		[STT_A_STATS_TX_ERRORS]		= "tx_errors",
		[STT_A_STATS_RX_HANDSHAKE]	= "rx_handshake",
		[STT_A_STATS_DROP_MALFORMED]	= "drop_malformed",
		[STT_A_STATS_DROP_NO_SESSION]	= "drop_no_session",
		[STT_A_STATS_DROP_NO_EPOCH]	= "drop_no_epoch",
		[STT_A_STATS_DROP_REPLAYED]	= "drop_replayed",
		[STT_A_STATS_DROP_BAD_TAG]	= "drop_bad_tag",
		[STT_A_STATS_DROP_BAD_INNER]	= "drop_bad_inner",
		[STT_A_STATS_DROP_ENDED]	= "drop_ended",
		[STT_A_STATS_DROP_NO_READER]	= "drop_no_reader",
		[STT_A_STATS_DROP_RCVBUF]	= "drop_rcvbuf",
		[STT_A_STATS_DROP_FILTER]	= "drop_filter",
		[STT_A_STATS_DROP_NO_MEMORY]	= "drop_no_memory",
		[STT_A_STATS_DROP_HANDSHAKE]	= "drop_handshake",
		[STT_A_STATS_DROP_HS_MALFORMED]	= "drop_hs_malformed",
		[STT_A_STATS_DROP_HS_RATE]	= "drop_hs_rate",
		[STT_A_STATS_DROP_FRAGMENT]	= "drop_fragment",
	};

	_Static_assert(sizeof(names) / sizeof(*names) == STT_A_STATS_MAX + 1,
		       "a counter has no name");
	return NAME_OF(names, attr);
}

const char *stt_suite_name(uint8_t suite)
{
	static const char *const names[] = {
		[STT_SUITE_CHACHA20POLY1305]	= "chacha20poly1305",
		[STT_SUITE_AES256GCM]		= "aes256gcm",
	};

	return NAME_OF(names, suite);
}

const char *stt_rekey_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[STT_REKEY_NONE]		= "none",
		[STT_REKEY_AGE]			= "age",
		[STT_REKEY_VOLUME]		= "volume",
		[STT_REKEY_DEMAND]		= "demand",
	};

	return NAME_OF(names, reason);
}

const char *stt_close_reason_name(uint8_t reason)
{
	static const char *const names[] = {
		[STT_CLOSE_NONE]		= "none",
		[STT_CLOSE_SHUTDOWN]		= "shutdown",
		[STT_CLOSE_NODE_GONE]		= "node_gone",
		[STT_CLOSE_REPLACED]		= "replaced",
		[STT_CLOSE_REVOKED]		= "revoked",
	};

	return NAME_OF(names, reason);
}
