// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a lease lives: as long as anything speaks from its address. What
 * takes the minute of TIME_WAIT is in life_slow.c.
 */
#include <linux/tls.h>
#include <netinet/tcp.h>
#include "world.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

FIXTURE(life) {
	int addresses;		/* of the device, without a lease */
};

FIXTURE_VARIANT(life) {
	int domain;
	int family;
};

FIXTURE_VARIANT_ADD(life, v4) {
	.domain = AF_INET_TUPLE,
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(life, v6) {
	.domain = AF_INET6_TUPLE,
	.family = AF_INET6,
};

#define POOL	"p dev eth0 prefix 10.64.1.0/24 prefix 2001:db8::1:0/120 " \
		"quarantine 0 "

FIXTURE_SETUP(life)
{
	ASSERT_EQ(0, world_open());
	/* FIN_WAIT2 of what is closed lasts a second, not a minute. */
	write_file("/proc/sys/net/ipv4/tcp_fin_timeout", "1");
	self->addresses = count_addresses();
}

FIXTURE_TEARDOWN(life)
{
}

#define OPEN(type) ({							\
	int __fd = try_socket(variant->domain, type, 0);		\
	ASSERT_LE(0, __fd);						\
	limit_waits(__fd);						\
	__fd; })

#define ANY(port)	address(variant->family, NULL, port)
#define PEER(port)	peer_address(variant->family, port)

#define CONNECT(c)							\
	ASSERT_EQ(0, conn_open(c, OPEN(SOCK_STREAM), variant->family, 0))

/* The pool has everything back, and the device nothing of it. */
#define ALL_BACK(ms) do {						\
	EXPECT_TRUE(within(ms, pool_in_use("p") == 0 &&		\
			   pool_resting("p") == 0))			\
		TH_LOG("in use %ld, resting %ld", pool_in_use("p"),	\
		       pool_resting("p"));				\
	EXPECT_EQ(self->addresses, count_addresses());			\
} while (0)

/* What closes with a reset leaves no TIME_WAIT. */
static void set_reset(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static int disconnect(int fd)
{
	struct addr none = { .sa.sa_family = AF_UNSPEC, .len = 16 };

	return try_connect(fd, none);
}

/* A child of a listener of home, and the peer's end of it */
static int accepted(int server, int *peer)
{
	struct addr at = local_address(server);
	int fd;

	*peer = peer_socket(at.sa.sa_family, SOCK_STREAM, 0);
	limit_waits(*peer);
	if (try_connect(*peer, at))
		return -1;
	fd = accept(server, NULL, NULL);
	limit_waits(fd);
	return fd;
}

/* close() */

TEST_F(life, close_udp)
{
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_DGRAM);
	char *text = strdup(local_text(fd));
	EXPECT_EQ(1, is_plumbed(text));
	close(fd);
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_EQ(0, pool_in_use("p"));
	EXPECT_EQ(0, pool_resting("p"));
}

TEST_F(life, close_unconnected_tcp)
{
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_STREAM);
	char *text = strdup(local_text(fd));
	ASSERT_EQ(0, try_bind(fd, ANY(80)));
	close(fd);
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_EQ(0, pool_in_use("p"));
}

TEST_F(life, close_listener)
{
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_STREAM);
	char *text = strdup(local_text(fd));
	ASSERT_EQ(0, listen(fd, 5));
	EXPECT_EQ(1, is_plumbed(text));
	close(fd);
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_EQ(0, pool_in_use("p"));
}

TEST_F(life, close_refused)
{
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_STREAM);
	EXPECT_EQ(-ECONNREFUSED, try_connect(fd, PEER(9)));
	close(fd);
	ALL_BACK(0);
}

/* SYN_SENT: the peer never answers */
TEST_F(life, close_connecting)
{
	struct addr nobody = address(variant->family, variant->family ==
				     AF_INET ? "10.64.255.1" :
				     "2001:db8::f:1", 9);
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_STREAM | SOCK_NONBLOCK);
	EXPECT_EQ(-EINPROGRESS, try_connect(fd, nobody));
	close(fd);
	/* what waits for the neighbour still has the address in it */
	ALL_BACK(10000);
}

TEST_F(life, close_reset)
{
	struct conn c;

	ASSERT_EQ(0, pool_add(POOL));
	CONNECT(&c);
	set_reset(c.fd);
	close(c.fd);
	EXPECT_EQ(-ECONNRESET, try_recv(c.peer, 0));
	ALL_BACK(2000);
}

/* Who closes second has no TIME_WAIT. */
TEST_F(life, passive_close)
{
	struct conn c;

	ASSERT_EQ(0, pool_add(POOL));
	CONNECT(&c);
	char *text = strdup(local_text(c.fd));
	close(c.peer);
	EXPECT_EQ(0, try_recv(c.fd, 0));
	/* CLOSE_WAIT */
	EXPECT_EQ(1, is_plumbed(text));
	EXPECT_EQ(1, pool_in_use("p"));
	close(c.fd);
	ALL_BACK(3000);
}

#define MUCH	(4 << 20)

/* close() returns at once; the peer is slow, and gets every byte. */
TEST_F(life, slow_reader_gets_all)
{
	int small = 8192, much = 2 * MUCH, n, got = 0, bad = 0, i;
	char *data = malloc(MUCH);
	struct conn c;

	ASSERT_EQ(0, pool_add(POOL));
	CONNECT(&c);
	char *text = strdup(local_text(c.fd));
	setsockopt(c.peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	ASSERT_EQ(0, setsockopt(c.fd, SOL_SOCKET, SO_SNDBUFFORCE, &much,
				sizeof(much)));
	for (i = 0; i < MUCH; i++)
		data[i] = i / 3;
	for (i = 0; i < MUCH; i += n)
		ASSERT_LT(0, n = send(c.fd, data + i, MUCH - i, MSG_DONTWAIT));
	ASSERT_EQ(0, close(c.fd));
	for (;;) {
		char buf[65536];

		if (got < 65536) {
			EXPECT_EQ(1, is_plumbed(text));
			EXPECT_EQ(1, pool_in_use("p"));
			sleep_ms(5);
		}
		n = recv(c.peer, buf, sizeof(buf), 0);
		if (n <= 0)
			break;
		bad |= memcmp(buf, data + got, n);
		got += n;
	}
	EXPECT_EQ(0, n);
	EXPECT_EQ(MUCH, got);
	EXPECT_EQ(0, bad);
	set_reset(c.peer);
	close(c.peer);
	EXPECT_TRUE(within(10000, !is_plumbed(text)));
	ALL_BACK(0);
}

/* Nobody else gets the address meanwhile. */
TEST_F(life, orphan_keeps_its_address)
{
	struct conn c;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.1.1/32 "
			      "prefix 2001:db8::1:1/128 quarantine 0"));
	CONNECT(&c);
	peer_link(0);
	ASSERT_EQ(3, send(c.fd, "abc", 3, 0));
	close(c.fd);
	EXPECT_EQ(-EADDRNOTAVAIL, try_socket(variant->domain, SOCK_DGRAM, 0));
	EXPECT_EQ(1, pool_in_use("p"));
	EXPECT_EQ(self->addresses + 1, count_addresses());
}

/* Listeners and their children */

TEST_F(life, unaccepted_children)
{
	int server, peer;

	ASSERT_EQ(0, pool_add(POOL));
	server = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, listen(server, 5));
	peer = peer_socket(variant->family, SOCK_STREAM, 0);
	limit_waits(peer);
	ASSERT_EQ(0, try_connect(peer, local_address(server)));
	ASSERT_EQ(3, send(peer, "abc", 3, 0));
	sleep_ms(20);
	close(server);
	EXPECT_EQ(-ECONNRESET, try_recv(peer, 0));
	ALL_BACK(2000);
}

TEST_F(life, children_hold_the_lease)
{
	struct inet_tuple_lease lease;
	int server, fd[2], peer[2];

	ASSERT_EQ(0, pool_add(POOL));
	server = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, listen(server, 5));
	char *text = strdup(local_text(server));
	fd[0] = accepted(server, &peer[0]);
	fd[1] = accepted(server, &peer[1]);
	ASSERT_LE(0, fd[1]);
	EXPECT_EQ(1, pool_in_use("p"));
	ASSERT_EQ(0, lease_of(fd[0], &lease));
	EXPECT_EQ(3, lease.sockets);
	close(server);
	EXPECT_EQ(1, is_plumbed(text));
	EXPECT_TRUE(talks(fd[0], peer[0]));
	EXPECT_TRUE(talks(fd[1], peer[1]));
	close(peer[0]);
	EXPECT_EQ(0, try_recv(fd[0], 0));
	close(fd[0]);
	sleep_ms(50);
	EXPECT_EQ(1, is_plumbed(text));
	EXPECT_TRUE(talks(fd[1], peer[1]));
	close(peer[1]);
	EXPECT_EQ(0, try_recv(fd[1], 0));
	close(fd[1]);
	ALL_BACK(3000);
}

