// SPDX-License-Identifier: GPL-2.0-only
/* The pools of inet-tupled, with a kernel, a device, a server and a clock that the
 * test plays.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "lib_tap.h"
#include "tupled.h"

#define MANY 64

static char dir[] = "/tmp/tupled_pool.XXXXXX";
static struct tupled t;

/* The kernel: one pool, and what it has */
static struct kernel_pool kpool = { .name = "phones", .ifindex = 7 };
static struct {
	in_addr_t addr;
	bool held;
	uint64_t since;
	uint32_t valid;
} kaddrs[MANY];
static size_t n_kaddrs;
static bool no_pool;
static in_addr_t of_the_host;
static bool unsaved;	/* an address came that was not in the file */

/* The server, and what it was told */
static struct dhcp_msg answers[MANY];
static size_t n_answers;
static unsigned int discovers, requests, releases, declines, replies;
static in_addr_t next_addr, last_released;
static bool server_down, one_for_all;
static bool is_local;

static bool saved(in_addr_t addr)
{
	char line[256], want[32];
	bool found = false;
	FILE *f;

	snprintf(want, sizeof(want), " %s ", addr_str(addr));
	snprintf(line, sizeof(line), "%s/state", t.state.dir);
	f = fopen(line, "r");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, want);
	if (f)
		fclose(f);
	return found;
}

static size_t kernel_free(void)
{
	size_t i, n = 0;

	for (i = 0; i < n_kaddrs; i++)
		n += !kaddrs[i].held;
	return n;
}

int kernel_pools(struct tupled *tt, struct kernel_pool **pools, size_t *n)
{
	*pools = NULL;
	*n = !no_pool;
	if (no_pool)
		return 0;
	*pools = malloc(sizeof(kpool));
	kpool.free = kernel_free();
	**pools = kpool;
	return 0;
}

int kernel_addrs(struct tupled *tt, const char *pool,
		 struct kernel_addr **addrs, size_t *n)
{
	size_t i;

	*addrs = calloc(MANY, sizeof(**addrs));
	*n = n_kaddrs;
	for (i = 0; i < n_kaddrs; i++) {
		(*addrs)[i].addr = kaddrs[i].addr;
		(*addrs)[i].stock = !kaddrs[i].held;
		(*addrs)[i].idle_ms = t.now - kaddrs[i].since;
	}
	return 0;
}

static int kernel_find(in_addr_t addr)
{
	size_t i;

	for (i = 0; i < n_kaddrs; i++)
		if (kaddrs[i].addr == addr)
			return i;
	return -1;
}

int kernel_set(struct tupled *tt, const char *pool, in_addr_t addr,
	       uint32_t valid)
{
	int i = kernel_find(addr);

	if (no_pool)
		return -ENOENT;
	if (addr == of_the_host)
		return -EADDRINUSE;
	if (i < 0) {
		i = n_kaddrs++;
		kaddrs[i].addr = addr;
		kaddrs[i].held = false;
		kaddrs[i].since = t.now;
		unsaved = unsaved || !saved(addr);
	}
	kaddrs[i].valid = valid;
	return 0;
}

int kernel_del(struct tupled *tt, const char *pool, in_addr_t addr, bool idle)
{
	int i = kernel_find(addr);

	if (i < 0)
		return -ENOENT;
	if (idle && kaddrs[i].held)
		return -EBUSY;
	kaddrs[i] = kaddrs[--n_kaddrs];
	return 0;
}

const char *inet_tuple_error_text(const struct inet_tuple_handle *h)
{
	return "";
}

bool local_has(int fd, in_addr_t addr)
{
	return is_local;
}

static struct link the_link = { .t = &t, .mac = { 2, 0, 0, 0, 0, 1 } };

struct link *link_get(struct tupled *tt, int ifindex)
{
	the_link.ifindex = ifindex;
	the_link.users++;
	return &the_link;
}

void link_put(struct link *l)
{
	l->users--;
}

