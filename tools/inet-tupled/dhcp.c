// SPDX-License-Identifier: GPL-2.0-only
/* DHCP messages, to bytes and from them.
 *
 * What comes in is anybody's who is on the network: of each option only its
 * first occurrence counts, one of a wrong length makes the message none.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "dhcp.h"

#define BOOTREQUEST	1
#define BOOTREPLY	2
#define FLAG_BROADCAST	0x8000
#define MAGIC		0x63825363
#define PACKET_MIN	300	/* RFC 951: what relays may insist on */

/* The fields in front of the options */
#define OFF_OP		0
#define OFF_HTYPE	1
#define OFF_HLEN	2
#define OFF_XID		4
#define OFF_SECS	8
#define OFF_FLAGS	10
#define OFF_CIADDR	12
#define OFF_YIADDR	16
#define OFF_CHADDR	28
#define OFF_SNAME	44
#define OFF_FILE	108
#define OFF_MAGIC	236
#define OFF_OPTIONS	240

enum {
	OPT_PAD		= 0,
	OPT_MASK	= 1,
	OPT_REQUESTED	= 50,
	OPT_LEASE	= 51,
	OPT_OVERLOAD	= 52,
	OPT_TYPE	= 53,
	OPT_SERVER	= 54,
	OPT_PARAMETERS	= 55,
	OPT_TEXT	= 56,
	OPT_MAX_SIZE	= 57,
	OPT_T1		= 58,
	OPT_T2		= 59,
	OPT_CLIENT_ID	= 61,
	OPT_END		= 255,
};

#define OVERLOAD_FILE	1
#define OVERLOAD_SNAME	2

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static in_addr_t get_addr(const uint8_t *p)
{
	in_addr_t addr;

	memcpy(&addr, p, sizeof(addr));
	return addr;
}

static void put16(uint8_t *p, uint16_t val)
{
	p[0] = val >> 8;
	p[1] = val;
}

static void put32(uint8_t *p, uint32_t val)
{
	put16(p, val >> 16);
	put16(p + 2, val);
}

/* It goes to logs: nothing but what can be printed, and no quotes. */
static void get_text(char *text, size_t size, const uint8_t *p, uint8_t len)
{
	size_t i;

	for (i = 0; i < len && i < size - 1; i++)
		text[i] = p[i] >= ' ' && p[i] < 0x7f && p[i] != '"' ?
			  p[i] : '?';
	text[i] = '\0';
}

/**
 * struct options - on the way through the options
 * @msg: where they go
 * @seen: which of them were there
 * @overload: which of the fields for names hold options as well
 */
struct options {
	struct dhcp_msg *msg;
	uint8_t seen[256 / 8];
	uint8_t overload;
};

static bool first_time(struct options *o, uint8_t code)
{
	uint8_t bit = 1 << (code & 7);
	bool first = !(o->seen[code >> 3] & bit);

	o->seen[code >> 3] |= bit;
	return first;
}

static uint8_t length_of(uint8_t code)
{
	switch (code) {
	case OPT_TYPE:
	case OPT_OVERLOAD:
		return 1;
	case OPT_REQUESTED:
	case OPT_LEASE:
	case OPT_SERVER:
	case OPT_T1:
	case OPT_T2:
		return 4;
	default:
		return 0;	/* any */
	}
}

static int get_option(struct options *o, uint8_t code, const uint8_t *p,
		      uint8_t len)
{
	struct dhcp_msg *msg = o->msg;

	if (!first_time(o, code))
		return 0;
	if (length_of(code) && len != length_of(code))
		return -EBADMSG;
	switch (code) {
	case OPT_TYPE:
		msg->type = *p;
		break;
	case OPT_OVERLOAD:
		o->overload = *p;
		break;
	case OPT_REQUESTED:
		msg->requested = get_addr(p);
		break;
	case OPT_SERVER:
		msg->server = get_addr(p);
		break;
	case OPT_LEASE:
		msg->lease = get32(p);
		break;
	case OPT_T1:
		msg->t1 = get32(p);
		break;
	case OPT_T2:
		msg->t2 = get32(p);
		break;
	case OPT_CLIENT_ID:
		if (len < 2)
			return -EBADMSG;
		msg->client_id.len = len;
		memcpy(msg->client_id.bytes, p, len);
		break;
	case OPT_TEXT:
		get_text(msg->text, sizeof(msg->text), p, len);
		break;
	}
	return 0;
}

/* One field of options. Some servers leave the end away: that is the field's. */
static int get_options(struct options *o, const uint8_t *p, size_t size)
{
	uint8_t code, len;
	int err;

	while (size) {
		code = *p++;
		size--;
		if (code == OPT_PAD)
			continue;
		if (code == OPT_END)
			return 0;
		if (!size)
			return -EBADMSG;
		len = *p++;
		size--;
		if (len > size)
			return -EBADMSG;
		err = get_option(o, code, p, len);
		if (err)
			return err;
		p += len;
		size -= len;
	}
	return 0;
}

