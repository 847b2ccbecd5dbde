/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel node in a network namespace, and AF_STT sockets of it. The
 * namespaces a and b, joined by a veth pair, are those of lib/pair.sh, which
 * gives their names and addresses in the environment.
 */
#ifndef SELFTESTS_SIDE_H
#define SELFTESTS_SIDE_H

#include <stt/control.h>

#include "slow.h"
#include "suite.h"

/* How the two ends of a test reach each other. */
enum path {
	PATH_V4,
	PATH_V6,
	PATH_MIXED,		/* end 0 has a dual-stack socket, end 1 IPv4 */
	PATH_LO4,
	PATH_LO6,
	PATHS,
};

struct side {
	enum path path;
	int end;		/* 0: in namespace a; 1: in b, or also in a on loopback */
	struct stt_ctl *ctl;
	int udp;
	uint32_t node;
	union stt_addr addr;	/* where the other end reaches it */
};

#define TIMEOUT_MS ((int)(5000 * slow()))

/* Enter the namespace of an end. */
bool enter(enum path path, int end);
/* The value of an environment variable; ends the program without it. */
const char *env(const char *name);

/* An address of a text and a port. */
union stt_addr addr_of(const char *text, uint16_t port);
socklen_t addr_len(const union stt_addr *addr);
bool addr_equal(const union stt_addr *a, const union stt_addr *b);

/* A UDP socket bound to the address of an end; @addr: where others reach it. */
int udp_open(enum path path, int end, union stt_addr *addr);
/* The same with an address of one's own choice. */
int udp_open_at(enum path path, int end, const char *text, union stt_addr *addr);
/* sendmsg() of datagrams of @step bytes each, which travel as one batch. */
ssize_t udp_send_batch(int fd, const union stt_addr *to, const void *bytes, size_t len,
		       uint16_t step, int flags);

/* A node. @heartbeat_ms: 0 = off. */
bool side_open_heartbeat(struct side *s, enum path path, int end, uint32_t heartbeat_ms);
bool side_open(struct side *s, enum path path, int end);
/* A control channel, which is closed behind the test. */
bool ctl_open(struct stt_ctl **ctl, enum path path, int end);

/*
 * The suite of all keys made here: SUITE in the environment, by the name that
 * the library has for it, or ChaCha20-Poly1305. Tests may change it.
 */
extern uint8_t key_suite;
/* How often an epoch has come round: another round, other secrets. */
extern unsigned int key_round[8];
/* The key that the frames of end @from are sealed with. */
void key_of(uint8_t secret[STT_KEY_LEN], uint64_t id, int from, uint8_t epoch);
struct stt_key key_spec(uint64_t id, int end, uint8_t direction, uint8_t epoch);
/* A session with the keys of epoch 0, as netlink wants it. */
struct stt_session_info session_spec(const struct side *s, uint64_t id,
				     const union stt_addr *peer);
/* Create it. Returns 0 or a negative errno. */
int side_session(struct side *s, uint64_t id, const union stt_addr *peer);
/* Install the key of an epoch in one direction. */
int side_key(struct side *s, uint64_t id, uint8_t direction, uint8_t epoch);

struct stt_session_info side_get(const struct side *s, uint64_t id);
uint64_t session_stat(const struct side *s, uint64_t id, unsigned int stat);
uint64_t node_stat(const struct side *s, unsigned int stat);
/* Dumps whose content nobody looks at. @node: 0 for all. */
int dump_nodes(struct stt_ctl *ctl);
int dump_sessions(struct stt_ctl *ctl, uint32_t node);
int dump_sockets(struct stt_ctl *ctl);

/* AF_STT sockets. They give up reading after TIMEOUT_MS. */
struct sockaddr_stt stt_at(const struct side *s, uint64_t session, uint32_t stream);
struct sockaddr_stt stt_any(const struct side *s, uint64_t session);
int stt_socket(enum path path, int end);
int stt_bind_at(int fd, const struct sockaddr_stt *addr);
int stt_connect_at(int fd, const struct sockaddr_stt *addr);
ssize_t stt_send_at(int fd, const void *data, size_t len, const struct sockaddr_stt *addr);
/* To many; @list: NULL for none. */
ssize_t stt_send_fanout(int fd, const struct sockaddr_stt *addr, const void *data, size_t len,
			const struct stt_fanout *list);
/* New ones, bound to a session (or any) and all its streams; connected to a stream. */
int stt_bound(const struct side *s, uint64_t session);
/* The handshake socket of its node. */
int stt_bound_handshake(const struct side *s);
/* For handshakes in namespace a, until the test ends. */
bool handshake_limits(long long rate, long long burst);
int stt_connected(const struct side *s, uint64_t session, uint32_t stream);

/* Receive timeout of a socket. */
bool set_timeout(int fd, unsigned int ms);
/* The next message of @fd is exactly this one. */
bool receives(int fd, const void *data, size_t len);
/* Messages that did not come into its queue, as the socket counts them; or -1. */
long socket_drops(int fd);
/* Nothing waits in @fd. */
bool is_empty(int fd);
/* Wait for readability, at most @ms. */
bool readable(int fd, int ms);

/* Events: subscribe, then the next one within TIMEOUT_MS, or none waits. */
bool next_event(struct stt_ctl *ctl, struct stt_event *ev);
/* The next one with this command; others are skipped. */
bool event_of(struct stt_ctl *ctl, int cmd, struct stt_event *ev);
bool no_event(struct stt_ctl *ctl);

/* Two nodes with one session. */
struct sides {
	struct side a, b;
	uint64_t id;
};

bool sides_open(struct sides *l, enum path path, uint64_t id);

#endif /* SELFTESTS_SIDE_H */
