/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module keeps for each sock that it made. */
#ifndef _TUPLE_SOCK_H
#define _TUPLE_SOCK_H

#include <linux/inet_tuple.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <net/sock.h>

struct tuple_lease;

/**
 * struct tuple_sock - what the module keeps for a sock that it made
 *
 * Made by tuple_sock_adopt() when a sock is created or accepted. It ends with
 * the sock: in the sock's destructor, which is ours while @destruct, or, when
 * a closed sock can speak no more or has no lease, already in release()
 * (tuple_sock_closed()). It pins the module, so the destructor is there when it
 * is called. Whoever holds the sock open may use it without a reference.
 *
 * A listener's children copy its sk_destruct, and are nobody's we know until
 * accept(). So a TCP or MPTCP sock is not hooked while it listens; its end is
 * release(), since nothing can replace the ops of a listener.
 *
 * Another thing that outlives the sock does not exist: TIME_WAIT is the
 * lease's to look after. So the memory is free at once, and may be that of
 * another sock (SLAB_TYPESAFE_BY_RCU): who does not hold the sock looks at @sk
 * again, with the lock of the lease's pool held, or that of its callbacks.
 *
 * @node: in the table of all tuple socks, by @sk; keeps its value while the
 *	memory is free
 * @sk: no reference
 * @lease: what it holds, or NULL; changes under lease->pool->lock (that of
 *	the old or the new one)
 * @lease_node: in lease->socks; lease->pool->lock
 * @destruct: what our destructor replaced and calls; NULL while sk->sk_destruct
 *	is not ours; sock lock
 * @mutex: serialises what assigns and exchanges the lease; outside RTNL and
 *	the sock's own lock
 * @choice: what the program chose, or NULL; @mutex
 * @unbound: the ops of a sock that may still need a lease; constant
 * @closed: release() has been, and this is whose who takes its lease from a sock
 *	that lives (tuple_sock_let_go()); lease->pool->lock
 */
struct tuple_sock {
	struct rhash_head node;
	struct sock *sk;
	struct tuple_lease *lease;
	struct hlist_node lease_node;
	void (*destruct)(struct sock *sk);
	struct mutex mutex;	/* assigning and exchanging */
	struct tuple_choice *choice;
	const struct proto_ops *unbound;
	struct socket *shell;	/* of create(), see tuple_shell_in_use() */
	bool closed;
};

/* What a program chose for a sock by its options */
struct tuple_choice {
	char pool[INET_TUPLE_NAMSIZ];	/* INET_TUPLE_POOL, or empty */
	u64 scope_id;			/* INET_TUPLE_SCOPE_ID, or 0 */
};

/* Return: what is kept for a sock that the caller holds, or NULL */
struct tuple_sock *tuple_sock_find(const struct sock *sk);

/**
 * tuple_sock_alloc - get the memory for tuple_sock_adopt()
 * Return: it or NULL. Undone by tuple_sock_free(). May sleep.
 */
struct tuple_sock *tuple_sock_alloc(void);
void tuple_sock_free(struct tuple_sock *ts);

/**
 * tuple_sock_adopt - make a sock ours
 * @ts: from tuple_sock_alloc(); the caller frees it on error
 * @sk: the sock, not yet ours; the caller holds it and the module
 *
 * Return: 0 or -ENOMEM and the like from the table.
 */
int tuple_sock_adopt(struct tuple_sock *ts, struct sock *sk);

/* Have our destructor called, or not; sock lock held, or the sock is new. */
void tuple_sock_hook(struct tuple_sock *ts);
/* Return: false where another destructor was put above ours, which stays */
bool tuple_sock_unhook(struct tuple_sock *ts);

/* A sock that is not ours, or not yet, may have a copy of our destructor. */
void tuple_sock_disown(struct sock *sk);

/**
 * tuple_sock_closed - the inet release() of a sock has been called
 * @ts: it; gone on return where the sock can speak no more, or has no lease
 *
 * Process context. The caller holds a reference on the sock.
 */
void tuple_sock_closed(struct tuple_sock *ts);

/**
 * tuple_sock_let_go - end what is kept for a sock that is closed and has no lease
 * @ts: it, with @closed; the caller took its lease, and has a reference on the sock
 *
 * What such a sock has still to say, to a peer that may not answer for minutes, is
 * none of our business, and is not to hold the module. Process context.
 */
void tuple_sock_let_go(struct tuple_sock *ts);

/**
 * tuple_sock_abort - take a sock's connection and its address from it
 * @sk: the caller holds a reference
 * @err: what the sock reports: ECONNABORTED, or ENETRESET where the address is
 *	over. It is unbound afterwards.
 *
 * Process context.
 */
void tuple_sock_abort(struct sock *sk, int err);

/**
 * tuple_sock_abort_sctp - the part of it that ends what SCTP says, without an error
 * @sk: SCTP's; the caller holds a reference
 *
 * Process context.
 */
void tuple_sock_abort_sctp(struct sock *sk);

/**
 * tuple_sock_next_tcp - walk the connections of TCP
 * @net: whose
 * @bucket: of TCP's table, where to begin, and where the sock was found
 * @see: what to ask about each, TIME_WAIT and half-open ones too; under the
 *	lock of the bucket, with interrupts' bottom halves off
 * @arg: its second argument
 *
 * Process context, may sleep.
 * Return: the first one of which @see is true, with a reference; NULL: none
 */
struct sock *tuple_sock_next_tcp(struct net *net, unsigned int *bucket,
				 bool (*see)(struct sock *sk, void *arg),
				 void *arg);

/* Is its source address set without a bind() of inet's? (TCP, UDP, ...) */
bool tuple_sock_is_early(const struct sock *sk);

/**
 * tuple_sock_set_source - make an address the source of an unbound sock
 * @sk: sock lock held, not bound, tuple_sock_is_early()
 * @addr: v4-mapped for IPv4
 *
 * What bind() with IP_BIND_ADDRESS_NO_PORT does, without its look-ups.
 */
void tuple_sock_set_source(struct sock *sk, const struct in6_addr *addr);

/**
 * tuple_sock_has_source - is it the source already?
 * @sk: the sock
 * @addr: as above
 *
 * Without the sock lock: nobody else gives the sock an address now.
 * Return: false where there is something to be set.
 */
bool tuple_sock_has_source(const struct sock *sk, const struct in6_addr *addr);

/* The address that a sock receives for, v4-mapped for IPv4. Sock lock held, or that of
 * its bucket in TCP's table: it may be in TIME_WAIT, or half-open.
 */
struct in6_addr tuple_sock_rcv_addr(const struct sock *sk);

/**
 * tuple_sock_speaks_from - may a sock without a lease go on with an address?
 * @sk: sock lock held
 * @addr: v4-mapped for IPv4
 *
 * Return: whether it is bound to it, or to the wildcard, which only one that had a
 * lease can be.
 */
bool tuple_sock_speaks_from(const struct sock *sk, const struct in6_addr *addr);

/* Undoes it. Sock lock held. */
void tuple_sock_clear_source(struct sock *sk);

/* Set on a sock what its pool wants on every sock: dscp, priority, mark. Takes
 * the sock's lock.
 */
void tuple_sock_apply(struct tuple_sock *ts);
/* The same for an accepted sock, which inherits all but the priority */
void tuple_sock_apply_priority(struct tuple_sock *ts);

int tuple_sock_init(void);
void tuple_sock_uninit(void);

#endif /* _TUPLE_SOCK_H */
