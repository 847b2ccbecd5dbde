/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libstt-user: the node.
 *
 * A node is one UDP socket that the kernel module has taken over, with the
 * seeds that let peers in. It shakes hands, the kernel carries the data. The
 * order of use:
 *
 *	stt_node_config_init, stt_node_create, stt_node_start,
 *	stt_node_connect / stt_node_send / stt_node_recv ...,
 *	stt_node_stop, stt_node_free
 *
 * Errors: functions return a negative errno unless they say otherwise, and
 * stt_errmsg() (<stt/control.h>) has the sentence that goes with it.
 * Documentation/library.md has the table of errors.
 *
 * Threads: every function but stt_node_free() and stt_connect_free() may be
 * called from any thread at any time. The node's work (answering handshakes,
 * timers, events) is done inside the calls that block, by
 * stt_node_process(), or by a thread of the library (STT_START_THREAD). A
 * program that does none of these for a while does not answer its peers for
 * that while; data on existing sessions flows all the same.
 */
#ifndef STT_STT_H
#define STT_STT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <stt/control.h>
#include <stt/export.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stt_node;
struct stt_connect;

#define STT_NODE_ID_LEN		32

/**
 * struct stt_node_config - what a node is made of
 * @size: sizeof(struct stt_node_config), set by stt_node_config_init()
 * @node_seed: secret of this node, 16 bytes or more; under 32 is warned about
 * @node_seed_len: its length in bytes
 * @shared_seed: secret that all peers share; same rules
 * @shared_seed_len: its length in bytes
 * @host: address or name to bind to; NULL: "0.0.0.0". "::" serves IPv4 too.
 * @port: UDP port; 0: a free one
 * @connect_timeout_ms: deadline of connects that name none, up to a day; 0: 10,000
 * @max_clock_lag_s: how far, in seconds, a peer's clock may be behind ours or
 *	ahead of it for us to let it in; 0: 300
 * @has_heartbeat: use @heartbeat_ms instead of the module's default
 * @heartbeat_ms: interval of heartbeats on idle sessions, 100 to 86,400,000; 0: none
 * @has_rekey_age: use @rekey_age_ms instead of the module's default, an hour
 * @rekey_age_ms: age of keys at which new ones are agreed on, 1,000 to
 *	604,800,000; 0: never
 * @rekey_volume: frames of a key for the same; 0: what the suite needs
 * @log: told about warnings, with a priority of syslog(3); may be NULL. It may
 *	be called from any thread that uses the node, and must not call the
 *	node's functions.
 * @log_arg: given to @log
 * @suites: cipher suites to offer and to take, bit N for suite N of enum
 *	stt_suite; 0: ChaCha20-Poly1305, and AES-256-GCM if this CPU has
 *	instructions for it. What the kernel does not have is left out.
 * @preferred_suite: the one we choose if we are asked and the peer has it too;
 *	0: AES-256-GCM if this CPU has instructions for it
 *
 * Everything is copied; seeds are not kept, only keys made from them.
 */
struct stt_node_config {
	size_t		size;
	const void	*node_seed;
	size_t		node_seed_len;
	const void	*shared_seed;
	size_t		shared_seed_len;
	const char	*host;
	uint16_t	port;
	uint32_t	connect_timeout_ms;
	uint32_t	max_clock_lag_s;
	bool		has_heartbeat;
	uint32_t	heartbeat_ms;
	void		(*log)(void *arg, int priority, const char *message);
	void		*log_arg;
	uint32_t	suites;
	uint8_t		preferred_suite;
	bool		has_rekey_age;
	uint32_t	rekey_age_ms;
	uint32_t	rekey_volume;
};

/* Set all defaults. Call it first, then fill in the seeds. */
static inline void stt_node_config_init(struct stt_node_config *config)
{
	memset(config, 0, sizeof(*config));
	config->size = sizeof(*config);
}

/**
 * stt_node_create() - make a node, without touching the network or the kernel
 * @config: see there
 * @node: the node; free it with stt_node_free()
 *
 * A seed under 32 bytes is stretched here, which takes 64 MiB of memory and
 * some tenths of a second.
 * Return: 0; -EINVAL: a seed is missing or under 16 bytes, a cipher suite does
 * not exist, or @config is not initialised; -E2BIG: @config has a field that this library does not know;
 * -ENOMEM.
 */
