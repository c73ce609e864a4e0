// SPDX-License-Identifier: GPL-2.0-only
/* What inet-tupled tells of leases, with a kernel, a packet filter and a clock that
 * the test plays. The hooks are programs that run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "lib_tap.h"
#include "export.h"

#define MANY 64

static char dir[] = "/tmp/tupled_export.XXXXXX";
static struct tupled t;

/* What is to be read */
static struct {
	struct source *src;
	int fd;
} sources[MANY];
static unsigned int n_sources;
static struct source *events;

int watch(struct tupled *tt, struct source *src)
{
	if (src->fd == 1000) {
		events = src;
		return 0;
	}
	sources[n_sources].src = src;
	sources[n_sources++].fd = src->fd;
	return 0;
}

uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* The kernel: pools, leases and events */
static struct {
	const char *name;
	uint8_t dscp;
	uint32_t priority;
	uint32_t mark;
} pools[] = {
	{ "voice", 46, 0x10010, 7 },
	{ "bulk", 8, UINT32_MAX, 0 },
	{ "plain", 0xff, UINT32_MAX, 0 },
};

static struct {
	const char *pool;
	const char *addr;
} leases[MANY];
static unsigned int n_leases;
static struct {
	int event;
	struct inet_tuple_obj *obj;
} queue[MANY];
static unsigned int n_queue;
static bool lose;

static struct inet_tuple_obj *pool_obj(unsigned int i)
{
	struct inet_tuple_obj *obj = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);

	inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_NAME, pools[i].name);
	inet_tuple_obj_set_num(obj, INET_TUPLE_A_POOL_DSCP, pools[i].dscp);
	inet_tuple_obj_set_num(obj, INET_TUPLE_A_POOL_PRIORITY,
			       pools[i].priority);
	inet_tuple_obj_set_num(obj, INET_TUPLE_A_POOL_MARK, pools[i].mark);
	return obj;
}

static struct inet_tuple_obj *lease_obj(const char *pool, const char *addr)
{
	struct inet_tuple_obj *obj = inet_tuple_obj_alloc(INET_TUPLE_LEASE_OBJ);
	struct inet_tuple_addr in = { .family = AF_INET };

	if (strchr(addr, ':'))
		in.family = AF_INET6;
	inet_pton(in.family, addr, in.bytes);
	inet_tuple_obj_set_str(obj, INET_TUPLE_A_LEASE_POOL, pool);
	inet_tuple_obj_set_addr(obj, INET_TUPLE_A_LEASE_ADDR, &in);
	return obj;
}

int inet_tuple_handle_open(struct inet_tuple_handle **h, const char *netns)
{
	return 0;
}

void inet_tuple_handle_close(struct inet_tuple_handle *h)
{
}

int inet_tuple_events_fd(struct inet_tuple_handle *h)
{
	return dup2(0, 1000);
}

int inet_tuple_events_read(struct inet_tuple_handle *h, inet_tuple_event_cb cb,
			   void *arg)
{
	struct inet_tuple_obj *obj;

	if (lose) {
		lose = false;
		return -ENOBUFS;
	}
	if (!n_queue)
		return -EAGAIN;
	obj = queue[0].obj;
	cb(queue[0].event, obj, arg);
	inet_tuple_obj_free(obj);
	memmove(queue, queue + 1, --n_queue * sizeof(queue[0]));
	return 0;
}

int inet_tuple_pool_list(struct inet_tuple_handle *h, inet_tuple_cb cb,
			 void *arg)
{
	struct inet_tuple_obj *obj;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pools); i++) {
		obj = pool_obj(i);
		cb(obj, arg);
		inet_tuple_obj_free(obj);
	}
	return 0;
}

int inet_tuple_lease_list(struct inet_tuple_handle *h, const char *pool,
			  const struct inet_tuple_addr *addr, inet_tuple_cb cb,
			  void *arg)
{
	struct inet_tuple_obj *obj;
	unsigned int i;

	for (i = 0; i < n_leases; i++) {
		obj = lease_obj(leases[i].pool, leases[i].addr);
		cb(obj, arg);
		inet_tuple_obj_free(obj);
	}
	return 0;
}