/* Children gone, the listener goes on with the same address. */
TEST_F(life, listener_outlives_children)
{
	int server, fd, peer, i;

	ASSERT_EQ(0, pool_add(POOL));
	server = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, listen(server, 5));
	char *text = strdup(local_text(server));
	for (i = 0; i < 5; i++) {
		fd = accepted(server, &peer);
		ASSERT_LE(0, fd);
		EXPECT_TRUE(talks(fd, peer));
		set_reset(fd);
		close(fd);
		close(peer);
		EXPECT_EQ(1, is_plumbed(text));
		EXPECT_STREQ(text, local_text(server));
	}
	close(server);
	ALL_BACK(2000);
}

TEST_F(life, listener_shut_down_and_used_again)
{
	int server, fd, peer;
	struct conn c;

	ASSERT_EQ(0, pool_add(POOL));
	server = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, try_bind(server, ANY(80)));
	ASSERT_EQ(0, listen(server, 5));
	char *text = strdup(local_text(server));
	ASSERT_EQ(0, shutdown(server, SHUT_RDWR));
	EXPECT_EQ(1, is_plumbed(text));
	EXPECT_TRUE(has_lease(server));
	ASSERT_EQ(0, listen(server, 5));
	EXPECT_STREQ(text, local_text(server));
	fd = accepted(server, &peer);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(talks(fd, peer));
	set_reset(fd);
	close(fd);
	/* now as a client */
	ASSERT_EQ(0, shutdown(server, SHUT_RDWR));
	ASSERT_EQ(0, conn_open(&c, server, variant->family, 0));
	EXPECT_STREQ(text, local_text(server));
	EXPECT_TRUE(talks(c.fd, c.peer));
	set_reset(c.fd);
	close(c.fd);
	ALL_BACK(2000);
}

static void *accept_all(void *arg)
{
	int server = *(int *)arg, fd;

	while ((fd = accept(server, NULL, NULL)) >= 0) {
		set_reset(fd);
		close(fd);
	}
	return NULL;
}

TEST_F(life, accept_against_close)
{
	int server, peer[4], round, i;
	pthread_t thread[2];
	struct addr at;

	ASSERT_EQ(0, pool_add(POOL));
	for (round = 0; round < 30; round++) {
		server = OPEN(SOCK_STREAM);
		ASSERT_EQ(0, listen(server, 5));
		at = local_address(server);
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_create(&thread[i], NULL,
						    accept_all, &server));
		for (i = 0; i < 4; i++) {
			peer[i] = peer_socket(variant->family, SOCK_STREAM |
					      SOCK_NONBLOCK, 0);
			try_connect(peer[i], at);
		}
		if (round & 1)
			usleep(round * 20);
		shutdown(server, SHUT_RDWR);
		for (i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		close(server);
		for (i = 0; i < 4; i++)
			close(peer[i]);
	}
	ALL_BACK(5000);
}

struct joining {
	int domain;
	struct inet_tuple_addr addr;	/* of whom they join, as far as known */
	int stop;
};

static void *join_all(void *arg)
{
	struct joining *j = arg;
	int fd;

	while (!__atomic_load_n(&j->stop, __ATOMIC_RELAXED)) {
		fd = socket(j->domain, SOCK_DGRAM, 0);
		sched_yield();
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void *kill_all(void *arg)
{
	struct inet_tuple_handle *h = pool_handle();
	struct joining *j = arg;

	while (!__atomic_load_n(&j->stop, __ATOMIC_RELAXED))
		inet_tuple_lease_kill(h, &j->addr);
	inet_tuple_handle_close(h);
	return NULL;
}

/* A lease that is taken from those who are just joining others */
TEST_F(life, join_against_kill)
{
	struct joining j = { .domain = variant->domain };
	pthread_t thread[3];
	long end;
	int i, fd;

	ASSERT_EQ(0, pool_add(POOL "scope user"));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL,
					    i ? join_all : kill_all, &j));
	for (end = now_ms() + 2000; now_ms() < end; sleep_ms(1)) {
		fd = try_socket(variant->domain, SOCK_DGRAM, 0);
		if (fd < 0)
			continue;
		j.addr = tuple_addr_of(local_text(fd));
		close(fd);
	}
	__atomic_store_n(&j.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	ALL_BACK(5000);
}

/* The file is not the socket. */

TEST_F(life, dup)
{
	int fd, other;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_DGRAM);
	other = dup(fd);
	char *text = strdup(local_text(fd));
	close(fd);
	EXPECT_EQ(1, is_plumbed(text));
	EXPECT_STREQ(text, local_text(other));
	EXPECT_EQ(1, try_sendto(other, "x", PEER(9)));
	close(other);
	/* what it sent may wait for the neighbour */
	ALL_BACK(5000);
}

TEST_F(life, fork)
{
	int fd, p[2];
	pid_t pid;
	char ch;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_DGRAM);
	char *text = strdup(local_text(fd));
	ASSERT_EQ(0, pipe(p));
	pid = child_start();
	if (!pid) {
		close(p[1]);
		_exit(read(p[0], &ch, 1) ? 1 : strcmp(text, local_text(fd)));
	}
	close(fd);
	EXPECT_EQ(1, is_plumbed(text));
	EXPECT_EQ(1, pool_in_use("p"));
	close(p[1]);
	EXPECT_EQ(0, child_end(pid));
	ALL_BACK(1000);
}

TEST_F(life, passed_to_another)
{
	int fd, pair[2];
	char ch = 'x', control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { &ch, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);

	ASSERT_EQ(0, pool_add(POOL));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	fd = OPEN(SOCK_DGRAM);
	char *text = strdup(local_text(fd));
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	ASSERT_EQ(1, sendmsg(pair[0], &msg, 0));
	close(fd);
	/* on its way */
	EXPECT_EQ(1, is_plumbed(text));
	ASSERT_EQ(1, recvmsg(pair[1], &msg, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	EXPECT_STREQ(text, local_text(fd));
	EXPECT_EQ(0, try_connect(fd, PEER(9)));
	close(fd);
	ALL_BACK(1000);
}

/* Never received: the garbage collector of AF_UNIX sockets ends it. */
TEST_F(life, passed_to_nobody)
{
	int fd, pair[2];
	char ch = 'x', control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { &ch, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);

	ASSERT_EQ(0, pool_add(POOL));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	fd = OPEN(SOCK_DGRAM);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	ASSERT_EQ(1, sendmsg(pair[0], &msg, 0));
	close(fd);
	close(pair[0]);
	close(pair[1]);
	ALL_BACK(2000);
}

/* What a process leaves behind that is killed */
TEST_F_TIMEOUT(life, killed_with_a_thousand, 600)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM }, i, fd, p[2];
	pid_t pid;
	char ch;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.4.0/22 "
			      "prefix 2001:db8::4:0/118 quarantine 0"));
	ASSERT_EQ(0, pipe(p));
	pid = child_start();
	if (!pid) {
		for (i = 0; i < 1000; i++) {
			fd = try_socket(variant->domain, types[i & 1], 0);
			if (fd < 0 || (i % 4 == 2 && listen(fd, 1)))
				_exit(1);
		}
		if (write(p[1], "x", 1) != 1)
			_exit(2);
		pause();
	}
	close(p[1]);
	ASSERT_EQ(1, read(p[0], &ch, 1));
	EXPECT_EQ(1000, pool_in_use("p"));
	EXPECT_EQ(self->addresses + 1000, count_addresses());
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, child_end(pid));
	ALL_BACK(30000);
}

/* Quarantine */

TEST_F(life, quarantine)
{
	int fd;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.1.1/32 "
			      "prefix 2001:db8::1:1/128 quarantine 700"));
	fd = OPEN(SOCK_DGRAM);
	char *text = strdup(local_text(fd));
	close(fd);
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_EQ(INET_TUPLE_LEASE_QUARANTINE, lease_state(text));
	EXPECT_EQ(1, pool_resting("p"));
	EXPECT_EQ(-EADDRNOTAVAIL, try_socket(variant->domain, SOCK_DGRAM, 0));
	EXPECT_TRUE(within(5000, lease_state(text) == -ENOENT));
	fd = OPEN(SOCK_DGRAM);
	EXPECT_STREQ(text, local_text(fd));
}

