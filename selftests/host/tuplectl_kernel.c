// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel for the tests of the commands: a thread that keeps pools and rules as
 * they were given, behind socket(), bind() and setsockopt() of the program
 * (ld --wrap). It knows what the module does no better than this:
 *
 *	a pool needs no device; prefixes with host bits are refused
 *	there are TUPLECTL_LEASES leases, the first of a socket of this process, and
 *	of user TUPLECTL_UID
 *	there are two addresses from a server
 *	who subscribes is sent a few events, and then hung up
 *	without a module there is no family: TUPLECTL_NO_MODULE
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "internal.h"
#include "tuplectl_kernel.h"

#define FAMILY 0x21
#define OBJECTS 1024

static struct inet_tuple_obj *pools[OBJECTS], *rules[OBJECTS];
static int n_pools, n_rules;
static int last_kernel_end = -1;

static const char *name_of(const struct inet_tuple_obj *pool)
{
	const char *name = inet_tuple_obj_str(pool, INET_TUPLE_A_POOL_NAME);

	return name ? name : "";
}

static int find_pool(const char *name)
{
	int i;

	for (i = 0; i < n_pools; i++)
		if (!strcmp(name_of(pools[i]), name))
			return i;
	return -1;
}

static void send_obj(int fd, uint8_t cmd, uint16_t flags, uint32_t seq,
		     const struct inet_tuple_obj *obj)
{
	struct itl_msg m;

	if (itl_msg_alloc(&m, itl_obj_wire_size(obj), FAMILY, flags, cmd) ||
	    itl_msg_put_obj(&m, obj))
		abort();
	m.nlh->nlmsg_seq = seq;
	send(fd, m.nlh, m.nlh->nlmsg_len, MSG_NOSIGNAL);
	itl_msg_free(&m);
}

static void send_ack(int fd, const struct nlmsghdr *req, int err,
		     const char *text, uint32_t offset)
{
	bool done = req->nlmsg_flags & NLM_F_DUMP && !err;
	char buf[512] = "";
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlmsgerr *e;

	nlh->nlmsg_type = done ? NLMSG_DONE : NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	nlh->nlmsg_seq = req->nlmsg_seq;
	if (done) {
		mnl_nlmsg_put_extra_header(nlh, sizeof(int));
	} else {
		e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));
		e->error = err;
		e->msg = *req;
	}
	if (text)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	if (offset)
		mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, offset);
	send(fd, nlh, nlh->nlmsg_len, MSG_NOSIGNAL);
}

static void resolve(int fd, const struct nlmsghdr *req)
{
	char buf[512] = "";
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlattr *groups, *group;

	if (getenv("TUPLECTL_NO_MODULE")) {
		send_ack(fd, req, -ENOENT, NULL, 0);
		return;
	}
	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_seq = req->nlmsg_seq;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct genlmsghdr));
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAMILY);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, "events");
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, 9);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
	send(fd, nlh, nlh->nlmsg_len, MSG_NOSIGNAL);
	send_ack(fd, req, 0, NULL, 0);
}

static void family_get(int fd, const struct nlmsghdr *req)
{
	struct itl_msg m;

	itl_msg_alloc(&m, 64, FAMILY, 0, INET_TUPLE_CMD_FAMILY_GET);
	m.nlh->nlmsg_seq = req->nlmsg_seq;
	mnl_attr_put_u16(m.nlh, INET_TUPLE_A_FAMILY_INET, AF_INET_TUPLE);
	mnl_attr_put_u16(m.nlh, INET_TUPLE_A_FAMILY_INET6, AF_INET6_TUPLE);
	send(fd, m.nlh, m.nlh->nlmsg_len, MSG_NOSIGNAL);
	itl_msg_free(&m);
	send_ack(fd, req, 0, NULL, 0);
}

static bool host_bits(const struct inet_tuple_prefix *p)
{
	int i, bits = 8 * itl_addr_size(&p->addr);

	for (i = p->len; i < bits; i++)
		if (p->addr.bytes[i / 8] & (0x80 >> (i % 8)))
			return true;
	return false;
}

static void set_default(struct inet_tuple_obj *pool, int attr, uint64_t num)
{
	if (!inet_tuple_obj_has(pool, attr))
		inet_tuple_obj_set_num(pool, attr, num);
}

