// SPDX-License-Identifier: GPL-2.0-only
/* Pools and the rules that choose one: configuration and look-up. */

#include <linux/cred.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include "compat.h"
#include "lease.h"
#include "nd.h"
#include "net.h"
#include "netlink.h"
#include "plumb.h"
#include "pool.h"
#include "stock.h"
#include "sysfs.h"

void tuple_pool_conf_init(struct tuple_pool_conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	conf->plumb = INET_TUPLE_PLUMB_ADDRESS;
	conf->assign = INET_TUPLE_ASSIGN_CREATE;
	conf->scope = INET_TUPLE_SCOPE_SOCKET;
	conf->order = INET_TUPLE_ORDER_LRU;
	conf->source = INET_TUPLE_SOURCE_STATIC;
	conf->state = INET_TUPLE_STATE_ACTIVE;
	conf->dscp = TUPLE_DSCP_UNSET;
	conf->quarantine = TUPLE_QUARANTINE_AUTO;
	conf->quota = TUPLE_QUOTA_NONE;
	conf->priority = TUPLE_PRIORITY_UNSET;
	conf->low = TUPLE_STOCK_LOW;
	conf->high = TUPLE_STOCK_HIGH;
}

void tuple_pool_conf_free(struct tuple_pool_conf *conf)
{
	kvfree(conf->prefixes);
	kvfree(conf->excludes);
	kvfree(conf->users);
}

void tuple_pool_change_init(struct tuple_pool_change *c)
{
	memset(c, 0, sizeof(*c));
	tuple_pool_conf_init(&c->conf);
}

void tuple_pool_change_free(struct tuple_pool_change *c)
{
	tuple_pool_conf_free(&c->conf);
	kvfree(c->del_prefixes);
	kvfree(c->del_excludes);
}

/* Look-up */

struct tuple_pool *tuple_pool_find(struct tuple_net *tn, const char *name)
{
	struct tuple_pool *pool;

	list_for_each_entry_rcu(pool, &tn->pools, list,
				lockdep_is_held(&tn->mutex))
		if (!strcmp(pool->name, name))
			return pool;
	return NULL;
}

enum inet_tuple_default tuple_pool_default_of(const struct tuple_pool *pool)
{
	bool is[2], all = true;
	int idx;

	for (idx = 0; idx < 2; idx++) {
		bool serves = READ_ONCE(pool->serves[idx]);

		is[idx] = serves &&
			  rcu_access_pointer(pool->tn->default_pool[idx]) == pool;
		all = all && is[idx] == serves;
	}
	if (!is[0] && !is[1])
		return INET_TUPLE_DEFAULT_OFF;
	if (all)
		return INET_TUPLE_DEFAULT_ON;
	return is[0] ? INET_TUPLE_DEFAULT_INET : INET_TUPLE_DEFAULT_INET6;
}

bool tuple_pool_tryget(struct tuple_pool *pool)
{
	return refcount_inc_not_zero(&pool->refs);
}

/* Of its own, so that a pool to which a reference was kept is told of when the
 * module goes.
 */
static struct kmem_cache *tuple_pool_cache;

static void tuple_pool_free_rcu(struct rcu_head *rcu)
{
	struct tuple_pool *pool = container_of(rcu, struct tuple_pool, rcu);

	tuple_alloc_destroy(&pool->alloc[0]);
	tuple_alloc_destroy(&pool->alloc[1]);
	xa_destroy(&pool->quota);
	tuple_pool_conf_free(&pool->conf);
	kmem_cache_free(tuple_pool_cache, pool);
}

const u8 tuple_failures[TUPLE_FAILURES] = {
	EADDRNOTAVAIL, EAGAIN, EDQUOT, EACCES, ENETDOWN, ENODEV, EADDRINUSE,
	EINTR, ENOMEM, 0
};

void tuple_pool_count_failure(struct tuple_pool *pool, int err)
{
	unsigned int i;

	if (err == -ERESTARTSYS)
		err = -EINTR;
	for (i = 0; i < TUPLE_FAILURES - 1; i++)
		if (err == -tuple_failures[i])
			break;
	spin_lock_bh(&pool->lock);
	pool->stats.failed[i]++;
	spin_unlock_bh(&pool->lock);
}

void tuple_pool_put(struct tuple_pool *pool)
{
	if (refcount_dec_and_test(&pool->refs))
		call_rcu(&pool->rcu, tuple_pool_free_rcu);
}

static bool tuple_pool_serves(struct tuple_pool *pool, int idx)
{
	return tuple_pool_is_ready(pool) && READ_ONCE(pool->serves[idx]);
}

/* Does it serve the family with these allocators? */
static bool tuple_pool_would_serve(const struct tuple_pool *pool,
				   const struct tuple_alloc *alloc, int idx)
{
	return pool->stocked ? !idx : alloc[idx].total > 0;
}

static void tuple_pool_tell_serves(struct tuple_pool *pool)
{
	int idx;

	for (idx = 0; idx < 2; idx++)
		WRITE_ONCE(pool->serves[idx],
			   tuple_pool_would_serve(pool, pool->alloc, idx));
}

void tuple_pool_count(const struct tuple_pool *pool, u64 *total, u64 *free)
{
	const struct tuple_alloc *alloc = pool->alloc;

	lockdep_assert_held(&pool->lock);
	if (pool->stocked) {
		*total = pool->stock.total;
		*free = pool->stock.n_free;
		return;
	}
	if (check_add_overflow(alloc[0].total, alloc[1].total, total))
		*total = U64_MAX;
	*free = *total;
	if (*total != U64_MAX)
		*free -= alloc[0].taken + alloc[1].taken - pool->n_warm;
}

bool tuple_pool_serves_any(struct tuple_net *tn, int idx)
{
	struct tuple_pool *pool;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(pool, &tn->pools, list) {
		found = tuple_pool_serves(pool, idx);
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}

struct tuple_pool *tuple_pool_by_addr(struct tuple_net *tn,
				      const struct in6_addr *addr)
{
	struct tuple_pool *pool;
	bool found;

	rcu_read_lock();
	list_for_each_entry_rcu(pool, &tn->pools, list) {
		spin_lock_bh(&pool->lock);
		found = !pool->dead && tuple_lease_pool_has(pool, addr);
		spin_unlock_bh(&pool->lock);
		if (found && tuple_pool_tryget(pool)) {
			rcu_read_unlock();
			return pool;
		}
	}
	rcu_read_unlock();
	return NULL;
}

int tuple_rule_set_cgroup(struct tuple_rule *rule, struct cgroup *cgrp)
{
	size_t size = 1, len;
	struct cgroup *c;
	char *p;

	/* Nothing in cgroup2 is ever renamed. */
	for (c = cgrp; cgroup_parent(c); c = cgroup_parent(c))
		size += strlen(c->kn->name) + 1;
	p = kmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!p)
		return -ENOMEM;
	rule->cgroup_names = p;
	rule->cgroup_level = cgrp->level;
	for (c = cgrp; cgroup_parent(c); c = cgroup_parent(c)) {
		len = strlen(c->kn->name) + 1;
		memcpy(p, c->kn->name, len);
		p += len;
	}
	*p = '\0';
	return 0;
}

