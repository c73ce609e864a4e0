// SPDX-License-Identifier: GPL-2.0-only
/* A lease: one address of a pool, and the socks that hold it: see lease.h. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jhash.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/ipv6.h>
#include "compat.h"
#include "lease.h"
#include "net.h"
#include "netlink.h"
#include "plumb.h"
#include "trace.h"

#define TUPLE_QUARANTINE_CONNECTED_MS	60000

static struct kmem_cache *tuple_lease_cache;

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

static u32 tuple_lease_hash(const void *data, u32 len, u32 seed)
{
	const struct tuple_lease_key *key = data;

	return jhash2((const u32 *)&key->addr, 4,
		      seed ^ (u32)((unsigned long)key->net >> 6));
}

static u32 tuple_lease_obj_hash(const void *data, u32 len, u32 seed)
{
	const struct tuple_lease *lease = data;
	struct tuple_lease_key key = {
		.net = lease->pool->net,
		.addr = lease->addr,
	};

	return tuple_lease_hash(&key, sizeof(key), seed);
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

/* Those who wait until somebody else has put a shared lease on the device,
 * or taken it off.
 */
static DECLARE_WAIT_QUEUE_HEAD(tuple_lease_plumbed);

struct tuple_lease *tuple_lease_find(const struct net *net,
				     const struct in6_addr *addr)
{
	struct tuple_lease_key key = { .net = net, .addr = *addr };

	return rhashtable_lookup(&tuple_leases, &key, tuple_leases_params);
}

static void tuple_lease_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(tuple_lease_cache,
			container_of(rcu, struct tuple_lease, rcu));
}

static struct tuple_lease *tuple_lease_alloc(struct tuple_pool *pool, gfp_t gfp)
{
	struct tuple_lease *lease;

	lease = kmem_cache_zalloc(tuple_lease_cache, gfp);
	if (!lease)
		return NULL;
	lease->pool = pool;
	INIT_LIST_HEAD(&lease->list);
	INIT_LIST_HEAD(&lease->queue);
	INIT_LIST_HEAD(&lease->socks);
	return lease;
}

static bool tuple_lease_is_held(const struct tuple_lease *lease)
{
	return lease->state == INET_TUPLE_LEASE_PLUMBING ||
	       lease->state == INET_TUPLE_LEASE_ACTIVE;
}

/* Quota: how many leases a user has, while the pool has a quota */

static int tuple_lease_charge(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;
	unsigned long uid = __kuid_val(lease->uid);
	unsigned long n;
	int err;

	if (pool->conf.quota == TUPLE_QUOTA_NONE)
		return 0;
	n = xa_to_value(xa_load(&pool->quota, uid) ?: xa_mk_value(0));
	if (n >= pool->conf.quota)
		return -EDQUOT;
	err = xa_err(xa_store(&pool->quota, uid, xa_mk_value(n + 1),
			      GFP_ATOMIC | __GFP_NOWARN));
	if (!err)
		lease->charged = 1;
	return err;
}

static void tuple_lease_uncharge(struct tuple_lease *lease)
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

static void tuple_lease_put_key(struct tuple_lease *lease)
{
	if (lease->key.scope == INET_TUPLE_SCOPE_SOCKET)
		return;
	rhashtable_remove_fast(&tuple_shared, &lease->scope_node,
			       tuple_shared_params);
	if (lease->key.scope == INET_TUPLE_SCOPE_PROCESS)
		put_pid((struct pid *)(unsigned long)lease->key.id);
	lease->key.scope = INET_TUPLE_SCOPE_SOCKET;
}

/* Out of the pool and the tables: the address can be leased again. */
static void tuple_lease_free(struct tuple_lease *lease)
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
		if (lease->foreign) {
			/* The admin has it now: keep it out of the pool. */
			lease->state = TUPLE_LEASE_FOREIGN;
			return;
		}
	}
	lease->dead = 1;
	list_del(&lease->list);
	rhashtable_remove_fast(&tuple_leases, &lease->node,
			       tuple_leases_params);
	alloc = &pool->alloc[tuple_family_index(&lease->addr)];
	if (tuple_alloc_has(alloc, &lease->addr)) {
		tuple_alloc_free(alloc, &lease->addr);
		wake_up(&pool->waiters);
	}
	call_rcu(&lease->rcu, tuple_lease_free_rcu);
}

/* The address is off the device, or never was on it by itself. */
static void tuple_lease_rest(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;
	u32 ms = pool->conf.quarantine;

	lockdep_assert_held(&pool->lock);
	if (ms == TUPLE_QUARANTINE_AUTO)
		ms = lease->connected ? TUPLE_QUARANTINE_CONNECTED_MS : 0;
	if (!ms || pool->dead) {
		tuple_lease_free(lease);
		return;
	}
	lease->state = INET_TUPLE_LEASE_QUARANTINE;
	mod_timer(&lease->timer, jiffies + msecs_to_jiffies(ms));
}

static void tuple_lease_timer(struct timer_list *t)
{
	struct tuple_lease *lease = from_timer(lease, t, timer);
	struct tuple_pool *pool = lease->pool;

	/* A softirq, so neither the lease nor its pool goes meanwhile. While
	 * we waited for the lock it may have been leased again, and even have
	 * begun another quarantine.
	 */
	spin_lock(&pool->lock);
	if (!lease->dead && lease->state == INET_TUPLE_LEASE_QUARANTINE &&
	    !timer_pending(&lease->timer))
		tuple_lease_free(lease);
	spin_unlock(&pool->lock);
}

