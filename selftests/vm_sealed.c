// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * A30, A12: handshake frames that travel sealed in a session go to the handshake
 * socket under its name, and what comes from outside cannot keep them out.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/peer.h"
#include "lib/sysctl.h"

#define ID 0x5ea1edULL
#define AT_ONCE 8		/* sealed frames of a session */
#define LIMITED STT_A_STATS_DROP_HS_RATE
#define FULL STT_A_STATS_DROP_HANDSHAKE

struct sealed {
	struct duo d;
	int hs;
};

static uint8_t bytes[FRAME_MAX], got[FRAME_MAX];

static bool sealed_open(struct sealed *t, enum path path)
{
	check(duo_open(&t->d, path, ID));
	t->hs = stt_bound_handshake(&t->d.k);
	check(t->hs >= 0);
	randombytes_buf(bytes, sizeof(bytes));
	return true;
}

/* ------------------------------------------------------------------------ */
/* Receiving                                                                */

/* The peer sends a handshake frame of this type and length in the session. */
static struct frame handshake(struct sealed *t, uint8_t type, size_t len)
{
	struct frame f = peer_next(&t->d.p, bytes, len);

	bytes[0] = type;
	f.kind = STT_KIND_HANDSHAKE;
	return f;
}

static bool says(struct sealed *t, uint8_t type, size_t len)
{
	struct frame f = handshake(t, type, len);

	return peer_send_frame(&t->d.p, &f);
}

static bool says_hello(struct sealed *t)
{
	return says(t, STT_FRAME_HELLO, STT_HS_HELLO_LEN);
}

