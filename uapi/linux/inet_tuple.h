/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * inet_tuple: sockets that own an IP address each.
 *
 * A socket of AF_INET_TUPLE (AF_INET6_TUPLE) is an ordinary inet socket that
 * holds a *lease*: one address of a configured *pool*, which is the host's for
 * as long as the socket, and whatever still speaks from it, lives.
 *
 * This file is the manual of the three interfaces of the module: the address
 * families, the socket options of level SOL_INET_TUPLE, and the generic
 * netlink family "inet_tuple".
 */
#ifndef _UAPI_LINUX_INET_TUPLE_H
#define _UAPI_LINUX_INET_TUPLE_H

#include <linux/types.h>

/*
 * Address families.
 *
 * The kernel does not take families at or above its AF_MAX, so the module sits
 * on two numbers that no kernel implements (AF_ASH and AF_SNA). They are module
 * parameters, `family_inet` and `family_inet6`: a program that cannot know the
 * host it will run on asks inet_tuple_family() of libinettuple, or
 * INET_TUPLE_CMD_FAMILY_GET.
 *
 * Addresses given to bind(), connect() and sendto() may carry either the inet
 * family or the tuple family; addresses handed out carry the inet family.
 */
#define AF_INET_TUPLE		18
#define AF_INET6_TUPLE		22
#define PF_INET_TUPLE		AF_INET_TUPLE
#define PF_INET6_TUPLE		AF_INET6_TUPLE

/* Socket options */

#define SOL_INET_TUPLE		7018

/* Name of the pool to lease from, with or without its NUL, at most
 * INET_TUPLE_NAMSIZ - 1 characters; the empty name takes the choice back. Set:
 * EISCONN once a lease is assigned, ENOENT where there is no such pool. Get:
 * the pool of the lease, else the name that was set, else "".
 */
#define INET_TUPLE_POOL		1
/* __u64: sockets of one pool, one user and one id share one lease; zero: this
 * one shares none. A lease that is assigned is exchanged, as long as the socket
 * is neither bound nor connected (EISCONN after).
 */
#define INET_TUPLE_SCOPE_ID	2
/* struct inet_tuple_lease, get only. ENOENT where no lease is held. */
#define INET_TUPLE_LEASE	3
/* As INET_TUPLE_POOL, set only, but a lease that is assigned is exchanged for
 * one of the pool, as long as the socket is neither bound nor connected
 * (EISCONN after). On error it is kept. For pools that assign in socket().
 */
#define INET_TUPLE_POOL_MOVE	4

#define INET_TUPLE_NAMSIZ	32	/* a pool's name with its NUL */

/* Who shares a lease */
enum inet_tuple_scope {
	INET_TUPLE_SCOPE_SOCKET,	/* one socket, and those accepted from it */
	INET_TUPLE_SCOPE_PROCESS,	/* all sockets a thread group made */
	INET_TUPLE_SCOPE_CGROUP,	/* all sockets made in a cgroup (v2) */
	INET_TUPLE_SCOPE_USER,		/* all sockets a user made */
	INET_TUPLE_SCOPE_ID_KEY,	/* INET_TUPLE_SCOPE_ID; in leases only */
};

/**
 * struct inet_tuple_lease - what getsockopt(INET_TUPLE_LEASE) tells
 * @pool: name of the pool, NUL-terminated
 * @family: AF_INET or AF_INET6
 * @scope: who shares the lease, enum inet_tuple_scope
 * @addr: the address; an IPv4 address is in its first four bytes
 * @scope_id: INET_TUPLE_SCOPE_ID, the uid, the cgroup id or the process id; 0
 *	with the scope of one socket
 * @age_ms: milliseconds since the lease was assigned
 * @expiry_ms: milliseconds until its address expires, ~0ULL: never
 * @sockets: how many sockets hold the lease
 *
 * A longer structure may follow in later versions: the kernel fills as much as
 * the caller has room for and returns the length it filled.
 */
