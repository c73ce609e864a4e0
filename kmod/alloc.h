/* SPDX-License-Identifier: GPL-2.0-only */
/* The address allocator: which address a pool hands out next.
 *
 * Pure bookkeeping over one address family: it knows prefixes, excludes and
 * the order, and nothing of sockets, leases, netdevs or locks. An address is
 * always a struct in6_addr, an IPv4 one in its v4-mapped form, so there is one
 * code for both families.
 *
 * The caller serialises every call on one struct tuple_alloc (pool->lock, taken
 * with softirqs off). init, build and destroy may sleep and are for one that
 * nobody else sees yet, or any more.
 *
 * To replace the allocator of a pool, build a new one. Where it only has more
 * addresses, extend the old one by it. Otherwise, under the lock, swap the two
 * structs while nothing is taken in the new one, then take what is
 * held; if that fails, swap them back. What was taken stays with the address
 * of the struct it was taken in.
 */
#ifndef _TUPLE_ALLOC_H
#define _TUPLE_ALLOC_H

#include <linux/bits.h>
#include <linux/idr.h>
#include <linux/in6.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct netlink_ext_ack;

#define TUPLE_ALLOC_LRU_MAX	BIT_ULL(20)	/* exact lru up to this many */
#define TUPLE_ALLOC_DENSE_MAX	BIT_ULL(24)	/* random: account kept up to it */

/* A prefix of the pool as the user gave it. No host bits. */
struct tuple_prefix {
	struct in6_addr addr;	/* v4-mapped for IPv4 */
	u8 len;			/* 0..128; 96 + n for IPv4 */
};

/* An exclude: first..last, both ends in, within one family */
struct tuple_range {
	struct in6_addr first;
	struct in6_addr last;
};

/* What may be handed out, in the order of prefixes: prefix minus excludes,
 * minus network and broadcast address (IPv4 up to /30) or the subnet-router
 * anycast address (IPv6 up to /126).
 */
struct tuple_span {
	struct in6_addr first;
	struct in6_addr last;
	u64 rank;		/* of first, saturating */
	u64 count;		/* saturating at U64_MAX */
	u64 weight;		/* private: sum of the weights up to this one */
};

struct tuple_alloc {
	struct tuple_span *spans;
	unsigned int n_spans;
	u8 order;		/* enum inet_tuple_order, the one in effect */
	u64 total;		/* saturating */
	u64 taken;
	/* private to alloc.c from here */
	u8 mode;		/* how the order is kept */
	struct tuple_span **by_addr;	/* spans sorted by address */
	struct ida ida;		/* ranks taken; sequential, lru clock, dense random */
	u64 cursor;		/* lru: next rank never handed out; clock: hand */
	struct xarray touched;	/* lru: ranks at or after the cursor once taken */
	struct xarray stale;	/* lru: rank -> entries in the ring to skip */
	u32 n_stale;		/* lru: sum of them */
	unsigned long *used;	/* lru: bitmap of ranks taken */
	u32 *ring;		/* lru: ranks by the time they were freed */
	u32 ring_size;		/* power of two, or 0 */
	u32 ring_head, ring_count;	/* head runs freely, modulo ring_size */
};

/**
 * tuple_alloc_init - make an empty allocator
 * @a: what to initialise
 *
 * Nothing is allocated, so it cannot fail; undone by tuple_alloc_destroy().
 */
void tuple_alloc_init(struct tuple_alloc *a);

/**
 * tuple_alloc_destroy - free what an allocator holds
 * @a: initialised; taken addresses are forgotten
 *
 * Leaves @a as tuple_alloc_init() does. May sleep.
 */
void tuple_alloc_destroy(struct tuple_alloc *a);

/**
 * tuple_alloc_build - make an allocator for a set of prefixes
 * @a: initialised and empty
 * @prefixes: in the order in which they are to be used; all of one family, not
 *	overlapping one another
 * @n_prefixes: how many, at least one
 * @excludes: any order, may overlap one another and lie anywhere; those of the
 *	other family do nothing
 * @n_excludes: how many
 * @order: enum inet_tuple_order; lru becomes random for IPv6 sets larger than
 *	TUPLE_ALLOC_LRU_MAX, when @explicit_order is false
 * @explicit_order: the user asked for @order
 *
 * Every address starts free; re-enter held ones by tuple_alloc_take(). Memory
 * goes with the number of prefixes and excludes, not of addresses, but for a
 * bit per address of an exact lru. May sleep.
 *
 * Return: 0 or -ENOMEM (@a is then empty).
 */
