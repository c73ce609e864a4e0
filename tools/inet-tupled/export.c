// SPDX-License-Identifier: GPL-2.0-only
/* The leases of this host, static or not, in maps of the packet filter and to
 * the programs in the folder of hooks.
 *
 * What counts is what is so now: an address is looked at when something about it
 * has changed, and what the maps and the hooks were last told is kept beside it.
 * So nothing queues up that nobody needs, however quickly leases come and go.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "export.h"

#define GAP		10	/* ms between two changes of the maps */
#define RETRY		5000	/* after one that was refused */
#define AT_ONCE		1024	/* messages, before something else has its turn */
#define LIMIT		10000	/* for a hook */

/* Of whom it is, and what follows from that */
struct tag {
	char pool[INET_TUPLE_NAMSIZ];
	struct qos qos;
};

/**
 * struct leased - an address
 * @addr: first, for the tree
 * @held: it is leased, or rests, and @tag is true
 * @round: when it was last seen in the list of all
 * @reason: why its sockets left it, INET_TUPLE_REASON_*
 * @mapped: it is in the maps, with @in_maps
 * @told: the hooks were told to add it, with @in_hooks
 * @running: and are being told
 * @to_map, @to_tell: it is in the queue for that
 */
struct leased {
	struct inet_tuple_addr addr;
	struct export *e;
	struct tag tag;
	bool held;
	uint8_t reason;
	uint32_t round;
	bool mapped;
	bool told;
	bool running;
	bool to_map;
	bool to_tell;
	struct qos in_maps;
	struct tag in_hooks;
	TAILQ_ENTRY(leased) map_list;
	TAILQ_ENTRY(leased) tell_list;
};

TAILQ_HEAD(leased_list, leased);

struct pool_tag {
	LIST_ENTRY(pool_tag) list;
	struct tag tag;
};

LIST_HEAD(pool_tags, pool_tag);

/**
 * struct export - the part of the daemon that tells of leases
 * @h: a connection of its own, with the events of leases and pools
 * @maps: somebody wants the maps; @rules: where they are
 * @tell: there are hooks
 * @ready: these know that it begins
 * @leases: by address
 * @pools: what they say of packets
 * @round: how often the list of all was looked at
 * @to_map, @to_tell: leases about which the maps, the hooks are behind
 * @rebuild: the maps are to be filled anew
 * @flush: when the maps are to be changed; MACHINE_NEVER: they are as they should be
 * @earliest: when they may be
 * @sync: when the list of all is to be looked at; MACHINE_NEVER: never
 */
struct export {
	struct tupled *t;
	struct inet_tuple_handle *h;
	struct source events;
	bool maps;
	struct ruleset rules;
	bool tell;
	struct hooks hooks;
	bool ready;
	void *leases;
	struct pool_tags pools;
	uint32_t round;
	struct leased_list to_map;
	struct leased_list to_tell;
	bool rebuild;
	uint64_t flush;
	uint64_t earliest;
	uint64_t sync;
};

static const struct qos qos_unset = {
	QOS_DSCP_UNSET, QOS_PRIORITY_UNSET, QOS_MARK_UNSET
};

/* Good until the next call */
const char *export_addr_str(const struct inet_tuple_addr *addr)
{
	static char buf[INET6_ADDRSTRLEN];

	inet_ntop(addr->family, addr->bytes, buf, sizeof(buf));
	return buf;
}

static bool same_qos(const struct qos *a, const struct qos *b)
{
	return a->dscp == b->dscp && a->priority == b->priority &&
	       a->mark == b->mark;
}

static bool same_tag(const struct tag *a, const struct tag *b)
{
	return !strcmp(a->pool, b->pool) && same_qos(&a->qos, &b->qos);
}

/* The tree */

static int compare(const void *one, const void *two)
{
	return memcmp(one, two, sizeof(struct inet_tuple_addr));
}

static struct leased *find(struct export *e, const struct inet_tuple_addr *addr)
{
	struct leased **node = tfind(addr, &e->leases, compare);

	return node ? *node : NULL;
}

static struct leased *find_or_add(struct export *e,
				  const struct inet_tuple_addr *addr)
{
	struct leased *l = find(e, addr);

	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->addr = *addr;
	l->e = e;
	if (!tsearch(l, &e->leases, compare)) {
		free(l);
		return NULL;
	}
	return l;
}

/* Forget one about which there is nothing more to tell. */
static void settle(struct leased *l)
{
	if (l->held || l->mapped || l->told || l->running || l->to_map ||
	    l->to_tell)
		return;
	tdelete(l, &l->e->leases, compare);
	free(l);
}

