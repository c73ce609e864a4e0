// SPDX-License-Identifier: GPL-2.0-only
/* kmod/alloc.c against a model that does everything the slow way. */

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shim.h"
#include "alloc.h"
#include <linux/inet_tuple.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define SEQUENTIAL	INET_TUPLE_ORDER_SEQUENTIAL
#define RANDOM		INET_TUPLE_ORDER_RANDOM
#define LRU		INET_TUPLE_ORDER_LRU

typedef unsigned __int128 u128;

static u64 rng_state;

static u64 rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state * 0x2545f4914f6cdd1d;
}

static u64 below(u64 n)
{
	return rng() % n;
}

/* A check that fails ends its test: the state is of no use any more */
static bool failed;

static bool __attribute__((format(printf, 4, 5)))
check(bool good, int line, const char *what, const char *fmt, ...)
{
	va_list ap;

	if (good || failed)
		return !failed;
	failed = true;
	printf("# alloc_test.c:%d: %s:", line, what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return false;
}

#define CHECK(cond, ...) do {						\
	if (!check(cond, __LINE__, #cond, " " __VA_ARGS__))		\
		return;							\
} while (0)

/* Addresses */

static u128 value(const struct in6_addr *addr)
{
	u128 v = 0;
	int i;

	for (i = 0; i < 16; i++)
		v = v << 8 | addr->s6_addr[i];
	return v;
}

static struct in6_addr address(u128 v)
{
	struct in6_addr addr;
	int i;

	for (i = 15; i >= 0; i--, v >>= 8)
		addr.s6_addr[i] = v;
	return addr;
}

static u128 parse(const char *text)
{
	struct in6_addr addr = {};

	if (strchr(text, ':')) {
		if (inet_pton(AF_INET6, text, &addr) != 1)
			abort();
	} else {
		addr.s6_addr[10] = 0xff;
		addr.s6_addr[11] = 0xff;
		if (inet_pton(AF_INET, text, addr.s6_addr + 12) != 1)
			abort();
	}
	return value(&addr);
}

/* Configurations */

#define MAX_PREFIXES	300
#define MAX_EXCLUDES	400

struct conf {
	struct tuple_prefix prefixes[MAX_PREFIXES];
	unsigned int n_prefixes;
	struct tuple_range excludes[MAX_EXCLUDES];
	unsigned int n_excludes;
};

static void add_prefix(struct conf *c, u128 addr, unsigned int len)
{
	struct tuple_prefix *p = &c->prefixes[c->n_prefixes++];

	p->addr = address(addr);
	p->len = len;
}

static void add_exclude(struct conf *c, u128 first, u128 last)
{
	struct tuple_range *r = &c->excludes[c->n_excludes++];

	r->first = address(first);
	r->last = address(last);
}

/* "prefix/len ... - exclude exclude,last ..." */
static void parse_conf(struct conf *c, const char *text)
{
	char word[128], *sep;
	bool excludes = false;
	int used;

	memset(c, 0, sizeof(*c));
	for (; sscanf(text, " %127s%n", word, &used) == 1; text += used) {
		if (!strcmp(word, "-")) {
			excludes = true;
		} else if (!excludes) {
			sep = strchr(word, '/');
			*sep = 0;
			add_prefix(c, parse(word),
				   atoi(sep + 1) + (strchr(word, ':') ? 0 : 96));
		} else {
			sep = strchr(word, ',');
			if (sep)
				*sep = 0;
			add_exclude(c, parse(word), parse(sep ? sep + 1 : word));
		}
	}
}

static bool is_v4(u128 v)
{
	return v >> 32 == 0xffff;
}

/* Prefixes in different /24s (/120s) of one /16, in random order */
static void random_conf(struct conf *c)
{
	u128 base = below(2) ? parse("10.7.0.0") : parse("2001:db8::7:0:0");
	unsigned int i, n = 1 + below(12), n_excludes = below(3) * below(200);
	unsigned char block[256], t;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < 256; i++)
		block[i] = i;
	for (i = 0; i < n; i++) {
		unsigned int j = i + below(20), len = 120 + below(9);
		u128 host = below(256) >> (128 - len) << (128 - len);

		t = block[i];
		block[i] = block[j];
		block[j] = t;
		add_prefix(c, base + block[i] * 256 + host, len);
	}
	for (i = 0; i < n_excludes; i++) {
		u128 first = base + below(32 * 256);

		add_exclude(c, first, first + (below(4) ? below(4) : below(300)));
	}
}

/* May the address be handed out? */
static bool conf_has(const struct conf *c, u128 v)
{
	unsigned int i;

	for (i = 0; i < c->n_excludes; i++)
		if (v >= value(&c->excludes[i].first) &&
		    v <= value(&c->excludes[i].last))
			return false;
	for (i = 0; i < c->n_prefixes; i++) {
		const struct tuple_prefix *p = &c->prefixes[i];
		u128 first = value(&p->addr);
		u128 hosts = p->len ? ((u128)1 << (128 - p->len)) - 1 : ~(u128)0;

		if (v < first || v - first > hosts)
			continue;
		if (p->len <= 126 && v == first)
			return false;
		if (p->len <= 126 && is_v4(first) && v - first == hosts)
			return false;
		return true;
	}
	return false;
}

/* The model: every address of a set, in order, and what became of it */

#define MAX_MODEL	70000

struct model_addr {
	u128 v;
	bool taken;
	u64 key;		/* lru: the least of the free ones is next */
};

struct model {
	struct model_addr addrs[MAX_MODEL];
	unsigned int n;
	unsigned int taken;
	u64 seq;
};

static void model_build(struct model *m, const struct conf *c)
{
	unsigned int i;

	m->n = 0;
	m->taken = 0;
	m->seq = MAX_MODEL;
	for (i = 0; i < c->n_prefixes; i++) {
		const struct tuple_prefix *p = &c->prefixes[i];
		u128 v = value(&p->addr), k;

		for (k = 0; k < (u128)1 << (128 - p->len); k++) {
			if (!conf_has(c, v + k))
				continue;
			m->addrs[m->n] = (struct model_addr) {
				.v = v + k,
				.key = m->n,
			};
			m->n++;
		}
	}
}

static struct model_addr *model_find(struct model *m, u128 v)
{
	unsigned int i;

	for (i = 0; i < m->n; i++)
		if (m->addrs[i].v == v)
			return &m->addrs[i];
	return NULL;
}

static struct model_addr *model_next(struct model *m, u8 order)
{
	struct model_addr *best = NULL;
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		if (m->addrs[i].taken)
			continue;
		if (order == SEQUENTIAL)
			return &m->addrs[i];
		if (!best || m->addrs[i].key < best->key)
			best = &m->addrs[i];
	}
	return best;
}

