// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz both handshake machines. The input is a list of commands: each takes
 * the newest frame of one of the four kinds, edits it (with or without
 * repairing mac1, so that the fuzzer gets past it), and gives it to a side. An
 * edited frame must never complete a handshake.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <linux/stt.h>

#include "../lib/handshake.h"

#define SUITES	(1U << STT_SUITE_CHACHA20POLY1305)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct stt_hs_seed	seed;
	struct stt_hs_keyring	ring;
	struct stt_initiator	in;
	struct stt_responder	*re;
	struct stt_hs_frame	kinds[4];
	uint64_t		session;	/* that it is about; 0: a new one */
	bool			edited;		/* what was taken so far */
};

static const struct stt_hs_rekey rekey_r = { .session = 5, .epoch = 1, .secret = { 7 } };

static bool find(void *ctx, uint64_t session, uint8_t epoch, struct stt_hs_rekey *rekey)
{
	(void)ctx;
	*rekey = rekey_r;
	return session == rekey_r.session && epoch == rekey_r.epoch;
}

static bool admit(void *ctx, uint64_t session, uint8_t epoch, const uint8_t *time)
{
	(void)ctx;
	return session == rekey_r.session && epoch == rekey_r.epoch && time[0];
}

static void setup(struct world *w, bool rekey)
{
	static const uint8_t id_i[32] = { 1 }, id_r[32] = { 2 };
	uint8_t time[STT_HS_TIME_LEN];
	struct stt_responder_params rp = {
		.keyring = &w->ring, .node_id = id_r, .suites = SUITES,
		.pending_max = 4, .replay_max = 4, .clock_s = 1, .lag_s = 300,
		.rekey = { .find = find, .admit = admit },
	};
	struct stt_hs_rekey rekey_i = rekey_r;
	struct stt_initiator_params ip = {
		.keyring = &w->ring, .node_id = id_i, .time = time, .suites = SUITES, .id = 9,
	};

	memset(w, 0, sizeof(*w));
	rekey_i.first = true;
	if (rekey) {
		w->session = rekey_r.session;
		ip.rekey = &rekey_i;
	}
	w->ring = (struct stt_hs_keyring){ &w->seed, 1 };
	stt_hs_time(time, 1, 0);
	w->re = stt_responder_new(&rp);
	if (!w->re)
		abort();
	stt_responder_accept(w->re, true);
	stt_initiator_start(&w->in, &ip, 0);
	w->kinds[0] = w->in.hello;
}

/* Give a frame to the side it is for and keep the answer as the next kind. */
static enum stt_hs_verdict deliver(struct world *w, const uint8_t *frame, size_t len,
				   int kind, uint64_t in, uint64_t now)
{
	struct stt_hs_session session;
	enum stt_hs_verdict verdict;
	struct stt_hs_frame out = { .len = 0 };
	enum stt_hs_drop why;
	uint32_t handle;

	if (kind & 1) {
		verdict = stt_initiator_input(&w->in, now, frame, len, &session, &why);
		if (verdict == STT_HS_HOLD && stt_initiator_turn(&w->in, now, &session))
			verdict = STT_HS_INSTALL;
		if (verdict == STT_HS_INSTALL) {
			w->in.candidates[w->in.n_turns - 1].proving = true;
			out = w->in.candidates[w->in.n_turns - 1].proof;
		}
	} else {
		verdict = stt_responder_input(w->re, now, in, frame, len, &out, &session,
					      &handle, &why);
	}
	if (verdict == STT_HS_SEND || verdict == STT_HS_INSTALL)
		w->kinds[(kind + 1) & 3] = out;
	return verdict;
}

static void step(struct world *w, const uint8_t *cmd, uint64_t now)
{
	uint8_t frame[STT_HS_HELLO_LEN];
	int kind = cmd[0] & 3;
	size_t len = w->kinds[kind].len;
	enum stt_hs_verdict verdict;
	bool before = w->edited;

	if (!len)
		return;
	memcpy(frame, w->kinds[kind].data, len);
	if (cmd[0] & 4)
		frame[cmd[1] % len] ^= cmd[2];
	if ((cmd[0] & 8) && stt_hs_check(frame, len) >= 0)
		stt_hs_mac1_set(&w->seed, frame, len);
	if (cmd[0] & 16)
		len = cmd[1] % (len + 1);
	w->edited |= len != w->kinds[kind].len || memcmp(frame, w->kinds[kind].data, len);
	/* The wrong way in is no way. */
	if ((cmd[0] & 32) && !(kind & 1)) {
		if (deliver(w, frame, len, kind, w->session ^ cmd[1] ^ 0x100, now) != STT_HS_DROP)
			abort();
		w->edited = before;
		return;
	}
	verdict = deliver(w, frame, len, kind, w->session, now);
	if (!w->edited)
		return;
	/*
	 * RESPONSE's clear header is proved by AUTH_PROOF, so a holder of the
	 * seed can make the initiator go on with a changed one; nothing more.
	 */
	if (verdict == STT_HS_DONE || (verdict == STT_HS_INSTALL && kind == 2))
		abort();
	if (verdict == STT_HS_DROP)
		w->edited = before;
}

static void run(const uint8_t *data, size_t size, bool rekey)
{
	struct stt_hs_session session;
	struct stt_hs_frame out;
	enum stt_hs_drop why;
	struct world w;
	uint32_t handle;

	setup(&w, rekey);
	stt_responder_input(w.re, 0, w.session, data, size, &out, &session, &handle, &why);
	stt_initiator_input(&w.in, 0, data, size, &session, &why);
	for (size_t i = 0; i + 4 <= size; i += 4)
		step(&w, data + i, (uint64_t)data[i + 3] * 100);
	stt_responder_free(w.re);
	stt_initiator_wipe(&w.in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (sodium_init() < 0)
		abort();
	run(data, size, false);
	run(data, size, true);
	return 0;
}
