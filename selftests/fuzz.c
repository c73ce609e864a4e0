// SPDX-License-Identifier: GPL-2.0-only
/* A fuzzer that knows the grammar: short programs of system calls on tuple
 * sockets and of requests to the generic netlink family, made by chance and by
 * changing earlier ones. Where the kernel has kcov, programs that reach an
 * instruction of the module for the first time are kept to be changed further.
 *
 * Some calls are whole sequences, which chance alone seldom makes: a connection
 * that is accepted, a namespace with a pool that goes with its last socket. One
 * process listens to the events, and reads or does not.
 *
 * What is tested is that nothing breaks: the framework reads the kernel's log.
 *
 * FUZZ_SECONDS (20), FUZZ_SEED; FUZZ_PCS: a file for the instructions reached,
 * as offsets into the module
 */

#include "prove.h"

#include <linux/genetlink.h>
#include <linux/kcov.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#define PROCESSES 2
#define CALLS 14
#define SLOTS 3
#define DATA 512
#define CORPUS 512
#define COVER (256 << 10)
#define PCS (1 << 20)		/* bytes of module code at most */
#define SYSFS "/tmp/fuzz.sys"	/* of the namespace that is fuzzed */
#define SCTP_PEELOFF 102
#define SCTP_CONNECTX 110
#define SCTP_CONNECTX3 111

enum op {
	F_SOCKET, F_BIND, F_CONNECT, F_LISTEN, F_ACCEPT, F_SEND, F_SETOPT,
	F_GETOPT, F_CLOSE, F_NAME, F_SHUTDOWN, F_GENL, F_LINK, F_DUP, F_OTHER,
	F_SYSFS, F_PAIR, F_SPACE,
	F_OPS
};

static const int weight[F_OPS] = {
	16, 10, 9, 5, 4, 8, 14, 5, 6, 3, 2, 26, 2, 1, 3, 6, 3, 1,
};

struct call {
	uint8_t op, slot;
	uint32_t arg[4];
	uint16_t len;
	uint8_t data[DATA];
};

struct program {
	int n;
	struct call call[CALLS];
};

static struct shared {
	volatile int stop;
	uint64_t programs, calls[F_OPS], failed[F_OPS], kept;
	uint64_t usec[F_OPS];
	uint64_t refusal[134];		/* of netlink, by errno */
	int bad_errno, bad_op;
	uint8_t seen[PCS];
} *sh;

static uint64_t seed;
static uint16_t family;
static unsigned long text_base, text_size;

/* kcov */

static uint64_t *cover;
static int kcov_fd = -1;

static void kcov_start(void)
{
	kcov_fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (kcov_fd < 0)
		return;
	if (ioctl(kcov_fd, KCOV_INIT_TRACE, COVER))
		return;
	cover = mmap(NULL, COVER * sizeof(*cover), PROT_READ | PROT_WRITE,
		     MAP_SHARED, kcov_fd, 0);
	if (cover == MAP_FAILED || ioctl(kcov_fd, KCOV_ENABLE, KCOV_TRACE_PC))
		cover = NULL;
}

/* Return: whether a new instruction of the module was reached */
static int kcov_take(void)
{
	uint64_t n, i, offset;
	int new = 0;

	if (!cover)
		return 0;
	n = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
	for (i = 0; i < n && i < COVER - 1; i++) {
		offset = cover[i + 1] - text_base;
		if (offset < text_size && offset < PCS && !sh->seen[offset])
			sh->seen[offset] = new = 1;
	}
	__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
	return new;
}

static void module_place(void)
{
	FILE *f = fopen("/proc/modules", "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "inet_tuple %lu %*s %*s %*s 0x%lx",
			   &text_size, &text_base) == 2)
			break;
	if (f)
		fclose(f);
}

/* Values worth trying */

static uint32_t number(void)
{
	static const uint32_t known[] = {
		0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 63, 64, 127, 128, 129, 255,
		256, 1000, 4095, 4096, 60000, 65535, 65536, 0x7fffffff,
		0x80000000, 0xfffffffe, 0xffffffff,
	};

	if (rnd(4) == 0)
		return rnd32();
	return rnd(2) ? rnd(8) : known[rnd(sizeof(known) / sizeof(known[0]))];
}

static const char *const names[] = {
	"a", "b", "c", "d", "e", "f", "", ".", "pools", "a/b", "a b",
	"0123456789012345678901234567890", "01234567890123456789012345678901",
};

#define STOCKED "d"	/* this one is of source dhcp more often than not */

static const char *pool_name(uint32_t n)
{
	return names[n % 4 ? (n >> 8) % 3 : (n >> 8) % 13];
}

static int random_ip(uint8_t *ip, bool v6)
{
	if (v6) {
		memset(ip, 0, 16);
		if (rnd(8) == 0) {		/* mapped */
			ip[10] = ip[11] = 0xff;
			random_ip(ip + 12, false);
			return 16;
		}
		ip[0] = 0xfd;
		ip[1] = 0x79;
		ip[3] = rnd(6);
		ip[15] = rnd(40);
		if (rnd(10) == 0)
			ip[rnd(16)] = rnd(256);
		if (rnd(16) == 0)
			memset(ip, rnd(2) ? 0 : 0xff, 16);
		return 16;
	}
	ip[0] = 10;
	ip[1] = 79;
	ip[2] = rnd(6);
	ip[3] = rnd(40);
	if (rnd(10) == 0)
		ip[rnd(4)] = rnd(256);
	if (rnd(16) == 0)
		memset(ip, rnd(3) ? 0 : 0xff, 4);
	if (rnd(16) == 0)
		memcpy(ip, "\x7f\0\0\1", 4);
	return 4;
}

