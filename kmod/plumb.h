/* SPDX-License-Identifier: GPL-2.0-only */
/* Putting addresses on netdevs and taking them off; what netdevs tell. */
#ifndef _TUPLE_PLUMB_H
#define _TUPLE_PLUMB_H

#include <linux/in6.h>
#include <linux/types.h>

struct net_device;
struct netlink_ext_ack;
struct tuple_net;
struct tuple_pool;
struct tuple_prefix;

/* IFA_PROTO and RTA_PROTOCOL of what we put there */
#define TUPLE_PLUMB_PROTO	0x54

/**
 * tuple_plumb_add - put the address of a lease on the pool's device
 * @pool: with address plumbing
 * @addr: v4-mapped for IPv4
 *
 * May sleep, takes RTNL. On return the host receives on the address (IPv6 adds
 * the local route from a work item: this waits for it).
 *
 * Return: 0, -EEXIST when the device has it already, -ENODEV, -ENOMEM, or
 * what rtnetlink says.
 */
int tuple_plumb_add(struct tuple_pool *pool, const struct in6_addr *addr);

/* Take it off; an address that is gone is fine. May sleep, takes RTNL. */
void tuple_plumb_del(struct tuple_pool *pool, const struct in6_addr *addr);

/**
 * tuple_plumb_prefix_add - make a prefix local, for pools with prefix plumbing
 * @pool: whose device the route names
 * @prefix: what
 *
 * May sleep, takes RTNL. Return: 0, -EEXIST when there is such a route, errno.
 */
int tuple_plumb_prefix_add(struct tuple_pool *pool,
			   const struct tuple_prefix *prefix);
void tuple_plumb_prefix_del(struct tuple_pool *pool,
			    const struct tuple_prefix *prefix);

/* All prefixes of a pool again, after its device came up */
void tuple_plumb_prefixes(struct tuple_pool *pool);

/**
 * tuple_plumb_retry - wait before trying again what there was no memory for, or
 * what went away again before it was complete
 * @pool: the pool, whose name is told in the kernel's log in the end
 * @err: what came of it
 * @tries: how often this has been called, 0 at first
 *
 * May sleep. Return: false: no use, or often enough
 */
bool tuple_plumb_retry(const struct tuple_pool *pool, int err,
		       unsigned int *tries);

/**
 * tuple_plumb_scan_foreign - find the addresses that are the host's own
 * @pool: on its namespace's list, so that notifiers see it
 *
 * May sleep, takes RTNL.
 */
void tuple_plumb_scan_foreign(struct tuple_pool *pool);

/**
 * tuple_plumb_look_again - is the address that was in the way still there?
 * @pool: where a lease was refused with -EEXIST, and is marked foreign now
 * @addr: its address
 *
 * It may have gone before it was marked, and nobody would tell. May sleep, takes
 * RTNL.
 */
void tuple_plumb_look_again(struct tuple_pool *pool,
			    const struct in6_addr *addr);

/* tn->rtnl_sock */
int tuple_plumb_net_init(struct tuple_net *tn);
void tuple_plumb_net_exit(struct tuple_net *tn);

/* The credentials that the requests are made with */
int tuple_plumb_init(void);
void tuple_plumb_uninit(void);

/* What devices tell; after tuple_net_init(), and gone before its undoing */
int tuple_plumb_notifier_init(void);
void tuple_plumb_notifier_uninit(void);

#endif /* _TUPLE_PLUMB_H */