static void event(int number, struct inet_tuple_obj *obj)
{
	queue[n_queue].event = number;
	queue[n_queue++].obj = obj;
}

static void assign(const char *pool, const char *addr)
{
	event(INET_TUPLE_CMD_LEASE_NEW_NTF, lease_obj(pool, addr));
}

static void release(const char *addr, int reason)
{
	struct inet_tuple_obj *obj = lease_obj("-", addr);

	inet_tuple_obj_set_num(obj, INET_TUPLE_A_LEASE_REASON, reason);
	event(INET_TUPLE_CMD_LEASE_DEL_NTF, obj);
	event(INET_TUPLE_CMD_LEASE_FREE_NTF, lease_obj("-", addr));
}

/* The packet filter: what it was told, which it may refuse */
static char told[4096];
static unsigned int n_told;
static bool refuse, vanish;
static struct ruleset *rules;

int __wrap_ruleset_open(struct ruleset *r, struct tupled *tt);
int __wrap_ruleset_run(struct ruleset *r, const char *commands);
void __wrap_ruleset_close(struct ruleset *r);

int __wrap_ruleset_open(struct ruleset *r, struct tupled *tt)
{
	static char some;

	r->ctx = (struct nft_ctx *)&some;
	rules = r;
	return 0;
}

int __wrap_ruleset_run(struct ruleset *r, const char *commands)
{
	n_told++;
	snprintf(told, sizeof(told), "%s", commands);
	if (vanish)
		r->gone(r);
	vanish = false;
	return refuse ? -EIO : 0;
}

void __wrap_ruleset_close(struct ruleset *r)
{
}

/* So many milliseconds later; what the filter was told then */
static const char *after(unsigned int ms)
{
	*told = '\0';
	t.now += ms;
	events->ready(events);
	export_run(&t);
	return told;
}

#define MAKE(name, key, value)						\
	"add map inet tuple " name " { type " key "_addr : " value "; }\n" \
	"flush map inet tuple " name "\n"
#define FLUSH(name) "flush map inet tuple " name "\n"

static void test_parse(void)
{
	static const char *const bad[] = {
		"", ":", "inet:", "ipx:a", "inet:a b", "a;b", "a\nb", "9a",
		"a:b:c", "inet:{", ":a", "inet inet:a",
		"a234567890123456789012345678901234567890123456789012345678901234",
	};
	struct ruleset r = { .number = 0 };
	unsigned int i, n = 0;

	ok(!ruleset_parse(&r, "tuple") && !strcmp(r.family, "inet") &&
	   !strcmp(r.table, "tuple"), "a table of family inet");
	ok(!ruleset_parse(&r, "ip6:Q_o_s1") && !strcmp(r.family, "ip6") &&
	   !strcmp(r.table, "Q_o_s1"), "a family and a table");
	ok(!ruleset_parse(&r, "netdev:t") && !strcmp(r.family, "netdev"),
	   "another family");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		n += ruleset_parse(&r, bad[i]) == -EINVAL;
	ok(n == ARRAY_SIZE(bad), "all else is refused");
}