static void set_defaults(struct inet_tuple_obj *pool)
{
	struct inet_tuple_prefix p = { .addr.family = AF_INET };
	uint64_t source = INET_TUPLE_SOURCE_STATIC;

	inet_tuple_obj_prefix(pool, INET_TUPLE_A_POOL_PREFIX, 0, &p);
	inet_tuple_obj_num(pool, INET_TUPLE_A_POOL_SOURCE, &source);
	if (source == INET_TUPLE_SOURCE_DHCP) {
		set_default(pool, INET_TUPLE_A_POOL_LOW, 2);
		set_default(pool, INET_TUPLE_A_POOL_HIGH, 8);
		set_default(pool, INET_TUPLE_A_POOL_WAIT, 5000);
	} else {
		set_default(pool, INET_TUPLE_A_POOL_WARM, 0);
	}
	set_default(pool, INET_TUPLE_A_POOL_IFINDEX, 2);
	set_default(pool, INET_TUPLE_A_POOL_PLUMB, INET_TUPLE_PLUMB_ADDRESS);
	set_default(pool, INET_TUPLE_A_POOL_ASSIGN, INET_TUPLE_ASSIGN_CREATE);
	set_default(pool, INET_TUPLE_A_POOL_SCOPE, INET_TUPLE_SCOPE_SOCKET);
	if (inet_tuple_obj_has(pool, INET_TUPLE_A_POOL_ORDER))
		set_default(pool, INET_TUPLE_A_POOL_ORDER_SET, 1);
	set_default(pool, INET_TUPLE_A_POOL_ORDER,
		    p.addr.family == AF_INET ? INET_TUPLE_ORDER_LRU :
					       INET_TUPLE_ORDER_RANDOM);
	set_default(pool, INET_TUPLE_A_POOL_QUARANTINE, UINT32_MAX);
	set_default(pool, INET_TUPLE_A_POOL_WAIT, 0);
	set_default(pool, INET_TUPLE_A_POOL_QUOTA, UINT32_MAX);
	set_default(pool, INET_TUPLE_A_POOL_DSCP, 0xff);
	set_default(pool, INET_TUPLE_A_POOL_PRIORITY, UINT32_MAX);
	set_default(pool, INET_TUPLE_A_POOL_MARK, 0);
	set_default(pool, INET_TUPLE_A_POOL_DEFAULT, n_pools == 0);
	set_default(pool, INET_TUPLE_A_POOL_SOURCE, INET_TUPLE_SOURCE_STATIC);
	set_default(pool, INET_TUPLE_A_POOL_STATE, INET_TUPLE_STATE_ACTIVE);
	set_default(pool, INET_TUPLE_A_POOL_TOTAL,
		    p.addr.family == AF_INET ? 254 : UINT64_MAX);
	set_default(pool, INET_TUPLE_A_POOL_IN_USE, 1);
	set_default(pool, INET_TUPLE_A_POOL_QUARANTINED, 2);
	set_default(pool, INET_TUPLE_A_POOL_FREE,
		    p.addr.family == AF_INET ? 251 : UINT64_MAX);
	set_default(pool, INET_TUPLE_A_POOL_PEAK, 3);
	set_default(pool, INET_TUPLE_A_POOL_ASSIGNED, 5);
	set_default(pool, INET_TUPLE_A_POOL_ENDED, 4);
	set_default(pool, INET_TUPLE_A_POOL_HELD, 10004);
}

static void pool_new(int fd, const struct nlmsghdr *req,
		     struct inet_tuple_obj *pool)
{
	struct inet_tuple_prefix p;
	unsigned int i;

	if (find_pool(name_of(pool)) >= 0) {
		send_ack(fd, req, -EEXIST, "there is a pool of that name",
			 NLMSG_HDRLEN + GENL_HDRLEN);
		return;
	}
	for (i = 0; !inet_tuple_obj_prefix(pool, INET_TUPLE_A_POOL_PREFIX, i,
					   &p); i++) {
		if (!host_bits(&p))
			continue;
		/* The test's name takes 8 bytes, its device 12, a prefix 20;
		 * the address inside is to blame.
		 */
		send_ack(fd, req, -EINVAL, "there are host bits",
			 NLMSG_HDRLEN + GENL_HDRLEN + 20 + 20 * i + 4);
		return;
	}
	set_defaults(pool);
	pools[n_pools++] = inet_tuple_obj_ref(pool);
	send_ack(fd, req, 0, NULL, 0);
}

