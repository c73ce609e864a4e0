// SPDX-License-Identifier: GPL-2.0-only
/* libtuplerun_preload.so: socket() of the programs that tuplerun runs.
 *
 * The environment tells how (see tuplerun.h); what it does not tell, the
 * running module does, so that LD_PRELOAD alone will do as well.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tuplerun.h"

#define PARAMETERS "/sys/module/inet_tuple/parameters/"

static struct tuplerun_conf conf;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static tuplerun_make *next_socket;

/* For want of a next one, as in a program that does not link to libc */
static int socket_call(int domain, int type, int protocol)
{
	return syscall(SYS_socket, domain, type, protocol);
}

/* Nothing here allocates: a program may call socket() in strange places. */
static int read_family(const char *path, int otherwise)
{
	char buf[16] = "";
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return otherwise;
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	return len > 0 && atoi(buf) > 0 ? atoi(buf) : otherwise;
}

static int family(const char *env, const char *path, int otherwise)
{
	const char *word = getenv(env);

	if (word && !strcmp(word, WORD_PLAIN))
		return FAMILY_PLAIN;
	if (word && !strcmp(word, WORD_NONE))
		return FAMILY_NONE;
	if (word && atoi(word) > 0)
		return atoi(word);
	return read_family(path, otherwise);
}

/* mptcpize(1) preloads a socket() that asks no next one, so ours is to come
 * first and to do what that would have done.
 */
static bool wants_mptcp(void)
{
	const char *list = getenv("LD_PRELOAD");

	return getenv(ENV_MPTCP) || (list && strstr(list, "/libmptcpwrap.so"));
}

static void setup(void)
{
	const char *pool = getenv(ENV_POOL);
	const char *id = getenv(ENV_SCOPE_ID);

	conf.family[0] = family(ENV_INET, PARAMETERS "family_inet",
				AF_INET_TUPLE);
	conf.family[1] = family(ENV_INET6, PARAMETERS "family_inet6",
				AF_INET6_TUPLE);
	if (pool && strlen(pool) < sizeof(conf.pool))
		strcpy(conf.pool, pool);
	if (id)
		conf.scope_id = strtoull(id, NULL, 10);
	conf.mptcp = wants_mptcp();
	/* POSIX lets a void * be this pointer; C has no word for it. */
	*(void **)&next_socket = dlsym(RTLD_NEXT, "socket");
	if (!next_socket)
		next_socket = socket_call;
}

/* Before there are threads, or a signal handler that calls socket() */
__attribute__((constructor)) static void start(void)
{
	int saved = errno;

	pthread_once(&once, setup);
	errno = saved;
}

__attribute__((visibility("default")))
int socket(int domain, int type, int protocol)
{
	int saved = errno;
	int fd;

	pthread_once(&once, setup);
	errno = saved;
	if (!tuplerun_wants(domain, type, protocol))
		return next_socket(domain, type, protocol);
	fd = tuplerun_socket(&conf, next_socket, domain, type, protocol);
	if (fd >= 0)
		return fd;
	errno = -tuplerun_no_pool(&conf, fd);
	return -1;
}
