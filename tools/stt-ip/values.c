// SPDX-License-Identifier: GPL-2.0-only
/* What values look like on the command line. Hosts are numeric: no name is resolved. */
#include <ctype.h>
#include <grp.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "args.h"

bool arg_number(const char *arg, uint64_t max, uint64_t *to)
{
	uint64_t v = 0;

	if (!*arg)
		return false;
	for (; *arg; arg++) {
		uint64_t digit = (uint64_t)(*arg - '0');

		if (!isdigit((unsigned char)*arg) || v > (max - digit) / 10 || digit > max)
			return false;
		v = v * 10 + digit;
	}
	*to = v;
	return true;
}

bool arg_node(const char *arg, void *to)
{
	uint64_t v;

	if (!arg_number(arg, UINT32_MAX, &v) || v == 0)
		return false;
	*(uint32_t *)to = (uint32_t)v;
	return true;
}

bool arg_session_ref(const char *arg, void *to)
{
	struct session_ref *ref = to;
	size_t n;

	if (arg[0] == '0' && (arg[1] == 'x' || arg[1] == 'X'))
		arg += 2;
	n = strlen(arg);
	if (n < 1 || n > 16 || strspn(arg, "0123456789abcdefABCDEF") != n)
		return false;
	for (size_t i = 0; i <= n; i++)
		ref->digits[i] = (char)tolower((unsigned char)arg[i]);
	return true;
}

bool arg_session_id(const char *arg, void *to)
{
	struct session_ref ref;
	uint64_t id;

	if (!arg_session_ref(arg, &ref) || strlen(ref.digits) != 16)
		return false;
	id = strtoull(ref.digits, NULL, 16);
	if (id == STT_SESSION_ANY || id == STT_SESSION_ALL)
		return false;
	*(uint64_t *)to = id;
	return true;
}

static bool numeric_addr(const char *host, const char *port, union stt_addr *to)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_DGRAM,
	};
	struct addrinfo *found;

	if (getaddrinfo(host, port, &hints, &found))
		return false;
	memset(to, 0, sizeof(*to));
	memcpy(to, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return true;
}

bool arg_addr(const char *arg, void *to)
{
	return *arg && numeric_addr(arg, NULL, to);
}

/* Split "host:port" or "[host]:port" in place; NULL: it is neither. */
static char *split_port(char **host)
{
	char *colon = strrchr(*host, ':');

	if (!colon || colon == *host)
		return NULL;
	*colon = '\0';
	if (**host == '[') {
		if (colon[-1] != ']')
			return NULL;
		colon[-1] = '\0';
		++*host;
	} else if (strchr(*host, ':')) {
		return NULL;
	}
	return colon + 1;
}

bool arg_endpoint(const char *arg, void *to)
{
	char text[NI_MAXHOST];
	char *host = text, *port;
	uint64_t number;

	if (strlen(arg) >= sizeof(text))
		return false;
	strcpy(text, arg);
	port = split_port(&host);
	return port && *host && arg_number(port, UINT16_MAX, &number) && number > 0 &&
	       numeric_addr(host, port, to);
}

bool arg_ms(const char *arg, void *to)
{
	uint64_t v = 0;

	if (strcmp(arg, "off") != 0 && !arg_number(arg, UINT32_MAX, &v))
		return false;
	*(uint32_t *)to = (uint32_t)v;
	return true;
}

bool arg_group(const char *arg, void *to)
{
	const struct group *group;
	uint64_t v = STT_GID_NONE;

	if (strcmp(arg, "none") != 0 && !arg_number(arg, STT_GID_NONE - 1, &v)) {
		group = getgrnam(arg);
		if (!group)
			return false;
		v = group->gr_gid;
	}
	*(uint32_t *)to = (uint32_t)v;
	return true;
}

bool arg_count(const char *arg, void *to)
{
	uint64_t v;

	if (!arg_number(arg, UINT32_MAX, &v))
		return false;
	*(uint32_t *)to = (uint32_t)v;
	return true;
}

bool arg_epoch(const char *arg, void *to)
{
	uint64_t v;

	if (!arg_number(arg, 7, &v))
		return false;
	*(uint8_t *)to = (uint8_t)v;
	return true;
}

bool arg_reason(const char *arg, void *to)
{
	uint64_t v;

	for (v = STT_CLOSE_NONE; v < STT_CLOSE_USER_MIN; v++) {
		const char *name = stt_close_reason_name((uint8_t)v);

		if (name && strcmp(arg, name) == 0)
			break;
	}
	if (v == STT_CLOSE_USER_MIN &&
	    (!arg_number(arg, UINT8_MAX, &v) || v < STT_CLOSE_USER_MIN))
		return false;
	*(uint8_t *)to = (uint8_t)v;
	return true;
}

bool arg_peer_id(const char *arg, void *to)
{
	size_t len;

	return sodium_hex2bin(to, STT_PEER_ID_LEN, arg, strlen(arg), NULL, &len, NULL) == 0 &&
	       len == STT_PEER_ID_LEN;
}

bool arg_string(const char *arg, void *to)
{
	*(const char **)to = arg;
	return *arg;
}
