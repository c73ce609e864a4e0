// SPDX-License-Identifier: GPL-2.0-only
/* The command line of tuplerun. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "tuplerun.h"

#ifndef VERSION
#define VERSION "0"
#endif

enum { SECCOMP = 256, PRELOAD, MPTCP };

static const struct option options[] = {
	{ "pool", required_argument, NULL, 'p' },
	{ "scope", required_argument, NULL, 's' },
	{ "fallback", no_argument, NULL, 'f' },
	{ "seccomp", no_argument, NULL, SECCOMP },
	{ "preload", no_argument, NULL, PRELOAD },
	{ "mptcp", no_argument, NULL, MPTCP },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

void complain(const char *fmt, ...)
{
	va_list args;

	fputs("tuplerun: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	putc('\n', stderr);
}

static void usage(FILE *f)
{
	fputs("Usage: tuplerun [-p|--pool NAME] [-s|--scope process|socket]\n"
	      "                [--seccomp|--preload] [--mptcp] [-f|--fallback]\n"
	      "                [--] COMMAND [ARG]...\n"
	      "       tuplerun --help | --version\n", f);
}

static int wrong(void)
{
	usage(stderr);
	return FAILED;
}

static int set_pool(struct tuplerun_conf *conf, const char *name)
{
	if (!*name || strlen(name) >= sizeof(conf->pool) ||
	    strpbrk(name, "/ \t\n")) {
		complain("'%s' cannot be the name of a pool", name);
		return wrong();
	}
	strcpy(conf->pool, name);
	return -1;
}

/* One id for all that this call runs; no other call has it. */
static int set_scope(struct tuplerun *t, const char *name)
{
	t->shared = !strcmp(name, "process");
	if (!t->shared && strcmp(name, "socket")) {
		complain("'%s' is not a scope: process, socket", name);
		return wrong();
	}
	t->conf.scope_id = 0;
	while (t->shared && !t->conf.scope_id) {
		if (getrandom(&t->conf.scope_id, sizeof(t->conf.scope_id), 0) < 0) {
			complain("no random number: %m");
			return FAILED;
		}
	}
	return -1;
}

static int set_way(struct tuplerun *t, enum tuplerun_way way)
{
	if (t->way != WAY_CHOSEN && t->way != way) {
		complain("--seccomp and --preload are two ways of one thing");
		return wrong();
	}
	t->way = way;
	return -1;
}

static int set_option(struct tuplerun *t, int c)
{
	switch (c) {
	case 'p':
		return set_pool(&t->conf, optarg);
	case 's':
		return set_scope(t, optarg);
	case 'f':
		t->fallback = true;
		return -1;
	case SECCOMP:
		return set_way(t, WAY_SECCOMP);
	case PRELOAD:
		return set_way(t, WAY_PRELOAD);
	case MPTCP:
		t->conf.mptcp = true;
		return -1;
	case 'h':
		usage(stdout);
		return 0;
	case 'V':
		printf("tuplerun %s\n", VERSION);
		return 0;
	}
	return wrong();
}

int tuplerun_args(struct tuplerun *t, int argc, char **argv)
{
	int status;
	int c;

	memset(t, 0, sizeof(*t));
	optind = 0;
	/* + : what follows the command is the command's */
	while ((c = getopt_long(argc, argv, "+p:s:fhV", options, NULL)) >= 0) {
		status = set_option(t, c);
		if (status >= 0)
			return status;
	}
	if (optind >= argc) {
		complain("no command");
		return wrong();
	}
	t->argv = argv + optind;
	return -1;
}