/* By default only what was connected rests. */
TEST_F(life, quarantine_by_default)
{
	int fd;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.1.1/32 "
			      "prefix 2001:db8::1:1/128"));
	fd = OPEN(SOCK_DGRAM);
	char *text = strdup(local_text(fd));
	ASSERT_EQ(1, try_sendto(fd, "x", PEER(9)));
	close(fd);
	EXPECT_TRUE(within(5000, lease_state(text) == -ENOENT));
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, try_connect(fd, PEER(9)));
	close(fd);
	EXPECT_EQ(INET_TUPLE_LEASE_QUARANTINE, lease_state(text));
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_EQ(-EADDRNOTAVAIL, try_socket(variant->domain, SOCK_DGRAM, 0));
}

/* How long they rest is asked anew when it changes. */
TEST_F(life, quarantine_changed)
{
	char *text[2];
	int fd[2], i;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.1.0/28 "
			      "prefix 2001:db8::1:0/124 quarantine 100000"));
	for (i = 0; i < 2; i++) {
		fd[i] = OPEN(SOCK_DGRAM);
		text[i] = strdup(local_text(fd[i]));
	}
	for (i = 0; i < 2; i++)
		close(fd[i]);
	ASSERT_EQ(0, pool_set("p quarantine 50000"));
	sleep_ms(100);
	EXPECT_EQ(2, pool_resting("p"));
	ASSERT_EQ(0, pool_set("p quarantine 10"));
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(within(1000, lease_state(text[i]) == -ENOENT));
	EXPECT_EQ(0, pool_resting("p"));
	/* and longer: the timer has been set for what was */
	ASSERT_EQ(0, pool_set("p quarantine 300"));
	close(OPEN(SOCK_DGRAM));
	ASSERT_EQ(0, pool_set("p quarantine 100000"));
	sleep_ms(600);
	EXPECT_EQ(1, pool_resting("p"));
}

/* Warm: on the device for the next one */

#define WARM	"p dev eth0 prefix 10.64.1.0/28 prefix 2001:db8::1:0/124 "
#define IS_WARM(text)	(lease_state(text) == INET_TUPLE_LEASE_WARM &&	\
			 is_plumbed(text) == 1)

/* An address that a socket had, and that is warm; of the caller */
#define LEFT_WARM() ({							\
	int __left = OPEN(SOCK_DGRAM);					\
	char *__text = strdup(local_text(__left));			\
	close(__left);							\
	EXPECT_TRUE(IS_WARM(__text));					\
	__text; })

#define GOES(text)							\
	EXPECT_TRUE(within(5000, lease_state(text) == -ENOENT &&	\
			   !is_plumbed(text)))

static int hears_peer(int family, int fd)
{
	struct addr to = local_address(fd);
	char buf[4];
	int peer, n;

	go_to_peer();
	peer = try_socket(family, SOCK_DGRAM, 0);
	go_home();
	n = try_sendto(peer, "x", to);
	close(peer);
	return n == 1 ? recv(fd, buf, sizeof(buf), 0) : n;
}

/* The next socket gets it, in whatever order; and it was free all the time. */
TEST_F(life, warm)
{
	char *text;
	long free;
	int fd, i;

	ASSERT_EQ(0, pool_add(WARM "warm 100000"));
	free = pool_num("p", INET_TUPLE_A_POOL_FREE);
	text = LEFT_WARM();
	EXPECT_EQ(0, pool_in_use("p"));
	EXPECT_EQ(0, pool_resting("p"));
	EXPECT_EQ(free, pool_num("p", INET_TUPLE_A_POOL_FREE));
	for (i = 0; i < 3; i++) {
		fd = OPEN(SOCK_DGRAM);
		EXPECT_STREQ(text, local_text(fd));
		EXPECT_EQ(INET_TUPLE_LEASE_ACTIVE, lease_state(text));
		EXPECT_EQ(1, pool_in_use("p"));
		EXPECT_EQ(free - 1, pool_num("p", INET_TUPLE_A_POOL_FREE));
		ASSERT_EQ(0, try_bind(fd, ANY(0)));
		EXPECT_EQ(1, hears_peer(variant->family, fd));
		close(fd);
		EXPECT_TRUE(IS_WARM(text));
	}
	EXPECT_EQ(self->addresses + 1, count_addresses());
}

/* The one that has been warm for longest, first; then what is cold */
TEST_F(life, warm_order)
{
	char *text[3];
	int fd[4], i;

	ASSERT_EQ(0, pool_add(WARM "warm 100000"));
	for (i = 0; i < 3; i++) {
		fd[i] = OPEN(SOCK_DGRAM);
		text[i] = strdup(local_text(fd[i]));
	}
	for (i = 2; i >= 0; i--)
		close(fd[i]);
	EXPECT_EQ(self->addresses + 3, count_addresses());
	for (i = 2; i >= 0; i--) {
		fd[i] = OPEN(SOCK_DGRAM);
		EXPECT_STREQ(text[i], local_text(fd[i]));
	}
	fd[3] = OPEN(SOCK_DGRAM);
	EXPECT_EQ(self->addresses + 4, count_addresses());
}

TEST_F(life, warm_ends)
{
	char *text;

	ASSERT_EQ(0, pool_add(WARM "warm 700"));
	text = LEFT_WARM();
	GOES(text);
	EXPECT_EQ(self->addresses, count_addresses());
	/* and so does what is asked for less time, or for none */
	ASSERT_EQ(0, pool_set("p warm 100000"));
	text = LEFT_WARM();
	ASSERT_EQ(0, pool_set("p warm 50"));
	GOES(text);
	ASSERT_EQ(0, pool_set("p warm 100000"));
	text = LEFT_WARM();
	ASSERT_EQ(0, pool_set("p warm 0"));
	GOES(text);
	close(OPEN(SOCK_DGRAM));
	EXPECT_EQ(self->addresses, count_addresses());
}

/* What is to rest is not warm; nor what was killed. */
TEST_F(life, warm_or_not)
{
	char *text;
	int fd;

	ASSERT_EQ(0, pool_add(WARM "warm 100000"));
	fd = OPEN(SOCK_DGRAM);
	text = strdup(local_text(fd));
	ASSERT_EQ(0, try_connect(fd, PEER(9)));
	close(fd);
	EXPECT_EQ(INET_TUPLE_LEASE_QUARANTINE, lease_state(text));
	EXPECT_EQ(0, is_plumbed(text));
	ASSERT_EQ(0, pool_set("p quarantine 0"));
	fd = OPEN(SOCK_DGRAM);
	text = strdup(local_text(fd));
	ASSERT_EQ(0, try_connect(fd, PEER(9)));
	close(fd);
	EXPECT_TRUE(IS_WARM(text));
	fd = OPEN(SOCK_DGRAM);
	ASSERT_STREQ(text, local_text(fd));
	ASSERT_EQ(0, lease_kill(text));
	GOES(text);
	close(fd);
	ASSERT_EQ(0, pool_set("p quarantine 100000"));
	fd = OPEN(SOCK_DGRAM);
	text = strdup(local_text(fd));
	close(fd);
	EXPECT_EQ(INET_TUPLE_LEASE_QUARANTINE, lease_state(text));
}

/* What TCP still answers from is not, until it is done. */
TEST_F(life, warm_after_tcp)
{
	struct conn c;
	char *text;

	ASSERT_EQ(0, pool_add(WARM "warm 100000 quarantine 0"));
	CONNECT(&c);
	text = strdup(local_text(c.fd));
	set_reset(c.fd);
	close(c.fd);
	EXPECT_TRUE(within(3000, IS_WARM(text)));
	CONNECT(&c);
	EXPECT_STREQ(text, local_text(c.fd));
	close(c.fd);
	EXPECT_FALSE(IS_WARM(text));
	EXPECT_TRUE(is_plumbed(text));
}

/* It is asked for by its name. */
TEST_F(life, warm_wanted)
{
	char *text[2];
	int fd[2], i;

	ASSERT_EQ(0, pool_add(WARM "warm 100000 assign bind"));
	for (i = 0; i < 2; i++) {
		fd[i] = OPEN(SOCK_DGRAM);
		ASSERT_EQ(0, try_bind(fd[i], ANY(0)));
		text[i] = strdup(local_text(fd[i]));
	}
	close(fd[0]);
	close(fd[1]);
	fd[0] = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, try_bind(fd[0], address(variant->family, text[1], 0)));
	EXPECT_EQ(INET_TUPLE_LEASE_ACTIVE, lease_state(text[1]));
	EXPECT_TRUE(IS_WARM(text[0]));
	fd[1] = OPEN(SOCK_DGRAM);
	EXPECT_EQ(-EADDRINUSE, try_bind(fd[1], address(variant->family,
						       text[1], 0)));
}