/* Netlink attributes, into a buffer of DATA bytes */

struct out {
	uint8_t *p;
	int n;
};

static void attr(struct out *o, int type, const void *data, int len)
{
	struct nlattr *a = (void *)(o->p + o->n);

	if (o->n + NLA_HDRLEN + NLA_ALIGN(len) > DATA)
		return;
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (rnd(800) == 0)		/* a length that lies */
		a->nla_len = rnd(64);
	memcpy(o->p + o->n + NLA_HDRLEN, data, len);
	o->n += NLA_HDRLEN + NLA_ALIGN(len);
}

static void attr_num(struct out *o, int type, uint32_t value, int size)
{
	uint64_t v = value;

	attr(o, type, &v, size);
}

static void attr_str(struct out *o, int type, const char *text)
{
	attr(o, type, text, strlen(text) + (rnd(64) != 0));
}

static int nest(struct out *o, int type)
{
	int at = o->n;

	attr(o, rnd(64) ? type | NLA_F_NESTED : type, "", 0);
	return at;
}

static void nest_end(struct out *o, int at)
{
	if (at < o->n && rnd(400))
		((struct nlattr *)(o->p + at))->nla_len = o->n - at;
}

static void attr_prefix(struct out *o, int type, bool exclude)
{
	bool v6 = rnd(2);
	uint8_t ip[16];
	int at = nest(o, type), n = random_ip(ip, v6), len;

	if (exclude && rnd(2)) {	/* a single address of a known pool */
		attr(o, INET_TUPLE_A_PREFIX_ADDR, ip, n);
		nest_end(o, at);
		return;
	}
	len = rnd(12) ? (v6 ? 120 : 24) + rnd(9) : rnd(v6 ? 140 : 36);
	if (!exclude && rnd(16)) {	/* mostly without host bits */
		if (len >= n * 8 - 8 && len <= n * 8)
			ip[n - 1] &= 0xff << (n * 8 - len);
		else
			ip[n - 1] = 0;
	}
	attr(o, INET_TUPLE_A_PREFIX_ADDR, ip, rnd(32) ? n : (int)rnd(16));
	if (exclude && rnd(2)) {
		ip[n - 1] += rnd(8);
		attr(o, INET_TUPLE_A_PREFIX_LAST, ip, n);
	} else if (rnd(8)) {
		attr_num(o, INET_TUPLE_A_PREFIX_LEN, len, 1);
	}
	nest_end(o, at);
}

static void attr_users(struct out *o)
{
	int at = nest(o, INET_TUPLE_A_POOL_USERS);

	attr_num(o, INET_TUPLE_A_USERS_FIRST, rnd(3) ? 0 : number(), 4);
	attr_num(o, INET_TUPLE_A_USERS_LAST, number(), 4);
	nest_end(o, at);
}

static void attr_pool(struct out *o, bool set)
{
	static const char *const devs[] = { "tp0", "tp1", "lo", "none", "" };
	/* mostly what the command takes */
	int type = rnd(8) ? INET_TUPLE_A_POOL_PLUMB +
			    rnd(INET_TUPLE_A_POOL_STATE - INET_TUPLE_A_POOL_PLUMB + 1) :
			    1 + rnd(INET_TUPLE_A_POOL_MAX + 1);

	if (set && rnd(3) == 0)
		type = INET_TUPLE_A_POOL_PREFIX + rnd(4);

	switch (type) {
	case INET_TUPLE_A_POOL_NAME:
		attr_str(o, type, pool_name(rnd32()));
		break;
	case INET_TUPLE_A_POOL_DEV:
		attr_str(o, type, devs[rnd(5)]);
		break;
	case INET_TUPLE_A_POOL_PREFIX:
	case INET_TUPLE_A_POOL_PREFIX_DEL:
		attr_prefix(o, type, false);
		break;
	case INET_TUPLE_A_POOL_EXCLUDE:
	case INET_TUPLE_A_POOL_EXCLUDE_DEL:
		attr_prefix(o, type, true);
		break;
	case INET_TUPLE_A_POOL_USERS:
		attr_users(o);
		break;
	case INET_TUPLE_A_POOL_PLUMB:
	case INET_TUPLE_A_POOL_ASSIGN:
	case INET_TUPLE_A_POOL_SCOPE:
	case INET_TUPLE_A_POOL_ORDER:
	case INET_TUPLE_A_POOL_DEFAULT:
	case INET_TUPLE_A_POOL_STATE:
		attr_num(o, type, rnd(16) ? rnd(3) : number(), 1);
		break;
	case INET_TUPLE_A_POOL_SOURCE:
		attr_num(o, type, rnd(8) ? 0 : number(), 1);
		break;
	case INET_TUPLE_A_POOL_DSCP:
		attr_num(o, type, number(), 1);
		break;
	case INET_TUPLE_A_POOL_FORCE:
		attr(o, type, "", 0);
		break;
	case INET_TUPLE_A_POOL_QUARANTINE:
	case INET_TUPLE_A_POOL_WAIT:
	case INET_TUPLE_A_POOL_WARM:
		attr_num(o, type, rnd(8) ? rnd(100) : number(), 4);
		break;
	default:
		attr_num(o, type, number(), rnd(16) ? 4 : 8);
	}
}

static void attr_addr(struct out *o, int type)
{
	uint8_t ip[16];
	int n = random_ip(ip, rnd(2));

	attr(o, type, ip, rnd(16) ? n : (int)rnd(16));
}

