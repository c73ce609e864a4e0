// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a socket gets its lease: when, which, from where, and when not. What
 * becomes of it afterwards is in life.c.
 */
#include <sys/time.h>
#include <netinet/tcp.h>
#include "world.h"

/* Both families, a fresh world each */

FIXTURE(lease) {
	const char *first;	/* the lowest address of the pool */
	const char *third;
	const char *prefix;	/* what all addresses of the pool begin with */
};

FIXTURE_VARIANT(lease) {
	int domain;
	int family;
};

FIXTURE_VARIANT_ADD(lease, v4) {
	.domain = AF_INET_TUPLE,
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(lease, v6) {
	.domain = AF_INET6_TUPLE,
	.family = AF_INET6,
};

#define POOL	"p dev eth0 prefix 10.64.1.0/24 prefix 2001:db8::1:0/120 " \
		"order sequential quarantine 0 "

FIXTURE_SETUP(lease)
{
	bool v4 = variant->family == AF_INET;

	ASSERT_EQ(0, world_open());
	self->first = v4 ? "10.64.1.1" : "2001:db8::1:1";
	self->third = v4 ? "10.64.1.3" : "2001:db8::1:3";
	self->prefix = v4 ? "10.64.1." : "2001:db8::1:";
}

FIXTURE_TEARDOWN(lease)
{
}

#define IS_LEASED(fd)							\
	EXPECT_EQ(0, strncmp(local_text(fd), self->prefix,		\
			     strlen(self->prefix)))			\
		TH_LOG("not of the pool: %s", local_text(fd))

#define OPEN(type) ({							\
	int __fd = try_socket(variant->domain, type, 0);		\
	ASSERT_LE(0, __fd);						\
	limit_waits(__fd);						\
	__fd; })

#define ANY(port)	address(variant->family, NULL, port)
#define AT(text, port)	address(variant->family, text, port)
#define PEER(port)	peer_address(variant->family, port)
#define ANY_TEXT	(variant->family == AF_INET ? "0.0.0.0" : "::")
#define HOST		(variant->family == AF_INET ? HOME4 : HOME6)
#define LOOPBACK	(variant->family == AF_INET ? "127.0.0.1" : "::1")
#define GROUP		(variant->family == AF_INET ? "239.1.2.3" : "ff0e::123")

/* assign create */

TEST_F(lease, named_from_the_start)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i, fd;

	ASSERT_EQ(0, pool_add(POOL));
	for (i = 0; i < 2; i++) {
		fd = OPEN(types[i]);
		EXPECT_STREQ(self->first, local_text(fd));
		EXPECT_EQ(0, local_port(fd));
		EXPECT_EQ(variant->family, local_address(fd).sa.sa_family);
		EXPECT_EQ(1, is_plumbed(self->first));
		EXPECT_EQ(1, pool_in_use("p"));
		close(fd);
	}
}

TEST_F(lease, every_protocol_has_a_name)
{
	int v6 = variant->family == AF_INET6, i, fd;
	int all[][2] = {
		{ SOCK_DGRAM, 136 },
		{ SOCK_DGRAM, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP },
		{ SOCK_RAW, 253 },
		{ SOCK_STREAM, IPPROTO_MPTCP },
		{ SOCK_STREAM, IPPROTO_SCTP },
	};

	ASSERT_EQ(0, pool_add(POOL));
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		fd = try_socket(variant->family, all[i][0], all[i][1]);
		if (fd < 0)
			continue;
		close(fd);
		fd = try_socket(variant->domain, all[i][0], all[i][1]);
		ASSERT_LE(0, fd)
			TH_LOG("protocol %d", all[i][1]);
		EXPECT_STREQ(self->first, local_text(fd))
			TH_LOG("protocol %d", all[i][1]);
		close(fd);
		EXPECT_EQ(0, pool_in_use("p"))
			TH_LOG("protocol %d", all[i][1]);
		EXPECT_EQ(0, is_plumbed(self->first))
			TH_LOG("protocol %d", all[i][1]);
	}
}

TEST_F(lease, each_has_its_own)
{
	int a, b, c;

	ASSERT_EQ(0, pool_add(POOL));
	a = OPEN(SOCK_DGRAM);
	b = OPEN(SOCK_STREAM);
	c = OPEN(SOCK_DGRAM);
	EXPECT_STREQ(self->first, local_text(a));
	EXPECT_STRNE(local_text(a), local_text(b));
	EXPECT_STRNE(local_text(b), local_text(c));
	EXPECT_STREQ(self->third, local_text(c));
	EXPECT_EQ(3, pool_in_use("p"));
}

TEST_F(lease, connect_keeps_it)
{
	struct addr from = { .len = sizeof(from.ss) };
	struct conn c;
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, conn_open(&c, fd, variant->family, 0));
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_NE(0, local_port(fd));
	ASSERT_EQ(0, getpeername(c.peer, &from.sa, &from.len));
	EXPECT_STREQ(self->first, text_of(&from));
}

TEST_F(lease, udp_peer_sees_it)
{
	struct addr from = { .len = sizeof(from.ss) };
	int fd, server;
	char buf[4];

	ASSERT_EQ(0, pool_add(POOL));
	server = peer_server(variant->family, SOCK_DGRAM, 0, 0);
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(1, try_sendto(fd, "x", PEER(local_port(server))));
	ASSERT_EQ(1, recvfrom(server, buf, 4, 0, &from.sa, &from.len));
	EXPECT_STREQ(self->first, text_of(&from));
	EXPECT_EQ(local_port(fd), ntohs(from.in.sin_port));
}

static int disconnect(int fd)
{
	struct addr none = { .sa.sa_family = AF_UNSPEC, .len = 16 };

	return try_connect(fd, none);
}

TEST_F(lease, disconnect_keeps_it)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, fd, i, server;

	ASSERT_EQ(0, pool_add(POOL));
	server = peer_server(variant->family, SOCK_STREAM, 0, 7000);
	ASSERT_LE(0, server);
	for (i = 0; i < 2; i++) {
		fd = OPEN(types[i]);
		char *text = strdup(local_text(fd));
		ASSERT_EQ(0, try_connect(fd, PEER(7000)));
		ASSERT_EQ(0, disconnect(fd));
		EXPECT_STREQ(text, local_text(fd));
		EXPECT_TRUE(has_lease(fd));
		EXPECT_EQ(1, is_plumbed(text));
		ASSERT_EQ(0, try_connect(fd, PEER(7000)));
		EXPECT_STREQ(text, local_text(fd));
	}
}

/* assign bind: what is a first use */

#define LATE								\
	ASSERT_EQ(0, pool_add(POOL "assign bind"))

#define HAS_NONE(fd) do {						\
	EXPECT_STREQ(ANY_TEXT, local_text(fd));				\
	EXPECT_FALSE(has_lease(fd));					\
	EXPECT_EQ(0, pool_in_use("p"));					\
} while (0)

TEST_F(lease, late_nothing_before)
{
	int fd;

	LATE;
	fd = OPEN(SOCK_STREAM);
	HAS_NONE(fd);
	close(fd);
	fd = OPEN(SOCK_DGRAM);
	HAS_NONE(fd);
	/* what is not a use */
	EXPECT_EQ(-EAGAIN, try_recv(fd, MSG_DONTWAIT));
	HAS_NONE(fd);
}

/* A datagram to nobody, or to a wrong address, is refused, but inet has given the
 * socket a port by then.
 */
TEST_F(lease, late_sent_to_nobody)
{
	struct addr wrong = PEER(9), right = PEER(9);
	int fd;

	LATE;
	wrong.sa.sa_family = AF_UNIX;
	fd = OPEN(SOCK_DGRAM);
	EXPECT_EQ(-1, send(fd, "x", 1, 0));
	EXPECT_EQ(EDESTADDRREQ, errno);
	EXPECT_NE(0, local_port(fd));
	IS_LEASED(fd);
	fd = OPEN(SOCK_DGRAM);
	EXPECT_GT(0, try_sendto(fd, "x", wrong));
	EXPECT_NE(0, local_port(fd));
	IS_LEASED(fd);
	fd = OPEN(SOCK_DGRAM);
	EXPECT_EQ(-EAFNOSUPPORT, try_connect(fd, wrong));
	EXPECT_NE(0, local_port(fd));
	IS_LEASED(fd);
	EXPECT_EQ(1, try_sendto(fd, "x", right));
	IS_LEASED(fd);
	EXPECT_EQ(3, pool_in_use("p"));
}

/* Some protocols take an address without a family. */
TEST_F(lease, late_no_family)
{
	struct addr to = PEER(9);
	int fd;

	LATE;
	to.sa.sa_family = AF_UNSPEC;
	if (variant->family == AF_INET) {
		fd = OPEN(SOCK_DGRAM);
		EXPECT_EQ(1, try_sendto(fd, "x", to));
		IS_LEASED(fd);
		close(fd);
	}
	to = PEER(0);
	to.sa.sa_family = AF_UNSPEC;
	fd = try_socket(variant->domain, SOCK_RAW, 253);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, try_sendto(fd, "x", to));
	IS_LEASED(fd);
}

/* A UDP socket of IPv6 takes addresses of IPv4 as they are. */
TEST_F(lease, late_other_family)
{
	struct addr to;
	int fd, server;

	LATE;
	server = peer_server(AF_INET, SOCK_DGRAM, 0, 0);
	to = peer_address(AF_INET, local_port(server));
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(1, try_sendto(fd, "x", to));
	EXPECT_TRUE(has_lease(fd));
	EXPECT_TRUE(strstr(local_text(fd), "10.64.1."));
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, try_connect(fd, to));
	EXPECT_TRUE(has_lease(fd));
	EXPECT_TRUE(strstr(local_text(fd), "10.64.1."));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(2, try_recv(server, 0) + try_recv(server, 0));
}

TEST_F(lease, late_bind)
{
	int fd;

	LATE;
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, try_bind(fd, ANY(80)));
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_EQ(80, local_port(fd));
	EXPECT_TRUE(is_plumbed(self->first));
}

TEST_F(lease, late_bind_udp)
{
	int fd;

	LATE;
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, try_bind(fd, ANY(0)));
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_NE(0, local_port(fd));
}

TEST_F(lease, late_connect)
{
	struct conn c;
	int fd;

	LATE;
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, conn_open(&c, fd, variant->family, 0));
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_TRUE(talks(c.fd, c.peer));
}

