// SPDX-License-Identifier: LGPL-2.1-or-later
/* Messages: what goes on the wire, to the byte, and what comes back. */
#include <errno.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include "internal.h"
#include "lib_tap.h"

static struct inet_tuple_addr v4(const char *text)
{
	struct inet_tuple_addr addr = { .family = AF_INET };

	inet_pton(AF_INET, text, addr.bytes);
	return addr;
}

static struct inet_tuple_addr v6(const char *text)
{
	struct inet_tuple_addr addr = { .family = AF_INET6 };

	inet_pton(AF_INET6, text, addr.bytes);
	return addr;
}

static void build(struct itl_msg *m, const struct inet_tuple_obj *obj)
{
	if (itl_msg_alloc(m, itl_obj_wire_size(obj), 0x20, NLM_F_ACK,
			  INET_TUPLE_CMD_POOL_NEW) ||
	    itl_msg_put_obj(m, obj))
		abort();
}

static const char *attrs(const struct itl_msg *m)
{
	return mnl_nlmsg_get_payload_offset(m->nlh, GENL_HDRLEN);
}

static size_t attrs_len(const struct itl_msg *m)
{
	return mnl_nlmsg_get_payload_len(m->nlh) - GENL_HDRLEN;
}

/* Little endian hosts: the numbers of the wire are those of the host. */
static void test_bytes(void)
{
	static const unsigned char want[] = {
		7, 0, 1, 0, 'a', 'b', 0, 0,		/* NAME */
		24, 0, 4, 0x80,				/* PREFIX */
		8, 0, 1, 0, 10, 0, 0, 0,		/*  ADDR */
		5, 0, 2, 0, 8, 0, 0, 0,			/*  LEN */
		0, 0, 0, 0,
	};
	static const unsigned char range[] = {
		20, 0, 5, 0x80,				/* EXCLUDE */
		8, 0, 1, 0, 10, 0, 0, 1,		/*  ADDR */
		8, 0, 3, 0, 10, 0, 0, 9,		/*  LAST */
		8, 0, 12, 0, 0x88, 0x13, 0, 0,		/* QUARANTINE */
		20, 0, 15, 0x80,			/* USERS */
		8, 0, 1, 0, 0xe8, 3, 0, 0,		/*  FIRST */
		8, 0, 2, 0, 0xe9, 3, 0, 0,		/*  LAST */
		4, 0, 22, 0,				/* FORCE */
	};
	struct inet_tuple_prefix p = { .addr = v4("10.0.0.0"), .len = 8 };
	struct inet_tuple_prefix r = { .addr = v4("10.0.0.1"),
				       .last = v4("10.0.0.9") };
	struct inet_tuple_users users = { 1000, 1001 };
	struct inet_tuple_obj *obj;
	struct itl_msg m;
	const struct genlmsghdr *genl;

	obj = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_NAME, "ab");
	inet_tuple_obj_add_prefix(obj, INET_TUPLE_A_POOL_PREFIX, &p);
	build(&m, obj);
	genl = mnl_nlmsg_get_payload(m.nlh);
	ok(genl->cmd == 2 && genl->version == 1, "command and version");
	ok(m.nlh->nlmsg_type == 0x20 &&
	   m.nlh->nlmsg_flags == (NLM_F_REQUEST | NLM_F_ACK), "header");
	ok(attrs_len(&m) == 28 && !memcmp(attrs(&m), want, 8) &&
	   !memcmp(attrs(&m) + 12, want + 12, 16) &&
	   attrs(&m)[8] == 20, "a name and a prefix");
	itl_msg_free(&m);
	inet_tuple_obj_free(obj);

	obj = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	inet_tuple_obj_add_prefix(obj, INET_TUPLE_A_POOL_EXCLUDE, &r);
	inet_tuple_obj_set_num(obj, INET_TUPLE_A_POOL_QUARANTINE, 5000);
	inet_tuple_obj_add_users(obj, INET_TUPLE_A_POOL_USERS, &users);
	inet_tuple_obj_set_num(obj, INET_TUPLE_A_POOL_FORCE, 1);
	build(&m, obj);
	ok(attrs_len(&m) == sizeof(range) &&
	   !memcmp(attrs(&m), range, sizeof(range)),
	   "a range, a number, users, a flag");
	itl_msg_free(&m);
	inet_tuple_obj_free(obj);
}