static void test_maps(void)
{
	leases[0].pool = "voice";
	leases[0].addr = "10.0.0.1";
	n_leases = 1;
	t.now = 1000;
	ok(!export_open(&t, "tuple", "/nonexistent"), "it begins");
	ok(!strcmp(told, "add table inet tuple\n"
		   MAKE("mark4", "ipv4", "mark")
		   "add element inet tuple mark4 { 10.0.0.1 : 0x7 }\n"
		   MAKE("mark6", "ipv6", "mark")
		   MAKE("priority4", "ipv4", "classid")
		   "add element inet tuple priority4 { 10.0.0.1 : 1:10 }\n"
		   MAKE("priority6", "ipv6", "classid")
		   MAKE("dscp4", "ipv4", "mark")
		   "add element inet tuple dscp4 { 10.0.0.1 : 46 }\n"
		   MAKE("dscp6", "ipv6", "mark")),
	   "maps are made and filled, all at once");
	ok(!*after(1000), "then there is nothing to do");
	assign("bulk", "10.0.0.2");
	assign("voice", "fd00::1");
	assign("plain", "10.0.0.3");
	ok(!strcmp(after(0), "add element inet tuple mark6 { fd00::1 : 0x7 }\n"
		   "add element inet tuple priority6 { fd00::1 : 1:10 }\n"
		   "add element inet tuple dscp4 { 10.0.0.2 : 8 }\n"
		   "add element inet tuple dscp6 { fd00::1 : 46 }\n"),
	   "new leases, at once");
	release("10.0.0.3", INET_TUPLE_REASON_CLOSED);
	ok(!*after(1000), "one that is in no map goes");
	assign("voice", "10.0.0.4");
	release("10.0.0.4", INET_TUPLE_REASON_CLOSED);
	ok(!*after(1000), "one comes and is gone");
	release("10.0.0.1", INET_TUPLE_REASON_CLOSED);
	assign("bulk", "10.0.0.1");
	assign("bulk", "10.0.0.5");
	ok(!strcmp(after(1000), "delete element inet tuple mark4 { 10.0.0.1 }\n"
		   "delete element inet tuple priority4 { 10.0.0.1 }\n"
		   "delete element inet tuple dscp4 { 10.0.0.1 }\n"
		   "add element inet tuple dscp4 { 10.0.0.1 : 8, 10.0.0.5 : 8 }\n"),
	   "one goes and comes back in another pool");
	assign("bulk", "10.0.0.6");
	ok(!*after(9) && *after(1), "not more often than every 10 ms");
	pools[1].dscp = 0xff;
	pools[1].mark = 0x20;
	event(INET_TUPLE_CMD_POOL_SET_NTF, pool_obj(1));
	ok(!strncmp(after(10), "add element inet tuple mark4 { ", 31) &&
	   strstr(told, "10.0.0.6 : 0x20") &&
	   strstr(told, "delete element inet tuple dscp4 { "),
	   "a pool changes, and all of its leases");
	n_leases = 2;
	leases[0].pool = "bulk";
	leases[1].pool = "voice";
	leases[1].addr = "10.0.0.7";
	assign("voice", "10.0.0.8");	/* older than what was lost */
	lose = true;
	ok(strstr(after(10), "add element inet tuple mark4 { 10.0.0.7 : 0x7 }\n") &&
	   strstr(told, "delete element inet tuple mark6 { fd00::1 }\n") &&
	   !strstr(told, "10.0.0.1 ") && !strstr(told, "10.0.0.8"),
	   "events are lost: what differs from the list is told");
}

