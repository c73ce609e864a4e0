// SPDX-License-Identifier: GPL-2.0-only
/* tuplectl pool, and what of save is about pools. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tuplectl.h"

/* Reading the grammar */

static int no_memory(const struct tuplectl *t)
{
	return failed(t, -ENOMEM);
}

/* prefix P and exclude P of add; prefix +P|-P and exclude +A|-A of set */
static int add_ranges(struct tuplectl *t, struct inet_tuple_obj *pool,
		      bool exclude, bool set, const char *word)
{
	int attr = exclude ? INET_TUPLE_A_POOL_EXCLUDE :
			     INET_TUPLE_A_POOL_PREFIX;
	const char *name = exclude ? "exclude" : "prefix";
	struct inet_tuple_prefix range;
	const char *rest = word;

	if (set) {
		if (*word != '+' && *word != '-')
			return wrong(t, "%s: '%s' needs a + to be added, a - to be taken away",
				     name, word);
		if (*word == '-')
			attr = exclude ? INET_TUPLE_A_POOL_EXCLUDE_DEL :
					 INET_TUPLE_A_POOL_PREFIX_DEL;
		rest++;
	}
	if (exclude ? parse_range(rest, &range) : parse_prefix(rest, &range))
		return wrong(t, "%s: '%s' is not %s", name, word,
			     exclude ? "an address, a range or a prefix" :
				       "a prefix");
	if (inet_tuple_obj_add_prefix(pool, attr, &range))
		return no_memory(t);
	return DONE;
}

static int add_users(struct tuplectl *t, struct inet_tuple_obj *pool,
		     const char *word)
{
	const int attr = INET_TUPLE_A_POOL_USERS;
	struct inet_tuple_users users, first;

	if (parse_users(word, &users))
		return wrong(t, "users: '%s' is not a user, a range of uids or all",
			     word);
	if (!inet_tuple_obj_users(pool, attr, 0, &first) &&
	    (users.first > users.last || first.first > first.last))
		return wrong(t, "users: '%s' contradicts another users", word);
	if (inet_tuple_obj_add_users(pool, attr, &users))
		return no_memory(t);
	return DONE;
}

static int add_key(struct tuplectl *t, struct inet_tuple_obj *pool,
		   const struct key *key, const char *word)
{
	char choices[128];
	uint64_t num;

	if (inet_tuple_obj_has(pool, key->attr))
		return wrong(t, "'%s' is given twice", key->name);
	if (key_parse(key, word, &num)) {
		key_choices(key, choices, sizeof(choices));
		return wrong(t, "%s: '%s' is not %s", key->name, word,
			     choices);
	}
	if (inet_tuple_obj_set_num(pool, key->attr, num))
		return no_memory(t);
	return DONE;
}

static int add_dev(struct tuplectl *t, struct inet_tuple_obj *pool,
		   bool set, const char *word)
{
	if (set)
		return wrong(t, "'dev' of a pool cannot be changed");
	if (inet_tuple_obj_has(pool, INET_TUPLE_A_POOL_DEV))
		return wrong(t, "'dev' is given twice");
	if (inet_tuple_obj_set_str(pool, INET_TUPLE_A_POOL_DEV, word))
		return no_memory(t);
	return DONE;
}

static int add_word(struct tuplectl *t, struct inet_tuple_obj *pool, bool set,
		    const char *word, const char *value)
{
	const struct key *key = key_find(word);
	bool exclude = !strcmp(word, "exclude");
	bool prefix = !strcmp(word, "prefix");
	bool users = !strcmp(word, "users");
	bool dev = !strcmp(word, "dev");

	if (!key && !exclude && !prefix && !users && !dev)
		return wrong(t, "'%s' is not a setting of a pool", word);
	if (!value)
		return wrong(t, "'%s' needs a value", word);
	if (exclude || prefix)
		return add_ranges(t, pool, exclude, set, value);
	if (users)
		return add_users(t, pool, value);
	if (dev)
		return add_dev(t, pool, set, value);
	return add_key(t, pool, key, value);
}

