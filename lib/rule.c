// SPDX-License-Identifier: LGPL-2.1-or-later
/* Rules, which choose a pool for a socket. */
#include <errno.h>
#include "internal.h"

/**
 * inet_tuple_rule_add - append a rule
 * @h: the connection
 * @rule: INET_TUPLE_A_RULE_POOL, and at least one of _UID, _GID and _CGROUP
 *
 * Return: 0; -ENOENT: no such pool or cgroup; -EPERM; others: see
 * inet_tuple_error_text().
 */
ITL_EXPORT int inet_tuple_rule_add(struct inet_tuple_handle *h,
				   const struct inet_tuple_obj *rule)
{
	if (rule->kind != INET_TUPLE_RULE_OBJ)
		return -EINVAL;
	return itl_command(h, INET_TUPLE_CMD_RULE_NEW, rule);
}

/**
 * inet_tuple_rule_del - take a rule away
 * @h: the connection
 * @rule: the attributes it was added with
 *
 * Return: 0; -ENOENT: no such rule; -EPERM.
 */
ITL_EXPORT int inet_tuple_rule_del(struct inet_tuple_handle *h,
				   const struct inet_tuple_obj *rule)
{
	if (rule->kind != INET_TUPLE_RULE_OBJ)
		return -EINVAL;
	return itl_command(h, INET_TUPLE_CMD_RULE_DEL, rule);
}

/**
 * inet_tuple_rule_list - look at all rules
 * @h: the connection; @cb may use it
 * @cb: called for each rule, in the order of matching, all of them as they
 *	were at one moment
 * @arg: for @cb
 *
 * Return: 0, or what @cb returned; -EAGAIN: rules come and go too fast.
 */
ITL_EXPORT int inet_tuple_rule_list(struct inet_tuple_handle *h,
				    inet_tuple_cb cb, void *arg)
{
	return itl_list(h, INET_TUPLE_CMD_RULE_GET, INET_TUPLE_RULE_OBJ, cb,
			arg);
}
