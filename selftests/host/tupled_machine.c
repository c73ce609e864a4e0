// SPDX-License-Identifier: GPL-2.0-only
/* The machine of inet-tupled's addresses, with a clock that the test winds on and
 * a server that it plays, over a network that loses, delays and repeats.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include "lib_tap.h"
#include "machine.h"

#define SECOND	1000ULL
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define MANY	200
#define LEASES	256

static const struct dhcp_duid duid = { 4, { 0, 4, 0xab, 0xcd } };
static const uint8_t our_mac[PACKET_MAC] = { 2, 0, 0, 0, 0, 1 };

/* A lease as the server sees it. An offer is none: others get the same. */
struct lease {
	struct dhcp_client_id id;
	uint64_t until;
	bool declined;
};

/* An answer on its way */
struct packet {
	uint64_t when;
	struct dhcp_msg msg;
};

struct client {
	struct machine m;
	bool uses;		/* the address, from got() to lost() */
	in_addr_t addr;
	unsigned int got, renewed, lost;
	enum machine_loss why;
};

/* The whole world */
static struct {
	uint64_t now;
	uint32_t seed;
	struct machine_env env;
	struct client clients[MANY];
	unsigned int n;

	/* the server */
	bool down, nak;
	uint32_t secs, t1, t2;
	unsigned int size;
	struct lease leases[LEASES];
	unsigned int declines, releases;

	/* the network */
	unsigned int loss, dup;	/* per cent */
	struct packet packets[4 * MANY];
	unsigned int n_packets;

	/* who else uses which address; 0: nobody */
	in_addr_t stranger;
	struct machine *heard;	/* by that one */
	unsigned int probes, announces;
	uint64_t slot;		/* for who asks again */

	/* the last message, and when the first ones were sent */
	struct dhcp_msg last;
	in_addr_t last_to;
	in_addr_t last_from;
	uint64_t sent[16];
	unsigned int n_sent;

	/* what must never happen */
	unsigned int shared, stale;
} w;

static uint32_t random_num(void *arg)
{
	w.seed ^= w.seed << 13;
	w.seed ^= w.seed >> 17;
	w.seed ^= w.seed << 5;
	return w.seed;
}

static bool chance(unsigned int percent)
{
	return random_num(NULL) % 100 < percent;
}

static in_addr_t nth_addr(unsigned int i)
{
	return htonl(0x0a400001 + i);
}

static unsigned int addr_nth(in_addr_t addr)
{
	return ntohl(addr) - 0x0a400001;
}

static const in_addr_t server_addr = 0x0100000a;	/* 10.0.0.1 */

