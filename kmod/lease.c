// SPDX-License-Identifier: GPL-2.0-only
/* A lease: one address of a pool, and the socks that hold it: see lease.h. */

#include <linux/jhash.h>
#include <linux/pid.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/ipv6.h>
#include "compat.h"
#include "lease_priv.h"
#include "net.h"
#include "netlink.h"
#include "plumb.h"
#include "trace.h"

static struct kmem_cache *tuple_lease_cache;
static struct kmem_cache *tuple_stock_cache;

/* For what must not happen in a softirq, under RTNL, or in a task that nobody
 * may keep waiting. Our own, so that unloading can wait for its end.
 */
struct workqueue_struct *tuple_lease_wq;

/* All leases, by namespace and address */

struct tuple_lease_key {
	const struct net *net;
	struct in6_addr addr;
};

static struct rhashtable tuple_leases;

/* Who chooses addresses must not choose the place in the table. */
static u32 tuple_lease_secret __ro_after_init;

/* The table's own seed comes last, so that a lease can keep the rest. */
static u32 tuple_lease_hash(const void *data, u32 len, u32 seed)
{
	const struct tuple_lease_key *key = data;

	return seed ^ jhash2((const u32 *)&key->addr, 4, tuple_lease_secret ^
			     (u32)((unsigned long)key->net >> 6));
}

static u32 tuple_lease_obj_hash(const void *data, u32 len, u32 seed)
{
	return seed ^ ((const struct tuple_lease *)data)->hash;
}

static int tuple_lease_obj_cmp(struct rhashtable_compare_arg *arg,
			       const void *obj)
{
	const struct tuple_lease_key *key = arg->key;
	const struct tuple_lease *lease = obj;

	return !ipv6_addr_equal(&key->addr, &lease->addr) ||
	       key->net != lease->pool->net;
}

static const struct rhashtable_params tuple_leases_params = {
	.head_offset = offsetof(struct tuple_lease, node),
	.key_len = sizeof(struct tuple_lease_key),
	.hashfn = tuple_lease_hash,
	.obj_hashfn = tuple_lease_obj_hash,
	.obj_cmpfn = tuple_lease_obj_cmp,
	.automatic_shrinking = true,
};

/* Shared leases, by pool, family and scope key */

struct tuple_shared_key {
	const struct tuple_pool *pool;
	struct tuple_scope_key scope;
	int idx;
};

static struct rhashtable tuple_shared;

static u32 tuple_shared_hash(const void *data, u32 len, u32 seed)
{
	const struct tuple_shared_key *key = data;

	return jhash_3words((u32)key->scope.id, (u32)(key->scope.id >> 32),
			    __kuid_val(key->scope.uid) + key->idx,
			    seed ^ (u32)((unsigned long)key->pool >> 6));
}

static u32 tuple_shared_obj_hash(const void *data, u32 len, u32 seed)
{
	const struct tuple_lease *lease = data;
	struct tuple_shared_key key = {
		.pool = lease->pool,
		.scope = lease->key,
		.idx = tuple_family_index(&lease->addr),
	};

	return tuple_shared_hash(&key, sizeof(key), seed);
}

static bool tuple_scope_equal(const struct tuple_scope_key *a,
			      const struct tuple_scope_key *b)
{
	return a->scope == b->scope && a->id == b->id &&
	       uid_eq(a->uid, b->uid);
}

static int tuple_shared_obj_cmp(struct rhashtable_compare_arg *arg,
				const void *obj)
{
	const struct tuple_shared_key *key = arg->key;
	const struct tuple_lease *lease = obj;

	return key->pool != lease->pool ||
	       key->idx != tuple_family_index(&lease->addr) ||
	       !tuple_scope_equal(&key->scope, &lease->key);
}

static const struct rhashtable_params tuple_shared_params = {
	.head_offset = offsetof(struct tuple_lease, scope_node),
	.key_len = sizeof(struct tuple_shared_key),
	.hashfn = tuple_shared_hash,
	.obj_hashfn = tuple_shared_obj_hash,
	.obj_cmpfn = tuple_shared_obj_cmp,
	.automatic_shrinking = true,
};

