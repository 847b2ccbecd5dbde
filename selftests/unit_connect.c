// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attempts to connect, without a network: several addresses, repeats, the
 * deadline, what ends an attempt and what only hurries it. And the helpers for
 * addresses and name lookup, as far as loopback goes.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>
#include <arpa/inet.h>
#include <sys/eventfd.h>

#include "../lib/handshake_connect.h"
#include "../lib/resolve.h"
#include "../lib/udp.h"

#define SUITES	(1U << STT_SUITE_CHACHA20POLY1305)
#define CLOCK	5000	/* Unix seconds */
#define MAX	64

struct world {
	struct stt_hs_seed	seed;
	struct stt_hs_keyring	ring;
	struct stt_attempt	a;
	int			fail[4];	/* by address: what sending there gives */
	int			sent[MAX];	/* which address, in order */
	unsigned int		n_sent;
	struct stt_hs_frame	last;
};

static union stt_addr address(unsigned int n)
{
	union stt_addr a = { .in = { .sin_family = AF_INET, .sin_port = htons(1000) } };

	a.in.sin_addr.s_addr = htonl(0x0a000000 + n);
	return a;
}

static int fake_send(void *ctx, const union stt_addr *to, const union stt_addr *from,
		     const struct stt_hs_frame *frame)
{
	struct world *w = ctx;
	unsigned int n = ntohl(to->in.sin_addr.s_addr) & 0xff;

	(void)from;
	assert_true(w->n_sent < MAX);
	w->sent[w->n_sent++] = (int)n;
	w->last = *frame;
	return n < 4 ? w->fail[n] : 0;
}

static void begin(struct world *w, unsigned int addresses)
{
	static const uint8_t id[32] = { 1 };
	uint8_t time[STT_HS_TIME_LEN];
	struct stt_initiator_params p = {
		.keyring = &w->ring, .node_id = id, .time = time, .suites = SUITES, .id = 3,
	};

	stt_hs_time(time, CLOCK, 0);
	stt_attempt_free(&w->a);
	w->a = (struct stt_attempt){ .send = fake_send, .ctx = w, .deadline_ms = 10000 };
	w->a.addrs = calloc(addresses, sizeof(*w->a.addrs));
	assert_non_null(w->a.addrs);
	w->a.n_addrs = addresses;
	for (unsigned int i = 0; i < addresses; i++)
		w->a.addrs[i].addr = address(i);
	stt_attempt_start(&w->a, &p, 0);
}

static int setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	randombytes_buf(&w.seed, sizeof(w.seed));
	w.ring = (struct stt_hs_keyring){ &w.seed, 1 };
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	stt_attempt_free(&w->a);
	return 0;
}

/* Only timers, from one to the next, as an event loop does it. */
static int run_until(struct world *w, uint64_t end)
{
	uint64_t now = 0;
	int ret;

	for (;;) {
		ret = stt_attempt_tick(&w->a, now);
		if (ret)
			return ret;
		assert_true(stt_attempt_next(&w->a) > now);
		now = stt_attempt_next(&w->a);
		if (now > end)
			return 0;
	}
}

static void test_silence(void **state)
{
	struct world *w = *state;

	begin(w, 1);
	w->a.deadline_ms = 4500;
	assert_int_equal(run_until(w, 4499), 0);
	assert_int_equal(w->n_sent, 6);		/* at 0 and five repeats */
	assert_int_equal(stt_attempt_next(&w->a), 4500);
	assert_int_equal(stt_attempt_tick(&w->a, 4500), -ETIMEDOUT);
}

static void test_addresses_in_turn(void **state)
{
	struct world *w = *state;

	begin(w, 3);
	assert_int_equal(stt_attempt_tick(&w->a, 0), 0);
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(stt_attempt_next(&w->a), 250);
	assert_int_equal(stt_attempt_tick(&w->a, 249), 0);
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(stt_attempt_tick(&w->a, 250), 0);
	assert_int_equal(w->a.n_started, 2);
	assert_int_equal(stt_attempt_tick(&w->a, 500), 0);
	assert_int_equal(w->a.n_started, 3);
}

