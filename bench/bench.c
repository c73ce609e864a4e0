// SPDX-License-Identifier: GPL-2.0-only
/* bench [ROWS]...: what scripts/bench runs in the test machine. Prints a line
 * of JSON a row to stdout, and the same for people to stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

static const struct {
	const char *name;
	void (*run)(void);
} rows[] = {
	{ "data", bench_data },
	{ "sockets", bench_sockets },
	{ "plumb", bench_plumb },
	{ "pools", bench_pools },
	{ "stock", bench_stock },
	{ "tuplerun", bench_tuplerun },
	{ "scale", bench_scale },	/* the last: it leaves its sockets open */
};

/* How long they took by the machine's clock, for who wants to know what is slow */
static void run(unsigned int row)
{
	uint64_t start = now();

	rows[row].run();
	fprintf(stderr, "%s: %.1f s\n", rows[row].name, (now() - start) / 1e9);
}

static bool wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc == 3 && !strcmp(argv[1], "client")) {
		world_addresses();
		return bench_client(atoi(argv[2]));
	}
	if (argc >= 2 && !strcmp(argv[1], "threads"))
		return bench_threads(argc - 2, argv + 2);
	world_setup();
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (wanted(rows[i].name, argc, argv))
			run(i);
	return 0;
}
