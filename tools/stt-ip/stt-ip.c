// SPDX-License-Identifier: GPL-2.0-only
/* stt-ip OBJECT VERB: options, help, and the way to the right command. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "batch.h"
#include "match.h"

/* In the order of importance; "stt-ip n" is node. */
static const struct {
	const char		*name;
	const struct object	*object;
} objects[] = {
	{ "node",	&node_object },
	{ "session",	&session_object },
	{ "key",	&key_object },
	{ "socket",	&socket_object },
	{ "monitor",	&monitor_object },
	{ "seed",	&seed_object },
	{ "info",	&info_object },
};

#define N_OBJECTS (sizeof(objects) / sizeof(*objects))

static const char options_help[] =
	"Options:\n"
	"  -n, -netns NAME    work in that network namespace (see \"ip netns\")\n"
	"  -b, -batch FILE    run the commands in FILE, one a line; - is standard input\n"
	"  -f, -force         with -batch: go on behind a command that failed\n"
	"  -s, -statistics    show counters, too\n"
	"  -j, -json          print JSON\n"
	"  -p, -pretty        print JSON in lines\n"
	"  -h, -help          this text\n"
	"  -V, -Version       the version\n"
	"\n"
	"Names can be cut as far as they stay unique: \"stt-ip no sh\" is \"stt-ip node show\".\n"
	"Exit status: 0 done, 1 wrong usage, 2 refused by the kernel or the system.\n";

static int help_all(FILE *out)
{
	fputs("Usage: stt-ip [OPTIONS] OBJECT [VERB] [ARGUMENTS]\n"
	      "       stt-ip [OPTIONS] -batch FILE [-force]\n"
	      "       stt-ip help [OBJECT [VERB]]\n\n"
	      "Objects:\n", out);
	for (size_t i = 0; i < N_OBJECTS; i++)
		fprintf(out, "  %-9s %s\n", objects[i].name, objects[i].object->about);
	fputc('\n', out);
	fputs(options_help, out);
	return STATUS_OK;
}

static void help_command(const struct object *object, const struct command *command)
{
	const char *space = *command->usage ? " " : "";

	/* An object that is a command of its own has one verb without a name. */
	if (*command->name)
		printf("  stt-ip %s %s%s%s\n", object->name, command->name, space, command->usage);
	else
		printf("  stt-ip %s%s%s\n", object->name, space, command->usage);
	printf("      %s\n", command->about);
}

/* @word is not in a table: of @owner's @what. */
static int misfit(const char *what, const char *word, const char *owner, const void *table,
		  size_t n, size_t stride)
{
	bool many = match(word, table, n, stride) == MATCH_MANY;
	char names[256];

	if (*word == '-')
		return wrong("%s: options come first, before the object", word);
	match_list(many ? word : "", table, n, stride, names, sizeof(names));
	if (!*word)
		return wrong("which %s? %s has %s", what, owner, names);
	if (many)
		return wrong("\"%s\" is ambiguous: %s", word, names);
	return wrong("there is no %s \"%s\": %s has %s", what, word, owner, names);
}

static int no_object(const char *word)
{
	return misfit("object", word, "stt-ip", objects, N_OBJECTS, sizeof(*objects));
}

static int no_verb(const struct object *object, const char *word)
{
	return misfit("verb", word, object->name, object->verbs, object->n_verbs,
		      sizeof(*object->verbs));
}

static bool is_help_option(const char *word)
{
	return strcmp(word, "-h") == 0 || strcmp(word, "-help") == 0 || strcmp(word, "--help") == 0;
}

static bool is_help(const char *word)
{
	return strcmp(word, "help") == 0 || is_help_option(word);
}

static int help_object(const struct object *object, int argc, char **argv)
{
	int i = argc > 0 ? MATCH(argv[0], object->verbs, object->n_verbs) : 0;

	if (argc > 0 && i < 0)
		return no_verb(object, argv[0]);
	if (argc > 0) {
		help_command(object, &object->verbs[i]);
		return STATUS_OK;
	}
	printf("%s: %s\n\n", object->name, object->about);
	for (size_t verb = 0; verb < object->n_verbs; verb++)
		help_command(object, &object->verbs[verb]);
	printf("\nWhat NODE, SESSION and the other values look like: stt-ip(8).\n");
	return STATUS_OK;
}

/* Of all, of an object, or of one of its verbs. */
static int help(int argc, char **argv)
{
	int i = argc > 0 ? MATCH(argv[0], objects, N_OBJECTS) : 0;

	if (argc == 0)
		return help_all(stdout);
	if (i < 0)
		return no_object(argv[0]);
	return help_object(objects[i].object, argc - 1, argv + 1);
}