/* Nothing speaks from the address any more.
 * Return: true when the caller is to call tuple_lease_unplumb() after it
 * dropped the lock; only with @may_sleep.
 */
static bool tuple_lease_retire(struct tuple_lease *lease, bool may_sleep)
{
	struct tuple_pool *pool = lease->pool;

	lockdep_assert_held(&pool->lock);
	if (!lease->plumbed) {
		tuple_lease_rest(lease);
		return false;
	}
	lease->state = INET_TUPLE_LEASE_UNPLUMBING;
	if (may_sleep)
		return true;
	list_add_tail(&lease->queue, &pool->ending);
	queue_work(tuple_lease_wq, &pool->work);
	return false;
}

/* Process context; the lease is UNPLUMBING and so the caller's alone. */
static void tuple_lease_unplumb(struct tuple_lease *lease)
{
	struct tuple_pool *pool = lease->pool;

	mutex_lock(&pool->plumb_mutex);
	tuple_plumb_del(pool, &lease->addr);
	mutex_unlock(&pool->plumb_mutex);
	spin_lock_bh(&pool->lock);
	lease->plumbed = 0;
	tuple_lease_rest(lease);
	spin_unlock_bh(&pool->lock);
	wake_up_all(&tuple_lease_plumbed);
}

/* Have the linger work run by then at the latest. */
static void tuple_lease_linger_by(struct tuple_net *tn, unsigned long when)
{
	unsigned long now = jiffies;

	if (!delayed_work_pending(&tn->linger_work) ||
	    time_before(when, tn->linger_work.timer.expires))
		mod_delayed_work(tuple_lease_wq, &tn->linger_work,
				 time_after(when, now) ? when - now : 0);
}

static void tuple_lease_linger(struct tuple_lease *lease)
{
	struct tuple_net *tn = lease->pool->tn;

	lease->state = INET_TUPLE_LEASE_LINGERING;
	lease->seen = 1;	/* a look that is under way may miss it */
	spin_lock(&tn->linger_lock);
	list_add_tail(&lease->queue, &tn->lingering);
	spin_unlock(&tn->linger_lock);
	tuple_lease_linger_by(tn, lease->tcp_until);
}

static void tuple_lease_unlinger(struct tuple_lease *lease)
{
	struct tuple_net *tn = lease->pool->tn;

	spin_lock(&tn->linger_lock);
	list_del_init(&lease->queue);
	spin_unlock(&tn->linger_lock);
}

/* The last sock left. Returns as tuple_lease_retire(). */
static bool tuple_lease_end(struct tuple_lease *lease, bool may_sleep)
{
	struct tuple_pool *pool = lease->pool;

	lockdep_assert_held(&pool->lock);
	pool->in_use--;
	pool->resting++;
	if (lease->killed) {
		lease->killed = 0;
		list_del_init(&lease->queue);
		wake_up_all(&tuple_lease_plumbed);
	}
	tuple_lease_uncharge(lease);
	if (lease->tcp && !pool->dead &&
	    !time_after(jiffies, lease->tcp_until)) {
		tuple_lease_linger(lease);
		trace_tuple_lease_release(lease);
		tuple_netlink_lease_event(lease, INET_TUPLE_CMD_LEASE_DEL_NTF,
					  0);
		return false;
	}
	trace_tuple_lease_release(lease);
	tuple_netlink_lease_event(lease, INET_TUPLE_CMD_LEASE_DEL_NTF, 0);
	return tuple_lease_retire(lease, may_sleep);
}

/* What a TCP connection leaves behind */

static struct sock *tuple_lease_find_timewait(const struct in6_addr *addr,
					      const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);
	struct inet_hashinfo *hashinfo = tuple_tcp_hashinfo(net);
	__be32 daddr = inet->inet_daddr;

#if IS_ENABLED(CONFIG_IPV6)
	if (!ipv6_addr_v4mapped(addr))
		return __inet6_lookup_established(net, hashinfo,
						  &sk->sk_v6_daddr,
						  inet->inet_dport,
						  addr,
						  ntohs(inet->inet_sport),
						  sk->sk_bound_dev_if, 0);
	if (sk->sk_family == AF_INET6)
		daddr = sk->sk_v6_daddr.s6_addr32[3];
#endif
	return __inet_lookup_established(net, hashinfo, daddr,
					 inet->inet_dport,
					 addr->s6_addr32[3],
					 ntohs(inet->inet_sport),
					 sk->sk_bound_dev_if, 0);
}

/* The sock is closed: is its connection in TIME_WAIT (or in FIN_WAIT2, which
 * ends there)? It is then found by the very addresses and ports of the sock.
 * An MPTCP sock's subflows cannot be looked at: have the tables searched.
 *
 * To be called without pool->lock: what the look-up finds may be a full sock
 * that has taken the addresses over, and the put the last one.
 *
 * Return: whether TCP may speak from the address, until @until
 */
