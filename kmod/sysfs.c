// SPDX-License-Identifier: GPL-2.0-only
/* /sys/class/inet_tuple: the pools of a network namespace as directories.
 *
 * Locking: pool deletion holds tn->mutex while it removes the pool's directory,
 * which waits for every show and store in it to return. So a show takes no
 * more than pool->lock, and a store does not wait for tn->mutex: where it is
 * held, the system call is started anew, without a hold on the file.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/inet.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include "compat.h"
#include "net.h"
#include "netlink_msg.h"
#include "pool.h"
#include "sysfs.h"

/* What a list says where a page is too short for all of it */
#define TUPLE_MORE	"++more++\n"
/* Room for the longest line: two IPv6 addresses */
#define TUPLE_LINE	96

/**
 * struct tuple_sysfs_dev - a pool's directory
 * @dev: what makes it one
 * @pool: with a reference
 * @net: its namespace; alive until the directory is removed
 */
struct tuple_sysfs_dev {
	struct device dev;
	struct tuple_pool *pool;
	struct net *net;
};

/* A namespace's own copy of the file "pools", by which it is known */
struct tuple_sysfs_net {
	struct class_attribute attr;
	struct tuple_net *tn;
};

static struct tuple_sysfs_dev *to_tuple_sysfs_dev(const struct device *dev)
{
	return container_of(dev, struct tuple_sysfs_dev, dev);
}

static struct tuple_pool *to_tuple_pool(const struct device *dev)
{
	return to_tuple_sysfs_dev(dev)->pool;
}

/* Changes */

/* The mode of a file says whose it is; that does not make its owner one who
 * may configure the network.
 */
