// SPDX-License-Identifier: GPL-2.0-only
/* Several processors that assign and release at once. There is no counting of
 * instructions in a machine with more than one, so this is by the clock, and
 * good for ratios to one another only.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

#define SECONDS 2
#define THREADS_MAX 8

static atomic_bool stop;
static int domain;

struct worker {
	pthread_t thread;
	int cpu;
	unsigned long n;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	must(-pthread_setaffinity_np(pthread_self(), sizeof(set), &set),
	     "affinity");
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		close(must(socket(domain, SOCK_DGRAM, 0), "socket"));
		w->n++;
	}
	return NULL;
}

/* Return: sockets a second of all threads */
static double throughput(int n, int family)
{
	struct worker workers[THREADS_MAX] = {};
	unsigned long sum = 0;
	uint64_t start;
	int i;

	domain = family;
	stop = false;
	start = now();
	for (i = 0; i < n; i++) {
		workers[i].cpu = i;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	sleep(SECONDS);
	stop = true;
	for (i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		sum += workers[i].n;
	}
	return sum * 1e9 / (now() - start);
}

static double scaling(int n, int family, double *one)
{
	double best = 0, now_one, ratio;
	int i;

	/* what else this machine does disturbs: the best of three */
	for (i = 0; i < 3; i++) {
		now_one = throughput(1, family);
		ratio = throughput(n, family) / now_one;
		if (ratio > best) {
			best = ratio;
			*one = now_one;
		}
	}
	return best;
}

int bench_threads(int argc, char **argv)
{
	int n = argc > 0 ? atoi(argv[0]) : 2, f;
	double ours, theirs, one;
	char name[64];

	world_setup();
	for (f = 0; f < N_FAMILIES; f++) {
		theirs = scaling(n, families[f].inet, &one);
		ours = scaling(n, families[f].tuple, &one);
		snprintf(name, sizeof(name), "%d processors at once, %s", n,
			 families[f].name);
		say(name, "inet's own scaling", ours, theirs, -0.9,
		    "times one processor");
	}
	return 0;
}
