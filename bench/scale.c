// SPDX-License-Identifier: GPL-2.0-only
/* A million of them. What is opened here is never closed: the machine goes. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <libinettuple.h>
#include "bench.h"

#define MILLION 1000000
#define CONNECTIONS 200000
#define SHOWN 10000		/* leases that tuplectl shows */
#define PLAIN 100000		/* inet sockets to compare memory with */

static const char *const pools[] = { "m4", "m6" };

/* Dumping leases, as the kernel sees it: nobody looks at what comes. */

static char dump_buffer[1 << 17];

static int family_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
		*(uint16_t *)data = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static int family_message(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), family_attr, data);
}

static struct nlmsghdr *request(uint16_t type, uint16_t flags, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(dump_buffer);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

static uint16_t family_id(struct mnl_socket *nl)
{
	struct nlmsghdr *nlh = request(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	uint16_t id = 0;
	int len;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, INET_TUPLE_GENL_NAME);
	must(mnl_socket_sendto(nl, nlh, nlh->nlmsg_len), "genetlink");
	len = must(mnl_socket_recvfrom(nl, dump_buffer, sizeof(dump_buffer)),
		   "genetlink");
	if (mnl_cb_run(dump_buffer, len, 0, 0, family_message, &id) < 0 || !id)
		die("no family");
	return id;
}

/* Return: instructions in all; the longest recv() is in @longest */
static double dump_all(uint64_t *longest, unsigned int *n)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_GENERIC);
	struct nlmsghdr *nlh;
	uint64_t start, before, spent, total = 0;
	bool done = false;
	int len;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("genetlink");
	nlh = request(family_id(nl), NLM_F_DUMP, INET_TUPLE_CMD_LEASE_GET);
	*longest = 0;
	*n = 0;
	start = now();
	must(mnl_socket_sendto(nl, nlh, nlh->nlmsg_len), "dump");
	total = now() - start;
	while (!done) {
		before = now();
		len = must(mnl_socket_recvfrom(nl, dump_buffer,
					       sizeof(dump_buffer)), "dump");
		spent = now() - before;
		total += spent;
		if (spent > *longest)
			*longest = spent;
		for (nlh = (void *)dump_buffer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_type == NLMSG_DONE)
				done = true;
			else if (nlh->nlmsg_type == NLMSG_ERROR)
				die("dump refused");
			else
				++*n;
		}
	}
	mnl_socket_close(nl);
	return total;
}

static void dump_rows(void)
{
	uint64_t longest;
	unsigned int n;
	double total;
	char name[64];

	total = dump_all(&longest, &n);
	snprintf(name, sizeof(name), "dump of %u leases", n);
	say(name, "", total / n, 0, 2000, "instructions each");
	say("the longest that one part of it takes", "", longest, 0, 0,
	    "instructions");
}

static void dump_command(const char *option, const char *what, unsigned int n)
{
	uint64_t start = now();
	char name[64];

	command("tuplectl %s lease show >/dev/null", option);
	snprintf(name, sizeof(name), "tuplectl lease show of %u leases, %s", n,
		 what);
	say(name, "", (double)(now() - start) / n, 0, 0, "instructions each");
}

/* Sockets by the hundred thousand */

static void more(int domain, unsigned int n)
{
	while (n--)
		must(socket(domain, SOCK_DGRAM, 0), "socket");
}

static void assign_release(int f)
{
	close(tuple_socket(f, SOCK_DGRAM));
}

static struct inet_tuple_handle *handle;

/* A setting that has nothing to do with the addresses of the pool */
static void set_pool(int f)
{
	static unsigned int n;
	struct inet_tuple_obj *obj = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);

	if (!obj ||
	    inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_NAME, pools[f]) ||
	    inet_tuple_obj_set_num(obj, INET_TUPLE_A_POOL_WAIT, ++n % 2))
		die("pool");
	errno = -inet_tuple_pool_set(handle, obj);
	must(-errno, "pool set");
	inet_tuple_obj_free(obj);
}

static void million(int f)
{
	struct memory before, middle, after;
	double few, many, plain, set;
	uint64_t start;
	char name[64];

	pool_default(pools[f]);
	memory_read(&before);
	more(families[f].inet, PLAIN);
	memory_read(&middle);
	plain = (double)(middle.slabs - before.slabs) / PLAIN;
	more(families[f].tuple, 10);
	few = measure(assign_release, f);
	set = measure(set_pool, f);
	memory_read(&before);
	start = now();
	more(families[f].tuple, MILLION - 10);
	snprintf(name, sizeof(name), "%u UDP sockets opened, %s", MILLION,
		 families[f].name);
	say(name, "", (double)(now() - start) / MILLION, 0, 0,
	    "instructions each");
	memory_read(&after);
	many = measure(assign_release, f);
	say(name, "inet", (double)(after.slabs - before.slabs) / MILLION,
	    plain, 0, "bytes of slab each");
	say(name, "all, slabs", (double)(after.all - before.all) / MILLION,
	    (double)(after.slabs - before.slabs) / MILLION, 0, "bytes each");
	snprintf(name, sizeof(name), "memory of a lease, %s", families[f].name);
	say(name, "", (double)(after.ours - before.ours) / MILLION, 0, 256,
	    "bytes of slab");
	snprintf(name, sizeof(name), "assign, release: %u leases held, %s",
		 MILLION, families[f].name);
	say(name, "10 held", many, few, 1.2, "instructions");
	snprintf(name, sizeof(name), "pool set: %u leases held, %s", MILLION,
		 families[f].name);
	say(name, "10 held", measure(set_pool, f), set, 1.2, "instructions");
}

static void connect_many(int f)
{
	struct memory before, after;
	int sd = listener(f), i;
	uint64_t start;
	char name[64];

	memory_read(&before);
	start = now();
	for (i = 0; i < CONNECTIONS; i++) {
		must(connect(tuple_socket(f, SOCK_STREAM),
			     (struct sockaddr *)&families[f].server,
			     families[f].len), "connect");
		must(accept(sd, NULL, NULL), "accept");
	}
	snprintf(name, sizeof(name), "%u TCP connections to one port, %s",
		 CONNECTIONS, families[f].name);
	say(name, "", (double)(now() - start) / CONNECTIONS, 0, 0,
	    "instructions each");
	memory_read(&after);
	say(name, "", (double)(after.all - before.all) / CONNECTIONS, 0, 0,
	    "bytes each, both ends");
}

void bench_scale(void)
{
	struct rlimit files = { 2900000, 2900000 };
	int f;

	must(setrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
	errno = -inet_tuple_handle_open(&handle, NULL);
	must(-errno, "libinettuple");
	command("tuplectl pool add m4 dev " DEVICE " prefix 10.16.0.0/12 plumb prefix");
	command("tuplectl pool add m6 dev " DEVICE " prefix 2001:db8:6::/64 plumb prefix");
	pool_default("p4");
	more(families[V4].tuple, SHOWN);
	dump_command("", "text", SHOWN);
	dump_command("--json", "JSON", SHOWN);
	connect_many(V4);
	million(V4);
	dump_rows();
	for (f = V6; f < N_FAMILIES; f++)
		million(f);
}
