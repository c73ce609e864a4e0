/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the tests that are C programs: two network namespaces joined by a cable,
 * pools, and the sockets of both ends.
 *
 *	home: eth0 10.64.0.1/16 2001:db8::1/64     the module's pools
 *	peer: eth0 10.64.0.2/16 2001:db8::2/64     knows nothing of it
 *
 * A socket belongs to the namespace that its thread was in when it was made,
 * so one thread can play both ends: peer_socket() goes over there for a moment.
 */
#ifndef _WORLD_H
#define _WORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <libmnl/libmnl.h>
#include <linux/inet_tuple.h>
#include <libinettuple.h>
#include "kselftest_harness.h"

#define HOME4	"10.64.0.1"
#define PEER4	"10.64.0.2"
#define HOME6	"2001:db8::1"
#define PEER6	"2001:db8::2"

#define UNUSED	__attribute__((unused))

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF 42
#endif

static int ns_home = -1, ns_peer = -1;

/* Small things */

UNUSED static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

UNUSED static void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* Is it so within some seconds? Generous, for it costs nothing where it is. */
#define within(ms, cond) ({						\
	long __end = now_ms() + (ms);					\
	int __good;							\
	while (!(__good = !!(cond)) && now_ms() < __end)		\
		sleep_ms(10);						\
	__good; })

UNUSED static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

UNUSED static long read_number(const char *path)
{
	char buf[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) <= 0)
		buf[0] = 0;
	if (fd >= 0)
		close(fd);
	return buf[0] ? atol(buf) : -1;
}

UNUSED static long module_refs(const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	return read_number(path);
}

UNUSED static int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The two namespaces */

UNUSED static void go_home(void)
{
	if (setns(ns_home, CLONE_NEWNET))
		abort();
}

UNUSED static void go_to_peer(void)
{
	if (setns(ns_peer, CLONE_NEWNET))
		abort();
}

UNUSED static int peer_socket(int domain, int type, int protocol)
{
	int fd, err;

	go_to_peer();
	fd = socket(domain, type, protocol);
	err = errno;
	go_home();
	errno = err;
	return fd;
}

static int world_new_ns(void)
{
	if (unshare(CLONE_NEWNET))
		return -1;
	write_file("/proc/sys/net/ipv6/conf/all/accept_dad", "0");
	write_file("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	/* No orphan is to keep a namespace for long after a test. */
	write_file("/proc/sys/net/ipv4/tcp_orphan_retries", "2");
	write_file("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* One request to rtnetlink of the namespace that the thread is in */
UNUSED static int rtnl(struct nlmsghdr *nlh)
{
	char buf[8192];
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int n = -1;

	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (nl && !mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) &&
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0)
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n > 0)
		n = mnl_cb_run(buf, n, 0, mnl_socket_get_portid(nl), NULL, NULL);
	if (nl)
		mnl_socket_close(nl);
	return n < 0 ? -errno : 0;
}

/* A cable from here to the namespace @ns, with a device @name at both ends */
UNUSED static int link_cable(const char *name, int ns)
{
	char buf[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlattr *info, *data, *peer;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, ns);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return rtnl(nlh);
}

UNUSED static int link_delete(const char *name)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = RTM_DELLINK;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_index = if_nametoindex(name);
	return rtnl(nlh);
}

UNUSED static int link_up(const char *name, int up)
{
	struct ifreq ifr = {};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err = 0;

	strcpy(ifr.ifr_name, name);
	ifr.ifr_flags = up ? IFF_UP : 0;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		err = -errno;
	close(fd);
	return err;
}

/* @type: RTM_NEWADDR or RTM_DELADDR */
UNUSED static int address_change(int type, const char *dev, const char *text,
				 int len)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;
	struct in6_addr addr;
	int size = family == AF_INET ? 4 : 16;

	inet_pton(family, text, &addr);
	nlh->nlmsg_type = type;
	if (type == RTM_NEWADDR)
		nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = family;
	ifa->ifa_prefixlen = len;
	ifa->ifa_index = if_nametoindex(dev);
	mnl_attr_put(nlh, IFA_LOCAL, size, &addr);
	mnl_attr_put(nlh, IFA_ADDRESS, size, &addr);
	if (family == AF_INET6 && type == RTM_NEWADDR)
		mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_NODAD);
	return rtnl(nlh);
}

