// SPDX-License-Identifier: GPL-2.0-only
/* What the module has to offer, asked once, before the command runs. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include <libinettuple.h>
#include "tuplerun.h"

/* Which families a pool serves: served[0] IPv4, served[1] IPv6. One of source
 * dhcp has no prefixes; its server gives IPv4 addresses.
 */
static int look(const struct inet_tuple_obj *pool, void *arg)
{
	uint64_t source = INET_TUPLE_SOURCE_STATIC;
	struct inet_tuple_prefix prefix;
	bool *served = arg;
	unsigned int i;

	inet_tuple_obj_num(pool, INET_TUPLE_A_POOL_SOURCE, &source);
	if (source == INET_TUPLE_SOURCE_DHCP)
		served[0] = true;
	for (i = 0; !inet_tuple_obj_prefix(pool, INET_TUPLE_A_POOL_PREFIX, i,
					   &prefix); i++)
		served[prefix.addr.family == AF_INET6] = true;
	return 0;
}

static int look_at_pools(const char *name, bool *served)
{
	struct inet_tuple_handle *h;
	struct inet_tuple_obj *pool;
	int err;

	err = inet_tuple_handle_open(&h, NULL);
	if (err)
		return err;
	if (*name) {
		err = inet_tuple_pool_get(h, name, &pool);
		if (!err) {
			look(pool, served);
			inet_tuple_obj_free(pool);
		}
	} else {
		err = inet_tuple_pool_list(h, look, served);
	}
	inet_tuple_handle_close(h);
	return err;
}

static const char *text(const char *name, int err)
{
	if (err == -EAFNOSUPPORT)
		return "the kernel module inet_tuple is not loaded";
	if (err == -ENOENT && *name)
		return "there is no pool of that name";
	return err ? strerror(-err) : "there is no pool";
}

/* Nothing to be had */
static int nothing(struct tuplerun *t, int err)
{
	const char *name = t->conf.pool;
	const char *end = t->fallback ? ": sockets are ordinary ones" : "";

	t->conf.family[0] = FAMILY_PLAIN;
	t->conf.family[1] = FAMILY_PLAIN;
	if (*name)
		complain("pool '%s': %s%s", name, text(name, err), end);
	else
		complain("%s%s", text(name, err), end);
	return t->fallback ? 0 : FAILED;
}

/* The kernel may come without MPTCP, and net.mptcp.enabled be off. */
static int ask_for_mptcp(struct tuplerun *t)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	complain("MPTCP: %s%s", strerror(errno),
		 t->fallback ? ": TCP takes its place" : "");
	t->conf.mptcp = false;
	return t->fallback ? 0 : FAILED;
}

/* A family that no pool serves is as on a host without it, which programs
 * know how to live with, and which does not show them to the world under the
 * host's own address.
 */
int tuplerun_ask(struct tuplerun *t)
{
	bool served[2] = { false, false };
	int six, err;

	if (t->conf.mptcp && ask_for_mptcp(t))
		return FAILED;
	err = inet_tuple_family(AF_INET);
	if (err > 0)
		err = look_at_pools(t->conf.pool, served);
	if (err || (!served[0] && !served[1]))
		return nothing(t, err);

	for (six = 0; six < 2; six++) {
		if (served[six])
			t->conf.family[six] =
				inet_tuple_family(six ? AF_INET6 : AF_INET);
		else if (t->fallback)
			complain("no pool serves IPv%d: its sockets are ordinary ones",
				 six ? 6 : 4);
		else
			t->conf.family[six] = FAMILY_NONE;
	}
	return 0;
}
