// SPDX-License-Identifier: GPL-2.0-only
/* The proto_ops of tuple sockets, derived from inet's.
 *
 * A derived set is a copy of inet's with the control calls replaced by ours.
 * There are three of each: "unbound", whose sendmsg() is ours too, since a first
 * send may need a lease; "bound", whose data path is inet's alone; and "dgram",
 * the same for datagrams, which may still be sent to an address that carries the
 * tuple family. A socket starts with the first and settles on one of the others
 * at its first send or connect; what listens goes back to the first.
 */

#include <linux/module.h>
#include <linux/net.h>
#include <linux/sctp.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/inet_connection_sock.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include "af.h"
#include "compat.h"
#include "lease.h"
#include "net.h"
#include "ops.h"
#include "pool.h"
#include "sock.h"
#include "sockopt.h"

/* @base may be a module's, unloaded and its memory used by others while no socket
 * is left, so @copy tells whether it is still what was derived from.
 */
struct tuple_ops {
	struct list_head list;
	const struct proto_ops *base;
	struct proto_ops copy;
	struct proto_ops unbound;
	struct proto_ops bound;
	struct proto_ops dgram;
};

static LIST_HEAD(tuple_ops_list);
static DEFINE_MUTEX(tuple_ops_mutex);	/* tuple_ops_list grows */

static struct tuple_ops *tuple_ops_of(const struct tuple_sock *ts)
{
	return container_of(READ_ONCE(ts->unbound), struct tuple_ops, unbound);
}

const struct proto_ops *tuple_ops_base(const struct tuple_sock *ts)
{
	return tuple_ops_of(ts)->base;
}

/* What a socket whose operations are ours calls in their place, where nothing is
 * kept for its sock. Before 6.6 accept() reads the operations of the listener twice:
 * if ours were swapped for inet's between the two (tuple_setsockopt_swapped()), the
 * new socket has them, and its sock comes from inet. It is inet's, then.
 */
static const struct proto_ops *tuple_ops_stray(const struct socket *sock)
{
	const struct proto_ops *now = READ_ONCE(sock->ops);
	struct tuple_ops *ops;

	/* Nothing leaves the list before the module does. */
	list_for_each_entry_rcu(ops, &tuple_ops_list, list, true)
		if (now == &ops->unbound || now == &ops->bound ||
		    now == &ops->dgram)
			return ops->base;
	return now;
}

static bool tuple_ops_nonblock(const struct socket *sock, int flags)
{
	return flags & (O_NONBLOCK | MSG_DONTWAIT) ||
	       (sock->file && sock->file->f_flags & O_NONBLOCK);
}

static int tuple_ops_lease_index(struct tuple_sock *ts)
{
	struct in6_addr addr;

	return tuple_lease_addr(ts, &addr, NULL) ? tuple_family_index(&addr) :
						   -1;
}

static const struct proto_ops *tuple_ops_settled(const struct tuple_sock *ts)
{
	struct tuple_ops *ops = tuple_ops_of(ts);

	return ts->sk->sk_type == SOCK_STREAM ? &ops->bound : &ops->dgram;
}

/* The data path is inet's from now on. Another thread may have put TLS there. */
static void tuple_ops_settle(struct socket *sock, struct tuple_sock *ts)
{
	const struct proto_ops *unbound = READ_ONCE(ts->unbound);
	struct sock *sk = ts->sk;

	if (READ_ONCE(sock->ops) != unbound)
		return;
	/* With an IPv6 source, datagrams to IPv4 are no more, as after bind() of
	 * inet.
	 */
	if (sk->sk_family == AF_INET6 && sk->sk_type != SOCK_STREAM &&
	    tuple_ops_lease_index(ts) == 1) {
		lock_sock(sk);
		sk->sk_ipv6only = 1;
		release_sock(sk);
	}
	cmpxchg(&sock->ops, unbound, tuple_ops_settled(ts));
}

/* A listener sends nothing, and when it listens no more may begin anew. */
static void tuple_ops_unsettle(struct socket *sock, struct tuple_sock *ts)
{
	cmpxchg(&sock->ops, tuple_ops_settled(ts), READ_ONCE(ts->unbound));
}

/* Addresses that the caller passed */

struct tuple_addr {
	struct sockaddr_storage ss;
	struct in6_addr ip;	/* v4-mapped for IPv4; any: both may be */
	bool any;
	bool valid;		/* of the socket's family, and long enough */
};

/* The tuple family stands for the inet family in what is passed in. Security
 * modules see the address before, and some (Landlock) let a family that they do
 * not know pass: not in a task that has confined itself, then.
 */
static void tuple_addr_normalise(const struct sock *sk, struct sockaddr *addr)
{
	if (task_no_new_privs(current))
		return;
	if (sk->sk_family == AF_INET && addr->sa_family == tuple_family_inet)
		addr->sa_family = AF_INET;
	else if (sk->sk_family == AF_INET6 &&
		 addr->sa_family == tuple_family_inet6)
		addr->sa_family = AF_INET6;
}

/* What an address is passed for */
enum tuple_addr_use {
	TUPLE_ADDR_BIND,
	TUPLE_ADDR_CONNECT,
	TUPLE_ADDR_SEND,
};

/* Does inet take AF_UNSPEC for the family of the socket? bind() does for IPv4's
 * wildcard, sendto() of some protocols always; to connect() it is something else.
 */
static bool tuple_addr_may_be_unspec(const struct sock *sk, bool any,
				     enum tuple_addr_use use)
{
	if (use == TUPLE_ADDR_BIND)
		return sk->sk_family == AF_INET && any;
	return use == TUPLE_ADDR_SEND;
}

