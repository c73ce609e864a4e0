// SPDX-License-Identifier: GPL-2.0-only
/* What TCP leaves behind: an address that nobody holds and that yet speaks. */

#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/ipv6.h>
#include "compat.h"
#include "lease_priv.h"
#include "net.h"

/* So long from now stands for a time that nobody knows: the lease lingers, whenever
 * its last sock leaves, and a second later it is looked whether TCP speaks from it.
 */
#define TUPLE_LINGER_UNKNOWN	MAX_JIFFY_OFFSET

/* Have the linger work run by then at the latest. */
static void tuple_lease_linger_by(struct tuple_net *tn, unsigned long when)
{
	unsigned long now = jiffies;

	/* Where it is being set, who does that has looked at us already, or
	 * comes again after a second.
	 */
	if (!delayed_work_pending(&tn->linger_work) ||
	    time_before(when, READ_ONCE(tn->linger_work.timer.expires)))
		mod_delayed_work(tuple_lease_wq, &tn->linger_work,
				 time_after(when, now) ? when - now : 0);
}

void tuple_lease_linger(struct tuple_lease *lease)
{
	struct tuple_net *tn = lease->pool->tn;

	tuple_lease_set_state(lease, INET_TUPLE_LEASE_LINGERING);
	WRITE_ONCE(lease->seen, 1);	/* a look that is under way may miss it */
	spin_lock(&tn->linger_lock);
	list_add_tail(&lease->queue, &tn->lingering);
	spin_unlock(&tn->linger_lock);
	if (time_after(READ_ONCE(lease->tcp_until),
		       jiffies + TUPLE_LINGER_UNKNOWN / 2))
		WRITE_ONCE(lease->tcp_until, jiffies + HZ);
	tuple_lease_linger_by(tn, READ_ONCE(lease->tcp_until));
}

void tuple_lease_unlinger(struct tuple_lease *lease)
{
	struct tuple_net *tn = lease->pool->tn;

	spin_lock(&tn->linger_lock);
	list_del_init(&lease->queue);
	spin_unlock(&tn->linger_lock);
	/* Who has it from here on does not know. */
	WRITE_ONCE(lease->tcp_until, jiffies + TUPLE_LINGER_UNKNOWN);
}

static struct sock *tuple_lease_find_timewait(const struct in6_addr *addr,
					      const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);
	struct inet_hashinfo *hashinfo = tuple_tcp_hashinfo(net);
	__be32 daddr = inet->inet_daddr;

#if IS_ENABLED(CONFIG_IPV6)
	if (!ipv6_addr_v4mapped(addr))
		return __inet6_lookup_established(net, hashinfo,
						  &sk->sk_v6_daddr,
						  inet->inet_dport,
						  addr,
						  ntohs(inet->inet_sport),
						  sk->sk_bound_dev_if, 0);
	if (sk->sk_family == AF_INET6)
		daddr = sk->sk_v6_daddr.s6_addr32[3];
#endif
	return __inet_lookup_established(net, hashinfo, daddr,
					 inet->inet_dport,
					 addr->s6_addr32[3],
					 ntohs(inet->inet_sport),
					 sk->sk_bound_dev_if, 0);
}

bool tuple_lease_timewait(struct tuple_sock *ts, unsigned long *until)
{
	const struct sock *sk = ts->sk;
	struct tuple_lease *lease;
	bool connected = false;
	struct in6_addr addr;
	struct sock *tw;

	if (sk->sk_type != SOCK_STREAM || READ_ONCE(sk->sk_state) != TCP_CLOSE)
		return false;
	rcu_read_lock();
	lease = READ_ONCE(ts->lease);
	if (lease) {
		/* Once set it stays, and what we ask for was set before. */
		connected = data_race(!!lease->connected);
		addr = lease->addr;
	}
	rcu_read_unlock();
	if (!connected)
		return false;
	if (sk->sk_protocol == IPPROTO_MPTCP) {
		*until = jiffies + TUPLE_LINGER_UNKNOWN;
		return true;
	}
	*until = jiffies;
	if (sk->sk_protocol != IPPROTO_TCP || !inet_sk(sk)->inet_dport)
		return false;
	rcu_read_lock();
	tw = tuple_lease_find_timewait(&addr, sk);
	rcu_read_unlock();
	if (!tw)
		return false;
	if (tw->sk_state == TCP_TIME_WAIT)
		*until = READ_ONCE(inet_twsk(tw)->tw_timer.expires);
	sock_gen_put(tw);
	return true;
}

