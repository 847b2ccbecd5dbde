// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the instructions go: the stack of the CPU every now and then, by the
 * clock that counts them. The timer of the perf subsystem takes the samples, of
 * everything that runs meanwhile, kernel threads included. They are written as
 * 64-bit numbers: how many addresses, the addresses from the innermost function
 * out. What is done with interrupts off is found where they are on again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/perf_event.h>

#include "cost.h"

/*
 * Much longer than a message takes, and new after each sample. A fixed distance
 * keeps step with the messages, which are all alike; and as a sample takes its
 * time itself, the more the deeper the stack is, it would come back to where
 * that is deepest.
 */
#define PERIOD_MIN	60000
#define PERIOD_RANGE	200000
#define PAGES		1024

static int event = -1;
static FILE *file;
static unsigned long samples;
static struct perf_event_mmap_page *ring;

bool profile_open(const char *name)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = PERIOD_MIN,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN,
		.disabled = 1,
		.exclude_callchain_user = 1,
	};
	size_t page = sysconf(_SC_PAGESIZE);
	void *map;

	file = fopen(name, "w");
	event = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (!file || event < 0)
		return false;
	map = mmap(NULL, (PAGES + 1) * page, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
	if (map == MAP_FAILED)
		return false;
	ring = map;
	return true;
}

void profile_on(void)
{
	ioctl(event, PERF_EVENT_IOC_ENABLE, 0);
}

/* Between calls: has there been a sample? */
void profile_next(void)
{
	static uint64_t seen;
	uint64_t head, period;

	if (!ring)
		return;
	head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE);
	if (head == seen)
		return;
	seen = head;
	period = PERIOD_MIN + random() % PERIOD_RANGE;
	ioctl(event, PERF_EVENT_IOC_PERIOD, &period);
}

/* Bytes of the ring, which may go round its end. */
static void ring_copy(void *to, uint64_t from, size_t len)
{
	const uint8_t *data = (const uint8_t *)ring + ring->data_offset;

	for (size_t i = 0; i < len; i++)
		((uint8_t *)to)[i] = data[(from + i) % ring->data_size];
}

/* A sample: its address, the number of stack entries, the entries. */
static void write_sample(uint64_t at, size_t len)
{
	uint64_t words[1024];

	if (len > sizeof(words))
		len = sizeof(words);
	ring_copy(words, at, len);
	/* Out of the kernel the stack is empty. */
	if (!words[1])
		words[1 + words[1]++ + 1] = words[0];
	fwrite(words + 1, sizeof(words[0]), words[1] + 1, file);
	samples++;
}

void profile_off(void)
{
	struct perf_event_header h;
	uint64_t head, tail;

	ioctl(event, PERF_EVENT_IOC_DISABLE, 0);
	head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE);
	for (tail = ring->data_tail; tail < head; tail += h.size) {
		ring_copy(&h, tail, sizeof(h));
		if (h.type == PERF_RECORD_SAMPLE)
			write_sample(tail + sizeof(h), h.size - sizeof(h));
	}
	__atomic_store_n(&ring->data_tail, head, __ATOMIC_RELEASE);
}

unsigned long profile_samples(void)
{
	return samples;
}

void profile_close(void)
{
	fclose(file);
	close(event);
}
