/* SPDX-License-Identifier: GPL-2.0-only */
/* Every difference between the kernels that are supported, and nothing else. */
#ifndef _TUPLE_COMPAT_H
#define _TUPLE_COMPAT_H

#include <asm/syscall.h>
#include <linux/cgroup.h>
#include <linux/compat.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/sock.h>
#include <uapi/asm/unistd.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "inet_tuple needs Linux 6.1 or later"
#endif

/* 6.11: SMC as a protocol of the inet families */
#ifndef IPPROTO_SMC
#define IPPROTO_SMC	256
#endif

/* 6.4: MPTCP makes its first subflow when it is needed. Before, it is made with
 * the sock, and keeps pointing to the struct socket that it was made for.
 */
static inline bool tuple_shell_in_use(const struct sock *sk)
{
	return LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0) &&
	       sk->sk_protocol == IPPROTO_MPTCP;
}

/* 6.10: accept() takes one struct for what were two arguments */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
struct proto_accept_arg {
	int flags;
	bool kern;
};

static inline int tuple_base_accept(const struct proto_ops *base,
				    struct socket *sock, struct socket *newsock,
				    struct proto_accept_arg *arg)
{
	return base->accept(sock, newsock, arg->flags, arg->kern);
}

/* The op itself, from a function of today's form */
#define TUPLE_ACCEPT_OP(name, function)					\
static int name(struct socket *sock, struct socket *newsock, int flags,	\
		bool kern)						\
{									\
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };	\
									\
	return function(sock, newsock, &arg);				\
}
#else
static inline int tuple_base_accept(const struct proto_ops *base,
				    struct socket *sock, struct socket *newsock,
				    struct proto_accept_arg *arg)
{
	return base->accept(sock, newsock, arg);
}

#define TUPLE_ACCEPT_OP(name, function)					\
static int name(struct socket *sock, struct socket *newsock,		\
		struct proto_accept_arg *arg)				\
{									\
	return function(sock, newsock, arg);				\
}
#endif

/* 6.5: sendpage() became a sendmsg() with a flag. Before, have it call that. */
static inline void tuple_ops_no_sendpage(struct proto_ops *ops)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	ops->sendpage = sock_no_sendpage;
#endif
}

/* 6.10: __assign_str() lost its source argument */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define tuple_assign_str(dst, src)	__assign_str(dst, src)
#else
#define tuple_assign_str(dst, src)	__assign_str(dst)
#endif

/* 6.6: struct inet_sock's bit fields became atomic bits. Sock lock held. */
static inline bool tuple_sock_freebind(struct sock *sk, bool on)
{
	bool was;

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	was = inet_sk(sk)->freebind;
	inet_sk(sk)->freebind = on;
#else
	was = inet_test_bit(FREEBIND, sk);
	inet_assign_bit(FREEBIND, sk, on);
#endif
	return was;
}

/* Do listeners of this protocol clone themselves? (TCP, MPTCP, DCCP) */
static inline bool tuple_sock_is_icsk(const struct sock *sk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return inet_sk(sk)->is_icsk;
#else
	return inet_test_bit(IS_ICSK, sk);
#endif
}

/* 6.7: a file's memory may be used again at once. Here it may not: the socket is
 * kept from ending, and points to it. Return: the file, or NULL when it is being
 * closed.
 */
static inline struct file *tuple_get_file(struct file *file)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return get_file_rcu(file) ? file : NULL;
#else
	return get_file_active(&file);
#endif
}

static inline struct inet_hashinfo *tuple_tcp_hashinfo(struct net *net)
{
	return net->ipv4.tcp_death_row.hashinfo;
}

static inline struct cgroup *tuple_sock_cgroup(struct sock *sk)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	return sock_cgroup_ptr(&sk->sk_cgrp_data);
#else
	return NULL;
#endif
}

static inline u64 tuple_sock_cgroup_id(struct sock *sk)
{
	struct cgroup *cgrp = tuple_sock_cgroup(sk);

	return cgrp ? cgroup_id(cgrp) : 0;
}

/* create() is not told SOCK_NONBLOCK: ask the system call itself. Where it is
 * another one (io_uring, a 32-bit task), the answer is no, as without the flag.
 */
static inline bool tuple_creating_nonblock(void)
{
#ifdef __NR_socket
	struct pt_regs *regs = task_pt_regs(current);
	unsigned long args[6];

	if (current->flags & PF_KTHREAD || in_compat_syscall() ||
	    syscall_get_nr(current, regs) != __NR_socket)
		return false;
	syscall_get_arguments(current, regs, args);
	return args[1] & SOCK_NONBLOCK;
#else
	return false;
#endif
}

/* netlink: where a dump finds the attributes of its request */
static inline struct nlattr **tuple_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* sysfs: what callbacks of a class take became const bit by bit */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define compat_class_device	const struct device
#else
#define compat_class_device	struct device
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define compat_class		const struct class
#define compat_class_attribute	const struct class_attribute
#else
#define compat_class		struct class
#define compat_class_attribute	struct class_attribute
#endif

#endif /* _TUPLE_COMPAT_H */