TEST_F(lease, late_connect_nonblock)
{
	int fd, server;
	struct pollfd p = { .events = POLLOUT };

	LATE;
	server = peer_server(variant->family, SOCK_STREAM, 0, 0);
	fd = OPEN(SOCK_STREAM | SOCK_NONBLOCK);
	EXPECT_EQ(-EINPROGRESS, try_connect(fd, PEER(local_port(server))));
	p.fd = fd;
	EXPECT_EQ(1, poll(&p, 1, 5000));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
	EXPECT_STREQ(self->first, local_text(fd));
}

TEST_F(lease, late_connect_udp)
{
	int fd;

	LATE;
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, try_connect(fd, PEER(9)));
	EXPECT_STREQ(self->first, local_text(fd));
}

TEST_F(lease, late_listen)
{
	int fd, peer;

	LATE;
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, listen(fd, 5));
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_NE(0, local_port(fd));
	peer = peer_socket(variant->family, SOCK_STREAM, 0);
	EXPECT_EQ(0, try_connect(peer, local_address(fd)));
}

TEST_F(lease, late_sendto)
{
	int fd, server;

	LATE;
	server = peer_server(variant->family, SOCK_DGRAM, 0, 0);
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(1, try_sendto(fd, "x", PEER(local_port(server))));
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_EQ(1, try_recv(server, 0));
	ASSERT_EQ(1, try_sendto(fd, "x", PEER(local_port(server))));
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_EQ(1, pool_in_use("p"));
}

TEST_F(lease, late_sendmsg)
{
	struct addr to = PEER(9);
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_name = &to, .msg_namelen = to.len,
			      .msg_iov = &iov, .msg_iovlen = 1 };
	int fd;

	LATE;
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(1, sendmsg(fd, &msg, 0));
	EXPECT_STREQ(self->first, local_text(fd));
}

TEST_F(lease, late_sendmmsg)
{
	struct addr to = PEER(9);
	struct iovec iov = { "x", 1 };
	struct mmsghdr m[2] = {
		{ .msg_hdr = { .msg_name = &to, .msg_namelen = to.len,
			       .msg_iov = &iov, .msg_iovlen = 1 } },
	};
	int fd;

	LATE;
	m[1] = m[0];
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(2, sendmmsg(fd, m, 2, 0));
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_EQ(1, pool_in_use("p"));
}

TEST_F(lease, late_fastopen)
{
	int fd, server, peer;
	struct addr a;

	LATE;
	server = peer_server(variant->family, SOCK_STREAM, 0, 0);
	a = PEER(local_port(server));
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(5, sendto(fd, "hello", 5, MSG_FASTOPEN, &a.sa, a.len));
	EXPECT_STREQ(self->first, local_text(fd));
	peer = accept(server, NULL, NULL);
	ASSERT_LE(0, peer);
	EXPECT_EQ(5, try_recv(peer, 0));
}

/* Threads that all are the first get one lease. */
struct racer {
	int fd;
	struct addr to;
	int err;
};

static void *race_to_send(void *arg)
{
	struct racer *r = arg;

	r->err = try_sendto(r->fd, "x", r->to);
	return NULL;
}

TEST_F(lease, late_race)
{
	pthread_t thread[6];
	struct racer r;
	int round, i;

	LATE;
	for (round = 0; round < 10; round++) {
		r.fd = OPEN(SOCK_DGRAM);
		r.to = PEER(9);
		for (i = 0; i < 6; i++)
			ASSERT_EQ(0, pthread_create(&thread[i], NULL,
						    race_to_send, &r));
		for (i = 0; i < 6; i++)
			ASSERT_EQ(0, pthread_join(thread[i], NULL));
		EXPECT_EQ(1, r.err);
		EXPECT_EQ(1, pool_in_use("p"));
		IS_LEASED(r.fd);
		close(r.fd);
		EXPECT_EQ(0, pool_in_use("p"));
	}
}

static void *race_to_bind(void *arg)
{
	struct racer *r = arg;

	r->err = try_bind(r->fd, r->to);
	return NULL;
}

/* bind() of several threads: one of them is the one, and nothing leaks */
TEST_F(lease, bind_race)
{
	pthread_t thread[4];
	struct racer r[4];
	int round, i, fd, good;

	ASSERT_EQ(0, pool_add(POOL));
	for (round = 0; round < 10; round++) {
		fd = OPEN(SOCK_STREAM);
		good = 0;
		for (i = 0; i < 4; i++) {
			r[i].fd = fd;
			r[i].to = i & 1 ? AT(self->third, 80 + i) : ANY(80 + i);
			ASSERT_EQ(0, pthread_create(&thread[i], NULL,
						    race_to_bind, &r[i]));
		}
		for (i = 0; i < 4; i++) {
			ASSERT_EQ(0, pthread_join(thread[i], NULL));
			good += !r[i].err;
		}
		EXPECT_EQ(1, good);
		EXPECT_EQ(1, pool_in_use("p"));
		EXPECT_EQ(1, is_plumbed(local_text(fd)));
		close(fd);
		EXPECT_EQ(0, pool_in_use("p"));
	}
}

/* A connect() that cannot be is no use either. */
TEST_F(lease, late_connect_fails)
{
	struct addr a = PEER(9);
	int fd;

	LATE;
	fd = OPEN(SOCK_STREAM);
	a.len = 4;
	EXPECT_EQ(-EINVAL, try_connect(fd, a));
	HAS_NONE(fd);
	/* and one that is refused by the peer is */
	EXPECT_EQ(-ECONNREFUSED, try_connect(fd, PEER(9)));
	EXPECT_TRUE(has_lease(fd));
}

/* Families in addresses */

TEST_F(lease, tuple_family_passed_in)
{
	int server, fd, udp, peer;
	struct addr a, from = { .len = sizeof(from.ss) };

	ASSERT_EQ(0, pool_add(POOL "assign bind"));
	fd = OPEN(SOCK_STREAM);
	a = ANY(0);
	a.sa.sa_family = variant->domain;
	EXPECT_EQ(0, try_bind(fd, a));
	IS_LEASED(fd);
	server = peer_server(variant->family, SOCK_STREAM, 0, 0);
	a = PEER(local_port(server));
	a.sa.sa_family = variant->domain;
	EXPECT_EQ(0, try_connect(fd, a));
	/* handed out is the other one */
	EXPECT_EQ(variant->family, local_address(fd).sa.sa_family);
	ASSERT_EQ(0, getpeername(fd, &from.sa, &from.len));
	EXPECT_EQ(variant->family, from.sa.sa_family);

	peer = peer_server(variant->family, SOCK_DGRAM, 0, 0);
	udp = OPEN(SOCK_DGRAM);
	a = PEER(local_port(peer));
	a.sa.sa_family = variant->domain;
	EXPECT_EQ(1, try_sendto(udp, "x", a));
	EXPECT_EQ(1, try_sendto(udp, "x", a));
	/* both ways, in turns */
	a.sa.sa_family = variant->family;
	EXPECT_EQ(1, try_sendto(udp, "x", a));
	EXPECT_EQ(3, try_recv(peer, 0) + try_recv(peer, 0) + try_recv(peer, 0));
	EXPECT_EQ(0, try_connect(udp, a));
	a.sa.sa_family = variant->domain;
	EXPECT_EQ(1, try_sendto(udp, "x", a));
	/* and the wrong one of the two is wrong */
	a.sa.sa_family = variant->domain == AF_INET_TUPLE ? AF_INET6_TUPLE :
							    AF_INET_TUPLE;
	fd = OPEN(SOCK_STREAM);
	EXPECT_EQ(-EAFNOSUPPORT, try_connect(fd, a));
}

TEST_F(lease, inet_does_not_know_it)
{
	struct addr a = ANY(0);
	int fd = try_socket(variant->family, SOCK_STREAM, 0);

	a.sa.sa_family = variant->domain;
	EXPECT_EQ(-EAFNOSUPPORT, try_bind(fd, a));
}

/* bind */

TEST_F(lease, bind_wildcard_is_its_own)
{
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	OPEN(SOCK_DGRAM);
	fd = OPEN(SOCK_STREAM);
	IS_LEASED(fd);
	char *before = strdup(local_text(fd));
	EXPECT_EQ(0, try_bind(fd, ANY(80)));
	EXPECT_STREQ(before, local_text(fd));
	EXPECT_EQ(80, local_port(fd));
	EXPECT_EQ(2, pool_in_use("p"));
}

TEST_F(lease, bind_own_address)
{
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_STREAM);
	EXPECT_EQ(0, try_bind(fd, AT(self->first, 81)));
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_EQ(81, local_port(fd));
	EXPECT_EQ(1, pool_in_use("p"));
}

TEST_F(lease, bind_free_address)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW }, fd, i;

	ASSERT_EQ(0, pool_add(POOL));
	for (i = 0; i < 3; i++) {
		fd = try_socket(variant->domain, types[i],
				types[i] == SOCK_RAW ? 253 : 0);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, try_bind(fd, AT(self->third, 0)));
		EXPECT_STREQ(self->third, local_text(fd));
		EXPECT_EQ(1, pool_in_use("p"));
		EXPECT_TRUE(is_plumbed(self->third));
		EXPECT_FALSE(is_plumbed(self->first));
		close(fd);
		EXPECT_EQ(0, pool_in_use("p"));
	}
}

TEST_F(lease, bind_free_address_late)
{
	int fd;

	LATE;
	fd = OPEN(SOCK_STREAM);
	EXPECT_EQ(0, try_bind(fd, AT(self->third, 80)));
	EXPECT_STREQ(self->third, local_text(fd));
	EXPECT_EQ(1, pool_in_use("p"));
}

TEST_F(lease, bind_address_of_another)
{
	int a, b;

	ASSERT_EQ(0, pool_add(POOL));
	a = OPEN(SOCK_DGRAM);
	b = OPEN(SOCK_DGRAM);
	char *own = strdup(local_text(b));
	EXPECT_EQ(-EADDRINUSE, try_bind(b, AT(local_text(a), 0)));
	EXPECT_STREQ(own, local_text(b));
	EXPECT_TRUE(is_plumbed(own));
	EXPECT_EQ(2, pool_in_use("p"));
	EXPECT_EQ(0, try_bind(b, ANY(0)));
	EXPECT_STREQ(own, local_text(b));
	/* with the address free it may */
	close(a);
	b = OPEN(SOCK_DGRAM);
	EXPECT_EQ(0, try_bind(b, AT(self->first, 0)));
}

