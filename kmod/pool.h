/* SPDX-License-Identifier: GPL-2.0-only */
/* Pools and the rules that choose one: configuration and look-up. */
#ifndef _TUPLE_POOL_H
#define _TUPLE_POOL_H

#include <linux/device.h>
#include <linux/inet_tuple.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/timerqueue.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/ipv6.h>
#include "alloc.h"

/* Prefixes either contain one another or have nothing in common. */
static inline bool tuple_prefix_overlap(const struct tuple_prefix *a,
					const struct tuple_prefix *b)
{
	return ipv6_prefix_equal(&a->addr, &b->addr, min(a->len, b->len));
}

struct cgroup;
struct netlink_ext_ack;
struct tuple_lease;
struct tuple_net;
struct tuple_sock;

#define TUPLE_POOL_PREFIXES_MAX	256
#define TUPLE_POOL_EXCLUDES_MAX	1024
#define TUPLE_POOL_USERS_MAX	64
#define TUPLE_QUARANTINE_AUTO	U32_MAX	/* 0 if never connected, else 60000 */
#define TUPLE_QUOTA_NONE	U32_MAX
#define TUPLE_DSCP_UNSET	0xff
#define TUPLE_PRIORITY_UNSET	U32_MAX
#define TUPLE_STOCK_LOW		2
#define TUPLE_STOCK_HIGH	8
#define TUPLE_STOCK_WAIT_MS	5000

/* Bits of tuple_pool.flags */
enum {
	TUPLE_POOL_RESYNC,	/* the device came up */
	TUPLE_POOL_RESCAN,	/* look for the host's own addresses again */
};

struct tuple_users {
	kuid_t first;
	kuid_t last;
};

/**
 * struct tuple_pool_conf - everything about a pool that a user sets
 *
 * The arrays belong to the struct (tuple_pool_conf_free()). Prefixes and
 * excludes of both families are in one array; IPv4 ones are v4-mapped.
 */
struct tuple_pool_conf {
	struct tuple_prefix *prefixes;
	unsigned int n_prefixes;
	struct tuple_range *excludes;
	unsigned int n_excludes;
	struct tuple_users *users;	/* none: everybody */
	unsigned int n_users;
	u8 plumb;			/* enum inet_tuple_plumb */
	u8 assign;			/* enum inet_tuple_assign */
	u8 scope;			/* enum inet_tuple_scope */
	u8 order;			/* enum inet_tuple_order */
	bool order_set;			/* by the user */
	u8 source;			/* enum inet_tuple_source */
	u8 state;			/* enum inet_tuple_state */
	u8 dscp;
	u32 quarantine;			/* ms, or TUPLE_QUARANTINE_AUTO */
	u32 wait;			/* ms */
	u32 quota;
	u32 priority;
	u32 mark;
	u32 low;			/* source dhcp only, as below */
	u32 high;			/* not 0, not below low */
	u32 warm;			/* ms; address plumbing, source static */
};

/* Bits of tuple_pool_change.set: which settings a request names */
enum {
	TUPLE_SET_PLUMB		= BIT(0),
	TUPLE_SET_ASSIGN	= BIT(1),
	TUPLE_SET_SCOPE		= BIT(2),
	TUPLE_SET_ORDER		= BIT(3),
	TUPLE_SET_QUARANTINE	= BIT(4),
	TUPLE_SET_WAIT		= BIT(5),
	TUPLE_SET_QUOTA		= BIT(6),
	TUPLE_SET_USERS		= BIT(7),	/* .users replaces all */
	TUPLE_SET_DSCP		= BIT(8),
	TUPLE_SET_PRIORITY	= BIT(9),
	TUPLE_SET_MARK		= BIT(10),
	TUPLE_SET_DEFAULT	= BIT(11),
	TUPLE_SET_SOURCE	= BIT(12),
	TUPLE_SET_STATE		= BIT(13),
	TUPLE_SET_LOW		= BIT(14),
	TUPLE_SET_HIGH		= BIT(15),
	TUPLE_SET_WARM		= BIT(16),
};

