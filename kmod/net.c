// SPDX-License-Identifier: GPL-2.0-only
/* What the module keeps per network namespace. */

#include <net/netns/generic.h>
#include "lease.h"
#include "net.h"
#include "plumb.h"
#include "pool.h"
#include "sysfs.h"

/* All namespaces, so that the module's end can delete their pools while devices
 * are still heard. Outside tn->mutex.
 */
static LIST_HEAD(tuple_nets);
static DEFINE_MUTEX(tuple_nets_mutex);

static unsigned int tuple_net_id __read_mostly;

struct tuple_net *tuple_net(const struct net *net)
{
	return net_generic(net, tuple_net_id);
}

static int __net_init tuple_net_start(struct net *net)
{
	struct tuple_net *tn = tuple_net(net);
	int err;

	tn->net = net;
	mutex_init(&tn->mutex);
	INIT_LIST_HEAD(&tn->pools);
	INIT_LIST_HEAD(&tn->rules);
	mutex_init(&tn->rtnl_mutex);
	spin_lock_init(&tn->linger_lock);
	INIT_LIST_HEAD(&tn->lingering);
	INIT_DELAYED_WORK(&tn->linger_work, tuple_lease_linger_work);

	err = tuple_plumb_net_init(tn);
	if (err)
		return err;
	err = tuple_sysfs_net_init(tn);
	if (err) {
		tuple_plumb_net_exit(tn);
		return err;
	}
	mutex_lock(&tuple_nets_mutex);
	list_add_tail(&tn->list, &tuple_nets);
	mutex_unlock(&tuple_nets_mutex);
	return 0;
}

static void tuple_net_drop_pools(struct tuple_net *tn)
{
	mutex_lock(&tn->mutex);
	tn->dying = true;
	tuple_pool_flush(tn);
	mutex_unlock(&tn->mutex);
}

void tuple_net_flush(void)
{
	struct tuple_net *tn;

	mutex_lock(&tuple_nets_mutex);
	list_for_each_entry(tn, &tuple_nets, list)
		tuple_net_drop_pools(tn);
	mutex_unlock(&tuple_nets_mutex);
}

/* No socket of the namespace is left, for a sock keeps its namespace. There
 * are pools, and leases that linger, are in quarantine or are warm.
 */
static void __net_exit tuple_net_stop(struct net *net)
{
	struct tuple_net *tn = tuple_net(net);

	mutex_lock(&tuple_nets_mutex);
	list_del(&tn->list);
	mutex_unlock(&tuple_nets_mutex);
	tuple_sysfs_net_exit(tn);
	tuple_net_drop_pools(tn);
	cancel_delayed_work_sync(&tn->linger_work);
	tuple_plumb_net_exit(tn);
}

static struct pernet_operations tuple_net_ops = {
	.init = tuple_net_start,
	.exit = tuple_net_stop,
	.id = &tuple_net_id,
	.size = sizeof(struct tuple_net),
};

int __init tuple_net_init(void)
{
	return register_pernet_subsys(&tuple_net_ops);
}

void tuple_net_uninit(void)
{
	unregister_pernet_subsys(&tuple_net_ops);
}