STT_API int stt_node_create(const struct stt_node_config *config, struct stt_node **node);

/* Stop the node and free it. No other thread may be using it. NULL is allowed. */
STT_API void stt_node_free(struct stt_node *node);

#define STT_START_SERVER	0x01	/* accept connections from peers */
#define STT_START_THREAD	0x02	/* a thread of the library does the node's work */

/**
 * stt_node_start() - bind the UDP socket and begin
 * @node: the node
 * @flags: STT_START_*
 * @bound: the address and port really bound; may be NULL
 *
 * Starting a node that runs changes nothing and gives its address. A stopped
 * node can be started again; it gets a fresh node id each time.
 * Return: 0; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES as of bind(2); -ENXIO: no
 * such host name; -EOPNOTSUPP: the kernel has none of the cipher suites;
 * -ENOENT or -EPROTONOSUPPORT: the module is not there; or
 * another error. After an error nothing is left behind.
 */
STT_API int stt_node_start(struct stt_node *node, unsigned int flags, union stt_addr *bound);

/**
 * stt_node_stop() - end the node
 *
 * Stops accepting, ends pending connects with -ESHUTDOWN, tells the peers,
 * closes the sockets, ends the thread. Whoever is blocked in a call on the
 * node returns with -ESHUTDOWN first. Takes seconds at most. Stopping a node
 * that does not run does nothing.
 * Return: 0.
 */
STT_API int stt_node_stop(struct stt_node *node);

/* Accept or refuse new peers from now on; existing sessions live on. -ESHUTDOWN: not running. */
STT_API int stt_node_enable_accept(struct stt_node *node);
STT_API int stt_node_disable_accept(struct stt_node *node);

/* The id of this run. -ESHUTDOWN: never started. */
STT_API int stt_node_id(struct stt_node *node, uint8_t id[STT_NODE_ID_LEN]);

/*
 * The number that the kernel gave the node, for struct sockaddr_stt: a program
 * may open AF_STT sockets of its own on it. 0: not running.
 */
STT_API uint32_t stt_node_number(struct stt_node *node);

/* ---- sessions ----------------------------------------------------------- */

/**
 * struct stt_session - one session, as it was when asked
 * @id: its id, the same at both ends; people write it as 16 hex digits
 * @state: enum stt_session_state
 * @peer_node_id: id of the peer's node, as the peer states it
 * @peer: the peer's UDP address
 * @mtu: longest message that goes in one frame, in bytes
 * @idle_rx_ms: milliseconds since the last authentic frame; since the session was
 *	made if there was none
 * @idle_tx_ms: milliseconds since the last frame sent, likewise
 * @rtt_us: last round trip of a heartbeat, in microseconds; 0: not known yet
 * @srtt_us: the same, smoothed
 * @epoch: of the keys that send, counted modulo 8
 *
 * A session that the peer has closed, or that is dead, stays visible for a
 * minute so that a failing send can say why; then it is removed.
 */
struct stt_session {
	uint64_t	id;
	uint32_t	state;
	uint8_t		peer_node_id[STT_NODE_ID_LEN];
	union stt_addr	peer;
	uint32_t	mtu;
	uint64_t	idle_rx_ms, idle_tx_ms;
	uint32_t	rtt_us, srtt_us;
	uint8_t		epoch;
};

/**
 * stt_node_connect() - shake hands with a peer and wait for it
 * @node: the node
 * @host: address or name; all addresses of a name are tried
 * @port: UDP port of the peer
 * @timeout_ms: deadline, with name lookup; 0: the node's default
 * @session: the new session; may be NULL
 *
 * Return: 0; -ETIMEDOUT: no answer; -ECONNREFUSED, -EHOSTUNREACH,
 * -ENETUNREACH: the network said so; -ENXIO: no such name; -EAFNOSUPPORT: no
 * address of the node's family; -ELOOP: our own HELLO came back;
 * -ESHUTDOWN: the node stopped or does not run.
 */
STT_API int stt_node_connect(struct stt_node *node, const char *host, uint16_t port,
			     unsigned int timeout_ms, struct stt_session *session);

/**
 * stt_connect_start() - the same without waiting
 * @connect: the attempt; free it with stt_connect_free() before the node
 *
 * Return: 0 or an error that is known at once.
 */
STT_API int stt_connect_start(struct stt_node *node, const char *host, uint16_t port,
			      unsigned int timeout_ms, struct stt_connect **connect);

