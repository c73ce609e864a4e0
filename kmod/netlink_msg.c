// SPDX-License-Identifier: GPL-2.0-only
/* What the messages of the netlink family say: between attributes and structs.
 *
 * Here is the form of values only (a length, a range, host bits). What needs
 * the state of the world is refused by pool.c and lease.c.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cgroup.h>
#include <linux/ctype.h>
#include <linux/in.h>
#include <linux/netdevice.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <net/genetlink.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include "lease.h"
#include "net.h"
#include "netlink_gen.h"
#include "netlink_msg.h"
#include "pool.h"
#include "stock.h"

/* The settings of a pool that are a number in struct tuple_pool_conf */
struct tuple_number {
	u8 attr;
	u8 size;
	u16 offset;
	u32 bit;
};

#define TUPLE_NUMBER(upper, lower) {					\
	.attr = INET_TUPLE_A_POOL_##upper,				\
	.size = sizeof_field(struct tuple_pool_conf, lower),		\
	.offset = offsetof(struct tuple_pool_conf, lower),		\
	.bit = TUPLE_SET_##upper,					\
}

static const struct tuple_number tuple_numbers[] = {
	TUPLE_NUMBER(PLUMB, plumb),
	TUPLE_NUMBER(ASSIGN, assign),
	TUPLE_NUMBER(SCOPE, scope),
	TUPLE_NUMBER(ORDER, order),
	TUPLE_NUMBER(QUARANTINE, quarantine),
	TUPLE_NUMBER(WAIT, wait),
	TUPLE_NUMBER(QUOTA, quota),
	TUPLE_NUMBER(DSCP, dscp),
	TUPLE_NUMBER(PRIORITY, priority),
	TUPLE_NUMBER(MARK, mark),
	TUPLE_NUMBER(SOURCE, source),
	TUPLE_NUMBER(STATE, state),
	TUPLE_NUMBER(LOW, low),
	TUPLE_NUMBER(HIGH, high),
	TUPLE_NUMBER(WARM, warm),
};

/* Form */

/**
 * tuple_name_check - may a pool be called so?
 * @name: NUL-terminated
 * @extack: for the text
 *
 * A name is a directory in sysfs, a word in tuplectl and in its batch files.
 * Return: 0 or -EINVAL.
 */
int tuple_name_check(const char *name, struct netlink_ext_ack *extack)
{
	const char *c;

	if (!*name || strlen(name) >= INET_TUPLE_NAMSIZ) {
		NL_SET_ERR_MSG(extack, "a pool's name has 1 to 31 characters");
		return -EINVAL;
	}
	if (!strcmp(name, ".") || !strcmp(name, "..") ||
	    !strcmp(name, "pools")) {
		NL_SET_ERR_MSG(extack, "this name is taken: it is a file's");
		return -EINVAL;
	}
	for (c = name; *c; c++) {
		if (*c == '/' || isspace(*c) || iscntrl(*c)) {
			NL_SET_ERR_MSG(extack,
				       "no slash, space or control character in a pool's name");
			return -EINVAL;
		}
	}
	return 0;
}

#define TUPLE_MAPPED(a, len4)						\
	{ .addr.s6_addr = { [10] = 0xff, 0xff, a }, .len = 96 + (len4) }

/* No socket of the inet families can be bound to one of these as its own. */
static const struct tuple_prefix tuple_not_unicast[] = {
	TUPLE_MAPPED(0, 8),
	TUPLE_MAPPED(224, 4),
	{ .addr.s6_addr = { [10 ... 15] = 0xff }, .len = 128 },
	{ .len = 128 },					/* :: */
	{ .addr.s6_addr = { 0xfe, 0x80 }, .len = 10 },
	{ .addr.s6_addr = { 0xff }, .len = 8 },
};

static bool tuple_prefix_is_unicast(const struct tuple_prefix *prefix)
{
	static const struct tuple_prefix mapped = TUPLE_MAPPED(0, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tuple_not_unicast); i++)
		if (tuple_prefix_overlap(prefix, &tuple_not_unicast[i]))
			return false;
	/* Addresses of IPv6 that IPv4 takes for its own are nobody's. */
	return prefix->len >= mapped.len ||
	       !tuple_prefix_overlap(prefix, &mapped);
}

static bool tuple_addr_is_unicast(const struct in6_addr *addr)
{
	struct tuple_prefix prefix = { .addr = *addr, .len = 128 };

	return tuple_prefix_is_unicast(&prefix);
}

/**
 * tuple_prefix_check - may addresses be leased from this prefix?
 * @prefix: v4-mapped for IPv4, length at most 128
 * @extack: for the text
 *
 * Return: 0 or -EINVAL.
 */
int tuple_prefix_check(const struct tuple_prefix *prefix,
		       struct netlink_ext_ack *extack)
{
	struct in6_addr net;

	ipv6_addr_prefix(&net, &prefix->addr, prefix->len);
	if (!ipv6_addr_equal(&net, &prefix->addr)) {
		NL_SET_ERR_MSG(extack, "the prefix has host bits");
		return -EINVAL;
	}
	if (!tuple_prefix_is_unicast(prefix)) {
		NL_SET_ERR_MSG(extack,
			       "not a prefix of global unicast addresses");
		return -EINVAL;
	}
	return 0;
}

/**
 * tuple_range_check - is this a range of addresses?
 * @range: v4-mapped for IPv4
 * @extack: for the text
 *
 * Return: 0 or -EINVAL.
 */
int tuple_range_check(const struct tuple_range *range,
		      struct netlink_ext_ack *extack)
{
	if (tuple_family_index(&range->first) !=
	    tuple_family_index(&range->last)) {
		NL_SET_ERR_MSG(extack, "the ends of the range are of two families");
		return -EINVAL;
	}
	if (memcmp(&range->first, &range->last, sizeof(range->first)) > 0) {
		NL_SET_ERR_MSG(extack, "the range ends before it starts");
		return -EINVAL;
	}
	return 0;
}

