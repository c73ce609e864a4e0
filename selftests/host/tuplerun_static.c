// SPDX-License-Identifier: GPL-2.0-only
/* A program for tuplerun to run; linked statically, preloading passes it by.
 *
 *	domain DOMAIN TYPE [PROTOCOL]	make a socket, print its SO_DOMAIN and
 *					SO_PROTOCOL, or the error
 *	flags DOMAIN FLAGS		its FD_CLOEXEC and O_NONBLOCK
 *	threads N M DOMAIN		N threads make M sockets each: print how
 *					many of which SO_DOMAIN
 *	fork N DOMAIN			the same with processes, one socket each
 *	full DOMAIN			make sockets until it fails: the error
 *	names N				N sockets at once: their addresses
 *	children			has it any? wait()'s error
 *	time N DOMAIN			N sockets: nanoseconds each
 *	exec COMMAND...
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int count[64];
static int wanted, rounds;

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	getsockopt(fd, SOL_SOCKET, name, &value, &len);
	return value;
}

static int show_error(void)
{
	printf("%s\n", strerrorname_np(errno));
	return 0;
}

static int domain(int dom, int type, int protocol)
{
	int fd = socket(dom, type, protocol);

	if (fd < 0)
		return show_error();
	printf("%d %d\n", option(fd, SO_DOMAIN), option(fd, SO_PROTOCOL));
	return 0;
}

static int flags(int dom, int bits)
{
	int fd = socket(dom, SOCK_DGRAM | bits, 0);

	if (fd < 0)
		return show_error();
	printf("%d %d\n", !!(fcntl(fd, F_GETFD) & FD_CLOEXEC),
	       !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	return 0;
}

static int one(void)
{
	int fd = socket(wanted, SOCK_DGRAM, 0);
	int got = fd < 0 ? 0 : option(fd, SO_DOMAIN);

	close(fd);
	return got & 63;
}

static void *thread(void *arg)
{
	int i;

	for (i = 0; i < rounds; i++)
		__atomic_add_fetch(&count[one()], 1, __ATOMIC_RELAXED);
	return arg;
}

static void show_counts(void)
{
	int i;

	for (i = 0; i < 64; i++)
		if (count[i])
			printf("%d: %d\n", i, count[i]);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* With signals in between, as Go has them */
static int threads(int n)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	pthread_t *t = calloc(n, sizeof(*t));
	int i;

	sigaction(SIGURG, &sa, NULL);
	for (i = 0; i < n; i++)
		pthread_create(&t[i], NULL, thread, NULL);
	for (i = 0; i < 20 * n; i++) {
		pthread_kill(t[i % n], SIGURG);
		usleep(100);
	}
	for (i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	free(t);
	show_counts();
	return 0;
}

static int forks(int n)
{
	int i, status;

	for (i = 0; i < n; i++)
		if (!fork())
			_exit(one());
	while (wait(&status) > 0)
		count[WEXITSTATUS(status) & 63]++;
	show_counts();
	return 0;
}

static int full(int dom)
{
	struct rlimit limit = { 32, 32 };
	int n = 0;

	setrlimit(RLIMIT_NOFILE, &limit);
	while (socket(dom, SOCK_DGRAM, 0) >= 0 && n < 100)
		n++;
	return show_error();
}

static int names(int n)
{
	struct sockaddr_in in;
	socklen_t len;
	int i, fd;

	for (i = 0; i < n; i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			return show_error();
		len = sizeof(in);
		getsockname(fd, (struct sockaddr *)&in, &len);
		puts(inet_ntoa(in.sin_addr));
	}
	return 0;
}

static int children(void)
{
	if (waitpid(-1, NULL, WNOHANG) >= 0)
		return puts("some") < 0;
	return show_error();
}

static int timing(int n, int dom)
{
	struct timespec from, to;
	int i;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < n; i++)
		close(socket(dom, SOCK_DGRAM, 0));
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%lld\n", ((to.tv_sec - from.tv_sec) * 1000000000LL +
			  to.tv_nsec - from.tv_nsec) / n);
	return 0;
}

int main(int argc, char **argv)
{
	int a[3] = { 0, 0, 0 };
	int i;

	if (argc < 2)
		return 2;
	for (i = 0; i < 3 && i + 2 < argc; i++)
		a[i] = strtol(argv[i + 2], NULL, 0);
	if (!strcmp(argv[1], "domain"))
		return domain(a[0], a[1], a[2]);
	if (!strcmp(argv[1], "flags"))
		return flags(a[0], a[1]);
	rounds = a[1];
	wanted = a[2];
	if (!strcmp(argv[1], "threads"))
		return threads(a[0]);
	wanted = a[1];
	if (!strcmp(argv[1], "fork"))
		return forks(a[0]);
	if (!strcmp(argv[1], "full"))
		return full(a[0]);
	if (!strcmp(argv[1], "names"))
		return names(a[0]);
	if (!strcmp(argv[1], "children"))
		return children();
	if (!strcmp(argv[1], "time"))
		return timing(a[0], a[1]);
	if (!strcmp(argv[1], "exec"))
		execvp(argv[2], argv + 2);
	return 2;
}
