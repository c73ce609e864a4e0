/* SPDX-License-Identifier: GPL-2.0-only */
/* The state file: who we are to servers, and which leases we have. */
#ifndef _TUPLED_STATE_H
#define _TUPLED_STATE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/inet_tuple.h>
#include "dhcp.h"

#define STATE_BOOT_LEN	36	/* of the kernel's boot_id */

/* Times as in struct machine */
struct state_lease {
	char pool[INET_TUPLE_NAMSIZ];
	uint32_t iaid;
	in_addr_t addr;
	in_addr_t server;
	uint64_t t1;
	uint64_t t2;
	uint64_t expires;
};

/**
 * struct state_data - what is in the file
 * @boot: which start of the machine the times count from
 * @boot_ms: what that clock said when the file was written, and
 * @real_ms: what the one on the wall said
 */
struct state_data {
	struct dhcp_duid duid;
	char boot[STATE_BOOT_LEN + 1];
	uint64_t boot_ms;
	uint64_t real_ms;
	struct state_lease *leases;
	size_t n;
	size_t size;
};

/**
 * struct state - the file
 * @dir: its folder
 * @dir_fd: that, locked as long as this process lives
 * @boot: this start of the machine
 * @same_boot: what was read was written since then
 * @data: what was read, with times of this start's clock
 */
struct state {
	const char *dir;
	int dir_fd;
	char boot[STATE_BOOT_LEN + 1];
	bool same_boot;
	struct state_data data;
};

int state_parse(struct state_data *data, const char *text, size_t size);
char *state_format(const struct state_data *data, size_t *size);
void state_carry_over(struct state_data *data, uint64_t boot_ms,
		      uint64_t real_ms);
int state_add(struct state_data *data, const struct state_lease *lease);
void state_clear(struct state_data *data);

int state_lock(struct state *s, const char *dir);
int state_read(struct state *s, uint64_t now);
int state_write(struct state *s, uint64_t now);

#endif /* _TUPLED_STATE_H */