/* Who waits for an address gets one that is warm. */
TEST_F(life, warm_is_waited_for)
{
	char *text;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, pool_add("p dev eth0 prefix 10.64.1.1/32 "
			      "prefix 2001:db8::1:1/128 warm 100000 wait 20000"));
	text = LEFT_WARM();
	fd = OPEN(SOCK_DGRAM);
	EXPECT_STREQ(text, local_text(fd));
	pid = child_start();
	if (!pid) {
		int other;

		close(fd);
		other = try_socket(variant->domain, SOCK_DGRAM, 0);
		_exit(other < 0 || strcmp(text, local_text(other)));
	}
	sleep_ms(300);
	close(fd);
	EXPECT_EQ(0, child_end(pid));
}

/* A shared one is that of its scope, until another takes it. */
TEST_F(life, warm_shared)
{
	char *text;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, pool_add(WARM "warm 100000 scope process quota 1"));
	text = LEFT_WARM();
	fd = OPEN(SOCK_DGRAM);
	EXPECT_STREQ(text, local_text(fd));
	close(fd);
	pid = child_start();
	if (!pid) {
		fd = try_socket(variant->domain, SOCK_DGRAM, 0);
		_exit(fd < 0 || strcmp(text, local_text(fd)));
	}
	EXPECT_EQ(0, child_end(pid));
	EXPECT_TRUE(IS_WARM(text));
	/* what it had is not in the way of what it asks for */
	ASSERT_EQ(0, pool_set("p assign bind"));
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, try_bind(fd, ANY(0)));
	text = strdup(local_text(fd));
	close(fd);
	EXPECT_TRUE(IS_WARM(text));
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, try_bind(fd, address(variant->family,
					  variant->family == AF_INET ?
					  "10.64.1.9" : "2001:db8::1:9", 0)));
	EXPECT_TRUE(IS_WARM(text));
	close(fd);
	ASSERT_EQ(0, pool_set("p assign create"));
	ASSERT_EQ(0, pool_set("p quota 0"));
	EXPECT_EQ(-EDQUOT, try_socket(variant->domain, SOCK_DGRAM, 0));
	EXPECT_TRUE(IS_WARM(text));
}

/* The administrator takes it, excludes it, adds it himself, drains the pool. */
TEST_F(life, warm_and_admin)
{
	int len = variant->family == AF_INET ? 32 : 128, fd;
	char spec[100], *text;

	ASSERT_EQ(0, pool_add(WARM "warm 100000"));
	text = LEFT_WARM();
	ASSERT_EQ(0, address_change(RTM_DELADDR, "eth0", text, len));
	GOES(text);
	text = LEFT_WARM();
	snprintf(spec, sizeof(spec), "p exclude %s/%d", text, len);
	ASSERT_EQ(0, pool_set(spec));
	GOES(text);
	fd = OPEN(SOCK_DGRAM);
	EXPECT_STRNE(text, local_text(fd));
	close(fd);
	text = LEFT_WARM();
	ASSERT_EQ(0, address_change(RTM_NEWADDR, "lo", text, len));
	EXPECT_TRUE(within(5000, lease_state(text) == -ENOENT));
	fd = OPEN(SOCK_DGRAM);
	EXPECT_STRNE(text, local_text(fd));
	EXPECT_TRUE(is_plumbed(text));
	ASSERT_EQ(0, address_change(RTM_DELADDR, "lo", text, len));
	close(fd);
	text = LEFT_WARM();
	ASSERT_EQ(0, pool_set("p state draining"));
	EXPECT_EQ(-ENOENT, lease_state(text));
	EXPECT_EQ(-EADDRNOTAVAIL, try_socket(variant->domain, SOCK_DGRAM, 0));
	EXPECT_EQ(self->addresses, count_addresses());
}

/* A prefix goes, a device, and the pool. */
TEST_F(life, warm_and_world)
{
	char *text;
	int fd;

	ASSERT_EQ(0, pool_add(WARM "warm 100000"));
	text = LEFT_WARM();
	ASSERT_EQ(0, pool_set("p -prefix 10.64.1.0/28 "
			      "-prefix 2001:db8::1:0/124 "
			      "prefix 10.64.2.0/28 prefix 2001:db8::2:0/124"));
	EXPECT_EQ(-ENOENT, lease_state(text));
	EXPECT_EQ(0, is_plumbed(text));
	/* away and back, which leaves it as it was */
	text = LEFT_WARM();
	ASSERT_EQ(0, pool_set("p -prefix 10.64.2.0/28 "
			      "-prefix 2001:db8::2:0/124"));
	ASSERT_EQ(0, pool_set("p prefix 10.64.2.0/28 prefix 2001:db8::2:0/124"));
	fd = OPEN(SOCK_DGRAM);
	EXPECT_EQ(1, pool_in_use("p"));
	close(fd);
	/* plumbed otherwise, with nobody in the way */
	ASSERT_EQ(0, pool_set("p plumb prefix warm 0"));
	close(OPEN(SOCK_DGRAM));
	EXPECT_EQ(self->addresses, count_addresses());
	ASSERT_EQ(0, pool_set("p plumb address warm 100000"));
	text = LEFT_WARM();
	link_up("eth0", 0);
	GOES(text);
	EXPECT_EQ(-ENETDOWN, try_socket(variant->domain, SOCK_DGRAM, 0));
	link_up("eth0", 1);
	fd = OPEN(SOCK_DGRAM);
	EXPECT_EQ(1, is_plumbed(local_text(fd)));
	close(fd);
	text = LEFT_WARM();
	ASSERT_EQ(0, pool_del("p", false));
	EXPECT_EQ(0, is_plumbed(text));
}

TEST_F(life, warm_refused)
{
	ASSERT_EQ(0, pool_add(WARM));
	EXPECT_EQ(-EINVAL, pool_set("p warm 5 plumb prefix"));
	ASSERT_EQ(0, pool_set("p warm 5"));
	EXPECT_EQ(-EINVAL, pool_set("p plumb prefix"));
	EXPECT_EQ(5, pool_num("p", INET_TUPLE_A_POOL_WARM));
	ASSERT_EQ(0, pool_set("p plumb prefix warm 0"));
}

/* Taking leases away */

TEST_F(life, pool_del_busy)
{
	int fd;

	ASSERT_EQ(0, pool_add(POOL));
	fd = OPEN(SOCK_STREAM);
	EXPECT_EQ(-EBUSY, pool_del("p", false));
	EXPECT_TRUE(has_lease(fd));
	EXPECT_EQ(1, is_plumbed(local_text(fd)));
	ASSERT_EQ(0, listen(fd, 1));
	close(fd);
	EXPECT_EQ(0, pool_del("p", false));
	EXPECT_EQ(self->addresses, count_addresses());
}

struct blocked {
	pthread_t thread;
	int fd;
	int err;
	int how;	/* recv, accept, poll */
	short revents;
	long took;
};

static void *block(void *arg)
{
	struct blocked *b = arg;
	struct pollfd p = { .fd = b->fd, .events = POLLIN };
	long start = now_ms();

	if (b->how == 0)
		b->err = try_recv(b->fd, 0);
	else if (b->how == 1)
		b->err = accept(b->fd, NULL, NULL) < 0 ? -errno : 0;
	else
		b->err = poll(&p, 1, 10000);
	b->revents = p.revents;
	b->took = now_ms() - start;
	return NULL;
}

#define BLOCK(b, f, h) do {						\
	(b)->fd = f;							\
	(b)->how = h;							\
	ASSERT_EQ(0, pthread_create(&(b)->thread, NULL, block, b));	\
} while (0)

