// SPDX-License-Identifier: GPL-2.0-only
/* Taking leases from the sockets that hold them. */

#include <linux/module.h>
#include <linux/slab.h>
#include "lease_priv.h"
#include "net.h"

/* By itself: a user who makes his socket's lock be held makes work wait, and is not
 * to make that of others wait.
 */
struct workqueue_struct *tuple_kill_wq;

void tuple_lease_condemn(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;

	lockdep_assert_held(&pool->lock);
	if (lease->killed)
		return;
	lease->killed = 1;
	list_add_tail(&lease->queue, &pool->killing);
	/* The work has a reference of its own, for nobody can wait for it: a
	 * user who makes his socket's lock be held makes it wait.
	 */
	refcount_inc(&pool->refs);
	if (!queue_work(tuple_kill_wq, &pool->kill_work))
		refcount_dec(&pool->refs);
}

/* The sock may have been closed meanwhile, and its tuple_sock be gone. */
static void tuple_lease_leave_killed(const struct sock *sk)
{
	struct tuple_lease *lease;
	struct tuple_pool *pool;
	struct tuple_sock *ts;
	bool closed = false;

	rcu_read_lock();
	ts = tuple_sock_find(sk);
	if (ts) {
		lease = tuple_lease_lock(ts, &pool);
		/* Who holds a lease is in use, and so has its final sk. */
		if (lease && lease->killed && ts->sk == sk) {
			closed = ts->closed;
			tuple_lease_detach(lease, ts);
			if (!lease->n_socks)
				tuple_lease_end(lease, false);
		}
		tuple_lease_unlock(pool);
	}
	rcu_read_unlock();
	if (closed)
		tuple_sock_let_go(ts);
}

/* Does a sock from which a lease was taken speak from that address still, or, had
 * it been taken from it before, from all of the host's? A bind(), connect() or
 * listen() that was under way when the sock was aborted may have given it back
 * what it had; one that ends after the lease was taken sees that itself
 * (tuple_ops_bereaved()).
 */
static bool tuple_lease_is_kept(struct sock *sk, const struct in6_addr *addr)
{
	struct tuple_sock *ts;
	bool leased, kept;

	lock_sock(sk);
	rcu_read_lock();
	ts = tuple_sock_find(sk);
	leased = ts && READ_ONCE(ts->lease);
	if (ts && ts->sk == sk)
		kept = !leased;
	else	/* It was closed, and may have something to say yet. */
		kept = sk->sk_state != TCP_CLOSE;
	kept = kept && tuple_sock_speaks_from(sk, addr);
	rcu_read_unlock();
	release_sock(sk);
	return kept;
}

/* Is the lease that a sock holds still one of those condemned, now that nobody
 * has the sock's lock?
 */
static bool tuple_lease_is_condemned(struct sock *sk)
{
	struct tuple_lease *lease = NULL;
	struct tuple_pool *pool;
	struct tuple_sock *ts;
	bool condemned = false;

	lock_sock(sk);
	release_sock(sk);
	rcu_read_lock();
	ts = tuple_sock_find(sk);
	if (ts) {
		lease = tuple_lease_lock(ts, &pool);
		condemned = lease && lease->killed && ts->sk == sk;
		tuple_lease_unlock(pool);
	}
	rcu_read_unlock();
	return condemned;
}

/* A sock that is aborted, by and by, when its lease is gone already */
struct tuple_abort {
	struct delayed_work work;
	struct sock *sk;
	struct tuple_sock *closed;	/* its own, if that is to end, or NULL */
	struct in6_addr addr;
	int err;
};

static void tuple_lease_abort_work(struct work_struct *work)
{
	struct tuple_abort *abort = container_of(to_delayed_work(work),
						 struct tuple_abort, work);

	/* Who waited here would be in the way of others in the end. */
	if (sock_owned_by_user_nocheck(abort->sk)) {
		queue_delayed_work(tuple_kill_wq, &abort->work, HZ / 10);
		return;
	}
	if (tuple_lease_is_kept(abort->sk, &abort->addr))
		tuple_sock_abort(abort->sk, abort->err);
	if (abort->closed)
		tuple_sock_let_go(abort->closed);
	sock_put(abort->sk);
	kfree(abort);
	module_put(THIS_MODULE);	/* unloading waits for the queue */
}

/* What a sock whose lease is over is told */
static int tuple_lease_error(const struct tuple_lease *lease)
{
	return tuple_lease_is_over(lease) ? ENETRESET : ECONNABORTED;
}

