// SPDX-License-Identifier: GPL-2.0-only
/* What the module keeps for each sock that it made: see sock.h. */

#include <linux/hash.h>
#include <linux/in6.h>
#include <linux/module.h>
#include <linux/sctp.h>
#include <linux/slab.h>
#include <net/addrconf.h>
#include <net/inet_common.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/transp_v6.h>
#include <net/udp.h>
#include "compat.h"
#include "lease.h"
#include "sock.h"

static struct kmem_cache *tuple_sock_cache;
static struct rhashtable tuple_socks;

/* Nobody chooses where his socks are, so this is as good as jhash(). */
static u32 tuple_sock_hash(const void *data, u32 len, u32 seed)
{
	return hash_ptr(*(void * const *)data, 32) ^ seed;
}

static const struct rhashtable_params tuple_socks_params = {
	.head_offset = offsetof(struct tuple_sock, node),
	.key_offset = offsetof(struct tuple_sock, sk),
	.key_len = sizeof(struct sock *),
	.hashfn = tuple_sock_hash,
	.automatic_shrinking = true,
};

struct tuple_sock *tuple_sock_find(const struct sock *sk)
{
	return rhashtable_lookup_fast(&tuple_socks, &sk, tuple_socks_params);
}

struct tuple_sock *tuple_sock_alloc(void)
{
	struct tuple_sock *ts;

	ts = kmem_cache_alloc(tuple_sock_cache, GFP_KERNEL);
	if (!ts)
		return NULL;
	/* Somebody may still look at its place in the table. */
	memset_after(ts, 0, node);
	INIT_HLIST_NODE(&ts->lease_node);
	mutex_init(&ts->mutex);
	return ts;
}

void tuple_sock_free(struct tuple_sock *ts)
{
	kfree(ts->choice);
	kmem_cache_free(tuple_sock_cache, ts);
}

/* Undoes tuple_sock_adopt(). From then on the module may be unloaded, but waits for us:
 * see tuple_sock_uninit().
 */
static void tuple_sock_drop(struct tuple_sock *ts)
{
	rhashtable_remove_fast(&tuple_socks, &ts->node, tuple_socks_params);
	tuple_sock_free(ts);
	module_put(THIS_MODULE);
}

/* What SCTP's destructors are, by family: they are not exported */
static void (*tuple_sctp_destruct[2])(struct sock *sk);

/* SCTP copies the listener's destructor, ours, to a sock that it makes in accept().
 * Return: what it would have copied. (No other sock has a copy: see struct
 * tuple_sock.)
 */
static void (*tuple_sock_copied(const struct sock *sk))(struct sock *sk)
{
	void (*destruct)(struct sock *sk);

	destruct = READ_ONCE(tuple_sctp_destruct[sk->sk_family == AF_INET6]);
	if (WARN_ON_ONCE(sk->sk_protocol != IPPROTO_SCTP || !destruct))
		destruct = inet_sock_destruct;
	return destruct;
}

/* The end of a sock: any context, often softirq. The module may go as soon as
 * its last reference does; tuple_sock_uninit() waits for those who are still
 * on their way out of here.
 */
static void tuple_sock_destruct(struct sock *sk)
{
	struct tuple_sock *ts = tuple_sock_find(sk);

	if (!ts) {	/* SCTP gave it up at once. */
		tuple_sock_copied(sk)(sk);
		return;
	}
	tuple_lease_leave(ts, false);
	ts->destruct(sk);
	tuple_sock_drop(ts);
}

void tuple_sock_hook(struct tuple_sock *ts)
{
	struct sock *sk = ts->sk;

	if (ts->destruct)
		return;
	ts->destruct = sk->sk_destruct;
	sk->sk_destruct = tuple_sock_destruct;
}

bool tuple_sock_unhook(struct tuple_sock *ts)
{
	struct sock *sk = ts->sk;

	if (!ts->destruct)
		return true;
	/* Others may have hooked in above us, and will call us (L2TP). */
	if (sk->sk_destruct != tuple_sock_destruct)
		return false;
	sk->sk_destruct = ts->destruct;
	ts->destruct = NULL;
	return true;
}