/* An ICMP error may be forged: it starts the next address and ends nothing. */
static void test_soft_error(void **state)
{
	struct world *w = *state;
	union stt_addr first = address(0), other = address(9);

	begin(w, 2);
	assert_int_equal(stt_attempt_tick(&w->a, 0), 0);
	stt_attempt_soft_error(&w->a, 5, &other, -ECONNREFUSED);
	assert_int_equal(stt_attempt_next(&w->a), 250);
	stt_attempt_soft_error(&w->a, 5, &first, -ECONNREFUSED);
	assert_int_equal(stt_attempt_next(&w->a), 5);
	assert_int_equal(stt_attempt_tick(&w->a, 5), 0);
	assert_int_equal(w->a.n_started, 2);
	assert_int_equal(w->sent[1], 1);
	/* The second was silent, and that is what is to be said in the end. */
	assert_int_equal(stt_attempt_tick(&w->a, 10000), -ETIMEDOUT);
}

static void test_refused_at_deadline(void **state)
{
	struct world *w = *state;
	union stt_addr first = address(0), second = address(1);

	begin(w, 2);
	assert_int_equal(stt_attempt_tick(&w->a, 0), 0);
	stt_attempt_soft_error(&w->a, 1, &first, -ECONNREFUSED);
	assert_int_equal(stt_attempt_tick(&w->a, 1), 0);
	stt_attempt_soft_error(&w->a, 2, &second, -EHOSTUNREACH);
	assert_int_equal(stt_attempt_tick(&w->a, 9999), 0);
	assert_int_equal(stt_attempt_tick(&w->a, 10000), -ECONNREFUSED);
}

/* What this machine cannot send ends it at once, but only with the last address. */
static void test_local_failure(void **state)
{
	struct world *w = *state;

	w->fail[0] = -ENETUNREACH;
	begin(w, 1);
	assert_int_equal(stt_attempt_tick(&w->a, 0), -ENETUNREACH);
	begin(w, 2);
	w->n_sent = 0;
	assert_int_equal(stt_attempt_tick(&w->a, 0), 0);
	assert_int_equal(w->n_sent, 2);		/* no waiting for the second */
	assert_int_equal(stt_attempt_tick(&w->a, 10000), -ETIMEDOUT);
}

/* The network came back: a repeat works. */
static void test_local_failure_heals(void **state)
{
	struct world *w = *state;

	begin(w, 2);
	w->fail[0] = -ENETUNREACH;
	assert_int_equal(stt_attempt_tick(&w->a, 0), 0);
	assert_true(w->a.addrs[0].dead);
	w->fail[0] = 0;
	assert_int_equal(stt_attempt_tick(&w->a, 250), 0);
	assert_false(w->a.addrs[0].dead);
}

static void test_own(void **state)
{
	struct world *w = *state;

	begin(w, 1);
	assert_int_equal(stt_attempt_tick(&w->a, 0), 0);
	w->a.own = true;
	assert_int_equal(stt_attempt_tick(&w->a, 10000), -ELOOP);
	/* Reflected, but something else is known of the address, or somebody answers. */
	w->a.addrs[0].error = -EHOSTUNREACH;
	assert_int_equal(stt_attempt_tick(&w->a, 10000), -EHOSTUNREACH);
	w->a.addrs[0].error = 0;
	w->a.answered = true;
	assert_int_equal(stt_attempt_tick(&w->a, 10000), -ETIMEDOUT);
}

struct holders {
	struct stt_responder	*re[2];
	struct stt_hs_frame	response[2], final;
};

