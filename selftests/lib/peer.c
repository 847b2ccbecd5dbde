// SPDX-License-Identifier: GPL-2.0-only
/* Peer in userspace, see peer.h. Written from the text in <stt/wire.h>. */
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"

enum { CLEAR = 16, INNER = 8, TAG = 16 };

static void put_be(uint8_t *out, uint64_t v, unsigned int bytes)
{
	while (bytes--) {
		out[bytes] = v & 0xff;
		v >>= 8;
	}
}

static uint64_t get_be(const uint8_t *in, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *in++;
	return v;
}

/* Four zero bytes, then the counter, little-endian. */
static void make_nonce(uint8_t nonce[12], uint64_t counter)
{
	memset(nonce, 0, 12);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] = counter >> 8 * i & 0xff;
}

/* libsodium's AES is for CPUs that have it; a test that asks for it looks first. */
static unsigned long long seal(uint8_t *out, const uint8_t *body, size_t len,
			       const uint8_t *clear, const uint8_t *nonce, const uint8_t *key)
{
	unsigned long long sealed;

	if (key_suite == STT_SUITE_AES256GCM)
		crypto_aead_aes256gcm_encrypt(out, &sealed, body, len, clear, CLEAR, NULL,
					      nonce, key);
	else
		crypto_aead_chacha20poly1305_ietf_encrypt(out, &sealed, body, len, clear, CLEAR,
							  NULL, nonce, key);
	return sealed;
}

static int open_sealed(uint8_t *body, unsigned long long *opened, const uint8_t *in, size_t len,
		       const uint8_t *clear, const uint8_t *nonce, const uint8_t *key)
{
	if (key_suite == STT_SUITE_AES256GCM)
		return crypto_aead_aes256gcm_decrypt(body, opened, NULL, in, len, clear, CLEAR,
						     nonce, key);
	return crypto_aead_chacha20poly1305_ietf_decrypt(body, opened, NULL, in, len, clear,
							 CLEAR, nonce, key);
}

size_t frame_seal(uint8_t *out, const struct frame *f, const uint8_t *key)
{
	static uint8_t body[FRAME_MAX + INNER];
	uint8_t nonce[12];

	out[0] = 0x10;
	out[1] = f->epoch;
	put_be(out + 2, f->counter, 6);
	put_be(out + 8, f->session, 8);
	put_be(body, f->stream, 4);
	body[4] = f->kind;
	body[5] = f->frag;
	body[6] = f->last;
	body[7] = f->flags;
	if (f->len)
		memcpy(body + INNER, f->payload, f->len);
	make_nonce(nonce, f->counter);
	return CLEAR + seal(out + CLEAR, body, INNER + f->len, out, nonce, key);
}

bool frame_open(struct frame *f, uint8_t *buf, const uint8_t *in, size_t len,
		const uint8_t *key)
{
	unsigned long long opened;
	uint8_t nonce[12];

	if (len < FRAME_OVERHEAD || in[0] != 0x10)
		return false;
	f->epoch = in[1];
	f->counter = get_be(in + 2, 6);
	f->session = get_be(in + 8, 8);
	make_nonce(nonce, f->counter);
	if (open_sealed(buf, &opened, in + CLEAR, len - CLEAR, in, nonce, key))
		return false;
	f->stream = get_be(buf, 4);
	f->kind = buf[4];
	f->frag = buf[5];
	f->last = buf[6];
	f->flags = buf[7];
	f->payload = buf + INNER;
	f->len = opened - INNER;
	return true;
}

bool peer_open(struct peer *p, enum path path, int end)
{
	*p = (struct peer) { .path = path, .end = end };
	p->fd = udp_open(path, end, &p->addr);
	return p->fd >= 0;
}

struct frame peer_next(struct peer *p, const void *payload, size_t len)
{
	return (struct frame) {
		.epoch = p->epoch,
		.counter = p->counter++,
		.session = p->session,
		.kind = 0x10,
		.payload = payload,
		.len = len,
	};
}

size_t peer_seal(const struct peer *p, uint8_t *out, const struct frame *f)
{
	uint8_t key[STT_KEY_LEN];

	key_of(key, p->session, p->end, f->epoch);
	return frame_seal(out, f, key);
}

bool peer_raw(const struct peer *p, const void *bytes, size_t len)
{
	return sendto(p->fd, bytes, len, 0, &p->to.sa, addr_len(&p->to)) == (ssize_t)len;
}

bool peer_send_batch(const struct peer *p, const void *bytes, size_t len, uint16_t step)
{
	return udp_send_batch(p->fd, &p->to, bytes, len, step, 0) == (ssize_t)len;
}

bool peer_send_frame(const struct peer *p, const struct frame *f)
{
	static uint8_t out[FRAME_MAX + FRAME_OVERHEAD];

	return peer_raw(p, out, peer_seal(p, out, f));
}

bool peer_send(struct peer *p, const void *payload, size_t len)
{
	struct frame f = peer_next(p, payload, len);

	return peer_send_frame(p, &f);
}

bool peer_recv(const struct peer *p, struct frame *f, uint8_t *buf, uint8_t *raw)
{
	static uint8_t in[FRAME_MAX];
	uint8_t key[STT_KEY_LEN];
	ssize_t n;

	if (!raw)
		raw = in;
	n = recv(p->fd, raw, FRAME_MAX, 0);
	if (n < 2)
		return false;
	key_of(key, p->session, !p->end, raw[1]);
	return frame_open(f, buf, raw, n, key);
}

bool peer_hears(const struct peer *p, uint8_t kind, const void *payload, size_t len)
{
	static uint8_t buf[FRAME_MAX];
	struct frame f;

	check(peer_recv(p, &f, buf, NULL));
	check_is(f.kind, kind);
	check_is(f.stream, 0);
	check_is(f.len, len);
	check(!len || !memcmp(f.payload, payload, len));
	return true;
}

bool duo_open(struct duo *d, enum path path, uint64_t id)
{
	return duo_open_heartbeat(d, path, id, 0);
}

bool duo_open_heartbeat(struct duo *d, enum path path, uint64_t id, uint32_t heartbeat_ms)
{
	d->id = id;
	check(side_open_heartbeat(&d->k, path, 0, heartbeat_ms));
	check(peer_open(&d->p, path, 1));
	d->p.to = d->k.addr;
	d->p.session = id;
	check_is(side_session(&d->k, id, &d->p.addr), 0);
	d->fd = stt_connected(&d->k, id, 0);
	check(d->fd >= 0);
	return true;
}

bool duo_quiet(struct duo *d)
{
	static const char text[] = "the next good frame";

	check(peer_send(&d->p, text, sizeof(text)));
	check(receives(d->fd, text, sizeof(text)));
	return true;
}
