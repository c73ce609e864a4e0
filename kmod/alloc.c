// SPDX-License-Identifier: GPL-2.0-only
/* The address allocator: which address a pool hands out next.
 *
 * The addresses of a pool are laid out in spans, and numbered through: the
 * rank. Where ranks are few enough, account of the taken ones is kept by rank,
 * and what is kept depends on the order:
 *
 * - lowest: the lowest free rank is the next one. An ida.
 * - clock: the hand (a->cursor) goes round, the next free rank after it is the
 *   next one. An ida.
 * - dense: random ranks are tried. An ida.
 * - sparse: random addresses are tried. No account at all: the owner knows.
 * - lru: the rank that has been free longest. Ranks never used come first, in
 *   order, from a->cursor on; then those in the ring, into which each rank goes
 *   when it is freed. An address that is taken by name is not looked for in
 *   either; it is noted, to be passed over when its turn comes:
 *   a->touched are the ranks at or after the cursor that have been used,
 *   a->stale[rank] is how many entries in the ring came before its last use.
 */

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/inet_tuple.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <asm/byteorder.h>
#include <net/ipv6.h>

#include "alloc.h"

#define ALLOC_GFP	(GFP_ATOMIC | __GFP_NOWARN)
#define DENSE_PROBES	8
#define SPARSE_PROBES	64
#define SPARSE_SCAN	65536
#define RING_MIN	64

/* Addresses that are passed over in one hold of the lock */
#define SKIPS_MAX	1024

enum {
	MODE_LOWEST,
	MODE_CLOCK,
	MODE_DENSE,
	MODE_SPARSE,
	MODE_LRU,
};

/* An address as a number */
struct num {
	u64 hi;
	u64 lo;
};

struct block {
	struct num first;
	struct num last;
};

/* An address in memory, which is aligned for 32 bits */
struct halves {
	__be64 hi;
	__be64 lo;
} __packed __aligned(4);

static struct num num_of(const struct in6_addr *addr)
{
	const struct halves *halves = (const void *)addr;

	return (struct num) {
		.hi = be64_to_cpu(halves->hi),
		.lo = be64_to_cpu(halves->lo),
	};
}

static void num_to(struct num n, struct in6_addr *addr)
{
	struct halves *halves = (void *)addr;

	halves->hi = cpu_to_be64(n.hi);
	halves->lo = cpu_to_be64(n.lo);
}

static int num_cmp(struct num a, struct num b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	if (a.lo != b.lo)
		return a.lo < b.lo ? -1 : 1;
	return 0;
}

static struct num num_add(struct num a, struct num b)
{
	a.lo += b.lo;
	a.hi += b.hi + (a.lo < b.lo);
	return a;
}

static struct num num_sub(struct num a, struct num b)
{
	a.hi -= b.hi + (a.lo < b.lo);
	a.lo -= b.lo;
	return a;
}

static struct num num_add64(struct num a, u64 n)
{
	return num_add(a, (struct num) { .lo = n });
}

/* The low 64 bits of n >> shift, for shift up to 127 */
static u64 num_shift(struct num n, unsigned int shift)
{
	if (shift >= 64)
		return n.hi >> (shift - 64);
	if (shift)
		return n.hi << (64 - shift) | n.lo >> shift;
	return n.lo;
}

static u64 saturating_add(u64 a, u64 b)
{
	return a + b < a ? U64_MAX : a + b;
}

static u64 mask_of(u64 n)
{
	return n ? U64_MAX >> (64 - fls64(n)) : 0;
}

/* All numbers up to max, max included, are equally likely */
static struct num random_upto(struct num max)
{
	struct num mask = {
		.hi = mask_of(max.hi),
		.lo = max.hi ? U64_MAX : mask_of(max.lo),
	};
	struct num n;

	do {
		n.hi = mask.hi ? get_random_u64() & mask.hi : 0;
		n.lo = mask.lo ? get_random_u64() & mask.lo : 0;
	} while (num_cmp(n, max) > 0);
	return n;
}

