// SPDX-License-Identifier: GPL-2.0-only
/* A sock gets a lease: one that its scope has, or a fresh one. */

#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <net/ipv6.h>
#include "lease_priv.h"
#include "net.h"
#include "netlink.h"
#include "plumb.h"
#include "trace.h"

static struct tuple_scope_key tuple_scope_key(struct tuple_sock *ts, u8 scope)
{
	struct tuple_scope_key key = { .scope = scope };

	if (ts->choice && ts->choice->scope_id) {
		key.scope = INET_TUPLE_SCOPE_ID_KEY;
		key.uid = ts->sk->sk_uid;
		key.id = ts->choice->scope_id;
		return key;
	}
	switch (scope) {
	case INET_TUPLE_SCOPE_PROCESS:
		key.id = (unsigned long)task_tgid(current);
		break;
	case INET_TUPLE_SCOPE_CGROUP:
		key.id = tuple_sock_cgroup_id(ts->sk);
		break;
	case INET_TUPLE_SCOPE_USER:
		key.uid = ts->sk->sk_uid;
		break;
	}
	return key;
}

static bool tuple_lease_admits(const struct tuple_pool *pool, kuid_t uid)
{
	unsigned int i;

	for (i = 0; i < pool->conf.n_users; i++)
		if (uid_gte(uid, pool->conf.users[i].first) &&
		    uid_lte(uid, pool->conf.users[i].last))
			return true;
	return !pool->conf.n_users;
}

static bool tuple_lease_is_taken(void *ctx, const struct in6_addr *addr)
{
	struct tuple_pool *pool = ctx;

	return tuple_lease_find(pool->tn->net, addr);
}

/* What one attempt to get a lease works on, and what came of it: the sock has
 * got one (which may have been killed since), or, without @done, it is PLUMBING
 * and to be put on the device; @joined: others had it a moment ago
 */
struct tuple_request {
	struct tuple_sock *ts;
	struct tuple_pool *pool;
	int idx;
	const struct in6_addr *want;
	struct tuple_scope_key key;
	struct tuple_lease *spare;
	struct tuple_grant *grant;
	bool joined;
	bool done;
};

static void tuple_lease_begin(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;

	lockdep_assert_held(&pool->lock);
	tuple_lease_set_state(lease, INET_TUPLE_LEASE_PLUMBING);
	lease->born = ktime_get_coarse_boottime_ns();
	pool->in_use++;
	pool->stats.peak = max(pool->stats.peak, pool->in_use);
}

/* The lease is the sock's. */
static void tuple_lease_grant(struct tuple_request *r,
			      struct tuple_lease *lease)
{
	const struct tuple_pool_conf *conf = &r->pool->conf;

	tuple_lease_attach(lease, r->ts);
	r->done = true;
	r->grant->addr = lease->addr;
	r->grant->settings = conf->dscp != TUPLE_DSCP_UNSET ||
			     conf->priority != TUPLE_PRIORITY_UNSET ||
			     conf->mark;
}

/* All is done for a PLUMBING lease. */
static void tuple_lease_activate(struct tuple_request *r,
				 struct tuple_lease *lease)
{
	tuple_lease_set_state(lease, INET_TUPLE_LEASE_ACTIVE);
	tuple_lease_grant(r, lease);
	r->pool->stats.assigned++;
	trace_tuple_lease_assign(lease);
	tuple_netlink_lease_event(lease, INET_TUPLE_CMD_LEASE_NEW_NTF, 0);
}

static bool tuple_lease_wants_plumbing(const struct tuple_lease *lease)
{
	return lease->pool->conf.plumb == INET_TUPLE_PLUMB_ADDRESS &&
	       !lease->plumbed;
}

/* Let a lease that nobody had be that of a request. */
static int tuple_lease_give(struct tuple_request *r, struct tuple_lease *lease)
{
	int err;

	lease->uid = r->ts->sk->sk_uid;
	err = tuple_lease_charge(lease);
	if (err)
		return err;
	lease->key = r->key;
	err = tuple_lease_insert_shared(lease);
	if (err) {
		lease->key.scope = INET_TUPLE_SCOPE_SOCKET;
		tuple_lease_uncharge(lease);
	}
	return err;
}

/* A lease that is WARM, PLUMBING then; there is nothing to be put on the device. */
static struct tuple_lease *tuple_lease_take_warm(struct tuple_request *r,
						 struct tuple_lease *lease)
{
	int err;

	err = tuple_lease_check_quota(r->pool, r->ts->sk->sk_uid);
	if (err)
		return ERR_PTR(err);
	tuple_lease_put_key(lease);
	err = tuple_lease_give(r, lease);
	if (err)
		return ERR_PTR(err);
	tuple_lease_unrest(lease);
	r->pool->resting--;
	tuple_lease_begin(lease);
	lease->tcp = 0;
	lease->connected = 0;
	return lease;
}

