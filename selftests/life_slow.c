// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a TCP connection leaves behind for a minute. All of it is watched at
 * once, each case by a process in a world of its own; the tests then tell what
 * was seen.
 */
#include <sys/mman.h>
#include <netinet/tcp.h>
#include "world.h"

#define MINUTE	60000
#define EARLY	(MINUTE - 10000)	/* still there */
#define LATE	(MINUTE + 15000)	/* gone, on a slow machine too */

/* A case gives NULL, or what was not so. */
#define STRING(x)	#x
#define AT_LINE(n)	"life_slow.c:" STRING(n) ": "
#define CHECK(cond) do {						\
	if (!(cond))							\
		return AT_LINE(__LINE__) "not so: " #cond;		\
} while (0)

struct what {
	int family;
	const char *pool;
};

#define ONE	"p dev eth0 prefix 10.64.1.1/32 prefix 2001:db8::1:1/128 "

static int tuple_domain(int family)
{
	return family == AF_INET ? AF_INET_TUPLE : AF_INET6_TUPLE;
}

static int one_more(int family)
{
	int fd = try_socket(tuple_domain(family), SOCK_DGRAM, 0);

	if (fd >= 0)
		close(fd);
	return fd;
}

static void sleep_until(long start, long ms)
{
	while (now_ms() - start < ms)
		sleep_ms(100);
}

static long since(long start)
{
	return now_ms() - start;
}

/* From LINGERING now to quarantine in a minute, and to the pool. */
static const char *watch_linger(const char *text, const struct what *w,
				long start)
{
	bool address = !strstr(w->pool, "plumb prefix");

	CHECK(within(3000, lease_state(text) == INET_TUPLE_LEASE_LINGERING));
	CHECK(pool_resting("p") == 1);
	CHECK(pool_in_use("p") == 0);
	CHECK(is_plumbed(text) == address);
	CHECK(one_more(w->family) == -EADDRNOTAVAIL);
	sleep_until(start, EARLY);
	CHECK(lease_state(text) == INET_TUPLE_LEASE_LINGERING);
	CHECK(is_plumbed(text) == address);
	CHECK(one_more(w->family) == -EADDRNOTAVAIL);
	CHECK(within(LATE - since(start),
		     lease_state(text) == INET_TUPLE_LEASE_QUARANTINE));
	CHECK(!is_plumbed(text));
	CHECK(one_more(w->family) == -EADDRNOTAVAIL);
	CHECK(within(20000, lease_state(text) == -ENOENT));
	CHECK(one_more(w->family) >= 0);
	return NULL;
}

static const char *time_wait(const struct what *w)
{
	struct conn c;
	char *text;
	long start;
	int fd;

	CHECK(!pool_add(w->pool));
	fd = try_socket(tuple_domain(w->family), SOCK_STREAM, 0);
	CHECK(!conn_open(&c, fd, w->family, 0));
	CHECK(talks(c.fd, c.peer));
	text = strdup(local_text(fd));
	close(fd);
	CHECK(try_recv(c.peer, 0) == 0);
	start = now_ms();
	close(c.peer);
	return watch_linger(text, w, start);
}

/* shutdown() first: at close() the connection is in TIME_WAIT already. */
static const char *shut_down_first(const struct what *w)
{
	struct conn c;
	char *text;
	long start;
	int fd;

	CHECK(!pool_add(w->pool));
	fd = try_socket(tuple_domain(w->family), SOCK_STREAM, 0);
	CHECK(!conn_open(&c, fd, w->family, 0));
	text = strdup(local_text(fd));
	CHECK(!shutdown(fd, SHUT_WR));
	CHECK(try_recv(c.peer, 0) == 0);
	start = now_ms();
	close(c.peer);
	CHECK(try_recv(fd, 0) == 0);
	sleep_ms(50);
	close(fd);
	return watch_linger(text, w, start);
}

/* It was the child of a listener that is closed. */
static const char *accepted_child(const struct what *w)
{
	int server, fd, peer;
	char *text;
	long start;

	CHECK(!pool_add(w->pool));
	server = try_socket(tuple_domain(w->family), SOCK_STREAM, 0);
	CHECK(!listen(server, 5));
	peer = peer_socket(w->family, SOCK_STREAM, 0);
	limit_waits(peer);
	CHECK(!try_connect(peer, local_address(server)));
	fd = accept(server, NULL, NULL);
	CHECK(fd >= 0);
	text = strdup(local_text(fd));
	close(server);
	close(fd);
	CHECK(try_recv(peer, 0) == 0);
	start = now_ms();
	close(peer);
	return watch_linger(text, w, start);
}