/**
 * struct stt_connect_options - all that can be said about a connect
 * @size: sizeof(struct stt_connect_options), set by stt_connect_options_init()
 * @host: address or name; all addresses of a name are tried
 * @port: UDP port of the peer
 * @timeout_ms: deadline, with name lookup; 0: the node's default
 * @peer_node_id: STT_NODE_ID_LEN bytes, the node that is wanted; NULL: any.
 *	Another holder of the seed that answers is passed over, whoever diverted
 *	the datagrams to it. That rests on the honesty of the holders, as any
 *	can claim any id, and an id is good for one run of the peer.
 */
struct stt_connect_options {
	size_t		size;
	const char	*host;
	uint16_t	port;
	unsigned int	timeout_ms;
	const uint8_t	*peer_node_id;
};

static inline void stt_connect_options_init(struct stt_connect_options *options)
{
	memset(options, 0, sizeof(*options));
	options->size = sizeof(*options);
}

/*
 * stt_connect_start() with options, which are copied. Return: as that one, and
 * -EINVAL: @options is not initialised; -E2BIG: it has a field that this
 * library does not know.
 */
STT_API int stt_connect_start_with(struct stt_node *node,
				   const struct stt_connect_options *options,
				   struct stt_connect **connect);

/* Wait for the result, doing the node's work meanwhile. As stt_node_connect(), or -EINTR. */
STT_API int stt_connect_wait(struct stt_connect *connect, struct stt_session *session);

/* -EINPROGRESS while it lasts; then what stt_node_connect() would have returned. */
STT_API int stt_connect_result(struct stt_connect *connect, struct stt_session *session);

/*
 * A descriptor that polls readable when the result is there; owned by
 * @connect. Somebody still has to do the node's work meanwhile.
 */
STT_API int stt_connect_fd(struct stt_connect *connect);

/* Free an attempt; one that is under way is given up. NULL is allowed. */
STT_API void stt_connect_free(struct stt_connect *connect);

/* One session by its id. -ENOENT: there is none. */
STT_API int stt_node_session(struct stt_node *node, uint64_t id, struct stt_session *session);

/*
 * All sessions, as they were at the time of the call. @cb may call any
 * function of the node; a non-zero return ends the walk and is returned.
 */
STT_API int stt_node_sessions(struct stt_node *node,
			      int (*cb)(const struct stt_session *session, void *arg), void *arg);

/* Close a session and tell the peer why. -ENOENT: there is none. */
STT_API int stt_node_close_session(struct stt_node *node, uint64_t id, uint8_t close_reason);

/*
 * Agree on new keys with the peer of an active session, now; by itself that
 * happens at the age and the volume of the configuration. It returns before it
 * has happened, no message is lost by it, and if the peer does not answer it is
 * tried again. -ENOENT: no such session; -EINVAL: it is not active.
 */
STT_API int stt_node_rekey(struct stt_node *node, uint64_t id);

/* ---- data --------------------------------------------------------------- */

#define STT_SEND_DONTWAIT	0x01	/* -EAGAIN instead of waiting for local room */

/**
 * stt_node_send() - send a message on one session
 * @type: STT_MSG_DATA (0 is the same), or 0x80 to 0xff
 * @flags: STT_SEND_*
 *
 * Return: 0: sent (which is no proof of arrival); -ENOENT: no such session;
 * -EMSGSIZE: too big; others as Documentation/uapi.md says for sendmsg;
 * -EINTR: a signal handler ran while it waited for room; -ESHUTDOWN: the node stopped or does not run.
 */
STT_API int stt_node_send(struct stt_node *node, uint64_t session, uint32_t stream,
			  uint8_t type, const void *data, size_t len, unsigned int flags);

/**
 * stt_node_send_to_all() - send a message to every active session
 *
 * A session that fails does not stop the others.
 * Return: on how many sessions it was sent, 0 if there are none; or a negative
 * errno that concerns all of them, when none was sent to. A signal or the end of
 * the node may come while it waits for room, with some sent to: then those count.
 */
STT_API int stt_node_send_to_all(struct stt_node *node, uint32_t stream, const void *data,
				 size_t len);