/* Does it take an address of IPv4 where the socket is of IPv6? */
static bool tuple_addr_may_be_v4(const struct sock *sk, enum tuple_addr_use use)
{
	if (sk->sk_family == AF_INET)
		return true;
	switch (sk->sk_protocol) {
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
		return use != TUPLE_ADDR_BIND && sk->sk_type != SOCK_RAW &&
		       !ipv6_only_sock(sk);
	}
	return false;
}

static void tuple_addr_parse(const struct sock *sk, const void *uaddr, int len,
			     enum tuple_addr_use use, struct tuple_addr *a)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&a->ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)&a->ss;
	int family;

	memset(a, 0, sizeof(*a));
	if (len < (int)sizeof(sa_family_t) || len > (int)sizeof(a->ss))
		return;
	memcpy(&a->ss, uaddr, len);
	tuple_addr_normalise(sk, (struct sockaddr *)&a->ss);
	family = a->ss.ss_family ?: sk->sk_family;
	if (family == AF_INET && len >= (int)sizeof(*sin)) {
		ipv6_addr_set_v4mapped(sin->sin_addr.s_addr, &a->ip);
		a->any = sin->sin_addr.s_addr == htonl(INADDR_ANY);
		a->valid = tuple_addr_may_be_v4(sk, use);
	} else if (family == AF_INET6 && len >= SIN6_LEN_RFC2133) {
		a->ip = sin6->sin6_addr;
		a->any = ipv6_addr_any(&a->ip) ||
			 (ipv6_addr_v4mapped(&a->ip) && !a->ip.s6_addr32[3]);
		a->valid = sk->sk_family == AF_INET6;
	}
	if (a->ss.ss_family == AF_UNSPEC &&
	    !tuple_addr_may_be_unspec(sk, a->any, use))
		a->valid = false;
}

/* Whom it names, or NULL: nobody in particular */
static const struct in6_addr *tuple_addr_peer(const struct tuple_addr *a)
{
	return a->valid && !a->any ? &a->ip : NULL;
}

static void tuple_addr_set(const struct sock *sk, struct tuple_addr *a,
			   const struct in6_addr *ip)
{
	if (sk->sk_family == AF_INET)
		((struct sockaddr_in *)&a->ss)->sin_addr.s_addr =
			ip->s6_addr32[3];
	else
		((struct sockaddr_in6 *)&a->ss)->sin6_addr = *ip;
}

/* Leases */

/* Without the sock lock, another thread may be binding or connecting it: whoever
 * acts on the answer holds the lock, or leaves the last word to inet, which
 * looks again under it.
 */
bool tuple_ops_is_unbound(const struct tuple_sock *ts)
{
	const struct sock *sk = ts->sk;

	if (READ_ONCE(sk->sk_state) != TCP_CLOSE)
		return false;
	/* see above */
	if (data_race(inet_sk(sk)->inet_num) && sk->sk_type != SOCK_RAW)
		return false;
	if (READ_ONCE(ts->lease))
		return true;
	/* see above */
	return !data_race(sk->sk_userlocks & SOCK_BINDADDR_LOCK);
}

/* A raw sock is hashed from the start, but not after abort. The lock of that table
 * is held by others while softirqs come, so it cannot be taken with the spinlock
 * that lock_sock_fast() may keep.
 */
static void tuple_ops_set_source_raw(struct tuple_sock *ts,
				     const struct in6_addr *addr)
{
	struct sock *sk = ts->sk;

	lock_sock(sk);
	if (tuple_ops_is_unbound(ts)) {
		tuple_sock_set_source(sk, addr);
		if (sk_unhashed(sk))
			sk->sk_prot->hash(sk);
	}
	release_sock(sk);
}

/* Make the address of the lease the source of the sock, unless another thread
 * has bound it meanwhile.
 */
static void tuple_ops_set_source_to(struct tuple_sock *ts,
				    const struct in6_addr *addr)
{
	struct sock *sk = ts->sk;
	bool slow;

	if (!tuple_sock_is_early(sk))
		return;
	if (sk->sk_type == SOCK_RAW) {
		tuple_ops_set_source_raw(ts, addr);
		return;
	}
	if (tuple_sock_has_source(sk, addr))
		return;
	slow = lock_sock_fast(sk);
	if (tuple_ops_is_unbound(ts))
		tuple_sock_set_source(sk, addr);
	unlock_sock_fast(sk, slow);
}

static void tuple_ops_set_source(struct tuple_sock *ts)
{
	struct in6_addr addr;

	if (tuple_lease_addr(ts, &addr, NULL))
		tuple_ops_set_source_to(ts, &addr);
}

/* The sock was unbound, and is again. */
static void tuple_ops_clear_source(struct tuple_sock *ts)
{
	struct sock *sk = ts->sk;

	if (!tuple_sock_is_early(sk))
		return;
	lock_sock(sk);
	if (sk->sk_state == TCP_CLOSE &&
	    (!inet_sk(sk)->inet_num || sk->sk_type == SOCK_RAW))
		tuple_sock_clear_source(sk);
	release_sock(sk);
}

int tuple_ops_lease(struct tuple_sock *ts, struct tuple_pool *pool, int idx,
		    const struct in6_addr *want, bool nonblock)
{
	struct tuple_grant grant;
	int err;

	err = tuple_lease_assign(ts, pool, idx, want, nonblock, &grant);
	if (err)
		return err;
	tuple_ops_set_source_to(ts, &grant.addr);
	if (grant.settings)
		tuple_sock_apply(ts);
	return 0;
}