/* addrconf hears solicitations for an address, and has a route to it, only when
 * a work item of its has run.
 */
static int await_local6(const char *text)
{
	char line[256], want[40];
	struct in6_addr addr;
	int i, found = 0;
	FILE *f;

	inet_pton(AF_INET6, text, &addr);
	for (i = 0; i < 16; i++)
		sprintf(want + 2 * i, "%02x", addr.s6_addr[i]);
	strcat(want, " 80 ");
	for (i = 0; i < 5000 && !found; i++) {
		f = fopen("/proc/thread-self/net/ipv6_route", "r");
		while (f && !found && fgets(line, sizeof(line), f))
			found = !strncmp(line, want, strlen(want));
		if (f)
			fclose(f);
		if (!found)
			usleep(1000);
	}
	return found ? 0 : -ETIMEDOUT;
}

/* A cable works only when a work item has told the device's queues so; what is
 * sent before is dropped.
 */
static int await_carrier(const char *dev)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), i;
	struct ifreq ifr = {};

	strcpy(ifr.ifr_name, dev);
	for (i = 0; i < 5000 && !(ifr.ifr_flags & IFF_RUNNING); i++) {
		if (i)
			usleep(1000);
		if (ioctl(fd, SIOCGIFFLAGS, &ifr))
			break;
	}
	close(fd);
	return ifr.ifr_flags & IFF_RUNNING ? 0 : -ENETDOWN;
}

static int world_addresses(const char *addr4, const char *addr6)
{
	return await_carrier("eth0") ?:
	       address_change(RTM_NEWADDR, "eth0", addr4, 16) ?:
	       address_change(RTM_NEWADDR, "eth0", addr6, 64) ?:
	       await_local6(addr6);
}

UNUSED static int world_open(void)
{
	int err;

	signal(SIGPIPE, SIG_IGN);
	ns_peer = world_new_ns();
	ns_home = world_new_ns();
	if (ns_peer < 0 || ns_home < 0)
		return -errno;
	err = link_cable("eth0", ns_peer);
	if (err)
		return err;
	link_up("lo", 1);
	link_up("eth0", 1);
	go_to_peer();
	link_up("lo", 1);
	link_up("eth0", 1);
	err = world_addresses(PEER4, PEER6);
	go_home();
	return err ?: world_addresses(HOME4, HOME6);
}

/* Whether the peer hears us, and we it */
UNUSED static void peer_link(int up)
{
	go_to_peer();
	link_up("eth0", up);
	go_home();
}

/* Is an address on a device of the namespace that the thread is in? */
UNUSED static int is_plumbed(const char *text)
{
	struct ifaddrs *list, *i;
	char name[INET6_ADDRSTRLEN];
	int found = 0;
	void *addr;

	if (getifaddrs(&list))
		return -1;
	for (i = list; i && !found; i = i->ifa_next) {
		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			addr = &((struct sockaddr_in *)i->ifa_addr)->sin_addr;
		else if (i->ifa_addr->sa_family == AF_INET6)
			addr = &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr;
		else
			continue;
		inet_ntop(i->ifa_addr->sa_family, addr, name, sizeof(name));
		found = !strcmp(name, text);
	}
	freeifaddrs(list);
	return found;
}

/* How many addresses eth0 has, but for the link-local one that comes when it
 * pleases
 */
UNUSED static int count_addresses(void)
{
	struct ifaddrs *list, *i;
	int n = 0;

	if (getifaddrs(&list))
		return -1;
	for (i = list; i; i = i->ifa_next) {
		struct sockaddr_in6 *sin6 = (void *)i->ifa_addr;

		if (!sin6 || strncmp(i->ifa_name, "eth0", 4))
			continue;
		if (sin6->sin6_family == AF_INET ||
		    (sin6->sin6_family == AF_INET6 &&
		     !IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr)))
			n++;
	}
	freeifaddrs(list);
	return n;
}

