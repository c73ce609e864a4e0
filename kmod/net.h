/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module keeps per network namespace. */
#ifndef _TUPLE_NET_H
#define _TUPLE_NET_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

struct tuple_pool;

/**
 * struct tuple_net - the module's state in one network namespace
 * @list: in the list of all, for the module's end
 * @net: the namespace; no reference, this lives and dies with it
 * @mutex: serialises everything that configures (pools, rules). Taken before
 *	RTNL, so never from a notifier.
 * @pools: struct tuple_pool; written under @mutex, read under RCU
 * @default_pool: [0] IPv4, [1] IPv6: the pool of sockets that name none
 * @rules: struct tuple_rule, in the order of matching; as @pools
 * @dying: the namespace (or the module) goes away: no new pools. Under @mutex.
 * @pool_seq: counts changes of @pools, for dumps
 * @rule_seq: counts changes of @rules, for dumps
 * @rtnl_sock: kernel socket by which addresses are put on devices
 * @rtnl_mutex: one request at a time on @rtnl_sock; inside @mutex
 * @linger_lock: guards @lingering
 * @lingering: leases whose sockets are gone while TCP may still answer
 * @linger_work: looks whether it does
 * @nd_users: IPv6 pools with prefix plumbing, under @mutex: the hook that
 *	answers neighbour solicitations is there while this is not 0
 * @rtnl_seq: of the last request; @rtnl_mutex
 * @sysfs: the namespace's own copy of the class's "pools" file
 */
struct tuple_net {
	struct list_head list;
	struct net *net;
	struct mutex mutex;		/* configuration */
	struct list_head pools;
	struct tuple_pool __rcu *default_pool[2];
	struct list_head rules;
	bool dying;
	unsigned int pool_seq;
	unsigned int rule_seq;
	struct socket *rtnl_sock;
	struct mutex rtnl_mutex;	/* rtnl_sock */
	u32 rtnl_seq;
	spinlock_t linger_lock;		/* lingering */
	struct list_head lingering;
	struct delayed_work linger_work;
	unsigned int nd_users;
	void *sysfs;
};

struct tuple_net *tuple_net(const struct net *net);

int tuple_net_init(void);
/* Delete every pool of every namespace, and allow no new ones */
void tuple_net_flush(void);
void tuple_net_uninit(void);

#endif /* _TUPLE_NET_H */
