// SPDX-License-Identifier: GPL-2.0-only
/* Generic netlink: requests, dumps, events.
 *
 * The manual is the uapi header; what an operation takes is in the spec, from
 * which netlink_gen.c is made. Reading is open to all, as the sockets of all
 * users are for ss; what changes something is marked there.
 *
 * Everything that configures runs under tn->mutex, and so do the dumps of what
 * is configured. Leases are told under pool->lock.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include "af.h"
#include "compat.h"
#include "lease.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "netlink_msg.h"
#include "pool.h"
#include "stock.h"

/* Leases that a dump looks at before it lets go of pool->lock */
#define TUPLE_DUMP_BATCH	256

static struct genl_family tuple_family = {
	.name		= INET_TUPLE_GENL_NAME,
	.version	= INET_TUPLE_GENL_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= inet_tuple_nl_ops,
	.n_ops		= ARRAY_SIZE(inet_tuple_nl_ops),
	.mcgrps		= inet_tuple_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(inet_tuple_nl_mcgrps),
};

/* Events are sent only while the family is registered: before and after, the
 * number of its group may be somebody else's.
 */
static bool tuple_family_up;

/* The requester, for as long as the request runs */
static struct tuple_view tuple_reader(struct sk_buff *request)
{
	return (struct tuple_view) {
		.user_ns = sk_user_ns(NETLINK_CB(request).sk),
		.pid_ns = task_active_pid_ns(current),
	};
}

/* Families */

int inet_tuple_nl_family_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg;
	void *hdr;

	msg = genlmsg_new(2 * nla_total_size(sizeof(u16)), GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put(msg, info->snd_portid, info->snd_seq, &tuple_family,
			  0, INET_TUPLE_CMD_FAMILY_GET);
	if (!hdr ||
	    nla_put_u16(msg, INET_TUPLE_A_FAMILY_INET, tuple_family_inet) ||
	    nla_put_u16(msg, INET_TUPLE_A_FAMILY_INET6, tuple_family_inet6)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

/* Pools */

/* A message that tells of a pool, or NULL */
static struct sk_buff *tuple_pool_msg(struct tuple_pool *pool, u32 portid,
				      u32 seq, u8 cmd,
				      const struct tuple_view *view)
{
	struct sk_buff *msg;
	void *hdr;

	msg = genlmsg_new(tuple_msg_pool_size(pool), GFP_KERNEL);
	if (!msg)
		return NULL;
	hdr = genlmsg_put(msg, portid, seq, &tuple_family, 0, cmd);
	if (!hdr || tuple_msg_put_pool(msg, pool, view)) {
		nlmsg_free(msg);
		return NULL;
	}
	genlmsg_end(msg, hdr);
	return msg;
}

static int tuple_pool_reply(struct tuple_pool *pool, struct sk_buff *skb,
			    struct genl_info *info)
{
	struct tuple_view view = tuple_reader(skb);
	struct sk_buff *msg;

	msg = tuple_pool_msg(pool, info->snd_portid, info->snd_seq,
			     INET_TUPLE_CMD_POOL_GET, &view);
	return msg ? genlmsg_reply(msg, info) : -ENOMEM;
}

static int tuple_pool_new(struct tuple_net *tn, struct tuple_pool_change *c,
			  struct sk_buff *skb, struct genl_info *info)
{
	struct tuple_pool *pool;
	int err;

	lockdep_assert_held(&tn->mutex);
	err = tuple_pool_add(tn, c, info->extack);
	if (err || !(info->nlhdr->nlmsg_flags & NLM_F_ECHO))
		return err;
	pool = tuple_pool_find(tn, c->name);
	if (!pool)
		return -ENOENT;
	err = tuple_pool_reply(pool, skb, info);
	if (err)
		GENL_SET_ERR_MSG(info, "the pool was made, but cannot be told");
	return err;
}

int inet_tuple_nl_pool_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tuple_net *tn = tuple_net(genl_info_net(info));
	struct tuple_view view = tuple_reader(skb);
	struct tuple_pool_change c;
	int err;

	tuple_pool_change_init(&c);
	err = tuple_msg_get_pool(info, view.user_ns, &c);
	if (!err && !c.ifindex) {
		GENL_SET_ERR_MSG(info, "a pool needs a device");
		err = -EINVAL;
	}
	if (!err && !c.conf.n_prefixes &&
	    c.conf.source != INET_TUPLE_SOURCE_DHCP) {
		GENL_SET_ERR_MSG(info, "a pool needs a prefix");
		err = -EINVAL;
	}
	if (!err) {
		mutex_lock(&tn->mutex);
		err = tuple_pool_new(tn, &c, skb, info);
		mutex_unlock(&tn->mutex);
	}
	tuple_pool_change_free(&c);
	return err;
}

int inet_tuple_nl_pool_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tuple_net *tn = tuple_net(genl_info_net(info));
	struct tuple_view view = tuple_reader(skb);
	struct tuple_pool_change c;
	int err;

	tuple_pool_change_init(&c);
	err = tuple_msg_get_pool(info, view.user_ns, &c);
	if (!err) {
		mutex_lock(&tn->mutex);
		err = tuple_pool_set(tn, &c, info->extack);
		mutex_unlock(&tn->mutex);
	}
	tuple_pool_change_free(&c);
	return err;
}