/* Two holders of the seed answer the HELLO that went to two addresses. */
static void begin_two(struct world *w, struct holders *h)
{
	static const uint8_t ids[2][32] = { { 2 }, { 3 } };
	struct stt_hs_session session;
	enum stt_hs_drop why;
	uint32_t handle;

	begin(w, 2);
	assert_int_equal(stt_attempt_tick(&w->a, 0), 0);
	assert_int_equal(stt_attempt_tick(&w->a, 250), 0);
	for (int i = 0; i < 2; i++) {
		struct stt_responder_params p = {
			.keyring = &w->ring, .node_id = ids[i], .suites = SUITES,
			.clock_s = CLOCK, .lag_s = 300,
		};

		h->re[i] = stt_responder_new(&p);
		assert_non_null(h->re[i]);
		stt_responder_accept(h->re[i], true);
		assert_int_equal(stt_responder_input(h->re[i], 300, 0, w->last.data, w->last.len,
						     &h->response[i], &session, &handle, &why),
				 STT_HS_SEND);
	}
}

static void end_two(struct holders *h)
{
	stt_responder_free(h->re[0]);
	stt_responder_free(h->re[1]);
}

static enum stt_hs_verdict input(struct world *w, uint64_t now, unsigned int from,
				 const struct stt_hs_frame *f, struct stt_hs_session *session)
{
	union stt_addr peer = address(from), local = address(7);
	enum stt_hs_drop why;

	return stt_attempt_input(&w->a, now, &peer, &local, f->data, f->len, session, &why);
}

/* The first who answers is asked to confirm, alone at first; then the next one. */
static void test_turns(void **state)
{
	struct world *w = *state;
	struct stt_hs_session first, second;
	struct holders h;

	begin_two(w, &h);
	assert_int_equal(input(w, 300, 1, &h.response[1], &first), STT_HS_INSTALL);
	w->n_sent = 0;
	stt_attempt_prove(&w->a, 0);
	assert_int_equal(input(w, 301, 0, &h.response[0], &second), STT_HS_HOLD);
	assert_false(stt_attempt_turn(&w->a, 301, &second));
	assert_int_equal(stt_attempt_tick(&w->a, 550), 0);
	assert_int_equal(w->n_sent, 2);
	assert_int_equal(w->sent[0], 1);
	assert_int_equal(w->sent[1], 1);
	assert_int_equal(w->last.len, STT_HS_PROOF_LEN);
	assert_int_equal(stt_attempt_tick(&w->a, 925), 0);
	assert_int_equal(stt_attempt_next(&w->a), 300 + STT_HS_TURN_MS);
	assert_true(stt_attempt_turn(&w->a, 300 + STT_HS_TURN_MS, &second));
	assert_true(first.id != second.id);
	w->n_sent = 0;
	stt_attempt_prove(&w->a, 1);
	assert_int_equal(w->sent[0], 0);
	end_two(&h);
}

/* The thread was held up: what came is read after the deadline, and is too late. */
static void test_late(void **state)
{
	struct world *w = *state;
	struct stt_hs_session session;
	struct holders h;
	enum stt_hs_drop why;
	uint32_t handle;

	begin_two(w, &h);
	assert_int_equal(input(w, 10000, 0, &h.response[0], &session), STT_HS_DROP);
	assert_int_equal(input(w, 9998, 1, &h.response[1], &session), STT_HS_INSTALL);
	stt_attempt_prove(&w->a, 0);
	assert_int_equal(stt_responder_input(h.re[1], 9999, 0, w->last.data, w->last.len,
					     &h.final, &session, &handle, &why), STT_HS_INSTALL);
	assert_int_equal(input(w, 10000, 1, &h.final, &session), STT_HS_DROP);
	assert_int_equal(input(w, 9999, 1, &h.final, &session), STT_HS_DONE);
	end_two(&h);
}

/* One has answered and confirms nothing: HELLO goes on, to find another. */
static void test_search_goes_on(void **state)
{
	struct world *w = *state;
	struct stt_hs_session session;
	struct holders h;
	bool hello = false;

	begin_two(w, &h);
	assert_int_equal(input(w, 300, 1, &h.response[1], &session), STT_HS_INSTALL);
	stt_attempt_prove(&w->a, 0);
	for (uint64_t now = 300; now < 4000; now = stt_attempt_next(&w->a)) {
		assert_int_equal(stt_attempt_tick(&w->a, now), 0);
		assert_true(now >= 300 + STT_HS_TURN_MS || w->last.len == STT_HS_PROOF_LEN);
		hello |= w->last.len == STT_HS_HELLO_LEN;
	}
	assert_true(hello);
	assert_int_equal(stt_attempt_tick(&w->a, 10000), -ETIMEDOUT);
	end_two(&h);
}