static struct inet_tuple_obj *full_pool(void)
{
	struct inet_tuple_obj *obj = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	struct inet_tuple_prefix p = { .addr = v4("10.0.0.0"), .len = 8 };
	struct inet_tuple_users users = { 5, 6 };
	int attr, i;

	for (attr = 1; attr <= INET_TUPLE_A_POOL_MAX; attr++)
		inet_tuple_obj_set_num(obj, attr, 1);
	inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_NAME, "web");
	inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_DEV, "eth0");
	inet_tuple_obj_set_num(obj, INET_TUPLE_A_POOL_TOTAL, ~0ULL);
	for (i = 0; i < 100; i++) {
		p.addr.bytes[1] = i;
		p.len = 16;
		inet_tuple_obj_add_prefix(obj, INET_TUPLE_A_POOL_PREFIX, &p);
	}
	p.addr = v6("fd00::");
	p.last = v6("fd00::ffff");
	inet_tuple_obj_add_prefix(obj, INET_TUPLE_A_POOL_EXCLUDE, &p);
	for (i = 0; i < 5; i++)
		inet_tuple_obj_add_users(obj, INET_TUPLE_A_POOL_USERS, &users);
	return obj;
}

static void test_round_trip(void)
{
	struct inet_tuple_obj *obj = full_pool(), *back = NULL;
	struct inet_tuple_prefix p, q;
	struct itl_msg m, n;
	uint64_t num;

	build(&m, obj);
	ok(!itl_obj_parse(m.nlh, INET_TUPLE_POOL_OBJ, &back), "parses");
	ok(inet_tuple_obj_count(back, INET_TUPLE_A_POOL_PREFIX) == 100,
	   "all prefixes are there");
	ok(!inet_tuple_obj_prefix(back, INET_TUPLE_A_POOL_PREFIX, 77, &p) &&
	   p.addr.bytes[1] == 77 && p.len == 16 && !p.last.family,
	   "in their order");
	ok(!inet_tuple_obj_prefix(obj, INET_TUPLE_A_POOL_EXCLUDE, 0, &p) &&
	   !inet_tuple_obj_prefix(back, INET_TUPLE_A_POOL_EXCLUDE, 0, &q) &&
	   !memcmp(&p.last, &q.last, sizeof(p.last)), "a range of IPv6");
	ok(!inet_tuple_obj_num(back, INET_TUPLE_A_POOL_TOTAL, &num) &&
	   num == ~0ULL, "64 bits");
	build(&n, back);
	ok(m.nlh->nlmsg_len == n.nlh->nlmsg_len &&
	   !memcmp(m.nlh, n.nlh, m.nlh->nlmsg_len), "and builds the same");
	itl_msg_free(&m);
	itl_msg_free(&n);
	inet_tuple_obj_free(obj);
	inet_tuple_obj_free(back);
}

static void lease_message(struct itl_msg *m)
{
	const struct inet_tuple_addr peer = v6("2001:db8::1");
	const uint8_t addr[4] = { 10, 0, 0, 1 };
	struct nlattr *nest;
	int i;

	itl_msg_alloc(m, 4096, 0x20, 0, INET_TUPLE_CMD_LEASE_GET);
	mnl_attr_put_strz(m->nlh, INET_TUPLE_A_LEASE_POOL, "web");
	mnl_attr_put(m->nlh, INET_TUPLE_A_LEASE_ADDR, 4, addr);
	mnl_attr_put_u64(m->nlh, INET_TUPLE_A_LEASE_AGE, 1234);
	mnl_attr_put_u32(m->nlh, 1000, 1);	/* of a later kernel */
	for (i = 0; i < 3; i++) {
		nest = mnl_attr_nest_start(m->nlh, INET_TUPLE_A_LEASE_SOCKET);
		mnl_attr_put_u32(m->nlh, INET_TUPLE_A_SOCKET_INO, 100 + i);
		mnl_attr_put_u16(m->nlh, INET_TUPLE_A_SOCKET_LPORT, 40000);
		mnl_attr_put(m->nlh, INET_TUPLE_A_SOCKET_RADDR, 16,
			     peer.bytes);
		mnl_attr_nest_end(m->nlh, nest);
	}
}

