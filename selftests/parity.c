// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tuple socket is an inet socket: one body, run over AF_INET and
 * AF_INET_TUPLE, AF_INET6 and AF_INET6_TUPLE. No body asks which it is.
 */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <linux/errqueue.h>
#include <linux/icmpv6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include "world.h"

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

FIXTURE(parity) {
	int fd;
};

FIXTURE_VARIANT(parity) {
	int domain;
	int family;
};

FIXTURE_VARIANT_ADD(parity, inet) {
	.domain = AF_INET,
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(parity, tuple) {
	.domain = AF_INET_TUPLE,
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(parity, inet6) {
	.domain = AF_INET6,
	.family = AF_INET6,
};

FIXTURE_VARIANT_ADD(parity, tuple6) {
	.domain = AF_INET6_TUPLE,
	.family = AF_INET6,
};

FIXTURE_SETUP(parity)
{
	self->fd = -1;
}

FIXTURE_TEARDOWN(parity)
{
}

#define OPEN(type, protocol) ({						\
	int __fd = try_socket(variant->domain, type, protocol);		\
	ASSERT_LE(0, __fd);						\
	limit_waits(__fd);						\
	__fd; })

#define ANY(port)	address(variant->family, NULL, port)
#define PEER(port)	peer_address(variant->family, port)

/* A TCP connection from home to the peer */
#define CONNECT(c)							\
	ASSERT_EQ(0, conn_open(c, OPEN(SOCK_STREAM, 0), variant->family, 0))

/* Where the peer reaches a bound socket of home */
static struct addr reach(int fd)
{
	struct addr a = local_address(fd);
	struct addr home;

	home = address(a.sa.sa_family, a.sa.sa_family == AF_INET ? HOME4 :
		       HOME6, ntohs(a.in.sin_port));
	if (a.sa.sa_family == AF_INET ? !a.in.sin_addr.s_addr :
	    IN6_IS_ADDR_UNSPECIFIED(&a.in6.sin6_addr))
		return home;
	return a;
}

/* A socket of the peer that is connected to one of home */
static int peer_connected(int type, int fd)
{
	struct addr a = reach(fd);
	int peer = peer_socket(a.sa.sa_family, type, 0);

	limit_waits(peer);
	if (connect(peer, &a.sa, a.len)) {
		close(peer);
		return -1;
	}
	return peer;
}

/* Making one */

TEST_F(parity, socket_errors)
{
	int d = variant->domain;

	EXPECT_EQ(-EINVAL, try_socket(d, 11, 0));
	EXPECT_EQ(-ESOCKTNOSUPPORT, try_socket(d, SOCK_RDM, 0));
	EXPECT_EQ(-EPROTONOSUPPORT, try_socket(d, SOCK_STREAM, IPPROTO_UDP));
	EXPECT_EQ(-EPROTONOSUPPORT, try_socket(d, SOCK_DGRAM, IPPROTO_TCP));
	EXPECT_EQ(-EPROTONOSUPPORT, try_socket(d, SOCK_STREAM, 254));
	EXPECT_EQ(-EPROTONOSUPPORT, try_socket(d, SOCK_RAW, 0));
	EXPECT_EQ(-EINVAL, try_socket(d, SOCK_STREAM, -1));
	EXPECT_EQ(-EINVAL, try_socket(d, SOCK_STREAM, 4711));
	EXPECT_EQ(-EINVAL, try_socket(d, SOCK_STREAM | 0x40, 0));
}

TEST_F(parity, raw_needs_a_capability)
{
	ASSERT_EQ(0, seteuid(1000));
	EXPECT_EQ(-EPERM, try_socket(variant->domain, SOCK_RAW, 253));
}

TEST_F(parity, socket_flags)
{
	int fd = OPEN(SOCK_STREAM, 0);

	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	fd = OPEN(SOCK_STREAM | SOCK_NONBLOCK, 0);
	EXPECT_NE(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	fd = OPEN(SOCK_DGRAM | SOCK_CLOEXEC, 0);
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_NE(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

TEST_F(parity, what_it_says_it_is)
{
	static const struct {
		int type, protocol, is;
	} all[] = {
		{ SOCK_STREAM, 0, IPPROTO_TCP },
		{ SOCK_DGRAM, 0, IPPROTO_UDP },
		{ SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP },
		{ SOCK_DGRAM, IPPROTO_UDPLITE, IPPROTO_UDPLITE },
		{ SOCK_RAW, 253, 253 },
		{ SOCK_RAW, IPPROTO_TCP, IPPROTO_TCP },
	};
	int fd, i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		fd = OPEN(all[i].type, all[i].protocol);
		EXPECT_EQ(variant->family, get_int(fd, SOL_SOCKET, SO_DOMAIN));
		EXPECT_EQ(all[i].type, get_int(fd, SOL_SOCKET, SO_TYPE));
		EXPECT_EQ(all[i].is, get_int(fd, SOL_SOCKET, SO_PROTOCOL));
		EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
		close(fd);
	}
}

/* Wrong addresses */

TEST_F(parity, bind_bad_address)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, fd, i;
	struct addr a;

	for (i = 0; i < 2; i++) {
		fd = OPEN(types[i], 0);
		a = ANY(0);
		EXPECT_EQ(-1, bind(fd, NULL, a.len));
		EXPECT_EQ(EFAULT, errno);
		a.len = 0;
		EXPECT_EQ(-EINVAL, try_bind(fd, a));
		a.len = 1;
		EXPECT_EQ(-EINVAL, try_bind(fd, a));
		a.len = 8;
		EXPECT_EQ(-EINVAL, try_bind(fd, a));
		a.len = sizeof(a.ss) + 1;
		EXPECT_EQ(-EINVAL, try_bind(fd, a));
		a.len = sizeof(a.ss);
		a.sa.sa_family = AF_UNIX;
		EXPECT_EQ(-EAFNOSUPPORT, try_bind(fd, a));
		/* an address that nobody here has */
		a = address(variant->family, variant->family == AF_INET ?
			    "192.0.2.1" : "2001:db8:f::1", 0);
		EXPECT_EQ(-EADDRNOTAVAIL, try_bind(fd, a));
		/* a longer one than needed will do */
		a = ANY(0);
		a.len = sizeof(a.ss);
		EXPECT_EQ(0, try_bind(fd, a));
		EXPECT_NE(0, local_port(fd));
	}
}

TEST_F(parity, connect_bad_address)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, fd, i;
	struct addr a;

	for (i = 0; i < 2; i++) {
		fd = OPEN(types[i], 0);
		a = PEER(9);
		EXPECT_EQ(-1, connect(fd, NULL, a.len));
		EXPECT_EQ(EFAULT, errno);
		a.len = 1;
		EXPECT_EQ(-EINVAL, try_connect(fd, a));
		a.len = 8;
		EXPECT_EQ(-EINVAL, try_connect(fd, a));
		a.len = sizeof(a.ss) + 1;
		EXPECT_EQ(-EINVAL, try_connect(fd, a));
		a.len = sizeof(a.ss);
		a.sa.sa_family = AF_UNIX;
		EXPECT_EQ(-EAFNOSUPPORT, try_connect(fd, a));
	}
	/* and after all that it is as good as new */
	EXPECT_EQ(0, try_connect(fd, PEER(9)));
}