/* What an agent gives and takes, out of few addresses that are in no prefix */
static void attr_stock(struct out *o)
{
	uint8_t ip[4] = { 10, 79, 200, rnd(12) };

	attr_str(o, INET_TUPLE_A_ADDR_POOL, rnd(8) ? STOCKED : pool_name(rnd32()));
	if (rnd(16))
		attr(o, INET_TUPLE_A_ADDR_ADDR, ip, 4);
	else
		attr_addr(o, INET_TUPLE_A_ADDR_ADDR);
}

static void attr_rule(struct out *o)
{
	static const char *const paths[] = { "/", "", "/selftest", "selftest", "/none", "/../x" };

	switch (rnd(5)) {
	case 0:
		attr_num(o, INET_TUPLE_A_RULE_UID, number(), 4);
		break;
	case 1:
		attr_num(o, INET_TUPLE_A_RULE_GID, number(), 4);
		break;
	case 2:
		attr_str(o, INET_TUPLE_A_RULE_CGROUP, paths[rnd(6)]);
		break;
	default:
		attr_str(o, INET_TUPLE_A_RULE_POOL, pool_name(rnd32()));
	}
}

/* arg[0] the command, arg[1] the flags, data the attributes */
static void make_genl(struct call *c)
{
	struct out o = { .p = c->data };
	int n = rnd(4), i;
	static const uint8_t often[] = {
		INET_TUPLE_CMD_POOL_NEW, INET_TUPLE_CMD_POOL_NEW,
		INET_TUPLE_CMD_POOL_SET, INET_TUPLE_CMD_POOL_SET,
		INET_TUPLE_CMD_POOL_SET, INET_TUPLE_CMD_POOL_SET,
		INET_TUPLE_CMD_LEASE_KILL, INET_TUPLE_CMD_RULE_NEW,
		INET_TUPLE_CMD_ADDR_SET, INET_TUPLE_CMD_ADDR_SET,
		INET_TUPLE_CMD_ADDR_DEL, INET_TUPLE_CMD_ADDR_GET,
	};

	c->arg[0] = rnd(2) ? often[rnd(12)] : 1 + rnd(INET_TUPLE_CMD_RULE_GET);
	if (rnd(64) == 0)
		c->arg[0] = number() & 0xff;
	c->arg[1] = rnd(16) ? 0 : rnd(2) ? NLM_F_DUMP : NLM_F_ECHO;
	if ((c->arg[0] == INET_TUPLE_CMD_POOL_GET ||
	     c->arg[0] == INET_TUPLE_CMD_LEASE_GET ||
	     c->arg[0] == INET_TUPLE_CMD_ADDR_GET ||
	     c->arg[0] == INET_TUPLE_CMD_RULE_GET) && rnd(3))
		c->arg[1] = NLM_F_DUMP;
	switch (c->arg[0]) {
	case INET_TUPLE_CMD_POOL_NEW:
		if (rnd(4) == 0) {
			attr_str(&o, INET_TUPLE_A_POOL_NAME, STOCKED);
			attr_str(&o, INET_TUPLE_A_POOL_DEV, rnd(2) ? "tp0" : "tp1");
			attr_num(&o, INET_TUPLE_A_POOL_SOURCE, INET_TUPLE_SOURCE_DHCP, 1);
			n = rnd(2) ? 0 : n;
			break;
		}
		attr_str(&o, INET_TUPLE_A_POOL_NAME, pool_name(rnd32()));
		attr_str(&o, INET_TUPLE_A_POOL_DEV, rnd(2) ? "tp0" : "tp1");
		attr_prefix(&o, INET_TUPLE_A_POOL_PREFIX, false);
		break;
	case INET_TUPLE_CMD_POOL_SET:
		n++;
		/* fall through */
	case INET_TUPLE_CMD_POOL_DEL:
	case INET_TUPLE_CMD_POOL_GET:
		attr_str(&o, INET_TUPLE_A_POOL_NAME, pool_name(rnd32()));
		if (c->arg[0] == INET_TUPLE_CMD_POOL_DEL && rnd(2))
			attr(&o, INET_TUPLE_A_POOL_FORCE, "", 0);
		if (c->arg[0] != INET_TUPLE_CMD_POOL_SET)
			n = rnd(8) ? 0 : n;
		break;
	case INET_TUPLE_CMD_LEASE_GET:
	case INET_TUPLE_CMD_LEASE_KILL:
		if (rnd(4) && !(c->arg[1] & NLM_F_DUMP && rnd(2)))
			attr_addr(&o, INET_TUPLE_A_LEASE_ADDR);
		if (rnd(4) == 0)
			attr_str(&o, INET_TUPLE_A_LEASE_POOL, pool_name(rnd32()));
		n = rnd(8) ? 0 : n;
		break;
	case INET_TUPLE_CMD_ADDR_SET:
	case INET_TUPLE_CMD_ADDR_DEL:
		attr_stock(&o);
		if (c->arg[0] == INET_TUPLE_CMD_ADDR_SET)
			attr_num(&o, INET_TUPLE_A_ADDR_VALID, rnd(2) ? 1 + rnd(3) : number(), 4);
		if (rnd(3) == 0)
			attr(&o, c->arg[0] == INET_TUPLE_CMD_ADDR_SET ?
			     INET_TUPLE_A_ADDR_NEW : INET_TUPLE_A_ADDR_IDLE, "", 0);
		n = 0;
		break;
	case INET_TUPLE_CMD_ADDR_GET:
		if (rnd(2))
			attr_str(&o, INET_TUPLE_A_ADDR_POOL, rnd(2) ? STOCKED : pool_name(rnd32()));
		n = 0;
		break;
	case INET_TUPLE_CMD_RULE_NEW:
	case INET_TUPLE_CMD_RULE_DEL:
		attr_str(&o, INET_TUPLE_A_RULE_POOL, pool_name(rnd32()));
		for (i = rnd(3); i >= 0; i--)
			attr_rule(&o);
		n = 0;
		break;
	default:
		n = rnd(8) ? 0 : n;
	}
	for (i = 0; i < n; i++)
		attr_pool(&o, c->arg[0] == INET_TUPLE_CMD_POOL_SET);
	c->len = o.n;
}

