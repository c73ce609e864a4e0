// SPDX-License-Identifier: GPL-2.0-only
/* tuplerun: run a program whose sockets own an IP address each. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tuplerun.h"

#ifndef LIBRARY_DIR
#define LIBRARY_DIR "/usr/local/lib/inet_tuple"
#endif
#define LIBRARY "libtuplerun_preload.so"

/* Where it was built, where it was moved to together with this command, or
 * where it was meant to be. Return: a path to be freed, or NULL.
 */
static char *find_library(void)
{
	char exe[PATH_MAX] = "";
	char *path = NULL;
	const char *dir;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0) {
		dir = dirname(exe);
		if (asprintf(&path, "%s/%s", dir, LIBRARY) < 0)
			return NULL;
		if (!access(path, R_OK))
			return path;
		free(path);
		if (asprintf(&path, "%s/../lib/inet_tuple/%s", dir, LIBRARY) < 0)
			return NULL;
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	return access(LIBRARY_DIR "/" LIBRARY, R_OK) ? NULL :
		strdup(LIBRARY_DIR "/" LIBRARY);
}

/* Is it in there already, as under another tuplerun? */
static bool is_listed(const char *list, const char *word)
{
	size_t len = strlen(word);
	size_t n;

	for (; *list; list += n + !!list[n]) {
		n = strcspn(list, ": ");
		if (n == len && !memcmp(list, word, len))
			return true;
	}
	return false;
}

/* In front of what others want preloaded, which is kept */
static int preload(void)
{
	const char *old = getenv("LD_PRELOAD");
	char *library = find_library();
	char *list = NULL;
	int err = 0;

	if (!library || strpbrk(library, ": ")) {
		complain("%s is not found, or its path has a blank or a colon",
			 LIBRARY);
		free(library);
		return FAILED;
	}
	if (!old || !*old)
		err = setenv("LD_PRELOAD", library, 1);
	else if (!is_listed(old, library))
		err = asprintf(&list, "%s:%s", library, old) < 0 ||
		      setenv("LD_PRELOAD", list, 1);
	free(list);
	free(library);
	if (err)
		complain("no memory");
	return err ? FAILED : 0;
}

static int set_family(const char *name, int family)
{
	char number[16];

	if (family == FAMILY_PLAIN)
		return setenv(name, WORD_PLAIN, 1);
	if (family == FAMILY_NONE)
		return setenv(name, WORD_NONE, 1);
	snprintf(number, sizeof(number), "%d", family);
	return setenv(name, number, 1);
}

/* For the library, if only to tell the one of a tuplerun around this one to
 * keep out of it
 */
static int set_environment(const struct tuplerun_conf *conf)
{
	char number[24];
	int err;

	err = set_family(ENV_INET, conf->family[0]) ||
	      set_family(ENV_INET6, conf->family[1]);
	err |= conf->pool[0] ? setenv(ENV_POOL, conf->pool, 1) :
			       unsetenv(ENV_POOL);
	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)conf->scope_id);
	err |= conf->scope_id ? setenv(ENV_SCOPE_ID, number, 1) :
				unsetenv(ENV_SCOPE_ID);
	err |= conf->mptcp ? setenv(ENV_MPTCP, "1", 1) : unsetenv(ENV_MPTCP);
	if (err)
		complain("no memory");
	return err ? FAILED : 0;
}

static int prepare(const struct tuplerun *t, enum tuplerun_way way)
{
	static const struct tuplerun_conf plain;
	int status;

	if (t->conf.family[0] == FAMILY_PLAIN &&
	    t->conf.family[1] == FAMILY_PLAIN)
		return set_environment(&plain);
	if (way == WAY_SECCOMP)
		return set_environment(&plain) ?: tuplerun_supervise(t, true);
	status = preload() ?: set_environment(&t->conf);
	if (!status && t->shared)
		status = tuplerun_supervise(t, false);
	return status;
}

/* What the caller has closed is not to be the number of something else that is
 * opened here, and is closed again for the command.
 */
static int occupy_standard(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 ||
		    open("/dev/null", O_RDWR | O_CLOEXEC) >= 0)
			continue;
		complain("/dev/null: %m");
		return FAILED;
	}
	return 0;
}

static int not_run(const char *name, int err)
{
	complain("%s: %s", name, strerror(err));
	return err == ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
}

int main(int argc, char **argv)
{
	enum tuplerun_way way;
	struct tuplerun t;
	int status;
	char *path;

	status = tuplerun_args(&t, argc, argv);
	if (status >= 0)
		return status;
	status = occupy_standard();
	if (status)
		return status;
	path = tuplerun_find(t.argv[0]);
	if (!path)
		return not_run(t.argv[0], errno);
	status = tuplerun_ask(&t);
	if (status) {
		free(path);
		return status;
	}

	way = t.way;
	if (way == WAY_CHOSEN)
		way = tuplerun_why_seccomp(path) ? WAY_SECCOMP : WAY_PRELOAD;
	free(path);
	status = prepare(&t, way);
	if (status)
		return status;
	execvp(t.argv[0], t.argv);
	return not_run(t.argv[0], errno);
}
