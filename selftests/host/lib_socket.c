// SPDX-License-Identifier: LGPL-2.1-or-later
/* The socket calls, on ordinary sockets: this needs no module. */
#include <errno.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include "internal.h"
#include "lib_tap.h"

static void test_udp(int domain)
{
	struct sockaddr_in peer = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	struct sockaddr_in local = { .sin_family = AF_INET };
	socklen_t len = sizeof(local);
	int fd;

	fd = inet_tuple_socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0);
	ok(fd >= 0, "an ordinary socket of domain %d", domain);
	ok(!inet_tuple_bind(fd, (struct sockaddr *)&local, &len) &&
	   local.sin_port && len == sizeof(local), "bind tells the port");
	memset(&local, 0, sizeof(local));
	ok(!inet_tuple_connect(fd, (struct sockaddr *)&peer, sizeof(peer),
			       (struct sockaddr *)&local, &len) &&
	   local.sin_addr.s_addr == htonl(INADDR_LOOPBACK),
	   "connect tells the address");
	ok(!inet_tuple_connect(fd, (struct sockaddr *)&peer, sizeof(peer),
			       NULL, NULL), "or not");
	ok(!inet_tuple_getsockname(fd, (struct sockaddr *)&local, &len),
	   "getsockname");
	ok(!inet_tuple_close(fd), "close");
	ok(inet_tuple_close(-1) == -EBADF, "close of nothing");
	ok(inet_tuple_getsockname(-1, (struct sockaddr *)&local, &len) ==
	   -EBADF, "getsockname of nothing");
}

int main(void)
{
	struct inet_tuple_handle *h;
	int fd;

	test_udp(AF_INET);
	test_udp(AF_INET_TUPLE);
	ok(inet_tuple_socket(AF_UNIX, SOCK_STREAM, 0, 0) == -EAFNOSUPPORT,
	   "no other domains");
	ok(inet_tuple_family(AF_UNIX) == -EAFNOSUPPORT, "no other families");
	ok(inet_tuple_handle_open(&h, "there-is-no-such-namespace") == -ENOENT,
	   "no such network namespace");
	ok(inet_tuple_handle_open(&h, "") == -EINVAL, "no namespace at all");

	if (inet_tuple_handle_open(&h, NULL) == 0) {
		inet_tuple_handle_close(h);
		return tap_done();
	}
	fd = inet_tuple_socket(AF_INET, SOCK_STREAM, 0, 1);
	ok(fd == -EAFNOSUPPORT, "no module, no tuple socket");
	return tap_done();
}
