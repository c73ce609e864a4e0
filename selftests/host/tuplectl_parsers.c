// SPDX-License-Identifier: GPL-2.0-only
/* The parsers and printers of tuplectl. */
#include <errno.h>
#include <stdlib.h>
#include "tuplectl.h"
#include "lib_tap.h"

static void test_numbers(void)
{
	static const struct {
		const char *word;
		uint64_t max;
		int err;
		uint64_t num;
	} cases[] = {
		{ "0", 10, 0, 0 },
		{ "10", 10, 0, 10 },
		{ "11", 10, -EINVAL, 0 },
		{ "0x1F", 100, 0, 31 },
		{ "010", 100, 0, 10 },
		{ "4294967295", UINT32_MAX, 0, UINT32_MAX },
		{ "18446744073709551616", UINT64_MAX, -EINVAL, 0 },
		{ "", 10, -EINVAL, 0 },
		{ "0x", 10, -EINVAL, 0 },
		{ "-1", UINT64_MAX, -EINVAL, 0 },
		{ "+1", 10, -EINVAL, 0 },
		{ " 1", 10, -EINVAL, 0 },
		{ "1k", 10, -EINVAL, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t num = 0;
		int err = parse_num(cases[i].word, cases[i].max, &num);

		ok(err == cases[i].err && num == cases[i].num, "number '%s'",
		   cases[i].word);
	}
}

/* A NULL @text: to be refused */
static void check_range(const char *word, const char *text)
{
	struct inet_tuple_prefix p;
	char buf[PREFIX_TEXT];
	int err = parse_range(word, &p);

	if (text)
		ok(!err && !strcmp(range_text(&p, buf), text), "range '%s'",
		   word);
	else
		ok(err == -EINVAL, "no range '%s'", word);
}

static void check_prefix(const char *word, const char *text)
{
	struct inet_tuple_prefix p;
	char buf[PREFIX_TEXT];
	int err = parse_prefix(word, &p);

	if (text)
		ok(!err && !strcmp(prefix_text(&p, buf), text), "prefix '%s'",
		   word);
	else
		ok(err == -EINVAL, "no prefix '%s'", word);
}

static void test_prefixes(void)
{
	check_prefix("10.0.0.0/24", "10.0.0.0/24");
	check_prefix("10.0.0.1", "10.0.0.1/32");
	check_prefix("10.0.0.1/24", "10.0.0.1/24");
	check_prefix("0.0.0.0/0", "0.0.0.0/0");
	check_prefix("fd00::/64", "fd00::/64");
	check_prefix("FD00:0::1", "fd00::1/128");
	check_prefix("10.0.0.0/33", NULL);
	check_prefix("fd00::/129", NULL);
	check_prefix("10.0.0/24", NULL);
	check_prefix("10.0.0.0/", NULL);
	check_prefix("10.0.0.0/-1", NULL);
	check_prefix("10.0.0.0/24/24", NULL);
	check_prefix("/24", NULL);
	check_prefix("", NULL);
	check_prefix("localhost", NULL);
	check_prefix("10.0.0.1-10.0.0.2", NULL);

	check_range("10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9");
	check_range("10.0.0.1-10.0.0.1", "10.0.0.1");
	check_range("10.0.0.1", "10.0.0.1");
	check_range("10.0.0.0/30", "10.0.0.0/30");
	check_range("fd00::1-fd00::ff", "fd00::1-fd00::ff");
	check_range("10.0.0.1-fd00::1", NULL);
	check_range("10.0.0.1-", NULL);
	check_range("-10.0.0.1", NULL);
	check_range("10.0.0.1-10.0.0.2-10.0.0.3", NULL);
	check_range("10.0.0.0/24-10.0.1.0/24", NULL);
	check_range("1111111111111111111111111111111111111111111111111111-1.2.3.4",
	      NULL);
}

static void check_users(const char *word, int err, uint32_t first, uint32_t last)
{
	struct inet_tuple_users u = { 0, 0 };
	int got = parse_users(word, &u);

	ok(got == err && (err || (u.first == first && u.last == last)),
	   "users '%s'", word);
}

static void test_users(void)
{
	uint64_t id;

	check_users("1000", 0, 1000, 1000);
	check_users("1000-2000", 0, 1000, 2000);
	check_users("0-4294967294", 0, 0, 4294967294u);
	check_users("all", 0, 1, 0);
	check_users("root", 0, 0, 0);
	check_users("2000-1000", -EINVAL, 0, 0);
	check_users("4294967295", -EINVAL, 0, 0);
	check_users("1000-", -EINVAL, 0, 0);
	check_users("-1000", -EINVAL, 0, 0);
	check_users("no such user", -EINVAL, 0, 0);
	check_users("", -EINVAL, 0, 0);
	ok(!parse_uid("root", &id) && id == 0, "uid root");
	ok(!parse_gid("root", &id) && id == 0, "gid root");
	ok(parse_gid("no such group", &id) == -EINVAL, "gid of none");
}

static void check_key(const char *name, const char *word, int err, uint64_t num,
		const char *text)
{
	const struct key *k = key_find(name);
	uint64_t got = 0;
	char buf[KEY_TEXT];
	int ret = k ? key_parse(k, word, &got) : -ENOENT;

	ok(ret == err && (err || got == num), "%s %s", name, word);
	if (!ret)
		ok(!strcmp(key_text(k, got, buf), text), "%s reads %s", name,
		   text);
}

static void test_keys(void)
{
	char buf[128];
	size_t i;

	check_key("plumb", "prefix", 0, INET_TUPLE_PLUMB_PREFIX, "prefix");
	check_key("assign", "bind", 0, INET_TUPLE_ASSIGN_BIND, "bind");
	check_key("scope", "user", 0, INET_TUPLE_SCOPE_USER, "user");
	check_key("scope", "id", -EINVAL, 0, NULL);
	check_key("order", "lru", 0, INET_TUPLE_ORDER_LRU, "lru");
	check_key("order", "LRU", -EINVAL, 0, NULL);
	check_key("quarantine", "auto", 0, UINT32_MAX, "auto");
	check_key("quarantine", "60000", 0, 60000, "60000");
	check_key("quarantine", "4294967295", -EINVAL, 0, NULL);
	check_key("wait", "4294967295", 0, UINT32_MAX, "4294967295");
	check_key("quota", "unlimited", 0, UINT32_MAX, "unlimited");
	check_key("dscp", "ef", 0, 46, "46");
	check_key("dscp", "AF41", 0, 34, "34");
	check_key("dscp", "cs5", 0, 40, "40");
	check_key("dscp", "0x3f", 0, 63, "63");
	check_key("dscp", "64", -EINVAL, 0, NULL);
	check_key("dscp", "255", -EINVAL, 0, NULL);
	check_key("dscp", "unset", 0, 0xff, "unset");
	check_key("priority", "unset", 0, UINT32_MAX, "unset");
	check_key("mark", "0x10", 0, 16, "0x10");
	check_key("mark", "unset", 0, 0, "unset");
	check_key("default", "on", 0, INET_TUPLE_DEFAULT_ON, "on");
	check_key("default", "inet", 0, INET_TUPLE_DEFAULT_INET, "inet");
	check_key("default", "inet6", 0, INET_TUPLE_DEFAULT_INET6, "inet6");
	check_key("default", "yes", -EINVAL, 0, NULL);
	check_key("source", "dhcp", 0, INET_TUPLE_SOURCE_DHCP, "dhcp");
	check_key("state", "draining", 0, INET_TUPLE_STATE_DRAINING, "draining");
	check_key("colour", "red", -ENOENT, 0, NULL);

	ok(!strcmp(key_text(key_find("order"), 9, buf), "9"),
	   "a word that is not known is a number");
	key_choices(key_find("order"), buf, sizeof(buf));
	ok(!strcmp(buf, "sequential, random or lru"), "choices of order");
	key_choices(key_find("quota"), buf, sizeof(buf));
	ok(!strcmp(buf, "0 to 4294967294 or unlimited"), "choices of quota");
	for (i = 0; i < n_keys; i++)
		if (strcmp(key_name(keys[i].attr), keys[i].name))
			break;
	ok(i == n_keys, "keys are found by their attributes");
}

/* @want: the words with a bar behind each */
static void check_split(const char *line, int err, const char *want)
{
	struct words w = { .v = NULL };
	char *copy = strdup(line), got[256] = "";
	const char *what;
	int ret, i;

	ret = split_words(copy, &w, &what);
	for (i = 0; !ret && i < w.n; i++) {
		strcat(got, w.v[i]);
		strcat(got, "|");
	}
	ok(ret == err && (err || (!strcmp(got, want) && (!w.n || !w.v[w.n]))),
	   "split %.*s", (int)strcspn(line, "\t\r\n"), line);
	free(w.v);
	free(copy);
}

static void test_words(void)
{
	static const char *const words[] = {
		"plain", "", "two words", "\"", "\\", "it's", "#", "a#b",
		"/user.slice/a b", "\\x\"", "tab\there", "+10.0.0.1",
	};
	struct words w = { .v = NULL };
	const char *what;
	char *text;
	size_t size, i;
	FILE *f;

	check_split("", 0, "");
	check_split("   \t\r\n", 0, "");
	check_split("# a comment", 0, "");
	check_split("a b  c", 0, "a|b|c|");
	check_split("  a b # c", 0, "a|b|");
	check_split("a#b", 0, "a#b|");
	check_split("'a b' \"c d\"", 0, "a b|c d|");
	check_split("a'b c'd", 0, "ab cd|");
	check_split("''", 0, "|");
	check_split("\\# \\\" 'a\\b' \"a\\\"b\"", 0, "#|\"|a\\b|a\"b|");
	check_split("'open", -EINVAL, NULL);
	check_split("a \"open", -EINVAL, NULL);

	f = open_memstream(&text, &size);
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		print_word(f, words[i]);
		putc(' ', f);
	}
	fclose(f);
	ok(!split_words(text, &w, &what) && w.n == ARRAY_SIZE(words),
	   "words that were printed");
	for (i = 0; i < (size_t)w.n && !strcmp(w.v[i], words[i]); i++)
		;
	ok(i == ARRAY_SIZE(words), "are read as they were");
	free(w.v);
	free(text);
}

