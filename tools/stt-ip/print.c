// SPDX-License-Identifier: GPL-2.0-only
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <string.h>

#include "print.h"

#define INDENT	4
#define WIDTH	80

void pr_init(struct printer *p, FILE *out, bool json, bool pretty)
{
	*p = (struct printer){
		.out = out, .json = json, .pretty = pretty, .fresh = true, .blank = true,
	};
}

/* Only ASCII goes out unchanged, so that the result is always valid JSON. */
static void put_json_char(FILE *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		fprintf(out, "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		fprintf(out, "\\u%04x", c);
	else if (c > 0x7f)
		fputs("\\ufffd", out);
	else
		putc(c, out);
}

static void put_json_string(FILE *out, const char *s)
{
	putc('"', out);
	for (; *s; s++)
		put_json_char(out, (unsigned char)*s);
	putc('"', out);
}

/* Control characters could play tricks with a terminal. */
static void put_text_string(FILE *out, const char *s)
{
	for (; *s; s++)
		putc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, out);
}

static void json_newline(struct printer *p)
{
	if (p->pretty)
		fprintf(p->out, "\n%*s", (int)(p->depth * INDENT), "");
}

/* The bracket that pr_list() held back. */
static void release(struct printer *p)
{
	if (p->held)
		putc('[', p->out);
	p->held = false;
}

/* What goes before a member or an element. */
static void json_lead(struct printer *p, const char *name)
{
	release(p);
	if (!p->fresh)
		putc(',', p->out);
	if (p->depth)
		json_newline(p);
	p->fresh = false;
	if (!name)
		return;
	put_json_string(p->out, name);
	fputs(p->pretty ? ": " : ":", p->out);
}

static unsigned int text_level(const struct printer *p)
{
	unsigned int level = 0;

	for (unsigned int i = 0; i < p->depth; i++)
		level += p->close[i] == '}';
	return level;
}

static void text_word(struct printer *p, const char *word)
{
	if (!p->blank)
		putc(' ', p->out);
	put_text_string(p->out, word);
	p->blank = false;
}

/* A line of its own for an item or a group, deeper than what holds it. */
static void text_line(struct printer *p, const char *label)
{
	unsigned int level = text_level(p);

	if (!p->blank)
		putc('\n', p->out);
	p->blank = true;
	fprintf(p->out, "%*s", (int)(level * INDENT), "");
	if (label)
		text_word(p, label);
}

/* Text goes on in a new line, if this one has anything in it. */
void pr_line(struct printer *p)
{
	if (!p->json && !p->blank)
		text_line(p, NULL);
}

static void open_container(struct printer *p, const char *name, char open, char close)
{
	assert(p->depth < PR_DEPTH_MAX);
	if (p->json) {
		json_lead(p, name);
		putc(open, p->out);
	}
	p->close[p->depth++] = close;
	p->fresh = true;
}

/* The bracket waits for the first item: what fails before it prints nothing. */
void pr_list(struct printer *p)
{
	assert(!p->depth);
	p->close[p->depth++] = ']';
	p->fresh = true;
	p->held = p->json;
}

void pr_list_end(struct printer *p, bool good)
{
	if (!p->held || good) {
		pr_end(p);
		return;
	}
	p->held = false;
	p->depth--;
}

void pr_array(struct printer *p, const char *name)
{
	open_container(p, name, '[', ']');
}

void pr_item(struct printer *p, const char *label)
{
	if (!p->json)
		text_line(p, label);
	open_container(p, NULL, '{', '}');
}

void pr_group(struct printer *p, const char *name)
{
	if (!p->json) {
		text_line(p, name);
		p->column = text_level(p) * INDENT + (unsigned int)strlen(name);
		p->in_group = true;
	}
	open_container(p, name, '{', '}');
}

static void end_document(struct printer *p)
{
	if (p->json || !p->blank)
		putc('\n', p->out);
	p->fresh = true;
	p->blank = true;
}

void pr_end(struct printer *p)
{
	bool empty = p->fresh;
	char close;

	assert(p->depth > 0);
	release(p);
	close = p->close[--p->depth];
	if (p->json) {
		if (!empty)
			json_newline(p);
		putc(close, p->out);
	}
	p->fresh = false;
	p->in_group = false;
	if (!p->depth)
		end_document(p);
}

/* In a group: go on in the next line, if this one has no room for that much. */
static void text_room(struct printer *p, size_t len)
{
	unsigned int indent = text_level(p) * INDENT;

	if (!p->in_group)
		return;
	if (p->column + 1 + len > WIDTH && p->column > indent) {
		fprintf(p->out, "\n%*s", (int)indent - 1, "");
		p->column = indent - 1;
	}
	p->column += 1 + (unsigned int)len;
}

static void lead(struct printer *p, const char *name)
{
	if (p->json) {
		json_lead(p, name);
		return;
	}
	text_word(p, name);
	putc(' ', p->out);
}

void pr_str(struct printer *p, const char *name, const char *value)
{
	lead(p, name);
	if (p->json)
		put_json_string(p->out, value);
	else
		put_text_string(p->out, value);
}

void pr_u64(struct printer *p, const char *name, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	text_room(p, strlen(name) + 1 + strlen(digits));
	lead(p, name);
	fputs(digits, p->out);
}

/* In text they are joined by commas. */
void pr_names(struct printer *p, const char *name, const char *const *values, size_t n)
{
	lead(p, name);
	if (p->json)
		putc('[', p->out);
	for (size_t i = 0; i < n; i++) {
		if (i)
			putc(',', p->out);
		if (p->json)
			put_json_string(p->out, values[i]);
		else
			put_text_string(p->out, values[i]);
	}
	if (p->json)
		putc(']', p->out);
}

void pr_id(struct printer *p, const char *name, uint64_t value)
{
	char digits[17];

	snprintf(digits, sizeof(digits), "%016" PRIx64, value);
	pr_str(p, name, digits);
}

void pr_hex(struct printer *p, const char *name, const uint8_t *bytes, size_t len)
{
	lead(p, name);
	if (p->json)
		putc('"', p->out);
	for (size_t i = 0; i < len; i++)
		fprintf(p->out, "%02x", bytes[i]);
	if (p->json)
		putc('"', p->out);
}

static void json_addr(struct printer *p, const char *name, const char *host, uint16_t port)
{
	pr_group(p, name);
	pr_str(p, "address", host);
	if (port)
		pr_u64(p, "port", port);
	pr_end(p);
}

static void text_addr(struct printer *p, const char *name, int family, const char *host,
		      uint16_t port)
{
	lead(p, name);
	if (!port)
		fputs(host, p->out);
	else
		fprintf(p->out, family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
}

void pr_addr(struct printer *p, const char *name, const union stt_addr *addr)
{
	bool v6 = addr->sa.sa_family == AF_INET6;
	socklen_t len = v6 ? sizeof(addr->in6) : sizeof(addr->in);
	uint16_t port = ntohs(v6 ? addr->in6.sin6_port : addr->in.sin_port);
	char host[NI_MAXHOST];

	if (addr->sa.sa_family == AF_UNSPEC ||
	    getnameinfo(&addr->sa, len, host, sizeof(host), NULL, 0, NI_NUMERICHOST))
		return;
	if (p->json)
		json_addr(p, name, host, port);
	else
		text_addr(p, name, addr->sa.sa_family, host, port);
}

int pr_finish(struct printer *p)
{
	while (p->depth)
		pr_end(p);
	if (fflush(p->out) == EOF || ferror(p->out))
		return -(errno ? errno : EIO);
	return 0;
}
