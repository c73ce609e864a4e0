/* SPDX-License-Identifier: GPL-2.0-only */
/* What DHCP and ARP travel in: to bytes, and from them with every check. */
#ifndef _TUPLED_PACKET_H
#define _TUPLED_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_HEADERS	28	/* of IPv4 and UDP */
#define PACKET_ARP	28	/* ARP for IPv4 over Ethernet */
#define PACKET_MAC	6

size_t packet_build(void *packet, in_addr_t from, in_addr_t to,
		    const void *data, size_t size);
const void *packet_parse(const void *packet, size_t size, bool checked,
			 size_t *data_size);

/**
 * struct arp - an ARP message
 * @from: the sender's IP address; 0 in a probe
 * @from_mac: its hardware address
 * @to: the target's IP address
 * @to_mac: its hardware address; 0 in a request
 */
struct arp {
	bool reply;
	in_addr_t from;
	in_addr_t to;
	uint8_t from_mac[PACKET_MAC];
	uint8_t to_mac[PACKET_MAC];
};

void arp_build(uint8_t packet[PACKET_ARP], const struct arp *arp);
int arp_parse(struct arp *arp, const void *packet, size_t size);

#endif /* _TUPLED_PACKET_H */
