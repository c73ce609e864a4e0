// SPDX-License-Identifier: LGPL-2.1-or-later
/* Objects: sets of attributes, the numbers of which are those of the wire. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "internal.h"

static const uint8_t pool_types[INET_TUPLE_A_POOL_MAX + 1] = {
	[INET_TUPLE_A_POOL_NAME]	= ITL_STR,
	[INET_TUPLE_A_POOL_DEV]		= ITL_STR,
	[INET_TUPLE_A_POOL_IFINDEX]	= ITL_U32,
	[INET_TUPLE_A_POOL_PREFIX]	= ITL_PREFIX,
	[INET_TUPLE_A_POOL_EXCLUDE]	= ITL_PREFIX,
	[INET_TUPLE_A_POOL_PREFIX_DEL]	= ITL_PREFIX,
	[INET_TUPLE_A_POOL_EXCLUDE_DEL]	= ITL_PREFIX,
	[INET_TUPLE_A_POOL_PLUMB]	= ITL_U8,
	[INET_TUPLE_A_POOL_ASSIGN]	= ITL_U8,
	[INET_TUPLE_A_POOL_SCOPE]	= ITL_U8,
	[INET_TUPLE_A_POOL_ORDER]	= ITL_U8,
	[INET_TUPLE_A_POOL_QUARANTINE]	= ITL_U32,
	[INET_TUPLE_A_POOL_WAIT]	= ITL_U32,
	[INET_TUPLE_A_POOL_QUOTA]	= ITL_U32,
	[INET_TUPLE_A_POOL_USERS]	= ITL_USERS,
	[INET_TUPLE_A_POOL_DSCP]	= ITL_U8,
	[INET_TUPLE_A_POOL_PRIORITY]	= ITL_U32,
	[INET_TUPLE_A_POOL_MARK]	= ITL_U32,
	[INET_TUPLE_A_POOL_DEFAULT]	= ITL_U8,
	[INET_TUPLE_A_POOL_SOURCE]	= ITL_U8,
	[INET_TUPLE_A_POOL_STATE]	= ITL_U8,
	[INET_TUPLE_A_POOL_FORCE]	= ITL_FLAG,
	[INET_TUPLE_A_POOL_TOTAL]	= ITL_U64,
	[INET_TUPLE_A_POOL_IN_USE]	= ITL_U64,
	[INET_TUPLE_A_POOL_QUARANTINED]	= ITL_U64,
	[INET_TUPLE_A_POOL_FREE]	= ITL_U64,
	[INET_TUPLE_A_POOL_PEAK]	= ITL_U64,
	[INET_TUPLE_A_POOL_ASSIGNED]	= ITL_U64,
	[INET_TUPLE_A_POOL_ENDED]	= ITL_U64,
	[INET_TUPLE_A_POOL_HELD]	= ITL_U64,
	[INET_TUPLE_A_POOL_FAILED]	= ITL_FAILED,
	[INET_TUPLE_A_POOL_ORDER_SET]	= ITL_FLAG,
	[INET_TUPLE_A_POOL_LOW]		= ITL_U32,
	[INET_TUPLE_A_POOL_HIGH]	= ITL_U32,
	[INET_TUPLE_A_POOL_WARM]	= ITL_U32,
};

static const uint8_t lease_types[INET_TUPLE_A_LEASE_MAX + 1] = {
	[INET_TUPLE_A_LEASE_POOL]	= ITL_STR,
	[INET_TUPLE_A_LEASE_ADDR]	= ITL_ADDR,
	[INET_TUPLE_A_LEASE_IFINDEX]	= ITL_U32,
	[INET_TUPLE_A_LEASE_STATE]	= ITL_U8,
	[INET_TUPLE_A_LEASE_SCOPE]	= ITL_U8,
	[INET_TUPLE_A_LEASE_SCOPE_ID]	= ITL_U64,
	[INET_TUPLE_A_LEASE_UID]	= ITL_U32,
	[INET_TUPLE_A_LEASE_AGE]	= ITL_U64,
	[INET_TUPLE_A_LEASE_EXPIRY]	= ITL_U64,
	[INET_TUPLE_A_LEASE_LEFT]	= ITL_U64,
	[INET_TUPLE_A_LEASE_SOCKETS]	= ITL_U32,
	[INET_TUPLE_A_LEASE_SOCKET]	= ITL_SOCKET,
	[INET_TUPLE_A_LEASE_ERROR]	= ITL_U32,
	[INET_TUPLE_A_LEASE_REASON]	= ITL_U8,
};

static const uint8_t socket_types[INET_TUPLE_A_SOCKET_MAX + 1] = {
	[INET_TUPLE_A_SOCKET_INO]	= ITL_U32,
	[INET_TUPLE_A_SOCKET_UID]	= ITL_U32,
	[INET_TUPLE_A_SOCKET_COOKIE]	= ITL_U64,
	[INET_TUPLE_A_SOCKET_FAMILY]	= ITL_U16,
	[INET_TUPLE_A_SOCKET_TYPE]	= ITL_U16,
	[INET_TUPLE_A_SOCKET_PROTO]	= ITL_U16,
	[INET_TUPLE_A_SOCKET_STATE]	= ITL_U8,
	[INET_TUPLE_A_SOCKET_LPORT]	= ITL_U16,
	[INET_TUPLE_A_SOCKET_RPORT]	= ITL_U16,
	[INET_TUPLE_A_SOCKET_RADDR]	= ITL_ADDR,
};

static const uint8_t failed_types[INET_TUPLE_A_FAILED_MAX + 1] = {
	[INET_TUPLE_A_FAILED_ERRNO]	= ITL_U32,
	[INET_TUPLE_A_FAILED_COUNT]	= ITL_U64,
};

static const uint8_t addr_types[INET_TUPLE_A_ADDR_MAX + 1] = {
	[INET_TUPLE_A_ADDR_POOL]	= ITL_STR,
	[INET_TUPLE_A_ADDR_ADDR]	= ITL_ADDR,
	[INET_TUPLE_A_ADDR_VALID]	= ITL_U32,
	[INET_TUPLE_A_ADDR_NEW]		= ITL_FLAG,
	[INET_TUPLE_A_ADDR_IDLE]	= ITL_FLAG,
	[INET_TUPLE_A_ADDR_STATE]	= ITL_U8,
	[INET_TUPLE_A_ADDR_IDLE_MS]	= ITL_U64,
};

static const uint8_t want_types[INET_TUPLE_A_WANT_MAX + 1] = {
	[INET_TUPLE_A_WANT_POOL]	= ITL_STR,
	[INET_TUPLE_A_WANT_DEV]		= ITL_STR,
	[INET_TUPLE_A_WANT_IFINDEX]	= ITL_U32,
	[INET_TUPLE_A_WANT_FREE]	= ITL_U32,
	[INET_TUPLE_A_WANT_WANT]	= ITL_U32,
};

static const uint8_t rule_types[INET_TUPLE_A_RULE_MAX + 1] = {
	[INET_TUPLE_A_RULE_POOL]	= ITL_STR,
	[INET_TUPLE_A_RULE_UID]		= ITL_U32,
	[INET_TUPLE_A_RULE_GID]		= ITL_U32,
	[INET_TUPLE_A_RULE_CGROUP]	= ITL_STR,
};

static const struct {
	const uint8_t *types;
	int max;
} kinds[] = {
	[INET_TUPLE_POOL_OBJ]	= { pool_types, INET_TUPLE_A_POOL_MAX },
	[INET_TUPLE_LEASE_OBJ]	= { lease_types, INET_TUPLE_A_LEASE_MAX },
	[INET_TUPLE_SOCKET_OBJ]	= { socket_types, INET_TUPLE_A_SOCKET_MAX },
	[INET_TUPLE_RULE_OBJ]	= { rule_types, INET_TUPLE_A_RULE_MAX },
	[INET_TUPLE_FAILED_OBJ]	= { failed_types, INET_TUPLE_A_FAILED_MAX },
	[INET_TUPLE_ADDR_OBJ]	= { addr_types, INET_TUPLE_A_ADDR_MAX },
	[INET_TUPLE_WANT_OBJ]	= { want_types, INET_TUPLE_A_WANT_MAX },
};

/**
 * inet_tuple_obj_alloc - make an object without attributes
 * @kind: what it is to be
 *
 * Return: the object, with one reference; NULL without memory (errno ENOMEM)
 * or for a kind that does not exist (EINVAL).
 */
