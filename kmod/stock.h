/* SPDX-License-Identifier: GPL-2.0-only */
/* The addresses of a pool of source dhcp: what the agent does to them. */
#ifndef _TUPLE_STOCK_H
#define _TUPLE_STOCK_H

#include <linux/inet_tuple.h>
#include <linux/in6.h>
#include <linux/types.h>

struct netlink_ext_ack;
struct tuple_net;
struct tuple_pool;
struct tuple_prefix;
struct tuple_stock;

/**
 * struct tuple_stock_request - ADDR_SET or ADDR_DEL, parsed
 * @pool: its name
 * @addr: v4-mapped; one that a socket can be bound to
 * @valid: seconds, not 0, U32_MAX: for ever
 * @only_new: refuse to renew
 * @only_idle: refuse to take it from a socket
 */
struct tuple_stock_request {
	char pool[INET_TUPLE_NAMSIZ];
	struct in6_addr addr;
	u32 valid;
	bool only_new;
	bool only_idle;
};

/* Give a pool an address, or renew it; take it back. tn->mutex held, may take
 * RTNL. Return: 0 or -errno with a text in extack; then nothing has changed.
 */
int tuple_stock_set(struct tuple_net *tn, const struct tuple_stock_request *r,
		    struct netlink_ext_ack *extack);
int tuple_stock_del(struct tuple_net *tn, const struct tuple_stock_request *r,
		    struct netlink_ext_ack *extack);

/* The stock of a new pool */
void tuple_stock_init(struct tuple_stock *stock);

/* The pool is there, or its marks have changed: say what it wants. */
void tuple_stock_tell(struct tuple_pool *pool);

/* Has the pool an address in a prefix? Its lock not held. */
bool tuple_stock_within(struct tuple_pool *pool,
			const struct tuple_prefix *prefix);

#endif /* _TUPLE_STOCK_H */