static bool is_dhcp(const struct inet_tuple_obj *pool)
{
	return obj_num(pool, INET_TUPLE_A_POOL_SOURCE, 0) ==
	       INET_TUPLE_SOURCE_DHCP;
}

static int parse_pool(struct tuplectl *t, int argc, char **argv, bool set,
		      struct inet_tuple_obj *pool)
{
	int status;
	int i;

	if (!argc)
		return wrong(t, "the name of the pool is missing");
	if (inet_tuple_obj_set_str(pool, INET_TUPLE_A_POOL_NAME, argv[0]))
		return no_memory(t);

	for (i = 1; i < argc; i += 2) {
		status = add_word(t, pool, set, argv[i],
				  i + 1 < argc ? argv[i + 1] : NULL);
		if (status != DONE)
			return status;
	}

	if (set)
		return argc > 1 ? DONE : wrong(t, "nothing to set");
	if (!inet_tuple_obj_has(pool, INET_TUPLE_A_POOL_DEV))
		return wrong(t, "'dev' is missing");
	if (!inet_tuple_obj_has(pool, INET_TUPLE_A_POOL_PREFIX) &&
	    !is_dhcp(pool))
		return wrong(t, "'prefix' is missing");
	return DONE;
}

/* Replacing: what the words do not say is as in a pool that is new */

/* A pool that was asked for an order has to be told this one, since it cannot
 * be told to have none. Where families differ it is that of IPv4.
 */
static uint64_t default_order(const struct inet_tuple_obj *pool)
{
	const unsigned int lru_max = 20;	/* bits of address */
	uint64_t order = INET_TUPLE_ORDER_LRU;
	struct inet_tuple_prefix p;
	unsigned int i;

	for (i = 0; !inet_tuple_obj_prefix(pool, INET_TUPLE_A_POOL_PREFIX, i,
					   &p); i++) {
		if (p.addr.family == AF_INET)
			return INET_TUPLE_ORDER_LRU;
		if (p.len < 128 - lru_max)
			order = INET_TUPLE_ORDER_RANDOM;
	}
	return order;
}

/* @have: the pool as it is. Return: whether it has to be told @num. Which pool
 * is the default one depends on the others, and stays.
 */
static bool default_num(const struct inet_tuple_obj *pool,
			const struct inet_tuple_obj *have,
			const struct key *key, uint64_t *num)
{
	const uint64_t dhcp_wait = 5000;
	uint64_t other;

	*num = key->def;
	switch (key->attr) {
	case INET_TUPLE_A_POOL_DEFAULT:
		return false;
	case INET_TUPLE_A_POOL_ORDER:
		*num = default_order(pool);
		return inet_tuple_obj_has(have, INET_TUPLE_A_POOL_ORDER_SET);
	case INET_TUPLE_A_POOL_WARM:
		return !is_dhcp(pool);
	case INET_TUPLE_A_POOL_WAIT:
		if (is_dhcp(pool))
			*num = dhcp_wait;
		return true;
	case INET_TUPLE_A_POOL_LOW:
		other = obj_num(pool, INET_TUPLE_A_POOL_HIGH, *num);
		if (*num > other)
			*num = other;
		return is_dhcp(pool);
	case INET_TUPLE_A_POOL_HIGH:
		other = obj_num(pool, INET_TUPLE_A_POOL_LOW, *num);
		if (*num < other)
			*num = other;
		return is_dhcp(pool);
	}
	return true;
}

static int take_away(struct inet_tuple_obj *pool,
		     const struct inet_tuple_obj *have, int attr, int del)
{
	struct inet_tuple_prefix p;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && !inet_tuple_obj_prefix(have, attr, i, &p); i++)
		err = inet_tuple_obj_add_prefix(pool, del, &p);
	return err;
}

/* Make of what pool add takes what pool set takes. All ranges that the pool has
 * are taken away before those are added that it is to have: where these are the
 * same, nothing happens to them.
 */