ITL_EXPORT struct inet_tuple_obj *
inet_tuple_obj_alloc(enum inet_tuple_kind kind)
{
	struct inet_tuple_obj *obj;
	size_t n;

	if ((int)kind <= 0 || (size_t)kind >= sizeof(kinds) / sizeof(*kinds)) {
		errno = EINVAL;
		return NULL;
	}

	n = kinds[kind].max + 1;
	obj = calloc(1, sizeof(*obj) + n * sizeof(obj->values[0]));
	if (!obj)
		return NULL;

	obj->refs = 1;
	obj->kind = kind;
	obj->types = kinds[kind].types;
	obj->max = kinds[kind].max;
	return obj;
}

/**
 * inet_tuple_obj_ref - keep an object that a callback was given
 * @obj: the object
 *
 * Return: the object, for inet_tuple_obj_free(). References are not counted
 * atomically: they stay with one thread.
 */
ITL_EXPORT struct inet_tuple_obj *
inet_tuple_obj_ref(const struct inet_tuple_obj *obj)
{
	struct inet_tuple_obj *mine = (struct inet_tuple_obj *)obj;

	mine->refs++;
	return mine;
}

static void value_free(struct itl_value *v, enum itl_type type)
{
	unsigned int i;

	if (!v->n)
		return;

	switch (type) {
	case ITL_STR:
		free(v->str);
		break;
	case ITL_PREFIX:
		free(v->prefixes);
		break;
	case ITL_USERS:
		free(v->users);
		break;
	case ITL_SOCKET:
	case ITL_FAILED:
		for (i = 0; i < v->n; i++)
			inet_tuple_obj_free(v->nested[i]);
		free(v->nested);
		break;
	default:
		break;
	}
	v->n = 0;
}