/* Addresses */

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage ss;
	};
	socklen_t len;
};

/* NULL: the wildcard */
UNUSED static struct addr address(int family, const char *text, int port)
{
	struct addr a = {};

	a.sa.sa_family = family;
	a.in.sin_port = htons(port);	/* the same place in both */
	if (family == AF_INET) {
		a.len = sizeof(a.in);
		if (text)
			inet_pton(family, text, &a.in.sin_addr);
	} else {
		a.len = sizeof(a.in6);
		if (text)
			inet_pton(family, text, &a.in6.sin6_addr);
	}
	return a;
}

UNUSED static struct addr peer_address(int family, int port)
{
	return address(family, family == AF_INET ? PEER4 : PEER6, port);
}

UNUSED static struct addr local_address(int fd)
{
	struct addr a = { .len = sizeof(a.ss) };

	if (getsockname(fd, &a.sa, &a.len))
		a.len = 0;
	return a;
}

/* "10.64.1.2" or "2001:db8::5"; four at a time */
UNUSED static const char *text_of(const struct addr *a)
{
	static char buf[4][INET6_ADDRSTRLEN];
	static int i;

	i = (i + 1) % 4;
	strcpy(buf[i], "?");
	inet_ntop(a->sa.sa_family, a->sa.sa_family == AF_INET ?
		  (void *)&a->in.sin_addr : (void *)&a->in6.sin6_addr,
		  buf[i], sizeof(buf[i]));
	return buf[i];
}

UNUSED static const char *local_text(int fd)
{
	struct addr a = local_address(fd);

	return text_of(&a);
}

UNUSED static int local_port(int fd)
{
	struct addr a = local_address(fd);

	return ntohs(a.in.sin_port);
}

/* Calls that give -errno */

UNUSED static int try_socket(int domain, int type, int protocol)
{
	int fd = socket(domain, type, protocol);

	return fd < 0 ? -errno : fd;
}

UNUSED static int try_bind(int fd, struct addr a)
{
	return bind(fd, &a.sa, a.len) ? -errno : 0;
}

UNUSED static int try_connect(int fd, struct addr a)
{
	return connect(fd, &a.sa, a.len) ? -errno : 0;
}

UNUSED static int try_sendto(int fd, const char *text, struct addr a)
{
	ssize_t n = sendto(fd, text, strlen(text), MSG_NOSIGNAL, &a.sa, a.len);

	return n < 0 ? -errno : n;
}

UNUSED static int try_recv(int fd, int flags)
{
	char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf), flags);

	return n < 0 ? -errno : n;
}

UNUSED static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

UNUSED static int get_int(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) ? -errno : value;
}

