// SPDX-License-Identifier: GPL-2.0-only
/* The addresses of a pool of source dhcp: an agent gives them and takes them
 * back, and is told how many are wanted. What becomes of one stands in lease.h.
 *
 * The agent is asked when there are fewer in stock than pool->conf.low, and when
 * a socket finds none: for as many as make pool->conf.high, and one for each
 * socket that waits. It is told again only when more are wanted than it was
 * asked for and has not given yet (stock->asked); and once a second while a
 * socket waits, for it may have missed the event, or be another one.
 */

#include <linux/inetdevice.h>
#include <linux/rtnetlink.h>
#include <net/ipv6.h>
#include "lease_priv.h"
#include "net.h"
#include "netlink.h"
#include "stock.h"

#define TUPLE_STOCK_REPEAT	HZ

/* Asking */

static u32 tuple_stock_wanted(const struct tuple_pool *pool)
{
	const struct tuple_stock *stock = &pool->stock;
	u64 want = stock->waiting;

	if (!want && stock->n_free >= pool->conf.low)
		return 0;
	if (stock->n_free < pool->conf.high)
		want += pool->conf.high - stock->n_free;
	return min_t(u64, want, U32_MAX);
}

/* @again: whatever was said before */
static void tuple_stock_ask(struct tuple_pool *pool, bool again)
{
	struct tuple_stock *stock = &pool->stock;
	u32 want = tuple_stock_wanted(pool);

	lockdep_assert_held(&pool->lock);
	if (pool->dead || !pool->ready)
		return;
	stock->asked = min(stock->asked, want);
	if (!again && want == stock->asked)
		return;
	if (!tuple_netlink_want(pool, stock->n_free, want))
		return;
	stock->asked = want;
	stock->asked_at = jiffies;
}

void tuple_stock_tell(struct tuple_pool *pool)
{
	spin_lock_bh(&pool->lock);
	tuple_stock_ask(pool, true);
	spin_unlock_bh(&pool->lock);
}

/* What is in stock */

/* It is in no list and in no table but that of addresses. */
static void tuple_stock_put(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;

	tuple_lease_set_state(lease, INET_TUPLE_LEASE_STOCK);
	lease->born = ktime_get_coarse_boottime_ns();
	lease->uid = GLOBAL_ROOT_UID;
	lease->connected = 0;
	lease->plumbed = 0;
	lease->tcp = 0;
	lease->resync = 0;
	list_add_tail(&lease->queue, &pool->stock.free);
	pool->stock.n_free++;
	if (wq_has_sleeper(&pool->waiters))
		wake_up(&pool->waiters);
}

void tuple_stock_take(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;

	lockdep_assert_held(&pool->lock);
	list_del_init(&lease->queue);
	pool->stock.n_free--;
	if (pool->stock.n_free < pool->conf.low)
		tuple_stock_ask(pool, false);
}

/* It is waited for no more. */
static void tuple_stock_forget_end(struct tuple_lease *lease)
{
	struct timerqueue_node *end = &tuple_stock_lease(lease)->end;

	if (RB_EMPTY_NODE(&end->node))
		return;
	timerqueue_del(&lease->pool->stock.ends, end);
}

static void tuple_stock_drop(struct tuple_lease *lease)
{
	tuple_stock_forget_end(lease);
	lease->pool->stock.total--;
	tuple_lease_drop(lease);
}

void tuple_stock_remove(struct tuple_lease *lease)
{
	tuple_stock_take(lease);
	tuple_stock_drop(lease);
}

void tuple_stock_return(struct tuple_lease *lease)
{
	lockdep_assert_held(&lease->pool->lock);
	if (lease->pool->dead || tuple_lease_is_over(lease))
		tuple_stock_drop(lease);
	else if (lease->foreign)
		tuple_lease_set_state(lease, TUPLE_LEASE_FOREIGN);
	else
		tuple_stock_put(lease);
}

void tuple_stock_foreign(struct tuple_lease *lease)
{
	lease->foreign = 1;
	tuple_lease_set_state(lease, TUPLE_LEASE_FOREIGN);
	tuple_stock_take(lease);
}

