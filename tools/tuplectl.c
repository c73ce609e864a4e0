// SPDX-License-Identifier: GPL-2.0-only
/* tuplectl: pools, leases and rules of inet_tuple from the command line. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "tuplectl.h"

#ifndef VERSION
#define VERSION "0"
#endif

static int help(struct tuplectl *t, int argc, char **argv);

/* What has no commands of its own is one. */
static const struct command monitor_command[] = {
	{ .name = "monitor", .usage = "monitor\n", .run = monitor },
	{ .name = NULL },
};

static const struct command stats_command[] = {
	{ .name = "stats", .usage = "stats [--prometheus] [POOL]\n",
	  .run = stats },
	{ .name = NULL },
};

static const struct command save_command[] = {
	{ .name = "save", .usage = "save\n", .run = save },
	{ .name = NULL },
};

static const struct command help_command[] = {
	{ .name = "help", .usage = "help [OBJECT]\n", .run = help },
	{ .name = NULL },
};

/* Any beginning of a name will do; the first that fits is taken. */
static const struct object {
	const char *name;
	const struct command *commands;
	bool single;
} objects[] = {
	{ "pool", pool_commands, false },
	{ "lease", lease_commands, false },
	{ "addr", addr_commands, false },
	{ "rule", rule_commands, false },
	{ "monitor", monitor_command, true },
	{ "save", save_command, true },
	{ "stats", stats_command, true },
	{ "help", help_command, true },
};

/* @fmt: a line about what went wrong, without its end */
static void vcomplain(const struct tuplectl *t, const char *fmt, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "tuplectl: ");
	if (t->file)
		fprintf(stderr, "%s:%u: ", t->file, t->line);
	vfprintf(stderr, fmt, args);
	putc('\n', stderr);
}

void complain(const struct tuplectl *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vcomplain(t, fmt, args);
	va_end(args);
}

static void usage_line(FILE *f, const struct command *cmd, bool first)
{
	fprintf(f, "%s tuplectl %s", first ? "Usage:" : "      ", cmd->usage);
}

/* Complain, and tell how the command that runs is used, unless a batch wants
 * one line an error
 */
int wrong(const struct tuplectl *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vcomplain(t, fmt, args);
	va_end(args);
	if (t->cmd && !t->file)
		usage_line(stderr, t->cmd, true);
	return WRONG;
}

/* What the kernel did not like, where it is one of several */
static bool blamed_range(const struct tuplectl *t,
			 const struct inet_tuple_obj *obj, char *buf)
{
	struct inet_tuple_prefix p;

	if (!obj || !t->h ||
	    inet_tuple_obj_prefix(obj, inet_tuple_error_attr(t->h),
				  inet_tuple_error_index(t->h), &p))
		return false;
	range_text(&p, buf);
	return true;
}

/* Tell why a request failed: in the words of the kernel, where it has any.
 * @obj: what was asked for, or NULL
 */
int refused_obj(const struct tuplectl *t, int err,
		const struct inet_tuple_obj *obj)
{
	const char *text = t->h ? inet_tuple_error_text(t->h) : "";
	int attr = t->h ? inet_tuple_error_attr(t->h) : 0;
	const char *name = NULL;
	char range[PREFIX_TEXT];

	if (!*text)
		text = strerror(-err);
	if (attr && t->cmd && t->cmd->attr_name)
		name = t->cmd->attr_name(attr);
	if (name && strstr(text, name))
		name = NULL;
	if (blamed_range(t, obj, range))
		complain(t, "%s: %s", text, range);
	else if (name)
		complain(t, "%s (%s)", text, name);
	else
		complain(t, "%s", text);
	return REFUSED;
}

int refused(const struct tuplectl *t, int err)
{
	return refused_obj(t, err, NULL);
}

/* What went wrong was not a request. */
int failed(const struct tuplectl *t, int err)
{
	complain(t, "%s", strerror(-err));
	return REFUSED;
}

/* Connect, unless that is done already */
int need_handle(struct tuplectl *t)
{
	int err;

	if (t->h)
		return DONE;
	err = inet_tuple_handle_open(&t->h, t->netns);
	if (!err)
		return DONE;

	if (err == -EAFNOSUPPORT)
		complain(t, "the kernel module inet_tuple is not loaded");
	else if (t->netns)
		complain(t, "network namespace '%s': %s", t->netns,
			 strerror(-err));
	else
		complain(t, "no connection to the kernel: %s", strerror(-err));
	return REFUSED;
}

