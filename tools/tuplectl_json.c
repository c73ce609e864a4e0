// SPDX-License-Identifier: GPL-2.0-only
/* A writer of JSON that keeps nothing but how deep it is in. */
#include <string.h>
#include "tuplectl.h"

/* How many bytes at @s are one valid UTF-8 character; 0: they are none */
static int utf8_len(const unsigned char *s)
{
	int n, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] < 0xe0)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] < 0xf0)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] < 0xf5)
		n = 4;
	else
		return 0;

	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void put_escaped(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	int n;

	putc('"', f);
	while (*s) {
		n = utf8_len(s);
		if (!n) {
			fputs("\\ufffd", f);
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			fprintf(f, "\\%c", *s);
		} else if (*s < 0x20 || *s == 0x7f) {
			fprintf(f, "\\u%04x", *s);
		} else {
			fwrite(s, 1, n, f);
		}
		s += n;
	}
	putc('"', f);
}

/* What comes before a value. The elements of the outermost array have a line
 * each.
 */
static void put_key(struct json *j, const char *key)
{
	if (j->more[j->depth])
		fputs(j->depth == 1 && !key ? ",\n" : ",", j->f);
	j->more[j->depth] = true;
	if (key) {
		put_escaped(j->f, key);
		putc(':', j->f);
	}
}

/* @key: NULL in an array, as everywhere here; @bracket: '{' or '[' */
void json_begin(struct json *j, const char *key, char bracket)
{
	put_key(j, key);
	putc(bracket, j->f);
	if (j->depth + 1 < (int)ARRAY_SIZE(j->more))
		j->depth++;
	j->more[j->depth] = false;
}

/* @bracket: '}' or ']'. The outermost ends the line. */
void json_end(struct json *j, char bracket)
{
	putc(bracket, j->f);
	j->depth--;
	if (!j->depth) {
		putc('\n', j->f);
		j->more[0] = false;
	}
}

/* An object in an array that begins with the first */
void json_item(struct json *j)
{
	if (!j->depth)
		json_begin(j, NULL, '[');
	json_begin(j, NULL, '{');
}

/* The end of that array. It may be empty, but what failed is no array. */
void json_list_end(struct json *j, int err)
{
	if (!j->depth && !err)
		json_begin(j, NULL, '[');
	if (j->depth)
		json_end(j, ']');
}

/* @val: NULL is null */
void json_str(struct json *j, const char *key, const char *val)
{
	if (!val) {
		json_null(j, key);
		return;
	}
	put_key(j, key);
	put_escaped(j->f, val);
}

void json_num(struct json *j, const char *key, uint64_t val)
{
	put_key(j, key);
	fprintf(j->f, "%llu", (unsigned long long)val);
}

void json_bool(struct json *j, const char *key, bool val)
{
	put_key(j, key);
	fputs(val ? "true" : "false", j->f);
}

void json_null(struct json *j, const char *key)
{
	put_key(j, key);
	fputs("null", j->f);
}

/* Attributes of an object: null where they are absent */
void json_obj_num(struct json *j, const char *key,
		  const struct inet_tuple_obj *obj, int attr)
{
	uint64_t num;

	if (inet_tuple_obj_num(obj, attr, &num))
		json_null(j, key);
	else
		json_num(j, key, num);
}

void json_obj_str(struct json *j, const char *key,
		  const struct inet_tuple_obj *obj, int attr)
{
	json_str(j, key, inet_tuple_obj_str(obj, attr));
}

void json_obj_addr(struct json *j, const char *key,
		   const struct inet_tuple_obj *obj, int attr)
{
	struct inet_tuple_addr addr;
	char buf[ADDR_TEXT];

	if (inet_tuple_obj_addr(obj, attr, &addr))
		json_null(j, key);
	else
		json_str(j, key, addr_text(&addr, buf));
}