/**
 * dhcp_parse - a server's message from the bytes behind the UDP header
 * @msg: where to put it
 * @data: the bytes
 * @size: how many
 *
 * Return: 0; -EBADMSG: that is none.
 */
int dhcp_parse(struct dhcp_msg *msg, const void *data, size_t size)
{
	struct options o = { .msg = msg };
	const uint8_t *p = data;
	int err;

	memset(msg, 0, sizeof(*msg));
	if (size < OFF_OPTIONS || p[OFF_OP] != BOOTREPLY ||
	    get32(p + OFF_MAGIC) != MAGIC ||
	    p[OFF_HLEN] > sizeof(msg->hw_addr))
		return -EBADMSG;

	msg->hw_type = p[OFF_HTYPE];
	msg->hw_len = p[OFF_HLEN];
	memcpy(msg->hw_addr, p + OFF_CHADDR, sizeof(msg->hw_addr));
	msg->xid = get32(p + OFF_XID);
	msg->secs = get16(p + OFF_SECS);
	msg->broadcast = get16(p + OFF_FLAGS) & FLAG_BROADCAST;
	msg->ciaddr = get_addr(p + OFF_CIADDR);
	msg->yiaddr = get_addr(p + OFF_YIADDR);

	err = get_options(&o, p + OFF_OPTIONS, size - OFF_OPTIONS);
	if (!err && o.overload & OVERLOAD_FILE)
		err = get_options(&o, p + OFF_FILE, OFF_MAGIC - OFF_FILE);
	if (!err && o.overload & OVERLOAD_SNAME)
		err = get_options(&o, p + OFF_SNAME, OFF_FILE - OFF_SNAME);
	if (!err && !msg->type)
		err = -EBADMSG;
	return err;
}

/* Options on their way out; the callers' sizes leave room for all there are */
static uint8_t *put_option(uint8_t *p, uint8_t code, const void *val,
			   uint8_t len)
{
	*p++ = code;
	*p++ = len;
	memcpy(p, val, len);
	return p + len;
}

static uint8_t *put_addr(uint8_t *p, uint8_t code, in_addr_t addr)
{
	return addr ? put_option(p, code, &addr, sizeof(addr)) : p;
}

/* What is of use to us. A server that sends more is not asked to. */
static uint8_t *put_wishes(uint8_t *p)
{
	static const uint8_t parameters[] = { OPT_MASK, OPT_T1, OPT_T2 };
	uint8_t max[2];

	put16(max, DHCP_MSG_MAX);
	p = put_option(p, OPT_MAX_SIZE, max, sizeof(max));
	return put_option(p, OPT_PARAMETERS, parameters, sizeof(parameters));
}

/**
 * dhcp_build - a client's message, to the bytes behind the UDP header
 * @msg: the message
 * @data: where to put it
 * @size: the room there, DHCP_MSG_MAX at least
 *
 * Return: how many bytes.
 */
size_t dhcp_build(const struct dhcp_msg *msg, void *data, size_t size)
{
	uint8_t *start = data, *p = start + OFF_OPTIONS;

	if (size < DHCP_MSG_MAX)
		return 0;
	memset(start, 0, size);
	start[OFF_OP] = BOOTREQUEST;
	start[OFF_HTYPE] = msg->hw_type;
	start[OFF_HLEN] = msg->hw_len;
	memcpy(start + OFF_CHADDR, msg->hw_addr, sizeof(msg->hw_addr));
	put32(start + OFF_XID, msg->xid);
	put16(start + OFF_SECS, msg->secs);
	put16(start + OFF_FLAGS, msg->broadcast ? FLAG_BROADCAST : 0);
	memcpy(start + OFF_CIADDR, &msg->ciaddr, sizeof(msg->ciaddr));
	put32(start + OFF_MAGIC, MAGIC);

	p = put_option(p, OPT_TYPE, &msg->type, sizeof(msg->type));
	p = put_option(p, OPT_CLIENT_ID, msg->client_id.bytes,
		       msg->client_id.len);
	p = put_addr(p, OPT_REQUESTED, msg->requested);
	p = put_addr(p, OPT_SERVER, msg->server);
	if (msg->type == DHCP_DISCOVER || msg->type == DHCP_REQUEST)
		p = put_wishes(p);
	*p++ = OPT_END;
	return p - start < PACKET_MIN ? PACKET_MIN : p - start;
}

/**
 * dhcp_client_id - who an address's holder is, RFC 4361
 * @id: where to put it
 * @iaid: which of the host's addresses
 * @duid: the host
 */
void dhcp_client_id(struct dhcp_client_id *id, uint32_t iaid,
		    const struct dhcp_duid *duid)
{
	id->bytes[0] = 255;
	put32(id->bytes + 1, iaid);
	memcpy(id->bytes + 5, duid->bytes, duid->len);
	id->len = 5 + duid->len;
}

/* Whether an address is one that a host may have */
bool dhcp_usable(in_addr_t addr)
{
	uint32_t host = ntohl(addr);

	return host >> 24 && host >> 24 != IN_LOOPBACKNET &&
	       host >> 24 < 224;
}
