// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/* R13: tracepoints and counters tell what happened, with the right fields. */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/peer.h"

#define ID 0x7ace7aceULL
#define TRACE "/sys/kernel/tracing/"

static bool trace_write(const char *file, const char *text)
{
	char path[200];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), TRACE "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

static void trace_off(void *arg)
{
	(void)arg;
	trace_write("events/stt/enable", "0");
	trace_write("trace", "");
}

static bool trace_on(void)
{
	check(trace_write("trace", "\n"));
	check(trace_write("events/stt/enable", "1"));
	at_end(trace_off, NULL);
	return true;
}

/* All that was traced, in one piece of memory until the next call. */
static const char *trace(void)
{
	static char text[1 << 20];
	int fd = open(TRACE "trace", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = 0;
	return text;
}

/* How many lines have all of these; NULL ends them. */
static int lines(const char *event, const char *const *parts)
{
	const char *at = trace();
	int found = 0;

	while (*at) {
		size_t len = strcspn(at, "\n");
		char line[1000];
		bool all;

		snprintf(line, sizeof(line), "%.*s", (int)len, at);
		all = strstr(line, event);
		for (const char *const *p = parts; all && *p; p++)
			all = strstr(line, *p);
		found += all;
		at += len + (at[len] == '\n');
	}
	return found;
}

#define traced(event, ...) lines(event ": ", (const char *const []) { __VA_ARGS__, NULL })

static const char *node_text(const struct side *s)
{
	static char text[32];

	snprintf(text, sizeof(text), "node=%u ", s->node);
	return text;
}

#define SESSION "session=000000007ace7ace"

static bool frames(int arg)
{
	struct frame f;
	struct duo d;
	uint8_t buf[FRAME_MAX];

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check(trace_on());
	check_is(send(d.fd, "hello", 5, 0), 5);
	check(peer_recv(&d.p, &f, buf, NULL));
	check_is(traced("stt_tx", node_text(&d.k), SESSION, "epoch=0", "counter=0", "stream=0",
			"kind=data", "frag=0/0", "len=5"), 1);
	check(peer_send(&d.p, "hi", 2));
	check(receives(d.fd, "hi", 2));
	check_is(traced("stt_rx", node_text(&d.k), SESSION, "epoch=0", "counter=0", "kind=data",
			"len=2"), 1);
	check_is(traced("stt_drop", "node="), 0);
	return true;
}

static bool drops(int arg)
{
	uint8_t out[FRAME_MAX];
	struct frame f;
	struct duo d;
	size_t len;

	(void)arg;
	check(duo_open(&d, PATH_V6, ID));
	check(trace_on());
	f = peer_next(&d.p, "x", 1);
	len = peer_seal(&d.p, out, &f);
	check(peer_raw(&d.p, out, len));
	check(receives(d.fd, "x", 1));
	check(peer_raw(&d.p, out, len));
	out[len - 1] ^= 1;
	out[7] ^= 0x40;		/* another counter: not a replay */
	check(peer_raw(&d.p, out, len));
	out[8] ^= 1;
	check(peer_raw(&d.p, out, len));
	check(peer_raw(&d.p, out, 20));
	check(duo_quiet(&d));
	check_is(traced("stt_drop", node_text(&d.k), SESSION, "reason=drop_replayed", "n=1"), 1);
	check_is(traced("stt_drop", node_text(&d.k), SESSION, "reason=drop_bad_tag"), 1);
	check_is(traced("stt_drop", "session=0000000000000000", "reason=drop_no_session"), 1);
	check_is(traced("stt_drop", "session=0000000000000000", "reason=drop_malformed"), 1);
	check_is(traced("stt_drop", "node="), 4);
	return true;
}

static bool states(int arg)
{
	uint8_t reason = STT_CLOSE_REVOKED;
	struct stt_session_info pending;
	struct frame f;
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check(trace_on());
	pending = session_spec(&d.k, ID + 1, &d.p.addr);
	pending.state = STT_SESSION_STATE_PENDING;
	check_is(stt_ctl_session_new(d.k.ctl, &pending), 0);
	check_is(traced("stt_session_state", "session=000000007ace7acf", "from=none to=pending"), 1);
	d.p.session = ID + 1;
	f = peer_next(&d.p, "x", 1);
	check(peer_send_frame(&d.p, &f));
	check_is(traced("stt_session_state", "session=000000007ace7acf", "from=pending to=active"),
		 1);
	d.p.session = ID;
	f = peer_next(&d.p, &reason, 1);
	f.kind = STT_KIND_SESSION_CLOSE;
	check(peer_send_frame(&d.p, &f));
	check_is(traced("stt_session_state", node_text(&d.k), SESSION, "from=active to=closed",
			"reason=4"), 1);
	check_is(stt_ctl_session_del(d.k.ctl, d.k.node, ID, 0), 0);
	check_is(traced("stt_session_state", SESSION, "from=closed to=none"), 1);
	return true;
}

static bool epochs(int arg)
{
	struct duo d;

	(void)arg;
	check(duo_open(&d, PATH_V4, ID));
	check(trace_on());
	check_is(side_key(&d.k, ID, STT_DIRECTION_RX, 1), 0);
	check_is(side_key(&d.k, ID, STT_DIRECTION_TX, 1), 0);
	check_is(traced("stt_key_epoch", "node="), 0);
	d.p.epoch = 1;
	d.p.counter = 0;
	check(peer_send(&d.p, "x", 1));
	check(receives(d.fd, "x", 1));
	check_is(traced("stt_key_epoch", node_text(&d.k), SESSION, "tx epoch=1"), 1);
	check_is(traced("stt_key_epoch", node_text(&d.k), SESSION, "rx epoch=1"), 1);
	return true;
}

/* Taken as often as dropped, under every name. */
static bool balanced(const char *event, const char *name)
{
	char take[40], give[40];
	int taken, given;

	snprintf(take, sizeof(take), "take %s ", name);
	snprintf(give, sizeof(give), "drop %s ", name);
	taken = lines(event, (const char *const []) { take, NULL });
	given = lines(event, (const char *const []) { give, NULL });
	check_is(taken, given);
	return taken > 0;
}

static bool refs(int arg)
{
	struct sockaddr_stt to;
	struct duo d;

	(void)arg;
	check(trace_on());
	check(duo_open(&d, PATH_V4, ID));
	to = stt_at(&d.k, ID, 0);
	check_is(stt_send_at(d.fd, "x", 1, &to), 1);
	check_is(side_get(&d.k, ID).state, STT_SESSION_STATE_ACTIVE);
	drop(d.fd);
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	check(balanced("stt_node_ref: ", "table"));
	check(balanced("stt_node_ref: ", "request"));
	check(balanced("stt_node_ref: ", "socket"));
	check(balanced("stt_node_ref: ", "bind"));
	check(balanced("stt_node_ref: ", "send"));
	check(balanced("stt_session_ref: ", "table"));
	check(balanced("stt_session_ref: ", "request"));
	check(balanced("stt_session_ref: ", "bind"));
	check(balanced("stt_session_ref: ", "send"));
	check_is(traced("stt_session_ref", "drop table refs=0"), 1);
	return true;
}

/* Off, they are silent. */
static bool silent(int arg)
{
	struct duo d;

	(void)arg;
	check(trace_on());
	trace_off(NULL);
	check(duo_open(&d, PATH_V4, ID));
	check(duo_quiet(&d));
	check(!strstr(trace(), "stt_"));
	return true;
}

/* A namespace counts for nodes that are no more as well. */
static bool totals(int arg)
{
	struct stt_info before, after;
	struct stt_ctl *ctl;
	struct duo d;

	(void)arg;
	check(ctl_open(&ctl, PATH_V4, 0));
	check_is(stt_ctl_info(ctl, &before), 0);
	check(duo_open(&d, PATH_V4, ID));
	check_is(send(d.fd, "hello", 5, 0), 5);
	check(peer_raw(&d.p, "\x10", 1));
	check_is(stt_ctl_info(ctl, &after), 0);
	for (unsigned int i = STT_A_STATS_RX_FRAMES; i <= STT_A_STATS_MAX; i++)
		check_is(after.stats.v[i] - before.stats.v[i], node_stat(&d.k, i));
	check_is(after.stats.v[STT_A_STATS_TX_BYTES] - before.stats.v[STT_A_STATS_TX_BYTES], 5);
	drop(d.fd);
	check_is(stt_ctl_node_del(d.k.ctl, d.k.node, 0), 0);
	check_is(stt_ctl_info(ctl, &after), 0);
	/* And the close that it said. */
	check_is(after.stats.v[STT_A_STATS_TX_BYTES] - before.stats.v[STT_A_STATS_TX_BYTES], 6);
	check_is(after.stats.v[STT_A_STATS_DROP_MALFORMED] -
		 before.stats.v[STT_A_STATS_DROP_MALFORMED], 1);
	return true;
}

static const struct test tests[] = {
	{ "R13 tracepoints: frames sent and received", frames, 0 },
	{ "R13 tracepoints: drops, with their reasons", drops, 0 },
	{ "R13 tracepoints: states of a session", states, 0 },
	{ "R13 tracepoints: epochs of keys", epochs, 0 },
	{ "R13 tracepoints: references, taken and dropped under one name", refs, 0 },
	{ "R13 tracepoints: nothing when off", silent, 0 },
	{ "R13 counters of a namespace outlive its nodes", totals, 0 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