static void flush_soon(struct export *e)
{
	if (e->flush == MACHINE_NEVER)
		e->flush = e->earliest;
}

static void queue_map(struct leased *l)
{
	if (l->to_map)
		return;
	l->to_map = true;
	TAILQ_INSERT_TAIL(&l->e->to_map, l, map_list);
}

/* Of one that the hooks are being told of the next thing is told then. */
static void queue_tell(struct leased *l)
{
	if (l->to_tell || l->running)
		return;
	l->to_tell = true;
	TAILQ_INSERT_TAIL(&l->e->to_tell, l, tell_list);
}

/* Something is different: have it told. */
static void touch(struct leased *l)
{
	if (l->e->maps) {
		queue_map(l);
		flush_soon(l->e);
	}
	if (l->e->tell)
		queue_tell(l);
}

/* What the kernel says of pools */

static struct pool_tag *pool_tag(struct export *e, const char *name)
{
	struct pool_tag *p;

	LIST_FOREACH(p, &e->pools, list)
		if (!strcmp(p->tag.pool, name))
			return p;
	return NULL;
}

static void forget_pool(struct pool_tag *p)
{
	LIST_REMOVE(p, list);
	free(p);
}

/* Nothing may leave the tree while it is walked: who is touched stays. */
static void retag(const void *node, VISIT visit, void *arg)
{
	struct leased *l = *(struct leased *const *)node;
	const struct pool_tag *p = arg;

	if ((visit != postorder && visit != leaf) || !l->held ||
	    same_tag(&l->tag, &p->tag) || strcmp(l->tag.pool, p->tag.pool))
		return;
	l->tag = p->tag;
	touch(l);
}

static uint32_t number(const struct inet_tuple_obj *obj, int attr, uint32_t unset)
{
	uint64_t num = unset;

	inet_tuple_obj_num(obj, attr, &num);
	return num;
}

static int on_pool(const struct inet_tuple_obj *obj, void *arg)
{
	const char *name = inet_tuple_obj_str(obj, INET_TUPLE_A_POOL_NAME);
	struct qos qos = {
		number(obj, INET_TUPLE_A_POOL_DSCP, QOS_DSCP_UNSET),
		number(obj, INET_TUPLE_A_POOL_PRIORITY, QOS_PRIORITY_UNSET),
		number(obj, INET_TUPLE_A_POOL_MARK, QOS_MARK_UNSET),
	};
	struct export *e = arg;
	struct pool_tag *p;

	if (!name || strlen(name) >= INET_TUPLE_NAMSIZ)
		return 0;
	p = pool_tag(e, name);
	if (p && same_qos(&p->tag.qos, &qos))
		return 0;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		strcpy(p->tag.pool, name);
		LIST_INSERT_HEAD(&e->pools, p, list);
	}
	p->tag.qos = qos;
	twalk_r(e->leases, retag, p);
	return 0;
}

/* And of leases */

static int lease_addr(const struct inet_tuple_obj *obj,
		      struct inet_tuple_addr *addr)
{
	struct inet_tuple_addr in;
	int err;

	err = inet_tuple_obj_addr(obj, INET_TUPLE_A_LEASE_ADDR, &in);
	if (err)
		return err;
	memset(addr, 0, sizeof(*addr));
	addr->family = in.family;
	memcpy(addr->bytes, in.bytes, in.family == AF_INET ? 4 : 16);
	return 0;
}

static int on_lease(const struct inet_tuple_obj *obj, void *arg)
{
	const char *name = inet_tuple_obj_str(obj, INET_TUPLE_A_LEASE_POOL);
	struct export *e = arg;
	struct inet_tuple_addr addr;
	const struct pool_tag *p;
	struct leased *l;
	struct tag tag;

	if (!name || strlen(name) >= INET_TUPLE_NAMSIZ ||
	    lease_addr(obj, &addr))
		return 0;
	l = find_or_add(e, &addr);
	if (!l)
		return -ENOMEM;
	memset(&tag, 0, sizeof(tag));
	strcpy(tag.pool, name);
	p = pool_tag(e, name);
	tag.qos = p ? p->tag.qos : qos_unset;
	l->round = e->round;
	if (l->held && same_tag(&l->tag, &tag))
		return 0;
	l->held = true;
	l->reason = INET_TUPLE_REASON_CLOSED;
	l->tag = tag;
	touch(l);
	return 0;
}