/* A round without an answer is followed by another, with another HELLO, to all at once. */
static void test_rounds(void **state)
{
	static const uint8_t id[32] = { 1 };
	uint8_t time[STT_HS_TIME_LEN];
	struct stt_initiator_params p = {
		.node_id = id, .time = time, .suites = SUITES, .id = 4,
	};
	struct world *w = *state;
	struct stt_hs_frame old;

	p.keyring = &w->ring;
	stt_hs_time(time, CLOCK + 5, 0);
	begin(w, 2);
	w->a.deadline_ms = 60000;
	assert_int_equal(run_until(w, STT_HS_ROUND_MS - 1), 0);
	old = w->last;
	assert_true(stt_attempt_next(&w->a) == STT_HS_ROUND_MS);
	assert_false(stt_attempt_stale(&w->a, STT_HS_ROUND_MS - 1));
	assert_true(stt_attempt_stale(&w->a, STT_HS_ROUND_MS));
	w->n_sent = 0;
	stt_attempt_start(&w->a, &p, STT_HS_ROUND_MS);
	assert_int_equal(w->n_sent, 2);
	assert_memory_not_equal(w->last.data + STT_HS_HDR_LEN, old.data + STT_HS_HDR_LEN,
				STT_HS_EPHEMERAL_LEN);
	/* It repeats no faster than it did in the end. */
	assert_true(stt_attempt_next(&w->a) >= STT_HS_ROUND_MS + 1000);
	w->a.deadline_ms = 10000;
	assert_false(stt_attempt_stale(&w->a, 10000));
}

/* ---- addresses and names ------------------------------------------------ */

static void test_addr_text(void **state)
{
	union stt_addr a = address(1), six = { .in6 = { .sin6_family = AF_INET6 } };
	char text[STT_ADDR_TEXT_LEN];

	(void)state;
	assert_string_equal(stt_addr_text(&a, text), "10.0.0.1:1000");
	six.in6.sin6_addr = in6addr_loopback;
	six.in6.sin6_port = htons(8080);
	assert_string_equal(stt_addr_text(&six, text), "[::1]:8080");
	assert_false(stt_addr_equal(&a, &six));
	assert_true(stt_addr_equal(&six, &six));
}

static void test_addr_unmap(void **state)
{
	union stt_addr a = { .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(1000) } };
	union stt_addr want = address(1);

	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:10.0.0.1", &a.in6.sin6_addr), 1);
	stt_addr_unmap(&a);
	assert_true(stt_addr_equal(&a, &want));
}

static void test_resolve_numbers(void **state)
{
	struct stt_resolve *r;
	union stt_addr *addrs;

	(void)state;
	assert_int_equal(stt_resolve_start("::1", 8080, -1, &r), 0);
	assert_int_equal(stt_resolve_result(r, &addrs), 1);
	assert_int_equal(addrs[0].sa.sa_family, AF_INET6);
	assert_int_equal(ntohs(addrs[0].in6.sin6_port), 8080);
	free(addrs);
	stt_resolve_free(r);
}

static void test_resolve_names(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC), n;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	union stt_addr *addrs = NULL;
	struct stt_resolve *r;

	(void)state;
	assert_int_equal(stt_resolve_start("localhost", 1, fd, &r), 0);
	assert_int_equal(poll(&p, 1, 20000), 1);
	n = stt_resolve_result(r, &addrs);
	assert_true(n >= 1);
	free(addrs);
	stt_resolve_free(r);
	assert_int_equal(stt_resolve_start("no such name.invalid", 1, fd, &r), 0);
	stt_resolve_free(r);	/* abandoned while its thread runs */
	close(fd);
}