static int make_change(struct inet_tuple_obj *pool,
		       const struct inet_tuple_obj *have)
{
	const struct inet_tuple_users all = { .first = 1, .last = 0 };
	uint64_t num;
	int err = 0;
	size_t i;

	for (i = 0; !err && i < n_keys; i++)
		if (!inet_tuple_obj_has(pool, keys[i].attr) &&
		    default_num(pool, have, &keys[i], &num))
			err = inet_tuple_obj_set_num(pool, keys[i].attr, num);
	if (!err && !inet_tuple_obj_has(pool, INET_TUPLE_A_POOL_USERS))
		err = inet_tuple_obj_add_users(pool, INET_TUPLE_A_POOL_USERS,
					       &all);
	if (!err)
		err = take_away(pool, have, INET_TUPLE_A_POOL_PREFIX,
				INET_TUPLE_A_POOL_PREFIX_DEL);
	if (!err)
		err = take_away(pool, have, INET_TUPLE_A_POOL_EXCLUDE,
				INET_TUPLE_A_POOL_EXCLUDE_DEL);
	return err;
}

static int replace(struct inet_tuple_handle *h, struct inet_tuple_obj *pool)
{
	struct inet_tuple_obj *have;
	int err;

	err = inet_tuple_pool_get(h, obj_str(pool, INET_TUPLE_A_POOL_NAME),
				  &have);
	if (err == -ENOENT)
		return inet_tuple_pool_add(h, pool);
	if (err)
		return err;
	err = make_change(pool, have);
	inet_tuple_obj_free(have);
	return err ? err : inet_tuple_pool_set(h, pool);
}

enum pool_change { ADD, REPLACE, SET };

static int request(struct tuplectl *t, enum pool_change way,
		   struct inet_tuple_obj *pool)
{
	switch (way) {
	case ADD:
		return inet_tuple_pool_add(t->h, pool);
	case REPLACE:
		return replace(t->h, pool);
	default:
		return inet_tuple_pool_set(t->h, pool);
	}
}

static int change(struct tuplectl *t, int argc, char **argv, enum pool_change way)
{
	struct inet_tuple_obj *pool;
	int status;
	int err;

	pool = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);
	if (!pool)
		return no_memory(t);

	status = parse_pool(t, argc, argv, way == SET, pool);
	if (status == DONE)
		status = need_handle(t);
	if (status == DONE) {
		err = request(t, way, pool);
		if (err)
			status = refused_obj(t, err, pool);
	}
	inet_tuple_obj_free(pool);
	return status;
}

static int pool_add(struct tuplectl *t, int argc, char **argv)
{
	return change(t, argc, argv, t->replace ? REPLACE : ADD);
}

static int pool_replace(struct tuplectl *t, int argc, char **argv)
{
	return change(t, argc, argv, REPLACE);
}

static int pool_set(struct tuplectl *t, int argc, char **argv)
{
	return change(t, argc, argv, SET);
}

static int pool_del(struct tuplectl *t, int argc, char **argv)
{
	bool force = argc == 2 && !strcmp(argv[1], "force");
	int status;
	int err;

	if (!argc)
		return wrong(t, "the name of the pool is missing");
	if (argc > 1 && !force)
		return wrong(t, "'%s' is not understood",
			     argv[strcmp(argv[1], "force") ? 1 : 2]);

	status = need_handle(t);
	if (status != DONE)
		return status;
	err = inet_tuple_pool_del(t->h, argv[0], force);
	return err ? refused(t, err) : DONE;
}

/* Showing */

static void print_ranges(const struct inet_tuple_obj *pool, int attr,
			 const char *name, const char *indent)
{
	struct inet_tuple_prefix p;
	char buf[PREFIX_TEXT];
	unsigned int i;

	for (i = 0; !inet_tuple_obj_prefix(pool, attr, i, &p); i++)
		printf("%s%s %s", i ? " " : indent, name,
		       attr == INET_TUPLE_A_POOL_PREFIX ?
		       prefix_text(&p, buf) : range_text(&p, buf));
}

static bool all_users(const struct inet_tuple_obj *pool)
{
	struct inet_tuple_users u;

	return inet_tuple_obj_users(pool, INET_TUPLE_A_POOL_USERS, 0, &u) ||
	       u.first > u.last;
}

