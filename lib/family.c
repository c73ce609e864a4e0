// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which numbers the tuple families have on this host. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <linux/genetlink.h>
#include "internal.h"

#define ITL_PARAMETERS "/sys/module/inet_tuple/parameters/"

/* 0: not asked yet. Who asks at the same time is told the same. */
static atomic_int families[2];

static int parse_families(const struct nlmsghdr *nlh, void *arg)
{
	int *found = arg;
	const struct nlattr *nla;
	int type;

	mnl_attr_for_each(nla, nlh, GENL_HDRLEN) {
		type = mnl_attr_get_type(nla);
		if (type != INET_TUPLE_A_FAMILY_INET &&
		    type != INET_TUPLE_A_FAMILY_INET6)
			continue;
		if (mnl_attr_validate(nla, MNL_TYPE_U16) < 0)
			return -EBADMSG;
		found[type == INET_TUPLE_A_FAMILY_INET6] =
			mnl_attr_get_u16(nla);
	}
	return 0;
}

static int ask_module(int *found)
{
	struct itl_replies replies = { .cb = parse_families, .arg = found };
	struct inet_tuple_handle *h;
	struct itl_msg m;
	int err;

	err = inet_tuple_handle_open(&h, NULL);
	if (err)
		return err;
	err = itl_msg_alloc(&m, 0, h->family, NLM_F_ACK,
			    INET_TUPLE_CMD_FAMILY_GET);
	if (!err) {
		err = itl_request(h, m.nlh, &replies);
		itl_msg_free(&m);
	}
	inet_tuple_handle_close(h);
	return err;
}

/* For programs that may not open netlink sockets */
static int read_parameter(const char *path)
{
	int family = 0;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &family) != 1)
		family = 0;
	fclose(f);
	return family;
}

/**
 * inet_tuple_family - the number of a tuple family on this host
 * @domain: AF_INET or AF_INET6
 *
 * The first call asks the module, and loads it where that works by itself; a
 * number that was found is kept for the life of the process.
 *
 * Return: what to give socket() as its domain; -EAFNOSUPPORT: the module is
 * not loaded, or @domain is another.
 */
ITL_EXPORT int inet_tuple_family(int domain)
{
	int found[2] = { 0, 0 };
	int six = domain == AF_INET6;
	int family;

	if (domain != AF_INET && domain != AF_INET6)
		return -EAFNOSUPPORT;
	family = atomic_load(&families[six]);
	if (family)
		return family;

	if (ask_module(found)) {
		found[0] = read_parameter(ITL_PARAMETERS "family_inet");
		found[1] = read_parameter(ITL_PARAMETERS "family_inet6");
	}
	if (found[six] <= 0)
		return -EAFNOSUPPORT;
	atomic_store(&families[six], found[six]);
	return found[six];
}
