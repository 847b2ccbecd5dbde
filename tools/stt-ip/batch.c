// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands from a file, one a line. What "keys -" reads are the lines behind it
 * that begin with tx or rx, up to the next command, so a file for many sessions is
 * one file.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "batch.h"

#define LINE_LEN_MAX	4096
#define WORDS_MAX	64

struct batch {
	FILE		*file;
	const char	*path;
	unsigned int	number;		/* of @line, from 1 */
	bool		held;		/* @line is read, but was not used yet */
	bool		private;	/* nobody else can get at the file */
	char		line[LINE_LEN_MAX];
	char		buf[65536];	/* of @file; has keys in it as @line has */
};

/* The next line. Returns a status; *@more is false at the end. */
static int next_line(struct batch *b, bool *more)
{
	*more = b->held;
	if (b->held) {
		status_place(b->path, b->number);
		return STATUS_OK;
	}
	if (!fgets(b->line, sizeof(b->line), b->file)) {
		status_place(NULL, 0);
		return ferror(b->file) ? failed("cannot read %s: %s", b->path, strerror(errno)) :
					 STATUS_OK;
	}
	status_place(b->path, ++b->number);
	if (!strchr(b->line, '\n') && !feof(b->file))
		return wrong("a line is longer than %d characters", LINE_LEN_MAX - 2);
	*more = true;
	b->held = true;
	return STATUS_OK;
}

/* Is the line at hand one of a key file? */
static bool is_key(const struct batch *b)
{
	const char *word = b->line + strspn(b->line, " \t");

	return (strncmp(word, "tx", 2) == 0 || strncmp(word, "rx", 2) == 0) &&
	       isspace((unsigned char)word[2]);
}

/* Is the line at hand empty, or a comment? */
static bool is_blank(const struct batch *b)
{
	char first = b->line[strspn(b->line, " \t\r\n")];

	return !first || first == '#';
}

static int take_key(struct batch *b, struct keyring *ring)
{
	const char *trouble;

	if (!b->private && keyfile_check(fileno(b->file), b->path) != STATUS_OK)
		return STATUS_USAGE;
	b->private = true;
	b->line[strcspn(b->line, "\n")] = '\0';
	trouble = keyring_add(ring, b->line);
	return trouble ? wrong("%s", trouble) : STATUS_OK;
}

static int batch_keys(struct batch *b, struct keyring *ring)
{
	unsigned int at = b->number;
	bool more;
	int status = next_line(b, &more);

	while (status == STATUS_OK && more && (is_key(b) || is_blank(b))) {
		if (is_key(b))
			status = take_key(b, ring);
		b->held = false;
		if (status == STATUS_OK)
			status = next_line(b, &more);
	}
	if (status != STATUS_OK)
		return status;
	/* What goes wrong from here on goes wrong with the command. */
	status_place(b->path, at);
	return ring->n ? STATUS_OK : wrong("no keys: \"keys -\" takes them from the lines behind it");
}

int keys_read(struct app *app, const char *path, struct keyring **ring)
{
	int status;

	if (!app->batch || strcmp(path, "-") != 0)
		return keyring_read(path, ring);
	*ring = keyring_new();
	if (!*ring)
		return STATUS_SYSTEM;
	status = batch_keys(app->batch, *ring);
	if (status != STATUS_OK)
		keyring_free(*ring);
	return status;
}

/* Of a command that failed before it took them. */
static int skip_keys(struct batch *b)
{
	bool more;
	int status = next_line(b, &more);

	while (status == STATUS_OK && more && (is_key(b) || is_blank(b))) {
		b->held = false;
		status = next_line(b, &more);
	}
	return status;
}

static int run_line(struct app *app, struct batch *b)
{
	char *words[WORDS_MAX], text[LINE_LEN_MAX], *rest, *word;
	int n = 0;

	strcpy(text, b->line);
	b->held = false;
	for (word = strtok_r(text, " \t\r\n", &rest); word; word = strtok_r(NULL, " \t\r\n", &rest)) {
		if (!n && *word == '#')
			return STATUS_OK;
		if (n == WORDS_MAX)
			return wrong("more than %d words", WORDS_MAX);
		words[n++] = word;
	}
	return n ? app_run(app, n, words) : STATUS_OK;
}

static int run_all(struct app *app, struct batch *b, bool force)
{
	int status = STATUS_OK, ret;
	bool more;

	while ((ret = next_line(b, &more)) == STATUS_OK && more) {
		ret = run_line(app, b);
		fflush(stdout);
		if (ret == STATUS_OK)
			continue;
		if (!force)
			return ret;
		if (status == STATUS_OK)
			status = ret;
		ret = skip_keys(b);
		if (ret != STATUS_OK)
			break;
	}
	return status == STATUS_OK ? ret : status;
}

static int run_file(struct app *app, struct batch *b, bool force)
{
	int status;

	setvbuf(b->file, b->buf, _IOFBF, sizeof(b->buf));
	app->batch = b;
	status = run_all(app, b, force);
	app->batch = NULL;
	status_place(NULL, 0);
	fclose(b->file);
	return status;
}

int batch_run(struct app *app, const char *path, bool force)
{
	struct batch *b = calloc(1, sizeof(*b));
	int status;

	if (!b)
		return failed("no memory for a batch");
	b->path = strcmp(path, "-") == 0 ? "standard input" : path;
	b->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (b->file)
		status = run_file(app, b, force);
	else
		status = failed("cannot open %s: %s", path, strerror(errno));
	sodium_memzero(b, sizeof(*b));
	free(b);
	return status;
}