struct tuple_lease *tuple_stock_find(struct tuple_pool *pool,
				     const struct in6_addr *want)
{
	struct tuple_lease *lease, *tmp;

	lockdep_assert_held(&pool->lock);
	if (want) {
		lease = tuple_lease_find(pool->tn->net, want);
		if (!lease || lease->dead || lease->pool != pool ||
		    tuple_lease_is_over(lease))
			return ERR_PTR(-EADDRNOTAVAIL);
		if (lease->state != INET_TUPLE_LEASE_STOCK)
			return ERR_PTR(-EADDRINUSE);
		return lease;
	}
	list_for_each_entry_safe(lease, tmp, &pool->stock.free, queue) {
		if (!tuple_lease_is_over(lease))
			return lease;
		tuple_stock_remove(lease);
	}
	return ERR_PTR(-EBUSY);
}

/* The end of an address */

void tuple_stock_init_lease(struct tuple_lease *lease)
{
	struct tuple_stock_lease *sl = tuple_stock_lease(lease);

	timerqueue_init(&sl->end);
	sl->end.expires = KTIME_MAX;
}

u64 tuple_lease_valid_ms(const struct tuple_lease *lease)
{
	ktime_t end, now;

	if (!lease->pool->stocked)
		return U64_MAX;
	end = tuple_stock_lease(lease)->end.expires;
	if (end == KTIME_MAX)
		return U64_MAX;
	now = ktime_get_coarse_boottime();
	return end > now ? ktime_to_ms(ktime_sub(end, now)) : 0;
}

/* Jiffies stand still while the machine sleeps, and the time of an address does
 * not: look once a minute.
 */
#define TUPLE_STOCK_NAP	(60 * HZ)

static void tuple_stock_arm(struct tuple_stock *stock)
{
	struct timerqueue_node *next = timerqueue_getnext(&stock->ends);
	ktime_t left;

	if (!next)
		return;
	left = ktime_sub(next->expires, ktime_get_coarse_boottime());
	mod_timer(&stock->timer, jiffies + 1 +
		  min_t(u64, nsecs_to_jiffies64(max_t(s64, left, 0)),
			TUPLE_STOCK_NAP));
}

static void tuple_stock_set_end(struct tuple_lease *lease, u32 valid)
{
	struct timerqueue_node *end = &tuple_stock_lease(lease)->end;
	struct tuple_stock *stock = &lease->pool->stock;

	lockdep_assert_held(&lease->pool->lock);
	tuple_stock_forget_end(lease);
	end->expires = KTIME_MAX;
	if (valid == U32_MAX)
		return;
	end->expires = ktime_add_ns(ktime_get_coarse_boottime(),
				    (u64)valid * NSEC_PER_SEC);
	if (timerqueue_add(&stock->ends, end))
		tuple_stock_arm(stock);
}

/* Take an address that is over from whoever has it. */
static void tuple_stock_recall(struct tuple_lease *lease)
{
	tuple_stock_forget_end(lease);
	if (lease->state == TUPLE_LEASE_FOREIGN)
		tuple_stock_drop(lease);
	else
		tuple_lease_end_one(lease);
}

/* So many are recalled in one run of the timer. */
#define TUPLE_STOCK_BATCH	256

static void tuple_stock_timer(struct timer_list *t)
{
	struct tuple_pool *pool = from_timer(pool, t, stock.timer);
	struct timerqueue_node *end;
	struct tuple_lease *lease;
	unsigned int n = 0;

	spin_lock(&pool->lock);
	while (n++ < TUPLE_STOCK_BATCH &&
	       (end = timerqueue_getnext(&pool->stock.ends))) {
		lease = &container_of(end, struct tuple_stock_lease,
				      end)->lease;
		if (!tuple_lease_is_over(lease))
			break;
		tuple_stock_recall(lease);
	}
	tuple_stock_arm(&pool->stock);
	spin_unlock(&pool->lock);
}

void tuple_stock_init(struct tuple_stock *stock)
{
	INIT_LIST_HEAD(&stock->free);
	timerqueue_init_head(&stock->ends);
	timer_setup(&stock->timer, tuple_stock_timer, 0);
}