DECLARE_WAIT_QUEUE_HEAD(tuple_lease_plumbed);

struct tuple_lease *tuple_lease_find(const struct net *net,
				     const struct in6_addr *addr)
{
	struct tuple_lease_key key = { .net = net, .addr = *addr };

	return rhashtable_lookup(&tuple_leases, &key, tuple_leases_params);
}

struct tuple_lease *tuple_lease_find_shared(const struct tuple_pool *pool,
					    const struct tuple_scope_key *scope,
					    int idx)
{
	struct tuple_shared_key key = {
		.pool = pool,
		.scope = *scope,
		.idx = idx,
	};

	return rhashtable_lookup(&tuple_shared, &key, tuple_shared_params);
}

struct tuple_lease *tuple_lease_find_lock(const struct net *net,
					  const struct in6_addr *addr,
					  struct tuple_pool **pool)
	__acquires(RCU) __acquires(POOL)
{
	struct tuple_lease *lease;

	rcu_read_lock();
	while ((lease = tuple_lease_find(net, addr))) {
		*pool = READ_ONCE(lease->pool);
		spin_lock_bh(&(*pool)->lock);
		if (likely(READ_ONCE(lease->pool) == *pool &&
			   !READ_ONCE(lease->dead) && (*pool)->net == net &&
			   ipv6_addr_equal(&lease->addr, addr)))
			return lease;
		spin_unlock_bh(&(*pool)->lock);
	}
	*pool = NULL;
	__acquire(POOL);
	return NULL;
}

static_assert(!offsetof(struct tuple_stock_lease, lease));

/* The memory of either kind is never that of the other while somebody looks. */
static struct kmem_cache *tuple_lease_cache_of(const struct tuple_pool *pool)
{
	return pool->stocked ? tuple_stock_cache : tuple_lease_cache;
}

/* Somebody may still look at what the memory was before: he follows its place
 * in the tables, and locks its pool.
 */
struct tuple_lease *tuple_lease_alloc(struct tuple_pool *pool, gfp_t gfp)
{
	struct tuple_lease *lease;

	lease = kmem_cache_alloc(tuple_lease_cache_of(pool), gfp);
	if (!lease)
		return NULL;
	WRITE_ONCE(lease->dead, 1);
	WRITE_ONCE(lease->pool, pool);
	memset_after(lease, 0, dead);
	INIT_LIST_HEAD(&lease->list);
	INIT_LIST_HEAD(&lease->queue);
	INIT_HLIST_HEAD(&lease->socks);
	if (pool->stocked)
		tuple_stock_init_lease(lease);
	return lease;
}

void tuple_lease_discard(struct tuple_lease *lease)
{
	if (lease)
		kmem_cache_free(tuple_lease_cache_of(lease->pool), lease);
}

int tuple_lease_insert_shared(struct tuple_lease *lease)
{
	if (lease->key.scope == INET_TUPLE_SCOPE_SOCKET)
		return 0;
	if (rhashtable_insert_fast(&tuple_shared, &lease->scope_node,
				   tuple_shared_params))
		return -ENOMEM;
	if (lease->key.scope == INET_TUPLE_SCOPE_PROCESS)
		get_pid((struct pid *)(unsigned long)lease->key.id);
	return 0;
}

int tuple_lease_insert(struct tuple_lease *lease)
{
	struct tuple_lease_key key = {
		.net = lease->pool->net,
		.addr = lease->addr,
	};
	int err;

	lease->hash = tuple_lease_hash(&key, sizeof(key), 0);
	err = rhashtable_lookup_insert_key(&tuple_leases, &key, &lease->node,
					   tuple_leases_params);
	if (err)
		return err == -EEXIST ? -EADDRINUSE : -ENOMEM;
	err = tuple_lease_insert_shared(lease);
	if (err) {
		rhashtable_remove_fast(&tuple_leases, &lease->node,
				       tuple_leases_params);
		return err;
	}
	WRITE_ONCE(lease->dead, 0);
	list_add_tail(&lease->list, &lease->pool->leases);
	return 0;
}