/**
 * struct tuple_pool_change - a request to make or change a pool, parsed
 * @name: the pool, NUL-terminated; checked by tuple_pool_add() and _set()
 * @ifindex: device, for add
 * @set: which of the settings in @conf and @default_of are named
 * @conf: prefixes and excludes in here are to be added
 * @del_prefixes: to be taken away
 * @del_excludes: to be taken away
 * @default_of: enum inet_tuple_default, with TUPLE_SET_DEFAULT
 *
 * Who fills it checks the form of each value (length, range, host bits) and
 * says so in extack; what needs the state of the world (overlap, outside, in
 * use) is checked by tuple_pool_add() and tuple_pool_set().
 */
struct tuple_pool_change {
	char name[INET_TUPLE_NAMSIZ];
	int ifindex;
	u32 set;
	struct tuple_pool_conf conf;
	struct tuple_prefix *del_prefixes;
	unsigned int n_del_prefixes;
	struct tuple_range *del_excludes;
	unsigned int n_del_excludes;
	u8 default_of;
};

/* What a lease may fail with, as counted; what is not here comes last, as 0 */
#define TUPLE_FAILURES	10
extern const u8 tuple_failures[TUPLE_FAILURES];

/**
 * struct tuple_pool_stats - what a pool has been through
 * @peak: the most that in_use has been
 * @assigned: leases so far
 * @ended: how many of these were left by their last sock
 * @held_ms: milliseconds from the one to the other, in sum
 * @failed: how many were not to be had, by the index in tuple_failures
 */
struct tuple_pool_stats {
	u64 peak;
	u64 assigned;
	u64 ended;
	u64 held_ms;
	u64 failed[TUPLE_FAILURES];
};

/**
 * struct tuple_stock - the addresses of a pool of source dhcp: see stock.c
 * @free: leases in stock, the one that came first, first
 * @n_free: how many
 * @ends: those of all addresses that are to expire
 * @timer: for the first of them
 * @total: how many addresses the pool has, leased ones too
 * @waiting: sockets that wait for one
 * @asked: how many the agent was asked for and has not given yet
 * @asked_at: when it was asked, jiffies
 *
 * All under pool->lock.
 */
struct tuple_stock {
	struct list_head free;
	struct timerqueue_head ends;
	struct timer_list timer;
	u32 n_free;
	u32 total;
	u32 waiting;
	u32 asked;
	unsigned long asked_at;
};

/**
 * struct tuple_pool - a named set of prefixes on one netdev
 *
 * Lifetime: tn->pools holds one reference, and so does who found it and works
 * with it, @kill_work among them. A lease holds none, since all are gone before the
 * list's is dropped, nor does a socket that chose the pool by name, which is all
 * that it keeps. tuple_pool_del() takes
 * the pool off the list, so that nobody finds it any more, ends its leases and
 * drops the list's reference; the last tuple_pool_put() frees after a grace
 * period.
 *
 * @list: in tn->pools; written under tn->mutex, read under RCU
 * @refs: see above
 * @tn: its namespace; valid as long as the pool is on the list or has leases
 * @net: the same; to compare with, also when that is gone
 * @name: constant
 * @lock: spinlock, taken with softirqs off; guards everything that is marked
 *	(L), and the state of every lease of the pool
 * @dev: (L, read under RCU too) the device, with a reference; NULL once gone
 * @ifname: (L) the device's last known name
 * @conf: written under tn->mutex and @lock, read under either
 * @alloc: (L) [0] IPv4, [1] IPv6; empty where the pool is @stocked
 * @stock: (L) used where it is
 * @stocked: its source is dhcp; constant
 * @leases: (L) every lease, in no order
 * @in_use: (L) leases that sockets hold
 * @resting: (L) leases that are lingering, unplumbing, in quarantine or warm
 * @n_warm: (L) how many of these are warm, and so may be leased
 * @stats: (L)
 * @quota: (L) xarray uid -> number of leases, while conf.quota is set
 * @dead: (L) deleted: no new leases, and those that end are freed at once
 * @ready: (L) set up: leases may come
 * @scanning: (L) it has other addresses, some of which may be the host's: nobody
 *	leases until that is known
 * @serves: (L, looked at without it too) whether @alloc has addresses, or @stock
 *	may have some; [0] IPv4
 * @ending: (L) leases that wait for @work to take them off the device
 * @killing: (L) leases whose sockets @kill_work is to abort
 * @quarantine: (L) leases that rest, the first to end in front
 * @warm: (L) those that are warm, likewise; [0] IPv4
 * @work: unplumbs, plumbs anew after a device came up
 * @kill_work: aborts sockets; holds a reference while it is queued or runs
 * @rest_timer: ends the time of leases in @quarantine and @warm; armed while
 *	there are any
 * @nd: neighbour solicitations are answered for it; tn->mutex and RTNL
 * @allmulti: the device hears all multicast on our behalf; RTNL
 * @plumb_mutex: putting leases and prefixes back on a device that came up,
 *	against taking them off for good; inside tn->mutex, outside RTNL
 * @flags: TUPLE_POOL_*, for @work
 * @waiters: sockets that wait for an address
 * @sysfs: the pool's directory in sysfs, owned by sysfs.c
 */
