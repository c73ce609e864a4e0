// SPDX-License-Identifier: GPL-2.0-only
/* The two address families: a tuple socket is an inet socket.
 *
 * create() has inet make a socket, moves its sock to the caller's struct
 * socket, and throws the empty shell away (that of MPTCP on old kernels, with
 * the socket). What is left of the difference are the proto_ops (ops.c) and the
 * struct tuple_sock.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/inet_tuple.h>
#include <linux/module.h>
#include <linux/net.h>
#include <net/sock.h>
#include "af.h"
#include "compat.h"
#include "lease.h"
#include "net.h"
#include "ops.h"
#include "pool.h"
#include "sock.h"

ushort tuple_family_inet = AF_INET_TUPLE;
module_param_named(family_inet, tuple_family_inet, ushort, 0444);
MODULE_PARM_DESC(family_inet, "Number of AF_INET_TUPLE");

ushort tuple_family_inet6 = AF_INET6_TUPLE;
module_param_named(family_inet6, tuple_family_inet6, ushort, 0444);
MODULE_PARM_DESC(family_inet6, "Number of AF_INET6_TUPLE");

/* Make the sock of @in that of @sock, and @in an empty shell. */
static void tuple_af_graft(struct socket *sock, struct socket *in)
{
	struct sock *sk = in->sk;

	in->sk = NULL;
	sock->state = in->state;
	sock->flags = in->flags;
	sk->sk_socket = NULL;
	sock_graft(sk, sock);
}

/* A pool that assigns at creation gives its address now. Without one that
 * could ever serve the socket there is no use in making it.
 */
static int tuple_af_assign(struct tuple_sock *ts, int idx)
{
	struct tuple_pool *pool;
	int err = 0;

	pool = tuple_pool_select(ts, idx, NULL);
	if (IS_ERR(pool))
		return tuple_pool_serves_any(tuple_net(sock_net(ts->sk)), idx) ?
		       0 : PTR_ERR(pool);
	/* It is a byte, and while it changes either answer is right. */
	if (data_race(pool->conf.assign) == INET_TUPLE_ASSIGN_CREATE) {
		mutex_lock(&ts->mutex);
		err = tuple_ops_lease(ts, pool, idx, NULL,
				      tuple_creating_nonblock());
		mutex_unlock(&ts->mutex);
	}
	tuple_pool_put(pool);
	return err;
}

static int tuple_af_create(struct net *net, struct socket *sock, int protocol,
			   int kern, int family)
{
	const struct proto_ops *ops;
	struct tuple_sock *ts;
	struct socket *in;
	int err;

	/* With this type, AF_INET would make a socket of AF_PACKET. */
	if (sock->type == SOCK_PACKET)
		return -ESOCKTNOSUPPORT;
	/* It connects by another socket, which would have no lease. */
	if (protocol == IPPROTO_SMC)
		return -EPROTONOSUPPORT;
	err = __sock_create(net, family, sock->type, protocol, &in, kern);
	if (err)
		return err;
	err = -ENOMEM;
	ts = tuple_sock_alloc();
	if (!ts)
		goto err_release;
	ops = tuple_ops_derive(in->ops);
	if (!ops)
		goto err_free;
	ts->unbound = ops;
	err = tuple_sock_adopt(ts, in->sk);
	if (err)
		goto err_free;
	sock->ops = ops;
	tuple_af_graft(sock, in);
	if (tuple_shell_in_use(sock->sk)) {
		/* where the subflow looks whether a writer waits for space */
		set_bit(SOCK_NOSPACE, &in->flags);
		ts->shell = in;
	} else {
		sock_release(in);
	}

	err = tuple_af_assign(ts, family == AF_INET6);
	if (err)
		ops->release(sock);
	return err;

err_free:
	tuple_sock_free(ts);
err_release:
	sock_release(in);
	return err;
}

static int tuple_af_create_inet(struct net *net, struct socket *sock,
				int protocol, int kern)
{
	return tuple_af_create(net, sock, protocol, kern, AF_INET);
}

static int tuple_af_create_inet6(struct net *net, struct socket *sock,
				 int protocol, int kern)
{
	return tuple_af_create(net, sock, protocol, kern, AF_INET6);
}

static struct net_proto_family tuple_af_inet = {
	.create = tuple_af_create_inet,
	.owner = THIS_MODULE,
};

static struct net_proto_family tuple_af_inet6 = {
	.create = tuple_af_create_inet6,
	.owner = THIS_MODULE,
};

int __init tuple_af_init(void)
{
	int err;

	tuple_af_inet.family = tuple_family_inet;
	tuple_af_inet6.family = tuple_family_inet6;
	err = sock_register(&tuple_af_inet);
	if (err) {
		pr_err("family %d is taken: %d\n", tuple_family_inet, err);
		return err;
	}
	err = sock_register(&tuple_af_inet6);
	if (err) {
		pr_err("family %d is taken: %d\n", tuple_family_inet6, err);
		sock_unregister(tuple_af_inet.family);
	}
	return err;
}

void tuple_af_uninit(void)
{
	sock_unregister(tuple_af_inet6.family);
	sock_unregister(tuple_af_inet.family);
}
