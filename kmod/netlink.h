/* SPDX-License-Identifier: GPL-2.0-only */
/* Generic netlink: requests, dumps, events. */
#ifndef _TUPLE_NETLINK_H
#define _TUPLE_NETLINK_H

#include <linux/types.h>

struct tuple_lease;
struct tuple_net;
struct tuple_pool;
struct tuple_rule;

/* Each costs a test where nobody listens; documented in netlink.c */
void tuple_netlink_pool_event(struct tuple_pool *pool, u8 cmd);
void tuple_netlink_lease_event(struct tuple_lease *lease, u8 cmd, int err);
void tuple_netlink_rule_event(struct tuple_net *tn, struct tuple_rule *rule,
			      u8 cmd);

int tuple_netlink_init(void);
void tuple_netlink_uninit(void);

#endif /* _TUPLE_NETLINK_H */
