// SPDX-License-Identifier: GPL-2.0-only
/* Programs that know nothing of addresses of their own: what it costs them. The
 * client is this program once more, with another library before libc or
 * another tracer above it. It prints the cost of one socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

static void client(int f)
{
	int sd = must(socket(families[f].inet, SOCK_DGRAM, 0), "socket");

	must(connect(sd, (struct sockaddr *)&families[f].server,
		     families[f].len), "connect");
	close(sd);
}

int bench_client(unsigned int f)
{
	printf("%.1f\n", measure(client, f));
	return 0;
}

static double cost_under(const char *how, int f)
{
	char line[256];
	double cost = 0;
	FILE *file;

	snprintf(line, sizeof(line), "%s /usr/lib/inet_tuple/bench/bench client %d",
		 how, f);
	file = popen(line, "r");
	if (!file || fscanf(file, "%lf", &cost) != 1 || pclose(file))
		die("%s", line);
	return cost;
}

void bench_tuplerun(void)
{
	static const char preload[] =
		"LD_PRELOAD=/usr/lib/inet_tuple/bench/freebind.so";
	double plain, preloaded, restless, seccomp, theirs;
	const char *pool;
	char name[64];
	int f;

	for (f = 0; f < N_FAMILIES; f++) {
		pool = f == V4 ? "p4" : "p6";
		pool_default(pool);
		plain = cost_under("", f);
		theirs = cost_under(preload, f);
		preloaded = cost_under("tuplerun --", f);
		seccomp = cost_under("tuplerun --seccomp --", f);
		command("tuplectl pool set %s quarantine 0", pool);
		restless = cost_under("tuplerun --", f);
		command("tuplectl pool set %s quarantine auto", pool);
		snprintf(name, sizeof(name), "tuplerun, %s", families[f].name);
		say(name, "a preload that freebinds", preloaded, theirs, 1,
		    "instructions");
		say(name, "nothing preloaded", preloaded, plain, 0,
		    "instructions");
		snprintf(name, sizeof(name), "tuplerun, no quarantine, %s",
			 families[f].name);
		say(name, "a preload that freebinds", restless, theirs, 1,
		    "instructions");
		snprintf(name, sizeof(name), "tuplerun --seccomp, %s",
			 families[f].name);
		say(name, "a preload that freebinds", seccomp, theirs, 0,
		    "instructions");
	}
}