/* Not the pool's: as inet does, and the lease goes back. */
TEST_F(lease, bind_other_address)
{
	const char *other[] = { LOOPBACK, HOST, GROUP };
	int fd, i;

	ASSERT_EQ(0, pool_add(POOL));
	for (i = 0; i < 3; i++) {
		fd = OPEN(SOCK_DGRAM);
		ASSERT_EQ(1, pool_in_use("p"));
		EXPECT_EQ(0, try_bind(fd, AT(other[i], 5000)))
			TH_LOG("%s", other[i]);
		EXPECT_STREQ(other[i], local_text(fd));
		EXPECT_FALSE(has_lease(fd));
		EXPECT_EQ(0, pool_in_use("p"));
		EXPECT_FALSE(is_plumbed(self->first));
		close(fd);
	}
}

TEST_F(lease, bind_other_address_late)
{
	int fd, peer;

	LATE;
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, try_bind(fd, AT(HOST, 5000)));
	ASSERT_EQ(0, listen(fd, 5));
	EXPECT_FALSE(has_lease(fd));
	peer = peer_socket(variant->family, SOCK_STREAM, 0);
	ASSERT_EQ(0, try_connect(peer, AT(HOST, 5000)));
	fd = accept(fd, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_FALSE(has_lease(fd));
	EXPECT_TRUE(talks(fd, peer));
	EXPECT_EQ(0, pool_in_use("p"));
}

/* Only as inet: two on one such address collide. */
TEST_F(lease, bind_other_address_collides)
{
	int a, b;

	ASSERT_EQ(0, pool_add(POOL));
	a = OPEN(SOCK_STREAM);
	b = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, try_bind(a, AT(LOOPBACK, 5000)));
	EXPECT_EQ(-EADDRINUSE, try_bind(b, AT(LOOPBACK, 5000)));
	EXPECT_TRUE(has_lease(b));
	IS_LEASED(b);
	EXPECT_TRUE(is_plumbed(local_text(b)));
}

TEST_F(lease, bind_nonsense_keeps_the_lease)
{
	const char *none = variant->family == AF_INET ? "192.0.2.1" :
							"2001:db8:f::1";
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, fd, i;
	struct conn c;

	ASSERT_EQ(0, pool_add(POOL));
	for (i = 0; i < 2; i++) {
		fd = OPEN(types[i]);
		EXPECT_EQ(-EADDRNOTAVAIL, try_bind(fd, AT(none, 80)));
		EXPECT_STREQ(self->first, local_text(fd));
		EXPECT_EQ(0, local_port(fd));
		EXPECT_TRUE(has_lease(fd));
		EXPECT_TRUE(is_plumbed(self->first));
		EXPECT_EQ(0, try_bind(fd, ANY(8080)));
		EXPECT_STREQ(self->first, local_text(fd));
		close(fd);
	}
	fd = OPEN(SOCK_STREAM);
	EXPECT_EQ(-EADDRNOTAVAIL, try_bind(fd, AT(none, 80)));
	ASSERT_EQ(0, conn_open(&c, fd, variant->family, 0));
	EXPECT_STREQ(self->first, local_text(fd));
}

TEST_F(lease, bind_fails_changes_nothing)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, fd, i;

	ASSERT_EQ(0, pool_add(POOL));
	ASSERT_EQ(0, seteuid(1000));
	for (i = 0; i < 2; i++) {
		fd = OPEN(types[i]);
		EXPECT_STREQ(self->first, local_text(fd));
		/* its own */
		EXPECT_EQ(-EACCES, try_bind(fd, ANY(80)));
		EXPECT_STREQ(self->first, local_text(fd));
		EXPECT_EQ(0, local_port(fd));
		/* a free one */
		EXPECT_EQ(-EACCES, try_bind(fd, AT(self->third, 80)));
		EXPECT_STREQ(self->first, local_text(fd));
		EXPECT_EQ(0, local_port(fd));
		EXPECT_EQ(1, pool_in_use("p"));
		EXPECT_TRUE(is_plumbed(self->first));
		EXPECT_FALSE(is_plumbed(self->third));
		EXPECT_EQ(0, try_bind(fd, AT(self->third, 8080)));
		EXPECT_STREQ(self->third, local_text(fd));
		EXPECT_EQ(1, pool_in_use("p"));
		close(fd);
	}
}

TEST_F(lease, bind_fails_late_gives_none)
{
	int fd;

	LATE;
	ASSERT_EQ(0, seteuid(1000));
	fd = OPEN(SOCK_STREAM);
	EXPECT_EQ(-EACCES, try_bind(fd, ANY(80)));
	HAS_NONE(fd);
	EXPECT_EQ(-EACCES, try_bind(fd, AT(self->third, 80)));
	HAS_NONE(fd);
	EXPECT_FALSE(is_plumbed(self->third));
	EXPECT_EQ(0, try_bind(fd, ANY(8080)));
	EXPECT_STREQ(self->first, local_text(fd));
}

TEST_F(lease, same_port)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, a, b, i;

	ASSERT_EQ(0, pool_add(POOL));
	for (i = 0; i < 2; i++) {
		a = OPEN(types[i]);
		b = OPEN(types[i]);
		EXPECT_EQ(0, try_bind(a, ANY(80)));
		EXPECT_EQ(0, try_bind(b, ANY(80)));
		EXPECT_EQ(80, local_port(a));
		EXPECT_EQ(80, local_port(b));
		EXPECT_STRNE(local_text(a), local_text(b));
	}
}

TEST_F(lease, listeners_on_one_port)
{
	int server[2], peer[2], fd, i;

	ASSERT_EQ(0, pool_add(POOL));
	for (i = 0; i < 2; i++) {
		server[i] = OPEN(SOCK_STREAM);
		ASSERT_EQ(0, try_bind(server[i], ANY(80)));
		ASSERT_EQ(0, listen(server[i], 5));
	}
	for (i = 1; i >= 0; i--) {
		peer[i] = peer_socket(variant->family, SOCK_STREAM, 0);
		ASSERT_EQ(0, try_connect(peer[i], local_address(server[i])));
		ASSERT_EQ(0, fcntl(server[!i], F_SETFL, O_NONBLOCK));
		EXPECT_EQ(-1, accept(server[!i], NULL, NULL));
		ASSERT_EQ(0, fcntl(server[!i], F_SETFL, 0));
		fd = accept(server[i], NULL, NULL);
		ASSERT_LE(0, fd);
		EXPECT_STREQ(local_text(server[i]), local_text(fd));
		EXPECT_TRUE(talks(fd, peer[i]));
	}
}

TEST_F(lease, udp_servers_on_one_port)
{
	int server[2], peer, i;

	ASSERT_EQ(0, pool_add(POOL));
	peer = peer_server(variant->family, SOCK_DGRAM, 0, 0);
	for (i = 0; i < 2; i++) {
		server[i] = OPEN(SOCK_DGRAM);
		ASSERT_EQ(0, try_bind(server[i], ANY(53)));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(i + 1, try_sendto(peer, i ? "ab" : "a",
					    local_address(server[i])));
		EXPECT_EQ(i + 1, try_recv(server[i], 0));
		EXPECT_EQ(-EAGAIN, try_recv(server[!i], MSG_DONTWAIT));
	}
}

/* Both ends of one connection may be tuple sockets. */
TEST_F(lease, to_one_another)
{
	struct addr from = { .len = sizeof(from.ss) };
	int server, fd, child;

	ASSERT_EQ(0, pool_add(POOL));
	server = OPEN(SOCK_STREAM);
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, listen(server, 5));
	ASSERT_EQ(0, try_connect(fd, local_address(server)));
	child = accept(server, &from.sa, &from.len);
	ASSERT_LE(0, child);
	limit_waits(child);
	EXPECT_STREQ(local_text(fd), text_of(&from));
	EXPECT_TRUE(talks(child, fd));
}

/* Who else has it: the address of a lease cannot be bound by another socket
 * of the tuple family, whoever it is.
 */
TEST_F(lease, host_socket_may_use_it)
{
	int fd, host;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, try_bind(fd, ANY(80)));
	host = socket(variant->family, SOCK_STREAM, 0);
	EXPECT_EQ(-EADDRINUSE, try_bind(host, AT(self->first, 80)));
	close(host);
	host = socket(variant->family, SOCK_DGRAM, 0);
	ASSERT_EQ(0, try_connect(host, PEER(9)));
	/* but never gets it by itself */
	EXPECT_STREQ(HOST, local_text(host));
}

/* Never handed out */

TEST_F(lease, special_addresses)
{
	bool v4 = variant->family == AF_INET;
	int fd, n = 0;

	/* the device's own is in the middle of it */
	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.0.0/29 "
			      "prefix 2001:db8::/125 quarantine 0 "
			      "order sequential"));
	for (;;) {
		fd = try_socket(variant->domain, SOCK_DGRAM, 0);
		if (fd < 0)
			break;
		n++;
		ASSERT_GT(10, n);
		EXPECT_STRNE(HOST, local_text(fd));
		if (v4)
			EXPECT_STRNE("10.64.0.0", local_text(fd));
		if (v4)
			EXPECT_STRNE("10.64.0.7", local_text(fd));
		if (!v4)
			EXPECT_STRNE("2001:db8::", local_text(fd));
	}
	EXPECT_EQ(-EADDRNOTAVAIL, fd);
	/* 8, without network, broadcast (IPv4 only) and the host's */
	EXPECT_EQ(v4 ? 5 : 6, n);
}

TEST_F(lease, excluded_address)
{
	int fd;

	ASSERT_EQ(0, pool_add(POOL "exclude 10.64.1.1 exclude 2001:db8::1:1"));
	fd = OPEN(SOCK_DGRAM);
	EXPECT_STRNE(self->first, local_text(fd));
	/* an exclude is nobody's, so it is not even here */
	EXPECT_EQ(-EADDRNOTAVAIL, try_bind(fd, AT(self->first, 0)));
}

TEST_F(lease, address_of_the_host_comes_and_goes)
{
	int len = variant->family == AF_INET ? 16 : 64, a, b;

	ASSERT_EQ(0, pool_add(POOL));
	ASSERT_EQ(0, address_change(RTM_NEWADDR, "eth0", self->first, len));
	a = OPEN(SOCK_DGRAM);
	EXPECT_STRNE(self->first, local_text(a));
	ASSERT_EQ(0, address_change(RTM_DELADDR, "eth0", self->first, len));
	b = OPEN(SOCK_DGRAM);
	EXPECT_STREQ(self->first, local_text(b));
}

/* No pool, other pools */

TEST_F(lease, no_pool)
{
	bool v4 = variant->family == AF_INET;

	EXPECT_EQ(-EADDRNOTAVAIL, try_socket(variant->domain, SOCK_STREAM, 0));
	/* one of the other family is of no use */
	ASSERT_EQ(0, pool_add(v4 ? "o dev eth0 prefix 2001:db8::2:0/120" :
			      "o dev eth0 prefix 10.64.2.0/24"));
	EXPECT_EQ(-EADDRNOTAVAIL, try_socket(variant->domain, SOCK_STREAM, 0));
	ASSERT_EQ(0, pool_add(POOL));
	EXPECT_LE(0, try_socket(variant->domain, SOCK_STREAM, 0));
}

