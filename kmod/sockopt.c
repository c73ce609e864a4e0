// SPDX-License-Identifier: GPL-2.0-only
/* Socket options of level SOL_INET_TUPLE: see uapi/linux/inet_tuple.h. */

#include <linux/net.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "lease.h"
#include "net.h"
#include "ops.h"
#include "pool.h"
#include "sock.h"
#include "sockopt.h"

/* A pool's name as it comes from userspace; NULL for the empty one */
static char *tuple_sockopt_name(sockptr_t optval, unsigned int optlen)
{
	char buf[INET_TUPLE_NAMSIZ + 1] = {};

	if (optlen > INET_TUPLE_NAMSIZ)
		return ERR_PTR(-EINVAL);
	if (copy_from_sockptr(buf, optval, optlen))
		return ERR_PTR(-EFAULT);
	if (strlen(buf) >= INET_TUPLE_NAMSIZ)
		return ERR_PTR(-EINVAL);
	if (!buf[0])
		return NULL;
	return kstrdup(buf, GFP_KERNEL_ACCOUNT) ?: ERR_PTR(-ENOMEM);
}

static bool tuple_sockopt_pool_exists(struct tuple_sock *ts, const char *name)
{
	bool found;

	rcu_read_lock();
	found = tuple_pool_find(tuple_net(sock_net(ts->sk)), name);
	rcu_read_unlock();
	return found;
}

/* Lease anew, by what has just been set, where a lease is held already. */
static int tuple_sockopt_renew(struct socket *sock, struct tuple_sock *ts)
{
	struct tuple_pool *pool;
	struct in6_addr addr;
	bool nonblock;
	int err, idx;

	if (!tuple_lease_addr(ts, &addr, NULL))
		return 0;
	idx = tuple_family_index(&addr);
	nonblock = sock->file && sock->file->f_flags & O_NONBLOCK;
	pool = tuple_pool_select(ts, idx, NULL);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	err = tuple_ops_exchange(ts, pool, idx, NULL, nonblock);
	tuple_pool_put(pool);
	return err;
}

static int tuple_sockopt_set_pool(struct socket *sock, struct tuple_sock *ts,
				  sockptr_t optval, unsigned int optlen,
				  bool move)
{
	char *name = tuple_sockopt_name(optval, optlen), *old;
	int err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	mutex_lock(&ts->mutex);
	err = -EISCONN;
	if (!tuple_ops_is_unbound(ts) || (READ_ONCE(ts->lease) && !move))
		goto out;
	err = -ENOENT;
	if (name && !tuple_sockopt_pool_exists(ts, name))
		goto out;
	old = ts->pool_name;
	ts->pool_name = name;
	err = tuple_sockopt_renew(sock, ts);
	if (err)
		ts->pool_name = old;
	else
		name = old;
out:
	mutex_unlock(&ts->mutex);
	kfree(name);
	return err;
}

static int tuple_sockopt_set_id(struct socket *sock, struct tuple_sock *ts,
				sockptr_t optval, unsigned int optlen)
{
	u64 id, old;
	int err;

	if (optlen != sizeof(id))
		return -EINVAL;
	if (copy_from_sockptr(&id, optval, sizeof(id)))
		return -EFAULT;
	mutex_lock(&ts->mutex);
	err = -EISCONN;
	if (tuple_ops_is_unbound(ts)) {
		old = ts->scope_id;
		WRITE_ONCE(ts->scope_id, id);
		err = id == old ? 0 : tuple_sockopt_renew(sock, ts);
		if (err)
			WRITE_ONCE(ts->scope_id, old);
	}
	mutex_unlock(&ts->mutex);
	return err;
}

int tuple_sockopt_set(struct socket *sock, struct tuple_sock *ts, int optname,
		      sockptr_t optval, unsigned int optlen)
{
	switch (optname) {
	case INET_TUPLE_POOL:
		return tuple_sockopt_set_pool(sock, ts, optval, optlen, false);
	case INET_TUPLE_POOL_MOVE:
		return tuple_sockopt_set_pool(sock, ts, optval, optlen, true);
	case INET_TUPLE_SCOPE_ID:
		return tuple_sockopt_set_id(sock, ts, optval, optlen);
	}
	return -ENOPROTOOPT;
}

/* Fill as much as the caller has room for, and say how much that is. */
static int tuple_sockopt_put(const void *val, unsigned int size,
			     char __user *optval, int __user *optlen)
{
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min_t(unsigned int, len, size);
	if (put_user(len, optlen) || copy_to_user(optval, val, len))
		return -EFAULT;
	return 0;
}

int tuple_sockopt_get(struct tuple_sock *ts, int optname, char __user *optval,
		      int __user *optlen)
{
	struct inet_tuple_lease info;
	char name[INET_TUPLE_NAMSIZ] = {};
	u64 id;
	int err;

	err = tuple_lease_get_info(ts, &info);
	switch (optname) {
	case INET_TUPLE_POOL:
		mutex_lock(&ts->mutex);
		if (!err)
			strscpy(name, info.pool, sizeof(name));
		else if (ts->pool_name)
			strscpy(name, ts->pool_name, sizeof(name));
		mutex_unlock(&ts->mutex);
		return tuple_sockopt_put(name, strlen(name) + 1, optval,
					 optlen);
	case INET_TUPLE_SCOPE_ID:
		id = READ_ONCE(ts->scope_id);
		return tuple_sockopt_put(&id, sizeof(id), optval, optlen);
	case INET_TUPLE_LEASE:
		return err ?: tuple_sockopt_put(&info, sizeof(info), optval,
						optlen);
	}
	return -ENOPROTOOPT;
}