/* Waiting */

static bool tuple_stock_may_retry(struct tuple_pool *pool)
{
	bool may;

	spin_lock_bh(&pool->lock);
	may = pool->stock.n_free || pool->dead ||
	      pool->conf.state != INET_TUPLE_STATE_ACTIVE;
	spin_unlock_bh(&pool->lock);
	return may;
}

/* Return: jiffies that are left, 0 only where no address came; -ERESTARTSYS */
static long tuple_stock_sleep(struct tuple_pool *pool, long timeo)
{
	long nap, left;

	do {
		nap = min_t(long, timeo, TUPLE_STOCK_REPEAT);
		left = wait_event_interruptible_timeout(pool->waiters,
							tuple_stock_may_retry(pool),
							nap);
		if (left < 0)
			return left;
		timeo -= nap - left;
		if (left)
			return timeo;
		spin_lock_bh(&pool->lock);
		tuple_stock_ask(pool, time_after_eq(jiffies,
						    pool->stock.asked_at +
						    TUPLE_STOCK_REPEAT));
		spin_unlock_bh(&pool->lock);
	} while (timeo);
	return 0;
}

int tuple_stock_wait(struct tuple_pool *pool, kuid_t uid, long *timeo,
		     bool nonblock)
{
	bool sleep = *timeo && !nonblock;
	long left = 0;

	/* Who waits goes on waiting when the agent is started anew. */
	spin_lock_bh(&pool->lock);
	if (!tuple_netlink_has_agent(pool->tn->net)) {
		tuple_netlink_no_agent(pool, uid);
		spin_unlock_bh(&pool->lock);
		return -EADDRNOTAVAIL;
	}
	pool->stock.waiting++;
	tuple_stock_ask(pool, time_after_eq(jiffies, pool->stock.asked_at +
					    TUPLE_STOCK_REPEAT));
	spin_unlock_bh(&pool->lock);

	if (sleep)
		left = tuple_stock_sleep(pool, *timeo);

	spin_lock_bh(&pool->lock);
	pool->stock.waiting--;
	spin_unlock_bh(&pool->lock);
	if (left < 0)
		return left;
	if (!sleep)
		return *timeo ? -EAGAIN : -EADDRNOTAVAIL;
	*timeo = left;
	return 0;
}

/* What the agent does */

static struct tuple_pool *tuple_stock_pool(struct tuple_net *tn,
					   const char *name,
					   struct netlink_ext_ack *extack)
{
	struct tuple_pool *pool = tuple_pool_find(tn, name);

	if (!pool) {
		NL_SET_ERR_MSG(extack, "No such pool");
		return ERR_PTR(-ENOENT);
	}
	if (!pool->stocked) {
		NL_SET_ERR_MSG(extack, "The pool has addresses of its own");
		return ERR_PTR(-EINVAL);
	}
	return pool;
}

/* Return: whether @pool has the address, and so it is renewed; -EEXIST if
 * that is not wanted; -EADDRINUSE: another pool has it
 */
static int tuple_stock_renew(struct tuple_pool *pool,
			     const struct tuple_stock_request *r,
			     struct netlink_ext_ack *extack)
{
	struct tuple_lease *lease;
	struct tuple_pool *its;
	int ret = 0;

	lease = tuple_lease_find_lock(pool->tn->net, &r->addr, &its);
	if (lease && its != pool) {
		NL_SET_ERR_MSG(extack, "Another pool has this address");
		ret = -EADDRINUSE;
	} else if (lease && r->only_new) {
		NL_SET_ERR_MSG(extack, "The pool has this address");
		ret = -EEXIST;
	} else if (lease) {
		tuple_stock_set_end(lease, r->valid);
		ret = 1;
	}
	tuple_lease_unlock(its);
	return ret;
}

static bool tuple_stock_is_prefixed(struct tuple_net *tn,
				    const struct in6_addr *addr)
{
	const struct tuple_pool *pool;
	unsigned int i;

	list_for_each_entry(pool, &tn->pools, list)
		for (i = 0; i < pool->conf.n_prefixes; i++)
			if (ipv6_prefix_equal(&pool->conf.prefixes[i].addr,
					      addr, pool->conf.prefixes[i].len))
				return true;
	return false;
}