static bool tuple_lease_timewait(struct tuple_sock *ts, unsigned long *until)
{
	const struct sock *sk = ts->sk;
	struct tuple_lease *lease;
	bool connected = false;
	struct in6_addr addr;
	struct sock *tw;

	rcu_read_lock();
	lease = READ_ONCE(ts->lease);
	if (lease) {
		connected = lease->connected;
		addr = lease->addr;
	}
	rcu_read_unlock();
	if (!connected || sk->sk_type != SOCK_STREAM ||
	    sk->sk_state != TCP_CLOSE)
		return false;
	*until = jiffies;
	if (sk->sk_protocol == IPPROTO_MPTCP)
		return true;
	if (sk->sk_protocol != IPPROTO_TCP || !inet_sk(sk)->inet_dport)
		return false;
	tw = tuple_lease_find_timewait(&addr, sk);
	if (!tw)
		return false;
	if (tw->sk_state == TCP_TIME_WAIT)
		*until = inet_twsk(tw)->tw_timer.expires;
	sock_gen_put(tw);
	return true;
}

static void tuple_lease_note_tcp(struct tuple_lease *lease, unsigned long until)
{
	lockdep_assert_held(&lease->pool->lock);
	if (!lease->tcp || time_after(until, lease->tcp_until))
		lease->tcp_until = until;
	lease->tcp = 1;
}

/* Lock the pool of the lease that a sock holds, if it holds one. (Sparse is
 * told that there is always something locked.)
 */
static struct tuple_lease *tuple_lease_lock(struct tuple_sock *ts)
	__acquires(RCU) __acquires(POOL)
{
	struct tuple_lease *lease;

	rcu_read_lock();
	while ((lease = READ_ONCE(ts->lease))) {
		spin_lock_bh(&lease->pool->lock);
		if (likely(ts->lease == lease))
			return lease;
		spin_unlock_bh(&lease->pool->lock);
	}
	__acquire(POOL);
	return NULL;
}

static void tuple_lease_unlock(struct tuple_lease *lease)
	__releases(POOL) __releases(RCU)
{
	if (lease)
		spin_unlock_bh(&lease->pool->lock);
	else
		__release(POOL);
	rcu_read_unlock();
}

static void tuple_lease_attach(struct tuple_lease *lease, struct tuple_sock *ts)
{
	lockdep_assert_held(&lease->pool->lock);
	WRITE_ONCE(ts->lease, lease);
	list_add_tail(&ts->lease_list, &lease->socks);
	lease->n_socks++;
}

static void tuple_lease_detach(struct tuple_lease *lease, struct tuple_sock *ts)
{
	lockdep_assert_held(&lease->pool->lock);
	list_del_init(&ts->lease_list);
	lease->n_socks--;
	WRITE_ONCE(ts->lease, NULL);
}

void tuple_lease_leave(struct tuple_sock *ts, bool may_sleep)
{
	bool unplumb = false, tcp;
	struct tuple_lease *lease;
	unsigned long until;

	tcp = tuple_lease_timewait(ts, &until);
	lease = tuple_lease_lock(ts);
	if (lease) {
		if (tcp)
			tuple_lease_note_tcp(lease, until);
		tuple_lease_detach(lease, ts);
		if (!lease->n_socks)
			unplumb = tuple_lease_end(lease, may_sleep);
	}
	tuple_lease_unlock(lease);
	if (unplumb)
		tuple_lease_unplumb(lease);
}

void tuple_lease_share(struct tuple_sock *ts, struct tuple_sock *of)
{
	struct tuple_lease *lease = tuple_lease_lock(of);

	if (lease) {
		lease->connected = 1;
		tuple_lease_attach(lease, ts);
	}
	tuple_lease_unlock(lease);
}

void tuple_lease_move(struct tuple_sock *to, struct tuple_sock *from)
{
	struct tuple_lease *lease = tuple_lease_lock(from);

	if (lease) {
		tuple_lease_attach(lease, to);
		tuple_lease_detach(lease, from);
	}
	tuple_lease_unlock(lease);
}

void tuple_lease_reconnect(struct tuple_sock *ts)
{
	struct tuple_lease *lease;
	unsigned long until;

	if (!tuple_lease_timewait(ts, &until))
		return;
	lease = tuple_lease_lock(ts);
	if (lease)
		tuple_lease_note_tcp(lease, until);
	tuple_lease_unlock(lease);
}

void tuple_lease_connected(struct tuple_sock *ts)
{
	struct tuple_lease *lease = tuple_lease_lock(ts);

	if (lease)
		lease->connected = 1;
	tuple_lease_unlock(lease);
}

bool tuple_lease_addr(struct tuple_sock *ts, struct in6_addr *addr,
		      bool *prefix_plumbed)
{
	struct tuple_lease *lease = tuple_lease_lock(ts);

	if (lease) {
		*addr = lease->addr;
		if (prefix_plumbed)
			*prefix_plumbed = lease->pool->conf.plumb ==
					  INET_TUPLE_PLUMB_PREFIX;
	}
	tuple_lease_unlock(lease);
	return lease;
}

bool tuple_lease_pool_conf(struct tuple_sock *ts, struct tuple_pool_conf *conf)
{
	struct tuple_lease *lease = tuple_lease_lock(ts);

	if (lease)
		*conf = lease->pool->conf;
	tuple_lease_unlock(lease);
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
	out->age_ms = div_u64(ktime_get_coarse_boottime_ns() - lease->born,
			      NSEC_PER_MSEC);
	out->expiry_ms = U64_MAX;
}

