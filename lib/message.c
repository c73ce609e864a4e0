// SPDX-License-Identifier: LGPL-2.1-or-later
/* Messages: objects from and to the attributes of <linux/inet_tuple.h>. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include "internal.h"

/* A message without attributes, and room for @payload bytes of them */
int itl_msg_alloc(struct itl_msg *m, size_t payload, uint16_t type,
		  uint16_t flags, uint8_t cmd)
{
	struct genlmsghdr *genl;

	m->size = MNL_NLMSG_HDRLEN + MNL_ALIGN(GENL_HDRLEN) +
		  MNL_ALIGN(payload);
	m->nlh = calloc(1, m->size);
	if (!m->nlh)
		return -ENOMEM;

	mnl_nlmsg_put_header(m->nlh);
	m->nlh->nlmsg_type = type;
	m->nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(m->nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = INET_TUPLE_GENL_VERSION;
	return 0;
}

void itl_msg_free(struct itl_msg *m)
{
	free(m->nlh);
	m->nlh = NULL;
}

static size_t attr_size(size_t payload)
{
	return MNL_ATTR_HDRLEN + MNL_ALIGN(payload);
}

static size_t value_wire_size(enum itl_type type, const struct itl_value *v)
{
	switch (type) {
	case ITL_STR:
		return attr_size(strlen(v->str) + 1);
	case ITL_ADDR:
		return attr_size(16);
	case ITL_PREFIX:
		return v->n * attr_size(2 * attr_size(16));
	case ITL_USERS:
		return v->n * attr_size(2 * attr_size(4));
	default:
		return attr_size(8);
	}
}

/* At most so many bytes of attributes */
size_t itl_obj_wire_size(const struct inet_tuple_obj *obj)
{
	size_t size = 0;
	int attr;

	for (attr = 1; attr <= obj->max; attr++)
		if (obj->values[attr].n)
			size += value_wire_size(obj->types[attr],
						&obj->values[attr]);
	return size;
}

static void put_prefix(struct nlmsghdr *nlh, int attr,
		       const struct inet_tuple_prefix *p)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, attr);

	mnl_attr_put(nlh, INET_TUPLE_A_PREFIX_ADDR, itl_addr_size(&p->addr),
		     p->addr.bytes);
	if (p->last.family)
		mnl_attr_put(nlh, INET_TUPLE_A_PREFIX_LAST,
			     itl_addr_size(&p->last), p->last.bytes);
	else
		mnl_attr_put_u8(nlh, INET_TUPLE_A_PREFIX_LEN, p->len);
	mnl_attr_nest_end(nlh, nest);
}

static void put_users(struct nlmsghdr *nlh, int attr,
		      const struct inet_tuple_users *u)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, attr);

	mnl_attr_put_u32(nlh, INET_TUPLE_A_USERS_FIRST, u->first);
	mnl_attr_put_u32(nlh, INET_TUPLE_A_USERS_LAST, u->last);
	mnl_attr_nest_end(nlh, nest);
}

static void put_value(struct nlmsghdr *nlh, int attr, enum itl_type type,
		      const struct itl_value *v)
{
	unsigned int i;

	switch (type) {
	case ITL_U8:
		mnl_attr_put_u8(nlh, attr, v->num);
		break;
	case ITL_U16:
		mnl_attr_put_u16(nlh, attr, v->num);
		break;
	case ITL_U32:
		mnl_attr_put_u32(nlh, attr, v->num);
		break;
	case ITL_U64:
		mnl_attr_put_u64(nlh, attr, v->num);
		break;
	case ITL_FLAG:
		mnl_attr_put(nlh, attr, 0, NULL);
		break;
	case ITL_STR:
		mnl_attr_put_strz(nlh, attr, v->str);
		break;
	case ITL_ADDR:
		mnl_attr_put(nlh, attr, itl_addr_size(&v->addr), v->addr.bytes);
		break;
	case ITL_PREFIX:
		for (i = 0; i < v->n; i++)
			put_prefix(nlh, attr, &v->prefixes[i]);
		break;
	case ITL_USERS:
		for (i = 0; i < v->n; i++)
			put_users(nlh, attr, &v->users[i]);
		break;
	default:
		break;	/* nested objects are only ever read */
	}
}

