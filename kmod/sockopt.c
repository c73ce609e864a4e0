// SPDX-License-Identifier: GPL-2.0-only
/* Socket options of level SOL_INET_TUPLE: see uapi/linux/inet_tuple.h. */

#include <linux/net.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "lease.h"
#include "net.h"
#include "ops.h"
#include "pool.h"
#include "sock.h"
#include "sockopt.h"

/* A pool's name as it comes from userspace; the empty one stands for none. */
static int tuple_sockopt_name(char name[INET_TUPLE_NAMSIZ], sockptr_t optval,
			      unsigned int optlen)
{
	char buf[INET_TUPLE_NAMSIZ + 1] = {};

	if (optlen > INET_TUPLE_NAMSIZ)
		return -EINVAL;
	if (copy_from_sockptr(buf, optval, optlen))
		return -EFAULT;
	if (strscpy(name, buf, INET_TUPLE_NAMSIZ) < 0)
		return -EINVAL;
	return 0;
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

/* Have a choice in force, or the one before if there is no lease for it. */
static int tuple_sockopt_choose(struct socket *sock, struct tuple_sock *ts,
				const struct tuple_choice *choice)
{
	struct tuple_choice *old = ts->choice, *new = NULL;
	int err;

	if (choice->pool[0] || choice->scope_id) {
		new = kmemdup(choice, sizeof(*choice), GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;
	}
	ts->choice = new;
	err = tuple_sockopt_renew(sock, ts);
	if (err)
		swap(ts->choice, old);
	kfree(old);
	return err;
}

static struct tuple_choice tuple_sockopt_chosen(const struct tuple_sock *ts)
{
	return ts->choice ? *ts->choice : (struct tuple_choice){};
}

static int tuple_sockopt_set_pool(struct socket *sock, struct tuple_sock *ts,
				  sockptr_t optval, unsigned int optlen,
				  bool move)
{
	char name[INET_TUPLE_NAMSIZ];
	struct tuple_choice choice;
	int err;

	err = tuple_sockopt_name(name, optval, optlen);
	if (err)
		return err;
	if (mutex_lock_interruptible(&ts->mutex))
		return -ERESTARTSYS;
	err = -EISCONN;
	if (!tuple_ops_is_unbound(ts) || (READ_ONCE(ts->lease) && !move))
		goto out;
	err = -ENOENT;
	if (name[0] && !tuple_sockopt_pool_exists(ts, name))
		goto out;
	choice = tuple_sockopt_chosen(ts);
	strscpy(choice.pool, name, sizeof(choice.pool));
	err = tuple_sockopt_choose(sock, ts, &choice);
out:
	mutex_unlock(&ts->mutex);
	return err;
}

static int tuple_sockopt_set_id(struct socket *sock, struct tuple_sock *ts,
				sockptr_t optval, unsigned int optlen)
{
	struct tuple_choice choice;
	u64 id;
	int err;

	if (optlen != sizeof(id))
		return -EINVAL;
	if (copy_from_sockptr(&id, optval, sizeof(id)))
		return -EFAULT;
	if (mutex_lock_interruptible(&ts->mutex))
		return -ERESTARTSYS;
	err = -EISCONN;
	if (tuple_ops_is_unbound(ts)) {
		choice = tuple_sockopt_chosen(ts);
		err = 0;
		if (id != choice.scope_id) {
			choice.scope_id = id;
			err = tuple_sockopt_choose(sock, ts, &choice);
		}
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
	struct tuple_choice choice;
	int err;

	err = tuple_lease_get_info(ts, &info);
	if (optname == INET_TUPLE_LEASE)
		return err ?: tuple_sockopt_put(&info, sizeof(info), optval,
						optlen);
	if (mutex_lock_interruptible(&ts->mutex))
		return -ERESTARTSYS;
	choice = tuple_sockopt_chosen(ts);
	mutex_unlock(&ts->mutex);
	switch (optname) {
	case INET_TUPLE_POOL:
		if (!err)
			strscpy(choice.pool, info.pool, sizeof(choice.pool));
		return tuple_sockopt_put(choice.pool, strlen(choice.pool) + 1,
					 optval, optlen);
	case INET_TUPLE_SCOPE_ID:
		return tuple_sockopt_put(&choice.scope_id,
					 sizeof(choice.scope_id), optval,
					 optlen);
	}
	return -ENOPROTOOPT;
}