static void make_sockaddr(struct call *c)
{
	struct sockaddr_in6 sin6 = {};
	struct sockaddr_in sin = {};
	static const int families[] = { AF_INET, AF_INET_TUPLE, AF_UNSPEC, AF_INET6 };
	static const int families6[] = { AF_INET6, AF_INET6_TUPLE, AF_UNSPEC, AF_INET };
	uint16_t port = rnd(3) ? htons(3000 + rnd(4)) : htons(number());

	if (rnd(2)) {
		sin.sin_family = families[rnd(8) ? rnd(2) : rnd(4)];
		sin.sin_port = port;
		random_ip((void *)&sin.sin_addr, false);
		memcpy(c->data, &sin, c->len = sizeof(sin));
	} else {
		sin6.sin6_family = families6[rnd(8) ? rnd(2) : rnd(4)];
		sin6.sin6_port = port;
		random_ip((void *)&sin6.sin6_addr, true);
		memcpy(c->data, &sin6, c->len = sizeof(sin6));
	}
	if (rnd(16) == 0)
		c->len = rnd(140);
}

static void make_option(struct call *c)
{
	struct { int level, name; } other[] = {
		{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_REUSEPORT },
		{ SOL_SOCKET, SO_BINDTODEVICE }, { SOL_IP, IP_FREEBIND },
		{ SOL_IP, IP_TRANSPARENT }, { SOL_IPV6, IPV6_V6ONLY },
		{ SOL_IPV6, IPV6_ADDRFORM }, { IPPROTO_TCP, TCP_ULP },
		{ IPPROTO_TCP, TCP_FASTOPEN }, { IPPROTO_TCP, TCP_FASTOPEN_CONNECT },
		{ SOL_SOCKET, SO_LINGER }, { SOL_IP, IP_MTU_DISCOVER },
		{ SOL_SOCKET, SO_MARK }, { IPPROTO_SCTP, SCTP_PEELOFF },
		{ IPPROTO_SCTP, SCTP_CONNECTX }, { IPPROTO_SCTP, SCTP_CONNECTX3 },
	};
	uint64_t id = rnd(4);
	int i;

	if (rnd(3)) {
		c->arg[0] = SOL_INET_TUPLE;
		c->arg[1] = rnd(16) ? 1 + rnd(4) : number();
		if (c->arg[1] == INET_TUPLE_SCOPE_ID) {
			memcpy(c->data, &id, c->len = sizeof(id));
		} else {
			c->len = strlen(pool_name(c->arg[2])) + rnd(2);
			memcpy(c->data, pool_name(c->arg[2]), c->len);
		}
	} else {
		i = rnd(sizeof(other) / sizeof(other[0]));
		c->arg[0] = other[i].level;
		c->arg[1] = other[i].name;
		memcpy(c->data, other[i].name == TCP_ULP ? "tls\0\0\0\0" : "\1\0\0\0\0\0\0", 8);
		c->len = other[i].name == SO_LINGER ? 8 : 4;
		if (other[i].name == IPV6_ADDRFORM)
			c->data[0] = AF_INET;
		if (other[i].name == SCTP_CONNECTX)
			make_sockaddr(c);
	}
	if (rnd(16) == 0)
		c->len = rnd(64);
}

/* What is written, and behind it the file */
static void make_sysfs(struct call *c)
{
	static const char *const files[] = {
		"a/plumb", "b/assign", "c/scope", "a/order", "b/quarantine",
		"c/wait", "a/quota", "b/users", "c/dscp", "a/priority", "b/mark",
		"c/default", "a/source", "b/state", "a/device", "b/prefixes",
		"c/excludes", "a/total", "b/in_use", "c/quarantined", "a/warm", "pools",
		"pools", "d/device", "d/prefixes",
	};
	static const char *const words[] = {
		"", "address", "prefix", "create", "bind", "socket", "user", "lru",
		"random", "auto", "unset", "unlimited", "on", "off", "active",
		"draining", "static", "all", "0-1000", "tp0", "tp1", "+10.79.3.0/28",
		"-10.79.3.0/28", "+10.79.0.5", "-10.79.0.5", "+fd79:3::/120",
		"+10.79.0.1-10.79.0.3", "+d", "-d", "+a/b", "63", "0x10",
	};
	const char *word = words[rnd(sizeof(words) / sizeof(words[0]))];
	const char *file = files[rnd(sizeof(files) / sizeof(files[0]))];
	int n = snprintf((char *)c->data, DATA, "%s", word);

	if (rnd(8) == 0)
		n = snprintf((char *)c->data, DATA, "%u", number());
	strcpy((char *)c->data + n + 1, file);
	c->len = n + 1 + strlen(file) + 1;
}

static void make_call(struct call *c)
{
	int total = 0, pick, i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < F_OPS; i++)
		total += weight[i];
	pick = rnd(total);
	for (i = 0; pick >= weight[i]; i++)
		pick -= weight[i];
	c->op = i;
	c->slot = rnd(SLOTS);
	for (i = 0; i < 4; i++)
		c->arg[i] = rnd32();
	switch (c->op) {
	case F_GENL:
		make_genl(c);
		break;
	case F_BIND:
	case F_CONNECT:
	case F_SEND:
		make_sockaddr(c);
		break;
	case F_SYSFS:
		make_sysfs(c);
		break;
	case F_SETOPT:
	case F_GETOPT:
		make_option(c);
	}
}

