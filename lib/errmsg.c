// SPDX-License-Identifier: LGPL-2.1-or-later
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <stt/control.h>

#include "errmsg.h"

static _Thread_local char message[512] = "no error";

/* Formats aside first: an argument may be the old message itself. */
__attribute__((format(printf, 1, 0)))
static void set(const char *fmt, va_list ap)
{
	char text[sizeof(message)];

	vsnprintf(text, sizeof(text), fmt, ap);
	memcpy(message, text, sizeof(message));
}

void stt_err_set(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(fmt, ap);
	va_end(ap);
}

int stt_err(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(fmt, ap);
	va_end(ap);
	return err;
}

const char *stt_strerror(int err)
{
	const char *text = strerrordesc_np(err < 0 ? -err : err);

	return text ? text : "unknown error";
}

const char *stt_errmsg(void)
{
	return message;
}
