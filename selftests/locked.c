// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done to a socket whose lock its user keeps: in a setsockopt() whose value
 * is on a page that another thread does not hand out. For so long whoever aborts
 * the socket waits, and what the user asks for meanwhile waits behind him.
 */
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include "world.h"

struct keeper {
	pthread_t thread;
	int uffd;
	int fd;
	void *page;
	long size;
};

static void *keeper_main(void *arg)
{
	struct keeper *k = arg;

	setsockopt(k->fd, SOL_IP, IP_OPTIONS, k->page, 40);
	return NULL;
}

static int keeper_register(struct keeper *k)
{
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	k->size = sysconf(_SC_PAGESIZE);
	k->page = mmap(NULL, k->size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	k->uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	area.range.start = (unsigned long)k->page;
	area.range.len = k->size;
	return k->page == MAP_FAILED || k->uffd < 0 ||
	       ioctl(k->uffd, UFFDIO_API, &api) ||
	       ioctl(k->uffd, UFFDIO_REGISTER, &area) ? -errno : 0;
}

/* Has the lock of @fd kept. Return: 0, when it is, or -errno */
static int keep(struct keeper *k, int fd)
{
	struct pollfd fault = { .events = POLLIN };
	int err = keeper_register(k);

	if (err)
		return err;
	k->fd = fd;
	fault.fd = k->uffd;
	if (pthread_create(&k->thread, NULL, keeper_main, k))
		return -EAGAIN;
	return poll(&fault, 1, 10000) == 1 && fault.revents == POLLIN ? 0 :
									-EIO;
}

static void let_go(struct keeper *k)
{
	struct uffdio_zeropage zero = {
		.range = { (unsigned long)k->page, k->size },
	};

	ioctl(k->uffd, UFFDIO_ZEROPAGE, &zero);
	pthread_join(k->thread, NULL);
	close(k->uffd);
	munmap(k->page, k->size);
}

/* A call in a thread of its own */
struct call {
	pthread_t thread;
	int (*what)(struct call *c);
	int fd;
	const char *text;
	int result;
	long took;	/* ms */
};

static void *call_main(void *arg)
{
	struct call *c = arg;
	long start = now_ms();

	c->result = c->what(c);
	c->took = now_ms() - start;
	return NULL;
}

static void call_begin(struct call *c)
{
	if (pthread_create(&c->thread, NULL, call_main, c))
		abort();
	sleep_ms(300);	/* it comes to where it waits */
}

static int call_end(struct call *c)
{
	pthread_join(c->thread, NULL);
	return c->result;
}

static int call_kill(struct call *c)
{
	return lease_kill(c->text);
}

static int call_del(struct call *c)
{
	return pool_del("p", true);
}

static int call_bind(struct call *c)
{
	return try_bind(c->fd, address(AF_INET, NULL, 5000));
}

static int call_bind_address(struct call *c)
{
	return try_bind(c->fd, address(AF_INET, NULL, 0));
}

static int call_listen(struct call *c)
{
	return listen(c->fd, 5) ? -errno : 0;
}

static int call_connect(struct call *c)
{
	return try_connect(c->fd, peer_address(AF_INET, 9));
}

#define POOL	"p dev eth0 prefix 10.64.1.0/28 quarantine 0"

static bool listens(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

/* Whoever is bound, connected or listens has a lease. */
static bool is_well(int fd)
{
	struct addr a = {};

	a.len = sizeof(a.ss);
	return has_lease(fd) ||
	       (!local_port(fd) && !listens(fd) &&
		getpeername(fd, &a.sa, &a.len) && errno == ENOTCONN);
}

FIXTURE(behind) {
};

FIXTURE_VARIANT(behind) {
	int type;
	int (*what)(struct call *c);
};

#define BEHIND(name, t, w) \
	FIXTURE_VARIANT_ADD(behind, name) { .type = t, .what = w }

BEHIND(udp_bind, SOCK_DGRAM, call_bind);
BEHIND(udp_bind_address, SOCK_DGRAM, call_bind_address);
BEHIND(udp_connect, SOCK_DGRAM, call_connect);
BEHIND(tcp_bind, SOCK_STREAM, call_bind);
BEHIND(tcp_bind_address, SOCK_STREAM, call_bind_address);
BEHIND(tcp_listen, SOCK_STREAM, call_listen);

FIXTURE_SETUP(behind)
{
	ASSERT_EQ(0, world_open());
	ASSERT_EQ(0, pool_add(POOL));
}

FIXTURE_TEARDOWN(behind)
{
	EXPECT_TRUE(within(5000, !pool_in_use("p")));
	EXPECT_EQ(0, pool_del("p", true));
}

TEST_F(behind, the_end_of_the_lease)
{
	int fd = try_socket(AF_INET_TUPLE, variant->type, 0), err;
	struct call kill = { .what = call_kill };
	struct call call = { .what = variant->what, .fd = fd };
	struct keeper k;
	struct addr a;

	ASSERT_LE(0, fd);
	kill.text = strdup(local_text(fd));
	err = keep(&k, fd);
	if (err == -ENOSYS) {
		close(fd);
		SKIP(return, "no userfaultfd() here");
	}
	ASSERT_EQ(0, err);
	call_begin(&kill);
	call_begin(&call);
	let_go(&k);
	EXPECT_EQ(0, call_end(&kill));
	err = call_end(&call);
	EXPECT_TRUE(within(3000, is_well(fd)))
		TH_LOG("the call said %d: %s:%d, listens %d", err,
		       local_text(fd), local_port(fd), listens(fd));
	/* and it can be used as a new one */
	get_int(fd, SOL_SOCKET, SO_ERROR);
	if (!has_lease(fd)) {
		a = (struct addr){ .len = sizeof(a.ss) };
		connect(fd, &a.sa, a.len);
		EXPECT_EQ(0, try_bind(fd, address(AF_INET, NULL, 0)));
		EXPECT_TRUE(has_lease(fd));
	}
	close(fd);
}

/* Nothing unbinds SCTP, but it does not listen at what may be another's. */
TEST(sctp_behind_the_end_of_the_lease)
{
	struct call listen = { .what = call_listen };
	struct call kill = { .what = call_kill };
	struct keeper k;
	int fd, err;

	ASSERT_EQ(0, world_open());
	ASSERT_EQ(0, pool_add(POOL));
	fd = try_socket(AF_INET_TUPLE, SOCK_STREAM, IPPROTO_SCTP);
	if (fd == -EPROTONOSUPPORT)
		SKIP(return, "no SCTP here");
	kill.text = strdup(local_text(fd));
	listen.fd = fd;
	err = keep(&k, fd);
	if (err == -ENOSYS)
		SKIP(return, "no userfaultfd() here");
	ASSERT_EQ(0, err);
	call_begin(&kill);
	call_begin(&listen);
	let_go(&k);
	EXPECT_EQ(0, call_end(&kill));
	err = call_end(&listen);
	EXPECT_TRUE(within(3000, !listens(fd) || has_lease(fd)))
		TH_LOG("listen said %d", err);
	close(fd);
}

/* The socket that cannot be aborted protects none of the others. */
TEST(others_are_aborted)
{
	struct call del = { .what = call_del };
	int stuck, other, err;
	struct keeper k;

	ASSERT_EQ(0, world_open());
	ASSERT_EQ(0, pool_add(POOL));
	stuck = try_socket(AF_INET_TUPLE, SOCK_DGRAM, 0);
	other = try_socket(AF_INET_TUPLE, SOCK_DGRAM, 0);
	ASSERT_LE(0, stuck);
	ASSERT_EQ(0, try_connect(other, peer_address(AF_INET, 9)));
	err = keep(&k, stuck);
	if (err == -ENOSYS)
		SKIP(return, "no userfaultfd() here");
	ASSERT_EQ(0, err);
	call_begin(&del);
	EXPECT_EQ(0, call_end(&del));
	EXPECT_LE(2500, del.took);
	EXPECT_GE(20000, del.took);
	EXPECT_TRUE(within(5000, !local_port(other)))
		TH_LOG("it has %s:%d", local_text(other), local_port(other));
	EXPECT_EQ(ECONNABORTED, get_int(other, SOL_SOCKET, SO_ERROR));
	let_go(&k);
	EXPECT_TRUE(within(5000, get_int(stuck, SOL_SOCKET, SO_ERROR) ==
				 ECONNABORTED));
	EXPECT_FALSE(has_lease(stuck));
	close(stuck);
	close(other);
}

static bool tcp_is_there(int port)
{
	char command[64];

	snprintf(command, sizeof(command),
		 "grep -q '^ *[0-9]*: [0-9A-F]*:%04X ' /proc/net/tcp", port);
	return !run(command);
}

/* Closed before it could be aborted, it says no more what nobody answers. */
TEST(what_is_closed_is_aborted)
{
	struct call del = { .what = call_del };
	struct keeper k;
	struct conn c;
	int port, err;

	ASSERT_EQ(0, world_open());
	ASSERT_EQ(0, pool_add(POOL));
	ASSERT_EQ(0, conn_open(&c, try_socket(AF_INET_TUPLE, SOCK_STREAM, 0),
			       AF_INET, 0));
	port = local_port(c.fd);
	write_file("/proc/sys/net/ipv4/tcp_orphan_retries", "0"); /* that is 8 */
	peer_link(0);
	ASSERT_EQ(3, send(c.fd, "abc", 3, 0));
	err = keep(&k, c.fd);
	if (err == -ENOSYS)
		SKIP(return, "no userfaultfd() here");
	ASSERT_EQ(0, err);
	call_begin(&del);
	EXPECT_EQ(0, call_end(&del));
	EXPECT_TRUE(tcp_is_there(port));
	let_go(&k);
	close(c.fd);
	EXPECT_TRUE(within(5000, !tcp_is_there(port)));
}

/* Opens and closes sockets whose addresses stay on the device for a moment only:
 * they are taken off by the pool's work.
 */
static void come_and_go(long end)
{
	int fd[32], i;

	while (now_ms() < end) {
		for (i = 0; i < 32; i++)
			fd[i] = try_socket(AF_INET6_TUPLE, SOCK_DGRAM, 0);
		for (i = 0; i < 32; i++)
			close(fd[i]);
		sleep_ms(10);
	}
	_exit(0);
}

/* However many end, an end is waited for no longer than that. */
TEST(others_come_and_go)
{
	struct call call = { .what = call_kill };
	long end = now_ms() + 20000;
	pid_t pid[6] = {};
	int fd, i;

	ASSERT_EQ(0, world_open());
	ASSERT_EQ(0, pool_add("p dev eth0 prefix 2001:db8::1:0/112 quarantine 0 "
			      "warm 1"));
	fd = try_socket(AF_INET6_TUPLE, SOCK_DGRAM, 0);
	ASSERT_LE(0, fd);
	call.text = strdup(local_text(fd));
	for (i = 0; i < 6; i++) {
		pid[i] = child_start();
		if (!pid[i])
			come_and_go(end);
	}
	sleep_ms(1000);
	call_begin(&call);
	EXPECT_EQ(0, call_end(&call));
	EXPECT_GE(10000, call.took);
	for (i = 0; i < 6; i++) {
		kill(pid[i], SIGKILL);
		child_end(pid[i]);
	}
}

TEST_HARNESS_MAIN
