// SPDX-License-Identifier: LGPL-2.1-or-later
/* Requests: one goes out, replies and an acknowledgment come back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "internal.h"

#define ITL_BUF_MIN	32768	/* the kernel fills dumps up to that */
#define ITL_DUMP_TRIES	16

/* Wait for a datagram, whatever its size, and from nobody but the kernel.
 * Return: its length or -errno.
 */
ssize_t itl_recv(int fd, char **buf, size_t *size)
{
	struct sockaddr_nl from;
	socklen_t from_len;
	size_t room;
	ssize_t len;
	char *more;

	for (;;) {
		len = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
		if (len < 0)
			return -errno;
		if (!len)
			return -ENOTCONN;
		if (!*buf || (size_t)len > *size) {
			room = len > ITL_BUF_MIN ? MNL_ALIGN(len) :
						   ITL_BUF_MIN;
			more = realloc(*buf, room);
			if (!more)
				return -ENOMEM;
			*buf = more;
			*size = room;
		}

		memset(&from, 0, sizeof(from));
		from_len = sizeof(from);
		len = recvfrom(fd, *buf, *size, 0, (struct sockaddr *)&from,
			       &from_len);
		if (len < 0)
			return -errno;
		if (!from.nl_pid)
			return len;
	}
}

/* Which attribute of the request lies at an offset that the kernel blamed, be
 * it inside a nest, and how many of the same number come before it
 */
static void blame(struct inet_tuple_handle *h, const struct nlmsghdr *req,
		  uint32_t offset)
{
	const struct nlattr *nla;
	size_t start;
	int type;

	h->attr = 0;
	h->index = 0;
	mnl_attr_for_each(nla, req, GENL_HDRLEN) {
		start = (const char *)nla - (const char *)req;
		type = mnl_attr_get_type(nla);
		h->index = type == h->attr ? h->index + 1 : 0;
		h->attr = type;
		if (offset >= start && offset < start + mnl_attr_get_len(nla))
			return;
	}
	h->attr = 0;
	h->index = 0;
}

/* Keep what an extended acknowledgment says; @skip: bytes before the text */
static void keep_extack(struct inet_tuple_handle *h,
			const struct nlmsghdr *nlh, size_t skip,
			const struct nlmsghdr *req)
{
	const struct nlattr *nla;
	size_t len;

	if (mnl_nlmsg_get_payload_len(nlh) < skip)
		return;

	mnl_attr_for_each(nla, nlh, skip) {
		len = mnl_attr_get_payload_len(nla);
		switch (mnl_attr_get_type(nla)) {
		case NLMSGERR_ATTR_MSG:
			if (len >= sizeof(h->text))
				len = sizeof(h->text) - 1;
			memcpy(h->text, mnl_attr_get_payload(nla), len);
			h->text[len] = '\0';
			break;
		case NLMSGERR_ATTR_OFFS:
			if (len == sizeof(uint32_t))
				blame(h, req, mnl_attr_get_u32(nla));
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			if (len == sizeof(uint32_t))
				h->attr = mnl_attr_get_u32(nla);
			break;
		}
	}
}

/* NLMSG_ERROR, which is an acknowledgment where the number is 0 */
static int parse_ack(struct inet_tuple_handle *h, const struct nlmsghdr *nlh,
		     const struct nlmsghdr *req)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*e);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return -EBADMSG;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED)) {
		if (e->msg.nlmsg_len < sizeof(e->msg))
			return -EBADMSG;
		skip += MNL_ALIGN((size_t)e->msg.nlmsg_len) - sizeof(e->msg);
	}
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		keep_extack(h, nlh, skip, req);
	return e->error > 0 ? -EBADMSG : e->error;
}

/* NLMSG_DONE: the end of a dump, which may have failed on its way */
static int parse_done(struct inet_tuple_handle *h, const struct nlmsghdr *nlh,
		      const struct nlmsghdr *req)
{
	int err;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(err))
		return 0;
	memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		keep_extack(h, nlh, sizeof(err), req);
	return err > 0 ? 0 : err;
}

/**
 * struct exchange - a request on its way
 * @req: what was sent
 * @replies: what becomes of the replies
 * @stop: what the callback returned, once that is nonzero
 * @done: the last message is in, and
 * @err: it said this
 */
struct exchange {
	const struct nlmsghdr *req;
	struct itl_replies *replies;
	int stop;
	bool done;
	int err;
};

static void one_reply(struct inet_tuple_handle *h, struct exchange *x,
		      const struct nlmsghdr *nlh)
{
	struct itl_replies *r = x->replies;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		r->interrupted = true;

	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		x->err = parse_ack(h, nlh, x->req);
		x->done = true;
		break;
	case NLMSG_DONE:
		x->err = parse_done(h, nlh, x->req);
		x->done = true;
		break;
	case NLMSG_NOOP:
		break;
	default:
		if (nlh->nlmsg_type != x->req->nlmsg_type)
			break;
		if (mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN)
			x->stop = -EBADMSG;
		else if (r->cb && !x->stop)
			x->stop = r->cb(nlh, r->arg);
		break;
	}
}

/* Send a request and see to its replies up to the last, also when the callback
 * wants no more of them: a dump that is not read to its end blocks the next.
 * Return: what the kernel said, else what the callback returned.
 */
int itl_request(struct inet_tuple_handle *h, struct nlmsghdr *req,
		struct itl_replies *replies)
{
	struct exchange x = { .req = req, .replies = replies };
	const struct nlmsghdr *nlh;
	ssize_t got;
	int len;

