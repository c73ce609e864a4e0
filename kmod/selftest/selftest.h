/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests that the module runs on itself when loaded with selftest=1. */
#ifndef _TUPLE_SELFTEST_H
#define _TUPLE_SELFTEST_H

/**
 * tuple_selftest_alloc - try the allocator against a model
 *
 * On the kernel's own ida and xarray, which the test in selftests/host has to
 * do without. May sleep. Return: 0, or -EINVAL after saying what went wrong.
 */
int tuple_selftest_alloc(void);

#endif /* _TUPLE_SELFTEST_H */
