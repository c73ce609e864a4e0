// SPDX-License-Identifier: GPL-2.0-only
/* Pools of source dhcp: as many machines as the kernel wants addresses, and what
 * becomes of these.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "tupled.h"

#define GAP_MIN		5	/* ms between two that begin to ask */
#define GAP_MAX		16000
#define FLUSH_GOT	50	/* ms until new leases are on the disk and given out */
#define FLUSH_LATER	1000	/* and renewed ones are */
#define FLUSH_RETRY	10000
#define SYNC_MIN	1000
#define SYNC_MAX	10000
#define RELEASE_GAP	500	/* us between two farewells of many */

static struct address *address_of(struct machine *m)
{
	return (struct address *)((char *)m - offsetof(struct address, m));
}

static void flush_within(struct tupled *t, uint64_t ms)
{
	if (t->now + ms < t->flush)
		t->flush = t->now + ms;
}

/* The seconds that are left, for the kernel */
static uint32_t valid(const struct machine *m, uint64_t now)
{
	uint64_t left;

	if (m->expires == MACHINE_NEVER)
		return DHCP_FOREVER;
	left = m->expires > now ? (m->expires - now) / 1000 : 0;
	return left < DHCP_FOREVER ? left : DHCP_FOREVER - 1;
}

/* What machines ask for */

static void on_send(void *arg, struct machine *m, const struct dhcp_msg *msg,
		    in_addr_t from, in_addr_t to)
{
	const struct pool *pool = arg;

	say_more("%s: %u: %s, message %d, address %s", pool->name, m->iaid,
		 machine_state_name(m->state), msg->type, addr_str(m->addr));
	if (pool->link)
		link_send(pool->link, msg, from, to);
}

static void on_arp(void *arg, struct machine *m, bool announce)
{
	const struct pool *pool = arg;
	struct arp arp = { .from = announce ? m->addr : 0, .to = m->addr };

	memcpy(arp.from_mac, m->env->mac, PACKET_MAC);
	if (pool->link)
		link_send_arp(pool->link, &arp, NULL);
}

static const struct address *find(const struct tupled *t, in_addr_t addr,
				  const struct machine *but)
{
	const struct address *a;
	const struct pool *pool;

	TAILQ_FOREACH(pool, &t->pools, list)
		TAILQ_FOREACH(a, &pool->addresses, list)
			if (a->m.addr == addr && &a->m != but &&
			    a->m.state >= MACHINE_REQUESTING)
				return a;
	return NULL;
}

/* A time to begin at that is not that of all the others */
static uint64_t next_start(struct pool *pool)
{
	if (pool->start < pool->t->now)
		pool->start = pool->t->now;
	pool->start += pool->gap;
	return pool->start;
}

/* Many servers keep nothing for whom they made an offer, and so make the same to
 * all who ask before one has taken it: then have fewer ask at a time.
 */
static uint64_t on_taken(void *arg, struct machine *m, in_addr_t addr)
{
	const struct address *other;
	struct pool *pool = arg;

	other = find(pool->t, addr, m);
	if (!other)
		return 0;
	if (pool->t->now >= pool->widened + pool->gap) {
		pool->widened = pool->t->now;
		pool->gap = pool->gap < GAP_MAX / 2 ? 2 * pool->gap : GAP_MAX;
	}
	if (machine_has(&other->m) && other->given && !pool->complained) {
		say("%s: the server offers %s to more than one client identifier",
		    pool->name, addr_str(addr));
		pool->complained = true;
	}
	return next_start(pool);
}

static void on_got(void *arg, struct machine *m)
{
	struct pool *pool = arg;

	pool->gap -= pool->gap / 8;
	if (pool->gap < GAP_MIN)
		pool->gap = GAP_MIN;
	address_of(m)->waits = true;
	flush_within(pool->t, FLUSH_GOT);
}