static void drop_prefixes(struct inet_tuple_obj *pool, int attr,
			  const struct inet_tuple_obj *change, int del)
{
	struct itl_value *v = &pool->values[attr];
	struct inet_tuple_prefix p;
	unsigned int i, k;
	bool any = v->n;

	for (k = 0; !inet_tuple_obj_prefix(change, del, k, &p); k++)
		for (i = 0; i < v->n; i++)
			if (!memcmp(&v->prefixes[i].addr, &p.addr,
				    sizeof(p.addr)))
				v->prefixes[i--] = v->prefixes[--v->n];
	if (any && !v->n)	/* who adds to none makes an array */
		free(v->prefixes);
}

static void pool_set(int fd, const struct nlmsghdr *req,
		     const struct inet_tuple_obj *change)
{
	int attr, i = find_pool(name_of(change));
	struct inet_tuple_prefix p;
	struct itl_value *users;
	struct inet_tuple_users u;
	unsigned int k;
	uint64_t num;

	if (i < 0) {
		send_ack(fd, req, -ENOENT, "no such pool", 0);
		return;
	}
	users = &pools[i]->values[INET_TUPLE_A_POOL_USERS];
	drop_prefixes(pools[i], INET_TUPLE_A_POOL_PREFIX, change,
		      INET_TUPLE_A_POOL_PREFIX_DEL);
	drop_prefixes(pools[i], INET_TUPLE_A_POOL_EXCLUDE, change,
		      INET_TUPLE_A_POOL_EXCLUDE_DEL);
	for (attr = 1; attr <= INET_TUPLE_A_POOL_MAX; attr++) {
		if (!inet_tuple_obj_num(change, attr, &num))
			inet_tuple_obj_set_num(pools[i], attr, num);
		for (k = 0; !inet_tuple_obj_prefix(change, attr, k, &p); k++)
			if (attr == INET_TUPLE_A_POOL_PREFIX ||
			    attr == INET_TUPLE_A_POOL_EXCLUDE)
				inet_tuple_obj_add_prefix(pools[i], attr, &p);
	}
	if (inet_tuple_obj_has(change, INET_TUPLE_A_POOL_ORDER))
		inet_tuple_obj_set_num(pools[i], INET_TUPLE_A_POOL_ORDER_SET,
				       1);
	if (inet_tuple_obj_has(change, INET_TUPLE_A_POOL_USERS)) {
		if (users->n)
			free(users->users);
		users->n = 0;
	}
	for (k = 0; !inet_tuple_obj_users(change, INET_TUPLE_A_POOL_USERS, k,
					  &u); k++)
		inet_tuple_obj_add_users(pools[i], INET_TUPLE_A_POOL_USERS,
					 &u);
	send_ack(fd, req, 0, NULL, 0);
}

static void pool_get_or_del(int fd, const struct nlmsghdr *req, uint8_t cmd,
			    const struct inet_tuple_obj *key)
{
	int i = find_pool(name_of(key));

	if (i < 0) {
		send_ack(fd, req, -ENOENT, "no such pool", 0);
		return;
	}
	if (cmd == INET_TUPLE_CMD_POOL_DEL &&
	    !inet_tuple_obj_has(key, INET_TUPLE_A_POOL_FORCE)) {
		send_ack(fd, req, -EBUSY, "the pool has leases", 0);
		return;
	}
	if (cmd == INET_TUPLE_CMD_POOL_GET) {
		send_obj(fd, cmd, 0, req->nlmsg_seq, pools[i]);
	} else {
		inet_tuple_obj_free(pools[i]);
		pools[i] = pools[--n_pools];
	}
	send_ack(fd, req, 0, NULL, 0);
}

