// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/inet_tuple.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <linux/inet_tuple.h>

/* Common nested types */
const struct nla_policy inet_tuple_prefix_nl_policy[INET_TUPLE_A_PREFIX_LAST + 1] = {
	[INET_TUPLE_A_PREFIX_ADDR] = { .type = NLA_BINARY, },
	[INET_TUPLE_A_PREFIX_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[INET_TUPLE_A_PREFIX_LAST] = { .type = NLA_BINARY, },
};

const struct nla_policy inet_tuple_users_nl_policy[INET_TUPLE_A_USERS_LAST + 1] = {
	[INET_TUPLE_A_USERS_FIRST] = { .type = NLA_U32, },
	[INET_TUPLE_A_USERS_LAST] = { .type = NLA_U32, },
};

/* INET_TUPLE_CMD_POOL_NEW */
const struct nla_policy inet_tuple_pool_new_nl_policy[INET_TUPLE_A_POOL_WARM + 1] = {
	[INET_TUPLE_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[INET_TUPLE_A_POOL_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[INET_TUPLE_A_POOL_IFINDEX] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_PREFIX] = NLA_POLICY_NESTED(inet_tuple_prefix_nl_policy),
	[INET_TUPLE_A_POOL_EXCLUDE] = NLA_POLICY_NESTED(inet_tuple_prefix_nl_policy),
	[INET_TUPLE_A_POOL_PLUMB] = NLA_POLICY_MAX(NLA_U8, 1),
	[INET_TUPLE_A_POOL_ASSIGN] = NLA_POLICY_MAX(NLA_U8, 1),
	[INET_TUPLE_A_POOL_SCOPE] = NLA_POLICY_MAX(NLA_U8, 3),
	[INET_TUPLE_A_POOL_ORDER] = NLA_POLICY_MAX(NLA_U8, 2),
	[INET_TUPLE_A_POOL_QUARANTINE] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_WAIT] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_QUOTA] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_USERS] = NLA_POLICY_NESTED(inet_tuple_users_nl_policy),
	[INET_TUPLE_A_POOL_DSCP] = { .type = NLA_U8, },
	[INET_TUPLE_A_POOL_PRIORITY] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_MARK] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_DEFAULT] = NLA_POLICY_MAX(NLA_U8, 3),
	[INET_TUPLE_A_POOL_SOURCE] = NLA_POLICY_MAX(NLA_U8, 1),
	[INET_TUPLE_A_POOL_STATE] = NLA_POLICY_MAX(NLA_U8, 1),
	[INET_TUPLE_A_POOL_LOW] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_HIGH] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_WARM] = { .type = NLA_U32, },
};

/* INET_TUPLE_CMD_POOL_SET */
const struct nla_policy inet_tuple_pool_set_nl_policy[INET_TUPLE_A_POOL_WARM + 1] = {
	[INET_TUPLE_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[INET_TUPLE_A_POOL_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[INET_TUPLE_A_POOL_IFINDEX] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_PREFIX] = NLA_POLICY_NESTED(inet_tuple_prefix_nl_policy),
	[INET_TUPLE_A_POOL_EXCLUDE] = NLA_POLICY_NESTED(inet_tuple_prefix_nl_policy),
	[INET_TUPLE_A_POOL_PREFIX_DEL] = NLA_POLICY_NESTED(inet_tuple_prefix_nl_policy),
	[INET_TUPLE_A_POOL_EXCLUDE_DEL] = NLA_POLICY_NESTED(inet_tuple_prefix_nl_policy),
	[INET_TUPLE_A_POOL_PLUMB] = NLA_POLICY_MAX(NLA_U8, 1),
	[INET_TUPLE_A_POOL_ASSIGN] = NLA_POLICY_MAX(NLA_U8, 1),
	[INET_TUPLE_A_POOL_SCOPE] = NLA_POLICY_MAX(NLA_U8, 3),
	[INET_TUPLE_A_POOL_ORDER] = NLA_POLICY_MAX(NLA_U8, 2),
	[INET_TUPLE_A_POOL_QUARANTINE] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_WAIT] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_QUOTA] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_USERS] = NLA_POLICY_NESTED(inet_tuple_users_nl_policy),
	[INET_TUPLE_A_POOL_DSCP] = { .type = NLA_U8, },
	[INET_TUPLE_A_POOL_PRIORITY] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_MARK] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_DEFAULT] = NLA_POLICY_MAX(NLA_U8, 3),
	[INET_TUPLE_A_POOL_SOURCE] = NLA_POLICY_MAX(NLA_U8, 1),
	[INET_TUPLE_A_POOL_STATE] = NLA_POLICY_MAX(NLA_U8, 1),
	[INET_TUPLE_A_POOL_LOW] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_HIGH] = { .type = NLA_U32, },
	[INET_TUPLE_A_POOL_WARM] = { .type = NLA_U32, },
};