TEST_F(life, pool_del_force)
{
	struct blocked b[4];
	struct conn c, d;
	int udp, server, plain, i;

	ASSERT_EQ(0, pool_add(POOL));
	CONNECT(&c);
	CONNECT(&d);
	udp = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, try_bind(udp, ANY(53)));
	server = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, listen(server, 5));
	plain = OPEN(SOCK_STREAM);
	BLOCK(&b[0], c.fd, 0);
	BLOCK(&b[1], udp, 0);
	BLOCK(&b[2], server, 1);
	BLOCK(&b[3], d.fd, 2);
	sleep_ms(100);
	EXPECT_EQ(0, pool_del("p", true));
	EXPECT_EQ(self->addresses, count_addresses());
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(b[i].thread, NULL));
		EXPECT_GT(8000, b[i].took)
			TH_LOG("blocked %d", i);
	}
	EXPECT_EQ(-ECONNABORTED, b[0].err);
	EXPECT_EQ(-ECONNABORTED, b[1].err);
	/* as after ss -K, a listener is shut down */
	EXPECT_GT(0, b[2].err);
	EXPECT_NE(-EAGAIN, b[2].err);
	EXPECT_EQ(1, b[3].err);
	EXPECT_NE(0, b[3].revents & (POLLERR | POLLHUP));
	EXPECT_EQ(ECONNABORTED, get_int(d.fd, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(-ECONNRESET, try_recv(c.peer, 0));
	EXPECT_FALSE(has_lease(c.fd));
	EXPECT_FALSE(has_lease(plain));
	/* no pool, no lease: and nothing worse */
	EXPECT_EQ(0, disconnect(c.fd));
	EXPECT_EQ(-EADDRNOTAVAIL, try_connect(plain, PEER(9)));
	EXPECT_EQ(-EADDRNOTAVAIL, try_connect(c.fd, PEER(9)));
	EXPECT_EQ(-EADDRNOTAVAIL, try_sendto(udp, "x", PEER(9)));
	ASSERT_EQ(0, pool_add(POOL));
	EXPECT_EQ(1, try_sendto(udp, "x", PEER(9)));
	EXPECT_EQ(1, is_plumbed(local_text(udp)));
}

/* An orphan is nobody's to wait for. */
TEST_F(life, pool_del_force_orphan)
{
	struct conn c;

	ASSERT_EQ(0, pool_add(POOL));
	CONNECT(&c);
	peer_link(0);
	ASSERT_EQ(3, send(c.fd, "abc", 3, 0));
	close(c.fd);
	EXPECT_EQ(-EBUSY, pool_del("p", false));
	EXPECT_EQ(0, pool_del("p", true));
	EXPECT_EQ(self->addresses, count_addresses());
}

TEST_F(life, lease_kill)
{
	struct blocked b;
	struct conn c, other, again;

	ASSERT_EQ(0, pool_add(POOL));
	CONNECT(&c);
	CONNECT(&other);
	char *text = strdup(local_text(c.fd));
	BLOCK(&b, c.fd, 0);
	sleep_ms(100);
	EXPECT_EQ(0, lease_kill(text));
	ASSERT_EQ(0, pthread_join(b.thread, NULL));
	EXPECT_EQ(-ECONNABORTED, b.err);
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_EQ(1, pool_in_use("p"));
	EXPECT_EQ(-ECONNRESET, try_recv(c.peer, 0));
	EXPECT_TRUE(talks(other.fd, other.peer));
	EXPECT_EQ(-ENOENT, lease_kill(text));
	/* a new one at the next use, which is as after any reset */
	EXPECT_FALSE(has_lease(c.fd));
	EXPECT_EQ(0, disconnect(c.fd));
	ASSERT_EQ(0, conn_open(&again, c.fd, variant->family, 0));
	EXPECT_TRUE(talks(again.fd, again.peer));
	EXPECT_EQ(2, pool_in_use("p"));
	EXPECT_EQ(1, is_plumbed(local_text(c.fd)));
}

TEST_F(life, lease_kill_udp)
{
	int fd, server;

	ASSERT_EQ(0, pool_add(POOL));
	server = peer_server(variant->family, SOCK_DGRAM, 0, 0);
	fd = OPEN(SOCK_DGRAM);
	ASSERT_EQ(0, try_connect(fd, PEER(local_port(server))));
	char *text = strdup(local_text(fd));
	EXPECT_EQ(0, lease_kill(text));
	EXPECT_EQ(-ECONNABORTED, try_recv(fd, MSG_DONTWAIT));
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_EQ(0, pool_in_use("p"));
	ASSERT_EQ(1, try_sendto(fd, "x", PEER(local_port(server))));
	EXPECT_EQ(1, try_recv(server, 0));
	EXPECT_EQ(1, pool_in_use("p"));
	EXPECT_EQ(1, is_plumbed(local_text(fd)));
}

/* It is in a table from the start, and the kill takes it out. */
TEST_F(life, lease_kill_raw)
{
	int header = variant->family == AF_INET ? 20 : 0, fd, server;
	struct addr from = { .len = sizeof(from.ss) };
	char buf[64];

	ASSERT_EQ(0, pool_add(POOL));
	server = peer_server(variant->family, SOCK_RAW, 253, 0);
	ASSERT_LE(0, server);
	fd = try_socket(variant->domain, SOCK_RAW, 253);
	ASSERT_LE(0, fd);
	limit_waits(fd);
	char *text = strdup(local_text(fd));
	EXPECT_EQ(0, lease_kill(text));
	EXPECT_EQ(-ECONNABORTED, try_recv(fd, MSG_DONTWAIT));
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_EQ(0, pool_in_use("p"));
	ASSERT_EQ(1, try_sendto(fd, "x", PEER(0)));
	ASSERT_EQ(header + 1, recvfrom(server, buf, sizeof(buf), 0, &from.sa,
				       &from.len));
	EXPECT_STREQ(local_text(fd), text_of(&from));
	ASSERT_EQ(4, try_sendto(server, "back", from));
	EXPECT_EQ(header + 4, try_recv(fd, 0));
	EXPECT_EQ(1, pool_in_use("p"));
}

TEST_F(life, lease_kill_listener)
{
	int server, fd, peer;

	ASSERT_EQ(0, pool_add(POOL));
	server = OPEN(SOCK_STREAM);
	ASSERT_EQ(0, try_bind(server, ANY(80)));
	ASSERT_EQ(0, listen(server, 5));
	fd = accepted(server, &peer);
	ASSERT_LE(0, fd);
	char *text = strdup(local_text(server));
	EXPECT_EQ(0, lease_kill(text));
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_EQ(-ECONNABORTED, try_recv(fd, 0));
	EXPECT_EQ(-ECONNRESET, try_recv(peer, 0));
	EXPECT_EQ(0, pool_in_use("p"));
	EXPECT_EQ(0, local_port(server));
	ASSERT_EQ(0, disconnect(server));
	ASSERT_EQ(0, try_bind(server, ANY(81)));
	ASSERT_EQ(0, listen(server, 5));
	fd = accepted(server, &peer);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(talks(fd, peer));
	EXPECT_EQ(1, pool_in_use("p"));
}

/* As `ip addr del` does */
TEST_F(life, address_deleted)
{
	struct conn c;

	ASSERT_EQ(0, pool_add(POOL));
	CONNECT(&c);
	char *text = strdup(local_text(c.fd));
	ASSERT_EQ(0, address_change(RTM_DELADDR, "eth0", text,
				    variant->family == AF_INET ? 32 : 128));
	EXPECT_EQ(-ECONNABORTED, try_recv(c.fd, 0));
	ALL_BACK(2000);
}

/* Kernel TLS */

static int tls_on(int fd, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 ci = {
		.info.version = TLS_1_2_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_128,
		.key = "0123456789abcde",
	};

	return setsockopt(fd, SOL_TLS, direction, &ci, sizeof(ci)) ? -errno : 0;
}

static int tls_attach(int fd)
{
	return setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) ?
	       -errno : 0;
}

/* Make both ends of a connection speak TLS; 0 or -errno */
static int tls_both(int a, int b)
{
	return tls_attach(a) ?: tls_attach(b) ?:
	       tls_on(a, TLS_TX) ?: tls_on(a, TLS_RX) ?:
	       tls_on(b, TLS_TX) ?: tls_on(b, TLS_RX);
}

static bool tls_missing(void)
{
	return run("modprobe tls 2>/dev/null");
}

/* Everything that earlier tests left behind is gone: how many hold the module */
static long refs_settle(void)
{
	within(10000, module_refs("inet_tuple") == 0);
	return module_refs("inet_tuple");
}

TEST_F(life, tls)
{
	struct conn c;
	long refs;

	if (tls_missing())
		SKIP(return, "no TLS here");
	ASSERT_EQ(0, pool_add(POOL));
	refs = refs_settle();
	CONNECT(&c);
	ASSERT_EQ(0, tls_both(c.fd, c.peer));
	EXPECT_TRUE(talks(c.fd, c.peer));
	EXPECT_LT(refs, module_refs("inet_tuple"));
	char *text = strdup(local_text(c.fd));
	EXPECT_EQ(1, is_plumbed(text));
	EXPECT_EQ(INET_TUPLE_LEASE_ACTIVE, lease_state(text));
	set_reset(c.fd);
	close(c.fd);
	ALL_BACK(3000);
	EXPECT_TRUE(within(3000, module_refs("inet_tuple") == refs))
		TH_LOG("%ld, before %ld", module_refs("inet_tuple"), refs);
	close(c.peer);
	close(c.listener);
	/* less than none: it is not a module here */
	EXPECT_TRUE(within(5000, module_refs("tls") <= 0));
}

