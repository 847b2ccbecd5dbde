// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stt/control.h>

#include "status.h"

static const char *place_file;
static unsigned int place_line;

void status_place(const char *file, unsigned int line)
{
	place_file = file;
	place_line = line;
}

__attribute__((format(printf, 1, 0)))
static void complain(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("stt-ip: ", stderr);
	if (place_file)
		fprintf(stderr, "%s:%u: ", place_file, place_line);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return STATUS_USAGE;
}

int failed(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return STATUS_SYSTEM;
}

int failed_call(void)
{
	return failed("%s", stt_errmsg());
}