/**
 * tuple_prefix_to_range - first and last address of a prefix
 * @prefix: without host bits
 * @range: where to write them
 */
void tuple_prefix_to_range(const struct tuple_prefix *prefix,
			   struct tuple_range *range)
{
	unsigned int bit;

	range->first = prefix->addr;
	range->last = prefix->addr;
	for (bit = prefix->len; bit < 128; bit++)
		range->last.s6_addr[bit / 8] |= 0x80 >> (bit % 8);
}

bool tuple_dscp_ok(u32 dscp)
{
	return dscp < 64 || dscp == TUPLE_DSCP_UNSET;
}

/* Requests */

/**
 * tuple_msg_get_name - a pool's name out of a request
 * @info: request
 * @attr: which attribute; NUL-terminated and short enough by policy
 * @name: INET_TUPLE_NAMSIZ bytes
 *
 * Return: 0 or -EINVAL.
 */
int tuple_msg_get_name(struct genl_info *info, int attr, char *name)
{
	int err;

	if (GENL_REQ_ATTR_CHECK(info, attr)) {
		GENL_SET_ERR_MSG(info, "no pool is named");
		return -EINVAL;
	}
	nla_strscpy(name, info->attrs[attr], INET_TUPLE_NAMSIZ);
	err = tuple_name_check(name, info->extack);
	if (err)
		NL_SET_BAD_ATTR(info->extack, info->attrs[attr]);
	return err;
}

/**
 * tuple_msg_parse_addr - an address out of an attribute
 * @attr: binary
 * @addr: v4-mapped for IPv4
 * @extack: for the text
 *
 * Return: 0 or -EINVAL.
 */
int tuple_msg_parse_addr(const struct nlattr *attr, struct in6_addr *addr,
			 struct netlink_ext_ack *extack)
{
	switch (nla_len(attr)) {
	case sizeof(struct in_addr):
		ipv6_addr_set_v4mapped(nla_get_in_addr(attr), addr);
		return 0;
	case sizeof(struct in6_addr):
		*addr = nla_get_in6_addr(attr);
		if (!ipv6_addr_v4mapped(addr))
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "an IPv4 address has 4 bytes here");
		return -EINVAL;
	default:
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "an address has 4 or 16 bytes");
		return -EINVAL;
	}
}

int tuple_msg_get_addr(struct genl_info *info, int attr,
		       struct in6_addr *addr)
{
	if (GENL_REQ_ATTR_CHECK(info, attr)) {
		GENL_SET_ERR_MSG(info, "no address is given");
		return -EINVAL;
	}
	return tuple_msg_parse_addr(info->attrs[attr], addr, info->extack);
}

/* What the two uses of the nest have in common: an address and a length */
static int tuple_parse_prefix(struct nlattr **tb, const struct nlattr *nest,
			      struct tuple_prefix *prefix,
			      struct netlink_ext_ack *extack)
{
	const struct nlattr *len;
	u8 bits;
	int err;

	err = nla_parse_nested(tb, INET_TUPLE_A_PREFIX_MAX, nest,
			       inet_tuple_prefix_nl_policy, extack);
	if (err)
		return err;
	if (!tb[INET_TUPLE_A_PREFIX_ADDR]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "a prefix without address");
		return -EINVAL;
	}
	err = tuple_msg_parse_addr(tb[INET_TUPLE_A_PREFIX_ADDR], &prefix->addr,
				   extack);
	if (err)
		return err;

	bits = ipv6_addr_v4mapped(&prefix->addr) ? 32 : 128;
	len = tb[INET_TUPLE_A_PREFIX_LEN];
	prefix->len = len ? nla_get_u8(len) : bits;
	if (prefix->len > bits) {
		NL_SET_ERR_MSG_ATTR(extack, len,
				    "the prefix is longer than its address");
		return -EINVAL;
	}
	prefix->len += 128 - bits;
	return 0;
}

static int tuple_parse_pool_prefix(const struct nlattr *nest, void *to,
				   struct netlink_ext_ack *extack)
{
	struct nlattr *tb[INET_TUPLE_A_PREFIX_MAX + 1];
	struct tuple_prefix *prefix = to;
	int err;

	err = tuple_parse_prefix(tb, nest, prefix, extack);
	if (err)
		return err;
	if (tb[INET_TUPLE_A_PREFIX_LAST]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[INET_TUPLE_A_PREFIX_LAST],
				    "ranges are for excludes only");
		return -EINVAL;
	}
	err = tuple_prefix_check(prefix, extack);
	if (err)
		NL_SET_BAD_ATTR(extack, tb[INET_TUPLE_A_PREFIX_ADDR]);
	return err;
}

static int tuple_parse_pool_exclude(const struct nlattr *nest, void *to,
				    struct netlink_ext_ack *extack)
{
	struct nlattr *tb[INET_TUPLE_A_PREFIX_MAX + 1];
	struct tuple_range *range = to;
	struct tuple_prefix prefix;
	int err;

	err = tuple_parse_prefix(tb, nest, &prefix, extack);
	if (err)
		return err;
	if (!tb[INET_TUPLE_A_PREFIX_LAST]) {
		err = tuple_prefix_check(&prefix, extack);
		if (err)
			NL_SET_BAD_ATTR(extack, tb[INET_TUPLE_A_PREFIX_ADDR]);
		tuple_prefix_to_range(&prefix, range);
		return err;
	}
	if (tb[INET_TUPLE_A_PREFIX_LEN]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[INET_TUPLE_A_PREFIX_LEN],
				    "a range has no prefix length");
		return -EINVAL;
	}
	range->first = prefix.addr;
	err = tuple_msg_parse_addr(tb[INET_TUPLE_A_PREFIX_LAST], &range->last,
				   extack);
	if (err)
		return err;
	err = tuple_range_check(range, extack);
	if (err)
		NL_SET_BAD_ATTR(extack, tb[INET_TUPLE_A_PREFIX_LAST]);
	return err;
}