static void model_free(struct model *m, struct model_addr *ma)
{
	ma->taken = false;
	ma->key = m->seq++;
	m->taken--;
}

/* A run: an allocator, its model, and what is held */

static struct run {
	struct conf conf;
	u8 order;
	struct tuple_alloc a;
	struct model m;
	u128 held[MAX_MODEL];
	unsigned int n_held;
	bool faults;		/* make allocations fail now and then */
	unsigned long injected, full, empty, grown, extended;
} run;

static bool never_taken(void *ctx, const struct in6_addr *addr)
{
	(void)ctx;
	(void)addr;
	return false;
}

static void arm_faults(void)
{
	shim_failed = false;
	if (run.faults && !below(8))
		shim_fail_in = below(3);
}

static void disarm_faults(void)
{
	shim_fail_in = -1;
	run.injected += shim_failed;
}

/* What the owner does before each get and take. May fail only by injection. */
/* As the owner does it: again, after others had the lock */
static int get(struct tuple_alloc *a, struct in6_addr *addr,
	       bool (*is_taken)(void *ctx, const struct in6_addr *addr),
	       void *ctx)
{
	int err;

	do {
		err = tuple_alloc_get(a, addr, is_taken, ctx);
	} while (err == -ERESTART);
	return err;
}

static int reserve(void)
{
	u32 want, *ring;

	while (tuple_alloc_reserve(&run.a)) {
		want = tuple_alloc_ring_want(&run.a);
		shim_atomic = false;
		ring = kvmalloc_array(want, sizeof(*ring), GFP_KERNEL);
		if (!ring)
			return -ENOMEM;
		shim_atomic = true;
		ring = tuple_alloc_ring_give(&run.a, ring, want);
		shim_atomic = false;
		kvfree(ring);
		shim_atomic = true;
		run.grown++;
	}
	return 0;
}

/* Rings that are not wanted must come straight back */
static void step_give(void)
{
	u32 size = below(2) ? run.a.ring_size : 3 * below(40);
	u32 *ring;

	if (run.order == LRU && size > run.a.ring_size && is_power_of_2(size))
		return;
	shim_atomic = false;
	ring = kvmalloc_array(size, sizeof(*ring), GFP_KERNEL);
	shim_atomic = true;
	CHECK(tuple_alloc_ring_give(&run.a, ring, size) == ring, "");
	shim_atomic = false;
	kvfree(ring);
}

static void step_get(void)
{
	struct model_addr *next = model_next(&run.m, run.order), *got;
	struct in6_addr addr;
	int err;

	arm_faults();
	shim_atomic = true;
	err = reserve();
	if (!err)
		err = get(&run.a, &addr, never_taken, NULL);
	shim_atomic = false;
	disarm_faults();

	if (err == -ENOMEM) {
		CHECK(shim_failed, "");
		return;
	}
	if (!next) {
		CHECK(err == -EADDRNOTAVAIL, "%d", err);
		run.full++;
		return;
	}
	CHECK(!err, "%d with %u of %u", err, run.m.taken, run.m.n);
	got = model_find(&run.m, value(&addr));
	CHECK(got, "outside");
	CHECK(!got->taken, "twice");
	CHECK(run.order == RANDOM || got == next, "#%ld instead of #%ld",
	      got - run.m.addrs, next - run.m.addrs);
	got->taken = true;
	run.m.taken++;
	run.held[run.n_held++] = got->v;
}