static void print_users(const struct inet_tuple_obj *pool)
{
	const int attr = INET_TUPLE_A_POOL_USERS;
	struct inet_tuple_users u;
	unsigned int i;

	for (i = 0; !inet_tuple_obj_users(pool, attr, i, &u); i++) {
		printf(" users %u", u.first);
		if (u.last != u.first)
			printf("-%u", u.last);
	}
}

static void print_count(const struct inet_tuple_obj *pool, const char *name,
			int attr)
{
	uint64_t num;

	if (!inet_tuple_obj_num(pool, attr, &num))
		printf(" %s %llu", name, (unsigned long long)num);
}

/* Name, device and counts: what fits a line */
void pool_line(const struct inet_tuple_obj *pool)
{
	print_text(stdout, obj_str(pool, INET_TUPLE_A_POOL_NAME));
	printf(" dev ");
	print_text(stdout, obj_str(pool, INET_TUPLE_A_POOL_DEV));
	if (!obj_num(pool, INET_TUPLE_A_POOL_IFINDEX, 1))
		printf(" (gone)");
	print_count(pool, "total", INET_TUPLE_A_POOL_TOTAL);
	print_count(pool, "in_use", INET_TUPLE_A_POOL_IN_USE);
	print_count(pool, "quarantined", INET_TUPLE_A_POOL_QUARANTINED);
}

static int show_text(const struct inet_tuple_obj *pool, void *arg)
{
	char buf[KEY_TEXT];
	uint64_t num;
	size_t i;

	(void)arg;
	pool_line(pool);
	print_ranges(pool, INET_TUPLE_A_POOL_PREFIX, "prefix", "\n    ");
	print_ranges(pool, INET_TUPLE_A_POOL_EXCLUDE, "exclude", "\n    ");
	printf("\n   ");
	for (i = 0; i < n_keys; i++)
		if (!inet_tuple_obj_num(pool, keys[i].attr, &num))
			printf(" %s %s", keys[i].name,
			       key_text(&keys[i], num, buf));
	if (all_users(pool))
		printf(" users all");
	else
		print_users(pool);
	putchar('\n');
	return 0;
}

static void ranges_json(struct json *j, const char *key,
			const struct inet_tuple_obj *pool, int attr)
{
	struct inet_tuple_prefix p;
	char buf[PREFIX_TEXT];
	unsigned int i;

	json_begin(j, key, '[');
	for (i = 0; !inet_tuple_obj_prefix(pool, attr, i, &p); i++)
		json_str(j, NULL, attr == INET_TUPLE_A_POOL_PREFIX ?
			 prefix_text(&p, buf) : range_text(&p, buf));
	json_end(j, ']');
}

/* null: all */
static void users_json(struct json *j, const struct inet_tuple_obj *pool)
{
	const int attr = INET_TUPLE_A_POOL_USERS;
	struct inet_tuple_users u;
	unsigned int i;

	if (all_users(pool)) {
		json_null(j, "users");
		return;
	}
	json_begin(j, "users", '[');
	for (i = 0; !inet_tuple_obj_users(pool, attr, i, &u); i++) {
		json_begin(j, NULL, '{');
		json_num(j, "first", u.first);
		json_num(j, "last", u.last);
		json_end(j, '}');
	}
	json_end(j, ']');
}

/* Words become strings; auto, unlimited and unset become null. Whether it is the
 * default pool is true or false, or the family of which only it is.
 */
static void key_json(struct json *j, const struct key *key,
		     const struct inet_tuple_obj *pool)
{
	char buf[KEY_TEXT];
	uint64_t num;

	if (inet_tuple_obj_num(pool, key->attr, &num))
		json_null(j, key->name);
	else if (key->attr == INET_TUPLE_A_POOL_DEFAULT &&
		 num <= INET_TUPLE_DEFAULT_ON)
		json_bool(j, key->name, num);
	else if (key->words)
		json_str(j, key->name, key_text(key, num, buf));
	else if (key->special && num == key->special_num)
		json_null(j, key->name);
	else
		json_num(j, key->name, num);
}