static int tuple_sysfs_lock(struct tuple_net *tn)
{
	if (!ns_capable(tn->net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (!mutex_trylock(&tn->mutex))
		return restart_syscall();
	return 0;
}

static void tuple_sysfs_unlock(struct tuple_net *tn, const char *name,
			       const struct netlink_ext_ack *extack)
{
	mutex_unlock(&tn->mutex);
	if (extack->_msg)
		pr_debug("pool %s: %s\n", name, extack->_msg);
}

/* Carry a change out and free it. Return: @count or -errno. */
static ssize_t tuple_sysfs_change(struct tuple_pool *pool,
				  struct tuple_pool_change *c, size_t count)
{
	struct netlink_ext_ack extack = {};
	struct tuple_net *tn = pool->tn;
	int err;

	strscpy(c->name, pool->name, sizeof(c->name));
	err = tuple_sysfs_lock(tn);
	if (!err) {
		err = tuple_pool_set(tn, c, &extack);
		tuple_sysfs_unlock(tn, c->name, &extack);
	}
	tuple_pool_change_free(c);
	return err ?: count;
}

/* Keys whose value is a word or a number */

static const char * const tuple_plumb_words[] = {
	[INET_TUPLE_PLUMB_ADDRESS] = "address",
	[INET_TUPLE_PLUMB_PREFIX] = "prefix",
	NULL
};

static const char * const tuple_assign_words[] = {
	[INET_TUPLE_ASSIGN_CREATE] = "create",
	[INET_TUPLE_ASSIGN_BIND] = "bind",
	NULL
};

/* SCOPE_ID_KEY is not a pool's */
static const char * const tuple_scope_words[] = {
	[INET_TUPLE_SCOPE_SOCKET] = "socket",
	[INET_TUPLE_SCOPE_PROCESS] = "process",
	[INET_TUPLE_SCOPE_CGROUP] = "cgroup",
	[INET_TUPLE_SCOPE_USER] = "user",
	NULL
};

static const char * const tuple_order_words[] = {
	[INET_TUPLE_ORDER_SEQUENTIAL] = "sequential",
	[INET_TUPLE_ORDER_RANDOM] = "random",
	[INET_TUPLE_ORDER_LRU] = "lru",
	NULL
};

static const char * const tuple_source_words[] = {
	[INET_TUPLE_SOURCE_STATIC] = "static",
	[INET_TUPLE_SOURCE_DHCP] = "dhcp",
	NULL
};

static const char * const tuple_state_words[] = {
	[INET_TUPLE_STATE_ACTIVE] = "active",
	[INET_TUPLE_STATE_DRAINING] = "draining",
	NULL
};

/**
 * struct tuple_key - a setting that is one number in struct tuple_pool_conf
 * @attr: its file
 * @words: for the numbers from 0 on, up to a NULL; or NULL: a number
 * @word: how @special is called, or NULL
 * @special: a number that has a name
 * @offset: in struct tuple_pool_conf
 * @size: of the number, 1 or 4
 * @bit: TUPLE_SET_*
 */
struct tuple_key {
	struct device_attribute attr;
	const char * const *words;
	const char *word;
	u32 special;
	u16 offset;
	u8 size;
	u32 bit;
};

static u32 tuple_key_get(const struct tuple_key *key,
			 const struct tuple_pool_conf *conf)
{
	const void *from = (const void *)conf + key->offset;

	return key->size == sizeof(u8) ? *(u8 *)from : *(u32 *)from;
}

/* Return: 0, -EINVAL or -ERANGE */
static int tuple_key_parse(const struct tuple_key *key, const char *text,
			   u32 *value)
{
	int err;

	if (key->words) {
		for (*value = 0; key->words[*value]; ++*value) {
			if (sysfs_streq(text, key->words[*value]))
				return 0;
		}
		return -EINVAL;
	}
	if (key->word && sysfs_streq(text, key->word)) {
		*value = key->special;
		return 0;
	}
	err = kstrtou32(text, 0, value);
	if (!err && key->bit == TUPLE_SET_DSCP && !tuple_dscp_ok(*value))
		err = -ERANGE;
	return err;
}

static ssize_t tuple_key_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	struct tuple_key *key = container_of(attr, struct tuple_key, attr);
	struct tuple_pool *pool = to_tuple_pool(dev);
	u32 value;

	spin_lock_bh(&pool->lock);
	value = tuple_key_get(key, &pool->conf);
	spin_unlock_bh(&pool->lock);

	if (key->words)
		return sysfs_emit(buf, "%s\n", key->words[value]);
	if (key->word && value == key->special)
		return sysfs_emit(buf, "%s\n", key->word);
	return sysfs_emit(buf, "%u\n", value);
}

static ssize_t tuple_key_store(struct device *dev,
			       struct device_attribute *attr,
			       const char *buf, size_t count)
{
	struct tuple_key *key = container_of(attr, struct tuple_key, attr);
	struct tuple_pool_change c;
	void *to = (void *)&c.conf + key->offset;
	u32 value;
	int err;

	err = tuple_key_parse(key, buf, &value);
	if (err)
		return err;
	tuple_pool_change_init(&c);
	if (key->size == sizeof(u8))
		*(u8 *)to = value;
	else
		*(u32 *)to = value;
	c.set = key->bit;
	c.conf.order_set = key->bit == TUPLE_SET_ORDER;
	return tuple_sysfs_change(to_tuple_pool(dev), &c, count);
}

#define TUPLE_KEY(upper, lower, ...)					\
static struct tuple_key tuple_key_##lower = {				\
	.attr = __ATTR(lower, 0644, tuple_key_show, tuple_key_store),	\
	.offset = offsetof(struct tuple_pool_conf, lower),		\
	.size = sizeof_field(struct tuple_pool_conf, lower),		\
	.bit = TUPLE_SET_##upper,					\
	__VA_ARGS__							\
}