void link_refresh(struct link *l)
{
}

void link_send(const struct link *l, const struct dhcp_msg *msg,
	       in_addr_t from, in_addr_t to)
{
	struct dhcp_msg a = *msg;

	discovers += msg->type == DHCP_DISCOVER;
	requests += msg->type == DHCP_REQUEST;
	releases += msg->type == DHCP_RELEASE;
	declines += msg->type == DHCP_DECLINE;
	if (msg->type == DHCP_RELEASE)
		last_released = msg->ciaddr;
	if (server_down || msg->type > DHCP_REQUEST || n_answers == MANY)
		return;
	a.server = inet_addr("10.0.0.1");
	a.lease = 600;
	a.type = msg->type == DHCP_DISCOVER ? DHCP_OFFER : DHCP_ACK;
	a.yiaddr = msg->ciaddr ? msg->ciaddr : msg->requested;
	if (msg->type == DHCP_DISCOVER) {
		a.yiaddr = next_addr;
		if (!one_for_all)
			next_addr = htonl(ntohl(next_addr) + 1);
	}
	answers[n_answers++] = a;
}

void link_send_arp(const struct link *l, const struct arp *arp,
		   const uint8_t to[PACKET_MAC])
{
	replies += arp->reply;
}

/* One turn after the other, as main() has them, for so many ms */
static void run(uint64_t ms)
{
	uint64_t end = t.now + ms;
	struct dhcp_msg a;

	for (;;) {
		pools_timers(&t);
		pools_flush(&t);
		while (n_answers) {
			a = answers[--n_answers];
			pools_message(&the_link, &a);
		}
		if (t.now == end)
			return;
		t.now = pools_deadline(&t) < end ? pools_deadline(&t) : end;
	}
}

/* A daemon that starts with what its file tells; @now: time stands not still */
static void begin(uint64_t now)
{
	memset(&t, 0, sizeof(t));
	t.now = now;
	t.idle_ms = 60000;
	t.iaid = 1;
	TAILQ_INIT(&t.pools);
	LIST_INIT(&t.links);
	if (state_lock(&t.state, dir) || state_read(&t.state, now))
		abort();
	t.orphans = t.state.data;
	t.state.data.leases = NULL;
	state_clear(&t.state.data);
	discovers = 0;
	requests = 0;
	releases = 0;
	declines = 0;
}

static void end(bool release)
{
	pools_end(&t, release);
	state_clear(&t.state.data);
	state_clear(&t.orphans);
	close(t.state.dir_fd);
}

static unsigned int machines(void)
{
	const struct address *a;
	const struct pool *pool;
	unsigned int n = 0;

	TAILQ_FOREACH(pool, &t.pools, list)
		TAILQ_FOREACH(a, &pool->addresses, list)
			n++;
	return n;
}

static void test_want(void)
{
	begin(1000);
	next_addr = inet_addr("10.0.1.1");
	kpool.low = 4;
	kpool.high = 8;
	run(2000);
	ok(n_kaddrs == 8 && discovers == 8 && machines() == 8,
	   "a new pool is filled");
	ok(!unsaved, "no address is given out that is not in the file");
	ok(kaddrs[0].valid > 595 && kaddrs[0].valid <= 600,
	   "for as long as the server says");
	pools_want(&t, "phones", 3);
	pools_want(&t, "phones", 3);
	run(2000);
	ok(n_kaddrs == 11, "three more are three, however often it is said");
	server_down = true;
	pools_want(&t, "phones", 5);
	run(2000);
	ok(machines() == 16, "five that do not come");
	pools_want(&t, "phones", 2);
	ok(machines() == 13, "of which three are wanted no more");
	run(75000);
	ok(machines() == 8, "nor the others, while there is more than enough");
	server_down = false;
}