/* A message is enough; sockets, which are only read, are put in by hand. */
static void send_lease(int fd, uint32_t seq, int i, unsigned int ino)
{
	const uint8_t addr[4] = { 10, 64 + (i >> 16), i >> 8, i };
	const uint8_t peer[4] = { 192, 0, 2, 1 };
	const char *uid = getenv("TUPLECTL_UID");
	struct nlattr *nest;
	struct itl_msg m;

	itl_msg_alloc(&m, 512, FAMILY, 0, INET_TUPLE_CMD_LEASE_GET);
	m.nlh->nlmsg_seq = seq;
	mnl_attr_put_strz(m.nlh, INET_TUPLE_A_LEASE_POOL, "web");
	mnl_attr_put(m.nlh, INET_TUPLE_A_LEASE_ADDR, 4, addr);
	mnl_attr_put_u8(m.nlh, INET_TUPLE_A_LEASE_STATE,
			ino ? INET_TUPLE_LEASE_ACTIVE :
			      INET_TUPLE_LEASE_QUARANTINE);
	mnl_attr_put_u8(m.nlh, INET_TUPLE_A_LEASE_SCOPE,
			INET_TUPLE_SCOPE_SOCKET);
	mnl_attr_put_u32(m.nlh, INET_TUPLE_A_LEASE_UID, 1000);
	mnl_attr_put_u64(m.nlh, INET_TUPLE_A_LEASE_AGE, 61000);
	mnl_attr_put_u32(m.nlh, INET_TUPLE_A_LEASE_SOCKETS, !!ino);
	if (!ino) {
		mnl_attr_put_u64(m.nlh, INET_TUPLE_A_LEASE_LEFT, 1500);
		goto out;
	}
	nest = mnl_attr_nest_start(m.nlh, INET_TUPLE_A_LEASE_SOCKET);
	mnl_attr_put_u32(m.nlh, INET_TUPLE_A_SOCKET_INO, ino);
	mnl_attr_put_u32(m.nlh, INET_TUPLE_A_SOCKET_UID,
			 uid ? strtoul(uid, NULL, 10) : 1000);
	mnl_attr_put_u16(m.nlh, INET_TUPLE_A_SOCKET_FAMILY, AF_INET);
	mnl_attr_put_u16(m.nlh, INET_TUPLE_A_SOCKET_TYPE, SOCK_STREAM);
	mnl_attr_put_u16(m.nlh, INET_TUPLE_A_SOCKET_PROTO, IPPROTO_TCP);
	mnl_attr_put_u8(m.nlh, INET_TUPLE_A_SOCKET_STATE, 1);
	mnl_attr_put_u16(m.nlh, INET_TUPLE_A_SOCKET_LPORT, 40000);
	mnl_attr_put_u16(m.nlh, INET_TUPLE_A_SOCKET_RPORT, 80);
	mnl_attr_put(m.nlh, INET_TUPLE_A_SOCKET_RADDR, 4, peer);
	mnl_attr_nest_end(m.nlh, nest);
out:
	send(fd, m.nlh, m.nlh->nlmsg_len, MSG_NOSIGNAL);
	itl_msg_free(&m);
}

static void lease_dump(int fd, const struct nlmsghdr *req,
		       const struct inet_tuple_obj *filter)
{
	const char *pool = inet_tuple_obj_str(filter, INET_TUPLE_A_LEASE_POOL);
	const char *n = getenv("TUPLECTL_LEASES");
	static int sock = -1;
	struct stat st;
	int i;

	if (pool && strcmp(pool, "web")) {
		send_ack(fd, req, -ENOENT, "no such pool", 0);
		return;
	}
	if (sock < 0)
		sock = __real_socket(AF_INET, SOCK_DGRAM, 0);
	fstat(sock, &st);
	for (i = 0; i < (n ? atoi(n) : 2); i++)
		send_lease(fd, req->nlmsg_seq, i + 1, i ? 0 : st.st_ino);
	send_ack(fd, req, 0, NULL, 0);
}

static void addr_dump(int fd, const struct nlmsghdr *req,
		      const struct inet_tuple_obj *filter)
{
	const char *pool = inet_tuple_obj_str(filter, INET_TUPLE_A_ADDR_POOL);
	struct inet_tuple_addr addr = { AF_INET, { 10, 9, 0 } };
	struct inet_tuple_obj *obj;
	int i;

	if (pool && strcmp(pool, "phones")) {
		send_ack(fd, req, -ENOENT, "no such pool", 0);
		return;
	}
	for (i = 0; i < 2; i++) {
		obj = inet_tuple_obj_alloc(INET_TUPLE_ADDR_OBJ);
		addr.bytes[3] = i + 1;
		inet_tuple_obj_set_str(obj, INET_TUPLE_A_ADDR_POOL, "phones");
		inet_tuple_obj_set_addr(obj, INET_TUPLE_A_ADDR_ADDR, &addr);
		inet_tuple_obj_set_num(obj, INET_TUPLE_A_ADDR_VALID,
				       i ? UINT32_MAX : 3661);
		inet_tuple_obj_set_num(obj, INET_TUPLE_A_ADDR_STATE,
				       i ? INET_TUPLE_LEASE_STOCK :
					   INET_TUPLE_LEASE_ACTIVE);
		if (i)
			inet_tuple_obj_set_num(obj, INET_TUPLE_A_ADDR_IDLE_MS,
					       1500);
		send_obj(fd, INET_TUPLE_CMD_ADDR_GET, NLM_F_MULTI,
			 req->nlmsg_seq, obj);
		inet_tuple_obj_free(obj);
	}
	send_ack(fd, req, 0, NULL, 0);
}