/* Append the attributes of an object: numbers ascending, lists in order */
int itl_msg_put_obj(struct itl_msg *m, const struct inet_tuple_obj *obj)
{
	int attr;

	if (m->nlh->nlmsg_len + itl_obj_wire_size(obj) > m->size)
		return -EMSGSIZE;

	for (attr = 1; attr <= obj->max; attr++)
		if (obj->values[attr].n)
			put_value(m->nlh, attr, obj->types[attr],
				  &obj->values[attr]);
	return 0;
}

static int parse_addr(const struct nlattr *nla, struct inet_tuple_addr *addr)
{
	size_t len = mnl_attr_get_payload_len(nla);

	memset(addr, 0, sizeof(*addr));
	if (len == 4)
		addr->family = AF_INET;
	else if (len == 16)
		addr->family = AF_INET6;
	else
		return -EBADMSG;
	memcpy(addr->bytes, mnl_attr_get_payload(nla), len);
	return 0;
}

/* The first @size bytes of the payload as a number; more are left alone */
static int parse_num(const struct nlattr *nla, size_t size, uint64_t *num)
{
	const void *data = mnl_attr_get_payload(nla);
	uint32_t n32;
	uint16_t n16;

	if (mnl_attr_get_payload_len(nla) < size)
		return -EBADMSG;

	switch (size) {
	case 0:
		*num = 1;
		break;
	case 1:
		*num = *(const uint8_t *)data;
		break;
	case 2:
		memcpy(&n16, data, sizeof(n16));
		*num = n16;
		break;
	case 4:
		memcpy(&n32, data, sizeof(n32));
		*num = n32;
		break;
	default:
		memcpy(num, data, sizeof(*num));
		break;
	}
	return 0;
}

/* Whether the attributes inside a nest fill it without a gap */
static bool nest_ok(const struct nlattr *nest)
{
	const char *end = (const char *)mnl_attr_get_payload(nest) +
			  mnl_attr_get_payload_len(nest);
	const struct nlattr *nla;

	mnl_attr_for_each_nested(nla, nest)
		;
	return (const char *)nla >= end;
}

static int parse_prefix(const struct nlattr *nest, struct inet_tuple_prefix *p)
{
	const struct nlattr *nla;
	bool has_len = false;
	uint64_t num;
	int err = 0;

	memset(p, 0, sizeof(*p));
	mnl_attr_for_each_nested(nla, nest) {
		switch (mnl_attr_get_type(nla)) {
		case INET_TUPLE_A_PREFIX_ADDR:
			err = parse_addr(nla, &p->addr);
			break;
		case INET_TUPLE_A_PREFIX_LAST:
			err = parse_addr(nla, &p->last);
			break;
		case INET_TUPLE_A_PREFIX_LEN:
			err = parse_num(nla, 1, &num);
			p->len = err ? 0 : num;
			has_len = true;
			break;
		}
		if (err)
			return err;
	}

	if (!p->addr.family)
		return -EBADMSG;
	if (!has_len)
		p->len = 8 * itl_addr_size(&p->addr);
	return 0;
}

static int parse_users(const struct nlattr *nest, struct inet_tuple_users *u)
{
	const struct nlattr *nla;
	uint64_t num;
	int seen = 0;

	memset(u, 0, sizeof(*u));
	mnl_attr_for_each_nested(nla, nest) {
		switch (mnl_attr_get_type(nla)) {
		case INET_TUPLE_A_USERS_FIRST:
			if (parse_num(nla, 4, &num))
				return -EBADMSG;
			u->first = num;
			seen |= 1;
			break;
		case INET_TUPLE_A_USERS_LAST:
			if (parse_num(nla, 4, &num))
				return -EBADMSG;
			u->last = num;
			seen |= 2;
			break;
		}
	}
	return seen == 3 ? 0 : -EBADMSG;
}