static void on_end(struct export *e, const struct inet_tuple_obj *obj, bool freed)
{
	struct inet_tuple_addr addr;
	struct leased *l;

	if (lease_addr(obj, &addr))
		return;
	l = find(e, &addr);
	if (!l || !l->held)
		return;
	if (!freed) {
		l->reason = number(obj, INET_TUPLE_A_LEASE_REASON,
				   INET_TUPLE_REASON_CLOSED);
		return;
	}
	l->held = false;
	touch(l);
	if (l->to_tell && !l->told && !l->running) {
		TAILQ_REMOVE(&e->to_tell, l, tell_list);
		l->to_tell = false;
	}
	settle(l);
}

static int on_event(int event, const struct inet_tuple_obj *obj, void *arg)
{
	struct export *e = arg;
	struct pool_tag *p;
	const char *name;

	switch (event) {
	case INET_TUPLE_CMD_POOL_NEW_NTF:
	case INET_TUPLE_CMD_POOL_SET_NTF:
		return on_pool(obj, e);
	case INET_TUPLE_CMD_POOL_DEL_NTF:
		name = inet_tuple_obj_str(obj, INET_TUPLE_A_POOL_NAME);
		p = name ? pool_tag(e, name) : NULL;
		if (p)
			forget_pool(p);
		return 0;
	case INET_TUPLE_CMD_LEASE_NEW_NTF:
		return on_lease(obj, e);
	case INET_TUPLE_CMD_LEASE_DEL_NTF:
	case INET_TUPLE_CMD_LEASE_FREE_NTF:
		on_end(e, obj, event == INET_TUPLE_CMD_LEASE_FREE_NTF);
		return 0;
	default:
		return 0;
	}
}

static void drop_unseen(const void *node, VISIT visit, void *arg)
{
	struct leased *l = *(struct leased *const *)node;
	const struct export *e = arg;

	if ((visit != postorder && visit != leaf) || !l->held ||
	    l->round == e->round)
		return;
	l->held = false;
	touch(l);
}

static int look_at_all(struct export *e)
{
	int err;

	e->round++;
	err = inet_tuple_pool_list(e->h, on_pool, e);
	if (!err)
		err = inet_tuple_lease_list(e->h, NULL, NULL, on_lease, e);
	if (!err)
		twalk_r(e->leases, drop_unseen, e);
	e->sync = err ? e->t->now + RETRY : MACHINE_NEVER;
	return err;
}

/* Where events were lost, older ones may be left: what they tell must not come
 * after what the list does.
 */
static void events_ready(struct source *src)
{
	struct export *e = (struct export *)((char *)src -
					     offsetof(struct export, events));
	bool lost = false;
	unsigned int n = 0;
	int err;

	do {
		err = inet_tuple_events_read(e->h, on_event, e);
		lost = lost || (err && err != -EAGAIN && err != -EINTR);
	} while (err != -EAGAIN && (lost || ++n < AT_ONCE));
	if (!lost)
		return;
	say_more("events were lost");
	err = look_at_all(e);
	if (err)
		say("cannot look at the leases: %s", strerror(-err));
}

/* The maps: one for each value and family, with an element for each address whose
 * pool has that value.
 */

static const struct {
	const char *name;
	const char *type;
} values[] = {
	{ "mark", "mark" },
	{ "priority", "classid" },
	{ "dscp", "mark" },	/* rules set no DSCP by a map */
};

static const struct {
	uint16_t family;
	char digit;
	const char *type;
	uint8_t not_in;
} keys[] = {
	{ AF_INET, '4', "ipv4_addr", NFPROTO_IPV6 },
	{ AF_INET6, '6', "ipv6_addr", NFPROTO_IPV4 },
};

/* False: it has none. */
static bool value_text(const struct qos *qos, unsigned int v, char text[16])
{
	switch (v) {
	case 0:
		snprintf(text, 16, "0x%x", qos->mark);
		return qos->mark != QOS_MARK_UNSET;
	case 1:
		snprintf(text, 16, "%x:%x", qos->priority >> 16,
			 qos->priority & 0xffff);
		return qos->priority != QOS_PRIORITY_UNSET;
	default:
		snprintf(text, 16, "%u", qos->dscp);
		return qos->dscp != QOS_DSCP_UNSET;
	}
}

