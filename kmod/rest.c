// SPDX-License-Identifier: GPL-2.0-only
/* Quarantine: addresses that nobody speaks from any more, and that are not to be
 * leased yet.
 *
 * A pool's leases rest in the order in which they began to, and the pool has one
 * timer, for the first of them. How long they rest is a setting of the pool, so
 * what began first ends first. With "auto" only those rest that were connected,
 * all for the same time; some that did not, and rest because the setting was
 * another then, end with the first behind which they stand.
 */

#include "lease_priv.h"

#define TUPLE_QUARANTINE_CONNECTED_MS	60000

/* So many are freed in one run of the timer. */
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
	return lease->since + tuple_lease_rest_time(lease);
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
	tuple_lease_set_state(lease, INET_TUPLE_LEASE_QUARANTINE);
	lease->since = jiffies;
	list_add_tail(&lease->queue, &pool->quarantine);
	if (!timer_pending(&pool->rest_timer))
		mod_timer(&pool->rest_timer, tuple_lease_rest_end(lease));
}

void tuple_lease_unrest(struct tuple_lease *lease)
{
	lockdep_assert_held(&lease->pool->lock);
	list_del_init(&lease->queue);
}

void tuple_lease_rest_timer(struct timer_list *t)
{
	struct tuple_pool *pool = from_timer(pool, t, rest_timer);
	struct tuple_lease *lease;
	unsigned int n = 0;

	spin_lock(&pool->lock);
	while ((lease = list_first_entry_or_null(&pool->quarantine,
						 struct tuple_lease, queue))) {
		if (n++ == TUPLE_REST_BATCH ||
		    time_before(jiffies, tuple_lease_rest_end(lease))) {
			mod_timer(t, tuple_lease_rest_end(lease));
			break;
		}
		tuple_lease_unrest(lease);
		tuple_lease_free(lease);
	}
	spin_unlock(&pool->lock);
}

void tuple_lease_rest_changed(struct tuple_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	if (!list_empty(&pool->quarantine))
		mod_timer(&pool->rest_timer, jiffies);
}
