// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handshakes that rekey a session (A30): only its peer can begin or answer one,
 * and what comes out of it is new.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>
#include <linux/stt.h>

#include "../lib/handshake.h"

#define SUITES	(1U << STT_SUITE_CHACHA20POLY1305)
#define NOW	1000
#define CLOCK	2000
#define SESSION	0x1122334455667788ULL
#define EPOCH	3

struct world {
	struct stt_hs_seed	seed;
	struct stt_hs_keyring	ring;
	uint8_t			id_i[32], id_r[32];
	struct stt_hs_rekey	rekey_i, rekey_r;
	uint64_t		in_session;	/* what it came sealed in */
	bool			admit;
	unsigned int		asked;		/* whether to admit */
	struct stt_initiator	in;
	struct stt_responder	*re;
	struct stt_hs_frame	out;
	struct stt_hs_session	si, sr;
	uint32_t		handle;
	enum stt_hs_drop	why;
};

static bool find(void *ctx, uint64_t session, uint8_t epoch, struct stt_hs_rekey *out)
{
	struct world *w = ctx;

	*out = w->rekey_r;
	return session == w->rekey_r.session && epoch == w->rekey_r.epoch;
}

static bool admit(void *ctx, uint64_t session, uint8_t epoch, const uint8_t *time)
{
	struct world *w = ctx;

	assert_int_equal(session, SESSION);
	assert_int_equal(epoch, EPOCH);
	assert_non_null(time);
	w->asked++;
	return w->admit;
}

