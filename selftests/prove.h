/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs stress, fault and fuzz share: TAP, numbers that can be
 * repeated, a namespace with devices of its own, and a look at what is there.
 */
#ifndef _PROVE_H
#define _PROVE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "libinettuple.h"

#define PLUMB_PROTO 0x54
#ifndef IFA_PROTO
#define IFA_PROTO 11
#endif

/* TAP */

static int tap_count, tap_failed;

static inline bool tap(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%s %d - ", good ? "ok" : "not ok", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	tap_failed += !good;
	return good;
}

static inline void tap_skip(const char *name, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_count, name, why);
	fflush(stdout);
}

static inline int tap_end(void)
{
	printf("1..%d\n", tap_count);
	fflush(stdout);
	return tap_failed > 0;
}

static inline void note(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = snprintf(line, sizeof(line), "# ");
	n += vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* one write: several processes say something at once */
	if (write(1, line, n) < 0)
		return;
}

static inline void bail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	exit(1);
}

/* Time and chance */

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static inline void sleep_ms(unsigned int ms)
{
	uint64_t end = now_ms() + ms, now;

	/* signals may come: sleep on */
	while ((now = now_ms()) < end)
		usleep((end - now) * 1000);
}

static __thread uint64_t rnd_state;

static inline void rnd_seed(uint64_t seed)
{
	rnd_state = seed * 0x9e3779b97f4a7c15ull + 0x1234567887654321ull;
}

static inline uint32_t rnd32(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return (rnd_state * 0x2545f4914f6cdd1dull) >> 32;
}

static inline uint32_t rnd(uint32_t n)
{
	return rnd32() % n;
}

static inline uint64_t seed_of(const char *variable)
{
	const char *text = getenv(variable);
	uint64_t seed = text ? strtoull(text, NULL, 0) : time(NULL) ^ getpid();

	printf("# %s=%llu\n", variable, (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

static inline unsigned int seconds_of(const char *variable, unsigned int def)
{
	const char *text = getenv(variable);

	return text ? strtoul(text, NULL, 0) : def;
}

/* Files */

static inline int put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static inline long get_number(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC), n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? strtol(text, NULL, 0) : -1;
}

/* The module */

static inline int module_remove(void)
{
	return syscall(SYS_delete_module, "inet_tuple", O_NONBLOCK) ? -errno : 0;
}

static inline int module_insert(void)
{
	return system("modprobe inet_tuple") ? -1 : 0;
}

static inline int module_remove_within(unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	int err;

	while ((err = module_remove()) && err != -ENOENT && now_ms() < end)
		sleep_ms(100);
	return err == -ENOENT ? 0 : err;
}

/* rtnetlink, and netlink of other kinds */

static __thread struct mnl_socket *rtnl;

static inline int netlink_talk(struct mnl_socket **nl, int bus,
			       struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
	static __thread char buf[65536];
	static __thread unsigned int seq;
	unsigned int port;
	int n;

	if (!*nl) {
		*nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
		if (!*nl || mnl_socket_bind(*nl, 0, MNL_SOCKET_AUTOPID) < 0)
			return -errno;
	}
	port = mnl_socket_get_portid(*nl);
	nlh->nlmsg_seq = ++seq;
	nlh->nlmsg_flags |= NLM_F_REQUEST;
	if (!cb)
		nlh->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(*nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(*nl, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		n = mnl_cb_run(buf, n, nlh->nlmsg_seq, port, cb, arg);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			n = 0;	/* NLM_F_DUMP_INTR: the caller looks again */
	} while (n > 0 || (n < 0 && errno == EINTR));
	return 0;
}

static inline int rtnl_talk(struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
	return netlink_talk(&rtnl, NETLINK_ROUTE, nlh, cb, arg);
}

/* After a change of namespace */
static inline void rtnl_close(void)
{
	if (rtnl)
		mnl_socket_close(rtnl);
	rtnl = NULL;
}

static inline int dummy_add(const char *name)
{
	char buf[512] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;
	struct nlattr *nest;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	nest = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "dummy");
	mnl_attr_nest_end(nlh, nest);
	return rtnl_talk(nlh, NULL, NULL);
}

static inline int link_change(const char *name, int type, bool up)
{
	char buf[512] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = type;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_index = if_nametoindex(name);
	if (!ifi->ifi_index)
		return -ENODEV;
	ifi->ifi_flags = up ? IFF_UP : 0;
	ifi->ifi_change = IFF_UP;
	return rtnl_talk(nlh, NULL, NULL);
}

static inline int link_up(const char *name)
{
	return link_change(name, RTM_NEWLINK, true);
}

static inline int link_down(const char *name)
{
	return link_change(name, RTM_NEWLINK, false);
}

static inline int link_del(const char *name)
{
	return link_change(name, RTM_DELLINK, false);
}

static inline int addr_change(int type, int ifindex, int family,
			      const void *addr, int len)
{
	char buf[512] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int size = family == AF_INET ? 4 : 16;
	struct ifaddrmsg *ifa;

	nlh->nlmsg_type = type;
	if (type == RTM_NEWADDR)
		nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = family;
	ifa->ifa_prefixlen = len;
	ifa->ifa_index = ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, size, addr);
	mnl_attr_put(nlh, IFA_ADDRESS, size, addr);
	if (type == RTM_NEWADDR)
		mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_NODAD);
	return rtnl_talk(nlh, NULL, NULL);
}