int tuple_lease_get_info(struct tuple_sock *ts, struct inet_tuple_lease *out)
{
	struct tuple_lease *lease = tuple_lease_lock(ts);

	if (lease)
		tuple_lease_fill(lease, out);
	tuple_lease_unlock(lease);
	return lease ? 0 : -ENOENT;
}

/* Assign */

static struct tuple_scope_key tuple_scope_key(struct tuple_sock *ts, u8 scope)
{
	struct tuple_scope_key key = { .scope = scope };

	if (ts->scope_id) {
		key.scope = INET_TUPLE_SCOPE_ID_KEY;
		key.uid = ts->sk->sk_uid;
		key.id = ts->scope_id;
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

/* What one attempt to get a lease works on */
struct tuple_request {
	struct tuple_sock *ts;
	struct tuple_pool *pool;
	int idx;
	const struct in6_addr *want;
	struct tuple_scope_key key;
	struct tuple_lease *spare;
};

/* A lease that others of the scope hold, or held a moment ago.
 * Return: it; PLUMBING when the caller is to put it on the device. NULL:
 * there is none. -EINPROGRESS: wait for who plumbs it.
 */
static struct tuple_lease *tuple_lease_join(struct tuple_request *r)
{
	struct tuple_pool *pool = r->pool;
	struct tuple_shared_key key = {
		.pool = pool,
		.scope = r->key,
		.idx = r->idx,
	};
	struct tuple_lease *lease;
	int err;

	if (r->key.scope == INET_TUPLE_SCOPE_SOCKET)
		return NULL;
	lease = rhashtable_lookup(&tuple_shared, &key, tuple_shared_params);
	if (!lease || lease->dead)
		return NULL;
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
		if (!lease->foreign)
			break;
		del_timer(&lease->timer);
		tuple_lease_free(lease);
		return NULL;
	}
	err = tuple_lease_charge(lease);
	if (err)
		return ERR_PTR(err);
	if (lease->state == INET_TUPLE_LEASE_LINGERING)
		tuple_lease_unlinger(lease);
	else
		del_timer(&lease->timer);
	pool->resting--;
	pool->in_use++;
	lease->born = ktime_get_coarse_boottime_ns();
	lease->state = INET_TUPLE_LEASE_PLUMBING;
	lease->lost = 0;
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

static int tuple_lease_enter(struct tuple_request *r)
{
	struct tuple_lease *lease = r->spare;
	struct tuple_lease_key key = {
		.net = r->pool->tn->net,
		.addr = lease->addr,
	};
	int err;

	err = rhashtable_lookup_insert_key(&tuple_leases, &key, &lease->node,
					   tuple_leases_params);
	if (err)
		return err == -EEXIST ? -EADDRINUSE : -ENOMEM;
	if (lease->key.scope == INET_TUPLE_SCOPE_SOCKET)
		return 0;
	err = rhashtable_insert_fast(&tuple_shared, &lease->scope_node,
				     tuple_shared_params);
	if (err) {
		rhashtable_remove_fast(&tuple_leases, &lease->node,
				       tuple_leases_params);
		return -ENOMEM;
	}
	if (lease->key.scope == INET_TUPLE_SCOPE_PROCESS)
		get_pid((struct pid *)(unsigned long)lease->key.id);
	return 0;
}

/* A fresh lease, PLUMBING. -EBUSY: no address is free. */
static struct tuple_lease *tuple_lease_new(struct tuple_request *r)
{
	struct tuple_pool *pool = r->pool;
	struct tuple_lease *lease = r->spare;
	int err;

	lease->key = r->key;
	lease->uid = r->ts->sk->sk_uid;
	err = tuple_lease_charge(lease);
	if (err)
		return ERR_PTR(err);
	err = tuple_lease_take(r);
	if (err)
		goto err_uncharge;
	err = tuple_lease_enter(r);
	if (err)
		goto err_free;
	timer_setup(&lease->timer, tuple_lease_timer, 0);
	lease->state = INET_TUPLE_LEASE_PLUMBING;
	lease->born = ktime_get_coarse_boottime_ns();
	list_add_tail(&lease->list, &pool->leases);
	pool->in_use++;
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
	if (!(dev->flags & IFF_UP))
		return ERR_PTR(-ENETDOWN);
	r->key = tuple_scope_key(r->ts, pool->conf.scope);
	lease = tuple_lease_join(r);
	if (!IS_ERR_OR_NULL(lease) && lease->state == INET_TUPLE_LEASE_ACTIVE)
		tuple_lease_attach(lease, r->ts);
	if (lease)
		return lease;
	if (pool->conf.state == INET_TUPLE_STATE_DRAINING)
		return ERR_PTR(-EADDRNOTAVAIL);
	return tuple_lease_new(r);
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
	struct tuple_shared_key key = {
		.pool = r->pool,
		.scope = r->key,
		.idx = r->idx,
	};
	struct tuple_lease *lease;
	bool busy;

	spin_lock_bh(&r->pool->lock);
	rcu_read_lock();
	lease = rhashtable_lookup(&tuple_shared, &key, tuple_shared_params);
	busy = lease && !lease->dead &&
	       (lease->state == INET_TUPLE_LEASE_PLUMBING ||
		lease->state == INET_TUPLE_LEASE_UNPLUMBING || lease->killed);
	rcu_read_unlock();
	spin_unlock_bh(&r->pool->lock);
	return busy;
}

static bool tuple_lease_may_retry(struct tuple_request *r)
{
	const struct tuple_alloc *alloc = &r->pool->alloc[r->idx];

	return READ_ONCE(alloc->taken) < READ_ONCE(alloc->total) ||
	       READ_ONCE(r->pool->dead) ||
	       READ_ONCE(r->pool->conf.state) != INET_TUPLE_STATE_ACTIVE;
}

/* All addresses are taken: wait for one, if the pool has patience. */
static int tuple_lease_wait_free(struct tuple_request *r, bool nonblock,
				 long *timeo)
{
	long left = *timeo;

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
		default:
			return lease;
		}
		if (err)
			return ERR_PTR(err);
	}
}