/**
 * stt_node_send_to_sessions() - send a message to some sessions
 * @ids: the sessions; one that is named twice gets it once
 * @n: how many ids there are
 * @results: room for @n results, 0 or a negative errno each; may be NULL
 *
 * Return: on how many sessions it was sent; or a negative errno that concerns
 * all of them, and then none was sent to and @results is not written. What came
 * between (-EINTR, -ESHUTDOWN) with some sent to is the result of the others.
 */
STT_API int stt_node_send_to_sessions(struct stt_node *node, const uint64_t *ids, size_t n,
				      uint32_t stream, const void *data, size_t len,
				      int *results);

/**
 * struct stt_packet - where a message came from
 * @session: session it came on
 * @stream: stream
 * @type: STT_MSG_DATA or the sender's own, 0x80 to 0xff
 * @truncated: the message was longer than the buffer; the rest is gone
 * @len: length of the whole message, in bytes
 */
struct stt_packet {
	uint64_t	session;
	uint32_t	stream;
	uint8_t		type;
	bool		truncated;
	size_t		len;
};

/**
 * stt_node_recv() - receive a message from any session
 * @packet: about the message
 * @buf: where the message goes
 * @size: room in @buf, in bytes; STT_MESSAGE_MAX is always enough
 * @timeout_ms: how long to wait; -1: for ever; 0: not at all
 *
 * Several threads may wait; each message goes to one of them.
 * Return: bytes put in @buf; -EAGAIN: no message in that time; -ESHUTDOWN:
 * the node stopped or does not run.
 */
STT_API ssize_t stt_node_recv(struct stt_node *node, struct stt_packet *packet, void *buf,
			      size_t size, int timeout_ms);

/* ---- event loops -------------------------------------------------------- */

/*
 * A descriptor, valid as long as the node exists, that polls readable
 * (level-triggered) when there is work for stt_node_process() or a message for
 * stt_node_recv(), or when the node has stopped.
 */
STT_API int stt_node_fd(struct stt_node *node);

/* Do what is to be done now; never blocks. 0, or -ESHUTDOWN. */
STT_API int stt_node_process(struct stt_node *node);

/* ---- statistics --------------------------------------------------------- */

/**
 * struct stt_node_stats - counters since the last start
 * @node_id: id of this run, zero before the first
 * @running: between start and stop
 * @server_mode: started with STT_START_SERVER
 * @accepting_connections: new peers are accepted now
 * @udp_transport: what went over UDP, with all headers but IP's and UDP's
 * @sessions: in the kernel now; pending and ended ones are in total only
 * @websocket_connections: open ones
 * @handshakes: in_progress now; the others count. connected, accepted: sessions
 *	that we, or others, asked for; failed: what we asked for in vain. Dropped
 *	datagrams by reason: malformed: of no kind or length that there is; own: our
 *	HELLO came back; unsupported: no suite that both have.
 *	bad_mac: not made with our seed, or damaged. bad_seal: damaged behind a
 *	good MAC, or a rekey by who is not the peer. replayed: seen before, or
 *	its clock is too far off. refused: HELLO while not accepting, or a rekey
 *	that is not its sender's turn. full: too many pending, or too many answers to one
 *	HELLO. unknown: of no pending handshake, not from whom we asked for, or of a
 *	rekey and not inside its session.
 * @kernel: the node's counters in the kernel
 * @rekeys: new keys of sessions agreed on
 *
 * After a stop the counters keep their last values.
 */
struct stt_node_stats {
	uint8_t		node_id[STT_NODE_ID_LEN];
	bool		running;
	bool		server_mode;
	bool		accepting_connections;
	struct {
		uint64_t	bytes_sent, bytes_received;
		uint64_t	packets_sent, packets_received;
		uint64_t	errors_send;
	} udp_transport;
	struct {
		uint64_t	total, active;
	} sessions;
	uint64_t	websocket_connections;
	struct {
		uint64_t	in_progress;
		uint64_t	connected, accepted, failed;
		uint64_t	malformed, refused, bad_mac, bad_seal, replayed;
		uint64_t	own, unsupported, full, unknown;
	} handshakes;
	struct stt_stats kernel;
	uint64_t	rekeys;
};

/*
 * @size: sizeof(struct stt_node_stats) as the program was compiled; that much
 * is written, so the struct can grow at its end. 0, or a negative errno.
 */
STT_API int stt_node_stats(struct stt_node *node, struct stt_node_stats *stats, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* STT_STT_H */