static void test_lease(void)
{
	const struct inet_tuple_obj *sock;
	struct inet_tuple_obj *obj = NULL;
	struct inet_tuple_addr addr;
	struct itl_msg m;
	uint64_t num;

	lease_message(&m);
	ok(!itl_obj_parse(m.nlh, INET_TUPLE_LEASE_OBJ, &obj),
	   "a lease parses, with what is not known");
	ok(!inet_tuple_obj_addr(obj, INET_TUPLE_A_LEASE_ADDR, &addr) &&
	   addr.family == AF_INET && addr.bytes[3] == 1, "its address");
	ok(inet_tuple_obj_count(obj, INET_TUPLE_A_LEASE_SOCKET) == 3,
	   "its sockets");
	sock = inet_tuple_obj_nested(obj, INET_TUPLE_A_LEASE_SOCKET, 2);
	ok(sock && !inet_tuple_obj_num(sock, INET_TUPLE_A_SOCKET_INO, &num) &&
	   num == 102, "the third of them");
	ok(sock && !inet_tuple_obj_addr(sock, INET_TUPLE_A_SOCKET_RADDR,
					&addr) &&
	   addr.family == AF_INET6, "its peer");
	ok(!inet_tuple_obj_nested(obj, INET_TUPLE_A_LEASE_SOCKET, 3),
	   "no fourth");
	ok(inet_tuple_obj_num(obj, INET_TUPLE_A_LEASE_LEFT, &num) == -ENOENT,
	   "what is absent is -ENOENT");
	ok(inet_tuple_obj_num(obj, INET_TUPLE_A_LEASE_POOL, &num) == -EINVAL,
	   "what is no number is -EINVAL");
	ok(inet_tuple_obj_num(obj, 1000, &num) == -EINVAL &&
	   inet_tuple_obj_num(obj, -1, &num) == -EINVAL &&
	   !inet_tuple_obj_has(obj, 0), "what is not there at all, too");
	inet_tuple_obj_free(obj);
	itl_msg_free(&m);
}

static void test_nested(void)
{
	const struct inet_tuple_obj *failed;
	struct inet_tuple_obj *obj = NULL;
	struct nlattr *nest;
	struct itl_msg m;
	uint64_t num;
	int i;

	itl_msg_alloc(&m, 4096, 0x20, 0, INET_TUPLE_CMD_POOL_GET);
	for (i = 0; i < 3; i++) {
		nest = mnl_attr_nest_start(m.nlh, INET_TUPLE_A_POOL_FAILED);
		mnl_attr_put_u32(m.nlh, INET_TUPLE_A_FAILED_ERRNO, 11 + i);
		mnl_attr_put_u64(m.nlh, INET_TUPLE_A_FAILED_COUNT, 1ULL << 40);
		mnl_attr_nest_end(m.nlh, nest);
	}
	ok(!itl_obj_parse(m.nlh, INET_TUPLE_POOL_OBJ, &obj) &&
	   inet_tuple_obj_count(obj, INET_TUPLE_A_POOL_FAILED) == 3,
	   "what a pool failed at parses");
	failed = inet_tuple_obj_nested(obj, INET_TUPLE_A_POOL_FAILED, 2);
	ok(failed && inet_tuple_obj_kind(failed) == INET_TUPLE_FAILED_OBJ &&
	   !inet_tuple_obj_num(failed, INET_TUPLE_A_FAILED_ERRNO, &num) &&
	   num == 13, "the errno of the third");
	ok(failed &&
	   !inet_tuple_obj_num(failed, INET_TUPLE_A_FAILED_COUNT, &num) &&
	   num == 1ULL << 40, "and its count");
	ok(!inet_tuple_obj_nested(obj, INET_TUPLE_A_POOL_FAILED, 3) &&
	   !inet_tuple_obj_nested(obj, INET_TUPLE_A_POOL_PREFIX, 0) &&
	   !inet_tuple_obj_nested(obj, 1000, 0),
	   "no fourth, and none where none can be");
	inet_tuple_obj_free(obj);
	itl_msg_free(&m);
}