static void test_resolve_bind(void **state)
{
	union stt_addr addr;

	(void)state;
	assert_int_equal(stt_resolve_bind("0.0.0.0", 7, &addr), 0);
	assert_true(stt_addr_is_any(&addr));
	assert_int_equal(stt_resolve_bind("256.1.1.1.invalid", 7, &addr), -ENXIO);
}

static void test_udp(void **state)
{
	static const union stt_addr any;
	union stt_addr lo = address(0), bound, again;
	char byte = 0;
	int fd, to;

	(void)state;
	lo.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	lo.in.sin_port = 0;
	fd = stt_udp_open(&lo, &bound);
	assert_true(fd >= 0);
	assert_int_equal(stt_udp_open(&bound, &again), -EADDRINUSE);
	to = stt_udp_open(&lo, &again);
	assert_true(to >= 0);
	assert_int_equal(stt_udp_send(fd, AF_INET, &again, &any, "x", 1), 0);
	assert_int_equal(stt_udp_send(fd, AF_INET, &again, &bound, "y", 1), 0);
	assert_int_equal(recv(to, &byte, 1, 0), 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(recv(to, &byte, 1, 0), 1);
	close(to);
	close(fd);
}

/* A refusal is on the error queue, with the address that it is about. */
static void test_udp_error(void **state)
{
	static const union stt_addr any;
	union stt_addr lo = address(0), bound, gone, about;
	struct pollfd p = { .events = 0 };
	int error, to;

	(void)state;
	lo.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	lo.in.sin_port = 0;
	to = stt_udp_open(&lo, &gone);
	assert_true(to >= 0);
	close(to);
	p.fd = stt_udp_open(&lo, &bound);
	assert_true(p.fd >= 0);
	assert_int_equal(stt_udp_send(p.fd, AF_INET, &gone, &any, "x", 1), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_true(stt_udp_error(p.fd, &about, &error));
	assert_int_equal(error, -ECONNREFUSED);
	assert_true(stt_addr_equal(&about, &gone));
	assert_false(stt_udp_error(p.fd, &about, &error));
	assert_int_equal(poll(&p, 1, 0), 0);
	close(p.fd);
}

/* However many errors came meanwhile, they are not about this datagram. */
static void test_udp_send_after_errors(void **state)
{
	static const union stt_addr any;
	union stt_addr lo = address(0), bound, gone, good;
	int fd, to;

	(void)state;
	lo.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	lo.in.sin_port = 0;
	to = stt_udp_open(&lo, &gone);
	assert_true(to >= 0);
	close(to);
	to = stt_udp_open(&lo, &good);
	fd = stt_udp_open(&lo, &bound);
	assert_true(to >= 0 && fd >= 0);
	for (int i = 0; i < 100; i++)
		(void)stt_udp_send(fd, AF_INET, &gone, &any, "x", 1);
	assert_int_equal(stt_udp_send(fd, AF_INET, &good, &any, "x", 1), 0);
	close(to);
	close(fd);
}

static void test_udp_route(void **state)
{
	union stt_addr any = { .in = { .sin_family = AF_INET } }, lo = address(0), none = lo;
	union stt_addr any6 = { .in6 = { .sin6_family = AF_INET6 } };

	(void)state;
	lo.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	none.in.sin_addr.s_addr = htonl(0xf0000001);	/* class E is routed nowhere */
	assert_int_equal(stt_udp_route(&any, &lo), 0);
	assert_int_equal(stt_udp_route(&any6, &lo), 0);
	/* From loopback no other network can be reached, whatever routes there are. */
	assert_true(stt_udp_route(&lo, &none) < 0);
	assert_int_equal(stt_udp_route(&none, &lo), -EADDRNOTAVAIL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_silence), T(test_addresses_in_turn), T(test_soft_error),
		T(test_refused_at_deadline), T(test_local_failure),
		T(test_local_failure_heals), T(test_own), T(test_turns), T(test_late),
		T(test_search_goes_on), T(test_rounds),
		T(test_addr_text), T(test_addr_unmap), T(test_resolve_numbers),
		T(test_resolve_names), T(test_resolve_bind), T(test_udp), T(test_udp_error),
		T(test_udp_send_after_errors), T(test_udp_route),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
