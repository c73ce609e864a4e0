// SPDX-License-Identifier: GPL-2.0-only
/* Putting addresses on netdevs and taking them off; what netdevs tell.
 *
 * inet's own functions for that are not exported, so the module is a client of
 * rtnetlink, as the ip command is: a kernel socket per namespace, requests one
 * at a time, each answered before sendmsg() returns. Whoever listens to
 * rtnetlink sees the addresses come and go as always.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/error-injection.h>
#include <linux/if_addr.h>
#include <linux/inetdevice.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sched/task.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>
#include <net/ip6_fib.h>
#include <net/ip_fib.h>
#include <net/route.h>
#include <net/netlink.h>
#include "lease.h"
#include "net.h"
#include "plumb.h"
#include "pool.h"

/* How often something is tried for which memory is short, 20 ms apart */
#define TUPLE_PLUMB_TRIES	50

/* A socket() call may come from anybody; the address is put there by the
 * kernel.
 */
static const struct cred *tuple_plumb_cred;

/* A request on the stack: the attributes are few and of known sizes. */
struct tuple_plumb_msg {
	struct nlmsghdr nlh;
	union {
		struct ifaddrmsg ifa;
		struct rtmsg rtm;
	};
	u8 attrs[88];
} __aligned(NLMSG_ALIGNTO);

static void tuple_plumb_msg_init(struct tuple_plumb_msg *msg, u16 type,
				 bool add, size_t head)
{
	memset(msg, 0, sizeof(*msg));
	msg->nlh.nlmsg_len = NLMSG_LENGTH(head);
	msg->nlh.nlmsg_type = type;
	msg->nlh.nlmsg_flags = NLM_F_REQUEST;
	if (add)
		msg->nlh.nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
}

static void tuple_plumb_put(struct tuple_plumb_msg *msg, u16 type,
			    const void *data, size_t len)
{
	struct nlattr *nla = (void *)msg + NLMSG_ALIGN(msg->nlh.nlmsg_len);

	if (WARN_ON_ONCE((void *)nla + nla_total_size(len) >
			 (void *)(msg + 1)))
		return;
	nla->nla_type = type;
	nla->nla_len = nla_attr_size(len);
	memcpy(nla_data(nla), data, len);
	msg->nlh.nlmsg_len = NLMSG_ALIGN(msg->nlh.nlmsg_len) +
			     nla_total_size(len);
}

static void tuple_plumb_put_addr(struct tuple_plumb_msg *msg, u16 type,
				 const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		tuple_plumb_put(msg, type, &addr->s6_addr32[3], 4);
	else
		tuple_plumb_put(msg, type, addr, sizeof(*addr));
}

/* What came of a request. rtnetlink is through with it when sendmsg() returns,
 * and was asked to answer only if it refuses: no answer is a good one. When
 * memory is short the answer may be lost, which the sock's error tells: then
 * @answered is false, and the request may have been carried out or not.
 */
static int tuple_plumb_result(struct socket *sock, u32 seq, bool *answered)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
	} ack;
	struct kvec iov;
	struct msghdr msg;
	int len;

	if (likely(skb_queue_empty_lockless(&sock->sk->sk_receive_queue) &&
		   !READ_ONCE(sock->sk->sk_err)))
		return 0;
	/* A shorter one cannot be; of what is longer only the head matters. */
	do {
		memset(&msg, 0, sizeof(msg));
		iov.iov_base = &ack;
		iov.iov_len = sizeof(ack);
		len = kernel_recvmsg(sock, &msg, &iov, 1, sizeof(ack),
				     MSG_DONTWAIT);
		if (len == -EAGAIN)	/* there were old ones only */
			return 0;
		*answered = false;
		if (len < 0)
			return len;
		if (len < sizeof(ack) || ack.nlh.nlmsg_type != NLMSG_ERROR)
			return -EPROTO;
		*answered = true;
	} while (ack.nlh.nlmsg_seq != seq);
	return ack.err.error;
}

