// SPDX-License-Identifier: GPL-2.0-only
/* tuplectl rule. */
#include <errno.h>
#include <string.h>
#include "tuplectl.h"

#define CGROUP_MOUNT "/sys/fs/cgroup"

static const char *rule_attr_name(int attr)
{
	switch (attr) {
	case INET_TUPLE_A_RULE_POOL:
		return "pool";
	case INET_TUPLE_A_RULE_UID:
		return "uid";
	case INET_TUPLE_A_RULE_GID:
		return "gid";
	case INET_TUPLE_A_RULE_CGROUP:
		return "cgroup";
	default:
		return NULL;
	}
}

static int rule_attr(const char *word)
{
	const char *name;
	int attr;

	for (attr = 1; attr <= INET_TUPLE_A_RULE_MAX; attr++) {
		name = rule_attr_name(attr);
		if (name && !strcmp(word, name))
			return attr;
	}
	return 0;
}

/* The kernel counts from the root of cgroup2: take away where it is mounted */
static const char *cgroup_path(const char *path)
{
	size_t len = strlen(CGROUP_MOUNT);

	if (strncmp(path, CGROUP_MOUNT, len))
		return path;
	if (!path[len])
		return "/";
	return path[len] == '/' ? path + len : path;
}

static int add_word(struct tuplectl *t, struct inet_tuple_obj *rule,
		    const char *word, const char *value)
{
	int attr = rule_attr(word);
	uint64_t num;
	int err;

	if (!attr)
		return wrong(t, "'%s' is not understood", word);
	if (!value)
		return wrong(t, "'%s' needs a value", word);
	if (inet_tuple_obj_has(rule, attr))
		return wrong(t, "'%s' is given twice", word);

	switch (attr) {
	case INET_TUPLE_A_RULE_UID:
		if (parse_uid(value, &num))
			return wrong(t, "uid: '%s' is not a user", value);
		err = inet_tuple_obj_set_num(rule, attr, num);
		break;
	case INET_TUPLE_A_RULE_GID:
		if (parse_gid(value, &num))
			return wrong(t, "gid: '%s' is not a group", value);
		err = inet_tuple_obj_set_num(rule, attr, num);
		break;
	case INET_TUPLE_A_RULE_CGROUP:
		err = inet_tuple_obj_set_str(rule, attr, cgroup_path(value));
		break;
	default:
		err = inet_tuple_obj_set_str(rule, attr, value);
		break;
	}
	return err ? failed(t, err) : DONE;
}

static int parse_rule(struct tuplectl *t, int argc, char **argv,
		      struct inet_tuple_obj *rule)
{
	int status;
	int i;

	for (i = 0; i < argc; i += 2) {
		status = add_word(t, rule, argv[i],
				  i + 1 < argc ? argv[i + 1] : NULL);
		if (status != DONE)
			return status;
	}

	if (!inet_tuple_obj_has(rule, INET_TUPLE_A_RULE_POOL))
		return wrong(t, "'pool' is missing");
	if (!inet_tuple_obj_has(rule, INET_TUPLE_A_RULE_UID) &&
	    !inet_tuple_obj_has(rule, INET_TUPLE_A_RULE_GID) &&
	    !inet_tuple_obj_has(rule, INET_TUPLE_A_RULE_CGROUP))
		return wrong(t, "one of 'uid', 'gid', 'cgroup' is missing");
	return DONE;
}

static int change(struct tuplectl *t, int argc, char **argv,
		  int (*request)(struct inet_tuple_handle *h,
				 const struct inet_tuple_obj *rule))
{
	struct inet_tuple_obj *rule;
	int status;
	int err;

	rule = inet_tuple_obj_alloc(INET_TUPLE_RULE_OBJ);
	if (!rule)
		return failed(t, -ENOMEM);
	status = parse_rule(t, argc, argv, rule);
	if (status == DONE)
		status = need_handle(t);
	if (status == DONE) {
		err = request(t->h, rule);
		if (err && !(err == -EEXIST && t->replace))
			status = refused(t, err);
	}
	inet_tuple_obj_free(rule);
	return status;
}

static int rule_add(struct tuplectl *t, int argc, char **argv)
{
	return change(t, argc, argv, inet_tuple_rule_add);
}

static int rule_del(struct tuplectl *t, int argc, char **argv)
{
	return change(t, argc, argv, inet_tuple_rule_del);
}

/* In the words of rule add */
void rule_words(const struct inet_tuple_obj *rule)
{
	const char *cgroup = inet_tuple_obj_str(rule,
						INET_TUPLE_A_RULE_CGROUP);
	uint64_t num;

	if (!inet_tuple_obj_num(rule, INET_TUPLE_A_RULE_UID, &num))
		printf("uid %llu ", (unsigned long long)num);
	if (!inet_tuple_obj_num(rule, INET_TUPLE_A_RULE_GID, &num))
		printf("gid %llu ", (unsigned long long)num);
	if (cgroup) {
		printf("cgroup ");
		print_word(stdout, cgroup);
		putchar(' ');
	}
	printf("pool ");
	print_word(stdout, obj_str(rule, INET_TUPLE_A_RULE_POOL));
}

/* The members of an object that the caller opened */
void rule_json(struct json *j, const struct inet_tuple_obj *rule)
{
	json_obj_num(j, "uid", rule, INET_TUPLE_A_RULE_UID);
	json_obj_num(j, "gid", rule, INET_TUPLE_A_RULE_GID);
	json_obj_str(j, "cgroup", rule, INET_TUPLE_A_RULE_CGROUP);
	json_obj_str(j, "pool", rule, INET_TUPLE_A_RULE_POOL);
}

static int show_text(const struct inet_tuple_obj *rule, void *arg)
{
	(void)arg;
	rule_words(rule);
	putchar('\n');
	return 0;
}

static int show_json(const struct inet_tuple_obj *rule, void *arg)
{
	struct json *j = arg;

	json_item(j);
	rule_json(j, rule);
	json_end(j, '}');
	return 0;
}

static int rule_show(struct tuplectl *t, int argc, char **argv)
{
	struct json j = { .f = stdout };
	int status;
	int err;

	if (argc)
		return wrong(t, "'%s' is not understood", argv[0]);
	status = need_handle(t);
	if (status != DONE)
		return status;

	err = inet_tuple_rule_list(t->h, t->json ? show_json : show_text, &j);
	if (t->json)
		json_list_end(&j, err);
	return err ? refused(t, err) : DONE;
}

#define RULE "[uid U] [gid G] [cgroup PATH] pool NAME\n"

const struct command rule_commands[] = {
	{ "show", "list", "rule show\n", rule_show, rule_attr_name },
	{ "add", NULL, "rule add " RULE, rule_add, rule_attr_name },
	{ "del", "delete", "rule del " RULE, rule_del, rule_attr_name },
	{ .name = NULL },
};
