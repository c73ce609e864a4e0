// SPDX-License-Identifier: GPL-2.0-only
/* A device's packets. What is said before there is an address, and ARP, go by
 * packet sockets; what goes to a server by its address is left to the host's own
 * routes and neighbours, from an address that need not be on the host.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tupled.h"

#define PACKETS		64	/* read in a row, before others have their turn */
#define PACKET_SIZE	9216

static const uint8_t everybody[PACKET_MAC] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff
};

/* UDP, whole, to the client's port: from the IPv4 header on */
static struct sock_filter dhcp_only[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_CLIENT_PORT, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/* IPv4 over Ethernet: the protocol below, and hardware addresses of six bytes */
static struct sock_filter arp_only[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x08000604, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, PACKET_ARP),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

/* Nothing comes before the filter is there: the protocol is bound last. */
static int packet_socket(int ifindex, uint16_t protocol,
			 struct sock_filter *filter, unsigned short n,
			 struct sockaddr_ll *ll)
{
	struct sock_fprog prog = { .len = n, .filter = filter };
	socklen_t len = sizeof(*ll);
	int fd, err, on = 1;

	memset(ll, 0, sizeof(*ll));
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ll->sll_family = AF_PACKET;
	ll->sll_protocol = htons(protocol);
	ll->sll_ifindex = ifindex;
	if (!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			sizeof(prog)) &&
	    !setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) &&
	    !bind(fd, (struct sockaddr *)ll, sizeof(*ll)) &&
	    !getsockname(fd, (struct sockaddr *)ll, &len))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int raw_socket(int ifindex)
{
	int fd, err;

	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    IPPROTO_RAW);
	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex,
			sizeof(ifindex)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Whether a packet came to this device for us, and what of its checksum */
static bool to_us(struct msghdr *msg, const struct sockaddr_ll *from,
		  bool *checked)
{
	struct tpacket_auxdata aux;
	struct cmsghdr *c;

	*checked = false;
	if (from->sll_pkttype != PACKET_HOST &&
	    from->sll_pkttype != PACKET_BROADCAST &&
	    from->sll_pkttype != PACKET_MULTICAST)
		return false;
	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_PACKET ||
		    c->cmsg_type != PACKET_AUXDATA ||
		    c->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		*checked = aux.tp_status &
			   (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID);
		if (aux.tp_status & TP_STATUS_VLAN_VALID &&
		    aux.tp_vlan_tci & 0xfff)
			return false;	/* that of another network */
	}
	return true;
}

