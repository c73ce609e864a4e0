/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libinettuple: pools, leases, rules and events of the inet_tuple module, and
 * the five socket calls that hand a leased address back.
 *
 * Results of type int are 0 (or what the function documents) or -errno.
 * A struct inet_tuple_handle or struct inet_tuple_obj may be used by one
 * thread at a time; different ones may be used by different threads at once.
 * The socket calls and inet_tuple_family() may be called from any thread.
 */
#ifndef _LIBINETTUPLE_H
#define _LIBINETTUPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <linux/inet_tuple.h>

#ifdef __cplusplus
extern "C" {
#endif

struct inet_tuple_handle;
struct inet_tuple_obj;

/*
 * Objects.
 *
 * A pool, a lease, a socket that holds a lease, a rule, a count of failures, an
 * address from a server and what a pool wants of these are objects: sets of the
 * attributes that <linux/inet_tuple.h> lists for each of them, and which are
 * named by the numbers of that file. A pool's quarantine, say, is
 *
 *	uint64_t ms;
 *	int err = inet_tuple_obj_num(pool, INET_TUPLE_A_POOL_QUARANTINE, &ms);
 *
 * so that attributes of later kernels need no new functions. What the values
 * mean, and in which units, stands next to the attributes there.
 */
enum inet_tuple_kind {
	INET_TUPLE_POOL_OBJ = 1,	/* attributes INET_TUPLE_A_POOL_* */
	INET_TUPLE_LEASE_OBJ,		/* attributes INET_TUPLE_A_LEASE_* */
	INET_TUPLE_SOCKET_OBJ,		/* attributes INET_TUPLE_A_SOCKET_* */
	INET_TUPLE_RULE_OBJ,		/* attributes INET_TUPLE_A_RULE_* */
	INET_TUPLE_FAILED_OBJ,		/* attributes INET_TUPLE_A_FAILED_* */
	INET_TUPLE_ADDR_OBJ,		/* attributes INET_TUPLE_A_ADDR_* */
	INET_TUPLE_WANT_OBJ,		/* attributes INET_TUPLE_A_WANT_* */
};

/**
 * struct inet_tuple_addr - an address
 * @family: AF_INET or AF_INET6; 0: none
 * @bytes: in network byte order; four of them count for AF_INET
 */
struct inet_tuple_addr {
	uint16_t family;
	uint8_t bytes[16];
};

/**
 * struct inet_tuple_prefix - a prefix, or a range of addresses to exclude
 * @addr: the prefix, or the first address of a range
 * @last: the last address of a range; its family is 0 for a prefix
 * @len: prefix length; 32 (128) for a single address; unused in a range
 */
struct inet_tuple_prefix {
	struct inet_tuple_addr addr;
	struct inet_tuple_addr last;
	uint8_t len;
};

/* A range of uids, both ends in it; first > last: all users */
struct inet_tuple_users {
	uint32_t first;
	uint32_t last;
};

struct inet_tuple_obj *inet_tuple_obj_alloc(enum inet_tuple_kind kind);
struct inet_tuple_obj *inet_tuple_obj_ref(const struct inet_tuple_obj *obj);
void inet_tuple_obj_free(struct inet_tuple_obj *obj);
enum inet_tuple_kind inet_tuple_obj_kind(const struct inet_tuple_obj *obj);

bool inet_tuple_obj_has(const struct inet_tuple_obj *obj, int attr);
unsigned int inet_tuple_obj_count(const struct inet_tuple_obj *obj, int attr);

int inet_tuple_obj_num(const struct inet_tuple_obj *obj, int attr,
		       uint64_t *num);
const char *inet_tuple_obj_str(const struct inet_tuple_obj *obj, int attr);
int inet_tuple_obj_addr(const struct inet_tuple_obj *obj, int attr,
			struct inet_tuple_addr *addr);
int inet_tuple_obj_prefix(const struct inet_tuple_obj *obj, int attr,
			  unsigned int i, struct inet_tuple_prefix *prefix);
int inet_tuple_obj_users(const struct inet_tuple_obj *obj, int attr,
			 unsigned int i, struct inet_tuple_users *users);
const struct inet_tuple_obj *
inet_tuple_obj_nested(const struct inet_tuple_obj *obj, int attr,
		      unsigned int i);

int inet_tuple_obj_set_num(struct inet_tuple_obj *obj, int attr, uint64_t num);
int inet_tuple_obj_set_str(struct inet_tuple_obj *obj, int attr,
			   const char *str);
int inet_tuple_obj_set_addr(struct inet_tuple_obj *obj, int attr,
			    const struct inet_tuple_addr *addr);
int inet_tuple_obj_add_prefix(struct inet_tuple_obj *obj, int attr,
			      const struct inet_tuple_prefix *prefix);
int inet_tuple_obj_add_users(struct inet_tuple_obj *obj, int attr,
			     const struct inet_tuple_users *users);

/* The connection to the module */

int inet_tuple_handle_open(struct inet_tuple_handle **handle,
			   const char *netns);
void inet_tuple_handle_close(struct inet_tuple_handle *h);
const char *inet_tuple_error_text(const struct inet_tuple_handle *h);
int inet_tuple_error_attr(const struct inet_tuple_handle *h);
unsigned int inet_tuple_error_index(const struct inet_tuple_handle *h);

/**
 * inet_tuple_cb - called for each object of a list
 * @obj: the object; lives until the callback returns, unless it takes a
 *	reference with inet_tuple_obj_ref()
 * @arg: what the caller of the list gave
 *
 * Return: 0 to go on, anything else to stop; the list returns that value.
 */
typedef int (*inet_tuple_cb)(const struct inet_tuple_obj *obj, void *arg);

int inet_tuple_pool_add(struct inet_tuple_handle *h,
			const struct inet_tuple_obj *pool);
int inet_tuple_pool_set(struct inet_tuple_handle *h,
			const struct inet_tuple_obj *pool);
int inet_tuple_pool_del(struct inet_tuple_handle *h, const char *name,
			bool force);
int inet_tuple_pool_get(struct inet_tuple_handle *h, const char *name,
			struct inet_tuple_obj **pool);
int inet_tuple_pool_list(struct inet_tuple_handle *h, inet_tuple_cb cb,
			 void *arg);

int inet_tuple_lease_get(struct inet_tuple_handle *h,
			 const struct inet_tuple_addr *addr,
			 struct inet_tuple_obj **lease);
int inet_tuple_lease_list(struct inet_tuple_handle *h, const char *pool,
			  const struct inet_tuple_addr *addr,
			  inet_tuple_cb cb, void *arg);
int inet_tuple_lease_kill(struct inet_tuple_handle *h,
			  const struct inet_tuple_addr *addr);

int inet_tuple_rule_add(struct inet_tuple_handle *h,
			const struct inet_tuple_obj *rule);
int inet_tuple_rule_del(struct inet_tuple_handle *h,
			const struct inet_tuple_obj *rule);
int inet_tuple_rule_list(struct inet_tuple_handle *h, inet_tuple_cb cb,
			 void *arg);

/* For the agent that gets addresses for the pools of source dhcp */
int inet_tuple_addr_set(struct inet_tuple_handle *h,
			const struct inet_tuple_obj *addr);
int inet_tuple_addr_del(struct inet_tuple_handle *h,
			const struct inet_tuple_obj *addr);
int inet_tuple_addr_list(struct inet_tuple_handle *h, const char *pool,
			 inet_tuple_cb cb, void *arg);

/**
 * inet_tuple_event_cb - called for each event
 * @event: INET_TUPLE_CMD_*_NTF
 * @obj: the pool, lease, rule or want; lives as that of inet_tuple_cb does
 * @arg: what the caller of inet_tuple_events_read() gave
 *
 * Return: 0 to go on, anything else to stop.
 */
typedef int (*inet_tuple_event_cb)(int event, const struct inet_tuple_obj *obj,
				   void *arg);

int inet_tuple_events_fd(struct inet_tuple_handle *h);
int inet_tuple_agent_fd(struct inet_tuple_handle *h);
int inet_tuple_events_read(struct inet_tuple_handle *h, inet_tuple_event_cb cb,
			   void *arg);

/* Sockets */

int inet_tuple_family(int domain);
int inet_tuple_socket(int domain, int type, int protocol, int tuple);
int inet_tuple_bind(int fd, struct sockaddr *addr, socklen_t *len);
int inet_tuple_connect(int fd, const struct sockaddr *addr, socklen_t len,
		       struct sockaddr *local, socklen_t *local_len);
int inet_tuple_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int inet_tuple_close(int fd);

#ifdef __cplusplus
}
#endif

#endif /* _LIBINETTUPLE_H */
