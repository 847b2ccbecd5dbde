// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both state machines against each other, without a network: the good case,
 * loss and repetition, every bit of every message flipped (A13), replays,
 * strangers, and the bounds of what a responder remembers.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <sodium.h>
#include <linux/stt.h>

#include "../lib/handshake.h"

#define SUITES	(1U << STT_SUITE_CHACHA20POLY1305)
#define NOW	1000
#define CLOCK	2000	/* Unix seconds */
#define LAG	300

struct world {
	struct stt_hs_seed	seeds[2];
	struct stt_hs_keyring	ring, other;
	uint8_t			id_i[32], id_r[32], time[STT_HS_TIME_LEN];
	struct stt_initiator	in;
	struct stt_responder	*re;
	struct stt_hs_frame	out, auth;	/* the newest answer and AUTH_PROOF */
	struct stt_hs_session	si, sr;
	uint32_t		handle;
	enum stt_hs_drop	why;
};

static void responder(struct world *w, unsigned int pending_max, unsigned int replay_max)
{
	struct stt_responder_params p = {
		.keyring = &w->ring, .node_id = w->id_r, .suites = SUITES,
		.pending_max = pending_max, .replay_max = replay_max,
		.clock_s = CLOCK, .lag_s = LAG,
	};

	stt_responder_free(w->re);
	w->re = stt_responder_new(&p);
	assert_non_null(w->re);
	stt_responder_accept(w->re, true);
}

static void hello_at(struct world *w, const struct stt_hs_keyring *ring, int64_t seconds)
{
	struct stt_initiator_params p = {
		.keyring = ring, .node_id = w->id_i, .time = w->time, .suites = SUITES, .id = 77,
	};

	stt_hs_time(w->time, seconds, 5);
	stt_initiator_start(&w->in, &p, NOW);
}

static void hello(struct world *w)
{
	hello_at(w, &w->ring, 2000);
}

static int setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	randombytes_buf(w.seeds, sizeof(w.seeds));
	w.ring = (struct stt_hs_keyring){ &w.seeds[0], 1 };
	w.other = (struct stt_hs_keyring){ &w.seeds[1], 1 };
	memset(w.id_i, 1, 32);
	memset(w.id_r, 2, 32);
	responder(&w, 0, 0);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	stt_responder_free(w->re);
	stt_initiator_wipe(&w->in);
	return 0;
}

static enum stt_hs_verdict to_responder(struct world *w, const struct stt_hs_frame *f,
					uint64_t now)
{
	return stt_responder_input(w->re, now, 0, f->data, f->len, &w->out, &w->sr, &w->handle,
				   &w->why);
}

static enum stt_hs_verdict to_initiator(struct world *w, const struct stt_hs_frame *f)
{
	return stt_initiator_input(&w->in, NOW, f->data, f->len, &w->si, &w->why);
}

/* AUTH_PROOF of the newest candidate, which is then as if sent. */
static const struct stt_hs_frame *proof(struct world *w)
{
	struct stt_candidate *c = &w->in.candidates[w->in.n_turns - 1];

	c->proving = true;
	return &c->proof;
}

static void check_sessions(const struct world *w)
{
	assert_int_equal(w->si.id, w->sr.id);
	assert_true(w->si.id && ~w->si.id);
	assert_memory_equal(w->si.tx_key, w->sr.rx_key, 32);
	assert_memory_equal(w->si.rx_key, w->sr.tx_key, 32);
	assert_memory_not_equal(w->si.rx_key, w->si.tx_key, 32);
	assert_memory_equal(w->si.peer_id, w->id_r, 32);
	assert_memory_equal(w->sr.peer_id, w->id_i, 32);
	assert_int_equal(w->si.suite, STT_SUITE_CHACHA20POLY1305);
	assert_int_equal(w->sr.suite, w->si.suite);
}

/* The rest of a handshake whose RESPONSE is in ->out. */
static void finish(struct world *w)
{
	struct stt_hs_frame response = w->out, final;

	assert_int_equal(to_initiator(w, &response), STT_HS_INSTALL);
	w->auth = *proof(w);
	assert_int_equal(to_responder(w, &w->auth, NOW), STT_HS_INSTALL);
	final = w->out;
	assert_int_equal(to_initiator(w, &final), STT_HS_DONE);
	check_sessions(w);
}

static void whole(struct world *w)
{
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	finish(w);
}

