// SPDX-License-Identifier: GPL-2.0-only
/* What tuplerun learns of the pools, from the kernel that tuplectl_kernel.c plays. */
#include <stdlib.h>
#include <string.h>
#include <libinettuple.h>
#include "lib_tap.h"
#include "tuplerun.h"

/* Which families sockets are made of, for one pool or (@name "") any */
static bool asked(const char *name, bool fallback, int status, int four, int six)
{
	struct tuplerun t = { .fallback = fallback };

	strcpy(t.conf.pool, name);
	return tuplerun_ask(&t) == status && t.conf.family[0] == four &&
	       t.conf.family[1] == six;
}

static bool nothing(const char *name)
{
	return asked(name, false, FAILED, FAMILY_PLAIN, FAMILY_PLAIN) &&
	       asked(name, true, 0, FAMILY_PLAIN, FAMILY_PLAIN);
}

/* @family: of the prefix; 0: the addresses are a server's */
static void add_pool(struct inet_tuple_handle *h, const char *name, int family)
{
	struct inet_tuple_obj *pool = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	struct inet_tuple_prefix prefix = { .addr = { family, { 10 } }, .len = 8 };

	inet_tuple_obj_set_str(pool, INET_TUPLE_A_POOL_NAME, name);
	if (family)
		inet_tuple_obj_add_prefix(pool, INET_TUPLE_A_POOL_PREFIX,
					  &prefix);
	else
		inet_tuple_obj_set_num(pool, INET_TUPLE_A_POOL_SOURCE,
				       INET_TUPLE_SOURCE_DHCP);
	ok(!inet_tuple_pool_add(h, pool), "a pool: %s", name);
	inet_tuple_obj_free(pool);
}

int main(void)
{
	struct inet_tuple_handle *h;

	setenv("TUPLECTL_NO_MODULE", "1", 1);
	ok(nothing(""), "no module");
	ok(nothing("phones"), "no module, a pool by name");
	unsetenv("TUPLECTL_NO_MODULE");
	ok(nothing(""), "no pool");
	ok(nothing("phones"), "no pool of that name");
	if (inet_tuple_handle_open(&h, NULL))
		return 1;

	add_pool(h, "phones", 0);
	ok(asked("phones", false, 0, AF_INET_TUPLE, FAMILY_NONE),
	   "a pool of source dhcp serves IPv4");
	ok(asked("phones", true, 0, AF_INET_TUPLE, FAMILY_PLAIN),
	   "and leaves IPv6 as it is, where that may be");
	ok(asked("", false, 0, AF_INET_TUPLE, FAMILY_NONE),
	   "also where it is the only one");
	add_pool(h, "six", AF_INET6);
	ok(asked("six", false, 0, FAMILY_NONE, AF_INET6_TUPLE),
	   "a pool of IPv6 serves that");
	ok(asked("", false, 0, AF_INET_TUPLE, AF_INET6_TUPLE),
	   "the two serve both");
	add_pool(h, "four", AF_INET);
	ok(asked("four", false, 0, AF_INET_TUPLE, FAMILY_NONE),
	   "a pool of IPv4 serves that");
	ok(nothing("other"), "no pool of a name among many");
	inet_tuple_handle_close(h);
	return tap_done();
}