static bool tuple_lease_is_held(const struct tuple_lease *lease)
{
	return lease->state == INET_TUPLE_LEASE_PLUMBING ||
	       lease->state == INET_TUPLE_LEASE_ACTIVE;
}

/* Quota: how many leases a user has, while the pool has a quota */

static unsigned long tuple_lease_charged(struct tuple_pool *pool, kuid_t uid)
{
	return xa_to_value(xa_load(&pool->quota, __kuid_val(uid)) ?:
			   xa_mk_value(0));
}

int tuple_lease_check_quota(struct tuple_pool *pool, kuid_t uid)
{
	lockdep_assert_held(&pool->lock);
	if (pool->conf.quota == TUPLE_QUOTA_NONE ||
	    tuple_lease_charged(pool, uid) < pool->conf.quota)
		return 0;
	return -EDQUOT;
}

int tuple_lease_charge(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;
	unsigned long uid = __kuid_val(lease->uid);
	unsigned long n;
	int err;

	if (pool->conf.quota == TUPLE_QUOTA_NONE)
		return 0;
	n = tuple_lease_charged(pool, lease->uid);
	if (n >= pool->conf.quota)
		return -EDQUOT;
	err = xa_err(xa_store(&pool->quota, uid, xa_mk_value(n + 1),
			      GFP_ATOMIC | __GFP_NOWARN));
	if (!err)
		lease->charged = 1;
	return err;
}

void tuple_lease_uncharge(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;
	unsigned long uid = __kuid_val(lease->uid);
	unsigned long n;

	if (!lease->charged)
		return;
	lease->charged = 0;
	n = xa_to_value(xa_load(&pool->quota, uid) ?: xa_mk_value(1));
	/* Putting a smaller value in its place needs no memory. */
	if (n > 1)
		xa_store(&pool->quota, uid, xa_mk_value(n - 1), GFP_ATOMIC);
	else
		xa_erase(&pool->quota, uid);
}

int tuple_lease_recount(struct tuple_pool *pool)
{
	struct tuple_lease *lease;
	unsigned long n, uid;
	struct xarray quota;
	int err = 0;

	lockdep_assert_held(&pool->lock);
	xa_init(&quota);
	list_for_each_entry(lease, &pool->leases, list) {
		if (!tuple_lease_is_held(lease))
			continue;
		uid = __kuid_val(lease->uid);
		n = xa_to_value(xa_load(&quota, uid) ?: xa_mk_value(0));
		err = xa_err(xa_store(&quota, uid, xa_mk_value(n + 1),
				      GFP_ATOMIC | __GFP_NOWARN));
		if (err)
			break;
	}
	if (!err) {
		swap(pool->quota, quota);
		list_for_each_entry(lease, &pool->leases, list)
			lease->charged = tuple_lease_is_held(lease);
	}
	xa_destroy(&quota);
	return err;
}

/* The end of a lease, from its last sock to the pool */

void tuple_lease_put_key(struct tuple_lease *lease)
{
	if (lease->key.scope == INET_TUPLE_SCOPE_SOCKET)
		return;
	rhashtable_remove_fast(&tuple_shared, &lease->scope_node,
			       tuple_shared_params);
	if (lease->key.scope == INET_TUPLE_SCOPE_PROCESS)
		put_pid((struct pid *)(unsigned long)lease->key.id);
	lease->key.scope = INET_TUPLE_SCOPE_SOCKET;
}

void tuple_lease_drop(struct tuple_lease *lease)
{
	lockdep_assert_held(&lease->pool->lock);
	WRITE_ONCE(lease->dead, 1);
	list_del(&lease->list);
	rhashtable_remove_fast(&tuple_leases, &lease->node,
			       tuple_leases_params);
	tuple_lease_discard(lease);
}