static void test_good(void **state)
{
	struct world *w = *state;

	hello(w);
	whole(w);
	assert_int_equal(w->in.state, STT_INITIATOR_DONE);
	assert_int_equal(stt_responder_pending(w->re), 0);
	assert_true(sodium_is_zero((uint8_t *)w->in.candidates, sizeof(w->in.candidates)));
	assert_true(sodium_is_zero((uint8_t *)&w->in.noise, sizeof(w->in.noise)));
}

static void test_sizes(void **state)
{
	(void)state;
	assert_true(STT_HS_RESPONSE_LEN <= STT_HS_HELLO_LEN);
	assert_true(STT_HS_HELLO_LEN + STT_HS_RESPONSE_LEN + 2 * STT_HS_PROOF_LEN < 800);
	assert_true(STT_HS_HELLO_LEN <= STT_HS_FRAME_MAX);
}

/* Repeats get the identical answer, as long as the answer makes sense. */
static void test_repeats(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame first_hello, response, auth, final;

	hello(w);
	first_hello = w->in.hello;
	assert_int_equal(to_responder(w, &first_hello, NOW), STT_HS_SEND);
	response = w->out;
	assert_int_equal(to_responder(w, &first_hello, NOW + 5), STT_HS_SEND);
	assert_memory_equal(&response, &w->out, sizeof(response));
	assert_int_equal(stt_responder_pending(w->re), 1);
	assert_int_equal(to_initiator(w, &response), STT_HS_INSTALL);
	assert_int_equal(to_initiator(w, &response), STT_HS_DROP);
	auth = *proof(w);
	assert_int_equal(to_responder(w, &auth, NOW), STT_HS_INSTALL);
	final = w->out;
	assert_int_equal(to_responder(w, &auth, NOW), STT_HS_SEND);
	assert_memory_equal(&final, &w->out, sizeof(final));
	assert_int_equal(to_responder(w, &first_hello, NOW), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_REPLAYED);
	assert_int_equal(to_initiator(w, &final), STT_HS_DONE);
	assert_int_equal(to_initiator(w, &final), STT_HS_DROP);
	assert_int_equal(to_responder(w, &auth, NOW + STT_HS_LIFETIME_MS), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_UNKNOWN);
}

static void flip(struct stt_hs_frame *f, size_t bit)
{
	f->data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
}

/* Every bit of HELLO: silence, and the true one still works (A13). */
static void test_flip_hello(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame f;

	hello(w);
	f = w->in.hello;
	for (size_t bit = 0; bit < f.len * 8; bit++) {
		flip(&f, bit);
		assert_int_equal(to_responder(w, &f, NOW), STT_HS_DROP);
		flip(&f, bit);
	}
	assert_int_equal(stt_responder_pending(w->re), 0);
	whole(w);
}

static void test_flip_response(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame f;

	hello(w);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	f = w->out;
	for (size_t bit = 0; bit < f.len * 8; bit++) {
		flip(&f, bit);
		assert_int_equal(to_initiator(w, &f), STT_HS_DROP);
		flip(&f, bit);
	}
	finish(w);
}

static void test_flip_proof(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame f, final;

	hello(w);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	f = w->out;
	assert_int_equal(to_initiator(w, &f), STT_HS_INSTALL);
	f = *proof(w);
	for (size_t bit = 0; bit < f.len * 8; bit++) {
		flip(&f, bit);
		assert_int_equal(to_responder(w, &f, NOW), STT_HS_DROP);
		flip(&f, bit);
	}
	assert_int_equal(to_responder(w, &f, NOW), STT_HS_INSTALL);
	final = w->out;
	for (size_t bit = 0; bit < final.len * 8; bit++) {
		flip(&final, bit);
		assert_int_equal(to_initiator(w, &final), STT_HS_DROP);
		flip(&f, bit);
		assert_int_equal(to_responder(w, &f, NOW), STT_HS_DROP);
		flip(&f, bit);
		flip(&final, bit);
	}
	assert_int_equal(to_initiator(w, &final), STT_HS_DONE);
	check_sessions(w);
}

/* Right mac1, wrong inside: only a member of the group could do that. */
static void test_flip_under_good_mac(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame f;

	hello(w);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	for (size_t i = STT_HS_HDR_LEN; i < STT_HS_RESPONSE_LEN - STT_HS_MAC_LEN; i++) {
		f = w->out;
		f.data[i] ^= 0x10;
		stt_hs_mac1_set(&w->seeds[0], f.data, f.len);
		assert_int_equal(to_initiator(w, &f), STT_HS_DROP);
		assert_int_equal(w->why, STT_HS_DROP_BAD_SEAL);
	}
	finish(w);
}

