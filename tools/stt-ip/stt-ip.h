/* SPDX-License-Identifier: GPL-2.0-only */
/* stt-ip: what its commands share. */
#ifndef STT_IP_H
#define STT_IP_H

#include "args.h"
#include "print.h"
#include "status.h"

struct batch;

struct app {
	struct printer	out;
	bool		statistics;
	struct stt_ctl	*ctl;		/* by app_open() */
	struct batch	*batch;		/* that the command comes from, or NULL */
};

struct command {
	const char	*name;
	int		(*run)(struct app *app, int argc, char **argv);
	const char	*usage;		/* its arguments */
	const char	*about;
};

/* The first verb is what happens without one. One verb named "": there are no others. */
struct object {
	const char		*name;
	const char		*about;
	const struct command	*verbs;
	size_t			n_verbs;
	bool			needs_verb;	/* nothing happens without one */
};

#define VERBS(table)	.verbs = (table), .n_verbs = sizeof(table) / sizeof(*(table))

extern const struct object node_object, session_object, key_object, socket_object;
extern const struct object monitor_object, seed_object, info_object;

/* Open the control channel, once. STATUS_OK, or STATUS_SYSTEM after a message. */
int app_open(struct app *app);

/* Run a command, at least one word. Returns a status, after a message. */
int app_run(struct app *app, int argc, char **argv);

/* Move to the network namespace of that name, made by "ip netns add". */
int netns_enter(const char *name);

/*
 * Which session is meant: @ref on @node, or on any node if @node is 0. Changes
 * @node and sets @id. Returns a status, after a message.
 */
int find_session(struct app *app, const struct session_ref *ref, uint32_t *node, uint64_t *id);

/* STATUS_OK if there is such a node or @node is 0; its list would just be empty. */
int check_node(struct app *app, uint32_t node);

/* Parts of items, the same in lists and events. */
void show_node(struct printer *p, const struct stt_node_info *info);
/* In several lines; what an event says of it, in one. */
void show_session(struct printer *p, const struct stt_session_info *s);
void show_session_event(struct printer *p, const struct stt_session_info *s);

/* Counters. In text, those that are not 0. */
void show_node_stats(struct printer *p, const struct stt_stats *stats);
void show_session_stats(struct printer *p, const struct stt_stats *stats);

/* The processes that hold a socket, as far as we may know. Comes last in an item. */
void show_processes(struct printer *p, uint64_t inode);

#endif /* STT_IP_H */