int inet_tuple_nl_pool_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tuple_net *tn = tuple_net(genl_info_net(info));
	char name[INET_TUPLE_NAMSIZ];
	int err;

	err = tuple_msg_get_name(info, INET_TUPLE_A_POOL_NAME, name);
	if (err)
		return err;
	mutex_lock(&tn->mutex);
	err = tuple_pool_del(tn, name,
			     nla_get_flag(info->attrs[INET_TUPLE_A_POOL_FORCE]),
			     info->extack);
	mutex_unlock(&tn->mutex);
	return err;
}

int inet_tuple_nl_pool_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tuple_net *tn = tuple_net(genl_info_net(info));
	char name[INET_TUPLE_NAMSIZ];
	struct tuple_pool *pool;
	int err;

	err = tuple_msg_get_name(info, INET_TUPLE_A_POOL_NAME, name);
	if (err)
		return err;
	mutex_lock(&tn->mutex);
	pool = tuple_pool_find(tn, name);
	if (pool) {
		err = tuple_pool_reply(pool, skb, info);
	} else {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[INET_TUPLE_A_POOL_NAME],
				    "no such pool");
		err = -ENOENT;
	}
	mutex_unlock(&tn->mutex);
	return err;
}

/* The place of a dump of pools or rules */
struct tuple_conf_dump {
	unsigned int at;
};

/* Generations count from 0, which netlink keeps for "no generation" */
static unsigned int tuple_dump_seq(unsigned int seq)
{
	return seq << 1 | 1;
}

static u32 tuple_dump_room(size_t attrs)
{
	return NLMSG_ALIGN(nlmsg_total_size(genlmsg_total_size(attrs)));
}

/* A message is never split, so the first buffer has to have room for the
 * largest pool there is. Errors are better told here than by the dump: not
 * every reader looks into the NLMSG_DONE.
 */
int inet_tuple_nl_pool_get_start(struct netlink_callback *cb)
{
	struct tuple_net *tn = tuple_net(sock_net(cb->skb->sk));
	struct nlattr **attrs = tuple_dump_attrs(cb);
	struct tuple_pool *pool;

	if (attrs[INET_TUPLE_A_POOL_NAME]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, attrs[INET_TUPLE_A_POOL_NAME],
				    "a dump is of all pools");
		return -EINVAL;
	}
	mutex_lock(&tn->mutex);
	list_for_each_entry(pool, &tn->pools, list)
		cb->min_dump_alloc = max(cb->min_dump_alloc,
					 tuple_dump_room(tuple_msg_pool_size(pool)));
	mutex_unlock(&tn->mutex);
	return 0;
}

static int tuple_pool_dump_one(struct sk_buff *skb,
			       struct netlink_callback *cb,
			       struct tuple_pool *pool,
			       const struct tuple_view *view)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &tuple_family, NLM_F_MULTI, INET_TUPLE_CMD_POOL_GET);
	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, hdr);
	if (tuple_msg_put_pool(skb, pool, view)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

int inet_tuple_nl_pool_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct tuple_net *tn = tuple_net(sock_net(cb->skb->sk));
	struct tuple_conf_dump *dump = (void *)cb->ctx;
	struct tuple_view view = tuple_reader(cb->skb);
	struct tuple_pool *pool;
	unsigned int i = 0;
	int err = 0;

	mutex_lock(&tn->mutex);
	cb->seq = tuple_dump_seq(tn->pool_seq);
	list_for_each_entry(pool, &tn->pools, list) {
		if (i++ < dump->at)
			continue;
		err = tuple_pool_dump_one(skb, cb, pool, &view);
		if (err) {
			u32 room = tuple_dump_room(tuple_msg_pool_size(pool));

			/* It may have grown since the dump was started */
			cb->min_dump_alloc = max(cb->min_dump_alloc, room);
			break;
		}
		dump->at++;
	}
	mutex_unlock(&tn->mutex);
	return skb->len ?: err;
}