/* It is the next on the handshake socket, with the session's name and nothing else. */
static bool hears(struct sealed *t, const void *data, size_t len)
{
	char control[256] __attribute__((aligned(8)));
	struct iovec iov = { got, sizeof(got) };
	struct sockaddr_stt name;
	struct msghdr msg = {
		.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	check_is(recvmsg(t->hs, &msg, 0), (ssize_t)len);
	check(!memcmp(got, data, len));
	check_is(msg.msg_controllen, 0);
	check_is(name.sstt_type, STT_MSG_HANDSHAKE);
	check_is(name.sstt_node, t->d.k.node);
	check_is(name.sstt_session, ID);
	check_is(name.sstt_stream, 0);
	return true;
}

static bool comes(int path)
{
	static const size_t len[] = {
		STT_HS_HELLO_LEN, STT_HS_RESPONSE_LEN, STT_HS_PROOF_LEN, STT_HS_PROOF_LEN,
	};
	struct sealed t;

	check(sealed_open(&t, path));
	for (unsigned int i = 0; i < 4; i++) {
		check(says(&t, STT_FRAME_HELLO + i, len[i]));
		check(hears(&t, bytes, len[i]));
	}
	check_is(node_stat(&t.d.k, STT_A_STATS_RX_HANDSHAKE), 4);
	check_is(session_stat(&t.d.k, ID, STT_A_STATS_RX_FRAMES), 4);
	check(duo_quiet(&t.d));
	return true;
}

/* From a new place, to a session that waits for its peer. */
static bool counts_as_heard(int path)
{
	struct stt_session_info s;
	struct sealed t;

	check(sealed_open(&t, path));
	s = session_spec(&t.d.k, ID + 1, &t.d.p.addr);
	s.state = STT_SESSION_STATE_PENDING;
	check_is(stt_ctl_session_new(t.d.k.ctl, &s), 0);
	close(t.d.p.fd);
	check(peer_open(&t.d.p, path, 1));
	t.d.p.to = t.d.k.addr;
	t.d.p.session = ID + 1;
	check(says_hello(&t));
	s = side_get(&t.d.k, ID + 1);
	check_is(s.state, STT_SESSION_STATE_ACTIVE);
	check(addr_equal(&s.peer, &t.d.p.addr));
	check_is(recv(t.hs, got, sizeof(got), 0), STT_HS_HELLO_LEN);
	return true;
}

/* Authentic nonsense is nonsense. */
static bool bad_lengths(int path)
{
	static const size_t inner[] = { 0, 1, 11, 1201 }, outer[] = { 12, 151, 153, 1200 };
	struct sealed t;
	struct frame f;

	check(sealed_open(&t, path));
	for (unsigned int i = 0; i < 4; i++)
		check(says(&t, STT_FRAME_HELLO, inner[i]));
	f = handshake(&t, STT_FRAME_HELLO, STT_HS_HELLO_LEN);
	f.stream = 1;
	check(peer_send_frame(&t.d.p, &f));
	f = handshake(&t, STT_FRAME_HELLO, STT_HS_HELLO_LEN);
	f.last = 1;
	check(peer_send_frame(&t.d.p, &f));
	check_is(session_stat(&t.d.k, ID, STT_A_STATS_DROP_BAD_INNER), 6);
	for (unsigned int i = 0; i < 4; i++)
		check(says(&t, STT_FRAME_HELLO, outer[i]));
	check(says(&t, STT_FRAME_TRANSPORT, STT_HS_HELLO_LEN));
	check_is(node_stat(&t.d.k, STT_A_STATS_DROP_HS_MALFORMED), 5);
	check(is_empty(t.hs));
	check(duo_quiet(&t.d));
	return true;
}

static bool nobody_there(int path)
{
	struct sealed t;

	check(sealed_open(&t, path));
	close(t.hs);
	check(says_hello(&t));
	check_is(node_stat(&t.d.k, FULL), 1);
	return true;
}

/* Between messages of one batch. */
static bool in_a_batch(int path)
{
	const size_t step = STT_HS_PROOF_LEN + FRAME_OVERHEAD;
	static uint8_t batch[5 * (STT_HS_PROOF_LEN + FRAME_OVERHEAD)];
	struct sealed t;

	check(sealed_open(&t, path));
	for (unsigned int i = 0; i < 5; i++) {
		struct frame f = handshake(&t, STT_FRAME_FINAL, STT_HS_PROOF_LEN);

		if (i != 2)
			f.kind = STT_KIND_DATA;
		peer_seal(&t.d.p, batch + i * step, &f);
	}
	check(peer_send_batch(&t.d.p, batch, sizeof(batch), step));
	check(hears(&t, bytes, STT_HS_PROOF_LEN));
	for (unsigned int i = 0; i < 4; i++)
		check(receives(t.d.fd, bytes, STT_HS_PROOF_LEN));
	check(is_empty(t.hs) && is_empty(t.d.fd));
	return true;
}

/* ------------------------------------------------------------------------ */
/* Limits                                                                   */

static bool junk(struct sealed *t, uint8_t type, size_t len, unsigned int n)
{
	uint8_t frame[STT_HS_HELLO_LEN] = { type };

	while (n--)
		check(peer_raw(&t->d.p, frame, len));
	return true;
}

/* What comes from the peer's address uses up nothing of the session's. */
static bool own_bucket(int path)
{
	struct sealed t;

	check(handshake_limits(1, 20));
	check(sealed_open(&t, path));
	check(junk(&t, STT_FRAME_HELLO, STT_HS_HELLO_LEN, 60));
	check(junk(&t, STT_FRAME_FINAL, STT_HS_PROOF_LEN, 60));
	check_is(node_stat(&t.d.k, LIMITED), 80);
	while (recv(t.hs, got, sizeof(got), MSG_DONTWAIT) > 0)
		;
	for (int i = 0; i < AT_ONCE; i++) {
		check(says_hello(&t));
		check(hears(&t, bytes, STT_HS_HELLO_LEN));
	}
	check(says_hello(&t));
	check_is(node_stat(&t.d.k, LIMITED), 81);
	check(is_empty(t.hs));
	return true;
}

/* A rekey takes some, whatever others may; and no session needs many. */
static bool same_at_once(int path)
{
	static const int bursts[] = { 1, 5, 1000000 };
	struct sealed t;

	check(handshake_limits(1, 1));
	check(sealed_open(&t, path));
	for (uint64_t n = 1; n <= ARRAY_SIZE(bursts); n++) {
		check(sysctl_set("handshake_burst", bursts[n - 1]));
		check_is(side_session(&t.d.k, ID + n, &t.d.p.addr), 0);
		t.d.p.session = ID + n;
		t.d.p.counter = 0;
		for (int i = 0; i < AT_ONCE + 3; i++)
			check(says_hello(&t));
		check_is(node_stat(&t.d.k, STT_A_STATS_RX_HANDSHAKE), AT_ONCE * n);
		check_is(node_stat(&t.d.k, LIMITED), 3 * n);
	}
	return true;
}

/* A peer that says too much hurts its own session only. */
static bool each_session(int path)
{
	struct sealed t;

	check(handshake_limits(1, 20));
	check(sealed_open(&t, path));
	check_is(side_session(&t.d.k, ID + 1, &t.d.p.addr), 0);
	for (int i = 0; i < AT_ONCE + 8; i++)
		check(says_hello(&t));
	check_is(node_stat(&t.d.k, LIMITED), 8);
	t.d.p.session = ID + 1;
	t.d.p.counter = 0;
	check(says_hello(&t));
	check_is(node_stat(&t.d.k, LIMITED), 8);
	check_is(node_stat(&t.d.k, STT_A_STATS_RX_HANDSHAKE), AT_ONCE + 1);
	return true;
}

/* However full strangers make the receive buffer, there is room. */
static bool room(int path)
{
	int size = 8192, n = 0;
	struct sealed t;
	uint64_t full;

	check(handshake_limits(0, 1));
	check(sealed_open(&t, path));
	check_is(setsockopt(t.hs, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	check(junk(&t, STT_FRAME_HELLO, STT_HS_HELLO_LEN, 100));
	check(junk(&t, STT_FRAME_FINAL, STT_HS_PROOF_LEN, 100));
	full = node_stat(&t.d.k, FULL);
	check(full > 100);
	check(says_hello(&t) && says_hello(&t));
	check_is(node_stat(&t.d.k, FULL), full);
	while (recv(t.hs, got, sizeof(got), MSG_DONTWAIT) > 0)
		n += !memcmp(got, bytes, STT_HS_HELLO_LEN);
	check_is(n, 2);
	/* But not without end. */
	for (int i = 0; i < 100; i++)
		check(says_hello(&t));
	check(node_stat(&t.d.k, FULL) > full);
	check_is(socket_drops(t.hs), (long)node_stat(&t.d.k, FULL));
	return true;
}

/* A filter of the handshake socket sees the frame, by way of any header. */
static bool filtered(int path)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, STT_FRAME_FINAL, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_LL_OFF),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, STT_FRAME_FINAL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(code), .filter = code };
	struct sealed t;

	check(sealed_open(&t, path));
	check_is(setsockopt(t.hs, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), 0);
	check(junk(&t, STT_FRAME_FINAL, STT_HS_PROOF_LEN, 1));
	check_is(recv(t.hs, got, sizeof(got), 0), STT_HS_PROOF_LEN);
	check(says(&t, STT_FRAME_FINAL, STT_HS_PROOF_LEN));
	check(hears(&t, bytes, STT_HS_PROOF_LEN));
	check(says_hello(&t));
	check(junk(&t, STT_FRAME_HELLO, STT_HS_HELLO_LEN, 1));
	check_is(node_stat(&t.d.k, FULL), 2);
	check_is(socket_drops(t.hs), 2);
	return true;
}