static void hello(struct world *w)
{
	uint8_t time[STT_HS_TIME_LEN];
	struct stt_initiator_params p = {
		.keyring = &w->ring, .node_id = w->id_i, .time = time, .suites = SUITES,
		.id = 77, .rekey = &w->rekey_i,
	};

	stt_hs_time(time, CLOCK, randombytes_uniform(1000000000));
	stt_initiator_start(&w->in, &p, NOW);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct stt_responder_params p = {
		.keyring = &w->ring, .node_id = w->id_r, .suites = SUITES,
		.clock_s = CLOCK, .lag_s = 300,
		.rekey = { .find = find, .admit = admit, .ctx = w },
	};

	assert_true(sodium_init() >= 0);
	randombytes_buf(&w->seed, sizeof(w->seed));
	randombytes_buf(w->id_i, 32);
	randombytes_buf(w->id_r, 32);
	w->ring = (struct stt_hs_keyring){ &w->seed, 1 };
	w->rekey_i = (struct stt_hs_rekey){ .session = SESSION, .epoch = EPOCH, .first = true };
	randombytes_buf(w->rekey_i.secret, sizeof(w->rekey_i.secret));
	w->rekey_r = w->rekey_i;
	w->rekey_r.first = false;
	w->admit = true;
	w->in_session = SESSION;
	/* It accepts nobody new; the peer of a session needs no welcome. */
	w->re = stt_responder_new(&p);
	hello(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	stt_responder_free(w->re);
	free(w);
	return 0;
}

static enum stt_hs_verdict to_responder(struct world *w, const struct stt_hs_frame *f)
{
	return stt_responder_input(w->re, NOW, w->in_session, f->data, f->len, &w->out, &w->sr,
				   &w->handle, &w->why);
}

static enum stt_hs_verdict to_initiator(struct world *w)
{
	return stt_initiator_input(&w->in, NOW, w->out.data, w->out.len, &w->si, &w->why);
}

static void dropped(struct world *w, enum stt_hs_drop why)
{
	assert_int_equal(to_responder(w, &w->in.hello), STT_HS_DROP);
	assert_int_equal(w->why, why);
}

static void test_good(void **state)
{
	struct world *w = *state;

	assert_int_equal(to_responder(w, &w->in.hello), STT_HS_SEND);
	assert_int_equal(to_initiator(w), STT_HS_INSTALL);
	w->in.candidates[0].proving = true;
	assert_int_equal(to_responder(w, &w->in.candidates[0].proof), STT_HS_INSTALL);
	assert_int_equal(to_initiator(w), STT_HS_DONE);
	assert_true(w->si.rekey && w->sr.rekey);
	assert_int_equal(w->si.id, SESSION);
	assert_int_equal(w->sr.id, SESSION);
	assert_int_equal(w->si.epoch, EPOCH);
	assert_int_equal(w->sr.epoch, EPOCH);
	assert_memory_equal(w->si.tx_key, w->sr.rx_key, 32);
	assert_memory_equal(w->si.rx_key, w->sr.tx_key, 32);
	assert_memory_equal(w->si.rekey_secret, w->sr.rekey_secret, 32);
	assert_memory_not_equal(w->si.rekey_secret, w->rekey_i.secret, 32);
	assert_memory_not_equal(w->si.rekey_secret, w->si.tx_key, 32);
}

/* The seed alone does not do: nothing is even asked of the session. */
static void test_other_holder_begins(void **state)
{
	struct world *w = *state;

	w->rekey_i.secret[5] ^= 1;
	hello(w);
	dropped(w, STT_HS_DROP_BAD_SEAL);
	assert_int_equal(w->asked, 0);
	assert_int_equal(stt_responder_pending(w->re), 0);
}

static void test_other_holder_answers(void **state)
{
	struct world *w = *state;
	uint8_t payload[STT_HS_RESPONSE_PAYLOAD_LEN] = { 0 }, read[STT_HS_HELLO_PAYLOAD_LEN];
	uint8_t *frame = w->out.data;
	struct stt_noise ns;

	/* Another reads HELLO, and answers with all that the seed gives. */
	payload[STT_HS_RESPONSE_OFF_SUITE] = STT_SUITE_CHACHA20POLY1305;
	stt_hs_noise_init(&ns, &w->seed, w->in.hello.data);
	assert_int_equal(stt_noise_read1(&ns, w->in.hello.data + STT_HS_HDR_LEN,
					 sizeof(read) + STT_NOISE_OVERHEAD, read), 0);
	stt_noise_ephemeral(&ns, NULL);
	stt_hs_header(frame, STT_FRAME_RESPONSE, 77, 5);
	stt_noise_write2(&ns, payload, sizeof(payload), frame + STT_HS_HDR_LEN);
	stt_hs_mac1_set(&w->seed, frame, STT_HS_RESPONSE_LEN);
	w->out.len = STT_HS_RESPONSE_LEN;
	assert_int_equal(to_initiator(w), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_BAD_SEAL);
	/* The peer's own answer is still good. */
	assert_int_equal(to_responder(w, &w->in.hello), STT_HS_SEND);
	assert_int_equal(to_initiator(w), STT_HS_INSTALL);
}

/* Our own HELLO, thrown back at us, is no HELLO of the peer's. */
static void test_reflected(void **state)
{
	struct world *w = *state;

	w->rekey_r.first = true;
	dropped(w, STT_HS_DROP_BAD_SEAL);
}

static void test_not_there(void **state)
{
	struct world *w = *state;

	w->in_session = ++w->rekey_i.session;
	hello(w);
	dropped(w, STT_HS_DROP_UNKNOWN);
	w->in_session = --w->rekey_i.session;
	w->rekey_i.epoch++;
	hello(w);
	dropped(w, STT_HS_DROP_UNKNOWN);
	assert_int_equal(w->asked, 0);
}

/* Out of turn now; the same HELLO may come again. */
static void test_turn(void **state)
{
	struct world *w = *state;

	w->admit = false;
	dropped(w, STT_HS_DROP_REFUSED);
	w->admit = true;
	assert_int_equal(to_responder(w, &w->in.hello), STT_HS_SEND);
}

/* AUTH_PROOF of a handshake that a newer HELLO has ended does nothing. */
static void test_superseded(void **state)
{
	struct stt_hs_frame proof;
	struct world *w = *state;

	assert_int_equal(to_responder(w, &w->in.hello), STT_HS_SEND);
	assert_int_equal(to_initiator(w), STT_HS_INSTALL);
	proof = w->in.candidates[0].proof;
	hello(w);
	assert_int_equal(to_responder(w, &w->in.hello), STT_HS_SEND);
	assert_int_equal(to_initiator(w), STT_HS_INSTALL);
	assert_int_equal(to_responder(w, &proof), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_UNKNOWN);
	assert_int_equal(to_responder(w, &w->in.candidates[0].proof), STT_HS_INSTALL);
	assert_int_equal(to_responder(w, &proof), STT_HS_DROP);
}

static void test_no_rekeys(void **state)
{
	struct world *w = *state;
	struct stt_responder_params p = {
		.keyring = &w->ring, .node_id = w->id_r, .suites = SUITES,
		.clock_s = CLOCK, .lag_s = 300,
	};

	stt_responder_free(w->re);
	w->re = stt_responder_new(&p);
	stt_responder_accept(w->re, true);
	dropped(w, STT_HS_DROP_UNKNOWN);
}

/* Any bit of what is behind the proof, with all that the seed gives repaired. */
static void test_bound(void **state)
{
	struct world *w = *state;

	for (unsigned int bit = 0; bit < 8 * STT_HS_HELLO_PAYLOAD_LEN; bit++) {
		uint8_t payload[STT_HS_HELLO_PAYLOAD_LEN];
		struct stt_hs_frame f = w->in.hello;
		struct stt_noise ns;

		stt_hs_noise_init(&ns, &w->seed, f.data);
		assert_int_equal(stt_noise_read1(&ns, f.data + STT_HS_HDR_LEN,
						 sizeof(payload) + STT_NOISE_OVERHEAD,
						 payload), 0);
		payload[bit / 8] ^= (uint8_t)(1 << bit % 8);
		stt_hs_noise_init(&ns, &w->seed, f.data);
		stt_noise_ephemeral(&ns, w->in.noise.secret);
		stt_noise_write1(&ns, payload, sizeof(payload), f.data + STT_HS_HDR_LEN);
		stt_hs_mac1_set(&w->seed, f.data, STT_HS_HELLO_LEN);
		assert_int_equal(to_responder(w, &f), STT_HS_DROP);
		assert_int_equal(w->asked, 0);
	}
	assert_int_equal(to_responder(w, &w->in.hello), STT_HS_SEND);
}

/* What a session is about comes sealed in it, and nothing else does. */
static void test_doors(void **state)
{
	static const uint64_t wrong[] = { 0, SESSION + 1, ~0ULL };
	struct world *w = *state;

	for (unsigned int i = 0; i < 3; i++) {
		w->in_session = wrong[i];
		dropped(w, STT_HS_DROP_UNKNOWN);
	}
	assert_int_equal(w->asked, 0);
	w->in_session = SESSION;
	assert_int_equal(to_responder(w, &w->in.hello), STT_HS_SEND);
	/* The same HELLO gets the same RESPONSE, but not anywhere. */
	for (unsigned int i = 0; i < 3; i++) {
		w->in_session = wrong[i];
		dropped(w, STT_HS_DROP_UNKNOWN);
	}
	assert_int_equal(to_initiator(w), STT_HS_INSTALL);
	w->in.candidates[0].proving = true;
	for (unsigned int i = 0; i < 3; i++) {
		w->in_session = wrong[i];
		assert_int_equal(to_responder(w, &w->in.candidates[0].proof), STT_HS_DROP);
		assert_int_equal(w->why, STT_HS_DROP_UNKNOWN);
	}
	w->in_session = SESSION;
	assert_int_equal(to_responder(w, &w->in.candidates[0].proof), STT_HS_INSTALL);
}

static struct stt_hs_frame stranger(struct world *w, int64_t clock)
{
	uint8_t time[STT_HS_TIME_LEN], id[32];
	struct stt_initiator_params p = {
		.keyring = &w->ring, .node_id = id, .time = time, .suites = SUITES, .id = 78,
	};
	struct stt_initiator in = { 0 };
	struct stt_hs_frame f;

	randombytes_buf(id, sizeof(id));
	stt_hs_time(time, clock, 0);
	stt_initiator_start(&in, &p, NOW);
	f = in.hello;
	stt_initiator_wipe(&in);
	return f;
}

static void test_sealed_stranger(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame f = stranger(w, CLOCK);

	stt_responder_accept(w->re, true);
	assert_int_equal(to_responder(w, &f), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_UNKNOWN);
	w->in_session = 0;
	assert_int_equal(to_responder(w, &f), STT_HS_SEND);
}

/* Strangers who hold the seed fill the table; the peer needs no place in it. */
static void test_full(void **state)
{
	struct world *w = *state;
	struct stt_responder_params p = {
		.keyring = &w->ring, .node_id = w->id_r, .suites = SUITES, .pending_max = 1,
		.clock_s = CLOCK, .lag_s = 300,
		.rekey = { .find = find, .admit = admit, .ctx = w },
	};
	struct stt_hs_frame f[2] = { stranger(w, CLOCK), stranger(w, CLOCK) };

	stt_responder_free(w->re);
	w->re = stt_responder_new(&p);
	stt_responder_accept(w->re, true);
	w->in_session = 0;
	assert_int_equal(to_responder(w, &f[0]), STT_HS_SEND);
	assert_int_equal(to_responder(w, &f[1]), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_FULL);
	w->in_session = SESSION;
	test_good(state);
}

/* Any clock will do. */
static void test_clock(void **state)
{
	static const int64_t clocks[] = { 0, CLOCK - 3600, CLOCK + 3600, 1LL << 40 };
	struct world *w = *state;

	stt_responder_accept(w->re, true);
	for (unsigned int i = 0; i < 4; i++) {
		struct stt_hs_frame f = stranger(w, CLOCK);

		stt_responder_clock(w->re, clocks[i]);
		w->in_session = 0;
		assert_int_equal(to_responder(w, &f), STT_HS_DROP);
		assert_int_equal(w->why, STT_HS_DROP_REPLAYED);
		w->in_session = SESSION;
		hello(w);
		test_good(state);
	}
}

/* HELLOs of a session are in order whatever the clock does. */
static void test_time(void **state)
{
	static const struct {
		int64_t s;
		uint32_t ns;
	} clocks[] = {
		{ 1000, 5 }, { 1000, 6 }, { 1000, 6 }, { 999, 7 }, { -5, 0 }, { 1000, 8 },
		{ 1LL << 40, 999999999 }, { 5, 0 }, { 5, 0 },
	};
	uint8_t time[STT_HS_TIME_LEN] = { 0 }, last[STT_HS_TIME_LEN], now[STT_HS_TIME_LEN];

	(void)state;
	for (unsigned int i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		memcpy(last, time, sizeof(last));
		stt_hs_time_after(time, clocks[i].s, clocks[i].ns);
		assert_true(memcmp(time, last, sizeof(time)) > 0);
		stt_hs_time(now, clocks[i].s, clocks[i].ns);
		if (memcmp(now, last, sizeof(now)) > 0)
			assert_memory_equal(time, now, sizeof(now));
	}
	memset(time + 8, 0xff, 4);
	memcpy(last, time, sizeof(last));
	stt_hs_time_after(time, 5, 0);
	assert_true(memcmp(time, last, sizeof(time)) > 0);
}

/* The peer has answered our own: what it had begun itself is over. */
static void test_ended(void **state)
{
	struct world *w = *state;

	assert_int_equal(to_responder(w, &w->in.hello), STT_HS_SEND);
	assert_int_equal(to_initiator(w), STT_HS_INSTALL);
	w->in.candidates[0].proving = true;
	stt_responder_end_rekey(w->re, SESSION + (1ULL << 32));
	stt_responder_end_rekey(w->re, SESSION);
	assert_int_equal(to_responder(w, &w->in.candidates[0].proof), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_UNKNOWN);
	assert_int_equal(stt_responder_expire(w->re, NOW), UINT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),
		TEST(test_other_holder_begins),
		TEST(test_other_holder_answers),
		TEST(test_reflected),
		TEST(test_not_there),
		TEST(test_turn),
		TEST(test_superseded),
		TEST(test_no_rekeys),
		TEST(test_bound),
		TEST(test_doors),
		TEST(test_sealed_stranger),
		TEST(test_full),
		TEST(test_clock),
		TEST(test_time),
		TEST(test_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