void tuple_sock_disown(struct sock *sk)
{
	if (sk->sk_destruct == tuple_sock_destruct)
		sk->sk_destruct = tuple_sock_copied(sk);
}

int tuple_sock_adopt(struct tuple_sock *ts, struct sock *sk)
{
	int err;

	ts->sk = sk;
	err = rhashtable_insert_fast(&tuple_socks, &ts->node,
				     tuple_socks_params);
	if (err)
		return err == -E2BIG || err == -EBUSY ? -ENOMEM : err;
	__module_get(THIS_MODULE);
	tuple_sock_disown(sk);
	if (sk->sk_protocol == IPPROTO_SCTP)
		WRITE_ONCE(tuple_sctp_destruct[sk->sk_family == AF_INET6],
			   sk->sk_destruct);
	tuple_sock_hook(ts);
	return 0;
}

/* TCP, MPTCP and SCTP go on after release() until their state is CLOSE; all
 * others are done with it. What is still queued below counts as speaking.
 */
static bool tuple_sock_is_silent(const struct sock *sk)
{
	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
	case IPPROTO_MPTCP:
	case IPPROTO_SCTP:
		if (sk->sk_type != SOCK_RAW &&
		    READ_ONCE(sk->sk_state) != TCP_CLOSE)
			return false;
	}
	return !sk_wmem_alloc_get(sk);
}

void tuple_sock_closed(struct tuple_sock *ts)
{
	struct sock *sk = ts->sk;

	if (ts->destruct && !tuple_sock_is_silent(sk) && tuple_lease_inherit(ts))
		return;
	if (!tuple_sock_unhook(ts))
		return;
	tuple_lease_leave(ts, true);
	tuple_sock_drop(ts);
}

void tuple_sock_let_go(struct tuple_sock *ts)
{
	if (tuple_sock_unhook(ts))
		tuple_sock_drop(ts);
}

struct sock *tuple_sock_next_tcp(struct net *net, unsigned int *bucket,
				 bool (*see)(struct sock *sk, void *arg),
				 void *arg)
{
	struct inet_hashinfo *hashinfo = tuple_tcp_hashinfo(net);
	struct sock *sk, *found = NULL;
	struct hlist_nulls_node *node;
	spinlock_t *lock;	/* of the bucket */

	for (; *bucket <= hashinfo->ehash_mask; ++*bucket) {
		if (!(*bucket & 0x3ff))
			cond_resched();
		if (hlist_nulls_empty(&hashinfo->ehash[*bucket].chain))
			continue;
		lock = inet_ehash_lockp(hashinfo, *bucket);
		rcu_read_lock();
		spin_lock_bh(lock);
		sk_nulls_for_each(sk, node, &hashinfo->ehash[*bucket].chain)
			if (net_eq(sock_net(sk), net) && see(sk, arg) &&
			    refcount_inc_not_zero(&sk->sk_refcnt)) {
				found = sk;
				break;
			}
		spin_unlock_bh(lock);
		rcu_read_unlock();
		if (found)
			break;
	}
	return found;
}

bool tuple_sock_is_early(const struct sock *sk)
{
	if (sk->sk_type == SOCK_RAW)
		return true;
	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return true;
	}
	return false;
}

void tuple_sock_set_source(struct sock *sk, const struct in6_addr *addr)
{
	struct inet_sock *inet = inet_sk(sk);
	__be32 v4 = LOOPBACK4_IPV6;

	if (ipv6_addr_v4mapped(addr))
		v4 = addr->s6_addr32[3];
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		inet6_sk(sk)->saddr = *addr;
		sk->sk_v6_rcv_saddr = *addr;
	}
#endif
	inet->inet_rcv_saddr = v4;
	inet->inet_saddr = v4;
	sk->sk_userlocks |= SOCK_BINDADDR_LOCK;
	sk_dst_reset(sk);
}

