// SPDX-License-Identifier: GPL-2.0-only
/* Memory runs out: each operation is made with its first allocation failing,
 * then with its second, until none is left; and then so with its requests to
 * rtnetlink. Whatever fails says so with a sensible errno and leaves everything as
 * it was; whatever works leaves nothing behind when it is undone.
 *
 * Needs /proc/self/fail-nth, which the instrumented kernel has. An argument
 * chooses operations by a part of their names, or "rest": what follows them.
 */

#include "prove.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define DEBUGFS "/sys/kernel/debug/"
#define NTH_MAX 2000

static int nth_fd = -1;
static struct inet_tuple_handle *handle;

/* Faults: each kind makes the n-th thing of its own fail. disarm() tells how many
 * more would have been needed, or, of requests, 1; 0: one failed.
 */
struct kind {
	const char *name;
	void (*arm)(int n);
	int (*disarm)(void);
};

static void memory_arm(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	if (pwrite(nth_fd, text, len, 0) != len)
		bail("fail-nth");
}

static int memory_disarm(void)
{
	char text[16] = "";
	int n = pread(nth_fd, text, sizeof(text) - 1, 0), left;

	left = n > 0 ? atoi(text) : 1;
	while (pwrite(nth_fd, "0", 1, 0) != 1)
		;
	return left;
}

static const struct kind memory = { "allocation", memory_arm, memory_disarm };

/* Requests to rtnetlink, whoever makes them, the module's work items too: the
 * function that sends them is left at once with an errno.
 */
#define REQUEST "tuple_plumb_request"
#define FAIL_FUNCTION DEBUGFS "fail_function/"

static bool requests_begin(void)
{
	char text[32];

	if (put_file(FAIL_FUNCTION "inject", REQUEST))
		return false;
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)-ENOMEM);
	if (put_file(FAIL_FUNCTION REQUEST "/retval", text))
		bail("fail_function");
	return true;
}

static void requests_end(void)
{
	if (put_file(FAIL_FUNCTION "inject", "!" REQUEST))
		bail("fail_function");
}

static void request_arm(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	if (put_file(FAIL_FUNCTION "space", text) ||
	    put_file(FAIL_FUNCTION "times", "1") ||
	    put_file(FAIL_FUNCTION "probability", "100"))
		bail("fail_function");
}

static int request_disarm(void)
{
	usleep(50000);	/* for work items */
	put_file(FAIL_FUNCTION "probability", "0");
	return get_number(FAIL_FUNCTION "times") != 0;
}

static const struct kind request = { "request", request_arm, request_disarm };

/* Return: whether there is such a function in the kernel */
static bool find_function(const char *function, unsigned long *start,
			  unsigned long *end)
{
	char line[512], name[256];
	unsigned long at;
	FILE *f;
	int pass;

	*start = 0;
	*end = ~0ul;
	for (pass = 0; pass < 2; pass++) {
		f = fopen("/proc/kallsyms", "r");
		while (f && fgets(line, sizeof(line), f)) {
			if (sscanf(line, "%lx %*s %255s", &at, name) != 2)
				continue;
			if (!pass && !strcmp(name, function))
				*start = at;
			if (pass && at > *start && at < *end)
				*end = at;
		}
		if (f)
			fclose(f);
	}
	return *start;
}

/* Faults of a kind are below this code alone ("require"), or not ("reject"). */
static void put_range(const char *kind, const char *what, unsigned long start,
		      unsigned long end)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s-start", kind, what);
	snprintf(text, sizeof(text), "0x%lx", start);
	put_file(path, text);
	snprintf(path, sizeof(path), DEBUGFS "%s/%s-end", kind, what);
	snprintf(text, sizeof(text), "0x%lx", end);
	put_file(path, text);
}

static void reject(const char *kind, const char *function)
{
	unsigned long start, end;

	if (find_function(function, &start, &end))
		put_range(kind, "reject", start, end);
}

/* So many of a hundred allocations below some code fail, from now on. */
static void chance_begin(unsigned long start, unsigned long end, int percent)
{
	char text[16];

	put_range("failslab", "require", start, end);
	put_file(DEBUGFS "failslab/times", "-1");
	snprintf(text, sizeof(text), "%d", percent);
	put_file(DEBUGFS "failslab/probability", text);
}

static void chance_end(void)
{
	put_file(DEBUGFS "failslab/probability", "0");
	put_range("failslab", "require", 0, ~0ul);
}

/* No backtrace for each: the framework takes those for complaints. */
static bool fault_setup(void)
{
	static const char *const kind[] = {
		"failslab", "fail_page_alloc", "fail_usercopy", "fail_function",
		"fail_futex",
	};
	char path[128];
	unsigned int i;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		return false;
	for (i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s/verbose", kind[i]);
		put_file(path, "0");
		snprintf(path, sizeof(path), DEBUGFS "%s/ignore-gfp-wait", kind[i]);
		put_file(path, "N");
		snprintf(path, sizeof(path), DEBUGFS "%s/ignore-gfp-highmem", kind[i]);
		put_file(path, "N");
		snprintf(path, sizeof(path), DEBUGFS "%s/min-order", kind[i]);
		put_file(path, "0");
	}
	/* What counts references says once that it cannot any more, which is
	 * taken for a complaint.
	 */
	reject("failslab", "ref_tracker_alloc");
	reject("fail_page_alloc", "ref_tracker_alloc");
	/* Only what allocates: a copy that fails is another matter. */
	put_file(DEBUGFS "fail_usercopy/require-start", "1");
	put_file(DEBUGFS "fail_usercopy/require-end", "2");
	return true;
}

/* State */

struct state {
	uint64_t addrs, routes;
	int n_addrs, n_routes, refs, rules, pools;
	char pool[16][256];
};