/* Send a request and say what came of it. The fault test has it refused. */
static noinline int tuple_plumb_request(struct tuple_net *tn,
					struct tuple_plumb_msg *request,
					bool *answered)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct kvec iov = {
		.iov_base = request,
		.iov_len = request->nlh.nlmsg_len,
	};
	/* An address in the message is what makes netlink judge by the
	 * credentials in force rather than by those of a file.
	 */
	struct msghdr msg = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
	};
	const struct cred *cred;
	int err;

	*answered = true;
	mutex_lock(&tn->rtnl_mutex);
	request->nlh.nlmsg_seq = ++tn->rtnl_seq;
	cred = override_creds(tuple_plumb_cred);
	err = kernel_sendmsg(tn->rtnl_sock, &msg, &iov, 1, iov.iov_len);
	if (err >= 0)
		err = tuple_plumb_result(tn->rtnl_sock, request->nlh.nlmsg_seq,
					 answered);
	revert_creds(cred);
	mutex_unlock(&tn->rtnl_mutex);
	return err;
}
ALLOW_ERROR_INJECTION(tuple_plumb_request, ERRNO);

/* The index of the pool's device, 0: it is gone */
static int tuple_plumb_ifindex(struct tuple_pool *pool)
{
	struct net_device *dev;
	int ifindex = 0;

	rcu_read_lock();
	dev = rcu_dereference(pool->dev);
	if (dev)
		ifindex = dev->ifindex;
	rcu_read_unlock();
	return ifindex;
}

/* Addresses */

/* IPv4: scope host, so that no other socket is given it as its source.
 * IPv6: a preferred lifetime of zero for the same end, and no DAD.
 */
static void tuple_plumb_put_settings(struct tuple_plumb_msg *msg, bool v4)
{
	static const struct ifa_cacheinfo ci = {
		.ifa_prefered = 0,
		.ifa_valid = U32_MAX,	/* for ever */
	};
	u32 flags = IFA_F_NOPREFIXROUTE;
	u8 proto = TUPLE_PLUMB_PROTO;

	if (!v4) {
		flags |= IFA_F_NODAD;
		tuple_plumb_put(msg, IFA_CACHEINFO, &ci, sizeof(ci));
	}
	tuple_plumb_put(msg, IFA_FLAGS, &flags, sizeof(flags));
	tuple_plumb_put(msg, IFA_PROTO, &proto, sizeof(proto));
}

static int tuple_plumb_addr(struct tuple_pool *pool,
			    const struct in6_addr *addr, u16 type,
			    bool *answered)
{
	bool v4 = ipv6_addr_v4mapped(addr), add = type == RTM_NEWADDR;
	int ifindex = tuple_plumb_ifindex(pool);
	struct tuple_plumb_msg msg;

	*answered = true;
	if (!ifindex)
		return -ENODEV;
	tuple_plumb_msg_init(&msg, type, add, sizeof(msg.ifa));
	msg.ifa.ifa_family = v4 ? AF_INET : AF_INET6;
	msg.ifa.ifa_prefixlen = v4 ? 32 : 128;
	msg.ifa.ifa_scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	msg.ifa.ifa_index = ifindex;
	tuple_plumb_put_addr(&msg, IFA_LOCAL, addr);
	tuple_plumb_put_addr(&msg, IFA_ADDRESS, addr);
	if (add)
		tuple_plumb_put_settings(&msg, v4);
	return tuple_plumb_request(pool->tn, &msg, answered);
}

/* addrconf adds the local route of an address from a work item; before it is
 * there, what arrives for the address is dropped. The item holds a reference on
 * the address that is its function's to drop. So who gets hold of one that has
 * not begun may call that function himself, and need not wait.
 */