static void test_shrink(void)
{
	in_addr_t oldest = kaddrs[1].addr, newest = kaddrs[2].addr;

	ok(n_kaddrs == 8 && releases == 3, "what is idle for a minute goes back");
	kaddrs[0].held = true;
	kaddrs[1].since -= 100000;
	kaddrs[2].since = t.now;
	kaddrs[3].since = t.now - 10;
	kpool.high = 6;
	kpool.low = 1;
	run(11000);
	ok(kernel_find(oldest) < 0 && last_released == oldest &&
	   kernel_free() == 6, "the one that was idle longest");
	kpool.high = 1;
	run(11000);
	ok(kernel_free() == 2, "all that were, and none that was not");
	run(60000);
	ok(kernel_free() == 1 && kernel_find(newest) >= 0, "until it is");
	ok(n_kaddrs == 2 && kaddrs[0].held, "what is held stays");
}

static void test_restart(void)
{
	in_addr_t one = kaddrs[0].addr, two = kaddrs[1].addr;
	unsigned int first;

	end(false);
	ok(n_kaddrs == 2 && releases == 9, "an end keeps what there is");
	begin(t.now + 1000);
	run(10000);
	ok(!discovers && !requests && n_kaddrs == 2 && machines() == 2,
	   "the next goes on and asks nobody");
	run(400000);
	ok(requests >= 2 && kernel_find(one) >= 0 && kernel_find(two) >= 0,
	   "but renews");
	ok(kaddrs[0].valid > 590, "which the kernel learns");

	n_kaddrs = 0;
	end(false);
	begin(t.now + 1000);
	first = t.iaid;
	run(5000);
	ok(!discovers && requests == 2 && kernel_find(one) >= 0 &&
	   kernel_find(two) >= 0, "a kernel that has forgotten gets the same");
	ok(first == 1, "by the old numbers");

	kaddrs[0].held = true;
	end(true);
	ok(releases == 1 && n_kaddrs == 1 && saved(kaddrs[0].addr),
	   "an end for good keeps what is held");
	kaddrs[0].held = false;
	begin(t.now + 1000);
	run(1000);
}

/* The host has started again, and the server is away: leases are neither here
 * nor gone until they expire.
 */
static void test_unheard(void)
{
	in_addr_t one, two;

	pools_want(&t, "phones", 1);
	run(2000);
	one = kaddrs[0].addr;
	two = kaddrs[1].addr;
	ok(n_kaddrs == 2, "two leases");
	end(false);
	n_kaddrs = 0;
	server_down = true;
	begin(t.now + 1000);
	run(0);
	ok(saved(one) && saved(two), "before a server is asked they are in the file");
	run(5000);
	ok(requests >= 2 && !n_kaddrs && saved(one) && saved(two),
	   "as well before it answers");
	end(false);
	ok(saved(one) && saved(two), "an end keeps them");
	begin(t.now + 1000);
	run(5000);
	ok(requests >= 2 && !discovers, "the next asks for them, too");
	end(true);
	ok(!releases && saved(one) && saved(two),
	   "an end for good keeps them, too");
	server_down = false;
	begin(t.now + 1000);
	run(5000);
	ok(!discovers && n_kaddrs == 2 && kernel_find(one) >= 0 &&
	   kernel_find(two) >= 0, "the server is back: they are ours");

	end(false);
	n_kaddrs = 0;
	server_down = true;
	begin(t.now + 590000);
	run(5000);
	ok(requests >= 2 && saved(one) && saved(two), "their last seconds");
	run(15000);
	end(false);
	ok(!saved(one) && !saved(two), "what has expired is not kept");
	server_down = false;
	begin(t.now + 1000);
	run(1000);
}

static void test_gone(void)
{
	in_addr_t withdrawn;

	kpool.low = 1;
	kpool.high = 3;
	pools_want(&t, "phones", 2);
	run(2000);
	ok(n_kaddrs == 3, "three");
	withdrawn = kaddrs[1].addr;
	kernel_del(&t, "phones", withdrawn, false);
	run(11000);
	ok(last_released == withdrawn && machines() == 2,
	   "what somebody withdraws goes back to the server");
	no_pool = true;
	releases = 0;
	run(11000);
	ok(releases == 2 && !machines() && TAILQ_EMPTY(&t.pools) &&
	   !the_link.users, "so does all of a pool that is gone");
	no_pool = false;
	n_kaddrs = 0;
}