static void test_refused(void)
{
	unsigned int before;

	refuse = true;
	assign("voice", "10.0.0.9");
	ok(strstr(after(10), "10.0.0.9"), "a change is refused");
	before = n_told;
	assign("voice", "10.0.0.10");
	after(4999);
	ok(n_told == before, "it is not tried again at once");
	refuse = false;
	ok(strstr(after(1), "add table") && strstr(told, FLUSH("dscp6")) &&
	   strstr(told, "10.0.0.7 : 0x7") && strstr(told, "10.0.0.9 : 0x7") &&
	   strstr(told, "10.0.0.10 : 0x7"),
	   "after five seconds all is made anew");
	ok(!strstr(told, "delete"), "of which nothing is to be taken");
	after(1000);
	rules->gone(rules);
	ok(strstr(after(0), "add table") && strstr(told, "10.0.0.9 : 0x7"),
	   "as after the table is gone");
	vanish = true;
	assign("voice", "10.0.0.11");
	ok(!strcmp(after(1000),
		   "add element inet tuple mark4 { 10.0.0.11 : 0x7 }\n"
		   "add element inet tuple priority4 { 10.0.0.11 : 1:10 }\n"
		   "add element inet tuple dscp4 { 10.0.0.11 : 46 }\n") &&
	   !*after(9) && strstr(after(1), "add table") &&
	   strstr(told, "10.0.0.11 : 0x7"),
	   "and where that is seen in the middle of a change");
	release("10.0.0.9", INET_TUPLE_REASON_KILLED);
	ok(!strcmp(after(1000), "delete element inet tuple mark4 { 10.0.0.9 }\n"
		   "delete element inet tuple priority4 { 10.0.0.9 }\n"
		   "delete element inet tuple dscp4 { 10.0.0.9 }\n"),
	   "then it goes on");
	before = n_told;
	export_end(&t, false);
	ok(n_told == before, "who comes again leaves all as it is");
	export_open(&t, "ip6:tuple", "/nonexistent");
	ok(strstr(told, "add map ip6 tuple mark6") && !strstr(told, "mark4"),
	   "a table of one family");
	export_end(&t, true);
	ok(!strcmp(told, "flush map ip6 tuple mark6\n"
		   "flush map ip6 tuple priority6\nflush map ip6 tuple dscp6\n"),
	   "who does not empties the maps");
	refuse = true;
	ok(export_open(&t, "tuple", "/nonexistent") == -EIO,
	   "a filter that refuses all ends it");
	export_end(&t, false);
	refuse = false;
	ok(export_open(&t, "a b", "/nonexistent") == -EINVAL, "so does a wrong name");
	export_end(&t, false);
	ok(!export_open(&t, NULL, dir) && !t.export,
	   "nobody wants to know: there is nothing to do");
	export_run(&t);
	export_end(&t, true);
}

/* The hooks */