/* What the scope had is anybody's: it may have another, if it asks for that. */
static struct tuple_lease *tuple_lease_join_warm(struct tuple_request *r,
						 struct tuple_lease *lease)
{
	if (!r->want || ipv6_addr_equal(r->want, &lease->addr))
		return tuple_lease_take_warm(r, lease);
	tuple_lease_put_key(lease);
	return NULL;
}

/* A lease that others of the scope hold, or held a moment ago.
 * Return: it; PLUMBING when it is the caller's to make ready. NULL:
 * there is none. -EINPROGRESS: wait for who plumbs it.
 */
static struct tuple_lease *tuple_lease_join(struct tuple_request *r)
{
	struct tuple_pool *pool = r->pool;
	struct tuple_lease *lease;
	kuid_t before;
	int err;

	if (r->key.scope == INET_TUPLE_SCOPE_SOCKET)
		return NULL;
	lease = tuple_lease_find_shared(pool, &r->key, r->idx);
	if (!lease || lease->dead)
		return NULL;
	if (lease->state == INET_TUPLE_LEASE_WARM)
		return tuple_lease_join_warm(r, lease);
	if (r->want && !ipv6_addr_equal(r->want, &lease->addr))
		return ERR_PTR(-EADDRINUSE);
	switch (lease->state) {
	case INET_TUPLE_LEASE_ACTIVE:
		if (lease->killed)
			return ERR_PTR(-EINPROGRESS);
		return lease;
	case INET_TUPLE_LEASE_PLUMBING:
	case INET_TUPLE_LEASE_UNPLUMBING:
		return ERR_PTR(-EINPROGRESS);
	case INET_TUPLE_LEASE_QUARANTINE:
		if (!lease->foreign && !tuple_lease_is_over(lease))
			break;
		tuple_lease_unrest(lease);
		tuple_lease_free(lease);
		return NULL;
	}
	before = lease->uid;
	lease->uid = r->ts->sk->sk_uid;
	err = tuple_lease_charge(lease);
	if (err) {
		lease->uid = before;
		return ERR_PTR(err);
	}
	if (lease->state == INET_TUPLE_LEASE_LINGERING)
		tuple_lease_unlinger(lease);
	else
		tuple_lease_unrest(lease);
	pool->resting--;
	tuple_lease_begin(lease);
	r->joined = true;
	return lease;
}

/* Take a free address of the pool for the spare lease. */
static int tuple_lease_take(struct tuple_request *r)
{
	struct tuple_alloc *alloc = &r->pool->alloc[r->idx];
	int err;

	err = tuple_alloc_reserve(alloc);
	if (err)
		return err;
	if (!r->want) {
		err = tuple_alloc_get(alloc, &r->spare->addr,
				      tuple_lease_is_taken, r->pool);
		return err == -EADDRNOTAVAIL ? -EBUSY : err;
	}
	if (tuple_lease_find(r->pool->tn->net, r->want))
		return -EADDRINUSE;
	r->spare->addr = *r->want;
	err = tuple_alloc_take(alloc, r->want);
	return err == -ERANGE ? -EADDRNOTAVAIL : err;
}

/* The lease of an address in stock, PLUMBING. -EBUSY: there is none. */
static struct tuple_lease *tuple_lease_from_stock(struct tuple_request *r)
{
	struct tuple_lease *lease;
	int err;

	/* Who has enough is not to have more fetched. */
	err = tuple_lease_check_quota(r->pool, r->ts->sk->sk_uid);
	if (err)
		return ERR_PTR(err);
	lease = tuple_stock_find(r->pool, r->want);
	if (IS_ERR(lease))
		return lease;
	err = tuple_lease_give(r, lease);
	if (err)
		return ERR_PTR(err);
	tuple_stock_take(lease);
	tuple_lease_begin(lease);
	return lease;
}

/* A lease from among those that are warm, PLUMBING; NULL: there is none */
static struct tuple_lease *tuple_lease_from_warm(struct tuple_request *r)
{
	struct list_head *warm = &r->pool->warm[r->idx];
	struct tuple_lease *lease;

	if (list_empty(warm))
		return NULL;
	lease = list_first_entry(warm, struct tuple_lease, queue);
	if (r->want)
		lease = tuple_lease_find(r->pool->net, r->want);
	if (!lease || lease->pool != r->pool || lease->dead ||
	    lease->state != INET_TUPLE_LEASE_WARM)
		return NULL;
	return tuple_lease_take_warm(r, lease);
}

/* A fresh lease, PLUMBING. -EBUSY: no address is free. */
static struct tuple_lease *tuple_lease_new(struct tuple_request *r)
{
	struct tuple_pool *pool = r->pool;
	struct tuple_lease *lease;
	int err;