static struct inet6_ifaddr *tuple_plumb_find6(struct tuple_pool *pool,
					      const struct in6_addr *addr)
{
	struct net_device *dev = rcu_dereference(pool->dev);
	struct inet6_dev *idev = dev ? __in6_dev_get(dev) : NULL;
	struct inet6_ifaddr *ifa;

	/* The latest one comes first, but for scopes. */
	if (idev)
		list_for_each_entry_rcu(ifa, &idev->addr_list, if_list)
			if (ipv6_addr_equal(&ifa->addr, addr))
				return ifa;
	return NULL;
}

/* Return: whether it was called here, and so is done */
static bool tuple_plumb_complete6(struct tuple_pool *pool,
				  const struct in6_addr *addr)
{
	struct work_struct *work = NULL;
	struct inet6_ifaddr *ifa;

	rcu_read_lock();
	ifa = tuple_plumb_find6(pool, addr);
	if (ifa && cancel_delayed_work(&ifa->dad_work))
		work = &ifa->dad_work.work;
	rcu_read_unlock();
	if (work)
		work->func(work);
	return work;
}

/* @gone: somebody took the address away */
static bool tuple_plumb_is_local6(struct tuple_pool *pool,
				  const struct in6_addr *addr, bool *gone)
{
	struct inet6_ifaddr *ifa;
	struct fib6_info *rt;
	bool local;

	rcu_read_lock();
	ifa = tuple_plumb_find6(pool, addr);
	rt = ifa ? READ_ONCE(ifa->rt) : NULL;
	local = rt && rcu_access_pointer(rt->fib6_node);
	if (!ifa)
		*gone = true;
	rcu_read_unlock();
	return local;
}

static int tuple_plumb_wait_local6(struct tuple_pool *pool,
				   const struct in6_addr *addr)
{
	unsigned long end = jiffies + 2 * HZ;
	bool done, gone = false;
	unsigned int usec = 10;

	done = tuple_plumb_complete6(pool, addr);
	while (!tuple_plumb_is_local6(pool, addr, &gone)) {
		if (done && !gone)	/* addrconf does not tell */
			return -ENOMEM;
		if (gone || time_after(jiffies, end))
			return -EADDRNOTAVAIL;
		usleep_range(usec, 2 * usec);
		usec = min(2 * usec, 2000U);
	}
	return 0;
}

/* With a VRF above it, a device has its local routes in that one's table. */
static bool tuple_plumb_is_local4(struct tuple_pool *pool, __be32 addr)
{
	struct net_device *dev;
	bool local;

	rcu_read_lock();
	dev = rcu_dereference(pool->dev);
	local = dev && inet_addr_type_dev_table(pool->tn->net, dev, addr) ==
		       RTN_LOCAL;
	rcu_read_unlock();
	return local;
}

static bool tuple_plumb_is_up(struct tuple_pool *pool)
{
	struct net_device *dev;
	bool up;

	rcu_read_lock();
	dev = rcu_dereference(pool->dev);
	up = dev && READ_ONCE(dev->flags) & IFF_UP;
	rcu_read_unlock();
	return up;
}

static bool tuple_plumb_is_ours4(const struct in_ifaddr *ifa)
{
	return ifa->ifa_proto == TUPLE_PLUMB_PROTO && ifa->ifa_prefixlen == 32;
}

static bool tuple_plumb_is_ours6(const struct inet6_ifaddr *ifa)
{
	return ifa->ifa_proto == TUPLE_PLUMB_PROTO && ifa->prefix_len == 128;
}

/* Is it there, and did we put it there? */
static bool tuple_plumb_has_ours(struct tuple_pool *pool,
				 const struct in6_addr *addr)
{
	bool v4 = ipv6_addr_v4mapped(addr), has = false;
	const struct in_ifaddr *ifa4;
	struct inet6_ifaddr *ifa6;
	struct in_device *in_dev;
	struct net_device *dev;

	rtnl_lock();
	dev = rtnl_dereference(pool->dev);
	in_dev = dev && v4 ? __in_dev_get_rtnl(dev) : NULL;
	if (in_dev)
		in_dev_for_each_ifa_rtnl(ifa4, in_dev)
			has |= ifa4->ifa_local == addr->s6_addr32[3] &&
			       tuple_plumb_is_ours4(ifa4);
	rcu_read_lock();
	ifa6 = v4 ? NULL : tuple_plumb_find6(pool, addr);
	if (ifa6)
		has = tuple_plumb_is_ours6(ifa6);
	rcu_read_unlock();
	rtnl_unlock();
	return has;
}