void tuple_lease_free(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;
	struct tuple_alloc *alloc;

	lockdep_assert_held(&pool->lock);
	if (!(lease->state & TUPLE_LEASE_PSEUDO)) {
		if (lease->state == INET_TUPLE_LEASE_PLUMBING)
			pool->in_use--;
		else
			pool->resting--;
		trace_tuple_lease_free(lease);
		tuple_netlink_lease_event(lease, INET_TUPLE_CMD_LEASE_FREE_NTF,
					  0);
		tuple_lease_uncharge(lease);
		tuple_lease_put_key(lease);
		if (lease->foreign && !pool->stocked &&
		    tuple_lease_pool_has(pool, &lease->addr)) {
			/* The admin has it now: keep it out of the pool. */
			tuple_lease_set_state(lease, TUPLE_LEASE_FOREIGN);
			return;
		}
	}
	if (pool->stocked) {
		tuple_stock_return(lease);
		return;
	}
	alloc = &pool->alloc[tuple_family_index(&lease->addr)];
	if (tuple_alloc_free(alloc, &lease->addr) &&
	    wq_has_sleeper(&pool->waiters))
		wake_up(&pool->waiters);
	tuple_lease_drop(lease);
}

bool tuple_lease_retire(struct tuple_lease *lease, bool may_sleep)
{
	struct tuple_pool *pool = lease->pool;

	lockdep_assert_held(&pool->lock);
	if (!lease->plumbed) {
		tuple_lease_rest(lease);
		return false;
	}
	tuple_lease_set_state(lease, INET_TUPLE_LEASE_UNPLUMBING);
	if (may_sleep)
		return true;
	list_add_tail(&lease->queue, &pool->ending);
	queue_work(tuple_lease_wq, &pool->work);
	return false;
}

void tuple_lease_unplumb(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;
	bool plumbed;

	mutex_lock(&pool->plumb_mutex);
	/* Whoever put it back before us may have found the admin's there. */
	spin_lock_bh(&pool->lock);
	plumbed = lease->plumbed;
	spin_unlock_bh(&pool->lock);
	if (plumbed)
		tuple_plumb_del(pool, &lease->addr);
	mutex_unlock(&pool->plumb_mutex);
	spin_lock_bh(&pool->lock);
	lease->plumbed = 0;
	tuple_lease_rest(lease);
	spin_unlock_bh(&pool->lock);
	wake_up_all(&tuple_lease_plumbed);
}

u64 tuple_lease_age_ms(const struct tuple_lease *lease)
{
	return div_u64(ktime_get_coarse_boottime_ns() - lease->born,
		       NSEC_PER_MSEC);
}

static u8 tuple_lease_reason(const struct tuple_lease *lease)
{
	if (!lease->killed)
		return INET_TUPLE_REASON_CLOSED;
	if (!tuple_lease_is_over(lease))
		return INET_TUPLE_REASON_KILLED;
	return tuple_stock_lease(lease)->end.expires == TUPLE_STOCK_WITHDRAWN ?
	       INET_TUPLE_REASON_WITHDRAWN : INET_TUPLE_REASON_EXPIRED;
}

bool tuple_lease_end(struct tuple_lease *lease, bool may_sleep)
{
	struct tuple_pool *pool = lease->pool;
	u8 reason = tuple_lease_reason(lease);
	bool warm, killed = lease->killed;

	lockdep_assert_held(&pool->lock);
	pool->in_use--;
	pool->resting++;
	pool->stats.ended++;
	pool->stats.held_ms += tuple_lease_age_ms(lease);
	if (killed) {
		lease->killed = 0;
		list_del_init(&lease->queue);
		wake_up_all(&tuple_lease_plumbed);
	}
	tuple_lease_uncharge(lease);
	if (lease->tcp && !pool->dead && !tuple_lease_is_over(lease) &&
	    !time_after(jiffies, READ_ONCE(lease->tcp_until))) {
		tuple_lease_linger(lease);
		trace_tuple_lease_release(lease);
		tuple_netlink_lease_event(lease, INET_TUPLE_CMD_LEASE_DEL_NTF,
					  reason);
		return false;
	}
	warm = !killed && tuple_lease_keep_warm(lease);
	if (!warm)	/* as is told */
		tuple_lease_set_state(lease, INET_TUPLE_LEASE_UNPLUMBING);
	trace_tuple_lease_release(lease);
	tuple_netlink_lease_event(lease, INET_TUPLE_CMD_LEASE_DEL_NTF, reason);
	return !warm && tuple_lease_retire(lease, may_sleep);
}

