// SPDX-License-Identifier: LGPL-2.1-or-later
/* Requests: replies that were written beforehand, over a socket pair. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "internal.h"
#include "lib_tap.h"

#define FAMILY 0x20

static int kernel;	/* our end of the pair */
static bool no_memory;

/* realloc() of the library (ld --wrap) */
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_realloc(void *p, size_t size)
{
	return no_memory ? NULL : __real_realloc(p, size);
}

static struct inet_tuple_handle *handle(void)
{
	struct inet_tuple_handle *h = calloc(1, sizeof(*h));
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
		abort();
	h->fd = fds[0];
	h->events_fd = -1;
	h->netns_fd = -1;
	h->family = FAMILY;
	kernel = fds[1];
	return h;
}

static void end(struct inet_tuple_handle *h)
{
	close(kernel);
	inet_tuple_handle_close(h);
}

static char packet[8192];
static size_t packet_len;

static struct nlmsghdr *begin(uint16_t type, uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *nlh;

	nlh = mnl_nlmsg_put_header(packet + packet_len);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	return nlh;
}

static void add(struct nlmsghdr *nlh)
{
	packet_len += MNL_ALIGN(nlh->nlmsg_len);
}

static void flush(void)
{
	if (send(kernel, packet, packet_len, 0) < 0)
		abort();
	packet_len = 0;
	memset(packet, 0, sizeof(packet));
}

static void add_pool(const char *name, uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *nlh = begin(FAMILY, flags, seq);
	struct genlmsghdr *genl;

	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = INET_TUPLE_CMD_POOL_GET;
	mnl_attr_put_strz(nlh, INET_TUPLE_A_POOL_NAME, name);
	add(nlh);
}

static void add_ack(int err, uint16_t flags, uint32_t seq, const char *text,
		    int offset)
{
	struct nlmsghdr *nlh = begin(NLMSG_ERROR, flags, seq);
	struct nlmsgerr *e;

	e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));
	e->error = err;
	e->msg.nlmsg_len = sizeof(e->msg);
	if (!(flags & NLM_F_CAPPED)) {
		e->msg.nlmsg_len += 20;
		mnl_nlmsg_put_extra_header(nlh, 20);
	}
	if (text)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	if (offset)
		mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, offset);
	add(nlh);
}

static void add_done(int err, uint16_t flags, uint32_t seq, const char *text)
{
	struct nlmsghdr *nlh = begin(NLMSG_DONE, NLM_F_MULTI | flags, seq);
	int *e;

	e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));
	*e = err;
	if (text)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	add(nlh);
}

static void test_refusals(void)
{
	struct inet_tuple_handle *h = handle();
	struct inet_tuple_obj *pool = inet_tuple_obj_alloc(INET_TUPLE_POOL_OBJ);

	inet_tuple_obj_set_str(pool, INET_TUPLE_A_POOL_NAME, "web");
	inet_tuple_obj_set_num(pool, INET_TUPLE_A_POOL_DSCP, 70);

	/* Header 16, genl 4, name 8: the number is at 28. */
	add_ack(-EINVAL, NLM_F_CAPPED | NLM_F_ACK_TLVS, 1, "too large", 28);
	flush();
	ok(inet_tuple_pool_add(h, pool) == -EINVAL, "a refusal");
	ok(!strcmp(inet_tuple_error_text(h), "too large"), "its text");
	ok(inet_tuple_error_attr(h) == INET_TUPLE_A_POOL_DSCP, "its attribute");

	add_ack(0, NLM_F_CAPPED, 2, NULL, 0);
	flush();
	ok(!inet_tuple_pool_add(h, pool) && !*inet_tuple_error_text(h) &&
	   !inet_tuple_error_attr(h), "success, and no old text");

	add_ack(-EBUSY, NLM_F_ACK_TLVS, 3, "in use", 0);
	flush();
	ok(inet_tuple_pool_del(h, "web", true) == -EBUSY &&
	   !strcmp(inet_tuple_error_text(h), "in use"),
	   "a text behind the whole request");

	add_ack(-EPERM, NLM_F_CAPPED, 2, NULL, 0);
	add_ack(-ENOENT, NLM_F_CAPPED, 4, NULL, 0);
	flush();
	ok(inet_tuple_pool_del(h, "web", false) == -ENOENT,
	   "a stale reply is passed over");

	ok(inet_tuple_rule_add(h, pool) == -EINVAL, "a pool is no rule");
	inet_tuple_obj_free(pool);
	end(h);
}