/* Leases */

static struct sk_buff *tuple_lease_msg(const struct tuple_lease *lease,
				       u8 cmd, const struct tuple_view *view,
				       int why)
{
	int err = 0;
	struct sk_buff *msg;
	void *hdr;

	msg = genlmsg_new(tuple_msg_lease_size(lease->n_socks), GFP_ATOMIC);
	if (!msg)
		return NULL;
	hdr = genlmsg_put(msg, 0, 0, &tuple_family, 0, cmd);
	if (!hdr || tuple_msg_put_lease(msg, lease, view))
		err = -EMSGSIZE;
	else if (cmd == INET_TUPLE_CMD_LEASE_FAIL_NTF)
		err = nla_put_u32(msg, INET_TUPLE_A_LEASE_ERROR, why);
	else if (cmd == INET_TUPLE_CMD_LEASE_DEL_NTF)
		err = nla_put_u8(msg, INET_TUPLE_A_LEASE_REASON, why);
	if (err) {
		nlmsg_free(msg);
		return NULL;
	}
	genlmsg_end(msg, hdr);
	return msg;
}

/* Is it an address that is leased? */
static bool tuple_lease_is_told(const struct tuple_lease *lease)
{
	return !(lease->state & TUPLE_LEASE_PSEUDO) &&
	       lease->state != INET_TUPLE_LEASE_STOCK;
}

/* Write the lease of an address. Return: 0, -ENOENT or -EMSGSIZE. */
static int tuple_lease_put(struct sk_buff *msg, const struct net *net,
			   const struct in6_addr *addr,
			   const struct tuple_view *view)
{
	struct tuple_lease *lease;
	struct tuple_pool *pool;
	int err = -ENOENT;

	lease = tuple_lease_find_lock(net, addr, &pool);
	if (lease && tuple_lease_is_told(lease))
		err = tuple_msg_put_lease(msg, lease, view);
	tuple_lease_unlock(pool);
	return err;
}