/* A PLUMBING lease could not be put on the device. */
static void tuple_lease_fail(struct tuple_lease *lease, int err)
{
	trace_tuple_plumb_fail(lease, err);
	if (err == -EEXIST)
		lease->foreign = 1;
	else
		tuple_netlink_lease_event(lease, INET_TUPLE_CMD_LEASE_FAIL_NTF,
					  -err);
	tuple_lease_free(lease);
}

/* Put a PLUMBING lease on the device and make it the sock's. */
static int tuple_lease_install(struct tuple_request *r,
			       struct tuple_lease *lease)
{
	struct tuple_pool *pool = r->pool;
	bool plumb, unplumb = false;
	int err = 0;

	plumb = pool->conf.plumb == INET_TUPLE_PLUMB_ADDRESS && !lease->plumbed;
	if (plumb)
		err = tuple_plumb_add(pool, &lease->addr);

	spin_lock_bh(&pool->lock);
	if (err) {
		tuple_lease_fail(lease, err);
	} else if (pool->dead) {
		lease->plumbed = (lease->plumbed || plumb) && !lease->lost;
		pool->in_use--;
		pool->resting++;
		lease->state = INET_TUPLE_LEASE_UNPLUMBING;
		unplumb = tuple_lease_retire(lease, true);
		err = -EADDRNOTAVAIL;
	} else {
		lease->plumbed = (lease->plumbed || plumb) && !lease->lost;
		if (lease->lost) {
			set_bit(TUPLE_POOL_RESYNC, &pool->flags);
			queue_work(tuple_lease_wq, &pool->work);
		}
		lease->state = INET_TUPLE_LEASE_ACTIVE;
		tuple_lease_attach(lease, r->ts);
		trace_tuple_lease_assign(lease);
		tuple_netlink_lease_event(lease, INET_TUPLE_CMD_LEASE_NEW_NTF,
					  0);
	}
	spin_unlock_bh(&pool->lock);
	if (unplumb)
		tuple_lease_unplumb(lease);
	else
		wake_up_all(&tuple_lease_plumbed);
	return err;
}

int tuple_lease_assign(struct tuple_sock *ts, struct tuple_pool *pool, int idx,
		       const struct in6_addr *want, bool nonblock)
{
	struct tuple_request r = {
		.ts = ts,
		.pool = pool,
		.idx = idx,
		.want = want,
	};
	struct tuple_lease *lease;
	int err;

	lockdep_assert_held(&ts->mutex);
	do {
		err = -ENOMEM;
		if (!r.spare)
			r.spare = tuple_lease_alloc(pool, GFP_KERNEL_ACCOUNT);
		if (!r.spare)
			break;
		lease = tuple_lease_obtain(&r, nonblock);
		err = PTR_ERR_OR_ZERO(lease);
		if (err)
			break;
		if (ts->lease)	/* joined others that hold it */
			break;
		err = tuple_lease_install(&r, lease);
		/* The admin was faster: that address is no longer the pool's,
		 * take the next one.
		 */
	} while (err == -EEXIST && !want);
	if (r.spare)
		kmem_cache_free(tuple_lease_cache, r.spare);
	return err == -EEXIST ? -EADDRINUSE : err;
}

/* The look for TCP that still speaks from an address without a sock */

static void tuple_lease_see(struct net *net, const struct sock *sk)
{
	struct tuple_lease *lease;
	struct in6_addr addr;

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		addr = sk->sk_v6_rcv_saddr;
	else
#endif
		ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, &addr);
	lease = tuple_lease_find(net, &addr);
	if (!lease || READ_ONCE(lease->state) != INET_TUPLE_LEASE_LINGERING)
		return;
	WRITE_ONCE(lease->seen, 1);
	if (sk->sk_state == TCP_TIME_WAIT)
		WRITE_ONCE(lease->tcp_until,
			   inet_twsk(sk)->tw_timer.expires);
}

static void tuple_lease_look(struct net *net)
{
	struct inet_hashinfo *hashinfo = tuple_tcp_hashinfo(net);
	struct hlist_nulls_node *node;
	struct sock *sk;
	unsigned int i;
	spinlock_t *lock;	/* of the bucket */

	for (i = 0; i <= hashinfo->ehash_mask; i++) {
		if (!(i & 0x3ff))
			cond_resched();
		if (hlist_nulls_empty(&hashinfo->ehash[i].chain))
			continue;
		lock = inet_ehash_lockp(hashinfo, i);
		rcu_read_lock();
		spin_lock_bh(lock);
		sk_nulls_for_each(sk, node, &hashinfo->ehash[i].chain)
			if (net_eq(sock_net(sk), net))
				tuple_lease_see(net, sk);
		spin_unlock_bh(lock);
		rcu_read_unlock();
	}
}