static bool tuple_rule_has_cgroup(const struct tuple_rule *rule,
				  struct cgroup *cgrp)
{
	const char *name = rule->cgroup_names;

	cgrp = cgroup_ancestor(cgrp, rule->cgroup_level);
	for (; cgrp && *name; cgrp = cgroup_parent(cgrp)) {
		if (strcmp(name, cgrp->kn->name))
			return false;
		name += strlen(name) + 1;
	}
	return cgrp;
}

static bool tuple_rule_matches(const struct tuple_rule *rule, struct sock *sk)
{
	struct cgroup *cgrp = tuple_sock_cgroup(sk);

	if (rule->match & TUPLE_RULE_UID && !uid_eq(rule->uid, sk->sk_uid))
		return false;
	if (rule->match & TUPLE_RULE_GID && !in_egroup_p(rule->gid))
		return false;
	if (!(rule->match & TUPLE_RULE_CGROUP))
		return true;
	return cgrp && tuple_rule_has_cgroup(rule, cgrp);
}

static struct tuple_pool *tuple_pool_by_rule(struct tuple_net *tn,
					     struct sock *sk, int idx)
{
	struct tuple_pool *pool;
	struct tuple_rule *rule;

	list_for_each_entry_rcu(rule, &tn->rules, list) {
		if (!tuple_rule_matches(rule, sk))
			continue;
		pool = tuple_pool_find(tn, rule->pool);
		if (pool && tuple_pool_serves(pool, idx))
			return pool;
	}
	return NULL;
}

/* The device by which packets of the sock to a peer leave. Under RCU. */
static struct net_device *tuple_pool_route_dev(struct sock *sk,
					       const struct in6_addr *peer)
{
	struct net *net = sock_net(sk);
	struct net_device *dev = NULL;
	struct dst_entry *dst;

	if (ipv6_addr_v4mapped(peer)) {
		struct flowi4 fl4 = {
			.daddr = peer->s6_addr32[3],
			.flowi4_oif = READ_ONCE(sk->sk_bound_dev_if),
			.flowi4_mark = READ_ONCE(sk->sk_mark),
			.flowi4_uid = sk->sk_uid,
		};
		struct rtable *rt = ip_route_output_key(net, &fl4);

		if (IS_ERR(rt))
			return NULL;
		dst = &rt->dst;
	} else {
		struct flowi6 fl6 = {
			.daddr = *peer,
			.flowi6_oif = READ_ONCE(sk->sk_bound_dev_if),
			.flowi6_mark = READ_ONCE(sk->sk_mark),
			.flowi6_uid = sk->sk_uid,
		};

		dst = ip6_route_output(net, sk, &fl6);
	}
	if (!dst->error)
		dev = dst->dev;
	dst_release(dst);
	return dev;	/* a device outlives the grace period that we are in */
}

static struct tuple_pool *tuple_pool_by_route(struct tuple_net *tn,
					      struct sock *sk, int idx,
					      const struct in6_addr *peer)
{
	struct net_device *dev = tuple_pool_route_dev(sk, peer);
	struct tuple_pool *pool, *best = NULL;

	if (!dev)
		return NULL;
	list_for_each_entry_rcu(pool, &tn->pools, list) {
		if (!tuple_pool_serves(pool, idx) ||
		    rcu_access_pointer(pool->dev) != dev)
			continue;
		if (rcu_access_pointer(tn->default_pool[idx]) == pool)
			return pool;
		if (!best)
			best = pool;
	}
	return best;
}

struct tuple_pool *tuple_pool_select(struct tuple_sock *ts, int idx,
				     const struct in6_addr *peer)
{
	struct tuple_net *tn = tuple_net(sock_net(ts->sk));
	struct tuple_pool *pool = NULL;

	rcu_read_lock();
	if (ts->choice && ts->choice->pool[0]) {
		pool = tuple_pool_find(tn, ts->choice->pool);
	} else {
		pool = tuple_pool_by_rule(tn, ts->sk, idx);
		if (!pool && peer)
			pool = tuple_pool_by_route(tn, ts->sk, idx, peer);
		if (!pool)
			pool = rcu_dereference(tn->default_pool[idx]);
	}
	if (!pool || !tuple_pool_serves(pool, idx) || !tuple_pool_tryget(pool))
		pool = ERR_PTR(-EADDRNOTAVAIL);
	rcu_read_unlock();
	return pool;
}

/* Prefixes and excludes */

static void tuple_prefix_range(const struct tuple_prefix *prefix,
			       struct tuple_range *range)
{
	int i, bits;

	range->first = prefix->addr;
	range->last = prefix->addr;
	for (i = 0; i < 4; i++) {
		bits = clamp(prefix->len - 32 * i, 0, 32);
		if (bits < 32)
			range->last.s6_addr32[i] |= htonl(U32_MAX >> bits);
	}
}

static bool tuple_range_within(const struct tuple_range *in,
			       const struct tuple_range *out)
{
	return memcmp(&in->first, &out->first, 16) >= 0 &&
	       memcmp(&in->last, &out->last, 16) <= 0;
}

static bool tuple_prefix_equal(const struct tuple_prefix *a,
			       const struct tuple_prefix *b)
{
	return a->len == b->len && ipv6_addr_equal(&a->addr, &b->addr);
}

static int tuple_pool_check_prefixes(struct tuple_net *tn,
				     const struct tuple_pool *self,
				     const struct tuple_pool_conf *conf,
				     struct netlink_ext_ack *extack)
{
	struct tuple_pool *pool;
	unsigned int i, j;

	for (i = 0; i < conf->n_prefixes; i++) {
		for (j = 0; j < i; j++)
			if (tuple_prefix_overlap(&conf->prefixes[i],
						 &conf->prefixes[j])) {
				NL_SET_ERR_MSG(extack,
					       "Prefixes of the pool overlap");
				return -EEXIST;
			}
		cond_resched();
		list_for_each_entry(pool, &tn->pools, list) {
			for (j = 0; pool != self && j < pool->conf.n_prefixes;
			     j++)
				if (tuple_prefix_overlap(&conf->prefixes[i],
							 &pool->conf.prefixes[j])) {
					NL_SET_ERR_MSG(extack,
						       "Prefix overlaps one of another pool");
					return -EEXIST;
				}
			if (tuple_stock_within(pool, &conf->prefixes[i])) {
				NL_SET_ERR_MSG(extack,
					       "Another pool has an address of the prefix");
				return -EEXIST;
			}
		}
	}
	return 0;
}

static int tuple_pool_check_excludes(const struct tuple_pool_conf *conf,
				     struct netlink_ext_ack *extack)
{
	struct tuple_range range;
	unsigned int i, j;