static void on_renewed(void *arg, struct machine *m)
{
	struct pool *pool = arg;
	struct address *a = address_of(m);
	struct tupled *t = pool->t;
	int err;

	if (!a->given)
		return;
	err = kernel_set(t, pool->name, m->addr, valid(m, t->now));
	if (err)
		say("%s: %s is not renewed: %s: %s", pool->name,
		    addr_str(m->addr), strerror(-err),
		    inet_tuple_error_text(t->h));
	flush_within(t, FLUSH_LATER);
}

static void on_lost(void *arg, struct machine *m, enum machine_loss why)
{
	static const char *const words[] = {
		[MACHINE_EXPIRED]	= "no server renewed it in time",
		[MACHINE_REFUSED]	= "the server refuses it",
		[MACHINE_CONFLICT]	= "somebody else has it",
	};
	struct pool *pool = arg;
	struct address *a = address_of(m);

	say("%s: %s is lost: %s", pool->name, addr_str(m->addr), words[why]);
	if (a->given)
		kernel_del(pool->t, pool->name, m->addr, false);
	a->given = false;
	a->waits = false;
	a->stock = false;
	flush_within(pool->t, FLUSH_GOT);
}

static uint32_t on_random(void *arg)
{
	uint32_t num;

	(void)arg;
	while (getrandom(&num, sizeof(num), 0) != sizeof(num))
		;
	return num;
}

static const struct machine_ops machine_ops = {
	.send		= on_send,
	.arp		= on_arp,
	.taken		= on_taken,
	.got		= on_got,
	.renewed	= on_renewed,
	.lost		= on_lost,
	.random		= on_random,
};

/* Addresses */

static bool iaid_used(const struct tupled *t, uint32_t iaid)
{
	const struct address *a;
	const struct pool *pool;
	size_t i;

	for (i = 0; i < t->orphans.n; i++)
		if (t->orphans.leases[i].iaid == iaid)
			return true;
	TAILQ_FOREACH(pool, &t->pools, list)
		TAILQ_FOREACH(a, &pool->addresses, list)
			if (a->m.iaid == iaid)
				return true;
	return false;
}

/* The lowest: a server, which remembers who had what, shall know few of us. */
static uint32_t new_iaid(struct tupled *t)
{
	while (iaid_used(t, t->iaid))
		t->iaid++;
	return t->iaid++;
}

static struct address *address_new(struct pool *pool, uint32_t iaid)
{
	struct address *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->pool = pool;
	machine_init(&a->m, &pool->env, iaid, &pool->t->state.data.duid);
	TAILQ_INSERT_TAIL(&pool->addresses, a, list);
	return a;
}

static void address_free(struct address *a)
{
	struct tupled *t = a->pool->t;

	if (a->m.iaid < t->iaid)
		t->iaid = a->m.iaid;
	TAILQ_REMOVE(&a->pool->addresses, a, list);
	free(a);
}

/* To the server, which may give it to others; the kernel has it no more. */
static void address_release(struct address *a)
{
	struct tupled *t = a->pool->t;

	if (machine_has(&a->m)) {
		say_more("%s: %s is released", a->pool->name,
			 addr_str(a->m.addr));
		flush_within(t, FLUSH_GOT);
	}
	machine_release(&a->m, t->now);
	address_free(a);
}

/* Return: whether nobody had it */
static bool address_withdraw(struct address *a)
{
	int err;

	if (a->given) {
		err = kernel_del(a->pool->t, a->pool->name, a->m.addr, true);
		if (err && err != -ENOENT)
			return false;
	}
	address_release(a);
	return true;
}

/* Pools */

static struct pool *pool_find(struct tupled *t, const char *name)
{
	struct pool *pool;

	TAILQ_FOREACH(pool, &t->pools, list)
		if (!strcmp(pool->name, name))
			return pool;
	return NULL;
}