/* A lease that is kept while another one is being got: a holder that no look-up
 * finds, on the stack.
 */
struct tuple_aside {
	struct tuple_sock ts;
	bool held;		/* there was one */
};

/* Have the old lease again; it may have been killed meanwhile. */
static int tuple_ops_exchange_undo(struct tuple_sock *ts,
				   struct tuple_aside *aside, int err)
{
	bool held = aside->held;

	tuple_lease_move(ts, &aside->ts);
	if (held && !READ_ONCE(ts->lease)) {
		tuple_sock_abort(ts->sk, ECONNABORTED);
		return -ECONNABORTED;
	}
	if (held)
		tuple_ops_set_source(ts);
	else
		tuple_ops_clear_source(ts);
	return err;
}

/* Keep the present lease aside, and get another one. */
static int tuple_ops_exchange_begin(struct tuple_sock *ts,
				    struct tuple_aside *aside,
				    struct tuple_pool *pool, int idx,
				    const struct in6_addr *want, bool nonblock)
{
	int err;

	memset(aside, 0, sizeof(*aside));
	aside->ts.sk = ts->sk;
	INIT_HLIST_NODE(&aside->ts.lease_node);
	tuple_lease_move(&aside->ts, ts);
	aside->held = READ_ONCE(aside->ts.lease);
	err = tuple_ops_lease(ts, pool, idx, want, nonblock);
	if (err)
		err = tuple_ops_exchange_undo(ts, aside, err);
	return err;
}

/* Give one of the two back. */
static void tuple_ops_exchange_end(struct tuple_sock *ts,
				   struct tuple_aside *aside, bool commit)
{
	if (commit) {
		tuple_lease_leave(&aside->ts, true);
	} else {
		tuple_lease_leave(ts, true);
		tuple_ops_exchange_undo(ts, aside, 0);
	}
}

int tuple_ops_exchange(struct tuple_sock *ts, struct tuple_pool *pool, int idx,
		       const struct in6_addr *want, bool nonblock)
{
	struct tuple_aside aside;
	int err;

	err = tuple_ops_exchange_begin(ts, &aside, pool, idx, want, nonblock);
	if (!err)
		tuple_ops_exchange_end(ts, &aside, true);
	return err;
}

/* The lease was killed on the way into inet, which may have found the sock without
 * a source, and taken one, or given it back what was taken from it.
 */
static int tuple_ops_bereaved(struct tuple_sock *ts, int err)
{
	if (tuple_ops_is_unbound(ts))
		return err;
	tuple_sock_abort(ts->sk, ECONNABORTED);
	return sock_error(ts->sk) ?: -ECONNABORTED;
}

/* bind() of inet, with the address of the lease in @a. IPv6 knows an address
 * of a local route only as a foreign one.
 */
static int tuple_ops_bind_lease(struct tuple_sock *ts, struct socket *sock,
				struct tuple_addr *a, int len)
{
	const struct proto_ops *base = tuple_ops_base(ts);
	struct sock *sk = ts->sk;
	bool prefix = false, was;
	struct in6_addr addr;
	int err, on = 1;

	if (!tuple_lease_addr(ts, &addr, &prefix))
		return -ECONNABORTED;
	tuple_addr_set(sk, a, &addr);
	if (!prefix || ipv6_addr_v4mapped(&addr)) {
		err = base->bind(sock, (struct sockaddr *)&a->ss, len);
		goto out;
	}

	lock_sock(sk);
	was = tuple_sock_freebind(sk, true);
	release_sock(sk);
	if (sk->sk_protocol == IPPROTO_MPTCP)	/* for its first subflow */
		base->setsockopt(sock, SOL_IPV6, IPV6_FREEBIND,
				 KERNEL_SOCKPTR(&on), sizeof(on));
	err = base->bind(sock, (struct sockaddr *)&a->ss, len);
	lock_sock(sk);
	tuple_sock_freebind(sk, was);
	release_sock(sk);
out:
	return READ_ONCE(ts->lease) ? err : tuple_ops_bereaved(ts, err);
}

/* A protocol whose bind() always chooses a port gets it as late as possible. */
static int tuple_ops_bind_late(struct tuple_sock *ts, struct socket *sock)
{
	struct sock *sk = ts->sk;
	struct tuple_addr a = {};

	if (tuple_sock_is_early(sk) || !tuple_ops_is_unbound(ts) ||
	    !READ_ONCE(ts->lease))
		return 0;
	a.ss.ss_family = sk->sk_family;
	return tuple_ops_bind_lease(ts, sock, &a, sk->sk_family == AF_INET ?
				    sizeof(struct sockaddr_in) :
				    sizeof(struct sockaddr_in6));
}

/* Which family's lease talks to a peer? An IPv6 socket may talk IPv4. */
static int tuple_ops_index(const struct sock *sk, const struct in6_addr *peer)
{
	if (sk->sk_family == AF_INET)
		return 0;
	return !(peer && ipv6_addr_v4mapped(peer) && !ipv6_only_sock(sk));
}

/* Datagram protocols get a port of inet's, and all of the host's addresses with
 * it, before it looks at the address that they are to send to.
 */
static bool tuple_ops_autobinds(const struct sock *sk)
{
	return sk->sk_type == SOCK_DGRAM &&
	       !READ_ONCE(sk->sk_prot)->no_autobind;
}