static void test_lengths(void **state)
{
	static uint8_t junk[2048];
	struct world *w = *state;

	hello(w);
	for (int type = 0; type < 256; type++) {
		for (size_t len = 0; len < sizeof(junk); len += 1 + len / 64) {
			uint8_t *exact = junk + sizeof(junk) - len;

			randombytes_buf(exact, len);
			if (len)
				exact[0] = (uint8_t)type;
			if (len > 4) {
				exact[1] = STT_WIRE_VERSION;
				exact[2] = exact[3] = 0;
			}
			assert_int_equal(stt_responder_input(w->re, NOW, 0, exact, len, &w->out,
							     &w->sr, &w->handle, &w->why),
					 STT_HS_DROP);
			assert_int_equal(stt_initiator_input(&w->in, NOW, exact, len, &w->si,
							     &w->why), STT_HS_DROP);
		}
	}
	whole(w);
}

/* A wrong seed is silence with a counter on one side, nothing on the other (A7). */
static void test_wrong_seed(void **state)
{
	struct world *w = *state;

	hello_at(w, &w->other, 2000);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_BAD_MAC);
	assert_int_equal(stt_responder_pending(w->re), 0);
	hello(w);
	whole(w);
}

static void test_keyring(void **state)
{
	struct world *w = *state;

	w->ring.n = 2;
	hello_at(w, &w->other, 2000);
	whole(w);
	assert_int_equal(w->sr.seed, 1);
	w->ring.n = 1;
}

static void test_not_accepting(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame response;

	stt_responder_accept(w->re, false);
	hello(w);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_REFUSED);
	stt_responder_accept(w->re, true);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	response = w->out;
	stt_responder_accept(w->re, false);
	w->out = response;
	finish(w);
}

/* Our own HELLO, thrown back at us, must not become a session with ourselves. */
static void test_reflected(void **state)
{
	struct world *w = *state;

	memcpy(w->id_i, w->id_r, 32);
	hello(w);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_OWN);
}

static enum stt_hs_verdict say_hello(struct world *w, int64_t seconds, uint64_t now)
{
	hello_at(w, &w->ring, seconds);
	return to_responder(w, &w->in.hello, now);
}

/* Clocks may differ so much, either way, and that moves with our clock. */
static void test_clocks(void **state)
{
	struct world *w = *state;

	assert_int_equal(say_hello(w, CLOCK - LAG - 1, NOW), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_REPLAYED);
	assert_int_equal(say_hello(w, CLOCK + LAG + 1, NOW), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_REPLAYED);
	assert_int_equal(say_hello(w, CLOCK - LAG, NOW), STT_HS_SEND);
	assert_int_equal(say_hello(w, CLOCK + LAG, NOW), STT_HS_SEND);
	stt_responder_clock(w->re, CLOCK + 3600);
	assert_int_equal(say_hello(w, CLOCK + 3600 - LAG - 1, NOW), STT_HS_DROP);
	assert_int_equal(say_hello(w, CLOCK + 3600, NOW), STT_HS_SEND);
}

/* Started with a clock that is a day ahead, which is then put right. */
static void test_clock_set_back(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame ahead;

	stt_responder_clock(w->re, CLOCK + 86400);
	assert_int_equal(say_hello(w, CLOCK + 86400, NOW), STT_HS_SEND);
	ahead = w->in.hello;
	/* Let it be forgotten, so that its timestamp becomes the floor. */
	stt_responder_clock(w->re, CLOCK + 86400 + 2 * LAG);
	assert_int_equal(say_hello(w, CLOCK + 86400 + 2 * LAG, NOW + 20000), STT_HS_SEND);
	stt_responder_clock(w->re, CLOCK);
	assert_int_equal(say_hello(w, CLOCK, NOW + 20000), STT_HS_SEND);
	assert_int_equal(say_hello(w, CLOCK - 9, NOW + 20000), STT_HS_SEND);
	assert_int_equal(to_responder(w, &ahead, NOW + 20000), STT_HS_DROP);
}

/* A holder whose clock is ahead fills the memory: correct clocks get in all the same. */
static void test_clocks_ahead(void **state)
{
	struct world *w = *state;

	responder(w, 0, 8);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(say_hello(w, CLOCK + LAG - i, NOW), STT_HS_SEND);
		assert_int_equal(say_hello(w, CLOCK, NOW), STT_HS_SEND);
	}
}

