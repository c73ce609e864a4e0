// SPDX-License-Identifier: GPL-2.0-only
/* What is told to people, on the standard error. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include "tupled.h"

bool verbose;

static void say_it(const char *format, va_list args)
{
	fputs("inet-tupled: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

/* What whoever runs a machine wants to know */
void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_it(format, args);
	va_end(args);
}

/* What whoever looks for a fault wants to know as well */
void say_more(const char *format, ...)
{
	va_list args;

	if (!verbose)
		return;
	va_start(args, format);
	say_it(format, args);
	va_end(args);
}

/* Good for four addresses in one sentence */
const char *addr_str(in_addr_t addr)
{
	static char bufs[4][INET_ADDRSTRLEN];
	static unsigned int n;
	char *buf = bufs[n++ % ARRAY_SIZE(bufs)];

	inet_ntop(AF_INET, &addr, buf, INET_ADDRSTRLEN);
	return buf;
}