static bool same_id(const struct dhcp_client_id *a,
		    const struct dhcp_client_id *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

/* The address of a client, or one that it may have; -1: none is left */
static int choose(const struct dhcp_client_id *id)
{
	unsigned int i;

	for (i = 0; i < w.size; i++)
		if (!w.leases[i].declined && same_id(&w.leases[i].id, id))
			return i;
	for (i = 0; i < w.size; i++)
		if (!w.leases[i].declined && w.leases[i].until <= w.now)
			return i;
	return -1;
}

static void answer(const struct dhcp_msg *to, uint8_t type, in_addr_t addr)
{
	struct packet p = { .when = w.now + 1 + random_num(NULL) % 20 };
	int copies = 1 + chance(w.dup);

	p.msg = *to;
	p.msg.type = type;
	p.msg.yiaddr = addr;
	p.msg.server = server_addr;
	p.msg.requested = 0;
	p.msg.lease = type == DHCP_NAK ? 0 : w.secs;
	p.msg.t1 = w.t1;
	p.msg.t2 = w.t2;
	while (copies-- && !chance(w.loss) && w.n_packets < 4 * MANY)
		w.packets[w.n_packets++] = p;
}

static void serve_request(const struct dhcp_msg *msg)
{
	in_addr_t addr = msg->ciaddr ? msg->ciaddr : msg->requested;
	unsigned int i = addr_nth(addr);

	if (msg->server && msg->server != server_addr)
		return;
	if (w.nak || i >= w.size || w.leases[i].declined ||
	    (w.leases[i].until > w.now &&
	     !same_id(&w.leases[i].id, &msg->client_id))) {
		answer(msg, DHCP_NAK, 0);
		return;
	}
	w.leases[i].id = msg->client_id;
	w.leases[i].until = w.secs == DHCP_FOREVER ? UINT64_MAX :
						     w.now + w.secs * SECOND;
	answer(msg, DHCP_ACK, addr);
}

static void serve(const struct dhcp_msg *msg)
{
	int i;

	if (w.down || chance(w.loss))
		return;
	switch (msg->type) {
	case DHCP_DISCOVER:
		i = choose(&msg->client_id);
		if (i >= 0)
			answer(msg, DHCP_OFFER, nth_addr(i));
		break;
	case DHCP_REQUEST:
		serve_request(msg);
		break;
	case DHCP_DECLINE:
		w.declines++;
		w.leases[addr_nth(msg->requested)].declined = true;
		break;
	case DHCP_RELEASE:
		w.releases++;
		w.leases[addr_nth(msg->ciaddr)].until = 0;
		break;
	}
}

static void on_send(void *arg, struct machine *m, const struct dhcp_msg *msg,
		    in_addr_t from, in_addr_t to)
{
	w.last = *msg;
	w.last_to = to;
	w.last_from = from;
	if (w.n_sent < 16)
		w.sent[w.n_sent++] = w.now;
	serve(msg);
}

static void on_arp(void *arg, struct machine *m, bool announce)
{
	w.probes += !announce;
	w.announces += announce;
	w.heard = m->addr == w.stranger ? m : NULL;
}

/* One after the other, so that the server has seen the one before */
static uint64_t on_taken(void *arg, struct machine *m, in_addr_t addr)
{
	unsigned int i;

	for (i = 0; i < w.n; i++)
		if (&w.clients[i].m != m && w.clients[i].m.addr == addr &&
		    w.clients[i].m.state >= MACHINE_REQUESTING) {
			w.slot = (w.slot > w.now ? w.slot : w.now) + 50;
			return w.slot;
		}
	return 0;
}

static void on_got(void *arg, struct machine *m)
{
	struct client *c = (struct client *)m;

	c->got++;
	c->uses = true;
	c->addr = m->addr;
}

static void on_renewed(void *arg, struct machine *m)
{
	((struct client *)m)->renewed++;
}

static void on_lost(void *arg, struct machine *m, enum machine_loss why)
{
	struct client *c = (struct client *)m;

	c->lost++;
	c->uses = false;
	c->why = why;
}

static const struct machine_ops ops = {
	.send		= on_send,
	.arp		= on_arp,
	.taken		= on_taken,
	.got		= on_got,
	.renewed	= on_renewed,
	.lost		= on_lost,
	.random		= random_num,
};

/* A new world with @n clients, a server of @size addresses, and no loss */
static void world(unsigned int n, unsigned int size)
{
	unsigned int i;

	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	w.seed = 0x12345678 + 31 * n + size;
	w.env.ops = &ops;
	w.env.probe_ms = 700;
	memcpy(w.env.mac, our_mac, PACKET_MAC);
	w.n = n;
	w.size = size;
	w.secs = 3600;
	for (i = 0; i < n; i++)
		machine_init(&w.clients[i].m, &w.env, i + 1, &duid);
}

static void start_all(void)
{
	unsigned int i;

	for (i = 0; i < w.n; i++)
		machine_start(&w.clients[i].m, w.now + 5 * i);
}

/* No two may use one address, and none one that the server gave to another. */
static void check_world(void)
{
	static uint8_t used[LEASES];
	unsigned int i;

	memset(used, 0, sizeof(used));
	for (i = 0; i < w.n; i++) {
		struct client *c = &w.clients[i];
		struct lease *l = &w.leases[addr_nth(c->addr) % LEASES];

		if (!c->uses)
			continue;
		w.shared += used[addr_nth(c->addr)]++;
		w.stale += !w.nak && (l->until < w.now ||
				      !same_id(&l->id, &c->m.id));
	}
}

static void deliver(void)
{
	struct packet p;
	unsigned int i, j;

	for (i = 0; i < w.n_packets;) {
		p = w.packets[i];
		if (p.when > w.now) {
			i++;
			continue;
		}
		w.packets[i] = w.packets[--w.n_packets];
		for (j = 0; j < w.n; j++)
			machine_message(&w.clients[j].m, &p.msg, w.now);
	}
}

/* Until @end, from one thing that happens to the next */
static void run_until(uint64_t end)
{
	uint64_t next;
	unsigned int i;

	for (;;) {
		next = end;
		for (i = 0; i < w.n; i++)
			if (w.clients[i].m.deadline < next)
				next = w.clients[i].m.deadline;
		for (i = 0; i < w.n_packets; i++)
			if (w.packets[i].when < next)
				next = w.packets[i].when;
		if (next > w.now)
			w.now = next;
		if (w.now >= end)
			return;
		deliver();
		for (i = 0; i < w.n; i++)
			machine_timer(&w.clients[i].m, w.now);
		if (w.heard)
			machine_conflict(w.heard, w.now);
		w.heard = NULL;
		check_world();
	}
}

static void run(uint64_t ms)
{
	run_until(w.now + ms);
}

static unsigned int users(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < w.n; i++)
		n += w.clients[i].uses;
	return n;
}