/**
 * inet_tuple_obj_free - drop a reference, and the object with the last one
 * @obj: the object, or NULL
 */
ITL_EXPORT void inet_tuple_obj_free(struct inet_tuple_obj *obj)
{
	int attr;

	if (!obj || --obj->refs)
		return;

	for (attr = 1; attr <= obj->max; attr++)
		value_free(&obj->values[attr], obj->types[attr]);
	free(obj);
}

/**
 * inet_tuple_obj_kind - what an object is
 * @obj: the object
 */
ITL_EXPORT enum inet_tuple_kind
inet_tuple_obj_kind(const struct inet_tuple_obj *obj)
{
	return obj->kind;
}

enum itl_type itl_obj_type(const struct inet_tuple_obj *obj, int attr)
{
	return attr > 0 && attr <= obj->max ? obj->types[attr] : ITL_NONE;
}

/**
 * inet_tuple_obj_count - how many values an attribute has
 * @obj: the object
 * @attr: the attribute
 *
 * Return: 0 for an absent attribute, and for one that the kind does not have.
 */
ITL_EXPORT unsigned int
inet_tuple_obj_count(const struct inet_tuple_obj *obj, int attr)
{
	if (itl_obj_type(obj, attr) == ITL_NONE)
		return 0;
	return obj->values[attr].n;
}

/**
 * inet_tuple_obj_has - whether an attribute is there
 * @obj: the object
 * @attr: the attribute
 */
ITL_EXPORT bool inet_tuple_obj_has(const struct inet_tuple_obj *obj, int attr)
{
	return inet_tuple_obj_count(obj, attr) > 0;
}

static int get(const struct inet_tuple_obj *obj, int attr, enum itl_type type,
	       unsigned int i, const struct itl_value **v)
{
	if (itl_obj_type(obj, attr) != type)
		return -EINVAL;
	if (i >= obj->values[attr].n)
		return -ENOENT;
	*v = &obj->values[attr];
	return 0;
}

static bool is_num(enum itl_type type)
{
	return type >= ITL_U8 && type <= ITL_FLAG;
}

/**
 * inet_tuple_obj_num - read a number
 * @obj: the object
 * @attr: an attribute that is a u8, u16, u32, u64 or flag
 * @num: where to put it
 *
 * Return: 0; -ENOENT: the attribute is absent; -EINVAL: it is no number.
 */
ITL_EXPORT int inet_tuple_obj_num(const struct inet_tuple_obj *obj, int attr,
				  uint64_t *num)
{
	const struct itl_value *v;
	enum itl_type type;
	int err;

	type = itl_obj_type(obj, attr);
	if (!is_num(type))
		return -EINVAL;
	err = get(obj, attr, type, 0, &v);
	if (!err)
		*num = v->num;
	return err;
}

/**
 * inet_tuple_obj_str - read a string
 * @obj: the object
 * @attr: an attribute that is a string
 *
 * Return: the string, the object's; NULL where it is absent or no string.
 */
ITL_EXPORT const char *inet_tuple_obj_str(const struct inet_tuple_obj *obj,
					  int attr)
{
	const struct itl_value *v;

	return get(obj, attr, ITL_STR, 0, &v) ? NULL : v->str;
}