/* All that changes in one map, as one command */
static void put_elements(FILE *f, const struct export *e, unsigned int v,
			 unsigned int k, bool add)
{
	const char *comma = NULL;
	const struct leased *l;
	char is[16], was[16];
	bool new, old;

	TAILQ_FOREACH(l, &e->to_map, map_list) {
		if (l->addr.family != keys[k].family)
			continue;
		new = l->held && value_text(&l->tag.qos, v, is);
		old = l->mapped && value_text(&l->in_maps, v, was);
		if (!(add ? new : old) || (new && old && !strcmp(is, was)))
			continue;
		if (!comma)
			fprintf(f, "%s element %s %s %s%c {",
				add ? "add" : "delete", e->rules.family,
				e->rules.table, values[v].name, keys[k].digit);
		fprintf(f, "%s %s", comma ? comma : "",
			export_addr_str(&l->addr));
		if (add)
			fprintf(f, " : %s", is);
		comma = ",";
	}
	if (comma)
		fputs(" }\n", f);
}

static void make_map(FILE *f, const struct ruleset *r, unsigned int v,
		     unsigned int k)
{
	fprintf(f, "add map %s %s %s%c { type %s : %s; }\n", r->family,
		r->table, values[v].name, keys[k].digit, keys[k].type,
		values[v].type);
}

static void empty_map(FILE *f, const struct export *e, unsigned int v,
		      unsigned int k)
{
	fprintf(f, "flush map %s %s %s%c\n", e->rules.family, e->rules.table,
		values[v].name, keys[k].digit);
}

/* Where all is built anew, a map is made if it is not there, and emptied if it is. */
static void change_map(FILE *f, const struct export *e, unsigned int v,
		       unsigned int k)
{
	if (e->rebuild) {
		make_map(f, &e->rules, v, k);
		empty_map(f, e, v, k);
	}
	put_elements(f, e, v, k, false);
	put_elements(f, e, v, k, true);
}

/* The commands that @put has for each map that the table may have; NULL: no
 * memory. @make: and one for the table, before them.
 */