void tuple_lease_note_tcp(struct tuple_lease *lease, unsigned long until)
{
	lockdep_assert_held(&lease->pool->lock);
	/* A look for lingering TCP may write it without the lock. */
	if (!lease->tcp || time_after(until, READ_ONCE(lease->tcp_until)))
		WRITE_ONCE(lease->tcp_until, until);
	lease->tcp = 1;
}

/* Whether it is a sock that speaks for a lingering lease; see
 * tuple_sock_next_tcp(), which is to go on.
 */
static bool tuple_lease_see(struct sock *sk, void *arg)
{
	struct net *net = arg;
	struct in6_addr addr = tuple_sock_rcv_addr(sk);
	struct tuple_lease *lease;
	struct tuple_pool *pool;

	lease = tuple_lease_find(net, &addr);
	if (!lease || READ_ONCE(lease->state) != INET_TUPLE_LEASE_LINGERING)
		return false;
	lease = tuple_lease_find_lock(net, &addr, &pool);
	if (lease && lease->state == INET_TUPLE_LEASE_LINGERING) {
		WRITE_ONCE(lease->seen, 1);
		if (sk->sk_state == TCP_TIME_WAIT)
			WRITE_ONCE(lease->tcp_until,
				   READ_ONCE(inet_twsk(sk)->tw_timer.expires));
	}
	tuple_lease_unlock(pool);
	return false;
}

static void tuple_lease_look(struct net *net)
{
	unsigned int bucket = 0;

	tuple_sock_next_tcp(net, &bucket, tuple_lease_see, net);
}

/* Mark all as unseen. Return: whether one is due, so that a look is worth it */
static bool tuple_lease_linger_begin(struct tuple_net *tn,
				     struct list_head *todo)
{
	struct tuple_lease *lease;
	bool due = false;

	spin_lock_bh(&tn->linger_lock);
	list_splice_init(&tn->lingering, todo);
	list_for_each_entry(lease, todo, queue) {
		WRITE_ONCE(lease->seen, 0);
		due |= !time_after(READ_ONCE(lease->tcp_until), jiffies);
	}
	spin_unlock_bh(&tn->linger_lock);
	return due;
}

/* One lease of @todo: back to tn->lingering when it is to linger on. The list
 * is shared with tuple_lease_unlinger(), hence one by one.
 * Return: false when @todo is empty; @next: the earliest time to look again.
 */
static bool tuple_lease_linger_one(struct tuple_net *tn, struct list_head *todo,
				   bool looked, unsigned long *next)
{
	struct tuple_lease *lease;
	struct tuple_pool *pool;
	bool unplumb = false;
	unsigned long when;

	rcu_read_lock();
	spin_lock_bh(&tn->linger_lock);
	lease = list_first_entry_or_null(todo, struct tuple_lease, queue);
	spin_unlock_bh(&tn->linger_lock);
	if (!lease) {
		rcu_read_unlock();
		return false;
	}
	pool = READ_ONCE(lease->pool);
	spin_lock_bh(&pool->lock);
	if (READ_ONCE(lease->pool) != pool || READ_ONCE(lease->dead) ||
	    pool->tn != tn || lease->state != INET_TUPLE_LEASE_LINGERING) {
		/* somebody else took it off the list, or it is another one */
	} else if (looked && !READ_ONCE(lease->seen)) {
		tuple_lease_unlinger(lease);
		unplumb = tuple_lease_retire(lease, true);
	} else {
		when = READ_ONCE(lease->tcp_until);
		if (!time_after(when, jiffies))
			when = jiffies + HZ;
		if (time_before(when, *next))
			*next = when;
		spin_lock(&tn->linger_lock);
		list_move_tail(&lease->queue, &tn->lingering);
		spin_unlock(&tn->linger_lock);
	}
	spin_unlock_bh(&pool->lock);
	rcu_read_unlock();
	if (unplumb)
		tuple_lease_unplumb(lease);
	cond_resched();
	return true;
}

void tuple_lease_linger_work(struct work_struct *work)
{
	struct tuple_net *tn = container_of(to_delayed_work(work),
					    struct tuple_net, linger_work);
	unsigned long never = jiffies + MAX_JIFFY_OFFSET;
	unsigned long next = never;
	LIST_HEAD(todo);
	bool look;

	look = tuple_lease_linger_begin(tn, &todo);
	if (look)
		tuple_lease_look(tn->net);
	while (tuple_lease_linger_one(tn, &todo, look, &next))
		;
	/* The look costs as much for one lease as for many: once a second */
	if (next != never)
		tuple_lease_linger_by(tn, time_after(next, jiffies + HZ) ?
					  next : jiffies + HZ);
}

