// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/lossy.c */
/*
 * A30: sessions of two nodes are rekeyed by age, volume and on demand, from
 * both ends at once, with 10 % of all frames lost and messages under way in
 * both directions. All that reaches a node is opened: nothing is lost to it.
 */
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <syslog.h>

#include <stt/control.h>
#include <stt/wire.h>

#include "lib/lossy.h"
#include "node_util.h"

#define WAIT_MS	30000	/* for what has to happen */
#define GAP_US	2000	/* between two messages */

struct pair {
	struct lossy	relay;
	struct stt_node	*node[2];		/* server, client */
	uint64_t	id;
};

struct rekeying {
	uint32_t	age_ms, volume;
};

/* Warnings about rekeys that failed. */
static atomic_uint warnings;

static void note(void *arg, int priority, const char *message)
{
	(void)arg;
	if (priority == LOG_WARNING && strstr(message, "could not be rekeyed"))
		atomic_fetch_add(&warnings, 1);
}

static struct stt_node *make(const struct rekeying *how)
{
	struct stt_node_config config = config_of(SHARED, "127.0.0.1", 0);

	config.has_rekey_age = true;
	config.rekey_age_ms = how->age_ms;
	config.rekey_volume = how->volume;
	config.log = note;
	return make_node_of(&config);
}

static void pair_open(struct pair *p, const struct rekeying *how)
{
	struct stt_session session;
	uint16_t port;

	for (int i = 0; i < 2; i++)
		p->node[i] = started(make(how), STT_START_THREAD | (i ? 0 : STT_START_SERVER),
				     i ? NULL : &port);
	if (!lossy_start(&p->relay, port))
		tap_bail("no relay");
	if (stt_node_connect(p->node[1], "127.0.0.1", p->relay.port, 0, &session))
		tap_bail("cannot connect: %s", stt_errmsg());
	p->id = session.id;
}

static void pair_close(struct pair *p)
{
	stt_node_free(p->node[1]);
	stt_node_free(p->node[0]);
	lossy_stop(&p->relay);
}

static unsigned int epoch_of(const struct pair *p, int end)
{
	struct stt_session s = { .epoch = 255 };

	stt_node_session(p->node[end], p->id, &s);
	return s.epoch;
}

static void nap(unsigned int us)
{
	const struct timespec wait = { .tv_nsec = (long)us * 1000 };

	nanosleep(&wait, NULL);
}

/* Both ends send in this epoch, soon. */
static bool reaches(const struct pair *p, unsigned int epoch)
{
	uint64_t end = now_ms() + WAIT_MS;

	while (epoch_of(p, 0) != epoch || epoch_of(p, 1) != epoch) {
		if (now_ms() > end) {
			tap_diag("epochs %u and %u, not %u", epoch_of(p, 0), epoch_of(p, 1),
				 epoch);
			return false;
		}
		nap(10000);
	}
	return true;
}

/* A message each way, with nothing lost. */
/* Both have left that epoch, for one that they share. */
static bool moves_on(const struct pair *p, unsigned int from)
{
	uint64_t end = now_ms() + WAIT_MS;

	while (epoch_of(p, 0) == from || epoch_of(p, 0) != epoch_of(p, 1)) {
		if (now_ms() > end) {
			tap_diag("epochs %u and %u, from %u", epoch_of(p, 0), epoch_of(p, 1),
				 from);
			return false;
		}
		nap(10000);
	}
	return true;
}

static bool talks(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		struct stt_packet packet;
		char buf[8];

		if (stt_node_send(p->node[i], p->id, 1, 0, "hello", 5, 0) ||
		    stt_node_recv(p->node[!i], &packet, buf, sizeof(buf), WAIT_MS) != 5)
			return false;
	}
	return true;
}

/* ---- load ---------------------------------------------------------------- */

struct load {
	struct pair	*pair;
	int		end;
	atomic_bool	stop;
	unsigned long	sent, received, failed;
	pthread_t	sender, receiver;
};

static void *sender(void *arg)
{
	struct load *l = arg;

	while (!atomic_load(&l->stop)) {
		int ret = stt_node_send(l->pair->node[l->end], l->pair->id, 1, 0, &l->sent,
					sizeof(l->sent), 0);

		if (ret && !l->failed++)
			tap_diag("send: %s", stt_errmsg());
		l->sent += !ret;
		nap(GAP_US);
	}
	return NULL;
}

/* Until it is told so and nothing more comes. */
static void *receiver(void *arg)
{
	struct load *l = arg;
	struct stt_packet packet;
	unsigned long number;
	ssize_t n;

	do {
		n = stt_node_recv(l->pair->node[!l->end], &packet, &number, sizeof(number), 500);
		l->received += n > 0;
	} while (n > 0 || !atomic_load(&l->stop));
	return NULL;
}