TUPLE_KEY(PLUMB, plumb, .words = tuple_plumb_words);
TUPLE_KEY(ASSIGN, assign, .words = tuple_assign_words);
TUPLE_KEY(SCOPE, scope, .words = tuple_scope_words);
TUPLE_KEY(ORDER, order, .words = tuple_order_words);
TUPLE_KEY(SOURCE, source, .words = tuple_source_words);
TUPLE_KEY(STATE, state, .words = tuple_state_words);
TUPLE_KEY(QUARANTINE, quarantine,
	  .word = "auto", .special = TUPLE_QUARANTINE_AUTO);
TUPLE_KEY(WAIT, wait);
TUPLE_KEY(QUOTA, quota, .word = "unlimited", .special = TUPLE_QUOTA_NONE);
TUPLE_KEY(DSCP, dscp, .word = "unset", .special = TUPLE_DSCP_UNSET);
TUPLE_KEY(PRIORITY, priority,
	  .word = "unset", .special = TUPLE_PRIORITY_UNSET);
TUPLE_KEY(MARK, mark, .word = "unset", .special = 0);
TUPLE_KEY(LOW, low);
TUPLE_KEY(HIGH, high);
TUPLE_KEY(WARM, warm);

/* Files with a value of their own */

static const char * const tuple_default_words[] = {
	[INET_TUPLE_DEFAULT_OFF] = "off",
	[INET_TUPLE_DEFAULT_ON] = "on",
	[INET_TUPLE_DEFAULT_INET] = "inet",
	[INET_TUPLE_DEFAULT_INET6] = "inet6",
};

static ssize_t default_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	enum inet_tuple_default value;

	rcu_read_lock();
	value = tuple_pool_default_of(to_tuple_pool(dev));
	rcu_read_unlock();
	return sysfs_emit(buf, "%s\n", tuple_default_words[value]);
}

/* One of the words, or what else says yes or no. Return: 0 or -EINVAL */
static int tuple_default_parse(const char *text, u8 *value)
{
	int word = sysfs_match_string(tuple_default_words, text);
	bool on;

	if (word >= 0) {
		*value = word;
		return 0;
	}
	if (kstrtobool(text, &on))
		return -EINVAL;
	*value = on ? INET_TUPLE_DEFAULT_ON : INET_TUPLE_DEFAULT_OFF;
	return 0;
}

static ssize_t default_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct tuple_pool_change c;
	u8 value;
	int err;

	err = tuple_default_parse(buf, &value);
	if (err)
		return err;
	tuple_pool_change_init(&c);
	c.set = TUPLE_SET_DEFAULT;
	c.default_of = value;
	return tuple_sysfs_change(to_tuple_pool(dev), &c, count);
}

static DEVICE_ATTR_RW(default);

static ssize_t device_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct tuple_pool *pool = to_tuple_pool(dev);
	char name[IFNAMSIZ];

	spin_lock_bh(&pool->lock);
	strscpy(name, pool->ifname, sizeof(name));
	spin_unlock_bh(&pool->lock);
	return sysfs_emit(buf, "%s\n", name);
}

/* Gives a device to a pool that has none yet */
static ssize_t device_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t count)
{
	struct tuple_pool *pool = to_tuple_pool(dev);
	const struct net_device *found;
	struct tuple_pool_change c;
	char name[IFNAMSIZ + 1];

	/* One more than a name may have, so that a longer one is not found */
	strscpy(name, skip_spaces(buf), sizeof(name));
	strim(name);

	tuple_pool_change_init(&c);
	rcu_read_lock();
	found = dev_get_by_name_rcu(to_tuple_sysfs_dev(dev)->net, name);
	if (found)
		c.ifindex = found->ifindex;
	rcu_read_unlock();
	if (!c.ifindex) {
		tuple_pool_change_free(&c);
		return -ENODEV;
	}
	return tuple_sysfs_change(pool, &c, count);
}

static DEVICE_ATTR_RW(device);

static ssize_t total_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct tuple_pool *pool = to_tuple_pool(dev);
	u64 total, free;

	spin_lock_bh(&pool->lock);
	tuple_pool_count(pool, &total, &free);
	spin_unlock_bh(&pool->lock);
	return sysfs_emit(buf, "%llu\n", total);
}

