/* SPDX-License-Identifier: GPL-2.0-only */
/* The proto_ops of tuple sockets, derived from inet's. */
#ifndef _TUPLE_OPS_H
#define _TUPLE_OPS_H

#include <linux/types.h>

struct in6_addr;
struct proto_ops;
struct tuple_pool;
struct tuple_sock;

/**
 * tuple_ops_derive - the ops of a tuple socket over those of an inet socket
 * @base: ops that inet (or MPTCP, SCTP, ...) gave its socket
 *
 * Made once for each @base and kept until the module goes. May sleep.
 * Return: ops for a socket that is neither bound nor connected, or NULL when
 * there is no memory.
 */
const struct proto_ops *tuple_ops_derive(const struct proto_ops *base);

/* What inet, MPTCP, SCTP, ... gave the socket; the caller holds it open. */
const struct proto_ops *tuple_ops_base(const struct tuple_sock *ts);

/**
 * tuple_ops_lease - lease an address for a sock and make it its source
 * @ts: the sock, unbound, without a lease; mutex held
 * @pool: where from
 * @idx: 0 IPv4, 1 IPv6
 * @want: this very address, or NULL
 * @nonblock: do not wait
 *
 * May sleep, takes RTNL and the sock's lock.
 * Return: as tuple_lease_assign().
 */
int tuple_ops_lease(struct tuple_sock *ts, struct tuple_pool *pool, int idx,
		    const struct in6_addr *want, bool nonblock);

/**
 * tuple_ops_exchange - give a sock another lease in place of the one it has
 * @ts: the sock, unbound; mutex held
 * @pool, @idx, @want, @nonblock: as tuple_ops_lease()
 *
 * On error the old lease is kept.
 */
int tuple_ops_exchange(struct tuple_sock *ts, struct tuple_pool *pool, int idx,
		       const struct in6_addr *want, bool nonblock);

/* Neither bound to a port or an address by the user, nor connected */
bool tuple_ops_is_unbound(const struct tuple_sock *ts);

void tuple_ops_uninit(void);

#endif /* _TUPLE_OPS_H */