/* Somewhere in or near the prefixes */
static u128 random_near(void)
{
	const struct tuple_prefix *p;
	const struct tuple_range *r;

	if (run.m.n && below(4))
		return run.m.addrs[below(run.m.n)].v;
	if (run.conf.n_excludes && below(2)) {
		r = &run.conf.excludes[below(run.conf.n_excludes)];
		return value(below(2) ? &r->first : &r->last) + below(3) - 1;
	}
	p = &run.conf.prefixes[below(run.conf.n_prefixes)];
	return value(&p->addr) + below(2ULL << (128 - p->len)) - 1;
}

static void step_take(void)
{
	u128 v = run.n_held && !below(6) ? run.held[below(run.n_held)] :
					   random_near();
	struct model_addr *ma = model_find(&run.m, v);
	struct in6_addr addr = address(v);
	int err;

	CHECK(tuple_alloc_has(&run.a, &addr) == !!ma, "");
	arm_faults();
	shim_atomic = true;
	err = reserve();
	if (!err)
		err = tuple_alloc_take(&run.a, &addr);
	shim_atomic = false;
	disarm_faults();

	if (err == -ENOMEM) {
		CHECK(shim_failed, "");
		return;
	}
	CHECK(err == (!ma ? -ERANGE : ma->taken ? -EADDRINUSE : 0), "%d", err);
	if (err)
		return;
	ma->taken = true;
	run.m.taken++;
	run.held[run.n_held++] = v;
}

static void step_free(void)
{
	struct in6_addr addr;
	struct model_addr *ma;
	unsigned int i;

	if (!run.n_held) {
		run.empty++;
		return;
	}
	/* The newest, the oldest, or any */
	i = below(4) ? below(run.n_held) : below(2) ? run.n_held - 1 : 0;
	addr = address(run.held[i]);
	ma = model_find(&run.m, run.held[i]);
	run.held[i] = run.held[--run.n_held];

	shim_atomic = true;
	shim_fail_in = 0;
	shim_failed = false;
	tuple_alloc_free(&run.a, &addr);
	shim_fail_in = -1;
	shim_atomic = false;
	CHECK(!shim_failed, "free needs memory");
	if (ma)
		model_free(&run.m, ma);
}

static void check_state(void)
{
	unsigned long limit = 3UL * run.m.n;

	CHECK(run.a.taken == run.m.taken, "%llu %u",
	      (unsigned long long)run.a.taken, run.m.taken);
	CHECK(run.a.total == run.m.n, "");
	CHECK(run.a.ring_size <= (limit < 64 ? 64 : limit), "ring of %u for %u",
	      run.a.ring_size, run.m.n);
	CHECK(!shim_faults, "");
}

static int build(struct tuple_alloc *a, const struct conf *c, u8 order)
{
	tuple_alloc_init(a);
	return tuple_alloc_build(a, c->prefixes, c->n_prefixes, c->excludes,
				 c->n_excludes, order, true);
}

/* As the owner does it: all memory first, then all at once */
static void step_rebuild(void)
{
	static struct tuple_alloc new;
	struct tuple_alloc old;
	struct in6_addr addr;
	unsigned int i;
	u32 size, *ring;
	int err;

	run.order = below(3);
	if (run.conf.n_excludes + 1 < MAX_EXCLUDES && below(2)) {
		u128 v = random_near();

		add_exclude(&run.conf, v, v + below(3));
	} else if (run.conf.n_excludes && below(2)) {
		run.conf.n_excludes--;
	}

	arm_faults();
	err = build(&new, &run.conf, run.order);
	disarm_faults();
	if (err) {
		CHECK(err == -ENOMEM && shim_failed, "%d", err);
		CHECK(!new.total && !new.spans && !new.n_spans, "");
		CHECK(!build(&new, &run.conf, run.order), "second attempt");
	}
	size = roundup_pow_of_two(run.n_held + 1);
	ring = kvmalloc_array(size, sizeof(*ring), GFP_KERNEL);
	shim_atomic = true;
	old = run.a;
	run.a = new;
	ring = tuple_alloc_ring_give(&run.a, ring, size);
	model_build(&run.m, &run.conf);
	for (i = 0; i < run.n_held; i++) {
		struct model_addr *ma = model_find(&run.m, run.held[i]);

		addr = address(run.held[i]);
		CHECK(!tuple_alloc_reserve(&run.a), "");
		err = tuple_alloc_take(&run.a, &addr);
		CHECK(err == (ma ? 0 : -ERANGE), "%d", err);
		if (ma) {
			ma->taken = true;
			run.m.taken++;
		}
	}
	shim_atomic = false;
	kvfree(ring);
	tuple_alloc_destroy(&old);
}

/* A prefix more, that has nothing to do with the others */
static void add_far_prefix(struct conf *c)
{
	bool v4 = is_v4(value(&c->prefixes[0].addr));
	unsigned int len = 128 - below(4);

	add_prefix(c, parse(v4 ? "172.16.0.0" : "3fff::") +
		   c->n_prefixes * 256, len);
}