struct inet_tuple_lease {
	char	pool[INET_TUPLE_NAMSIZ];
	__u16	family;
	__u16	scope;
	__u32	sockets;
	__u8	addr[16];
	__u64	scope_id;
	__u64	age_ms;
	__u64	expiry_ms;
};

/*
 * Generic netlink, family "inet_tuple", version 1.
 *
 * Requests that change something need CAP_NET_ADMIN in the user namespace that
 * owns the network namespace; requests that read are open to all. A refusal
 * carries a text in NLMSGERR_ATTR_MSG and, where one is to blame, the
 * attribute's offset. Unknown attributes are refused.
 *
 *	FAMILY_GET	-> FAMILY_GET { A_FAMILY_INET, A_FAMILY_INET6 }
 *
 *	POOL_NEW	{ POOL_NAME, POOL_DEV | POOL_IFINDEX, POOL_PREFIX+,
 *			  POOL_EXCLUDE*, and any settable POOL_* }
 *	POOL_SET	{ POOL_NAME, settable POOL_*, POOL_PREFIX* (added),
 *			  POOL_PREFIX_DEL*, POOL_EXCLUDE* (added),
 *			  POOL_EXCLUDE_DEL* }
 *	POOL_DEL	{ POOL_NAME, [POOL_FORCE] }
 *	POOL_GET	{ POOL_NAME } or dump
 *			-> POOL_GET { all POOL_* but _DEL and FORCE }
 *
 *	LEASE_GET	{ LEASE_ADDR } or dump { [LEASE_POOL], [LEASE_ADDR] }
 *			-> LEASE_GET { all LEASE_* }
 *	LEASE_KILL	{ LEASE_ADDR }
 *
 *	ADDR_SET	{ ADDR_POOL, ADDR_ADDR, ADDR_VALID, [ADDR_NEW] }
 *			gives a pool of source dhcp an address, or renews it
 *	ADDR_DEL	{ ADDR_POOL, ADDR_ADDR, [ADDR_IDLE] }
 *	ADDR_GET	dump { [ADDR_POOL] } -> ADDR_GET { ADDR_* but NEW, IDLE }
 *
 *	RULE_NEW	{ RULE_POOL, [RULE_UID], [RULE_GID], [RULE_CGROUP] }
 *			at least one of the three; the rule is appended
 *	RULE_DEL	the same attributes; ENOENT where no such rule is
 *	RULE_GET	dump -> RULE_GET { RULE_* } in the order of matching
 *
 * Dumps carry NLM_F_DUMP_INTR when pools (rules) changed meanwhile. A dump of
 * leases or addresses is by address within a pool: those that lived through the
 * whole dump are in it exactly once.
 *
 * Events go to the multicast group "events", each in the form of the reply to
 * its GET, as POOL_NEW_NTF, POOL_SET_NTF, POOL_DEL_NTF, LEASE_NEW_NTF,
 * LEASE_DEL_NTF (the socket's end; LEASE_STATE says what follows, LEASE_REASON
 * why), LEASE_FREE_NTF (back in the pool, or gone from it; one that is warm may be
 * leased again before), LEASE_FAIL_NTF (an address could not be put on the device,
 * with LEASE_ERROR; or a socket found no address and nobody who gets one, with
 * LEASE_REASON too and without LEASE_ADDR), RULE_NEW_NTF, RULE_DEL_NTF.
 *
 * The addresses of a pool with POOL_SOURCE dhcp come from an agent: whoever has
 * joined the multicast group "agent", which takes CAP_NET_ADMIN. It is told by
 * WANT_NTF { WANT_* } how many more addresses a pool wants, gives them with
 * ADDR_SET and renews them with it, and takes them back with ADDR_DEL. What the
 * pool has and nobody leases is its stock; WANT_NTF comes when that sinks below
 * POOL_LOW, when a socket begins to wait for an address and every second while
 * one does, and when the pool is made or its marks change; it wants as many as
 * fill the stock to POOL_HIGH, and one more for each socket that waits. An
 * address that expires (ADDR_VALID) or is taken back is taken from the sockets
 * that hold it with ENETRESET.
 */
