// SPDX-License-Identifier: LGPL-2.1-or-later
/* The connection to the module: sockets, and what the family is called. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include "internal.h"

#define ITL_NETNS_DIR "/run/netns"

/* Make a socket in the namespace of the calling thread: an fd or -errno */
static int socket_here(void)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };
	int one = 1;
	int err;
	int fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}

	/* Without these, refusals have no text: no reason to give up. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return fd;
}

struct there {
	int netns_fd;
	int result;
};

static void *socket_there(void *arg)
{
	struct there *there = arg;

	if (setns(there->netns_fd, CLONE_NEWNET) < 0)
		there->result = -errno;
	else
		there->result = socket_here();
	return NULL;
}

/* In another namespace the socket is made by a thread that exists for that
 * alone: one that moved away and could not come back would be a trap.
 */
int itl_socket_open(int netns_fd)
{
	struct there there = { .netns_fd = netns_fd };
	sigset_t all, old;
	pthread_t thread;
	int err;

	if (netns_fd < 0)
		return socket_here();

	/* The program's signal handlers do not expect such a thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, NULL, socket_there, &there);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return -err;
	pthread_join(thread, NULL);
	return there.result;
}

static int netns_open(const char *netns)
{
	char path[4096];
	int n;
	int fd;

	if (!*netns)
		return -EINVAL;
	n = snprintf(path, sizeof(path), "%s%s%s",
		     strchr(netns, '/') ? "" : ITL_NETNS_DIR,
		     strchr(netns, '/') ? "" : "/", netns);
	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int parse_group(struct inet_tuple_handle *h, const struct nlattr *nest)
{
	const struct nlattr *nla;
	const char *name = NULL;
	uint32_t id = 0;

	mnl_attr_for_each_nested(nla, nest) {
		switch (mnl_attr_get_type(nla)) {
		case CTRL_ATTR_MCAST_GRP_NAME:
			if (mnl_attr_validate(nla, MNL_TYPE_NUL_STRING) < 0)
				return -EBADMSG;
			name = mnl_attr_get_str(nla);
			break;
		case CTRL_ATTR_MCAST_GRP_ID:
			if (mnl_attr_validate(nla, MNL_TYPE_U32) < 0)
				return -EBADMSG;
			id = mnl_attr_get_u32(nla);
			break;
		}
	}
	if (name && !strcmp(name, INET_TUPLE_GENL_MCGRP_EVENTS))
		h->group = id;
	if (name && !strcmp(name, INET_TUPLE_GENL_MCGRP_AGENT))
		h->agent_group = id;
	return 0;
}

static int parse_family(const struct nlmsghdr *nlh, void *arg)
{
	struct inet_tuple_handle *h = arg;
	const struct nlattr *nla, *group;
	int err;

	mnl_attr_for_each(nla, nlh, GENL_HDRLEN) {
		switch (mnl_attr_get_type(nla)) {
		case CTRL_ATTR_FAMILY_ID:
			if (mnl_attr_validate(nla, MNL_TYPE_U16) < 0)
				return -EBADMSG;
			h->family = mnl_attr_get_u16(nla);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			mnl_attr_for_each_nested(group, nla) {
				err = parse_group(h, group);
				if (err)
					return err;
			}
			break;
		}
	}
	return 0;
}

/* Asking for it by name is what loads the module, where it can be loaded. */
static int resolve_family(struct inet_tuple_handle *h)
{
	struct itl_replies replies = { .cb = parse_family, .arg = h };
	struct itl_msg m;
	int err;

	err = itl_msg_alloc(&m, 64, GENL_ID_CTRL, NLM_F_ACK,
			    CTRL_CMD_GETFAMILY);
	if (err)
		return err;
	mnl_attr_put_strz(m.nlh, CTRL_ATTR_FAMILY_NAME, INET_TUPLE_GENL_NAME);
	err = itl_request(h, m.nlh, &replies);
	itl_msg_free(&m);

	if (err == -ENOENT || (!err && !h->family))
		err = -EAFNOSUPPORT;
	return err;
}

/* The rest of opening, once @h->fd is there */
int itl_handle_init(struct inet_tuple_handle *h)
{
	h->events_fd = -1;
	return resolve_family(h);
}

/**
 * inet_tuple_handle_open - connect to the module
 * @handle: where to put the connection
 * @netns: name of the network namespace to talk about, as `ip netns` has it,
 *	or a path to one if there is a slash in it; NULL: that of the caller.
 *	The calling thread stays in the namespace it is in.
 *
 * Return: 0; -EAFNOSUPPORT: the module is not loaded and does not load by
 * itself; -ENOENT: no such namespace; -EPERM: it may not be entered; another
 * -errno of socket(), setns() or open().
 */
ITL_EXPORT int inet_tuple_handle_open(struct inet_tuple_handle **handle,
				      const char *netns)
{
	struct inet_tuple_handle *h;
	int err;

	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->fd = -1;
	h->events_fd = -1;
	h->netns_fd = -1;

	if (netns) {
		err = netns_open(netns);
		if (err < 0)
			goto err_close;
		h->netns_fd = err;
	}
	err = itl_socket_open(h->netns_fd);
	if (err < 0)
		goto err_close;
	h->fd = err;
	err = itl_handle_init(h);
	if (err)
		goto err_close;

	*handle = h;
	return 0;

err_close:
	inet_tuple_handle_close(h);
	return err;
}

/**
 * inet_tuple_handle_close - end a connection
 * @h: the connection, or NULL
 */
ITL_EXPORT void inet_tuple_handle_close(struct inet_tuple_handle *h)
{
	if (!h)
		return;
	if (h->fd >= 0)
		close(h->fd);
	if (h->events_fd >= 0)
		close(h->events_fd);
	if (h->netns_fd >= 0)
		close(h->netns_fd);
	free(h->buf);
	free(h->events_buf);
	free(h);
}

/**
 * inet_tuple_error_text - what the kernel said about the last request
 * @h: the connection
 *
 * Return: the text of the last refusal or warning; "" where there was none.
 * It is the handle's, and stays until the next request.
 */
ITL_EXPORT const char *inet_tuple_error_text(const struct inet_tuple_handle *h)
{
	return h->text;
}

/**
 * inet_tuple_error_attr - what in the last request the kernel refused
 * @h: the connection
 *
 * Return: the number of the attribute it blamed or missed; 0: none.
 */
ITL_EXPORT int inet_tuple_error_attr(const struct inet_tuple_handle *h)
{
	return h->attr;
}

/**
 * inet_tuple_error_index - which value of an attribute the kernel refused
 * @h: the connection
 *
 * Return: the place among the prefixes, excludes or users of the attribute
 * that inet_tuple_error_attr() tells, from 0.
 */
ITL_EXPORT unsigned int
inet_tuple_error_index(const struct inet_tuple_handle *h)
{
	return h->index;
}