/* As the owner does it where that is all: nothing is taken anew */
static void step_extend(void)
{
	static struct tuple_alloc new;
	static struct model old;
	unsigned int i;

	if (run.conf.n_prefixes == MAX_PREFIXES)
		return;
	add_far_prefix(&run.conf);
	if (run.conf.n_excludes + 1 < MAX_EXCLUDES && !below(8)) {
		u128 v = random_near();

		add_exclude(&run.conf, v, v + below(3));
	}
	CHECK(!build(&new, &run.conf, run.order), "");
	old = run.m;
	model_build(&run.m, &run.conf);
	for (i = 0; i < old.n && i < run.m.n; i++)
		if (run.m.addrs[i].v != old.addrs[i].v)
			break;
	CHECK(tuple_alloc_extends(&new, &run.a) == (i == old.n), "%u of %u", i,
	      old.n);
	if (i < old.n) {	/* what has been excluded is in between */
		run.conf.n_excludes--;
		tuple_alloc_destroy(&new);
		CHECK(!build(&new, &run.conf, run.order), "");
		model_build(&run.m, &run.conf);
		CHECK(tuple_alloc_extends(&new, &run.a), "");
	}
	memcpy(run.m.addrs, old.addrs, old.n * sizeof(old.addrs[0]));
	run.m.taken = old.taken;
	run.m.seq = old.seq;
	shim_atomic = true;
	tuple_alloc_extend(&run.a, &new);
	shim_atomic = false;
	tuple_alloc_destroy(&new);
	run.extended++;
}

static void check_empty(void)
{
	tuple_alloc_destroy(&run.a);
	CHECK(!shim_bytes, "%zu bytes leaked", shim_bytes);
	CHECK(!shim_nodes, "%zu nodes leaked", shim_nodes);
	CHECK(!run.a.total && !run.a.taken, "");
	CHECK(!shim_faults, "");
}

static void run_random(const struct conf *c, u8 order, unsigned int steps)
{
	unsigned int i, getting = 50;

	run.conf = *c;
	run.order = order;
	run.n_held = 0;
	CHECK(!build(&run.a, c, order), "");
	model_build(&run.m, c);

	for (i = 0; i < steps && !failed; i++) {
		unsigned int what = below(1000);

		/* Fill, empty, or hold the balance for a while */
		if (!below(1 + run.m.n))
			getting = 10 + 40 * below(3);
		if (what < 150)
			step_take();
		else if (what < 152)
			step_rebuild();
		else if (what < 154)
			step_extend();
		else if (what < 160)
			step_give();
		else if (below(100) < getting)
			step_get();
		else
			step_free();
		check_state();
	}
	if (!failed)
		check_empty();
}

/* Tests */

static const char * const confs[] = {
	"10.0.0.0/24",
	"10.0.0.0/29 - 10.0.0.3",
	"10.0.0.0/30",
	"10.0.0.0/31",
	"10.0.0.7/32",
	"10.0.0.7/32 10.0.0.4/31 10.0.0.0/30 10.0.0.8/29",
	"10.0.1.0/26 10.0.0.0/26 10.0.3.0/28 10.0.2.0/25 "
		"- 10.0.0.32,10.0.2.3 10.0.2.5",
	"10.0.0.0/28 - 10.0.0.2,10.0.0.4 10.0.0.5,10.0.0.7 10.0.0.8",
	"10.0.0.0/28 - 10.0.0.3,10.0.0.9 10.0.0.4 10.0.0.5,10.0.0.12",
	"10.0.0.0/28 - 10.0.0.0,10.0.0.15",
	"10.0.0.0/28 10.0.0.16/31 - 10.0.0.9,10.0.0.14 0.0.0.0,10.0.0.8",
	"10.0.0.0/28 - 0.0.0.0,255.255.255.255",
	"10.0.0.0/28 - ::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	"10.0.0.0/31 - 10.0.0.0,10.0.0.1",
	"10.0.0.0/31 - 10.0.0.1",
	"10.0.0.0/28 - 10.0.0.1 10.0.0.14 10.0.0.0 10.0.0.15",
	"10.0.0.0/28 - 2001:db8::,2001:db8::ffff",
	"255.255.255.252/30 0.0.0.0/30",
	"255.255.255.254/31",
	"10.0.0.0/22",
	"2001:db8::/120",
	"2001:db8::/126",
	"2001:db8::2/127",
	"2001:db8::2/128",
	"2001:db8::2/127 - 2001:db8::2,2001:db8::3",
	"2001:db8::/124 2001:db8:0:1::/125 2001:db8::ffff:0/126 "
		"- 2001:db8::3,2001:db8:0:1::2",
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124 ::/124 "
		"- ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc,"
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::,::3",
	"2001:db8:0:1:ffff:ffff:ffff:fff8/125 2001:db8:0:2::/125",
};

static void run_confs(u8 order, bool faults)
{
	static struct conf c;
	unsigned int i;

	run.faults = faults;
	run.injected = run.full = run.empty = run.grown = run.extended = 0;
	for (i = 0; i < ARRAY_SIZE(confs) && !failed; i++) {
		parse_conf(&c, confs[i]);
		run_random(&c, order, 6000);
		if (failed)
			printf("# in: %s\n", confs[i]);
	}
	for (i = 0; i < 60 && !failed; i++) {
		random_conf(&c);
		run_random(&c, order, 1500);
		if (failed)
			printf("# in random configuration %u\n", i);
	}
	printf("# %lu times full, %lu empty, %lu rings grown, %lu faults, %lu extended\n",
	       run.full, run.empty, run.grown, run.injected, run.extended);
	CHECK(run.full && run.empty && run.grown && run.extended,
	      "not much of a test");
	CHECK(!faults || run.injected, "not much of a test");
}