static void test_trouble(void)
{
	static const uint8_t other[PACKET_MAC] = { 2, 0, 0, 0, 0, 9 };
	struct arp arp = { .from = inet_addr("10.0.0.1") };
	struct address *a;

	kpool.low = 1;
	kpool.high = 1;
	of_the_host = next_addr;
	run(11000);
	ok(declines == 1, "what the host itself has is declined");
	run(11000);
	ok(n_kaddrs == 1 && kaddrs[0].addr != of_the_host, "there is another");

	memcpy(arp.from_mac, other, PACKET_MAC);
	arp.to = kaddrs[0].addr;
	replies = 0;
	pools_arp(&the_link, &arp);
	ok(replies == 1, "ARP is answered for what is in stock");
	is_local = true;
	pools_arp(&the_link, &arp);
	ok(replies == 1, "but not for what is on the device");
	is_local = false;
	arp.to = inet_addr("10.0.7.7");
	pools_arp(&the_link, &arp);
	ok(replies == 1, "nor for what is not ours");
	arp.from = kaddrs[0].addr;
	pools_arp(&the_link, &arp);
	ok(n_kaddrs == 1, "who claims an address is told");
	memcpy(arp.from_mac, the_link.mac, PACKET_MAC);
	pools_arp(&the_link, &arp);
	memcpy(arp.from_mac, other, PACKET_MAC);
	ok(n_kaddrs == 1, "what we say ourselves does not count");
	kaddrs[0].held = true;
	pools_arp(&the_link, &arp);
	ok(!n_kaddrs && declines == 2, "who insists has it, whoever holds it here");
	run(20000);

	a = TAILQ_FIRST(&TAILQ_FIRST(&t.pools)->addresses);
	ok(n_kaddrs == 1 && a->m.addr == kaddrs[0].addr, "and there is another");
	server_down = true;
	run(700000);
	ok(!n_kaddrs && !saved(a->m.addr), "the server stays away: it is gone");
	server_down = false;
	run(70000);
	ok(n_kaddrs == 1, "and comes back: so does it");
}

/* A server that knows clients by their hardware address */
static void test_one_for_all(void)
{
	unsigned int before;

	one_for_all = true;
	kpool.low = 4;
	kpool.high = 8;
	run(20000);
	ok(n_kaddrs == 2, "one address for all is one");
	before = discovers;
	run(3600000);
	ok(n_kaddrs == 2 && discovers - before < 300,
	   "and asked for calmly (%u times in an hour)", discovers - before);
	one_for_all = false;
	next_addr = htonl(ntohl(next_addr) + 1);
	run(200000);
	ok(n_kaddrs == 8, "a better server serves all");
}

/* A disk that is full, or whatever */
static void test_unwritable(void)
{
	in_addr_t addr;
	int dir_fd;

	end(false);
	begin(t.now + 1000);
	run(0);
	dir_fd = t.state.dir_fd;
	t.state.dir_fd = -1;
	pools_want(&t, "phones", 1);
	run(2000);
	addr = kaddrs[8].addr;
	ok(n_kaddrs == 9 && !saved(addr),
	   "an address is given out also where it cannot be written");
	t.state.dir_fd = dir_fd;
	run(10000);
	ok(saved(addr), "which is tried again");
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir))
		return 1;
	test_want();
	test_shrink();
	test_restart();
	test_unheard();
	test_gone();
	test_trouble();
	test_one_for_all();
	test_unwritable();
	end(true);
	ok(!n_kaddrs, "all is released");
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ok(!system(command), "cleaned up");
	return tap_done();
}