struct tuple_pool {
	struct list_head list;
	refcount_t refs;
	struct tuple_net *tn;
	const struct net *net;
	char name[INET_TUPLE_NAMSIZ];
	char ifname[IFNAMSIZ];
	spinlock_t lock;		/* (L) */
	struct net_device __rcu *dev;
	netdevice_tracker dev_tracker;
	struct tuple_pool_conf conf;
	struct tuple_alloc alloc[2];
	struct tuple_stock stock;
	struct list_head leases;
	u64 in_use;
	u64 resting;
	u64 n_warm;
	struct tuple_pool_stats stats;
	struct xarray quota;
	bool dead;
	bool ready;
	bool scanning;
	bool stocked;
	bool serves[2];
	struct list_head ending;
	struct list_head killing;
	struct list_head quarantine;
	struct list_head warm[2];
	struct work_struct work;
	struct work_struct kill_work;
	struct timer_list rest_timer;
	bool nd;
	bool allmulti;
	struct mutex plumb_mutex;	/* resync against the end of leases */
	unsigned long flags;
	wait_queue_head_t waiters;
	void *sysfs;
	struct rcu_head rcu;
};

/**
 * struct tuple_rule - who is to lease from which pool
 *
 * In tn->rules, which owns it: written under tn->mutex, read under RCU.
 *
 * A cgroup is known by the names on the way to it, not by itself: that of a service
 * is another one each time the service starts.
 *
 * @match: TUPLE_RULE_*: what has to be so
 * @cgroup_level: how far below the root of cgroup2 the cgroup is
 * @cgroup_names: its name, that of its parent, and so on, each with a NUL, and an
 *	empty one for the root; what is below it belongs to it
 * @cgroup_path: as given, for show and del
 */
struct tuple_rule {
	struct list_head list;
	u8 match;
	kuid_t uid;
	kgid_t gid;
	int cgroup_level;
	char *cgroup_names;
	char *cgroup_path;
	char pool[INET_TUPLE_NAMSIZ];
	struct rcu_head rcu;
};

#define TUPLE_RULE_UID		BIT(0)
#define TUPLE_RULE_GID		BIT(1)
#define TUPLE_RULE_CGROUP	BIT(2)

void tuple_pool_conf_init(struct tuple_pool_conf *conf);
void tuple_pool_conf_free(struct tuple_pool_conf *conf);
void tuple_pool_change_init(struct tuple_pool_change *c);
void tuple_pool_change_free(struct tuple_pool_change *c);

/* All of these: process context, tn->mutex held by the caller, may take RTNL.
 * Return 0 or -errno with a text in extack; on error nothing has changed.
 * They send the events (tuple_netlink_pool_event()) and keep sysfs.
 */