/* Mark all as unseen. Return: whether one is due, so that a look is worth it */
static bool tuple_lease_linger_begin(struct tuple_net *tn,
				     struct list_head *todo)
{
	struct tuple_lease *lease;
	bool due = false;

	spin_lock_bh(&tn->linger_lock);
	list_splice_init(&tn->lingering, todo);
	list_for_each_entry(lease, todo, queue) {
		WRITE_ONCE(lease->seen, 0);
		due |= !time_after(READ_ONCE(lease->tcp_until), jiffies);
	}
	spin_unlock_bh(&tn->linger_lock);
	return due;
}

/* One lease of @todo: back to tn->lingering when it is to linger on. The list
 * is shared with tuple_lease_unlinger(), hence one by one.
 * Return: false when @todo is empty; @next: the earliest time to look again.
 */
static bool tuple_lease_linger_one(struct tuple_net *tn, struct list_head *todo,
				   bool looked, unsigned long *next)
{
	struct tuple_lease *lease;
	struct tuple_pool *pool;
	bool unplumb = false;
	unsigned long when;

	rcu_read_lock();
	spin_lock_bh(&tn->linger_lock);
	lease = list_first_entry_or_null(todo, struct tuple_lease, queue);
	spin_unlock_bh(&tn->linger_lock);
	if (!lease) {
		rcu_read_unlock();
		return false;
	}
	pool = lease->pool;
	spin_lock_bh(&pool->lock);
	if (lease->dead || lease->state != INET_TUPLE_LEASE_LINGERING) {
		/* somebody else took it off the list */
	} else if (looked && !READ_ONCE(lease->seen)) {
		tuple_lease_unlinger(lease);
		unplumb = tuple_lease_retire(lease, true);
	} else {
		when = READ_ONCE(lease->tcp_until);
		if (!time_after(when, jiffies))
			when = jiffies + HZ;
		if (time_before(when, *next))
			*next = when;
		spin_lock(&tn->linger_lock);
		list_move_tail(&lease->queue, &tn->lingering);
		spin_unlock(&tn->linger_lock);
	}
	spin_unlock_bh(&pool->lock);
	rcu_read_unlock();
	if (unplumb)
		tuple_lease_unplumb(lease);
	cond_resched();
	return true;
}

void tuple_lease_linger_work(struct work_struct *work)
{
	struct tuple_net *tn = container_of(to_delayed_work(work),
					    struct tuple_net, linger_work);
	unsigned long never = jiffies + MAX_JIFFY_OFFSET;
	unsigned long next = never;
	LIST_HEAD(todo);
	bool look;

	look = tuple_lease_linger_begin(tn, &todo);
	if (look)
		tuple_lease_look(tn->net);
	while (tuple_lease_linger_one(tn, &todo, look, &next))
		;
	/* The look costs as much for one lease as for many: once a second */
	if (next != never)
		tuple_lease_linger_by(tn, time_after(next, jiffies + HZ) ?
					  next : jiffies + HZ);
}

/* Taking a lease from its sockets */

static void tuple_lease_condemn(struct tuple_lease *lease)
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
	if (!queue_work(tuple_lease_wq, &pool->kill_work))
		refcount_dec(&pool->refs);
}

/* The sock may have been closed meanwhile, and its tuple_sock be gone. */
static void tuple_lease_leave_killed(const struct sock *sk)
{
	struct tuple_lease *lease;
	struct tuple_sock *ts;

	rcu_read_lock();
	ts = tuple_sock_find(sk);
	if (ts) {
		lease = tuple_lease_lock(ts);
		if (lease && lease->killed) {
			tuple_lease_detach(lease, ts);
			if (!lease->n_socks)
				tuple_lease_end(lease, false);
		}
		tuple_lease_unlock(lease);
	}
	rcu_read_unlock();
}

/* Take the lease from one sock of those condemned.
 * Return: whether there was one.
 */
static bool tuple_lease_execute(struct tuple_pool *pool)
{
	struct tuple_lease *lease;
	struct tuple_sock *ts;
	struct sock *sk = NULL;

	spin_lock_bh(&pool->lock);
	lease = list_first_entry_or_null(&pool->killing, struct tuple_lease,
					 queue);
	if (lease) {
		ts = list_first_entry(&lease->socks, struct tuple_sock,
				      lease_list);
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
		tuple_sock_abort(sk);
		tuple_lease_leave_killed(sk);
		sock_put(sk);
	}
	if (lease)
		wake_up_all(&tuple_lease_plumbed);
	return lease;
}

static void tuple_lease_unplumb_ending(struct tuple_pool *pool)
{
	struct tuple_lease *lease;

	for (;;) {
		spin_lock_bh(&pool->lock);
		lease = list_first_entry_or_null(&pool->ending,
						 struct tuple_lease, queue);
		if (lease)
			list_del_init(&lease->queue);
		spin_unlock_bh(&pool->lock);
		if (!lease)
			return;
		tuple_lease_unplumb(lease);
		cond_resched();
	}
}

