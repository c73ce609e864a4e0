/* SPDX-License-Identifier: GPL-2.0-only */
/* Every difference between the kernels that the module builds for. */
#ifndef _TUPLE_COMPAT_H
#define _TUPLE_COMPAT_H

#include <linux/device.h>
#include <linux/version.h>
#include <net/genetlink.h>

/* netlink: where a dump finds the attributes of its request */
static inline struct nlattr **tuple_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* sysfs: what callbacks of a class take became const bit by bit */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define compat_class_device	const struct device
#else
#define compat_class_device	struct device
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define compat_class		const struct class
#define compat_class_attribute	const struct class_attribute
#else
#define compat_class		struct class
#define compat_class_attribute	struct class_attribute
#endif

#endif /* _TUPLE_COMPAT_H */