static uint64_t hash(const void *data, int len)
{
	uint64_t h = 0xcbf29ce484222325ull;
	const unsigned char *p = data;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

/* All but what a pool has been through, which only grows */
static int state_pool_cb(const struct inet_tuple_obj *obj, void *arg)
{
	struct state *s = arg;
	char *text = s->pool[s->pools];
	uint64_t num;
	int n, attr;

	if (s->pools == 16)
		return 0;
	n = snprintf(text, 256, "%s prefixes %u excludes %u users %u",
		     inet_tuple_obj_str(obj, INET_TUPLE_A_POOL_NAME),
		     inet_tuple_obj_count(obj, INET_TUPLE_A_POOL_PREFIX),
		     inet_tuple_obj_count(obj, INET_TUPLE_A_POOL_EXCLUDE),
		     inet_tuple_obj_count(obj, INET_TUPLE_A_POOL_USERS));
	for (attr = INET_TUPLE_A_POOL_IFINDEX; attr <= INET_TUPLE_A_POOL_MAX && n < 240; attr++)
		if ((attr < INET_TUPLE_A_POOL_PEAK || attr > INET_TUPLE_A_POOL_FAILED) &&
		    !inet_tuple_obj_num(obj, attr, &num))
			n += snprintf(text + n, 256 - n, " %d:%lld", attr,
				      (long long)num);
	s->pools++;
	return 0;
}

static int state_rule_cb(const struct inet_tuple_obj *obj, void *arg)
{
	((struct state *)arg)->rules++;
	return 0;
}

static void state_look(struct state *s)
{
	static struct seen seen;
	int i;

	memset(s, 0, sizeof(*s));
	if (seen_look(&seen))
		bail("rtnetlink");
	for (i = 0; i < seen.n_addrs; i++)
		s->addrs += hash(&seen.addrs[i], sizeof(seen.addrs[i]));
	for (i = 0; i < seen.n_routes; i++)
		s->routes += hash(&seen.routes[i], sizeof(seen.routes[i]));
	s->n_addrs = seen.n_addrs;
	s->n_routes = seen.n_routes;
	s->refs = get_number("/sys/module/inet_tuple/refcnt");
	if (inet_tuple_pool_list(handle, state_pool_cb, s) ||
	    inet_tuple_rule_list(handle, state_rule_cb, s))
		bail("inet_tuple");
}

/* Is it, soon, one of these? */
static bool state_is_any(const struct state *want, int n, struct state *is)
{
	uint64_t end = now_ms() + 4000;
	int i;

	for (;;) {
		state_look(is);
		for (i = 0; i < n; i++)
			if (!memcmp(&want[i], is, sizeof(*is)))
				return true;
		if (now_ms() > end)
			return false;
		usleep(5000);
	}
}

static bool state_is(const struct state *want, struct state *is)
{
	return state_is_any(want, 1, is);
}

static void state_tell(const struct state *want, const struct state *is)
{
	int i;

	if (want->n_addrs != is->n_addrs || want->addrs != is->addrs)
		note("addresses: %d, now %d", want->n_addrs, is->n_addrs);
	if (want->n_routes != is->n_routes || want->routes != is->routes)
		note("routes: %d, now %d", want->n_routes, is->n_routes);
	if (want->refs != is->refs)
		note("references: %d, now %d", want->refs, is->refs);
	if (want->rules != is->rules)
		note("rules: %d, now %d", want->rules, is->rules);
	for (i = 0; i < 16; i++)
		if (memcmp(want->pool[i], is->pool[i], 256)) {
			note("pool was: %s", want->pool[i]);
			note("pool is:  %s", is->pool[i]);
		}
}

static void handle_renew(void)
{
	if (handle)
		inet_tuple_handle_close(handle);
	handle = NULL;
	if (inet_tuple_handle_open(&handle, NULL))
		bail("handle");
}

/* Operations. Results: 0 or -errno. */

static int fd = -1, server = -1, peer = -1;
static char pool[16];

static int result(int r)
{
	return r < 0 ? -errno : 0;
}

static void close_all(void)
{
	if (peer >= 0)
		close(peer);
	if (fd >= 0)
		close(fd);
	if (server >= 0)
		close(server);
	fd = server = peer = -1;
}

static void choose(int s)
{
	if (setsockopt(s, SOL_INET_TUPLE, INET_TUPLE_POOL_MOVE, pool, strlen(pool)))
		bail("INET_TUPLE_POOL_MOVE");
}

static int make(int family, int type, int proto)
{
	int s = socket(family, type, proto);

	if (s < 0)
		bail("socket");
	choose(s);
	return s;
}

static int run_socket4(void) { return result(fd = socket(AF_INET_TUPLE, SOCK_STREAM, 0)); }
static int run_socket6(void) { return result(fd = socket(AF_INET6_TUPLE, SOCK_DGRAM, 0)); }
static int run_mptcp(void) { return result(fd = socket(AF_INET_TUPLE, SOCK_STREAM, 262)); }
static int run_sctp(void) { return result(fd = socket(AF_INET_TUPLE, SOCK_SEQPACKET, IPPROTO_SCTP)); }

static void before_tcp4(void) { fd = make(AF_INET_TUPLE, SOCK_STREAM, 0); }
static void before_tcp6(void) { fd = make(AF_INET6_TUPLE, SOCK_STREAM, 0); }
static void before_udp4(void) { fd = make(AF_INET_TUPLE, SOCK_DGRAM, 0); }
static void before_udp6(void) { fd = make(AF_INET6_TUPLE, SOCK_DGRAM, 0); }
static void before_raw4(void) { fd = make(AF_INET_TUPLE, SOCK_RAW, 253); }

static int run_bind4(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(700) };

	return result(bind(fd, (void *)&sin, sizeof(sin)));
}

static int run_bind6(void)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(700) };

	return result(bind(fd, (void *)&sin6, sizeof(sin6)));
}