static u64 random_below(u64 n)
{
	return random_upto((struct num) { .lo = n - 1 }).lo;
}

/* Spans */

/* How many steps it is from the first address of a span to the last */
static struct num span_width(const struct tuple_span *span)
{
	return num_sub(num_of(&span->last), num_of(&span->first));
}

static const struct tuple_span *span_of(const struct tuple_alloc *a,
					struct num at)
{
	unsigned int low = 0, high = a->n_spans;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (num_cmp(num_of(&a->by_addr[mid]->last), at) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == a->n_spans ||
	    num_cmp(at, num_of(&a->by_addr[low]->first)) < 0)
		return NULL;
	return a->by_addr[low];
}

/* False: not an address of this allocator. The rank saturates. */
static bool addr_to_rank(const struct tuple_alloc *a,
			 const struct in6_addr *addr, u64 *rank)
{
	struct num at = num_of(addr);
	const struct tuple_span *span = span_of(a, at);
	struct num offset;

	if (!span)
		return false;
	offset = num_sub(at, num_of(&span->first));
	*rank = offset.hi ? U64_MAX : saturating_add(span->rank, offset.lo);
	return true;
}

/* @rank is below a->total and far from saturation */
static void rank_to_addr(const struct tuple_alloc *a, u64 rank,
			 struct in6_addr *addr)
{
	unsigned int low = 0, high = a->n_spans - 1;
	const struct tuple_span *span;

	while (low < high) {
		unsigned int mid = (low + high + 1) / 2;

		if (a->spans[mid].rank <= rank)
			low = mid;
		else
			high = mid - 1;
	}
	span = &a->spans[low];
	num_to(num_add64(num_of(&span->first), rank - span->rank), addr);
}

static void add_span(struct tuple_alloc *a, struct num first, struct num last)
{
	struct tuple_span *span = &a->spans[a->n_spans++];
	struct num width = num_sub(last, first);

	num_to(first, &span->first);
	num_to(last, &span->last);
	span->rank = a->total;
	span->count = width.hi ? U64_MAX : saturating_add(width.lo, 1);
	a->total = saturating_add(a->total, span->count);
}

static struct block prefix_block(const struct tuple_prefix *prefix)
{
	struct block b = { .first = num_of(&prefix->addr) };
	unsigned int host_bits = 128 - prefix->len;
	struct num host = {
		.hi = host_bits > 64 ? U64_MAX >> (128 - host_bits) : 0,
		.lo = host_bits >= 64 ? U64_MAX : (1ULL << host_bits) - 1,
	};

	b.last = num_add(b.first, host);
	if (host_bits < 2)
		return b;
	b.first = num_add64(b.first, 1);
	if (prefix->len >= 96 && ipv6_addr_v4mapped(&prefix->addr))
		b.last = num_sub(b.last, (struct num) { .lo = 1 });
	return b;
}

/* @excludes are sorted and do not overlap */
static void add_prefix(struct tuple_alloc *a, const struct tuple_prefix *prefix,
		       const struct block *excludes, unsigned int n_excludes)
{
	struct block rest = prefix_block(prefix);
	const struct block *ex;

	for (ex = excludes; ex < excludes + n_excludes; ex++) {
		if (num_cmp(ex->last, rest.first) < 0)
			continue;
		if (num_cmp(ex->first, rest.last) > 0)
			break;
		if (num_cmp(ex->first, rest.first) > 0)
			add_span(a, rest.first,
				 num_sub(ex->first, (struct num) { .lo = 1 }));
		if (num_cmp(ex->last, rest.last) >= 0)
			return;
		rest.first = num_add64(ex->last, 1);
	}
	add_span(a, rest.first, rest.last);
}

static int cmp_block(const void *a, const void *b)
{
	return num_cmp(((const struct block *)a)->first,
		       ((const struct block *)b)->first);
}