TEST_F(parity, sendto_bad_address)
{
	int fd = OPEN(SOCK_DGRAM, 0);
	struct addr a = PEER(9);

	EXPECT_EQ(-1, send(fd, "x", 1, 0));
	EXPECT_EQ(EDESTADDRREQ, errno);
	a.len = 8;
	EXPECT_EQ(-EINVAL, try_sendto(fd, "x", a));
	a = PEER(0);
	EXPECT_EQ(-EINVAL, try_sendto(fd, "x", a));
	a = PEER(9);
	a.sa.sa_family = AF_UNIX;
	EXPECT_EQ(variant->family == AF_INET ? -EAFNOSUPPORT : -EINVAL,
		  try_sendto(fd, "x", a));
	a = PEER(9);
	EXPECT_EQ(-1, sendto(fd, "x", 1, 0, (void *)8, a.len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, try_sendto(fd, "x", PEER(9)));
}

TEST_F(parity, getname_bad_length)
{
	int fd = OPEN(SOCK_DGRAM, 0);
	struct addr a;
	socklen_t len = -1;

	ASSERT_EQ(0, try_bind(fd, ANY(0)));
	EXPECT_EQ(-1, getsockname(fd, &a.sa, &len));
	EXPECT_EQ(EINVAL, errno);
	/* cut, and told of its whole length */
	len = 2;
	memset(&a, 0x55, sizeof(a));
	EXPECT_EQ(0, getsockname(fd, &a.sa, &len));
	EXPECT_EQ(ANY(0).len, len);
	EXPECT_EQ(variant->family, a.sa.sa_family);
	EXPECT_EQ(0x5555, a.in.sin_port);
	len = sizeof(a.ss);
	EXPECT_EQ(-1, getsockname(fd, (void *)8, &len));
	EXPECT_EQ(EFAULT, errno);
}

/* bind */

TEST_F(parity, bind_twice)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, fd, i, port;

	for (i = 0; i < 2; i++) {
		fd = OPEN(types[i], 0);
		ASSERT_EQ(0, try_bind(fd, ANY(0)));
		port = local_port(fd);
		EXPECT_NE(0, port);
		EXPECT_EQ(-EINVAL, try_bind(fd, ANY(0)));
		EXPECT_EQ(-EINVAL, try_bind(fd, ANY(port)));
		EXPECT_EQ(port, local_port(fd));
	}
}

TEST_F(parity, bind_privileged_port)
{
	int fd;

	ASSERT_EQ(0, seteuid(1000));
	fd = OPEN(SOCK_STREAM, 0);
	EXPECT_EQ(-EACCES, try_bind(fd, ANY(81)));
	EXPECT_EQ(0, local_port(fd));
	EXPECT_EQ(0, try_bind(fd, ANY(8081)));
	EXPECT_EQ(8081, local_port(fd));
}

TEST_F(parity, bind_connected)
{
	struct conn c;

	CONNECT(&c);
	EXPECT_EQ(-EINVAL, try_bind(c.fd, ANY(0)));
	EXPECT_TRUE(talks(c.fd, c.peer));
}

TEST_F(parity, bind_port_then_connect)
{
	int fd = OPEN(SOCK_STREAM, 0);
	struct addr from = { .len = sizeof(from.ss) };
	struct conn c;

	ASSERT_EQ(0, try_bind(fd, ANY(4444)));
	ASSERT_EQ(0, conn_open(&c, fd, variant->family, 0));
	EXPECT_EQ(4444, local_port(fd));
	ASSERT_EQ(0, getpeername(c.peer, &from.sa, &from.len));
	EXPECT_EQ(4444, ntohs(from.in.sin_port));
	EXPECT_STREQ(local_text(fd), text_of(&from));
}

