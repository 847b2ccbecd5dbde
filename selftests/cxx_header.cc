// SPDX-License-Identifier: GPL-2.0-only
// The public headers compile as C++, and a node can be written down in it.
#include <stt/control.h>
#include <stt/stt.h>
#include <stt/wire.h>

int cxx_header(struct stt_node **node);

int cxx_header(struct stt_node **node)
{
	static const char seed[] = "a seed of 32 bytes or more, as it should";
	struct stt_node_config config;
	struct stt_node_stats stats;
	union stt_addr bound;
	int ret;

	stt_node_config_init(&config);
	config.node_seed = seed;
	config.node_seed_len = sizeof(seed) - 1;
	config.shared_seed = seed;
	config.shared_seed_len = sizeof(seed) - 1;
	ret = stt_node_create(&config, node);
	if (ret)
		return ret;
	ret = stt_node_start(*node, STT_START_SERVER | STT_START_THREAD, &bound);
	if (ret)
		return ret;
	return stt_node_stats(*node, &stats, sizeof(stats));
}