/* Sorts, joins those that overlap. Returns how many there are then. */
static unsigned int merge_blocks(struct block *blocks, unsigned int n)
{
	unsigned int i, end = 0;

	if (!n)
		return 0;
	sort(blocks, n, sizeof(*blocks), cmp_block, NULL);
	for (i = 1; i < n; i++) {
		if (num_cmp(blocks[i].first, blocks[end].last) > 0)
			blocks[++end] = blocks[i];
		else if (num_cmp(blocks[i].last, blocks[end].last) > 0)
			blocks[end].last = blocks[i].last;
	}
	return end + 1;
}

static int cmp_span(const void *a, const void *b)
{
	return num_cmp(num_of(&(*(struct tuple_span * const *)a)->first),
		       num_of(&(*(struct tuple_span * const *)b)->first));
}

/* A span's weight is the number of its addresses, scaled down until the sum
 * fits into 64 bits. The sum of the numbers fits into 128: even ::/0 lacks its
 * anycast address.
 */
static void weigh_spans(struct tuple_alloc *a)
{
	unsigned int i, shift = 0;
	struct num sum = {};
	u64 weight = 0;

	for (i = 0; i < a->n_spans; i++)
		sum = num_add64(num_add(sum, span_width(&a->spans[i])), 1);
	if (sum.hi)
		shift = fls64(sum.hi) + 1;
	for (i = 0; i < a->n_spans; i++) {
		struct num count = num_add64(span_width(&a->spans[i]), 1);

		weight += max_t(u64, num_shift(count, shift), 1);
		a->spans[i].weight = weight;
	}
}

static int build_spans(struct tuple_alloc *a,
		       const struct tuple_prefix *prefixes,
		       unsigned int n_prefixes,
		       const struct tuple_range *excludes,
		       unsigned int n_excludes)
{
	struct block *blocks = NULL;
	unsigned int i;

	/* An exclude makes at most one span more */
	a->spans = kvcalloc(n_prefixes + n_excludes, sizeof(*a->spans),
			    GFP_KERNEL_ACCOUNT);
	a->by_addr = kvcalloc(n_prefixes + n_excludes, sizeof(*a->by_addr),
			      GFP_KERNEL_ACCOUNT);
	if (n_excludes)
		blocks = kvcalloc(n_excludes, sizeof(*blocks), GFP_KERNEL_ACCOUNT);
	if (!a->spans || !a->by_addr || (n_excludes && !blocks)) {
		kvfree(blocks);
		return -ENOMEM;
	}

	for (i = 0; i < n_excludes; i++) {
		blocks[i].first = num_of(&excludes[i].first);
		blocks[i].last = num_of(&excludes[i].last);
	}
	n_excludes = merge_blocks(blocks, n_excludes);
	for (i = 0; i < n_prefixes; i++)
		add_prefix(a, &prefixes[i], blocks, n_excludes);
	kvfree(blocks);

	for (i = 0; i < a->n_spans; i++)
		a->by_addr[i] = &a->spans[i];
	sort(a->by_addr, a->n_spans, sizeof(*a->by_addr), cmp_span, NULL);
	weigh_spans(a);
	return 0;
}

static u8 choose_mode(const struct tuple_alloc *a)
{
	switch (a->order) {
	case INET_TUPLE_ORDER_RANDOM:
		return a->total <= TUPLE_ALLOC_DENSE_MAX ? MODE_DENSE :
							   MODE_SPARSE;
	case INET_TUPLE_ORDER_LRU:
		return a->total <= TUPLE_ALLOC_LRU_MAX ? MODE_LRU : MODE_CLOCK;
	default:
		return MODE_LOWEST;
	}
}

void tuple_alloc_init(struct tuple_alloc *a)
{
	memset(a, 0, sizeof(*a));
	ida_init(&a->ida);
	xa_init_flags(&a->touched, XA_FLAGS_LOCK_BH);
	xa_init_flags(&a->stale, XA_FLAGS_LOCK_BH);
}

void tuple_alloc_destroy(struct tuple_alloc *a)
{
	ida_destroy(&a->ida);
	xa_destroy(&a->touched);
	xa_destroy(&a->stale);
	kvfree(a->spans);
	kvfree(a->by_addr);
	kvfree(a->used);
	kvfree(a->ring);
	tuple_alloc_init(a);
}

