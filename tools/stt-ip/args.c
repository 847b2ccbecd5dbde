// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "args.h"
#include "match.h"
#include "status.h"

static const struct param *find_bare(const struct param *params, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (params[i].flags & ARG_BARE)
			return &params[i];
	return NULL;
}

static int ambiguous(const char *word, const struct param *params, size_t n)
{
	char names[256];

	match_list(word, params, n, sizeof(*params), names, sizeof(names));
	return wrong("\"%s\" is ambiguous: %s", word, names);
}

/* "-" alone is standard input or output. */
static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

static int unknown(const char *word, const struct param *params, size_t n)
{
	char names[256];

	if (is_option(word))
		return wrong("%s: options come first, before the object", word);
	if (!n)
		return wrong("unexpected \"%s\": there are no arguments here", word);
	match_list("", params, n, sizeof(*params), names, sizeof(names));
	return wrong("unexpected \"%s\": what is known here: %s", word, names);
}

/* @word stands where @bare or a keyword does, and is neither. */
static int neither(const char *word, const struct param *bare, const struct param *params, size_t n)
{
	char names[256];

	if (is_option(word))
		return unknown(word, params, n);
	if (n == 1)
		return wrong("cannot use \"%s\": give %s", word, bare->wanted);
	match_list("", params, n, sizeof(*params), names, sizeof(names));
	return wrong("cannot use \"%s\": give %s, or a keyword: %s", word, bare->wanted, names);
}

static int take(const struct param *p, const char *value)
{
	if (*p->given)
		return wrong("%s: given twice", p->name);
	if (!value)
		return wrong("%s: a value is missing: give %s", p->name, p->wanted);
	if (!p->parse(value, p->to))
		return wrong("%s: cannot use \"%s\": give %s", p->name, value, p->wanted);
	*p->given = true;
	return STATUS_OK;
}

/* Take what begins at @argv. Returns how many words it was, or 0 after a message. */
static int take_one(int argc, char **argv, const struct param *params, size_t n)
{
	const struct param *bare = find_bare(params, n);
	int i = MATCH(argv[0], params, n);

	if (i >= 0)
		return take(&params[i], argc > 1 ? argv[1] : NULL) == STATUS_OK ? 2 : 0;
	if (bare && !*bare->given && !is_option(argv[0]) && bare->parse(argv[0], bare->to)) {
		*bare->given = true;
		return 1;
	}
	if (i == MATCH_MANY)
		ambiguous(argv[0], params, n);
	else if (bare && !*bare->given)
		neither(argv[0], bare, params, n);
	else
		unknown(argv[0], params, n);
	return 0;
}

static int check_required(const struct param *params, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((params[i].flags & ARG_REQUIRED) && !*params[i].given)
			return wrong("%s is missing: give %s", params[i].name, params[i].wanted);
	return STATUS_OK;
}

int args_parse(int argc, char **argv, const struct param *params, size_t n)
{
	while (argc > 0) {
		int used = take_one(argc, argv, params, n);

		if (!used)
			return STATUS_USAGE;
		argc -= used;
		argv += used;
	}
	return check_required(params, n);
}