TEST_F(parity, reuse)
{
	int a = OPEN(SOCK_STREAM, 0), b = OPEN(SOCK_STREAM, 0);

	EXPECT_EQ(0, get_int(a, SOL_SOCKET, SO_REUSEADDR));
	EXPECT_EQ(0, get_int(a, SOL_SOCKET, SO_REUSEPORT));
	ASSERT_EQ(0, set_int(a, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_EQ(0, set_int(a, SOL_SOCKET, SO_REUSEPORT, 1));
	ASSERT_EQ(0, set_int(b, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_EQ(0, set_int(b, SOL_SOCKET, SO_REUSEPORT, 1));
	EXPECT_EQ(1, get_int(a, SOL_SOCKET, SO_REUSEADDR));
	EXPECT_EQ(1, get_int(a, SOL_SOCKET, SO_REUSEPORT));
	ASSERT_EQ(0, try_bind(a, ANY(4711)));
	EXPECT_EQ(0, listen(a, 1));
	ASSERT_EQ(0, try_bind(b, ANY(4711)));
	EXPECT_EQ(0, listen(b, 1));
	/* whoever of the two gets it, somebody does */
	ASSERT_LE(0, peer_connected(SOCK_STREAM, a));
}

/* The name of a listener outlives it on no account. */
TEST_F(parity, listener_again)
{
	int fd, peer, child, i;

	for (i = 0; i < 3; i++) {
		fd = OPEN(SOCK_STREAM, 0);
		ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
		ASSERT_EQ(0, try_bind(fd, ANY(4712)));
		ASSERT_EQ(0, listen(fd, 1));
		peer = peer_connected(SOCK_STREAM, fd);
		ASSERT_LE(0, peer);
		child = accept(fd, NULL, NULL);
		ASSERT_LE(0, child);
		EXPECT_TRUE(talks(child, peer));
		close(child);
		close(fd);
		close(peer);
	}
}

/* connect */

TEST_F(parity, connect_talks)
{
	struct addr name = { .len = sizeof(name.ss) };
	struct conn c;

	CONNECT(&c);
	EXPECT_TRUE(talks(c.fd, c.peer));
	EXPECT_EQ(-EISCONN, try_connect(c.fd, PEER(9)));
	EXPECT_NE(0, local_port(c.fd));
	ASSERT_EQ(0, getpeername(c.peer, &name.sa, &name.len));
	EXPECT_STREQ(local_text(c.fd), text_of(&name));
	EXPECT_EQ(local_port(c.fd), ntohs(name.in.sin_port));
}

TEST_F(parity, connect_refused)
{
	int fd = OPEN(SOCK_STREAM, 0);
	struct conn c;

	EXPECT_EQ(-ECONNREFUSED, try_connect(fd, PEER(9)));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
	/* and once more where somebody listens */
	ASSERT_EQ(0, conn_open(&c, fd, variant->family, 0));
	EXPECT_TRUE(talks(c.fd, c.peer));
}

TEST_F(parity, connect_nonblock)
{
	int server = peer_server(variant->family, SOCK_STREAM, 0, 0);
	int fd = OPEN(SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int port = local_port(server);

	EXPECT_EQ(-EINPROGRESS, try_connect(fd, PEER(port)));
	ASSERT_EQ(1, poll(&p, 1, 5000));
	EXPECT_EQ(POLLOUT, p.revents);
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, try_connect(fd, PEER(port)));
	EXPECT_EQ(-EISCONN, try_connect(fd, PEER(port)));
	EXPECT_EQ(-EAGAIN, try_recv(fd, 0));
}

TEST_F(parity, connect_nonblock_refused)
{
	int fd = OPEN(SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	EXPECT_EQ(-EINPROGRESS, try_connect(fd, PEER(9)));
	ASSERT_EQ(1, poll(&p, 1, 5000));
	EXPECT_EQ(POLLOUT | POLLERR | POLLHUP, p.revents);
	EXPECT_EQ(ECONNREFUSED, get_int(fd, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
}

/* Nobody has that address: still under way, then given up by the caller */
TEST_F(parity, connect_under_way)
{
	int fd = OPEN(SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct addr a = address(variant->family, variant->family == AF_INET ?
				"10.64.255.1" : "2001:db8::f:1", 9);

	EXPECT_EQ(-EINPROGRESS, try_connect(fd, a));
	EXPECT_EQ(-EALREADY, try_connect(fd, a));
	EXPECT_EQ(0, close(fd));
}

TEST_F(parity, tcp_unspec_disconnects)
{
	struct addr none = { .sa.sa_family = AF_UNSPEC, .len = 16 };
	struct addr name = { .len = sizeof(name.ss) };
	struct conn c, d;

	CONNECT(&c);
	EXPECT_EQ(0, try_connect(c.fd, none));
	EXPECT_EQ(-1, getpeername(c.fd, &name.sa, &name.len));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-ECONNRESET, try_recv(c.peer, 0));
	ASSERT_EQ(0, conn_open(&d, c.fd, variant->family, 0));
	EXPECT_TRUE(talks(d.fd, d.peer));
}

TEST_F(parity, udp_unspec_disconnects)
{
	int server = peer_server(variant->family, SOCK_DGRAM, 0, 0);
	struct addr none = { .sa.sa_family = AF_UNSPEC, .len = 16 };
	struct addr name = { .len = sizeof(name.ss) };
	int fd = OPEN(SOCK_DGRAM, 0), port = local_port(server);

	ASSERT_EQ(0, try_connect(fd, PEER(port)));
	EXPECT_EQ(0, getpeername(fd, &name.sa, &name.len));
	EXPECT_EQ(0, try_connect(fd, none));
	name.len = sizeof(name.ss);
	EXPECT_EQ(-1, getpeername(fd, &name.sa, &name.len));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, send(fd, "x", 1, 0));
	EXPECT_EQ(EDESTADDRREQ, errno);
	EXPECT_EQ(3, try_sendto(fd, "abc", PEER(port)));
	EXPECT_EQ(3, try_recv(server, 0));
	EXPECT_EQ(0, try_connect(fd, PEER(port)));
	EXPECT_EQ(2, send(fd, "ab", 2, 0));
	EXPECT_EQ(2, try_recv(server, 0));
}

TEST_F(parity, udp_refused)
{
	int fd = OPEN(SOCK_DGRAM, 0);

	ASSERT_EQ(0, try_connect(fd, PEER(9)));
	ASSERT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(-ECONNREFUSED, try_recv(fd, 0));
}

TEST_F(parity, peername)
{
	int server = peer_server(variant->family, SOCK_STREAM, 0, 0);
	struct addr name = { .len = sizeof(name.ss) };
	int fd = OPEN(SOCK_STREAM, 0);

	EXPECT_EQ(-1, getpeername(fd, &name.sa, &name.len));
	EXPECT_EQ(ENOTCONN, errno);
	ASSERT_EQ(0, try_connect(fd, PEER(local_port(server))));
	name.len = sizeof(name.ss);
	ASSERT_EQ(0, getpeername(fd, &name.sa, &name.len));
	EXPECT_EQ(variant->family, name.sa.sa_family);
	EXPECT_EQ(PEER(0).len, name.len);
	EXPECT_EQ(local_port(server), ntohs(name.in.sin_port));
	EXPECT_STREQ(variant->family == AF_INET ? PEER4 : PEER6,
		     text_of(&name));
	EXPECT_EQ(variant->family, local_address(fd).sa.sa_family);
}

/* listen, accept */

TEST_F(parity, accept_flags)
{
	int server = OPEN(SOCK_STREAM, 0), fd, peer;
	struct addr from = { .len = sizeof(from.ss) };
	struct addr at;

	ASSERT_EQ(0, try_bind(server, ANY(0)));
	EXPECT_EQ(-1, accept(server, NULL, NULL));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, listen(server, 5));
	EXPECT_EQ(1, get_int(server, SOL_SOCKET, SO_ACCEPTCONN));
	ASSERT_EQ(0, fcntl(server, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, accept(server, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(server, F_SETFL, 0));

	peer = peer_connected(SOCK_STREAM, server);
	ASSERT_LE(0, peer);
	EXPECT_EQ(-1, accept4(server, NULL, NULL, 0x10));
	EXPECT_EQ(EINVAL, errno);
	fd = accept4(server, &from.sa, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_NE(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_NE(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(variant->family, from.sa.sa_family);
	EXPECT_EQ(local_port(peer), ntohs(from.in.sin_port));
	EXPECT_STREQ(local_text(peer), text_of(&from));
	/* what was accepted has the address that was called */
	at = reach(server);
	EXPECT_STREQ(text_of(&at), local_text(fd));
	EXPECT_EQ(local_port(server), local_port(fd));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, 0));
	limit_waits(fd);
	EXPECT_TRUE(talks(fd, peer));

	peer = peer_connected(SOCK_STREAM, server);
	fd = accept(server, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(variant->family, get_int(fd, SOL_SOCKET, SO_DOMAIN));
}

TEST_F(parity, listen_errors)
{
	int fd = OPEN(SOCK_DGRAM, 0);
	struct conn c;

	EXPECT_EQ(-1, listen(fd, 1));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, accept(fd, NULL, NULL));
	EXPECT_EQ(EOPNOTSUPP, errno);
	CONNECT(&c);
	EXPECT_EQ(-1, listen(c.fd, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(talks(c.fd, c.peer));
}

TEST_F(parity, listen_without_bind)
{
	int server = OPEN(SOCK_STREAM, 0), peer, fd;

	ASSERT_EQ(0, listen(server, 5));
	EXPECT_NE(0, local_port(server));
	EXPECT_EQ(0, listen(server, 7));
	EXPECT_EQ(-EISCONN, try_connect(server, PEER(9)));
	peer = peer_connected(SOCK_STREAM, server);
	ASSERT_LE(0, peer);
	fd = accept(server, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(talks(fd, peer));
}

TEST_F(parity, listener_shutdown)
{
	int server = OPEN(SOCK_STREAM, 0), peer, fd;
	struct addr at;

	ASSERT_EQ(0, try_bind(server, ANY(0)));
	ASSERT_EQ(0, listen(server, 5));
	at = reach(server);
	ASSERT_EQ(0, shutdown(server, SHUT_RD));
	EXPECT_EQ(-1, accept(server, NULL, NULL));
	EXPECT_EQ(EINVAL, errno);
	peer = peer_socket(variant->family, SOCK_STREAM, 0);
	EXPECT_EQ(-ECONNREFUSED, try_connect(peer, at));
	ASSERT_EQ(0, listen(server, 5));
	peer = peer_connected(SOCK_STREAM, server);
	ASSERT_LE(0, peer);
	fd = accept(server, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(talks(fd, peer));
}

/* The data path of streams */

TEST_F(parity, shutdown)
{
	int fd = OPEN(SOCK_STREAM, 0);
	struct conn c;

	EXPECT_EQ(-ENOTCONN, try_recv(fd, 0));
	EXPECT_EQ(-1, send(fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(-1, shutdown(fd, SHUT_RDWR));
	EXPECT_EQ(ENOTCONN, errno);
	CONNECT(&c);
	EXPECT_EQ(-1, shutdown(c.fd, 7));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, shutdown(c.fd, SHUT_WR));
	EXPECT_EQ(0, try_recv(c.peer, 0));
	EXPECT_EQ(-1, send(c.fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(3, send(c.peer, "abc", 3, 0));
	EXPECT_EQ(3, try_recv(c.fd, 0));
	ASSERT_EQ(0, shutdown(c.fd, SHUT_RD));
	EXPECT_EQ(0, try_recv(c.fd, 0));
}

TEST_F(parity, peek)
{
	struct conn c;
	char buf[8];

	CONNECT(&c);
	ASSERT_EQ(6, send(c.peer, "abcdef", 6, 0));
	EXPECT_EQ(6, recv(c.fd, buf, 6, MSG_PEEK | MSG_WAITALL));
	EXPECT_EQ(3, recv(c.fd, buf, 3, 0));
	EXPECT_EQ(3, recv(c.fd, buf, 8, MSG_PEEK));
	EXPECT_EQ('d', buf[0]);
	EXPECT_EQ(3, recv(c.fd, buf, 8, 0));
	EXPECT_EQ(-EAGAIN, try_recv(c.fd, MSG_PEEK | MSG_DONTWAIT));
}

TEST_F(parity, peek_offset)
{
	int server = peer_server(variant->family, SOCK_DGRAM, 0, 0);
	int fd = OPEN(SOCK_DGRAM, 0);
	char buf[8];

	EXPECT_EQ(-1, get_int(fd, SOL_SOCKET, SO_PEEK_OFF));
	ASSERT_EQ(0, try_bind(fd, ANY(0)));
	ASSERT_EQ(6, try_sendto(server, "abcdef", reach(fd)));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_PEEK_OFF, 2));
	EXPECT_EQ(2, get_int(fd, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(2, recv(fd, buf, 2, MSG_PEEK));
	EXPECT_EQ('c', buf[0]);
	EXPECT_EQ(4, get_int(fd, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(2, recv(fd, buf, 2, MSG_PEEK));
	EXPECT_EQ('e', buf[0]);
	EXPECT_EQ(6, recv(fd, buf, 8, 0));
	EXPECT_EQ('a', buf[0]);
}

TEST_F(parity, out_of_band)
{
	struct conn c;
	struct pollfd p = { .events = POLLPRI };
	char ch = 0;

	CONNECT(&c);
	p.fd = c.fd;
	ASSERT_EQ(2, send(c.peer, "ab", 2, 0));
	ASSERT_EQ(1, send(c.peer, "!", 1, MSG_OOB));
	ASSERT_EQ(1, poll(&p, 1, 5000));
	EXPECT_EQ(POLLPRI, p.revents);
	EXPECT_EQ(0, sockatmark(c.fd));
	EXPECT_EQ(1, recv(c.fd, &ch, 1, MSG_OOB));
	EXPECT_EQ('!', ch);
	EXPECT_EQ(2, try_recv(c.fd, 0));
	EXPECT_EQ(1, sockatmark(c.fd));
	/* and the other way */
	ASSERT_EQ(1, send(c.fd, "?", 1, MSG_OOB));
	p.fd = c.peer;
	ASSERT_EQ(1, poll(&p, 1, 5000));
	EXPECT_EQ(1, recv(c.peer, &ch, 1, MSG_OOB));
	EXPECT_EQ('?', ch);
}

TEST_F(parity, linger_zero_resets)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	struct conn c;

	CONNECT(&c);
	ASSERT_EQ(0, setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &linger,
				sizeof(linger)));
	ASSERT_EQ(0, close(c.fd));
	EXPECT_EQ(-ECONNRESET, try_recv(c.peer, 0));
}

/* close() waits until the peer has it all. */
TEST_F(parity, linger_waits)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 10 };
	struct conn c;
	long start;

	CONNECT(&c);
	ASSERT_EQ(0, setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &linger,
				sizeof(linger)));
	ASSERT_EQ(3, send(c.fd, "abc", 3, 0));
	start = now_ms();
	ASSERT_EQ(0, close(c.fd));
	EXPECT_GT(9000, now_ms() - start);
	EXPECT_EQ(3, try_recv(c.peer, 0));
	EXPECT_EQ(0, try_recv(c.peer, 0));
}

TEST_F(parity, poll_hup)
{
	struct conn c;
	struct pollfd p = { .events = POLLIN | POLLRDHUP };

	CONNECT(&c);
	p.fd = c.fd;
	EXPECT_EQ(0, poll(&p, 1, 0));
	ASSERT_EQ(0, shutdown(c.peer, SHUT_WR));
	ASSERT_EQ(1, poll(&p, 1, 5000));
	EXPECT_EQ(POLLIN | POLLRDHUP, p.revents);
	ASSERT_EQ(0, shutdown(c.fd, SHUT_WR));
	p.events = 0;
	ASSERT_EQ(1, poll(&p, 1, 5000));
	EXPECT_EQ(POLLHUP, p.revents);
}

TEST_F(parity, poll_unconnected)
{
	int fd = OPEN(SOCK_STREAM, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLOUT | POLLHUP, p.revents);
	p.fd = OPEN(SOCK_DGRAM, 0);
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLOUT, p.revents);
}

TEST_F(parity, epoll)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET }, got;
	int server = OPEN(SOCK_STREAM, 0), ep = epoll_create1(0), fd, peer;

	ASSERT_EQ(0, listen(server, 5));
	ev.data.fd = server;
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, server, &ev));
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
	peer = peer_connected(SOCK_STREAM, server);
	ASSERT_LE(0, peer);
	ASSERT_EQ(1, epoll_wait(ep, &got, 1, 5000));
	EXPECT_EQ(server, got.data.fd);
	fd = accept(server, NULL, NULL);
	ev.data.fd = fd;
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
	ASSERT_EQ(1, send(peer, "x", 1, 0));
	ASSERT_EQ(1, epoll_wait(ep, &got, 1, 5000));
	EXPECT_EQ(fd, got.data.fd);
	EXPECT_EQ(EPOLLIN, got.events);
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
	/* who is closed is out of it */
	close(fd);
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
}

TEST_F(parity, sendfile)
{
	int file = memfd_create("file", 0), got = 0, n;
	char buf[4096], *data = malloc(65536);
	struct conn c;
	off_t off = 0;

	memset(data, 'x', 65536);
	ASSERT_EQ(65536, write(file, data, 65536));
	CONNECT(&c);
	while (off < 65536)
		ASSERT_LT(0, sendfile(c.fd, file, &off, 65536 - off));
	close(c.fd);
	while ((n = recv(c.peer, buf, sizeof(buf), 0)) > 0) {
		EXPECT_EQ('x', buf[n - 1]);
		got += n;
	}
	EXPECT_EQ(0, n);
	EXPECT_EQ(65536, got);
}

TEST_F(parity, splice)
{
	struct conn c;
	int p[2];
	char buf[8];

	CONNECT(&c);
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(5, write(p[1], "hello", 5));
	EXPECT_EQ(5, splice(p[0], NULL, c.fd, NULL, 5, 0));
	EXPECT_EQ(5, recv(c.peer, buf, 5, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
	ASSERT_EQ(5, send(c.peer, "world", 5, 0));
	EXPECT_EQ(5, splice(c.fd, NULL, p[1], NULL, 5, 0));
	EXPECT_EQ(5, read(p[0], buf, 5));
	EXPECT_EQ(0, memcmp(buf, "world", 5));
}

TEST_F(parity, zerocopy)
{
	char buf[4096] = "", control[128];
	struct msghdr msg = { .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct pollfd p = {};
	struct conn c;

	CONNECT(&c);
	ASSERT_EQ(0, set_int(c.fd, SOL_SOCKET, SO_ZEROCOPY, 1));
	ASSERT_EQ(4096, send(c.fd, buf, 4096, MSG_ZEROCOPY));
	EXPECT_EQ(4096, recv(c.peer, buf, 4096, MSG_WAITALL));
	p.fd = c.fd;
	ASSERT_EQ(1, poll(&p, 1, 5000));
	ASSERT_LE(0, recvmsg(c.fd, &msg, MSG_ERRQUEUE));
	EXPECT_TRUE(CMSG_FIRSTHDR(&msg) &&
		    CMSG_FIRSTHDR(&msg)->cmsg_level ==
		    (variant->family == AF_INET ? SOL_IP : SOL_IPV6));
}

TEST_F(parity, fastopen)
{
	int server = peer_server(variant->family, SOCK_STREAM, 0, 0), fd, peer;
	struct addr a = PEER(local_port(server)), from;

	ASSERT_EQ(0, set_int(server, SOL_TCP, TCP_FASTOPEN, 5));
	fd = OPEN(SOCK_STREAM, 0);
	ASSERT_EQ(5, sendto(fd, "hello", 5, MSG_FASTOPEN, &a.sa, a.len));
	from.len = sizeof(from.ss);
	peer = accept(server, &from.sa, &from.len);
	ASSERT_LE(0, peer);
	limit_waits(peer);
	EXPECT_EQ(5, try_recv(peer, 0));
	EXPECT_STREQ(local_text(fd), text_of(&from));
	EXPECT_TRUE(talks(fd, peer));

	fd = OPEN(SOCK_STREAM, 0);
	ASSERT_EQ(0, set_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, 1));
	ASSERT_EQ(0, try_connect(fd, a));
	EXPECT_EQ(5, send(fd, "hello", 5, 0));
	peer = accept(server, NULL, NULL);
	ASSERT_LE(0, peer);
	limit_waits(peer);
	EXPECT_EQ(5, try_recv(peer, 0));
}

TEST_F(parity, socket_options)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);
	struct conn c;
	int n = 0;

	CONNECT(&c);
	ASSERT_EQ(0, getsockopt(c.fd, SOL_TCP, TCP_INFO, &info, &len));
	EXPECT_EQ(TCP_ESTABLISHED, info.tcpi_state);
	ASSERT_EQ(0, set_int(c.fd, SOL_TCP, TCP_NODELAY, 1));
	EXPECT_EQ(1, get_int(c.fd, SOL_TCP, TCP_NODELAY));
	ASSERT_EQ(0, set_int(c.fd, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_EQ(1, get_int(c.fd, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(-ENOPROTOOPT, set_int(c.fd, SOL_TCP, 9999, 1));
	EXPECT_EQ(-ENOPROTOOPT, set_int(c.fd, SOL_SOCKET, 9999, 1));
	EXPECT_EQ(variant->family == AF_INET ? -EOPNOTSUPP : -ENOPROTOOPT,
		  get_int(c.fd, 12345, 1));
	ASSERT_EQ(3, send(c.peer, "abc", 3, 0));
	EXPECT_TRUE(within(5000, !ioctl(c.fd, FIONREAD, &n) && n == 3));
	EXPECT_EQ(0, setsockopt(c.fd, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4));
	EXPECT_TRUE(send(c.fd, "x", 1, 0) == 1 && try_recv(c.peer, 0) == 1);
}

TEST_F(parity, receive_timeout)
{
	struct timeval tv = { .tv_usec = 50000 };
	int fd = OPEN(SOCK_DGRAM, 0);
	long start = now_ms();

	ASSERT_EQ(0, try_bind(fd, ANY(0)));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_EQ(-EAGAIN, try_recv(fd, 0));
	EXPECT_LE(20, now_ms() - start);
}

/* The data path of datagrams */

static int round_trip(int fd, int server, struct addr to)
{
	struct addr from = { .len = sizeof(from.ss) };
	char buf[256];
	int n;

	if (try_sendto(fd, "there", to) != 5)
		return -errno;
	n = recvfrom(server, buf, sizeof(buf), 0, &from.sa, &from.len);
	if (n != 5)
		return -1000;
	if (try_sendto(server, "back", from) != 4)
		return -1001;
	if (recv(fd, buf, sizeof(buf), 0) != 4)
		return -1002;
	return memcmp(buf, "back", 4) ? -1003 : 0;
}

TEST_F(parity, udp)
{
	int server = peer_server(variant->family, SOCK_DGRAM, 0, 0);

	EXPECT_EQ(0, round_trip(OPEN(SOCK_DGRAM, 0), server,
				PEER(local_port(server))));
}

TEST_F(parity, udplite)
{
	int server = peer_server(variant->family, SOCK_DGRAM, IPPROTO_UDPLITE,
				 0);

	if (server < 0)
		SKIP(return, "no UDP-Lite here");
	EXPECT_EQ(0, round_trip(OPEN(SOCK_DGRAM, IPPROTO_UDPLITE), server,
				PEER(local_port(server))));
}

TEST_F(parity, udp_sendmmsg)
{
	int server = peer_server(variant->family, SOCK_DGRAM, 0, 0), fd, i;
	struct addr to = PEER(local_port(server));
	struct iovec iov = { "0123456789", 1 };
	struct mmsghdr m[4] = {};
	char buf[8];

	fd = OPEN(SOCK_DGRAM, 0);
	for (i = 0; i < 4; i++) {
		m[i].msg_hdr.msg_name = &to;
		m[i].msg_hdr.msg_namelen = to.len;
		m[i].msg_hdr.msg_iov = &iov;
		m[i].msg_hdr.msg_iovlen = 1;
	}
	ASSERT_EQ(4, sendmmsg(fd, m, 4, 0));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(1, recv(server, buf, 8, 0));
	EXPECT_EQ(-EAGAIN, try_recv(server, MSG_DONTWAIT));
}

TEST_F(parity, udp_recvmmsg)
{
	int fd = OPEN(SOCK_DGRAM, 0), peer, i;
	struct addr from[4];
	struct mmsghdr m[4] = {};
	struct iovec iov[4];
	char buf[4][8];

	ASSERT_EQ(0, try_bind(fd, ANY(0)));
	peer = peer_connected(SOCK_DGRAM, fd);
	for (i = 0; i < 4; i++) {
		iov[i].iov_base = buf[i];
		iov[i].iov_len = 2;
		m[i].msg_hdr.msg_name = &from[i].sa;
		m[i].msg_hdr.msg_namelen = sizeof(from[i].ss);
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
		ASSERT_EQ(i + 1, send(peer, "abcd", i + 1, 0));
	}
	ASSERT_EQ(4, recvmmsg(fd, m, 4, MSG_WAITALL, NULL));
	EXPECT_EQ(1, m[0].msg_len);
	EXPECT_EQ(0, m[1].msg_hdr.msg_flags & MSG_TRUNC);
	EXPECT_EQ(2, m[3].msg_len);
	EXPECT_NE(0, m[3].msg_hdr.msg_flags & MSG_TRUNC);
	EXPECT_EQ(variant->family, from[0].sa.sa_family);
	EXPECT_EQ(local_port(peer), ntohs(from[0].in.sin_port));
}

/* The control message that tells where a datagram went to, and its address */
static const void *packet_info(struct msghdr *msg, int *ifindex)
{
	struct cmsghdr *cm;

	for (cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
		if (cm->cmsg_level == SOL_IP && cm->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *pi = (void *)CMSG_DATA(cm);

			*ifindex = pi->ipi_ifindex;
			return &pi->ipi_addr;
		}
		if (cm->cmsg_level == SOL_IPV6 &&
		    cm->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *pi = (void *)CMSG_DATA(cm);

			*ifindex = pi->ipi6_ifindex;
			return &pi->ipi6_addr;
		}
	}
	return NULL;
}

TEST_F(parity, udp_pktinfo)
{
	int fd = OPEN(SOCK_DGRAM, 0), peer, ifindex = 0;
	char control[256], buf[8], text[INET6_ADDRSTRLEN];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct addr at;
	const void *addr;

	ASSERT_EQ(0, variant->family == AF_INET ?
		  set_int(fd, SOL_IP, IP_PKTINFO, 1) :
		  set_int(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1));
	ASSERT_EQ(0, try_bind(fd, ANY(0)));
	at = reach(fd);
	peer = peer_connected(SOCK_DGRAM, fd);
	ASSERT_EQ(1, send(peer, "x", 1, 0));
	ASSERT_EQ(1, recvmsg(fd, &msg, 0));
	addr = packet_info(&msg, &ifindex);
	ASSERT_TRUE(addr);
	EXPECT_EQ(if_nametoindex("eth0"), ifindex);
	inet_ntop(variant->family, addr, text, sizeof(text));
	EXPECT_STREQ(text_of(&at), text);
}

TEST_F(parity, udp_close_stops)
{
	int fd = OPEN(SOCK_DGRAM, 0), port;

	ASSERT_EQ(0, try_bind(fd, ANY(0)));
	port = local_port(fd);
	close(fd);
	fd = OPEN(SOCK_DGRAM, 0);
	EXPECT_EQ(0, try_bind(fd, ANY(port)));
}

/* Other protocols */

TEST_F(parity, ping)
{
	bool v4 = variant->family == AF_INET;
	unsigned char buf[64] = { v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST };
	int fd = OPEN(SOCK_DGRAM, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	struct addr a = PEER(0), from = { .len = sizeof(from.ss) };

	buf[7] = 42;	/* sequence */
	ASSERT_EQ(8, sendto(fd, buf, 8, 0, &a.sa, a.len));
	EXPECT_NE(0, local_port(fd));
	ASSERT_EQ(8, recvfrom(fd, buf, sizeof(buf), 0, &from.sa, &from.len));
	EXPECT_EQ(v4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY, buf[0]);
	EXPECT_EQ(42, buf[7]);
	EXPECT_STREQ(text_of(&a), text_of(&from));
}

TEST_F(parity, ping_connected)
{
	bool v4 = variant->family == AF_INET;
	unsigned char buf[64] = { v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST };
	int fd = OPEN(SOCK_DGRAM, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	ASSERT_EQ(0, try_bind(fd, ANY(777)));
	EXPECT_EQ(777, local_port(fd));
	ASSERT_EQ(0, try_connect(fd, PEER(0)));
	ASSERT_EQ(8, send(fd, buf, 8, 0));
	ASSERT_EQ(8, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(777, buf[4] << 8 | buf[5]);
}

TEST_F(parity, raw)
{
	int server = peer_server(variant->family, SOCK_RAW, 253, 0);
	int header = variant->family == AF_INET ? 20 : 0;
	struct addr from = { .len = sizeof(from.ss) };
	int fd = OPEN(SOCK_RAW, 253);
	char buf[64];

	ASSERT_LE(0, server);
	ASSERT_EQ(5, try_sendto(fd, "there", PEER(0)));
	ASSERT_EQ(header + 5, recvfrom(server, buf, sizeof(buf), 0, &from.sa,
				       &from.len));
	ASSERT_EQ(4, try_sendto(server, "back", from));
	ASSERT_EQ(header + 4, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf + header, "back", 4));
	ASSERT_EQ(0, try_connect(fd, PEER(0)));
	EXPECT_EQ(3, send(fd, "abc", 3, 0));
	EXPECT_EQ(header + 3, try_recv(server, 0));
}

TEST_F(parity, raw_bound)
{
	int server = peer_server(variant->family, SOCK_RAW, 253, 0);
	struct addr from = { .len = sizeof(from.ss) }, at;
	int fd = OPEN(SOCK_RAW, 253);
	char buf[64];

	ASSERT_EQ(0, try_bind(fd, ANY(0)));
	at = reach(fd);
	ASSERT_EQ(3, try_sendto(fd, "abc", PEER(0)));
	ASSERT_LT(0, recvfrom(server, buf, sizeof(buf), 0, &from.sa, &from.len));
	EXPECT_STREQ(text_of(&at), text_of(&from));
}

static void stream_server(struct __test_metadata *_metadata, int family,
			  int domain, int protocol)
{
	int server = try_socket(domain, SOCK_STREAM, protocol), fd, peer;
	struct addr at;

	ASSERT_LE(0, server);
	limit_waits(server);
	ASSERT_EQ(0, try_bind(server, address(family, NULL, 0)));
	ASSERT_EQ(0, listen(server, 5));
	at = reach(server);
	peer = peer_socket(family, SOCK_STREAM, protocol);
	limit_waits(peer);
	ASSERT_EQ(0, try_connect(peer, at));
	fd = accept(server, NULL, NULL);
	ASSERT_LE(0, fd);
	limit_waits(fd);
	EXPECT_TRUE(talks(fd, peer));
	close(fd);
	EXPECT_EQ(0, try_recv(peer, 0));
	close(peer);
	close(server);
}

TEST_F(parity, mptcp)
{
	int fd = try_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	struct conn c;

	if (fd < 0)
		SKIP(return, "no MPTCP here");
	close(fd);
	ASSERT_EQ(0, conn_open(&c, OPEN(SOCK_STREAM, IPPROTO_MPTCP),
			       variant->family, IPPROTO_MPTCP));
	EXPECT_TRUE(talks(c.fd, c.peer));
	EXPECT_EQ(IPPROTO_MPTCP, get_int(c.fd, SOL_SOCKET, SO_PROTOCOL));
	close(c.fd);
	EXPECT_EQ(0, try_recv(c.peer, 0));
	stream_server(_metadata, variant->family, variant->domain,
		      IPPROTO_MPTCP);
}

/* The peer knows nothing of MPTCP: what accept() gives is a TCP socket. */
TEST_F(parity, mptcp_falls_back)
{
	int server, fd, peer;
	struct conn c;

	fd = try_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	if (fd < 0)
		SKIP(return, "no MPTCP here");
	ASSERT_EQ(0, conn_open(&c, OPEN(SOCK_STREAM, IPPROTO_MPTCP),
			       variant->family, 0));
	EXPECT_TRUE(talks(c.fd, c.peer));
	server = OPEN(SOCK_STREAM, IPPROTO_MPTCP);
	ASSERT_EQ(0, listen(server, 5));
	peer = peer_connected(SOCK_STREAM, server);
	ASSERT_LE(0, peer);
	fd = accept(server, NULL, NULL);
	ASSERT_LE(0, fd);
	limit_waits(fd);
	EXPECT_TRUE(talks(fd, peer));
}

TEST_F(parity, sctp)
{
	int fd = try_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	struct conn c;

	if (fd < 0)
		SKIP(return, "no SCTP here");
	close(fd);
	ASSERT_EQ(0, conn_open(&c, OPEN(SOCK_STREAM, IPPROTO_SCTP),
			       variant->family, IPPROTO_SCTP));
	EXPECT_TRUE(talks(c.fd, c.peer));
	close(c.fd);
	EXPECT_EQ(0, try_recv(c.peer, 0));
	stream_server(_metadata, variant->family, variant->domain,
		      IPPROTO_SCTP);
}

TEST_F(parity, sctp_seqpacket)
{
	int server = peer_server(variant->family, SOCK_SEQPACKET,
				 IPPROTO_SCTP, 0);

	if (server < 0)
		SKIP(return, "no SCTP here");
	EXPECT_EQ(0, round_trip(OPEN(SOCK_SEQPACKET, IPPROTO_SCTP), server,
				PEER(local_port(server))));
}

/* Groups */

TEST_F(parity, multicast)
{
	bool v4 = variant->family == AF_INET;
	const char *group = v4 ? "239.1.2.3" : "ff05::1234";
	int ifindex = if_nametoindex("eth0"), fd, peer, peer_if;
	struct addr a = address(variant->family, group, 4321);
	struct ip_mreqn mreq = { .imr_ifindex = ifindex };
	struct ipv6_mreq mreq6 = { .ipv6mr_interface = ifindex };

	fd = OPEN(SOCK_DGRAM, 0);
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	ASSERT_EQ(0, try_bind(fd, a));
	mreq.imr_multiaddr = a.in.sin_addr;
	mreq6.ipv6mr_multiaddr = a.in6.sin6_addr;
	ASSERT_EQ(0, v4 ? setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, &mreq,
				     sizeof(mreq)) :
		  setsockopt(fd, SOL_IPV6, IPV6_ADD_MEMBERSHIP, &mreq6,
			     sizeof(mreq6)));
	peer = peer_socket(variant->family, SOCK_DGRAM, 0);
	go_to_peer();
	peer_if = if_nametoindex("eth0");
	go_home();
	if (v4) {
		mreq.imr_ifindex = peer_if;
		ASSERT_EQ(0, setsockopt(peer, SOL_IP, IP_MULTICAST_IF, &mreq,
					sizeof(mreq)));
	} else {
		ASSERT_EQ(0, set_int(peer, SOL_IPV6, IPV6_MULTICAST_IF,
				     peer_if));
	}
	ASSERT_EQ(2, try_sendto(peer, "mc", a));
	EXPECT_EQ(2, try_recv(fd, 0));
}

int main(int argc, char **argv)
{
	int err = world_open() ?:
		  pool_add("p dev eth0 prefix 10.64.4.0/22 "
			   "prefix 2001:db8::4:0/118 quarantine 0");

	if (err) {
		printf("Bail out! no world: %s\n", strerror(-err));
		return 1;
	}
	return test_harness_run(argc, argv);
}
