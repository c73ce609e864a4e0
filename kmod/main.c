// SPDX-License-Identifier: GPL-2.0-only
/* inet_tuple: sockets that own an IP address each. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/inet_tuple.h>
#include <linux/module.h>
#include "af.h"
#include "lease.h"
#include "net.h"
#include "netlink.h"
#include "ops.h"
#include "plumb.h"
#include "pool.h"
#include "selftest/selftest.h"
#include "sock.h"
#include "sysfs.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static bool selftest;
module_param(selftest, bool, 0444);
MODULE_PARM_DESC(selftest, "Test the allocator before anything else");

/* State first, entrances last: when a family is registered, somebody may call
 * socket() at once. The notifiers come after the namespaces, which they look
 * at; the credentials before, since a namespace's end uses them.
 */
static int __init inet_tuple_init(void)
{
	int err;

	if (selftest) {
		err = tuple_selftest_alloc();
		if (err)
			return err;
	}
	err = tuple_sock_init();
	if (err)
		return err;
	err = tuple_pool_init();
	if (err)
		goto err_sock;
	err = tuple_lease_init();
	if (err)
		goto err_pool;
	err = tuple_plumb_init();
	if (err)
		goto err_lease;
	err = tuple_sysfs_init();
	if (err)
		goto err_plumb;
	err = tuple_net_init();
	if (err)
		goto err_sysfs;
	err = tuple_plumb_notifier_init();
	if (err)
		goto err_net;
	err = tuple_netlink_init();
	if (err)
		goto err_notifier;
	err = tuple_af_init();
	if (err)
		goto err_netlink;
	return 0;

err_netlink:
	tuple_netlink_uninit();
err_notifier:
	tuple_net_flush();	/* as in exit: there may be pools already */
	tuple_plumb_notifier_uninit();
err_net:
	tuple_net_uninit();
err_sysfs:
	tuple_sysfs_uninit();
err_plumb:
	tuple_plumb_uninit();
err_lease:
	tuple_lease_uninit();
err_pool:
	tuple_pool_uninit();
err_sock:
	tuple_sock_uninit();
	tuple_ops_uninit();
	return err;
}

static void __exit inet_tuple_exit(void)
{
	tuple_af_uninit();
	tuple_netlink_uninit();
	/* While devices are heard, so that none waits for a pool of ours */
	tuple_net_flush();
	tuple_plumb_notifier_uninit();
	tuple_net_uninit();
	tuple_sysfs_uninit();
	tuple_plumb_uninit();
	tuple_lease_uninit();
	tuple_pool_uninit();
	tuple_sock_uninit();
	tuple_ops_uninit();
}

module_init(inet_tuple_init);
module_exit(inet_tuple_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sockets that own an IP address each");
MODULE_ALIAS_NETPROTO(AF_INET_TUPLE);
MODULE_ALIAS_NETPROTO(AF_INET6_TUPLE);
MODULE_ALIAS_GENL_FAMILY(INET_TUPLE_GENL_NAME);