int tuple_alloc_build(struct tuple_alloc *a,
		      const struct tuple_prefix *prefixes,
		      unsigned int n_prefixes,
		      const struct tuple_range *excludes,
		      unsigned int n_excludes, u8 order, bool explicit_order)
{
	int err;

	err = build_spans(a, prefixes, n_prefixes, excludes, n_excludes);
	if (err)
		goto err_destroy;

	if (order == INET_TUPLE_ORDER_LRU && !explicit_order &&
	    a->total > TUPLE_ALLOC_LRU_MAX &&
	    !ipv6_addr_v4mapped(&prefixes[0].addr))
		order = INET_TUPLE_ORDER_RANDOM;
	a->order = order;
	a->mode = choose_mode(a);

	if (a->mode == MODE_LRU && a->total) {
		a->used = kvcalloc(BITS_TO_LONGS(a->total), sizeof(long),
				   GFP_KERNEL_ACCOUNT);
		if (!a->used) {
			err = -ENOMEM;
			goto err_destroy;
		}
	}
	return 0;

err_destroy:
	tuple_alloc_destroy(a);
	return err;
}

/* Where a span is, and what ranks it has */
static bool span_equal(const struct tuple_span *a, const struct tuple_span *b)
{
	return a->rank == b->rank && a->count == b->count &&
	       !memcmp(&a->first, &b->first, sizeof(a->first)) &&
	       !memcmp(&a->last, &b->last, sizeof(a->last));
}

bool tuple_alloc_extends(const struct tuple_alloc *by,
			 const struct tuple_alloc *a)
{
	unsigned int i;

	if (a->n_spans && (by->order != a->order || by->mode != a->mode))
		return false;
	if (by->n_spans < a->n_spans)
		return false;
	for (i = 0; i < a->n_spans; i++)
		if (!span_equal(&by->spans[i], &a->spans[i]))
			return false;
	return true;
}

void tuple_alloc_extend(struct tuple_alloc *a, struct tuple_alloc *by)
{
	if (a->used)
		memcpy(by->used, a->used,
		       BITS_TO_LONGS(a->total) * sizeof(long));
	swap(a->spans, by->spans);
	swap(a->n_spans, by->n_spans);
	swap(a->by_addr, by->by_addr);
	swap(a->order, by->order);
	swap(a->mode, by->mode);
	swap(a->total, by->total);
	swap(a->used, by->used);
}

/* The ring of exact lru.
 *
 * Each rank that is taken must find room in it when it is freed, so there is
 * always room for a->taken entries. Only get and take can add to the sum of
 * entries and taken ranks, and by one; tuple_alloc_reserve() sees to that one.
 */

static bool ring_has_room(const struct tuple_alloc *a)
{
	return a->taken + a->ring_count < a->ring_size;
}

static void ring_push(struct tuple_alloc *a, u32 rank)
{
	u32 tail = a->ring_head + a->ring_count++;

	a->ring[tail & (a->ring_size - 1)] = rank;
}

static u32 ring_pop(struct tuple_alloc *a)
{
	a->ring_count--;
	return a->ring[a->ring_head++ & (a->ring_size - 1)];
}

/* Take the stale entries out: all but the last one of each rank that is free.
 * From the tail on, the first one seen of a rank is the one to keep; a->used
 * serves to remember which have been seen.
 */
static void ring_compact(struct tuple_alloc *a)
{
	u32 end = a->ring_head + a->ring_count;
	u32 mask = a->ring_size - 1;
	u32 i, kept = end;

	for (i = end; i != a->ring_head; ) {
		u32 rank = a->ring[--i & mask];

		if (!__test_and_set_bit(rank, a->used))
			a->ring[--kept & mask] = rank;
	}
	a->ring_head = kept;
	a->ring_count = end - kept;
	for (i = kept; i != end; i++)
		__clear_bit(a->ring[i & mask], a->used);

	xa_destroy(&a->stale);
	a->n_stale = 0;
}