static struct client *one(void)
{
	return &w.clients[0];
}

/* One client that has an address, and a server that gives hours */
static void bound_world(unsigned int size)
{
	world(1, size);
	start_all();
	run(10 * SECOND);
}

static void test_way(void)
{
	static const uint8_t id[] = { 255, 0, 0, 0, 1, 0, 4, 0xab, 0xcd };

	world(1, 1);
	w.down = true;
	start_all();
	run(SECOND);
	ok(w.last.type == DHCP_DISCOVER && !w.last_to && !w.last_from &&
	   !w.last.ciaddr && !w.last.server, "DISCOVER goes to everybody");
	ok(w.last.client_id.len == sizeof(id) &&
	   !memcmp(w.last.client_id.bytes, id, sizeof(id)),
	   "with a client identifier of RFC 4361");
	w.down = false;
	run(5 * SECOND);
	ok(w.last.type == DHCP_REQUEST && w.last.requested == nth_addr(0) &&
	   w.last.server == server_addr && !w.last.ciaddr && !w.last_to,
	   "REQUEST names server and address");
	ok(w.last.secs >= 3 && w.last.secs <= 6, "and since when");
	run(5 * SECOND);
	ok(one()->m.state == MACHINE_BOUND && one()->uses && w.probes == 3,
	   "it is bound after three probes");
	ok(w.announces == 2, "and announced twice");
	ok(one()->m.t1 < one()->m.t2 && one()->m.t2 < one()->m.expires &&
	   one()->m.t1 > w.now + 25 * MINUTE && one()->m.t1 < w.now + 35 * MINUTE,
	   "T1 is about half of the lease");
}

static void test_backoff(void)
{
	static const unsigned int want[] = { 4, 8, 16, 32, 64, 64, 64 };
	bool fits = true;
	uint64_t gap;
	size_t i;

	world(1, 1);
	w.down = true;
	start_all();
	run(10 * MINUTE);
	for (i = 0; i < sizeof(want) / sizeof(*want); i++) {
		gap = w.sent[i + 1] - w.sent[i];
		fits = fits && gap >= (want[i] - 1) * SECOND &&
		       gap <= (want[i] + 1) * SECOND;
	}
	ok(fits, "DISCOVER again after 4, 8, 16, 32, 64, 64 s, one more or less");
	ok(w.last.type == DHCP_DISCOVER, "for ever");
	w.down = false;
	run(70 * SECOND);
	ok(one()->uses, "and it is there soon after the server is");
}

static void test_request_lost(void)
{
	world(1, 1);
	w.secs = 600;
	start_all();
	run(1);
	w.now += 30;
	w.down = true;
	w.n_sent = 0;
	deliver();		/* the offer */
	ok(one()->m.state == MACHINE_REQUESTING, "an offer is taken up");
	run(61 * SECOND);
	ok(w.n_sent >= 4 && w.sent[3] - w.sent[0] >= 25 * SECOND,
	   "REQUEST is repeated for a minute");
	run(10 * SECOND);
	ok(one()->m.state == MACHINE_SELECTING, "then all begins anew");
}