static void load_start(struct load *l, struct pair *p, int end)
{
	*l = (struct load){ .pair = p, .end = end };
	pthread_create(&l->receiver, NULL, receiver, l);
	pthread_create(&l->sender, NULL, sender, l);
}

static void load_stop(struct load *l)
{
	atomic_store(&l->stop, true);
	pthread_join(l->sender, NULL);
	pthread_join(l->receiver, NULL);
}

/* What the relay passed on to @end was opened there, all of it. */
static bool all_opened(const struct pair *p, const struct load *l)
{
	struct stt_node_stats stats = stats_of(p->node[!l->end]);
	const uint64_t *v = stats.kernel.v;
	unsigned long out = atomic_load(&p->relay.out[!l->end]);
	uint64_t dropped = 0;

	for (int i = STT_A_STATS_DROP_MALFORMED; i < STT_A_STATS_DROP_HANDSHAKE; i++)
		dropped += v[i];
	tap_diag("sent %lu, failed %lu, passed on %lu, opened %llu, dropped %llu, read %lu",
		 l->sent, l->failed, out, (unsigned long long)v[STT_A_STATS_RX_FRAMES],
		 (unsigned long long)dropped, l->received);
	/* Some are of rekeys, or heartbeats that move to the new epoch; none is missing. */
	return !l->failed && v[STT_A_STATS_RX_FRAMES] == out && !dropped &&
	       l->received <= out && l->received + v[STT_A_STATS_RX_HANDSHAKE] + 64 >= out;
}

static void rekey_often(struct pair *p, unsigned int times)
{
	for (unsigned int i = 0; i < times; i++) {
		/* Both at once, one, the other. */
		if (i % 3 != 1)
			stt_node_rekey(p->node[0], p->id);
		if (i % 3 != 2)
			stt_node_rekey(p->node[1], p->id);
		nap(400000);
	}
}

static void test_load(const char *what, const struct rekeying *how, bool demand)
{
	struct load load[2];
	struct pair p;
	uint64_t rekeys;

	pair_open(&p, how);
	atomic_store(&p.relay.percent, 10);
	for (int i = 0; i < 2; i++)
		load_start(&load[i], &p, !i);
	if (demand)
		rekey_often(&p, 20);
	else
		for (int i = 0; i < 40 || (i < 120 && stats_of(p.node[0]).rekeys < 3); i++)
			nap(250000);
	for (int i = 0; i < 2; i++)
		load_stop(&load[i]);
	rekeys = stats_of(p.node[0]).rekeys;
	tap_diag("%llu and %llu rekeys", (unsigned long long)rekeys,
		 (unsigned long long)stats_of(p.node[1]).rekeys);
	tap_ok(rekeys >= 3, "A30 rekey %s, under load, 10 %% lost", what);
	tap_ok(all_opened(&p, &load[0]) && all_opened(&p, &load[1]),
	       "A30 rekey %s: no message is lost to it", what);
	atomic_store(&p.relay.percent, 0);
	tap_ok(talks(&p), "A30 rekey %s: both ends have the same keys", what);
	pair_close(&p);
}

/* ---- single rekeys ------------------------------------------------------- */

static const struct rekeying never;

/* Without a message of anybody, begun by either end, and by both. */
static void test_idle(void)
{
	bool good = true;
	struct pair p;

	pair_open(&p, &never);
	for (unsigned int i = 0; i < 12; i++) {
		if (i % 3 != 1)
			good = good && !stt_node_rekey(p.node[0], p.id);
		if (i % 3 != 2)
			good = good && !stt_node_rekey(p.node[1], p.id);
		good = good && reaches(&p, (i + 1) % 8) && talks(&p);
	}
	tap_ok(good, "A30 twelve rekeys of an idle session, by one end, the other, both");
	tap_ok(stats_of(p.node[0]).sessions.total == 1 &&
	       stats_of(p.node[1]).sessions.total == 1, "A30 it is one session all the time");
	pair_close(&p);
}

/* Each of the four is lost three times. */
static void test_lost(void)
{
	struct pair p;

	pair_open(&p, &never);
	for (unsigned int type = STT_FRAME_HELLO; type <= STT_FRAME_FINAL; type++) {
		atomic_store(&p.relay.skip[type], 3);
		stt_node_rekey(p.node[type % 2], p.id);
		tap_ok(reaches(&p, type) && talks(&p), "A30 message %u of a rekey is lost", type);
	}
	pair_close(&p);
}