/* The pool that hands an address out, and a reference; NULL: nobody does, or it is
 * the host's own.
 */
static struct tuple_pool *tuple_ops_pool_of(struct tuple_net *tn,
					    const struct in6_addr *addr)
{
	struct tuple_lease *lease;
	bool foreign;

	rcu_read_lock();
	lease = tuple_lease_find(tn->net, addr);
	foreign = lease && READ_ONCE(lease->state) == TUPLE_LEASE_FOREIGN;
	rcu_read_unlock();
	return foreign ? NULL : tuple_pool_by_addr(tn, addr);
}

/* SCTP and MPTCP stay bound when their lease is taken: they are at an address that
 * may be another sock's by now, and can be closed only.
 */
static bool tuple_ops_is_stranded(struct tuple_sock *ts)
{
	struct sock *sk = ts->sk;
	struct tuple_pool *pool;
	struct in6_addr addr;
	bool stranded;

	if (tuple_sock_is_early(sk))
		return false;
	lock_sock(sk);
	addr = tuple_sock_rcv_addr(sk);
	release_sock(sk);
	pool = tuple_ops_pool_of(tuple_net(sock_net(sk)), &addr);
	if (!pool)
		return false;
	/* Or it is not known yet what is the host's. */
	stranded = tuple_pool_is_ready(pool) && !READ_ONCE(pool->scanning);
	tuple_pool_put(pool);
	return stranded;
}

/* Have a lease before a connect, listen or first send. A lease of the wrong
 * family, which nobody has used, is exchanged. @leased: with a result of 0, whether
 * the sock had a lease then; afterwards it may have been killed.
 */
static int tuple_ops_ready(struct tuple_sock *ts, struct socket *sock,
			   const struct in6_addr *peer, bool nonblock,
			   bool *leased)
{
	int idx = tuple_ops_index(ts->sk, peer);
	struct tuple_pool *pool;
	struct in6_addr addr;
	int err = 0;
	bool held;

	*leased = READ_ONCE(ts->lease);
	if (!tuple_ops_is_unbound(ts))
		return !*leased && tuple_ops_is_stranded(ts) ? -ECONNABORTED :
							       0;
	*leased = true;
	held = tuple_lease_addr(ts, &addr, NULL);
	if (held && tuple_family_index(&addr) == idx) {
		tuple_ops_set_source_to(ts, &addr);
	} else {
		pool = tuple_pool_select(ts, idx, peer);
		if (IS_ERR(pool))
			return PTR_ERR(pool);
		if (held)
			err = tuple_ops_exchange(ts, pool, idx, NULL, nonblock);
		else
			err = tuple_ops_lease(ts, pool, idx, NULL, nonblock);
		tuple_pool_put(pool);
	}
	return err ?: tuple_ops_bind_late(ts, sock);
}

static int tuple_ops_ready_locked(struct tuple_sock *ts, struct socket *sock,
				  const struct in6_addr *peer, bool nonblock,
				  bool *leased)
{
	int err;

	if (mutex_lock_interruptible(&ts->mutex))
		return -ERESTARTSYS;
	err = tuple_ops_ready(ts, sock, peer, nonblock, leased);
	mutex_unlock(&ts->mutex);
	return err;
}

/* bind */

/* The pool that a bind() leases from: for the wildcard, that of choice, for an
 * address, the one that hands it out. NULL: no lease is needed, or the one
 * that is held is it (@own).
 */
static struct tuple_pool *tuple_bind_pool(struct tuple_sock *ts,
					  const struct tuple_addr *a, int idx,
					  bool *own)
{
	struct in6_addr held;

	*own = tuple_lease_addr(ts, &held, NULL) &&
	       (a->any ? tuple_family_index(&held) == idx :
			 ipv6_addr_equal(&held, &a->ip));
	if (*own)
		return NULL;
	if (a->any)
		return tuple_pool_select(ts, idx, NULL);
	return tuple_ops_pool_of(tuple_net(sock_net(ts->sk)), &a->ip);
}

/* To an address that is none of a pool's: as inet would, with no lease */
static int tuple_bind_plain(struct tuple_sock *ts, struct socket *sock,
			    struct tuple_addr *a, int len)
{
	int err;

	err = tuple_ops_base(ts)->bind(sock, (struct sockaddr *)&a->ss, len);
	if (err)
		tuple_ops_set_source(ts);	/* inet may have reset it */
	else
		tuple_lease_leave(ts, true);
	return err;
}

static int tuple_bind_locked(struct tuple_sock *ts, struct socket *sock,
			     struct tuple_addr *a, int len)
{
	int idx = tuple_ops_index(ts->sk, &a->ip);
	struct tuple_aside aside;
	struct tuple_pool *pool;
	bool own;
	int err;

	pool = tuple_bind_pool(ts, a, idx, &own);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (!pool && !own)
		return tuple_bind_plain(ts, sock, a, len);
	if (own) {
		err = tuple_ops_bind_lease(ts, sock, a, len);
		if (err)
			tuple_ops_set_source(ts);
		return err;
	}
	err = tuple_ops_exchange_begin(ts, &aside, pool, idx,
				       a->any ? NULL : &a->ip,
				       tuple_ops_nonblock(sock, 0));
	tuple_pool_put(pool);
	if (err)
		return err;
	err = tuple_ops_bind_lease(ts, sock, a, len);
	tuple_ops_exchange_end(ts, &aside, !err);
	return err;
}

