/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that work on leases share: lease.c has the object and its
 * end, assign.c its beginning, linger.c what TCP leaves behind, rest.c its
 * quarantine, kill.c its violent end, world.c what happens to it on the device.
 */
#ifndef _TUPLE_LEASE_PRIV_H
#define _TUPLE_LEASE_PRIV_H

#include "lease.h"

/* Those who wait until somebody else has put a shared lease on the device,
 * or taken one off.
 */
extern wait_queue_head_t tuple_lease_plumbed;

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

/* Count a lease in its user's quota. Return: 0, -EDQUOT, -ENOMEM */
int tuple_lease_charge(struct tuple_lease *lease);
void tuple_lease_uncharge(struct tuple_lease *lease);

/* Out of the pool and the tables: the address can be leased again. */
void tuple_lease_free(struct tuple_lease *lease);

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

/* It is on no queue any more, before its time. */
void tuple_lease_unrest(struct tuple_lease *lease);

/* kill.c */

/* Have the sockets of an ACTIVE lease aborted, soon. */
void tuple_lease_condemn(struct tuple_lease *lease);

#endif /* _TUPLE_LEASE_PRIV_H */
