/* SPDX-License-Identifier: GPL-2.0-only */
/* The two address families. */
#ifndef _TUPLE_AF_H
#define _TUPLE_AF_H

#include <linux/types.h>

/* The numbers that the families are registered under */
extern ushort tuple_family_inet;
extern ushort tuple_family_inet6;

int tuple_af_init(void);
void tuple_af_uninit(void);

#endif /* _TUPLE_AF_H */