/* Run */

static int slot[SLOTS];
static struct mnl_socket *genl;

static void tell_refusal(const struct call *c, const struct nlmsghdr *nlh,
			 int err)
{
	const struct nlattr *attr;
	const char *text = "";
	int at = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct nlmsgerr)) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			text = mnl_attr_get_str(attr);
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS)
			at = mnl_attr_get_u32(attr);
	}
	note("command %u: %s, %s at %d", c->arg[0], strerror(err), text, at);
}

/* What is asked for, or killed, is the lease of a socket of the program. */
static void aim(struct nlattr *addr, uint32_t n)
{
	struct sockaddr_storage ss = {};
	socklen_t len = sizeof(ss);

	if (slot[n % SLOTS] < 0 || getsockname(slot[n % SLOTS], (void *)&ss, &len))
		return;
	if (ss.ss_family == AF_INET && addr->nla_len == NLA_HDRLEN + 4)
		memcpy(addr + 1, &((struct sockaddr_in *)&ss)->sin_addr, 4);
	if (ss.ss_family == AF_INET6 && addr->nla_len == NLA_HDRLEN + 16)
		memcpy(addr + 1, &((struct sockaddr_in6 *)&ss)->sin6_addr, 16);
}

static int run_genl(const struct call *c)
{
	static char buf[65536] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *ghdr;
	int n, err, rounds = 0;
	unsigned int seq;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | c->arg[1];
	nlh->nlmsg_seq = rnd32();
	ghdr = mnl_nlmsg_put_extra_header(nlh, sizeof(*ghdr));
	ghdr->cmd = c->arg[0];
	ghdr->version = 1;
	memcpy(mnl_nlmsg_get_payload_tail(nlh), c->data, c->len);
	if ((c->arg[0] == INET_TUPLE_CMD_LEASE_KILL ||
	     c->arg[0] == INET_TUPLE_CMD_LEASE_GET) && c->arg[2] & 1 &&
	    c->len >= NLA_HDRLEN + 4)
		aim(mnl_nlmsg_get_payload_tail(nlh), c->arg[3]);
	nlh->nlmsg_len += NLA_ALIGN(c->len);
	if (mnl_socket_sendto(genl, nlh, nlh->nlmsg_len) < 0)
		return -1;
	seq = nlh->nlmsg_seq;
	while (rounds++ < 200) {
		n = recv(mnl_socket_get_fd(genl), buf, sizeof(buf), 0);
		if (n < 0)
			return -1;
		for (nlh = (void *)buf; mnl_nlmsg_ok(nlh, n);
		     nlh = mnl_nlmsg_next(nlh, &n)) {
			if (nlh->nlmsg_seq != seq ||
			    (nlh->nlmsg_type != NLMSG_DONE &&
			     nlh->nlmsg_type != NLMSG_ERROR))
				continue;
			/* both begin with an errno */
			err = *(int *)mnl_nlmsg_get_payload(nlh);
			if (err && getenv("FUZZ_VERBOSE"))
				tell_refusal(c, nlh, -err);
			errno = -err;
			return err ? -1 : 0;
		}
	}
	return 0;
}

static int run_socket(const struct call *c)
{
	static const struct { int type, proto; } kinds[] = {
		{ SOCK_STREAM, 0 }, { SOCK_STREAM, 0 }, { SOCK_DGRAM, 0 },
		{ SOCK_DGRAM, 0 }, { SOCK_STREAM, 262 }, { SOCK_RAW, 253 },
		{ SOCK_DGRAM, IPPROTO_ICMP }, { SOCK_DGRAM, IPPROTO_UDPLITE },
		{ SOCK_STREAM, IPPROTO_SCTP }, { SOCK_SEQPACKET, IPPROTO_SCTP },
		{ SOCK_RAW, IPPROTO_RAW }, { SOCK_PACKET, 0 }, { SOCK_DCCP, 0 },
	};
	struct timeval tv = { .tv_usec = 10000 };
	/* the last two look for modules, which takes its time */
	int k = c->arg[0] % (c->arg[3] % 64 ? 11 : 13), v6 = c->arg[1] & 1, fd;
	int type = kinds[k].type | (c->arg[2] % 3 ? SOCK_NONBLOCK : 0);
	int proto = kinds[k].proto;

	if (proto == IPPROTO_ICMP && v6)
		proto = IPPROTO_ICMPV6;
	if (c->arg[3] % 128 == 0)
		proto = c->arg[3] >> 24;
	fd = socket(v6 ? AF_INET6_TUPLE : AF_INET_TUPLE, type, proto);
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (slot[c->slot] >= 0)
		close(slot[c->slot]);
	slot[c->slot] = fd;
	return 0;
}

static int run_send(const struct call *c, int fd)
{
	static const int flags[] = { 0, MSG_DONTWAIT, MSG_FASTOPEN, MSG_MORE,
				     MSG_OOB, MSG_CONFIRM };
	char data[1024] = {};
	int flag = flags[c->arg[0] % 6] | MSG_NOSIGNAL;

	if (c->arg[1] & 1)
		return send(fd, data, c->arg[2] % 1024, flag);
	return sendto(fd, data, c->arg[2] % 1024, flag, (void *)c->data, c->len);
}

/* To the address of another socket of the program: something answers */
static int run_connect(const struct call *c, int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int to = slot[c->arg[0] % SLOTS];

	if (c->arg[1] & 1 && to >= 0 && !getsockname(to, (void *)&ss, &len))
		return connect(fd, (void *)&ss, len);
	return connect(fd, (void *)c->data, c->len);
}

