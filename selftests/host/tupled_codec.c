// SPDX-License-Identifier: GPL-2.0-only
/* DHCP, IPv4, UDP and ARP as inet-tupled writes and reads them: to the byte. */
#include <arpa/inet.h>
#include <errno.h>
#include "dhcp.h"
#include "lib_tap.h"
#include "packet.h"

/* An answer of a server, field by field; options from 240 on */
static uint8_t reply[600];
static size_t reply_len;

static void put(const void *bytes, size_t n)
{
	memcpy(reply + reply_len, bytes, n);
	reply_len += n;
}

#define OPTION(...) do {						\
	static const uint8_t _bytes[] = { __VA_ARGS__ };		\
									\
	put(_bytes, sizeof(_bytes));					\
} while (0)

static void begin(void)
{
	static const uint8_t head[] = {
		2, 1, 6, 0, 0x11, 0x22, 0x33, 0x44, 0, 7, 0x80, 0,
		10, 0, 0, 9, 10, 0, 0, 17, 10, 0, 0, 2, 10, 0, 0, 3,
		2, 0, 0, 0, 0, 1,
	};

	memset(reply, 0, sizeof(reply));
	reply_len = 0;
	put(head, sizeof(head));
	reply_len = 236;
	OPTION(99, 130, 83, 99);
}

static int parse(struct dhcp_msg *msg)
{
	return dhcp_parse(msg, reply, reply_len);
}

static void test_parse(void)
{
	struct dhcp_msg msg;

	begin();
	OPTION(53, 1, 5, 0, 0, 54, 4, 10, 0, 0, 1, 51, 4, 0, 0, 14, 16,
	       58, 4, 0, 0, 7, 8, 59, 4, 0, 0, 12, 78, 61, 3, 255, 1, 2,
	       43, 2, 9, 9, 255, 53, 1, 6);
	ok(!parse(&msg), "an ACK");
	ok(msg.type == DHCP_ACK && msg.xid == 0x11223344 && msg.secs == 7 &&
	   msg.broadcast && msg.hw_type == 1 && msg.hw_len == 6 &&
	   !memcmp(msg.hw_addr, "\2\0\0\0\0\1", 6), "its head");
	ok(msg.ciaddr == inet_addr("10.0.0.9") &&
	   msg.yiaddr == inet_addr("10.0.0.17") &&
	   msg.server == inet_addr("10.0.0.1"), "its addresses");
	ok(msg.lease == 3600 && msg.t1 == 1800 && msg.t2 == 3150, "its times");
	ok(msg.client_id.len == 3 && !memcmp(msg.client_id.bytes, "\377\1\2", 3),
	   "whom it is for");

	begin();
	OPTION(53, 1, 6, 56, 5, 'n', 'o', 27, '"', '!', 255);
	ok(!parse(&msg) && msg.type == DHCP_NAK && !strcmp(msg.text, "no?\?!"),
	   "what it says is made fit to print");
	begin();
	OPTION(53, 1, 2, 52, 1, 3, 255);
	memcpy(reply + 108, "\66\4\12\0\0\1\377", 7);
	memcpy(reply + 44, "\63\4\0\0\2\130\377", 7);
	ok(!parse(&msg) && msg.server == inet_addr("10.0.0.1") &&
	   msg.lease == 600, "options where names would be");
	begin();
	OPTION(53, 1, 2, 255);
	memcpy(reply + 108, "\66\4\12\0\0\1\377", 7);
	ok(!parse(&msg) && !msg.server, "but only where it says so");
	begin();
	OPTION(53, 1, 2, 51, 4, 0, 0, 0, 9, 51, 4, 0, 0, 0, 8);
	ok(!parse(&msg) && msg.lease == 9, "the first of two, and no end");
}