static bool begins(const char *name, const char *word)
{
	return *word && !strncmp(name, word, strlen(word));
}

static const struct object *find_object(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(objects); i++)
		if (begins(objects[i].name, word))
			return &objects[i];
	return NULL;
}

static const struct command *find_command(const struct command *cmd,
					  const char *word)
{
	for (; cmd->name; cmd++)
		if (begins(cmd->name, word) ||
		    (cmd->alias && begins(cmd->alias, word)))
			return cmd;
	return NULL;
}

static void object_usage(FILE *f, const struct object *obj, bool first)
{
	const struct command *cmd;

	for (cmd = obj->commands; cmd->name; cmd++, first = false)
		usage_line(f, cmd, first);
}

static void usage(FILE *f)
{
	size_t i;

	fprintf(f, "Usage: tuplectl [-j|--json] [-r|--replace] [-N|--netns NAME]\n"
		"                OBJECT COMMAND ...\n"
		"       tuplectl [-f|--force] [-r|--replace] -b|--batch FILE\n"
		"       tuplectl --help | --version\n");
	for (i = 0; i < ARRAY_SIZE(objects); i++)
		object_usage(f, &objects[i], false);
}

static int help(struct tuplectl *t, int argc, char **argv)
{
	const struct object *obj;

	if (!argc) {
		usage(stdout);
		return DONE;
	}
	obj = find_object(argv[0]);
	if (!obj || argc > 1)
		return wrong(t, "'%s' is not an object", argv[obj ? 1 : 0]);
	object_usage(stdout, obj, true);
	return DONE;
}

/* OBJECT COMMAND ...; without a command, show */
int run_words(struct tuplectl *t, int argc, char **argv)
{
	const struct object *obj = find_object(argv[0]);
	const struct command *cmd;

	t->cmd = NULL;
	if (!obj) {
		complain(t, "'%s' is not an object", argv[0]);
		if (!t->file)
			usage(stderr);
		return WRONG;
	}
	argc--;
	argv++;

	cmd = obj->commands;
	if (!obj->single && argc) {
		cmd = find_command(cmd, argv[0]);
		if (!cmd && !strcmp(argv[0], "help"))
			return object_usage(stdout, obj, true), DONE;
		if (!cmd) {
			complain(t, "'%s' is not a command of %s", argv[0],
				 obj->name);
			if (!t->file)
				object_usage(stderr, obj, true);
			return WRONG;
		}
		argc--;
		argv++;
	}
	t->cmd = cmd;
	return cmd->run(t, argc, argv);
}

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "netns", required_argument, NULL, 'N' },
	{ "batch", required_argument, NULL, 'b' },
	{ "force", no_argument, NULL, 'f' },
	{ "replace", no_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Return: an exit status, or -1 to go on */
static int parse_options(struct tuplectl *t, int argc, char **argv,
			 const char **file)
{
	int c;

	while ((c = getopt_long(argc, argv, "+jN:b:frhV", options, NULL)) >= 0) {
		switch (c) {
		case 'j':
			t->json = true;
			break;
		case 'N':
			t->netns = optarg;
			break;
		case 'b':
			*file = optarg;
			break;
		case 'f':
			t->force = true;
			break;
		case 'r':
			t->replace = true;
			break;
		case 'h':
			usage(stdout);
			return DONE;
		case 'V':
			printf("tuplectl %s\n", VERSION);
			return DONE;
		default:
			usage(stderr);
			return WRONG;
		}
	}
	return -1;
}

static int run(struct tuplectl *t, int argc, char **argv)
{
	const char *file = NULL;
	int status;

	status = parse_options(t, argc, argv, &file);
	if (status >= 0)
		return status;
	argc -= optind;
	argv += optind;

	if (file && argc)
		return wrong(t, "'%s' after a batch file", argv[0]);
	if (file)
		return batch(t, file);
	if (argc)
		return run_words(t, argc, argv);
	usage(stderr);
	return WRONG;
}

int main(int argc, char **argv)
{
	struct tuplectl t = { .json = false };
	int status;

	status = run(&t, argc, argv);
	inet_tuple_handle_close(t.h);
	if ((fflush(stdout) || ferror(stdout)) && status == DONE) {
		complain(&t, "standard output: %s", strerror(errno));
		status = REFUSED;
	}
	return status;
}