static struct pool *pool_new(struct tupled *t, const char *name)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->t = t;
	strcpy(pool->name, name);
	pool->env.ops = &machine_ops;
	pool->env.arg = pool;
	pool->env.probe_ms = t->probe_ms;
	pool->env.broadcast = t->broadcast;
	pool->gap = GAP_MIN;
	pool->refused = -1;
	TAILQ_INIT(&pool->addresses);
	TAILQ_INSERT_TAIL(&t->pools, pool, list);
	return pool;
}

static void pool_free(struct pool *pool)
{
	struct address *a;

	while ((a = TAILQ_FIRST(&pool->addresses)))
		address_free(a);
	TAILQ_REMOVE(&pool->t->pools, pool, list);
	if (pool->link)
		link_put(pool->link);
	free(pool);
}

/* The kernel's pool is gone, and its addresses with it. */
static void pool_end(struct pool *pool)
{
	struct address *a;

	while ((a = TAILQ_FIRST(&pool->addresses))) {
		if (machine_has(&a->m))
			usleep(RELEASE_GAP);
		address_release(a);
	}
	pool_free(pool);
}

/* What was asked for where nobody heard it */
static void ask_again(struct pool *pool)
{
	struct address *a;

	TAILQ_FOREACH(a, &pool->addresses, list)
		if (a->m.state == MACHINE_SELECTING)
			machine_start(&a->m, next_start(pool));
}

/* A device that was away may be another. */
static void pool_link(struct pool *pool, int ifindex)
{
	if (pool->link && pool->link->ifindex == ifindex) {
		link_refresh(pool->link);
		memcpy(pool->env.mac, pool->link->mac, PACKET_MAC);
		return;
	}
	if (pool->link)
		link_put(pool->link);
	pool->link = ifindex ? link_get(pool->t, ifindex) : NULL;
	if (pool->link) {
		memcpy(pool->env.mac, pool->link->mac, PACKET_MAC);
		ask_again(pool);
	} else if (ifindex != pool->refused) {
		say("%s: the device is %s", pool->name,
		    ifindex ? strerror(errno) : "gone");
	}
	pool->refused = pool->link ? -1 : ifindex;
}

/* On their way: the kernel has them not yet */
static uint32_t coming(const struct pool *pool)
{
	const struct address *a;
	uint32_t n = 0;

	TAILQ_FOREACH(a, &pool->addresses, list)
		n += !a->given;
	return n;
}

/* Those of which no server has been asked for a particular address yet */
static void cancel(struct pool *pool, uint32_t n)
{
	struct address *a, *before;

	for (a = TAILQ_LAST(&pool->addresses, addresses); a && n; a = before) {
		before = TAILQ_PREV(a, addresses, list);
		if (a->m.state == MACHINE_INIT ||
		    a->m.state == MACHINE_SELECTING) {
			address_free(a);
			n--;
		}
	}
}

/* @n: as many as shall be on their way */
static void want(struct pool *pool, uint32_t n)
{
	uint32_t on_way = coming(pool);
	struct address *a;

	if (on_way > n)
		cancel(pool, on_way - n);
	for (; on_way < n; on_way++) {
		a = address_new(pool, new_iaid(pool->t));
		if (!a)
			return;
		machine_start(&a->m, next_start(pool));
	}
}

void pools_want(struct tupled *t, const char *name, uint32_t n)
{
	struct pool *pool = pool_find(t, name);

	if (pool)
		want(pool, n);
	else
		pools_sync(t);
}

/* A lease that the last daemon left: the kernel may have its address still. */
static void adopt(struct pool *pool, const struct state_lease *lease,
		  bool in_kernel)
{
	struct tupled *t = pool->t;
	struct address *a;

	if ((t->now >= lease->expires && !in_kernel) ||
	    iaid_used(t, lease->iaid))
		return;
	a = address_new(pool, lease->iaid);
	if (!a)
		return;
	a->m.addr = lease->addr;
	a->m.server = lease->server;
	a->m.t1 = lease->t1;
	a->m.t2 = lease->t2;
	a->m.expires = lease->expires;
	a->given = in_kernel;
	if (in_kernel)
		machine_resume(&a->m, t->now);
	else
		machine_reboot(&a->m, next_start(pool));
}