/* The FIN goes through, and what TLS had queued too. */
TEST_F(life, tls_orphan)
{
	char *data = calloc(1, 65536), buf[4096];
	int n, got = 0, much = 1 << 20;
	struct conn c;
	long refs;

	if (tls_missing())
		SKIP(return, "no TLS here");
	ASSERT_EQ(0, pool_add(POOL));
	refs = refs_settle();
	CONNECT(&c);
	ASSERT_EQ(0, setsockopt(c.fd, SOL_SOCKET, SO_SNDBUFFORCE, &much,
				sizeof(much)));
	ASSERT_EQ(0, tls_both(c.fd, c.peer));
	char *text = strdup(local_text(c.fd));
	for (n = 0; n < 4; n++)
		ASSERT_EQ(65536, send(c.fd, data, 65536, 0));
	close(c.fd);
	EXPECT_EQ(1, is_plumbed(text));
	while ((n = recv(c.peer, buf, sizeof(buf), 0)) > 0)
		got += n;
	EXPECT_EQ(0, n);
	EXPECT_EQ(4 * 65536, got);
	set_reset(c.peer);
	close(c.peer);
	ALL_BACK(10000);
	EXPECT_TRUE(within(3000, module_refs("inet_tuple") == refs));
}

static bool module_load(bool load)
{
	return within(10000, !run(load ? "modprobe inet_tuple" :
				  "rmmod inet_tuple 2>/dev/null"));
}

static int inet_tls_talks(int family)
{
	int fd = socket(family, SOCK_STREAM, 0), err;
	struct conn c;

	err = conn_open(&c, fd, family, 0);
	if (!err)
		err = tls_both(c.fd, c.peer);
	if (!err && !talks(c.fd, c.peer))
		err = -EIO;
	set_reset(c.fd);
	close(c.fd);
	close(c.peer);
	close(c.listener);
	return err;
}

/* TLS keeps a copy of the first ops that it sees, and gives them to others. */
TEST_F_TIMEOUT(life, tls_first_of_the_system, 60)
{
	struct conn c;

	if (tls_missing())
		SKIP(return, "no TLS here");
	if (module_refs("tls") < 0)
		SKIP(return, "TLS is part of this kernel: it has seen others");
	ASSERT_TRUE(within(10000, !run("rmmod tls 2>/dev/null")));
	ASSERT_EQ(0, pool_add(POOL));
	CONNECT(&c);
	ASSERT_EQ(0, tls_both(c.fd, c.peer));
	EXPECT_TRUE(talks(c.fd, c.peer));
	EXPECT_EQ(0, inet_tls_talks(variant->family));
	set_reset(c.fd);
	close(c.fd);
	close(c.peer);
	close(c.listener);
	ASSERT_TRUE(module_load(false));
	EXPECT_EQ(0, inet_tls_talks(variant->family));
	ASSERT_TRUE(module_load(true));
	EXPECT_EQ(0, inet_tls_talks(variant->family));
	ASSERT_EQ(0, pool_add(POOL));
	CONNECT(&c);
	ASSERT_EQ(0, tls_both(c.fd, c.peer));
	EXPECT_TRUE(talks(c.fd, c.peer));
}

/* Ops that change: IPv6 to IPv4, MPTCP to TCP */

FIXTURE(change) {
	int addresses;
};

FIXTURE_SETUP(change)
{
	ASSERT_EQ(0, world_open());
	write_file("/proc/sys/net/ipv4/tcp_fin_timeout", "1");
	self->addresses = count_addresses();
	ASSERT_EQ(0, pool_add(POOL));
}

FIXTURE_TEARDOWN(change)
{
}

TEST_F(change, addrform_tcp)
{
	int server = peer_server(AF_INET, SOCK_STREAM, 0, 0), peer, fd;
	long refs = refs_settle();

	fd = try_socket(AF_INET6_TUPLE, SOCK_STREAM, 0);
	limit_waits(fd);
	ASSERT_EQ(0, try_connect(fd, address(AF_INET6, "::ffff:" PEER4,
					     local_port(server))));
	peer = accept(server, NULL, NULL);
	ASSERT_LE(0, peer);
	char *text = strdup(local_text(fd) + 7);	/* ::ffff: */
	ASSERT_EQ(0, set_int(fd, SOL_IPV6, IPV6_ADDRFORM, AF_INET));
	EXPECT_EQ(AF_INET, get_int(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_STREQ(text, local_text(fd));
	EXPECT_TRUE(talks(fd, peer));
	EXPECT_TRUE(has_lease(fd));
	EXPECT_EQ(1, is_plumbed(text));
	set_reset(fd);
	close(fd);
	ALL_BACK(3000);
	EXPECT_TRUE(within(3000, module_refs("inet_tuple") == refs));
}

TEST_F(change, addrform_udp)
{
	int server = peer_server(AF_INET, SOCK_DGRAM, 0, 0), fd;
	struct inet_tuple_lease lease;
	long refs = refs_settle();

	fd = try_socket(AF_INET6_TUPLE, SOCK_DGRAM, 0);
	ASSERT_EQ(0, try_connect(fd, address(AF_INET6, "::ffff:" PEER4,
					     local_port(server))));
	ASSERT_EQ(0, set_int(fd, SOL_IPV6, IPV6_ADDRFORM, AF_INET));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, try_recv(server, 0));
	EXPECT_EQ(0, lease_of(fd, &lease));
	close(fd);
	ALL_BACK(1000);
	EXPECT_TRUE(within(3000, module_refs("inet_tuple") == refs));
}

TEST_F(change, addrform_refused)
{
	int fd = try_socket(AF_INET6_TUPLE, SOCK_STREAM, 0);
	struct conn c;

	ASSERT_EQ(0, conn_open(&c, fd, AF_INET6, 0));
	EXPECT_GT(0, set_int(fd, SOL_IPV6, IPV6_ADDRFORM, AF_INET));
	EXPECT_TRUE(talks(c.fd, c.peer));
	EXPECT_TRUE(has_lease(fd));
}

#define MPTCP() try_socket(AF_INET_TUPLE, SOCK_STREAM, IPPROTO_MPTCP)

TEST_F(change, mptcp_listener)
{
	long refs = refs_settle();
	int fd = MPTCP();

	if (fd == -EPROTONOSUPPORT)
		SKIP(return, "no MPTCP here");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, try_bind(fd, address(AF_INET, NULL, 80)));
	ASSERT_EQ(0, listen(fd, 5));
	EXPECT_EQ(1, is_plumbed(local_text(fd)));
	close(fd);
	ALL_BACK(3000);
	EXPECT_TRUE(within(3000, module_refs("inet_tuple") == refs));
}

TEST_F(change, mptcp_refused)
{
	int fd = MPTCP();

	if (fd == -EPROTONOSUPPORT)
		SKIP(return, "no MPTCP here");
	EXPECT_EQ(-ECONNREFUSED, try_connect(fd, peer_address(AF_INET, 9)));
	EXPECT_EQ(1, pool_in_use("p"));
	close(fd);
	ALL_BACK(5000);
}

TEST_F(change, mptcp_killed)
{
	int fd = MPTCP();
	struct conn c;

	if (fd == -EPROTONOSUPPORT)
		SKIP(return, "no MPTCP here");
	ASSERT_EQ(0, conn_open(&c, fd, AF_INET, IPPROTO_MPTCP));
	EXPECT_TRUE(talks(c.fd, c.peer));
	char *text = strdup(local_text(fd));
	EXPECT_EQ(0, lease_kill(text));
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_EQ(0, pool_in_use("p"));
	EXPECT_FALSE(has_lease(fd));
	close(fd);
	ALL_BACK(5000);
}

/* Nobody can tell it: it keeps its data, and what holds them, for a minute. */
static void orphan_killed(struct __test_metadata *const _metadata, int family,
			  int domain)
{
	long refs = refs_settle();
	int fd = try_socket(domain, SOCK_STREAM, IPPROTO_MPTCP);
	struct conn c;

	if (fd == -EPROTONOSUPPORT)
		SKIP(return, "no MPTCP here");
	ASSERT_EQ(0, conn_open(&c, fd, family, IPPROTO_MPTCP));
	EXPECT_TRUE(talks(c.fd, c.peer));
	char *text = strdup(local_text(fd));
	peer_link(0);
	ASSERT_EQ(3, send(fd, "abc", 3, 0));
	close(fd);
	sleep_ms(500);
	EXPECT_LT(refs, module_refs("inet_tuple"));
	EXPECT_EQ(1, is_plumbed(text));
	EXPECT_EQ(0, lease_kill(text));
	EXPECT_EQ(0, is_plumbed(text));
	EXPECT_TRUE(within(3000, module_refs("inet_tuple") == refs))
		TH_LOG("%ld, before %ld", module_refs("inet_tuple"), refs);
}