TEST_F(lease, prefix_plumbing)
{
	struct conn c;
	int fd, before;

	before = count_addresses();
	ASSERT_EQ(0, pool_add(POOL "plumb prefix"));
	fd = OPEN(SOCK_STREAM);
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_EQ(before, count_addresses());
	ASSERT_EQ(0, try_bind(fd, ANY(80)));
	ASSERT_EQ(0, conn_open(&c, fd, variant->family, 0));
	EXPECT_TRUE(talks(c.fd, c.peer));
	fd = OPEN(SOCK_DGRAM);
	EXPECT_EQ(0, try_bind(fd, AT(variant->family == AF_INET ?
				     "10.64.1.9" : "2001:db8::1:9", 53)));
	EXPECT_EQ(2, pool_in_use("p"));
}

/* The options */

#define NAME	(variant->family == AF_INET ? "q4" : "q6")

static int set_pool(int fd, const char *name)
{
	return setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL, name,
			  strlen(name)) ? -errno : 0;
}

static int move_pool(int fd, const char *name)
{
	return setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL_MOVE, name,
			  strlen(name) + 1) ? -errno : 0;
}

static const char *get_pool(int fd)
{
	static char name[2][64];
	socklen_t len = 64;
	static int i;

	i = !i;
	memset(name[i], 'z', 64);
	if (getsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL, name[i], &len))
		return "error";
	return len == strlen(name[i]) + 1 ? name[i] : "wrong length";
}

#define POOL2	"q dev eth0 prefix 10.64.2.0/24 prefix 2001:db8::2:0/120 " \
		"order sequential quarantine 0 "
#define FIRST2	(variant->family == AF_INET ? "10.64.2.1" : "2001:db8::2:1")

TEST_F(lease, pool_option)
{
	char name[40];
	int fd, a;

	ASSERT_EQ(0, pool_add(POOL "assign bind"));
	ASSERT_EQ(0, pool_add(POOL2));
	fd = OPEN(SOCK_STREAM);
	EXPECT_STREQ("", get_pool(fd));
	EXPECT_EQ(-ENOENT, set_pool(fd, "nowhere"));
	EXPECT_STREQ("", get_pool(fd));
	memset(name, 'a', sizeof(name));
	name[32] = 0;
	EXPECT_EQ(-EINVAL, set_pool(fd, name));
	name[32] = 'a';
	name[39] = 0;
	EXPECT_EQ(-EINVAL, set_pool(fd, name));
	name[31] = 0;
	EXPECT_EQ(-ENOENT, set_pool(fd, name));
	EXPECT_EQ(-1, setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL,
				 (void *)8, 4));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, set_pool(fd, "q"));
	EXPECT_STREQ("q", get_pool(fd));
	EXPECT_FALSE(has_lease(fd));
	/* taken back, and set again with its NUL */
	EXPECT_EQ(0, set_pool(fd, ""));
	EXPECT_STREQ("", get_pool(fd));
	EXPECT_EQ(0, setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL, "q", 2));
	ASSERT_EQ(0, try_bind(fd, ANY(0)));
	EXPECT_STREQ(FIRST2, local_text(fd));
	EXPECT_EQ(-EISCONN, set_pool(fd, "p"));
	EXPECT_EQ(-EISCONN, set_pool(fd, "q"));
	EXPECT_STREQ("q", get_pool(fd));

	a = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, try_bind(a, ANY(0)));
	EXPECT_STREQ("p", get_pool(a));
}

/* The pool of a socket's choice is deleted before it is used. */
TEST_F(lease, pool_option_pool_goes)
{
	int fd;

	ASSERT_EQ(0, pool_add(POOL "assign bind"));
	ASSERT_EQ(0, pool_add(POOL2));
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, set_pool(fd, "q"));
	ASSERT_EQ(0, pool_del("q", false));
	EXPECT_EQ(-EADDRNOTAVAIL, try_bind(fd, ANY(0)));
	ASSERT_EQ(0, set_pool(fd, "p"));
	EXPECT_EQ(0, try_bind(fd, ANY(0)));
	EXPECT_STREQ(self->first, local_text(fd));
}

TEST_F(lease, pool_option_short_buffer)
{
	char buf[8] = "zzzzzzz";
	socklen_t len = 1;
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, getsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL, buf, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ('p', buf[0]);
	EXPECT_EQ('z', buf[1]);
	len = -1;
	EXPECT_EQ(-1, getsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL, buf,
				 &len));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-ENOPROTOOPT, get_int(fd, SOL_INET_TUPLE, 99));
	EXPECT_EQ(-ENOPROTOOPT, set_int(fd, SOL_INET_TUPLE, 99, 1));
	EXPECT_EQ(-ENOPROTOOPT, set_int(fd, SOL_INET_TUPLE, INET_TUPLE_LEASE,
					1));
}

TEST_F(lease, pool_move)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, fd, i;
	struct conn c;

	ASSERT_EQ(0, pool_add(POOL));
	ASSERT_EQ(0, pool_add(POOL2));
	for (i = 0; i < 2; i++) {
		fd = OPEN(types[i]);
		EXPECT_STREQ(self->first, local_text(fd));
		EXPECT_EQ(-EISCONN, set_pool(fd, "q"));
		EXPECT_EQ(-ENOENT, move_pool(fd, "nowhere"));
		EXPECT_STREQ(self->first, local_text(fd));
		EXPECT_TRUE(is_plumbed(self->first));
		EXPECT_EQ(0, move_pool(fd, "q"));
		EXPECT_STREQ(FIRST2, local_text(fd));
		EXPECT_STREQ("q", get_pool(fd));
		EXPECT_TRUE(is_plumbed(FIRST2));
		EXPECT_FALSE(is_plumbed(self->first));
		EXPECT_EQ(0, pool_in_use("p"));
		EXPECT_EQ(0, try_bind(fd, ANY(80)));
		EXPECT_STREQ(FIRST2, local_text(fd));
		EXPECT_EQ(-EISCONN, move_pool(fd, "p"));
		close(fd);
	}
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, move_pool(fd, "q"));
	ASSERT_EQ(0, conn_open(&c, fd, variant->family, 0));
	EXPECT_TRUE(talks(c.fd, c.peer));
	EXPECT_EQ(-EISCONN, move_pool(fd, "p"));
	EXPECT_STREQ(FIRST2, local_text(fd));
}

TEST_F(lease, pool_move_exhausted)
{
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	ASSERT_EQ(0, pool_add("q dev eth0 prefix 10.64.2.1/32 "
			      "prefix 2001:db8::2:1/128"));
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, move_pool(fd, "q"));
	fd = OPEN(SOCK_DGRAM);
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_EQ(-EADDRNOTAVAIL, move_pool(fd, "q"));
	EXPECT_STREQ(self->first, local_text(fd));
	EXPECT_STREQ("p", get_pool(fd));
	EXPECT_TRUE(is_plumbed(self->first));
	EXPECT_EQ(0, try_bind(fd, ANY(0)));
	EXPECT_STREQ(self->first, local_text(fd));
}

static int set_id(int fd, uint64_t id)
{
	return setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_SCOPE_ID, &id,
			  sizeof(id)) ? -errno : 0;
}

TEST_F(lease, scope_id_shares)
{
	struct inet_tuple_lease lease;
	int a, b, c;
	uint64_t id = 0;
	socklen_t len = sizeof(id);

	ASSERT_EQ(0, pool_add(POOL));
	a = OPEN(SOCK_DGRAM);
	b = OPEN(SOCK_STREAM);
	c = OPEN(SOCK_DGRAM);
	EXPECT_EQ(0, set_id(a, 7));
	EXPECT_EQ(0, set_id(b, 7));
	EXPECT_EQ(0, set_id(c, 8));
	EXPECT_STREQ(local_text(a), local_text(b));
	EXPECT_STRNE(local_text(a), local_text(c));
	EXPECT_EQ(2, pool_in_use("p"));
	ASSERT_EQ(0, lease_of(a, &lease));
	EXPECT_EQ(2, lease.sockets);
	EXPECT_EQ(INET_TUPLE_SCOPE_ID_KEY, lease.scope);
	EXPECT_EQ(7, lease.scope_id);
	ASSERT_EQ(0, getsockopt(a, SOL_INET_TUPLE, INET_TUPLE_SCOPE_ID, &id,
				&len));
	EXPECT_EQ(7, id);
	EXPECT_EQ(sizeof(id), len);
	/* zero shares no more */
	EXPECT_EQ(0, set_id(b, 0));
	EXPECT_STRNE(local_text(a), local_text(b));
	EXPECT_EQ(-EINVAL, set_int(a, SOL_INET_TUPLE, INET_TUPLE_SCOPE_ID, 1));
	ASSERT_EQ(0, try_bind(a, ANY(0)));
	EXPECT_EQ(-EISCONN, set_id(a, 9));
}

TEST_F(lease, scope_id_ends_with_the_last)
{
	int a, b;

	ASSERT_EQ(0, pool_add(POOL));
	a = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, set_id(a, 7));
	b = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, set_id(b, 7));
	char *text = strdup(local_text(a));
	close(a);
	EXPECT_TRUE(is_plumbed(text));
	EXPECT_EQ(1, pool_in_use("p"));
	close(b);
	EXPECT_FALSE(is_plumbed(text));
	EXPECT_EQ(0, pool_in_use("p"));
}

/* Within the shared address, ports collide as ever. */
TEST_F(lease, scope_id_ports)
{
	int a, b;

	ASSERT_EQ(0, pool_add(POOL));
	a = OPEN(SOCK_STREAM);
	b = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, set_id(a, 7));
	ASSERT_EQ(0, set_id(b, 7));
	EXPECT_EQ(0, try_bind(a, ANY(80)));
	EXPECT_EQ(-EADDRINUSE, try_bind(b, ANY(80)));
	EXPECT_EQ(0, try_bind(b, ANY(81)));
	EXPECT_STREQ(local_text(a), local_text(b));
}

TEST_F(lease, scope_id_of_another_user)
{
	int a, b;

	ASSERT_EQ(0, pool_add(POOL));
	a = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, set_id(a, 7));
	ASSERT_EQ(0, seteuid(1000));
	b = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, set_id(b, 7));
	EXPECT_STRNE(local_text(a), local_text(b));
	/* nor by asking for it */
	EXPECT_EQ(-EADDRINUSE, try_bind(b, AT(local_text(a), 8000)));
}

