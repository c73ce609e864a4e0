// SPDX-License-Identifier: GPL-2.0-only
/* What the module keeps per network namespace. */

#include <net/netns/generic.h>
#include "lease.h"
#include "net.h"
#include "plumb.h"
#include "pool.h"
#include "sysfs.h"

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
	if (err)
		tuple_plumb_net_exit(tn);
	return err;
}

/* No socket of the namespace is left, for a sock keeps its namespace. There
 * are pools, and leases that linger or are in quarantine. The devices are
 * there still: the module may be the one that goes.
 */
static void __net_exit tuple_net_stop(struct net *net)
{
	struct tuple_net *tn = tuple_net(net);

	tuple_sysfs_net_exit(tn);
	mutex_lock(&tn->mutex);
	tn->dying = true;
	tuple_pool_flush(tn);
	mutex_unlock(&tn->mutex);
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