void tuple_lease_kill_work(struct work_struct *work)
{
	struct tuple_pool *pool = container_of(work, struct tuple_pool,
					       kill_work);

	while (tuple_lease_execute(pool))
		cond_resched();
	tuple_pool_put(pool);
}

void tuple_lease_pool_work(struct work_struct *work)
{
	struct tuple_pool *pool = container_of(work, struct tuple_pool, work);

	tuple_lease_unplumb_ending(pool);
	if (test_and_clear_bit(TUPLE_POOL_RESCAN, &pool->flags))
		tuple_plumb_scan_foreign(pool);
	if (test_and_clear_bit(TUPLE_POOL_RESYNC, &pool->flags))
		tuple_lease_resync(pool);
}

/* Up to so many leases of a pool that goes are ended under one hold of its
 * lock.
 */
#define TUPLE_LEASE_BATCH	1024

/* Return: whether there was something to be ended */
static bool tuple_lease_end_one(struct tuple_lease *lease)
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
		del_timer(&lease->timer);
		tuple_lease_free(lease);
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

void tuple_lease_prune(struct tuple_pool *pool)
{
	struct tuple_lease *lease, *tmp;
	struct tuple_alloc *alloc;

	lockdep_assert_held(&pool->lock);
	list_for_each_entry_safe(lease, tmp, &pool->leases, list) {
		alloc = &pool->alloc[tuple_family_index(&lease->addr)];
		if (lease->state == TUPLE_LEASE_MARKER ||
		    tuple_alloc_has(alloc, &lease->addr))
			continue;
		if (lease->state == INET_TUPLE_LEASE_QUARANTINE)
			del_timer(&lease->timer);
		else if (lease->state != TUPLE_LEASE_FOREIGN)
			continue;
		lease->foreign = 0;
		tuple_lease_free(lease);
	}
}

/* Take the leases that are condemned from their sockets, aborted or not. */
static void tuple_lease_seize(struct tuple_pool *pool)
{
	struct tuple_lease *lease;
	struct tuple_sock *ts;

	spin_lock_bh(&pool->lock);
	while ((lease = list_first_entry_or_null(&pool->killing,
						 struct tuple_lease, queue))) {
		ts = list_first_entry(&lease->socks, struct tuple_sock,
				      lease_list);
		tuple_lease_detach(lease, ts);
		if (!lease->n_socks)
			tuple_lease_end(lease, false);
	}
	spin_unlock_bh(&pool->lock);
}

/* How long a socket may keep its lock before its lease is taken from it while
 * it has not been aborted yet.
 */
#define TUPLE_LEASE_PATIENCE	(3 * HZ)

void tuple_lease_abort_all(struct tuple_pool *pool)
{
	unsigned long end = jiffies + TUPLE_LEASE_PATIENCE;
	u64 before = U64_MAX, now;

	wake_up_all(&pool->waiters);
	for (;;) {
		tuple_lease_end_some(pool);
		flush_work(&pool->work);
		now = READ_ONCE(pool->in_use) + READ_ONCE(pool->resting);
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
				   READ_ONCE(pool->in_use) +
				   READ_ONCE(pool->resting) < now, HZ / 100);
	}
}

static bool tuple_lease_is_killed(struct tuple_net *tn,
				  const struct in6_addr *addr)
{
	struct tuple_lease *lease;
	bool killed;

	rcu_read_lock();
	lease = tuple_lease_find(tn->net, addr);
	killed = lease && !lease->dead && lease->killed;
	rcu_read_unlock();
	return killed;
}

int tuple_lease_kill(struct tuple_net *tn, const struct in6_addr *addr,
		     struct netlink_ext_ack *extack)
{
	struct tuple_pool *pool = NULL;
	struct tuple_lease *lease;
	int err = -ENOENT;