static int tuple_bind(struct socket *sock, struct sockaddr *uaddr, int len)
{
	struct tuple_sock *ts = tuple_sock_find(sock->sk);
	struct tuple_addr a;
	int err;

	if (unlikely(!ts))
		return tuple_ops_stray(sock)->bind(sock, uaddr, len);
	tuple_addr_parse(sock->sk, uaddr, len, TUPLE_ADDR_BIND, &a);
	if (mutex_lock_interruptible(&ts->mutex))
		return -ERESTARTSYS;
	if (a.valid && tuple_ops_is_unbound(ts) &&
	    !(ipv6_only_sock(sock->sk) && ipv6_addr_v4mapped(&a.ip)))
		err = tuple_bind_locked(ts, sock, &a, len);
	else	/* inet says what is wrong with it */
		err = tuple_ops_base(ts)->bind(sock, uaddr, len);
	mutex_unlock(&ts->mutex);
	return err;
}

/* connect, listen, send */

/* Connected, or on the way there (a connect() that failed leaves no peer) */
static void tuple_ops_note_peer(struct tuple_sock *ts)
{
	if (READ_ONCE(inet_sk(ts->sk)->inet_dport) ||
	    READ_ONCE(ts->sk->sk_state) != TCP_CLOSE)
		tuple_lease_connected(ts);
}

/* See struct tuple_sock: who listens is cloned with its destructor. Hooking and
 * unhooking is under ts->mutex, so that nobody hooks what begins to listen.
 */
static void tuple_ops_unhook(struct tuple_sock *ts)
{
	lock_sock(ts->sk);
	if (tuple_sock_is_icsk(ts->sk))
		tuple_sock_unhook(ts);
	release_sock(ts->sk);
}

static void tuple_ops_hook(struct tuple_sock *ts)
{
	lockdep_assert_held(&ts->mutex);
	if (READ_ONCE(ts->destruct))
		return;
	lock_sock(ts->sk);
	if (ts->sk->sk_state != TCP_LISTEN)
		tuple_sock_hook(ts);
	release_sock(ts->sk);
}

static int tuple_connect(struct socket *sock, struct sockaddr *uaddr, int len,
			 int flags)
{
	struct tuple_sock *ts = tuple_sock_find(sock->sk);
	struct sock *sk = sock->sk;
	struct tuple_addr a;
	bool leased;
	int err = 0;

	if (unlikely(!ts))
		return tuple_ops_stray(sock)->connect(sock, uaddr, len, flags);
	tuple_addr_parse(sk, uaddr, len, TUPLE_ADDR_CONNECT, &a);
	tuple_lease_reconnect(ts);
	/* AF_UNSPEC disconnects; the rest is wrong */
	if (a.ss.ss_family == AF_UNSPEC ||
	    (!a.valid && !tuple_ops_autobinds(sk)))
		return tuple_ops_base(ts)->connect(sock, uaddr, len, flags);
	/* A stream that was connected, even if it was aborted since, has to be
	 * disconnected first: inet says so.
	 */
	if (mutex_lock_interruptible(&ts->mutex))
		return -ERESTARTSYS;
	leased = READ_ONCE(ts->lease);
	if (sk->sk_type != SOCK_STREAM ||
	    READ_ONCE(sock->state) == SS_UNCONNECTED)
		err = tuple_ops_ready(ts, sock, tuple_addr_peer(&a),
				      tuple_ops_nonblock(sock, flags), &leased);
	if (!err)
		tuple_ops_hook(ts);
	mutex_unlock(&ts->mutex);
	if (err)
		return err;
	tuple_ops_settle(sock, ts);
	err = tuple_ops_base(ts)->connect(sock, (struct sockaddr *)&a.ss, len,
					  flags);
	tuple_ops_note_peer(ts);
	if (leased && !READ_ONCE(ts->lease))
		return tuple_ops_bereaved(ts, err);
	return err;
}

static int tuple_listen(struct socket *sock, int backlog)
{
	struct tuple_sock *ts = tuple_sock_find(sock->sk);
	struct sock *sk = sock->sk;
	bool leased = false;
	int err = 0;

	if (unlikely(!ts))
		return tuple_ops_stray(sock)->listen(sock, backlog);
	if (mutex_lock_interruptible(&ts->mutex))
		return -ERESTARTSYS;
	if (sk->sk_type == SOCK_STREAM || sk->sk_type == SOCK_SEQPACKET)
		err = tuple_ops_ready(ts, sock, NULL,
				      tuple_ops_nonblock(sock, 0), &leased);
	if (!err) {
		tuple_ops_unhook(ts);
		err = tuple_ops_base(ts)->listen(sock, backlog);
		tuple_ops_hook(ts);
		if (leased && !READ_ONCE(ts->lease))
			err = tuple_ops_bereaved(ts, err);
	}
	mutex_unlock(&ts->mutex);
	if (err)
		return err;
	if (tuple_sock_is_icsk(sk))
		tuple_ops_unsettle(sock, ts);
	else
		tuple_ops_settle(sock, ts);
	return 0;
}

/* The first send of a datagram socket, or TCP's when it carries a SYN */
static bool tuple_sendmsg_assigns(const struct sock *sk,
				  const struct msghdr *msg,
				  const struct tuple_addr *a)
{
	if (sk->sk_type == SOCK_STREAM && sk->sk_protocol != IPPROTO_SCTP)
		return a->valid && a->ss.ss_family != AF_UNSPEC &&
		       msg->msg_flags & MSG_FASTOPEN;
	return a->valid || tuple_ops_autobinds(sk);
}