int inet_tuple_nl_lease_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tuple_view view = tuple_reader(skb);
	struct in6_addr addr;
	struct sk_buff *msg;
	void *hdr;
	int err;

	if (info->attrs[INET_TUPLE_A_LEASE_POOL]) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[INET_TUPLE_A_LEASE_POOL],
				    "the pool is for dumps only");
		return -EINVAL;
	}
	err = tuple_msg_get_addr(info, INET_TUPLE_A_LEASE_ADDR, &addr);
	if (err)
		return err;

	msg = genlmsg_new(tuple_msg_lease_size(TUPLE_MSG_SOCKETS_MAX),
			  GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put(msg, info->snd_portid, info->snd_seq, &tuple_family,
			  0, INET_TUPLE_CMD_LEASE_GET);
	err = hdr ? tuple_lease_put(msg, genl_info_net(info), &addr, &view) :
		    -EMSGSIZE;
	if (err) {
		if (err == -ENOENT)
			GENL_SET_ERR_MSG(info, "this address is not leased");
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

int inet_tuple_nl_lease_kill_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tuple_net *tn = tuple_net(genl_info_net(info));
	struct in6_addr addr;
	int err;

	err = tuple_msg_get_addr(info, INET_TUPLE_A_LEASE_ADDR, &addr);
	if (err)
		return err;
	mutex_lock(&tn->mutex);
	err = tuple_lease_kill(tn, &addr, info->extack);
	mutex_unlock(&tn->mutex);
	return err;
}

/**
 * struct tuple_lease_dump - a dump of leases or addresses on its way
 * @put: writes one, or not: one that is not to be told
 * @marker: pseudo lease in the list of the pool that the dump is in, before the
 *	lease that comes next; in no list between two pools
 * @addr: only the lease of this address, where @pools is empty
 * @at: index into @pools
 * @n_pools: how many
 * @pools: those of the start of the dump, with a reference each
 *
 * A lease keeps its place in the list as long as it lives, and new ones are
 * put at its end. So what lives through the dump is passed by the marker once,
 * whatever comes and goes meanwhile, and each entry is looked at once. Keeping
 * all pools from the start does the same one level higher: a pool deleted
 * halfway cannot make the dump lose its place, and loses only its own leases.
 */
struct tuple_lease_dump {
	int (*put)(struct sk_buff *skb, struct netlink_callback *cb,
		   const struct tuple_lease *lease,
		   const struct tuple_view *view);
	struct tuple_lease *marker;
	struct in6_addr addr;
	unsigned int at;
	unsigned int n_pools;
	struct tuple_pool *pools[];
};

/* Kept in cb->ctx */
struct tuple_lease_dump_ctx {
	struct tuple_lease_dump *dump;
};

static int tuple_lease_dump_one(struct sk_buff *skb,
				struct netlink_callback *cb,
				const struct tuple_lease *lease,
				const struct tuple_view *view)
{
	void *hdr;

	if (!tuple_lease_is_told(lease))
		return 0;
	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &tuple_family, NLM_F_MULTI, INET_TUPLE_CMD_LEASE_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (tuple_msg_put_lease(skb, lease, view)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int tuple_stock_dump_one(struct sk_buff *skb,
				struct netlink_callback *cb,
				const struct tuple_lease *lease,
				const struct tuple_view *view)
{
	void *hdr;

	if (lease->state == TUPLE_LEASE_MARKER)
		return 0;
	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &tuple_family, NLM_F_MULTI, INET_TUPLE_CMD_ADDR_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (tuple_msg_put_stock(skb, lease)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static struct tuple_lease_dump *tuple_lease_dump_alloc(unsigned int n_pools)
{
	struct tuple_lease_dump *dump;

	dump = kvzalloc(struct_size(dump, pools, n_pools), GFP_KERNEL_ACCOUNT);
	if (!dump)
		return NULL;
	dump->marker = kzalloc(sizeof(*dump->marker), GFP_KERNEL_ACCOUNT);
	if (!dump->marker) {
		kvfree(dump);
		return NULL;
	}
	dump->marker->state = TUPLE_LEASE_MARKER;
	INIT_LIST_HEAD(&dump->marker->list);
	INIT_LIST_HEAD(&dump->marker->queue);
	INIT_HLIST_HEAD(&dump->marker->socks);
	return dump;
}

/* @stocked: only those of source dhcp */
static struct tuple_lease_dump *tuple_lease_dump_all(struct tuple_net *tn,
						     bool stocked)
{
	struct tuple_lease_dump *dump;
	struct tuple_pool *pool;
	unsigned int n = 0;

	lockdep_assert_held(&tn->mutex);
	list_for_each_entry(pool, &tn->pools, list)
		n++;
	dump = tuple_lease_dump_alloc(n);
	if (!dump)
		return ERR_PTR(-ENOMEM);
	list_for_each_entry(pool, &tn->pools, list) {
		if ((pool->stocked || !stocked) && tuple_pool_tryget(pool))
			dump->pools[dump->n_pools++] = pool;
	}
	return dump;
}

static struct tuple_pool *tuple_dump_find_pool(struct tuple_net *tn,
					       const struct nlattr *name,
					       struct netlink_ext_ack *extack)
{
	struct tuple_pool *pool = tuple_pool_find(tn, nla_data(name));

	if (!pool)
		NL_SET_ERR_MSG_ATTR(extack, name, "no such pool");
	return pool;
}

static struct tuple_lease_dump *
tuple_lease_dump_pool(struct tuple_net *tn, const struct nlattr *name,
		      bool stocked, struct netlink_ext_ack *extack)
{
	struct tuple_lease_dump *dump;
	struct tuple_pool *pool;

	lockdep_assert_held(&tn->mutex);
	pool = tuple_dump_find_pool(tn, name, extack);
	if (!pool)
		return ERR_PTR(-ENOENT);
	if (stocked && !pool->stocked) {
		NL_SET_ERR_MSG_ATTR(extack, name,
				    "the pool has addresses of its own");
		return ERR_PTR(-EINVAL);
	}
	dump = tuple_lease_dump_alloc(1);
	if (!dump)
		return ERR_PTR(-ENOMEM);
	if (tuple_pool_tryget(pool))
		dump->pools[dump->n_pools++] = pool;
	return dump;
}

/* @name: of the pool that the address is to be of, or NULL */
static struct tuple_lease_dump *
tuple_lease_dump_addr(struct tuple_net *tn, const struct nlattr *attr,
		      const struct nlattr *name,
		      struct netlink_ext_ack *extack)
{
	struct tuple_lease_dump *dump;
	struct in6_addr addr;
	int err;

	lockdep_assert_held(&tn->mutex);
	if (name && !tuple_dump_find_pool(tn, name, extack))
		return ERR_PTR(-ENOENT);
	err = tuple_msg_parse_addr(attr, &addr, extack);
	if (err)
		return ERR_PTR(err);
	dump = tuple_lease_dump_alloc(0);
	if (!dump)
		return ERR_PTR(-ENOMEM);
	dump->addr = addr;
	return dump;
}

int inet_tuple_nl_lease_get_start(struct netlink_callback *cb)
{
	struct tuple_net *tn = tuple_net(sock_net(cb->skb->sk));
	struct tuple_lease_dump_ctx *ctx = (void *)cb->ctx;
	struct nlattr **attrs = tuple_dump_attrs(cb);
	struct tuple_lease_dump *dump;

	mutex_lock(&tn->mutex);
	if (attrs[INET_TUPLE_A_LEASE_ADDR])
		dump = tuple_lease_dump_addr(tn, attrs[INET_TUPLE_A_LEASE_ADDR],
					     attrs[INET_TUPLE_A_LEASE_POOL],
					     cb->extack);
	else if (attrs[INET_TUPLE_A_LEASE_POOL])
		dump = tuple_lease_dump_pool(tn, attrs[INET_TUPLE_A_LEASE_POOL],
					     false, cb->extack);
	else
		dump = tuple_lease_dump_all(tn, false);
	mutex_unlock(&tn->mutex);
	if (IS_ERR(dump))
		return PTR_ERR(dump);

	dump->put = tuple_lease_dump_one;
	ctx->dump = dump;
	cb->min_dump_alloc =
		tuple_dump_room(tuple_msg_lease_size(TUPLE_MSG_SOCKETS_MAX));
	return 0;
}

int inet_tuple_nl_lease_get_done(struct netlink_callback *cb)
{
	struct tuple_lease_dump_ctx *ctx = (void *)cb->ctx;
	struct tuple_lease_dump *dump = ctx->dump;
	unsigned int i;

	if (dump->at < dump->n_pools) {
		struct tuple_pool *pool = dump->pools[dump->at];

		spin_lock_bh(&pool->lock);
		list_del_init(&dump->marker->list);
		spin_unlock_bh(&pool->lock);
	}
	for (i = 0; i < dump->n_pools; i++)
		tuple_pool_put(dump->pools[i]);
	kfree(dump->marker);
	kvfree(dump);
	return 0;
}

/* Go on in the present pool. Return: 0 at its end, -EMSGSIZE when the buffer
 * is full, -EAGAIN when others should have the lock for a while.
 */
static int tuple_lease_dump_batch(struct sk_buff *skb,
				  struct netlink_callback *cb,
				  struct tuple_lease_dump *dump,
				  const struct tuple_view *view)
{
	struct tuple_pool *pool = dump->pools[dump->at];
	struct tuple_lease *lease = dump->marker;
	struct list_head *marker = &lease->list;
	unsigned int n = 0;
	int err = 0;

	spin_lock_bh(&pool->lock);
	if (list_empty(marker))
		list_add(marker, &pool->leases);

	list_for_each_entry_continue(lease, &pool->leases, list) {
		if (n++ == TUPLE_DUMP_BATCH)
			err = -EAGAIN;
		else
			err = dump->put(skb, cb, lease, view);
		if (err)
			break;
	}
	if (err)
		list_move_tail(marker, &lease->list);
	else
		list_del_init(marker);
	spin_unlock_bh(&pool->lock);
	return err;
}

/* The dump with an address: that lease, or nothing */
static int tuple_lease_dump_by_addr(struct sk_buff *skb,
				    struct netlink_callback *cb,
				    struct tuple_lease_dump *dump,
				    const struct tuple_view *view)
{
	const struct nlattr *name =
		tuple_dump_attrs(cb)[INET_TUPLE_A_LEASE_POOL];
	const struct net *net = sock_net(cb->skb->sk);
	struct tuple_lease *lease;
	struct tuple_pool *pool;
	int err = 0;

	if (dump->at++)
		return 0;
	lease = tuple_lease_find_lock(net, &dump->addr, &pool);
	if (lease && (!name || !nla_strcmp(name, pool->name)))
		err = dump->put(skb, cb, lease, view);
	tuple_lease_unlock(pool);
	return skb->len ?: err;
}

static int tuple_lease_dump_some(struct sk_buff *skb,
				 struct netlink_callback *cb,
				 struct tuple_lease_dump *dump,
				 const struct tuple_view *view)
{
	int err;

	while (dump->at < dump->n_pools) {
		err = tuple_lease_dump_batch(skb, cb, dump, view);
		if (err == -EMSGSIZE)
			return skb->len ?: err;
		if (!err)
			dump->at++;
		cond_resched();
	}
	return skb->len;
}

int inet_tuple_nl_lease_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb)
{
	struct tuple_lease_dump_ctx *ctx = (void *)cb->ctx;
	struct tuple_view view = tuple_reader(cb->skb);

	if (tuple_dump_attrs(cb)[INET_TUPLE_A_LEASE_ADDR])
		return tuple_lease_dump_by_addr(skb, cb, ctx->dump, &view);
	return tuple_lease_dump_some(skb, cb, ctx->dump, &view);
}

/* Rules */

int inet_tuple_nl_rule_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tuple_net *tn = tuple_net(genl_info_net(info));
	struct tuple_view view = tuple_reader(skb);
	struct tuple_rule *rule;
	int err;

	err = tuple_msg_get_rule(info, view.user_ns, false, &rule);
	if (err)
		return err;
	mutex_lock(&tn->mutex);
	err = tuple_rule_add(tn, rule, info->extack);
	mutex_unlock(&tn->mutex);
	return err;
}

int inet_tuple_nl_rule_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tuple_net *tn = tuple_net(genl_info_net(info));
	struct tuple_view view = tuple_reader(skb);
	struct tuple_rule *like;
	int err;

	err = tuple_msg_get_rule(info, view.user_ns, true, &like);
	if (err)
		return err;
	mutex_lock(&tn->mutex);
	err = tuple_rule_del(tn, like, info->extack);
	mutex_unlock(&tn->mutex);
	tuple_rule_free(like);
	return err;
}

static int tuple_rule_dump_one(struct sk_buff *skb,
			       struct netlink_callback *cb,
			       const struct tuple_rule *rule,
			       const struct tuple_view *view)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &tuple_family, NLM_F_MULTI, INET_TUPLE_CMD_RULE_GET);
	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, hdr);
	if (tuple_msg_put_rule(skb, rule, view)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* A cgroup's path may be as long as a page, so a message may not fit into the
 * smallest buffer.
 */
int inet_tuple_nl_rule_get_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc =
		tuple_dump_room(nla_total_size(PATH_MAX) +
				nla_total_size(INET_TUPLE_NAMSIZ) +
				nla_total_size(sizeof(u32)) * 2);
	return 0;
}