static bool no_memory;

/* reallocarray() of the command (ld --wrap) */
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return no_memory ? NULL : __real_reallocarray(p, n, size);
}

/* As with -f a batch goes on behind a line that there is no memory for */
static void test_memory(void)
{
	char few[] = "a b c", many[2 * 40 + 1], again[2 * 40 + 1];
	struct words w = { .v = NULL };
	const char *what;
	size_t i;

	for (i = 0; i < sizeof(many) - 1; i++)
		many[i] = i % 2 ? ' ' : 'a';
	many[i] = '\0';
	memcpy(again, many, sizeof(many));

	ok(!split_words(few, &w, &what) && w.n == 3, "a few words");
	no_memory = true;
	ok(split_words(many, &w, &what) == -ENOMEM, "no memory for many");
	no_memory = false;
	ok(!split_words(again, &w, &what) && w.n == 40 && !w.v[40],
	   "then there is");
	free(w.v);
}

static void test_json(void)
{
	struct json j = { .depth = 0 };
	char *text;
	size_t size;

	j.f = open_memstream(&text, &size);
	json_item(&j);
	json_str(&j, "a\"b", "c\\d\n\x01");
	json_str(&j, "utf8", "\xc3\xa9\xff\xc3");
	json_str(&j, "none", NULL);
	json_num(&j, "num", ~0ULL);
	json_bool(&j, "yes", true);
	json_begin(&j, "list", '[');
	json_num(&j, NULL, 1);
	json_begin(&j, NULL, '[');
	json_end(&j, ']');
	json_end(&j, ']');
	json_end(&j, '}');
	json_item(&j);
	json_end(&j, '}');
	json_list_end(&j, 0);
	fclose(j.f);
	ok(!strcmp(text,
		   "[{\"a\\\"b\":\"c\\\\d\\u000a\\u0001\",\"utf8\":\"\xc3\xa9\\ufffd\\ufffd\",\"none\":null,\"num\":18446744073709551615,\"yes\":true,\"list\":[1,[]]},\n{}]\n"),
	   "JSON");
	free(text);

	j.f = open_memstream(&text, &size);
	json_list_end(&j, -EIO);
	json_list_end(&j, 0);
	fclose(j.f);
	ok(!strcmp(text, "[]\n"), "an empty list, and none after an error");
	free(text);
}

int main(void)
{
	test_numbers();
	test_prefixes();
	test_users();
	test_keys();
	test_words();
	test_memory();
	test_json();
	return tap_done();
}