static void test_sequential(void)
{
	run_confs(SEQUENTIAL, false);
}

static void test_random(void)
{
	run_confs(RANDOM, false);
}

static void test_lru(void)
{
	run_confs(LRU, false);
}

static void test_sequential_faults(void)
{
	run_confs(SEQUENTIAL, true);
}

static void test_random_faults(void)
{
	run_confs(RANDOM, true);
}

static void test_lru_faults(void)
{
	run_confs(LRU, true);
}

static void test_many_excludes(void)
{
	static struct conf c;
	unsigned int i;
	u8 order;

	for (order = 0; order < 3; order++) {
		parse_conf(&c, "10.1.4.0/22 10.1.0.0/22");
		for (i = 0; i < 300; i++) {
			u128 first = parse("10.1.0.0") + below(2048);

			add_exclude(&c, first, first + below(3));
		}
		run.faults = true;
		run_random(&c, order, 8000);
	}
	/* As many spans as there can be */
	for (order = 0; order < 3; order++) {
		memset(&c, 0, sizeof(c));
		for (i = 0; i < 256; i++)
			add_prefix(&c, parse("10.2.0.0") + (i ^ 0x5a) * 8, 125);
		for (i = 0; i < 256; i++)
			add_exclude(&c, parse("10.2.0.3") + i * 8,
				    parse("10.2.0.3") + i * 8);
		run_random(&c, order, 4000);
	}
}

/* Without room reserved nothing is handed out that could not be freed */
static void test_unreserved(void)
{
	struct tuple_alloc a;
	struct in6_addr addr;
	struct conf c;

	parse_conf(&c, "10.0.0.0/24");
	CHECK(!build(&a, &c, LRU), "");
	CHECK(tuple_alloc_reserve(&a) == -ENOSPC, "");
	CHECK(get(&a, &addr, never_taken, NULL) == -ENOMEM, "");
	addr = address(parse("10.0.0.9"));
	CHECK(tuple_alloc_take(&a, &addr) == -ENOMEM, "");
	CHECK(!a.taken && !a.cursor, "");
	tuple_alloc_free(&a, &addr);
	CHECK(shim_faults == 1, "double free not seen");
	shim_faults = 0;
	tuple_alloc_destroy(&a);
}

/* However much there is to pass over, no call takes long. */
static void test_skips(void)
{
	struct tuple_alloc *a = &run.a;
	u128 base = parse("10.0.0.0");
	unsigned int i, calls;
	struct in6_addr addr;
	struct conf c;

	parse_conf(&c, "10.0.0.0/16");
	CHECK(!build(a, &c, LRU), "");
	shim_atomic = true;
	/* all but the last have been taken by name once, and are free again */
	for (i = 1; i < a->total; i++) {
		addr = address(base + i);
		CHECK(!reserve(), "");
		CHECK(!tuple_alloc_take(a, &addr), "");
		tuple_alloc_free(a, &addr);
	}
	for (calls = 0; tuple_alloc_get(a, &addr, never_taken, NULL); calls++)
		CHECK(calls < 64, "");
	CHECK(calls == (a->total - 1) / 1024, "%u", calls);
	CHECK(value(&addr) == base + a->total, "");
	/* and the same in the ring: each but the last was taken again meanwhile */
	for (i = 1; i < a->total - 1; i++) {
		addr = address(base + i);
		CHECK(!reserve(), "");
		CHECK(!tuple_alloc_take(a, &addr), "");
	}
	calls = 0;
	while (tuple_alloc_get(a, &addr, never_taken, NULL)) {
		calls++;
		CHECK(calls < 64, "");
		CHECK(!reserve(), "");
	}
	CHECK(value(&addr) == base + a->total - 1, "");
	shim_atomic = false;
	tuple_alloc_destroy(a);
}

/* One address by name, over and over: the ring must not grow for ever */
static void test_ring_bound(void)
{
	struct in6_addr addr = address(parse("10.0.0.77"));
	struct model_addr *next;
	unsigned int i;

	parse_conf(&run.conf, "10.0.0.0/24");
	run.order = LRU;
	run.n_held = 0;
	run.faults = false;
	CHECK(!build(&run.a, &run.conf, LRU), "");
	model_build(&run.m, &run.conf);
	shim_atomic = true;
	for (i = 0; i < 200000; i++) {
		CHECK(!reserve(), "");
		CHECK(!tuple_alloc_take(&run.a, &addr), "");
		tuple_alloc_free(&run.a, &addr);
	}
	CHECK(run.a.ring_size <= 512, "%u", run.a.ring_size);
	model_find(&run.m, value(&addr))->key = run.m.seq++;
	for (i = 0; i < 254; i++) {
		CHECK(!reserve(), "");
		next = model_next(&run.m, LRU);
		CHECK(!get(&run.a, &addr, never_taken, NULL), "");
		CHECK(value(&addr) == next->v, "");
		next->taken = true;
	}
	shim_atomic = false;
	tuple_alloc_destroy(&run.a);
}

