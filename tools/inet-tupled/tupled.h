/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the daemon say to one another. */
#ifndef _TUPLED_H
#define _TUPLED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "libinettuple.h"
#include "machine.h"
#include "state.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* log.c */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_more(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *addr_str(in_addr_t addr);
extern bool verbose;

/**
 * struct source - something that is read when there is something to read
 * @ready: reads it
 */
struct source {
	int fd;
	void (*ready)(struct source *src);
};

/* link.c */
struct tupled;

/**
 * struct link - a device, and the sockets by which its packets come and go
 * @users: pools that stand on it
 */
struct link {
	LIST_ENTRY(link) list;
	struct tupled *t;
	unsigned int users;
	int ifindex;
	uint8_t mac[PACKET_MAC];
	struct source dhcp;
	struct source arp;
	int out;
};

LIST_HEAD(links, link);

struct link *link_get(struct tupled *t, int ifindex);
void link_put(struct link *l);
void link_refresh(struct link *l);
void link_send(const struct link *l, const struct dhcp_msg *msg,
	       in_addr_t from, in_addr_t to);
void link_send_arp(const struct link *l, const struct arp *arp,
		   const uint8_t to[PACKET_MAC]);

/* local.c */
int local_open(void);
bool local_has(int fd, in_addr_t addr);

/* kernel.c */
struct pool;

/**
 * struct kernel_pool - what the kernel says of a pool of source dhcp
 * @free: how many addresses are in stock
 */
struct kernel_pool {
	char name[INET_TUPLE_NAMSIZ];
	int ifindex;
	uint32_t low;
	uint32_t high;
	uint64_t free;
};

/* And of an address; @stock: nobody has it, for @idle_ms now */
struct kernel_addr {
	in_addr_t addr;
	bool stock;
	uint64_t idle_ms;
};

int kernel_open(struct tupled *t);
int kernel_pools(struct tupled *t, struct kernel_pool **pools, size_t *n);
int kernel_addrs(struct tupled *t, const char *pool,
		 struct kernel_addr **addrs, size_t *n);
int kernel_set(struct tupled *t, const char *pool, in_addr_t addr,
	       uint32_t valid);
int kernel_del(struct tupled *t, const char *pool, in_addr_t addr, bool idle);

/* pool.c */

/**
 * struct address - an address of a pool, or the wish for one
 * @waits: the machine has it, but the kernel is still to be told: what is given
 *	to sockets is in the state file before, where that can be written
 * @given: the kernel has it
 * @stock: and nobody uses it
 */
struct address {
	TAILQ_ENTRY(address) list;
	struct pool *pool;
	struct machine m;
	bool waits;
	bool given;
	bool stock;
	uint64_t idle_ms;
};

/**
 * struct pool - a pool of source dhcp
 * @high: how many addresses may be idle
 * @start: when the next machine may start, so that not all do at once, and
 * @gap: how long after the one before it
 * @widened: when @gap was last found too short
 * @seen: the kernel has it still; scratch of pools_sync()
 * @adopted: it has the leases that the last daemon left
 * @refused: the device without which it has no @link; -1: none
 * @complained: of a server that gives one address to all
 */
struct pool {
	TAILQ_ENTRY(pool) list;
	struct tupled *t;
	char name[INET_TUPLE_NAMSIZ];
	struct link *link;
	struct machine_env env;
	uint32_t high;
	uint64_t start;
	uint64_t gap;
	uint64_t widened;
	bool seen;
	bool adopted;
	int refused;
	bool complained;
	TAILQ_HEAD(addresses, address) addresses;
};

TAILQ_HEAD(pools, pool);

void pools_sync(struct tupled *t);
void pools_want(struct tupled *t, const char *name, uint32_t want);
void pools_timers(struct tupled *t);
uint64_t pools_deadline(struct tupled *t);
void pools_flush(struct tupled *t);
void pools_message(struct link *l, const struct dhcp_msg *msg);
void pools_arp(struct link *l, const struct arp *arp);
void pools_end(struct tupled *t, bool release);

/* export.c */
int export_open(struct tupled *t, const char *table, const char *hooks);
void export_run(struct tupled *t);
uint64_t export_deadline(const struct tupled *t);
void export_end(struct tupled *t, bool empty);

/* main.c */

/**
 * struct tupled - the daemon
 * @local: asks whether an address is on the host
 * @idle_ms: how long an address above the high mark is kept
 * @sync: when to look at what the kernel has
 * @flush: when the state file is to be written; MACHINE_NEVER: it is
 * @orphans: leases of pools that the kernel has not, or not yet
 * @iaid: below it all numbers are used
 * @export: who is told of leases; NULL: nobody
 * @stop: the signal to end by; 0: none yet, -1: the module is gone
 */
struct tupled {
	struct inet_tuple_handle *h;
	struct source events;
	struct source signals;
	struct source timer;
	int epoll;
	int local;
	uint32_t probe_ms;
	uint32_t idle_ms;
	bool broadcast;
	uint64_t now;
	uint64_t sync;
	uint64_t flush;
	struct pools pools;
	struct links links;
	struct state state;
	struct state_data orphans;
	uint32_t iaid;
	struct export *export;
	int stop;
};

uint64_t clock_ms(void);
int watch(struct tupled *t, struct source *src);

#endif /* _TUPLED_H */
