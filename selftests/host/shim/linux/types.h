/* SPDX-License-Identifier: GPL-2.0-only */
/* The C library includes this one too, so no more than what it expects */
#include_next <linux/types.h>
