// SPDX-License-Identifier: GPL-2.0-only
/* The allocator against a model: for each address whether it is taken and
 * when it was freed.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bottom_half.h>
#include <linux/errno.h>
#include <linux/inet_tuple.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "alloc.h"
#include "selftest/selftest.h"

#define STEPS		4000
#define SEED		20000814
#define V4(last)	{ { { [10] = 0xff, 0xff, 10, 64, 0, (last) } } }
#define V6(net)		{ { { 0x20, 0x01, 0x0d, 0xb8, [7] = (net) } } }

/* 126 addresses, 2 and 14, less 3 and 4 */
static const struct tuple_prefix prefixes[] __initconst = {
	{ .addr = V4(128), .len = 96 + 25 },
	{ .addr = V4(2), .len = 96 + 31 },
	{ .addr = V4(16), .len = 96 + 28 },
};

static const struct tuple_range excludes[] __initconst = {
	{ .first = V4(200), .last = V4(202) },
	{ .first = V4(27), .last = V4(40) },
	{ .first = V4(201), .last = V4(202) },
};

#define TOTAL		(126 + 2 + 14 - 3 - 4)

struct model_addr {
	u8 last;		/* byte of the address */
	bool taken;
	u32 key;		/* lru: the least of the free ones is next */
};

struct model {
	struct tuple_alloc a;
	struct rnd_state rnd;
	u8 order;
	unsigned int n;
	unsigned int taken;
	u32 seq;
	struct model_addr addrs[TOTAL];
};

#define EXPECT(cond) ({							\
	bool __good = (cond);						\
	if (!__good)							\
		pr_err("allocator self-test, line %d: %s\n",		\
		       __LINE__, #cond);				\
	__good;								\
})

static void __init address(struct in6_addr *addr, u8 last)
{
	*addr = (struct in6_addr)V4(last);
}

static bool __init excluded(u8 last)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(excludes); i++)
		if (last >= excludes[i].first.s6_addr[15] &&
		    last <= excludes[i].last.s6_addr[15])
			return true;
	return false;
}

static bool __init model_build(struct model *m)
{
	unsigned int i, host, hosts;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		hosts = 1 << (128 - prefixes[i].len);
		for (host = 0; host < hosts; host++) {
			u8 last = prefixes[i].addr.s6_addr[15] + host;

			if (hosts > 2 && (!host || host == hosts - 1))
				continue;
			if (excluded(last))
				continue;
			if (!EXPECT(m->n < TOTAL))
				return false;
			m->addrs[m->n].last = last;
			m->addrs[m->n].key = m->n;
			m->n++;
		}
	}
	m->seq = TOTAL;
	return EXPECT(m->n == TOTAL);
}

static struct model_addr * __init model_find(struct model *m,
					     const struct in6_addr *addr)
{
	struct in6_addr like;
	unsigned int i;

	address(&like, addr->s6_addr[15]);
	if (memcmp(&like, addr, sizeof(like)))
		return NULL;
	for (i = 0; i < TOTAL; i++)
		if (m->addrs[i].last == addr->s6_addr[15])
			return &m->addrs[i];
	return NULL;
}

static struct model_addr * __init model_next(struct model *m)
{
	struct model_addr *best = NULL;
	unsigned int i;

	for (i = 0; i < TOTAL; i++) {
		struct model_addr *ma = &m->addrs[i];

		if (ma->taken)
			continue;
		if (m->order != INET_TUPLE_ORDER_LRU)
			return ma;
		if (!best || ma->key < best->key)
			best = ma;
	}
	return best;
}

static void __init model_take(struct model *m, struct model_addr *ma)
{
	ma->taken = true;
	m->taken++;
}

static bool __init reserve(struct model *m)
{
	u32 want, *ring;

	while (tuple_alloc_reserve(&m->a)) {
		want = tuple_alloc_ring_want(&m->a);
		ring = kvmalloc_array(want, sizeof(*ring), GFP_KERNEL);
		if (!EXPECT(ring))
			return false;
		kvfree(tuple_alloc_ring_give(&m->a, ring, want));
	}
	return true;
}

static bool __init no_question(void *ctx, const struct in6_addr *addr)
{
	EXPECT(!"asked the owner");
	return true;
}

static bool __init step_get(struct model *m)
{
	struct model_addr *next = model_next(m), *got;
	struct in6_addr addr;
	int err;

	if (!reserve(m))
		return false;
	local_bh_disable();
	do {
		err = tuple_alloc_get(&m->a, &addr, no_question, NULL);
	} while (err == -ERESTART);
	local_bh_enable();

	if (!next)
		return EXPECT(err == -EADDRNOTAVAIL);
	if (!EXPECT(!err))
		return false;
	got = model_find(m, &addr);
	if (!EXPECT(got) || !EXPECT(!got->taken))
		return false;
	if (m->order != INET_TUPLE_ORDER_RANDOM && !EXPECT(got == next))
		return false;
	model_take(m, got);
	return true;
}

