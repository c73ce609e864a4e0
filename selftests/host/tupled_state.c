// SPDX-License-Identifier: GPL-2.0-only
/* The state file of inet-tupled: what is written is read, what is damaged is not,
 * and a crash leaves the one or the other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib_tap.h"
#include "state.h"

static char dir[] = "/tmp/tupled_state.XXXXXX";

static void lease(struct state_data *data, const char *pool, uint32_t iaid,
		  uint64_t expires)
{
	struct state_lease l = {
		.iaid = iaid,
		.addr = inet_addr("10.0.0.17"),
		.server = inet_addr("10.0.0.1"),
		.t1 = expires / 2,
		.t2 = expires / 8 * 7,
		.expires = expires,
	};

	strcpy(l.pool, pool);
	if (state_add(data, &l))
		abort();
}

static void fill(struct state_data *data)
{
	memset(data, 0, sizeof(*data));
	data->duid.len = 3;
	memcpy(data->duid.bytes, "\0\4\377", 3);
	strcpy(data->boot, "6f3c54d2-6c0e-4a4c-9f60-0123456789ab");
	data->boot_ms = 5000;
	data->real_ms = 1700000000000;
	lease(data, "phones", 1, 3605000);
	lease(data, "a-pool-with-a-name-of-31-bytes-!", UINT32_MAX - 1, 9000);
	lease(data, "p", 2, UINT64_MAX);
}

static bool same(const struct state_data *a, const struct state_data *b)
{
	return a->duid.len == b->duid.len &&
	       !memcmp(a->duid.bytes, b->duid.bytes, a->duid.len) &&
	       !strcmp(a->boot, b->boot) && a->boot_ms == b->boot_ms &&
	       a->real_ms == b->real_ms && a->n == b->n &&
	       !memcmp(a->leases, b->leases, a->n * sizeof(*a->leases));
}

static void test_text(void)
{
	static const char want[] =
		"inet-tupled 1\nduid 0004ff\n"
		"clock 6f3c54d2-6c0e-4a4c-9f60-0123456789ab 5000 1700000000000\n"
		"lease phones 1 10.0.0.17 10.0.0.1 1802500 3154375 3605000\n";
	struct state_data data, again;
	size_t size, i, refused = 0;
	char *text, *bad;

	fill(&data);
	data.leases[1].pool[31] = '\0';
	text = state_format(&data, &size);
	ok(text && !strncmp(text, want, strlen(want)), "it is text");
	ok(!state_parse(&again, text, size) && same(&data, &again),
	   "and means the same when it is read");
	state_clear(&again);

	bad = malloc(size + 1);
	for (i = 0; i < size; i++) {
		memcpy(bad, text, size);
		bad[i] ^= 1;
		refused += state_parse(&again, bad, size) == -EBADMSG;
	}
	ok(refused == size, "a wrong bit anywhere is found");
	for (i = 0, refused = 0; i < size; i++)
		refused += state_parse(&again, text, i) == -EBADMSG;
	ok(refused == size, "and a missing end");
	memcpy(bad, text, size);
	bad[size] = '\n';
	ok(state_parse(&again, bad, size + 1) == -EBADMSG, "and more behind it");
	free(bad);
	free(text);
	state_clear(&data);
}

/* A file that is whole and makes no sense */
static int reads(const char *lines)
{
	struct state_data data;
	uint64_t sum = 0xcbf29ce484222325;
	char text[1024];
	const char *p;
	int err, len;

	for (p = lines; *p; p++)
		sum = (sum ^ (uint8_t)*p) * 0x100000001b3;
	len = snprintf(text, sizeof(text), "%send %016llx\n", lines,
		       (unsigned long long)sum);
	err = state_parse(&data, text, len);
	if (!err)
		state_clear(&data);
	return err;
}

#define HEAD "inet-tupled 1\nduid 0004ff\n"
#define CLOCK "clock 6f3c54d2-6c0e-4a4c-9f60-0123456789ab 5000 6000\n"