static int tuple_sendmsg(struct socket *sock, struct msghdr *msg, size_t size)
{
	struct tuple_sock *ts = tuple_sock_find(sock->sk);
	struct sock *sk = sock->sk;
	bool nonblock, leased = false;
	struct tuple_addr a = {};
	int err;

	if (unlikely(!ts))
		return tuple_ops_stray(sock)->sendmsg(sock, msg, size);
	if (msg->msg_name && msg->msg_namelen >= (int)sizeof(sa_family_t)) {
		tuple_addr_normalise(sk, msg->msg_name);
		tuple_addr_parse(sk, msg->msg_name, msg->msg_namelen,
				 TUPLE_ADDR_SEND, &a);
	}
	if (tuple_sendmsg_assigns(sk, msg, &a)) {
		nonblock = tuple_ops_nonblock(sock, msg->msg_flags);
		err = tuple_ops_ready_locked(ts, sock, tuple_addr_peer(&a),
					     nonblock, &leased);
		if (err)
			return err;
		tuple_ops_settle(sock, ts);
	}
	err = tuple_ops_base(ts)->sendmsg(sock, msg, size);
	tuple_ops_note_peer(ts);
	if (leased && !READ_ONCE(ts->lease))
		return tuple_ops_bereaved(ts, err);
	return err;
}

/* Of a datagram socket that has settled: the address may carry our family. */
static int tuple_sendmsg_dgram(struct socket *sock, struct msghdr *msg,
			       size_t size)
{
	const struct proto_ops *ops = READ_ONCE(sock->ops);

	if (msg->msg_name && msg->msg_namelen >= (int)sizeof(sa_family_t))
		tuple_addr_normalise(sock->sk, msg->msg_name);
	if (unlikely(ops->sendmsg != tuple_sendmsg_dgram))
		return ops->sendmsg(sock, msg, size);
	return container_of(ops, struct tuple_ops, dgram)->copy.sendmsg(sock, msg,
									size);
}

static int tuple_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct tuple_sock *ts = tuple_sock_find(sock->sk);
	struct sock *sk = sock->sk;
	struct tuple_addr a = {};
	struct in6_addr addr;
	int len;

	if (unlikely(!ts))
		return tuple_ops_stray(sock)->getname(sock, uaddr, peer);
	len = tuple_ops_base(ts)->getname(sock, uaddr, peer);
	if (peer || tuple_sock_is_early(sk) || !tuple_ops_is_unbound(ts) ||
	    !tuple_lease_addr(ts, &addr, NULL))
		return len;
	a.ss.ss_family = sk->sk_family;
	tuple_addr_set(sk, &a, &addr);
	len = sk->sk_family == AF_INET ? sizeof(struct sockaddr_in) :
					 sizeof(struct sockaddr_in6);
	memcpy(uaddr, &a.ss, len);
	return len;
}

/* accept */

/* The core has given the new socket our ops and a reference on the module for
 * them. Or inet's: see tuple_ops_stray(). Or none yet, to one that the kernel
 * accepts for itself: it gives them afterwards.
 */
static void tuple_accept_own(struct socket *newsock, struct tuple_sock *ts)
{
	if (!newsock->ops || newsock->ops->owner == THIS_MODULE)
		return;
	__module_get(THIS_MODULE);
	module_put(newsock->ops->owner);
	newsock->ops = ts->unbound;
}

/* Leave the new socket inet's: @base, or what MPTCP has put there since. */
static void tuple_accept_disown(struct socket *newsock, struct tuple_sock *ts,
				const struct proto_ops *base,
				struct module *held)
{
	tuple_sock_disown(newsock->sk);
	if (!newsock->ops || newsock->ops->release == ts->unbound->release)
		newsock->ops = base;
	__module_get(newsock->ops->owner);
	module_put(held);
}

static int tuple_accept_adopt(struct socket *newsock, struct tuple_sock *ts,
			      struct tuple_sock *child)
{
	const struct proto_ops *unbound = ts->unbound;
	struct tuple_ops *ops = tuple_ops_of(ts);

	/* MPTCP that fell back to TCP has exchanged the ops. */
	if (newsock->ops && newsock->ops != &ops->bound && newsock->ops != &ops->unbound &&
	    newsock->ops != &ops->dgram) {
		unbound = tuple_ops_derive(newsock->ops);
		if (!unbound)
			return -ENOMEM;
	}
	child->unbound = unbound;
	return tuple_sock_adopt(child, newsock->sk);
}

static bool tuple_accept_may(const struct proto_ops *base, struct socket *sock)
{
	return READ_ONCE(sock->sk->sk_state) != TCP_LISTEN ||
	       base->poll(sock->file, sock, NULL) & EPOLLIN;
}

/* MPTCP's accept() would sleep on the shell, where nobody wakes it: see
 * tuple_shell_in_use(). So the waiting is done here.
 */
static int tuple_accept_wait(const struct proto_ops *base, struct socket *sock,
			     struct socket *newsock,
			     struct proto_accept_arg *arg)
{
	long left, timeo = sock_rcvtimeo(sock->sk, arg->flags & O_NONBLOCK);
	int err;

	arg->flags |= O_NONBLOCK;
	for (left = timeo;;) {
		err = tuple_base_accept(base, sock, newsock, arg);
		if (err != -EAGAIN || !left)
			return err;
		left = wait_event_interruptible_timeout(sock->wq.wait,
							tuple_accept_may(base, sock),
							left);
		if (left < 0)
			return sock_intr_errno(timeo);
	}
}