static int run_link(const struct call *c)
{
	const char *dev = c->arg[0] & 1 ? "tp1" : "tp0";
	uint8_t ip[4] = { 10, 79, c->arg[1] % 6, c->arg[2] % 40 };

	switch (c->arg[3] % 6) {
	case 0:
		link_down(dev);
		return link_up(dev);
	case 1:
		link_del("tp1");
		return dummy_add("tp1");
	case 2:
		return link_down(dev);
	case 3:
		return link_up(dev);
	default:
		return addr_change(c->arg[3] & 8 ? RTM_NEWADDR : RTM_DELADDR,
				   if_nametoindex(dev), AF_INET, ip, 32);
	}
}

static int run_sysfs(const struct call *c)
{
	size_t n = strnlen((const char *)c->data, DATA);
	char path[256], data[DATA];
	int fd, r;

	if (n + 1 >= c->len || !memchr(c->data + n + 1, 0, c->len - n - 1))
		return 0;
	snprintf(path, sizeof(path), SYSFS "/class/inet_tuple/%s",
		 (const char *)c->data + n + 1);
	if (strstr(path, ".."))
		return 0;
	fd = open(path, c->arg[0] % 4 ? O_WRONLY : O_RDONLY);
	if (fd < 0)
		return -1;
	r = c->arg[0] % 4 ? write(fd, c->data, n) : read(fd, data, sizeof(data));
	close(fd);
	return r < 0 ? -1 : 0;
}

/* A listener, who connects to it, and what is accepted */
static int run_pair(const struct call *c)
{
	static const uint32_t kinds[] = { 0, 0, 4, 8 };	/* of run_socket() */
	struct call s = {
		.arg = { kinds[c->arg[0] % 4], c->arg[1], 0, 1 },
	};
	struct sockaddr_storage ss = { .ss_family = c->arg[1] & 1 ? AF_INET6 : AF_INET };
	socklen_t len = sizeof(ss);
	int new;

	for (s.slot = 0; s.slot < 2; s.slot++)
		if (run_socket(&s))
			return -1;
	if (bind(slot[0], (void *)&ss, c->arg[1] & 1 ? sizeof(struct sockaddr_in6) :
						       sizeof(struct sockaddr_in)) ||
	    listen(slot[0], 4) || getsockname(slot[0], (void *)&ss, &len) ||
	    connect(slot[1], (void *)&ss, len))
		return -1;
	new = accept(slot[0], NULL, NULL);
	if (new < 0)
		return -1;
	if (slot[2] >= 0)
		close(slot[2]);
	slot[2] = new;
	return 0;
}

/* A socket in a namespace that ends with it, pool and all */
static int run_space(const struct call *c)
{
	static int home = -1;
	struct inet_tuple_handle *h;
	int r = -1;

	if (home < 0)
		home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET))
		return -1;
	rtnl_close();
	link_up("lo");
	if (!inet_tuple_handle_open(&h, NULL)) {
		pool_add(h, "name=n dev=lo prefix=10.79.0.0/28 prefix=fd79:0:0::/124 plumb=%u",
			 c->arg[2] >> 8 & 1);
		inet_tuple_handle_close(h);
		r = run_socket(c);
	}
	rtnl_close();
	if (setns(home, CLONE_NEWNET))
		_exit(1);
	return r;
}

static int run_other(const struct call *c, int fd)
{
	char data[512];

	switch (c->arg[0] % 4) {
	case 0:
		return recv(fd, data, sizeof(data), MSG_DONTWAIT);
	case 1:
		return ioctl(fd, FIONREAD, data);
	case 2:
		return fcntl(fd, F_SETFL, c->arg[1] & 1 ? O_NONBLOCK : 0);
	default:
		return recv(fd, data, sizeof(data), MSG_ERRQUEUE | MSG_DONTWAIT);
	}
}

static int run_call(const struct call *c)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char data[DATA];
	int fd = slot[c->slot], new;

	switch (c->op) {
	case F_SOCKET:
		return run_socket(c);
	case F_GENL:
		return run_genl(c);
	case F_LINK:
		return run_link(c);
	case F_SYSFS:
		return run_sysfs(c);
	case F_PAIR:
		return run_pair(c);
	case F_SPACE:
		return run_space(c);
	}
	if (fd < 0)
		return 0;
	switch (c->op) {
	case F_BIND:
		return bind(fd, (void *)c->data, c->len);
	case F_CONNECT:
		return run_connect(c, fd);
	case F_LISTEN:
		return listen(fd, (int)c->arg[0] % 16);
	case F_ACCEPT:
		new = accept(fd, NULL, NULL);
		if (new >= 0) {
			if (slot[c->arg[0] % SLOTS] >= 0)
				close(slot[c->arg[0] % SLOTS]);
			slot[c->arg[0] % SLOTS] = new;
		}
		return new < 0 ? -1 : 0;
	case F_SEND:
		return run_send(c, fd);
	case F_SETOPT:
		return setsockopt(fd, c->arg[0], c->arg[1],
				  c->arg[3] % 64 ? (void *)c->data : NULL, c->len);
	case F_GETOPT:
		len = c->arg[3] % 8 ? sizeof(data) : c->arg[2] % sizeof(data);
		memcpy(data, c->data, sizeof(data));
		return getsockopt(fd, c->arg[0], c->arg[1], data, &len);
	case F_CLOSE:
		slot[c->slot] = -1;
		return close(fd);
	case F_NAME:
		return c->arg[0] & 1 ? getsockname(fd, (void *)&ss, &len) :
				       getpeername(fd, (void *)&ss, &len);
	case F_SHUTDOWN:
		return shutdown(fd, c->arg[0] % 4);
	case F_DUP:
		new = dup(fd);
		if (new >= 0) {
			if (slot[c->arg[0] % SLOTS] >= 0)
				close(slot[c->arg[0] % SLOTS]);
			slot[c->arg[0] % SLOTS] = new;
		}
		return new < 0 ? -1 : 0;
	default:
		return run_other(c, fd);
	}
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ull + ts.tv_nsec / 1000;
}