struct seen {
	char names[256];
	int stop_after;
	struct inet_tuple_handle *h;
	int nested;
};

static int see(const struct inet_tuple_obj *obj, void *arg)
{
	struct seen *seen = arg;

	/* The names of pools, and in leases those of their pools, are 1. */
	strcat(seen->names, inet_tuple_obj_str(obj, INET_TUPLE_A_POOL_NAME));
	if (seen->h)
		seen->nested = inet_tuple_pool_del(seen->h, "x", false);
	return --seen->stop_after ? 0 : 7;
}

static void test_get(void)
{
	struct inet_tuple_handle *h = handle();
	struct inet_tuple_obj *pool = NULL;

	add_pool("web", 0, 1);
	flush();
	add_ack(0, NLM_F_CAPPED, 1, NULL, 0);
	flush();
	ok(!inet_tuple_pool_get(h, "web", &pool) &&
	   !strcmp(inet_tuple_obj_str(pool, INET_TUPLE_A_POOL_NAME), "web"),
	   "get one");
	inet_tuple_obj_free(pool);
	add_ack(-ENOENT, NLM_F_CAPPED, 2, NULL, 0);
	flush();
	ok(inet_tuple_pool_get(h, "web", &pool) == -ENOENT, "get none");
	end(h);
}

/* An answer larger than the buffer of those before, and no memory for it */
static void test_memory(void)
{
	static const char large[40000];
	struct inet_tuple_handle *h = handle();

	add_ack(0, NLM_F_CAPPED, 1, NULL, 0);
	flush();
	ok(!inet_tuple_pool_del(h, "web", false), "there is a buffer");

	if (send(kernel, large, sizeof(large), 0) < 0)
		abort();
	no_memory = true;
	ok(inet_tuple_pool_del(h, "web", false) == -ENOMEM,
	   "no memory for a larger one");
	no_memory = false;
	add_ack(0, NLM_F_CAPPED, 3, NULL, 0);
	flush();
	ok(!inet_tuple_pool_del(h, "web", false), "then there is");
	end(h);
}

static void test_lists(void)
{
	struct inet_tuple_handle *h = handle();
	struct seen seen = { .stop_after = 0 };
	int i;

	add_pool("a", NLM_F_MULTI | NLM_F_DUMP_INTR, 1);
	add_pool("b", NLM_F_MULTI, 1);
	add_done(0, 0, 1, NULL);
	flush();
	add_pool("c", NLM_F_MULTI, 2);
	flush();
	add_pool("d", NLM_F_MULTI, 2);
	add_done(0, 0, 2, NULL);
	flush();
	ok(!inet_tuple_pool_list(h, see, &seen) && !strcmp(seen.names, "cd"),
	   "an interrupted list is taken anew");

	memset(&seen, 0, sizeof(seen));
	add_done(-EIO, NLM_F_ACK_TLVS, 3, "broken");
	flush();
	ok(inet_tuple_pool_list(h, see, &seen) == -EIO &&
	   !strcmp(inet_tuple_error_text(h), "broken"),
	   "a list that fails at its end");

	add_pool("a", NLM_F_MULTI, 4);
	add_pool("b", NLM_F_MULTI, 4);
	add_done(0, 0, 4, NULL);
	flush();
	seen.stop_after = 1;
	ok(inet_tuple_pool_list(h, see, &seen) == 7 &&
	   !strcmp(seen.names, "a"), "a list that is stopped");

	add_done(0, 0, 5, NULL);
	flush();
	ok(!inet_tuple_rule_list(h, see, &seen), "an empty list");

	memset(&seen, 0, sizeof(seen));
	add_pool("a", NLM_F_MULTI, 6);
	flush();
	add_done(-EMSGSIZE, 0, 6, NULL);
	flush();
	add_pool("b", NLM_F_MULTI, 7);
	add_done(0, 0, 7, NULL);
	flush();
	ok(!inet_tuple_pool_list(h, see, &seen) && !strcmp(seen.names, "b"),
	   "a list is taken anew when one has grown beyond the buffer");

	for (i = 0; i < 16; i++) {
		add_done(-EMSGSIZE, 0, 8 + i, NULL);
		flush();
	}
	ok(inet_tuple_pool_list(h, see, &seen) == -EMSGSIZE,
	   "but not for ever");
	end(h);
}