/* The members of an object that the caller opened */
void pool_json(struct json *j, const struct inet_tuple_obj *pool)
{
	size_t i;

	json_obj_str(j, "name", pool, INET_TUPLE_A_POOL_NAME);
	json_obj_str(j, "dev", pool, INET_TUPLE_A_POOL_DEV);
	json_obj_num(j, "ifindex", pool, INET_TUPLE_A_POOL_IFINDEX);
	ranges_json(j, "prefixes", pool, INET_TUPLE_A_POOL_PREFIX);
	ranges_json(j, "excludes", pool, INET_TUPLE_A_POOL_EXCLUDE);
	json_obj_num(j, "total", pool, INET_TUPLE_A_POOL_TOTAL);
	json_obj_num(j, "in_use", pool, INET_TUPLE_A_POOL_IN_USE);
	json_obj_num(j, "quarantined", pool, INET_TUPLE_A_POOL_QUARANTINED);
	for (i = 0; i < n_keys; i++)
		key_json(j, &keys[i], pool);
	users_json(j, pool);
}

static int show_json(const struct inet_tuple_obj *pool, void *arg)
{
	struct json *j = arg;

	json_item(j);
	pool_json(j, pool);
	json_end(j, '}');
	return 0;
}

static int show_one(struct tuplectl *t, const char *name, inet_tuple_cb cb,
		    struct json *j)
{
	struct inet_tuple_obj *pool;
	int err;

	err = inet_tuple_pool_get(t->h, name, &pool);
	if (err)
		return refused(t, err);
	cb(pool, j);
	if (t->json)
		json_list_end(j, 0);
	inet_tuple_obj_free(pool);
	return DONE;
}

static int pool_show(struct tuplectl *t, int argc, char **argv)
{
	inet_tuple_cb cb = t->json ? show_json : show_text;
	struct json j = { .f = stdout };
	int status;
	int err;

	if (argc > 1)
		return wrong(t, "'%s' is not understood", argv[1]);
	status = need_handle(t);
	if (status != DONE)
		return status;
	if (argc)
		return show_one(t, argv[0], cb, &j);

	err = inet_tuple_pool_list(t->h, cb, &j);
	if (t->json)
		json_list_end(&j, err);
	return err ? refused(t, err) : DONE;
}

#define SETTINGS \
	"        [plumb address|prefix] [assign create|bind]\n" \
	"        [scope socket|process|cgroup|user]\n" \
	"        [order sequential|random|lru] [quarantine MS|auto] [warm MS]\n" \
	"        [wait MS] [quota N|unlimited] [users UID|UID-UID|all]...\n" \
	"        [dscp N|NAME|unset] [priority N|unset] [mark N|unset]\n" \
	"        [default on|off|inet|inet6] [source static|dhcp] [low N] [high N]\n" \
	"        [state active|draining]\n"

const struct command pool_commands[] = {
	{ "show", "list", "pool show [NAME]\n", pool_show, key_name },
	{ "add", NULL,
	  "pool add NAME dev DEV prefix P... [exclude A|A-B|P]...\n" SETTINGS
	  "       tuplectl pool add NAME dev DEV source dhcp ...\n",
	  pool_add, key_name },
	{ "replace", NULL, "pool replace NAME dev DEV ...   (as pool add)\n",
	  pool_replace, key_name },
	{ "set", NULL,
	  "pool set NAME [prefix +P|-P]... [exclude +A|-A]...\n" SETTINGS,
	  pool_set, key_name },
	{ "del", "delete", "pool del NAME [force]\n", pool_del, key_name },
	{ .name = NULL },
};

/* Pools that are to be looked at together */

int pools_add(const struct inet_tuple_obj *pool, void *arg)
{
	struct pools *pools = arg;
	void *more;

	more = reallocarray(pools->v, pools->n + 1, sizeof(*pools->v));
	if (!more)
		return -ENOMEM;
	pools->v = more;
	pools->v[pools->n++] = inet_tuple_obj_ref(pool);
	return 0;
}

