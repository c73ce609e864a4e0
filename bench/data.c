// SPDX-License-Identifier: GPL-2.0-only
/* Send and receive: a client whose address is its own sends to a server, which
 * answers with as much.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

static struct {
	int client, server;
	size_t size;
	char bytes[65536];
} io;

static void transfer(int from, int to)
{
	size_t done = 0;
	ssize_t n;

	if (send(from, io.bytes, io.size, 0) != (ssize_t)io.size)
		die("send");
	while (done < io.size) {
		n = must(recv(to, io.bytes, io.size, 0), "recv");
		done += n;
	}
}

static void both_ways(int f)
{
	transfer(io.client, io.server);
	transfer(io.server, io.client);
}

static void buffers(int sd)
{
	int size = 1 << 20;

	must(setsockopt(sd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)),
	     "SO_SNDBUFFORCE");
	must(setsockopt(sd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)),
	     "SO_RCVBUFFORCE");
}

/* Theirs has an address of its own, too: the same routes are used. */
static int client_socket(int f, int type, bool tuple)
{
	struct sockaddr_storage addr;
	int sd, on = 1;

	if (tuple)
		return tuple_socket(f, type);
	sd = must(socket(families[f].inet, type, 0), "socket");
	must(setsockopt(sd, f == V4 ? SOL_IP : SOL_IPV6,
			f == V4 ? IP_FREEBIND : IPV6_FREEBIND, &on, sizeof(on)),
	     "freebind");
	address_of(f, ANYIP, 77, &addr);
	must(bind(sd, (struct sockaddr *)&addr, families[f].len), "bind");
	return sd;
}

static void open_udp(int f, bool tuple)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	io.server = must(socket(families[f].inet, SOCK_DGRAM, 0), "socket");
	must(bind(io.server, (struct sockaddr *)&families[f].server,
		  families[f].len), "bind");
	io.client = client_socket(f, SOCK_DGRAM, tuple);
	must(connect(io.client, (struct sockaddr *)&families[f].server,
		     families[f].len), "connect");
	must(getsockname(io.client, (struct sockaddr *)&addr, &len),
	     "getsockname");
	must(connect(io.server, (struct sockaddr *)&addr, len), "connect");
}

static void open_tcp(int f, bool tuple)
{
	int sd = listener(f);

	io.client = client_socket(f, SOCK_STREAM, tuple);
	must(connect(io.client, (struct sockaddr *)&families[f].server,
		     families[f].len), "connect");
	io.server = must(accept(sd, NULL, NULL), "accept");
	close(sd);
}

static double side(int f, int type, size_t size, bool tuple)
{
	double cost;

	io.size = size;
	if (type == SOCK_DGRAM)
		open_udp(f, tuple);
	else
		open_tcp(f, tuple);
	buffers(io.client);
	buffers(io.server);
	cost = measure(both_ways, f);
	/* the client last, or the next one could not bind its port */
	close(io.server);
	close(io.client);
	return cost;
}

/* The most that a datagram of either family takes */
#define UDP_MAX 65487

static void data_row(int f, int type, size_t size)
{
	char name[64];
	double theirs;

	snprintf(name, sizeof(name), "%s send and receive %zu bytes, %s",
		 type == SOCK_DGRAM ? "UDP" : "TCP", size, families[f].name);
	theirs = side(f, type, size, false);
	say(name, "plain", side(f, type, size, true), theirs, 1,
	    "instructions");
}

void bench_data(void)
{
	int f;

	for (f = 0; f < N_FAMILIES; f++) {
		pool_default(f == V4 ? "p4" : "p6");
		data_row(f, SOCK_DGRAM, 1);
		data_row(f, SOCK_DGRAM, UDP_MAX);
		data_row(f, SOCK_STREAM, 1);
		data_row(f, SOCK_STREAM, 65536);
	}
}