static inline int addr_text(int type, const char *dev, const char *text, int len)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	unsigned char addr[16];

	if (inet_pton(family, text, addr) != 1)
		return -EINVAL;
	return addr_change(type, if_nametoindex(dev), family, addr, len);
}

/* What is there: addresses, local routes of the module, links that are up */

struct seen_addr {
	struct inet_tuple_addr addr;
	int ifindex, len, proto;
};

struct seen {
	struct seen_addr *addrs, *routes;
	int n_addrs, n_routes, max_addrs, max_routes;
	bool up[4096];
};

static inline struct seen_addr *seen_push(struct seen_addr **list, int *n,
					  int *max)
{
	if (*n == *max) {
		*max = *max ? 2 * *max : 256;
		*list = realloc(*list, *max * sizeof(**list));
	}
	memset(&(*list)[*n], 0, sizeof(**list));
	return &(*list)[(*n)++];
}

static inline int seen_addr_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *local = NULL, *address = NULL;
	struct seen *s = arg;
	struct seen_addr *a;
	int proto = 0;

	if (nlh->nlmsg_type != RTM_NEWADDR ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*ifa)) {
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			local = attr;
		if (mnl_attr_get_type(attr) == IFA_ADDRESS)
			address = attr;
		if (mnl_attr_get_type(attr) == IFA_PROTO)
			proto = mnl_attr_get_u8(attr);
	}
	if (!local)
		local = address;
	if (!local)
		return MNL_CB_OK;
	a = seen_push(&s->addrs, &s->n_addrs, &s->max_addrs);
	a->addr.family = ifa->ifa_family;
	memcpy(a->addr.bytes, mnl_attr_get_payload(local),
	       mnl_attr_get_payload_len(local));
	a->ifindex = ifa->ifa_index;
	a->len = ifa->ifa_prefixlen;
	a->proto = proto;
	return MNL_CB_OK;
}

static inline int seen_route_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct seen *s = arg;
	struct seen_addr *a;

	if (nlh->nlmsg_type != RTM_NEWROUTE || rtm->rtm_protocol != PLUMB_PROTO)
		return MNL_CB_OK;
	a = seen_push(&s->routes, &s->n_routes, &s->max_routes);
	a->addr.family = rtm->rtm_family;
	a->len = rtm->rtm_dst_len;
	a->proto = rtm->rtm_protocol;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(attr) == RTA_DST)
			memcpy(a->addr.bytes, mnl_attr_get_payload(attr),
			       mnl_attr_get_payload_len(attr));
		if (mnl_attr_get_type(attr) == RTA_OIF)
			a->ifindex = mnl_attr_get_u32(attr);
	}
	return MNL_CB_OK;
}

