// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which cipher suites a node offers and takes, and which it likes best. */
#include <errno.h>
#include <sodium.h>

#include "errmsg.h"
#include "node.h"

#define BIT(suite)	(1U << (suite))
#define KNOWN		(BIT(STT_SUITE_CHACHA20POLY1305) | BIT(STT_SUITE_AES256GCM))

int node_suites_check(const struct stt_node_config *config)
{
	uint8_t preferred = config->preferred_suite;

	if (config->suites & ~KNOWN)
		return stt_err(-EINVAL, "the suites 0x%x have a bit that is no cipher suite",
			       config->suites);
	if (preferred && (preferred > 31 || !(KNOWN & BIT(preferred))))
		return stt_err(-EINVAL, "there is no cipher suite %u to prefer", preferred);
	if (preferred && config->suites && !(config->suites & BIT(preferred)))
		return stt_err(-EINVAL, "the preferred cipher suite %s is not among the node's",
			       stt_suite_name(preferred));
	return 0;
}

/*
 * Without a word of the program AES is only for CPUs with instructions for it:
 * without them it is slow, and its tables can be watched through the cache.
 */
static uint8_t best_of_cpu(void)
{
	return crypto_aead_aes256gcm_is_available() ? STT_SUITE_AES256GCM :
						      STT_SUITE_CHACHA20POLY1305;
}

int node_suites_choose(struct stt_node *node, uint32_t kernel)
{
	uint32_t wanted = node->config.suites;
	uint8_t best = best_of_cpu();

	node->preferred_suite = node->config.preferred_suite;
	if (!node->preferred_suite)
		node->preferred_suite = best;
	if (!wanted)
		wanted = BIT(STT_SUITE_CHACHA20POLY1305) | BIT(best) | BIT(node->preferred_suite);
	node->suites = wanted & kernel;
	return node->suites ? 0 : stt_err(-EOPNOTSUPP,
					  "the kernel has none of the node's cipher suites");
}