/* No test waits longer for something than the machine may be slow. */
UNUSED static void limit_waits(int fd)
{
	struct timeval tv = { .tv_sec = 10 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

/* A socket of the peer that is bound, and listens where it can */
UNUSED static int peer_server(int family, int type, int protocol, int port)
{
	struct addr a = address(family, NULL, port);
	int fd = peer_socket(family, type, protocol);

	if (fd < 0)
		return -errno;
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	limit_waits(fd);
	if (bind(fd, &a.sa, a.len) ||
	    (type != SOCK_DGRAM && type != SOCK_RAW && listen(fd, 128))) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* Pools */

struct pool_word {
	const char *word;
	int attr;
	const char *values[4];
};

static const struct pool_word pool_words[] = {
	{ "plumb", INET_TUPLE_A_POOL_PLUMB, { "address", "prefix" } },
	{ "assign", INET_TUPLE_A_POOL_ASSIGN, { "create", "bind" } },
	{ "scope", INET_TUPLE_A_POOL_SCOPE,
	  { "socket", "process", "cgroup", "user" } },
	{ "order", INET_TUPLE_A_POOL_ORDER, { "sequential", "random", "lru" } },
	{ "state", INET_TUPLE_A_POOL_STATE, { "active", "draining" } },
	{ "quarantine", INET_TUPLE_A_POOL_QUARANTINE },
	{ "wait", INET_TUPLE_A_POOL_WAIT },
	{ "warm", INET_TUPLE_A_POOL_WARM },
	{ "quota", INET_TUPLE_A_POOL_QUOTA },
	{ "dscp", INET_TUPLE_A_POOL_DSCP },
	{ "priority", INET_TUPLE_A_POOL_PRIORITY },
	{ "mark", INET_TUPLE_A_POOL_MARK },
	{ "default", INET_TUPLE_A_POOL_DEFAULT,
	  { "off", "on", "inet", "inet6" } },
	{}
};

static void pool_put_prefix(struct inet_tuple_obj *obj, int attr,
			    const char *text)
{
	struct inet_tuple_prefix p = {};
	char buf[64];
	char *slash;

	p.addr.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	p.len = p.addr.family == AF_INET ? 32 : 128;
	snprintf(buf, sizeof(buf), "%s", text);
	slash = strchr(buf, '/');
	if (slash) {
		*slash = 0;
		p.len = atoi(slash + 1);
	}
	inet_pton(p.addr.family, buf, p.addr.bytes);
	inet_tuple_obj_add_prefix(obj, attr, &p);
}

static int pool_put(struct inet_tuple_obj *obj, const char *key,
		    const char *value)
{
	const struct pool_word *w;
	struct inet_tuple_users users;
	int i;

	if (!strcmp(key, "dev"))
		return inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_DEV, value);
	if (!strcmp(key, "prefix") || !strcmp(key, "exclude")) {
		pool_put_prefix(obj, *key == 'p' ? INET_TUPLE_A_POOL_PREFIX :
				INET_TUPLE_A_POOL_EXCLUDE, value);
		return 0;
	}
	if (!strcmp(key, "-prefix") || !strcmp(key, "-exclude")) {
		pool_put_prefix(obj, key[1] == 'p' ?
				INET_TUPLE_A_POOL_PREFIX_DEL :
				INET_TUPLE_A_POOL_EXCLUDE_DEL, value);
		return 0;
	}
	if (!strcmp(key, "users")) {
		users.first = users.last = atoi(value);
		return inet_tuple_obj_add_users(obj, INET_TUPLE_A_POOL_USERS,
						&users);
	}
	for (w = pool_words; w->word; w++) {
		if (strcmp(key, w->word))
			continue;
		for (i = 0; i < 4 && w->values[i]; i++)
			if (!strcmp(value, w->values[i]))
				return inet_tuple_obj_set_num(obj, w->attr, i);
		return inet_tuple_obj_set_num(obj, w->attr,
					      strtoul(value, NULL, 0));
	}
	fprintf(stderr, "# no such key: %s\n", key);
	return -EINVAL;
}

static struct inet_tuple_handle *pool_handle(void)
{
	struct inet_tuple_handle *h = NULL;
	int err = inet_tuple_handle_open(&h, NULL);

	if (err)
		fprintf(stderr, "# no module to talk to: %d\n", err);
	return h;
}

/* "NAME KEY VALUE..." in the words of tuplectl; 0 or -errno */
static int pool_request(const char *spec, bool add)
{
	struct inet_tuple_obj *obj = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	struct inet_tuple_handle *h = pool_handle();
	char *words = strdup(spec), *save, *key, *value;
	int err;

	inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_NAME,
			       strtok_r(words, " ", &save));
	while ((key = strtok_r(NULL, " ", &save)) &&
	       (value = strtok_r(NULL, " ", &save)))
		if (pool_put(obj, key, value))
			abort();
	err = add ? inet_tuple_pool_add(h, obj) : inet_tuple_pool_set(h, obj);
	if (err && inet_tuple_error_text(h))
		fprintf(stderr, "# %s: %s\n", spec, inet_tuple_error_text(h));
	inet_tuple_obj_free(obj);
	inet_tuple_handle_close(h);
	free(words);
	return err;
}

UNUSED static int pool_add(const char *spec)
{
	return pool_request(spec, true);
}

UNUSED static int pool_set(const char *spec)
{
	return pool_request(spec, false);
}

UNUSED static int pool_del(const char *name, bool force)
{
	struct inet_tuple_handle *h = pool_handle();
	int err = inet_tuple_pool_del(h, name, force);

	inet_tuple_handle_close(h);
	return err;
}

/* A number of a pool, INET_TUPLE_A_POOL_IN_USE and the like */
UNUSED static long pool_num(const char *name, int attr)
{
	struct inet_tuple_handle *h = pool_handle();
	struct inet_tuple_obj *obj;
	uint64_t num = 0;
	int err = inet_tuple_pool_get(h, name, &obj);

	if (!err) {
		err = inet_tuple_obj_num(obj, attr, &num);
		inet_tuple_obj_free(obj);
	}
	inet_tuple_handle_close(h);
	return err ? err : (long)num;
}

UNUSED static long pool_in_use(const char *name)
{
	return pool_num(name, INET_TUPLE_A_POOL_IN_USE);
}

UNUSED static long pool_resting(const char *name)
{
	return pool_num(name, INET_TUPLE_A_POOL_QUARANTINED);
}

static struct inet_tuple_addr tuple_addr_of(const char *text)
{
	struct inet_tuple_addr a = {};

	a.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	inet_pton(a.family, text, a.bytes);
	return a;
}

UNUSED static int lease_kill(const char *text)
{
	struct inet_tuple_addr a = tuple_addr_of(text);
	struct inet_tuple_handle *h = pool_handle();
	int err = inet_tuple_lease_kill(h, &a);

	inet_tuple_handle_close(h);
	return err;
}

/* enum inet_tuple_lease_state, or -ENOENT */
UNUSED static int lease_state(const char *text)
{
	struct inet_tuple_addr a = tuple_addr_of(text);
	struct inet_tuple_handle *h = pool_handle();
	struct inet_tuple_obj *obj;
	uint64_t state = 0;
	int err = inet_tuple_lease_get(h, &a, &obj);

	if (!err) {
		inet_tuple_obj_num(obj, INET_TUPLE_A_LEASE_STATE, &state);
		inet_tuple_obj_free(obj);
	}
	inet_tuple_handle_close(h);
	return err ? err : (int)state;
}

/* What getsockopt() tells of a socket's lease; 0 or -errno */
UNUSED static int lease_of(int fd, struct inet_tuple_lease *lease)
{
	socklen_t len = sizeof(*lease);

	memset(lease, 0, sizeof(*lease));
	return getsockopt(fd, SOL_INET_TUPLE, INET_TUPLE_LEASE, lease, &len) ?
	       -errno : 0;
}

UNUSED static int has_lease(int fd)
{
	struct inet_tuple_lease lease;

	return !lease_of(fd, &lease);
}

/* Connections */

struct conn {
	int fd;		/* home's end */
	int peer;
	int listener;
};

/* From a socket of home, to a listener of the peer; 0 or -errno */
UNUSED static int conn_open(struct conn *c, int fd, int family, int protocol)
{
	struct addr a;
	int err;

	memset(c, -1, sizeof(*c));
	c->fd = fd;
	c->listener = peer_server(family, SOCK_STREAM, protocol, 0);
	if (c->listener < 0)
		return c->listener;
	limit_waits(fd);
	a = peer_address(family, local_port(c->listener));
	err = try_connect(fd, a);
	if (err)
		return err;
	c->peer = accept(c->listener, NULL, NULL);
	if (c->peer < 0)
		return -errno;
	limit_waits(c->peer);
	return 0;
}

/* Are bytes going both ways? */
UNUSED static int talks(int a, int b)
{
	int fd[2] = { a, b }, i;
	char buf[8] = "";

	for (i = 0; i < 2; i++) {
		errno = 0;
		if (send(fd[i], "ping", 4, MSG_NOSIGNAL) == 4 &&
		    recv(fd[!i], buf, sizeof(buf), 0) == 4 &&
		    !memcmp(buf, "ping", 4))
			continue;
		fprintf(stderr, "# from the %s: %s\n", i ? "second" : "first",
			strerror(errno));
		return 0;
	}
	return 1;
}

/* A child that dies with the test: 0 in it, as fork() */
UNUSED static pid_t child_start(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

UNUSED static int child_end(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif /* _WORLD_H */