/* ------------------------------------------------------------------------ */
/* Sending                                                                  */

static struct sockaddr_stt in_session(const struct sealed *t, uint64_t session)
{
	struct sockaddr_stt to = stt_at(&t->d.k, session, 0);

	to.sstt_type = STT_MSG_HANDSHAKE;
	return to;
}

static bool goes(int path)
{
	static const size_t len[] = { 12, STT_HS_PROOF_LEN, STT_HS_HELLO_LEN, 1200 };
	uint8_t buf[FRAME_MAX];
	struct sockaddr_stt to;
	struct sealed t;
	struct frame f;

	check(sealed_open(&t, path));
	to = in_session(&t, ID);
	for (unsigned int i = 0; i < 4; i++) {
		check_is(stt_send_at(t.hs, bytes, len[i], &to), (ssize_t)len[i]);
		check(peer_recv(&t.d.p, &f, buf, NULL));
		check_is(f.kind, STT_KIND_HANDSHAKE);
		check(!f.stream && !f.frag && !f.last && !f.flags);
		check_is(f.len, len[i]);
		check(!memcmp(f.payload, bytes, f.len));
	}
	check_is(session_stat(&t.d.k, ID, STT_A_STATS_TX_FRAMES), 4);
	return true;
}

static bool refused(int path)
{
	struct stt_session_info s;
	struct sockaddr_stt to;
	int segment = 76;
	struct sealed t;
	struct side other;

	check(sealed_open(&t, path));
	check(side_open(&other, path, 0));
	s = session_spec(&t.d.k, ID + 1, &t.d.p.addr);
	s.state = STT_SESSION_STATE_PENDING;
	check_is(stt_ctl_session_new(t.d.k.ctl, &s), 0);
	check_is(side_session(&other, ID, &t.d.p.addr), 0);
	to = in_session(&t, ID);
	check_fails(stt_send_at(t.hs, bytes, 11, &to), EINVAL);
	check_fails(stt_send_at(t.hs, bytes, 0, &to), EINVAL);
	check_fails(stt_send_at(t.hs, bytes, 1201, &to), EMSGSIZE);
	check_fails(stt_send_at(t.d.fd, bytes, 152, &to), EOPNOTSUPP);
	to.sstt_stream = 1;
	check_fails(stt_send_at(t.hs, bytes, 152, &to), EINVAL);
	to = in_session(&t, STT_SESSION_ANY);
	check_fails(stt_send_at(t.hs, bytes, 152, &to), EINVAL);
	to = in_session(&t, STT_SESSION_ALL);
	check_fails(stt_send_at(t.hs, bytes, 152, &to), EINVAL);
	to = in_session(&t, ID + 1);
	check_fails(stt_send_at(t.hs, bytes, 152, &to), ENOTCONN);
	to = in_session(&t, ID + 2);
	check_fails(stt_send_at(t.hs, bytes, 152, &to), ENOENT);
	to = in_session(&t, ID);
	to.sstt_node = other.node;
	check_fails(stt_send_at(t.hs, bytes, 152, &to), EOPNOTSUPP);
	/* It is not cut into messages. */
	to = in_session(&t, ID);
	check_is(setsockopt(t.hs, SOL_STT, STT_SEGMENT, &segment, sizeof(segment)), 0);
	check_fails(stt_send_at(t.hs, bytes, 152, &to), EINVAL);
	check_fails(stt_send_at(t.hs, bytes, 77, &to), EINVAL);
	check(!readable(t.d.p.fd, 100));
	check_is(stt_send_at(t.hs, bytes, 76, &to), 76);
	check(readable(t.d.p.fd, TIMEOUT_MS));
	return true;
}

