/* SPDX-License-Identifier: GPL-2.0-only */
/* One address on its way from wanted to released: RFC 2131's client. */
#ifndef _TUPLED_MACHINE_H
#define _TUPLED_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include "dhcp.h"
#include "packet.h"

#define MACHINE_NEVER	UINT64_MAX

enum machine_state {
	MACHINE_INIT,		/* waits before it asks for any address */
	MACHINE_SELECTING,	/* has asked who offers one */
	MACHINE_REQUESTING,	/* has asked for what was offered */
	MACHINE_INIT_REBOOT,	/* waits before it asks for the one it had */
	MACHINE_REBOOTING,	/* has asked whether it may keep that */
	MACHINE_PROBING,	/* has it, and asks whether somebody uses it */
	MACHINE_BOUND,
	MACHINE_RENEWING,	/* asks the server for more time */
	MACHINE_REBINDING,	/* asks any server for that */
};

enum machine_loss {
	MACHINE_EXPIRED,	/* no server gave more time */
	MACHINE_REFUSED,	/* one said no */
	MACHINE_CONFLICT,	/* somebody else uses it */
};

struct machine;

/**
 * struct machine_ops - what a machine asks of the world
 * @send: a message; @to: 0: to everybody
 * @arp: ask who has the machine's address, or tell that we have
 * @taken: an address is offered. 0: take it; else it is another machine's, and
 *	that is when to ask anew
 * @got: the address may be used from now on
 * @renewed: it may be used for longer
 * @lost: it must not be used any more, from now on
 * @random: any number
 */
struct machine_ops {
	void (*send)(void *arg, struct machine *m, const struct dhcp_msg *msg,
		     in_addr_t from, in_addr_t to);
	void (*arp)(void *arg, struct machine *m, bool announce);
	uint64_t (*taken)(void *arg, struct machine *m, in_addr_t addr);
	void (*got)(void *arg, struct machine *m);
	void (*renewed)(void *arg, struct machine *m);
	void (*lost)(void *arg, struct machine *m, enum machine_loss why);
	uint32_t (*random)(void *arg);
};

/**
 * struct machine_env - what the machines of one device share
 * @arg: for @ops
 * @mac: the device's
 * @probe_ms: how long the probe of an address may take; 0: there is none.
 *	RFC 5227 has 7000.
 * @broadcast: have servers broadcast their answers
 */
struct machine_env {
	const struct machine_ops *ops;
	void *arg;
	uint8_t mac[PACKET_MAC];
	uint32_t probe_ms;
	bool broadcast;
};

/**
 * struct machine - an address, or the wish for one
 * @deadline: when machine_timer() is to be called
 * @tries: messages since the state began
 * @began: when the first message went
 * @sent: when the message went from which a lease is counted
 * @addr: what it has, asks for, or would like to have again
 * @given: the owner was told of @addr
 * @refusals: answers of no in a row
 * @conflicts: addresses that somebody else used, in a row
 * @defended: when another who used it was last answered; 0: never
 *
 * Times are milliseconds of a clock that never jumps.
 */
struct machine {
	struct machine_env *env;
	struct dhcp_client_id id;
	uint32_t iaid;
	enum machine_state state;
	uint64_t deadline;
	uint32_t xid;
	unsigned int tries;
	unsigned int arps;
	uint64_t began;
	uint64_t sent;
	in_addr_t addr;
	in_addr_t server;
	uint64_t t1;
	uint64_t t2;
	uint64_t expires;
	bool given;
	unsigned int refusals;
	unsigned int conflicts;
	uint64_t defended;
};

void machine_init(struct machine *m, struct machine_env *env, uint32_t iaid,
		  const struct dhcp_duid *duid);
void machine_start(struct machine *m, uint64_t when);
void machine_reboot(struct machine *m, uint64_t when);
void machine_resume(struct machine *m, uint64_t now);
void machine_timer(struct machine *m, uint64_t now);
void machine_message(struct machine *m, const struct dhcp_msg *msg,
		     uint64_t now);
void machine_conflict(struct machine *m, uint64_t now);
void machine_decline(struct machine *m, uint64_t now);
void machine_release(struct machine *m, uint64_t now);
bool machine_has(const struct machine *m);
const char *machine_state_name(enum machine_state state);

#endif /* _TUPLED_MACHINE_H */