/* How to make an array of a repeated attribute */
struct tuple_repeated {
	int attr;
	size_t size;		/* of an element */
	unsigned int max;	/* number of elements */
	int (*parse)(const struct nlattr *nest, void *to,
		     struct netlink_ext_ack *extack);
};

static const struct tuple_repeated tuple_repeated_prefix = {
	.attr = INET_TUPLE_A_POOL_PREFIX,
	.size = sizeof(struct tuple_prefix),
	.max = TUPLE_POOL_PREFIXES_MAX,
	.parse = tuple_parse_pool_prefix,
};

static const struct tuple_repeated tuple_repeated_prefix_del = {
	.attr = INET_TUPLE_A_POOL_PREFIX_DEL,
	.size = sizeof(struct tuple_prefix),
	.max = TUPLE_POOL_PREFIXES_MAX,
	.parse = tuple_parse_pool_prefix,
};

static const struct tuple_repeated tuple_repeated_exclude = {
	.attr = INET_TUPLE_A_POOL_EXCLUDE,
	.size = sizeof(struct tuple_range),
	.max = TUPLE_POOL_EXCLUDES_MAX,
	.parse = tuple_parse_pool_exclude,
};

static const struct tuple_repeated tuple_repeated_exclude_del = {
	.attr = INET_TUPLE_A_POOL_EXCLUDE_DEL,
	.size = sizeof(struct tuple_range),
	.max = TUPLE_POOL_EXCLUDES_MAX,
	.parse = tuple_parse_pool_exclude,
};

static unsigned int tuple_count_attr(const struct genl_info *info, int type)
{
	const struct nlattr *attr;
	unsigned int n = 0;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		n += nla_type(attr) == type;
	return n;
}

/* Makes the array and hands it over even on error, with what belongs to it:
 * whoever frees the whole request frees it.
 */
static int tuple_parse_repeated(struct genl_info *info,
				const struct tuple_repeated *how,
				void **array, unsigned int *n)
{
	unsigned int count = tuple_count_attr(info, how->attr);
	const struct nlattr *attr;
	int rem, err;

	if (!count)
		return 0;
	if (count > how->max) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[how->attr],
				    "more of these than a pool may have");
		return -E2BIG;
	}
	*array = kcalloc(count, how->size, GFP_KERNEL_ACCOUNT);
	if (!*array)
		return -ENOMEM;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != how->attr)
			continue;
		err = how->parse(attr, *array + *n * how->size, info->extack);
		if (err)
			return err;
		++*n;
	}
	return 0;
}

/* A range of uids as the requester counts them. Return: 1 when it means
 * everybody, 0, or -errno.
 */
static int tuple_parse_users_one(const struct nlattr *nest,
				 struct user_namespace *user_ns,
				 struct tuple_users *users,
				 struct netlink_ext_ack *extack)
{
	struct nlattr *tb[INET_TUPLE_A_USERS_MAX + 1];
	u32 first, last;
	int err;

	err = nla_parse_nested(tb, INET_TUPLE_A_USERS_MAX, nest,
			       inet_tuple_users_nl_policy, extack);
	if (err)
		return err;
	if (!tb[INET_TUPLE_A_USERS_FIRST] || !tb[INET_TUPLE_A_USERS_LAST]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "a range of users has two ends");
		return -EINVAL;
	}
	first = nla_get_u32(tb[INET_TUPLE_A_USERS_FIRST]);
	last = nla_get_u32(tb[INET_TUPLE_A_USERS_LAST]);
	if (first > last)
		return 1;

	users->first = make_kuid(user_ns, first);
	users->last = make_kuid(user_ns, last);
	/* A range that is in pieces for the kernel would admit strangers */
	if (!uid_valid(users->first) || !uid_valid(users->last) ||
	    __kuid_val(users->last) - __kuid_val(users->first) !=
	    last - first) {
		NL_SET_ERR_MSG_ATTR(extack, nest,
				    "no such users in this user namespace");
		return -EINVAL;
	}
	return 0;
}

static int tuple_parse_users(struct genl_info *info,
			     struct user_namespace *user_ns,
			     struct tuple_pool_change *c)
{
	unsigned int count = tuple_count_attr(info, INET_TUPLE_A_POOL_USERS);
	const struct nlattr *attr;
	int rem, ret;

	if (!count)
		return 0;
	c->set |= TUPLE_SET_USERS;
	if (count > TUPLE_POOL_USERS_MAX) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[INET_TUPLE_A_POOL_USERS],
				    "too many ranges of users");
		return -E2BIG;
	}
	c->conf.users = kcalloc(count, sizeof(*c->conf.users), GFP_KERNEL_ACCOUNT);
	if (!c->conf.users)
		return -ENOMEM;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != INET_TUPLE_A_POOL_USERS)
			continue;
		ret = tuple_parse_users_one(attr, user_ns,
					    &c->conf.users[c->conf.n_users],
					    info->extack);
		if (ret < 0)
			return ret;
		if (!ret) {
			c->conf.n_users++;
		} else if (count > 1) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "everybody, and others?");
			return -EINVAL;
		}
	}
	return 0;
}

/* Which device is meant, by name, by index or by both */
static int tuple_parse_dev(struct genl_info *info, int *ifindex)
{
	const struct nlattr *index = info->attrs[INET_TUPLE_A_POOL_IFINDEX];
	const struct nlattr *name = info->attrs[INET_TUPLE_A_POOL_DEV];
	struct net *net = genl_info_net(info);
	const struct net_device *dev = NULL;

	if (!name && !index)
		return 0;
	rcu_read_lock();
	if (name)
		dev = dev_get_by_name_rcu(net, nla_data(name));
	else
		dev = dev_get_by_index_rcu(net, nla_get_u32(index));
	*ifindex = dev ? dev->ifindex : 0;
	rcu_read_unlock();

	if (!*ifindex) {
		NL_SET_ERR_MSG_ATTR(info->extack, name ?: index,
				    "no such device in this network namespace");
		return -ENODEV;
	}
	if (index && nla_get_u32(index) != *ifindex) {
		NL_SET_ERR_MSG_ATTR(info->extack, index,
				    "not the index of the device that is named");
		return -EINVAL;
	}
	return 0;
}

