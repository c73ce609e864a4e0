/* SPDX-License-Identifier: GPL-2.0-only */
/* A lease: one address of a pool, and the socks that hold it. What assign.c,
 * kill.c, lease.c, linger.c, rest.c and world.c offer to the others.
 */
#ifndef _TUPLE_LEASE_H
#define _TUPLE_LEASE_H

#include <linux/inet_tuple.h>
#include <linux/list.h>
#include <linux/rhashtable.h>
#include <linux/uidgid.h>
#include "pool.h"
#include "sock.h"

/* Who shares a lease: equal keys of one pool and one family do. */
struct tuple_scope_key {
	u64 id;			/* ID, cgroup id, or the address of a struct pid */
	kuid_t uid;		/* with ID_KEY and USER, else the global root */
	u8 scope;		/* enum inet_tuple_scope */
};

/**
 * struct tuple_lease - one address, on its way through its states
 *
 * States (enum inet_tuple_lease_state), all changes under pool->lock:
 *
 *	PLUMBING	made by tuple_lease_assign(), which alone owns it until
 *			the address is on the device
 *	ACTIVE		held by the socks on @socks; the last one to leave ends it
 *	LINGERING	on tn->lingering: no sock, but TCP speaks from the address
 *			(TIME_WAIT, an MPTCP subflow); the linger work ends that
 *	UNPLUMBING	owned by whoever takes the address off the device: the
 *			pool's work (then on pool->ending), or a closing task
 *	QUARANTINE	on pool->quarantine, off the device; pool->rest_timer ends
 *			that
 *	STOCK		on pool->stock.free: nobody leases the address
 *	WARM		on pool->warm, and on the device: nobody leases the address,
 *			and who wants one takes it; pool->rest_timer ends that
 *
 * A lease with a shared scope goes back to ACTIVE from LINGERING and from
 * QUARANTINE when a sock with its key comes; from WARM, with any sock.
 *
 * A pool with prefixes makes a lease when a sock needs one and frees it after
 * QUARANTINE. In a pool of source dhcp there is a lease for each address from
 * ADDR_SET until the address is over, that is has expired or been taken back:
 * it begins in STOCK, goes to PLUMBING when it is given to a sock, and back to
 * STOCK where the other kind would be freed. What is over ends where it is:
 * at once in STOCK and QUARANTINE, ACTIVE by killing it, LINGERING by taking it
 * off the device; who owns it in PLUMBING and UNPLUMBING looks when he is done.
 *
 * Who may look: the two tables and pool->leases, under RCU or pool->lock. A
 * lease that left them has @dead set, and its memory may be another lease at
 * once (SLAB_TYPESAFE_BY_RCU). So what is found under RCU is looked at with
 * the lock of its pool, after looking whether it is still the same:
 * tuple_lease_find_lock(), tuple_lease_lock(). No reference is counted: a pool
 * does not go before its leases are gone (tuple_pool_del()), and whoever keeps
 * a pointer over a sleep owns the state (PLUMBING, UNPLUMBING) or is on @socks.
 *
 * @node: in the table of all leases, by namespace and address; what stands from
 *	here to @dead keeps its value while the memory is free
 * @scope_node: in the table of shared leases, while key.scope is not SOCKET
 * @pool: constant
 * @addr: constant; v4-mapped for IPv4
 * @list: in pool->leases
 * @queue: in pool->ending, pool->killing, pool->quarantine, pool->stock.free,
 *	pool->warm, or tn->lingering (tn->linger_lock)
 * @socks: struct tuple_sock by lease_node
 * @n_socks: how many
 * @hash: of namespace and address; constant while in the table
 * @state: see above, or TUPLE_LEASE_FOREIGN or _MARKER
 * @connected: a socket of it was ever connected
 * @plumbed: it is on the device
 * @charged: counted in pool->quota
 * @foreign: the admin has put the same address on a device too
 * @killed: pool->kill_work is to abort its sockets; on pool->killing
 * @dead: not in the tables
 * @lost: went from the device while PLUMBING, or while @resync
 * @resync: is being put back on a device that came up
 * @tcp: TCP may speak from it until @tcp_until
 * @seen: by the look for lingering TCP; owned by the linger work
 * @uid: who is charged for it
 * @key: who shares it
 * @tcp_until: jiffies
 * @since: jiffies; of quarantine or of being warm, which TCP does not survive
 * @born: when it was assigned, or came to STOCK; ns of
 *	ktime_get_coarse_boottime
 */
struct tuple_lease {
	struct rhash_head node;
	struct rhash_head scope_node;
	struct tuple_pool *pool;
	u32 hash;
	u8 dead;
	u8 state;
	u8 seen;
	u8 connected:1;
	u8 plumbed:1;
	u8 charged:1;
	u8 foreign:1;
	u8 killed:1;
	u8 tcp:1;
	u8 lost:1;
	u8 resync:1;
	struct in6_addr addr;
	struct list_head list;
	struct list_head queue;
	struct hlist_head socks;
	u32 n_socks;
	kuid_t uid;
	struct tuple_scope_key key;
	union {
		unsigned long tcp_until;
		unsigned long since;
	};
	u64 born;
};