static inline int seen_link_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct seen *s = arg;

	if (nlh->nlmsg_type == RTM_NEWLINK && ifi->ifi_index < 4096)
		s->up[ifi->ifi_index] = ifi->ifi_flags & IFF_UP;
	return MNL_CB_OK;
}

static inline int rtnl_dump(int type, mnl_cb_t cb, void *arg)
{
	char buf[256] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_DUMP;
	/* of the three headers one fits all: nothing but zeroes */
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	return rtnl_talk(nlh, cb, arg);
}

static inline int seen_look(struct seen *s)
{
	int err;

	s->n_addrs = 0;
	s->n_routes = 0;
	memset(s->up, 0, sizeof(s->up));
	err = rtnl_dump(RTM_GETADDR, seen_addr_cb, s);
	if (!err)
		err = rtnl_dump(RTM_GETROUTE, seen_route_cb, s);
	if (!err)
		err = rtnl_dump(RTM_GETLINK, seen_link_cb, s);
	return err;
}

static inline void seen_free(struct seen *s)
{
	free(s->addrs);
	free(s->routes);
	memset(s, 0, sizeof(*s));
}

static inline bool addr_equal(const struct inet_tuple_addr *a,
			      const struct inet_tuple_addr *b)
{
	return a->family == b->family &&
	       !memcmp(a->bytes, b->bytes, a->family == AF_INET ? 4 : 16);
}

static inline const char *addr_name(const struct inet_tuple_addr *a)
{
	static __thread char text[4][64];
	static __thread int i;

	i = (i + 1) % 4;
	if (!inet_ntop(a->family, a->bytes, text[i], sizeof(text[i])))
		snprintf(text[i], sizeof(text[i]), "(none)");
	return text[i];
}

/* Pools in words: "name=a dev=d0 4=10.0.0.0/24 6=fd00::/120 plumb=1 ..." */

static inline int pool_attr(const char *key)
{
	static const struct { const char *key; int attr; } keys[] = {
		{ "plumb", INET_TUPLE_A_POOL_PLUMB },
		{ "assign", INET_TUPLE_A_POOL_ASSIGN },
		{ "scope", INET_TUPLE_A_POOL_SCOPE },
		{ "order", INET_TUPLE_A_POOL_ORDER },
		{ "quarantine", INET_TUPLE_A_POOL_QUARANTINE },
		{ "wait", INET_TUPLE_A_POOL_WAIT },
		{ "quota", INET_TUPLE_A_POOL_QUOTA },
		{ "dscp", INET_TUPLE_A_POOL_DSCP },
		{ "priority", INET_TUPLE_A_POOL_PRIORITY },
		{ "mark", INET_TUPLE_A_POOL_MARK },
		{ "default", INET_TUPLE_A_POOL_DEFAULT },
		{ "state", INET_TUPLE_A_POOL_STATE },
		{ "source", INET_TUPLE_A_POOL_SOURCE },
		{ "low", INET_TUPLE_A_POOL_LOW },
		{ "high", INET_TUPLE_A_POOL_HIGH },
		{ "warm", INET_TUPLE_A_POOL_WARM },
	};
	unsigned int i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(key, keys[i].key))
			return keys[i].attr;
	return 0;
}

static inline void pool_prefix(struct inet_tuple_obj *pool, int attr,
			       char *text)
{
	struct inet_tuple_prefix p = {};
	char *slash = strchr(text, '/');

	p.addr.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	p.len = p.addr.family == AF_INET ? 32 : 128;
	if (slash) {
		*slash = 0;
		p.len = atoi(slash + 1);
	}
	inet_pton(p.addr.family, text, p.addr.bytes);
	inet_tuple_obj_add_prefix(pool, attr, &p);
}

