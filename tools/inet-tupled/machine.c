// SPDX-License-Identifier: GPL-2.0-only
/* The client of RFC 2131, figure 5, for one address, with the probe of RFC 5227
 * between the server's yes and the address's use.
 *
 *	INIT -> SELECTING -> REQUESTING -> PROBING -> BOUND <-> RENEWING
 *	INIT_REBOOT -> REBOOTING ---------^               <-> REBINDING
 *
 * No, a conflict and the lease's end lead back to INIT. Nothing here knows of
 * sockets or clocks: what happens comes in by a call with the time, and what is
 * to be done goes out by machine_ops.
 */
#include <string.h>
#include "machine.h"

#define SECOND		1000ULL
#define TRIES		4	/* of a REQUEST: a minute in all */
#define RENEW_MIN	(60 * SECOND)
#define DECLINE_WAIT	(10 * SECOND)

/* RFC 5227; its times are parts of a probe that takes 7 s at most. */
#define PROBE_NUM	3
#define ANNOUNCE_NUM	2
#define ANNOUNCE_WAIT	(2 * SECOND)
#define MAX_CONFLICTS	10
#define CONFLICT_WAIT	(60 * SECOND)
#define DEFEND_INTERVAL	(10 * SECOND)

/* A number up to, and with, @max */
static uint64_t up_to(const struct machine *m, uint64_t max)
{
	return m->env->ops->random(m->env->arg) % (max + 1);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void enter(struct machine *m, enum machine_state state, uint64_t now)
{
	m->state = state;
	m->tries = 0;
	m->began = now;
	m->sent = now;
	m->xid = m->env->ops->random(m->env->arg);
}

/* 4, 8, 16, 32, then 64 s, each a second more or less */
static uint64_t backoff(const struct machine *m)
{
	unsigned int n = m->tries ? m->tries - 1 : 0;

	return (4 * SECOND << (n < 4 ? n : 4)) - SECOND + up_to(m, 2 * SECOND);
}

static void message(const struct machine *m, struct dhcp_msg *msg,
		    enum dhcp_type type, uint64_t now)
{
	uint64_t secs = (now - m->began) / SECOND;

	memset(msg, 0, sizeof(*msg));
	msg->type = type;
	msg->hw_type = 1;
	msg->hw_len = PACKET_MAC;
	memcpy(msg->hw_addr, m->env->mac, PACKET_MAC);
	msg->xid = m->xid;
	msg->secs = earlier(secs, UINT16_MAX);
	msg->client_id = m->id;
}

static void say(struct machine *m, const struct dhcp_msg *msg, in_addr_t to)
{
	m->env->ops->send(m->env->arg, m, msg, msg->ciaddr, to);
}

static void send_discover(struct machine *m, uint64_t now)
{
	struct dhcp_msg msg;

	message(m, &msg, DHCP_DISCOVER, now);
	msg.broadcast = m->env->broadcast;
	msg.requested = m->addr;
	m->tries++;
	m->deadline = now + backoff(m);
	say(m, &msg, 0);
}

/* For an offer, which names its server, or for what was there before */
static void send_request(struct machine *m, uint64_t now)
{
	struct dhcp_msg msg;

	message(m, &msg, DHCP_REQUEST, now);
	msg.broadcast = m->env->broadcast;
	msg.requested = m->addr;
	if (m->state == MACHINE_REQUESTING)
		msg.server = m->server;
	m->tries++;
	m->deadline = now + backoff(m);
	say(m, &msg, 0);
}

/* Half of what is left until @limit, and not less than a minute; where all of
 * the time is short, not less than a quarter of it.
 */
static uint64_t halfway(uint64_t begin, uint64_t limit, uint64_t now)
{
	uint64_t least = earlier(RENEW_MIN, later((limit - begin) / 4, SECOND));

	return earlier(limit, now + later((limit - now) / 2, least));
}

/* Each with a number of its own: the lease counts from the one that is answered. */
static void send_renewal(struct machine *m, uint64_t now)
{
	bool rebind = m->state == MACHINE_REBINDING;
	struct dhcp_msg msg;

	m->xid = m->env->ops->random(m->env->arg);
	m->sent = now;
	m->tries++;
	m->deadline = halfway(rebind ? m->t2 : m->t1,
			      rebind ? m->expires : m->t2, now);
	message(m, &msg, DHCP_REQUEST, now);
	msg.ciaddr = m->addr;
	say(m, &msg, rebind ? 0 : m->server);
}

/* Begin anew, after a while */
static void init(struct machine *m, uint64_t now, uint64_t wait)
{
	enter(m, MACHINE_INIT, now);
	m->deadline = now + wait;
}

static void lose(struct machine *m, enum machine_loss why)
{
	if (!m->given)
		return;
	m->given = false;
	m->env->ops->lost(m->env->arg, m, why);
}

/* Where the lease's time leads now */
static void keep(struct machine *m, uint64_t now)
{
	if (now >= m->expires) {
		lose(m, MACHINE_EXPIRED);
		init(m, now, up_to(m, SECOND));
	} else if (now >= m->t2) {
		if (m->state != MACHINE_REBINDING)
			enter(m, MACHINE_REBINDING, now);
		send_renewal(m, now);
	} else if (now >= m->t1) {
		if (m->state != MACHINE_RENEWING)
			enter(m, MACHINE_RENEWING, now);
		send_renewal(m, now);
	} else {
		m->state = MACHINE_BOUND;
		m->deadline = m->t1;
	}
}

static void announce(struct machine *m, uint64_t now)
{
	m->env->ops->arp(m->env->arg, m, true);
	m->arps++;
	if (m->arps < ANNOUNCE_NUM)
		m->deadline = earlier(m->deadline, now + ANNOUNCE_WAIT);
}

static void bound(struct machine *m, uint64_t now)
{
	m->refusals = 0;
	m->conflicts = 0;
	m->defended = 0;
	m->arps = 0;
	m->given = true;
	m->env->ops->got(m->env->arg, m);
	keep(m, now);
	if (m->state == MACHINE_BOUND)
		announce(m, now);
}

/* Three times, at random in between; then it is ours. */
static void probe(struct machine *m, uint64_t now)
{
	uint64_t part = m->env->probe_ms / 7;

	if (now >= m->expires) {
		init(m, now, up_to(m, SECOND));
		return;
	}
	if (m->arps == PROBE_NUM) {
		bound(m, now);
		return;
	}
	m->env->ops->arp(m->env->arg, m, false);
	m->arps++;
	m->deadline = now + (m->arps == PROBE_NUM ? 2 * part :
						    part + up_to(m, part));
}

static void start_probe(struct machine *m, uint64_t now)
{
	m->state = MACHINE_PROBING;
	m->arps = m->env->probe_ms ? 0 : PROBE_NUM;
	m->deadline = now + up_to(m, m->env->probe_ms / 7);
	if (!m->env->probe_ms)
		probe(m, now);
}

/* No server answered. The lease is ours to the end it had. */
static void unanswered(struct machine *m, uint64_t now)
{
	if (m->state == MACHINE_REBOOTING && now < m->expires)
		start_probe(m, now);
	else
		init(m, now, up_to(m, SECOND));
}

/**
 * machine_init - a new identity that asks for nothing yet
 * @m: the machine
 * @env: what it shares with others
 * @iaid: its number, that of no other
 * @duid: the host
 */
void machine_init(struct machine *m, struct machine_env *env, uint32_t iaid,
		  const struct dhcp_duid *duid)
{
	memset(m, 0, sizeof(*m));
	m->env = env;
	m->iaid = iaid;
	m->deadline = MACHINE_NEVER;
	dhcp_client_id(&m->id, iaid, duid);
}

/* Ask for an address, for @m->addr if the server likes, from @when on */
void machine_start(struct machine *m, uint64_t when)
{
	enter(m, MACHINE_INIT, when);
	m->deadline = when;
}

/* The host has started again with a lease in its memory: ask whether it holds */
void machine_reboot(struct machine *m, uint64_t when)
{
	enter(m, MACHINE_INIT_REBOOT, when);
	m->deadline = when;
}

/* Go on with an address that is in use already */
void machine_resume(struct machine *m, uint64_t now)
{
	enter(m, MACHINE_BOUND, now);
	m->given = true;
	m->arps = ANNOUNCE_NUM;
	m->deadline = earlier(now >= m->t1 ? now : m->t1, m->expires);
}

/**
 * machine_timer - time goes on
 * @m: the machine
 * @now: the time, at or past @m->deadline
 */
void machine_timer(struct machine *m, uint64_t now)
{
	if (now < m->deadline)
		return;
	m->deadline = MACHINE_NEVER;
	switch (m->state) {
	case MACHINE_INIT:
		enter(m, MACHINE_SELECTING, now);
		send_discover(m, now);
		break;
	case MACHINE_SELECTING:
		send_discover(m, now);
		break;
	case MACHINE_INIT_REBOOT:
		enter(m, MACHINE_REBOOTING, now);
		send_request(m, now);
		break;
	case MACHINE_REQUESTING:
	case MACHINE_REBOOTING:
		if (m->tries < TRIES)
			send_request(m, now);
		else
			unanswered(m, now);
		break;
	case MACHINE_PROBING:
		probe(m, now);
		break;
	case MACHINE_BOUND:
		keep(m, now);
		if (m->state == MACHINE_BOUND && m->arps < ANNOUNCE_NUM)
			announce(m, now);
		break;
	case MACHINE_RENEWING:
	case MACHINE_REBINDING:
		keep(m, now);
		break;
	}
}

/* Whether an answer is one to our last question: RFC 2131, and RFC 6842, by
 * which a server says to whom it speaks.
 */
static bool for_us(const struct machine *m, const struct dhcp_msg *msg)
{
	return msg->xid == m->xid && dhcp_usable(msg->server) &&
	       msg->hw_len == PACKET_MAC &&
	       !memcmp(msg->hw_addr, m->env->mac, PACKET_MAC) &&
	       (!msg->client_id.len ||
		(msg->client_id.len == m->id.len &&
		 !memcmp(msg->client_id.bytes, m->id.bytes, m->id.len)));
}

/* A moment that many addresses have in common is one that they must not use. */
static uint64_t about(const struct machine *m, uint64_t ms)
{
	return ms - ms / 16 + up_to(m, ms / 8);
}

static void take_times(struct machine *m, const struct dhcp_msg *msg)
{
	uint64_t lease = msg->lease * SECOND;
	uint64_t t1 = msg->t1 * SECOND;
	uint64_t t2 = msg->t2 * SECOND;

	m->server = msg->server;
	if (msg->lease == DHCP_FOREVER) {
		m->t1 = MACHINE_NEVER;
		m->t2 = MACHINE_NEVER;
		m->expires = MACHINE_NEVER;
		return;
	}
	if (!t1 || !t2 || t1 >= t2 || t2 >= lease) {
		t1 = lease / 2;
		t2 = lease / 8 * 7;
	}
	m->expires = m->sent + lease;
	m->t2 = m->sent + earlier(about(m, t2), lease);
	m->t1 = earlier(m->sent + about(m, t1), m->t2);
}

static void offered(struct machine *m, const struct dhcp_msg *msg,
		    uint64_t now)
{
	uint64_t again;

	if (m->state != MACHINE_SELECTING || !dhcp_usable(msg->yiaddr))
		return;
	again = m->env->ops->taken(m->env->arg, m, msg->yiaddr);
	if (again) {
		machine_start(m, again);
		return;
	}
	m->addr = msg->yiaddr;
	m->server = msg->server;
	m->state = MACHINE_REQUESTING;	/* with the number of the offer */
	m->tries = 0;
	m->sent = now;
	send_request(m, now);
}

/* An answer may be so late that what it gives is over. */
static bool acceptable(const struct machine *m, const struct dhcp_msg *msg,
		       uint64_t now)
{
	return msg->yiaddr == m->addr && msg->lease >= DHCP_LEASE_MIN &&
	       (msg->lease == DHCP_FOREVER ||
		now < m->sent + msg->lease * SECOND);
}

static void acked(struct machine *m, const struct dhcp_msg *msg, uint64_t now)
{
	if (!acceptable(m, msg, now))
		return;
	switch (m->state) {
	case MACHINE_REQUESTING:
		if (msg->server != m->server)
			return;
		/* fall through */
	case MACHINE_REBOOTING:
		take_times(m, msg);
		start_probe(m, now);
		break;
	case MACHINE_RENEWING:
	case MACHINE_REBINDING:
		take_times(m, msg);
		m->refusals = 0;
		m->state = MACHINE_BOUND;
		m->deadline = m->t1;
		m->env->ops->renewed(m->env->arg, m);
		break;
	default:
		break;
	}
}

/* A server that says no again and again is asked less and less. */
static void refused(struct machine *m, const struct dhcp_msg *msg,
		    uint64_t now)
{
	unsigned int n = m->refusals < 6 ? m->refusals : 6;

	switch (m->state) {
	case MACHINE_REQUESTING:
	case MACHINE_RENEWING:
		if (msg->server != m->server)
			return;
		break;
	case MACHINE_REBOOTING:
	case MACHINE_REBINDING:
		break;
	default:
		return;
	}
	lose(m, MACHINE_REFUSED);
	m->addr = 0;
	m->refusals++;
	init(m, now, (SECOND << n) - up_to(m, SECOND));
}

/**
 * machine_message - a server has said something
 * @m: the machine whose number it bears
 * @msg: what it said
 * @now: the time
 */
void machine_message(struct machine *m, const struct dhcp_msg *msg,
		     uint64_t now)
{
	if (!for_us(m, msg))
		return;
	switch (msg->type) {
	case DHCP_OFFER:
		offered(m, msg, now);
		break;
	case DHCP_ACK:
		acked(m, msg, now);
		break;
	case DHCP_NAK:
		refused(m, msg, now);
		break;
	}
}

/**
 * machine_decline - the address cannot be used: somebody else does
 * @m: a machine that has one
 * @now: the time
 */
void machine_decline(struct machine *m, uint64_t now)
{
	struct dhcp_msg msg;

	lose(m, MACHINE_CONFLICT);
	m->xid = m->env->ops->random(m->env->arg);
	message(m, &msg, DHCP_DECLINE, m->began);
	msg.requested = m->addr;
	msg.server = m->server;
	say(m, &msg, 0);

	m->addr = 0;
	m->conflicts++;
	init(m, now, m->conflicts < MAX_CONFLICTS ? DECLINE_WAIT :
						    CONFLICT_WAIT);
}

/**
 * machine_conflict - another host uses the address, or means to
 * @m: the machine
 * @now: the time
 *
 * One who is there already keeps it. One who comes later is told once, and
 * believed when it insists.
 */
void machine_conflict(struct machine *m, uint64_t now)
{
	switch (m->state) {
	case MACHINE_PROBING:
		machine_decline(m, now);
		break;
	case MACHINE_BOUND:
	case MACHINE_RENEWING:
	case MACHINE_REBINDING:
		if (m->defended && now - m->defended < DEFEND_INTERVAL) {
			machine_decline(m, now);
			break;
		}
		m->defended = now;
		m->env->ops->arp(m->env->arg, m, true);
		break;
	default:
		break;
	}
}

/**
 * machine_release - the address, if any, is wanted no more
 * @m: the machine, which its owner frees afterwards
 * @now: the time
 */
void machine_release(struct machine *m, uint64_t now)
{
	struct dhcp_msg msg;

	if (machine_has(m) || m->state == MACHINE_REQUESTING) {
		m->xid = m->env->ops->random(m->env->arg);
		message(m, &msg, DHCP_RELEASE, m->began);
		msg.ciaddr = m->addr;
		msg.server = m->server;
		say(m, &msg, m->server);
	}
	m->given = false;
	init(m, now, 0);
	m->deadline = MACHINE_NEVER;
}

/* Whether the address is the machine's, be it that others are still asked */
bool machine_has(const struct machine *m)
{
	return m->state >= MACHINE_PROBING;
}

const char *machine_state_name(enum machine_state state)
{
	static const char *const names[] = {
		[MACHINE_INIT]		= "init",
		[MACHINE_SELECTING]	= "selecting",
		[MACHINE_REQUESTING]	= "requesting",
		[MACHINE_INIT_REBOOT]	= "init-reboot",
		[MACHINE_REBOOTING]	= "rebooting",
		[MACHINE_PROBING]	= "probing",
		[MACHINE_BOUND]		= "bound",
		[MACHINE_RENEWING]	= "renewing",
		[MACHINE_REBINDING]	= "rebinding",
	};

	return names[state];
}