int tuple_plumb_add(struct tuple_pool *pool, const struct in6_addr *addr)
{
	bool answered;
	int err;

	err = tuple_plumb_addr(pool, addr, RTM_NEWADDR, &answered);
	if (!answered && !tuple_plumb_has_ours(pool, addr))
		return err;
	if (answered) {
		if (err)
			return err;
		if (!ipv6_addr_v4mapped(addr))
			err = tuple_plumb_wait_local6(pool, addr);
		else if (!tuple_plumb_is_local4(pool, addr->s6_addr32[3]))
			err = -ENOMEM;	/* inet does not tell */
	}
	if (!err)
		return 0;
	tuple_plumb_del(pool, addr);
	return tuple_plumb_is_up(pool) ? err : -ENETDOWN;
}

/* Is taking something off to be tried again? Nothing may stay behind for want of
 * memory.
 */
static bool tuple_plumb_again(int err, bool answered, unsigned int *tries)
{
	if (answered && err != -ENOMEM && err != -ENOBUFS)
		return false;
	if (++*tries == 1000) {
		pr_err("no memory to take an address off its device\n");
		return false;
	}
	msleep(20);
	return true;
}

void tuple_plumb_del(struct tuple_pool *pool, const struct in6_addr *addr)
{
	unsigned int tries = 0;
	bool answered;
	int err;

	do {
		err = tuple_plumb_addr(pool, addr, RTM_DELADDR, &answered);
	} while (tuple_plumb_again(err, answered, &tries));
}

/* Prefixes */

static int tuple_plumb_route(struct tuple_pool *pool,
			     const struct tuple_prefix *prefix, u16 type,
			     bool *answered)
{
	bool v4 = ipv6_addr_v4mapped(&prefix->addr), add = type == RTM_NEWROUTE;
	int ifindex = tuple_plumb_ifindex(pool);
	struct tuple_plumb_msg msg;

	*answered = true;
	if (!ifindex)
		return add ? -ENETDOWN : -ENODEV;
	tuple_plumb_msg_init(&msg, type, add, sizeof(msg.rtm));
	msg.rtm.rtm_family = v4 ? AF_INET : AF_INET6;
	msg.rtm.rtm_dst_len = v4 ? prefix->len - 96 : prefix->len;
	/* With a VRF, too: IPv4 looks nowhere else whether a source is ours. */
	msg.rtm.rtm_table = RT_TABLE_LOCAL;
	msg.rtm.rtm_protocol = TUPLE_PLUMB_PROTO;
	msg.rtm.rtm_scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	msg.rtm.rtm_type = RTN_LOCAL;
	tuple_plumb_put_addr(&msg, RTA_DST, &prefix->addr);
	tuple_plumb_put(&msg, RTA_OIF, &ifindex, sizeof(ifindex));
	return tuple_plumb_request(pool->tn, &msg, answered);
}

int tuple_plumb_prefix_add(struct tuple_pool *pool,
			   const struct tuple_prefix *prefix)
{
	bool answered;
	int err;

	err = tuple_plumb_route(pool, prefix, RTM_NEWROUTE, &answered);
	if (!answered)
		tuple_plumb_prefix_del(pool, prefix);
	return err;
}

void tuple_plumb_prefix_del(struct tuple_pool *pool,
			    const struct tuple_prefix *prefix)
{
	unsigned int tries = 0;
	bool answered;
	int err;

	do {
		err = tuple_plumb_route(pool, prefix, RTM_DELROUTE, &answered);
	} while (tuple_plumb_again(err, answered, &tries));
}

