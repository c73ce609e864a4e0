// SPDX-License-Identifier: GPL-2.0-only
/* The module, as the test wants it: what stands for AF_INET and AF_INET6 is in
 * FAKE_INET and FAKE_INET6. The numbers of other families that exist make
 * sockets of which one can see that they are not ordinary.
 */
#include <stdlib.h>
#include <string.h>
#include "tuplerun.h"

static int fake(const char *name)
{
	const char *word = getenv(name);

	if (!word || !strcmp(word, WORD_PLAIN))
		return FAMILY_PLAIN;
	return strcmp(word, WORD_NONE) ? atoi(word) : FAMILY_NONE;
}

int tuplerun_ask(struct tuplerun *t)
{
	t->conf.family[0] = fake("FAKE_INET");
	t->conf.family[1] = fake("FAKE_INET6");
	return 0;
}