#define INET_TUPLE_GENL_NAME		"inet_tuple"
#define INET_TUPLE_GENL_VERSION		1
#define INET_TUPLE_GENL_MCGRP_EVENTS	"events"
#define INET_TUPLE_GENL_MCGRP_AGENT	"agent"

enum inet_tuple_cmd {
	INET_TUPLE_CMD_FAMILY_GET = 1,
	INET_TUPLE_CMD_POOL_NEW,
	INET_TUPLE_CMD_POOL_SET,
	INET_TUPLE_CMD_POOL_DEL,
	INET_TUPLE_CMD_POOL_GET,
	INET_TUPLE_CMD_LEASE_GET,
	INET_TUPLE_CMD_LEASE_KILL,
	INET_TUPLE_CMD_RULE_NEW,
	INET_TUPLE_CMD_RULE_DEL,
	INET_TUPLE_CMD_RULE_GET,
	INET_TUPLE_CMD_POOL_NEW_NTF,
	INET_TUPLE_CMD_POOL_SET_NTF,
	INET_TUPLE_CMD_POOL_DEL_NTF,
	INET_TUPLE_CMD_LEASE_NEW_NTF,
	INET_TUPLE_CMD_LEASE_DEL_NTF,
	INET_TUPLE_CMD_LEASE_FREE_NTF,
	INET_TUPLE_CMD_LEASE_FAIL_NTF,
	INET_TUPLE_CMD_RULE_NEW_NTF,
	INET_TUPLE_CMD_RULE_DEL_NTF,
	INET_TUPLE_CMD_ADDR_SET,
	INET_TUPLE_CMD_ADDR_DEL,
	INET_TUPLE_CMD_ADDR_GET,
	INET_TUPLE_CMD_WANT_NTF,

	__INET_TUPLE_CMD_MAX,
	INET_TUPLE_CMD_MAX = (__INET_TUPLE_CMD_MAX - 1)
};

enum inet_tuple_plumb {
	INET_TUPLE_PLUMB_ADDRESS,	/* an ifaddr per lease */
	INET_TUPLE_PLUMB_PREFIX,	/* a local route per prefix */
};

enum inet_tuple_assign {
	INET_TUPLE_ASSIGN_CREATE,	/* in socket() */
	INET_TUPLE_ASSIGN_BIND,		/* at the first bind, connect, listen, send */
};

enum inet_tuple_order {
	INET_TUPLE_ORDER_SEQUENTIAL,	/* the lowest free address */
	INET_TUPLE_ORDER_RANDOM,
	INET_TUPLE_ORDER_LRU,		/* the address that has been free longest */
};

enum inet_tuple_source {
	INET_TUPLE_SOURCE_STATIC,	/* the pool's prefixes */
	INET_TUPLE_SOURCE_DHCP,		/* an agent, see above */
};

enum inet_tuple_state {
	INET_TUPLE_STATE_ACTIVE,
	INET_TUPLE_STATE_DRAINING,	/* no new leases */
};

/* Of which families a pool is the default. What is told can be given back: a
 * pool takes those that the value names, and gives up the others.
 */
enum inet_tuple_default {
	INET_TUPLE_DEFAULT_OFF,
	INET_TUPLE_DEFAULT_ON,		/* of every family that it serves */
	INET_TUPLE_DEFAULT_INET,	/* of IPv4 only; told where it serves both */
	INET_TUPLE_DEFAULT_INET6,	/* of IPv6 only; likewise */
};

