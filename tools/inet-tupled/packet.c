// SPDX-License-Identifier: GPL-2.0-only
/* IPv4 and UDP headers, and ARP. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include "dhcp.h"
#include "packet.h"

#define TTL 64

/* RFC 1071, on from what is summed already; an odd byte is the last there is */
static uint32_t sum(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *p = data;

	for (; size > 1; size -= 2, p += 2)
		sum += p[0] << 8 | p[1];
	if (size)
		sum += *p << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* With the pseudo header of UDP; 0: it is right */
static uint16_t udp_check(in_addr_t from, in_addr_t to, const void *udp,
			  size_t size)
{
	uint32_t all = IPPROTO_UDP + size;

	all = sum(all, &from, sizeof(from));
	all = sum(all, &to, sizeof(to));
	return fold(sum(all, udp, size));
}

/**
 * packet_build - an IPv4 packet from the client's port to the server's
 * @packet: where to put it: PACKET_HEADERS and @size bytes
 * @from: the address it comes from
 * @to: the address it goes to
 * @data: what is in it
 * @size: how much of that
 *
 * Return: its length.
 */
size_t packet_build(void *packet, in_addr_t from, in_addr_t to,
		    const void *data, size_t size)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tos = IPTOS_CLASS_CS6,
		.tot_len = htons(PACKET_HEADERS + size),
		.ttl = TTL,
		.protocol = IPPROTO_UDP,
		.saddr = from,
		.daddr = to,
	};
	struct udphdr udp = {
		.source = htons(DHCP_CLIENT_PORT),
		.dest = htons(DHCP_SERVER_PORT),
		.len = htons(sizeof(udp) + size),
	};
	uint8_t *p = packet;

	ip.check = htons(fold(sum(0, &ip, sizeof(ip))));
	memcpy(p, &ip, sizeof(ip));
	memcpy(p + sizeof(ip), &udp, sizeof(udp));
	memcpy(p + PACKET_HEADERS, data, size);
	udp.check = htons(udp_check(from, to, p + sizeof(ip),
				    sizeof(udp) + size));
	if (!udp.check)
		udp.check = 0xffff;	/* 0 is for none */
	memcpy(p + sizeof(ip), &udp, sizeof(udp));
	return PACKET_HEADERS + size;
}

/**
 * packet_parse - what is in a packet to the client's port
 * @packet: from the IPv4 header on
 * @size: how long it is, with what a short frame is filled up with
 * @checked: the checksum of UDP is known to be right, or still to be written
 *	by hardware that the packet never reached
 * @data_size: where to put the length of what is in it
 *
 * Return: the place behind the UDP header; NULL: it is no such packet, or a
 * damaged one.
 */
const void *packet_parse(const void *packet, size_t size, bool checked,
			 size_t *data_size)
{
	const uint8_t *p = packet;
	struct udphdr udp;
	struct iphdr ip;
	size_t head, total, len;

	if (size < sizeof(ip))
		return NULL;
	memcpy(&ip, p, sizeof(ip));
	head = ip.ihl * 4U;
	total = ntohs(ip.tot_len);
	if (ip.version != 4 || head < sizeof(ip) || total > size ||
	    total < head + sizeof(udp) || ip.protocol != IPPROTO_UDP ||
	    ip.frag_off & htons(IP_OFFMASK | IP_MF) || fold(sum(0, p, head)))
		return NULL;

	memcpy(&udp, p + head, sizeof(udp));
	len = ntohs(udp.len);
	if (len < sizeof(udp) || len > total - head ||
	    udp.dest != htons(DHCP_CLIENT_PORT))
		return NULL;
	if (!checked && udp.check &&
	    udp_check(ip.saddr, ip.daddr, p + head, len))
		return NULL;
	*data_size = len - sizeof(udp);
	return p + head + sizeof(udp);
}

/* ARP for IPv4 over Ethernet, as RFC 826 has it */
#define ARP_HTYPE	0
#define ARP_PTYPE	2
#define ARP_HLEN	4
#define ARP_PLEN	5
#define ARP_OP		6
#define ARP_SHA		8
#define ARP_SPA		14
#define ARP_THA		18
#define ARP_TPA		24

static const uint8_t arp_head[] = { 0, ARPHRD_ETHER, 8, 0, PACKET_MAC, 4, 0 };

void arp_build(uint8_t packet[PACKET_ARP], const struct arp *arp)
{
	memcpy(packet, arp_head, sizeof(arp_head));
	packet[ARP_OP + 1] = arp->reply ? ARPOP_REPLY : ARPOP_REQUEST;
	memcpy(packet + ARP_SHA, arp->from_mac, PACKET_MAC);
	memcpy(packet + ARP_SPA, &arp->from, sizeof(arp->from));
	memcpy(packet + ARP_THA, arp->to_mac, PACKET_MAC);
	memcpy(packet + ARP_TPA, &arp->to, sizeof(arp->to));
}

/* Return: 0; -EBADMSG: it is something else. */
int arp_parse(struct arp *arp, const void *packet, size_t size)
{
	const uint8_t *p = packet;

	if (size < PACKET_ARP || memcmp(p, arp_head, sizeof(arp_head)) ||
	    (p[ARP_OP + 1] != ARPOP_REQUEST && p[ARP_OP + 1] != ARPOP_REPLY))
		return -EBADMSG;
	arp->reply = p[ARP_OP + 1] == ARPOP_REPLY;
	memcpy(arp->from_mac, p + ARP_SHA, PACKET_MAC);
	memcpy(&arp->from, p + ARP_SPA, sizeof(arp->from));
	memcpy(arp->to_mac, p + ARP_THA, PACKET_MAC);
	memcpy(&arp->to, p + ARP_TPA, sizeof(arp->to));
	return 0;
}
