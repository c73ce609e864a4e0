// SPDX-License-Identifier: GPL-2.0-only
/* Neighbour discovery for IPv6 pools with prefix plumbing: see nd.h. */

#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv6.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/ipv6_stubs.h>
#include <net/ndisc.h>
#include "lease.h"
#include "nd.h"
#include "net.h"
#include "pool.h"

/* Is this address leased from a pool that answers on this device? */
static bool tuple_nd_is_ours(struct net *net, const struct net_device *dev,
			     const struct in6_addr *target)
{
	struct tuple_lease *lease;
	struct tuple_pool *pool;
	bool ours;

	lease = tuple_lease_find_lock(net, target, &pool);
	ours = lease && READ_ONCE(pool->nd) &&
	       rcu_access_pointer(pool->dev) == dev &&
	       (lease->state == INET_TUPLE_LEASE_PLUMBING ||
		lease->state == INET_TUPLE_LEASE_ACTIVE ||
		lease->state == INET_TUPLE_LEASE_LINGERING);
	tuple_lease_unlock(pool);
	return ours;
}

/* The link-layer address in an option of a solicitation; NULL: there is none.
 * -EINVAL as a pointer: an option is malformed, RFC 4861 7.1.1.
 */
static const u8 *tuple_nd_source_lladdr(const struct sk_buff *skb,
					const struct nd_msg *msg,
					const struct net_device *dev)
{
	const u8 *opt = msg->opt, *end = skb_tail_pointer(skb);
	const u8 *lladdr = NULL;
	unsigned int len;

	while (end - opt >= 2) {
		len = opt[1] * 8;
		if (!len || len > end - opt)
			return ERR_PTR(-EINVAL);
		if (opt[0] == ND_OPT_SOURCE_LL_ADDR) {
			if (len < 2 + dev->addr_len)
				return ERR_PTR(-EINVAL);
			lladdr = opt + 2;
		}
		opt += len;
	}
	return lladdr;
}

/* What the solicitation tells of its sender, RFC 4861 7.2.3 */
static void tuple_nd_learn(struct net_device *dev, const struct in6_addr *saddr,
			   const u8 *lladdr)
{
	struct neighbour *neigh;

	neigh = __neigh_lookup(ipv6_stub->nd_tbl, saddr, dev, 1);
	if (!neigh)
		return;
	neigh_update(neigh, lladdr, NUD_STALE,
		     NEIGH_UPDATE_F_WEAK_OVERRIDE | NEIGH_UPDATE_F_OVERRIDE, 0);
	neigh_release(neigh);
}

static void tuple_nd_answer(struct sk_buff *skb, const struct nd_msg *msg)
{
	const struct in6_addr *saddr = &ipv6_hdr(skb)->saddr;
	const struct in6_addr *daddr = &ipv6_hdr(skb)->daddr;
	struct net_device *dev = skb->dev;
	const u8 *lladdr;

	lladdr = tuple_nd_source_lladdr(skb, msg, dev);
	if (IS_ERR(lladdr))
		return;
	if (ipv6_addr_any(saddr)) {
		/* Another host asks whether it may have the address. */
		if (!lladdr && ipv6_addr_is_solict_mult(daddr))
			ipv6_stub->ndisc_send_na(dev,
						 &in6addr_linklocal_allnodes,
						 &msg->target, false, false,
						 true, true);
		return;
	}
	if (lladdr)
		tuple_nd_learn(dev, saddr, lladdr);
	ipv6_stub->ndisc_send_na(dev, saddr, &msg->target, false, true, true,
				 ipv6_addr_is_multicast(daddr));
}

/* In front of routing, for every packet: be quick with what is none of ours. */
static unsigned int tuple_nd_hook(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	const struct ipv6hdr *ip6 = ipv6_hdr(skb);
	const struct nd_msg *msg;
	unsigned int len;

	if (likely(ip6->nexthdr != IPPROTO_ICMPV6) || ip6->hop_limit != 255)
		return NF_ACCEPT;
	len = sizeof(*ip6) + sizeof(*msg);
	if (!pskb_may_pull(skb, sizeof(*ip6) + sizeof(struct icmp6hdr)))
		return NF_ACCEPT;
	msg = (const struct nd_msg *)(ipv6_hdr(skb) + 1);
	if (msg->icmph.icmp6_type != NDISC_NEIGHBOUR_SOLICITATION ||
	    msg->icmph.icmp6_code || skb->len < len || skb_linearize(skb))
		return NF_ACCEPT;
	msg = (const struct nd_msg *)(ipv6_hdr(skb) + 1);
	if (ipv6_addr_is_multicast(&msg->target) ||
	    !tuple_nd_is_ours(state->net, skb->dev, &msg->target) ||
	    nf_ip6_checksum(skb, state->hook, sizeof(*ip6), IPPROTO_ICMPV6))
		return NF_ACCEPT;
	tuple_nd_answer(skb, msg);
	return NF_DROP;
}

static const struct nf_hook_ops tuple_nd_hook_ops = {
	.hook = tuple_nd_hook,
	.pf = NFPROTO_IPV6,
	.hooknum = NF_INET_PRE_ROUTING,
	.priority = NF_IP6_PRI_FILTER,
};

void tuple_nd_dev_came(struct tuple_pool *pool, struct net_device *dev)
{
	ASSERT_RTNL();
	if (pool->nd && !pool->allmulti && !dev_set_allmulti(dev, 1))
		pool->allmulti = true;
}

void tuple_nd_dev_gone(struct tuple_pool *pool, struct net_device *dev)
{
	ASSERT_RTNL();
	if (pool->allmulti)
		dev_set_allmulti(dev, -1);
	pool->allmulti = false;
}

int tuple_nd_get(struct tuple_pool *pool)
{
	struct tuple_net *tn = pool->tn;
	struct net_device *dev;
	int err;

	lockdep_assert_held(&tn->mutex);
	if (!tn->nd_users) {
		err = nf_register_net_hook(tn->net, &tuple_nd_hook_ops);
		if (err)
			return err;
	}
	tn->nd_users++;
	rtnl_lock();
	WRITE_ONCE(pool->nd, true);
	dev = rtnl_dereference(pool->dev);
	if (dev)
		tuple_nd_dev_came(pool, dev);
	rtnl_unlock();
	return 0;
}

void tuple_nd_put(struct tuple_pool *pool)
{
	struct tuple_net *tn = pool->tn;
	struct net_device *dev;

	lockdep_assert_held(&tn->mutex);
	rtnl_lock();
	WRITE_ONCE(pool->nd, false);
	dev = rtnl_dereference(pool->dev);
	if (dev)
		tuple_nd_dev_gone(pool, dev);
	rtnl_unlock();
	if (!--tn->nd_users)
		nf_unregister_net_hook(tn->net, &tuple_nd_hook_ops);
}