static int run_bind_this(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(700) };

	inet_pton(AF_INET, "10.78.2.9", &sin.sin_addr);
	return result(bind(fd, (void *)&sin, sizeof(sin)));
}

/* A server of this host, by its own hand */
static void before_server(int family)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(900) };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(900) };
	int on = 1;

	server = socket(family, SOCK_STREAM, 0);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(server, family == AF_INET ? (void *)&sin : (void *)&sin6,
		 family == AF_INET ? sizeof(sin) : sizeof(sin6)) ||
	    listen(server, 8))
		bail("server");
}

static void before_connect4(void) { before_server(AF_INET); before_tcp4(); }
static void before_connect6(void) { before_server(AF_INET6); before_tcp6(); }

static int run_connect4(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(900) };

	inet_pton(AF_INET, "10.78.99.1", &sin.sin_addr);
	return result(connect(fd, (void *)&sin, sizeof(sin)));
}

static int run_connect6(void)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(900) };

	inet_pton(AF_INET6, "fd78:99::1", &sin6.sin6_addr);
	return result(connect(fd, (void *)&sin6, sizeof(sin6)));
}

static int run_sendto(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(900) };

	inet_pton(AF_INET, "10.78.99.1", &sin.sin_addr);
	return result(sendto(fd, "x", 1, 0, (void *)&sin, sizeof(sin)));
}

static int run_sendto6(void)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(900) };

	inet_pton(AF_INET6, "fd78:99::1", &sin6.sin6_addr);
	return result(sendto(fd, "x", 1, 0, (void *)&sin6, sizeof(sin6)));
}

static int run_listen(void) { return result(listen(fd, 4)); }

/* SO_LINGER 0 for all: TIME_WAIT would keep the state from what it was. */
static void no_time_wait(int s)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(s, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void before_accept(void)
{
	struct sockaddr_in sin = {};
	socklen_t len = sizeof(sin);

	before_tcp4();
	if (listen(fd, 4) || getsockname(fd, (void *)&sin, &len))
		bail("listen");
	server = socket(AF_INET, SOCK_STREAM, 0);
	no_time_wait(server);
	if (connect(server, (void *)&sin, len))
		bail("connect");
	usleep(20000);
}

static int run_accept(void) { return result(peer = accept(fd, NULL, NULL)); }

static void before_move4(void) { fd = socket(AF_INET_TUPLE, SOCK_STREAM, 0); }
static void before_move6(void) { fd = socket(AF_INET6_TUPLE, SOCK_DGRAM, 0); }

static int run_move(void)
{
	return result(setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL_MOVE, pool,
				 strlen(pool)));
}

static int run_scope_id(void)
{
	uint64_t id = 77;

	return result(setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_SCOPE_ID, &id,
				 sizeof(id)));
}

static int run_close(void)
{
	int s = fd;

	fd = -1;
	return result(close(s));
}

static int run_pool_add(void)
{
	return pool_add(handle, "name=new dev=tp0 prefix=10.78.50.0/24 prefix=fd78:50::/120 exclude=10.78.50.7 plumb=%d quota=7", !strcmp(pool, "b"));
}

static void undo_pool_add(void)
{
	handle_renew();
	inet_tuple_pool_del(handle, "new", true);
}

static void before_pool_set(void)
{
	before_tcp4();
	peer = make(AF_INET6_TUPLE, SOCK_STREAM, 0);
}

static int run_pool_set(void)
{
	return pool_set(handle, "name=%s prefix=10.78.60.0/25 prefix=fd78:60::/121 exclude=10.78.60.3 quota=50 order=0", pool);
}

static void undo_pool_set(void)
{
	handle_renew();
	pool_set(handle, "name=%s -exclude=10.78.60.3", pool);
	pool_set(handle, "name=%s -prefix=10.78.60.0/25", pool);
	pool_set(handle, "name=%s -prefix=fd78:60::/121", pool);
	pool_set(handle, "name=%s quota=4294967295 order=2", pool);
}

static int run_prefix_del(void)
{
	int n = pool[0] - 'a';

	return pool_set(handle, "name=%s -prefix=10.78.%d.0/24 -prefix=fd78:%d::/120", pool, n, n);
}

static void undo_prefix_del(void)
{
	int n = pool[0] - 'a';

	handle_renew();
	pool_set(handle, "name=%s prefix=10.78.%d.0/24 prefix=fd78:%d::/120", pool, n, n);
}

static void before_pool_del(void)
{
	pool_add(handle, "name=new dev=tp0 prefix=10.78.50.0/24 prefix=fd78:50::/120 plumb=%d", !strcmp(pool, "b"));
	fd = socket(AF_INET_TUPLE, SOCK_STREAM, 0);
	peer = socket(AF_INET6_TUPLE, SOCK_STREAM, 0);
	setsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_POOL_MOVE, "new", 3);
	setsockopt(peer, SOL_INET_TUPLE, INET_TUPLE_POOL_MOVE, "new", 3);
}

static int run_pool_del(void) { return inet_tuple_pool_del(handle, "new", true); }

static struct inet_tuple_obj *rule_obj(void)
{
	struct inet_tuple_obj *rule = inet_tuple_obj_alloc(INET_TUPLE_RULE_OBJ);

	inet_tuple_obj_set_str(rule, INET_TUPLE_A_RULE_POOL, "a");
	inet_tuple_obj_set_num(rule, INET_TUPLE_A_RULE_UID, 4711);
	inet_tuple_obj_set_str(rule, INET_TUPLE_A_RULE_CGROUP, "/");
	return rule;
}

static int run_rule_add(void)
{
	struct inet_tuple_obj *rule = rule_obj();
	int err = inet_tuple_rule_add(handle, rule);

	inet_tuple_obj_free(rule);
	return err;
}

static void undo_rule_add(void)
{
	struct inet_tuple_obj *rule = rule_obj();

	handle_renew();
	inet_tuple_rule_del(handle, rule);
	inet_tuple_obj_free(rule);
}

