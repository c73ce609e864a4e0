// SPDX-License-Identifier: GPL-2.0-only
/* Words to numbers, addresses and ranges of them, and back. */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include "tuplectl.h"

/* Decimal, or hexadecimal after 0x; no signs, no spaces, no octal */
int parse_num(const char *word, uint64_t max, uint64_t *num)
{
	bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
	const char *digits = hex ? word + 2 : word;
	const char *valid = hex ? "0123456789abcdefABCDEF" : "0123456789";
	unsigned long long n;

	if (!*digits || digits[strspn(digits, valid)])
		return -EINVAL;
	errno = 0;
	n = strtoull(digits, NULL, hex ? 16 : 10);
	if (errno || n > max)
		return -EINVAL;
	*num = n;
	return 0;
}

int parse_addr(const char *word, struct inet_tuple_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = strchr(word, ':') ? AF_INET6 : AF_INET;
	return inet_pton(addr->family, word, addr->bytes) == 1 ? 0 : -EINVAL;
}

static unsigned int addr_bits(const struct inet_tuple_addr *addr)
{
	return addr->family == AF_INET6 ? 128 : 32;
}

/* The part of a word up to @at, as an address */
static int parse_addr_part(const char *word, const char *at,
			   struct inet_tuple_addr *addr)
{
	char part[ADDR_TEXT];
	size_t len = at - word;

	if (len >= sizeof(part))
		return -EINVAL;
	memcpy(part, word, len);
	part[len] = '\0';
	return parse_addr(part, addr);
}

/* A or A/LEN. Bits to the right of the prefix are for the kernel to refuse. */
int parse_prefix(const char *word, struct inet_tuple_prefix *prefix)
{
	const char *slash = strchr(word, '/');
	uint64_t len;

	memset(prefix, 0, sizeof(*prefix));
	if (!slash) {
		if (parse_addr(word, &prefix->addr))
			return -EINVAL;
		prefix->len = addr_bits(&prefix->addr);
		return 0;
	}

	if (parse_addr_part(word, slash, &prefix->addr))
		return -EINVAL;
	if (parse_num(slash + 1, addr_bits(&prefix->addr), &len))
		return -EINVAL;
	prefix->len = len;
	return 0;
}

/* A, A/LEN or A-B */
int parse_range(const char *word, struct inet_tuple_prefix *range)
{
	const char *dash = strchr(word, '-');

	if (!dash)
		return parse_prefix(word, range);

	memset(range, 0, sizeof(*range));
	if (parse_addr_part(word, dash, &range->addr) ||
	    parse_addr(dash + 1, &range->last) ||
	    range->addr.family != range->last.family)
		return -EINVAL;
	return 0;
}

/* U, U-U, the name of a user, or all */
int parse_users(const char *word, struct inet_tuple_users *users)
{
	const char *dash = strchr(word, '-');
	uint64_t first, last;
	char part[16];

	if (!strcmp(word, "all")) {
		users->first = 1;
		users->last = 0;
		return 0;
	}

	if (dash && (size_t)(dash - word) < sizeof(part)) {
		memcpy(part, word, dash - word);
		part[dash - word] = '\0';
		if (!parse_num(part, UINT32_MAX - 1, &first) &&
		    !parse_num(dash + 1, UINT32_MAX - 1, &last) &&
		    first <= last)
			goto found;
	}
	if (parse_uid(word, &first))
		return -EINVAL;
	last = first;
found:
	users->first = first;
	users->last = last;
	return 0;
}

/* A number, or the name of a user; ~0 is nobody's */
int parse_uid(const char *word, uint64_t *uid)
{
	const struct passwd *pw;

	if (!parse_num(word, UINT32_MAX - 1, uid))
		return 0;
	pw = getpwnam(word);
	if (!pw)
		return -EINVAL;
	*uid = pw->pw_uid;
	return 0;
}

int parse_gid(const char *word, uint64_t *gid)
{
	const struct group *gr;

	if (!parse_num(word, UINT32_MAX - 1, gid))
		return 0;
	gr = getgrnam(word);
	if (!gr)
		return -EINVAL;
	*gid = gr->gr_gid;
	return 0;
}

/* @buf: ADDR_TEXT bytes */
const char *addr_text(const struct inet_tuple_addr *addr, char *buf)
{
	if (!inet_ntop(addr->family, addr->bytes, buf, ADDR_TEXT))
		snprintf(buf, ADDR_TEXT, "?");
	return buf;
}

/* @buf: PREFIX_TEXT bytes */
const char *prefix_text(const struct inet_tuple_prefix *p, char *buf)
{
	char addr[ADDR_TEXT];

	snprintf(buf, PREFIX_TEXT, "%s/%u", addr_text(&p->addr, addr), p->len);
	return buf;
}

/* As prefix_text(), and shorter where that says the same */
const char *range_text(const struct inet_tuple_prefix *p, char *buf)
{
	char first[ADDR_TEXT], last[ADDR_TEXT];

	addr_text(&p->addr, first);
	if (p->last.family && memcmp(p->addr.bytes, p->last.bytes,
				     sizeof(p->addr.bytes)))
		snprintf(buf, PREFIX_TEXT, "%s-%s", first,
			 addr_text(&p->last, last));
	else if (p->last.family || p->len == addr_bits(&p->addr))
		snprintf(buf, PREFIX_TEXT, "%s", first);
	else
		prefix_text(p, buf);
	return buf;
}

/* The word of an enum; the number where this program knows no word for it */
const char *word_or_num(const char *const *words, size_t n, uint64_t num,
			char *buf, size_t size)
{
	if (num < n && words[num])
		return words[num];
	snprintf(buf, size, "%llu", (unsigned long long)num);
	return buf;
}
