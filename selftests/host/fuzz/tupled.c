// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer: what inet-tupled makes of what comes from the network, and of its
 * state file. The first byte says which; for the network come packets, each with
 * its length in two bytes and a third that says how far it is let in: what a
 * server cannot guess, it is given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"
#include "packet.h"
#include "state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct machine_env env;
static uint64_t now;
static uint32_t numbers;
static bool uses;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void on_send(void *arg, struct machine *m, const struct dhcp_msg *msg,
		    in_addr_t from, in_addr_t to)
{
	uint8_t data[DHCP_MSG_MAX], packet[PACKET_HEADERS + DHCP_MSG_MAX];
	size_t size = dhcp_build(msg, data, sizeof(data));

	must(size >= 300 && size <= sizeof(data));
	must(packet_build(packet, from, to, data, size) ==
	     PACKET_HEADERS + size);
	must(!to || dhcp_usable(to));
	must(!from || dhcp_usable(from));
}

static void on_arp(void *arg, struct machine *m, bool announce)
{
	must(dhcp_usable(m->addr));
}

static uint64_t on_taken(void *arg, struct machine *m, in_addr_t addr)
{
	return addr & htonl(1) ? now + 5 : 0;
}

static void on_got(void *arg, struct machine *m)
{
	must(!uses && m->given && dhcp_usable(m->addr) && now < m->expires);
	uses = true;
}

static void on_renewed(void *arg, struct machine *m)
{
	must(uses && now < m->expires && m->t1 <= m->t2 && m->t2 <= m->expires);
}

static void on_lost(void *arg, struct machine *m, enum machine_loss why)
{
	must(uses);
	uses = false;
}

static uint32_t on_random(void *arg)
{
	numbers = numbers * 1103515245 + 12345;
	return numbers;
}

static const struct machine_ops ops = {
	.send		= on_send,
	.arp		= on_arp,
	.taken		= on_taken,
	.got		= on_got,
	.renewed	= on_renewed,
	.lost		= on_lost,
	.random		= on_random,
};

/* On to the next that is to be done, or sleep for a day */
static void wait_for(struct machine *m, bool day)
{
	if (day)
		now += 86400000;
	else if (m->deadline != MACHINE_NEVER && m->deadline > now)
		now = m->deadline;
	machine_timer(m, now);
	must(m->deadline > now);
	must(uses == m->given);
	must(!uses || now < m->expires);
}

static void one_packet(struct machine *m, const uint8_t *data, size_t size,
		       uint8_t how)
{
	struct dhcp_msg msg;
	struct arp arp;

	if (how & 1) {
		data = packet_parse(data, size, how & 2, &size);
		if (!data)
			return;
	}
	if (!dhcp_parse(&msg, data, size)) {
		must(memchr(msg.text, 0, sizeof(msg.text)));
		if (how & 4)
			msg.xid = m->xid;
		if (how & 8) {
			memcpy(msg.hw_addr, env.mac, PACKET_MAC);
			msg.hw_len = PACKET_MAC;
			msg.client_id.len = 0;
		}
		if (how & 16)
			msg.server = m->server;
		if (how & 32)
			msg.yiaddr = m->addr;
		machine_message(m, &msg, now);
	} else if (!arp_parse(&arp, data, size) && machine_has(m) &&
		   (how & 8 || arp.from == m->addr)) {
		machine_conflict(m, now);
	}
}

static void network(const uint8_t *data, size_t size)
{
	struct dhcp_duid duid = { .len = 18 };
	struct machine m;
	size_t len;

	now = 1000;
	numbers = 1;
	uses = false;
	env.ops = &ops;
	env.probe_ms = size & 1 ? 0 : 1000;
	memcpy(env.mac, "\2\0\0\0\0\1", PACKET_MAC);
	machine_init(&m, &env, 1, &duid);
	machine_start(&m, now);
	wait_for(&m, false);
	while (size > 3) {
		uint8_t how = data[2];

		len = data[0] << 8 | data[1];
		data += 3;
		size -= 3;
		if (len > size)
			len = size;
		one_packet(&m, data, len, how);
		if (how & 64)
			wait_for(&m, how & 128);
		data += len;
		size -= len;
	}
	machine_release(&m, now);
}

/* What is read is written as it was read. */
static void state(const uint8_t *data, size_t size)
{
	struct state_data one, two;
	size_t again;
	char *text;

	if (state_parse(&one, (const char *)data, size))
		return;
	text = state_format(&one, &again);
	must(text && !state_parse(&two, text, again));
	must(one.n == two.n && one.duid.len == two.duid.len);
	must(!one.n || !memcmp(one.leases, two.leases,
			       one.n * sizeof(*one.leases)));
	state_carry_over(&two, one.boot_ms, one.real_ms + 1);
	free(text);
	state_clear(&one);
	state_clear(&two);
}

/* A file without its last line, which a fuzzer would not guess */
static void state_made_whole(const uint8_t *data, size_t size)
{
	unsigned long long sum = 0xcbf29ce484222325;
	char *text = malloc(size + 32);
	size_t i;

	must(text);
	memcpy(text, data, size);
	for (i = 0; i < size; i++)
		sum = (sum ^ data[i]) * 0x100000001b3;
	i += snprintf(text + size, 32, "end %016llx\n", sum);
	state((uint8_t *)text, i);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] % 4) {
	case 0:
		state(data + 1, size - 1);
		break;
	case 1:
		state_made_whole(data + 1, size - 1);
		break;
	default:
		network(data + 1, size - 1);
	}
	return 0;
}