TEST_F(change, mptcp_orphan_killed)
{
	orphan_killed(_metadata, AF_INET, AF_INET_TUPLE);
}

TEST_F(change, mptcp_orphan_killed_v6)
{
	orphan_killed(_metadata, AF_INET6, AF_INET6_TUPLE);
}

/* What MPTCP leaves behind is the lease's, whoever holds it last. */
TEST_F(change, mptcp_timewait_of_a_shared_lease)
{
	int fd = MPTCP(), other;
	struct conn c;

	if (fd == -EPROTONOSUPPORT)
		SKIP(return, "no MPTCP here");
	close(fd);
	ASSERT_EQ(0, pool_set("p scope process"));
	fd = MPTCP();
	other = try_socket(AF_INET_TUPLE, SOCK_DGRAM, 0);
	ASSERT_LE(0, other);
	/* the peer's end is TCP, which is gone with its namespace */
	ASSERT_EQ(0, conn_open(&c, fd, AF_INET, 0));
	ASSERT_TRUE(talks(c.fd, c.peer));
	char *text = strdup(local_text(fd));
	ASSERT_STREQ(text, local_text(other));
	close(fd);
	EXPECT_EQ(0, try_recv(c.peer, 0));
	close(c.peer);
	sleep_ms(3000);
	EXPECT_EQ(INET_TUPLE_LEASE_ACTIVE, lease_state(text));
	close(other);
	EXPECT_EQ(INET_TUPLE_LEASE_LINGERING, lease_state(text));
	EXPECT_EQ(1, is_plumbed(text));
}

/* It would connect by a socket that has no lease. */
TEST_F(change, smc)
{
	EXPECT_EQ(-EPROTONOSUPPORT,
		  try_socket(AF_INET_TUPLE, SOCK_STREAM, 256));
	EXPECT_EQ(-EPROTONOSUPPORT,
		  try_socket(AF_INET6_TUPLE, SOCK_STREAM, 256));
}

TEST_F(change, mptcp_child)
{
	int server = MPTCP(), fd, peer;

	if (server == -EPROTONOSUPPORT)
		SKIP(return, "no MPTCP here");
	ASSERT_EQ(0, listen(server, 5));
	peer = peer_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	limit_waits(peer);
	ASSERT_EQ(0, try_connect(peer, local_address(server)));
	fd = accept(server, NULL, NULL);
	ASSERT_LE(0, fd);
	limit_waits(fd);
	char *text = strdup(local_text(fd));
	close(server);
	EXPECT_EQ(1, is_plumbed(text));
	EXPECT_TRUE(talks(fd, peer));
	EXPECT_EQ(0, lease_kill(text));
	close(fd);
	ALL_BACK(5000);
}

#define SCTP(type) try_socket(AF_INET_TUPLE, type, IPPROTO_SCTP)

TEST_F(change, sctp_close)
{
	int fd = SCTP(SOCK_STREAM);
	long refs = refs_settle();
	struct conn c;

	if (fd == -EPROTONOSUPPORT)
		SKIP(return, "no SCTP here");
	close(fd);
	refs = refs_settle();
	fd = SCTP(SOCK_STREAM);
	ASSERT_EQ(0, conn_open(&c, fd, AF_INET, IPPROTO_SCTP));
	EXPECT_TRUE(talks(c.fd, c.peer));
	close(fd);
	EXPECT_EQ(0, try_recv(c.peer, 0));
	close(c.peer);
	close(c.listener);
	ALL_BACK(10000);
	EXPECT_TRUE(within(3000, module_refs("inet_tuple") == refs));
}

TEST_F(change, sctp_child)
{
	int server = SCTP(SOCK_STREAM), fd, peer;

	if (server == -EPROTONOSUPPORT)
		SKIP(return, "no SCTP here");
	ASSERT_EQ(0, listen(server, 5));
	peer = peer_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	limit_waits(peer);
	ASSERT_EQ(0, try_connect(peer, local_address(server)));
	fd = accept(server, NULL, NULL);
	ASSERT_LE(0, fd);
	limit_waits(fd);
	close(server);
	EXPECT_TRUE(talks(fd, peer));
	close(peer);
	EXPECT_EQ(0, try_recv(fd, 0));
	close(fd);
	ALL_BACK(10000);
}

/* It may be another's address by now. */
TEST_F(change, sctp_listener_killed)
{
	int server = SCTP(SOCK_STREAM), peer;
	struct addr at;

	if (server == -EPROTONOSUPPORT)
		SKIP(return, "no SCTP here");
	ASSERT_EQ(0, listen(server, 5));
	at = local_address(server);
	ASSERT_EQ(0, lease_kill(text_of(&at)));
	ASSERT_EQ(0, address_change(RTM_NEWADDR, "eth0", text_of(&at), 32));
	peer = peer_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	limit_waits(peer);
	EXPECT_EQ(-ECONNREFUSED, try_connect(peer, at));
	ASSERT_EQ(0, address_change(RTM_DELADDR, "eth0", text_of(&at), 32));
	close(peer);
	close(server);
}

#define SCTP_GET_ASSOC_ID_LIST 29	/* in headers of its own */
#define SCTP_PEELOFF 102
#define SCTP_CONNECTX 110
#define SCTP_CONNECTX3 111

struct peeloff {
	int32_t assoc, sd;
};

/* A socket of many associations, and one of them peeled off: an ordinary inet
 * socket, which outlives the other, at an address that does not.
 */
TEST_F(change, sctp_peeloff)
{
	int server = SCTP(SOCK_SEQPACKET), fd, peer;
	struct peeloff arg = { .assoc = 0 };
	struct {
		uint32_t n;
		int32_t id[8];
	} ids;
	socklen_t len = sizeof(arg);
	long refs;

	if (server == -EPROTONOSUPPORT)
		SKIP(return, "no SCTP here");
	limit_waits(server);
	ASSERT_EQ(0, listen(server, 5));
	EXPECT_EQ(-1, getsockopt(server, IPPROTO_SCTP, SCTP_PEELOFF, &arg, &len));
	peer = peer_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	limit_waits(peer);
	ASSERT_EQ(0, try_connect(peer, local_address(server)));
	ASSERT_EQ(1, send(peer, "x", 1, 0));
	ASSERT_EQ(1, try_recv(server, 0));
	len = sizeof(ids);
	ASSERT_EQ(0, getsockopt(server, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST,
				&ids, &len));
	ASSERT_EQ(1, ids.n);
	arg.assoc = ids.id[0];
	len = sizeof(arg);
	ASSERT_LE(0, getsockopt(server, IPPROTO_SCTP, SCTP_PEELOFF, &arg, &len))
		TH_LOG("association %d: %s", arg.assoc, strerror(errno));
	fd = arg.sd;
	limit_waits(fd);
	EXPECT_FALSE(has_lease(fd));
	EXPECT_TRUE(talks(fd, peer));
	EXPECT_TRUE(has_lease(server));
	refs = module_refs("inet_tuple");
	close(fd);
	close(peer);
	EXPECT_TRUE(within(3000, module_refs("inet_tuple") == refs));
	close(server);
	ALL_BACK(10000);
}

/* To be connected by an option needs a lease too. */
TEST_F(change, sctp_connectx)
{
	int server, fd = SCTP(SOCK_STREAM), peer;
	struct addr to;

	if (fd == -EPROTONOSUPPORT)
		SKIP(return, "no SCTP here");
	close(fd);
	ASSERT_EQ(0, pool_set("p assign bind"));
	server = peer_server(AF_INET, SOCK_STREAM, IPPROTO_SCTP, 0);
	to = peer_address(AF_INET, local_port(server));
	fd = SCTP(SOCK_STREAM);
	limit_waits(fd);
	EXPECT_FALSE(has_lease(fd));
	/* what it says is the association's number */
	ASSERT_LT(0, setsockopt(fd, IPPROTO_SCTP, SCTP_CONNECTX, &to.sa, to.len));
	EXPECT_TRUE(has_lease(fd));
	peer = accept(server, NULL, NULL);
	ASSERT_LE(0, peer);
	limit_waits(peer);
	EXPECT_TRUE(talks(fd, peer));
	close(fd);
	close(peer);
	close(server);
	ALL_BACK(10000);
}

/* The module stays while it is needed, and not longer. */

FIXTURE(module) {
	int unused;
};