bool tuple_sock_has_source(const struct sock *sk, const struct in6_addr *addr)
{
	const struct inet_sock *inet = inet_sk(sk);
	__be32 v4 = LOOPBACK4_IPV6;

	if (ipv6_addr_v4mapped(addr))
		v4 = addr->s6_addr32[3];
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		/* Who takes it away at this moment might as well do so later. */
		if (data_race(!ipv6_addr_equal(&inet6_sk(sk)->saddr, addr) ||
			      !ipv6_addr_equal(&sk->sk_v6_rcv_saddr, addr)))
			return false;
	}
#endif
	/* see above */
	return data_race(inet->inet_rcv_saddr == v4 && inet->inet_saddr == v4 &&
			 sk->sk_userlocks & SOCK_BINDADDR_LOCK);
}

struct in6_addr tuple_sock_rcv_addr(const struct sock *sk)
{
	struct in6_addr addr;

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return sk->sk_v6_rcv_saddr;
#endif
	ipv6_addr_set_v4mapped(inet_sk(sk)->inet_rcv_saddr, &addr);
	return addr;
}

bool tuple_sock_speaks_from(const struct sock *sk, const struct in6_addr *addr)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct in6_addr own = tuple_sock_rcv_addr(sk);

	/* TCP that was aborted has its address to be told of, and no port. */
	if (ipv6_addr_equal(&own, addr))
		return inet->inet_num || sk->sk_userlocks & SOCK_BINDADDR_LOCK;
	return sk->sk_type != SOCK_RAW && inet->inet_num &&
	       (ipv6_addr_any(&own) ||
		(ipv6_addr_v4mapped(&own) && !own.s6_addr32[3]));
}

void tuple_sock_clear_source(struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		inet6_sk(sk)->saddr = in6addr_any;
		sk->sk_v6_rcv_saddr = in6addr_any;
	}
#endif
	inet_sk(sk)->inet_rcv_saddr = 0;
	inet_sk(sk)->inet_saddr = 0;
	sk->sk_userlocks &= ~SOCK_BINDADDR_LOCK;
	sk_dst_reset(sk);
}

void tuple_sock_apply_priority(struct tuple_sock *ts)
{
	struct tuple_pool_conf conf;

	if (tuple_lease_pool_conf(ts, &conf) &&
	    conf.priority != TUPLE_PRIORITY_UNSET)
		sock_set_priority(ts->sk, conf.priority);
}

void tuple_sock_apply(struct tuple_sock *ts)
{
	struct tuple_pool_conf conf;
	struct sock *sk = ts->sk;

	if (!tuple_lease_pool_conf(ts, &conf))
		return;
	if (conf.dscp != TUPLE_DSCP_UNSET) {
		ip_sock_set_tos(sk, conf.dscp << 2);
#if IS_ENABLED(CONFIG_IPV6)
		if (sk->sk_family == AF_INET6) {
			lock_sock(sk);
			inet6_sk(sk)->tclass = conf.dscp << 2;
			release_sock(sk);
		}
#endif
	}
	if (conf.priority != TUPLE_PRIORITY_UNSET)
		sock_set_priority(sk, conf.priority);
	if (conf.mark)
		sock_set_mark(sk, conf.mark);
}

int __init tuple_sock_init(void)
{
	int err;

	tuple_sock_cache = kmem_cache_create("inet_tuple_sock",
					     sizeof(struct tuple_sock), 0,
					     SLAB_ACCOUNT |
					     SLAB_TYPESAFE_BY_RCU, NULL);
	if (!tuple_sock_cache)
		return -ENOMEM;
	err = rhashtable_init(&tuple_socks, &tuple_socks_params);
	if (err)
		kmem_cache_destroy(tuple_sock_cache);
	return err;
}

/* Called when the reference count of the module is zero: every sock is gone,
 * but the CPU that dropped the last reference may still be in
 * tuple_sock_destruct(). There it is in a softirq or with preemption off,
 * which a grace period waits for, or it is a preempted task, which has not
 * gone to sleep by itself since, which is what RCU-tasks waits for.
 */
void tuple_sock_uninit(void)
{
	synchronize_rcu();
	synchronize_rcu_tasks();
	rcu_barrier();
	rhashtable_destroy(&tuple_socks);
	kmem_cache_destroy(tuple_sock_cache);
}