static void before_rule_del(void)
{
	if (run_rule_add())
		bail("rule");
}

static int run_rule_del(void)
{
	struct inet_tuple_obj *rule = rule_obj();
	int err = inet_tuple_rule_del(handle, rule);

	inet_tuple_obj_free(rule);
	return err;
}

static int lease_cb(const struct inet_tuple_obj *obj, void *arg) { return 0; }

static int run_dump(void)
{
	int err = inet_tuple_pool_list(handle, lease_cb, NULL);

	if (!err)
		err = inet_tuple_lease_list(handle, NULL, NULL, lease_cb, NULL);
	return err;
}

static void undo_renew(void) { handle_renew(); }

static int run_kill(void)
{
	struct inet_tuple_addr addr = { .family = AF_INET };
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	/* a number at the place of the kernel's choice costs no memory */
	getsockname(fd, (void *)&sin, &len);
	memcpy(addr.bytes, &sin.sin_addr, 4);
	return inet_tuple_lease_kill(handle, &addr);
}

/* Addresses from a server: what pool d has, and what it is given */
static int give_or_take(int (*what)(struct inet_tuple_handle *h,
				    const struct inet_tuple_obj *addr), int n)
{
	struct inet_tuple_addr addr = { AF_INET, { 10, 78, 200, n } };
	struct inet_tuple_obj *obj = inet_tuple_obj_alloc(INET_TUPLE_ADDR_OBJ);
	int err;

	inet_tuple_obj_set_str(obj, INET_TUPLE_A_ADDR_POOL, "d");
	inet_tuple_obj_set_addr(obj, INET_TUPLE_A_ADDR_ADDR, &addr);
	if (what == inet_tuple_addr_set)
		inet_tuple_obj_set_num(obj, INET_TUPLE_A_ADDR_VALID, 86400);
	err = what(handle, obj);
	inet_tuple_obj_free(obj);
	return err;
}

static int run_addr_set(void) { return give_or_take(inet_tuple_addr_set, 99); }

static void undo_addr_set(void)
{
	handle_renew();
	give_or_take(inet_tuple_addr_del, 99);
}

static int held;	/* the last byte of the address that fd has */

static void before_held(void)
{
	struct sockaddr_in sin = {};
	socklen_t len = sizeof(sin);

	before_tcp4();
	getsockname(fd, (void *)&sin, &len);
	held = ntohl(sin.sin_addr.s_addr) & 0xff;
}

static int run_addr_del(void) { return give_or_take(inet_tuple_addr_del, held); }

static void undo_addr_del(void)
{
	handle_renew();
	give_or_take(inet_tuple_addr_set, held);
}

static int run_addr_dump(void)
{
	return inet_tuple_addr_list(handle, NULL, lease_cb, NULL);
}

/* Pool w keeps an address of either family warm, always the same. */
static void before_warm(void) { fd = socket(AF_INET_TUPLE, SOCK_DGRAM, 0); }

static void warm_up(void)
{
	int v4 = socket(AF_INET_TUPLE, SOCK_DGRAM, 0);
	int v6 = socket(AF_INET6_TUPLE, SOCK_DGRAM, 0);

	if (v4 < 0 || v6 < 0)
		bail("warm addresses");
	close(v4);
	close(v6);
}

static int run_warm_off(void) { return pool_set(handle, "name=w warm=0"); }

static void undo_warm_off(void)
{
	handle_renew();
	pool_set(handle, "name=w warm=600000");
	warm_up();
}

/* Files in sysfs: that of our namespace, which is mounted nowhere else */
static int sysfs = -1;

static void sysfs_open(void)
{
	int context = fsopen("sysfs", FSOPEN_CLOEXEC);

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		bail("sysfs");
	sysfs = fsmount(context, FSMOUNT_CLOEXEC, 0);
	if (sysfs < 0)
		bail("sysfs");
	close(context);
}

static void before_file(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "class/inet_tuple/%s", name);
	fd = openat(sysfs, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		bail(path);
}

static int store(const char *text) { return result(pwrite(fd, text, strlen(text), 0)); }

static void before_quota(void) { before_file("a/quota"); }
static int run_quota(void) { return store("77"); }
static void undo_quota(void) { store("unlimited"); }

static void before_users(void) { before_file("a/users"); }
static int run_users(void) { return store("0-4999 6000"); }
static void undo_users(void) { store("all"); }

static void before_prefixes(void) { before_file("b/prefixes"); }
static int run_prefixes(void) { return store("+10.78.60.0/25 +fd78:60::/121"); }
static void undo_prefixes(void) { store("-10.78.60.0/25 -fd78:60::/121"); }

static void before_excludes(void) { before_file("a/excludes"); }
static int run_excludes(void) { return store("+10.78.0.200 +fd78:0::77"); }
static void undo_excludes(void) { store("-10.78.0.200 -fd78:0::77"); }

static void before_pools(void) { before_file("pools"); }
static int run_pools_add(void) { return store("+new"); }
static int run_pools_del(void) { return store("-new"); }
static void undo_pools(void) { store("-new"); }

static void before_pools_del(void)
{
	before_pools();
	if (run_pools_add())
		bail("a pool by sysfs");
}

static int run_option_get(void)
{
	struct inet_tuple_lease lease;
	socklen_t len = sizeof(lease);

	return result(getsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_LEASE, &lease, &len));
}