/* INET_TUPLE_CMD_POOL_DEL */
const struct nla_policy inet_tuple_pool_del_nl_policy[INET_TUPLE_A_POOL_FORCE + 1] = {
	[INET_TUPLE_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[INET_TUPLE_A_POOL_FORCE] = { .type = NLA_FLAG, },
};

/* INET_TUPLE_CMD_POOL_GET */
const struct nla_policy inet_tuple_pool_get_nl_policy[INET_TUPLE_A_POOL_NAME + 1] = {
	[INET_TUPLE_A_POOL_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* INET_TUPLE_CMD_LEASE_GET */
const struct nla_policy inet_tuple_lease_get_nl_policy[INET_TUPLE_A_LEASE_ADDR + 1] = {
	[INET_TUPLE_A_LEASE_ADDR] = { .type = NLA_BINARY, },
	[INET_TUPLE_A_LEASE_POOL] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* INET_TUPLE_CMD_LEASE_KILL */
const struct nla_policy inet_tuple_lease_kill_nl_policy[INET_TUPLE_A_LEASE_ADDR + 1] = {
	[INET_TUPLE_A_LEASE_ADDR] = { .type = NLA_BINARY, },
};

/* INET_TUPLE_CMD_RULE_NEW */
const struct nla_policy inet_tuple_rule_new_nl_policy[INET_TUPLE_A_RULE_CGROUP + 1] = {
	[INET_TUPLE_A_RULE_POOL] = { .type = NLA_NUL_STRING, .len = 31, },
	[INET_TUPLE_A_RULE_UID] = { .type = NLA_U32, },
	[INET_TUPLE_A_RULE_GID] = { .type = NLA_U32, },
	[INET_TUPLE_A_RULE_CGROUP] = { .type = NLA_NUL_STRING, .len = 4095, },
};

/* INET_TUPLE_CMD_RULE_DEL */
const struct nla_policy inet_tuple_rule_del_nl_policy[INET_TUPLE_A_RULE_CGROUP + 1] = {
	[INET_TUPLE_A_RULE_POOL] = { .type = NLA_NUL_STRING, .len = 31, },
	[INET_TUPLE_A_RULE_UID] = { .type = NLA_U32, },
	[INET_TUPLE_A_RULE_GID] = { .type = NLA_U32, },
	[INET_TUPLE_A_RULE_CGROUP] = { .type = NLA_NUL_STRING, .len = 4095, },
};

/* INET_TUPLE_CMD_ADDR_SET */
const struct nla_policy inet_tuple_addr_set_nl_policy[INET_TUPLE_A_ADDR_NEW + 1] = {
	[INET_TUPLE_A_ADDR_POOL] = { .type = NLA_NUL_STRING, .len = 31, },
	[INET_TUPLE_A_ADDR_ADDR] = { .type = NLA_BINARY, },
	[INET_TUPLE_A_ADDR_VALID] = { .type = NLA_U32, },
	[INET_TUPLE_A_ADDR_NEW] = { .type = NLA_FLAG, },
};

/* INET_TUPLE_CMD_ADDR_DEL */
const struct nla_policy inet_tuple_addr_del_nl_policy[INET_TUPLE_A_ADDR_IDLE + 1] = {
	[INET_TUPLE_A_ADDR_POOL] = { .type = NLA_NUL_STRING, .len = 31, },
	[INET_TUPLE_A_ADDR_ADDR] = { .type = NLA_BINARY, },
	[INET_TUPLE_A_ADDR_IDLE] = { .type = NLA_FLAG, },
};

/* INET_TUPLE_CMD_ADDR_GET */
const struct nla_policy inet_tuple_addr_get_nl_policy[INET_TUPLE_A_ADDR_POOL + 1] = {
	[INET_TUPLE_A_ADDR_POOL] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* Ops table for inet_tuple */
const struct genl_ops inet_tuple_nl_ops[13] = {
	{
		.cmd	= INET_TUPLE_CMD_FAMILY_GET,
		.doit	= inet_tuple_nl_family_get_doit,
	},
	{
		.cmd		= INET_TUPLE_CMD_POOL_NEW,
		.doit		= inet_tuple_nl_pool_new_doit,
		.policy		= inet_tuple_pool_new_nl_policy,
		.maxattr	= INET_TUPLE_A_POOL_WARM,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= INET_TUPLE_CMD_POOL_SET,
		.doit		= inet_tuple_nl_pool_set_doit,
		.policy		= inet_tuple_pool_set_nl_policy,
		.maxattr	= INET_TUPLE_A_POOL_WARM,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= INET_TUPLE_CMD_POOL_DEL,
		.doit		= inet_tuple_nl_pool_del_doit,
		.policy		= inet_tuple_pool_del_nl_policy,
		.maxattr	= INET_TUPLE_A_POOL_FORCE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= INET_TUPLE_CMD_POOL_GET,
		.doit		= inet_tuple_nl_pool_get_doit,
		.start		= inet_tuple_nl_pool_get_start,
		.dumpit		= inet_tuple_nl_pool_get_dumpit,
		.policy		= inet_tuple_pool_get_nl_policy,
		.maxattr	= INET_TUPLE_A_POOL_NAME,
	},
	{
		.cmd		= INET_TUPLE_CMD_LEASE_GET,
		.doit		= inet_tuple_nl_lease_get_doit,
		.start		= inet_tuple_nl_lease_get_start,
		.dumpit		= inet_tuple_nl_lease_get_dumpit,
		.done		= inet_tuple_nl_lease_get_done,
		.policy		= inet_tuple_lease_get_nl_policy,
		.maxattr	= INET_TUPLE_A_LEASE_ADDR,
	},
	{
		.cmd		= INET_TUPLE_CMD_LEASE_KILL,
		.doit		= inet_tuple_nl_lease_kill_doit,
		.policy		= inet_tuple_lease_kill_nl_policy,
		.maxattr	= INET_TUPLE_A_LEASE_ADDR,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= INET_TUPLE_CMD_RULE_NEW,
		.doit		= inet_tuple_nl_rule_new_doit,
		.policy		= inet_tuple_rule_new_nl_policy,
		.maxattr	= INET_TUPLE_A_RULE_CGROUP,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= INET_TUPLE_CMD_RULE_DEL,
		.doit		= inet_tuple_nl_rule_del_doit,
		.policy		= inet_tuple_rule_del_nl_policy,
		.maxattr	= INET_TUPLE_A_RULE_CGROUP,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= INET_TUPLE_CMD_RULE_GET,
		.start	= inet_tuple_nl_rule_get_start,
		.dumpit	= inet_tuple_nl_rule_get_dumpit,
	},
	{
		.cmd		= INET_TUPLE_CMD_ADDR_SET,
		.doit		= inet_tuple_nl_addr_set_doit,
		.policy		= inet_tuple_addr_set_nl_policy,
		.maxattr	= INET_TUPLE_A_ADDR_NEW,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= INET_TUPLE_CMD_ADDR_DEL,
		.doit		= inet_tuple_nl_addr_del_doit,
		.policy		= inet_tuple_addr_del_nl_policy,
		.maxattr	= INET_TUPLE_A_ADDR_IDLE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= INET_TUPLE_CMD_ADDR_GET,
		.start		= inet_tuple_nl_addr_get_start,
		.dumpit		= inet_tuple_nl_addr_get_dumpit,
		.done		= inet_tuple_nl_addr_get_done,
		.policy		= inet_tuple_addr_get_nl_policy,
		.maxattr	= INET_TUPLE_A_ADDR_POOL,
	},
};

const struct genl_multicast_group inet_tuple_nl_mcgrps[2] = {
	[INET_TUPLE_NLGRP_EVENTS] = { "events", },
	[INET_TUPLE_NLGRP_AGENT] = { "agent", .flags = GENL_MCAST_CAP_NET_ADMIN, },
};