int inet_tuple_nl_rule_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct tuple_net *tn = tuple_net(sock_net(cb->skb->sk));
	struct tuple_conf_dump *dump = (void *)cb->ctx;
	struct tuple_view view = tuple_reader(cb->skb);
	struct tuple_rule *rule;
	unsigned int i = 0;
	int err = 0;

	mutex_lock(&tn->mutex);
	cb->seq = tuple_dump_seq(tn->rule_seq);
	list_for_each_entry(rule, &tn->rules, list) {
		if (i++ < dump->at)
			continue;
		err = tuple_rule_dump_one(skb, cb, rule, &view);
		if (err)
			break;
		dump->at++;
	}
	mutex_unlock(&tn->mutex);
	return skb->len ?: err;
}

/* Addresses of pools of source dhcp */

static int tuple_addr_change(struct genl_info *info,
			     int (*change)(struct tuple_net *tn,
					   const struct tuple_stock_request *r,
					   struct netlink_ext_ack *extack))
{
	struct tuple_net *tn = tuple_net(genl_info_net(info));
	struct tuple_stock_request r = {};
	int err;

	err = tuple_msg_get_stock(info, &r);
	if (err)
		return err;
	mutex_lock(&tn->mutex);
	err = change(tn, &r, info->extack);
	mutex_unlock(&tn->mutex);
	return err;
}