struct tuple_lease *tuple_lease_lock(struct tuple_sock *ts,
				     struct tuple_pool **pool)
	__acquires(RCU) __acquires(POOL)
{
	struct tuple_lease *lease;

	rcu_read_lock();
	while ((lease = READ_ONCE(ts->lease))) {
		*pool = READ_ONCE(lease->pool);
		spin_lock_bh(&(*pool)->lock);
		if (likely(READ_ONCE(ts->lease) == lease &&
			   READ_ONCE(lease->pool) == *pool))
			return lease;
		spin_unlock_bh(&(*pool)->lock);
	}
	*pool = NULL;
	__acquire(POOL);
	return NULL;
}

void tuple_lease_unlock(struct tuple_pool *pool)
	__releases(POOL) __releases(RCU)
{
	if (pool)
		spin_unlock_bh(&pool->lock);
	else
		__release(POOL);
	rcu_read_unlock();
}

void tuple_lease_attach(struct tuple_lease *lease, struct tuple_sock *ts)
{
	lockdep_assert_held(&lease->pool->lock);
	WRITE_ONCE(ts->lease, lease);
	hlist_add_head(&ts->lease_node, &lease->socks);
	lease->n_socks++;
}

void tuple_lease_detach(struct tuple_lease *lease, struct tuple_sock *ts)
{
	lockdep_assert_held(&lease->pool->lock);
	hlist_del_init(&ts->lease_node);
	lease->n_socks--;
	WRITE_ONCE(ts->lease, NULL);
}

void tuple_lease_leave(struct tuple_sock *ts, bool may_sleep)
{
	bool unplumb = false, tcp;
	struct tuple_lease *lease;
	struct tuple_pool *pool;
	unsigned long until;

	tcp = tuple_lease_timewait(ts, &until);
	lease = tuple_lease_lock(ts, &pool);
	if (lease) {
		if (tcp)
			tuple_lease_note_tcp(lease, until);
		tuple_lease_detach(lease, ts);
		if (!lease->n_socks)
			unplumb = tuple_lease_end(lease, may_sleep);
	}
	tuple_lease_unlock(pool);
	if (unplumb)
		tuple_lease_unplumb(lease);
}

bool tuple_lease_inherit(struct tuple_sock *ts)
{
	struct tuple_pool *pool;
	bool leased = tuple_lease_lock(ts, &pool);

	if (leased)
		ts->closed = true;
	tuple_lease_unlock(pool);
	return leased;
}

void tuple_lease_share(struct tuple_sock *ts, struct tuple_sock *of)
{
	struct tuple_pool *pool;
	struct tuple_lease *lease = tuple_lease_lock(of, &pool);

	if (lease) {
		lease->connected = 1;
		tuple_lease_attach(lease, ts);
	}
	tuple_lease_unlock(pool);
}

void tuple_lease_move(struct tuple_sock *to, struct tuple_sock *from)
{
	struct tuple_pool *pool;
	struct tuple_lease *lease = tuple_lease_lock(from, &pool);

	if (lease) {
		tuple_lease_attach(lease, to);
		tuple_lease_detach(lease, from);
	}
	tuple_lease_unlock(pool);
}

void tuple_lease_reconnect(struct tuple_sock *ts)
{
	struct tuple_lease *lease;
	struct tuple_pool *pool;
	unsigned long until;

	if (!tuple_lease_timewait(ts, &until))
		return;
	lease = tuple_lease_lock(ts, &pool);
	if (lease)
		tuple_lease_note_tcp(lease, until);
	tuple_lease_unlock(pool);
}