	for (i = 0; i < conf->n_excludes; i++) {
		for (j = 0; j < conf->n_prefixes; j++) {
			tuple_prefix_range(&conf->prefixes[j], &range);
			if (tuple_range_within(&conf->excludes[i], &range))
				break;
		}
		if (j == conf->n_prefixes) {
			NL_SET_ERR_MSG(extack,
				       "Exclude is outside the pool's prefixes");
			return -ERANGE;
		}
	}
	return 0;
}

/* What a pool cannot have that gets its addresses from a server */
static int tuple_pool_check_stocked(const struct tuple_pool_conf *conf,
				    struct netlink_ext_ack *extack)
{
	if (conf->n_prefixes || conf->n_excludes)
		NL_SET_ERR_MSG(extack,
			       "A pool of source dhcp has no prefixes and excludes");
	else if (conf->plumb != INET_TUPLE_PLUMB_ADDRESS)
		NL_SET_ERR_MSG(extack,
			       "A pool of source dhcp has no prefix to plumb");
	else if (conf->order_set && conf->order != INET_TUPLE_ORDER_LRU)
		NL_SET_ERR_MSG(extack, "A pool of source dhcp is lru");
	else if (conf->warm)
		NL_SET_ERR_MSG(extack,
			       "A pool of source dhcp keeps no address warm");
	else if (!conf->high)
		NL_SET_ERR_MSG(extack, "The high mark is at least 1");
	else if (conf->low > conf->high)
		NL_SET_ERR_MSG(extack, "The low mark is above the high one");
	else
		return 0;
	return -EINVAL;
}

/* What is not a matter of the configuration that comes of a change, but of the
 * change; @conf is what comes of it.
 */
static int tuple_pool_check_source(const struct tuple_pool_change *c,
				   const struct tuple_pool *self,
				   const struct tuple_pool_conf *conf,
				   struct netlink_ext_ack *extack)
{
	bool stocked = conf->source == INET_TUPLE_SOURCE_DHCP;

	if (self && self->stocked != stocked) {
		NL_SET_ERR_MSG(extack,
			       "The source of a pool is fixed when it is made");
		return -EOPNOTSUPP;
	}
	if (c->set & (TUPLE_SET_LOW | TUPLE_SET_HIGH) && !stocked) {
		NL_SET_ERR_MSG(extack, "Marks are for a source of dhcp");
		return -EINVAL;
	}
	return 0;
}

static int tuple_pool_check_conf(struct tuple_net *tn,
				 const struct tuple_pool *self,
				 const struct tuple_pool_conf *conf,
				 struct netlink_ext_ack *extack)
{
	int err;

	if (conf->source == INET_TUPLE_SOURCE_DHCP)
		return tuple_pool_check_stocked(conf, extack);
	if (conf->n_prefixes > TUPLE_POOL_PREFIXES_MAX ||
	    conf->n_excludes > TUPLE_POOL_EXCLUDES_MAX) {
		NL_SET_ERR_MSG(extack, "Too many prefixes or excludes");
		return -E2BIG;
	}
	if (conf->warm && conf->plumb != INET_TUPLE_PLUMB_ADDRESS) {
		NL_SET_ERR_MSG(extack,
			       "Only addresses that are plumbed are kept warm");
		return -EINVAL;
	}
	err = tuple_pool_check_prefixes(tn, self, conf, extack);
	if (err)
		return err;
	return tuple_pool_check_excludes(conf, extack);
}

/* Build the allocator of one family for a configuration, with room for n held
 * addresses.
 */