TEST_F(lease, lease_option)
{
	struct inet_tuple_lease lease;
	unsigned char addr[16] = {}, buf[16];
	socklen_t len;
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_STREAM);
	inet_pton(variant->family, self->first, addr);
	sleep_ms(50);
	len = sizeof(lease);
	ASSERT_EQ(0, getsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_LEASE, &lease,
				&len));
	EXPECT_EQ(sizeof(lease), len);
	EXPECT_STREQ("p", lease.pool);
	EXPECT_EQ(variant->family, lease.family);
	EXPECT_EQ(INET_TUPLE_SCOPE_SOCKET, lease.scope);
	EXPECT_EQ(1, lease.sockets);
	EXPECT_EQ(0, memcmp(addr, lease.addr, 16));
	EXPECT_EQ(0, lease.scope_id);
	EXPECT_LE(40, lease.age_ms);
	EXPECT_GT(60000, lease.age_ms);
	EXPECT_EQ(~0ULL, lease.expiry_ms);
	/* as much as there is room for */
	memset(buf, 0x55, sizeof(buf));
	len = 3;
	ASSERT_EQ(0, getsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_LEASE, buf,
				&len));
	EXPECT_EQ(3, len);
	EXPECT_EQ(0x55, buf[3]);
	len = 0;
	EXPECT_EQ(0, getsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_LEASE, buf,
				&len));
	EXPECT_EQ(0, len);
	/* none, none to tell of */
	ASSERT_EQ(0, try_bind(fd, AT(LOOPBACK, 0)));
	EXPECT_EQ(-ENOENT, lease_of(fd, &lease));
}

/* IPv4 by way of an IPv6 socket */

FIXTURE(mapped) {
	int unused;
};

FIXTURE_VARIANT(mapped) {
	const char *assign;
};

FIXTURE_VARIANT_ADD(mapped, early) {
	.assign = POOL "assign create",
};

FIXTURE_VARIANT_ADD(mapped, late) {
	.assign = POOL "assign bind",
};

FIXTURE_SETUP(mapped)
{
	ASSERT_EQ(0, world_open());
	ASSERT_EQ(0, pool_add(variant->assign));
}

FIXTURE_TEARDOWN(mapped)
{
}

TEST_F(mapped, connect)
{
	struct addr from = { .len = sizeof(from.ss) };
	int server = peer_server(AF_INET, SOCK_STREAM, 0, 0), peer;
	int fd = try_socket(AF_INET6_TUPLE, SOCK_STREAM, 0);
	struct inet_tuple_lease lease;

	ASSERT_EQ(0, try_connect(fd, address(AF_INET6, "::ffff:" PEER4,
					     local_port(server))));
	EXPECT_STREQ("::ffff:10.64.1.1", local_text(fd));
	peer = accept(server, &from.sa, &from.len);
	ASSERT_LE(0, peer);
	EXPECT_STREQ("10.64.1.1", text_of(&from));
	EXPECT_TRUE(talks(fd, peer));
	ASSERT_EQ(0, lease_of(fd, &lease));
	EXPECT_EQ(AF_INET, lease.family);
	/* an IPv6 one that was held is given back */
	EXPECT_EQ(1, pool_in_use("p"));
	EXPECT_FALSE(is_plumbed("2001:db8::1:1"));
}

TEST_F(mapped, sendto)
{
	struct addr from = { .len = sizeof(from.ss) };
	int server = peer_server(AF_INET, SOCK_DGRAM, 0, 0);
	int fd = try_socket(AF_INET6_TUPLE, SOCK_DGRAM, 0);
	char buf[4];

	ASSERT_EQ(1, try_sendto(fd, "x", address(AF_INET6, "::ffff:" PEER4,
						 local_port(server))));
	ASSERT_EQ(1, recvfrom(server, buf, 4, 0, &from.sa, &from.len));
	EXPECT_STREQ("10.64.1.1", text_of(&from));
	EXPECT_EQ(1, pool_in_use("p"));
}

TEST_F(mapped, bind)
{
	int fd = try_socket(AF_INET6_TUPLE, SOCK_STREAM, 0), peer;

	ASSERT_EQ(0, try_bind(fd, address(AF_INET6, "::ffff:0.0.0.0", 80)));
	EXPECT_STREQ("::ffff:10.64.1.1", local_text(fd));
	EXPECT_EQ(1, pool_in_use("p"));
	ASSERT_EQ(0, listen(fd, 5));
	peer = peer_socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, try_connect(peer, address(AF_INET, "10.64.1.1", 80)));
	fd = accept(fd, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(talks(fd, peer));

	fd = try_socket(AF_INET6_TUPLE, SOCK_DGRAM, 0);
	ASSERT_EQ(0, try_bind(fd, address(AF_INET6, "::ffff:10.64.1.9", 80)));
	EXPECT_STREQ("::ffff:10.64.1.9", local_text(fd));
	EXPECT_EQ(2, pool_in_use("p"));
}

TEST_F(mapped, v6only)
{
	int fd = try_socket(AF_INET6_TUPLE, SOCK_STREAM, 0);
	int in = socket(AF_INET6, SOCK_STREAM, 0);
	struct addr a = address(AF_INET6, "::ffff:" PEER4, 9);

	ASSERT_EQ(0, set_int(fd, SOL_IPV6, IPV6_V6ONLY, 1));
	ASSERT_EQ(0, set_int(in, SOL_IPV6, IPV6_V6ONLY, 1));
	EXPECT_EQ(try_connect(in, a), try_connect(fd, a));
	EXPECT_FALSE(is_plumbed("10.64.1.1"));
	a = address(AF_INET6, "::ffff:0.0.0.0", 80);
	EXPECT_EQ(try_bind(in, a), try_bind(fd, a));
	EXPECT_FALSE(is_plumbed("10.64.1.1"));
	ASSERT_EQ(0, try_bind(fd, address(AF_INET6, NULL, 80)));
	EXPECT_STREQ("2001:db8::1:1", local_text(fd));
}

/* The pool's policy */

FIXTURE(policy) {
	int unused;
};

FIXTURE_SETUP(policy)
{
	ASSERT_EQ(0, world_open());
}

FIXTURE_TEARDOWN(policy)
{
}

#define UDP()		try_socket(AF_INET_TUPLE, SOCK_DGRAM, 0)
#define TCP()		try_socket(AF_INET_TUPLE, SOCK_STREAM, 0)
#define NARROW		"p dev eth0 prefix 10.64.1.1/32 quarantine 0 "
#define WIDE		"p dev eth0 prefix 10.64.1.0/24 quarantine 0 "
#define ANY4(port)	address(AF_INET, NULL, port)

TEST_F(policy, quota)
{
	int a, b;

	ASSERT_EQ(0, pool_add(WIDE "quota 2"));
	a = UDP();
	b = UDP();
	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	EXPECT_EQ(-EDQUOT, UDP());
	/* another user has a quota of his own */
	ASSERT_EQ(0, seteuid(1000));
	EXPECT_LE(0, UDP());
	ASSERT_EQ(0, seteuid(0));
	close(a);
	a = UDP();
	EXPECT_LE(0, a);
	EXPECT_EQ(-EDQUOT, UDP());
	/* a lower one takes nothing away */
	ASSERT_EQ(0, pool_set("p quota 1"));
	close(a);
	EXPECT_EQ(-EDQUOT, UDP());
	close(b);
	EXPECT_LE(0, UDP());
}

TEST_F(policy, quota_late)
{
	int a, b;

	ASSERT_EQ(0, pool_add(WIDE "quota 1 assign bind"));
	a = UDP();
	b = UDP();
	ASSERT_LE(0, b);
	EXPECT_EQ(0, try_bind(a, ANY4(0)));
	EXPECT_EQ(-EDQUOT, try_bind(b, ANY4(0)));
	EXPECT_EQ(-EDQUOT, try_connect(b, peer_address(AF_INET, 9)));
	EXPECT_EQ(-EDQUOT, try_sendto(b, "x", peer_address(AF_INET, 9)));
	close(a);
	EXPECT_EQ(0, try_bind(b, ANY4(0)));
}

/* The sockets of one lease count as one. */
TEST_F(policy, quota_counts_leases)
{
	ASSERT_EQ(0, pool_add(WIDE "quota 1 scope process"));
	EXPECT_LE(0, UDP());
	EXPECT_LE(0, UDP());
	EXPECT_LE(0, TCP());
	EXPECT_EQ(1, pool_in_use("p"));
}

/* Who has a lease of his scope anew, while it rests, has it in his quota. */
TEST_F(policy, quota_of_who_comes_back)
{
	int fd;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.1.0/24 scope cgroup "
			      "quarantine 60000 quota 1"));
	fd = UDP();
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(1, pool_resting("p"));
	ASSERT_EQ(0, seteuid(1000));
	fd = UDP();
	EXPECT_LE(0, fd);
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(1, pool_in_use("p"));
	ASSERT_EQ(0, pool_set("p scope socket"));
	EXPECT_LE(0, UDP());
	ASSERT_EQ(0, seteuid(1000));
	EXPECT_EQ(-EDQUOT, UDP());
	ASSERT_EQ(0, seteuid(0));
}

/* Who holds how many is known while there is a quota, and counted when one
 * comes.
 */
TEST_F(policy, quota_set)
{
	int a, b, c;

	ASSERT_EQ(0, pool_add(WIDE "quota 2"));
	a = UDP();
	b = UDP();
	ASSERT_EQ(0, pool_set("p quota 3"));
	c = UDP();
	EXPECT_LE(0, c);
	EXPECT_EQ(-EDQUOT, UDP());
	ASSERT_EQ(0, pool_set("p quota 3 dscp 8"));
	EXPECT_EQ(-EDQUOT, UDP());
	close(c);
	ASSERT_EQ(0, pool_set("p quota 4294967295"));
	c = UDP();
	close(a);
	ASSERT_EQ(0, pool_set("p quota 2"));
	EXPECT_EQ(-EDQUOT, UDP());
	close(b);
	EXPECT_LE(0, UDP());
	EXPECT_EQ(-EDQUOT, UDP());
	close(c);
	EXPECT_LE(0, UDP());
	EXPECT_EQ(-EDQUOT, UDP());
}

TEST_F(policy, users)
{
	ASSERT_EQ(0, pool_add(WIDE "users 1000"));
	EXPECT_EQ(-EACCES, UDP());
	ASSERT_EQ(0, seteuid(1000));
	EXPECT_LE(0, UDP());
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, seteuid(1001));
	EXPECT_EQ(-EACCES, UDP());
}