int tuple_pool_add(struct tuple_net *tn, struct tuple_pool_change *c,
		   struct netlink_ext_ack *extack);
int tuple_pool_set(struct tuple_net *tn, struct tuple_pool_change *c,
		   struct netlink_ext_ack *extack);
int tuple_pool_del(struct tuple_net *tn, const char *name, bool force,
		   struct netlink_ext_ack *extack);
int tuple_rule_add(struct tuple_net *tn, struct tuple_rule *rule,
		   struct netlink_ext_ack *extack);	/* takes rule over */
int tuple_rule_del(struct tuple_net *tn, const struct tuple_rule *like,
		   struct netlink_ext_ack *extack);
void tuple_rule_free(struct tuple_rule *rule);

/* Have a new rule match a cgroup. May sleep. Return: 0 or -ENOMEM */
int tuple_rule_set_cgroup(struct tuple_rule *rule, struct cgroup *cgrp);

/**
 * tuple_pool_find - look a pool up by name
 * @tn: namespace
 * @name: NUL-terminated
 *
 * Under rcu_read_lock() or tn->mutex. Return: the pool, no reference, or NULL.
 */
struct tuple_pool *tuple_pool_find(struct tuple_net *tn, const char *name);

/* Of which families is it the default? Under rcu_read_lock() or tn->mutex. */
enum inet_tuple_default tuple_pool_default_of(const struct tuple_pool *pool);

/**
 * tuple_pool_select - which pool is a socket to lease from?
 * @ts: the socket; its mutex held
 * @idx: 0 IPv4, 1 IPv6
 * @peer: where it is about to connect to, or NULL
 *
 * The pool that the socket named, else that of the first rule which matches,
 * else one on the device by which the route to @peer leaves, else the default.
 *
 * Return: a pool with a reference for the caller, or ERR_PTR(-EADDRNOTAVAIL).
 * Process context, for rules look at the credentials of the current task.
 */
struct tuple_pool *tuple_pool_select(struct tuple_sock *ts, int idx,
				     const struct in6_addr *peer);

/* The pool that hands out an address: with a reference, or NULL */
struct tuple_pool *tuple_pool_by_addr(struct tuple_net *tn,
				      const struct in6_addr *addr);

/* How many addresses it has, and how many of these may be leased now; both
 * U64_MAX: that many or more. pool->lock held.
 */
void tuple_pool_count(const struct tuple_pool *pool, u64 *total, u64 *free);

/* Does any pool of the namespace serve the family? */
bool tuple_pool_serves_any(struct tuple_net *tn, int idx);

/* Delete every pool and rule of a namespace that goes; tn->mutex held */
void tuple_pool_flush(struct tuple_net *tn);

/* The pool's device is gone; RTNL held */
void tuple_pool_lose_dev(struct tuple_pool *pool);
/* Have what is missing on its device put there, soon. Atomic; RTNL held, or
 * pool->lock of one that is not dead: then it does not go before its work.
 */
void tuple_pool_resync(struct tuple_pool *pool);
/* Is tuple_pool_add() through with it? */
static inline bool tuple_pool_is_ready(const struct tuple_pool *pool)
{
	return READ_ONCE(pool->ready);
}

/* Give a pool without one a device; RTNL held, atomic */
void tuple_pool_take_dev(struct tuple_pool *pool, struct net_device *dev);

/* Take a reference on a pool found under RCU; false when it is going away */
bool tuple_pool_tryget(struct tuple_pool *pool);
void tuple_pool_put(struct tuple_pool *pool);

/* Count a lease that was not to be had; @err: -errno. Process context. */
void tuple_pool_count_failure(struct tuple_pool *pool, int err);

static inline int tuple_family_index(const struct in6_addr *addr)
{
	return !ipv6_addr_v4mapped(addr);
}

int tuple_pool_init(void);
/* No pool is left but such as wait for the end of a grace period. May sleep. */
void tuple_pool_uninit(void);

#endif /* _TUPLE_POOL_H */
