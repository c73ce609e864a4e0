/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that work on leases share: lease.c has the object and its
 * end, assign.c its beginning, linger.c what TCP leaves behind, rest.c its
 * quarantine, kill.c its violent end, world.c what happens to it on the device,
 * stock.c the addresses that come from a server.
 */
#ifndef _TUPLE_LEASE_PRIV_H
#define _TUPLE_LEASE_PRIV_H

#include <linux/ktime.h>
#include "lease.h"

extern struct workqueue_struct *tuple_kill_wq;

/**
 * tuple_lease_alloc - a lease in no table and no list
 * @pool: whose it will be
 * @gfp: how it may be got
 *
 * Return: it or NULL. Undone by tuple_lease_discard().
 */
struct tuple_lease *tuple_lease_alloc(struct tuple_pool *pool, gfp_t gfp);

/* Free a lease that nobody ever could find; NULL is fine. */
void tuple_lease_discard(struct tuple_lease *lease);

/**
 * tuple_lease_insert - let a lease be found
 * @lease: address, scope key and state set
 *
 * Enters it into the tables and its pool's list; pool->lock held.
 * Return: 0, -EADDRINUSE (a lease has the address), -ENOMEM.
 */
int tuple_lease_insert(struct tuple_lease *lease);

/* Enter it into the table of shared leases alone, where its key is not of scope
 * SOCKET; pool->lock held. Return: 0 or -ENOMEM.
 */
int tuple_lease_insert_shared(struct tuple_lease *lease);
/* Out of it, and of scope SOCKET from now on */
void tuple_lease_put_key(struct tuple_lease *lease);

/**
 * tuple_lease_find_shared - the lease that a scope has in a pool
 * @pool: the pool
 * @scope: not of scope SOCKET
 * @idx: 0 IPv4, 1 IPv6
 *
 * Under rcu_read_lock(). Return: the lease, perhaps dead, or NULL.
 */
struct tuple_lease *tuple_lease_find_shared(const struct tuple_pool *pool,
					    const struct tuple_scope_key *scope,
					    int idx);

/* All below, where not said otherwise: pool->lock held */

/* Some look at the state without the lock, and again with it. */
static inline void tuple_lease_set_state(struct tuple_lease *lease, u8 state)
{
	lockdep_assert_held(&lease->pool->lock);
	WRITE_ONCE(lease->state, state);
}

/* Return: -EDQUOT: the user has as many leases as he may; 0 */
int tuple_lease_check_quota(struct tuple_pool *pool, kuid_t uid);

/* Count a lease in its user's quota. Return: 0, -EDQUOT, -ENOMEM */
int tuple_lease_charge(struct tuple_lease *lease);
void tuple_lease_uncharge(struct tuple_lease *lease);

/**
 * struct tuple_stock_lease - the lease of an address from a server
 * @lease: as of any address, and the first member; pool->stocked tells that it is
 *	one of these
 * @end: when the address is over, of ktime_get_coarse_boottime(), and its place
 *	in pool->stock.ends, if it is to be waited for. KTIME_MAX: never;
 *	TUPLE_STOCK_WITHDRAWN: it was taken back
 */
struct tuple_stock_lease {
	struct tuple_lease lease;
	struct timerqueue_node end;
};

#define TUPLE_STOCK_WITHDRAWN	1	/* long ago */

static inline struct tuple_stock_lease *
tuple_stock_lease(const struct tuple_lease *lease)
{
	return container_of(lease, struct tuple_stock_lease, lease);
}

/* Has its address expired, or been taken back? */
static inline bool tuple_lease_is_over(const struct tuple_lease *lease)
{
	return unlikely(lease->pool->stocked) &&
	       tuple_stock_lease(lease)->end.expires <=
	       ktime_get_coarse_boottime();
}

/* Out of the pool and the tables, or into stock: the address can be leased
 * again.
 */
void tuple_lease_free(struct tuple_lease *lease);

/* Out of the pool's list and the table of addresses, and the memory with it */
void tuple_lease_drop(struct tuple_lease *lease);

/**
 * tuple_lease_retire - nothing speaks from the address any more
 * @lease: the lease, held by no sock, on no queue
 * @may_sleep: process context without RTNL
 *
 * Return: true when the caller is to call tuple_lease_unplumb() after it
 * dropped the lock; only with @may_sleep.
 */
bool tuple_lease_retire(struct tuple_lease *lease, bool may_sleep);