/* The n-th prefix of a pool that has prefix plumbing. */
static bool tuple_plumb_nth(struct tuple_pool *pool, unsigned int n,
			    struct tuple_prefix *prefix)
{
	bool there;

	spin_lock_bh(&pool->lock);
	there = !pool->dead && n < pool->conf.n_prefixes &&
		pool->conf.plumb == INET_TUPLE_PLUMB_PREFIX;
	if (there)
		*prefix = pool->conf.prefixes[n];
	spin_unlock_bh(&pool->lock);
	return there;
}

bool tuple_plumb_retry(const struct tuple_pool *pool, int err,
		       unsigned int *tries)
{
	if (err != -ENOMEM && err != -ENOBUFS && err != -ENOSPC &&
	    err != -EAGAIN && err != -EADDRNOTAVAIL)
		return false;
	if (++*tries > TUPLE_PLUMB_TRIES) {
		pr_err_ratelimited("pool %s: its device may not be as it should: %d\n",
				   pool->name, err);
		return false;
	}
	msleep(20);
	return true;
}

void tuple_plumb_prefixes(struct tuple_pool *pool)
{
	struct tuple_prefix prefix;
	unsigned int i, tries = 0;
	int err;

	for (i = 0; tuple_plumb_nth(pool, i, &prefix); i++)
		do {
			err = tuple_plumb_prefix_add(pool, &prefix);
		} while (err && tuple_plumb_retry(pool, err, &tries));
}

/* The host's own addresses */

#define TUPLE_PLUMB_KEPT	4

/* What an address of the host's keeps from being leased: itself, its peer's, and
 * the broadcast addresses that fib_add_ifaddr() makes of its subnet.
 * Return: how many of @kept are written
 */
static unsigned int tuple_plumb_keeps4(const struct in_ifaddr *ifa,
				       __be32 kept[TUPLE_PLUMB_KEPT])
{
	unsigned int n = 0;

	kept[n++] = ifa->ifa_local;
	if (ifa->ifa_address != ifa->ifa_local)
		kept[n++] = ifa->ifa_address;
	if (ifa->ifa_prefixlen < 31)
		kept[n++] = ifa->ifa_address | ~ifa->ifa_mask;
	if (ifa->ifa_broadcast)
		kept[n++] = ifa->ifa_broadcast;
	return n;
}

static int tuple_plumb_scan_ifa4(struct tuple_pool *pool,
				 const struct in_ifaddr *ifa)
{
	__be32 kept[TUPLE_PLUMB_KEPT];
	unsigned int i, n = tuple_plumb_keeps4(ifa, kept);
	struct in6_addr addr;
	int err = 0, one;

	for (i = 0; i < n; i++) {
		ipv6_addr_set_v4mapped(kept[i], &addr);
		do {
			one = tuple_lease_foreign_pool(pool, &addr, true);
		} while (one == -ENOSPC && !tuple_lease_grow(pool, 0));
		err = one ?: err;
	}
	return err;
}

static int tuple_plumb_scan_dev6(struct tuple_pool *pool,
				 struct inet6_dev *idev)
{
	struct inet6_ifaddr *ifa;
	int err = 0, one;

	read_lock_bh(&idev->lock);
	list_for_each_entry(ifa, &idev->addr_list, if_list) {
		/* one of IPv4's is here none of IPv6 */
		if (tuple_plumb_is_ours6(ifa) || ipv6_addr_v4mapped(&ifa->addr))
			continue;
		one = tuple_lease_foreign_pool(pool, &ifa->addr, true);
		err = one ?: err;
		if (one == -ENOSPC)
			break;
	}
	read_unlock_bh(&idev->lock);
	return err;
}