	lockdep_assert_held(&tn->mutex);
	rcu_read_lock();
	lease = tuple_lease_find(tn->net, addr);
	if (lease) {
		/* tn->mutex keeps it from going away */
		pool = lease->pool;
		spin_lock_bh(&pool->lock);
		if (!lease->dead && lease->state == INET_TUPLE_LEASE_ACTIVE) {
			tuple_lease_condemn(lease);
			err = 0;
		} else if (!lease->dead &&
			   lease->state == INET_TUPLE_LEASE_LINGERING) {
			tuple_lease_unlinger(lease);
			tuple_lease_retire(lease, false);
			err = 0;
		}
		spin_unlock_bh(&pool->lock);
	}
	rcu_read_unlock();
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

/* What devices tell */

static void tuple_lease_lost_locked(struct tuple_lease *lease, bool by_admin)
{
	switch (lease->state) {
	case INET_TUPLE_LEASE_PLUMBING:
		lease->lost = 1;
		break;
	case INET_TUPLE_LEASE_ACTIVE:
		if (!lease->plumbed)
			break;
		lease->plumbed = 0;
		if (by_admin && !lease->resync)
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
	}
}

void tuple_lease_lost(struct net *net, const struct in6_addr *addr,
		      bool by_admin)
{
	struct tuple_lease *lease;
	struct tuple_pool *pool;

	rcu_read_lock();
	lease = tuple_lease_find(net, addr);
	if (lease) {
		pool = lease->pool;
		spin_lock_bh(&pool->lock);
		if (!lease->dead)
			tuple_lease_lost_locked(lease, by_admin);
		spin_unlock_bh(&pool->lock);
	}
	rcu_read_unlock();
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
	lease->state = TUPLE_LEASE_FOREIGN;
	err = tuple_alloc_take(alloc, addr);
	if (err)
		goto err_free;
	err = rhashtable_insert_fast(&tuple_leases, &lease->node,
				     tuple_leases_params);
	if (err)
		goto err_give_back;
	list_add_tail(&lease->list, &pool->leases);
	return 0;

err_give_back:
	tuple_alloc_free(alloc, addr);
err_free:
	kmem_cache_free(tuple_lease_cache, lease);
	return err;
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
	if (lease->state != TUPLE_LEASE_FOREIGN)
		lease->foreign = present;
	else if (!present)
		tuple_lease_free(lease);
	return 0;
}

int tuple_lease_foreign_pool(struct tuple_pool *pool,
			     const struct in6_addr *addr, bool present)
{
	int err = 0;

	rcu_read_lock();
	spin_lock_bh(&pool->lock);
	if (!pool->dead &&
	    tuple_alloc_has(&pool->alloc[tuple_family_index(addr)], addr))
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
	if (pool->dead || !dev || !(dev->flags & IFF_UP))
		goto out;
	list_for_each_entry_continue(lease, &pool->leases, list) {
		if (lease->plumbed || lease->killed ||
		    (lease->state != INET_TUPLE_LEASE_ACTIVE &&
		     lease->state != INET_TUPLE_LEASE_LINGERING))
			continue;
		lease->plumbed = 1;
		lease->resync = 1;
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
 * again.
 */
static void tuple_lease_resync_done(struct tuple_pool *pool,
				    const struct in6_addr *addr, int err)
{
	struct tuple_lease *lease;

	if (err)
		pr_warn_ratelimited("pool %s: %pI6c is not back on the device: %d\n",
				    pool->name, addr, err);
	rcu_read_lock();
	spin_lock_bh(&pool->lock);
	lease = tuple_lease_find(pool->tn->net, addr);
	if (lease && lease->pool == pool && lease->resync) {
		lease->resync = 0;
		if (err)
			lease->plumbed = 0;
		if (err == -EEXIST)
			lease->foreign = 1;
	}
	spin_unlock_bh(&pool->lock);
	rcu_read_unlock();
}

void tuple_lease_resync(struct tuple_pool *pool)
{
	struct tuple_lease *place;
	struct in6_addr addr;

	if (pool->conf.plumb == INET_TUPLE_PLUMB_PREFIX) {
		mutex_lock(&pool->plumb_mutex);
		tuple_plumb_prefixes(pool);
		mutex_unlock(&pool->plumb_mutex);
		return;
	}
	place = tuple_lease_alloc(pool, GFP_KERNEL);
	if (!place) {
		pr_warn("pool %s: no memory to put its leases back on the device\n",
			pool->name);
		return;
	}
	place->state = TUPLE_LEASE_MARKER;
	mutex_lock(&pool->plumb_mutex);
	spin_lock_bh(&pool->lock);
	list_add(&place->list, &pool->leases);
	spin_unlock_bh(&pool->lock);
	while (tuple_lease_resync_next(pool, place, &addr)) {
		tuple_lease_resync_done(pool, &addr,
					tuple_plumb_add(pool, &addr));
		cond_resched();
	}
	spin_lock_bh(&pool->lock);
	list_del(&place->list);
	spin_unlock_bh(&pool->lock);
	mutex_unlock(&pool->plumb_mutex);
	kmem_cache_free(tuple_lease_cache, place);
}

int tuple_lease_retake(struct tuple_pool *pool, struct tuple_alloc *alloc,
		       int idx)
{
	struct tuple_lease *lease;
	int err;

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(lease, &pool->leases, list) {
		if (lease->state == TUPLE_LEASE_MARKER ||
		    tuple_family_index(&lease->addr) != idx)
			continue;
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

	tuple_lease_cache = kmem_cache_create("inet_tuple_lease",
					      sizeof(struct tuple_lease), 0,
					      SLAB_ACCOUNT, NULL);
	if (!tuple_lease_cache)
		return -ENOMEM;
	err = -ENOMEM;
	tuple_lease_wq = alloc_workqueue("inet_tuple", WQ_UNBOUND, 0);
	if (!tuple_lease_wq)
		goto err_cache;
	err = rhashtable_init(&tuple_leases, &tuple_leases_params);
	if (err)
		goto err_wq;
	err = rhashtable_init(&tuple_shared, &tuple_shared_params);
	if (err)
		goto err_leases;
	return 0;

err_leases:
	rhashtable_destroy(&tuple_leases);
err_wq:
	destroy_workqueue(tuple_lease_wq);
err_cache:
	kmem_cache_destroy(tuple_lease_cache);
	return err;
}

/* Every namespace's pools are gone; what is left waits for a grace period. */
void tuple_lease_uninit(void)
{
	destroy_workqueue(tuple_lease_wq);
	rcu_barrier();
	rhashtable_destroy(&tuple_shared);
	rhashtable_destroy(&tuple_leases);
	kmem_cache_destroy(tuple_lease_cache);
}