static void test_setters(void)
{
	struct inet_tuple_obj *obj = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	struct inet_tuple_prefix p = { .addr = { .family = AF_UNIX } };
	static char text[UINT16_MAX - 4 + 1];	/* a header, a NUL */

	ok(!inet_tuple_obj_alloc(0) && !inet_tuple_obj_alloc(INET_TUPLE_WANT_OBJ + 1),
	   "no objects of unknown kinds");
	ok(inet_tuple_obj_set_num(obj, INET_TUPLE_A_POOL_DSCP, 256) == -ERANGE,
	   "256 does not fit a byte");
	ok(!inet_tuple_obj_has(obj, INET_TUPLE_A_POOL_DSCP), "nor is it there");
	ok(inet_tuple_obj_add_prefix(obj, INET_TUPLE_A_POOL_PREFIX, &p) ==
	   -EAFNOSUPPORT, "a prefix of what family?");
	p.addr = v4("10.0.0.1");
	p.last = v6("::1");
	ok(inet_tuple_obj_add_prefix(obj, INET_TUPLE_A_POOL_EXCLUDE, &p) ==
	   -EAFNOSUPPORT, "a range of two families");
	ok(inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_MARK, "x") == -EINVAL,
	   "a number is no string");
	inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_NAME, "a");
	inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_NAME, "b");
	ok(!strcmp(inet_tuple_obj_str(obj, INET_TUPLE_A_POOL_NAME), "b"),
	   "the last string counts");
	memset(text, 'a', sizeof(text) - 1);
	ok(inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_NAME, text) ==
	   -ENAMETOOLONG, "a string that no attribute can hold");
	ok(!inet_tuple_obj_set_str(obj, INET_TUPLE_A_POOL_NAME, text + 1),
	   "the longest that one can");
	inet_tuple_obj_free(inet_tuple_obj_ref(obj));
	ok(inet_tuple_obj_kind(obj) == INET_TUPLE_POOL_OBJ, "references");
	inet_tuple_obj_free(obj);
	inet_tuple_obj_free(NULL);
}

/* Nothing that comes in may do harm; the sanitizers are the judges. */
static void test_garbage(void)
{
	struct inet_tuple_obj *obj;
	struct itl_msg m;
	char *copy;
	size_t len, i;
	int parsed = 0;

	lease_message(&m);
	len = m.nlh->nlmsg_len;
	srand(1);
	for (i = 0; i < 200000; i++) {
		size_t cut = MNL_NLMSG_HDRLEN +
			     rand() % (len - MNL_NLMSG_HDRLEN + 1);

		copy = calloc(1, MNL_ALIGN(cut));
		memcpy(copy, m.nlh, cut);
		((struct nlmsghdr *)copy)->nlmsg_len = cut;
		if (cut > MNL_NLMSG_HDRLEN)
			copy[MNL_NLMSG_HDRLEN +
			     rand() % (cut - MNL_NLMSG_HDRLEN)] = rand();
		if (!itl_obj_parse((void *)copy, 1 + i % 4, &obj)) {
			inet_tuple_obj_free(obj);
			parsed++;
		}
		free(copy);
	}
	ok(parsed > 0, "garbage does no harm (%d of %zu parsed)", parsed, i);
	itl_msg_free(&m);
}

int main(void)
{
	test_bytes();
	test_round_trip();
	test_lease();
	test_nested();
	test_setters();
	test_garbage();
	return tap_done();
}
