/* SPDX-License-Identifier: GPL-2.0-only */
/* Generic netlink: requests, dumps, events. */
#ifndef _TUPLE_NETLINK_H
#define _TUPLE_NETLINK_H

#include <linux/types.h>
#include <linux/uidgid.h>

struct net;
struct tuple_lease;
struct tuple_net;
struct tuple_pool;
struct tuple_rule;

/* Each costs a test where nobody listens; documented in netlink.c */
void tuple_netlink_pool_event(struct tuple_pool *pool, u8 cmd);
void tuple_netlink_lease_event(struct tuple_lease *lease, u8 cmd, int why);
void tuple_netlink_rule_event(struct tuple_net *tn, struct tuple_rule *rule,
			      u8 cmd);

/* The agent, who gets addresses for pools of source dhcp */
bool tuple_netlink_has_agent(struct net *net);
bool tuple_netlink_want(struct tuple_pool *pool, u32 free, u32 want);
void tuple_netlink_no_agent(struct tuple_pool *pool, kuid_t uid);

int tuple_netlink_init(void);
void tuple_netlink_uninit(void);

#endif /* _TUPLE_NETLINK_H */