static DEVICE_ATTR_RO(total);

static ssize_t in_use_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct tuple_pool *pool = to_tuple_pool(dev);
	u64 in_use;

	spin_lock_bh(&pool->lock);
	in_use = pool->in_use;
	spin_unlock_bh(&pool->lock);
	return sysfs_emit(buf, "%llu\n", in_use);
}

static DEVICE_ATTR_RO(in_use);

static ssize_t quarantined_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct tuple_pool *pool = to_tuple_pool(dev);
	u64 resting;

	spin_lock_bh(&pool->lock);
	resting = pool->resting - pool->n_warm;
	spin_unlock_bh(&pool->lock);
	return sysfs_emit(buf, "%llu\n", resting);
}

static DEVICE_ATTR_RO(quarantined);

/* Lists: one entry per line */

/* Append a line; a list that does not fit ends in a word that says so.
 * Return: false then.
 */
static bool tuple_emit_line(char *buf, ssize_t *len, const char *line)
{
	if (*len + strlen(line) + 1 + strlen(TUPLE_MORE) >= PAGE_SIZE) {
		*len += sysfs_emit_at(buf, *len, TUPLE_MORE);
		return false;
	}
	*len += sysfs_emit_at(buf, *len, "%s\n", line);
	return true;
}

static int tuple_print_addr(char *line, size_t size,
			    const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return scnprintf(line, size, "%pI4", &addr->s6_addr32[3]);
	return scnprintf(line, size, "%pI6c", addr);
}

/* Return: 0 or -EINVAL */
static int tuple_parse_addr(const char *text, struct in6_addr *addr)
{
	__be32 v4;

	if (strchr(text, ':'))
		return in6_pton(text, -1, addr->s6_addr, -1, NULL) &&
		       !ipv6_addr_v4mapped(addr) ? 0 : -EINVAL;
	if (!in4_pton(text, -1, (u8 *)&v4, -1, NULL))
		return -EINVAL;
	ipv6_addr_set_v4mapped(v4, addr);
	return 0;
}

/* ADDRESS[/LENGTH] */
static int tuple_parse_prefix(char *text, void *to)
{
	struct tuple_prefix *prefix = to;
	char *len = text;
	u8 bits;
	int err;

	text = strsep(&len, "/");
	err = tuple_parse_addr(text, &prefix->addr);
	if (err)
		return err;
	bits = ipv6_addr_v4mapped(&prefix->addr) ? 32 : 128;
	prefix->len = bits;
	if (len) {
		err = kstrtou8(len, 10, &prefix->len);
		if (err)
			return err;
		if (prefix->len > bits)
			return -EINVAL;
	}
	prefix->len += 128 - bits;
	return tuple_prefix_check(prefix, NULL);
}

/* ADDRESS[-ADDRESS] or a prefix */
static int tuple_parse_range(char *text, void *to)
{
	struct tuple_range *range = to;
	struct tuple_prefix prefix;
	char *last = text;
	int err;

	if (!strchr(text, '-')) {
		err = tuple_parse_prefix(text, &prefix);
		if (!err)
			tuple_prefix_to_range(&prefix, range);
		return err;
	}
	text = strsep(&last, "-");
	err = tuple_parse_addr(text, &range->first) ?:
	      tuple_parse_addr(last, &range->last);
	return err ?: tuple_range_check(range, NULL);
}

/* UID[-UID]. Return: 0 or -EINVAL. */
static int tuple_parse_uids(char *text, struct tuple_users *users)
{
	struct user_namespace *user_ns = current_user_ns();
	u32 first, last;
	char *end = text;

	text = strsep(&end, "-");
	if (kstrtou32(text, 10, &first))
		return -EINVAL;
	last = first;
	if (end && kstrtou32(end, 10, &last))
		return -EINVAL;
	users->first = make_kuid(user_ns, first);
	users->last = make_kuid(user_ns, last);
	/* A range that is in pieces for the kernel would admit strangers */
	if (first > last || !uid_valid(users->first) ||
	    !uid_valid(users->last) ||
	    __kuid_val(users->last) - __kuid_val(users->first) != last - first)
		return -EINVAL;
	return 0;
}