int tuple_alloc_reserve(struct tuple_alloc *a)
{
	if (a->mode != MODE_LRU || ring_has_room(a))
		return 0;

	/* Without this a ring would grow for ever under addresses taken by
	 * name. An eighth at least, so that it is seldom done.
	 */
	if (a->n_stale && a->n_stale >= a->ring_size / 8) {
		ring_compact(a);
		return 0;
	}
	return -ENOSPC;
}

u32 tuple_alloc_ring_want(const struct tuple_alloc *a)
{
	if (a->mode != MODE_LRU)
		return 0;
	return max_t(u32, RING_MIN,
		     roundup_pow_of_two(a->taken + a->ring_count + 1));
}

u32 *tuple_alloc_ring_give(struct tuple_alloc *a, u32 *ring, u32 size)
{
	u32 *old = a->ring;
	u32 i;

	if (a->mode != MODE_LRU || size <= a->ring_size || !is_power_of_2(size))
		return ring;

	for (i = 0; i < a->ring_count; i++)
		ring[i] = old[(a->ring_head + i) & (a->ring_size - 1)];
	a->ring = ring;
	a->ring_size = size;
	a->ring_head = 0;
	return old;
}

static int stale_add(struct tuple_alloc *a, u32 rank)
{
	void *entry = xa_load(&a->stale, rank);
	unsigned long n = entry ? xa_to_value(entry) : 0;
	int err;

	err = xa_err(xa_store_bh(&a->stale, rank, xa_mk_value(n + 1),
				 ALLOC_GFP));
	if (!err)
		a->n_stale++;
	return err;
}

/* Is the entry of the ring that was just popped a stale one? */
static bool stale_drop(struct tuple_alloc *a, u32 rank)
{
	void *entry;

	if (!a->n_stale)
		return false;
	entry = xa_load(&a->stale, rank);
	if (!entry)
		return false;
	if (xa_to_value(entry) == 1)
		xa_erase_bh(&a->stale, rank);
	else	/* replaces an entry: needs no memory */
		xa_store_bh(&a->stale, rank,
			    xa_mk_value(xa_to_value(entry) - 1), ALLOC_GFP);
	a->n_stale--;
	return true;
}

static int get_lru(struct tuple_alloc *a)
{
	unsigned int skips = 0;
	u32 rank;

	if (tuple_alloc_reserve(a))
		return -ENOMEM;

	while (a->cursor < a->total) {
		if (skips++ == SKIPS_MAX)
			return -ERESTART;
		rank = a->cursor++;
		if (xa_empty(&a->touched) || !xa_erase_bh(&a->touched, rank))
			goto found;
	}
	while (a->ring_count) {
		if (skips++ == SKIPS_MAX)
			return -ERESTART;
		rank = ring_pop(a);
		if (!stale_drop(a, rank))
			goto found;
	}
	return -EADDRNOTAVAIL;

found:
	__set_bit(rank, a->used);
	return rank;
}

static int take_lru(struct tuple_alloc *a, u32 rank)
{
	int err;

	if (test_bit(rank, a->used))
		return -EADDRINUSE;
	if (tuple_alloc_reserve(a))
		return -ENOMEM;

	if (rank >= a->cursor && !xa_load(&a->touched, rank))
		err = xa_err(xa_store_bh(&a->touched, rank, xa_mk_value(0),
					 ALLOC_GFP));
	else
		err = stale_add(a, rank);
	if (!err)
		__set_bit(rank, a->used);
	return err;
}

/* The orders that keep account in the ida */

/* The highest rank that the ida can keep account of */
static unsigned int ida_last(const struct tuple_alloc *a)
{
	return min_t(u64, a->total - 1, INT_MAX);
}

static int get_range(struct tuple_alloc *a, unsigned int first,
		     unsigned int last)
{
	int rank = ida_alloc_range(&a->ida, first, last, ALLOC_GFP);

	return rank == -ENOSPC ? -EADDRNOTAVAIL : rank;
}

/* The next free rank from @start on, going round */
static int get_from(struct tuple_alloc *a, unsigned int start)
{
	int rank = get_range(a, start, ida_last(a));

	if (rank == -EADDRNOTAVAIL && start)
		rank = get_range(a, 0, start - 1);
	return rank;
}

