// SPDX-License-Identifier: LGPL-2.1-or-later
/* The addresses of pools that get them from a server. */
#include <errno.h>
#include "internal.h"

/**
 * inet_tuple_addr_set - give a pool an address, or renew it
 * @h: the connection
 * @addr: INET_TUPLE_A_ADDR_POOL, _ADDR, _VALID and, not to renew one, _NEW
 *
 * Return: 0; -ENOENT: no such pool; -EEXIST: the pool has the address, and _NEW
 * is set; -EADDRINUSE: another pool or the host has it; -EPERM; -EINVAL and
 * others: see inet_tuple_error_text().
 */
ITL_EXPORT int inet_tuple_addr_set(struct inet_tuple_handle *h,
				   const struct inet_tuple_obj *addr)
{
	if (addr->kind != INET_TUPLE_ADDR_OBJ)
		return -EINVAL;
	return itl_command(h, INET_TUPLE_CMD_ADDR_SET, addr);
}

/**
 * inet_tuple_addr_del - take an address back from a pool
 * @h: the connection
 * @addr: INET_TUPLE_A_ADDR_POOL, _ADDR and, to take it from no socket, _IDLE
 *
 * Return: 0; -ENOENT: no such pool, or it has not got the address; -EBUSY: it
 * is not in stock, and _IDLE is set; -EPERM.
 */
ITL_EXPORT int inet_tuple_addr_del(struct inet_tuple_handle *h,
				   const struct inet_tuple_obj *addr)
{
	if (addr->kind != INET_TUPLE_ADDR_OBJ)
		return -EINVAL;
	return itl_command(h, INET_TUPLE_CMD_ADDR_DEL, addr);
}

/**
 * inet_tuple_addr_list - look at the addresses of pools
 * @h: the connection; @cb must not use it (-EBUSY)
 * @pool: only those of this pool; NULL: of all
 * @cb: called for each address as it comes in
 * @arg: for @cb
 *
 * As with inet_tuple_lease_list(), an address that was there all through the
 * call is seen exactly once.
 *
 * Return: 0, or what @cb returned; -ENOENT: no such pool.
 */
ITL_EXPORT int inet_tuple_addr_list(struct inet_tuple_handle *h,
				    const char *pool, inet_tuple_cb cb,
				    void *arg)
{
	struct inet_tuple_obj *key;
	int err = 0;

	key = inet_tuple_obj_alloc(INET_TUPLE_ADDR_OBJ);
	if (!key)
		return -ENOMEM;
	if (pool)
		err = inet_tuple_obj_set_str(key, INET_TUPLE_A_ADDR_POOL, pool);
	if (!err)
		err = itl_stream(h, INET_TUPLE_CMD_ADDR_GET, key, cb, arg);
	inet_tuple_obj_free(key);
	return err;
}