static bool same_rule(const struct inet_tuple_obj *a,
		      const struct inet_tuple_obj *b)
{
	struct itl_msg m, n;
	bool same;

	itl_msg_alloc(&m, itl_obj_wire_size(a), 0, 0, 0);
	itl_msg_alloc(&n, itl_obj_wire_size(b), 0, 0, 0);
	itl_msg_put_obj(&m, a);
	itl_msg_put_obj(&n, b);
	same = m.nlh->nlmsg_len == n.nlh->nlmsg_len &&
	       !memcmp(m.nlh, n.nlh, m.nlh->nlmsg_len);
	itl_msg_free(&m);
	itl_msg_free(&n);
	return same;
}

static void rule_new(int fd, const struct nlmsghdr *req,
		     const struct inet_tuple_obj *rule)
{
	int i;

	for (i = 0; i < n_rules; i++) {
		if (same_rule(rules[i], rule)) {
			send_ack(fd, req, -EEXIST, "there is such a rule", 0);
			return;
		}
	}
	rules[n_rules++] = inet_tuple_obj_ref(rule);
	send_ack(fd, req, 0, NULL, 0);
}

static void rule_del(int fd, const struct nlmsghdr *req,
		     const struct inet_tuple_obj *rule)
{
	int i;

	for (i = 0; i < n_rules; i++) {
		if (!same_rule(rules[i], rule))
			continue;
		inet_tuple_obj_free(rules[i]);
		memmove(&rules[i], &rules[i + 1],
			(--n_rules - i) * sizeof(rules[0]));
		send_ack(fd, req, 0, NULL, 0);
		return;
	}
	send_ack(fd, req, -ENOENT, NULL, 0);
}

static void dump(int fd, const struct nlmsghdr *req, uint8_t cmd)
{
	bool is_pool = cmd == INET_TUPLE_CMD_POOL_GET;
	int i, n = is_pool ? n_pools : n_rules;

	for (i = 0; i < n; i++)
		send_obj(fd, cmd, NLM_F_MULTI, req->nlmsg_seq,
			 is_pool ? pools[i] : rules[i]);
	send_ack(fd, req, 0, NULL, 0);
}

static void serve(int fd, const struct nlmsghdr *req, uint8_t cmd,
		  struct inet_tuple_obj *obj)
{
	switch (cmd) {
	case INET_TUPLE_CMD_FAMILY_GET:
		family_get(fd, req);
		break;
	case INET_TUPLE_CMD_POOL_NEW:
		pool_new(fd, req, obj);
		break;
	case INET_TUPLE_CMD_POOL_SET:
		pool_set(fd, req, obj);
		break;
	case INET_TUPLE_CMD_POOL_DEL:
		pool_get_or_del(fd, req, cmd, obj);
		break;
	case INET_TUPLE_CMD_POOL_GET:
		if (req->nlmsg_flags & NLM_F_DUMP)
			dump(fd, req, cmd);
		else
			pool_get_or_del(fd, req, cmd, obj);
		break;
	case INET_TUPLE_CMD_LEASE_GET:
		lease_dump(fd, req, obj);
		break;
	case INET_TUPLE_CMD_ADDR_GET:
		addr_dump(fd, req, obj);
		break;
	case INET_TUPLE_CMD_RULE_NEW:
		rule_new(fd, req, obj);
		break;
	case INET_TUPLE_CMD_RULE_DEL:
		rule_del(fd, req, obj);
		break;
	case INET_TUPLE_CMD_RULE_GET:
		dump(fd, req, cmd);
		break;
	default:
		send_ack(fd, req, -EPERM, NULL, 0);
		break;
	}
}