/* What waits for peers that nobody finds keeps none from the others. */
static bool lost_peers(int path)
{
	union stt_addr nobody = addr_of("10.77.8.3", 9);
	struct sockaddr_stt to;
	int size = 1;
	struct sealed t;

	check(sealed_open(&t, path));
	check_is(setsockopt(t.hs, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	check_is(fcntl(t.hs, F_SETFL, O_NONBLOCK), 0);
	check_is(side_session(&t.d.k, ID + 1, &nobody), 0);
	to = in_session(&t, ID + 1);
	for (int i = 0; i < 20; i++)
		check_is(stt_send_at(t.hs, bytes, 152, &to), 152);
	to = in_session(&t, ID);
	check_is(stt_send_at(t.hs, bytes, 152, &to), 152);
	check(readable(t.d.p.fd, TIMEOUT_MS));
	return true;
}

/* It is one frame or none. */
static bool not_split(int path)
{
	struct stt_session_info s = { .id = ID };
	struct sockaddr_stt to;
	struct sealed t;

	check(sealed_open(&t, path));
	to = in_session(&t, ID);
	/* The way there is narrower than the others, says vm_sealed.sh. */
	s.node = t.d.k.node;
	s.peer = addr_of("10.77.8.2", 9);
	check_is(stt_ctl_session_set(t.d.k.ctl, &s), 0);
	s.mtu = side_get(&t.d.k, ID).mtu;
	check(s.mtu < 1200);
	check_is(stt_send_at(t.hs, bytes, s.mtu, &to), (ssize_t)s.mtu);
	check_fails(stt_send_at(t.hs, bytes, s.mtu + 1, &to), EMSGSIZE);
	/* A message would be. */
	to.sstt_type = STT_MSG_DATA;
	check_is(stt_send_at(t.hs, bytes, s.mtu + 1, &to), (ssize_t)s.mtu + 1);
	return true;
}

static const struct test tests[] = {
	{ "A30 sealed handshake frames come with the name of their session, IPv4", comes, PATH_V4 },
	{ "A30 the same, IPv6", comes, PATH_V6 },
	{ "A30 they count as heard, and move the peer", counts_as_heard, PATH_V4 },
	{ "A30 wrong lengths are dropped", bad_lengths, PATH_V4 },
	{ "A30 and all, without a handshake socket", nobody_there, PATH_V4 },
	{ "A30 one among the messages of a batch", in_a_batch, PATH_V4 },
	{ "A12 a flood with the peer's address uses up nothing of a session's", own_bucket, PATH_V4 },
	{ "A12 each session has its own limit", each_session, PATH_V4 },
	{ "A12 it is the same whatever a source may at once", same_at_once, PATH_V4 },
	{ "A12 a receive buffer full of strangers' has room for them", room, PATH_V4 },
	{ "A30 a filter sees the frame and nothing else, IPv4", filtered, PATH_V4 },
	{ "A30 the same, IPv6", filtered, PATH_V6 },
	{ "A30 the handshake socket sends them, IPv4", goes, PATH_V4 },
	{ "A30 the same, IPv6", goes, PATH_V6 },
	{ "A30 what cannot be sent is refused, and says why", refused, PATH_V4 },
	{ "A12 peers that nobody finds leave others the send buffer", lost_peers, PATH_V4 },
	{ "A30 they are never split", not_split, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