static struct kernel_addr *find_addr(struct kernel_addr *addrs, size_t n,
				     in_addr_t addr)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (addrs[i].addr == addr)
			return &addrs[i];
	return NULL;
}

static void adopt_all(struct pool *pool, struct kernel_addr *addrs, size_t n)
{
	struct state_data *orphans = &pool->t->orphans;
	struct state_lease lease;
	size_t i = 0;

	while (i < orphans->n) {
		if (strcmp(orphans->leases[i].pool, pool->name)) {
			i++;
			continue;
		}
		lease = orphans->leases[i];
		orphans->leases[i] = orphans->leases[--orphans->n];
		adopt(pool, &lease, find_addr(addrs, n, lease.addr));
	}
}

static int longest_idle(const void *one, const void *two)
{
	const struct address *const *a = one, *const *b = two;

	return ((*a)->idle_ms < (*b)->idle_ms) -
	       ((*a)->idle_ms > (*b)->idle_ms);
}

/* What has been idle for long goes back, as far as there is more than enough. */
static void shrink(struct pool *pool, uint32_t stock)
{
	struct address **idle, *a;
	size_t i, n = 0;

	if (stock <= pool->high)
		return;
	idle = calloc(stock, sizeof(struct address *));
	if (!idle)
		return;
	TAILQ_FOREACH(a, &pool->addresses, list)
		if (a->stock && n < stock)
			idle[n++] = a;
	qsort(idle, n, sizeof(struct address *), longest_idle);
	for (i = 0; i < n && stock > pool->high &&
	     idle[i]->idle_ms >= pool->t->idle_ms; i++)
		stock -= address_withdraw(idle[i]);
	free(idle);
}

/* An address that somebody took from the kernel is the server's again. One that
 * has expired there is about to expire here.
 */
static void look_at(struct address *a, const struct kernel_addr *in_kernel)
{
	if (in_kernel) {
		a->stock = in_kernel->stock;
		a->idle_ms = in_kernel->idle_ms;
	} else if (a->pool->t->now + SYNC_MIN < a->m.expires) {
		say("%s: %s was withdrawn", a->pool->name,
		    addr_str(a->m.addr));
		address_release(a);
	}
}

static void sync_pool(struct tupled *t, const struct kernel_pool *k)
{
	struct pool *pool = pool_find(t, k->name);
	struct kernel_addr *addrs = NULL;
	struct address *a, *next;
	size_t n;

	if (!pool)
		pool = pool_new(t, k->name);
	if (!pool)
		return;
	pool->seen = true;
	pool->high = k->high;
	pool_link(pool, k->ifindex);
	if (kernel_addrs(t, k->name, &addrs, &n))
		return;
	if (!pool->adopted)
		adopt_all(pool, addrs, n);
	pool->adopted = true;
	for (a = TAILQ_FIRST(&pool->addresses); a; a = next) {
		next = TAILQ_NEXT(a, list);
		if (a->given)
			look_at(a, find_addr(addrs, n, a->m.addr));
	}
	free(addrs);
	if (k->free < k->low && coming(pool) < k->high - k->free)
		want(pool, k->high - k->free);
	else if (k->free >= k->high)
		cancel(pool, UINT32_MAX);
	shrink(pool, k->free);
}

/**
 * pools_sync - look at what the kernel has
 * @t: the daemon
 *
 * It tells when it wants more. All else, which is in no hurry, is seen here: new
 * pools and those that are gone, addresses that are idle.
 */