static void run_program(const struct program *p)
{
	uint64_t begun;
	int i, r;

	for (i = 0; i < SLOTS; i++)
		slot[i] = -1;
	for (i = 0; i < p->n; i++) {
		errno = 0;
		begun = now_us();
		r = run_call(&p->call[i]);
		__atomic_fetch_add(&sh->usec[p->call[i].op],
				   now_us() - begun, __ATOMIC_RELAXED);
		__atomic_fetch_add(&sh->calls[p->call[i].op], 1, __ATOMIC_RELAXED);
		if (r >= 0)
			continue;
		__atomic_fetch_add(&sh->failed[p->call[i].op], 1, __ATOMIC_RELAXED);
		if (p->call[i].op == F_GENL && errno < 134)
			__atomic_fetch_add(&sh->refusal[errno], 1, __ATOMIC_RELAXED);
		/* 524 is ENOTSUPP, which netlink and others let out */
		if (errno > 133 && errno != 524) {
			sh->bad_errno = errno;
			sh->bad_op = p->call[i].op;
		}
	}
	for (i = 0; i < SLOTS; i++)
		if (slot[i] >= 0)
			close(slot[i]);
	__atomic_fetch_add(&sh->programs, 1, __ATOMIC_RELAXED);
}

/* Corpus */

static struct program *corpus[CORPUS];
static int n_corpus;

static void mutate_data(struct call *c)
{
	uint32_t v;
	int i;

	if (!c->len)
		return;
	i = rnd(c->len);
	switch (rnd(5)) {
	case 0:
		c->data[i] ^= 1 << rnd(8);
		break;
	case 1:
		c->data[i] = number();
		break;
	case 2:
		v = number();
		if (i + 4 <= DATA)
			memcpy(c->data + i, &v, 4);
		break;
	case 3:
		c->len = rnd(c->len + 8);
		if (c->len > DATA)
			c->len = DATA;
		break;
	default:		/* the same again behind it */
		if (c->len * 2 <= DATA) {
			memcpy(c->data + c->len, c->data, c->len);
			c->len *= 2;
		}
	}
}

static void mutate(struct program *p)
{
	const struct program *other;
	int rounds = 1 + rnd(4), i;

	while (rounds--) {
		i = rnd(p->n);
		switch (rnd(7)) {
		case 0:
			make_call(&p->call[i]);
			break;
		case 1:
			mutate_data(&p->call[i]);
			break;
		case 2:
			p->call[i].arg[rnd(4)] = number();
			break;
		case 3:		/* one more, in between */
			if (p->n == CALLS)
				break;
			memmove(&p->call[i + 1], &p->call[i],
				(p->n - i) * sizeof(p->call[0]));
			make_call(&p->call[i]);
			p->n++;
			break;
		case 4:
			if (p->n == 1)
				break;
			memmove(&p->call[i], &p->call[i + 1],
				(p->n - i - 1) * sizeof(p->call[0]));
			p->n--;
			break;
		case 5:
			p->call[i].slot = rnd(SLOTS);
			break;
		default:	/* the end of another one */
			if (!n_corpus)
				break;
			other = corpus[rnd(n_corpus)];
			for (; i < other->n; i++)
				p->call[i] = other->call[i];
			if (other->n > p->n)
				p->n = other->n;
		}
	}
}

static void make_program(struct program *p)
{
	int i;

	if (n_corpus && rnd(4)) {
		*p = *corpus[rnd(n_corpus)];
		mutate(p);
		return;
	}
	p->n = 3 + rnd(CALLS - 2);
	for (i = 0; i < p->n; i++)
		make_call(&p->call[i]);
	/* without sockets there is little to call */
	for (i = 0; i < 2 && rnd(4); i++) {
		p->call[i].op = F_SOCKET;
		p->call[i].slot = i;
	}
}

static void keep(const struct program *p)
{
	struct program *copy;
	int i = n_corpus < CORPUS ? n_corpus++ : (int)rnd(CORPUS);

	copy = corpus[i] ?: malloc(sizeof(*copy));
	*copy = *p;
	corpus[i] = copy;
	__atomic_fetch_add(&sh->kept, 1, __ATOMIC_RELAXED);
}

/* Something to lease from, whatever the programs did to it */
static void restore(bool first)
{
	struct inet_tuple_handle *h;

	if (inet_tuple_handle_open(&h, NULL))
		return;
	if (first || rnd(4) == 0)
		pools_delete(h);
	link_up("tp0");
	dummy_add("tp1");
	link_up("tp1");
	addr_text(RTM_NEWADDR, "tp0", "10.98.0.1", 24);
	addr_text(RTM_NEWADDR, "tp1", "fd98::1", 64);
	pool_add(h, "name=a dev=tp0 prefix=10.79.0.0/28 prefix=fd79:0:0::/124 quarantine=0 default=1");
	pool_add(h, "name=b dev=tp1 prefix=10.79.1.0/28 prefix=fd79:1::/124 plumb=1 quarantine=3");
	pool_add(h, "name=c dev=tp0 prefix=10.79.2.0/29 prefix=fd79:2::/125 assign=1 scope=1 wait=20 quota=6");
	inet_tuple_handle_close(h);
}

