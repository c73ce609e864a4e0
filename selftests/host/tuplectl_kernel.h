/* SPDX-License-Identifier: GPL-2.0-only */
/* What ld --wrap makes of socket(), bind() and setsockopt() */
#ifndef _TUPLECTL_KERNEL_H
#define _TUPLECTL_KERNEL_H

#include <sys/socket.h>

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __real_setsockopt(int fd, int level, int name, const void *val,
		      socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *val,
		      socklen_t len);

#endif /* _TUPLECTL_KERNEL_H */