void pools_sync(struct tupled *t)
{
	uint64_t wait = t->idle_ms / 4;
	struct kernel_pool *kernel = NULL;
	struct pool *pool, *next;
	size_t i, n;
	int err;

	t->sync = t->now + (wait < SYNC_MIN ? SYNC_MIN :
			    wait > SYNC_MAX ? SYNC_MAX : wait);
	err = kernel_pools(t, &kernel, &n);
	if (err) {
		say("cannot look at the pools: %s", strerror(-err));
		if (err == -ENOENT)
			t->stop = -1;	/* the module is */
		return;
	}
	TAILQ_FOREACH(pool, &t->pools, list)
		pool->seen = false;
	for (i = 0; i < n; i++)
		sync_pool(t, &kernel[i]);
	free(kernel);
	for (pool = TAILQ_FIRST(&t->pools); pool; pool = next) {
		next = TAILQ_NEXT(pool, list);
		if (!pool->seen)
			pool_end(pool);
	}
}

/* A lease from before the host's start: whether it holds, no server has said. */
static bool is_asked_about(const struct address *a)
{
	return (a->m.state == MACHINE_INIT_REBOOT ||
		a->m.state == MACHINE_REBOOTING) &&
	       a->pool->t->now < a->m.expires;
}

/* What is in the file is what servers believe us to have. */
static int write_state(struct tupled *t)
{
	struct state_data *data = &t->state.data;
	struct state_lease lease;
	struct address *a;
	struct pool *pool;
	int err = 0;
	size_t i;

	data->n = 0;
	for (i = 0; !err && i < t->orphans.n; i++)
		if (t->now < t->orphans.leases[i].expires)
			err = state_add(data, &t->orphans.leases[i]);
	TAILQ_FOREACH(pool, &t->pools, list)
		TAILQ_FOREACH(a, &pool->addresses, list) {
			if (err ||
			    (!machine_has(&a->m) && !is_asked_about(a)))
				continue;
			memset(&lease, 0, sizeof(lease));
			strcpy(lease.pool, pool->name);
			lease.iaid = a->m.iaid;
			lease.addr = a->m.addr;
			lease.server = a->m.server;
			lease.t1 = a->m.t1;
			lease.t2 = a->m.t2;
			lease.expires = a->m.expires;
			err = state_add(data, &lease);
		}
	return err ? err : state_write(&t->state, t->now);
}

/* An address that the kernel will not have because it is somebody's here is
 * no address to the server either.
 */
static void give(struct address *a)
{
	struct pool *pool = a->pool;
	struct tupled *t = pool->t;
	uint32_t left = valid(&a->m, t->now);
	int err;

	if (!left)
		return;
	a->waits = false;
	err = kernel_set(t, pool->name, a->m.addr, left);
	if (!err) {
		a->given = true;
		return;
	}
	say("%s: %s is of no use: %s: %s", pool->name, addr_str(a->m.addr),
	    strerror(-err), inet_tuple_error_text(t->h));
	if (err == -EADDRINUSE)
		machine_decline(&a->m, t->now);
	else
		address_release(a);
}

/* The state to the disk; then new addresses to the kernel, which sockets wait for
 * also where the disk is full
 */
void pools_flush(struct tupled *t)
{
	struct address *a, *next;
	struct pool *pool;
	int err;

	if (t->now < t->flush)
		return;
	t->flush = MACHINE_NEVER;
	err = write_state(t);
	if (err) {
		say("%s: %s", t->state.dir, strerror(-err));
		flush_within(t, FLUSH_RETRY);
	}
	TAILQ_FOREACH(pool, &t->pools, list)
		for (a = TAILQ_FIRST(&pool->addresses); a; a = next) {
			next = TAILQ_NEXT(a, list);
			if (a->waits)
				give(a);
		}
}

void pools_timers(struct tupled *t)
{
	struct address *a;
	struct pool *pool;

	if (t->now >= t->sync)
		pools_sync(t);
	TAILQ_FOREACH(pool, &t->pools, list)
		TAILQ_FOREACH(a, &pool->addresses, list)
			machine_timer(&a->m, t->now);
}

