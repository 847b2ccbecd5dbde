// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"

#define CHUNK 1024
#define INDEX_CACHE "radix_tree_node"

static const char *const caches[] = { "stt_session", "stt_rx_key", "stt_tx_key" };

void crowd_key(uint8_t secret[STT_KEY_LEN], unsigned int i, int from)
{
	memset(secret, from ? 0x5c : 0xa1, STT_KEY_LEN);
	memcpy(secret, &i, sizeof(i));
}

void crowd_spec(struct stt_session_info *s, const struct side *k, unsigned int i,
		const union stt_addr *peer, uint32_t heartbeat_ms)
{
	s->node = k->node;
	s->id = CROWD_ID + i;
	s->state = STT_SESSION_STATE_ACTIVE;
	s->peer = *peer;
	s->has_heartbeat = true;
	s->heartbeat_ms = heartbeat_ms;
	s->n_keys = 2;
	for (int n = 0; n < 2; n++) {
		struct stt_key *key = &s->keys[n];

		key->suite = STT_SUITE_CHACHA20POLY1305;
		key->direction = n ? STT_DIRECTION_RX : STT_DIRECTION_TX;
		crowd_key(key->secret, i, n ? !k->end : k->end);
	}
}

bool crowd_create(const struct side *k, unsigned int first, unsigned int n,
		  const union stt_addr *peer, uint32_t heartbeat_ms)
{
	struct stt_session_info *specs = calloc(CHUNK, sizeof(*specs));
	unsigned int done = 0;
	bool ok = specs;

	while (ok && done < n) {
		unsigned int m = n - done < CHUNK ? n - done : CHUNK;
		int ret;

		for (unsigned int i = 0; i < m; i++)
			crowd_spec(&specs[i], k, first + done + i, peer, heartbeat_ms);
		ret = stt_ctl_session_new_many(k->ctl, specs, m, NULL);
		ok = ret == (int)m;
		if (!ok)
			printf("# %d of %u sessions at %u: %s\n", ret, m, done, stt_errmsg());
		done += m;
	}
	free(specs);
	return ok;
}

/* Bytes of the slabs of a cache, -1 if there is none of that name. */
static long long slab_bytes(FILE *f, const char *cache)
{
	unsigned long active, objects, size, per_slab, pages, slabs;
	char line[300], name[64];
	long long bytes = -1;

	rewind(f);
	while (bytes < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lu %lu %lu %lu %lu : tunables %*u %*u %*u : slabdata %*u %lu",
			   name, &active, &objects, &size, &per_slab, &pages, &slabs) == 7 &&
		    !strcmp(name, cache))
			bytes = (long long)slabs * pages * sysconf(_SC_PAGESIZE);
	}
	return bytes;
}

static long long meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "re");
	long long kib = 0;
	char line[200];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			kib = atoll(line + strlen(name) + 1);
	}
	if (f)
		fclose(f);
	return kib * 1024;
}

/* Slabs that are empty are kept for the next objects until this. */
static void shrink(const char *cache)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "1\n", 2) != 2)
			printf("# cannot shrink %s\n", cache);
		close(fd);
	}
}

bool memory_now(struct memory *m)
{
	FILE *f;

	shrink(INDEX_CACHE);
	f = fopen("/proc/slabinfo", "re");
	*m = (struct memory) { 0 };
	if (!f)
		return false;
	m->session = slab_bytes(f, caches[0]);
	m->rx_key = slab_bytes(f, caches[1]);
	m->tx_key = slab_bytes(f, caches[2]);
	m->index = slab_bytes(f, INDEX_CACHE);
	fclose(f);
	m->kernel = meminfo("Slab") + meminfo("VmallocUsed") + meminfo("Percpu");
	return m->session >= 0 && m->rx_key >= 0 && m->tx_key >= 0;
}

long long memory_slabs(const struct memory *m)
{
	return m->session + m->rx_key + m->tx_key;
}

/* A grace period or two, whose end nothing announces: hence the looks. */
bool memory_is_back(void)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	uint64_t until = now_ms() + 20000;
	struct memory m;

	for (;;) {
		for (size_t i = 0; i < ARRAY_SIZE(caches); i++)
			shrink(caches[i]);
		if (memory_now(&m) && !memory_slabs(&m))
			return true;
		if (now_ms() > until)
			break;
		nanosleep(&pause, NULL);
	}
	printf("# left: %lld bytes of sessions, %lld of rx keys, %lld of tx keys\n", m.session,
	       m.rx_key, m.tx_key);
	return false;
}
