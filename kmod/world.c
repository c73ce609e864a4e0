// SPDX-License-Identifier: GPL-2.0-only
/* What the host and its devices do to leases. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <net/ipv6.h>
#include "lease_priv.h"
#include "net.h"
#include "plumb.h"

/* Goes it while it is being put on, who does that sees to it: it may be he who
 * took it off again.
 */
static void tuple_lease_lost_locked(struct tuple_lease *lease, bool by_admin)
{
	if (lease->state == INET_TUPLE_LEASE_PLUMBING || lease->resync) {
		lease->lost = 1;
		return;
	}
	switch (lease->state) {
	case INET_TUPLE_LEASE_ACTIVE:
		if (!lease->plumbed)
			break;
		lease->plumbed = 0;
		if (by_admin)
			tuple_lease_condemn(lease);
		break;
	case INET_TUPLE_LEASE_LINGERING:
		if (!lease->plumbed)
			break;
		lease->plumbed = 0;
		if (by_admin) {
			tuple_lease_unlinger(lease);
			tuple_lease_retire(lease, false);
		}
		break;
	case INET_TUPLE_LEASE_UNPLUMBING:
		lease->plumbed = 0;
		break;
	case INET_TUPLE_LEASE_WARM:
		lease->plumbed = 0;
		tuple_lease_cool(lease);
		break;
	}
}

bool tuple_lease_lost(struct net *net, const struct in6_addr *addr,
		      bool by_admin)
{
	struct tuple_lease *lease;
	struct tuple_pool *pool;
	bool foreign = false;

	lease = tuple_lease_find_lock(net, addr, &pool);
	if (lease) {
		foreign = lease->state == TUPLE_LEASE_FOREIGN;
		tuple_lease_lost_locked(lease, by_admin);
	}
	tuple_lease_unlock(pool);
	return foreign;
}

/* Return: 0, or -errno when it needs a context that can allocate */
static int tuple_lease_foreign_add(struct tuple_pool *pool,
				   const struct in6_addr *addr)
{
	struct tuple_alloc *alloc = &pool->alloc[tuple_family_index(addr)];
	struct tuple_lease *lease;
	int err;

	err = tuple_alloc_reserve(alloc);
	if (err)
		return err;
	lease = tuple_lease_alloc(pool, GFP_ATOMIC);
	if (!lease)
		return -ENOMEM;
	lease->addr = *addr;
	tuple_lease_set_state(lease, TUPLE_LEASE_FOREIGN);
	err = tuple_alloc_take(alloc, addr);
	if (err)
		goto err_free;
	err = tuple_lease_insert(lease);
	if (err)
		goto err_give_back;
	return 0;

err_give_back:
	tuple_alloc_free(alloc, addr);
err_free:
	tuple_lease_discard(lease);
	return err;
}

/* Should it be on the device, and is not? */
static bool tuple_lease_is_missing(const struct tuple_lease *lease)
{
	return !lease->plumbed && !lease->killed &&
	       (lease->state == INET_TUPLE_LEASE_ACTIVE ||
		lease->state == INET_TUPLE_LEASE_LINGERING) &&
	       lease->pool->conf.plumb == INET_TUPLE_PLUMB_ADDRESS;
}

static int tuple_lease_foreign_locked(struct tuple_pool *pool,
				      const struct in6_addr *addr,
				      bool present)
{
	struct tuple_lease *lease = tuple_lease_find(pool->tn->net, addr);

	if (!lease)
		return present ? tuple_lease_foreign_add(pool, addr) : 0;
	if (lease->dead || lease->pool != pool)
		return present ? -EAGAIN : 0;
	if (lease->state == INET_TUPLE_LEASE_STOCK) {
		if (present)
			tuple_stock_foreign(lease);
	} else if (lease->state != TUPLE_LEASE_FOREIGN) {
		lease->foreign = present;
		if (present && lease->state == INET_TUPLE_LEASE_WARM)
			tuple_lease_cool(lease);
		/* It may have kept ours from being put back. */
		if (!present && tuple_lease_is_missing(lease))
			tuple_pool_resync(pool);
	} else if (!present) {
		lease->foreign = 0;
		tuple_lease_free(lease);
	}
	return 0;
}

bool tuple_lease_pool_has(struct tuple_pool *pool, const struct in6_addr *addr)
{
	const struct tuple_lease *lease;

	lockdep_assert_held(&pool->lock);
	if (!pool->stocked)
		return tuple_alloc_has(&pool->alloc[tuple_family_index(addr)],
				       addr);
	lease = tuple_lease_find(pool->net, addr);
	return lease && lease->pool == pool && !lease->dead;
}

int tuple_lease_foreign_pool(struct tuple_pool *pool,
			     const struct in6_addr *addr, bool present)
{
	int err = 0;

	rcu_read_lock();
	spin_lock_bh(&pool->lock);
	/* What goes may have been the pool's before it was excluded. */
	if (!pool->dead && (!present || tuple_lease_pool_has(pool, addr)))
		err = tuple_lease_foreign_locked(pool, addr, present);
	spin_unlock_bh(&pool->lock);
	rcu_read_unlock();
	return err;
}

