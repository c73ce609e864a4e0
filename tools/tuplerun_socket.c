// SPDX-License-Identifier: GPL-2.0-only
/* Which sockets become tuple sockets, and how. Part of the command and of the
 * preloaded library: nothing in here may call socket() by its name.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tuplerun.h"

#define TYPE_MASK 0xf	/* SOCK_TYPE_MASK of the kernel: the rest are flags */

static bool wants_dgram(int domain, int protocol)
{
	switch (protocol) {
	case IPPROTO_IP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return true;
	case IPPROTO_ICMP:
		return domain == AF_INET;
	case IPPROTO_ICMPV6:
		return domain == AF_INET6;
	}
	return false;
}

/* Raw sockets see and forge the traffic of the whole host: they are left as
 * they are, and so is what is not known here.
 */
bool tuplerun_wants(int domain, int type, int protocol)
{
	if (domain != AF_INET && domain != AF_INET6)
		return false;
	switch (type & TYPE_MASK) {
	case SOCK_STREAM:
		return protocol == IPPROTO_IP || protocol == IPPROTO_TCP ||
		       protocol == IPPROTO_MPTCP || protocol == IPPROTO_SCTP;
	case SOCK_DGRAM:
		return wants_dgram(domain, protocol);
	case SOCK_SEQPACKET:
		return protocol == IPPROTO_SCTP;
	}
	return false;
}

static bool is_tcp(int type, int protocol)
{
	return (type & TYPE_MASK) == SOCK_STREAM &&
	       (protocol == IPPROTO_IP || protocol == IPPROTO_TCP);
}

/* The scope comes first: the move to another pool then goes straight to the
 * shared lease there, and that pool needs no address to spare.
 */
static int choose(const struct tuplerun_conf *conf, int fd)
{
	if (conf->scope_id &&
	    setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_SCOPE_ID,
		       &conf->scope_id, sizeof(conf->scope_id)) < 0)
		return -errno;
	if (conf->pool[0] &&
	    setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL_MOVE, conf->pool,
		       strlen(conf->pool)) < 0)
		return -errno;
	return 0;
}

/**
 * tuplerun_socket - make a socket that tuplerun_wants()
 * @conf: how
 * @make: what makes it: socket()
 * @domain: AF_INET or AF_INET6
 * @type: as for socket()
 * @protocol: as for socket()
 *
 * Return: the descriptor, or -errno; -ENOENT: the pool is not there.
 */
int tuplerun_socket(const struct tuplerun_conf *conf, tuplerun_make *make,
		    int domain, int type, int protocol)
{
	int family = conf->family[domain == AF_INET6];
	int fd, err;

	if (family == FAMILY_NONE)
		return -EAFNOSUPPORT;
	if (conf->mptcp && is_tcp(type, protocol))
		protocol = IPPROTO_MPTCP;
	fd = make(family == FAMILY_PLAIN ? domain : family, type, protocol);
	if (fd < 0)
		return -errno;
	if (family == FAMILY_PLAIN)
		return fd;
	err = choose(conf, fd);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/**
 * tuplerun_no_pool - what socket() says of an error of tuplerun_socket()
 * @conf: how the socket was to be made
 * @err: -errno
 *
 * A pool that went is told of, once. Return: -errno.
 */
int tuplerun_no_pool(const struct tuplerun_conf *conf, int err)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if (err != -ENOENT)
		return err;
	if (!atomic_flag_test_and_set(&told))
		dprintf(STDERR_FILENO, "tuplerun: there is no pool '%s'\n",
			conf->pool);
	return -EADDRNOTAVAIL;
}
