// SPDX-License-Identifier: LGPL-2.1-or-later
/* Events. */
#include <errno.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include "internal.h"

/* A burst of leases must not overrun the listener; the default is 208 KiB. */
#define ITL_EVENTS_RCVBUF	(4 << 20)

/* Join a group, on the socket of all events, which is made for the first */
static int subscribe(struct inet_tuple_handle *h, uint32_t group, bool *joined)
{
	int size = ITL_EVENTS_RCVBUF;
	int fd = h->events_fd;
	int err;

	if (*joined)
		return fd;
	if (!group)
		return -EOPNOTSUPP;
	if (fd < 0)
		fd = itl_socket_open(h->netns_fd);
	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group)) < 0) {
		err = -errno;
		if (h->events_fd < 0)
			close(fd);
		return err;
	}
	*joined = true;
	h->events_fd = fd;
	return fd;
}

/**
 * inet_tuple_events_fd - subscribe to the events
 * @h: the connection
 *
 * The first call subscribes: what happens from then on is told. The descriptor
 * is for poll(), and for fcntl() if reading shall not block; it belongs to the
 * handle.
 *
 * Return: the descriptor or -errno.
 */
ITL_EXPORT int inet_tuple_events_fd(struct inet_tuple_handle *h)
{
	return subscribe(h, h->group, &h->joined);
}

/**
 * inet_tuple_agent_fd - become one who gets addresses for pools of source dhcp
 * @h: the connection
 *
 * From the first call on INET_TUPLE_CMD_WANT_NTF comes, and the kernel lets
 * sockets wait for addresses, until the handle is closed. The descriptor is that
 * of inet_tuple_events_fd(), which is not to be called where the other events
 * are not wanted.
 *
 * Return: the descriptor; -EPERM; another -errno.
 */
ITL_EXPORT int inet_tuple_agent_fd(struct inet_tuple_handle *h)
{
	return subscribe(h, h->agent_group, &h->agent_joined);
}

/* 0: not an event that this library knows */
static enum inet_tuple_kind event_kind(int event)
{
	switch (event) {
	case INET_TUPLE_CMD_POOL_NEW_NTF:
	case INET_TUPLE_CMD_POOL_SET_NTF:
	case INET_TUPLE_CMD_POOL_DEL_NTF:
		return INET_TUPLE_POOL_OBJ;
	case INET_TUPLE_CMD_LEASE_NEW_NTF:
	case INET_TUPLE_CMD_LEASE_DEL_NTF:
	case INET_TUPLE_CMD_LEASE_FREE_NTF:
	case INET_TUPLE_CMD_LEASE_FAIL_NTF:
		return INET_TUPLE_LEASE_OBJ;
	case INET_TUPLE_CMD_RULE_NEW_NTF:
	case INET_TUPLE_CMD_RULE_DEL_NTF:
		return INET_TUPLE_RULE_OBJ;
	case INET_TUPLE_CMD_WANT_NTF:
		return INET_TUPLE_WANT_OBJ;
	default:
		return 0;
	}
}

static int one_event(struct inet_tuple_handle *h, const struct nlmsghdr *nlh,
		     inet_tuple_event_cb cb, void *arg)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct inet_tuple_obj *obj;
	enum inet_tuple_kind kind;
	int err;

	if (nlh->nlmsg_type != h->family ||
	    mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN)
		return 0;
	kind = event_kind(genl->cmd);
	if (!kind)
		return 0;
	err = itl_obj_parse(nlh, kind, &obj);
	if (err)
		return err;
	err = cb(genl->cmd, obj, arg);
	inet_tuple_obj_free(obj);
	return err;
}

/**
 * inet_tuple_events_read - wait for events
 * @h: the connection; @cb may make requests on it. Where neither function above
 *	was called, inet_tuple_events_fd() is.
 * @cb: called for each event of one datagram
 * @arg: for @cb
 *
 * Return: 0, or what @cb returned; -ENOBUFS: events were lost, more will come;
 * -EAGAIN: there are none, and the descriptor does not block; -EINTR: a signal
 * came first.
 */
ITL_EXPORT int inet_tuple_events_read(struct inet_tuple_handle *h,
				      inet_tuple_event_cb cb, void *arg)
{
	const struct nlmsghdr *nlh;
	ssize_t got;
	int err = 0;
	int len;
	int fd;

	fd = h->events_fd < 0 ? inet_tuple_events_fd(h) : h->events_fd;
	if (fd < 0)
		return fd;
	got = itl_recv(fd, &h->events_buf, &h->events_buf_size);
	if (got < 0)
		return got;

	len = got;
	nlh = (const struct nlmsghdr *)h->events_buf;
	for (; !err && itl_msg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		err = one_event(h, nlh, cb, arg);
	return err;
}
