// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cipher suite that a handshake agrees on: what each side may say, who
 * decides, and that nobody between them can turn it down.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <sodium.h>

#include "handshake.h"
#include "node.h"

#define CHACHA	STT_SUITE_CHACHA20POLY1305
#define GCM	STT_SUITE_AES256GCM
#define BIT(n)	(1U << (n))
#define BOTH	(BIT(CHACHA) | BIT(GCM))
#define NOW	1000

struct world {
	struct stt_hs_seed	seed;
	struct stt_hs_keyring	ring;
	struct stt_initiator	in;
	struct stt_responder	*re;
	struct stt_hs_frame	out;
	struct stt_hs_session	session;
	uint32_t		handle;
	enum stt_hs_drop	why;
};

static void begin(struct world *w, uint32_t offered, uint32_t taken, uint8_t preferred)
{
	static uint8_t id_i[32] = { 1 }, id_r[32] = { 2 }, time[STT_HS_TIME_LEN];
	struct stt_responder_params r = {
		.keyring = &w->ring, .node_id = id_r, .suites = taken,
		.preferred_suite = preferred, .clock_s = 2000, .lag_s = 300,
	};
	struct stt_initiator_params i = {
		.keyring = &w->ring, .node_id = id_i, .time = time, .suites = offered, .id = 7,
	};

	memset(w, 0, sizeof(*w));
	memset(&w->seed, 0x5e, sizeof(w->seed));
	w->ring = (struct stt_hs_keyring){ &w->seed, 1 };
	stt_hs_time(time, 2000, 5);
	stt_initiator_start(&w->in, &i, NOW);
	w->re = stt_responder_new(&r);
	assert_non_null(w->re);
	stt_responder_accept(w->re, true);
}

static void end(struct world *w)
{
	stt_responder_free(w->re);
	stt_initiator_wipe(&w->in);
}

static enum stt_hs_verdict ask(struct world *w)
{
	const struct stt_hs_frame *f = &w->in.hello;

	return stt_responder_input(w->re, NOW, 0, f->data, f->len, &w->out, &w->session,
				   &w->handle, &w->why);
}

static enum stt_hs_verdict answer(struct world *w)
{
	return stt_initiator_input(&w->in, NOW, w->out.data, w->out.len, &w->session, &w->why);
}

/* What both come to, 0: nothing. */
static uint8_t agreed(uint32_t offered, uint32_t taken, uint8_t preferred)
{
	struct stt_hs_frame proof;
	uint8_t suite = 0;
	struct world w;

	begin(&w, offered, taken, preferred);
	if (ask(&w) == STT_HS_SEND) {
		assert_int_equal(answer(&w), STT_HS_INSTALL);
		suite = w.session.suite;
		w.in.candidates[0].proving = true;
		proof = w.in.candidates[0].proof;
		assert_int_equal(stt_responder_input(w.re, NOW, 0, proof.data, proof.len, &w.out,
						     &w.session, &w.handle, &w.why),
				 STT_HS_INSTALL);
		assert_int_equal(w.session.suite, suite);
	} else {
		assert_int_equal(w.why, STT_HS_DROP_UNSUPPORTED);
	}
	end(&w);
	return suite;
}

static void test_choice(void **state)
{
	(void)state;
	assert_int_equal(agreed(BOTH, BOTH, GCM), GCM);
	assert_int_equal(agreed(BOTH, BOTH, CHACHA), CHACHA);
	assert_int_equal(agreed(BOTH, BOTH, 0), CHACHA);
	assert_int_equal(agreed(BIT(CHACHA), BOTH, GCM), CHACHA);
	assert_int_equal(agreed(BIT(GCM), BOTH, CHACHA), GCM);
	assert_int_equal(agreed(BOTH, BIT(CHACHA), CHACHA), CHACHA);
	assert_int_equal(agreed(BOTH, BIT(GCM), GCM), GCM);
	assert_int_equal(agreed(BIT(GCM), BIT(CHACHA), CHACHA), 0);
	assert_int_equal(agreed(BIT(CHACHA), BIT(GCM), GCM), 0);
	assert_int_equal(agreed(0, BOTH, GCM), 0);
	/* Bits that nobody knows yet do no harm. */
	assert_int_equal(agreed(~0U, BOTH, GCM), GCM);
}

/*
 * The seals are made with a stream cipher, so who flips a bit under them flips
 * just that bit of the offer. With the seed he can repair mac1, too.
 */
