/* SPDX-License-Identifier: GPL-2.0-only */
/* Generic netlink: requests, dumps, events. */
#ifndef _TUPLE_NETLINK_H
#define _TUPLE_NETLINK_H

#include <linux/types.h>

struct tuple_lease;
struct tuple_net;
struct tuple_pool;
struct tuple_rule;

/**
 * tuple_netlink_pool_event - tell the listeners that a pool changed
 * @pool: it
 * @cmd: INET_TUPLE_CMD_POOL_*_NTF
 *
 * tn->mutex held, may sleep. Costs a test where nobody listens.
 */
void tuple_netlink_pool_event(struct tuple_pool *pool, u8 cmd);

/**
 * tuple_netlink_lease_event - tell the listeners that a lease changed
 * @lease: it
 * @cmd: INET_TUPLE_CMD_LEASE_*_NTF
 * @err: positive errno with LEASE_FAIL_NTF, else 0
 *
 * pool->lock held, atomic. Costs a test where nobody listens.
 */
void tuple_netlink_lease_event(struct tuple_lease *lease, u8 cmd, int err);
void tuple_netlink_rule_event(struct tuple_net *tn, struct tuple_rule *rule,
			      u8 cmd);

int tuple_netlink_init(void);
void tuple_netlink_uninit(void);

#endif /* _TUPLE_NETLINK_H */