void tuple_lease_connected(struct tuple_sock *ts)
{
	struct tuple_pool *pool;
	struct tuple_lease *lease = tuple_lease_lock(ts, &pool);

	if (lease)
		lease->connected = 1;
	tuple_lease_unlock(pool);
}

bool tuple_lease_addr(struct tuple_sock *ts, struct in6_addr *addr,
		      bool *prefix_plumbed)
{
	struct tuple_pool *pool;
	struct tuple_lease *lease = tuple_lease_lock(ts, &pool);

	if (lease) {
		*addr = lease->addr;
		if (prefix_plumbed)
			*prefix_plumbed = lease->pool->conf.plumb ==
					  INET_TUPLE_PLUMB_PREFIX;
	}
	tuple_lease_unlock(pool);
	return lease;
}

bool tuple_lease_pool_conf(struct tuple_sock *ts, struct tuple_pool_conf *conf)
{
	struct tuple_pool *pool;
	struct tuple_lease *lease = tuple_lease_lock(ts, &pool);

	if (lease)
		*conf = lease->pool->conf;
	tuple_lease_unlock(pool);
	return lease;
}

void tuple_lease_fill(const struct tuple_lease *lease,
		      struct inet_tuple_lease *out)
{
	bool v4 = ipv6_addr_v4mapped(&lease->addr);

	lockdep_assert_held(&lease->pool->lock);
	memset(out, 0, sizeof(*out));
	strscpy(out->pool, lease->pool->name, sizeof(out->pool));
	out->family = v4 ? AF_INET : AF_INET6;
	if (v4)
		memcpy(out->addr, &lease->addr.s6_addr32[3], 4);
	else
		memcpy(out->addr, &lease->addr, 16);
	out->scope = lease->key.scope;
	switch (out->scope) {
	case INET_TUPLE_SCOPE_USER:
		out->scope_id = from_kuid_munged(current_user_ns(),
						 lease->key.uid);
		break;
	case INET_TUPLE_SCOPE_PROCESS:
		out->scope_id = pid_vnr((struct pid *)
					(unsigned long)lease->key.id);
		break;
	case INET_TUPLE_SCOPE_CGROUP:
	case INET_TUPLE_SCOPE_ID_KEY:
		out->scope_id = lease->key.id;
		break;
	}
	out->sockets = lease->n_socks;
	out->age_ms = tuple_lease_age_ms(lease);
	out->expiry_ms = tuple_lease_valid_ms(lease);
}

int tuple_lease_get_info(struct tuple_sock *ts, struct inet_tuple_lease *out)
{
	struct tuple_pool *pool;
	struct tuple_lease *lease = tuple_lease_lock(ts, &pool);

	if (lease)
		tuple_lease_fill(lease, out);
	tuple_lease_unlock(pool);
	return lease ? 0 : -ENOENT;
}

/* Those that wait now. Who adds one has the work run once more: or who waits for its
 * end (flush_work()) would wait for as long as sockets come and go.
 */
static void tuple_lease_unplumb_ending(struct tuple_pool *pool)
{
	struct tuple_lease *lease;
	LIST_HEAD(todo);

	spin_lock_bh(&pool->lock);
	list_splice_init(&pool->ending, &todo);
	spin_unlock_bh(&pool->lock);
	for (;;) {
		spin_lock_bh(&pool->lock);
		lease = list_first_entry_or_null(&todo, struct tuple_lease,
						 queue);
		if (lease)
			list_del_init(&lease->queue);
		spin_unlock_bh(&pool->lock);
		if (!lease)
			return;
		tuple_lease_unplumb(lease);
		cond_resched();
	}
}