TEST_F(policy, exhausted)
{
	int fd;

	ASSERT_EQ(0, pool_add(NARROW));
	fd = UDP();
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EADDRNOTAVAIL, UDP());
	EXPECT_EQ(-EADDRNOTAVAIL,
		  try_socket(AF_INET_TUPLE, SOCK_DGRAM | SOCK_NONBLOCK, 0));
	close(fd);
	EXPECT_LE(0, UDP());
}

/* A listener may become a client, and its address outlives it as any other's. */
TEST_F(lease, late_fastopen_of_a_listener)
{
	int fd, server, buffer = 1;
	char text[64], data[4096];
	struct addr a;

	ASSERT_EQ(0, pool_add(POOL "assign bind quarantine 100000"));
	server = peer_server(variant->family, SOCK_STREAM, 0, 0);
	set_int(server, SOL_SOCKET, SO_RCVBUF, buffer);
	fd = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, listen(fd, 1));
	ASSERT_EQ(0, shutdown(fd, SHUT_RDWR));
	a = PEER(local_port(server));
	ASSERT_EQ(1, sendto(fd, "x", 1, MSG_FASTOPEN, &a.sa, a.len));
	IS_LEASED(fd);
	strcpy(text, local_text(fd));
	memset(data, 0, sizeof(data));
	while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	EXPECT_EQ(EAGAIN, errno);
	close(fd);
	EXPECT_EQ(INET_TUPLE_LEASE_ACTIVE, lease_state(text));
	EXPECT_TRUE(is_plumbed(text));
	/* refused in the end, it rests */
	close(server);
	EXPECT_TRUE(within(5000, lease_state(text) ==
			   INET_TUPLE_LEASE_QUARANTINE));
}

TEST_F(policy, exhausted_fastopen)
{
	struct addr a = peer_address(AF_INET, 9);
	int fd;

	ASSERT_EQ(0, pool_add(NARROW "assign bind"));
	ASSERT_EQ(0, try_bind(UDP(), ANY4(0)));
	fd = TCP();
	EXPECT_EQ(-1, sendto(fd, "x", 1, MSG_FASTOPEN, &a.sa, a.len));
	EXPECT_EQ(EADDRNOTAVAIL, errno);
}

TEST_F(policy, exhausted_late)
{
	int a, b;

	ASSERT_EQ(0, pool_add(NARROW "assign bind"));
	a = TCP();
	b = TCP();
	ASSERT_EQ(0, try_bind(a, ANY4(80)));
	EXPECT_EQ(-EADDRNOTAVAIL, try_bind(b, ANY4(80)));
	EXPECT_EQ(-EADDRNOTAVAIL, try_connect(b, peer_address(AF_INET, 9)));
	EXPECT_EQ(-1, listen(b, 1));
	EXPECT_EQ(EADDRNOTAVAIL, errno);
	close(a);
	EXPECT_EQ(0, listen(b, 1));
}

/* wait */

struct waiter {
	int fd;
	long took;
};

static void *wait_for_socket(void *arg)
{
	struct waiter *w = arg;
	long start = now_ms();

	w->fd = UDP();
	w->took = now_ms() - start;
	return NULL;
}

TEST_F(policy, wait_succeeds)
{
	struct waiter w;
	pthread_t thread;
	int fd;

	ASSERT_EQ(0, pool_add(NARROW "wait 20000"));
	fd = UDP();
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_socket, &w));
	sleep_ms(200);
	close(fd);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LE(0, w.fd);
	EXPECT_LE(150, w.took);
	EXPECT_GT(10000, w.took);
	EXPECT_STREQ("10.64.1.1", local_text(w.fd));
}

TEST_F(policy, wait_times_out)
{
	long start;

	ASSERT_EQ(0, pool_add(NARROW "wait 300"));
	ASSERT_LE(0, UDP());
	start = now_ms();
	EXPECT_EQ(-EADDRNOTAVAIL, UDP());
	EXPECT_LE(280, now_ms() - start);
	EXPECT_GT(5000, now_ms() - start);
}

TEST_F(policy, wait_nonblock)
{
	int fd;
	long start = now_ms();

	ASSERT_EQ(0, pool_add(NARROW "wait 20000 assign bind"));
	fd = UDP();
	ASSERT_EQ(0, try_bind(fd, ANY4(0)));
	fd = try_socket(AF_INET_TUPLE, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EAGAIN, try_bind(fd, ANY4(0)));
	EXPECT_EQ(-EAGAIN, try_connect(fd, peer_address(AF_INET, 9)));
	EXPECT_EQ(-EAGAIN, try_sendto(fd, "x", peer_address(AF_INET, 9)));
	EXPECT_GT(10000, now_ms() - start);
}

TEST_F(policy, wait_nonblock_create)
{
	long start = now_ms();

	ASSERT_EQ(0, pool_add(NARROW "wait 20000"));
	ASSERT_LE(0, UDP());
	EXPECT_EQ(-EAGAIN,
		  try_socket(AF_INET_TUPLE, SOCK_DGRAM | SOCK_NONBLOCK, 0));
	EXPECT_EQ(-EAGAIN, try_socket(AF_INET_TUPLE, SOCK_STREAM |
				      SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	EXPECT_GT(10000, now_ms() - start);
}

/* A pool that grows lets those go on who wait for it. */
TEST_F(policy, wait_pool_grows)
{
	struct waiter w;
	pthread_t thread;

	ASSERT_EQ(0, pool_add(NARROW "wait 20000"));
	ASSERT_LE(0, UDP());
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_socket, &w));
	sleep_ms(200);
	ASSERT_EQ(0, pool_set("p prefix 10.64.1.8/32"));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LE(0, w.fd);
	EXPECT_GT(10000, w.took);
	EXPECT_STREQ("10.64.1.8", local_text(w.fd));
}

TEST_F(policy, wait_pool_goes)
{
	struct waiter w;
	pthread_t thread;

	ASSERT_EQ(0, pool_add(NARROW "wait 20000"));
	ASSERT_LE(0, UDP());
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_socket, &w));
	sleep_ms(200);
	ASSERT_EQ(0, pool_del("p", true));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EADDRNOTAVAIL, w.fd);
	EXPECT_GT(10000, w.took);
}

static volatile int signals;

static void count_signal(int sig)
{
	signals++;
}

static void signal_in(long ms, int flags)
{
	struct itimerval it = { .it_value = { .tv_usec = ms * 1000 } };
	struct sigaction sa = { .sa_handler = count_signal, .sa_flags = flags };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

TEST_F(policy, wait_interrupted)
{
	ASSERT_EQ(0, pool_add(NARROW "wait 20000"));
	ASSERT_LE(0, UDP());
	signal_in(200, 0);
	EXPECT_EQ(-EINTR, UDP());
	EXPECT_EQ(1, signals);
}

TEST_F(policy, wait_restarted)
{
	struct waiter w = { .fd = -1 };
	pthread_t thread;
	sigset_t set;
	int fd;

	ASSERT_EQ(0, pool_add(NARROW "wait 20000"));
	fd = UDP();
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_socket, &w));
	/* the signal is for the thread that waits */
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal_in(100, SA_RESTART);
	EXPECT_TRUE(within(5000, signals == 1));
	sleep_ms(100);
	close(fd);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LE(0, w.fd);
}

TEST_F(policy, wait_killed)
{
	long start;
	pid_t pid;

	ASSERT_EQ(0, pool_add(NARROW "wait 20000"));
	ASSERT_LE(0, UDP());
	pid = child_start();
	if (!pid) {
		UDP();
		_exit(0);
	}
	sleep_ms(200);
	start = now_ms();
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_end(pid));
	EXPECT_GT(5000, now_ms() - start);
}

/* States of pool and device */

TEST_F(policy, draining)
{
	int held, fd;

	ASSERT_EQ(0, pool_add(WIDE));
	held = UDP();
	ASSERT_EQ(0, pool_set("p state draining"));
	EXPECT_EQ(-EADDRNOTAVAIL, UDP());
	EXPECT_TRUE(has_lease(held));
	EXPECT_EQ(0, try_bind(held, ANY4(80)));
	ASSERT_EQ(0, pool_set("p state active"));
	fd = UDP();
	EXPECT_LE(0, fd);
}

TEST_F(policy, device_down)
{
	int fd;

	ASSERT_EQ(0, pool_add(WIDE));
	fd = TCP();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, link_up("eth0", 0));
	EXPECT_EQ(-ENETDOWN, TCP());
	EXPECT_TRUE(has_lease(fd));
	ASSERT_EQ(0, link_up("eth0", 1));
	EXPECT_TRUE(within(5000, is_plumbed(local_text(fd)) == 1));
	EXPECT_LE(0, TCP());
}

TEST_F(policy, device_gone)
{
	int fd;

	ASSERT_EQ(0, pool_add(WIDE));
	fd = TCP();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, link_delete("eth0"));
	EXPECT_EQ(-ENODEV, TCP());
	close(fd);
	/* one of that name comes back */
	ASSERT_EQ(0, link_cable("eth0", ns_peer));
	ASSERT_EQ(0, link_up("eth0", 1));
	ASSERT_EQ(0, address_change(RTM_NEWADDR, "eth0", HOME4, 16));
	EXPECT_TRUE(within(5000, (fd = TCP()) >= 0));
	EXPECT_TRUE(is_plumbed(local_text(fd)));
}

/* scope */

/* The address that a child's socket gets; the pipe keeps both alive at once */
static const char *text_in_child(int (*prepare)(void *), void *arg)
{
	static char text[INET6_ADDRSTRLEN];
	int p[2], fd;
	pid_t pid;

	memset(text, 0, sizeof(text));
	if (pipe(p))
		return "pipe";
	pid = child_start();
	if (!pid) {
		fd = !prepare || !prepare(arg) ? UDP() : -1;
		const char *s = fd < 0 ? "error" : local_text(fd);

		if (write(p[1], s, strlen(s)) < 0)
			_exit(1);
		_exit(0);
	}
	close(p[1]);
	if (read(p[0], text, sizeof(text) - 1) < 0)
		strcpy(text, "read");
	close(p[0]);
	child_end(pid);
	return text;
}

TEST_F(policy, scope_process)
{
	struct inet_tuple_lease lease;
	int a, b;

	ASSERT_EQ(0, pool_add(WIDE "scope process"));
	a = UDP();
	b = TCP();
	EXPECT_STREQ(local_text(a), local_text(b));
	ASSERT_EQ(0, lease_of(a, &lease));
	EXPECT_EQ(INET_TUPLE_SCOPE_PROCESS, lease.scope);
	EXPECT_EQ(2, lease.sockets);
	EXPECT_EQ(1, pool_in_use("p"));
	EXPECT_STRNE(local_text(a), text_in_child(NULL, NULL));
	/* one port each, as on any address */
	ASSERT_EQ(0, try_bind(a, ANY4(53)));
	EXPECT_EQ(-EADDRINUSE, try_bind(UDP(), ANY4(53)));
	EXPECT_TRUE(is_plumbed(local_text(a)));
}

