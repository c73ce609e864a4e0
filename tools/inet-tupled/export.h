/* SPDX-License-Identifier: GPL-2.0-only */
/* Leases, told to the packet filter and to programs. */
#ifndef _TUPLED_EXPORT_H
#define _TUPLED_EXPORT_H

#include "tupled.h"

/* What a pool says of the packets of its addresses; unset as in the module */
struct qos {
	uint8_t dscp;
	uint32_t priority;
	uint32_t mark;
};

#define QOS_DSCP_UNSET		0xff
#define QOS_PRIORITY_UNSET	UINT32_MAX
#define QOS_MARK_UNSET		0

const char *export_addr_str(const struct inet_tuple_addr *addr);

/* ruleset.c */

#define RULESET_NAMSIZ	64

/**
 * struct ruleset - a table of the packet filter, and who tells when it is gone
 * @ctx: libnftables
 * @news: what happens to tables, sets and maps
 * @number: NFPROTO_* of @family
 * @gone: the table, or one of its maps, was deleted, or may have been
 */
struct ruleset {
	struct nft_ctx *ctx;
	struct source news;
	const char *family;
	uint8_t number;
	char table[RULESET_NAMSIZ];
	void (*gone)(struct ruleset *r);
};

int ruleset_parse(struct ruleset *r, const char *word);
int ruleset_open(struct ruleset *r, struct tupled *t);
int ruleset_run(struct ruleset *r, const char *commands);
void ruleset_close(struct ruleset *r);

/* hooks.c */

/**
 * struct hook_event - what a program is told
 * @event: in a word
 * @addr: whom it is about; NULL: nobody, and then there is no more
 * @reason: another word, or NULL
 */
struct hook_event {
	const char *event;
	const struct inet_tuple_addr *addr;
	const char *pool;
	struct qos qos;
	const char *reason;
};

LIST_HEAD(hook_jobs, hook_job);

/**
 * struct hooks - a folder of programs
 * @limit_ms: how long one may take
 * @n: how many @jobs there are
 */
struct hooks {
	struct tupled *t;
	const char *dir;
	uint32_t limit_ms;
	struct hook_jobs jobs;
	unsigned int n;
};

bool hooks_any(const struct hooks *h);
bool hooks_free(const struct hooks *h);
void hooks_run(struct hooks *h, const struct hook_event *event,
	       void (*done)(void *arg), void *arg);
void hooks_timers(struct hooks *h);
uint64_t hooks_deadline(const struct hooks *h);
void hooks_wait(struct hooks *h);

#endif /* _TUPLED_EXPORT_H */