/* Not an address of ours: the admin put it on a device of the namespace. The
 * object only keeps it from being handed out; never shown as a lease.
 */
#define TUPLE_LEASE_FOREIGN	0x80
/* Not an address at all: the place in pool->leases where a dump goes on. */
#define TUPLE_LEASE_MARKER	0x81
#define TUPLE_LEASE_PSEUDO	0x80	/* bit set in both */

/**
 * tuple_lease_find - look a lease up by address
 * @net: namespace
 * @addr: v4-mapped for IPv4
 *
 * Under rcu_read_lock(). Return: the lease or NULL; FOREIGN ones too. It may
 * end and its memory become another lease at any moment.
 */
struct tuple_lease *tuple_lease_find(const struct net *net,
				     const struct in6_addr *addr);

/**
 * tuple_lease_find_lock - look a lease up by address, to work on it
 * @net: namespace
 * @addr: v4-mapped for IPv4
 * @pool: for tuple_lease_unlock(), which follows in any case: the lease may be
 *	gone by then
 *
 * Return: the lease, not dead, the lock of its pool held; or NULL. (Sparse is
 * told that there is always something locked.)
 */
struct tuple_lease *tuple_lease_find_lock(const struct net *net,
					  const struct in6_addr *addr,
					  struct tuple_pool **pool)
	__acquires(RCU) __acquires(POOL);
void tuple_lease_unlock(struct tuple_pool *pool)
	__releases(POOL) __releases(RCU);

/* What goes with a lease that a sock was given */
struct tuple_grant {
	struct in6_addr addr;	/* v4-mapped for IPv4 */
	bool settings;		/* the pool sets dscp, priority or mark */
};

/**
 * tuple_lease_assign - get a lease for a sock that has none
 * @ts: the sock, its mutex held, its lock not held
 * @pool: where from; a reference is held by the caller
 * @idx: 0 IPv4, 1 IPv6
 * @want: this very address, or NULL for the next in order
 * @nonblock: fail with -EAGAIN rather than wait for a free address
 * @grant: written with a result of 0
 *
 * May sleep and take RTNL. On return the address receives, and @ts is among
 * those that hold the lease.
 *
 * Return: 0; -EADDRNOTAVAIL, -EAGAIN, -EDQUOT, -EACCES, -ENETDOWN, -ENODEV,
 * -EADDRINUSE (@want is held by another scope), -ENOMEM, or what a signal
 * that interrupts the wait says.
 */
int tuple_lease_assign(struct tuple_sock *ts, struct tuple_pool *pool, int idx,
		       const struct in6_addr *want, bool nonblock,
		       struct tuple_grant *grant);

/**
 * tuple_lease_share - let another sock hold the lease of a first one
 * @ts: holds none
 * @of: holds one, or not: then neither does @ts
 *
 * For accept(). Atomic.
 */
void tuple_lease_share(struct tuple_sock *ts, struct tuple_sock *of);

/**
 * tuple_lease_leave - a sock holds its lease no more
 * @ts: the sock; holding none is fine
 * @may_sleep: process context without RTNL: take the address off the device
 *	before returning, where this was the last sock. Otherwise the pool's
 *	work does it.
 */
void tuple_lease_leave(struct tuple_sock *ts, bool may_sleep);

/**
 * tuple_lease_inherit - leave a closed sock's struct to who takes its lease
 * @ts: the closed sock, which may speak yet
 *
 * The sock's destructor is one of these; the others see @ts->closed and call
 * tuple_sock_let_go(). Process context.
 * Return: false where it has no lease. Else the caller may not use @ts any more.
 */
bool tuple_lease_inherit(struct tuple_sock *ts);

/**
 * tuple_lease_move - hand a sock's hold on its lease to another holder
 * @to: holds none
 * @from: holds none afterwards
 *
 * Atomic. For exchanging a lease: the old one is kept aside by a struct
 * tuple_sock on the stack until the new one is there.
 */
void tuple_lease_move(struct tuple_sock *to, struct tuple_sock *from);

/**
 * tuple_lease_reconnect - the sock is about to be connected or disconnected
 * @ts: the sock
 *
 * Takes note of what its last connection may have left in TIME_WAIT. Atomic.
 */
void tuple_lease_reconnect(struct tuple_sock *ts);

/* The sock has a peer: its lease is to rest when it ends. Atomic. */
void tuple_lease_connected(struct tuple_sock *ts);

/**
 * tuple_lease_addr - the address a sock holds
 * @ts: the sock
 * @addr: where to write it; v4-mapped for IPv4
 * @prefix_plumbed: if not NULL: whether only a local route makes it ours
 *
 * Return: false where it holds none. Atomic.
 */
bool tuple_lease_addr(struct tuple_sock *ts, struct in6_addr *addr,
		      bool *prefix_plumbed);

/* The settings of the pool of a sock's lease; its arrays are not to be used.
 * Return: false where the sock holds none. Atomic.
 */
