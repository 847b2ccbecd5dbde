/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One print layer for people and programs: the same calls give lines of
 * "name value" pairs, or JSON. Groups and arrays come last in an item: in text
 * they begin a line, and the line of a group is broken where it gets long.
 *
 *	pr_list(p);
 *	pr_item(p, NULL);		node 1 uid 0
 *	pr_u64(p, "node", 1);		    stats rx_frames 7
 *	pr_u64(p, "uid", 0);
 *	pr_group(p, "stats");		[{"node":1,"uid":0,"stats":{"rx_frames":7}}]
 *	pr_u64(p, "rx_frames", 7);
 *	pr_end(p);
 *	pr_end(p);
 *	pr_end(p);
 */
#ifndef STT_IP_PRINT_H
#define STT_IP_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stt/control.h>

#define PR_DEPTH_MAX	8

struct printer {
	FILE		*out;
	bool		json, pretty;
	bool		fresh;		/* JSON: the container is empty yet */
	bool		blank;		/* text: the line is empty yet */
	bool		held;		/* JSON: the list is not opened yet */
	unsigned int	column;		/* text: of the next character, in groups */
	unsigned int	depth;
	bool		in_group;
	char		close[PR_DEPTH_MAX];	/* what ends each open container */
};

void pr_init(struct printer *p, FILE *out, bool json, bool pretty);

/* Containers. pr_end() ends the innermost one. */
void pr_list(struct printer *p);			/* of items, without a name; outermost */
void pr_list_end(struct printer *p, bool good);	/* not good: an empty list is not printed */
void pr_array(struct printer *p, const char *name);	/* of items, inside an item */
void pr_item(struct printer *p, const char *label);	/* @label: text only, or NULL */
void pr_group(struct printer *p, const char *name);
void pr_end(struct printer *p);
void pr_line(struct printer *p);			/* text: the item goes on in a new line */

void pr_str(struct printer *p, const char *name, const char *value);
void pr_u64(struct printer *p, const char *name, uint64_t value);
void pr_id(struct printer *p, const char *name, uint64_t value);	/* 16 hex digits */
void pr_hex(struct printer *p, const char *name, const uint8_t *bytes, size_t len);
void pr_names(struct printer *p, const char *name, const char *const *values, size_t n);
void pr_addr(struct printer *p, const char *name, const union stt_addr *addr);

/* Close what is open and write it all out. Returns 0 or a negative errno. */
int pr_finish(struct printer *p);

#endif /* STT_IP_PRINT_H */