/* A peer that does not answer: the old keys stay, and it is asked again. */
static void test_silent(void)
{
	struct pair p;

	pair_open(&p, &never);
	atomic_store(&p.relay.block, 1U << STT_FRAME_RESPONSE);
	stt_node_rekey(p.node[1], p.id);
	for (int i = 0; i < 50; i++)
		nap(250000);
	tap_ok(epoch_of(&p, 0) == 0 && epoch_of(&p, 1) == 0 && talks(&p),
	       "A30 a rekey without an answer changes nothing");
	atomic_store(&p.relay.block, 0);
	tap_ok(reaches(&p, 1) && talks(&p), "A30 it is asked again when it answers");
	/* It has installed the keys, and the one who began has given up. */
	atomic_store(&p.relay.block, 1U << STT_FRAME_FINAL);
	stt_node_rekey(p.node[1], p.id);
	for (int i = 0; i < 50; i++)
		nap(250000);
	tap_ok(epoch_of(&p, 0) == 1 && epoch_of(&p, 1) == 1 && talks(&p),
	       "A30 a rekey without FINAL changes nothing");
	atomic_store(&p.relay.block, 0);
	stt_node_rekey(p.node[0], p.id);
	tap_ok(reaches(&p, 2) && talks(&p), "A30 the other end rekeys after that");
	pair_close(&p);
}

/* Frames of old epochs come again. */
static void test_replay(void)
{
	uint64_t before, after;
	struct pair p;

	pair_open(&p, &never);
	atomic_store(&p.relay.record, 1);
	tap_ok(talks(&p) && !atomic_load(&p.relay.record), "A25 a frame is recorded");
	stt_node_rekey(p.node[1], p.id);
	reaches(&p, 1);
	before = stats_of(p.node[0]).kernel.v[STT_A_STATS_DROP_REPLAYED];
	lossy_replay(&p.relay);
	talks(&p);
	after = stats_of(p.node[0]).kernel.v[STT_A_STATS_DROP_REPLAYED];
	tap_ok(after == before + 1, "A25 replayed after a rekey: dropped");
	stt_node_rekey(p.node[1], p.id);
	reaches(&p, 2);
	lossy_replay(&p.relay);
	talks(&p);
	tap_ok(stats_of(p.node[0]).kernel.v[STT_A_STATS_DROP_NO_EPOCH] == 1,
	       "A25 after another one: its key is dead");
	pair_close(&p);
}

static void test_gone(void)
{
	unsigned long before;
	struct pair p;

	pair_open(&p, &never);
	tap_ok(stt_node_rekey(p.node[1], p.id + 1) == -ENOENT, "A30 no such session: -ENOENT");
	/* The peer loses the session, and its goodbye is lost. */
	atomic_store(&p.relay.percent, 100);
	before = atomic_load(&p.relay.in[1]);
	stt_node_close_session(p.node[0], p.id, STT_CLOSE_NONE);
	while (atomic_load(&p.relay.in[1]) == before)
		nap(1000);
	nap(50000);
	atomic_store(&p.relay.percent, 0);
	stt_node_rekey(p.node[1], p.id);
	for (int i = 0; i < 12; i++)
		nap(250000);
	tap_ok(stats_of(p.node[0]).kernel.v[STT_A_STATS_DROP_NO_SESSION] > 0 &&
	       epoch_of(&p, 1) == 0, "A30 a peer without the session is silent");
	pair_close(&p);
}

/* ---- those who want to stop it ------------------------------------------- */

struct flood {
	struct lossy	*relay;
	atomic_bool	stop;
};

static void *flood(void *arg)
{
	struct flood *f = arg;

	while (!atomic_load(&f->stop)) {
		lossy_junk(f->relay);
		nap(1000);
	}
	return NULL;
}

static bool is_limited(const struct pair *p)
{
	return stats_of(p->node[0]).kernel.v[STT_A_STATS_DROP_HS_RATE] &&
	       stats_of(p->node[1]).kernel.v[STT_A_STATS_DROP_HS_RATE];
}

/* Junk with the addresses of the peers uses up all that the limit lets through. */
static void test_flood(void)
{
	uint64_t end = now_ms() + WAIT_MS;
	struct flood f = { 0 };
	pthread_t thread;
	bool good = true;
	struct pair p;

	pair_open(&p, &never);
	f.relay = &p.relay;
	pthread_create(&thread, NULL, flood, &f);
	while (!is_limited(&p) && now_ms() < end)
		nap(10000);
	tap_ok(is_limited(&p), "A12 a flood of junk from the addresses of the peers is limited");
	for (unsigned int i = 1; i <= 4; i++)
		good = good && !stt_node_rekey(p.node[i % 2], p.id) && reaches(&p, i);
	tap_ok(good && talks(&p), "A30 such a flood at both ends stops no rekey");
	atomic_store(&f.stop, true);
	pthread_join(thread, NULL);
	pair_close(&p);
}

/* Until so many HELLOs of connects or rekeys were refused by @end. */
static bool refuses(const struct pair *p, int end, uint64_t times)
{
	uint64_t until = now_ms() + 5000;

	while (stats_of(p->node[end]).handshakes.refused < times && now_ms() < until)
		nap(10000);
	return stats_of(p->node[end]).handshakes.refused == times;
}

