// SPDX-License-Identifier: GPL-2.0-only
/* What a pool costs before anything is leased from it. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <libinettuple.h>
#include "bench.h"

#define POOLS 50

static struct inet_tuple_handle *handle;

/* The n-th pool, of a prefix of its own */
static struct inet_tuple_obj *pool_make(int f, unsigned int len, unsigned int n)
{
	struct inet_tuple_prefix prefix = {
		.addr.family = families[f].inet,
		.len = len,
	};
	struct inet_tuple_obj *pool;
	uint8_t *bytes = prefix.addr.bytes;
	char name[16];

	if (f == V4) {
		bytes[0] = 11 + n;
	} else {
		bytes[0] = 0x2a;
		bytes[1] = n;
	}
	snprintf(name, sizeof(name), "bench%u", n);
	pool = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	if (!pool ||
	    inet_tuple_obj_set_str(pool, INET_TUPLE_A_POOL_NAME, name) ||
	    inet_tuple_obj_set_num(pool, INET_TUPLE_A_POOL_IFINDEX,
				   if_nametoindex(DEVICE)) ||
	    inet_tuple_obj_set_num(pool, INET_TUPLE_A_POOL_PLUMB,
				   INET_TUPLE_PLUMB_PREFIX) ||
	    inet_tuple_obj_add_prefix(pool, INET_TUPLE_A_POOL_PREFIX, &prefix))
		die("pool");
	return pool;
}

struct pool_cost {
	double instructions;
	double bytes;
};

static void pools_cost(int f, unsigned int len, struct pool_cost *cost)
{
	struct inet_tuple_obj *pools[POOLS];
	struct memory before, after;
	unsigned int i;
	uint64_t start;
	char name[16];

	for (i = 0; i < POOLS; i++)
		pools[i] = pool_make(f, len, i);
	memory_read(&before);
	start = now();
	for (i = 0; i < POOLS; i++) {
		errno = -inet_tuple_pool_add(handle, pools[i]);
		must(-errno, "pool add");
	}
	cost->instructions = (double)(now() - start) / POOLS;
	memory_read(&after);
	cost->bytes = (double)(after.all - before.all) / POOLS;
	for (i = 0; i < POOLS; i++) {
		snprintf(name, sizeof(name), "bench%u", i);
		errno = -inet_tuple_pool_del(handle, name, true);
		must(-errno, "pool del");
		inet_tuple_obj_free(pools[i]);
	}
}

static void pools_row(int f, unsigned int large, unsigned int small)
{
	struct pool_cost ours, theirs, warm;
	char name[64], against[32];

	pools_cost(f, small, &warm);
	pools_cost(f, small, &theirs);
	pools_cost(f, large, &ours);
	snprintf(against, sizeof(against), "one of /%u", small);
	snprintf(name, sizeof(name), "pool of an %s /%u added", families[f].name,
		 large);
	say(name, against, ours.instructions, theirs.instructions, 1.2,
	    "instructions");
	say(name, against, ours.bytes, theirs.bytes, 1.2, "bytes");
}

void bench_pools(void)
{
	errno = -inet_tuple_handle_open(&handle, NULL);
	must(-errno, "libinettuple");
	pools_row(V4, 8, 24);
	pools_row(V6, 32, 120);
	inet_tuple_handle_close(handle);
}