/* A sock is to be aborted by a work of its own: whoever has the lock of another one
 * held is in no one's way. NULL: it is on its way into its destructor, or, without
 * memory, stays as it is. The work is for the caller to queue, when he has taken the
 * lease.
 */
static struct tuple_abort *tuple_abort_prepare(const struct tuple_lease *lease,
					       struct tuple_sock *ts)
{
	struct sock *sk = ts->sk;
	struct tuple_abort *abort;

	lockdep_assert_held(&lease->pool->lock);
	abort = kmalloc(sizeof(*abort), GFP_ATOMIC | __GFP_NOWARN);
	if (!abort)
		return NULL;
	/* as in tuple_lease_execute() */
	if (tuple_sock_find(sk) != ts || !refcount_inc_not_zero(&sk->sk_refcnt)) {
		kfree(abort);
		return NULL;
	}
	INIT_DELAYED_WORK(&abort->work, tuple_lease_abort_work);
	__module_get(THIS_MODULE);	/* as ts does, which may go before */
	abort->sk = sk;
	abort->closed = ts->closed ? ts : NULL;
	abort->addr = lease->addr;
	abort->err = tuple_lease_error(lease);
	return abort;
}

/* Abort a sock and take its lease, unless somebody has done so meanwhile: it may
 * have another by now.
 */
static void tuple_lease_abort(struct sock *sk, const struct in6_addr *addr,
			      int err)
{
	if (!tuple_lease_is_condemned(sk))
		return;
	tuple_sock_abort(sk, err);
	tuple_lease_leave_killed(sk);
	if (!tuple_lease_is_kept(sk, addr))
		return;
	if (tuple_sock_is_early(sk))
		tuple_sock_abort(sk, err);
	else if (sk->sk_protocol == IPPROTO_SCTP)
		/* It stays bound, which is no reason to tell of an error again. */
		tuple_sock_abort_sctp(sk);
}

/* Take the lease from one sock of those condemned.
 * Return: whether there was one.
 */
static bool tuple_lease_execute(struct tuple_pool *pool)
{
	struct tuple_lease *lease;
	struct tuple_sock *ts;
	struct sock *sk = NULL;
	struct in6_addr addr;
	int err = 0;

	spin_lock_bh(&pool->lock);
	lease = list_first_entry_or_null(&pool->killing, struct tuple_lease,
					 queue);
	if (lease) {
		err = tuple_lease_error(lease);
		addr = lease->addr;
		ts = hlist_entry(lease->socks.first, struct tuple_sock,
				 lease_node);
		sk = ts->sk;
		/* A sock without a reference is on its way into its
		 * destructor, which finds no lease any more. A holder that
		 * is not in the table keeps a lease aside, and finds out
		 * when it wants it back.
		 */
		if (tuple_sock_find(sk) != ts ||
		    !refcount_inc_not_zero(&sk->sk_refcnt)) {
			tuple_lease_detach(lease, ts);
			if (!lease->n_socks)
				tuple_lease_end(lease, false);
			sk = NULL;
		}
	}
	spin_unlock_bh(&pool->lock);
	if (sk) {
		tuple_lease_abort(sk, &addr, err);
		sock_put(sk);
	}
	if (lease)
		wake_up_all(&tuple_lease_plumbed);
	return lease;
}

void tuple_lease_kill_work(struct work_struct *work)
{
	struct tuple_pool *pool = container_of(work, struct tuple_pool,
					       kill_work);

	while (tuple_lease_execute(pool))
		cond_resched();
	tuple_pool_put(pool);
}

/* Up to so many leases of a pool that goes are ended under one hold of its
 * lock.
 */
#define TUPLE_LEASE_BATCH	1024

bool tuple_lease_end_one(struct tuple_lease *lease)
{
	switch (lease->state) {
	case INET_TUPLE_LEASE_ACTIVE:
		if (lease->killed)
			return false;
		tuple_lease_condemn(lease);
		return true;
	case INET_TUPLE_LEASE_LINGERING:
		tuple_lease_unlinger(lease);
		tuple_lease_retire(lease, false);
		return true;
	case INET_TUPLE_LEASE_QUARANTINE:
		tuple_lease_unrest(lease);
		tuple_lease_free(lease);
		return true;
	case INET_TUPLE_LEASE_WARM:
		tuple_lease_cool(lease);
		return true;
	case INET_TUPLE_LEASE_STOCK:
		tuple_stock_remove(lease);
		return true;
	}
	return false;
}