	if (pool->stocked)
		return tuple_lease_from_stock(r);
	lease = tuple_lease_from_warm(r);
	if (lease)
		return lease;
	lease = r->spare;
	lease->key = r->key;
	lease->uid = r->ts->sk->sk_uid;
	err = tuple_lease_charge(lease);
	if (err)
		return ERR_PTR(err);
	err = tuple_lease_take(r);
	if (err)
		goto err_uncharge;
	err = tuple_lease_insert(lease);
	if (err)
		goto err_free;
	tuple_lease_begin(lease);
	r->spare = NULL;
	return lease;

err_free:
	tuple_alloc_free(&pool->alloc[r->idx], &lease->addr);
err_uncharge:
	tuple_lease_uncharge(lease);
	return ERR_PTR(err);
}

static struct tuple_lease *tuple_lease_try(struct tuple_request *r)
{
	struct tuple_pool *pool = r->pool;
	struct tuple_lease *lease;
	struct net_device *dev;

	lockdep_assert_held(&pool->lock);
	if (pool->dead || !pool->ready)
		return ERR_PTR(-EADDRNOTAVAIL);
	if (!tuple_lease_admits(pool, r->ts->sk->sk_uid))
		return ERR_PTR(-EACCES);
	dev = rcu_dereference_protected(pool->dev,
					lockdep_is_held(&pool->lock));
	if (!dev)
		return ERR_PTR(-ENODEV);
	if (!(READ_ONCE(dev->flags) & IFF_UP))
		return ERR_PTR(-ENETDOWN);
	r->key = tuple_scope_key(r->ts, pool->conf.scope);
	r->joined = false;
	if (pool->scanning)
		return ERR_PTR(-EINPROGRESS);
	lease = tuple_lease_join(r);
	if (!lease && pool->conf.state == INET_TUPLE_STATE_DRAINING)
		return ERR_PTR(-EADDRNOTAVAIL);
	if (!lease)
		lease = tuple_lease_new(r);
	if (IS_ERR(lease))
		return lease;
	if (lease->state == INET_TUPLE_LEASE_ACTIVE)
		tuple_lease_grant(r, lease);
	else if (!tuple_lease_wants_plumbing(lease))
		tuple_lease_activate(r, lease);
	else
		lease->lost = 0;
	return lease;
}