	if (h->busy)
		return -EBUSY;

	h->text[0] = '\0';
	h->attr = 0;
	h->index = 0;
	req->nlmsg_seq = ++h->seq;
	if (send(h->fd, req, req->nlmsg_len, MSG_NOSIGNAL) < 0)
		return -errno;

	while (!x.done) {
		got = itl_recv(h->fd, &h->buf, &h->buf_size);
		if (got == -EINTR)
			continue;
		if (got < 0)
			return got;
		len = got;
		nlh = (const struct nlmsghdr *)h->buf;
		for (; !x.done && itl_msg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len))
			if (nlh->nlmsg_seq == req->nlmsg_seq)
				one_reply(h, &x, nlh);
	}
	return x.err ? x.err : x.stop;
}

static int request_obj(struct inet_tuple_handle *h, uint8_t cmd,
		       uint16_t flags, const struct inet_tuple_obj *obj,
		       struct itl_replies *replies)
{
	struct itl_msg m;
	int err;

	err = itl_msg_alloc(&m, obj ? itl_obj_wire_size(obj) : 0, h->family,
			    flags, cmd);
	if (err)
		return err;
	if (obj)
		err = itl_msg_put_obj(&m, obj);
	if (!err)
		err = itl_request(h, m.nlh, replies);
	itl_msg_free(&m);
	return err;
}

/* A request that changes something: 0 or -errno */
int itl_command(struct inet_tuple_handle *h, uint8_t cmd,
		const struct inet_tuple_obj *obj)
{
	struct itl_replies replies = { .cb = NULL };

	return request_obj(h, cmd, NLM_F_ACK, obj, &replies);
}

struct get {
	enum inet_tuple_kind kind;
	struct inet_tuple_obj *obj;
};

static int get_reply(const struct nlmsghdr *nlh, void *arg)
{
	struct get *get = arg;

	if (get->obj)
		return 0;
	return itl_obj_parse(nlh, get->kind, &get->obj);
}

/* Ask for the one object that @key, of the same kind, names */
int itl_get(struct inet_tuple_handle *h, uint8_t cmd,
	    const struct inet_tuple_obj *key, struct inet_tuple_obj **obj)
{
	struct get get = { .kind = key->kind };
	struct itl_replies replies = { .cb = get_reply, .arg = &get };
	int err;

	err = request_obj(h, cmd, NLM_F_ACK, key, &replies);
	if (!err && !get.obj)
		err = -ENOENT;
	if (err)
		inet_tuple_obj_free(get.obj);
	else
		*obj = get.obj;
	return err;
}

struct list {
	enum inet_tuple_kind kind;
	struct inet_tuple_obj **objs;
	size_t n;
	size_t size;
};

static int list_reply(const struct nlmsghdr *nlh, void *arg)
{
	struct list *list = arg;
	struct inet_tuple_obj **more;
	size_t size;
	int err;

	if (list->n == list->size) {
		size = list->size ? 2 * list->size : 16;
		more = reallocarray(list->objs, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		list->objs = more;
		list->size = size;
	}
	err = itl_obj_parse(nlh, list->kind, &list->objs[list->n]);
	if (!err)
		list->n++;
	return err;
}

static void list_free(struct list *list)
{
	while (list->n)
		inet_tuple_obj_free(list->objs[--list->n]);
	free(list->objs);
	memset(list, 0, sizeof(*list));
}

/* A dump of which the callback sees one consistent state: it is taken anew as
 * long as things change under it. -EAGAIN: they never stopped. One that grew
 * between two messages may be larger than the kernel's buffer, which is as large
 * as the largest was at the start: that is -EMSGSIZE.
 */
int itl_list(struct inet_tuple_handle *h, uint8_t cmd,
	     enum inet_tuple_kind kind, inet_tuple_cb cb, void *arg)
{
	struct itl_replies replies = { .cb = list_reply };
	struct list list = { .n = 0 };
	int tries = ITL_DUMP_TRIES;
	size_t i;
	int err;

	do {
		list_free(&list);
		list.kind = kind;
		replies.arg = &list;
		replies.interrupted = false;
		err = request_obj(h, cmd, NLM_F_DUMP, NULL, &replies);
	} while ((err == -EMSGSIZE || (!err && replies.interrupted)) &&
		 --tries);

	if (!err && replies.interrupted)
		err = -EAGAIN;
	for (i = 0; !err && i < list.n; i++)
		err = cb(list.objs[i], arg);
	list_free(&list);
	return err;
}

struct stream {
	struct inet_tuple_handle *h;
	enum inet_tuple_kind kind;
	inet_tuple_cb cb;
	void *arg;
};

static int stream_reply(const struct nlmsghdr *nlh, void *arg)
{
	struct stream *s = arg;
	struct inet_tuple_obj *obj;
	int err;

	err = itl_obj_parse(nlh, s->kind, &obj);
	if (err)
		return err;
	s->h->busy = true;
	err = s->cb(obj, s->arg);
	s->h->busy = false;
	inet_tuple_obj_free(obj);
	return err;
}

/* A dump that is passed on as it comes in, of any length and taken once */
int itl_stream(struct inet_tuple_handle *h, uint8_t cmd,
	       const struct inet_tuple_obj *filter, inet_tuple_cb cb,
	       void *arg)
{
	struct stream s = {
		.h = h,
		.kind = filter->kind,
		.cb = cb,
		.arg = arg,
	};
	struct itl_replies replies = { .cb = stream_reply, .arg = &s };

	return request_obj(h, cmd, NLM_F_DUMP, filter, &replies);
}