static const char *file(const char *name)
{
	static char path[2][256];
	static unsigned int n;

	n = !n;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

static void put_file(const char *name, mode_t mode, const char *text)
{
	FILE *f = fopen(file(name), "w");

	fputs(text, f);
	fclose(f);
	chmod(file(name), mode);
}

static const char *text_of(const char *name)
{
	static char text[8192];
	FILE *f = fopen(file(name), "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return text;
}

/* What ends within a moment is dealt with. */
static void turn(void)
{
	struct pollfd fds[MANY];
	struct source *src;
	unsigned int i;

	for (i = 0; i < n_sources; i++)
		fds[i] = (struct pollfd){ .fd = sources[i].fd, .events = POLLIN };
	poll(fds, n_sources, 20);
	for (i = n_sources; i-- > 0;) {
		if (!fds[i].revents)
			continue;
		src = sources[i].src;
		sources[i] = sources[--n_sources];
		src->ready(src);
	}
	t.now = clock_ms();
	if (events)
		events->ready(events);
	export_run(&t);
}

static void turns(unsigned int ms)
{
	uint64_t until = clock_ms() + ms;

	while (clock_ms() < until)
		turn();
}

/* Until the file has that many lines, or for ten seconds */
static bool lines(const char *name, unsigned int n)
{
	uint64_t until = clock_ms() + 10000;
	unsigned int found;
	const char *c;

	do {
		turn();
		found = 0;
		for (c = text_of(name); *c; c++)
			found += *c == '\n';
	} while (found < n && clock_ms() < until);
	return found == n;
}

static unsigned int n_done;

static void done(void *arg)
{
	n_done++;
}

static bool all_done(unsigned int n)
{
	uint64_t until = clock_ms() + 10000;

	while (n_done < n && clock_ms() < until)
		turn();
	return n_done == n;
}

static void test_programs(struct hooks *h, const char *out)
{
	struct inet_tuple_addr addr = { AF_INET, { 10, 0, 0, 1 } };
	struct inet_tuple_addr addr6 = { AF_INET6, { 0xfd, [15] = 1 } };
	struct hook_event event = { "add", &addr, "voice", { 46, 0x10010, 7 },
				    NULL };
	struct hook_event other = { "del", &addr6, "plain", { 255, -1, 0 },
				    "killed" };
	char text[1024];

	ok(!hooks_any(h), "an empty folder");
	put_file("hooks/no.sh", 0755, "#!/bin/sh\necho dot\n");
	put_file("hooks/no~", 0755, "#!/bin/sh\necho tilde\n");
	put_file("hooks/no", 0644, "#!/bin/sh\necho mode\n");
	mkdir(file("hooks/folder"), 0755);
	ok(!hooks_any(h), "one with nothing that counts");
	snprintf(text, sizeof(text), "#!/bin/sh\necho second >>%s\n", out);
	put_file("hooks/20-b", 0755, text);
	snprintf(text, sizeof(text), "#!/bin/sh\nsleep 0.2\n{ echo \"$*\"; env |"
		 " grep ^INET | sort; echo HOME=$HOME;\n"
		 "readlink /proc/self/fd/0; grep SigBlk /proc/self/status;\n"
		 "[ ! -e /proc/self/fd/9 ] || echo open; } >>%s\n", out);
	put_file("hooks/10-a", 0755, text);
	put_file("hooks/15-c", 0755, "#!/bin/sh\nexit 3\n");
	put_file("hooks/16-d", 0755, "no program\n");
	put_file("hooks/17-e", 0755, "#!/bin/sh\nkill -USR1 $$\n");
	ok(hooks_any(h), "one with hooks");
	hooks_run(h, &event, done, NULL);
	ok(!n_done, "nobody waits for them");
	ok(all_done(1), "they end");
	ok(!strcmp(text_of("out"), "add 10.0.0.1 voice 46\n"
		   "INET_TUPLE_ADDRESS=10.0.0.1\nINET_TUPLE_DSCP=46\n"
		   "INET_TUPLE_EVENT=add\nINET_TUPLE_FAMILY=ip\n"
		   "INET_TUPLE_MARK=0x7\nINET_TUPLE_POOL=voice\n"
		   "INET_TUPLE_PRIORITY=0x10010\nHOME=\n/dev/null\n"
		   "SigBlk:\t0000000000000000\nsecond\n"),
	   "in order, with arguments and environment");
	ok(strstr(text_of("log"), "/15-c add 10.0.0.1: exit status 3\n"),
	   "a status is logged");
	ok(strstr(text_of("log"), "/16-d add 10.0.0.1: Exec format error\n"),
	   "so is what does not start");
	ok(strstr(text_of("log"), "/17-e add 10.0.0.1: ended by signal 10\n"),
	   "and what is killed");
	unlink(file("out"));
	hooks_run(h, &other, done, NULL);
	ok(all_done(2) && !strncmp(text_of("out"), "del fd00::1 plain -\n"
		   "INET_TUPLE_ADDRESS=fd00::1\nINET_TUPLE_EVENT=del\n"
		   "INET_TUPLE_FAMILY=ip6\nINET_TUPLE_POOL=plain\n"
		   "INET_TUPLE_REASON=killed\n", 134),
	   "with a reason, and without what is not set");
	unlink(file("hooks/15-c"));
	unlink(file("hooks/16-d"));
	unlink(file("hooks/17-e"));
	unlink(file("hooks/20-b"));
	unlink(file("out"));
}

/* Who has ended has no arguments, reaped or not. */
static bool runs(pid_t pid)
{
	char path[64], c;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	got = read(fd, &c, 1);
	close(fd);
	return got == 1;
}

static void test_limits(struct hooks *h, const char *out)
{
	struct hook_event event = { .event = "start" };
	char text[1024];
	unsigned int i;
	pid_t pid = 0;

	n_done = 0;
	h->limit_ms = 500;
	snprintf(text, sizeof(text),
		 "#!/bin/sh\nsleep 1000 &\necho $! >>%s\nwait\n", out);
	put_file("hooks/10-a", 0755, text);
	for (i = 0; hooks_free(h) && i < MANY; i++)
		hooks_run(h, &event, done, NULL);
	ok(i == 8, "not more than eight at a time");
	ok(lines("out", 8), "which hang");
	sscanf(text_of("out"), "%d", &pid);
	ok(pid > 0 && runs(pid), "with what they started");
	t.now = clock_ms() + 500;
	hooks_timers(h);
	ok(all_done(8), "for as long as they may");
	turns(100);
	ok(pid > 0 && !runs(pid), "what they started has ended with them");
	ok(strstr(text_of("log"), "/10-a start: took too long, killed\n"),
	   "which is logged");
	ok(hooks_deadline(h) == MACHINE_NEVER, "then there is nothing to wait for");
	unlink(file("out"));
}

/* Hooks and leases together */
static void test_told(const char *out)
{
	char text[1024], hooks[256];

	snprintf(text, sizeof(text), "#!/bin/sh\nsleep 0.3\n"
		 "echo $* $INET_TUPLE_REASON >>%s\n", out);
	put_file("hooks/10-a", 0755, text);
	snprintf(hooks, sizeof(hooks), "%s", file("hooks"));
	pools[1].dscp = 8;
	n_leases = 1;
	t.now = clock_ms();
	ok(!export_open(&t, NULL, hooks), "hooks without maps");
	turn();
	ok(!*text_of("out"), "nothing yet");
	ok(lines("out", 2) &&
	   !strcmp(text_of("out"), "start\nadd 10.0.0.1 bulk 8\n"),
	   "that it starts, and what is leased");
	release("10.0.0.1", INET_TUPLE_REASON_EXPIRED);
	assign("voice", "10.0.0.2");
	release("10.0.0.2", INET_TUPLE_REASON_CLOSED);
	ok(lines("out", 3) && strstr(text_of("out"), "del 10.0.0.1 bulk 8 expired\n"),
	   "what ends, and why; nothing of what came and went");
	assign("voice", "10.0.0.3");
	turns(50);
	release("10.0.0.3", INET_TUPLE_REASON_WITHDRAWN);
	assign("bulk", "10.0.0.3");
	release("10.0.0.3", INET_TUPLE_REASON_WITHDRAWN);
	ok(lines("out", 5) && strstr(text_of("out"), "add 10.0.0.3 voice 46\n"
				     "del 10.0.0.3 voice 46 withdrawn\n"),
	   "of one address one thing after the other");
	assign("voice", "10.0.0.4");
	turns(500);
	pools[0].dscp = 34;
	event(INET_TUPLE_CMD_POOL_SET_NTF, pool_obj(0));
	ok(lines("out", 7) && strstr(text_of("out"), "add 10.0.0.4 voice 46\n"
				     "add 10.0.0.4 voice 34\n"),
	   "a pool that changes");
	assign("voice", "10.0.0.5");
	turns(50);
	export_end(&t, true);
	ok(strstr(text_of("out"), "add 10.0.0.5 voice 34\nstop\n"),
	   "at the end those that run are waited for, and it is told");
}

int main(void)
{
	struct hooks h = { .t = &t, .limit_ms = 10000 };
	char hooks[256], out[256];

	if (!mkdtemp(dir) || dup2(0, 9) < 0)
		return 1;
	snprintf(hooks, sizeof(hooks), "%s", file("hooks"));
	snprintf(out, sizeof(out), "%s", file("out"));
	mkdir(hooks, 0755);
	if (!freopen(file("log"), "w", stderr))
		return 1;
	setvbuf(stderr, NULL, _IONBF, 0);
	test_parse();
	test_maps();
	test_refused();
	events = NULL;
	h.dir = hooks;
	t.now = clock_ms();
	test_programs(&h, out);
	test_limits(&h, out);
	test_told(out);
	if (fork() == 0)
		execlp("rm", "rm", "-rf", dir, NULL);
	return tap_done();
}