/**
 * inet_tuple_obj_addr - read an address
 * @obj: the object
 * @attr: an attribute that is an address
 * @addr: where to put it
 *
 * Return: 0; -ENOENT: the attribute is absent; -EINVAL: it is no address.
 */
ITL_EXPORT int inet_tuple_obj_addr(const struct inet_tuple_obj *obj, int attr,
				   struct inet_tuple_addr *addr)
{
	const struct itl_value *v;
	int err;

	err = get(obj, attr, ITL_ADDR, 0, &v);
	if (!err)
		*addr = v->addr;
	return err;
}

/**
 * inet_tuple_obj_prefix - read one of several prefixes
 * @obj: the object
 * @attr: an attribute that holds prefixes
 * @i: which, from 0
 * @prefix: where to put it
 *
 * Return: 0; -ENOENT: there are not so many; -EINVAL: these are no prefixes.
 */
ITL_EXPORT int inet_tuple_obj_prefix(const struct inet_tuple_obj *obj, int attr,
				     unsigned int i,
				     struct inet_tuple_prefix *prefix)
{
	const struct itl_value *v;
	int err;

	err = get(obj, attr, ITL_PREFIX, i, &v);
	if (!err)
		*prefix = v->prefixes[i];
	return err;
}

/**
 * inet_tuple_obj_users - read one of several ranges of uids
 * @obj: the object
 * @attr: an attribute that holds ranges of uids
 * @i: which, from 0
 * @users: where to put it
 *
 * Return: 0; -ENOENT: there are not so many; -EINVAL: these are no ranges.
 */
ITL_EXPORT int inet_tuple_obj_users(const struct inet_tuple_obj *obj, int attr,
				    unsigned int i,
				    struct inet_tuple_users *users)
{
	const struct itl_value *v;
	int err;

	err = get(obj, attr, ITL_USERS, i, &v);
	if (!err)
		*users = v->users[i];
	return err;
}

/* What an attribute that holds objects holds; 0: it does not */
enum inet_tuple_kind itl_nested_kind(enum itl_type type)
{
	switch (type) {
	case ITL_SOCKET:
		return INET_TUPLE_SOCKET_OBJ;
	case ITL_FAILED:
		return INET_TUPLE_FAILED_OBJ;
	default:
		return 0;
	}
}

/**
 * inet_tuple_obj_nested - read one of the objects that another one holds
 * @obj: the object
 * @attr: an attribute that holds objects: INET_TUPLE_A_LEASE_SOCKET,
 *	INET_TUPLE_A_POOL_FAILED
 * @i: which, from 0
 *
 * Return: it, which lives as long as @obj; NULL where there are not so many,
 * or none at all in such an attribute.
 */
ITL_EXPORT const struct inet_tuple_obj *
inet_tuple_obj_nested(const struct inet_tuple_obj *obj, int attr,
		      unsigned int i)
{
	enum itl_type type = itl_obj_type(obj, attr);
	const struct itl_value *v;

	if (!itl_nested_kind(type) || get(obj, attr, type, i, &v))
		return NULL;
	return v->nested[i];
}

static uint64_t num_max(enum itl_type type)
{
	switch (type) {
	case ITL_U8:
		return UINT8_MAX;
	case ITL_U16:
		return UINT16_MAX;
	case ITL_U32:
		return UINT32_MAX;
	case ITL_FLAG:
		return 1;
	default:
		return UINT64_MAX;
	}
}

/**
 * inet_tuple_obj_set_num - set a number
 * @obj: the object
 * @attr: an attribute that is a u8, u16, u32, u64 or flag; 0 takes a flag away
 * @num: the value
 *
 * Return: 0; -ERANGE: the attribute has no room for it; -EINVAL: it is no
 * number.
 */
ITL_EXPORT int inet_tuple_obj_set_num(struct inet_tuple_obj *obj, int attr,
				      uint64_t num)
{
	enum itl_type type = itl_obj_type(obj, attr);

	if (!is_num(type))
		return -EINVAL;
	if (num > num_max(type))
		return -ERANGE;
	obj->values[attr].num = num;
	obj->values[attr].n = type != ITL_FLAG || num;
	return 0;
}

int itl_obj_set_strn(struct inet_tuple_obj *obj, int attr, const char *str,
		     size_t len)
{
	char *copy;

	if (itl_obj_type(obj, attr) != ITL_STR)
		return -EINVAL;
	/* With its NUL, it has to fit in an attribute. */
	if (strnlen(str, len) >= UINT16_MAX - MNL_ATTR_HDRLEN)
		return -ENAMETOOLONG;
	copy = strndup(str, len);
	if (!copy)
		return -ENOMEM;
	value_free(&obj->values[attr], ITL_STR);
	obj->values[attr].str = copy;
	obj->values[attr].n = 1;
	return 0;
}

