/* SPDX-License-Identifier: GPL-2.0-only */
/* A lease: one address of a pool, and the socks that hold it. */
#ifndef _TUPLE_LEASE_H
#define _TUPLE_LEASE_H

#include <linux/inet_tuple.h>
#include <linux/list.h>
#include <linux/rhashtable.h>
#include <linux/timer.h>
#include <linux/uidgid.h>
#include "pool.h"

/* Who shares a lease: equal keys of one pool and one family do. */
struct tuple_scope_key {
	u8 scope;		/* enum inet_tuple_scope */
	kuid_t uid;		/* with ID_KEY and USER, else the global root */
	u64 id;			/* ID, cgroup id, or the address of a struct pid */
};

/**
 * struct tuple_lease - one address, on its way through its states
 *
 * (The full story of who holds it is told in lease.c.)
 * @node: in the table of all leases, by namespace and address
 * @pool: counted reference
 * @addr: v4-mapped for IPv4
 * @list: in pool->leases
 * @state: enum inet_tuple_lease_state, or TUPLE_LEASE_FOREIGN; pool->lock
 * @socks: struct tuple_sock by lease_list; pool->lock
 * @n_socks: how many; pool->lock
 * @timer: end of quarantine
 * @born: when it was assigned, ns of ktime_get_coarse_boottime
 */
struct tuple_lease {
	struct rhash_head node;
	struct tuple_pool *pool;
	struct in6_addr addr;
	struct list_head list;
	struct list_head queue;		/* pool->ending or tn->lingering */
	struct list_head socks;
	u32 n_socks;
	u8 state;
	u8 connected:1;			/* a socket of it was ever connected */
	u8 plumbed:1;			/* it is on the device */
	u8 seen:1;			/* by the look for lingering TCP */
	u8 charged:1;			/* counted in pool->quota */
	u8 dead:1;			/* out of the tables, only RCU holds it */
	struct tuple_scope_key key;
	struct rhash_head scope_node;	/* while key.scope is not SOCKET */
	kuid_t uid;			/* who is charged for it */
	unsigned long tcp_until;	/* jiffies: TIME_WAIT possible until then */
	struct timer_list timer;
	u64 born;			/* ns, boottime */
	struct rcu_head rcu;
};

/* Not an address of ours: the admin put it on a device of the namespace. The
 * object only keeps it from being handed out; never shown.
 */
#define TUPLE_LEASE_FOREIGN	0x80
/* Not an address at all: the place in pool->leases where a dump goes on. */
#define TUPLE_LEASE_MARKER	0x81
#define TUPLE_LEASE_PSEUDO	0x80	/* bit set in both */

/**
 * tuple_lease_fill - what getsockopt and netlink tell of a lease
 * Under pool->lock.
 */
void tuple_lease_fill(const struct tuple_lease *lease,
		      struct inet_tuple_lease *out);

/**
 * tuple_lease_find - look a lease up by address
 * @net: namespace
 * @addr: v4-mapped for IPv4
 *
 * Under rcu_read_lock(). Return: the lease or NULL; FOREIGN ones too.
 * lease->pool stays valid under RCU; take pool->lock to look at the rest, and
 * check lease->dead then.
 */
struct tuple_lease *tuple_lease_find(const struct net *net,
				     const struct in6_addr *addr);

/**
 * struct tuple_sock - what the module keeps for a sock that it made
 *
 * (The story of its life is told in lease.c.)
 * @node: in the table of all socks, by @sk
 * @sk: no reference; this dies in the sock's destructor
 * @lease: what it holds, or NULL; lease->pool->lock and the sock's lock
 * @lease_list: in lease->socks; lease->pool->lock
 */
struct tuple_sock {
	struct rhash_head node;
	struct sock *sk;
	struct tuple_lease *lease;
	struct list_head lease_list;
	void (*destruct)(struct sock *sk);	/* what ours replaced */
	u64 scope_id;				/* INET_TUPLE_SCOPE_ID */
	char *pool_name;			/* INET_TUPLE_POOL, or NULL */
	u8 hooked:1;				/* sk->sk_destruct is ours */
	struct rcu_head rcu;
};

/**
 * tuple_lease_kill - abort the sockets that hold a lease and end it
 * @tn: namespace, mutex held
 * Return: 0, or -ENOENT with extack.
 */
int tuple_lease_kill(struct tuple_net *tn, const struct in6_addr *addr,
		     struct netlink_ext_ack *extack);

#endif /* _TUPLE_LEASE_H */