void pools_free(struct pools *pools)
{
	while (pools->n)
		inet_tuple_obj_free((void *)pools->v[--pools->n]);
	free(pools->v);
}

/* save */

/* Whether a pool made without the word would have another value. Which pool is
 * the default one depends on the others; what order it has, on its addresses;
 * how long it waits, on their source.
 */
static bool save_key(const struct inet_tuple_obj *pool, const struct key *key,
		     uint64_t num)
{
	if (key->attr == INET_TUPLE_A_POOL_ORDER)
		return inet_tuple_obj_has(pool, INET_TUPLE_A_POOL_ORDER_SET);
	if (key->attr == INET_TUPLE_A_POOL_WAIT && is_dhcp(pool))
		return true;
	return key->context || num != key->def;
}

/* What a pool of the kernel may lack, and none is made without. Those made in
 * sysfs begin with nothing.
 */
static const char *pool_lacks(const struct inet_tuple_obj *pool)
{
	if (!inet_tuple_obj_has(pool, INET_TUPLE_A_POOL_DEV))
		return "device";
	if (!inet_tuple_obj_has(pool, INET_TUPLE_A_POOL_PREFIX) &&
	    !is_dhcp(pool))
		return "prefix";
	return NULL;
}

static void save_pool(const struct inet_tuple_obj *pool)
{
	const char *lacks = pool_lacks(pool);
	char buf[KEY_TEXT];
	uint64_t num;
	size_t i;

	printf("%spool add ", lacks ? "# " : "");
	print_word(stdout, obj_str(pool, INET_TUPLE_A_POOL_NAME));
	if (inet_tuple_obj_has(pool, INET_TUPLE_A_POOL_DEV)) {
		printf(" dev ");
		print_word(stdout, obj_str(pool, INET_TUPLE_A_POOL_DEV));
	}
	print_ranges(pool, INET_TUPLE_A_POOL_PREFIX, "prefix", " ");
	print_ranges(pool, INET_TUPLE_A_POOL_EXCLUDE, "exclude", " ");
	for (i = 0; i < n_keys; i++)
		if (!inet_tuple_obj_num(pool, keys[i].attr, &num) &&
		    save_key(pool, &keys[i], num))
			printf(" %s %s", keys[i].name,
			       key_text(&keys[i], num, buf));
	if (!all_users(pool))
		print_users(pool);
	if (lacks)
		printf("   # no %s", lacks);
	putchar('\n');
}

static const struct inet_tuple_obj *pools_find(const struct pools *pools,
					       const char *name)
{
	size_t i;

	for (i = 0; i < pools->n; i++)
		if (!strcmp(obj_str(pools->v[i], INET_TUPLE_A_POOL_NAME), name))
			return pools->v[i];
	return NULL;
}

/* A rule outlives its pool, but none is made without one: that is a comment. */
static int save_rule(const struct inet_tuple_obj *rule, void *arg)
{
	const struct inet_tuple_obj *pool;
	const char *why = "";

	pool = pools_find(arg, obj_str(rule, INET_TUPLE_A_RULE_POOL));
	if (!pool)
		why = "   # no such pool";
	else if (pool_lacks(pool))
		why = "   # pool not saved";
	printf("%srule add ", *why ? "# " : "");
	rule_words(rule);
	puts(why);
	return 0;
}

/* Print commands that make the pools and rules anew, in their order */
int save(struct tuplectl *t, int argc, char **argv)
{
	struct pools pools = { .n = 0 };
	int status;
	size_t i;
	int err;

	if (argc)
		return wrong(t, "'%s' is not understood", argv[0]);
	status = need_handle(t);
	if (status != DONE)
		return status;
	err = inet_tuple_pool_list(t->h, pools_add, &pools);
	for (i = 0; i < pools.n; i++)
		save_pool(pools.v[i]);
	if (!err)
		err = inet_tuple_rule_list(t->h, save_rule, &pools);
	pools_free(&pools);
	return err ? refused(t, err) : DONE;
}