static void test_lru_largest(void)
{
	struct in6_addr addr, first = {};
	struct conf c;
	unsigned int i;
	u128 base = parse("10.16.0.0");

	parse_conf(&c, "10.16.0.0/12");
	CHECK(!build(&run.a, &c, LRU), "");
	CHECK(run.a.total == (1 << 20) - 2, "");
	CHECK(shim_bytes < 200000, "%zu", shim_bytes);
	shim_atomic = true;
	/* Some by name, the rest in order, all freed in order */
	for (i = 0; i < run.a.total; i += 997) {
		addr = address(base + 1 + i);
		CHECK(!reserve(), "");
		CHECK(!tuple_alloc_take(&run.a, &addr), "");
	}
	for (i = 0; run.a.taken < run.a.total; i++) {
		i += i % 997 == 0;
		CHECK(!reserve(), "");
		CHECK(!get(&run.a, &addr, never_taken, NULL), "");
		CHECK(value(&addr) == base + 1 + i, "");
	}
	CHECK(!reserve(), "");
	CHECK(get(&run.a, &addr, never_taken, NULL) ==
	      -EADDRNOTAVAIL, "");
	for (i = run.a.total; i > 0; i--) {
		first = address(base + i);
		tuple_alloc_free(&run.a, &first);
	}
	CHECK(!reserve(), "");
	CHECK(!get(&run.a, &addr, never_taken, NULL), "");
	CHECK(value(&addr) == base + (1 << 20) - 2, "");
	CHECK(run.a.ring_size <= 1 << 21, "%u", run.a.ring_size);
	shim_atomic = false;
	tuple_alloc_destroy(&run.a);
}

/* Sets too large for an exact lru */
static void test_clock(void)
{
	static const char * const text[] = { "10.0.0.0/8", "2001:db8::/64" };
	struct in6_addr addr;
	struct tuple_alloc a;
	struct conf c;
	unsigned int i, k;
	u128 base;

	for (i = 0; i < ARRAY_SIZE(text); i++) {
		parse_conf(&c, text[i]);
		base = value(&c.prefixes[0].addr);
		CHECK(!build(&a, &c, LRU), "");
		CHECK(a.order == LRU, "");
		shim_atomic = true;
		for (k = 0; k < 5000; k++) {
			CHECK(!get(&a, &addr, NULL, NULL), "");
			CHECK(value(&addr) == base + 1 + k, "");
			if (k & 1)
				tuple_alloc_free(&a, &addr);
		}
		/* Round the end; the even ones are taken, and one by name */
		addr = address(base + 2);
		CHECK(!tuple_alloc_take(&a, &addr), "");
		CHECK(tuple_alloc_take(&a, &addr) == -EADDRINUSE, "");
		a.cursor = a.total < INT_MAX ? a.total - 1 : INT_MAX;
		CHECK(!get(&a, &addr, NULL, NULL), "");
		CHECK(value(&addr) == base + a.cursor, "");
		CHECK(!get(&a, &addr, NULL, NULL), "");
		CHECK(value(&addr) == base + 4, "");
		CHECK(a.taken == 2503, "%llu", (unsigned long long)a.taken);
		shim_atomic = false;
		tuple_alloc_destroy(&a);
	}
	CHECK(!shim_faults, "");
}

/* Addresses whose rank is beyond what the ida can count */
static void test_far(void)
{
	static const u8 orders[] = { SEQUENTIAL, LRU, RANDOM };
	struct in6_addr addr, last;
	struct tuple_alloc a;
	struct conf c;
	unsigned int i;

	parse_conf(&c, "2001:db8::/32 2001:db9::/64");
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		CHECK(!build(&a, &c, orders[i]), "");
		CHECK(a.total == U64_MAX, "");
		shim_atomic = true;
		addr = address(parse("2001:db8:ffff::1"));
		CHECK(!tuple_alloc_take(&a, &addr), "");
		last = address(parse("2001:db9::7fff:ffff"));
		CHECK(!tuple_alloc_take(&a, &last), "");
		CHECK(a.taken == 2, "");
		tuple_alloc_free(&a, &addr);
		/* Its lower 32 bits alone would be a rank */
		addr = address(parse("2001:db8::3:0:5"));
		CHECK(!tuple_alloc_take(&a, &addr), "");
		tuple_alloc_free(&a, &addr);
		tuple_alloc_free(&a, &last);
		addr = address(parse("2001:db9:0:1::"));
		CHECK(tuple_alloc_take(&a, &addr) == -ERANGE, "");
		tuple_alloc_free(&a, &addr);
		CHECK(!a.taken, "");
		CHECK(!get(&a, &addr, never_taken, NULL), "");
		CHECK(conf_has(&c, value(&addr)), "");
		CHECK(orders[i] == RANDOM ||
		      value(&addr) == parse("2001:db8::1"), "");
		shim_atomic = false;
		tuple_alloc_destroy(&a);
	}
	CHECK(!shim_nodes && !shim_bytes && !shim_faults, "");
}

