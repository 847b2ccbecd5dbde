// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * A24, A26: frames that were changed, cut, made up or meant for somebody else
 * are dropped, each counted under the right reason, and the session lives.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define ID 0xfedcba9876543210ULL
#define TEXT "twenty bytes of text"
#define TEXT_LEN 20
#define FRAME_LEN (TEXT_LEN + FRAME_OVERHEAD)

/* The reasons a datagram is dropped for before its session is known to it. */
static const unsigned int reasons[] = {
	STT_A_STATS_DROP_MALFORMED, STT_A_STATS_DROP_NO_SESSION, STT_A_STATS_DROP_NO_EPOCH,
	STT_A_STATS_DROP_REPLAYED, STT_A_STATS_DROP_BAD_TAG, STT_A_STATS_DROP_BAD_INNER,
	STT_A_STATS_DROP_ENDED, STT_A_STATS_DROP_HANDSHAKE, STT_A_STATS_DROP_HS_MALFORMED,
	STT_A_STATS_DROP_NO_READER, STT_A_STATS_RX_FRAMES,
};

static bool node_stats(const struct side *s, struct stt_stats *out)
{
	struct stt_node_info info;

	check_is(stt_ctl_node_get(s->ctl, s->node, &info), 0);
	*out = info.stats;
	return true;
}

/* Of the counters above, only @stat has grown, by @n. */
static bool only_grew(const struct side *s, const struct stt_stats *before, unsigned int stat,
		      uint64_t n)
{
	struct stt_stats now;

	check(node_stats(s, &now));
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		uint64_t grown = now.v[reasons[i]] - before->v[reasons[i]];

		if (grown != (reasons[i] == stat ? n : 0)) {
			printf("# %s grew by %llu, wanted %s\n", stt_stat_name(reasons[i]),
			       (unsigned long long)grown, stt_stat_name(stat));
			return false;
		}
	}
	return true;
}

/* Sent as it is, the datagram is dropped for this reason. */
static bool dropped(struct duo *d, const uint8_t *bytes, size_t len, unsigned int stat)
{
	struct stt_stats before;

	check(node_stats(&d->k, &before));
	check(peer_raw(&d->p, bytes, len));
	check(only_grew(&d->k, &before, stat, 1));
	return true;
}

static unsigned int reason_of_bit(unsigned int byte, unsigned int bit)
{
	if (byte == 0)
		return STT_A_STATS_DROP_HS_MALFORMED;	/* no transport frame any more */
	if (byte == 1)
		return bit < 3 ? STT_A_STATS_DROP_NO_EPOCH : STT_A_STATS_DROP_MALFORMED;
	if (byte >= 8 && byte < 16)
		return STT_A_STATS_DROP_NO_SESSION;
	return STT_A_STATS_DROP_BAD_TAG;
}

static bool flipped_bits(int path)
{
	uint8_t frame[FRAME_LEN];
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	d.p.counter = 5;
	f = peer_next(&d.p, TEXT, TEXT_LEN);
	check_is(peer_seal(&d.p, frame, &f), FRAME_LEN);
	for (unsigned int i = 0; i < FRAME_LEN * 8; i++) {
		frame[i / 8] ^= 1 << i % 8;
		check(dropped(&d, frame, FRAME_LEN, reason_of_bit(i / 8, i % 8)));
		frame[i / 8] ^= 1 << i % 8;
	}
	/* None of them was remembered: the frame itself is still news. */
	check(peer_raw(&d.p, frame, FRAME_LEN));
	check(receives(d.fd, TEXT, TEXT_LEN));
	check(is_empty(d.fd));
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), 8 * (6 + FRAME_LEN - 16));
	return true;
}

static bool changed_bytes(int path)
{
	uint8_t frame[FRAME_LEN], was;
	struct stt_stats before;
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	f = peer_next(&d.p, TEXT, TEXT_LEN);
	peer_seal(&d.p, frame, &f);
	check(node_stats(&d.k, &before));
	for (unsigned int i = 16; i < FRAME_LEN; i++) {
		was = frame[i];
		for (unsigned int v = 1; v < 256; v++) {
			frame[i] = was ^ v;
			check(peer_raw(&d.p, frame, FRAME_LEN));
		}
		frame[i] = was;
	}
	check(only_grew(&d.k, &before, STT_A_STATS_DROP_BAD_TAG, (FRAME_LEN - 16) * 255));
	check(duo_quiet(&d));
	return true;
}

static bool lengths(int path)
{
	uint8_t frame[FRAME_LEN + 64] = { 0 };
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	f = peer_next(&d.p, TEXT, TEXT_LEN);
	peer_seal(&d.p, frame, &f);
	for (size_t len = 0; len < FRAME_LEN; len++)
		check(dropped(&d, frame, len, len < FRAME_OVERHEAD ?
			      STT_A_STATS_DROP_MALFORMED : STT_A_STATS_DROP_BAD_TAG));
	for (size_t len = FRAME_LEN + 1; len <= FRAME_LEN + 64; len++)
		check(dropped(&d, frame, len, STT_A_STATS_DROP_BAD_TAG));
	check(peer_raw(&d.p, frame, FRAME_LEN));
	check(receives(d.fd, TEXT, TEXT_LEN));
	check(duo_quiet(&d));
	return true;
}