static void *text_in_thread(void *arg)
{
	int fd = UDP();

	return strdup(fd < 0 ? "error" : local_text(fd));
}

TEST_F(policy, scope_process_threads)
{
	pthread_t thread;
	void *text;
	int fd;

	ASSERT_EQ(0, pool_add(WIDE "scope process"));
	fd = UDP();
	ASSERT_EQ(0, pthread_create(&thread, NULL, text_in_thread, NULL));
	ASSERT_EQ(0, pthread_join(thread, &text));
	EXPECT_STREQ(local_text(fd), (char *)text);
}

/* Many threads ask at once for what is one lease. */
TEST_F(policy, scope_process_race)
{
	pthread_t thread[8];
	void *text[8];
	int i, round;

	ASSERT_EQ(0, pool_add(WIDE "scope process"));
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 8; i++)
			ASSERT_EQ(0, pthread_create(&thread[i], NULL,
						    text_in_thread, NULL));
		for (i = 0; i < 8; i++) {
			ASSERT_EQ(0, pthread_join(thread[i], &text[i]));
			EXPECT_STREQ((char *)text[0], (char *)text[i]);
		}
		EXPECT_EQ(1, pool_in_use("p"));
	}
}

static int become_user(void *arg)
{
	return seteuid(1000);
}

TEST_F(policy, scope_user)
{
	struct inet_tuple_lease lease;
	int a, b;

	ASSERT_EQ(0, pool_add(WIDE "scope user"));
	a = UDP();
	b = TCP();
	EXPECT_STREQ(local_text(a), local_text(b));
	EXPECT_STREQ(local_text(a), text_in_child(NULL, NULL));
	EXPECT_STRNE(local_text(a), text_in_child(become_user, NULL));
	ASSERT_EQ(0, seteuid(1000));
	b = UDP();
	ASSERT_EQ(0, lease_of(b, &lease));
	EXPECT_EQ(INET_TUPLE_SCOPE_USER, lease.scope);
	EXPECT_EQ(1000, lease.scope_id);
}

/* A cgroup below that of the test: its path below the root, or NULL */
static char *cgroup_make(const char *name)
{
	char line[256] = "", *path, dir[600];
	FILE *f = fopen("/proc/self/cgroup", "r");

	while (f && fgets(line, sizeof(line), f) && strncmp(line, "0::", 3))
		;
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = 0;
	if (strncmp(line, "0::", 3))
		return NULL;
	if (asprintf(&path, "%s/%s-%d", strcmp(line + 3, "/") ? line + 3 : "",
		     name, getpid()) < 0)
		return NULL;
	snprintf(dir, sizeof(dir), "/sys/fs/cgroup%s", path);
	return mkdir(dir, 0755) ? NULL : path;
}

static int cgroup_enter(void *path)
{
	char file[600];

	snprintf(file, sizeof(file), "/sys/fs/cgroup%s/cgroup.procs",
		 (char *)path);
	return write_file(file, "0");
}

static void cgroup_remove(const char *path)
{
	char dir[600];

	snprintf(dir, sizeof(dir), "/sys/fs/cgroup%s", path);
	within(2000, !rmdir(dir));
}

TEST_F(policy, scope_cgroup)
{
	char *one = cgroup_make("one"), *two = cgroup_make("two"), *first;
	struct inet_tuple_lease lease;
	int fd;

	if (!one || !two)
		SKIP(return, "no cgroup2 here");
	ASSERT_EQ(0, pool_add(WIDE "scope cgroup"));
	fd = UDP();
	ASSERT_EQ(0, lease_of(fd, &lease));
	EXPECT_EQ(INET_TUPLE_SCOPE_CGROUP, lease.scope);
	EXPECT_NE(0, lease.scope_id);
	EXPECT_STREQ(local_text(fd), text_in_child(NULL, NULL));
	first = strdup(text_in_child(cgroup_enter, one));
	EXPECT_STRNE(local_text(fd), first);
	EXPECT_STRNE("error", first);
	EXPECT_STRNE("error", text_in_child(cgroup_enter, two));
	cgroup_remove(one);
	cgroup_remove(two);
}

/* Which pool */

static int rule_change(bool add, long uid, long gid, const char *cgroup,
		       const char *pool)
{
	struct inet_tuple_obj *obj = inet_tuple_obj_alloc(INET_TUPLE_RULE_OBJ);
	struct inet_tuple_handle *h = pool_handle();
	int err;

	inet_tuple_obj_set_str(obj, INET_TUPLE_A_RULE_POOL, pool);
	if (uid >= 0)
		inet_tuple_obj_set_num(obj, INET_TUPLE_A_RULE_UID, uid);
	if (gid >= 0)
		inet_tuple_obj_set_num(obj, INET_TUPLE_A_RULE_GID, gid);
	if (cgroup)
		inet_tuple_obj_set_str(obj, INET_TUPLE_A_RULE_CGROUP, cgroup);
	err = add ? inet_tuple_rule_add(h, obj) : inet_tuple_rule_del(h, obj);
	inet_tuple_obj_free(obj);
	inet_tuple_handle_close(h);
	return err;
}

#define TWO_POOLS do {							\
	ASSERT_EQ(0, pool_add(WIDE));					\
	ASSERT_EQ(0, pool_add("q dev eth0 prefix 10.64.2.0/24 "	\
			      "quarantine 0"));				\
} while (0)

#define EXPECT_POOL(name, make) do {					\
	int __fd = make;						\
	EXPECT_STREQ(name, get_pool(__fd));				\
	close(__fd);							\
} while (0)

TEST_F(policy, rule_by_uid)
{
	TWO_POOLS;
	ASSERT_EQ(0, rule_change(true, 1000, -1, NULL, "q"));
	EXPECT_POOL("p", UDP());
	ASSERT_EQ(0, seteuid(1000));
	EXPECT_POOL("q", UDP());
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, rule_change(false, 1000, -1, NULL, "q"));
	ASSERT_EQ(0, seteuid(1000));
	EXPECT_POOL("p", UDP());
}

TEST_F(policy, rule_by_gid)
{
	TWO_POOLS;
	ASSERT_EQ(0, rule_change(true, -1, 777, NULL, "q"));
	EXPECT_POOL("p", UDP());
	ASSERT_EQ(0, setegid(777));
	EXPECT_POOL("q", UDP());
}

TEST_F(policy, rule_of_two_conditions)
{
	TWO_POOLS;
	ASSERT_EQ(0, rule_change(true, 1000, 777, NULL, "q"));
	ASSERT_EQ(0, setegid(777));
	EXPECT_POOL("p", UDP());
	ASSERT_EQ(0, seteuid(1000));
	EXPECT_POOL("q", UDP());
}

TEST_F(policy, rule_first_match)
{
	TWO_POOLS;
	ASSERT_EQ(0, pool_add("r dev eth0 prefix 10.64.3.0/24"));
	ASSERT_EQ(0, rule_change(true, 0, -1, NULL, "q"));
	ASSERT_EQ(0, rule_change(true, 0, -1, NULL, "r"));
	EXPECT_POOL("q", UDP());
	ASSERT_EQ(0, rule_change(false, 0, -1, NULL, "q"));
	EXPECT_POOL("r", UDP());
}

TEST_F(policy, rule_by_cgroup)
{
	char *path = cgroup_make("rule"), *text;

	if (!path)
		SKIP(return, "no cgroup2 here");
	TWO_POOLS;
	ASSERT_EQ(0, rule_change(true, -1, -1, path, "q"));
	EXPECT_POOL("p", UDP());
	text = strdup(text_in_child(cgroup_enter, path));
	EXPECT_EQ(0, strncmp(text, "10.64.2.", 8))
		TH_LOG("%s", text);
	ASSERT_EQ(0, rule_change(false, -1, -1, path, "q"));
	cgroup_remove(path);
}

/* That of a service is another one each time it starts. */
TEST_F(policy, rule_by_cgroup_made_anew)
{
	char *path = cgroup_make("rule"), *below, dir[600];

	if (!path)
		SKIP(return, "no cgroup2 here");
	TWO_POOLS;
	ASSERT_EQ(0, rule_change(true, -1, -1, path, "q"));
	cgroup_remove(path);
	EXPECT_POOL("p", UDP());
	ASSERT_STREQ(path, cgroup_make("rule"));
	EXPECT_EQ(0, strncmp(text_in_child(cgroup_enter, path), "10.64.2.", 8));
	/* and so is what is below it, but not what is called much like it */
	ASSERT_LT(0, asprintf(&below, "%s/below", path));
	snprintf(dir, sizeof(dir), "/sys/fs/cgroup%s", below);
	ASSERT_EQ(0, mkdir(dir, 0755));
	EXPECT_EQ(0, strncmp(text_in_child(cgroup_enter, below), "10.64.2.",
			     8));
	cgroup_remove(below);
	cgroup_remove(path);
	path = cgroup_make("rules");
	EXPECT_EQ(0, strncmp(text_in_child(cgroup_enter, path), "10.64.1.", 8));
	cgroup_remove(path);
}

/* What a socket asks for goes before the rules. */
TEST_F(policy, option_before_rule)
{
	int fd;

	TWO_POOLS;
	ASSERT_EQ(0, pool_set("p assign bind"));
	ASSERT_EQ(0, pool_set("q assign bind"));
	ASSERT_EQ(0, rule_change(true, 0, -1, NULL, "q"));
	fd = UDP();
	ASSERT_EQ(0, set_pool(fd, "p"));
	ASSERT_EQ(0, try_bind(fd, ANY4(0)));
	EXPECT_EQ(0, strncmp(local_text(fd), "10.64.1.", 8));
}

TEST_F(policy, default_pool)
{
	TWO_POOLS;
	EXPECT_POOL("p", UDP());
	ASSERT_EQ(0, pool_set("q default on"));
	EXPECT_POOL("q", UDP());
	ASSERT_EQ(0, pool_set("p default inet"));
	EXPECT_POOL("p", UDP());
	ASSERT_EQ(0, pool_set("q default on"));
	ASSERT_EQ(0, pool_set("q default off"));
	/* no default, but named ones there are: later, by name */
	int fd = UDP();
	ASSERT_LE(0, fd);
	EXPECT_FALSE(has_lease(fd));
	EXPECT_EQ(-EADDRNOTAVAIL, try_bind(fd, ANY4(0)));
	ASSERT_EQ(0, set_pool(fd, "q"));
	EXPECT_EQ(0, try_bind(fd, ANY4(0)));
}