static void test_effective_order(void)
{
	static const struct {
		const char *prefix;
		u8 order;
		bool is_explicit;
		u8 effective;
	} cases[] = {
		{ "2001:db8::/64", LRU, false, RANDOM },
		{ "2001:db8::/64", LRU, true, LRU },
		{ "2001:db8::/64", SEQUENTIAL, false, SEQUENTIAL },
		{ "2001:db8::/108", LRU, false, LRU },
		{ "2001:db8::/107", LRU, false, RANDOM },
		{ "10.0.0.0/8", LRU, false, LRU },
		{ "10.0.0.0/24", RANDOM, false, RANDOM },
	};
	struct tuple_alloc a;
	struct conf c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		parse_conf(&c, cases[i].prefix);
		tuple_alloc_init(&a);
		CHECK(!tuple_alloc_build(&a, c.prefixes, 1, NULL, 0,
					 cases[i].order, cases[i].is_explicit),
		      "");
		CHECK(a.order == cases[i].effective, "%s", cases[i].prefix);
		tuple_alloc_destroy(&a);
	}
}

/* What a set takes goes with its prefixes, not with its addresses */
static void test_memory(void)
{
	static const char * const large[] = {
		"10.0.0.0/8", "0.0.0.0/0", "2001:db8::/64", "2001:db8::/48",
		"2001:db8::/32", "::/0",
	};
	struct tuple_alloc a;
	size_t small, n = 0;
	struct conf c;
	unsigned int i;
	u8 order;

	parse_conf(&c, "10.0.0.0/24");
	CHECK(!build(&a, &c, SEQUENTIAL), "");
	small = shim_bytes;
	tuple_alloc_destroy(&a);
	for (i = 0; i < ARRAY_SIZE(large); i++) {
		for (order = 0; order < 3; order++) {
			parse_conf(&c, large[i]);
			CHECK(!build(&a, &c, order), "");
			CHECK(shim_bytes == small, "%s: %zu, not %zu",
			      large[i], shim_bytes, small);
			n += shim_nodes;
			tuple_alloc_destroy(&a);
		}
	}
	CHECK(!n, "");
	printf("# %zu bytes for one prefix\n", small);
}

/* Is count what comes of n draws of probability p, within 6 sigma? */
static bool plausible(double count, double n, double p)
{
	double d = count - n * p;

	return d * d <= 36 * n * p * (1 - p) + 1;
}

static void test_dense_uniform(void)
{
	static unsigned int count[1024];
	const unsigned int draws = 300000;
	struct in6_addr addr;
	struct tuple_alloc a;
	struct conf c;
	unsigned int i, full;

	parse_conf(&c, "10.0.0.0/24 10.0.2.0/24 10.0.1.0/28");
	for (full = 0; full < 2; full++) {
		memset(count, 0, sizeof(count));
		CHECK(!build(&a, &c, RANDOM), "");
		/* Every other one, so that scanning on favours none */
		for (i = 1; full && i < 1024; i += 2) {
			addr = address(parse("10.0.0.0") + i);
			tuple_alloc_take(&a, &addr);
		}
		for (i = 0; i < draws; i++) {
			CHECK(!get(&a, &addr, NULL, NULL), "");
			count[(unsigned int)(value(&addr) & 1023)]++;
			tuple_alloc_free(&a, &addr);
		}
		for (i = 0; i < 1024; i++) {
			bool may = conf_has(&c, parse("10.0.0.0") + i) &&
				   !(full && i & 1);

			CHECK(plausible(count[i], draws,
					may ? 1.0 / (full ? 261 : 522) : 0),
			      "%u: %u", i, count[i]);
		}
		tuple_alloc_destroy(&a);
	}
}

struct held {
	struct in6_addr addr[64];
	unsigned int n;
};

static bool is_held(void *ctx, const struct in6_addr *addr)
{
	struct held *h = ctx;
	unsigned int i;

	for (i = 0; i < h->n; i++)
		if (!memcmp(&h->addr[i], addr, sizeof(*addr)))
			return true;
	return false;
}

static void sparse_uniform(const char *text, unsigned int shift)
{
	static unsigned int count[256];
	const unsigned int draws = 100000;
	struct held *h = calloc(1, sizeof(*h));
	struct in6_addr addr;
	struct tuple_alloc a;
	unsigned int i, ones[128] = {}, bit, len;
	struct conf c;

	memset(count, 0, sizeof(count));
	parse_conf(&c, text);
	len = c.prefixes[0].len;
	CHECK(!build(&a, &c, RANDOM), "");
	shim_atomic = true;
	for (i = 0; i < draws; i++) {
		CHECK(!get(&a, &addr, is_held, h), "");
		CHECK(conf_has(&c, value(&addr)), "");
		count[(unsigned int)(value(&addr) >> shift & 255)]++;
		for (bit = 0; bit < 128; bit++)
			ones[bit] += value(&addr) >> (127 - bit) & 1;
		if (h->n < ARRAY_SIZE(h->addr))
			h->addr[h->n++] = addr;
		else
			tuple_alloc_free(&a, &addr);
	}
	CHECK(a.taken == h->n, "");
	CHECK(!shim_nodes, "keeps account");
	shim_atomic = false;
	for (i = 0; i < 256; i++)
		CHECK(plausible(count[i], draws, 1 / 256.0), "%s: %u: %u",
		      text, i, count[i]);
	/* Every bit below the prefix takes part */
	for (bit = len; bit < 128; bit++)
		CHECK(plausible(ones[bit], draws, 0.5), "%s: bit %u: %u",
		      text, bit, ones[bit]);
	tuple_alloc_destroy(&a);
	free(h);
}