/* Where a lease is on its way */
enum inet_tuple_lease_state {
	INET_TUPLE_LEASE_PLUMBING,	/* being put on the device */
	INET_TUPLE_LEASE_ACTIVE,	/* held by sockets */
	INET_TUPLE_LEASE_LINGERING,	/* no socket, but TCP still answers from it */
	INET_TUPLE_LEASE_UNPLUMBING,	/* being taken off the device */
	INET_TUPLE_LEASE_QUARANTINE,	/* off the device, not to be leased yet */
	INET_TUPLE_LEASE_STOCK,		/* not leased; of a pool of source dhcp */
	INET_TUPLE_LEASE_WARM,		/* not leased, and still on the device */
};

/* Why a lease ended, or was not to be had */
enum inet_tuple_reason {
	INET_TUPLE_REASON_CLOSED,	/* its last socket was closed */
	INET_TUPLE_REASON_KILLED,	/* it was taken from its sockets */
	INET_TUPLE_REASON_WITHDRAWN,	/* the same: the agent took it back */
	INET_TUPLE_REASON_EXPIRED,	/* the same: nobody renewed the address */
	INET_TUPLE_REASON_NO_AGENT,	/* nobody is there who gets addresses */
};

/* An address on the wire: NLA_BINARY of 4 (IPv4) or 16 (IPv6) bytes, network
 * byte order. A length's absence means a single address.
 */
enum inet_tuple_a_prefix {		/* nest: a prefix */
	INET_TUPLE_A_PREFIX_ADDR = 1,	/* binary, 4 or 16 */
	INET_TUPLE_A_PREFIX_LEN,	/* u8 */
	INET_TUPLE_A_PREFIX_LAST,	/* binary; excludes only: a range's end */

	__INET_TUPLE_A_PREFIX_MAX,
	INET_TUPLE_A_PREFIX_MAX = (__INET_TUPLE_A_PREFIX_MAX - 1)
};

enum inet_tuple_a_users {		/* nest: a range of uids, both ends in */
	INET_TUPLE_A_USERS_FIRST = 1,	/* u32 */
	INET_TUPLE_A_USERS_LAST,	/* u32 */

	__INET_TUPLE_A_USERS_MAX,
	INET_TUPLE_A_USERS_MAX = (__INET_TUPLE_A_USERS_MAX - 1)
};

enum inet_tuple_a_socket {		/* nest: a socket that holds a lease */
	INET_TUPLE_A_SOCKET_INO = 1,	/* u32 inode, 0: no file any more */
	INET_TUPLE_A_SOCKET_UID,	/* u32 */
	INET_TUPLE_A_SOCKET_COOKIE,	/* u64, SO_COOKIE */
	INET_TUPLE_A_SOCKET_FAMILY,	/* u16 AF_INET, AF_INET6 */
	INET_TUPLE_A_SOCKET_TYPE,	/* u16 SOCK_* */
	INET_TUPLE_A_SOCKET_PROTO,	/* u16 IPPROTO_* */
	INET_TUPLE_A_SOCKET_STATE,	/* u8 TCP_* */
	INET_TUPLE_A_SOCKET_LPORT,	/* u16 host byte order, 0: none */
	INET_TUPLE_A_SOCKET_RPORT,	/* u16 host byte order, 0: none */
	INET_TUPLE_A_SOCKET_RADDR,	/* binary, 4 or 16; absent: none */
	INET_TUPLE_A_SOCKET_PAD,

	__INET_TUPLE_A_SOCKET_MAX,
	INET_TUPLE_A_SOCKET_MAX = (__INET_TUPLE_A_SOCKET_MAX - 1)
};

enum inet_tuple_a_failed {		/* nest: leases that were not to be had */
	INET_TUPLE_A_FAILED_ERRNO = 1,	/* u32; 0: any other */
	INET_TUPLE_A_FAILED_COUNT,	/* u64 */
	INET_TUPLE_A_FAILED_PAD,

	__INET_TUPLE_A_FAILED_MAX,
	INET_TUPLE_A_FAILED_MAX = (__INET_TUPLE_A_FAILED_MAX - 1)
};

enum inet_tuple_a_family {
	INET_TUPLE_A_FAMILY_INET = 1,	/* u16 */
	INET_TUPLE_A_FAMILY_INET6,	/* u16 */