static void test_parse_bad(void)
{
	struct dhcp_msg msg;
	uint8_t was;
	size_t len, bad = 0;

#define BAD(name, ...) do {						\
	begin();							\
	OPTION(53, 1, 5);						\
	OPTION(__VA_ARGS__);						\
	ok(parse(&msg) == -EBADMSG, name);				\
} while (0)
	BAD("a length behind the end", 54, 5, 10, 0, 0, 1);
	BAD("no length", 54);
	BAD("a server of three bytes", 54, 3, 10, 0, 0, 255);
	BAD("a time of five", 51, 5, 0, 0, 0, 0, 1, 255);
	BAD("a client of one", 61, 1, 255, 255);
	BAD("an overload of none", 52, 0, 255);
	begin();
	OPTION(54, 4, 10, 0, 0, 1, 255);
	ok(parse(&msg) == -EBADMSG, "no type");
	begin();
	OPTION(53, 1, 5, 52, 1, 1, 255);
	memset(reply + 108, 54, 128);
	ok(parse(&msg) == -EBADMSG, "an overload that goes wrong");

	begin();
	OPTION(53, 1, 5, 255);
	reply[0] = 1;
	ok(parse(&msg) == -EBADMSG, "a request");
	reply[0] = 2;
	was = reply[238];
	reply[238] = 0;
	ok(parse(&msg) == -EBADMSG, "another magic: BOOTP");
	reply[238] = was;
	reply[2] = 17;
	ok(parse(&msg) == -EBADMSG, "a hardware address that is too long");
	reply[2] = 6;
	for (len = 0; len < 243; len++)
		bad += dhcp_parse(&msg, reply, len) == -EBADMSG;
	ok(bad == 243 && !dhcp_parse(&msg, reply, 243), "cut off anywhere");
}

static void test_build(void)
{
	static const uint8_t options[] = {
		99, 130, 83, 99, 53, 1, 3, 61, 9, 255, 0, 0, 1, 2, 0, 4, 0xaa,
		0xbb, 50, 4, 10, 0, 0, 17, 54, 4, 10, 0, 0, 1, 57, 2, 2, 64,
		55, 3, 1, 58, 59, 255,
	};
	static const uint8_t head[] = {
		1, 1, 6, 0, 0x11, 0x22, 0x33, 0x44, 0, 7, 0x80, 0, 10, 0, 0, 9,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0,
	};
	struct dhcp_duid duid = { 4, { 0, 4, 0xaa, 0xbb } };
	struct dhcp_msg msg = {
		.type = DHCP_REQUEST,
		.hw_type = 1,
		.hw_len = 6,
		.hw_addr = { 2, 0, 0, 0, 0, 1 },
		.xid = 0x11223344,
		.secs = 7,
		.broadcast = true,
		.ciaddr = inet_addr("10.0.0.9"),
		.server = inet_addr("10.0.0.1"),
		.requested = inet_addr("10.0.0.17"),
	};
	uint8_t data[DHCP_MSG_MAX];
	size_t len;

	dhcp_client_id(&msg.client_id, 0x102, &duid);
	len = dhcp_build(&msg, data, sizeof(data));
	ok(len == 300, "no message is shorter than BOOTP's");
	ok(!memcmp(data, head, sizeof(head)), "the head");
	ok(!memcmp(data + 236, options, sizeof(options)), "the options");
	ok(!data[276] && !memcmp(data + 276, data + 277, len - 277),
	   "nothing behind the end");
	msg.type = DHCP_RELEASE;
	msg.requested = 0;
	dhcp_build(&msg, data, sizeof(data));
	ok(data[242] == DHCP_RELEASE && data[240 + 3 + 11] == 54 &&
	   data[240 + 3 + 11 + 6] == 255, "RELEASE asks for nothing");
	duid.len = DHCP_DUID_MAX;
	dhcp_client_id(&msg.client_id, 1, &duid);
	msg.type = DHCP_REQUEST;
	len = dhcp_build(&msg, data, sizeof(data));
	ok(len > 300 && len < DHCP_MSG_MAX, "the longest name fits");
	ok(!dhcp_build(&msg, data, 300), "no room, no message");
}

static void test_usable(void)
{
	ok(dhcp_usable(inet_addr("10.0.0.1")) &&
	   dhcp_usable(inet_addr("223.255.255.255")) &&
	   !dhcp_usable(0) && !dhcp_usable(inet_addr("0.1.2.3")) &&
	   !dhcp_usable(inet_addr("127.0.0.1")) &&
	   !dhcp_usable(inet_addr("224.0.0.1")) &&
	   !dhcp_usable(INADDR_NONE), "addresses that a host may have");
}

