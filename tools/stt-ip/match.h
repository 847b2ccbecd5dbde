/* SPDX-License-Identifier: GPL-2.0-only */
/* Abbreviations as ip(8) has them: a word stands for the name it begins. */
#ifndef STT_IP_MATCH_H
#define STT_IP_MATCH_H

#include <stddef.h>

#define MATCH_NONE	-1
#define MATCH_MANY	-2

/*
 * A table is an array of structs whose first member is a const char *name.
 * Returns the index of the name that @word is or alone begins, or MATCH_*.
 */
int match(const char *word, const void *table, size_t n, size_t stride);

/* The names that @word begins ("": all), as "a, b, c". Never too long for @out. */
void match_list(const char *word, const void *table, size_t n, size_t stride, char *out,
		size_t size);

#define MATCH(word, table, n)	match(word, table, n, sizeof(*(table)))

#endif /* STT_IP_MATCH_H */