static void test_stream(void)
{
	struct inet_tuple_handle *h = handle();
	struct seen seen = { .h = h };

	add_pool("a", NLM_F_MULTI | NLM_F_DUMP_INTR, 1);
	flush();
	add_pool("b", NLM_F_MULTI, 1);
	flush();
	add_done(0, NLM_F_DUMP_INTR, 1, NULL);
	flush();
	ok(!inet_tuple_lease_list(h, NULL, NULL, see, &seen) &&
	   !strcmp(seen.names, "ab"), "leases are listed once");
	ok(seen.nested == -EBUSY, "and the handle is busy meanwhile");

	memset(&seen, 0, sizeof(seen));
	seen.stop_after = 1;
	add_pool("a", NLM_F_MULTI, 2);
	add_pool("b", NLM_F_MULTI, 2);
	flush();
	add_done(0, 0, 2, NULL);
	flush();
	ok(inet_tuple_lease_list(h, NULL, NULL, see, &seen) == 7 &&
	   !strcmp(seen.names, "a"), "a list of leases that is stopped");
	add_ack(0, NLM_F_CAPPED, 3, NULL, 0);
	flush();
	ok(!inet_tuple_pool_del(h, "x", false), "was read to its end");
	end(h);
}

static int see_event(int event, const struct inet_tuple_obj *obj, void *arg)
{
	int *sum = arg;

	*sum += event + 1000 * inet_tuple_obj_kind(obj);
	return 0;
}

static void test_events(void)
{
	struct inet_tuple_handle *h = handle();
	struct nlmsghdr *nlh;
	struct genlmsghdr *genl;
	int sum = 0;

	h->events_fd = dup(h->fd);
	add_pool("a", 0, 0);	/* no event */
	nlh = begin(FAMILY, 0, 0);
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = INET_TUPLE_CMD_RULE_DEL_NTF;
	mnl_attr_put_u32(nlh, INET_TUPLE_A_RULE_UID, 5);
	add(nlh);
	flush();
	ok(!inet_tuple_events_read(h, see_event, &sum) &&
	   sum == INET_TUPLE_CMD_RULE_DEL_NTF + 1000 * INET_TUPLE_RULE_OBJ,
	   "an event");

	nlh = begin(FAMILY, 0, 0);
	nlh->nlmsg_len = UINT32_MAX;
	packet_len = MNL_NLMSG_HDRLEN + GENL_HDRLEN;
	flush();
	sum = 0;
	ok(!inet_tuple_events_read(h, see_event, &sum) && !sum,
	   "a length that looks negative is no message");
	end(h);
}

static void test_resolve(void)
{
	struct inet_tuple_handle *h = handle();
	struct nlattr *groups, *group;
	struct nlmsghdr *nlh;

	nlh = begin(GENL_ID_CTRL, 0, 1);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct genlmsghdr));
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, 0x33);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, "events");
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, 44);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
	add(nlh);
	flush();
	add_ack(0, NLM_F_CAPPED, 1, NULL, 0);
	flush();
	ok(!itl_handle_init(h) && h->family == 0x33 && h->group == 44,
	   "the family and its group are found");

	h->family = 0;
	add_ack(-ENOENT, NLM_F_CAPPED, 2, NULL, 0);
	flush();
	ok(itl_handle_init(h) == -EAFNOSUPPORT, "or are not");
	end(h);
}

int main(void)
{
	test_refusals();
	test_get();
	test_memory();
	test_lists();
	test_stream();
	test_events();
	test_resolve();
	return tap_done();
}