FIXTURE_SETUP(module)
{
	ASSERT_EQ(0, world_open());
	/* above a minute, FIN_WAIT2 has a whole sock */
	write_file("/proc/sys/net/ipv4/tcp_fin_timeout", "100");
	ASSERT_EQ(0, refs_settle());
	ASSERT_EQ(0, pool_add(POOL));
}

FIXTURE_TEARDOWN(module)
{
	run("modprobe inet_tuple");
}

static int module_delete(void)
{
	return syscall(SYS_delete_module, "inet_tuple", O_NONBLOCK) ? -errno : 0;
}

#define IN_USE EXPECT_EQ(-EWOULDBLOCK, module_delete())
#define IN_USE_NO_MORE							\
	EXPECT_TRUE(within(10000, !module_delete()))			\
		TH_LOG("%ld references", module_refs("inet_tuple"))

#define MODULE_CONNECT(c)						\
	ASSERT_EQ(0, conn_open(c, try_socket(AF_INET_TUPLE,		\
					     SOCK_STREAM, 0), AF_INET, 0))

TEST_F(module, pools_do_not_hold_it)
{
	IN_USE_NO_MORE;
}

TEST_F(module, loaded_by_its_family)
{
	IN_USE_NO_MORE;
	ASSERT_EQ(0, write_file("/proc/sys/kernel/modprobe", "/bin/false"));
	EXPECT_EQ(-EAFNOSUPPORT, try_socket(AF_INET_TUPLE, SOCK_STREAM, 0));
	EXPECT_EQ(-EAFNOSUPPORT, try_socket(AF_INET6_TUPLE, SOCK_STREAM, 0));
	ASSERT_EQ(0, write_file("/proc/sys/kernel/modprobe", "/sbin/modprobe"));
	EXPECT_EQ(-EADDRNOTAVAIL, try_socket(AF_INET6_TUPLE, SOCK_STREAM, 0));
	EXPECT_EQ(0, module_refs("inet_tuple"));
}

TEST_F(module, open_socket)
{
	int fd = try_socket(AF_INET_TUPLE, SOCK_DGRAM, 0);

	IN_USE;
	/* on no pool's address */
	ASSERT_EQ(0, try_bind(fd, address(AF_INET, "127.0.0.1", 0)));
	IN_USE;
	close(fd);
	IN_USE_NO_MORE;
}

TEST_F(module, leases_are_off_with_it)
{
	int fd = try_socket(AF_INET_TUPLE, SOCK_DGRAM, 0);
	char *text = strdup(local_text(fd));

	close(fd);
	IN_USE_NO_MORE;
	EXPECT_EQ(0, is_plumbed(text));
}

TEST_F(module, fin_wait1)
{
	struct conn c;

	MODULE_CONNECT(&c);
	peer_link(0);
	ASSERT_EQ(3, send(c.fd, "abc", 3, 0));
	close(c.fd);
	IN_USE;
	EXPECT_EQ(0, pool_del("p", true));
	IN_USE_NO_MORE;
}

/* What a closed socket says, and nobody answers, it says again for minutes. */

static void peer_falls_silent(void)
{
	write_file("/proc/sys/net/ipv4/tcp_orphan_retries", "0"); /* that is 8 */
	peer_link(0);
}

TEST_F(module, said_without_a_lease)
{
	int fd = try_socket(AF_INET_TUPLE, SOCK_STREAM, 0);
	struct conn c;

	ASSERT_EQ(0, try_bind(fd, address(AF_INET, HOME4, 0)));
	EXPECT_FALSE(has_lease(fd));
	ASSERT_EQ(0, conn_open(&c, fd, AF_INET, 0));
	peer_falls_silent();
	ASSERT_EQ(3, send(c.fd, "abc", 3, 0));
	IN_USE;
	close(c.fd);
	IN_USE_NO_MORE;
	/* it holds its namespace */
	write_file("/proc/sys/net/ipv4/tcp_orphan_retries", "1");
}

TEST_F(module, said_by_sctp)
{
	int fd = try_socket(AF_INET_TUPLE, SOCK_STREAM, IPPROTO_SCTP);
	struct conn c;

	if (fd == -EPROTONOSUPPORT)
		SKIP(return, "no SCTP here");
	close(fd);
	/* Both do, but for half a minute only. */
	write_file("/proc/sys/net/sctp/rto_max", "3000");
	go_to_peer();
	write_file("/proc/sys/net/sctp/rto_max", "3000");
	go_home();
	fd = try_socket(AF_INET_TUPLE, SOCK_STREAM, IPPROTO_SCTP);
	ASSERT_EQ(0, conn_open(&c, fd, AF_INET, IPPROTO_SCTP));
	peer_falls_silent();
	ASSERT_EQ(3, send(c.fd, "abc", 3, 0));
	close(c.fd);
	IN_USE;
	EXPECT_EQ(0, pool_del("p", true));
	IN_USE_NO_MORE;
}

TEST_F(module, fin_wait2)
{
	struct conn c;

	MODULE_CONNECT(&c);
	close(c.fd);
	EXPECT_EQ(0, try_recv(c.peer, 0));
	sleep_ms(50);
	IN_USE;
	/* the peer still may say something; we do not hear it, but answer */
	set_reset(c.peer);
	close(c.peer);
	IN_USE_NO_MORE;
}

TEST_F(module, close_wait)
{
	struct conn c;

	MODULE_CONNECT(&c);
	close(c.peer);
	EXPECT_EQ(0, try_recv(c.fd, 0));
	IN_USE;
	close(c.fd);
	IN_USE_NO_MORE;
}

TEST_F(module, unaccepted_child)
{
	int fd = try_socket(AF_INET_TUPLE, SOCK_STREAM, 0), peer;

	ASSERT_EQ(0, listen(fd, 5));
	peer = peer_socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, try_connect(peer, local_address(fd)));
	IN_USE;
	close(fd);
	IN_USE_NO_MORE;
}

TEST_F(module, accepted_child)
{
	int server = try_socket(AF_INET_TUPLE, SOCK_STREAM, 0), fd, peer;

	ASSERT_EQ(0, listen(server, 5));
	fd = accepted(server, &peer);
	ASSERT_LE(0, fd);
	close(server);
	IN_USE;
	EXPECT_TRUE(talks(fd, peer));
	set_reset(fd);
	close(fd);
	IN_USE_NO_MORE;
}

TEST_F(module, tls_socket)
{
	struct conn c;

	if (tls_missing())
		SKIP(return, "no TLS here");
	MODULE_CONNECT(&c);
	ASSERT_EQ(0, tls_both(c.fd, c.peer));
	IN_USE;
	EXPECT_TRUE(talks(c.fd, c.peer));
	set_reset(c.fd);
	close(c.fd);
	IN_USE_NO_MORE;
}

/* Its skbs may be on their way when it goes: nothing of it is called then. */
TEST_F(module, udp_in_flight)
{
	int fd = try_socket(AF_INET_TUPLE, SOCK_DGRAM, 0), i;

	for (i = 0; i < 200; i++)
		ASSERT_EQ(1, try_sendto(fd, "x", address(AF_INET, i & 1 ?
					PEER4 : "10.64.255.1", 9)));
	close(fd);
	IN_USE_NO_MORE;
}

static void traffic(struct __test_metadata *_metadata)
{
	int fd, peer, server;
	struct conn c;

	MODULE_CONNECT(&c);
	EXPECT_TRUE(talks(c.fd, c.peer));
	server = try_socket(AF_INET6_TUPLE, SOCK_STREAM, 0);
	ASSERT_LE(0, server);
	ASSERT_EQ(0, listen(server, 5));
	fd = accepted(server, &peer);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(talks(fd, peer));
	close(peer);
	EXPECT_EQ(0, try_recv(fd, 0));
	close(fd);
	close(server);
	fd = try_socket(AF_INET_TUPLE, SOCK_DGRAM, 0);
	EXPECT_EQ(1, try_sendto(fd, "x", peer_address(AF_INET, 9)));
	close(fd);
	close(c.peer);
	EXPECT_EQ(0, try_recv(c.fd, 0));
	close(c.fd);
	close(c.listener);
}

static int is_long(void)
{
	const char *a = getenv("LONG"), *b = getenv("INET_TUPLE_LONG");

	return (a && *a) || (b && *b);
}

TEST_F_TIMEOUT(module, comes_and_goes, 1200)
{
	int rounds = is_long() ? 200 : 10, before = count_addresses(), i;

	for (i = 0; i < rounds; i++) {
		if (i)
			ASSERT_EQ(0, pool_add(POOL));
		traffic(_metadata);
		IN_USE_NO_MORE;
		ASSERT_EQ(before, count_addresses());
		ASSERT_EQ(0, run("modprobe inet_tuple"));
	}
}

TEST_HARNESS_MAIN