static int tuple_parse_numbers(struct genl_info *info,
			       struct tuple_pool_change *c)
{
	const struct nlattr *attr;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tuple_numbers); i++) {
		const struct tuple_number *number = &tuple_numbers[i];
		void *to = (void *)&c->conf + number->offset;

		attr = info->attrs[number->attr];
		if (!attr)
			continue;
		if (number->size == sizeof(u8))
			*(u8 *)to = nla_get_u8(attr);
		else
			*(u32 *)to = nla_get_u32(attr);
		c->set |= number->bit;
	}

	c->conf.order_set = c->set & TUPLE_SET_ORDER;
	if (c->set & TUPLE_SET_DSCP && !tuple_dscp_ok(c->conf.dscp)) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[INET_TUPLE_A_POOL_DSCP],
				    "a DSCP is 0 to 63, or 255 for unset");
		return -EINVAL;
	}
	attr = info->attrs[INET_TUPLE_A_POOL_DEFAULT];
	if (attr) {
		c->default_of = nla_get_u8(attr);
		c->set |= TUPLE_SET_DEFAULT;
	}
	return 0;
}

/**
 * tuple_msg_get_pool - a change of a pool out of POOL_NEW and POOL_SET
 * @info: request; both have the same attributes, but for those that the policy
 *	of POOL_NEW refuses
 * @user_ns: of the requester
 * @c: initialised; the caller frees it, after an error too
 *
 * Return: 0 or -errno.
 */
int tuple_msg_get_pool(struct genl_info *info, struct user_namespace *user_ns,
		       struct tuple_pool_change *c)
{
	int err;

	err = tuple_msg_get_name(info, INET_TUPLE_A_POOL_NAME, c->name);
	if (!err)
		err = tuple_parse_dev(info, &c->ifindex);
	if (!err)
		err = tuple_parse_numbers(info, c);
	if (!err)
		err = tuple_parse_users(info, user_ns, c);
	if (!err)
		err = tuple_parse_repeated(info, &tuple_repeated_prefix,
					   (void **)&c->conf.prefixes,
					   &c->conf.n_prefixes);
	if (!err)
		err = tuple_parse_repeated(info, &tuple_repeated_exclude,
					   (void **)&c->conf.excludes,
					   &c->conf.n_excludes);
	if (!err)
		err = tuple_parse_repeated(info, &tuple_repeated_prefix_del,
					   (void **)&c->del_prefixes,
					   &c->n_del_prefixes);
	if (!err)
		err = tuple_parse_repeated(info, &tuple_repeated_exclude_del,
					   (void **)&c->del_excludes,
					   &c->n_del_excludes);
	return err;
}

/**
 * tuple_msg_get_stock - an address out of ADDR_SET and ADDR_DEL
 * @info: request
 * @r: written
 *
 * Return: 0 or -errno.
 */
int tuple_msg_get_stock(struct genl_info *info, struct tuple_stock_request *r)
{
	struct nlattr **tb = info->attrs;
	int err;

	err = tuple_msg_get_name(info, INET_TUPLE_A_ADDR_POOL, r->pool);
	if (!err)
		err = tuple_msg_get_addr(info, INET_TUPLE_A_ADDR_ADDR,
					 &r->addr);
	if (err)
		return err;
	if (!ipv6_addr_v4mapped(&r->addr) || !tuple_addr_is_unicast(&r->addr) ||
	    ipv4_is_loopback(r->addr.s6_addr32[3])) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[INET_TUPLE_A_ADDR_ADDR],
				    "not an IPv4 address that a host may have");
		return -EINVAL;
	}
	if (info->genlhdr->cmd == INET_TUPLE_CMD_ADDR_DEL) {
		r->only_idle = nla_get_flag(tb[INET_TUPLE_A_ADDR_IDLE]);
		return 0;
	}
	r->only_new = nla_get_flag(tb[INET_TUPLE_A_ADDR_NEW]);
	if (GENL_REQ_ATTR_CHECK(info, INET_TUPLE_A_ADDR_VALID)) {
		GENL_SET_ERR_MSG(info, "no lifetime is given");
		return -EINVAL;
	}
	r->valid = nla_get_u32(tb[INET_TUPLE_A_ADDR_VALID]);
	if (r->valid)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, tb[INET_TUPLE_A_ADDR_VALID],
			    "a lifetime of 0 is none");
	return -EINVAL;
}

/* The cgroup has to be there when a rule is made, lest a slip of the pen go unseen;
 * to delete the rule of one that is gone, the path is enough.
 */
static int tuple_parse_rule_cgroup(const struct nlattr *attr, bool del,
				   struct tuple_rule *rule,
				   struct netlink_ext_ack *extack)
{
	struct cgroup *cgroup;
	int err;

	rule->cgroup_path = nla_strdup(attr, GFP_KERNEL_ACCOUNT);
	if (!rule->cgroup_path)
		return -ENOMEM;
	rule->match |= TUPLE_RULE_CGROUP;

	if (del)
		return 0;
	cgroup = cgroup_get_from_path(rule->cgroup_path);
	if (IS_ERR(cgroup)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "no such cgroup (v2)");
		return PTR_ERR(cgroup);
	}
	err = tuple_rule_set_cgroup(rule, cgroup);
	cgroup_put(cgroup);
	return err;
}

static int tuple_parse_rule(struct genl_info *info,
			    struct user_namespace *user_ns, bool del,
			    struct tuple_rule *rule)
{
	struct nlattr **tb = info->attrs;
	int err;