static void test_renew(void)
{
	uint64_t t1;

	bound_world(1);
	t1 = one()->m.t1;
	run_until(t1);
	run(1);
	ok(w.last.type == DHCP_REQUEST && w.last.ciaddr == nth_addr(0) &&
	   w.last_to == server_addr && w.last_from == nth_addr(0) &&
	   !w.last.requested && !w.last.server,
	   "at T1 the server is asked, by the address and with no option for it");
	run(SECOND);
	ok(one()->renewed == 1 && one()->m.state == MACHINE_BOUND &&
	   one()->m.t1 > t1, "it renews");
	run(100 * HOUR);
	ok(one()->uses && !one()->lost && one()->got == 1 &&
	   one()->renewed > 150, "again and again, and nobody notices");
	ok(!w.stale, "no longer than the server says");

	bound_world(1);
	w.t1 = 100;
	w.t2 = 200;
	run_until(one()->m.t1 + SECOND);
	ok(one()->m.t1 < w.now + 110 * SECOND &&
	   one()->m.t1 > w.now + 90 * SECOND &&
	   one()->m.t2 < w.now + 220 * SECOND, "T1 and T2 are the server's");
	w.t1 = 300;
	run(150 * SECOND);
	ok(one()->m.t1 > w.now + 20 * MINUTE, "unless they make no sense");

	world(1, 1);
	w.secs = DHCP_FOREVER;
	start_all();
	run(10000 * HOUR);
	ok(one()->uses && !one()->renewed, "what is for ever is never renewed");
}

static void test_jitter(void)
{
	uint64_t first = UINT64_MAX, last = 0;
	unsigned int i;

	world(MANY, MANY);
	start_all();
	run(30 * SECOND);
	for (i = 0; i < w.n; i++) {
		if (w.clients[i].m.t1 < first)
			first = w.clients[i].m.t1;
		if (w.clients[i].m.t1 > last)
			last = w.clients[i].m.t1;
	}
	ok(users() == MANY && last - first > 3 * MINUTE,
	   "addresses of one time are not renewed at one time");
}

static void test_down(void)
{
	bound_world(4);
	w.down = true;
	run_until(one()->m.t2 + 10);
	ok(one()->m.state == MACHINE_REBINDING && !w.last_to &&
	   w.last_from == nth_addr(0) && w.last.ciaddr == nth_addr(0),
	   "at T2 everybody is asked");
	ok(w.n_sent >= 4, "the server was several times");
	w.down = false;
	run_until(one()->m.expires - 10);
	ok(one()->uses && one()->renewed == 1 && !one()->lost,
	   "a server back after T2 is early enough");

	bound_world(4);
	w.down = true;
	run_until(one()->m.expires + 10);
	ok(!one()->uses && one()->lost == 1 && one()->why == MACHINE_EXPIRED,
	   "the lease ends where none comes back");
	ok(!w.stale, "in time");
	w.down = false;
	run(70 * SECOND);
	ok(one()->uses && one()->addr == nth_addr(0) && one()->got == 2,
	   "and the same address is there again with the server");

	world(1, 1);
	w.secs = 10;
	start_all();
	run(5 * SECOND);
	w.down = true;
	run(4 * SECOND);
	w.down = false;
	run(5 * MINUTE);
	ok(one()->uses && one()->lost <= 1 && one()->renewed > 40 && !w.stale,
	   "ten seconds are a lease, too");
}

static void test_nak(void)
{
	world(1, 4);
	w.nak = true;
	start_all();
	run(10 * MINUTE);
	ok(!one()->got && w.n_sent == 16, "a server that says no is not believed");
	ok(w.sent[15] - w.sent[0] > 60 * SECOND,
	   "and asked less and less (%u s)",
	   (unsigned int)((w.sent[15] - w.sent[0]) / 1000));
	w.nak = false;
	run(70 * SECOND);
	ok(one()->uses, "until it says yes");

	bound_world(4);
	w.leases[0].id.len = 0;		/* somebody else's by now */
	w.nak = true;
	run_until(one()->m.t1 + 100);
	ok(!one()->uses && one()->lost == 1 && one()->why == MACHINE_REFUSED,
	   "a no to a renewal takes the address at once");
	w.nak = false;
	run(10 * SECOND);
	ok(one()->uses && one()->got == 2 && one()->addr != nth_addr(0),
	   "and there is another");
}