	__INET_TUPLE_A_FAMILY_MAX,
	INET_TUPLE_A_FAMILY_MAX = (__INET_TUPLE_A_FAMILY_MAX - 1)
};

enum inet_tuple_a_pool {
	INET_TUPLE_A_POOL_NAME = 1,	/* string, 1 to 31; no slash, no space */
	INET_TUPLE_A_POOL_DEV,		/* string, ifname */
	INET_TUPLE_A_POOL_IFINDEX,	/* u32; 0 in replies: the device is gone */
	INET_TUPLE_A_POOL_PREFIX,	/* nest a_prefix, repeated */
	INET_TUPLE_A_POOL_EXCLUDE,	/* nest a_prefix, repeated */
	INET_TUPLE_A_POOL_PREFIX_DEL,	/* nest a_prefix, repeated */
	INET_TUPLE_A_POOL_EXCLUDE_DEL,	/* nest a_prefix, repeated */
	INET_TUPLE_A_POOL_PLUMB,	/* u8 inet_tuple_plumb */
	INET_TUPLE_A_POOL_ASSIGN,	/* u8 inet_tuple_assign */
	INET_TUPLE_A_POOL_SCOPE,	/* u8 inet_tuple_scope */
	INET_TUPLE_A_POOL_ORDER,	/* u8 inet_tuple_order */
	INET_TUPLE_A_POOL_QUARANTINE,	/* u32 ms; ~0: 0 if never connected else 60000 */
	INET_TUPLE_A_POOL_WAIT,		/* u32 ms */
	INET_TUPLE_A_POOL_QUOTA,	/* u32 leases per user, ~0: unlimited */
	INET_TUPLE_A_POOL_USERS,	/* nest a_users, repeated; first > last: all */
	INET_TUPLE_A_POOL_DSCP,		/* u8 0..63, 0xff: unset */
	INET_TUPLE_A_POOL_PRIORITY,	/* u32, ~0: unset */
	INET_TUPLE_A_POOL_MARK,		/* u32, 0: unset */
	INET_TUPLE_A_POOL_DEFAULT,	/* u8 inet_tuple_default */
	INET_TUPLE_A_POOL_SOURCE,	/* u8 inet_tuple_source */
	INET_TUPLE_A_POOL_STATE,	/* u8 inet_tuple_state */
	INET_TUPLE_A_POOL_FORCE,	/* flag */
	INET_TUPLE_A_POOL_TOTAL,	/* u64 addresses, ~0: that many or more */
	INET_TUPLE_A_POOL_IN_USE,	/* u64 */
	INET_TUPLE_A_POOL_QUARANTINED,	/* u64, lingering ones with them */
	INET_TUPLE_A_POOL_PAD,
	INET_TUPLE_A_POOL_FREE,		/* u64 addresses, ~0: that many or more */
	INET_TUPLE_A_POOL_PEAK,		/* u64 the most that IN_USE has been */
	INET_TUPLE_A_POOL_ASSIGNED,	/* u64 leases so far */
	INET_TUPLE_A_POOL_ENDED,	/* u64 of these, how many sockets have left */
	INET_TUPLE_A_POOL_HELD,		/* u64 ms that sockets held those, in sum */
	INET_TUPLE_A_POOL_FAILED,	/* nest a_failed, repeated */
	INET_TUPLE_A_POOL_ORDER_SET,	/* flag, in replies: ORDER was asked for */
	INET_TUPLE_A_POOL_LOW,		/* u32 ask for more below; source dhcp */
	INET_TUPLE_A_POOL_HIGH,		/* u32 and for that many; source dhcp */
	INET_TUPLE_A_POOL_WARM,		/* u32 ms on the device, unleased */

	__INET_TUPLE_A_POOL_MAX,
	INET_TUPLE_A_POOL_MAX = (__INET_TUPLE_A_POOL_MAX - 1)
};

