// SPDX-License-Identifier: GPL-2.0-only
/* Answers the calls that the filter sends to the supervisor.
 *
 * A pool may let its callers wait, so every call is answered by a thread of
 * its own: an idle one, or a new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/seccomp.h>
#include "tuplerun.h"

#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND 0x2
#endif

#define IDLE_MAX	4
#define STACK_SIZE	(256 * 1024)

/* The kernel's structures may be larger than those known here. */
#define ROOM		512

union request {
	struct seccomp_notif notif;
	char room[ROOM];
};

union response {
	struct seccomp_notif_resp notif;
	char room[ROOM];
};

struct job {
	struct job *next;
	union request req;
};

/**
 * struct notify - the calls and those who answer them
 * @conf: how sockets are made; constant
 * @listener: where calls come from; constant
 * @netns: of the supervisor; constant
 * @attr: of threads; constant
 * @lock: protects what follows
 * @more: @first has come
 * @first: calls that no thread has taken yet, in their order
 * @last: where the next one goes
 * @waiting: how many there are
 * @idle: threads that wait for @more
 */
static struct notify {
	struct tuplerun_conf conf;
	int listener;
	struct stat netns;
	pthread_attr_t attr;

	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first;
	struct job **last;
	unsigned int waiting;
	unsigned int idle;
} notify = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
	.last = &notify.first,
};

static int socket_call(int domain, int type, int protocol)
{
	return syscall(SYS_socket, domain, type, protocol);
}

/* Who has gone to another network namespace is out of reach: a socket made
 * here would be one of this namespace.
 */
static bool is_elsewhere(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (stat(path, &st) < 0)
		return false;
	return st.st_ino != notify.netns.st_ino ||
	       st.st_dev != notify.netns.st_dev;
}

static void respond(__u64 id, int error, __u32 flags)
{
	union response resp = {
		.notif = { .id = id, .error = error, .flags = flags },
	};

	/* ENOENT: a signal has ended the call. */
	ioctl(notify.listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

/* Give the socket to the caller, and its number as the result of the call */
static void hand_over(__u64 id, int fd, int type)
{
	struct seccomp_notif_addfd addfd = {
		.id = id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = fd,
		.newfd_flags = type & SOCK_CLOEXEC ? O_CLOEXEC : 0,
	};

	/* EMFILE above all: what socket() would have said */
	if (ioctl(notify.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) < 0 &&
	    errno != ENOENT)
		respond(id, -errno, 0);
}

static bool is_alive(__u64 id)
{
	return !ioctl(notify.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

static bool is_plain(int domain)
{
	return notify.conf.family[domain == AF_INET6] == FAMILY_PLAIN;
}

static void answer(const struct seccomp_notif *req)
{
	bool ours;
	int a[3];
	int fd;

	ours = tuplerun_decode(req, a) && tuplerun_wants(a[0], a[1], a[2]) &&
	       !is_plain(a[0]) && !is_elsewhere(req->pid);
	/* Or all of that was about another process, which got the same pid. */
	if (!is_alive(req->id))
		return;
	if (!ours) {
		respond(req->id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
		return;
	}
	fd = tuplerun_socket(&notify.conf, socket_call, a[0],
			     a[1] | SOCK_CLOEXEC, a[2]);
	if (fd < 0) {
		respond(req->id, tuplerun_no_pool(&notify.conf, fd), 0);
		return;
	}
	hand_over(req->id, fd, a[1]);
	close(fd);
}

/* Return: the next call, or NULL when enough others wait for it; locked */
static struct job *take(void)
{
	struct job *job;

	while (!notify.first) {
		if (notify.idle >= IDLE_MAX)
			return NULL;
		notify.idle++;
		pthread_cond_wait(&notify.more, &notify.lock);
		notify.idle--;
	}
	job = notify.first;
	notify.first = job->next;
	if (!notify.first)
		notify.last = &notify.first;
	notify.waiting--;
	return job;
}

static void *work(void *unused)
{
	struct job *job;

	pthread_mutex_lock(&notify.lock);
	while ((job = take())) {
		pthread_mutex_unlock(&notify.lock);
		answer(&job->req.notif);
		free(job);
		pthread_mutex_lock(&notify.lock);
	}
	pthread_mutex_unlock(&notify.lock);
	return unused;
}

/* Return: false where there is no thread to be had now. One that is at work
 * takes the call then; the first one is never refused (tuplerun_notify_init).
 */
static bool give(struct job *job)
{
	pthread_t thread;
	bool ok = true;

	pthread_mutex_lock(&notify.lock);
	*notify.last = job;
	notify.last = &job->next;
	notify.waiting++;
	if (notify.waiting > notify.idle)
		ok = !pthread_create(&thread, &notify.attr, work, NULL);
	pthread_cond_signal(&notify.more);
	pthread_mutex_unlock(&notify.lock);
	return ok;
}

/* Take a call in and have it answered. Return: false where nothing can be done
 * about it right now.
 */
bool tuplerun_notify(void)
{
	struct job *job = calloc(1, sizeof(*job));
	bool gone;

	if (!job)
		return false;
	if (ioctl(notify.listener, SECCOMP_IOCTL_NOTIF_RECV, &job->req) < 0) {
		gone = errno == ENOENT || errno == EINTR;
		free(job);
		return gone;
	}
	return give(job);
}

/* Return: 0 or -errno */
int tuplerun_notify_init(const struct tuplerun_conf *conf, int listener)
{
	struct seccomp_notif_sizes sizes;
	pthread_t thread;

	notify.conf = *conf;
	notify.listener = listener;
	if (stat("/proc/self/ns/net", &notify.netns) < 0)
		return -errno;
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return -errno;
	if (sizes.seccomp_notif > ROOM || sizes.seccomp_notif_resp > ROOM)
		return -E2BIG;
	pthread_attr_init(&notify.attr);
	pthread_attr_setstacksize(&notify.attr, STACK_SIZE);
	pthread_attr_setdetachstate(&notify.attr, PTHREAD_CREATE_DETACHED);
	/* Idle ones stay, up to IDLE_MAX: there is always one. */
	return -pthread_create(&thread, &notify.attr, work, NULL);
}