int tuple_lease_grow(struct tuple_pool *pool, int idx)
{
	u32 *ring, *old, size;

	spin_lock_bh(&pool->lock);
	size = tuple_alloc_ring_want(&pool->alloc[idx]);
	spin_unlock_bh(&pool->lock);
	ring = kvmalloc_array(size, sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return -ENOMEM;
	spin_lock_bh(&pool->lock);
	old = tuple_alloc_ring_give(&pool->alloc[idx], ring, size);
	spin_unlock_bh(&pool->lock);
	kvfree(old);
	return 0;
}

static bool tuple_lease_busy(struct tuple_request *r)
{
	struct tuple_lease *lease;
	bool busy;

	spin_lock_bh(&r->pool->lock);
	rcu_read_lock();
	lease = tuple_lease_find_shared(r->pool, &r->key, r->idx);
	busy = r->pool->scanning ||
	       (lease && !lease->dead &&
		(lease->state == INET_TUPLE_LEASE_PLUMBING ||
		 lease->state == INET_TUPLE_LEASE_UNPLUMBING || lease->killed));
	rcu_read_unlock();
	spin_unlock_bh(&r->pool->lock);
	return busy;
}

static bool tuple_lease_may_retry(struct tuple_request *r)
{
	const struct tuple_alloc *alloc = &r->pool->alloc[r->idx];
	bool may;

	spin_lock_bh(&r->pool->lock);
	may = alloc->taken < alloc->total ||
	      !list_empty(&r->pool->warm[r->idx]) || r->pool->dead ||
	      r->pool->conf.state != INET_TUPLE_STATE_ACTIVE;
	spin_unlock_bh(&r->pool->lock);
	return may;
}

/* All addresses are taken: wait for one, if the pool has patience. */
static int tuple_lease_wait_free(struct tuple_request *r, bool nonblock,
				 long *timeo)
{
	long left = *timeo;

	if (r->pool->stocked)
		return tuple_stock_wait(r->pool, r->ts->sk->sk_uid, timeo,
					nonblock);
	if (!left)
		return -EADDRNOTAVAIL;
	if (nonblock)
		return -EAGAIN;
	left = wait_event_interruptible_timeout(r->pool->waiters,
						tuple_lease_may_retry(r), left);
	if (left < 0)
		return left;
	*timeo = left;
	return 0;
}

/* Try until there is a lease, a refusal, or the pool's patience ends. */
static struct tuple_lease *tuple_lease_obtain(struct tuple_request *r,
					      bool nonblock)
{
	struct tuple_pool *pool = r->pool;
	struct tuple_lease *lease;
	long timeo = -1;
	int err;

	for (;;) {
		spin_lock_bh(&pool->lock);
		rcu_read_lock();
		lease = tuple_lease_try(r);
		rcu_read_unlock();
		if (timeo < 0)
			timeo = msecs_to_jiffies(pool->conf.wait);
		spin_unlock_bh(&pool->lock);

		switch (PTR_ERR_OR_ZERO(lease)) {
		case -ENOSPC:
			err = tuple_lease_grow(pool, r->idx);
			break;
		case -EINPROGRESS:
			err = wait_event_interruptible(tuple_lease_plumbed,
						       !tuple_lease_busy(r));
			break;
		case -EBUSY:
			err = tuple_lease_wait_free(r, nonblock, &timeo);
			break;
		case -ERESTART:		/* softirqs had to wait enough */
			cond_resched();
			err = 0;
			break;
		default:
			return lease;
		}
		if (err)
			return ERR_PTR(err);
	}
}

/* A PLUMBING lease is not to be: its end begins. */
static void tuple_lease_abandon(struct tuple_lease *lease)
{
	lease->pool->in_use--;
	lease->pool->resting++;
	tuple_lease_uncharge(lease);
	tuple_lease_set_state(lease, INET_TUPLE_LEASE_UNPLUMBING);
}

/* A PLUMBING lease could not be put on the device. One that was used rests. */
static void tuple_lease_fail(struct tuple_request *r,
			     struct tuple_lease *lease, int err)
{
	trace_tuple_plumb_fail(lease, err);
	if (err == -EEXIST)
		lease->foreign = 1;
	else
		tuple_netlink_lease_event(lease, INET_TUPLE_CMD_LEASE_FAIL_NTF,
					  -err);
	if (!r->joined) {
		tuple_lease_free(lease);
		return;
	}
	tuple_lease_abandon(lease);
	tuple_lease_rest(lease);
}

/* Put a PLUMBING lease on the device and make it the sock's. */
static int tuple_lease_install(struct tuple_request *r,
			       struct tuple_lease *lease)
{
	struct tuple_pool *pool = r->pool;
	struct in6_addr addr = lease->addr;
	bool unplumb = false;
	int err;

	err = tuple_plumb_add(pool, &addr);
	spin_lock_bh(&pool->lock);
	if (err) {
		tuple_lease_fail(r, lease, err);
	} else if (pool->dead || tuple_lease_is_over(lease) ||
		   lease->foreign) {
		/* The same address may be on a device twice. */
		lease->plumbed = !lease->lost;
		err = pool->dead ? -EADDRNOTAVAIL :
		      lease->foreign ? -EEXIST : -ESTALE;
		tuple_lease_abandon(lease);
		unplumb = tuple_lease_retire(lease, true);
	} else {
		lease->plumbed = !lease->lost;
		if (lease->lost)
			tuple_pool_resync(pool);
		tuple_lease_activate(r, lease);
	}
	spin_unlock_bh(&pool->lock);
	if (unplumb)
		tuple_lease_unplumb(lease);
	else
		wake_up_all(&tuple_lease_plumbed);
	if (err == -EEXIST)
		tuple_plumb_look_again(pool, &addr);
	return err;
}

int tuple_lease_assign(struct tuple_sock *ts, struct tuple_pool *pool, int idx,
		       const struct in6_addr *want, bool nonblock,
		       struct tuple_grant *grant)
{
	struct tuple_request r = {
		.ts = ts,
		.pool = pool,
		.idx = idx,
		.want = want,
		.grant = grant,
	};
	struct tuple_lease *lease;
	int err;

	lockdep_assert_held(&ts->mutex);
	do {
		err = -ENOMEM;
		if (!r.spare && !pool->stocked)
			r.spare = tuple_lease_alloc(pool, GFP_KERNEL_ACCOUNT);
		if (!r.spare && !pool->stocked)
			break;
		lease = tuple_lease_obtain(&r, nonblock);
		err = PTR_ERR_OR_ZERO(lease);
		if (err)
			break;
		if (r.done)	/* there was nothing to put on the device */
			break;
		err = tuple_lease_install(&r, lease);
		/* The admin was faster, or it is over: that address is no longer
		 * the pool's, take the next one.
		 */
	} while ((err == -EEXIST || err == -ESTALE) && !want);
	tuple_lease_discard(r.spare);
	if (err == -EEXIST)
		err = -EADDRINUSE;
	if (err == -ESTALE)
		err = -EADDRNOTAVAIL;
	if (err)
		tuple_pool_count_failure(pool, err);
	return err;
}