static bool __init step_take(struct model *m)
{
	struct model_addr *ma;
	struct in6_addr addr;
	int err;

	address(&addr, prandom_u32_state(&m->rnd));
	ma = model_find(m, &addr);
	if (!EXPECT(tuple_alloc_has(&m->a, &addr) == !!ma))
		return false;

	if (!reserve(m))
		return false;
	local_bh_disable();
	err = tuple_alloc_take(&m->a, &addr);
	local_bh_enable();

	if (!ma)
		return EXPECT(err == -ERANGE);
	if (ma->taken)
		return EXPECT(err == -EADDRINUSE);
	if (!EXPECT(!err))
		return false;
	model_take(m, ma);
	return true;
}

static bool __init step_free(struct model *m)
{
	unsigned int i = prandom_u32_state(&m->rnd) % TOTAL;
	struct in6_addr addr;

	if (!m->taken)
		return true;
	while (!m->addrs[i].taken)
		i = (i + 1) % TOTAL;
	address(&addr, m->addrs[i].last);

	local_bh_disable();
	tuple_alloc_free(&m->a, &addr);
	local_bh_enable();

	m->addrs[i].taken = false;
	m->addrs[i].key = m->seq++;
	m->taken--;
	return true;
}

static bool __init run_steps(struct model *m)
{
	unsigned int i, getting = 50;
	bool good;

	for (i = 0; i < STEPS; i++) {
		/* Fill, empty, or hold the balance for a while */
		if (i % TOTAL == 0)
			getting = 10 + 40 * (prandom_u32_state(&m->rnd) % 3);
		if (prandom_u32_state(&m->rnd) % 8 == 0)
			good = step_take(m);
		else if (prandom_u32_state(&m->rnd) % 100 < getting)
			good = step_get(m);
		else
			good = step_free(m);
		if (!good || !EXPECT(m->a.taken == m->taken))
			return false;
		cond_resched();
	}
	return true;
}

static bool __init test_order(u8 order)
{
	struct model *m = kzalloc(sizeof(*m), GFP_KERNEL);
	bool good;

	if (!EXPECT(m))
		return false;
	prandom_seed_state(&m->rnd, SEED);
	m->order = order;
	tuple_alloc_init(&m->a);
	good = model_build(m) &&
	       EXPECT(!tuple_alloc_build(&m->a, prefixes, ARRAY_SIZE(prefixes),
					 excludes, ARRAY_SIZE(excludes), order,
					 true)) &&
	       EXPECT(m->a.total == TOTAL) &&
	       run_steps(m);
	if (!good)
		pr_err("allocator self-test: failed in order %u\n", order);
	tuple_alloc_destroy(&m->a);
	kfree(m);
	return good;
}

static bool __init never_taken(void *ctx, const struct in6_addr *addr)
{
	return false;
}

/* The end of what the ida can count, and round it */
static bool __init huge_clock(struct tuple_alloc *a)
{
	struct in6_addr addr, end = V6(0), first = V6(0);

	end.s6_addr32[3] = htonl(INT_MAX);
	first.s6_addr32[3] = htonl(1);
	a->cursor = INT_MAX - 1;
	return EXPECT(!tuple_alloc_get(a, &addr, NULL, NULL)) &&
	       EXPECT(!memcmp(&addr, &end, sizeof(addr))) &&
	       EXPECT(tuple_alloc_take(a, &addr) == -EADDRINUSE) &&
	       EXPECT(!tuple_alloc_get(a, &addr, NULL, NULL)) &&
	       EXPECT(!tuple_alloc_get(a, &addr, NULL, NULL)) &&
	       EXPECT(!memcmp(&addr, &first, sizeof(addr))) &&
	       EXPECT(a->taken == 3);
}

/* Random over 2^80: inside, and every bit of the rest takes part */
static bool __init huge_random(struct tuple_alloc *a)
{
	u64 subnets = 0, hosts = 0;
	struct in6_addr addr;
	int i;

	for (i = 0; i < 100; i++) {
		if (!EXPECT(!tuple_alloc_get(a, &addr, never_taken, NULL)) ||
		    !EXPECT(tuple_alloc_has(a, &addr)))
			return false;
		subnets |= ntohs(addr.s6_addr16[3]);
		hosts |= (u64)ntohl(addr.s6_addr32[2]) << 32 |
			 ntohl(addr.s6_addr32[3]);
		if (i & 1)
			tuple_alloc_free(a, &addr);
	}
	return EXPECT(subnets == U16_MAX) && EXPECT(hosts == U64_MAX) &&
	       EXPECT(a->taken == 50);
}

static bool __init test_huge(u8 order, bool (*test)(struct tuple_alloc *a))
{
	const struct tuple_prefix prefix = { .addr = V6(0), .len = 48 };
	struct tuple_alloc a;
	bool good;

	tuple_alloc_init(&a);
	good = EXPECT(!tuple_alloc_build(&a, &prefix, 1, NULL, 0, order,
					 true)) &&
	       EXPECT(a.total == U64_MAX) && test(&a);
	tuple_alloc_destroy(&a);
	return good;
}

int __init tuple_selftest_alloc(void)
{
	if (!test_order(INET_TUPLE_ORDER_SEQUENTIAL) ||
	    !test_order(INET_TUPLE_ORDER_RANDOM) ||
	    !test_order(INET_TUPLE_ORDER_LRU) ||
	    !test_huge(INET_TUPLE_ORDER_LRU, huge_clock) ||
	    !test_huge(INET_TUPLE_ORDER_RANDOM, huge_random))
		return -EINVAL;
	pr_info("allocator self-test passed\n");
	return 0;
}