static void tuple_lease_end_some(struct tuple_pool *pool)
{
	struct tuple_lease *lease, *tmp;
	unsigned int n = 0;

	spin_lock_bh(&pool->lock);
	list_for_each_entry_safe(lease, tmp, &pool->leases, list)
		if (tuple_lease_end_one(lease) && ++n == TUPLE_LEASE_BATCH)
			break;
	spin_unlock_bh(&pool->lock);
}

/* Take the leases that are condemned from their sockets, and abort these then. */
static void tuple_lease_seize(struct tuple_pool *pool)
{
	struct tuple_abort *abort;
	struct tuple_lease *lease;
	struct tuple_sock *ts;

	spin_lock_bh(&pool->lock);
	while ((lease = list_first_entry_or_null(&pool->killing,
						 struct tuple_lease, queue))) {
		ts = hlist_entry(lease->socks.first, struct tuple_sock,
				 lease_node);
		abort = tuple_abort_prepare(lease, ts);
		tuple_lease_detach(lease, ts);
		if (!lease->n_socks)
			tuple_lease_end(lease, false);
		if (abort)
			queue_delayed_work(tuple_kill_wq, &abort->work, 0);
	}
	spin_unlock_bh(&pool->lock);
}

/* How long a socket may keep its lock before its lease is taken from it while
 * it has not been aborted yet.
 */
#define TUPLE_LEASE_PATIENCE	(3 * HZ)

/* How many leases there are that are to end */
static u64 tuple_lease_left(struct tuple_pool *pool)
{
	u64 left;

	spin_lock_bh(&pool->lock);
	left = pool->in_use + pool->resting + pool->stock.n_free;
	spin_unlock_bh(&pool->lock);
	return left;
}

void tuple_lease_abort_all(struct tuple_pool *pool)
{
	unsigned long end = jiffies + TUPLE_LEASE_PATIENCE;
	u64 before = U64_MAX, now;

	wake_up_all(&pool->waiters);
	for (;;) {
		tuple_lease_end_some(pool);
		flush_work(&pool->work);
		now = tuple_lease_left(pool);
		if (!now)
			return;
		if (now < before)
			end = jiffies + TUPLE_LEASE_PATIENCE;
		else if (time_after(jiffies, end))
			tuple_lease_seize(pool);
		before = now;
		/* Sockets are being aborted, or others are putting addresses
		 * on the device or taking them off.
		 */
		wait_event_timeout(tuple_lease_plumbed,
				   tuple_lease_left(pool) < now, HZ / 100);
	}
}

static bool tuple_lease_is_gone(struct tuple_pool *pool,
				const struct in6_addr *addr)
{
	bool has;

	rcu_read_lock();
	spin_lock_bh(&pool->lock);
	has = tuple_lease_pool_has(pool, addr);
	spin_unlock_bh(&pool->lock);
	rcu_read_unlock();
	return !has;
}

void tuple_lease_await_gone(struct tuple_pool *pool,
			    const struct in6_addr *addr)
{
	lockdep_assert_held(&pool->tn->mutex);
	while (!wait_event_timeout(tuple_lease_plumbed,
				   tuple_lease_is_gone(pool, addr),
				   TUPLE_LEASE_PATIENCE))
		tuple_lease_seize(pool);
}

static bool tuple_lease_is_killed(struct tuple_net *tn,
				  const struct in6_addr *addr)
{
	struct tuple_lease *lease;
	struct tuple_pool *pool;
	bool killed;

	lease = tuple_lease_find_lock(tn->net, addr, &pool);
	killed = lease && lease->killed;
	tuple_lease_unlock(pool);
	return killed;
}

int tuple_lease_kill(struct tuple_net *tn, const struct in6_addr *addr,
		     struct netlink_ext_ack *extack)
{
	struct tuple_lease *lease;
	struct tuple_pool *pool;	/* tn->mutex keeps it from going away */
	int err = -ENOENT;

	lockdep_assert_held(&tn->mutex);
	lease = tuple_lease_find_lock(tn->net, addr, &pool);
	if (lease && lease->state == INET_TUPLE_LEASE_ACTIVE) {
		tuple_lease_condemn(lease);
		err = 0;
	} else if (lease && lease->state == INET_TUPLE_LEASE_LINGERING) {
		tuple_lease_unlinger(lease);
		tuple_lease_retire(lease, false);
		err = 0;
	}
	tuple_lease_unlock(pool);
	if (err) {
		NL_SET_ERR_MSG(extack, "No socket holds this address");
		return err;
	}
	if (!wait_event_timeout(tuple_lease_plumbed,
				!tuple_lease_is_killed(tn, addr),
				TUPLE_LEASE_PATIENCE))
		tuple_lease_seize(pool);
	flush_work(&pool->work);
	return 0;
}

