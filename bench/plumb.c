// SPDX-License-Identifier: GPL-2.0-only
/* Address plumbing filled: many addresses on one device, each held by a socket. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

#define MANY 10000

/* For IPv6, where each costs more with their number, 10,000 take many minutes. */
static const unsigned int many[N_FAMILIES] = { MANY, MANY / 5 };
static int sockets[MANY];
static unsigned int used;

static void tuple_open(int f)
{
	sockets[used++] = tuple_socket(f, SOCK_DGRAM);
}

static void tuple_close(int f)
{
	close(sockets[--used]);
}

static void helper_open(int f)
{
	struct sockaddr_storage addr;

	address_of(f, HELPER, 1 + used, &addr);
	helper_add(f, &addr);
	sockets[used] = must(socket(families[f].inet, SOCK_DGRAM, 0), "socket");
	must(bind(sockets[used++], (struct sockaddr *)&addr, families[f].len),
	     "bind");
}

static void helper_close(int f)
{
	struct sockaddr_storage addr;

	close(sockets[--used]);
	address_of(f, HELPER, 1 + used, &addr);
	helper_del(f, &addr);
}

void bench_plumb(void)
{
	double ours[2], theirs[2];
	char name[64];
	int f;

	for (f = 0; f < N_FAMILIES; f++) {
		pool_default(f == V4 ? "a4" : "a6");
		ours[0] = measure_block(tuple_open, f, many[f]);
		ours[1] = measure_block(tuple_close, f, many[f]);
		pool_default(f == V4 ? "p4" : "p6");
		theirs[0] = measure_block(helper_open, f, many[f]);
		theirs[1] = measure_block(helper_close, f, many[f]);
		snprintf(name, sizeof(name), "%u addresses put on, %s", many[f],
			 families[f].name);
		say(name, "helper", ours[0], theirs[0], 0.5, "instructions each");
		snprintf(name, sizeof(name), "%u addresses taken off, %s", many[f],
			 families[f].name);
		say(name, "helper", ours[1], theirs[1], 0.5, "instructions each");
	}
}