static void test_sparse_uniform(void)
{
	sparse_uniform("10.0.0.0/7", 16);
	sparse_uniform("2001:db8::/64", 56);
	sparse_uniform("2001:db8::/48", 72);
	sparse_uniform("2001:db8::/48", 64);
	sparse_uniform("2001:db8::/32", 88);
	sparse_uniform("::/0", 120);
}

/* Spans are chosen by their size, beyond 64 bits too */
static void test_sparse_weights(void)
{
	static const struct {
		const char *text, *split;
		double below;
	} cases[] = {
		{ "2001:db8::/48 - 2001:db8:0:4000::,2001:db8:0:7fff:ffff::",
		  "2001:db8:0:4000::", 1.0 / 3 },
		{ "2001:db8:1::/48 2001:db8::/49", "2001:db8:1::", 1.0 / 3 },
		{ "2001:db8:1::/48 2001:db8::/64", "2001:db8:1::",
		  1.0 / 65537 },
		{ "2001:db8::/49 2001:db8:1::/48 2001:db8:3::/128",
		  "2001:db8:1::", 1.0 / 3 },
		{ "2001:db8:1::/64 2001:db8::/64", "2001:db8:1::", 0.5 },
		{ "11.0.0.0/8 10.0.0.0/8 8.0.0.0/7", "10.0.0.0", 0.5 },
		{ "8.0.0.0/8 10.0.0.0/8 - 8.0.0.0,8.127.255.255", "9.0.0.0",
		  1.0 / 3 },
	};
	const unsigned int draws = 50000;
	unsigned int i, k, count;
	struct in6_addr addr;
	struct tuple_alloc a;
	struct conf c;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		parse_conf(&c, cases[i].text);
		CHECK(!build(&a, &c, RANDOM), "");
		for (k = count = 0; k < draws; k++) {
			CHECK(!get(&a, &addr, never_taken, NULL),
			      "");
			CHECK(conf_has(&c, value(&addr)), "");
			count += value(&addr) < parse(cases[i].split);
		}
		CHECK(plausible(count, draws, cases[i].below), "%s: %u",
		      cases[i].text, count);
		tuple_alloc_destroy(&a);
	}
}

struct sieve {
	u128 step;	/* multiples are free; 0: none is */
	unsigned long asked;
};

static bool is_sieved(void *ctx, const struct in6_addr *addr)
{
	struct sieve *s = ctx;

	s->asked++;
	return !s->step || value(addr) % s->step;
}

/* A large set that is nearly full, or full */
static void test_sparse_full(void)
{
	static const char * const text[] = {
		"10.0.0.0/7", "2001:db8::/64",
		"10.0.0.0/8 12.0.0.0/31 13.0.0.0/8",
	};
	struct sieve s = {};
	struct in6_addr addr;
	struct tuple_alloc a;
	struct conf c;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(text); i++) {
		parse_conf(&c, text[i]);
		CHECK(!build(&a, &c, RANDOM), "");
		s.step = 10007;
		for (k = 0; k < 50; k++) {
			CHECK(!get(&a, &addr, is_sieved, &s), "");
			CHECK(conf_has(&c, value(&addr)), "");
			CHECK(value(&addr) % 10007 == 0, "");
		}
		s = (struct sieve) {};
		CHECK(get(&a, &addr, is_sieved, &s) ==
		      -EADDRNOTAVAIL, "");
		CHECK(s.asked < 100000, "%lu", s.asked);
		CHECK(a.taken == 50, "");
		tuple_alloc_destroy(&a);
	}
}

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "sequential against the model", test_sequential },
	{ "random against the model", test_random },
	{ "lru against the model", test_lru },
	{ "sequential with failing allocations", test_sequential_faults },
	{ "random with failing allocations", test_random_faults },
	{ "lru with failing allocations", test_lru_faults },
	{ "hundreds of excludes and prefixes", test_many_excludes },
	{ "lru hands out nothing without a reserve", test_unreserved },
	{ "lru passes over a few at a time", test_skips },
	{ "lru ring is bounded", test_ring_bound },
	{ "the largest exact lru", test_lru_largest },
	{ "lru by clock", test_clock },
	{ "ranks beyond 2^31", test_far },
	{ "the order in effect", test_effective_order },
	{ "large sets take no more memory", test_memory },
	{ "dense random is uniform", test_dense_uniform },
	{ "sparse random is uniform", test_sparse_uniform },
	{ "sparse random weighs spans", test_sparse_weights },
	{ "sparse random when nearly full", test_sparse_full },
};

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000814;
	unsigned int i, bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(tests));
	printf("# seed %llu\n", (unsigned long long)seed);
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		clock_t start = clock();

		/* Each test from its own, so that one can be looked at alone */
		rng_state = seed * 0x9e3779b97f4a7c15 + i + 1;
		shim_seed(rng());
		shim_faults = 0;
		shim_bytes = 0;
		shim_nodes = 0;
		shim_atomic = false;
		shim_fail_in = -1;
		failed = false;
		tests[i].fn();
		bad += failed;
		printf("%sok %u - %s # %ld ms\n", failed ? "not " : "", i + 1,
		       tests[i].name, (clock() - start) / (CLOCKS_PER_SEC / 1000));
	}
	return bad ? 1 : 0;
}