static unsigned int tuple_count_words(const char *text)
{
	unsigned int n = 0;

	for (text = skip_spaces(text); *text; text = skip_spaces(text)) {
		n++;
		while (*text && !isspace(*text))
			text++;
	}
	return n;
}

static char *tuple_next_word(char **text)
{
	char *word;

	do {
		word = strsep(text, " \t\n");
	} while (word && !*word);
	return word;
}

/* Two arrays of a change, of elements that a word stands for */
struct tuple_list {
	void **add, **del;
	unsigned int *n_add, *n_del;
	size_t size;
	unsigned int max;
	int (*parse)(char *text, void *to);
};

/* Words with a plus or a minus before them. Return: 0 or -errno. */
static int tuple_list_parse(const struct tuple_list *list, char *text)
{
	unsigned int n = tuple_count_words(text);
	char *word;
	int err;

	if (!n)
		return -EINVAL;
	if (n > list->max)
		return -E2BIG;
	*list->add = kcalloc(n, list->size, GFP_KERNEL_ACCOUNT);
	*list->del = kcalloc(n, list->size, GFP_KERNEL_ACCOUNT);
	if (!*list->add || !*list->del)
		return -ENOMEM;

	while ((word = tuple_next_word(&text))) {
		bool add = *word == '+';
		unsigned int *i = add ? list->n_add : list->n_del;
		void *array = add ? *list->add : *list->del;

		if (*word != '+' && *word != '-')
			return -EINVAL;
		err = list->parse(word + 1, array + *i * list->size);
		if (err)
			return err;
		++*i;
	}
	return 0;
}

/* A copy of what was written, to be taken apart. A write of a page or more comes
 * in pieces, cut anywhere: it is refused whole.
 */
static char *tuple_sysfs_text(const char *buf, size_t count)
{
	if (count >= PAGE_SIZE)
		return ERR_PTR(-E2BIG);
	return kstrndup(buf, count, GFP_KERNEL) ?: ERR_PTR(-ENOMEM);
}

static ssize_t tuple_list_store(struct tuple_pool *pool,
				struct tuple_pool_change *c,
				const struct tuple_list *list,
				const char *buf, size_t count)
{
	char *text;
	int err;

	text = tuple_sysfs_text(buf, count);
	err = PTR_ERR_OR_ZERO(text);
	if (!err) {
		err = tuple_list_parse(list, text);
		kfree(text);
	}
	if (!err)
		return tuple_sysfs_change(pool, c, count);
	tuple_pool_change_free(c);
	return err;
}

static ssize_t prefixes_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct tuple_pool *pool = to_tuple_pool(dev);
	char line[TUPLE_LINE];
	ssize_t len = 0;
	unsigned int i;

	spin_lock_bh(&pool->lock);
	for (i = 0; i < pool->conf.n_prefixes; i++) {
		const struct tuple_prefix *p = &pool->conf.prefixes[i];
		bool v4 = ipv6_addr_v4mapped(&p->addr);
		int n = tuple_print_addr(line, sizeof(line), &p->addr);

		scnprintf(line + n, sizeof(line) - n, "/%u",
			  v4 ? p->len - 96 : p->len);
		if (!tuple_emit_line(buf, &len, line))
			break;
	}
	spin_unlock_bh(&pool->lock);
	return len;
}