/* Return: 0, or what is wrong with an address; all others are looked at */
static int tuple_plumb_scan_dev(struct tuple_pool *pool, struct net_device *dev)
{
	struct in_device *in_dev = __in_dev_get_rtnl(dev);
	struct inet6_dev *idev = __in6_dev_get(dev);
	struct in_ifaddr *ifa;
	int err = 0, one;

	if (in_dev)
		in_dev_for_each_ifa_rtnl(ifa, in_dev)
			if (!tuple_plumb_is_ours4(ifa))
				err = tuple_plumb_scan_ifa4(pool, ifa) ?: err;
	if (!idev)
		return err;
	do {
		one = tuple_plumb_scan_dev6(pool, idev);
	} while (one == -ENOSPC && !tuple_lease_grow(pool, 1));
	return one ?: err;
}

void tuple_plumb_scan_foreign(struct tuple_pool *pool)
{
	unsigned int tries = 0;
	struct net_device *dev;
	int err;

	do {
		err = 0;
		rtnl_lock();
		for_each_netdev(pool->tn->net, dev)
			err = tuple_plumb_scan_dev(pool, dev) ?: err;
		rtnl_unlock();
	} while (err && tuple_plumb_retry(pool, err, &tries));
}

/* Notifiers */

/* Went an address because somebody deleted it, or with its device? */
static bool tuple_plumb_by_admin(const struct net_device *dev)
{
	return dev->flags & IFF_UP && dev->reg_state == NETREG_REGISTERED;
}

/* A device may also have been told to do without the whole protocol. */
static bool tuple_plumb_by_admin4(const struct in_device *in_dev)
{
	return !in_dev->dead && tuple_plumb_by_admin(in_dev->dev);
}

static bool tuple_plumb_by_admin6(const struct inet6_dev *idev)
{
	return !idev->dead && !READ_ONCE(idev->cnf.disable_ipv6) &&
	       READ_ONCE(idev->dev->mtu) >= IPV6_MIN_MTU &&
	       tuple_plumb_by_admin(idev->dev);
}

static bool tuple_plumb_keeps4_this(const struct in_ifaddr *ifa, __be32 addr)
{
	__be32 kept[TUPLE_PLUMB_KEPT];
	unsigned int n = tuple_plumb_keeps4(ifa, kept);

	while (n)
		if (kept[--n] == addr)
			return true;
	return false;
}

/* Does another one in the namespace keep it? @ours: of whatever kind. RTNL held. */
static bool tuple_plumb_has4(struct net *net, __be32 addr, bool ours)
{
	struct in_device *in_dev;
	struct net_device *dev;
	struct in_ifaddr *ifa;

	for_each_netdev(net, dev) {
		in_dev = __in_dev_get_rtnl(dev);
		if (!in_dev)
			continue;
		in_dev_for_each_ifa_rtnl(ifa, in_dev)
			if ((ours || !tuple_plumb_is_ours4(ifa)) &&
			    tuple_plumb_keeps4_this(ifa, addr))
				return true;
	}
	return false;
}

/* The same for IPv6, but for one that is on its way away: in any context */
static bool tuple_plumb_has6(struct net *net, const struct in6_addr *addr,
			     bool ours, const struct inet6_ifaddr *gone)
{
	struct inet6_dev *idev;
	struct inet6_ifaddr *ifa;
	struct net_device *dev;
	bool has = false;

	rcu_read_lock();
	for_each_netdev_rcu(net, dev) {
		idev = __in6_dev_get(dev);
		if (!idev)
			continue;
		list_for_each_entry_rcu(ifa, &idev->addr_list, if_list)
			has |= ifa != gone &&
			       ipv6_addr_equal(&ifa->addr, addr) &&
			       (ours || !tuple_plumb_is_ours6(ifa));
	}
	rcu_read_unlock();
	return has;
}

void tuple_plumb_look_again(struct tuple_pool *pool,
			    const struct in6_addr *addr)
{
	struct net *net = pool->tn->net;
	bool has;

	rtnl_lock();
	if (ipv6_addr_v4mapped(addr))
		has = tuple_plumb_has4(net, addr->s6_addr32[3], true);
	else
		has = tuple_plumb_has6(net, addr, true, NULL);
	if (!has)
		tuple_lease_foreign(net, addr, false);
	rtnl_unlock();
}