/* As one of ours, from a server to a client */
static size_t packet(uint8_t *p, const void *data, size_t size)
{
	size_t len = packet_build(p, inet_addr("10.0.0.1"),
				  inet_addr("10.0.0.17"), data, size);
	uint8_t port[4];

	memcpy(port, p + 20, 4);	/* the sum stays right */
	memcpy(p + 20, port + 2, 2);
	memcpy(p + 22, port, 2);
	return len;
}

static void test_packet(void)
{
	static const uint8_t want[] = {
		0x45, 0xc0, 0, 31, 0, 0, 0, 0, 64, 17, 0x65, 0xfd,
		10, 0, 0, 1, 10, 0, 0, 17, 0, 68, 0, 67, 0, 11, 0x26, 0xdd,
		'a', 'b', 'c',
	};
	uint8_t p[128], q[128];
	const uint8_t *data;
	size_t len, size, i, bad = 0;

	len = packet_build(p, inet_addr("10.0.0.1"), inet_addr("10.0.0.17"),
			   "abc", 3);
	ok(len == sizeof(want) && !memcmp(p, want, len), "a packet, to the byte");
	ok(!packet_parse(p, len, false, &size), "it is for servers");

	len = packet(p, "abcd", 4);
	data = packet_parse(p, len, false, &size);
	ok(data && size == 4 && !memcmp(data, "abcd", 4), "one for clients");
	data = packet_parse(p, len + 20, false, &size);
	ok(data && size == 4, "in a frame that was too short");
	for (i = 0; i < len; i++) {
		memcpy(q, p, len);
		q[i] ^= 0x10;
		bad += !packet_parse(q, len, false, &size);
	}
	ok(bad == len, "a wrong bit anywhere is found");
	for (i = 0, bad = 0; i < len; i++)
		bad += !packet_parse(p, i, false, &size);
	ok(bad == len, "and a missing end");
	p[26] ^= 1;
	ok(packet_parse(p, len, true, &size), "what the kernel has seen is not checked again");
	p[26] = 0;
	p[27] = 0;
	ok(packet_parse(p, len, false, &size), "a packet without checksum");
	p[6] = 0x20;
	p[10] -= 0x20;
	ok(!packet_parse(p, len, false, &size), "a part of a packet is none");
}

static void test_arp(void)
{
	static const uint8_t want[] = {
		0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 17,
		2, 0, 0, 0, 0, 9, 10, 0, 0, 1,
	};
	struct arp arp = {
		.reply = true,
		.from = inet_addr("10.0.0.17"),
		.to = inet_addr("10.0.0.1"),
		.from_mac = { 2, 0, 0, 0, 0, 1 },
		.to_mac = { 2, 0, 0, 0, 0, 9 },
	};
	struct arp again = { 0 };
	uint8_t p[PACKET_ARP];

	arp_build(p, &arp);
	ok(!memcmp(p, want, sizeof(want)), "ARP, to the byte");
	ok(!arp_parse(&again, p, sizeof(p)) && again.reply &&
	   again.from == arp.from && again.to == arp.to &&
	   !memcmp(again.from_mac, arp.from_mac, 6) &&
	   !memcmp(again.to_mac, arp.to_mac, 6), "and back");
	ok(arp_parse(&again, p, sizeof(p) - 1) == -EBADMSG, "too short");
	p[7] = 3;
	ok(arp_parse(&again, p, sizeof(p)) == -EBADMSG, "RARP");
	p[7] = 1;
	ok(!arp_parse(&again, p, sizeof(p)) && !again.reply, "a request");
	p[5] = 16;
	ok(arp_parse(&again, p, sizeof(p)) == -EBADMSG, "not for IPv4");
}

int main(void)
{
	test_parse();
	test_parse_bad();
	test_build();
	test_usable();
	test_packet();
	test_arp();
	return tap_done();
}
