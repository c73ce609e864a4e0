// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that are made, used and closed, one after another: rows of ours
 * against what a program would do that wants an address for each.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static int listeners[N_FAMILIES];

static void option(int sd, int level, int name)
{
	int on = 1;

	must(setsockopt(sd, level, name, &on, sizeof(on)), "setsockopt");
}

static void freebind(int sd, int f)
{
	option(sd, f == V4 ? SOL_IP : SOL_IPV6,
	       f == V4 ? IP_FREEBIND : IPV6_FREEBIND);
}

static void bind_to(int sd, int f, const struct sockaddr_storage *addr)
{
	must(bind(sd, (const struct sockaddr *)addr, families[f].len), "bind");
}

static void random_address(int f, unsigned int prefix,
			   struct sockaddr_storage *addr)
{
	address_of(f, prefix, 1 + rand() % 0xffffe, addr);
}

/* UDP: socket and close */

static void udp_inet(int f)
{
	close(must(socket(families[f].inet, SOCK_DGRAM, 0), "socket"));
}

static void udp_tuple(int f)
{
	close(tuple_socket(f, SOCK_DGRAM));
}

static void udp_freebind(int f)
{
	struct sockaddr_storage addr;
	int sd;

	sd = must(socket(families[f].inet, SOCK_DGRAM, 0), "socket");
	freebind(sd, f);
	random_address(f, ANYIP, &addr);
	bind_to(sd, f, &addr);
	close(sd);
}

static unsigned int helper_next;

static void udp_helper(int f)
{
	struct sockaddr_storage addr;
	int sd;

	address_of(f, HELPER, 1 + helper_next++ % 60000, &addr);
	helper_add(f, &addr);
	sd = must(socket(families[f].inet, SOCK_DGRAM, 0), "socket");
	bind_to(sd, f, &addr);
	close(sd);
	helper_del(f, &addr);
}

/* What of that is rtnetlink's alone */
static void address_alone(int f)
{
	struct sockaddr_storage addr;

	address_of(f, HELPER, 1 + helper_next++ % 60000, &addr);
	helper_add(f, &addr);
	helper_del(f, &addr);
}

/* TCP: connect, accept, close both. Who closes first is the one that keeps
 * TIME_WAIT. A lease keeps its address on the device for as long, and a helper does
 * not, so where addresses are plumbed the server is first.
 */
static bool server_first;

static void tcp_exchange(int f, int sd)
{
	int peer;

	must(connect(sd, (struct sockaddr *)&families[f].server,
		     families[f].len), "connect");
	peer = must(accept(listeners[f], NULL, NULL), "accept");
	close(server_first ? peer : sd);
	close(server_first ? sd : peer);
}

static void tcp_inet(int f)
{
	tcp_exchange(f, must(socket(families[f].inet, SOCK_STREAM, 0),
			     "socket"));
}

static void tcp_tuple(int f)
{
	tcp_exchange(f, tuple_socket(f, SOCK_STREAM));
}

static void tcp_bound(int f, const struct sockaddr_storage *addr)
{
	int sd = must(socket(families[f].inet, SOCK_STREAM, 0), "socket");

	option(sd, SOL_IP, IP_BIND_ADDRESS_NO_PORT);
	if (f == V6)	/* a local route is not enough for IPv6 */
		freebind(sd, f);
	bind_to(sd, f, addr);
	tcp_exchange(f, sd);
}

static void tcp_anyip(int f)
{
	struct sockaddr_storage addr;

	random_address(f, ANYIP, &addr);
	tcp_bound(f, &addr);
}

static void tcp_anyip_dev(int f)
{
	struct sockaddr_storage addr;

	random_address(f, ANYIP_DEV, &addr);
	tcp_bound(f, &addr);
}

static void tcp_helper(int f)
{
	struct sockaddr_storage addr;

	address_of(f, HELPER, 1 + helper_next++ % 60000, &addr);
	helper_add(f, &addr);
	tcp_bound(f, &addr);
	helper_del(f, &addr);
}

/* IPv6 makes an address local by a work item; what comes before is lost, and the
 * SYN's answer comes again a second later. So the helper is one that lets kernel
 * threads go first.
 */
static double measure_tcp_helper(int f)
{
	struct sched_param param = {};
	double num;

	must(sched_setscheduler(0, SCHED_IDLE, &param), "SCHED_IDLE");
	num = measure(tcp_helper, f);
	must(sched_setscheduler(0, SCHED_OTHER, &param), "SCHED_OTHER");
	return num;
}

static void row(const char *what, int f, double ours, const char *against,
		double theirs, double goal)
{
	char name[64];

	snprintf(name, sizeof(name), "%s, %s", what, families[f].name);
	say(name, against, ours, theirs, goal, "instructions");
}

static void compare(const char *what, int f, double ours, const char *against,
		    void (*theirs)(int f), double goal)
{
	row(what, f, ours, against, measure(theirs, f), goal);
}

static const char *const pools[][N_FAMILIES] = {
	{ "p4", "p6" }, { "a4", "a6" },
};

static void prefix_rows(int f)
{
	double ours = measure(udp_tuple, f);

	compare("UDP socket, close; prefix", f, ours, "plain socket, close",
		udp_inet, 0);
	compare("UDP socket, close; prefix", f, ours, "AnyIP and freebind",
		udp_freebind, 1);
	ours = measure(tcp_tuple, f);
	compare("TCP connect, accept, close; prefix", f, ours, "plain",
		tcp_inet, 0);
	compare("TCP connect, accept, close; prefix", f, ours, "AnyIP and bind",
		tcp_anyip, 1.03);
	compare("TCP connect, accept, close; prefix", f, ours,
		"AnyIP on the device, bind", tcp_anyip_dev, 0);
}

/* An address that may stay on the device for the next one costs the helper nothing
 * more or less.
 */
static void warm_rows(int f, double udp, double tcp)
{
	command("tuplectl pool set %s warm 60000 quarantine 0", pools[1][f]);
	row("UDP socket, close; address, warm", f, measure(udp_tuple, f),
	    "helper", udp, 0.85);
	row("TCP connect, accept, close; warm", f, measure(tcp_tuple, f),
	    "helper", tcp, 0.9);
	command("tuplectl pool set %s warm 0 quarantine auto", pools[1][f]);
}

static void address_rows(int f)
{
	double ours, udp, tcp;

	row("address put on, taken off", f, measure(address_alone, f), "", 0, 0);
	ours = measure(udp_tuple, f);
	udp = measure(udp_helper, f);
	row("UDP socket, close; address", f, ours, "helper", udp, 0.85);
	server_first = true;
	ours = measure(tcp_tuple, f);
	tcp = measure_tcp_helper(f);
	row("TCP connect, accept, close; address", f, ours, "helper", tcp, 0.9);
	warm_rows(f, udp, tcp);
	server_first = false;
}

void bench_sockets(void)
{
	int f;

	for (f = 0; f < N_FAMILIES; f++) {
		listeners[f] = listener(f);
		pool_default(pools[0][f]);
		prefix_rows(f);
		pool_default(pools[1][f]);
		address_rows(f);
		pool_default(pools[0][f]);
	}
}