static void test_conflict(void)
{
	world(1, 4);
	w.stranger = nth_addr(0);
	start_all();
	run(5 * SECOND);
	ok(w.declines == 1 && w.last.type == DHCP_DECLINE &&
	   w.last.requested == nth_addr(0) && w.last.server == server_addr &&
	   !w.last.ciaddr && !w.last_to && !one()->got,
	   "what somebody uses is declined");
	run(5 * SECOND);
	ok(one()->m.state == MACHINE_INIT, "no other is asked for within 10 s");
	run(5 * SECOND);
	ok(one()->uses && one()->addr == nth_addr(1), "then there is one");

	w.announces = 0;
	machine_conflict(&one()->m, w.now);
	ok(one()->uses && w.announces == 1, "who comes later is told");
	run(11 * SECOND);
	machine_conflict(&one()->m, w.now);
	ok(one()->uses, "again after ten seconds");
	run(9 * SECOND);
	machine_conflict(&one()->m, w.now);
	ok(!one()->uses && one()->why == MACHINE_CONFLICT && w.declines == 2,
	   "and believed when it insists");
	run(15 * SECOND);
	ok(one()->uses && one()->addr == nth_addr(2), "there is yet another");
	machine_decline(&one()->m, w.now);
	ok(!one()->uses && w.declines == 3, "the owner may decline, too");
}

static void test_reboot(void)
{
	struct machine was;

	bound_world(4);
	was = one()->m;
	world(1, 4);
	one()->m.addr = was.addr;
	one()->m.server = was.server;
	one()->m.t1 = was.t1;
	one()->m.t2 = was.t2;
	one()->m.expires = was.expires;
	machine_reboot(&one()->m, w.now);
	run(1);
	ok(w.last.type == DHCP_REQUEST && w.last.requested == was.addr &&
	   !w.last.server && !w.last.ciaddr && !w.last_to,
	   "after a start the old address is asked for");
	run(2 * SECOND);
	ok(one()->uses && one()->addr == was.addr && w.probes == 3,
	   "and had, and probed");

	world(1, 4);
	one()->m.addr = nth_addr(9);	/* of another network */
	one()->m.expires = was.expires;
	machine_reboot(&one()->m, w.now);
	run(5 * SECOND);
	ok(one()->uses && one()->addr == nth_addr(0), "or another, if not");

	world(1, 4);
	one()->m = was;
	w.leases[0].id = was.id;
	w.leases[0].until = was.expires;
	w.down = true;
	machine_reboot(&one()->m, w.now);
	run(30 * SECOND);
	ok(!one()->got, "where no server answers it is not used for a while");
	run(50 * SECOND);
	ok(one()->uses && one()->addr == was.addr, "but then");
	run_until(was.expires + 10);
	ok(!one()->uses && !w.stale, "up to its end");

	world(1, 4);
	one()->m = was;
	w.down = true;
	w.now = was.expires + 1;
	machine_reboot(&one()->m, w.now);
	run(2 * MINUTE);
	ok(!one()->got, "one that has ended is not used unasked");
}

static void test_resume(void)
{
	struct machine was;

	bound_world(4);
	was = one()->m;
	one()->m.state = MACHINE_INIT;
	one()->m.given = false;
	machine_resume(&one()->m, w.now);
	run_until(was.t1 + SECOND);
	ok(one()->renewed == 1 && one()->got == 1 && !one()->lost &&
	   w.probes == 3, "a daemon that comes back goes on, and asks nobody");

	bound_world(4);
	w.down = true;
	machine_resume(&one()->m, w.now);
	w.now = one()->m.expires + 1;
	machine_timer(&one()->m, w.now);
	ok(!one()->uses, "unless it comes too late");
}

static void test_jump(void)
{
	bound_world(1);
	w.now += 55 * MINUTE;		/* past T2 in one step */
	run(SECOND);
	ok(one()->uses && one()->renewed == 1 && w.last_to == 0,
	   "asleep past T2: it rebinds");
	w.now += 5 * HOUR;
	machine_timer(&one()->m, w.now);
	ok(!one()->uses && one()->why == MACHINE_EXPIRED,
	   "asleep past the end: it is gone before anything else");
	run(5 * SECOND);
	ok(one()->uses && one()->got == 2, "and there again");
}

static void test_small(void)
{
	unsigned int i, first;

	world(16, 10);
	start_all();
	run(5 * MINUTE);
	ok(users() == 10, "a server with ten addresses for sixteen");
	ok(!w.shared && !w.stale, "nobody shares");
	for (i = 0, first = 0; first < 3; i++) {
		if (!w.clients[i].uses)
			continue;
		w.clients[i].uses = false;
		machine_release(&w.clients[i].m, w.now);
		ok(w.last.type == DHCP_RELEASE && w.last_to == server_addr &&
		   w.last.ciaddr == w.clients[i].addr &&
		   w.last_from == w.clients[i].addr &&
		   w.last.server == server_addr && !w.last.requested,
		   "release: one goes back");
		first++;
	}
	ok(w.releases == 3 && users() == 7, "three go back");
	run(80 * SECOND);
	ok(users() == 10, "three others have them");
	machine_release(&w.clients[15].m, w.now);
	world(1, 1);
	machine_start(&one()->m, w.now);
	machine_release(&one()->m, w.now);
	ok(!w.n_sent && one()->m.deadline == MACHINE_NEVER,
	   "who has nothing says nothing");
}

