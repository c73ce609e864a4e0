/* SPDX-License-Identifier: GPL-2.0-only */
/* Neighbour discovery for IPv6 pools with prefix plumbing.
 *
 * A local route makes the host take packets for its addresses, but IPv6
 * answers neighbour solicitations only for an address of the device. So a hook
 * in front of routing answers those for addresses that are leased, and the
 * device hears all multicast, since it is not in the solicited-node group of
 * each address.
 */
#ifndef _TUPLE_ND_H
#define _TUPLE_ND_H

struct net_device;
struct tuple_pool;

/* Answer for a pool, or stop it; sets pool->nd. tn->mutex held, takes RTNL. */
int tuple_nd_get(struct tuple_pool *pool);
void tuple_nd_put(struct tuple_pool *pool);

/* The pool's device came or goes; RTNL held */
void tuple_nd_dev_came(struct tuple_pool *pool, struct net_device *dev);
void tuple_nd_dev_gone(struct tuple_pool *pool, struct net_device *dev);

#endif /* _TUPLE_ND_H */
