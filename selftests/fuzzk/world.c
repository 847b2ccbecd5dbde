// SPDX-License-Identifier: GPL-2.0-only
/* What all actors share: random numbers, slots, sockets. See fuzz.h. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

int world_family;
bool world_stop;
struct stt_stats world_stats;

static struct slot slots[SLOTS];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

/* splitmix64 */
static uint64_t next_random(struct actor *a)
{
	uint64_t z = a->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint32_t pick(struct actor *a, uint32_t n)
{
	return n ? (next_random(a) >> 32) % n : 0;
}

bool chance(struct actor *a, uint32_t n)
{
	return !pick(a, n);
}

void pick_bytes(struct actor *a, void *out, size_t len)
{
	uint8_t *p = out;

	while (len--)
		*p++ = next_random(a) >> 56;
}

size_t pick_len(struct actor *a, size_t max)
{
	static const size_t special[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 39, 40, 41, 1412, 1432, 1472, 4096, 65467,
		65535, 65536, 65537,
	};
	size_t len;

	switch (pick(a, 4)) {
	case 0:
		len = special[pick(a, ARRAY_SIZE(special))];
		break;
	case 1:
		len = pick(a, max + 1);
		break;
	default:
		len = pick(a, 64);
		break;
	}
	return len < max ? len : max;
}

void world_open(void)
{
	world_family = stt_family();
	for (int i = 0; i < SLOTS; i++)
		slots[i].udp = -1;
}

void world_close(void)
{
	for (int i = 0; i < SLOTS; i++) {
		int fd = world_take(i);

		if (fd >= 0)
			close(fd);
	}
}

struct slot world_slot(struct actor *a, unsigned int i)
{
	struct slot slot;

	if (i >= SLOTS)
		i = pick(a, SLOTS);
	pthread_mutex_lock(&slots_lock);
	slot = slots[i];
	pthread_mutex_unlock(&slots_lock);
	return slot;
}

bool world_put(unsigned int i, const struct slot *slot)
{
	bool ok;

	pthread_mutex_lock(&slots_lock);
	ok = slots[i].udp < 0;
	if (ok)
		slots[i] = *slot;
	pthread_mutex_unlock(&slots_lock);
	return ok;
}

bool world_renumber(unsigned int i, const struct slot *slot)
{
	bool ok;

	pthread_mutex_lock(&slots_lock);
	ok = slots[i].udp == slot->udp;
	if (ok)
		slots[i].node = slot->node;
	pthread_mutex_unlock(&slots_lock);
	return ok;
}

int world_take(unsigned int i)
{
	int fd;

	pthread_mutex_lock(&slots_lock);
	fd = slots[i].udp;
	slots[i].udp = -1;
	pthread_mutex_unlock(&slots_lock);
	return fd;
}

void fuzz_brief(int fd)
{
	const struct timeval tv = { .tv_usec = 20000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

int fuzz_udp(const char *text, uint16_t *port)
{
	union stt_addr addr = addr_of(text, 0);
	socklen_t len = sizeof(addr);
	int fd = socket(addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, &addr.sa, addr_len(&addr)) || getsockname(fd, &addr.sa, &len)) {
		close(fd);
		return -1;
	}
	fuzz_brief(fd);
	*port = ntohs(addr.in.sin_port);
	return fd;
}

static uint64_t some_session(struct actor *a)
{
	switch (pick(a, 12)) {
	case 0:
		return STT_SESSION_ANY;
	case 1:
		return pick(a, 10) ? STT_SESSION_ANY : STT_SESSION_ALL;
	default:
		return pick(a, SESSIONS + 1) + 1;
	}
}

struct sockaddr_stt fuzz_address(struct actor *a)
{
	static const uint8_t types[] = { 0, 0, 0, 0x01, 0x10, 0x10, 0x7f, 0x80, 0xff };
	struct sockaddr_stt addr = {
		.sstt_family = world_family,
		.sstt_node = world_slot(a, SLOTS).node,
		.sstt_session = some_session(a),
		.sstt_stream = pick(a, 3),
	};

	if (chance(a, 3)) {
		addr.sstt_flags = STT_ADDR_STREAM_ANY;
		addr.sstt_stream = 0;
	}
	if (chance(a, 3))
		addr.sstt_type = types[pick(a, ARRAY_SIZE(types))];
	if (addr.sstt_type == STT_MSG_HANDSHAKE && chance(a, 2)) {
		addr.sstt_session = 0;
		addr.sstt_stream = 0;
		addr.sstt_flags = 0;
	}
	if (chance(a, 30))
		((uint8_t *)&addr)[pick(a, sizeof(addr))] ^= 1 << pick(a, 8);
	return addr;
}