/* Refused for now, or for want of room: a repeat gets in, a recording later does not. */
static void test_refused_then_replayed(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame f;

	stt_responder_accept(w->re, false);
	assert_int_equal(say_hello(w, CLOCK, NOW), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_REFUSED);
	f = w->in.hello;
	assert_int_equal(to_responder(w, &f, NOW + 2000), STT_HS_DROP);
	stt_responder_accept(w->re, true);
	assert_int_equal(to_responder(w, &f, NOW + STT_HS_LIFETIME_MS), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_REPLAYED);
	responder(w, 1, 0);
	assert_int_equal(say_hello(w, CLOCK, NOW), STT_HS_SEND);
	assert_int_equal(say_hello(w, CLOCK, NOW), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_FULL);
	f = w->in.hello;
	assert_int_equal(to_responder(w, &f, NOW + STT_HS_LIFETIME_MS), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_REPLAYED);
	assert_int_equal(say_hello(w, CLOCK, NOW + STT_HS_LIFETIME_MS), STT_HS_SEND);
	assert_int_equal(to_responder(w, &w->in.hello, NOW + STT_HS_LIFETIME_MS + 5),
			 STT_HS_SEND);
}

static void test_no_common_suite(void **state)
{
	struct stt_initiator_params p;
	struct world *w = *state;

	stt_hs_time(w->time, 2000, 0);
	p = (struct stt_initiator_params){ .keyring = &w->ring, .node_id = w->id_i,
					   .time = w->time, .suites = 1U << 9, .id = 5 };
	stt_initiator_start(&w->in, &p, NOW);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_UNSUPPORTED);
}

/* A replayed HELLO stays refused when its entry is gone: pushed out, or too old. */
static void test_replay_floor(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame old;
	uint64_t now = NOW;

	responder(w, 0, 8);
	assert_int_equal(say_hello(w, CLOCK, now), STT_HS_SEND);
	old = w->in.hello;
	for (int i = 1; i <= 40; i++) {
		now += STT_HS_LIFETIME_MS;
		stt_responder_clock(w->re, CLOCK + 10 * i);
		assert_int_equal(say_hello(w, CLOCK + 10 * i, now), STT_HS_SEND);
		assert_int_equal(to_responder(w, &old, now), STT_HS_DROP);
		assert_int_equal(w->why, STT_HS_DROP_REPLAYED);
	}
	/* The newest eight are known; up to the one before, all is refused. */
	assert_int_equal(say_hello(w, CLOCK + 320, now), STT_HS_DROP);
	assert_int_equal(say_hello(w, CLOCK + 321, now), STT_HS_SEND);
}

static void test_pending_bound(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame last;

	responder(w, 50, 0);
	for (int i = 0; i < 50; i++) {
		hello_at(w, &w->ring, 2000 + i);
		assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	}
	last = w->in.hello;
	hello_at(w, &w->ring, 2200);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_FULL);
	assert_int_equal(to_responder(w, &last, NOW), STT_HS_SEND);
	assert_int_equal(stt_responder_expire(w->re, NOW), NOW + STT_HS_LIFETIME_MS);
	assert_int_equal(stt_responder_expire(w->re, NOW + STT_HS_LIFETIME_MS), UINT64_MAX);
	assert_int_equal(stt_responder_pending(w->re), 0);
	hello_at(w, &w->ring, 2200);
	assert_int_equal(to_responder(w, &w->in.hello, NOW + STT_HS_LIFETIME_MS), STT_HS_SEND);
	finish(w);
}

/* Completed ones are bounded as well, and newer ones push them out. */
static void test_complete_bound(void **state)
{
	struct stt_hs_frame first = { .len = 0 };
	struct world *w = *state;

	responder(w, 3, 0);
	for (int i = 0; i < 10; i++) {
		hello_at(w, &w->ring, 2000 + i);
		whole(w);
		if (!i)
			first = w->auth;
	}
	assert_int_equal(to_responder(w, &w->auth, NOW), STT_HS_SEND);
	assert_int_equal(to_responder(w, &first, NOW), STT_HS_DROP);
}

/* What could not be installed is forgotten: no FINAL for it, ever. */
static void test_forget(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame response;

	hello(w);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	response = w->out;
	assert_int_equal(to_initiator(w, &response), STT_HS_INSTALL);
	assert_int_equal(to_responder(w, proof(w), NOW), STT_HS_INSTALL);
	stt_responder_forget(w->re, w->handle);
	assert_int_equal(to_responder(w, proof(w), NOW), STT_HS_DROP);
	stt_responder_forget(w->re, w->handle);
}