static struct op {
	const char *name;
	const char *pool;
	void (*before)(void);
	int (*run)(void);
	void (*undo)(void);
	bool netlink;	/* an answer may get lost: then it was done all the same */
	bool keeps;	/* a lease got by the way is kept when the rest fails */
	bool cools;	/* what was warm need not be after a failure */
	int also[3];	/* what inet may say */
} ops[] = {
	{ "socket IPv4, an address each", "a", NULL, run_socket4, .also = { ENFILE } },
	{ "socket IPv6, an address each", "a", NULL, run_socket6, .also = { ENFILE } },
	{ "socket IPv4, prefix", "b", NULL, run_socket4, .also = { ENFILE } },
	{ "socket IPv6, prefix", "b", NULL, run_socket6, .also = { ENFILE } },
	{ "socket, shared lease", "s", NULL, run_socket4, .also = { ENFILE } },
	{ "socket, MPTCP", "a", NULL, run_mptcp, .also = { ENFILE } },
	{ "socket, SCTP", "a", NULL, run_sctp, .also = { ENFILE } },
	{ "socket, a warm lease", "w", NULL, run_socket4, .also = { ENFILE } },
	{ "socket IPv6, a warm lease", "w", NULL, run_socket6, .also = { ENFILE } },
	{ "socket, from a server", "d", NULL, run_socket4, .also = { ENFILE } },
	{ "address given", "d", NULL, run_addr_set, undo_addr_set, true },
	{ "address taken back", "d", before_held, run_addr_del, undo_addr_del, true },
	{ "addresses dumped", "d", before_tcp4, run_addr_dump, undo_renew, true },
	{ "bind", "a", before_tcp4, run_bind4, .also = { EADDRINUSE, EADDRNOTAVAIL } },
	{ "bind IPv6", "a", before_udp6, run_bind6, .also = { EADDRINUSE, EADDRNOTAVAIL } },
	{ "bind IPv6, prefix", "b", before_tcp6, run_bind6, .also = { EADDRINUSE, EADDRNOTAVAIL } },
	{ "bind that assigns", "c", before_udp4, run_bind4, .also = { EADDRINUSE, EADDRNOTAVAIL } },
	{ "bind that assigns, IPv6", "c", before_udp6, run_bind6, .also = { EADDRINUSE, EADDRNOTAVAIL } },
	{ "bind to an address", "c", before_tcp4, run_bind_this, .also = { EADDRINUSE, EADDRNOTAVAIL } },
	{ "connect", "a", before_connect4, run_connect4, .keeps = true, .also = { EADDRINUSE, EADDRNOTAVAIL, ETIMEDOUT } },
	{ "connect that assigns", "c", before_connect4, run_connect4, .keeps = true, .also = { EADDRINUSE, EADDRNOTAVAIL, ETIMEDOUT } },
	{ "connect that assigns, IPv6", "c", before_connect6, run_connect6, .keeps = true, .also = { EADDRINUSE, EADDRNOTAVAIL, ETIMEDOUT } },
	{ "send that assigns", "c", before_udp4, run_sendto, .keeps = true, .also = { EADDRINUSE, EADDRNOTAVAIL } },
	{ "send that assigns, IPv6", "c", before_udp6, run_sendto6, .keeps = true, .also = { EADDRINUSE, EADDRNOTAVAIL } },
	{ "send that assigns, raw", "c", before_raw4, run_sendto, .keeps = true, .also = { EADDRINUSE, EADDRNOTAVAIL } },
	{ "listen that assigns", "c", before_tcp4, run_listen, .keeps = true, .also = { EADDRINUSE, EADDRNOTAVAIL } },
	{ "accept", "a", before_accept, run_accept, .also = { ENFILE } },
	{ "move to a pool", "m", before_move4, run_move },
	{ "move to a pool, IPv6", "m", before_move6, run_move },
	{ "scope id", "a", before_tcp4, run_scope_id },
	{ "lease by getsockopt", "a", before_tcp4, run_option_get },
	{ "close", "a", before_tcp4, run_close, .keeps = true },
	{ "close IPv6", "a", before_udp6, run_close, .keeps = true },
	{ "close, kept warm", "w", before_warm, run_close, .keeps = true },
	{ "pool add", "a", NULL, run_pool_add, undo_pool_add, true },
	{ "pool add, prefix", "b", NULL, run_pool_add, undo_pool_add, true },
	{ "pool set", "a", before_pool_set, run_pool_set, undo_pool_set, true },
	{ "pool set, prefix", "b", before_pool_set, run_pool_set, undo_pool_set, true },
	{ "pool set, prefixes removed", "a", NULL, run_prefix_del, undo_prefix_del, true },
	{ "pool set, prefixes removed, prefix", "b", NULL, run_prefix_del, undo_prefix_del, true },
	{ "pool set, nothing warm", "w", NULL, run_warm_off, undo_warm_off, true, .cools = true },
	{ "pool del by force", "a", before_pool_del, run_pool_del, undo_pool_add, true },
	{ "pool del by force, prefix", "b", before_pool_del, run_pool_del, undo_pool_add, true },
	{ "rule add", "a", NULL, run_rule_add, undo_rule_add, true },
	{ "rule del", "a", before_rule_del, run_rule_del, undo_rule_add, true },
	{ "sysfs, a number", "a", before_quota, run_quota, undo_quota },
	{ "sysfs, users", "a", before_users, run_users, undo_users },
	{ "sysfs, prefixes", "b", before_prefixes, run_prefixes, undo_prefixes },
	{ "sysfs, excludes", "a", before_excludes, run_excludes, undo_excludes },
	{ "sysfs, pool add", "a", before_pools, run_pools_add, undo_pools },
	{ "sysfs, pool del", "a", before_pools_del, run_pools_del, undo_pools },
	{ "lease kill", "a", before_tcp4, run_kill, undo_renew, true, true },
	{ "dumps", "a", before_tcp4, run_dump, undo_renew, true },
};

/* Besides what it should say: where the file of a socket cannot be made, and
 * where inet has no bucket for the port. Of a local route that it cannot add
 * with an address the kernel does not tell, so that bind() finds the address
 * foreign and connect() hears nothing.
 */