/* Another socket of the scope holds the lease for a moment meanwhile. */
static const char *joined_again(const struct what *w)
{
	struct conn c;
	char *text;
	long start;
	int fd;

	CHECK(!pool_add(w->pool));
	fd = try_socket(tuple_domain(w->family), SOCK_STREAM, 0);
	CHECK(!conn_open(&c, fd, w->family, 0));
	text = strdup(local_text(fd));
	close(fd);
	CHECK(try_recv(c.peer, 0) == 0);
	start = now_ms();
	close(c.peer);
	CHECK(within(3000, lease_state(text) == INET_TUPLE_LEASE_LINGERING));
	fd = try_socket(tuple_domain(w->family), SOCK_DGRAM, 0);
	CHECK(fd >= 0);
	CHECK(!strcmp(text, local_text(fd)));
	CHECK(lease_state(text) == INET_TUPLE_LEASE_ACTIVE);
	close(fd);
	sleep_until(start, 5000);
	CHECK(lease_state(text) == INET_TUPLE_LEASE_LINGERING);
	CHECK(is_plumbed(text) == 1);
	sleep_until(start, EARLY);
	CHECK(is_plumbed(text) == 1);
	CHECK(within(LATE - since(start), !is_plumbed(text)));
	return NULL;
}

/* The peer does not close its end: FIN_WAIT2, for a minute too */
static const char *fin_wait2(const struct what *w)
{
	struct conn c;
	char *text;
	long start;
	int fd;

	CHECK(!pool_add(w->pool));
	fd = try_socket(tuple_domain(w->family), SOCK_STREAM, 0);
	CHECK(!conn_open(&c, fd, w->family, 0));
	text = strdup(local_text(fd));
	start = now_ms();
	close(fd);
	CHECK(try_recv(c.peer, 0) == 0);
	sleep_until(start, EARLY);
	CHECK(is_plumbed(text) == 1);
	CHECK(one_more(w->family) == -EADDRNOTAVAIL);
	CHECK(within(LATE - since(start), !is_plumbed(text)));
	/* who speaks now is told that nobody is there */
	return NULL;
}

/* Connected, but nothing left to say: only the quarantine, of a minute */
static const char *default_quarantine(const struct what *w)
{
	struct conn c;
	char *text;
	long start;
	int fd;

	CHECK(!pool_add(w->pool));
	fd = try_socket(tuple_domain(w->family), SOCK_STREAM, 0);
	CHECK(!conn_open(&c, fd, w->family, 0));
	text = strdup(local_text(fd));
	close(c.peer);
	CHECK(try_recv(fd, 0) == 0);
	start = now_ms();
	close(fd);
	CHECK(within(3000, lease_state(text) == INET_TUPLE_LEASE_QUARANTINE));
	CHECK(!is_plumbed(text));
	sleep_until(start, EARLY);
	CHECK(lease_state(text) == INET_TUPLE_LEASE_QUARANTINE);
	CHECK(one_more(w->family) == -EADDRNOTAVAIL);
	CHECK(within(LATE - since(start), lease_state(text) == -ENOENT));
	CHECK(one_more(w->family) >= 0);
	return NULL;
}

static const char *mptcp(const struct what *w)
{
	struct conn c;
	char *text;
	long start;
	int fd;

	CHECK(!pool_add(w->pool));
	fd = try_socket(tuple_domain(w->family), SOCK_STREAM, IPPROTO_MPTCP);
	if (fd == -EPROTONOSUPPORT)
		return NULL;
	CHECK(!conn_open(&c, fd, w->family, IPPROTO_MPTCP));
	CHECK(talks(c.fd, c.peer));
	text = strdup(local_text(fd));
	close(fd);
	CHECK(try_recv(c.peer, 0) == 0);
	start = now_ms();
	CHECK(is_plumbed(text) == 1);
	close(c.peer);
	CHECK(within(LATE - since(start), !is_plumbed(text)));
	CHECK(within(20000, lease_state(text) == -ENOENT));
	return NULL;
}

/* In the namespace of the peer: how many sockets are in LAST_ACK */
static int last_acks(int family)
{
	char line[512];
	int n = 0;
	FILE *f;

	go_to_peer();
	f = fopen(family == AF_INET ? "/proc/thread-self/net/tcp" :
		  "/proc/thread-self/net/tcp6", "r");
	while (f && fgets(line, sizeof(line), f))
		n += !!strstr(line, " 09 ");
	if (f)
		fclose(f);
	go_home();
	return n;
}

static int peer_run(const char *command)
{
	int status;

	go_to_peer();
	status = run(command);
	go_home();
	return status;
}

/* What a named counter of the peer has counted */
static long peer_counted(const char *name)
{
	char command[128], line[256], *at;
	long n = -1;
	FILE *f;

	snprintf(command, sizeof(command), "nft list counter inet t %s", name);
	go_to_peer();
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, "packets ");
		if (at)
			n = atol(at + 8);
	}
	if (f)
		pclose(f);
	go_home();
	return n;
}

