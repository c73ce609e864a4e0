/* SPDX-License-Identifier: GPL-2.0-only */
/* DHCP messages (RFC 2131, 2132), to bytes and from them. */
#ifndef _TUPLED_DHCP_H
#define _TUPLED_DHCP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_SERVER_PORT	67
#define DHCP_CLIENT_PORT	68
#define DHCP_MSG_MAX		576	/* the most we send, and ask for */
#define DHCP_FOREVER		0xffffffffU
#define DHCP_LEASE_MIN		4	/* seconds; a shorter one is not taken */
#define DHCP_DUID_MAX		128	/* RFC 8415, 11.1, and the type */
#define DHCP_CLIENT_ID_MAX	255

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
};

/* As long as it is, and never more than 255 bytes: that is one option. */
struct dhcp_client_id {
	uint8_t len;
	uint8_t bytes[DHCP_CLIENT_ID_MAX];
};

struct dhcp_duid {
	uint8_t len;
	uint8_t bytes[DHCP_DUID_MAX];
};

/**
 * struct dhcp_msg - what of a message concerns us; 0: not in it
 * @ciaddr: the client's address, as far as it is its own already
 * @yiaddr: the address that the server gives
 * @server: the server identifier (54)
 * @requested: the address that is asked for (50)
 * @lease: seconds (51), DHCP_FOREVER: without end
 * @t1: seconds until renewal (58)
 * @t2: seconds until rebinding (59)
 * @client_id: option 61
 * @text: the server's explanation (56), in printable characters
 *
 * Addresses are in network byte order.
 */
struct dhcp_msg {
	uint8_t type;
	uint8_t hw_type;
	uint8_t hw_len;
	uint8_t hw_addr[16];
	uint32_t xid;
	uint16_t secs;
	bool broadcast;
	in_addr_t ciaddr;
	in_addr_t yiaddr;
	in_addr_t server;
	in_addr_t requested;
	uint32_t lease;
	uint32_t t1;
	uint32_t t2;
	struct dhcp_client_id client_id;
	char text[64];
};

int dhcp_parse(struct dhcp_msg *msg, const void *data, size_t size);
size_t dhcp_build(const struct dhcp_msg *msg, void *data, size_t size);
void dhcp_client_id(struct dhcp_client_id *id, uint32_t iaid,
		    const struct dhcp_duid *duid);
bool dhcp_usable(in_addr_t addr);

#endif /* _TUPLED_DHCP_H */