static bool sensible(const struct op *op, int err)
{
	return err == -ENOMEM || err == -ENOBUFS || err == -op->also[0] ||
	       err == -op->also[1] || err == -op->also[2];
}

/* Is the state what it may be after a failure? As before; or, where only the answer
 * was lost, as after a trial without a fault, which leased other addresses from the
 * pool before it began.
 */
static bool state_is_sound(const struct op *op, const struct state *before,
			   const struct state *after, struct state *is)
{
	struct state want[3] = { *before };
	int n = 1;

	if (op->netlink) {
		want[n] = *after;
		if (after->n_addrs == before->n_addrs)
			want[n].addrs = before->addrs;
		if (after->n_routes == before->n_routes)
			want[n].routes = before->routes;
		n++;
	}
	if (op->cools) {
		want[n] = *before;
		want[n].n_addrs = after->n_addrs;
		want[n++].addrs = after->addrs;
	}
	return state_is_any(want, n, is);
}

/* What the operation makes of the state when nothing fails */
static bool try_without(const struct op *op, struct state *after)
{
	int err;

	if (op->before)
		op->before();
	err = op->run();
	usleep(50000);
	state_look(after);
	if (op->undo)
		op->undo();
	close_all();
	if (err)
		note("%s: %s without a fault", op->name, strerror(-err));
	return !err;
}

/* Return: whether all was well; *more: whether a fault was met */
static bool try_nth(const struct op *op, const struct kind *kind, int n,
		    const struct state *base, const struct state *after,
		    bool *more)
{
	struct state before, is;
	bool good = true;
	int err, left;

	if (op->before)
		op->before();
	state_look(&before);
	kind->arm(n);
	err = op->run();
	left = kind->disarm();
	*more = left == 0;
	if (op->netlink)
		handle_renew();
	if (err && left) {
		note("%s, %s %d: %s without a fault", op->name, kind->name, n,
		     strerror(-err));
		good = false;
	} else if (err && !sensible(op, err)) {
		note("%s, %s %d: %s", op->name, kind->name, n, strerror(-err));
		good = false;
	}
	if (err && !op->keeps && !state_is_sound(op, &before, after, &is)) {
		note("%s, %s %d: %s, but the state changed", op->name,
		     kind->name, n, strerror(-err));
		state_tell(&before, &is);
		good = false;
	}
	if (op->undo)
		op->undo();
	if (peer >= 0)
		no_time_wait(peer);
	if (fd >= 0)
		no_time_wait(fd);
	close_all();
	if (!state_is(base, &is)) {
		note("%s, %s %d: %s, and something is left", op->name,
		     kind->name, n, strerror(-err));
		state_tell(base, &is);
		good = false;
	}
	return good;
}

static int rebuild(void);

/* One fault after the other, until none is met.
 * Return: how many trials went wrong; *faults: how many faults there were
 */
static int try_kind(const struct op *op, const struct kind *kind,
		    const struct state *after, int *faults)
{
	struct state base;
	bool more = true;
	int n, bad = 0;

	*faults = 0;
	state_look(&base);
	for (n = 1; n < NTH_MAX && more && bad < 6; n++) {
		if (!try_nth(op, kind, n, &base, after, &more)) {
			bad++;
			rebuild();
			state_look(&base);
		}
		*faults += more;
	}
	return bad;
}

static bool can_refuse;
static int all_requests;	/* made to fail in all operations */

static void try_op(const struct op *op)
{
	int bad, faults, requests = 0;
	struct state after;

	snprintf(pool, sizeof(pool), "%s", op->pool);
	rebuild();
	if (!try_without(op, &after)) {
		tap(false, "%s", op->name);
		return;
	}
	if (rebuild())
		return;
	bad = try_kind(op, &memory, &after, &faults);
	can_refuse = requests_begin();
	if (can_refuse) {
		bad += try_kind(op, &request, &after, &requests);
		requests_end();
	}
	all_requests += requests;
	tap(!bad, "%s: %d allocations, %d requests to rtnetlink", op->name,
	    faults, requests);
}

/* The pools anew, and no address of ours left from a trial that went wrong */
static int rebuild(void)
{
	static struct inet_tuple_handle *agent;
	struct seen s = {};
	int i, err;

	handle_renew();
	pools_delete(handle);
	seen_look(&s);
	for (i = 0; i < s.n_addrs; i++)
		if (s.addrs[i].proto == PLUMB_PROTO)
			addr_change(RTM_DELADDR, s.addrs[i].ifindex,
				    s.addrs[i].addr.family, s.addrs[i].addr.bytes,
				    s.addrs[i].len);
	seen_free(&s);
	/* the one under test is the default; "m" is moved to from another */
	err = pool_add(handle, "name=a dev=tp0 prefix=10.78.0.0/24 prefix=fd78:0::/120 order=2 quarantine=0 default=%d", pool[0] == 'a' || pool[0] == 'm');
	err = err ?: pool_add(handle, "name=b dev=tp0 prefix=10.78.1.0/24 prefix=fd78:1::/120 order=2 quarantine=0 plumb=1 default=%d", pool[0] == 'b');
	err = err ?: pool_add(handle, "name=c dev=tp0 prefix=10.78.2.0/24 prefix=fd78:2::/120 order=2 quarantine=0 assign=1 default=%d", pool[0] == 'c');
	err = err ?: pool_add(handle, "name=s dev=tp0 prefix=10.78.3.0/24 prefix=fd78:3::/120 order=2 quarantine=0 scope=1 default=%d", pool[0] == 's');
	err = err ?: pool_add(handle, "name=m dev=tp0 prefix=10.78.4.0/24 prefix=fd78:4::/120 order=2 quarantine=0 quota=5 default=0");
	err = err ?: pool_add(handle, "name=w dev=tp0 prefix=10.78.5.0/24 prefix=fd78:5::/120 order=0 quarantine=0 warm=600000 default=%d", pool[0] == 'w');
	/* below its mark with the first lease, so that it asks for more */
	err = err ?: pool_add(handle, "name=d dev=tp0 source=1 low=8 high=8 wait=0 quarantine=0 default=%d", pool[0] == 'd');
	for (i = 1; i <= 8 && !err; i++)
		err = give_or_take(inet_tuple_addr_set, i);
	if (!agent && (inet_tuple_handle_open(&agent, NULL) || inet_tuple_agent_fd(agent) < 0))
		bail("agent");
	if (err)
		bail("pools");
	if (pool[0] == 'w')
		warm_up();
	return err;
}

