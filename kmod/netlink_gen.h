/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/inet_tuple.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_INET_TUPLE_GEN_H
#define _LINUX_INET_TUPLE_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <linux/inet_tuple.h>

/* Common nested types */
extern const struct nla_policy inet_tuple_prefix_nl_policy[INET_TUPLE_A_PREFIX_LAST + 1];
extern const struct nla_policy inet_tuple_users_nl_policy[INET_TUPLE_A_USERS_LAST + 1];

extern const struct nla_policy inet_tuple_pool_new_nl_policy[INET_TUPLE_A_POOL_WARM + 1];

extern const struct nla_policy inet_tuple_pool_set_nl_policy[INET_TUPLE_A_POOL_WARM + 1];

extern const struct nla_policy inet_tuple_pool_del_nl_policy[INET_TUPLE_A_POOL_FORCE + 1];

extern const struct nla_policy inet_tuple_pool_get_nl_policy[INET_TUPLE_A_POOL_NAME + 1];

extern const struct nla_policy inet_tuple_lease_get_nl_policy[INET_TUPLE_A_LEASE_ADDR + 1];

extern const struct nla_policy inet_tuple_lease_kill_nl_policy[INET_TUPLE_A_LEASE_ADDR + 1];

extern const struct nla_policy inet_tuple_rule_new_nl_policy[INET_TUPLE_A_RULE_CGROUP + 1];

extern const struct nla_policy inet_tuple_rule_del_nl_policy[INET_TUPLE_A_RULE_CGROUP + 1];

extern const struct nla_policy inet_tuple_addr_set_nl_policy[INET_TUPLE_A_ADDR_NEW + 1];

extern const struct nla_policy inet_tuple_addr_del_nl_policy[INET_TUPLE_A_ADDR_IDLE + 1];

extern const struct nla_policy inet_tuple_addr_get_nl_policy[INET_TUPLE_A_ADDR_POOL + 1];

/* Ops table for inet_tuple */
extern const struct genl_ops inet_tuple_nl_ops[13];

int inet_tuple_nl_pool_get_start(struct netlink_callback *cb);
int inet_tuple_nl_lease_get_start(struct netlink_callback *cb);
int inet_tuple_nl_rule_get_start(struct netlink_callback *cb);
int inet_tuple_nl_addr_get_start(struct netlink_callback *cb);
int inet_tuple_nl_lease_get_done(struct netlink_callback *cb);
int inet_tuple_nl_addr_get_done(struct netlink_callback *cb);

int inet_tuple_nl_family_get_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_pool_new_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_pool_set_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_pool_del_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_pool_get_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_pool_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int inet_tuple_nl_lease_get_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_lease_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);
int inet_tuple_nl_lease_kill_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_rule_new_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_rule_del_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_rule_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int inet_tuple_nl_addr_set_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_addr_del_doit(struct sk_buff *skb, struct genl_info *info);
int inet_tuple_nl_addr_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);

enum {
	INET_TUPLE_NLGRP_EVENTS,
	INET_TUPLE_NLGRP_AGENT,
};

extern const struct genl_multicast_group inet_tuple_nl_mcgrps[2];

#endif /* _LINUX_INET_TUPLE_GEN_H */