static enum inet_tuple_kind kind_of(uint8_t cmd)
{
	if (cmd >= INET_TUPLE_CMD_ADDR_SET)
		return INET_TUPLE_ADDR_OBJ;
	if (cmd >= INET_TUPLE_CMD_RULE_NEW)
		return INET_TUPLE_RULE_OBJ;
	if (cmd >= INET_TUPLE_CMD_LEASE_GET)
		return INET_TUPLE_LEASE_OBJ;
	return INET_TUPLE_POOL_OBJ;
}

static void *run_kernel(void *arg)
{
	int fd = (int)(intptr_t)arg;
	const struct genlmsghdr *genl;
	struct inet_tuple_obj *obj;
	struct nlmsghdr *req;
	char *buf = NULL;
	size_t size = 0;

	while (itl_recv(fd, &buf, &size) > 0) {
		req = (struct nlmsghdr *)buf;
		genl = mnl_nlmsg_get_payload(req);
		if (req->nlmsg_type == GENL_ID_CTRL) {
			resolve(fd, req);
			continue;
		}
		if (itl_obj_parse(req, kind_of(genl->cmd), &obj))
			abort();
		serve(fd, req, genl->cmd, obj);
		inet_tuple_obj_free(obj);
	}
	free(buf);
	close(fd);
	return NULL;
}

int __wrap_socket(int domain, int type, int protocol)
{
	pthread_t thread;
	int fds[2];

	if (domain != AF_NETLINK)
		return __real_socket(domain, type, protocol);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -1;
	if (pthread_create(&thread, NULL, run_kernel,
			   (void *)(intptr_t)fds[1]))
		abort();
	pthread_detach(thread);
	last_kernel_end = fds[1];
	return fds[0];
}

int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (addr->sa_family == AF_NETLINK)
		return 0;
	return __real_bind(fd, addr, len);
}

static void send_events(int fd)
{
	struct inet_tuple_obj *rule = inet_tuple_obj_alloc(INET_TUPLE_RULE_OBJ);
	struct inet_tuple_obj *pool = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	struct inet_tuple_obj *lease;
	struct inet_tuple_addr addr = { AF_INET6, { 0xfd, 1 } };

	lease = inet_tuple_obj_alloc(INET_TUPLE_LEASE_OBJ);
	inet_tuple_obj_set_str(pool, INET_TUPLE_A_POOL_NAME, "web");
	inet_tuple_obj_set_str(pool, INET_TUPLE_A_POOL_DEV, "eth0");
	inet_tuple_obj_set_str(lease, INET_TUPLE_A_LEASE_POOL, "web");
	inet_tuple_obj_set_addr(lease, INET_TUPLE_A_LEASE_ADDR, &addr);
	inet_tuple_obj_set_num(lease, INET_TUPLE_A_LEASE_ERROR, EEXIST);
	inet_tuple_obj_set_num(rule, INET_TUPLE_A_RULE_UID, 7);
	inet_tuple_obj_set_str(rule, INET_TUPLE_A_RULE_POOL, "web");
	send_obj(fd, INET_TUPLE_CMD_POOL_NEW_NTF, 0, 0, pool);
	send_obj(fd, INET_TUPLE_CMD_LEASE_FAIL_NTF, 0, 0, lease);
	inet_tuple_obj_set_num(lease, INET_TUPLE_A_LEASE_STATE,
			       INET_TUPLE_LEASE_UNPLUMBING);
	inet_tuple_obj_set_num(lease, INET_TUPLE_A_LEASE_SCOPE,
			       INET_TUPLE_SCOPE_SOCKET);
	inet_tuple_obj_set_num(lease, INET_TUPLE_A_LEASE_REASON,
			       INET_TUPLE_REASON_EXPIRED);
	lease->values[INET_TUPLE_A_LEASE_ERROR].n = 0;
	send_obj(fd, INET_TUPLE_CMD_LEASE_DEL_NTF, 0, 0, lease);
	send_obj(fd, INET_TUPLE_CMD_RULE_NEW_NTF, 0, 0, rule);
	shutdown(fd, SHUT_RDWR);
	inet_tuple_obj_free(pool);
	inet_tuple_obj_free(lease);
	inet_tuple_obj_free(rule);
}

int __wrap_setsockopt(int fd, int level, int name, const void *val,
		      socklen_t len)
{
	if (level != SOL_NETLINK)
		return __real_setsockopt(fd, level, name, val, len);
	if (name == NETLINK_ADD_MEMBERSHIP)
		send_events(last_kernel_end);
	return 0;
}