static char *commands(const struct export *e, bool make,
		      void (*put)(FILE *f, const struct export *e,
				  unsigned int v, unsigned int k))
{
	const struct ruleset *r = &e->rules;
	unsigned int v, k;
	char *text = NULL;
	size_t size;
	FILE *f;

	f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	if (make)
		fprintf(f, "add table %s %s\n", r->family, r->table);
	for (v = 0; v < ARRAY_SIZE(values); v++)
		for (k = 0; k < ARRAY_SIZE(keys); k++)
			if (r->number != keys[k].not_in)
				put(f, e, v, k);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

/* That nothing is in the maps */
static void unmap(const void *node, VISIT visit, void *arg)
{
	struct leased *l = *(struct leased *const *)node;

	(void)arg;
	if (visit != postorder && visit != leaf)
		return;
	l->mapped = false;
	queue_map(l);
}

static int change_maps(struct export *e)
{
	struct leased *l;
	char *text;
	int err;

	if (e->rebuild)
		twalk_r(e->leases, unmap, NULL);
	text = commands(e, e->rebuild, change_map);
	e->earliest = e->t->now + GAP;
	e->flush = MACHINE_NEVER;
	e->rebuild = false;
	err = text ? 0 : -ENOMEM;
	if (text && *text)
		err = ruleset_run(&e->rules, text);
	free(text);
	if (err) {
		e->earliest = e->t->now + RETRY;
		e->flush = e->earliest;
		e->rebuild = true;
	}
	while (!err && (l = TAILQ_FIRST(&e->to_map))) {
		TAILQ_REMOVE(&e->to_map, l, map_list);
		l->to_map = false;
		l->mapped = l->held;
		l->in_maps = l->tag.qos;
		settle(l);
	}
	return err;
}

static void on_gone(struct ruleset *r)
{
	struct export *e = (struct export *)((char *)r -
					     offsetof(struct export, rules));

	say_more("%s table %s: a map is gone", r->family, r->table);
	e->rebuild = true;
	flush_soon(e);
}

/* Who makes an end of it leaves the maps to the rules that look into them. */
static void empty_maps(struct export *e)
{
	char *text = commands(e, false, empty_map);

	if (text)
		ruleset_run(&e->rules, text);
	free(text);
}

/* The hooks */

static void on_told(void *arg)
{
	struct leased *l = arg;

	l->running = false;
	if (l->held != l->told ||
	    (l->held && !same_tag(&l->tag, &l->in_hooks)))
		queue_tell(l);
	settle(l);
}

static void tell_of(struct leased *l)
{
	static const char *const reasons[] = {
		[INET_TUPLE_REASON_CLOSED]	= "closed",
		[INET_TUPLE_REASON_KILLED]	= "killed",
		[INET_TUPLE_REASON_WITHDRAWN]	= "withdrawn",
		[INET_TUPLE_REASON_EXPIRED]	= "expired",
	};
	struct hook_event event = { .addr = &l->addr };

	TAILQ_REMOVE(&l->e->to_tell, l, tell_list);
	l->to_tell = false;
	if (l->held && (!l->told || !same_tag(&l->tag, &l->in_hooks))) {
		event.event = "add";
		l->in_hooks = l->tag;
	} else if (!l->held && l->told) {
		event.event = "del";
		if (l->reason < ARRAY_SIZE(reasons))
			event.reason = reasons[l->reason];
	} else {
		settle(l);
		return;
	}
	l->told = l->held;
	event.pool = l->in_hooks.pool;
	event.qos = l->in_hooks.qos;
	l->running = true;
	hooks_run(&l->e->hooks, &event, on_told, l);
}

static void on_ready(void *arg)
{
	struct export *e = arg;

	e->ready = true;
}

/* The whole of it */

static int open_all(struct export *e, struct tupled *t)
{
	int err, fd;

	err = inet_tuple_handle_open(&e->h, NULL);
	if (err)
		return err;
	fd = inet_tuple_events_fd(e->h);
	if (fd < 0)
		return fd;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	e->events = (struct source){ fd, events_ready };
	err = watch(t, &e->events);
	if (!err && e->maps)
		err = ruleset_open(&e->rules, t);
	return err ? err : look_at_all(e);
}

/**
 * export_open - begin to tell of leases, where somebody wants to know
 * @t: the daemon
 * @table: what ruleset_parse() takes: where the maps are to be; NULL: nowhere
 * @hooks: the folder of hooks
 *
 * Return: 0; -EINVAL: @table is none; another -errno, and then the log has the
 * reason.
 */
int export_open(struct tupled *t, const char *table, const char *hooks)
{
	static const struct hook_event start = { .event = "start" };
	struct export *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	e->t = t;
	e->maps = table;
	e->rules.gone = on_gone;
	e->rules.news.fd = -1;
	e->hooks = (struct hooks){ .t = t, .dir = hooks, .limit_ms = LIMIT };
	e->tell = hooks_any(&e->hooks);
	e->flush = MACHINE_NEVER;
	e->sync = MACHINE_NEVER;
	TAILQ_INIT(&e->to_map);
	TAILQ_INIT(&e->to_tell);
	if (!e->maps && !e->tell) {
		free(e);
		return 0;
	}
	t->export = e;
	if (table && ruleset_parse(&e->rules, table))
		return -EINVAL;
	err = open_all(e, t);
	if (err) {
		say("cannot look at the leases: %s", strerror(-err));
		return err;
	}
	e->rebuild = e->maps;
	if (e->maps && change_maps(e))
		return -EIO;
	if (e->tell)
		hooks_run(&e->hooks, &start, on_ready, e);
	return 0;
}

/* What is due */
void export_run(struct tupled *t)
{
	struct export *e = t->export;
	struct leased *l;

	if (!e)
		return;
	if (t->now >= e->sync)
		look_at_all(e);
	if (t->now >= e->flush)
		change_maps(e);
	hooks_timers(&e->hooks);
	while (e->ready && hooks_free(&e->hooks) &&
	       (l = TAILQ_FIRST(&e->to_tell)))
		tell_of(l);
}

uint64_t export_deadline(const struct tupled *t)
{
	const struct export *e = t->export;
	uint64_t next, hooks;

	if (!e)
		return MACHINE_NEVER;
	next = e->flush < e->sync ? e->flush : e->sync;
	hooks = hooks_deadline(&e->hooks);
	return hooks < next ? hooks : next;
}

/**
 * export_end - the daemon ends
 * @t: the daemon
 * @empty: for good: the maps are emptied, and the hooks told so
 *
 * Otherwise all stays, for the next daemon, which begins with what is so then.
 */
void export_end(struct tupled *t, bool empty)
{
	static const struct hook_event stop = { .event = "stop" };
	struct export *e = t->export;
	struct pool_tag *p;

	if (!e)
		return;
	if (e->rules.ctx && empty)
		empty_maps(e);
	hooks_wait(&e->hooks);
	if (e->ready && empty) {
		hooks_run(&e->hooks, &stop, NULL, NULL);
		hooks_wait(&e->hooks);
	}
	if (e->maps)
		ruleset_close(&e->rules);
	inet_tuple_handle_close(e->h);
	while ((p = LIST_FIRST(&e->pools)))
		forget_pool(p);
	tdestroy(e->leases, free);
	free(e);
	t->export = NULL;
}