int tuple_alloc_build(struct tuple_alloc *a,
		      const struct tuple_prefix *prefixes,
		      unsigned int n_prefixes,
		      const struct tuple_range *excludes,
		      unsigned int n_excludes, u8 order, bool explicit_order);

/**
 * tuple_alloc_extends - would it be the same one, but for more addresses?
 * @by: freshly built
 * @a: in use
 *
 * Return: whether @by hands out what @a does, in the same order, and perhaps
 * other addresses after those.
 */
bool tuple_alloc_extends(const struct tuple_alloc *by,
			 const struct tuple_alloc *a);

/**
 * tuple_alloc_extend - add to what an allocator hands out
 * @a: in use
 * @by: freshly built, and tuple_alloc_extends() it
 *
 * What @a knows of its addresses stays: which are taken, and whose turn is next.
 * Takes a time that does not go with the number of those taken. Atomic, never
 * fails. What is left in @by is for tuple_alloc_destroy().
 */
void tuple_alloc_extend(struct tuple_alloc *a, struct tuple_alloc *by);

/**
 * tuple_alloc_reserve - make room so that the next get or take can be freed
 * @a: allocator
 *
 * Looks for room in the ring of freed addresses, so that tuple_alloc_free()
 * never needs memory; drops entries that are out of date from the ring when
 * they are many. Atomic. Only an exact lru has a ring, all else returns 0.
 *
 * Return: 0, or -ENOSPC when the caller must ask tuple_alloc_ring_want(), drop
 * the lock, allocate, take the lock, hand over by tuple_alloc_ring_give() and
 * try again (others may have used the room up, or the allocator may be a new
 * one).
 */
int tuple_alloc_reserve(struct tuple_alloc *a);

/**
 * tuple_alloc_ring_want - how large a ring the next get or take needs
 * @a: allocator
 *
 * Return: u32 entries to allocate by kvmalloc_array(GFP_KERNEL).
 */
u32 tuple_alloc_ring_want(const struct tuple_alloc *a);

/**
 * tuple_alloc_ring_give - hand over memory for the ring
 * @a: allocator
 * @ring: @size entries
 * @size: a power of two, from tuple_alloc_ring_want(); or at least the number
 *	of addresses to be taken, when many follow at once
 *
 * Atomic. Return: what the caller is to kvfree(), with the lock dropped: the
 * old ring, or @ring when there was no need for it, or NULL.
 */
u32 *tuple_alloc_ring_give(struct tuple_alloc *a, u32 *ring, u32 size);

/**
 * tuple_alloc_get - take the next address in order
 * @a: allocator, tuple_alloc_reserve() returned 0 under this hold of the lock
 * @addr: where to write it
 * @is_taken: asks the owner whether an address is taken; used in sets too
 *	large to keep account of (random beyond 2^24 addresses)
 * @ctx: for @is_taken
 *
 * Atomic. Return: 0; -EADDRNOTAVAIL when none is free; -ERESTART after it has passed
 * over many that are taken (call again, and let others have the lock before that);
 * or -ENOMEM, then nothing has changed. In a set of more than 2^24 addresses in
 * random order all but full, -EADDRNOTAVAIL may mean that none was found in
 * reasonable time.
 * Of a set of more than 2^31 addresses, the other orders hand out the first
 * 2^31.
 */
int tuple_alloc_get(struct tuple_alloc *a, struct in6_addr *addr,
		    bool (*is_taken)(void *ctx, const struct in6_addr *addr),
		    void *ctx);

/**
 * tuple_alloc_take - take one particular address
 * @a: allocator, reserved as for tuple_alloc_get()
 * @addr: the address; the caller knows that it is free
 *
 * Atomic. Return: 0, -ERANGE when it is not one that the allocator hands out
 * (outside, or excluded), -EADDRINUSE when it is known to be taken (not known
 * beyond rank 2^31, nor in random order beyond 2^24 addresses), -ENOMEM.
 */
int tuple_alloc_take(struct tuple_alloc *a, const struct in6_addr *addr);

/**
 * tuple_alloc_free - give an address back
 * @a: allocator
 * @addr: what tuple_alloc_get() or _take() took
 *
 * Atomic, never fails. An address that tuple_alloc_take() refused with -ERANGE
 * is let pass, so what is held from before a change of the prefixes needs no
 * special care.
 *
 * Return: whether it was one of the allocator's.
 */
bool tuple_alloc_free(struct tuple_alloc *a, const struct in6_addr *addr);

/**
 * tuple_alloc_has - is this an address that the allocator hands out?
 * @a: allocator
 * @addr: address
 */
bool tuple_alloc_has(const struct tuple_alloc *a, const struct in6_addr *addr);

#endif /* _TUPLE_ALLOC_H */