TEST_F(policy, by_route)
{
	int server, fd;

	ASSERT_EQ(0, link_cable("eth1", ns_peer));
	ASSERT_EQ(0, link_up("eth1", 1));
	ASSERT_EQ(0, address_change(RTM_NEWADDR, "eth1", "10.65.0.1", 16));
	go_to_peer();
	link_up("eth1", 1);
	address_change(RTM_NEWADDR, "eth1", "10.65.0.2", 16);
	go_home();
	ASSERT_EQ(0, pool_add(WIDE "assign bind"));
	ASSERT_EQ(0, pool_add("q dev eth1 prefix 10.65.1.0/24 assign bind"));
	server = peer_server(AF_INET, SOCK_STREAM, 0, 7777);
	ASSERT_LE(0, server);
	fd = TCP();
	ASSERT_EQ(0, try_connect(fd, address(AF_INET, "10.65.0.2", 7777)));
	EXPECT_STREQ("q", get_pool(fd));
	EXPECT_EQ(0, strncmp(local_text(fd), "10.65.1.", 8));
	fd = TCP();
	ASSERT_EQ(0, try_connect(fd, address(AF_INET, PEER4, 7777)));
	EXPECT_STREQ("p", get_pool(fd));
	/* bind() knows of no peer */
	fd = TCP();
	ASSERT_EQ(0, try_bind(fd, ANY4(0)));
	EXPECT_STREQ("p", get_pool(fd));
	/* nor does a name */
	fd = UDP();
	ASSERT_EQ(0, set_pool(fd, "p"));
	ASSERT_EQ(0, try_connect(fd, address(AF_INET, "10.65.0.2", 7777)));
	EXPECT_STREQ("p", get_pool(fd));
}

/* order */

TEST_F(policy, order_sequential)
{
	int a, b, c;

	ASSERT_EQ(0, pool_add(WIDE "order sequential"));
	a = UDP();
	b = UDP();
	EXPECT_STREQ("10.64.1.1", local_text(a));
	EXPECT_STREQ("10.64.1.2", local_text(b));
	close(a);
	c = UDP();
	EXPECT_STREQ("10.64.1.1", local_text(c));
}

TEST_F(policy, order_lru)
{
	char text[16];
	int i, fd;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.1.0/29 quarantine 0 "
			      "order lru"));
	for (i = 1; i <= 12; i++) {
		snprintf(text, sizeof(text), "10.64.1.%d", (i - 1) % 6 + 1);
		fd = UDP();
		EXPECT_STREQ(text, local_text(fd));
		close(fd);
	}
}

TEST_F(policy, order_random)
{
	int i, fd, ascending = 1;
	unsigned int last = 0, now;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.128.0/18 quarantine 0 "
			      "order random"));
	for (i = 0; i < 12; i++) {
		fd = UDP();
		now = ntohl(local_address(fd).in.sin_addr.s_addr);
		EXPECT_EQ(0x0a408000, now & 0xffffc000);
		ascending &= now > last;
		last = now;
	}
	/* one in 12! is in order */
	EXPECT_FALSE(ascending);
}

/* A change of what has nothing to do with addresses leaves those alone: which
 * are taken, and whose turn is next. So does a prefix more.
 */
TEST_F(policy, set_keeps_turns)
{
	int held, fd;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.1.0/29 quarantine 0"));
	held = UDP();
	EXPECT_STREQ("10.64.1.1", local_text(held));
	close(UDP());
	ASSERT_EQ(0, pool_set("p quota 9 dscp 8"));
	fd = UDP();
	EXPECT_STREQ("10.64.1.3", local_text(fd));
	close(fd);
	ASSERT_EQ(0, pool_set("p prefix 10.64.1.32/31"));
	ASSERT_EQ(0, pool_set("p prefix 2001:db8::1:0/126"));
	fd = UDP();
	EXPECT_STREQ("10.64.1.4", local_text(fd));
	EXPECT_STREQ("10.64.1.5", local_text(UDP()));
	EXPECT_STREQ("10.64.1.6", local_text(UDP()));
	EXPECT_STREQ("10.64.1.32", local_text(UDP()));
	EXPECT_STREQ("10.64.1.33", local_text(UDP()));
	/* what was freed, in that order, and what is held not */
	EXPECT_STREQ("10.64.1.2", local_text(UDP()));
	EXPECT_STREQ("10.64.1.3", local_text(UDP()));
	EXPECT_EQ(-EADDRNOTAVAIL, UDP());
	close(held);
	EXPECT_STREQ("10.64.1.1", local_text(UDP()));
	EXPECT_EQ(8, pool_in_use("p"));
	EXPECT_STREQ("2001:db8::1:1", local_text(try_socket(AF_INET6_TUPLE,
							    SOCK_DGRAM, 0)));
}

/* And a change of as many addresses for as many others does not. */
TEST_F(policy, set_exchanges)
{
	int held, out;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.1.0/31 "
			      "prefix 10.64.1.8/31 exclude 10.64.1.1 "
			      "order sequential quarantine 0"));
	held = UDP();
	EXPECT_STREQ("10.64.1.0", local_text(held));
	ASSERT_EQ(0, pool_set("p -exclude 10.64.1.1 exclude 10.64.1.0"));
	EXPECT_STREQ("10.64.1.1", local_text(UDP()));
	ASSERT_EQ(0, pool_set("p -prefix 10.64.1.8/31 prefix 10.64.1.16/31"));
	out = UDP();
	EXPECT_STREQ("10.64.1.16", local_text(out));
	EXPECT_EQ(-EBUSY,
		  pool_set("p -prefix 10.64.1.16/31 prefix 10.64.1.8/31"));
	close(out);
	ASSERT_EQ(0, pool_set("p -prefix 10.64.1.16/31 prefix 10.64.1.8/31"));
	/* what is held is not to be had, when it is no longer excluded */
	ASSERT_EQ(0, pool_set("p -exclude 10.64.1.0"));
	EXPECT_STREQ("10.64.1.8", local_text(UDP()));
	close(held);
	EXPECT_STREQ("10.64.1.0", local_text(UDP()));
	ASSERT_EQ(0, pool_set("p order lru"));
	EXPECT_STREQ("10.64.1.9", local_text(UDP()));
	EXPECT_EQ(-EADDRNOTAVAIL, UDP());
}

/* A prefix that comes after one that is excluded whole, with a lease in it: that
 * one is known where both are handed out.
 */
TEST_F(policy, set_knows_excluded)
{
	int held;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.1.0/31 "
			      "prefix 10.64.1.8/32 quarantine 0"));
	ASSERT_LE(0, UDP());
	ASSERT_LE(0, UDP());
	held = UDP();
	EXPECT_STREQ("10.64.1.8", local_text(held));
	ASSERT_EQ(0, pool_set("p exclude 10.64.1.8"));
	ASSERT_EQ(0, pool_set("p -exclude 10.64.1.8 prefix 10.64.1.16/32"));
	EXPECT_STREQ("10.64.1.16", local_text(UDP()));
	EXPECT_EQ(-EADDRNOTAVAIL, UDP());
	close(held);
	EXPECT_STREQ("10.64.1.8", local_text(UDP()));
}

/* What is set on each socket */

TEST_F(policy, marks)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, fd, i;

	ASSERT_EQ(0, pool_add(WIDE "prefix 2001:db8::1:0/120 dscp 46 "
			      "priority 5 mark 0x1234"));
	for (i = 0; i < 2; i++) {
		fd = try_socket(AF_INET_TUPLE, types[i], 0);
		EXPECT_EQ(46 << 2, get_int(fd, SOL_IP, IP_TOS));
		EXPECT_EQ(5, get_int(fd, SOL_SOCKET, SO_PRIORITY));
		EXPECT_EQ(0x1234, get_int(fd, SOL_SOCKET, SO_MARK));
		fd = try_socket(AF_INET6_TUPLE, types[i], 0);
		EXPECT_EQ(46 << 2, get_int(fd, SOL_IPV6, IPV6_TCLASS));
		EXPECT_EQ(5, get_int(fd, SOL_SOCKET, SO_PRIORITY));
		EXPECT_EQ(0x1234, get_int(fd, SOL_SOCKET, SO_MARK));
	}
}

TEST_F(policy, marks_by_default_none)
{
	int fd;

	ASSERT_EQ(0, pool_add(WIDE));
	fd = TCP();
	EXPECT_EQ(0, get_int(fd, SOL_IP, IP_TOS));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_PRIORITY));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_MARK));
}

TEST_F(policy, marks_of_accepted)
{
	int server, fd, peer;

	ASSERT_EQ(0, pool_add(WIDE "dscp 46 priority 5 mark 0x1234"));
	server = TCP();
	ASSERT_EQ(0, listen(server, 5));
	peer = peer_socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, try_connect(peer, local_address(server)));
	fd = accept(server, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(46 << 2, get_int(fd, SOL_IP, IP_TOS));
	EXPECT_EQ(5, get_int(fd, SOL_SOCKET, SO_PRIORITY));
	EXPECT_EQ(0x1234, get_int(fd, SOL_SOCKET, SO_MARK));
}

TEST_F(policy, marks_late)
{
	int fd;

	ASSERT_EQ(0, pool_add(WIDE "dscp 46 assign bind"));
	fd = TCP();
	EXPECT_EQ(0, get_int(fd, SOL_IP, IP_TOS));
	ASSERT_EQ(0, try_bind(fd, ANY4(0)));
	EXPECT_EQ(46 << 2, get_int(fd, SOL_IP, IP_TOS));
}

/* On the wire, not only in the option */
TEST_F(policy, dscp_is_sent)
{
	int fd, server;
	char buf[4], control[64];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cm;

	ASSERT_EQ(0, pool_add(WIDE "dscp 46"));
	server = peer_server(AF_INET, SOCK_DGRAM, 0, 0);
	ASSERT_EQ(0, set_int(server, SOL_IP, IP_RECVTOS, 1));
	fd = UDP();
	ASSERT_EQ(1, try_sendto(fd, "x", peer_address(AF_INET,
						     local_port(server))));
	ASSERT_EQ(1, recvmsg(server, &msg, 0));
	cm = CMSG_FIRSTHDR(&msg);
	ASSERT_TRUE(cm);
	EXPECT_EQ(IP_TOS, cm->cmsg_type);
	EXPECT_EQ(46 << 2, *(unsigned char *)CMSG_DATA(cm));
}

TEST_HARNESS_MAIN