static int tuple_do_accept(struct socket *sock, struct socket *newsock,
			   struct proto_accept_arg *arg)
{
	struct tuple_sock *ts = tuple_sock_find(sock->sk);
	const struct proto_ops *base;
	struct tuple_sock *child;
	struct module *held;
	bool leased;
	int err;

	if (unlikely(!ts))
		return tuple_base_accept(tuple_ops_stray(sock), sock, newsock,
					 arg);
	base = tuple_ops_base(ts);
	leased = READ_ONCE(ts->lease);
	tuple_accept_own(newsock, ts);
	held = newsock->ops ? THIS_MODULE : NULL;
	child = tuple_sock_alloc();
	if (!child)
		return -ENOMEM;
	err = tuple_shell_in_use(sock->sk) ?
		tuple_accept_wait(base, sock, newsock, arg) :
		tuple_base_accept(base, sock, newsock, arg);
	if (err) {
		tuple_sock_free(child);
		return err;
	}
	err = tuple_accept_adopt(newsock, ts, child);
	if (err) {
		tuple_accept_disown(newsock, ts, base, held);
		tuple_sock_free(child);
		return err;
	}
	newsock->ops = tuple_ops_settled(child);
	tuple_lease_share(child, ts);
	/* The listener was aborted in between: so is what came from it. */
	if (leased && !READ_ONCE(child->lease))
		tuple_sock_abort(newsock->sk, ECONNABORTED);
	tuple_sock_apply_priority(child);
	return 0;
}

TUPLE_ACCEPT_OP(tuple_accept, tuple_do_accept)

/* Socket options */

/* What an upper layer protocol (TLS) or IPV6_ADDRFORM makes of the ops: it
 * must find inet's, for TLS keeps a copy of the first it sees and gives that
 * to the sockets of others.
 *
 * While inet's ops are there, other threads call them directly. The sock is
 * not hooked meanwhile, lest it begin to listen and be cloned; it cannot end,
 * since the caller holds the file.
 *
 * The socket's reference on this module is for our ops. Where others take
 * their place it has to follow; the struct tuple_sock has one of its own.
 */
static int tuple_setsockopt_swapped(struct socket *sock, struct tuple_sock *ts,
				    int level, int optname, sockptr_t optval,
				    unsigned int optlen)
{
	const struct proto_ops *base = tuple_ops_base(ts);
	const struct proto_ops *ours = READ_ONCE(sock->ops), *now, *unbound;
	int err;

	/* Another thread may have been here since. */
	if (ours->release != ts->unbound->release ||
	    cmpxchg(&sock->ops, ours, base) != ours)
		return base->setsockopt(sock, level, optname, optval, optlen);
	err = base->setsockopt(sock, level, optname, optval, optlen);
	now = cmpxchg(&sock->ops, base, ours);
	if (now == base)
		return err;
	unbound = level == SOL_IPV6 ? tuple_ops_derive(now) : NULL;
	if (unbound) {
		WRITE_ONCE(ts->unbound, unbound);
		WRITE_ONCE(sock->ops, tuple_ops_settled(ts));
	} else {
		__module_get(now->owner);
		module_put(THIS_MODULE);
	}
	return err;
}

/* The value is copied first: nothing is to wait for a user's memory here. Both
 * options are for connected sockets.
 */
static int tuple_setsockopt_ops(struct socket *sock, struct tuple_sock *ts,
				int level, int optname, sockptr_t optval,
				unsigned int optlen)
{
	char buf[TCP_ULP_NAME_MAX] = {};
	int err;

	optlen = min_t(unsigned int, optlen, sizeof(buf));
	if (copy_from_sockptr(buf, optval, optlen))
		return -EFAULT;
	optval = KERNEL_SOCKPTR(buf);
	if (mutex_lock_interruptible(&ts->mutex))
		return -ERESTARTSYS;
	tuple_ops_unhook(ts);
	if (ts->sk->sk_state == TCP_ESTABLISHED &&
	    !(ts->destruct && tuple_sock_is_icsk(ts->sk)))
		err = tuple_setsockopt_swapped(sock, ts, level, optname, optval,
					       optlen);
	else if (level == SOL_TCP && ts->sk->sk_state != TCP_LISTEN)
		err = -ENOTCONN;	/* TLS would look at the ops first */
	else
		err = tuple_ops_base(ts)->setsockopt(sock, level, optname,
						     optval, optlen);
	tuple_ops_hook(ts);
	mutex_unlock(&ts->mutex);
	return err;
}

static int tuple_setsockopt(struct socket *sock, int level, int optname,
			    sockptr_t optval, unsigned int optlen)
{
	struct tuple_sock *ts = tuple_sock_find(sock->sk);
	bool leased = false;
	int err;

	/* TLS would look at the ops first */
	if (unlikely(!ts && level == SOL_TCP && optname == TCP_ULP))
		return -ENOPROTOOPT;
	if (unlikely(!ts))
		return tuple_ops_stray(sock)->setsockopt(sock, level, optname,
							 optval, optlen);
	if (level == SOL_INET_TUPLE)
		return tuple_sockopt_set(sock, ts, optname, optval, optlen);
	if ((level == SOL_TCP && optname == TCP_ULP) ||
	    (level == SOL_IPV6 && optname == IPV6_ADDRFORM))
		return tuple_setsockopt_ops(sock, ts, level, optname, optval,
					    optlen);
	if (level == SOL_SCTP && (optname == SCTP_SOCKOPT_CONNECTX ||
				  optname == SCTP_SOCKOPT_CONNECTX_OLD)) {
		err = tuple_ops_ready_locked(ts, sock, NULL,
					     tuple_ops_nonblock(sock, 0),
					     &leased);
		if (err)
			return err;
	}
	err = tuple_ops_base(ts)->setsockopt(sock, level, optname, optval,
					     optlen);
	if (level == SOL_SCTP)
		tuple_ops_note_peer(ts);
	if (leased && !READ_ONCE(ts->lease))
		return tuple_ops_bereaved(ts, err);
	return err;
}

