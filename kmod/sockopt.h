/* SPDX-License-Identifier: GPL-2.0-only */
/* Socket options of level SOL_INET_TUPLE: see uapi/linux/inet_tuple.h. */
#ifndef _TUPLE_SOCKOPT_H
#define _TUPLE_SOCKOPT_H

#include <linux/sockptr.h>

struct socket;
struct tuple_sock;

int tuple_sockopt_set(struct socket *sock, struct tuple_sock *ts, int optname,
		      sockptr_t optval, unsigned int optlen);
int tuple_sockopt_get(struct tuple_sock *ts, int optname, char __user *optval,
		      int __user *optlen);

#endif /* _TUPLE_SOCKOPT_H */
