// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of an address that nobody speaks from any more. It rests off the
 * device, not to be leased yet: quarantine. Or it need not rest, and stays on the
 * device for a while, for who wants one next: it is warm.
 *
 * Each kind stands in the order in which it began, and the pool has one timer, for
 * the first to end. How long it takes is a setting of the pool, so what began
 * first ends first. With "auto" only those rest that were connected, all for the
 * same time; some that did not, and rest because the setting was another then, end
 * with the first behind which they stand.
 */

#include "lease_priv.h"

#define TUPLE_QUARANTINE_CONNECTED_MS	60000

/* So many end in one run of the timer. */
#define TUPLE_REST_BATCH	256

static unsigned long tuple_lease_rest_time(const struct tuple_lease *lease)
{
	u32 ms = lease->pool->conf.quarantine;

	if (ms == TUPLE_QUARANTINE_AUTO)
		ms = lease->connected ? TUPLE_QUARANTINE_CONNECTED_MS : 0;
	return msecs_to_jiffies(ms);
}

unsigned long tuple_lease_rest_end(const struct tuple_lease *lease)
{
	lockdep_assert_held(&lease->pool->lock);
	if (lease->state == INET_TUPLE_LEASE_WARM)
		return lease->since + msecs_to_jiffies(lease->pool->conf.warm);
	return lease->since + tuple_lease_rest_time(lease);
}

/* Have the timer run by then at the latest. */
static void tuple_lease_rest_by(struct tuple_pool *pool, unsigned long when)
{
	struct timer_list *timer = &pool->rest_timer;

	lockdep_assert_held(&pool->lock);
	if (!timer_pending(timer) || time_before(when, timer->expires))
		mod_timer(timer, when);
}

static void tuple_lease_begin_rest(struct tuple_lease *lease, u8 state,
				   struct list_head *queue)
{
	tuple_lease_set_state(lease, state);
	lease->since = jiffies;
	list_add_tail(&lease->queue, queue);
	tuple_lease_rest_by(lease->pool, tuple_lease_rest_end(lease));
}

void tuple_lease_rest(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;

	lockdep_assert_held(&pool->lock);
	if (pool->dead || !tuple_lease_rest_time(lease) ||
	    tuple_lease_is_over(lease)) {
		tuple_lease_free(lease);
		return;
	}
	tuple_lease_begin_rest(lease, INET_TUPLE_LEASE_QUARANTINE,
			       &pool->quarantine);
}

void tuple_lease_unrest(struct tuple_lease *lease)
{
	lockdep_assert_held(&lease->pool->lock);
	list_del_init(&lease->queue);
	if (lease->state == INET_TUPLE_LEASE_WARM)
		lease->pool->n_warm--;
}

bool tuple_lease_keep_warm(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;
	struct net_device *dev;

	lockdep_assert_held(&pool->lock);
	if (!pool->conf.warm || pool->dead || !lease->plumbed ||
	    pool->conf.state != INET_TUPLE_STATE_ACTIVE ||
	    lease->foreign || lease->resync || tuple_lease_rest_time(lease) ||
	    !tuple_lease_pool_has(pool, &lease->addr))
		return false;
	/* With the device down IPv6 may keep an address without its route. */
	dev = rcu_dereference_protected(pool->dev,
					lockdep_is_held(&pool->lock));
	if (!dev || !(READ_ONCE(dev->flags) & IFF_UP))
		return false;
	tuple_lease_begin_rest(lease, INET_TUPLE_LEASE_WARM,
			       &pool->warm[tuple_family_index(&lease->addr)]);
	pool->n_warm++;
	if (wq_has_sleeper(&pool->waiters))
		wake_up(&pool->waiters);
	return true;
}

void tuple_lease_cool(struct tuple_lease *lease)
{
	tuple_lease_unrest(lease);
	tuple_lease_retire(lease, false);
}

void tuple_lease_cool_all(struct tuple_pool *pool)
{
	struct tuple_lease *lease, *tmp;
	int idx;

	spin_lock_bh(&pool->lock);
	for (idx = 0; idx < 2; idx++)
		list_for_each_entry_safe(lease, tmp, &pool->warm[idx], queue)
			tuple_lease_cool(lease);
	spin_unlock_bh(&pool->lock);
}

static void tuple_lease_end_rest(struct tuple_lease *lease)
{
	if (lease->state == INET_TUPLE_LEASE_WARM) {
		tuple_lease_cool(lease);
		return;
	}
	tuple_lease_unrest(lease);
	tuple_lease_free(lease);
}

/* End what is over of a queue, @todo of them at most, and come back for the rest. */
static void tuple_lease_rest_queue(struct tuple_pool *pool,
				   struct list_head *queue, unsigned int *todo)
{
	struct tuple_lease *lease;
	unsigned long end;

	while ((lease = list_first_entry_or_null(queue, struct tuple_lease,
						 queue))) {
		end = tuple_lease_rest_end(lease);
		if (!*todo || time_before(jiffies, end)) {
			tuple_lease_rest_by(pool, end);
			break;
		}
		--*todo;
		tuple_lease_end_rest(lease);
	}
}

void tuple_lease_rest_timer(struct timer_list *t)
{
	struct tuple_pool *pool = from_timer(pool, t, rest_timer);
	unsigned int todo = TUPLE_REST_BATCH;

	spin_lock(&pool->lock);
	tuple_lease_rest_queue(pool, &pool->warm[0], &todo);
	tuple_lease_rest_queue(pool, &pool->warm[1], &todo);
	tuple_lease_rest_queue(pool, &pool->quarantine, &todo);
	spin_unlock(&pool->lock);
}

void tuple_lease_rest_changed(struct tuple_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	if (!list_empty(&pool->quarantine))
		tuple_lease_rest_by(pool, jiffies);
}