static void test_nonsense(void)
{
	static const char *const bad[] = {
		"", "\n", "inet-tupled 1\n", HEAD, "inet-tupled 2\n",
		"inet-tupled 1\nduid\x20\n" CLOCK, "inet-tupled 1\nduid 0g\n" CLOCK,
		"inet-tupled 1\nduid 000\n" CLOCK, CLOCK HEAD,
		HEAD "clock 1 2 3\n", HEAD CLOCK CLOCK, HEAD CLOCK "\n",
		HEAD CLOCK "lease\n", HEAD CLOCK "lease\x20\n", HEAD CLOCK "lease p\n",
		HEAD CLOCK "lease p 1 10.0.0.17 10.0.0.1 1 2\n",
		HEAD CLOCK "lease p 1 10.0.0.17 10.0.0.1 1 2 3 4\n",
		HEAD CLOCK "lease p 1 10.0.0.17 10.0.0.1 3 2 3\n",
		HEAD CLOCK "lease p 1 10.0.0.17 10.0.0.1 1 4 3\n",
		HEAD CLOCK "lease p -1 10.0.0.17 10.0.0.1 1 2 3\n",
		HEAD CLOCK "lease p 4294967296 10.0.0.17 10.0.0.1 1 2 3\n",
		HEAD CLOCK "lease p 1 127.0.0.1 10.0.0.1 1 2 3\n",
		HEAD CLOCK "lease p 1 10.0.0.17 0.0.0.0 1 2 3\n",
		HEAD CLOCK "lease p 1 10.0.0.17 10.0.0.1 1 2 18446744073709551616\n",
		HEAD CLOCK "lease a-pool-with-a-name-of-32-bytes--! 1 10.0.0.17 10.0.0.1 1 2 3\n",
	};
	size_t i, refused = 0;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (reads(bad[i]) == -EBADMSG)
			refused++;
		else
			printf("# taken: %s\n", bad[i]);
	}
	ok(refused == i, "%zu ways to make no sense", i);
	ok(!reads(HEAD CLOCK), "no lease is no damage");
	ok(!reads(HEAD CLOCK "lease p 1 10.0.0.17 10.0.0.1 1 2 3\n"), "nor is one");
}

static void test_carry(void)
{
	struct state_data data;

	fill(&data);
	state_carry_over(&data, 100, 1700000000000 + 60000);
	ok(data.leases[0].expires == 100 + 3600000 - 60000 &&
	   data.leases[0].t1 == 100 + 1797500 - 60000,
	   "another boot: the time between is taken off");
	ok(data.leases[1].expires == 100 && data.leases[1].t1 == 100,
	   "what ended meanwhile ends at once");
	ok(data.leases[2].expires == UINT64_MAX, "for ever is for ever");
	state_clear(&data);
	fill(&data);
	state_carry_over(&data, 100, 1600000000000);
	ok(data.leases[0].expires == 100,
	   "a clock that went backwards: nobody knows, so it is over");
	state_clear(&data);
}

static bool exists(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/s/%s", dir, name);
	return !access(path, F_OK);
}

static void scribble(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/s/%s", dir, name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static int second(const char *path)
{
	struct state s = { .dir = NULL };
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(state_lock(&s, path) == -EWOULDBLOCK);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
	       WEXITSTATUS(status) : -1;
}

static void test_file(void)
{
	struct state one = { .dir = NULL }, two = { .dir = NULL };
	struct dhcp_duid duid;
	struct stat st;
	char path[256];

	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/s", dir);
	ok(!state_lock(&one, path), "the folder is made");
	ok(!stat(path, &st) && (st.st_mode & 0777) == 0700, "for nobody else");
	ok(second(path) == 1, "a second process is told");
	ok(!state_read(&one, 0) && one.data.duid.len == 18 &&
	   one.data.duid.bytes[1] == 4 && !one.data.n,
	   "no state: a name is made, DUID-UUID");
	duid = one.data.duid;
	lease(&one.data, "phones", 7, 90000);
	ok(!state_write(&one, 5000) && exists("state") && !exists("state.new"),
	   "it is written");

	scribble("state.new", "half a fi");	/* a crash on the way */
	two.dir = path;
	two.dir_fd = one.dir_fd;
	strcpy(two.boot, one.boot);
	ok(!state_read(&two, 6000) && two.same_boot && two.data.n == 1 &&
	   two.data.leases[0].expires == 90000 &&
	   !memcmp(&two.data.duid, &duid, 2 + duid.len),
	   "the next finds it, whatever lies beside it");
	state_clear(&two.data);
	two.boot[0] ^= 1;
	ok(!state_read(&two, 70) && !two.same_boot &&
	   two.data.leases[0].expires > 84000 &&
	   two.data.leases[0].expires <= 85070,
	   "after another start of the machine its times are of that");
	state_clear(&two.data);

	scribble("state", "inet-tupled 1\nrubbish\n");
	memset(&two.data, 0, sizeof(two.data));
	ok(!state_read(&two, 0) && !exists("state") && exists("state.damaged") &&
	   two.data.duid.len == 18 && memcmp(&two.data.duid, &duid, 19),
	   "a damaged one is set aside");
	state_clear(&one.data);
	state_clear(&two.data);

	snprintf(path, sizeof(path), "rm -r %s", dir);
	ok(!system(path), "cleaned up");
}

int main(void)
{
	test_text();
	test_nonsense();
	test_carry();
	test_file();
	return tap_done();
}
