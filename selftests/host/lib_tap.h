/* SPDX-License-Identifier: GPL-2.0-only */
/* TAP for the tests of the library and of the command. */
#ifndef _LIB_TAP_H
#define _LIB_TAP_H

#include <stdio.h>
#include <string.h>

static int tap_n, tap_failed;

/* One test; @cond is what must hold */
#define ok(cond, ...) do {						\
	int _held = !!(cond);						\
									\
	printf("%sok %d - ", _held ? "" : "not ", ++tap_n);		\
	printf(__VA_ARGS__);						\
	putchar('\n');							\
	if (!_held) {							\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		tap_failed++;						\
	}								\
} while (0)

/* The plan comes last, and with it the exit status */
static inline int tap_done(void)
{
	printf("1..%d\n", tap_n);
	return tap_failed != 0;
}

#endif /* _LIB_TAP_H */