static int get_clock(struct tuple_alloc *a)
{
	int rank = get_from(a, a->cursor <= ida_last(a) ? a->cursor : 0);

	if (rank >= 0)
		a->cursor = (u64)rank + 1;
	return rank;
}

static int get_dense(struct tuple_alloc *a)
{
	int i, rank;

	for (i = 0; i < DENSE_PROBES; i++) {
		unsigned int probe = random_below(a->total);

		rank = get_range(a, probe, probe);
		if (rank != -EADDRNOTAVAIL)
			return rank;
	}
	return get_from(a, random_below(a->total));
}

static const struct tuple_span *random_span(const struct tuple_alloc *a)
{
	unsigned int low = 0, high = a->n_spans - 1;
	u64 at = random_below(a->spans[high].weight);

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (a->spans[mid].weight <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return &a->spans[low];
}

static int get_sparse(struct tuple_alloc *a, struct in6_addr *addr,
		      bool (*is_taken)(void *ctx, const struct in6_addr *addr),
		      void *ctx)
{
	const struct tuple_span *span;
	struct num at;
	int i;

	for (i = 0; i < SPARSE_PROBES; i++) {
		span = random_span(a);
		at = num_add(num_of(&span->first),
			     random_upto(span_width(span)));
		num_to(at, addr);
		if (!is_taken(ctx, addr))
			return 0;
	}
	for (i = 0; i < SPARSE_SCAN; i++) {
		if (num_cmp(at, num_of(&span->last)) < 0) {
			at = num_add64(at, 1);
		} else {
			if (++span == a->spans + a->n_spans)
				span = a->spans;
			at = num_of(&span->first);
		}
		num_to(at, addr);
		if (!is_taken(ctx, addr))
			return 0;
	}
	return -EADDRNOTAVAIL;
}

/* The interface of all orders */

int tuple_alloc_get(struct tuple_alloc *a, struct in6_addr *addr,
		    bool (*is_taken)(void *ctx, const struct in6_addr *addr),
		    void *ctx)
{
	int rank;

	if (a->taken >= a->total)
		return -EADDRNOTAVAIL;

	switch (a->mode) {
	case MODE_LRU:
		rank = get_lru(a);
		break;
	case MODE_CLOCK:
		rank = get_clock(a);
		break;
	case MODE_DENSE:
		rank = get_dense(a);
		break;
	case MODE_SPARSE:
		rank = get_sparse(a, addr, is_taken, ctx);
		break;
	default:
		rank = get_from(a, 0);
		break;
	}
	if (rank < 0)
		return rank;

	if (a->mode != MODE_SPARSE)
		rank_to_addr(a, rank, addr);
	a->taken++;
	return 0;
}

int tuple_alloc_take(struct tuple_alloc *a, const struct in6_addr *addr)
{
	int err = 0;
	u64 rank;

	if (!addr_to_rank(a, addr, &rank))
		return -ERANGE;

	if (a->mode == MODE_LRU) {
		err = take_lru(a, rank);
	} else if (a->mode != MODE_SPARSE && rank <= INT_MAX) {
		err = get_range(a, rank, rank);
		if (err == -EADDRNOTAVAIL)
			err = -EADDRINUSE;
	}
	if (err < 0)
		return err;

	a->taken++;
	return 0;
}

bool tuple_alloc_free(struct tuple_alloc *a, const struct in6_addr *addr)
{
	u64 rank;

	if (!addr_to_rank(a, addr, &rank))
		return false;

	if (a->mode == MODE_LRU) {
		if (WARN_ON_ONCE(!__test_and_clear_bit(rank, a->used)))
			return false;
		ring_push(a, rank);
	} else if (a->mode != MODE_SPARSE && rank <= INT_MAX) {
		ida_free(&a->ida, rank);
	}
	a->taken--;
	return true;
}

bool tuple_alloc_has(const struct tuple_alloc *a, const struct in6_addr *addr)
{
	return span_of(a, num_of(addr));
}