static int tuple_pool_build_one(struct tuple_alloc *alloc, int idx,
				const struct tuple_pool_conf *conf, u64 held)
{
	struct tuple_prefix *prefixes;
	struct tuple_range *excludes;
	unsigned int i, n = 0, m = 0;
	int err = -ENOMEM;
	u32 size, *ring;

	prefixes = kvmalloc_array(conf->n_prefixes + 1, sizeof(*prefixes),
				  GFP_KERNEL_ACCOUNT);
	excludes = kvmalloc_array(conf->n_excludes + 1, sizeof(*excludes),
				  GFP_KERNEL_ACCOUNT);
	if (!prefixes || !excludes)
		goto out;
	for (i = 0; i < conf->n_prefixes; i++)
		if (tuple_family_index(&conf->prefixes[i].addr) == idx)
			prefixes[n++] = conf->prefixes[i];
	for (i = 0; i < conf->n_excludes; i++)
		if (tuple_family_index(&conf->excludes[i].first) == idx)
			excludes[m++] = conf->excludes[i];
	err = 0;
	if (!n)
		goto out;
	err = tuple_alloc_build(alloc, prefixes, n, excludes, m,
				conf->order_set ? conf->order :
						  INET_TUPLE_ORDER_LRU,
				conf->order_set);
	if (err || alloc->total > TUPLE_ALLOC_LRU_MAX)
		goto out;
	size = roundup_pow_of_two(min_t(u64, held, alloc->total) + 16);
	ring = kvmalloc_array(size, sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (ring)
		kvfree(tuple_alloc_ring_give(alloc, ring, size));
	else
		err = -ENOMEM;
out:
	kvfree(excludes);
	kvfree(prefixes);
	return err;
}

static void tuple_pool_unbuild(struct tuple_alloc alloc[2])
{
	tuple_alloc_destroy(&alloc[0]);
	tuple_alloc_destroy(&alloc[1]);
	tuple_alloc_init(&alloc[0]);
	tuple_alloc_init(&alloc[1]);
}

/* Where the user asked for no order, @conf is told the one in effect: that of
 * the IPv4 prefixes, if there are any.
 */
static int tuple_pool_build(struct tuple_alloc alloc[2],
			    struct tuple_pool_conf *conf, u64 held)
{
	int err;

	err = tuple_pool_build_one(&alloc[0], 0, conf, held);
	if (!err)
		err = tuple_pool_build_one(&alloc[1], 1, conf, held);
	if (err) {
		tuple_pool_unbuild(alloc);
		return err;
	}
	if (!conf->order_set)
		conf->order = alloc[1].n_spans && !alloc[0].n_spans ?
			      alloc[1].order : INET_TUPLE_ORDER_LRU;
	return 0;
}

/* Prefix plumbing */

static bool tuple_pool_wants_nd(const struct tuple_pool_conf *conf)
{
	unsigned int i;

	if (conf->plumb != INET_TUPLE_PLUMB_PREFIX)
		return false;
	for (i = 0; i < conf->n_prefixes; i++)
		if (!ipv6_addr_v4mapped(&conf->prefixes[i].addr))
			return true;
	return false;
}

static bool tuple_conf_has(const struct tuple_pool_conf *conf,
			   const struct tuple_prefix *prefix)
{
	unsigned int i;

	for (i = 0; i < conf->n_prefixes; i++)
		if (tuple_prefix_equal(&conf->prefixes[i], prefix))
			return true;
	return false;
}

static bool tuple_conf_plumbs(const struct tuple_pool_conf *conf,
			      const struct tuple_prefix *prefix)
{
	return conf->plumb == INET_TUPLE_PLUMB_PREFIX &&
	       tuple_conf_has(conf, prefix);
}

/* Take off the routes that @conf has and @keep has not; the first n of them */
static void tuple_pool_unplumb(struct tuple_pool *pool,
			       const struct tuple_pool_conf *conf,
			       const struct tuple_pool_conf *keep,
			       unsigned int n)
{
	unsigned int i;

	if (conf->plumb != INET_TUPLE_PLUMB_PREFIX)
		return;
	for (i = 0; i < n; i++)
		if (!tuple_conf_plumbs(keep, &conf->prefixes[i]))
			tuple_plumb_prefix_del(pool, &conf->prefixes[i]);
}

/* Put the routes there that @conf has and @have has not: all or none */
static int tuple_pool_plumb(struct tuple_pool *pool,
			    const struct tuple_pool_conf *conf,
			    const struct tuple_pool_conf *have,
			    struct netlink_ext_ack *extack)
{
	unsigned int i;
	int err;

	if (conf->plumb != INET_TUPLE_PLUMB_PREFIX)
		return 0;
	for (i = 0; i < conf->n_prefixes; i++) {
		if (tuple_conf_plumbs(have, &conf->prefixes[i]))
			continue;
		err = tuple_plumb_prefix_add(pool, &conf->prefixes[i]);
		/* Nothing to do while it is down; it is told when it is up. */
		if (err == -ENETDOWN)
			continue;
		if (err) {
			if (err == -EEXIST)
				NL_SET_ERR_MSG(extack,
					       "Prefix is local already");
			else
				NL_SET_ERR_MSG(extack,
					       "Prefix could not be made local");
			tuple_pool_unplumb(pool, conf, have, i);
			return err;
		}
	}
	return 0;
}

/* The hook for neighbour solicitations, and the device that is to hear them */
static int tuple_pool_nd(struct tuple_pool *pool, bool want,
			 struct netlink_ext_ack *extack)
{
	int err = 0;

	if (want && !pool->nd)
		err = tuple_nd_get(pool);
	else if (!want && pool->nd)
		tuple_nd_put(pool);
	if (err)
		NL_SET_ERR_MSG(extack,
			       "Neighbour solicitations cannot be answered");
	return err;
}

/* The default of each family */

/* A pool can be the default of what it serves, or is to serve with @alloc. */
static int tuple_pool_check_default(const struct tuple_pool *pool,
				    const struct tuple_alloc *alloc,
				    const struct tuple_pool_change *c,
				    struct netlink_ext_ack *extack)
{
	bool v4 = tuple_pool_would_serve(pool, alloc, 0);
	bool v6 = tuple_pool_would_serve(pool, alloc, 1);

	if (!(c->set & TUPLE_SET_DEFAULT))
		return 0;
	if (c->default_of == INET_TUPLE_DEFAULT_ON && !v4 && !v6)
		NL_SET_ERR_MSG(extack, "A default pool needs an address");
	else if (c->default_of == INET_TUPLE_DEFAULT_INET && !v4)
		NL_SET_ERR_MSG(extack,
			       "The default pool of IPv4 needs an IPv4 address");
	else if (c->default_of == INET_TUPLE_DEFAULT_INET6 && !v6)
		NL_SET_ERR_MSG(extack,
			       "The default pool of IPv6 needs an IPv6 address");
	else
		return 0;
	return -EINVAL;
}

static void tuple_pool_leave_default(struct tuple_pool *pool, int idx)
{
	struct tuple_net *tn = pool->tn;

	lockdep_assert_held(&tn->mutex);
	if (rcu_access_pointer(tn->default_pool[idx]) == pool)
		RCU_INIT_POINTER(tn->default_pool[idx], NULL);
}

/* Take the families that it names, of those that the pool serves, and give up
 * the others.
 */
static void tuple_pool_set_default(struct tuple_pool *pool,
				   enum inet_tuple_default value)
{
	const enum inet_tuple_default only[2] = {
		INET_TUPLE_DEFAULT_INET, INET_TUPLE_DEFAULT_INET6
	};
	int idx;

	for (idx = 0; idx < 2; idx++) {
		if (pool->serves[idx] &&
		    (value == INET_TUPLE_DEFAULT_ON || value == only[idx]))
			rcu_assign_pointer(pool->tn->default_pool[idx], pool);
		else
			tuple_pool_leave_default(pool, idx);
	}
}

/* Is it the only one that serves a family of which no pool that does is the default? */
static bool tuple_pool_is_first(struct tuple_pool *pool, int idx)
{
	struct tuple_net *tn = pool->tn;
	struct tuple_pool *other;

	other = rcu_dereference_protected(tn->default_pool[idx],
					  lockdep_is_held(&tn->mutex));
	if (other && other->serves[idx])
		return false;
	list_for_each_entry(other, &tn->pools, list)
		if (other != pool && other->serves[idx])
			return false;
	return true;
}

/* Where the user says nothing: the first pool of a family is its default when it
 * begins to serve it. @served: before. One that no longer serves it is the default
 * again when it does, unless another has begun to meanwhile.
 */
static void tuple_pool_claim_default(struct tuple_pool *pool,
				     const bool served[2])
{
	int idx;

	for (idx = 0; idx < 2; idx++) {
		if (pool->serves[idx] && !served[idx] &&
		    tuple_pool_is_first(pool, idx))
			rcu_assign_pointer(pool->tn->default_pool[idx], pool);
	}
}

/* Devices */

void tuple_pool_take_dev(struct tuple_pool *pool, struct net_device *dev)
{
	ASSERT_RTNL();
	netdev_hold(dev, &pool->dev_tracker, GFP_ATOMIC);
	spin_lock_bh(&pool->lock);
	rcu_assign_pointer(pool->dev, dev);
	memcpy(pool->ifname, dev->name, IFNAMSIZ);
	spin_unlock_bh(&pool->lock);
	tuple_nd_dev_came(pool, dev);
}

void tuple_pool_resync(struct tuple_pool *pool)
{
	set_bit(TUPLE_POOL_RESYNC, &pool->flags);
	queue_work(tuple_lease_wq, &pool->work);
}

void tuple_pool_lose_dev(struct tuple_pool *pool)
{
	struct net_device *dev = rtnl_dereference(pool->dev);

	ASSERT_RTNL();
	if (!dev)
		return;
	tuple_nd_dev_gone(pool, dev);
	spin_lock_bh(&pool->lock);
	RCU_INIT_POINTER(pool->dev, NULL);
	spin_unlock_bh(&pool->lock);
	netdev_put(dev, &pool->dev_tracker);
}

/* Add */

static struct tuple_pool *tuple_pool_alloc(struct tuple_net *tn,
					   const char *name)
{
	struct tuple_pool *pool;

	pool = kmem_cache_zalloc(tuple_pool_cache, GFP_KERNEL_ACCOUNT);
	if (!pool)
		return NULL;
	refcount_set(&pool->refs, 1);
	pool->tn = tn;
	pool->net = tn->net;
	strscpy(pool->name, name, sizeof(pool->name));
	spin_lock_init(&pool->lock);
	tuple_pool_conf_init(&pool->conf);
	tuple_alloc_init(&pool->alloc[0]);
	tuple_alloc_init(&pool->alloc[1]);
	tuple_stock_init(&pool->stock);
	INIT_LIST_HEAD(&pool->leases);
	INIT_LIST_HEAD(&pool->ending);
	INIT_LIST_HEAD(&pool->killing);
	INIT_LIST_HEAD(&pool->quarantine);
	INIT_LIST_HEAD(&pool->warm[0]);
	INIT_LIST_HEAD(&pool->warm[1]);
	xa_init_flags(&pool->quota, XA_FLAGS_LOCK_BH);
	INIT_WORK(&pool->work, tuple_lease_pool_work);
	INIT_WORK(&pool->kill_work, tuple_lease_kill_work);
	timer_setup(&pool->rest_timer, tuple_lease_rest_timer, 0);
	mutex_init(&pool->plumb_mutex);
	init_waitqueue_head(&pool->waiters);
	return pool;
}

/* On the list, with its device, where notifiers find it. Nobody leases from
 * it yet: it is not ready.
 */
static int tuple_pool_publish(struct tuple_pool *pool, int ifindex,
			      struct netlink_ext_ack *extack)
{
	struct tuple_net *tn = pool->tn;
	struct net_device *dev = NULL;
	int err = 0;

	rtnl_lock();
	if (ifindex) {
		dev = __dev_get_by_index(tn->net, ifindex);
		if (!dev) {
			NL_SET_ERR_MSG(extack, "No such device");
			err = -ENODEV;
		}
	}
	if (dev)
		tuple_pool_take_dev(pool, dev);
	if (!err)
		list_add_tail_rcu(&pool->list, &tn->pools);
	rtnl_unlock();
	return err;
}

/* Undoes tuple_pool_publish() and what came after; no lease is left. */
static void tuple_pool_retract(struct tuple_pool *pool)
{
	tuple_pool_nd(pool, false, NULL);
	rtnl_lock();
	list_del_rcu(&pool->list);
	tuple_pool_lose_dev(pool);
	rtnl_unlock();
	spin_lock_bh(&pool->lock);
	pool->dead = true;
	spin_unlock_bh(&pool->lock);
	cancel_work_sync(&pool->work);
	del_timer_sync(&pool->rest_timer);
	tuple_lease_forget_foreign(pool);
	del_timer_sync(&pool->stock.timer);	/* no address is left */
	tuple_pool_put(pool);
}

/* Defaults of a pool that gets its addresses from a server */
static void tuple_pool_stock_defaults(struct tuple_pool_change *c)
{
	struct tuple_pool_conf *conf = &c->conf;

	if (!(c->set & TUPLE_SET_WAIT))
		conf->wait = TUPLE_STOCK_WAIT_MS;
	if (!(c->set & TUPLE_SET_HIGH))
		conf->high = max(conf->high, conf->low);
	if (!(c->set & TUPLE_SET_LOW))
		conf->low = min(conf->low, conf->high);
}

int tuple_pool_add(struct tuple_net *tn, struct tuple_pool_change *c,
		   struct netlink_ext_ack *extack)
{
	const struct tuple_pool_conf none = {};
	const bool served[2] = {};
	struct tuple_pool *pool;
	int err;

	lockdep_assert_held(&tn->mutex);
	if (tn->dying)
		return -ENODEV;
	if (tuple_pool_find(tn, c->name)) {
		NL_SET_ERR_MSG(extack, "A pool of this name exists");
		return -EEXIST;
	}
	if (c->conf.source == INET_TUPLE_SOURCE_DHCP)
		tuple_pool_stock_defaults(c);
	err = tuple_pool_check_source(c, NULL, &c->conf, extack);
	if (!err)
		err = tuple_pool_check_conf(tn, NULL, &c->conf, extack);
	if (err)
		return err;
	pool = tuple_pool_alloc(tn, c->name);
	if (!pool)
		return -ENOMEM;
	pool->stocked = c->conf.source == INET_TUPLE_SOURCE_DHCP;
	err = tuple_pool_build(pool->alloc, &c->conf, 0);
	if (!err)
		err = tuple_pool_check_default(pool, pool->alloc, c, extack);
	if (err)
		goto err_put;
	swap(pool->conf, c->conf);
	tuple_pool_tell_serves(pool);
	err = tuple_pool_publish(pool, c->ifindex, extack);
	if (err)
		goto err_put;
	tuple_plumb_scan_foreign(pool);
	err = tuple_pool_nd(pool, tuple_pool_wants_nd(&pool->conf), extack);
	if (err)
		goto err_retract;
	err = tuple_pool_plumb(pool, &pool->conf, &none, extack);
	if (err)
		goto err_retract;
	err = tuple_sysfs_pool_add(pool);
	if (err)
		goto err_unplumb;
	spin_lock_bh(&pool->lock);
	WRITE_ONCE(pool->ready, true);
	spin_unlock_bh(&pool->lock);
	queue_work(tuple_lease_wq, &pool->work);	/* what it was not ready for */
	if (c->set & TUPLE_SET_DEFAULT)
		tuple_pool_set_default(pool, c->default_of);
	else
		tuple_pool_claim_default(pool, served);
	tn->pool_seq++;
	tuple_netlink_pool_event(pool, INET_TUPLE_CMD_POOL_NEW_NTF);
	if (pool->stocked)
		tuple_stock_tell(pool);
	return 0;

err_unplumb:
	tuple_pool_unplumb(pool, &pool->conf, &none, pool->conf.n_prefixes);
err_retract:
	tuple_pool_retract(pool);
	return err;
err_put:
	tuple_pool_put(pool);
	return err;
}

/* Set */

/* A copy of an array, with room for more */
static void *tuple_array_copy(const void *from, unsigned int n,
			      unsigned int more, size_t size)
{
	void *p = kvmalloc_array(n + more + 1, size, GFP_KERNEL_ACCOUNT);

	if (p && n)
		memcpy(p, from, n * size);
	return p;
}

static int tuple_conf_del_prefixes(struct tuple_pool_conf *conf,
				   const struct tuple_pool_change *c,
				   struct netlink_ext_ack *extack)
{
	unsigned int i, j;

	for (i = 0; i < c->n_del_prefixes; i++) {
		for (j = 0; j < conf->n_prefixes; j++)
			if (tuple_prefix_equal(&conf->prefixes[j],
					       &c->del_prefixes[i]))
				break;
		if (j == conf->n_prefixes) {
			NL_SET_ERR_MSG(extack, "The pool has no such prefix");
			return -ENOENT;
		}
		conf->n_prefixes--;
		memmove(&conf->prefixes[j], &conf->prefixes[j + 1],
			(conf->n_prefixes - j) * sizeof(conf->prefixes[0]));
	}
	return 0;
}

static int tuple_conf_del_excludes(struct tuple_pool_conf *conf,
				   const struct tuple_pool_change *c,
				   struct netlink_ext_ack *extack)
{
	unsigned int i, j;

	for (i = 0; i < c->n_del_excludes; i++) {
		for (j = 0; j < conf->n_excludes; j++)
			if (!memcmp(&conf->excludes[j], &c->del_excludes[i],
				    sizeof(conf->excludes[0])))
				break;
		if (j == conf->n_excludes) {
			NL_SET_ERR_MSG(extack, "The pool has no such exclude");
			return -ENOENT;
		}
		conf->n_excludes--;
		memmove(&conf->excludes[j], &conf->excludes[j + 1],
			(conf->n_excludes - j) * sizeof(conf->excludes[0]));
	}
	return 0;
}

#define TUPLE_CONF_SET(bit, field)				\
	do {							\
		if (c->set & TUPLE_SET_##bit)			\
			conf->field = c->conf.field;		\
	} while (0)

static void tuple_conf_set_scalars(struct tuple_pool_conf *conf,
				   const struct tuple_pool_change *c)
{
	TUPLE_CONF_SET(PLUMB, plumb);
	TUPLE_CONF_SET(ASSIGN, assign);
	TUPLE_CONF_SET(SCOPE, scope);
	TUPLE_CONF_SET(ORDER, order);
	TUPLE_CONF_SET(ORDER, order_set);
	TUPLE_CONF_SET(QUARANTINE, quarantine);
	TUPLE_CONF_SET(WAIT, wait);
	TUPLE_CONF_SET(QUOTA, quota);
	TUPLE_CONF_SET(DSCP, dscp);
	TUPLE_CONF_SET(PRIORITY, priority);
	TUPLE_CONF_SET(MARK, mark);
	TUPLE_CONF_SET(SOURCE, source);
	TUPLE_CONF_SET(STATE, state);
	TUPLE_CONF_SET(LOW, low);
	TUPLE_CONF_SET(HIGH, high);
	TUPLE_CONF_SET(WARM, warm);
}

/* The configuration that a change makes of a pool's; arrays of its own */
static int tuple_conf_merge(struct tuple_pool_conf *conf,
			    const struct tuple_pool *pool,
			    const struct tuple_pool_change *c,
			    struct netlink_ext_ack *extack)
{
	const struct tuple_pool_conf *old = &pool->conf;
	bool users = c->set & TUPLE_SET_USERS;
	int err;

	*conf = *old;
	conf->prefixes = tuple_array_copy(old->prefixes, old->n_prefixes,
					  c->conf.n_prefixes,
					  sizeof(*conf->prefixes));
	conf->excludes = tuple_array_copy(old->excludes, old->n_excludes,
					  c->conf.n_excludes,
					  sizeof(*conf->excludes));
	conf->n_users = users ? c->conf.n_users : old->n_users;
	conf->users = tuple_array_copy(users ? c->conf.users : old->users,
				       conf->n_users, 0,
				       sizeof(*conf->users));
	err = -ENOMEM;
	if (!conf->prefixes || !conf->excludes || !conf->users)
		goto err;
	/* Deletes first, so that one request can replace */
	err = tuple_conf_del_prefixes(conf, c, extack);
	if (err)
		goto err;
	err = tuple_conf_del_excludes(conf, c, extack);
	if (err)
		goto err;
	if (c->conf.n_prefixes)
		memcpy(conf->prefixes + conf->n_prefixes, c->conf.prefixes,
		       c->conf.n_prefixes * sizeof(*conf->prefixes));
	conf->n_prefixes += c->conf.n_prefixes;
	if (c->conf.n_excludes)
		memcpy(conf->excludes + conf->n_excludes, c->conf.excludes,
		       c->conf.n_excludes * sizeof(*conf->excludes));
	conf->n_excludes += c->conf.n_excludes;
	tuple_conf_set_scalars(conf, c);
	return 0;
err:
	tuple_pool_conf_free(conf);
	return err;
}

/* Is something of a prefix leased, or still on its way off the device? */
static bool tuple_pool_prefix_busy(struct tuple_pool *pool,
				   const struct tuple_prefix *prefix)
{
	struct tuple_lease *lease;

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(lease, &pool->leases, list)
		if (!(lease->state & TUPLE_LEASE_PSEUDO) &&
		    lease->state != INET_TUPLE_LEASE_QUARANTINE &&
		    ipv6_prefix_equal(&lease->addr, &prefix->addr, prefix->len))
			return true;
	return false;
}

/* A lease that is in a prefix which goes, or that is plumbed in a way which
 * changes, is in the way.
 */
static int tuple_pool_check_leases(struct tuple_pool *pool,
				   const struct tuple_pool_conf *conf,
				   struct netlink_ext_ack *extack)
{
	const struct tuple_pool_conf *old = &pool->conf;
	unsigned int i;

	lockdep_assert_held(&pool->lock);
	if (conf->plumb != old->plumb && (pool->in_use || pool->resting)) {
		NL_SET_ERR_MSG(extack,
			       "Plumbing cannot change while leases are held or rest");
		return -EBUSY;
	}
	for (i = 0; i < old->n_prefixes; i++)
		if (!tuple_conf_has(conf, &old->prefixes[i]) &&
		    tuple_pool_prefix_busy(pool, &old->prefixes[i])) {
			NL_SET_ERR_MSG(extack,
				       "Addresses of the prefix are leased");
			return -EBUSY;
		}
	return 0;
}

/* Are the prefixes and excludes of @old those that @conf begins with? */
static bool tuple_conf_continues(const struct tuple_pool_conf *conf,
				 const struct tuple_pool_conf *old)
{
	unsigned int i;

	if (conf->n_prefixes < old->n_prefixes ||
	    conf->n_excludes < old->n_excludes)
		return false;
	for (i = 0; i < old->n_prefixes; i++)
		if (!tuple_prefix_equal(&conf->prefixes[i], &old->prefixes[i]))
			return false;
	return !old->n_excludes || !memcmp(conf->excludes, old->excludes,
					   old->n_excludes *
					   sizeof(*old->excludes));
}

/* Do the same addresses come of both, in the same order? */
static bool tuple_conf_same_addresses(const struct tuple_pool_conf *conf,
				      const struct tuple_pool_conf *old)
{
	return tuple_conf_continues(conf, old) &&
	       conf->n_prefixes == old->n_prefixes &&
	       conf->n_excludes == old->n_excludes &&
	       conf->order_set == old->order_set && conf->order == old->order;
}

/* Are there only prefixes more, after the others? In those is no lease, as there
 * may be in what is no longer excluded.
 */
static bool tuple_pool_only_grows(const struct tuple_pool *pool,
				  const struct tuple_pool_conf *conf,
				  const struct tuple_alloc alloc[2])
{
	return tuple_conf_continues(conf, &pool->conf) &&
	       tuple_alloc_extends(&alloc[0], &pool->alloc[0]) &&
	       tuple_alloc_extends(&alloc[1], &pool->alloc[1]);
}

static void tuple_pool_swap_alloc(struct tuple_pool *pool,
				  struct tuple_alloc alloc[2])
{
	swap(pool->alloc[0], alloc[0]);
	swap(pool->alloc[1], alloc[1]);
}

/* Other addresses, or another order. -ENOSPC: see tuple_pool_commit(). */
static int tuple_pool_replace_alloc(struct tuple_pool *pool,
				    struct tuple_alloc alloc[2])
{
	int err;

	tuple_pool_swap_alloc(pool, alloc);
	err = tuple_lease_retake(pool);
	if (err)
		tuple_pool_swap_alloc(pool, alloc);
	else
		tuple_lease_prune(pool);
	return err;
}

/* Put a configuration into force, and allocators that fit it; NULL: those that
 * are there do. On success the old ones are in @conf and @alloc. -ENOSPC: more
 * leases than there is room for came meanwhile.
 *
 * Each lease is looked at, with the lock held, only where a quota is new, or
 * where the pool's addresses do more than become more.
 */
static int tuple_pool_commit(struct tuple_pool *pool,
			     const struct tuple_pool_change *c,
			     struct tuple_pool_conf *conf,
			     struct tuple_alloc *alloc,
			     struct netlink_ext_ack *extack)
{
	bool grows = alloc && tuple_pool_only_grows(pool, conf, alloc);
	int err;

	spin_lock_bh(&pool->lock);
	err = tuple_pool_check_default(pool, alloc ?: pool->alloc, c, extack);
	if (!err)
		err = tuple_pool_check_leases(pool, conf, extack);
	/* With one already there, they are counted as they come and go. */
	if (!err && conf->quota != TUPLE_QUOTA_NONE &&
	    pool->conf.quota == TUPLE_QUOTA_NONE)
		err = tuple_lease_recount(pool);
	if (!err && alloc && !grows)
		err = tuple_pool_replace_alloc(pool, alloc);
	if (err)
		goto unlock;
	if (grows) {
		tuple_alloc_extend(&pool->alloc[0], &alloc[0]);
		tuple_alloc_extend(&pool->alloc[1], &alloc[1]);
	}
	swap(pool->conf, *conf);
	tuple_pool_tell_serves(pool);
	tuple_lease_rest_changed(pool);
unlock:
	spin_unlock_bh(&pool->lock);
	return err;
}

static int tuple_pool_rebuild(struct tuple_pool *pool,
			      const struct tuple_pool_change *c,
			      struct tuple_pool_conf *conf,
			      struct netlink_ext_ack *extack)
{
	struct tuple_alloc alloc[2];
	u64 room, more = 0;
	int err;

	tuple_alloc_init(&alloc[0]);
	tuple_alloc_init(&alloc[1]);
	do {
		spin_lock_bh(&pool->lock);
		/* What was excluded while it was leased may be the pool's
		 * again.
		 */
		room = pool->alloc[0].taken + pool->alloc[1].taken +
		       pool->in_use + pool->resting + more;
		spin_unlock_bh(&pool->lock);
		tuple_pool_unbuild(alloc);
		err = tuple_pool_build(alloc, conf, room + room / 8);
		if (!err)
			err = tuple_pool_commit(pool, c, conf, alloc, extack);
		more = 2 * more + 16;
	} while (err == -ENOSPC);
	tuple_alloc_destroy(&alloc[0]);
	tuple_alloc_destroy(&alloc[1]);
	return err;
}

/* May the device become the pool's, or is it so already? */
static int tuple_pool_check_dev(struct tuple_pool *pool, int ifindex,
				struct netlink_ext_ack *extack)
{
	struct net_device *dev;
	int err = 0;

	rtnl_lock();
	dev = __dev_get_by_index(pool->tn->net, ifindex);
	if (!dev) {
		NL_SET_ERR_MSG(extack, "No such device");
		err = -ENODEV;
	} else if (rcu_access_pointer(pool->dev) &&
		   rcu_access_pointer(pool->dev) != dev) {
		NL_SET_ERR_MSG(extack, "The pool has a device");
		err = -EBUSY;
	}
	rtnl_unlock();
	return err;
}

/* Where it went meanwhile, the pool has lost it as it would have later. */
static void tuple_pool_set_dev(struct tuple_pool *pool, int ifindex)
{
	struct net_device *dev;

	rtnl_lock();
	dev = __dev_get_by_index(pool->tn->net, ifindex);
	if (dev && !rcu_access_pointer(pool->dev)) {
		tuple_pool_take_dev(pool, dev);
		if (dev->flags & IFF_UP)	/* nobody will tell so */
			tuple_pool_resync(pool);
	}
	rtnl_unlock();
}

static void tuple_pool_set_warm(struct tuple_pool *pool, u32 ms)
{
	spin_lock_bh(&pool->lock);
	pool->conf.warm = ms;
	spin_unlock_bh(&pool->lock);
}

/* Does a change have to do with the addresses that are warm now? */
static bool tuple_conf_cools(const struct tuple_pool_conf *conf,
			     const struct tuple_pool_conf *old)
{
	return conf->warm != old->warm || conf->state != old->state ||
	       conf->quarantine != old->quarantine || conf->plumb != old->plumb;
}

/* What is warm goes from the device, and nothing becomes so, until the pool is
 * configured anew: no socket has these addresses, so they must not be in the way.
 */
static void tuple_pool_cool(struct tuple_pool *pool)
{
	lockdep_assert_held(&pool->tn->mutex);
	if (!pool->conf.warm)
		return;
	tuple_pool_set_warm(pool, 0);
	tuple_lease_cool_all(pool);
	flush_work(&pool->work);
}

/* Have who wants a lease wait, or go on. */
static void tuple_pool_set_scanning(struct tuple_pool *pool, bool scanning)
{
	spin_lock_bh(&pool->lock);
	pool->scanning = scanning;
	spin_unlock_bh(&pool->lock);
	if (!scanning)
		wake_up_all(&tuple_lease_plumbed);
}

int tuple_pool_set(struct tuple_net *tn, struct tuple_pool_change *c,
		   struct netlink_ext_ack *extack)
{
	struct tuple_pool_conf conf;
	struct tuple_pool *pool;
	bool same, served[2];
	u32 warm;
	int err;

	lockdep_assert_held(&tn->mutex);
	pool = tuple_pool_find(tn, c->name);
	if (!pool) {
		NL_SET_ERR_MSG(extack, "No such pool");
		return -ENOENT;
	}
	err = tuple_conf_merge(&conf, pool, c, extack);
	if (err)
		return err;
	same = tuple_conf_same_addresses(&conf, &pool->conf);
	memcpy(served, pool->serves, sizeof(served));
	err = tuple_pool_check_source(c, pool, &conf, extack);
	if (!err)
		err = tuple_pool_check_conf(tn, pool, &conf, extack);
	if (err)
		goto out;
	if (c->ifindex) {
		err = tuple_pool_check_dev(pool, c->ifindex, extack);
		if (err)
			goto out;
	}
	err = tuple_pool_nd(pool, tuple_pool_wants_nd(&conf) || pool->nd,
			    extack);
	if (err)
		goto out;
	/* Routes that are new come before the first lease that needs them, and
	 * those that go, after the last.
	 */
	warm = pool->conf.warm;
	if (!same || tuple_conf_cools(&conf, &pool->conf))
		tuple_pool_cool(pool);
	if (!same)
		tuple_pool_set_scanning(pool, true);
	mutex_lock(&pool->plumb_mutex);
	err = tuple_pool_plumb(pool, &conf, &pool->conf, extack);
	if (!err) {
		err = same ? tuple_pool_commit(pool, c, &conf, NULL, extack) :
			     tuple_pool_rebuild(pool, c, &conf, extack);
		if (err)
			tuple_pool_unplumb(pool, &conf, &pool->conf,
					   conf.n_prefixes);
	}
	if (!err)	/* conf is the old one now */
		tuple_pool_unplumb(pool, &conf, &pool->conf, conf.n_prefixes);
	mutex_unlock(&pool->plumb_mutex);
	tuple_pool_nd(pool, tuple_pool_wants_nd(&pool->conf), NULL);
	if (!err && !same)
		tuple_plumb_scan_foreign(pool);
	if (!same)
		tuple_pool_set_scanning(pool, false);
	if (err) {
		tuple_pool_set_warm(pool, warm);
		goto out;
	}
	if (c->ifindex)
		tuple_pool_set_dev(pool, c->ifindex);
	if (c->set & TUPLE_SET_DEFAULT)
		tuple_pool_set_default(pool, c->default_of);
	else
		tuple_pool_claim_default(pool, served);
	tn->pool_seq++;
	tuple_netlink_pool_event(pool, INET_TUPLE_CMD_POOL_SET_NTF);
	if (pool->stocked && c->set & (TUPLE_SET_LOW | TUPLE_SET_HIGH))
		tuple_stock_tell(pool);
	wake_up_all(&pool->waiters);
out:
	tuple_pool_conf_free(&conf);
	return err;
}

/* Delete */

static void tuple_pool_remove(struct tuple_pool *pool)
{
	const struct tuple_pool_conf none = {};
	struct tuple_net *tn = pool->tn;

	tuple_pool_set_default(pool, INET_TUPLE_DEFAULT_OFF);
	tuple_lease_abort_all(pool);
	mutex_lock(&pool->plumb_mutex);
	tuple_pool_unplumb(pool, &pool->conf, &none, pool->conf.n_prefixes);
	mutex_unlock(&pool->plumb_mutex);
	tuple_sysfs_pool_del(pool);
	tn->pool_seq++;
	tuple_netlink_pool_event(pool, INET_TUPLE_CMD_POOL_DEL_NTF);
	tuple_pool_retract(pool);
}

int tuple_pool_del(struct tuple_net *tn, const char *name, bool force,
		   struct netlink_ext_ack *extack)
{
	struct tuple_pool *pool;
	int err = 0;

	lockdep_assert_held(&tn->mutex);
	pool = tuple_pool_find(tn, name);
	if (!pool) {
		NL_SET_ERR_MSG(extack, "No such pool");
		return -ENOENT;
	}
	spin_lock_bh(&pool->lock);
	if (pool->in_use && !force)
		err = -EBUSY;
	else
		pool->dead = true;
	spin_unlock_bh(&pool->lock);
	if (err)
		NL_SET_ERR_MSG(extack, "Sockets hold leases of the pool");
	else
		tuple_pool_remove(pool);
	return err;
}

/* Rules */

void tuple_rule_free(struct tuple_rule *rule)
{
	kfree(rule->cgroup_names);
	kfree(rule->cgroup_path);
	kfree(rule);
}

static void tuple_rule_free_rcu(struct rcu_head *rcu)
{
	tuple_rule_free(container_of(rcu, struct tuple_rule, rcu));
}

static struct tuple_rule *tuple_rule_find(struct tuple_net *tn,
					  const struct tuple_rule *like)
{
	struct tuple_rule *rule;

	list_for_each_entry(rule, &tn->rules, list) {
		if (rule->match != like->match ||
		    strcmp(rule->pool, like->pool))
			continue;
		if (rule->match & TUPLE_RULE_UID &&
		    !uid_eq(rule->uid, like->uid))
			continue;
		if (rule->match & TUPLE_RULE_GID &&
		    !gid_eq(rule->gid, like->gid))
			continue;
		if (rule->match & TUPLE_RULE_CGROUP &&
		    strcmp(rule->cgroup_path, like->cgroup_path))
			continue;
		return rule;
	}
	return NULL;
}

int tuple_rule_add(struct tuple_net *tn, struct tuple_rule *rule,
		   struct netlink_ext_ack *extack)
{
	int err = 0;

	lockdep_assert_held(&tn->mutex);
	if (!tuple_pool_find(tn, rule->pool)) {
		NL_SET_ERR_MSG(extack, "No such pool");
		err = -ENOENT;
	} else if (tuple_rule_find(tn, rule)) {
		NL_SET_ERR_MSG(extack, "There is such a rule");
		err = -EEXIST;
	}
	if (err) {
		tuple_rule_free(rule);
		return err;
	}
	list_add_tail_rcu(&rule->list, &tn->rules);
	tn->rule_seq++;
	tuple_netlink_rule_event(tn, rule, INET_TUPLE_CMD_RULE_NEW_NTF);
	return 0;
}

static void tuple_rule_remove(struct tuple_net *tn, struct tuple_rule *rule)
{
	list_del_rcu(&rule->list);
	tn->rule_seq++;
	tuple_netlink_rule_event(tn, rule, INET_TUPLE_CMD_RULE_DEL_NTF);
	call_rcu(&rule->rcu, tuple_rule_free_rcu);
}

int tuple_rule_del(struct tuple_net *tn, const struct tuple_rule *like,
		   struct netlink_ext_ack *extack)
{
	struct tuple_rule *rule;

	lockdep_assert_held(&tn->mutex);
	rule = tuple_rule_find(tn, like);
	if (!rule) {
		NL_SET_ERR_MSG(extack, "No such rule");
		return -ENOENT;
	}
	tuple_rule_remove(tn, rule);
	return 0;
}

void tuple_pool_flush(struct tuple_net *tn)
{
	struct tuple_rule *rule, *next;
	struct tuple_pool *pool, *tmp;

	lockdep_assert_held(&tn->mutex);
	list_for_each_entry_safe(rule, next, &tn->rules, list)
		tuple_rule_remove(tn, rule);
	list_for_each_entry_safe(pool, tmp, &tn->pools, list) {
		spin_lock_bh(&pool->lock);
		pool->dead = true;
		spin_unlock_bh(&pool->lock);
		tuple_pool_remove(pool);
	}
}

int __init tuple_pool_init(void)
{
	tuple_pool_cache = kmem_cache_create("inet_tuple_pool",
					     sizeof(struct tuple_pool), 0,
					     SLAB_ACCOUNT, NULL);
	return tuple_pool_cache ? 0 : -ENOMEM;
}

void tuple_pool_uninit(void)
{
	rcu_barrier();	/* tuple_pool_free_rcu() */
	kmem_cache_destroy(tuple_pool_cache);
}
