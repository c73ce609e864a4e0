// SPDX-License-Identifier: GPL-2.0-only
/* The module: pools of source dhcp, their addresses, and what they want. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "tupled.h"

static uint64_t number(const struct inet_tuple_obj *obj, int attr)
{
	uint64_t num = 0;

	inet_tuple_obj_num(obj, attr, &num);
	return num;
}

static void events_ready(struct source *src);

/**
 * kernel_open - become the agent
 * @t: the daemon
 *
 * Return: 0; -EAFNOSUPPORT: the module is not there; -EPERM; another -errno.
 */
int kernel_open(struct tupled *t)
{
	int err, fd;

	err = inet_tuple_handle_open(&t->h, NULL);
	if (err)
		return err;
	fd = inet_tuple_agent_fd(t->h);
	if (fd < 0)
		return fd;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	t->events = (struct source){ fd, events_ready };
	return watch(t, &t->events);
}

/* What grows while it is listed */
struct list {
	void *items;
	size_t n;
	size_t size;
};

static void *list_more(struct list *list, size_t each)
{
	void *more;
	size_t size;

	if (list->n == list->size) {
		size = list->size ? 2 * list->size : 64;
		more = reallocarray(list->items, size, each);
		if (!more)
			return NULL;
		list->items = more;
		list->size = size;
	}
	more = (char *)list->items + each * list->n++;
	return memset(more, 0, each);
}

static int add_pool(const struct inet_tuple_obj *obj, void *arg)
{
	const char *name = inet_tuple_obj_str(obj, INET_TUPLE_A_POOL_NAME);
	struct kernel_pool *pool;

	if (number(obj, INET_TUPLE_A_POOL_SOURCE) != INET_TUPLE_SOURCE_DHCP ||
	    !name || strlen(name) >= sizeof(pool->name))
		return 0;
	pool = list_more(arg, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	strcpy(pool->name, name);
	pool->ifindex = number(obj, INET_TUPLE_A_POOL_IFINDEX);
	pool->low = number(obj, INET_TUPLE_A_POOL_LOW);
	pool->high = number(obj, INET_TUPLE_A_POOL_HIGH);
	pool->free = number(obj, INET_TUPLE_A_POOL_FREE);
	return 0;
}

/* All pools of source dhcp, to be freed */
int kernel_pools(struct tupled *t, struct kernel_pool **pools, size_t *n)
{
	struct list list = { .n = 0 };
	int err;

	err = inet_tuple_pool_list(t->h, add_pool, &list);
	if (err)
		free(list.items);
	else
		*pools = list.items;
	*n = list.n;
	return err;
}

static int add_addr(const struct inet_tuple_obj *obj, void *arg)
{
	struct inet_tuple_addr in;
	struct kernel_addr *addr;

	if (inet_tuple_obj_addr(obj, INET_TUPLE_A_ADDR_ADDR, &in) ||
	    in.family != AF_INET)
		return 0;
	addr = list_more(arg, sizeof(*addr));
	if (!addr)
		return -ENOMEM;
	memcpy(&addr->addr, in.bytes, sizeof(addr->addr));
	addr->stock = number(obj, INET_TUPLE_A_ADDR_STATE) ==
		      INET_TUPLE_LEASE_STOCK;
	addr->idle_ms = number(obj, INET_TUPLE_A_ADDR_IDLE_MS);
	return 0;
}

/* All addresses of a pool, to be freed */
int kernel_addrs(struct tupled *t, const char *pool,
		 struct kernel_addr **addrs, size_t *n)
{
	struct list list = { .n = 0 };
	int err;

	err = inet_tuple_addr_list(t->h, pool, add_addr, &list);
	if (err)
		free(list.items);
	else
		*addrs = list.items;
	*n = list.n;
	return err;
}

static struct inet_tuple_obj *addr_obj(const char *pool, in_addr_t addr)
{
	struct inet_tuple_addr in = { .family = AF_INET };
	struct inet_tuple_obj *obj = inet_tuple_obj_alloc(INET_TUPLE_ADDR_OBJ);

	memcpy(in.bytes, &addr, sizeof(addr));
	if (!obj ||
	    inet_tuple_obj_set_str(obj, INET_TUPLE_A_ADDR_POOL, pool) ||
	    inet_tuple_obj_set_addr(obj, INET_TUPLE_A_ADDR_ADDR, &in)) {
		inet_tuple_obj_free(obj);
		return NULL;
	}
	return obj;
}

/**
 * kernel_set - give a pool an address, or more time for one that it has
 * @t: the daemon
 * @pool: the pool
 * @addr: the address
 * @valid: for how many seconds; DHCP_FOREVER
 *
 * Return: 0; -ENOENT: no such pool; -EADDRINUSE: somebody else here has the
 * address; another -errno.
 */
int kernel_set(struct tupled *t, const char *pool, in_addr_t addr,
	       uint32_t valid)
{
	struct inet_tuple_obj *obj = addr_obj(pool, addr);
	int err;

	if (!obj)
		return -ENOMEM;
	err = inet_tuple_obj_set_num(obj, INET_TUPLE_A_ADDR_VALID, valid);
	if (!err)
		err = inet_tuple_addr_set(t->h, obj);
	inet_tuple_obj_free(obj);
	return err;
}

/**
 * kernel_del - take an address from a pool
 * @t: the daemon
 * @pool: the pool
 * @addr: the address
 * @idle: not from sockets
 *
 * Return: 0; -EBUSY: sockets have it, and @idle; -ENOENT: it is gone already.
 */
int kernel_del(struct tupled *t, const char *pool, in_addr_t addr, bool idle)
{
	struct inet_tuple_obj *obj = addr_obj(pool, addr);
	int err = 0;

	if (!obj)
		return -ENOMEM;
	if (idle)
		err = inet_tuple_obj_set_num(obj, INET_TUPLE_A_ADDR_IDLE, 1);
	if (!err)
		err = inet_tuple_addr_del(t->h, obj);
	inet_tuple_obj_free(obj);
	return err;
}

static int on_event(int event, const struct inet_tuple_obj *obj, void *arg)
{
	const char *name = inet_tuple_obj_str(obj, INET_TUPLE_A_WANT_POOL);

	if (event == INET_TUPLE_CMD_WANT_NTF && name)
		pools_want(arg, name, number(obj, INET_TUPLE_A_WANT_WANT));
	return 0;
}

/* What was lost is found in a look at everything. */
static void events_ready(struct source *src)
{
	struct tupled *t = (struct tupled *)((char *)src -
					     offsetof(struct tupled, events));
	int err;

	do {
		err = inet_tuple_events_read(t->h, on_event, t);
	} while (!err);
	if (err != -EAGAIN && err != -EINTR)
		pools_sync(t);
}