/* Things so long that only their last allocations are of interest, which are
 * ours: the module's start, and that of a namespace.
 */

static int module_file(void)
{
	char path[256] = "";
	FILE *p = popen("modinfo -n inet_tuple", "r");

	if (p) {
		if (fgets(path, sizeof(path), p))
			path[strcspn(path, "\n")] = 0;
		pclose(p);
	}
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int file = -1;

static int long_module(void)
{
	return syscall(SYS_finit_module, file, "", 0) ? -errno : 0;
}

static void long_module_undo(void)
{
	module_remove_within(10000);
}

/* In a child, since nobody comes back from a namespace */
static int long_namespace(void)
{
	return unshare(CLONE_NEWNET) ? -errno : 0;
}

static int long_child(int (*run)(void), int n, int *left)
{
	int status, p[2], report[2];
	pid_t pid;

	if (pipe(p))
		bail("pipe");
	pid = fork();
	if (!pid) {
		nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
		memory_arm(n);
		report[0] = run();
		report[1] = memory_disarm();
		_exit(write(p[1], report, sizeof(report)) != sizeof(report));
	}
	close(p[1]);
	if (pid < 0 || read(p[0], report, sizeof(report)) != sizeof(report))
		bail("child");
	close(p[0]);
	waitpid(pid, &status, 0);
	*left = report[1];
	return report[0];
}

static void try_long(const char *name, int (*run)(void), void (*undo)(void),
		     int last, long refs)
{
	int n, err, left, total, bad = 0, failed = 0;
	const int huge = 1000000;

	err = long_child(run, huge, &left);
	if (err) {
		tap(false, "%s without a fault", name);
		return;
	}
	if (undo)
		undo();
	total = huge - left;
	for (n = total > last ? total - last : 1; n <= total && bad < 6; n++) {
		err = long_child(run, n, &left);
		failed += err != 0;
		if (err && (left || (err != -ENOMEM && err != -ENOBUFS &&
				     err != -ENFILE))) {
			note("%s, fault %d: %s", name, n, strerror(-err));
			bad++;
		}
		if (!err && undo)
			undo();
		if (get_number("/sys/module/inet_tuple/refcnt") != refs) {
			note("%s, fault %d: %s, references: %ld", name, n,
			     strerror(-err),
			     get_number("/sys/module/inet_tuple/refcnt"));
			bad++;
		}
	}
	tap(!bad, "%s: the last %d of %d allocations, %d refused", name,
	    total < last ? total : last, total, failed);
}

static int routes_plumbed(void)
{
	struct seen seen = {};
	int n;

	if (seen_look(&seen))
		bail("rtnetlink");
	n = seen.n_routes;
	seen_free(&seen);
	return n;
}

static int addrs_of(int proto, bool tell)
{
	struct seen seen = {};
	int i, n = 0;

	if (seen_look(&seen))
		bail("rtnetlink");
	for (i = 0; i < seen.n_addrs; i++)
		if (seen.addrs[i].proto == proto) {
			n++;
			if (tell)
				note("%s is there", addr_name(&seen.addrs[i].addr));
		}
	seen_free(&seen);
	return n;
}

static int addrs_plumbed(bool tell)
{
	return addrs_of(PLUMB_PROTO, tell);
}

/* Are so many addresses of ours on devices, soon? */
static bool plumbed_becomes(int want, bool tell)
{
	uint64_t end = now_ms() + 4000;

	while (addrs_plumbed(false) != want) {
		if (now_ms() > end)
			return addrs_plumbed(tell) == want;
		sleep_ms(5);
	}
	return true;
}

/* A device is back, and what puts its IPv6 addresses on it again finds no memory now
 * and then, for a route too: that one is taken off, and put on once more.
 */
#define PUT_BACK 24

static void put_back(unsigned int rounds)
{
	int s[PUT_BACK], bad = 0, left = 0;
	unsigned long start, end;
	unsigned int i, round;

	if (!find_function("tuple_plumb_add", &start, &end)) {
		tap(false, "tuple_plumb_add is a function");
		return;
	}
	for (round = 0; round < rounds && !left; round++) {
		for (i = 0; i < PUT_BACK; i++)
			s[i] = make(AF_INET6_TUPLE, SOCK_DGRAM, 0);
		link_down("tp0");
		if (!plumbed_becomes(0, true))
			bail("addresses stay on a device that is down");
		chance_begin(start, end, 6);
		link_up("tp0");
		bad += !plumbed_becomes(PUT_BACK, false);
		chance_end();
		for (i = 0; i < PUT_BACK; i++)
			close(s[i]);
		left += !plumbed_becomes(0, true);
	}
	addr_text(RTM_NEWADDR, "tp0", "fd78:99::1", 64);
	tap(!bad, "put back, although memory was short");
	tap(!left, "put back, and taken off when it was to go");
}

/* The host has the addresses of leases on the device when it is back, and there is no
 * memory for telling so to who wants to put them there. The host's stay, and the
 * leases' follow when they go. No answer is wanted for the link, which has none.
 */
#define HOSTS 8

static int hosts_change(int type, const struct sockaddr_in6 *addr)
{
	int i, bad = 0;

	for (i = 0; i < HOSTS; i++)
		bad += addr_change(type, if_nametoindex("tp0"), AF_INET6,
				   &addr[i].sin6_addr, 128) != 0;
	return bad;
}

static int link_up_unanswered(void)
{
	struct ifreq ifr = { .ifr_name = "tp0" };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	err = ioctl(s, SIOCGIFFLAGS, &ifr);
	ifr.ifr_flags |= IFF_UP;
	err = err ?: ioctl(s, SIOCSIFFLAGS, &ifr);
	close(s);
	return err;
}

static void put_back_beside_host(void)
{
	struct sockaddr_in6 addr[HOSTS];
	socklen_t len = sizeof(addr[0]);
	unsigned long start, end;
	int s[HOSTS], i, before;

	if (!find_function("netlink_ack", &start, &end)) {
		tap(false, "netlink_ack is a function");
		return;
	}
	for (i = 0; i < HOSTS; i++) {
		s[i] = make(AF_INET6_TUPLE, SOCK_DGRAM, 0);
		if (getsockname(s[i], (struct sockaddr *)&addr[i], &len))
			bail("getsockname");
	}
	link_down("tp0");
	if (hosts_change(RTM_NEWADDR, addr))
		bail("addresses of the host's");
	before = addrs_of(0, false);
	chance_begin(start, end, 100);
	if (link_up_unanswered())
		bail("link");
	sleep_ms(500);
	chance_end();
	tap(addrs_of(0, false) >= before && !addrs_plumbed(true),
	    "the host's addresses stay where nobody is told of them");
	tap(!hosts_change(RTM_DELADDR, addr) && plumbed_becomes(HOSTS, true),
	    "and when they go there are the leases' addresses");
	for (i = 0; i < HOSTS; i++)
		close(s[i]);
	tap(plumbed_becomes(0, true), "which go with the sockets");
	addr_text(RTM_NEWADDR, "tp0", "fd78:99::1", 64);
}

/* Chance: what the module's work items allocate fails now and then as well,
 * while sockets, pools and devices come and go.
 */
static void storm(unsigned int seconds)
{
	char line[512];
	unsigned long base = 0, size = 0;
	uint64_t end = now_ms() + seconds * 1000, rounds = 0, failed = 0;
	FILE *f = fopen("/proc/modules", "r");
	int s[32], i;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "inet_tuple %lu %*s %*s %*s 0x%lx", &size, &base) == 2)
			break;
	if (f)
		fclose(f);
	if (!base) {
		tap_skip("faults by chance", "the module's place is not known");
		return;
	}
	chance_begin(base, base + size, 10);
	rnd_seed(seed_of("FAULT_SEED"));
	for (i = 0; i < 32; i++)
		s[i] = -1;
	while (now_ms() < end) {
		i = rnd(32);
		if (s[i] >= 0)
			close(s[i]);
		s[i] = socket(rnd(2) ? AF_INET_TUPLE : AF_INET6_TUPLE,
			      rnd(2) ? SOCK_STREAM : SOCK_DGRAM, 0);
		failed += s[i] < 0;
		rounds++;
		if (s[i] >= 0 && rnd(2))
			fd = s[i], run_bind4();
		if (s[i] >= 0 && rnd(8) == 0)
			fd = s[i], run_kill();
		if (rnd(16) == 0) {
			link_down("tp0");
			link_up("tp0");
			addr_text(RTM_NEWADDR, "tp0", "fd78:99::1", 64);
		}
		if (rnd(16) == 0) {
			run_pool_set();
			undo_pool_set();
		}
		if (rnd(16) == 0) {
			run_pool_add();
			undo_pool_add();
		}
		fd = -1;
	}
	chance_end();
	for (i = 0; i < 32; i++)
		if (s[i] >= 0)
			close(s[i]);
	note("faults by chance: %llu rounds, %llu sockets refused",
	     (unsigned long long)rounds, (unsigned long long)failed);
	handle_renew();
	sleep_ms(500);
	tap(!pools_delete(handle), "pools can be deleted after faults by chance");
	tap(plumbed_becomes(0, true), "no address is left after faults by chance");
	tap(!routes_plumbed(), "no route is left after faults by chance");
}

