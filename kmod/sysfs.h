/* SPDX-License-Identifier: GPL-2.0-only */
/* /sys/class/inet_tuple */
#ifndef _TUPLE_SYSFS_H
#define _TUPLE_SYSFS_H

struct tuple_net;
struct tuple_pool;

/* A pool's directory; tn->mutex held. The directory holds a reference on the
 * pool until the last open file of it is closed.
 */
int tuple_sysfs_pool_add(struct tuple_pool *pool);
void tuple_sysfs_pool_del(struct tuple_pool *pool);

/* The "pools" file of a namespace */
int tuple_sysfs_net_init(struct tuple_net *tn);
void tuple_sysfs_net_exit(struct tuple_net *tn);

int tuple_sysfs_init(void);
void tuple_sysfs_uninit(void);

#endif /* _TUPLE_SYSFS_H */