/* Process context, no lock; the lease is UNPLUMBING and so the caller's alone */
void tuple_lease_unplumb(struct tuple_lease *lease);

/* The last sock left. Returns as tuple_lease_retire(). */
bool tuple_lease_end(struct tuple_lease *lease, bool may_sleep);

/* Lock the pool of the lease that a sock holds, if it holds one; otherwise as
 * tuple_lease_find_lock().
 */
struct tuple_lease *tuple_lease_lock(struct tuple_sock *ts,
				     struct tuple_pool **pool)
	__acquires(RCU) __acquires(POOL);

/* A sock holds the lease from now on, or no more. */
void tuple_lease_attach(struct tuple_lease *lease, struct tuple_sock *ts);
void tuple_lease_detach(struct tuple_lease *lease, struct tuple_sock *ts);

/* linger.c */

/* Keep the address until TCP is done with it, and no longer. */
void tuple_lease_linger(struct tuple_lease *lease);
void tuple_lease_unlinger(struct tuple_lease *lease);

/**
 * tuple_lease_timewait - did the closed sock leave a connection behind?
 * @ts: the sock
 * @until: jiffies, written with a result of true
 *
 * That is TIME_WAIT, or FIN_WAIT2, which ends there: found by the very
 * addresses and ports of the sock. An MPTCP sock's subflows cannot be looked
 * at: have the tables searched.
 *
 * To be called without pool->lock: what the look-up finds may be a full sock
 * that has taken the addresses over, and the put the last one.
 *
 * Return: whether TCP may speak from the address, until @until
 */
bool tuple_lease_timewait(struct tuple_sock *ts, unsigned long *until);
void tuple_lease_note_tcp(struct tuple_lease *lease, unsigned long until);

/* rest.c */

/* The address is off the device, or never was on it by itself: quarantine, or
 * free.
 */
void tuple_lease_rest(struct tuple_lease *lease);

/* It is on no queue any more, QUARANTINE or WARM, before its time. */
void tuple_lease_unrest(struct tuple_lease *lease);

/**
 * tuple_lease_keep_warm - have an address stay on the device, for the next sock
 * @lease: held by no sock, on no queue; nothing speaks from it
 *
 * Return: false where that is not to be: it is to be retired.
 */
bool tuple_lease_keep_warm(struct tuple_lease *lease);

/* It is WARM, and is to go from the device now. */
void tuple_lease_cool(struct tuple_lease *lease);

/* kill.c */

/* Have the sockets of an ACTIVE lease aborted, soon. */
void tuple_lease_condemn(struct tuple_lease *lease);

/* End a lease as soon as can be, whatever its state; those that somebody owns
 * are left to him, and markers to their dumps. Return: whether there was
 * something to be ended
 */
bool tuple_lease_end_one(struct tuple_lease *lease);

/* stock.c, for leases of pools of source dhcp */

/**
 * tuple_stock_find - look for an address in stock
 * @pool: whose
 * @want: this very one, or NULL for the one that has been there longest
 *
 * Under rcu_read_lock() too. Return: a lease, still in stock; -EBUSY: there is
 * none; -EADDRINUSE: @want is leased; -EADDRNOTAVAIL: it is not the pool's.
 */
struct tuple_lease *tuple_stock_find(struct tuple_pool *pool,
				     const struct in6_addr *want);
/* It goes from stock, to become PLUMBING. */
void tuple_stock_take(struct tuple_lease *lease);
/* It has left the tables of a lease that ended: into stock with it, or away */
void tuple_stock_return(struct tuple_lease *lease);
/* The same from stock, where it is */
void tuple_stock_remove(struct tuple_lease *lease);
/* The host has put it on a device itself. */
void tuple_stock_foreign(struct tuple_lease *lease);
/* What is not a matter of other leases; valid for ever */
void tuple_stock_init_lease(struct tuple_lease *lease);

/**
 * tuple_stock_wait - wait for an address to be in stock
 * @pool: has none; its lock not held
 * @uid: of the socket
 * @timeo: jiffies that are left, and are left afterwards
 * @nonblock: do not wait
 *
 * Asks the agent in any case, unless there is none.
 * Return: 0: try again; -EADDRNOTAVAIL, -EAGAIN, or what a signal says.
 */
int tuple_stock_wait(struct tuple_pool *pool, kuid_t uid, long *timeo,
		     bool nonblock);

#endif /* _TUPLE_LEASE_PRIV_H */