/* The device may have lost routes of ours, or be ready for them again. */
static void tuple_plumb_changed(struct net *net, struct net_device *dev)
{
	struct tuple_net *tn = tuple_net(net);
	struct tuple_pool *pool;

	if (!tn || !(dev->flags & IFF_UP))
		return;
	rcu_read_lock();
	list_for_each_entry_rcu(pool, &tn->pools, list) {
		spin_lock_bh(&pool->lock);
		if (!pool->dead && rcu_access_pointer(pool->dev) == dev)
			tuple_pool_resync(pool);
		spin_unlock_bh(&pool->lock);
	}
	rcu_read_unlock();
}

/* One of ours went. Where it was none of a lease any more, it was in its own way. */
static void tuple_plumb_lost4(struct net *net, const struct in_ifaddr *ifa)
{
	struct in6_addr addr;

	ipv6_addr_set_v4mapped(ifa->ifa_local, &addr);
	if (tuple_lease_lost(net, &addr, tuple_plumb_by_admin4(ifa->ifa_dev)) &&
	    !tuple_plumb_has4(net, ifa->ifa_local, true))
		tuple_lease_foreign(net, &addr, false);
}

/* One of the host's came or went. */
static void tuple_plumb_foreign4(struct net *net, const struct in_ifaddr *ifa,
				 bool present)
{
	__be32 kept[TUPLE_PLUMB_KEPT];
	unsigned int i, n = tuple_plumb_keeps4(ifa, kept);
	struct in6_addr addr;

	for (i = 0; i < n; i++) {
		ipv6_addr_set_v4mapped(kept[i], &addr);
		if (present || !tuple_plumb_has4(net, kept[i], false))
			tuple_lease_foreign(net, &addr, present);
	}
}

static int tuple_plumb_inetaddr_event(struct notifier_block *nb,
				      unsigned long event, void *ptr)
{
	const struct in_ifaddr *ifa = ptr;
	struct net_device *dev = ifa->ifa_dev->dev;
	struct net *net = dev_net(dev);

	/* With its last IPv4 address a device loses all its routes. */
	if (event == NETDEV_DOWN && !rcu_access_pointer(ifa->ifa_dev->ifa_list))
		tuple_plumb_changed(net, dev);
	if (!tuple_plumb_is_ours4(ifa))
		tuple_plumb_foreign4(net, ifa, event == NETDEV_UP);
	else if (event == NETDEV_DOWN)
		tuple_plumb_lost4(net, ifa);
	return NOTIFY_DONE;
}

/* May be called in a softirq, when a router's advertisement brings or ends an
 * address.
 */
static int tuple_plumb_inet6addr_event(struct notifier_block *nb,
				       unsigned long event, void *ptr)
{
	const struct inet6_ifaddr *ifa = ptr;
	struct net_device *dev = ifa->idev->dev;
	struct net *net = dev_net(dev);

	/* With its link-local address a device begins to speak IPv6, and may have
	 * been told to stop before.
	 */
	if (event == NETDEV_UP && ipv6_addr_type(&ifa->addr) &
				  (IPV6_ADDR_LINKLOCAL | IPV6_ADDR_LOOPBACK))
		tuple_plumb_changed(net, dev);
	if (ipv6_addr_v4mapped(&ifa->addr))
		return NOTIFY_DONE;
	if (!tuple_plumb_is_ours6(ifa)) {
		if (event == NETDEV_UP ||
		    !tuple_plumb_has6(net, &ifa->addr, false, ifa))
			tuple_lease_foreign(net, &ifa->addr,
					    event == NETDEV_UP);
	} else if (event == NETDEV_DOWN &&
		   tuple_lease_lost(net, &ifa->addr,
				    tuple_plumb_by_admin6(ifa->idev)) &&
		   !tuple_plumb_has6(net, &ifa->addr, true, ifa)) {
		tuple_lease_foreign(net, &ifa->addr, false);
	}
	return NOTIFY_DONE;
}

