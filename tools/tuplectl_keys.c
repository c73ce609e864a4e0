// SPDX-License-Identifier: GPL-2.0-only
/* The settings of a pool: one table to read, to print and to save them. */
#include <errno.h>
#include <string.h>
#include "tuplectl.h"

static const char *const plumb_words[] = { "address", "prefix", NULL };
static const char *const assign_words[] = { "create", "bind", NULL };
static const char *const order_words[] = {
	"sequential", "random", "lru", NULL
};
static const char *const default_words[] = {
	"off", "on", "inet", "inet6", NULL
};
static const char *const source_words[] = { "static", "dhcp", NULL };
static const char *const state_words[] = { "active", "draining", NULL };

/* Leases have one more, which cannot be given to a pool: see lease_line(). */
const char *const scope_words[] = {
	"socket", "process", "cgroup", "user", NULL
};

#define NONE32 UINT32_MAX

const struct key keys[] = {
	{ .name = "plumb", .attr = INET_TUPLE_A_POOL_PLUMB,
	  .words = plumb_words, .def = INET_TUPLE_PLUMB_ADDRESS },
	{ .name = "assign", .attr = INET_TUPLE_A_POOL_ASSIGN,
	  .words = assign_words, .def = INET_TUPLE_ASSIGN_CREATE },
	{ .name = "scope", .attr = INET_TUPLE_A_POOL_SCOPE,
	  .words = scope_words, .def = INET_TUPLE_SCOPE_SOCKET },
	{ .name = "order", .attr = INET_TUPLE_A_POOL_ORDER,
	  .words = order_words },
	{ .name = "quarantine", .attr = INET_TUPLE_A_POOL_QUARANTINE,
	  .special = "auto", .special_num = NONE32, .max = NONE32 - 1,
	  .def = NONE32 },
	/* not told where it cannot be: it is of plumbed addresses */
	{ .name = "warm", .attr = INET_TUPLE_A_POOL_WARM, .max = NONE32 },
	{ .name = "wait", .attr = INET_TUPLE_A_POOL_WAIT, .max = NONE32 },
	{ .name = "quota", .attr = INET_TUPLE_A_POOL_QUOTA,
	  .special = "unlimited", .special_num = NONE32, .max = NONE32 - 1,
	  .def = NONE32 },
	{ .name = "dscp", .attr = INET_TUPLE_A_POOL_DSCP, .special = "unset",
	  .special_num = 0xff, .max = 63, .def = 0xff, .dscp = true },
	{ .name = "priority", .attr = INET_TUPLE_A_POOL_PRIORITY,
	  .special = "unset", .special_num = NONE32, .max = NONE32 - 1,
	  .def = NONE32 },
	{ .name = "mark", .attr = INET_TUPLE_A_POOL_MARK, .special = "unset",
	  .special_num = 0, .max = NONE32, .def = 0, .hex = true },
	{ .name = "default", .attr = INET_TUPLE_A_POOL_DEFAULT,
	  .words = default_words, .context = true },
	{ .name = "source", .attr = INET_TUPLE_A_POOL_SOURCE,
	  .words = source_words, .def = INET_TUPLE_SOURCE_STATIC },
	/* told where the source is dhcp, and what is asked of it depends on both */
	{ .name = "low", .attr = INET_TUPLE_A_POOL_LOW, .max = NONE32,
	  .def = 2, .context = true },
	{ .name = "high", .attr = INET_TUPLE_A_POOL_HIGH, .max = NONE32,
	  .def = 8, .context = true },
	{ .name = "state", .attr = INET_TUPLE_A_POOL_STATE,
	  .words = state_words, .def = INET_TUPLE_STATE_ACTIVE },
};

const size_t n_keys = ARRAY_SIZE(keys);

const struct key *key_find(const char *name)
{
	size_t i;

	for (i = 0; i < n_keys; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

/* What the grammar calls an attribute of a pool, or NULL */
const char *key_name(int attr)
{
	size_t i;

	switch (attr) {
	case INET_TUPLE_A_POOL_NAME:
		return "name";
	case INET_TUPLE_A_POOL_DEV:
	case INET_TUPLE_A_POOL_IFINDEX:
		return "dev";
	case INET_TUPLE_A_POOL_PREFIX:
	case INET_TUPLE_A_POOL_PREFIX_DEL:
		return "prefix";
	case INET_TUPLE_A_POOL_EXCLUDE:
	case INET_TUPLE_A_POOL_EXCLUDE_DEL:
		return "exclude";
	case INET_TUPLE_A_POOL_USERS:
		return "users";
	}
	for (i = 0; i < n_keys; i++)
		if (keys[i].attr == attr)
			return keys[i].name;
	return NULL;
}

static const struct {
	const char *name;
	uint8_t num;
} dscps[] = {
	{ "cs0", 0 },	{ "df", 0 },	{ "le", 1 },	{ "cs1", 8 },
	{ "af11", 10 },	{ "af12", 12 },	{ "af13", 14 },	{ "cs2", 16 },
	{ "af21", 18 },	{ "af22", 20 },	{ "af23", 22 },	{ "cs3", 24 },
	{ "af31", 26 },	{ "af32", 28 },	{ "af33", 30 },	{ "cs4", 32 },
	{ "af41", 34 },	{ "af42", 36 },	{ "af43", 38 },	{ "cs5", 40 },
	{ "va", 44 },	{ "ef", 46 },	{ "cs6", 48 },	{ "cs7", 56 },
};

static int parse_dscp(const char *word, uint64_t *num)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dscps); i++) {
		if (!strcasecmp(dscps[i].name, word)) {
			*num = dscps[i].num;
			return 0;
		}
	}
	return -EINVAL;
}

int key_parse(const struct key *key, const char *word, uint64_t *num)
{
	size_t i;

	if (key->words) {
		for (i = 0; key->words[i]; i++) {
			if (!strcmp(key->words[i], word)) {
				*num = i;
				return 0;
			}
		}
		return -EINVAL;
	}

	if (key->special && !strcmp(key->special, word)) {
		*num = key->special_num;
		return 0;
	}
	if (key->dscp && !parse_dscp(word, num))
		return 0;
	return parse_num(word, key->max, num);
}

/* What may be given for a key, for an error message */
void key_choices(const struct key *key, char *buf, size_t size)
{
	size_t i, used = 0;

	if (!key->words) {
		snprintf(buf, size, "0 to %llu%s%s%s",
			 (unsigned long long)key->max,
			 key->dscp ? ", a name such as ef" : "",
			 key->special ? " or " : "",
			 key->special ? key->special : "");
		return;
	}

	buf[0] = '\0';
	for (i = 0; key->words[i] && used < size; i++)
		used += snprintf(buf + used, size - used, "%s%s",
				 !i ? "" : key->words[i + 1] ? ", " : " or ",
				 key->words[i]);
}

/* @buf: KEY_TEXT bytes. Return: the text, there or elsewhere. */
const char *key_text(const struct key *key, uint64_t num, char *buf)
{
	size_t n = 0;

	if (key->words) {
		while (key->words[n])
			n++;
		return word_or_num(key->words, n, num, buf, KEY_TEXT);
	}
	if (key->special && num == key->special_num)
		return key->special;
	snprintf(buf, KEY_TEXT, key->hex ? "%#llx" : "%llu",
		 (unsigned long long)num);
	return buf;
}
