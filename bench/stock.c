// SPDX-License-Identifier: GPL-2.0-only
/* What a lease costs whose address came from a server, once it is in stock,
 * against one of a pool's own prefixes.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <libinettuple.h>
#include "bench.h"

#define ADDRESSES 256

static void give(struct inet_tuple_handle *h, unsigned int n)
{
	struct inet_tuple_addr addr = { AF_INET, { 10, 201, n >> 8, n } };
	struct inet_tuple_obj *obj;
	int err;

	obj = inet_tuple_obj_alloc(INET_TUPLE_ADDR_OBJ);
	if (!obj ||
	    inet_tuple_obj_set_str(obj, INET_TUPLE_A_ADDR_POOL, "d4") ||
	    inet_tuple_obj_set_addr(obj, INET_TUPLE_A_ADDR_ADDR, &addr) ||
	    inet_tuple_obj_set_num(obj, INET_TUPLE_A_ADDR_VALID, 86400))
		die("address");
	err = inet_tuple_addr_set(h, obj);
	errno = -err;
	must(err, "address");
	inet_tuple_obj_free(obj);
}

static void udp(int f)
{
	close(tuple_socket(f, SOCK_DGRAM));
}

void bench_stock(void)
{
	struct inet_tuple_handle *h;
	double ours, theirs;
	unsigned int n;
	int err;

	err = inet_tuple_handle_open(&h, NULL);
	errno = -err;
	must(err, "handle");
	command("tuplectl pool add d4 dev " DEVICE " source dhcp default off");
	for (n = 1; n <= ADDRESSES; n++)
		give(h, n);
	pool_default("d4");
	ours = measure(udp, V4);
	pool_default("a4");
	theirs = measure(udp, V4);
	say("UDP socket, close; source dhcp, IPv4", "source static", ours,
	    theirs, 1, "instructions");
	pool_default("p4");
	command("tuplectl pool del d4");
	inet_tuple_handle_close(h);
}
