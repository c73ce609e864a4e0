/* SPDX-License-Identifier: GPL-2.0-only */
/* What ld --wrap makes of the calls that would reach a kernel */
#ifndef _FUZZ_KERNEL_H
#define _FUZZ_KERNEL_H

#include <sys/socket.h>
#include <sys/types.h>

int __wrap_socket(int domain, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *val,
		      socklen_t len);
ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recvfrom(int fd, void *buf, size_t len, int flags,
			struct sockaddr *from, socklen_t *from_len);

#endif /* _FUZZ_KERNEL_H */