	err = tuple_msg_get_name(info, INET_TUPLE_A_RULE_POOL, rule->pool);
	if (err)
		return err;
	if (tb[INET_TUPLE_A_RULE_UID]) {
		rule->match |= TUPLE_RULE_UID;
		rule->uid = make_kuid(user_ns,
				      nla_get_u32(tb[INET_TUPLE_A_RULE_UID]));
		if (!uid_valid(rule->uid)) {
			NL_SET_ERR_MSG_ATTR(info->extack,
					    tb[INET_TUPLE_A_RULE_UID],
					    "no such user in this user namespace");
			return -EINVAL;
		}
	}
	if (tb[INET_TUPLE_A_RULE_GID]) {
		rule->match |= TUPLE_RULE_GID;
		rule->gid = make_kgid(user_ns,
				      nla_get_u32(tb[INET_TUPLE_A_RULE_GID]));
		if (!gid_valid(rule->gid)) {
			NL_SET_ERR_MSG_ATTR(info->extack,
					    tb[INET_TUPLE_A_RULE_GID],
					    "no such group in this user namespace");
			return -EINVAL;
		}
	}
	if (tb[INET_TUPLE_A_RULE_CGROUP])
		err = tuple_parse_rule_cgroup(tb[INET_TUPLE_A_RULE_CGROUP], del,
					      rule, info->extack);
	if (!err && !rule->match) {
		GENL_SET_ERR_MSG(info, "a rule needs a uid, a gid or a cgroup");
		err = -EINVAL;
	}
	return err;
}

/**
 * tuple_msg_get_rule - a rule out of RULE_NEW and RULE_DEL
 * @info: request
 * @user_ns: of the requester
 * @del: it is to be deleted
 * @rule: where to write it; the caller frees it by tuple_rule_free()
 *
 * Return: 0 or -errno.
 */
int tuple_msg_get_rule(struct genl_info *info, struct user_namespace *user_ns,
		       bool del, struct tuple_rule **rule)
{
	struct tuple_rule *r;
	int err;

	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	r->uid = INVALID_UID;
	r->gid = INVALID_GID;
	err = tuple_parse_rule(info, user_ns, del, r);
	if (err) {
		tuple_rule_free(r);
		return err;
	}
	*rule = r;
	return 0;
}

/* Replies and events */

static int tuple_put_addr(struct sk_buff *skb, int attr,
			  const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return nla_put_in_addr(skb, attr, addr->s6_addr32[3]);
	return nla_put_in6_addr(skb, attr, addr);
}