/**
 * inet_tuple_obj_set_str - set a string
 * @obj: the object
 * @attr: an attribute that is a string
 * @str: the value; a copy is made
 *
 * Return: 0; -EINVAL: it is no string; -ENAMETOOLONG: no attribute could hold
 * it; -ENOMEM.
 */
ITL_EXPORT int inet_tuple_obj_set_str(struct inet_tuple_obj *obj, int attr,
				      const char *str)
{
	return itl_obj_set_strn(obj, attr, str, strlen(str));
}

/* 0 for a family that is neither IPv4 nor IPv6 */
size_t itl_addr_size(const struct inet_tuple_addr *addr)
{
	switch (addr->family) {
	case AF_INET:
		return 4;
	case AF_INET6:
		return 16;
	default:
		return 0;
	}
}

/**
 * inet_tuple_obj_set_addr - set an address
 * @obj: the object
 * @attr: an attribute that is an address
 * @addr: the value
 *
 * Return: 0; -EINVAL: it is no address; -EAFNOSUPPORT: neither IPv4 nor IPv6.
 */
ITL_EXPORT int inet_tuple_obj_set_addr(struct inet_tuple_obj *obj, int attr,
				       const struct inet_tuple_addr *addr)
{
	if (itl_obj_type(obj, attr) != ITL_ADDR)
		return -EINVAL;
	if (!itl_addr_size(addr))
		return -EAFNOSUPPORT;
	obj->values[attr].addr = *addr;
	obj->values[attr].n = 1;
	return 0;
}

/* Room for one more: the array grows whenever it is full at a power of two. */
static int grow(void **array, unsigned int n, size_t size)
{
	void *more;

	if (n & (n - 1))
		return 0;
	more = reallocarray(n ? *array : NULL, n ? 2 * n : 1, size);
	if (!more)
		return -ENOMEM;
	*array = more;
	return 0;
}

/**
 * inet_tuple_obj_add_prefix - append a prefix
 * @obj: the object
 * @attr: an attribute that holds prefixes
 * @prefix: what to append
 *
 * Return: 0; -EINVAL: it does not; -EAFNOSUPPORT: neither IPv4 nor IPv6, or the
 * ends of a range differ in it; -ENOMEM.
 */
ITL_EXPORT int inet_tuple_obj_add_prefix(struct inet_tuple_obj *obj, int attr,
					 const struct inet_tuple_prefix *prefix)
{
	struct itl_value *v;
	void *array;
	int err;

	if (itl_obj_type(obj, attr) != ITL_PREFIX)
		return -EINVAL;
	if (!itl_addr_size(&prefix->addr))
		return -EAFNOSUPPORT;
	if (prefix->last.family && prefix->last.family != prefix->addr.family)
		return -EAFNOSUPPORT;

	v = &obj->values[attr];
	array = v->prefixes;
	err = grow(&array, v->n, sizeof(*prefix));
	if (err)
		return err;
	v->prefixes = array;
	v->prefixes[v->n++] = *prefix;
	return 0;
}

/**
 * inet_tuple_obj_add_users - append a range of uids
 * @obj: the object
 * @attr: an attribute that holds ranges of uids
 * @users: what to append
 *
 * Return: 0; -EINVAL: it does not hold such; -ENOMEM.
 */
ITL_EXPORT int inet_tuple_obj_add_users(struct inet_tuple_obj *obj, int attr,
					const struct inet_tuple_users *users)
{
	struct itl_value *v;
	void *array;
	int err;

	if (itl_obj_type(obj, attr) != ITL_USERS)
		return -EINVAL;

	v = &obj->values[attr];
	array = v->users;
	err = grow(&array, v->n, sizeof(*users));
	if (err)
		return err;
	v->users = array;
	v->users[v->n++] = *users;
	return 0;
}

/* Takes over the reference on @nested, unless it fails. */
int itl_obj_add_nested(struct inet_tuple_obj *obj, int attr,
		       struct inet_tuple_obj *nested)
{
	struct itl_value *v;
	void *array;
	int err;

	if (itl_nested_kind(itl_obj_type(obj, attr)) != nested->kind)
		return -EINVAL;

	v = &obj->values[attr];
	array = v->nested;
	err = grow(&array, v->n, sizeof(struct inet_tuple_obj *));
	if (err)
		return err;
	v->nested = array;
	v->nested[v->n++] = nested;
	return 0;
}
