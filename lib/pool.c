// SPDX-License-Identifier: LGPL-2.1-or-later
/* Pools. */
#include <errno.h>
#include "internal.h"

/**
 * inet_tuple_pool_add - make a pool
 * @h: the connection
 * @pool: INET_TUPLE_A_POOL_NAME, _DEV or _IFINDEX, _PREFIX, and settings
 *
 * Return: 0; -EEXIST: there is one of that name; -ENODEV: no such device;
 * -EPERM; -EINVAL and others: see inet_tuple_error_text().
 */
ITL_EXPORT int inet_tuple_pool_add(struct inet_tuple_handle *h,
				   const struct inet_tuple_obj *pool)
{
	if (pool->kind != INET_TUPLE_POOL_OBJ)
		return -EINVAL;
	return itl_command(h, INET_TUPLE_CMD_POOL_NEW, pool);
}

/**
 * inet_tuple_pool_set - change a pool
 * @h: the connection
 * @pool: INET_TUPLE_A_POOL_NAME, and what is to change; prefixes and excludes
 *	are added, those in _PREFIX_DEL and _EXCLUDE_DEL taken away; the ranges
 *	in _USERS replace the ones before
 *
 * Return: 0; -ENOENT: no such pool; -EPERM; others: see
 * inet_tuple_error_text(). On error nothing has changed.
 */
ITL_EXPORT int inet_tuple_pool_set(struct inet_tuple_handle *h,
				   const struct inet_tuple_obj *pool)
{
	if (pool->kind != INET_TUPLE_POOL_OBJ)
		return -EINVAL;
	return itl_command(h, INET_TUPLE_CMD_POOL_SET, pool);
}

static int named(const char *name, struct inet_tuple_obj **key)
{
	struct inet_tuple_obj *obj;
	int err;

	obj = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	if (!obj)
		return -ENOMEM;
	err = inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_NAME, name);
	if (err)
		inet_tuple_obj_free(obj);
	else
		*key = obj;
	return err;
}

/**
 * inet_tuple_pool_del - end a pool
 * @h: the connection
 * @name: of the pool
 * @force: abort the sockets that hold its leases
 *
 * Return: 0; -ENOENT: no such pool; -EBUSY: it has leases, and no @force;
 * -EPERM.
 */
ITL_EXPORT int inet_tuple_pool_del(struct inet_tuple_handle *h,
				   const char *name, bool force)
{
	struct inet_tuple_obj *key;
	int err;

	err = named(name, &key);
	if (err)
		return err;
	err = inet_tuple_obj_set_num(key, INET_TUPLE_A_POOL_FORCE, force);
	if (!err)
		err = itl_command(h, INET_TUPLE_CMD_POOL_DEL, key);
	inet_tuple_obj_free(key);
	return err;
}

/**
 * inet_tuple_pool_get - look at one pool
 * @h: the connection
 * @name: of the pool
 * @pool: where to put it, for inet_tuple_obj_free()
 *
 * Return: 0; -ENOENT: no such pool.
 */
ITL_EXPORT int inet_tuple_pool_get(struct inet_tuple_handle *h,
				   const char *name,
				   struct inet_tuple_obj **pool)
{
	struct inet_tuple_obj *key;
	int err;

	err = named(name, &key);
	if (err)
		return err;
	err = itl_get(h, INET_TUPLE_CMD_POOL_GET, key, pool);
	inet_tuple_obj_free(key);
	return err;
}

/**
 * inet_tuple_pool_list - look at all pools
 * @h: the connection; @cb may use it
 * @cb: called for each pool, all of them as they were at one moment
 * @arg: for @cb
 *
 * Return: 0, or what @cb returned; -EAGAIN: pools come and go too fast.
 */
ITL_EXPORT int inet_tuple_pool_list(struct inet_tuple_handle *h,
				    inet_tuple_cb cb, void *arg)
{
	return itl_list(h, INET_TUPLE_CMD_POOL_GET, INET_TUPLE_POOL_OBJ, cb,
			arg);
}