int inet_tuple_nl_addr_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return tuple_addr_change(info, tuple_stock_set);
}

int inet_tuple_nl_addr_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return tuple_addr_change(info, tuple_stock_del);
}

int inet_tuple_nl_addr_get_start(struct netlink_callback *cb)
{
	const struct nlattr *name = tuple_dump_attrs(cb)[INET_TUPLE_A_ADDR_POOL];
	struct tuple_net *tn = tuple_net(sock_net(cb->skb->sk));
	struct tuple_lease_dump_ctx *ctx = (void *)cb->ctx;
	struct tuple_lease_dump *dump;

	mutex_lock(&tn->mutex);
	if (name)
		dump = tuple_lease_dump_pool(tn, name, true, cb->extack);
	else
		dump = tuple_lease_dump_all(tn, true);
	mutex_unlock(&tn->mutex);
	if (IS_ERR(dump))
		return PTR_ERR(dump);
	dump->put = tuple_stock_dump_one;
	ctx->dump = dump;
	return 0;
}

int inet_tuple_nl_addr_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct tuple_lease_dump_ctx *ctx = (void *)cb->ctx;
	struct tuple_view view = tuple_reader(cb->skb);

	return tuple_lease_dump_some(skb, cb, ctx->dump, &view);
}

int inet_tuple_nl_addr_get_done(struct netlink_callback *cb)
{
	return inet_tuple_nl_lease_get_done(cb);
}