static ssize_t prefixes_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct tuple_pool_change c;
	struct tuple_list list = {
		.add = (void **)&c.conf.prefixes,
		.n_add = &c.conf.n_prefixes,
		.del = (void **)&c.del_prefixes,
		.n_del = &c.n_del_prefixes,
		.size = sizeof(struct tuple_prefix),
		.max = TUPLE_POOL_PREFIXES_MAX,
		.parse = tuple_parse_prefix,
	};

	tuple_pool_change_init(&c);
	return tuple_list_store(to_tuple_pool(dev), &c, &list, buf, count);
}

static DEVICE_ATTR_RW(prefixes);

static ssize_t excludes_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct tuple_pool *pool = to_tuple_pool(dev);
	char line[TUPLE_LINE];
	ssize_t len = 0;
	unsigned int i;

	spin_lock_bh(&pool->lock);
	for (i = 0; i < pool->conf.n_excludes; i++) {
		const struct tuple_range *r = &pool->conf.excludes[i];
		int n = tuple_print_addr(line, sizeof(line), &r->first);

		if (!ipv6_addr_equal(&r->first, &r->last)) {
			line[n++] = '-';
			tuple_print_addr(line + n, sizeof(line) - n, &r->last);
		}
		if (!tuple_emit_line(buf, &len, line))
			break;
	}
	spin_unlock_bh(&pool->lock);
	return len;
}

static ssize_t excludes_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct tuple_pool_change c;
	struct tuple_list list = {
		.add = (void **)&c.conf.excludes,
		.n_add = &c.conf.n_excludes,
		.del = (void **)&c.del_excludes,
		.n_del = &c.n_del_excludes,
		.size = sizeof(struct tuple_range),
		.max = TUPLE_POOL_EXCLUDES_MAX,
		.parse = tuple_parse_range,
	};

	tuple_pool_change_init(&c);
	return tuple_list_store(to_tuple_pool(dev), &c, &list, buf, count);
}

static DEVICE_ATTR_RW(excludes);

static ssize_t users_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct user_namespace *user_ns = current_user_ns();
	struct tuple_pool *pool = to_tuple_pool(dev);
	char line[TUPLE_LINE];
	ssize_t len = 0;
	unsigned int i;

	spin_lock_bh(&pool->lock);
	for (i = 0; i < pool->conf.n_users; i++) {
		const struct tuple_users *u = &pool->conf.users[i];

		if (uid_eq(u->first, u->last))
			scnprintf(line, sizeof(line), "%u",
				  from_kuid_munged(user_ns, u->first));
		else
			scnprintf(line, sizeof(line), "%u-%u",
				  from_kuid_munged(user_ns, u->first),
				  from_kuid_munged(user_ns, u->last));
		if (!tuple_emit_line(buf, &len, line))
			break;
	}
	spin_unlock_bh(&pool->lock);
	return len ?: sysfs_emit(buf, "all\n");
}

static int tuple_users_parse(struct tuple_pool_conf *conf, char *text)
{
	unsigned int n = tuple_count_words(text);
	char *word;
	int err;

	if (!n)
		return -EINVAL;
	if (n > TUPLE_POOL_USERS_MAX)
		return -E2BIG;
	conf->users = kcalloc(n, sizeof(*conf->users), GFP_KERNEL_ACCOUNT);
	if (!conf->users)
		return -ENOMEM;
	while ((word = tuple_next_word(&text))) {
		err = tuple_parse_uids(word, &conf->users[conf->n_users]);
		if (err)
			return err;
		conf->n_users++;
	}
	return 0;
}

/* The list that is written replaces the one there is */
static ssize_t users_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct tuple_pool_change c;
	char *text;
	int err = 0;

	tuple_pool_change_init(&c);
	c.set = TUPLE_SET_USERS;
	if (!sysfs_streq(buf, "all")) {
		text = tuple_sysfs_text(buf, count);
		err = PTR_ERR_OR_ZERO(text);
		if (!err) {
			err = tuple_users_parse(&c.conf, text);
			kfree(text);
		}
	}
	if (!err)
		return tuple_sysfs_change(to_tuple_pool(dev), &c, count);
	tuple_pool_change_free(&c);
	return err;
}