static void test_back_off(void **state)
{
	static const uint64_t want[] = { 250, 625, 1187, 2030, 3294, 5190, 7190, 9190 };
	struct world *w = *state;
	unsigned int n = 0;

	hello(w);
	for (uint64_t ms = 0; ms < 10000; ms++)
		if (stt_initiator_resend(&w->in, NOW + ms))
			assert_int_equal(ms, want[n++]);
	assert_int_equal(n, sizeof(want) / sizeof(want[0]));
}

/* Many at once, completed in the reverse order: the table finds each. */
static void test_many(void **state)
{
	enum { N = 500 };
	static struct stt_initiator in[N];
	static struct stt_hs_frame response[N];
	struct world *w = *state;

	for (int i = 0; i < N; i++) {
		hello_at(w, &w->ring, 2000 + (i * 7) % LAG);
		assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
		in[i] = w->in;
		response[i] = w->out;
	}
	for (int i = N - 1; i >= 0; i--) {
		w->in = in[i];
		w->in.seed = &w->seeds[0];
		w->out = response[i];
		finish(w);
	}
}

/* Two sealed timestamps, compared as bytes. */
static void test_time(void **state)
{
	uint8_t a[STT_HS_TIME_LEN], b[STT_HS_TIME_LEN];
	static const uint8_t epoch[STT_HS_TIME_LEN] = { 0x40, 0, 0, 0, 0, 0, 0, 10 };

	(void)state;
	stt_hs_time(a, 0, 0);
	assert_memory_equal(a, epoch, sizeof(a));
	stt_hs_time(a, 1700000000, 999999999);
	stt_hs_time(b, 1700000001, 0);
	assert_true(memcmp(a, b, sizeof(a)) < 0);
}

/* ---- several who answer ------------------------------------------------- */

/* Another holder of the seed, with a node of its own. */
static struct stt_responder *other_holder(struct world *w, uint8_t first)
{
	static uint8_t id[32];
	struct stt_responder_params p = {
		.keyring = &w->ring, .node_id = id, .suites = SUITES,
		.clock_s = CLOCK, .lag_s = LAG,
	};
	struct stt_responder *re;

	id[0] = first;
	re = stt_responder_new(&p);
	assert_non_null(re);
	stt_responder_accept(re, true);
	return re;
}

static struct stt_hs_frame ask(struct world *w, struct stt_responder *re,
			       const struct stt_hs_frame *f)
{
	struct stt_hs_frame out = { .len = 0 };
	struct stt_hs_session session;

	assert_int_not_equal(stt_responder_input(re, NOW, 0, f->data, f->len, &out, &session,
						 &w->handle, &w->why), STT_HS_DROP);
	return out;
}

/*
 * A stranger copies HELLO to another holder and brings that one's RESPONSE
 * first. It does not relay further: the true peer gets its turn.
 */
static void test_foreign_response_first(void **state)
{
	struct world *w = *state;
	struct stt_responder *other = other_holder(w, 9);
	struct stt_hs_frame foreign, response, final;

	hello(w);
	foreign = ask(w, other, &w->in.hello);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	response = w->out;
	assert_int_equal(to_initiator(w, &foreign), STT_HS_INSTALL);
	proof(w);
	assert_int_equal(to_initiator(w, &response), STT_HS_HOLD);
	assert_int_equal(to_initiator(w, &response), STT_HS_DROP);
	assert_false(stt_initiator_turn(&w->in, NOW + STT_HS_TURN_MS - 1, &w->si));
	assert_true(stt_initiator_turn(&w->in, NOW + STT_HS_TURN_MS, &w->si));
	assert_int_equal(to_responder(w, proof(w), NOW), STT_HS_INSTALL);
	final = w->out;
	assert_int_equal(to_initiator(w, &final), STT_HS_DONE);
	assert_int_equal(w->in.winner, 1);
	check_sessions(w);
	stt_responder_free(other);
}

/* The first FINAL wins, whoever's turn it is; FINAL without AUTH_PROOF is none. */
static void test_first_final_wins(void **state)
{
	struct world *w = *state;
	struct stt_responder *other = other_holder(w, 9);
	struct stt_hs_frame foreign, final;

	hello(w);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	foreign = ask(w, other, &w->in.hello);
	assert_int_equal(to_initiator(w, &w->out), STT_HS_INSTALL);
	assert_int_equal(to_responder(w, &w->in.candidates[0].proof, NOW), STT_HS_INSTALL);
	final = w->out;
	assert_int_equal(to_initiator(w, &final), STT_HS_DROP);
	proof(w);
	assert_int_equal(to_initiator(w, &foreign), STT_HS_HOLD);
	assert_true(stt_initiator_turn(&w->in, NOW + STT_HS_TURN_MS, &w->si));
	ask(w, other, proof(w));
	assert_int_equal(to_initiator(w, &final), STT_HS_DONE);
	assert_int_equal(w->in.winner, 0);
	stt_responder_free(other);
}

