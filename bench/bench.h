/* SPDX-License-Identifier: GPL-2.0-only */
/* The benchmark: what its files share. */
#ifndef _BENCH_H
#define _BENCH_H

#include <linux/inet_tuple.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE "bench0"
#define PORT 7000

/* The two families, by the index that is used all over */
enum { V4, V6, N_FAMILIES };

struct bench_family {
	const char *name;
	int inet;		/* the ordinary one */
	int tuple;		/* ours */
	socklen_t len;		/* of its addresses */
	struct sockaddr_storage server;	/* listens on PORT */
};

extern struct bench_family families[N_FAMILIES];

/* measure.c */
uint64_t now(void);
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
int must(int result, const char *what);

/* What one call of @op costs: the median of blocks; one block */
double measure(void (*op)(int f), int f);
double measure_block(void (*op)(int f), int f, unsigned int n);

/* A line for the report; what is not there is 0 */
void say(const char *name, const char *against, double ours, double theirs,
	 double goal, const char *unit);

struct memory {
	uint64_t slabs;		/* bytes in slabs, of all caches */
	uint64_t ours;		/* bytes in slabs of caches of the module */
	uint64_t all;		/* bytes that are not free */
};

void memory_read(struct memory *m);

/* world.c */
void world_setup(void);
void world_addresses(void);
void command(const char *format, ...) __attribute__((format(printf, 1, 2)));
void pool_default(const char *pool);
void address_of(int f, unsigned int prefix, unsigned int n,
		struct sockaddr_storage *addr);
void helper_add(int f, const struct sockaddr_storage *addr);
void helper_del(int f, const struct sockaddr_storage *addr);
int tuple_socket(int f, int type);
int listener(int f);

/* Third octet groups of the prefixes: see world_setup() */
enum { ANYIP, HELPER, ANYIP_DEV };

/* rows */
void bench_data(void);
void bench_sockets(void);
void bench_plumb(void);
void bench_pools(void);
void bench_stock(void);
void bench_tuplerun(void);
void bench_scale(void);
int bench_client(unsigned int f);
int bench_threads(int argc, char **argv);

#endif /* _BENCH_H */