static inline struct inet_tuple_obj *pool_words(const char *fmt, va_list ap)
{
	struct inet_tuple_obj *pool = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	char text[1024], *word, *save = NULL, *value;

	vsnprintf(text, sizeof(text), fmt, ap);
	for (word = strtok_r(text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		value = strchr(word, '=');
		*value++ = 0;
		if (!strcmp(word, "name"))
			inet_tuple_obj_set_str(pool, INET_TUPLE_A_POOL_NAME, value);
		else if (!strcmp(word, "dev"))
			inet_tuple_obj_set_str(pool, INET_TUPLE_A_POOL_DEV, value);
		else if (!strcmp(word, "prefix"))
			pool_prefix(pool, INET_TUPLE_A_POOL_PREFIX, value);
		else if (!strcmp(word, "-prefix"))
			pool_prefix(pool, INET_TUPLE_A_POOL_PREFIX_DEL, value);
		else if (!strcmp(word, "exclude"))
			pool_prefix(pool, INET_TUPLE_A_POOL_EXCLUDE, value);
		else if (!strcmp(word, "-exclude"))
			pool_prefix(pool, INET_TUPLE_A_POOL_EXCLUDE_DEL, value);
		else
			inet_tuple_obj_set_num(pool, pool_attr(word),
					       strtoull(value, NULL, 0));
	}
	return pool;
}

__attribute__((format(printf, 2, 3)))
static inline int pool_add(struct inet_tuple_handle *h, const char *fmt, ...)
{
	struct inet_tuple_obj *pool;
	va_list ap;
	int err;

	va_start(ap, fmt);
	pool = pool_words(fmt, ap);
	va_end(ap);
	err = inet_tuple_pool_add(h, pool);
	inet_tuple_obj_free(pool);
	return err;
}

__attribute__((format(printf, 2, 3)))
static inline int pool_set(struct inet_tuple_handle *h, const char *fmt, ...)
{
	struct inet_tuple_obj *pool;
	va_list ap;
	int err;

	va_start(ap, fmt);
	pool = pool_words(fmt, ap);
	va_end(ap);
	err = inet_tuple_pool_set(h, pool);
	inet_tuple_obj_free(pool);
	return err;
}

/* Delete every pool, by force. Return: how many could not be. */
struct pool_names {
	char name[128][INET_TUPLE_NAMSIZ];
	int n;
};

static inline int pool_names_cb(const struct inet_tuple_obj *pool, void *arg)
{
	struct pool_names *names = arg;

	if (names->n < 128)
		snprintf(names->name[names->n++], INET_TUPLE_NAMSIZ, "%s",
			 inet_tuple_obj_str(pool, INET_TUPLE_A_POOL_NAME));
	return 0;
}

static inline int pools_delete(struct inet_tuple_handle *h)
{
	struct pool_names names = {};
	int i, err, left = 0;

	err = inet_tuple_pool_list(h, pool_names_cb, &names);
	if (err) {
		note("list of pools: %s", strerror(-err));
		return 1;
	}
	for (i = 0; i < names.n; i++) {
		err = inet_tuple_pool_del(h, names.name[i], true);
		if (err) {
			note("delete %s: %s", names.name[i], strerror(-err));
			left++;
		}
	}
	return left;
}

/* What was closed and cannot reach its peer holds its namespace until it gives up. */
static inline void give_up_soon(void)
{
	close(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP));	/* its module */
	put_file("/proc/sys/net/ipv4/tcp_orphan_retries", "2");
	put_file("/proc/sys/net/sctp/rto_min", "100");
	put_file("/proc/sys/net/sctp/rto_initial", "200");
	put_file("/proc/sys/net/sctp/rto_max", "400");
	put_file("/proc/sys/net/sctp/association_max_retrans", "2");
}

/* A namespace of our own with lo up; duplicate address detection is off, and what was
 * closed and cannot reach its peer gives up soon.
 */
static inline void own_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		bail("unshare");
	rtnl_close();
	if (link_up("lo"))
		bail("lo");
	put_file("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	put_file("/proc/sys/net/ipv6/conf/all/accept_dad", "0");
	put_file("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	give_up_soon();
}

#endif /* _PROVE_H */