int main(int argc, char **argv)
{
	bool all = argc < 2, rest = all || !strcmp(argv[1], "rest");
	unsigned int i;
	int err;

	printf("TAP version 13\n");
	if (!fault_setup()) {
		tap_skip("faults", "this kernel has no /proc/self/fail-nth");
		return tap_end();
	}
	mlockall(MCL_CURRENT | MCL_FUTURE);
	own_namespace();
	if (dummy_add("tp0"))
		bail("device");
	addr_text(RTM_NEWADDR, "tp0", "10.78.99.1", 24);
	addr_text(RTM_NEWADDR, "tp0", "fd78:99::1", 64);
	sysfs_open();
	put_file("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0");
	put_file("/proc/sys/net/ipv4/tcp_syn_retries", "1");
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (all || strstr(ops[i].name, argv[1]))
			try_op(&ops[i]);
	if (!can_refuse)
		tap_skip("requests to rtnetlink fail",
			 "this kernel cannot make functions fail");
	else if (all)
		tap(all_requests, "%d requests to rtnetlink were made to fail",
		    all_requests);
	if (rest) {
		snprintf(pool, sizeof(pool), "a");
		rebuild();
		try_long("a new namespace", long_namespace, NULL, 80, 0);
		rebuild();
		put_back(6);
		put_back_beside_host();
		storm(seconds_of("FAULT_SECONDS", 8));
	}
	handle_renew();
	pools_delete(handle);
	inet_tuple_handle_close(handle);
	handle = NULL;
	err = module_remove_within(15000);
	tap(!err, "the module unloads");
	file = module_file();
	if (rest && !err && file >= 0)
		try_long("the module's start", long_module, long_module_undo,
			 90, -1);
	tap(!module_insert(), "the module loads again");
	return tap_end();
}
