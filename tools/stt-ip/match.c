// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "match.h"

static const char *name_of(const void *table, size_t i, size_t stride)
{
	const char *name;

	memcpy(&name, (const char *)table + i * stride, sizeof(name));
	return name;
}

static int begins(const char *word, const char *name)
{
	return strncmp(word, name, strlen(word)) == 0;
}

int match(const char *word, const void *table, size_t n, size_t stride)
{
	int found = MATCH_NONE;

	if (!*word)
		return MATCH_NONE;
	for (size_t i = 0; i < n; i++) {
		const char *name = name_of(table, i, stride);

		if (strcmp(word, name) == 0)
			return (int)i;
		if (begins(word, name))
			found = found == MATCH_NONE ? (int)i : MATCH_MANY;
	}
	return found;
}

void match_list(const char *word, const void *table, size_t n, size_t stride, char *out,
		size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++) {
		const char *name = name_of(table, i, stride);

		if (begins(word, name))
			used += (size_t)snprintf(out + used, size - used, "%s%s",
						 used ? ", " : "", name);
	}
}