/* Events */

static bool tuple_group_heard(struct net *net, unsigned int group)
{
	return READ_ONCE(tuple_family_up) &&
	       genl_has_listeners(&tuple_family, net, group);
}

static bool tuple_event_wanted(struct net *net)
{
	return tuple_group_heard(net, INET_TUPLE_NLGRP_EVENTS);
}

/* Who listens counts users as the namespace does; which processes it sees is
 * not known, so each is told by the number that it has for itself.
 */
static struct tuple_view tuple_listener(const struct net *net)
{
	return (struct tuple_view) { .user_ns = net->user_ns };
}

/* Listeners that miss an event are told so: ENOBUFS, as when their own buffer
 * is full, upon which they read everything anew.
 */
static void tuple_group_send(struct net *net, unsigned int group,
			     struct sk_buff *msg, gfp_t gfp)
{
	if (msg)
		genlmsg_multicast_netns(&tuple_family, net, msg, 0, group, gfp);
	else
		genl_set_err(&tuple_family, net, 0, group, -ENOBUFS);
}

static void tuple_event_send(struct net *net, struct sk_buff *msg, gfp_t gfp)
{
	tuple_group_send(net, INET_TUPLE_NLGRP_EVENTS, msg, gfp);
}

/**
 * tuple_netlink_pool_event - tell the listeners that a pool changed
 * @pool: it
 * @cmd: INET_TUPLE_CMD_POOL_*_NTF
 *
 * tn->mutex held, may sleep. Costs a test where nobody listens.
 */
void tuple_netlink_pool_event(struct tuple_pool *pool, u8 cmd)
{
	struct net *net = pool->tn->net;
	struct tuple_view view = tuple_listener(net);

	lockdep_assert_held(&pool->tn->mutex);
	if (tuple_event_wanted(net))
		tuple_event_send(net, tuple_pool_msg(pool, 0, 0, cmd, &view),
				 GFP_KERNEL);
}

static noinline void tuple_lease_event_send(struct tuple_lease *lease, u8 cmd,
					    int why)
{
	struct net *net = lease->pool->tn->net;
	struct tuple_view view = tuple_listener(net);

	tuple_event_send(net, tuple_lease_msg(lease, cmd, &view, why),
			 GFP_ATOMIC);
}

/**
 * tuple_netlink_lease_event - tell the listeners that a lease changed
 * @lease: it
 * @cmd: INET_TUPLE_CMD_LEASE_*_NTF
 * @why: positive errno with LEASE_FAIL_NTF, enum inet_tuple_reason with
 *	LEASE_DEL_NTF, else 0
 *
 * pool->lock held, atomic. Costs a test where nobody listens.
 */
void tuple_netlink_lease_event(struct tuple_lease *lease, u8 cmd, int why)
{
	lockdep_assert_held(&lease->pool->lock);
	if (unlikely(tuple_event_wanted(lease->pool->tn->net)))
		tuple_lease_event_send(lease, cmd, why);
}

/**
 * tuple_netlink_no_agent - tell the listeners that nobody gets addresses
 * @pool: of source dhcp, its lock held
 * @uid: of the socket that needed one
 *
 * Atomic.
 */