/* SCTP copies our destructor to a socket that it peels off; that one is to be
 * an ordinary inet socket.
 */
static int tuple_getsockopt_peeloff(struct socket *sock, struct tuple_sock *ts,
				    int optname, char __user *optval,
				    int __user *optlen)
{
	bool unhooked;
	int err;

	if (mutex_lock_interruptible(&ts->mutex))
		return -ERESTARTSYS;
	err = -EBUSY;
	lock_sock(ts->sk);
	unhooked = tuple_sock_unhook(ts);
	release_sock(ts->sk);
	if (unhooked) {
		err = tuple_ops_base(ts)->getsockopt(sock, SOL_SCTP, optname,
						     optval, optlen);
		lock_sock(ts->sk);
		tuple_sock_hook(ts);
		release_sock(ts->sk);
	}
	mutex_unlock(&ts->mutex);
	return err;
}

static int tuple_getsockopt(struct socket *sock, int level, int optname,
			    char __user *optval, int __user *optlen)
{
	struct tuple_sock *ts = tuple_sock_find(sock->sk);
	bool leased = false;
	int err;

	if (unlikely(!ts))
		return tuple_ops_stray(sock)->getsockopt(sock, level, optname,
							 optval, optlen);
	if (level == SOL_INET_TUPLE)
		return tuple_sockopt_get(ts, optname, optval, optlen);
	if (level == SOL_SCTP && ts->sk->sk_protocol == IPPROTO_SCTP &&
	    (optname == SCTP_SOCKOPT_PEELOFF ||
	     optname == SCTP_SOCKOPT_PEELOFF_FLAGS))
		return tuple_getsockopt_peeloff(sock, ts, optname, optval,
						optlen);
	if (level == SOL_SCTP && optname == SCTP_SOCKOPT_CONNECTX3) {
		err = tuple_ops_ready_locked(ts, sock, NULL,
					     tuple_ops_nonblock(sock, 0),
					     &leased);
		if (err)
			return err;
	}
	err = tuple_ops_base(ts)->getsockopt(sock, level, optname, optval,
					     optlen);
	if (leased && !READ_ONCE(ts->lease))
		return tuple_ops_bereaved(ts, err);
	return err;
}

/* release: the sock may live on, with data to send */
static int tuple_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct socket *shell;
	struct tuple_sock *ts;
	int err;

	if (!sk)
		return 0;
	ts = tuple_sock_find(sk);
	if (unlikely(!ts))
		return tuple_ops_stray(sock)->release(sock);
	sock_hold(sk);
	if (!READ_ONCE(ts->destruct)) {
		/* What listened once may have been connected since. */
		mutex_lock(&ts->mutex);
		tuple_ops_hook(ts);
		mutex_unlock(&ts->mutex);
	}
	shell = ts->shell;
	err = tuple_ops_base(ts)->release(sock);
	if (shell)
		sock_release(shell);
	tuple_sock_closed(ts);
	sock_put(sk);
	return err;
}

static void tuple_ops_fill(struct proto_ops *ops)
{
	ops->owner = THIS_MODULE;
	ops->release = tuple_release;
	ops->bind = tuple_bind;
	ops->connect = tuple_connect;
	ops->accept = tuple_accept;
	ops->listen = tuple_listen;
	ops->getname = tuple_getname;
	ops->setsockopt = tuple_setsockopt;
	ops->getsockopt = tuple_getsockopt;
}

/* Nothing leaves the list before the module does. */
static struct tuple_ops *tuple_ops_known(const struct proto_ops *base)
{
	struct tuple_ops *ops;

	list_for_each_entry_rcu(ops, &tuple_ops_list, list, true)
		if (ops->base == base &&
		    (!base->owner || !memcmp(&ops->copy, base, sizeof(*base))))
			return ops;
	return NULL;
}

const struct proto_ops *tuple_ops_derive(const struct proto_ops *base)
{
	struct tuple_ops *ops;

	ops = tuple_ops_known(base);
	if (ops)
		return &ops->unbound;
	mutex_lock(&tuple_ops_mutex);
	ops = tuple_ops_known(base);
	if (ops)
		goto out;
	ops = kzalloc(sizeof(*ops), GFP_KERNEL);
	if (!ops)
		goto unlock;
	ops->base = base;
	ops->copy = *base;
	ops->bound = *base;
	tuple_ops_fill(&ops->bound);
	ops->unbound = ops->bound;
	ops->unbound.sendmsg = tuple_sendmsg;
	tuple_ops_no_sendpage(&ops->unbound);
	ops->dgram = ops->bound;
	ops->dgram.sendmsg = tuple_sendmsg_dgram;
	list_add_tail_rcu(&ops->list, &tuple_ops_list);
out:
	mutex_unlock(&tuple_ops_mutex);
	return &ops->unbound;
unlock:
	mutex_unlock(&tuple_ops_mutex);
	return NULL;
}

void tuple_ops_uninit(void)
{
	struct tuple_ops *ops, *tmp;

	list_for_each_entry_safe(ops, tmp, &tuple_ops_list, list)
		kfree(ops);
}
