// SPDX-License-Identifier: LGPL-2.1-or-later
/* The five socket calls, which hand the address back that a socket got. */
#include <errno.h>
#include <unistd.h>
#include "internal.h"

/* AF_INET, AF_INET6, or 0 for a domain that is neither, tuple or not */
static int inet_domain(int domain)
{
	if (domain == AF_INET || domain == AF_INET_TUPLE)
		return AF_INET;
	if (domain == AF_INET6 || domain == AF_INET6_TUPLE)
		return AF_INET6;
	if (domain > 0 && domain == inet_tuple_family(AF_INET))
		return AF_INET;
	if (domain > 0 && domain == inet_tuple_family(AF_INET6))
		return AF_INET6;
	return 0;
}

/**
 * inet_tuple_socket - make a socket
 * @domain: AF_INET or AF_INET_TUPLE, AF_INET6 or AF_INET6_TUPLE: the same
 *	here, and right also where the module has other numbers
 * @type: as for socket(), with SOCK_NONBLOCK and SOCK_CLOEXEC
 * @protocol: as for socket()
 * @tuple: nonzero: a socket with an address of its own; 0: an ordinary one
 *
 * Return: the descriptor; -EAFNOSUPPORT: the module is not loaded; -errno of
 * socket(): -EADDRNOTAVAIL, -EAGAIN, -EDQUOT, -EACCES, -ENETDOWN, -ENODEV have
 * to do with the pool.
 */
ITL_EXPORT int inet_tuple_socket(int domain, int type, int protocol, int tuple)
{
	int fd;

	domain = inet_domain(domain);
	if (!domain)
		return -EAFNOSUPPORT;
	if (tuple) {
		domain = inet_tuple_family(domain);
		if (domain < 0)
			return domain;
	}

	fd = socket(domain, type, protocol);
	return fd < 0 ? -errno : fd;
}

/**
 * inet_tuple_bind - bind a socket and tell to what
 * @fd: the socket
 * @addr: where to bind it: the any-address means the socket's own, port 0 a
 *	port of the kernel's choice. On success: the address and port it got
 * @len: the size of @addr; on success: of what was written there
 *
 * Return: 0 or -errno of bind() or getsockname(): -EADDRINUSE where another
 * holds the address.
 */
ITL_EXPORT int inet_tuple_bind(int fd, struct sockaddr *addr, socklen_t *len)
{
	if (bind(fd, addr, *len) < 0)
		return -errno;
	return inet_tuple_getsockname(fd, addr, len);
}

/**
 * inet_tuple_connect - connect a socket and tell from where
 * @fd: the socket
 * @addr: the peer
 * @len: the size of @addr
 * @local: where to put the address and port the socket got; NULL: nowhere
 * @local_len: the size of @local; then of what was written there
 *
 * A connection that is under way (-EINPROGRESS, -EINTR) has its address
 * already: it is written to @local then too.
 *
 * Return: 0 or -errno of connect() or getsockname().
 */
ITL_EXPORT int inet_tuple_connect(int fd, const struct sockaddr *addr,
				  socklen_t len, struct sockaddr *local,
				  socklen_t *local_len)
{
	int err = 0;
	int told;

	if (connect(fd, addr, len) < 0)
		err = -errno;
	if (err && err != -EINPROGRESS && err != -EINTR)
		return err;
	if (!local)
		return err;
	told = inet_tuple_getsockname(fd, local, local_len);
	return err ? err : told;
}

/**
 * inet_tuple_getsockname - tell a socket's address and port
 * @fd: the socket
 * @addr: where to put them; the family is AF_INET or AF_INET6
 * @len: the size of @addr; then of what was written there
 *
 * Return: 0 or -errno of getsockname().
 */
ITL_EXPORT int inet_tuple_getsockname(int fd, struct sockaddr *addr,
				      socklen_t *len)
{
	return getsockname(fd, addr, len) < 0 ? -errno : 0;
}

/**
 * inet_tuple_close - close a socket
 * @fd: the socket; the descriptor is gone also when an error is returned
 *
 * The address goes back to its pool when nothing speaks from it any more.
 *
 * Return: 0 or -errno of close().
 */
ITL_EXPORT int inet_tuple_close(int fd)
{
	/* Linux has closed it before a signal can interrupt anything. */
	if (close(fd) < 0 && errno != EINTR)
		return -errno;
	return 0;
}
