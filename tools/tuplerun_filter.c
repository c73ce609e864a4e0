// SPDX-License-Identifier: GPL-2.0-only
/* The system call filter, and how to read what it lets through to us.
 *
 * It looks at socket() alone, and there at the values of the first two
 * arguments: other calls and other families cost a few instructions.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include "tuplerun.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 0x20
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW 0
#else
#define LOW 4
#endif

#define TYPE_MASK	0xf
#define NO_CALL		0xffffffff

#define LOAD(field)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
				 offsetof(struct seccomp_data, field))
#define LOAD_ARG(i)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
				 offsetof(struct seccomp_data, args[i]) + LOW)
#define AND(k)		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, k)
#define RET(k)		BPF_STMT(BPF_RET | BPF_K, k)
/* Skip @yes or @no instructions */
#define EQUAL(k, yes, no)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, yes, no)

#define I386_SOCKETCALL	102

#define TABLE_SIZE	18
#define TABLES_MAX	2

/**
 * struct table - a system call table
 * @arch: its AUDIT_ARCH_
 * @socket: its number of socket()
 * @alias: of socket() by another name
 * @call: of socketcall(), whose arguments no filter can see: the kind is all
 *	that is looked at
 */
struct table {
	__u32 arch, socket, alias, call;
};

static const struct table tables[] = {
#if defined(__x86_64__)
	/* x32 has a bit in its numbers and is of the same table otherwise. */
	{ AUDIT_ARCH_X86_64, 41, 0x40000000 | 41, NO_CALL },
	{ AUDIT_ARCH_I386, 359, 359, I386_SOCKETCALL },
#elif defined(__i386__)
	{ AUDIT_ARCH_I386, 359, 359, I386_SOCKETCALL },
#elif defined(__aarch64__)
	{ AUDIT_ARCH_AARCH64, 198, 198, NO_CALL },
	{ AUDIT_ARCH_ARM, 281, 281, NO_CALL },
#elif defined(__arm__)
	{ AUDIT_ARCH_ARM, 281, 281, NO_CALL },
#elif defined(__riscv) && __riscv_xlen == 64
	{ AUDIT_ARCH_RISCV64, 198, 198, NO_CALL },
#elif defined(__powerpc64__) && LOW == 0
	{ AUDIT_ARCH_PPC64LE, 326, 326, NO_CALL },
#elif defined(__s390x__)
	{ AUDIT_ARCH_S390X, 359, 359, NO_CALL },
#endif
};

/* The part of the filter for a table; calls of others go on behind it. */
static void put_table(struct sock_filter *to, const struct table *t)
{
	const struct sock_filter part[TABLE_SIZE] = {
		/*  0 */ LOAD(arch),
		/*  1 */ EQUAL(t->arch, 0, 16),
		/*  2 */ LOAD(nr),
		/*  3 */ EQUAL(t->socket, 3, 0),
		/*  4 */ EQUAL(t->alias, 2, 0),
		/*  5 */ EQUAL(t->call, 8, 0),
		/*  6 */ RET(SECCOMP_RET_ALLOW),
		/*  7 */ LOAD_ARG(0),
		/*  8 */ EQUAL(AF_INET, 1, 0),
		/*  9 */ EQUAL(AF_INET6, 0, 6),
		/* 10 */ LOAD_ARG(1),
		/* 11 */ AND(TYPE_MASK),
		/* 12 */ EQUAL(SOCK_RAW, 3, 0),
		/* 13 */ RET(SECCOMP_RET_USER_NOTIF),
		/* 14 */ LOAD_ARG(0),
		/* 15 */ EQUAL(SYS_SOCKET, 1, 0),
		/* 16 */ RET(SECCOMP_RET_ALLOW),
		/* 17 */ RET(SECCOMP_RET_USER_NOTIF),
	};

	memcpy(to, part, sizeof(part));
}

static int install(unsigned int flags)
{
	struct sock_filter filter[TABLES_MAX * TABLE_SIZE + 1];
	const struct sock_filter end = RET(SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { .filter = filter };
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(tables); i++, prog.len += TABLE_SIZE)
		put_table(filter + prog.len, &tables[i]);
	filter[prog.len++] = end;
	flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (fd >= 0 || errno != EACCES)
		return fd;
	/* Who may administer the system may do without, and keeps setuid. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/**
 * tuplerun_filter - put the filter over this process and its children to come
 *
 * Return: where the calls are to be answered, close-on-exec; or -errno.
 * -EBUSY: there is another one who answers calls.
 */
int tuplerun_filter(void)
{
	int fd;

	if (!ARRAY_SIZE(tables))
		return -EOPNOTSUPP;
	/* With it, only a deadly signal interrupts a call that is being
	 * answered: Go sends its threads signals all the time.
	 */
	fd = install(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	if (fd < 0 && errno == EINVAL)
		fd = install(0);
	return fd < 0 ? -errno : fd;
}

/**
 * tuplerun_decode - the arguments of a call
 * @req: the call
 * @args: domain, type and protocol
 *
 * What is read from memory may be changed by another thread meanwhile. That is
 * no matter: the socket is made of what was read.
 *
 * Return: false where they cannot be read.
 */
bool tuplerun_decode(const struct seccomp_notif *req, int *args)
{
	struct iovec to = { args, 3 * sizeof(*args) };
	struct iovec from = {
		(void *)(uintptr_t)req->data.args[1], to.iov_len
	};
	int i;

	if (req->data.arch == AUDIT_ARCH_I386 &&
	    req->data.nr == I386_SOCKETCALL)
		return process_vm_readv(req->pid, &to, 1, &from, 1, 0) ==
		       (ssize_t)to.iov_len;
	for (i = 0; i < 3; i++)
		args[i] = req->data.args[i];
	return true;
}