/* A packet's length; 0: not for us; -1: there is none */
static ssize_t receive(int fd, uint8_t *packet, size_t size, bool *checked)
{
	union {
		char buf[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { packet, size };
	struct sockaddr_ll from;
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(fd, &msg, 0);

	if (len < 0)
		return -1;
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
	    !to_us(&msg, &from, checked))
		return 0;
	return len;
}

static void dhcp_ready(struct source *src)
{
	struct link *l = (struct link *)((char *)src -
					 offsetof(struct link, dhcp));
	uint8_t packet[PACKET_SIZE];
	struct dhcp_msg msg;
	const void *data;
	bool checked;
	ssize_t len;
	size_t size;
	int i;

	for (i = 0; i < PACKETS; i++) {
		len = receive(src->fd, packet, sizeof(packet), &checked);
		if (len < 0)
			break;
		data = packet_parse(packet, len, checked, &size);
		if (data && !dhcp_parse(&msg, data, size))
			pools_message(l, &msg);
	}
}

static void arp_ready(struct source *src)
{
	struct link *l = (struct link *)((char *)src -
					 offsetof(struct link, arp));
	uint8_t packet[PACKET_SIZE];
	struct arp arp;
	bool checked;
	ssize_t len;
	int i;

	for (i = 0; i < PACKETS; i++) {
		len = receive(src->fd, packet, sizeof(packet), &checked);
		if (len < 0)
			break;
		if (!arp_parse(&arp, packet, len))
			pools_arp(l, &arp);
	}
}

/**
 * link_refresh - see whether a device has another hardware address
 * @l: the device
 */
void link_refresh(struct link *l)
{
	struct sockaddr_ll ll;
	socklen_t len = sizeof(ll);

	if (!getsockname(l->dhcp.fd, (struct sockaddr *)&ll, &len) &&
	    ll.sll_halen == PACKET_MAC)
		memcpy(l->mac, ll.sll_addr, PACKET_MAC);
}

static int open_sockets(struct link *l)
{
	struct sockaddr_ll ll;
	int fd;

	fd = packet_socket(l->ifindex, ETH_P_IP, dhcp_only,
			   ARRAY_SIZE(dhcp_only), &ll);
	if (fd < 0)
		return fd;
	l->dhcp.fd = fd;
	if (ll.sll_hatype != ARPHRD_ETHER || ll.sll_halen != PACKET_MAC)
		return -EAFNOSUPPORT;
	memcpy(l->mac, ll.sll_addr, PACKET_MAC);
	fd = packet_socket(l->ifindex, ETH_P_ARP, arp_only,
			   ARRAY_SIZE(arp_only), &ll);
	if (fd < 0)
		return fd;
	l->arp.fd = fd;
	fd = raw_socket(l->ifindex);
	if (fd < 0)
		return fd;
	l->out = fd;
	fd = watch(l->t, &l->dhcp);
	return fd ? fd : watch(l->t, &l->arp);
}

/**
 * link_get - the sockets of a device
 * @t: the daemon
 * @ifindex: the device
 *
 * Return: them, for link_put(); NULL, and errno: they cannot be had.
 */
struct link *link_get(struct tupled *t, int ifindex)
{
	struct link *l;
	int err;

	LIST_FOREACH(l, &t->links, list)
		if (l->ifindex == ifindex) {
			l->users++;
			return l;
		}
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->t = t;
	l->users = 1;
	l->ifindex = ifindex;
	l->dhcp = (struct source){ -1, dhcp_ready };
	l->arp = (struct source){ -1, arp_ready };
	l->out = -1;
	LIST_INSERT_HEAD(&t->links, l, list);
	err = open_sockets(l);
	if (!err)
		return l;
	link_put(l);
	errno = -err;
	return NULL;
}

void link_put(struct link *l)
{
	if (--l->users)
		return;
	LIST_REMOVE(l, list);
	if (l->dhcp.fd >= 0)
		close(l->dhcp.fd);
	if (l->arp.fd >= 0)
		close(l->arp.fd);
	if (l->out >= 0)
		close(l->out);
	free(l);
}

static void send_frame(const struct link *l, int fd, uint16_t protocol,
		       const uint8_t to[PACKET_MAC], const void *data,
		       size_t size)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = l->ifindex,
		.sll_halen = PACKET_MAC,
	};

	memcpy(ll.sll_addr, to, PACKET_MAC);
	if (sendto(fd, data, size, 0, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		say_more("device %d: %s", l->ifindex, strerror(errno));
}

/**
 * link_send - send a DHCP message. One that is lost is sent again some time.
 * @l: the device
 * @msg: the message
 * @from: the address it comes from; 0: none yet
 * @to: the server; 0: whoever hears it
 */
void link_send(const struct link *l, const struct dhcp_msg *msg,
	       in_addr_t from, in_addr_t to)
{
	uint8_t packet[PACKET_HEADERS + DHCP_MSG_MAX];
	struct sockaddr_in in = { .sin_family = AF_INET };
	uint8_t data[DHCP_MSG_MAX];
	size_t size;

	size = dhcp_build(msg, data, sizeof(data));
	in.sin_addr.s_addr = to ? to : htonl(INADDR_BROADCAST);
	size = packet_build(packet, from, in.sin_addr.s_addr, data, size);
	if (!to)
		send_frame(l, l->dhcp.fd, ETH_P_IP, everybody, packet, size);
	else if (sendto(l->out, packet, size, 0, (struct sockaddr *)&in,
			sizeof(in)) < 0)
		say_more("to %s: %s", addr_str(to), strerror(errno));
}

/* @to: one device; NULL: all */
void link_send_arp(const struct link *l, const struct arp *arp,
		   const uint8_t to[PACKET_MAC])
{
	uint8_t packet[PACKET_ARP];

	arp_build(packet, arp);
	send_frame(l, l->arp.fd, ETH_P_ARP, to ? to : everybody, packet,
		   sizeof(packet));
}