/* When there is something to do next */
uint64_t pools_deadline(struct tupled *t)
{
	uint64_t next = t->sync < t->flush ? t->sync : t->flush;
	const struct address *a;
	const struct pool *pool;

	TAILQ_FOREACH(pool, &t->pools, list)
		TAILQ_FOREACH(a, &pool->addresses, list)
			if (a->m.deadline < next)
				next = a->m.deadline;
	return next;
}

/* Anybody may send a DHCPNAK; told of is one that had an effect. */
static void heed(struct address *a, const struct dhcp_msg *msg)
{
	const struct pool *pool = a->pool;
	unsigned int refusals = a->m.refusals;
	uint32_t addr = a->m.addr;

	say_more("%s: %u: %s, answer %d from %s: %s %s", pool->name, a->m.iaid,
		 machine_state_name(a->m.state), msg->type,
		 addr_str(msg->server), addr_str(msg->yiaddr), msg->text);
	machine_message(&a->m, msg, pool->t->now);
	if (msg->type == DHCP_NAK && a->m.refusals != refusals)
		say("%s: %s is refused by %s: %s", pool->name, addr_str(addr),
		    addr_str(msg->server),
		    *msg->text ? msg->text : "no reason given");
}

void pools_message(struct link *l, const struct dhcp_msg *msg)
{
	struct address *a;
	struct pool *pool;

	TAILQ_FOREACH(pool, &l->t->pools, list) {
		if (pool->link != l)
			continue;
		TAILQ_FOREACH(a, &pool->addresses, list) {
			if (a->m.xid != msg->xid)
				continue;
			heed(a, msg);
			return;
		}
	}
}

/* Somebody speaks of an address that we have, or are about to have. */
static void heard(struct address *a, const struct arp *arp)
{
	struct tupled *t = a->pool->t;
	enum machine_state state = a->m.state;
	struct arp reply = {
		.reply = true,
		.from = a->m.addr,
		.to = arp->from,
	};

	if (arp->from == a->m.addr ||
	    (state == MACHINE_PROBING && !arp->from && !arp->reply)) {
		say_more("%s: %s: somebody else uses it", a->pool->name,
			 addr_str(arp->to));
		machine_conflict(&a->m, t->now);
		if (state == MACHINE_PROBING)
			say("%s: %s is declined: somebody else has it",
			    a->pool->name, addr_str(reply.from));
		return;
	}
	if (arp->reply || state == MACHINE_PROBING ||
	    local_has(t->local, a->m.addr))
		return;
	memcpy(reply.from_mac, a->pool->link->mac, PACKET_MAC);
	memcpy(reply.to_mac, arp->from_mac, PACKET_MAC);
	link_send_arp(a->pool->link, &reply, arp->from_mac);
}

void pools_arp(struct link *l, const struct arp *arp)
{
	struct address *a;
	struct pool *pool;

	if (!memcmp(arp->from_mac, l->mac, PACKET_MAC))
		return;
	TAILQ_FOREACH(pool, &l->t->pools, list) {
		if (pool->link != l)
			continue;
		TAILQ_FOREACH(a, &pool->addresses, list)
			if (machine_has(&a->m) &&
			    (a->m.addr == arp->from || a->m.addr == arp->to))
				heard(a, arp);
	}
}

/**
 * pools_end - the daemon ends
 * @t: the daemon
 * @release: for good: what nobody uses goes back to the server, but for leases
 *	that no server has confirmed since the host's start
 *
 * Otherwise the kernel keeps all addresses for as long as they last, and the
 * next daemon goes on with them.
 */
void pools_end(struct tupled *t, bool release)
{
	struct address *a, *next;
	struct pool *pool;

	TAILQ_FOREACH(pool, &t->pools, list)
		for (a = TAILQ_FIRST(&pool->addresses); release && a; a = next) {
			next = TAILQ_NEXT(a, list);
			if (!is_asked_about(a) && address_withdraw(a))
				usleep(RELEASE_GAP);
		}
	t->flush = 0;
	pools_flush(t);
	while ((pool = TAILQ_FIRST(&t->pools)))
		pool_free(pool);
}
