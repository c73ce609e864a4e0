// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer: what the library makes of the bytes that a kernel sends. The first
 * byte says as what they come, the others are attributes of an object, or a
 * whole datagram.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include "internal.h"

#define FAMILY 0x20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Attributes that are in a message, and a few that are not, by every reader */
static void read_all(const struct inet_tuple_obj *obj)
{
	const struct inet_tuple_obj *sock;
	struct inet_tuple_prefix prefix;
	struct inet_tuple_users users;
	struct inet_tuple_addr addr;
	unsigned int i;
	uint64_t num;
	int attr;

	for (attr = -1; attr <= obj->max + 1; attr++) {
		const char *str = inet_tuple_obj_str(obj, attr);

		inet_tuple_obj_num(obj, attr, &num);
		inet_tuple_obj_addr(obj, attr, &addr);
		must(!str || strlen(str) < UINT16_MAX);
		for (i = 0; i <= inet_tuple_obj_count(obj, attr); i++) {
			inet_tuple_obj_prefix(obj, attr, i, &prefix);
			inet_tuple_obj_users(obj, attr, i, &users);
			sock = inet_tuple_obj_nested(obj, attr, i);
			if (sock)
				read_all(sock);
		}
	}
}

/* What was read can be sent, and is the same when it is read again. */
static void check_object(const struct inet_tuple_obj *obj)
{
	struct inet_tuple_obj *again;
	struct itl_msg a, b;

	read_all(obj);
	must(!itl_msg_alloc(&a, itl_obj_wire_size(obj), FAMILY, 0, 1));
	must(!itl_msg_put_obj(&a, obj));
	must(!itl_obj_parse(a.nlh, obj->kind, &again));
	must(!itl_msg_alloc(&b, itl_obj_wire_size(again), FAMILY, 0, 1));
	must(!itl_msg_put_obj(&b, again));
	must(a.nlh->nlmsg_len == b.nlh->nlmsg_len &&
	     !memcmp(a.nlh, b.nlh, a.nlh->nlmsg_len));
	inet_tuple_obj_free(again);
	itl_msg_free(&a);
	itl_msg_free(&b);
}

static void object(enum inet_tuple_kind kind, const uint8_t *data, size_t size)
{
	struct inet_tuple_obj *obj;
	struct itl_msg m;

	must(!itl_msg_alloc(&m, size, FAMILY, 0, 1));
	memcpy((char *)m.nlh + m.nlh->nlmsg_len, data, size);
	m.nlh->nlmsg_len += size;
	if (!itl_obj_parse(m.nlh, kind, &obj)) {
		check_object(obj);
		inet_tuple_obj_free(obj);
	}
	itl_msg_free(&m);
}

static int on_object(const struct inet_tuple_obj *obj, void *arg)
{
	check_object(obj);
	return 0;
}

static int on_event(int event, const struct inet_tuple_obj *obj, void *arg)
{
	check_object(obj);
	return 0;
}

/* Each way in which a handle reads; behind the datagram the kernel hangs up. */
static void read_as(struct inet_tuple_handle *h, int way)
{
	struct inet_tuple_obj *obj;

	switch (way) {
	case 0:
		inet_tuple_events_read(h, on_event, NULL);
		break;
	case 1:
		h->family = 0;
		itl_handle_init(h);
		break;
	case 2:
		inet_tuple_pool_list(h, on_object, NULL);
		break;
	case 3:
		inet_tuple_lease_list(h, "a", NULL, on_object, NULL);
		break;
	case 4:
		inet_tuple_rule_list(h, on_object, NULL);
		break;
	default:
		if (!inet_tuple_pool_get(h, "a", &obj)) {
			check_object(obj);
			inet_tuple_obj_free(obj);
		}
	}
	must(memchr(h->text, 0, sizeof(h->text)));
}

static void datagram(int way, const uint8_t *data, size_t size)
{
	struct inet_tuple_handle *h = calloc(1, sizeof(*h));
	int fds[2];

	must(h && !socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
	h->fd = fds[0];
	h->events_fd = way ? -1 : dup(fds[0]);
	h->netns_fd = -1;
	h->family = FAMILY;
	if (size && send(fds[1], data, size, MSG_DONTWAIT) == (ssize_t)size) {
		shutdown(fds[1], SHUT_WR);
		read_as(h, way);
	}
	close(fds[1]);
	inet_tuple_handle_close(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int what;

	if (!size)
		return 0;
	what = data[0] % 10;
	if (what < 4)
		object(INET_TUPLE_POOL_OBJ + what, data + 1, size - 1);
	else
		datagram(what - 4, data + 1, size - 1);
	return 0;
}
