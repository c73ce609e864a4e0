// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer: what tuplerun reads. The first byte says what the others are: its
 * words, a line each; the environment of the preloaded library, likewise; or
 * the file of a program that it is to judge.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The library as a part of this process, which it must not serve */
#define socket preloaded_socket
#include "tuplerun_preload.c"
#undef socket

#define WORDS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Lines of @text, in place */
static int split(char *text, char **words)
{
	int n = 0;

	while (n < WORDS - 1 && (words[n] = strsep(&text, "\n")))
		n++;
	words[n] = NULL;
	return n;
}

static bool is_name(const char *name)
{
	return strlen(name) < INET_TUPLE_NAMSIZ && !strpbrk(name, "/ \t\n");
}

static void arguments(char *text)
{
	char *argv[WORDS + 1] = { "tuplerun" }, *given[WORDS + 1];
	int argc = 1 + split(text, argv + 1), status, i;
	struct tuplerun t;

	memcpy(given, argv, sizeof(given));
	status = tuplerun_args(&t, argc, argv);
	must(status == -1 || status == 0 || status == FAILED);
	if (status != -1)
		return;
	must(is_name(t.conf.pool) && !t.shared == !t.conf.scope_id);
	/* the command is the last words, as they were given */
	for (i = argc; i > 0 && given[i] == argv[i] && &argv[i] != t.argv; i--)
		;
	must(&argv[i] == t.argv && given[i] == argv[i] && argv[i]);
}

static void environment(char *text)
{
	static const char *const names[] = {
		ENV_POOL, ENV_SCOPE_ID, ENV_INET, ENV_INET6,
	};
	char *words[WORDS];
	int n = split(text, words), i;

	memset(&conf, 0, sizeof(conf));
	for (i = 0; i < (int)ARRAY_SIZE(names); i++) {
		if (i < n)
			setenv(names[i], words[i], 1);
		else
			unsetenv(names[i]);
	}
	setup();
	must(strlen(conf.pool) < INET_TUPLE_NAMSIZ);
	for (i = 0; i < 2; i++)
		must(conf.family[i] >= FAMILY_NONE);
}

static void program(const char *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	/* a script may name anything to be opened */
	if (memmem(data, size, "dev", 3))
		return;
	if (fd < 0) {
		fd = memfd_create("program", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		setenv("PATH", "/nonexistent", 1);
	}
	must(!ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size);
	tuplerun_why_seccomp(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	switch (data[0] % 3) {
	case 0:
		arguments(text);
		break;
	case 1:
		environment(text);
		break;
	default:
		program((const char *)data + 1, size - 1);
	}
	free(text);
	return 0;
}