static void test_bad_network(void)
{
	unsigned int i, lost = 0;

	world(MANY, MANY + 20);
	w.loss = 20;
	w.dup = 30;
	w.env.probe_ms = 0;
	start_all();
	run(10 * MINUTE);
	ok(users() == MANY, "of ten packets two are lost, and three come twice");
	run(24 * HOUR);
	for (i = 0; i < w.n; i++)
		lost += w.clients[i].lost;
	ok(users() >= MANY - 1 && lost <= 3, "a day of that (%u lost)", lost);
	ok(!w.shared && !w.stale, "nobody shares, nobody stays too long");
}

/* An answer that differs from a right one in one thing */
static void test_hostile(void)
{
	struct dhcp_msg good, bad;

	world(1, 1);
	w.down = true;
	start_all();
	run(1);
	machine_timer(&one()->m, w.now);
	good = w.last;
	good.type = DHCP_OFFER;
	good.server = server_addr;
	good.requested = 0;
	good.yiaddr = nth_addr(0);
	good.lease = 600;
#define REFUSED(name, change) do {					\
	bad = good;							\
	change;								\
	machine_message(&one()->m, &bad, w.now);			\
	ok(one()->m.state == state, name);				\
} while (0)
	enum machine_state state = MACHINE_SELECTING;

	REFUSED("offer: another number", bad.xid ^= 1);
	REFUSED("offer: another device", bad.hw_addr[5] ^= 1);
	REFUSED("offer: another sort of device", bad.hw_len = 16);
	REFUSED("offer: another client", bad.client_id.bytes[4] ^= 1);
	REFUSED("offer: a longer client", bad.client_id.len++);
	REFUSED("offer: no server", bad.server = 0);
	REFUSED("offer: a server that is everybody", bad.server = INADDR_NONE);
	REFUSED("offer: no address", bad.yiaddr = 0);
	REFUSED("offer: loopback", bad.yiaddr = htonl(INADDR_LOOPBACK));
	REFUSED("offer: multicast", bad.yiaddr = htonl(0xe0000001));
	REFUSED("an ACK to no REQUEST", bad.type = DHCP_ACK);
	REFUSED("a NAK to no REQUEST", bad.type = DHCP_NAK);
	REFUSED("what a client says", bad.type = DHCP_DISCOVER);

	bad = good;
	bad.client_id.len = 0;
	machine_message(&one()->m, &bad, w.now);
	ok(one()->m.state == MACHINE_REQUESTING,
	   "a server older than RFC 6842 is heard");
	state = MACHINE_REQUESTING;
	good.type = DHCP_ACK;
	REFUSED("ack: another address", bad.yiaddr = nth_addr(1));
	REFUSED("ack: another server", bad.server ^= htonl(1));
	REFUSED("ack: no time", bad.lease = 0);
	REFUSED("ack: hardly any time", bad.lease = 3);
	w.now += 10 * MINUTE;
	REFUSED("ack: so late that the lease is over", (void)bad);
	w.now -= 10 * MINUTE;
	REFUSED("nak: another server", (bad.type = DHCP_NAK,
					bad.server ^= htonl(1)));
	REFUSED("an offer that is late", bad.type = DHCP_OFFER);
	machine_message(&one()->m, &good, w.now);
	ok(one()->m.state == MACHINE_PROBING, "the right one");
	state = MACHINE_PROBING;
	REFUSED("the same again", (void)bad);
	run(10 * SECOND);
	state = MACHINE_BOUND;
	REFUSED("a NAK that nobody asked for", bad.type = DHCP_NAK);
	ok(one()->uses, "the address is there");
}

int main(void)
{
	test_way();
	test_backoff();
	test_request_lost();
	test_renew();
	test_jitter();
	test_down();
	test_nak();
	test_conflict();
	test_reboot();
	test_resume();
	test_jump();
	test_small();
	test_bad_network();
	test_hostile();
	return tap_done();
}
