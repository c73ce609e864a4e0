// SPDX-License-Identifier: GPL-2.0-only
/* What people preload today: each socket that connects gets a random address of
 * a prefix that is local (AnyIP), by IP_FREEBIND and bind(). Nobody keeps
 * account of who has which.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static int (*next_connect)(int sd, const struct sockaddr *addr, socklen_t len);
static int (*next_socket)(int domain, int type, int protocol);

__attribute__((constructor)) static void start(void)
{
	*(void **)&next_connect = dlsym(RTLD_NEXT, "connect");
	*(void **)&next_socket = dlsym(RTLD_NEXT, "socket");
}

int socket(int domain, int type, int protocol)
{
	int sd = next_socket(domain, type, protocol), on = 1;

	if (sd >= 0 && domain == AF_INET)
		setsockopt(sd, SOL_IP, IP_FREEBIND, &on, sizeof(on));
	else if (sd >= 0 && domain == AF_INET6)
		setsockopt(sd, SOL_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	return sd;
}

int connect(int sd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6,
	};
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
	};

	if (addr->sa_family == AF_INET) {
		sin.sin_addr.s_addr = htonl(0x0a200001 + rand() % 0xffffe);
		bind(sd, (struct sockaddr *)&sin, sizeof(sin));
	} else if (addr->sa_family == AF_INET6) {
		inet_pton(AF_INET6, "2001:db8:1::", &sin6.sin6_addr);
		sin6.sin6_addr.s6_addr32[3] = rand();
		bind(sd, (struct sockaddr *)&sin6, sizeof(sin6));
	}
	return next_connect(sd, addr, len);
}
