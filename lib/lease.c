// SPDX-License-Identifier: LGPL-2.1-or-later
/* Leases. */
#include <errno.h>
#include "internal.h"

/* What to look for; either may be NULL */
static int filter(const char *pool, const struct inet_tuple_addr *addr,
		  struct inet_tuple_obj **key)
{
	struct inet_tuple_obj *obj;
	int err = 0;

	obj = inet_tuple_obj_alloc(INET_TUPLE_LEASE_OBJ);
	if (!obj)
		return -ENOMEM;
	if (pool)
		err = inet_tuple_obj_set_str(obj, INET_TUPLE_A_LEASE_POOL,
					     pool);
	if (!err && addr)
		err = inet_tuple_obj_set_addr(obj, INET_TUPLE_A_LEASE_ADDR,
					      addr);
	if (err)
		inet_tuple_obj_free(obj);
	else
		*key = obj;
	return err;
}

/**
 * inet_tuple_lease_get - look at one lease
 * @h: the connection
 * @addr: its address
 * @lease: where to put it, for inet_tuple_obj_free()
 *
 * Return: 0; -ENOENT: the address is not leased.
 */
ITL_EXPORT int inet_tuple_lease_get(struct inet_tuple_handle *h,
				    const struct inet_tuple_addr *addr,
				    struct inet_tuple_obj **lease)
{
	struct inet_tuple_obj *key;
	int err;

	err = filter(NULL, addr, &key);
	if (err)
		return err;
	err = itl_get(h, INET_TUPLE_CMD_LEASE_GET, key, lease);
	inet_tuple_obj_free(key);
	return err;
}

/**
 * inet_tuple_lease_list - look at leases
 * @h: the connection; @cb must not use it (-EBUSY)
 * @pool: only those of this pool; NULL: of all
 * @addr: only that of this address; NULL: all
 * @cb: called for each lease as it comes in
 * @arg: for @cb
 *
 * There may be hundreds of thousands, so they are not kept, nor is the list
 * taken anew when leases come and go: one that lived all through the call is
 * seen exactly once, one that came or went meanwhile may be seen or not.
 *
 * Return: 0, or what @cb returned; -ENOENT: no such pool.
 */
ITL_EXPORT int inet_tuple_lease_list(struct inet_tuple_handle *h,
				     const char *pool,
				     const struct inet_tuple_addr *addr,
				     inet_tuple_cb cb, void *arg)
{
	struct inet_tuple_obj *key;
	int err;

	err = filter(pool, addr, &key);
	if (err)
		return err;
	err = itl_stream(h, INET_TUPLE_CMD_LEASE_GET, key, cb, arg);
	inet_tuple_obj_free(key);
	return err;
}

/**
 * inet_tuple_lease_kill - abort the sockets that hold a lease, and end it
 * @h: the connection
 * @addr: its address
 *
 * Return: 0; -ENOENT: the address is not leased; -EPERM.
 */
ITL_EXPORT int inet_tuple_lease_kill(struct inet_tuple_handle *h,
				     const struct inet_tuple_addr *addr)
{
	struct inet_tuple_obj *key;
	int err;

	err = filter(NULL, addr, &key);
	if (err)
		return err;
	err = itl_command(h, INET_TUPLE_CMD_LEASE_KILL, key);
	inet_tuple_obj_free(key);
	return err;
}