/* Help wherever it is asked for: who asks for it wants nothing done. */
static int run_command(struct app *app, const struct object *object,
		       const struct command *command, int argc, char **argv)
{
	bool asked = argc == 1 && is_help(argv[0]);

	for (int i = 0; i < argc; i++)
		asked |= is_help_option(argv[i]);
	if (!asked)
		return command->run(app, argc, argv);
	help_command(object, command);
	return STATUS_OK;
}

static int run_object(struct app *app, const struct object *object, int argc, char **argv)
{
	int i;

	if (argc > 0 && is_help(argv[0]))
		return help_object(object, argc - 1, argv + 1);
	if (argc == 0 && object->needs_verb)
		return no_verb(object, "");
	if (argc == 0 || !*object->verbs[0].name)
		return run_command(app, object, &object->verbs[0], argc, argv);
	i = MATCH(argv[0], object->verbs, object->n_verbs);
	if (i < 0)
		return no_verb(object, argv[0]);
	return run_command(app, object, &object->verbs[i], argc - 1, argv + 1);
}

int app_run(struct app *app, int argc, char **argv)
{
	int i;

	if (is_help(argv[0]))
		return help(argc - 1, argv + 1);
	i = MATCH(argv[0], objects, N_OBJECTS);
	return i < 0 ? no_object(argv[0]) : run_object(app, objects[i].object, argc - 1, argv + 1);
}

struct options {
	bool		json, pretty, statistics, help, version, force;
	const char	*netns, *batch;
};

/* One command, or those of a file. */
static int run(struct app *app, const struct options *o, int argc, char **argv)
{
	if (o->batch && argc)
		return wrong("-batch takes the commands from a file: give none beside it");
	if (o->batch)
		return batch_run(app, o->batch, o->force);
	if (o->force)
		return wrong("-force goes along with -batch");
	if (argc)
		return app_run(app, argc, argv);
	help_all(stderr);
	return STATUS_USAGE;
}

static bool take_option(int c, struct options *o)
{
	switch (c) {
	case 'n':
		o->netns = optarg;
		return true;
	case 'b':
		o->batch = optarg;
		return true;
	case 'f':
		o->force = true;
		return true;
	case 'j':
		o->json = true;
		return true;
	case 'p':
		o->pretty = true;
		return true;
	case 's':
		o->statistics = true;
		return true;
	case 'h':
		o->help = true;
		return true;
	case 'V':
		o->version = true;
		return true;
	default:
		return false;
	}
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "netns",	required_argument,	NULL, 'n' },
		{ "batch",	required_argument,	NULL, 'b' },
		{ "force",	no_argument,		NULL, 'f' },
		{ "json",	no_argument,		NULL, 'j' },
		{ "pretty",	no_argument,		NULL, 'p' },
		{ "statistics",	no_argument,		NULL, 's' },
		{ "stats",	no_argument,		NULL, 's' },
		{ "help",	no_argument,		NULL, 'h' },
		{ "Version",	no_argument,		NULL, 'V' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long_only(argc, argv, "+n:b:fjpshV", longs, NULL)) >= 0) {
		if (!take_option(c, o)) {
			fputs("Try \"stt-ip help\".\n", stderr);
			return STATUS_USAGE;
		}
	}
	return STATUS_OK;
}

int app_open(struct app *app)
{
	if (app->ctl || stt_ctl_open(&app->ctl) == 0)
		return STATUS_OK;
	return failed_call();
}

static int finish(struct app *app, int status)
{
	int ret = pr_finish(&app->out);

	stt_ctl_close(app->ctl);
	if (ret < 0 && status == STATUS_OK)
		return failed("cannot write the output: %s", strerror(-ret));
	return status;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct app app = { 0 };
	int status = parse_options(argc, argv, &o);

	if (status != STATUS_OK)
		return status;
	if (sodium_init() < 0)
		return failed("libsodium does not start");
	pr_init(&app.out, stdout, o.json, o.pretty);
	app.statistics = o.statistics;
	if (o.version)
		printf("stt-ip %s\n", STT_VERSION);
	else if (o.help)
		status = help(argc - optind, argv + optind);
	else if (o.netns && netns_enter(o.netns) != STATUS_OK)
		status = STATUS_SYSTEM;
	else
		status = run(&app, &o, argc - optind, argv + optind);
	return finish(&app, status);
}
