// SPDX-License-Identifier: GPL-2.0-only
/* links: selftests/lib/suite.c selftests/lib/side.c selftests/lib/peer.c */
/*
 * A30: an AES-256-GCM key seals 2^23 frames with messages and not one more. What
 * it takes to get another key still goes, and with that messages go on.
 */
#include <netinet/udp.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/peer.h"

#define ID 0x2e23ULL
#define LAST (1UL << 23)
#define BATCH STT_SEGMENTS_MAX

/* Frames that are sent until one cannot be. Each message has a byte. */
static unsigned long send_all(int fd)
{
	static const char bytes[BATCH];
	unsigned long sent = 0;
	int one = 1;

	if (setsockopt(fd, SOL_STT, STT_SEGMENT, &one, sizeof(one)))
		return 0;
	while (sent <= 2 * LAST && send(fd, bytes, sizeof(bytes), 0) == sizeof(bytes))
		sent += BATCH;
	return sent;
}

static bool hears_of(struct peer *p)
{
	uint8_t buf[FRAME_MAX];
	int off = 0;

	/* What it could not take is lost, the rest is of no interest. */
	check_is(setsockopt(p->fd, IPPROTO_UDP, UDP_GRO, &off, sizeof(off)), 0);
	while (recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
	return true;
}

static bool ends(int path)
{
	struct sockaddr_stt at;
	uint8_t hello[STT_HS_HELLO_LEN] = { STT_FRAME_HELLO };
	struct stt_event ev;
	int on = 1, hs;
	struct frame f;
	struct duo d;

	check(duo_open(&d, path, ID));
	check_is(stt_ctl_subscribe(d.k.ctl), 0);
	at = stt_at(&d.k, 0, 0);
	at.sstt_type = STT_MSG_HANDSHAKE;
	hs = stt_socket(path, 0);
	check_is(stt_bind_at(hs, &at), 0);
	/* A whole batch takes no room, or is lost, as one. */
	check_is(setsockopt(d.p.fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)), 0);
	check_is(send_all(d.fd), LAST);
	check_fails(send(d.fd, "x", 1, 0), EKEYEXPIRED);
	check(event_of(d.k.ctl, STT_CMD_SESSION_REKEY_NTF, &ev));
	check_is(ev.session.rekey_reason, STT_REKEY_VOLUME);
	/* What is no message goes on. */
	check(hears_of(&d.p));
	at.sstt_session = ID;
	check_is(stt_send_at(hs, hello, sizeof(hello), &at), (ssize_t)sizeof(hello));
	check(peer_hears(&d.p, STT_KIND_HANDSHAKE, hello, sizeof(hello)));
	f = peer_next(&d.p, "", 0);
	f.kind = STT_KIND_HEARTBEAT;
	check(peer_send_frame(&d.p, &f));
	check(peer_hears(&d.p, STT_KIND_HEARTBEAT_ACK, NULL, 0));
	check_fails(send(d.fd, "x", 1, 0), EKEYEXPIRED);
	/* Until another key sends. */
	check_is(side_key(&d.k, ID, STT_DIRECTION_RX, 1), 0);
	check_is(side_key(&d.k, ID, STT_DIRECTION_TX, 1), 0);
	d.p.epoch = 1;
	check(peer_send(&d.p, "in", 2));
	check(receives(d.fd, "in", 2));
	check_is(send(d.fd, "x", 1, 0), 1);
	check(peer_hears(&d.p, STT_KIND_DATA, "x", 1));
	return true;
}

static const struct test tests[] = {
	{ "A30 an AES-256-GCM key ends at 2^23 messages, and is replaced", ends, PATH_V4 },
};

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	return suite(tests);
}