static void tuple_plumb_dev_event(struct tuple_pool *pool,
				  struct net_device *dev, unsigned long event)
{
	/* What is plugged in again may get its name a moment later. */
	if ((event == NETDEV_REGISTER || event == NETDEV_CHANGENAME) &&
	    !rcu_access_pointer(pool->dev) &&
	    !strcmp(pool->ifname, dev->name)) {
		tuple_pool_take_dev(pool, dev);
		if (dev->flags & IFF_UP)
			tuple_pool_resync(pool);
		return;
	}
	if (rcu_access_pointer(pool->dev) != dev)
		return;
	switch (event) {
	case NETDEV_UP:
	case NETDEV_CHANGEMTU:	/* there is no IPv6 with less than 1280 */
		tuple_pool_resync(pool);
		break;
	case NETDEV_DOWN:
		tuple_lease_cool_all(pool);
		break;
	case NETDEV_CHANGENAME:
		spin_lock_bh(&pool->lock);
		memcpy(pool->ifname, dev->name, IFNAMSIZ);
		spin_unlock_bh(&pool->lock);
		break;
	case NETDEV_UNREGISTER:
		tuple_pool_lose_dev(pool);
		break;
	}
}

static int tuple_plumb_netdev_event(struct notifier_block *nb,
				    unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct tuple_net *tn = tuple_net(dev_net(dev));
	struct tuple_pool *pool;

	/* Pools come and go from the list under RTNL. */
	if (tn)
		list_for_each_entry(pool, &tn->pools, list)
			tuple_plumb_dev_event(pool, dev, event);
	return NOTIFY_DONE;
}

static struct notifier_block tuple_plumb_netdev_nb = {
	.notifier_call = tuple_plumb_netdev_event,
};

static struct notifier_block tuple_plumb_inetaddr_nb = {
	.notifier_call = tuple_plumb_inetaddr_event,
};

static struct notifier_block tuple_plumb_inet6addr_nb = {
	.notifier_call = tuple_plumb_inet6addr_event,
};

int tuple_plumb_net_init(struct tuple_net *tn)
{
	int err;

	err = sock_create_kern(tn->net, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE,
			       &tn->rtnl_sock);
	if (!err)
		tn->rtnl_sock->sk->sk_allocation = GFP_KERNEL;
	return err;
}

void tuple_plumb_net_exit(struct tuple_net *tn)
{
	sock_release(tn->rtnl_sock);
}

int __init tuple_plumb_init(void)
{
	tuple_plumb_cred = prepare_kernel_cred(&init_task);
	return tuple_plumb_cred ? 0 : -ENOMEM;
}

void tuple_plumb_uninit(void)
{
	put_cred(tuple_plumb_cred);
}

int __init tuple_plumb_notifier_init(void)
{
	int err;

	err = register_netdevice_notifier(&tuple_plumb_netdev_nb);
	if (err)
		return err;
	err = register_inetaddr_notifier(&tuple_plumb_inetaddr_nb);
	if (err)
		goto err_netdev;
	err = register_inet6addr_notifier(&tuple_plumb_inet6addr_nb);
	if (err)
		goto err_inetaddr;
	return 0;

err_inetaddr:
	unregister_inetaddr_notifier(&tuple_plumb_inetaddr_nb);
err_netdev:
	unregister_netdevice_notifier(&tuple_plumb_netdev_nb);
	return err;
}

void tuple_plumb_notifier_uninit(void)
{
	unregister_inet6addr_notifier(&tuple_plumb_inet6addr_nb);
	unregister_inetaddr_notifier(&tuple_plumb_inetaddr_nb);
	unregister_netdevice_notifier(&tuple_plumb_netdev_nb);
}