/* An authentic frame that says what no frame may say. */
static bool bad_inner(struct duo *d, struct frame f)
{
	uint8_t frame[200];

	check(dropped(d, frame, peer_seal(&d->p, frame, &f), STT_A_STATS_DROP_BAD_INNER));
	return true;
}

static bool kinds(int path)
{
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	for (unsigned int kind = 0; kind < 0x80; kind++) {
		if (kind == STT_KIND_DATA)
			continue;
		/* Two bytes are not right for any of the module's own. */
		f = peer_next(&d.p, "ab", 2);
		f.kind = kind;
		check(bad_inner(&d, f));
	}
	check_is(side_get(&d.k, ID).state, STT_SESSION_STATE_ACTIVE);
	check(duo_quiet(&d));
	return true;
}

static bool inner_fields(int path)
{
	struct duo d;

	check(duo_open(&d, path, ID));
	for (unsigned int i = 1; i < 256; i += 51) {
		struct frame frag = peer_next(&d.p, "a", 1), last = peer_next(&d.p, "", 0);
		struct frame flag = peer_next(&d.p, "a", 1), own = peer_next(&d.p, "", 0);

		frag.frag = i;
		last.last = i;
		flag.flags = i;
		own.stream = i;
		own.kind = STT_KIND_HEARTBEAT;
		check(bad_inner(&d, frag) && bad_inner(&d, last) && bad_inner(&d, flag));
		check(bad_inner(&d, own));
		own = peer_next(&d.p, "a", 1);
		own.stream = i;
		own.kind = STT_KIND_SESSION_CLOSE;
		check(bad_inner(&d, own));
	}
	check(duo_quiet(&d));
	return true;
}

/* Nothing that is not sealed by the session's own key, and only that, gets in. */
static bool wrong_keys(int path)
{
	uint8_t frame[FRAME_LEN], key[STT_KEY_LEN];
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(side_session(&d.k, ID + 1, &d.p.addr), 0);
	f = peer_next(&d.p, TEXT, TEXT_LEN);
	/* Of another session of the same peer; of the other direction; all zeros. */
	key_of(key, ID + 1, 1, 0);
	frame_seal(frame, &f, key);
	check(dropped(&d, frame, FRAME_LEN, STT_A_STATS_DROP_BAD_TAG));
	key_of(key, ID, 0, 0);
	frame_seal(frame, &f, key);
	check(dropped(&d, frame, FRAME_LEN, STT_A_STATS_DROP_BAD_TAG));
	memset(key, 0, sizeof(key));
	frame_seal(frame, &f, key);
	check(dropped(&d, frame, FRAME_LEN, STT_A_STATS_DROP_BAD_TAG));
	/* A good frame under another session's id. */
	key_of(key, ID, 1, 0);
	frame_seal(frame, &f, key);
	frame[15] ^= 1;
	check(dropped(&d, frame, FRAME_LEN, STT_A_STATS_DROP_BAD_TAG));
	check(duo_quiet(&d));
	return true;
}

static bool plaintext(int path)
{
	uint8_t frame[FRAME_LEN] = { 0x10 };
	struct duo d;

	check(duo_open(&d, path, ID));
	for (int i = 0; i < 8; i++)
		frame[8 + i] = ID >> 8 * (7 - i);
	frame[20] = STT_KIND_DATA;
	memcpy(frame + 24, TEXT, TEXT_LEN);
	check(dropped(&d, frame, FRAME_LEN, STT_A_STATS_DROP_BAD_TAG));
	check(dropped(&d, frame, FRAME_LEN - 16, STT_A_STATS_DROP_BAD_TAG));
	check(duo_quiet(&d));
	return true;
}

/* What the node itself sent comes back to it. */
static bool reflected(int path)
{
	uint8_t frame[200];
	struct duo d;
	ssize_t n;

	check(duo_open(&d, path, ID));
	check_is(send(d.fd, TEXT, TEXT_LEN, 0), TEXT_LEN);
	n = recv(d.p.fd, frame, sizeof(frame), 0);
	check_is(n, FRAME_LEN);
	check(dropped(&d, frame, n, STT_A_STATS_DROP_BAD_TAG));
	check(duo_quiet(&d));
	return true;
}