static bool tuple_stock_is_local(struct net *net, const struct in6_addr *addr)
{
	bool local;

	rcu_read_lock();
	local = __ip_dev_find(net, addr->s6_addr32[3], false);
	rcu_read_unlock();
	return local;
}

/* An address that the pool has not. RTNL is what keeps the host from getting it
 * between looking and entering it into the table.
 */
static int tuple_stock_add(struct tuple_pool *pool,
			   const struct tuple_stock_request *r,
			   struct netlink_ext_ack *extack)
{
	struct tuple_lease *lease;
	int err = 0;

	if (tuple_stock_is_prefixed(pool->tn, &r->addr)) {
		NL_SET_ERR_MSG(extack,
			       "The address is in a prefix of another pool");
		return -EADDRINUSE;
	}
	lease = tuple_lease_alloc(pool, GFP_KERNEL_ACCOUNT);
	if (!lease)
		return -ENOMEM;
	lease->addr = r->addr;
	rtnl_lock();
	if (tuple_stock_is_local(pool->tn->net, &r->addr)) {
		NL_SET_ERR_MSG(extack, "The host has this address");
		err = -EADDRINUSE;
	} else {
		spin_lock_bh(&pool->lock);
		err = tuple_lease_insert(lease);
		if (!err) {
			pool->stock.total++;
			pool->stock.asked -= !!pool->stock.asked;
			tuple_stock_set_end(lease, r->valid);
			tuple_stock_put(lease);
		}
		spin_unlock_bh(&pool->lock);
	}
	rtnl_unlock();
	if (err)
		tuple_lease_discard(lease);
	return err;
}

int tuple_stock_set(struct tuple_net *tn, const struct tuple_stock_request *r,
		    struct netlink_ext_ack *extack)
{
	struct tuple_pool *pool;
	int ret;

	lockdep_assert_held(&tn->mutex);
	pool = tuple_stock_pool(tn, r->pool, extack);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	ret = tuple_stock_renew(pool, r, extack);
	if (!ret)
		ret = tuple_stock_add(pool, r, extack);
	return ret < 0 ? ret : 0;
}

static bool tuple_stock_is_idle(const struct tuple_lease *lease)
{
	return lease->state == INET_TUPLE_LEASE_STOCK ||
	       lease->state == TUPLE_LEASE_FOREIGN;
}

int tuple_stock_del(struct tuple_net *tn, const struct tuple_stock_request *r,
		    struct netlink_ext_ack *extack)
{
	struct tuple_pool *pool, *its;
	struct tuple_lease *lease;
	int err = 0;

	lockdep_assert_held(&tn->mutex);
	pool = tuple_stock_pool(tn, r->pool, extack);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	lease = tuple_lease_find_lock(tn->net, &r->addr, &its);
	if (!lease || its != pool) {
		NL_SET_ERR_MSG(extack, "The pool has no such address");
		err = -ENOENT;
	} else if (r->only_idle && !tuple_stock_is_idle(lease)) {
		NL_SET_ERR_MSG(extack, "The address is leased, or rests");
		err = -EBUSY;
	} else {
		tuple_stock_forget_end(lease);
		tuple_stock_lease(lease)->end.expires = TUPLE_STOCK_WITHDRAWN;
		tuple_stock_recall(lease);
	}
	tuple_lease_unlock(its);
	if (!err)
		tuple_lease_await_gone(pool, &r->addr);
	return err;
}

bool tuple_stock_within(struct tuple_pool *pool,
			const struct tuple_prefix *prefix)
{
	struct tuple_lease *lease;
	bool found = false;

	if (!pool->stocked)
		return false;
	spin_lock_bh(&pool->lock);
	list_for_each_entry(lease, &pool->leases, list) {
		found = lease->state != TUPLE_LEASE_MARKER &&
			ipv6_prefix_equal(&lease->addr, &prefix->addr,
					  prefix->len);
		if (found)
			break;
	}
	spin_unlock_bh(&pool->lock);
	return found;
}