static int tuple_put_prefix(struct sk_buff *skb,
			    const struct tuple_prefix *prefix)
{
	bool v4 = ipv6_addr_v4mapped(&prefix->addr);
	struct nlattr *nest;

	nest = nla_nest_start(skb, INET_TUPLE_A_POOL_PREFIX);
	if (!nest ||
	    tuple_put_addr(skb, INET_TUPLE_A_PREFIX_ADDR, &prefix->addr) ||
	    nla_put_u8(skb, INET_TUPLE_A_PREFIX_LEN,
		       v4 ? prefix->len - 96 : prefix->len))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int tuple_put_exclude(struct sk_buff *skb,
			     const struct tuple_range *range)
{
	struct nlattr *nest;

	nest = nla_nest_start(skb, INET_TUPLE_A_POOL_EXCLUDE);
	if (!nest ||
	    tuple_put_addr(skb, INET_TUPLE_A_PREFIX_ADDR, &range->first))
		return -EMSGSIZE;
	if (!ipv6_addr_equal(&range->first, &range->last) &&
	    tuple_put_addr(skb, INET_TUPLE_A_PREFIX_LAST, &range->last))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int tuple_put_users(struct sk_buff *skb,
			   const struct tuple_users *users,
			   const struct tuple_view *view)
{
	struct nlattr *nest;

	nest = nla_nest_start(skb, INET_TUPLE_A_POOL_USERS);
	if (!nest ||
	    nla_put_u32(skb, INET_TUPLE_A_USERS_FIRST,
			from_kuid_munged(view->user_ns, users->first)) ||
	    nla_put_u32(skb, INET_TUPLE_A_USERS_LAST,
			from_kuid_munged(view->user_ns, users->last)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Some settings are of some pools only. */
static bool tuple_number_is_told(const struct tuple_number *number,
				 const struct tuple_pool_conf *conf)
{
	bool stocked = conf->source == INET_TUPLE_SOURCE_DHCP;

	if (number->bit & (TUPLE_SET_LOW | TUPLE_SET_HIGH))
		return stocked;
	if (number->bit & TUPLE_SET_WARM)
		return !stocked && conf->plumb == INET_TUPLE_PLUMB_ADDRESS;
	return true;
}

/* Settings, which tn->mutex keeps as they are */
static int tuple_put_conf(struct sk_buff *skb,
			  const struct tuple_pool_conf *conf,
			  const struct tuple_view *view)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(tuple_numbers) && !err; i++) {
		const struct tuple_number *number = &tuple_numbers[i];
		const void *from = (const void *)conf + number->offset;

		if (!tuple_number_is_told(number, conf))
			continue;
		if (number->size == sizeof(u8))
			err = nla_put_u8(skb, number->attr, *(u8 *)from);
		else
			err = nla_put_u32(skb, number->attr, *(u32 *)from);
	}
	if (!err && conf->order_set)
		err = nla_put_flag(skb, INET_TUPLE_A_POOL_ORDER_SET);
	for (i = 0; i < conf->n_prefixes && !err; i++)
		err = tuple_put_prefix(skb, &conf->prefixes[i]);
	for (i = 0; i < conf->n_excludes && !err; i++)
		err = tuple_put_exclude(skb, &conf->excludes[i]);
	for (i = 0; i < conf->n_users && !err; i++)
		err = tuple_put_users(skb, &conf->users[i], view);
	return err;
}

static int tuple_put_failed(struct sk_buff *skb, u8 err, u64 count)
{
	struct nlattr *nest;

	if (!count)
		return 0;
	nest = nla_nest_start(skb, INET_TUPLE_A_POOL_FAILED);
	if (!nest || nla_put_u32(skb, INET_TUPLE_A_FAILED_ERRNO, err) ||
	    nla_put_u64_64bit(skb, INET_TUPLE_A_FAILED_COUNT, count,
			      INET_TUPLE_A_FAILED_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int tuple_put_stats(struct sk_buff *skb,
			   const struct tuple_pool_stats *stats)
{
	unsigned int i;
	int err = 0;

	if (nla_put_u64_64bit(skb, INET_TUPLE_A_POOL_PEAK, stats->peak,
			      INET_TUPLE_A_POOL_PAD) ||
	    nla_put_u64_64bit(skb, INET_TUPLE_A_POOL_ASSIGNED, stats->assigned,
			      INET_TUPLE_A_POOL_PAD) ||
	    nla_put_u64_64bit(skb, INET_TUPLE_A_POOL_ENDED, stats->ended,
			      INET_TUPLE_A_POOL_PAD) ||
	    nla_put_u64_64bit(skb, INET_TUPLE_A_POOL_HELD, stats->held_ms,
			      INET_TUPLE_A_POOL_PAD))
		return -EMSGSIZE;
	for (i = 0; i < TUPLE_FAILURES && !err; i++)
		err = tuple_put_failed(skb, tuple_failures[i],
				       stats->failed[i]);
	return err;
}

/**
 * tuple_msg_put_dev - write the index of a pool's device
 * @skb: message
 * @attr: u32; 0: the device is gone
 * @pool: its lock held
 * Return: 0 or -EMSGSIZE.
 */
int tuple_msg_put_dev(struct sk_buff *skb, int attr,
		      const struct tuple_pool *pool)
{
	const struct net_device *dev;

	dev = rcu_dereference_protected(pool->dev,
					lockdep_is_held(&pool->lock));
	return nla_put_u32(skb, attr, dev ? dev->ifindex : 0);
}

/* What sockets and devices change, under pool->lock */
static int tuple_put_pool_state(struct sk_buff *skb,
				const struct tuple_pool *pool)
{
	u64 total, free;

	lockdep_assert_held(&pool->lock);
	tuple_pool_count(pool, &total, &free);
	if ((*pool->ifname &&
	     nla_put_string(skb, INET_TUPLE_A_POOL_DEV, pool->ifname)) ||
	    tuple_msg_put_dev(skb, INET_TUPLE_A_POOL_IFINDEX, pool) ||
	    nla_put_u64_64bit(skb, INET_TUPLE_A_POOL_TOTAL, total,
			      INET_TUPLE_A_POOL_PAD) ||
	    nla_put_u64_64bit(skb, INET_TUPLE_A_POOL_IN_USE, pool->in_use,
			      INET_TUPLE_A_POOL_PAD) ||
	    nla_put_u64_64bit(skb, INET_TUPLE_A_POOL_QUARANTINED,
			      pool->resting - pool->n_warm,
			      INET_TUPLE_A_POOL_PAD) ||
	    nla_put_u64_64bit(skb, INET_TUPLE_A_POOL_FREE, free,
			      INET_TUPLE_A_POOL_PAD))
		return -EMSGSIZE;
	return tuple_put_stats(skb, &pool->stats);
}

/**
 * tuple_msg_pool_size - room that tuple_msg_put_pool() takes at most
 * @pool: tn->mutex held
 * Return: bytes
 */
size_t tuple_msg_pool_size(const struct tuple_pool *pool)
{
	const struct tuple_pool_conf *conf = &pool->conf;

	lockdep_assert_held(&pool->tn->mutex);
	return nla_total_size(INET_TUPLE_NAMSIZ) + nla_total_size(IFNAMSIZ) +
	       nla_total_size(sizeof(u32)) * (ARRAY_SIZE(tuple_numbers) + 2) +
	       nla_total_size_64bit(sizeof(u64)) * 8 +
	       nla_total_size(nla_total_size(sizeof(u32)) +
			      nla_total_size_64bit(sizeof(u64))) *
	       TUPLE_FAILURES +
	       nla_total_size(nla_total_size(sizeof(struct in6_addr)) +
			      nla_total_size(sizeof(u8))) * conf->n_prefixes +
	       nla_total_size(nla_total_size(sizeof(struct in6_addr)) * 2) *
	       conf->n_excludes +
	       nla_total_size(nla_total_size(sizeof(u32)) * 2) * conf->n_users;
}

/**
 * tuple_msg_put_pool - write a pool's attributes
 * @skb: message
 * @pool: tn->mutex held
 * @view: who will read it
 * Return: 0 or -EMSGSIZE.
 */
int tuple_msg_put_pool(struct sk_buff *skb, struct tuple_pool *pool,
		       const struct tuple_view *view)
{
	int err;

	lockdep_assert_held(&pool->tn->mutex);
	if (nla_put_string(skb, INET_TUPLE_A_POOL_NAME, pool->name))
		return -EMSGSIZE;
	spin_lock_bh(&pool->lock);
	err = tuple_put_pool_state(skb, pool);
	spin_unlock_bh(&pool->lock);
	if (err)
		return err;
	if (nla_put_u8(skb, INET_TUPLE_A_POOL_DEFAULT,
		       tuple_pool_default_of(pool)))
		return -EMSGSIZE;
	return tuple_put_conf(skb, &pool->conf, view);
}

/* The other end of a connected socket */
static bool tuple_sock_peer(const struct sock *sk, struct in6_addr *addr)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		*addr = sk->sk_v6_daddr;
		return !ipv6_addr_any(addr);
	}
#endif
	ipv6_addr_set_v4mapped(sk->sk_daddr, addr);
	return sk->sk_daddr;
}

static u64 tuple_sock_cookie(struct sock *sk)
{
	u32 cookie[2];

	sock_diag_save_cookie(sk, cookie);
	return cookie[0] | (u64)cookie[1] << 32;
}

/* Attributes where the room for all of them has been looked at before: a dump of
 * a million leases is little else than this, and with constant sizes it is a few
 * stores each.
 */
static __always_inline void tuple_attr(struct sk_buff *skb, int attr,
				       const void *data, unsigned int len)
{
	struct nlattr *nla = __skb_put(skb, nla_total_size(len));

	nla->nla_type = attr;
	nla->nla_len = nla_attr_size(len);
	memcpy(nla_data(nla), data, len);
	if (nla_padlen(len))
		memset(nla_data(nla) + len, 0, nla_padlen(len));
}

static __always_inline void tuple_attr_u8(struct sk_buff *skb, int attr, u8 val)
{
	tuple_attr(skb, attr, &val, sizeof(val));
}

static __always_inline void tuple_attr_u16(struct sk_buff *skb, int attr,
					   u16 val)
{
	tuple_attr(skb, attr, &val, sizeof(val));
}

static __always_inline void tuple_attr_u32(struct sk_buff *skb, int attr,
					   u32 val)
{
	tuple_attr(skb, attr, &val, sizeof(val));
}

static __always_inline void tuple_attr_u64(struct sk_buff *skb, int attr,
					   u64 val, int pad)
{
	nla_align_64bit(skb, pad);
	tuple_attr(skb, attr, &val, sizeof(val));
}

static void tuple_attr_addr(struct sk_buff *skb, int attr,
			    const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		tuple_attr(skb, attr, &addr->s6_addr32[3], sizeof(__be32));
	else
		tuple_attr(skb, attr, addr, sizeof(*addr));
}

static size_t tuple_msg_socket_size(void)
{
	return nla_total_size(sizeof(u32)) * 2 +
	       nla_total_size_64bit(sizeof(u64)) +
	       nla_total_size(sizeof(u16)) * 5 +
	       nla_total_size(sizeof(u8)) +
	       nla_total_size(sizeof(struct in6_addr));
}

/* The sock lives as long as it is on the lease's list. Its own lock is not
 * taken, as in ss: each value is right, all together may be of two moments.
 * There is room for tuple_msg_socket_size().
 */
static void tuple_put_socket(struct sk_buff *skb, struct sock *sk,
			     const struct tuple_view *view)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct nlattr *nest = __skb_put(skb, NLA_HDRLEN);
	struct in6_addr peer;

	nest->nla_type = INET_TUPLE_A_LEASE_SOCKET | NLA_F_NESTED;
	tuple_attr_u32(skb, INET_TUPLE_A_SOCKET_INO, sock_i_ino(sk));
	tuple_attr_u32(skb, INET_TUPLE_A_SOCKET_UID,
		       from_kuid_munged(view->user_ns, sk->sk_uid));
	tuple_attr_u64(skb, INET_TUPLE_A_SOCKET_COOKIE, tuple_sock_cookie(sk),
		       INET_TUPLE_A_SOCKET_PAD);
	tuple_attr_u16(skb, INET_TUPLE_A_SOCKET_FAMILY, sk->sk_family);
	tuple_attr_u16(skb, INET_TUPLE_A_SOCKET_TYPE, sk->sk_type);
	tuple_attr_u16(skb, INET_TUPLE_A_SOCKET_PROTO, sk->sk_protocol);
	tuple_attr_u8(skb, INET_TUPLE_A_SOCKET_STATE, READ_ONCE(sk->sk_state));
	tuple_attr_u16(skb, INET_TUPLE_A_SOCKET_LPORT,
		       READ_ONCE(inet->inet_num));
	tuple_attr_u16(skb, INET_TUPLE_A_SOCKET_RPORT,
		       ntohs(READ_ONCE(inet->inet_dport)));
	if (tuple_sock_peer(sk, &peer))
		tuple_attr_addr(skb, INET_TUPLE_A_SOCKET_RADDR, &peer);
	nla_nest_end(skb, nest);
}

/* The id of the scope as the reader counts it. A process's is the address of
 * its struct pid, which is nobody's business.
 */
static u64 tuple_scope_id(const struct tuple_scope_key *key,
			  const struct tuple_view *view)
{
	struct pid *pid;

	switch (key->scope) {
	case INET_TUPLE_SCOPE_PROCESS:
		pid = (struct pid *)(unsigned long)key->id;
		return pid_nr_ns(pid, view->pid_ns ?: ns_of_pid(pid));
	case INET_TUPLE_SCOPE_USER:
		return from_kuid_munged(view->user_ns, key->uid);
	case INET_TUPLE_SCOPE_CGROUP:
	case INET_TUPLE_SCOPE_ID_KEY:
		return key->id;
	default:
		return 0;
	}
}

static u64 tuple_lease_left_ms(const struct tuple_lease *lease)
{
	long left = tuple_lease_rest_end(lease) - jiffies;

	return left > 0 ? jiffies_to_msecs(left) : 0;
}

/* What is not always there */
static void tuple_put_lease_more(struct sk_buff *skb,
				 const struct tuple_lease *lease)
{
	u64 valid = tuple_lease_valid_ms(lease);

	if (valid != U64_MAX)
		tuple_attr_u64(skb, INET_TUPLE_A_LEASE_EXPIRY, valid,
			       INET_TUPLE_A_LEASE_PAD);
	if (lease->state == INET_TUPLE_LEASE_QUARANTINE ||
	    lease->state == INET_TUPLE_LEASE_WARM)
		tuple_attr_u64(skb, INET_TUPLE_A_LEASE_LEFT,
			       tuple_lease_left_ms(lease),
			       INET_TUPLE_A_LEASE_PAD);
}

/**
 * tuple_msg_lease_size - room that tuple_msg_put_lease() takes at most, and an
 *	error or a reason with it
 * @n_socks: how many sockets hold the lease
 * Return: bytes
 */
size_t tuple_msg_lease_size(unsigned int n_socks)
{
	n_socks = min_t(unsigned int, n_socks, TUPLE_MSG_SOCKETS_MAX);
	return nla_total_size(INET_TUPLE_NAMSIZ) +
	       nla_total_size(sizeof(struct in6_addr)) +
	       nla_total_size(sizeof(u8)) * 3 +
	       nla_total_size(sizeof(u32)) * 4 +
	       nla_total_size_64bit(sizeof(u64)) * 4 +
	       nla_total_size(tuple_msg_socket_size()) * n_socks;
}

/**
 * tuple_msg_put_lease - write a lease's attributes
 * @skb: message
 * @lease: neither dead nor pseudo; pool->lock held
 * @view: who will read it
 * Return: 0 or -EMSGSIZE.
 */
int tuple_msg_put_lease(struct sk_buff *skb, const struct tuple_lease *lease,
			const struct tuple_view *view)
{
	const struct tuple_pool *pool = lease->pool;
	const struct net_device *dev;
	const struct tuple_sock *ts;
	unsigned int n = 0;

	lockdep_assert_held(&pool->lock);
	if (skb_tailroom(skb) < tuple_msg_lease_size(lease->n_socks))
		return -EMSGSIZE;
	dev = rcu_dereference_protected(pool->dev,
					lockdep_is_held(&pool->lock));
	tuple_attr(skb, INET_TUPLE_A_LEASE_POOL, pool->name,
		   strlen(pool->name) + 1);
	tuple_attr_addr(skb, INET_TUPLE_A_LEASE_ADDR, &lease->addr);
	tuple_attr_u32(skb, INET_TUPLE_A_LEASE_IFINDEX, dev ? dev->ifindex : 0);
	tuple_attr_u8(skb, INET_TUPLE_A_LEASE_STATE, lease->state);
	tuple_attr_u8(skb, INET_TUPLE_A_LEASE_SCOPE, lease->key.scope);
	tuple_attr_u64(skb, INET_TUPLE_A_LEASE_SCOPE_ID,
		       tuple_scope_id(&lease->key, view),
		       INET_TUPLE_A_LEASE_PAD);
	tuple_attr_u32(skb, INET_TUPLE_A_LEASE_UID,
		       from_kuid_munged(view->user_ns, lease->uid));
	tuple_attr_u64(skb, INET_TUPLE_A_LEASE_AGE, tuple_lease_age_ms(lease),
		       INET_TUPLE_A_LEASE_PAD);
	tuple_attr_u32(skb, INET_TUPLE_A_LEASE_SOCKETS, lease->n_socks);
	tuple_put_lease_more(skb, lease);

	hlist_for_each_entry(ts, &lease->socks, lease_node) {
		if (n++ == TUPLE_MSG_SOCKETS_MAX)
			break;
		tuple_put_socket(skb, ts->sk, view);
	}
	return 0;
}

/* Whose and which, how long it is valid, and where it is. One that the host has
 * itself cannot be leased now.
 */
int tuple_msg_put_stock(struct sk_buff *skb, const struct tuple_lease *lease)
{
	u64 idle, valid = tuple_lease_valid_ms(lease);
	u8 state = lease->state;

	lockdep_assert_held(&lease->pool->lock);
	valid = valid == U64_MAX ? U32_MAX : div_u64(valid, MSEC_PER_SEC);
	if (state == TUPLE_LEASE_FOREIGN)
		state = INET_TUPLE_LEASE_QUARANTINE;
	if (nla_put_string(skb, INET_TUPLE_A_ADDR_POOL, lease->pool->name) ||
	    tuple_put_addr(skb, INET_TUPLE_A_ADDR_ADDR, &lease->addr) ||
	    nla_put_u32(skb, INET_TUPLE_A_ADDR_VALID, valid) ||
	    nla_put_u8(skb, INET_TUPLE_A_ADDR_STATE, state))
		return -EMSGSIZE;
	if (state != INET_TUPLE_LEASE_STOCK)
		return 0;
	idle = div_u64(ktime_get_coarse_boottime_ns() - lease->born,
		       NSEC_PER_MSEC);
	return nla_put_u64_64bit(skb, INET_TUPLE_A_ADDR_IDLE_MS, idle,
				 INET_TUPLE_A_ADDR_PAD);
}

size_t tuple_msg_rule_size(const struct tuple_rule *rule)
{
	size_t size = nla_total_size(INET_TUPLE_NAMSIZ) +
		      nla_total_size(sizeof(u32)) * 2;

	if (rule->match & TUPLE_RULE_CGROUP)
		size += nla_total_size(strlen(rule->cgroup_path) + 1);
	return size;
}

/**
 * tuple_msg_put_rule - write a rule's attributes
 * @skb: message
 * @rule: tn->mutex held
 * @view: who will read it
 * Return: 0 or -EMSGSIZE.
 */
int tuple_msg_put_rule(struct sk_buff *skb, const struct tuple_rule *rule,
		       const struct tuple_view *view)
{
	if (nla_put_string(skb, INET_TUPLE_A_RULE_POOL, rule->pool))
		return -EMSGSIZE;
	if (rule->match & TUPLE_RULE_UID &&
	    nla_put_u32(skb, INET_TUPLE_A_RULE_UID,
			from_kuid_munged(view->user_ns, rule->uid)))
		return -EMSGSIZE;
	if (rule->match & TUPLE_RULE_GID &&
	    nla_put_u32(skb, INET_TUPLE_A_RULE_GID,
			from_kgid_munged(view->user_ns, rule->gid)))
		return -EMSGSIZE;
	if (rule->match & TUPLE_RULE_CGROUP &&
	    nla_put_string(skb, INET_TUPLE_A_RULE_CGROUP, rule->cgroup_path))
		return -EMSGSIZE;
	return 0;
}
