// SPDX-License-Identifier: GPL-2.0-only
/* inet_tuple: sockets that own an IP address each. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

static int __init inet_tuple_init(void)
{
	return 0;
}

static void __exit inet_tuple_exit(void)
{
}

module_init(inet_tuple_init);
module_exit(inet_tuple_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sockets that own an IP address each");