void tuple_lease_pool_work(struct work_struct *work)
{
	struct tuple_pool *pool = container_of(work, struct tuple_pool, work);

	tuple_lease_unplumb_ending(pool);
	if (test_and_clear_bit(TUPLE_POOL_RESCAN, &pool->flags))
		tuple_plumb_scan_foreign(pool);
	/* Before it is ready, tuple_pool_add() is at that, and asks again. */
	if (tuple_pool_is_ready(pool) &&
	    test_and_clear_bit(TUPLE_POOL_RESYNC, &pool->flags))
		tuple_lease_resync(pool);
}

void tuple_lease_prune(struct tuple_pool *pool)
{
	struct tuple_lease *lease, *tmp;
	struct tuple_alloc *alloc;

	lockdep_assert_held(&pool->lock);
	if (pool->stocked)
		return;
	list_for_each_entry_safe(lease, tmp, &pool->leases, list) {
		alloc = &pool->alloc[tuple_family_index(&lease->addr)];
		if (lease->state == TUPLE_LEASE_MARKER ||
		    tuple_alloc_has(alloc, &lease->addr))
			continue;
		if (lease->state == INET_TUPLE_LEASE_QUARANTINE)
			tuple_lease_unrest(lease);
		else if (lease->state != TUPLE_LEASE_FOREIGN)
			continue;
		lease->foreign = 0;
		tuple_lease_free(lease);
	}
}

int tuple_lease_retake(struct tuple_pool *pool)
{
	struct tuple_lease *lease;
	struct tuple_alloc *alloc;
	int err;

	lockdep_assert_held(&pool->lock);
	if (pool->stocked)
		return 0;
	list_for_each_entry(lease, &pool->leases, list) {
		if (lease->state == TUPLE_LEASE_MARKER)
			continue;
		alloc = &pool->alloc[tuple_family_index(&lease->addr)];
		err = tuple_alloc_reserve(alloc);
		if (err)
			return err;
		err = tuple_alloc_take(alloc, &lease->addr);
		if (err && err != -ERANGE)
			return err;
	}
	return 0;
}

int __init tuple_lease_init(void)
{
	int err;

	tuple_lease_secret = get_random_u32();
	tuple_lease_cache = kmem_cache_create("inet_tuple_lease",
					      sizeof(struct tuple_lease), 0,
					      SLAB_ACCOUNT |
					      SLAB_TYPESAFE_BY_RCU, NULL);
	if (!tuple_lease_cache)
		return -ENOMEM;
	err = -ENOMEM;
	tuple_stock_cache = kmem_cache_create("inet_tuple_stock",
					      sizeof(struct tuple_stock_lease),
					      0, SLAB_ACCOUNT |
					      SLAB_TYPESAFE_BY_RCU, NULL);
	if (!tuple_stock_cache)
		goto err_cache;
	tuple_lease_wq = alloc_workqueue("inet_tuple", WQ_UNBOUND, 0);
	if (!tuple_lease_wq)
		goto err_stock;
	tuple_kill_wq = alloc_workqueue("inet_tuple_kill", WQ_UNBOUND,
					WQ_MAX_ACTIVE);
	if (!tuple_kill_wq)
		goto err_wq;
	err = rhashtable_init(&tuple_leases, &tuple_leases_params);
	if (err)
		goto err_kill_wq;
	err = rhashtable_init(&tuple_shared, &tuple_shared_params);
	if (err)
		goto err_leases;
	return 0;

err_leases:
	rhashtable_destroy(&tuple_leases);
err_kill_wq:
	destroy_workqueue(tuple_kill_wq);
err_wq:
	destroy_workqueue(tuple_lease_wq);
err_stock:
	kmem_cache_destroy(tuple_stock_cache);
err_cache:
	kmem_cache_destroy(tuple_lease_cache);
	return err;
}

/* Every namespace's pools are gone; what is left waits for a grace period. */
void tuple_lease_uninit(void)
{
	destroy_workqueue(tuple_kill_wq);
	destroy_workqueue(tuple_lease_wq);
	rcu_barrier();
	rhashtable_destroy(&tuple_shared);
	rhashtable_destroy(&tuple_leases);
	kmem_cache_destroy(tuple_stock_cache);
	kmem_cache_destroy(tuple_lease_cache);
}