static bool elsewhere(int path)
{
	union stt_addr foreign;
	struct stt_session_info info;
	uint8_t frame[FRAME_LEN];
	struct frame f;
	struct duo d;
	struct side other;
	int fd;

	check(duo_open(&d, path, ID));
	fd = udp_open(path, 1, &foreign);
	check(fd >= 0);
	/* A stranger who knows the id. */
	f = peer_next(&d.p, TEXT, TEXT_LEN);
	peer_seal(&d.p, frame, &f);
	frame[FRAME_LEN - 1] ^= 1;
	check_is(sendto(fd, frame, FRAME_LEN, 0, &d.k.addr.sa, addr_len(&d.k.addr)), FRAME_LEN);
	check_is(session_stat(&d.k, ID, STT_A_STATS_DROP_BAD_TAG), 1);
	info = side_get(&d.k, ID);
	check(addr_equal(&info.peer, &d.p.addr));
	/* A good frame for the wrong node. */
	check(side_open(&other, path, 0));
	frame[FRAME_LEN - 1] ^= 1;
	check_is(sendto(fd, frame, FRAME_LEN, 0, &other.addr.sa, addr_len(&other.addr)),
		 FRAME_LEN);
	check_is(node_stat(&other, STT_A_STATS_DROP_NO_SESSION), 1);
	check(duo_quiet(&d));
	return true;
}

static bool garbage(int path)
{
	uint8_t bytes[1400];
	struct duo d;

	check(duo_open(&d, path, ID));
	for (unsigned int i = 0; i < 3000; i++) {
		size_t len = randombytes_uniform(sizeof(bytes) + 1);

		randombytes_buf(bytes, sizeof(bytes));
		if (i % 2)
			bytes[0] = 0x10;
		if (i % 4 == 1)
			bytes[1] &= 1;
		if (i % 8 == 1)
			for (int j = 0; j < 8; j++)
				bytes[8 + j] = ID >> 8 * (7 - j);
		check(peer_raw(&d.p, bytes, len));
	}
	check_is(node_stat(&d.k, STT_A_STATS_RX_FRAMES), 0);
	check(duo_quiet(&d));
	return true;
}

/* Bad frames in a batch do not spoil their neighbours. The last is shorter. */
static bool batch(int path)
{
	uint8_t bytes[10 * FRAME_LEN];
	char text[TEXT_LEN + 1];
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	for (int i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), "number %013d", i);
		f = peer_next(&d.p, text, i == 9 ? TEXT_LEN - 3 : TEXT_LEN);
		peer_seal(&d.p, bytes + i * FRAME_LEN, &f);
	}
	bytes[2 * FRAME_LEN + 30] ^= 1;
	bytes[3 * FRAME_LEN] = 0x01;
	bytes[4 * FRAME_LEN + 9] ^= 1;
	memcpy(bytes + 6 * FRAME_LEN, bytes + 5 * FRAME_LEN, FRAME_LEN);
	check(peer_send_batch(&d.p, bytes, sizeof(bytes) - 3, FRAME_LEN));
	for (int i = 0; i < 10; i++) {
		if (i == 2 || i == 3 || i == 4 || i == 6)
			continue;
		snprintf(text, sizeof(text), "number %013d", i);
		check(receives(d.fd, text, i == 9 ? TEXT_LEN - 3 : TEXT_LEN));
	}
	check_is(node_stat(&d.k, STT_A_STATS_DROP_BAD_TAG), 1);
	check_is(node_stat(&d.k, STT_A_STATS_DROP_HS_MALFORMED), 1);
	check_is(node_stat(&d.k, STT_A_STATS_DROP_NO_SESSION), 1);
	check_is(node_stat(&d.k, STT_A_STATS_DROP_REPLAYED), 1);
	check(duo_quiet(&d));
	return true;
}

static const struct test tests[] = {
	{ "A24 each bit of a frame flipped: dropped, right counter, IPv4", flipped_bits, PATH_V4 },
	{ "A24 each bit of a frame flipped: dropped, right counter, IPv6", flipped_bits, PATH_V6 },
	{ "A24 each sealed byte changed to each value: dropped", changed_bytes, PATH_V4 },
	{ "A24 cut to each length, and longer: dropped, IPv4", lengths, PATH_V4 },
	{ "A24 cut to each length, and longer: dropped, IPv6", lengths, PATH_V6 },
	{ "A24 unknown kinds: dropped", kinds, PATH_V4 },
	{ "A24 authentic nonsense inside: dropped", inner_fields, PATH_V4 },
	{ "A24 bad frames in a batch, their neighbours arrive, IPv4", batch, PATH_V4 },
	{ "A24 bad frames in a batch, their neighbours arrive, IPv6", batch, PATH_V6 },
	{ "A26 sealed with a wrong key: dropped", wrong_keys, PATH_V4 },
	{ "A26 plaintext: dropped", plaintext, PATH_V4 },
	{ "A26 the node's own frame sent back to it: dropped", reflected, PATH_V4 },
	{ "A26 a valid id from elsewhere, a frame for another node: dropped", elsewhere, PATH_V6 },
	{ "A26 3,000 datagrams of garbage: dropped", garbage, PATH_MIXED },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