enum inet_tuple_a_lease {
	INET_TUPLE_A_LEASE_POOL = 1,	/* string */
	INET_TUPLE_A_LEASE_ADDR,	/* binary, 4 or 16 */
	INET_TUPLE_A_LEASE_IFINDEX,	/* u32 */
	INET_TUPLE_A_LEASE_STATE,	/* u8 inet_tuple_lease_state */
	INET_TUPLE_A_LEASE_SCOPE,	/* u8 inet_tuple_scope */
	INET_TUPLE_A_LEASE_SCOPE_ID,	/* u64, see struct inet_tuple_lease */
	INET_TUPLE_A_LEASE_UID,		/* u32, who is charged for it */
	INET_TUPLE_A_LEASE_AGE,		/* u64 ms */
	INET_TUPLE_A_LEASE_EXPIRY,	/* u64 ms; absent: never */
	INET_TUPLE_A_LEASE_LEFT,	/* u64 ms that quarantine or warm is to last */
	INET_TUPLE_A_LEASE_SOCKETS,	/* u32 how many hold it */
	INET_TUPLE_A_LEASE_SOCKET,	/* nest a_socket, repeated; the first 64 */
	INET_TUPLE_A_LEASE_ERROR,	/* u32 errno, in LEASE_FAIL_NTF */
	INET_TUPLE_A_LEASE_PAD,
	INET_TUPLE_A_LEASE_REASON,	/* u8 inet_tuple_reason; LEASE_DEL_, _FAIL_NTF */

	__INET_TUPLE_A_LEASE_MAX,
	INET_TUPLE_A_LEASE_MAX = (__INET_TUPLE_A_LEASE_MAX - 1)
};

enum inet_tuple_a_addr {		/* an address of a pool of source dhcp */
	INET_TUPLE_A_ADDR_POOL = 1,	/* string */
	INET_TUPLE_A_ADDR_ADDR,		/* binary, 4 */
	INET_TUPLE_A_ADDR_VALID,	/* u32 s from now, ~0: for ever */
	INET_TUPLE_A_ADDR_NEW,		/* flag: EEXIST if the pool has it already */
	INET_TUPLE_A_ADDR_IDLE,		/* flag: EBUSY unless in stock */
	INET_TUPLE_A_ADDR_STATE,	/* u8 inet_tuple_lease_state */
	INET_TUPLE_A_ADDR_IDLE_MS,	/* u64 how long it has been in stock; there */
	INET_TUPLE_A_ADDR_PAD,

	__INET_TUPLE_A_ADDR_MAX,
	INET_TUPLE_A_ADDR_MAX = (__INET_TUPLE_A_ADDR_MAX - 1)
};

enum inet_tuple_a_want {		/* what a pool of source dhcp asks for */
	INET_TUPLE_A_WANT_POOL = 1,	/* string */
	INET_TUPLE_A_WANT_DEV,		/* string, ifname */
	INET_TUPLE_A_WANT_IFINDEX,	/* u32; 0: the device is gone */
	INET_TUPLE_A_WANT_FREE,		/* u32 how many are in stock */
	INET_TUPLE_A_WANT_WANT,		/* u32 how many more are wanted now */

	__INET_TUPLE_A_WANT_MAX,
	INET_TUPLE_A_WANT_MAX = (__INET_TUPLE_A_WANT_MAX - 1)
};

enum inet_tuple_a_rule {
	INET_TUPLE_A_RULE_POOL = 1,	/* string */
	INET_TUPLE_A_RULE_UID,		/* u32 */
	INET_TUPLE_A_RULE_GID,		/* u32 */
	INET_TUPLE_A_RULE_CGROUP,	/* string, path below the cgroup2 root */

	__INET_TUPLE_A_RULE_MAX,
	INET_TUPLE_A_RULE_MAX = (__INET_TUPLE_A_RULE_MAX - 1)
};

#endif /* _UAPI_LINUX_INET_TUPLE_H */