static void test_offer_changed(void **state)
{
	const size_t at = STT_HS_HDR_LEN + 32 + STT_HS_HELLO_OFF_SUITES + 3;
	struct world w;

	(void)state;
	begin(&w, BOTH, BOTH, GCM);
	w.in.hello.data[at] ^= BIT(GCM);
	stt_hs_mac1_set(&w.seed, w.in.hello.data, STT_HS_HELLO_LEN);
	assert_int_equal(ask(&w), STT_HS_DROP);
	assert_int_equal(w.why, STT_HS_DROP_BAD_SEAL);
	/* It was this bit that counted. */
	w.in.hello.data[at] ^= BIT(GCM);
	stt_hs_mac1_set(&w.seed, w.in.hello.data, STT_HS_HELLO_LEN);
	assert_int_equal(ask(&w), STT_HS_SEND);
	end(&w);
}

static void test_choice_changed(void **state)
{
	const size_t at = STT_HS_HDR_LEN + 32 + STT_HS_RESPONSE_OFF_SUITE;
	struct world w;

	(void)state;
	begin(&w, BOTH, BOTH, GCM);
	assert_int_equal(ask(&w), STT_HS_SEND);
	w.out.data[at] ^= GCM ^ CHACHA;
	stt_hs_mac1_set(&w.seed, w.out.data, STT_HS_RESPONSE_LEN);
	assert_int_equal(answer(&w), STT_HS_DROP);
	assert_int_equal(w.why, STT_HS_DROP_BAD_SEAL);
	w.out.data[at] ^= GCM ^ CHACHA;
	stt_hs_mac1_set(&w.seed, w.out.data, STT_HS_RESPONSE_LEN);
	assert_int_equal(answer(&w), STT_HS_INSTALL);
	assert_int_equal(w.session.suite, GCM);
	end(&w);
}

/* A responder that takes what was not offered. */
static void test_not_offered(void **state)
{
	struct world w;

	(void)state;
	begin(&w, BOTH, BOTH, GCM);
	assert_int_equal(ask(&w), STT_HS_SEND);
	w.in.suites = BIT(CHACHA);
	assert_int_equal(answer(&w), STT_HS_DROP);
	w.in.suites = BOTH;
	assert_int_equal(answer(&w), STT_HS_INSTALL);
	end(&w);
}

/* The peer of another offer cannot be passed off: the offer is in the transcript. */
static void test_other_offer(void **state)
{
	struct world low, high;

	(void)state;
	begin(&low, BIT(CHACHA), BOTH, GCM);
	begin(&high, BOTH, BOTH, GCM);
	assert_int_equal(ask(&low), STT_HS_SEND);
	high.out = low.out;
	assert_int_equal(answer(&high), STT_HS_DROP);
	end(&low);
	end(&high);
}

static int checked(uint32_t suites, uint8_t preferred)
{
	struct stt_node_config config;

	stt_node_config_init(&config);
	config.suites = suites;
	config.preferred_suite = preferred;
	return node_suites_check(&config);
}

static void test_config(void **state)
{
	(void)state;
	assert_int_equal(checked(0, 0), 0);
	assert_int_equal(checked(BOTH, 0), 0);
	assert_int_equal(checked(BIT(GCM), GCM), 0);
	assert_int_equal(checked(0, GCM), 0);
	assert_int_equal(checked(BIT(CHACHA), GCM), -EINVAL);
	assert_int_equal(checked(BIT(3), 0), -EINVAL);
	assert_int_equal(checked(1, 0), -EINVAL);
	assert_int_equal(checked(0, 3), -EINVAL);
	assert_int_equal(checked(BOTH, 255), -EINVAL);
}

static uint32_t chosen(uint32_t suites, uint8_t preferred, uint32_t kernel, uint8_t *first)
{
	static struct stt_node node;

	node.config.suites = suites;
	node.config.preferred_suite = preferred;
	if (node_suites_choose(&node, kernel))
		return 0;
	*first = node.preferred_suite;
	return node.suites;
}

static void test_defaults(void **state)
{
	bool aes = crypto_aead_aes256gcm_is_available();
	uint8_t first;

	(void)state;
	assert_int_equal(chosen(0, 0, BOTH, &first), aes ? BOTH : BIT(CHACHA));
	assert_int_equal(first, aes ? GCM : CHACHA);
	assert_int_equal(chosen(0, 0, BIT(CHACHA), &first), BIT(CHACHA));
	assert_int_equal(chosen(0, CHACHA, BOTH, &first), aes ? BOTH : BIT(CHACHA));
	assert_int_equal(first, CHACHA);
	assert_int_equal(chosen(0, GCM, BOTH, &first), BOTH);
	assert_int_equal(chosen(BOTH, CHACHA, BOTH, &first), BOTH);
	assert_int_equal(first, CHACHA);
	assert_int_equal(chosen(BIT(GCM), 0, BOTH, &first), BIT(GCM));
	assert_int_equal(chosen(BIT(GCM), 0, BIT(CHACHA), &first), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice), cmocka_unit_test(test_offer_changed),
		cmocka_unit_test(test_choice_changed), cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_other_offer), cmocka_unit_test(test_config),
		cmocka_unit_test(test_defaults),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("suites", tests, NULL, NULL);
}