static DEVICE_ATTR_RW(users);

static struct attribute *tuple_pool_attrs[] = {
	&tuple_key_plumb.attr.attr,
	&tuple_key_assign.attr.attr,
	&tuple_key_scope.attr.attr,
	&tuple_key_order.attr.attr,
	&tuple_key_quarantine.attr.attr,
	&tuple_key_wait.attr.attr,
	&tuple_key_quota.attr.attr,
	&tuple_key_dscp.attr.attr,
	&tuple_key_priority.attr.attr,
	&tuple_key_mark.attr.attr,
	&tuple_key_source.attr.attr,
	&tuple_key_state.attr.attr,
	&tuple_key_warm.attr.attr,
	&dev_attr_users.attr,
	&dev_attr_default.attr,
	&dev_attr_device.attr,
	&dev_attr_prefixes.attr,
	&dev_attr_excludes.attr,
	&dev_attr_total.attr,
	&dev_attr_in_use.attr,
	&dev_attr_quarantined.attr,
	NULL
};

static const struct attribute_group tuple_pool_group = {
	.attrs = tuple_pool_attrs,
};

/* Of pools of source dhcp */
static struct attribute *tuple_stock_attrs[] = {
	&tuple_key_low.attr.attr,
	&tuple_key_high.attr.attr,
	NULL
};

static umode_t tuple_stock_visible(struct kobject *kobj,
				   struct attribute *attr, int n)
{
	return to_tuple_pool(kobj_to_dev(kobj))->stocked ? attr->mode : 0;
}

static const struct attribute_group tuple_stock_group = {
	.attrs = tuple_stock_attrs,
	.is_visible = tuple_stock_visible,
};

static const struct attribute_group *tuple_pool_groups[] = {
	&tuple_pool_group,
	&tuple_stock_group,
	NULL
};

/* The class */

static void tuple_sysfs_release(struct device *dev)
{
	struct tuple_sysfs_dev *sd = to_tuple_sysfs_dev(dev);

	tuple_pool_put(sd->pool);
	kfree(sd);
}

static const void *tuple_sysfs_namespace(compat_class_device *dev)
{
	return to_tuple_sysfs_dev(dev)->net;
}

/* The root of the user namespace that owns the network namespace may write */
static void tuple_sysfs_get_ownership(compat_class_device *dev, kuid_t *uid,
				      kgid_t *gid)
{
	net_ns_get_ownership(to_tuple_sysfs_dev(dev)->net, uid, gid);
}

static struct class tuple_class = {
	.name = "inet_tuple",
	.dev_groups = tuple_pool_groups,
	.dev_release = tuple_sysfs_release,
	.ns_type = &net_ns_type_operations,
	.namespace = tuple_sysfs_namespace,
	.get_ownership = tuple_sysfs_get_ownership,
};

/**
 * tuple_sysfs_pool_add - make a pool's directory
 * @pool: named and with its namespace; tn->mutex held
 *
 * The directory holds a reference on the pool until the last one who looks at
 * it is gone. Return: 0 or -errno.
 */
int tuple_sysfs_pool_add(struct tuple_pool *pool)
{
	struct tuple_sysfs_dev *sd;
	int err;

	lockdep_assert_held(&pool->tn->mutex);
	sd = kzalloc(sizeof(*sd), GFP_KERNEL_ACCOUNT);
	if (!sd)
		return -ENOMEM;
	if (!tuple_pool_tryget(pool)) {
		kfree(sd);
		return -ENOENT;
	}
	sd->pool = pool;
	sd->net = pool->tn->net;
	sd->dev.class = &tuple_class;
	device_initialize(&sd->dev);
	err = dev_set_name(&sd->dev, "%s", pool->name);
	if (!err)
		err = device_add(&sd->dev);
	if (err) {
		put_device(&sd->dev);
		return err;
	}
	pool->sysfs = sd;
	return 0;
}

