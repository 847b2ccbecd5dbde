// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sodium.h>

#include "args.h"
#include "keyfile.h"
#include "status.h"

#define FILE_LEN_MAX	65536

/* The name, in which dashes do not count: aes-256-gcm is aes256gcm. */
static bool is_suite(const char *name, const char *known)
{
	for (; *name; name++)
		if (*name != '-' && *name != *known++)
			return false;
	return !*known;
}

static bool suite_number(const char *name, uint8_t *suite)
{
	for (unsigned int i = 1; i <= UINT8_MAX; i++) {
		const char *known = stt_suite_name((uint8_t)i);

		if (known && is_suite(name, known)) {
			*suite = (uint8_t)i;
			return true;
		}
	}
	return false;
}

static bool parse_secret(const char *hex, uint8_t *secret)
{
	size_t len;

	return sodium_hex2bin(secret, STT_KEY_LEN, hex, strlen(hex), NULL, &len, NULL) == 0 &&
	       len == STT_KEY_LEN;
}

/* Messages never repeat a word of the line: it might be the key. */
static const char *parse_key(char *line, struct stt_key *key)
{
	char *rest;
	const char *direction = strtok_r(line, " \t\r", &rest);
	const char *epoch = strtok_r(NULL, " \t\r", &rest);
	const char *suite = strtok_r(NULL, " \t\r", &rest);
	const char *secret = strtok_r(NULL, " \t\r", &rest);

	if (!secret || strtok_r(NULL, " \t\r", &rest))
		return "a line is \"tx|rx EPOCH SUITE KEY\"";
	if (strcmp(direction, "tx") != 0 && strcmp(direction, "rx") != 0)
		return "a line begins with tx or rx";
	key->direction = *direction == 't' ? STT_DIRECTION_TX : STT_DIRECTION_RX;
	if (!arg_epoch(epoch, &key->epoch))
		return "the epoch is a number from 0 to 7";
	if (!suite_number(suite, &key->suite))
		return "the suite is not known; chacha20poly1305 and aes256gcm are";
	if (!parse_secret(secret, key->secret))
		return "the key is not 64 hex digits";
	return NULL;
}

static bool is_double(const struct keyring *ring)
{
	const struct stt_key *last = &ring->keys[ring->n];

	for (unsigned int i = 0; i < ring->n; i++)
		if (ring->keys[i].direction == last->direction &&
		    ring->keys[i].epoch == last->epoch)
			return true;
	return false;
}

const char *keyring_add(struct keyring *ring, char *line)
{
	const char *trouble;

	line += strspn(line, " \t\r");
	if (!*line || *line == '#')
		return NULL;
	if (ring->n == STT_SESSION_KEYS_MAX)
		return "too many keys: 8 is the most";
	trouble = parse_key(line, &ring->keys[ring->n]);
	if (!trouble && is_double(ring))
		trouble = "a second key of the same direction and epoch";
	if (!trouble)
		ring->n++;
	return trouble;
}

int keyring_parse(const char *path, char *text, struct keyring *ring)
{
	char *line;

	for (unsigned int number = 1; (line = strsep(&text, "\n")); number++) {
		const char *trouble = keyring_add(ring, line);

		if (trouble)
			return wrong("%s:%u: %s", path, number, trouble);
	}
	if (!ring->n)
		return wrong("%s: there is no key in it", path);
	return STATUS_OK;
}

/* Returns the length, or a negative errno; -EFBIG if there is more than fits. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, size - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size) || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	return len < size ? (ssize_t)len : -EFBIG;
}

static int read_keys(int fd, const char *path, struct keyring *ring)
{
	char *text = sodium_malloc(FILE_LEN_MAX + 1);
	ssize_t len;
	int ret;

	if (!text)
		return failed("%s: no memory to read it into", path);
	len = read_all(fd, text, FILE_LEN_MAX);
	if (len == -EFBIG) {
		ret = wrong("%s: longer than %u bytes, this is no key file", path, FILE_LEN_MAX);
	} else if (len < 0) {
		ret = failed("cannot read %s: %s", path, strerror((int)-len));
	} else if (memchr(text, '\0', (size_t)len)) {
		ret = wrong("%s: this is no text", path);
	} else {
		text[len] = '\0';
		ret = keyring_parse(path, text, ring);
	}
	sodium_free(text);
	return ret;
}

/* Keys that others can read or change are no secret. Pipes have no mode to mind. */
int keyfile_check(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return failed("cannot read %s: %s", path, strerror(errno));
	if (S_ISREG(st.st_mode) && (st.st_mode & 077))
		return wrong("%s: others can get at it (mode %04o): first \"chmod 600 %s\"",
			     path, st.st_mode & 07777, path);
	return STATUS_OK;
}

static int read_file(const char *path, struct keyring *ring)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return failed("cannot open %s: %s", path, strerror(errno));
	ret = keyfile_check(fd, path);
	if (ret == STATUS_OK)
		ret = read_keys(fd, path, ring);
	close(fd);
	return ret;
}

struct keyring *keyring_new(void)
{
	struct keyring *ring = sodium_malloc(sizeof(*ring));

	if (ring)
		memset(ring, 0, sizeof(*ring));
	else
		failed("no memory for keys");
	return ring;
}

int keyring_read(const char *path, struct keyring **out)
{
	struct keyring *ring = keyring_new();
	int ret;

	if (!ring)
		return STATUS_SYSTEM;
	if (strcmp(path, "-") == 0)
		ret = read_keys(STDIN_FILENO, "standard input", ring);
	else
		ret = read_file(path, ring);
	if (ret != STATUS_OK) {
		sodium_free(ring);
		return ret;
	}
	*out = ring;
	return STATUS_OK;
}

void keyring_free(struct keyring *ring)
{
	sodium_free(ring);
}
