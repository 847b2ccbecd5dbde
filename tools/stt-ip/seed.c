// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>

#include "stt-ip.h"

#define SEED_LEN	32

/* As text it is 64 hex digits and a newline, raw it is the bytes. */
struct seed {
	size_t	len;
	char	text[2 * SEED_LEN + 2];
};

static bool arg_format(const char *arg, void *to)
{
	*(bool *)to = strcmp(arg, "raw") == 0;
	return strcmp(arg, "raw") == 0 || strcmp(arg, "hex") == 0;
}

static void make_seed(struct seed *seed, bool raw)
{
	unsigned char bytes[SEED_LEN];

	randombytes_buf(bytes, sizeof(bytes));
	if (raw) {
		memcpy(seed->text, bytes, sizeof(bytes));
		seed->len = sizeof(bytes);
	} else {
		sodium_bin2hex(seed->text, sizeof(seed->text), bytes, sizeof(bytes));
		seed->text[2 * SEED_LEN] = '\n';
		seed->len = 2 * SEED_LEN + 1;
	}
	sodium_memzero(bytes, sizeof(bytes));
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int to_file(const char *path, const struct seed *seed)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int ret;

	if (fd < 0 && errno == EEXIST)
		return failed("%s is there already and is not overwritten: choose another name",
			      path);
	if (fd < 0)
		return failed("cannot create %s: %s", path, strerror(errno));
	ret = write_all(fd, seed->text, seed->len);
	if (ret == 0 && fsync(fd) < 0)
		ret = -errno;
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	if (ret == 0)
		return STATUS_OK;
	unlink(path);
	return failed("cannot write %s: %s", path, strerror(-ret));
}

/* Not through stdio: its buffer would keep the seed. */
static int to_stdout(const struct seed *seed)
{
	int ret = write_all(STDOUT_FILENO, seed->text, seed->len);

	return ret < 0 ? failed("cannot write the seed: %s", strerror(-ret)) : STATUS_OK;
}

static int check_place(const struct app *app, const char *path, bool raw)
{
	if (app->out.json)
		return wrong("seed new has no JSON form: leave -j out");
	if (!path && isatty(STDOUT_FILENO))
		return wrong("a seed is not shown on a terminal: give a FILE for it, or - to see it");
	if (path && strcmp(path, "-") == 0 && raw && isatty(STDOUT_FILENO))
		return wrong("raw bytes are not for a terminal: leave \"format raw\" out");
	return STATUS_OK;
}

static int seed_new(struct app *app, int argc, char **argv)
{
	bool has_path = false, has_format = false, raw = false;
	const char *path = NULL;
	struct seed seed;
	const struct param params[] = {
		{ "file", "a FILE that is not there yet, or -", arg_string, &path, &has_path,
		  ARG_BARE },
		{ "format", "\"hex\" or \"raw\"", arg_format, &raw, &has_format, 0 },
	};
	int status = ARGS_PARSE(argc, argv, params);

	if (status == STATUS_OK)
		status = check_place(app, path, raw);
	if (status != STATUS_OK)
		return status;
	make_seed(&seed, raw);
	status = path && strcmp(path, "-") != 0 ? to_file(path, &seed) : to_stdout(&seed);
	sodium_memzero(&seed, sizeof(seed));
	return status;
}

static const struct command verbs[] = {
	{ "new", seed_new, "[[file] FILE|-] [format hex|raw]",
	  "32 random bytes as 64 hex digits, in a new file of mode 0600 or to a pipe" },
};

const struct object seed_object = {
	.name = "seed", .about = "secrets that nodes share", VERBS(verbs), .needs_verb = true,
};