bool tuple_lease_pool_conf(struct tuple_sock *ts, struct tuple_pool_conf *conf);

/* How long ago it was assigned, or came to stock; pool->lock held */
u64 tuple_lease_age_ms(const struct tuple_lease *lease);

/* For how long its address is valid, U64_MAX: for ever; pool->lock held */
u64 tuple_lease_valid_ms(const struct tuple_lease *lease);

/* What is told of a lease, in the reader's user namespace; pool->lock held */
void tuple_lease_fill(const struct tuple_lease *lease,
		      struct inet_tuple_lease *out);

/**
 * tuple_lease_get_info - what getsockopt(INET_TUPLE_LEASE) tells
 * Return: 0 or -ENOENT. Atomic.
 */
int tuple_lease_get_info(struct tuple_sock *ts, struct inet_tuple_lease *out);

/**
 * tuple_lease_foreign - an address came to or went from a device of the net
 * @net: namespace
 * @addr: v4-mapped for IPv4; not one that the module put there
 * @present: it is there
 *
 * Keeps it from being handed out, or allows that again. Atomic, under RTNL.
 */
void tuple_lease_foreign(struct net *net, const struct in6_addr *addr,
			 bool present);

/* Is it one of the addresses that the pool hands out? RCU and pool->lock held. */
bool tuple_lease_pool_has(struct tuple_pool *pool, const struct in6_addr *addr);

/* The same for one pool. Return: 0, or -errno: try again where one may sleep */
int tuple_lease_foreign_pool(struct tuple_pool *pool,
			     const struct in6_addr *addr, bool present);

/**
 * tuple_lease_lost - an address of ours went from its device
 * @net: namespace
 * @addr: v4-mapped for IPv4
 * @by_admin: it was deleted, rather than that the device went down: abort the
 *	sockets that hold it
 *
 * Atomic. Ignored where the module itself took it off.
 *
 * Return: whether it was no lease's any more, and passes for one of the host's
 */
bool tuple_lease_lost(struct net *net, const struct in6_addr *addr,
		      bool by_admin);

/**
 * tuple_lease_kill - abort the sockets that hold a lease and end it
 * @tn: namespace, mutex held
 * Return: 0, or -ENOENT with extack.
 */
int tuple_lease_kill(struct tuple_net *tn, const struct in6_addr *addr,
		     struct netlink_ext_ack *extack);

/**
 * tuple_lease_await_gone - wait for the end of an address that is over
 * @pool: whose it is
 * @addr: address
 *
 * tn->mutex held. Takes it from sockets that cannot be aborted in time.
 */
void tuple_lease_await_gone(struct tuple_pool *pool,
			    const struct in6_addr *addr);

/**
 * tuple_lease_abort_all - abort every socket that holds a lease of a pool
 * @pool: marked dead, so that no new lease comes
 *
 * Process context. When it returns, no sock holds a lease of @pool, and every
 * lease but foreign ones is off the device and freed.
 */
void tuple_lease_abort_all(struct tuple_pool *pool);

/* pool->work, pool->kill_work, tn->linger_work */
void tuple_lease_pool_work(struct work_struct *work);
void tuple_lease_kill_work(struct work_struct *work);
void tuple_lease_linger_work(struct work_struct *work);

/* pool->rest_timer */
void tuple_lease_rest_timer(struct timer_list *t);
/* Have what is warm of a pool taken off the device, soon; atomic. */
void tuple_lease_cool_all(struct tuple_pool *pool);
/* How long a pool's leases rest may have changed; pool->lock held */
void tuple_lease_rest_changed(struct tuple_pool *pool);
/* jiffies at which the time of a lease in QUARANTINE or WARM is over; lock of its
 * pool held
 */
unsigned long tuple_lease_rest_end(const struct tuple_lease *lease);

/* Put the addresses of a pool's leases back on a device that came up. */
void tuple_lease_resync(struct tuple_pool *pool);

/* The allocator of a family wants more room (-ENOSPC). May sleep. */
int tuple_lease_grow(struct tuple_pool *pool, int idx);

/* Re-enter what is held into freshly built allocators; pool->lock held */
int tuple_lease_retake(struct tuple_pool *pool);
/* Drop what rests, and what is the host's, outside of the addresses that the
 * pool hands out now; pool->lock held
 */
void tuple_lease_prune(struct tuple_pool *pool);
/* Count the leases of each user anew, for a quota; pool->lock held */
int tuple_lease_recount(struct tuple_pool *pool);
/* Forget the foreign addresses of a pool that goes; process context */
void tuple_lease_forget_foreign(struct tuple_pool *pool);

extern struct workqueue_struct *tuple_lease_wq;

/* Those who wait until somebody else has put a shared lease on the device, or
 * taken one off, or looked for the host's addresses.
 */
extern wait_queue_head_t tuple_lease_plumbed;

int tuple_lease_init(void);
void tuple_lease_uninit(void);

#endif /* _TUPLE_LEASE_H */