/**
 * tuple_sysfs_pool_del - remove a pool's directory
 * @pool: tn->mutex held; nothing happens where it has none
 *
 * Waits for those who read or write a file of it.
 */
void tuple_sysfs_pool_del(struct tuple_pool *pool)
{
	struct tuple_sysfs_dev *sd = pool->sysfs;

	lockdep_assert_held(&pool->tn->mutex);
	if (!sd)
		return;
	pool->sysfs = NULL;
	device_unregister(&sd->dev);
}

/* The file "pools" */

static ssize_t tuple_pools_show(compat_class *class,
				compat_class_attribute *attr, char *buf)
{
	const struct tuple_sysfs_net *sn =
		container_of(attr, struct tuple_sysfs_net, attr);
	const struct tuple_pool *pool;
	ssize_t len = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(pool, &sn->tn->pools, list) {
		if (!tuple_emit_line(buf, &len, pool->name))
			break;
	}
	rcu_read_unlock();
	return len;
}

/* "+NAME" makes an empty pool: it serves nothing before a device and prefixes
 * are written into its files. "-NAME" deletes a pool that nobody uses.
 */
static int tuple_pools_command(struct tuple_net *tn, char *command)
{
	struct netlink_ext_ack extack = {};
	const char *name = command + 1;
	struct tuple_pool_change c;
	int err;

	if (*command != '+' && *command != '-')
		return -EINVAL;
	err = tuple_name_check(name, NULL);
	if (err)
		return err;
	err = tuple_sysfs_lock(tn);
	if (err)
		return err;
	if (*command == '+') {
		tuple_pool_change_init(&c);
		strscpy(c.name, name, sizeof(c.name));
		err = tuple_pool_add(tn, &c, &extack);
		tuple_pool_change_free(&c);
	} else {
		err = tuple_pool_del(tn, name, false, &extack);
	}
	tuple_sysfs_unlock(tn, name, &extack);
	return err;
}

static ssize_t tuple_pools_store(compat_class *class,
				 compat_class_attribute *attr,
				 const char *buf, size_t count)
{
	const struct tuple_sysfs_net *sn =
		container_of(attr, struct tuple_sysfs_net, attr);
	char *text;
	int err;

	text = kstrndup(buf, count, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	err = tuple_pools_command(sn->tn, strim(text));
	kfree(text);
	return err ?: count;
}

/**
 * tuple_sysfs_net_init - make the file "pools" of a namespace
 * @tn: namespace
 * Return: 0 or -errno.
 */
int tuple_sysfs_net_init(struct tuple_net *tn)
{
	struct tuple_sysfs_net *sn;
	int err;

	sn = kzalloc(sizeof(*sn), GFP_KERNEL_ACCOUNT);
	if (!sn)
		return -ENOMEM;
	sn->tn = tn;
	sn->attr.attr.name = "pools";
	sn->attr.attr.mode = 0644;
	sn->attr.show = tuple_pools_show;
	sn->attr.store = tuple_pools_store;
	sysfs_attr_init(&sn->attr.attr);
	err = class_create_file_ns(&tuple_class, &sn->attr, tn->net);
	if (err) {
		kfree(sn);
		return err;
	}
	tn->sysfs = sn;
	return 0;
}

/**
 * tuple_sysfs_net_exit - remove the file "pools" of a namespace
 * @tn: namespace; its mutex may be held
 *
 * Waits for those who read or write it.
 */
void tuple_sysfs_net_exit(struct tuple_net *tn)
{
	struct tuple_sysfs_net *sn = tn->sysfs;

	if (!sn)
		return;
	class_remove_file_ns(&tuple_class, &sn->attr, tn->net);
	tn->sysfs = NULL;
	kfree(sn);
}

int tuple_sysfs_init(void)
{
	return class_register(&tuple_class);
}

void tuple_sysfs_uninit(void)
{
	class_unregister(&tuple_class);
}
