// SPDX-License-Identifier: GPL-2.0-only
/* Counting instructions, and bytes.
 *
 * In a machine that runs with -icount shift=0 a nanosecond is an instruction,
 * so the clock is the counter. A block is long enough to hold some of the ends
 * of grace periods, where the kernel frees what was closed, so that what is
 * put off counts as well.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bench.h"

#define BLOCK_NS 40000000	/* of one block */
#define BLOCKS_MIN 3		/* where they agree within a hundredth */
#define BLOCKS_MAX 7

uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, ": %m\n");
	exit(1);
}

int must(int result, const char *what)
{
	if (result < 0)
		die("%s", what);
	return result;
}

double measure_block(void (*op)(int f), int f, unsigned int n)
{
	uint64_t start = now();
	unsigned int i;

	for (i = 0; i < n; i++)
		op(f);
	return (double)(now() - start) / n;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double measure(void (*op)(int f), int f)
{
	double cost[BLOCKS_MAX], once;
	unsigned int i = 0, n = 4;

	/* the first blocks warm up, and find out how many are one */
	do {
		n *= 2;
		once = measure_block(op, f, n);
	} while (once * n < BLOCK_NS);
	n = BLOCK_NS / once + 1;
	do {
		cost[i++] = measure_block(op, f, n);
		qsort(cost, i, sizeof(*cost), compare);
	} while (i < BLOCKS_MIN ||
		 (i < BLOCKS_MAX && cost[i - 1] > 1.01 * cost[0]));
	return cost[i / 2];
}

void say(const char *name, const char *against, double ours, double theirs,
	 double goal, const char *unit)
{
	printf("{\"row\": \"%s\", \"against\": \"%s\", ", name, against);
	printf("\"ours\": %.1f, \"theirs\": %.1f, ", ours, theirs);
	printf("\"goal\": %.3f, \"unit\": \"%s\"}\n", goal, unit);
	fflush(stdout);
	fprintf(stderr, "%-44s %12.1f %12.1f  %s\n", name, ours, theirs, unit);
}

static void memory_slabs(struct memory *m)
{
	unsigned long objects, size, per_slab, pages, slabs;
	char line[512], name[64];
	const char *data;
	FILE *file;

	file = fopen("/proc/slabinfo", "r");
	if (!file)
		die("slabinfo");
	while (fgets(line, sizeof(line), file)) {
		data = strstr(line, ": slabdata");
		if (!data || sscanf(line, "%63s %*u %lu %lu %lu %lu", name,
				    &objects, &size, &per_slab, &pages) != 5 ||
		    sscanf(data, ": slabdata %*u %lu", &slabs) != 1)
			continue;
		m->slabs += slabs * pages * 4096;
		if (!strncmp(name, "inet_tuple", 10))
			m->ours += slabs * pages * 4096;
	}
	fclose(file);
}

void memory_read(struct memory *m)
{
	unsigned long long total = 0, left = 0;
	char line[128];
	FILE *file;

	memset(m, 0, sizeof(*m));
	memory_slabs(m);
	file = fopen("/proc/meminfo", "r");
	if (!file)
		die("meminfo");
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "MemTotal: %llu", &total);
		sscanf(line, "MemFree: %llu", &left);
	}
	fclose(file);
	m->all = (total - left) * 1024;
}