/* The last ACK does not come through; the peer sends its FIN again. */
static const char *last_ack_lost(const struct what *w)
{
	char command[512], *text;
	struct conn c;
	int fd;

	CHECK(!pool_add(w->pool));
	fd = try_socket(tuple_domain(w->family), SOCK_STREAM, 0);
	CHECK(!conn_open(&c, fd, w->family, 0));
	text = strdup(local_text(fd));
	close(fd);
	CHECK(try_recv(c.peer, 0) == 0);
	snprintf(command, sizeof(command),
		 "nft -f - <<END\n"
		 "table inet t {\n"
		 "counter resets { }\n"
		 "counter acks { }\n"
		 "chain in { type filter hook input priority 0;\n"
		 "%s saddr %s tcp flags & rst == rst counter name resets\n"
		 "%s saddr %s tcp flags & ack == ack counter name acks drop\n"
		 "}\n}\nEND\n", w->family == AF_INET ? "ip" : "ip6", text,
		 w->family == AF_INET ? "ip" : "ip6", text);
	CHECK(!peer_run(command));
	/* patience enough for us to look at it, on a slow machine as well */
	CHECK(!peer_run("echo 5 >/proc/sys/net/ipv4/tcp_orphan_retries"));
	close(c.peer);
	/* the first, and those that answer what is sent again */
	CHECK(within(15000, peer_counted("acks") >= 2));
	CHECK(last_acks(w->family) == 1);
	CHECK(peer_counted("resets") == 0);
	CHECK(is_plumbed(text) == 1);
	CHECK(!peer_run("nft flush chain inet t in"));
	CHECK(within(20000, last_acks(w->family) == 0));
	CHECK(lease_state(text) == INET_TUPLE_LEASE_LINGERING);
	/* and there an end can be put to it */
	CHECK(!lease_kill(text));
	CHECK(within(2000, !is_plumbed(text)));
	return NULL;
}

static const struct scene {
	const char *name;
	const char *(*play)(const struct what *w);
	struct what what;
} scenes[] = {
	{ "time_wait_v4", time_wait, { AF_INET, ONE "quarantine 3000" } },
	{ "time_wait_v6", time_wait, { AF_INET6, ONE "quarantine 3000" } },
	{ "prefix_v4", time_wait,
	  { AF_INET, ONE "quarantine 3000 plumb prefix" } },
	{ "prefix_v6", time_wait,
	  { AF_INET6, ONE "quarantine 3000 plumb prefix" } },
	{ "shut_down_first", shut_down_first,
	  { AF_INET, ONE "quarantine 3000" } },
	{ "accepted_child", accepted_child,
	  { AF_INET, ONE "quarantine 3000" } },
	{ "joined_again", joined_again,
	  { AF_INET, ONE "quarantine 0 scope process" } },
	{ "fin_wait2", fin_wait2, { AF_INET, ONE "quarantine 0" } },
	{ "default_quarantine", default_quarantine, { AF_INET, ONE } },
	{ "mptcp", mptcp, { AF_INET, ONE "quarantine 0" } },
	{ "last_ack_lost_v4", last_ack_lost, { AF_INET, ONE } },
	{ "last_ack_lost_v6", last_ack_lost, { AF_INET6, ONE } },
};

static char (*told)[512];

static void play(int i)
{
	const char *text;

	if (world_open()) {
		strcpy(told[i], "no world");
		_exit(1);
	}
	text = scenes[i].play(&scenes[i].what);
	snprintf(told[i], sizeof(told[i]), "%s", text ?: "");
	_exit(0);
}

static void play_all(void)
{
	pid_t pid[ARRAY_SIZE(scenes)];
	int i;

	for (i = 0; i < ARRAY_SIZE(scenes); i++) {
		strcpy(told[i], "it did not end");
		pid[i] = child_start();
		if (!pid[i])
			play(i);
	}
	for (i = 0; i < ARRAY_SIZE(scenes); i++)
		waitpid(pid[i], NULL, 0);
}

static const char *what_was(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(scenes); i++)
		if (!strcmp(scenes[i].name, name))
			return told[i];
	return "no such scene";
}

#define SCENE(name) TEST(after_##name) { EXPECT_STREQ("", what_was(#name)); }

SCENE(time_wait_v4)
SCENE(time_wait_v6)
SCENE(prefix_v4)
SCENE(prefix_v6)
SCENE(shut_down_first)
SCENE(accepted_child)
SCENE(joined_again)
SCENE(fin_wait2)
SCENE(default_quarantine)
SCENE(mptcp)
SCENE(last_ack_lost_v4)
SCENE(last_ack_lost_v6)

int main(int argc, char **argv)
{
	told = mmap(NULL, sizeof(*told) * ARRAY_SIZE(scenes),
		    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		return 1;
	play_all();
	return test_harness_run(argc, argv);
}
