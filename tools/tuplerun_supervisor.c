// SPDX-License-Identifier: GPL-2.0-only
/* The supervisor: a process beside the command, which is not its parent.
 *
 * The command takes the place of tuplerun by exec, as if it had been started
 * by itself: its process id, its parent, its signals, its end and its exit
 * status are its own, and it finds no child that it did not make. The
 * supervisor is a grandchild that init inherits. It answers what the filter
 * sends, for as long as anybody is left below the filter; and it holds the
 * address that --scope process promises, when no socket of the command does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tuplerun.h"

#define RETRY_MS	10

/* What goes on in the supervisor, from before the fork; -1: not there */
struct sides {
	int command;	/* the command's end of the line between the two */
	int supervisor;	/* the other */
	int program;	/* the command's process */
	int held[2];	/* sockets that hold the shared addresses */
};

static int make_socket(int domain, int type, int protocol)
{
	return socket(domain, type, protocol);
}

/* A pool may assign its addresses at bind() only: do that, without a port */
static int bind_nowhere(int fd, int domain)
{
	struct sockaddr_storage any = { .ss_family = domain };
	int on = 1;

	if (setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0)
		return -1;
	return bind(fd, (struct sockaddr *)&any, domain == AF_INET6 ?
		    sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
}

static int hold(const struct tuplerun_conf *conf, int domain)
{
	int fd, err;

	if (conf->family[domain == AF_INET6] <= 0)
		return -1;
	fd = tuplerun_socket(conf, make_socket, domain,
			     SOCK_STREAM | SOCK_CLOEXEC, 0);
	err = fd < 0 ? -fd : 0;
	if (!err && bind_nowhere(fd, domain) < 0) {
		err = errno;
		close(fd);
	}
	if (!err)
		return fd;
	complain("no IPv%d address to share: %s",
		 domain == AF_INET6 ? 6 : 4, strerror(err));
	return -2;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Close whatever the caller left open, which others may wait to see closed */
static void close_others(const struct sides *s)
{
	int keep[] = { STDERR_FILENO, s->supervisor, s->program,
		       s->held[0], s->held[1] };
	size_t i;

	qsort(keep, ARRAY_SIZE(keep), sizeof(*keep), compare);
	for (i = 0; i < ARRAY_SIZE(keep); i++) {
		int next = i + 1 < ARRAY_SIZE(keep) ? keep[i + 1] - 1 : -1;

		if (keep[i] >= STDERR_FILENO && keep[i] + 1U <= (unsigned int)next)
			syscall(SYS_close_range, keep[i] + 1, next, 0);
	}
}

static void null_to(int to)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || fd == to)
		return;
	dup2(fd, to);
	close(fd);
}

/* Nothing of where it was started from may hold the supervisor, or be held by
 * it. Its end is that of those whom it serves: signals that go to all of a
 * session, a service or a machine do not end it before them.
 */
static void detach(const struct sides *s)
{
	static const int ignored[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2,
		SIGALRM,
	};
	sigset_t none;
	size_t i;

	setsid();
	prctl(PR_SET_NAME, "tuplerun");
	for (i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_others(s);
	null_to(STDIN_FILENO);
	null_to(STDOUT_FILENO);
	if (chdir("/") < 0)
		complain("/: %m");
}

/* A descriptor over the line; a byte alone where @fd is -1 */
static int send_fd(int line, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .buf = "" };
	struct iovec byte = { "", 1 };
	struct msghdr msg = { .msg_iov = &byte, .msg_iovlen = 1 };
	struct cmsghdr *c = &control.align;

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(line, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* Return: 1 with @fd, -1 where none came; 0: the other side is gone */
static int receive_fd(int line, int *fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char c;
	struct iovec byte = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &byte, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	*fd = -1;
	if (recvmsg(line, &msg, MSG_CMSG_CLOEXEC) != 1)
		return 0;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(cmsg), sizeof(*fd));
	return 1;
}

/* Until nobody is left below the filter; without one, until the command ends */
static void serve(int listener, int program)
{
	struct pollfd fds[] = {
		{ .fd = listener, .events = POLLIN },
		{ .fd = program, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[1].revents) {
			/* Who reads the command's messages waits for an end. */
			null_to(STDERR_FILENO);
			fds[1].fd = -1;
			if (listener < 0)
				return;
		}
		if (fds[0].revents & POLLIN) {
			if (!tuplerun_notify())
				poll(NULL, 0, RETRY_MS);
		} else if (fds[0].revents) {
			return;
		}
	}
}

static void be_supervisor(const struct tuplerun *t, const struct sides *s)
{
	int listener, err;

	detach(s);
	if (!receive_fd(s->supervisor, &listener))
		_exit(0);
	if (listener >= 0) {
		err = tuplerun_notify_init(&t->conf, listener);
		if (err) {
			complain("supervisor: %s", strerror(-err));
			_exit(FAILED);
		}
	}
	/* This end stays open: that it was closed may be seen before what was
	 * sent.
	 */
	if (send_fd(s->supervisor, -1) < 0)
		_exit(0);
	serve(listener, s->program);
	_exit(0);
}

/* A grandchild: the command is not to find a child. */
static int start(const struct tuplerun *t, const struct sides *s)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		pid = fork();
		if (!pid)
			be_supervisor(t, s);
		_exit(pid < 0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static int connect_sides(const struct tuplerun *t, struct sides *s)
{
	int line[2];

	if (t->shared) {
		s->held[0] = hold(&t->conf, AF_INET);
		s->held[1] = hold(&t->conf, AF_INET6);
		if (s->held[0] < -1 || s->held[1] < -1)
			return FAILED;
	}
	s->program = syscall(SYS_pidfd_open, getpid(), 0);
	if (s->program < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0) {
		complain("no supervisor: %m");
		return FAILED;
	}
	s->command = line[0];
	s->supervisor = line[1];
	return 0;
}

static int hand_filter_over(int line)
{
	int listener = tuplerun_filter();
	int err;

	if (listener == -EBUSY) {
		complain("no supervisor: there is one already, as under another tuplerun");
		return FAILED;
	}
	if (listener < 0) {
		complain("no system call filter: %s", strerror(-listener));
		return FAILED;
	}
	err = send_fd(line, listener);
	close(listener);
	return err;
}

static void close_sides(const struct sides *s)
{
	const int fds[] = { s->command, s->supervisor, s->program,
			    s->held[0], s->held[1] };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/**
 * tuplerun_supervise - start the supervisor
 * @t: what is to be run
 * @filter: put this process below the filter; no socket() works from then on
 *	without the supervisor
 *
 * Return: 0 when it is at work; else complains and returns FAILED.
 */
int tuplerun_supervise(const struct tuplerun *t, bool filter)
{
	struct sides s = { -1, -1, -1, { -1, -1 } };
	int status, err, fd;

	status = connect_sides(t, &s);
	if (status)
		goto out;
	err = start(t, &s);
	if (err) {
		complain("no supervisor: %s", strerror(-err));
		status = FAILED;
		goto out;
	}
	/* Its end has to be its own, or that it died would not be seen. */
	close(s.supervisor);
	s.supervisor = -1;
	status = filter ? hand_filter_over(s.command) : send_fd(s.command, -1);
	if (!status && !receive_fd(s.command, &fd))
		status = -1;
	if (status < 0) {
		complain("the supervisor does not answer");
		status = FAILED;
	}
out:
	close_sides(&s);
	return status;
}
