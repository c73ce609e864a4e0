/* SPDX-License-Identifier: GPL-2.0-only */
/* The two address families. */
#ifndef _TUPLE_AF_H
#define _TUPLE_AF_H

/* The numbers that they sit on; module parameters */
extern ushort tuple_family_inet, tuple_family_inet6;

#endif /* _TUPLE_AF_H */