/*
 * A HELLO that was held back comes when its sender has sent a newer one, which
 * was answered: it is not taken, however much later.
 */
static void test_withheld(void)
{
	const unsigned int hello = 1U << STT_FRAME_HELLO, response = 1U << STT_FRAME_RESPONSE;
	uint64_t refused;
	struct pair p;

	pair_open(&p, &never);
	atomic_store(&p.relay.withhold, 1);
	atomic_store(&p.relay.block, hello | response);
	stt_node_rekey(p.node[1], p.id);
	/* Its next one comes after five seconds. */
	for (int i = 0; i < 24; i++)
		nap(250000);
	atomic_store(&p.relay.block, response);
	for (int i = 0; i < 10; i++)
		nap(250000);
	atomic_store(&p.relay.block, hello | response);
	for (int i = 0; i < 48; i++)
		nap(250000);
	refused = stats_of(p.node[0]).handshakes.refused;
	tap_ok(!atomic_load(&p.relay.withhold) && lossy_replay(&p.relay) &&
	       refuses(&p, 0, refused + 1), "A30 a HELLO that was held back is not taken");
	atomic_store(&p.relay.block, 0);
	tap_ok(reaches(&p, 1) && talks(&p), "A30 and the next one is");
	pair_close(&p);
}

/*
 * Who has begun has moved, and cannot be heard from then on. The other end keeps
 * its half, whatever it tries itself, and understands the first frame that comes.
 */
static void test_cut_off(void)
{
	unsigned int met;
	struct pair p;

	pair_open(&p, &never);
	atomic_store(&p.relay.after_final, 1);
	stt_node_rekey(p.node[1], p.id);
	while (!atomic_load(&p.relay.mute))
		nap(10000);
	stt_node_rekey(p.node[0], p.id);
	for (int i = 0; i < 48; i++)
		nap(250000);
	tap_ok(epoch_of(&p, 0) == 0 && epoch_of(&p, 1) == 1,
	       "A30 cut off after FINAL: one has moved, the other has not");
	atomic_store(&p.relay.mute, 0);
	/* What the other end was asked for may follow at once. */
	tap_ok(moves_on(&p, 0) && talks(&p), "A30 heard again, they meet");
	met = epoch_of(&p, 0);
	stt_node_rekey(p.node[0], p.id);
	tap_ok(moves_on(&p, met) && talks(&p), "A30 and go on");
	pair_close(&p);
}

/* The kernel of @end sends in epoch 1, with a key that the peer does not have. */
static bool moves_alone(const struct pair *p, int end)
{
	struct stt_session_info set = {
		.node = stt_node_number(p->node[end]), .id = p->id,
		.has_tx_epoch = true, .tx_epoch = 1,
	};
	struct stt_key key = {
		.epoch = 1, .direction = STT_DIRECTION_TX, .suite = STT_SUITE_CHACHA20POLY1305,
		.secret = "whatever",
	};
	struct stt_ctl *ctl;
	int ret;

	ret = stt_ctl_open(&ctl);
	if (ret)
		return false;
	ret = stt_ctl_key_new(ctl, set.node, set.id, &key);
	if (!ret)
		ret = stt_ctl_session_set(ctl, &set);
	stt_ctl_close(ctl);
	return !ret;
}

static uint64_t failed(const struct pair *p, int end)
{
	return stats_of(p->node[end]).handshakes.failed;
}

/* The peer answers, but the session takes no keys any more. */
static void test_failed(void)
{
	uint64_t end = now_ms() + WAIT_MS;
	struct pair p;

	pair_open(&p, &never);
	atomic_store(&p.relay.withhold, 1);
	stt_node_rekey(p.node[1], p.id);
	while (atomic_load(&p.relay.withhold))
		nap(1000);
	tap_ok(moves_alone(&p, 1) && lossy_replay(&p.relay), "A30 a rekey goes wrong");
	while (!failed(&p, 1) && now_ms() < end)
		nap(10000);
	tap_ok(failed(&p, 1) == 1 && atomic_load(&warnings) == 1,
	       "A30 keys that cannot be installed: a warning, and a counter");
	pair_close(&p);
}

int main(void)
{
	/* Keys end after three ages: two attempts of five seconds in between. */
	const struct rekeying age = { .age_ms = 5000 }, volume = { .volume = 300 };

	tap_plan(33);
	test_idle();
	test_lost();
	test_silent();
	test_replay();
	test_gone();
	test_flood();
	test_withheld();
	test_cut_off();
	test_failed();
	test_load("by age", &age, false);
	test_load("by volume", &volume, false);
	test_load("on demand", &never, true);
	return tap_exit();
}
