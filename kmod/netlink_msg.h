/* SPDX-License-Identifier: GPL-2.0-only */
/* What the messages of the netlink family say: between attributes and structs.
 * Private to netlink.c, but for the checks that sysfs.c makes too.
 */
#ifndef _TUPLE_NETLINK_MSG_H
#define _TUPLE_NETLINK_MSG_H

#include <linux/types.h>
#include "pool.h"

struct genl_info;
struct netlink_ext_ack;
struct nlattr;
struct pid_namespace;
struct sk_buff;
struct tuple_lease;
struct tuple_stock_request;
struct user_namespace;

/**
 * struct tuple_view - who will read a message
 * @user_ns: uids and gids are told as this one counts them
 * @pid_ns: the same for processes; NULL: as each process counts itself
 */
struct tuple_view {
	struct user_namespace *user_ns;
	struct pid_namespace *pid_ns;
};

#define TUPLE_MSG_SOCKETS_MAX	64	/* of a lease */

/* The form of values, with a text in @extack (which may be NULL).
 * Return: 0 or -EINVAL.
 */
int tuple_name_check(const char *name, struct netlink_ext_ack *extack);
int tuple_prefix_check(const struct tuple_prefix *prefix,
		       struct netlink_ext_ack *extack);
int tuple_range_check(const struct tuple_range *range,
		      struct netlink_ext_ack *extack);
void tuple_prefix_to_range(const struct tuple_prefix *prefix,
			   struct tuple_range *range);
bool tuple_dscp_ok(u32 dscp);

/* Requests. Return: 0 or -errno with a text in info->extack. */
int tuple_msg_get_name(struct genl_info *info, int attr, char *name);
int tuple_msg_get_addr(struct genl_info *info, int attr,
		       struct in6_addr *addr);
int tuple_msg_parse_addr(const struct nlattr *attr, struct in6_addr *addr,
			 struct netlink_ext_ack *extack);
int tuple_msg_get_pool(struct genl_info *info, struct user_namespace *user_ns,
		       struct tuple_pool_change *change);
int tuple_msg_get_stock(struct genl_info *info, struct tuple_stock_request *r);
int tuple_msg_get_rule(struct genl_info *info, struct user_namespace *user_ns,
		       bool del, struct tuple_rule **rule);

/* Replies and events. Sizes are those of the attributes, rounded up; what is
 * put returns 0 or -EMSGSIZE, and then may have left attributes behind.
 */
size_t tuple_msg_pool_size(const struct tuple_pool *pool);
size_t tuple_msg_lease_size(unsigned int n_socks);
size_t tuple_msg_rule_size(const struct tuple_rule *rule);
int tuple_msg_put_pool(struct sk_buff *skb, struct tuple_pool *pool,
		       const struct tuple_view *view);
int tuple_msg_put_lease(struct sk_buff *skb, const struct tuple_lease *lease,
			const struct tuple_view *view);
int tuple_msg_put_stock(struct sk_buff *skb, const struct tuple_lease *lease);
int tuple_msg_put_dev(struct sk_buff *skb, int attr,
		      const struct tuple_pool *pool);
int tuple_msg_put_rule(struct sk_buff *skb, const struct tuple_rule *rule,
		       const struct tuple_view *view);

#endif /* _TUPLE_NETLINK_MSG_H */