static int on_family(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			family = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static int genl_open(void)
{
	char buf[8192] = {};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *ghdr;
	int n, on = 1;

	genl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!genl || mnl_socket_bind(genl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -1;
	mnl_socket_setsockopt(genl, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(genl, NETLINK_CAP_ACK, &on, sizeof(on));
	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ghdr = mnl_nlmsg_put_extra_header(nlh, sizeof(*ghdr));
	ghdr->cmd = CTRL_CMD_GETFAMILY;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, INET_TUPLE_GENL_NAME);
	if (mnl_socket_sendto(genl, nlh, nlh->nlmsg_len) < 0)
		return -1;
	n = mnl_socket_recvfrom(genl, buf, sizeof(buf));
	return n < 0 || mnl_cb_run(buf, n, 0, 0, on_family, NULL) < 0 || !family;
}

static int on_event(int event, const struct inet_tuple_obj *obj, void *arg)
{
	return 0;
}

/* The module tells of events only where somebody listens. */
static struct inet_tuple_handle *listen_events(void)
{
	struct inet_tuple_handle *h;
	int fd;

	if (inet_tuple_handle_open(&h, NULL))
		return NULL;
	fd = inet_tuple_events_fd(h);
	if (fd >= 0)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	return h;
}

static void on_alarm(int sig)
{
}

static void fuzz_process(int n)
{
	struct itimerval it = {
		.it_interval.tv_usec = 250000, .it_value.tv_usec = 250000,
	};
	struct sigaction sa = { .sa_handler = on_alarm };
	struct inet_tuple_handle *events;
	static struct program p;
	uint64_t rounds = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	rnd_seed(seed + n);
	rtnl_close();
	if (genl_open())
		_exit(1);
	events = n ? NULL : listen_events();
	kcov_start();
	while (!sh->stop) {
		if (n == 0 && rounds++ % 32 == 0)
			restore(rounds == 1);
		while (events && !inet_tuple_events_read(events, on_event, NULL))
			;
		make_program(&p);
		kcov_take();
		run_program(&p);
		if (kcov_take())
			keep(&p);
	}
	_exit(0);
}

static void tell(unsigned int seconds)
{
	static const char *const name[] = {
		"socket", "bind", "connect", "listen", "accept", "send",
		"setsockopt", "getsockopt", "close", "name", "shutdown",
		"netlink", "device", "dup", "other", "sysfs", "pair", "namespace",
	};
	uint64_t total = 0;
	const char *path = getenv("FUZZ_PCS");
	FILE *f = path ? fopen(path, "w") : NULL;
	int i, pcs = 0;

	for (i = 0; i < F_OPS; i++) {
		note("%-10s %8llu, %8llu failed, %8llu us each", name[i],
		     (unsigned long long)sh->calls[i],
		     (unsigned long long)sh->failed[i],
		     (unsigned long long)(sh->usec[i] / (sh->calls[i] ?: 1)));
		total += sh->calls[i];
	}
	for (i = 1; i < 134; i++)
		if (sh->refusal[i])
			note("netlink: %s: %llu", strerror(i),
			     (unsigned long long)sh->refusal[i]);
	for (i = 0; i < PCS; i++) {
		pcs += sh->seen[i];
		if (sh->seen[i] && f)
			fprintf(f, "%#x\n", i);
	}
	if (f)
		fclose(f);
	note("%llu programs, %llu calls, %llu a second",
	     (unsigned long long)sh->programs, (unsigned long long)total,
	     (unsigned long long)total / seconds);
	if (pcs)
		note("%d module PCs reached, %llu programs kept", pcs,
		     (unsigned long long)sh->kept);
	else
		note("no kcov here: blind");
	if (sh->bad_errno)
		note("%s: errno %d", name[sh->bad_op], sh->bad_errno);
}

static int wait_all(pid_t *pid, int n)
{
	uint64_t end = now_ms() + 60000;
	int left = n, bad = 0, status, i;

	while (left && now_ms() < end) {
		if (waitpid(-1, &status, WNOHANG) > 0) {
			left--;
			bad += status != 0;
		} else {
			usleep(20000);
		}
	}
	for (i = 0; i < n && left; i++)
		kill(pid[i], SIGKILL);
	return left + bad;
}

int main(void)
{
	unsigned int seconds = seconds_of("FUZZ_SECONDS", 20);
	struct inet_tuple_handle *h;
	pid_t pid[PROCESSES];
	uint64_t end;
	int i, err;

	printf("TAP version 13\n");
	seed = seed_of("FUZZ_SEED");
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		bail("mmap");
	module_place();
	own_namespace();
	/* of a place of its own: kcov is below the other one */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    (mkdir(SYSFS, 0700) && errno != EEXIST) ||
	    mount("sysfs", SYSFS, "sysfs", 0, NULL))
		bail("sysfs");
	if (dummy_add("tp0"))
		bail("device");
	rtnl_close();
	for (i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		if (!pid[i])
			fuzz_process(i);
	}
	end = now_ms() + seconds * 1000ull;
	while (now_ms() < end)
		sleep_ms(100);
	sh->stop = 1;
	tap(!wait_all(pid, PROCESSES), "every process ends");
	tell(seconds);
	tap(!sh->bad_errno, "no error of the kernel's own comes out");
	err = inet_tuple_handle_open(&h, NULL);
	tap(!err && !pools_delete(h), "every pool can be deleted");
	if (!err)
		inet_tuple_handle_close(h);
	err = module_remove_within(20000);
	if (!tap(!err, "the module unloads"))
		note("%s, %ld references", strerror(-err),
		     get_number("/sys/module/inet_tuple/refcnt"));
	tap(!module_insert(), "the module loads again");
	return tap_end();
}
