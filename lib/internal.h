/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the library say to one another. */
#ifndef _LIBINETTUPLE_INTERNAL_H
#define _LIBINETTUPLE_INTERNAL_H

#include <stddef.h>
#include <libmnl/libmnl.h>
#include "libinettuple.h"

/* The library is built with hidden symbols; these are the ones it exports. */
#define ITL_EXPORT __attribute__((visibility("default")))

/* object.c: what an attribute holds */
enum itl_type {
	ITL_NONE,
	ITL_U8,
	ITL_U16,
	ITL_U32,
	ITL_U64,
	ITL_FLAG,
	ITL_STR,
	ITL_ADDR,
	ITL_PREFIX,	/* from here on: repeated */
	ITL_USERS,
	ITL_SOCKET,	/* from here on: objects of their own */
	ITL_FAILED,
};

/**
 * struct itl_value - an attribute of an object
 * @n: how many values; 0: the attribute is absent
 */
struct itl_value {
	unsigned int n;
	union {
		uint64_t num;
		char *str;
		struct inet_tuple_addr addr;
		struct inet_tuple_prefix *prefixes;
		struct inet_tuple_users *users;
		struct inet_tuple_obj **nested;
	};
};

struct inet_tuple_obj {
	unsigned int refs;
	enum inet_tuple_kind kind;
	int max;		/* highest attribute */
	const uint8_t *types;	/* enum itl_type by attribute */
	struct itl_value values[];
};

enum itl_type itl_obj_type(const struct inet_tuple_obj *obj, int attr);
int itl_obj_set_strn(struct inet_tuple_obj *obj, int attr, const char *str,
		     size_t len);
enum inet_tuple_kind itl_nested_kind(enum itl_type type);
int itl_obj_add_nested(struct inet_tuple_obj *obj, int attr,
		       struct inet_tuple_obj *nested);
size_t itl_addr_size(const struct inet_tuple_addr *addr);

/* message.c: objects from and to attributes */
struct itl_msg {
	struct nlmsghdr *nlh;
	size_t size;
};

int itl_msg_alloc(struct itl_msg *m, size_t payload, uint16_t type,
		  uint16_t flags, uint8_t cmd);
void itl_msg_free(struct itl_msg *m);
int itl_msg_put_obj(struct itl_msg *m, const struct inet_tuple_obj *obj);
size_t itl_obj_wire_size(const struct inet_tuple_obj *obj);
int itl_obj_parse(const struct nlmsghdr *nlh, enum inet_tuple_kind kind,
		  struct inet_tuple_obj **obj);

/* handle.c */
struct inet_tuple_handle {
	int fd;			/* requests and their replies */
	int events_fd;		/* -1 until inet_tuple_events_fd() */
	int netns_fd;		/* -1: that of the caller */
	bool busy;		/* inside a callback of a streamed dump */
	uint16_t family;
	uint32_t group;
	uint32_t agent_group;
	bool joined;		/* events_fd: to group, */
	bool agent_joined;	/* to agent_group */
	uint32_t seq;
	char *buf;
	size_t buf_size;
	char *events_buf;
	size_t events_buf_size;
	int attr;		/* the last refusal: attribute, */
	unsigned int index;	/* which of several of that number */
	char text[256];		/* and text */
};

int itl_socket_open(int netns_fd);
int itl_handle_init(struct inet_tuple_handle *h);

/* request.c: one request and its replies */
typedef int (*itl_reply_cb)(const struct nlmsghdr *nlh, void *arg);

/**
 * struct itl_replies - what becomes of the replies to a request
 * @cb: called for each; nonzero stops the calls
 * @arg: for @cb
 * @interrupted: set when what was dumped changed during the dump
 */
struct itl_replies {
	itl_reply_cb cb;
	void *arg;
	bool interrupted;
};

ssize_t itl_recv(int fd, char **buf, size_t *size);

/* Whether a message is whole. libmnl takes a length above INT_MAX for negative,
 * and so for one that fits.
 */
static inline bool itl_msg_ok(const struct nlmsghdr *nlh, int len)
{
	return mnl_nlmsg_ok(nlh, len) && nlh->nlmsg_len <= (uint32_t)len;
}

int itl_request(struct inet_tuple_handle *h, struct nlmsghdr *nlh,
		struct itl_replies *replies);
int itl_command(struct inet_tuple_handle *h, uint8_t cmd,
		const struct inet_tuple_obj *obj);
int itl_get(struct inet_tuple_handle *h, uint8_t cmd,
	    const struct inet_tuple_obj *key, struct inet_tuple_obj **obj);
int itl_list(struct inet_tuple_handle *h, uint8_t cmd,
	     enum inet_tuple_kind kind, inet_tuple_cb cb, void *arg);
int itl_stream(struct inet_tuple_handle *h, uint8_t cmd,
	       const struct inet_tuple_obj *filter, inet_tuple_cb cb,
	       void *arg);

#endif /* _LIBINETTUPLE_INTERNAL_H */