void tuple_netlink_no_agent(struct tuple_pool *pool, kuid_t uid)
{
	struct net *net = pool->tn->net;
	struct tuple_view view = tuple_listener(net);
	struct sk_buff *msg;
	void *hdr;

	lockdep_assert_held(&pool->lock);
	if (!tuple_event_wanted(net))
		return;
	msg = genlmsg_new(tuple_msg_lease_size(0), GFP_ATOMIC);
	if (msg) {
		hdr = genlmsg_put(msg, 0, 0, &tuple_family, 0,
				  INET_TUPLE_CMD_LEASE_FAIL_NTF);
		if (hdr &&
		    !nla_put_string(msg, INET_TUPLE_A_LEASE_POOL, pool->name) &&
		    !tuple_msg_put_dev(msg, INET_TUPLE_A_LEASE_IFINDEX, pool) &&
		    !nla_put_u32(msg, INET_TUPLE_A_LEASE_UID,
				 from_kuid_munged(view.user_ns, uid)) &&
		    !nla_put_u32(msg, INET_TUPLE_A_LEASE_ERROR,
				 EADDRNOTAVAIL) &&
		    !nla_put_u8(msg, INET_TUPLE_A_LEASE_REASON,
				INET_TUPLE_REASON_NO_AGENT)) {
			genlmsg_end(msg, hdr);
		} else {
			nlmsg_free(msg);
			msg = NULL;
		}
	}
	tuple_event_send(net, msg, GFP_ATOMIC);
}

/* Is there somebody who gets addresses for pools of source dhcp? */
bool tuple_netlink_has_agent(struct net *net)
{
	return tuple_group_heard(net, INET_TUPLE_NLGRP_AGENT);
}

static struct sk_buff *tuple_want_msg(struct tuple_pool *pool, u32 free,
				      u32 want)
{
	struct sk_buff *msg;
	void *hdr;

	msg = genlmsg_new(nla_total_size(INET_TUPLE_NAMSIZ) +
			  nla_total_size(IFNAMSIZ) +
			  nla_total_size(sizeof(u32)) * 3, GFP_ATOMIC);
	if (!msg)
		return NULL;
	hdr = genlmsg_put(msg, 0, 0, &tuple_family, 0,
			  INET_TUPLE_CMD_WANT_NTF);
	if (!hdr || nla_put_string(msg, INET_TUPLE_A_WANT_POOL, pool->name) ||
	    nla_put_string(msg, INET_TUPLE_A_WANT_DEV, pool->ifname) ||
	    tuple_msg_put_dev(msg, INET_TUPLE_A_WANT_IFINDEX, pool) ||
	    nla_put_u32(msg, INET_TUPLE_A_WANT_FREE, free) ||
	    nla_put_u32(msg, INET_TUPLE_A_WANT_WANT, want)) {
		nlmsg_free(msg);
		return NULL;
	}
	genlmsg_end(msg, hdr);
	return msg;
}

/**
 * tuple_netlink_want - ask the agent for addresses
 * @pool: of source dhcp, its lock held
 * @free: how many it has in stock
 * @want: how many more are wanted
 *
 * Atomic. Return: whether there was anybody to ask.
 */
bool tuple_netlink_want(struct tuple_pool *pool, u32 free, u32 want)
{
	struct net *net = pool->tn->net;

	lockdep_assert_held(&pool->lock);
	if (!tuple_netlink_has_agent(net))
		return false;
	tuple_group_send(net, INET_TUPLE_NLGRP_AGENT,
			 tuple_want_msg(pool, free, want), GFP_ATOMIC);
	return true;
}

/**
 * tuple_netlink_rule_event - tell the listeners that a rule came or went
 * @tn: its namespace, mutex held
 * @rule: it
 * @cmd: INET_TUPLE_CMD_RULE_*_NTF
 *
 * May sleep. Costs a test where nobody listens.
 */
void tuple_netlink_rule_event(struct tuple_net *tn, struct tuple_rule *rule,
			      u8 cmd)
{
	struct tuple_view view = tuple_listener(tn->net);
	struct sk_buff *msg;
	void *hdr;

	lockdep_assert_held(&tn->mutex);
	if (!tuple_event_wanted(tn->net))
		return;
	msg = genlmsg_new(tuple_msg_rule_size(rule), GFP_KERNEL);
	if (msg) {
		hdr = genlmsg_put(msg, 0, 0, &tuple_family, 0, cmd);
		if (hdr && !tuple_msg_put_rule(msg, rule, &view)) {
			genlmsg_end(msg, hdr);
		} else {
			nlmsg_free(msg);
			msg = NULL;
		}
	}
	tuple_event_send(tn->net, msg, GFP_KERNEL);
}

int tuple_netlink_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(struct tuple_conf_dump) >
		     sizeof_field(struct netlink_callback, ctx));
	err = genl_register_family(&tuple_family);
	if (!err)
		WRITE_ONCE(tuple_family_up, true);
	return err;
}

/* Requests and dumps are over when this returns, and no event is begun any
 * more. Pools and leases are still there, and tell nobody of their end.
 */
void tuple_netlink_uninit(void)
{
	WRITE_ONCE(tuple_family_up, false);
	genl_unregister_family(&tuple_family);
}