void tuple_lease_foreign(struct net *net, const struct in6_addr *addr,
			 bool present)
{
	struct tuple_net *tn = tuple_net(net);
	struct tuple_pool *pool;

	rcu_read_lock();
	list_for_each_entry_rcu(pool, &tn->pools, list) {
		if (!tuple_lease_foreign_pool(pool, addr, present))
			continue;
		spin_lock_bh(&pool->lock);
		if (!pool->dead) {
			set_bit(TUPLE_POOL_RESCAN, &pool->flags);
			queue_work(tuple_lease_wq, &pool->work);
		}
		spin_unlock_bh(&pool->lock);
	}
	rcu_read_unlock();
}

void tuple_lease_forget_foreign(struct tuple_pool *pool)
{
	struct tuple_lease *lease, *tmp;

	spin_lock_bh(&pool->lock);
	list_for_each_entry_safe(lease, tmp, &pool->leases, list)
		if (lease->state == TUPLE_LEASE_FOREIGN)
			tuple_lease_free(lease);
	spin_unlock_bh(&pool->lock);
}

/* The next lease behind @place that should be on the device and is not. Marks
 * it plumbed, so that who ends it takes it off, after us (pool->plumb_mutex).
 */
static bool tuple_lease_resync_next(struct tuple_pool *pool,
				    struct tuple_lease *place,
				    struct in6_addr *addr)
{
	struct tuple_lease *lease = place;
	struct net_device *dev;
	bool found = false;

	spin_lock_bh(&pool->lock);
	dev = rcu_dereference_protected(pool->dev,
					lockdep_is_held(&pool->lock));
	if (pool->dead || !dev || !(READ_ONCE(dev->flags) & IFF_UP))
		goto out;
	list_for_each_entry_continue(lease, &pool->leases, list) {
		if (!tuple_lease_is_missing(lease))
			continue;
		lease->plumbed = 1;
		lease->resync = 1;
		lease->lost = 0;
		*addr = lease->addr;
		list_move(&place->list, &lease->list);
		found = true;
		break;
	}
out:
	spin_unlock_bh(&pool->lock);
	return found;
}

/* It is back, or not: the admin may have been faster, or the device be down
 * again. With @again, or if it went meanwhile, it is the next in turn once more.
 */
static void tuple_lease_resync_done(struct tuple_pool *pool,
				    struct tuple_lease *place,
				    const struct in6_addr *addr, int err,
				    bool again)
{
	struct tuple_lease *lease;

	rcu_read_lock();
	spin_lock_bh(&pool->lock);
	lease = tuple_lease_find(pool->tn->net, addr);
	if (lease && lease->pool == pool && lease->resync) {
		lease->resync = 0;
		if (err || lease->lost)
			lease->plumbed = 0;
		if (again || (!err && lease->lost))
			list_move_tail(&place->list, &lease->list);
		if (err == -EEXIST)
			lease->foreign = 1;
	}
	spin_unlock_bh(&pool->lock);
	rcu_read_unlock();
}

void tuple_lease_resync(struct tuple_pool *pool)
{
	struct tuple_lease *place;
	unsigned int tries = 0;
	struct in6_addr addr;
	bool prefix, again;
	int err;

	spin_lock_bh(&pool->lock);
	prefix = pool->conf.plumb == INET_TUPLE_PLUMB_PREFIX;
	spin_unlock_bh(&pool->lock);
	if (prefix) {
		mutex_lock(&pool->plumb_mutex);
		tuple_plumb_prefixes(pool);
		mutex_unlock(&pool->plumb_mutex);
		return;
	}
	do {
		place = tuple_lease_alloc(pool, GFP_KERNEL);
	} while (!place && tuple_plumb_retry(pool, -ENOMEM, &tries));
	if (!place)
		return;
	place->state = TUPLE_LEASE_MARKER;
	mutex_lock(&pool->plumb_mutex);
	spin_lock_bh(&pool->lock);
	list_add(&place->list, &pool->leases);
	spin_unlock_bh(&pool->lock);
	while (tuple_lease_resync_next(pool, place, &addr)) {
		err = tuple_plumb_add(pool, &addr);
		again = err && tuple_plumb_retry(pool, err, &tries);
		if (err && !again)
			pr_warn_ratelimited("pool %s: %pI6c is not back on the device: %d\n",
					    pool->name, &addr, err);
		tuple_lease_resync_done(pool, place, &addr, err, again);
		if (err == -EEXIST)
			tuple_plumb_look_again(pool, &addr);
		cond_resched();
	}
	spin_lock_bh(&pool->lock);
	list_del(&place->list);
	spin_unlock_bh(&pool->lock);
	mutex_unlock(&pool->plumb_mutex);
	tuple_lease_discard(place);
}

