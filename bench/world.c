// SPDX-License-Identifier: GPL-2.0-only
/* Where the benchmark takes place: a device, pools, and what others would use
 * in their stead.
 *
 *	10.0.0.1		the server; 2001:db8::1
 *	10.32.0.0/12		AnyIP, as for freebind; 2001:db8:1::/64
 *	10.48.0.0/12		AnyIP by the device; 2001:db8:3::/64
 *	10.200.0.0/16		addresses that the helper adds; 2001:db8:2::/64
 *	10.64.0.0/12		pool p4, plumb prefix; p6 2001:db8:4::/64
 *	10.128.0.0/16		pool a4, plumb address; a6 2001:db8:5::/112
 *	10.16.0.0/12		pool m4 for a million; m6 2001:db8:6::/64
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

struct bench_family families[N_FAMILIES] = {
	[V4] = {
		.name = "IPv4",
		.inet = AF_INET,
		.tuple = AF_INET_TUPLE,
		.len = sizeof(struct sockaddr_in),
	},
	[V6] = {
		.name = "IPv6",
		.inet = AF_INET6,
		.tuple = AF_INET6_TUPLE,
		.len = sizeof(struct sockaddr_in6),
	},
};

void command(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (system(line))
		die("%s", line);
}

void pool_default(const char *pool)
{
	command("tuplectl pool set %s default on", pool);
}

void address_of(int f, unsigned int prefix, unsigned int n,
		struct sockaddr_storage *addr)
{
	static const uint32_t v4[] = { 0x0a200000, 0x0ac80000, 0x0a300000 };
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *sin = (struct sockaddr_in *)addr;

	memset(addr, 0, sizeof(*addr));
	addr->ss_family = families[f].inet;
	if (f == V4) {
		sin->sin_addr.s_addr = htonl(v4[prefix] + n);
		return;
	}
	sin6->sin6_addr.s6_addr32[0] = htonl(0x20010db8);
	sin6->sin6_addr.s6_addr32[1] = htonl((prefix + 1) << 16);
	sin6->sin6_addr.s6_addr32[3] = htonl(n);
}

int tuple_socket(int f, int type)
{
	return must(socket(families[f].tuple, type, 0), "tuple socket");
}

int listener(int f)
{
	int sd = must(socket(families[f].inet, SOCK_STREAM, 0), "socket");
	int on = 1;

	must(setsockopt(sd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)),
	     "SO_REUSEADDR");
	must(bind(sd, (struct sockaddr *)&families[f].server,
		  families[f].len), "bind");
	must(listen(sd, 1024), "listen");
	return sd;
}

/* A helper with privileges, as it would be written: one rtnetlink socket, a
 * request, its answer. Without duplicate address detection, or it
 * would wait a second for each IPv6 address.
 */
static void helper_request(int f, const struct sockaddr_storage *addr, int type,
			   int flags)
{
	static int sd = -1;
	static unsigned int seq, ifindex;
	struct {
		struct nlmsghdr nlh;
		struct ifaddrmsg ifa;
		char attrs[64];
	} request = {};
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
		char rest[256];
	} ack;
	const void *bytes = f == V4 ?
		(void *)&((struct sockaddr_in *)addr)->sin_addr :
		(void *)&((struct sockaddr_in6 *)addr)->sin6_addr;
	unsigned int len = f == V4 ? 4 : 16, nodad = IFA_F_NODAD;
	struct rtattr *rta;

	if (sd < 0) {
		sd = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "netlink");
		ifindex = if_nametoindex(DEVICE);
	}
	request.nlh.nlmsg_type = type;
	request.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	request.nlh.nlmsg_seq = ++seq;
	request.ifa.ifa_family = families[f].inet;
	request.ifa.ifa_prefixlen = len * 8;
	request.ifa.ifa_index = ifindex;
	rta = (struct rtattr *)request.attrs;
	rta->rta_type = IFA_LOCAL;
	rta->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(rta), bytes, len);
	request.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(request.ifa)) +
				RTA_SPACE(len);
	if (f == V6) {
		rta = (struct rtattr *)(request.attrs + RTA_SPACE(len));
		rta->rta_type = IFA_FLAGS;
		rta->rta_len = RTA_LENGTH(4);
		memcpy(RTA_DATA(rta), &nodad, 4);
		request.nlh.nlmsg_len += RTA_SPACE(4);
	}
	must(send(sd, &request, request.nlh.nlmsg_len, 0), "rtnetlink");
	must(recv(sd, &ack, sizeof(ack), 0), "rtnetlink");
	errno = -ack.err.error;
	must(ack.err.error, type == RTM_NEWADDR ? "RTM_NEWADDR" : "RTM_DELADDR");
}

void helper_add(int f, const struct sockaddr_storage *addr)
{
	helper_request(f, addr, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
}

void helper_del(int f, const struct sockaddr_storage *addr)
{
	helper_request(f, addr, RTM_DELADDR, 0);
}

static void sysctl(const char *name, const char *value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	file = fopen(path, "w");
	if (!file || fprintf(file, "%s", value) < 0 || fclose(file))
		die("%s", path);
}

void world_addresses(void)
{
	struct sockaddr_in6 *sin6 =
		(struct sockaddr_in6 *)&families[V6].server;
	struct sockaddr_in *sin = (struct sockaddr_in *)&families[V4].server;

	sin->sin_family = AF_INET;
	sin->sin_port = htons(PORT);
	inet_pton(AF_INET, "10.0.0.1", &sin->sin_addr);
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(PORT);
	inet_pton(AF_INET6, "2001:db8::1", &sin6->sin6_addr);
}

void world_setup(void)
{
	world_addresses();
	sysctl("fs/file-max", "4000000");
	sysctl("fs/nr_open", "3000000");
	sysctl("net/ipv4/tcp_max_tw_buckets", "1000000");
	sysctl("net/ipv6/conf/default/accept_dad", "0");
	command("modprobe dummy numdummies=0");
	command("ip link add " DEVICE " type dummy");
	command("ip link set " DEVICE " up");
	command("ip addr add 10.0.0.1/24 dev " DEVICE);
	command("ip addr add 2001:db8::1/64 dev " DEVICE " nodad");
	command("ip route add local 10.32.0.0/12 dev lo");
	command("ip route add local 2001:db8:1::/64 dev lo");
	command("ip route add local 10.48.0.0/12 dev " DEVICE);
	command("ip route add local 2001:db8:3::/64 dev " DEVICE);
	command("modprobe inet_tuple");
	command("tuplectl pool add p4 dev " DEVICE " prefix 10.64.0.0/12 plumb prefix");
	command("tuplectl pool add p6 dev " DEVICE " prefix 2001:db8:4::/64 plumb prefix");
	command("tuplectl pool add a4 dev " DEVICE " prefix 10.128.0.0/16 plumb address");
	command("tuplectl pool add a6 dev " DEVICE " prefix 2001:db8:5::/64 plumb address");
}