static int parse_attr(struct inet_tuple_obj *obj, const struct nlattr *nla);

static int parse_object(struct inet_tuple_obj *obj, int attr,
			const struct nlattr *nest)
{
	struct inet_tuple_obj *nested;
	const struct nlattr *nla;
	int err = 0;

	nested = inet_tuple_obj_alloc(itl_nested_kind(itl_obj_type(obj, attr)));
	if (!nested)
		return -ENOMEM;

	mnl_attr_for_each_nested(nla, nest) {
		err = parse_attr(nested, nla);
		if (err)
			break;
	}
	if (!err)
		err = itl_obj_add_nested(obj, attr, nested);
	if (err)
		inet_tuple_obj_free(nested);
	return err;
}

static int parse_number(struct inet_tuple_obj *obj, int attr,
			const struct nlattr *nla)
{
	static const uint8_t sizes[] = {
		[ITL_U8] = 1,
		[ITL_U16] = 2,
		[ITL_U32] = 4,
		[ITL_U64] = 8,
		[ITL_FLAG] = 0,
	};
	uint64_t num;
	int err;

	err = parse_num(nla, sizes[itl_obj_type(obj, attr)], &num);
	return err ? err : inet_tuple_obj_set_num(obj, attr, num);
}

static int parse_nest(struct inet_tuple_obj *obj, int attr,
		      const struct nlattr *nla)
{
	struct inet_tuple_prefix prefix;
	struct inet_tuple_users users;
	int err;

	if (!nest_ok(nla))
		return -EBADMSG;

	switch (itl_obj_type(obj, attr)) {
	case ITL_PREFIX:
		err = parse_prefix(nla, &prefix);
		return err ? err : inet_tuple_obj_add_prefix(obj, attr,
							     &prefix);
	case ITL_USERS:
		err = parse_users(nla, &users);
		return err ? err : inet_tuple_obj_add_users(obj, attr, &users);
	default:
		return parse_object(obj, attr, nla);
	}
}

/* What a later kernel adds is passed over. */
static int parse_attr(struct inet_tuple_obj *obj, const struct nlattr *nla)
{
	int attr = mnl_attr_get_type(nla);
	struct inet_tuple_addr addr;
	int err;

	switch (itl_obj_type(obj, attr)) {
	case ITL_NONE:
		return 0;
	case ITL_STR:
		return itl_obj_set_strn(obj, attr, mnl_attr_get_payload(nla),
					mnl_attr_get_payload_len(nla));
	case ITL_ADDR:
		err = parse_addr(nla, &addr);
		return err ? err : inet_tuple_obj_set_addr(obj, attr, &addr);
	case ITL_PREFIX:
	case ITL_USERS:
	case ITL_SOCKET:
	case ITL_FAILED:
		return parse_nest(obj, attr, nla);
	default:
		return parse_number(obj, attr, nla);
	}
}

/* -EBADMSG: not what <linux/inet_tuple.h> says */
int itl_obj_parse(const struct nlmsghdr *nlh, enum inet_tuple_kind kind,
		  struct inet_tuple_obj **result)
{
	struct inet_tuple_obj *obj;
	const struct nlattr *nla;
	int err = 0;

	if (mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN)
		return -EBADMSG;
	obj = inet_tuple_obj_alloc(kind);
	if (!obj)
		return -ENOMEM;

	mnl_attr_for_each(nla, nlh, GENL_HDRLEN) {
		err = parse_attr(obj, nla);
		if (err)
			break;
	}
	if (!err && (const char *)nla <
		    (const char *)mnl_nlmsg_get_payload_tail(nlh))
		err = -EBADMSG;
	if (err)
		inet_tuple_obj_free(obj);
	else
		*result = obj;
	return err;
}