static void test_candidates_bound(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame f;

	hello(w);
	for (int i = 0; i < STT_HS_CANDIDATES + 1; i++) {
		struct stt_responder *other = other_holder(w, (uint8_t)(10 + i));

		f = ask(w, other, &w->in.hello);
		stt_responder_free(other);
		assert_int_equal(to_initiator(w, &f), i == STT_HS_CANDIDATES ? STT_HS_DROP :
				 i ? STT_HS_HOLD : STT_HS_INSTALL);
	}
	assert_int_equal(w->why, STT_HS_DROP_FULL);
}

/* One RESPONSE under another clear header is no other candidate. */
static void test_same_answer_twice(void **state)
{
	struct world *w = *state;
	struct stt_hs_frame f;

	hello(w);
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	f = w->out;
	assert_int_equal(to_initiator(w, &f), STT_HS_INSTALL);
	f.data[STT_HS_OFF_SENDER] ^= 1;
	stt_hs_mac1_set(&w->seeds[0], f.data, f.len);
	assert_int_equal(to_initiator(w, &f), STT_HS_DROP);
}

/* Who asks for a node by its id passes over all others. */
static void test_wanted_peer(void **state)
{
	struct world *w = *state;
	struct stt_initiator_params p = {
		.keyring = &w->ring, .node_id = w->id_i, .peer_id = w->id_r, .time = w->time,
		.suites = SUITES, .id = 77,
	};
	struct stt_responder *other = other_holder(w, 9);
	struct stt_hs_frame foreign;

	stt_hs_time(w->time, CLOCK, 0);
	stt_initiator_start(&w->in, &p, NOW);
	foreign = ask(w, other, &w->in.hello);
	assert_int_equal(to_initiator(w, &foreign), STT_HS_DROP);
	assert_int_equal(w->why, STT_HS_DROP_UNKNOWN);
	assert_true(w->in.other_peer);
	whole(w);
	stt_responder_free(other);
}

/* Neither an ephemeral key nor a handshake outlives what the peer remembers. */
static void test_stale(void **state)
{
	struct world *w = *state;

	hello(w);
	assert_false(stt_initiator_stale(&w->in, NOW + STT_HS_ROUND_MS - 1));
	assert_true(stt_initiator_stale(&w->in, NOW + STT_HS_ROUND_MS));
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	assert_int_equal(stt_initiator_input(&w->in, NOW + 3000, w->out.data, w->out.len, &w->si,
					     &w->why), STT_HS_INSTALL);
	assert_false(stt_initiator_stale(&w->in, NOW + 3000 + STT_HS_ROUND_MS - 1));
	assert_true(stt_initiator_stale(&w->in, NOW + 3000 + STT_HS_ROUND_MS));
	hello(w);
	w->in.start_ms -= STT_HS_ROUND_MS + 1;
	assert_int_equal(to_responder(w, &w->in.hello, NOW), STT_HS_SEND);
	assert_int_equal(to_initiator(w, &w->out), STT_HS_INSTALL);
	assert_true(stt_initiator_stale(&w->in, w->in.start_ms + STT_HS_LIFETIME_MS));
	assert_false(stt_initiator_stale(&w->in, w->in.start_ms + STT_HS_LIFETIME_MS - 1));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_good), T(test_sizes), T(test_repeats),
		T(test_flip_hello), T(test_flip_response), T(test_flip_proof),
		T(test_flip_under_good_mac), T(test_lengths), T(test_wrong_seed),
		T(test_keyring), T(test_not_accepting), T(test_reflected), T(test_clocks),
		T(test_clock_set_back), T(test_clocks_ahead), T(test_refused_then_replayed),
		T(test_no_common_suite), T(test_replay_floor), T(test_pending_bound),
		T(test_complete_bound), T(test_forget), T(test_back_off), T(test_many),
		T(test_time), T(test_foreign_response_first), T(test_first_final_wins),
		T(test_candidates_bound), T(test_same_answer_twice), T(test_wanted_peer),
		T(test_stale),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
